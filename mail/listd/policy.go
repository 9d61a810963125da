package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"
)

// Bounds on one connection of Postfix's policy client, which keeps it open.
const (
	maxPolicyConnections = 200
	maxPolicyLines       = 100
	policyIdle           = 10 * time.Minute
	policyTimeout        = 8 * time.Second // Postfix waits for 10
)

// servePolicy answers Postfix who may write to a list, until ctx ends. Where it
// cannot tell, the sender is asked to come again: nothing is let in unseen.
func servePolicy(ctx context.Context, l net.Listener, db *queue, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	context.AfterFunc(ctx, func() { _ = l.Close() })
	places := make(chan struct{}, maxPolicyConnections)
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case places <- struct{}{}:
		default: // Postfix goes on without us, and LMTP decides
			_ = conn.Close()
			continue
		}
		wait.Go(func() {
			defer func() { <-places }()
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			defer conn.Close()
			if err := answerPolicy(ctx, conn, db, log); ctx.Err() == nil && !errors.Is(err, io.EOF) {
				log.Debug("a policy connection ended", "error", err)
			}
		})
	}
}

// answerPolicy answers until the connection ends; the error says how it did.
func answerPolicy(ctx context.Context, conn net.Conn, db *queue, log *slog.Logger) error {
	lines := bufio.NewReaderSize(conn, maxLine)
	for {
		if err := conn.SetDeadline(time.Now().Add(policyIdle)); err != nil {
			return err
		}
		attributes, err := readPolicy(lines)
		if err != nil {
			return err
		}
		asked, cancel := context.WithTimeout(ctx, policyTimeout)
		action, err := db.policy(asked, attributes["sender"], attributes["recipient"])
		cancel()
		if err != nil {
			log.Error("who may write cannot be told", "recipient", attributes["recipient"], "error", err)
			action = "DEFER_IF_PERMIT 4.3.0 Try again later"
		}
		if _, err := fmt.Fprintf(conn, "action=%s\n\n", action); err != nil {
			return err
		}
	}
}

// readPolicy reads one request: name=value lines, ended by an empty one.
func readPolicy(lines *bufio.Reader) (map[string]string, error) {
	attributes := map[string]string{}
	for range maxPolicyLines {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			return attributes, nil
		}
		if name, value, ok := strings.Cut(text, "="); ok {
			attributes[name] = value
		}
	}
	return nil, errors.New("a request with too many lines")
}

// Actions of access(5).
const (
	permitted    = "DUNNO"
	noSuch       = "550 5.1.1 There is no such address"
	notOnTheList = "550 5.7.1 Only subscribers write to this list, from the address that they subscribed"
	noNotices    = "550 5.7.1 A list takes no notices of delivery"
)

// policy is the action for a message that is announced.
func (q *queue) policy(ctx context.Context, sender, to string) (string, error) {
	r, ok := parseRecipient(to)
	if !ok {
		return noSuch, nil
	}
	if r.token != "" {
		known, err := q.known(ctx, r)
		if err != nil || known {
			return permitted, err
		}
		return noSuch, nil
	}
	if r.word != "" {
		return permitted, nil
	}
	l, err := q.list(ctx, r.list)
	switch {
	case errors.Is(err, errNone):
		return noSuch, nil
	case err != nil:
		return "", err
	case sender == "":
		return noNotices, nil
	case l.Post != postSubscribers:
		return permitted, nil
	}
	belongs, err := q.belongs(ctx, l, strings.ToLower(sender))
	if err != nil || belongs {
		return permitted, err
	}
	return notOnTheList, nil
}
