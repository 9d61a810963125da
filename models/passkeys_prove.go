package models

import (
	"context"
	"errors"

	"example.org/mandat/models/webauthn"
)

// SignInWithPasskey begins a session for whoever proves a passkey when asked by
// ChallengeSignIn. It verified its person, so that it is both factors.
// replaced is the token of the session that the browser had, which ends.
// Invalid (field "passkey") says that it proves nothing; Throttled that too many
// attempts failed.
func (s *Store) SignInWithPasskey(ctx context.Context, at Ceremony, answer string, c Credentials, replaced string) (*SignedIn, error) {
	proof, err := s.readProof(answer)
	if err != nil {
		return nil, err
	}
	peer := "peer:" + at.Peer
	if err := s.attempt(ctx, map[string]slowdown{peer: peerSlowdown}); err != nil {
		return nil, err
	}
	in := &SignedIn{}
	err = s.proveByPasskey(ctx, at, proof, challengeSignIn, 0, person{}, func(tx *Tx, p person) error {
		if err := tx.succeeded(nil, peer); err != nil {
			return err
		}
		return tx.arrive(p, c, replaced, StepPasskey, in)
	})
	if err != nil {
		return nil, err
	}
	in.Way = WayPasskey
	return in, s.readSession(ctx, in)
}

// AnswerSignInWithPasskey is AnswerSignIn by a passkey, asked for by
// ChallengeSecondStep: Invalid (field "passkey") when it proves nothing.
func (s *Store) AnswerSignInWithPasskey(ctx context.Context, token string, at Ceremony, answer string, trust bool, c Credentials, replaced string) (*SignedIn, error) {
	p, _, err := s.pending(ctx, token, "")
	if err != nil {
		return nil, err
	}
	id, err := s.pendingID(ctx, token)
	if err != nil {
		return nil, err
	}
	proof, err := s.readProof(answer)
	if err != nil {
		return nil, err
	}
	in := &SignedIn{}
	err = s.proveByPasskey(ctx, at, proof, challengeSecondStep, id, p, func(tx *Tx, p person) error {
		if _, err := tx.holdSignIn(p, token, "code"); err != nil {
			return err
		}
		return tx.answered(p, token, c, replaced, StepPasskey, trust, in)
	})
	if err != nil {
		return nil, refusedFor(p, err)
	}
	return in, s.readSession(ctx, in)
}

// ProveWithPasskey takes a passkey of by's, asked for by ChallengeProof, as
// proof that it is still they. See Prove.
func (s *Store) ProveWithPasskey(ctx context.Context, by Actor, at Ceremony, answer string) (token string, err error) {
	p, err := s.passkeyPerson(ctx, by)
	if err != nil {
		return "", err
	}
	proof, err := s.readProof(answer)
	if err == nil {
		err = s.proveByPasskey(ctx, at, proof, challengeProof, by.Session, p, func(*Tx, person) error { return nil })
	}
	if bad := (Invalid{}); errors.As(err, &bad) {
		return "", Invalid{"proof": bad["passkey"]}
	}
	if err != nil {
		return "", err
	}
	return s.Renew(ctx, by)
}

// storedPasskey is a passkey with all that it is checked with.
type storedPasskey struct {
	ID           int64
	CustomerID   int64
	AgentID      int64
	Identifier   string
	Name         string
	Handle       []byte
	CredentialID []byte
	PublicKey    []byte
	SignCount    int64
	Flags        byte
	Model        []byte
	Transports   string
}

func (k *storedPasskey) credential() webauthn.Credential {
	return webauthn.Credential{ID: k.CredentialID, PublicKey: k.PublicKey, Count: uint32(k.SignCount), Flags: k.Flags, Model: k.Model, Transports: k.Transports}
}

func (k *storedPasskey) person() person {
	return person{CustomerID: k.CustomerID, AgentID: k.AgentID, Identifier: k.Identifier}
}

// readProof reads what a browser answered: Invalid (field "passkey") if it is nothing of the kind.
func (s *Store) readProof(answer string) (*webauthn.Assertion, error) {
	proof, err := webauthn.ReadAssertion(answer)
	if err != nil {
		return nil, s.refusePasskey(err)
	}
	return proof, nil
}

