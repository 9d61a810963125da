package mailtest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Arrival is how long a message may take on a machine that is busy.
const Arrival = 30 * time.Second

// Send hands one message to the MX port, as a stranger's server does: nil when
// it was taken.
func (s *Stack) Send(from, to, message string) error {
	return s.send(s.Settings.Ports.MX, nil, from, to, message)
}

// Submit hands one message to the submission port, logged in.
func (s *Stack) Submit(login, password, from, to, message string) error {
	return s.send(s.Settings.Ports.Submission, sasl.NewPlainClient("", login, password), from, to, message)
}

func (s *Stack) send(port int, auth sasl.Client, from, to, message string) error {
	c, err := s.SMTP(port)
	if err != nil {
		return err
	}
	defer c.Close()
	if auth != nil {
		if err := c.Auth(auth); err != nil {
			return err
		}
	}
	message = strings.ReplaceAll(message, "\n", "\r\n")
	if err := c.Mail(from, &smtp.MailOptions{Size: int64(len(message))}); err != nil {
		return err
	}
	if err := c.Rcpt(to, nil); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte(message)); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

// SMTP is a connection to one of Postfix's ports, with TLS where the stack has it.
func (s *Stack) SMTP(port int) (*smtp.Client, error) {
	address := fmt.Sprintf("127.0.0.1:%d", port)
	dial := smtp.Dial
	if s.Settings.Certificate != "" {
		dial = func(address string) (*smtp.Client, error) { return smtp.DialStartTLS(address, Unverified) }
	}
	c, err := dial(address)
	if err != nil {
		return nil, err
	}
	c.CommandTimeout, c.SubmissionTimeout = Arrival, Arrival
	return c, nil
}

// Unverified takes any certificate: it is made for the test, and what is proven is that there is TLS.
var Unverified = &tls.Config{InsecureSkipVerify: true}

// Code is the answer of a server that refused, 0 for any other error.
func Code(err error) int {
	var refusal *smtp.SMTPError
	if errors.As(err, &refusal) {
		return refusal.Code
	}
	return 0
}

// Message is a short plain message.
func Message(from, to, subject string, more ...string) string {
	return fmt.Sprintf("From: %s\nTo: %s\nSubject: %s\nMessage-ID: <%d@elsewhere.test>\nDate: %s\n%s\nHello.\n",
		from, to, subject, time.Now().UnixNano(), time.Now().Format(time.RFC1123Z), strings.Join(append(more, ""), "\n"))
}

// IMAP is a session of a mailbox.
type IMAP struct {
	*imapclient.Client
	ended chan struct{}
}

// IMAP logs in: the error is the server's.
func (s *Stack) IMAP(login, password string) (*IMAP, error) {
	conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Settings.Ports.IMAP))
	if err != nil {
		return nil, err
	}
	watched := &watchedConn{Conn: conn, ended: make(chan struct{})}
	var c *imapclient.Client
	if s.Settings.Certificate != "" {
		c, err = imapclient.NewStartTLS(watched, &imapclient.Options{TLSConfig: Unverified})
		if err != nil {
			return nil, err
		}
	} else {
		c = imapclient.New(watched, nil)
	}
	if err := c.Login(login, password).Wait(); err != nil {
		_ = c.Close()
		return nil, err
	}
	return &IMAP{c, watched.ended}, nil
}

// watchedConn tells when the other side ended it.
type watchedConn struct {
	net.Conn
	ended chan struct{}
}

func (w *watchedConn) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if err != nil {
		select {
		case <-w.ended:
		default:
			close(w.ended)
		}
	}
	return n, err
}

// Ended says whether the server has ended the session.
func (i *IMAP) Ended() bool {
	select {
	case <-i.ended:
		return true
	default:
		return false
	}
}

// Append puts a message into the inbox as a mail program does.
func (s *Stack) Append(login, password, message string) error {
	c, err := s.IMAP(login, password)
	if err != nil {
		return err
	}
	defer c.Close()
	message = strings.ReplaceAll(message, "\n", "\r\n")
	put := c.Client.Append("INBOX", int64(len(message)), nil)
	if _, err := put.Write([]byte(message)); err != nil {
		return err
	}
	if err := put.Close(); err != nil {
		return err
	}
	_, err = put.Wait()
	return err
}

// Mail is a message in a folder.
type Mail struct {
	Subject string
	Flags   []imap.Flag
	Data    string
}

// Folder reads a folder whole; nil when there is none.
func (s *Stack) Folder(t testing.TB, login, password, folder string) (list []Mail) {
	t.Helper()
	c, err := s.IMAP(login, password)
	if err != nil {
		t.Fatalf("%s: %v", login, err)
	}
	defer c.Close()
	selected, err := c.Select(folder, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil || selected.NumMessages == 0 {
		return nil
	}
	var all imap.SeqSet
	all.AddRange(1, 0)
	whole := &imap.FetchItemBodySection{Peek: true}
	messages, err := c.Fetch(all, &imap.FetchOptions{Flags: true, BodySection: []*imap.FetchItemBodySection{whole}}).Collect()
	if err != nil {
		t.Fatalf("%s: %v", login, err)
	}
	for _, m := range messages {
		data := string(m.FindBodySection(whole))
		list = append(list, Mail{header(data, "Subject"), m.Flags, data})
	}
	return list
}

// everything is how many messages are in which folder, for a test that missed one.
func (s *Stack) everything(login, password string) string {
	c, err := s.IMAP(login, password)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	folders, err := c.List("", "*", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true}}).Collect()
	if err != nil {
		return err.Error()
	}
	said := []string{}
	for _, f := range folders {
		if f.Status != nil && f.Status.NumMessages != nil {
			said = append(said, fmt.Sprintf("%d in %s", *f.Status.NumMessages, f.Mailbox))
		}
	}
	return strings.Join(said, ", ")
}

// Await waits for a message of that subject in a folder.
func (s *Stack) Await(t testing.TB, login, password, folder, subject string) Mail {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("%s has %s", login, s.everything(login, password))
		}
	}()
	var found Mail
	Within(t, Arrival, subject+" in "+folder+" of "+login, func() bool {
		list := s.Folder(t, login, password, folder)
		i := slices.IndexFunc(list, func(m Mail) bool { return m.Subject == subject })
		if i >= 0 {
			found = list[i]
		}
		return i >= 0
	})
	return found
}
