package models

import (
	"context"
	"strings"
	"time"

	"example.org/mandat/models/policy"
)

// ServiceState says whether a service can be changed.
type ServiceState string

// A suspended service can be read and not changed; mail goes on as the operator decides.
const (
	ServiceActive    ServiceState = "active"
	ServiceSuspended ServiceState = "suspended"
)

// GB is 10⁹ bytes, the unit of sizes in forms and commands.
const GB = 1_000_000_000

// Service is the e-mail service of one domain.
type Service struct {
	ID              int64
	Domain          string // A-label
	OwnerID         int64
	OwnerIdentifier string
	OwnerName       string
	State           ServiceState
	MaxAccounts     int
	MaxBytes        int64
	MaxAccountBytes int64
	AccountCount    int
	AllottedBytes   int64
	ShareCount      int

	// What is no account, with its limits: see 00003_mail.sql.
	MaxRedirections, RedirectionCount int
	MaxResponders, ResponderCount     int
	MaxLists, ListCount               int
	MaxSubscribers                    int // of one list

	Version   int
	CreatedAt time.Time

	// Known to the operator's verbs only.
	postmaster  bool // has its postmaster account
	largestList int  // subscribers of the list that has most
}

// serviceColumns reads a Service from services s and its owner o.
const serviceColumns = `s.id, s.domain, s.owner_id, o.identifier AS owner_identifier, o.name AS owner_name, s.state, s.max_accounts, s.max_bytes,
 s.max_account_bytes, s.account_count, s.allotted_bytes, s.share_count,
 s.max_redirections, s.redirection_count, s.max_responders, s.responder_count, s.max_lists, s.list_count, s.max_subscribers, s.version, s.created_at`

// Held is a grant that the actor holds on what they reach.
type Held struct {
	ID        int64
	Extras    policy.Extra
	Giver     string // identifier
	Since     time.Time
	ExpiresAt *time.Time
	usedAt    *time.Time
}

// Access is what an actor reaches of a service, read in one statement.
type Access struct {
	Service      Service
	Account      *Account // when one was asked for; nil when there is none within reach
	Standing     policy.Standing
	ServiceGrant *Held // the actor's grant on the service
	AccountGrant *Held // the actor's grant on Account
	Postmaster   bool  // the service has its postmaster account
	CatchAll     int64 // its redirection of every address that nothing else has; 0: it has none
}

// May says whether the actor may do this at all; it is what buttons ask.
func (a *Access) May(op policy.Operation) bool { return policy.May(op, a.Standing) }

// Whole says that the actor sees every address of the service, not only their own.
func (a *Access) Whole() bool {
	return policy.Decide(policy.SeeService, a.Standing) == policy.Everything
}

// PaidAccounts is how many accounts count against the service's number of them:
// its postmaster does not.
func (a *Access) PaidAccounts() int {
	if a.Postmaster {
		return a.Service.AccountCount - 1
	}
	return a.Service.AccountCount
}

// require is the question of a verb: nil, or the refusal.
func (a *Access) require(op policy.Operation) error {
	if !a.May(op) {
		return a.Service.forbidden(op)
	}
	if a.Service.State == ServiceSuspended && op != policy.SeeService {
		return ErrSuspended
	}
	return nil
}

// accessRow is Access as one row.
type accessRow struct {
	Service    `gorm:"embedded"`
	Account    accountRow `gorm:"embedded;embeddedPrefix:a_"`
	SG         heldRow    `gorm:"embedded;embeddedPrefix:sg_"`
	AG         heldRow    `gorm:"embedded;embeddedPrefix:ag_"`
	AnyAccount bool
	Postmaster bool
	CatchAll   int64
	Last       lastEvent `gorm:"embedded"`
}

type heldRow struct {
	ID        *int64
	Extras    *policy.Extra
	Giver     *string
	Since     *time.Time
	ExpiresAt *time.Time
	UsedAt    *time.Time
}

func (h heldRow) held() *Held {
	if h.ID == nil {
		return nil
	}
	return &Held{ID: *h.ID, Extras: *h.Extras, Giver: *h.Giver, Since: *h.Since, ExpiresAt: h.ExpiresAt, usedAt: h.UsedAt}
}

// accessSQL reads a service, an account of it by @local (” for none), and what @me holds of both at @now.
var accessSQL = accessColumns + accessTables

var accessColumns = `SELECT ` + serviceColumns + `, ` + prefixed("a", accountFields) + `,
 sg.id AS sg_id, sg.extras AS sg_extras, sgc.identifier AS sg_giver, sg.since AS sg_since, sg.expires_at AS sg_expires_at, sg.used_at AS sg_used_at,
 ag.id AS ag_id, ag.extras AS ag_extras, agc.identifier AS ag_giver, ag.since AS ag_since, ag.expires_at AS ag_expires_at, ag.used_at AS ag_used_at,
 EXISTS (SELECT 1 FROM grants g WHERE g.grantee_id = @me AND g.domain = s.domain AND g.kind = 'account' AND ` + live("g") + `) AS any_account,
 EXISTS (SELECT 1 FROM accounts p WHERE p.service_id = s.id AND p.local_part = 'postmaster') AS postmaster,
 COALESCE((SELECT r.id FROM redirections r WHERE r.address = '@' || s.domain), 0) AS catch_all`

