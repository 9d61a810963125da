package gallery

import (
	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

var customers = []Entry{
	{Name: "profile/filled", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return profile(l, p, views.ProfileView{Form: views.StoredProfile(alice())})
	}},
	{Name: "profile/refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := views.StoredProfile(alice())
		f.Email, f.Errors = "alice chez moi", views.Errors{"email": {l.T("customer.email.shape", "Email", "alice chez moi")}}
		p.Refused = true
		return profile(l, p, views.ProfileView{Form: f})
	}},
	{Name: "profile/proof", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := views.StoredProfile(alice())
		f.Email, f.Errors = "alice@durand.example", views.Errors{"proof": {l.T("proof.needed")}}
		f.Proof = views.Proof{Needed: true}.With(f.Errors)
		p.Refused = true
		return profile(l, p, views.ProfileView{Form: f})
	}},
	{Name: "profile/conflict", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := views.StoredProfile(alice())
		f.Name, f.Theme = "A. Durand", "dark"
		p.Refused = true
		return profile(l, p, views.ProfileView{Form: f, Conflict: true})
	}},
	{Name: "profile/password", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = l.T("profile.password.change"), "profile"
		return views.ProfilePasswordPage(p, views.ProfilePasswordForm{})
	}},
	{Name: "profile/password-refused", Part: true, Component: func(l *locale.Locale, p views.Page) templ.Component {
		return views.ProfilePasswordPanel(p, views.ProfilePasswordForm{Errors: views.Errors{
			"current": {l.T("password.current.wrong")}, "password": {l.T("password.short", "Min", models.MinCustomerPassword)},
		}})
	}},
}

func alice() *models.Customer {
	return &models.Customer{
		ID: 1, Identifier: "ad1001-mdt", Name: "Alice Durand", Email: "alice@cabinet-garrigue.example", Language: "fr", Theme: "system", TimeZone: "Europe/Paris", Version: 2,
	}
}

func profile(l *locale.Locale, p views.Page, v views.ProfileView) templ.Component {
	p.Title, p.Here, p.Path, v.Customer = l.T("profile.title"), "profile", views.ProfilePath, alice()
	return views.ProfilePage(p, v)
}
