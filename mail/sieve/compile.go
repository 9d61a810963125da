package sieve

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Compile writes the script, "" when there is nothing to do. The same value
// always gives the same text. Every text in it is encoded for its place. A rule,
// an action or an address that no script can have is an
// error; addresses are plain ones (RFC 5321, 4.1.2), in ASCII, without a name.
func Compile(s Script) (string, error) {
	c := compiler{need: map[string]bool{}}
	active := slices.DeleteFunc(slices.Clone(s.Filters), func(f Filter) bool { return !f.Active })
	if len(active) == 0 && s.Responder == nil {
		return "", nil
	}
	c.deferred = defers(active)
	c.variables = len(active) > 0 && s.Responder != nil || c.deferred
	if c.variables {
		c.need["variables"] = true
	}
	for i, f := range active {
		c.place = i
		c.copied = slices.ContainsFunc(active[:i], func(g Filter) bool { return g.Action == Copy && strings.EqualFold(g.Target, f.Target) })
		if err := c.filter(f); err != nil {
			return "", fmt.Errorf("filter %q: %w", f.Name, err)
		}
	}
	if c.deferred {
		c.copies(active)
	}
	if s.Responder != nil {
		if err := c.responder(*s.Responder); err != nil {
			return "", fmt.Errorf("responder: %w", err)
		}
	}
	return c.head() + c.body.String(), nil
}

// defers says that copies wait until all filters were asked: one of them may
// reject what an earlier one copied, or there may be too many copies.
func defers(active []Filter) bool {
	copies := 0
	for _, f := range active {
		if f.Action == Copy {
			copies++
		}
		if f.Action == Reject && copies > 0 {
			return true
		}
	}
	return copies > MaxCopies
}

// compiler collects the body, and the extensions that it turned out to need.
type compiler struct {
	body      strings.Builder
	need      map[string]bool
	variables bool // "done" and "mute" instead of stop
	deferred  bool // copies are written down, and made at the end
	place     int  // of the filter being written
	copied    bool // an earlier filter may have copied to this one's target
}

func (c *compiler) head() string {
	var head strings.Builder
	if len(c.need) > 0 {
		names := make([]string, 0, len(c.need))
		for name := range c.need {
			names = append(names, name)
		}
		slices.Sort(names)
		head.WriteString("require " + c.list(names) + ";\r\n")
	}
	if c.variables {
		head.WriteString("set \"dollar\" \"$\";\r\n")
	}
	return head.String()
}

// valid is the error that Compile would have for a filter.
func (f Filter) valid() error {
	c := compiler{need: map[string]bool{}}
	return c.filter(f)
}

func (c *compiler) filter(f Filter) error {
	tests := make([]string, 0, len(f.Rules))
	for _, r := range f.Rules {
		test, err := c.rule(r)
		if err != nil {
			return err
		}
		tests = append(tests, test)
	}
	if len(tests) == 0 {
		return fmt.Errorf("no rule")
	}
	test := "allof (" + strings.Join(tests, ", ") + ")"
	if f.Any {
		test = "anyof (" + strings.Join(tests, ", ") + ")"
	}
	if c.variables && c.place > 0 {
		test = "allof (not string :is \"${done}\" \"1\", " + test + ")"
	}
	commands, err := c.action(f)
	if err != nil {
		return err
	}
	if f.Action.Settles() && c.variables {
		commands = append(commands, `set "done" "1";`)
		if f.Action == Reject || f.Action == Delete {
			commands = append(commands, `set "mute" "1";`)
		}
		if f.Action == Reject && c.deferred {
			commands = append(commands, `set "rejected" "1";`)
		}
	} else if f.Action.Settles() {
		commands = append(commands, "stop;")
	}
	fmt.Fprintf(&c.body, "if %s {\r\n  %s\r\n}\r\n", test, strings.Join(commands, "\r\n  "))
	return nil
}

