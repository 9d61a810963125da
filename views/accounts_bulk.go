package views

import (
	"slices"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// A BulkJob is a page that does the same to several ticked accounts, by the last part of its path.
type BulkJob string

// What can be done to several accounts on a page of its own.
const (
	BulkDescription BulkJob = "description"
	BulkSize        BulkJob = "size"
	BulkBlock       BulkJob = "block"
	BulkUnblock     BulkJob = "unblock"
	BulkRevocation  BulkJob = "revocation"
)

// Operation is the row of the permission table that the job asks for.
func (j BulkJob) Operation() policy.Operation {
	switch j {
	case BulkDescription:
		return policy.DescribeAccount
	case BulkRevocation:
		return policy.ChangeGrant
	}
	return policy.LimitAccount
}

// A batchItem is one button of the bar that appears with the first tick.
type batchItem struct {
	label     string
	operation policy.Operation
	path      func(domain string) string
}

func bulkPath(j BulkJob) func(string) string {
	return func(domain string) string { return BulkPath(domain, j) }
}

var batchItems = []batchItem{
	{"account.batch.delegate", policy.DelegateAccount, func(string) string { return NewGrantsPath }},
	{"account.batch.describe", policy.DescribeAccount, bulkPath(BulkDescription)},
	{"account.batch.size", policy.LimitAccount, bulkPath(BulkSize)},
	{"account.batch.block", policy.LimitAccount, bulkPath(BulkBlock)},
	{"account.batch.unblock", policy.LimitAccount, bulkPath(BulkUnblock)},
	{"account.batch.revoke", policy.ChangeGrant, bulkPath(BulkRevocation)},
	{"account.batch.export", policy.Export, AccountsFilePath},
}

// offers says whether the viewer is shown a button of the bar: what may be done
// here, and in a suspended service what changes nothing. Who can give no account
// away has none to take back.
func (v AccountsView) offers(i batchItem) bool {
	return v.may(i.operation) && (v.changes() || i.operation == policy.Export) && (i.operation != policy.ChangeGrant || v.may(policy.DelegateAccount))
}

// ticks says whether there is anything to do with ticked rows.
func (v AccountsView) ticks() bool { return slices.ContainsFunc(batchItems, v.offers) }

// batch is the bar as its viewer has it.
func (v AccountsView) batch(l *locale.Locale) []ui.ButtonArgs {
	var list []ui.ButtonArgs
	for _, i := range batchItems {
		if v.offers(i) {
			list = append(list, ui.ButtonArgs{Label: l.T(i.label), Form: "bulk", Action: i.path(v.Form.Domain)})
		}
	}
	return list
}

// BulkForm is the form of a [BulkJob], as typed.
type BulkForm struct {
	List        string   // the query of the list that one came from
	Ticked      []string // local parts
	Description string
	SizeGB      string
	Identifiers []string // of people ticked; nil ticks all
	Refused     []models.RefusedAccount
	Errors      Errors
}

// BulkView is the page of a [BulkJob].
type BulkView struct {
	Head     ServiceHead
	Job      BulkJob
	Access   *models.Access
	Form     BulkForm
	Accounts []models.Account // of those ticked, what the viewer may do this to
	Message  *Flash

	// Of a revocation: who holds some of them, and which of them somebody holds.
	Holders []models.Holder
	More    bool // there are more holders than these
	Open    []string
}

// A bulkRow is a ticked account, and why it is left out or was refused.
type bulkRow struct{ Local, Note, Reason string }

// rows are the accounts that take part, and those that cannot. What was refused
// takes part again.
func (v BulkView) rows(l *locale.Locale) (in, out []bulkRow) {
	accounts := make(map[string]*models.Account, len(v.Accounts))
	for i := range v.Accounts {
		accounts[v.Accounts[i].LocalPart] = &v.Accounts[i]
	}
	reasons := make(map[string]string, len(v.Form.Refused))
	for _, r := range v.Form.Refused {
		reasons[r.LocalPart] = MessageText(l, r.Message)
	}
	for _, local := range slices.Sorted(slices.Values(v.Form.Ticked)) {
		row := bulkRow{Local: local, Reason: reasons[local]}
		if a := accounts[local]; a != nil {
			row.Note = v.note(l, a)
		}
		if row.Reason != "" {
			in = append(in, row)
		} else if row.Reason = v.leftOut(l, accounts[local]); row.Reason != "" {
			out = append(out, row)
		} else {
			in = append(in, row)
		}
	}
	if v.Job == BulkRevocation && len(v.Holders) == 0 { // there is nothing to try again
		return nil, append(in, out...)
	}
	return in, out
}

// Title names the page: the job, and on how many accounts.
func (v BulkView) Title(l *locale.Locale) string {
	n := len(v.Form.Ticked)
	if in, _ := v.rows(l); len(in) > 0 {
		n = len(in)
	}
	return l.N("account.bulk."+string(v.Job), int64(n))
}

// leftOut is why the job has nothing to do on an account, "" where it has; nil is one that is not there.
func (v BulkView) leftOut(l *locale.Locale, a *models.Account) string {
	switch {
	case a == nil:
		return l.T("account.bulk.gone")
	case v.Job == BulkBlock && a.Blocked():
		return l.T("account.bulk.is_blocked")
	case v.Job == BulkUnblock && !a.Blocked():
		return l.T("account.bulk.is_active")
	case v.Job == BulkRevocation && !slices.Contains(v.Open, a.LocalPart):
		return l.T("account.bulk.unheld")
	}
	return ""
}

// note is what is good to know of an account before the job.
func (v BulkView) note(l *locale.Locale, a *models.Account) string {
	if v.Job == BulkSize {
		return usage(l, a)
	}
	return a.Description
}

// text says what the job does.
func (v BulkView) text(l *locale.Locale) string {
	sv := &v.Access.Service
	return l.T("account.bulk.text."+string(v.Job), "Left", l.Size(max(0, sv.MaxBytes-sv.AllottedBytes)), "Limit", l.Size(sv.MaxBytes))
}

func (v BulkView) action() string { return BulkPath(v.Access.Service.Domain, v.Job) }

// back is the list that one came from, at its search and its page.
func (v BulkView) back() string { return AccountsAt(v.Access.Service.Domain, v.Form.List) }

// summary leads to what was refused; open says that the form is there.
func (v BulkView) summary(l *locale.Locale, open bool) []ui.ErrorLink {
	links := v.Form.Errors.Summary("description", "size_gb", "identifiers")
	if n := len(v.Form.Refused); n > 0 {
		links = append(links, ui.ErrorLink{Field: "accounts", Text: l.N("account.bulk.refused", int64(n))})
	}
	if !open {
		for i := range links {
			links[i].Field = ""
		}
	}
	return links
}

// holders are the people of a revocation, each with what they lose.
func (v BulkView) holders(l *locale.Locale) []ui.Option {
	options := make([]ui.Option, len(v.Holders))
	for i, h := range v.Holders {
		options[i] = ui.Option{
			Value: h.Identifier, Label: h.Identifier + " · " + h.Name, Hint: l.N("grant.several.loses", int64(h.Accounts)),
			Selected: v.Form.Identifiers == nil || slices.Contains(v.Form.Identifiers, h.Identifier),
		}
	}
	return options
}

// button is what carries the job out.
func (v BulkView) button(l *locale.Locale) ui.ButtonArgs {
	switch v.Job {
	case BulkBlock:
		return ui.ButtonArgs{Label: l.T("account.block"), Kind: ui.Primary, Icon: "ban"}
	case BulkUnblock:
		return ui.ButtonArgs{Label: l.T("account.unblock"), Kind: ui.Primary, Icon: "lock-open"}
	case BulkRevocation:
		return ui.ButtonArgs{Label: l.T("grant.revoke"), Kind: ui.Danger, Icon: "user-minus"}
	}
	return ui.ButtonArgs{Label: l.T("common.save"), Kind: ui.Primary, Icon: "check"}
}

// BulkDone says what a job did, in figures.
func BulkDone(l *locale.Locale, j BulkJob, r *models.BulkResult, size int64) Flash {
	done, same := "", ""
	switch n := len(r.Done); {
	case n == 0:
	case j == BulkRevocation:
		done = l.T("grant.several.revoked", "People", l.N("grant.people_no_more", int64(people(r.Ended))), "Addresses", l.N("grant.addresses", int64(n)))
	default:
		done = l.N("account.bulk.done."+string(j), int64(n), "Size", l.Size(size))
	}
	if n := len(r.Same); n > 0 && j == BulkRevocation {
		same = l.N("grant.several.unheld", int64(n))
	} else if n > 0 {
		same = l.N("account.bulk.same", int64(n))
	}
	switch {
	case done == "" && same == "":
		return Flash{}
	case done == "":
		return Flash{Text: same}
	case same == "":
		return Flash{Tone: "ok", Text: done}
	}
	return Flash{Tone: "ok", Text: l.T("account.bulk.done_same", "Done", done, "Same", same)}
}

// people is how many have lost something.
func people(ended []models.EndedGrant) int {
	seen := map[string]bool{}
	for _, g := range ended {
		seen[g.Grantee] = true
	}
	return len(seen)
}
