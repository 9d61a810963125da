package handlers

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// newRevocation lists what is lost by taking a grant back.
func (h *Handlers) newRevocation(c echo.Context) error {
	g, err := h.grant(c)
	if err != nil {
		return err
	}
	if !g.Rights.Change {
		return models.Forbidden{Operation: policy.ChangeGrant, Owner: g.Grant.Owner}
	}
	if !g.Grant.Live(h.store.Now()) {
		return h.grantPage(c, http.StatusOK, g, views.TermsOf(locale.From(c.Request().Context()), &g.Grant), nil)
	}
	if g.State == models.ServiceSuspended {
		return models.ErrSuspended
	}
	a, err := h.store.Service(c.Request().Context(), sessionOf(c).Actor(), g.Grant.Domain)
	if err != nil {
		return err
	}
	p, err := h.page(c, "services", t(c, "grant.revoke_of", "Who", g.Grant.Grantee))
	if err != nil {
		return err
	}
	v := views.RevocationView{GrantView: g, Service: &a.Service}
	if inPanel(c) {
		return mandat.Render(c, http.StatusOK, views.RevocationPanel(p, v))
	}
	return mandat.Render(c, http.StatusOK, views.RevocationPage(p, v))
}

// createRevocation takes a grant back at once; the message that says so can undo it.
func (h *Handlers) createRevocation(c echo.Context) error {
	return h.turnGrant(c, h.store.Revoke, func(g *models.Grant) views.Flash {
		if g.EndedWhy != models.EndedByRevoking {
			return views.Flash{Text: t(c, "grant.change.ended")}
		}
		did := ok(c, "grant.revoked", "Who", g.Grantee, "Object", models.ReadableAddress(g.Object()))
		did.ActionLabel, did.ActionPath = t(c, "grant.undo"), views.RestorationPath(g.ID)
		return did
	})
}

// createRestoration takes a revocation back.
func (h *Handlers) createRestoration(c echo.Context) error {
	return h.turnGrant(c, h.store.Restore, func(g *models.Grant) views.Flash {
		return ok(c, "grant.restored", "Who", g.Grantee, "Object", models.ReadableAddress(g.Object()))
	})
}

type grantVerb = func(context.Context, models.Actor, int64) (*models.Grant, error)

// turnGrant ends the grant of the path or brings it back, and shows the list
// that it is, or was, on.
func (h *Handlers) turnGrant(c echo.Context, verb grantVerb, say func(*models.Grant) views.Flash) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	_, by, err := h.sent(c)
	var g *models.Grant
	if err == nil {
		g, err = verb(c.Request().Context(), by, id)
	}
	bad, is := refused(c, err)
	var did views.Flash
	switch {
	case is:
		did = views.Flash{Tone: "crit", Text: bad.Summary()[0].Text}
	case err == nil:
		did = say(g)
		if !inPanel(c) {
			return h.done(c, nil, views.GrantListPath(g), did)
		}
	case !errors.Is(err, models.ErrRepeated):
		return err
	}
	view, err := h.grant(c)
	if err != nil {
		return err
	}
	if !is && !inPanel(c) {
		return h.done(c, nil, views.GrantListPath(&view.Grant), did)
	}
	return h.showGrantList(c, view, is, did)
}

// showGrantList shows the list that a grant is on in answer to a form about the
// grant; the grant itself where its account is gone.
func (h *Handlers) showGrantList(c echo.Context, g *models.GrantView, refused bool, did views.Flash) error {
	status := http.StatusOK
	if refused {
		status = http.StatusUnprocessableEntity
	}
	names, values := []string{"domain"}, []string{g.Grant.Domain}
	if g.Grant.Kind == policy.OnAccount {
		if g.Grant.AccountID == 0 {
			return h.grantPage(c, status, g, views.TermsOf(locale.From(c.Request().Context()), &g.Grant), &did)
		}
		names, values = append(names, "local"), append(values, g.Grant.LocalPart)
	}
	c.SetParamNames(names...)
	c.SetParamValues(values...)
	return h.grantsPage(c, status, newGrantForm(g.Grant.Kind), &did)
}

// createResignation lets go of a grant that one holds.
func (h *Handlers) createResignation(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	_, by, err := h.sent(c)
	var did views.Flash
	if err == nil {
		var g *models.Grant
		if g, err = h.store.Resign(c.Request().Context(), by, id); err == nil {
			did = ok(c, "grant.resigned", "Object", models.ReadableAddress(g.Object()))
		}
	}
	if inPanel(c) && (err == nil || errors.Is(err, models.ErrRepeated)) {
		c.Response().Header().Set("HX-Redirect", views.ServicesPath)
		if err != nil {
			return c.NoContent(http.StatusOK)
		}
		h.flash(c, did)
		return c.NoContent(http.StatusOK)
	}
	return h.done(c, err, views.ServicesPath, did)
}
