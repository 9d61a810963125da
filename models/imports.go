package models

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/mandat/mail/imap"
	"example.org/mandat/models/policy"
)

// ImportState is how far an import has come.
type ImportState string

// A job tries the connection and reads which folders there are; somebody
// chooses; jobs copy. Paused is one that waits for room in the mailbox. The
// others are ends: it has stopped when who asked may not have it any more.
const (
	ImportTesting   ImportState = "testing"
	ImportChoosing  ImportState = "choosing"
	ImportRunning   ImportState = "running"
	ImportPaused    ImportState = "paused"
	ImportDone      ImportState = "done"
	ImportFailed    ImportState = "failed"
	ImportCancelled ImportState = "cancelled"
	ImportStopped   ImportState = "stopped"
)

// Importer reaches the mail servers of imports: that of an account elsewhere,
// and our own, which lets it into any mailbox.
type Importer interface {
	// Check says whether a server may be connected to, and gives it as it is dialled.
	Check(imap.Server) (imap.Server, error)
	Source(ctx context.Context, s imap.Server, username, password string) (imap.Session, error)
	Destination(ctx context.Context, address string) (imap.Destination, error)
}

// Import is the copy of the mail of an account elsewhere into an account. Whoever
// may import mail there sees it; the password is for the worker alone.
type Import struct {
	ID, ServiceID, AccountID, CustomerID int64
	AskedBy                              string // identifier
	Host                                 string
	Port                                 int
	Security                             imap.Security
	Username                             string
	State                                ImportState
	Reason                               string // see importReasons; "" for none
	Tries                                int
	DueAt                                time.Time
	WorkedMS                             int64
	CreatedAt                            time.Time
	StartedAt, SettledAt                 *time.Time

	// Of the folders that were chosen.
	Total, Copied, Present, Skipped int

	Folders []ImportFolder `gorm:"-"` // of one that is read by itself, in their order
}

// ImportFolder is a folder of the account elsewhere.
type ImportFolder struct {
	ID                              int64
	Name, Target                    string
	Usual, Chosen, Done             bool
	Messages                        *int // when it was looked at
	Total, Copied, Present, Skipped int
	Skips                           []ImportSkip `gorm:"-"`
	SkipsJSON                       string

	Validity, LastUID, UntilUID             uint32
	TargetValidity, TargetFirst, TargetNext uint32
}

// ImportSkip is a message that was not copied.
type ImportSkip struct {
	At     time.Time       `json:"at"`
	Size   int64           `json:"size"`
	Reason imap.SkipReason `json:"reason"`
}

// Handled is how many messages are settled.
func (m *Import) Handled() int { return m.Copied + m.Present + m.Skipped }

// Percent is how much of it is done.
func (m *Import) Percent() int {
	if m.Total == 0 {
		return 0
	}
	return min(100, m.Handled()*100/m.Total)
}

// Left is how long it will still take, at the pace so far; 0 while that is not known.
func (m *Import) Left() time.Duration {
	if m.State != ImportRunning || m.Handled() == 0 || m.WorkedMS == 0 {
		return 0
	}
	per := float64(m.WorkedMS) / float64(m.Handled())
	return time.Duration(per*float64(max(0, m.Total-m.Handled()))) * time.Millisecond
}

// Works says whether jobs are at it, so that looking again tells more.
func (m *Import) Works() bool { return m.State == ImportTesting || m.State == ImportRunning }

// Open says whether it has not come to an end.
func (m *Import) Open() bool { return m.SettledAt == nil }

// Server is where the account is, as people write it.
func (m *Import) Server() string { return net.JoinHostPort(m.Host, strconv.Itoa(m.Port)) }

// Bounds of imports.
const (
	ImportsOfService   = 20 // in an hour: each is an attempt to sign in somewhere
	ImportsOfCustomer  = 40 // in an hour
	maxOpenImports     = 10 // of one service
	importWindow       = time.Hour
	importUnattended   = 24 * time.Hour     // while folders are to be chosen
	importLife         = 7 * 24 * time.Hour // then it has failed
	importsKept        = 90 * 24 * time.Hour
	recentImports      = 10
	maxImportUsername  = 320
	maxImportPassword  = 1024
	maxImportHost      = 255
	shownImportFolders = imap.MaxFolders
)

// ImportForm is what is typed to import mail.
type ImportForm struct {
	Host, Username, Password string
	Port                     int
	Security                 imap.Security
}