// proveByPasskey checks what a browser answered to a challenge of this purpose
// and does then, in the same transaction. of is whose passkey it must be; the
// zero person is anybody, whose handle then comes with it. The challenge is
// spent whatever comes of it.
func (s *Store) proveByPasskey(ctx context.Context, at Ceremony, proof *webauthn.Assertion, purpose string, in int64, of person, then func(tx *Tx, p person) error) error {
	if err := s.inTx(ctx, Actor{}, func(tx *Tx) error { return tx.takeChallenge(proof.Challenge, at.Browser, purpose, in) }); err != nil {
		return err
	}
	var copied error
	err := s.change(ctx, Actor{}, func(tx *Tx) error {
		copied = nil
		k, err := tx.lockPasskey(proof, at, of)
		if err != nil {
			return err
		}
		now, err := at.Site.Check(proof, k.credential(), k.Handle)
		if errors.Is(err, webauthn.ErrCloned) { // which must be remembered
			copied = invalid("passkey", "passkey.copied", "Name", k.Name)
			return tx.noteCopy(k)
		}
		if err != nil {
			return s.refusePasskey(err)
		}
		if err := tx.exec("UPDATE passkeys SET sign_count = ?, flags = ?, used_at = ? WHERE id = ?", int64(now.Count), int(now.Flags), tx.now, k.ID); err != nil {
			return err
		}
		tx.by = k.person().actor()
		return then(tx, k.person())
	})
	return errors.Join(err, copied)
}

// lockPasskey reads the passkey that a proof names, of this site and person, and
// locks that person: of two proofs at once the second is counted after the first.
func (tx *Tx) lockPasskey(proof *webauthn.Assertion, at Ceremony, of person) (*storedPasskey, error) {
	text := `SELECT k.id, COALESCE(k.customer_id, 0) AS customer_id, COALESCE(k.agent_id, 0) AS agent_id, COALESCE(c.identifier, a.identifier) AS identifier, k.name, h.handle,
		k.credential_id, k.public_key, k.sign_count, k.flags, k.model, k.transports
		FROM passkeys k JOIN passkey_holders h ON h.customer_id = k.customer_id OR h.agent_id = k.agent_id
		LEFT JOIN customers c ON c.id = k.customer_id LEFT JOIN agents a ON a.id = k.agent_id
		WHERE k.credential_id = @credential AND k.site = @site AND c.disabled_at IS NULL`
	args := map[string]any{"credential": octets(proof.CredentialID), "site": at.Site.ID(), "handle": octets(proof.Handle)}
	if of.id() == 0 {
		text += " AND h.handle = @handle"
	} else {
		text += " AND k." + of.column() + " = @person"
		args["person"] = of.id()
	}
	read := func() (k storedPasskey, err error) {
		if err := tx.scan(&k, text, args); err != nil {
			return k, err
		}
		if k.ID == 0 {
			return k, invalid("passkey", "passkey.unknown")
		}
		return k, nil
	}
	k, err := read()
	if err != nil {
		return nil, err
	}
	if _, err := tx.lockPerson(k.person()); errors.Is(err, ErrSignedOut) {
		return nil, invalid("passkey", "passkey.unknown")
	} else if err != nil {
		return nil, err
	}
	k, err = read() // as it stands by now
	return &k, err
}

// noteCopy tells that the signatures of a passkey were counted backwards. The
// proof is refused: there may be a copy of the key, and of two that use it the
// panel cannot tell whose is the person's. The other one goes on working, so
// that nobody is shut out by a guess; its person is told, and can remove it.
func (tx *Tx) noteCopy(k *storedPasskey) error {
	tx.store.security.Warn("a passkey may have been copied", "person", k.Identifier, "passkey", k.ID)
	p := k.person()
	tx.tellSecurity(p, NoticeDeed{Event: "passkey.copied", Target: k.Name})
	e := p.event("passkey.copied", Detail{"name": {After: k.Name}})
	e.byTime = true
	return tx.record(e)
}
