package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/views"
)

// createListMailing has the subscribers of a list sent to its owner.
func (h *Handlers) createListMailing(c echo.Context) error {
	sent, by, err := h.sent(c, "version")
	domain, name := c.Param("domain"), c.Param("name")
	var recipient string
	if err == nil {
		recipient, err = h.store.MailMembers(c.Request().Context(), by, domain, name, sent.number("version"))
	}
	v := views.MembersView{Job: views.MembersMailing}
	if errors.Is(err, models.ErrConflict) { // the address beside the button may be another by now
		v.Errors = views.Errors{"": {t(c, "list.mailing.changed")}}
		return h.membersPage(c, http.StatusConflict, models.Subscribers, v)
	}
	var isRefused bool
	if v.Errors, isRefused = refused(c, err); isRefused {
		return h.membersPage(c, http.StatusUnprocessableEntity, models.Subscribers, v)
	}
	return h.done(c, err, views.ListMembersPath(domain, name), ok(c, "list.mailing.asked", "Address", models.ReadableAddress(recipient)))
}
