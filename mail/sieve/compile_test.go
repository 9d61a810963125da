package sieve

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// on is an active filter that catches every message with a subject.
func on(action Action, target string) Filter {
	return Filter{Name: string(action), Active: true, Rules: []Rule{{Subject, Matches, "*"}}, Action: action, Target: target}
}

var away = &Responder{From: "ann@one.example", Subject: `Away ${done} "x" \`, Content: "Back\n.\n${mute} soon \\", Days: 3}

// together are filters whose actions meet in one run.
func together() map[string][]Filter {
	many := []Filter{}
	for i := range MaxCopies + 5 {
		many = append(many, on(Copy, fmt.Sprintf("user%d@one.example", i)))
	}
	return map[string][]Filter{
		"keep":                           {on(Keep, "")},
		"folder":                         {on(Folder, "News/Für mich ${done} \\ \"x\"")},
		"folder that cannot be":          {on(Folder, "a/../b"), on(Delete, "")},
		"read, flag":                     {on(Read, ""), on(Flag, "")},
		"read, flag, folder":             {on(Read, ""), on(Flag, ""), on(Folder, "A")},
		"read, flag, forward":            {on(Read, ""), on(Flag, ""), on(Forward, "bob@one.example")},
		"copy":                           {on(Copy, "bob@one.example")},
		"copy, folder":                   {on(Copy, "bob@one.example"), on(Folder, "A"), on(Delete, "")},
		"copy, forward":                  {on(Copy, "bob@one.example"), on(Forward, "cyril@one.example")},
		"copy, forward to the same":      {on(Copy, "bob@one.example"), on(Forward, "bob@one.example")},
		"copy, reject":                   {on(Copy, "bob@one.example"), on(Reject, "no ${done}"), on(Keep, "")},
		"copy, delete":                   {on(Copy, "bob@one.example"), on(Delete, "")},
		"copy, a reject that is not it":  {on(Copy, "bob@one.example"), {Active: true, Rules: []Rule{{Subject, Is, "\x01"}}, Action: Reject, Target: "no"}, on(Folder, "A")},
		"copy twice to one":              {on(Copy, "bob@one.example"), on(Copy, "bob@one.example")},
		"read, reject":                   {on(Read, ""), on(Reject, "no")},
		"delete":                         {on(Delete, ""), on(Folder, "A")},
		"stop":                           {on(Stop, ""), on(Delete, "")},
		"reject":                         {on(Reject, "no")},
		"more copies than there are":     many,
		"more copies, then a forward":    append(slices.Clone(many), on(Forward, "last@one.example")),
		"more copies, then a reject":     append(slices.Clone(many), on(Reject, "no")),
		"inactive":                       {{Rules: []Rule{{Subject, Matches, "*"}}, Action: Delete}, on(Flag, "")},
		"one of two rules":               {{Active: true, Any: true, Rules: []Rule{{Subject, Is, "\x01"}, {List, No, ""}}, Action: Folder, Target: "A"}},
		"two of two rules, one does not": {{Active: true, Rules: []Rule{{Subject, Is, "\x01"}, {List, No, ""}}, Action: Folder, Target: "A"}},
	}
}

// TestTogether: whatever meets, with a responder and without, the script does
// what [Try] says, and the responder is silent for what was rejected or deleted.
func TestTogether(t *testing.T) {
	p := newPigeonhole(t)
	const text = "From: Out <out@outside.example>\r\nTo: ann@one.example\r\nSubject: x\r\n\r\nbody\r\n"
	m := parse(t, text)
	for name, filters := range together() {
		t.Run(name, func(t *testing.T) {
			settled := Try(filters, m).Settled
			silent := settled >= 0 && (filters[settled].Action == Reject || filters[settled].Action == Delete)
			for _, responder := range []*Responder{nil, away} {
				script, err := Compile(Script{Filters: filters, Responder: responder})
				if err != nil {
					t.Fatal(err)
				}
				got, want := p.run(t, script, text), outcomeOf(filters, m)
				want.vacation = responder != nil && !silent
				if got.String() != want.String() {
					t.Errorf("here %v\nPigeonhole %v\n%s", want, got, script)
				}
			}
		})
	}
}

// TestCorpus: several filters of all kinds on every message, compiled.
func TestCorpus(t *testing.T) {
	p := newPigeonhole(t)
	set := []Filter{
		{Active: true, Rules: []Rule{{From, Is, "ann@garrigue.example"}, {Subject, NotContains, "news"}}, Action: Flag},
		{Active: true, Any: true, Rules: []Rule{{Subject, Contains, "grüße"}, {To, Is, "info@garrigue.example"}}, Action: Copy, Target: "bob@one.example"},
		{Active: true, Rules: []Rule{{Spam, Yes, ""}}, Action: Reject, Target: "no"},
		{Active: true, Rules: []Rule{{List, Yes, ""}}, Action: Folder, Target: "Lists"},
		{Active: true, Rules: []Rule{{Size, Over, "50000"}}, Action: Delete},
		{Active: true, Any: true, Rules: []Rule{{Subject, Matches, "?n of*"}, {Cc, IsNot, "bob@garrigue.example"}}, Action: Read},
		{Active: true, Rules: []Rule{{From, IsNot, "ann@garrigue.example"}}, Action: Forward, Target: "bob@one.example"},
		{Active: true, Rules: []Rule{{Subject, Ends, "friend"}}, Action: Keep},
	}
	script, err := Compile(Script{Filters: set})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range corpus(t) {
		if got, want := p.run(t, script, text), outcomeOf(set, parse(t, text)); got.String() != want.String() {
			t.Errorf("%s: here %v, Pigeonhole %v", name, want, got)
		}
	}
}

func TestResponderWhen(t *testing.T) {
	p := newPigeonhole(t)
	at := func(d time.Duration) *time.Time { x := time.Now().Add(d).In(time.FixedZone("", 7200)); return &x }
	for _, c := range []struct {
		name         string
		starts, ends *time.Time
		only, want   bool
	}{
		{"always", nil, nil, false, true},
		{"inside", at(-time.Hour), at(time.Hour), false, true},
		{"before", at(time.Hour), nil, false, false},
		{"after", nil, at(-time.Minute), false, false},
		{"only", nil, nil, true, true},
		{"only, after", nil, at(-time.Minute), true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := *away
			r.Starts, r.Ends, r.Only, r.Addresses = c.starts, c.ends, c.only, []string{"info@one.example"}
			script, err := Compile(Script{Responder: &r})
			if err != nil {
				t.Fatal(err)
			}
			got := p.run(t, script, "From: out@outside.example\r\nTo: info@one.example\r\nSubject: x\r\n\r\n")
			if got.vacation != c.want || (len(got.stores) == 0) != c.only {
				t.Errorf("%v\n%s", got, script)
			}
		})
	}
}

func TestCompileRefuses(t *testing.T) {
	for name, s := range map[string]Script{
		"no rule":             {Filters: []Filter{{Active: true, Action: Keep}}},
		"an unknown action":   {Filters: []Filter{on("drop", "")}},
		"an unknown operator": {Filters: []Filter{{Active: true, Action: Keep, Rules: []Rule{{Subject, Over, "1"}}}}},
		"no header's name":    {Filters: []Filter{{Active: true, Action: Keep, Rules: []Rule{{"a b", Is, "1"}}}}},
		"a size of letters":   {Filters: []Filter{{Active: true, Action: Keep, Rules: []Rule{{Size, Over, "1k"}}}}},
		"no address":          {Filters: []Filter{on(Copy, "bob")}},
		"two addresses":       {Filters: []Filter{on(Forward, "bob@one.example, ann@one.example")}},
		"a named address":     {Filters: []Filter{on(Forward, "Bob <bob@one.example>")}},
		"an address in UTF-8": {Filters: []Filter{on(Forward, "bob@köln.example")}},
		"a responder of none": {Responder: &Responder{From: "ann"}},
	} {
		if text, err := Compile(s); err == nil {
			t.Errorf("%s:\n%s", name, text)
		}
	}
}

func TestCheckFolder(t *testing.T) {
	for name, want := range map[string]bool{
		"A": true, "News/Für mich": true, "a~": true, "a*b%": true, `a\"b`: true, "INBOX/x": true, strings.Repeat("x", 254): true, strings.Repeat("é", 85): true,
		"": false, "/a": false, "a/": false, "a//b": false, "..": false, "a.b": false, "~a": false, "a\tb": false, "a\x7f": false, "a\x00": false, " a": false, "a /b": false, "a\xff": false,
		strings.Repeat("x", 255): false, strings.Repeat("é", 120): false,
	} {
		if CheckFolder(name) != want {
			t.Errorf("%.20q: %v", name, !want)
		}
	}
}

