package gallery

import (
	"net/http"

	"github.com/a-h/templ"

	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

var errors = []Entry{
	errorEntry("not-found", http.StatusNotFound, "not_found"),
	errorEntry("forbidden", http.StatusForbidden, "forbidden"),
	errorEntry("staff", http.StatusForbidden, "staff"),
	errorEntry("acting-self", http.StatusForbidden, "acting_self"),
	errorEntry("acting-customer", http.StatusForbidden, "acting_customer"),
	errorEntry("assistance-ended", http.StatusForbidden, "assistance_ended"),
	errorEntry("suspended", http.StatusForbidden, "suspended"),
	errorEntry("foreign", http.StatusForbidden, "foreign"),
	errorEntry("conflict", http.StatusConflict, "conflict"),
	errorEntry("link", http.StatusNotFound, "link"),
	errorEntry("throttled", http.StatusTooManyRequests, "throttled"),
	errorEntry("refused", http.StatusUnprocessableEntity, "refused"),
	errorEntry("malformed", http.StatusBadRequest, "malformed"),
	errorEntry("large", http.StatusRequestEntityTooLarge, "large"),
	errorEntry("method", http.StatusMethodNotAllowed, "method"),
	errorEntry("identity-denied", http.StatusForbidden, "identity_denied"),
	errorEntry("identity-unknown", http.StatusForbidden, "identity_unknown"),
	errorEntry("identity-answer", http.StatusUnprocessableEntity, "identity_answer"),
	errorEntry("identity-away", http.StatusServiceUnavailable, "identity_away"),
	errorEntry("identity-wrong", http.StatusBadGateway, "identity_wrong"),
	errorEntry("busy", http.StatusServiceUnavailable, "busy"),
	errorEntry("unavailable", http.StatusServiceUnavailable, "unavailable"),
	errorEntry("our-fault", http.StatusInternalServerError, "ours"),
	errorEntry("uncertain", http.StatusServiceUnavailable, "uncertain"),
	{Name: "errors/panel", Part: true, Component: func(l *locale.Locale, p views.Page) templ.Component {
		e := problem(l, http.StatusForbidden, "forbidden")
		e.BackPath = p.Path
		return views.ErrorPanel(e)
	}},
}

func errorEntry(name string, status int, key string) Entry {
	return Entry{Name: "errors/" + name, Component: func(l *locale.Locale, p views.Page) templ.Component {
		e := problem(l, status, key)
		p.Title = e.Heading
		return views.ErrorPage(p, e)
	}}
}

// problem is an error with everything that any of its texts may ask for.
func problem(l *locale.Locale, status int, key string) views.ErrorView {
	args := []any{
		"Operation", l.T("policy.operation.delete_account"), "Owner", "ad1001-mdt", "Wait", l.N("error.minutes", 2), "Reasons", l.T("form.stale"), "Who", "ad1001-mdt",
	}
	e := views.ErrorView{
		Status: status, Heading: l.T("error."+key+".heading", args...), Text: l.T("error."+key+".text", args...), BackPath: views.HomePath, BackLabel: l.T("error.home"),
	}
	if status >= http.StatusInternalServerError {
		e.Reference = "H2KQ7XWM4TRA"
	}
	return e
}
