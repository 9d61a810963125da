package main

import (
	"context"
	"fmt"

	"example.org/mandat/models"
)

type customerResetFactorsCommand struct {
	Identifier string `arg:"" help:"Of the customer."`
}

// Run takes away the second factors of a customer who has lost them all.
func (c *customerResetFactorsCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		identifier, _ := models.ParseIdentifier(c.Identifier)
		shortened, err := s.ResetFactors(ctx, identifier)
		if err != nil {
			return named("customer "+c.Identifier, err)
		}
		fmt.Fprintf(p.out, "Customer %s has no second factor any more and is signed out everywhere. Make sure that it was they who asked.\n", identifier)
		if shortened {
			fmt.Fprintf(p.out, "Their password was short, which needs a second factor, and is gone: `mandat customer link %s` prints a link to set another.\n", identifier)
		}
		return nil
	})
}

type agentResetFactorsCommand struct {
	Identifier string `arg:"" help:"Of the agent."`
}

// Run takes away the second factors of an agent who has lost them all.
func (c *agentResetFactorsCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		identifier, _ := models.ParseAgentIdentifier(c.Identifier)
		if _, err := s.ResetFactors(ctx, identifier); err != nil {
			return named("agent "+c.Identifier, err)
		}
		fmt.Fprintf(p.out, "Agent %s has no second factor any more, is signed out everywhere, and adds another one at the next sign-in. Make sure that it was they who asked.\n", identifier)
		return nil
	})
}
