package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
)

// page begins a page for the request: who looks, what the last request did, and the submission of its forms.
func (h *Handlers) page(c echo.Context, here, title string) (views.Page, error) {
	s := sessionOf(c)
	p := views.Page{Title: title, Here: here, Path: h.pathOf(c), Theme: h.themeOf(c, s)}
	if s == nil {
		return p, nil
	}
	p.Viewer = viewerOf(s)
	if p.Viewer.Agent && s.TimeZone != h.timeZone {
		p.Zone = s.TimeZone
	}
	if err := h.act(c, s, &p); err != nil {
		return p, err
	}
	p.Submission = newSubmission(s.FormKey)
	if isFragment(c) {
		return p, nil // what is to be said waits for a whole page
	}
	var err error
	p.Flashes, err = h.takeFlashes(c)
	return p, err
}

func viewerOf(s *models.Session) views.Viewer {
	return views.Viewer{Identifier: s.Identifier, Name: s.Name, Agent: s.AgentID != 0}
}

// act says on the page for whom an agent acts, or to a customer which agent does
// or asks to, and keeps which of the customer's pages an agent looked at: a page
// that cannot be noted is not shown. No path of those has a secret.
func (h *Handlers) act(c echo.Context, s *models.Session, p *views.Page) error {
	if s.Assistance == nil {
		return nil
	}
	p.Acting = &views.Acting{Assistance: s.Assistance, Mode: s.Mode}
	if s.Mode == policy.NoAgent || c.Request().Method != http.MethodGet || c.Get(pollKey) != nil || !h.looked[c.Path()] {
		return nil
	}
	return h.store.NoteLooked(c.Request().Context(), s.Actor(), c.Request().URL.Path)
}

// isFragment says whether htmx asks for a part of the page.
func isFragment(c echo.Context) bool {
	header := c.Request().Header
	return header.Get("HX-Request") == "true" && header.Get("HX-History-Restore-Request") != "true"
}

// inPanel says whether the answer fills the dialog, and must be the Panel alone.
// htmx names its target with the element: "dialog#panel".
func inPanel(c echo.Context) bool {
	target := c.Request().Header.Get("HX-Target")
	return isFragment(c) && (target == "panel" || strings.HasSuffix(target, "#panel"))
}
