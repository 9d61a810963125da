package models

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"example.org/mandat/mail/sieve"
)

// FilterForm is what is typed about a filter. The value of a size has its unit,
// as in 500 kB; the header of a rule may be the name of any.
type FilterForm struct {
	Name    string
	Match   string // MatchAll, also when empty, or MatchAny
	Rules   []FilterRule
	Action  string
	Target  string
	Version int // as shown; another means ErrConflict. Of no meaning to a new filter
}

// How many of its rules a message must fulfil.
const (
	MatchAll = "all"
	MatchAny = "any"
)

// Limits on filters; of texts in characters.
const (
	MaxFilters      = 100 // of one account
	MaxFilterRules  = 20
	MaxFilterName   = 50
	MaxFilterHeader = 50
	MaxFilterValue  = 200
	MaxFolder       = 200
	MaxRejectText   = 1000
)

// maxFilterSize is beyond every message that a server takes.
const maxFilterSize = 100 * GB

// filter is what was typed in its normal form, for the account of that address;
// Invalid says what cannot be. Rules are named by their place, from 1.
func (n FilterForm) filter(address string) (*Filter, error) {
	bad := Invalid{}
	f := &Filter{Name: oneLine(legible(n.Name)), Any: n.Match == MatchAny, Action: n.Action}
	switch {
	case f.Name == "":
		bad.Add("name", "filter.name.none")
	case utf8.RuneCountInString(f.Name) > MaxFilterName:
		bad.Add("name", "filter.name.long", "Most", MaxFilterName)
	}
	if !slices.Contains([]string{"", MatchAll, MatchAny}, n.Match) {
		bad.Add("match", "filter.match.none")
	}
	switch {
	case len(n.Rules) == 0:
		bad.Add("", "filter.rules.none")
	case len(n.Rules) > MaxFilterRules:
		bad.Add("", "filter.rules.limit", "Most", MaxFilterRules)
	}
	for i, r := range n.Rules[:min(len(n.Rules), MaxFilterRules)] {
		f.Rules = append(f.Rules, checkRule(r, fmt.Sprintf("rules-%d-", i+1), bad))
	}
	f.Target = checkTarget(n.Action, n.Target, address, bad)
	return f, bad.orNil()
}

// checkTarget gives the normal form of what an action needs.
func checkTarget(action, text, address string, bad Invalid) string {
	switch sieve.Action(action) {
	case sieve.Folder:
		return checkFolder(text, bad)
	case sieve.Copy, sieve.Forward:
		target, problem := ParseMailbox(text)
		switch {
		case problem != nil:
			bad.Add("target", problem.Key, problem.Args...)
		case WithoutDetail(target) == address:
			bad.Add("target", "filter.target.self", "Address", ReadableAddress(address))
		}
		return target
	case sieve.Reject:
		text = strings.TrimSpace(legible(text))
		switch {
		case text == "":
			bad.Add("target", "filter.target.text")
		case utf8.RuneCountInString(text) > MaxRejectText:
			bad.Add("target", "filter.target.text_long", "Most", MaxRejectText)
		}
		return text
	case sieve.Keep, sieve.Read, sieve.Flag, sieve.Delete, sieve.Stop:
		return ""
	}
	bad.Add("action", "filter.action.none")
	return ""
}

// checkFolder gives the normal form of the name of a folder, whose parts are
// between slashes. What a mail server would refuse, or take for its own, is refused here.
func checkFolder(text string, bad Invalid) string {
	name := norm.NFC.String(strings.TrimSpace(text))
	switch {
	case name == "":
		bad.Add("target", "filter.folder.none")
	case utf8.RuneCountInString(name) > MaxFolder:
		bad.Add("target", "filter.folder.long", "Most", MaxFolder)
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		bad.Add("target", "filter.folder.characters")
	case !sieve.CheckFolder(name):
		bad.Add("target", "filter.folder.parts")
	}
	return name
}

// checkRule gives the normal form of a rule. field begins the names of its fields.
func checkRule(r FilterRule, field string, bad Invalid) FilterRule {
	r.Header, r.Value = strings.TrimSpace(r.Header), oneLine(legible(r.Value))
	if lower, ok := lowerASCII(r.Header); ok {
		r.Header = lower
	}
	switch r.Header {
	case sieve.Size:
		return checkSizeRule(r, field, bad)
	case sieve.List, sieve.Spam:
		return checkAnswerRule(r, field, bad)
	}
	switch {
	case r.Header == "":
		bad.Add(field+"header", "filter.header.none")
	case utf8.RuneCountInString(r.Header) > MaxFilterHeader:
		bad.Add(field+"header", "filter.header.long", "Most", MaxFilterHeader)
	case !sieve.HeaderName(r.Header):
		bad.Add(field+"header", "filter.header.characters")
	}
	switch {
	case !slices.Contains(TextOperators, r.Operator):
		bad.Add(field+"operator", "filter.operator.text")
	case r.Value == "":
		bad.Add(field+"value", "filter.value.none")
	case utf8.RuneCountInString(r.Value) > MaxFilterValue:
		bad.Add(field+"value", "filter.value.long", "Most", MaxFilterValue)
	case slices.Contains([]string{sieve.From, sieve.To, sieve.Cc}, r.Header) && slices.Contains([]string{sieve.Is, sieve.IsNot}, r.Operator) && !strings.Contains(r.Value, "@"):
		bad.Add(field+"value", "filter.value.address") // these compare addresses: a name would never be one
	}
	return r
}

func checkSizeRule(r FilterRule, field string, bad Invalid) FilterRule {
	if !slices.Contains(SizeOperators, r.Operator) {
		bad.Add(field+"operator", "filter.operator.size")
	}
	octets, ok := parseFilterSize(r.Value)
	if !ok {
		bad.Add(field+"value", "filter.value.size")
	}
	r.Value = strconv.FormatInt(octets, 10)
	return r
}

// checkAnswerRule takes what can only be meant: without a text to compare with,
// an operator for texts says yes, and its opposite no.
func checkAnswerRule(r FilterRule, field string, bad Invalid) FilterRule {
	switch {
	case slices.Contains(AnswerOperators, r.Operator):
	case r.Value != "" || !slices.Contains(TextOperators, r.Operator):
		bad.Add(field+"operator", "filter.operator.answer")
	case r.Operator == sieve.NotContains || r.Operator == sieve.IsNot:
		r.Operator = sieve.No
	default:
		r.Operator = sieve.Yes
	}
	r.Value = ""
	return r
}

// filterUnits are the units of a size, in both languages and lower case.
var filterUnits = []struct {
	name   string
	octets float64
}{{"kb", 1e3}, {"ko", 1e3}, {"mb", 1e6}, {"mo", 1e6}, {"gb", GB}, {"go", GB}}

// parseFilterSize reads a size with its unit as people write it, in octets:
// "500 kB", "2 Mo" or "1,5 MB". Without a unit nobody knows what was meant.
func parseFilterSize(text string) (octets int64, ok bool) {
	text = strings.ToLower(strings.Join(strings.Fields(text), "")) // the narrow space of French figures is one of these
	for _, unit := range filterUnits {
		figure, found := strings.CutSuffix(text, unit.name)
		if !found {
			continue
		}
		figure = strings.Replace(figure, ",", ".", 1)
		if strings.Trim(figure, "0123456789.") != "" {
			return 0, false
		}
		n, err := strconv.ParseFloat(figure, 64)
		if err != nil || n*unit.octets < 1 || n*unit.octets > maxFilterSize {
			return 0, false
		}
		return int64(math.Round(n * unit.octets)), true
	}
	return 0, false
}
