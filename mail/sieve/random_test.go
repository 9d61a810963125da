package sieve

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

// TestRandom: headers and patterns put together from what is difficult in them
// are read here as in Pigeonhole. One run has about 1,800 questions.
func TestRandom(t *testing.T) {
	p := newPigeonhole(t)
	rounds := 5
	if os.Getenv("MANDAT_NIGHTLY") != "" {
		rounds = 500
	}
	for range rounds {
		seed := rand.Uint64()
		randomRound(t, p, rand.New(rand.NewPCG(seed, 0)))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

var (
	addressParts = []string{
		"a", "b@c.d", "bob", "@", "x.y", "<", ">", ",", ",", ";", ":", "(c)", "(", "\\", ")", `"q"`, `"`, `"a b"@e.f`, ".", " ", "\r\n ", "[1.2]", "é", "<a@b>", "Ann <a@b.c>", "()", "a@", ".b",
	}
	wordParts = []string{
		"=?utf-8?q?", "?=", "a", "=?", "=", "?", "_", "=41", "=C3", "=BC", "=?utf-8?b?YWI=?=", "=?iso-8859-1?q?=FC?=", " ", "\t", "\r\n ", "\r\n\t", "YWJj", "=?UTF-8?B?", "é", "\xff", "?x?", "=00",
		"=?koi8-r?Q?=C1?=", "=?utf-8?Q?=C3=BC?=", "Y W=", "=?us-ascii?q?a?=", "\xc3",
	}
	textParts    = []string{"a", "b", "ab", "A", "*", "é"}
	patternParts = []string{"a", "b", "ab", "*", "*", "?", `\*`, `\`, "é"}
)

func some(r *rand.Rand, parts []string) string {
	var b strings.Builder
	for range 1 + r.IntN(9) {
		b.WriteString(parts[r.IntN(len(parts))])
	}
	return b.String()
}

func randomRound(t *testing.T, p *pigeonhole, r *rand.Rand) {
	const each = 300
	var text strings.Builder
	for i := range each {
		fmt.Fprintf(&text, "a%d: %s\r\nw%d: %s\r\nt%d: %s\r\n", i, some(r, addressParts), i, some(r, wordParts), i, some(r, textParts))
	}
	m := parse(t, text.String()+"\r\n")

	// A script names in flags the tests that hold, and all should. The address test
	// takes the names of few headers, but does not look at those in variables.
	var script strings.Builder
	script.WriteString("require [\"comparator-i;ascii-numeric\", \"imap4flags\", \"regex\", \"relational\", \"variables\"];\r\nset \"a\" \"a\"; set \"dollar\" \"$\";\r\n")
	missing := map[string]string{}
	c := compiler{variables: true, need: map[string]bool{}}
	ask := func(about, test string) {
		flag := fmt.Sprintf("r%d", len(missing))
		missing[flag] = about + ": " + test
		fmt.Fprintf(&script, "if %s { addflag %q; }\r\n", test, flag)
	}
	for i := range each {
		for _, f := range m.named(fmt.Sprintf("a%d", i)) {
			found := addresses(f.raw)
			if !strings.Contains(f.raw, `""`) { // :count has addresses that compare to nothing
				ask(f.raw, fmt.Sprintf(`address :count "eq" :comparator "i;ascii-numeric" "${a}%d" "%d"`, i, len(found)))
			}
			for _, a := range found {
				if !strings.Contains(a, "\n") { // a script has no such text in it
					ask(f.raw, fmt.Sprintf(`address :is "${a}%d" %s`, i, c.text(a)))
				}
			}
		}
		for _, f := range m.named(fmt.Sprintf("w%d", i)) {
			ask(f.raw, fmt.Sprintf(`header :is "w%d" %s`, i, c.text(f.text)))
		}
		for range 3 {
			rule := Rule{fmt.Sprintf("t%d", i), Matches, some(r, patternParts)}
			test, err := c.rule(rule)
			if err != nil {
				t.Fatal(err)
			}
			if !rule.holds(m) {
				test = "not " + test
			}
			ask(fmt.Sprint(m.Values(rule.Header)), test)
		}
	}
	for _, flag := range p.run(t, script.String(), text.String()+"\r\n").flags {
		delete(missing, flag)
	}
	for _, about := range missing {
		t.Errorf("not so in Pigeonhole: %q", about)
	}
}
