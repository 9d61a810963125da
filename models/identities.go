package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
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
	var list []Identity
	err := s.db.WithContext(ctx).Raw("SELECT "+identityColumns+" FROM identities i WHERE "+ofPerson("i")+" ORDER BY i.id", personArgs(by)).Scan(&list).Error
	return list, err
}

// ofPerson is the condition that a row is of the person of an actor, whose
// arguments are personArgs.
func ofPerson(table string) string {
	return "(@agent = 0 AND " + table + ".customer_id = @customer OR @agent <> 0 AND " + table + ".agent_id = @agent)"
}

func personArgs(by Actor) map[string]any {
	return map[string]any{"customer": by.Customer, "agent": by.Agent}
}

// AddIdentity links a customer or an agent with what a provider knows, in place
// of any earlier link of theirs with it. It is the operator's verb.
func (s *Store) AddIdentity(ctx context.Context, identifier, issuer, subject string) (*Identity, error) {
	if bad := checkIdentity(issuer, subject); bad != nil {
		return nil, bad
	}
	var made *Identity
	err := s.change(ctx, Actor{}, func(tx *Tx) error {
		p, err := tx.findPerson(identifier)
		if err != nil {
			return err
		}
		was, err := tx.identityOf(p, issuer)
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
	return s.change(ctx, Actor{}, func(tx *Tx) error {
		p, err := tx.findPerson(identifier)
		if err != nil {
			return err
		}
		was, err := tx.identityOf(p, issuer)
		if err != nil {
			return err
		}
		if was == nil {
			return ErrNotFound
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

// identityTaken makes refusals of what the database refuses: somebody was quicker.
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
// have just come back from it. taken is their request, which see. Invalid when
// it is somebody else's already, or they have another one there.
func (s *Store) LinkIdentity(ctx context.Context, by Actor, i Identity) error {
	by.Nonce = []byte(newToken()[:nonceSize]) // holds the session until all is done
	err := s.change(ctx, by, func(tx *Tx) error {
		p, err := tx.self(false)
		if err != nil {
			return err
		}
		was, err := tx.identityOf(p, i.Issuer)
		if err != nil {
			return err
		}
		switch {
		case was != nil && was.Subject == i.Subject:
			return nil
		case was != nil:
			return invalid("", "identity.second")
		}
		i.LinkedBy = LinkedBySelf
		_, err = tx.link(p, i)
		return err
	})
	return identityTaken(err)
}

// nonceSize is that of a form's nonce, in octets.
const nonceSize = 16

// UnlinkIdentity ends a link of by's person, and all sessions that began by it
// but the one that asks. ErrNotFound for what is not theirs; Invalid when they
// could not sign in any more.
func (s *Store) UnlinkIdentity(ctx context.Context, by Actor, id int64) error {
	return s.change(ctx, by, func(tx *Tx) error {
		// Who signs in by it locks it first, too, and their own row then.
		was, err := identity(tx.DB, "i.id = @id AND "+ofPerson("i")+tx.forUpdate("i"), map[string]any{"id": id, "customer": by.Customer, "agent": by.Agent})
		if err != nil {
			return err
		}
		if was == nil {
			return ErrNotFound
		}
		p, err := tx.self(true)
		if err != nil {
			return err
		}
		if p.PasswordHash == "" {
			return invalid("", "identity.last")
		}
		if err := tx.exec("UPDATE sessions SET identity_id = NULL WHERE id = ? AND identity_id = ?", by.Session, id); err != nil {
			return err
		}
		return tx.unlink(p, was)
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
	return &i, tx.record(Event{
		Kind: "identity.linked", Class: SelfEvent, SubjectID: p.CustomerID, Object: p.Identifier,
		Detail: Detail{"issuer": {After: i.Issuer}, "subject": {After: i.Subject}, "linked_by": {After: string(i.LinkedBy)}},
	})
}

// unlink ends a link. The sessions that rest on it end with the row.
func (tx *Tx) unlink(p person, i *Identity) error {
	if err := tx.exec("DELETE FROM identities WHERE id = ?", i.ID); err != nil {
		return err
	}
	return tx.record(Event{
		Kind: "identity.unlinked", Class: SelfEvent, SubjectID: p.CustomerID, Object: p.Identifier,
		Detail: Detail{"issuer": {Before: i.Issuer}, "subject": {Before: i.Subject}},
	})
}

// identityOf is what the provider knows a person as, locked, nil for nothing.
func (tx *Tx) identityOf(p person, issuer string) (*Identity, error) {
	args := personArgs(Actor{Customer: p.CustomerID, Agent: p.AgentID})
	args["issuer"] = issuer
	return identity(tx.DB, "i.issuer = @issuer AND "+ofPerson("i")+tx.forUpdate("i"), args)
}

func identity(db *gorm.DB, condition string, args map[string]any) (*Identity, error) {
	var i Identity
	if err := db.Raw("SELECT "+identityColumns+" FROM identities i WHERE "+condition, args).Scan(&i).Error; err != nil || i.ID == 0 {
		return nil, err
	}
	return &i, nil
}

// self is the person who acts.
func (tx *Tx) self(lock bool) (person, error) {
	if tx.by.Agent != 0 {
		return tx.findOne("agents", "0 AS customer_id, x.id AS agent_id", "x.id = ?", tx.by.Agent, lock)
	}
	return tx.findOne("customers", "x.id AS customer_id, 0 AS agent_id", "x.id = ?", tx.by.Customer, lock)
}

// findPerson is a customer or an agent by identifier: ErrNotFound when nobody has it.
func (tx *Tx) findPerson(typed string) (person, error) {
	if id, ok := ParseIdentifier(typed); ok {
		return tx.findOne("customers", "x.id AS customer_id, 0 AS agent_id", "x.identifier = ?", id, false)
	}
	if id, ok := ParseAgentIdentifier(typed); ok {
		return tx.findOne("agents", "0 AS customer_id, x.id AS agent_id", "x.identifier = ?", id, false)
	}
	return person{}, ErrNotFound
}

func (tx *Tx) findOne(table, ids, condition string, arg any, lock bool) (person, error) {
	text := "SELECT " + ids + ", x.identifier, x.password_hash FROM " + table + " x WHERE " + condition
	if lock {
		text += tx.forUpdate("x")
	}
	var p person
	err := tx.scan(&p, text, arg)
	if err == nil && p.CustomerID == 0 && p.AgentID == 0 {
		err = ErrNotFound
	}
	return p, err
}
