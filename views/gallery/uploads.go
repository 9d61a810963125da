package gallery

import (
	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

var uploads = []Entry{
	{Name: "uploads/accounts-form", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return uploadForm(l, p, models.UploadAccounts, nil, nil)
	}},
	{Name: "uploads/redirections-form", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return uploadForm(l, p, models.UploadRedirections, nil, []models.Upload{
			{ID: 9, Kind: models.UploadRedirections, State: models.UploadApplying, LineCount: 320, CreatedAt: Now},
			{ID: 8, Kind: models.UploadRedirections, State: models.UploadReady, LineCount: 1, CreatedAt: Now.AddDate(0, 0, -1)},
			{ID: 7, Kind: models.UploadRedirections, State: models.UploadDone, LineCount: 50_000, CreatedAt: Now.AddDate(0, 0, -1)},
			{ID: 6, Kind: models.UploadRedirections, State: models.UploadRefused, LineCount: 12, CreatedAt: Now.AddDate(0, 0, -1)},
			{ID: 5, Kind: models.UploadRedirections, State: models.UploadFailed, LineCount: 12, CreatedAt: Now.AddDate(0, 0, -1)},
			{ID: 4, Kind: models.UploadRedirections, State: models.UploadChecking, LineCount: 12, CreatedAt: Now.AddDate(0, 0, -1)},
		})
	}},
	{Name: "uploads/accounts-form-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return uploadForm(l, p, models.UploadAccounts, views.Errors{"file": {l.T("upload.file.column", "Name", "<prénom>", "Known", "address, description, size_gb")}}, nil)
	}},
	{Name: "uploads/checking", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return uploadPage(l, p, models.Upload{State: models.UploadChecking, Percent: 40}, nil)
	}},
	{Name: "uploads/applying", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return uploadPage(l, p, models.Upload{State: models.UploadApplying, Percent: 85}, nil)
	}},
	{Name: "uploads/ready", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return uploadPage(l, p, models.Upload{State: models.UploadReady, Created: 1, Changed: 1, Unchanged: 1}, someUploadLines()[:3])
	}},
	{Name: "uploads/moved", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return uploadPage(l, p, models.Upload{State: models.UploadReady, Moved: true, Created: 1, Changed: 1, Unchanged: 1}, someUploadLines()[:3])
	}},
	{Name: "uploads/refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return uploadPage(l, p, models.Upload{State: models.UploadRefused, Created: 1, Changed: 1, Unchanged: 1, Refused: 2}, someUploadLines())
	}},
	{Name: "uploads/done", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return uploadPage(l, p, models.Upload{State: models.UploadDone, Created: 1, Changed: 1, Unchanged: 1}, someUploadLines()[:3])
	}},
	{Name: "uploads/done-nothing", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return uploadPage(l, p, models.Upload{State: models.UploadDone, Unchanged: 1}, someUploadLines()[2:3])
	}},
	{Name: "uploads/failed", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return uploadPage(l, p, models.Upload{State: models.UploadFailed}, nil)
	}},
	{Name: "uploads/many-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		u := models.Upload{ID: 3, Kind: models.UploadAccounts, State: models.UploadRefused, LineCount: 50_000, Created: 49_900, Refused: 100, CreatedAt: Now}
		p.Title = l.T("upload.of", "Date", l.DateTime(u.CreatedAt))
		return views.UploadPage(p, views.UploadView{
			Head: uploadHeadOf(l, p), Domain: "garrigue.example", Upload: &u, Outcome: models.LineRefused, Lines: someUploadLines()[3:], More: true,
		})
	}},
}

func uploadForm(l *locale.Locale, p views.Page, k models.UploadKind, bad views.Errors, recent []models.Upload) templ.Component {
	p.Title = l.T("upload." + string(k) + ".title")
	return views.UploadFormPage(p, views.UploadFormView{Head: uploadHeadOf(l, p), Domain: "garrigue.example", Kind: k, Errors: bad, Recent: recent})
}

func uploadPage(l *locale.Locale, p views.Page, u models.Upload, lines []models.UploadLine) templ.Component {
	u.ID, u.Kind, u.CreatedAt = 3, models.UploadAccounts, Now
	if u.LineCount = len(lines); lines == nil {
		u.LineCount = 340
	}
	p.Title = l.T("upload.of", "Date", l.DateTime(u.CreatedAt))
	return views.UploadPage(p, views.UploadView{Head: uploadHeadOf(l, p), Domain: "garrigue.example", Upload: &u, Lines: lines, First: true})
}

func uploadHeadOf(l *locale.Locale, p views.Page) views.ServiceHead {
	return headOf(l, asOwner(), "emails", ui.Crumb{Label: l.T("service.tab.emails"), Path: views.AccountsPath("garrigue.example")}, ui.Crumb{Label: p.Title})
}

func someUploadLines() []models.UploadLine {
	return []models.UploadLine{
		{Line: 2, Outcome: models.LineCreated, Object: "accueil2@garrigue.example", Detail: models.Detail{"size": {After: float64(2_500_000_000)}, "description": {After: "Deuxième accueil"}}},
		{Line: 3, Outcome: models.LineChanged, Object: "contact@garrigue.example", Detail: models.Detail{"size": {Before: float64(5_000_000_000), After: float64(2_000_000_000)}}},
		{Line: 4, Outcome: models.LineUnchanged, Object: "rh@garrigue.example"},
		{Line: 5, Outcome: models.LineRefused, Object: "<été>", Problems: []models.Message{{Key: "address.local.character", Args: []any{"Character", "<"}}}},
		{Line: 7, Outcome: models.LineRefused, Object: "stages", Problems: []models.Message{{Key: "account.size.large", Args: []any{"Most", int64(5_000_000_000)}}, {Key: "upload.line.double", Args: []any{"Line", 2}}}},
	}
}
