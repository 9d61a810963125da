package handlers

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
)

// listAccounts is the tab Emails. It reads its session, the right and the rows in one statement.
func (h *Handlers) listAccounts(c echo.Context) error {
	form, err := accountsForm(c)
	if err != nil {
		return err
	}
	domain := c.Param("domain")
	list, err := h.store.Accounts(c.Request().Context(), h.sessions.token(c.Request()), domain, form.Query())
	if err != nil {
		if models.Unavailable(err) {
			return err
		}
		session, signedOut := h.loadSession(c) // the error page speaks the reader's language
		switch {
		case signedOut != nil:
			return signedOut
		case session.AgentID != 0 && session.Mode == policy.NoAgent:
			return errStaff
		}
		return err
	}
	if err := h.enter(c, &list.Session); err != nil {
		return err
	}
	p, err := h.page(c, "services", t(c, "account.title", "Domain", models.ReadableDomain(domain)))
	if err != nil {
		return err
	}
	v := views.AccountsView{Head: serviceHead(c, &list.Access, "emails"), List: list, Form: form}
	if isFragment(c) {
		return mandat.Render(c, http.StatusOK, views.AccountsList(p, v))
	}
	return mandat.Render(c, http.StatusOK, views.AccountsPage(p, v))
}

// accountsForm reads the query of the list. Unknown values are errMalformed: no link of ours has them.
func accountsForm(c echo.Context) (views.AccountsForm, error) {
	return readAccountsForm(c.Param("domain"), c.QueryParams())
}

func readAccountsForm(domain string, q url.Values) (views.AccountsForm, error) {
	f := views.AccountsForm{
		Domain: domain, Search: q.Get("q"), Status: q.Get("status"), Sort: q.Get("sort"), After: q.Get("after"), Before: q.Get("before"),
	}
	f.Size, _ = strconv.Atoi(q.Get("size"))
	f.From, _ = strconv.Atoi(q.Get("from"))
	for _, values := range q {
		if len(values) > 1 {
			return f, errMalformed
		}
	}
	if len(f.Search) > 200 || !slices.Contains(models.AccountStatuses, f.Status) ||
		f.Sort != "" && !slices.Contains(models.AccountSorts, f.Sort) ||
		q.Get("size") != "" && !slices.Contains(models.PageSizes, f.Size) || f.From < 0 {
		return f, errMalformed
	}
	return f, nil
}

func (h *Handlers) newAccount(c echo.Context) error {
	a, err := h.service(c, policy.CreateAccount)
	if err != nil {
		return err
	}
	if a.Service.State == models.ServiceSuspended {
		return models.ErrSuspended
	}
	return h.newAccountPage(c, http.StatusOK, a, views.NewAccountForm{})
}

func (h *Handlers) newAccountPage(c echo.Context, status int, a *models.Access, f views.NewAccountForm) error {
	p, err := h.page(c, "services", t(c, "account.new.title"))
	if err != nil {
		return err
	}
	p.Refused = len(f.Errors) > 0
	f.Domain, f.MayPassword = a.Service.Domain, a.May(policy.SetPassword)
	f.Access = a
	return mandat.Render(c, status, views.NewAccountPage(p, serviceHead(c, a, "emails"), f))
}

func (h *Handlers) createAccount(c echo.Context) error {
	sent, by, err := h.sent(c, "local", "description", "size_gb", "password", "password_again")
	f := views.NewAccountForm{Local: sent.Get("local"), Description: sent.Get("description"), SizeGB: sent.Get("size_gb")}
	var account *models.Account
	if err == nil {
		account, err = h.makeAccount(c, by, sent)
	}
	if bad, is := refused(c, err); is {
		a, err := h.service(c, policy.CreateAccount)
		if err != nil {
			return err
		}
		f.Errors = bad
		return h.newAccountPage(c, http.StatusUnprocessableEntity, a, f)
	}
	domain := c.Param("domain")
	if err != nil {
		return h.done(c, err, views.AccountsPath(domain), views.Flash{})
	}
	return h.done(c, nil, views.AccountsPath(domain), ok(c, "account.created", "Address", models.ReadableAddress(account.Address)))
}

// makeAccount checks the shape of the form and makes the account.
func (h *Handlers) makeAccount(c echo.Context, by models.Actor, sent form) (*models.Account, error) {
	n := models.NewAccount{Local: sent.Get("local"), Description: sent.Get("description"), Password: sent.Get("password")}
	bad := models.Invalid{}
	if text := sent.Get("size_gb"); text != "" {
		var right bool
		if n.SizeBytes, right = parseGB(text); !right || n.SizeBytes == 0 {
			bad.Add("size_gb", "account.size.shape", "Size", text)
		}
	}
	var differs models.Invalid
	if errors.As(sent.passwordAgain(), &differs) {
		maps.Copy(bad, differs)
	}
	if len(bad) > 0 {
		return nil, bad
	}
	return h.store.CreateAccount(c.Request().Context(), by, c.Param("domain"), n)
}
