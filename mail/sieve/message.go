package sieve

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxMessage is how many octets of a message [ParseMessage] reads: 256 kB.
const MaxMessage = 256 << 10

// What [ParseMessage] refuses.
var (
	ErrTooLarge = errors.New("sieve: the message is larger than MaxMessage")
	ErrNoHeader = errors.New("sieve: the text has no header")
)

// Message is what filters look at: the header of a message (RFC 5322, 2.2), and
// its size. Its zero value has no header and no size.
type Message struct {
	// Size is in octets, each line end counted as CRLF, as it is when the
	// message travels (RFC 5321, 2.3.8).
	Size int64

	fields []field // in their order
}

// field is one header field.
type field struct {
	name    string // in lower case
	raw     string // as it came, folded, without what surrounds it
	text    string // as people read it: unfolded, decoded
	lowered string // the same with ASCII letters in lower case

	addresses []string // of From, To and Cc, lowered: a hundred filters may ask for them
}

// NewMessage is a message made of what somebody typed: names and addresses as
// in a mail program, several separated by commas. What is empty is not in it.
func NewMessage(from, to, cc, subject string) Message {
	return Message{}.With(From, from).With(To, to).With(Cc, cc).With(Subject, subject)
}

// With is the message with one more header field, in one line, unless the value
// is empty or the name is none by [HeaderName]. Its size grows accordingly.
func (m Message) With(name, value string) Message {
	value = strings.TrimSpace(oneLine(value))
	if value == "" || !HeaderName(name) {
		return m
	}
	m.fields = append(slices.Clip(m.fields), newField(name, value))
	m.Size += int64(len(name) + len(": ") + len(value) + len("\r\n"))
	return m
}

// Values are the fields of one name as people read them, in their order.
func (m Message) Values(name string) []string {
	var values []string
	for _, f := range m.named(name) {
		values = append(values, f.text)
	}
	return values
}

func (m Message) named(name string) []field {
	name = lower(name)
	var found []field
	for _, f := range m.fields {
		if f.name == name {
			found = append(found, f)
		}
	}
	return found
}

// ParseMessage reads a message as somebody pasted it: a whole source, or a few
// lines of its header; lines end with CRLF or LF. What is before the first line
// with something in it does not count, nor does an mbox separator ("From " and
// no colon after the name). Lines that are no field are passed over, as a mail
// server does. The error is [ErrTooLarge], or [ErrNoHeader] when not one line is
// a field.
func ParseMessage(text string) (Message, error) {
	if len(text) > MaxMessage {
		return Message{}, fmt.Errorf("%w: %d octets", ErrTooLarge, len(text))
	}
	text = strings.TrimLeft(strings.TrimPrefix(text, "\uFEFF"), "\r\n\t ")
	if after, ok := strings.CutPrefix(text, "From "); ok && !strings.HasPrefix(strings.TrimLeft(after, " \t"), ":") {
		_, text, _ = strings.Cut(text, "\n")
	}
	m := Message{Size: int64(len(text) + strings.Count(text, "\n") - strings.Count(text, "\r\n"))}
	for text != "" {
		var line string
		line, text = nextField(text)
		if line == "" {
			break // the body begins
		}
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimRight(name, " \t"); !ok || !HeaderName(name) {
			continue
		}
		m.fields = append(m.fields, newField(name, value))
	}
	if len(m.fields) == 0 {
		return Message{}, ErrNoHeader
	}
	return m, nil
}

// nextField cuts the first line and those that continue it (RFC 5322, 2.2.3) off
// a text; in it, lines end with LF, the last one with nothing.
func nextField(text string) (logical, rest string) {
	var lines []string
	for {
		line, after, ended := strings.Cut(text, "\n")
		if ended {
			line = strings.TrimSuffix(line, "\r")
		}
		lines, text = append(lines, line), after
		if line == "" && len(lines) == 1 || !strings.HasPrefix(text, " ") && !strings.HasPrefix(text, "\t") {
			return strings.Join(lines, "\n"), text
		}
	}
}

func newField(name, value string) field {
	value = strings.ReplaceAll(value, "\x00", "\uFFFD")
	value = strings.TrimLeft(value, " \t")
	text := strings.TrimRight(decode(unfold(value)), " \t")
	f := field{name: lower(name), raw: strings.TrimRight(value, " \t"), text: text, lowered: lower(text)}
	if hasAddresses(f.name) {
		for _, address := range addresses(f.raw) {
			f.addresses = append(f.addresses, lower(address))
		}
	}
	return f
}

// unfold makes of a line end and the blank after it one space.
func unfold(value string) string {
	return strings.NewReplacer("\n ", " ", "\n\t", " ").Replace(value)
}

// HeaderName says whether a text is the name of a header field (RFC 5322, 2.2):
// visible ASCII without a colon, at most 76 octets, so that a line has room for it.
func HeaderName(name string) bool {
	return name != "" && len(name) <= 76 && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' })
}

// lower is a text with its ASCII letters in lower case, its other octets as they are.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
