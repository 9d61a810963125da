package models

import (
	"context"
	"errors"
	"strings"
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

// EndOther ends the assistance of another agent: a lead may.
func (s *Store) EndOther(ctx context.Context, by Actor, id int64) error {
	return s.change(ctx, by.Self(), func(tx *Tx) error {
		var lead bool
		if err := tx.scan(&lead, "SELECT 1 = 1 FROM agents a WHERE a.id = ? AND a.role = ? AND a.removed_at IS NULL"+tx.forShare("a"), by.Agent, RoleLead); err != nil {
			return err
		}
		if !lead {
			return ErrNotFound
		}
		return tx.endAssistances(func(*Assistance) string { return AssistanceByLead }, "x.id = ?", id)
	})
}

// StopAssistances ends every assistance and every request, or those for one
// customer, and says how many; windows and codes close too, so that nobody acts
// again before a customer allows it. It is the operator's switch: when it
// returns, nobody acts for anybody, in any process.
func (s *Store) StopAssistances(ctx context.Context, identifier string) (n int, err error) {
	if identifier != "" {
		c, err := s.FindCustomer(ctx, identifier)
		if err != nil {
			return 0, err
		}
		return s.stopAssistances(ctx, c.ID)
	}
	for last := int64(0); ; {
		var some []int64
		// Whoever is just beginning has a window, a code or a request here still.
		read := s.db.WithContext(ctx).Raw(`SELECT x.customer_id FROM assistances x WHERE x.ended_at IS NULL AND x.customer_id > @last
			UNION SELECT k.customer_id FROM consents k WHERE k.ended_at IS NULL AND k.customer_id > @last ORDER BY 1 LIMIT @n`,
			map[string]any{"last": last, "n": signOutBatch}).Scan(&some).Error
		if read != nil || len(some) == 0 {
			return n, errors.Join(err, read)
		}
		for _, of := range some { // each by itself: one that cannot be stopped now keeps no other going
			ended, failed := s.stopAssistances(ctx, of)
			last, n, err = of, n+ended, errors.Join(err, failed)
		}
	}
}

func (s *Store) stopAssistances(ctx context.Context, of int64) (n int, err error) {
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		if _, err := customer(tx.DB, "c.id = ?"+tx.forTurn("c"), of); err != nil { // nobody may begin meanwhile: see askAssistance
			return err
		}
		n = 0 // of this attempt
		err := tx.endAssistances(func(*Assistance) string { n++; return AssistanceStopped }, "x.customer_id = ?", of)
		if err != nil {
			return err
		}
		return tx.closeConsents(of)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// sweepAssistances closes those that time or the end of a session has ended.
func (s *Store) sweepAssistances(ctx context.Context) error {
	return errors.Join(
		s.inTx(ctx, Actor{}, func(tx *Tx) error {
			return tx.endAssistances(staleWhy, "x.id IN (SELECT y.id FROM assistances y WHERE y.ended_at IS NULL AND (y.expires_at <= ? OR y.session_id IS NULL) ORDER BY y.id LIMIT ?)", tx.now, sweepBatch)
		}),
		s.db.WithContext(ctx).Exec("UPDATE consents SET ended_at = expires_at, code_hash = NULL WHERE ended_at IS NULL AND expires_at <= ?", s.now()).Error,
	)
}
