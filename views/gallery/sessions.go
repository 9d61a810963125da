package gallery

import (
	"github.com/a-h/templ"

	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

var sessions = []Entry{
	{Name: "sessions/sign-in", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("session.heading"), views.Viewer{}
		return views.SignInPage(p, views.SignInForm{Next: "/services"})
	}},
	{Name: "sessions/refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer, p.Refused = l.T("session.heading"), views.Viewer{}, true
		return views.SignInPage(p, views.SignInForm{Identifier: "ad1001-mdt", Next: "/services", Errors: views.Errors{
			"identifier": {say(l, "Cet identifiant et ce mot de passe ne vont pas ensemble.", "This identifier and this password do not go together.")},
		}})
	}},
	{Name: "sessions/password-link", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer, p.Refused = l.T("session.link_heading"), views.Viewer{}, true
		return views.PasswordLinkPage(p, views.PasswordLinkForm{Action: "/password-links/7f3a", Identifier: "ad1001-mdt", Errors: views.Errors{
			"password_again": {say(l, "Les deux mots de passe diffèrent.", "The two passwords differ.")},
		}})
	}},
}
