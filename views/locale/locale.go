// Package locale speaks to the reader: messages, plurals, numbers, sizes and
// dates in the reader's language and time zone.
//
// A request gets its locale once, with [With]; everything below it reads the
// context. The messages are in messages/<noun>.<language>.toml, one flat key
// per message, as go-i18n reads them:
//
//	"grant.created" = "{{.Who}} can now manage {{.What}}."
//
//	["service.addresses"]
//	one   = "{{.Count}} address"
//	other = "{{.Count}} addresses"
//
// French needs the forms one, many and other. Its texts put a narrow no-break
// space (U+202F) before : ; ? ! and inside « ».
package locale

import (
	"context"
	"slices"
	"time"

	"golang.org/x/text/language"
)

// A Locale is how one reader is spoken to. It is immutable.
type Locale struct {
	*catalogue
	zone *time.Location
}

// fallback is the locale of a context that has none.
var fallback = &Locale{catalogues[0], time.UTC}

type contextKey struct{}

// With returns a context whose texts are in lang, one of [Languages], and whose
// times are in zone. An unknown language is English, a nil zone is UTC.
func With(ctx context.Context, lang string, zone *time.Location) context.Context {
	if zone == nil {
		zone = time.UTC
	}
	l := &Locale{catalogues[0], zone}
	for _, c := range catalogues {
		if c.lang == lang {
			l.catalogue = c
		}
	}
	return context.WithValue(ctx, contextKey{}, l)
}

// From returns the locale of ctx: English and UTC if [With] was not called.
func From(ctx context.Context) *Locale {
	if l, ok := ctx.Value(contextKey{}).(*Locale); ok {
		return l
	}
	return fallback
}

// Languages returns the languages there are catalogues for, the default first.
func Languages() []string {
	langs := make([]string, len(catalogues))
	for i, c := range catalogues {
		langs[i] = c.lang
	}
	return langs
}

var matcher = func() language.Matcher {
	var tags []language.Tag
	for _, lang := range Languages() {
		tags = append(tags, language.MustParse(lang))
	}
	return language.NewMatcher(tags)
}()

// Match returns the language that suits the preferences best. Each is a language
// or the value of an Accept-Language header; an earlier one wins, one that is
// empty or cannot be read is passed over. English answers to none.
func Match(preferences ...string) string {
	langs := Languages()
	for _, p := range preferences {
		if slices.Contains(langs, p) {
			return p
		}
		if p != "" {
			break
		}
	}
	_, i := language.MatchStrings(matcher, preferences...)
	return langs[i]
}

// T is [Locale.T] of the context's locale.
func T(ctx context.Context, key string, args ...any) string { return From(ctx).T(key, args...) }

// N is [Locale.N] of the context's locale.
func N(ctx context.Context, key string, n int64, args ...any) string {
	return From(ctx).N(key, n, args...)
}
