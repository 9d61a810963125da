package sieve

import (
	"slices"
	"strconv"
	"strings"
)

// Trial is what filters would do to a message.
type Trial struct {
	Steps   []Step // one for each filter given, in their order
	Settled int    // the index of the filter that settled where the message goes, or -1
	Did     []int  // the indices of all filters that acted, in their order: those that caught, but for copies not made
}

// Step is what came of one filter.
type Step struct {
	Filter int    // its index in the slice given
	Asked  bool   // it is active, and nothing was settled before it
	Caught bool   // its rules describe the message, see [Trial] for whether it acted
	Rules  []bool // the verdict of each of its rules, when it was asked
}

// Try asks filters about a message, as the script that [Compile] makes of them
// does under Pigeonhole. A filter that Compile refuses catches nothing.
func Try(filters []Filter, m Message) Trial {
	t := Trial{Steps: make([]Step, len(filters)), Settled: -1}
	copies := 0
	for i, f := range filters {
		s := Step{Filter: i, Asked: f.Active && t.Settled < 0}
		if s.Asked {
			s.Rules = make([]bool, len(f.Rules))
			for j, r := range f.Rules {
				s.Rules[j] = r.holds(m)
			}
			s.Caught = f.valid() == nil && f.caught(s.Rules)
		}
		if s.Caught && f.Action == Copy {
			copies++
		}
		if s.Caught && (f.Action != Copy || copies <= MaxCopies) {
			t.Did = append(t.Did, i)
		}
		if s.Caught && f.Action.Settles() {
			t.Settled = i
		}
		t.Steps[i] = s
	}
	if t.Settled >= 0 && filters[t.Settled].Action == Reject {
		t.Did = slices.DeleteFunc(t.Did, func(i int) bool { return filters[i].Action == Copy })
	}
	return t
}

func (f Filter) caught(verdicts []bool) bool {
	held := 0
	for _, v := range verdicts {
		if v {
			held++
		}
	}
	return held > 0 && (f.Any || held == len(verdicts))
}

// holds says what a rule says about a message; false where the rule means nothing.
func (r Rule) holds(m Message) bool {
	switch r.Header {
	case Size:
		octets, err := strconv.ParseInt(r.Value, 10, 64)
		return err == nil && (r.Operator == Over && m.Size > octets || r.Operator == Under && m.Size < octets)
	case List:
		return r.either(m.list())
	case Spam:
		return r.either(m.spam())
	}
	value := lower(oneLine(r.Value))
	var match func(lowered string) bool
	switch r.Operator {
	case Contains, NotContains:
		match = func(text string) bool { return strings.Contains(text, value) }
	case Is, IsNot:
		match = func(text string) bool { return text == value }
	case Begins:
		match = func(text string) bool { return strings.HasPrefix(text, value) }
	case Ends:
		match = func(text string) bool { return strings.HasSuffix(text, value) }
	case Matches:
		match = parseWildcards(value).matcher()
	default:
		return false
	}
	return r.any(m, match) != r.negated()
}

// any says whether one of the texts that a rule looks at matches.
func (r Rule) any(m Message, match func(lowered string) bool) bool {
	name := lower(r.Header)
	for _, f := range m.fields {
		if f.name != name {
			continue
		}
		if r.address() && slices.ContainsFunc(f.addresses, match) || !r.address() && match(f.lowered) {
			return true
		}
	}
	return false
}

// address says that a rule compares addresses, and not what is written around them.
func (r Rule) address() bool {
	return (r.Operator == Is || r.Operator == IsNot) && hasAddresses(r.Header)
}

// hasAddresses says whether a header, by its name in lower case, is one of whose
// addresses rules are about.
func hasAddresses(name string) bool { return name == From || name == To || name == Cc }

func (r Rule) negated() bool { return r.Operator == NotContains || r.Operator == IsNot }

func (r Rule) either(is bool) bool { return r.Operator == Yes && is || r.Operator == No && !is }

