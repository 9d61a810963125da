package models

import (
	"context"
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
var Roles = []string{"agent", "lead"}

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
			id, _ := ParseIdentifier(n.Customer)
			c, err := customer(tx.DB, "c.identifier = ?", id)
			if err != nil {
				return invalid("customer", "grant.refused.unknown", "Identifier", n.Customer)
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
