package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"github.com/emersion/go-smtp"
	"github.com/jackc/pgx/v5"
)

// post decides what becomes of each message that Postfix hands over.
type post struct {
	db     *queue
	origin string
	log    *slog.Logger
}

// Bounds on what waits for moderators, and on the way that a message has made.
const (
	maxHeld     = 200 // of one list
	maxReceived = 50
)

// deliver takes one message. An error of SMTP's is for the sender; any other may pass.
func (p *post) deliver(ctx context.Context, from, to string, content []byte) error {
	r, ok := parseRecipient(to)
	if !ok {
		return errUnknown
	}
	m := parse(content)
	var err error
	switch {
	case r.word == wordBounces:
		err = p.bounced(ctx, r.token, m)
	case r.list == "":
		err = p.forward(ctx, r, from, m)
	default:
		err = p.toList(ctx, r, strings.ToLower(from), m)
	}
	if errors.Is(err, errNone) {
		return errUnknown
	}
	return err
}

// toList takes what is for a list, or for one of its other addresses.
func (p *post) toList(ctx context.Context, r recipient, from string, m *parsed) error {
	l, err := p.db.list(ctx, r.list)
	if err != nil {
		return err
	}
	switch r.word {
	case "":
		return p.toSubscribers(ctx, l, from, m)
	case wordOwner:
		return p.toOwner(ctx, l, from, m)
	}
	// What a program wrote asks for nothing, and is not answered: two that
	// answer each other never end (RFC 3834, 2).
	if from == "" || m.automatic() {
		return nil
	}
	switch r.word {
	case wordHelp:
		return p.answer(ctx, l, from, help(l))
	case wordSubscribe, wordUnsubscribe:
		return p.ask(ctx, l, r.word, from)
	case wordConfirm:
		return p.confirm(ctx, l, r.token)
	}
	return p.decide(ctx, l, r, from)
}

// toSubscribers takes a message to a list.
func (p *post) toSubscribers(ctx context.Context, l *list, from string, m *parsed) error {
	if from == "" {
		return refused(smtp.EnhancedCode{5, 7, 1}, "A list takes no notices of delivery")
	}
	if err := m.loops(l.Address); err != nil {
		return err
	}
	if m.autoSubmitted() {
		return refused(smtp.EnhancedCode{5, 7, 1}, "A list takes nothing that was sent by itself (Auto-Submitted)")
	}
	if l.Post == postSubscribers {
		belongs, err := p.db.belongs(ctx, l, from)
		if err != nil {
			return err
		}
		if !belongs {
			return refused(smtp.EnhancedCode{5, 7, 1}, "Only subscribers write to this list, from the address that they subscribed")
		}
	}
	kept := &message{
		ListID: &l.ID, Base: l.Address, Sender: from, Author: m.author(), Subject: m.subject(), Content: m.forList(l, p.origin), State: "sending",
	}
	return p.db.tx(ctx, func(tx pgx.Tx) error {
		if l.Post == postModerated {
			return p.hold(ctx, tx, l, kept, m)
		}
		if err := keep(ctx, tx, kept); err != nil {
			return err
		}
		return expand(ctx, tx, kept.ID, l.ID)
	})
}

// hold keeps a message until a moderator has seen it, and tells them, or the
// owner of a list that has none.
func (p *post) hold(ctx context.Context, tx pgx.Tx, l *list, kept *message, m *parsed) error {
	var held int
	if err := tx.QueryRow(ctx, "SELECT count(*) FROM mlist.messages WHERE list_id = $1 AND state = 'held'", l.ID).Scan(&held); err != nil {
		return err
	}
	if held >= maxHeld {
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "Too many messages wait for the moderators of this list"}
	}
	kept.State = "held"
	if err := keep(ctx, tx, kept); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, "SELECT email FROM mlist.moderators WHERE list_id = $1 ORDER BY email", l.ID)
	if err != nil {
		return err
	}
	moderators, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	if len(moderators) == 0 {
		moderators = []string{l.OwnerEmail}
	}
	for _, to := range moderators {
		if err := p.write(ctx, tx, l, to, heldLetter(l, kept, m, p.origin)); err != nil {
			return err
		}
	}
	return nil
}

// toOwner hands a message to whom the list answers to.
func (p *post) toOwner(ctx context.Context, l *list, from string, m *parsed) error {
	if err := m.loops(withDetail(l.Address, wordOwner)); err != nil {
		return err
	}
	kept := &message{Base: l.Address, Sender: from, Author: m.author(), Subject: m.subject(), Content: m.marked(withDetail(l.Address, wordOwner))}
	return p.db.tx(ctx, func(tx pgx.Tx) error { return keepFor(ctx, tx, kept, l.OwnerEmail) })
}

