package modelstest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// own starts a server that no other test uses.
func own(t *testing.T) *Server {
	t.Helper()
	t.Setenv("MANDAT_TEST_POSTGRES", "")
	s, err := StartServer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// expect compares the one value that a query of a database of s gives.
func expect[T comparable](t *testing.T, s *Server, database, sql string, want T) {
	t.Helper()
	var got T
	if err := connect(t, s.URL(database)).QueryRow(t.Context(), sql).Scan(&got); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	if got != want {
		t.Errorf("%s: got %v, want %v", sql, got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The steps follow one another on one server.
func TestServer(t *testing.T) {
	s, ctx := own(t), t.Context()
	const name = `copy "one"`

	t.Run("a copy holds what its template holds", func(t *testing.T) {
		must(t, s.Create(ctx, "template", ""))
		template := connect(t, s.URL("template"))
		_, err := template.Exec(ctx, "CREATE TABLE answers AS SELECT 42 AS n")
		must(t, err)
		must(t, template.Close(ctx))
		must(t, s.Create(ctx, name, "template"))
		expect(t, s, name, "SELECT n FROM answers", 42)
	})

	t.Run("a user of the machine who does not know the password is refused", func(t *testing.T) {
		config, err := pgx.ParseConfig(s.URL("postgres"))
		must(t, err)
		config.Password = "guessed"
		if _, err := pgx.ConnectConfig(ctx, config); err == nil {
			t.Error("the guess was right")
		}
	})

	t.Run("a shared server is used and left alone", func(t *testing.T) {
		t.Setenv("MANDAT_TEST_POSTGRES", s.URL("template1"))
		shared, err := StartServer(ctx)
		must(t, err)
		must(t, shared.Create(ctx, "mine", ""))
		expect(t, s, "mine", "SELECT current_database()::text", "mine")
		must(t, shared.Drop(ctx, "mine"))
		for method, err := range map[string]error{
			"Suspend": shared.Suspend(), "Resume": shared.Resume(), "Restart": shared.Restart(ctx),
		} {
			if !errors.Is(err, errShared) {
				t.Errorf("%s: %v", method, err)
			}
		}
		shared.Stop()
		must(t, s.Exec(ctx, "SELECT 1"))
	})

	t.Run("a suspended server is gone until it is resumed", func(t *testing.T) {
		before := connect(t, s.URL(name))
		must(t, s.Suspend())
		must(t, s.Suspend())
		if err := before.Ping(ctx); err == nil {
			t.Error("a connection outlives its server")
		}
		if err := s.Exec(ctx, "SELECT 1"); err == nil {
			t.Error("a suspended server answers")
		}
		must(t, s.Resume())
		must(t, s.Resume())
		expect(t, s, name, "SELECT n FROM answers", 42)
		must(t, s.Restart(ctx))
		expect(t, s, name, "SELECT n FROM answers", 42)
	})

	t.Run("a database is dropped from under its users", func(t *testing.T) {
		before := connect(t, s.URL(name))
		must(t, s.Drop(ctx, name))
		must(t, s.Drop(ctx, name))
		if err := before.Ping(ctx); err == nil {
			t.Error("a connection outlives its database")
		}
	})

	t.Run("a stopped server leaves nothing behind", func(t *testing.T) {
		s.Stop()
		s.Stop()
		if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("its directory: %v", err)
		}
		if err := s.Exec(ctx, "SELECT 1"); err == nil {
			t.Error("it answers")
		}
	})
}

func TestMissingServerSaysWhatToInstall(t *testing.T) {
	t.Setenv("MANDAT_TEST_POSTGRES", "")
	t.Setenv("PG_BINDIR", t.TempDir())
	if _, err := StartServer(t.Context()); err == nil || !strings.Contains(err.Error(), "PG_BINDIR") {
		t.Errorf("PG_BINDIR without programs: %v", err)
	}
}

// The test runs itself as a second process, which is killed as a time limit
// or a person would kill it.
func TestKilledProcessLeavesNothingBehind(t *testing.T) {
	const victim = "MANDAT_TEST_VICTIM"
	if os.Getenv(victim) != "" {
		s := own(t)
		fmt.Printf("\nvictim %s %s\n", s.dir, s.URL("postgres"))
		select {}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledProcessLeavesNothingBehind$")
	cmd.Env = append(os.Environ(), victim+"=1")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	var dir, url string
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "victim %s %s", &dir, &url)
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	if url == "" {
		t.Fatal("the second process did not start a server")
	}
	for deadline := time.Now().Add(stopLimit); ; time.Sleep(20 * time.Millisecond) {
		conn, connected := pgx.Connect(t.Context(), url)
		if connected == nil {
			_ = conn.Close(t.Context())
		}
		_, gone := os.Stat(dir)
		if connected != nil && errors.Is(gone, fs.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after a kill: connecting gives %v, the directory %v", connected, gone)
		}
	}
}
