package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"example.org/mandat/mail/rights"
)

// Bounds on what waits in the database.
const (
	maxHeld       = 200       // messages of one list that a moderator has not decided about
	maxHeldOctets = 200 << 20 // and all of them together
	maxCopied     = 2 << 30   // octets of all copies of one message
	maxWaiting    = 200_000   // copies that have not gone out: of lists, and of all else
	maxStored     = 4 << 30   // octets of messages that have not gone out, likewise
	loadFor       = 5 * time.Second
)

// queryLimit is how long the database may take for what is one answer of ours.
// Postfix waits for twice as long (main.cf).
const queryLimit = 5 * time.Second

// What a list says about answers, when it is no address.
const (
	replyToList   = "list"
	replyToSender = "sender"
)

// Who may write to a list.
const (
	postingSubscribers = "subscribers"
	postingModerated   = "moderated"
)

// list is a list as the panel has it now.
type list struct {
	id                                                 int64
	address, domain, owner, replyTo, language, posting string
}

const listColumns = "l.id, l.address, l.domain, l.owner_email, l.reply_to, l.language, l.posting"

func (l *list) dest() []any {
	return []any{&l.id, &l.address, &l.domain, &l.owner, &l.replyTo, &l.language, &l.posting}
}

// querier is the pool, or a transaction.
type querier interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
	Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error)
}

// limited bounds what a question to the database may take.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, queryLimit)
}

// one reads one row; false when there is none.
func one(ctx context.Context, q querier, dest []any, query string, args ...any) (bool, error) {
	err := q.QueryRow(ctx, query, args...).Scan(dest...)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// inTx runs fn in a transaction that is bounded as a whole.
func (s *service) inTx(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, 4*queryLimit)
	defer cancel()
	return pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error { return fn(ctx, tx) })
}

// readList finds a list by its address; nil when there is none that receives mail.
func readList(ctx context.Context, q querier, address string) (*list, error) {
	l := &list{}
	found, err := one(ctx, q, l.dest(), "SELECT "+listColumns+" FROM mlist.lists l WHERE l.address = $1", address)
	if !found {
		return nil, err
	}
	return l, nil
}

// listByID finds a list that receives mail; nil when there is none.
func listByID(ctx context.Context, q querier, id int64) (*list, error) {
	l := &list{}
	found, err := one(ctx, q, l.dest(), "SELECT "+listColumns+" FROM mlist.lists l WHERE l.id = $1", id)
	if !found {
		return nil, err
	}
	return l, nil
}

// moderates says whether an address decides about the messages of a list: as a
// moderator or, of a list without any, as its owner.
func moderates(ctx context.Context, q querier, l *list, email string) (may bool, err error) {
	err = q.QueryRow(ctx, `SELECT EXISTS (SELECT FROM mlist.moderators m WHERE m.list_id = $1 AND m.email = $2)
		OR $3 = $2 AND NOT EXISTS (SELECT FROM mlist.moderators m WHERE m.list_id = $1)`, l.id, email, l.owner).Scan(&may)
	return may, err
}

// mayPost says whether one of the addresses is of somebody of the list.
func mayPost(ctx context.Context, q querier, l *list, addresses []string) (may bool, err error) {
	err = q.QueryRow(ctx, `SELECT $3 = ANY ($2) OR EXISTS (SELECT FROM mlist.subscribers m WHERE m.list_id = $1 AND m.email = ANY ($2))
		OR EXISTS (SELECT FROM mlist.moderators m WHERE m.list_id = $1 AND m.email = ANY ($2))`, l.id, addresses, l.owner).Scan(&may)
	return may, err
}

// stored is a message on its way, or the one that is to be put there.
type stored struct {
	id      int64
	list    int64  // 0: of a redirection, or the service's own
	base    string // what comes back goes to a sub-address of it; "": nothing may come back
	sender  string
	author  string
	subject string
	content []byte
	state   string
	token   string
	digest  string // by which it is known when it is handed over again; "" for mail of our own
}

// letter is the message as it was handed to us.
func (m *stored) letter() *letter {
	return &letter{sender: m.sender, content: m.content, header: splitHeader(m.content)}
}

// digestOf knows a message that Postfix hands over a second time: its trace
// makes the octets its own.
func digestOf(l *letter, to string) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s\x00%s\x00", to, l.sender)
	sum.Write(l.content)
	return hex.EncodeToString(sum.Sum(nil))
}

// insert keeps a message, and gives its id; 0 when it is here already.
func insert(ctx context.Context, q querier, m *stored) (id int64, err error) {
	var of *int64
	if m.list != 0 {
		of = &m.list
	}
	_, err = one(ctx, q, []any{&id}, `INSERT INTO mlist.messages (list_id, base, sender, author, subject, size_bytes, content, state, token, digest, received_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now()) ON CONFLICT (digest) WHERE digest <> '' DO NOTHING RETURNING id`,
		of, m.base, m.sender, m.author, m.subject, len(m.content), m.content, m.state, m.token, m.digest)
	return id, err
}

