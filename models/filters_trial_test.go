package models_test

import (
	"fmt"
	"strings"
	"testing"

	"example.org/mandat/models"
)

const trialAddress = "contact@garrigue.example"

// trialFilter is a filter with one rule, switched on.
func trialFilter(name, header, operator, value, action, target string) models.Filter {
	return models.Filter{Name: name, Active: true, Action: action, Target: target, Rules: []models.FilterRule{{Header: header, Operator: operator, Value: value}}}
}

// told is a trial in short: by filter its verdict, then the one that decided.
func told(list []models.Filter, trial *models.Trial) string {
	var b strings.Builder
	for i, s := range trial.Steps {
		word := "passes"
		switch {
		case !s.Asked:
			word = "unasked"
		case s.Acted:
			word = "acts"
		case s.Caught:
			word = "idle"
		}
		fmt.Fprintf(&b, "%s %s%v, ", list[i].Name, word, s.Rules)
	}
	if trial.Settled < 0 {
		return b.String() + "inbox"
	}
	return b.String() + "by " + list[trial.Settled].Name
}

func TestFiltersAreTriedInTheirOrder(t *testing.T) {
	lists := trialFilter("lists", "list", "yes", "", "folder", "News")
	invoices := trialFilter("invoices", "subject", "contains", "facture", "read", "")
	refuse := trialFilter("refuse", "from", "is", "x@elsewhere.example", "reject", "No.")
	spam := trialFilter("spam", "spam", "yes", "", "delete", "")
	resting := trialFilter("resting", "from", "contains", "x", "delete", "")
	resting.Active = false
	both := trialFilter("both", "from", "contains", "elsewhere", "stop", "")
	both.Rules = append(both.Rules, models.FilterRule{Header: "cc", Operator: "begins", Value: "y"})
	either := both
	either.Name, either.Any = "either", true
	var copies []models.Filter
	for n := range models.MaxCopies + 1 {
		copies = append(copies, trialFilter(fmt.Sprint(n), "from", "contains", "x", "copy", fmt.Sprintf("c%d@elsewhere.example", n)))
	}
	from := models.TrialForm{From: "Xavier <x@elsewhere.example>"}
	for _, c := range []struct {
		what string
		list []models.Filter
		form models.TrialForm
		want string
	}{
		{"no filter", nil, from, "inbox"},
		{"through a list", []models.Filter{invoices, lists, spam}, models.TrialForm{Subject: "Votre Facture", List: true}, "invoices acts[true], lists acts[true], spam unasked[], by lists"},
		{"marked as spam", []models.Filter{resting, lists, spam}, models.TrialForm{From: "x", Spam: true}, "resting unasked[], lists passes[false], spam acts[true], by spam"},
		{"all and any", []models.Filter{both, either}, from, "both passes[true false], either acts[true false], by either"},
		{"copies beyond the most", copies, from, strings.Repeat("% acts[true], ", models.MaxCopies) + "% idle[true], inbox"},
		{"copies of what is refused", append(copies[:1:1], refuse), from, "% idle[true], refuse acts[true], by refuse"},
		{"a source", []models.Filter{lists, invoices}, models.TrialForm{Source: "\r\nList-Id: <a>\r\nSubject: =?utf-8?q?facture?=\r\n\r\nFrom: x\r\n"}, "lists acts[true], invoices unasked[], by lists"},
		{"a source beside what is typed", []models.Filter{refuse, spam}, models.TrialForm{From: from.From, Spam: true, Source: "Subject: x"}, "refuse passes[false], spam passes[false], inbox"},
	} {
		trial, err := models.TryFilters(c.list, trialAddress, c.form)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		for n := range models.MaxCopies + 1 {
			c.want = strings.Replace(c.want, "%", fmt.Sprint(n), 1)
		}
		if got := told(c.list, trial); got != c.want {
			t.Errorf("%s:\n%s, want\n%s", c.what, got, c.want)
		}
	}
}

func TestWhatWasReadOfAMessageIsTold(t *testing.T) {
	trial, err := models.TryFilters(nil, trialAddress, models.TrialForm{Source: "From: =?iso-8859-1?Q?Andr=E9?= <a@x.example>\nDate: Mon, 2 Nov 2026\nX: y\nTo: one\nTo: two\n\nbody"})
	must(t, err)
	if got := fmt.Sprint(trial.Headers, trial.Size); got != "[{from [André <a@x.example>]} {to [one two]} {cc []} {subject []} {date [Mon, 2 Nov 2026]}] 99" {
		t.Error(got)
	}
}

func TestAMessageToTryIsRefusedInWords(t *testing.T) {
	source := func(text string) models.TrialForm { return models.TrialForm{Source: text} }
	long := strings.Repeat("é", models.MaxTrialField+1)
	for _, c := range []struct {
		what string
		form models.TrialForm
		want string
	}{
		{"nothing", models.TrialForm{}, "from: filter.trial.nothing"},
		{"blanks", models.TrialForm{From: " ", Subject: "\t", Source: " \r\n"}, "from: filter.trial.nothing"},
		{"where it arrives anyway", models.TrialForm{To: " Contact@garrigue.example"}, "from: filter.trial.nothing"},
		{"where it arrives by a detail", models.TrialForm{To: "contact+shop@garrigue.example"}, done},
		{"a mark alone", models.TrialForm{List: true}, done},
		{"a long field", models.TrialForm{Subject: long}, "subject: filter.trial.long"},
		{"one as long as may be", models.TrialForm{Subject: long[2:]}, done},
		{"a text without a header", source("Bonjour,\nà demain"), "message: filter.trial.no_header"},
		{"one octet too many", source("A: " + strings.Repeat("x", models.MaxTrialMessage<<10-2)), "message: filter.trial.large"},
		{"as large as may be", source("A: " + strings.Repeat("x", models.MaxTrialMessage<<10-3)), done},
		{"a long field beside a source", models.TrialForm{Subject: long, Source: "A: b"}, done},
	} {
		want(t, c.what, second(models.TryFilters(nil, trialAddress, c.form)), c.want)
	}
}

func TestAFilterIsTriedBeforeItIsSaved(t *testing.T) {
	typed := models.FilterForm{Name: "News", Action: "folder", Target: "News", Rules: []models.FilterRule{{Header: "size", Operator: "under", Value: "1 kB"}, {Header: "From", Operator: "ends", Value: "club.example"}}}
	f, trial, err := models.TryFilter(typed, trialAddress, models.TrialForm{From: "news@club.example"})
	must(t, err)
	if got := told([]models.Filter{*f}, trial); got != "News acts[true true], by News" {
		t.Error(got)
	}
	typed.Name, typed.Target = "", ""
	for what, c := range map[string]struct {
		form models.TrialForm
		want string
	}{
		"a filter that is none":      {models.TrialForm{From: "x"}, "name: filter.name.none, target: filter.folder.none"},
		"and a message that is none": {models.TrialForm{}, "from: filter.trial.nothing, name: filter.name.none, target: filter.folder.none"},
		"and a source that is none":  {models.TrialForm{Source: "x"}, "message: filter.trial.no_header, name: filter.name.none, target: filter.folder.none"},
	} {
		_, _, err := models.TryFilter(typed, trialAddress, c.form)
		want(t, what, err, c.want)
	}
	typed.Name, typed.Target = "News", "News"
	_, _, err = models.TryFilter(typed, trialAddress, models.TrialForm{})
	want(t, "a message that is none", err, "from: filter.trial.nothing")
}
