package models

import (
	"maps"
	"slices"
	"strings"

	"example.org/mandat/models/policy"
)

// redirectionGraph is where all redirections of a service lead once a file is
// done, with those of our other services that they lead to: what [chain] is for
// one redirection, in memory, since a file has tens of thousands. What other
// services send here is not counted in the length of a way: that would be
// another question for each line.
type redirectionGraph struct {
	domain string
	nodes  map[string]*redirectionNode // by the address of the redirection
	there  map[string]bool             // what has a meaning among the targets; false for an account being deleted
}

type redirectionNode struct {
	address string
	targets []string           // with their details
	leads   []*redirectionNode // whose mail comes here, not through a catch-all
	behind  int                // the longest way to here, in hops; -1 before it is measured
	open    bool               // is being measured: the way has come back
}

// redirectionGraph reads what is there, and puts the plans of a file in its place.
func (tx *Tx) redirectionGraph(a *Access, plans []*redirectionPlan) (*redirectionGraph, error) {
	g := &redirectionGraph{domain: a.Service.Domain, nodes: map[string]*redirectionNode{}, there: map[string]bool{}}
	var rows []redirectionTarget
	err := tx.scan(&rows, "SELECT r.address, t.target FROM redirections r JOIN redirection_targets t ON t.redirection_id = r.id WHERE r.service_id = ?", a.Service.ID)
	if err != nil {
		return nil, err
	}
	g.add(rows)
	for _, p := range plans {
		g.nodes[p.is.Address] = &redirectionNode{address: p.is.Address, targets: p.is.TargetAddresses(), behind: -1}
	}
	var targets []string
	for _, n := range g.nodes {
		targets = append(targets, n.targets...)
	}
	for hops := 0; len(targets) > 0 && hops <= MaxHops; hops++ {
		if targets, err = tx.explore(g, targets); err != nil {
			return nil, err
		}
	}
	for _, p := range plans { // an alias of the file is an address
		if p.is.AccountID == 0 && !p.is.CatchAll() {
			g.there[p.is.Address] = true
		}
	}
	for _, n := range g.nodes {
		for _, t := range n.targets {
			if next := g.next(t); next != nil && !strings.HasPrefix(next.address, "@") {
				next.leads = append(next.leads, n)
			}
		}
	}
	return g, nil
}

// elsewhere is the redirection of a hop that is not the first of its way.
const elsewhere = -1

type redirectionTarget struct{ Address, Target string }

// add takes redirections in that are not in it yet, and returns their targets.
func (g *redirectionGraph) add(rows []redirectionTarget) (targets []string) {
	fresh := map[string]bool{}
	for _, r := range rows {
		n := g.nodes[r.Address]
		if n == nil {
			n = &redirectionNode{address: r.Address, behind: -1}
			g.nodes[r.Address], fresh[r.Address] = n, true
		}
		if fresh[r.Address] {
			n.targets, targets = append(n.targets, r.Target), append(targets, r.Target)
		}
	}
	return targets
}

// explore finds out which of the targets have a meaning with us, and where those
// in our other services are sent on to. It returns where that leads.
func (tx *Tx) explore(g *redirectionGraph, targets []string) (added []string, err error) {
	bare, domains := map[string]bool{}, map[string]bool{}
	for _, t := range targets {
		bare[WithoutDetail(t)], domains[domainOf(t)] = true, true
	}
	served := map[string]bool{}
	for part := range slices.Chunk(slices.Collect(maps.Keys(domains)), stagingBatch) {
		var some []string
		if err := tx.scan(&some, "SELECT s.domain FROM services s WHERE s.domain IN ?", part); err != nil {
			return nil, err
		}
		for _, domain := range some {
			served[domain] = true
			bare["@"+domain] = domain != g.domain
		}
	}
	maps.DeleteFunc(bare, func(address string, asked bool) bool { return !asked || !served[domainOf(address)] })
	for part := range slices.Chunk(slices.Collect(maps.Keys(bare)), stagingBatch) {
		var found []struct {
			Address string
			There   bool
		}
		err := tx.scan(&found, "SELECT d.address, a.id IS NULL OR a.state <> 'deleting' AS there FROM addresses d LEFT JOIN accounts a ON a.address = d.address WHERE d.address IN ?", part)
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			g.there[f.Address] = f.There
		}
		var rows []redirectionTarget
		abroad := slices.DeleteFunc(slices.Clone(part), func(address string) bool { return !Outside(address, g.domain) })
		err = tx.scan(&rows, "SELECT r.address, t.target FROM redirections r JOIN redirection_targets t ON t.redirection_id = r.id WHERE r.address IN ?", append(abroad, ""))
		if err != nil {
			return nil, err
		}
		added = append(added, g.add(rows)...)
	}
	return added, nil
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// next is the redirection that takes mail to a target on, nil where it ends: the
// target's own, or the catch-all when nothing has the target, or soon nothing will.
func (g *redirectionGraph) next(target string) *redirectionNode {
	bare := WithoutDetail(target)
	if n := g.nodes[bare]; n != nil {
		return n
	}
	if g.there[bare] {
		return nil
	}
	return g.nodes["@"+domainOf(bare)]
}

