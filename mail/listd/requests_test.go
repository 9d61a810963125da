package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/modelstest"
)

// replyTo is where the answer to a message goes.
func replyTo(t *testing.T, g got) string {
	t.Helper()
	return strings.Trim(g.header().get("reply-to"), "<>")
}

func TestSubscribingByMailIsConfirmedFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.start()
	for range 3 { // asked once an hour
		i.takes("Someone@else.example", "equipe+subscribe@garrigue.example", letterFrom(outsider, ""))
	}
	g := w.sink.await(t, outsider, 1)
	w.settled()
	h := g.header()
	if n := w.sink.count(); n != 1 {
		t.Errorf("%d messages", n)
	}
	if g.from != "" || h.get("auto-submitted") != "auto-replied" || h.get("from") != "<equipe+owner@garrigue.example>" || !strings.Contains(g.text(), "pour confirmer") && !strings.Contains(g.text(), "Pour confirmer") {
		t.Errorf("from %q:\n%s", g.from, g.data)
	}
	w.asks()
	confirm := replyTo(t, g)
	i.refuses(550, outsider, confirm, letterFrom(outsider, "away", "Auto-Submitted: auto-replied"))
	i.refuses(550, outsider, confirm, letterFrom(outsider, "away", "Precedence: bulk"))
	i.refuses(550, "", confirm, letterFrom(outsider, "undeliverable"))
	i.refuses(550, outsider, strings.Replace(confirm, "equipe", "nobody", 1), letterFrom(outsider, "another list"))
	w.asks()
	i.takes("another@else.example", confirm, letterFrom(outsider, "Re: "))
	w.asks("subscribe someone@else.example " + team)
	i.refuses(550, outsider, confirm, letterFrom(outsider, "again"))
	w.settled()
	if n := w.sink.count(); n != 1 {
		t.Errorf("%d messages: it is promised before the panel has done it", n)
	}
	if err := w.Store.CarryListRequests(t.Context()); err != nil {
		t.Fatal(err)
	}
	i.wakeAll()
	if g := w.sink.await(t, outsider, 2); !strings.Contains(g.text(), "equipe+unsubscribe@garrigue.example") || g.header().get("subject") == "" {
		t.Errorf("the answer is\n%s", g.data)
	}
	// What the panel does not do is not said to be done.
	i.takes(outsider, "equipe+unsubscribe@garrigue.example", letterFrom(outsider, ""))
	i.takes(outsider, replyTo(t, w.sink.await(t, outsider, 3)), letterFrom(outsider, "Re: "))
	w.Exec(t, "DELETE FROM list_requests")
	i.wakeAll()
	if g := w.sink.await(t, outsider, 4); !strings.Contains(g.text(), "ne peut pas y donner suite") {
		t.Errorf("the answer is\n%s", g.data)
	}
	if n := w.Int(t, "SELECT count(*) FROM list_confirmations"); n != 0 {
		t.Errorf("%d questions are kept", n)
	}
}

// A server may refuse to write to a local part of more than 64 octets (RFC 5321, 4.5.3.1.1).
func TestALongNameLeavesRoomForAnAnswer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := strings.Repeat("x", 64)
	list := w.list(name, models.ListSettings{Posting: models.PostingModerated})
	i := w.start()
	i.takes(outsider, list, letterFrom(outsider, "a"))
	text := w.sink.await(t, teamBoss, 1).text()
	for word, kind := range map[string]string{"accept": "approve", "reject": "reject", "discard": "discard"} {
		address := addressIn(t, text, "postmaster+"+word+"-")
		if got := i.asks("sender="+teamBoss, "recipient="+address); got != "DUNNO" {
			t.Errorf("%s: %s", address, got)
		}
		local, _, _ := strings.Cut(address, "@")
		i.takes(teamBoss, strings.TrimPrefix(local, "postmaster+")+"@"+forwardDomain, letterFrom(teamBoss, "")) // as Postfix hands it over
		if got := w.requests(); got[len(got)-1] != kind+" "+teamBoss+" "+list {
			t.Errorf("the panel is asked for %q", got)
		}
		i.refuses(550, teamBoss, strings.Replace(address, "postmaster", "equipe", 1), letterFrom(teamBoss, "")) // it is another list's
	}
	for n := 1; n <= 64; n++ {
		for _, p := range []purpose{forConfirm, forAccept, forReject, forDiscard, forBounce} {
			address := sub(strings.Repeat("x", n)+"@garrigue.example", p, newToken())
			if r, ok := parseRecipient(address); !ok || r.purpose != p || strings.IndexByte(address, '@') > 64 {
				t.Errorf("%s: %+v", address, r)
			}
		}
	}
}

