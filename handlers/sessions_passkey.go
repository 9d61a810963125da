package handlers

import (
	"errors"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/views"
)

// askSignIn asks a browser for any passkey of this site. Who its person is, the
// answer tells.
func (h *Handlers) askSignIn(c echo.Context) error {
	if _, err := readForm(c); err != nil {
		return err
	}
	at, err := h.ceremony(c)
	if err != nil {
		return err
	}
	challenge, err := h.store.ChallengeSignIn(c.Request().Context(), at)
	if err != nil {
		return err
	}
	return h.asked(c, challenge)
}

// createPasskeySession signs in by passkey, without an identifier. It was made
// with its person verified, and is both factors.
func (h *Handlers) createPasskeySession(c echo.Context) error {
	f, err := readForm(c, "passkey", "next")
	if err != nil {
		return err
	}
	at, err := h.ceremony(c)
	if err != nil {
		return err
	}
	in, err := h.store.SignInWithPasskey(c.Request().Context(), at, f.Get("passkey"), h.browserOf(c), h.sessions.token(c.Request()))
	form := views.SignInForm{Next: f.Get("next")}
	late, status, throttled := slowed(c, err, "passkey")
	bad, is := refused(c, err)
	switch {
	case is:
		h.security.Warn("sign-in by passkey refused", "request", reference(c), "peer", c.RealIP(), "error", err)
		form.Errors = bad
		return h.signInPage(c, statusFor(c, err), form)
	case throttled:
		h.security.Warn("sign-in throttled", "request", reference(c), "peer", c.RealIP())
		form.Errors = late
		return h.signInPage(c, status, form)
	case err != nil:
		return err
	}
	return h.arrived(c, in, f.Get("next"))
}

// askSecondStep asks the browser of a sign-in that waits for a passkey of its person.
func (h *Handlers) askSecondStep(c echo.Context) error {
	if _, err := readForm(c); err != nil {
		return err
	}
	at, err := h.ceremony(c)
	if err != nil {
		return err
	}
	challenge, err := h.store.ChallengeSecondStep(c.Request().Context(), h.secretCookie(c, pendingCookie), at)
	if errors.Is(err, models.ErrSignInEnded) {
		return models.ErrSignedOut // begin again
	}
	if err != nil {
		return err
	}
	return h.asked(c, challenge)
}

// answerSignIn takes the second factor of a form: a passkey, or the code that was typed.
func (h *Handlers) answerSignIn(c echo.Context, sent form, trust bool) (*models.SignedIn, error) {
	ctx, pending, replaced := c.Request().Context(), h.secretCookie(c, pendingCookie), h.sessions.token(c.Request())
	answer := sent.Get("passkey")
	if answer == "" {
		return h.store.AnswerSignIn(ctx, pending, sent.Get("code"), trust, h.browserOf(c), replaced)
	}
	at, err := h.ceremony(c)
	if err != nil {
		return nil, err
	}
	return h.store.AnswerSignInWithPasskey(ctx, pending, at, answer, trust, h.browserOf(c), replaced)
}