func (m Message) list() bool {
	return len(m.named("list-id")) > 0 || len(m.named("list-unsubscribe")) > 0 || len(m.named("list-post")) > 0 ||
		Rule{Header: "precedence", Operator: Is, Value: "list"}.holds(m)
}

func (m Message) spam() bool {
	return Rule{Header: "x-spam-flag", Operator: Is, Value: "yes"}.holds(m) || Rule{Header: "x-spam", Operator: Is, Value: "yes"}.holds(m) ||
		Rule{Header: "x-spam-status", Operator: Begins, Value: "yes"}.holds(m)
}

// wildcards is a value of [Matches], read: octets, and below zero what stands for others.
type wildcards []int

const (
	anyText  = -1 // *
	anyOctet = -2 // ?
)

func parseWildcards(s string) wildcards {
	var p wildcards
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '*':
			p = append(p, anyText)
		case c == '?':
			p = append(p, anyOctet)
		case c == '\\' && i+1 < len(s):
			i++
			p = append(p, int(s[i]))
		default:
			p = append(p, int(c))
		}
	}
	return p
}

// matcher says of a text whether the pattern describes the whole of it. Of what
// is between two *, the first place will do: whatever an earlier * would take
// besides, the last one can take as well. No pattern makes that long work: others
// than who waits for the answer may have written it.
func (p wildcards) matcher() func(s string) bool {
	var parts []part
	begin := 0
	for i, c := range p {
		if c == anyText {
			parts, begin = append(parts, newPart(p[begin:i])), i+1
		}
	}
	last := newPart(p[begin:])
	return func(s string) bool {
		for i, between := range parts {
			end := between.size
			if i > 0 {
				end = between.find(s)
			} else if end > len(s) || between.find(s[:end]) != end {
				return false
			}
			if end < 0 {
				return false
			}
			s = s[end:]
		}
		if len(parts) == 0 && len(s) != last.size || len(s) < last.size {
			return false
		}
		return last.find(s[len(s)-last.size:]) == last.size
	}
}

// part is what is between two * of a pattern.
type part struct {
	size  int
	text  string   // what it is, unless it has a ?
	masks []uint64 // else for each octet, in words of 64: at which places of the part it may stand
}

func newPart(p wildcards) part {
	out := part{size: len(p)}
	if !slices.Contains(p, anyOctet) {
		for _, c := range p {
			out.text += string([]byte{byte(c)})
		}
		return out
	}
	words := out.words()
	out.masks = make([]uint64, 256*words)
	for i, c := range p {
		for octet := range 256 {
			if c == anyOctet || c == octet {
				out.masks[octet*words+i/64] |= 1 << (i % 64)
			}
		}
	}
	return out
}

func (p part) words() int { return (p.size + 63) / 64 }

// find is where the first text that the part describes ends in s, or -1. With a ?
// all beginnings are followed at once, a bit for each place of the part that one
// has come to (Baeza-Yates and Gonnet, 1992).
func (p part) find(s string) int {
	if p.masks == nil {
		if at := strings.Index(s, p.text); at >= 0 {
			return at + p.size
		}
		return -1
	}
	words := p.words()
	come := make([]uint64, words)
	end := p.size - 1
	for i := range len(s) {
		mask, carry := p.masks[int(s[i])*words:], uint64(1)
		for w := range come {
			come[w], carry = (come[w]<<1|carry)&mask[w], come[w]>>63
		}
		if come[end/64]>>(end%64)&1 == 1 {
			return i + 1
		}
	}
	return -1
}

// regex is the pattern as a POSIX extended regular expression. Of ? :matches is
// not to be trusted in Pigeonhole 0.5.19: "?x*" holds for any text.
func (p wildcards) regex() string {
	var b strings.Builder
	b.WriteByte('^')
	for _, c := range p {
		switch {
		case c == anyText:
			b.WriteString(".*")
		case c == anyOctet:
			b.WriteByte('.')
		case strings.IndexByte(`\.[]{}()*+?^$|`, byte(c)) >= 0:
			b.WriteByte('\\')
			fallthrough
		default:
			b.WriteByte(byte(c))
		}
	}
	b.WriteByte('$')
	return b.String()
}
