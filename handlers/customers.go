package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
)

func (h *Handlers) editProfile(c echo.Context) error {
	customer, err := h.store.Customer(c.Request().Context(), sessionOf(c).Actor())
	if err != nil {
		return err
	}
	return h.profilePage(c, http.StatusOK, views.ProfileView{Customer: customer, Form: views.StoredProfile(customer)})
}

func (h *Handlers) profilePage(c echo.Context, status int, v views.ProfileView) error {
	var err error
	if v.Pending, err = h.store.PendingContact(c.Request().Context(), sessionOf(c).Actor()); err != nil {
		return err
	}
	p, err := h.page(c, "profile", t(c, "profile.title"))
	if err != nil {
		return err
	}
	p.Refused, v.Provider = status != http.StatusOK, h.provider(false)
	return mandat.Render(c, status, views.ProfilePage(p, v))
}

func (h *Handlers) updateProfile(c echo.Context) error {
	sent, by, err := h.sent(c, "name", "language", "theme", "time_zone", "version")
	f := views.ProfileForm{
		Name: sent.Get("name"), Language: sent.Get("language"), Theme: sent.Get("theme"), TimeZone: sent.Get("time_zone"),
		Version: sent.number("version"),
	}
	if err == nil {
		err = h.store.ChangeProfile(c.Request().Context(), by, models.Profile{
			Name: &f.Name, Language: &f.Language, Theme: &f.Theme, TimeZone: &f.TimeZone, Version: f.Version,
		})
	}
	conflict := errors.Is(err, models.ErrConflict)
	bad, is := refused(c, err)
	if !is && !conflict {
		if err == nil {
			setLocale(c, f.Language, zoneOf(c)) // the next page speaks it already
		}
		return h.done(c, err, views.ProfilePath, ok(c, "profile.changed"))
	}
	customer, err := h.store.Customer(c.Request().Context(), sessionOf(c).Actor())
	if err != nil {
		return err
	}
	f.Errors = bad
	if conflict {
		f.Version = customer.Version
		return h.profilePage(c, http.StatusConflict, views.ProfileView{Customer: customer, Form: f, Conflict: true})
	}
	return h.profilePage(c, http.StatusUnprocessableEntity, views.ProfileView{Customer: customer, Form: f})
}

func (h *Handlers) editProfilePassword(c echo.Context) error {
	return h.profilePasswordPage(c, http.StatusOK, views.ProfilePasswordForm{})
}

func (h *Handlers) profilePasswordPage(c echo.Context, status int, f views.ProfilePasswordForm) error {
	p, err := h.page(c, "profile", t(c, "profile.password.change"))
	if err != nil {
		return err
	}
	ways, err := h.waysIn(c)
	if err != nil {
		return err
	}
	f.None, f.Least = !ways.Password, ways.LeastPassword()
	p.Refused = len(f.Errors) > 0
	if inPanel(c) {
		return mandat.Render(c, status, views.ProfilePasswordPanel(p, f))
	}
	return mandat.Render(c, status, views.ProfilePasswordPage(p, f))
}

func (h *Handlers) updateProfilePassword(c echo.Context) error {
	sent, by, err := h.sent(c, "current", "password", "password_again")
	if err == nil {
		err = sent.passwordAgain()
	}
	if err == nil {
		err = h.store.ChangePassword(c.Request().Context(), by, sent.Get("current"), sent.Get("password"))
	}
	if err == nil {
		h.security.Info("password changed", "request", reference(c), "person", sessionOf(c).Identifier, "peer", c.RealIP())
		err = h.renew(c)
	}
	if late, status, is := slowed(c, err, "current"); is {
		return h.profilePasswordPage(c, status, views.ProfilePasswordForm{Errors: late})
	}
	if bad, is := refused(c, err); is {
		return h.profilePasswordPage(c, http.StatusUnprocessableEntity, views.ProfilePasswordForm{Errors: bad})
	}
	return h.done(c, err, views.ProfilePath, ok(c, "profile.password.changed"))
}
