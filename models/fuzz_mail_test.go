package models

import (
	"slices"
	"strings"
	"testing"
)

// What is accepted of where a redirection leads is the same when it is read
// again, also as an export writes it.
func FuzzTargets(f *testing.F) {
	for _, text := range []string{"a@b.example", "B@É.example; a@b.example,\u00a0c+d@e.example\r\nA@B.example", "x", "", ";,\n", "a@b.example@c.example \xff", "Ann <a@b.example>", "o'n/e@b.example \"a\"@b.example", strings.Repeat("a@b.example ", 60)} {
		f.Add(text, "contact")
		f.Add("a@b.example", text)
	}
	f.Fuzz(func(t *testing.T, text, source string) {
		bad := Invalid{}
		targets := parseTargets(text, bad)
		if len(bad["to"]) > wrongShown+1 {
			t.Errorf("%d messages", len(bad["to"]))
		}
		if len(bad) == 0 {
			if len(targets) == 0 || len(targets) > MaxTargets || !slices.IsSorted(targets) {
				t.Errorf("%q leads to %q", text, targets)
			}
			readable := make([]string, len(targets))
			for i, target := range targets {
				readable[i] = ReadableAddress(target)
			}
			for _, written := range []string{strings.Join(targets, " "), strings.Join(readable, "\n")} {
				if again := parseTargets(written, bad); len(written) <= maxTargetsText && (len(bad) > 0 || !slices.Equal(again, targets)) {
					t.Errorf("%q leads to %q, and that to %q, %v", text, targets, again, bad)
				}
			}
		}
		bad = Invalid{}
		if local := parseSource(source, "garrigue.example", bad); len(bad) == 0 {
			for _, written := range []string{local, local + "@garrigue.example", " " + strings.ToUpper(local) + "@GARRIGUE.example "} {
				if again := parseSource(written, "garrigue.example", bad); again != local || len(bad) > 0 {
					t.Errorf("%q is %q, and that %q, %v", source, local, again, bad)
				}
			}
		}
	})
}

// Each line of members is in one place, whatever it has; what is an address is
// read again as itself, and is no more than a word to the statements it goes into.
func FuzzMembers(f *testing.F) {
	for _, text := range []string{"a@b.example\nA@b.example,\n\nAnn \"x, y\" <c@é.example>;\nnobody", "<>\n<a@b.example>>\n<<a@b.example>\n> \n", "a@b.example\x00\n\"a b\"@c.example\n\\@d.example", "o'neil@b.example\n{\"}@x.example\n\u202ea@b.example", strings.Repeat("x\n", MaxMemberLines+1)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		addresses, r, err := memberLines(lines)
		if err != nil {
			return
		}
		filled := 0
		for _, line := range lines {
			if strings.TrimSpace(legible(line)) != "" {
				filled++
			}
		}
		if n := len(addresses) + r.Doubles + len(r.Refused); n != filled || n > MaxMemberLines {
			t.Errorf("%d of %d lines", n, filled)
		}
		for _, address := range addresses {
			if strings.ContainsAny(address, " \"\\\x00") { // see splitWords
				t.Errorf("%q", address)
			}
			for _, written := range []string{address, ReadableAddress(address), "Ann <x@y> <" + address + ">,"} {
				if again, problem := parseMember(written); again != address {
					t.Errorf("%q is read as %q, %v", written, again, problem)
				}
			}
		}
		if len(addresses) > 0 {
			if again, also, err := memberLines(addresses); err != nil || !slices.Equal(again, addresses) || len(also.Refused) > 0 {
				t.Errorf("%q are read as %q, %v", addresses, again, err)
			}
		}
	})
}
