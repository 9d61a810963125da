package models

import (
	"context"
	"errors"
	"time"
)

// IdentityRequest is a person on the way to a provider and back: to sign in, to
// be linked with it, or to prove again who they are.
type IdentityRequest struct {
	SessionID int64  // that asks to be linked, or Again for a proof; 0: to sign in
	Again     bool   // the provider is to ask who they are, though it may remember them
	Next      string // where to go on to
}

// Proves says whether the person has a session, and is on the way to prove who they are.
func (r *IdentityRequest) Proves() bool { return r.SessionID != 0 && r.Again }

// Bounds of those who are on their way.
const (
	IdentityRequestFor  = 10 * time.Minute
	identityRequestsOf  = 100    // one peer, which may be many people
	identityRequestsAll = 20_000 // a row is short
	maxRequestNext      = 2000
)

// NewIdentityRequest notes that somebody is on their way to a provider, and
// gives the token for their cookie. replaced is the one of before, which ends. To
// be linked asks for a recent proof. Throttled when too many from there are on
// their way, ErrBusy when too many are.
func (s *Store) NewIdentityRequest(ctx context.Context, by Actor, r IdentityRequest, peer, replaced string) (token string, err error) {
	token = newToken()
	return token, s.change(ctx, by, func(tx *Tx) error {
		if r.SessionID != 0 && !r.Proves() {
			if err := tx.proven(); err != nil {
				return err
			}
		}
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
		return tx.exec("INSERT INTO identity_requests (token_hash, session_id, again, next, peer, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
			tokenHash(token), orNull(r.SessionID), r.Again, cut(r.Next, maxRequestNext), peer, tx.now.Add(IdentityRequestFor))
	})
}

// requestRow is a row of identity_requests.
type requestRow struct {
	TokenHash []byte
	SessionID *int64
	Again     bool
	Next      string
}

func (r *requestRow) request() (*IdentityRequest, error) {
	if r.TokenHash == nil {
		return nil, ErrSignInEnded
	}
	found := &IdentityRequest{Again: r.Again, Next: r.Next}
	if r.SessionID != nil {
		found.SessionID = *r.SessionID
	}
	return found, nil
}

const requestColumns = "token_hash, session_id, again, next"

// IdentityRequest reads the way of whoever has the cookie: ErrSignInEnded when
// they are on none.
func (s *Store) IdentityRequest(ctx context.Context, token string) (*IdentityRequest, error) {
	var r requestRow
	err := s.db.WithContext(ctx).Raw("SELECT "+requestColumns+" FROM identity_requests WHERE token_hash = ? AND expires_at > ?", tokenHash(token), s.now()).Scan(&r).Error
	if err != nil {
		return nil, err
	}
	return r.request()
}

// TakeIdentityRequest ends the way of whoever has the cookie: of any number that
// come back with it, one. ErrSignInEnded when it was taken, has lapsed or never was.
func (s *Store) TakeIdentityRequest(ctx context.Context, token string) (*IdentityRequest, error) {
	var r requestRow
	err := s.db.WithContext(ctx).Raw("DELETE FROM identity_requests WHERE token_hash = ? AND expires_at > ? RETURNING "+requestColumns, tokenHash(token), s.now()).Scan(&r).Error
	if err != nil {
		return nil, err
	}
	return r.request()
}

// IdentityCredentials are what a provider says of somebody who signs in.
type IdentityCredentials struct {
	Identity
	Claim             string    // the identifier that it says they have; "" when such a claim is not to be believed
	Customers, Agents bool      // who may sign in this way
	Strong            bool      // the provider asked for a second factor that counts
	At                time.Time // when the person showed the provider who they are; zero: it does not say
}

