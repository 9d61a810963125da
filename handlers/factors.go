package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
)

func (h *Handlers) listFactors(c echo.Context) error {
	s := sessionOf(c)
	found, err := h.store.Factors(c.Request().Context(), s.Actor())
	if err != nil {
		return err
	}
	p, err := h.page(c, "profile", t(c, "factor.title"))
	if err != nil {
		return err
	}
	ways, err := h.waysIn(c)
	if err != nil {
		return err
	}
	v := views.FactorsView{Factors: found, Ways: *ways, Kept: h.store.KeepsFactors(), Provider: h.provider(s.AgentID != 0)}
	if v.Passkeys, err = h.passkeys(c); err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.FactorsPage(p, v))
}

func (h *Handlers) newFactor(c echo.Context) error {
	return h.newFactorPage(c, http.StatusOK, views.FactorForm{})
}

func (h *Handlers) newFactorPage(c echo.Context, status int, f views.FactorForm) error {
	e, err := h.store.Enrolment(c.Request().Context(), sessionOf(c).Actor(), f.Sealed)
	if err != nil {
		return err
	}
	p, err := h.page(c, "profile", t(c, "factor.enrol.heading"))
	if err != nil {
		return err
	}
	p.Refused, f.Proof = len(f.Errors) > 0, h.proof(c).With(f.Errors)
	return mandat.Render(c, status, views.NewFactorPage(p, e, f))
}

func (h *Handlers) createFactor(c echo.Context) error {
	sent, by, err := h.sent(c, "name", "code", "secret", "proof")
	f := views.FactorForm{Name: sent.Get("name"), Sealed: sent.Get("secret")}
	if err == nil {
		err = h.prove(c, sent)
	}
	var codes []string
	if err == nil {
		codes, err = h.store.EnrolFactor(c.Request().Context(), by, models.NewFactor{Name: f.Name, Sealed: f.Sealed, Code: sent.Get("code")})
	}
	if err == nil { // with a second factor the session is worth more than before
		err = h.renew(c)
	}
	if bad, is := refused(c, err); is {
		f.Errors = bad
		return h.newFactorPage(c, statusFor(c, err), f)
	}
	if err == nil {
		h.security.Info("second factor added", "request", reference(c), "person", sessionOf(c).Identifier, "peer", c.RealIP())
	}
	if err == nil && len(codes) > 0 {
		return h.recoveryCodesPage(c, codes, views.FactorsPath)
	}
	return h.done(c, err, views.FactorsPath, ok(c, "factor.added"))
}

// recoveryCodesPage shows recovery codes in the answer to the form that made
// them: a redirect would have to keep them somewhere in between.
func (h *Handlers) recoveryCodesPage(c echo.Context, codes []string, next string) error {
	p, err := h.page(c, "profile", t(c, "recovery.title"))
	if err != nil {
		return err
	}
	p.Path = next
	return mandat.Render(c, http.StatusOK, views.RecoveryCodesPage(p, codes, next))
}

// factor is the app that the path names, one of the reader's own.
func (h *Handlers) factor(c echo.Context) (*models.Factor, error) {
	id, err := numberOf(c)
	if err != nil {
		return nil, err
	}
	return h.store.Factor(c.Request().Context(), sessionOf(c).Actor(), id)
}

func (h *Handlers) editFactor(c echo.Context) error {
	f, err := h.factor(c)
	if err != nil {
		return err
	}
	return h.factorPage(c, http.StatusOK, f, views.FactorForm{Name: f.Name})
}

func (h *Handlers) factorPage(c echo.Context, status int, found *models.Factor, f views.FactorForm) error {
	p, err := h.page(c, "profile", found.Name)
	if err == nil {
		err = h.withoutApp(c, &f)
	}
	if err != nil {
		return err
	}
	p.Refused = len(f.Errors) > 0
	return mandat.Render(c, status, views.FactorPage(p, found, f))
}

func (h *Handlers) updateFactor(c echo.Context) error {
	found, err := h.factor(c)
	if err != nil {
		return err
	}
	sent, by, err := h.sent(c, "name")
	f := views.FactorForm{Name: sent.Get("name")}
	if err == nil {
		err = h.store.RenameFactor(c.Request().Context(), by, found.ID, f.Name)
	}
	if bad, is := refused(c, err); is {
		f.Errors = bad
		return h.factorPage(c, http.StatusUnprocessableEntity, found, f)
	}
	return h.done(c, err, views.FactorsPath, ok(c, "factor.renamed"))
}

func (h *Handlers) newFactorRemoval(c echo.Context) error {
	f, err := h.factor(c)
	if err != nil {
		return err
	}
	return h.factorRemovalPage(c, http.StatusOK, f, nil)
}

func (h *Handlers) factorRemovalPage(c echo.Context, status int, f *models.Factor, bad views.Errors) error {
	p, err := h.page(c, "profile", t(c, "factor.remove"))
	form := views.FactorForm{Errors: bad, Proof: h.proof(c).With(bad)}
	if err == nil {
		err = h.withoutApp(c, &form)
	}
	if err != nil {
		return err
	}
	p.Refused = len(bad) > 0
	return mandat.Render(c, status, views.FactorRemovalPage(p, f, form))
}

// withoutApp fills in what is left without one of the reader's apps.
func (h *Handlers) withoutApp(c echo.Context, f *views.FactorForm) error {
	ways, err := h.waysIn(c)
	if err != nil {
		return err
	}
	f.Left = ways.WithoutApp()
	f.MustStay = mustStay(c, f.Left)
	return nil
}

// createFactorRemoval takes an app away.
func (h *Handlers) createFactorRemoval(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	sent, by, err := h.sent(c, "proof")
	if err == nil {
		err = h.prove(c, sent)
	}
	if err == nil {
		err = h.store.RemoveFactor(c.Request().Context(), by, id, h.offers(c))
	}
	if bad, is := refused(c, err); is {
		found, gone := h.factor(c)
		if gone != nil {
			return gone
		}
		return h.factorRemovalPage(c, statusFor(c, err), found, bad)
	}
	if err == nil {
		h.security.Info("second factor removed", "request", reference(c), "person", sessionOf(c).Identifier, "peer", c.RealIP())
	}
	return h.done(c, err, views.FactorsPath, ok(c, "factor.removed"))
}
