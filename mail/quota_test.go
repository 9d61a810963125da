package mail_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"example.org/mandat/mail/mailtest"
	"example.org/mandat/models/cast"
)

// small makes a mailbox of 0.1 GB with the password.
func (o owner) small(t *testing.T, name string) (local, address string) {
	t.Helper()
	local = fresh(name)
	o.Do(t, garrigue+"/new-email", garrigue+"/emails", "local", local, "size_gb", "0.1", "password", password, "password_again", password)
	return local, local + "@" + cast.Garrigue
}

// redirect has mail to a local part sent on, and says where that redirection is.
func (o owner) redirect(t *testing.T, from, copied string, to ...string) (path string) {
	t.Helper()
	o.Do(t, garrigue+"/redirections/new", garrigue+"/redirections", "kind", "address", "from", from, "to", strings.Join(to, "\n"), "keep_copy", copied)
	path, there := o.Get(t, garrigue+"/redirections?q="+from).Find("a.address:contains('" + from + "')").Attr("href")
	if !there {
		t.Fatalf("the redirection of %s is not in the list", from)
	}
	return path
}

// twenty is a message of twenty megabytes.
func twenty(to, subject string) string {
	return mailtest.Message(stranger, to, subject) + strings.Repeat(strings.Repeat("x", 70)+"\n", 281_680)
}