// SignInByIdentity begins a session for whom a provider knows, or a sign-in that
// waits for their second factor, as SignIn does: c says from where. A provider
// that asked for a second factor has shown it. Nobody who is linked is
// ErrUnlinked; but who has no link with that provider yet is linked by the claim.
func (s *Store) SignInByIdentity(ctx context.Context, ic IdentityCredentials, c Credentials, replaced string) (*SignedIn, error) {
	p, link, err := s.identified(ctx, ic)
	if err != nil {
		return nil, err
	}
	in := &SignedIn{}
	err = s.change(ctx, p.actor(), func(tx *Tx) error {
		was, err := tx.holdIdentity(p, ic.Issuer)
		switch {
		case err != nil:
			return err
		case was == nil && link:
			ic.LinkedBy = LinkedByClaim
			if was, err = tx.link(p, ic.Identity); err != nil {
				return err
			}
		case was == nil || was.Subject != ic.Subject:
			// Who is linked with another subject stays so: somebody else may have got
			// their name there since.
			return ErrUnlinked
		}
		p.Identity, p.Proved = was.ID, ic.proved(tx.now)
		if err := tx.exec("UPDATE identities SET used_at = ?, name = ? WHERE id = ?", tx.now, cut(ic.Name, maxIDName), was.ID); err != nil {
			return err
		}
		step := ""
		if ic.Strong {
			step = StepProvider
		}
		return tx.arrive(p, c, replaced, step, in)
	})
	if err == nil {
		err = s.readSession(ctx, in)
	}
	if errors.Is(err, ErrSignedOut) || violated(err) == "identity_subject_once" { // gone, or somebody else's, at this moment
		err = ErrUnlinked
	}
	if err != nil {
		return nil, err
	}
	return in, nil
}

// ProveByIdentity takes what a provider says of whoever came back from it, by a
// request of by's session (see TakeIdentityRequest), as proof that it is still
// they, from the moment at which it asked them. See Prove: Invalid (field "proof")
// when they are somebody else there, or it has not asked them within ProofFor;
// ErrUnlinked when it is not for them.
func (s *Store) ProveByIdentity(ctx context.Context, by Actor, ic IdentityCredentials) (token string, err error) {
	p, err := s.personOf(ctx, by, "")
	if err == nil && !ic.lets(p) {
		err = ErrUnlinked
	}
	if err != nil {
		return "", err
	}
	err = s.change(ctx, p.actor(), func(tx *Tx) error {
		is, err := tx.holdIdentity(p, ic.Issuer)
		if err != nil {
			return err
		}
		if is == nil || is.Subject != ic.Subject {
			return invalid("proof", "identity.again.other")
		}
		proved := ic.proved(tx.now)
		if tx.now.Sub(proved) > ProofFor {
			return invalid("proof", "identity.again.unasked")
		}
		token, err = tx.renewSession(by.Session, proved)
		return err
	})
	return token, err
}

// providerSkew is how far a provider's clock may be ahead.
const providerSkew = time.Minute

// proved is when the person showed who they are (R22). A provider that remembers
// people lets whoever sits at their browser in: what it does not say was long ago.
func (ic IdentityCredentials) proved(now time.Time) time.Time {
	if ic.At.IsZero() || ic.At.After(now.Add(providerSkew)) {
		return time.Unix(0, 0).UTC()
	}
	if ic.At.After(now) {
		return now
	}
	return ic.At
}

// lets says whether the provider is for this person.
func (ic IdentityCredentials) lets(p person) bool {
	return p.CustomerID != 0 && ic.Customers || p.AgentID != 0 && ic.Agents
}

// identified is the person whom a provider knows, or whom its claim means: link
// says that they are to be linked by it.
func (s *Store) identified(ctx context.Context, ic IdentityCredentials) (p person, link bool, err error) {
	var of Actor
	err = s.db.WithContext(ctx).Raw("SELECT COALESCE(i.customer_id, 0) AS customer, COALESCE(i.agent_id, 0) AS agent FROM identities i WHERE i.issuer = ? AND i.subject = ?", ic.Issuer, ic.Subject).Scan(&of).Error
	switch {
	case err != nil:
	case of.Customer != 0 || of.Agent != 0:
		p, err = s.personOf(ctx, of, "")
	case ic.Claim != "":
		link = true
		p, err = s.person(ctx, parseAnyIdentifier(ic.Claim), "")
	}
	if err == nil && !ic.lets(p) {
		err = ErrUnlinked
	}
	return p, link, err
}

// RestsOnIdentity says whether a session began at a provider.
func (s *Store) RestsOnIdentity(ctx context.Context, session int64) (bool, error) {
	var n int
	err := s.db.WithContext(ctx).Raw("SELECT count(*) FROM sessions WHERE id = ? AND identity_id IS NOT NULL", session).Scan(&n).Error
	return n > 0, err
}
