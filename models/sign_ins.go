package models

import (
	"context"
	"errors"
	"time"
)

// # Why there is no half session
//
// A row of sessions is always somebody who has shown all that they must. When
// the password was right and a second factor is due, a row of sign_ins waits for
// it under a cookie of its own, with which nothing else can be asked. Every way
// in ends in arrive, so that none goes round the second factor.

// Bounds on a sign-in that waits for its second factor.
const (
	PendingFor = 10 * time.Minute
	maxTries   = 5 // wrong codes, then it ends
)

// ErrSignInEnded: the sign-in that waited for a second factor is over, by time,
// by too many wrong codes, or because the password or the factors changed.
var ErrSignInEnded = errors.New("the sign-in has ended")

// Credentials are what somebody signs in with, and from where.
type Credentials struct {
	Identifier string // as typed
	Password   string
	Peer       string // the true network address
	Device     string // the cookie of a browser that signed in before, "" for none
	Trusted    string // the cookie of a browser that is not asked for a second factor, "" for none
	UserAgent  string
}

// SignedIn is a session just begun, or, with a Pending, a sign-in that waits for
// its second factor and no session yet. The tokens are for cookies; none is kept.
type SignedIn struct {
	Session Session
	Token   string
	Device  string
	Trusted string // of a browser that is trusted from now on, else ""

	Pending    string
	Identifier string // whose sign-in waits

	Way, Step string // how they signed in, and by what second step: "" for none
}

// Ways of signing in, and second steps, as the log names them. A passkey is both.
const (
	WayPassword = "password"
	WayProvider = "provider"
	WayPasskey  = "passkey"

	StepApp      = "app"
	StepRecovery = "recovery code"
	StepPasskey  = "passkey"
	StepTrusted  = "trusted browser"
	StepProvider = "provider"
	StepAdded    = "added" // an agent's first, just now
)

// way is how somebody signs in who does so by no passkey alone.
func (p person) way() string {
	if p.Identity != 0 {
		return WayProvider
	}
	return WayPassword
}

// RefusedSignIn is an error of a sign-in with whom it was tried for, for the log
// alone: "" where what was typed is nobody's, and may be a password in the wrong
// field. It is the error itself in all else.
type RefusedSignIn struct {
	Who string
	error
}

// Unwrap is what was refused.
func (e RefusedSignIn) Unwrap() error { return e.error }

func refusedFor(p person, err error) error {
	if err == nil || p.id() == 0 {
		return err
	}
	return RefusedSignIn{p.Identifier, err}
}

// tried is what may be written down of an identifier as typed. That of a customer
// looks like nothing else; that of an agent may be a password, unless somebody has it.
func (p person) tried(identifier string) string {
	if _, ok := ParseIdentifier(identifier); ok || p.id() != 0 {
		return identifier
	}
	return ""
}

// Pending is a sign-in that waits for its second factor.
type Pending struct {
	Identifier string
	Enrol      bool       // who is bound to one and has none yet
	Enrolment  *Enrolment // for those; nil when none can be kept
	MayTrust   bool       // the browser can be trusted
}

// SignIn begins a session for a customer or an agent, or a sign-in that waits
// for their second factor. replaced is the token of the session that the browser
// had, which ends. ErrSignedOut says that identifier or password are not right,
// and takes as long for an identifier that nobody has; Throttled that too many
// attempts failed; ErrBusy that too many sign in at this moment.
func (s *Store) SignIn(ctx context.Context, c Credentials, replaced string) (*SignedIn, error) {
	for range attempts {
		in, err := s.signIn(ctx, c, replaced)
		if !errors.Is(err, errPasswordChanged) {
			return in, err
		}
	}
	return nil, ErrBusy
}

// errPasswordChanged: while a password was compared, another was set.
var errPasswordChanged = errors.New("models: the password was changed meanwhile")

func (s *Store) signIn(ctx context.Context, c Credentials, replaced string) (*SignedIn, error) {
	identifier := parseAnyIdentifier(c.Identifier)
	p, err := s.person(ctx, identifier, c.Device)
	if err != nil {
		return nil, err
	}
	account, peer := "account:"+identifier, "peer:"+c.Peer
	subjects := map[string]slowdown{account: accountSlowdown, peer: peerSlowdown}
	counted := []string{account}
	if p.Known {
		device := deviceSubject("device", c.Device)
		subjects = map[string]slowdown{device: deviceSlowdown, peer: peerSlowdown}
		counted = append(counted, device)
	}
	if err := s.attempt(ctx, subjects); err != nil {
		return nil, RefusedSignIn{p.tried(identifier), err}
	}
	right, weak, err := s.verifyPassword(ctx, c.Password, p.PasswordHash)
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, RefusedSignIn{p.tried(identifier), ErrSignedOut}
	}
	var stronger string
	if weak {
		if stronger, err = s.hashPassword(ctx, c.Password); err != nil {
			return nil, err
		}
	}
	in := &SignedIn{}
	err = s.change(ctx, p.actor(), func(tx *Tx) error {
		if now, err := tx.lockPerson(p); err != nil || now.PasswordHash != p.PasswordHash {
			return errors.Join(err, errPasswordChanged)
		}
		if err := tx.succeeded(counted, peer); err != nil {
			return err
		}
		if stronger != "" {
			if err := tx.rehash(p, stronger); err != nil {
				return err
			}
		}
		return tx.arrive(p, c, replaced, "", in)
	})
	if err != nil {
		return nil, err
	}
	return in, s.readSession(ctx, in)
}

