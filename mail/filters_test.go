package mail_test

import (
	"slices"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"example.org/mandat/mail/mailtest"
	"example.org/mandat/models/cast"
)

func TestFiltersDoWhatTheySay(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local, address := o.mailbox(t, "trie")
	_, friend := o.mailbox(t, "ami")
	away := fresh("away") + "@elsewhere.test"

	act := func(word, action, target, effect string, seen func(subject string)) {
		t.Helper()
		done := o.filter(t, local, "["+word+"]", action, target)
		if err := o.receive(address, "["+word+"] me"); err != nil {
			t.Fatal(err)
		}
		seen("[" + word + "] me")
		took.note("filter "+effect, done)
	}
	flagged := func(flag imap.Flag) func(string) {
		return func(subject string) {
			t.Helper()
			if m := o.got(t, address, "INBOX", subject); !slices.Contains(m.Flags, flag) {
				t.Errorf("flags of %s are %v", subject, m.Flags)
			}
		}
	}
	act("file", "folder", "Projets/Été", "files", func(subject string) { o.got(t, address, "Projets/Été", subject) })
	act("flag", "flag", "", "flags", flagged(imap.FlagFlagged))
	act("read", "read", "", "marks as read", flagged(imap.FlagSeen))
	act("copy", "copy", friend, "copies", func(subject string) {
		o.got(t, friend, "INBOX", subject)
		o.got(t, address, "INBOX", subject)
	})
	act("away", "forward", away, "forwards", func(subject string) {
		if r := o.Outside.Await(t, away, subject); r.From != address {
			t.Errorf("it is forwarded in the name of %q: the next server would ask whether we may send for that (SPF)", r.From)
		}
	})
	act("no", "reject", "Not here, thank you.", "rejects", func(string) {
		if r := o.Outside.Await(t, stranger, "Not here, thank you."); r.From != "" {
			t.Errorf("a refusal comes from %q", r.From)
		}
	})
	act("void", "delete", "", "discards, the next is there", func(subject string) { o.none(t, address, "INBOX", subject) })
	for _, subject := range []string{"[file] me", "[away] me", "[no] me"} {
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
