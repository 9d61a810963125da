package models

import (
	"context"
	"errors"
)

// SignOutPerson ends every session of a customer or an agent, the sign-ins of
// theirs that wait for a second factor, what an agent does for customers in them,
// and what a customer allows support, with what it does for them; how many
// sessions there were it says. What signs them in again stays.
// ErrNotFound for nobody's identifier. It is the operator's verb. When it
// returns, nothing succeeds in any of them, in any process.
func (s *Store) SignOutPerson(ctx context.Context, identifier string) (n int64, err error) {
	p, err := s.known(ctx, identifier)
	if err != nil {
		return 0, err
	}
	return s.signOutPerson(ctx, p)
}

func (s *Store) signOutPerson(ctx context.Context, p person) (n int64, err error) {
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		if err := tx.lockSessions("se."+p.column()+" = ?", p.id()); err != nil { // before the person, as forms lock them
			return err
		}
		// A sign-in that is being answered has a session when the person's row lets go.
		p.Disabled = true // or not: it makes no difference
		if _, err := tx.lockPerson(p); err != nil {
			return err
		}
		waiting := tx.Exec("DELETE FROM sign_ins WHERE "+p.column()+" = ?", p.id())
		if waiting.Error != nil {
			return waiting.Error
		}
		if p.AgentID != 0 {
			if err := tx.endAssistances(func(*Assistance) string { return AssistanceStopped }, "x.agent_id = ?", p.AgentID); err != nil {
				return err
			}
		}
		ended := tx.Exec("DELETE FROM sessions WHERE "+p.column()+" = ?", p.id())
		if n = ended.RowsAffected; ended.Error != nil {
			return ended.Error
		}
		if p.CustomerID != 0 {
			if _, err := tx.shutSupportOut(p.CustomerID, AssistanceStopped); err != nil {
				return err
			}
		}
		if n+waiting.RowsAffected == 0 {
			return nil
		}
		return tx.record(p.event("session.all_ended", Detail{"sessions": {Before: n}}))
	})
	return n, err
}

// signOutBatch is how many people SignOutAll reads at a time.
const signOutBatch = 500

// SignOutAll is SignOutPerson for all customers, or all agents, who are signed in
// or about to be, and for customers who let support in: each by themselves, so
// that one who cannot be signed out now keeps no other in. It says how many
// people and sessions there were.
func (s *Store) SignOutAll(ctx context.Context, agents bool) (people int, sessions int64, err error) {
	of, table := person{CustomerID: 1}, "customers"
	open := " UNION SELECT k.customer_id FROM consents k WHERE k.ended_at IS NULL AND k.customer_id > @last UNION SELECT x.customer_id FROM assistances x WHERE x.ended_at IS NULL AND x.began_at IS NOT NULL AND x.customer_id > @last"
	if agents {
		of, table, open = person{AgentID: 1}, "agents", ""
	}
	column, last := of.column(), int64(0)
	for {
		var some []struct {
			ID         int64
			Identifier string
		}
		read := s.db.WithContext(ctx).Raw("SELECT c.id, c.identifier FROM "+table+" c WHERE c.id IN (SELECT se."+column+" FROM sessions se WHERE se."+column+" > @last UNION SELECT i."+column+" FROM sign_ins i WHERE i."+column+" > @last"+open+") ORDER BY c.id LIMIT @n",
			map[string]any{"last": last, "n": signOutBatch}).Scan(&some).Error
		if read != nil || len(some) == 0 {
			return people, sessions, errors.Join(err, read)
		}
		for _, who := range some {
			p := person{CustomerID: who.ID, Identifier: who.Identifier}
			if agents {
				p = person{AgentID: who.ID, Identifier: who.Identifier}
			}
			n, ended := s.signOutPerson(ctx, p)
			if last = who.ID; ended == nil {
				people, sessions = people+1, sessions+n
			}
			err = errors.Join(err, ended)
		}
	}
}
