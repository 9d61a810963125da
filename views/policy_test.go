package views

import (
	"slices"
	"strings"
	"testing"

	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// eachGrant calls fn for both kinds of grant with every choice of extras.
func eachGrant(fn func(k policy.Kind, e policy.Extra)) {
	for _, k := range []policy.Kind{policy.OnService, policy.OnAccount} {
		for e := range policy.AllExtras + 1 {
			fn(k, e)
		}
	}
}

// shown are the texts of the lines that are not hidden.
func shown(lines []ui.Right) string {
	var texts []string
	for _, r := range lines {
		if !r.Hidden {
			texts = append(texts, r.Text)
		}
	}
	return strings.Join(texts, "\n")
}

func TestThePreviewSaysEveryOperationOnceAndOnTheRightSide(t *testing.T) {
	for _, lang := range locale.Languages() {
		l := locale.From(locale.With(t.Context(), lang, nil))
		eachGrant(func(k policy.Kind, e policy.Extra) {
			can, cannot := policy.Preview(k, e)
			for _, switches := range []policy.Extra{0, policy.Applicable(k)} {
				a := preview(l, k, e, switches, false)
				for _, side := range []struct {
					name       string
					operations []policy.Operation
					text       string
				}{{"can", can, shown(a.Can)}, {"cannot", cannot, shown(a.Cannot)}} {
					for _, op := range side.operations {
						text := l.T("policy.can." + string(k) + "." + string(op))
						if strings.HasPrefix(text, "policy.") {
							t.Fatalf("%s: %s has no text for a grant on one %s", lang, op, k)
						}
						if n := strings.Count(side.text, text); n < 1 {
							t.Errorf("%s: %s grant with %q: %s does not say %q", lang, k, e.Names(), side.name, text)
						}
					}
				}
			}
		})
	}
}

func TestEveryOperationOfThePreviewIsInOneGroup(t *testing.T) {
	grouped := slices.Concat(previewGroups...)
	eachGrant(func(k policy.Kind, e policy.Extra) {
		can, cannot := policy.Preview(k, e)
		for _, op := range slices.Concat(can, cannot) {
			if n := len(slices.DeleteFunc(slices.Clone(grouped), func(o policy.Operation) bool { return o != op })); n != 1 {
				t.Errorf("%s is in %d groups", op, n)
			}
		}
	})
}

// With a tick the browser shows what the server would: the lines of the other
// choice are there, hidden, and named after the extra.
func TestThePreviewFollowsTheTicks(t *testing.T) {
	l := locale.From(t.Context())
	follow := func(lines []ui.Right, ticked policy.Extra) string {
		var texts []string
		for _, r := range lines {
			x, _ := policy.ExtraNamed(r.If + r.Unless)
			if r.If != "" && !ticked.Has(x) || r.Unless != "" && ticked.Has(x) || r.If+r.Unless == "" && r.Hidden {
				continue
			}
			texts = append(texts, r.Text)
		}
		slices.Sort(texts)
		return strings.Join(texts, "\n")
	}
	eachGrant(func(k policy.Kind, e policy.Extra) {
		came := preview(l, k, policy.Defaults(k), policy.Applicable(k), false)
		if e&^policy.Applicable(k) != 0 {
			return
		}
		want := preview(l, k, e, policy.Applicable(k), false)
		if got := follow(came.Can, e); got != follow(want.Can, e) {
			t.Errorf("%s grant with %q: %q, want %q", k, e.Names(), got, follow(want.Can, e))
		}
		if got, sent := follow(came.Cannot, e), strings.Split(shown(want.Cannot), "\n"); true {
			slices.Sort(sent)
			if got != strings.Join(sent, "\n") {
				t.Errorf("%s grant with %q cannot: %q, want %q", k, e.Names(), got, sent)
			}
		}
	})
}

func TestEveryOperationAndExtraHasWords(t *testing.T) {
	for _, lang := range locale.Languages() {
		l := locale.From(locale.With(t.Context(), lang, nil))
		for _, op := range policy.Operations() {
			if key := "policy.operation." + string(op); l.T(key) == key {
				t.Errorf("%s: no message %q", lang, key)
			}
		}
		for _, name := range policy.AllExtras.Names() {
			for _, key := range []string{"policy.extra." + name, "policy.extra." + name + ".hint"} {
				if l.T(key) == key {
					t.Errorf("%s: no message %q", lang, key)
				}
			}
		}
	}
}
