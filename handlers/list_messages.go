package handlers

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// listListMessages is the messages of a list.
func (h *Handlers) listListMessages(c echo.Context) error {
	return h.listMessagesPage(c, http.StatusOK, views.ListMessagesView{})
}

func (h *Handlers) listMessagesPage(c echo.Context, status int, v views.ListMessagesView) error {
	before, err := cursor(c, "before")
	if err != nil {
		return err
	}
	v.Newest = before == 0
	if v.Page, err = h.store.Messages(c.Request().Context(), sessionOf(c).Actor(), c.Param("domain"), c.Param("name"), models.MessagesQuery{Before: before}); err != nil {
		return err
	}
	title := t(c, "list.messages")
	v.Head = listHead(c, v.Page.Access, v.Page.List, ui.Crumb{Label: title})
	p, err := h.page(c, "services", title+" · "+models.ReadableAddress(v.Page.List.Address))
	if err != nil {
		return err
	}
	p.Refused = status != http.StatusOK
	return mandat.Render(c, status, views.ListMessagesPage(p, v))
}

// approveListMessage lets a held message through.
func (h *Handlers) approveListMessage(c echo.Context) error {
	return h.decide(c, h.store.ApproveMessage, "list.messages.approved")
}

// discardListMessage removes a held message, and tells nobody.
func (h *Handlers) discardListMessage(c echo.Context) error {
	return h.decide(c, h.store.DiscardMessage, "list.messages.discarded")
}

// decide makes a decision about a held message of which nothing is to be said.
func (h *Handlers) decide(c echo.Context, decide func(ctx context.Context, by models.Actor, domain, name string, id int64) error, said string) error {
	_, by, err := h.sent(c)
	id, unknown := numberOf(c)
	if err == nil {
		if err = unknown; err == nil {
			err = decide(c.Request().Context(), by, c.Param("domain"), c.Param("name"), id)
		}
	}
	return h.decided(c, err, views.ListMessagesView{Refused: id}, said)
}

// rejectListMessage turns a held message away.
func (h *Handlers) rejectListMessage(c echo.Context) error {
	sent, by, err := h.sent(c, "reason")
	id, unknown := numberOf(c)
	if err == nil {
		if err = unknown; err == nil {
			err = h.store.RejectMessage(c.Request().Context(), by, c.Param("domain"), c.Param("name"), id, sent.Get("reason"))
		}
	}
	return h.decided(c, err, views.ListMessagesView{Refused: id, Typed: sent.Get("reason")}, "list.messages.rejected")
}

// rejectListMessages turns the held messages that were shown away.
func (h *Handlers) rejectListMessages(c echo.Context) error {
	return h.decideAll(c, h.store.RejectMessages, "list.messages.all_rejected")
}

// discardListMessages removes them, and tells nobody.
func (h *Handlers) discardListMessages(c echo.Context) error {
	return h.decideAll(c, h.store.DiscardMessages, "list.messages.all_discarded")
}

// decideAll makes a decision about all that were shown, and says of how many.
func (h *Handlers) decideAll(c echo.Context, decide func(ctx context.Context, by models.Actor, domain, name string, newest int64) (int, error), said string) error {
	sent, by, err := h.sent(c, "newest")
	n := 0
	if err == nil {
		n, err = decide(c.Request().Context(), by, c.Param("domain"), c.Param("name"), int64(sent.number("newest")))
	}
	var v views.ListMessagesView
	var isRefused bool
	if v.Errors, isRefused = refused(c, err); isRefused {
		return h.listMessagesPage(c, http.StatusUnprocessableEntity, v)
	}
	text := locale.From(c.Request().Context()).N(said, int64(n))
	return h.done(c, err, views.ListMessagesPath(c.Param("domain"), c.Param("name")), views.Flash{Tone: "ok", Text: text})
}

// decided answers a decision. One that came too late says what the first was.
func (h *Handlers) decided(c echo.Context, err error, v views.ListMessagesView, said string) error {
	var before models.Decided
	if errors.As(err, &before) {
		v.Errors = views.Errors{"": {views.DecidedText(locale.From(c.Request().Context()), before)}}
		return h.listMessagesPage(c, http.StatusConflict, v)
	}
	var isRefused bool
	if v.Errors, isRefused = refused(c, err); isRefused {
		return h.listMessagesPage(c, http.StatusUnprocessableEntity, v)
	}
	return h.done(c, err, views.ListMessagesPath(c.Param("domain"), c.Param("name")), ok(c, said))
}
