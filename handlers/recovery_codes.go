package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
)

// newRecoveryCodes asks before the earlier ones are replaced. It is not there
// for whoever has no second factor.
func (h *Handlers) newRecoveryCodes(c echo.Context) error {
	return h.newRecoveryCodesPage(c, http.StatusOK, nil)
}

func (h *Handlers) newRecoveryCodesPage(c echo.Context, status int, bad views.Errors) error {
	has, err := h.store.HasFactor(c.Request().Context(), sessionOf(c).Actor())
	if err == nil && !has {
		err = models.ErrNotFound
	}
	if err != nil {
		return err
	}
	p, err := h.page(c, "profile", t(c, "recovery.make"))
	if err != nil {
		return err
	}
	p.Refused = len(bad) > 0
	return mandat.Render(c, status, views.NewRecoveryCodesPage(p, views.FactorForm{Errors: bad, Proof: h.proof(c).With(bad)}))
}

func (h *Handlers) createRecoveryCodes(c echo.Context) error {
	sent, by, err := h.sent(c, "proof")
	if err == nil {
		err = h.prove(c, sent)
	}
	var codes []string
	if err == nil {
		codes, err = h.store.NewRecoveryCodes(c.Request().Context(), by)
	}
	if bad, is := refused(c, err); is {
		return h.newRecoveryCodesPage(c, statusFor(c, err), bad)
	}
	if err != nil {
		return h.done(c, err, views.FactorsPath, views.Flash{})
	}
	h.security.Info("recovery codes made", "request", reference(c), "person", sessionOf(c).Identifier, "peer", c.RealIP())
	return h.recoveryCodesPage(c, codes, views.FactorsPath)
}
