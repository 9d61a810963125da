package views

import (
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// AccountForm is the settings of one address, as typed.
type AccountForm struct {
	Description string
	SizeGB      string
	Version     int
	Errors      Errors
}

// StoredAccount is the form as the account stands.
func StoredAccount(l *locale.Locale, a *models.Account) AccountForm {
	return AccountForm{Description: a.Description, SizeGB: gb(l, a.SizeBytes), Version: a.Version}
}

// AccountView is the page of one address: its settings, how it stands, and
// everything that can be done with it.
type AccountView struct {
	Head     ServiceHead
	Access   *models.Access
	Form     AccountForm
	Managers []models.Grant // for those who may know
	Conflict bool           // the form was sent for an older version

	Responder    *models.Responder           // nil when there is none, or it is not the viewer's to edit
	Redirections *models.AccountRedirections // none when they are not the viewer's to edit
	Filters      *models.AccountFilters
	Now          time.Time
}

// changes says whether the viewer may do op now: buttons that would be refused are absent.
func (v AccountView) changes(op policy.Operation) bool {
	return !v.Head.Suspended && v.Access.May(op)
}

// redirects says whether the viewer may redirect the mail of the address now.
func (v AccountView) redirects() bool {
	return v.changes(policy.EditRedirections) && v.Access.Service.RedirectionCount < v.Access.Service.MaxRedirections
}

func (v AccountView) domain() string  { return v.Access.Service.Domain }
func (v AccountView) local() string   { return v.Access.Account.LocalPart }
func (v AccountView) address() string { return models.ReadableAddress(v.Access.Account.Address) }

// seesManagers says whether the viewer is told who else manages the address.
func (v AccountView) seesManagers() bool {
	return policy.Decide(policy.SeeGrants, v.Access.Standing) == policy.Everything
}

// differences are the fields whose typed value is not the stored one.
func (v AccountView) differences(l *locale.Locale) []Difference {
	stored := StoredAccount(l, v.Access.Account)
	list := compare(nil, l.T("account.description"), v.Form.Description, stored.Description)
	if v.changes(policy.LimitAccount) {
		list = compare(list, l.T("account.size"), v.Form.SizeGB, stored.SizeGB)
	}
	return list
}

// passwordState is whether and since when the address has a password.
func passwordState(l *locale.Locale, a *models.Account) string {
	switch {
	case !a.HasPassword:
		return l.T("account.password.absent")
	case a.PasswordSetAt == nil:
		return l.T("account.password.present")
	}
	return l.T("account.password.since", "Date", l.Date(*a.PasswordSetAt))
}

// managerNames names who manages an address, one after the other.
func managerNames(grants []models.Grant) string {
	names := make([]string, len(grants))
	for i, g := range grants {
		names[i] = g.Grantee
	}
	return joined(names)
}

// facts are what the page says of the address beside its settings.
func (v AccountView) facts(l *locale.Locale) []ui.Fact {
	a := v.Access.Account
	list := []ui.Fact{
		{Term: l.T("account.storage"), More: ui.Meter(a.Percent(), usage(l, a))},
		{Term: l.T("account.password"), Text: passwordState(l, a)},
		{Term: l.T("account.since"), Text: l.Date(a.CreatedAt)},
	}
	if r := v.Responder; r != nil {
		list = append(list, ui.Fact{Term: l.T("responder.title"), More: responderFact(r, v.Now, AccountResponderPath(v.domain(), v.local()))})
	}
	if own := v.Redirections.Own; own != nil || v.redirects() {
		list = append(list, ui.Fact{Term: l.T("redirection.onward"), More: redirectionFact(l, v.domain(), v.local(), own)})
	}
	if len(v.Redirections.From)+len(v.Filters.From) > 0 {
		list = append(list, ui.Fact{Term: l.T("redirection.inward"), More: leadingFact(l, v.domain(), v.Redirections, v.Filters)})
	}
	if v.seesManagers() {
		fact := ui.Fact{Term: l.T("account.managed_by"), Text: l.T("account.only_you")}
		switch {
		case len(v.Managers) > 0:
			fact.Text, fact.More = "", Mono(managerNames(v.Managers))
		case v.Access.Service.ShareCount > 0:
			fact.Text = l.T("account.managed_by_share")
		}
		list = append(list, fact)
	}
	if !v.changes(policy.DescribeAccount) && a.Description != "" {
		list = append([]ui.Fact{{Term: l.T("account.description"), Text: a.Description}}, list...)
	}
	return list
}

// AccountPasswordForm is the form of [AccountPasswordPanel]. Passwords never come back.
type AccountPasswordForm struct {
	Account   *models.Account
	Domain    string
	Suggested string // offered as text; made for this page alone
	Done      string // what was done, instead of the form
	Errors    Errors
}

// Title is what the job is: to set the first password, or another one.
func (f AccountPasswordForm) Title(l *locale.Locale) string {
	if f.Account.HasPassword {
		return l.T("account.password.change")
	}
	return l.T("account.password.set")
}

// AccountDeletionView is the page that names what goes with an address.
type AccountDeletionView struct {
	Head     ServiceHead
	Access   *models.Access
	Managers []models.Grant
	More     bool // there are more managers than these
	Confirm  string
	Errors   Errors

	Redirections *models.AccountRedirections // none when they are not the viewer's to edit
	Filters      *models.AccountFilters
	Responder    *models.Responder // nil: it has none, or it is not the viewer's to see
	Lists        []string          // those that write to it, by name
	MoreLists    bool
}

// losses are what is gone once the address is deleted, in figures.
func (v AccountDeletionView) losses(l *locale.Locale) []ui.Fact {
	a := v.Access.Account
	managers := ui.Fact{Term: l.T("account.deletion.managers"), Text: l.T("account.deletion.everybody")}
	if len(v.Managers) > 0 {
		names := managerNames(v.Managers)
		if v.More {
			names += ", …"
		}
		managers.Text, managers.More = "", Mono(names)
	}
	delivery := "account.deletion.delivery_text"
	if v.Access.CatchAll != 0 {
		delivery = "account.deletion.delivery_catch_all"
	}
	list := []ui.Fact{
		{Term: l.T("account.deletion.mail"), Text: l.T("account.deletion.mail_text", "Used", l.Size(a.UsedBytes))},
		{Term: l.T("account.deletion.delivery"), Text: l.T(delivery)},
	}
	if own := v.Redirections.Own; own != nil {
		list = append(list, ui.Fact{Term: l.T("account.deletion.redirection"), Text: l.T("account.deletion.redirection_text", "Targets", RedirectionTargets(l, own))})
	}
	if n := v.Filters.Own; n > 0 {
		list = append(list, ui.Fact{Term: l.T("filter.title"), Text: l.N("account.deletion.filters", int64(n))})
	}
	if v.Responder != nil {
		list = append(list, ui.Fact{Term: l.T("responder.title"), Text: l.T("account.deletion.responder", "Subject", v.Responder.Subject)})
	}
	if len(v.Redirections.From)+len(v.Filters.From)+len(v.Lists) > 0 {
		list = append(list, ui.Fact{Term: l.T("account.deletion.leads"), More: deletionLeads(l, v)})
	}
	return append(list, managers, ui.Fact{Term: l.T("account.deletion.address"), Text: l.T("account.deletion.address_text")})
}

// lost is what becomes of mail that redirections and lists send to the address.
func (v AccountDeletionView) lost(l *locale.Locale) string {
	if v.Access.CatchAll != 0 {
		return l.T("account.deletion.leads_catch_all")
	}
	return l.T("account.deletion.leads_text")
}
