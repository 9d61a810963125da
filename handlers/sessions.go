package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
)

func (h *Handlers) home(c echo.Context) error {
	if sessionOf(c) == nil {
		return c.Redirect(http.StatusSeeOther, views.SignInPath)
	}
	if s := sessionOf(c); s.AgentID != 0 && s.Mode == policy.NoAgent {
		return c.Redirect(http.StatusSeeOther, views.SupportPath)
	}
	return c.Redirect(http.StatusSeeOther, views.ServicesPath)
}

func (h *Handlers) newSession(c echo.Context) error {
	f := views.SignInForm{Next: c.QueryParam("next"), Identifier: h.secretCookie(c, passwordSetCookie)}
	if f.PasswordSet = f.Identifier != ""; f.PasswordSet { // said now or never: the next one here may be another
		h.setCookie(c, passwordSetCookie, "", 0)
	}
	if sessionOf(c) != nil {
		return c.Redirect(http.StatusSeeOther, sitePath(f.Next))
	}
	return h.signInPage(c, http.StatusOK, f)
}

func (h *Handlers) signInPage(c echo.Context, status int, f views.SignInForm) error {
	p, err := h.page(c, "", t(c, "session.heading"))
	if err != nil {
		return err
	}
	p.Path = views.SignInTo(f.Next)
	f.Passkeys = h.site != nil
	p.Refused = len(f.Errors) > 0
	if h.signOn != nil {
		f.Provider = h.signOn.Provider.Label
	}
	return mandat.Render(c, status, views.SignInPage(p, f))
}

// createSession signs in. There is no session yet to bind a submission to; the
// check of the origin protects the form, and signing in twice does no harm.
func (h *Handlers) createSession(c echo.Context) error {
	f, err := readForm(c, "identifier", "password", "next")
	if err != nil {
		return err
	}
	from := h.browserOf(c)
	from.Identifier, from.Password = f.Get("identifier"), f.Get("password")
	in, err := h.store.SignIn(c.Request().Context(), from, h.sessions.token(c.Request()))
	form := views.SignInForm{Identifier: f.Get("identifier"), Next: f.Get("next")}
	late, status, throttled := slowed(c, err, "identifier")
	switch {
	case errors.Is(err, models.ErrSignedOut):
		h.tellRefusal(c, "sign-in refused", "tried", err)
		form.Errors = views.Errors{"identifier": {t(c, "session.wrong")}}
		return h.signInPage(c, http.StatusUnprocessableEntity, form)
	case throttled:
		h.tellRefusal(c, "sign-in throttled", "tried", err)
		form.Errors = late
		return h.signInPage(c, status, form)
	case err != nil:
		return err
	}
	return h.arrived(c, in, f.Get("next"))
}

// endSession signs out. It works from any page of the session, however old:
// ending must never fail because a form has acted before.
func (h *Handlers) endSession(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	s := sessionOf(c)
	if s == nil {
		return c.Redirect(http.StatusSeeOther, views.SignInPath)
	}
	if submissionNonce(s, f.Get("submission")) == nil {
		return models.Invalid{"": {{Key: "form.stale"}}}
	}
	session, err := h.sessions.Get(c.Request(), h.sessions.name)
	if err != nil {
		return err
	}
	session.Options.MaxAge = -1
	next := h.afterSignOut(c, s.ID)
	if err := session.Save(c.Request(), c.Response()); err != nil {
		return err
	}
	h.security.Info("signed out", "request", reference(c), "person", s.Identifier, "peer", c.RealIP())
	return c.Redirect(http.StatusSeeOther, next)
}

func (h *Handlers) editPasswordLink(c echo.Context) error {
	return h.passwordLinkPage(c, http.StatusOK, nil)
}

func (h *Handlers) passwordLinkPage(c echo.Context, status int, bad views.Errors) error {
	customer, err := h.store.PasswordLink(c.Request().Context(), c.Param("token"))
	if err != nil {
		return err
	}
	p, err := h.page(c, "", t(c, "session.link_heading"))
	if err != nil {
		return err
	}
	least, err := h.store.LeastPassword(c.Request().Context(), models.Actor{Customer: customer.CustomerID, Agent: customer.AgentID})
	if err != nil {
		return err
	}
	p.Refused = len(bad) > 0
	return mandat.Render(c, status, views.PasswordLinkPage(p, views.PasswordLinkForm{
		Action: views.PasswordLinkPath(c.Param("token")), Identifier: customer.Identifier, Least: least, Errors: bad,
	}))
}

