package models

import (
	"context"
	"fmt"
	"time"

	"example.org/mandat/models/policy"
)

// Member is one line of the members of a list.
type Member struct {
	Email   string
	AddedAt time.Time
	Bounces int // days on which mail to a subscriber came back, of late
}

// MemberPage is a page of the members of a list, by address.
type MemberPage struct {
	Access         *Access
	List           *List
	Kind           MemberKind
	Items          []Member
	Previous, Next string // cursors, "" where there is none
}

// Members reads a list and a page of its subscribers or moderators, as by
// reaches them: the errors are those of List.
func (s *Store) Members(ctx context.Context, by Actor, domain, name string, k MemberKind, q WalkQuery) (*MemberPage, error) {
	return s.members(ctx, by, domain, name, k, q, MembersPageSize)
}

// members reads a list and its members in one statement: a list without any is
// one row without an address.
func (s *Store) members(ctx context.Context, by Actor, domain, name string, k MemberKind, q WalkQuery, size int) (*MemberPage, error) {
	a, err := s.listAccess(ctx, by, domain, name)
	if err != nil {
		return nil, err
	}
	w, ok := q.walk(size)
	if !ok { // nothing has such a name
		w, _ = WalkQuery{Search: "\U0010FFFF"}.walk(size)
	}
	out := &MemberPage{Access: a, List: &List{}, Kind: k}
	bounces, join := "NULL, NULL", ""
	if k == Subscribers {
		bounces, join = "b.days, b.last_at", " LEFT JOIN list_bounces b ON b.list_id = m.list_id AND b.email = m.email"
	}
	r, err := s.query(ctx, statement("SELECT "+listColumns+", m.email, m.added_at, "+bounces+" FROM lists l LEFT JOIN "+k.table()+" m ON m.list_id = l.id AND "+w.where("m.email", 3)+join+
		" WHERE l.service_id = $1 AND l.local_part = $2"+w.order("m.email")), w.args(a.Service.ID, name)...)
	var (
		email       *string
		added, last moment
		days        *int
	)
	dest := append(out.List.dest(), &email, &added, &days, &last)
	err = each(r, err, func() error {
		if err := r.Scan(dest...); err != nil {
			return err
		}
		if email != nil {
			m := Member{Email: *email, AddedAt: *added.Time}
			if days != nil && !bouncesForgotten(*last.Time, s.now()) {
				m.Bounces = *days
			}
			out.Items = append(out.Items, m)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("members of a list: %w", err)
	}
	if out.List.ID == 0 {
		return nil, ErrNotFound
	}
	out.Items, out.Previous, out.Next = walked(w, out.Items, func(m *Member) string { return m.Email })
	return out, nil
}

// memberBatch is how many members an export holds at a time.
const memberBatch = 5000

// EachMember hands every member of a list to each, by address, after it has
// handed the list to begin. Who may not export the service is refused before
// that. It asks again for the right with every batch.
func (s *Store) EachMember(ctx context.Context, by Actor, domain, name string, k MemberKind, begin func(*List) error, each func(*Member) error) error {
	for q := (WalkQuery{}); ; {
		p, err := s.members(ctx, by, domain, name, k, q, memberBatch)
		if err != nil {
			return err
		}
		if policy.Decide(policy.Export, p.Access.Standing) != policy.Everything {
			return p.Access.Service.forbidden(policy.Export)
		}
		if q.After == "" {
			if err := begin(p.List); err != nil {
				return err
			}
		}
		for i := range p.Items {
			if err := each(&p.Items[i]); err != nil {
				return err
			}
		}
		if q.After = p.Next; q.After == "" {
			return nil
		}
	}
}
