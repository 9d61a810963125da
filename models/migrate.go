package models

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations
var migrations embed.FS

// schema holds the panel's own tables on PostgreSQL; the mail servers get schemas of their own.
const schema = "panel"

// riverMigration is the number of the Go migration that makes River's tables,
// and riverVersion the version of River's schema it makes. A later River that
// brings a new version gets a new number; these two never change.
const (
	riverMigration = 2
	riverVersion   = 8
)

// Migrate brings the schema to the newest version. Any number of processes may
// start at once; an interrupted migration is taken up again by the next call.
func (s *Store) Migrate(ctx context.Context) error {
	if s.pool != nil {
		if err := s.makeSchema(ctx); err != nil {
			return err
		}
	}
	p, err := s.migrator()
	if err != nil {
		return err
	}
	pending, err := p.HasPending(ctx)
	if err != nil {
		return err
	}
	if pending { // usually not, and then there is no lock to wait for
		if _, err := p.Up(ctx); err != nil {
			return err
		}
		if s.pool != nil { // what was made is for the panel's role too
			if _, err := s.pool.Exec(ctx, "SELECT grant_panel_role()"); err != nil {
				return err
			}
		}
	}
	_, err = s.ChainHistory(ctx)
	return err
}

func (s *Store) pendingMigrations(ctx context.Context) (bool, error) {
	p, err := s.migrator()
	if err != nil {
		return false, err
	}
	return p.HasPending(ctx)
}

// makeSchema runs before goose, whose own table goes there. IF NOT EXISTS alone
// lets two processes collide, hence the lock.
func (s *Store) makeSchema(ctx context.Context) error {
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(ctx)
	var there bool // then who only asks what is pending needs no right to make one
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", schema).Scan(&there); err != nil || there {
		return err
	}
	for _, q := range []string{
		"SELECT pg_advisory_xact_lock(hashtext('mandat.schema'))",
		"CREATE SCHEMA IF NOT EXISTS " + schema,
	} {
		if _, err := tx.Exec(ctx, q); err != nil {
			return fmt.Errorf("make schema %s: %w", schema, err)
		}
	}
	return tx.Commit(ctx)
}

func (s *Store) migrator() (*goose.Provider, error) {
	dialect, dir := goose.DialectSQLite3, "migrations/sqlite"
	opts := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	river := goose.GoFunc{RunDB: func(ctx context.Context, db *sql.DB) error { return riverUp(ctx, riversqlite.New(db)) }}
	if s.pool != nil {
		dialect, dir = goose.DialectPostgres, "migrations/postgres"
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // each second; the default asks every 5
		if err != nil {
			return nil, err
		}
		opts = append(opts, goose.WithSessionLocker(locker))
		river.RunDB = func(ctx context.Context, _ *sql.DB) error { return riverUp(ctx, riverpgxv5.New(s.pool)) }
	}
	opts = append(opts, goose.WithGoMigrations(goose.NewGoMigration(riverMigration, &river, nil)))
	files, err := fs.Sub(migrations, dir)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(dialect, s.sql, files, opts...)
}

func riverUp[T any](ctx context.Context, driver riverdriver.Driver[T]) error {
	m, err := rivermigrate.New(driver, nil)
	if err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: riverVersion})
	return err
}
