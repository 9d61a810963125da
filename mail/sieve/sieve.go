// Package sieve makes of an address's filters and responder one Sieve script
// (RFC 5228), and knows what such filters do to a message. It is pure: values
// in, text or verdicts out, nothing of ours imported.
//
// # What a script does
//
// Filters are asked in their order. The first that catches a message and
// settles where it goes ends the questions: keep, folder, forward, reject,
// delete and stop settle; read, flag and copy do something and let the next
// filter be asked. The responder comes last, and is silent for what was rejected
// or deleted.
//
// # Why the responder is last
//
// Pigeonhole undoes a run in which vacation meets reject, and a vacation before
// a discard would answer spam. So with a responder nothing stops the script:
// variables say what was settled, and the later filters and the responder ask them.
//
// Extensions: RFC 3894 (copy), 5173 is not used, 5229 (variables), 5230
// (vacation), 5231 (relational), 5232 (imap4flags), 5260 (date), 5429 (reject),
// 5490 (mailbox). Pigeonhole 0.5 has them all without configuration.
package sieve

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Script is what an address does with the mail it receives.
type Script struct {
	Filters   []Filter // in their order
	Responder *Responder
}

// Filter does one thing to the messages that its rules describe.
type Filter struct {
	Name   string
	Active bool
	Any    bool // one of the rules is enough; else all must hold
	Rules  []Rule
	Action Action
	Target string // what the action needs, see [Action]
}

// Action is what a filter does.
type Action string

// The actions. Folder needs the name of a folder, Copy and Forward an address,
// Reject a text for the sender; the others need nothing.
const (
	Keep    Action = "keep"    // into the inbox, whatever the mailbox's own script says
	Folder  Action = "folder"  // made if it is missing
	Read    Action = "read"    // marked as read; the next filter is asked
	Flag    Action = "flag"    // flagged; the next filter is asked
	Copy    Action = "copy"    // a copy goes to an address; the next filter is asked
	Forward Action = "forward" // to an address, instead of the mailbox
	Reject  Action = "reject"  // the sender is told
	Delete  Action = "delete"  // nobody is told
	Stop    Action = "stop"    // no further filter of ours; the mailbox's own script goes on
)

// Settles says that no later filter is asked about what this action was done to.
func (a Action) Settles() bool { return a != Read && a != Flag && a != Copy }

// Rule is one condition on a message.
type Rule struct {
	Header   string // a name of a header in lower case, or one of the constants below
	Operator string
	Value    string
}

// What a rule can look at besides a header by its name. From, To, Cc and Subject are such names.
const (
	From    = "from"
	To      = "to"
	Cc      = "cc"
	Subject = "subject"
	Size    = "size" // of the whole message; the value is in octets
	List    = "list" // it came through a mailing list (RFC 2919, 2369)
	Spam    = "spam" // a scanner before us marked it
)

// The operators. Texts are compared without regard to the case of ASCII letters
// (RFC 4790, i;ascii-casemap), in headers as people read them, that is decoded.
// In Matches, * stands for any text and ? for one character.
const (
	Contains    = "contains"
	NotContains = "not_contains"
	Is          = "is" // of From, To and Cc: the address, without the name beside it
	IsNot       = "is_not"
	Begins      = "begins"
	Ends        = "ends"
	Matches     = "matches"

	Over  = "over" // of Size alone
	Under = "under"

	Yes = "yes" // of List and Spam alone
	No  = "no"
)

// Responder answers by itself.
type Responder struct {
	From      string   // the address, which signs the answer
	Addresses []string // others that lead to it: mail to them is answered too
	Subject   string
	Content   string
	Days      int // between two answers to one sender, at least 1
	Starts    *time.Time
	Ends      *time.Time // exclusive
	Only      bool       // there is no mailbox: what was answered, or not, is dropped
}

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
	if !headerName(r.Header) {
		return "", fmt.Errorf("header %q", r.Header)
	}
	test := "header"
	if r.Operator == Is || r.Operator == IsNot {
		if r.Header == From || r.Header == To || r.Header == Cc {
			test = "address"
		}
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

// headerName says whether a text is the name of a header (RFC 5322, 2.2).
func headerName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' })
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
func (c *compiler) line(s string) string {
	return c.text(strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '\r' || r == '\n' || r == 0 }), " "))
}

func (c *compiler) list(values []string) string {
	encoded := make([]string, len(values))
	for i, v := range values {
		encoded[i] = c.line(v)
	}
	return "[" + strings.Join(encoded, ", ") + "]"
}
