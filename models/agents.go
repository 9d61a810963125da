package models

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Agent is a member of the support staff: never a customer, never a target of support.
type Agent struct {
	ID         int64
	Identifier string
	Name       string
	Email      string
	Language   string
	Role       string
	CreatedAt  time.Time
}

// Roles of agents: a lead also oversees the others.
const (
	RoleAgent = "agent"
	RoleLead  = "lead"
)

// Roles lists them.
var Roles = []string{RoleAgent, RoleLead}

// NewAgent is what the operator says of an agent. Customer is the identifier
// of their own account as a customer, if they have one.
type NewAgent struct {
	Identifier, Name, Email, Language, Role, Password, Customer string
}

// AddAgent makes an agent. It is the operator's verb.
func (s *Store) AddAgent(ctx context.Context, n NewAgent) (*Agent, error) {
	bad := Invalid{}
	a := &Agent{Name: checkName(n.Name, bad), Email: checkEmail(n.Email, bad), Language: n.Language, Role: n.Role}
	var ok bool
	if a.Identifier, ok = ParseAgentIdentifier(n.Identifier); !ok {
		bad.Add("identifier", "agent.identifier.shape", "Identifier", n.Identifier)
	}
	if !slices.Contains(Languages, a.Language) {
		bad.Add("language", "customer.language.unknown")
	}
	if !slices.Contains(Roles, a.Role) {
		bad.Add("role", "agent.role.unknown", "Role", a.Role)
	}
	hash, err := s.customerHash(ctx, n.Password, MinCustomerPassword, bad, &Customer{Identifier: a.Identifier, Name: a.Name, Email: a.Email})
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		a.CreatedAt = tx.now
		var own any
		if n.Customer != "" {
			c, err := tx.ownAccount(n.Customer)
			if err != nil {
				return err
			}
			own = c.ID
		}
		err := tx.scan(&a.ID, "INSERT INTO agents (identifier, name, email, language, role, password_hash, customer_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
			a.Identifier, a.Name, a.Email, a.Language, a.Role, hash, own, a.CreatedAt)
		if err != nil {
			return err
		}
		return tx.record(Event{Kind: "agent.created", Class: SelfEvent, Object: a.Identifier})
	})
	if violated(err) == "agent_identifier_unique" {
		return nil, invalid("identifier", "customer.identifier.taken", "Identifier", a.Identifier)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// ownAccount is the account that an agent has as a customer, and what support
// does for it ends: nobody acts for staff.
func (tx *Tx) ownAccount(identifier string) (*Customer, error) {
	id, _ := ParseIdentifier(identifier)
	c, err := customer(tx.DB, "c.identifier = ?"+tx.forTurn("c"), id) // nobody may begin meanwhile: see askAssistance
	if errors.Is(err, ErrNotFound) {
		return nil, invalid("customer", "grant.refused.unknown", "Identifier", identifier)
	}
	if err != nil {
		return nil, err
	}
	return c, tx.endAssistances(func(*Assistance) string { return AssistanceStopped }, "x.customer_id = ?", c.ID)
}

// ChangeAgentLanguage is an agent's own choice.
func (s *Store) ChangeAgentLanguage(ctx context.Context, by Actor, language string) error {
	if !slices.Contains(Languages, language) {
		return invalid("language", "customer.language.unknown")
	}
	return s.change(ctx, by.Self(), func(tx *Tx) error {
		var a Agent
		if err := tx.scan(&a, "SELECT identifier, language FROM agents WHERE id = ? AND removed_at IS NULL", by.Agent); err != nil {
			return err
		}
		if a.Identifier == "" {
			return ErrSignedOut
		}
		if a.Language == language {
			return nil
		}
		if err := tx.exec("UPDATE agents SET language = ? WHERE id = ?", language, by.Agent); err != nil {
			return err
		}
		return tx.record(Event{Kind: "agent.changed", Class: SelfEvent, Object: a.Identifier, Detail: Detail{"language": {Before: a.Language, After: language}}})
	})
}

// SetAgentRole makes an agent a lead, or a lead an agent. It is the operator's verb.
func (s *Store) SetAgentRole(ctx context.Context, identifier, role string) error {
	if !slices.Contains(Roles, role) {
		return invalid("role", "agent.role.unknown", "Role", role)
	}
	return s.changeAgent(ctx, identifier, func(tx *Tx, a *Agent) error {
		if a.Role == role {
			return nil
		}
		if err := tx.exec("UPDATE agents SET role = ? WHERE id = ?", role, a.ID); err != nil {
			return err
		}
		return tx.record(Event{Kind: "agent.changed", Class: SelfEvent, Object: a.Identifier, Detail: Detail{"role": {Before: a.Role, After: role}}})
	})
}

// SetAgentCustomer says which customer's account is an agent's own, to which they
// may grant nothing and for which nobody acts; "" says none. Invalid (field
// "customer") for nobody's identifier. It is the operator's verb.
func (s *Store) SetAgentCustomer(ctx context.Context, identifier, own string) error {
	return s.changeAgent(ctx, identifier, func(tx *Tx, a *Agent) error {
		var before string
		if err := tx.scan(&before, "SELECT c.identifier FROM customers c JOIN agents a ON a.customer_id = c.id WHERE a.id = ?", a.ID); err != nil {
			return err
		}
		var after Customer
		if own != "" {
			c, err := tx.ownAccount(own)
			if err != nil {
				return err
			}
			after = *c
		}
		if after.Identifier == before {
			return nil
		}
		if err := tx.exec("UPDATE agents SET customer_id = ? WHERE id = ?", orNull(after.ID), a.ID); err != nil {
			return err
		}
		return tx.record(Event{Kind: "agent.changed", Class: SelfEvent, Object: a.Identifier, Detail: Detail{"customer": {Before: before, After: after.Identifier}}})
	})
}

// RemoveAgent ends all that an agent has: what they do for a customer, their
// sessions, and every way in, with the identity that a provider knows, which
// somebody else may be linked with then. Their row stays for the history. It is
// the operator's verb. When it returns, nothing of theirs succeeds any more.
func (s *Store) RemoveAgent(ctx context.Context, identifier string) error {
	return s.change(ctx, Actor{}, func(tx *Tx) error {
		// Sessions before the agent, as forms lock them, and those begun meanwhile after.
		if err := tx.lockSessions("se.agent_id = (SELECT a.id FROM agents a WHERE a.identifier = ?)", identifier); err != nil {
			return err
		}
		a, err := tx.agent(identifier)
		if err != nil {
			return err
		}
		err = tx.endAssistances(func(*Assistance) string { return AssistanceRole }, "x.agent_id = ?", a.ID)
		if err != nil {
			return err
		}
		if err := tx.exec("UPDATE agents SET removed_at = ?, password_hash = '' WHERE id = ?", tx.now, a.ID); err != nil {
			return err
		}
		for _, table := range []string{"sign_ins", "sessions", "devices", "password_links", "factors", "recovery_codes", "passkeys", "passkey_holders", "identities"} {
			if err := tx.exec("DELETE FROM "+table+" WHERE agent_id = ?", a.ID); err != nil {
				return err
			}
		}
		return tx.record(Event{Kind: "agent.removed", Class: SelfEvent, Object: a.Identifier})
	})
}

// changeAgent runs fn on an agent whose row is locked: ErrNotFound without one.
func (s *Store) changeAgent(ctx context.Context, identifier string, fn func(*Tx, *Agent) error) error {
	return s.change(ctx, Actor{}, func(tx *Tx) error {
		a, err := tx.agent(identifier)
		if err != nil {
			return err
		}
		return fn(tx, a)
	})
}

// agent locks and reads one who is not removed: ErrNotFound without one.
func (tx *Tx) agent(identifier string) (*Agent, error) {
	var a Agent
	err := tx.scan(&a, "SELECT a.id, a.identifier, a.name, a.email, a.language, a.role, a.created_at FROM agents a WHERE a.identifier = ? AND a.removed_at IS NULL"+tx.forTurn("a"), identifier)
	if err == nil && a.ID == 0 {
		err = ErrNotFound
	}
	return &a, err
}
