package models

import (
	"context"
	"errors"
	"time"

	"example.org/mandat/models/policy"
)

// Bounds of an assistance, each from the moment named (R35).
const (
	AssistanceFor = 30 * time.Minute // from its beginning, and as long again when it is renewed
	ChangeFor     = 15 * time.Minute // from the step up to change
	RequestFor    = 10 * time.Minute // that a request waits for its answer
)

// ConsentKind is what an assistance rests on.
type ConsentKind string

// A window that the customer opened, a code that they read out, a request that
// they accepted, or an emergency, which a second agent approves instead.
const (
	ByWindow    ConsentKind = "window"
	ByCode      ConsentKind = "code"
	ByRequest   ConsentKind = "request"
	ByEmergency ConsentKind = "emergency"
)

// Assistance is a period in which an agent acts for a customer. One that has
// not begun is a request that waits.
type Assistance struct {
	ID          int64
	AgentID     int64
	CustomerID  int64
	Reason      string
	Ticket      string
	Consent     ConsentKind
	ConsentID   int64
	MayChange   bool // the customer allows more than looking
	AskedAt     time.Time
	BeganAt     *time.Time
	ExpiresAt   time.Time
	RenewedAt   *time.Time
	ChangeUntil *time.Time
	EndedAt     *time.Time
	EndedWhy    string
	SessionGone bool // the agent's session has ended

	Agent, AgentName, Customer, CustomerName, Approver string // identifiers and names
	Pages, Changes                                     int    // looked at, and made

	now time.Time // when it is ended
}

// Live says whether the agent acts at now, as far as its row tells.
func (a *Assistance) Live(now time.Time) bool {
	return a.BeganAt != nil && a.EndedAt == nil && a.ExpiresAt.After(now)
}

// Waits says whether it is a request without an answer yet.
func (a *Assistance) Waits(now time.Time) bool {
	return a.BeganAt == nil && a.EndedAt == nil && a.ExpiresAt.After(now)
}

// Mode is how far the agent may go at now.
func (a *Assistance) Mode(now time.Time) policy.Mode {
	switch {
	case !a.Live(now):
		return policy.NoAgent
	case a.ChangeUntil != nil && a.ChangeUntil.After(now):
		return policy.Change
	}
	return policy.Look
}

// Renewable says whether it can be renewed at now: once.
func (a *Assistance) Renewable(now time.Time) bool { return a.Live(now) && a.RenewedAt == nil }

// ErrAssistanceEnded: the assistance in which an agent asks has ended.
var ErrAssistanceEnded = errors.New("the assistance has ended")

// ErrAssisting: the agent acts for a customer already, or has asked to.
var ErrAssisting = errors.New("one assistance at a time")

// assistanceColumns reads an Assistance from assistances x and assistancePeople.
const assistanceColumns = `x.id, x.agent_id, x.customer_id, x.reason, x.ticket, x.consent, COALESCE(x.consent_id, 0) AS consent_id, x.may_change,
 x.asked_at, x.began_at, x.expires_at, x.renewed_at, x.change_until, x.ended_at, COALESCE(x.ended_why, '') AS ended_why, x.session_id IS NULL AS session_gone,
 xa.identifier AS agent, xa.name AS agent_name, xc.identifier AS customer, xc.name AS customer_name, COALESCE(xp.identifier, '') AS approver`

const assistancePeople = ` JOIN agents xa ON xa.id = x.agent_id JOIN customers xc ON xc.id = x.customer_id LEFT JOIN agents xp ON xp.id = x.approved_by`

// admitAgent judges on committed rows whether the agent of the transaction acts
// for the customer still, and how far, and holds the assistance until its end:
// whoever ends it waits for us, or we find it ended (R2, R8). Everybody locks
// sessions before assistances, and those before anything else.
func (tx *Tx) admitAgent() error { return tx.admitAgentBy(tx.forShare("x")) }

// admitAgentLightly is admitAgent for long work, which must not keep anybody
// from ending the assistance: it asks again before it commits.
func (tx *Tx) admitAgentLightly() error { return tx.admitAgentBy("") }

