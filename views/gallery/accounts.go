package gallery

import (
	"time"

	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

var accounts = []Entry{
	{Name: "accounts/list", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return accountsList(l, p, asOwner(), someAccounts(l), views.AccountsForm{})
	}},
	{Name: "accounts/list-of-delegate", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a, items := asChloe(), someAccounts(l)[1:2]
		items[0].Managers, items[0].Held = nil, a.Standing.Account
		return accountsList(l, asOf(p, a), a, items, views.AccountsForm{})
	}},
	{Name: "accounts/list-empty", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return accountsList(l, p, asOwner(), nil, views.AccountsForm{})
	}},
	{Name: "accounts/list-none-found", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return accountsList(l, p, asOwner(), nil, views.AccountsForm{Search: "compat"})
	}},
	{Name: "accounts/list-suspended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return accountsList(l, p, suspended(asOwner()), someAccounts(l), views.AccountsForm{})
	}},
	{Name: "accounts/new", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		p.Title = l.T("account.new.title")
		return views.NewAccountPage(p, headOf(l, a, "emails"), views.NewAccountForm{Domain: a.Service.Domain, Access: a, MayPassword: true})
	}},
	{Name: "accounts/new-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		p.Title, p.Refused = l.T("account.new.title"), true
		return views.NewAccountPage(p, headOf(l, a, "emails"), views.NewAccountForm{
			Domain: a.Service.Domain, Access: a, MayPassword: true, Local: "contact", Description: "<script>", SizeGB: "cinq",
			Errors: views.Errors{
				"local":    {l.T("account.local.taken", "Address", "contact@garrigue.example")},
				"size_gb":  {l.T("account.size.shape", "Size", "cinq")},
				"password": {l.T("password.short", "Min", models.MinMailboxPassword)},
			},
		})
	}},
	{Name: "accounts/settings", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return accountPage(l, p, views.AccountView{Access: asOwner(), Managers: []models.Grant{{Grantee: "cl1003-mdt"}}})
	}},
	{Name: "accounts/settings-redirected", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return accountPage(l, p, views.AccountView{Access: asOwner(), Redirections: redirectionsOfContact(), Filters: &models.AccountFilters{Own: 2, From: []string{"compta"}}})
	}},
	{Name: "accounts/settings-redirections-full", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a, of := asOwner(), redirectionsOfContact()
		a.Service.MaxRedirections = a.Service.RedirectionCount
		of.Own, of.From, of.More = nil, of.From[1:], true
		return accountPage(l, p, views.AccountView{Access: a, Redirections: of})
	}},
	{Name: "accounts/settings-of-delegate", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return accountPage(l, asOf(p, asChloe()), views.AccountView{Access: asChloe()})
	}},
	{Name: "accounts/settings-blocked", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		a.Account.State, a.Account.HasPassword = models.AccountBlocked, false
		return accountPage(l, p, views.AccountView{Access: a})
	}},
	{Name: "accounts/settings-suspended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return accountPage(l, p, views.AccountView{Access: suspended(asOwner())})
	}},
	{Name: "accounts/settings-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return accountPage(l, p, views.AccountView{Access: asOwner(), Form: views.AccountForm{
			Description: "Contact", SizeGB: "12", Version: 3, Errors: views.Errors{"size_gb": {l.T("account.size.large", "Most", l.Size(5*models.GB))}},
		}})
	}},
	{Name: "accounts/settings-conflict", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return accountPage(l, p, views.AccountView{Access: asOwner(), Conflict: true, Form: views.AccountForm{Description: say(l, "Contact presse", "Press contact"), SizeGB: "2", Version: 4}})
	}},
	{Name: "accounts/password", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return accountPassword(l, p, views.AccountPasswordForm{})
	}},
	{Name: "accounts/password-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return accountPassword(l, p, views.AccountPasswordForm{Errors: views.Errors{"password_again": {l.T("password.again.differs")}}})
	}},
	{Name: "accounts/password-done", Part: true, Component: func(l *locale.Locale, p views.Page) templ.Component {
		return views.AccountPasswordPanel(p, views.AccountPasswordForm{
			Account: asOwner().Account, Domain: "garrigue.example", Done: l.T("account.password.changed", "Address", "contact@garrigue.example"),
		})
	}},
	{Name: "accounts/deletion", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return accountDeletion(l, p, views.AccountDeletionView{Access: asOwner(), Managers: []models.Grant{{Grantee: "cl1003-mdt"}, {Grantee: "dn1004-mdt"}}})
	}},
	{Name: "accounts/deletion-losses", Component: func(l *locale.Locale, p views.Page) templ.Component {
		of := redirectionsOfContact()
		of.From = of.From[1:] // without the catch-all
		return accountDeletion(l, p, views.AccountDeletionView{Access: asOwner(), Redirections: of, Filters: &models.AccountFilters{Own: 2, From: []string{"compta", "rh"}, More: true}, Responder: &models.Responder{Subject: "Congés <d’été>"}, Lists: []string{"equipe", "gazette"}, MoreLists: true})
	}},
	{Name: "accounts/deletion-catch-all", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		a.CatchAll = 4
		p.Refused = true
		return accountDeletion(l, p, views.AccountDeletionView{Access: a, Redirections: redirectionsOfContact(), Confirm: "contact", Errors: views.Errors{
			"": {l.T("redirection.chain.freed", "Chain", "contact@garrigue.example → *@garrigue.example → contact@garrigue.example")},
		}})
	}},
	{Name: "accounts/deletion-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return accountDeletion(l, p, views.AccountDeletionView{
			Access: asOwner(), Confirm: "kontakt", Errors: views.Errors{"confirm": {l.T("account.confirm.differs", "Local", "contact")}},
		})
	}},
}

