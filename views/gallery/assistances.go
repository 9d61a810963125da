package gallery

import (
	"time"

	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

var assistances = []Entry{
	{Name: "support/start", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return support(l, staff(p), views.SupportView{})
	}},
	{Name: "support/found", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return support(l, staff(p), views.SupportView{Search: "durand", More: true, Found: []models.FoundCustomer{
			{Identifier: "ad1001-mdt", Name: "Alice Durand", Services: 2, Window: true}, {Identifier: "zo2001-mdt", Name: "<b>Zoé</b> Durand", Services: 0}, {Identifier: "zo2002-mdt", Name: "Zoé Durand", Services: 1, Disabled: true},
		}})
	}},
	{Name: "support/none-found", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return support(l, staff(p), views.SupportView{Search: "xyz"})
	}},
	{Name: "support/too-many", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return support(l, staff(p), views.SupportView{Search: "durand", Errors: views.Errors{"q": {l.T("assistance.searches", "Most", 60, "Minutes", 10, "Wait", l.N("error.minutes", 4))}}})
	}},
	{Name: "support/waiting", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asked()
		return support(l, staff(p), views.SupportView{Open: a})
	}},
	{Name: "support/emergency", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asked()
		a.Consent, a.Agent = models.ByEmergency, "mia-support"
		return support(l, staff(p), views.SupportView{Emergencies: []models.Assistance{*a}})
	}},
	{Name: "support/form", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return assistanceForm(l, staff(p), views.AssistanceForm{Customer: "ad1001-mdt"})
	}},
	{Name: "support/form-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return assistanceForm(l, staff(p), views.AssistanceForm{Customer: "ad1001-mdt", Reason: "court", Ticket: "TKT-20931", Code: "1234 5678", MayEmergency: true, Errors: views.Errors{
			"reason": {l.T("assistance.reason.short", "Least", 10)}, "code": {l.T("assistance.code.wrong")},
		}})
	}},
	{Name: "support/change", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p = acting(staff(p), policy.Look)
		p.Title, p.Here = l.T("assistance.change"), "support"
		return views.AssistanceChangePage(p, views.ChangeForm{})
	}},
	{Name: "support/assistances", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p = staff(p)
		p.Title, p.Here = l.T("assistance.list"), "support"
		refused := asked()
		refused.EndedAt, refused.EndedWhy = &Now, models.AssistanceRefused
		return views.AssistancesPage(p, views.AssistancesView{List: []models.Assistance{*live(), *asked(), *endedOne(), *refused}, More: true, Newest: true, All: true, Now: Now})
	}},
	{Name: "support/assistances-none", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p = staff(p)
		p.Title, p.Here = l.T("assistance.list"), "support"
		return views.AssistancesPage(p, views.AssistancesView{Newest: true, Now: Now})
	}},
	{Name: "support/one", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return oneAssistance(l, staff(p), live(), true)
	}},
	{Name: "support/one-for-customer", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return oneAssistance(l, p, endedOne(), false)
	}},
	{Name: "consent/closed", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return consent(l, p, views.ConsentView{Support: &models.Support{}, Form: views.NewConsentForm()})
	}},
	{Name: "consent/open", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return consent(l, p, views.ConsentView{Support: &models.Support{
			Window: &models.Consent{MayChange: true, ExpiresAt: Now.Add(7 * 24 * time.Hour)}, Code: &models.Consent{ExpiresAt: Now.Add(5 * time.Minute)},
			Past: []models.Assistance{*endedOne()},
		}, Form: views.NewConsentForm()})
	}},
	{Name: "consent/code", Component: func(l *locale.Locale, p views.Page) templ.Component {
		until := Now.Add(models.CodeFor)
		return consent(l, p, views.ConsentView{Support: &models.Support{}, Form: views.NewConsentForm(), Code: "04729518", CodeUntil: &until})
	}},
	{Name: "consent/asked", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Acting = &views.Acting{Assistance: asked()}
		return consent(l, p, views.ConsentView{Support: &models.Support{Open: []models.Assistance{*asked()}}, Form: views.NewConsentForm()})
	}},
	{Name: "consent/acting", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Acting = &views.Acting{Assistance: live()}
		return consent(l, p, views.ConsentView{Support: &models.Support{Open: []models.Assistance{*live()}}, Form: views.NewConsentForm()})
	}},
	{Name: "consent/refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := views.NewConsentForm()
		f.Hours, f.Mode, f.Errors = "2", views.ModeChange, views.Errors{"hours": {l.T("consent.hours.unknown")}}
		p.Refused = true
		return consent(l, p, views.ConsentView{Support: &models.Support{}, Form: f})
	}},
	{Name: "acting/look", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p = acting(staff(p), policy.Look)
		p.Title, p.Here = l.T("service.title"), "services"
		return views.ServicesPage(p, views.ServicesView{Own: &models.ServiceList{Items: []models.ServiceItem{{Domain: "garrigue.example", State: models.ServiceActive, AccountCount: 40, ShareCount: 1}}}, Shared: &models.ServiceList{}})
	}},
	{Name: "acting/change", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p = acting(staff(p), policy.Change)
		p.Title, p.Here = l.T("service.title"), "services"
		return views.ServicesPage(p, views.ServicesView{Own: &models.ServiceList{Items: []models.ServiceItem{{Domain: "garrigue.example", State: models.ServiceActive, AccountCount: 40, ShareCount: 1}}}, Shared: &models.ServiceList{}})
	}},
}

