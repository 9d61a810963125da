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
	{Name: "filters/settings", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return filterPage(l, p, views.FilterView{Access: asOwner(), Stored: &someFilters()[2]})
	}},
	{Name: "filters/settings-conflict", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		f := views.StoredFilter(l, &someFilters()[0])
		f.Name, f.Match = "News", models.MatchAll
		return filterPage(l, p, views.FilterView{Access: asOwner(), Stored: &someFilters()[0], Form: f, Conflict: true})
	}},
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
