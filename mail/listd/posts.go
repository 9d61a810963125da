package main

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// States of a message.
const (
	stateHeld    = "held"
	stateSending = "sending"
)

// post takes a message that was written to a list: it is in the database, with a
// row for each recipient or held for a moderator, or refused.
func (s *service) post(ctx context.Context, l *list, m *letter) error {
	if err := s.mayTake(ctx, l, m); err != nil {
		return err
	}
	row := &stored{
		list: l.id, base: l.address, sender: m.sender, author: m.header.readable("from"), subject: m.header.readable("subject"),
		content: m.content, state: stateSending, token: newToken(), digest: digestOf(m, l.address),
	}
	if l.posting == postingModerated {
		row.state = stateHeld
	}
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		id, err := insert(ctx, tx, row)
		if err != nil || id == 0 {
			return err
		}
		if row.state == stateHeld {
			return s.tellModerators(ctx, tx, l, row)
		}
		return expand(ctx, tx, id, l.id)
	})
	if err == nil {
		s.log.Info("a message to a list", "list", l.address, "state", row.state, "octets", len(m.content))
	}
	return err
}

// mayTake says what is wrong with a message to a list; nil for nothing.
func (s *service) mayTake(ctx context.Context, l *list, m *letter) error {
	switch {
	case m.header.loops(l.address):
		return errLoop
	case m.header.answered():
		return errAutomatic
	}
	if l.posting == postingSubscribers { // Postfix asked about the envelope; what readers see is the field
		authors := m.header.from()
		may, err := mayPost(ctx, s.db, l, authors)
		if err == nil && !(may && len(authors) == 1 && m.header.count("from") == 1) {
			err = errClosed
		}
		if err != nil {
			return err
		}
	}
	if err := s.roomToSend(ctx, true); err != nil {
		return err
	}
	return s.roomForAll(ctx, l, len(m.content))
}

// tellModerators writes to everybody who may decide about a held message.
func (s *service) tellModerators(ctx context.Context, tx pgx.Tx, l *list, m *stored) error {
	rows, err := tx.Query(ctx, "SELECT o.email FROM mlist.moderators o WHERE o.list_id = $1 ORDER BY o.email LIMIT 100", l.id)
	if err != nil {
		return err
	}
	moderators, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	if len(moderators) == 0 {
		moderators = []string{l.owner}
	}
	text := excerpt(m.content)
	for _, to := range moderators {
		if err := s.enqueue(ctx, tx, s.heldNotice(l, to, m, text)); err != nil {
			return err
		}
	}
	return nil
}
