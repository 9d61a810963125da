package models

import (
	"context"

	"example.org/mandat/models/policy"
)

// AccountFilters is what filters have to do with one account.
type AccountFilters struct {
	Own  int      // how many it has
	From []string // local parts of accounts of the service whose filters send mail to it
	More bool     // there are more of these
}

// AccountFilters reads what filters have to do with the account of a, for whoever
// may edit those of the whole service; others are told of none.
func (s *Store) AccountFilters(ctx context.Context, by Actor, a *Access) (*AccountFilters, error) {
	out := &AccountFilters{}
	if !a.May(policy.EditFilters) || !a.Whole() {
		return out, nil
	}
	args := s.redirectionArgs(by, a)
	args["account"], args["n"] = a.Account.ID, forwardersNamed+1
	var rows []struct {
		LocalPart string
		Own       int
	}
	err := s.db.WithContext(ctx).Raw(`SELECT '' AS local_part, count(*) AS own FROM filters f WHERE f.account_id = @account
		UNION ALL SELECT w.local_part, 0 FROM (SELECT DISTINCT o.local_part FROM accounts z JOIN filters f ON `+sqlText{embedded: s.pool == nil}.arrives("f.target", "z")+`
		JOIN accounts o ON o.id = f.account_id WHERE z.id = @account AND f.action IN ('copy', 'forward') AND f.active AND o.service_id = @service AND `+reachesAll()+`
		ORDER BY o.local_part LIMIT @n) w`, args).Scan(&rows).Error
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		if r.LocalPart == "" {
			out.Own = r.Own
		} else {
			out.From = append(out.From, r.LocalPart)
		}
	}
	if out.More = len(out.From) > forwardersNamed; out.More {
		out.From = out.From[:forwardersNamed]
	}
	return out, nil
}
