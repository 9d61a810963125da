package gallery

import (
	"time"

	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

var responders = []Entry{
	{Name: "responders/list", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		a.Service.MaxResponders, a.Service.ResponderCount = 100, 83
		return respondersPage(l, p, a, views.RespondersForm{}, someResponders(l))
	}},
	{Name: "responders/list-empty", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		a.Service.MaxResponders = 100
		return respondersPage(l, p, a, views.RespondersForm{}, nil)
	}},
	{Name: "responders/list-full-none-found", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		a.Service.MaxResponders, a.Service.ResponderCount = 3, 3
		return respondersPage(l, p, a, views.RespondersForm{Search: "<compat>"}, nil)
	}},
	{Name: "responders/account-new", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return responderPage(l, p, asOwner(), views.ResponderView{})
	}},
	{Name: "responders/account-on", Component: func(l *locale.Locale, p views.Page) templ.Component {
		r := someResponders(l)[1]
		return responderPage(l, p, asOwner(), views.ResponderView{Stored: &r})
	}},
	{Name: "responders/account-planned-of-delegate", Component: func(l *locale.Locale, p views.Page) templ.Component {
		r, a := someResponders(l)[2], asChloe()
		*a.Standing.Account |= policy.Responder
		return responderPage(l, asOf(p, a), a, views.ResponderView{Stored: &r})
	}},
	{Name: "responders/account-conflict", Component: func(l *locale.Locale, p views.Page) templ.Component {
		r := someResponders(l)[1]
		p.Refused = true
		f := views.StoredResponder(l, &r)
		f.Subject, f.Days = say(l, "Congés d’été", "Summer holiday"), "7"
		return responderPage(l, p, asOwner(), views.ResponderView{Stored: &r, Form: f, Conflict: true})
	}},
	{Name: "responders/account-preview", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := views.ResponderForm{Subject: `<b>"Fermé"</b>`, Content: "Bonjour,\n\n  le cabinet est fermé.\n<script>alert(1)</script>", EndsAt: "2026-12-01T09:00", Days: "3"}
		return responderPage(l, p, asOwner(), views.ResponderView{Form: f, Preview: true})
	}},
	{Name: "responders/new", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return responderPage(l, p, ofService(), views.ResponderView{})
	}},
	{Name: "responders/new-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return responderPage(l, p, ofService(), views.ResponderView{Form: views.ResponderForm{
			Local: "abuse", StartsAt: "demain", EndsAt: "2020-01-01", Days: "31", Errors: views.Errors{
				"":          {l.T("responder.limit", "Limit", 100)},
				"local":     {l.T("responder.local.reserved", "Local", "abuse")},
				"subject":   {l.T("responder.subject.none")},
				"content":   {l.T("responder.content.none")},
				"starts_at": {l.T("responder.date.shape", "Date", "demain")},
				"ends_at":   {l.T("responder.ends.passed")},
				"days":      {l.T("responder.days.range", "Most", models.MaxResponderDays)},
			},
		}})
	}},
	{Name: "responders/address-ended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		r := someResponders(l)[0]
		return responderPage(l, p, ofService(), views.ResponderView{Stored: &r})
	}},
	{Name: "responders/address-suspended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		r := someResponders(l)[0]
		return responderPage(l, p, suspended(ofService()), views.ResponderView{Stored: &r})
	}},
	{Name: "responders/on-the-page-of-its-account", Component: func(l *locale.Locale, p views.Page) templ.Component {
		r := someResponders(l)[2]
		return accountPage(l, p, views.AccountView{Access: asOwner(), Responder: &r, Now: Now})
	}},
}

// ofService is Alice with the whole of garrigue.example.
func ofService() *models.Access {
	a := asOwner()
	a.Account = nil
	return a
}

// someResponders are one that has ended, of an address without a mailbox, one that is on, and one that is planned.
func someResponders(l *locale.Locale) []models.Responder {
	at := func(days int) *time.Time { t := Now.AddDate(0, 0, days); return &t }
	one := func(id, account int64, local, subject string, starts, ends *time.Time) models.Responder {
		return models.Responder{
			ID: id, AccountID: account, LocalPart: local, Address: local + "@garrigue.example", Subject: subject, StartsAt: starts, EndsAt: ends, Days: 1, Version: 2,
			Content: say(l, "Bonjour,\n\nmerci de votre message. Le cabinet vous répond à son retour.", "Hello,\n\nthank you for your message. We shall answer when we are back."),
		}
	}
	return []models.Responder{
		one(1, 0, "ancien.cabinet", say(l, "Nous avons déménagé", "We have moved"), at(-60), at(-1)),
		one(2, 9, "contact", say(l, "Absence", "Away"), nil, at(5)),
		one(3, 12, "lea.martin", say(l, "Congés", "On holiday"), at(10), nil),
	}
}

func respondersPage(l *locale.Locale, p views.Page, a *models.Access, f views.RespondersForm, items []models.Responder) templ.Component {
	p.Title, p.Here, f.Domain = l.T("responder.list", "Domain", a.Service.Domain), "services", a.Service.Domain
	list := &models.ResponderList{Items: items}
	if len(items) > 0 {
		list.Next = "lea.martin"
	}
	return views.RespondersPage(p, views.RespondersView{Head: headOf(l, a, "responders"), Access: a, List: list, Form: f, Now: Now})
}

func responderPage(l *locale.Locale, p views.Page, a *models.Access, v views.ResponderView) templ.Component {
	p.Title, p.Here = l.T("responder.title"), "services"
	v.Access, v.Now = a, Now
	tab, crumbs := "emails", accountCrumbs(l, ui.Crumb{Label: "contact@garrigue.example", Path: views.AccountPath("garrigue.example", "contact")}, ui.Crumb{Label: p.Title})
	if a.Account == nil {
		tab, crumbs = "responders", []ui.Crumb{{Label: l.T("service.tab.responders"), Path: views.RespondersPath("garrigue.example")}, {Label: p.Title}}
	}
	v.Head = headOf(l, a, tab, crumbs...)
	if v.Form.Version == 0 && v.Form.Subject == "" && v.Form.Errors == nil {
		v.Form = views.StoredResponder(l, v.Stored)
	}
	return views.ResponderPage(p, v)
}
