package gallery

import (
	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

var redirections = []Entry{
	{Name: "redirections/list", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return redirectionsPage(l, p, asOwner(), someRedirections(), "")
	}},
	{Name: "redirections/list-near-limit", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		a.Service.MaxRedirections = 15
		return redirectionsPage(l, p, a, someRedirections(), "")
	}},
	{Name: "redirections/list-full", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		a.Service.MaxRedirections = 12
		return redirectionsPage(l, p, a, someRedirections(), "")
	}},
	{Name: "redirections/list-suspended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return redirectionsPage(l, p, suspended(asOwner()), someRedirections(), "")
	}},
	{Name: "redirections/empty", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		a.Service.RedirectionCount = 0
		return redirectionsPage(l, p, a, nil, "")
	}},
	{Name: "redirections/none-found", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return redirectionsPage(l, p, asOwner(), nil, "<compat>")
	}},
	{Name: "redirections/deleted", Component: func(l *locale.Locale, p views.Page) templ.Component {
		r := &someRedirections()[2]
		p.Flashes = []views.Flash{{
			Tone: "ok", Text: l.T("redirection.deleted", "Address", r.Readable(), "Targets", views.RedirectionTargets(l, r)),
			ActionLabel: l.T("redirection.undo"), ActionPath: views.RedirectionsPath("garrigue.example"), ActionFields: views.RedirectionAgain(r),
		}}
		return redirectionsPage(l, p, asOwner(), someRedirections()[:2], "")
	}},
	{Name: "redirections/new", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return redirectionPage(l, p, views.RedirectionView{Access: asOwner(), Form: views.RedirectionForm{KeepCopy: true}})
	}},
	{Name: "redirections/new-inside-only", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a, extras := asOwner(), policy.Extra(0)
		a.ServiceGrant = &models.Held{ID: 2, Extras: extras, Giver: "ad1001-mdt", Since: Now.AddDate(0, -8, 0)}
		a.Standing = policy.Standing{Service: &extras}
		return redirectionPage(l, asOf(p, a), views.RedirectionView{Access: a, Form: views.RedirectionForm{KeepCopy: true}})
	}},
	{Name: "redirections/new-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return redirectionPage(l, p, views.RedirectionView{Access: asOwner(), Form: views.RedirectionForm{
			From: "contact", To: "bonjour@garrigue.example", Existing: "contact@garrigue.example", Errors: views.Errors{
				"from": {l.T("redirection.from.exists", "Address", "contact@garrigue.example")},
				"to":   {l.T("redirection.chain.circle", "Chain", "contact@garrigue.example → bonjour@garrigue.example → contact@garrigue.example")},
			},
		}})
	}},
	{Name: "redirections/settings", Component: func(l *locale.Locale, p views.Page) templ.Component {
		r := &someRedirections()[2]
		return redirectionPage(l, p, views.RedirectionView{Access: asOwner(), Redirection: r, Form: views.StoredRedirection(r)})
	}},
	{Name: "redirections/settings-conflict", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		r := &someRedirections()[2]
		return redirectionPage(l, p, views.RedirectionView{Access: asOwner(), Redirection: r, Conflict: true, Form: views.RedirectionForm{To: "info@garrigue.example", Version: r.Version}})
	}},
	{Name: "redirections/settings-kept", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		r := &someRedirections()[1]
		f := views.StoredRedirection(r)
		f.Errors = views.Errors{"": {l.T("redirection.chain.freed", "Chain", "bonjour@garrigue.example → *@garrigue.example → bonjour@garrigue.example")}}
		return redirectionPage(l, p, views.RedirectionView{Access: asOwner(), Redirection: r, Form: f})
	}},
	{Name: "redirections/settings-suspended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		r := &someRedirections()[2]
		return redirectionPage(l, p, views.RedirectionView{Access: suspended(asOwner()), Redirection: r, Form: views.StoredRedirection(r)})
	}},
}

func someRedirections() []models.Redirection {
	target := func(address string) models.Target { return models.Target{Address: address} }
	gone := models.Target{Address: "stages@garrigue.example", Missing: true}
	abroad := models.Target{Address: "durand@xn--bro-hoa.example", Outside: true}
	return []models.Redirection{
		{ID: 4, Address: "@garrigue.example", Version: 1, Targets: []models.Target{target("contact@garrigue.example")}},
		{ID: 5, LocalPart: "bonjour", Address: "bonjour@garrigue.example", Version: 1, Targets: []models.Target{target("contact@garrigue.example"), gone}},
		{ID: 6, AccountID: 9, LocalPart: "contact", Address: "contact@garrigue.example", KeepCopy: true, Version: 2, Targets: []models.Target{target("accueil@garrigue.example"), abroad}},
		{ID: 7, AccountID: 3, LocalPart: "paie", Address: "paie@garrigue.example", Version: 1, Targets: []models.Target{target("rh@garrigue.example")}},
	}
}

// redirectionsOfContact is what they have to do with contact@garrigue.example.
func redirectionsOfContact() *models.AccountRedirections {
	all := someRedirections()
	all[1].Targets = append(all[1].Targets, models.Target{Address: "partenaire@elsewhere.example", Outside: true})
	return &models.AccountRedirections{Own: &all[2], From: all[:2]}
}

func redirectionsPage(l *locale.Locale, p views.Page, a *models.Access, items []models.Redirection, search string) templ.Component {
	p.Title, p.Here = l.T("redirection.title", "Domain", a.Service.Domain), "services"
	list := &models.RedirectionList{Items: items}
	if len(items) > 0 {
		list.Next = "paie"
	}
	return views.RedirectionsPage(p, views.RedirectionsView{
		Head: headOf(l, a, "redirections"), Access: a, List: list, Form: views.RedirectionsForm{Domain: a.Service.Domain, Search: search},
	})
}

func redirectionPage(l *locale.Locale, p views.Page, v views.RedirectionView) templ.Component {
	p.Title, p.Here = l.T("redirection.new"), "services"
	if v.Redirection != nil {
		p.Title = l.T("redirection.of", "Address", v.Redirection.Readable())
	}
	v.Head = headOf(l, v.Access, "redirections", ui.Crumb{Label: l.T("service.tab.redirections"), Path: views.RedirectionsPath(v.Access.Service.Domain)}, ui.Crumb{Label: p.Title})
	return views.RedirectionPage(p, v)
}
