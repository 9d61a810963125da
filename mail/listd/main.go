// Command listd is Mandat's list service: it carries what is written to a
// mailing list to its subscribers, and what a redirection sends out of the
// installation to its target. Postfix hands it mail by LMTP and asks it who may
// write, and of every address whether there is room; it gives mail back to
// Postfix by SMTP. The panel says what is true, in
// the views of schema mlist; what people ask for by mail goes back to the panel
// as rows of mlist.requests, and the panel carries it out.
//
// The files, along the way of a message:
//
//	config.go      what the environment says
//	address.go     what an address of a list means: list+subscribe@, list+accept-TOKEN@, …
//	policy.go      Postfix asks at RCPT whether a message is welcome
//	quota.go       Postfix asks whether a message finds room in a mailbox
//	lmtp.go        Postfix hands a message over
//	letter.go      a message, octet by octet, and what is read of it
//	posts.go       what is written to a list is taken, held or refused
//	forwards.go    what a redirection sends out of the installation
//	requests.go    subscribe, unsubscribe, confirm, decide, help
//	copies.go      the header fields that a copy gets
//	courier.go     copies are handed to Postfix, one transaction each
//	postbox.go     the connection to Postfix
//	bounces.go     what comes back
//	keeper.go      what was decided and confirmed, what has waited too long, what is old
//	notices.go     mail of the service's own, in French and English
//	store.go       the database
//
// # Why a service of ours
//
// mlmmj keeps its subscribers in files and Mailman in a database of its own:
// either would be a second truth beside the panel's. Here subscribers are rows,
// and a change counts from the next message on.
//
// # Why one row and one transaction for each recipient
//
// Each subscriber gets a sender of an envelope and a link out of the list of
// their own, so that what comes back names them, and one click is enough. And
// any process may be killed at any moment, any number may run: a row is leased
// while it is sent, and marked the moment that Postfix has the copy. Nothing is
// lost: mail is in the database before Postfix is told 250, and what Postfix
// hands over once more, since we were killed between the two, is known by its
// octets. One thing cannot be excluded (RFC 1047): killed after Postfix took a
// copy and before that was written down, a process has it sent again once the
// lease is over. That is one copy for each connection, no more than
// couriers; the two are alike in Message-ID and in Mandat-Delivery.
//
// # Why it tells Postfix who is full
//
// Dovecot could, but knows mailboxes alone. Postfix asks about an address before
// it has expanded it: Dovecot would refuse what a full mailbox sends on without a
// copy, take what an alias leads to a full one, and send its author a letter,
// which reaches whoever a forged sender names. The panel knows where an address
// leads, and we read what it says.
//
// # Why nothing of a message is changed
//
// A signature (DKIM, RFC 6376) covers the body and the fields that it names. We
// add fields in front and leave the rest as it is, no footer, no mark in the
// subject: the author's signature holds, DMARC with it (RFC 7489), and From
// stays the author's. Were it broken, servers that look would send mail of a
// domain that asks for that back, and the subscribers there would be taken off
// the list.
//
// A signature may name a field that is not there, which forbids to add it. Some
// big providers sign Reply-To so, and Exim, unless it is told otherwise, every
// List-… field but List-Unsubscribe-Post. What a signature names so is not
// added: answers go to the author, and a copy of such a message may have no
// List-Id, and no List-Unsubscribe, the button of a mail program by which its
// reader leaves the list. The addresses list+unsubscribe@ and list+help@ are
// there for everybody, and so is the loop's mark, Mandat-Loop.
//
// Of the fields that are there, a Reply-To and a Precedence of the author's own
// stay. List-… fields of another list go, since of each there may be one (RFC
// 2369) and ours is for the reader of this copy, unless they are signed: then
// they stay, and ours of that name is left out. List-Unsubscribe and
// List-Unsubscribe-Post alone go even so, both for both of ours: nobody has
// looked who signed, and a stranger would send readers where he likes. That
// breaks a signature that names them; a person's mail has no such fields.
//
// # Why sub-addresses
//
// "+" is in no local part of the panel's, so list+owner@ can be nobody's
// address. A token in an address is 128 bits of chance.
//
// # Why everybody may ask
//
// Any list lets any address ask to be subscribed, by mail, and believes it once
// the address has confirmed. The panel has no setting for lists that are closed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/net/netutil"
	"golang.org/x/sync/semaphore"
)

// Bounds on what the service holds at one time.
const (
	connections       = 64  // by LMTP
	policyConnections = 200 // Postfix has one for each smtpd that was asked for a list
	quotaConnections  = 400 // and one for each smtpd: 100 at each of its four ports
	couriers          = 4   // connections to Postfix
	poolSize          = 10  // connections to the database, unless its URL says another number
	stopLimit         = 20 * time.Second
)

// Memory, for each octet of the messages that the service holds: while one is
// received, its octets, and two copies that pgx makes of them for the database;
// when one is sent, what pgx read and what it gave us. Bounded are the octets, as
// parts of the largest message: one of that size is received at a time, or as many
// of smaller ones, and of those that are sent there is half as much more, lest one
// of that size wait for all small ones to end. Measured by TestMemoryIsBounded with
// the largest message at 50 MB, the default of `mandat mail configure`: 366 MB.
const (
	memoryReceived = 3
	memorySent     = 2
	memoryOfRest   = 100_000_000
	memoryUnseen   = 40_000_000 // of that, what Go's limit does not see, such as the program itself
)

