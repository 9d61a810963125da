package models

import (
	"context"
	"time"

	"example.org/mandat/models/policy"
)

// Responder answers the mail of one address by itself.
type Responder struct {
	ID        int64
	ServiceID int64
	AccountID int64 // 0: an address without a mailbox; what it receives is answered and dropped
	LocalPart string
	Address   string // local@A-label
	Subject   string
	Content   string
	StartsAt  *time.Time // nil: at once
	EndsAt    *time.Time // exclusive; nil: until somebody ends it
	Days      int        // between two answers to one sender
	Version   int
	CreatedAt time.Time
}

// ResponderState is where a responder is in its life.
type ResponderState string

// A responder that has ended is kept, so that new dates switch it on again.
const (
	ResponderPlanned ResponderState = "planned"
	ResponderOn      ResponderState = "on"
	ResponderEnded   ResponderState = "ended"
)

// State is where the responder is in its life at now.
func (r *Responder) State(now time.Time) ResponderState {
	switch {
	case r.EndsAt != nil && !now.Before(*r.EndsAt):
		return ResponderEnded
	case r.StartsAt != nil && now.Before(*r.StartsAt):
		return ResponderPlanned
	}
	return ResponderOn
}

// ResponderKind says whose responder is meant. The two are asked for apart:
// rights on one account say nothing of the addresses that are none.
type ResponderKind string

// A responder belongs to an account, or to an address that nothing else has.
const (
	AccountResponder ResponderKind = "account"
	AddressResponder ResponderKind = "address"
)

// SetResponder makes the responder of an account, or changes the one it has.
// Its mail stays in the mailbox. Who may edit responders may. Invalid for what
// [Store.CheckResponder] refuses, an end that has passed unless it is the one
// stored, and a limit reached. It writes nothing when nothing differs.
func (s *Store) SetResponder(ctx context.Context, by Actor, domain, local string, f ResponderForm) error {
	f, err := s.CheckResponder(f)
	if err != nil {
		return err
	}
	return s.change(ctx, by, func(tx *Tx) error {
		a, was, err := tx.enterResponder(AccountResponder, domain, local)
		if err != nil {
			return err
		}
		if was != nil {
			return tx.changeResponder(a, was, f)
		}
		if f.Version != 0 {
			return ErrConflict
		}
		return tx.createResponder(a, &Responder{AccountID: a.Account.ID, LocalPart: local, Address: a.Account.Address}, f)
	})
}

