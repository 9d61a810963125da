package handlers

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
)

// support is where agents find customers.
func (h *Handlers) support(c echo.Context) error {
	v := views.SupportView{Search: c.QueryParam("q")}
	by, ctx := sessionOf(c).Actor(), c.Request().Context()
	var err error
	if v.Search != "" {
		h.security.Info("customers searched", "request", reference(c), "agent", sessionOf(c).Identifier)
	}
	status, throttled := http.StatusOK, models.Throttled{}
	v.Found, v.More, err = h.store.FindCustomers(ctx, by, v.Search)
	if errors.As(err, &throttled) {
		p := problemOf(c, err)
		status, v.Errors = p.status, views.Errors{"q": {t(c, "assistance.searches", append(p.args, "Most", models.MaxSearches, "Minutes", int(models.SearchFor.Minutes()))...)}}
		c.Response().Header().Set("Retry-After", strconv.Itoa(p.retry))
		h.log.Warn("search refused", "request", reference(c), "agent", sessionOf(c).Identifier)
	} else if err != nil {
		return err
	}
	return h.supportPage(c, status, v)
}

// supportPage is v with what the agent has open, and what waits for them.
func (h *Handlers) supportPage(c echo.Context, status int, v views.SupportView) (err error) {
	by, ctx := sessionOf(c).Actor(), c.Request().Context()
	if v.Open, err = h.store.OpenAssistance(ctx, by); err != nil {
		return err
	}
	if v.Emergencies, err = h.store.Emergencies(ctx, by); err != nil {
		return err
	}
	v.Now = h.store.Now()
	p, err := h.page(c, "support", t(c, "assistance.support"))
	if err != nil {
		return err
	}
	p.Refused, v.Proof = len(v.Errors) > 0, h.proof(c)
	return mandat.Render(c, status, views.SupportPage(p, v))
}

func (h *Handlers) newAssistance(c echo.Context) error {
	return h.assistanceForm(c, http.StatusOK, views.AssistanceForm{Customer: c.QueryParam("customer")})
}

func (h *Handlers) assistanceForm(c echo.Context, status int, f views.AssistanceForm) error {
	p, err := h.page(c, "support", t(c, "assistance.new"))
	if err != nil {
		return err
	}
	p.Refused = len(f.Errors) > 0
	f.MayEmergency, f.Proof = h.store.Emergency(), h.proof(c).With(f.Errors)
	return mandat.Render(c, status, views.AssistancePage(p, f))
}

// createAssistance begins to act for a customer, or asks them.
func (h *Handlers) createAssistance(c echo.Context) error {
	sent, by, err := h.sent(c, "customer", "reason", "ticket", "code", "emergency", "proof")
	f := views.AssistanceForm{Customer: sent.Get("customer"), Reason: sent.Get("reason"), Ticket: sent.Get("ticket"), Code: sent.Get("code"), Emergency: sent.has("emergency")}
	var a *models.Assistance
	if err == nil {
		err = h.prove(c, sent)
	}
	if err == nil {
		a, err = h.store.AskAssistance(c.Request().Context(), by, models.NewAssistance{
			Customer: f.Customer, Reason: f.Reason, Ticket: f.Ticket, Code: f.Code, Emergency: f.Emergency,
		})
	}
	late, status, throttled := slowed(c, err, "code")
	bad, is := refused(c, err)
	switch {
	case is:
		h.security.Warn("assistance refused", "request", reference(c), "agent", sessionOf(c).Identifier)
		f.Errors = bad
		return h.assistanceForm(c, statusFor(c, err), f)
	case throttled:
		f.Errors = late
		return h.assistanceForm(c, status, f)
	case errors.Is(err, models.ErrAssisting):
		f.Errors = views.Errors{"": {t(c, "assistance.one_at_a_time")}}
		return h.assistanceForm(c, http.StatusUnprocessableEntity, f)
	case errors.Is(err, models.ErrRepeated):
		return lead(c, views.SupportPath)
	case err != nil:
		return err
	}
	h.security.Info("assistance asked", "request", reference(c), "agent", sessionOf(c).Identifier, "customer", a.Customer, "begun", a.BeganAt != nil)
	switch {
	case a.BeganAt == nil && a.Consent == models.ByEmergency:
		return h.done(c, nil, views.SupportPath, ok(c, "assistance.asked_emergency"))
	case a.BeganAt == nil:
		return h.done(c, nil, views.SupportPath, ok(c, "assistance.asked"))
	}
	return h.done(c, nil, views.ServicesPath, ok(c, "assistance.begun", "Who", a.CustomerName))
}

