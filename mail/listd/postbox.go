package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-smtp"
)

// errLost is a connection on which nothing more can be done.
var errLost = errors.New("the connection to Postfix is lost")

// errNotHere marks a refusal that is about us, not about a recipient.
var errNotHere = errors.New("mail of ours is not taken")

// postbox is a connection to Postfix.
type postbox struct {
	to     string
	conn   *deadlined
	client *smtp.Client
}

// deadlined is a connection that no one holds longer than until, whatever the
// library sets for its commands.
type deadlined struct {
	net.Conn
	until time.Time
}

func (c *deadlined) SetDeadline(t time.Time) error {
	if !c.until.IsZero() && (t.IsZero() || t.After(c.until)) {
		t = c.until
	}
	return c.Conn.SetDeadline(t)
}

func (c *deadlined) bound(d time.Duration) {
	c.until = time.Now().Add(d)
	_ = c.SetDeadline(c.until)
}

// open connects unless there is a connection.
func (p *postbox) open(ctx context.Context) error {
	if p.client != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sendLimit/2)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", p.to)
	if err != nil {
		return err
	}
	p.conn = &deadlined{Conn: conn}
	if err := p.greet(); err != nil {
		p.close()
		return err
	}
	return nil
}

// greet says hello.
func (p *postbox) greet() error {
	p.conn.bound(sendLimit / 2)
	p.client = smtp.NewClient(p.conn)
	return p.client.Hello("localhost")
}

// close ends the connection, politely if that is quick.
func (p *postbox) close() {
	if p.client == nil {
		return
	}
	p.conn.bound(time.Second)
	if p.client.Quit() != nil {
		_ = p.client.Close()
	}
	p.client, p.conn = nil, nil
}

// send hands one copy to Postfix, and gives its last answer. The error is an
// answer of SMTP, with errNotHere when every recipient would get it, or errLost.
func (p *postbox) send(b *batch, d delivery, link string) (answer string, err error) {
	p.conn.bound(sendLimit)
	head, rest := []byte(nil), b.content
	if b.base != "" {
		head, rest = b.header.head(b.base, b.list, link, d.token), b.header.rest
	}
	answer, err = p.transact(b.envelopeSender(d), d.recipient, head, rest)
	var refusal *smtp.SMTPError
	switch {
	case err == nil:
		return answer, nil
	case !errors.As(err, &refusal):
		return err.Error(), errors.Join(err, errLost)
	case refusal.Code == 421 || p.client.Reset() != nil:
		err = errors.Join(err, errLost)
	}
	answer = fmt.Sprintf("%d %s", refusal.Code, refusal.Message)
	if e := refusal.EnhancedCode; e != (smtp.EnhancedCode{}) && e != smtp.NoEnhancedCode {
		answer = fmt.Sprintf("%d %d.%d.%d %s", refusal.Code, e[0], e[1], e[2], refusal.Message)
	}
	return answer, err
}

// transact is one transaction of SMTP, with a message in two parts.
func (p *postbox) transact(from, to string, head, rest []byte) (answer string, err error) {
	if err := p.client.Mail(from, &smtp.MailOptions{Size: int64(len(head) + len(rest))}); err != nil {
		var refusal *smtp.SMTPError
		if errors.As(err, &refusal) && refusal.Code != 552 && refusal.EnhancedCode != (smtp.EnhancedCode{5, 3, 4}) {
			err = errors.Join(err, errNotHere)
		}
		return "", err
	}
	if err := p.client.Rcpt(to, nil); err != nil {
		return "", err
	}
	w, err := p.client.Data()
	if err != nil {
		return "", err
	}
	for _, part := range [][]byte{head, rest} {
		if _, err := w.Write(part); err != nil {
			return "", err
		}
	}
	said, err := w.CloseWithResponse()
	if err != nil {
		return "", err
	}
	return said.StatusText, nil
}

// envelopeSender is whom what comes back goes to: nobody for a notice of
// delivery and for mail of our own.
func (b *batch) envelopeSender(d delivery) string {
	if b.sender == "" || b.base == "" {
		return ""
	}
	return sub(b.base, forBounce, d.token)
}
