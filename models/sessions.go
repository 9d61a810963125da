package models

import (
	"context"
	"time"
	"unicode/utf8"

	"example.org/mandat/models/policy"
)

// Session limits: a session ends after IdleFor without a page asked by its
// person, and SessionFor after it began, whatever they do.
const (
	IdleFor    = 60 * time.Minute
	SessionFor = 24 * time.Hour

	AgentIdleFor    = 15 * time.Minute
	AgentSessionFor = 12 * time.Hour
)

// seenEvery is how fine the last use of a session is kept: more often would be a write for each page.
const seenEvery = time.Minute

// deviceFor is how long a browser that signed in is remembered as known.
const deviceFor = 180 * 24 * time.Hour

// Session is a signed-in browser with the person it belongs to, as the database
// has them now. Exactly one of CustomerID and AgentID is set.
type Session struct {
	ID         int64
	CustomerID int64
	AgentID    int64
	Identifier string
	Name       string
	Language   string
	Theme      string
	TimeZone   string
	Data       []byte // of gorilla/sessions: what is to be said on the next page
	SeenAt     time.Time
	ExpiresAt  time.Time
	ProvedAt   time.Time // the last password or code of its person
	FormKey    []byte    // what its forms are bound to, whatever its cookie is by now
	Role       string    // of an agent

	// Of an agent: the assistance in which they act. Of a customer: one that
	// is open about them, else a request that waits. Its reason is not read.
	Assistance *Assistance
	Mode       policy.Mode // how far an agent acts
	overlay    overlay
}

// Actor is the person of the session asking without a form: an agent as they
// are, or acting for a customer.
func (s *Session) Actor() Actor {
	a := Actor{Customer: s.CustomerID, Agent: s.AgentID, Session: s.ID}
	if s.AgentID != 0 && s.Assistance != nil {
		a.Customer, a.Assistance, a.Mode = s.Assistance.CustomerID, s.Assistance.ID, s.Mode
	}
	return a
}

// overlay is the assistance of a session as one row has it, or nulls.
type overlay struct {
	id, agentID, customerID                  *int64
	agent, agentName, customer, customerName *string
	ticket                                   *string
	consent                                  *ConsentKind
	mayChange                                *bool
	began, expires, renewed, changeUntil     moment
}

// settle fills in what the overlay says at now.
func (s *Session) settle(now time.Time) {
	o := &s.overlay
	if o.id == nil {
		return
	}
	s.Assistance = &Assistance{
		ID: *o.id, AgentID: *o.agentID, CustomerID: *o.customerID, Agent: *o.agent, AgentName: *o.agentName, Customer: *o.customer, CustomerName: *o.customerName,
		Ticket: *o.ticket, Consent: *o.consent, MayChange: *o.mayChange, BeganAt: o.began.Time, ExpiresAt: *o.expires.Time, RenewedAt: o.renewed.Time, ChangeUntil: o.changeUntil.Time,
	}
	if s.AgentID != 0 {
		s.Mode = s.Assistance.Mode(now)
	}
}

// sessionColumns reads a Session from sessions se, customers c and agents ag, in the order of scanInto.
const sessionColumns = `se.id, COALESCE(se.customer_id, 0), COALESCE(se.agent_id, 0), COALESCE(c.identifier, ag.identifier, ''), COALESCE(c.name, ag.name, ''),
 COALESCE(c.language, ag.language, ''), COALESCE(c.theme, 'system'), COALESCE(c.time_zone, oc.time_zone, 'UTC'), se.data, se.seen_at, se.expires_at,
 COALESCE(se.proved_at, se.created_at), COALESCE(se.form_key, se.token_hash), COALESCE(ag.role, ''),
 ov.id AS ov_id, ov.agent_id AS ov_agent, ov.customer_id AS ov_customer, oa.identifier AS oa_identifier, oa.name AS oa_name, oc.identifier AS oc_identifier, oc.name AS oc_name,
 ov.ticket, ov.consent, ov.may_change, ov.began_at, ov.expires_at AS ov_expires_at, ov.renewed_at, ov.change_until`

const sessionPeople = " LEFT JOIN customers c ON c.id = se.customer_id LEFT JOIN agents ag ON ag.id = se.agent_id"

// An agent who acts does so in the customer's time zone: an end that they type is the end of the customer's day.
const sessionOverlay = ` LEFT JOIN assistances ov ON ov.id = CASE WHEN se.agent_id IS NOT NULL
  THEN (SELECT x.id FROM assistances x WHERE x.session_id = se.id AND x.began_at IS NOT NULL AND x.ended_at IS NULL AND x.expires_at > $2 ORDER BY x.id LIMIT 1)
  ELSE (SELECT x.id FROM assistances x WHERE x.customer_id = se.customer_id AND x.ended_at IS NULL AND x.expires_at > $2 AND x.session_id IS NOT NULL AND (x.began_at IS NOT NULL OR x.consent IN ('request', 'emergency')) ORDER BY x.began_at IS NULL, x.id DESC LIMIT 1) END
 LEFT JOIN agents oa ON oa.id = ov.agent_id LEFT JOIN customers oc ON oc.id = ov.customer_id`

// sessionLive is the condition of a session that has not ended: $1 its hash, $2
// now, $3 and $4 the idle limits. Who is disabled has none, whatever was left.
const sessionLive = `se.token_hash = $1 AND se.expires_at > $2 AND (se.seen_at > $3 AND se.agent_id IS NULL OR se.seen_at > $4 AND se.agent_id IS NOT NULL AND ag.removed_at IS NULL) AND c.disabled_at IS NULL`

