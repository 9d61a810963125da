package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/handlers/oidc"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// Errors of HTTP alone.
var (
	errMalformed     = errors.New("malformed request")
	errTooLarge      = errors.New("request too large")
	errForeignOrigin = errors.New("asked for by another site")
	errStaff         = errors.New("staff without an assistance")

	errActingSelf     = errors.New("an agent who acts, on a page of their own")
	errActingCustomer = errors.New("an agent who acts, on a page that is the customer's alone")
)

// problem is an error as the reader meets it. This is the one place that makes
// a status of an error.
type problem struct {
	status int
	key    string // of heading and text: "error.<key>.heading", "error.<key>.text"
	args   []any
	retry  int    // seconds; 0 for none
	onward string // where to go on, which "error.<key>.onward" names; "" for back
}

func problemOf(c echo.Context, err error) problem {
	var (
		forbidden models.Forbidden
		throttled models.Throttled
		many      tooMany
		refused   models.Invalid
		ofEcho    *echo.HTTPError
	)
	switch {
	case errors.Is(err, models.ErrNotFound):
		return problem{status: http.StatusNotFound, key: "not_found"}
	case errors.As(err, &forbidden):
		return problem{status: http.StatusForbidden, key: "forbidden", args: []any{
			"Operation", t(c, "policy.operation."+string(forbidden.Operation)), "Owner", forbidden.Owner,
		}}
	case errors.Is(err, errStaff):
		return problem{status: http.StatusForbidden, key: "staff"}
	case errors.Is(err, errActingSelf):
		return problem{status: http.StatusForbidden, key: "acting_self", args: []any{"Who", sessionOf(c).Assistance.Customer}}
	case errors.Is(err, errActingCustomer):
		return problem{status: http.StatusForbidden, key: "acting_customer"}
	case errors.Is(err, models.ErrAssistanceEnded):
		return problem{status: http.StatusForbidden, key: "assistance_ended", onward: views.NewAssistancePath("")}
	case errors.Is(err, models.ErrSuspended):
		return problem{status: http.StatusForbidden, key: "suspended"}
	case errors.Is(err, errForeignOrigin):
		return problem{status: http.StatusForbidden, key: "foreign"}
	case errors.Is(err, models.ErrConflict):
		return problem{status: http.StatusConflict, key: "conflict"}
	case errors.Is(err, oidc.ErrDenied):
		return problem{status: http.StatusForbidden, key: "identity_denied"}
	case errors.Is(err, models.ErrUnlinked):
		return problem{status: http.StatusForbidden, key: "identity_unknown"}
	case errors.Is(err, oidc.ErrAnswer):
		return problem{status: http.StatusUnprocessableEntity, key: "identity_answer"}
	case errors.Is(err, oidc.ErrUnreachable):
		return problem{status: http.StatusServiceUnavailable, key: "identity_away", retry: 10}
	case errors.Is(err, oidc.ErrProvider):
		return problem{status: http.StatusBadGateway, key: "identity_wrong"}
	case errors.Is(err, models.ErrExpiredLink):
		return problem{status: http.StatusNotFound, key: "link"}
	case errors.As(err, &throttled):
		seconds := int(throttled.Wait.Seconds()) + 1
		return problem{status: http.StatusTooManyRequests, key: "throttled", args: []any{"Wait", waitText(c, seconds)}, retry: seconds}
	case errors.As(err, &many):
		return problem{status: http.StatusTooManyRequests, key: "too_many", retry: int(many.wait.Seconds()) + 1}
	case errors.As(err, &refused):
		return problem{status: http.StatusUnprocessableEntity, key: "refused", args: []any{"Reasons", reasons(c, refused)}}
	case errors.Is(err, errMalformed), errors.Is(err, models.ErrCursor):
		return problem{status: http.StatusBadRequest, key: "malformed"}
	case errors.Is(err, errTooLarge):
		return problem{status: http.StatusRequestEntityTooLarge, key: "large"}
	case errors.Is(err, models.ErrBusy):
		return problem{status: http.StatusServiceUnavailable, key: "busy", retry: 5}
	case models.Unavailable(err):
		return problem{status: http.StatusServiceUnavailable, key: "unavailable", retry: 10}
	case errors.As(err, &ofEcho):
		switch ofEcho.Code {
		case http.StatusNotFound:
			return problem{status: http.StatusNotFound, key: "not_found"}
		case http.StatusMethodNotAllowed:
			return problem{status: http.StatusMethodNotAllowed, key: "method"}
		}
		if ofEcho.Code < 500 {
			return problem{status: http.StatusBadRequest, key: "malformed"}
		}
	}
	return problem{status: http.StatusInternalServerError, key: "ours"}
}

func waitText(c echo.Context, seconds int) string {
	l := locale.From(c.Request().Context())
	if seconds < 90 {
		return l.N("error.seconds", int64(seconds))
	}
	return l.N("error.minutes", int64((seconds+59)/60))
}