// ImportsMail says whether mail can be imported at all: there is a mail server
// to import into, and a secret to keep passwords with.
func (s *Store) ImportsMail() bool { return s.importer != nil && s.sealer != nil }

// CreateImport takes an account elsewhere over, to be tried by a job: nothing is
// connected to before. Whoever may import mail may, with an import of the account
// neither open nor asked for too often. Invalid for what is typed wrongly, and
// for a server that may not be connected to.
func (s *Store) CreateImport(ctx context.Context, by Actor, domain, local string, f ImportForm) (id int64, err error) {
	server, err := s.checkImport(&f)
	if err != nil {
		return 0, err
	}
	err = s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enterAccount(domain, local, policy.ImportMail)
		if err != nil {
			return err
		}
		if err := tx.mayImport(a); err != nil {
			return err
		}
		id = 0
		err = tx.scan(&id, `INSERT INTO imports (service_id, account_id, customer_id, host, port, security, username, state, due_at, created_at, touched_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, 'testing', ?, ?, ?) RETURNING id`,
			a.Service.ID, a.Account.ID, tx.by.Customer, server.Host, server.Port, server.Security, f.Username, tx.now, tx.now, tx.now)
		if err != nil {
			return err
		}
		if err := tx.exec("UPDATE imports SET password = ? WHERE id = ?", s.sealer.seal(f.Password, importLabel(id)), id); err != nil {
			return err
		}
		if err := tx.enqueue(runImport{Import: id}); err != nil {
			return err
		}
		m := Import{Host: server.Host, Port: server.Port, Username: f.Username}
		return tx.record(a.importEvent("import.created", &m))
	})
	return id, err
}

// checkImport judges what was typed, all of it at once.
func (s *Store) checkImport(f *ImportForm) (imap.Server, error) {
	if !s.ImportsMail() {
		return imap.Server{}, invalid("", "import.none")
	}
	bad := Invalid{}
	f.Username = strings.TrimSpace(f.Username)
	switch {
	case f.Username == "":
		bad.Add("username", "import.username.missing")
	case utf8.RuneCountInString(f.Username) > maxImportUsername:
		bad.Add("username", "import.username.long", "Most", maxImportUsername)
	case !storable(f.Username) || imap.Legible(f.Username, maxImportUsername) != f.Username:
		bad.Add("username", "import.username.odd")
	}
	switch {
	case f.Password == "":
		bad.Add("password", "import.password.missing")
	case len(f.Password) > maxImportPassword:
		bad.Add("password", "import.password.long", "Most", maxImportPassword)
	case strings.ContainsAny(f.Password, "\x00\r\n"):
		bad.Add("password", "import.password.odd")
	}
	server := imap.Server{Host: strings.TrimSpace(f.Host), Port: f.Port, Security: f.Security}
	if server.Host == "" {
		bad.Add("host", "import.host.missing")
		return server, bad
	}
	if len(server.Host) > maxImportHost {
		bad.Add("host", "import.reason.unknown")
		return server, bad
	}
	server, err := s.importer.Check(server)
	if err != nil {
		bad.Add("host", "import.reason."+importReason(err))
	}
	return server, bad.orNil()
}

// mayImport refuses an import beside another, and one too many.
func (tx *Tx) mayImport(a *Access) error {
	var n struct{ Account, Service, Recent, Own int }
	err := tx.scan(&n, `SELECT
		(SELECT count(*) FROM imports m WHERE m.account_id = @account AND m.settled_at IS NULL) AS account,
		(SELECT count(*) FROM imports m WHERE m.service_id = @service AND m.settled_at IS NULL) AS service,
		(SELECT count(*) FROM imports m WHERE m.service_id = @service AND m.created_at > @since) AS recent,
		(SELECT count(*) FROM imports m WHERE m.customer_id = @me AND m.created_at > @since) AS own`,
		map[string]any{"account": a.Account.ID, "service": a.Service.ID, "me": tx.by.Customer, "since": tx.now.Add(-importWindow)})
	switch {
	case err != nil:
		return err
	case n.Account > 0:
		return invalid("", "import.open")
	case n.Service >= maxOpenImports:
		return invalid("", "import.many", "Most", maxOpenImports)
	case n.Recent >= ImportsOfService || n.Own >= ImportsOfCustomer:
		return invalid("", "import.often", "Most", ImportsOfService)
	}
	return nil
}

