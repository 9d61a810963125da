package probe

import (
	"bufio"
	"net"
	"strings"
	"testing"
)

// server answers the lines that begin with a word, and greets first where it has a greeting.
func server(t *testing.T, greeting string, answers map[string]string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte(greeting))
		lines := bufio.NewScanner(conn)
		for lines.Scan() {
			for begin, answer := range answers {
				if strings.HasPrefix(lines.Text(), begin) {
					_, _ = conn.Write([]byte(answer))
				}
			}
		}
	}()
	return l.Addr().String()
}

func TestPostfixIsAskedAboutOneThatExistsAndOneThatDoesNot(t *testing.T) {
	usual := func(good, bad string) map[string]string {
		return map[string]string{
			"EHLO": "250-mx\r\n250 SIZE 1\r\n", "MAIL": "250 2.1.0 Ok\r\n", "QUIT": "221 bye\r\n",
			"RCPT TO:<good@": good, "RCPT TO:<bad@": bad,
		}
	}
	for name, c := range map[string]struct{ good, bad, want string }{
		"as it should be":         {"250 ok\r\n", "550 5.1.1 unknown\r\n", ""},
		"full":                    {"552 5.2.2 Mailbox is full\r\n", "550 5.1.1 unknown\r\n", ""},
		"blocked":                 {"550 5.2.1 This mailbox is disabled\r\n", "550 5.1.1 unknown\r\n", ""},
		"it does not read tables": {"451 4.3.0 lookup failure\r\n", "451\r\n", "451 4.3.0 lookup failure"},
		"another machine's":       {"554 5.7.1 Relay access denied\r\n", "554\r\n", "554 5.7.1"},
		"it takes everything":     {"250 ok\r\n", "250 ok\r\n", "does not exist"},
	} {
		err := Postfix(t.Context(), server(t, "220 mx\r\n", usual(c.good, c.bad)), "good@a.example", "bad@a.example")
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Postfix(t.Context(), "127.0.0.1:1", "a@b", "c@b"); err == nil {
		t.Error("nobody there is no error")
	}
}

func TestTheListServiceIsAsked(t *testing.T) {
	if err := LMTP(t.Context(), server(t, "220 lists\r\n", map[string]string{"LHLO": "250 ok\r\n", "QUIT": "221 bye\r\n"})); err != nil {
		t.Error(err)
	}
	if err := LMTP(t.Context(), server(t, "220 lists\r\n", map[string]string{"LHLO": "500 what\r\n"})); err == nil {
		t.Error("another program is taken for it")
	}
	if err := Policy(t.Context(), server(t, "", map[string]string{"recipient=": "action=550 5.1.1 none\n\n"}), "x@a.example"); err != nil {
		t.Error(err)
	}
	if err := Policy(t.Context(), server(t, "", map[string]string{"recipient=": "action=DEFER_IF_PERMIT\n\n"}), "x@a.example"); err == nil {
		t.Error("it does not reach its database, and that is no error")
	}
	for answer, well := range map[string]bool{"DUNNO": true, "552 5.2.2 Mailbox is full": true, "DEFER_IF_PERMIT 4.3.0 later": false, "550 5.1.1 none": false} {
		if err := Quota(t.Context(), server(t, "", map[string]string{"recipient=good@a.example": "action=" + answer + "\n\n"}), "good@a.example"); (err == nil) != well {
			t.Errorf("%s: %v", answer, err)
		}
	}
}
