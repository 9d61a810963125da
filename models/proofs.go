package models

import (
	"context"
	"time"
)

// ProofFor is for how long a proof of who somebody is lets them do what is
// sensitive (R22). Signing in is one.
const ProofFor = 5 * time.Minute

// Proved says whether the last proof of the session's person still counts at now.
func (s *Session) Proved(now time.Time) bool { return now.Sub(s.ProvedAt) <= ProofFor }

// proven refuses what is sensitive when the last proof of by's session is too
// old: Invalid (field "proof"). Verbs that ask for one call it first. Commands,
// jobs and the demo world have no session, and nothing to prove.
func (tx *Tx) proven() error {
	if tx.by.Session == 0 {
		return nil
	}
	var recent []bool
	if err := tx.scan(&recent, "SELECT COALESCE(se.proved_at, se.created_at) >= ? FROM sessions se WHERE se.id = ?", tx.now.Add(-ProofFor), tx.by.Session); err != nil {
		return err
	}
	if len(recent) == 0 {
		return ErrSignedOut
	}
	if !recent[0] {
		return invalid("proof", "proof.needed")
	}
	return nil
}

// Prove takes what the person of by's session offers as proof that it is still
// they: their password, or a code of their app. The session gets a new
// reference, the token for its cookie; the old one ends. Invalid (field "proof")
// when it is neither, Throttled after too many of those: whoever found the
// browser open may guess here.
func (s *Store) Prove(ctx context.Context, by Actor, proof string) (token string, err error) {
	if proof == "" {
		return "", invalid("proof", "proof.needed")
	}
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return "", err
	}
	if _, kind := parseCode(proof); kind == appCode {
		return s.proveByCode(ctx, by, p, proof)
	}
	if err := s.checkOwnPassword(ctx, p, proof, "proof", "proof.wrong"); err != nil {
		return "", err
	}
	return s.Renew(ctx, by)
}

// Renew gives by's session a new reference after a change that proved who they
// are, such as that of their password.
func (s *Store) Renew(ctx context.Context, by Actor) (token string, err error) {
	err = s.inTx(ctx, Actor{}, func(tx *Tx) error {
		token, err = tx.renewSession(by.Session, tx.now)
		return err
	})
	return token, err
}

// proveByCode is Prove by six digits, which no password is.
func (s *Store) proveByCode(ctx context.Context, by Actor, p person, code string) (token string, err error) {
	guesses := "code-own:" + p.Identifier
	if err := s.attempt(ctx, map[string]slowdown{guesses: codeSlowdown}); err != nil {
		return "", err
	}
	err = s.change(ctx, p.actor(), func(tx *Tx) error {
		if _, err := tx.lockPerson(p); err != nil {
			return err
		}
		kind, err := tx.useCode(p, code)
		if err != nil {
			return err
		}
		if kind == noCode {
			return invalid("proof", "proof.wrong")
		}
		if err := tx.succeeded([]string{guesses}, ""); err != nil {
			return err
		}
		token, err = tx.renewSession(by.Session, tx.now)
		return err
	})
	return token, err
}

// renewSession gives a session a new reference, now that its person has proved
// who they are.
func (tx *Tx) renewSession(id int64, proved time.Time) (string, error) {
	token := newToken()
	done := tx.Exec("UPDATE sessions SET token_hash = ?, form_key = COALESCE(form_key, token_hash), proved_at = ? WHERE id = ?", tokenHash(token), proved, id)
	if done.Error == nil && done.RowsAffected == 0 {
		return "", ErrSignedOut
	}
	return token, done.Error
}

// checkOwnPassword compares with the password of somebody who is signed in.
// Another one is Invalid, with this key in this field.
func (s *Store) checkOwnPassword(ctx context.Context, p person, password, field, key string) error {
	guesses := "own:" + p.Identifier
	if err := s.attempt(ctx, map[string]slowdown{guesses: accountSlowdown}); err != nil {
		return err
	}
	right, _, err := s.verifyPassword(ctx, password, p.PasswordHash)
	if err != nil {
		return err
	}
	if !right {
		return invalid(field, key)
	}
	return s.inTx(ctx, Actor{}, func(tx *Tx) error { return tx.succeeded([]string{guesses}, "") })
}