func TestLeavingByMailTellsNobodyWhoSubscribes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.start()
	var texts []string
	for _, who := range []string{member1, outsider} {
		i.takes(who, "equipe+unsubscribe@garrigue.example", letterFrom(who, ""))
		g := w.sink.await(t, who, 1)
		text := strings.ReplaceAll(g.text(), who, "X")
		texts = append(texts, strings.ReplaceAll(text, replyTo(t, g), "Y"))
	}
	if texts[0] != texts[1] {
		t.Errorf("the answers differ:\n%s\n%s", texts[0], texts[1])
	}
	i.takes(member1, replyTo(t, w.sink.await(t, member1, 1)), letterFrom(member1, ""))
	w.asks("unsubscribe " + member1 + " " + team)
}

func TestNobodyIsBuriedInQuestions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var lists []string
	for n := range maxAsked + 3 {
		lists = append(lists, w.list(fmt.Sprintf("liste%d", n), models.ListSettings{Posting: models.PostingEveryone}))
	}
	i := w.start()
	for _, l := range lists {
		i.takes(outsider, strings.Replace(l, "@", "+subscribe@", 1), letterFrom(outsider, ""))
	}
	for range 3 {
		i.takes(outsider, "equipe+help@garrigue.example", letterFrom(outsider, ""))
	}
	for _, machine := range []string{"Auto-Submitted: auto-generated", "Precedence: junk", "List-Id: <a.b>"} {
		i.refuses(550, outsider, "equipe+help@garrigue.example", letterFrom(outsider, "", machine))
		i.refuses(550, outsider, "equipe+subscribe@garrigue.example", letterFrom(outsider, "", machine))
	}
	i.refuses(550, `"odd one"@else.example`, "equipe+subscribe@garrigue.example", letterFrom(outsider, ""))
	w.settled()
	if n := w.sink.count(); n != maxAsked+1 {
		t.Errorf("%d messages, want %d questions and one answer", n, maxAsked)
	}
	w.Exec(t, "UPDATE list_confirmations SET expires_at = expires_at - interval '61 minutes' WHERE list_id = (SELECT id FROM lists WHERE address = $1)", lists[0])
	i.takes(outsider, strings.Replace(lists[0], "@", "+subscribe@", 1), letterFrom(outsider, ""))
	again := w.sink.await(t, outsider, maxAsked+2)
	asked := 0
	for _, g := range w.sink.to(outsider) {
		if replyTo(t, g) == replyTo(t, again) {
			asked++
		}
	}
	if asked != 2 {
		t.Error("an hour later the first question is worth nothing")
	}
}

func TestAHeldMessageGoesOutWhenAModeratorSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := w.list("moderee", models.ListSettings{Posting: models.PostingModerated}, member1, outsider)
	w.add("moderee", models.Moderators, "mod@else.example", "other@else.example")
	i := w.start()
	i.takes(outsider, list, letterFrom("=?utf-8?q?Zo=C3=A9?= <"+outsider+">", "Hello {accept}\x00", "Content-Type: text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: quoted-printable")+"caf=E9\n")
	g := w.sink.await(t, "mod@else.example", 1)
	w.sink.await(t, "other@else.example", 1)
	w.settled()
	if n := w.sink.count(); n != 2 {
		t.Fatalf("%d messages", n)
	}
	text := g.text()
	for _, want := range []string{"Zoé", "Hello {accept}", "> café", "https://panel.example/services/garrigue.example/lists/moderee/messages"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if g.from != "" || g.header().get("auto-submitted") != "auto-generated" || len(g.header().fields) != 11 {
		t.Errorf("from %q:\n%s", g.from, g.data)
	}
	accept := addressIn(t, text, "moderee+accept-")
	reject := addressIn(t, text, "moderee+reject-")
	i.refuses(550, outsider, accept, letterFrom(outsider, ""))
	i.refuses(550, teamBoss, accept, letterFrom(teamBoss, "")) // there are moderators
	i.refuses(550, "mod@else.example", accept, letterFrom("mod@else.example", "", "Auto-Submitted: auto-replied"))
	w.asks()
	i.takes("mod@else.example", accept, letterFrom("mod@else.example", "ok"))
	i.takes("bounce-1@sender.example", reject, letterFrom("Other <other@else.example>", "no"))
	w.asks("approve mod@else.example "+list, "reject other@else.example "+list)
	w.Exec(t, "UPDATE list_messages SET state = 'approved', settled_by = 'mod@else.example' WHERE state = 'held'") // as the panel does
	w.sink.await(t, member1, 1)
	w.sink.await(t, outsider, 1)
	w.settled()
	i.refuses(550, "mod@else.example", reject, letterFrom("mod@else.example", "too late"))
	if got := i.asks("sender=mod@else.example", "recipient="+reject); !strings.HasPrefix(got, "550 5.7.1 This message was decided") {
		t.Error(got)
	}
}

