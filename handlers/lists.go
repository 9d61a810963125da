package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// listLists is the tab Mailing lists.
func (h *Handlers) listLists(c echo.Context) error {
	f, err := walkForm(c, views.ListsPath(c.Param("domain")))
	if err != nil {
		return err
	}
	a, err := h.service(c, policy.EditLists)
	if err != nil {
		return err
	}
	v := views.ListsView{Access: a, Form: f, Head: serviceHead(c, a, "lists")}
	if v.Page, err = h.store.Lists(c.Request().Context(), a, f.Query()); err != nil {
		return err
	}
	if isFragment(c) {
		return mandat.Render(c, http.StatusOK, views.ListsTable(locale.From(c.Request().Context()), v))
	}
	p, err := h.page(c, "services", t(c, "list.title", "Domain", v.Head.Domain))
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.ListsPage(p, v))
}

// walkForm reads the query of things in the order of their name, as strictly as accountsForm.
func walkForm(c echo.Context, path string) (views.WalkForm, error) {
	q := c.QueryParams()
	f := views.WalkForm{Path: path, Search: q.Get("q"), After: q.Get("after"), Before: q.Get("before"), From: fromOf(q, "from")}
	for _, values := range q {
		if len(values) > 1 || len(values[0]) > 300 {
			return f, errMalformed
		}
	}
	if f.From < 0 {
		return f, errMalformed
	}
	return f, nil
}

func (h *Handlers) newList(c echo.Context) error {
	a, err := h.service(c, policy.EditLists)
	if err != nil {
		return err
	}
	if a.Service.State == models.ServiceSuspended {
		return models.ErrSuspended
	}
	customer, err := h.store.Customer(c.Request().Context(), sessionOf(c).Actor())
	if err != nil {
		return err
	}
	return h.newListPage(c, http.StatusOK, a, views.NewListForm(locale.From(c.Request().Context()), customer.Email))
}

func (h *Handlers) newListPage(c echo.Context, status int, a *models.Access, f views.ListForm) error {
	p, err := h.page(c, "services", t(c, "list.new"))
	if err != nil {
		return err
	}
	p.Refused = len(f.Errors) > 0
	head := serviceHead(c, a, "lists", listsCrumb(c, a), ui.Crumb{Label: t(c, "list.new")})
	return mandat.Render(c, status, views.NewListPage(p, views.NewListView{Head: head, Domain: a.Service.Domain, Form: f}))
}

func listsCrumb(c echo.Context, a *models.Access) ui.Crumb {
	return ui.Crumb{Label: t(c, "service.tab.lists"), Path: views.ListsPath(a.Service.Domain)}
}

// listFields are those of both forms.
var listFields = []string{"owner", "reply_to", "reply_to_address", "language", "posting"}

func listFormOf(sent form) views.ListForm {
	return views.ListForm{
		Owner: sent.Get("owner"), ReplyTo: sent.Get("reply_to"), ReplyToAddress: sent.Get("reply_to_address"),
		Language: sent.Get("language"), Posting: sent.Get("posting"),
	}
}

func (h *Handlers) createList(c echo.Context) error {
	sent, by, err := h.sent(c, append([]string{"name"}, listFields...)...)
	f, domain := listFormOf(sent), c.Param("domain")
	f.Name = sent.Get("name")
	var list *models.List
	if err == nil {
		list, err = h.store.CreateList(c.Request().Context(), by, domain, models.NewList{Name: f.Name, ListSettings: f.Settings()})
	}
	if bad, is := refused(c, err); is {
		a, err := h.service(c, policy.EditLists)
		if err != nil {
			return err
		}
		f.Errors = bad
		return h.newListPage(c, http.StatusUnprocessableEntity, a, f)
	}
	if err != nil {
		return h.done(c, err, views.ListsPath(domain), views.Flash{})
	}
	return h.done(c, nil, views.ListMembersPath(domain, list.LocalPart), ok(c, "list.created", "Address", models.ReadableAddress(list.Address)))
}

