package main

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Bounds on what strangers make us write to others.
const (
	confirmFor  = 3 * 24 * time.Hour // how long a request can be confirmed
	askAgain    = time.Hour          // between two questions to one address about one list
	maxAsked    = 10                 // open questions to one address, of all lists
	answerAgain = time.Hour          // between two answers to one address about one list
	maxAnswered = 10_000             // that are remembered
)

// answerable is the address that an answer to a letter goes to: the sender of
// its envelope. No machine is answered.
func answerable(m *letter) (string, error) {
	if m.header.automatic() || m.header.bulk() {
		return "", errAutomatic
	}
	email, ok := mailbox(m.sender)
	if !ok {
		return "", errSender
	}
	return email, nil
}

// ask asks whoever wants to come to a list, or to leave it, to confirm that. Who
// subscribes already, or does not, is asked alike: the answer tells nothing.
func (s *service) ask(ctx context.Context, l *list, wants purpose, m *letter) error {
	email, err := answerable(m)
	if err != nil {
		return err
	}
	if err := s.roomToSend(ctx, false); err != nil {
		return err
	}
	return s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		var asked int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM mlist.confirmations c WHERE c.email = $1 AND c.expires_at > now() AND NOT (c.list_id = $2 AND c.kind = $3)", email, l.id, wants).Scan(&asked); err != nil {
			return err
		}
		if asked >= maxAsked {
			s.log.Warn("an address asks too much", "list", l.address)
			return nil
		}
		var token string
		due, err := one(ctx, tx, []any{&token}, `INSERT INTO mlist.confirmations AS c (token, list_id, kind, email, expires_at) VALUES ($1, $2, $3, $4, now() + $5)
			ON CONFLICT (list_id, email, kind) DO UPDATE SET expires_at = excluded.expires_at, confirmed_at = NULL WHERE c.expires_at < excluded.expires_at - $6::interval RETURNING c.token`,
			newToken(), l.id, wants, email, confirmFor, askAgain)
		if err != nil || !due {
			return err
		}
		return s.enqueue(ctx, tx, s.askNotice(l, wants, email, token))
	})
}

// confirm hands a request to the panel, which carries it out within a moment, or
// does not: the list may be full by now. What became of it is told afterwards, by
// answerConfirmed.
func (s *service) confirm(ctx context.Context, d *destination, m *letter) error {
	if m.header.automatic() || m.header.bulk() {
		return errAutomatic
	}
	err := s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "UPDATE mlist.confirmations c SET confirmed_at = now() WHERE c.token = $1 AND c.confirmed_at IS NULL", d.token)
		if err != nil || tag.RowsAffected() == 0 { // by another process, at this moment
			return err
		}
		return request(ctx, tx, d.list.id, string(d.wants), d.email, 0)
	})
	if err == nil {
		s.log.Info("a request was confirmed", "list", d.list.address, "wants", d.wants)
	}
	return err
}

// decisions are those of a moderator, as the panel knows them.
var decisions = map[purpose]string{forAccept: "approve", forReject: "reject", forDiscard: "discard"}

// decide hands the decision of a moderator to the panel. Who writes must be one:
// a notice that was passed on gives its reader no right.
func (s *service) decide(ctx context.Context, d *destination, m *letter) error {
	if m.header.automatic() {
		return errAutomatic
	}
	addresses := m.header.from()
	if envelope, ok := mailbox(m.sender); ok {
		addresses = append([]string{envelope}, addresses...)
	}
	for _, email := range addresses {
		moderator, err := moderates(ctx, s.db, d.list, email)
		if err != nil {
			return err
		}
		if moderator {
			kind := decisions[d.purpose]
			s.log.Info("a moderator decides", "list", d.list.address, "kind", kind)
			return request(ctx, s.db, d.list.id, kind, email, d.message)
		}
	}
	return errModerator
}

// help tells how to use a list.
func (s *service) help(ctx context.Context, l *list, m *letter) error {
	email, err := answerable(m)
	if err != nil {
		return err
	}
	if err := s.roomToSend(ctx, false); err != nil {
		return err
	}
	if !s.answered.first(l.address+" "+email, time.Now()) {
		return nil
	}
	return s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		return s.enqueue(ctx, tx, s.helpNotice(l, email))
	})
}

// throttle remembers for an hour what was answered, by this process.
type throttle struct {
	mu sync.Mutex
	at map[string]time.Time
}

// first says that there was no answer to that for an hour, and remembers this
// one. When too much is remembered, nothing more is answered.
func (t *throttle) first(what string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at == nil {
		t.at = map[string]time.Time{}
	}
	if len(t.at) >= maxAnswered {
		for key, at := range t.at {
			if now.Sub(at) > answerAgain {
				delete(t.at, key)
			}
		}
	}
	if at, known := t.at[what]; known && now.Sub(at) <= answerAgain || len(t.at) >= maxAnswered {
		return false
	}
	t.at[what] = now
	return true
}
