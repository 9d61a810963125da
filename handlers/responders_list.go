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

// listResponders is the tab Responders.
func (h *Handlers) listResponders(c echo.Context) error {
	f, err := respondersForm(c)
	if err != nil {
		return err
	}
	a, err := h.service(c, policy.EditResponder)
	if err != nil {
		return err
	}
	v := views.RespondersView{Head: serviceHead(c, a, "responders"), Access: a, Form: f, Now: h.store.Now()}
	if v.List, err = h.store.Responders(c.Request().Context(), a, f.Query()); err != nil {
		return err
	}
	p, err := h.page(c, "services", t(c, "responder.list", "Domain", models.ReadableDomain(a.Service.Domain)))
	if err != nil {
		return err
	}
	if isFragment(c) {
		return mandat.Render(c, http.StatusOK, views.RespondersList(p, v))
	}
	return mandat.Render(c, http.StatusOK, views.RespondersPage(p, v))
}

// respondersForm reads the query of the list, as strictly as accountsForm.
func respondersForm(c echo.Context) (views.RespondersForm, error) {
	q := c.QueryParams()
	f := views.RespondersForm{Domain: c.Param("domain"), Search: strings.TrimSpace(q.Get("q")), After: q.Get("after"), Before: q.Get("before"), From: fromOf(q, "from")}
	for _, values := range q {
		if len(values) > 1 || len(values[0]) > 300 {
			return f, errMalformed
		}
	}
	if f.From < 0 {
		return f, errMalformed
	}
	return f, nil
}
