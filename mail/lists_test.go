package mail_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"example.org/mandat/mail/mailtest"
	"example.org/mandat/models/cast"
)

// mailingList makes a list with subscribers by the panel's pages; done is when
// the panel said of the last that it was.
func (o owner) mailingList(t testing.TB, posting, replyTo string, subscribers ...string) (name, address string, done time.Time) {
	t.Helper()
	name = fresh("liste")
	done, _ = o.Do(t, garrigue+"/new-list", garrigue+"/lists", "name", name, "owner", "gestion@elsewhere.test", "posting", posting, "reply_to", replyTo)
	if len(subscribers) > 0 {
		done, _ = o.Do(t, garrigue+"/lists/"+name+"/members", garrigue+"/lists/"+name+"/members", "members", strings.Join(subscribers, "\n"))
	}
	return name, name + "@" + cast.Garrigue, done
}

func TestAListReachesItsSubscribers(t *testing.T) {
	t.Parallel()
	o := alice(t)
	_, inside := o.mailbox(t, "abonne")
	outside := fresh("abonne") + "@elsewhere.test"
	_, address, done := o.mailingList(t, "everyone", "list", inside, outside)
	if err := o.receive(address, "to all", "DKIM-Signature: v=1; a=rsa-sha256; d=elsewhere.test"); err != nil {
		t.Fatal(err)
	}
	m := o.got(t, inside, "INBOX", "to all")
	took.note("subscriber of a new list gets a message", done)
	r := o.Outside.Await(t, outside, "Subject: to all")
	if !regexp.MustCompile(`^liste\d+\+bounces-[a-z2-7]{26}@garrigue\.example$`).MatchString(r.From) {
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
		o.Outside.Await(t, stranger, "round and round") // it comes back
		if list := o.Folder(t, inside, password, "INBOX"); len(list) != 1 {
			t.Errorf("a loop is not stopped: %d messages", len(list))
		}
	}
}

