package mail_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"example.org/mandat/mail/mailtest"
	"example.org/mandat/models/cast"
)

// Every effect is brought about by the panel's pages, as its owner or a
// delegate, and seen by SMTP and IMAP.

func TestANewAccountReceivesAndSignsIn(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local := fresh("neuf")
	address := local + "@" + cast.Garrigue
	if err := o.receive(address, "too early"); mailtest.Code(err) != 550 {
		t.Errorf("before: %v", err)
	}
	done, _ := o.Do(t, garrigue+"/new-email", garrigue+"/emails", "local", local, "size_gb", "1", "password", password, "password_again", password)
	if err := o.receive(address, "first"); err != nil {
		t.Fatal(err)
	}
	took.note("new account accepts mail", done)
	o.got(t, address, "INBOX", "first")
	took.note("new account has its first mail", done)

	if err := o.Submit(address, password, address, "out@elsewhere.test", mailtest.Message(address, "out@elsewhere.test", "from "+local)); err != nil {
		t.Fatal(err)
	}
	o.Outside.Await(t, "out@elsewhere.test", "from "+local)
	if err := o.Submit(address, password, "contact@"+cast.Garrigue, "out@elsewhere.test", mailtest.Message(address, "out@elsewhere.test", "as another")); mailtest.Code(err) != 553 {
		t.Errorf("it sends as another: %v", err)
	}
}

func TestAnAccountWithoutPasswordSignsNobodyIn(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local := fresh("muet")
	address := local + "@" + cast.Garrigue
	o.Do(t, garrigue+"/new-email", garrigue+"/emails", "local", local, "size_gb", "1")
	for _, tried := range []string{"", " ", password} {
		if _, err := o.IMAP(address, tried); err == nil {
			t.Errorf("%q signs in", tried)
		}
	}
	if err := o.receive(address, "kept"); err != nil {
		t.Errorf("it receives nothing: %v", err)
	}
	done, _ := o.Do(t, on(local, "password"), on(local, "password"), "password", password, "password_again", password)
	o.got(t, address, "INBOX", "kept")
	took.note("password set, signed in", done)
}

func TestAnotherPasswordEndsWhatWasOpenedWithTheOneBefore(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local, address := o.mailbox(t, "secret")
	session, err := o.IMAP(address, password)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	sending, err := o.SMTP(o.Settings.Ports.Submission)
	if err != nil {
		t.Fatal(err)
	}
	defer sending.Close()
	if err := sending.Auth(plain(address, password)); err != nil {
		t.Fatal(err)
	}
	const other = "quetsche-en-tarte-34"
	done, _ := o.Do(t, on(local, "password"), on(local, "password"), "password", other, "password_again", other)
	if c, err := o.IMAP(address, other); err != nil {
		t.Errorf("the new password does not sign in: %v", err)
	} else {
		took.note("other password signs in", done)
		_ = c.Close()
	}
	mailtest.Within(t, liveSession, "the IMAP session ends", session.Ended)
	took.note("other password ends a live session", done)
	if _, err := o.IMAP(address, password); err == nil {
		t.Error("the old password signs in")
	}
	goesOn(t, sending, address)
	if err := o.Submit(address, other, address, "out@elsewhere.test", mailtest.Message(address, "out@elsewhere.test", "again "+local)); err != nil {
		t.Errorf("the new password sends nothing: %v", err)
	}
}

// goesOn is an error when an SMTP session whose login is good no longer sends
// anything: neither in its own name nor in nobody's.
func goesOn(t *testing.T, c *smtp.Client, address string) {
	t.Helper()
	for _, from := range []string{address, ""} {
		if err := c.Reset(); err != nil {
			t.Fatal(err)
		}
		if err := c.Mail(from, nil); err != nil {
			t.Fatal(err) // Postfix answers at RCPT (smtpd_delay_reject)
		}
		if err := c.Rcpt("out@elsewhere.test", nil); mailtest.Code(err)/100 != 5 {
			t.Errorf("an SMTP session that was open sends from %q: %v", from, err)
		}
	}
}

func TestABlockedAccountIsShutAndOpensAgain(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local, address := o.mailbox(t, "clos")
	session, err := o.IMAP(address, password)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	sending, err := o.SMTP(o.Settings.Ports.Submission)
	if err != nil {
		t.Fatal(err)
	}
	defer sending.Close()
	if err := sending.Auth(plain(address, password)); err != nil {
		t.Fatal(err)
	}
	done, _ := o.Do(t, on(local), on(local, "block"))
	goesOn(t, sending, address)
	if err := o.receive(address, "while blocked"); mailtest.Code(err) != 550 || !strings.Contains(err.Error(), "disabled") {
		t.Errorf("it receives: %v", err)
	}
	took.note("block refuses mail", done)
	mailtest.Within(t, liveSession, "the session ends", session.Ended)
	took.note("block ends a live session", done)
	if _, err := o.IMAP(address, password); err == nil {
		t.Error("it signs in")
	}
	if err := o.Submit(address, password, address, "out@elsewhere.test", "Subject: x\n\nx\n"); err == nil {
		t.Error("it sends")
	}

	done, _ = o.Do(t, on(local), on(local, "unblock"))
	if err := o.receive(address, "after"); err != nil {
		t.Fatal(err)
	}
	o.got(t, address, "INBOX", "after")
	took.note("unblocked account has its mail", done)
}

