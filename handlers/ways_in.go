package handlers

import (
	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
)

// offers is what the reader may sign in with here besides a password.
func (h *Handlers) offers(c echo.Context) (at models.Offered) {
	if h.site != nil {
		at.Site = h.site.ID()
	}
	if h.provider(sessionOf(c).AgentID != 0) != "" {
		at.Issuer = h.signOn.Provider.Issuer
	}
	return at
}

func (h *Handlers) waysIn(c echo.Context) (*models.WaysIn, error) {
	return h.store.WaysIn(c.Request().Context(), sessionOf(c).Actor(), h.offers(c))
}

// mustStay says in the reader's language why what is asked about is not to be
// taken away, given what would be left; "" when it may.
func mustStay(c echo.Context, left models.WaysIn) string {
	bad, _ := refused(c, left.Enough())
	return bad.First("")
}
