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
	ahead   []hop              // the longest way from here; nil before it is measured
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
	circle, recipients, leaves := g.walk(n)
	if leaves != "" && !a.May(policy.ForwardOut) {
		return a.leadsOut(leaves)
	}
	switch ahead := g.ahead(n); {
	case circle != nil:
		return invalid("to", "redirection.chain.circle", "Chain", g.told(a, r, circle))
	case recipients > maxRecipients:
		return invalid("to", "redirection.chain.wide", "Most", maxRecipients)
	case g.behind(n)+len(ahead) > MaxHops:
		return invalid("to", "redirection.chain.long", "Chain", g.told(a, r, ahead), "Hops", g.behind(n)+len(ahead), "Most", MaxHops)
	}
	return nil
}

// told is a way from a redirection of the file as the actor may read it.
func (g *redirectionGraph) told(a *Access, r *Redirection, way []hop) string {
	way = slices.Clone(way)
	way[0].Redirection = r.ID // what its own line says may be said
	return told(a, r, way)
}

// walk goes through all that a redirection leads to, the nearest first, and
// gives the way back to it, when there is one, to how many it sends one message,
// and where that leaves the service. It stops at more of them than are allowed.
func (g *redirectionGraph) walk(first *redirectionNode) (circle []hop, recipients int, leaves string) {
	ways := map[*redirectionNode][]hop{first: nil}
	queue := []*redirectionNode{first}
	for len(queue) > 0 && recipients <= maxRecipients {
		n := queue[0]
		queue = queue[1:]
		for _, t := range n.targets {
			recipients++
			if leaves == "" && !Outside(n.address, g.domain) && Outside(t, g.domain) {
				leaves = t
			}
			next := g.next(t)
			way := append(slices.Clone(ways[n]), hop{Redirection: elsewhere, Target: t})
			if _, seen := ways[next]; next == first {
				return way, recipients, leaves
			} else if next != nil && !seen {
				ways[next], queue = way, append(queue, next)
			}
		}
	}
	return nil, recipients, leaves
}

// ahead is the longest way from a redirection to where its mail ends.
func (g *redirectionGraph) ahead(n *redirectionNode) []hop {
	if n.ahead != nil || n.open {
		return n.ahead
	}
	n.open = true
	for _, t := range n.targets {
		way := []hop{{Redirection: elsewhere, Target: t}}
		if next := g.next(t); next != nil {
			way = append(way, g.ahead(next)...)
		}
		if len(way) > len(n.ahead) {
			n.ahead = way
		}
	}
	n.open = false
	return n.ahead
}

// behind is how many redirections lead, one by the other, to this one.
func (g *redirectionGraph) behind(n *redirectionNode) int {
	if n.behind >= 0 || n.open {
		return max(n.behind, 0)
	}
	n.open = true
	longest := 0
	for _, from := range n.leads {
		longest = max(longest, g.behind(from)+1)
	}
	n.open, n.behind = false, longest
	return longest
}

// led are the addresses that any of the plans leads to now, or led to before.
func (g *redirectionGraph) led(plans []*redirectionPlan) map[string]bool {
	addresses := map[string]bool{}
	var follow func(targets []string)
	follow = func(targets []string) {
		for _, t := range targets {
			bare := WithoutDetail(t)
			if addresses[bare] {
				continue
			}
			addresses[bare] = true
			if next := g.next(t); next != nil {
				follow(next.targets)
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
