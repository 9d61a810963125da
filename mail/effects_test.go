package mail_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
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

func TestFiltersDoWhatTheySay(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local, address := o.mailbox(t, "trie")
	_, friend := o.mailbox(t, "ami")
	away := fresh("away") + "@elsewhere.test"

	done := o.filter(t, local, "[file]", "folder", "Projets/Été")
	if err := o.receive(address, "[file] me"); err != nil {
		t.Fatal(err)
	}
	o.got(t, address, "Projets/Été", "[file] me")
	took.note("filter files", done)
	o.filter(t, local, "[flag]", "flag", "")
	o.filter(t, local, "[read]", "read", "")
	o.filter(t, local, "[copy]", "copy", friend)
	o.filter(t, local, "[away]", "forward", away)
	o.filter(t, local, "[no]", "reject", "Not here, thank you.")
	o.filter(t, local, "[void]", "delete", "")
	for _, subject := range []string{"[flag] me", "[read] me", "[copy] me", "[away] me", "[no] me", "[void] me", "plain"} {
		if err := o.receive(address, subject); err != nil {
			t.Fatalf("%s: %v", subject, err)
		}
	}
	if m := o.got(t, address, "INBOX", "[flag] me"); !slices.Contains(m.Flags, imap.FlagFlagged) {
		t.Errorf("flags are %v", m.Flags)
	}
	if m := o.got(t, address, "INBOX", "[read] me"); !slices.Contains(m.Flags, imap.FlagSeen) {
		t.Errorf("flags are %v", m.Flags)
	}
	o.got(t, friend, "INBOX", "[copy] me")
	o.got(t, address, "INBOX", "[copy] me")
	if r := o.Outside.Await(t, away, "[away] me"); r.From != address {
		t.Errorf("it is forwarded in the name of %q: the next server would ask whether we may send for that (SPF)", r.From)
	}
	if r := o.Outside.Await(t, stranger, "Not here, thank you."); r.From != "" {
		t.Errorf("a refusal comes from %q", r.From)
	}
	for _, subject := range []string{"[file] me", "[away] me", "[no] me", "[void] me"} {
		o.none(t, address, "INBOX", subject)
	}
}

func TestADelegateFiltersAndTheOwnerTakesItBack(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local, address := o.mailbox(t, "delegue")
	bruno := owner{o.Stack, o.Visit(t, cast.Bruno, cast.Password)}
	done := bruno.filter(t, local, "[bruno]", "folder", "Bruno")
	if err := o.receive(address, "[bruno] one"); err != nil {
		t.Fatal(err)
	}
	o.got(t, address, "Bruno", "[bruno] one")
	took.note("delegate's filter files", done)
	page, _ := o.Get(t, on(local, "filters")).Find("form[action$='/deletion'], button[formaction$='/deletion']").Attr("formaction")
	if page == "" {
		page, _ = o.Get(t, on(local, "filters")).Find("form[action$='/deletion']").Attr("action")
	}
	o.Do(t, on(local, "filters"), page)
	if err := o.receive(address, "[bruno] two"); err != nil {
		t.Fatal(err)
	}
	o.got(t, address, "INBOX", "[bruno] two")
}

func TestALoopOfForwardsEndsInAMailbox(t *testing.T) {
	t.Parallel()
	o := alice(t)
	one, first := o.mailbox(t, "ping")
	two, second := o.mailbox(t, "pong")
	o.filter(t, one, "[loop]", "forward", second)
	o.filter(t, two, "[loop]", "forward", first)
	if err := o.receive(first, "[loop] round"); err != nil {
		t.Fatal(err)
	}
	mailtest.Within(t, soon, "the message stays somewhere", func() bool {
		return len(o.Folder(t, first, password, "INBOX"))+len(o.Folder(t, second, password, "INBOX")) > 0
	})
	time.Sleep(time.Second) // for what would still go round
	if n := len(o.Folder(t, first, password, "INBOX")) + len(o.Folder(t, second, password, "INBOX")); n != 1 {
		t.Errorf("there are %d of it", n)
	}
}

