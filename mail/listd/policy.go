package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// Bounds on a request of Postfix's policy protocol.
const (
	maxPolicyLine  = 4 << 10
	maxPolicyLines = 200
	policyIdle     = 10 * time.Minute // Postfix closes what it does not use after five
)

// destination is what a recipient's address stands for now.
type destination struct {
	recipient
	list    *list     // but of a bounce and a forward
	forward *forward  // of a forward
	copy    *returned // of a bounce
	message int64     // of a decision
	email   string    // of a confirmation: who asked
	wants   purpose   // of a confirmation: forSubscribe or forUnsubscribe
}

// refuse is an answer of SMTP other than yes. The text is for the author.
func refuse(code int, status smtp.EnhancedCode, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: status, Message: text}
}

var (
	errUnknown   = refuse(550, smtp.EnhancedCode{5, 1, 1}, "There is no such address")
	errNull      = refuse(550, smtp.EnhancedCode{5, 7, 1}, "Notices of delivery are not taken here")
	errAutomatic = refuse(550, smtp.EnhancedCode{5, 7, 1}, "Automatic messages are not taken here")
	errClosed    = refuse(550, smtp.EnhancedCode{5, 7, 1}, "Only subscribers may write to this list, from the address with which they subscribe")
	errDecided   = refuse(550, smtp.EnhancedCode{5, 7, 1}, "This message was decided about already, or has waited for too long")
	errModerator = refuse(550, smtp.EnhancedCode{5, 7, 1}, "Only moderators of this list may decide, from the address that the list knows")
	errSender    = refuse(550, smtp.EnhancedCode{5, 1, 7}, "The sender's address cannot be answered")
	errLoop      = refuse(554, smtp.EnhancedCode{5, 4, 6}, "This message has been here before")
	errMany      = refuse(552, smtp.EnhancedCode{5, 3, 4}, "This message is too large for so many subscribers")
	errHeld      = refuse(452, smtp.EnhancedCode{4, 2, 2}, "Too many messages to this list wait for a moderator")
	errFull      = refuse(452, smtp.EnhancedCode{4, 3, 1}, "Too much waits to be sent; try again later")
	errTrouble   = refuse(451, smtp.EnhancedCode{4, 3, 0}, "Out of order for the moment; try again later")
)

// resolve finds what an address stands for. The error is an answer of SMTP when
// it stands for nothing, any other when that could not be found out.
func (s *service) resolve(ctx context.Context, address string) (*destination, error) {
	r, ok := parseRecipient(address)
	if !ok {
		return nil, errUnknown
	}
	d := &destination{recipient: r}
	var err error
	switch r.purpose {
	case forForward:
		if d.forward, err = readForward(ctx, s.db, r.redirection, r.digest); err == nil && d.forward == nil {
			err = errUnknown
		}
		return d, err
	case forBounce:
		if d.copy, err = readReturned(ctx, s.db, r.token); err == nil && d.copy == nil {
			err = errUnknown
		}
		return d, err
	}
	if r.token != "" {
		return d, s.resolveToken(ctx, d)
	}
	if d.list, err = readList(ctx, s.db, r.base); err != nil || d.list == nil {
		return nil, orRefuse(err, errUnknown)
	}
	return d, nil
}

// resolveToken finds what the token of a confirmation or a decision is about. An
// address that names a list must name the token's own.
func (s *service) resolveToken(ctx context.Context, d *destination) error {
	var list int64
	var found bool
	var err error
	state := stateHeld
	if d.purpose == forConfirm {
		found, err = one(ctx, s.db, []any{&list, &d.email, &d.wants}, "SELECT c.list_id, c.email, c.kind FROM mlist.confirmations c WHERE c.token = $1 AND c.expires_at > now() AND c.confirmed_at IS NULL", d.token)
	} else {
		found, err = one(ctx, s.db, []any{&list, &d.message, &state}, "SELECT m.list_id, m.id, m.state FROM mlist.messages m WHERE m.token = $1 AND m.list_id IS NOT NULL", d.token)
	}
	if !found {
		return orRefuse(err, errUnknown)
	}
	d.list, err = listByID(ctx, s.db, list)
	switch {
	case err != nil:
		return err
	case d.list == nil || d.base != "" && d.base != d.list.address:
		return errUnknown
	case state != stateHeld:
		return errDecided
	}
	return nil
}

// orRefuse is trouble of ours, or else the refusal.
func orRefuse(err, refusal error) error {
	if err != nil {
		return err
	}
	return refusal
}

// welcome says what is wrong with mail from this sender to that destination, as
// far as the envelope tells: nil for nothing. Postfix asks at RCPT, so that who
// is turned away is told by their own server and nobody else gets a letter.
func (s *service) welcome(ctx context.Context, d *destination, sender string) error {
	if d.purpose == forBounce || d.purpose == forForward {
		return nil
	}
	if sender == "" {
		return errNull
	}
	if d.purpose != forPost {
		return nil
	}
	switch d.list.posting {
	case postingSubscribers:
		from, _ := mailbox(sender)
		may, err := mayPost(ctx, s.db, d.list, []string{from})
		if err == nil && !may {
			err = errClosed
		}
		return err
	case postingModerated:
		return s.roomToHold(ctx, d.list)
	}
	return nil
}

