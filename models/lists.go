package models

import (
	"context"
	"slices"
	"strings"
	"time"

	"example.org/mandat/models/policy"
)

// Posting says who may write to a list.
type Posting string

// Anybody; its subscribers; or anybody once a moderator has let it through.
const (
	PostingEveryone    Posting = "everyone"
	PostingSubscribers Posting = "subscribers"
	PostingModerated   Posting = "moderated"
)

// Postings are the values of Posting.
var Postings = []Posting{PostingEveryone, PostingSubscribers, PostingModerated}

// Where an answer to a mail of a list goes, unless to an address.
const (
	ReplyToList   = "list"
	ReplyToSender = "sender"
)

// ListLanguages are those in which a list can speak to its subscribers.
var ListLanguages = []string{"fr", "en"}

// List is a mailing list: an address whose mail goes to its subscribers.
type List struct {
	ID              int64
	ServiceID       int64
	LocalPart       string
	Address         string // local@A-label
	OwnerEmail      string
	ReplyTo         string // ReplyToList, ReplyToSender or an address
	Language        string
	Posting         Posting
	SubscriberCount int
	ModeratorCount  int
	HeldCount       int // messages that wait for a moderator
	Version         int
	CreatedAt       time.Time
}

// Members is how many there are of a kind.
func (l *List) Members(k MemberKind) int {
	if k == Moderators {
		return l.ModeratorCount
	}
	return l.SubscriberCount
}

// listColumns reads a List from lists l.
const listColumns = `l.id, l.service_id, l.local_part, l.address, l.owner_email, l.reply_to, l.language, l.posting, l.subscriber_count,
 (SELECT count(*) FROM list_moderators o WHERE o.list_id = l.id) AS moderator_count,
 (SELECT count(*) FROM list_messages h WHERE h.list_id = l.id AND h.state = 'held') AS held_count, l.version, l.created_at`

func (l *List) dest() []any {
	return []any{
		&l.ID, &l.ServiceID, &l.LocalPart, &l.Address, &l.OwnerEmail, &l.ReplyTo, &l.Language, &l.Posting, &l.SubscriberCount,
		&l.ModeratorCount, &l.HeldCount, &l.Version, &l.CreatedAt,
	}
}

// ListSettings is what is typed about a list.
type ListSettings struct {
	Owner    string // whom the list answers to
	ReplyTo  string // ReplyToList, ReplyToSender or an address
	Language string
	Posting  Posting
	Version  int // as shown; another means ErrConflict. A new list has none
}

// check gives the settings in their normal form and says what is wrong with them.
func (n *ListSettings) check(address string, bad Invalid) {
	mailbox := func(field, text string) string {
		mailbox, problem := ParseMailbox(text)
		switch {
		case problem != nil:
			bad.Add(field, problem.Key, problem.Args...)
		case mailbox == address:
			bad.Add(field, "list.itself", "Address", ReadableAddress(address))
		}
		return mailbox
	}
	n.Owner = mailbox("owner", n.Owner)
	if n.ReplyTo != ReplyToList && n.ReplyTo != ReplyToSender {
		n.ReplyTo = mailbox("reply_to", n.ReplyTo)
	}
	if !slices.Contains(ListLanguages, n.Language) {
		bad.Add("language", "list.language.unknown")
	}
	if !slices.Contains(Postings, n.Posting) {
		bad.Add("posting", "list.posting.unknown")
	}
}

// NewList is what is typed to make a list.
type NewList struct {
	Name string // the local part
	ListSettings
}

