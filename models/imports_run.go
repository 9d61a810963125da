package models

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/riverqueue/river"

	"example.org/mandat/mail/imap"
	"example.org/mandat/models/policy"
)

// runImport works at an import for a while: what is to be done its state says.
// Only the newest ticket counts; a job with another ends.
type runImport struct {
	Import int64 `json:"import"`
	Ticket int64 `json:"ticket"`
	due    time.Time
}

func (runImport) Kind() string { return "run_import" }

// InsertOpts are river.JobArgsWithInsertOpts. The attempts are for a database
// that is away: what is left to do gets another job.
func (r runImport) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: importQueue, MaxAttempts: importAttempts, ScheduledAt: r.due}
}

const (
	importQueue    = "imports" // of their own, so that nothing waits for servers elsewhere
	importWorkers  = 2
	importAttempts = 5
	importTimeout  = 20 * time.Minute
	importSlice    = 2 * time.Minute  // then others have their turn
	importLease    = 30 * time.Second // without a word, then another job takes over
	importLook     = 1500 * time.Millisecond
	importBlind    = 4500 * time.Millisecond // without an answer whether it may go on, then it stops
	importLost     = 15 * time.Minute        // it may wait that long for its turn
	importWords    = 5 * time.Second         // to note its end, when it is called off
	keptSkips      = 20                      // of a folder
	importRefusals = 3                       // to sign in, in a row, where it was possible before: some servers say so when they are busy
)

// Pauses after tries that came to nothing; after the last it has failed. To try
// a connection is worth a few only: somebody waits.
var (
	importPauses = []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}
	testPauses   = []time.Duration{2 * time.Second}
)

// importWorker has more time than other jobs, and ends at once when the process is to.
type importWorker struct {
	river.WorkerDefaults[runImport]
	store *Store
	until context.Context // of the process
}

func (importWorker) Timeout(*river.Job[runImport]) time.Duration { return importTimeout }

func (w importWorker) Work(ctx context.Context, j *river.Job[runImport]) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.until, cancel)()
	return w.store.RunImport(ctx, j.Args.Import, j.Args.Ticket)
}

// importRun is one job at work.
type importRun struct {
	*Store
	Import
	Ticket                 int64
	Password               []byte // sealed
	Domain, Local, Address string

	began, noted time.Time
	stored       int // messages, whether noted or not
}

// Ends of a run that are no failure.
var (
	errImportTaken = errors.New("models: the import has another job, or none")
	errImportSlice = errors.New("models: it is the turn of others")
	errImportBlind = errors.New("models: nobody says whether the import may go on")
)

// RunImport is the work of an import's job. It is decided again for whoever
// asked before anything is read, with each part that is copied, and every moment
// meanwhile: when the right goes, the connections are cut, also within a
// message. It may end anywhere; what it has not noted is found out again.
func (s *Store) RunImport(ctx context.Context, id, ticket int64) error {
	r, err := s.takeImport(ctx, id, ticket)
	if r == nil {
		return err
	}
	watched, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go r.watch(watched, cancel)
	if r.State == ImportTesting {
		err = r.test(watched)
	} else {
		err = r.copy(watched)
	}
	if cause := context.Cause(watched); cause != nil && err != nil {
		err = cause // what a cut connection says is of no interest
	}
	cancel(nil)
	ended := ctx.Err() != nil
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), importWords)
	defer done()
	return r.settle(ctx, err, ended)
}

// takeImport takes an import that waits for the job of this ticket, under a new
// ticket; nil for one that does not.
func (s *Store) takeImport(ctx context.Context, id, ticket int64) (*importRun, error) {
	now := s.now()
	r := &importRun{Store: s, began: now, noted: now}
	err := s.db.WithContext(ctx).Raw(`UPDATE imports SET ticket = ticket + 1, leased_until = ? WHERE id = ? AND ticket = ? AND state IN ('testing', 'running')
		AND (leased_until IS NULL OR leased_until <= ?) RETURNING ticket`, now.Add(importLease), id, ticket, now).Scan(&r.Ticket).Error
	if err != nil || r.Ticket == 0 {
		return nil, err
	}
	var row struct {
		Import                 `gorm:"embedded"`
		Password               []byte
		Local, Address, Domain string
	}
	err = s.db.WithContext(ctx).Raw(`SELECT m.*, a.local_part AS local, a.address, s.domain FROM imports m JOIN accounts a ON a.id = m.account_id JOIN services s ON s.id = m.service_id
		WHERE m.id = ? AND m.ticket = ?`, id, r.Ticket).Scan(&row).Error
	if err != nil || row.ID == 0 {
		return nil, err
	}
	r.Import, r.Password, r.Local, r.Address, r.Domain = row.Import, row.Password, row.Local, row.Address, row.Domain
	return r, nil
}

// watch keeps the import for this job, and asks whether it may still be done.
// Its cause says what went.
func (r *importRun) watch(ctx context.Context, cancel context.CancelCauseFunc) {
	blind := time.AfterFunc(importBlind, func() { cancel(errImportBlind) })
	defer blind.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(importLook):
		}
		asking, done := context.WithTimeout(ctx, importBlind-importLook)
		err := r.mayGoOn(asking)
		done()
		switch {
		case err == nil:
			blind.Reset(importBlind)
		case errors.Is(err, errImportTaken), isLapsed(err):
			cancel(err)
			return
		}
	}
}

func isLapsed(err error) bool {
	_, gone := lapsed(err)
	return gone
}

