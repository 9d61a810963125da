// Package outgoing carries messages out of the program: to a mail server by
// SMTP, or into a directory, where each is a file that any mail program opens.
// It is a leaf and knows none of the nouns; what a message says is decided above.
//
// # Why a library writes the messages
//
// Headers are where a text becomes a command: a line end in a subject is a
// second recipient. github.com/wneessen/go-mail encodes every value that it
// writes, and it is alive, where net/smtp is frozen. What it leaves to its
// caller is done here: an address is one bare address or the message is refused,
// a connection is closed at the end of the context even amid a command, and a
// message that the server has taken counts as sent, whatever happens to the
// connection after.
//
// # Why no list of allowed networks
//
// The operator names the one server that is ever dialled. Nothing that a
// customer types decides where a connection goes.
package outgoing

import (
	"bytes"
	"context"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/wneessen/go-mail"
)

// A Mailer carries messages out. Its methods are safe for concurrent use.
type Mailer interface {
	// Send returns once the message is in other hands. The error is a Refused
	// when there is no use in trying again; any other may pass.
	Send(ctx context.Context, m *Message) error
}

// Message is plain text to one person, and the same as HTML for who prefers that.
type Message struct {
	ID         string // the same each time the message is sent again; letters, digits, points and hyphens
	To         string // one bare address
	Subject    string
	Text       string
	HTML       string // "" for none
	Date       time.Time
	Attachment *Attachment // nil for none
}

// Attachment is a file that comes with a message.
type Attachment struct {
	Name string
	Type string // as text/csv
	Data []byte
}

// Refused says that a message will not be taken, however often it is tried.
type Refused struct {
	Code int    // of the server's answer; 0 when the message never came so far
	Text string // what is wrong with it
}

func (r Refused) Error() string {
	if r.Code == 0 {
		return "refused: " + r.Text
	}
	return fmt.Sprintf("refused with %d: %s", r.Code, r.Text)
}

// Permanent says that trying again is of no use.
func (Refused) Permanent() bool { return true }

// Sender is whom messages come from.
type Sender struct{ address netmail.Address }

// ParseSender reads a sender as "Mandat <panel@example.org>" or the address alone.
func ParseSender(text string) (Sender, error) {
	a, err := netmail.ParseAddress(text)
	if err != nil || !ascii(a.Address) || strings.ContainsFunc(a.Name, unicode.IsControl) {
		return Sender{}, fmt.Errorf("want a sender, as Mandat <panel@example.org>")
	}
	return Sender{*a}, nil
}

func (s Sender) String() string { return s.address.String() }

// domain is the right half of the ids of messages.
func (s Sender) domain() string {
	return s.address.Address[strings.LastIndexByte(s.address.Address, '@')+1:]
}

// compose writes a message with the library, which encodes whatever it is given.
func compose(from Sender, m *Message) (*mail.Msg, error) {
	to, err := netmail.ParseAddress(m.To)
	if err != nil || to.Name != "" || to.Address != m.To || !ascii(m.To) {
		return nil, Refused{Text: "the recipient is not one address"}
	}
	if strings.ContainsFunc(m.ID, func(r rune) bool { return !idRune(r) }) || m.ID == "" {
		return nil, Refused{Text: "the message has no usable id"}
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&from.address)
	msg.ToMailAddress(to)
	msg.Subject(oneLine(m.Subject))
	msg.SetMessageIDWithValue(m.ID + "@" + from.domain())
	msg.SetDateWithValue(m.Date)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no responder answers it
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	}
	if a := m.Attachment; a != nil {
		msg.AttachReadSeeker(oneLine(a.Name), bytes.NewReader(a.Data), mail.WithFileContentType(mail.ContentType(a.Type)))
	}
	return msg, nil
}

// oneLine makes spaces of what is not to be seen. The library would encode it,
// and a mail program decode it again.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII || unicode.IsControl(r) })
}

func idRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.' || r == '-'
}
