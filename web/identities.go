package main

import (
	"context"
	"fmt"

	"example.org/mandat/models"
)

type identityLinkCommand struct {
	Identifier string `arg:"" help:"Of the customer or the agent."`
	Subject    string `arg:"" help:"The claim sub of the account at the provider. A sign-on of somebody who is not linked has it in the log."`
	Issuer     string `help:"Of the provider; MANDAT_OIDC_ISSUER unless given."`
}

// Run links.
func (c *identityLinkCommand) Run(p *program) error {
	issuer := p.issuer(c.Issuer)
	return p.with(func(ctx context.Context, s *models.Store) error {
		if _, err := s.AddIdentity(ctx, c.Identifier, issuer, c.Subject); err != nil {
			return named("customer or agent "+c.Identifier, err)
		}
		fmt.Fprintf(p.out, "%s is linked with the account %s of %s.\n", c.Identifier, c.Subject, issuer)
		return nil
	})
}

type identityUnlinkCommand struct {
	Identifier string `arg:"" help:"Of the customer or the agent."`
	Issuer     string `help:"Of the provider; MANDAT_OIDC_ISSUER unless given."`
}

// Run ends a link.
func (c *identityUnlinkCommand) Run(p *program) error {
	issuer := p.issuer(c.Issuer)
	return p.with(func(ctx context.Context, s *models.Store) error {
		if err := s.RemoveIdentity(ctx, c.Identifier, issuer); err != nil {
			return named("link of "+c.Identifier+" with "+issuer, err)
		}
		fmt.Fprintf(p.out, "%s is no longer linked with %s, and signed out wherever that was the way in.\n", c.Identifier, issuer)
		return nil
	})
}

// issuer is the provider that a command is about.
func (p *program) issuer(given string) string {
	if given != "" {
		return given
	}
	return p.config.oidc.Issuer
}
