package models_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

const equipeAddress = "equipe@garrigue.example"

// held writes a message that waits for a moderator of equipe.
func (w *world) held(t testing.TB, subject string) int64 {
	t.Helper()
	return w.ListMessage(t, equipeAddress, "held", "Léa <lea@else.example>", subject, "Subject: x\r\n\r\nBonjour.\r\n")
}

// messages reads the messages of equipe.
func (w *world) messages(t testing.TB, q models.MessagesQuery) *models.MessagePage {
	t.Helper()
	return got[*models.MessagePage](t)(w.Store.Messages(t.Context(), w.Alice, cast.Garrigue, equipe, q))
}

func (w *world) approve(t testing.TB, by models.Actor, id int64) error {
	t.Helper()
	return w.Store.ApproveMessage(t.Context(), by, cast.Garrigue, equipe, id)
}

func (w *world) reject(t testing.TB, by models.Actor, id int64, reason string) error {
	t.Helper()
	return w.Store.RejectMessage(t.Context(), by, cast.Garrigue, equipe, id, reason)
}

func (w *world) discard(t testing.TB, by models.Actor, id int64) error {
	t.Helper()
	return w.Store.DiscardMessage(t.Context(), by, cast.Garrigue, equipe, id)
}

func TestWhoMayDecideAboutAHeldMessage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		for _, c := range []struct {
			who string
			by  models.Actor
			out string
		}{
			{"the owner", w.Alice, done},
			{"a service delegate", w.Bruno, done},
			{"an account delegate", w.Chloe, forbidden(policy.EditLists)},
			{"another owner", w.David, notFound},
			{"a stranger", w.Emma, notFound},
			{"nobody", models.Actor{}, notFound},
		} {
			one, two, three := w.held(t, "Un"), w.held(t, "Deux"), w.held(t, "Trois")
			want(t, c.who+" approves", w.approve(t, c.by, one), c.out)
			want(t, c.who+" rejects", w.reject(t, c.by, two, " Pas ici.\r\n"), c.out)
			want(t, c.who+" discards", w.discard(t, c.by, three), c.out)
			want(t, c.who+" reads", second(w.Store.Messages(t.Context(), c.by, cast.Garrigue, equipe, models.MessagesQuery{})), c.out)
			if c.out != done {
				w.wantTold(t)
				continue
			}
			w.wantTold(t, w.name(c.by)+" list.message_approved "+equipeAddress, w.name(c.by)+" list.message_rejected "+equipeAddress, w.name(c.by)+" list.message_discarded "+equipeAddress)
			if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM list_messages WHERE id = %d AND state = 'discarded' AND settled_by = '%s' AND settled_at IS NOT NULL AND length(content) = 0", three, w.name(c.by))); n != 1 {
				t.Errorf("%s: not discarded as it should be", c.who)
			}
			if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM list_messages WHERE id = %d AND state = 'approved' AND settled_by = '%s' AND settled_at IS NULL AND reason = ''", one, w.name(c.by))); n != 1 {
				t.Errorf("%s: not approved as it should be", c.who)
			}
			if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM list_messages WHERE id = %d AND state = 'rejected' AND settled_by = '%s' AND settled_at IS NOT NULL AND reason = 'Pas ici.'", two, w.name(c.by))); n != 1 {
				t.Errorf("%s: not rejected as it should be", c.who)
			}
		}
		id := w.held(t, "Trois")
		want(t, "of another list", w.Store.ApproveMessage(t.Context(), w.Alice, cast.Garrigue, w.list(t, cast.Garrigue, "autre"), id), notFound)
		want(t, "of a list that is not there", w.Store.ApproveMessage(t.Context(), w.Alice, cast.Garrigue, "none", id), notFound)
		want(t, "that is not there", w.approve(t, w.Alice, 1<<40), notFound)
		want(t, "a reason that is too long", w.reject(t, w.Alice, id, strings.Repeat("é", models.MaxRejectionReason+1)), "reason: list.messages.reason.long")
		must(t, w.Store.SuspendService(t.Context(), cast.Garrigue))
		want(t, "suspended", w.approve(t, w.Alice, id), suspended)
		want(t, "suspended", w.reject(t, w.Alice, id, ""), suspended)
		want(t, "suspended", w.discard(t, w.Alice, id), suspended)
		must(t, w.Store.ResumeService(t.Context(), cast.Garrigue))
		must(t, w.reject(t, w.Alice, id, strings.Repeat("é", models.MaxRejectionReason)))
	})
}

func TestTheHistoryTellsWhoseMessageWasDecidedAbout(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.ListMessage(t, equipeAddress, "held", "A\u202eB\tC <a@else.example>", strings.Repeat("é", 300), "")
		must(t, w.reject(t, w.Alice, id, "Non"))
		events, _, err := w.Store.History(t.Context(), w.Alice, w.service(t, w.Alice, cast.Garrigue), models.HistoryQuery{Size: 1})
		must(t, err)
		d := events[0].Detail
		if d["author"].After != "AB C <a@else.example>" || d["subject"].After != strings.Repeat("é", 200)+"…" || d["reason"].After != "Non" {
			t.Errorf("%+v", d)
		}
	})
}

