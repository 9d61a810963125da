package models

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"example.org/mandat/mail/sieve"
	"example.org/mandat/models/policy"
)

// Filter is one of an account: what is done to the messages that its rules
// describe. Filters are asked in the order of their places.
type Filter struct {
	ID        int64
	AccountID int64
	Place     int // from 1, without gaps
	Name      string
	Active    bool
	Any       bool // one of the rules is enough; else all must hold
	Rules     []FilterRule
	Action    string // one of FilterActions
	Target    string // a folder, an address or a text, as the action needs; else ""
	Version   int    // counts changes, not moves and switches
	CreatedAt time.Time
}

// FilterRule is one condition on a message. Header is one of FilterHeaders or
// the name of any header in lower case; the value of a size is in octets.
type FilterRule struct {
	Header   string `json:"h"`
	Operator string `json:"o"`
	Value    string `json:"v,omitempty"`
}

// What filters are made of, in the order in which forms offer it.
var (
	FilterHeaders   = []string{sieve.From, sieve.To, sieve.Cc, sieve.Subject, sieve.Size, sieve.List, sieve.Spam}
	TextOperators   = []string{sieve.Contains, sieve.NotContains, sieve.Is, sieve.IsNot, sieve.Begins, sieve.Ends, sieve.Matches}
	SizeOperators   = []string{sieve.Over, sieve.Under}
	AnswerOperators = []string{sieve.Yes, sieve.No} // of list and spam
	FilterActions   = []string{
		string(sieve.Folder), string(sieve.Read), string(sieve.Flag), string(sieve.Copy), string(sieve.Forward),
		string(sieve.Reject), string(sieve.Delete), string(sieve.Keep), string(sieve.Stop),
	}
)

// Sends says whether the action of a filter sends mail to an address.
func (f *Filter) Sends() bool {
	return f.Action == string(sieve.Copy) || f.Action == string(sieve.Forward)
}

// SendsOut says whether the filter sends mail out of the service of that domain.
func (f *Filter) SendsOut(domain string) bool { return f.Sends() && Outside(f.Target, domain) }

// filterRow is a rule with its filter.
type filterRow struct {
	ID, AccountID           int64
	Place                   int
	Name, Matching          string
	Active                  bool
	Action, Target          string
	Version                 int
	CreatedAt               time.Time
	Header, Operator, Value string
}

// filtersSQL reads filters with their rules, in their order.
const filtersSQL = `SELECT f.id, f.account_id, f.place, f.name, f.matching, f.active, f.action, f.target, f.version, f.created_at, r.header, r.operator, r.value
FROM filters f JOIN filter_rules r ON r.filter_id = f.id WHERE f.account_id = @account AND (CAST(@id AS bigint) = 0 OR f.id = @id) ORDER BY f.place, r.number`

func filtersOf(rows []filterRow) []Filter {
	var list []Filter
	for _, r := range rows {
		if len(list) == 0 || list[len(list)-1].ID != r.ID {
			list = append(list, Filter{
				ID: r.ID, AccountID: r.AccountID, Place: r.Place, Name: r.Name, Active: r.Active, Any: r.Matching == MatchAny,
				Action: r.Action, Target: r.Target, Version: r.Version, CreatedAt: r.CreatedAt,
			})
		}
		f := &list[len(list)-1]
		f.Rules = append(f.Rules, FilterRule{r.Header, r.Operator, r.Value})
	}
	return list
}

// Filters lists the filters of an account in their order, at most MaxFilters.
// Whoever may edit them may read them.
func (s *Store) Filters(ctx context.Context, by Actor, domain, local string) (*Access, []Filter, error) {
	return s.filters(ctx, by, domain, local, 0)
}

// Filter reads one filter of an account: ErrNotFound when the account has no such one.
func (s *Store) Filter(ctx context.Context, by Actor, domain, local string, id int64) (*Access, *Filter, error) {
	if id <= 0 {
		id = -1
	}
	a, list, err := s.filters(ctx, by, domain, local, id)
	if err == nil && len(list) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	return a, &list[0], nil
}

func (s *Store) filters(ctx context.Context, by Actor, domain, local string, id int64) (*Access, []Filter, error) {
	a, err := s.Account(ctx, by, domain, local)
	if err != nil {
		return nil, nil, err
	}
	if !a.May(policy.EditFilters) {
		return nil, nil, a.Service.forbidden(policy.EditFilters)
	}
	var rows []filterRow
	err = s.db.WithContext(ctx).Raw(filtersSQL, map[string]any{"account": a.Account.ID, "id": id}).Scan(&rows).Error
	return a, filtersOf(rows), err
}