// ask has somebody confirm what was asked for in his name. Who subscribes and who
// does not gets the same letter: nobody learns from it who is on a list.
func (p *post) ask(ctx context.Context, l *list, kind, email string) error {
	return p.db.tx(ctx, func(tx pgx.Tx) error {
		var token string
		err := tx.QueryRow(ctx, `INSERT INTO mlist.confirmations AS c (token, list_id, kind, email, expires_at) VALUES ($1, $2, $3, $4, now() + interval '`+confirmationFor+`')
			ON CONFLICT (list_id, email, kind) DO UPDATE SET token = excluded.token, expires_at = excluded.expires_at
			WHERE c.expires_at < now() + interval '`+confirmationFor+`' - interval '`+askedAgainAfter+`' RETURNING token`, newToken(), l.ID, kind, email).Scan(&token)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // asked a moment ago: no more letters
		}
		if err != nil {
			return err
		}
		return p.write(ctx, tx, l, email, confirmLetter(l, kind, token))
	})
}

// confirm takes the answer to such a letter.
func (p *post) confirm(ctx context.Context, l *list, token string) error {
	return p.db.tx(ctx, func(tx pgx.Tx) error {
		var kind, email string
		err := tx.QueryRow(ctx, "DELETE FROM mlist.confirmations WHERE token = $1 AND list_id = $2 AND expires_at > now() RETURNING kind, email", token, l.ID).Scan(&kind, &email)
		if err != nil {
			return none(err)
		}
		if err := request(ctx, tx, l.ID, kind, email, nil); err != nil {
			return err
		}
		return p.write(ctx, tx, l, email, doneLetter(l, kind))
	})
}

// decide takes a moderator's decision; whether he is one is the panel's to say.
func (p *post) decide(ctx context.Context, l *list, r recipient, from string) error {
	return p.db.tx(ctx, func(tx pgx.Tx) error {
		var id int64
		err := tx.QueryRow(ctx, "SELECT id FROM mlist.messages WHERE token = $1 AND list_id = $2 AND state = 'held'", r.token, l.ID).Scan(&id)
		if err != nil {
			return none(err)
		}
		kind := map[string]string{wordAccept: "approve", wordReject: "reject"}[r.word]
		return request(ctx, tx, l.ID, kind, from, &id)
	})
}

// answer writes one letter.
func (p *post) answer(ctx context.Context, l *list, to string, w letter) error {
	return p.db.tx(ctx, func(tx pgx.Tx) error { return p.write(ctx, tx, l, to, w) })
}

// write keeps a letter of the service's own. Nothing comes back of it: its
// envelope has no sender.
func (p *post) write(ctx context.Context, tx pgx.Tx, l *list, to string, w letter) error {
	return keepFor(ctx, tx, &message{Base: l.Address, Author: withDetail(l.Address, wordOwner), Subject: w.subject, Content: w.compose(l, to)}, to)
}

// forward sends on what a redirection leads out of the installation.
func (p *post) forward(ctx context.Context, r recipient, from string, m *parsed) error {
	var target, address, domain string
	err := p.db.pool.QueryRow(ctx, "SELECT target, address, domain FROM mlist.forwards WHERE redirection_id = $1 AND digest = $2", r.redirection, r.digest).Scan(&target, &address, &domain)
	if err != nil {
		return none(err)
	}
	base := address
	if strings.HasPrefix(address, "@") { // a catch-all
		base = "postmaster" + address
	}
	if err := m.loops(address + ">" + target); err != nil {
		return err
	}
	kept := &message{Base: base, Sender: from, Author: m.author(), Subject: m.subject(), Content: m.marked(address + ">" + target)}
	return p.db.tx(ctx, func(tx pgx.Tx) error { return keepFor(ctx, tx, kept, target) })
}

// bounced takes what came back. Of a list it counts against the subscriber; of a
// redirection it goes to whoever wrote.
func (p *post) bounced(ctx context.Context, token string, m *parsed) error {
	about, err := p.db.delivery(ctx, token)
	if err != nil {
		return err
	}
	if !m.failed() {
		return nil // late, or an answer that somebody's program sent
	}
	return p.db.tx(ctx, func(tx pgx.Tx) error {
		marked, err := tx.Exec(ctx, "UPDATE mlist.deliveries SET state = 'bounced' WHERE token = $1 AND state = 'sent'", token)
		if err != nil || marked.RowsAffected() == 0 {
			return err // told before
		}
		if about.ListID != nil {
			return request(ctx, tx, *about.ListID, "bounced", about.Recipient, nil)
		}
		if about.Sender == "" {
			return nil
		}
		return keepFor(ctx, tx, &message{Base: about.Base, Author: m.author(), Subject: m.subject(), Content: m.marked(about.Base)}, about.Sender)
	})
}
