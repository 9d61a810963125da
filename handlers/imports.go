package handlers

import (
	"context"
	"net/http"
	"strconv"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/ui"
)

// listImports is the form for an import into the account of the path, and those there were.
func (h *Handlers) listImports(c echo.Context) error {
	return h.importsPage(c, http.StatusOK, views.ImportForm{Security: views.ImportSecurities[0].Name})
}

func (h *Handlers) importsPage(c echo.Context, status int, f views.ImportForm) error {
	a, recent, err := h.store.Imports(c.Request().Context(), sessionOf(c).Actor(), c.Param("domain"), c.Param("local"))
	if err != nil {
		return err
	}
	title := t(c, "import.title")
	p, err := h.page(c, "services", title)
	if err != nil {
		return err
	}
	p.Refused = status != http.StatusOK
	return mandat.Render(c, status, views.ImportsPage(p, views.ImportsView{
		Head: accountHead(c, a, ui.Crumb{Label: title}), Access: a, Form: f, Recent: recent, Offered: h.store.ImportsMail(),
	}))
}

// createImport takes an account elsewhere over, to be tried, and leads to its page.
func (h *Handlers) createImport(c echo.Context) error {
	sent, by, err := h.sent(c, "host", "security", "username", "password")
	f := views.ImportForm{Host: sent.Get("host"), Security: sent.Get("security"), Username: sent.Get("username")}
	domain, local := c.Param("domain"), c.Param("local")
	var id int64
	if err == nil {
		n := models.ImportForm{Host: f.Host, Username: f.Username, Password: sent.Get("password")}
		if err = f.Secure(&n); err == nil {
			id, err = h.store.CreateImport(c.Request().Context(), by, domain, local, n)
		}
	}
	if bad, is := refused(c, err); is {
		f.Errors = bad
		return h.importsPage(c, http.StatusUnprocessableEntity, f)
	}
	if err != nil {
		return h.done(c, err, views.ImportsPath(domain, local), views.Flash{})
	}
	return h.done(c, nil, views.ImportPath(domain, local, id), views.Flash{})
}

// showImport is one import: the page asks for its middle while jobs work.
func (h *Handlers) showImport(c echo.Context) error {
	return h.importPage(c, http.StatusOK, nil)
}

func (h *Handlers) importPage(c echo.Context, status int, bad views.Errors) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	a, m, err := h.store.Import(c.Request().Context(), sessionOf(c).Actor(), c.Param("domain"), c.Param("local"), id)
	if err != nil {
		return err
	}
	title := t(c, "import.of", "Server", m.Host)
	p, err := h.page(c, "services", title)
	if err != nil {
		return err
	}
	p.Refused = status != http.StatusOK
	v := h.importView(a, m, sessionOf(c).Actor())
	v.Errors = bad
	v.Head = accountHead(c, a, ui.Crumb{Label: t(c, "import.title"), Path: views.ImportsPath(a.Service.Domain, a.Account.LocalPart)}, ui.Crumb{Label: title})
	if isFragment(c) && c.Request().Method == http.MethodGet {
		return mandat.Render(c, status, views.ImportBody(p, v))
	}
	return mandat.Render(c, status, views.ImportPage(p, v))
}

// importView is an import for one person, without the frame of its page.
func (h *Handlers) importView(a *models.Access, m *models.Import, by models.Actor) views.ImportView {
	return views.ImportView{
		Head:   views.ServiceHead{Suspended: a.Service.State == models.ServiceSuspended},
		Domain: a.Service.Domain, Local: a.Account.LocalPart, Import: m, Mine: m.CustomerID == by.Customer, Now: h.store.Now(),
	}
}

// followImport tells how far an import has come, as it goes on.
func (h *Handlers) followImport(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	p := views.Page{Submission: newSubmission(sessionOf(c).FormKey)}
	return h.stream(c, func(ctx context.Context, by models.Actor) (templ.Component, bool, error) {
		a, m, err := h.store.Import(ctx, by, c.Param("domain"), c.Param("local"), id)
		if err != nil {
			return nil, false, err
		}
		v := h.importView(a, m, by)
		v.Streamed = true
		return views.ImportBody(p, v), m.Works(), nil
	})
}

// startImport has the folders copied that were ticked.
func (h *Handlers) startImport(c echo.Context) error {
	sent, by, err := h.sent(c, "folders…")
	var folders []int64
	for _, text := range sent.Values["folders"] {
		n, bad := strconv.ParseInt(text, 10, 64)
		if bad != nil || strconv.FormatInt(n, 10) != text {
			return errMalformed
		}
		folders = append(folders, n)
	}
	id, bad := numberOf(c)
	if bad != nil {
		return bad
	}
	domain, local := c.Param("domain"), c.Param("local")
	if err == nil {
		err = h.store.StartImport(c.Request().Context(), by, domain, local, id, folders)
	}
	if bad, is := refused(c, err); is {
		return h.importPage(c, http.StatusUnprocessableEntity, bad)
	}
	return h.done(c, err, views.ImportPath(domain, local, id), views.Flash{})
}

func (h *Handlers) resumeImport(c echo.Context) error {
	id, err := h.changeImport(c, h.store.ResumeImport)
	return h.done(c, err, views.ImportPath(c.Param("domain"), c.Param("local"), id), views.Flash{})
}

func (h *Handlers) cancelImport(c echo.Context) error {
	id, err := h.changeImport(c, h.store.CancelImport)
	return h.done(c, err, views.ImportPath(c.Param("domain"), c.Param("local"), id), views.Flash{})
}

// changeImport runs a verb on the import of the path.
func (h *Handlers) changeImport(c echo.Context, verb func(context.Context, models.Actor, string, string, int64) error) (id int64, err error) {
	_, by, err := h.sent(c)
	if err != nil {
		return 0, err
	}
	if id, err = numberOf(c); err != nil {
		return 0, err
	}
	return id, verb(c.Request().Context(), by, c.Param("domain"), c.Param("local"), id)
}
