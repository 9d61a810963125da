package gallery

import (
	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

var filters = []Entry{
	{Name: "filters/list", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return filterList(l, p, asOwner(), someFilters())
	}},
	{Name: "filters/list-of-delegate", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return filterList(l, asOf(p, asChloe()), asChloe(), someFilters())
	}},
	{Name: "filters/list-empty", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return filterList(l, p, asOwner(), nil)
	}},
	{Name: "filters/list-suspended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return filterList(l, p, suspended(asOwner()), someFilters())
	}},
	{Name: "filters/new", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return filterPage(l, p, views.FilterView{Access: asOwner(), Form: views.PresetFilter(l, "")})
	}},
	{Name: "filters/new-preset", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return filterPage(l, p, views.FilterView{Access: asOwner(), Form: views.PresetFilter(l, "subject")})
	}},
	{Name: "filters/new-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return filterPage(l, asOf(p, asChloe()), views.FilterView{Access: asChloe(), Form: views.FilterForm{
			Name: "<script>", Match: models.MatchAny, Action: "forward", Target: "bob@elsewhere.example",
			Rules: []views.FilterRuleForm{{Header: views.OtherHeader, Name: "X Spam", Operator: "contains", Value: "x"}, {Header: "size", Operator: "contains", Value: "200"}},
			Errors: views.Errors{
				"rules-1-header":   {l.T("filter.header.characters")},
				"rules-2-operator": {l.T("filter.operator.size")}, "rules-2-value": {l.T("filter.value.size")},
				"target": {l.T("filter.target.outside", "Address", "bob@elsewhere.example", "Owner", "ad1001-mdt")},
			},
		}})
	}},
	{Name: "filters/new-tried", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := views.PresetFilter(l, "lists")
		f.Tried, f.Trial = &models.Filter{Name: f.Name, Active: true, Action: "folder", Target: f.Target, Rules: f.Read().Rules}, views.TrialForm{From: "news@club.example", List: true}
		f.Verdict = &models.Trial{Steps: []models.TrialStep{{Asked: true, Caught: true, Acted: true, Rules: []bool{true}}}, Size: 50, Headers: someHeaders("news@club.example", "", "", "")}
		return filterPage(l, p, views.FilterView{Access: asOwner(), Form: f})
	}},
	{Name: "filters/settings", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return filterPage(l, p, views.FilterView{Access: asOwner(), Stored: &someFilters()[2]})
	}},
	{Name: "filters/settings-conflict", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		f := views.StoredFilter(l, &someFilters()[0])
		f.Name, f.Match = "News", models.MatchAll
		return filterPage(l, p, views.FilterView{Access: asOwner(), Stored: &someFilters()[0], Form: f, Conflict: true})
	}},
	{Name: "filters/trial", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return trialPage(l, p, views.TrialView{Access: asOwner(), Filters: someFilters(), Form: views.NewTrial("contact@garrigue.example")})
	}},
	{Name: "filters/trial-caught", Component: func(l *locale.Locale, p views.Page) templ.Component {
		v := views.TrialView{Access: asChloe(), Filters: someFilters(), Form: views.TrialForm{Subject: "x", Message: "From: Club <news@club.example>\nTo: contact@garrigue.example\nSubject: <script>\nDate: Mon, 2 Nov 2026 10:00:00 +0100\n\nBonjour"}}
		v.Filters = append([]models.Filter{{ID: 4, Name: "Lu", Active: true, Action: "read", Rules: []models.FilterRule{{Header: "from", Operator: "ends", Value: "club.example>"}}}}, v.Filters...)
		v.Trial = &models.Trial{
			Steps: []models.TrialStep{
				{Asked: true, Caught: true, Acted: true, Rules: []bool{true}}, {Asked: true, Caught: true, Acted: true, Rules: []bool{true, false}}, {}, {},
			},
			Settled: 1, Size: 131, Headers: someHeaders("Club <news@club.example>", "contact@garrigue.example", "<script>", "Mon, 2 Nov 2026 10:00:00 +0100"),
		}
		return trialPage(l, asOf(p, asChloe()), v)
	}},
	{Name: "filters/trial-none", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return trialPage(l, p, views.TrialView{
			Access: asOwner(), Filters: someFilters(), Form: views.TrialForm{To: "contact@garrigue.example", Subject: "Bonjour"},
			Trial: &models.Trial{
				Steps:   []models.TrialStep{{Asked: true, Rules: []bool{false, false}}, {}, {Asked: true, Rules: []bool{false, true}}},
				Settled: -1, Size: 50, Headers: someHeaders("", "contact@garrigue.example", "Bonjour", ""),
			},
		})
	}},
	{Name: "filters/trial-rejected", Component: func(l *locale.Locale, p views.Page) templ.Component {
		rule := []models.FilterRule{{Header: "from", Operator: "contains", Value: "@"}}
		return trialPage(l, p, views.TrialView{
			Access: asOwner(), Form: views.TrialForm{From: "a@elsewhere.example", Spam: true},
			Filters: []models.Filter{
				{ID: 1, Name: "Copie", Active: true, Action: "copy", Target: "rh@garrigue.example", Rules: rule},
				{ID: 2, Name: "Important", Active: true, Action: "flag", Rules: rule},
				{ID: 3, Name: "Non", Active: true, Action: "reject", Target: "Adresse fermée.", Rules: rule},
			},
			Trial: &models.Trial{
				Steps: []models.TrialStep{
					{Asked: true, Caught: true, Rules: []bool{true}}, {Asked: true, Caught: true, Acted: true, Rules: []bool{true}}, {Asked: true, Caught: true, Acted: true, Rules: []bool{true}},
				},
				Settled: 2, Size: 50, Headers: someHeaders("a@elsewhere.example", "", "", ""),
			},
		})
	}},
	{Name: "filters/trial-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return trialPage(l, p, views.TrialView{Access: suspended(asOwner()), Filters: someFilters(), Form: views.TrialForm{
			To: "contact@garrigue.example", Message: "Bonjour,\n</textarea>", Errors: views.Errors{"message": {l.T("filter.trial.no_header")}},
		}})
	}},
}

