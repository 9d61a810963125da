package handlers

import (
	"net/http"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// checkIdentifiers judges identifiers as they are typed. Without a service it
// says only what has the form of one.
func (h *Handlers) checkIdentifiers(c echo.Context) error {
	q := c.QueryParams()
	typed := identifiersOf(q.Get("q") + "\n" + q.Get("identifiers"))
	var verdicts views.Verdicts
	if domain := q.Get("domain"); domain != "" {
		var err error
		verdicts, err = h.store.CheckIdentifiers(c.Request().Context(), sessionOf(c).Actor(), domain, q.Get("local"), typed)
		if err != nil {
			return err
		}
	} else {
		for _, text := range typed[:min(len(typed), models.MaxIdentifiers)] {
			_, shape := models.ParseIdentifier(text)
			verdicts = append(verdicts, models.Verdict{Identifier: text, Shape: shape})
		}
	}
	if isFragment(c) {
		return mandat.Render(c, http.StatusOK, views.VerdictsList(locale.From(c.Request().Context()), verdicts))
	}
	p, err := h.page(c, "services", t(c, "grant.identifiers"))
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.VerdictsPage(p, verdicts))
}

// identifiersOf cuts what was typed at commas and white space. One that stands
// there twice counts once.
func identifiersOf(text string) []string {
	var list []string
	seen := map[string]bool{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) }) {
		if same := strings.ToLower(word); !seen[same] {
			list, seen[same] = append(list, word), true
		}
	}
	return list
}
