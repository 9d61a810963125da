package models

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"example.org/mandat/models/policy"
)

// Actor is who asks for a change. The zero Actor is the operator at the command line.
type Actor struct {
	Customer int64 // who acts, or for whom an agent acts
	Agent    int64 // the agent, who acts for Customer if there is one

	// The assistance in which an agent acts for Customer, and how far it goes as
	// the request found it. Reads go by it; every change reads it again: see admitAgent.
	Assistance int64
	Mode       policy.Mode

	// The form through which they ask: the session it belongs to, and its
	// nonce, which acts once. Empty for commands, jobs and the demo world.
	Session int64
	Nonce   []byte
}

// assists says whether this is an agent who acts for a customer.
func (a Actor) assists() bool { return a.Agent != 0 && a.Customer != 0 }

// holder is the customer whose grants count: an agent acts on what the customer
// owns, and what others shared with them stays out of sight.
func (a Actor) holder() int64 {
	if a.Agent != 0 {
		return 0
	}
	return a.Customer
}

// standing is what the actor is to what a customer owns, before any grant.
func (a Actor) standing(owner int64) policy.Standing {
	switch {
	case owner != a.Customer:
		return policy.Standing{}
	case a.Agent != 0:
		return policy.Standing{Agent: a.Mode}
	}
	return policy.Standing{Owner: true}
}

// Tx is one transaction of a verb, shared by GORM and the job queue.
type Tx struct {
	*gorm.DB
	ctx   context.Context
	store *Store
	by    Actor
	now   time.Time
	conn  *sql.Conn // the pinned connection; nil on SQLite

	looks  bool                // it changes nothing of the service: no use of a grant
	ends   map[int64]*chainEnd // of the history of each service locked
	system []Event             // of no service, still to be written: see recordSystem
	ids    []idBlock           // for events, drawn and not used yet

	tellings map[receiver]*telling // see tell
	reminded []int64               // grants whose holders were told of their end
}

// attempts bounds how often a transaction that PostgreSQL gave up is run.
const attempts = 3

// change runs fn in one transaction on behalf of by. A form acts once: when
// this one has, the answer is ErrRepeated and fn does not run. Two clicks at
// the same moment wait for each other here.
func (s *Store) change(ctx context.Context, by Actor, fn func(tx *Tx) error) error {
	return s.retried(ctx, by, func(tx *Tx) error {
		if err := tx.claimSubmission(); err != nil {
			return err
		}
		if err := tx.admitAgent(); err != nil {
			return err
		}
		err := fn(tx)
		if tried, watched := ctx.Value(triedKey{}).(*atomic.Bool); watched && err == nil {
			tried.Store(true)
		}
		return err
	})
}

// retried runs fn in one transaction, and again when PostgreSQL gave it up for
// another: ErrBusy when it always does.
func (s *Store) retried(ctx context.Context, by Actor, fn func(tx *Tx) error) error {
	var err error
	for range attempts {
		if err = s.inTx(ctx, by, fn); !retryable(err) {
			break
		}
	}
	if retryable(err) || crowded(err) {
		return errors.Join(ErrBusy, err)
	}
	return err
}

type triedKey struct{}

// Watch makes a context that knows of the changes asked for with it whether one
// got as far as its commit: see Tried.
func Watch(ctx context.Context) context.Context {
	return context.WithValue(ctx, triedKey{}, new(atomic.Bool))
}

// Tried says whether a change asked for with this context got as far as its
// commit. An error after that does not tell that nothing was changed.
func Tried(ctx context.Context) bool {
	tried, watched := ctx.Value(triedKey{}).(*atomic.Bool)
	return watched && tried.Load()
}

// inTx pins the connection first on PostgreSQL, so that Enqueue can hand the
// same open transaction to River's native driver.
func (s *Store) inTx(ctx context.Context, by Actor, fn func(tx *Tx) error) error {
	db := s.db.Session(&gorm.Session{NewDB: true, Context: ctx})
	var conn *sql.Conn
	if s.pool != nil {
		var err error
		if conn, err = s.sql.Conn(ctx); err != nil {
			return err
		}
		defer conn.Close()
		db.Statement.ConnPool = conn
	}
	return db.Transaction(func(g *gorm.DB) error {
		tx := &Tx{DB: g, ctx: ctx, store: s, by: by, now: s.now(), conn: conn, ends: map[int64]*chainEnd{}, tellings: map[receiver]*telling{}}
		tx.by.Mode = policy.NoAgent // until admitAgent has read it
		if err := fn(tx); err != nil {
			return err
		}
		if err := tx.writeNotices(); err != nil {
			return err
		}
		return tx.recordSystem()
	})
}

// claimSubmission notes that the actor's form acts now. Its foreign key holds
// the session: signing out waits for us, or we find the session gone.
func (tx *Tx) claimSubmission() error {
	if tx.by.Nonce == nil {
		return nil
	}
	err := tx.exec("INSERT INTO submissions (session_id, nonce) VALUES (?, ?)", tx.by.Session, tx.by.Nonce)
	switch violated(err) {
	case "submission_acts_once":
		return ErrRepeated
	case "submission_session_alive":
		return ErrSignedOut
	}
	return err
}

// exec runs a statement; arguments are positional (?) or one map of names (@name).
func (tx *Tx) exec(q string, args ...any) error { return tx.Exec(q, args...).Error }

// scan reads rows into dst, a pointer to a struct, a value or a slice.
func (tx *Tx) scan(dst any, q string, args ...any) error { return tx.Raw(q, args...).Scan(dst).Error }

// forUpdate is the clause that locks the rows of a table in a SELECT. SQLite
// needs none: its transactions are begun as the single writer.
func (tx *Tx) forUpdate(of string) string {
	if tx.conn == nil {
		return ""
	}
	return " FOR UPDATE OF " + of
}

// forTurn is forUpdate for who only waits for their turn at a row: what refers
// to it goes on.
func (tx *Tx) forTurn(of string) string {
	if tx.conn == nil {
		return ""
	}
	return " FOR NO KEY UPDATE OF " + of
}

// forShare is forUpdate against changes alone: others may hold it too.
func (tx *Tx) forShare(of string) string {
	if tx.conn == nil {
		return ""
	}
	return " FOR SHARE OF " + of
}

// long lifts the statement's time limit for the rest of the transaction.
func (tx *Tx) long() error {
	if tx.conn == nil {
		return nil
	}
	return tx.exec("SET LOCAL statement_timeout = 0")
}

// lent is the pinned connection's transaction for code that wants a pgx.Tx.
// GORM keeps its end to itself.
type lent struct{ *conn }

type conn = pgx.Conn

var errLent = errors.New("models: the transaction belongs to its verb")

func (lent) Begin(context.Context) (pgx.Tx, error) { return nil, errLent }
func (lent) Commit(context.Context) error          { return errLent }
func (lent) Rollback(context.Context) error        { return errLent }
func (lent) LargeObjects() pgx.LargeObjects        { return pgx.LargeObjects{} }
func (l lent) Conn() *pgx.Conn                     { return l.conn }

func (tx *Tx) withPgx(fn func(pgx.Tx) error) error {
	return tx.conn.Raw(func(driver any) error { return fn(lent{driver.(*stdlib.Conn).Conn()}) })
}

// forbidden is the refusal of op with the name of who can give it.
func (sv *Service) forbidden(op policy.Operation) Forbidden {
	return Forbidden{Operation: op, Owner: sv.OwnerIdentifier}
}
