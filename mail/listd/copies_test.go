package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-msgauth/dkim"

	"example.org/mandat/models"
)

var (
	dkimPublic, dkimPrivate, _ = ed25519.GenerateKey(nil)
	dkimFields                 = []string{"From", "To", "Subject", "Message-ID", "Received"}
)

// signed is a message with a signature over fields.
func signed(t testing.TB, content string, fields ...string) string {
	t.Helper()
	var b bytes.Buffer
	err := dkim.Sign(&b, strings.NewReader(strings.ReplaceAll(content, "\n", "\r\n")), &dkim.SignOptions{Domain: "else.example", Selector: "s", Signer: dkimPrivate, HeaderKeys: fields})
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

// holds says whether every signature of a message does, and that there is one.
func holds(t testing.TB, data string) bool {
	t.Helper()
	list, err := dkim.VerifyWithOptions(strings.NewReader(data), &dkim.VerifyOptions{LookupTXT: func(string) ([]string, error) {
		return []string{"v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(dkimPublic)}, nil
	}})
	return err == nil && len(list) > 0 && !slices.ContainsFunc(list, func(v *dkim.Verification) bool { return v.Err != nil })
}

func TestASignatureHoldsAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := w.list("signee", models.ListSettings{Posting: models.PostingEveryone, ReplyTo: models.ReplyToList}, member1)
	i := w.start()
	// Signed empty by the author's server, as some do to forbid it.
	over := []string{"Reply-To", "Precedence"}
	for n, c := range []struct {
		content string
		present []string // fields of the copy
		absent  []string
	}{
		{signed(t, letterFrom(outsider, "a"), dkimFields...), []string{"reply-to", "list-id", "list-unsubscribe", "precedence"}, nil},
		{signed(t, letterFrom(outsider, "b"), append(dkimFields, "Reply-To")...), []string{"list-id"}, []string{"reply-to"}},
		{signed(t, letterFrom(outsider, "c"), append(dkimFields, over...)...), []string{"mandat-loop", "list-id", "list-unsubscribe"}, []string{"reply-to", "precedence"}},
		{signed(t, letterFrom(outsider, "d", "Reply-To: x@y.example"), append(dkimFields, "Reply-To", "Reply-To")...), []string{"list-id", "reply-to"}, nil},
		{signed(t, letterFrom(outsider, "e", "List-Id: <of.another>", "List-Unsubscribe: <mailto:a@b.example>"), dkimFields...), []string{"list-id"}, nil},
		// As Exim signs: fields of lists that are not there.
		{
			signed(t, letterFrom(outsider, "f"), append(dkimFields, "List-Id", "List-Help", "List-Unsubscribe", "List-Subscribe", "List-Post", "List-Owner", "List-Archive")...),
			[]string{"mandat-loop", "precedence", "reply-to"},
			[]string{"list-id", "list-help", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe", "list-post", "list-owner"},
		},
		{signed(t, letterFrom(outsider, "g"), append(dkimFields, "List-Unsubscribe-Post")...), []string{"list-id", "list-unsubscribe"}, []string{"list-unsubscribe-post"}},
		{signed(t, letterFrom(outsider, "h", "List-Id: <of.another>", "List-Help: <mailto:c@b.example>"), append(dkimFields, "List-Id")...), []string{"list-id", "list-help", "list-unsubscribe-post"}, nil},
	} {
		i.takes(outsider, list, c.content)
		g := w.sink.await(t, member1, n+1)
		if !holds(t, g.data) {
			t.Errorf("the signature is broken:\n%s", g.data)
		}
		for _, name := range c.present {
			if g.header().get(name) == "" {
				t.Errorf("%d: no %s", n, name)
			}
		}
		for _, name := range c.absent {
			if g.header().get(name) != "" {
				t.Errorf("%d: %s", n, name)
			}
		}
	}
	unsigned := w.sink.to(member1)[4].header()
	if unsigned.count("list-id") != 1 || unsigned.get("list-id") != "<signee.garrigue.example>" || unsigned.count("list-unsubscribe") != 1 || !strings.Contains(unsigned.get("list-unsubscribe"), "/unsubscriptions/") {
		t.Error("another list's fields are there beside ours")
	}
	part := w.sink.to(member1)[7].header()
	if part.count("list-id") != 1 || part.get("list-id") != "<of.another>" || part.count("list-help") != 1 || part.get("list-help") != "<mailto:signee+help@garrigue.example>" {
		t.Error("what is signed of another list is not left, or what is not signed is")
	}
}

// A stranger signs fields of his own, so that they stay: the button of a mail
// program by which its user leaves the list would lead to him.
func TestTheWayOutOfAListIsAlwaysOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := w.list("sortie", models.ListSettings{Posting: models.PostingEveryone, ReplyTo: models.ReplyToList}, member1)
	i := w.start()
	for n, fields := range [][]string{
		{"DKIM-Signature: v=1; d=evil.example; h=from:list-id:list-id:list-unsubscribe:list-unsubscribe:list-unsubscribe-post", "List-Id: <evil.example>", "List-Unsubscribe: <https://evil.example/>", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"},
		{"DKIM-Signature: v=1; d=evil.example; h=from:list-unsubscribe:list-unsubscribe-post", "List-Unsubscribe: <https://evil.example/>"},
		{"DKIM-Signature: v=1; d=evil.example; h=from:list-unsubscribe:list-unsubscribe-post", "List-Unsubscribe-Post: List-Unsubscribe=One-Click"},
	} {
		i.takes(outsider, list, letterFrom(outsider, "a", fields...))
		h := w.sink.await(t, member1, n+1).header()
		if h.count("list-unsubscribe") != 1 || !strings.Contains(h.get("list-unsubscribe"), "/unsubscriptions/") || h.count("list-id") != 1 || h.count("list-unsubscribe-post") != 1 {
			t.Errorf("%d: it leads to %q", n, h.get("list-unsubscribe"))
		}
	}
}

func TestWhereAnAnswerGoes(t *testing.T) {
	l := &list{address: team, domain: "garrigue.example"}
	h := splitHeader([]byte("From: a@b.example\r\n\r\nx"))
	for setting, want := range map[string]string{replyToList: "<" + team + ">", replyToSender: "", "x@y.example": "<x@y.example>"} {
		l.replyTo = setting
		head := h.head(l.address, l, "", "token")
		if got := splitHeader(head).get("reply-to"); got != want || !bytes.HasSuffix(head, []byte("\r\nFrom: a@b.example\r\n")) {
			t.Errorf("%s: %q", setting, head)
		}
	}
}

func FuzzHead(f *testing.F) {
	f.Add([]byte("From: a@b.example\r\nList-Id: x\r\n\ty\r\n\r\nbody"), "https://panel.example/unsubscriptions/a")
	f.Add([]byte(" not a field\nDKIM-Signature: v=1; h=list-id:list-id; b=\n\n"), "")
	f.Add([]byte("\r\n\r\n"), "")
	f.Add([]byte("no header at all"), "")
	f.Add([]byte("A : b\nReturn-Path: <>\r\n\n"), "x")
	l := &list{address: team, domain: "garrigue.example", replyTo: replyToList}
	f.Fuzz(func(t *testing.T, content []byte, link string) {
		if strings.ContainsAny(link, "\r\n") {
			return
		}
		h := splitHeader(content)
		var all []byte
		for _, field := range h.fields {
			all = append(all, field.raw...)
		}
		if len(all) != h.size || !bytes.Equal(append(all, h.rest...), content) {
			t.Fatalf("%q is not %q", all, content)
		}
		before := bytes.Clone(content)
		head := h.head(l.address, l, link, "token")
		if !bytes.Equal(before, content) {
			t.Fatal("what came was changed")
		}
		again := splitHeader(append(bytes.Clone(head), h.rest...))
		if !bytes.Equal(again.rest, h.rest) && len(h.rest) > 0 {
			t.Fatalf("the header ends within %q", head)
		}
		ours := 0
		for line := range strings.Lines(string(head)) {
			if strings.HasPrefix(line, "Mandat-") {
				ours++
			}
			if ours == 2 && !strings.HasPrefix(line, "Mandat-") {
				break
			}
			if !strings.HasSuffix(line, "\r\n") || strings.Count(line, "\r") != 1 {
				t.Errorf("%q", line)
			}
		}
		_, _, _, _ = h.automatic(), h.bulk(), h.from(), h.readable("subject")
	})
}

func FuzzParseRecipient(f *testing.F) {
	for _, text := range []string{
		team, "equipe+subscribe@garrigue.example", "equipe+accept-" + strings.Repeat("a", 26) + "@garrigue.example", "postmaster+discard-" + strings.Repeat("a", 26) + "@garrigue.example", "confirm-" + strings.Repeat("a", 26) + "@forward.invalid", "12-" + strings.Repeat("0", 32) + "+x@forward.invalid",
		"bounces-" + strings.Repeat("7", 26) + "@forward.invalid", "x+owner+bounces-" + strings.Repeat("7", 26) + "@a.example", "@", "a@", "+@b.example", "", "a@b@c.example",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, ok := parseRecipient(text)
		if !ok {
			return
		}
		again, same := parseRecipient(strings.ToUpper(text))
		if ascii(text) == text && (!same || again != r) {
			t.Errorf("%q: %+v, %+v", text, r, again)
		}
		if r.base == "" && r.token == "" && r.purpose != forForward || r.base != "" && (r.purpose == forForward || r.purpose == forBounce) || strings.Contains(r.base, "+") || r.token != "" && !tokenShape.MatchString(r.token) {
			t.Errorf("%q: %+v", text, r)
		}
		if r.base != "" {
			if back, ok := parseRecipient(writtenAs(r)); !ok || back != r {
				t.Errorf("%+v: %+v", r, back)
			}
		}
	})
}

func writtenAs(r recipient) string {
	if r.purpose == forPost {
		return r.base
	}
	return sub(r.base, r.purpose, r.token)
}

func TestAStrangersTextIsNeverAHeader(t *testing.T) {
	s := &service{config: &config{origin: "https://panel.example"}}
	nasty := []string{"a\r\nBcc: victim@else.example", "a\nBcc: x\n\nbody", "\x00", "=?utf-8?q?a=0D=0ABcc:_x?=", "a\u2028Bcc: x", strings.Repeat("é", 3000), "\u202eevil", "\xff\xfe", "{accept}", "\r\n.\r\nMAIL FROM:<x@y.example>\r\n"}
	for _, text := range nasty {
		raw := "From: " + text + "\r\nSubject: " + text + "\r\n\r\n" + text
		h := splitHeader([]byte(raw))
		m := &stored{author: h.readable("from"), subject: h.readable("subject"), content: []byte(raw), sender: outsider, token: strings.Repeat("a", 26)}
		for _, language := range []string{"fr", "en", "de", ""} {
			l := &list{address: team, domain: "garrigue.example", language: language, owner: teamBoss}
			for kind, n := range map[string]*notice{
				"held": s.heldNotice(l, outsider, m, excerpt(m.content)), "rejected": s.rejectedNotice(l, m, plain(text)), "expired": s.expiredNotice(l, m), "help": s.helpNotice(l, outsider),
				"ask": s.askNotice(l, forSubscribe, outsider, m.token), "leave": s.askNotice(l, forUnsubscribe, outsider, m.token), "done": s.confirmedNotice(l, forUnsubscribe, outsider, true), "not done": s.confirmedNotice(l, forSubscribe, outsider, false),
			} {
				content := n.compose(fixed)
				h := splitHeader(content)
				if want := 11 + len(n.replyTo)/max(1, len(n.replyTo)); len(h.fields) != want || h.count("bcc") > 0 || !bytes.HasPrefix(h.rest, []byte("\r\n")) || h.get("to") != "<"+outsider+">" {
					t.Errorf("%s of %q:\n%s", kind, text, content)
				}
				if bytes.ContainsFunc(content, func(r rune) bool { return r > '~' }) || bytes.Contains(content, []byte("\n.\r\n")) || slices.ContainsFunc(bytes.Split(content, []byte("\r\n")), func(line []byte) bool { return len(line) > 900 }) {
					t.Errorf("%s of %q has octets or lines that a server may break:\n%s", kind, text, content)
				}
				if got := (got{data: string(content)}).text(); strings.Contains(got, "{list}") || strings.Contains(got, "{owner}") || strings.Contains(got, "{page}") {
					t.Errorf("%s is not complete:\n%s", kind, got)
				}
			}
		}
		report := undelivered(team, outsider, "x@y.example", oneLine(text), h, fixed)
		if h := splitHeader(report); len(h.fields) != 8 || h.count("bcc") > 0 {
			t.Errorf("%q:\n%s", text, report)
		}
	}
}

func TestBothLanguagesSayTheSame(t *testing.T) {
	for n, words := range []map[string]wording{askSubscribe, askUnsubscribe, hasSubscribed, hasUnsubscribed, notDone, helpOpen, helpSubscribers, helpModerated, held, rejected, rejectedReason, expired} {
		fr, en := words["fr"], words["en"]
		if a, b := placeholders(fr), placeholders(en); !slices.Equal(a, b) {
			t.Errorf("%d: %v, %v", n, a, b)
		}
		for _, mark := range []string{" :", " ;", " ?", " !", "'"} {
			if strings.Contains(fr.text+fr.subject, mark) {
				t.Errorf("%d: %q in %s", n, mark, fr.text)
			}
		}
	}
}

func placeholders(w wording) (list []string) {
	for part := range strings.SplitSeq(w.subject+" "+w.text, "{") {
		if name, _, found := strings.Cut(part, "}"); found {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestEveryAnswerHasItsCode(t *testing.T) {
	for _, err := range []error{errUnknown, errNull, errAutomatic, errClosed, errDecided, errModerator, errSender, errLoop, errHeld, errFull, errTrouble} {
		s := new(service)
		if got := s.answer(err); !errors.Is(got, err) || ascii(err.Error()) != err.Error() {
			t.Errorf("%v: %v", err, got)
		}
	}
}
