package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// How long things are kept.
const (
	heldFor     = 14 * 24 * time.Hour // a message without a decision
	keptFor     = 30 * 24 * time.Hour // rows of a message that is settled: so long may something come back
	tidyEach    = time.Minute
	tidyAtOnce  = 200
	trustFor    = time.Minute // a connection that only listens
	listenAgain = 5 * time.Second
)

// keep does what the panel's decisions ask for as soon as they are made, and
// tidies up, until ctx ends.
func (s *service) keep(ctx context.Context, wake <-chan struct{}) {
	var tidied time.Time
	for ctx.Err() == nil {
		more, err := s.carryOut(ctx)
		if err == nil && !more {
			more, err = s.answerConfirmed(ctx)
		}
		if err == nil && time.Since(tidied) > tidyEach {
			tidied, err = time.Now(), s.tidy(ctx)
		}
		switch {
		case ctx.Err() != nil:
		case err != nil:
			s.log.Warn("decisions have to wait", "error", err)
			pause(ctx, lookAgain)
		case !more:
			select {
			case <-ctx.Done():
			case <-wake:
			case <-time.After(lookAgain):
			}
		}
	}
}

// carryOut takes one message that was decided about: the approved goes out, the
// author of the rejected is told, unless a machine wrote it. False when there is
// none.
func (s *service) carryOut(ctx context.Context) (did bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		m := &stored{}
		var reason string
		did, err = one(ctx, tx, []any{&m.id, &m.list, &m.state, &m.sender, &m.subject, &m.content, &reason}, `SELECT m.id, m.list_id, m.state, m.sender, m.subject,
			substr(m.content, 1, $1), m.reason FROM mlist.messages m WHERE (m.state = 'approved' OR m.state = 'rejected' AND length(m.content) > 0) AND m.list_id IN (SELECT l.id FROM mlist.lists l)
			ORDER BY m.id LIMIT 1 FOR UPDATE SKIP LOCKED`, maxHeader)
		if !did {
			return err
		}
		if m.state == "approved" {
			if _, err := tx.Exec(ctx, "UPDATE mlist.messages m SET state = 'sending' WHERE m.id = $1", m.id); err != nil {
				return err
			}
			return expand(ctx, tx, m.id, m.list)
		}
		l, err := listByID(ctx, tx, m.list)
		if err != nil || l == nil { // it went this moment
			return err
		}
		if _, machine := answerable(m.letter()); machine == nil {
			if err := s.enqueue(ctx, tx, s.rejectedNotice(l, m, reason)); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, "UPDATE mlist.messages m SET content = '' WHERE m.id = $1", m.id)
		return err
	})
	return did, err
}

// expire takes one message that nobody decided about in time. Its author is told
// only when they are of the list: what comes to a moderated list and nobody looks
// at is mostly spam, whose senders are forged, and a letter would reach people who
// have nothing to do with it. False when there is none.
func (s *service) expire(ctx context.Context) (did bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		m := &stored{}
		did, err = one(ctx, tx, []any{&m.id, &m.list, &m.sender, &m.subject, &m.content}, `SELECT m.id, m.list_id, m.sender, m.subject, substr(m.content, 1, $2)
			FROM mlist.messages m WHERE m.state = 'held' AND m.received_at < now() - $1::interval AND m.list_id IN (SELECT l.id FROM mlist.lists l)
			LIMIT 1 FOR UPDATE SKIP LOCKED`, heldFor, maxHeader)
		if !did {
			return err
		}
		if err := s.tellExpired(ctx, tx, m); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE mlist.messages m SET state = 'expired', settled_at = now(), content = '' WHERE m.id = $1", m.id)
		return err
	})
	return did, err
}

// tellExpired tells the author of a message that nobody decided about it.
func (s *service) tellExpired(ctx context.Context, tx pgx.Tx, m *stored) error {
	l, err := listByID(ctx, tx, m.list)
	if err != nil || l == nil {
		return err
	}
	author, machine := answerable(m.letter())
	if machine != nil {
		return nil
	}
	if known, err := mayPost(ctx, tx, l, []string{author}); err != nil || !known {
		return err
	}
	return s.enqueue(ctx, tx, s.expiredNotice(l, m))
}

