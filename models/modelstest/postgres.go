package modelstest

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a PostgreSQL for one test process: a throw-away one of its own, or
// the shared one that MANDAT_TEST_POSTGRES names. Its methods may be called
// from several tests at once.
//
// # Why a guard, and not a parent-death signal
//
// A test process may be killed at any moment, by its own time limit to begin
// with, and must leave neither server nor directory behind. Linux's
// parent-death signal follows the thread that forked, which Go may end early,
// and it removes no directory. So a small shell reads a pipe whose other end
// only the test process holds: however that process ends, the shell sees the
// end of the pipe, stops the server and removes the directory. Stop takes the
// same way.
type Server struct {
	admin *url.URL // superuser's, of database postgres

	// The rest is unset on a shared server.
	durable bool // it writes as a production server does
	dir     string
	bin     string // directory of the programs
	port    int
	owner   *syscall.Credential // nil: the user of this process
	guard   *exec.Cmd
	hold    io.Closer     // our end of the pipe it reads
	says    *bufio.Reader // the status of initdb

	mu         sync.Mutex
	postmaster *exec.Cmd     // nil while suspended
	ended      chan struct{} // closed when postmaster has ended
}

// guardScript gets the directories of the server and of the programs. It makes
// the data itself, since initdb, once begun, is better left to end: its children
// leave shared memory behind when they are killed. The postmaster is sent SIGINT,
// which ends its clients, and after five seconds SIGQUIT, which saves nothing.
const guardScript = `
trap '' PIPE
"$2/initdb" -D "$1/data" -U postgres -A scram-sha-256 --pwfile="$1/password" \
	-E UTF8 --locale=C.UTF-8 --no-sync --no-instructions >"$1/initdb.log" 2>&1
echo $?
read -r _
n=0 signal=INT
while [ $n -lt 100 ] && kill -$signal "$(head -n 1 "$1/data/postmaster.pid")"; do
	sleep 0.1
	n=$((n + 1))
	[ $n -lt 50 ] || signal=QUIT
done
until rm -rf "$1" || [ $n -gt 150 ]; do
	sleep 0.1
	n=$((n + 1))
done
`

// settings trade safety after a power cut for speed. The time zone is on
// purpose not UTC: production servers have one, and SQL that forgets it
// should fail here first.
var settings = []string{
	"fsync=off", "full_page_writes=off", "synchronous_commit=off", "autovacuum=off", "jit=off",
	"wal_level=minimal", "max_wal_senders=0", "max_connections=200", "timezone=Europe/Paris",
}

// durableSettings leave PostgreSQL's own in force where they cost something.
var durableSettings = []string{"jit=off", "max_connections=200", "timezone=Europe/Paris", "shared_buffers=256MB"}

const (
	startLimit = time.Minute      // a busy machine needs several seconds
	stopLimit  = 10 * time.Second // for a shutdown that lets transactions roll back
)

var errShared = errors.New("modelstest: the server of MANDAT_TEST_POSTGRES is shared and cannot be stopped")

// StartServer returns a running PostgreSQL 15 or newer. If MANDAT_TEST_POSTGRES
// holds a superuser's URL, that server is shared; otherwise a new one is made
// in a temporary directory from the programs in PG_BINDIR, in Debian's
// /usr/lib/postgresql or on PATH, the newest first. ctx bounds the start, not
// the life of the server. Without the programs the error says how to get them.
func StartServer(ctx context.Context) (*Server, error) { return startServer(ctx, false) }

// StartDurableServer is StartServer for measurements: what is committed is on
// the disk, as with a production server's settings.
func StartDurableServer(ctx context.Context) (*Server, error) { return startServer(ctx, true) }

