package main

import (
	"context"
	"errors"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/jackc/pgx/v5"
)

// How copies go out. A lease must outlive what is sent under it: a copy is begun
// only while there is time for all of it.
const (
	batchSize   = 100 // copies of one message that are leased at once
	lease       = 3 * time.Minute
	sendLimit   = time.Minute // for one copy
	lookAgain   = 5 * time.Second
	unreachable = 20 * time.Second // until Postfix is tried again
	asleep      = 3 * time.Hour    // until a list is asked again that receives nothing for now
	memoryAgain = time.Second      // until a copy is tried again for which there was no memory
	soonAgain   = 5 * time.Second
	soonTimes   = 15             // that is 75 seconds: see retryIn
	maxAttempts = soonTimes + 37 // over five days
	answerOf    = 500            // characters of an answer that are kept
)

// retryIn is how long a copy waits after an attempt. Who puts it off is our own
// Postfix, and most likely because its database was away, which it leaves alone
// for 60 seconds (dict_pgsql.c): so it is a few seconds until that is over for
// certain, then a minute, two, four, as far as four hours.
func retryIn(attempts int) time.Duration {
	if attempts <= soonTimes {
		return soonAgain
	}
	return min(time.Minute<<min(attempts-soonTimes-1, 20), 4*time.Hour)
}

// carry sends what is due until ctx ends, over one connection at a time.
func (s *service) carry(ctx context.Context, wake <-chan struct{}) {
	for ctx.Err() == nil {
		sent, err := s.carryWhatIsDue(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			s.log.Warn("copies have to wait", "error", err)
			pause(ctx, lookAgain)
		case !sent:
			select {
			case <-ctx.Done():
			case <-wake:
			case <-time.After(lookAgain):
			}
		}
	}
}

