package models

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.org/mandat/models/policy"
)

// MailingState is what became of a mailing.
type MailingState string

// It waits, also for a mail server that is away, until it is sent; until the
// server refuses it for good; until it has failed too often or for too long; or
// until who asked for it may not have it any more.
const (
	MailingWaiting MailingState = "waiting"
	MailingSent    MailingState = "sent"
	MailingRefused MailingState = "refused"
	MailingFailed  MailingState = "failed"
	MailingDropped MailingState = "dropped"
)

// Bounds on mailings. They go to whatever address a list has for its owner, so
// the panel must not become a way to fill a stranger's mailbox.
const (
	MailingsOfList    = 3  // in an hour
	MailingsOfService = 20 // in an hour, those of lists that are gone included
	mailingWindow     = time.Hour
	mailingLife       = 24 * time.Hour // then one that waits has failed
	mailingsKept      = 30 * 24 * time.Hour
)

// Mailing is the list of subscribers of a list on its way to the list's owner.
type Mailing struct {
	ID        int64
	Recipient string
	AskedAt   time.Time
	State     MailingState
	SettledAt *time.Time
}

// MemberMail is a mailing with what is to be sent.
type MemberMail struct {
	Mailing
	List     *List
	AskedBy  string // identifier
	TimeZone string // of who asked
	Members  []Member
}

// Post takes mail out of the panel. An error that says Permanent() true is not
// worth another attempt; after any other the same mail comes again, and its ID
// with it, so that a repeat can be recognised.
type Post interface {
	MailMembers(context.Context, *MemberMail) error
	MailNotice(context.Context, *Notice) error
	MailLink(context.Context, *LinkMail) error
}

// Mails says whether the panel sends mail at all. Without, nothing is offered that needs it.
func (s *Store) Mails() bool { return s.post != nil }

// MailMembers sends the subscribers of a list to its owner, soon: a job does it,
// if by still may by then. It takes the right to export the service besides the
// one on its lists, since it hands all addresses out to one that whoever edits
// the list may choose; an agent never does. version is the list's as shown with
// the address, another means ErrConflict. Invalid when there is no subscriber,
// when the panel sends no mail, and for more than MailingsOfList in an hour.
func (s *Store) MailMembers(ctx context.Context, by Actor, domain, name string, version int) (recipient string, err error) {
	err = s.change(ctx, by, func(tx *Tx) error {
		a, list, err := tx.enterList(domain, name)
		if err != nil {
			return err
		}
		if policy.Decide(policy.Export, a.Standing) != policy.Everything {
			return a.Service.forbidden(policy.Export)
		}
		if list.Version != version {
			return ErrConflict
		}
		if err := tx.mayMail(list); err != nil {
			return err
		}
		var id int64
		err = tx.scan(&id, "INSERT INTO list_mailings (service_id, list_id, recipient, asked_by, asked_at) VALUES (?, ?, ?, ?, ?) RETURNING id",
			list.ServiceID, list.ID, list.OwnerEmail, tx.by.Customer, tx.now)
		if err != nil {
			return err
		}
		if err := tx.enqueue(mailMembers{Mailing: id}); err != nil {
			return err
		}
		recipient = list.OwnerEmail
		return tx.record(a.listEvent("list.mailed", list, Detail{"recipient": {After: list.OwnerEmail}, "subscribers": {After: list.SubscriberCount}}))
	})
	return recipient, err
}

// mayMail refuses a mailing that has nothing to send, no way to go, or too many before it.
func (tx *Tx) mayMail(list *List) error {
	if !tx.store.Mails() {
		return invalid("", "list.mailing.none")
	}
	if list.SubscriberCount == 0 {
		return invalid("", "list.mailing.empty")
	}
	var recent []struct {
		ListID  *int64
		AskedAt time.Time
	}
	err := tx.scan(&recent, "SELECT g.list_id, g.asked_at FROM list_mailings g WHERE g.service_id = ? AND g.asked_at > ? ORDER BY g.asked_at DESC LIMIT ?",
		list.ServiceID, tx.now.Add(-mailingWindow), MailingsOfService)
	if err != nil {
		return err
	}
	minutes := func(since time.Time) int {
		return int((since.Add(mailingWindow).Sub(tx.now) + time.Minute - 1) / time.Minute)
	}
	ofList := 0
	for i, g := range recent {
		if i+1 == MailingsOfService {
			return invalid("", "list.mailing.service_limit", "Most", MailingsOfService, "Minutes", minutes(g.AskedAt))
		}
		if g.ListID != nil && *g.ListID == list.ID {
			if ofList++; ofList == MailingsOfList {
				return invalid("", "list.mailing.limit", "Most", MailingsOfList, "Minutes", minutes(g.AskedAt))
			}
		}
	}
	return nil
}

