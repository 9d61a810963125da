package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"example.org/mandat/models"
	"example.org/mandat/models/modelstest"
)

func TestAMessageGoesToEachSubscriberOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.start()
	content := letterFrom("Alice <"+member1+">", "=?utf-8?q?R=C3=A9union?=", "Reply-To: <other@else.example>")
	i.takes(member1, team, content)
	w.settled()
	if n := w.sink.count(); n != 6 {
		t.Fatalf("%d copies, want 6", n)
	}
	seen := map[string]bool{}
	for _, to := range []string{member1, "david@nguyen-velos.example"} {
		g := w.sink.await(t, to, 1)
		h := g.header()
		link := "https://panel.example/unsubscriptions/"
		token := strings.TrimPrefix(h.get("list-unsubscribe"), "<"+link)[:26]
		for name, want := range map[string]string{
			"list-id": "<equipe.garrigue.example>", "list-post": "<mailto:equipe@garrigue.example>", "list-help": "<mailto:equipe+help@garrigue.example>",
			"list-subscribe": "<mailto:equipe+subscribe@garrigue.example>", "list-owner": "<mailto:equipe+owner@garrigue.example>",
			"list-unsubscribe":      "<" + link + token + ">,\t<mailto:equipe+unsubscribe@garrigue.example>",
			"list-unsubscribe-post": "List-Unsubscribe=One-Click", "precedence": "list", "mandat-loop": team, "reply-to": "<other@else.example>",
		} {
			if got := h.get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if n := w.Int(t, "SELECT count(*) FROM list_links WHERE token = $1 AND email = $2", token, to); n != 1 {
			t.Errorf("the link of %s is not theirs", to)
		}
		if !strings.HasSuffix(g.data, strings.ReplaceAll(content, "\n", "\r\n")) {
			t.Errorf("the message is not as it was:\n%s", g.data)
		}
		if r, ok := parseRecipient(g.from); !ok || r.purpose != forBounce || r.token != h.get("mandat-delivery") || seen[g.from] {
			t.Errorf("the sender of the envelope is %q", g.from)
		}
		seen[g.from] = true
	}
	if n := w.Int(t, "SELECT count(*) FROM list_messages WHERE state = 'sent' AND length(content) = 0 AND settled_at IS NOT NULL AND author LIKE 'Alice%' AND subject = 'Réunion'"); n != 1 {
		t.Error("the message is not settled")
	}
}

func TestWhatPostfixHandsOverAgainGoesOutOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i, other := w.start(), w.start()
	content := letterFrom(member1, "a")
	for range 3 {
		i.takes(member1, team, content)
		other.takes(member1, team, content)
	}
	w.settled()
	i.takes(member1, team, content) // when it is long gone
	i.takes(member1, team, letterFrom(member1, "a"))
	modelstest.Await(t, patience, "the second message", func() bool { return w.sink.count() == 12 })
	w.settled()
	if n := w.sink.count(); n != 12 {
		t.Errorf("%d copies, want 12", n)
	}
}

func TestWhoMayWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open := w.list("ouverte", models.ListSettings{Posting: models.PostingEveryone}, outsider)
	i := w.start()
	i.refuses(550, outsider, team, letterFrom(outsider, "from outside"))
	i.refuses(550, member1, team, letterFrom(outsider, "the field is another's"))
	i.refuses(550, member1, team, letterFrom(member1+", "+outsider, "two authors"))
	i.refuses(550, member1, team, letterFrom(member1, "two fields", "From: "+outsider))
	i.refuses(550, "", team, letterFrom(member1, "a notice of delivery"))
	i.refuses(550, member1, team, letterFrom(member1, "away", "Auto-Submitted: auto-replied (vacation)"))
	i.refuses(554, member1, team, letterFrom(member1, "loop", "Mandat-Loop: "+team))
	i.refuses(554, member1, team, letterFrom(member1, "loop", "List-Id: Team <EQUIPE.garrigue.example>"))
	i.refuses(554, member1, team, letterFrom(member1, "hops", strings.Repeat("Received: by b\n", 50)+"X: y"))
	i.refuses(550, "", open, letterFrom(member1, "a notice of delivery"))
	i.refuses(550, outsider, "nobody@garrigue.example", letterFrom(outsider, "a"))
	i.refuses(550, outsider, "equipe+nothing@garrigue.example", letterFrom(outsider, "a"))
	i.refuses(550, outsider, "equipe+@garrigue.example", letterFrom(outsider, "a"))
	i.refuses(552, member1, team, letterFrom(member1, "fields", strings.Repeat("X: y\n", maxFields)+"X: y"))
	if n := w.Int(t, "SELECT count(*) FROM list_messages"); n != 0 {
		t.Errorf("%d messages were taken", n)
	}
	i.takes(strings.ToUpper(member1), strings.ToUpper(team), letterFrom("A <"+strings.ToUpper(member1)+">", "case says nothing"))
	i.takes(teamBoss, team, letterFrom(teamBoss, "the owner", "Auto-Submitted: no"))
	i.takes("Very.Odd+x@else.example", open, letterFrom("undisclosed", "anybody"))
	w.settled()
	if n := w.sink.count(); n != 13 {
		t.Errorf("%d copies, want 13", n)
	}
}

func TestAMessageThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.maxBytes = 100_000
	i := w.start()
	i.refuses(552, member1, team, letterFrom(member1, "large")+strings.Repeat(strings.Repeat("x", 70)+"\n", 2000))
	i.takes(member1, team, letterFrom(member1, "less")+strings.Repeat(strings.Repeat("x", 70)+"\n", 1000))
	client := i.dial()
	defer client.Close()
	var refusal *smtp.SMTPError
	if err := client.Mail(member1, &smtp.MailOptions{Size: 100_001}); !asSMTP(err, &refusal) || refusal.Code != 552 {
		t.Errorf("announced as too large: %v", err)
	}
	// An announcement that is too small costs nothing but a moment.
	if err := client.Mail(member1, &smtp.MailOptions{Size: 10}); err != nil {
		t.Fatal(err)
	}
	if err := client.Rcpt(team, nil); err != nil {
		t.Fatal(err)
	}
	data, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(data, strings.ReplaceAll(letterFrom(member1, "announced as small")+strings.Repeat("xxxx\n", 10_000), "\n", "\r\n"))
	if _, err := data.CloseWithLMTPResponse(); err != nil {
		t.Error(err)
	}
}

func TestNothingIsAcceptedThatCannotBeKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.start()
	defer w.Exec(t, "ALTER VIEW IF EXISTS mlist.away RENAME TO messages") // another test gets the database
	w.Exec(t, "ALTER VIEW mlist.messages RENAME TO away")
	i.refuses(451, member1, team, letterFrom(member1, "a"))
	if got := i.asks("sender="+member1, "recipient=equipe+accept-"+strings.Repeat("a", 26)+"@garrigue.example"); !strings.HasPrefix(got, "DEFER_IF_PERMIT 4.3.0") {
		t.Errorf("Postfix is told %q", got)
	}
	w.Exec(t, "ALTER VIEW mlist.away RENAME TO messages")
	i.takes(member1, team, letterFrom(member1, "a"))
	w.settled()
}

func TestTooMuchIsRefusedForAWhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	moderated := w.list("moderee", models.ListSettings{Posting: models.PostingModerated})
	i := w.start()
	w.Exec(t, `INSERT INTO list_messages (list_id, base, sender, author, subject, size_bytes, content, state, token, received_at)
		SELECT l.id, l.address, 'a@b.example', '', '', 1, 'x', 'held', n::text, now() FROM lists l, generate_series(1, $1) n WHERE l.address = $2`, maxHeld, moderated)
	i.refuses(452, outsider, moderated, letterFrom(outsider, "a"))
	if got := i.asks("sender="+outsider, "recipient="+moderated); !strings.HasPrefix(got, "452 4.2.2 ") {
		t.Errorf("Postfix is told %q", got)
	}
	lookAgain := func() {
		i.load.mu.Lock()
		i.load.until = [2]time.Time{}
		i.load.mu.Unlock()
	}
	w.Exec(t, "UPDATE list_messages SET size_bytes = 2000000000 WHERE token::int < 4")
	i.takes(member1, team, letterFrom(member1, "what one list holds is not in the way of another"))
	w.Exec(t, "UPDATE list_messages SET size_bytes = 1, state = 'sending'; UPDATE list_messages SET size_bytes = 2000000000 WHERE id IN (SELECT id FROM list_messages LIMIT 3)")
	lookAgain()
	i.refuses(452, member1, team, letterFrom(member1, "a"))
	w.Exec(t, "DELETE FROM list_messages")
	lookAgain()
	i.takes(member1, team, letterFrom(member1, "a"))
	i.takes(outsider, moderated, letterFrom(outsider, "a"))
}

func TestAForwardGoesOutUnderASenderOfOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.start()
	var way string
	if err := w.SQL.QueryRowContext(t.Context(), "SELECT destination FROM mta.aliases WHERE address = 'gilles.hamon@garrigue.example'").Scan(&way); err != nil {
		t.Fatal(err)
	}
	content := letterFrom(outsider, "a", "List-Id: <of.another>")
	i.takes(outsider, way, "Return-Path: <x@y.example>\n"+content)
	g := w.sink.await(t, "hamon@ancien-cabinet.example", 1)
	want := strings.ReplaceAll("Mandat-Delivery: "+g.header().get("mandat-delivery")+"\nMandat-Loop: gilles.hamon@garrigue.example\n"+content, "\n", "\r\n")
	if g.data != want || g.from != "gilles.hamon+bounces-"+g.header().get("mandat-delivery")+"@garrigue.example" {
		t.Errorf("from %s:\n%s", g.from, g.data)
	}
	i.takes("", strings.Replace(way, "@", "+detail@", 1), letterFrom(outsider, "a notice of delivery"))
	if g := w.sink.await(t, "hamon@ancien-cabinet.example", 2); g.from != "" {
		t.Errorf("a notice of delivery goes out from %q", g.from)
	}
	i.refuses(554, outsider, way, letterFrom(outsider, "a", "Mandat-Loop: gilles.hamon@garrigue.example"))
	i.refuses(550, outsider, "1-"+strings.Repeat("0", 32)+"@forward.invalid", letterFrom(outsider, "a"))
	i.refuses(550, outsider, "x@forward.invalid", letterFrom(outsider, "a"))
	w.Exec(t, "UPDATE redirections SET local_part = '', address = '@garrigue.example' WHERE address = 'gilles.hamon@garrigue.example'")
	i.takes(outsider, way, letterFrom(outsider, "by the catch-all"))
	if g := w.sink.await(t, "hamon@ancien-cabinet.example", 3); !strings.HasPrefix(g.from, "postmaster+bounces-") {
		t.Errorf("the catch-all's mail goes out from %q", g.from)
	}
}

// Whoever writes to a redirection hears of its target what they would hear with an
// alias, and no more than that.
func TestAnAnswerOfATargetReachesTheAuthor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.start()
	var way string
	if err := w.SQL.QueryRowContext(t.Context(), "SELECT destination FROM mta.aliases WHERE address = 'gilles.hamon@garrigue.example'").Scan(&way); err != nil {
		t.Fatal(err)
	}
	i.takes(outsider, way, letterFrom(outsider, "a"))
	back := w.sink.await(t, "hamon@ancien-cabinet.example", 1).from
	away := func(subject string) string {
		return letterFrom("hamon@ancien-cabinet.example", subject, "Auto-Submitted: auto-replied")
	}
	delayed := letterFrom("mailer-daemon@ancien-cabinet.example", "not yet", "Content-Type: multipart/report; boundary=b") +
		"\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; y@x\nAction: delayed\nStatus: 4.4.1\n\n--b--\n"
	i.takes("", back, away("away"))
	i.takes("", back, delayed)
	for range 2 {
		i.takes("", back, away("away again"))
		i.takes("", back, delayed)
	}
	i.takes("hamon@ancien-cabinet.example", back, away("a person's own address")) // nobody's machine may answer
	w.sink.await(t, outsider, 2)
	w.settled()
	list := w.sink.to(outsider)
	if len(list) != 2 || list[0].from != "" || list[1].from != "" {
		t.Fatalf("%d are passed on: %v", len(list), list)
	}
	if n := w.Int(t, "SELECT count(*) FROM list_deliveries WHERE state = 'bounced'"); n != 0 {
		t.Error("it counts as a copy that came back")
	}
	// Of what nobody wrote, nobody is told.
	i.takes("", way, letterFrom("mailer-daemon@else.example", "b"))
	if g := w.sink.await(t, "hamon@ancien-cabinet.example", 2); g.from != "" {
		t.Errorf("a notice goes out from %q", g.from)
	}
	// A list does not hear of its subscribers.
	i.takes(member1, team, letterFrom(member1, "c"))
	i.takes("", w.sink.await(t, "david@nguyen-velos.example", 1).from, away("away"))
	w.settled()
	if list := w.sink.to(member1); len(list) > 1 {
		t.Errorf("the author of a post hears %v", list[1:])
	}
}

func TestTheOwnerReadsWhatIsWrittenToThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.start()
	i.takes(outsider, "equipe+owner@garrigue.example", letterFrom(outsider, "a question"))
	g := w.sink.await(t, teamBoss, 1)
	if !strings.HasPrefix(g.from, "equipe+owner+bounces-") || g.header().get("from") != outsider || g.header().get("list-id") != "" {
		t.Errorf("from %s:\n%s", g.from, g.data)
	}
}

func (i *instance) dial() *smtp.Client {
	i.t.Helper()
	conn, err := net.Dial("tcp", i.lmtp)
	if err != nil {
		i.t.Fatal(err)
	}
	return smtp.NewClientLMTP(conn)
}