// importEvent is an event about an import into the account of a. It never has the password.
func (a *Access) importEvent(kind string, m *Import) Event {
	d := Detail{"server": {After: m.Server()}, "username": {After: m.Username}}
	if m.Handled() > 0 {
		d["messages"] = Change{After: m.Copied}
	}
	return a.mailEvent(kind, d)
}

const importColumns = `m.id, m.service_id, m.account_id, m.customer_id, c.identifier AS asked_by, m.host, m.port, m.security, m.username, m.state, m.reason,
 m.tries, m.due_at, m.worked_ms, m.created_at, m.started_at, m.settled_at, COALESCE(f.total, 0) AS total, COALESCE(f.copied, 0) AS copied,
 COALESCE(f.present, 0) AS present, COALESCE(f.skipped, 0) AS skipped`

const importTables = ` FROM imports m JOIN customers c ON c.id = m.customer_id LEFT JOIN (SELECT import_id, sum(total) AS total, sum(copied) AS copied,
 sum(present) AS present, sum(skipped) AS skipped FROM import_folders WHERE chosen AND import_id IN (SELECT x.id FROM imports x WHERE x.account_id = @account) GROUP BY import_id) f ON f.import_id = m.id`

// Imports lists the last imports into an account, newest first.
func (s *Store) Imports(ctx context.Context, by Actor, domain, local string) (*Access, []Import, error) {
	a, err := s.importAccess(ctx, by, domain, local)
	if err != nil {
		return nil, nil, err
	}
	var list []Import
	err = s.db.WithContext(ctx).Raw("SELECT "+importColumns+importTables+" WHERE m.account_id = @account ORDER BY m.id DESC LIMIT @n",
		map[string]any{"account": a.Account.ID, "n": recentImports}).Scan(&list).Error
	return a, list, err
}

// Import reads one import into an account, with its folders. What the account
// elsewhere has besides those that were chosen is for who asked alone.
func (s *Store) Import(ctx context.Context, by Actor, domain, local string, id int64) (*Access, *Import, error) {
	a, err := s.importAccess(ctx, by, domain, local)
	if err != nil {
		return nil, nil, err
	}
	m, err := s.importOf(ctx, a.Account.ID, id)
	if err != nil {
		return nil, nil, err
	}
	m.Folders, err = s.importFolders(ctx, id, m.CustomerID != by.Customer || m.State != ImportChoosing)
	return a, m, err
}

