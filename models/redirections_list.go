package models

import (
	"context"
	"slices"
	"strings"

	"example.org/mandat/models/policy"
)

// RedirectionQuery is a page of the redirections of a service, by address, the
// catch-all first.
type RedirectionQuery struct {
	Search        string // part of the address or of a target
	After, Before string // local parts
	Size          int    // one of PageSizes; 0 is the first
}

// RedirectionList is a page of redirections.
type RedirectionList struct {
	Items          []Redirection
	Previous, Next string
}

// redirectionRow is one target of one redirection.
type redirectionRow struct {
	ID, AccountID      int64
	LocalPart, Address string
	KeepCopy           bool
	Version            int
	Target             string
	Outside, Missing   bool
}

// reachesAll is the condition that @owner, or the holder @me, reaches all of service @service.
func reachesAll() string {
	return `(EXISTS (SELECT 1 FROM services o WHERE o.id = @service AND o.owner_id = @owner)
  OR EXISTS (SELECT 1 FROM grants g WHERE g.service_id = @service AND g.kind = 'service' AND g.grantee_id = @me AND ` + live("g") + `))`
}

// redirectionRows reads the targets of the redirections of service @service
// that a condition picks, for whoever still reaches the whole service.
func (s *Store) redirectionRows(condition, order, limit string) string {
	x := sqlText{embedded: s.pool == nil}
	return `SELECT p.id, COALESCE(p.account_id, 0) AS account_id, p.local_part, p.address, p.keep_copy, p.version, t.target, t.outside,
 NOT t.outside AND NOT ` + x.there() + ` AND NOT EXISTS (SELECT 1 FROM redirections n WHERE n.service_id = @service AND n.local_part = '' AND n.id <> p.id) AS missing
FROM (SELECT r.* FROM redirections r WHERE r.service_id = @service AND ` + reachesAll() + condition +
		" ORDER BY r.local_part" + order + limit + `) AS p JOIN redirection_targets t ON t.redirection_id = p.id ORDER BY p.local_part` + order + ", t.target"
}

func (s *Store) redirectionArgs(by Actor, a *Access) map[string]any {
	return map[string]any{"service": a.Service.ID, "owner": by.Customer, "me": by.holder(), "now": s.now()}
}

// gather puts the targets of each redirection together.
func gather(rows []redirectionRow) []Redirection {
	var list []Redirection
	for _, r := range rows {
		if len(list) == 0 || list[len(list)-1].ID != r.ID {
			list = append(list, Redirection{ID: r.ID, AccountID: r.AccountID, LocalPart: r.LocalPart, Address: r.Address, KeepCopy: r.KeepCopy, Version: r.Version})
		}
		last := &list[len(list)-1]
		last.Targets = append(last.Targets, Target{Address: r.Target, Outside: r.Outside, Missing: r.Missing})
	}
	return list
}

// Redirections lists the redirections of a service, for whoever may edit them.
// ErrCursor for a cursor of another list.
func (s *Store) Redirections(ctx context.Context, by Actor, a *Access, q RedirectionQuery) (*RedirectionList, error) {
	if !a.May(policy.EditRedirections) {
		return nil, a.Service.forbidden(policy.EditRedirections)
	}
	if !slices.Contains(PageSizes, q.Size) {
		q.Size = PageSizes[0]
	}
	return s.redirections(ctx, by, a, q)
}

