// Program mandat-listd delivers what is written to mailing lists, and what
// redirections send out of the installation. Postfix hands both to it by LMTP
// (RFC 2033); it keeps them as rows of the panel's database, one for each
// recipient, and gives them back to Postfix by SMTP. It also answers Postfix who
// may write to a list, so that who may not is refused before the message is sent
// (SMTPD_POLICY_README of Postfix).
//
// Any number may run on one database; each may end at any moment. It reads the
// views of schema mlist and writes its own queue there, as the role
// mandat_lists, and changes nothing of the panel's: what subscribers and
// moderators ask for by mail are rows too, which the panel carries out with
// their line of history.
//
// # Why every address of a list is a detail of its own
//
// list+subscribe@, list+owner@, list+bounces-…@ reach the list by the rule for
// details (recipient_delimiter), and no local part of the panel's has a plus:
// nobody's address can ever be taken for one of these.
//
// # Why a message is only added to
//
// A signature (DKIM, RFC 6376) is over headers and body as they were. So the
// text stays as it is to the octet, and the headers of the list go in front:
// the author's domain still vouches for the message (DMARC), and From need not
// be changed. Reply-To is set where the message has none. Headers of another
// list, through which it came, are taken out: there can be one of each (RFC 2369, 4).
//
// # Why one row, and one message, for each recipient
//
// Each copy has its own link to unsubscribe (RFC 8058), and its own sender in
// the envelope, by which what comes back is known. A process that is killed
// sends again at most the one copy that Postfix had taken and that it had not
// written down yet (RFC 1047): both have the same header Mandat-Delivery.
//
// # Why redirections come along
//
// The next server asks whether we may send for the domain of the envelope (SPF,
// RFC 7208). Sent on by Postfix it would be the stranger's; from here it is the
// redirection's, and what comes back is returned to the stranger.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { // the second signal ends the program at once
		<-ctx.Done()
		stop()
	}()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
)

// settings are what the environment says.
type settings struct {
	database     string
	listen       string // LMTP
	policyListen string
	smtp         string // where copies go
	origin       string // of the panel
	maxBytes     int64
	level        slog.Level
}

// variables describes the settings; `--help` prints them.
var variables = []struct {
	name, preset, doc string
	set               func(*settings, string) error
}{
	{"MANDAT_LISTS_DATABASE_URL", "", "postgres://… as the role mandat_lists; `mandat mail configure` writes it.", func(s *settings, v string) error {
		u, err := url.Parse(v)
		if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
			return errors.New("want postgres://mandat_lists:PASSWORD@HOST/DATABASE")
		}
		s.database = v
		return nil
	}},
	{"MANDAT_LISTS_LISTEN", "127.0.0.1:24031", "Where Postfix delivers, by LMTP.", func(s *settings, v string) error { s.listen = v; return address(v) }},
	{"MANDAT_LISTS_POLICY_LISTEN", "127.0.0.1:24032", "Where Postfix asks who may write.", func(s *settings, v string) error { s.policyListen = v; return address(v) }},
	{"MANDAT_LISTS_SMTP", "127.0.0.1:10025", "Postfix's port for mail from here, on loopback.", func(s *settings, v string) error { s.smtp = v; return address(v) }},
	{"MANDAT_ORIGIN", "", "How browsers reach the panel, for the links in mails.", func(s *settings, v string) error {
		u, err := url.Parse(v)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return errors.New("want the panel's origin, as https://panel.example.org")
		}
		s.origin = strings.TrimSuffix(v, "/")
		return nil
	}},
	{"MANDAT_LISTS_MAX_BYTES", "50000000", "Size of one message, in bytes.", func(s *settings, v string) (err error) {
		if s.maxBytes, err = strconv.ParseInt(v, 10, 32); err != nil || s.maxBytes < 1 {
			return errors.New("want a number of bytes")
		}
		return nil
	}},
	{"MANDAT_LOG_LEVEL", "info", "debug, info, warn or error.", func(s *settings, v string) error { return s.level.UnmarshalText([]byte(v)) }},
}

