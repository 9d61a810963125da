package handlers

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"example.org/mandat/views"
)

// # Why an answer to a form has the path of another page
//
// A refused form is answered with its page, and what is shown once with a page of
// its own, at the path that was posted to. Whatever leads back there asks with
// GET: the switches of language and theme, signing in again, Back. So each page
// knows where it can be asked for.

// formPages name the page of a form, by the path that it is posted to, where that
// is neither the page of the same path nor the nearest one above.
var formPages = map[string]string{
	"/session":                                "/sign-in",
	"/session/passkey":                        "/sign-in",
	"/session/oidc/callback":                  "/profile/identities",
	"/password-resets":                        "/password-resets/new",
	"/profile/contact/cancellation":           "/profile",
	"/profile/factors":                        "/profile/factors/new",
	"/profile/devices/removal":                "/profile/factors",
	"/profile/devices/:id/removal":            "/profile/factors",
	"/profile/passkeys":                       "/profile/passkeys/new",
	"/profile/support/:id/acceptance":         "/profile/support",
	"/profile/support/:id/refusal":            "/profile/support",
	"/profile/support/:id/end":                "/profile/support",
	"/assistances":                            "/assistances/new",
	"/support/assistances/:id/approval":       "/support",
	"/services/:domain/emails":                "/services/:domain/new-email",
	"/services/:domain/redirections":          "/services/:domain/redirections/new",
	"/services/:domain/responders":            "/services/:domain/new-responder",
	"/services/:domain/lists":                 "/services/:domain/new-list",
	"/services/:domain/emails/:local/filters": "/services/:domain/emails/:local/filters/new",

	// Without what was ticked there is no page: see tickedPage.
	"/grants":                                "/services",
	"/services/:domain/accounts/description": "/services/:domain/emails",
	"/services/:domain/accounts/size":        "/services/:domain/emails",
	"/services/:domain/accounts/block":       "/services/:domain/emails",
	"/services/:domain/accounts/unblock":     "/services/:domain/emails",
	"/services/:domain/accounts/revocation":  "/services/:domain/emails",
}

// places are the paths of routes that can be asked for with GET, and for each
// that is posted to, the one that its form is on.
type places struct {
	shown  map[string]bool
	pageOf map[string]string
}

func placesOf(routes []Route) places {
	p := places{map[string]bool{}, map[string]string{}}
	for _, r := range routes {
		if r.Method == http.MethodGet {
			p.shown[r.Path] = true
		}
	}
	for _, r := range routes {
		if r.Method == http.MethodGet {
			continue
		}
		page := r.Path
		if other := formPages[page]; other != "" {
			page = other
		}
		for !p.shown[page] {
			page = page[:max(strings.LastIndexByte(page, '/'), len(views.HomePath))]
		}
		p.pageOf[r.Path] = page
	}
	return p
}

// of is the path of the page whose form was posted to path, by a route.
func (p places) of(route, path string) string {
	names, values, parts := strings.Split(route, "/"), strings.Split(path, "/"), strings.Split(p.pageOf[route], "/")
	for i, part := range parts {
		if strings.HasPrefix(part, ":") {
			parts[i] = values[slices.Index(names, part)]
		}
	}
	return strings.Join(parts, "/")
}

// pathOf is where the page of a request can be asked for: with the query of the
// form's page, when that is where the form came from.
func (h *Handlers) pathOf(c echo.Context) string {
	r := c.Request()
	if r.Method == http.MethodGet || h.places.pageOf[c.Path()] == "" {
		return r.URL.RequestURI()
	}
	page := h.places.of(c.Path(), r.URL.EscapedPath())
	if from := h.refererPath(c); strings.HasPrefix(from, page+"?") {
		return from
	}
	return page
}

// pageAt is the page that somebody saw at a path of this site, "" for none. What
// is only posted to comes first: "code" looks like an :id.
func (h *Handlers) pageAt(c echo.Context, uri string) string {
	path, _, _ := strings.Cut(uri, "?")
	route := func(method string) string {
		found := c.Echo().NewContext(nil, nil)
		c.Echo().Router().Find(method, path, found)
		return found.Path()
	}
	posted := route(http.MethodPost)
	unticked := strings.HasPrefix(posted, "/services/:domain/accounts/") && uri == path
	if h.places.pageOf[posted] != "" && (unticked || !h.places.shown[posted]) {
		return h.places.of(posted, path)
	}
	if !h.places.shown[route(http.MethodGet)] {
		return ""
	}
	return uri
}

// tickedPage is the page of a form about ticked accounts, or their list where
// that is too long a path to lead back to.
func tickedPage(path, domain string, locals []string) string {
	if page := views.TickedPath(path, domain, locals); len(page) <= maxNext {
		return page
	}
	return views.AccountsPath(domain)
}
