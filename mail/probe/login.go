package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"time"
)

// SASL asks Dovecot whom it lets log in to Postfix, as Postfix asks it: by its
// protocol of authentication, whose first lines say how passwords are taken.
func SASL(ctx context.Context, address string) error {
	c, end, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer end()
	if err := c.PrintfLine("VERSION\t1\t2\nCPID\t1"); err != nil {
		return err
	}
	plain := false
	for {
		line, err := c.ReadLine()
		if err != nil {
			return fmt.Errorf("it ends before it is done: %w", err)
		}
		switch {
		case strings.HasPrefix(line, "MECH\tPLAIN\t"):
			plain = true
		case line == "DONE" && !plain:
			return errors.New("it takes no passwords (PLAIN)")
		case line == "DONE":
			return nil
		}
	}
}

// inTLS takes any certificate: Certificate is what looks at it.
var inTLS = &tls.Config{InsecureSkipVerify: true}

// Submission asks a port for people who log in whether they can, and only under
// TLS where it is secure: at once where it is implicit, and after STARTTLS elsewhere.
func Submission(ctx context.Context, address string, secure, implicit bool) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	if implicit {
		conn = tls.Client(conn, inTLS)
	}
	c := textproto.NewConn(conn)
	code, text, err := answer(c)
	if err != nil {
		return err
	}
	if code/100 != 2 {
		return fmt.Errorf("it greets with %q", firstLine(code, text))
	}
	offers, err := ehlo(c)
	if err != nil {
		return err
	}
	if secure && !implicit {
		if offers["AUTH"] {
			return errors.New("it takes passwords in clear")
		}
		if code, text, err = say(c, "STARTTLS"); err != nil {
			return err
		}
		if code/100 != 2 {
			return fmt.Errorf("it answers %q to STARTTLS", firstLine(code, text))
		}
		if offers, err = ehlo(textproto.NewConn(tls.Client(conn, inTLS))); err != nil {
			return err
		}
	}
	if !offers["AUTH"] {
		return errors.New("it lets nobody log in (AUTH)")
	}
	return nil
}

// ehlo asks for the extensions of a server.
func ehlo(c *textproto.Conn) (map[string]bool, error) {
	code, text, err := say(c, "EHLO localhost")
	if err != nil {
		return nil, err
	}
	if code/100 != 2 {
		return nil, fmt.Errorf("it answers %q to EHLO", firstLine(code, text))
	}
	offers := map[string]bool{}
	for line := range strings.Lines(text) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		offers[strings.ToUpper(word)] = true
	}
	return offers, nil
}

// Soon is how long before its end a certificate should have been renewed.
const Soon = 14 * 24 * time.Hour

// Certificate looks at the certificate that a port with TLS from the first octet
// shows: whether it is for the name, and that it does not end soon. It does not
// look at who signed it.
func Certificate(ctx context.Context, address, name string, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	conn, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: name}}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	return inOrder(conn.(*tls.Conn).ConnectionState().PeerCertificates[0], name, now)
}

func inOrder(shown *x509.Certificate, name string, now time.Time) error {
	switch end := shown.NotAfter.UTC().Format(time.RFC1123); {
	case now.After(shown.NotAfter):
		return fmt.Errorf("it ended on %s", end)
	case now.Add(Soon).After(shown.NotAfter):
		return fmt.Errorf("it ends on %s", end)
	}
	return shown.VerifyHostname(name)
}
