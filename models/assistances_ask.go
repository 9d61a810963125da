package models

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what an agent types when they ask to act.
const (
	MaxReason = 500 // characters
	MaxTicket = 64
)

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
	err = s.change(ctx, by.Self(), func(tx *Tx) error {
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
	if err == nil && !there {
		err = ErrNotFound
	}
	return err
}

func (tx *Tx) askAssistance(n NewAssistance, code *Consent) (*Assistance, error) {
	// Consent is given and taken back under this lock, and somebody becomes staff: see closeConsent.
	target, err := customer(tx.DB, "c.identifier = ?"+tx.forTurn("c"), n.Customer)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, invalid("customer", "assistance.refused.unknown", "Identifier", n.Customer)
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
	rests, err := tx.basis(n, target.ID, code)
	if err != nil {
		return nil, err
	}
	var id int64
	err = tx.scan(&id, `INSERT INTO assistances (agent_id, customer_id, session_id, reason, ticket, consent, consent_id, may_change, asked_at, began_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		tx.by.Agent, target.ID, orNull(tx.by.Session), n.Reason, n.Ticket, rests.kind, orNull(rests.consent), rests.mayChange, tx.now, rests.began, rests.expires)
	if err != nil {
		return nil, err
	}
	a, err := tx.assistance("x.id = ?", "", id)
	if err != nil {
		return nil, err
	}
	if a.BeganAt == nil {
		if err := tx.countAsked(a); err != nil {
			return nil, err
		}
		if a.Consent == ByEmergency {
			if err := tx.tellBegin(a); err != nil {
				return nil, err
			}
		}
		return a, tx.record(a.event("assistance.asked", Detail{"reason": {After: a.Reason}, "ticket": {After: a.Ticket}, "consent": {After: string(a.Consent)}}))
	}
	return a, tx.began(a)
}

// basis is what a new assistance rests on.
type basis struct {
	kind      ConsentKind
	consent   int64 // 0 for what is yet to be accepted
	mayChange bool
	began     *time.Time
	expires   time.Time
}

// basis finds out what an assistance for a customer rests on: the code that was
// tried, if any, or the window that they have open. Without either it waits for
// its answer, and so does an emergency, whatever they allow.
func (tx *Tx) basis(n NewAssistance, customer int64, code *Consent) (basis, error) {
	waits := basis{kind: ByRequest, mayChange: n.Emergency, expires: tx.now.Add(RequestFor)}
	if n.Emergency {
		waits.kind = ByEmergency
		return waits, tx.leadsHear(tx.by.Agent)
	}
	begins := func(c *Consent) basis {
		return basis{kind: c.Kind, consent: c.ID, mayChange: c.MayChange, began: &tx.now, expires: tx.now.Add(AssistanceFor)}
	}
	if code == nil {
		window, err := tx.consent("customer_id = ? AND kind = 'window'", customer)
		if errors.Is(err, ErrNotFound) {
			return waits, nil
		} else if err != nil {
			return basis{}, err
		}
		b := begins(window)
		if window.ExpiresAt.Before(b.expires) {
			b.expires = window.ExpiresAt
		}
		return b, nil
	}
	fresh, err := tx.consent("id = ?", code.ID)
	if err == nil {
		err = tx.endConsent(code.ID)
	}
	if errors.Is(err, ErrNotFound) { // used, replaced or too old since it was tried
		err = invalid("code", "assistance.code.wrong")
	}
	return begins(fresh), err
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

// tellBegin tells the customer that an agent begins to act for them, and of an
// emergency every lead: also when it is asked for, so that it can be refused.
func (tx *Tx) tellBegin(a *Assistance) error {
	tx.tellAssistance(NoticeAssisting, a, nil, 0)
	if a.Consent != ByEmergency {
		return nil
	}
	return tx.enqueueLeads(tellLead{Assistance: a.ID, Asked: a.BeganAt == nil})
}

// began notes that an assistance has begun, and tells the customer.
func (tx *Tx) began(a *Assistance) error {
	mode := "look"
	if a.MayChange {
		mode = "change"
	}
	if err := tx.tellBegin(a); err != nil {
		return err
	}
	return tx.record(a.event("assistance.began", Detail{
		"reason": {After: a.Reason}, "ticket": {After: a.Ticket}, "consent": {After: string(a.Consent)}, "may": {After: mode},
	}))
}

// ApproveAssistance lets an emergency begin: any agent but the one who asks,
// and the store must allow emergencies: ErrNotFound otherwise, Invalid for one
// that waits no more. The customer is told at once, and every lead.
func (s *Store) ApproveAssistance(ctx context.Context, by Actor, id int64) error {
	return s.change(ctx, by.Self(), func(tx *Tx) error {
		if err := tx.staff(); err != nil {
			return err
		}
		if err := tx.proven(); err != nil {
			return err
		}
		a, err := tx.assistance("x.id = ? AND x.consent = 'emergency'", tx.forUpdate("x"), id)
		if err != nil {
			return err
		}
		switch {
		case !s.emergency:
			return ErrNotFound
		case !a.Waits(tx.now) || a.SessionGone:
			return invalid("", "assistance.refused.over")
		}
		if a.AgentID == by.Agent {
			return invalid("", "assistance.refused.own")
		}
		if !s.Mails() {
			return invalid("emergency", "assistance.emergency.unheard")
		}
		if err := tx.leadsHear(a.AgentID); err != nil { // there was one when it was asked for
			return err
		}
		return tx.begin(a, by.Agent, true)
	})
}
