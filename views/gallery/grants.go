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

var grants = []Entry{
	{Name: "grants/service", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return grantsPage(l, p, views.GrantsView{Form: serviceForm(asOwner()), Grants: []views.GrantRow{shareOfBruno(l)}})
	}},
	{Name: "grants/service-told", Component: func(l *locale.Locale, p views.Page) templ.Component {
		f := serviceForm(asOwner())
		f.Mails = true
		return grantsPage(l, p, views.GrantsView{Form: f})
	}},
	{Name: "grants/service-empty", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return grantsPage(l, p, views.GrantsView{Form: serviceForm(asOwner())})
	}},
	{Name: "grants/service-suspended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return grantsPage(l, p, views.GrantsView{Form: serviceForm(suspended(asOwner())), Grants: []views.GrantRow{shareOfBruno(l)}})
	}},
	{Name: "grants/account", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return grantsPage(l, p, views.GrantsView{
			Form: accountForm(asOwner()), Grants: []views.GrantRow{delegationOfChloe(l)}, Through: []views.GrantRow{shareOfBruno(l)}, Next: 3,
		})
	}},
	{Name: "grants/account-of-delegate", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asBruno(policy.Delegate)
		given := delegationOfChloe(l)
		given.Giver = "bm1002-mdt"
		return grantsPage(l, asOf(p, a), views.GrantsView{Form: accountForm(a), Grants: []views.GrantRow{given}})
	}},
	{Name: "grants/account-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		f := accountForm(asOwner())
		f.Identifiers, f.Note, f.ExpiresOn, f.Extras = "ab-12?\ncl1003-mdt", "<script>", "2026-01-01", 0
		f.Errors = views.Errors{
			"identifiers": {
				l.T("grant.refused.shape", "Identifier", "ab-12?"),
				l.T("grant.refused.held", "Identifier", "cl1003-mdt", "Since", l.DateTime(Now.AddDate(0, -3, 0))),
			},
			"expires_on": {l.T("grant.expires.past")},
		}
		return grantsPage(l, p, views.GrantsView{
			Form: f, Grants: []views.GrantRow{delegationOfChloe(l)},
			Message: &views.Flash{Tone: "ok", Text: l.T("grant.given.one", "Who", "ep1005-mdt", "Object", "contact@garrigue.example")},
		})
	}},
	{Name: "grants/account-done", Part: true, Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		// The forms that the renewed row belongs to are on the page behind.
		return templ.Join(templ.Raw(`<form id="bulk"></form>`), ui.PostForm("act", p.Submission), views.GrantsPanel(p, views.GrantsView{
			Head: headOf(l, a, "emails"), Form: accountForm(a), Now: Now, Changed: a.Item(nil), Answered: true,
			Message: &views.Flash{
				Tone: "ok", Text: l.T("grant.revoked", "Who", "cl1003-mdt", "Object", "contact@garrigue.example"),
				ActionLabel: l.T("grant.undo"), ActionPath: views.RestorationPath(3),
			},
		}))
	}},
	{Name: "grants/verdicts", Part: true, Component: func(l *locale.Locale, _ views.Page) templ.Component {
		since := Now.AddDate(0, -3, 0)
		return views.VerdictsList(l, views.Verdicts{
			{Identifier: "ep1005-mdt", Shape: true}, {Identifier: "<b>ab-12?"}, {Identifier: "cl1003-mdt", Shape: true, Held: &since, Name: "Chloé Laurent"},
		})
	}},
	{Name: "grants/bulk", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asOwner()
		a.Account = nil
		f := accountForm(a)
		f.Local, f.Accounts = "", []string{"accueil", "contact", "compta"}
		return grantsPage(l, p, views.GrantsView{Form: f})
	}},
	{Name: "grants/one", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return grantPage(l, p, views.GrantView{GrantView: viewOf(l, asOwnerOf(delegationOfChloe(l)))})
	}},
	{Name: "grants/one-of-holder", Component: func(l *locale.Locale, p views.Page) templ.Component {
		v := viewOf(l, models.GrantView{Grant: delegationOfChloe(l).Grant, Rights: models.GrantRights{See: true, Resign: true}, Standing: asChloe().Standing})
		return grantPage(l, asOf(p, asChloe()), views.GrantView{GrantView: v})
	}},
	{Name: "grants/one-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return grantPage(l, p, views.GrantView{GrantView: viewOf(l, asOwnerOf(shareOfBruno(l))), Form: views.GrantTerms{
			Version: 1, ExpiresOn: "2020-01-01", Note: "<script>", Errors: views.Errors{"expires_on": {l.T("grant.expires.past")}},
		}})
	}},
	{Name: "grants/one-conflict", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return grantPage(l, p, views.GrantView{GrantView: viewOf(l, asOwnerOf(delegationOfChloe(l))), Form: views.GrantTerms{
			Version: 2, Conflict: true, ExpiresOn: "2027-03-31", Note: say(l, "Congés", "Leave"),
		}})
	}},
	{Name: "grants/one-ended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		v := viewOf(l, asOwnerOf(delegationOfChloe(l)))
		ended := Now.Add(-3 * time.Minute)
		v.Grant.EndedAt, v.Grant.EndedWhy, v.Grant.EndedBy = &ended, models.EndedByRevoking, "ad1001-mdt"
		return grantPage(l, p, views.GrantView{GrantView: v, Left: []models.Leftover{
			{LocalPart: "contact", Password: true}, {LocalPart: "stage", Created: true}, {LocalPart: "paie", Password: true, Created: true},
		}, MoreLeft: true})
	}},
	{Name: "grants/revocation", Component: func(l *locale.Locale, p views.Page) templ.Component {
		v := asOwnerOf(shareOfBruno(l))
		v.Children = 2
		p.Title = l.T("grant.revoke_of", "Who", v.Grant.Grantee)
		return views.RevocationPage(p, views.RevocationView{GrantView: &v, Service: &asOwner().Service})
	}},
}

