package connect

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"example.org/mandat/mail/imap"
)

// serve says a text to whoever is at the other end of the connection that it
// gives, a part of it before the first command and another after each, with the
// command's tag for each ~. said gives how many octets were taken.
func serve(parts ...[]byte) (conn net.Conn, said func() int) {
	conn, far := net.Pipe()
	taken := make(chan int, 1)
	tags := make(chan []byte, 100)
	go func() {
		defer close(tags)
		for lines := bufio.NewScanner(far); lines.Scan(); {
			tag, _, _ := strings.Cut(lines.Text(), " ")
			tags <- []byte(tag)
		}
	}()
	go func() {
		defer far.Close()
		total := 0
		for i, part := range parts {
			if i > 0 {
				part = bytes.ReplaceAll(part, []byte("~"), <-tags)
			}
			n, err := far.Write(part)
			if total += n; err != nil {
				break
			}
		}
		taken <- total
	}()
	return conn, func() int { _ = conn.Close(); return <-taken }
}

// Nothing is read beyond the line that lets TLS begin, nor more than a greeting
// has; and no other line does.
func FuzzStartTLS(f *testing.F) {
	for _, text := range []string{
		"* OK hi\r\nS1 OK go\r\n", "* ok\n* CAPABILITY X\r\ns1 ok\r\n* OK [CAPABILITY AUTH=PLAIN] behind it\r\n", "* PREAUTH\r\nS1 OK\r\n", "* OK\r\nS1 NO\r\n", "* OK\r\nS1 O", "* OK\r\n+ \r\n", "",
		strings.Repeat("*", maxGreeting+1), "* OK\r\n" + strings.Repeat("* \n", maxGreeting),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		conn, said := serve(text)
		err := startTLS(conn)
		taken := said()
		if taken > maxGreeting+1 {
			t.Errorf("%d octets were read", taken)
		}
		if err != nil {
			return
		}
		lines := strings.SplitAfter(string(text[:taken]), "\n")
		last := lines[len(lines)-2] // nothing is behind it
		if !strings.HasPrefix(strings.ToUpper(lines[0]), "* OK") || !strings.HasPrefix(strings.ToUpper(last), "S1 OK") || lines[len(lines)-1] != "" {
			t.Errorf("%q let TLS begin", lines)
		}
	})
}

// Whatever a server answers, the session ends in time, tells nothing of its words,
// and hands on what is within the bounds.
func FuzzSession(f *testing.F) {
	const caps = "[CAPABILITY IMAP4rev1 SPECIAL-USE LIST-EXTENDED]"
	const greeting = "* OK " + caps + " hi\r\n|~ OK " + caps + " in\r\n|"
	for _, text := range []string{
		greeting + "* LIST (\\Sent) \"/\" \"Sent\"\r\n* LIST () NIL {5}\r\nINBOX\r\n* LIST (\\Noselect) \".\" &AOk-\r\n~ OK\r\n|* 3 EXISTS\r\n* OK [UIDVALIDITY 7]\r\n* OK [UIDNEXT 4]\r\n~ OK [READ-ONLY]\r\n|" +
			"* 1 FETCH (UID 1 FLAGS (\\Seen $x) RFC822.SIZE 5 INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" BODY[HEADER.FIELDS (MESSAGE-ID)] {17}\r\nMessage-Id: <a>\r\n)\r\n~ OK\r\n|* 1 FETCH (UID 1 BODY[] {5}\r\nhello)\r\n* 2 FETCH (UID 9 BODY[] NIL)\r\n~ OK\r\n|",
		greeting + "~ NO [OVERQUOTA] secret words\r\n|* OK [UIDVALIDITY 7]\r\n~ OK\r\n|* STATUS INBOX (UIDNEXT 5)\r\n~ OK\r\n|* 1 FETCH (BODY[] {9}\r\nhel", "* PREAUTH hi\r\n|", "* BYE secret words\r\n", "* OK\r\n|~ NO [AUTHENTICATIONFAILED] secret words\r\n",
		"* OK\r\n|~ BAD\r\n", "* OK hi\r\n|+ go on\r\n~ OK\r\n|* LIST (((((\r\n", greeting + "* 4294967296 FETCH (UID 0)\r\n* 0 EXISTS\r\n* VANISHED 1:*\r\n* 1 FETCH (ENVELOPE (NIL BODYSTRUCTURE ((((\r\n~ OK\r\n|",
		greeting + "* LIST () \"/\" {99999}\r\n", greeting + "~ OK\r\n|* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 2]\r\n~ OK\r\n|* 1 FETCH (UID 1 BODY[HEADER] {4}\r\nab", "\x00\xff", "* OK [",
		"* OK [CAPABILITY IMAP4rev( SPECIAL-USE] hi\r\n", // to which the library listened for ever
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		conn, said := serve(bytes.Split(text, []byte("|"))...)
		defer said()
		begun := time.Now()
		defer func() {
			if took := time.Since(begun); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
		}()
		ours := func(err error) bool {
			if err != nil && strings.Contains(err.Error(), "secret words") {
				t.Errorf("it tells what the server said: %v", err)
			}
			return err == nil
		}
		s, err := signIn(t.Context(), conn, "", "me", "pw", 20*time.Millisecond)
		if !ours(err) {
			return
		}
		defer s.Close()
		folders, err := s.Folders(t.Context())
		if ours(err); len(folders) > imap.MaxFolders {
			t.Errorf("%d folders", len(folders))
		}
		for _, folder := range folders {
			if folder.Name == "" || len(folder.Name) > maxFolderName {
				t.Errorf("%q", folder.Name)
			}
		}
		if m, err := s.Open(t.Context(), "INBOX"); ours(err) && (m.Validity == 0 || m.Next == 0 || m.Messages < 0) {
			t.Errorf("%+v", m)
		}
		ours(s.List(t.Context(), 1, 3, true, func(m imap.Message) error {
			if m.UID == 0 || len(m.Identity) != 32 {
				t.Errorf("%+v", m)
			}
			return nil
		}))
		enough := errors.New("enough")
		err = s.Bodies(t.Context(), []uint32{1, 2}, func(uid uint32, size int64, body io.Reader) error {
			n, err := io.Copy(io.Discard, body)
			if uid != 1 && uid != 2 || size > 2*imap.MaxMessage || err == nil && n != size {
				t.Errorf("%d of %d octets of %d, %v", n, size, uid, err)
			}
			if uid == 2 {
				return enough
			}
			return err
		})
		if ours(err); errors.Is(err, enough) && err != enough {
			t.Errorf("the reader's error became %v", err)
		}
	})
}
