package mail_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"example.org/mandat/mail/mailtest"
	"example.org/mandat/models/cast"
)

// mailingList makes a list with subscribers by the panel's pages.
func (o owner) mailingList(t testing.TB, posting, replyTo string, subscribers ...string) (name, address string) {
	t.Helper()
	name = fresh("liste")
	o.Do(t, garrigue+"/new-list", garrigue+"/lists", "name", name, "owner", "gestion@elsewhere.test", "posting", posting, "reply_to", replyTo)
	if len(subscribers) > 0 {
		o.Do(t, garrigue+"/lists/"+name+"/members", garrigue+"/lists/"+name+"/members", "members", strings.Join(subscribers, "\n"))
	}
	return name, name + "@" + cast.Garrigue
}

func TestAListReachesItsSubscribers(t *testing.T) {
	t.Parallel()
	o := alice(t)
	_, inside := o.mailbox(t, "abonne")
	outside := fresh("abonne") + "@elsewhere.test"
	_, address := o.mailingList(t, "everyone", "list", inside, outside)
	began := time.Now()
	if err := o.receive(address, "to all", "DKIM-Signature: v=1; a=rsa-sha256; d=elsewhere.test"); err != nil {
		t.Fatal(err)
	}
	m := o.got(t, inside, "INBOX", "to all")
	took.note("message to a list arrives", began)
	r := o.Outside.Await(t, outside, "Subject: to all")
	if !regexp.MustCompile(`^liste\d+\+bounces-[a-j2-7]{32}@garrigue\.example$`).MatchString(r.From) {
		t.Errorf("the envelope is %q", r.From)
	}
	for header, want := range map[string]string{
		"List-Id": "<" + strings.Replace(address, "@", ".", 1) + ">", "List-Post": "<mailto:" + address + ">", "Reply-To": "<" + address + ">",
		"List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "From": stranger, "DKIM-Signature": "v=1; a=rsa-sha256; d=elsewhere.test",
	} {
		if got := r.Header(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if !strings.Contains(m.Data, "Hello.") {
		t.Errorf("the text is gone:\n%s", m.Data)
	}
	if err := o.receive(address, "round and round", "Mandat-Loop: "+address); err == nil {
		time.Sleep(500 * time.Millisecond)
		if list := o.Folder(t, inside, password, "INBOX"); len(list) != 1 {
			t.Errorf("a loop is not stopped: %d messages", len(list))
		}
	}
}

func TestWhoMayWriteToAListIsToldAtOnce(t *testing.T) {
	t.Parallel()
	o := alice(t)
	_, inside := o.mailbox(t, "membre")
	_, address := o.mailingList(t, "subscribers", "sender", inside)
	if err := o.receive(address, "from nobody"); mailtest.Code(err) != 550 || !strings.Contains(err.Error(), "subscribers") {
		t.Errorf("a stranger writes: %v", err)
	}
	if err := o.Send("", address, mailtest.Message("MAILER-DAEMON@elsewhere.test", address, "notice")); mailtest.Code(err) != 550 {
		t.Errorf("a notice of delivery comes in: %v", err)
	}
	if err := o.Send(inside, address, mailtest.Message(inside, address, "from a member")); err != nil {
		t.Fatal(err)
	}
	if m := o.got(t, inside, "INBOX", "from a member"); strings.Contains(m.Data, "\r\nReply-To:") {
		t.Error("answers do not go to the sender")
	}
	local := strings.TrimSuffix(address, "@"+cast.Garrigue)
	for _, detail := range []string{"nonsense", "confirm-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bounces-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "accept-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"} {
		if err := o.receive(local+"+"+detail+"@"+cast.Garrigue, "guess"); mailtest.Code(err) != 550 {
			t.Errorf("%s: %v", detail, err)
		}
	}
}

func TestARedirectionOutsideGoesOutInItsOwnName(t *testing.T) {
	t.Parallel()
	o := alice(t)
	alias, away := fresh("dehors"), fresh("away")+"@elsewhere.test"
	done, _ := o.Do(t, garrigue+"/redirections/new", garrigue+"/redirections", "kind", "address", "from", alias, "to", away, "keep_copy", "")
	address := alias + "@" + cast.Garrigue
	writer := fresh("writer") + "@elsewhere.test"
	if err := o.Send(writer, address, mailtest.Message(writer, address, "go on")); err != nil {
		t.Fatal(err)
	}
	r := o.Outside.Await(t, away, "Subject: go on")
	took.note("redirection outside", done)
	if !regexp.MustCompile(`^dehors\d+\+bounces-[a-j2-7]{32}@garrigue\.example$`).MatchString(r.From) || r.Header("From") != writer {
		t.Errorf("it goes out from %q, by %q", r.From, r.Header("From"))
	}
	// What cannot be delivered comes back to whoever wrote.
	o.Outside.Refuse(away, 550)
	if err := o.Send(writer, address, mailtest.Message(writer, address, "come back")); err != nil {
		t.Fatal(err)
	}
	back := o.Outside.Await(t, writer, "come back")
	if back.From != "" || !strings.Contains(back.Data, "not here") {
		t.Errorf("what comes back is from %q:\n%s", back.From, back.Data)
	}
}
