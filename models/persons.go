package models

import (
	"context"
	"encoding/hex"
	"time"
)

// person is a customer or an agent: who signs in, and has factors and sessions.
type person struct {
	CustomerID, AgentID int64
	Identifier          string
	PasswordHash        string
	Disabled            bool      // a customer whom the operator shut out
	Known               bool      // has signed in with this browser before
	Identity            int64     // what a sign-in rests on, when a provider says who they are
	Proved              time.Time // when the provider was shown who they are; zero: now, and here
}

func (c *Customer) person() person { return person{CustomerID: c.ID, Identifier: c.Identifier} }

// column is the one that names the person in a table about both kinds, and id what it has.
func (p person) column() string {
	if p.AgentID != 0 {
		return "agent_id"
	}
	return "customer_id"
}

func (p person) id() int64 { return max(p.CustomerID, p.AgentID) }

// actor is the person doing something about themselves outside a session.
func (p person) actor() Actor { return Actor{Customer: p.CustomerID, Agent: p.AgentID} }

// event is one about the person themselves.
func (p person) event(kind string, d Detail) Event {
	return Event{Kind: kind, Class: SelfEvent, SubjectID: p.CustomerID, Object: p.Identifier, Detail: d}
}

// recordSecurity writes an event that its person must hear of by email too.
func (tx *Tx) recordSecurity(p person, kind string, d Detail) error {
	tx.tellSecurity(p, NoticeDeed{Event: kind})
	return tx.record(p.event(kind, d))
}

// parseAnyIdentifier is the normal form of a customer's or an agent's identifier, "" for any other text.
func parseAnyIdentifier(text string) string {
	identifier, ok := ParseIdentifier(text)
	if !ok {
		identifier, _ = ParseAgentIdentifier(text)
	}
	return identifier
}

// person finds who has an identifier, and may sign in; the zero person is nobody.
func (s *Store) person(ctx context.Context, identifier, device string) (person, error) {
	return admitted(s.findPerson(ctx, "c.identifier = @i", "a.identifier = @i", device, map[string]any{"i": identifier}))
}

// known is who has an identifier, disabled or not: ErrNotFound when nobody has.
// It is for what the operator does.
func (s *Store) known(ctx context.Context, identifier string) (person, error) {
	p, err := s.findPerson(ctx, "c.identifier = @i", "a.identifier = @i", "", map[string]any{"i": parseAnyIdentifier(identifier)})
	if err == nil && p.id() == 0 {
		err = ErrNotFound
	}
	return p, err
}

// admitted makes nobody of who is disabled, found with as much work as anybody.
func admitted(p person, err error) (person, error) {
	if p.Disabled {
		return person{}, err
	}
	return p, err
}

// personOf is the person who acts: the agent, where one acts for a customer.
func (s *Store) personOf(ctx context.Context, by Actor, device string) (person, error) {
	if by.Agent != 0 {
		by.Customer = 0
	}
	return admitted(s.findPerson(ctx, "c.id = @customer", "a.id = @agent", device, map[string]any{"customer": by.Customer, "agent": by.Agent}))
}

func (s *Store) findPerson(ctx context.Context, customer, agent, device string, args map[string]any) (person, error) {
	const known = "EXISTS (SELECT 1 FROM devices d WHERE d.token_hash = @device AND d.seen_at > @since AND d."
	args["device"], args["since"] = tokenHash(device), s.now().Add(-deviceFor)
	var p person
	err := s.db.WithContext(ctx).Raw("SELECT c.id AS customer_id, 0 AS agent_id, c.identifier, c.password_hash, c.disabled_at IS NOT NULL AS disabled, "+known+"customer_id = c.id) AS known FROM customers c WHERE "+customer+
		" UNION ALL SELECT 0, a.id, a.identifier, a.password_hash, 0 = 1, "+known+"agent_id = a.id) FROM agents a WHERE a.removed_at IS NULL AND "+agent, args).Scan(&p).Error
	return p, err
}

// lockPerson locks the row of a person, always before any row that hangs on it,
// and reads the password that they have by now. ErrSignedOut when they are gone,
// disabled or removed since p was read: no way in goes round this.
func (tx *Tx) lockPerson(p person) (person, error) {
	text := "SELECT c.password_hash, c.disabled_at IS NOT NULL AS disabled FROM customers c WHERE c.id = ?" + tx.forTurn("c")
	if p.AgentID != 0 {
		text = "SELECT a.password_hash, a.removed_at IS NOT NULL AS disabled FROM agents a WHERE a.id = ?" + tx.forTurn("a")
	}
	var now []struct {
		PasswordHash string
		Disabled     bool
	}
	if err := tx.scan(&now, text, p.id()); err != nil {
		return p, err
	}
	if len(now) == 0 || now[0].Disabled && !p.Disabled {
		return p, ErrSignedOut
	}
	p.PasswordHash = now[0].PasswordHash
	return p, nil
}

// deviceSubject is what failures from a browser that is known are counted against.
func deviceSubject(kind, device string) string {
	hash := tokenHash(device)
	return kind + ":" + hex.EncodeToString(hash[:])
}
