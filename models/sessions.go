package models

import (
	"context"
	"time"
	"unicode/utf8"
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
}

// Actor is the person of the session asking without a form.
func (s *Session) Actor() Actor {
	return Actor{Customer: s.CustomerID, Agent: s.AgentID, Session: s.ID}
}

// sessionColumns reads a Session from sessions se, customers c and agents ag, in the order of scanInto.
const sessionColumns = `se.id, COALESCE(se.customer_id, 0), COALESCE(se.agent_id, 0), COALESCE(c.identifier, ag.identifier, ''), COALESCE(c.name, ag.name, ''),
 COALESCE(c.language, ag.language, ''), COALESCE(c.theme, 'system'), COALESCE(c.time_zone, 'UTC'), se.data, se.seen_at, se.expires_at,
 COALESCE(se.proved_at, se.created_at), COALESCE(se.form_key, se.token_hash)`

const sessionPeople = " LEFT JOIN customers c ON c.id = se.customer_id LEFT JOIN agents ag ON ag.id = se.agent_id"

// sessionLive is the condition of a session that has not ended: $1 its hash, $2 now, $3 and $4 the idle limits.
const sessionLive = `se.token_hash = $1 AND se.expires_at > $2 AND (se.seen_at > $3 AND se.agent_id IS NULL OR se.seen_at > $4 AND se.agent_id IS NOT NULL)`

func (s *Session) dest() []any {
	return []any{&s.ID, &s.CustomerID, &s.AgentID, &s.Identifier, &s.Name, &s.Language, &s.Theme, &s.TimeZone, &s.Data, &s.SeenAt, &s.ExpiresAt, (*instant)(&s.ProvedAt), &s.FormKey}
}

// sessionArgs are the first parameters of every statement with sessionLive.
func (s *Store) sessionArgs(token string) []any {
	now := s.now()
	return []any{tokenHash(token), now, now.Add(-IdleFor), now.Add(-AgentIdleFor)}
}

var sessionSQL = statement("SELECT " + sessionColumns + " FROM sessions se" + sessionPeople + " WHERE " + sessionLive)

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

// SignOut ends a session: its next request, in any process, finds none.
func (s *Store) SignOut(ctx context.Context, id int64) error {
	return s.db.WithContext(ctx).Exec("DELETE FROM sessions WHERE id = ?", id).Error
}
