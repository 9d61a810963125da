package handlers

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// managersNamed is how many managers a page of one account names.
const managersNamed = 20

func (h *Handlers) editAccount(c echo.Context) error {
	a, err := h.account(c, policy.SeeService)
	if err != nil {
		return err
	}
	return h.accountPage(c, http.StatusOK, views.AccountView{Access: a, Form: views.StoredAccount(locale.From(c.Request().Context()), a.Account)})
}

func (h *Handlers) accountPage(c echo.Context, status int, v views.AccountView) error {
	p, err := h.page(c, "services", models.ReadableAddress(v.Access.Account.Address))
	if err != nil {
		return err
	}
	p.Refused = status != http.StatusOK
	if v.Managers, _, err = h.managers(c, v.Access); err != nil {
		return err
	}
	if v.Responder, err = h.store.ResponderOf(c.Request().Context(), v.Access); err != nil {
		return err
	}
	if v.Redirections, err = h.store.AccountRedirections(c.Request().Context(), sessionOf(c).Actor(), v.Access); err != nil {
		return err
	}
	if v.Filters, err = h.store.AccountFilters(c.Request().Context(), sessionOf(c).Actor(), v.Access); err != nil {
		return err
	}
	v.Now = h.store.Now()
	v.Head = accountHead(c, v.Access)
	return mandat.Render(c, status, views.AccountPage(p, v))
}

// accountHead is the frame of a page of one account, below the crumbs under it.
func accountHead(c echo.Context, a *models.Access, below ...ui.Crumb) views.ServiceHead {
	crumbs := []ui.Crumb{{Label: t(c, "service.tab.emails"), Path: views.AccountsPath(a.Service.Domain)}, {Label: models.ReadableAddress(a.Account.Address)}}
	if len(below) > 0 {
		crumbs[1].Path = views.AccountPath(a.Service.Domain, a.Account.LocalPart)
	}
	return serviceHead(c, a, "emails", append(crumbs, below...)...)
}

// managers are those who hold a grant on the account, as far as the reader is told.
func (h *Handlers) managers(c echo.Context, a *models.Access) (list []models.Grant, more bool, err error) {
	if policy.Decide(policy.SeeGrants, a.Standing) != policy.Everything {
		return nil, false, nil
	}
	grants, err := h.store.Grants(c.Request().Context(), sessionOf(c).Actor(), a, models.GrantQuery{Size: managersNamed})
	if err != nil {
		return nil, false, err
	}
	return grants.Grants, grants.Next != 0, nil
}

func (h *Handlers) updateAccount(c echo.Context) error {
	sent, by, err := h.sent(c, "description", "size_gb", "version")
	if err == nil {
		err = h.changeAccount(c, by, sent)
	}
	bad, is := refused(c, err)
	conflict := errors.Is(err, models.ErrConflict)
	if !is && !conflict {
		return h.done(c, err, views.AccountPath(c.Param("domain"), c.Param("local")), ok(c, "account.changed"))
	}
	a, err := h.account(c, policy.DescribeAccount)
	if err != nil {
		return err
	}
	f := views.AccountForm{Description: sent.Get("description"), SizeGB: sent.Get("size_gb"), Version: sent.number("version"), Errors: bad}
	if conflict {
		f.Version = a.Account.Version
		return h.accountPage(c, http.StatusConflict, views.AccountView{Access: a, Form: f, Conflict: true})
	}
	return h.accountPage(c, http.StatusUnprocessableEntity, views.AccountView{Access: a, Form: f})
}

// changeAccount checks the shape of the form and changes the account.
func (h *Handlers) changeAccount(c echo.Context, by models.Actor, sent form) error {
	n := models.AccountSettings{Version: sent.number("version")}
	if sent.has("description") {
		text := sent.Get("description")
		n.Description = &text
	}
	if sent.has("size_gb") {
		size, right := parseGB(sent.Get("size_gb"))
		if !right {
			return sizeShape(sent.Get("size_gb"))
		}
		n.SizeBytes = &size
	}
	return h.store.ChangeAccount(c.Request().Context(), by, c.Param("domain"), c.Param("local"), n)
}

// sizeShape is the refusal of a text that is no size.
func sizeShape(text string) models.Invalid {
	if strings.TrimSpace(text) == "" {
		return models.Invalid{"size_gb": {{Key: "account.size.none"}}}
	}
	return models.Invalid{"size_gb": {{Key: "account.size.shape", Args: []any{"Size", text}}}}
}

func (h *Handlers) editAccountPassword(c echo.Context) error {
	a, err := h.accountToChange(c, policy.SetPassword)
	if err != nil {
		return err
	}
	return h.accountPasswordPage(c, http.StatusOK, a, views.AccountPasswordForm{Suggested: models.SuggestPassword()})
}

