package views

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// ServicesCursor is where one of the two lists of services is cut.
type ServicesCursor struct {
	After, Before string
	From          int // rows before this page, as far as the links told; for the reader only
}

// ServicesForm is the search above the services, as it stands in the URL.
type ServicesForm struct {
	Search      string
	Own, Shared ServicesCursor
}

// Query is the form as the models take it for one's own services.
func (f ServicesForm) Query() models.ServiceQuery {
	return models.ServiceQuery{Search: f.Search, After: f.Own.After, Before: f.Own.Before}
}

// SharedQuery is the form as the models take it for what others share.
func (f ServicesForm) SharedQuery() models.ServiceQuery {
	return models.ServiceQuery{Search: f.Search, After: f.Shared.After, Before: f.Shared.Before}
}

// Path is the URL of the lists as the form says.
func (f ServicesForm) Path() string {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" && value != "0" {
			q.Set(name, value)
		}
	}
	set("q", f.Search)
	for prefix, c := range map[string]ServicesCursor{"": f.Own, "shared_": f.Shared} {
		set(prefix+"after", c.After)
		set(prefix+"before", c.Before)
		set(prefix+"from", strconv.Itoa(c.From))
	}
	if len(q) == 0 {
		return ServicesPath
	}
	return ServicesPath + "?" + q.Encode()
}

// ServicesView is the first page: one's own services, and what others share.
type ServicesView struct {
	Form        ServicesForm
	Own, Shared *models.ServiceList
	Address     string // the address that was searched for, when it is within reach
	AddressPath string
}

func (v ServicesView) empty() bool { return len(v.Own.Items) == 0 && len(v.Shared.Items) == 0 }

// pager is the line below one of the lists; at says which cursor of a form is its own.
func (v ServicesView) pager(id string, list *models.ServiceList, at func(*ServicesForm) *ServicesCursor) ui.PagerArgs {
	from, n := at(&v.Form).From, len(list.Items)
	a := ui.PagerArgs{ID: id, Target: "#list", First: int64(from + 1), Last: int64(from + n), Total: int64(from + n)}
	f := v.Form
	if list.Previous != "" {
		*at(&f) = ServicesCursor{Before: list.Previous, From: max(0, from-models.PageSizes[0])}
		a.Previous = f.Path()
	}
	if list.Next != "" {
		*at(&f) = ServicesCursor{After: list.Next, From: from + n}
		a.Next, a.Capped = f.Path(), true
	}
	return a
}

func (v ServicesView) ownPager() ui.PagerArgs {
	return v.pager("own", v.Own, func(f *ServicesForm) *ServicesCursor { return &f.Own })
}

func (v ServicesView) sharedPager() ui.PagerArgs {
	return v.pager("shared", v.Shared, func(f *ServicesForm) *ServicesCursor { return &f.Shared })
}

// paged says whether a list has more than this page.
func paged(list *models.ServiceList) bool { return list.Previous != "" || list.Next != "" }

// sharedPath is where the name of a shared service leads: its overview, or for
// the holder of single accounts these accounts.
func sharedPath(i *models.ServiceItem) string {
	if i.Grant == nil {
		return AccountsPath(i.Domain)
	}
	return ServicePath(i.Domain)
}

// reachedCount is how many addresses of a shared service the viewer reaches.
func reachedCount(l *locale.Locale, i *models.ServiceItem) string {
	switch {
	case i.Grant != nil:
		return l.N("service.addresses", int64(i.AccountCount))
	case i.Held > models.MaxCounted:
		return l.T("service.addresses_more", "Most", models.MaxCounted)
	}
	return l.N("service.addresses", int64(i.Held))
}

// sharedWho is who shares a service: who gave it, else whose it is.
func sharedWho(i *models.ServiceItem) string {
	if i.Grant != nil {
		return i.Grant.Giver
	}
	return i.Owner
}

// grantPeriod is since when and until when a grant is held.
func grantPeriod(l *locale.Locale, since time.Time, until *time.Time) string {
	period := l.T("layout.since", "Date", l.Date(since))
	if until != nil {
		period += ", " + l.T("layout.until", "Date", LastDay(l, *until))
	}
	return period
}

// allowed is what the holder of a grant on a whole service can do, from the permission table.
func allowed(l *locale.Locale, h *models.Held) []ui.Right {
	return preview(l, policy.OnService, h.Extras, 0, false).Can
}

// ServiceView is the overview of a service.
type ServiceView struct {
	Head    ServiceHead
	Access  *models.Access
	Figures models.Figures
	Grants  []models.Grant // of those who share the whole service; only for who may know

	Unattached bool     // no mail server reads what is managed here
	DNS        *DNSView // nil: nobody looks at what domains publish
}

// seesGrants says whether the viewer is told who manages the service.
func (v ServiceView) seesGrants() bool {
	return policy.Decide(policy.SeeGrants, v.Access.Standing) == policy.Everything
}

// counted writes a count that stops at [models.MaxCounted].
func counted(l *locale.Locale, n int) string {
	if n > models.MaxCounted {
		return l.Number(models.MaxCounted) + "+"
	}
	return l.Number(int64(n))
}

// accountsOfMost and bytesOfMost are what the accounts of a service take of what it has for them.
func accountsOfMost(l *locale.Locale, a *models.Access) ui.Fact {
	return ui.Fact{Term: l.T("service.limit.addresses"), More: ofMost(l, a.PaidAccounts(), a.Service.MaxAccounts)}
}

func bytesOfMost(l *locale.Locale, a *models.Access) ui.Fact {
	sv := &a.Service
	return ui.Fact{Term: l.T("service.limit.allotted"), More: ofMostText(sv.AllottedBytes, sv.MaxBytes, l.T("list.of_most", "Count", l.Size(sv.AllottedBytes), "Most", l.Size(sv.MaxBytes)))}
}

// facts are whose a service is, and what it may have at most, each with how much
// of it is in use: the figures are part of seeing the service.
func (v ServiceView) facts(l *locale.Locale) []ui.Fact {
	sv := &v.Access.Service
	state := l.T("service.state.active")
	if v.Head.Suspended {
		state = l.T("service.state.suspended")
	}
	facts := []ui.Fact{
		{Term: l.T("service.owner"), Text: sv.OwnerName, More: Mono(sv.OwnerIdentifier)},
		{Term: l.T("service.state"), Text: state},
		accountsOfMost(l, v.Access), bytesOfMost(l, v.Access),
		{Term: l.T("service.limit.largest"), Text: l.Size(sv.MaxAccountBytes)},
		{Term: l.T("service.tab.redirections"), More: ofMost(l, sv.RedirectionCount, sv.MaxRedirections)},
		{Term: l.T("service.tab.responders"), More: ofMost(l, sv.ResponderCount, sv.MaxResponders)},
		{Term: l.T("service.tab.lists"), More: ofMost(l, sv.ListCount, sv.MaxLists)},
		{Term: l.T("service.limit.of_list"), More: ofMostText(v.Figures.LargestList, sv.MaxSubscribers, l.T("service.limit.largest_list", "Count", v.Figures.LargestList, "Most", sv.MaxSubscribers))},
	}
	if !sv.CreatedAt.IsZero() {
		facts = append(facts, ui.Fact{Term: l.T("service.since"), Text: l.Date(sv.CreatedAt)})
	}
	return facts
}

// ownHeading says whose the services are: the viewer's, or those of the customer
// an agent acts for.
func ownHeading(ctx context.Context, p Page) string {
	if p.Viewer.Agent {
		return locale.T(ctx, "service.own_of", "Who", p.Acting.Assistance.Customer)
	}
	return locale.T(ctx, "service.own")
}
