package models

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/mandat/models/policy"
)

// Limits of one submission of a grant form.
const (
	MaxIdentifiers = 20
	MaxAccounts    = 500 // ticked
	MaxNote        = 500 // characters
	maxYears       = 10  // until the end of a grant
)

// MaxUnknown is how many unknown identifiers one customer may name in an hour:
// the plain answer to an honest mistake must not become a directory.
const (
	MaxUnknown    = 30
	unknownWindow = time.Hour
)

// GrantRequest is what is typed on the grant forms.
type GrantRequest struct {
	Identifiers []string // as typed
	Ticked      policy.Extra
	ExpiresAt   *time.Time
	Note        string
}

// Refusal is an identifier that got no grant, as typed, and why.
type Refusal struct {
	Identifier string
	Message    Message
}

// GrantResult says what became of a request: some may be given, others refused.
type GrantResult struct {
	Given   []Grant
	Held    int // of several accounts: how many more the people given some had already
	Refused []Refusal
}

// ShareService gives the management of the whole service to one or more
// customers. The owner may. The right identifiers are given what they were to
// get even when others are refused; Invalid when nothing can be done at all.
func (s *Store) ShareService(ctx context.Context, by Actor, domain string, r GrantRequest) (*GrantResult, error) {
	return s.give(ctx, by, domain, r, func(tx *Tx) (*giving, error) {
		a, err := tx.enter(domain, "", policy.ShareService)
		return &giving{access: a, kind: policy.OnService}, err
	})
}

// DelegateAccount gives the management of one account. The owner may, and the
// holder of a service grant with the extra Delegate, who gives at most what
// they hold and for no longer.
func (s *Store) DelegateAccount(ctx context.Context, by Actor, domain, local string, r GrantRequest) (*GrantResult, error) {
	return s.give(ctx, by, domain, r, func(tx *Tx) (*giving, error) {
		a, err := tx.enterAccount(domain, local, policy.DelegateAccount)
		if err != nil {
			return nil, err
		}
		return &giving{access: a, kind: policy.OnAccount, accounts: []accountRef{{a.Account.ID, local}}}, nil
	})
}

// DelegateAccounts is DelegateAccount for several accounts of one service.
// Local parts that are not there are passed over in silence: somebody may have
// deleted them meanwhile. Somebody who holds an account already keeps what they
// hold and gets the others.
func (s *Store) DelegateAccounts(ctx context.Context, by Actor, domain string, locals []string, r GrantRequest) (*GrantResult, error) {
	if err := checkTicked(locals); err != nil {
		return nil, err
	}
	return s.give(ctx, by, domain, r, func(tx *Tx) (*giving, error) {
		a, err := tx.enter(domain, "", policy.DelegateAccount)
		if err != nil {
			return nil, err
		}
		g := &giving{access: a, kind: policy.OnAccount}
		err = tx.scan(&g.accounts, "SELECT id, local_part FROM accounts WHERE service_id = ? AND local_part IN ? AND state <> 'deleting' ORDER BY local_part", a.Service.ID, storables(locals))
		if err == nil && len(g.accounts) == 0 {
			err = ErrNotFound
		}
		return g, err
	})
}

// giving is one request being carried out.
type giving struct {
	access   *Access
	kind     policy.Kind
	accounts []accountRef // of a grant on accounts
}

type accountRef struct {
	ID        int64
	LocalPart string
}

// candidate is a named customer, with one grant that they hold on what is given, if any.
type candidate struct {
	ID         int64
	Identifier string
	Name       string
	GrantID    *int64
	AccountID  *int64
	Since      *time.Time
	ExpiresAt  *time.Time
	Staff      bool
	Unknown    int // identifiers that the giver named in vain within the hour
}

func (c *candidate) lapsed(now time.Time) bool { return c.ExpiresAt != nil && !c.ExpiresAt.After(now) }

