package models

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"example.org/mandat/models/history"
)

// Config says where the data is and how the store behaves.
type Config struct {
	URL    string           // "postgres://…" or "sqlite:FILE"
	Clock  func() time.Time // the one clock for every lifetime; nil is the machine's
	Log    *slog.Logger     // nil discards
	Tracer pgx.QueryTracer  // sees every statement on PostgreSQL; nil for none
	Suffix string           // of customer identifiers, without its hyphen; "" is DefaultSuffix
	Post   Post             // nil: the panel sends no mail

	Security *slog.Logger // hears what is about security, whatever the level of Log; nil: Log

	Emergency bool // support may act without consent, by a second agent

	FactorForAll bool // customers too must have a second factor; one without adds it at the next sign-in

	Mailboxes Mailboxes // nil: no mail server is attached

	Importer    Importer           // nil: no mail is imported
	Checkpoints *history.Directory // nil: the jobs write none

	Secret    []byte // of SecretSize, for passwords of other servers and the secrets of apps; nil: none is kept
	OldSecret []byte // what was kept with it is opened too; nil for none
}

// Store is the database: PostgreSQL, or the embedded SQLite file of one process.
// Its methods are safe for concurrent use.
type Store struct {
	db     *gorm.DB
	sql    *sql.DB
	pool   *pgxpool.Pool // nil on SQLite
	clock  func() time.Time
	log    *slog.Logger
	suffix string
	post   Post

	security *slog.Logger

	emergency    bool
	factorForAll bool

	mailboxes Mailboxes
	importer  Importer
	sealer    *sealer // nil without a secret

	checkpoints *history.Directory // nil: none are written

	jobs    jobClient
	hashing gate
	// How far jobs of this process have come, in percent, by the id of their upload.
	// Only the embedded file needs it: see teller.
	progress sync.Map

	fileLock io.Closer // of the embedded file
}

// Time limits of the database's side: a statement, a wait for a lock, a
// transaction whose process went away. Long work (migrations, loading a
// directory) lifts the first for itself.
const (
	statementTimeout = 10 * time.Second
	lockTimeout      = 5 * time.Second
	idleInTx         = 30 * time.Second
	connectTimeout   = 2 * time.Second
)

// Open connects to the database; it does not migrate. The embedded file is
// created when missing and locked for this process: ErrInUse when another has it.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{clock: cfg.Clock, log: cfg.Log, suffix: cfg.Suffix, post: cfg.Post, emergency: cfg.Emergency, factorForAll: cfg.FactorForAll, mailboxes: cfg.Mailboxes, checkpoints: cfg.Checkpoints, hashing: newGate(max(1, runtime.NumCPU()-1))}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.security = cmp.Or(cfg.Security, s.log)
	if s.suffix == "" {
		s.suffix = DefaultSuffix
	}
	gcfg := &gorm.Config{
		TranslateError:         true,
		SkipDefaultTransaction: true, // verbs open their own; one statement is atomic by itself
		Logger:                 logger.Discard,
		NowFunc:                s.now,
	}
	var err error
	if s.importer = cfg.Importer; cfg.Secret != nil {
		var old [][]byte
		if cfg.OldSecret != nil {
			old = append(old, cfg.OldSecret)
		}
		if s.sealer, err = newSealer(cfg.Secret, old...); err != nil {
			return nil, err
		}
	}
	if file, ok := strings.CutPrefix(cfg.URL, "sqlite:"); ok {
		err = s.openSQLite(file, gcfg)
	} else {
		err = s.openPostgres(ctx, cfg, gcfg)
	}
	if err != nil {
		return nil, err
	}
	s.jobs, err = s.newJobs(&river.Config{})
	return s, err
}

func (s *Store) openPostgres(ctx context.Context, cfg Config, gcfg *gorm.Config) error {
	pc, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return fmt.Errorf("database address: %w", err)
	}
	// Twice the cores: more connections only make the two queue inside PostgreSQL.
	pc.MaxConns = int32(max(4, 2*runtime.NumCPU()))
	pc.ConnConfig.ConnectTimeout = connectTimeout
	pc.ConnConfig.Tracer = cfg.Tracer
	pc.PingTimeout = connectTimeout
	for name, value := range map[string]string{
		"search_path":                         schema + ", public",
		"application_name":                    "mandat",
		"jit":                                 "off", // costs more than any of our queries
		"statement_timeout":                   ms(statementTimeout),
		"lock_timeout":                        ms(lockTimeout),
		"idle_in_transaction_session_timeout": ms(idleInTx),
		"timezone":                            "UTC",
	} {
		pc.ConnConfig.RuntimeParams[name] = value
	}
	if s.pool, err = pgxpool.NewWithConfig(ctx, pc); err != nil {
		return fmt.Errorf("open PostgreSQL: %w", err)
	}
	s.sql = stdlib.OpenDBFromPool(s.pool)
	if s.db, err = gorm.Open(postgres.New(postgres.Config{Conn: s.sql}), gcfg); err != nil {
		s.pool.Close()
		return fmt.Errorf("open PostgreSQL: %w", err)
	}
	return nil
}

func ms(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// Close ends all connections. Jobs must have been stopped.
func (s *Store) Close() error {
	err := s.sql.Close()
	if s.pool != nil {
		s.pool.Close()
	}
	if s.fileLock != nil {
		err = errors.Join(err, s.fileLock.Close())
	}
	return err
}

// Emergency says whether support may act without consent, by a second agent.
func (s *Store) Emergency() bool { return s.emergency }

// Embedded says whether this is the SQLite file of one process.
func (s *Store) Embedded() bool { return s.pool == nil }

// Now is the store's clock: UTC, in microseconds as PostgreSQL keeps them.
func (s *Store) Now() time.Time { return s.now() }

func (s *Store) now() time.Time { return s.clock().UTC().Truncate(time.Microsecond) }

// MaxClockSkew is how far this process's clock may be from the database's: all
// processes judge lifetimes, and must judge alike.
const MaxClockSkew = 2 * time.Second

// Ready says whether the store can serve: the database answers, its schema is
// the program's, and its clock agrees with this process's.
func (s *Store) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if s.pool != nil {
		var theirs time.Time
		if err := s.pool.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&theirs); err != nil {
			return err
		}
		if skew := time.Since(theirs).Abs(); skew > MaxClockSkew {
			return fmt.Errorf("clock differs from the database's by %v", skew)
		}
	} else if err := s.sql.PingContext(ctx); err != nil {
		return err
	}
	pending, err := s.pendingMigrations(ctx)
	if err == nil && pending {
		err = errors.New("migrations are pending")
	}
	return err
}
