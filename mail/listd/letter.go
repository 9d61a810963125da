package main

import (
	"bytes"
	"io"
	"mime"
	netmail "net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/charset"
)

// Bounds on what is read of a message.
const (
	maxHeader   = 256 << 10 // octets
	maxFields   = 1000
	maxReceived = 20 // servers that it came through; what is sent on must stay below the limits of those to come
	maxParts    = 50
	maxDepth    = 5
	toldOf      = 200  // characters of an author or a subject
	excerptOf   = 1500 // characters of a text
	excerptRows = 20
	textOf      = 64 << 10 // octets of a part that are read
)

// letter is a message that was handed to us.
type letter struct {
	sender  string // of the envelope; "" for a notice of delivery
	content []byte // as it came
	header  header
}

// header is the fields of a message as they stand in it, and what follows them.
type header struct {
	fields []field
	rest   []byte         // from the empty line on
	size   int            // octets of the fields
	signed map[string]int // how many times at most a signature names a field: more often than it is there, and it may not be added
}

// field is one of them.
type field struct {
	name string // in lower case; "" for a line that is none
	raw  []byte // with its continuations and line ends
}

// value is what a field says, unfolded (RFC 5322, 2.2.3).
func (f field) value() string {
	_, value, _ := bytes.Cut(f.raw, []byte(":"))
	return strings.TrimSpace(strings.NewReplacer("\r\n", "", "\n", "").Replace(string(value)))
}

// splitHeader finds the fields of a message. Nothing is refused: a line that is
// no field is kept as it is, since others will get it too.
func splitHeader(content []byte) (h header) {
	rest := content
	for len(rest) > 0 {
		end := bytes.IndexByte(rest, '\n') + 1
		if end == 0 {
			end = len(rest)
		}
		line := rest[:end]
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if last := len(h.fields) - 1; last >= 0 && (line[0] == ' ' || line[0] == '\t') {
			h.fields[last].raw = h.fields[last].raw[:len(h.fields[last].raw)+end] // they are neighbours
		} else {
			h.fields = append(h.fields, field{name: fieldName(line), raw: line})
		}
		h.size += end
		rest = rest[end:]
	}
	h.rest, h.signed = rest, signatures(h.fields)
	return h
}

// fieldName is what stands before the colon, "" when that is no name.
func fieldName(line []byte) string {
	name, _, found := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t") // obsolete, but seen (RFC 5322, 4.5)
	if !found || len(name) == 0 || bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return strings.ToLower(string(name))
}

// get is the first field of a name.
func (h header) get(name string) string {
	for _, f := range h.fields {
		if f.name == name {
			return f.value()
		}
	}
	return ""
}

// count is how many fields have a name.
func (h header) count(name string) (n int) {
	for _, f := range h.fields {
		if f.name == name {
			n++
		}
	}
	return n
}

// signatures reads what the signatures of a message cover.
func signatures(fields []field) map[string]int {
	most := map[string]int{}
	for _, f := range fields {
		if f.name != "dkim-signature" && f.name != "arc-message-signature" {
			continue
		}
		for tag := range strings.SplitSeq(f.value(), ";") {
			key, list, _ := strings.Cut(tag, "=")
			if strings.TrimSpace(key) != "h" {
				continue
			}
			times := map[string]int{}
			for covered := range strings.SplitSeq(list, ":") {
				name := strings.ToLower(strings.TrimSpace(covered))
				times[name]++
				most[name] = max(most[name], times[name])
			}
		}
	}
	return most
}

// submitted is what the message says about who wrote it (RFC 3834): "no" for a
// person, as "" does.
func (h header) submitted() string {
	word := h.get("auto-submitted")
	if end := strings.IndexAny(word, "; \t("); end >= 0 {
		word = word[:end]
	}
	return strings.ToLower(word)
}

// automatic says that no person wrote the message.
func (h header) automatic() bool {
	word := h.submitted()
	return word != "" && word != "no"
}

// bulk says that the message went to many, and wants no answer.
func (h header) bulk() bool {
	switch strings.ToLower(h.get("precedence")) {
	case "bulk", "junk", "list", "auto_reply":
		return true
	}
	return h.get("list-id") != "" || h.get("x-autoreply") != "" || h.get("x-autorespond") != ""
}

// answered says that a program wrote the message for a person who is away, also
// one that is older than RFC 3834.
func (h header) answered() bool {
	switch strings.ToLower(h.get("precedence")) {
	case "auto_reply", "junk":
		return true
	}
	return h.automatic() || h.get("x-autoreply") != "" || h.get("x-autorespond") != ""
}

// from are the addresses of the authors.
func (h header) from() (addresses []string) {
	parser := netmail.AddressParser{WordDecoder: &words}
	list, err := parser.ParseList(h.get("from"))
	if err != nil {
		return nil
	}
	for _, a := range list {
		if address, ok := mailbox(a.Address); ok {
			addresses = append(addresses, address)
		}
	}
	return addresses
}

var words = mime.WordDecoder{CharsetReader: charset.Reader}

// readable is the value of a field as a person reads it, in one line and cut.
func (h header) readable(name string) string {
	text, err := words.DecodeHeader(h.get(name))
	if err != nil {
		text = h.get(name)
	}
	return cut(oneLine(text), toldOf)
}

// plain is a text without what is not to be seen, or would change how the text
// around it reads: controls, and marks of direction.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// oneLine makes one line of a text that a stranger wrote.
func oneLine(text string) string { return strings.Join(strings.Fields(plain(text)), " ") }

// cut is the beginning of a text.
func cut(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

// excerpt is the beginning of the text of a message, "" when it has none that
// is plain.
func excerpt(content []byte) string {
	var text string
	eachPart(content, func(e *message.Entity) bool {
		kind, _, _ := e.Header.ContentType()
		if disposition, _, _ := e.Header.ContentDisposition(); kind != "text/plain" && kind != "" || disposition == "attachment" {
			return true
		}
		read, _ := io.ReadAll(io.LimitReader(e.Body, textOf)) // what was read is as much as there is
		text = plain(string(read))
		return false
	})
	rows := strings.Split(strings.TrimSpace(text), "\n")
	if len(rows) > excerptRows {
		rows = append(rows[:excerptRows], "…")
	}
	return cut(strings.Join(rows, "\n"), excerptOf)
}

// eachPart walks over the parts of a message that are not multipart themselves,
// until told false. There is none in a message that cannot be read.
func eachPart(content []byte, fn func(*message.Entity) bool) {
	e, err := message.ReadWithOptions(bytes.NewReader(content), &message.ReadOptions{MaxHeaderBytes: maxHeader})
	if e == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return
	}
	parts := 0
	var walk func(e *message.Entity, depth int) bool
	walk = func(e *message.Entity, depth int) bool {
		if parts++; parts > maxParts || depth > maxDepth {
			return false
		}
		within := e.MultipartReader()
		if within == nil {
			return fn(e)
		}
		for {
			part, err := within.NextPart()
			if part == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
				return true
			}
			if !walk(part, depth+1) {
				return false
			}
		}
	}
	walk(e, 0)
}
