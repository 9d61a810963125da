package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/jackc/pgx/v5"
)

// sender hands copies to Postfix.
type sender struct {
	db     *queue
	smtp   string
	origin string
	log    *slog.Logger
}

// How copies are taken up. A process that ends leaves what it had taken to the
// others after lease.
const (
	batch        = 100
	lease        = "5 minutes"
	giveUpAfter  = "5 days"
	pollEvery    = 5 * time.Second
	pruneEvery   = 10 * time.Minute
	smtpTimeout  = time.Minute
	answerLength = 300
)

// run sends until ctx ends. It is woken by the database, and looks by itself too.
func (s *sender) run(ctx context.Context) error {
	woken := make(chan struct{}, 1)
	go s.listen(ctx, woken)
	pruned := time.Time{}
	for ctx.Err() == nil {
		if time.Since(pruned) > pruneEvery {
			pruned = time.Now()
			if err := s.db.prune(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("what is past stays for now", "error", err)
			}
		}
		some, err := s.round(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("nothing is sent for now", "error", err)
		}
		if some && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-woken:
		case <-time.After(pollEvery):
		}
	}
	return nil
}

// listen tells when there is something to do (LISTEN), and comes back when the
// database was away.
func (s *sender) listen(ctx context.Context, woken chan<- struct{}) {
	for ctx.Err() == nil {
		err := func() error {
			conn, err := s.db.pool.Acquire(ctx)
			if err != nil {
				return err
			}
			defer conn.Release()
			if _, err := conn.Exec(ctx, "LISTEN mandat_lists"); err != nil {
				return err
			}
			for {
				if _, err := conn.Conn().WaitForNotification(ctx); err != nil {
					_ = conn.Conn().Close(context.WithoutCancel(ctx)) // not back into the pool, where it would go on listening
					return err
				}
				select {
				case woken <- struct{}{}:
				default:
				}
			}
		}()
		if ctx.Err() == nil {
			s.log.Debug("not told by the database", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// round does what there is to do once; some says that there may be more.
func (s *sender) round(ctx context.Context) (some bool, err error) {
	if err := s.settle(ctx); err != nil {
		return false, err
	}
	copies, err := s.take(ctx)
	if err != nil || len(copies) == 0 {
		return false, err
	}
	return true, s.sendAll(ctx, copies)
}

// settle carries out what was decided about held messages.
func (s *sender) settle(ctx context.Context) error {
	for {
		done := true
		err := s.db.tx(ctx, func(tx pgx.Tx) error {
			var id, listID int64
			err := tx.QueryRow(ctx, "SELECT id, list_id FROM mlist.messages WHERE state = 'approved' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED").Scan(&id, &listID)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			done = false
			if _, err := tx.Exec(ctx, "UPDATE mlist.messages SET state = 'sending' WHERE id = $1", id); err != nil {
				return err
			}
			return expand(ctx, tx, id, listID)
		})
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	for {
		done := true
		err := s.db.tx(ctx, func(tx pgx.Tx) error {
			m, l := &message{}, &list{}
			err := tx.QueryRow(ctx, `SELECT m.id, m.sender, m.subject, m.reason, l.id, l.address, l.domain, l.language FROM mlist.messages m JOIN mlist.lists l ON l.id = m.list_id
				WHERE m.state = 'rejected' AND m.content <> '' ORDER BY m.id LIMIT 1 FOR UPDATE OF m SKIP LOCKED`).Scan(&m.ID, &m.Sender, &m.Subject, &m.Reason, &l.ID, &l.Address, &l.Domain, &l.Language)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			done = false
			if _, err := tx.Exec(ctx, "UPDATE mlist.messages SET content = '' WHERE id = $1", m.ID); err != nil {
				return err
			}
			return (&post{db: s.db, origin: s.origin}).write(ctx, tx, l, m.Sender, rejectedLetter(l, m))
		})
		if err != nil || done {
			return err
		}
	}
}

// one is a copy on its way.
type one struct {
	message          int64
	recipient, token string
}

// take leases copies whose time has come.
func (s *sender) take(ctx context.Context) ([]one, error) {
	rows, err := s.db.pool.Query(ctx, `UPDATE mlist.deliveries d SET next_at = now() + interval '`+lease+`', attempts = d.attempts + 1
		FROM (SELECT message_id, recipient FROM mlist.deliveries WHERE state = 'waiting' AND next_at <= now() ORDER BY next_at LIMIT $1 FOR UPDATE SKIP LOCKED) due
		WHERE d.message_id = due.message_id AND d.recipient = due.recipient RETURNING d.message_id, d.recipient, d.token`, batch)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (o one, err error) {
		err = r.Scan(&o.message, &o.recipient, &o.token)
		return o, err
	})
}

// outgoing is a message as it goes out.
type outgoing struct {
	message
	address string // of its list; "" for others
}

// sendAll hands copies over, by one connection.
func (s *sender) sendAll(ctx context.Context, copies []one) error {
	messages := map[int64]*outgoing{}
	c, err := dial(ctx, s.smtp)
	if err != nil {
		err = fmt.Errorf("reach the mail server: %w", err)
		for _, o := range copies {
			err = errors.Join(err, s.later(ctx, o, err))
		}
		return err
	}
	defer c.Close()
	for _, o := range copies {
		m := messages[o.message]
		if m == nil {
			if m, err = s.load(ctx, o.message); err != nil {
				return err
			}
			messages[o.message] = m
		}
		if err := s.send(ctx, c, m, o); err != nil {
			return err
		}
	}
	_ = c.Quit() // all is said
	for id := range messages {
		_, err = s.db.pool.Exec(ctx, `UPDATE mlist.messages SET state = 'sent', settled_at = now(), content = '' WHERE id = $1 AND state = 'sending'
			AND NOT EXISTS (SELECT FROM mlist.deliveries WHERE message_id = $1 AND state = 'waiting')`, id)
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *sender) load(ctx context.Context, id int64) (*outgoing, error) {
	m := &outgoing{}
	err := s.db.pool.QueryRow(ctx, "SELECT m.id, m.list_id, m.base, m.sender, m.content, COALESCE(l.address, '') FROM mlist.messages m LEFT JOIN mlist.lists l ON l.id = m.list_id WHERE m.id = $1", id).
		Scan(&m.ID, &m.ListID, &m.Base, &m.Sender, &m.Content, &m.address)
	return m, err
}

// send hands one copy over and writes down what became of it. The error is one
// of the connection or the database: nothing more goes this way.
func (s *sender) send(ctx context.Context, c *smtp.Client, m *outgoing, o one) error {
	lines, err := s.own(ctx, m, o)
	if err != nil {
		return err
	}
	from := ""
	if m.Sender != "" {
		from = withDetail(m.Base, wordBounces+"-"+o.token)
	}
	err = hand(c, from, o.recipient, lines, m.Content)
	var refusal *smtp.SMTPError
	switch {
	case err == nil:
		_, err = s.db.pool.Exec(context.WithoutCancel(ctx), "UPDATE mlist.deliveries SET state = 'sent', answer = '' WHERE message_id = $1 AND recipient = $2", o.message, o.recipient)
		return err
	case errors.As(err, &refusal) && refusal.Code/100 == 5:
		if err := s.fail(ctx, m, o, refusal); err != nil {
			return err
		}
		return c.Reset()
	case errors.As(err, &refusal):
		if err := s.later(ctx, o, refusal); err != nil {
			return err
		}
		return c.Reset()
	}
	return errors.Join(err, s.later(ctx, o, err))
}

// own are the lines that only this copy has.
func (s *sender) own(ctx context.Context, m *outgoing, o one) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Mandat-Delivery: %s\r\n", o.token)
	if m.address == "" {
		return b.Bytes(), nil
	}
	var link string
	err := s.db.pool.QueryRow(ctx, "SELECT token FROM mlist.links WHERE list_id = $1 AND email = $2", m.ListID, o.recipient).Scan(&link)
	unsubscribe := "<mailto:" + withDetail(m.address, wordUnsubscribe) + ">"
	switch {
	case errors.Is(err, pgx.ErrNoRows): // has left the list meanwhile
		fmt.Fprintf(&b, "List-Unsubscribe: %s\r\n", unsubscribe)
	case err != nil:
		return nil, err
	default:
		fmt.Fprintf(&b, "List-Unsubscribe: <%s/unsubscriptions/%s>,\r\n %s\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", s.origin, link, unsubscribe)
	}
	return b.Bytes(), nil
}

// hand gives one copy to Postfix.
func hand(c *smtp.Client, from, to string, lines, content []byte) error {
	options := &smtp.MailOptions{}
	if ok, _ := c.Extension("8BITMIME"); ok {
		options.Body = smtp.Body8BitMIME
	}
	if ok, _ := c.Extension("SMTPUTF8"); ok && wide(content) {
		options.UTF8 = true
	}
	if err := c.Mail(from, options); err != nil {
		return err
	}
	if err := c.Rcpt(to, nil); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(lines); err != nil {
		return err
	}
	if _, err := w.Write(content); err != nil {
		return err
	}
	return w.Close()
}

// wide says whether the headers have octets beyond ASCII (RFC 6532).
func wide(content []byte) bool {
	head, _, _ := bytes.Cut(content, []byte("\r\n\r\n"))
	return bytes.IndexFunc(head, func(r rune) bool { return r > 127 }) >= 0
}

// later tries a copy again after a while, each longer than the one before, and
// gives it up in the end.
func (s *sender) later(ctx context.Context, o one, cause error) error {
	_, err := s.db.pool.Exec(context.WithoutCancel(ctx), `UPDATE mlist.deliveries d SET answer = $3,
		next_at = now() + least(interval '4 hours', interval '15 seconds' * power(2, least(d.attempts, 12) - 1)),
		state = CASE WHEN (SELECT m.received_at FROM mlist.messages m WHERE m.id = d.message_id) < now() - interval '`+giveUpAfter+`' THEN 'failed' ELSE d.state END
		WHERE message_id = $1 AND recipient = $2`, o.message, o.recipient, cut(cause))
	return err
}

// fail ends a copy that is refused for good. It counts as what came back.
func (s *sender) fail(ctx context.Context, m *outgoing, o one, cause error) error {
	s.log.Info("a copy is refused", "message", o.message, "error", cause)
	return s.db.tx(context.WithoutCancel(ctx), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE mlist.deliveries SET state = 'failed', answer = $3 WHERE message_id = $1 AND recipient = $2", o.message, o.recipient, cut(cause)); err != nil {
			return err
		}
		if m.ListID == nil {
			return nil
		}
		return request(ctx, tx, *m.ListID, "bounced", o.recipient, nil)
	})
}

func cut(err error) string {
	text := readable(err.Error())
	return text[:min(len(text), answerLength)]
}

// dial connects to Postfix's port for mail from this machine, in clear.
func dial(ctx context.Context, address string) (*smtp.Client, error) {
	conn, err := (&net.Dialer{Timeout: smtpTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := smtp.NewClient(conn)
	c.CommandTimeout, c.SubmissionTimeout = smtpTimeout, smtpTimeout
	if err := c.Hello("localhost"); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}
