package sieve

import "strings"

// addresses are what the address test of RFC 5228, 5.1, compares of one header
// field: each address in it, of groups too (RFC 5322, 3.4), without names and
// comments. What cannot be read is left out; of a field that has something but
// no address at all, the whole text is compared, as Pigeonhole does.
func addresses(raw string) []string {
	if raw == "" {
		return []string{""}
	}
	p := addressParser{text: raw}
	p.list()
	if len(p.found) == 0 && p.entries > 0 && !p.nobody {
		return []string{raw}
	}
	return p.found
}

// maxAddresses bounds what is read of one field.
const maxAddresses = 256

// addressParser reads an address list as leniently as mail servers do: dots
// anywhere in a local part, blanks around dots, a route, and after something
// broken it goes on with what follows the next comma.
type addressParser struct {
	text    string
	at      int
	found   []string
	entries int  // addresses and groups, readable or not
	comment bool // the last comment said something
	nobody  bool // an address has an empty local part, which compares to nothing
}

// state says how reading a part of an address ended.
type state int

const (
	broken state = iota - 1
	ended        // well, and the text is at its end
	more         // well, and there is more
)

// next is the octet to be read, 0 at the end.
func (p *addressParser) next() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *addressParser) state() state {
	if p.at < len(p.text) {
		return more
	}
	return ended
}

func (p *addressParser) list() {
	if p.blank() != more {
		return
	}
	for range maxAddresses {
		if p.address() == ended || p.next() != ',' {
			return
		}
		p.at++
		if s := p.blank(); s != more {
			if s == broken {
				p.entries++
			}
			return
		}
	}
}

// address reads a mailbox or a group.
func (p *addressParser) address() state {
	start := p.at
	if _, s := p.phrase(); s != more || p.next() != ':' {
		p.at = start
		return p.mailbox()
	}
	p.at++
	p.entries++ // the group itself
	s := p.blank()
	if s == more && p.next() != ';' {
		for {
			p.mailbox()
			if p.next() != ',' {
				break
			}
			p.at++
			if p.blank() != more {
				return more
			}
		}
	}
	if s == broken || p.next() != ';' {
		return more
	}
	p.at++
	if p.blank() == ended {
		return ended
	}
	return more
}

// mailbox reads one address, with a name before it or without.
func (p *addressParser) mailbox() state {
	p.entries++
	start := p.at
	if _, s := p.phrase(); s == more && p.next() == '<' {
		if local, domain, ok := p.angle(); ok {
			p.add(local, domain)
		}
		return p.state()
	}
	p.at, p.comment = start, false
	local, s := p.local()
	switch {
	case s != ended && p.next() == '@':
		domain, after := p.domain()
		if s == more && after != broken {
			p.add(local, domain)
		}
		if after != more {
			s = after
		}
	case !p.comment:
		p.phrase() // words that are no address
		s = broken
	}
	return s
}

// add takes an address that has both parts. No SMTP address has anything but
// ASCII in its local part (RFC 5321).
func (p *addressParser) add(local, domain string) {
	if local == "" && domain != "" {
		p.nobody = true
	}
	if local == "" || domain == "" || strings.ContainsFunc(local, func(r rune) bool { return r < ' ' || r > '~' }) {
		return
	}
	p.found = append(p.found, quoteLocal(local)+"@"+domain)
}