// roomToSend refuses when too much waits to go out: of lists, or of all else.
func (s *service) roomToSend(ctx context.Context, ofList bool) error {
	full, err := s.full(ctx, ofList)
	if err == nil && full {
		err = errFull
	}
	return err
}

// roomToHold refuses when a list's moderators have too much before them.
func (s *service) roomToHold(ctx context.Context, l *list) error {
	var held int
	var octets int64
	err := s.db.QueryRow(ctx, "SELECT count(*), COALESCE(sum(n.size_bytes), 0) FROM (SELECT m.size_bytes FROM mlist.messages m WHERE m.list_id = $1 AND m.state = 'held' LIMIT $2) AS n", l.id, maxHeld).Scan(&held, &octets)
	if err == nil && (held >= maxHeld || octets >= maxHeldOctets) {
		err = errHeld
	}
	return err
}

// roomForAll refuses what would fill the disk of the mail server, which keeps a
// copy for each subscriber until it is gone.
func (s *service) roomForAll(ctx context.Context, l *list, octets int) error {
	var subscribers int64
	err := s.db.QueryRow(ctx, "SELECT count(*) FROM mlist.subscribers m WHERE m.list_id = $1", l.id).Scan(&subscribers)
	if err == nil && subscribers*int64(octets) > maxCopied {
		err = errMany
	}
	return err
}

// verdict is the answer about one recipient of one sender, in SMTP's terms:
// trouble of ours is never a yes. All that is asked of the database for it has
// one limit: Postfix goes on without our answer after ten seconds (main.cf).
func (s *service) verdict(ctx context.Context, sender, to string) (*destination, error) {
	ctx, cancel := limited(ctx)
	defer cancel()
	d, err := s.resolve(ctx, to)
	if err == nil {
		err = s.welcome(ctx, d, sender)
	}
	return d, s.answer(err)
}

// answer makes trouble of ours an answer of SMTP.
func (s *service) answer(err error) error {
	if err == nil || errors.As(err, new(*smtp.SMTPError)) {
		return err
	}
	s.log.Error("mail has to wait", "error", err)
	return errTrouble
}

// An answerer says what Postfix is to do about a request. It is for one
// connection, whose requests come one after the other.
type answerer func(ctx context.Context, request map[string]string) string

// servePolicy answers Postfix until ctx ends, each connection by an answerer of
// its own.
func (s *service) servePolicy(ctx context.Context, l net.Listener, newAnswerer func() answerer) {
	var open sync.WaitGroup
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			s.log.Warn("a connection of the policy protocol was not accepted", "error", err)
			pause(ctx, time.Second)
			continue
		}
		open.Go(func() {
			defer conn.Close()
			ended := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now().Add(time.Second)) })
			defer ended()
			s.answerPolicy(ctx, conn, newAnswerer())
		})
	}
	open.Wait()
}

// answerPolicy answers the requests of one connection.
func (s *service) answerPolicy(ctx context.Context, conn net.Conn, answer answerer) {
	r := bufio.NewReaderSize(conn, maxPolicyLine)
	for ctx.Err() == nil {
		_ = conn.SetDeadline(time.Now().Add(policyIdle))
		request, err := readPolicy(r)
		if err != nil {
			if !errors.Is(err, io.EOF) && ctx.Err() == nil {
				s.log.Warn("a request of the policy protocol cannot be read", "error", err)
			}
			return
		}
		if _, err := fmt.Fprintf(conn, "action=%s\n\n", answer(ctx, request)); err != nil {
			return
		}
	}
}

// action is what Postfix is to do about a message to a list.
func (s *service) action(ctx context.Context, request map[string]string) string {
	if state := request["protocol_state"]; state != "" && state != "RCPT" {
		return "DUNNO"
	}
	_, err := s.verdict(ctx, request["sender"], request["recipient"])
	return policyAction(err)
}

// policyAction is an answer of SMTP in Postfix's words (access(5)).
func policyAction(err error) string {
	var refusal *smtp.SMTPError
	switch {
	case err == nil:
		return "DUNNO"
	case errors.As(err, &refusal) && refusal != errTrouble:
		e := refusal.EnhancedCode
		return fmt.Sprintf("%d %d.%d.%d %s", refusal.Code, e[0], e[1], e[2], refusal.Message)
	}
	return "DEFER_IF_PERMIT 4.3.0 " + errTrouble.Message
}

// readPolicy reads one request: lines of name=value, and an empty one
// (SMTPD_POLICY_README of Postfix).
func readPolicy(r *bufio.Reader) (map[string]string, error) {
	request := map[string]string{}
	for range maxPolicyLines {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, errors.New("a line is too long")
		case errors.Is(err, io.EOF) && (len(request) > 0 || len(line) > 0):
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			return request, nil
		}
		name, value, found := strings.Cut(text, "=")
		if !found {
			return nil, errors.New("a line is no name=value")
		}
		request[name] = value
	}
	return nil, errors.New("a request has too many lines")
}
