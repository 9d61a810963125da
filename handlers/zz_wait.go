package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
)

func (h *Handlers) secretCookie(c echo.Context, which string) string {
	cookie, err := c.Cookie(h.sessions.name + which)
	if err != nil || len(cookie.Value) > 64 {
		return ""
	}
	return cookie.Value
}

func (h *Handlers) browserOf(c echo.Context) models.Credentials {
	return models.Credentials{Peer: c.RealIP(), Device: h.secretCookie(c, "-device"), UserAgent: c.Request().UserAgent()}
}

func (h *Handlers) arrived(c echo.Context, in *models.SignedIn, next string) error {
	if in.Pending != "" {
		return c.Redirect(http.StatusSeeOther, "/session/factor")
	}
	h.begin(c, in)
	return c.Redirect(http.StatusSeeOther, sitePath(next))
}
