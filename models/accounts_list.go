package models

import (
	"context"
	"errors"
	"strings"

	"example.org/mandat/models/policy"
)

// How the list of accounts can be asked for. The empty text of each is its first value.
var (
	AccountSorts    = []string{"address", "-address", "used", "-used"}
	AccountStatuses = []string{"", "active", "blocked", "full", "delegated"}
	PageSizes       = []int{25, 50, 100}
)

// AccountQuery is a page of the accounts of a service.
type AccountQuery struct {
	Search string // the beginnings of words of address or description; "" is all
	Status string // one of AccountStatuses
	Sort   string // one of AccountSorts; "" is by address
	Size   int    // one of PageSizes; 0 is the first
	After  string // the cursor of the last account of the page before
	Before string // the cursor of the first account of the page after

	Ticked []string // local parts: only these; nil is all
}

// MaxMatches bounds a search: past it the words must become more precise.
const MaxMatches = 500

// managersShown is how many holders of an account its row names.
const managersShown = 2

// AccountItem is a row of the list.
type AccountItem struct {
	Account
	Managers     []string // identifiers of holders of a grant on this account; nil when the viewer may not know
	MoreManagers bool
	Held         *policy.Extra // extras of the viewer's grant on this account, when that is how they reach it
}

// Standing is what the viewer of the list is to this account.
func (i *AccountItem) Standing(list *Access) policy.Standing {
	s := list.Standing
	if i.Held != nil {
		s.Account = i.Held
	}
	return s
}

// AccountList is a page of accounts with the session that asks and what it reaches.
type AccountList struct {
	Session  Session
	Access   Access
	Items    []AccountItem
	Previous string // cursor for Before, "" on the first page
	Next     string // cursor for After, "" on the last
	Capped   bool   // the search matched more than MaxMatches
}

// ErrCursor says that a cursor is none of ours.
var ErrCursor = errors.New("no such cursor")

// Accounts reads a page of the accounts of a service as the session of token
// reaches it, in one statement: the session, the service, the right and the
// rows. Whoever reaches the whole service sees all accounts, the holder of
// account grants theirs. ErrSignedOut without a live session, ErrNotFound
// without reach, ErrCursor for a cursor of another list.
func (s *Store) Accounts(ctx context.Context, token, domain string, q AccountQuery) (*AccountList, error) {
	b, err := newAccountsSQL(s, token, domain, q)
	if err != nil {
		return nil, err
	}
	return s.accounts(ctx, domain, b)
}

// accounts runs the statement of b.
func (s *Store) accounts(ctx context.Context, domain string, b *accountsSQL) (*AccountList, error) {
	out := &AccountList{}
	head, seen := accountsHead{list: out}, 0
	out.Items = make([]AccountItem, 0, b.size+1)
	r, err := s.query(ctx, statement(b.text()), b.args...)
	if err != nil {
		return nil, err
	}
	var item AccountItem
	var kind int
	var managers *string
	headDest, rowDest := s.accountsDest(&kind, &head, &item, &managers)
	err = each(r, nil, func() error {
		if seen++; seen == 1 {
			return r.Scan(headDest...)
		}
		item, managers = AccountItem{}, nil
		if err := r.Scan(rowDest...); err != nil {
			return err
		}
		item.Address = item.LocalPart + "@" + domain
		if managers != nil {
			item.setManagers(*managers, b.managers)
		}
		out.Items = append(out.Items, item)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if out.Session.ID == 0 {
		return nil, ErrSignedOut
	}
	out.Session.settle(s.now())
	if err := head.finish(); err != nil {
		return nil, err
	}
	b.page(out)
	return out, nil
}

func (i *AccountItem) setManagers(joined string, most int) {
	i.Managers = strings.Fields(joined)
	if len(i.Managers) > most {
		i.Managers, i.MoreManagers = i.Managers[:most], true
	}
}

// accountsHead is the first row: session, service and right.
type accountsHead struct {
	list       *AccountList
	serviceID  *int64
	domain     *string
	ownerID    *int64
	owner      *string
	ownerName  *string
	state      *ServiceState
	maxAcc     *int
	maxBytes   *int64
	maxAccount *int64
	count      *int
	matched    *int64 // words, counted to one more than MaxMatches
	allotted   *int64
	shares     *int
	hung       [3]*int // redirections, responders, lists: tabs show how many
	own        *bool
	sg         heldRow
	since      moment
	until      moment
	any        *bool
}

func (h *accountsHead) finish() error {
	if h.serviceID == nil {
		return ErrNotFound
	}
	a := &h.list.Access
	a.Service = Service{
		ID: *h.serviceID, Domain: *h.domain, OwnerID: *h.ownerID, OwnerIdentifier: *h.owner, OwnerName: *h.ownerName, State: *h.state,
		MaxAccounts: *h.maxAcc, MaxBytes: *h.maxBytes, MaxAccountBytes: *h.maxAccount, AccountCount: *h.count, AllottedBytes: *h.allotted, ShareCount: *h.shares,
		RedirectionCount: *h.hung[0], ResponderCount: *h.hung[1], ListCount: *h.hung[2],
	}
	if *h.own {
		a.Standing = h.list.Session.Actor().standing(*h.ownerID)
	}
	h.sg.Since, h.sg.ExpiresAt = h.since.Time, h.until.Time
	if a.ServiceGrant = h.sg.held(); a.ServiceGrant != nil {
		a.Standing.Service = &a.ServiceGrant.Extras
	}
	if *h.any {
		a.Standing.Account = new(policy.Extra)
	}
	if a.Standing.Stranger() {
		return ErrNotFound
	}
	h.list.Capped = *h.matched > MaxMatches
	return nil
}

// The columns of the statement: a head row fills the first group, account rows the second.
const (
	accountsHeadColumns = `0, v.*, sv.*, %[3]s, NULL, NULL, NULL, NULL, NULL, NULL, NULL`
	accountsRowColumns  = `a.id, a.local_part, a.description, a.size_bytes, a.used_bytes, a.state, `
)

// accountsRowNulls stand in an account's row for me, what I hold by, the session, the service with the right, whole and holder.
var accountsRowNulls = "1, " + strings.Repeat("NULL, ", 2+28+22+2)

func (s *Store) accountsDest(kind *int, h *accountsHead, item *AccountItem, managers **string) (head, row []any) {
	head = append([]any{kind, s.skip(), s.skip()}, h.list.Session.dest()...)
	head = append(head,
		&h.serviceID, &h.domain, &h.ownerID, &h.owner, &h.ownerName, &h.state, &h.maxAcc, &h.maxBytes, &h.maxAccount, &h.count, &h.allotted, &h.shares,
		&h.hung[0], &h.hung[1], &h.hung[2],
		&h.own, &h.sg.ID, &h.sg.Extras, &h.sg.Giver, &h.since, &h.until, &h.any, s.skip(), s.skip(),
	)
	rowFields := []any{&item.ID, &item.LocalPart, &item.Description, &item.SizeBytes, &item.UsedBytes, &item.State, managers, &item.Held}
	row = []any{kind}
	for range len(head) - 1 {
		row = append(row, s.skip())
	}
	head = append(head, &h.matched) // in the place of an account's id
	for range len(rowFields) - 1 {
		head = append(head, s.skip())
	}
	return head, append(row, rowFields...)
}
