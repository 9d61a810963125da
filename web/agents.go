package main

import (
	"context"
	"fmt"

	"example.org/mandat/models"
)

type agentAddCommand struct {
	Identifier    string `arg:"" help:"A letter, then 2 to 31 letters, digits and hyphens, as sam-support."`
	Name          string `required:"" help:"Of the person."`
	Email         string `required:"" help:"Where notices go."`
	Language      string `default:"fr" enum:"fr,en" help:"fr or en."`
	Role          string `default:"agent" enum:"agent,lead" help:"agent or lead."`
	Customer      string `help:"Identifier of the agent's own account as a customer, to which they may never grant anything."`
	PasswordStdin bool   `help:"Read a password from standard input. Without one, use agent link."`
}

// Run adds the agent.
func (c *agentAddCommand) Run(p *program) error {
	password, err := p.password(c.PasswordStdin)
	if err != nil {
		return err
	}
	return p.with(func(ctx context.Context, s *models.Store) error {
		added, err := s.AddAgent(ctx, models.NewAgent{
			Identifier: c.Identifier, Name: c.Name, Email: c.Email, Language: c.Language, Role: c.Role, Password: password, Customer: c.Customer,
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "Added agent %s, %s. They add a second factor at their first sign-in.\n", added.Identifier, added.Name)
		if !s.KeepsFactors() {
			fmt.Fprintln(p.out, "That needs MANDAT_SECRET, which is empty: until it is set they cannot sign in.")
		}
		if password == "" {
			fmt.Fprintf(p.out, "They cannot sign in yet: `mandat agent link %s` prints a link to set a password.\n", added.Identifier)
		}
		return nil
	})
}

type agentSetCommand struct {
	Identifier string `arg:"" help:"Of the agent."`
	Role       string `required:"" xor:"what" enum:",agent,lead" help:"agent or lead."`
	Customer   string `required:"" xor:"what" help:"Identifier of the agent's own account as a customer, to which they may never grant anything."`
	NoCustomer bool   `required:"" xor:"what" help:"Say that they have none."`
}

// Run changes one thing of the agent.
func (c *agentSetCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		if c.Role != "" {
			if err := s.SetAgentRole(ctx, c.Identifier, c.Role); err != nil {
				return named("agent "+c.Identifier, err)
			}
			fmt.Fprintf(p.out, "Agent %s is a %s.\n", c.Identifier, c.Role)
			return nil
		}
		if err := s.SetAgentCustomer(ctx, c.Identifier, c.Customer); err != nil {
			return named("agent "+c.Identifier, err)
		}
		if c.NoCustomer {
			fmt.Fprintf(p.out, "Agent %s has no account as a customer.\n", c.Identifier)
		} else {
			fmt.Fprintf(p.out, "%s is agent %s's own: nobody acts for it, and %[2]s grants it nothing.\n", c.Customer, c.Identifier)
		}
		return nil
	})
}

type agentRemoveCommand struct {
	Identifier string `arg:"" help:"Of the agent."`
}

// Run removes the agent, whatever they are doing.
func (c *agentRemoveCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		if err := s.RemoveAgent(ctx, c.Identifier); err != nil {
			return named("agent "+c.Identifier, err)
		}
		fmt.Fprintf(p.out, "Agent %s is signed out, acts for nobody and cannot sign in any more. The history keeps their name.\n", c.Identifier)
		return nil
	})
}

type assistanceStopCommand struct {
	All      bool   `xor:"whom" required:"" help:"For every customer."`
	Customer string `xor:"whom" required:"" help:"Identifier of the one customer."`
}

// Run ends assistances and the requests for them, and closes windows and codes.
func (c *assistanceStopCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		n, err := s.StopAssistances(ctx, c.Customer)
		if err != nil {
			return named("customer "+c.Customer, err)
		}
		fmt.Fprintf(p.out, "Ended: %d. Nobody acts for them any more, in any process, and windows and codes are closed; the customers are told.\n", n)
		return nil
	})
}

type agentLinkCommand struct {
	Identifier string `arg:"" help:"Of the agent."`
}

// Run prints the link: an agent is sent none by email.
func (c *agentLinkCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		token, expires, err := s.NewAgentPasswordLink(ctx, c.Identifier)
		if err != nil {
			return named("agent "+c.Identifier, err)
		}
		return p.printLink(token, expires)
	})
}
