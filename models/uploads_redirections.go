package models

import (
	"errors"
	"slices"
	"strings"
)

// redirectionBatch is a file of redirections. A line makes one, or changes where
// one that is there leads; redirections that no line names stay as they are.
type redirectionBatch struct {
	apply bool
	plans []*redirectionPlan // of the lines that were not refused, in their order
	graph *redirectionGraph
}

// redirectionPlan is what one line asks for.
type redirectionPlan struct {
	line int // index of its UploadRow
	is   Redirection
	was  *Redirection // nil: there is none yet
	kind string       // what has the address, "" for nothing
	kept *bool        // what the line says about the copy
	to   []string
}

// judge decides about the lines one by one, then about the limit, and about the
// chains that all of them make together with what is there. To do the file it
// holds the chains from the first question to the commit.
func (b *redirectionBatch) judge(tx *Tx, a *Access, v *verdicts, tell func(float64)) error {
	for i, r := range v.rows {
		p, bad := planRedirection(a, r)
		if p.line = i; !v.refuse(i, bad) && !v.double(i, p.is.Address) {
			b.plans = append(b.plans, p)
		}
	}
	if err := tx.findSources(b.plans); err != nil {
		return err
	}
	tell(1. / 3)
	room := a.Service.MaxRedirections - a.Service.RedirectionCount
	b.plans = slices.DeleteFunc(b.plans, func(p *redirectionPlan) bool {
		bad := p.settle(a)
		if p.was == nil && len(bad) == 0 {
			if room--; room < 0 {
				bad = invalid("", "redirection.limit", "Limit", a.Service.MaxRedirections)
			}
		}
		return v.refuse(p.line, bad)
	})
	if b.apply {
		if err := tx.holdChains(b.targets()); err != nil {
			return err
		}
	}
	var err error
	if b.graph, err = tx.redirectionGraph(a, b.plans); err != nil {
		return err
	}
	tell(2. / 3)
	b.plans = slices.DeleteFunc(b.plans, func(p *redirectionPlan) bool {
		return p.outcome() != LineUnchanged && v.refuse(p.line, b.graph.check(a, &p.is))
	})
	for _, p := range b.plans {
		v.settle(p.line, p.outcome(), p.is.object(), a.redirectionEvent("", p.was, &p.is).Detail)
	}
	return nil
}

// planRedirection reads one line by itself.
func planRedirection(a *Access, r UploadRow) (*redirectionPlan, Invalid) {
	bad, domain := Invalid{}, a.Service.Domain
	p := &redirectionPlan{to: parseTargets(r.Targets, bad)}
	from := strings.TrimSpace(r.Address)
	if rest, all := strings.CutPrefix(from, "*"); !all {
		p.is.LocalPart = parseSource(from, domain, bad)
	} else if rest != "" { // "*" alone is enough
		if of, problem := ParseDomain(strings.TrimPrefix(rest, "@")); rest[0] != '@' || problem != nil || of != domain {
			bad.Add("from", "redirection.from.elsewhere", "Domain", ReadableDomain(domain))
		}
	}
	p.is.Address, p.is.Version = p.is.LocalPart+"@"+domain, 1
	if text := strings.ToLower(strings.TrimSpace(deref(r.KeepCopy))); text != "" {
		kept, known := copyWords[text]
		if p.kept = &kept; !known {
			bad.Add("keep_copy", "upload.line.copy", "Word", shorten(legible(text), maxWord))
		}
	}
	return p, bad
}

// copyWords are how people and their programs say that a copy stays in the mailbox.
var copyWords = map[string]bool{
	"yes": true, "y": true, "oui": true, "o": true, "true": true, "vrai": true, "1": true, "x": true,
	"no": false, "n": false, "non": false, "false": false, "faux": false, "0": false, "-": false,
}

// targets are where all plans lead, each domain at least once.
func (b *redirectionBatch) targets() (list []Target) {
	seen := map[string]bool{}
	for _, p := range b.plans {
		for _, t := range p.is.Targets {
			if domain := domainOf(t.Address); !seen[domain] {
				seen[domain], list = true, append(list, t)
			}
		}
	}
	return list
}

// findSources reads what the sources of the plans are now.
func (tx *Tx) findSources(plans []*redirectionPlan) error {
	for part := range slices.Chunk(plans, stagingBatch) {
		at, addresses := make(map[string]*redirectionPlan, len(part)), make([]string, len(part))
		for i, p := range part {
			addresses[i] = p.is.Address
			at[addresses[i]] = p
		}
		var meanings []struct {
			Address, Kind string
			AccountID     int64
		}
		err := tx.scan(&meanings, `SELECT d.address, d.kind, COALESCE(a.id, 0) AS account_id FROM addresses d
			LEFT JOIN accounts a ON a.address = d.address AND a.state <> 'deleting' WHERE d.address IN ?`, addresses)
		if err != nil {
			return err
		}
		for _, m := range meanings {
			p := at[m.Address]
			p.kind, p.is.AccountID = m.Kind, m.AccountID
		}
		var rows []redirectionRow
		err = tx.scan(&rows, `SELECT r.id, COALESCE(r.account_id, 0) AS account_id, r.local_part, r.address, r.keep_copy, r.version, t.target, t.outside
			FROM redirections r JOIN redirection_targets t ON t.redirection_id = r.id WHERE r.address IN ? ORDER BY r.id, t.target`, addresses)
		if err != nil {
			return err
		}
		for _, r := range gather(rows) {
			at[r.Address].was = &r
		}
	}
	return nil
}

