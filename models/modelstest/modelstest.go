// Package modelstest gives a test a store with the cast in it, on SQLite or on
// PostgreSQL, alone and movable in time.
//
// The demo world is loaded once per process and database; each test gets a
// clone of it. A rolled-back transaction would be quicker still, but hides what
// only commits show: locks between two processes, jobs, constraints at the end.
package modelstest

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // registers "pgx"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/totp"
)

// World is a store with the cast, of one test.
type World struct {
	Store *models.Store
	URL   string // as models.Config takes it: a second process may open it (on PostgreSQL, as the panel's role)
	Clock *Clock
	SQL   *sql.DB // beside the store, to look at rows, as superuser
	Count *Counter
	Post  *Postbox // of what the store's jobs send

	Importer *Importer // which mail servers imports reach

	// Shown are what was shown to somebody once and is kept nowhere as it was
	// shown, such as recovery codes: Holds looks for them in events too.
	Shown []string

	secrets []string // see secretColumns
}

// Clock is the machine's, moved.
type Clock struct {
	offset  atomic.Int64
	stopped atomic.Int64 // the machine's time at which it was stopped, 0 while it goes
}

// Now is the time of the world.
func (c *Clock) Now() time.Time {
	now := time.Now()
	if at := c.stopped.Load(); at != 0 {
		now = time.Unix(0, at)
	}
	return now.Add(time.Duration(c.offset.Load()))
}

// Stop makes the clock stand, so that only Move moves it: a busy machine then changes nothing.
func (c *Clock) Stop() { c.stopped.Store(time.Now().UnixNano()) }

// Move moves the clock by d.
func (c *Clock) Move(d time.Duration) { c.offset.Add(int64(d)) }

// Counter counts the statements that reach PostgreSQL. BEGIN, COMMIT, ROLLBACK and SAVEPOINTs count apart.
type Counter struct {
	mu    sync.Mutex
	texts []string
}

// TraceQueryStart is pgx.QueryTracer.
func (c *Counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	switch q.SQL {
	case "begin", "commit", "rollback", "BEGIN", "COMMIT", "ROLLBACK":
		return ctx
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, q.SQL)
	return ctx
}

// TraceQueryEnd is pgx.QueryTracer.
func (c *Counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Take returns the statements since the last call.
func (c *Counter) Take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	texts := c.texts
	c.texts = nil
	return texts
}

// Each runs a test on each database, in parallel with each other and with other
// tests, each with its own world.
func Each(t *testing.T, fn func(t *testing.T, w *World)) {
	t.Helper()
	t.Parallel()
	t.Run("postgres", func(t *testing.T) { t.Parallel(); fn(t, OnPostgres(t)) })
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); fn(t, OnSQLite(t)) })
}

// Actor is one of the cast's customers, without a form.
func (w *World) Actor(t testing.TB, identifier string) models.Actor {
	t.Helper()
	c, err := w.Store.FindCustomer(t.Context(), identifier)
	if err != nil {
		t.Fatalf("%s: %v", identifier, err)
	}
	return models.Actor{Customer: c.ID}
}

