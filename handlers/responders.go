package handlers

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// editResponder shows the responder of the path, or the form for an account's first.
func (h *Handlers) editResponder(kind models.ResponderKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		a, r, err := h.responder(c, kind)
		if err != nil {
			return err
		}
		return h.responderPage(c, http.StatusOK, a, r, views.ResponderView{Form: views.StoredResponder(locale.From(c.Request().Context()), r)})
	}
}

func (h *Handlers) responder(c echo.Context, kind models.ResponderKind) (*models.Access, *models.Responder, error) {
	return h.store.Responder(c.Request().Context(), sessionOf(c).Actor(), kind, c.Param("domain"), c.Param("local"))
}

// responderPage is the page of the responder r, or of one that is not there yet.
func (h *Handlers) responderPage(c echo.Context, status int, a *models.Access, r *models.Responder, v views.ResponderView) error {
	v.Access, v.Stored, v.Now = a, r, h.store.Now()
	title := t(c, "responder.title")
	switch {
	case a.Account != nil:
		v.Head = accountHead(c, a, ui.Crumb{Label: title})
	case r != nil:
		v.Head = serviceHead(c, a, "responders", ui.Crumb{Label: t(c, "service.tab.responders"), Path: views.RespondersPath(a.Service.Domain)}, ui.Crumb{Label: models.ReadableAddress(r.Address)})
	default:
		title = t(c, "responder.new")
		v.Head = serviceHead(c, a, "responders", ui.Crumb{Label: t(c, "service.tab.responders"), Path: views.RespondersPath(a.Service.Domain)}, ui.Crumb{Label: title})
	}
	p, err := h.page(c, "services", title)
	if err != nil {
		return err
	}
	p.Refused = status != http.StatusOK
	return mandat.Render(c, status, views.ResponderPage(p, v))
}

// sentResponder is the form of a responder as it came.
type sentResponder struct {
	typed   views.ResponderForm
	read    models.ResponderForm
	by      models.Actor
	preview bool // only to be shown what it would send
}

// sentResponder reads the form. The texts are judged by the verb; a refusal here
// is one of shape, or of a preview, with all that is wrong besides.
func (h *Handlers) sentResponder(c echo.Context) (sentResponder, error) {
	sent, by, err := h.sent(c, "local", "subject", "content", "starts_at", "ends_at", "days", "version", "edit")
	f := views.ResponderForm{
		Local: sent.Get("local"), Subject: sent.Get("subject"), Content: sent.Get("content"),
		StartsAt: sent.Get("starts_at"), EndsAt: sent.Get("ends_at"), Days: sent.Get("days"), Version: sent.number("version"),
	}
	s := sentResponder{typed: f, read: models.ResponderForm{Subject: f.Subject, Content: f.Content, Version: f.Version}, by: by, preview: sent.has("edit")}
	if err != nil {
		return s, err
	}
	if s.preview && sent.Get("edit") != "preview" {
		return s, errMalformed
	}
	bad, right := models.Invalid{}, true
	if s.read.StartsAt, right = parseMoment(f.StartsAt, zoneOf(c), false); !right {
		bad.Add("starts_at", "responder.date.shape", "Date", f.StartsAt)
	}
	if s.read.EndsAt, right = parseMoment(f.EndsAt, zoneOf(c), true); !right {
		bad.Add("ends_at", "responder.date.shape", "Date", f.EndsAt)
	}
	if days := strings.TrimSpace(f.Days); days != "" {
		if s.read.Days, err = strconv.Atoi(days); err != nil || s.read.Days == 0 {
			s.read.Days = 0
			bad.Add("days", "responder.days.range", "Most", models.MaxResponderDays)
		}
	}
	if len(bad) == 0 && !s.preview {
		return s, nil
	}
	return s, h.addChecks(s.read, bad)
}

// addChecks is bad with what the texts and dates are refused for besides, nil for nothing.
func (h *Handlers) addChecks(n models.ResponderForm, bad models.Invalid) error {
	var more models.Invalid
	if _, err := h.store.CheckResponder(n); errors.As(err, &more) {
		for field, messages := range more {
			bad[field] = append(bad[field], messages...)
		}
	}
	if len(bad) > 0 {
		return bad
	}
	return nil
}

