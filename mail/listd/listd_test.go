package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-smtp"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// TestMain is the program itself where a test starts it as a process.
func TestMain(m *testing.M) {
	if os.Getenv("LISTD_TEST_PROGRAM") != "" {
		os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
	}
	modelstest.Run(m)
}

const (
	team     = "equipe@garrigue.example" // of the cast: its six subscribers may write
	teamBoss = "rh@garrigue.example"
	member1  = "alice.besson@garrigue.example"
	outsider = "someone@else.example"
	patience = 20 * time.Second
)

// world is a database with the cast, a Postfix that keeps what it gets, and the
// list service between the two, as many times as a test starts it.
type world struct {
	*modelstest.World
	t      testing.TB
	sink   *sink
	config *config
}

var roleOnce sync.Once

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{World: modelstest.OnPostgres(t), t: t, sink: newSink(t)}
	roleOnce.Do(func() { w.Exec(t, "ALTER ROLE mandat_lists LOGIN PASSWORD 'lists'") })
	u, err := url.Parse(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("mandat_lists", "lists")
	u.RawQuery = without(u.Query(), "role").Encode() // the panel's, which only its owner may take
	w.config, err = readConfig(func(name string) string {
		return map[string]string{"MANDAT_LISTS_DATABASE_URL": u.String(), "MANDAT_ORIGIN": "https://panel.example", "MANDAT_LISTS_SMTP": w.sink.address}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// without is a query less one parameter.
func without(query url.Values, name string) url.Values {
	query.Del(name)
	return query
}

// freeAddress is one that nobody listens on at this moment.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// instance is one list service.
type instance struct {
	t                   testing.TB
	lmtp, policy, quota string
	*service
}

// start runs a list service in this process until the test ends.
func (w *world) start() *instance {
	w.t.Helper()
	c := *w.config
	c.listen, c.policyListen, c.quotaListen = freeAddress(w.t), freeAddress(w.t), freeAddress(w.t)
	s, err := newService(w.t.Context(), &c, slog.New(slog.NewTextHandler(testWriter{w.t}, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- s.serve(ctx) }()
	w.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
		s.db.Close()
	})
	i := &instance{t: w.t, lmtp: c.listen, policy: c.policyListen, quota: c.quotaListen, service: s}
	i.listens()
	return i
}

func (i *instance) listens() {
	i.t.Helper()
	modelstest.Await(i.t, patience, "the service listens", func() bool {
		conn, err := net.Dial("tcp", i.lmtp)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}

// process is a list service that can be killed.
type process struct {
	*instance
	cmd *exec.Cmd
}

func (w *world) startProcess() *process {
	w.t.Helper()
	i := &instance{t: w.t, lmtp: freeAddress(w.t), policy: freeAddress(w.t), quota: freeAddress(w.t)}
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{
		"LISTD_TEST_PROGRAM=1", "MANDAT_LISTS_DATABASE_URL=" + w.config.databaseURL, "MANDAT_ORIGIN=" + w.config.origin, "MANDAT_LISTS_SMTP=" + w.config.smtp,
		"MANDAT_LISTS_LISTEN=" + i.lmtp, "MANDAT_LISTS_POLICY_LISTEN=" + i.policy, "MANDAT_LISTS_QUOTA_LISTEN=" + i.quota, "MANDAT_LOG_LEVEL=warn", fmt.Sprint("MANDAT_LISTS_MAX_BYTES=", w.config.maxBytes),
	}
	cmd.Stderr = testWriter{w.t}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	p := &process{instance: i, cmd: cmd}
	w.t.Cleanup(p.kill)
	i.listens()
	return p
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(text []byte) (int, error) {
	w.t.Logf("%s", text)
	return len(text), nil
}

// hand gives a message to the service as Postfix does, and returns its answer.
func (i *instance) hand(from, to, content string) error {
	i.t.Helper()
	conn, err := net.Dial("tcp", i.lmtp)
	if err != nil {
		i.t.Fatal(err)
	}
	client := smtp.NewClientLMTP(conn)
	defer client.Close()
	if err := client.Mail(from, nil); err != nil {
		return err
	}
	if err := client.Rcpt(to, nil); err != nil {
		return err
	}
	data, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := io.WriteString(data, strings.ReplaceAll(content, "\n", "\r\n")); err != nil {
		return err
	}
	_, err = data.CloseWithLMTPResponse()
	var refusals smtp.LMTPDataError
	if errors.As(err, &refusals) {
		return refusals[to]
	}
	return err
}

// takes fails unless the service takes a message.
func (i *instance) takes(from, to, content string) {
	i.t.Helper()
	if err := i.hand(from, to, content); err != nil {
		i.t.Fatalf("%s to %s: %v", from, to, err)
	}
}

// refuses fails unless the service refuses a message with a code.
func (i *instance) refuses(code int, from, to, content string) {
	i.t.Helper()
	var refusal *smtp.SMTPError
	if err := i.hand(from, to, content); !errors.As(err, &refusal) || refusal.Code != code {
		i.t.Errorf("%s to %s: %v, want %d", from, to, err, code)
	}
}

// letterFrom is a message as a person writes it; its trace makes it its own.
func letterFrom(from, subject string, fields ...string) string {
	n := trace.Add(1)
	return fmt.Sprintf("Received: by mx.example id %d\nFrom: %s\nTo: %s\nSubject: %s\nMessage-ID: <%d@mx.example>\n%s\nBonjour,\n.\nvoilà\n", n, from, team, subject, n, strings.Join(append(fields, ""), "\n"))
}

var trace atomic.Int64

// got is a message as Postfix got it.
type got struct{ from, to, data string }

func (g got) header() header { return splitHeader([]byte(g.data)) }

// text is the message's text, decoded.
func (g got) text() string {
	entity, err := message.Read(strings.NewReader(g.data))
	if err != nil {
		return err.Error()
	}
	text, err := io.ReadAll(entity.Body)
	if err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(string(text), "\r\n", "\n")
}

// sink is a Postfix that takes everything, but for what it is told to refuse.
type sink struct {
	address string
	away    atomic.Bool // it hangs up
	forget  atomic.Bool // it keeps nothing of what it takes

	mu     sync.Mutex
	all    []got
	refuse map[string]*smtp.SMTPError // by recipient, at RCPT
	mail   *smtp.SMTPError            // at MAIL
	taken  func()                     // before it answers 250
}

func newSink(t testing.TB) *sink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{address: l.Addr().String(), refuse: map[string]*smtp.SMTPError{}}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		if s.away.Load() {
			_ = c.Conn().Close()
		}
		return &sinkSession{s: s}, nil
	}))
	server.Domain, server.MaxMessageBytes, server.ErrorLog = "sink", 60_000_000, log.New(io.Discard, "", 0)
	go func() { _ = server.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return s
}

type sinkSession struct {
	s        *sink
	from, to string
}

func (c *sinkSession) Mail(from string, _ *smtp.MailOptions) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.from = from
	if c.s.mail != nil {
		return c.s.mail
	}
	return nil
}

func (c *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	if refusal := c.s.refuse[to]; refusal != nil {
		return refusal
	}
	if c.to != "" {
		return errors.New("two recipients in one transaction")
	}
	c.to = to
	return nil
}

func (c *sinkSession) Data(r io.Reader) error {
	if c.s.forget.Load() {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.s.mu.Lock()
	c.s.all = append(c.s.all, got{c.from, c.to, string(data)})
	taken := c.s.taken
	c.s.mu.Unlock()
	if taken != nil {
		taken()
	}
	return nil
}

func (c *sinkSession) Reset()        { c.from, c.to = "", "" }
func (c *sinkSession) Logout() error { return nil }

// to are the messages that an address got.
func (s *sink) to(address string) (list []got) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.all {
		if g.to == address {
			list = append(list, g)
		}
	}
	return list
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

func (s *sink) refuses(to string, refusal *smtp.SMTPError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse[to] = refusal
}

// await waits for the n-th message to an address.
func (s *sink) await(t testing.TB, address string, n int) got {
	t.Helper()
	modelstest.Await(t, patience, fmt.Sprintf("message %d to %s", n, address), func() bool { return len(s.to(address)) >= n })
	return s.to(address)[n-1]
}

// settled waits until nothing waits to go out.
func (w *world) settled() {
	w.t.Helper()
	modelstest.Await(w.t, patience, "everything goes out", func() bool {
		return w.Int(w.t, "SELECT count(*) FROM list_messages WHERE state IN ('approved', 'sending')") == 0
	})
}

// list makes a list of Alice's.
func (w *world) list(name string, settings models.ListSettings, subscribers ...string) string {
	w.t.Helper()
	alice := w.Actor(w.t, cast.Alice)
	if settings.Owner == "" {
		settings.Owner = teamBoss
	}
	if settings.ReplyTo == "" {
		settings.ReplyTo = models.ReplyToSender
	}
	if settings.Language == "" {
		settings.Language = "en"
	}
	l, err := w.Store.CreateList(w.t.Context(), alice, cast.Garrigue, models.NewList{Name: name, ListSettings: settings})
	if err != nil {
		w.t.Fatal(err)
	}
	w.add(name, models.Subscribers, subscribers...)
	return l.Address
}

func (w *world) add(name string, kind models.MemberKind, addresses ...string) {
	w.t.Helper()
	for chunk := range slices.Chunk(addresses, 500) {
		if r, err := w.Store.AddMembers(w.t.Context(), w.Actor(w.t, cast.Alice), cast.Garrigue, name, kind, chunk); err != nil || len(r.Refused) > 0 {
			w.t.Fatal(r, err)
		}
	}
}

// requests are what the panel is asked to do, in order.
func (w *world) requests() (list []string) {
	w.t.Helper()
	rows, err := w.SQL.QueryContext(w.t.Context(), "SELECT r.kind || ' ' || r.email || ' ' || l.address FROM list_requests r JOIN lists l ON l.id = r.list_id ORDER BY r.id")
	if err != nil {
		w.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			w.t.Fatal(err)
		}
		list = append(list, text)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return list
}

func (w *world) asks(want ...string) {
	w.t.Helper()
	if got := w.requests(); !slices.Equal(got, want) {
		w.t.Errorf("the panel is asked for %q, want %q", got, want)
	}
}