func (s *Store) give(ctx context.Context, by Actor, domain string, r GrantRequest, enter func(*Tx) (*giving, error)) (*GrantResult, error) {
	if err := r.check(s.now()); err != nil {
		return nil, err
	}
	var result *GrantResult
	err := s.change(ctx, by, func(tx *Tx) error {
		result = &GrantResult{}
		g, err := enter(tx)
		if err != nil {
			return err
		}
		terms, err := g.terms(r)
		if err != nil {
			return err
		}
		chosen, err := tx.choose(g, r.Identifiers, result)
		if err != nil || len(chosen) == 0 {
			return err
		}
		return tx.insertGrants(g, terms, chosen, result)
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

func (r *GrantRequest) check(now time.Time) error {
	bad := Invalid{}
	switch n := len(r.Identifiers); {
	case n == 0:
		bad.Add("identifiers", "grant.identifiers.none")
	case n > MaxIdentifiers:
		bad.Add("identifiers", "grant.identifiers.many", "Most", MaxIdentifiers, "Count", n)
	}
	r.Note = checkNote(r.Note, bad)
	r.ExpiresAt = checkExpiry(r.ExpiresAt, now, bad)
	return bad.orNil()
}

func checkNote(note string, bad Invalid) string {
	note = strings.TrimSpace(legible(note))
	if utf8.RuneCountInString(note) > MaxNote {
		bad.Add("note", "grant.note.long", "Most", MaxNote)
	}
	return note
}

// checkExpiry answers the end as the databases keep it: SQLite compares the texts of times.
func checkExpiry(at *time.Time, now time.Time, bad Invalid) *time.Time {
	if at == nil {
		return nil
	}
	until := at.UTC().Truncate(time.Microsecond)
	switch {
	case !until.After(now):
		bad.Add("expires_on", "grant.expires.past")
	case until.After(now.AddDate(maxYears, 0, 0)):
		bad.Add("expires_on", "grant.expires.far", "Years", maxYears)
	}
	return &until
}

// terms are the grant to give, without whom and on what.
func (g *giving) terms(r GrantRequest) (Grant, error) {
	a := g.access
	t := Grant{
		Kind: g.kind, ServiceID: a.Service.ID, OwnerID: a.Service.OwnerID, Domain: a.Service.Domain,
		Extras: r.Ticked & policy.Applicable(g.kind), Note: r.Note, ExpiresAt: r.ExpiresAt, Version: 1,
	}
	if a.Standing.AsOwner() {
		t.Extras = a.grantable(t.Extras, 0)
		return t, nil
	}
	t.ParentID = a.ServiceGrant.ID
	var err error
	t.Extras, t.ExpiresAt, err = a.ServiceGrant.within(t.Extras, t.ExpiresAt)
	return t, err
}

// grantable narrows extras that support puts into a grant, beyond those that it
// had: what an agent may never do themselves they let nobody do (R36).
func (a *Access) grantable(extras, had policy.Extra) policy.Extra {
	if a.Standing.Agent == policy.NoAgent {
		return extras
	}
	return extras & (had | policy.Passable(a.Standing) | policy.Delegate)
}

// within narrows what is passed on to the grant that it rests on: the extras in
// silence, since the form shows no others; a later end with a message.
func (h *Held) within(extras policy.Extra, until *time.Time) (policy.Extra, *time.Time, error) {
	if h.ExpiresAt != nil && until != nil && until.After(*h.ExpiresAt) {
		return 0, nil, invalid("expires_on", "grant.expires.beyond", "Until", *h.ExpiresAt)
	}
	if until == nil {
		until = h.ExpiresAt
	}
	return extras & h.passable(), until, nil
}

// passable is the most that the holder of a grant on the service may pass on.
func (h *Held) passable() policy.Extra {
	return policy.Passable(policy.Standing{Service: &h.Extras})
}

// choose finds the customers named, refuses those who cannot have the grant,
// and closes what has lapsed of the others.
func (tx *Tx) choose(g *giving, typed []string, result *GrantResult) ([]candidate, error) {
	identifiers := make([]string, 0, len(typed))
	for _, t := range typed {
		if id, ok := ParseIdentifier(t); ok {
			identifiers = append(identifiers, id)
		}
	}
	found, err := tx.candidates(g, identifiers)
	if err != nil {
		return nil, err
	}
	var chosen []candidate
	var named []string
	unknown, before := 0, 0
	for _, t := range typed {
		id, ok := ParseIdentifier(t)
		if ok && slices.Contains(named, id) {
			continue
		}
		named = append(named, id)
		rows := found[id]
		switch {
		case len(rows) > 0:
			before = rows[0].Unknown
		case ok:
			unknown++
		}
		if m := tx.refusal(g, ok, rows); m != nil {
			m.Args = append([]any{"Identifier", t}, m.Args...)
			result.Refused = append(result.Refused, Refusal{Identifier: t, Message: *m})
			continue
		}
		chosen = append(chosen, rows...)
	}
	if unknown > 0 {
		subject := tx.unknownSubject()
		total, err := tx.countFailures([]string{subject}, unknown, unknownWindow)
		if err != nil {
			return nil, err
		}
		before = total[subject]
	}
	if before > MaxUnknown { // even those who exist: who is given something and who is not would tell
		result.Refused = nil
		for _, t := range typed {
			result.Refused = append(result.Refused, Refusal{Identifier: t, Message: Message{Key: "grant.refused.too_many_unknown", Args: []any{"Identifier", t, "Most", MaxUnknown}}})
		}
		return nil, nil
	}
	return chosen, tx.endLapsed(g, chosen)
}

// refusal says why the customer of these rows cannot have the grant; nil when
// they can. readable says that what was typed can be an identifier.
func (tx *Tx) refusal(g *giving, readable bool, rows []candidate) *Message {
	switch {
	case !readable:
		return &Message{Key: "grant.refused.shape"}
	case len(rows) == 0:
		return &Message{Key: "grant.refused.unknown"}
	case rows[0].ID == tx.by.Customer && !tx.by.assists():
		return &Message{Key: "grant.refused.self"}
	case rows[0].ID == g.access.Service.OwnerID:
		return &Message{Key: "grant.refused.owner"}
	case tx.by.assists() && rows[0].Staff:
		return &Message{Key: "grant.refused.staff"}
	}
	held := 0
	for _, c := range rows {
		if c.GrantID != nil && !c.lapsed(tx.now) {
			held++
		}
	}
	if held >= max(1, len(g.accounts)) {
		return &Message{Key: "grant.refused.held", Args: []any{"Since", *rows[0].Since}}
	}
	return nil
}

// endLapsed closes the grants of the chosen that time has ended, so that they
// can have another.
func (tx *Tx) endLapsed(g *giving, chosen []candidate) error {
	var lapsed []int64
	for i := range chosen {
		if c := &chosen[i]; c.GrantID != nil && c.lapsed(tx.now) {
			lapsed, c.GrantID = append(lapsed, *c.GrantID), nil
		}
	}
	if len(lapsed) == 0 {
		return nil
	}
	events, err := tx.endGrants(&g.access.Service, EndedByTime, "id IN @arg", lapsed)
	if err != nil {
		return err
	}
	return tx.record(events...)
}

// unknownSubject counts an agent's apart: nothing of the customer's own moves.
func (tx *Tx) unknownSubject() string {
	if tx.by.Agent != 0 {
		return fmt.Sprintf("unknown:agent:%d", tx.by.Agent)
	}
	return fmt.Sprintf("unknown:%d", tx.by.Customer)
}

// candidates reads the customers with these identifiers, a row for each grant that they hold on what is given.
func (tx *Tx) candidates(g *giving, identifiers []string) (map[string][]candidate, error) {
	if len(identifiers) == 0 {
		return nil, nil
	}
	held := "h.kind = 'service' AND h.service_id = @service"
	if g.kind == policy.OnAccount {
		held = "h.account_id IN @accounts"
	}
	ids := make([]int64, len(g.accounts))
	for i, a := range g.accounts {
		ids[i] = a.ID
	}
	var list []candidate
	err := tx.scan(&list, `SELECT c.id, c.identifier, c.name, h.id AS grant_id, h.account_id, h.since, h.expires_at,
		EXISTS (SELECT 1 FROM agents s WHERE s.customer_id = c.id AND s.removed_at IS NULL) AS staff,
		COALESCE((SELECT t.failures FROM throttles t WHERE t.subject = @subject AND t.since >= @begin), 0) AS unknown FROM customers c
		LEFT JOIN grants h ON h.grantee_id = c.id AND h.ended_at IS NULL AND `+held+` WHERE c.identifier IN @identifiers`,
		map[string]any{
			"service": g.access.Service.ID, "accounts": ids, "identifiers": identifiers,
			"subject": tx.unknownSubject(), "begin": tx.now.Add(-unknownWindow),
		})
	if err != nil {
		return nil, err
	}
	found := make(map[string][]candidate, len(list))
	for _, c := range list {
		found[c.Identifier] = append(found[c.Identifier], c)
	}
	return found, nil
}

// grantBatch keeps an insert below the parameter limits of both databases.
const grantBatch = 1000

func (tx *Tx) insertGrants(g *giving, terms Grant, chosen []candidate, result *GrantResult) error {
	targets := g.accounts
	if g.kind == policy.OnService {
		targets = []accountRef{{}}
	}
	type pair struct{ grantee, account int64 }
	holds := map[pair]bool{}
	var people []candidate
	for _, c := range chosen {
		if c.GrantID != nil {
			p := pair{grantee: c.ID}
			if c.AccountID != nil {
				p.account = *c.AccountID
			}
			holds[p] = true
		}
		if len(people) == 0 || people[len(people)-1].ID != c.ID {
			people = append(people, c)
		}
	}
	for _, t := range targets {
		for _, c := range people {
			if holds[pair{c.ID, t.ID}] {
				result.Held++
				continue
			}
			n := terms
			n.AccountID, n.LocalPart = t.ID, t.LocalPart
			n.GranteeID, n.Grantee, n.GranteeName = c.ID, c.Identifier, c.Name
			n.GiverID, n.Since = tx.by.Customer, tx.now
			result.Given = append(result.Given, n)
		}
	}
	for given := result.Given; len(given) > 0; {
		n := min(len(given), grantBatch)
		if err := tx.insertGrantRows(given[:n]); err != nil {
			return err
		}
		given = given[n:]
	}
	events := make([]Event, len(result.Given))
	for i := range result.Given {
		events[i] = result.Given[i].event("grant.given", result.Given[i].given())
		tx.tellHolder(NoticeGiven, &result.Given[i], nil)
	}
	if err := tx.record(events...); err != nil {
		return err
	}
	if g.kind == policy.OnService {
		return tx.countShares(terms.ServiceID, len(result.Given))
	}
	return nil
}

func (tx *Tx) insertGrantRows(given []Grant) error {
	args := make([]any, 0, 13*len(given))
	for i := range given {
		n := &given[i]
		args = append(args, n.Kind, n.ServiceID, n.OwnerID, orNull(n.AccountID), n.Domain, n.LocalPart, n.GranteeID, n.GiverID,
			orNull(tx.by.Agent), orNull(n.ParentID), n.Extras, n.Note, n.Since, n.ExpiresAt)
	}
	var made []struct {
		ID, GranteeID int64
		LocalPart     string
	}
	err := tx.scan(&made, `INSERT INTO grants (kind, service_id, owner_id, account_id, domain, local_part, grantee_id, giver_id, agent_id, parent_id, extras, note, since, expires_at)
		VALUES `+tuples(len(given), 14)+` RETURNING id, grantee_id, local_part`, args...)
	if err != nil {
		return err
	}
	type key struct {
		grantee int64
		local   string
	}
	ids := make(map[key]int64, len(made)) // RETURNING promises no order
	for _, m := range made {
		ids[key{m.GranteeID, m.LocalPart}] = m.ID
	}
	for i := range given {
		given[i].ID = ids[key{given[i].GranteeID, given[i].LocalPart}]
	}
	return nil
}
