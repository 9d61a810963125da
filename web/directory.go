package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

type directoryLoadCommand struct {
	File string `arg:"" help:"CSV in UTF-8; - is standard input."`
}

// Help is printed by mandat directory load --help.
func (directoryLoadCommand) Help() string {
	return `Each line is one of

  customer,IDENTIFIER,NAME,EMAIL,LANGUAGE
  service,DOMAIN,OWNER,MAX_ACCOUNTS,MAX_GB
  account,ADDRESS,DESCRIPTION,SIZE_GB,PASSWORD_HASH

in any order. The hash of an account may be empty, or in a salted scheme that Dovecot reads, as {SHA512-CRYPT}$6$….
All lines are loaded or, if one is bad, none; every bad line is told with its number. The same file again changes nothing.`
}

// Run loads the file. Bad lines go to standard error as FILE:LINE: reason.
func (c *directoryLoadCommand) Run(p *program) error {
	in, name := io.NopCloser(p.in), "standard input"
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		in, name = f, c.File
	}
	defer in.Close()
	return p.with(func(ctx context.Context, s *models.Store) error {
		english := locale.From(ctx)
		bad := bufio.NewWriter(p.err)
		done, err := s.LoadDirectory(ctx, in, p.config.timeZone, func(e models.LineError) {
			fmt.Fprintf(bad, "%s:%d: %s\n", name, e.Line, views.MessageText(english, e.Problem))
		})
		if e := bad.Flush(); err == nil {
			err = e
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(p.out, "Loaded %d customers, %d services and %d accounts; %d lines were so already.\n", done.Customers, done.Services, done.Accounts, done.Unchanged)
		return nil
	})
}