func TestWhoMayWriteToAListIsToldAtOnce(t *testing.T) {
	t.Parallel()
	o := alice(t)
	_, inside := o.mailbox(t, "membre")
	_, address, _ := o.mailingList(t, "subscribers", "sender", inside)
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
	for _, detail := range []string{"nonsense", "confirm-aaaaaaaaaaaaaaaaaaaaaaaaaa", "bounces-aaaaaaaaaaaaaaaaaaaaaaaaaa", "accept-aaaaaaaaaaaaaaaaaaaaaaaaaa"} {
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
	if !regexp.MustCompile(`^dehors\d+\+bounces-[a-z2-7]{26}@garrigue\.example$`).MatchString(r.From) || r.Header("From") != writer {
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

// addressFor finds an address of a list in a letter.
func addressFor(t *testing.T, r mailtest.Received, word string) string {
	t.Helper()
	text := strings.ReplaceAll(r.Data, "=\r\n", "")
	found := regexp.MustCompile(`[a-z0-9.]+\+` + word + `-[a-z2-7]{26}@[a-z.]+`).FindString(text)
	if found == "" {
		t.Fatalf("no address for %s in\n%s", word, text)
	}
	return found
}

func TestSubscribingAndLeavingByMail(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local := fresh("une-liste-dont-le-nom-ne-laisse-pas-de-place") // for a token, beside it
	name, address := local, local+"@"+cast.Garrigue
	o.Do(t, garrigue+"/new-list", garrigue+"/lists", "name", name, "owner", "gestion@elsewhere.test", "posting", "everyone", "reply_to", "list")
	reader := fresh("reader") + "@elsewhere.test"
	write := func(to, subject string) {
		t.Helper()
		if err := o.Send(reader, to, mailtest.Message(reader, to, subject)); err != nil {
			t.Fatal(err)
		}
	}
	members := func() string { return o.Get(t, garrigue+"/lists/"+name+"/members").Find("main").Text() }
	write(local+"+subscribe@"+cast.Garrigue, "please")
	letter := o.Outside.Await(t, reader, "confirm-")
	if strings.Contains(members(), reader) {
		t.Fatal("nobody confirmed it")
	}
	began := time.Now()
	confirm := addressFor(t, letter, "confirm")
	if !strings.HasPrefix(confirm, "postmaster+") {
		t.Errorf("the answer goes to %s", confirm)
	}
	write(confirm, "Re: yes")
	mailtest.Within(t, soon, "the panel shows the subscriber", func() bool { return strings.Contains(members(), reader) })
	took.note("subscription by mail is shown", began)
	if err := o.receive(address, "for readers"); err != nil {
		t.Fatal(err)
	}
	o.Outside.Await(t, reader, "Subject: for readers")

	write(local+"+unsubscribe@"+cast.Garrigue, "enough")
	mailtest.Within(t, mailtest.Arrival, "the second letter", func() bool {
		for _, r := range o.Outside.To(reader) {
			if strings.Contains(r.Data, "confirm-") && r.Data != letter.Data {
				letter = r
				return true
			}
		}
		return false
	})
	began = time.Now()
	write(addressFor(t, letter, "confirm"), "Re: yes")
	mailtest.Within(t, soon, "the subscriber is gone", func() bool { return !strings.Contains(members(), reader) })
	took.note("unsubscription by mail is shown", began)
}

func TestOneClickLeavesAList(t *testing.T) {
	t.Parallel()
	o := alice(t)
	reader := fresh("reader") + "@elsewhere.test"
	name, address, _ := o.mailingList(t, "everyone", "list", reader)
	if err := o.receive(address, "with a link"); err != nil {
		t.Fatal(err)
	}
	r := o.Outside.Await(t, reader, "Subject: with a link")
	link := regexp.MustCompile(`<(https?://[^>]+)>`).FindStringSubmatch(r.Header("List-Unsubscribe"))
	if link == nil {
		t.Fatalf("no link in %q", r.Header("List-Unsubscribe"))
	}
	if status := mailtest.OneClick(t, link[1]); status != 200 {
		t.Errorf("one click: %d", status)
	}
	answered := time.Now()
	mailtest.Within(t, soon, "the subscriber is gone", func() bool {
		return !strings.Contains(o.Get(t, garrigue+"/lists/"+name+"/members").Find("main").Text(), reader)
	})
	took.note("one click out of a list is shown", answered)
}

func TestModerationInThePanelAndByMail(t *testing.T) {
	t.Parallel()
	o := alice(t)
	_, inside := o.mailbox(t, "lit")
	moderator := fresh("moderator") + "@elsewhere.test"
	name, address, _ := o.mailingList(t, "moderated", "list", inside)
	at := garrigue + "/lists/" + name
	o.Do(t, at+"/moderators", at+"/moderators", "members", moderator)

	for _, subject := range []string{"held one", "held two", "held three", "held four"} {
		if err := o.receive(address, subject); err != nil {
			t.Fatal(err)
		}
	}
	letter := o.Outside.Await(t, moderator, "held one")
	if list := o.Folder(t, inside, password, "INBOX"); len(list) != 0 {
		t.Errorf("nobody let these through: %v", list)
	}
	// In the panel.
	way, _ := o.Get(t, at+"/messages").Find("article").FilterFunction(func(_ int, a *goquery.Selection) bool {
		return strings.Contains(a.Text(), "held two")
	}).Find("form[action$='/approval']").Attr("action")
	done, _ := o.Do(t, at+"/messages", way)
	o.got(t, inside, "INBOX", "held two")
	took.note("message let through in the panel arrives", done)
	// By mail.
	began := time.Now()
	if err := o.Send(moderator, addressFor(t, letter, "accept"), mailtest.Message(moderator, address, "Re: yes")); err != nil {
		t.Fatal(err)
	}
	o.got(t, inside, "INBOX", "held one")
	took.note("message let through by mail arrives", began)
	letter = o.Outside.Await(t, moderator, "held four")
	if err := o.Send(moderator, addressFor(t, letter, "discard"), mailtest.Message(moderator, address, "spam")); err != nil {
		t.Fatal(err)
	}
	letter = o.Outside.Await(t, moderator, "held three")
	if err := o.Send(moderator, addressFor(t, letter, "reject"), mailtest.Message(moderator, address, "no")); err != nil {
		t.Fatal(err)
	}
	o.Outside.Await(t, stranger, "held three")
	o.none(t, inside, "INBOX", "held three")
	o.none(t, inside, "INBOX", "held four")
	mailtest.Within(t, soon, "the panel shows what was discarded", func() bool {
		return o.Get(t, at+"/messages").Find("article").Length() == 0
	})
	for _, r := range o.Outside.To(stranger) {
		if strings.Contains(r.Data, "held four") {
			t.Errorf("the author of what was discarded is told:\n%s", r.Data)
		}
	}
}

func TestMailThatComesBackEndsASubscription(t *testing.T) {
	t.Parallel()
	o := alice(t)
	_, inside := o.mailbox(t, "reste")
	gone := fresh("gone") + "@elsewhere.test"
	name, address, _ := o.mailingList(t, "everyone", "list", inside, gone)
	o.Outside.Refuse(gone, 550)
	conn, err := o.SQL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	days := func() (n int) {
		_ = conn.QueryRow(t.Context(), "SELECT COALESCE((SELECT days FROM panel.list_bounces WHERE email = $1), 0)", gone).Scan(&n)
		return n
	}
	for day := 1; ; day++ {
		began := time.Now()
		if err := o.receive(address, "comes back"); err != nil {
			t.Fatal(err)
		}
		page := func() string { return o.Get(t, garrigue+"/lists/"+name+"/members").Find("main").Text() }
		mailtest.Within(t, mailtest.Arrival, "it is counted", func() bool { return days() == day || !strings.Contains(page(), gone) })
		if !strings.Contains(page(), gone) {
			if day < 3 {
				t.Errorf("taken off after %d days", day)
			}
			took.note("mail that comes back takes a subscriber off", began)
			break
		}
		if day > 10 {
			t.Fatal("never taken off")
		}
		// Tomorrow.
		if _, err := conn.Exec(t.Context(), "UPDATE panel.list_bounces SET last_at = last_at - interval '1 day' WHERE email = $1", gone); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(o.Get(t, garrigue+"/lists/"+name+"/members").Find("main").Text(), inside) {
		t.Error("the other subscriber is gone too")
	}
}
