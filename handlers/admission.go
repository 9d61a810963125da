package handlers

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
)

// admit lets a request in by the class of its route. Rights on objects are the models' to decide.
func (h *Handlers) admit(r Route) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if !plainText(c.Request().URL.Path) || !plainQuery(c.QueryString()) {
				return errMalformed
			}
			if r.ownSession {
				return next(c)
			}
			if r.polled && isFragment(c) || r.streams {
				c.Set(pollKey, true)
			}
			s, err := h.loadSession(c)
			switch {
			case r.Policy.Class == policy.Public:
				// A page for everybody shows who is signed in if it can, and works without a database.
				if err != nil && !errors.Is(err, models.ErrSignedOut) && !models.Unavailable(err) {
					return err
				}
			case err != nil:
				return err
			default:
				if err := r.admits(s); err != nil {
					return err
				}
			}
			return next(c)
		}
	}
}

// admits says whether somebody may come in at all. What is for staff does not
// exist for customers; a customer's own things are closed to staff.
func (r Route) admits(s *models.Session) error {
	agent, acting := s.AgentID != 0, s.AgentID != 0 && s.Mode != policy.NoAgent
	switch {
	case r.Policy.Class == policy.Staff && agent, r.Policy.Class == policy.Lead && isLead(s):
		return nil
	case r.Policy.Class == policy.Staff, r.Policy.Class == policy.Lead:
		return models.ErrNotFound
	case agent && !acting && !r.agents && r.Changes() && (r.acting || r.Policy.Class == policy.Object): // which only an agent who acted has the form of
		return models.ErrAssistanceEnded
	case agent && !acting && !r.agents:
		return errStaff
	case acting && r.acting, acting && r.proves, acting && r.Policy.Class == policy.Object:
		return nil
	case acting && r.agents: // one is one person at a time
		return errActingSelf
	case acting:
		return errActingCustomer
	}
	return nil
}

// plainQuery says whether a query can be read and is of plain texts.
func plainQuery(raw string) bool {
	q, err := url.ParseQuery(raw)
	for name, values := range q {
		if !plainText(name) || slices.ContainsFunc(values, func(v string) bool { return !plainText(v) }) {
			return false
		}
	}
	return err == nil
}

// loadSession reads the session of the request's cookie.
func (h *Handlers) loadSession(c echo.Context) (*models.Session, error) {
	token := h.sessions.token(c.Request())
	if token == "" {
		return nil, models.ErrSignedOut
	}
	s, err := h.store.Session(c.Request().Context(), token)
	if err != nil {
		return nil, err
	}
	return s, h.enter(c, s)
}

// enter makes s the session of the request.
func (h *Handlers) enter(c echo.Context, s *models.Session) error {
	c.Set(sessionKey, s)
	s.TimeZone = cmp.Or(s.TimeZone, h.timeZone)
	zone, err := time.LoadLocation(s.TimeZone)
	if err != nil {
		zone = time.UTC // the operating system lost a zone that was there
	}
	setLocale(c, s.Language, zone)
	c.SetRequest(withSession(c.Request(), s))
	if s.Assistance != nil {
		acting := &views.Acting{Assistance: s.Assistance, Mode: s.Mode}
		c.SetRequest(c.Request().WithContext(acting.Words(c.Request().Context()))) // for panels
	}
	if c.Get(pollKey) != nil {
		return nil
	}
	return h.store.NoteSeen(c.Request().Context(), s)
}

func sessionOf(c echo.Context) *models.Session {
	s, _ := c.Get(sessionKey).(*models.Session)
	return s
}