func address(v string) error {
	if _, _, err := net.SplitHostPort(v); err != nil {
		return errors.New("want an address and a port, as 127.0.0.1:24031")
	}
	return nil
}

// readSettings tells everything that is wrong, and repeats nothing that may hold a password.
func readSettings(getenv func(string) string) (*settings, error) {
	s := &settings{}
	var errs []error
	for _, v := range variables {
		value := strings.TrimSpace(getenv(v.name))
		if value == "" {
			value = v.preset
		}
		if err := v.set(s, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", v.name, err))
		}
	}
	return s, errors.Join(errs...)
}

const usage = `mandat-listd delivers mailing lists and redirections between Postfix and the panel's database.

  mandat-listd          run until a signal comes
  mandat-listd --check  say whether everything it needs answers, by the exit status too

Settings, from the environment:
`

func run(ctx context.Context, args []string, getenv func(string) string, out, errs io.Writer) int {
	check := len(args) == 1 && args[0] == "--check"
	if len(args) > 0 && !check {
		fmt.Fprint(out, usage)
		for _, v := range variables {
			fmt.Fprintf(out, "\n  %-28s%s\n      %s\n", v.name, v.preset, v.doc)
		}
		if len(args) == 1 && args[0] == "--help" {
			return 0
		}
		return exitUsage
	}
	s, err := readSettings(getenv)
	if err != nil {
		fmt.Fprintf(errs, "mandat-listd: these settings cannot be used:\n%v\n", err)
		return exitUsage
	}
	log := slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: s.level}))
	work := serve
	if check {
		work = checkAll
	}
	if err := work(ctx, s, log); err != nil {
		fmt.Fprintf(errs, "mandat-listd: %v\n", err)
		return exitFailed
	}
	if check {
		fmt.Fprintln(out, "The database and Postfix answer.")
	}
	return 0
}

// How long the program waits for the database at its start.
const patience = 30 * time.Second

// serve runs all parts until ctx ends or one of them fails.
func serve(ctx context.Context, s *settings, log *slog.Logger) error {
	db, err := openQueue(ctx, s.database)
	if err != nil {
		return err
	}
	defer db.close()
	for began := time.Now(); ; time.Sleep(time.Second) {
		if err = db.check(ctx); err == nil || ctx.Err() != nil || time.Since(began) > patience {
			break
		}
		log.Warn("the database does not answer yet", "error", err)
	}
	if err != nil {
		return err
	}
	lmtp, err := net.Listen("tcp", s.listen)
	if err != nil {
		return fmt.Errorf("MANDAT_LISTS_LISTEN: %w", err)
	}
	policy, err := net.Listen("tcp", s.policyListen)
	if err != nil {
		return errors.Join(fmt.Errorf("MANDAT_LISTS_POLICY_LISTEN: %w", err), lmtp.Close())
	}
	log.Info("listening", "lmtp", lmtp.Addr().String(), "policy", policy.Addr().String())
	p := &post{db: db, origin: s.origin, log: log}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return serveLMTP(ctx, lmtp, p, s.maxBytes) })
	group.Go(func() error { return servePolicy(ctx, policy, db, log) })
	group.Go(func() error { return (&sender{db: db, smtp: s.smtp, origin: s.origin, log: log}).run(ctx) })
	return group.Wait()
}

// checkAll says what does not answer.
func checkAll(ctx context.Context, s *settings, _ *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	db, err := openQueue(ctx, s.database)
	if err != nil {
		return err
	}
	defer db.close()
	err = db.check(ctx)
	c, smtpErr := dial(ctx, s.smtp)
	if smtpErr == nil {
		smtpErr = c.Quit()
	}
	if smtpErr != nil {
		smtpErr = fmt.Errorf("MANDAT_LISTS_SMTP: %w", smtpErr)
	}
	return errors.Join(err, smtpErr)
}