func TestTheResponderAnswersOnceWithinItsDates(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local, address := o.mailbox(t, "absent")
	writer := fresh("writer") + "@elsewhere.test"
	write := func(subject string) {
		t.Helper()
		if err := o.Send(writer, address, mailtest.Message(writer, address, subject)); err != nil {
			t.Fatal(err)
		}
		o.got(t, address, "INBOX", subject)
	}
	write("before there is one")
	day := func(days int) string { return time.Now().AddDate(0, 0, days).Format("2006-01-02T15:04") }
	set := func(starts, ends string) time.Time {
		done, _ := o.Do(t, on(local, "responder"), on(local, "responder"), "subject", "En congé", "content", "Je suis absent.\n.\nÀ bientôt", "starts_at", starts, "ends_at", ends, "days", "1")
		return done
	}
	set(day(2), day(4))
	write("before it starts")
	done := set(day(-2), day(4))
	write("one")
	r := o.Outside.Await(t, writer, "Je suis absent.")
	took.note("responder answers", done)
	if r.From != "" || r.Header("Auto-Submitted") == "" || !strings.Contains(r.Header("From"), address) {
		t.Errorf("from %q, %q, %q", r.From, r.Header("From"), r.Header("Auto-Submitted"))
	}
	write("two")
	write("three")
	time.Sleep(time.Second)
	if n := len(o.Outside.To(writer)); n != 1 {
		t.Errorf("%d answers to one writer", n)
	}
	o.Do(t, on(local, "responder"), on(local, "responder", "end"))
	late := fresh("late") + "@elsewhere.test"
	if err := o.Send(late, address, mailtest.Message(late, address, "after its end")); err != nil {
		t.Fatal(err)
	}
	o.got(t, address, "INBOX", "after its end")
	time.Sleep(time.Second)
	if n := len(o.Outside.To(late)); n != 0 {
		t.Errorf("%d answers after its end", n)
	}
}

func TestAnAddressWithoutMailboxAnswersAndKeepsNothing(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local := fresh("parti")
	address, writer := local+"@"+cast.Garrigue, fresh("writer")+"@elsewhere.test"
	done, _ := o.Do(t, garrigue+"/new-responder", garrigue+"/responders", "local", local, "subject", "Parti", "content", "Plus personne ici.", "days", "7")
	if err := o.Send(writer, address, mailtest.Message(writer, address, "anybody there")); err != nil {
		t.Fatal(err)
	}
	o.Outside.Await(t, writer, "Plus personne ici.")
	took.note("responder without mailbox answers", done)
	if _, err := o.IMAP(address, password); err == nil {
		t.Error("somebody signs in")
	}
}

func TestRedirectionsWithAndWithoutCopy(t *testing.T) {
	t.Parallel()
	o := alice(t)
	_, target := o.mailbox(t, "but")
	kept, keptAddress := o.mailbox(t, "garde")
	gone, goneAddress := o.mailbox(t, "passe-tout")
	redirect := func(from, copied string, to ...string) time.Time {
		fields := []string{"kind", "address", "from", from, "to", strings.Join(to, "\n")}
		if copied != "" {
			fields = append(fields, "keep_copy", copied)
		} else {
			fields = append(fields, "keep_copy", "")
		}
		done, _ := o.Do(t, garrigue+"/redirections/new", garrigue+"/redirections", fields...)
		return done
	}
	alias := fresh("alias")
	done := redirect(alias, "", target)
	if err := o.receive(alias+"@"+cast.Garrigue, "to the alias"); err != nil {
		t.Fatal(err)
	}
	o.got(t, target, "INBOX", "to the alias")
	took.note("alias leads on", done)
	if err := o.Submit(target, password, alias+"@"+cast.Garrigue, "out@elsewhere.test", mailtest.Message(alias+"@"+cast.Garrigue, "out@elsewhere.test", "as "+alias)); err != nil {
		t.Errorf("its mailbox may not send as the alias: %v", err)
	}
	redirect(kept, "on", target)
	redirect(gone, "", target)
	for _, c := range []struct{ to, subject string }{{keptAddress, "with a copy"}, {goneAddress, "without a copy"}} {
		if err := o.receive(c.to, c.subject); err != nil {
			t.Fatal(err)
		}
		o.got(t, target, "INBOX", c.subject)
	}
	o.got(t, keptAddress, "INBOX", "with a copy")
	if list := o.Folder(t, goneAddress, password, "INBOX"); len(list) != 0 {
		t.Errorf("it keeps %v", list)
	}

	if err := o.Submit(target, password, keptAddress, "out@elsewhere.test", mailtest.Message(keptAddress, "out@elsewhere.test", "as another account")); mailtest.Code(err) != 553 {
		t.Errorf("a mailbox sends as the account that is redirected to it: %v", err)
	}
	// A target that is blocked is no target; nothing is left of the alias then.
	o.Do(t, on(strings.TrimSuffix(target, "@"+cast.Garrigue)), on(strings.TrimSuffix(target, "@"+cast.Garrigue), "block"))
	if err := o.receive(alias+"@"+cast.Garrigue, "to nobody"); mailtest.Code(err) != 550 {
		t.Errorf("an alias to a blocked mailbox takes mail: %v", err)
	}
}

