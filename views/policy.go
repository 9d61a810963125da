package views

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// previewGroups are the operations that the preview says in one line, as far as
// their verdict is the same, in the order of its lines.
var previewGroups = [][]policy.Operation{
	{policy.SeeService, policy.SeeHistory, policy.Export},
	{policy.CreateAccount, policy.DescribeAccount, policy.LimitAccount, policy.DeleteAccount},
	{policy.SetPassword},
	{policy.EditFilters, policy.EditResponder, policy.EditRedirections, policy.EditLists},
	{policy.ForwardOut},
	{policy.ImportMail, policy.DelegateAccount, policy.ShareService},
}

// A previewLine is a group, or the part of it that turns on one extra.
type previewLine struct {
	operations []policy.Operation
	on         policy.Extra // 0: the line stays whatever is ticked
}

// preview prints what a grant with the extras e lets its holder do, from the
// permission table. A line that turns on one of the extras in switches is there
// with either verdict; the style sheet shows the one that fits the ticks. told
// says that the owner is told by email when its holder uses what leads to reading.
func preview(l *locale.Locale, k policy.Kind, e, switches policy.Extra, told bool) ui.RightsArgs {
	a := ui.RightsArgs{CanHeading: l.T("policy.can"), CannotHeading: l.T("policy.cannot")}
	for _, line := range previewLines(k, switches) {
		for _, with := range slices.Compact([]policy.Extra{e, e ^ line.on}) {
			can, cannot := policy.Preview(k, with)
			if text := operations(l, k, "policy.and", line.operations, can); text != "" {
				a.Can = append(a.Can, ui.Right{Text: text, If: extraName(line.on), Hidden: with != e})
			}
			if text := operations(l, k, "policy.or", line.operations, cannot); text != "" {
				a.Cannot = append(a.Cannot, ui.Right{Text: text, Unless: extraName(line.on), Hidden: with != e})
			}
		}
	}
	for _, x := range []policy.Extra{policy.Password, policy.Forward} { // these two leak reading
		if e.Has(x) || switches.Has(x) {
			text := l.T("policy.reading." + extraName(x))
			if told {
				text = l.T("policy.reading.told", "Text", text)
			}
			a.Notes = append(a.Notes, ui.Right{Text: text, If: extraName(switches & x), Hidden: !e.Has(x)})
		}
	}
	return a
}

// previewLines are the groups, without what turns on one of the switches: that
// gets a line of its own, which can come and go with the tick.
func previewLines(k policy.Kind, switches policy.Extra) []previewLine {
	var lines []previewLine
	for _, group := range previewGroups {
		var rest, alone []previewLine
		for _, op := range group {
			switch x := deciding(k, op) & switches; {
			case x != 0:
				alone = append(alone, previewLine{[]policy.Operation{op}, x})
			case rest == nil:
				rest = []previewLine{{operations: []policy.Operation{op}}}
			default:
				rest[0].operations = append(rest[0].operations, op)
			}
		}
		lines = append(append(lines, rest...), alone...)
	}
	return lines
}

// deciding is the extra on which an operation turns, 0 if it turns on none.
func deciding(k policy.Kind, op policy.Operation) policy.Extra {
	without, _ := policy.Preview(k, 0)
	for _, name := range policy.AllExtras.Names() {
		x, _ := policy.ExtraNamed(name)
		if with, _ := policy.Preview(k, x); slices.Contains(with, op) && !slices.Contains(without, op) {
			return x
		}
	}
	return 0
}

func extraName(x policy.Extra) string {
	if x == 0 {
		return ""
	}
	return x.Names()[0]
}

// operations joins those of a group that are in list; last joins the last two.
func operations(l *locale.Locale, k policy.Kind, last string, group, list []policy.Operation) string {
	var words []string
	for _, op := range group {
		if slices.Contains(list, op) {
			words = append(words, l.T("policy.can."+string(k)+"."+string(op)))
		}
	}
	return joinWords(l, last, words)
}

// joinWords makes a list of words; last joins the last two.
func joinWords(l *locale.Locale, last string, words []string) (text string) {
	for i, w := range words {
		switch {
		case i == 0:
			text = w
		case i == len(words)-1:
			text = l.T(last, "First", text, "Last", w)
		default:
			text += ", " + w
		}
	}
	return text
}

// extraNames writes extras as people read them.
func extraNames(l *locale.Locale, names []string) string {
	words := make([]string, len(names))
	for i, n := range names {
		words[i] = l.T("policy.extra." + n)
	}
	return joined(words)
}

// sentence begins a text with a capital letter.
func sentence(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
