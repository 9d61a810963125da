package views

import (
	"strconv"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// GrantForm is the form that gives grants, as typed: on a service, on one of its
// accounts (Local), or on several (Accounts).
type GrantForm struct {
	Domain      string // A-label
	Local       string
	Accounts    []string // local parts
	List        string   // of a form on several: the query of the list that one came from
	Identifiers string
	Extras      policy.Extra // ticked
	ExpiresOn   string
	Note        string
	Errors      Errors

	Access *models.Access // of who gives
	Mails  bool           // the panel sends email
}

// Kind is what the form gives.
func (f GrantForm) Kind() policy.Kind {
	if f.Local != "" || len(f.Accounts) > 0 {
		return policy.OnAccount
	}
	return policy.OnService
}

// back is the list of accounts.
func (f GrantForm) back() string { return AccountsAt(f.Domain, f.List) }

func (f GrantForm) action() string {
	switch {
	case len(f.Accounts) > 0:
		return GrantsPath
	case f.Local != "":
		return AccountGrantsPath(f.Domain, f.Local)
	}
	return ServiceGrantsPath(f.Domain)
}

// check is where what is typed is judged before it is sent. Of several accounts
// only the shape is.
func (f GrantForm) check() string {
	if len(f.Accounts) > 0 {
		return IdentifiersPath
	}
	return IdentifiersOf(f.Domain, f.Local)
}

// most is what the giver may pass on at all.
func (f GrantForm) most() policy.Extra {
	if f.Kind() == policy.OnService {
		return policy.AllExtras // only owners share a service
	}
	return policy.Passable(f.Access.Standing)
}

func (f GrantForm) offered() policy.Extra { return policy.Applicable(f.Kind()) & f.most() }

// given are the extras of the grant if the form is sent as it is.
func (f GrantForm) given() policy.Extra { return f.Extras & f.offered() }

func (f GrantForm) summary() []ui.ErrorLink {
	return f.Errors.Summary("identifiers", "extras", "expires_on", "note")
}

// until is the day that a giver's own grant ends on, "" if it does not.
func (f GrantForm) until(l *locale.Locale) string {
	if own := f.Access.ServiceGrant; own != nil && own.ExpiresAt != nil {
		return LastDay(l, *own.ExpiresAt)
	}
	return ""
}

// extraOptions are the ticks for the offered extras.
func extraOptions(l *locale.Locale, offered, ticked policy.Extra) []ui.Option {
	var options []ui.Option
	for _, name := range offered.Names() {
		x, _ := policy.ExtraNamed(name)
		options = append(options, ui.Option{
			Value: name, Label: sentence(l.T("policy.extra." + name)), Hint: l.T("policy.extra." + name + ".hint"), Selected: ticked.Has(x),
		})
	}
	return options
}

// GrantsView is who holds what on a service or on an account, and the form that gives more.
type GrantsView struct {
	Head    ServiceHead
	Form    GrantForm
	Grants  []GrantRow
	Through []GrantRow // of an account: those who reach it by a grant on the service
	Next    int64      // for the next page
	Message *Flash     // in the panel
	Now     time.Time

	// After a change made in the panel: the account as it stands, for its row in
	// the list below; none for the whole service, whose shares are counted below.
	Changed  *models.AccountItem
	Answered bool
}

// GrantRow is a grant with what its viewer may do to it.
type GrantRow struct {
	models.Grant
	May models.GrantRights
}

// Title names the page.
func (v GrantsView) Title(l *locale.Locale) string {
	switch {
	case len(v.Form.Accounts) > 0:
		return l.N("grant.bulk", int64(len(v.Form.Accounts)))
	case v.Form.Local != "":
		return l.T("grant.delegate")
	}
	return l.T("grant.share")
}

// of is what the grants are on, as people read it.
func (v GrantsView) of() string {
	if v.Form.Local != "" {
		return v.Form.Local + "@" + v.Head.Domain
	}
	return v.Head.Domain
}

func (v GrantsView) next() string {
	return withQuery(v.Form.action(), "after", strconv.FormatInt(v.Next, 10))
}

// changes says whether something can be given or taken at all.
func (v GrantsView) changes() bool { return !v.Head.Suspended }

// countOfShares is where a page shows how many shares the service has.
func (v GrantsView) countOfShares() string {
	return `.tabs a[href="` + ServiceGrantsPath(v.Form.Domain) + `"] .count`
}

// row is the account's row in the list of the tab Emails.
func (v GrantsView) row() AccountsView {
	return AccountsView{Head: v.Head, List: &models.AccountList{Access: *v.Form.Access}, Form: AccountsForm{Domain: v.Form.Domain}}
}

// heads is how many hold a grant, as far as this page tells.
func heads(l *locale.Locale, v GrantsView) string {
	n := l.Number(int64(len(v.Grants)))
	if v.Next != 0 {
		return n + "+"
	}
	return n
}

func expiresHint(l *locale.Locale, until string) string {
	if until != "" {
		return l.T("grant.expires.hint_until", "Date", until)
	}
	return l.T("grant.expires.hint")
}

// soon is how early a page warns of the end of a grant.
const soon = 7 * 24 * time.Hour

func endsSoon(g *models.Grant, now time.Time) bool {
	return g.Live(now) && g.ExpiresAt != nil && g.ExpiresAt.Sub(now) <= soon
}

// grantLines are what there is to say about a grant in a list, one line each.
func grantLines(l *locale.Locale, g *models.Grant) []string {
	period := l.T("grant.since_by", "Date", l.Date(g.Since), "Who", giver(l, g))
	if g.ExpiresAt != nil {
		period += " · " + l.T("grant.until", "Date", LastDay(l, *g.ExpiresAt))
	} else {
		period += " · " + l.T("grant.no_end")
	}
	return []string{period, grantUse(l, g), grantExtras(l, g)}
}

func giver(l *locale.Locale, g *models.Grant) string {
	if g.Agent != "" {
		return l.T("event.agent", "Agent", g.Agent, "Who", g.Giver)
	}
	return g.Giver
}

func grantUse(l *locale.Locale, g *models.Grant) string {
	if g.UsedAt == nil {
		return l.T("grant.unused")
	}
	return l.T("grant.used", "Date", l.Date(*g.UsedAt))
}

// grantExtras says which extras a grant has.
func grantExtras(l *locale.Locale, g *models.Grant) string {
	names := g.Extras.Names()
	if len(names) == 0 {
		return l.T("grant.no_extras")
	}
	return l.T("grant.extras_are", "Extras", extraNames(l, names))
}
