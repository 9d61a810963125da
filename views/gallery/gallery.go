// Package gallery has every page and part in every state, from literals. Its
// golden files show what a change does to the HTML; its handler shows the pages
// to whoever works on them.
//
// A noun has a file of its own with a list of entries, named in [Entries]:
//
//	var grants = []Entry{
//		{Name: "grants/refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
//			p.Title, p.Refused = l.T("grant.heading"), true
//			return views.GrantsPage(p, …)
//		}},
//	}
//
// After a change that is meant: go test ./views/gallery -update
package gallery

import (
	"context"
	"io"
	"slices"
	"time"

	"github.com/a-h/templ"

	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// An Entry is a page, or a part of one, in one state.
type Entry struct {
	// Name is noun/state. It names the golden files.
	Name string
	// Component makes the entry for a reader. The page p has what every page has
	// in the demo: the viewer Alice, a submission, a path.
	Component func(l *locale.Locale, p views.Page) templ.Component
	// Part says that the component is not a whole page; the handler puts it on one.
	Part bool
}

// Entries returns every entry.
func Entries() []Entry {
	return slices.Concat(
		parts,
		layout,
		errors,
		sessions,
		passkeys,
		services,
		dnsHealth,
		accounts,
		accountsBulk,
		customers,
		assistances,
		factors,
		identities,
		lists,
		listMessages,
		notices,
		grants,
		redirections,
		uploads,
		imports,
		responders,
		filters,
		events,
	)
}

// Now is the time of every entry.
var Now = time.Date(2026, time.November, 22, 14, 30, 0, 0, time.UTC)

// page is what every page has in the demo.
func page() views.Page {
	return views.Page{
		Viewer:     views.Viewer{Identifier: "ad1001-mdt", Name: "Alice Durand"},
		Submission: "0198c0de",
		Path:       "/services/garrigue.example/emails",
		Theme:      "system",
	}
}

// Render writes the entry as a reader of lang sees it.
func (e Entry) Render(ctx context.Context, w io.Writer, lang string) error {
	return e.render(ctx, w, lang, page())
}

func (e Entry) render(ctx context.Context, w io.Writer, lang string, p views.Page) error {
	ctx = locale.With(ctx, lang, nil)
	return e.Component(locale.From(ctx), p).Render(ctx, w)
}
