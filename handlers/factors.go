package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/views"
)

// recoveryCodesPage shows recovery codes in the answer to the form that made
// them: a redirect would have to keep them somewhere in between.
func (h *Handlers) recoveryCodesPage(c echo.Context, codes []string, next string) error {
	p, err := h.page(c, "profile", t(c, "recovery.title"))
	if err != nil {
		return err
	}
	p.Path = views.HomePath
	return mandat.Render(c, http.StatusOK, views.RecoveryCodesPage(p, codes, next))
}
