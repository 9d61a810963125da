package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/ui"
)

func (h *Handlers) newTrial(c echo.Context) error {
	a, list, err := h.store.Filters(c.Request().Context(), sessionOf(c).Actor(), c.Param("domain"), c.Param("local"))
	if err != nil {
		return err
	}
	return h.trialPage(c, http.StatusOK, views.TrialView{Access: a, Filters: list, Form: views.NewTrial(a.Account.Address)})
}

// tryFilters says what the filters of an account would do to a message. It
// changes nothing, so the form may be of any session, and sent again.
func (h *Handlers) tryFilters(c echo.Context) error {
	f, err := sentTrial(c)
	tooLarge := errors.Is(err, errTooLarge)
	if err != nil && !tooLarge {
		return err
	}
	a, list, err := h.store.Filters(c.Request().Context(), sessionOf(c).Actor(), c.Param("domain"), c.Param("local"))
	if err != nil {
		return err
	}
	v := views.TrialView{Access: a, Filters: list, Form: f}
	if tooLarge {
		err = models.TrialTooLarge()
	} else {
		v.Trial, err = models.TryFilters(list, a.Account.Address, f.Read())
	}
	bad, is := refused(c, err)
	if err != nil && !is {
		return err
	}
	v.Form.Errors = bad
	if tooLarge {
		return h.trialPage(c, http.StatusRequestEntityTooLarge, v)
	}
	return h.trialPage(c, statusOf(is), v)
}

// sentTrial reads the form. A message is what others wrote: a byte of it that is
// no text is no reason to refuse the page.
func sentTrial(c echo.Context) (views.TrialForm, error) {
	sent, err := readForm(c, append(trialFields, "message≈")...)
	return trialOf(sent), err
}

// trialFields are those of a message to try filters on, but for its source.
var trialFields = []string{"from", "to", "cc", "subject", "list", "spam"}

func trialOf(sent form) views.TrialForm {
	return views.TrialForm{
		From: sent.Get("from"), To: sent.Get("to"), Cc: sent.Get("cc"), Subject: sent.Get("subject"),
		List: sent.has("list"), Spam: sent.has("spam"), Message: sent.Get("message"),
	}
}

func (h *Handlers) trialPage(c echo.Context, status int, v views.TrialView) error {
	p, err := h.page(c, "services", t(c, "filter.trial.heading"))
	if err != nil {
		return err
	}
	p.Refused = status != http.StatusOK
	list := ui.Crumb{Label: t(c, "filter.title"), Path: views.FiltersPath(v.Access.Service.Domain, v.Access.Account.LocalPart)}
	v.Head = accountHead(c, v.Access, list, ui.Crumb{Label: p.Title})
	return mandat.Render(c, status, views.TrialPage(p, v))
}