// asOwner is Alice with contact@garrigue.example.
func asOwner() *models.Access {
	set := Now.AddDate(0, -2, 0)
	return &models.Access{
		Service: models.Service{
			ID: 1, Domain: "garrigue.example", OwnerIdentifier: "ad1001-mdt", OwnerName: "Alice Durand", State: models.ServiceActive,
			MaxAccounts: 2000, MaxBytes: 8000 * models.GB, MaxAccountBytes: 5 * models.GB, AccountCount: 1284, AllottedBytes: 6180 * models.GB, ShareCount: 1,
			MaxRedirections: 500, RedirectionCount: 12,
			CreatedAt: Now.AddDate(-3, 0, 0),
		},
		Account: &models.Account{
			ID: 9, LocalPart: "contact", Address: "contact@garrigue.example", Description: "Contact du site",
			SizeBytes: 5 * models.GB, UsedBytes: 860_000_000, State: models.AccountActive, HasPassword: true, PasswordSetAt: &set, Version: 3, CreatedAt: Now.AddDate(-1, 0, 0),
		},
		Standing: policy.Standing{Owner: true},
	}
}

// asChloe holds contact@garrigue.example until the end of the year.
func asChloe() *models.Access {
	a, extras, until := asOwner(), policy.Password, time.Date(2026, time.December, 31, 23, 0, 0, 0, time.UTC)
	a.AccountGrant = &models.Held{ID: 3, Extras: extras, Giver: "ad1001-mdt", Since: Now.AddDate(0, -3, 0), ExpiresAt: &until}
	a.Standing = policy.Standing{Account: &extras}
	return a
}

func suspended(a *models.Access) *models.Access {
	a.Service.State = models.ServiceSuspended
	return a
}

// asOf is the page as the delegate of a sees it.
func asOf(p views.Page, a *models.Access) views.Page {
	switch {
	case a.ServiceGrant != nil:
		p.Viewer = views.Viewer{Identifier: "bm1002-mdt", Name: "Bruno Martin"}
	case a.AccountGrant != nil:
		p.Viewer = views.Viewer{Identifier: "cl1003-mdt", Name: "Chloé Laurent"}
	}
	return p
}

