package models

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"example.org/mandat/models/policy"
)

// Chains of redirections: one leads to an address that has another. All of it
// is looked at across the services of the installation, since mail does not
// stop at their borders.

// Limits on what one message may become. Postfix answers 451 to one that has
// more recipients than maxRecipients (virtual_alias_expansion_limit).
const (
	MaxHops       = 10
	maxRecipients = 1000
)

// chainLock is the advisory lock under which chains through our services change:
// each of two transactions may lock one service and add half of a circle.
const chainLock = 0x6d616e64 // any number that nothing else locks

// holdChains waits for others who change chains, when a target is of any of our
// services. SQLite has one writer anyway.
func (tx *Tx) holdChains(targets []Target) error {
	if tx.conn == nil {
		return nil
	}
	var of []string
	for _, t := range targets {
		of = append(of, domainOf(t.Address))
	}
	return tx.exec("SELECT pg_advisory_xact_lock(?) WHERE EXISTS (SELECT 1 FROM services s WHERE s.domain IN ?)", chainLock, of)
}

// A hop is one target of one redirection of a chain.
type hop struct {
	Redirection int64
	AccountID   int64
	LocalPart   string
	Address     string
	KeepCopy    bool
	Version     int
	Target      string
	Outside     bool
	Next        int64 // the redirection that takes mail to the target on; 0: it ends there
	There       bool  // the target is an address of ours
	Responder   int64 // of the service, that the target has; 0: none
	Answering   int64 // the account of that responder; 0: it is on an address without a mailbox
	Before      int   // how many redirections lead, one by the other, to the first
}

// chain is where a redirection leads, and where that leads.
type chain struct {
	id   int64 // of the first
	hops []hop
}

// sqlText is what the two databases spell differently in statements about addresses.
type sqlText struct{ embedded bool }

func (x sqlText) at(column, what string) string {
	if x.embedded {
		return fmt.Sprintf("instr(%s, '%s')", column, what)
	}
	return fmt.Sprintf("strpos(%s, '%s')", column, what)
}

// bare is WithoutDetail of a column.
func (x sqlText) bare(column string) string {
	return fmt.Sprintf("CASE WHEN %[2]s > 1 THEN substr(%[1]s, 1, %[2]s - 1) || substr(%[1]s, %[3]s) ELSE %[1]s END", column, x.at(column, "+"), x.at(column, "@"))
}

// next is the condition that redirection n takes mail to target t on: it has its
// address, or is the catch-all and nothing has it. An account being deleted is as
// good as gone: nobody is asked any more when its address becomes the catch-all's.
func (x sqlText) next() string {
	return "n.address IN (" + x.bare("t.target") + ", substr(t.target, " + x.at("t.target", "@") + ")) AND (n.local_part <> '' OR NOT " + x.there() + ")"
}

// arrives is the condition that a column is the address of a table with a local
// part, with or without a detail. The range is what an index can find.
func (x sqlText) arrives(column, table string) string {
	return fmt.Sprintf("(%[1]s = %[2]s.address OR (%[1]s > %[2]s.local_part || '+' AND %[1]s < %[2]s.local_part || ',' AND %[3]s = %[2]s.address))", column, table, x.bare(column))
}

// there is the condition that mail to target t reaches an address of ours.
func (x sqlText) there() string {
	return "EXISTS (SELECT 1 FROM addresses d LEFT JOIN accounts y ON y.address = d.address WHERE d.address = " + x.bare("t.target") + " AND (y.id IS NULL OR y.state <> 'deleting'))"
}

