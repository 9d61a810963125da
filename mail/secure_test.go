package mail_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"example.org/mandat/mail/mailtest"
	"example.org/mandat/models/cast"
)

// As a real server is configured: with a certificate.
func TestPasswordsTravelUnderTLSAlone(t *testing.T) {
	if why := mailtest.Missing(); why != "" {
		t.Skip("not run: " + why)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	s, err := mailtest.Start(ctx, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	o := owner{s, s.Visit(t, cast.Alice, cast.Password)}
	_, address := o.mailbox(t, "tls")
	if err := o.receive(address, "by STARTTLS"); err != nil {
		t.Fatal(err)
	}
	o.got(t, address, "INBOX", "by STARTTLS")
	if err := s.Submit(address, password, address, "out@elsewhere.test", mailtest.Message(address, "out@elsewhere.test", "under TLS")); err != nil {
		t.Fatal(err)
	}
	s.Outside.Await(t, "out@elsewhere.test", "under TLS")

	if out, err := s.Command(ctx, "doctor"); err != nil || strings.Count(out, " well  submission") != 2 || strings.Count(out, " well  the certificate that ") != 2 {
		t.Errorf("the doctor: %v\n%s", err, out)
	}

	c, err := smtp.Dial("127.0.0.1:" + strconv.Itoa(s.Settings.Ports.Submission))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Auth(plain(address, password)); err == nil {
		t.Error("submission takes a password in clear")
	}
	again, err := smtp.Dial("127.0.0.1:" + strconv.Itoa(s.Settings.Ports.Submission))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if err := again.Mail(address, nil); mailtest.Code(err) != 530 {
		t.Errorf("submission goes on in clear: %v", err)
	}
	implicit, err := smtp.DialTLS("127.0.0.1:"+strconv.Itoa(s.Settings.Ports.Submissions), mailtest.Unverified)
	if err != nil {
		t.Fatalf("TLS from the first octet: %v", err)
	}
	defer implicit.Close()
	if err := implicit.Auth(plain(address, password)); err != nil {
		t.Errorf("TLS from the first octet: %v", err)
	}
}

// What the README has a newcomer do, as he does it.
func TestMakeMailStartsEverythingAndStopsIt(t *testing.T) {
	if why := mailtest.Missing(); why != "" {
		t.Skip("not run: " + why)
	}
	first, err := mailtest.FreePorts(16)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "mandat-make-")
	if err != nil {
		t.Fatal(err)
	}
	run := func(target string) (string, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 3*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "make", "-C", "..", target, "MANDAT_MAIL_DIR="+dir, "MANDAT_MAIL_PORTS="+strconv.Itoa(first))
		cmd.WaitDelay = 10 * time.Second
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	t.Cleanup(func() {
		_, _ = run("mail-stop")
		_ = os.RemoveAll(dir)
	})
	out, err := run("mail")
	if err != nil {
		t.Fatalf("make mail: %v\n%s", err, out)
	}
	_, rest, found := strings.Cut(out, "  printf ")
	command, _, _ := strings.Cut(rest, "\n")
	if !found {
		t.Fatalf("it does not say how to send a mail:\n%s", out)
	}
	if _, err := exec.LookPath("curl"); err == nil {
		if out, err := exec.CommandContext(t.Context(), "/bin/sh", "-c", "printf "+command).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
		mailtest.Within(t, mailtest.Arrival, "the message arrives", func() bool {
			found, _ := filepath.Glob(filepath.Join(dir, "mailboxes/*/*/Maildir/new/*"))
			return len(found) == 1
		})
	}
	panel := "http://127.0.0.1:" + strconv.Itoa(first+13)
	if !strings.Contains(out, panel) {
		t.Errorf("it does not say where the panel is:\n%s", out)
	}
	response, err := http.Get(panel + "/readyz")
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("the panel: %v, %v", response, err)
	}
	if out, err := run("mail-stop"); err != nil {
		t.Fatalf("make mail-stop: %v\n%s", err, out)
	}
	for port := first; port < first+16; port++ {
		if !mailtest.Free(port, 1) {
			t.Errorf("something goes on at port %d", port)
		}
	}

	// After a reboot the numbers that were written down are somebody else's.
	bystander := exec.Command("sleep", "600")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = bystander.Wait(); close(ended) }()
	t.Cleanup(func() { _ = bystander.Process.Kill() })
	for _, name := range []string{"pids/panel", "pids/lists", "pids/outside", "mail/private/dovecot/run/master.pid", "postgres/data/postmaster.pid"} {
		if err := os.WriteFile(filepath.Join(dir, name), fmt.Appendln(nil, bystander.Process.Pid), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := run("mail-stop"); err != nil {
		t.Errorf("make mail-stop, again: %v\n%s", err, out)
	}
	select {
	case <-ended:
		t.Error("it stops whoever has the number of a process of its own")
	case <-time.After(time.Second):
	}
}