// CreateResponder makes a responder on an address that has no mailbox: its mail
// is answered and dropped. Who may edit responders of the whole service may.
// Invalid as for SetResponder, and for a local part that does not do, is taken,
// or must reach a person.
func (s *Store) CreateResponder(ctx context.Context, by Actor, domain, local string, f ResponderForm) (*Responder, error) {
	bad := Invalid{}
	local, problem := ParseLocalPart(local)
	if problem == nil {
		problem = checkAddressLength(local, domain)
	}
	switch {
	case problem != nil:
		bad.Add("local", problem.Key, problem.Args...)
	case Reserved(local):
		bad.Add("local", "responder.local.reserved", "Local", local)
	}
	f = s.checkResponder(f, bad)
	if err := bad.orNil(); err != nil {
		return nil, err
	}
	r := &Responder{LocalPart: local, Address: local + "@" + domain}
	err := s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enter(domain, "", policy.EditResponder)
		if err != nil {
			return err
		}
		return tx.createResponder(a, r, f)
	})
	if violated(err) == "address_has_one_meaning" {
		return nil, invalid("local", "responder.local.taken", "Address", ReadableAddress(r.Address))
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// ChangeResponder is SetResponder for one on an address without a mailbox,
// which must be there.
func (s *Store) ChangeResponder(ctx context.Context, by Actor, domain, local string, f ResponderForm) error {
	f, err := s.CheckResponder(f)
	if err != nil {
		return err
	}
	return s.change(ctx, by, func(tx *Tx) error {
		a, was, err := tx.enterResponder(AddressResponder, domain, local)
		if err != nil {
			return err
		}
		return tx.changeResponder(a, was, f)
	})
}

// EndResponder ends a responder now. One that has not begun never begins; one
// that has ended is left as it is.
func (s *Store) EndResponder(ctx context.Context, by Actor, kind ResponderKind, domain, local string) error {
	return s.change(ctx, by, func(tx *Tx) error {
		a, was, err := tx.enterResponder(kind, domain, local)
		if err != nil {
			return err
		}
		if was == nil {
			return ErrNotFound
		}
		now := tx.now.UTC().Truncate(time.Second)
		if was.State(now) == ResponderEnded {
			return nil
		}
		is := *was
		is.EndsAt = &now
		if is.StartsAt != nil && !is.StartsAt.Before(now) {
			is.StartsAt = nil // an end is after its start
		}
		return tx.storeResponder(a, was, &is, "responder.ended")
	})
}

// DeleteResponder removes a responder. The address of one without a mailbox is
// free again: Invalid when the catch-all leads there.
func (s *Store) DeleteResponder(ctx context.Context, by Actor, kind ResponderKind, domain, local string) error {
	return s.change(ctx, by, func(tx *Tx) error {
		a, was, err := tx.enterResponder(kind, domain, local)
		if err != nil {
			return err
		}
		if was == nil {
			return ErrNotFound
		}
		if err := tx.removeResponder(a, was); err != nil {
			return err
		}
		return tx.record(a.responderEvent("responder.deleted", was, responderDetail(was, &Responder{})))
	})
}

func (tx *Tx) removeResponder(a *Access, r *Responder) error {
	const statement = "DELETE FROM responders WHERE id = ?"
	if r.AccountID == 0 {
		return tx.free(a, r.Address, statement, r.ID)
	}
	if err := tx.exec(statement, r.ID); err != nil {
		return err
	}
	return tx.compile(a.Service.ID, r.AccountID)
}

// enterResponder enters the account or the service, as the kind says, and reads
// the responder. An account may have none: then it is nil.
func (tx *Tx) enterResponder(kind ResponderKind, domain, local string) (*Access, *Responder, error) {
	var a *Access
	var err error
	if kind == AccountResponder {
		a, err = tx.enterAccount(domain, local, policy.EditResponder)
	} else {
		a, err = tx.enter(domain, "", policy.EditResponder)
	}
	if err != nil {
		return nil, nil, err
	}
	r, err := a.responder(tx.DB, local)
	return a, r, err
}

func (tx *Tx) createResponder(a *Access, r *Responder, f ResponderForm) error {
	if f.EndsAt != nil && !tx.now.Before(*f.EndsAt) {
		return invalid("ends_at", "responder.ends.passed")
	}
	if a.Service.ResponderCount >= a.Service.MaxResponders {
		return invalid("", "responder.limit", "Limit", a.Service.MaxResponders)
	}
	r.ServiceID, r.CreatedAt, r.Version = a.Service.ID, tx.now, 1
	r.fill(f)
	err := tx.scan(&r.ID, `INSERT INTO responders (service_id, account_id, local_part, address, subject, content, starts_at, ends_at, days, created_by, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		r.ServiceID, orNull(r.AccountID), r.LocalPart, r.Address, r.Subject, r.Content, r.StartsAt, r.EndsAt, r.Days, orNull(tx.by.Customer), r.CreatedAt)
	if err != nil {
		return err
	}
	if err := tx.compileFor(r); err != nil {
		return err
	}
	return tx.record(a.responderEvent("responder.created", r, responderDetail(&Responder{}, r)))
}

func (tx *Tx) changeResponder(a *Access, was *Responder, f ResponderForm) error {
	if f.Version != was.Version {
		return ErrConflict
	}
	if f.EndsAt != nil && !tx.now.Before(*f.EndsAt) && (was.EndsAt == nil || !was.EndsAt.Equal(*f.EndsAt)) {
		return invalid("ends_at", "responder.ends.passed")
	}
	is := *was
	is.fill(f)
	return tx.storeResponder(a, was, &is, "responder.changed")
}

func (tx *Tx) storeResponder(a *Access, was, is *Responder, kind string) error {
	detail := responderDetail(was, is)
	if len(detail) == 0 {
		return nil
	}
	err := tx.exec("UPDATE responders SET subject = ?, content = ?, starts_at = ?, ends_at = ?, days = ?, version = version + 1 WHERE id = ?",
		is.Subject, is.Content, is.StartsAt, is.EndsAt, is.Days, is.ID)
	if err != nil {
		return err
	}
	if err := tx.compileFor(is); err != nil {
		return err
	}
	return tx.record(a.responderEvent(kind, is, detail))
}

func (tx *Tx) compileFor(r *Responder) error {
	if r.AccountID != 0 {
		return tx.compile(r.ServiceID, r.AccountID)
	}
	return tx.compileAlone(r.ServiceID, r.ID)
}

func (r *Responder) fill(f ResponderForm) {
	r.Subject, r.Content, r.StartsAt, r.EndsAt, r.Days = f.Subject, f.Content, f.StartsAt, f.EndsAt, f.Days
}

// responderEvent is an event about a responder of what a reaches.
func (a *Access) responderEvent(kind string, r *Responder, detail Detail) Event {
	return Event{
		ServiceID: a.Service.ID, Kind: kind, Class: MailEvent, OwnerID: a.Service.OwnerID, AccountID: r.AccountID, Object: r.Address, Detail: detail,
	}
}

// responderDetail is what differs between two states; none at all is the zero Responder.
func responderDetail(was, is *Responder) Detail {
	d := Detail{}
	text := func(name, was, is string) {
		if was != is {
			d[name] = Change{Before: orNil(was), After: orNil(is)}
		}
	}
	instant := func(at *time.Time) string {
		if at == nil {
			return ""
		}
		return at.UTC().Format(time.RFC3339)
	}
	text("subject", was.Subject, is.Subject)
	text("content", was.Content, is.Content)
	text("starts", instant(was.StartsAt), instant(is.StartsAt))
	text("ends", instant(was.EndsAt), instant(is.EndsAt))
	if was.Days != is.Days {
		d["days"] = Change{Before: orNil(was.Days), After: orNil(is.Days)}
	}
	return d
}

// orNil is nil for the zero value: a history says that there was none.
func orNil[T comparable](v T) any {
	if v == *new(T) {
		return nil
	}
	return v
}
