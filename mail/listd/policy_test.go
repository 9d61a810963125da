package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"example.org/mandat/models"
)

func asSMTP(err error, target **smtp.SMTPError) bool { return errors.As(err, target) }

// asks asks the service as Postfix does, and returns the action.
func (i *instance) asks(attributes ...string) string {
	i.t.Helper()
	conn, err := net.Dial("tcp", i.policy)
	if err != nil {
		i.t.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	var action string
	for range 2 { // a connection is used more than once
		fmt.Fprintf(conn, "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=192.0.2.1\n%s\n\n", strings.Join(attributes, "\n"))
		line, err := r.ReadString('\n')
		if err != nil {
			i.t.Fatal(err)
		}
		end, err := r.ReadString('\n')
		if err != nil || end != "\n" || !strings.HasPrefix(line, "action=") {
			i.t.Fatalf("%q %q %v", line, end, err)
		}
		action = strings.TrimSuffix(strings.TrimPrefix(line, "action="), "\n")
	}
	return action
}

func TestPostfixIsToldAtRCPT(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open := w.list("ouverte", models.ListSettings{Posting: models.PostingEveryone})
	moderated := w.list("moderee", models.ListSettings{Posting: models.PostingModerated})
	i := w.start()
	nobody := strings.Repeat("a", 26)
	for _, c := range []struct{ sender, recipient, want string }{
		{outsider, open, "DUNNO"},
		{outsider, moderated, "DUNNO"},
		{outsider, team, "550 5.7.1 Only subscribers"},
		{member1, team, "DUNNO"},
		{strings.ToUpper(member1), strings.ToUpper(team), "DUNNO"},
		{teamBoss, team, "DUNNO"},
		{"", open, "550 5.7.1 "},
		{"", "ouverte+subscribe@garrigue.example", "550 5.7.1 "},
		{outsider, "ouverte+subscribe@garrigue.example", "DUNNO"},
		{outsider, "equipe+unsubscribe@garrigue.example", "DUNNO"},
		{outsider, "equipe+help@garrigue.example", "DUNNO"},
		{outsider, "equipe+owner@garrigue.example", "DUNNO"},
		{outsider, "equipe+else@garrigue.example", "550 5.1.1 "},
		{outsider, "equipe+confirm-" + nobody + "@garrigue.example", "550 5.1.1 "},
		{outsider, "equipe+accept-" + nobody + "@garrigue.example", "550 5.1.1 "},
		{outsider, "equipe+reject-short@garrigue.example", "550 5.1.1 "},
		{"", "equipe+bounces-" + nobody + "@garrigue.example", "550 5.1.1 "},
		{"", "nobody@garrigue.example", "550 5.1.1 "},
		{outsider, "x' OR '1'='1", "550 5.1.1 "},
		{"x' OR '1'='1", team, "550 5.7.1 "},
		{"\x00\xff", team, "550 5.7.1 "},
	} {
		if got := i.asks("sender="+c.sender, "recipient="+c.recipient); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q to %q: %q, want %q", c.sender, c.recipient, got, c.want)
		}
	}
	if got := i.action(t.Context(), map[string]string{"protocol_state": "DATA"}); got != "DUNNO" {
		t.Errorf("at DATA: %q", got)
	}
}

// Postfix takes no answer within ten seconds for a yes, or for a failure of ours.
func TestASlowDatabaseIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.start()
	tx, err := w.SQL.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	for _, step := range []string{"LOCK TABLE list_subscribers IN ACCESS EXCLUSIVE MODE", "SAVEPOINT before", "LOCK TABLE lists IN ACCESS EXCLUSIVE MODE"} {
		if _, err := tx.ExecContext(t.Context(), step); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	time.AfterFunc(queryLimit*3/5, func() { _, _ = tx.ExecContext(t.Context(), "ROLLBACK TO before") })
	action := i.action(t.Context(), map[string]string{"protocol_state": "RCPT", "sender": member1, "recipient": team})
	if took := time.Since(began); !strings.HasPrefix(action, "DEFER_IF_PERMIT") || took > queryLimit*7/5 {
		t.Errorf("after %v: %q", took, action)
	}
}

func TestABrokenRequestEndsItsConnectionAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	i := w.start()
	for _, text := range []string{"\x00\n\n", "no value\n\n", strings.Repeat("a", 100_000), strings.Repeat("a=b\n", maxPolicyLines+1), "a=b\n"} {
		conn, err := net.Dial("tcp", i.policy)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, text)
		_ = conn.(*net.TCPConn).CloseWrite()
		if answer, _ := bufio.NewReader(conn).ReadString('\n'); answer != "" { // it may be reset
			t.Errorf("%.20q is answered %q", text, answer)
		}
		conn.Close()
	}
	if got := i.asks("sender="+member1, "recipient="+team); got != "DUNNO" {
		t.Error(got)
	}
}

func FuzzReadPolicy(f *testing.F) {
	f.Add([]byte("request=smtpd_access_policy\nprotocol_state=RCPT\nsender=a@b\nrecipient=c@d\n\n"))
	f.Add([]byte("a=b\r\n\r\n"))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		request, err := readPolicy(bufio.NewReaderSize(bytes.NewReader(text), maxPolicyLine))
		if err == nil && len(request) > maxPolicyLines || err != nil && request != nil {
			t.Errorf("%d lines, %v", len(request), err)
		}
		for name, value := range request {
			if strings.ContainsAny(name+value, "\n") || strings.Contains(name, "=") {
				t.Errorf("%q=%q", name, value)
			}
		}
	})
}