// readSession completes a sign-in that has begun a session.
func (s *Store) readSession(ctx context.Context, in *SignedIn) error {
	if in.Pending != "" {
		return nil
	}
	found, err := s.Session(ctx, in.Token)
	if err == nil {
		in.Session = *found
	}
	return err
}

// arrive is the end of every way in, for a person whose row is locked: a session
// when they have shown a second factor (step says which), need none, or trust the
// browser; else a sign-in that waits for one.
func (tx *Tx) arrive(p person, c Credentials, replaced, step string, in *SignedIn) error {
	*in = SignedIn{Way: p.way(), Step: step}
	if step != "" {
		return tx.beginSession(p, c, replaced, in)
	}
	w, err := tx.store.waysIn(tx.DB, p, Offered{})
	if err != nil {
		return err
	}
	purpose := "code"
	switch {
	case w.Bound && w.Apps+w.Elsewhere == 0: // whose passkeys are all elsewhere where nothing is offered
		purpose = "enrol"
	case w.Agent: // nothing stands in for it
	case w.Apps == 0 && !w.Bound:
		return tx.beginSession(p, c, replaced, in)
	default:
		trusted, err := tx.trusts(p, c)
		if err != nil {
			return err
		}
		if trusted {
			in.Step = StepTrusted
			return tx.beginSession(p, c, replaced, in)
		}
	}
	in.Pending, in.Identifier = newToken(), p.Identifier
	return tx.exec("INSERT INTO sign_ins (token_hash, customer_id, agent_id, identity_id, purpose, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		tokenHash(in.Pending), orNull(p.CustomerID), orNull(p.AgentID), orNull(p.Identity), purpose, tx.now, tx.now.Add(PendingFor))
}

// pending finds whose sign-in waits under a token, and for what: ErrSignInEnded when none does.
func (s *Store) pending(ctx context.Context, token, device string) (p person, purpose string, err error) {
	var row struct {
		CustomerID, AgentID, IdentityID int64
		Purpose                         string
	}
	err = s.db.WithContext(ctx).Raw("SELECT COALESCE(i.customer_id, 0) AS customer_id, COALESCE(i.agent_id, 0) AS agent_id, COALESCE(i.identity_id, 0) AS identity_id, i.purpose FROM sign_ins i WHERE i.token_hash = ? AND i.expires_at > ?",
		tokenHash(token), s.now()).Scan(&row).Error
	if err == nil && row.Purpose == "" {
		err = ErrSignInEnded
	}
	if err != nil {
		return p, "", err
	}
	p, err = s.personOf(ctx, Actor{Customer: row.CustomerID, Agent: row.AgentID}, device)
	if err == nil && p.id() == 0 { // at this moment
		err = ErrSignInEnded
	}
	p.Identity = row.IdentityID
	return p, row.Purpose, err
}

// PendingSignIn reads a sign-in that waits: ErrSignInEnded when none does under
// this token. sealed is the enrolment of a form that comes back, "" for a new one.
func (s *Store) PendingSignIn(ctx context.Context, token, sealed string) (*Pending, error) {
	p, purpose, err := s.pending(ctx, token, "")
	if err != nil {
		return nil, err
	}
	found := &Pending{Identifier: p.Identifier, Enrol: purpose == "enrol", MayTrust: p.CustomerID != 0}
	if found.Enrol {
		found.Enrolment = s.enrolment(p, sealed)
	}
	return found, nil
}

// holdSignIn locks the person and their sign-in that waits for purpose.
func (tx *Tx) holdSignIn(p person, token, purpose string) (tries int, err error) {
	if _, err := tx.lockPerson(p); err != nil {
		return 0, err
	}
	var found []int
	err = tx.scan(&found, "SELECT i.tries FROM sign_ins i WHERE i.token_hash = ? AND i.purpose = ? AND i.expires_at > ? AND i."+p.column()+" = ?"+tx.forUpdate("i"), tokenHash(token), purpose, tx.now, p.id())
	if err == nil && len(found) == 0 {
		err = ErrSignInEnded
	}
	if err != nil {
		return 0, err
	}
	return found[0], nil
}

// AnswerSignIn makes a session of a sign-in that waits, by a code of an app or
// for recovery; trust keeps a customer's browser from being asked again.
// Invalid (field "code") for a code that is not right, ErrSignInEnded with the
// fifth of those or when the sign-in waits no more, Throttled after too many
// wrong ones of this person. Recovery codes are not throttled with the others:
// whoever has one is not to be shut out by a stranger's guesses.
func (s *Store) AnswerSignIn(ctx context.Context, token, code string, trust bool, c Credentials, replaced string) (*SignedIn, error) {
	p, _, err := s.pending(ctx, token, c.Device)
	if err != nil {
		return nil, err
	}
	guess := s.guessOf(p, code, c)
	if err := s.attempt(ctx, guess.subjects); err != nil {
		return nil, refusedFor(p, err)
	}
	in, refusal := &SignedIn{}, error(nil)
	err = s.change(ctx, p.actor(), func(tx *Tx) error {
		refusal = nil
		tries, err := tx.holdSignIn(p, token, "code")
		if err != nil {
			return err
		}
		kind, err := tx.useCode(p, code)
		if err != nil {
			return err
		}
		if kind == noCode { // which must be remembered
			refusal = invalid("code", "factor.code.wrong")
			if tries+1 >= maxTries {
				refusal = ErrSignInEnded
				return tx.exec("DELETE FROM sign_ins WHERE token_hash = ?", tokenHash(token))
			}
			return tx.exec("UPDATE sign_ins SET tries = tries + 1 WHERE token_hash = ?", tokenHash(token))
		}
		if err := tx.succeeded(guess.counted, guess.peer); err != nil {
			return err
		}
		return tx.answered(p, token, c, replaced, kind.step(), trust, in)
	})
	if err = errors.Join(err, refusal); err != nil {
		return nil, refusedFor(p, err)
	}
	return in, s.readSession(ctx, in)
}

// answered begins the session of a sign-in that waited.
func (tx *Tx) answered(p person, token string, c Credentials, replaced, step string, trust bool, in *SignedIn) error {
	if err := tx.exec("DELETE FROM sign_ins WHERE token_hash = ?", tokenHash(token)); err != nil {
		return err
	}
	if err := tx.arrive(p, c, replaced, step, in); err != nil {
		return err
	}
	if !trust || p.CustomerID == 0 {
		return nil
	}
	var err error
	in.Trusted, err = tx.trust(p, c)
	return err
}

// EnrolSignIn makes a session of the sign-in of somebody who is bound to a second
// factor and has none yet, by their first one. Its recovery codes are told here and never
// again. Errors are those of EnrolFactor, and ErrSignInEnded.
func (s *Store) EnrolSignIn(ctx context.Context, token string, n NewFactor, c Credentials, replaced string) (in *SignedIn, codes []string, err error) {
	p, _, err := s.pending(ctx, token, c.Device)
	if err != nil {
		return nil, nil, err
	}
	in = &SignedIn{}
	err = s.change(ctx, p.actor(), func(tx *Tx) error {
		if _, err := tx.holdSignIn(p, token, "enrol"); err != nil {
			return err
		}
		if codes, err = tx.addFactor(p, n); err != nil {
			return err
		}
		// Others that wait for the same are not to add a second one.
		if err := tx.exec("DELETE FROM sign_ins WHERE "+p.column()+" = ?", p.id()); err != nil {
			return err
		}
		return tx.answered(p, token, c, replaced, StepAdded, false, in)
	})
	if err != nil {
		return nil, nil, refusedFor(p, err)
	}
	return in, codes, s.readSession(ctx, in)
}

// forgetPassword ends what a password that is no more had opened in part: what
// waits for a second factor, and the browsers that are not asked for one. It
// comes before the sessions are ended, since a sign-in that is being answered
// has one when its row lets go.
func (tx *Tx) forgetPassword(p person) error {
	if err := tx.exec("DELETE FROM sign_ins WHERE "+p.column()+" = ?", p.id()); err != nil {
		return err
	}
	return tx.exec("DELETE FROM trusted_devices WHERE customer_id = ?", p.CustomerID)
}

// A guess is an attempt at a code, and what it is counted against.
type guess struct {
	subjects map[string]slowdown
	counted  []string // forgotten when it was right
	peer     string
}

// guessOf counts a guess at an app's code against the person, or the browser
// where they signed in before: a stranger who knows the password cannot shut
// them out there. Guesses at recovery codes are hopeless, and count for the peer alone.
func (s *Store) guessOf(p person, typed string, c Credentials) guess {
	g := guess{peer: "peer:" + c.Peer, subjects: map[string]slowdown{"peer:" + c.Peer: peerSlowdown}}
	if _, kind := parseCode(typed); kind == recoveryCode {
		return g
	}
	subject := "code:" + p.Identifier
	if p.Known {
		subject = deviceSubject("code-device", c.Device)
	}
	g.subjects[subject], g.counted = codeSlowdown, []string{subject}
	return g
}
