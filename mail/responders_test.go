package mail_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"example.org/mandat/mail/mailtest"
	"example.org/mandat/models/cast"
)

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
	// Each by somebody who would be answered if it were only for who asks.
	var unanswered []string
	early := func(subject string) {
		t.Helper()
		from := fresh("early") + "@elsewhere.test"
		if err := o.Send(from, address, mailtest.Message(from, address, subject)); err != nil {
			t.Fatal(err)
		}
		o.got(t, address, "INBOX", subject)
		unanswered = append(unanswered, from)
	}
	early("before there is one")
	day := func(days int) string { return time.Now().AddDate(0, 0, days).Format("2006-01-02T15:04") }
	set := func(starts, ends string) time.Time {
		done, _ := o.Do(t, on(local, "responder"), on(local, "responder"), "subject", "En congé", "content", "Je suis absent.\n.\nÀ bientôt", "starts_at", starts, "ends_at", ends, "days", "1")
		return done
	}
	set(day(2), day(4))
	early("before it starts")
	// No page takes an end that has passed: time passes in the database, and a
	// filter has the script written anew with it.
	set(day(-4), day(2))
	conn, err := pgx.Connect(t.Context(), o.Database.URL("mandat"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "UPDATE panel.responders SET ends_at = ends_at - interval '3 days' WHERE address = $1", address); err != nil {
		t.Fatal(err)
	}
	o.filter(t, local, "[filed]", "folder", "Filed")
	early("after its end date")
	done := set(day(-2), day(4))
	write("one")
	r := o.Outside.Await(t, writer, "Je suis absent.")
	took.note("responder answers", done)
	for _, from := range unanswered {
		if list := o.Outside.To(from); len(list) != 0 {
			t.Errorf("%s is answered outside the dates:\n%s", from, list[0].Data)
		}
	}
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
