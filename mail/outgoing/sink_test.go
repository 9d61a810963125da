package outgoing

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A sink is a mail server of the test's own, which speaks as much SMTP as our
// client needs and can be told to fail.
type sink struct {
	listener net.Listener
	tls      *tls.Config
	roots    *x509.CertPool

	implicit   bool // TLS from the first octet
	noSTARTTLS bool
	password   string            // asked for, after TLS or not
	answers    map[string]string // to a command, "greeting", or "end" of a message, in the place of the usual one; "hang" for none, "drop" for the end

	accepts  sync.Once
	mu       sync.Mutex
	messages []received
	commands []string
}

type received struct{ from, to, data string }

func newSink(t *testing.T) *sink {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate of 127.0.0.1
	web.Close()
	s := &sink{tls: &tls.Config{Certificates: web.TLS.Certificates}, roots: x509.NewCertPool(), answers: map[string]string{}}
	s.roots.AddCert(web.Certificate())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.listener = listener
	t.Cleanup(func() { _ = listener.Close() })
	return s
}

// accept answers who connects. It begins with the first mailer, when the test has
// said how the server is.
func (s *sink) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		go s.serve(conn)
	}
}

// mailer sends to the sink; parameters follow the scheme's host.
func (s *sink) mailer(t *testing.T, scheme, user, parameters string) *server {
	t.Helper()
	route, err := ParseRoute(scheme + "://" + user + s.listener.Addr().String() + parameters)
	if err != nil {
		t.Fatal(err)
	}
	s.accepts.Do(func() { go s.accept() })
	m := route.Mailer(sender(t)).(*server)
	m.roots = s.roots
	return m
}

func (s *sink) serve(conn net.Conn) {
	defer conn.Close()
	if s.implicit {
		conn = tls.Server(conn, s.tls)
	}
	text := bufio.NewReader(conn)
	// say answers a command, and says whether the conversation goes on.
	say := func(command, usual string) bool {
		if other, told := s.answers[command]; told {
			usual = other
		}
		switch usual {
		case "drop":
			return false
		case "hang":
			_, _ = text.ReadByte() // until the client goes away
			return false
		}
		_, err := conn.Write([]byte(usual + "\r\n"))
		return err == nil
	}
	if !say("greeting", "220 sink.example ESMTP") {
		return
	}
	var m received
	for {
		line, err := text.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		command, _, _ := strings.Cut(strings.ToUpper(line), " ")
		s.mu.Lock()
		s.commands = append(s.commands, line)
		s.mu.Unlock()
		usual := "250 2.0.0 Ok"
		switch command {
		case "EHLO":
			usual = "250-sink.example\r\n250-ENHANCEDSTATUSCODES"
			if !s.noSTARTTLS {
				usual += "\r\n250-STARTTLS"
			}
			if s.password != "" {
				usual += "\r\n250-AUTH PLAIN LOGIN"
			}
			usual += "\r\n250 8BITMIME"
		case "STARTTLS":
			if !say(command, "220 2.0.0 Ready") {
				return
			}
			conn = tls.Server(conn, s.tls)
			text = bufio.NewReader(conn)
			continue
		case "AUTH":
			usual = "535 5.7.8 Not you"
			_, credentials, _ := strings.Cut(line, "PLAIN ")
			if b, err := base64.StdEncoding.DecodeString(credentials); err == nil && strings.HasSuffix(string(b), "\x00"+s.password) {
				usual = "235 2.7.0 Welcome"
			}
		case "MAIL":
			m.from = line
		case "RCPT":
			m.to = line
		case "DATA":
			if !say(command, "354 Go on") {
				return
			}
			if m.data, err = dotted(text); err != nil {
				return
			}
			if _, other := s.answers["end"]; !other || strings.HasPrefix(s.answers["end"], "250") {
				s.mu.Lock()
				s.messages = append(s.messages, m)
				s.mu.Unlock()
			}
			command = "end"
		}
		if !say(command, usual) || command == "QUIT" {
			return
		}
	}
}

// dotted reads a message to its end.
func dotted(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == ".\r\n" {
			return b.String(), err
		}
		b.WriteString(strings.TrimPrefix(line, "."))
	}
}

func (s *sink) got() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.messages
}

// saw says whether a command was sent in clear or within TLS.
func (s *sink) saw(command string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.commands {
		if strings.HasPrefix(c, command) {
			return true
		}
	}
	return false
}

func (s *sink) port() string { return strconv.Itoa(s.listener.Addr().(*net.TCPAddr).Port) }
