package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// queue is the database as the role mandat_lists sees it. All times are the
// database's own: any number of processes go by one clock.
type queue struct{ pool *pgxpool.Pool }

// Bounds on the database's side; the role has its own too.
const (
	maxConnections = 8
	connectTimeout = 5 * time.Second
	queryTimeout   = 10 * time.Second
)

func openQueue(ctx context.Context, address string) (*queue, error) {
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errors.New("MANDAT_LISTS_DATABASE_URL: not an address of a database")
	}
	config.MaxConns = maxConnections
	config.ConnConfig.ConnectTimeout = connectTimeout
	config.ConnConfig.RuntimeParams["application_name"] = "mandat-listd"
	config.ConnConfig.RuntimeParams["statement_timeout"] = fmt.Sprint(queryTimeout.Milliseconds())
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return &queue{pool}, nil
}

func (q *queue) close() { q.pool.Close() }

// check says whether the database answers and has what is needed.
func (q *queue) check(ctx context.Context) error {
	_, err := q.pool.Exec(ctx, `SELECT (SELECT count(*) FROM mlist.lists WHERE false) + (SELECT count(*) FROM mlist.subscribers WHERE false) + (SELECT count(*) FROM mlist.moderators WHERE false)
		+ (SELECT count(*) FROM mlist.forwards WHERE false) + (SELECT count(*) FROM mlist.messages WHERE false) + (SELECT count(*) FROM mlist.deliveries WHERE false)
		+ (SELECT count(*) FROM mlist.confirmations WHERE false) + (SELECT count(*) FROM mlist.links WHERE false) + (SELECT count(*) FROM mlist.requests WHERE false)`)
	if err != nil {
		return fmt.Errorf("read the views of the list service: %w", err)
	}
	return nil
}

// list is a mailing list.
type list struct {
	ID                                                   int64
	Address, Domain, OwnerEmail, ReplyTo, Language, Post string
}

const postModerated, postSubscribers = "moderated", "subscribers"

var errNone = errors.New("there is no such thing")

func (q *queue) list(ctx context.Context, address string) (*list, error) {
	var l list
	err := q.pool.QueryRow(ctx, "SELECT id, address, domain, owner_email, reply_to, language, posting FROM mlist.lists WHERE address = $1", address).
		Scan(&l.ID, &l.Address, &l.Domain, &l.OwnerEmail, &l.ReplyTo, &l.Language, &l.Post)
	return &l, none(err)
}

func none(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return errNone
	}
	return err
}

// belongs says whether an address is a subscriber, a moderator or the owner of a list.
func (q *queue) belongs(ctx context.Context, l *list, email string) (yes bool, err error) {
	err = q.pool.QueryRow(ctx, `SELECT $2 = $3 OR EXISTS (SELECT FROM mlist.subscribers WHERE list_id = $1 AND email = $2) OR EXISTS (SELECT FROM mlist.moderators WHERE list_id = $1 AND email = $2)`,
		l.ID, email, l.OwnerEmail).Scan(&yes)
	return yes, err
}

// message is one that is kept: to a list, through a redirection, or a letter of the service's own.
type message struct {
	ID              int64
	ListID          *int64 // nil: of no list
	Base            string // what comes back goes to it, with a detail
	Sender          string // of the envelope; "" for what nothing must come back of
	Author, Subject string
	Content         []byte
	State, Token    string
	Reason          string
}

// tx runs fn in a transaction.
func (q *queue) tx(ctx context.Context, fn func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, q.pool, fn)
}

// keep writes a message and gives its id.
func keep(ctx context.Context, tx pgx.Tx, m *message) error {
	if m.Token == "" {
		m.Token = newToken()
	}
	return tx.QueryRow(ctx, `INSERT INTO mlist.messages (list_id, base, sender, author, subject, size_bytes, content, state, token, received_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now()) RETURNING id`,
		m.ListID, m.Base, m.Sender, m.Author, m.Subject, len(m.Content), m.Content, m.State, m.Token).Scan(&m.ID)
}

// keepFor writes a message to one recipient.
func keepFor(ctx context.Context, tx pgx.Tx, m *message, to string) error {
	m.State = "sending"
	if err := keep(ctx, tx, m); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "INSERT INTO mlist.deliveries (message_id, recipient, token, next_at) VALUES ($1, $2, $3, now())", m.ID, to, newToken())
	return err
}

// expand makes a row for each who subscribes at this moment, and his link.
func expand(ctx context.Context, tx pgx.Tx, id, listID int64) error {
	if _, err := tx.Exec(ctx, "INSERT INTO mlist.links (token, list_id, email) SELECT "+tokenSQL+", s.list_id, s.email FROM mlist.subscribers s WHERE s.list_id = $1 ON CONFLICT (list_id, email) DO NOTHING", listID); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "INSERT INTO mlist.deliveries (message_id, recipient, token, next_at) SELECT $1, s.email, "+tokenSQL+", now() FROM mlist.subscribers s WHERE s.list_id = $2", id, listID)
	return err
}

// request asks the panel for something.
func request(ctx context.Context, tx pgx.Tx, listID int64, kind, email string, messageID *int64) error {
	_, err := tx.Exec(ctx, "INSERT INTO mlist.requests (list_id, kind, email, message_id, asked_at) VALUES ($1, $2, $3, $4, now())", listID, kind, email, messageID)
	return err
}

// returned is what a bounce is about.
type returned struct {
	MessageID                      int64
	ListID                         *int64
	Recipient, State, Sender, Base string
}

// delivery finds what a token in an envelope names.
func (q *queue) delivery(ctx context.Context, token string) (*returned, error) {
	var r returned
	err := q.pool.QueryRow(ctx, "SELECT d.message_id, m.list_id, d.recipient, d.state, m.sender, m.base FROM mlist.deliveries d JOIN mlist.messages m ON m.id = d.message_id WHERE d.token = $1", token).
		Scan(&r.MessageID, &r.ListID, &r.Recipient, &r.State, &r.Sender, &r.Base)
	return &r, none(err)
}

// known says whether a token of a word is one that somebody was given.
func (q *queue) known(ctx context.Context, r recipient) (yes bool, err error) {
	statement := map[string]string{
		wordBounces: "SELECT EXISTS (SELECT FROM mlist.deliveries WHERE token = $1)",
		wordConfirm: "SELECT EXISTS (SELECT FROM mlist.confirmations WHERE token = $1 AND expires_at > now())",
		wordAccept:  "SELECT EXISTS (SELECT FROM mlist.messages WHERE token = $1 AND state = 'held')",
		wordReject:  "SELECT EXISTS (SELECT FROM mlist.messages WHERE token = $1 AND state = 'held')",
	}[r.word]
	err = q.pool.QueryRow(ctx, statement, r.token).Scan(&yes)
	return yes, err
}

// Lives of what is kept.
const (
	heldFor         = "14 days"
	confirmationFor = "3 days"
	askedAgainAfter = "1 hour"
	keptFor         = "30 days" // for what may still come back
	pruneBatch      = 1000
)

// prune ends what has waited for too long, and forgets what is long past.
func (q *queue) prune(ctx context.Context) error {
	for _, statement := range []string{
		"UPDATE mlist.messages SET state = 'expired', settled_at = now(), content = '' WHERE state = 'held' AND received_at < now() - interval '" + heldFor + "'",
		"DELETE FROM mlist.confirmations WHERE expires_at < now()",
		fmt.Sprintf("DELETE FROM mlist.messages WHERE id IN (SELECT id FROM mlist.messages WHERE settled_at < now() - interval '%s' LIMIT %d)", keptFor, pruneBatch),
	} {
		if _, err := q.pool.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
