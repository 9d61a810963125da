package models

import (
	"context"
	"time"
)

// OpenSession is a session as its person looks at it.
type OpenSession struct {
	ID        int64
	UserAgent string // as the browser calls itself
	Peer      string // network address at the sign-in
	CreatedAt time.Time
	SeenAt    time.Time // to the minute
	ExpiresAt time.Time // whatever its person does
	Own       bool      // the one that asks
}

// MaxSessions is how many sessions are shown: those used last.
const MaxSessions = 100

// Sessions lists the sessions of the person whose session asks, a customer or an
// agent, that one first. Whose they are is read from that session, and not from
// who acts for whom.
func (s *Store) Sessions(ctx context.Context, by Actor) ([]OpenSession, error) {
	var list []OpenSession
	now := s.now()
	err := s.db.WithContext(ctx).Raw(`SELECT se.id, se.user_agent, se.peer, se.created_at, se.seen_at, se.expires_at, se.id = me.id AS own
		FROM sessions me JOIN sessions se ON se.customer_id = me.customer_id OR se.agent_id = me.agent_id
		WHERE me.id = @me AND se.expires_at > @now AND (se.seen_at > @idle AND se.agent_id IS NULL OR se.seen_at > @agent_idle AND se.agent_id IS NOT NULL)
		ORDER BY se.id = me.id DESC, se.seen_at DESC, se.id DESC LIMIT @most`,
		map[string]any{"me": by.Session, "now": now, "idle": now.Add(-IdleFor), "agent_idle": now.Add(-AgentIdleFor), "most": MaxSessions}).Scan(&list).Error
	return list, err
}

// EndSession ends one session of the person whose session asks: its next
// request, in any process, finds none. ErrNotFound when it is somebody else's,
// or has ended. It asks for a proof: see Tx.proven.
func (s *Store) EndSession(ctx context.Context, by Actor, id int64) error {
	return s.change(ctx, by, func(tx *Tx) error {
		if err := tx.proven(); err != nil {
			return err
		}
		p, err := tx.ownPerson()
		if err != nil {
			return err
		}
		var ended OpenSession
		err = tx.scan(&ended, "DELETE FROM sessions WHERE id = ? AND (customer_id = ? OR agent_id = ?) RETURNING id, peer, created_at", id, p.CustomerID, p.AgentID)
		if err != nil {
			return err
		}
		if ended.ID == 0 {
			return ErrNotFound
		}
		return tx.record(Event{
			Kind: "session.ended", Class: SelfEvent, SubjectID: p.CustomerID, Object: p.Identifier,
			Detail: Detail{"peer": {Before: ended.Peer}, "since": {Before: ended.CreatedAt.Format(time.RFC3339)}},
		})
	})
}

// EndedElsewhere is what EndOtherSessions has ended.
type EndedElsewhere struct {
	Sessions int64
	Support  bool // what a customer allowed support, or it was doing for them
}

// EndOtherSessions ends all sessions of the person but the one that asks, with
// what a customer allows support and what it does for them. It asks for a proof.
func (s *Store) EndOtherSessions(ctx context.Context, by Actor) (out EndedElsewhere, err error) {
	err = s.change(ctx, by, func(tx *Tx) error {
		if err := tx.proven(); err != nil {
			return err
		}
		p, err := tx.ownPerson()
		if err != nil {
			return err
		}
		ended := tx.Exec("DELETE FROM sessions WHERE id <> ? AND (customer_id = ? OR agent_id = ?)", tx.by.Session, p.CustomerID, p.AgentID)
		if out.Sessions = ended.RowsAffected; ended.Error != nil {
			return ended.Error
		}
		if p.CustomerID != 0 { // after the sessions: what one of them was just allowing has committed
			if out.Support, err = tx.shutSupportOut(p.CustomerID, AssistanceNoConsent); err != nil {
				return err
			}
		}
		if out.Sessions == 0 {
			return nil
		}
		return tx.record(Event{Kind: "session.others_ended", Class: SelfEvent, SubjectID: p.CustomerID, Object: p.Identifier, Detail: Detail{"sessions": {Before: out.Sessions}}})
	})
	return out, err
}

// sessionPerson is whose a session is: exactly one of the ids is set.
type sessionPerson struct {
	CustomerID, AgentID int64
	Identifier          string
}

// ownPerson is whose session asks.
func (tx *Tx) ownPerson() (sessionPerson, error) {
	var p sessionPerson
	err := tx.scan(&p, "SELECT COALESCE(se.customer_id, 0) AS customer_id, COALESCE(se.agent_id, 0) AS agent_id, COALESCE(c.identifier, ag.identifier) AS identifier FROM sessions se"+sessionPeople+" WHERE se.id = ?", tx.by.Session)
	if err == nil && p.Identifier == "" {
		err = ErrSignedOut
	}
	return p, err
}
