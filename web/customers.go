package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views"
)

type customerAddCommand struct {
	Identifier    string `arg:"" optional:"" help:"As ab1234-mdt; made from the name, with MANDAT_IDENTIFIER_SUFFIX, unless given."`
	Name          string `required:"" help:"Of the person or company."`
	Email         string `required:"" help:"Where notices go."`
	Language      string `default:"fr" enum:"fr,en" help:"fr or en."`
	TimeZone      string `help:"IANA name; MANDAT_TIME_ZONE unless given."`
	PasswordStdin bool   `help:"Read a password from standard input. Without one, use customer link."`
}

// Run adds the customer.
func (c *customerAddCommand) Run(p *program) error {
	zone := c.TimeZone
	if zone == "" {
		zone = p.config.timeZone
	}
	password, err := p.password(c.PasswordStdin)
	if err != nil {
		return err
	}
	return p.with(func(ctx context.Context, s *models.Store) error {
		added, err := s.AddCustomer(ctx, models.NewCustomer{
			Identifier: c.Identifier, Name: c.Name, Email: c.Email, Language: c.Language, TimeZone: zone, Password: password,
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "Added customer %s, %s.\n", added.Identifier, added.Name)
		if password == "" {
			fmt.Fprintf(p.out, "They cannot sign in yet: `mandat customer link %s` prints a link to set a password.\n", added.Identifier)
		}
		return nil
	})
}

type customerLinkCommand struct {
	Identifier string `arg:"" help:"Of the customer."`
}

// Run prints the link.
func (c *customerLinkCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		token, expires, err := s.NewPasswordLink(ctx, c.Identifier)
		if err != nil {
			return named("customer "+c.Identifier, err)
		}
		return p.printLink(token, expires)
	})
}

// printLink prints a one-time link alone on standard output, and what to know
// about it beside it.
func (p *program) printLink(token string, expires time.Time) error {
	zone, err := time.LoadLocation(p.config.timeZone)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.out, p.config.origin.JoinPath(views.PasswordLinkPath(token)))
	fmt.Fprintf(p.err, "It works once, until %s, and takes the place of earlier ones. Whoever has it sets the password.\n", expires.In(zone).Format("2006-01-02 15:04 MST"))
	return nil
}

type customerEmailCommand struct {
	Identifier string `arg:"" help:"Of the customer."`
	Email      string `arg:"" help:"Where notices go from now on."`
}

// Run changes the contact address without asking anybody there: the operator
// knows whose it is.
func (c *customerEmailCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		if err := s.SetContact(ctx, c.Identifier, c.Email); err != nil {
			return named("customer "+c.Identifier, err)
		}
		fmt.Fprintf(p.out, "Customer %s is reached at %s.\n", c.Identifier, c.Email)
		return nil
	})
}

type customerDisableCommand struct {
	Identifier string `arg:"" help:"Of the customer."`
}

// Run shuts the customer out, whatever they are doing.
func (c *customerDisableCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		identifier, _ := models.ParseIdentifier(c.Identifier)
		changed, err := s.DisableCustomer(ctx, identifier)
		switch {
		case err != nil:
			return named("customer "+c.Identifier, err)
		case !changed:
			fmt.Fprintf(p.out, "Customer %s is disabled already.\n", identifier)
			return nil
		}
		fmt.Fprintf(p.out, "Customer %s is signed out everywhere and cannot sign in, in any process; links sent to them are dead, and support acts for them no more.\n"+
			"What they own goes on receiving mail. Grants that they gave stay, those that they hold let nothing through; mailbox passwords and redirections stay as they are.\n", identifier)
		return nil
	})
}

type customerEnableCommand struct {
	Identifier string `arg:"" help:"Of the customer."`
}

// Run lets the customer sign in again.
func (c *customerEnableCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		identifier, _ := models.ParseIdentifier(c.Identifier)
		changed, err := s.EnableCustomer(ctx, identifier)
		switch {
		case err != nil:
			return named("customer "+c.Identifier, err)
		case !changed:
			fmt.Fprintf(p.out, "Customer %s is not disabled.\n", identifier)
			return nil
		}
		fmt.Fprintf(p.out, "Customer %s can sign in again, with the password and the factors they have. If somebody else had them, use `mandat customer link` and `reset-factors`.\n", identifier)
		return nil
	})
}

// maxPasswordInput bounds what is read as a password, in bytes.
const maxPasswordInput = 4096

// password reads a password from standard input if it is asked for: what is on
// the command line is seen by every user of the machine.
func (p *program) password(wanted bool) (string, error) {
	if !wanted {
		return "", nil
	}
	text, err := io.ReadAll(io.LimitReader(p.in, maxPasswordInput))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	password := strings.TrimRight(string(text), "\r\n")
	if password == "" {
		return "", fmt.Errorf("standard input has no password")
	}
	return password, nil
}
