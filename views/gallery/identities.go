package gallery

import (
	"time"

	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

const (
	providerLabel = "Garrigue ID"
	providerAt    = "https://sso.garrigue.example"
)

var identities = []Entry{
	{Name: "identities/sign-in", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("session.heading"), views.Viewer{}
		return views.SignInPage(p, views.SignInForm{Next: "/services", Provider: providerLabel})
	}},
	{Name: "identities/leaving", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("identity.leaving.heading"), views.Viewer{}
		return views.IdentityRequestPage(p, views.IdentityRequestView{Provider: providerLabel, URL: providerAt + "/authorize?state=x&nonce=y"})
	}},
	{Name: "identities/back", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("identity.back.heading"), views.Viewer{}
		return views.IdentityAnswerPage(p, views.IdentityAnswerForm{Code: "7f3a", State: "b2c4", Issuer: providerAt})
	}},
	{Name: "identities/none", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return identityList(l, p, views.IdentitiesView{})
	}},
	{Name: "identities/proof-wrong", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		bad := views.Errors{"proof": {l.T("proof.wrong")}}
		return identityList(l, p, views.IdentitiesView{Errors: bad, Proof: views.Proof{Needed: true, Password: true, Elsewhere: views.IdentityProofTo(views.IdentitiesPath)}.With(bad)})
	}},
	{Name: "identities/linked", Component: func(l *locale.Locale, p views.Page) templ.Component {
		used := at(2026, 11, 20, 8, 30)
		return identityList(l, p, views.IdentitiesView{List: []models.Identity{
			{ID: 1, Issuer: providerAt, Subject: "f81d4fae", Name: "alice.durand", LinkedBy: models.LinkedBySelf, CreatedAt: at(2026, 10, 2, 14, 5), UsedAt: &used},
			{ID: 2, Issuer: "https://old.garrigue.example/realms/staff", Subject: "1", LinkedBy: models.LinkedByOperator, CreatedAt: at(2025, 3, 1, 9, 0)},
		}})
	}},
	{Name: "identities/linked-agent", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Viewer = views.Viewer{Identifier: "sam-support", Name: "Sam", Agent: true}
		return identityList(l, p, views.IdentitiesView{Agent: true, List: []models.Identity{
			{ID: 3, Issuer: providerAt, Subject: "s", Name: "sam", LinkedBy: models.LinkedByClaim, CreatedAt: at(2026, 10, 2, 14, 5)},
		}})
	}},
	{Name: "identities/removal", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = l.T("identity.unlink"), "profile"
		return views.IdentityRemovalPage(p, views.IdentityRemovalView{Identity: &models.Identity{ID: 1}, Provider: providerLabel, Proof: views.Proof{Needed: true, Password: true}})
	}},
	{Name: "identities/removal-of-the-last", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here, p.Refused = l.T("identity.unlink"), "profile", true
		return views.IdentityRemovalPage(p, views.IdentityRemovalView{Identity: &models.Identity{ID: 1}, Provider: providerLabel, MustStay: l.T("way_in.last")})
	}},
	{Name: "identities/proof", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title = l.T("identity.again.heading")
		return views.IdentityProofPage(p, providerLabel, views.ProfilePath)
	}},
	{Name: "identities/signed-out", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("identity.signed_out.heading"), views.Viewer{}
		return views.SignedOutPage(p, views.IdentityRequestView{Provider: providerLabel, URL: providerAt + "/end?client_id=mandat"})
	}},
	{Name: "identities/profile", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return profile(l, p, views.ProfileView{Form: views.StoredProfile(alice()), Provider: providerLabel})
	}},
}

func identityList(l *locale.Locale, p views.Page, v views.IdentitiesView) templ.Component {
	p.Title, p.Here, p.Path = l.T("identity.title"), "profile", views.IdentitiesPath
	v.Provider, v.Issuer = providerLabel, providerAt
	return views.IdentitiesPage(p, v)
}

func at(year int, month time.Month, day, hour, minute int) time.Time {
	return time.Date(year, month, day, hour, minute, 0, 0, time.UTC)
}
