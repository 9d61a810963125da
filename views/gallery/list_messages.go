package gallery

import (
	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

var listMessages = []Entry{
	{Name: "list-messages/held", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return messagesPage(l, p, views.ListMessagesView{Newest: true, Page: &models.MessagePage{Held: heldMessages(), Items: someMessages(), Older: 5}})
	}},
	{Name: "list-messages/many-held", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return messagesPage(l, p, views.ListMessagesView{Newest: true, Page: &models.MessagePage{Held: heldMessages(), List: &models.List{HeldCount: 312}}})
	}},
	{Name: "list-messages/held-suspended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return messagesPage(l, p, views.ListMessagesView{Newest: true, Page: &models.MessagePage{Access: suspended(asOwner()), Held: heldMessages()[:1]}})
	}},
	{Name: "list-messages/reason-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return messagesPage(l, p, views.ListMessagesView{
			Newest: true, Page: &models.MessagePage{Held: heldMessages()}, Refused: 12, Typed: "<b>" + "trop long",
			Errors: views.Errors{"reason": {l.T("list.messages.reason.long", "Most", models.MaxRejectionReason)}},
		})
	}},
	{Name: "list-messages/decided-meanwhile", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return messagesPage(l, p, views.ListMessagesView{
			Newest: true, Page: &models.MessagePage{Items: someMessages()[:1]},
			Errors: views.Errors{"": {views.DecidedText(l, models.Decided{State: models.MessageApproved, By: "bm1002-mdt"})}},
		})
	}},
	{Name: "list-messages/older", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return messagesPage(l, p, views.ListMessagesView{Page: &models.MessagePage{Items: someMessages()[2:]}})
	}},
	{Name: "list-messages/none", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return messagesPage(l, p, views.ListMessagesView{Newest: true, Page: &models.MessagePage{}})
	}},
	{Name: "unsubscriptions/form", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("list.unsubscription.title"), views.Viewer{}
		return views.UnsubscriptionPage(p, views.UnsubscriptionView{Token: "token", Subscription: &models.Subscription{Address: "annonces@garrigue.example", Email: "lea@xn--bcher-kva.example"}})
	}},
	{Name: "unsubscriptions/done", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Title, p.Viewer = l.T("list.unsubscription.done"), views.Viewer{}
		return views.UnsubscribedPage(p)
	}},
}

func heldMessages() []models.ListMessage {
	return []models.ListMessage{
		{
			ID: 11, Author: "Léa Martin <lea@else.example>", Subject: "Vide-grenier de dimanche", SizeBytes: 4_200, State: models.MessageHeld, ReceivedAt: Now,
			Excerpt: "Bonjour à tous,\n\nle vide-grenier commence à 9 h. Venez nombreux…",
		},
		{ID: 12, Author: "<script>alert(1)</script>", SizeBytes: 12_000_000, State: models.MessageHeld, ReceivedAt: Now.AddDate(0, 0, -1)},
	}
}

func someMessages() []models.ListMessage {
	settled := Now
	return []models.ListMessage{
		{ID: 10, Author: "anna@else.example", Subject: "En route", SizeBytes: 2_000, State: models.MessageSending, SettledBy: "bm1002-mdt", ReceivedAt: Now, Sent: 120, Waiting: 192},
		{ID: 9, Author: "anna@else.example", Subject: "À venir", SizeBytes: 2_000, State: models.MessageApproved, SettledBy: "moderateur@else.example", ReceivedAt: Now},
		{ID: 8, Author: "anna@else.example", Subject: "Compte rendu", SizeBytes: 52_000, State: models.MessageSent, ReceivedAt: Now.AddDate(0, 0, -2), SettledAt: &settled, Sent: 312},
		{ID: 7, Author: "b@else.example", Subject: "Presque", SizeBytes: 2_000, State: models.MessageSent, ReceivedAt: Now.AddDate(0, 0, -3), SettledAt: &settled, Sent: 310, Failed: 2},
		{ID: 6, Subject: "Publicité", SizeBytes: 2_000, State: models.MessageRejected, SettledBy: "ad1001-mdt", Reason: "<b>Hors sujet</b>", ReceivedAt: Now.AddDate(0, 0, -4), SettledAt: &settled},
		{ID: 4, Author: "d@else.example", Subject: "Gagnez", SizeBytes: 2_000, State: models.MessageDiscarded, SettledBy: "ad1001-mdt", ReceivedAt: Now.AddDate(0, 0, -4), SettledAt: &settled},
		{ID: 5, Author: "c@else.example", SizeBytes: 2_000, State: models.MessageExpired, ReceivedAt: Now.AddDate(0, -1, 0), SettledAt: &settled},
	}
}

func messagesPage(l *locale.Locale, p views.Page, v views.ListMessagesView) templ.Component {
	list := someLists()[0]
	if list.HeldCount = len(v.Page.Held); v.Page.List != nil {
		list.HeldCount = v.Page.List.HeldCount
	}
	list.Posting, v.Page.List = models.PostingModerated, &list
	if v.Page.Access == nil {
		v.Page.Access = asOwner()
	}
	p.Title, p.Here = l.T("list.messages")+" · "+list.Address, "services"
	v.Head = headOf(l, v.Page.Access, "lists", listCrumbs(l, ui.Crumb{Label: list.Address, Path: views.ListPath("garrigue.example", "annonces")}, ui.Crumb{Label: l.T("list.messages")})...)
	return views.ListMessagesPage(p, v)
}