// quoteLocal writes a local part as RFC 5321 has it, quoted where it must be.
func quoteLocal(local string) string {
	atoms := true
	for part := range strings.SplitSeq(local, ".") {
		atoms = atoms && part != "" && !strings.ContainsFunc(part, func(r rune) bool { return !atext(byte(r)) })
	}
	if atoms {
		return local
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"`
}

// angle reads an address in angle brackets.
func (p *addressParser) angle() (local, domain string, ok bool) {
	p.at++
	if p.blank() != more {
		return "", "", false
	}
	if p.next() == '@' {
		if !p.route() || p.blank() != more {
			return "", "", false
		}
	}
	if p.next() != '>' {
		var s state
		if local, s = p.local(); s != more {
			return "", "", false
		}
		if p.next() == '@' {
			if domain, s = p.domain(); s != more {
				return "", "", false
			}
		}
	}
	if p.next() != '>' {
		return "", "", false
	}
	p.at++
	return local, domain, p.blank() != broken
}

// route reads the domains by which an address was once reached (RFC 5322, 4.4).
func (p *addressParser) route() bool {
	for p.next() == '@' {
		if _, s := p.domain(); s != more {
			return p.state() == more
		}
		for p.blank() == more && p.next() == ',' {
			p.at++
		}
	}
	if p.next() == ':' {
		p.at++
	}
	return p.state() == more
}

// local reads a local part: a quoted string, or atoms and dots.
func (p *addressParser) local() (string, state) {
	if p.next() == '"' {
		return p.quoted()
	}
	var local strings.Builder
	s := broken
	for {
		for p.next() == '.' {
			local.WriteByte('.')
			p.at++
			if s = p.state(); s == ended {
				return local.String(), ended
			}
		}
		if p.next() == '@' {
			return local.String(), s
		}
		var atom string
		if atom, s = p.atom(); s == broken {
			return "", broken
		}
		local.WriteString(atom)
		if s == ended || p.next() != '.' {
			return local.String(), s
		}
	}
}

// domain reads an @, and a domain or a literal in brackets.
func (p *addressParser) domain() (string, state) {
	p.at++
	if p.blank() != more {
		return "", broken
	}
	if p.next() == '[' {
		return p.literal()
	}
	var domain strings.Builder
	for {
		atom, s := p.atom()
		if s == broken {
			return "", broken
		}
		domain.WriteString(atom)
		if s == ended || p.next() != '.' {
			return domain.String(), s
		}
		p.at++
		domain.WriteByte('.')
		if p.blank() != more {
			return "", broken
		}
	}
}

func (p *addressParser) literal() (string, state) {
	start := p.at
	for p.at++; p.at < len(p.text); p.at++ {
		switch p.text[p.at] {
		case '[':
			return "", broken
		case '\\':
			p.at++
		case ']':
			p.at++
			return strings.ReplaceAll(p.text[start:p.at], "\n", ""), p.blank()
		}
	}
	p.at = len(p.text)
	return "", broken
}

// atom reads at least one octet of RFC 5322's atext, and the blanks after it.
func (p *addressParser) atom() (string, state) {
	start := p.at
	for p.at < len(p.text) && atext(p.text[p.at]) {
		p.at++
	}
	if p.at == start {
		return "", broken
	}
	return p.text[start:p.at], p.blank()
}

// phrase reads the words before a bracket or a colon; there may be none.
func (p *addressParser) phrase() (string, state) {
	if p.at == len(p.text) {
		return "", ended
	}
	if p.next() == '.' {
		return "", broken
	}
	start := p.at
	for {
		s := more
		if p.next() == '"' {
			_, s = p.quoted()
		} else {
			for p.at < len(p.text) && (atext(p.text[p.at]) || p.text[p.at] == '.') {
				p.at++
			}
			s = p.blank()
		}
		if s != more {
			return "", s
		}
		if c := p.next(); !atext(c) && c != '"' && c != '.' {
			return p.text[start:p.at], more
		}
	}
}

// quoted reads a quoted string (RFC 5322, 3.2.4), and the blanks after it.
func (p *addressParser) quoted() (string, state) {
	var content strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch c {
		case '"':
			p.at++
			return content.String(), p.blank()
		case '\n':
			continue
		case '\\':
			if p.at++; p.at == len(p.text) {
				return "", broken
			}
			if c = p.text[p.at]; c == '\n' || c == '\r' {
				content.WriteByte('\\')
			}
			if c == '\n' {
				continue
			}
		}
		content.WriteByte(c)
	}
	return "", broken
}

// blank passes over white space and comments, which nest (RFC 5322, 3.2.2).
func (p *addressParser) blank() state {
	depth, start := 0, 0
	for ; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '(':
			if depth++; depth == 1 {
				start = p.at + 1
			}
		case depth > 0 && c == ')':
			if depth--; depth == 0 {
				p.comment = p.at > start
			}
		case depth > 0 && c == '\\':
			p.at++
		case depth == 0 && c != ' ' && c != '\t' && c != '\r' && c != '\n':
			return more
		}
	}
	p.at = len(p.text)
	if depth > 0 {
		return broken
	}
	return ended
}

// atext says whether an octet may stand in an atom; beyond ASCII all may (RFC 6532).
func atext(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c >= 0x80 || strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0 && c != 0
}
