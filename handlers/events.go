package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
)

// listServiceHistory is what happened on a service, as far as the reader may know.
func (h *Handlers) listServiceHistory(c echo.Context) error {
	before, err := cursor(c, "before")
	if err != nil {
		return err
	}
	a, err := h.service(c, policy.SeeHistory)
	if err != nil {
		return err
	}
	v := views.HistoryView{Domain: a.Service.Domain, Local: localOf(c.QueryParam("local")), Newest: before == 0, Head: serviceHead(c, a, "history")}
	v.Reduced = policy.Decide(policy.SeeHistory, a.Standing) != policy.Everything
	v.Events, v.More, err = h.store.History(c.Request().Context(), sessionOf(c).Actor(), a, models.HistoryQuery{Before: before, Local: v.Local})
	if err != nil {
		return err
	}
	p, err := h.page(c, "services", t(c, "event.title", "Domain", v.Head.Domain))
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.ServiceHistoryPage(p, v))
}

// localOf is the local part of what was typed: people may type the whole address.
func localOf(text string) string {
	local, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(text)), "@")
	return local
}

// listPersonHistory is everything that concerns the reader.
func (h *Handlers) listPersonHistory(c echo.Context) error {
	before, err := cursor(c, "before")
	if err != nil {
		return err
	}
	v := views.HistoryView{Newest: before == 0}
	v.Events, v.More, err = h.store.PersonHistory(c.Request().Context(), sessionOf(c).Actor(), models.HistoryQuery{Before: before})
	if err != nil {
		return err
	}
	p, err := h.page(c, "history", t(c, "event.own_title"))
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.PersonHistoryPage(p, v))
}