func reasons(c echo.Context, bad models.Invalid) string {
	texts, _ := refused(c, bad)
	var all []string
	for _, link := range texts.Summary() {
		all = append(all, link.Text)
	}
	return strings.Join(all, " ")
}

// fail answers a request that ended in an error.
func (h *Handlers) fail(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	if errors.Is(err, models.ErrSignedOut) {
		if err = h.askToSignIn(c); err == nil {
			return
		}
	}
	h.recognise(c, err)
	p := problemOf(c, err)
	if p.status >= http.StatusInternalServerError && models.Tried(c.Request().Context()) {
		p.key = "uncertain" // what was asked for may be done, and only its answer lost
	}
	if p.retry > 0 {
		c.Response().Header().Set("Retry-After", strconv.Itoa(p.retry))
	}
	if err := h.render(c, p); err != nil {
		h.log.Error("error page", "request", reference(c), "error", err)
		_ = c.NoContent(http.StatusInternalServerError)
	}
}

// recogniseFor bounds the look at the session for a page that nobody needs it for.
const recogniseFor = time.Second

// recognise reads the session of a request that failed before anybody asked who
// it is, such as one for a path that is not there: the page then speaks the
// reader's language. Without a session, or a database, it is a page for anybody.
func (h *Handlers) recognise(c echo.Context, err error) {
	many := tooMany{}
	if sessionOf(c) != nil || models.Unavailable(err) || errors.As(err, &many) && !many.met { // a flood of strangers costs no query
		return
	}
	ctx, cancel := context.WithTimeout(c.Request().Context(), recogniseFor)
	defer cancel()
	c.SetRequest(c.Request().WithContext(ctx))
	_, _ = h.loadSession(c)
	c.SetRequest(c.Request().WithContext(context.WithoutCancel(c.Request().Context())))
}

// askToSignIn leads to the sign-in page and from there back to where one was. A
// fragment gets 401 and takes the whole page along (R25), but for what is judged
// while one types: that must not lose what was typed.
func (h *Handlers) askToSignIn(c echo.Context) error {
	next := c.Request().URL.RequestURI()
	if c.Request().Method != http.MethodGet || isFragment(c) {
		next = h.refererPath(c)
	}
	if isFragment(c) {
		if c.Path() != views.IdentifiersPath {
			c.Response().Header().Set("HX-Redirect", views.SignInTo(next))
		}
		return c.NoContent(http.StatusUnauthorized)
	}
	return c.Redirect(http.StatusSeeOther, views.SignInTo(next))
}

// refererPath is the page of this site that the request came from, "" for none.
func (h *Handlers) refererPath(c echo.Context) string {
	u, err := url.Parse(c.Request().Referer())
	if err != nil || u.Host != c.Request().Host {
		return ""
	}
	return h.pageAt(c, u.RequestURI())
}

func (h *Handlers) render(c echo.Context, p problem) error {
	heading, text := t(c, "error."+p.key+".heading", p.args...), t(c, "error."+p.key+".text", p.args...)
	v := views.ErrorView{Status: p.status, Heading: heading, Text: text, BackPath: views.HomePath, BackLabel: t(c, "error.home")}
	if p.status >= 500 {
		v.Reference = reference(c)
	}
	if back := h.refererPath(c); back != "" && (isFragment(c) || c.Request().Method == http.MethodPost || p.status == http.StatusUnprocessableEntity) {
		v.BackPath, v.BackLabel = back, t(c, "error.back")
	}
	if p.onward != "" {
		v.BackPath, v.BackLabel = p.onward, t(c, "error."+p.key+".onward")
	}
	switch {
	case inPanel(c):
		return mandat.Render(c, p.status, views.ErrorPanel(v))
	case isFragment(c):
		header := c.Response().Header()
		header.Set("HX-Retarget", "#messages")
		header.Set("HX-Reswap", "innerHTML")
		return mandat.Render(c, p.status, ui.Message(ui.MessageArgs{Tone: ui.Crit, Text: text, ClosePath: v.BackPath}))
	}
	s := sessionOf(c)
	page := views.Page{Title: heading, Theme: h.themeOf(c, s), Path: views.HomePath}
	if s != nil {
		page.Viewer, page.Submission = viewerOf(s), newSubmission(s.FormKey)
		if s.Assistance != nil {
			page.Acting = &views.Acting{Assistance: s.Assistance, Mode: s.Mode}
		}
	}
	return mandat.Render(c, p.status, views.ErrorPage(page, v))
}

// forbid is the refusal on the way in, before any object is looked at.
func forbid(op policy.Operation, a *models.Access) error {
	if a.May(op) {
		return nil
	}
	return models.Forbidden{Operation: op, Owner: a.Service.OwnerIdentifier}
}
