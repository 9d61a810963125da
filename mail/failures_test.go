package mail_test

import (
	"slices"
	"testing"
	"time"

	"example.org/mandat/mail/mailtest"
	"example.org/mandat/models/cast"
)

// recovery is how soon after everything is back what was said is done: Postfix
// leaves a database that failed alone for 60 seconds (dict_pgsql.c).
const recovery = 75 * time.Second

// It runs alone: everything is stopped in the middle, one part after the other.
// Nobody helps what waits: it is done within one limit from the return on.
func TestNothingIsLostWhileAPartIsAway(t *testing.T) {
	o := alice(t)
	s := o.Stack
	blocked, blockedAddress := o.mailbox(t, "tombe")
	deleted, deletedAddress := o.mailbox(t, "efface")
	sorted, sortedAddress := o.mailbox(t, "range")
	reader, away := fresh("lecteur")+"@elsewhere.test", fresh("away")+"@elsewhere.test"
	_, list, _ := o.mailingList(t, "everyone", "list", sortedAddress, reader)
	alias := fresh("dehors")
	o.Do(t, garrigue+"/redirections/new", garrigue+"/redirections", "kind", "address", "from", alias, "to", away, "keep_copy", "")
	session, err := s.IMAP(deletedAddress, password)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := o.receive(deletedAddress, "old"); err != nil {
		t.Fatal(err)
	}
	o.got(t, deletedAddress, "INBOX", "old")

	// Nobody can say whether a stranger may write to the list, and taken in vain it
	// would be answered by a letter. Whoever logs in is who they say.
	s.Lists.Kill()
	if err := o.receive(list, "from a stranger meanwhile"); mailtest.Code(err)/100 != 4 {
		t.Errorf("mail for a list while the list service is away: %v, want a temporary answer", err)
	}
	if err := o.Submit(sortedAddress, password, sortedAddress, list, mailtest.Message(sortedAddress, list, "posted meanwhile")); err != nil {
		t.Errorf("a post while the list service is away: %v", err)
	}
	if err := s.StopDovecot(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.filter(t, sorted, "[sorted]", "folder", "Sorted")
	o.Do(t, on(blocked), on(blocked, "block"))
	o.Do(t, on(deleted, "deletion"), on(deleted, "deletion"), "confirm", deleted)
	// What the panel says is true: it is deleted for everybody, and the address
	// is not free before the mail is gone.
	if status := o.Status(t, on(deleted)); status != 404 {
		t.Errorf("the page of a deleted account: %d", status)
	}
	for to, subject := range map[string]string{sortedAddress: "[sorted] meanwhile", alias + "@" + cast.Garrigue: "led on meanwhile"} {
		if err := o.receive(to, subject); err != nil {
			t.Errorf("mail for %s is not taken while Dovecot and the list service are away: %v", to, err)
		}
	}
	for _, address := range []string{blockedAddress, deletedAddress} {
		if err := o.receive(address, "no"); mailtest.Code(err) != 550 {
			t.Errorf("%s while Dovecot is away: %v", address, err)
		}
	}

	if err := s.Database.Suspend(); err != nil {
		t.Fatal(err)
	}
	if status := o.Status(t, garrigue+"/emails"); status != 503 {
		t.Errorf("the panel without a database: %d", status)
	}
	if err := o.receive(sortedAddress, "not now"); mailtest.Code(err)/100 != 4 {
		t.Errorf("mail without a database: %v, want a temporary answer", err)
	}
	s.Panel.Kill()
	if err := s.Database.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := s.StartDovecot(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*mailtest.Process{s.Panel, s.Lists} {
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	back := time.Now()
	within := func(what string, true func() bool) {
		t.Helper()
		mailtest.Within(t, recovery-time.Since(back), what, true)
		took.note("all parts back: "+what, back)
	}
	has := func(folder, subject string) func() bool {
		return func() bool {
			return slices.ContainsFunc(s.Folder(t, sortedAddress, password, folder), func(m mailtest.Mail) bool { return m.Subject == subject })
		}
	}
	outside := func(address, subject string) func() bool {
		return func() bool {
			return slices.ContainsFunc(s.Outside.To(address), func(r mailtest.Received) bool { return r.Header("Subject") == subject })
		}
	}
	within("the deleted mailbox is gone", func() bool {
		conn, err := s.SQL(t.Context())
		if err != nil {
			return false
		}
		var n int
		err = conn.QueryRow(t.Context(), "SELECT count(*) FROM panel.accounts WHERE address = $1", deletedAddress).Scan(&n)
		return err == nil && n == 0
	})
	within("a live session has ended", session.Ended)
	within("mail is taken", func() bool { return o.receive(sortedAddress, "[sorted] afterwards") == nil })
	within("mail that waited is in its folder", has("Sorted", "[sorted] meanwhile"))
	within("a redirection that waited is outside", outside(away, "led on meanwhile"))
	within("a post that waited is outside", outside(reader, "posted meanwhile"))
	within("a post that waited is in a mailbox", has("INBOX", "posted meanwhile"))
	within("a blocked account is refused", func() bool { return mailtest.Code(o.receive(blockedAddress, "no")) == 550 })
	// Signed in still: sessions are rows.
	if status := o.Status(t, garrigue+"/emails/"+sorted); status != 200 {
		t.Errorf("the panel afterwards: %d", status)
	}
	// One of Postfix's processes may leave the database alone still, while others
	// have it again: the tests that follow are not about that.
	if err := s.ReloadPostfix(t.Context()); err != nil {
		t.Fatal(err)
	}
}
