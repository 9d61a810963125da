package main

import (
	"context"
	"errors"
	"fmt"

	"example.org/mandat/models"
)

type customerSignOutCommand struct {
	Identifier string `arg:"" optional:"" help:"Of the customer."`
	All        bool   `help:"Every customer."`
}

// Validate is what the parser asks.
func (c *customerSignOutCommand) Validate() error { return oneOrAll(c.Identifier, c.All) }

// Run signs out one customer, or all.
func (c *customerSignOutCommand) Run(p *program) error {
	if c.All {
		return p.signAllOut("customers", false)
	}
	identifier, _ := models.ParseIdentifier(c.Identifier)
	return p.signOut("customer", c.Identifier, identifier)
}

type agentSignOutCommand struct {
	Identifier string `arg:"" optional:"" help:"Of the agent."`
	All        bool   `help:"Every agent."`
}

// Validate is what the parser asks.
func (c *agentSignOutCommand) Validate() error { return oneOrAll(c.Identifier, c.All) }

// Run signs out one agent, or all.
func (c *agentSignOutCommand) Run(p *program) error {
	if c.All {
		return p.signAllOut("agents", true)
	}
	identifier, _ := models.ParseAgentIdentifier(c.Identifier)
	return p.signOut("agent", c.Identifier, identifier)
}

func oneOrAll(identifier string, all bool) error {
	if (identifier == "") != all {
		return errors.New("an identifier, or --all")
	}
	return nil
}

func (p *program) signOut(kind, typed, identifier string) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		n, err := s.SignOutPerson(ctx, identifier)
		if err != nil {
			return named(kind+" "+typed, err)
		}
		fmt.Fprintf(p.out, "Ended sessions of %s: %d. They sign in again with what they have.\n", identifier, n)
		return nil
	})
}

func (p *program) signAllOut(kind string, agents bool) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		people, sessions, err := s.SignOutAll(ctx, agents)
		fmt.Fprintf(p.out, "Ended sessions: %d, of %s: %d. They sign in again with what they have.\n", sessions, kind, people)
		return err
	})
}
