package main

import (
	"context"
	"fmt"

	"example.org/mandat/models"
)

// limits are flags; one that is not given leaves its limit as it is, or as is usual.
type limits struct {
	MaxAccounts  *int `help:"Accounts at most; postmaster is free."`
	MaxGB        *gb  `name:"max-gb" help:"Size of all accounts together."`
	MaxAccountGB *gb  `name:"max-account-gb" help:"Size of one account."`

	MaxRedirections *int `help:"Redirections at most, aliases among them."`
	MaxResponders   *int `help:"Responders at most."`
	MaxLists        *int `help:"Mailing lists at most."`
	MaxSubscribers  *int `help:"Subscribers of one mailing list at most."`
}

// gb is a size in GB on the command line.
type gb int64

// UnmarshalText reads "5" or "0.5".
func (g *gb) UnmarshalText(text []byte) error {
	octets, ok := models.ParseGB(string(text))
	if !ok {
		return fmt.Errorf("want GB as 5 or 0.5")
	}
	*g = gb(octets)
	return nil
}

func (l limits) limits() models.ServiceLimits {
	return models.ServiceLimits{
		MaxAccounts: l.MaxAccounts, MaxBytes: (*int64)(l.MaxGB), MaxAccountBytes: (*int64)(l.MaxAccountGB),
		MaxRedirections: l.MaxRedirections, MaxResponders: l.MaxResponders, MaxLists: l.MaxLists, MaxSubscribers: l.MaxSubscribers,
	}
}

type serviceAddCommand struct {
	Domain string `arg:"" help:"As example.org or été.example."`
	Owner  string `required:"" help:"Identifier of the customer who owns it."`
	limits
}

// Run adds the service.
func (c *serviceAddCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		added, err := s.AddService(ctx, models.NewService{Domain: c.Domain, Owner: c.Owner, Limits: c.limits.limits()})
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "Added service %s of %s.\n", models.ReadableDomain(added.Domain), added.OwnerIdentifier)
		return nil
	})
}

type serviceSetCommand struct {
	Domain string `arg:"" help:"Of the service."`
	limits
}

// Run changes the limits that are given.
func (c *serviceSetCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		return named("service "+c.Domain, s.SetService(ctx, c.Domain, c.limits.limits()))
	})
}

type serviceSuspendCommand struct {
	Domain string `arg:"" help:"Of the service."`
	NoMail bool   `help:"Let it receive and send nothing either, and sign nobody in to a mailbox."`
}

// Run suspends the service.
func (c *serviceSuspendCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		suspend := s.SuspendService
		if c.NoMail {
			suspend = s.SilenceService
		}
		return named("service "+c.Domain, suspend(ctx, c.Domain))
	})
}

type serviceResumeCommand struct {
	Domain string `arg:"" help:"Of the service."`
}

// Run is the way back from suspending.
func (c *serviceResumeCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		return named("service "+c.Domain, s.ResumeService(ctx, c.Domain))
	})
}
