package models

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/mandat/models/policy"
)

// Bounds of an assistance, each from the moment named (R35).
const (
	AssistanceFor = 30 * time.Minute // from its beginning, and once more from its renewal
	ChangeFor     = 15 * time.Minute // from the step up to change
	RequestFor    = 10 * time.Minute // that a request waits for its answer
)

// Limits of what an agent types when they ask to act.
const (
	MaxReason = 500 // characters
	MaxTicket = 64
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

// Why an assistance ended.
const (
	AssistanceByAgent   = "agent"
	AssistanceByTime    = "time"
	AssistanceByHand    = "customer"   // the customer's
	AssistanceRefused   = "refused"    // before it began
	AssistanceWithdrawn = "withdrawn"  // before it began, by the agent
	AssistanceSignedOut = "signed_out" // the agent's session ended
	AssistanceRole      = "role"       // the agent is none any more
	AssistanceStopped   = "operator"
	AssistanceByLead    = "lead"
	AssistanceNoConsent = "consent" // the customer closed what it rests on
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

// NewAssistance is what an agent types to act for a customer.
type NewAssistance struct {
	Customer  string // identifier, as typed
	Reason    string
	Ticket    string
	Code      string // that the customer read out; "" for none
	Emergency bool   // without consent: see Config.Emergency
}

// check is n in its normal form, with what is wrong with it.
func (n NewAssistance) check() (NewAssistance, Invalid) {
	bad := Invalid{}
	id, ok := ParseIdentifier(n.Customer)
	if !ok {
		bad.Add("customer", "customer.identifier.shape", "Identifier", n.Customer)
	}
	n.Customer = id
	n.Reason = strings.TrimSpace(legible(n.Reason))
	n.Ticket = strings.Join(strings.Fields(legible(n.Ticket)), " ")
	switch length := utf8.RuneCountInString(n.Reason); {
	case length < 10:
		bad.Add("reason", "assistance.reason.short", "Least", 10)
	case length > MaxReason:
		bad.Add("reason", "assistance.reason.long", "Most", MaxReason)
	}
	switch length := utf8.RuneCountInString(n.Ticket); {
	case length == 0:
		bad.Add("ticket", "assistance.ticket.none")
	case length > MaxTicket:
		bad.Add("ticket", "assistance.ticket.long", "Most", MaxTicket)
	}
	return n, bad
}

// AskAssistance lets an agent act for a customer, looking only. It begins at
// once by a right code, or while the customer has a window open; otherwise it
// is a request that waits for the customer, or, in an emergency, for a second
// agent. by is an agent who acts for nobody; one at a time: ErrAssisting.
// Nobody acts for a customer who belongs to an agent, or is disabled. Whom they
// name counts as a search, since the answer tells whether there is such a
// customer. Throttled after too many wrong codes.
func (s *Store) AskAssistance(ctx context.Context, by Actor, n NewAssistance) (*Assistance, error) {
	n, bad := n.check()
	if n.Emergency && !s.emergency {
		bad.Add("emergency", "assistance.emergency.off")
	} else if n.Emergency && !s.Mails() {
		bad.Add("emergency", "assistance.emergency.unheard")
	}
	if err := bad.orNil(); err != nil {
		return nil, err
	}
	if by.Agent != 0 {
		err := s.countSearch(ctx, by)
		if throttled := (Throttled{}); errors.As(err, &throttled) {
			return nil, invalid("customer", "assistance.refused.searches", "Most", MaxSearches, "Minutes", int(SearchFor.Minutes()))
		} else if err != nil {
			return nil, err
		}
	}
	consent, wrong, err := s.tryCode(ctx, by, n)
	if err != nil {
		return nil, err
	}
	var asked *Assistance
	err = s.change(ctx, by, func(tx *Tx) error {
		if err := tx.staff(); err != nil {
			return err
		}
		if err := tx.proven(); err != nil {
			return err
		}
		if wrong != nil {
			return wrong
		}
		asked, err = tx.askAssistance(n, consent)
		return err
	})
	if violated(err) == "assistance_one_at_a_time" {
		err = ErrAssisting
	}
	return asked, err
}

// staff is the question of an agent's own verbs: ErrNotFound for everybody else.
func (tx *Tx) staff() error {
	var there bool
	err := tx.scan(&there, "SELECT count(*) > 0 FROM agents WHERE id = ? AND removed_at IS NULL", tx.by.Agent)
	if err == nil && (!there || tx.by.Customer != 0) {
		err = ErrNotFound
	}
	return err
}

func (tx *Tx) askAssistance(n NewAssistance, consent *Consent) (*Assistance, error) {
	target, err := customer(tx.DB, "c.identifier = ?", n.Customer)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, invalid("customer", "assistance.refused.unknown", "Identifier", n.Customer)
	case err != nil:
		return nil, err
	}
	// Consent is given and taken back under this lock, and somebody becomes staff: see closeConsent.
	switch target, err = customer(tx.DB, "c.id = ?"+tx.forTurn("c"), target.ID); {
	case err != nil:
		return nil, err
	case target.DisabledAt != nil:
		return nil, invalid("customer", "assistance.refused.disabled", "Identifier", target.Identifier)
	}
	if err := tx.noStaff(target.ID, target.Identifier); err != nil {
		return nil, err
	}
	if err := tx.closeStale(tx.by.Agent); err != nil {
		return nil, err
	}
	kind, expires := ByRequest, tx.now.Add(RequestFor)
	var began *time.Time
	switch {
	case n.Emergency:
		kind = ByEmergency
		if err := tx.leadsHear(tx.by.Agent); err != nil {
			return nil, err
		}
	case consent == nil:
		consent, err = tx.consent("customer_id = ? AND kind = 'window'", target.ID)
		if errors.Is(err, ErrNotFound) {
			consent, err = nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if consent != nil && !n.Emergency {
		if consent, err = tx.consent("id = ?", consent.ID); err != nil {
			return nil, invalid("code", "assistance.code.wrong") // used or replaced since it was tried
		}
		kind, began, expires = consent.Kind, new(tx.now), tx.now.Add(AssistanceFor)
		if consent.Kind == ByCode {
			if err := tx.endConsent(consent.ID); errors.Is(err, ErrNotFound) {
				return nil, invalid("code", "assistance.code.wrong")
			} else if err != nil {
				return nil, err
			}
		} else if consent.ExpiresAt.Before(expires) {
			expires = consent.ExpiresAt
		}
	}
	var rests int64
	mayChange := n.Emergency
	if consent != nil && !n.Emergency {
		rests, mayChange = consent.ID, consent.MayChange
	}
	var id int64
	err = tx.scan(&id, `INSERT INTO assistances (agent_id, customer_id, session_id, reason, ticket, consent, consent_id, may_change, asked_at, began_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		tx.by.Agent, target.ID, orNull(tx.by.Session), n.Reason, n.Ticket, kind, orNull(rests), mayChange, tx.now, began, expires)
	if err != nil {
		return nil, err
	}
	a, err := tx.assistance("x.id = ?", "", id)
	if err != nil {
		return nil, err
	}
	if began == nil {
		if err := tx.countAsked(a); err != nil {
			return nil, err
		}
		return a, tx.record(a.event("assistance.asked", Detail{"reason": {After: a.Reason}, "ticket": {After: a.Ticket}, "consent": {After: string(a.Consent)}}))
	}
	return a, tx.began(a)
}

// MaxAsked is how often an agent may ask the same customer within an hour.
const MaxAsked = 3

func (tx *Tx) countAsked(a *Assistance) error {
	subject := fmt.Sprintf("asked:agent:%d:%d", a.AgentID, a.CustomerID)
	total, err := tx.countFailures([]string{subject}, 1, time.Hour)
	if err == nil && total[subject] > MaxAsked {
		err = invalid("customer", "assistance.refused.often", "Identifier", a.Customer, "Most", MaxAsked)
	}
	return err
}

// leadsHear refuses an emergency of which no lead would hear but the one who asks.
func (tx *Tx) leadsHear(asks int64) error {
	var there bool
	err := tx.scan(&there, "SELECT count(*) > 0 FROM agents WHERE role = ? AND id <> ? AND removed_at IS NULL", RoleLead, asks)
	if err == nil && !there {
		err = invalid("emergency", "assistance.emergency.unheard")
	}
	return err
}

// noStaff refuses to act for a customer who belongs to an agent.
func (tx *Tx) noStaff(customer int64, identifier string) error {
	var staff bool
	err := tx.scan(&staff, "SELECT count(*) > 0 FROM agents WHERE customer_id = ? AND removed_at IS NULL", customer)
	if err == nil && staff {
		err = invalid("customer", "assistance.refused.staff", "Identifier", identifier)
	}
	return err
}

// event is one of the history about an assistance. It belongs to no service.
func (a *Assistance) event(kind string, d Detail) Event {
	return Event{Kind: kind, Class: SelfEvent, SubjectID: a.CustomerID, Object: a.Agent, Detail: d}
}

// began notes that an assistance has begun, and tells the customer.
func (tx *Tx) began(a *Assistance) error {
	mode := "look"
	if a.MayChange {
		mode = "change"
	}
	tx.tellAssistance(NoticeAssisting, a, nil, 0)
	if a.Consent == ByEmergency {
		if err := tx.enqueueLeads(tellLead{Assistance: a.ID}); err != nil {
			return err
		}
	}
	return tx.record(a.event("assistance.began", Detail{
		"reason": {After: a.Reason}, "ticket": {After: a.Ticket}, "consent": {After: string(a.Consent)}, "may": {After: mode},
	}))
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
// the customer allows that: Forbidden otherwise. Raising again begins anew.
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

// RenewAssistance gives the agent AssistanceFor from now, once, and not beyond
// what the customer's window allows.
func (s *Store) RenewAssistance(ctx context.Context, by Actor) error {
	return s.change(ctx, by.Self(), func(tx *Tx) error {
		a, err := tx.mine()
		if err != nil {
			return err
		}
		if !a.Renewable(tx.now) {
			return invalid("", "assistance.refused.renewed")
		}
		until := tx.now.Add(AssistanceFor)
		if a.Consent == ByWindow {
			c, err := tx.consent("id = ?", a.ConsentID)
			if err != nil {
				return ErrAssistanceEnded
			}
			if c.ExpiresAt.Before(until) {
				until = c.ExpiresAt
			}
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

// EndAssistance ends what the agent has open, a request too. Without any it
// does nothing: ending always works.
func (s *Store) EndAssistance(ctx context.Context, by Actor) error {
	return s.change(ctx, by.Self(), func(tx *Tx) error {
		why := func(a *Assistance) string {
			if a.BeganAt == nil {
				return AssistanceWithdrawn
			}
			return AssistanceByAgent
		}
		return tx.endAssistances(why, "x.agent_id = ?", tx.by.Agent)
	})
}

// closeStale closes what an agent left that time or the end of a session has ended.
func (tx *Tx) closeStale(agent int64) error {
	return tx.endAssistances(staleWhy, "x.agent_id = ? AND (x.expires_at <= ? OR NOT EXISTS (SELECT 1 FROM sessions se WHERE se.id = x.session_id AND se.expires_at > ? AND se.seen_at > ?))",
		agent, tx.now, tx.now, tx.now.Add(-AgentIdleFor))
}

func staleWhy(a *Assistance) string {
	if a.SessionGone || a.ExpiresAt.After(a.now) {
		return AssistanceSignedOut
	}
	return AssistanceByTime
}

// endAssistances ends the open ones that a condition on x names, with their
// events, and tells their customers what was changed. One for which why answers
// "" stays.
func (tx *Tx) endAssistances(why func(*Assistance) string, condition string, args ...any) error {
	var list []Assistance
	err := tx.scan(&list, "SELECT "+assistanceColumns+" FROM assistances x"+assistancePeople+" WHERE x.ended_at IS NULL AND "+condition+" ORDER BY x.id"+tx.forUpdate("x"), args...)
	if err != nil {
		return err
	}
	for i := range list {
		list[i].now = tx.now
		if reason := why(&list[i]); reason != "" {
			if err := tx.endAssistance(&list[i], reason); err != nil {
				return err
			}
		}
	}
	return nil
}

func (tx *Tx) endAssistance(a *Assistance, why string) error {
	ended := tx.now
	if why == AssistanceByTime && a.ExpiresAt.Before(ended) {
		ended = a.ExpiresAt
	}
	if err := tx.exec("UPDATE assistances SET ended_at = ?, ended_why = ?, change_until = NULL WHERE id = ?", ended, why, a.ID); err != nil {
		return err
	}
	a.EndedAt, a.EndedWhy = &ended, why
	e := a.event("assistance.ended", Detail{"why": {After: why}})
	e.byTime = why == AssistanceByTime || why == AssistanceSignedOut
	if a.BeganAt == nil {
		e.Kind = "assistance.unanswered"
		if why == AssistanceRefused {
			e.Kind = "assistance.refused"
		}
		return tx.record(e)
	}
	deeds, changes, err := tx.deeds(a)
	if err != nil {
		return err
	}
	var looked []string
	if err := tx.scan(&looked, "SELECT path FROM assistance_pages WHERE assistance_id = ? ORDER BY first_at, path", a.ID); err != nil {
		return err
	}
	a.Pages, a.Changes = len(looked), changes
	e.Detail["pages"], e.Detail["changes"] = Change{After: a.Pages}, Change{After: changes}
	if len(looked) > lookedTold {
		looked = append(looked[:lookedTold:lookedTold], morePages)
	}
	if len(looked) > 0 {
		e.Detail["looked"] = Change{After: strings.Join(looked, "\n")}
	}
	tx.tellAssistance(NoticeAssisted, a, deeds, changes-len(deeds))
	return tx.record(e)
}

// lookedTold bounds the pages that the history names; the assistance has more.
const lookedTold = 100

// actedIn is the condition that an event e was written by the agent in an
// assistance. They act in one at a time: what comes before their next is of
// this one, even where a clock says that it had ended.
const actedIn = `e.agent_id = @agent AND e.actor_id = @customer AND e.at >= @began AND e.service_id IS NOT NULL
 AND NOT EXISTS (SELECT 1 FROM assistances n WHERE n.agent_id = @agent AND n.id > @id AND n.began_at <= e.at)`

func (a *Assistance) actedIn() map[string]any {
	return map[string]any{"id": a.ID, "customer": a.CustomerID, "agent": a.AgentID, "began": *a.BeganAt, "n": MaxNoticeLines}
}

// deeds are the first things that an agent changed in an assistance, and how many there are.
func (tx *Tx) deeds(a *Assistance) (deeds []NoticeDeed, all int, err error) {
	args := a.actedIn()
	if err := tx.scan(&all, "SELECT count(*) FROM events e WHERE "+actedIn, args); err != nil || all == 0 {
		return nil, all, err
	}
	var list []struct {
		Kind, Object string
		SubjectID    *int64
	}
	err = tx.scan(&list, "SELECT e.kind, e.object, e.subject_id FROM events e WHERE "+actedIn+" ORDER BY e.id LIMIT @n", args)
	for _, e := range list {
		d := NoticeDeed{Event: e.Kind, Object: e.Object}
		if e.SubjectID != nil {
			d.Whom = *e.SubjectID
		}
		deeds = append(deeds, d)
	}
	return deeds, all, err
}
