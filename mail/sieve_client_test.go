package mail_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"

	"example.org/mandat/mail/mailtest"
)

func plain(login, password string) sasl.Client { return sasl.NewPlainClient("", login, password) }

// putScript stores and activates a script as a mail program does (ManageSieve, RFC 5804).
func putScript(t *testing.T, s *mailtest.Stack, login, password, script string) {
	t.Helper()
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Settings.Ports.Sieve))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	r := bufio.NewReader(conn)
	answer := func(to string) {
		t.Helper()
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatalf("%s: %v", to, err)
			}
			switch {
			case strings.HasPrefix(line, "OK"):
				return
			case strings.HasPrefix(line, "NO"), strings.HasPrefix(line, "BYE"):
				t.Fatalf("%s: %s", to, line)
			}
		}
	}
	answer("greeting")
	fmt.Fprintf(conn, "AUTHENTICATE \"PLAIN\" \"%s\"\r\n", base64.StdEncoding.EncodeToString([]byte("\x00"+login+"\x00"+password)))
	answer("AUTHENTICATE")
	fmt.Fprintf(conn, "PUTSCRIPT \"own\" {%d+}\r\n%s\r\n", len(script), script)
	answer("PUTSCRIPT")
	fmt.Fprint(conn, "SETACTIVE \"own\"\r\n")
	answer("SETACTIVE")
}