func (c *compiler) action(f Filter) ([]string, error) {
	switch f.Action {
	case Keep:
		c.need["fileinto"] = true
		return []string{`fileinto "INBOX";`}, nil
	case Folder:
		if !CheckFolder(f.Target) {
			return c.action(Filter{Action: Keep})
		}
		c.need["fileinto"], c.need["mailbox"] = true, true
		return []string{"fileinto :create " + c.line(f.Target) + ";"}, nil
	case Read:
		c.need["imap4flags"] = true
		return []string{`addflag "\\Seen";`}, nil
	case Flag:
		c.need["imap4flags"] = true
		return []string{`addflag "\\Flagged";`}, nil
	case Copy, Forward:
		return c.redirect(f)
	case Reject:
		c.need["reject"] = true
		return []string{"reject " + c.text(f.Target) + ";"}, nil
	case Delete:
		return []string{"discard;"}, nil
	case Stop:
		return nil, nil
	}
	return nil, fmt.Errorf("unknown action %q", f.Action)
}

func (c *compiler) redirect(f Filter) ([]string, error) {
	if !plainAddress(f.Target) {
		return nil, fmt.Errorf("address %q", f.Target)
	}
	to := c.line(f.Target) + ";"
	switch {
	case f.Action == Forward && c.copied:
		// Pigeonhole makes one of two redirections to an address, and it is the
		// copy, which would leave the message in the mailbox.
		return []string{"redirect " + to, "discard;"}, nil
	case f.Action == Forward:
		return []string{"redirect " + to}, nil
	case c.deferred:
		return []string{fmt.Sprintf(`set "copy%d" "1";`, c.place)}, nil
	}
	c.need["copy"] = true
	return []string{"redirect :copy " + to}, nil
}

// copies makes those that filters wrote down, unless the message was rejected:
// RFC 5429, 2.4, lets no script do both. The variable "sent" counts them.
func (c *compiler) copies(active []Filter) {
	c.need["copy"] = true
	for i, f := range active {
		if f.Action == Copy {
			fmt.Fprintf(&c.body, `if allof (string :is "${copy%d}" "1", not string :is "${rejected}" "1", not string :is "${sent}" "%s") {`+
				"\r\n  redirect :copy %s;\r\n  set \"sent\" \"${sent}1\";\r\n}\r\n", i, strings.Repeat("1", MaxCopies), c.line(f.Target))
		}
	}
}

func (c *compiler) rule(r Rule) (string, error) {
	switch r.Header {
	case Size:
		octets, err := strconv.ParseUint(r.Value, 10, 63)
		if err != nil || r.Operator != Over && r.Operator != Under {
			return "", fmt.Errorf("size %q %q", r.Operator, r.Value)
		}
		return fmt.Sprintf("size :%s %d", r.Operator, octets), nil
	case List:
		return c.either(r, `anyof (exists "list-id", exists "list-unsubscribe", exists "list-post", header :is "precedence" "list")`)
	case Spam:
		return c.either(r, `anyof (header :is "x-spam-flag" "yes", header :is "x-spam" "yes", header :matches "x-spam-status" "yes*")`)
	}
	if !HeaderName(r.Header) {
		return "", fmt.Errorf("header %q", r.Header)
	}
	return c.compared(r)
}

// compared is a rule about the text of a field.
func (c *compiler) compared(r Rule) (string, error) {
	test := "header"
	if r.address() {
		test = "address"
	}
	write := func(prefix, match, value string) (string, error) {
		return fmt.Sprintf("%s%s :%s %s %s", prefix, test, match, c.line(r.Header), c.line(value)), nil
	}
	switch r.Operator {
	case Contains:
		return write("", "contains", r.Value)
	case NotContains:
		return write("not ", "contains", r.Value)
	case Is:
		return write("", "is", r.Value)
	case IsNot:
		return write("not ", "is", r.Value)
	case Begins:
		return write("", "matches", literal(r.Value)+"*")
	case Ends:
		return write("", "matches", "*"+literal(r.Value))
	case Matches:
		if p := parseWildcards(oneLine(r.Value)); slices.Contains(p, anyOctet) {
			c.need["regex"] = true
			return write("", "regex", p.regex())
		}
		return write("", "matches", pattern(oneLine(r.Value)))
	}
	return "", fmt.Errorf("unknown operator %q", r.Operator)
}

