package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

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
	a.Standing.Owner = *h.own
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

// accountsRowNulls stand in an account's row for me, the session, the service with the right, whole and holder.
var accountsRowNulls = "1, " + strings.Repeat("NULL, ", 1+13+22+2)

func (s *Store) accountsDest(kind *int, h *accountsHead, item *AccountItem, managers **string) (head, row []any) {
	se := &h.list.Session
	seen, expires, proved := (*instant)(&se.SeenAt), (*instant)(&se.ExpiresAt), (*instant)(&se.ProvedAt)
	head = []any{
		kind, s.skip(), &se.ID, &se.CustomerID, &se.AgentID, &se.Identifier, &se.Name, &se.Language, &se.Theme, &se.TimeZone, &se.Data, seen, expires, proved, &se.FormKey,
		&h.serviceID, &h.domain, &h.ownerID, &h.owner, &h.ownerName, &h.state, &h.maxAcc, &h.maxBytes, &h.maxAccount, &h.count, &h.allotted, &h.shares,
		&h.hung[0], &h.hung[1], &h.hung[2],
		&h.own, &h.sg.ID, &h.sg.Extras, &h.sg.Giver, &h.since, &h.until, &h.any, s.skip(), s.skip(),
	}
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

// accountsSQL builds the statement of one list. Only texts of this file go into
// it; what people typed is an argument.
type accountsSQL struct {
	q         AccountQuery
	args      []any
	size      int
	managers  int // how many holders of an account are named
	domain    string
	words     []string
	byUse     bool
	desc      bool // the order asked for is descending
	back      bool // the page before a cursor: walk the other way, then turn round
	cursorUse int64
	cursor    string
	hasCursor bool
	ticked    string // a condition on accounts a, "" for none
}

func newAccountsSQL(s *Store, token, domain string, q AccountQuery) (*accountsSQL, error) {
	b := &accountsSQL{q: q, args: s.sessionArgs(token), size: q.Size, managers: managersShown}
	if !slices.Contains(PageSizes, b.size) {
		b.size = PageSizes[0]
	}
	if !storable(domain) {
		domain = "" // no service's
	}
	b.domain = b.arg(domain)
	if q.Ticked != nil {
		b.ticked = b.among(s, q.Ticked)
	}
	b.desc = strings.HasPrefix(q.Sort, "-")
	b.byUse = strings.TrimPrefix(q.Sort, "-") == "used"
	if at, _, found := strings.Cut(q.Search, "@"); found && at != "" {
		q.Search = at // a whole address of this service
	}
	for _, w := range searched(q.Search) {
		if w = foldQuery(w); w != "" && len(b.words) < 3 {
			b.words = append(b.words, w)
		}
	}
	// The longest first: it is the one that finds, the others pick among what it found.
	slices.SortStableFunc(b.words, func(v, w string) int { return len(w) - len(v) })
	cursor := q.After
	if cursor == "" && q.Before != "" {
		cursor, b.back = q.Before, true
	}
	if cursor != "" {
		b.hasCursor = true
		b.cursor = cursor
		if b.byUse {
			use, local, found := strings.Cut(cursor, ".")
			n, err := strconv.ParseInt(use, 10, 64)
			if !found || err != nil {
				return nil, ErrCursor
			}
			b.cursorUse, b.cursor = n, local
		}
		if local, problem := ParseLocalPart(b.cursor); problem != nil || local != b.cursor {
			return nil, ErrCursor
		}
	}
	return b, nil
}

// searched takes apart what was typed to search: at spaces, and at signs that
// part the words of a description and are in no local part. Signs alone are
// left out beside words; by themselves they stay, and find nothing.
func searched(text string) []string {
	words := strings.FieldsFunc(text, func(r rune) bool { return !inWord(r) && !unicode.Is(unicode.M, r) && !strings.ContainsRune(".-_", r) })
	words = slices.DeleteFunc(words, func(w string) bool { return !strings.ContainsFunc(w, inWord) })
	if len(words) == 0 {
		return strings.Fields(text)
	}
	return words
}

func (b *accountsSQL) arg(v any) string {
	b.args = append(b.args, v)
	return "$" + strconv.Itoa(len(b.args))
}

// liveAt is live with the parameter of the session's clock.
func liveAt(grant string) string { return strings.ReplaceAll(live(grant), "@now", "$2") }

// accountsViewer reads the head. whole is the service when the session reaches
// all of it, holder the customer when they reach only accounts they hold: each
// is null in the other case, and then no row of that kind matches.
var accountsViewer = `WITH v AS (SELECT se.customer_id AS me, ` + sessionColumns + ` FROM sessions se` + sessionPeople + ` WHERE ` + sessionLive + `),
 sv AS (SELECT s.id, s.domain, s.owner_id, o.identifier, o.name, s.state, s.max_accounts, s.max_bytes, s.max_account_bytes, s.account_count, s.allotted_bytes, s.share_count,
 s.redirection_count, s.responder_count, s.list_count,
 COALESCE(s.owner_id = v.me, false) AS own, sg.id AS grant_id, sg.extras, gc.identifier AS giver, sg.since, sg.expires_at,
 COALESCE(s.owner_id <> v.me AND EXISTS (SELECT 1 FROM grants g WHERE g.grantee_id = v.me AND g.domain = s.domain AND g.kind = 'account' AND ` + liveAt("g") + `), false) AS any_account,
 CASE WHEN s.owner_id = v.me OR sg.id IS NOT NULL THEN s.id END AS whole, CASE WHEN s.owner_id <> v.me AND sg.id IS NULL THEN v.me END AS holder
 FROM v JOIN services s ON s.domain = %[1]s JOIN customers o ON o.id = s.owner_id
 LEFT JOIN grants sg ON sg.grantee_id = v.me AND sg.domain = s.domain AND sg.kind = 'service' AND ` + liveAt("sg") + `
 LEFT JOIN customers gc ON gc.id = sg.giver_id)%[2]s
 SELECT ` + accountsHeadColumns + ` FROM v LEFT JOIN sv ON true`

func (b *accountsSQL) text() string {
	found, matched := "", "0"
	if len(b.words) > 0 {
		found = ", m AS (SELECT w.local_part FROM account_words w WHERE w.service_id = " + wholeService + " AND " + b.begins("w", b.words[0]) +
			" ORDER BY w.word, w.local_part LIMIT " + strconv.Itoa(MaxMatches+1) + ")"
		matched = "(SELECT count(*) FROM m)"
	}
	return fmt.Sprintf(accountsViewer, b.domain, found, matched) +
		" UNION ALL SELECT " + accountsRowNulls + "p.* FROM (" + b.whole() + ") AS p" +
		" UNION ALL SELECT " + accountsRowNulls + "p.* FROM (" + b.own() + ") AS p"
}

// wholeService is the service whose accounts are all listed, or null.
const wholeService = "(SELECT whole FROM sv)"

// whole lists the accounts for whoever reaches the whole service. Only the owner
// is told who holds them; others are told of what they gave or hold themselves.
func (b *accountsSQL) whole() string {
	from := "accounts a"
	if len(b.words) > 0 {
		from = "(SELECT DISTINCT m.local_part FROM m) AS f JOIN accounts a ON a.local_part = f.local_part"
	} else if b.q.Status == "delegated" && !b.byUse {
		// The few that are delegated, not all accounts asked one by one.
		from = `(SELECT DISTINCT g.local_part FROM grants g WHERE g.service_id = ` + wholeService + " AND g.kind = 'account' AND " + liveAt("g") + known("g") +
			b.past("", "g.local_part") + " ORDER BY g.local_part" + b.direction() + " LIMIT " + strconv.Itoa(b.size+1) + `) AS f JOIN accounts a ON a.local_part = f.local_part`
	}
	managers := `CASE WHEN (SELECT own FROM sv) THEN (SELECT string_agg(h.identifier, ' ') FROM (SELECT c.identifier FROM grants g JOIN customers c ON c.id = g.grantee_id
		WHERE g.account_id = a.id AND g.kind = 'account' AND ` + liveAt("g") + ` ORDER BY g.id LIMIT ` + strconv.Itoa(b.managers+1) + `) AS h) END`
	text := "SELECT " + accountsRowColumns + managers + " AS managers, CAST(NULL AS integer) AS held FROM " + from + " WHERE a.service_id = " + wholeService + b.status()
	if len(b.words) > 1 {
		text += b.matches(b.words[1:])
	}
	return text + b.ticked + b.past("a.used_bytes", "a.local_part") + b.order("a.local_part")
}

// own lists the accounts that the session holds, for whoever does not reach the whole service.
func (b *accountsSQL) own() string {
	return "SELECT " + accountsRowColumns + "NULL AS managers, g.extras AS held FROM grants g JOIN accounts a ON a.id = g.account_id WHERE g.grantee_id = (SELECT holder FROM sv) AND g.domain = " + b.domain + " AND g.kind = 'account' AND " + liveAt("g") +
		b.status() + b.ticked + b.matches(b.words) + b.past("a.used_bytes", "g.local_part") + b.order("g.local_part")
}

func (b *accountsSQL) begins(table, word string) string {
	return table + ".word >= " + b.arg(word) + " AND " + table + ".word < " + b.arg(word+"\U0010FFFF")
}

// among is the condition that an account is one of these, by one parameter
// however many they are.
func (b *accountsSQL) among(s *Store, locals []string) string {
	known := slices.DeleteFunc(slices.Clone(locals), func(local string) bool {
		parsed, problem := ParseLocalPart(local)
		return problem != nil || parsed != local
	})
	list := b.arg(strings.Join(known, " ")) // no local part has a space
	if s.pool != nil {
		return " AND a.local_part = ANY (string_to_array(" + list + ", ' '))"
	}
	return ` AND a.local_part IN (SELECT value FROM json_each('["' || replace(` + list + `, ' ', '","') || '"]'))`
}

func (b *accountsSQL) matches(words []string) string {
	var text strings.Builder
	for _, w := range words {
		text.WriteString(" AND EXISTS (SELECT 1 FROM account_words x WHERE x.account_id = a.id AND " + b.begins("x", w) + ")")
	}
	return text.String()
}

// known is the condition that the viewer may know of a grant.
func known(grant string) string {
	const me = "(SELECT me FROM v)"
	return " AND ((SELECT own FROM sv) OR " + grant + ".giver_id = " + me + " OR " + grant + ".grantee_id = " + me + ")"
}

func (b *accountsSQL) status() string {
	switch b.q.Status {
	case "active", "blocked": // literal, so that the partial indexes fit
		return " AND a.state = '" + b.q.Status + "'"
	case "full":
		return " AND a.nearly_full AND a.state <> 'deleting'"
	case "delegated":
		return " AND a.state <> 'deleting' AND EXISTS (SELECT 1 FROM grants d WHERE d.account_id = a.id AND d.kind = 'account' AND " + liveAt("d") + known("d") + ")"
	}
	return " AND a.state <> 'deleting'"
}

// past is the condition of rows beyond the cursor. use is "" where the list is by address alone.
func (b *accountsSQL) past(use, local string) string {
	if !b.hasCursor {
		return ""
	}
	than := " > "
	if b.desc != b.back {
		than = " < "
	}
	if b.byUse && use != "" {
		return " AND (" + use + ", " + local + ")" + than + "(" + b.arg(b.cursorUse) + ", " + b.arg(b.cursor) + ")"
	}
	return " AND " + local + than + b.arg(b.cursor)
}

func (b *accountsSQL) direction() string {
	if b.desc != b.back {
		return " DESC"
	}
	return ""
}

func (b *accountsSQL) order(local string) string {
	text := " ORDER BY "
	if b.byUse {
		text += "a.used_bytes" + b.direction() + ", "
	}
	return text + local + b.direction() + " LIMIT " + strconv.Itoa(b.size+1)
}

// page cuts the row that only tells that there are more, turns a page walked
// backwards round, and sets the cursors.
func (b *accountsSQL) page(out *AccountList) {
	more := len(out.Items) > b.size
	out.Items = out.Items[:min(len(out.Items), b.size)]
	if b.back {
		slices.Reverse(out.Items)
	}
	if len(out.Items) == 0 {
		return
	}
	if more || b.back {
		out.Next = b.cursorOf(out.Items[len(out.Items)-1])
	}
	if b.hasCursor && (!b.back || more) {
		out.Previous = b.cursorOf(out.Items[0])
	}
}

func (b *accountsSQL) cursorOf(i AccountItem) string {
	if b.byUse {
		return strconv.FormatInt(i.UsedBytes, 10) + "." + i.LocalPart
	}
	return i.LocalPart
}

// skip is a destination for a column that is not wanted. pgx passes over nil; database/sql does not.
func (s *Store) skip() any {
	if s.pool != nil {
		return nil
	}
	return new(any)
}

// instant scans a time that SQLite may give as text, when a column loses its type in a compound query.
type instant time.Time

func (i *instant) Scan(v any) error {
	var m moment
	if err := m.Scan(v); err != nil {
		return err
	}
	if m.Time != nil {
		*i = instant(*m.Time)
	}
	return nil
}

// moment is an instant that may be null.
type moment struct{ *time.Time }

// sqliteTime is how the driver writes times with _time_format=sqlite.
const sqliteTime = "2006-01-02 15:04:05.999999999-07:00"

func (m *moment) Scan(v any) error {
	m.Time = nil
	switch v := v.(type) {
	case nil:
	case time.Time:
		m.Time = &v
	case string:
		t, err := time.Parse(sqliteTime, v)
		if err != nil {
			return err
		}
		m.Time = &t
	default:
		return fmt.Errorf("models: %T is no time", v)
	}
	return nil
}
