package views

import (
	"net/url"
	"strconv"
	"strings"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// AccountsForm is the search above the list of accounts, as it stands in the URL.
type AccountsForm struct {
	Domain string // A-label
	Search string
	Status string
	Sort   string
	Size   int
	After  string
	Before string
	From   int // rows before this page, as far as the links told; for the reader only
}

// Query is the form as the models take it.
func (f AccountsForm) Query() models.AccountQuery {
	return models.AccountQuery{Search: f.Search, Status: f.Status, Sort: f.Sort, Size: f.Size, After: f.After, Before: f.Before}
}

// Path is the URL of the list as the form says.
func (f AccountsForm) Path() string {
	q := url.Values{}
	set := func(name, value string) {
		if value != "" && value != "0" {
			q.Set(name, value)
		}
	}
	set("q", f.Search)
	set("status", f.Status)
	set("sort", f.Sort)
	set("size", strconv.Itoa(f.Size))
	set("after", f.After)
	set("before", f.Before)
	set("from", strconv.Itoa(f.From))
	return AccountsAt(f.Domain, q.Encode())
}

// FilePath is the URL of the CSV file of what the form lists, all its pages.
func (f AccountsForm) FilePath() string {
	f = f.first()
	f.Size = 0
	_, query, found := strings.Cut(f.Path(), "?")
	if !found {
		return AccountsFilePath(f.Domain)
	}
	return AccountsFilePath(f.Domain) + "?" + query
}

// first is the form back on its first page.
func (f AccountsForm) first() AccountsForm {
	f.After, f.Before, f.From = "", "", 0
	return f
}

func (f AccountsForm) filtered() bool { return f.Search != "" || f.Status != "" }

func (f AccountsForm) size() int {
	if f.Size == 0 {
		return models.PageSizes[0]
	}
	return f.Size
}

// AccountsView is the tab Emails.
type AccountsView struct {
	Head ServiceHead
	List *models.AccountList
	Form AccountsForm
}

func (v AccountsView) may(op policy.Operation) bool { return v.List.Access.May(op) }

// changes says whether something can be changed at all: buttons that would be refused are absent.
func (v AccountsView) changes() bool { return !v.Head.Suspended }

func (v AccountsView) pager() ui.PagerArgs {
	a := ui.PagerArgs{Target: "#list"}
	n := len(v.List.Items)
	if v.List.Previous != "" {
		f := v.Form.first()
		f.Before, f.From = v.List.Previous, max(0, v.Form.From-f.size())
		a.Previous = f.Path()
	}
	if v.List.Next != "" {
		f := v.Form.first()
		f.After, f.From = v.List.Next, v.Form.From+n
		a.Next = f.Path()
	}
	a.Total = int64(v.Form.From + n)
	if !v.Form.filtered() && v.List.Access.Whole() {
		a.Total = max(a.Total, int64(v.List.Access.Service.AccountCount))
	} else {
		a.Capped = a.Next != ""
	}
	if a.Previous != "" || a.Next != "" {
		a.First, a.Last = int64(v.Form.From+1), int64(v.Form.From+n)
	}
	for _, size := range models.PageSizes {
		f := v.Form.first()
		f.Size = size
		a.Sizes = append(a.Sizes, ui.PagerSize{Label: strconv.Itoa(size), Path: f.Path(), Current: size == v.Form.size()})
	}
	return a
}

// sort is the heading of a column that can be sorted by.
func (v AccountsView) sort(id, label, by, class string) ui.SortArgs {
	a := ui.SortArgs{ID: id, Label: label, Class: class, Target: "#list"}
	current := v.Form.Sort
	if current == "" {
		current = models.AccountSorts[0]
	}
	next := by
	switch current {
	case by:
		a.Order, next = "ascending", "-"+by
	case "-" + by:
		a.Order = "descending"
	}
	f := v.Form.first()
	f.Sort = next
	a.Path = f.Path()
	return a
}

func (v AccountsView) statuses(l *locale.Locale) []ui.Option {
	options := make([]ui.Option, len(models.AccountStatuses))
	for i, s := range models.AccountStatuses {
		name := s
		if s == "" {
			name = "any"
		}
		options[i] = ui.Option{Value: s, Label: l.T("account.status." + name), Selected: s == v.Form.Status}
	}
	return options
}

// AccountState is how an account stands, in one badge.
func AccountState(l *locale.Locale, a *models.Account) (tone ui.Tone, icon, text string) {
	switch {
	case a.Blocked():
		return "", "ban", l.T("account.state.blocked")
	case a.UsedBytes >= a.SizeBytes:
		return ui.Crit, "circle-alert", l.T("account.state.full")
	case a.Percent() >= 95:
		return ui.Crit, "circle-alert", l.T("account.state.nearly_full")
	}
	return ui.OK, "check", l.T("account.state.active")
}

// menuID is the id of the menu of an account's row. The row itself has none: a
// page has many.
func menuID(i *models.AccountItem) string { return "m" + strconv.FormatInt(i.ID, 10) }

// rowOf selects the row of an account, by which it is swapped.
func rowOf(i *models.AccountItem) string { return "tr:has(#" + menuID(i) + ")" }

// menu is what can be done with one account, as far as the viewer may.
func (v AccountsView) menu(l *locale.Locale, i *models.AccountItem) ui.MenuArgs {
	path := AccountPath(v.Form.Domain, i.LocalPart)
	standing := i.Standing(&v.List.Access)
	m := ui.MenuArgs{ID: menuID(i), Label: l.T("account.actions", "Address", i.LocalPart+"@"+v.Head.Domain), Form: "act", Items: make([]ui.MenuItem, 0, 5)}
	m.Items = append(m.Items, ui.MenuItem{Label: l.T("account.settings"), Path: path})
	if !v.changes() {
		return m
	}
	if policy.May(policy.SetPassword, standing) {
		m.Items = append(m.Items, ui.MenuItem{Label: l.T("account.password.change"), Path: path + passwordPart, Panel: true})
	}
	if policy.May(policy.EditFilters, standing) {
		m.Items = append(m.Items, ui.MenuItem{Label: l.T("filter.title"), Path: path + filtersPart})
	}
	if policy.May(policy.EditResponder, standing) {
		m.Items = append(m.Items, ui.MenuItem{Label: l.T("responder.title"), Path: path + responderPart})
	}
	if policy.May(policy.DelegateAccount, standing) {
		m.Items = append(m.Items, ui.MenuItem{Label: l.T("grant.delegate"), Path: path + grantsPart, Panel: true})
	}
	if policy.May(policy.LimitAccount, standing) {
		if i.Blocked() {
			m.Items = append(m.Items, ui.MenuItem{Label: l.T("account.unblock"), Path: path + unblockPart, Post: true})
		} else {
			m.Items = append(m.Items, ui.MenuItem{Label: l.T("account.block"), Path: path + blockPart, Post: true})
		}
	}
	if policy.May(policy.DeleteAccount, standing) {
		m.Items = append(m.Items, ui.MenuItem{Label: l.T("account.delete"), Path: path + deletionPart, Danger: true})
	}
	return m
}

// usage is the use of an account in words.
func usage(l *locale.Locale, a *models.Account) string {
	return l.T("account.usage", "Used", l.Size(a.UsedBytes), "Size", l.Size(a.SizeBytes))
}

// NewAccountForm is the form of [NewAccountPage], as typed. Passwords never come back.
type NewAccountForm struct {
	Local       string
	Description string
	SizeGB      string
	Errors      Errors

	Domain      string
	Access      *models.Access
	MayPassword bool
}

// gb is a size as a form shows it: whole gigabytes, or with the reader's decimal sign.
func gb(l *locale.Locale, bytes int64) string {
	text := strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(float64(bytes)/models.GB, 'f', 3, 64), "0"), ".")
	if l.Lang() == "fr" {
		return strings.Replace(text, ".", ",", 1)
	}
	return text
}
