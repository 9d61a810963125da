package modelstest

import (
	"crypto/rand"
	"crypto/sha256"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
)

// Agent is an agent who has signed in, made if there is none of that
// identifier, with the token of their session.
func (w *World) Agent(t testing.TB, identifier, role string) (models.Actor, string) {
	t.Helper()
	if w.Int(t, "SELECT count(*) FROM agents WHERE identifier = $1", identifier) == 0 {
		if _, err := w.Store.AddAgent(t.Context(), models.NewAgent{Identifier: identifier, Name: identifier, Email: identifier + "@mandat.example", Language: "en", Role: role}); err != nil {
			t.Fatal(err)
		}
	}
	a := models.Actor{Agent: int64(w.Int(t, "SELECT id FROM agents WHERE identifier = $1", identifier))}
	token, now := rand.Text(), w.Store.Now()
	hash := sha256.Sum256([]byte(token))
	a.Session = int64(w.Int(t, `INSERT INTO sessions (token_hash, agent_id, data, user_agent, peer, created_at, seen_at, expires_at, proved_at) VALUES ($1, $2, $3, '', '', $4, $4, $5, $5) RETURNING id`,
		hash[:], a.Agent, []byte{}, now, now.Add(24*time.Hour)))
	return a, token
}

// Reason and Ticket are those of the assistances of tests.
const (
	Reason = "Filters do not file mail"
	Ticket = "TKT-20931"
)

// Acts lets an agent act for a customer, who opens a window for it, as far as mode says.
func (w *World) Acts(t testing.TB, agent models.Actor, customer string, mode policy.Mode) models.Actor {
	t.Helper()
	ctx := t.Context()
	if err := w.Store.OpenWindow(ctx, w.Actor(t, customer), 8*time.Hour, mode == policy.Change); err != nil {
		t.Fatal(err)
	}
	a, err := w.Store.AskAssistance(ctx, agent, models.NewAssistance{Customer: customer, Reason: Reason, Ticket: Ticket})
	if err != nil {
		t.Fatal(err)
	}
	agent.Assistance, agent.Mode = a.ID, policy.Look
	if mode == policy.Change {
		if err := w.Store.RaiseAssistance(ctx, agent); err != nil {
			t.Fatal(err)
		}
		agent.Mode = policy.Change
	}
	agent.Customer = a.CustomerID
	return agent
}
