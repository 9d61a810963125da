package handlers

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// listServiceGrants is the share of the whole service.
func (h *Handlers) listServiceGrants(c echo.Context) error {
	return h.grantsPage(c, http.StatusOK, newGrantForm(policy.OnService), nil)
}

// listAccountGrants is the delegation of one account.
func (h *Handlers) listAccountGrants(c echo.Context) error {
	return h.grantsPage(c, http.StatusOK, newGrantForm(policy.OnAccount), nil)
}

func (h *Handlers) createServiceGrants(c echo.Context) error {
	f, r, by, err := h.grantRequest(c)
	var result *models.GrantResult
	if err == nil {
		result, err = h.store.ShareService(c.Request().Context(), by, c.Param("domain"), r)
	}
	return h.gave(c, f, result, err)
}

func (h *Handlers) createAccountGrants(c echo.Context) error {
	f, r, by, err := h.grantRequest(c)
	var result *models.GrantResult
	if err == nil {
		result, err = h.store.DelegateAccount(c.Request().Context(), by, c.Param("domain"), c.Param("local"), r)
	}
	return h.gave(c, f, result, err)
}

// gave answers a form that gives grants on what the path names. What was
// refused stays in its field, each with its reason.
func (h *Handlers) gave(c echo.Context, f views.GrantForm, result *models.GrantResult, err error) error {
	repeated := errors.Is(err, models.ErrRepeated)
	f.Errors, _ = refused(c, err)
	var did views.Flash
	if result != nil {
		f = left(c, f, result)
		did = given(c, result)
	}
	switch {
	case err != nil && !repeated && f.Errors == nil:
		return err
	case f.Errors != nil:
		return h.grantsPage(c, http.StatusUnprocessableEntity, f, &did)
	case inPanel(c):
		return h.grantsPage(c, http.StatusOK, newGrantForm(f.Kind()), &did)
	}
	return h.done(c, err, c.Request().URL.Path, did)
}

// given says what became of a request on one thing.
func given(c echo.Context, result *models.GrantResult) views.Flash {
	switch n := len(result.Given); n {
	case 0:
		return views.Flash{}
	case 1:
		g := &result.Given[0]
		return ok(c, "grant.given.one", "Who", g.Grantee, "Object", models.ReadableAddress(g.Object()))
	default:
		l := locale.From(c.Request().Context())
		return views.Flash{Tone: "ok", Text: l.N("grant.given.many", int64(n), "Object", models.ReadableAddress(result.Given[0].Object()))}
	}
}

// left is the form with the identifiers that were refused, and why.
func left(c echo.Context, f views.GrantForm, result *models.GrantResult) views.GrantForm {
	if len(result.Refused) == 0 {
		return f
	}
	bad, wrong := models.Invalid{}, make([]string, len(result.Refused))
	for i, r := range result.Refused {
		wrong[i] = r.Identifier
		bad["identifiers"] = append(bad["identifiers"], r.Message)
	}
	f.Identifiers = strings.Join(wrong, "\n")
	f.Errors, _ = refused(c, bad)
	return f
}

// grantsPage shows who holds what on the service or the account of the path,
// and the form that gives more.
func (h *Handlers) grantsPage(c echo.Context, status int, f views.GrantForm, did *views.Flash) error {
	after, err := cursor(c, "after")
	if err != nil {
		return err
	}
	load, op := h.service, policy.ShareService
	if c.Param("local") != "" {
		load, op = h.account, policy.DelegateAccount
	}
	a, err := load(c, op)
	if err != nil {
		return err
	}
	list, err := h.store.Grants(c.Request().Context(), sessionOf(c).Actor(), a, models.GrantQuery{After: after, Whole: true})
	if err != nil {
		return err
	}
	f.Access, f.Mails, f.Domain, f.Local = a, h.store.Mails(), a.Service.Domain, c.Param("local")
	v := views.GrantsView{Form: f, Next: list.Next, Now: h.store.Now()}
	var direct []models.Grant
	for i := range list.Grants {
		row := views.GrantRow{Grant: list.Grants[i], May: a.Rights(sessionOf(c).Actor(), &list.Grants[i])}
		if row.Kind == f.Kind() {
			v.Grants, direct = append(v.Grants, row), append(direct, row.Grant)
		} else {
			v.Through = append(v.Through, row)
		}
	}
	if inPanel(c) && c.Request().Method == http.MethodPost {
		v.Answered, v.Changed = true, a.Item(direct)
	}
	return h.showGrants(c, status, v, did)
}

// showGrants shows a form that gives grants, in the panel or on its page.
func (h *Handlers) showGrants(c echo.Context, status int, v views.GrantsView, did *views.Flash) error {
	l := locale.From(c.Request().Context())
	a := v.Form.Access
	v.Head = serviceHead(c, a, "shares")
	if v.Form.Kind() == policy.OnAccount {
		v.Head = serviceHead(c, a, "emails")
	}
	if a.Account != nil {
		v.Head = accountHead(c, a, ui.Crumb{Label: v.Title(l)})
	}
	p, err := h.page(c, "services", v.Title(l))
	if err != nil {
		return err
	}
	if p.Refused = len(v.Form.Errors) > 0; len(v.Form.Accounts) > 0 {
		p.Path = tickedPage(views.NewGrantsPath, a.Service.Domain, v.Form.Accounts)
	}
	if did != nil && did.Text != "" {
		v.Message = did
	}
	if inPanel(c) {
		return mandat.Render(c, status, views.GrantsPanel(p, v))
	}
	return mandat.Render(c, status, views.GrantsPage(p, v))
}

// newGrantForm is an empty form with the ticks that the product begins with.
func newGrantForm(k policy.Kind) views.GrantForm {
	return views.GrantForm{Extras: policy.Defaults(k)}
}

// grantRequest reads a form that gives grants. An error leaves the form as it was typed.
func (h *Handlers) grantRequest(c echo.Context, more ...string) (views.GrantForm, models.GrantRequest, models.Actor, error) {
	sent, by, err := h.sent(c, append(more, "identifiers", "extras…", "expires_on", "note")...)
	f := views.GrantForm{
		Domain: c.Param("domain"), Local: c.Param("local"),
		Identifiers: sent.Get("identifiers"), ExpiresOn: sent.Get("expires_on"), Note: sent.Get("note"),
	}
	var known bool
	if f.Extras, known = extrasOf(sent); !known {
		return f, models.GrantRequest{}, by, errMalformed
	}
	r := models.GrantRequest{Identifiers: identifiersOf(f.Identifiers), Ticked: f.Extras, Note: f.Note}
	if err == nil {
		r.ExpiresAt, err = expiry(c, f.ExpiresOn)
	}
	return f, r, by, err
}

// expiry is parseDay with the refusal of what is no day.
func expiry(c echo.Context, text string) (*time.Time, error) {
	at, right := parseDay(c, text)
	if !right {
		return nil, models.Invalid{"expires_on": {{Key: "grant.expires.shape"}}}
	}
	return at, nil
}

func extrasOf(sent form) (extras policy.Extra, known bool) {
	for _, name := range sent.Values["extras"] {
		x, is := policy.ExtraNamed(name)
		if !is {
			return extras, false
		}
		extras |= x
	}
	return extras, true
}

// cursor reads where a page of a list begins, 0 for the first.
func cursor(c echo.Context, name string) (int64, error) {
	text := c.QueryParam(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != text {
		return 0, errMalformed
	}
	return n, nil
}
