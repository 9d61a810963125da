package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// listSessions is where the reader is signed in.
func (h *Handlers) listSessions(c echo.Context) error { return h.sessionsPage(c, http.StatusOK, nil) }

// sessionsPage shows the sessions, and what is wrong with the form that ends them.
func (h *Handlers) sessionsPage(c echo.Context, status int, bad views.Errors) error {
	s := sessionOf(c)
	list, err := h.store.Sessions(c.Request().Context(), s.Actor())
	if err != nil {
		return err
	}
	p, err := h.page(c, "profile", t(c, "session.list.title"))
	if err != nil {
		return err
	}
	p.Refused = len(bad) > 0
	return mandat.Render(c, status, views.SessionsPage(p, views.SessionsView{Sessions: list, Agent: s.AgentID != 0, Proof: h.proof(c).With(bad), Errors: bad}))
}

// endOneSession ends a session of the reader's own, wherever it is.
func (h *Handlers) endOneSession(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	sent, by, err := h.sent(c, "proof")
	if err == nil {
		err = h.prove(c, sent)
	}
	if err == nil {
		err = h.store.EndSession(c.Request().Context(), by, id)
	}
	if bad, is := refused(c, err); is {
		return h.sessionsPage(c, http.StatusUnprocessableEntity, bad)
	}
	if err == nil {
		h.security.Info("a session was ended", "request", reference(c), "person", sessionOf(c).Identifier, "peer", c.RealIP())
	}
	return h.done(c, err, views.ProfileSessionsPath, ok(c, "session.list.ended"))
}

// endOtherSessions ends all sessions of the reader but this one.
func (h *Handlers) endOtherSessions(c echo.Context) error {
	sent, by, err := h.sent(c, "proof")
	if err == nil {
		err = h.prove(c, sent)
	}
	var out models.EndedElsewhere
	if err == nil {
		out, err = h.store.EndOtherSessions(c.Request().Context(), by)
	}
	if bad, is := refused(c, err); is {
		return h.sessionsPage(c, http.StatusUnprocessableEntity, bad)
	}
	if err == nil {
		h.security.Info("other sessions were ended", "request", reference(c), "person", sessionOf(c).Identifier, "peer", c.RealIP(), "sessions", out.Sessions, "support", out.Support)
	}
	said := ok(c, "session.list.no_others")
	if out.Sessions > 0 {
		said.Text = locale.From(c.Request().Context()).N("session.list.others_ended", out.Sessions)
	}
	if out.Support {
		said.Text += " " + t(c, "session.list.support_out")
	}
	return h.done(c, err, views.ProfileSessionsPath, said)
}