// sendable is how many octets of messages may be sent at a time.
func (c *config) sendable() int64 { return c.maxBytes + c.maxBytes/2 }

// memoryNeeded is what the process needs of it all: six times the largest message,
// and the rest.
func (c *config) memoryNeeded() int64 {
	return memoryReceived*c.maxBytes + memorySent*c.sendable() + memoryOfRest
}

func main() {
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the program; its answer is the exit status.
func run(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("listd", flag.ContinueOnError)
	flags.SetOutput(stderr)
	check := flags.Bool("check", false, "say whether the database and Postfix can be reached, and end")
	flags.Usage = func() { usage(flags.Output()) }
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintln(stderr, "listd takes no arguments")
		return 2
	}
	c, err := readConfig(getenv)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if getenv("GOMEMLIMIT") == "" { // what was let go is collected before more is asked of the machine
		debug.SetMemoryLimit(c.memoryNeeded() - memoryUnseen)
	}
	s, err := newService(ctx, c, newLogger(c, stderr))
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	defer s.db.Close()
	if *check {
		return s.check(ctx, stdout)
	}
	if err := s.serve(ctx); err != nil {
		s.log.Error("the list service ends", "error", err)
		return 1
	}
	return 0
}

// newLogger writes text for a person at a terminal, and JSON elsewhere.
func newLogger(c *config, w io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.logLevel}
	format := c.logFormat
	if format == "" {
		format = "json"
		if f, ok := w.(*os.File); ok {
			if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
				format = "text"
			}
		}
	}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// service is one process of the list service.
type service struct {
	*config
	db       *pgxpool.Pool
	log      *slog.Logger
	received *semaphore.Weighted // octets of messages that are being received
	sent     *semaphore.Weighted // and that are being sent
	load     load
	answered throttle
	wake     [couriers + 1]chan struct{} // something may be due: for each courier, and for the keeper
}

func newService(ctx context.Context, c *config, log *slog.Logger) (*service, error) {
	pool, err := pgxpool.ParseConfig(c.databaseURL)
	if err != nil {
		return nil, errors.New("MANDAT_LISTS_DATABASE_URL: want postgres://…") // the error may hold the password
	}
	if !strings.Contains(c.databaseURL, "pool_max_conns") {
		pool.MaxConns = poolSize
	}
	pool.ConnConfig.RuntimeParams["application_name"] = "mandat-listd"
	pool.ConnConfig.ConnectTimeout = queryLimit
	db, err := pgxpool.NewWithConfig(ctx, pool)
	if err != nil {
		return nil, err
	}
	s := &service{config: c, db: db, log: log, received: semaphore.NewWeighted(c.maxBytes), sent: semaphore.NewWeighted(c.sendable())}
	for i := range s.wake {
		s.wake[i] = make(chan struct{}, 1)
	}
	return s, nil
}

// serve works until ctx ends, then finishes what it has begun.
func (s *service) serve(ctx context.Context) error {
	policy, quota, lmtp, err := s.open(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var working sync.WaitGroup
	for i := range couriers {
		working.Go(func() { s.carry(ctx, s.wake[i]) })
	}
	working.Go(func() { s.keep(ctx, s.wake[couriers]) })
	working.Go(func() { s.hear(ctx) })
	working.Go(func() { s.servePolicy(ctx, policy, func() answerer { return s.action }) })
	working.Go(func() { s.servePolicy(ctx, quota, func() answerer { return (&quotaTalk{s: s}).action }) })
	server := s.lmtpServer()
	working.Go(func() {
		if err := server.Serve(lmtp); err != nil && ctx.Err() == nil {
			cancel(err)
		}
	})
	s.log.Info("the list service listens", "lmtp", s.listen, "policy", s.policyListen, "quota", s.quotaListen, "smtp", s.smtp)
	<-ctx.Done()
	s.log.Info("the list service stops")
	s.stop(ctx, server, &working)
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// open listens on all three ports, or on none.
func (s *service) open(ctx context.Context) (policy, quota, lmtp net.Listener, err error) {
	var open []net.Listener
	for _, at := range []struct {
		address string
		most    int
	}{{s.policyListen, policyConnections}, {s.quotaListen, quotaConnections}, {s.listen, connections}} {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", at.address)
		if err != nil {
			for _, l := range open {
				err = errors.Join(err, l.Close())
			}
			return nil, nil, nil, err
		}
		open = append(open, netutil.LimitListener(l, at.most))
	}
	return open[0], open[1], open[2], nil
}

// stop ends what takes mail, and waits for all that was begun.
func (s *service) stop(ctx context.Context, server *smtp.Server, working *sync.WaitGroup) {
	ended, release := context.WithTimeout(context.WithoutCancel(ctx), stopLimit/4)
	defer release()
	// Postfix keeps its connection open; a transaction that is cut is handed over again.
	_ = server.Shutdown(ended)
	_ = server.Close()
	done := make(chan struct{})
	go func() { working.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(stopLimit):
		s.log.Warn("the list service did not finish in time; what was leased is sent later")
	}
}
