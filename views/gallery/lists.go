package gallery

import (
	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

var lists = []Entry{
	{Name: "lists/list", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listsPage(l, p, asOwner(), someLists(), "")
	}},
	{Name: "lists/list-held", Component: func(l *locale.Locale, p views.Page) templ.Component {
		items := someLists()
		items[0].Posting, items[0].HeldCount = models.PostingModerated, 3
		return listsPage(l, p, asOwner(), items, "")
	}},
	{Name: "lists/list-nearly-full", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		a.Service.ListCount = 17
		return listsPage(l, p, a, someLists(), "")
	}},
	{Name: "lists/list-full", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		a.Service.ListCount = 20
		return listsPage(l, p, a, someLists(), "")
	}},
	{Name: "lists/list-suspended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listsPage(l, p, suspended(asOwner()), someLists(), "")
	}},
	{Name: "lists/list-empty", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listsPage(l, p, asOwner(), nil, "")
	}},
	{Name: "lists/list-none-found", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listsPage(l, p, asOwner(), nil, "zz")
	}},
	{Name: "lists/new", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return newList(l, p, views.NewListForm(l, "alice@durand.example"))
	}},
	{Name: "lists/new-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return newList(l, p, views.ListForm{
			Name: "postmaster", Owner: "<script>", ReplyTo: "address", ReplyToAddress: "nobody", Language: "fr", Posting: "moderated",
			Errors: views.Errors{
				"name": {l.T("list.name.reserved", "Name", "postmaster")}, "owner": {l.T("address.shape")}, "reply_to": {l.T("address.shape")},
			},
		})
	}},
	{Name: "lists/settings", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listSettings(l, p, views.ListView{Access: asOwner()})
	}},
	{Name: "lists/settings-suspended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listSettings(l, p, views.ListView{Access: suspended(asOwner())})
	}},
	{Name: "lists/settings-unmoderated", Component: func(l *locale.Locale, p views.Page) templ.Component {
		list := someLists()[0]
		list.Posting, list.ModeratorCount, list.ReplyTo = models.PostingModerated, 0, "reponses@garrigue.example"
		return listSettings(l, p, views.ListView{Access: asOwner(), List: &list})
	}},
	{Name: "lists/settings-conflict", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return listSettings(l, p, views.ListView{Access: asOwner(), Conflict: true, Form: views.ListForm{
			Owner: "alice@durand.example", ReplyTo: models.ReplyToSender, Language: "en", Posting: "everyone", Version: 2,
		}})
	}},
	{Name: "lists/deletion", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listDeletion(l, p, views.ListDeletionView{})
	}},
	{Name: "lists/deletion-catch-all", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		a.CatchAll = 4
		return listDeletion(l, p, views.ListDeletionView{Access: a})
	}},
	{Name: "lists/deletion-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return listDeletion(l, p, views.ListDeletionView{Confirm: "annonce", Errors: views.Errors{"confirm": {l.T("list.confirm.differs", "Name", "annonces")}}})
	}},
	{Name: "lists/members", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listMembers(l, p, asOwner(), models.Subscribers, views.MembersView{})
	}},
	{Name: "lists/members-bounces", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listMembers(l, p, asOwner(), models.Subscribers, views.MembersView{Page: &models.MemberPage{Items: []models.Member{
			{Email: "anna@else.example", AddedAt: Now, Bounces: 1}, {Email: "b@else.example", AddedAt: Now}, {Email: "c@else.example", AddedAt: Now, Bounces: 4},
		}}})
	}},
	{Name: "lists/members-none", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listMembers(l, p, asOwner(), models.Subscribers, views.MembersView{Page: &models.MemberPage{}})
	}},
	{Name: "lists/members-none-found", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listMembers(l, p, asOwner(), models.Subscribers, views.MembersView{Page: &models.MemberPage{}, Form: views.WalkForm{Search: "zz"}})
	}},
	{Name: "lists/members-suspended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listMembers(l, p, suspended(asOwner()), models.Subscribers, views.MembersView{})
	}},
	{Name: "lists/members-some-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		done := views.MembersDone(l, &models.MemberResult{Done: make([]string, 298), Same: []string{"anna@else.example"}, Doubles: 2}, models.Subscribers, false)
		return listMembers(l, p, asOwner(), models.Subscribers, views.MembersView{
			Done: &done, Typed: "not an address\nannonces@garrigue.example", More: 1, Lines: []string{
				views.LineReason(l, models.RefusedLine{Line: "not an address", Message: models.Message{Key: "address.shape"}}),
				views.LineReason(l, models.RefusedLine{Line: "annonces@garrigue.example", Message: models.Message{Key: "list.itself", Args: []any{"Address", "annonces@garrigue.example"}}}),
			},
		})
	}},
	{Name: "lists/members-removal-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return listMembers(l, p, asOwner(), models.Subscribers, views.MembersView{Job: views.MembersRemoval, Errors: views.Errors{"members": {l.T("list.members.none")}}})
	}},
	{Name: "lists/members-mailing", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listMembers(l, p, asOwner(), models.Subscribers, views.MembersView{Mails: true})
	}},
	{Name: "lists/members-mailing-waiting", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return mailing(l, p, models.MailingWaiting)
	}},
	{Name: "lists/members-mailing-sent", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return mailing(l, p, models.MailingSent)
	}},
	{Name: "lists/members-mailing-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return mailing(l, p, models.MailingRefused)
	}},
	{Name: "lists/members-mailing-failed", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return mailing(l, p, models.MailingFailed)
	}},
	{Name: "lists/members-mailing-dropped", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return mailing(l, p, models.MailingDropped)
	}},
	{Name: "lists/members-mailing-limit", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return listMembers(l, p, asOwner(), models.Subscribers, views.MembersView{
			Mails: true, Job: views.MembersMailing, Errors: views.Errors{"": {l.T("list.mailing.limit", "Most", models.MailingsOfList, "Minutes", 42)}},
		})
	}},
	{Name: "lists/members-mailing-changed", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return listMembers(l, p, asOwner(), models.Subscribers, views.MembersView{
			Mails: true, Job: views.MembersMailing, Errors: views.Errors{"": {l.T("list.mailing.changed")}},
		})
	}},
	{Name: "lists/moderators", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return listMembers(l, p, asOwner(), models.Moderators, views.MembersView{})
	}},
}