// CreateFilter adds a filter behind the others, switched on. Whoever may edit
// filters may; to send mail out of the service ForwardOut is needed besides.
// Invalid for what cannot be a filter, and for one more than MaxFilters.
func (s *Store) CreateFilter(ctx context.Context, by Actor, domain, local string, n FilterForm) (id int64, err error) {
	f, err := n.filter(local + "@" + domain)
	if err != nil {
		return 0, err
	}
	f.Active = true
	err = s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enterAccount(domain, local, policy.EditFilters)
		if err != nil {
			return err
		}
		leaves, err := tx.maySend(a, f)
		if err != nil {
			return err
		}
		id = 0
		err = tx.scan(&id, `INSERT INTO filters (account_id, place, name, active, matching, action, target, created_by, created_at)
			SELECT a.id, (SELECT count(*) + 1 FROM filters f WHERE f.account_id = a.id), ?, ?, ?, ?, ?, ?, ? FROM accounts a
			WHERE a.id = ? AND (SELECT count(*) FROM filters f WHERE f.account_id = a.id) < ? RETURNING id`,
			f.Name, f.Active, f.matching(), f.Action, f.Target, orNull(tx.by.Customer), tx.now, a.Account.ID, MaxFilters)
		if err != nil {
			return err
		}
		if id == 0 {
			return invalid("", "filter.limit", "Most", MaxFilters)
		}
		if err := tx.writeRules(id, f.Rules); err != nil {
			return err
		}
		tx.tellForward(a, "filter.created", a.Account.Address, leaves)
		return tx.settleFilters(a, "filter.created", filterDetail(nil, f))
	})
	return id, err
}

// ChangeFilter replaces what a filter is by what was typed; its place and
// whether it is on stay. It writes nothing when nothing differs. ErrConflict
// when somebody changed it since the version of n.
func (s *Store) ChangeFilter(ctx context.Context, by Actor, domain, local string, id int64, n FilterForm) error {
	is, err := n.filter(local + "@" + domain)
	if err != nil {
		return err
	}
	return s.changeFilter(ctx, by, domain, local, id, func(tx *Tx, a *Access, was *Filter) error {
		leaves, err := tx.maySend(a, is)
		if err != nil {
			return err
		}
		if n.Version != was.Version {
			return ErrConflict
		}
		detail := filterDetail(was, is)
		if detail == nil {
			return nil
		}
		err = tx.exec("UPDATE filters SET name = ?, matching = ?, action = ?, target = ?, version = version + 1 WHERE id = ?", is.Name, is.matching(), is.Action, is.Target, id)
		if err != nil {
			return err
		}
		if err := tx.exec("DELETE FROM filter_rules WHERE filter_id = ?", id); err != nil {
			return err
		}
		if err := tx.writeRules(id, is.Rules); err != nil {
			return err
		}
		tx.tellForward(a, "filter.changed", a.Account.Address, leaves)
		return tx.settleFilters(a, "filter.changed", detail)
	})
}

// DeleteFilter takes a filter away; those behind it move up.
func (s *Store) DeleteFilter(ctx context.Context, by Actor, domain, local string, id int64) error {
	return s.changeFilter(ctx, by, domain, local, id, func(tx *Tx, a *Access, was *Filter) error {
		if err := tx.exec("DELETE FROM filters WHERE id = ?", id); err != nil {
			return err
		}
		if err := tx.exec("UPDATE filters SET place = place - 1 WHERE account_id = ? AND place > ?", was.AccountID, was.Place); err != nil {
			return err
		}
		return tx.settleFilters(a, "filter.deleted", filterDetail(was, nil))
	})
}

// SwitchFilter lets a filter work or rest. To switch on what sends mail out of
// the service needs ForwardOut too, to switch it off does not. One already as
// asked for is left as it is, without an event.
func (s *Store) SwitchFilter(ctx context.Context, by Actor, domain, local string, id int64, on bool) error {
	return s.changeFilter(ctx, by, domain, local, id, func(tx *Tx, a *Access, was *Filter) error {
		if was.Active == on {
			return nil
		}
		if on && !a.Standing.Owner {
			leaves, _, err := tx.sendsTo(a, was)
			if err != nil {
				return err
			}
			if leaves != "" && !a.May(policy.ForwardOut) {
				return a.Service.forbidden(policy.ForwardOut)
			}
			tx.tellForward(a, "filter.switched_on", a.Account.Address, leaves)
		}
		if err := tx.exec("UPDATE filters SET active = ? WHERE id = ?", on, id); err != nil {
			return err
		}
		kind, state := "filter.switched_off", Change{Before: "on", After: "off"}
		if on {
			kind, state = "filter.switched_on", Change{Before: "off", After: "on"}
		}
		detail := Detail{"filter": {After: was.Name}, "filter_state": state}
		if was.Sends() {
			detail["filter_target"] = Change{After: was.Target}
		}
		return tx.settleFilters(a, kind, detail)
	})
}

