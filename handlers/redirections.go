package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// listRedirections is the tab Redirections.
func (h *Handlers) listRedirections(c echo.Context) error {
	form, err := redirectionsForm(c)
	if err != nil {
		return err
	}
	a, err := h.service(c, policy.EditRedirections)
	if err != nil {
		return err
	}
	v := views.RedirectionsView{Head: serviceHead(c, a, "redirections"), Access: a, Form: form}
	if v.List, err = h.store.Redirections(c.Request().Context(), sessionOf(c).Actor(), a, form.Query()); err != nil {
		return err
	}
	p, err := h.page(c, "services", t(c, "redirection.title", "Domain", models.ReadableDomain(a.Service.Domain)))
	if err != nil {
		return err
	}
	if isFragment(c) {
		return mandat.Render(c, http.StatusOK, views.RedirectionsList(p, v))
	}
	return mandat.Render(c, http.StatusOK, views.RedirectionsPage(p, v))
}

// redirectionsForm reads the query of the list, as strictly as accountsForm.
func redirectionsForm(c echo.Context) (views.RedirectionsForm, error) {
	q := c.QueryParams()
	f := views.RedirectionsForm{
		Domain: c.Param("domain"), Search: strings.TrimSpace(q.Get("q")), After: q.Get("after"), Before: q.Get("before"), From: fromOf(q, "from"),
	}
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

func (h *Handlers) newRedirection(c echo.Context) error {
	a, err := h.service(c, policy.EditRedirections)
	if err != nil {
		return err
	}
	if a.Service.State == models.ServiceSuspended {
		return models.ErrSuspended
	}
	from := c.QueryParam("from")
	if _, problem := models.ParseLocalPart(from); problem != nil {
		from = ""
	}
	return h.redirectionPage(c, http.StatusOK, views.RedirectionView{Access: a, Form: views.RedirectionForm{From: from, KeepCopy: true}})
}

func (h *Handlers) redirectionPage(c echo.Context, status int, v views.RedirectionView) error {
	title := t(c, "redirection.new")
	if v.Redirection != nil {
		title = t(c, "redirection.of", "Address", v.Redirection.Readable())
	}
	p, err := h.page(c, "services", title)
	if err != nil {
		return err
	}
	p.Refused = status != http.StatusOK
	v.Head = serviceHead(c, v.Access, "redirections", ui.Crumb{Label: t(c, "service.tab.redirections"), Path: views.RedirectionsPath(v.Access.Service.Domain)}, ui.Crumb{Label: title})
	return mandat.Render(c, status, views.RedirectionPage(p, v))
}

func (h *Handlers) createRedirection(c echo.Context) error {
	sent, by, err := h.sent(c, "kind", "from", "to", "keep_copy")
	domain := c.Param("domain")
	var r *models.Redirection
	if err == nil {
		r, err = h.makeRedirection(c, by, sent)
	}
	if bad, is := refused(c, err); is {
		a, refusal := h.service(c, policy.EditRedirections)
		if refusal != nil {
			return refusal
		}
		f := views.RedirectionForm{Kind: sent.Get("kind"), From: sent.Get("from"), To: sent.Get("to"), KeepCopy: sent.has("keep_copy"), Errors: bad}
		f.Existing = existingRedirection(err)
		return h.redirectionPage(c, http.StatusUnprocessableEntity, views.RedirectionView{Access: a, Form: f})
	}
	if err != nil {
		return h.done(c, err, views.RedirectionsPath(domain), views.Flash{})
	}
	return h.done(c, nil, views.RedirectionsPath(domain), didRedirect(c, "redirection.created", r))
}

func (h *Handlers) makeRedirection(c echo.Context, by models.Actor, sent form) (*models.Redirection, error) {
	kind := sent.Get("kind")
	if !slices.Contains([]string{"", "address", "all"}, kind) {
		return nil, models.Invalid{"kind": {{Key: "redirection.from.kind"}}}
	}
	// An address beside the catch-all was meant for something: which of the two, only its typist knows.
	if kind == "all" && strings.TrimSpace(sent.Get("from")) != "" {
		return nil, models.Invalid{"kind": {{Key: "redirection.from.kind"}}}
	}
	return h.store.CreateRedirection(c.Request().Context(), by, c.Param("domain"), models.NewRedirection{
		Local: sent.Get("from"), CatchAll: kind == "all", Targets: sent.Get("to"), KeepCopy: sent.has("keep_copy"),
	})
}

// existingRedirection is the address that a refusal says is redirected already.
func existingRedirection(err error) string {
	var bad models.Invalid
	if errors.As(err, &bad) {
		for _, m := range bad["from"] {
			if m.Key == "redirection.from.exists" {
				return m.Args[1].(string)
			}
		}
	}
	return ""
}

// didRedirect says what was done to a redirection.
func didRedirect(c echo.Context, key string, r *models.Redirection) views.Flash {
	return ok(c, key, "Address", r.Readable(), "Targets", views.RedirectionTargets(locale.From(c.Request().Context()), r))
}

// redirection reads the redirection of the path and the service that it is of.
func (h *Handlers) redirection(c echo.Context) (*models.Access, *models.Redirection, error) {
	a, err := h.service(c, policy.EditRedirections)
	if err != nil {
		return nil, nil, err
	}
	id, err := numberOf(c)
	if err != nil {
		return nil, nil, err
	}
	r, err := h.store.Redirection(c.Request().Context(), sessionOf(c).Actor(), a, id)
	return a, r, err
}

func (h *Handlers) editRedirection(c echo.Context) error {
	a, r, err := h.redirection(c)
	if err != nil {
		return err
	}
	return h.redirectionPage(c, http.StatusOK, views.RedirectionView{Access: a, Redirection: r, Form: views.StoredRedirection(r)})
}

func (h *Handlers) updateRedirection(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	sent, by, err := h.sent(c, "to", "keep_copy", "version")
	domain := c.Param("domain")
	var r *models.Redirection
	if err == nil {
		r, err = h.store.ChangeRedirection(c.Request().Context(), by, domain, id, models.RedirectionSettings{
			Targets: sent.Get("to"), KeepCopy: sent.has("keep_copy"), Version: sent.number("version"),
		})
	}
	bad, is := refused(c, err)
	conflict := errors.Is(err, models.ErrConflict)
	if is || conflict {
		return h.refusedRedirection(c, sent, bad, conflict)
	}
	if err != nil {
		return h.done(c, err, views.RedirectionsPath(domain), views.Flash{})
	}
	return h.done(c, nil, views.RedirectionsPath(domain), didRedirect(c, "redirection.changed", r))
}

// refusedRedirection shows the form of the path again, with what was typed.
func (h *Handlers) refusedRedirection(c echo.Context, sent form, bad views.Errors, conflict bool) error {
	a, r, err := h.redirection(c)
	if err != nil {
		return err
	}
	status := http.StatusUnprocessableEntity
	f := views.RedirectionForm{To: sent.Get("to"), KeepCopy: sent.has("keep_copy"), Version: sent.number("version"), Errors: bad}
	if conflict {
		status, f.Version = http.StatusConflict, r.Version
	}
	return h.redirectionPage(c, status, views.RedirectionView{Access: a, Redirection: r, Form: f, Conflict: conflict})
}

// deleteRedirection deletes at once: the message says where it led, and makes it
// again by the form that makes any.
func (h *Handlers) deleteRedirection(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	_, by, err := h.sent(c)
	domain := c.Param("domain")
	var r *models.Redirection
	if err == nil {
		r, err = h.store.DeleteRedirection(c.Request().Context(), by, domain, id)
	}
	if bad, is := refused(c, err); is {
		return h.keptRedirection(c, bad)
	}
	if err != nil {
		return h.done(c, err, views.RedirectionsPath(domain), views.Flash{})
	}
	did := didRedirect(c, "redirection.deleted", r)
	did.ActionLabel, did.ActionPath, did.ActionFields = t(c, "redirection.undo"), views.RedirectionsPath(domain), views.RedirectionAgain(r)
	return h.done(c, nil, views.RedirectionsPath(domain), did)
}

// keptRedirection shows the redirection of the path, which was not deleted, and why.
func (h *Handlers) keptRedirection(c echo.Context, bad views.Errors) error {
	a, r, err := h.redirection(c)
	if err != nil {
		return err
	}
	f := views.StoredRedirection(r)
	f.Errors = bad
	return h.redirectionPage(c, http.StatusUnprocessableEntity, views.RedirectionView{Access: a, Redirection: r, Form: f})
}
