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
		f.Name, f.Errors = "", views.Errors{"name": {l.T("customer.name.none")}}
		p.Refused = true
		return profile(l, p, views.ProfileView{Form: f})
	}},
	{Name: "profile/conflict", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := views.StoredProfile(alice())
		f.Name, f.Theme = "A. Durand", "dark"
		p.Refused = true
		return profile(l, p, views.ProfileView{Form: f, Conflict: true})
	}},
	{Name: "profile/contact-waiting", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return profile(l, p, views.ProfileView{Form: views.StoredProfile(alice()), Pending: pendingContact(models.ContactWaiting)})
	}},
	{Name: "profile/contact-failed", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return profile(l, p, views.ProfileView{Form: views.StoredProfile(alice()), Pending: pendingContact(models.ContactFailed)})
	}},
	{Name: "profile/contact", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = l.T("contact.change"), "profile"
		return views.ContactPage(p, views.ContactForm{Present: alice().Email, Mails: true})
	}},
	{Name: "profile/contact-proof", Part: true, Component: func(l *locale.Locale, p views.Page) templ.Component {
		bad := views.Errors{"email": {l.T("customer.email.shape", "Email", "alice chez moi")}, "proof": {l.T("proof.wrong")}}
		return views.ContactPanel(p, views.ContactForm{Email: "alice chez moi", Present: alice().Email, Mails: true, Errors: bad, Proof: views.Proof{Needed: true, Password: true}.With(bad)})
	}},
	{Name: "profile/contact-without-mail", Part: true, Component: func(_ *locale.Locale, p views.Page) templ.Component {
		return views.ContactPanel(p, views.ContactForm{Present: alice().Email})
	}},
	{Name: "profile/contact-confirmation", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = l.T("contact.confirm_heading"), "profile"
		return views.ContactConfirmationPage(p, views.ContactLinkPath("7f3a"), "alice@xn--bcher-kva.example")
	}},
	{Name: "profile/password", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = l.T("profile.password.change"), "profile"
		return views.ProfilePasswordPage(p, views.ProfilePasswordForm{Least: models.MinWithFactor})
	}},
	{Name: "profile/password-refused", Part: true, Component: func(l *locale.Locale, p views.Page) templ.Component {
		return views.ProfilePasswordPanel(p, views.ProfilePasswordForm{Least: models.MinCustomerPassword, Errors: views.Errors{
			"current": {l.T("password.current.wrong")}, "password": {l.T("password.short", "Min", models.MinCustomerPassword)},
		}})
	}},
}

func pendingContact(state models.ContactState) *models.ContactChange {
	return &models.ContactChange{ID: 1, Email: "alice@xn--bcher-kva.example", AskedAt: Now, ExpiresAt: Now.Add(models.ContactFor), State: state}
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
