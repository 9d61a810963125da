package outgoing

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// Time limits: of one message with its connection, of the dial, and of what the
// server takes for one answer.
const (
	sendLimit = 45 * time.Second
	dialLimit = 10 * time.Second
	stepLimit = 20 * time.Second
)

// server sends each message over a connection of its own: messages are few.
type server struct {
	route Route
	from  Sender
	limit time.Duration
	roots *x509.CertPool // nil for those of the system; tests have their own
}

// Send hands a message to the server.
func (s *server) Send(ctx context.Context, m *Message) error {
	msg, err := compose(s.from, m)
	if err != nil {
		return err
	}
	return s.session(ctx, func(ctx context.Context, client *mail.Client, session *smtp.Client) error {
		err := client.SendWithSMTPClient(session, msg)
		if msg.IsDelivered() {
			_ = session.Quit() // a goodbye: the message is in other hands
			return nil
		}
		return s.failure(ctx, err)
	})
}

// check signs in and says goodbye.
func (s *server) check(ctx context.Context) error {
	return s.session(ctx, func(ctx context.Context, _ *mail.Client, session *smtp.Client) error {
		if err := session.Quit(); err != nil {
			return s.failure(ctx, err)
		}
		return nil
	})
}

// session connects, signs in and lets fn go on; whatever becomes of it, the
// connection ends.
func (s *server) session(ctx context.Context, fn func(context.Context, *mail.Client, *smtp.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	// The library looks at the context while it dials and never after, and keeps
	// a connection open whose greeting or STARTTLS failed: both end here.
	var conn net.Conn
	defer func() {
		if conn != nil {
			_ = conn.Close() // of no use any more
		}
	}()
	client, err := mail.NewClient(s.route.host, s.options(func(c net.Conn) {
		conn = c
		context.AfterFunc(ctx, func() { _ = c.Close() })
	})...)
	if err != nil {
		return s.failure(ctx, err)
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return s.failure(ctx, err)
	}
	return fn(ctx, client, session)
}

func (s *server) options(opened func(net.Conn)) []mail.Option {
	config := &tls.Config{ServerName: s.route.host, MinVersion: tls.VersionTLS12, RootCAs: s.roots}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, dialLimit)
		defer cancel()
		c, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		opened(c)
		if s.route.security != implicit {
			return c, nil
		}
		secure := tls.Client(c, config)
		return secure, secure.HandshakeContext(ctx)
	}
	options := []mail.Option{
		mail.WithPort(s.route.port), mail.WithTimeout(stepLimit), mail.WithTLSConfig(config), mail.WithDialContextFunc(dial),
		mail.WithTLSPolicy(mail.NoTLS), mail.WithoutNoop(), mail.WithoutRset(),
	}
	if s.route.security == upgraded {
		options = append(options, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if s.route.user != "" {
		options = append(options, mail.WithUsername(s.route.user), mail.WithPassword(s.route.password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	return options
}

// failure makes ours of the library's error. Only what the server says of this
// very message or its recipient is a refusal: one that lets nobody in, or does
// not take our sender, may be mended.
func (s *server) failure(ctx context.Context, err error) error {
	if ctx.Err() != nil { // what it broke says less
		err = ctx.Err()
	}
	text, _, _ := strings.Cut(shortened(err.Error()), ", affected recipient") // who that is, the caller knows
	var sent *mail.SendError
	if errors.As(err, &sent) && sent.Reason != mail.ErrSMTPMailFrom && sent.ErrorCode() >= 500 && sent.ErrorCode() < 600 {
		return Refused{Code: sent.ErrorCode(), Text: text}
	}
	return fmt.Errorf("mail server %s: %s", s.route, text)
}

// shortened is a text from another machine as a line of a log.
func shortened(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