// mayGoOn keeps the lease, and asks about the right of who asked.
func (r *importRun) mayGoOn(ctx context.Context) error {
	kept := r.db.WithContext(ctx).Exec("UPDATE imports SET leased_until = ? WHERE id = ? AND ticket = ? AND settled_at IS NULL", r.now().Add(importLease), r.ID, r.Ticket)
	if kept.Error != nil {
		return kept.Error
	}
	if kept.RowsAffected == 0 {
		return errImportTaken
	}
	if err := r.enabled(ctx, r.CustomerID); err != nil {
		return err
	}
	a, err := r.Account(ctx, Actor{Customer: r.CustomerID}, r.Domain, r.Local)
	if err != nil {
		return err
	}
	return r.allowed(a)
}

// allowed says whether what was asked for may be done, to this very account.
func (r *importRun) allowed(a *Access) error {
	if a.Account.ID != r.AccountID {
		return ErrNotFound
	}
	return a.require(policy.ImportMail)
}

// open signs in on both sides. What is wrong with our own is nobody's reason.
func (r *importRun) open(ctx context.Context) (imap.Session, imap.Destination, error) {
	if err := r.mayGoOn(ctx); err != nil {
		return nil, nil, err
	}
	password, err := r.sealer.open(r.Password, importLabel(r.ID))
	if err != nil {
		return nil, nil, err
	}
	from, err := r.importer.Source(ctx, imap.Server{Host: r.Host, Port: r.Port, Security: r.Security}, r.Username, password)
	if err != nil {
		return nil, nil, err
	}
	to, err := r.importer.Destination(ctx, r.Address)
	if err != nil {
		from.Close()
		return nil, nil, fmt.Errorf("the own mail server: %v", err) //nolint:errorlint // its kinds mean something else here
	}
	return from, &counted{to, &r.stored}, nil
}

// counted notes that something was achieved, even when it is cut off before that
// could be noted: then another try is worth as much as the first.
type counted struct {
	imap.Destination
	stored *int
}

func (c *counted) Append(ctx context.Context, folder string, m imap.Message, size int64, body io.Reader) error {
	err := c.Destination.Append(ctx, folder, m, size, body)
	if err == nil {
		*c.stored++
	}
	return err
}

// looked bounds the folders whose messages are counted, and the time for that.
const (
	lookedFolders = 200
	lookedFor     = 20 * time.Second
)

// test tries both sides, and keeps which folders there are.
func (r *importRun) test(ctx context.Context) error {
	from, to, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer from.Close()
	defer to.Close()
	folders, err := from.Folders(ctx)
	if err != nil {
		return err
	}
	own, err := to.Folders(ctx)
	if err != nil {
		return err
	}
	delimiter := "/"
	for _, f := range own {
		if f.Delimiter != "" {
			delimiter = f.Delimiter
		}
	}
	folders = slices.DeleteFunc(folders, func(f imap.Folder) bool { return !storable(f.Name) })
	plans := imap.PlanFolders(folders, delimiter)
	messages, err := r.count(ctx, from, plans)
	if err != nil {
		return err
	}
	return r.keepFolders(ctx, plans, messages)
}

// count says how many messages the first folders have, as far as there is time.
func (r *importRun) count(ctx context.Context, from imap.Session, plans []imap.Plan) (map[string]int, error) {
	messages, over := map[string]int{}, time.After(lookedFor)
	for _, p := range plans[:min(len(plans), lookedFolders)] {
		select {
		case <-over:
			return messages, nil
		default:
		}
		box, err := from.Open(ctx, p.Name)
		if errors.Is(err, imap.ErrNoFolder) {
			continue
		}
		if err != nil {
			return nil, err
		}
		messages[p.Name] = min(box.Messages, 1<<30)
	}
	return messages, nil
}

// keepFolders lets somebody choose.
func (r *importRun) keepFolders(ctx context.Context, plans []imap.Plan, messages map[string]int) error {
	return r.inTx(ctx, Actor{Customer: r.CustomerID}, func(tx *Tx) error {
		taken := tx.Exec("UPDATE imports SET state = 'choosing', ticket = ticket + 1, leased_until = NULL, tries = 0, touched_at = ? WHERE id = ? AND ticket = ? AND settled_at IS NULL", tx.now, r.ID, r.Ticket)
		if taken.Error != nil {
			return taken.Error
		}
		if taken.RowsAffected == 0 {
			return errImportTaken
		}
		rows := &staging{tx: tx, table: "import_folders (import_id, place, name, target, usual, messages)", width: 6}
		for i, p := range plans {
			var n any
			if count, looked := messages[p.Name]; looked {
				n = count
			}
			if err := rows.add(r.ID, i+1, p.Name, p.Target, p.Usual, n); err != nil {
				return err
			}
		}
		return rows.flush()
	})
}

// copy copies folder after folder.
func (r *importRun) copy(ctx context.Context) error {
	folders, err := r.importFolders(ctx, r.ID, true)
	if err != nil {
		return err
	}
	from, to, err := r.open(ctx)
	if err != nil {
		return err
	}
	defer from.Close()
	defer to.Close()
	for i := range folders {
		f := &folders[i]
		if f.Done {
			continue
		}
		state := imap.State{Validity: f.Validity, Last: f.LastUID, Until: f.UntilUID, TargetValidity: f.TargetValidity, TargetFirst: f.TargetFirst, TargetNext: f.TargetNext}
		err := imap.Copy(ctx, from, to, f.Name, f.Target, state, &importLedger{importRun: r, folder: f})
		if errors.Is(err, imap.ErrNoFolder) { // it is gone, with what it had left
			err = r.note(ctx, func(tx *Tx) error { return tx.exec("UPDATE import_folders SET done = ? WHERE id = ?", true, f.ID) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}
