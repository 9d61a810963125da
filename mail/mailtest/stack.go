// Package mailtest runs the whole of Mandat for a test: PostgreSQL with the demo
// world, the panel as a program, Postfix, Dovecot and the list service with the
// configuration that is shipped, and a server that takes what leaves for
// elsewhere. Everything is on loopback, in a directory of its own, and gone when
// the test process is, however that ends.
package mailtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"example.org/mandat/mail"
	"example.org/mandat/models/modelstest"
)

// Stack is a running Mandat with its mail servers.
type Stack struct {
	Settings mail.Settings
	Database *modelstest.Server
	Outside  *Sink // every address that is not of the panel's is delivered here
	Panel    *Process
	Lists    *Process

	dir   string
	guard *exec.Cmd
	hold  io.Closer

	mu   sync.Mutex
	conn *pgx.Conn // beside the panel, as superuser
}

// Postmaster is who gets what is for root and postmaster of the machine.
const Postmaster = "admin@elsewhere.test"

// Sendmail hands a message to this machine's own sendmail, as its cron jobs do.
func (s *Stack) Sendmail(ctx context.Context, to, message string) error {
	cmd := exec.CommandContext(ctx, "sendmail", "-C", filepath.Join(s.dir, "postfix"), to)
	cmd.Stdin = strings.NewReader(message)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("sendmail: %w\n%s", err, out)
	}
	return nil
}

// guardScript starts the servers of its first argument and reads a pipe that
// ends with the test process; then it stops them and removes the directory.
const guardScript = `
trap '' PIPE
cd /
dovecot -c "$1/dovecot/dovecot.conf" && postfix -c "$1/postfix" start
echo $?
read -r _
for pid in "$1"/bin/*.pid; do
	[ -f "$pid" ] && kill -9 "$(cat "$pid")"
done
postfix -c "$1/postfix" abort
kill "$(cat "$1/private/dovecot/run/master.pid")"
n=0
until rm -rf "$1" || [ $n -gt 100 ]; do
	sleep 0.1
	n=$((n + 1))
done
`

// Missing says why mail servers cannot be run here; "" when they can.
func Missing() string {
	if os.Geteuid() != 0 {
		return "Postfix and Dovecot need root to start"
	}
	for _, program := range []string{"postfix", "dovecot"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed: see `make test-deps`"
		}
	}
	for _, file := range []string{"/usr/lib/postfix/postfix-pgsql.so", "/usr/lib/dovecot/imap", "/usr/lib/dovecot/lmtp", "/usr/lib/dovecot/managesieve"} {
		if _, err := os.Stat(file); err != nil {
			return file + " is not installed: see `make test-deps`"
		}
	}
	if _, err := user.Lookup("vmail"); err != nil {
		return "there is no user vmail: see `make test-deps`"
	}
	return ""
}

// Start starts everything, without TLS unless secure. The caller stops it.
func Start(ctx context.Context, secure bool) (s *Stack, err error) {
	s = &Stack{}
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	if s.dir, err = os.MkdirTemp("/tmp", "mandat-mail-"); err != nil { // a socket's path has a limit
		return nil, err
	}
	if err := os.Chmod(s.dir, 0o755); err != nil { // the servers are several users
		return nil, err
	}
	if s.Outside, err = newSink(); err != nil {
		return nil, err
	}
	if s.Database, err = modelstest.StartServer(ctx); err != nil {
		return nil, err
	}
	if err := s.Database.Create(ctx, "mandat", ""); err != nil {
		return nil, err
	}
	if err := s.configure(secure); err != nil {
		return nil, err
	}
	if err := s.build(ctx); err != nil {
		return nil, err
	}
	demo := s.program(ctx, "mandat", "demo")
	demo.Env = append(demo.Env, "MANDAT_DATABASE_URL="+s.Database.URL("mandat")) // the panel's own role makes no tables
	if out, err := demo.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mandat demo: %w\n%s", err, out)
	}
	if err := s.giveRoles(ctx); err != nil {
		return nil, err
	}
	if err := s.launch(ctx); err != nil {
		return nil, err
	}
	return s, errors.Join(s.Lists.Start(ctx), s.Panel.Start(ctx))
}