func TestASecondDecisionSaysWhatTheFirstWas(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.held(t, "Un")
		must(t, w.approve(t, w.Bruno, id))
		w.told(t, cast.Garrigue)
		for what, err := range map[string]error{"approve": w.approve(t, w.Alice, id), "reject": w.reject(t, w.Alice, id, "x"), "discard": w.discard(t, w.Alice, id)} {
			var d models.Decided
			if !errors.As(err, &d) || d.State != models.MessageApproved || d.By != cast.Bruno || !errors.Is(err, models.ErrConflict) {
				t.Errorf("%s: %v", what, err)
			}
		}
		for _, state := range []string{"rejected", "discarded", "expired", "sending", "sent"} {
			id := w.ListMessage(t, equipeAddress, state, "", "", "")
			var d models.Decided
			if err := w.approve(t, w.Alice, id); !errors.As(err, &d) || string(d.State) != state || d.By != "" {
				t.Errorf("%s: %v", state, err)
			}
		}
		w.wantTold(t)
	})
}

func TestTwoModeratorsAtOnceDecideOnce(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	for range rounds(10) {
		id := w.held(t, "Un")
		outcomes := together(4, func(i int) string {
			switch i {
			case 0, 1:
				return outcome(w.approve(t, w.Alice, id))
			}
			return outcome(other.RejectMessage(t.Context(), w.Bruno, cast.Garrigue, equipe, id, ""))
		})
		if outcomes[done] != 1 {
			t.Fatalf("%v", outcomes)
		}
	}
	if n, decided := w.Int(t, "SELECT count(*) FROM events WHERE kind LIKE 'list.message%'"), w.Int(t, "SELECT count(*) FROM list_messages WHERE state <> 'held'"); n != decided {
		t.Errorf("%d events for %d messages", n, decided)
	}
}

func TestMessagesOfAList(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for i := range models.MessagesPageSize + 5 {
			id := w.ListMessage(t, equipeAddress, "sent", "Léa <lea@else.example>", fmt.Sprint("N", i), "")
			w.ListDelivery(t, id, "a@else.example", "sent")
			w.ListDelivery(t, id, "b@else.example", "sent")
			w.ListDelivery(t, id, "c@else.example", "failed")
			w.ListDelivery(t, id, "d@else.example", "bounced")
			w.ListDelivery(t, id, "e@else.example", "waiting")
		}
		for i := range models.MessagesPageSize + 2 {
			w.held(t, fmt.Sprint("H", i))
		}
		p := w.messages(t, models.MessagesQuery{})
		if p.List.HeldCount != models.MessagesPageSize+2 || len(p.Held) != models.MessagesPageSize || p.Held[0].Subject != "H0" || p.Held[0].Excerpt != "Bonjour." || p.Held[0].Author != "Léa <lea@else.example>" {
			t.Errorf("held: %d, %d, %+v", p.List.HeldCount, len(p.Held), p.Held[0])
		}
		first := p.Items[0]
		if len(p.Items) != models.MessagesPageSize || p.Older == 0 || first.Subject != "N24" || first.Sent != 2 || first.Failed != 2 || first.Waiting != 1 || first.Excerpt != "" {
			t.Errorf("%d, %+v", len(p.Items), first)
		}
		p = w.messages(t, models.MessagesQuery{Before: p.Older})
		if len(p.Held) != 0 || len(p.Items) != 5 || p.Items[0].Subject != "N4" || p.Older != 0 {
			t.Errorf("the next page: %d held, %d, %+v", len(p.Held), len(p.Items), p.Items[0])
		}
		lists := got[*models.ListPage](t)(w.Store.Lists(t.Context(), w.service(t, w.Alice, cast.Garrigue), models.WalkQuery{}))
		if lists.Items[0].HeldCount != models.MessagesPageSize+2 {
			t.Errorf("the table says %d are held", lists.Items[0].HeldCount)
		}
		must(t, w.Store.DeleteList(t.Context(), w.Alice, cast.Garrigue, equipe, equipe))
		if n := w.Int(t, "SELECT count(*) FROM list_messages") + w.Int(t, "SELECT count(*) FROM list_deliveries"); n != 0 {
			t.Errorf("%d rows outlive their list", n)
		}
	})
}