func (c *compiler) either(r Rule, test string) (string, error) {
	switch r.Operator {
	case Yes:
		return test, nil
	case No:
		return "not " + test, nil
	}
	return "", fmt.Errorf("%s %q", r.Header, r.Operator)
}

// iso is how RFC 5260 writes an instant; in one zone it sorts as text.
const iso = "2006-01-02T15:04:05"

func (c *compiler) responder(r Responder) error {
	for _, address := range append([]string{r.From}, r.Addresses...) {
		if !plainAddress(address) {
			return fmt.Errorf("address %q", address)
		}
	}
	c.need["vacation"] = true
	var tests []string
	if c.variables {
		tests = append(tests, `not string :is "${mute}" "1"`)
	}
	instant := func(match string, at *time.Time) {
		if at != nil {
			c.need["date"], c.need["relational"] = true, true
			tests = append(tests, fmt.Sprintf(`currentdate :zone "+0000" :value "%s" "iso8601" %s`, match, c.line(at.UTC().Format(iso))))
		}
	}
	instant("ge", r.Starts)
	instant("lt", r.Ends)
	answer := fmt.Sprintf("vacation :days %d :subject %s :from %s", min(max(r.Days, 1), 365), c.line(r.Subject), c.line(r.From))
	if len(r.Addresses) > 0 {
		answer += " :addresses " + c.list(r.Addresses)
	}
	answer += " " + c.text(r.Content) + ";"
	if len(tests) > 0 {
		answer = fmt.Sprintf("if allof (%s) {\r\n  %s\r\n}", strings.Join(tests, ", "), answer)
	}
	c.body.WriteString(answer + "\r\n")
	if r.Only {
		c.body.WriteString("discard;\r\n")
	}
	return nil
}

// literal is a text for :matches in which nothing stands for anything else.
func literal(s string) string { return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(s) }

// pattern is a value of [Matches] that ends with no half of an escape: Pigeonhole
// 0.5.19 stops the delivery at one ("assertion failed", mcht-matches.c).
func pattern(s string) string {
	if slashes := len(s) - len(strings.TrimRight(s, `\`)); slashes%2 == 1 {
		s += `\`
	}
	return s
}

// plainAddress says whether a text is one address and nothing else.
func plainAddress(s string) bool {
	p := addressParser{text: s}
	p.list()
	return len(p.found) == 1 && p.found[0] == s && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// text encodes a quoted string (RFC 5228, 2.4.2): \ and " are escaped, a NUL
// cannot be had, and line ends are CRLF. Where variables are in use "${" would
// begin one (RFC 5229, 3), so its dollar comes from a variable, whose value is
// not looked at again.
func (c *compiler) text(s string) string {
	s = strings.NewReplacer("\x00", "", "\r\n", "\r\n", "\n", "\r\n", "\r", "\r\n", `\`, `\\`, `"`, `\"`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
	if c.variables {
		s = strings.ReplaceAll(s, "${", "${dollar}{")
	}
	return `"` + s + `"`
}

// line is text for what must be one line: a header, a folder, an address.
func (c *compiler) line(s string) string { return c.text(oneLine(s)) }

// oneLine is a text in one line, with a space for what separated several, and in UTF-8.
func oneLine(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\r' || r == '\n' || r == 0 }), " ")
}

func (c *compiler) list(values []string) string {
	encoded := make([]string, len(values))
	for i, v := range values {
		encoded[i] = c.line(v)
	}
	return "[" + strings.Join(encoded, ", ") + "]"
}