// settle makes the redirection that the line asks for of what is there. A line
// that says nothing of a copy leaves it as it is; a new redirection of a mailbox
// keeps one, as the form offers it, so that no mail is lost by silence.
func (p *redirectionPlan) settle(a *Access) Invalid {
	if p.was != nil {
		p.is.ID, p.is.Version, p.is.KeepCopy = p.was.ID, p.was.Version, p.was.KeepCopy
	} else if p.is.AccountID == 0 && p.kind != "" {
		return p.is.taken(p.kind)
	} else {
		p.is.KeepCopy = true
	}
	if p.kept != nil {
		p.is.KeepCopy = *p.kept
	}
	p.is.KeepCopy = p.is.KeepCopy && p.is.AccountID != 0
	var bad Invalid
	if err := p.is.leadTo(a, p.to); p.outcome() != LineUnchanged { // what is so already asks for no right
		errors.As(err, &bad)
	}
	return bad
}

func (p *redirectionPlan) outcome() UploadOutcome {
	switch {
	case p.was == nil:
		return LineCreated
	case p.was.KeepCopy != p.is.KeepCopy || !slices.Equal(p.was.TargetAddresses(), p.is.TargetAddresses()):
		return LineChanged
	}
	return LineUnchanged
}

func (b *redirectionBatch) write(tx *Tx, a *Access, tell func(float64)) error {
	var created, changed []*redirectionPlan
	for _, p := range b.plans {
		switch p.outcome() {
		case LineCreated:
			created = append(created, p)
		case LineChanged:
			changed = append(changed, p)
		}
	}
	done := 0
	for _, step := range []struct {
		plans []*redirectionPlan
		kind  string
		write func(*Tx, *Access, []*redirectionPlan) error
	}{{created, "redirection.created", insertRedirections}, {changed, "redirection.changed", updateRedirections}} {
		for part := range slices.Chunk(step.plans, stagingBatch) {
			if err := step.write(tx, a, part); err != nil {
				return err
			}
			events := make([]Event, len(part))
			targets := &staging{tx: tx, table: "redirection_targets (redirection_id, target, outside)", width: 3}
			for i, p := range part {
				for _, t := range p.is.Targets {
					if err := targets.add(p.is.ID, t.Address, t.Outside); err != nil {
						return err
					}
				}
				events[i] = a.redirectionEvent(step.kind, p.was, &p.is)
				if !a.Standing.Owner {
					tx.tellForward(a, step.kind, p.is.object(), p.is.outside(b.graph.walk(b.graph.nodes[p.is.Address]).leaves)...)
				}
			}
			if err := errors.Join(targets.flush(), tx.record(events...)); err != nil {
				return err
			}
			done += len(part)
			tell(float64(done) / float64(len(created)+len(changed)))
		}
	}
	return tx.compileLed(a, b)
}

// insertRedirections makes the redirections of plans, and notes their ids.
func insertRedirections(tx *Tx, a *Access, plans []*redirectionPlan) error {
	args := make([]any, 0, 7*len(plans))
	for _, p := range plans {
		args = append(args, a.Service.ID, orNull(p.is.AccountID), p.is.LocalPart, p.is.Address, p.is.KeepCopy, orNull(tx.by.Customer), tx.now)
	}
	var made []struct {
		ID      int64
		Address string
	}
	err := tx.scan(&made, "INSERT INTO redirections (service_id, account_id, local_part, address, keep_copy, created_by, created_at) VALUES "+tuples(len(plans), 7)+" RETURNING id, address", args...)
	if err != nil {
		return err
	}
	ids := make(map[string]int64, len(made))
	for _, m := range made {
		ids[m.Address] = m.ID
	}
	for _, p := range plans {
		p.is.ID = ids[p.is.Address]
	}
	return nil
}

// updateRedirections writes what changes of the redirections of plans, and takes their targets away.
func updateRedirections(tx *Tx, _ *Access, plans []*redirectionPlan) error {
	var ids, kept, none []int64
	for _, p := range plans {
		ids = append(ids, p.is.ID)
		if p.is.KeepCopy {
			kept = append(kept, p.is.ID)
		} else {
			none = append(none, p.is.ID)
		}
	}
	for copies, list := range map[bool][]int64{true: kept, false: none} {
		if len(list) == 0 {
			continue
		}
		if err := tx.exec("UPDATE redirections SET keep_copy = ?, version = version + 1 WHERE id IN ?", copies, list); err != nil {
			return err
		}
	}
	return tx.exec("DELETE FROM redirection_targets WHERE redirection_id IN ?", ids)
}

// compileLed writes the scripts of the service's responders to which anything
// leads that the file changed, or led before.
func (tx *Tx) compileLed(a *Access, b *redirectionBatch) error {
	var responders []struct {
		Address            string
		Responder, Account int64
	}
	if err := tx.scan(&responders, "SELECT p.address, p.id AS responder, COALESCE(p.account_id, 0) AS account FROM responders p WHERE p.service_id = ?", a.Service.ID); err != nil {
		return err
	}
	led := b.graph.led(b.plans)
	var list []answering
	for _, r := range responders {
		if led[r.Address] {
			list = append(list, answering{r.Responder, r.Account})
		}
	}
	return tx.compileAll(a, list)
}
