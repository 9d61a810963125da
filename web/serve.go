package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/sync/errgroup"

	"example.org/mandat/handlers"
	"example.org/mandat/handlers/oidc"
	"example.org/mandat/mail/dns"
	"example.org/mandat/models/cast"
	"example.org/mandat/views"
	"example.org/mandat/views/gallery"
)

type serveCommand struct {
	Demo   bool `help:"Load the demo world into an empty database, or go on with one that has it. Its passwords are known to everybody."`
	NoWork bool `help:"Leave the background work to mandat work (PostgreSQL only)."`
}

// Run serves the panel until a signal comes, then answers the requests it has,
// finishes the jobs begun and ends.
func (c *serveCommand) Run(p *program) (err error) {
	if c.Demo {
		p.config.demoMail()
	}
	if err := p.keepsCheckpoints(); err != nil {
		return err
	}
	store, err := p.openWithin(patience, c.Demo || p.config.migrate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := errors.Join(p.attached(store), store.Attach(p.ctx)); err != nil {
		return err
	}
	if c.NoWork && store.Embedded() {
		return errors.New("the embedded database serves one process, which does the work too: --no-work is for PostgreSQL")
	}
	if c.Demo {
		if err := cast.Load(p.ctx, store); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", p.config.listen)
	if err != nil {
		return fmt.Errorf("MANDAT_LISTEN: %w", err)
	}
	defer listener.Close()

	origin := p.config.originOn(listener.Addr())
	p.config.origin = origin
	s := &servers{log: p.log}
	counted, err := p.serveMetrics(s)
	if err != nil {
		return err
	}
	panel := handlers.Config{
		Store: store, Log: p.log, Security: p.security, Origin: origin, TrustedProxies: p.config.trustedProxies, Middleware: counted, Limit: p.config.limit, TimeZone: p.config.timeZone,
		DNS: p.newDNS(), SignOn: p.newSignOn(origin, store.Now), Stopping: p.ctx,
	}
	if c.Demo {
		panel.Gallery = gallery.Handler()
	}
	router, err := handlers.New(panel)
	if err != nil {
		return err
	}
	s.add(listener, router)
	if !c.NoWork {
		s.work = store.Work
	}
	p.tellMail()
	if err := p.tellFactors(p.ctx, store); err != nil {
		return err
	}
	p.log.Info("listening", "address", listener.Addr().String(), "origin", origin.String())
	if c.Demo {
		p.introduce(origin, store.KeepsFactors())
	}
	return s.run(p.ctx)
}

// newDNS is what looks at the records of domains, nil if nobody is to be asked.
func (p *program) newDNS() *dns.Checker {
	if p.config.dnsResolver.IsZero() {
		return nil
	}
	p.log.Info("the DNS of domains is looked at", "resolver", p.config.dnsResolver.String())
	return &dns.Checker{Resolver: p.config.dnsResolver, Want: p.config.dnsWant, Log: p.log}
}

// newSignOn is the provider with which people may sign in, nil for none. It is
// not asked anything before somebody does.
func (p *program) newSignOn(origin *url.URL, now func() time.Time) *handlers.SignOn {
	if p.config.oidc.Issuer == "" {
		return nil
	}
	c := p.signOnConfig(origin, now)
	p.log.Info("people may sign in with a provider", "issuer", c.Issuer, "redirect", c.Redirect, "for", p.config.oidcFor)
	return &handlers.SignOn{Provider: oidc.New(c), Customers: p.config.oidcFor != "agents", Agents: p.config.oidcFor != "customers"}
}

// signOnConfig is what is said of the provider, by the operator and by us.
func (p *program) signOnConfig(origin *url.URL, now func() time.Time) oidc.Config {
	c := p.config.oidc
	c.Redirect, c.Home, c.Now = origin.JoinPath(views.IdentityAnswerPath).String(), origin.JoinPath(views.SignInPath).String(), now
	return c
}

// serveMetrics adds the listener for Prometheus, if there is to be one, and
// returns the middleware that counts.
func (p *program) serveMetrics(s *servers) ([]echo.MiddlewareFunc, error) {
	if p.config.metricsListen == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", p.config.metricsListen)
	if err != nil {
		return nil, fmt.Errorf("MANDAT_METRICS_LISTEN: %w", err)
	}
	m := newMetrics()
	s.add(listener, m.handler())
	p.log.Info("listening for Prometheus", "address", listener.Addr().String())
	return []echo.MiddlewareFunc{m.count}, nil
}

// introduce tells a newcomer where to go and as whom.
func (p *program) introduce(origin *url.URL, factors bool) {
	fmt.Fprintf(p.out, "\nMandat with its demo world: %s\n\nSign in as one of these, all with the password %s\n\n", origin, cast.Password)
	w := tabwriter.NewWriter(p.out, 0, 0, 3, ' ', 0)
	for _, person := range append(cast.People(), cast.Staff()) {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", person.Identifier, person.Name, person.Does)
	}
	_ = w.Flush() // a terminal that went away ends us by a signal
	if factors {
		fmt.Fprintf(p.out, "\n%s is asked for a code too; the TOTP secret (base32) of his authenticator app is %s\n", cast.Sam, cast.SamSecret)
	} else {
		fmt.Fprintf(p.out, "\n%s cannot sign in: staff needs a second factor, and that needs MANDAT_SECRET\n", cast.Sam)
	}
	if mail := p.config.mail.String(); mail != "" {
		fmt.Fprintf(p.out, "\nEmail of the panel goes to %s.\n", mail)
	}
	fmt.Fprint(p.out, "\nCtrl-C stops it; the data stays for the next start.\n\n")
	if !loopback(origin.Hostname()) {
		p.log.Warn("whoever reaches this address can sign in to the demo world: its passwords are known", "origin", origin.String())
	}
}

type workCommand struct{}

// Run works until a signal comes, then finishes the jobs begun.
func (workCommand) Run(p *program) (err error) {
	if err := p.keepsCheckpoints(); err != nil {
		return err
	}
	store, err := p.openWithin(patience, p.config.migrate)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := p.attached(store); err != nil {
		return err
	}
	if store.Embedded() {
		return errors.New("the embedded database serves one process: `mandat serve` does the work too")
	}
	s := &servers{log: p.log, work: store.Work}
	if _, err := p.serveMetrics(s); err != nil {
		return err
	}
	p.tellMail()
	p.log.Info("working")
	return s.run(p.ctx)
}

type migrateCommand struct{}

// Run migrates; any number of processes may do so at once.
func (migrateCommand) Run(p *program) error {
	store, err := p.openWithin(0, true)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.out, "The schema is up to date.")
	return store.Close()
}

type demoCommand struct{}

// Run migrates and loads the demo world.
func (demoCommand) Run(p *program) error {
	store, err := p.openWithin(0, true)
	if err != nil {
		return err
	}
	if err := cast.Load(p.ctx, store); err != nil {
		return errors.Join(err, store.Close())
	}
	fmt.Fprintf(p.out, "The database has the demo world; the password of all is %s, and the key of %s's authenticator app %s.\n", cast.Password, cast.Sam, cast.SamSecret)
	return store.Close()
}

// Limits on a connection. A request has its own, shorter, within the panel.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeader         = 32 << 10
	drainTimeout      = 15 * time.Second // a little more than the longest request
)

