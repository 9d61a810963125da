// Package probe asks running mail servers a few questions, for an operator who
// wants to know what is wrong. It sends no mail: it stops before there is any.
// It is a leaf and knows none of the nouns.
package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"time"
)

// Timeout bounds one probe.
const Timeout = 15 * time.Second

// dial connects and reads the greeting.
func dial(ctx context.Context, address string) (*textproto.Conn, func(), error) {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	return textproto.NewConn(conn), func() { cancel(); _ = conn.Close() }, nil
}

// say sends a line and gives the answer.
func say(c *textproto.Conn, format string, args ...any) (code int, text string, err error) {
	if err := c.PrintfLine(format, args...); err != nil {
		return 0, "", err
	}
	return answer(c)
}

func answer(c *textproto.Conn) (code int, text string, err error) {
	code, text, err = c.ReadResponse(0)
	if wrong := new(textproto.Error); errors.As(err, &wrong) {
		err = nil
	}
	return code, text, err
}

// Postfix asks the port for strangers about an address that must be taken and
// one that must not: it so proves that Postfix reads the panel's tables. The
// error says which answer was another, and what it was.
func Postfix(ctx context.Context, address, good, bad string) error {
	c, end, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer end()
	if _, _, err := answer(c); err != nil {
		return err
	}
	for _, line := range []string{"EHLO localhost", "MAIL FROM:<>"} {
		code, text, err := say(c, "%s", line)
		if err != nil {
			return err
		}
		if code/100 != 2 {
			return fmt.Errorf("it answers %q to %s", firstLine(code, text), line)
		}
	}
	code, text, err := say(c, "RCPT TO:<%s>", good)
	if err != nil {
		return err
	}
	// A mailbox that is full or blocked was found as well.
	if code/100 != 2 && code != 552 && !strings.Contains(text, "disabled") {
		return fmt.Errorf("it answers %q for %s, which exists", firstLine(code, text), good)
	}
	code, text, err = say(c, "RCPT TO:<%s>", bad)
	if err != nil {
		return err
	}
	if code != 550 && code != 554 { // of a domain that is ours, and of any other
		return fmt.Errorf("it answers %q for %s, which does not exist", firstLine(code, text), bad)
	}
	_, _, err = say(c, "QUIT")
	return err
}

// LMTP asks whether a server takes mail from Postfix (RFC 2033).
func LMTP(ctx context.Context, address string) error {
	c, end, err := dial(ctx, address)
	if err != nil {
		return err
	}
	defer end()
	if _, _, err := answer(c); err != nil {
		return err
	}
	code, text, err := say(c, "LHLO localhost")
	if err != nil {
		return err
	}
	if code/100 != 2 {
		return fmt.Errorf("it answers %q to LHLO", firstLine(code, text))
	}
	_, _, err = say(c, "QUIT")
	return err
}

// Policy asks the list service who may write to an address of nobody's: it reads
// the database to say that there is none.
func Policy(ctx context.Context, address, nobody string) error {
	line, err := policy(ctx, address, nobody)
	if err == nil && !strings.HasPrefix(line, "action=550") {
		err = fmt.Errorf("it answers %q for an address of nobody's", line)
	}
	return err
}

// Quota asks the list service whether a mailbox that exists has room: it reads
// the database to say either.
func Quota(ctx context.Context, address, good string) error {
	line, err := policy(ctx, address, good)
	if err == nil && line != "action=DUNNO" && !strings.HasPrefix(line, "action=552") {
		err = fmt.Errorf("it answers %q for %s", line, good)
	}
	return err
}

// policy asks about a recipient as Postfix does (SMTPD_POLICY_README).
func policy(ctx context.Context, address, recipient string) (string, error) {
	c, end, err := dial(ctx, address)
	if err != nil {
		return "", err
	}
	defer end()
	if err := c.PrintfLine("request=smtpd_access_policy\r\nprotocol_state=RCPT\r\nsender=\r\nrecipient=%s\r\n", recipient); err != nil {
		return "", err
	}
	return c.ReadLine()
}

func firstLine(code int, text string) string {
	text, _, _ = strings.Cut(text, "\n")
	return fmt.Sprintf("%d %s", code, text)
}