// deliver makes the rows of a message's recipients.
func deliver(ctx context.Context, q querier, id int64, recipients []string) error {
	tokens := make([]string, len(recipients))
	for i := range tokens {
		tokens[i] = newToken()
	}
	_, err := q.Exec(ctx, `INSERT INTO mlist.deliveries (message_id, recipient, token, next_at)
		SELECT $1, u.recipient, u.token, now() FROM unnest($2::text[], $3::text[]) AS u (recipient, token)`, id, recipients, tokens)
	return err
}

// expand makes a row for each who subscribes at this moment.
func expand(ctx context.Context, q querier, id, list int64) error {
	rows, err := q.Query(ctx, "SELECT m.email FROM mlist.subscribers m WHERE m.list_id = $1 ORDER BY m.email", list)
	if err != nil {
		return err
	}
	recipients, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	if err := deliver(ctx, q, id, recipients); err != nil || len(recipients) > 0 {
		return err
	}
	return settle(ctx, q, id)
}

// settle ends a message of which no copy waits any more.
func settle(ctx context.Context, q querier, id int64) error {
	_, err := q.Exec(ctx, `UPDATE mlist.messages m SET state = 'sent', settled_at = now(), content = ''
		WHERE m.id = $1 AND m.state = 'sending' AND NOT EXISTS (SELECT FROM mlist.deliveries d WHERE d.message_id = m.id AND d.state = 'waiting')`, id)
	return err
}

// request asks the panel for something.
func request(ctx context.Context, q querier, list int64, kind, email string, message int64) error {
	var of *int64
	if message != 0 {
		of = &message
	}
	_, err := q.Exec(ctx, "INSERT INTO mlist.requests (list_id, kind, email, message_id, asked_at) VALUES ($1, $2, $3, $4, now())", list, kind, email, of)
	return err
}

// load remembers for a moment how much waits: of lists, and of all else.
type load struct {
	mu    sync.Mutex
	until [2]time.Time
	full  [2]bool
}

// full says that nothing more can be taken for now, of lists or of all else:
// what a list has waiting holds up no redirection. What waits for a moderator is
// bounded by the list.
func (s *service) full(ctx context.Context, ofList bool) (bool, error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	which := 0
	if ofList {
		which = 1
	}
	s.load.mu.Lock()
	defer s.load.mu.Unlock()
	if time.Now().Before(s.load.until[which]) {
		return s.load.full[which], nil
	}
	var copies, octets int64
	err := s.db.QueryRow(ctx, `SELECT (SELECT count(*) FROM (SELECT FROM mlist.deliveries d JOIN mlist.messages m ON m.id = d.message_id WHERE d.state = 'waiting' AND (m.list_id IS NOT NULL) = $2 LIMIT $1) AS n),
		(SELECT COALESCE(sum(m.size_bytes), 0) FROM mlist.messages m WHERE m.state IN ('approved', 'sending') AND (m.list_id IS NOT NULL) = $2)`, maxWaiting, ofList).Scan(&copies, &octets)
	if err != nil {
		return false, err
	}
	s.load.full[which], s.load.until[which] = copies >= maxWaiting || octets >= maxStored, time.Now().Add(loadFor)
	if s.load.full[which] {
		s.log.Warn("too much waits to go out; nothing more is taken for now", "of lists", ofList, "copies", copies, "octets", octets)
	}
	return s.load.full[which], nil
}

// check says whether the service could work, a line for each part; the answer
// is the exit status.
func (s *service) check(ctx context.Context, w io.Writer) int {
	status := 0
	say := func(part string, err error) {
		if err != nil {
			status = 1
			fmt.Fprintf(w, "%s: %v\n", part, err)
			return
		}
		fmt.Fprintf(w, "%s: ok\n", part)
	}
	ctx, cancel := limited(ctx)
	defer cancel()
	say("database", s.checkDatabase(ctx))
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.smtp)
	if err == nil {
		p := &postbox{conn: &deadlined{Conn: conn}}
		err = p.greet()
		p.close()
	}
	say("smtp "+s.smtp, err)
	return status
}

// checkDatabase asks for every right that the service uses.
func (s *service) checkDatabase(ctx context.Context) error {
	var missing []string
	err := s.db.QueryRow(ctx, `SELECT array_agg(w.need) FILTER (WHERE NOT has_table_privilege(split_part(w.need, ' ', 1), split_part(w.need, ' ', 2)))
		FROM unnest($1::text[]) AS w (need)`, rights.Lists).Scan(&missing)
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("the role may not: %v; run `mandat migrate`, then roles.sql", missing)
	}
	return err
}