// check is [chain.check] for one redirection of the file.
func (g *redirectionGraph) check(a *Access, r *Redirection) Invalid {
	n := g.nodes[r.Address]
	for _, t := range n.targets {
		if next := g.next(t); !Outside(t, g.domain) && !g.there[WithoutDetail(t)] && (next == nil || next == n) {
			return invalid("to", "redirection.to.missing", "Target", ReadableAddress(t))
		}
	}
	w := g.walk(n)
	if w.leaves != "" && !a.May(policy.ForwardOut) {
		return a.leadsOut(w.leaves)
	}
	switch behind := g.behind(n, MaxHops+1); {
	case w.circle != nil:
		return invalid("to", "redirection.chain.circle", "Chain", g.told(a, r, w.circle))
	case w.recipients > maxRecipients:
		return invalid("to", "redirection.chain.wide", "Most", maxRecipients)
	case behind+len(w.longest) > MaxHops:
		return invalid("to", "redirection.chain.long", "Chain", g.told(a, r, w.longest), "Hops", behind+len(w.longest), "Most", MaxHops)
	}
	return nil
}

// told is a way from a redirection of the file as the actor may read it.
func (g *redirectionGraph) told(a *Access, r *Redirection, way []hop) string {
	way = slices.Clone(way)
	way[0].Redirection = r.ID // what its own line says may be said
	return told(a, r, way)
}

// onwards is what there is ahead of a redirection.
type onwards struct {
	circle     []hop  // the way back to it, nil for none
	longest    []hop  // as far as it was followed: a hop more than there may be
	recipients int    // of one message
	leaves     string // where it leaves the service, "" when it stays
}

// A step is one target on the way from the first redirection, with the one before.
type step struct {
	target string
	before *step
	hops   int
}

// way is the steps from the first one on.
func (s *step) way() []hop {
	hops := make([]hop, s.hops)
	for ; s != nil; s = s.before {
		hops[s.hops-1] = hop{Redirection: elsewhere, Target: s.target}
	}
	return hops
}

// walk goes through what a redirection leads to, hop by hop, each redirection
// once for each number of hops: no further than a way that is too long, and not
// on when there are more recipients than may be. So it takes the same time
// however long the chains of a file are.
func (g *redirectionGraph) walk(first *redirectionNode) (w onwards) {
	type place struct {
		n  *redirectionNode
		by *step
	}
	var last *step
	counted := map[*redirectionNode]bool{}
	for layer := []place{{first, nil}}; len(layer) > 0; {
		var next []place
		seen := map[*redirectionNode]bool{}
		for _, p := range layer {
			for _, t := range p.n.targets {
				s := &step{target: t, before: p.by, hops: 1}
				if p.by != nil {
					s.hops = p.by.hops + 1
				}
				if last == nil || s.hops > last.hops {
					last = s
				}
				if !counted[p.n] {
					w.recipients++
				}
				if w.leaves == "" && !Outside(p.n.address, g.domain) && Outside(t, g.domain) {
					w.leaves = t
				}
				n := g.next(t)
				if n == first && w.circle == nil {
					w.circle = s.way()
				}
				if n != nil && n != first && !seen[n] && s.hops <= MaxHops {
					seen[n], next = true, append(next, place{n, s})
				}
			}
			if counted[p.n] = true; w.recipients > maxRecipients {
				w.longest = last.way()
				return w
			}
		}
		layer = next
	}
	if last != nil {
		w.longest = last.way()
	}
	return w
}

// behind is how many redirections lead, one by the other, to this one, counted
// up to most.
func (g *redirectionGraph) behind(n *redirectionNode, most int) int {
	if n.behind >= 0 || n.open || most == 0 {
		return max(n.behind, 0)
	}
	n.open = true
	longest := 0
	for _, from := range n.leads {
		if longest = max(longest, g.behind(from, most-1)+1); longest >= most {
			break
		}
	}
	if n.open = false; longest < most { // else it was cut short, for this question alone
		n.behind = longest
	}
	return longest
}

// led are the addresses that any of the plans leads to now, or led to before.
func (g *redirectionGraph) led(plans []*redirectionPlan) map[string]bool {
	addresses := map[string]bool{}
	follow := func(targets []string) {
		for len(targets) > 0 {
			t := targets[len(targets)-1]
			targets = targets[:len(targets)-1]
			bare := WithoutDetail(t)
			if addresses[bare] {
				continue
			}
			addresses[bare] = true
			if next := g.next(t); next != nil {
				targets = append(targets, next.targets...)
			}
		}
	}
	for _, p := range plans {
		if p.was != nil {
			follow(p.was.TargetAddresses())
		}
		follow(p.is.TargetAddresses())
	}
	return addresses
}
