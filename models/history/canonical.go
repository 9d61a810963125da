package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Canonical is a JSON object in the one form that is hashed: no white space,
// members sorted by the octets of their names, numbers as they are written, in
// strings only the escapes that JSON demands (and those of U+2028 and U+2029).
func Canonical(object []byte) (string, error) {
	if string(object) == "{}" {
		return "{}", nil
	}
	// Nearly every object takes the short way, in a tenth of the time.
	if p := (plain{in: object}); p.space() == '{' {
		if b, ok := p.value(make([]byte, 0, len(object))); ok && p.space() == 0 && p.at == len(object) {
			return string(b), nil
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(object))
	decoder.UseNumber()
	var members map[string]any
	if err := decoder.Decode(&members); err != nil {
		return "", err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) || members == nil {
		return "", errors.New("it is not one object")
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(members); err != nil { // maps are written sorted
		return "", err
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// plain reads JSON without escapes, fractions and names that are there twice. It
// gives up on anything else, right or wrong.
type plain struct {
	in   []byte
	at   int
	deep int
}

// space passes white space and answers what follows; 0 is the end.
func (p *plain) space() byte {
	for ; p.at < len(p.in); p.at++ {
		switch c := p.in[p.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// value appends the next value in its canonical form.
func (p *plain) value(b []byte) ([]byte, bool) {
	switch c := p.space(); {
	case c == '{':
		return p.object(b)
	case c == '[':
		return p.list(b, ']', func(b []byte) ([]byte, bool) { return p.value(b) })
	case c == '"':
		s, ok := p.text()
		return append(b, s...), ok
	case c == '-' || c >= '0' && c <= '9':
		return p.number(b)
	}
	for _, word := range []string{"null", "true", "false"} {
		if bytes.HasPrefix(p.in[p.at:], []byte(word)) {
			p.at += len(word)
			return append(b, word...), true
		}
	}
	return b, false
}

// list appends what is between brackets, in its order.
func (p *plain) list(b []byte, end byte, element func([]byte) ([]byte, bool)) ([]byte, bool) {
	if p.deep++; p.deep > 50 {
		return b, false
	}
	defer func() { p.deep-- }()
	b = append(b, p.in[p.at])
	p.at++
	for first := true; ; first = false {
		c := p.space()
		if c == end {
			p.at++
			return append(b, end), true
		}
		if !first {
			if c != ',' {
				return b, false
			}
			p.at++
			b = append(b, ',')
			if p.space() == end {
				return b, false
			}
		}
		var ok bool
		if b, ok = element(b); !ok {
			return b, false
		}
	}
}

func (p *plain) object(b []byte) ([]byte, bool) {
	type member struct{ name, value string }
	var few [8]member
	members := few[:0]
	var buf []byte
	_, ok := p.list(nil, '}', func([]byte) ([]byte, bool) {
		if p.space() != '"' {
			return nil, false
		}
		name, ok := p.text()
		if !ok || p.space() != ':' {
			return nil, false
		}
		p.at++
		if buf, ok = p.value(buf[:0]); ok {
			members = append(members, member{string(name), string(buf)})
		}
		return nil, ok
	})
	if !ok {
		return b, false
	}
	slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.name[1:len(a.name)-1], b.name[1:len(b.name)-1]) })
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			if m.name == members[i-1].name {
				return b, false
			}
			b = append(b, ',')
		}
		b = append(append(append(b, m.name...), ':'), m.value...)
	}
	return append(b, '}'), true
}

// text answers a string with its quotes.
func (p *plain) text() ([]byte, bool) {
	from := p.at
	for p.at++; p.at < len(p.in); p.at++ {
		switch c := p.in[p.at]; {
		case c == '"':
			p.at++
			s := p.in[from:p.at]
			return s, utf8.Valid(s) && !bytes.Contains(s, []byte("\u2028")) && !bytes.Contains(s, []byte("\u2029"))
		case c == '\\' || c < ' ':
			return nil, false
		}
	}
	return nil, false
}

// number appends a whole number.
func (p *plain) number(b []byte) ([]byte, bool) {
	from := p.at
	if p.in[p.at] == '-' {
		p.at++
	}
	digits := p.at
	for p.at < len(p.in) && p.in[p.at] >= '0' && p.in[p.at] <= '9' {
		p.at++
	}
	if n := p.at - digits; n == 0 || n > 1 && p.in[digits] == '0' {
		return b, false
	}
	if p.at < len(p.in) && strings.IndexByte(".eE", p.in[p.at]) >= 0 {
		return b, false
	}
	return append(b, p.in[from:p.at]...), true
}