var accessTables = `
 FROM services s JOIN customers o ON o.id = s.owner_id
 LEFT JOIN grants sg ON sg.grantee_id = @me AND sg.domain = s.domain AND sg.kind = 'service' AND ` + live("sg") + `
 LEFT JOIN customers sgc ON sgc.id = sg.giver_id
 LEFT JOIN accounts a ON a.service_id = s.id AND a.local_part = @local
 LEFT JOIN grants ag ON ag.grantee_id = @me AND ag.account_id = a.id AND ` + live("ag") + `
 LEFT JOIN customers agc ON agc.id = ag.giver_id`

// prefixed lists columns of a table under names that begin with the table's.
func prefixed(table string, fields []string) string {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(table + "." + f + " AS " + table + "_" + f)
	}
	return b.String()
}

// access judges what a row says about the actor: ErrNotFound for a stranger,
// and for an account that is not there or not within reach.
func (r *accessRow) access(by Actor, local string) (*Access, error) {
	a := &Access{Service: r.Service, ServiceGrant: r.SG.held(), AccountGrant: r.AG.held(), Postmaster: r.Postmaster, CatchAll: r.CatchAll}
	a.Standing = by.standing(r.OwnerID)
	if a.ServiceGrant != nil {
		a.Standing.Service = &a.ServiceGrant.Extras
	}
	if local == "" {
		if r.AnyAccount {
			a.Standing.Account = new(policy.Extra)
		}
	} else {
		a.Account = r.Account.account()
		if a.AccountGrant != nil {
			a.Standing.Account = &a.AccountGrant.Extras
		}
	}
	if a.Standing.Stranger() || local != "" && a.Account == nil {
		return nil, ErrNotFound
	}
	return a, nil
}

// Service reads what by reaches of a service: ErrNotFound when nothing.
func (s *Store) Service(ctx context.Context, by Actor, domain string) (*Access, error) {
	return s.access(ctx, by, domain, "")
}

// Account reads what by reaches of one account: ErrNotFound when nothing, and when it is not there.
func (s *Store) Account(ctx context.Context, by Actor, domain, local string) (*Access, error) {
	if local == "" {
		return nil, ErrNotFound
	}
	return s.access(ctx, by, domain, local)
}

func (s *Store) access(ctx context.Context, by Actor, domain, local string) (*Access, error) {
	if !storable(domain) || !storable(local) {
		return nil, ErrNotFound
	}
	var r accessRow
	err := s.db.WithContext(ctx).Raw(accessSQL+" WHERE s.domain = @domain",
		map[string]any{"me": by.holder(), "now": s.now(), "domain": domain, "local": local}).Scan(&r).Error
	if err != nil {
		return nil, err
	}
	if r.Service.ID == 0 {
		return nil, ErrNotFound
	}
	return r.access(by, local)
}

// enter locks a service for the transaction, reads on committed rows what the
// actor reaches of it (and of one account, when local is not ""), and asks
// whether they may do op.
func (tx *Tx) enter(domain, local string, op policy.Operation) (*Access, error) {
	if !storable(domain) || !storable(local) {
		return nil, ErrNotFound
	}
	var id int64
	if err := tx.scan(&id, "SELECT s.id FROM services s WHERE s.domain = ?"+tx.forUpdate("s"), domain); err != nil {
		return nil, err
	}
	return tx.entered(id, local, op)
}

// enterAccount is enter for an account, which always has a name.
func (tx *Tx) enterAccount(domain, local string, op policy.Operation) (*Access, error) {
	if local == "" {
		return nil, ErrNotFound
	}
	return tx.enter(domain, local, op)
}

// entered is enter for a service whose row this transaction has locked.
func (tx *Tx) entered(id int64, local string, op policy.Operation) (*Access, error) {
	if id == 0 {
		return nil, ErrNotFound
	}
	var r accessRow
	err := tx.scan(&r, tx.enterSQL(), map[string]any{"me": tx.by.holder(), "now": tx.now, "id": id, "local": local})
	if err != nil {
		return nil, err
	}
	tx.locked(id, r.Last)
	a, err := r.access(tx.by, local)
	if err != nil {
		return nil, err
	}
	if err := a.require(op); err != nil {
		return nil, err
	}
	return a, tx.noteUse(a.ServiceGrant, a.AccountGrant)
}

// usedEvery is how fine the last use of a grant is kept: it serves reviews that count days.
const usedEvery = time.Hour

// noteUse keeps the last use of the grants by which the actor is here; nil is none.
func (tx *Tx) noteUse(held ...*Held) error {
	if tx.looks {
		return nil
	}
	var ids []int64
	for _, h := range held {
		if h != nil && (h.usedAt == nil || tx.now.Sub(*h.usedAt) > usedEvery) {
			ids = append(ids, h.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return tx.exec("UPDATE grants SET used_at = ? WHERE id IN ?", tx.now, ids)
}
