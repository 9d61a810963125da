package mailtest

import (
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// Received is a message as a mail server elsewhere got it.
type Received struct {
	From, To string // of the envelope
	Data     string
}

// Header is a header of the message, unfolded; "" when there is none.
func (r Received) Header(name string) string { return header(r.Data, name) }

// header finds a field by its name (RFC 5322, 2.2).
func header(data, name string) string {
	head, _, _ := strings.Cut(data, "\r\n\r\n")
	head = strings.NewReplacer("\r\n ", " ", "\r\n\t", " ").Replace(head)
	for line := range strings.SplitSeq(head, "\r\n") {
		if field, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(field, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Sink is the rest of the world: it takes every message for every address,
// but for those that it was told to refuse.
type Sink struct {
	Port int

	server *smtp.Server
	mu     sync.Mutex
	got    []Received
	refuse map[string]*smtp.SMTPError
}

func newSink() (*Sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Sink{Port: l.Addr().(*net.TCPAddr).Port, refuse: map[string]*smtp.SMTPError{}}
	s.server = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &sinkSession{sink: s}, nil }))
	s.server.Domain, s.server.EnableSMTPUTF8, s.server.ReadTimeout, s.server.WriteTimeout = "elsewhere.test", true, time.Minute, time.Minute
	go func() { _ = s.server.Serve(l) }() // ends with close
	return s, nil
}

func (s *Sink) close() { _ = s.server.Close() }

// Refuse answers every later message to an address with a code of 4xx or 5xx; 0 takes them again.
func (s *Sink) Refuse(to string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if delete(s.refuse, to); code != 0 {
		s.refuse[to] = &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "not here"}
	}
}

// To are the messages that an address got so far.
func (s *Sink) To(address string) (list []Received) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.got {
		if r.To == address {
			list = append(list, r)
		}
	}
	return list
}

// Await waits for a message to an address with a text in it.
func (s *Sink) Await(t testing.TB, address, text string) Received {
	t.Helper()
	var found Received
	Within(t, Arrival, "mail to "+address+" with "+text, func() bool {
		list := s.To(address)
		i := slices.IndexFunc(list, func(r Received) bool { return strings.Contains(r.Data, text) })
		if i >= 0 {
			found = list[i]
		}
		return i >= 0
	})
	return found
}

type sinkSession struct {
	sink *Sink
	from string
	to   []string
}

func (s *sinkSession) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *sinkSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	if refusal := s.sink.refuse[to]; refusal != nil {
		return refusal
	}
	s.to = append(s.to, to)
	return nil
}

func (s *sinkSession) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.sink.mu.Lock()
	defer s.sink.mu.Unlock()
	for _, to := range s.to {
		s.sink.got = append(s.sink.got, Received{From: s.from, To: to, Data: string(data)})
	}
	return nil
}

func (s *sinkSession) Reset()        { s.from, s.to = "", nil }
func (s *sinkSession) Logout() error { return nil }
