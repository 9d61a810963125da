package views

import (
	"context"

	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

func (p Page) title(ctx context.Context) string {
	title := p.Title
	if p.Refused {
		title = locale.T(ctx, "common.error_title", "Title", title)
	}
	if p.Acting != nil && p.Acting.byAgent() {
		title = p.Acting.words(locale.From(ctx)) + " · " + title
	}
	return locale.T(ctx, "common.title", "Title", title)
}

// own is where the viewer finds what is their own.
func (p Page) own() string {
	if p.Viewer.Agent {
		return FactorsPath
	}
	return ProfilePath
}

func (p Page) theme() string {
	if p.Theme == "" {
		return "system"
	}
	return p.Theme
}

func (s ServiceHead) crumbs(ctx context.Context) []ui.Crumb {
	crumbs := []ui.Crumb{{Label: locale.T(ctx, "layout.services"), Path: ServicesPath}}
	if len(s.Crumbs) == 0 {
		return append(crumbs, ui.Crumb{Label: s.Domain})
	}
	return append(append(crumbs, ui.Crumb{Label: s.Domain, Path: s.Path}), s.Crumbs...)
}

// period is since when and until when, in words.
func (s Shared) period(ctx context.Context) string {
	l := locale.From(ctx)
	period := l.T("layout.since", "Date", l.Date(s.Since))
	if !s.Until.IsZero() {
		period += ", " + l.T("layout.until", "Date", LastDay(l, s.Until))
	}
	return period
}