// answerConfirmed takes one request that was confirmed and is not before the
// panel any more, and tells who asked whether it was carried out. False when
// there is none.
func (s *service) answerConfirmed(ctx context.Context) (did bool, err error) {
	err = s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var token, email string
		var list int64
		var wants purpose
		did, err = one(ctx, tx, []any{&token, &list, &wants, &email}, `SELECT c.token, c.list_id, c.kind, c.email FROM mlist.confirmations c WHERE c.confirmed_at IS NOT NULL
			AND NOT EXISTS (SELECT FROM mlist.requests r WHERE r.list_id = c.list_id AND r.kind = c.kind AND r.email = c.email) LIMIT 1 FOR UPDATE SKIP LOCKED`)
		if !did {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM mlist.confirmations c WHERE c.token = $1", token); err != nil {
			return err
		}
		l, err := listByID(ctx, tx, list)
		if err != nil || l == nil { // it receives nothing, and says nothing
			return err
		}
		var subscribes bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM mlist.subscribers m WHERE m.list_id = $1 AND m.email = $2)", list, email).Scan(&subscribes); err != nil {
			return err
		}
		return s.enqueue(ctx, tx, s.confirmedNotice(l, wants, email, subscribes == (wants == forSubscribe)))
	})
	return did, err
}

// tidy ends what has waited too long and removes what is old, a bounded part at
// a time.
func (s *service) tidy(ctx context.Context) error {
	for range tidyAtOnce {
		if did, err := s.expire(ctx); err != nil {
			return err
		} else if !did {
			break
		}
	}
	for _, q := range []struct {
		query string
		args  []any
	}{
		{`UPDATE mlist.messages m SET state = 'sent', settled_at = now(), content = '' WHERE m.id IN
			(SELECT o.id FROM mlist.messages o WHERE o.state = 'sending' AND NOT EXISTS (SELECT FROM mlist.deliveries d WHERE d.message_id = o.id AND d.state = 'waiting') LIMIT $1 FOR UPDATE SKIP LOCKED)`, []any{tidyAtOnce}},
		{"DELETE FROM mlist.confirmations c WHERE c.token IN (SELECT o.token FROM mlist.confirmations o WHERE o.expires_at < now() LIMIT $1 FOR UPDATE SKIP LOCKED)", []any{tidyAtOnce}},
	} {
		if _, err := s.exec(ctx, q.query, q.args...); err != nil {
			return err
		}
	}
	for range tidyAtOnce { // each takes its deliveries along, which may be many
		removed, err := s.exec(ctx, `DELETE FROM mlist.messages m WHERE m.id IN
			(SELECT o.id FROM mlist.messages o WHERE o.received_at < now() - $1::interval AND o.settled_at < now() - $1::interval LIMIT 1 FOR UPDATE SKIP LOCKED)`, keptFor)
		if err != nil || removed == 0 {
			return err
		}
	}
	return nil
}

// exec runs one statement, bounded, and counts its rows.
func (s *service) exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	tag, err := s.db.Exec(ctx, query, args...)
	return tag.RowsAffected(), err
}

// hear wakes the others when the database says that something is new. Without
// it they look by themselves.
func (s *service) hear(ctx context.Context) {
	for ctx.Err() == nil {
		if err := s.listenTo(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("new mail is looked for every few seconds only", "error", err)
			pause(ctx, listenAgain)
		}
	}
}

func (s *service) listenTo(ctx context.Context) error {
	limit, cancel := limited(ctx)
	conn, err := pgx.ConnectConfig(limit, s.db.Config().ConnConfig)
	cancel()
	if err != nil {
		return err
	}
	defer func() {
		limit, cancel := limited(context.WithoutCancel(ctx))
		defer cancel()
		_ = conn.Close(limit)
	}()
	limit, cancel = limited(ctx)
	_, err = conn.Exec(limit, "LISTEN mandat_lists")
	cancel()
	for err == nil {
		s.wakeAll()
		wait, cancel := context.WithTimeout(ctx, trustFor)
		_, err = conn.WaitForNotification(wait)
		cancel()
		if err != nil && ctx.Err() == nil && pgconn.Timeout(err) {
			limit, cancel := limited(ctx)
			err = conn.Ping(limit)
			cancel()
		}
	}
	return err
}

// wakeAll has everybody look.
func (s *service) wakeAll() {
	for _, wake := range s.wake {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}
