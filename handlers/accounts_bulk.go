package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// Each of these makes the handler of one job on several ticked accounts.

// newBulk is the page that says what the job will do.
func (h *Handlers) newBulk(job views.BulkJob) echo.HandlerFunc {
	return func(c echo.Context) error {
		a, err := h.serviceToChange(c, job.Operation())
		if err != nil {
			return err
		}
		locals, err := tickedOf(c, c.QueryParams()["accounts"])
		if err != nil {
			return err
		}
		return h.showBulk(c, http.StatusOK, views.BulkView{Job: job, Access: a, Form: views.BulkForm{Ticked: locals, List: h.listBefore(c, a.Service.Domain)}})
	}
}

// createBulk does the job. What was refused comes back, each account with its
// reason, still ticked.
func (h *Handlers) createBulk(job views.BulkJob) echo.HandlerFunc {
	return func(c echo.Context) error {
		sent, by, err := h.sent(c, append(bulkFields(job), "accounts…", "list")...)
		if errors.Is(err, errMalformed) || errors.Is(err, errTooLarge) {
			return err
		}
		f := views.BulkForm{
			List: listQuery(c.Param("domain"), sent.Get("list")), Description: sent.Get("description"), SizeGB: sent.Get("size_gb"), Identifiers: sent.Values["identifiers"],
		}
		var wrong error
		if f.Ticked, wrong = tickedOf(c, sent.Values["accounts"]); wrong != nil {
			return wrong
		}
		var result *models.BulkResult
		if err == nil {
			result, err = h.doBulk(c, job, by, f)
		}
		var is bool
		if f.Errors, is = refused(c, err); is {
			return h.refusedBulk(c, job, f, views.Flash{})
		}
		back := views.AccountsAt(c.Param("domain"), f.List)
		if err != nil {
			return h.done(c, err, back, views.Flash{})
		}
		size, _ := parseGB(f.SizeGB)
		did := views.BulkDone(locale.From(c.Request().Context()), job, result, size)
		if len(result.Refused) == 0 {
			return h.done(c, nil, back, did)
		}
		f.Refused, f.Ticked = result.Refused, nil
		for _, r := range result.Refused {
			f.Ticked = append(f.Ticked, r.LocalPart)
		}
		return h.refusedBulk(c, job, f, did)
	}
}

// refusedBulk shows the form again, and what was done.
func (h *Handlers) refusedBulk(c echo.Context, job views.BulkJob, f views.BulkForm, did views.Flash) error {
	a, err := h.serviceToChange(c, job.Operation())
	if err != nil {
		return err
	}
	v := views.BulkView{Job: job, Access: a, Form: f}
	if did.Text != "" {
		v.Message = &did
	}
	if f.Identifiers == nil {
		v.Form.Identifiers = []string{} // nobody was ticked
	}
	return h.showBulk(c, http.StatusUnprocessableEntity, v)
}

func bulkFields(job views.BulkJob) []string {
	switch job {
	case views.BulkDescription:
		return []string{"description"}
	case views.BulkSize:
		return []string{"size_gb"}
	case views.BulkRevocation:
		return []string{"identifiers…"}
	}
	return nil
}

func (h *Handlers) doBulk(c echo.Context, job views.BulkJob, by models.Actor, f views.BulkForm) (*models.BulkResult, error) {
	ctx, domain := c.Request().Context(), c.Param("domain")
	switch job {
	case views.BulkDescription:
		return h.store.DescribeAccounts(ctx, by, domain, f.Ticked, f.Description)
	case views.BulkSize:
		size, right := parseGB(f.SizeGB)
		if !right {
			return nil, sizeShape(f.SizeGB)
		}
		return h.store.ResizeAccounts(ctx, by, domain, f.Ticked, size)
	case views.BulkBlock:
		return h.store.BlockAccounts(ctx, by, domain, f.Ticked)
	case views.BulkUnblock:
		return h.store.UnblockAccounts(ctx, by, domain, f.Ticked)
	}
	return h.store.RevokeOnAccounts(ctx, by, domain, f.Ticked, f.Identifiers)
}

func (h *Handlers) showBulk(c echo.Context, status int, v views.BulkView) (err error) {
	ctx, by := c.Request().Context(), sessionOf(c).Actor()
	if v.Accounts, err = h.store.TickedAccounts(ctx, by, v.Access, v.Job.Operation(), v.Form.Ticked); err != nil {
		return err
	}
	if v.Job == views.BulkRevocation {
		if v.Holders, v.More, v.Open, err = h.store.Holders(ctx, by, v.Access, v.Form.Ticked); err != nil {
			return err
		}
	}
	title := v.Title(locale.From(ctx))
	p, err := h.page(c, "services", title)
	if err != nil {
		return err
	}
	p.Refused = status != http.StatusOK
	domain := v.Access.Service.Domain
	p.Path = tickedPage(views.BulkPath(domain, v.Job), domain, v.Form.Ticked)
	v.Head = serviceHead(c, v.Access, "emails", ui.Crumb{Label: t(c, "service.tab.emails"), Path: views.AccountsAt(domain, v.Form.List)}, ui.Crumb{Label: title})
	return mandat.Render(c, status, views.BulkPage(p, v))
}

// serviceToChange is service for a page that only serves a change: a suspended service has none.
func (h *Handlers) serviceToChange(c echo.Context, op policy.Operation) (*models.Access, error) {
	a, err := h.service(c, op)
	if err == nil && a.Service.State == models.ServiceSuspended {
		return nil, models.ErrSuspended
	}
	return a, err
}

// tickedOf are the local parts of addresses that were ticked on the service of the path.
func tickedOf(c echo.Context, addresses []string) ([]string, error) {
	domain, locals, err := tickedAccounts(addresses)
	if err == nil && domain != c.Param("domain") {
		err = models.Invalid{"accounts": {{Key: "account.ticked.services"}}}
	}
	return locals, err
}

// listBefore is the query of the list of accounts that one comes from, "" for its
// first page and for anywhere else.
func (h *Handlers) listBefore(c echo.Context, domain string) string {
	path, query, _ := strings.Cut(h.refererPath(c), "?")
	if path != views.AccountsPath(domain) {
		return ""
	}
	return listQuery(domain, query)
}

// listQuery is a query of the list of accounts as we write it, "" for what is none.
func listQuery(domain, query string) string {
	q, err := url.ParseQuery(query)
	if err != nil {
		return ""
	}
	f, err := readAccountsForm(domain, q)
	if err != nil {
		return ""
	}
	_, query, _ = strings.Cut(f.Path(), "?")
	return query
}