// usePasswordLink sets a password by a one-time link. The link itself is the
// secret that binds the form; it works once.
func (h *Handlers) usePasswordLink(c echo.Context) error {
	f, err := readForm(c, "identifier", "password", "password_again")
	if err != nil {
		return err
	}
	var holder *models.LinkHolder
	if err = f.passwordAgain(); err == nil {
		holder, err = h.store.PasswordLink(c.Request().Context(), c.Param("token"))
	}
	if err == nil {
		err = h.store.UsePasswordLink(c.Request().Context(), c.Param("token"), f.Get("password"))
	}
	if bad, is := refused(c, err); is {
		return h.passwordLinkPage(c, http.StatusUnprocessableEntity, bad)
	}
	if err != nil {
		return err
	}
	h.security.Info("password set by a link", "request", reference(c), "person", holder.Identifier, "peer", c.RealIP(), "forgotten", holder.Forgotten)
	h.setCookie(c, passwordSetCookie, holder.Identifier, models.PendingFor)
	return c.Redirect(http.StatusSeeOther, views.SignInPath)
}

const (
	langCookie  = "lang"
	themeCookie = "theme"
)

// setPreferences sets language or theme, in the profile and for this browser.
func (h *Handlers) setPreferences(c echo.Context) error {
	f, err := readForm(c, "lang", "theme", "next")
	if err != nil {
		return err
	}
	profile := models.Profile{}
	for _, choice := range []struct {
		field, cookie string
		known         []string
		to            **string
	}{{"lang", langCookie, models.Languages, &profile.Language}, {"theme", themeCookie, models.Themes, &profile.Theme}} {
		if !f.has(choice.field) {
			continue
		}
		value := f.Get(choice.field)
		if !slices.Contains(choice.known, value) {
			return errMalformed
		}
		*choice.to = &value
		c.SetCookie(&http.Cookie{Name: h.choiceName(choice.cookie), Value: value, Path: "/", HttpOnly: true, Secure: h.secure, SameSite: http.SameSiteLaxMode, MaxAge: int((365 * 24 * time.Hour).Seconds())})
	}
	if s := sessionOf(c); s != nil {
		if submissionNonce(s, f.Get("submission")) == nil {
			return models.Invalid{"": {{Key: "form.stale"}}}
		}
		// Setting what is set already changes nothing, so the form need not act only once.
		if s.CustomerID != 0 {
			err = h.store.ChangeProfile(c.Request().Context(), s.Actor(), profile)
		} else if profile.Language != nil { // the theme of staff is the cookie's
			err = h.store.ChangeAgentLanguage(c.Request().Context(), s.Actor(), *profile.Language)
		}
		if err != nil {
			return err
		}
	}
	return c.Redirect(http.StatusSeeOther, sitePath(f.Get("next")))
}

// choiceName is the name of a cookie with what somebody chose for this browser.
// Over https no other host can set it.
func (h *Handlers) choiceName(cookie string) string {
	if h.secure {
		return "__Host-" + cookie
	}
	return cookie
}

// chosen is what somebody chose for this browser; "" for nothing.
func (h *Handlers) chosen(c echo.Context, cookie string) string {
	sent, err := c.Cookie(h.choiceName(cookie))
	if err != nil {
		return ""
	}
	return sent.Value
}

// themeOf is the theme of a profile; of the browser where there is none: staff have none.
func (h *Handlers) themeOf(c echo.Context, s *models.Session) string {
	if s != nil && s.AgentID == 0 {
		return s.Theme
	}
	theme := h.chosen(c, themeCookie)
	if !slices.Contains(models.Themes, theme) {
		return "system"
	}
	return theme
}

// maxNext bounds a path to go on to, in bytes: no page of ours has a longer one.
const maxNext = 2000

// sitePath is next if it is a path of this site, else the first page (R26).
// Browsers read a backslash as a slash, and // as another host.
func sitePath(next string) string {
	u, err := url.Parse(next)
	if err != nil || len(next) > maxNext || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return views.HomePath
	}
	return next
}