// servers are what one process runs: listeners, and the background work.
type servers struct {
	log  *slog.Logger
	all  []*server
	work func(context.Context) error // nil for none
}

type server struct {
	*http.Server
	listener net.Listener
}

func (s *servers) add(l net.Listener, h http.Handler) {
	s.all = append(s.all, &server{listener: l, Server: &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeader, ErrorLog: log.New(serverLog{s.log}, "", 0),
	}})
}

// serverLog takes what net/http says: of strangers' broken connections, which is
// for debugging, and of panics that nothing of ours has caught.
type serverLog struct{ log *slog.Logger }

// Write is [io.Writer].
func (l serverLog) Write(line []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.HasPrefix(line, []byte("http: panic")) {
		level = slog.LevelError
	}
	l.log.Log(context.Background(), level, strings.TrimSpace(string(line)))
	return len(line), nil
}

// run serves until ctx ends or one of them fails, then stops all: first no more
// requests, so that what they enqueue is still in time for the work, then the work.
func (s *servers) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, server := range s.all {
		group.Go(func() error {
			if err := server.Serve(server.listener); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	working, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	if s.work != nil {
		group.Go(func() error { return s.work(working) })
	}
	group.Go(func() error {
		<-ctx.Done()
		s.log.Info("stopping")
		drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
		defer cancel()
		var errs []error
		for _, server := range s.all {
			if err := server.Shutdown(drain); err != nil {
				errs = append(errs, fmt.Errorf("requests were cut off: %w", err), server.Close())
			}
		}
		stopWork()
		return errors.Join(errs...)
	})
	return group.Wait()
}
