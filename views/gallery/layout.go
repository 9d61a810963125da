package gallery

import (
	"time"

	"github.com/a-h/templ"

	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

var layout = []Entry{
	{Name: "layout/owned", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = "garrigue.example", "services"
		p.Flashes = []views.Flash{{
			Tone: "ok", Text: say(l, "bm1002-mdt ne peut plus gérer contact@garrigue.example.", "bm1002-mdt can no longer manage contact@garrigue.example."),
			ActionLabel: say(l, "Annuler", "Undo"), ActionPath: "/grants/7/restoration",
		}}
		return emails(p, serviceHead(l, nil), rows(l))
	}},
	{Name: "layout/signed-out", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = say(l, "Bienvenue", "Welcome"), views.Viewer{}
		return signedOut(p)
	}},
	{Name: "layout/shared", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Here = "garrigue.example", "services"
		p.Viewer = views.Viewer{Identifier: "bm1002-mdt", Name: "Bruno Martin"}
		return emails(p, serviceHead(l, &views.Shared{
			By:    "ad1001-mdt",
			Since: time.Date(2026, time.March, 1, 9, 0, 0, 0, time.UTC), Until: time.Date(2026, time.December, 31, 23, 0, 0, 0, time.UTC),
			ResignPath: "/grants/3/resignation",
		}), rows(l)[:2])
	}},
}

func serviceHead(l *locale.Locale, shared *views.Shared) views.ServiceHead {
	return views.ServiceHead{
		Domain: "garrigue.example",
		Path:   "/services/garrigue.example",
		Shared: shared,
		Tabs: []ui.Tab{
			{Label: say(l, "Vue d’ensemble", "Overview"), Path: "/services/garrigue.example"},
			{Label: "Emails", Path: "/services/garrigue.example/emails", Count: l.Number(1284), Current: true},
			{Label: "Redirections", Path: "/services/garrigue.example/redirections"},
			{Label: say(l, "Répondeurs", "Responders"), Path: "/services/garrigue.example/responders"},
			{Label: say(l, "Listes de diffusion", "Mailing lists"), Path: "/services/garrigue.example/lists"},
			{Label: say(l, "Partages", "Shares"), Path: "/services/garrigue.example/grants", Count: "4"},
			{Label: say(l, "Historique", "History"), Path: "/services/garrigue.example/history"},
		},
	}
}