// fill puts messages into a mailbox and waits until Dovecot has told how much it
// holds; stored is when Dovecot had taken the last.
func (o owner) fill(t *testing.T, address string, messages ...string) (stored time.Time) {
	t.Helper()
	for _, message := range messages {
		if err := o.Append(address, password, message); err != nil {
			t.Fatal(err)
		}
	}
	stored = time.Now()
	conn, err := pgx.Connect(t.Context(), o.Database.URL("mandat"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var before, used int64
	mailtest.Within(t, time.Minute, "the use of "+address+" is told", func() bool {
		before = used
		err := conn.QueryRow(t.Context(), "SELECT COALESCE(sum(bytes), 0) FROM panel.mailbox_uses WHERE address = $1", address).Scan(&used)
		return err == nil && used > 80_000_000 && used == before
	})
	return stored
}

// unannounced hands a message over as a server that says nothing of its size.
func (o owner) unannounced(from, message string, to ...string) error {
	c, err := o.SMTP(o.Settings.Ports.MX)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Mail(from, nil); err != nil {
		return err
	}
	for _, address := range to {
		if err := c.Rcpt(address, nil); err != nil {
			return fmt.Errorf("at RCPT: %w", err)
		}
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(strings.ReplaceAll(message, "\n", "\r\n"))); err != nil {
		return err
	}
	return w.Close()
}

// fullAt fails unless an answer is that the mailbox is full: at RCPT, or only at the end of the message.
func fullAt(t *testing.T, what string, err error, rcpt bool) {
	t.Helper()
	if mailtest.Code(err) != 552 || !strings.Contains(err.Error(), "Mailbox is full") || strings.HasPrefix(err.Error(), "at RCPT") != rcpt {
		t.Errorf("%s: %v", what, err)
	}
}

func TestAFullMailboxRefusesBeforeTheMessageIsSent(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local, address := o.small(t, "petit")
	alias, both := fresh("alias"), fresh("deux")
	_, roomy := o.mailbox(t, "grand")
	o.redirect(t, alias, "", address)
	o.redirect(t, both, "", address, roomy)
	stored := o.fill(t, address, twenty(address, "a"), twenty(address, "b"), twenty(address, "c"), twenty(address, "d"))
	mailtest.Within(t, time.Minute, "the panel shows the space in use", func() bool {
		return strings.Contains(o.Get(t, garrigue+"/emails?q="+local).Find("tr").Text(), "81,12")
	})
	took.note("space in use is shown", stored)

	detail, aliased := local+"+factures@"+cast.Garrigue, alias+"@"+cast.Garrigue
	for _, to := range []string{address, detail, aliased} {
		// Announced by SIZE (RFC 1870), it is refused before it is sent.
		if err := o.Send(stranger, to, twenty(to, "announced")); mailtest.Code(err) != 552 || !strings.Contains(err.Error(), "Mailbox is full") {
			t.Errorf("more than there is room for, to %s: %v", to, err)
		}
		fullAt(t, "the same to "+to+" without a size", o.unannounced(stranger, twenty(to, "not announced"), to), false)
		if err := o.receive(to, "small to "+to); err != nil {
			t.Errorf("what there is room for, to %s: %v", to, err)
		}
		o.got(t, address, "INBOX", "small to "+to)
	}

	// Who has room has it; the letter about the other is Dovecot's.
	writer := fresh("writer") + "@elsewhere.test"
	if err := o.unannounced(writer, twenty(roomy, "to two"), address, roomy); err != nil {
		t.Errorf("to two, one of which has room: %v", err)
	}
	o.got(t, roomy, "INBOX", "to two")
	o.Outside.Await(t, writer, address)
	if err := o.Send(writer, both+"@"+cast.Garrigue, twenty(roomy, "to both")); err != nil {
		t.Errorf("an alias of two, one of which has room: %v", err)
	}
	o.got(t, roomy, "INBOX", "to both")

	done, _ := o.Do(t, on(local), on(local), "size_gb", "1")
	if err := o.Send(stranger, aliased, twenty(aliased, "more")); err != nil {
		t.Errorf("a larger mailbox: %v", err)
	}
	took.note("larger mailbox accepts", done)
	o.got(t, address, "INBOX", "more")
	for _, m := range o.Folder(t, address, password, "INBOX") {
		if strings.Contains(m.Subject, "announced") || strings.HasPrefix(m.Subject, "to ") {
			t.Errorf("it has %q", m.Subject)
		}
	}
	for _, letter := range o.Outside.To(stranger) {
		if strings.Contains(letter.Data, address) {
			t.Errorf("somebody who was refused gets a letter too:\n%s", letter.Data)
		}
	}
}

func TestAFullMailboxThatIsRedirectedLetsItsMailGoOn(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local, address := o.small(t, "plein")
	_, target := o.mailbox(t, "but")
	alias := fresh("alias")
	o.redirect(t, alias, "", address)
	messages := []string{twenty(address, "a"), twenty(address, "b"), twenty(address, "c"), twenty(address, "d")}
	rest := 100_000_000 - 100
	for _, m := range messages {
		rest -= len(m) + strings.Count(m, "\n")
	}
	last := mailtest.Message(stranger, address, "last")
	last += strings.Repeat("x", rest-len(last)-strings.Count(last, "\n"))
	o.fill(t, address, append(messages, last)...)
	for _, to := range []string{address, local + "+x@" + cast.Garrigue, alias + "@" + cast.Garrigue} {
		fullAt(t, to, o.unannounced(stranger, "Subject: x\n\nx\n", to), true)
	}

	path := o.redirect(t, local, "", target)
	for _, to := range []string{address, local + "+x@" + cast.Garrigue, alias + "@" + cast.Garrigue} {
		if err := o.receive(to, "without a copy "+to); err != nil {
			t.Errorf("it is redirected, and refuses mail to %s: %v", to, err)
		}
		o.got(t, target, "INBOX", "without a copy "+to)
	}

	// With a copy the target has it, and the author a letter that there is no copy.
	o.Do(t, path, path, "to", target, "keep_copy", "on")
	writer := fresh("writer") + "@elsewhere.test"
	if err := o.Send(writer, address, mailtest.Message(writer, address, "with a copy")); err != nil {
		t.Errorf("it is redirected with a copy, and refuses mail: %v", err)
	}
	o.got(t, target, "INBOX", "with a copy")
	if r := o.Outside.Await(t, writer, "Mailbox is full"); r.From != "" {
		t.Errorf("the letter comes from %q", r.From)
	}

	o.Do(t, path, path+"/deletion")
	fullAt(t, "redirected no more", o.unannounced(stranger, "Subject: x\n\nx\n", address), true)
	o.Do(t, on(local), on(local), "size_gb", "0.2")
	if err := o.receive(address, "enlarged"); err != nil {
		t.Errorf("a larger mailbox: %v", err)
	}
	o.got(t, address, "INBOX", "enlarged")
}