// newChange says what the step from looking to changing means.
func (h *Handlers) newChange(c echo.Context) error {
	return h.changePage(c, http.StatusOK, views.ChangeForm{Next: c.QueryParam("next")})
}

func (h *Handlers) changePage(c echo.Context, status int, f views.ChangeForm) error {
	if sessionOf(c).Mode == policy.NoAgent {
		return models.ErrAssistanceEnded
	}
	p, err := h.page(c, "support", t(c, "assistance.change"))
	if err != nil {
		return err
	}
	p.Refused, f.Next, f.Proof = len(f.Errors) > 0, actingOn(f.Next), h.proof(c).With(f.Errors)
	return mandat.Render(c, status, views.AssistanceChangePage(p, f))
}

// createChange lets the agent change things for a while.
func (h *Handlers) createChange(c echo.Context) error {
	sent, by, err := h.sent(c, "proof", "next")
	if err == nil {
		err = h.prove(c, sent)
	}
	if err == nil {
		err = h.store.RaiseAssistance(c.Request().Context(), by)
	}
	if bad, is := refused(c, err); is {
		return h.changePage(c, statusFor(c, err), views.ChangeForm{Next: sent.Get("next"), Errors: bad})
	}
	return h.done(c, err, actingOn(sent.Get("next")), ok(c, "assistance.raised"))
}

// actingOn is where an agent goes on who was on the page next.
func actingOn(next string) string {
	if path, _, _ := strings.Cut(next, "?"); path == "" || path == views.AssistanceChangePath {
		return views.ServicesPath
	}
	return sitePath(next)
}

// renewAssistance gives half an hour more, once.
func (h *Handlers) renewAssistance(c echo.Context) error {
	sent, by, err := h.sent(c, "next")
	if err == nil {
		err = h.store.RenewAssistance(c.Request().Context(), by)
	}
	next := actingOn(sent.Get("next"))
	if bad, is := refused(c, err); is {
		return h.done(c, nil, next, views.Flash{Tone: "crit", Text: bad.Summary()[0].Text})
	}
	return h.done(c, err, next, ok(c, "assistance.renewed"))
}

// endAssistance stops acting. It works from any page of the session, however
// old: ending must never fail because a form has acted before.
func (h *Handlers) endAssistance(c echo.Context) error {
	return h.end(c, views.SupportPath, ok(c, "assistance.ended"), func(by models.Actor) error {
		return h.store.EndAssistance(c.Request().Context(), by)
	})
}

// listAssistances is those of the agent; of all agents for a lead.
func (h *Handlers) listAssistances(c echo.Context) error {
	before, err := cursor(c, "before")
	if err != nil {
		return err
	}
	s := sessionOf(c)
	v := views.AssistancesView{Newest: before == 0, All: isLead(s), Now: h.store.Now()}
	v.List, v.More, err = h.store.Assistances(c.Request().Context(), s.Actor(), models.AssistanceQuery{Before: before})
	if err != nil {
		return err
	}
	p, err := h.page(c, "support", t(c, "assistance.list"))
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.AssistancesPage(p, v))
}

func isLead(s *models.Session) bool { return s.AgentID != 0 && s.Role == models.RoleLead }

func (h *Handlers) showAssistance(c echo.Context) error {
	return h.assistancePage(c, "support")
}

// assistancePage is one assistance with what was looked at and changed.
func (h *Handlers) assistancePage(c echo.Context, here string) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	s := sessionOf(c)
	a, err := h.store.Assistance(c.Request().Context(), s.Actor(), id)
	if err != nil {
		return err
	}
	p, err := h.page(c, here, t(c, "assistance.one", "Agent", a.Assistance.Agent, "Who", a.Assistance.Customer))
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.OneAssistancePage(p, views.AssistanceView{AssistanceView: a, Now: h.store.Now(), MayEnd: isLead(s), Own: s.CustomerID != 0}))
}

// approveAssistance is the second agent's word in an emergency.
func (h *Handlers) approveAssistance(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	sent, by, err := h.sent(c, "proof")
	if err == nil {
		err = h.prove(c, sent)
	}
	if err == nil {
		err = h.store.ApproveAssistance(c.Request().Context(), by, id)
	}
	if bad, is := refused(c, err); is {
		return h.supportPage(c, statusFor(c, err), views.SupportView{Errors: bad, Approving: id})
	}
	return h.done(c, err, views.SupportPath, ok(c, "assistance.approved"))
}

// endOtherAssistance is a lead's.
func (h *Handlers) endOtherAssistance(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	return h.end(c, views.SupportPath, ok(c, "assistance.stopped"), func(by models.Actor) error {
		return h.store.EndOther(c.Request().Context(), by, id)
	})
}