// chain reads in one statement the whole chain that begins at a redirection of
// the service, empty when there is none. UNION, not UNION ALL, ends a circle.
// Through a catch-all nothing is counted as leading to it: what does was there
// before, and was counted when it was made.
func (tx *Tx) chain(a *Access, r *Redirection) (chain, error) {
	x := sqlText{embedded: tx.conn == nil}
	c := chain{id: r.ID}
	err := tx.scan(&c.hops, `WITH RECURSIVE ahead (id) AS (
  SELECT r.id FROM redirections r WHERE r.id = @id AND r.service_id = @service
  UNION
  SELECT n.id FROM ahead h JOIN redirection_targets t ON t.redirection_id = h.id JOIN redirections n ON `+x.next()+`
), behind (id, steps) AS (
  SELECT r.id, 0 FROM redirections r WHERE r.id = @id AND r.service_id = @service
  UNION
  SELECT t.redirection_id, b.steps + 1 FROM behind b JOIN redirections r ON r.id = b.id JOIN redirection_targets t ON `+x.arrives("t.target", "r")+` WHERE b.steps <= @most
)
SELECT r.id AS redirection, COALESCE(r.account_id, 0) AS account_id, r.local_part, r.address, r.keep_copy, r.version, t.target, t.outside, COALESCE(n.id, 0) AS next,
 `+x.there()+` AS there, COALESCE(p.id, 0) AS responder, COALESCE(p.account_id, 0) AS answering, (SELECT max(b.steps) FROM behind b) AS before
FROM ahead h JOIN redirections r ON r.id = h.id JOIN redirection_targets t ON t.redirection_id = r.id LEFT JOIN redirections n ON `+x.next()+`
LEFT JOIN responders p ON p.address = `+x.bare("t.target")+` AND p.service_id = @service
ORDER BY CASE WHEN r.id = @id THEN 0 ELSE 1 END, r.id, t.target LIMIT @limit`,
		map[string]any{"id": r.ID, "service": a.Service.ID, "most": MaxHops, "limit": maxRecipients + 1})
	return c, err
}

// fill reads the first redirection out of its chain; false when it is not there.
func (c chain) fill(r *Redirection) bool {
	for _, h := range c.hops {
		if h.Redirection == c.id {
			r.AccountID, r.LocalPart, r.Address, r.KeepCopy, r.Version = h.AccountID, h.LocalPart, h.Address, h.KeepCopy, h.Version
			r.Targets = append(r.Targets, Target{Address: h.Target, Outside: h.Outside})
		}
	}
	return len(r.Targets) > 0
}

// answering is a responder that the chain leads to: it answers for the addresses that lead there.
type answering struct{ responder, account int64 }

// answering are the responders of the service that the chain leads to.
func (c chain) answering() []answering {
	var list []answering
	for _, h := range c.hops {
		if h.Responder != 0 {
			list = append(list, answering{h.Responder, h.Answering})
		}
	}
	return list
}