func TestTheCatchAllTakesWhatNothingElseHas(t *testing.T) {
	t.Parallel()
	o := alice(t)
	const atelier = "/services/" + cast.Atelier
	o.Do(t, atelier+"/emails/atelier/password", atelier+"/emails/atelier/password", "password", password, "password_again", password)
	address := "atelier@" + cast.Atelier
	if err := o.receive(fresh("nobody")+"@"+cast.Atelier, "to nobody"); err != nil {
		t.Fatal(err)
	}
	o.got(t, address, "INBOX", "to nobody")
	local := fresh("somebody")
	o.Do(t, atelier+"/new-email", atelier+"/emails", "local", local, "size_gb", "1", "password", password, "password_again", password)
	if err := o.receive(local+"@"+cast.Atelier, "to somebody"); err != nil {
		t.Fatal(err)
	}
	o.got(t, local+"@"+cast.Atelier, "INBOX", "to somebody")
	alias := fresh("alias")
	o.Do(t, atelier+"/redirections/new", atelier+"/redirections", "kind", "address", "from", alias, "to", local+"@"+cast.Atelier, "keep_copy", "")
	o.Do(t, atelier+"/emails/"+local, atelier+"/emails/"+local+"/block")
	if err := o.receive(alias+"@"+cast.Atelier, "to nobody any more"); mailtest.Code(err) != 550 {
		t.Errorf("an alias that leads nowhere falls to the catch-all: %v", err)
	}
	for _, m := range o.Folder(t, address, password, "INBOX") {
		if m.Subject != "to nobody" {
			t.Errorf("the catch-all takes %q", m.Subject)
		}
	}
}

func TestASubAddressReachesItsMailbox(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local, address := o.mailbox(t, "detail")
	if err := o.receive(local+"+factures@"+cast.Garrigue, "with a detail"); err != nil {
		t.Fatal(err)
	}
	o.got(t, address, "INBOX", "with a detail")
}

func TestTheMailboxsOwnScriptGoesOnAfterThePanels(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local, address := o.mailbox(t, "script")
	putScript(t, o.Stack, address, password, "require [\"fileinto\", \"mailbox\"];\r\nif header :contains \"subject\" \"[own]\" { fileinto :create \"Own\"; }\r\n")
	o.filter(t, local, "[panel]", "folder", "Panel")
	for _, c := range []struct{ subject, folder string }{{"[own] one", "Own"}, {"[panel] one", "Panel"}, {"[panel] [own] both", "Panel"}, {"neither", "INBOX"}} {
		if err := o.receive(address, c.subject); err != nil {
			t.Fatal(err)
		}
		o.got(t, address, c.folder, c.subject)
	}
	// The panel's filters are changed, the mailbox's own script is as it was.
	o.filter(t, local, "[more]", "folder", "More")
	for _, c := range []struct{ subject, folder string }{{"[own] two", "Own"}, {"[more] one", "More"}} {
		if err := o.receive(address, c.subject); err != nil {
			t.Fatal(err)
		}
		o.got(t, address, c.folder, c.subject)
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
	run("service", "suspend", cast.Velos, "--no-mail")
	if err := david.receive(address, "shut"); mailtest.Code(err) != 554 {
		t.Errorf("mail goes on: %v", err)
	}
	if _, err := s.IMAP(address, password); err == nil {
		t.Error("it signs in")
	}
	run("service", "resume", cast.Velos)
	if err := david.receive(address, "resumed"); err != nil {
		t.Error(err)
	}
	david.got(t, address, "INBOX", "resumed")
}
