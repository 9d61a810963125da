package models

import (
	"context"

	"example.org/mandat/models/policy"
)

// How an export is read: so many accounts by one statement, and so many holders
// of one account named. Both bound what is in memory.
const (
	exportBatch    = 500
	exportManagers = 50
)

// ExportAccounts hands every account that the list shows for q to each, in its
// order and whatever its page, in batches of one statement. The session and the
// right are decided anew with each batch, so that an export ends where a right
// does. begin is called once, before the first account and after the first
// decision. Errors are those of [Store.Accounts], [Forbidden], and [Invalid] for a
// search that matches more than [MaxMatches]: the file would lack some.
func (s *Store) ExportAccounts(ctx context.Context, token, domain string, q AccountQuery, begin func() error, each func(*AccountItem) error) error {
	q.Size, q.After, q.Before = 0, "", ""
	for first := true; first || q.After != ""; first = false {
		b, err := newAccountsSQL(s, token, domain, q)
		if err != nil {
			return err
		}
		b.size, b.managers = exportBatch, exportManagers
		list, err := s.accounts(ctx, domain, b)
		if err != nil {
			return err
		}
		if !list.Access.May(policy.Export) {
			return list.Access.Service.forbidden(policy.Export)
		}
		if list.Capped {
			return invalid("", "account.export.capped", "Most", MaxMatches)
		}
		if first {
			if err := begin(); err != nil {
				return err
			}
		}
		for i := range list.Items {
			if err := each(&list.Items[i]); err != nil {
				return err
			}
		}
		q.After = list.Next
	}
	return nil
}