// CreateList makes a list without subscribers. Invalid for a name that does not
// do, that must reach a person (postmaster, abuse), or that is taken; for
// settings that do not do; and when the service has all its lists.
func (s *Store) CreateList(ctx context.Context, by Actor, domain string, n NewList) (*List, error) {
	bad := Invalid{}
	local, problem := ParseLocalPart(n.Name)
	if problem == nil {
		problem = checkAddressLength(local, domain)
	}
	if problem == nil && Reserved(local) {
		problem = &Message{Key: "list.name.reserved", Args: []any{"Name", local}}
	}
	if problem != nil {
		bad.Add("name", problem.Key, problem.Args...)
	}
	list := &List{LocalPart: local, Address: local + "@" + domain, Version: 1}
	n.check(list.Address, bad)
	list.OwnerEmail, list.ReplyTo, list.Language, list.Posting = n.Owner, n.ReplyTo, n.Language, n.Posting
	err := s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enter(domain, "", policy.EditLists)
		if err != nil {
			return err
		}
		if err := bad.orNil(); err != nil {
			return err
		}
		if a.Service.ListCount >= a.Service.MaxLists {
			return invalid("name", "list.limit", "Limit", a.Service.MaxLists)
		}
		list.ServiceID, list.CreatedAt = a.Service.ID, tx.now
		err = tx.scan(&list.ID, `INSERT INTO lists (service_id, local_part, address, owner_email, reply_to, language, posting, created_by, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
			list.ServiceID, local, list.Address, list.OwnerEmail, list.ReplyTo, list.Language, list.Posting, orNull(tx.by.Customer), tx.now)
		if err != nil {
			return err
		}
		return tx.record(a.listEvent("list.created", list, Detail{
			"owner": {After: list.OwnerEmail}, "reply_to": {After: list.ReplyTo}, "language": {After: list.Language}, "posting": {After: list.Posting},
		}))
	})
	if violated(err) == "address_has_one_meaning" {
		return nil, invalid("name", "list.name.taken", "Address", ReadableAddress(list.Address))
	}
	if err != nil {
		return nil, err
	}
	return list, nil
}

// listEvent is an event about a list of a's service.
func (a *Access) listEvent(kind string, l *List, detail Detail) Event {
	return Event{ServiceID: a.Service.ID, Kind: kind, Class: MailEvent, OwnerID: a.Service.OwnerID, Object: l.Address, Detail: detail}
}

// enterList locks the service, asks whether the actor may change its lists, and
// reads one of them. The right comes first: who has none does not learn which
// lists there are.
func (tx *Tx) enterList(domain, name string) (*Access, *List, error) {
	a, err := tx.enter(domain, "", policy.EditLists)
	if err != nil {
		return nil, nil, err
	}
	if !storable(name) {
		return nil, nil, ErrNotFound
	}
	var l List
	if err := tx.scan(&l, "SELECT "+listColumns+" FROM lists l WHERE l.service_id = ? AND l.local_part = ?", a.Service.ID, name); err != nil {
		return nil, nil, err
	}
	if l.ID == 0 {
		return nil, nil, ErrNotFound
	}
	return a, &l, nil
}

// ChangeList changes the settings of a list. It writes nothing when nothing
// differs. The name stays: people have the address in their books.
func (s *Store) ChangeList(ctx context.Context, by Actor, domain, name string, n ListSettings) error {
	bad := Invalid{}
	n.check(name+"@"+domain, bad)
	return s.change(ctx, by, func(tx *Tx) error {
		a, list, err := tx.enterList(domain, name)
		if err != nil {
			return err
		}
		if err := bad.orNil(); err != nil {
			return err
		}
		if n.Version != list.Version {
			return ErrConflict
		}
		detail := Detail{}
		differ := func(field, before, after string) {
			if before != after {
				detail[field] = Change{Before: before, After: after}
			}
		}
		differ("owner", list.OwnerEmail, n.Owner)
		differ("reply_to", list.ReplyTo, n.ReplyTo)
		differ("language", list.Language, n.Language)
		differ("posting", string(list.Posting), string(n.Posting))
		if len(detail) == 0 {
			return nil
		}
		err = tx.exec("UPDATE lists SET owner_email = ?, reply_to = ?, language = ?, posting = ?, version = version + 1 WHERE id = ?",
			n.Owner, n.ReplyTo, n.Language, n.Posting, list.ID)
		if err != nil {
			return err
		}
		return tx.record(a.listEvent("list.changed", list, detail))
	})
}

// DeleteList takes a list away with its subscribers and moderators, for good.
// confirm is its name as the person typed it. Invalid for another, and for a
// list that the catch-all leads to.
func (s *Store) DeleteList(ctx context.Context, by Actor, domain, name, confirm string) error {
	return s.change(ctx, by, func(tx *Tx) error {
		a, list, err := tx.enterList(domain, name)
		if err != nil {
			return err
		}
		if !strings.EqualFold(strings.TrimSpace(confirm), name) {
			return invalid("confirm", "list.confirm.differs", "Name", name)
		}
		if err := tx.free(a, list.Address, "DELETE FROM lists WHERE id = ?", list.ID); err != nil {
			return err
		}
		return tx.record(a.listEvent("list.deleted", list, Detail{"subscribers": {Before: list.SubscriberCount}, "moderators": {Before: list.ModeratorCount}}))
	})
}

// ListPage is a page of the lists of a service, by name.
type ListPage struct {
	Items          []List
	Previous, Next string // cursors, "" where there is none
}

// Lists reads a page of the lists of the service of a: ErrNotFound never, and
// the refusal for whoever may not change lists.
func (s *Store) Lists(ctx context.Context, a *Access, q WalkQuery) (*ListPage, error) {
	if !a.May(policy.EditLists) {
		return nil, a.Service.forbidden(policy.EditLists)
	}
	out := &ListPage{}
	w, ok := q.walk(PageSize)
	if !ok {
		return out, nil
	}
	r, err := s.query(ctx, statement("SELECT "+listColumns+" FROM lists l WHERE l.service_id = $1 AND "+w.where("l.local_part", 2)+w.order("l.local_part")), w.args(a.Service.ID)...)
	err = each(r, err, func() error {
		var l List
		if err := r.Scan(l.dest()...); err != nil {
			return err
		}
		out.Items = append(out.Items, l)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out.Items, out.Previous, out.Next = walked(w, out.Items, func(l *List) string { return l.LocalPart })
	return out, nil
}

// listsNamed is how many lists that write to one account are named.
const listsNamed = 20

// AccountLists reads the names of the lists of the service that write to the
// account of a: it is a subscriber, a moderator or their owner. more says that
// there are others. Whoever may not change lists is told of none.
func (s *Store) AccountLists(ctx context.Context, by Actor, a *Access) (names []string, more bool, err error) {
	if !a.May(policy.EditLists) || a.Service.ListCount == 0 {
		return nil, false, nil
	}
	x := sqlText{embedded: s.pool == nil}
	member := func(k MemberKind) string {
		return "EXISTS (SELECT 1 FROM " + k.table() + " m WHERE m.list_id = l.id AND " + x.arrives("m.email", "z") + ")"
	}
	args := s.redirectionArgs(by, a)
	args["account"], args["n"] = a.Account.ID, listsNamed+1
	err = s.db.WithContext(ctx).Raw("SELECT l.local_part FROM lists l JOIN accounts z ON z.id = @account WHERE l.service_id = @service AND "+reachesAll()+
		" AND ("+member(Subscribers)+" OR "+member(Moderators)+" OR "+x.arrives("l.owner_email", "z")+") ORDER BY l.local_part LIMIT @n", args).Scan(&names).Error
	if more = len(names) > listsNamed; more {
		names = names[:listsNamed]
	}
	return names, more, err
}

// List reads one list and what by reaches of its service: ErrNotFound when
// nothing, the refusal when by may not change lists.
func (s *Store) List(ctx context.Context, by Actor, domain, name string) (*Access, *List, error) {
	a, err := s.listAccess(ctx, by, domain, name)
	if err != nil {
		return nil, nil, err
	}
	var l List
	err = s.db.WithContext(ctx).Raw("SELECT "+listColumns+" FROM lists l WHERE l.service_id = ? AND l.local_part = ?", a.Service.ID, name).Scan(&l).Error
	if err == nil && l.ID == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	return a, &l, nil
}

// listAccess is Service for whoever may change its lists.
func (s *Store) listAccess(ctx context.Context, by Actor, domain, name string) (*Access, error) {
	a, err := s.Service(ctx, by, domain)
	switch {
	case err != nil:
		return nil, err
	case !a.May(policy.EditLists):
		return nil, a.Service.forbidden(policy.EditLists)
	case !storable(name):
		return nil, ErrNotFound
	}
	return a, nil
}