func (s *Store) importAccess(ctx context.Context, by Actor, domain, local string) (*Access, error) {
	a, err := s.Account(ctx, by, domain, local)
	if err == nil && !a.May(policy.ImportMail) {
		err = a.Service.forbidden(policy.ImportMail)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// importOf reads an import of an account without its folders.
func (s *Store) importOf(ctx context.Context, account, id int64) (*Import, error) {
	var m Import
	err := s.db.WithContext(ctx).Raw("SELECT "+importColumns+importTables+" WHERE m.account_id = @account AND m.id = @id",
		map[string]any{"account": account, "id": id}).Scan(&m).Error
	if err == nil && m.ID == 0 {
		err = ErrNotFound
	}
	return &m, err
}

const importFolderColumns = `f.id, f.name, f.target, f.usual, f.chosen, f.done, f.messages, f.total, f.copied, f.present, f.skipped, f.skips AS skips_json,
 f.validity, f.last_uid, f.until_uid, f.target_validity, f.target_first, f.target_next`

func (s *Store) importFolders(ctx context.Context, id int64, chosen bool) ([]ImportFolder, error) {
	only := ""
	if chosen {
		only = " AND f.chosen"
	}
	var list []ImportFolder
	err := s.db.WithContext(ctx).Raw("SELECT "+importFolderColumns+" FROM import_folders f WHERE f.import_id = ?"+only+" ORDER BY f.place LIMIT ?", id, shownImportFolders).Scan(&list).Error
	for i := range list {
		err = errors.Join(err, json.Unmarshal([]byte(list[i].SkipsJSON), &list[i].Skips))
	}
	return list, err
}

// StartImport has the folders copied that were chosen, by who asked for the
// import: for anybody else it is not there to be chosen from. Invalid for no
// folder, ErrConflict for one that is not to be chosen from any more.
func (s *Store) StartImport(ctx context.Context, by Actor, domain, local string, id int64, folders []int64) error {
	return s.changeImport(ctx, by, domain, local, id, func(tx *Tx, a *Access, m *Import) error {
		if m.CustomerID != tx.by.Customer {
			return ErrNotFound
		}
		if m.State != ImportChoosing {
			return ErrConflict
		}
		if len(folders) == 0 {
			return invalid("folders", "import.folders.none")
		}
		chosen := tx.Exec("UPDATE import_folders SET chosen = ?, total = COALESCE(messages, 0) WHERE import_id = ? AND id IN ?", true, id, folders[:min(len(folders), imap.MaxFolders)])
		if chosen.Error != nil {
			return chosen.Error
		}
		if chosen.RowsAffected != int64(len(folders)) {
			return ErrConflict // of another import, or twice
		}
		if err := tx.hireImport(id, "running", ", started_at = ?", tx.now); err != nil {
			return err
		}
		return tx.record(a.importEvent("import.started", m))
	})
}

// ResumeImport goes on with an import that waits for room in the mailbox.
// ErrConflict for one that does not.
func (s *Store) ResumeImport(ctx context.Context, by Actor, domain, local string, id int64) error {
	return s.changeImport(ctx, by, domain, local, id, func(tx *Tx, a *Access, m *Import) error {
		if m.CustomerID != tx.by.Customer {
			return ErrNotFound
		}
		if m.State != ImportPaused {
			return ErrConflict
		}
		if err := tx.hireImport(id, "running", ""); err != nil {
			return err
		}
		return tx.record(a.importEvent("import.resumed", m))
	})
}

// CancelImport ends an import at once, whoever asked for it; what was copied
// stays. ErrConflict for one that has come to an end.
func (s *Store) CancelImport(ctx context.Context, by Actor, domain, local string, id int64) error {
	return s.changeImport(ctx, by, domain, local, id, func(tx *Tx, a *Access, m *Import) error {
		if !m.Open() {
			return ErrConflict
		}
		return tx.settleImport(a, m, ImportCancelled, "")
	})
}

// changeImport runs fn on an import into an account whose service is locked.
func (s *Store) changeImport(ctx context.Context, by Actor, domain, local string, id int64, fn func(*Tx, *Access, *Import) error) error {
	return s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enterAccount(domain, local, policy.ImportMail)
		if err != nil {
			return err
		}
		m, err := tx.importOf(a, id)
		if err != nil {
			return err
		}
		return fn(tx, a, m)
	})
}

func (tx *Tx) importOf(a *Access, id int64) (*Import, error) {
	var m Import
	err := tx.scan(&m, "SELECT "+importColumns+importTables+" WHERE m.account_id = @account AND m.id = @id", map[string]any{"account": a.Account.ID, "id": id})
	if err == nil && m.ID == 0 {
		err = ErrNotFound
	}
	return &m, err
}

// hireImport gives an import a job, and takes it away from any other.
func (tx *Tx) hireImport(id int64, state ImportState, more string, args ...any) error {
	var ticket int64
	args = append(append([]any{state, tx.now, tx.now}, args...), id)
	err := tx.scan(&ticket, "UPDATE imports SET state = ?, reason = '', ticket = ticket + 1, leased_until = NULL, tries = 0, due_at = ?, touched_at = ?"+more+" WHERE id = ? RETURNING ticket", args...)
	if err != nil {
		return err
	}
	return tx.enqueue(runImport{Import: id, Ticket: ticket})
}

// closeImports are the columns of an import that has come to an end: its job
// finds that it is not needed any more, and the password is gone.
const closeImports = "state = ?, reason = ?, password = NULL, leased_until = NULL, ticket = ticket + 1, settled_at = ?"

// settleImport ends an import, with its event.
func (tx *Tx) settleImport(a *Access, m *Import, state ImportState, reason string) error {
	if err := tx.exec("UPDATE imports SET "+closeImports+" WHERE id = ? AND settled_at IS NULL", state, reason, tx.now, m.ID); err != nil {
		return err
	}
	kinds := map[ImportState]string{ImportDone: "import.finished", ImportFailed: "import.failed", ImportCancelled: "import.cancelled", ImportStopped: "import.stopped"}
	e := a.importEvent(kinds[state], m)
	e.byTime = state == ImportFailed || state == ImportStopped
	return tx.record(e)
}