func serviceForm(a *models.Access) views.GrantForm {
	a.Account = nil
	return views.GrantForm{Domain: a.Service.Domain, Access: a, Extras: policy.Defaults(policy.OnService)}
}

func accountForm(a *models.Access) views.GrantForm {
	return views.GrantForm{Domain: a.Service.Domain, Local: "contact", Access: a, Extras: policy.Defaults(policy.OnAccount)}
}

// asBruno holds the whole service until the end of the year.
func asBruno(extras policy.Extra) *models.Access {
	a, until := asOwner(), time.Date(2026, time.December, 31, 23, 0, 0, 0, time.UTC)
	a.ServiceGrant = &models.Held{ID: 1, Extras: extras, Giver: "ad1001-mdt", Since: Now.AddDate(0, -6, 0), ExpiresAt: &until}
	a.Standing = policy.Standing{Service: &extras}
	return a
}

func shareOfBruno(l *locale.Locale) views.GrantRow {
	used := Now.AddDate(0, 0, -1)
	return views.GrantRow{May: models.GrantRights{See: true, Change: true}, Grant: models.Grant{
		ID: 1, Kind: policy.OnService, Domain: "garrigue.example", Grantee: "bm1002-mdt", GranteeName: "Bruno Martin", Giver: "ad1001-mdt", Owner: "ad1001-mdt",
		Extras: policy.Password | policy.Forward | policy.Delegate, Note: say(l, "Infogérance, contrat annuel", "Managed services, yearly contract"),
		Since: Now.AddDate(0, -6, 0), UsedAt: &used, Version: 1,
	}}
}

func delegationOfChloe(l *locale.Locale) views.GrantRow {
	until := time.Date(2026, time.November, 27, 23, 0, 0, 0, time.UTC)
	return views.GrantRow{May: models.GrantRights{See: true, Change: true}, Grant: models.Grant{
		ID: 3, Kind: policy.OnAccount, AccountID: 9, Domain: "garrigue.example", LocalPart: "contact",
		Grantee: "cl1003-mdt", GranteeName: "Chloé Laurent", Giver: "ad1001-mdt", Owner: "ad1001-mdt", Extras: policy.Password,
		Note: say(l, "Remplacement à l’accueil", "Stands in at the front desk"), Since: Now.AddDate(0, -3, 0), ExpiresAt: &until, Version: 2,
	}}
}

func grantsPage(l *locale.Locale, p views.Page, v views.GrantsView) templ.Component {
	current := "emails"
	var below []ui.Crumb
	if v.Form.Kind() == policy.OnService {
		current = "shares"
	} else if v.Form.Local != "" {
		below = accountCrumbs(l, ui.Crumb{Label: "contact@garrigue.example", Path: views.AccountPath("garrigue.example", "contact")}, ui.Crumb{Label: v.Title(l)})
	}
	v.Head, v.Now = headOf(l, v.Form.Access, current, below...), Now
	p.Title, p.Here = v.Title(l), "services"
	return views.GrantsPage(p, v)
}

func asOwnerOf(g views.GrantRow) models.GrantView {
	return models.GrantView{Grant: g.Grant, Rights: g.May, Standing: policy.Standing{Owner: true}, State: models.ServiceActive}
}

// viewOf is a grant with what happened to it.
func viewOf(l *locale.Locale, v models.GrantView) *models.GrantView {
	given := eventsOfGarrigue(l)[1]
	given.Object = v.Grant.Object()
	v.Events = []models.Event{given}
	return &v
}

func grantPage(l *locale.Locale, p views.Page, v views.GrantView) templ.Component {
	v.Now = Now
	if v.Form.Version == 0 {
		v.Form = views.TermsOf(l, &v.Grant)
	}
	p.Title, p.Here = v.Title(l), "services"
	return views.GrantPage(p, v)
}