func startServer(ctx context.Context, durable bool) (*Server, error) {
	if shared := os.Getenv("MANDAT_TEST_POSTGRES"); shared != "" {
		admin, err := url.Parse(shared)
		if err != nil {
			return nil, fmt.Errorf("modelstest: MANDAT_TEST_POSTGRES: %w", err)
		}
		admin.Path = "/postgres"
		s := &Server{admin: admin}
		if err := s.Exec(ctx, "SELECT 1"); err != nil {
			return nil, fmt.Errorf("modelstest: MANDAT_TEST_POSTGRES: %w", err)
		}
		return s, nil
	}

	s := &Server{durable: durable}
	if err := s.prepare(); err != nil {
		return nil, fmt.Errorf("modelstest: %w", err)
	}
	err := s.initialise(ctx)
	if err == nil {
		err = s.launch(ctx)
	}
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("modelstest: %w", err)
	}
	return s, nil
}

// URL returns the superuser's connection string for a database of the server.
func (s *Server) URL(database string) string {
	u := *s.admin
	u.Path = "/" + database
	return u.String()
}

// Exec runs one or more statements as superuser in database postgres.
func (s *Server) Exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, s.admin.String())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// Create makes a database: an empty one, or a copy of the template if one is
// named. Nobody may be connected to the template meanwhile.
func (s *Server) Create(ctx context.Context, name, template string) error {
	sql := "CREATE DATABASE " + identifier(name)
	if template != "" {
		// Half the time of the default strategy, with fsync off.
		sql += " TEMPLATE " + identifier(template) + " STRATEGY FILE_COPY"
	}
	return s.Exec(ctx, sql)
}

// Drop removes a database and ends the connections to it. A database that
// does not exist is no error.
func (s *Server) Drop(ctx context.Context, name string) error {
	return s.Exec(ctx, "DROP DATABASE IF EXISTS "+identifier(name)+" WITH (FORCE)")
}

// Suspend stops the server as its operator would: every connection is ended
// and new ones are refused until Resume. Suspending twice is no error.
func (s *Server) Suspend() error {
	if s.dir == "" {
		return errShared
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halt()
	return nil
}

// Resume starts a suspended server on its old port, with the databases it had.
func (s *Server) Resume() error {
	if s.dir == "" {
		return errShared
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.postmaster != nil {
		return nil
	}
	return s.launch(context.Background())
}

// Restart is Suspend and Resume.
func (s *Server) Restart(ctx context.Context) error {
	if s.dir == "" {
		return errShared
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halt()
	return s.launch(ctx)
}

// Stop ends the server and removes what it wrote; a shared one is left alone.
// It may be called more than once.
func (s *Server) Stop() {
	if s.dir == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halt()
	_ = s.hold.Close()
	_ = s.guard.Wait()
}

// prepare chooses programs, user, directory, port and password, and starts
// the guard. It leaves nothing behind when it fails.
func (s *Server) prepare() (err error) {
	if s.bin, err = programs(); err != nil {
		return err
	}
	if s.owner, err = owner(); err != nil {
		return err
	}
	base := os.TempDir()
	if s.owner != nil || len(base) > 60 {
		base = "/tmp" // root's own may be closed to the server's user; a socket's path has a limit
	}
	if s.dir, err = os.MkdirTemp(base, "mandat-postgres-"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(s.dir)
		}
	}()
	// Any user of the machine can reach the port, and a superuser of the
	// database can run programs as the server's user.
	password, file := rand.Text(), filepath.Join(s.dir, "password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		return err
	}
	if s.owner != nil {
		for _, path := range []string{s.dir, file} {
			if err := os.Chown(path, int(s.owner.Uid), int(s.owner.Gid)); err != nil {
				return err
			}
		}
	}
	if s.port, err = freePort(); err != nil {
		return err
	}
	s.admin = &url.URL{
		Scheme: "postgres", User: url.UserPassword("postgres", password),
		Host: fmt.Sprintf("127.0.0.1:%d", s.port), Path: "/postgres", RawQuery: "sslmode=disable",
	}
	s.guard = exec.Command("/bin/sh", "-c", guardScript, "guard", s.dir, s.bin)
	s.confine(s.guard)
	if s.hold, err = s.guard.StdinPipe(); err != nil {
		return err
	}
	said, err := s.guard.StdoutPipe()
	if err != nil {
		return err
	}
	s.says = bufio.NewReader(said)
	return s.guard.Start()
}

// initialise waits for the guard to have made the data directory.
func (s *Server) initialise(ctx context.Context) error {
	status := make(chan string, 1)
	go func() {
		line, _ := s.says.ReadString('\n')
		status <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case code := <-status:
		if code == "0" {
			return nil
		}
		said, _ := os.ReadFile(filepath.Join(s.dir, "initdb.log"))
		return fmt.Errorf("initdb ended with status %s\n%s", code, said)
	}
}

// launch starts the postmaster and returns when it answers. The caller holds
// mu, or is the only one who knows the server.
func (s *Server) launch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	postmaster := exec.Command(filepath.Join(s.bin, "postgres"), "-D", filepath.Join(s.dir, "data"),
		"-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-k", s.dir)
	with := settings
	if s.durable {
		with = durableSettings
	}
	for _, setting := range with {
		postmaster.Args = append(postmaster.Args, "-c", setting)
	}
	postmaster.Stdout, postmaster.Stderr = log, log
	s.confine(postmaster)
	if err := postmaster.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		_ = postmaster.Wait()
		close(ended)
	}()
	s.postmaster, s.ended = postmaster, ended

	for {
		err := s.Exec(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			err = errors.New("it ended")
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
			continue
		}
		said, _ := os.ReadFile(log.Name())
		s.halt()
		return fmt.Errorf("postgres does not start: %w\n%s", err, said)
	}
}

