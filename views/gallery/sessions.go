package gallery

import (
	"time"

	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

var sessions = []Entry{
	{Name: "sessions/sign-in", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("session.heading"), views.Viewer{}
		return views.SignInPage(p, views.SignInForm{Next: "/services"})
	}},
	{Name: "sessions/password-set", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("session.heading"), views.Viewer{}
		return views.SignInPage(p, views.SignInForm{Identifier: "ad1001-mdt", PasswordSet: true})
	}},
	{Name: "sessions/refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer, p.Refused = l.T("session.heading"), views.Viewer{}, true
		return views.SignInPage(p, views.SignInForm{Identifier: "ad1001-mdt", Next: "/services", Errors: views.Errors{
			"identifier": {say(l, "Cet identifiant et ce mot de passe ne vont pas ensemble.", "This identifier and this password do not go together.")},
		}})
	}},
	{Name: "sessions/password-link", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer, p.Refused = l.T("session.link_heading"), views.Viewer{}, true
		return views.PasswordLinkPage(p, views.PasswordLinkForm{Action: "/password-links/7f3a", Identifier: "ad1001-mdt", Least: models.MinCustomerPassword, Errors: views.Errors{
			"password_again": {say(l, "Les deux mots de passe diffèrent.", "The two passwords differ.")},
		}})
	}},
	{Name: "sessions/forgotten", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("session.forgotten.heading"), views.Viewer{}
		return views.PasswordResetPage(p, views.PasswordResetForm{Mails: true})
	}},
	{Name: "sessions/forgotten-throttled", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer, p.Refused = l.T("session.forgotten.heading"), views.Viewer{}, true
		return views.PasswordResetPage(p, views.PasswordResetForm{Identifier: "ad1001-mdt", Mails: true, Errors: views.Errors{
			"identifier": {l.T("error.throttled.text", "Wait", l.N("error.minutes", 15))},
		}})
	}},
	{Name: "sessions/forgotten-without-mail", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("session.forgotten.heading"), views.Viewer{}
		return views.PasswordResetPage(p, views.PasswordResetForm{})
	}},
	{Name: "sessions/forgotten-asked", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("session.forgotten.asked_heading"), views.Viewer{}
		return views.PasswordResetAskedPage(p)
	}},
	{Name: "sessions/list", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return sessionList(l, p, views.SessionsView{Sessions: openSessions()})
	}},
	{Name: "sessions/list-one", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return sessionList(l, p, views.SessionsView{Sessions: openSessions()[:1]})
	}},
	{Name: "sessions/list-agent", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Viewer = views.Viewer{Identifier: "sam-support", Name: "Sam", Agent: true}
		return sessionList(l, p, views.SessionsView{Sessions: openSessions()[:2], Agent: true})
	}},
	{Name: "sessions/mail-password", Part: true, Component: func(l *locale.Locale, _ views.Page) templ.Component {
		return linkMail(l, models.PasswordLinkMail, models.ResetFor)
	}},
	{Name: "sessions/mail-contact", Part: true, Component: func(l *locale.Locale, _ views.Page) templ.Component {
		return linkMail(l, models.ContactLinkMail, models.ContactFor)
	}},
}

func linkMail(l *locale.Locale, kind models.LinkKind, lasts time.Duration) templ.Component {
	to := *alice()
	to.Email = "alice@xn--bcher-kva.example"
	return noticeBoth(views.NewLinkView(l, &models.LinkMail{Kind: kind, ID: 1, To: to, Token: "7f3a", AskedAt: Now, Expires: Now.Add(lasts)}, "https://panel.mandat.example"))
}

func sessionList(l *locale.Locale, p views.Page, v views.SessionsView) templ.Component {
	p.Title, p.Here, p.Path = l.T("session.list.title"), "profile", views.ProfileSessionsPath
	return views.SessionsPage(p, v)
}

func openSessions() []models.OpenSession {
	list := []models.OpenSession{
		{ID: 7, UserAgent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0", Peer: "192.0.2.17", Own: true},
		{ID: 6, UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1", Peer: "2001:db8::17"},
		{ID: 5, UserAgent: "<script>alert(1)</script>", Peer: "198.51.100.4"},
	}
	for i := range list {
		list[i].CreatedAt, list[i].SeenAt = Now.Add(-time.Duration(i+2)*time.Hour), Now.Add(-time.Duration(i)*20*time.Minute)
		list[i].ExpiresAt = list[i].CreatedAt.Add(models.SessionFor)
	}
	return list
}
