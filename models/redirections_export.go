package models

import (
	"context"

	"example.org/mandat/models/policy"
)

// ExportRedirections hands every redirection that the list shows for a search to
// each, in its order, in batches. The session and the right are decided anew
// with each batch, so that an export ends where a right does. begin is called
// once, before the first redirection and after the first decision. It is for
// whoever may export the whole service: errors are those of [Store.Session],
// [Store.Service] and [Store.Redirections], and [Forbidden].
func (s *Store) ExportRedirections(ctx context.Context, token, domain, search string, begin func() error, each func(*Redirection) error) error {
	q := RedirectionQuery{Search: search, Size: exportBatch}
	for first := true; first || q.After != ""; first = false {
		list, err := s.redirectionBatch(ctx, token, domain, q)
		if err != nil {
			return err
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

func (s *Store) redirectionBatch(ctx context.Context, token, domain string, q RedirectionQuery) (*RedirectionList, error) {
	session, err := s.Session(ctx, token)
	if err != nil {
		return nil, err
	}
	a, err := s.Service(ctx, session.Actor(), domain)
	if err != nil {
		return nil, err
	}
	if policy.Decide(policy.Export, a.Standing) != policy.Everything || !a.May(policy.EditRedirections) {
		return nil, a.Service.forbidden(policy.Export)
	}
	return s.redirections(ctx, session.Actor(), a, q)
}
