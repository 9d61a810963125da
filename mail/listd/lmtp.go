package main

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/emersion/go-smtp"
)

// Bounds on one connection of Postfix's.
const (
	lmtpTimeout    = 2 * time.Minute
	deliverTimeout = 30 * time.Second
	maxLine        = 4000
)

// Answers of the service, by RFC 3463.
var (
	errTemporary = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "Try again later"}
	errUnknown   = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "There is no such address"}
)

func refused(code smtp.EnhancedCode, text string) error {
	return &smtp.SMTPError{Code: 554, EnhancedCode: code, Message: text}
}

// serveLMTP takes what Postfix delivers until ctx ends.
func serveLMTP(ctx context.Context, l net.Listener, p *post, maxBytes int64) error {
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{ctx: ctx, post: p}, nil }))
	s.LMTP, s.Domain, s.MaxMessageBytes, s.MaxLineLength = true, "mandat-listd", maxBytes, maxLine
	s.ReadTimeout, s.WriteTimeout = lmtpTimeout, lmtpTimeout
	// Each by itself: what is wrong with one must not come back to the others.
	s.MaxRecipients = 1
	s.EnableSMTPUTF8 = true
	go func() {
		<-ctx.Done()
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), deliverTimeout)
		defer cancel()
		_ = s.Shutdown(stop)
	}()
	if err := s.Serve(l); ctx.Err() == nil {
		return err
	}
	return nil
}

type session struct {
	ctx      context.Context
	post     *post
	from, to string
	utf8     bool
}

func (s *session) Mail(from string, options *smtp.MailOptions) error {
	s.from, s.utf8 = from, options != nil && options.UTF8
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if _, ok := parseRecipient(to); !ok {
		return errUnknown
	}
	s.to = to
	return nil
}

// Data answers once the message is in the database: then it is ours.
func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), deliverTimeout)
	defer cancel()
	err = s.post.deliver(ctx, s.from, s.to, content)
	if refusal := new(smtp.SMTPError); err == nil || errors.As(err, &refusal) {
		return err
	}
	s.post.log.Error("a message is not taken for now", "to", s.to, "error", err)
	return errTemporary
}

func (s *session) Reset()        { s.from, s.to = "", "" }
func (s *session) Logout() error { return nil }
