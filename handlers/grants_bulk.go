package handlers

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// newGrants is the form that delegates the ticked accounts.
func (h *Handlers) newGrants(c echo.Context) error {
	domain, locals, err := tickedAccounts(c.QueryParams()["accounts"])
	if err != nil {
		return err
	}
	f := newGrantForm(policy.OnAccount)
	f.Domain, f.Accounts, f.List = domain, locals, h.listBefore(c, domain)
	return h.bulkPage(c, http.StatusOK, f, nil)
}

func (h *Handlers) createGrants(c echo.Context) error {
	f, r, by, err := h.grantRequest(c, "accounts…", "list")
	if errors.Is(err, errMalformed) || errors.Is(err, errTooLarge) {
		return err
	}
	domain, locals, wrong := tickedAccounts(c.Request().PostForm["accounts"])
	if wrong != nil {
		return wrong
	}
	f.Domain, f.Accounts, f.List = domain, locals, listQuery(domain, c.Request().PostForm.Get("list"))
	var result *models.GrantResult
	if err == nil {
		result, err = h.store.DelegateAccounts(c.Request().Context(), by, domain, locals, r)
	}
	f.Errors, _ = refused(c, err)
	var did views.Flash
	if result != nil {
		f, did = left(c, f, result), delegated(c, result)
	}
	if f.Errors != nil {
		return h.bulkPage(c, http.StatusUnprocessableEntity, f, &did)
	}
	return h.done(c, err, views.AccountsAt(domain, f.List), did)
}

// bulkPage shows the form for several accounts of one service.
func (h *Handlers) bulkPage(c echo.Context, status int, f views.GrantForm, did *views.Flash) error {
	a, err := h.store.Service(c.Request().Context(), sessionOf(c).Actor(), f.Domain)
	if err != nil {
		return err
	}
	if err := forbid(policy.DelegateAccount, a); err != nil {
		return err
	}
	f.Access, f.Mails = a, h.store.Mails()
	return h.showGrants(c, status, views.GrantsView{Form: f, Now: h.store.Now()}, did)
}

// tickedAccounts are the domain and the local parts of addresses that were
// ticked, each once. All are of one service: rights are asked there.
func tickedAccounts(addresses []string) (domain string, locals []string, err error) {
	for _, address := range addresses {
		at := strings.LastIndexByte(address, '@')
		if at < 1 || !plainText(address) {
			return "", nil, errMalformed
		}
		if domain == "" {
			domain = address[at+1:]
		}
		if address[at+1:] != domain {
			return "", nil, models.Invalid{"accounts": {{Key: "account.ticked.services"}}}
		}
		if !slices.Contains(locals, address[:at]) {
			locals = append(locals, address[:at])
		}
		if len(locals) > models.MaxAccounts {
			return "", nil, models.Invalid{"accounts": {{Key: "account.ticked.many", Args: []any{"Most", models.MaxAccounts}}}}
		}
	}
	if len(locals) == 0 {
		return "", nil, models.Invalid{"accounts": {{Key: "account.ticked.none"}}}
	}
	return domain, locals, nil
}

// delegated says how many people can manage how many addresses now.
func delegated(c echo.Context, result *models.GrantResult) views.Flash {
	people, addresses := map[int64]bool{}, map[string]bool{}
	for i := range result.Given {
		people[result.Given[i].GranteeID] = true
		addresses[result.Given[i].LocalPart] = true
	}
	if len(people) == 0 {
		return views.Flash{}
	}
	l := locale.From(c.Request().Context())
	text := l.T("grant.given.bulk", "People", l.N("grant.people", int64(len(people))), "Addresses", l.N("grant.addresses", int64(len(addresses))))
	if result.Held > 0 {
		text = l.T("grant.given.bulk_held", "Given", text, "Held", l.N("grant.had", int64(result.Held)))
	}
	return views.Flash{Tone: "ok", Text: text}
}
