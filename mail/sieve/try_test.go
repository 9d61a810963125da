package sieve

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// subject is an active filter that looks for a word in the subject.
func subject(action Action, word string) Filter {
	return Filter{Name: word, Active: true, Rules: []Rule{{Subject, Contains, word}}, Action: action}
}

func TestTry(t *testing.T) {
	m := NewMessage("Ann <ann@garrigue.example>", "contact@garrigue.example", "", "An offer for a friend")
	asleep := subject(Delete, "offer")
	asleep.Active = false
	for _, c := range []struct {
		name    string
		filters []Filter
		settled int
		did     []int
		asked   int
	}{
		{"nothing is asked of no filter", nil, -1, nil, 0},
		{"an inactive filter is not asked", []Filter{asleep, subject(Keep, "offer")}, 1, []int{1}, 1},
		{"a filter that settles is the last", []Filter{subject(Keep, "offer"), subject(Delete, "friend")}, 0, []int{0}, 1},
		{"one that does not settle lets the next be asked", []Filter{subject(Read, "offer"), subject(Flag, "none"), subject(Delete, "friend")}, 2, []int{0, 2}, 3},
		{"a filter without rules catches nothing", []Filter{{Active: true, Action: Delete}}, -1, nil, 1},
		{"a filter that does not compile catches nothing", []Filter{{Active: true, Any: true, Action: Delete, Rules: []Rule{{Subject, Contains, "offer"}, {Subject, Over, "1"}}}}, -1, nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			trial := Try(c.filters, m)
			asked := 0
			for i, s := range trial.Steps {
				if s.Filter != i || s.Caught != slices.Contains(trial.Did, i) || s.Asked != (len(s.Rules) == len(c.filters[i].Rules) && s.Rules != nil) {
					t.Errorf("step %d: %+v", i, s)
				}
				if s.Asked {
					asked++
				}
			}
			if trial.Settled != c.settled || !slices.Equal(trial.Did, c.did) || asked != c.asked {
				t.Errorf("%+v, of which %d asked", trial, asked)
			}
		})
	}
}

func TestParseMessage(t *testing.T) {
	for _, c := range []struct{ name, text, subject string }{
		{"CRLF", "Subject: a b\r\n\r\nSubject: body\r\n", "a b"},
		{"LF, and no body", "Subject: a b", "a b"},
		{"blank lines before", "\n \n  subject : a b\n", "a b"},
		{"an mbox separator", "From ann Mon Nov 23 10:00:00 2026\nSubject: a b\n", "a b"},
		{"folded", "Subject: a\r\n\tb\r\n", "a b"},
		{"encoded", "Subject: =?UTF-8?Q?gr=C3=BC?=\n =?utf-8?b?w59l?=\n", "grüße"},
		{"a line that is no field", "what is this\nSubject: a b\n", "a b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := ParseMessage(c.text)
			if err != nil || !slices.Equal(m.Values("SUBJECT"), []string{c.subject}) {
				t.Errorf("%q, %v", m.Values(Subject), err)
			}
		})
	}
	for text, want := range map[string]error{
		"":                                 ErrNoHeader,
		"only some words\n\nSubject: body": ErrNoHeader,
		"Subject: " + strings.Repeat("x", MaxMessage): ErrTooLarge,
	} {
		if _, err := ParseMessage(text); !errors.Is(err, want) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

func TestSize(t *testing.T) {
	typed := NewMessage("ann@x.example", "", "", "grüße")
	for text, want := range map[string]int64{"Subject: a\r\n\r\nb\r\n": 17, "Subject: a\n\nb\n": 17, "From: ann@x.example\nSubject: grüße\n": typed.Size} {
		if m, err := ParseMessage(text); err != nil || m.Size != want {
			t.Errorf("%q: %d, %v", text, m.Size, err)
		}
	}
}

// The expression that Compile writes for a pattern and the evaluator agree, and
// with them Go's own expressions.
func TestPatterns(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 173))
	text := func(letters string, most int) string {
		b := make([]byte, r.IntN(most))
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	long := strings.Repeat("ab", 40)
	held := 0
	for range 50_000 {
		pattern, s := text(`aab**??\\`, 9), text(`aaab?*\\`, 12)
		if r.IntN(20) == 0 { // parts of more than a word of bits
			pattern, s = pattern+long+text("ab?*", 70)+long+text("ab?*", 5), s+long+text("ab", 70)+long+text("ab", 5)
		}
		p := parseWildcards(pattern)
		want := regexp.MustCompile("(?s)" + p.regex()).MatchString(s)
		if got := p.matcher()(s); got != want {
			t.Fatalf("%q on %q: %v, want %v", pattern, s, got, want)
		}
		if want {
			held++
		}
	}
	if held < 2_000 {
		t.Errorf("only %d patterns held", held)
	}
}

// Two thousand rules may ask for them.
func TestAddressesAreReadOncePerMessage(t *testing.T) {
	f := []Filter{{Active: true, Any: true, Action: Read, Rules: []Rule{{To, Is, "x@y"}, {To, IsNot, "a@b"}}}}
	cost := func(fields int) float64 {
		m, err := ParseMessage(strings.Repeat("to: g: a@b, (c) d@e;\n", fields))
		if err != nil {
			t.Fatal(err)
		}
		return testing.AllocsPerRun(10, func() { Try(f, m) })
	}
	// Not equality: the race detector makes sync.Pool forget a part of what regexp puts there.
	if one, many := cost(1), cost(1000); many > 2*one {
		t.Errorf("%.0f allocations for one field, %.0f for a thousand", one, many)
	}
}

// A hundred filters of twenty rules, on a message that is as bad for them as it can be.
func BenchmarkTryHostile(b *testing.B) {
	for name, c := range map[string]struct {
		rule Rule
		text string
	}{
		"a part that almost fits": {Rule{Subject, Matches, "*" + strings.Repeat("a", 198) + "b*"}, "Subject: " + strings.Repeat("a", MaxMessage-9)},
		"a part with ?":           {Rule{Subject, Matches, "*" + strings.Repeat("?", 198) + "b*"}, "Subject: " + strings.Repeat("a", MaxMessage-9)},
		"many fields":             {Rule{Subject, Matches, "x"}, strings.Repeat("subject:\n", MaxMessage/9)},
		"many addresses":          {Rule{To, Is, "x@y"}, strings.Repeat("to:a@b\n", MaxMessage/7)},
	} {
		b.Run(name, func(b *testing.B) {
			m, err := ParseMessage(c.text)
			if err != nil {
				b.Fatal(err)
			}
			f := Filter{Active: true, Action: Read, Rules: slices.Repeat([]Rule{c.rule}, 20)}
			for b.Loop() {
				Try(slices.Repeat([]Filter{f}, 100), m)
			}
		})
	}
}
