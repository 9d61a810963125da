package main

import (
	"bufio"
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"unicode"
	"unicode/utf8"

	gomessage "github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // to read what is written in others
	"github.com/emersion/go-smtp"
)

// parsed is a message whose headers can be asked. Its octets stay as they came.
type parsed struct {
	content []byte
	head    []field
	body    int // where it begins
}

// field is one header, as it came, with the line end after it.
type field struct {
	name string // in lower case
	raw  []byte
}

// Bounds on what is looked at.
const (
	maxFields  = 1000
	maxText    = 300 // runes of an author or a subject that are kept
	maxExcerpt = 1500
	maxParts   = 20
	maxDepth   = 5
)

// parse takes the headers apart (RFC 5322, 2.2). A line that is no header begins the body.
func parse(content []byte) *parsed {
	m := &parsed{content: content}
	for at := 0; at < len(content) && len(m.head) < maxFields; {
		end := bytes.IndexByte(content[at:], '\n')
		if end < 0 {
			end = len(content)
		} else {
			end += at + 1
		}
		line := content[at:end]
		switch {
		case len(bytes.TrimRight(line, "\r\n")) == 0:
			m.body = at
			return m
		case (line[0] == ' ' || line[0] == '\t') && len(m.head) > 0:
			last := &m.head[len(m.head)-1]
			last.raw = last.raw[:len(last.raw)+len(line)] // they lie one after the other
		default:
			name, _, ok := bytes.Cut(line, []byte(":"))
			name = bytes.TrimRight(name, " \t")
			if !ok || len(name) == 0 || bytes.ContainsAny(name, " \t") {
				m.body = at
				return m
			}
			m.head = append(m.head, field{strings.ToLower(string(name)), content[at:end:len(content)]})
		}
		at = end
		m.body = at
	}
	return m
}

// values are those of a header, unfolded.
func (m *parsed) values(name string) (list []string) {
	for _, f := range m.head {
		if f.name == name {
			_, value, _ := strings.Cut(string(f.raw), ":")
			list = append(list, strings.TrimSpace(strings.NewReplacer("\r\n", "", "\n", "", "\r", "").Replace(value)))
		}
	}
	return list
}

func (m *parsed) value(name string) string {
	if list := m.values(name); len(list) > 0 {
		return list[0]
	}
	return ""
}

// decoder reads encoded words (RFC 2047) in every character set we know.
var decoder = mime.WordDecoder{CharsetReader: gomessage.CharsetReader}

// readable is a header as people read it, on one line and cut.
func readable(value string) string {
	if decoded, err := decoder.DecodeHeader(value); err == nil {
		value = decoded
	}
	value = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(value, " "))
	if runes := []rune(value); len(runes) > maxText {
		value = string(runes[:maxText]) + "…"
	}
	return strings.TrimSpace(value)
}

func (m *parsed) author() string  { return readable(m.value("from")) }
func (m *parsed) subject() string { return readable(m.value("subject")) }

// autoSubmitted says that no person sent it (RFC 3834, 5).
func (m *parsed) autoSubmitted() bool {
	value, _, _ := strings.Cut(m.value("auto-submitted"), ";")
	return value != "" && !strings.EqualFold(strings.TrimSpace(value), "no")
}

// automatic says that it must not be answered.
func (m *parsed) automatic() bool {
	switch strings.ToLower(m.value("precedence")) {
	case "bulk", "list", "junk":
		return true
	}
	return m.autoSubmitted() || m.value("list-id") != "" || m.value("x-autoreply") != "" || m.value("x-autorespond") != ""
}

// loopHeader tells where a message was before.
const loopHeader = "Mandat-Loop"

// loops refuses what was here before, or has been on its way for too long.
func (m *parsed) loops(where string) error {
	for _, value := range m.values(strings.ToLower(loopHeader)) {
		if strings.EqualFold(value, where) {
			return refused(smtp.EnhancedCode{5, 4, 6}, "The message was here before: it goes round")
		}
	}
	if len(m.values("received")) > maxReceived {
		return refused(smtp.EnhancedCode{5, 4, 6}, "The message has been on its way for too long")
	}
	return nil
}

// marked is the message with a mark that it was here.
func (m *parsed) marked(where string) []byte {
	return m.with([]string{loopHeader + ": " + where}, nil)
}