func staff(p views.Page) views.Page {
	p.Viewer = views.Viewer{Identifier: "sam-support", Name: "Sam", Agent: true}
	return p
}

func acting(p views.Page, mode policy.Mode) views.Page {
	p.Acting = &views.Acting{Assistance: live(), Mode: mode}
	return p
}

func asked() *models.Assistance {
	return &models.Assistance{
		ID: 12, Reason: "Les filtres ne rangent plus les messages", Ticket: "TKT-20931", Consent: models.ByRequest, AskedAt: Now.Add(-time.Minute), ExpiresAt: Now.Add(9 * time.Minute),
		Agent: "sam-support", AgentName: "Sam", Customer: "ad1001-mdt", CustomerName: "Alice Durand",
	}
}

func live() *models.Assistance {
	a := asked()
	began, until := Now.Add(-5*time.Minute), Now.Add(10*time.Minute)
	a.Consent, a.MayChange, a.AskedAt, a.BeganAt, a.ExpiresAt, a.ChangeUntil = models.ByWindow, true, began, &began, began.Add(models.AssistanceFor), &until
	return a
}

func endedOne() *models.Assistance {
	a := live()
	a.EndedAt, a.EndedWhy, a.ChangeUntil = &Now, models.AssistanceByAgent, nil
	return a
}

func support(l *locale.Locale, p views.Page, v views.SupportView) templ.Component {
	p.Title, p.Here, p.Path, v.Now = l.T("assistance.support"), "support", views.SupportPath, Now
	return views.SupportPage(p, v)
}

func assistanceForm(l *locale.Locale, p views.Page, f views.AssistanceForm) templ.Component {
	p.Title, p.Here = l.T("assistance.new"), "support"
	return views.AssistancePage(p, f)
}

func consent(l *locale.Locale, p views.Page, v views.ConsentView) templ.Component {
	p.Title, p.Here, p.Path, v.Now = l.T("consent.title"), "profile", views.ConsentPath, Now
	return views.ConsentPage(p, v)
}

func oneAssistance(l *locale.Locale, p views.Page, a *models.Assistance, mayEnd bool) templ.Component {
	p.Title, p.Here = l.T("assistance.one", "Agent", a.Agent, "Who", a.Customer), "support"
	changed := models.Event{At: Now, Kind: "account.changed", Class: models.MailEvent, Actor: "ad1001-mdt", Agent: "sam-support", Object: "rh@garrigue.example", Detail: models.Detail{"description": {Before: "RH", After: "Ressources humaines"}}}
	return views.OneAssistancePage(p, views.AssistanceView{AssistanceView: &models.AssistanceView{
		Assistance: *a, Events: []models.Event{changed}, More: true, Looked: []models.LookedPage{{Path: "/services", Times: 1}, {Path: "/services/garrigue.example/emails", Times: 4}},
	}, Now: Now, MayEnd: mayEnd})
}