// carryWhatIsDue sends batch after batch over one connection; false when
// nothing was due.
func (s *service) carryWhatIsDue(ctx context.Context) (sent bool, err error) {
	box := &postbox{to: s.smtp}
	defer box.close()
	for ctx.Err() == nil {
		b, err := s.lease(ctx)
		if err != nil || b == nil {
			return sent, err
		}
		sent = true
		if err := s.send(ctx, box, b); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// batch is copies of one message that this process may send.
type batch struct {
	stored
	list    *list // nil: of a redirection, or of the service's own
	header  header
	copies  []delivery
	expires time.Time // of the lease, by our clock
}

// delivery is one copy.
type delivery struct {
	recipient, token string
	attempts         int
}

// lease takes copies that are due, all of one message, for a while: whoever dies
// meanwhile leaves them to others. nil when nothing is due.
func (s *service) lease(ctx context.Context) (*batch, error) {
	ctx, cancel := limited(context.WithoutCancel(ctx)) // or the database might lease what we never hear of
	defer cancel()
	b := &batch{expires: time.Now().Add(lease)}
	rows, err := s.db.Query(ctx, `WITH first AS (
			SELECT d.message_id FROM mlist.deliveries d WHERE d.state = 'waiting' AND d.next_at <= now() ORDER BY d.next_at LIMIT 1 FOR UPDATE SKIP LOCKED),
		due AS (
			SELECT d.message_id, d.recipient FROM mlist.deliveries d WHERE d.message_id = (SELECT message_id FROM first) AND d.state = 'waiting' AND d.next_at <= now()
			LIMIT $1 FOR UPDATE SKIP LOCKED)
		UPDATE mlist.deliveries d SET next_at = now() + $2, attempts = d.attempts + 1 FROM due
		WHERE d.message_id = due.message_id AND d.recipient = due.recipient RETURNING d.message_id, d.recipient, d.token, d.attempts`, batchSize, lease)
	if err != nil {
		return nil, err
	}
	b.copies, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (d delivery, err error) {
		err = r.Scan(&b.id, &d.recipient, &d.token, &d.attempts)
		return d, err
	})
	if err != nil || len(b.copies) == 0 {
		return nil, err
	}
	return b, nil
}

// send sends a batch, and marks each copy before it begins the next. What it
// does not come to is given back.
func (s *service) send(ctx context.Context, box *postbox, b *batch) error {
	links, release, err := s.prepare(ctx, b)
	defer release()
	switch {
	case errors.Is(err, errMemory):
		s.giveBack(ctx, b, memoryAgain)
		return nil
	case err != nil:
		s.giveBack(ctx, b, unreachable)
		return err
	}
	for len(b.copies) > 0 {
		if ctx.Err() != nil || time.Until(b.expires) < sendLimit+2*queryLimit {
			s.giveBack(ctx, b, 0)
			return nil
		}
		if err := box.open(ctx); err != nil {
			if ctx.Err() != nil {
				continue
			}
			s.giveBack(ctx, b, unreachable)
			return err
		}
		d := b.copies[0]
		link := ""
		if token := links[d.recipient]; token != "" {
			link = s.origin + "/unsubscriptions/" + token
		}
		answer, err := box.send(b, d, link)
		if err := s.mark(ctx, b, d, answer, err); err != nil {
			return err
		}
		b.copies = b.copies[1:]
		if errors.Is(err, errLost) {
			box.close()
		}
	}
	return s.settle(ctx, b.id)
}

// settle ends the message of a batch if that was the last one.
func (s *service) settle(ctx context.Context, id int64) error {
	ctx, cancel := limited(context.WithoutCancel(ctx))
	defer cancel()
	return settle(ctx, s.db, id)
}

// errMemory is that other messages fill the memory that there is for sending.
var errMemory = errors.New("there is no memory for one more message")

// prepare reads the message of a batch and its list. Who has left the list
// meanwhile gets no copy; a list that receives nothing for now sends nothing. The
// caller releases the memory, whatever the error.
func (s *service) prepare(ctx context.Context, b *batch) (links map[string]string, release func(), err error) {
	ctx, cancel := limited(context.WithoutCancel(ctx))
	defer cancel()
	release = func() {}
	var of *int64
	var size int64
	found, err := one(ctx, s.db, []any{&of, &b.base, &b.sender, &size}, "SELECT m.list_id, m.base, m.sender, length(m.content) FROM mlist.messages m WHERE m.id = $1", b.id)
	if err != nil {
		return nil, release, err
	}
	if !found { // with its list, at this moment
		b.copies = nil
		return nil, release, nil
	}
	if of != nil {
		b.stored.list = *of
		if b.list, err = listByID(ctx, s.db, *of); err != nil {
			return nil, release, err
		}
		if b.list == nil {
			return nil, release, s.putToSleep(ctx, b)
		}
		if links, err = s.linksOf(ctx, b); err != nil {
			return nil, release, err
		}
	}
	size = min(size, s.sendable()) // one that was taken when larger ones were
	if !s.sent.TryAcquire(size) {
		return nil, release, errMemory
	}
	release = func() { s.sent.Release(size) }
	if _, err = one(ctx, s.db, []any{&b.content}, "SELECT m.content FROM mlist.messages m WHERE m.id = $1", b.id); err != nil {
		return nil, release, err
	}
	b.header = splitHeader(b.content)
	return links, release, nil
}

// putToSleep leaves the copies of a batch, and all others of its message, until
// its list may receive again. That was no attempt, however often it is found so.
func (s *service) putToSleep(ctx context.Context, b *batch) error {
	tokens := make([]string, len(b.copies))
	for i, d := range b.copies {
		tokens[i] = d.token
	}
	b.copies = nil
	_, err := s.db.Exec(ctx, `UPDATE mlist.deliveries d SET next_at = now() + $2, attempts = d.attempts - CASE WHEN d.token = ANY ($3) THEN 1 ELSE 0 END
		WHERE d.message_id = $1 AND d.state = 'waiting'`, b.id, asleep, tokens)
	return err
}

// linksOf gives each recipient their link out of the list, and leaves out who
// subscribes no more.
func (s *service) linksOf(ctx context.Context, b *batch) (map[string]string, error) {
	emails, tokens := make([]string, len(b.copies)), make([]string, len(b.copies))
	for i, d := range b.copies {
		emails[i], tokens[i] = d.recipient, newToken()
	}
	_, err := s.db.Exec(ctx, `INSERT INTO mlist.links (token, list_id, email) SELECT u.token, m.list_id, m.email
		FROM unnest($2::text[], $3::text[]) AS u (email, token) JOIN mlist.subscribers m ON m.list_id = $1 AND m.email = u.email ON CONFLICT DO NOTHING`, b.list.id, emails, tokens)
	if err != nil {
		return nil, err
	}
	rows, err := s.db.Query(ctx, "SELECT k.email, k.token FROM mlist.links k WHERE k.list_id = $1 AND k.email = ANY ($2)", b.list.id, emails)
	if err != nil {
		return nil, err
	}
	links := map[string]string{}
	var email, token string
	if _, err := pgx.ForEachRow(rows, []any{&email, &token}, func() error { links[email] = token; return nil }); err != nil {
		return nil, err
	}
	var stay []delivery
	var gone []string
	for _, d := range b.copies {
		if links[d.recipient] != "" {
			stay = append(stay, d)
		} else {
			gone = append(gone, d.recipient)
		}
	}
	b.copies = stay
	if len(gone) > 0 {
		_, err = s.db.Exec(ctx, "DELETE FROM mlist.deliveries d WHERE d.message_id = $1 AND d.recipient = ANY ($2) AND d.state = 'waiting'", b.id, gone)
	}
	return links, err
}

// giveBack ends the lease of the copies of a batch that were not begun, while it
// holds; they are due again in a while.
func (s *service) giveBack(ctx context.Context, b *batch, in time.Duration) {
	if len(b.copies) == 0 || time.Now().After(b.expires) {
		return
	}
	ctx, cancel := limited(context.WithoutCancel(ctx))
	defer cancel()
	tokens := make([]string, len(b.copies))
	for i, d := range b.copies {
		tokens[i] = d.token
	}
	_, err := s.db.Exec(ctx, "UPDATE mlist.deliveries d SET next_at = now() + $2, attempts = d.attempts - 1 WHERE d.message_id = $3 AND d.token = ANY ($1) AND d.state = 'waiting'", tokens, in, b.id)
	if err != nil {
		s.log.Warn("leased copies go out when their lease is over", "error", err)
	}
}

// mark writes down what became of a copy. It tries for as long as the lease
// holds: a copy that was sent and not marked would be sent again.
func (s *service) mark(ctx context.Context, b *batch, d delivery, answer string, failure error) error {
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), b.expires)
	defer cancel()
	for {
		err := s.markOnce(ctx, b, d, answer, failure)
		if err == nil || ctx.Err() != nil {
			return err
		}
		s.log.Warn("a copy that was sent cannot be marked yet", "error", err)
		pause(ctx, time.Second)
	}
}

