package main

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"

	"github.com/emersion/go-message"
	"github.com/jackc/pgx/v5"
)

// returned is the copy that something came back about.
type returned struct {
	message   int64
	token     string
	recipient string
	list      int64  // 0: of a forward
	sender    string // of the message
}

// readReturned finds a copy by its token; nil when it is forgotten by now.
func readReturned(ctx context.Context, q querier, token string) (*returned, error) {
	r := &returned{token: token}
	found, err := one(ctx, q, []any{&r.message, &r.recipient, &r.list, &r.sender}, `SELECT d.message_id, d.recipient, COALESCE(m.list_id, 0), m.sender
		FROM mlist.deliveries d JOIN mlist.messages m ON m.id = d.message_id WHERE d.token = $1`, token)
	if !found {
		return nil, err
	}
	return r, nil
}

// bounce takes what came back about a copy. When the copy did not arrive, and
// never will, a list's subscriber is counted, and the author of a forwarded
// message is told; both once. All else is of no consequence for a list: a delay, a
// receipt, the answer of somebody who is away.
func (s *service) bounce(ctx context.Context, c *returned, m *letter) error {
	o := outcomeOf(m)
	if !o.failed {
		return s.passBack(ctx, c, m)
	}
	return s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "UPDATE mlist.deliveries d SET state = 'bounced', answer = $3 WHERE d.message_id = $1 AND d.recipient = $2 AND d.state IN ('waiting', 'sent')",
			c.message, c.recipient, cut(o.answer(), toldOf))
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if err := settle(ctx, tx, c.message); err != nil {
			return err
		}
		if c.list != 0 {
			s.log.Info("a copy came back", "list", c.list, "status", o.status)
			return countBounce(ctx, tx, c.list, c.recipient, o.status)
		}
		if c.sender == "" { // nobody to tell: it was a notice of delivery itself
			return nil
		}
		return s.enqueueBytes(ctx, tx, m.header.readable("from"), c.sender, m.header.readable("subject"), m.content)
	})
}

// passBack gives the author of a forwarded message what came back about it and
// does not say that it never arrives: with an alias, they would have it. It is
// passed on when it is from nobody, and goes out from nobody: so nothing comes back
// from it, and no two machines answer each other. Of a copy it is one report (RFC
// 6522) and one answer, whatever a target sends, and however often Postfix hands
// it over.
func (s *service) passBack(ctx context.Context, c *returned, m *letter) error {
	if c.list != 0 || c.sender == "" || m.sender != "" {
		return nil
	}
	kind := "answer to "
	if strings.HasPrefix(strings.ToLower(m.header.get("content-type")), "multipart/report") {
		kind = "report of "
	}
	row := &stored{
		author: m.header.readable("from"), subject: m.header.readable("subject"), content: m.content,
		state: stateSending, token: newToken(), digest: digestOf(&letter{}, kind+c.token),
	}
	return s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		id, err := insert(ctx, tx, row)
		if err != nil || id == 0 {
			return err
		}
		return deliver(ctx, tx, id, []string{c.sender})
	})
}

// countBounce asks the panel to count a subscriber's bounce, if it says
// something about the subscriber: a message that is too large or looks like
// spam, or a server that refuses ours, would empty the list.
func countBounce(ctx context.Context, q querier, list int64, email, status string) error {
	if !aboutRecipient(status) {
		return nil
	}
	return request(ctx, q, list, "bounced", email, 0)
}

// aboutRecipient tells the codes of RFC 3463 that are about an address or the
// way to it from those that a message brings about by itself, its size, its
// content or the number of servers that it says it came through: whoever writes
// it would choose them, and so empty the list.
func aboutRecipient(status string) bool {
	_, detail, _ := strings.Cut(status, ".")
	switch detail {
	case "0.0", "4.1", "4.4", "4.7":
		return true
	case "1.7", "1.8", "2.3": // of the sender, and of the size
		return false
	}
	return strings.HasPrefix(detail, "1.") || strings.HasPrefix(detail, "2.")
}

// outcome is what a message says that came back.
type outcome struct {
	failed bool   // the copy did not arrive, and never will
	status string // as 5.1.1
	said   string // by the server
}

func (o outcome) answer() string { return strings.TrimSpace(o.status + " " + o.said) }

var statusShape = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}$`)

// outcomeOf reads a notice of delivery (RFC 3464). An action "failed" is final,
// whatever the status: after some days of 4.4.1 a server gives up. Servers that
// write no such notice are believed when they send from nobody and do not say
// that it is an answer of a person's machine.
func outcomeOf(m *letter) outcome {
	found, o := false, outcome{}
	eachPart(m.content, func(e *message.Entity) bool {
		kind, _, _ := e.Header.ContentType()
		if found = strings.EqualFold(kind, "message/delivery-status") || strings.EqualFold(kind, "message/global-delivery-status"); found {
			text, _ := io.ReadAll(io.LimitReader(e.Body, textOf)) // what was read is as much as there is
			o = readStatus(text)
		}
		return !found
	})
	if found || m.sender != "" || m.header.submitted() == "auto-replied" || m.header.bulk() {
		return o
	}
	return outcome{failed: true, status: "5.0.0"}
}

// readStatus reads the groups of fields of a notice: the first is about the
// message, each other about a recipient. Ours has one.
func readStatus(text []byte) (o outcome) {
	for range maxParts {
		group := splitHeader(text)
		if action, _, _ := strings.Cut(group.get("action"), " "); strings.EqualFold(action, "failed") {
			status, _, _ := strings.Cut(group.get("status"), " ")
			if !statusShape.MatchString(status) {
				status = "5.0.0"
			}
			_, said, _ := strings.Cut(group.get("diagnostic-code"), ";")
			return outcome{failed: true, status: status, said: oneLine(said)}
		}
		text = bytes.TrimLeft(group.rest, "\r\n")
		if len(text) == 0 {
			break
		}
	}
	return o
}