// What a moderator reads of a message is text, whatever was sent.
func TestTheFirstLinesOfAMessage(t *testing.T) {
	mixed := func(parts ...string) string {
		return "Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\n" + strings.Join(parts, "\r\n--X\r\n") + "\r\n--X--\r\n"
	}
	nested := "Content-Type: text/plain\r\n\r\ndeep\r\n"
	for i := range 40 {
		nested = fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n%s\r\n--b%d--\r\n", i, i, nested, i)
	}
	long := strings.Repeat("mot ", 20_000)
	cases := []struct{ what, content, want string }{
		{"plain", "Subject: x\r\n\r\nBonjour,\r\n\r\n\r\n\r\nà  demain.\r\n", "Bonjour,\n\nà demain."},
		{"nothing", "", ""},
		{"no header", "\r\nBonjour", "Bonjour"},
		{"no body", "Subject: x\r\n\r\n", ""},
		{"no message", "\x00\xff\xfe", ""},
		{"Latin 1", "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\xe9t\xe9", "été"},
		{"an alphabet that nobody knows", "Content-Type: text/plain; charset=klingon\r\n\r\nBonjour \xff", "Bonjour "[:7]},
		{"an encoding that nobody knows", "Content-Type: text/plain\r\nContent-Transfer-Encoding: rot13\r\n\r\nBonjour", "Bonjour"},
		{"quoted-printable", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A9t=C3=A9", "été"},
		{"base64 that is cut off", "Content-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte("Bonjour à tous"))[:12], "Bonjour \xc3"[:7]},
		{"HTML", "Content-Type: text/html\r\n\r\n<html><head><title>T</title><style>p{}</style></head><body><p>Un</p><p>Deux &amp; <b>trois</b><script>alert(1)</script>", "Un\n\nDeux & trois"},
		{"HTML that is open", "Content-Type: text/html\r\n\r\n<style>a{} <p>Un", ""},
		{"the plain one of two", mixed("Content-Type: text/html\r\n\r\n<p>Page", "Content-Type: text/plain\r\n\r\nTexte"), "Texte"},
		{"not an attachment", mixed("Content-Type: text/plain\r\nContent-Disposition: attachment; filename=x.txt\r\n\r\nFichier", "Content-Type: text/plain\r\n\r\nTexte"), "Texte"},
		{"only a picture", mixed("Content-Type: image/png\r\n\r\nPNG"), ""},
		{"a part that is cut off", "Content-Type: multipart/mixed; boundary=X\r\n\r\n--X\r\nContent-Type: text/plain\r\n\r\nDébut", "Début"},
		{"parts within parts", nested, ""},
		{"no boundary", "Content-Type: multipart/mixed\r\n\r\nBonjour", ""},
		{"markup", "Content-Type: text/plain\r\n\r\n<script>alert(1)</script>", "<script>alert(1)</script>"},
		{"turned round", "\r\nfact\u202eexe.\u2066pdf\u0007\u200b", "factexe.pdf"},
	}
	modelstest.Each(t, func(t *testing.T, mw *modelstest.World) {
		w := newWorld(t, mw)
		for _, c := range cases {
			id := w.ListMessage(t, equipeAddress, "held", "", "", c.content)
			p := w.messages(t, models.MessagesQuery{})
			if got := p.Held[0].Excerpt; strings.TrimSpace(got) != c.want {
				t.Errorf("%s: %q, want %q", c.what, got, c.want)
			}
			must(t, w.approve(t, w.Alice, id))
		}
		for what, content := range map[string]string{
			"one long line": "\r\n" + long, "many lines": "\r\n" + strings.Repeat("ligne\r\n", 1000), "a header of 1 MB": "X: " + strings.Repeat("a", 1<<20) + "\r\n\r\nBonjour",
			"10,000 parts": mixed(strings.Split(strings.Repeat("Content-Type: image/png\r\n\r\nx|", 10_000), "|")...), "a bomb of tags": "Content-Type: text/html\r\n\r\n" + strings.Repeat("<div>", 50_000) + "x",
		} {
			id := w.ListMessage(t, equipeAddress, "held", "", "", content)
			began := time.Now()
			got := w.messages(t, models.MessagesQuery{}).Held[0].Excerpt
			if lines := strings.Count(got, "\n"); utf8.RuneCountInString(got) > 720 || lines > 12 || time.Since(began) > 2*time.Second {
				t.Errorf("%s: %d characters in %d lines after %v", what, utf8.RuneCountInString(got), lines, time.Since(began))
			}
			must(t, w.approve(t, w.Alice, id))
		}
	})
}

// Support keeps lists, and reads nobody's mail (R36).
func TestSupportIsNotShownWhatAHeldMessageSays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.held(t, "Un")
		if p := w.messages(t, models.MessagesQuery{}); p.Withheld || p.Held[0].Excerpt != "Bonjour." {
			t.Errorf("the owner reads %+v", p.Held[0])
		}
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Change)
		p := got[*models.MessagePage](t)(w.Store.Messages(t.Context(), sam, cast.Garrigue, equipe, models.MessagesQuery{}))
		if !p.Withheld || len(p.Held) != 1 || p.Held[0].Excerpt != "" || p.Held[0].Subject != "Un" {
			t.Errorf("support reads %+v", p.Held)
		}
	})
}
