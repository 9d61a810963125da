package gallery

import (
	"time"

	"github.com/a-h/templ"

	"example.org/mandat/mail/imap"
	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

var imports = []Entry{
	{Name: "imports/form", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return importsPage(l, p, views.ImportsView{Offered: true, Form: views.ImportForm{Security: "tls"}})
	}},
	{Name: "imports/form-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return importsPage(l, p, views.ImportsView{Offered: true, Form: views.ImportForm{Host: "127.0.0.1", Security: "starttls", Username: `"><b>`, Errors: views.Errors{
			"host": {l.T("import.reason.forbidden")}, "password": {l.T("import.password.missing")},
		}}})
	}},
	{Name: "imports/none-offered", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return importsPage(l, p, views.ImportsView{})
	}},
	{Name: "imports/list", Component: func(l *locale.Locale, p views.Page) templ.Component {
		ended := Now.Add(-time.Hour)
		list := []models.Import{{ID: 9, Host: "imap.ancien.example", State: models.ImportRunning, CreatedAt: Now}}
		for i, state := range []models.ImportState{models.ImportDone, models.ImportFailed, models.ImportCancelled, models.ImportStopped} {
			list = append(list, models.Import{ID: int64(8 - i), Host: "imap.ancien.example", State: state, CreatedAt: Now.AddDate(0, 0, -1), SettledAt: &ended})
		}
		return importsPage(l, p, views.ImportsView{Offered: true, Recent: list})
	}},
	{Name: "imports/testing", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return importPage(l, p, models.Import{State: models.ImportTesting}, nil, views.ImportView{Mine: true})
	}},
	{Name: "imports/choosing", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return importPage(l, p, models.Import{State: models.ImportChoosing}, someFolders(), views.ImportView{Mine: true})
	}},
	{Name: "imports/choosing-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return importPage(l, p, models.Import{State: models.ImportChoosing}, someFolders()[:1], views.ImportView{Mine: true, Errors: views.Errors{"folders": {l.T("import.folders.none")}}})
	}},
	{Name: "imports/choosing-of-another", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return importPage(l, p, models.Import{State: models.ImportChoosing}, nil, views.ImportView{})
	}},
	{Name: "imports/running", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return importPage(l, p, models.Import{State: models.ImportRunning, WorkedMS: 240_000}, someFolders()[:2], views.ImportView{Mine: true})
	}},
	{Name: "imports/running-streamed", Part: true, Component: func(l *locale.Locale, p views.Page) templ.Component {
		v := importView(models.Import{State: models.ImportRunning, WorkedMS: 9_000_000}, someFolders()[:2], views.ImportView{Mine: true, Streamed: true})
		return views.ImportBody(p, v)
	}},
	{Name: "imports/waiting", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return importPage(l, p, models.Import{State: models.ImportRunning, Tries: 3, DueAt: Now.Add(5 * time.Minute), WorkedMS: 1000}, someFolders()[:2], views.ImportView{Mine: true})
	}},
	{Name: "imports/paused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return importPage(l, p, models.Import{State: models.ImportPaused, Reason: "full"}, someFolders()[:2], views.ImportView{Mine: true})
	}},
	{Name: "imports/done", Component: func(l *locale.Locale, p views.Page) templ.Component {
		folders := someFolders()[:2]
		folders[0].Copied, folders[1].Copied = folders[0].Total-3, folders[1].Total
		folders[0].Present, folders[0].Skipped = 1, 2
		folders[0].Skips = []models.ImportSkip{{At: Now.AddDate(-1, 0, 0), Size: 71_000_000, Reason: imap.TooLarge}}
		return importPage(l, p, models.Import{State: models.ImportDone, SettledAt: &Now}, folders, views.ImportView{Mine: true})
	}},
	{Name: "imports/failed", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return importPage(l, p, models.Import{State: models.ImportFailed, Reason: "sign_in", SettledAt: &Now}, nil, views.ImportView{Mine: true})
	}},
	{Name: "imports/cancelled", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return importPage(l, p, models.Import{State: models.ImportCancelled, SettledAt: &Now}, someFolders()[:2], views.ImportView{})
	}},
	{Name: "imports/stopped", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return importPage(l, p, models.Import{State: models.ImportStopped, Reason: "right", SettledAt: &Now}, someFolders()[:2], views.ImportView{})
	}},
}

func importsPage(l *locale.Locale, p views.Page, v views.ImportsView) templ.Component {
	p.Title = l.T("import.title")
	v.Access = asOwner()
	v.Head = importHeadOf(l, p)
	return views.ImportsPage(p, v)
}

func importPage(l *locale.Locale, p views.Page, m models.Import, folders []models.ImportFolder, v views.ImportView) templ.Component {
	v = importView(m, folders, v)
	p.Title = l.T("import.of", "Server", v.Import.Host)
	v.Head = importHeadOf(l, p)
	return views.ImportPage(p, v)
}

// importView is an import from a hostile server.
func importView(m models.Import, folders []models.ImportFolder, v views.ImportView) views.ImportView {
	m.ID, m.AskedBy, m.Host, m.Port, m.Username, m.CreatedAt, m.Folders = 9, "bm1002-mdt", "imap.ancien.example", 993, "contact@ancien.example", Now.Add(-time.Hour), folders
	if m.State != models.ImportTesting && m.State != models.ImportChoosing && folders != nil {
		m.StartedAt = &Now
		for _, f := range folders {
			m.Total, m.Copied, m.Present, m.Skipped = m.Total+f.Total, m.Copied+f.Copied, m.Present+f.Present, m.Skipped+f.Skipped
		}
	}
	v.Domain, v.Local, v.Import, v.Now = "garrigue.example", "contact", &m, Now
	return v
}

func someFolders() []models.ImportFolder {
	many, one := 12_480, 1
	return []models.ImportFolder{
		{ID: 1, Name: "INBOX", Target: "INBOX", Usual: true, Messages: &many, Total: many, Copied: 3120},
		{ID: 2, Name: "Éléments envoyés", Target: "Sent", Usual: true, Messages: &one, Total: one},
		{ID: 3, Name: "<script>alert(1)</script>\u202egrub", Target: "_script>alert(1)__script>", Usual: true},
		{ID: 4, Name: "[Gmail]/Tous les messages", Target: "[Gmail]/Tous les messages", Messages: &many},
	}
}

func importHeadOf(l *locale.Locale, p views.Page) views.ServiceHead {
	return headOf(l, asOwner(), "emails", ui.Crumb{Label: l.T("service.tab.emails"), Path: views.AccountsPath("garrigue.example")}, ui.Crumb{Label: "contact@garrigue.example", Path: views.AccountPath("garrigue.example", "contact")}, ui.Crumb{Label: p.Title})
}