// configure writes the shipped configuration for this stack.
func (s *Stack) configure(secure bool) error {
	database, err := pgx.ParseConfig(s.Database.URL("mandat"))
	if err != nil {
		return err
	}
	first, err := FreePorts(mail.PortCount + 1)
	if err != nil {
		return err
	}
	panel := fmt.Sprintf("127.0.0.1:%d", first+mail.PortCount)
	s.Settings = mail.Settings{
		Dir: s.dir, Hostname: "mx.mandat.test", Listen: "127.0.0.1", Private: filepath.Join(s.dir, "private"), Mailboxes: filepath.Join(s.dir, "mailboxes"),
		Postmaster: Postmaster, MaxMessage: 30 << 20, Relay: fmt.Sprintf("[127.0.0.1]:%d", s.Outside.Port), Ports: mail.PortsFrom(first), Origin: "http://" + panel,
		Database: mail.Database{Host: database.Host, Port: fmt.Sprint(database.Port), Name: "mandat"},
	}
	if secure {
		if s.Settings.Certificate, s.Settings.Key, err = SelfSigned(s.dir, time.Now().Add(60*24*time.Hour), s.Settings.Hostname, "localhost"); err != nil {
			return err
		}
	}
	if err := s.Settings.Write(); err != nil {
		return err
	}
	return prepare(s.Settings)
}

// prepare makes the directories of a private instance.
func prepare(settings mail.Settings) error {
	for _, dir := range []struct {
		path, owner string
		mode        os.FileMode
	}{
		{"postfix/queue", "root", 0o755},
		{"postfix/data", "postfix", 0o700},
		{"dovecot/run", "root", 0o755},
		{"dovecot/state", "root", 0o755},
		{settings.Mailboxes, "vmail", 0o750},
	} {
		path := dir.path
		if !filepath.IsAbs(path) {
			path = filepath.Join(settings.Private, path)
		}
		if err := os.MkdirAll(path, 0o755); err != nil {
			return err
		}
		who, err := user.Lookup(dir.owner)
		if err != nil {
			return err
		}
		var uid, gid int
		if _, err := fmt.Sscan(who.Uid+" "+who.Gid, &uid, &gid); err != nil {
			return err
		}
		if err := errors.Join(os.Chown(path, uid, gid), os.Chmod(path, dir.mode)); err != nil {
			return err
		}
	}
	return nil
}

// build makes the two programs, as they are built for a user.
func (s *Stack) build(ctx context.Context) error {
	for name, pkg := range map[string]string{"mandat": "example.org/mandat/web", "mandat-listd": "example.org/mandat/mail/listd"} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(s.dir, "bin", name), pkg)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
		}
	}
	environment, err := s.environment("panel.env")
	if err != nil {
		return err
	}
	listen := strings.TrimPrefix(s.Settings.Origin, "http://")
	s.Panel = &Process{path: filepath.Join(s.dir, "bin", "mandat"), args: []string{"serve", "--demo"}, answers: listen, env: append(environment,
		"MANDAT_LISTEN="+listen, "MANDAT_REQUESTS=0", "MANDAT_MAIL_FROM=Mandat <panel@mandat.test>", "MANDAT_LOG_FORMAT=text")}
	if environment, err = s.environment("lists.env"); err != nil {
		return err
	}
	s.Lists = &Process{path: filepath.Join(s.dir, "bin", "mandat-listd"), env: environment, answers: fmt.Sprintf("127.0.0.1:%d", s.Settings.Ports.Lists)}
	return nil
}

// environment reads one of the files that the configuration wrote.
func (s *Stack) environment(name string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	return strings.Fields(string(text)), err
}

// program is the panel's, for a command that ends.
func (s *Stack) program(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.dir, "bin", name), args...)
	cmd.Env = s.Panel.environ()
	return cmd
}

