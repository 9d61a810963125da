package models

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"example.org/mandat/models/policy"
)

// The errors of verbs and reads. handlers/errors.go is the one place that makes statuses of them.
var (
	// ErrNotFound: it does not exist, or the actor reaches nothing of it. The two must stay indistinguishable.
	ErrNotFound = errors.New("not found")
	// ErrSignedOut: no session, or one that has ended meanwhile.
	ErrSignedOut = errors.New("signed out")
	// ErrRepeated: this very form has acted before; nothing was done again.
	ErrRepeated = errors.New("this form has already acted")
	// ErrConflict: the object was changed by somebody else since the form was shown.
	ErrConflict = errors.New("changed meanwhile")
	// ErrSuspended: the operator has suspended the service; it can be read, not changed.
	ErrSuspended = errors.New("the service is suspended")
	// ErrBusy: a bounded queue was full or a lock not to be had in time; trying again later helps.
	ErrBusy = errors.New("busy")
	// ErrExpiredLink: the one-time link was used, has lapsed or was never made.
	ErrExpiredLink = errors.New("link no longer valid")
)

// Forbidden is the refusal of an operation on something within the actor's reach.
type Forbidden struct {
	Operation policy.Operation
	Owner     string // identifier of the customer who can give the right
}

func (f Forbidden) Error() string { return fmt.Sprintf("%s is not allowed", f.Operation) }

// Throttled is the refusal of an attempt that came too soon after failed ones.
type Throttled struct{ Wait time.Duration }

func (t Throttled) Error() string { return fmt.Sprintf("too many failures: wait %v", t.Wait) }

// Message is a text for the reader by its key in the catalogue. Args are name, value pairs.
type Message struct {
	Key  string
	Args []any
}

// Invalid is the refusal of what was typed: each field with what is wrong with it.
type Invalid map[string][]Message

func (i Invalid) Error() string {
	var fields []string
	for f, messages := range i {
		for _, m := range messages {
			fields = append(fields, f+": "+m.Key)
		}
	}
	slices.Sort(fields)
	return "refused: " + strings.Join(fields, ", ")
}

// Add notes one more thing that is wrong with a field.
func (i Invalid) Add(field, key string, args ...any) {
	i[field] = append(i[field], Message{Key: key, Args: args})
}

// orNil makes an Invalid without entries a nil error.
func (i Invalid) orNil() error {
	if len(i) == 0 {
		return nil
	}
	return i
}

func invalid(field, key string, args ...any) Invalid {
	return Invalid{field: {{Key: key, Args: args}}}
}

// SQLite names the columns of a violated unique constraint, not the constraint.
var sqliteConstraints = map[string]string{
	"customers.identifier":                 "customer_identifier_unique",
	"agents.identifier":                    "agent_identifier_unique",
	"services.domain":                      "service_domain_unique",
	"services.owner_id, services.domain":   "service_domain_unique", // the index that finds it first
	"addresses.address":                    "address_has_one_meaning",
	"submissions.session_id":               "submission_acts_once", // the first column of two
	"identities.issuer":                    "identity_subject_once",
	"identities.customer_id":               "identity_customer_once",
	"identities.agent_id":                  "identity_agent_once",
	"grants.service_id, grants.grantee_id": "grant_service_once",
	"grants.account_id, grants.grantee_id": "grant_account_once",
	"assistances.agent_id":                 "assistance_one_at_a_time",
	"passkeys.credential_id":               "passkey_credential_unique",
}

// violated is the name of the constraint that refused a statement, "" for any other error.
func violated(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.ConstraintName
	}
	var lite *modernc.Error
	if !errors.As(err, &lite) {
		return ""
	}
	_, what, found := strings.Cut(lite.Error(), " constraint failed: ")
	if !found {
		if errors.Is(err, gorm.ErrForeignKeyViolated) {
			return "submission_session_alive" // SQLite tells none apart; verbs check the others beforehand
		}
		return ""
	}
	what, _, _ = strings.Cut(what, " (")
	if name, ok := sqliteConstraints[what]; ok {
		return name
	}
	first, _, _ := strings.Cut(what, ",")
	if name, ok := sqliteConstraints[first]; ok {
		return name
	}
	return what // a CHECK constraint, by its name
}

// retryable says that PostgreSQL gave up a transaction that may well succeed when run again.
func retryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01") // serialization_failure, deadlock_detected
}

// crowded says that somebody else kept a lock for longer than we wait.
func crowded(err error) bool {
	var pg *pgconn.PgError
	var lite *modernc.Error
	return errors.As(err, &pg) && pg.Code == "55P03" || // lock_not_available
		errors.As(err, &lite) && (lite.Code()&0xff == sqlite3.SQLITE_BUSY || lite.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

// Unavailable says that the database could not be reached or did not answer in time.
func Unavailable(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	if errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) || crowded(err) {
		return true
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		// connection exceptions, operator intervention, too many connections
		return strings.HasPrefix(pg.Code, "08") || strings.HasPrefix(pg.Code, "57P") || pg.Code == "57014" || pg.Code == "53300"
	}
	return err != nil && (strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "unexpected EOF") || strings.Contains(err.Error(), "closed pool"))
}
