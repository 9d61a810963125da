package models

import (
	"context"
	"errors"
	"time"
)

// IdentityRequest is a person on the way to a provider and back: to sign in, or
// to be linked with it.
type IdentityRequest struct {
	SessionID int64  // that asks to be linked; 0: to sign in
	Next      string // where to go on to
}

// Bounds of those who are on their way.
const (
	IdentityRequestFor  = 10 * time.Minute
	identityRequestsOf  = 100    // one peer, which may be many people
	identityRequestsAll = 20_000 // a row is short
	maxRequestNext      = 2000
)

// NewIdentityRequest notes that somebody is on their way to a provider, and
// gives the token for their cookie. replaced is the one of before, which ends.
// Throttled when too many from there are on their way, ErrBusy when too many are.
func (s *Store) NewIdentityRequest(ctx context.Context, by Actor, r IdentityRequest, peer, replaced string) (token string, err error) {
	token = newToken()
	note := func(tx *Tx) error {
		if replaced != "" {
			if err := tx.exec("DELETE FROM identity_requests WHERE token_hash = ?", tokenHash(replaced)); err != nil {
				return err
			}
		}
		var under struct{ Peer, All int }
		// What has lapsed counts until it is swept, a minute later at most.
		err := tx.scan(&under, "SELECT (SELECT count(*) FROM identity_requests WHERE peer = ?) AS peer, (SELECT count(*) FROM identity_requests) AS \"all\"", peer)
		switch {
		case err != nil:
			return err
		case under.Peer >= identityRequestsOf:
			return Throttled{Wait: time.Minute}
		case under.All >= identityRequestsAll:
			return ErrBusy
		}
		return tx.exec("INSERT INTO identity_requests (token_hash, session_id, next, peer, expires_at) VALUES (?, ?, ?, ?, ?)",
			tokenHash(token), orNull(r.SessionID), cut(r.Next, maxRequestNext), peer, tx.now.Add(IdentityRequestFor))
	}
	return token, s.change(ctx, by, note)
}

// HasIdentityRequest says whether a cookie is of somebody on their way.
func (s *Store) HasIdentityRequest(ctx context.Context, token string) (bool, error) {
	var n int
	err := s.db.WithContext(ctx).Raw("SELECT count(*) FROM identity_requests WHERE token_hash = ? AND expires_at > ?", tokenHash(token), s.now()).Scan(&n).Error
	return n > 0, err
}

// TakeIdentityRequest ends the way of whoever has the cookie: of any number that
// come back with it, one. ErrExpiredLink when it was taken, has lapsed or never was.
func (s *Store) TakeIdentityRequest(ctx context.Context, token string) (*IdentityRequest, error) {
	var r struct {
		TokenHash []byte
		SessionID *int64
		Next      string
	}
	err := s.db.WithContext(ctx).Raw("DELETE FROM identity_requests WHERE token_hash = ? AND expires_at > ? RETURNING token_hash, session_id, next", tokenHash(token), s.now()).Scan(&r).Error
	if err != nil {
		return nil, err
	}
	if r.TokenHash == nil {
		return nil, ErrExpiredLink
	}
	taken := &IdentityRequest{Next: r.Next}
	if r.SessionID != nil {
		taken.SessionID = *r.SessionID
	}
	return taken, nil
}

// IdentityCredentials are what a provider says of somebody who signs in.
type IdentityCredentials struct {
	Identity
	Claim             string // the identifier that it says they have; "" when such a claim is not to be believed
	Customers, Agents bool   // who may sign in this way
	Strong            bool   // the provider asked for a second factor that counts
}

// SignInByIdentity begins a session for whom a provider knows, as SignIn does:
// c says from where. Nobody who is linked is ErrUnlinked; but who has no link
// with that provider yet is linked by the claim.
func (s *Store) SignInByIdentity(ctx context.Context, ic IdentityCredentials, c Credentials, replaced string) (*SignedIn, error) {
	in := &SignedIn{Token: newToken(), Device: newToken()}
	err := s.inTx(ctx, Actor{}, func(tx *Tx) error {
		p, err := tx.identified(ic)
		if err != nil {
			return err
		}
		if err := tx.exec("UPDATE identities SET used_at = ?, name = ? WHERE id = ?", tx.now, cut(ic.Name, maxIDName), p.Identity); err != nil {
			return err
		}
		return tx.beginSession(p, c, replaced, in)
	})
	if violated(err) != "" { // somebody was linked at this moment
		return nil, ErrUnlinked
	}
	if err != nil {
		return nil, err
	}
	found, err := s.Session(ctx, in.Token)
	if err != nil {
		return nil, err
	}
	in.Session = *found
	return in, nil
}

// identified is the person whom a provider knows, with their link.
func (tx *Tx) identified(ic IdentityCredentials) (person, error) {
	var p person
	err := tx.scan(&p, `SELECT COALESCE(i.customer_id, 0) AS customer_id, COALESCE(i.agent_id, 0) AS agent_id, COALESCE(c.identifier, ag.identifier) AS identifier, i.id AS identity
		FROM identities i LEFT JOIN customers c ON c.id = i.customer_id LEFT JOIN agents ag ON ag.id = i.agent_id
		WHERE i.issuer = ? AND i.subject = ?`+tx.forUpdate("i"), ic.Issuer, ic.Subject)
	if err != nil {
		return p, err
	}
	if p.Identity == 0 && ic.Claim != "" {
		if p, err = tx.claimed(ic); err != nil {
			return p, err
		}
	}
	if p.Identity == 0 || p.CustomerID != 0 && !ic.Customers || p.AgentID != 0 && !ic.Agents {
		return person{}, ErrUnlinked
	}
	return p, nil
}

// claimed links whoever has the identifier that the provider says. Who is linked
// with another subject of that provider stays so: somebody else may have got
// that name there since.
func (tx *Tx) claimed(ic IdentityCredentials) (person, error) {
	p, err := tx.findPerson(ic.Claim)
	if errors.Is(err, ErrNotFound) || err == nil && (p.CustomerID != 0 && !ic.Customers || p.AgentID != 0 && !ic.Agents) {
		return person{}, ErrUnlinked
	}
	if err != nil {
		return p, err
	}
	was, err := tx.identityOf(p, ic.Issuer)
	if err != nil || was != nil {
		return person{}, errors.Join(ErrUnlinked, err)
	}
	tx.by = Actor{Customer: p.CustomerID, Agent: p.AgentID}
	ic.LinkedBy = LinkedByClaim
	made, err := tx.link(p, ic.Identity)
	if err != nil {
		return p, err
	}
	p.Identity = made.ID
	return p, nil
}

// RestsOnIdentity says whether a session began at a provider.
func (s *Store) RestsOnIdentity(ctx context.Context, session int64) (bool, error) {
	var n int
	err := s.db.WithContext(ctx).Raw("SELECT count(*) FROM sessions WHERE id = ? AND identity_id IS NOT NULL", session).Scan(&n).Error
	return n > 0, err
}
