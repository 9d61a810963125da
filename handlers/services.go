package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// listServices lists the services that one owns and those that one was given.
// A whole address in the search box leads to that address.
func (h *Handlers) listServices(c echo.Context) error {
	form, err := servicesForm(c)
	if err != nil {
		return err
	}
	v := views.ServicesView{Form: form, Own: &models.ServiceList{}, Shared: &models.ServiceList{}}
	if strings.Contains(form.Search, "@") {
		if v.Address, v.AddressPath, err = h.findAddress(c, form.Search); err != nil {
			return err
		}
		if v.AddressPath != "" && !isFragment(c) {
			return c.Redirect(http.StatusSeeOther, v.AddressPath)
		}
	} else if err := h.findServices(c, &v); err != nil {
		return err
	}
	p, err := h.page(c, "services", t(c, "service.title"))
	if err != nil {
		return err
	}
	if isFragment(c) {
		return mandat.Render(c, http.StatusOK, views.ServicesList(p, v))
	}
	return mandat.Render(c, http.StatusOK, views.ServicesPage(p, v))
}

func (h *Handlers) findServices(c echo.Context, v *views.ServicesView) (err error) {
	by, ctx := sessionOf(c).Actor(), c.Request().Context()
	own, shared := v.Form.Query(), v.Form.SharedQuery()
	if v.Own, err = h.store.OwnServices(ctx, by, own); err != nil {
		return err
	}
	v.Shared, err = h.store.SharedServices(ctx, by, shared)
	return err
}

// findAddress is the address that somebody typed, if it is within their reach, and its page.
func (h *Handlers) findAddress(c echo.Context, typed string) (address, path string, err error) {
	local, domain, problem := models.ParseAddress(typed)
	if problem != nil {
		return "", "", nil
	}
	a, err := h.store.Account(c.Request().Context(), sessionOf(c).Actor(), domain, local)
	if errors.Is(err, models.ErrNotFound) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	return models.ReadableAddress(a.Account.Address), views.AccountPath(domain, local), nil
}

// servicesForm reads the query of the list, as strictly as accountsForm.
func servicesForm(c echo.Context) (views.ServicesForm, error) {
	q := c.QueryParams()
	f := views.ServicesForm{
		Search: strings.TrimSpace(q.Get("q")),
		Own:    views.ServicesCursor{After: q.Get("after"), Before: q.Get("before")},
		Shared: views.ServicesCursor{After: q.Get("shared_after"), Before: q.Get("shared_before")},
	}
	f.Own.From, f.Shared.From = fromOf(q, "from"), fromOf(q, "shared_from")
	for _, values := range q {
		if len(values) > 1 || len(values[0]) > 300 {
			return f, errMalformed
		}
	}
	if f.Own.From < 0 || f.Shared.From < 0 {
		return f, errMalformed
	}
	return f, nil
}

// fromOf reads how many rows are before a page: -1 for what is no number.
func fromOf(q url.Values, name string) int {
	if !q.Has(name) {
		return 0
	}
	n, err := strconv.Atoi(q.Get(name))
	if err != nil {
		return -1
	}
	return n
}

// showService is the overview. Who holds single accounts has none: it leads them to their accounts.
func (h *Handlers) showService(c echo.Context) error {
	a, err := h.service(c, policy.SeeService)
	if err != nil {
		return err
	}
	if !a.Whole() {
		return c.Redirect(http.StatusSeeOther, views.AccountsPath(a.Service.Domain))
	}
	v := views.ServiceView{Head: serviceHead(c, a, "overview"), Access: a, Unattached: !h.store.Attached(), DNS: h.lastDNS(a)}
	if v.Figures, v.Grants, err = h.store.Overview(c.Request().Context(), a); err != nil {
		return err
	}
	p, err := h.page(c, "services", models.ReadableDomain(a.Service.Domain))
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.ServicePage(p, v))
}

// service reads the service of the path as the actor reaches it, and asks
// whether they may do op there.
func (h *Handlers) service(c echo.Context, op policy.Operation) (*models.Access, error) {
	a, err := h.store.Service(c.Request().Context(), sessionOf(c).Actor(), c.Param("domain"))
	if err != nil {
		return nil, err
	}
	return a, forbid(op, a)
}

// account is service for the account of the path.
func (h *Handlers) account(c echo.Context, op policy.Operation) (*models.Access, error) {
	a, err := h.store.Account(c.Request().Context(), sessionOf(c).Actor(), c.Param("domain"), c.Param("local"))
	if err != nil {
		return nil, err
	}
	return a, forbid(op, a)
}

// accountToChange is account for a page that only serves a change: a suspended service has none.
func (h *Handlers) accountToChange(c echo.Context, op policy.Operation) (*models.Access, error) {
	a, err := h.account(c, op)
	if err == nil && a.Service.State == models.ServiceSuspended {
		return nil, models.ErrSuspended
	}
	return a, err
}

// serviceHead is the frame of a page of a service: the tabs that its viewer may
// see, and whose it is. current names the tab, below the crumbs under it.
func serviceHead(c echo.Context, a *models.Access, current string, below ...ui.Crumb) views.ServiceHead {
	l := locale.From(c.Request().Context())
	domain := a.Service.Domain
	head := views.ServiceHead{Domain: models.ReadableDomain(domain), Path: views.ServicePath(domain), Crumbs: below, Suspended: a.Service.State == models.ServiceSuspended}
	tab := func(name, path, count string) {
		head.Tabs = append(head.Tabs, ui.Tab{Label: l.T("service.tab." + name), Path: path, Count: count, Current: name == current})
	}
	emails := ""
	if a.Whole() {
		tab("overview", views.ServicePath(domain), "")
		emails = l.Number(int64(a.Service.AccountCount))
	}
	tab("emails", views.AccountsPath(domain), emails)
	if a.May(policy.EditRedirections) {
		tab("redirections", views.RedirectionsPath(domain), l.Number(int64(a.Service.RedirectionCount)))
	}
	if a.Whole() && a.May(policy.EditResponder) {
		tab("responders", views.RespondersPath(domain), l.Number(int64(a.Service.ResponderCount)))
	}
	if a.May(policy.EditLists) {
		tab("lists", views.ListsPath(domain), l.Number(int64(a.Service.ListCount)))
	}
	if a.May(policy.ShareService) {
		tab("shares", views.ServiceGrantsPath(domain), l.Number(int64(a.Service.ShareCount)))
	}
	tab("history", views.ServiceHistoryPath(domain), "")
	if !a.Standing.AsOwner() {
		head.Shared = sharedBy(a)
	}
	return head
}

// sharedBy is how the viewer came by what another owns: the grant on the
// service, else the one on the account in question; of several accounts only whose they are.
func sharedBy(a *models.Access) *views.Shared {
	held := a.ServiceGrant
	if held == nil {
		held = a.AccountGrant
	}
	if held == nil {
		return &views.Shared{By: a.Service.OwnerIdentifier}
	}
	s := &views.Shared{By: held.Giver, Since: held.Since, ResignPath: views.ResignationPath(held.ID)}
	if held.ExpiresAt != nil {
		s.Until = *held.ExpiresAt
	}
	return s
}
