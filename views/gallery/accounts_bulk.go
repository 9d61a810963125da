package gallery

import (
	"bytes"
	"context"
	"io"

	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

var accountsBulk = []Entry{
	{Name: "accounts/list-ticked", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return tickAll(accountsList(l, p, asOwner(), someAccounts(l), views.AccountsForm{}))
	}},
	{Name: "accounts/list-ticked-of-service-delegate", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a, items := asBruno(policy.Password), someAccounts(l)
		for i := range items {
			items[i].Managers, items[i].MoreManagers = nil, false
		}
		return tickAll(accountsList(l, asOf(p, a), a, items, views.AccountsForm{}))
	}},
	{Name: "accounts/list-ticked-of-delegate", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a, items := asChloe(), someAccounts(l)[:2]
		for i := range items {
			items[i].Managers, items[i].MoreManagers, items[i].Held = nil, false, a.Standing.Account
		}
		return tickAll(accountsList(l, asOf(p, a), a, items, views.AccountsForm{}))
	}},
	{Name: "accounts/list-ticked-suspended", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return tickAll(accountsList(l, p, suspended(asOwner()), someAccounts(l), views.AccountsForm{}))
	}},
	{Name: "accounts/bulk-description", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return bulkPage(l, p, views.BulkView{Job: views.BulkDescription, Form: views.BulkForm{List: "q=a&size=50"}})
	}},
	{Name: "accounts/bulk-description-of-delegate", Component: func(l *locale.Locale, p views.Page) templ.Component {
		a := asChloe()
		return bulkPage(l, asOf(p, a), views.BulkView{Job: views.BulkDescription, Access: a, Form: views.BulkForm{Ticked: []string{"contact", "compta"}}})
	}},
	{Name: "accounts/bulk-description-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		return bulkPage(l, p, views.BulkView{Job: views.BulkDescription, Form: views.BulkForm{
			Description: "<script>", Errors: views.Errors{"description": {l.T("account.description.long", "Most", models.MaxDescription)}},
		}})
	}},
	{Name: "accounts/bulk-size", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return bulkPage(l, p, views.BulkView{Job: views.BulkSize})
	}},
	{Name: "accounts/bulk-size-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		did := views.BulkDone(l, views.BulkSize, &models.BulkResult{Done: []string{"accueil", "archives"}}, 20*models.GB)
		a := asOwner()
		a.Service.MaxAccountBytes, a.Service.AllottedBytes = 50*models.GB, 7998*models.GB
		full := models.Message{Key: "account.size.total", Args: []any{"Left", int64(7 * models.GB), "Limit", int64(8000 * models.GB)}}
		return bulkPage(l, p, views.BulkView{Job: views.BulkSize, Access: a, Message: &did, Form: views.BulkForm{
			SizeGB: "20", Ticked: []string{"ancien", "contact", "louis.noel"}, Refused: []models.RefusedAccount{
				{LocalPart: "ancien", Message: models.Message{Key: "account.bulk.gone"}}, {LocalPart: "contact", Message: full}, {LocalPart: "louis.noel", Message: full},
			},
		}})
	}},
	{Name: "accounts/bulk-block", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return bulkPage(l, p, views.BulkView{Job: views.BulkBlock, Form: views.BulkForm{Ticked: []string{"accueil", "ancien", "archives", "contact", "louis.noel"}}})
	}},
	{Name: "accounts/bulk-unblock", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return bulkPage(l, p, views.BulkView{Job: views.BulkUnblock})
	}},
	{Name: "accounts/bulk-unblock-nothing", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return bulkPage(l, p, views.BulkView{Job: views.BulkUnblock, Form: views.BulkForm{Ticked: []string{"accueil", "archives"}}})
	}},
	{Name: "accounts/bulk-revocation", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return bulkPage(l, p, revocationOf())
	}},
	{Name: "accounts/bulk-revocation-refused", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		v := revocationOf()
		v.More, v.Form.Identifiers, v.Form.Errors = true, []string{}, views.Errors{"identifiers": {l.T("grant.several.nobody")}}
		return bulkPage(l, p, v)
	}},
	{Name: "accounts/bulk-revocation-gone", Component: func(l *locale.Locale, p views.Page) templ.Component {
		p.Refused = true
		did := views.BulkDone(l, views.BulkRevocation, &models.BulkResult{Done: []string{"contact"}, Same: []string{"archives"}, Ended: []models.EndedGrant{{LocalPart: "contact", Grantee: "cl1003-mdt"}}}, 0)
		return bulkPage(l, p, views.BulkView{Job: views.BulkRevocation, Message: &did, Form: views.BulkForm{
			Ticked: []string{"ancien"}, Refused: []models.RefusedAccount{{LocalPart: "ancien", Message: models.Message{Key: "account.bulk.gone"}}},
		}})
	}},
}

// revocationOf is a revocation on accounts that two people hold some of.
func revocationOf() views.BulkView {
	return views.BulkView{
		Job: views.BulkRevocation, Open: []string{"accueil", "contact"},
		Holders: []models.Holder{{Identifier: "cl1003-mdt", Name: "Chloé Laurent", Accounts: 2}, {Identifier: "dn1004-mdt", Name: "David Nguyen", Accounts: 1}},
	}
}

// bulkPage is the page of a job on all of someAccounts, or on those that v names.
func bulkPage(l *locale.Locale, p views.Page, v views.BulkView) templ.Component {
	if v.Access == nil {
		v.Access = asOwner()
	}
	all := v.Form.Ticked == nil
	for _, i := range someAccounts(l) {
		if all {
			v.Form.Ticked = append(v.Form.Ticked, i.LocalPart)
		}
		v.Accounts = append(v.Accounts, i.Account)
	}
	p.Title, p.Here = v.Title(l), "services"
	v.Head = headOf(l, v.Access, "emails", accountCrumbs(l, ui.Crumb{Label: p.Title})...)
	return views.BulkPage(p, v)
}

// tickAll is a list as it is once somebody has ticked its rows.
func tickAll(c templ.Component) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		var b bytes.Buffer
		if err := c.Render(ctx, &b); err != nil {
			return err
		}
		_, err := w.Write(bytes.ReplaceAll(b.Bytes(), []byte(`name="accounts" `), []byte(`name="accounts" checked `)))
		return err
	})
}
