package handlers

import (
	"errors"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/views"
)

// What is sensitive asks again who one is, when that was proved too long ago
// (R22). The form carries the proof itself, in the field "proof", so that
// nothing typed is lost: a handler puts h.proof into its page, names the field
// among those of its form and calls h.prove before it acts.

// proof is what the form of a page must ask for: nothing while the last proof counts.
func (h *Handlers) proof(c echo.Context) views.Proof {
	s := sessionOf(c)
	if s.Proved(h.store.Now()) {
		return views.Proof{}
	}
	p := views.Proof{Needed: true, Password: true, Elsewhere: h.proofElsewhere(c)}
	ways, err := h.waysIn(c)
	if err != nil { // the field takes a code all the same, and only does not say so
		h.log.Warn("proof", "request", reference(c), "error", err)
		return p
	}
	p.Password, p.Code, p.Passkey = ways.Password, ways.Apps > 0, ways.Passkeys > 0
	return p
}

// prove takes the proof of a form: nil when it is right, or none is needed. It
// is models.Invalid (field "proof") when it is missing or wrong, which leads to
// the same page, and models.Throttled with it after too many wrong ones: see
// statusFor. A right one gives the session a new reference.
func (h *Handlers) prove(c echo.Context, f form) error {
	s := sessionOf(c)
	if s.Proved(h.store.Now()) {
		return nil
	}
	token, err := h.tokenFor(c, f)
	if err != nil {
		h.security.Warn("proof refused", "request", reference(c), "person", s.Identifier, "peer", c.RealIP())
		if _, _, is := slowed(c, err, "proof"); is {
			p := problemOf(c, err)
			err = errors.Join(models.Invalid{"proof": {{Key: "error.throttled.text", Args: p.args}}}, err)
		}
		return err
	}
	h.security.Info("proof given", "request", reference(c), "person", s.Identifier, "peer", c.RealIP())
	h.renewed(c, token)
	return nil
}

// tokenFor proves with what a form has: a passkey, or what was typed. Who acts
// for a customer proves to be themselves.
func (h *Handlers) tokenFor(c echo.Context, f form) (token string, err error) {
	answer, self := f.Get("proof_passkey"), sessionOf(c).Actor().Self()
	if answer == "" {
		return h.store.Prove(c.Request().Context(), self, f.Get("proof"))
	}
	at, err := h.ceremony(c)
	if err != nil {
		return "", err
	}
	return h.store.ProveWithPasskey(c.Request().Context(), self, at, answer)
}

// renew gives the session a new reference after a change that proved who its person is.
func (h *Handlers) renew(c echo.Context) error {
	token, err := h.store.Renew(c.Request().Context(), sessionOf(c).Actor())
	if err != nil {
		return err
	}
	h.renewed(c, token)
	return nil
}

// renewed lets the rest of the request, and the browser, go on with the new reference.
func (h *Handlers) renewed(c echo.Context, token string) {
	s, now := sessionOf(c), h.store.Now()
	s.ProvedAt = now
	h.setCookie(c, "", token, s.ExpiresAt.Sub(now).Round(time.Second))
}