func (s *Session) dest() []any {
	o := &s.overlay
	return []any{
		&s.ID, &s.CustomerID, &s.AgentID, &s.Identifier, &s.Name, &s.Language, &s.Theme, &s.TimeZone, &s.Data, (*instant)(&s.SeenAt), (*instant)(&s.ExpiresAt), (*instant)(&s.ProvedAt), &s.FormKey, &s.Role,
		&o.id, &o.agentID, &o.customerID, &o.agent, &o.agentName, &o.customer, &o.customerName, &o.ticket, &o.consent, &o.mayChange, &o.began, &o.expires, &o.renewed, &o.changeUntil,
	}
}

// sessionArgs are the first parameters of every statement with sessionLive.
func (s *Store) sessionArgs(token string) []any {
	now := s.now()
	return []any{tokenHash(token), now, now.Add(-IdleFor), now.Add(-AgentIdleFor)}
}

var sessionSQL = statement("SELECT " + sessionColumns + " FROM sessions se" + sessionPeople + sessionOverlay + " WHERE " + sessionLive)

// Session reads the session of a cookie: ErrSignedOut when there is none, or it has ended.
func (s *Store) Session(ctx context.Context, token string) (*Session, error) {
	var found Session
	r, err := s.query(ctx, sessionSQL, s.sessionArgs(token)...)
	err = each(r, err, func() error { return r.Scan(found.dest()...) })
	if err != nil {
		return nil, err
	}
	if found.ID == 0 {
		return nil, ErrSignedOut
	}
	found.settle(s.now())
	return &found, nil
}

// rehash keeps a password with today's parameters, now that it is at hand.
func (tx *Tx) rehash(p person, hash string) error {
	if p.AgentID != 0 {
		return tx.exec("UPDATE agents SET password_hash = ? WHERE id = ? AND password_hash = ?", hash, p.AgentID, p.PasswordHash)
	}
	return tx.exec("UPDATE customers SET password_hash = ? WHERE id = ? AND password_hash = ?", hash, p.CustomerID, p.PasswordHash)
}

// beginSession is for arrive alone.
func (tx *Tx) beginSession(p person, c Credentials, replaced string, in *SignedIn) error {
	in.Token, in.Device = newToken(), newToken()
	lasts := SessionFor
	if p.AgentID != 0 {
		lasts = AgentSessionFor
	}
	var proved any // null: as it begins
	if !p.Proved.IsZero() {
		proved = p.Proved
	}
	if replaced != "" {
		if err := tx.exec("DELETE FROM sessions WHERE token_hash = ?", tokenHash(replaced)); err != nil {
			return err
		}
	}
	err := tx.exec("INSERT INTO sessions (token_hash, customer_id, agent_id, identity_id, proved_at, data, user_agent, peer, created_at, seen_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		tokenHash(in.Token), orNull(p.CustomerID), orNull(p.AgentID), orNull(p.Identity), proved, []byte{}, cut(c.UserAgent, 255), c.Peer, tx.now, tx.now, tx.now.Add(lasts))
	if err != nil {
		return err
	}
	if c.Device != "" {
		if err := tx.exec("DELETE FROM devices WHERE token_hash = ?", tokenHash(c.Device)); err != nil {
			return err
		}
	}
	return tx.exec("INSERT INTO devices (token_hash, customer_id, agent_id, seen_at) VALUES (?, ?, ?, ?)", tokenHash(in.Device), orNull(p.CustomerID), orNull(p.AgentID), tx.now)
}

// lockSessions locks sessions se that will end, before what hangs on them: see admitAgent.
func (tx *Tx) lockSessions(condition string, arg any) error {
	var ids []int64
	return tx.scan(&ids, "SELECT se.id FROM sessions se WHERE "+condition+" ORDER BY se.id"+tx.forUpdate("se"), arg)
}

// cut shortens what a stranger sent to n bytes of valid UTF-8.
func cut(text string, n int) string {
	if len(text) > n {
		text = text[:n]
		for !utf8.ValidString(text) && len(text) > 0 {
			text = text[:len(text)-1]
		}
	}
	if !utf8.ValidString(text) {
		return ""
	}
	return text
}

// NoteSeen keeps the last use of a session, at most once a minute.
func (s *Store) NoteSeen(ctx context.Context, se *Session) error {
	now := s.now()
	if now.Sub(se.SeenAt) < seenEvery {
		return nil
	}
	return s.db.WithContext(ctx).Exec("UPDATE sessions SET seen_at = ? WHERE id = ?", now, se.ID).Error
}

// SaveSession keeps the data of a session; one that has ended stays ended.
func (s *Store) SaveSession(ctx context.Context, id int64, data []byte) error {
	return s.db.WithContext(ctx).Exec("UPDATE sessions SET data = ? WHERE id = ?", data, id).Error
}

// SignOut ends a session, and the assistance that an agent has open in it: its
// next request, in any process, finds none.
func (s *Store) SignOut(ctx context.Context, se *Session) error {
	return s.change(ctx, Actor{Agent: se.AgentID}, func(tx *Tx) error {
		if se.AgentID != 0 {
			if err := tx.lockSessions("se.id = ?", se.ID); err != nil {
				return err
			}
			if err := tx.endAssistances(func(*Assistance) string { return AssistanceSignedOut }, "x.session_id = ?", se.ID); err != nil {
				return err
			}
		}
		return tx.exec("DELETE FROM sessions WHERE id = ?", se.ID)
	})
}
