package gallery

import (
	"time"

	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

var passkeys = []Entry{
	{Name: "passkeys/list", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return passkeysPage(l, p, views.PasskeysView{Site: "panel.example.org", List: somePasskeys(l)})
	}},
	{Name: "passkeys/none", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return passkeysPage(l, p, views.PasskeysView{Site: "panel.example.org"})
	}},
	{Name: "passkeys/at-an-address", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return passkeysPage(l, p, views.PasskeysView{})
	}},
	{Name: "passkeys/new", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = l.T("passkey.new"), "profile"
		return views.NewPasskeyPage(p, views.PasskeyForm{Name: l.T("passkey.name_preset", "Number", 1)})
	}},
	{Name: "passkeys/new-refused", Part: true, Component: func(l *locale.Locale, p views.Page) templ.Component {
		return views.NewPasskeyPanel(p, views.PasskeyForm{
			Proof:  views.Proof{Needed: true, Password: true, Passkey: true},
			Errors: views.Errors{"name": {l.T("passkey.name.none")}, "passkey": {l.T("passkey.refused")}},
		})
	}},
	{Name: "passkeys/edit", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = l.T("passkey.rename"), "profile"
		k := somePasskeys(l)[0]
		return views.PasskeyPage(p, &k, views.PasskeyForm{Name: k.Name})
	}},
	{Name: "passkeys/edit-refused", Part: true, Component: func(l *locale.Locale, p views.Page) templ.Component {
		return views.PasskeyPanel(p, &somePasskeys(l)[0], views.PasskeyForm{Errors: views.Errors{"name": {l.T("passkey.name.none")}}})
	}},
	{Name: "passkeys/removal", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = l.T("passkey.removal"), "profile"
		return views.PasskeyRemovalPage(p, views.PasskeyRemovalForm{Passkey: &somePasskeys(l)[0]})
	}},
	{Name: "passkeys/removal-proof", Part: true, Component: func(l *locale.Locale, p views.Page) templ.Component {
		return views.PasskeyRemovalPanel(p, views.PasskeyRemovalForm{Passkey: &somePasskeys(l)[0], Proof: views.Proof{Needed: true, Password: true, Passkey: true, Errors: []string{l.T("passkey.lapsed")}}})
	}},
	{Name: "passkeys/removal-by-passkey", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here, p.Refused = l.T("passkey.removal"), "profile", true
		bad := views.Errors{"proof": {l.T("proof.needed")}}
		return views.PasskeyRemovalPage(p, views.PasskeyRemovalForm{Passkey: &somePasskeys(l)[0], Errors: bad, Proof: views.Proof{Needed: true, Passkey: true}.With(bad)})
	}},
	{Name: "passkeys/removal-of-the-last", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = l.T("passkey.removal"), "profile"
		return views.PasskeyRemovalPage(p, views.PasskeyRemovalForm{Passkey: &somePasskeys(l)[0], MustStay: l.T("way_in.last")})
	}},
	{Name: "passkeys/without-password", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here, p.Path = l.T("factor.title"), "profile", views.FactorsPath
		return views.FactorsPage(p, views.FactorsView{Factors: &models.Factors{}, Ways: models.WaysIn{Passkeys: 1}, Kept: true, Passkeys: views.PasskeysView{Site: "panel.example.org", List: somePasskeys(l)[:1]}})
	}},
	{Name: "passkeys/sign-in", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("session.heading"), views.Viewer{}
		return views.SignInPage(p, views.SignInForm{Next: "/services", Passkeys: true})
	}},
	{Name: "passkeys/sign-in-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer, p.Refused = l.T("session.heading"), views.Viewer{}, true
		return views.SignInPage(p, views.SignInForm{Next: "/services", Passkeys: true, Errors: views.Errors{"passkey": {l.T("passkey.unknown")}}})
	}},
}

func somePasskeys(l *locale.Locale) []models.Passkey {
	used := Now.Add(-time.Hour)
	return []models.Passkey{
		{ID: 1, Name: say(l, "Ordinateur du bureau", "Office computer"), Site: "panel.example.org", CreatedAt: Now.AddDate(0, -2, 0), UsedAt: &used},
		{ID: 2, Name: say(l, "Téléphone", "Phone"), Site: "panel.example.org", BackedUp: true, CreatedAt: Now.AddDate(0, -1, 0)},
		{ID: 3, Name: say(l, "Clé de l’an dernier", "Last year’s key"), Site: "old.example.org", CreatedAt: Now.AddDate(-1, 0, 0), UsedAt: &used},
	}
}

func passkeysPage(l *locale.Locale, p views.Page, v views.PasskeysView) templ.Component {
	p.Title, p.Here, p.Path = l.T("factor.title"), "profile", views.FactorsPath
	return views.FactorsPage(p, views.FactorsView{Factors: &models.Factors{}, Ways: models.WaysIn{Password: true, Passkeys: len(v.List)}, Kept: true, Passkeys: v})
}
