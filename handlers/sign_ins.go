package handlers

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
)

// browserOf is where somebody signs in from, without what they sign in with.
func (h *Handlers) browserOf(c echo.Context) models.Credentials {
	return models.Credentials{
		Peer: c.RealIP(), Device: h.secretCookie(c, deviceCookie), Trusted: h.secretCookie(c, trustedCookie), UserAgent: c.Request().UserAgent(),
	}
}

// Cookies beside that of the session, by what follows its name.
const (
	deviceCookie  = "-device"  // wrong passwords from this browser count apart
	trustedCookie = "-trusted" // this browser is not asked for a second factor
	pendingCookie = "-sign-in" // a second factor is awaited
	passkeyCookie = "-passkey" // what it was asked to sign is good here alone

	passwordSetCookie = "-password-set" // whose password was set here a moment ago
)

func (h *Handlers) secretCookie(c echo.Context, which string) string {
	cookie, err := c.Cookie(h.sessions.name + which)
	if err != nil || len(cookie.Value) > 64 {
		return ""
	}
	return cookie.Value
}

// setCookie gives the browser a secret that scripts do not see; "" takes it away.
func (h *Handlers) setCookie(c echo.Context, which, value string, lasts time.Duration) {
	cookie := &http.Cookie{Name: h.sessions.name + which, Value: value, Path: "/", HttpOnly: true, Secure: h.secure, SameSite: http.SameSiteLaxMode, MaxAge: int(lasts.Seconds())}
	if value == "" {
		cookie.MaxAge = -1
	}
	c.SetCookie(cookie)
}

// arrived answers a sign-in of whatever way that was accepted: with the session
// and the page at next, or by asking for the second factor.
func (h *Handlers) arrived(c echo.Context, in *models.SignedIn, next string) error {
	if in.Pending != "" {
		h.security.Info("second factor awaited", "request", reference(c), "person", in.Identifier, "peer", c.RealIP(), "by", in.Way)
		h.setCookie(c, pendingCookie, in.Pending, models.PendingFor)
		return c.Redirect(http.StatusSeeOther, views.SignInFactorTo(next))
	}
	h.begin(c, in)
	return c.Redirect(http.StatusSeeOther, sitePath(next))
}

// begin gives the browser its new session, and a mark by which its wrong
// passwords count apart from a stranger's.
func (h *Handlers) begin(c echo.Context, in *models.SignedIn) {
	h.security.Info("signed in", "request", reference(c), "person", in.Session.Identifier, "peer", c.RealIP(), "by", in.Way, "second", in.Step)
	c.Set(sessionKey, nil) // whatever the browser had has ended
	h.setCookie(c, "", in.Token, models.SessionFor)
	h.setCookie(c, deviceCookie, in.Device, 180*24*time.Hour)
	if in.Trusted != "" {
		h.setCookie(c, trustedCookie, in.Trusted, models.TrustFor)
	}
	if h.secretCookie(c, pendingCookie) != "" {
		h.setCookie(c, pendingCookie, "", 0)
	}
}

// tellRefusal writes the security log of a sign-in: as is for whom, if it may be
// written down.
func (h *Handlers) tellRefusal(c echo.Context, what, as string, err error) {
	about := []any{"request", reference(c), "peer", c.RealIP()}
	if of := (models.RefusedSignIn{}); errors.As(err, &of) && of.Who != "" {
		about = append(about, as, of.Who)
	}
	h.security.Warn(what, about...)
}

// newSignInFactor asks a sign-in that waits for its second factor.
func (h *Handlers) newSignInFactor(c echo.Context) error {
	return h.signInFactorPage(c, http.StatusOK, views.SignInFactorForm{Next: c.QueryParam("next")})
}

func (h *Handlers) signInFactorPage(c echo.Context, status int, f views.SignInFactorForm) error {
	pending, err := h.store.PendingSignIn(c.Request().Context(), h.secretCookie(c, pendingCookie), f.Factor.Sealed)
	if errors.Is(err, models.ErrSignInEnded) && c.Request().Method == http.MethodGet {
		return c.Redirect(http.StatusSeeOther, views.SignInTo(f.Next))
	}
	if err != nil {
		return h.signInRefused(c, err, f)
	}
	f.Passkey = h.site != nil && slices.Contains(pending.Sites, h.site.ID())
	title := t(c, "factor.challenge.heading")
	switch {
	case pending.Enrol:
		title = t(c, "factor.enrol.heading")
	case !pending.Code:
		title = t(c, "factor.challenge.passkey_heading")
	}
	p, err := h.page(c, "", title)
	if err != nil {
		return err
	}
	p.Path, p.Refused = views.SignInFactorTo(f.Next), len(f.Errors) > 0
	if pending.Enrol {
		return mandat.Render(c, status, views.SignInEnrolPage(p, pending, f))
	}
	return mandat.Render(c, status, views.SignInFactorPage(p, pending, f))
}

// createSignInFactor takes the second factor of a sign-in, or an agent's first
// one. The secret that binds the form is the cookie; it works once.
func (h *Handlers) createSignInFactor(c echo.Context) error {
	sent, err := readForm(c, "code", "passkey", "next", "trust", "name", "secret")
	if err != nil {
		return err
	}
	f := views.SignInFactorForm{Next: sent.Get("next"), Trust: sent.has("trust"), Factor: views.FactorForm{Name: sent.Get("name"), Sealed: sent.Get("secret")}}
	ctx, pending, replaced := c.Request().Context(), h.secretCookie(c, pendingCookie), h.sessions.token(c.Request())
	if sent.has("secret") {
		n := models.NewFactor{Name: f.Factor.Name, Sealed: f.Factor.Sealed, Code: sent.Get("code")}
		in, codes, err := h.store.EnrolSignIn(ctx, pending, n, h.browserOf(c), replaced)
		if err != nil {
			return h.signInRefused(c, err, f)
		}
		h.security.Info("second factor added", "request", reference(c), "person", in.Session.Identifier, "peer", c.RealIP())
		h.begin(c, in)
		if err := h.enter(c, &in.Session); err != nil {
			return err
		}
		return h.recoveryCodesPage(c, codes, sitePath(f.Next))
	}
	in, err := h.answerSignIn(c, sent, f.Trust)
	if err != nil {
		return h.signInRefused(c, err, f)
	}
	return h.arrived(c, in, f.Next)
}

// signInRefused answers a second factor that was not accepted.
func (h *Handlers) signInRefused(c echo.Context, err error, f views.SignInFactorForm) error {
	late, status, throttled := slowed(c, err, "code")
	switch {
	case errors.Is(err, models.ErrSignInEnded), errors.Is(err, models.ErrSignedOut):
		h.tellRefusal(c, "sign-in ended before its second factor", "person", err)
		h.setCookie(c, pendingCookie, "", 0)
		return h.signInPage(c, http.StatusUnprocessableEntity, views.SignInForm{Next: f.Next, Errors: views.Errors{"identifier": {t(c, "factor.challenge.ended")}}})
	case throttled:
		h.tellRefusal(c, "second factor throttled", "person", err)
		f.Errors = views.Errors{"code": append(late["code"], t(c, "factor.challenge.throttled"))}
		return h.signInFactorPage(c, status, f)
	}
	bad, is := refused(c, err)
	if !is {
		return err
	}
	h.tellRefusal(c, "second factor refused", "person", err)
	f.Errors, f.Factor.Errors = bad, bad
	return h.signInFactorPage(c, http.StatusUnprocessableEntity, f)
}
