package models

import (
	"context"
	"encoding/json"
	"time"
)

// ChallengeFor is how long a browser has to answer what it was asked to sign.
const ChallengeFor = 5 * time.Minute

// Bounds on challenges. A browser's oldest give way to new ones; a peer, and all
// together, must wait until some have been answered or have lapsed.
const (
	challengesOfBrowser = 10
	challengesOfPeer    = 200
	challengesOfAll     = 20_000
)

// What a challenge is for. It is good for nothing else.
const (
	challengeCreation   = "creation"
	challengeSignIn     = "sign-in"
	challengeProof      = "proof"
	challengeSecondStep = "second-step"
)

// Challenge is what a browser is asked. Browser is for its cookie, Options for
// navigator.credentials; of neither anything but a hash is kept.
type Challenge struct {
	Options json.RawMessage
	Browser string
}

// ChallengeCreation asks by's browser for a new passkey, on a device that has
// none of theirs yet. What AddPasskey would refuse, it refuses too: the device
// keeps what it makes.
func (s *Store) ChallengeCreation(ctx context.Context, by Actor, at Ceremony, name string) (*Challenge, error) {
	p, err := s.passkeyPerson(ctx, by)
	if err != nil {
		return nil, err
	}
	if _, err := passkeyName(name); err != nil {
		return nil, err
	}
	return s.challenge(ctx, at, challengeCreation, by.Session, func(tx *Tx) (json.RawMessage, string, error) {
		holder, err := tx.passkeyHolder(p)
		if err != nil {
			return nil, "", err
		}
		known, err := tx.credentials(p, at.Site.ID())
		if err != nil {
			return nil, "", err
		}
		return at.Site.Create(holder, known)
	})
}

// ChallengeSignIn asks a browser for any passkey of this site.
func (s *Store) ChallengeSignIn(ctx context.Context, at Ceremony) (*Challenge, error) {
	return s.challenge(ctx, at, challengeSignIn, 0, func(*Tx) (json.RawMessage, string, error) { return at.Site.Ask(nil) })
}

// ChallengeProof asks by's browser for one of their passkeys, as proof that it
// is still they: Invalid when they have none.
func (s *Store) ChallengeProof(ctx context.Context, by Actor, at Ceremony) (*Challenge, error) {
	p, err := s.passkeyPerson(ctx, by)
	if err != nil {
		return nil, err
	}
	return s.challenge(ctx, at, challengeProof, by.Session, func(tx *Tx) (json.RawMessage, string, error) { return tx.askFor(p, at) })
}

// askFor asks for one of the passkeys of somebody who is known by other means.
func (tx *Tx) askFor(p person, at Ceremony) (json.RawMessage, string, error) {
	known, err := tx.credentials(p, at.Site.ID())
	if err == nil && len(known) == 0 {
		err = invalid("passkey", "passkey.none")
	}
	if err != nil {
		return nil, "", err
	}
	return at.Site.Ask(known)
}

// challenge notes what a browser is asked. ErrBusy, or Throttled, when too much is asked already.
func (s *Store) challenge(ctx context.Context, at Ceremony, purpose string, in int64, ask func(tx *Tx) (json.RawMessage, string, error)) (*Challenge, error) {
	c := &Challenge{Browser: at.Browser}
	if len(c.Browser) != len(newToken()) {
		c.Browser = newToken()
	}
	browser := tokenHash(c.Browser)
	return c, s.change(ctx, Actor{}, func(tx *Tx) error {
		if err := tx.boundChallenges(browser, at.Peer); err != nil {
			return err
		}
		options, challenge, err := ask(tx)
		if err != nil {
			return err
		}
		c.Options = options
		return tx.exec("INSERT INTO passkey_challenges (challenge_hash, browser_hash, purpose, asked_in, peer, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
			tokenHash(challenge), browser, purpose, in, at.Peer, tx.now.Add(ChallengeFor))
	})
}

func (tx *Tx) boundChallenges(browser digest, peer string) error {
	err := tx.exec(`DELETE FROM passkey_challenges WHERE challenge_hash IN
		(SELECT x.challenge_hash FROM passkey_challenges x WHERE x.browser_hash = ? ORDER BY x.expires_at DESC LIMIT ? OFFSET ?)`,
		browser, challengesOfBrowser, challengesOfBrowser-1)
	if err != nil {
		return err
	}
	var n struct{ Peer, Total int }
	err = tx.scan(&n, `SELECT (SELECT count(*) FROM passkey_challenges x WHERE x.peer = @peer AND x.expires_at > @now) AS peer,
		(SELECT count(*) FROM (SELECT 1 FROM passkey_challenges x WHERE x.expires_at > @now LIMIT @most) AS live) AS total`,
		map[string]any{"peer": peer, "now": tx.now, "most": challengesOfAll})
	switch {
	case err != nil:
		return err
	case n.Total >= challengesOfAll:
		return ErrBusy
	case n.Peer >= challengesOfPeer:
		return Throttled{Wait: time.Minute}
	}
	return nil
}

// takeChallenge takes a challenge off the table: it must have been put to this
// browser, for this, in this session or sign-in, and within ChallengeFor.
func (tx *Tx) takeChallenge(challenge, browser, purpose string, in int64) error {
	taken := tx.Exec("DELETE FROM passkey_challenges WHERE challenge_hash = ? AND browser_hash = ? AND purpose = ? AND asked_in = ? AND expires_at > ?",
		tokenHash(challenge), tokenHash(browser), purpose, in, tx.now)
	if taken.Error == nil && taken.RowsAffected == 0 {
		return invalid("passkey", "passkey.lapsed")
	}
	return taken.Error
}

// spendChallenge takes a challenge off the table that was put to this browser, if it is there.
func (tx *Tx) spendChallenge(challenge, browser string) error {
	return tx.exec("DELETE FROM passkey_challenges WHERE challenge_hash = ? AND browser_hash = ?", tokenHash(challenge), tokenHash(browser))
}

// ChallengeSecondStep asks a browser for a passkey of whoever has a sign-in that
// waits under this token: Invalid when they have none, ErrSignInEnded when none waits.
func (s *Store) ChallengeSecondStep(ctx context.Context, token string, at Ceremony) (*Challenge, error) {
	p, _, err := s.pending(ctx, token, "")
	if err != nil {
		return nil, err
	}
	id, err := s.pendingID(ctx, token)
	if err != nil {
		return nil, err
	}
	return s.challenge(ctx, at, challengeSecondStep, id, func(tx *Tx) (json.RawMessage, string, error) { return tx.askFor(p, at) })
}

func (s *Store) pendingID(ctx context.Context, token string) (id int64, err error) {
	err = s.db.WithContext(ctx).Raw("SELECT i.id FROM sign_ins i WHERE i.token_hash = ? AND i.expires_at > ?", tokenHash(token), s.now()).Scan(&id).Error
	if err == nil && id == 0 {
		err = ErrSignInEnded
	}
	return id, err
}