// headOf is the frame of a page of the service, with the tabs that its viewer has.
func headOf(l *locale.Locale, a *models.Access, current string, below ...ui.Crumb) views.ServiceHead {
	head := views.ServiceHead{Domain: a.Service.Domain, Path: views.ServicePath(a.Service.Domain), Crumbs: below, Suspended: a.Service.State == models.ServiceSuspended}
	tab := func(name, path, count string) {
		head.Tabs = append(head.Tabs, ui.Tab{Label: l.T("service.tab." + name), Path: path, Count: count, Current: name == current})
	}
	if a.Whole() {
		tab("overview", views.ServicePath(a.Service.Domain), "")
	}
	tab("emails", views.AccountsPath(a.Service.Domain), "")
	if a.May(policy.EditRedirections) {
		tab("redirections", views.RedirectionsPath(a.Service.Domain), l.Number(int64(a.Service.RedirectionCount)))
	}
	if a.Whole() && a.May(policy.EditResponder) {
		tab("responders", views.RespondersPath(a.Service.Domain), l.Number(int64(a.Service.ResponderCount)))
	}
	if a.May(policy.EditLists) {
		tab("lists", views.ListsPath(a.Service.Domain), l.Number(int64(a.Service.ListCount)))
	}
	if a.May(policy.ShareService) {
		tab("shares", views.ServiceGrantsPath(a.Service.Domain), l.Number(int64(a.Service.ShareCount)))
	}
	tab("history", views.ServiceHistoryPath(a.Service.Domain), "")
	for _, held := range []*models.Held{a.ServiceGrant, a.AccountGrant} {
		if held != nil {
			head.Shared = &views.Shared{By: held.Giver, Since: held.Since, ResignPath: views.ResignationPath(held.ID)}
			if held.ExpiresAt != nil {
				head.Shared.Until = *held.ExpiresAt
			}
		}
	}
	return head
}

func someAccounts(l *locale.Locale) []models.AccountItem {
	item := func(id int64, local, description string, used int64, state models.AccountState, managers ...string) models.AccountItem {
		return models.AccountItem{Account: models.Account{
			ID: id, LocalPart: local, Address: local + "@garrigue.example", Description: description, SizeBytes: 5 * models.GB, UsedBytes: used * models.GB / 100, State: state,
		}, Managers: managers}
	}
	list := []models.AccountItem{
		item(1, "accueil", say(l, "Accueil du cabinet", "Front desk"), 471, models.AccountActive, "cl1003-mdt"),
		item(9, "contact", say(l, "Contact du site", "Contact of the site"), 86, models.AccountActive, "bm1002-mdt", "cl1003-mdt"),
		item(3, "archives", say(l, "Archives 2019–2024", "Archives 2019–2024"), 500, models.AccountActive),
		item(4, "louis.noel", "Louis Noël", 9, models.AccountBlocked),
	}
	list[1].MoreManagers = true
	return list
}

func accountsList(l *locale.Locale, p views.Page, a *models.Access, items []models.AccountItem, f views.AccountsForm) templ.Component {
	p.Title, p.Here, f.Domain = l.T("account.title", "Domain", a.Service.Domain), "services", a.Service.Domain
	list := &models.AccountList{Access: *a, Items: items}
	if len(items) > 1 {
		list.Next = "louis.noel"
	}
	return views.AccountsPage(p, views.AccountsView{Head: headOf(l, a, "emails"), List: list, Form: f})
}

// accountCrumbs lead to a page below the list.
func accountCrumbs(l *locale.Locale, below ...ui.Crumb) []ui.Crumb {
	return append([]ui.Crumb{{Label: l.T("service.tab.emails"), Path: views.AccountsPath("garrigue.example")}}, below...)
}

func accountPage(l *locale.Locale, p views.Page, v views.AccountView) templ.Component {
	p.Title, p.Here = "contact@garrigue.example", "services"
	v.Head = headOf(l, v.Access, "emails", accountCrumbs(l, ui.Crumb{Label: p.Title})...)
	if v.Form.Version == 0 {
		v.Form = views.StoredAccount(l, v.Access.Account)
	}
	if v.Redirections == nil {
		v.Redirections = &models.AccountRedirections{}
	}
	if v.Filters == nil {
		v.Filters = &models.AccountFilters{}
	}
	return views.AccountPage(p, v)
}

func accountPassword(l *locale.Locale, p views.Page, f views.AccountPasswordForm) templ.Component {
	a := asOwner()
	f.Account, f.Domain, f.Suggested = a.Account, a.Service.Domain, "k7fpq-m3xwz-9rtha-cd4ns"
	p.Title, p.Here = f.Title(l), "services"
	return views.AccountPasswordPage(p, headOf(l, a, "emails", accountCrumbs(l, ui.Crumb{Label: p.Title})...), f)
}

func accountDeletion(l *locale.Locale, p views.Page, v views.AccountDeletionView) templ.Component {
	p.Title, p.Here = l.T("account.delete"), "services"
	v.Head = headOf(l, v.Access, "emails", accountCrumbs(l, ui.Crumb{Label: p.Title})...)
	if v.Redirections == nil {
		v.Redirections = &models.AccountRedirections{}
	}
	if v.Filters == nil {
		v.Filters = &models.AccountFilters{}
	}
	return views.AccountDeletionPage(p, v)
}
