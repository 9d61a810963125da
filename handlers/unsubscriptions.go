package handlers

import (
	"errors"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
)

// newUnsubscription shows what a link does, and does nothing: programs follow
// links by themselves.
func (h *Handlers) newUnsubscription(c echo.Context) error {
	hide(c)
	s, err := h.store.Subscription(c.Request().Context(), c.Param("token"))
	if errors.Is(err, models.ErrExpiredLink) {
		return h.unsubscribedPage(c, http.StatusNotFound)
	}
	if err != nil {
		return err
	}
	h.speakAs(c, s)
	p, err := h.page(c, "", t(c, "list.unsubscription.title"))
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.UnsubscriptionPage(p, views.UnsubscriptionView{Token: c.Param("token"), Subscription: s}))
}

// createUnsubscription ends a subscription by its link, which is the secret that
// it takes: a mail provider asks for it on behalf of a reader, from elsewhere and
// without a session (RFC 8058). It must not be led elsewhere, and may ask again.
func (h *Handlers) createUnsubscription(c echo.Context) error {
	hide(c)
	f, err := readOneClick(c)
	if err != nil {
		return err
	}
	if f.Get(views.OneClickField) != views.OneClickValue {
		return models.Invalid{"": {{Key: "list.unsubscription.unclear"}}}
	}
	s, err := h.store.Unsubscribe(c.Request().Context(), c.Param("token"), c.RealIP())
	if err != nil && !errors.Is(err, models.ErrExpiredLink) {
		return err
	}
	h.speakAs(c, s)
	return h.unsubscribedPage(c, http.StatusOK)
}

// readOneClick reads the form of RFC 8058, which may come in either type.
func readOneClick(c echo.Context) (form, error) {
	kind, parameters, err := mime.ParseMediaType(c.Request().Header.Get(echo.HeaderContentType))
	if err == nil && kind == echo.MIMEMultipartForm {
		return readParts(multipart.NewReader(c.Request().Body, parameters["boundary"]), views.OneClickField)
	}
	return readForm(c, views.OneClickField)
}

func (h *Handlers) unsubscribedPage(c echo.Context, status int) error {
	p, err := h.page(c, "", t(c, "list.unsubscription.done"))
	if err != nil {
		return err
	}
	return mandat.Render(c, status, views.UnsubscribedPage(p))
}

// hide keeps a page whose address is a secret out of what search engines know.
func hide(c echo.Context) { c.Response().Header().Set("X-Robots-Tag", "noindex, nofollow") }

// speakAs speaks the language of a list to somebody who has chosen none here.
func (h *Handlers) speakAs(c echo.Context, s *models.Subscription) {
	if h.chosen(c, langCookie) != "" || sessionOf(c) != nil || s == nil {
		return
	}
	setLocale(c, s.Language, time.UTC)
}
