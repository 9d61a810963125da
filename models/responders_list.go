package models

import (
	"context"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"example.org/mandat/models/policy"
)

// responderRow is a responder as its table has it.
type responderRow struct {
	ID, ServiceID      int64
	AccountID          *int64
	LocalPart, Address string
	Subject, Content   string
	StartsAt, EndsAt   *time.Time
	Days, Version      int
	CreatedAt          time.Time
}

const responderColumns = "r.id, r.service_id, r.account_id, r.local_part, r.address, r.subject, r.content, r.starts_at, r.ends_at, r.days, r.version, r.created_at"

func (r *responderRow) responder() Responder {
	out := Responder{
		ID: r.ID, ServiceID: r.ServiceID, LocalPart: r.LocalPart, Address: r.Address, Subject: r.Subject, Content: r.Content,
		StartsAt: r.StartsAt, EndsAt: r.EndsAt, Days: r.Days, Version: r.Version, CreatedAt: r.CreatedAt,
	}
	if r.AccountID != nil {
		out.AccountID = *r.AccountID
	}
	return out
}

// Responder reads the responder of an account, nil when it has none, or of an
// address without a mailbox, ErrNotFound when there is none. Who may edit it may read it.
func (s *Store) Responder(ctx context.Context, by Actor, kind ResponderKind, domain, local string) (*Access, *Responder, error) {
	var a *Access
	var err error
	if kind == AccountResponder {
		a, err = s.Account(ctx, by, domain, local)
	} else {
		a, err = s.Service(ctx, by, domain)
	}
	if err != nil {
		return nil, nil, err
	}
	if !a.May(policy.EditResponder) {
		return nil, nil, a.Service.forbidden(policy.EditResponder)
	}
	r, err := a.responder(s.db.WithContext(ctx), local)
	return a, r, err
}

// ResponderOf reads the responder of the account that a reaches, nil when there
// is none or it is not theirs to edit.
func (s *Store) ResponderOf(ctx context.Context, a *Access) (*Responder, error) {
	if a.Account == nil || !a.May(policy.EditResponder) {
		return nil, nil
	}
	return a.responder(s.db.WithContext(ctx), a.Account.LocalPart)
}

// responder reads the responder of the account of a, nil when it has none; when
// a is about the whole service, that of its address local without a mailbox.
func (a *Access) responder(db *gorm.DB, local string) (*Responder, error) {
	if !storable(local) {
		return nil, ErrNotFound
	}
	text, args := "SELECT "+responderColumns+" FROM responders r WHERE r.account_id = ?", []any{int64(0)}
	if a.Account != nil {
		args[0] = a.Account.ID
	} else {
		text, args = "SELECT "+responderColumns+" FROM responders r WHERE r.service_id = ? AND r.local_part = ? AND r.account_id IS NULL", []any{a.Service.ID, local}
	}
	var row responderRow
	if err := db.Raw(text, args...).Scan(&row).Error; err != nil {
		return nil, err
	}
	switch {
	case row.ID != 0:
		r := row.responder()
		return &r, nil
	case a.Account != nil:
		return nil, nil
	}
	return nil, ErrNotFound
}

// ResponderQuery is a page of the responders of a service, by address.
type ResponderQuery struct {
	Search        string // part of the address; what follows an @ is not looked at
	After, Before string // local parts
}

// ResponderList is a page of responders.
type ResponderList struct {
	Items          []Responder
	Previous, Next string // cursors for Before and After, "" at the ends
}

// Responders lists the responders of the service that a reaches, of accounts
// and of addresses without one. Who may edit them all may.
func (s *Store) Responders(ctx context.Context, a *Access, q ResponderQuery) (*ResponderList, error) {
	if a.Account != nil || !a.May(policy.EditResponder) {
		return nil, a.Service.forbidden(policy.EditResponder)
	}
	if !storable(q.After) || !storable(q.Before) {
		return nil, ErrCursor
	}
	part, _, _ := strings.Cut(q.Search, "@")
	condition, order, back := "", " ORDER BY r.local_part", q.After == "" && q.Before != ""
	args := map[string]any{"service": a.Service.ID, "n": PageSize + 1, "part": containing(part), "after": q.After, "before": q.Before}
	switch {
	case q.After != "":
		condition = " AND r.local_part > @after"
	case back:
		condition, order = " AND r.local_part < @before", " ORDER BY r.local_part DESC"
	}
	if args["part"] != "" {
		condition += ` AND r.local_part LIKE @part ESCAPE '\'`
	}
	var list []responderRow
	err := s.db.WithContext(ctx).Raw("SELECT "+responderColumns+" FROM responders r WHERE r.service_id = @service"+condition+order+" LIMIT @n", args).Scan(&list).Error
	if err != nil {
		return nil, err
	}
	more := len(list) > PageSize
	list = list[:min(len(list), PageSize)]
	if back {
		slices.Reverse(list)
	}
	out := &ResponderList{Items: make([]Responder, len(list))}
	for i := range list {
		out.Items[i] = list[i].responder()
	}
	if len(list) > 0 && (more || back) {
		out.Next = list[len(list)-1].LocalPart
	}
	if len(list) > 0 && (q.After != "" || back && more) {
		out.Previous = list[0].LocalPart
	}
	return out, nil
}

// containing is the LIKE pattern of a part of a local part; "" when nothing was searched for.
func containing(part string) string {
	part = shorten(strings.ToLower(strings.TrimSpace(legible(part))), maxLocalPart)
	if part == "" {
		return ""
	}
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(part) + "%"
}
