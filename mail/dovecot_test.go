package mail_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.org/mandat/mail"
	"example.org/mandat/mail/mailtest"
)

// realDovecot is Dovecot with what a real server gets, but for its directories,
// and for everybody who has the password.
// It returns the port of IMAP under TLS, and what reads all that it said once it
// has stopped.
func realDovecot(t *testing.T) (imaps int, stop func() string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "mandat-dovecot-") // a socket's path has a limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	first, err := mailtest.FreePorts(mail.PortCount)
	if err != nil {
		t.Fatal(err)
	}
	s := mail.Settings{
		Dir: dir, Hostname: "mx.mandat.test", Listen: "127.0.0.1", Mailboxes: filepath.Join(dir, "mailboxes"), MaxMessage: 1 << 20,
		Database: mail.Database{Host: "127.0.0.1", Port: "1", Name: "mandat"}, Ports: mail.PortsFrom(first),
	}
	if s.Certificate, s.Key, err = mailtest.SelfSigned(dir, time.Now().Add(time.Hour), s.Hostname); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(); err != nil {
		t.Fatal(err)
	}
	file, log := filepath.Join(dir, "dovecot/dovecot.conf"), filepath.Join(dir, "log")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// Who there is has its own tests.
	anybody := strings.NewReplacer("passdb {\n  driver = sql\n  args = "+dir+"/dovecot/sql.conf.ext", "passdb {\n  driver = static\n  args = password="+password,
		"userdb {\n  driver = sql\n  args = "+dir+"/dovecot/sql.conf.ext", "userdb {\n  driver = static\n  args = home="+s.Mailboxes+"/%u")
	text = fmt.Appendf([]byte(anybody.Replace(string(text))), "\nbase_dir = %[1]s/run\nstate_dir = %[1]s/state\nlog_path = %[2]s\ninstance_name = mandat-real\n", dir, log)
	if err := os.WriteFile(file, text, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.Mailboxes, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.Mailboxes, 0o777); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dovecot", "-F", "-c", file)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() string {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		text, _ := os.ReadFile(log)
		return said.String() + string(text)
	}
	t.Cleanup(func() { _ = stop() })
	mailtest.Within(t, soon, "Dovecot listens", func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Ports.IMAPS))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return s.Ports.IMAPS, stop
}

// By default each connection under TLS would have a process of its own, of a hundred.
func TestDovecotHasRoomForMoreThanAHundredSessionsUnderTLS(t *testing.T) {
	if why := mailtest.Missing(); why != "" {
		t.Skip("not run: " + why)
	}
	port, stop := realDovecot(t)
	type session struct {
		conn net.Conn
		read *bufio.Reader
	}
	var sessions []session
	line := func(s session, want string) bool {
		_ = s.conn.SetDeadline(time.Now().Add(soon))
		text, err := s.read.ReadString('\n')
		return err == nil && strings.HasPrefix(text, want)
	}
	for i := range 150 {
		conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port), mailtest.Unverified)
		if err != nil {
			t.Fatalf("session %d: %v\n%s", i, err, stop())
		}
		defer conn.Close()
		s := session{conn, bufio.NewReader(conn)}
		if !line(s, "* OK") {
			t.Fatalf("session %d is not greeted\n%s", i, stop())
		}
		if _, err := fmt.Fprintf(s.conn, "a LOGIN user%d@mandat.test %s\r\n", i, password); err != nil || !line(s, "a OK") {
			t.Fatalf("session %d does not begin: %v\n%s", i, err, stop())
		}
		sessions = append(sessions, s)
	}
	for i, s := range sessions {
		if _, err := io.WriteString(s.conn, "b NOOP\r\n"); err != nil || !line(s, "b OK") {
			t.Fatalf("session %d was ended for another: %v\n%s", i, err, stop())
		}
	}
	for _, complaint := range regexp.MustCompile(`(?m)^.*(?:Warning|Error|Fatal).*$`).FindAllString(stop(), -1) {
		if !strings.Contains(complaint, "Killed with signal") { // by us
			t.Error(complaint)
		}
	}
}
