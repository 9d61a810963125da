package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
)

// provider is what people call the provider with which customers or agents may
// sign in, "" for none.
func (h *Handlers) provider(agent bool) string {
	if h.signOn == nil || agent && !h.signOn.Agents || !agent && !h.signOn.Customers {
		return ""
	}
	return h.signOn.Provider.Label
}

// offered refuses what is about links where no provider is offered to the
// reader: such pages do not exist then.
func (h *Handlers) offered(c echo.Context) error {
	if h.provider(sessionOf(c).AgentID != 0) == "" {
		return models.ErrNotFound
	}
	return nil
}

// listIdentities is what providers know the reader as.
func (h *Handlers) listIdentities(c echo.Context) error {
	return h.identitiesPage(c, http.StatusOK, nil)
}

func (h *Handlers) identitiesPage(c echo.Context, status int, bad views.Errors) error {
	if err := h.offered(c); err != nil {
		return err
	}
	s := sessionOf(c)
	list, err := h.store.Identities(c.Request().Context(), s.Actor())
	if err != nil {
		return err
	}
	p, err := h.page(c, "profile", t(c, "identity.title"))
	if err != nil {
		return err
	}
	p.Refused = len(bad) > 0
	return mandat.Render(c, status, views.IdentitiesPage(p, views.IdentitiesView{
		Provider: h.signOn.Provider.Label, Issuer: h.signOn.Provider.Issuer, List: list, Agent: s.AgentID != 0, Proof: h.proof(c).With(bad), Errors: bad,
	}))
}

// createIdentity leads the reader to the provider, to be linked with what it
// knows when they come back.
func (h *Handlers) createIdentity(c echo.Context) error {
	sent, by, err := h.sent(c, "proof")
	if err == nil {
		err = h.offered(c)
	}
	if err == nil {
		err = h.prove(c, sent)
	}
	if err == nil {
		err = h.depart(c, by, models.IdentityRequest{SessionID: by.Session})
	}
	if bad, is := refused(c, err); is {
		return h.identitiesPage(c, statusFor(c, err), bad)
	}
	return h.done(c, err, views.IdentityRequestPath, views.Flash{})
}

// newIdentityRemoval asks before a link is ended.
func (h *Handlers) newIdentityRemoval(c echo.Context) error {
	return h.identityRemovalPage(c, http.StatusOK, nil)
}

func (h *Handlers) identityRemovalPage(c echo.Context, status int, bad views.Errors) error {
	if err := h.offered(c); err != nil {
		return err
	}
	i, err := h.ownIdentity(c)
	if err != nil {
		return err
	}
	ways, err := h.waysIn(c)
	if err != nil {
		return err
	}
	p, err := h.page(c, "profile", t(c, "identity.unlink"))
	if err != nil {
		return err
	}
	p.Refused = len(bad) > 0
	at := i.Issuer
	if i.Issuer == h.signOn.Provider.Issuer {
		at = h.signOn.Provider.Label
	}
	return mandat.Render(c, status, views.IdentityRemovalPage(p, views.IdentityRemovalView{
		Identity: i, Provider: at, Proof: h.proof(c).With(bad), Errors: bad, MustStay: mustStay(c, ways.WithoutLink(i, h.offers(c))),
	}))
}

func (h *Handlers) ownIdentity(c echo.Context) (*models.Identity, error) {
	id, err := numberOf(c)
	if err != nil {
		return nil, err
	}
	list, err := h.store.Identities(c.Request().Context(), sessionOf(c).Actor())
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].ID == id {
			return &list[i], nil
		}
	}
	return nil, models.ErrNotFound
}

// createIdentityRemoval ends a link of the reader's.
func (h *Handlers) createIdentityRemoval(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	sent, by, err := h.sent(c, "proof")
	if err == nil {
		err = h.offered(c)
	}
	if err == nil {
		err = h.prove(c, sent)
	}
	if err == nil {
		if err = h.store.UnlinkIdentity(c.Request().Context(), by, id, h.offers(c)); err == nil {
			h.security.Info("identity unlinked", "request", reference(c), "person", sessionOf(c).Identifier, "peer", c.RealIP())
		}
	}
	if bad, is := refused(c, err); is {
		return h.identityRemovalPage(c, statusFor(c, err), bad)
	}
	return h.done(c, err, views.IdentitiesPath, ok(c, "identity.unlinked"))
}

// signedOut is where somebody is led who signed in at a provider, after signing
// out here: it may let whoever sits there next in again.
func (h *Handlers) signedOut(c echo.Context) error {
	var to string
	if h.signOn != nil {
		to = h.signOn.Provider.SignOutURL()
	}
	if to == "" || sessionOf(c) != nil {
		return c.Redirect(http.StatusSeeOther, views.HomePath)
	}
	p, err := h.page(c, "", t(c, "identity.signed_out.heading"))
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.SignedOutPage(p, views.IdentityRequestView{Provider: h.signOn.Provider.Label, URL: to}))
}

// afterSignOut is where to go when a session ends.
func (h *Handlers) afterSignOut(c echo.Context, session int64) string {
	if h.signOn == nil || h.signOn.Provider.SignOutURL() == "" {
		return views.SignInPath
	}
	if rests, err := h.store.RestsOnIdentity(c.Request().Context(), session); err != nil || !rests {
		return views.SignInPath
	}
	return views.SignedOutPath
}
