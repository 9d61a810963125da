package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/mandat/mail/imap/connect"
	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// How long a program that is to stay waits at its start for a database that is
// not there yet, and between two attempts. A command does not wait.
const (
	patience = 30 * time.Second
	pause    = time.Second
)

// open opens the database for one command. See openWithin.
func (p *program) open() (*models.Store, error) { return p.openWithin(0, p.config.migrate) }

// openWithin opens the database and tries again for so long if it does not
// answer. The embedded one is brought up to date, PostgreSQL if migrate says so;
// otherwise a schema that is too old is an error.
func (p *program) openWithin(limit time.Duration, migrate bool) (*models.Store, error) {
	deadline := time.Now().Add(limit)
	for {
		store, err := p.openOnce(migrate)
		if err == nil || !models.Unavailable(err) || p.ctx.Err() != nil || time.Now().After(deadline) {
			return store, err
		}
		p.log.Warn("the database does not answer yet", "error", err)
		select {
		case <-p.ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (p *program) openOnce(migrate bool) (*models.Store, error) {
	secret, err := p.secret()
	if err != nil {
		return nil, err
	}
	cfg := models.Config{URL: p.config.databaseURL, Log: p.log, Security: p.security, Suffix: p.config.suffix, Post: newPost(p.config), Secret: secret, OldSecret: p.config.oldSecret, Emergency: p.config.emergency, FactorForAll: p.config.factorFor == "everybody", Checkpoints: p.checkpoints}
	if p.config.dovecot != nil { // an interface with a nil in it would not be nil
		cfg.Mailboxes = p.config.dovecot
	}
	if p.config.imap != nil {
		cfg.Importer = connect.Servers{Policy: connect.Policy{Networks: p.config.importNetworks}, Own: p.config.imap}
	}
	store, err := models.Open(p.ctx, cfg)
	if err != nil {
		return nil, err
	}
	if err := p.prepare(store, migrate || store.Embedded()); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

func (p *program) prepare(store *models.Store, migrate bool) error {
	if migrate {
		if err := store.Migrate(p.ctx); err != nil {
			return fmt.Errorf("bring the schema up to date: %w", err)
		}
	}
	err := store.Ready(p.ctx)
	if err != nil && !migrate && !models.Unavailable(err) {
		return fmt.Errorf("the database is not ready: %w; `mandat migrate` brings its schema up to date", err)
	}
	return err
}

// with gives fn the database, for one command.
func (p *program) with(fn func(context.Context, *models.Store) error) error {
	store, err := p.open()
	if err != nil {
		return err
	}
	if err := p.attached(store); err != nil {
		return errors.Join(err, store.Close())
	}
	return errors.Join(fn(p.ctx, store), store.Close())
}

// attached refuses to change what a mail server must be told of and cannot be:
// sessions would go on, and mailboxes stay.
func (p *program) attached(store *models.Store) error {
	detached, err := store.Detached(p.ctx)
	if err == nil && detached {
		err = errors.New("a mail server reads this database, and MANDAT_DOVECOT does not say where it is: take the settings of panel.env too; if there is no mail server any more, run `mandat mail detach`")
	}
	return err
}

// explain says in English what an error of the models means to the operator.
func explain(err error) string {
	english := locale.From(context.Background())
	var refused models.Invalid
	if !errors.As(err, &refused) {
		return err.Error()
	}
	var lines []string
	for _, field := range slices.Sorted(maps.Keys(refused)) {
		for _, m := range refused[field] {
			lines = append(lines, views.MessageText(english, m))
		}
	}
	return strings.Join(lines, "\n")
}

// named makes "not found" say what.
func named(what string, err error) error {
	if errors.Is(err, models.ErrNotFound) {
		return fmt.Errorf("there is no %s", what)
	}
	return err
}