func (s *service) markOnce(ctx context.Context, b *batch, d delivery, answer string, failure error) error {
	answer = cut(oneLine(answer), answerOf)
	if failure == nil {
		_, err := s.db.Exec(ctx, "UPDATE mlist.deliveries d SET state = 'sent', answer = $3 WHERE d.message_id = $1 AND d.recipient = $2 AND d.state = 'waiting'", b.id, d.recipient, answer)
		return err
	}
	var refusal *smtp.SMTPError
	final := errors.As(failure, &refusal) && refusal.Code/100 == 5 && !errors.Is(failure, errNotHere) || d.attempts >= maxAttempts
	if !final {
		_, err := s.db.Exec(ctx, "UPDATE mlist.deliveries d SET next_at = now() + $4, answer = $3 WHERE d.message_id = $1 AND d.recipient = $2 AND d.state = 'waiting'", b.id, d.recipient, answer, retryIn(d.attempts))
		return err
	}
	return s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "UPDATE mlist.deliveries d SET state = 'failed', answer = $3 WHERE d.message_id = $1 AND d.recipient = $2 AND d.state = 'waiting'", b.id, d.recipient, answer)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		s.log.Info("a copy cannot be sent", "message", b.id, "answer", answer)
		if b.list != nil {
			return countBounce(ctx, tx, b.list.id, d.recipient, statusOf(answer))
		}
		if b.sender == "" || b.base == "" {
			return nil
		}
		return s.enqueueBytes(ctx, tx, "", b.sender, "", undelivered(b.base, b.sender, d.recipient, answer, b.header, time.Now()))
	})
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
