package handlers

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// Files of accounts and of redirections have the same pages: each of these makes
// the handler of one kind.

func (h *Handlers) newUpload(k models.UploadKind) echo.HandlerFunc {
	return func(c echo.Context) error { return h.uploadFormPage(c, http.StatusOK, k, nil) }
}

// uploadFormPage is the form for a file; a suspended service has none.
func (h *Handlers) uploadFormPage(c echo.Context, status int, k models.UploadKind, bad views.Errors) error {
	a, recent, err := h.store.Uploads(c.Request().Context(), sessionOf(c).Actor(), c.Param("domain"), k)
	if err != nil {
		return err
	}
	if a.Service.State == models.ServiceSuspended {
		return models.ErrSuspended
	}
	title := t(c, "upload."+string(k)+".title")
	p, err := h.page(c, "services", title)
	if err != nil {
		return err
	}
	p.Refused = status != http.StatusOK
	return mandat.Render(c, status, views.UploadFormPage(p, views.UploadFormView{
		Head: uploadHead(c, a, k, ui.Crumb{Label: title}), Domain: a.Service.Domain, Kind: k, Errors: bad, Recent: recent,
	}))
}

// uploadHead is the frame of a page about a file, below the tab that it is about.
func uploadHead(c echo.Context, a *models.Access, k models.UploadKind, below ...ui.Crumb) views.ServiceHead {
	tab, path := "emails", views.AccountsPath(a.Service.Domain)
	if k == models.UploadRedirections {
		tab, path = "redirections", views.RedirectionsPath(a.Service.Domain)
	}
	return serviceHead(c, a, tab, append([]ui.Crumb{{Label: t(c, "service.tab."+tab), Path: path}}, below...)...)
}

// createUpload takes a file over, to be checked, and leads to its page.
func (h *Handlers) createUpload(k models.UploadKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		// Asked before the file is read, which is dear: a stranger must not be able to send any.
		if _, err := h.service(c, k.Operation()); err != nil {
			return err
		}
		sent, by, err := h.sentFile(c)
		domain := c.Param("domain")
		var id int64
		if err == nil {
			var rows []models.UploadRow
			if rows, err = readUpload(locale.From(c.Request().Context()), k, sent.Get("file")); err == nil {
				id, err = h.store.CreateUpload(c.Request().Context(), by, domain, k, rows)
			}
		}
		if bad, is := refused(c, err); is {
			return h.uploadFormPage(c, http.StatusUnprocessableEntity, k, bad)
		}
		if err != nil {
			return h.done(c, err, views.UploadsPath(domain, k), views.Flash{})
		}
		return h.done(c, nil, views.UploadPath(domain, k, id), views.Flash{})
	}
}

// showUpload is one file: the page asks for its middle while a job works.
func (h *Handlers) showUpload(k models.UploadKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		id, err := numberOf(c)
		if err != nil {
			return err
		}
		v, after, err := uploadQuery(c)
		if err != nil {
			return err
		}
		ctx := c.Request().Context()
		a, u, err := h.store.Upload(ctx, sessionOf(c).Actor(), c.Param("domain"), k, id)
		if err != nil {
			return err
		}
		v.Outcome = views.ShownOutcome(u, v.Outcome)
		if v.Lines, v.More, err = h.store.UploadLines(ctx, u, models.UploadQuery{Outcome: v.Outcome, After: after}); err != nil {
			return err
		}
		title := t(c, "upload.of", "Date", locale.From(ctx).DateTime(u.CreatedAt))
		p, err := h.page(c, "services", title)
		if err != nil {
			return err
		}
		v.Upload, v.Domain = u, a.Service.Domain
		v.Head = uploadHead(c, a, k, ui.Crumb{Label: t(c, "upload."+string(k)+".title"), Path: views.UploadsPath(v.Domain, k)}, ui.Crumb{Label: title})
		if isFragment(c) {
			return mandat.Render(c, http.StatusOK, views.UploadBody(p, v))
		}
		return mandat.Render(c, http.StatusOK, views.UploadPage(p, v))
	}
}

// uploadQuery reads which lines are asked for, strictly.
func uploadQuery(c echo.Context) (v views.UploadView, after int, err error) {
	q := c.QueryParams()
	for _, values := range q {
		if len(values) > 1 {
			return v, 0, errMalformed
		}
	}
	v.Outcome = models.UploadOutcome(q.Get("outcome"))
	if v.Outcome != "" && v.Outcome != views.AllOutcomes && !slices.Contains(models.UploadOutcomes, v.Outcome) {
		return v, 0, errMalformed
	}
	if text := q.Get("after"); text != "" {
		if after, err = strconv.Atoi(text); err != nil || after < 1 || strconv.Itoa(after) != text || after > models.MaxUploadBytes {
			return v, 0, errMalformed
		}
	}
	v.First = after == 0
	return v, after, nil
}

func (h *Handlers) applyUpload(k models.UploadKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		id, err := h.changeUpload(c, k, h.store.ApplyUpload)
		return h.done(c, err, views.UploadPath(c.Param("domain"), k, id), views.Flash{})
	}
}

func (h *Handlers) cancelUpload(k models.UploadKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		_, err := h.changeUpload(c, k, h.store.CancelUpload)
		return h.done(c, err, views.UploadsPath(c.Param("domain"), k), ok(c, "upload.cancelled"))
	}
}

// changeUpload runs a verb on the file of the path.
func (h *Handlers) changeUpload(c echo.Context, k models.UploadKind, verb func(context.Context, models.Actor, string, models.UploadKind, int64) error) (id int64, err error) {
	_, by, err := h.sent(c)
	if err != nil {
		return 0, err
	}
	if id, err = numberOf(c); err != nil {
		return 0, err
	}
	return id, verb(c.Request().Context(), by, c.Param("domain"), k, id)
}
