package connect

import "strings"

// scanner follows what a server says just so far as to tell its answers, their
// literals and their strings apart, as the library does: where both differed,
// one could hide from it what the other reads.
type scanner struct {
	line  int   // octets of this answer
	left  int64 // of the literal that is being read
	brace brace
	part  part
	word  word
}

// part is what of an answer is being read.
type part int

const (
	beginning part = iota // which answer it is
	data                  // where "{5}" begins a literal
	quoted                // a string
	escaped               // behind a backslash in it
	status                // text to the end of the line
	begunCode             // where "[" would begin a code
	codeName              // the name of one
	code                  // what follows it
	listing               // capabilities
)

// word is the one that is being read of the beginning, or of a code.
type word struct {
	text     [16]byte // its beginning
	size     int
	digits   bool // and nothing else
	tagged   bool // it follows a tag,
	untagged bool // or a *
	number   bool // and a number
}

// brace is the size of a literal, as far as it has been read.
type brace struct {
	open, closed bool
	carried      bool // the line has ended in CR
	digits       int
	size         int64
}

// feed takes what has come; false says that it is too much, or nothing that the
// library could be given.
func (s *scanner) feed(p []byte, most int64) bool {
	for i := 0; i < len(p); {
		if s.left > 0 {
			n := min(s.left, int64(len(p)-i))
			s.left -= n
			i += int(n)
			continue
		}
		if s.line++; s.line > maxLine || !s.octet(p[i], most) {
			return false
		}
		i++
	}
	return true
}

// octet takes one that is of no literal.
func (s *scanner) octet(b byte, most int64) bool {
	switch s.part {
	case beginning:
		return s.begin(b)
	case data:
		return s.datum(b, most)
	case quoted, escaped:
		switch {
		case s.part == escaped:
			s.part = quoted
		case b == '\\':
			s.part = escaped
		case b == '"':
			s.part = data
		}
		return b != '\n' // in a string there is none, but the library would go on
	case begunCode:
		if s.part = status; b == '[' {
			s.part, s.word = codeName, word{}
		}
	case codeName, code, listing:
		return s.coded(b)
	}
	s.end(b)
	return true
}

// end ends the answer with its line.
func (s *scanner) end(b byte) {
	if b == '\n' {
		*s = scanner{}
	}
}

// begin takes an octet of the words that say which answer it is.
func (s *scanner) begin(b byte) bool {
	if b != ' ' && b != '(' && b != '\n' {
		s.word.add(b)
		if s.line == 1 && b == '+' {
			s.part = status
		}
		return true
	}
	switch name := s.word.name(); {
	case !s.word.tagged && !s.word.untagged:
		s.word = word{tagged: name != "*", untagged: name == "*"}
	case s.word.tagged, name == "OK", name == "NO", name == "BAD", name == "BYE", name == "PREAUTH":
		if s.part = status; b == ' ' {
			s.part = begunCode
		}
	case name == "CAPABILITY", name == "ENABLED":
		s.part = listing
		return s.coded(b)
	case s.word.digits && !s.word.number:
		s.word = word{untagged: true, number: true}
	default:
		s.part = data
	}
	s.end(b)
	return true
}

func (w *word) add(b byte) {
	w.digits = (w.digits || w.size == 0) && b >= '0' && b <= '9'
	if w.size < len(w.text) {
		w.text[w.size] = b
	}
	w.size = min(w.size+1, len(w.text)+1)
}

// name is the word as the library compares it, "" for a longer one than any that matters.
func (w *word) name() string {
	if w.size > len(w.text) {
		return ""
	}
	return strings.ToUpper(string(w.text[:w.size]))
}

// coded takes an octet of a code in brackets, or of capabilities. At a "(" among
// these the library would look for ever; in another code it passes over lines.
func (s *scanner) coded(b byte) bool {
	switch {
	case s.part == listing && b == '(', s.part != listing && b == '\n':
		return false
	case b == ']':
		s.part = status
	case s.part == codeName && (b == ' ' || b == '('):
		if s.part = code; s.word.name() == "CAPABILITY" {
			s.part = listing
			return b != '('
		}
	case s.part == codeName:
		s.word.add(b)
	}
	s.end(b)
	return true
}

// datum takes an octet of data, which may be one of the size of a literal: then
// nothing is between its brace and the end of the line.
func (s *scanner) datum(b byte, most int64) bool {
	c := &s.brace
	switch {
	case c.closed && b == '\n':
		if c.size > most {
			return false
		}
		s.left, s.brace = c.size, brace{}
		return true
	case c.closed:
		carried := c.carried
		c.carried = true
		return b == '\r' && !carried
	case c.open && b >= '0' && b <= '9':
		c.digits++
		c.size = min(c.size*10+int64(b-'0'), 1<<40)
	case c.open && b == '}' && c.digits > 0:
		c.closed = true
	default:
		s.brace = brace{open: b == '{'}
		if b == '"' {
			s.part = quoted
		}
	}
	s.end(b)
	return true
}