// forList is the message as all subscribers get it, but for what is each one's own.
func (m *parsed) forList(l *list, origin string) []byte {
	id := strings.Replace(l.Address, "@", ".", 1)
	lines := []string{
		loopHeader + ": " + l.Address,
		"List-Id: <" + id + ">",
		"List-Post: <mailto:" + l.Address + ">",
		"List-Help: <mailto:" + withDetail(l.Address, wordHelp) + ">",
		"List-Subscribe: <mailto:" + withDetail(l.Address, wordSubscribe) + ">",
		"List-Owner: <mailto:" + withDetail(l.Address, wordOwner) + ">",
		"Precedence: list",
	}
	if m.value("reply-to") == "" {
		switch l.ReplyTo {
		case "list":
			lines = append(lines, "Reply-To: <"+l.Address+">")
		case "sender", "":
		default:
			lines = append(lines, "Reply-To: <"+l.ReplyTo+">")
		}
	}
	return m.with(lines, func(name string) bool {
		return name == "precedence" || strings.HasPrefix(name, "list-") && name != "list-archive"
	})
}

// with is the message with lines in front of its headers, less those that drop
// names; and less what only the last server of all writes (RFC 5321, 4.4).
func (m *parsed) with(lines []string, drop func(string) bool) []byte {
	var b bytes.Buffer
	b.Grow(len(m.content) + 1024)
	for _, line := range lines {
		b.WriteString(line)
		b.WriteString("\r\n")
	}
	for _, f := range m.head {
		if f.name != "return-path" && (drop == nil || !drop(f.name)) {
			b.Write(f.raw)
		}
	}
	if len(m.head) > 0 && m.body < len(m.content) && !bytes.HasPrefix(m.content[m.body:], []byte("\r\n")) && m.content[m.body] != '\n' {
		b.WriteString("\r\n") // a line that was no header began the body
	}
	b.Write(m.content[m.body:])
	return b.Bytes()
}

// failed says whether this is word that a message could not be delivered for
// good: by a notice that programs read (RFC 3464), or by one that a server
// without them wrote. What is only late, and answers of people's programs, are not.
func (m *parsed) failed() bool {
	kind, parameters, err := mime.ParseMediaType(m.value("content-type"))
	if err == nil && kind == "multipart/report" && strings.EqualFold(parameters["report-type"], "delivery-status") {
		action, found := m.action(parameters["boundary"])
		return found && action == "failed"
	}
	value, _, _ := strings.Cut(strings.ToLower(m.value("auto-submitted")), ";")
	if strings.TrimSpace(value) == "auto-replied" && m.value("x-failed-recipients") == "" {
		return false
	}
	from, err := netmail.ParseAddress(m.value("from"))
	return m.value("x-failed-recipients") != "" || err == nil && strings.HasPrefix(strings.ToLower(from.Address), "mailer-daemon@")
}

// action is that of the recipients of a report: "failed" when it is of any.
func (m *parsed) action(boundary string) (action string, found bool) {
	if boundary == "" {
		return "", false
	}
	parts := multipart.NewReader(bytes.NewReader(m.content[m.body:]), boundary)
	for range maxParts {
		part, err := parts.NextRawPart()
		if err != nil {
			return "", false
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if kind != "message/delivery-status" && kind != "message/global-delivery-status" {
			continue
		}
		return statusAction(io.LimitReader(part, 64<<10))
	}
	return "", false
}

// statusAction reads the groups of fields of a delivery status (RFC 3464, 2.1).
func statusAction(r io.Reader) (action string, found bool) {
	groups := textproto.NewReader(bufio.NewReader(r))
	for range maxParts {
		header, err := groups.ReadMIMEHeader()
		if value := strings.ToLower(strings.TrimSpace(header.Get("Action"))); value != "" {
			if found = true; action != "failed" {
				action = value
			}
			if strings.HasPrefix(strings.TrimSpace(header.Get("Status")), "4") && action == "failed" {
				action = "delayed"
			}
		}
		if err != nil {
			break
		}
	}
	return action, found
}

// excerpt is how the text of the message begins, for a moderator.
func (m *parsed) excerpt() string {
	e, err := gomessage.Read(bytes.NewReader(m.content))
	if e == nil || err != nil && !gomessage.IsUnknownCharset(err) {
		return ""
	}
	text := plainText(e, 0)
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = readable(line)
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// plainText is the first text of a message, cut.
func plainText(e *gomessage.Entity, depth int) string {
	kind, _, _ := e.Header.ContentType()
	if parts := e.MultipartReader(); parts != nil && depth < maxDepth {
		for range maxParts {
			part, err := parts.NextPart()
			if part == nil || err != nil && !gomessage.IsUnknownCharset(err) {
				return ""
			}
			if text := plainText(part, depth+1); text != "" {
				return text
			}
		}
		return ""
	}
	if kind != "text/plain" && kind != "" {
		return ""
	}
	text, _ := io.ReadAll(io.LimitReader(e.Body, maxExcerpt))
	return strings.ToValidUTF8(string(text), "")
}