// LastMailing is the newest mailing of a list of the service of a, for whoever
// may ask for one; nil when there was none of late.
func (s *Store) LastMailing(ctx context.Context, a *Access, list *List) (*Mailing, error) {
	if policy.Decide(policy.Export, a.Standing) != policy.Everything {
		return nil, nil
	}
	var m Mailing
	err := s.db.WithContext(ctx).Raw("SELECT g.id, g.recipient, g.asked_at, g.state, g.settled_at FROM list_mailings g WHERE g.list_id = ? AND g.service_id = ? ORDER BY g.id DESC LIMIT 1",
		list.ID, a.Service.ID).Scan(&m).Error
	if err != nil || m.ID == 0 {
		return nil, err
	}
	return &m, nil
}

// mailMembers carries a mailing out. Whoever asked for it is asked about again,
// last of all just before it is handed over; then it is out of our reach.
func (s *Store) mailMembers(ctx context.Context, id int64, lastAttempt bool) error {
	m, err := s.memberMail(ctx, id)
	if m == nil && err == nil {
		return nil // done already
	}
	if reason, gone := lapsed(err); gone {
		s.log.Warn("a list of subscribers is not sent", "mailing", id, "reason", reason)
		return s.settleMailing(ctx, id, MailingDropped)
	}
	if err != nil {
		return err
	}
	err = s.post.MailMembers(ctx, m)
	switch {
	case err == nil:
		s.log.Info("a list of subscribers was sent", "mailing", id, "list", m.List.Address)
		return s.settleMailing(ctx, id, MailingSent)
	case permanent(err):
		s.log.Warn("a list of subscribers is refused", "mailing", id, "list", m.List.Address, "error", err)
		return s.settleMailing(ctx, id, MailingRefused)
	case lastAttempt:
		s.log.Warn("a list of subscribers is given up", "mailing", id, "list", m.List.Address, "error", err)
		return s.settleMailing(ctx, id, MailingFailed)
	}
	return err
}

// lapsed says that an error means the mailing is not to be sent, and why.
func lapsed(err error) (reason string, yes bool) {
	yes = errors.Is(err, ErrNotFound) || errors.As(err, new(Forbidden)) || errors.Is(err, ErrSuspended) || errors.Is(err, ErrConflict)
	return fmt.Sprint(err), yes
}

// memberMail reads a mailing that waits and what it sends, as who asked for it
// reaches that now: nil when it is settled. ErrConflict when the list has
// another owner by now.
func (s *Store) memberMail(ctx context.Context, id int64) (*MemberMail, error) {
	m := &MemberMail{}
	var r struct {
		Mailing   `gorm:"embedded"`
		ListID    *int64
		AskerID   int64
		AskedBy   string
		Disabled  bool
		TimeZone  string
		Domain    string
		LocalPart *string
	}
	err := s.db.WithContext(ctx).Raw(`SELECT g.id, g.recipient, g.asked_at, g.state, g.settled_at, g.list_id, c.id AS asker_id, c.identifier AS asked_by, c.disabled_at IS NOT NULL AS disabled, c.time_zone, s.domain, l.local_part
		FROM list_mailings g JOIN customers c ON c.id = g.asked_by JOIN services s ON s.id = g.service_id LEFT JOIN lists l ON l.id = g.list_id WHERE g.id = ?`, id).Scan(&r).Error
	switch {
	case err != nil:
		return nil, err
	case r.State != MailingWaiting:
		return nil, nil
	case r.LocalPart == nil, r.Disabled:
		return nil, ErrNotFound
	}
	m.Mailing, m.AskedBy, m.TimeZone = r.Mailing, r.AskedBy, r.TimeZone
	by := Actor{Customer: r.AskerID}
	begin := func(list *List) error {
		if m.List = list; list.ID != *r.ListID || list.OwnerEmail != r.Recipient {
			return ErrConflict
		}
		return nil
	}
	err = s.EachMember(ctx, by, r.Domain, *r.LocalPart, Subscribers, begin, func(member *Member) error {
		m.Members = append(m.Members, *member)
		return nil
	})
	if err != nil {
		return nil, err
	}
	a, err := s.Service(ctx, by, r.Domain)
	if err != nil {
		return nil, err
	}
	return m, errors.Join(a.require(policy.EditLists), a.require(policy.Export))
}

// settleMailing keeps what became of a mailing, also while the process ends:
// what was sent is not to be sent again.
func (s *Store) settleMailing(ctx context.Context, id int64, state MailingState) error {
	return s.db.WithContext(context.WithoutCancel(ctx)).Exec("UPDATE list_mailings SET state = ?, settled_at = ? WHERE id = ? AND state = 'waiting'", state, s.now(), id).Error
}

// sweepMailings gives up those that wait for too long, as when no process has
// sent mail since, and forgets what is long past.
func (s *Store) sweepMailings(ctx context.Context) error {
	db, now := s.db.WithContext(ctx), s.now()
	return errors.Join(
		db.Exec("UPDATE list_mailings SET state = 'failed', settled_at = ? WHERE state = 'waiting' AND asked_at <= ?", now, now.Add(-mailingLife)).Error,
		db.Exec("DELETE FROM list_mailings WHERE asked_at <= ?", now.Add(-mailingsKept)).Error,
	)
}