// someHeaders are those of a message; "" is none of that name.
func someHeaders(from, to, subject, date string) []models.TrialHeader {
	list := []models.TrialHeader{{Name: "from"}, {Name: "to"}, {Name: "cc"}, {Name: "subject"}, {Name: "date"}}
	for i, text := range []string{from, to, "", subject, date} {
		if text != "" {
			list[i].Values = []string{text}
		}
	}
	return list
}

func trialPage(l *locale.Locale, p views.Page, v views.TrialView) templ.Component {
	p.Title, p.Here = l.T("filter.trial.heading"), "services"
	v.Head = headOf(l, v.Access, "emails", accountCrumbs(l, ui.Crumb{Label: l.T("filter.title"), Path: views.FiltersPath(v.Access.Service.Domain, v.Access.Account.LocalPart)}, ui.Crumb{Label: p.Title})...)
	return views.TrialPage(p, v)
}

func someFilters() []models.Filter {
	return []models.Filter{
		{
			ID: 1, Place: 1, Name: "Newsletters", Active: true, Any: true, Action: "folder", Target: "News", Version: 2,
			Rules: []models.FilterRule{{Header: "from", Operator: "contains", Value: "news"}, {Header: "list", Operator: "yes"}},
		},
		{ID: 2, Place: 2, Name: "[SPAM]", Action: "delete", Version: 1, Rules: []models.FilterRule{{Header: "subject", Operator: "contains", Value: "[SPAM]"}}},
		{
			ID: 3, Place: 3, Name: "Comptable", Active: true, Action: "forward", Target: "compta@elsewhere.example", Version: 1,
			Rules: []models.FilterRule{{Header: "size", Operator: "over", Value: "1500000"}, {Header: "x-spam-level", Operator: "not_contains", Value: "***"}},
		},
	}
}

func filterList(l *locale.Locale, p views.Page, a *models.Access, list []models.Filter) templ.Component {
	p.Title, p.Here = l.T("filter.title"), "services"
	return views.FiltersPage(p, views.FiltersView{Head: headOf(l, a, "emails", accountCrumbs(l, ui.Crumb{Label: p.Title})...), Access: a, Filters: list})
}

func filterPage(l *locale.Locale, p views.Page, v views.FilterView) templ.Component {
	p.Title, p.Here = l.T("filter.new"), "services"
	if v.Stored != nil {
		p.Title = v.Stored.Name
		if v.Form.Name == "" {
			v.Form = views.StoredFilter(l, v.Stored)
		}
	}
	v.Head = headOf(l, v.Access, "emails", accountCrumbs(l, ui.Crumb{Label: p.Title})...)
	return views.FilterPage(p, v)
}