func (s *Store) redirections(ctx context.Context, by Actor, a *Access, q RedirectionQuery) (*RedirectionList, error) {
	args := s.redirectionArgs(by, a)
	args["n"], args["cursor"], args["pattern"] = q.Size+1, q.After, redirectionPattern(q.Search)
	back := q.After == "" && q.Before != ""
	condition, order := "", ""
	if cursor := q.After + q.Before; cursor != "" {
		if back {
			args["cursor"], order = q.Before, " DESC"
		}
		if local, problem := ParseLocalPart(args["cursor"].(string)); problem != nil || local != args["cursor"] {
			return nil, ErrCursor
		}
		condition = map[bool]string{true: " AND r.local_part < @cursor", false: " AND r.local_part > @cursor"}[back]
	}
	if args["pattern"] != "" {
		condition += ` AND (r.address LIKE @pattern ESCAPE '\' OR EXISTS (SELECT 1 FROM redirection_targets f WHERE f.redirection_id = r.id AND f.target LIKE @pattern ESCAPE '\'))`
	}
	var rows []redirectionRow
	if err := s.db.WithContext(ctx).Raw(s.redirectionRows(condition, order, " LIMIT @n"), args).Scan(&rows).Error; err != nil {
		return nil, err
	}
	list := &RedirectionList{Items: gather(rows)}
	more := len(list.Items) > q.Size
	list.Items = list.Items[:min(len(list.Items), q.Size)]
	if back {
		slices.Reverse(list.Items)
	}
	if n := len(list.Items); n > 0 {
		if more || back {
			list.Next = list.Items[n-1].LocalPart
		}
		if (q.After != "" || back) && (!back || more) {
			list.Previous = list.Items[0].LocalPart
		}
	}
	return list, nil
}

// redirectionPattern is the LIKE pattern of what was searched for: a whole
// address in its normal form, or a part of one.
func redirectionPattern(q string) string {
	if address, problem := ParseMailbox(q); problem == nil {
		q = address
	}
	return likePattern(strings.TrimPrefix(strings.TrimSpace(q), "*"))
}

// Redirection reads one redirection of a service, for whoever may edit them:
// ErrNotFound when it has none of that number.
func (s *Store) Redirection(ctx context.Context, by Actor, a *Access, id int64) (*Redirection, error) {
	if !a.May(policy.EditRedirections) {
		return nil, a.Service.forbidden(policy.EditRedirections)
	}
	args := s.redirectionArgs(by, a)
	args["id"] = id
	var rows []redirectionRow
	if err := s.db.WithContext(ctx).Raw(s.redirectionRows(" AND r.id = @id", "", ""), args).Scan(&rows).Error; err != nil {
		return nil, err
	}
	if list := gather(rows); len(list) == 1 {
		return &list[0], nil
	}
	return nil, ErrNotFound
}

// forwardersNamed is how many redirections to one account are named.
const forwardersNamed = 20

// AccountRedirections is what redirections have to do with one account.
type AccountRedirections struct {
	Own  *Redirection  // where its own mail goes on to; nil: nowhere
	From []Redirection // which of the service lead to it, with their targets
	More bool          // there are more of these
}

// AccountRedirections reads the redirection of the account of a, and those of
// its service that lead there directly. Whoever may not edit redirections is told of none.
func (s *Store) AccountRedirections(ctx context.Context, by Actor, a *Access) (*AccountRedirections, error) {
	out := &AccountRedirections{}
	if !a.May(policy.EditRedirections) || a.Service.RedirectionCount == 0 {
		return out, nil
	}
	args := s.redirectionArgs(by, a)
	args["account"], args["n"] = a.Account.ID, forwardersNamed+2
	leads := " AND (r.account_id = @account OR EXISTS (SELECT 1 FROM redirection_targets t JOIN accounts z ON z.id = @account WHERE t.redirection_id = r.id AND " +
		sqlText{embedded: s.pool == nil}.arrives("t.target", "z") + "))"
	var rows []redirectionRow
	if err := s.db.WithContext(ctx).Raw(s.redirectionRows(leads, "", " LIMIT @n"), args).Scan(&rows).Error; err != nil {
		return nil, err
	}
	for _, r := range gather(rows) {
		if r.AccountID == a.Account.ID {
			out.Own = &r
		} else {
			out.From = append(out.From, r)
		}
	}
	if out.More = len(out.From) > forwardersNamed; out.More {
		out.From = out.From[:forwardersNamed]
	}
	return out, nil
}