// addressIn finds an address in a text by its beginning.
func addressIn(t *testing.T, text, begin string) string {
	t.Helper()
	words := strings.Fields(text)
	n := slices.IndexFunc(words, func(word string) bool { return strings.HasPrefix(word, begin) })
	if n < 0 {
		t.Fatalf("no %s in\n%s", begin, text)
	}
	return words[n]
}

func TestTheAuthorOfARejectedMessageIsToldWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := w.list("moderee", models.ListSettings{Posting: models.PostingModerated, Language: "fr"}, member1)
	i := w.start()
	const machine = "machine@else.example"
	i.takes(machine, list, letterFrom(machine, "Promotion", "Precedence: bulk"))
	i.takes(outsider, list, letterFrom(outsider, "Vente"))
	w.sink.await(t, teamBoss, 2) // no moderators: the owner
	w.Exec(t, "UPDATE list_messages SET state = 'rejected', settled_at = now(), reason = $1 WHERE state = 'held'", "Pas de publicité.\nMerci.\u202e")
	g := w.sink.await(t, outsider, 1)
	if text := g.text(); !strings.Contains(text, "> Vente") || !strings.Contains(text, "> Pas de publicité.\n> Merci.") || strings.Contains(text, "\u202e") || g.from != "" {
		t.Errorf("from %q:\n%s", g.from, text)
	}
	modelstest.Await(t, patience, "the content is gone", func() bool { return w.Int(t, "SELECT count(*) FROM list_messages WHERE length(content) > 0") == 0 })
	w.settled()
	if n := w.sink.count(); n != 3 || len(w.sink.to(machine)) != 0 {
		t.Errorf("%d messages, and to a machine %v", n, w.sink.to(machine))
	}
}

func TestWhatIsOldGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const machine, stranger = "machine@else.example", "stranger@else.example"
	list := w.list("moderee", models.ListSettings{Posting: models.PostingModerated}, outsider, machine)
	i := w.start()
	i.takes(outsider, list, letterFrom(outsider, "a"))
	i.takes(outsider, list, letterFrom(outsider, "b"))
	i.takes(machine, list, letterFrom(machine, "c", "Precedence: bulk"))
	i.takes(stranger, list, letterFrom(stranger, "d")) // or who forged that
	i.takes(outsider, "moderee+subscribe@garrigue.example", letterFrom(outsider, ""))
	w.settled()
	w.Exec(t, "UPDATE list_messages SET received_at = now() - interval '15 days' WHERE subject IN ('a', 'c', 'd')")
	w.Exec(t, "UPDATE list_confirmations SET expires_at = now() - interval '1 second'")
	if err := i.tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.Int(t, "SELECT count(*) FROM list_messages WHERE state = 'expired' AND subject IN ('a', 'c', 'd') AND length(content) = 0"); n != 3 {
		t.Error("the messages without a decision are not put aside")
	}
	w.settled()
	if g := w.sink.await(t, outsider, 2); g.from != "" || g.header().get("auto-submitted") != "auto-replied" || !strings.Contains(g.text(), "> a") {
		t.Errorf("its author is told, from %q:\n%s", g.from, g.data)
	}
	if list := append(w.sink.to(machine), w.sink.to(stranger)...); len(list) != 0 {
		t.Errorf("a machine or a stranger is answered:\n%s", list[0].data)
	}
	if n := w.Int(t, "SELECT count(*) FROM list_confirmations"); n != 0 {
		t.Error("the question without an answer is kept")
	}
	w.Exec(t, "UPDATE list_messages SET received_at = now() - interval '31 days', settled_at = settled_at - interval '31 days'")
	w.Exec(t, "UPDATE list_messages SET received_at = now() - interval '13 days' WHERE state = 'held'")
	if err := i.tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := w.Int(t, "SELECT count(*) FROM list_messages") + w.Int(t, "SELECT count(*) FROM list_deliveries"); n != 1 {
		t.Errorf("%d rows are left, want the message that is held", n)
	}
}

func TestAnswersAreRememberedForAnHour(t *testing.T) {
	var th throttle
	now := time.Now()
	if !th.first("a", now) || th.first("a", now.Add(answerAgain)) || !th.first("a", now.Add(answerAgain+time.Second)) {
		t.Error("not once an hour")
	}
	for n := range maxAnswered {
		th.first(fmt.Sprint(n), now)
	}
	if th.first("b", now) || !th.first("b", now.Add(2*answerAgain)) || len(th.at) > 2 {
		t.Error("not bounded")
	}
}