func TestADeletedAccountIsGoneAndItsMailToo(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local, address := o.mailbox(t, "passe")
	if err := o.receive(address, "old mail"); err != nil {
		t.Fatal(err)
	}
	o.got(t, address, "INBOX", "old mail")
	homes := func() (n int) {
		_ = filepath.WalkDir(o.Settings.Mailboxes, func(path string, _ os.DirEntry, err error) error {
			if text, _ := os.ReadFile(path); err == nil && strings.Contains(string(text), "Subject: old mail") {
				n++
			}
			return nil
		})
		return n
	}
	if homes() == 0 {
		t.Fatal("the message is not where it is looked for")
	}
	session, err := o.IMAP(address, password)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	done, _ := o.Do(t, on(local, "deletion"), on(local, "deletion"), "confirm", local)
	if err := o.receive(address, "too late"); mailtest.Code(err) != 550 {
		t.Errorf("it receives: %v", err)
	}
	took.note("delete refuses mail", done)
	mailtest.Within(t, liveSession, "the session ends", session.Ended)
	took.note("delete ends a live session", done)
	mailtest.Within(t, soon, "the mail is removed", func() bool { return homes() == 0 })
	took.note("delete removes the mail", done)
	if _, err := o.IMAP(address, password); err == nil {
		t.Error("it signs in")
	}

	mailtest.Within(t, soon, "the address is free", func() bool { return o.Status(t, on(local)) == 404 })
	o.Do(t, garrigue+"/new-email", garrigue+"/emails", "local", local, "size_gb", "1", "password", password, "password_again", password)
	if old := o.Folder(t, address, password, "INBOX"); len(old) > 0 {
		t.Errorf("the new account has what the one before received: %v", old)
	}
}

func TestNobodyRelaysThroughUs(t *testing.T) {
	t.Parallel()
	o := alice(t)
	_, address := o.mailbox(t, "relais")
	for to, code := range map[string]int{"x@elsewhere.test": 554, "1-0@forward.invalid": 554, "bounces-aaaaaaaaaaaaaaaaaaaaaaaaaa@forward.invalid": 554, "nobody@" + cast.Garrigue: 550} {
		if err := o.receive(to, "relay"); mailtest.Code(err) != code {
			t.Errorf("to %s: %v, want %d", to, err, code)
		}
	}
	if err := o.Submit(address, password, address, "1-0@forward.invalid", "Subject: x\n\nx\n"); mailtest.Code(err) != 550 {
		t.Errorf("an account reaches the way to the list service: %v", err)
	}
	c, err := o.SMTP(o.Settings.Ports.Submission)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Mail(address, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Rcpt("x@elsewhere.test", nil); mailtest.Code(err) != 554 {
		t.Errorf("submission without a login: %v", err)
	}
	for _, login := range []string{"x' OR '1'='1", "o'brien@" + cast.Garrigue, address + "*mandat", "mandat", address + "#000000000000"} {
		if _, err := o.IMAP(login, password); err == nil {
			t.Errorf("%s signs in", login)
		}
	}
}

func TestASuspendedServiceReceivesUnlessTheOperatorSaysOtherwise(t *testing.T) {
	t.Parallel()
	s := stack(t)
	david := owner{s, s.Visit(t, cast.David, cast.Password)}
	const velos = "/services/" + cast.Velos
	local := fresh("velo")
	address := local + "@" + cast.Velos
	david.Do(t, velos+"/new-email", velos+"/emails", "local", local, "size_gb", "1", "password", password, "password_again", password)
	run := func(args ...string) {
		t.Helper()
		if out, err := s.Command(t.Context(), args...); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	run("service", "suspend", cast.Velos)
	if err := david.receive(address, "suspended"); err != nil {
		t.Errorf("mail does not go on: %v", err)
	}
	session, err := s.IMAP(address, password)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	run("service", "suspend", cast.Velos, "--no-mail")
	done := time.Now()
	if err := david.receive(address, "shut"); mailtest.Code(err) != 554 {
		t.Errorf("mail goes on: %v", err)
	}
	mailtest.Within(t, liveSession, "the session ends", session.Ended)
	took.note("suspension without mail ends a live session", done)
	if _, err := s.IMAP(address, password); err == nil {
		t.Error("it signs in")
	}
	run("service", "resume", cast.Velos)
	if err := david.receive(address, "resumed"); err != nil {
		t.Error(err)
	}
	david.got(t, address, "INBOX", "resumed")
}
