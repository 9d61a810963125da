package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/views"
)

// newPasswordReset asks whose password was forgotten, or says whom to ask when
// the panel sends no mail.
func (h *Handlers) newPasswordReset(c echo.Context) error {
	return h.passwordResetPage(c, http.StatusOK, views.PasswordResetForm{})
}

func (h *Handlers) passwordResetPage(c echo.Context, status int, f views.PasswordResetForm) error {
	p, err := h.page(c, "", t(c, "session.forgotten.heading"))
	if err != nil {
		return err
	}
	p.Refused = len(f.Errors) > 0
	f.Mails = h.store.Mails()
	return mandat.Render(c, status, views.PasswordResetPage(p, f))
}

// createPasswordReset has a link sent, and answers the same whether the
// identifier is anybody's or not (R18). There is no session to bind a submission
// to; the check of the origin protects the form, and the verb slows down.
func (h *Handlers) createPasswordReset(c echo.Context) error {
	f, err := readForm(c, "identifier")
	if err != nil {
		return err
	}
	from := h.browserOf(c)
	from.Identifier = f.Get("identifier")
	err = h.store.AskForPasswordLink(c.Request().Context(), from)
	form := views.PasswordResetForm{Identifier: f.Get("identifier")}
	if late, status, is := slowed(c, err, "identifier"); is {
		h.security.Warn("password reset throttled", "request", reference(c), "peer", c.RealIP())
		form.Errors = late
		return h.passwordResetPage(c, status, form)
	}
	if bad, is := refused(c, err); is {
		form.Errors = bad
		return h.passwordResetPage(c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	h.security.Info("password reset asked for", "request", reference(c), "peer", c.RealIP())
	return c.Redirect(http.StatusSeeOther, views.PasswordResetsPath)
}

// showPasswordReset says where to look for the link.
func (h *Handlers) showPasswordReset(c echo.Context) error {
	p, err := h.page(c, "", t(c, "session.forgotten.asked_heading"))
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.PasswordResetAskedPage(p))
}
