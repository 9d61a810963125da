package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
)

// editContact is the form for another contact address.
func (h *Handlers) editContact(c echo.Context) error {
	return h.contactPage(c, http.StatusOK, views.ContactForm{})
}

func (h *Handlers) contactPage(c echo.Context, status int, f views.ContactForm) error {
	customer, err := h.store.Customer(c.Request().Context(), sessionOf(c).Actor())
	if err != nil {
		return err
	}
	p, err := h.page(c, "profile", t(c, "contact.change"))
	if err != nil {
		return err
	}
	p.Refused = len(f.Errors) > 0
	f.Present, f.Mails, f.Proof = customer.Email, h.store.Mails(), h.proof(c).With(f.Errors)
	if inPanel(c) {
		return mandat.Render(c, status, views.ContactPanel(p, f))
	}
	return mandat.Render(c, status, views.ContactPage(p, f))
}

// updateContact has a link sent to another contact address. Nothing else changes
// until it is followed.
func (h *Handlers) updateContact(c echo.Context) error {
	sent, by, err := h.sent(c, "email", "proof")
	f := views.ContactForm{Email: sent.Get("email")}
	if err == nil {
		err = h.prove(c, sent)
	}
	if err == nil {
		err = h.store.ChangeContact(c.Request().Context(), by, f.Email)
	}
	if bad, is := refused(c, err); is {
		f.Errors = bad
		return h.contactPage(c, statusFor(c, err), f)
	}
	return h.done(c, err, views.ProfilePath, ok(c, "contact.asked", "Address", strings.TrimSpace(f.Email)))
}

// cancelContact gives up the address that is not confirmed.
func (h *Handlers) cancelContact(c echo.Context) error {
	_, by, err := h.sent(c)
	if err == nil {
		err = h.store.CancelContact(c.Request().Context(), by)
	}
	return h.done(c, err, views.ProfilePath, ok(c, "contact.cancelled"))
}

// newContactConfirmation is where the link in the email leads: it changes
// nothing, since programs follow links too.
func (h *Handlers) newContactConfirmation(c echo.Context) error {
	change, err := h.store.ContactLink(c.Request().Context(), sessionOf(c).Actor(), c.Param("token"))
	if err != nil {
		return err
	}
	p, err := h.page(c, "profile", t(c, "contact.confirm_heading"))
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.ContactConfirmationPage(p, views.ContactLinkPath(c.Param("token")), change.Email))
}

// createContactConfirmation makes the address the one in force.
func (h *Handlers) createContactConfirmation(c echo.Context) error {
	_, by, err := h.sent(c)
	var email string
	if err == nil {
		email, err = h.store.ConfirmContact(c.Request().Context(), by, c.Param("token"))
	}
	if err == nil {
		h.security.Info("contact address changed", "request", reference(c), "person", sessionOf(c).Identifier, "peer", c.RealIP())
	}
	return h.done(c, err, views.ProfilePath, ok(c, "contact.confirmed", "Address", models.ReadableAddress(email)))
}