// compileAll writes the scripts of responders of the service, each once: two
// statements for each, and no more of them than the service may have.
func (tx *Tx) compileAll(a *Access, list []answering) error {
	slices.SortFunc(list, func(x, y answering) int { return cmp.Compare(x.responder, y.responder) })
	for _, r := range slices.Compact(list) {
		var err error
		if r.account != 0 {
			err = tx.compile(a.Service.ID, r.account)
		} else {
			err = tx.compileAlone(a.Service.ID, r.responder)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check refuses targets of the service that are not there, and chains that come
// back, become too long or lead to too many. Those through other services are
// shown as far as they concern this one: what is there is not the actor's to know.
func (c chain) check(a *Access, r *Redirection) error {
	if len(c.hops) > maxRecipients {
		return invalid("to", "redirection.chain.wide", "Most", maxRecipients)
	}
	for _, h := range c.hops {
		if h.Redirection == c.id && !h.Outside && !h.There && (h.Next == 0 || h.Next == c.id) {
			return invalid("to", "redirection.to.missing", "Target", ReadableAddress(h.Target))
		}
	}
	if end := c.leaves(a.Service.Domain); end != "" && !a.May(policy.ForwardOut) {
		return a.leadsOut(end)
	}
	w := trail{chain: c, done: map[int64][]hop{}, open: map[int64]bool{}}
	longest := w.longest(c.id)
	switch {
	case w.circle != nil:
		return invalid("to", "redirection.chain.circle", "Chain", told(a, r, w.circle))
	case c.hops[0].Before+len(longest) > MaxHops:
		return invalid("to", "redirection.chain.long", "Chain", told(a, r, longest), "Hops", c.hops[0].Before+len(longest), "Most", MaxHops)
	}
	return nil
}

// free runs the statement by which an address of the service loses its meaning;
// it ends with its condition. Where a catch-all takes the mail of the address
// from then on, and leads to it, that is refused. What becomes of an account is
// decided as its deletion begins: the job that ends it can ask nobody.
func (tx *Tx) free(a *Access, address, statement string, args ...any) error {
	if a.CatchAll == 0 {
		return tx.exec(statement, args...)
	}
	if tx.conn != nil {
		// The lock is taken on the way: the next statement reads what others did before they let go of it.
		statement += fmt.Sprintf(" AND (SELECT pg_advisory_xact_lock(%d)) IS NOT NULL", chainLock)
	}
	if err := tx.exec(statement, args...); err != nil {
		return err
	}
	all := &Redirection{ID: a.CatchAll}
	c, err := tx.chain(a, all)
	if err != nil {
		return err
	}
	if len(c.hops) > maxRecipients {
		return invalid("", "redirection.chain.wide", "Most", maxRecipients)
	}
	c.fill(all)
	w := trail{chain: c, by: address, done: map[int64][]hop{}, open: map[int64]bool{}}
	if w.longest(c.id); w.circle != nil {
		return invalid("", "redirection.chain.freed", "Chain", ReadableAddress(address)+" → "+told(a, all, w.circle))
	}
	return nil
}

// leaves is where a chain leaves the service of that domain, "" when it stays.
func (c chain) leaves(domain string) string {
	for _, h := range c.hops {
		if !Outside(h.Address, domain) && Outside(h.Target, domain) {
			return h.Target
		}
	}
	return ""
}

// leadsOut refuses what sends mail to an address of the service that is sent on
// out of it: without that right, by way of others too.
func (a *Access) leadsOut(end string) Invalid {
	return invalid("to", "redirection.chain.outside", "Target", ReadableAddress(end), "Owner", a.Service.OwnerIdentifier)
}

// onward says where mail to an address of the service leaves it by way of
// redirections, "" when it stays, and whether the address is there.
func (tx *Tx) onward(a *Access, address string) (leaves string, there bool, err error) {
	x := sqlText{embedded: tx.conn == nil}
	var found struct {
		Leaves string
		There  bool
	}
	err = tx.scan(&found, `WITH RECURSIVE begun (target) AS (SELECT CAST(@target AS text)), ahead (id) AS (
  SELECT n.id FROM begun t JOIN redirections n ON `+x.next()+`
  UNION
  SELECT n.id FROM ahead h JOIN redirection_targets t ON t.redirection_id = h.id JOIN redirections n ON `+x.next()+`
)
SELECT COALESCE((SELECT min(t.target) FROM ahead h JOIN redirections r ON r.id = h.id JOIN redirection_targets t ON t.redirection_id = r.id WHERE r.service_id = @service AND t.outside), '') AS leaves,
 EXISTS (SELECT 1 FROM ahead) OR (SELECT `+x.there()+` FROM begun t) AS there`, map[string]any{"target": address, "service": a.Service.ID})
	return found.Leaves, found.There, err
}

// trail goes through a chain, each redirection once.
type trail struct {
	chain
	by     string // the address by which a circle comes back; "" for any
	done   map[int64][]hop
	open   map[int64]bool // on the way from the first to here
	path   []hop
	circle []hop // the way back to the first, when there is one
}

// longest is the longest way from a redirection to where its mail ends.
func (w *trail) longest(id int64) []hop {
	if way, seen := w.done[id]; seen {
		return way
	}
	w.open[id] = true
	var longest []hop
	for _, h := range w.hops {
		if h.Redirection != id {
			continue
		}
		w.path = append(w.path, h)
		way := []hop{h}
		switch {
		case h.Next == w.id && w.circle == nil && (w.by == "" || WithoutDetail(h.Target) == w.by):
			w.circle = slices.Clone(w.path)
		case h.Next != 0 && !w.open[h.Next]:
			way = append(way, w.longest(h.Next)...)
		}
		w.path = w.path[:len(w.path)-1]
		if len(way) > len(longest) {
			longest = way
		}
	}
	w.open[id] = false
	w.done[id] = longest
	return longest
}

// told is a way as the actor may read it, from the redirection on.
func told(a *Access, r *Redirection, way []hop) string {
	const elsewhere = "…"
	text := []string{r.Readable()}
	for _, h := range way {
		next := ReadableAddress(h.Target)
		if h.Redirection != r.ID && Outside(h.Target, a.Service.Domain) {
			next = elsewhere
		}
		if next != elsewhere || text[len(text)-1] != elsewhere {
			text = append(text, next)
		}
	}
	return strings.Join(text, " → ")
}
