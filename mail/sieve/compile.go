package sieve

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Compile writes the script, "" when there is nothing to do. The same value
// always gives the same text. Every text in it is encoded for its place; a rule,
// action or name that cannot be encoded is an error.
func Compile(s Script) (string, error) {
	c := compiler{need: map[string]bool{}}
	active := slices.DeleteFunc(slices.Clone(s.Filters), func(f Filter) bool { return !f.Active })
	if len(active) == 0 && s.Responder == nil {
		return "", nil
	}
	c.variables = s.Responder != nil && len(active) > 0
	if c.variables {
		c.need["variables"] = true
	}
	for i, f := range active {
		if err := c.filter(f, i > 0); err != nil {
			return "", fmt.Errorf("filter %q: %w", f.Name, err)
		}
	}
	if s.Responder != nil {
		c.responder(*s.Responder)
	}
	return c.head() + c.body.String(), nil
}

// compiler collects the body, and the extensions that it turned out to need.
type compiler struct {
	body      strings.Builder
	need      map[string]bool
	variables bool // "done" and "mute" instead of stop
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
	return c.filter(f, false)
}

func (c *compiler) filter(f Filter, later bool) error {
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
	if c.variables && later {
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
		c.need["fileinto"], c.need["mailbox"] = true, true
		return []string{"fileinto :create " + c.line(f.Target) + ";"}, nil
	case Read:
		c.need["imap4flags"] = true
		return []string{`addflag "\\Seen";`}, nil
	case Flag:
		c.need["imap4flags"] = true
		return []string{`addflag "\\Flagged";`}, nil
	case Copy:
		c.need["copy"] = true
		return []string{"redirect :copy " + c.line(f.Target) + ";"}, nil
	case Forward:
		return []string{"redirect " + c.line(f.Target) + ";"}, nil
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
		return write("", "matches", r.Value)
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

func (c *compiler) responder(r Responder) {
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
	answer := fmt.Sprintf("vacation :days %d :subject %s :from %s", max(r.Days, 1), c.line(r.Subject), c.line(r.From))
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
}

// literal is a text for :matches in which nothing stands for anything else.
func literal(s string) string { return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(s) }

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