// updateResponder makes the responder of an account, or changes the one of the path.
func (h *Handlers) updateResponder(kind models.ResponderKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		s, err := h.sentResponder(c)
		if err == nil && !s.preview {
			if kind == models.AccountResponder {
				err = h.store.SetResponder(c.Request().Context(), s.by, c.Param("domain"), c.Param("local"), s.read)
			} else {
				err = h.store.ChangeResponder(c.Request().Context(), s.by, c.Param("domain"), c.Param("local"), s.read)
			}
		}
		bad, is := refused(c, err)
		conflict := errors.Is(err, models.ErrConflict)
		if !is && !conflict && (err != nil || !s.preview) {
			return h.done(c, err, responderPath(c, kind), ok(c, "responder.saved"))
		}
		a, r, err := h.responder(c, kind)
		if err != nil {
			return err
		}
		f := s.typed
		if f.Errors = bad; conflict {
			f.Version = 0
			if r != nil {
				f.Version = r.Version
			}
			return h.responderPage(c, http.StatusConflict, a, r, views.ResponderView{Form: f, Conflict: true})
		}
		return h.triedResponder(c, a, r, f)
	}
}

// triedResponder is the form as it was sent: refused, or with what it would send.
func (h *Handlers) triedResponder(c echo.Context, a *models.Access, r *models.Responder, f views.ResponderForm) error {
	switch {
	case a.Service.State == models.ServiceSuspended:
		return models.ErrSuspended
	case len(f.Errors) > 0:
		return h.responderPage(c, http.StatusUnprocessableEntity, a, r, views.ResponderView{Form: f})
	}
	return h.responderPage(c, http.StatusOK, a, r, views.ResponderView{Form: f, Preview: true})
}

// responderPath is the page of the responder of the path.
func responderPath(c echo.Context, kind models.ResponderKind) string {
	if kind == models.AccountResponder {
		return views.AccountResponderPath(c.Param("domain"), c.Param("local"))
	}
	return views.ResponderPath(c.Param("domain"), c.Param("local"))
}

// newResponder is the form for an address without a mailbox.
func (h *Handlers) newResponder(c echo.Context) error {
	a, err := h.service(c, policy.EditResponder)
	if err != nil {
		return err
	}
	if a.Service.State == models.ServiceSuspended {
		return models.ErrSuspended
	}
	return h.responderPage(c, http.StatusOK, a, nil, views.ResponderView{Form: views.StoredResponder(locale.From(c.Request().Context()), nil)})
}

func (h *Handlers) createResponder(c echo.Context) error {
	s, err := h.sentResponder(c)
	if _, problem := models.ParseLocalPart(s.typed.Local); err == nil && s.preview && problem != nil {
		err = models.Invalid{"local": {*problem}}
	}
	var r *models.Responder
	if err == nil && !s.preview {
		r, err = h.store.CreateResponder(c.Request().Context(), s.by, c.Param("domain"), s.typed.Local, s.read)
	}
	bad, is := refused(c, err)
	switch {
	case is || s.preview && err == nil:
		a, err := h.service(c, policy.EditResponder)
		if err != nil {
			return err
		}
		s.typed.Errors = bad
		return h.triedResponder(c, a, nil, s.typed)
	case err != nil:
		return h.done(c, err, views.RespondersPath(c.Param("domain")), views.Flash{})
	}
	return h.done(c, nil, views.ResponderPath(c.Param("domain"), r.LocalPart), ok(c, "responder.created", "Address", models.ReadableAddress(r.Address)))
}

// endResponder ends the responder of the path now.
func (h *Handlers) endResponder(kind models.ResponderKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		_, by, err := h.sent(c)
		if err == nil {
			err = h.store.EndResponder(c.Request().Context(), by, kind, c.Param("domain"), c.Param("local"))
		}
		return h.done(c, err, responderPath(c, kind), ok(c, "responder.ended"))
	}
}

// deleteResponder removes the responder of the path.
func (h *Handlers) deleteResponder(kind models.ResponderKind) echo.HandlerFunc {
	return func(c echo.Context) error {
		domain, local := c.Param("domain"), c.Param("local")
		_, by, err := h.sent(c)
		if err == nil {
			err = h.store.DeleteResponder(c.Request().Context(), by, kind, domain, local)
		}
		if bad, is := refused(c, err); is {
			return h.keptResponder(c, kind, bad)
		}
		back := views.RespondersPath(domain)
		if kind == models.AccountResponder {
			back = views.AccountPath(domain, local)
		}
		return h.done(c, err, back, ok(c, "responder.deleted", "Address", models.ReadableAddress(local+"@"+domain)))
	}
}

// keptResponder shows the responder of the path, which was not deleted, and why.
func (h *Handlers) keptResponder(c echo.Context, kind models.ResponderKind, bad views.Errors) error {
	a, r, err := h.responder(c, kind)
	if err != nil {
		return err
	}
	f := views.StoredResponder(locale.From(c.Request().Context()), r)
	f.Errors = bad
	return h.responderPage(c, http.StatusUnprocessableEntity, a, r, views.ResponderView{Form: f})
}
