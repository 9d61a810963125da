package models

import (
	"errors"
	"maps"
	"strings"
	"unicode/utf8"

	"example.org/mandat/mail/sieve"
)

// Limits on a message that filters are tried on, and on what they do to it.
const (
	MaxTrialMessage = sieve.MaxMessage >> 10 // of a source, in kB
	MaxTrialField   = 1000                   // of a field that is typed, in characters
	MaxCopies       = sieve.MaxCopies        // of one message
)

// TrialForm is a message that filters are tried on: its source or, when there is
// none, what was typed about it.
type TrialForm struct {
	Source                string // the whole, or its first part with the header
	From, To, Cc, Subject string
	List, Spam            bool // it came through a mailing list; it is marked as spam
}

// Trial is what filters would do to a message.
type Trial struct {
	Steps   []TrialStep   // one for each filter, in their order
	Settled int           // the index of the filter that decides where the message goes, or -1
	Headers []TrialHeader // what was read of the message
	Size    int64         // of what was tried, in octets
}

// TrialStep is what came of one filter.
type TrialStep struct {
	Asked  bool // it is on, and none before it had decided
	Caught bool
	Acted  bool   // it caught, and does what it is there for: some copies are not made
	Rules  []bool // whether each of its rules holds, when it was asked
}

// TrialHeader is a header field as filters see it, decoded; a message may have
// several of one name, or none.
type TrialHeader struct {
	Name   string // in lower case
	Values []string
}

// trialHeaders are shown of a message, so that a wrong text is noticed.
var trialHeaders = []string{sieve.From, sieve.To, sieve.Cc, sieve.Subject, "date"}

// Marks of a message that is typed, as scanners and list programs write them.
const (
	listMark, listValue = "list-id", "<list>"
	spamMark, spamValue = "x-spam-flag", "YES"
)

// TryFilters says what filters would do to a message that arrives at an address,
// and changes nothing. Invalid for a text that is no message, or too long, and
// when nothing is typed but where the message arrives anyway. The responder of
// the address and redirections are not part of it.
func TryFilters(filters []Filter, address string, n TrialForm) (*Trial, error) {
	m, err := n.message(address)
	if err != nil {
		return nil, err
	}
	list := make([]sieve.Filter, len(filters))
	for i, f := range filters {
		list[i] = f.sieve()
	}
	found := sieve.Try(list, m)
	t := &Trial{Settled: found.Settled, Size: m.Size}
	for _, s := range found.Steps {
		t.Steps = append(t.Steps, TrialStep{Asked: s.Asked, Caught: s.Caught, Rules: s.Rules})
	}
	for _, i := range found.Did {
		t.Steps[i].Acted = true
	}
	for _, name := range trialHeaders {
		t.Headers = append(t.Headers, TrialHeader{Name: name, Values: m.Values(name)})
	}
	return t, nil
}

// TryFilter is TryFilters for one filter as it is typed, before it is saved: it is
// asked alone, as if it were on. Invalid has what is wrong with either of both.
func TryFilter(n FilterForm, address string, m TrialForm) (*Filter, *Trial, error) {
	f, wrong := n.filter(address)
	f.Active = true
	t, err := TryFilters([]Filter{*f}, address, m)
	var bad, more Invalid
	if errors.As(wrong, &bad) && errors.As(err, &more) {
		maps.Copy(bad, more)
	}
	if wrong != nil {
		err = wrong
	}
	return f, t, err
}

// Pasted says whether a source was given, which then counts alone.
func (n TrialForm) Pasted() bool { return strings.TrimSpace(n.Source) != "" }

// TrialTooLarge is the refusal of a source beyond MaxTrialMessage.
func TrialTooLarge() error { return invalid("message", "filter.trial.large", "Most", MaxTrialMessage) }

func (n TrialForm) message(address string) (sieve.Message, error) {
	if !n.Pasted() {
		return n.typed(address)
	}
	m, err := sieve.ParseMessage(n.Source)
	switch {
	case errors.Is(err, sieve.ErrTooLarge):
		err = TrialTooLarge()
	case errors.Is(err, sieve.ErrNoHeader):
		err = invalid("message", "filter.trial.no_header")
	}
	return m, err
}

func (n TrialForm) typed(address string) (sieve.Message, error) {
	bad := Invalid{}
	for _, f := range []struct{ field, text string }{{"from", n.From}, {"to", n.To}, {"cc", n.Cc}, {"subject", n.Subject}} {
		if utf8.RuneCountInString(f.text) > MaxTrialField {
			bad.Add(f.field, "filter.trial.long", "Most", MaxTrialField)
		}
	}
	to := strings.TrimSpace(n.To)
	if strings.TrimSpace(n.From+n.Cc+n.Subject) == "" && (to == "" || strings.EqualFold(to, address)) && !n.List && !n.Spam {
		bad.Add("from", "filter.trial.nothing")
	}
	m := sieve.NewMessage(n.From, n.To, n.Cc, n.Subject)
	if n.List {
		m = m.With(listMark, listValue)
	}
	if n.Spam {
		m = m.With(spamMark, spamValue)
	}
	return m, bad.orNil()
}

// sieve is the filter as the evaluator knows it.
func (f *Filter) sieve() sieve.Filter {
	out := sieve.Filter{Name: f.Name, Active: f.Active, Any: f.Any, Action: sieve.Action(f.Action), Target: f.Target}
	for _, r := range f.Rules {
		out.Rules = append(out.Rules, sieve.Rule(r))
	}
	return out
}