// list reads the list of the path as the actor reaches it.
func (h *Handlers) list(c echo.Context) (*models.Access, *models.List, error) {
	return h.store.List(c.Request().Context(), sessionOf(c).Actor(), c.Param("domain"), c.Param("name"))
}

// listHead is the frame of a page of one list, below the crumbs under it.
func listHead(c echo.Context, a *models.Access, list *models.List, below ...ui.Crumb) views.ServiceHead {
	own := ui.Crumb{Label: models.ReadableAddress(list.Address)}
	if len(below) > 0 {
		own.Path = views.ListPath(a.Service.Domain, list.LocalPart)
	}
	return serviceHead(c, a, "lists", append([]ui.Crumb{listsCrumb(c, a), own}, below...)...)
}

func (h *Handlers) editList(c echo.Context) error {
	a, list, err := h.list(c)
	if err != nil {
		return err
	}
	return h.listPage(c, http.StatusOK, views.ListView{Access: a, List: list, Form: views.StoredList(list)})
}

func (h *Handlers) listPage(c echo.Context, status int, v views.ListView) error {
	p, err := h.page(c, "services", models.ReadableAddress(v.List.Address))
	if err != nil {
		return err
	}
	p.Refused = status != http.StatusOK
	v.Head = listHead(c, v.Access, v.List)
	return mandat.Render(c, status, views.ListPage(p, v))
}

func (h *Handlers) updateList(c echo.Context) error {
	sent, by, err := h.sent(c, append([]string{"version"}, listFields...)...)
	f, domain, name := listFormOf(sent), c.Param("domain"), c.Param("name")
	f.Version = sent.number("version")
	if err == nil {
		err = h.store.ChangeList(c.Request().Context(), by, domain, name, f.Settings())
	}
	bad, is := refused(c, err)
	conflict := errors.Is(err, models.ErrConflict)
	if !is && !conflict {
		return h.done(c, err, views.ListPath(domain, name), ok(c, "account.changed"))
	}
	a, list, err := h.list(c)
	if err != nil {
		return err
	}
	f.Errors = bad
	if conflict {
		f.Version = list.Version
		return h.listPage(c, http.StatusConflict, views.ListView{Access: a, List: list, Form: f, Conflict: true})
	}
	return h.listPage(c, http.StatusUnprocessableEntity, views.ListView{Access: a, List: list, Form: f})
}

func (h *Handlers) newListDeletion(c echo.Context) error {
	a, list, err := h.list(c)
	if err != nil {
		return err
	}
	if a.Service.State == models.ServiceSuspended {
		return models.ErrSuspended
	}
	return h.listDeletionPage(c, http.StatusOK, views.ListDeletionView{Access: a, List: list})
}

func (h *Handlers) listDeletionPage(c echo.Context, status int, v views.ListDeletionView) error {
	p, err := h.page(c, "services", t(c, "list.delete"))
	if err != nil {
		return err
	}
	p.Refused = len(v.Errors) > 0
	v.Head = listHead(c, v.Access, v.List, ui.Crumb{Label: t(c, "list.delete")})
	return mandat.Render(c, status, views.ListDeletionPage(p, v))
}

func (h *Handlers) createListDeletion(c echo.Context) error {
	sent, by, err := h.sent(c, "confirm")
	domain, name := c.Param("domain"), c.Param("name")
	if err == nil {
		err = h.store.DeleteList(c.Request().Context(), by, domain, name, sent.Get("confirm"))
	}
	if bad, is := refused(c, err); is {
		a, list, err := h.list(c)
		if err != nil {
			return err
		}
		return h.listDeletionPage(c, http.StatusUnprocessableEntity, views.ListDeletionView{Access: a, List: list, Confirm: sent.Get("confirm"), Errors: bad})
	}
	return h.done(c, err, views.ListsPath(domain), ok(c, "list.deleted", "Address", models.ReadableAddress(name+"@"+domain)))
}
