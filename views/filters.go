package views

import (
	"encoding/json"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// FiltersView is the filters of one address, in the order in which they are asked.
type FiltersView struct {
	Head    ServiceHead
	Access  *models.Access
	Filters []models.Filter
}

func (v FiltersView) changes() bool  { return !v.Head.Suspended }
func (v FiltersView) domain() string { return v.Access.Service.Domain }
func (v FiltersView) local() string  { return v.Access.Account.LocalPart }

func (v FiltersView) path(f *models.Filter) string { return FilterPath(v.domain(), v.local(), f.ID) }

// maySwitchOn says whether the viewer may let a filter work that rests.
func (v FiltersView) maySwitchOn(f *models.Filter) bool {
	return v.Access.May(policy.ForwardOut) || !f.SendsOut(v.domain())
}

// menu is what can be done with one filter.
func (v FiltersView) menu(l *locale.Locale, f *models.Filter) ui.MenuArgs {
	path := v.path(f)
	m := ui.MenuArgs{ID: "m" + strconv.FormatInt(f.ID, 10), Label: l.T("filter.actions", "Name", f.Name), Form: "act"}
	m.Items = append(m.Items, ui.MenuItem{Label: l.T("filter.edit"), Path: path})
	switch {
	case f.Active:
		m.Items = append(m.Items, ui.MenuItem{Label: l.T("filter.switch_off"), Path: path + FilterDeactivation, Post: true})
	case v.maySwitchOn(f):
		m.Items = append(m.Items, ui.MenuItem{Label: l.T("filter.switch_on"), Path: path + FilterActivation, Post: true})
	}
	m.Items = append(m.Items, ui.MenuItem{Label: l.T("filter.delete"), Path: path + FilterDeletion, Post: true, Danger: true})
	return m
}

// OtherHeader is what a form says of a rule on a header that it does not list; its name is typed beside it.
const OtherHeader = "header"

// FilterRuleForm is one rule, as typed.
type FilterRuleForm struct{ Header, Name, Operator, Value string }

// FilterForm is a filter, as typed.
type FilterForm struct {
	Name    string
	Match   string
	Rules   []FilterRuleForm
	Action  string
	Target  string
	Version int
	Errors  Errors

	Trial   TrialForm // what it is tried on before it is saved
	Tried   *models.Filter
	Verdict *models.Trial // nil when it was not tried
}

// StoredFilter is the form as the filter stands.
func StoredFilter(l *locale.Locale, f *models.Filter) FilterForm {
	form := FilterForm{Name: f.Name, Match: models.MatchAll, Action: f.Action, Target: f.Target, Version: f.Version}
	if f.Any {
		form.Match = models.MatchAny
	}
	for _, r := range f.Rules {
		rule := FilterRuleForm{Header: r.Header, Operator: r.Operator, Value: r.Value}
		switch r.Header {
		case "size":
			rule.Value = filterSize(l, r.Value)
		case OtherHeader: // by chance its very name
			rule.Name = r.Header
		}
		form.Rules = append(form.Rules, ListedHeader(rule))
	}
	return form
}

// ListedHeader is a rule as the form can show it: a header that the list lacks is typed beside it.
func ListedHeader(r FilterRuleForm) FilterRuleForm {
	if r.Header != OtherHeader && !slices.Contains(models.FilterHeaders, r.Header) {
		r.Header, r.Name = OtherHeader, r.Header
	}
	return r
}

// Read is the form as the models read it.
func (f FilterForm) Read() models.FilterForm {
	n := models.FilterForm{Name: f.Name, Match: f.Match, Action: f.Action, Target: f.Target, Version: f.Version}
	for _, r := range f.Rules {
		rule := models.FilterRule{Header: r.Header, Operator: r.Operator, Value: r.Value}
		if r.Header == OtherHeader {
			rule.Header = r.Name
		}
		n.Rules = append(n.Rules, rule)
	}
	return n
}

// FilterPresets are the examples that people know.
var FilterPresets = []string{"lists", "spam", "sender", "subject"}

// PresetFilter is the form filled in by a preset; for any other name, the form of a filter that begins with nothing.
func PresetFilter(l *locale.Locale, preset string) FilterForm {
	f := FilterForm{Match: models.MatchAll, Rules: []FilterRuleForm{{Header: "from", Operator: "contains"}}, Action: "folder"}
	switch preset {
	case "lists":
		f.Rules, f.Target = []FilterRuleForm{{Header: "list", Operator: "yes"}}, l.T("filter.preset.lists.folder")
	case "spam":
		f.Rules, f.Action = []FilterRuleForm{{Header: "subject", Operator: "contains", Value: "[SPAM]"}}, "delete"
	case "sender":
		f.Rules, f.Action = []FilterRuleForm{{Header: "from", Operator: "is"}}, "forward"
	case "subject":
		f.Rules, f.Action = []FilterRuleForm{{Header: "subject", Operator: "contains"}, {Header: "from", Operator: "is_not"}}, "delete"
	default:
		return f
	}
	f.Name = l.T("filter.preset." + preset)
	return f
}

// Edit adds a rule to the form ("add") or takes one away ("remove-2"), and says whether that is one of both.
func (f *FilterForm) Edit(what string) bool {
	if what == "add" {
		if len(f.Rules) < models.MaxFilterRules {
			f.Rules = append(f.Rules, FilterRuleForm{Header: "from", Operator: "contains"})
		}
		return true
	}
	number, found := strings.CutPrefix(what, "remove-")
	n, err := strconv.Atoi(number)
	if !found || err != nil || n < 1 || n > len(f.Rules) {
		return false
	}
	f.Rules = slices.Delete(f.Rules, n-1, n)
	return true
}

// FilterView is the form of one filter.
type FilterView struct {
	Head     ServiceHead
	Access   *models.Access
	Stored   *models.Filter // nil for a new one
	Form     FilterForm
	Conflict bool // the form was sent for an older version
}

func (v FilterView) path() string {
	if v.Stored == nil {
		return FiltersPath(v.Access.Service.Domain, v.Access.Account.LocalPart)
	}
	return FilterPath(v.Access.Service.Domain, v.Access.Account.LocalPart, v.Stored.ID)
}

// differences are what was typed and is not what is stored by now.
func (v FilterView) differences(l *locale.Locale) []Difference {
	typed, stored := v.Form, StoredFilter(l, v.Stored)
	list := compare(nil, l.T("filter.name"), typed.Name, stored.Name)
	list = compare(list, l.T("filter.rules"), typed.when(l), stored.when(l))
	return compare(list, l.T("filter.action"), filterDo(l, typed.Action, typed.Target), filterDo(l, stored.Action, stored.Target))
}

// With is the form with what is wrong with it: where the name of a header is
// typed, there, and not at the list that says so.
func (f FilterForm) With(bad Errors) FilterForm {
	f.Errors = bad
	for i, r := range f.Rules {
		if header := ruleField(i, "header"); r.Header == OtherHeader && len(bad[header]) > 0 {
			bad[ruleField(i, "name")] = bad[header]
			delete(bad, header)
		}
	}
	return f
}

// fields are the names of the fields, in the order of the form.
func (f FilterForm) fields() []string {
	list := []string{"name", "match"}
	for i := range f.Rules {
		list = append(list, ruleField(i, "header"), ruleField(i, "name"), ruleField(i, "operator"), ruleField(i, "value"))
	}
	return slices.Concat(list, []string{"action", "target"}, trialFields)
}

// ruleField is the name of a field of a rule; rules are counted from 1 there.
func ruleField(i int, name string) string { return "rules-" + strconv.Itoa(i+1) + "-" + name }

func ruleHeaders(l *locale.Locale) []ui.Option {
	return append(filterOptions(l, "filter.header.", models.FilterHeaders), ui.Option{Value: OtherHeader, Label: l.T("filter.header.other")})
}

func ruleOperators(l *locale.Locale) []ui.Option {
	return filterOptions(l, "filter.operator.", slices.Concat(models.TextOperators, models.SizeOperators, models.AnswerOperators))
}

func filterOptions(l *locale.Locale, prefix string, values []string) []ui.Option {
	options := make([]ui.Option, len(values))
	for i, v := range values {
		options[i] = ui.Option{Value: v, Label: l.T(prefix + v)}
	}
	return options
}

// filterSentence is what a filter does, as people say it.
func filterSentence(l *locale.Locale, f *models.Filter) string {
	return l.T("filter.sentence", "When", StoredFilter(l, f).when(l), "Do", filterDo(l, f.Action, f.Target))
}

// when is the rules of a form, joined.
func (f FilterForm) when(l *locale.Locale) string {
	join, text := "filter.and", ""
	if f.Match == models.MatchAny {
		join = "filter.or"
	}
	for i, r := range f.Rules {
		if i == 0 {
			text = r.text(l)
		} else {
			text = l.T(join, "First", text, "Last", r.text(l))
		}
	}
	return text
}

func (r FilterRuleForm) text(l *locale.Locale) string {
	switch r.Header {
	case "list", "spam":
		return l.T("filter.rule." + r.Header + "." + r.Operator)
	case OtherHeader:
		return l.T("filter.rule."+r.Operator, "Header", textproto.CanonicalMIMEHeaderKey(r.Name), "Value", r.Value)
	}
	return l.T("filter.rule."+r.Operator, "Header", l.T("filter.header."+r.Header), "Value", r.Value)
}

// filterDo is what is done to a message.
func filterDo(l *locale.Locale, action, target string) string {
	return l.T("filter.do."+action, "Target", filterTarget(action, target))
}

// filterTarget is a target as people read it.
func filterTarget(action, target string) string {
	if at := strings.LastIndexByte(target, '@'); at >= 0 && (action == "copy" || action == "forward") {
		return models.ReadableAddress(target)
	}
	return target
}

// filterSize is a size as it can be typed, without loss: whole octets have three decimals of a kB.
func filterSize(l *locale.Locale, octets string) string {
	n, err := strconv.ParseInt(octets, 10, 64)
	if err != nil {
		return octets
	}
	unit, key := int64(1000), "filter.size.kb"
	if n%1000 == 0 && n >= 1_000_000 {
		unit, key = 1_000_000, "filter.size.mb"
	}
	figure := strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(float64(n)/float64(unit), 'f', 3, 64), "0"), ".")
	if l.Lang() == "fr" {
		figure = strings.Replace(figure, ".", ",", 1)
	}
	return l.T(key, "Figure", figure)
}

// filterPart is a part of a filter as the history keeps it.
func filterPart(l *locale.Locale, part, text string) string {
	switch part {
	case "filter_match":
		return l.T("filter.match." + text)
	case "filter_action":
		return l.T("filter.action." + text)
	case "filter_rules":
		var f models.Filter
		if err := json.Unmarshal([]byte(text), &f.Rules); err == nil {
			var texts []string
			for _, r := range StoredFilter(l, &f).Rules {
				texts = append(texts, r.text(l))
			}
			return joined(texts)
		}
	}
	return text
}