// MoveFilter changes the places of a filter and the one before it, or behind
// it. The first stays where it is when it is moved up, and the last down.
func (s *Store) MoveFilter(ctx context.Context, by Actor, domain, local string, id int64, up bool) error {
	return s.changeFilter(ctx, by, domain, local, id, func(tx *Tx, a *Access, was *Filter) error {
		to := was.Place + 1
		if up {
			to = was.Place - 1
		}
		moved := tx.Exec(`UPDATE filters SET place = @both - place WHERE account_id = @account AND place IN (@place, @to)
			AND EXISTS (SELECT 1 FROM filters o WHERE o.account_id = @account AND o.place = @to)`,
			map[string]any{"account": was.AccountID, "place": was.Place, "to": to, "both": was.Place + to})
		if moved.Error != nil || moved.RowsAffected == 0 {
			return moved.Error
		}
		return tx.settleFilters(a, "filter.moved", Detail{"filter": {After: was.Name}, "filter_place": {Before: was.Place, After: to}})
	})
}

// changeFilter runs fn on a filter of an account whose service is locked.
func (s *Store) changeFilter(ctx context.Context, by Actor, domain, local string, id int64, fn func(tx *Tx, a *Access, was *Filter) error) error {
	return s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enterAccount(domain, local, policy.EditFilters)
		if err != nil {
			return err
		}
		if id <= 0 {
			return ErrNotFound
		}
		var rows []filterRow
		if err := tx.scan(&rows, filtersSQL, map[string]any{"account": a.Account.ID, "id": id}); err != nil {
			return err
		}
		if len(rows) == 0 {
			return ErrNotFound
		}
		return fn(tx, a, &filtersOf(rows)[0])
	})
}

// maySend refuses a filter that sends mail to an address of the service that is
// not there, and for somebody who may not one that sends it out of the service,
// by way of redirections too. It says where mail leaves, "" when it stays.
func (tx *Tx) maySend(a *Access, f *Filter) (leaves string, err error) {
	leaves, there, err := tx.sendsTo(a, f)
	may := a.May(policy.ForwardOut)
	switch {
	case err != nil:
		return "", err
	case !there:
		return "", invalid("target", "redirection.to.missing", "Target", ReadableAddress(f.Target))
	case f.SendsOut(a.Service.Domain) && !may:
		return "", invalid("target", "filter.target.outside", "Address", ReadableAddress(f.Target), "Owner", a.Service.OwnerIdentifier)
	case leaves != "" && !may:
		return "", Invalid{"target": a.leadsOut(leaves)["to"]}
	}
	return leaves, nil
}

// sendsTo says where the mail that a filter sends leaves the service, "" when
// none does, and whether the address it goes to can be there.
func (tx *Tx) sendsTo(a *Access, f *Filter) (leaves string, there bool, err error) {
	switch {
	case !f.Sends():
		return "", true, nil
	case f.SendsOut(a.Service.Domain):
		return f.Target, true, nil
	}
	return tx.onward(a, f.Target)
}

func (f *Filter) matching() string {
	if f.Any {
		return MatchAny
	}
	return MatchAll
}

func (tx *Tx) writeRules(filter int64, rules []FilterRule) error {
	args := make([]any, 0, 5*len(rules))
	for i, r := range rules {
		args = append(args, filter, i+1, r.Header, r.Operator, r.Value)
	}
	return tx.exec("INSERT INTO filter_rules (filter_id, number, header, operator, value) VALUES "+tuples(len(rules), 5), args...)
}

// settleFilters ends every verb: the script follows, and the history tells.
func (tx *Tx) settleFilters(a *Access, kind string, detail Detail) error {
	if err := tx.compile(a.Service.ID, a.Account.ID); err != nil {
		return err
	}
	return tx.record(a.mailEvent(kind, detail))
}

// filterDetail is what the history keeps of a filter that came (was is nil), went
// (is is nil) or changed: the parts that differ, nil when none does, and always
// its name and where it sends mail, so that the owner need not look for either.
func filterDetail(was, is *Filter) Detail {
	before, after := was.parts(), is.parts()
	detail := Detail{}
	for _, part := range []string{"filter", "filter_match", "filter_rules", "filter_action", "filter_target"} {
		if before[part] != after[part] {
			detail[part] = Change{Before: before[part], After: after[part]}
		}
	}
	if len(detail) == 0 {
		return nil
	}
	for _, part := range []string{"filter", "filter_target"} {
		if _, differs := detail[part]; !differs && after[part] != nil && (part == "filter" || is.Sends()) {
			detail[part] = Change{After: after[part]}
		}
	}
	return detail
}

// parts are what a filter says, as the history keeps it: the rules as JSON,
// since only a page knows the language in which they are read.
func (f *Filter) parts() map[string]any {
	if f == nil {
		return nil
	}
	var rules strings.Builder
	list := json.NewEncoder(&rules)
	list.SetEscapeHTML(false)
	_ = list.Encode(f.Rules) // texts alone, into memory
	parts := map[string]any{"filter": f.Name, "filter_match": f.matching(), "filter_rules": strings.TrimSpace(rules.String()), "filter_action": f.Action}
	if f.Target != "" {
		parts["filter_target"] = f.Target
	}
	return parts
}
