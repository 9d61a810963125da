package models

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"example.org/mandat/models/policy"
)

// Class says who may read an event besides the owner of the service and the people it names.
type Class string

// Mail events are about addresses and what belongs to them, Access events about
// who holds what, Service events about the service itself, Self events about
// a customer's own profile.
const (
	MailEvent    Class = "mail"
	AccessEvent  Class = "access"
	ServiceEvent Class = "service"
	SelfEvent    Class = "self"
)

// Change is one value before and after an event; nil stands for none. Values
// are text, whole numbers or times, and never a secret.
type Change struct {
	Before any `json:"before,omitempty"`
	After  any `json:"after,omitempty"`
}

// Detail is what an event changed, by the name of the field.
type Detail map[string]Change

// Event is one line of the history. It is written in the transaction of the
// change and never altered: see events_chain.go.
type Event struct {
	ID        int64
	ServiceID int64 // 0: of no service
	Number    int64 // within its chain, which is its service's or that of all of no service, from 1, without gaps
	At        time.Time
	Kind      string // "account.created", … : the message key is "event." + Kind
	Class     Class
	OwnerID   int64 // of the service at that time
	ActorID   int64 // the person acted as; 0: the operator, or time
	AgentID   int64 // the agent who acted for ActorID
	SubjectID int64 // whom it concerns besides
	AccountID int64
	GrantID   int64
	Object    string // address, domain or identifier
	Detail    Detail `gorm:"-"`
	byTime    bool   // nobody did it

	// Filled by reads.
	Actor, Agent, Subject string // identifiers
	DetailJSON            string
}

// tuples is the text of n rows of m positional parameters.
func tuples(n, m int) string {
	one := "(" + strings.TrimSuffix(strings.Repeat("?, ", m), ", ") + ")"
	return strings.TrimSuffix(strings.Repeat(one+", ", n), ", ")
}

// orNull is nil for 0: no row has that id.
func orNull(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// HistoryQuery is a page of a history, newest first.
type HistoryQuery struct {
	Before int64  // events older than this number (service) or id (person); 0 begins at the newest
	Size   int    // at most; 0 is PageSize
	Local  string // of a service: only this account
}

// PageSize is how many rows a page shows unless asked otherwise.
const PageSize = 25

const eventColumns = `e.id, COALESCE(e.service_id, 0) AS service_id, COALESCE(e.number, 0) AS number, e.at, e.kind, e.class,
 COALESCE(e.account_id, 0) AS account_id, COALESCE(e.grant_id, 0) AS grant_id, e.object, e.detail AS detail_json,
 COALESCE(e.actor_id, 0) AS actor_id, COALESCE(e.subject_id, 0) AS subject_id, COALESCE(e.owner_id, 0) AS owner_id,
 COALESCE(c.identifier, '') AS actor, COALESCE(ag.identifier, '') AS agent, COALESCE(su.identifier, '') AS subject`

const eventPeople = ` LEFT JOIN customers c ON c.id = e.actor_id LEFT JOIN agents ag ON ag.id = e.agent_id LEFT JOIN customers su ON su.id = e.subject_id`

// History lists what happened on a service, as far as by may know: everything
// for the owner, mail events for the holder of a service grant, mail events of
// their accounts for holders of account grants. more says that older ones exist.
func (s *Store) History(ctx context.Context, by Actor, a *Access, q HistoryQuery) (events []Event, more bool, err error) {
	if !storable(q.Local) {
		return nil, false, nil
	}
	args := map[string]any{"service": a.Service.ID, "before": q.Before, "n": q.size() + 1, "me": by.holder(), "now": s.now(), "local": q.Local}
	text := "SELECT " + eventColumns + " FROM events e" + eventPeople + " WHERE e.service_id = @service"
	if q.Before > 0 {
		text += " AND e.number < @before"
	}
	if q.Local != "" {
		text += " AND e.account_id = (SELECT x.id FROM accounts x WHERE x.service_id = @service AND x.local_part = @local)"
	}
	switch policy.Decide(policy.SeeHistory, a.Standing) {
	case policy.Everything:
	case policy.MailObjects: // by a grant that is in force still: rights may be older than this statement
		text += " AND e.class = 'mail' AND EXISTS (SELECT 1 FROM grants g WHERE g.service_id = @service AND g.kind = 'service' AND g.grantee_id = @me AND " + live("g") + ")"
	case policy.OwnAccounts:
		text += " AND e.class = 'mail' AND e.account_id IN (SELECT g.account_id FROM grants g WHERE g.service_id = @service AND g.kind = 'account' AND g.grantee_id = @me AND " + live("g") + ")"
	default:
		return nil, false, a.Service.forbidden(policy.SeeHistory)
	}
	return s.events(ctx, text+" ORDER BY e.number DESC LIMIT @n", args, q.size())
}

// PersonHistory lists what concerns a customer: what they did, what happened on
// their services, and what others did to them.
func (s *Store) PersonHistory(ctx context.Context, by Actor, q HistoryQuery) (events []Event, more bool, err error) {
	args := map[string]any{"me": by.Customer, "before": q.Before, "n": q.size() + 1}
	older := ""
	if q.Before > 0 {
		older = " AND x.id < @before"
	}
	branch := func(column string) string { // each walks one index backwards and stops
		return "SELECT id FROM (SELECT x.id FROM events x WHERE x." + column + " = @me" + older + " ORDER BY x.id DESC LIMIT @n) AS " + column
	}
	return s.events(ctx, "SELECT "+eventColumns+" FROM ("+branch("actor_id")+" UNION "+branch("owner_id")+" UNION "+branch("subject_id")+
		") AS mine JOIN events e ON e.id = mine.id"+eventPeople+" ORDER BY e.id DESC LIMIT @n", args, q.size())
}

func (q HistoryQuery) size() int {
	if q.Size <= 0 {
		return PageSize
	}
	return q.Size
}

func (s *Store) events(ctx context.Context, text string, args map[string]any, size int) ([]Event, bool, error) {
	var events []Event
	if err := s.db.WithContext(ctx).Raw(text, args).Scan(&events).Error; err != nil {
		return nil, false, err
	}
	more := len(events) > size
	events = events[:min(len(events), size)]
	for i := range events {
		if err := events[i].decode(); err != nil {
			return nil, false, err
		}
	}
	return events, more, nil
}

func (e *Event) decode() error {
	if err := json.Unmarshal([]byte(e.DetailJSON), &e.Detail); err != nil {
		return fmt.Errorf("event %d: %w", e.ID, err)
	}
	return nil
}

// live is the condition that a grant is in force at @now.
func live(grant string) string {
	return fmt.Sprintf("%[1]s.ended_at IS NULL AND (%[1]s.expires_at IS NULL OR %[1]s.expires_at > @now)", grant)
}
