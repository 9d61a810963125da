package handlers

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"example.org/mandat"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

func (h *Handlers) listFilters(c echo.Context) error {
	a, list, err := h.store.Filters(c.Request().Context(), sessionOf(c).Actor(), c.Param("domain"), c.Param("local"))
	if err != nil {
		return err
	}
	p, err := h.page(c, "services", t(c, "filter.title"))
	if err != nil {
		return err
	}
	return mandat.Render(c, http.StatusOK, views.FiltersPage(p, views.FiltersView{Head: accountHead(c, a, ui.Crumb{Label: p.Title}), Access: a, Filters: list}))
}

func (h *Handlers) newFilter(c echo.Context) error {
	a, err := h.accountToChange(c, policy.EditFilters)
	if err != nil {
		return err
	}
	return h.filterPage(c, http.StatusOK, views.FilterView{Access: a, Form: views.PresetFilter(locale.From(c.Request().Context()), c.QueryParam("preset"))})
}

func (h *Handlers) editFilter(c echo.Context) error {
	a, f, err := h.filterToChange(c)
	if err != nil {
		return err
	}
	return h.filterPage(c, http.StatusOK, views.FilterView{Access: a, Stored: f, Form: views.StoredFilter(locale.From(c.Request().Context()), f)})
}

// filterToChange reads the filter of the path; a suspended service has none that could be changed.
func (h *Handlers) filterToChange(c echo.Context) (*models.Access, *models.Filter, error) {
	id, err := numberOf(c)
	if err != nil {
		return nil, nil, err
	}
	a, f, err := h.store.Filter(c.Request().Context(), sessionOf(c).Actor(), c.Param("domain"), c.Param("local"), id)
	if err == nil && a.Service.State == models.ServiceSuspended {
		return nil, nil, models.ErrSuspended
	}
	return a, f, err
}

func (h *Handlers) filterPage(c echo.Context, status int, v views.FilterView) error {
	title := t(c, "filter.new")
	if v.Stored != nil {
		title = v.Stored.Name
	}
	p, err := h.page(c, "services", title)
	if err != nil {
		return err
	}
	p.Refused = status != http.StatusOK
	list := ui.Crumb{Label: t(c, "filter.title"), Path: views.FiltersPath(v.Access.Service.Domain, v.Access.Account.LocalPart)}
	v.Head = accountHead(c, v.Access, list, ui.Crumb{Label: title})
	return mandat.Render(c, status, views.FilterPage(p, v))
}

// sentRules is up to which number a form may have rules: beyond what a filter
// may have, so that this is refused in words and with everything typed.
const sentRules = 2 * models.MaxFilterRules

// sentFilter reads the form. edit is the button that adds a rule, takes one away or
// tries the filter, "" for the one that saves.
func (h *Handlers) sentFilter(c echo.Context) (f views.FilterForm, edit string, by models.Actor, err error) {
	fields := []string{"name", "match", "action", "target", "version", "edit"}
	for n := range sentRules + 1 {
		for _, part := range []string{"header", "name", "operator", "value"} {
			fields = append(fields, fmt.Sprintf("rules-%d-%s", n, part))
		}
	}
	sent, by, err := h.sent(c, slices.Concat(fields, trialFields, []string{"message"})...)
	f = views.FilterForm{Name: sent.Get("name"), Match: sent.Get("match"), Action: sent.Get("action"), Target: sent.Get("target"), Version: sent.number("version"), Trial: trialOf(sent)}
	for n := range sentRules + 1 {
		rule := func(part string) string { return "rules-" + strconv.Itoa(n) + "-" + part }
		if sent.has(rule("header")) || sent.has(rule("operator")) || sent.has(rule("value")) {
			f.Rules = append(f.Rules, views.ListedHeader(views.FilterRuleForm{
				Header: sent.Get(rule("header")), Name: sent.Get(rule("name")), Operator: sent.Get(rule("operator")), Value: sent.Get(rule("value")),
			}))
		}
	}
	edit = sent.Get("edit")
	if _, stale := refused(c, err); edit != "" && (err == nil || stale) {
		err = nil // it changes nothing, whoever's page it comes from
		if edit == "try" {
			f.Tried, f.Verdict, err = models.TryFilter(f.Read(), c.Param("local")+"@"+c.Param("domain"), f.Trial.Read())
		} else if !f.Edit(edit) {
			err = errMalformed
		}
	}
	return f, edit, by, err
}

func (h *Handlers) createFilter(c echo.Context) error {
	f, edit, by, err := h.sentFilter(c)
	if err == nil && edit == "" {
		_, err = h.store.CreateFilter(c.Request().Context(), by, c.Param("domain"), c.Param("local"), f.Read())
	}
	bad, is := refused(c, err)
	if !is && (err != nil || edit == "") {
		return h.done(c, err, views.FiltersPath(c.Param("domain"), c.Param("local")), ok(c, "filter.created"))
	}
	a, err := h.accountToChange(c, policy.EditFilters)
	if err != nil {
		return err
	}
	f = f.With(bad)
	return h.filterPage(c, statusOf(is), views.FilterView{Access: a, Form: f})
}

func (h *Handlers) updateFilter(c echo.Context) error {
	f, edit, by, err := h.sentFilter(c)
	id, unknown := numberOf(c)
	if err == nil && unknown == nil && edit == "" {
		err = h.store.ChangeFilter(c.Request().Context(), by, c.Param("domain"), c.Param("local"), id, f.Read())
	}
	bad, is := refused(c, err)
	conflict := errors.Is(err, models.ErrConflict)
	if !is && !conflict && unknown == nil && (err != nil || edit == "") {
		return h.done(c, err, views.FiltersPath(c.Param("domain"), c.Param("local")), ok(c, "filter.changed"))
	}
	a, stored, err := h.filterToChange(c)
	if err != nil {
		return err
	}
	if conflict {
		f.Version = stored.Version
		return h.filterPage(c, http.StatusConflict, views.FilterView{Access: a, Stored: stored, Form: f, Conflict: true})
	}
	f = f.With(bad)
	return h.filterPage(c, statusOf(is), views.FilterView{Access: a, Stored: stored, Form: f})
}

// statusOf is the status of a form that comes back.
func statusOf(refused bool) int {
	if refused {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// changeFilter runs a verb on the filter of the path and leads back to the list.
func (h *Handlers) changeFilter(c echo.Context, did views.Flash, verb func(by models.Actor, domain, local string, id int64) error) error {
	_, by, err := h.sent(c)
	id, unknown := numberOf(c)
	if err == nil {
		err = unknown
	}
	if err == nil {
		err = verb(by, c.Param("domain"), c.Param("local"), id)
	}
	return h.done(c, err, views.FiltersPath(c.Param("domain"), c.Param("local")), did)
}

func (h *Handlers) deleteFilter(c echo.Context) error {
	return h.changeFilter(c, ok(c, "filter.deleted"), func(by models.Actor, domain, local string, id int64) error {
		return h.store.DeleteFilter(c.Request().Context(), by, domain, local, id)
	})
}

func (h *Handlers) switchFilter(on bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		did := ok(c, "filter.switched_off")
		if on {
			did = ok(c, "filter.switched_on")
		}
		return h.changeFilter(c, did, func(by models.Actor, domain, local string, id int64) error {
			return h.store.SwitchFilter(c.Request().Context(), by, domain, local, id, on)
		})
	}
}

func (h *Handlers) moveFilter(up bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		return h.changeFilter(c, views.Flash{}, func(by models.Actor, domain, local string, id int64) error {
			return h.store.MoveFilter(c.Request().Context(), by, domain, local, id, up)
		})
	}
}
