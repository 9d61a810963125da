package handlers

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// numberOf is the number of the object of the path. What is no number as we write it is no object.
func numberOf(c echo.Context) (int64, error) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if err != nil || id < 1 || strconv.FormatInt(id, 10) != c.Param("id") {
		return 0, models.ErrNotFound
	}
	return id, nil
}

// grant reads the grant of the path as the actor may see it.
func (h *Handlers) grant(c echo.Context) (*models.GrantView, error) {
	id, err := numberOf(c)
	if err != nil {
		return nil, err
	}
	return h.store.Grant(c.Request().Context(), sessionOf(c).Actor(), id)
}

func (h *Handlers) editGrant(c echo.Context) error {
	g, err := h.grant(c)
	if err != nil {
		return err
	}
	return h.grantPage(c, http.StatusOK, g, views.TermsOf(locale.From(c.Request().Context()), &g.Grant), nil)
}

func (h *Handlers) grantPage(c echo.Context, status int, g *models.GrantView, f views.GrantTerms, did *views.Flash) error {
	v := views.GrantView{GrantView: g, Form: f, Message: did, Mails: h.store.Mails(), Now: h.store.Now()}
	var err error
	if v.Left, v.MoreLeft, err = h.store.Leftovers(c.Request().Context(), g); err != nil {
		return err
	}
	p, err := h.page(c, "services", v.Title(locale.From(c.Request().Context())))
	if err != nil {
		return err
	}
	p.Refused = status != http.StatusOK
	if inPanel(c) {
		return mandat.Render(c, status, views.GrantPanel(p, v))
	}
	return mandat.Render(c, status, views.GrantPage(p, v))
}

func (h *Handlers) updateGrant(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	sent, by, err := h.sent(c, "extras…", "expires_on", "note", "version")
	f := views.GrantTerms{ExpiresOn: sent.Get("expires_on"), Note: sent.Get("note"), Version: sent.number("version")}
	var known bool
	if f.Extras, known = extrasOf(sent); !known {
		return errMalformed
	}
	terms := models.GrantTerms{Ticked: f.Extras, Note: f.Note, Version: f.Version}
	if err == nil {
		terms.ExpiresAt, err = expiry(c, f.ExpiresOn)
	}
	if err == nil {
		_, err = h.store.ChangeGrant(c.Request().Context(), by, id, terms)
	}
	return h.changedGrant(c, f, err, ok(c, "grant.changed"))
}

// createExtension puts the end of a grant off.
func (h *Handlers) createExtension(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	_, by, err := h.sent(c)
	var did views.Flash
	if err == nil {
		var g *models.Grant
		if g, err = h.store.ExtendGrant(c.Request().Context(), by, id); err == nil && g.ExpiresAt != nil {
			did = ok(c, "grant.extended", "Date", views.LastDay(locale.From(c.Request().Context()), *g.ExpiresAt))
		}
	}
	return h.changedGrant(c, views.GrantTerms{}, err, did)
}

// changedGrant answers a form that changes the grant of the path.
func (h *Handlers) changedGrant(c echo.Context, f views.GrantTerms, err error, did views.Flash) error {
	bad, is := refused(c, err)
	f.Conflict = errors.Is(err, models.ErrConflict)
	repeated := errors.Is(err, models.ErrRepeated)
	if !is && !f.Conflict && (!inPanel(c) || err != nil && !repeated) {
		id, _ := numberOf(c)
		return h.done(c, err, views.GrantPath(id), did)
	}
	g, err := h.grant(c)
	if err != nil {
		return err
	}
	stands := views.TermsOf(locale.From(c.Request().Context()), &g.Grant)
	switch {
	case f.Conflict:
		f.Version = g.Grant.Version
		return h.grantPage(c, http.StatusConflict, g, f, nil)
	case is && f.Version == 0: // a form without fields
		stands.Errors = bad
		return h.grantPage(c, http.StatusUnprocessableEntity, g, stands, nil)
	case is:
		f.Errors = bad
		return h.grantPage(c, http.StatusUnprocessableEntity, g, f, nil)
	case repeated:
		return h.grantPage(c, http.StatusOK, g, stands, nil)
	}
	return h.grantPage(c, http.StatusOK, g, stands, &did)
}
