package gallery

import (
	"time"

	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

var events = []Entry{
	{Name: "events/service", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return serviceHistory(l, p, asOwner(), views.HistoryView{Events: eventsOfGarrigue(l), More: true})
	}},
	{Name: "events/service-of-delegate", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return serviceHistory(l, asOf(p, asChloe()), asChloe(), views.HistoryView{Events: eventsOfGarrigue(l)[3:4], Reduced: true, Newest: true})
	}},
	{Name: "events/service-empty", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return serviceHistory(l, p, asOwner(), views.HistoryView{Newest: true})
	}},
	{Name: "events/service-none-found", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return serviceHistory(l, p, asOwner(), views.HistoryView{Newest: true, Local: "compat"})
	}},
	{Name: "events/person", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = l.T("event.own_title"), "history"
		return views.PersonHistoryPage(p, views.HistoryView{Newest: true, Events: eventsOfGarrigue(l)})
	}},
}

func serviceHistory(l *locale.Locale, p views.Page, a *models.Access, v views.HistoryView) templ.Component {
	v.Head, v.Domain = headOf(l, a, "history"), a.Service.Domain
	p.Title, p.Here = l.T("event.title", "Domain", a.Service.Domain), "services"
	return views.ServiceHistoryPage(p, v)
}

// eventsOfGarrigue has one event of each sort, newest first. Numbers and times
// are as JSON gives them back.
func eventsOfGarrigue(l *locale.Locale) []models.Event {
	const alice, chloe, contact = "ad1001-mdt", "cl1003-mdt", "contact@garrigue.example"
	event := func(age time.Duration, kind, actor, subject, object string, detail models.Detail) models.Event {
		return models.Event{ID: 40 - int64(age/time.Hour), Number: 30 - int64(age/time.Hour), At: Now.Add(-age), Kind: kind, Actor: actor, Subject: subject, Object: object, Detail: detail}
	}
	changed := event(time.Hour, "grant.changed", alice, chloe, contact, models.Detail{
		"extras":  {Before: "password", After: ""},
		"expires": {After: "2026-12-31T23:00:00Z"},
		"note":    {Before: say(l, "Congés", "Leave"), After: "<script>"},
	})
	changed.Agent = "sam-support"
	return []models.Event{
		changed,
		event(2*time.Hour, "grant.given", alice, chloe, contact, models.Detail{"extras": {After: "password"}, "expires": {After: "2026-11-27T23:00:00Z"}}),
		event(3*time.Hour, "account.password_set", chloe, "", contact, nil),
		event(4*time.Hour, "account.changed", alice, "", contact, models.Detail{
			"size": {Before: float64(2 * models.GB), After: float64(5 * models.GB)}, "description": {After: "Contact"},
		}),
		event(5*time.Hour, "service.limits", "", "", "garrigue.example", models.Detail{"max_accounts": {Before: float64(1000), After: float64(2000)}}),
		event(6*time.Hour, "grant.expired", "", chloe, "compta@garrigue.example", nil),
	}
}