func (h *Handlers) accountPasswordPage(c echo.Context, status int, a *models.Access, f views.AccountPasswordForm) error {
	f.Account, f.Domain = a.Account, a.Service.Domain
	title := f.Title(locale.From(c.Request().Context()))
	p, err := h.page(c, "services", title)
	if err != nil {
		return err
	}
	p.Refused = len(f.Errors) > 0
	if inPanel(c) {
		return mandat.Render(c, status, views.AccountPasswordPanel(p, f))
	}
	return mandat.Render(c, status, views.AccountPasswordPage(p, accountHead(c, a, ui.Crumb{Label: title}), f))
}

func (h *Handlers) updateAccountPassword(c echo.Context) error {
	sent, by, err := h.sent(c, "password", "password_again")
	domain, local := c.Param("domain"), c.Param("local")
	if err == nil {
		err = sent.passwordAgain()
	}
	if err == nil {
		err = h.store.SetAccountPassword(c.Request().Context(), by, domain, local, sent.Get("password"))
	}
	bad, is := refused(c, err)
	did := ok(c, "account.password.changed", "Address", models.ReadableAddress(local+"@"+domain))
	if !is && (!inPanel(c) || err != nil && !errors.Is(err, models.ErrRepeated)) {
		return h.done(c, err, views.AccountPath(domain, local), did)
	}
	a, err := h.account(c, policy.SetPassword)
	if err != nil {
		return err
	}
	if is {
		return h.accountPasswordPage(c, http.StatusUnprocessableEntity, a, views.AccountPasswordForm{Suggested: models.SuggestPassword(), Errors: bad})
	}
	return h.accountPasswordPage(c, http.StatusOK, a, views.AccountPasswordForm{Done: did.Text})
}

func (h *Handlers) blockAccount(c echo.Context) error {
	_, by, err := h.sent(c)
	if err == nil {
		err = h.store.BlockAccount(c.Request().Context(), by, c.Param("domain"), c.Param("local"))
	}
	return h.done(c, err, h.backToAccounts(c), h.switched(c, "account.blocked"))
}

func (h *Handlers) unblockAccount(c echo.Context) error {
	_, by, err := h.sent(c)
	if err == nil {
		err = h.store.UnblockAccount(c.Request().Context(), by, c.Param("domain"), c.Param("local"))
	}
	return h.done(c, err, h.backToAccounts(c), h.switched(c, "account.unblocked"))
}

// switched says that the account of the path was blocked or unblocked.
func (h *Handlers) switched(c echo.Context, key string) views.Flash {
	return ok(c, key, "Address", models.ReadableAddress(c.Param("local")+"@"+c.Param("domain")))
}

// backToAccounts is where one was, if that was the list, else the page of the account.
func (h *Handlers) backToAccounts(c echo.Context) string {
	domain := c.Param("domain")
	back := h.refererPath(c)
	if path, _, _ := strings.Cut(back, "?"); path == views.AccountsPath(domain) {
		return back
	}
	return views.AccountPath(domain, c.Param("local"))
}

func (h *Handlers) newAccountDeletion(c echo.Context) error {
	a, err := h.accountToChange(c, policy.DeleteAccount)
	if err != nil {
		return err
	}
	return h.accountDeletionPage(c, http.StatusOK, views.AccountDeletionView{Access: a})
}

func (h *Handlers) accountDeletionPage(c echo.Context, status int, v views.AccountDeletionView) error {
	p, err := h.page(c, "services", t(c, "account.delete"))
	if err != nil {
		return err
	}
	p.Refused = len(v.Errors) > 0
	if v.Managers, v.More, err = h.managers(c, v.Access); err != nil {
		return err
	}
	ctx, by := c.Request().Context(), sessionOf(c).Actor()
	if v.Redirections, err = h.store.AccountRedirections(ctx, by, v.Access); err != nil {
		return err
	}
	if v.Filters, err = h.store.AccountFilters(ctx, by, v.Access); err != nil {
		return err
	}
	if v.Responder, err = h.store.ResponderOf(ctx, v.Access); err != nil {
		return err
	}
	if v.Lists, v.MoreLists, err = h.store.AccountLists(ctx, by, v.Access); err != nil {
		return err
	}
	v.Head = accountHead(c, v.Access, ui.Crumb{Label: t(c, "account.delete")})
	return mandat.Render(c, status, views.AccountDeletionPage(p, v))
}

func (h *Handlers) createAccountDeletion(c echo.Context) error {
	sent, by, err := h.sent(c, "confirm")
	domain, local := c.Param("domain"), c.Param("local")
	if err == nil {
		err = h.store.DeleteAccount(c.Request().Context(), by, domain, local, sent.Get("confirm"))
	}
	if bad, is := refused(c, err); is {
		a, err := h.account(c, policy.DeleteAccount)
		if err != nil {
			return err
		}
		return h.accountDeletionPage(c, http.StatusUnprocessableEntity, views.AccountDeletionView{Access: a, Confirm: sent.Get("confirm"), Errors: bad})
	}
	return h.done(c, err, views.AccountsPath(domain), ok(c, "account.deleted", "Address", models.ReadableAddress(local+"@"+domain)))
}
