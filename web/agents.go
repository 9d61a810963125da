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