// hostile is texts that mean something to somebody.
var hostile = []string{
	"", " ", `"; discard; #`, "a\r\n.\r\ndiscard;\r\n", "x\x00y", "/* ", "*/", "#", "${done}", "$${done}", "${", "$", `\`, `\\`, `\"`, `*\`, "?\\", "??*[]{}()|^$+.", "text:", "\xff\xfe", "grüße", "\u2028",
	"[\"a\"]", "${unicode:41}", "${hex:22}", strings.Repeat("${", 3000), strings.Repeat("x", 9000),
}

func hostileScript(name, header, value, text, target string, kind byte) Script {
	actions := []Action{Keep, Folder, Read, Flag, Copy, Forward, Reject, Delete, Stop}
	operators := []string{Contains, NotContains, Is, IsNot, Begins, Ends, Matches}
	f := Filter{Name: name, Active: true, Any: kind&1 != 0, Action: actions[int(kind)%len(actions)], Target: target}
	for _, o := range operators {
		f.Rules = append(f.Rules, Rule{header, o, value}, Rule{From, o, value})
	}
	s := Script{Filters: []Filter{f, on(Copy, "bob@one.example"), on(Reject, text)}}
	if kind&2 != 0 {
		s.Filters = s.Filters[:1]
	}
	if kind&4 != 0 {
		s.Responder = &Responder{From: "ann@one.example", Subject: value, Content: text, Days: int(kind)}
	}
	return s
}

