package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-smtp"
)

// Bounds on a connection of Postfix.
const (
	maxRecipients = 100
	maxSender     = 1000            // octets of an address
	maxLine       = 64 << 10        // Postfix cuts lines after 998 octets
	lmtpLimit     = 5 * time.Minute // for one command, and for one message
	memoryLimit   = 30 * time.Second
)

// lmtpServer takes mail from Postfix (RFC 2033).
func (s *service) lmtpServer() *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{s: s}, nil }))
	server.LMTP, server.Domain, server.EnableSMTPUTF8 = true, "localhost", true
	server.MaxRecipients, server.MaxMessageBytes, server.MaxLineLength = maxRecipients, s.maxBytes, maxLine
	server.ReadTimeout, server.WriteTimeout = lmtpLimit, time.Minute
	server.ErrorLog = log.New(lineWriter{s.log}, "", 0)
	return server
}

// lineWriter gives what the library says to our log.
type lineWriter struct{ log *slog.Logger }

func (w lineWriter) Write(text []byte) (int, error) {
	level := slog.LevelDebug // a connection that broke
	if bytes.HasPrefix(text, []byte("panic")) {
		level = slog.LevelError
	}
	w.log.Log(context.Background(), level, "lmtp", "said", cut(oneLine(string(text)), 2000))
	return len(text), nil
}

// session is one connection of Postfix.
type session struct {
	s      *service
	sender string
	size   int64 // as announced; 0 when it was not
	to     []*destination
	names  []string // of the recipients, as they were given
}

// Mail begins a message.
func (c *session) Mail(from string, options *smtp.MailOptions) error {
	c.Reset()
	if len(from) > maxSender || !utf8.ValidString(from) || strings.ContainsFunc(from, unicode.IsControl) {
		return errSender
	}
	c.sender = from
	if options != nil {
		c.size = options.Size
	}
	return nil
}

// Rcpt takes a recipient, or says why not.
func (c *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	d, err := c.s.verdict(context.Background(), c.sender, to) // which is bounded
	if err != nil {
		return err
	}
	c.to, c.names = append(c.to, d), append(c.names, to)
	return nil
}

// Reset forgets the message.
func (c *session) Reset() { c.sender, c.size, c.to, c.names = "", 0, nil, nil }

// Logout is the end of the connection.
func (c *session) Logout() error { return nil }

// Data is not of LMTP.
func (c *session) Data(io.Reader) error { return errTrouble }

// LMTPData takes the message, and answers for each recipient once it is in the
// database for good.
func (c *session) LMTPData(r io.Reader, status smtp.StatusCollector) error {
	content, release, err := c.read(r)
	defer release()
	if err != nil {
		return err
	}
	l := &letter{sender: c.sender, content: content, header: splitHeader(content)}
	if l.header.size > maxHeader || len(l.header.fields) > maxFields {
		return refuse(552, smtp.EnhancedCode{5, 3, 4}, "The header of the message is too large")
	}
	for i, d := range c.to {
		ctx, cancel := context.WithTimeout(context.Background(), lmtpLimit)
		status.SetStatus(c.names[i], c.s.answer(c.s.take(ctx, d, l)))
		cancel()
	}
	return nil
}

// read reads the message into memory that is free: as much as was announced, or
// as the largest message takes. The caller releases it, whatever the error.
func (c *session) read(r io.Reader) (content []byte, release func(), err error) {
	room := c.s.maxBytes
	if c.size > 0 {
		room = min(room, c.size+c.size/8+1024) // it was announced roughly
	}
	taken := int64(0)
	release = func() { c.s.received.Release(taken) }
	waiting, cancel := context.WithTimeout(context.Background(), memoryLimit)
	defer cancel()
	if c.s.received.Acquire(waiting, room) != nil {
		return nil, release, errFull
	}
	taken = room
	b := bytes.NewBuffer(make([]byte, 0, room)) // which is touched as far as it is used
	_, err = io.Copy(b, io.LimitReader(r, room+1))
	if err == nil && int64(b.Len()) > room && room < c.s.maxBytes {
		more := c.s.maxBytes - room
		if !c.s.received.TryAcquire(more) {
			return nil, release, errFull
		}
		taken += more
		_, err = io.Copy(b, io.LimitReader(r, more+1))
	}
	switch {
	case errors.Is(err, smtp.ErrDataTooLarge) || err == nil && int64(b.Len()) > c.s.maxBytes:
		return nil, release, smtp.ErrDataTooLarge
	case errors.Is(err, smtp.ErrTooLongLine):
		return nil, release, refuse(554, smtp.EnhancedCode{5, 6, 0}, "A line of the message is too long")
	case err != nil:
		return nil, release, errTrouble
	}
	return b.Bytes(), release, nil
}

// take does what a message asks for at one destination. The error is an answer
// of SMTP, or trouble of ours: then Postfix keeps the message.
func (s *service) take(ctx context.Context, d *destination, l *letter) error {
	switch d.purpose {
	case forPost:
		return s.post(ctx, d.list, l)
	case forForward:
		return s.forward(ctx, d.forward, l)
	case forOwner:
		return s.toOwner(ctx, d.list, l)
	case forBounce:
		return s.bounce(ctx, d.copy, l)
	case forHelp:
		return s.help(ctx, d.list, l)
	case forSubscribe, forUnsubscribe:
		return s.ask(ctx, d.list, d.purpose, l)
	case forConfirm:
		return s.confirm(ctx, d, l)
	}
	return s.decide(ctx, d, l)
}
