package models

import (
	"context"
	"errors"
	"time"
)

// Identity is whom a provider of OpenID Connect knows as a customer or an agent:
// its issuer and subject together are nobody else's. Exactly one of CustomerID
// and AgentID is set.
type Identity struct {
	ID         int64
	CustomerID int64
	AgentID    int64
	Issuer     string
	Subject    string
	Name       string // what the provider called them last, for them to recognise
	LinkedBy   LinkedBy
	CreatedAt  time.Time
	UsedAt     *time.Time // the last sign-in
}

// LinkedBy is how an identity came to be somebody's.
type LinkedBy string

// The operator links, or the person when signed in, or the claim does that the
// operator has named, at the first sign-in.
const (
	LinkedByOperator LinkedBy = "operator"
	LinkedBySelf     LinkedBy = "self"
	LinkedByClaim    LinkedBy = "claim"
)

// Bounds of what a provider says, in octets.
const (
	maxIssuer  = 1000
	maxSubject = 255 // OpenID Connect Core, 2
	maxIDName  = 255
)

// ErrUnlinked says that nobody here is linked with what the provider knows.
var ErrUnlinked = errors.New("models: nobody is linked with this identity")

const identityColumns = "i.id, COALESCE(i.customer_id, 0) AS customer_id, COALESCE(i.agent_id, 0) AS agent_id, i.issuer, i.subject, i.name, i.linked_by, i.created_at, i.used_at"

// Identities lists what providers know by's person as, the oldest first.
func (s *Store) Identities(ctx context.Context, by Actor) ([]Identity, error) {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return nil, err
	}
	var list []Identity
	err = s.db.WithContext(ctx).Raw("SELECT "+identityColumns+" FROM identities i WHERE i."+p.column()+" = ? ORDER BY i.id", p.id()).Scan(&list).Error
	return list, err
}

// AddIdentity links a customer or an agent with what a provider knows, in place
// of any earlier link of theirs with it. It is the operator's verb.
func (s *Store) AddIdentity(ctx context.Context, identifier, issuer, subject string) (*Identity, error) {
	if err := checkIdentity(issuer, subject); err != nil {
		return nil, err
	}
	p, err := s.known(ctx, identifier)
	if err != nil {
		return nil, err
	}
	var made *Identity
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		was, err := tx.holdIdentity(p, issuer)
		if err != nil {
			return err
		}
		if was != nil && was.Subject == subject {
			made = was
			return nil
		}
		if was != nil {
			if err := tx.unlink(p, was); err != nil {
				return err
			}
		}
		made, err = tx.link(p, Identity{Issuer: issuer, Subject: subject, LinkedBy: LinkedByOperator})
		return err
	})
	return made, identityTaken(err)
}

// RemoveIdentity ends the link of a customer or an agent with a provider, and
// the sessions that began by it. It is the operator's verb, and asks nothing:
// ErrNotFound when there is no such link.
func (s *Store) RemoveIdentity(ctx context.Context, identifier, issuer string) error {
	p, err := s.known(ctx, identifier)
	if err != nil {
		return err
	}
	return s.change(ctx, Actor{}, func(tx *Tx) error {
		was, err := tx.holdIdentity(p, issuer)
		if err == nil && was == nil {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		return tx.unlink(p, was)
	})
}

// checkIdentity says what is wrong with what the operator types.
func checkIdentity(issuer, subject string) error {
	bad := Invalid{}
	if issuer == "" || len(issuer) > maxIssuer || !storable(issuer) {
		bad.Add("issuer", "identity.issuer.none")
	}
	if subject == "" || len(subject) > maxSubject || !storable(subject) {
		bad.Add("subject", "identity.subject.shape", "Most", maxSubject)
	}
	return bad.orNil()
}

// identityTaken makes refusals of what the database refuses: it is somebody
// else's, or somebody was quicker.
func identityTaken(err error) error {
	switch violated(err) {
	case "identity_subject_once":
		return invalid("subject", "identity.taken")
	case "identity_customer_once", "identity_agent_once":
		return invalid("", "identity.second")
	}
	return err
}

// LinkIdentity links the person of by's session with what a provider knows: they
// have just come back from it, by a request of that session (see
// TakeIdentityRequest). Invalid when it is somebody else's already, or they have
// another one there.
func (s *Store) LinkIdentity(ctx context.Context, by Actor, i Identity) error {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return err
	}
	by.Nonce = []byte(newToken())[:16] // of no form: it holds the session until all is done
	err = s.change(ctx, by, func(tx *Tx) error {
		was, err := tx.holdIdentity(p, i.Issuer)
		if err != nil {
			return err
		}
		if was != nil && was.Subject != i.Subject {
			return invalid("", "identity.second")
		}
		if was == nil {
			i.LinkedBy = LinkedBySelf
			_, err = tx.link(p, i)
		}
		return err
	})
	return identityTaken(err)
}

// UnlinkIdentity ends a link of by's person, and all sessions that began by it
// but the one that asks. It asks for a recent proof. ErrNotFound for what is not
// theirs; Invalid when what is left is not Enough.
func (s *Store) UnlinkIdentity(ctx context.Context, by Actor, id int64, at Offered) error {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return err
	}
	return s.change(ctx, by, func(tx *Tx) error {
		if err := tx.proven(); err != nil {
			return err
		}
		if p, err = tx.lockPerson(p); err != nil {
			return err
		}
		was, err := tx.identity("i.id = ? AND i."+p.column()+" = ?", id, p.id())
		if err == nil && was == nil {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := tx.exec("UPDATE sessions SET identity_id = NULL WHERE id = ? AND identity_id = ?", by.Session, id); err != nil {
			return err
		}
		if err := tx.unlink(p, was); err != nil {
			return err
		}
		return tx.enoughLeft(p, at)
	})
}

// link writes a link and its event.
func (tx *Tx) link(p person, i Identity) (*Identity, error) {
	i.CustomerID, i.AgentID, i.Name, i.CreatedAt = p.CustomerID, p.AgentID, cut(i.Name, maxIDName), tx.now
	err := tx.scan(&i.ID, "INSERT INTO identities (customer_id, agent_id, issuer, subject, name, linked_by, created_at) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
		orNull(i.CustomerID), orNull(i.AgentID), i.Issuer, i.Subject, i.Name, i.LinkedBy, i.CreatedAt)
	if err != nil {
		return nil, err
	}
	return &i, tx.recordSecurity(p, "identity.linked", Detail{"provider": {After: i.Issuer}, "provider_account": {After: i.Subject}, "linked_by": {After: string(i.LinkedBy)}})
}

// unlink ends a link. The sessions that rest on it end with the row.
func (tx *Tx) unlink(p person, i *Identity) error {
	if err := tx.exec("DELETE FROM identities WHERE id = ?", i.ID); err != nil {
		return err
	}
	return tx.recordSecurity(p, "identity.unlinked", Detail{"provider": {Before: i.Issuer}, "provider_account": {Before: i.Subject}})
}

// holdIdentity locks a person and reads their link with a provider, nil for none.
func (tx *Tx) holdIdentity(p person, issuer string) (*Identity, error) {
	if _, err := tx.lockPerson(p); err != nil {
		return nil, err
	}
	return tx.identity("i.issuer = ? AND i."+p.column()+" = ?", issuer, p.id())
}

func (tx *Tx) identity(condition string, args ...any) (*Identity, error) {
	var i Identity
	if err := tx.scan(&i, "SELECT "+identityColumns+" FROM identities i WHERE "+condition, args...); err != nil || i.ID == 0 {
		return nil, err
	}
	return &i, nil
}