// TestCompileAny: sievec accepts every script that is made of anything.
func TestCompileAny(t *testing.T) {
	p := newPigeonhole(t)
	var scripts []string
	rapid.Check(t, func(t *rapid.T) {
		text := func(label string) string {
			return rapid.OneOf(rapid.SampledFrom(hostile), rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, label)
		}
		header := rapid.OneOf(rapid.SampledFrom([]string{Subject, To, "x-${done}", `x-"\`, "$"}), rapid.StringMatching(`[!-9;-~]{1,20}`)).Draw(t, "header")
		target := rapid.OneOf(rapid.Just("bob@one.example"), rapid.SampledFrom(hostile), rapid.StringMatching(`("[ -~]{1,9}"|[!-~]{1,9})@[!-~]{1,9}`)).Draw(t, "target")
		s := hostileScript(text("name"), header, text("value"), text("text"), target, rapid.Byte().Draw(t, "kind"))
		if script, err := Compile(s); err == nil && len(scripts) < 500 {
			scripts = append(scripts, script)
		}
	})
	if len(scripts) < 20 {
		t.Fatalf("only %d scripts", len(scripts))
	}
	p.accepts(t, scripts...)
}

// TestHostile: texts do nothing but what a filter's texts do.
func TestHostile(t *testing.T) {
	p := newPigeonhole(t)
	const message = "From: out@outside.example\r\nTo: ann@one.example\r\nSubject: harmless\r\n\r\n"
	var filters []Filter
	for _, v := range hostile {
		filters = append(filters, Filter{Name: v, Active: true, Rules: []Rule{{Subject, Is, v + "!"}, {"x-none", Begins, v}, {From, Matches, v}}, Action: Folder, Target: "A" + v}, Filter{Name: v, Active: true, Rules: []Rule{{Subject, Is, v + "!"}}, Action: Reject, Target: v})
	}
	script, err := Compile(Script{Filters: filters, Responder: away})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.run(t, script, message); got.String() != (outcome{stores: []string{"INBOX"}, vacation: true}).String() {
		t.Errorf("%v\n%s", got, script)
	}
}

func FuzzCompile(f *testing.F) {
	for i, v := range hostile {
		f.Add(v, "x-${done}", v, v, "bob@one.example", byte(i))
	}
	p := newPigeonhole(f)
	f.Fuzz(func(t *testing.T, name, header, value, text, target string, kind byte) {
		if script, err := Compile(hostileScript(name, header, value, text, target, kind)); err == nil {
			p.accepts(t, script)
		}
	})
}