// mailing is the page of subscribers after a mailing that ended so.
func mailing(l *locale.Locale, p views.Page, state models.MailingState) templ.Component {
	m := &models.Mailing{ID: 1, Recipient: "alice@garrigue.example", AskedAt: Now, State: state}
	if state != models.MailingWaiting {
		m.SettledAt = &m.AskedAt
	}
	return listMembers(l, p, asOwner(), models.Subscribers, views.MembersView{Mails: true, Mailing: m})
}

func someLists() []models.List {
	return []models.List{
		{
			ID: 1, LocalPart: "annonces", Address: "annonces@garrigue.example", OwnerEmail: "alice@garrigue.example", ReplyTo: models.ReplyToList, Language: "fr",
			Posting: models.PostingSubscribers, SubscriberCount: 312, ModeratorCount: 1, Version: 2, CreatedAt: Now.AddDate(0, -1, 0),
		},
		{
			ID: 2, LocalPart: "equipe", Address: "equipe@garrigue.example", OwnerEmail: "rh@garrigue.example", ReplyTo: models.ReplyToSender, Language: "en",
			Posting: models.PostingEveryone, SubscriberCount: 1, Version: 1, CreatedAt: Now,
		},
	}
}

func listsPage(l *locale.Locale, p views.Page, a *models.Access, items []models.List, search string) templ.Component {
	p.Title, p.Here = l.T("list.title", "Domain", a.Service.Domain), "services"
	a.Service.MaxLists = 20
	a.Service.ListCount = max(a.Service.ListCount, len(items))
	return views.ListsPage(p, views.ListsView{
		Head: headOf(l, a, "lists"), Access: a, Page: &models.ListPage{Items: items}, Form: views.WalkForm{Path: views.ListsPath(a.Service.Domain), Search: search},
	})
}

// listCrumbs lead to a page below the list of lists.
func listCrumbs(l *locale.Locale, below ...ui.Crumb) []ui.Crumb {
	return append([]ui.Crumb{{Label: l.T("service.tab.lists"), Path: views.ListsPath("garrigue.example")}}, below...)
}

func newList(l *locale.Locale, p views.Page, f views.ListForm) templ.Component {
	p.Title, p.Here = l.T("list.new"), "services"
	return views.NewListPage(p, views.NewListView{Head: headOf(l, asOwner(), "lists", listCrumbs(l, ui.Crumb{Label: p.Title})...), Domain: "garrigue.example", Form: f})
}

func listSettings(l *locale.Locale, p views.Page, v views.ListView) templ.Component {
	if v.List == nil {
		v.List = &someLists()[0]
	}
	if v.Form.Owner == "" {
		v.Form = views.StoredList(v.List)
	}
	p.Title, p.Here = v.List.Address, "services"
	v.Head = headOf(l, v.Access, "lists", listCrumbs(l, ui.Crumb{Label: p.Title})...)
	return views.ListPage(p, v)
}

func listDeletion(l *locale.Locale, p views.Page, v views.ListDeletionView) templ.Component {
	if v.List = &someLists()[0]; v.Access == nil {
		v.Access = asOwner()
	}
	p.Title, p.Here = l.T("list.delete"), "services"
	v.Head = headOf(l, v.Access, "lists", listCrumbs(l, ui.Crumb{Label: v.List.Address, Path: views.ListPath("garrigue.example", "annonces")}, ui.Crumb{Label: p.Title})...)
	return views.ListDeletionPage(p, v)
}

func listMembers(l *locale.Locale, p views.Page, a *models.Access, k models.MemberKind, v views.MembersView) templ.Component {
	a.Service.MaxSubscribers = 5000
	list := someLists()[0]
	if v.Page == nil {
		v.Page = &models.MemberPage{Items: []models.Member{{Email: "anna@else.example", AddedAt: Now.AddDate(0, -1, 0)}, {Email: "b@xn--bcher-kva.example", AddedAt: Now}}}
	} else if v.Form.Search == "" && len(v.Page.Items) == 0 {
		list.SubscriberCount = 0
	}
	v.Page.Access, v.Page.List, v.Page.Kind = a, &list, k
	p.Title, p.Here = l.T("list."+string(k))+" · "+list.Address, "services"
	v.Form.Path = views.MembersPath("garrigue.example", "annonces", k)
	v.Head = headOf(l, a, "lists", listCrumbs(l, ui.Crumb{Label: list.Address, Path: views.ListPath("garrigue.example", "annonces")}, ui.Crumb{Label: l.T("list." + string(k))})...)
	return views.MembersPage(p, v)
}
