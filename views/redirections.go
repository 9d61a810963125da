package views

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// RedirectionsForm is the search above the redirections, as it stands in the URL.
type RedirectionsForm struct {
	Domain        string // A-label
	Search        string
	After, Before string
	From          int // rows before this page, as far as the links told; for the reader only
}

// Query is the form as the models take it.
func (f RedirectionsForm) Query() models.RedirectionQuery {
	return models.RedirectionQuery{Search: f.Search, After: f.After, Before: f.Before}
}

// path is the URL of the list as the form says.
func (f RedirectionsForm) path() string {
	q := url.Values{}
	for name, value := range map[string]string{"q": f.Search, "after": f.After, "before": f.Before, "from": strconv.Itoa(f.From)} {
		if value != "" && value != "0" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return RedirectionsPath(f.Domain)
	}
	return RedirectionsPath(f.Domain) + "?" + q.Encode()
}

// FilePath is the URL of the CSV file of what the form lists, all its pages.
func (f RedirectionsForm) FilePath() string {
	return withQuery(RedirectionsFilePath(f.Domain), "q", f.Search)
}

// RedirectionsView is the tab Redirections.
type RedirectionsView struct {
	Head   ServiceHead
	Access *models.Access
	List   *models.RedirectionList
	Form   RedirectionsForm
}

// adds says whether another redirection can be made now.
func (v RedirectionsView) adds() bool {
	return !v.Head.Suspended && v.Access.Service.RedirectionCount < v.Access.Service.MaxRedirections
}

func (v RedirectionsView) pager() ui.PagerArgs {
	n := len(v.List.Items)
	a := ui.PagerArgs{Target: "#list", Total: int64(v.Form.From + n)}
	if v.List.Previous != "" {
		a.Previous = RedirectionsForm{Domain: v.Form.Domain, Search: v.Form.Search, Before: v.List.Previous, From: max(0, v.Form.From-models.PageSizes[0])}.path()
	}
	if v.List.Next != "" {
		a.Next = RedirectionsForm{Domain: v.Form.Domain, Search: v.Form.Search, After: v.List.Next, From: v.Form.From + n}.path()
	}
	if v.Form.Search == "" {
		a.Total = max(a.Total, int64(v.Access.Service.RedirectionCount))
	} else {
		a.Capped = a.Next != ""
	}
	if a.Previous != "" || a.Next != "" {
		a.First, a.Last = int64(v.Form.From+1), int64(v.Form.From+n)
	}
	return a
}

// nearLimit is from which share of a limit a page warns, in per cent.
const nearLimit = 80

// used is how many of the redirections of the service there are, and with which weight that is said.
func (v RedirectionsView) used(l *locale.Locale) (tone ui.Tone, text string) {
	n, most := v.Access.Service.RedirectionCount, v.Access.Service.MaxRedirections
	key := "redirection.used"
	switch {
	case n >= most:
		tone, key = ui.Warn, "redirection.used_all"
	case n*100 >= most*nearLimit:
		tone, key = ui.Warn, "redirection.used_soon"
	}
	return tone, l.T(key, "Count", l.Number(int64(n)), "Most", l.Number(int64(most)))
}

// redirectionKind is what the source of a redirection is, beside its address.
func redirectionKind(l *locale.Locale, r *models.Redirection) string {
	switch {
	case r.CatchAll():
		return l.T("redirection.catch_all")
	case r.AccountID == 0:
		return l.T("redirection.alias")
	case r.KeepCopy:
		return l.T("redirection.copy.kept")
	}
	return l.T("redirection.copy.none")
}

// leadsOutside says whether a redirection sends mail out of the service.
func leadsOutside(r *models.Redirection) bool {
	return slices.ContainsFunc(r.Targets, func(t models.Target) bool { return t.Outside })
}

func (v RedirectionsView) menu(l *locale.Locale, r *models.Redirection) ui.MenuArgs {
	return ui.MenuArgs{
		ID: "m" + strconv.FormatInt(r.ID, 10), Label: l.T("redirection.actions", "Address", r.Readable()), Form: "act", Items: []ui.MenuItem{
			{Label: l.T("redirection.settings"), Path: RedirectionPath(v.Form.Domain, r.ID)},
			{Label: l.T("redirection.delete"), Path: RedirectionDeletionPath(v.Form.Domain, r.ID), Post: true, Danger: true},
		},
	}
}

