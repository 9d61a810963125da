package main

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/emersion/go-smtp"
)

// Whether a message finds room. Postfix asks about each recipient at RCPT, with
// the size that was announced, and once more about the message when it is there,
// with its true size: a server that announced none is told by an answer too, and
// nobody by a letter.
//
// A recipient is refused when no mailbox that its mail would be kept in has room,
// and none of its mail goes elsewhere: a refusal is for all of its targets, so
// one that would have had the message decides. Of the others Dovecot, which has
// the last word at delivery, tells the author by a letter. So it is with the
// recipients of a message that is there, since it can only be refused to all.
//
// What the filters of a mailbox would do is not looked at: they are about a
// message that nobody has read yet.

// grows is what a message may gain between the answer and its mailbox: the trace
// fields of Postfix and Dovecot, and what a milter adds.
const grows = 4 << 10

// boundless is the room of what keeps nothing here.
const boundless = math.MaxInt64

// errNoRoom is for the author. The words are those of Dovecot.
var errNoRoom = refuse(552, smtp.EnhancedCode{5, 2, 2}, "Mailbox is full")

// quotaTalk is one connection of Postfix's about room. It keeps of one message
// what was found out at RCPT, however many recipients there are: so the question
// about its true size costs no statement.
type quotaTalk struct {
	s        *service
	instance string // Postfix's name of the message
	room     int64  // of the recipient that has the most
}

// action is what Postfix is to do about a request. Trouble of ours is never a
// yes, as in the question about lists.
func (t *quotaTalk) action(ctx context.Context, request map[string]string) string {
	var err error
	switch request["protocol_state"] {
	case "RCPT":
		err = t.recipient(ctx, request)
	case "END-OF-MESSAGE":
		err = t.message(ctx, request)
	}
	return policyAction(t.s.answer(err))
}

// recipient says whether one recipient has room for what was announced, and
// keeps how much. A message is over when the next one is asked about on its
// connection (SMTPD_POLICY_README of Postfix).
func (t *quotaTalk) recipient(ctx context.Context, request map[string]string) error {
	room, err := t.s.room(ctx, request["recipient"])
	if err != nil {
		return err
	}
	if err := fits(request, room); err != nil {
		return err
	}
	if instance := request["instance"]; instance != t.instance {
		t.instance, t.room = instance, room
	}
	t.room = max(t.room, room)
	return nil
}

// message says whether any of the recipients has room for a message that is
// there. Over a connection that is not the one of RCPT Postfix names the
// recipient if there is only one; of several, Dovecot decides.
func (t *quotaTalk) message(ctx context.Context, request map[string]string) error {
	recipient := request["recipient"]
	switch {
	case t.instance != "" && request["instance"] == t.instance:
		return fits(request, t.room)
	case recipient == "":
		return nil
	}
	room, err := t.s.room(ctx, recipient)
	if err != nil {
		return err
	}
	return fits(request, room)
}

// fits is errNoRoom when a message is too large for the room. Where no size was
// announced there must be room for something.
func fits(request map[string]string, room int64) error {
	size, err := strconv.ParseInt(request["size"], 10, 64)
	if err != nil {
		size = 0
	}
	if size > room-grows {
		return errNoRoom
	}
	return nil
}

// room is how large a message to an address may be for one mailbox at least to
// keep it; boundless when a way leads to what keeps nothing here, or nowhere.
func (s *service) room(ctx context.Context, address string) (int64, error) {
	base, ok := kept(address)
	if !ok {
		return boundless, nil
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	var free *int64
	if err := s.db.QueryRow(ctx, roomQuery, base).Scan(&free); err != nil {
		return 0, err
	}
	if free == nil {
		return boundless, nil
	}
	return *free, nil
}

// roomQuery follows the ways of an address as Postfix does: what has none of its
// own takes those of the catch-all. Each address is looked at once, so that a
// circle ends.
const roomQuery = `WITH RECURSIVE way (address, ends) AS (
  SELECT $1::text COLLATE "C", false
  UNION
  SELECT n.destination, n.ends FROM way w CROSS JOIN LATERAL (
    SELECT x.destination, x.ends, rank() OVER (ORDER BY x.address = w.address DESC) AS rank
      FROM mlist.ways x WHERE x.address IN (w.address, '@' || split_part(w.address, '@', 2))
  ) AS n WHERE NOT w.ends AND n.rank = 1
)
SELECT CASE WHEN bool_and(m.address IS NOT NULL) THEN max(m.free_bytes) END
  FROM way w LEFT JOIN mlist.mailboxes m ON m.address = w.address WHERE w.ends`

// kept is an address without its detail, as the panel has it; false for what no
// mailbox has: what a token of ours is about, and what is in no shape of the
// panel's.
func kept(address string) (base string, ok bool) {
	if r, ok := parseRecipient(address); ok && r.base == "" {
		return "", false
	}
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return "", false
	}
	name, _, _ := strings.Cut(address[:at], "+")
	return mailbox(name + address[at:])
}
