package models

import (
	"context"
	"slices"
	"time"
)

// Bounds of consent to support.
const (
	CodeFor      = 10 * time.Minute
	maxCodeTries = 5
	codeDigits   = 8
)

// Windows are how long a customer may let support in.
var Windows = []time.Duration{time.Hour, 8 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}

// Consent is what a customer allows support: a window, or a code until it is used.
type Consent struct {
	ID         int64
	CustomerID int64
	Kind       ConsentKind // ByWindow or ByCode
	MayChange  bool        // else look only
	Tries      int         // wrong codes
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

const consentColumns = "id, customer_id, kind, mode = 'change' AS may_change, tries, created_at, expires_at"

func modeWord(mayChange bool) string {
	if mayChange {
		return "change"
	}
	return "look"
}

// consent reads one in force: ErrNotFound without one.
func (tx *Tx) consent(condition string, arg any) (*Consent, error) {
	var c Consent
	err := tx.scan(&c, "SELECT "+consentColumns+" FROM consents WHERE ended_at IS NULL AND expires_at > ? AND tries < ? AND "+condition, tx.now, maxCodeTries, arg)
	if err == nil && c.ID == 0 {
		err = ErrNotFound
	}
	return &c, err
}

// endConsent ends one, once: ErrNotFound when it has ended.
func (tx *Tx) endConsent(id int64) error {
	ended := tx.Exec("UPDATE consents SET ended_at = ?, code_hash = NULL WHERE id = ? AND ended_at IS NULL", tx.now, id)
	if ended.Error == nil && ended.RowsAffected == 0 {
		return ErrNotFound
	}
	return ended.Error
}

// customerSelf is the question of what customers allow support: they alone may
// say, and no agent in their name.
func (tx *Tx) customerSelf() error {
	if tx.by.Customer == 0 || tx.by.Agent != 0 {
		return ErrNotFound
	}
	return nil
}

// OpenWindow lets support in for a time, one of Windows, in place of an earlier
// window. What rested on that one ends.
func (s *Store) OpenWindow(ctx context.Context, by Actor, lasts time.Duration, mayChange bool) error {
	if !slices.Contains(Windows, lasts) {
		return invalid("hours", "consent.hours.unknown")
	}
	return s.change(ctx, by, func(tx *Tx) error {
		if err := tx.proven(); err != nil {
			return err
		}
		if err := tx.closeConsent(ByWindow); err != nil {
			return err
		}
		until := tx.now.Add(lasts)
		err := tx.exec("INSERT INTO consents (customer_id, kind, mode, created_at, expires_at) VALUES (?, 'window', ?, ?, ?)", by.Customer, modeWord(mayChange), tx.now, until)
		if err != nil {
			return err
		}
		return tx.recordConsent(by.Customer, "consent.opened", Detail{"may": {After: modeWord(mayChange)}, "ends": {After: until.Format(time.RFC3339)}})
	})
}

// WithdrawConsent lets support in no more: the window closes, the code is good
// for nothing, and whatever support does for the customer ends, however it came
// in. A request waits for its answer still. Without any it does nothing.
func (s *Store) WithdrawConsent(ctx context.Context, by Actor) error {
	return s.change(ctx, by, func(tx *Tx) error {
		if err := tx.customerSelf(); err != nil {
			return err
		}
		_, err := tx.shutSupportOut(by.Customer, AssistanceNoConsent)
		return err
	})
}

// shutSupportOut ends all that support does for a customer, or may do, and says
// whether there was anything: it goes with what takes an account back into its
// owner's hands, another password and the end of sessions. Who ends sessions too does so before, for a form of one of
// them may be opening what this closes.
func (tx *Tx) shutSupportOut(of int64, why string) (out bool, err error) {
	var open struct{ Consents, Assistances int }
	err = tx.scan(&open, `SELECT (SELECT count(*) FROM consents k WHERE k.customer_id = @of AND k.ended_at IS NULL AND k.expires_at > @now) AS consents,
		(SELECT count(*) FROM assistances x WHERE x.customer_id = @of AND x.ended_at IS NULL) AS assistances`, map[string]any{"of": of, "now": tx.now})
	if err != nil || open.Consents+open.Assistances == 0 {
		return false, err
	}
	if _, err := customer(tx.DB, "c.id = ?"+tx.forTurn("c"), of); err != nil { // nobody may begin meanwhile: see askAssistance
		return false, err
	}
	out = open.Consents > 0
	err = tx.endAssistances(func(a *Assistance) string {
		if a.BeganAt == nil { // a request, which is not being accepted right now either
			return ""
		}
		out = true
		return why
	}, "x.customer_id = ?", of)
	if err != nil {
		return false, err
	}
	return out, tx.closeConsents(of)
}

// closeConsents closes windows and codes of a customer whose row is locked.
func (tx *Tx) closeConsents(of int64) error {
	closed := tx.Exec("UPDATE consents SET ended_at = ?, code_hash = NULL WHERE customer_id = ? AND ended_at IS NULL AND expires_at > ?", tx.now, of, tx.now)
	if closed.Error != nil || closed.RowsAffected == 0 {
		return closed.Error
	}
	return tx.recordConsent(of, "consent.closed", nil)
}

// recordConsent writes the event. That access was opened, or a code guessed at,
// the customer must hear of by email too: it may not have been they.
func (tx *Tx) recordConsent(of int64, kind string, d Detail) error {
	c, err := customer(tx.DB, "c.id = ?", of)
	if err != nil {
		return err
	}
	e := Event{Kind: kind, Class: SelfEvent, SubjectID: of, Object: c.Identifier, Detail: d}
	if kind != "consent.closed" {
		tx.tellSecurity(c.person(), NoticeDeed{Event: e.Kind})
	}
	return tx.record(e)
}

// closeConsent ends what is open of a kind, lapsed or not, and what rests on it.
// Two at once wait for each other at the customer's row.
func (tx *Tx) closeConsent(k ConsentKind) error {
	if err := tx.customerSelf(); err != nil {
		return err
	}
	of := tx.by.Customer
	if _, err := customer(tx.DB, "c.id = ?"+tx.forTurn("c"), of); err != nil {
		return err
	}
	err := tx.endAssistances(func(*Assistance) string { return AssistanceNoConsent },
		"x.consent_id IN (SELECT k.id FROM consents k WHERE k.customer_id = ? AND k.kind = ? AND k.ended_at IS NULL)", of, k)
	if err != nil {
		return err
	}
	return tx.exec("UPDATE consents SET ended_at = ?, code_hash = NULL WHERE customer_id = ? AND kind = ? AND ended_at IS NULL", tx.now, of, k)
}

// AcceptAssistance accepts the request of an agent: mayChange says how far they
// may go; see StopAssistance for the other answer. ErrNotFound for a request that
// is not by's, Invalid for one that waits no more.
func (s *Store) AcceptAssistance(ctx context.Context, by Actor, id int64, mayChange bool) error {
	return s.change(ctx, by, func(tx *Tx) error {
		if err := tx.customerSelf(); err != nil {
			return err
		}
		a, err := tx.assistance("x.id = ? AND x.customer_id = ? AND x.consent = 'request'", tx.forUpdate("x"), id, by.Customer)
		if err != nil {
			return err
		}
		if !a.Waits(tx.now) || a.SessionGone {
			return invalid("", "consent.request_over")
		}
		if err := tx.proven(); err != nil {
			return err
		}
		return tx.begin(a, 0, mayChange)
	})
}

// begin lets an assistance that was asked for begin.
func (tx *Tx) begin(a *Assistance, approver int64, mayChange bool) error {
	if err := tx.noStaff(a.CustomerID, a.Customer); err != nil {
		return err
	}
	a.BeganAt, a.ExpiresAt, a.MayChange = new(tx.now), tx.now.Add(AssistanceFor), mayChange
	err := tx.exec("UPDATE assistances SET began_at = ?, expires_at = ?, may_change = ?, approved_by = ? WHERE id = ?", tx.now, a.ExpiresAt, mayChange, orNull(approver), a.ID)
	if err != nil {
		return err
	}
	return tx.began(a)
}

// StopAssistance ends an assistance for by, or refuses the request: the
// customer's button. One that has ended is left alone.
func (s *Store) StopAssistance(ctx context.Context, by Actor, id int64) error {
	return s.change(ctx, by, func(tx *Tx) error {
		if err := tx.customerSelf(); err != nil {
			return err
		}
		a, err := tx.assistance("x.id = ? AND x.customer_id = ?", tx.forUpdate("x"), id, by.Customer)
		if err != nil || a.EndedAt != nil {
			return err
		}
		if a.BeganAt == nil {
			return tx.endAssistance(a, AssistanceRefused)
		}
		return tx.endAssistance(a, AssistanceByHand)
	})
}

// Support is what a customer allows support, and what support did with it.
type Support struct {
	Window *Consent // nil: closed
	Code   *Consent // nil: none that is good
	Open   []Assistance
	Past   []Assistance // the newest first
}

// pastAssistances bounds those shown to a customer.
const pastAssistances = 20

// Support reads it for by.
func (s *Store) Support(ctx context.Context, by Actor) (*Support, error) {
	db, now := s.db.WithContext(ctx), s.now()
	var consents []Consent
	err := db.Raw("SELECT "+consentColumns+" FROM consents WHERE customer_id = ? AND ended_at IS NULL AND expires_at > ? AND tries < ?", by.Customer, now, maxCodeTries).Scan(&consents).Error
	if err != nil {
		return nil, err
	}
	out := &Support{}
	for i := range consents {
		if consents[i].Kind == ByWindow {
			out.Window = &consents[i]
		} else {
			out.Code = &consents[i]
		}
	}
	args := map[string]any{"customer": by.Customer, "n": pastAssistances, "now": now}
	const open = "x.ended_at IS NULL AND x.expires_at > @now AND x.session_id IS NOT NULL"
	if out.Open, err = s.assistances(ctx, "x.customer_id = @customer AND "+open+" ORDER BY x.began_at IS NULL, x.id DESC LIMIT @n", args); err != nil {
		return nil, err
	}
	out.Past, err = s.assistances(ctx, "x.customer_id = @customer AND NOT ("+open+") ORDER BY x.id DESC LIMIT @n", args)
	return out, err
}