// Command runs a command of the panel's program and returns what it says.
func (s *Stack) Command(ctx context.Context, args ...string) (string, error) {
	return s.CommandWith(ctx, nil, args...)
}

// CommandWith is Command with other settings, each as NAME=VALUE.
func (s *Stack) CommandWith(ctx context.Context, settings []string, args ...string) (string, error) {
	cmd := s.program(ctx, "mandat", args...)
	cmd.Env = append(cmd.Env, settings...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// ReloadPostfix has Postfix read its files again, and forget which database did not answer.
func (s *Stack) ReloadPostfix(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, "postfix", "-c", filepath.Join(s.dir, "postfix"), "reload").CombinedOutput(); err != nil {
		return fmt.Errorf("postfix reload: %w\n%s", err, out)
	}
	return nil
}

// giveRoles runs roles.sql as an administrator does.
func (s *Stack) giveRoles(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(s.dir, "roles.sql"))
	if err != nil {
		return err
	}
	conn, err := s.SQL(ctx)
	if err != nil {
		return err
	}
	_, err = conn.PgConn().Exec(ctx, string(text)).ReadAll()
	return err
}

// SQL is a connection beside the panel, as superuser, of one test at a time.
func (s *Stack) SQL(ctx context.Context) (*pgx.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil && s.conn.Ping(ctx) == nil {
		return s.conn, nil
	}
	var err error
	s.conn, err = pgx.Connect(ctx, s.Database.URL("mandat"))
	return s.conn, err
}

// launch starts Dovecot and Postfix under their guard.
func (s *Stack) launch(ctx context.Context) error {
	s.guard = exec.Command("/bin/sh", "-c", guardScript, "guard", s.dir)
	s.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // out of reach of a terminal's ^C
	log, err := os.Create(filepath.Join(s.dir, "start.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.guard.Stderr = log
	if s.hold, err = s.guard.StdinPipe(); err != nil {
		return err
	}
	said, err := s.guard.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.guard.Start(); err != nil {
		return err
	}
	status := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(said).ReadString('\n')
		status <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case code := <-status:
		if code != "0" {
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("the mail servers do not start: %s\n%s%s", code, said, s.Logs())
		}
	}
	for _, port := range []int{s.Settings.Ports.MX, s.Settings.Ports.Submission, s.Settings.Ports.IMAP, s.Settings.Ports.LMTP} {
		if err := answers(ctx, fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
			return err
		}
	}
	return nil
}

// polls are the lines of a test that looks again and again whether mail has come.
var polls = regexp.MustCompile(`(?m)^.*(imap-login: Info: Login:|Disconnected: Connection closed \(EXAMINE).*\n`)

// Logs are the ends of the servers' own logs, for a test that failed.
func (s *Stack) Logs() string {
	var b strings.Builder
	for _, name := range []string{"private/postfix/log", "private/dovecot/log"} {
		text, _ := os.ReadFile(filepath.Join(s.dir, name))
		text = polls.ReplaceAll(text, nil)
		fmt.Fprintf(&b, "--- %s\n%s\n", name, text[max(0, len(text)-16000):])
	}
	for name, p := range map[string]*Process{"panel": s.Panel, "lists": s.Lists} {
		if p != nil {
			fmt.Fprintf(&b, "--- %s\n%s\n", name, p.Said())
		}
	}
	return b.String()
}

// Stop ends everything. It may be called on what has not wholly started.
func (s *Stack) Stop() {
	for _, p := range []*Process{s.Panel, s.Lists} {
		if p != nil {
			p.Stop()
		}
	}
	if s.conn != nil {
		_ = s.conn.Close(context.Background())
	}
	if s.guard != nil && s.hold != nil {
		_ = s.hold.Close()
		_ = s.guard.Wait()
	}
	if s.Database != nil {
		s.Database.Stop()
	}
	if s.Outside != nil {
		s.Outside.close()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// Within is modelstest.Await, and how long it took.
func Within(t testing.TB, limit time.Duration, what string, true func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	modelstest.Await(t, limit, what, true)
	return time.Since(began)
}
