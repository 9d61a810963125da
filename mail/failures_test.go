package mail_test

import (
	"testing"
	"time"

	"example.org/mandat/mail/mailtest"
)

// recovery is how soon after everything is back what was said is done: Postfix
// leaves a database that failed alone for 60 seconds (dict_pgsql.c).
const recovery = 75 * time.Second

// It runs alone: everything is stopped in the middle, one part after the other.
func TestNothingIsLostWhileAPartIsAway(t *testing.T) {
	o := alice(t)
	s := o.Stack
	blocked, blockedAddress := o.mailbox(t, "tombe")
	deleted, deletedAddress := o.mailbox(t, "efface")
	sorted, sortedAddress := o.mailbox(t, "range")
	session, err := s.IMAP(deletedAddress, password)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	if err := o.receive(deletedAddress, "old"); err != nil {
		t.Fatal(err)
	}
	o.got(t, deletedAddress, "INBOX", "old")

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
	if err := o.receive(sortedAddress, "[sorted] meanwhile"); err != nil {
		t.Errorf("mail is not taken while Dovecot is away: %v", err)
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
	s.Lists.Kill()
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

	mailtest.Within(t, recovery, "mail is taken again", func() bool { return o.receive(sortedAddress, "[sorted] afterwards") == nil })
	took.note("all parts back: mail is taken", back)
	inbox := func(subject string) func() bool {
		return func() bool {
			for _, m := range s.Folder(t, sortedAddress, password, "Sorted") {
				if m.Subject == subject {
					return true
				}
			}
			return false
		}
	}
	// What waits in its queue Postfix tries again by itself, after as long as it
	// has waited so far: it is there, which is what is asked here. Each of its
	// processes leaves the database alone for its own 60 seconds.
	mailtest.Within(t, recovery, "what was taken meanwhile is delivered", func() bool {
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		return inbox("[sorted] meanwhile")()
	})
	mailtest.Within(t, max(recovery-time.Since(back), soon), "the deleted mailbox is removed", func() bool {
		conn, err := s.SQL(t.Context())
		if err != nil {
			return false
		}
		var n int
		err = conn.QueryRow(t.Context(), "SELECT count(*) FROM panel.accounts WHERE address = $1", deletedAddress).Scan(&n)
		return err == nil && n == 0
	})
	took.note("all parts back: the deleted mailbox is gone", back)
	if err := o.receive(blockedAddress, "no"); mailtest.Code(err) != 550 {
		t.Errorf("the blocked account afterwards: %v", err)
	}
	mailtest.Within(t, liveSession, "the session of the deleted account ends", session.Ended)
	// Signed in still: sessions are rows.
	if status := o.Status(t, garrigue+"/emails/"+sorted); status != 200 {
		t.Errorf("the panel afterwards: %d", status)
	}
}