// Code is what an app with this secret shows at this moment. It works as if none
// had been used before, of any app.
func (w *World) Code(t testing.TB, secret string) string {
	t.Helper()
	w.Exec(t, "UPDATE factors SET last_step = 0")
	code, err := totp.Code(secret, w.Store.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// Int reads one number beside the store.
func (w *World) Int(t testing.TB, query string, args ...any) (n int) {
	t.Helper()
	if err := w.SQL.QueryRowContext(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

// Exec changes rows beside the store.
func (w *World) Exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := w.SQL.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

var (
	server   = sync.OnceValues(func() (*Server, error) { return StartServer(context.Background()) })
	template = sync.OnceValues(makeTemplate)
	liteFile = sync.OnceValues(makeLiteFile)
	clones   atomic.Int64
)

// Postgres is the server of this process's tests.
func Postgres(t testing.TB) *Server {
	t.Helper()
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Run runs the tests of a package and stops what they started. Use it in TestMain.
func Run(m *testing.M) {
	code := m.Run()
	if clones.Load() > 0 {
		if s, err := server(); err == nil {
			if s.dir == "" {
				emptyPool(s) // a shared server outlives us
			}
			s.Stop()
		}
	}
	if file, err := liteFileMade(); err == nil && file != "" {
		_ = os.RemoveAll(filepath.Dir(file))
	}
	os.Exit(code)
}

var liteMade atomic.Bool

func liteFileMade() (string, error) {
	if !liteMade.Load() {
		return "", nil
	}
	return liteFile()
}

// OnPostgres is a clone of the cast on PostgreSQL.
func OnPostgres(t testing.TB) *World {
	t.Helper()
	clones.Add(1)
	tpl, err := template()
	if err != nil {
		t.Fatal(err)
	}
	url := Postgres(t).URL(takeClone(t, tpl))
	return open(t, asPanel(url), "pgx", url)
}

// asPanel is the way to a database in the role that owns nothing of it: what a
// test does, the panel can do in a deployment that keeps its history from it.
func asPanel(url string) string {
	if strings.Contains(url, "?") {
		return url + "&role=mandat_panel"
	}
	return url + "?role=mandat_panel"
}

// EmptyPostgres is a migrated database without anybody in it.
func EmptyPostgres(t testing.TB) *World {
	t.Helper()
	clones.Add(1)
	s, name := Postgres(t), newName()
	if err := s.Create(t.Context(), name, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Drop(context.Background(), name); err != nil {
			t.Log(err)
		}
	})
	w := open(t, s.URL(name), "pgx", s.URL(name))
	if err := w.Store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Count.Take()
	return w
}

// newName is a database's that no other test has, here or on a shared server.
func newName() string { return fmt.Sprintf("mandat_%d_%d", os.Getpid(), clones.Add(1)) }

// OnSQLite is a copy of the cast in a file of its own.
func OnSQLite(t testing.TB) *World {
	t.Helper()
	from, err := liteFile()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "mandat.db")
	if err := copyFile(file, from); err != nil {
		t.Fatal(err)
	}
	return open(t, "sqlite:"+file, "sqlite", "file:"+file+"?_time_format=sqlite&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)")
}

// EmptySQLite is a migrated file without anybody in it.
func EmptySQLite(t testing.TB) *World {
	t.Helper()
	file := filepath.Join(t.TempDir(), "mandat.db")
	w := open(t, "sqlite:"+file, "sqlite", "file:"+file+"?_time_format=sqlite&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)")
	if err := w.Store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

func open(t testing.TB, url, driver, dsn string) *World {
	t.Helper()
	w := &World{URL: url, Clock: new(Clock), Count: new(Counter), Post: new(Postbox), Importer: new(Importer)}
	var err error
	if w.Store, err = models.Open(t.Context(), models.Config{URL: url, Clock: w.Clock.Now, Tracer: w.Count, Post: w.Post, Importer: w.Importer, Secret: Secret, Emergency: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Store.Close(); err != nil {
			t.Log(err)
		}
	})
	if w.SQL, err = sql.Open(driver, dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.SQL.Close() })
	if driver == "pgx" {
		w.SQL.SetMaxOpenConns(1)
		w.Exec(t, "SET search_path = panel, public")
	}
	return w
}

// load migrates a database and loads the cast.
func load(url string) error {
	ctx := context.Background()
	s, err := models.Open(ctx, models.Config{URL: url, Secret: Secret})
	if err != nil {
		return err
	}
	if err := s.Migrate(ctx); err != nil {
		_ = s.Close()
		return err
	}
	if err := cast.Load(ctx, s); err != nil {
		_ = s.Close()
		return err
	}
	return s.Close()
}

func makeTemplate() (string, error) {
	ctx := context.Background()
	s, err := server()
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("mandat_cast_%d", os.Getpid())
	if err := s.Create(ctx, name, ""); err != nil {
		return "", err
	}
	if err := load(s.URL(name)); err != nil {
		return "", err
	}
	return name, keepRows(ctx, s.URL(name))
}

func makeLiteFile() (string, error) {
	dir, err := os.MkdirTemp("", "mandat-cast")
	if err != nil {
		return "", err
	}
	liteMade.Store(true)
	file := filepath.Join(dir, "cast.db")
	return file, load("sqlite:" + file)
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}
