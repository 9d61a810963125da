package main

import (
	"bytes"
	"context"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"
)

// notice is a short mail of the service's own. Whatever a stranger wrote is in
// its text, never in its header.
type notice struct {
	from, to, replyTo string
	answers           bool // it answers a mail (RFC 3834), instead of telling something
	words             wording
	say               []string // what stands for {name} in the words: pairs
}

// wording are a subject and a text.
type wording struct{ subject, text string }

// compose writes the message.
func (n *notice) compose(now time.Time) []byte {
	say := strings.NewReplacer(n.say...)
	submitted := "auto-generated"
	if n.answers {
		submitted = "auto-replied"
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: <%s>\r\nTo: <%s>\r\n", n.from, n.to)
	if n.replyTo != "" {
		fmt.Fprintf(&b, "Reply-To: <%s>\r\n", n.replyTo)
	}
	domain := n.from[strings.LastIndexByte(n.from, '@')+1:]
	fmt.Fprintf(&b, "Subject: %s\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: %s\r\nPrecedence: bulk\r\nX-Auto-Response-Suppress: All\r\n",
		mime.QEncoding.Encode("utf-8", oneLine(say.Replace(n.words.subject))), now.Format(time.RFC1123Z), newToken(), domain, submitted)
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(strings.ReplaceAll(say.Replace(n.words.text), "\n", "\r\n"))) // into memory
	_ = w.Close()
	return append(b.Bytes(), "\r\n"...)
}

// enqueue puts a notice among what is sent. Nothing comes back from it.
func (s *service) enqueue(ctx context.Context, q querier, n *notice) error {
	to, ok := mailbox(n.to)
	if !ok {
		return nil
	}
	return s.enqueueBytes(ctx, q, n.from, to, n.words.subject, n.compose(time.Now()))
}

func (s *service) enqueueBytes(ctx context.Context, q querier, author, to, subject string, content []byte) error {
	id, err := insert(ctx, q, &stored{author: author, subject: subject, content: content, state: stateSending, token: newToken()})
	if err != nil {
		return err
	}
	return deliver(ctx, q, id, []string{to})
}

// notice begins a notice of a list, in its language.
func (l *list) notice(to string, words map[string]wording, say ...string) *notice {
	n := &notice{from: sub(l.address, forOwner, ""), to: to, words: words["en"]}
	if w, known := words[l.language]; known {
		n.words = w
	}
	n.say = append(say, "{list}", l.address, "{to}", to, "{owner}", sub(l.address, forOwner, ""),
		"{subscribe}", sub(l.address, forSubscribe, ""), "{unsubscribe}", sub(l.address, forUnsubscribe, ""), "{help}", sub(l.address, forHelp, ""))
	return n
}

func (s *service) askNotice(l *list, wants purpose, email, token string) *notice {
	words := askSubscribe
	if wants == forUnsubscribe {
		words = askUnsubscribe
	}
	confirm := sub(l.address, forConfirm, token)
	n := l.notice(email, words, "{confirm}", confirm)
	n.replyTo, n.answers = confirm, true
	return n
}

// confirmedNotice tells whoever confirmed a request what became of it.
func (s *service) confirmedNotice(l *list, wants purpose, email string, done bool) *notice {
	words := hasSubscribed
	switch {
	case !done:
		words = notDone
	case wants == forUnsubscribe:
		words = hasUnsubscribed
	}
	n := l.notice(email, words)
	n.answers = true
	return n
}

func (s *service) helpNotice(l *list, email string) *notice {
	words := helpOpen
	switch l.posting {
	case postingSubscribers:
		words = helpSubscribers
	case postingModerated:
		words = helpModerated
	}
	n := l.notice(email, words)
	n.answers = true
	return n
}

// heldNotice tells a moderator that a message waits. What its author wrote is
// quoted, so that it cannot pass for ours.
func (s *service) heldNotice(l *list, to string, m *stored, text string) *notice {
	if text != "" {
		text = "> " + strings.ReplaceAll(text, "\n", "\n> ") + "\n"
	}
	name, _, _ := strings.Cut(l.address, "@")
	page := s.origin + "/services/" + l.domain + "/lists/" + name + "/messages"
	return l.notice(to, held, "{accept}", sub(l.address, forAccept, m.token), "{reject}", sub(l.address, forReject, m.token), "{discard}", sub(l.address, forDiscard, m.token), "{page}", page,
		"{author}", m.author, "{subject}", m.subject, "{size}", readableSize(len(m.content)), "{text}", text)
}

// rejectedNotice tells an author that a moderator turned a message away.
func (s *service) rejectedNotice(l *list, m *stored, reason string) *notice {
	words := rejected
	if reason != "" {
		words = rejectedReason
	}
	reason = "> " + strings.ReplaceAll(plain(reason), "\n", "\n> ")
	n := l.notice(m.sender, words, "{subject}", m.subject, "{reason}", reason)
	n.answers = true
	return n
}

// expiredNotice tells an author that nobody decided about a message.
func (s *service) expiredNotice(l *list, m *stored) *notice {
	n := l.notice(m.sender, expired, "{subject}", m.subject)
	n.answers = true
	return n
}

// readableSize is a number of octets in kB.
func readableSize(octets int) string {
	return fmt.Sprintf("%d", max(1, (octets+500)/1000))
}

// undelivered is the notice of delivery that tells the author of a forwarded
// message what became of it (RFC 3464).
func undelivered(base, sender, recipient, answer string, h header, now time.Time) []byte {
	domain := base[strings.LastIndexByte(base, '@')+1:]
	boundary := newToken()
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: <postmaster@%s>\r\nTo: <%s>\r\nSubject: Undelivered Mail Returned to Sender\r\nDate: %s\r\nMessage-ID: <%s@%s>\r\nAuto-Submitted: auto-replied\r\n",
		domain, sender, now.Format(time.RFC1123Z), newToken(), domain)
	fmt.Fprintf(&b, "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"%s\"\r\n\r\n--%[1]s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n", boundary)
	w := quotedprintable.NewWriter(&b)
	_, _ = fmt.Fprintf(w, "Your message to %s was sent on to %s,\r\nwhere it was not taken:\r\n\r\n%s\r\n", base, recipient, answer) // into memory
	_ = w.Close()
	status := statusOf(answer)
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; %s\r\n\r\nOriginal-Recipient: rfc822; %s\r\nFinal-Recipient: rfc822; %s\r\nAction: failed\r\nStatus: %s\r\nDiagnostic-Code: smtp; %s\r\n",
		boundary, domain, base, recipient, status, ascii(answer))
	fmt.Fprintf(&b, "\r\n--%s\r\nContent-Type: text/rfc822-headers\r\n\r\n", boundary)
	for _, f := range h.fields {
		if f.name != "" && b.Len()+len(f.raw) < maxHeader {
			b.Write(f.raw)
		}
	}
	fmt.Fprintf(&b, "\r\n--%s--\r\n", boundary)
	return b.Bytes()
}

// ascii is a text in one line without what a header field may not have.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r > '~' || r < ' ' {
			return '?'
		}
		return r
	}, oneLine(text))
}

// statusOf is the enhanced code of a server's answer (RFC 3463), as it is kept.
func statusOf(answer string) string {
	for word := range strings.FieldsSeq(answer) {
		if statusShape.MatchString(word) {
			return word
		}
	}
	return "5.0.0"
}
