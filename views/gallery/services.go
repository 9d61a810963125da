package gallery

import (
	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

var services = []Entry{
	{Name: "services/list", Component: func(l *locale.Locale, p views.Page) templ.Component {
		until := Now.AddDate(0, 1, 0)
		return servicesPage(l, p, views.ServicesView{
			Own: &models.ServiceList{Items: []models.ServiceItem{
				{Domain: "atelier-durand.example", State: models.ServiceActive, AccountCount: 4},
				{Domain: "garrigue.example", State: models.ServiceSuspended, AccountCount: 1284, ShareCount: 1},
			}, Next: "garrigue.example"},
			Shared: &models.ServiceList{Items: []models.ServiceItem{
				{
					Domain: "nguyen-velos.example", State: models.ServiceActive, AccountCount: 3, Owner: "dn1004-mdt",
					Grant: &models.Held{ID: 5, Extras: policy.Defaults(policy.OnService), Giver: "dn1004-mdt", Since: Now.AddDate(0, -4, 0), ExpiresAt: &until},
				},
				{Domain: "petit.example", State: models.ServiceActive, Owner: "ep1005-mdt", Held: 2},
			}},
		})
	}},
	{Name: "services/empty", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Viewer = views.Viewer{Identifier: "ep1005-mdt", Name: "Emma Petit"}
		return servicesPage(l, p, views.ServicesView{})
	}},
	{Name: "services/none-found", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return servicesPage(l, p, views.ServicesView{Form: views.ServicesForm{Search: "compat"}})
	}},
	{Name: "services/address-found", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return servicesPage(l, p, views.ServicesView{
			Form: views.ServicesForm{Search: "contact@garrigue.example"}, Address: "contact@garrigue.example", AddressPath: "/services/garrigue.example/emails/contact",
		})
	}},
	{Name: "services/overview", Component: func(l *locale.Locale, p views.Page) templ.Component {
		until := Now.AddDate(0, 1, 0)
		return servicePage(l, p, asOwner(), []models.Grant{
			{ID: 2, Grantee: "bm1002-mdt", GranteeName: "Bruno Martin", Since: Now.AddDate(0, -8, 0)},
			{ID: 4, Grantee: "dn1004-mdt", GranteeName: "David Nguyen", Since: Now.AddDate(0, -1, 0), ExpiresAt: &until},
		})
	}},
	{Name: "services/overview-alone", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return servicePage(l, p, asOwner(), nil)
	}},
	{Name: "services/overview-of-delegate", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a, extras := asOwner(), policy.Defaults(policy.OnService)
		a.ServiceGrant = &models.Held{ID: 2, Extras: extras, Giver: "ad1001-mdt", Since: Now.AddDate(0, -8, 0)}
		a.Standing = policy.Standing{Service: &extras}
		return servicePage(l, asOf(p, a), a, nil)
	}},
	{Name: "services/overview-suspended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return servicePage(l, p, suspended(asOwner()), nil)
	}},
}

func servicesPage(l *locale.Locale, p views.Page, v views.ServicesView) templ.Component {
	p.Title, p.Here, p.Path = l.T("service.title"), "services", views.ServicesPath
	if v.Own == nil {
		v.Own, v.Shared = &models.ServiceList{}, &models.ServiceList{}
	}
	return views.ServicesPage(p, v)
}

func servicePage(l *locale.Locale, p views.Page, a *models.Access, grants []models.Grant) templ.Component {
	return servicePageWith(l, p, a, grants, func(*views.ServiceView) {})
}

func servicePageWith(l *locale.Locale, p views.Page, a *models.Access, grants []models.Grant, set func(*views.ServiceView)) templ.Component {
	p.Title, p.Here = a.Service.Domain, "services"
	sv := &a.Service
	sv.MaxResponders, sv.ResponderCount, sv.MaxLists, sv.ListCount, sv.MaxSubscribers = 100, 81, 20, 3, 5000
	v := views.ServiceView{
		Head: headOf(l, a, "overview"), Access: a, Figures: models.Figures{Blocked: 1, Full: 12, Delegated: models.MaxCounted + 1, LargestList: 4980}, Grants: grants,
	}
	set(&v)
	return views.ServicePage(p, v)
}
