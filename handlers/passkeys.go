package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
)

// ceremony is where a passkey of this request is made or proven. The site is
// the configured one, whatever the request says: models.ErrNotFound where the
// panel has no name to make passkeys for.
func (h *Handlers) ceremony(c echo.Context) (models.Ceremony, error) {
	if h.site == nil {
		return models.Ceremony{}, models.ErrNotFound
	}
	return models.Ceremony{Site: h.site, Browser: h.secretCookie(c, passkeyCookie), Peer: c.RealIP()}, nil
}

// asked answers the script with what the browser is to sign.
func (h *Handlers) asked(c echo.Context, challenge *models.Challenge) error {
	h.setCookie(c, passkeyCookie, challenge.Browser, models.ChallengeFor)
	return c.JSONBlob(http.StatusOK, challenge.Options)
}

// askPasskey asks the browser of somebody signed in for a proof by passkey: of
// an agent who acts, one of their own.
func (h *Handlers) askPasskey(c echo.Context) error {
	_, by, err := h.sent(c)
	if err != nil {
		return err
	}
	at, err := h.ceremony(c)
	if err != nil {
		return err
	}
	challenge, err := h.store.ChallengeProof(c.Request().Context(), by.Self(), at)
	if err != nil {
		return err
	}
	return h.asked(c, challenge)
}

// askNewPasskey asks the browser for a new passkey, once its person has proved
// who they are: a device would otherwise keep one that is refused.
func (h *Handlers) askNewPasskey(c echo.Context) error {
	f, by, err := h.sent(c, "name", "proof", "passkey")
	if err == nil {
		err = h.prove(c, f)
	}
	if err != nil {
		return err
	}
	at, err := h.ceremony(c)
	if err != nil {
		return err
	}
	challenge, err := h.store.ChallengeCreation(c.Request().Context(), by, at, f.Get("name"))
	if err != nil {
		return err
	}
	return h.asked(c, challenge)
}

func (h *Handlers) newPasskey(c echo.Context) error {
	if _, err := h.ceremony(c); err != nil {
		return err
	}
	list, err := h.store.Passkeys(c.Request().Context(), sessionOf(c).Actor())
	if err != nil {
		return err
	}
	return h.newPasskeyPage(c, http.StatusOK, views.PasskeyForm{Name: t(c, "passkey.name_preset", "Number", len(list)+1)})
}

func (h *Handlers) newPasskeyPage(c echo.Context, status int, f views.PasskeyForm) error {
	f.Proof = h.proof(c).With(f.Errors)
	p, err := h.page(c, "profile", t(c, "passkey.new"))
	if err != nil {
		return err
	}
	if p.Refused = len(f.Errors) > 0; inPanel(c) {
		return mandat.Render(c, status, views.NewPasskeyPanel(p, f))
	}
	return mandat.Render(c, status, views.NewPasskeyPage(p, f))
}

// createPasskey keeps the passkey that the browser made.
func (h *Handlers) createPasskey(c echo.Context) error {
	f, by, err := h.sent(c, "name", "passkey", "proof")
	if err == nil {
		err = h.prove(c, f)
	}
	at, nowhere := h.ceremony(c)
	switch {
	case err != nil:
	case nowhere != nil:
		return nowhere
	default:
		err = h.store.AddPasskey(c.Request().Context(), by, at, f.Get("name"), f.Get("passkey"))
	}
	if bad, is := refused(c, err); is {
		return h.newPasskeyPage(c, statusFor(c, err), views.PasskeyForm{Name: f.Get("name"), Errors: bad})
	}
	if err == nil {
		h.security.Info("a passkey was added", "request", reference(c), "person", sessionOf(c).Identifier, "peer", c.RealIP())
	}
	return h.done(c, err, views.FactorsPath, ok(c, "passkey.added", "Name", f.Get("name")))
}

// passkeys are those of whoever asks, for a page that shows them.
func (h *Handlers) passkeys(c echo.Context) (v views.PasskeysView, err error) {
	if h.site != nil {
		v.Site = h.site.ID()
	}
	v.List, err = h.store.Passkeys(c.Request().Context(), sessionOf(c).Actor())
	return v, err
}

// passkeyOf is the passkey of the path, of whoever asks.
func (h *Handlers) passkeyOf(c echo.Context) (*models.Passkey, error) {
	id, err := numberOf(c)
	if err != nil {
		return nil, err
	}
	return h.store.Passkey(c.Request().Context(), sessionOf(c).Actor(), id)
}

func (h *Handlers) editPasskey(c echo.Context) error {
	k, err := h.passkeyOf(c)
	if err != nil {
		return err
	}
	return h.passkeyPage(c, http.StatusOK, k, views.PasskeyForm{Name: k.Name})
}

func (h *Handlers) passkeyPage(c echo.Context, status int, k *models.Passkey, f views.PasskeyForm) error {
	p, err := h.page(c, "profile", t(c, "passkey.rename"))
	if err != nil {
		return err
	}
	if p.Refused = len(f.Errors) > 0; inPanel(c) {
		return mandat.Render(c, status, views.PasskeyPanel(p, k, f))
	}
	return mandat.Render(c, status, views.PasskeyPage(p, k, f))
}

func (h *Handlers) updatePasskey(c echo.Context) error {
	k, err := h.passkeyOf(c)
	if err != nil {
		return err
	}
	f, by, err := h.sent(c, "name")
	if err == nil {
		err = h.store.RenamePasskey(c.Request().Context(), by, k.ID, f.Get("name"))
	}
	if bad, is := refused(c, err); is {
		return h.passkeyPage(c, http.StatusUnprocessableEntity, k, views.PasskeyForm{Name: f.Get("name"), Errors: bad})
	}
	return h.done(c, err, views.FactorsPath, ok(c, "passkey.renamed"))
}

func (h *Handlers) newPasskeyRemoval(c echo.Context) error {
	return h.passkeyRemovalPage(c, http.StatusOK, nil)
}

func (h *Handlers) passkeyRemovalPage(c echo.Context, status int, bad views.Errors) error {
	k, err := h.passkeyOf(c)
	if err != nil {
		return err
	}
	ways, err := h.waysIn(c)
	if err != nil {
		return err
	}
	f := views.PasskeyRemovalForm{Passkey: k, Proof: h.proof(c).With(bad), Errors: bad, MustStay: mustStay(c, ways.WithoutPasskey(k, h.offers(c)))}
	p, err := h.page(c, "profile", t(c, "passkey.removal"))
	if err != nil {
		return err
	}
	if p.Refused = len(bad) > 0; inPanel(c) {
		return mandat.Render(c, status, views.PasskeyRemovalPanel(p, f))
	}
	return mandat.Render(c, status, views.PasskeyRemovalPage(p, f))
}

func (h *Handlers) createPasskeyRemoval(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	f, by, err := h.sent(c, "proof")
	if err == nil {
		err = h.prove(c, f)
	}
	var name string
	if err == nil {
		name, err = h.store.RemovePasskey(c.Request().Context(), by, id, h.offers(c))
	}
	if bad, is := refused(c, err); is {
		return h.passkeyRemovalPage(c, statusFor(c, err), bad)
	}
	if err == nil {
		h.security.Info("a passkey was removed", "request", reference(c), "person", sessionOf(c).Identifier, "peer", c.RealIP())
	}
	return h.done(c, err, views.FactorsPath, ok(c, "passkey.removed", "Name", name))
}