// halt ends the postmaster, if there is one, with PostgreSQL's "fast"
// shutdown. The caller holds mu.
func (s *Server) halt() {
	if s.postmaster == nil {
		return
	}
	_ = s.postmaster.Process.Signal(syscall.SIGINT)
	select {
	case <-s.ended:
	case <-time.After(stopLimit):
		_ = s.postmaster.Process.Signal(syscall.SIGQUIT) // "immediate": the next start recovers
		<-s.ended
	}
	s.postmaster = nil
}

// confine runs a command as the server's user, in its directory, out of reach
// of a terminal's ^C, and without the PG* variables of the caller.
func (s *Server) confine(cmd *exec.Cmd) {
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner, Setpgid: true}
}

// programs returns the directory of the newest installed PostgreSQL server.
func programs() (string, error) {
	if dir := os.Getenv("PG_BINDIR"); dir != "" {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
			return "", fmt.Errorf("PG_BINDIR has no PostgreSQL server: %w", err)
		}
		return dir, nil
	}
	newest, found := -1, ""
	paths, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // Debian keeps them off PATH
	for _, path := range paths {
		dir := filepath.Dir(path)
		if version, err := strconv.Atoi(filepath.Base(filepath.Dir(dir))); err == nil && version > newest {
			newest, found = version, dir
		}
	}
	if found != "" {
		return found, nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("no PostgreSQL server is installed: run `make test-deps`, or " +
			"`apt-get install postgresql` as root, or set PG_BINDIR to the directory of initdb")
	}
	if path, err = filepath.EvalSymlinks(path); err != nil { // postgres is beside the real one
		return "", err
	}
	return filepath.Dir(path), nil
}

// owner names the user a server of root's runs as, since PostgreSQL refuses
// root; nil means the user of this process.
func owner() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// freePort stays below the ports that systems give to outgoing connections,
// so that nobody gets the port of a suspended server.
func freePort() (port int, err error) {
	for range 50 {
		port = 20000 + mathrand.IntN(12000)
		var l net.Listener
		if l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, l.Close()
		}
	}
	return 0, err
}

func identifier(name string) string {
	return pgx.Identifier{name}.Sanitize()
}