// RedirectionTargets names where a redirection leads, in a sentence.
func RedirectionTargets(l *locale.Locale, r *models.Redirection) string {
	first := models.ReadableAddress(r.Targets[0].Address)
	if len(r.Targets) == 1 {
		return first
	}
	return l.T("redirection.targets_more", "Target", first, "Count", l.Number(int64(len(r.Targets)-1)))
}

// RedirectionForm is the form of a new redirection, or of one that is there, as typed.
type RedirectionForm struct {
	Kind     string // "address" or "all"; new ones only
	From     string // new ones only
	To       string
	KeepCopy bool
	Version  int
	Errors   Errors
	Existing string // the address that has a redirection already
}

// StoredRedirection is the form as the redirection stands.
func StoredRedirection(r *models.Redirection) RedirectionForm {
	targets := r.TargetAddresses()
	for i, t := range targets {
		targets[i] = models.ReadableAddress(t)
	}
	return RedirectionForm{To: strings.Join(targets, "\n"), KeepCopy: r.KeepCopy, Version: r.Version}
}

// RedirectionAgain are the fields of the form that makes a redirection as it was.
func RedirectionAgain(r *models.Redirection) []ui.Hidden {
	kind := "address"
	if r.CatchAll() {
		kind = "all"
	}
	fields := []ui.Hidden{{Name: "kind", Value: kind}, {Name: "from", Value: r.LocalPart}, {Name: "to", Value: strings.Join(r.TargetAddresses(), " ")}}
	if r.KeepCopy {
		fields = append(fields, ui.Hidden{Name: "keep_copy", Value: "on"})
	}
	return fields
}

// RedirectionView is the page of one redirection, or of a new one.
type RedirectionView struct {
	Head        ServiceHead
	Access      *models.Access
	Redirection *models.Redirection // nil for a new one
	Form        RedirectionForm
	Conflict    bool // the form was sent for an older version
}

func (v RedirectionView) domain() string { return v.Access.Service.Domain }

// action is where the form is sent.
func (v RedirectionView) action() string {
	if v.Redirection == nil {
		return RedirectionsPath(v.domain())
	}
	return RedirectionPath(v.domain(), v.Redirection.ID)
}

// toHint is what can be typed as targets, and what becomes of those outside.
func (v RedirectionView) toHint(l *locale.Locale) string {
	hint := l.T("redirection.to_hint", "Most", models.MaxTargets) + " "
	if !v.Access.May(policy.ForwardOut) {
		return hint + l.T("redirection.to_hint_inside", "Owner", v.Access.Service.OwnerIdentifier)
	}
	return hint + l.T("redirection.to_hint_outside")
}

func (v RedirectionView) kinds(l *locale.Locale) ui.ChoicesArgs {
	return ui.ChoicesArgs{Name: "kind", Legend: l.T("redirection.kind"), Errors: v.Form.Errors["kind"], One: true, Items: []ui.Option{
		{Value: "address", Label: l.T("redirection.kind.address"), Selected: v.Form.Kind != "all"},
		{Value: "all", Label: l.T("redirection.kind.all"), Hint: l.T("redirection.kind.all_hint", "Domain", v.Head.Domain), Selected: v.Form.Kind == "all"},
	}}
}

// differences are the fields whose typed value is not the stored one.
func (v RedirectionView) differences(l *locale.Locale) []Difference {
	stored := StoredRedirection(v.Redirection)
	list := compare(nil, l.T("redirection.to"), v.Form.To, stored.To)
	word := func(kept bool) string {
		return l.T("redirection.keep_copy." + map[bool]string{true: "yes", false: "no"}[kept])
	}
	return compare(list, l.T("redirection.keep_copy"), word(v.Form.KeepCopy), word(stored.KeepCopy))
}

// keptWord says whether a copy is kept.
func keptWord(l *locale.Locale, kept bool) string {
	if kept {
		return l.T("redirection.keep_copy.yes")
	}
	return l.T("redirection.keep_copy.no")
}
