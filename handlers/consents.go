package handlers

import (
	"errors"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/views"
)

// showConsent is what the customer allows support, and what support did.
func (h *Handlers) showConsent(c echo.Context) error {
	return h.consentPage(c, http.StatusOK, views.NewConsentForm(), "", nil)
}

func (h *Handlers) consentPage(c echo.Context, status int, f views.ConsentForm, code string, until *time.Time) error {
	support, err := h.store.Support(c.Request().Context(), sessionOf(c).Actor())
	if err != nil {
		return err
	}
	p, err := h.page(c, "profile", t(c, "consent.title"))
	if err != nil {
		return err
	}
	p.Refused, f.Proof = len(f.Errors) > 0, h.proof(c)
	return mandat.Render(c, status, views.ConsentPage(p, views.ConsentView{Support: support, Form: f, Code: code, CodeUntil: until, Now: h.store.Now()}))
}

// refuseConsent shows the page again with what was chosen and why it is refused.
func (h *Handlers) refuseConsent(c echo.Context, f views.ConsentForm, bad views.Errors) error {
	f.Errors = bad
	return h.consentPage(c, http.StatusUnprocessableEntity, f, "", nil)
}

// openWindow lets support in for a time.
func (h *Handlers) openWindow(c echo.Context) error {
	sent, by, err := h.sent(c, "hours", "mode", "proof")
	f := views.NewConsentForm()
	f.Sent, f.Hours, f.Mode = "window", sent.Get("hours"), sent.Get("mode")
	if err == nil {
		err = h.prove(c, sent)
	}
	if err == nil {
		err = h.store.OpenWindow(c.Request().Context(), by, time.Duration(sent.number("hours"))*time.Hour, f.MayChange())
	}
	if bad, is := refused(c, err); is {
		return h.refuseConsent(c, f, bad)
	}
	return h.done(c, err, views.ConsentPath, ok(c, "consent.opened"))
}

// makeCode shows a code to read out. It is shown once: the database has its hash alone.
func (h *Handlers) makeCode(c echo.Context) error {
	sent, by, err := h.sent(c, "mode", "proof")
	f := views.NewConsentForm()
	f.Sent, f.CodeMode = "code", sent.Get("mode")
	var code string
	var until time.Time
	if err == nil {
		err = h.prove(c, sent)
	}
	if err == nil {
		code, until, err = h.store.MakeCode(c.Request().Context(), by, f.CodeMayChange())
	}
	if bad, is := refused(c, err); is {
		return h.refuseConsent(c, f, bad)
	}
	if errors.Is(err, models.ErrRepeated) { // the code was shown
		return lead(c, views.ConsentPath)
	}
	if err != nil {
		return err
	}
	return h.consentPage(c, http.StatusOK, views.NewConsentForm(), code, &until)
}

// withdrawConsent lets support in no more.
func (h *Handlers) withdrawConsent(c echo.Context) error {
	return h.end(c, views.ConsentPath, ok(c, "consent.closed"), func(by models.Actor) error {
		return h.store.WithdrawConsent(c.Request().Context(), by)
	})
}

// acceptAssistance lets the agent who asks begin.
func (h *Handlers) acceptAssistance(c echo.Context) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	sent, by, err := h.sent(c, "mode", "proof")
	f := views.NewConsentForm()
	f.Sent, f.RequestMode = "request", sent.Get("mode")
	if err == nil {
		err = h.prove(c, sent)
	}
	if err == nil {
		err = h.store.AcceptAssistance(c.Request().Context(), by, id, f.RequestMode == views.ModeChange)
	}
	if bad, is := refused(c, err); is {
		return h.refuseConsent(c, f, bad)
	}
	return h.done(c, err, views.ConsentPath, ok(c, "consent.accepted"))
}

// refuseAssistance refuses what an agent asks. Its button is on the form that accepts.
func (h *Handlers) refuseAssistance(c echo.Context) error {
	return h.stop(c, "consent.refused", "mode", "proof")
}

// stopAssistance is the customer's button.
func (h *Handlers) stopAssistance(c echo.Context) error { return h.stop(c, "consent.stopped") }

func (h *Handlers) stop(c echo.Context, key string, fields ...string) error {
	id, err := numberOf(c)
	if err != nil {
		return err
	}
	return h.end(c, views.ConsentPath, ok(c, key), func(by models.Actor) error {
		return h.store.StopAssistance(c.Request().Context(), by, id)
	}, fields...)
}

// showOwnAssistance is what an agent looked at and changed, for the customer.
func (h *Handlers) showOwnAssistance(c echo.Context) error {
	return h.assistancePage(c, "profile")
}