func (tx *Tx) admitAgentBy(lock string) error {
	if !tx.by.assists() {
		return nil
	}
	a, err := tx.assistance("x.id = ? AND x.agent_id = ? AND x.customer_id = ? AND x.session_id IS NOT NULL AND xa.removed_at IS NULL", lock,
		tx.by.Assistance, tx.by.Agent, tx.by.Customer)
	if errors.Is(err, ErrNotFound) {
		return ErrAssistanceEnded
	}
	if err != nil {
		return err
	}
	if tx.by.Mode = a.Mode(tx.now); tx.by.Mode == policy.NoAgent {
		return ErrAssistanceEnded
	}
	return nil
}

// assistance reads one: ErrNotFound without one.
func (tx *Tx) assistance(condition, lock string, args ...any) (*Assistance, error) {
	var a Assistance
	if err := tx.scan(&a, "SELECT "+assistanceColumns+" FROM assistances x"+assistancePeople+" WHERE "+condition+lock, args...); err != nil {
		return nil, err
	}
	if a.ID == 0 {
		return nil, ErrNotFound
	}
	return &a, nil
}

// event is one of the history about an assistance. It belongs to no service.
func (a *Assistance) event(kind string, d Detail) Event {
	return Event{Kind: kind, Class: SelfEvent, SubjectID: a.CustomerID, Object: a.Agent, Detail: d}
}

// mine locks the assistance in which the agent of the transaction acts.
func (tx *Tx) mine() (*Assistance, error) {
	a, err := tx.assistance("x.id = ? AND x.agent_id = ? AND x.ended_at IS NULL AND x.session_id IS NOT NULL", tx.forUpdate("x"), tx.by.Assistance, tx.by.Agent)
	if errors.Is(err, ErrNotFound) || err == nil && !a.Live(tx.now) {
		return nil, ErrAssistanceEnded
	}
	return a, err
}

// RaiseAssistance lets the agent change things until ChangeFor has passed, if
// the customer allows that: Invalid otherwise. Raising again begins anew.
func (s *Store) RaiseAssistance(ctx context.Context, by Actor) error {
	return s.change(ctx, by.Self(), func(tx *Tx) error {
		if err := tx.proven(); err != nil {
			return err
		}
		a, err := tx.mine()
		if err != nil {
			return err
		}
		if !a.MayChange {
			return invalid("", "assistance.refused.look")
		}
		until := tx.now.Add(ChangeFor)
		if a.ExpiresAt.Before(until) {
			until = a.ExpiresAt
		}
		if err := tx.exec("UPDATE assistances SET change_until = ? WHERE id = ?", until, a.ID); err != nil {
			return err
		}
		return tx.record(a.event("assistance.raised", nil))
	})
}

// RenewAssistance gives the agent AssistanceFor more, once, and not beyond what
// the customer's window allows: Invalid when that is nothing, or was given.
func (s *Store) RenewAssistance(ctx context.Context, by Actor) error {
	return s.change(ctx, by.Self(), func(tx *Tx) error {
		a, err := tx.mine()
		if err != nil {
			return err
		}
		if !a.Renewable(tx.now) {
			return invalid("", "assistance.refused.renewed")
		}
		until := a.ExpiresAt.Add(AssistanceFor)
		if a.Consent == ByWindow {
			c, err := tx.consent("id = ?", a.ConsentID)
			if errors.Is(err, ErrNotFound) {
				return ErrAssistanceEnded
			} else if err != nil {
				return err
			}
			if c.ExpiresAt.Before(until) {
				until = c.ExpiresAt
			}
		}
		if !until.After(a.ExpiresAt) {
			return invalid("", "assistance.refused.window")
		}
		if err := tx.exec("UPDATE assistances SET expires_at = ?, renewed_at = ? WHERE id = ?", until, tx.now, a.ID); err != nil {
			return err
		}
		return tx.record(a.event("assistance.renewed", nil))
	})
}

// Self is the agent of a, acting for nobody: what they do as staff is theirs,
// and asks no right of the customer. A customer is themselves.
func (a Actor) Self() Actor {
	if a.Agent != 0 {
		a.Customer = 0
	}
	return a
}
