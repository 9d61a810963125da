package models_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

// Random sequences of what people do, against plain values that know product.md
// and no SQL. Every person must reach exactly what the values say, by the same
// rights, and the history must have grown by as many events: after each step on
// some of the objects, in turn, and on all at the end of a sequence; at night on
// all after each step. MANDAT_RAPID_CHECKS and MANDAT_RAPID_STEPS say how far it goes.
func TestWhoReachesWhatAgreesWithThePlainModel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var runs atomic.Int64
		rapid.Check(t, func(rt *rapid.T) {
			m := newMachine(rt, w, int(runs.Add(1)))
			rt.Repeat(map[string]func(*rapid.T){
				"":         m.check,
				"share":    m.share,
				"delegate": m.delegate,
				"several":  m.several,
				"revoke":   m.revoke,
				"undo":     m.undo,
				"resign":   m.resign,
				"change":   m.change,
				"extend":   m.extend,
				"create":   m.create,
				"delete":   m.deleteAccount,
				"block":    m.block,
				"describe": m.describe,

				"describe several": m.describeSeveral,
				"size several":     m.resizeSeveral,
				"block several":    m.blockSeveral,
				"revoke several":   m.revokeSeveral,

				"send accounts":     m.uploadAccounts,
				"send redirections": m.uploadRedirections,

				"filter":              m.editFilter,
				"switch a filter":     m.switchFilter,
				"move a filter":       m.moveFilter,
				"delete a filter":     m.deleteFilter,
				"respond":             m.respond,
				"respond no more":     m.respondNoMore,
				"other address":       m.other,
				"no other address":    m.otherNoMore,
				"subscribe and leave": m.subscribe,
				"ask a list by mail":  m.askList,

				"sign in":  m.signIn,
				"sign out": m.signOut,
				"wait":     m.wait,
				"sweep":    m.sweep,
			})
			m.compare(rt, m.services, pLocals)
			if nightly() || runs.Load()%20 == 0 {
				w.Holds(rt)
			}
		})
	})
}

type pPerson struct {
	name  string
	actor models.Actor
	se    models.Session
	token string        // "" before the first sign-in
	began time.Duration // of the session
}

type pAccount struct {
	local             string
	deleting, blocked bool
	text              string
	size              int64

	filters     []*pFilter // in their order
	responder   int        // its version, 0 for none
	redirection int64
}

type pGrant struct {
	id           int64
	kind         policy.Kind
	on           *pService
	account      *pAccount // nil for the whole service
	holder, from *pPerson
	extras       policy.Extra
	until        *time.Time
	parent       *pGrant
	version      int

	why       string // "" while it has not ended
	endedAt   time.Duration
	endedStep int
	endedWith *pGrant
}

type pService struct {
	domain   string
	owner    *pPerson
	accounts []*pAccount
	grants   []*pGrant
	others   map[string]*pOther // addresses that are no accounts
	events   int
}

// machine is one run: a service of one owner with two accounts, one of another
// owner, and three people who own nothing.
type machine struct {
	t        *rapid.T
	w        *world
	base     time.Time
	clock    time.Duration // since base, but for a millisecond each step
	step     int
	people   []*pPerson
	services []*pService
}

// pLocals are the addresses there may be.
var pLocals = []string{"a", "b", "postmaster"}

func newMachine(t *rapid.T, w *world, run int) *machine {
	m := &machine{t: t, w: w, base: w.Store.Now()}
	for i := range 5 {
		c, err := w.Store.AddCustomer(t.Context(), models.NewCustomer{
			Identifier: fmt.Sprintf("%c%c%d-mdt", 'f'+i, 'f'+i, run), Name: "Somebody", Email: "somebody@example.org", Language: "en", TimeZone: "UTC",
		})
		m.ok(err)
		m.people = append(m.people, &pPerson{name: c.Identifier, actor: models.Actor{Customer: c.ID}})
	}
	for i, owner := range m.people[:2] {
		sv := &pService{domain: fmt.Sprintf("%c%d.example", 'f'+i, run), owner: owner, events: 1}
		room := int64(pRoom)
		_, err := w.Store.AddService(t.Context(), models.NewService{Domain: sv.domain, Owner: owner.name, Limits: models.ServiceLimits{MaxBytes: &room}})
		m.ok(err)
		m.services = append(m.services, sv)
		for _, local := range pLocals[:2-i] {
			_, err := w.Store.CreateAccount(t.Context(), owner.actor, sv.domain, models.NewAccount{Local: local})
			m.ok(err)
			size, _ := sv.firstSize()
			sv.accounts = append(sv.accounts, &pAccount{local: local, size: size})
			sv.events++
		}
	}
	return m
}

func (m *machine) ok(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// now is the time of the machine; that of the store is a little later.
func (m *machine) now() time.Time { return m.base.Add(m.clock) }

// agree compares what a verb answered with what it should.
func (m *machine) agree(what string, err error, want string) {
	m.t.Helper()
	m.step++
	m.w.Clock.Move(time.Millisecond) // no two things happen at once
	if got := outcome(err); got != want {
		m.t.Fatalf("%s: %s; want %s", what, orDone(got), orDone(want))
	}
}

// What the plain values say.

func (g *pGrant) live(now time.Time) bool {
	return g.why == "" && (g.until == nil || g.until.After(now))
}

func (g *pGrant) lapsed(now time.Time) bool { return g.why == "" && !g.live(now) }

func (g *pGrant) same(o *pGrant) bool {
	return g.kind == o.kind && g.local() == o.local() && g.holder == o.holder
}

func (g *pGrant) local() string {
	if g.account == nil {
		return ""
	}
	return g.account.local
}

func (g *pGrant) String() string {
	return fmt.Sprintf("grant %d (%s@%s to %s)", g.id, g.local(), g.on.domain, g.holder.name)
}

func (sv *pService) account(local string) *pAccount {
	for _, a := range sv.accounts {
		if a.local == local && !a.deleting {
			return a
		}
	}
	return nil
}

// whole is the grant on the service by which somebody is there now.
func (m *machine) whole(sv *pService, p *pPerson) *pGrant {
	for _, g := range sv.grants {
		if g.kind == policy.OnService && g.holder == p && g.live(m.now()) {
			return g
		}
	}
	return nil
}

func (m *machine) single(sv *pService, p *pPerson, a *pAccount) *pGrant {
	for _, g := range sv.grants {
		if g.kind == policy.OnAccount && g.holder == p && g.live(m.now()) && (a == nil || g.account == a) {
			return g
		}
	}
	return nil
}

// may is the permission table for what is asked here: on the whole service with
// a nil account. It answers the outcome of a refusal, or done.
func (m *machine) may(op policy.Operation, sv *pService, a *pAccount, p *pPerson) string {
	whole, single := m.whole(sv, p), m.single(sv, p, a)
	if sv.owner != p && whole == nil && single == nil {
		return notFound
	}
	var yes bool
	switch op {
	case policy.ShareService:
		yes = sv.owner == p
	case policy.DelegateAccount:
		yes = sv.owner == p || whole != nil && whole.extras.Has(policy.Delegate)
	case policy.CreateAccount, policy.LimitAccount, policy.DeleteAccount, policy.EditRedirections, policy.EditLists:
		yes = sv.owner == p || whole != nil
	case policy.ForwardOut:
		yes = sv.owner == p || whole != nil && whole.extras.Has(policy.Forward) || single != nil && single.extras.Has(policy.Forward)
	case policy.EditResponder:
		yes = sv.owner == p || whole != nil || single != nil && single.extras.Has(policy.Responder)
	case policy.DescribeAccount, policy.EditFilters:
		yes = true
	case policy.ChangeGrant: // of the grants that one gave, on the whole service
		yes = sv.owner == p || whole != nil
	}
	if !yes {
		return forbidden(op)
	}
	return done
}

// end ends grants and what rests on them, and answers how many ended.
func (m *machine) end(why string, roots ...*pGrant) (n int) {
	end := func(g, with *pGrant) {
		if g.why == "" {
			g.why, g.endedAt, g.endedStep, g.endedWith = why, m.clock, m.step, with
			g.version++
			n++
		}
	}
	for _, root := range roots {
		if root.why != "" {
			continue
		}
		for _, g := range root.on.grants {
			if g.parent == root {
				end(g, root)
			}
		}
		end(root, nil)
	}
	return n
}

// Draws.

func (m *machine) drawPerson(t *rapid.T, sv *pService, label string) *pPerson {
	return rapid.SampledFrom(append([]*pPerson{sv.owner, sv.owner}, m.people...)).Draw(t, label)
}

func (m *machine) drawService(t *rapid.T) *pService {
	return rapid.SampledFrom([]*pService{m.services[0], m.services[0], m.services[0], m.services[1]}).Draw(t, "service")
}

func drawExtras(t *rapid.T) policy.Extra {
	return rapid.SampledFrom([]policy.Extra{0, policy.Password, policy.Delegate, policy.Delegate | policy.Password, policy.AllExtras}).Draw(t, "extras")
}

// drawEnd is never within half a minute of where the clock can come to.
func (m *machine) drawEnd(t *rapid.T) *time.Time {
	hours := rapid.SampledFrom([]int{-1, -1, 0, 3, 30, 1000}).Draw(t, "hours")
	if hours < 0 {
		return nil
	}
	until := m.base.Add(m.clock + time.Duration(hours)*time.Hour + 30*time.Minute + 30*time.Second)
	return &until
}

func (m *machine) drawGrant(t *rapid.T) *pGrant {
	var all []*pGrant
	for _, sv := range m.services {
		all = append(all, sv.grants...)
	}
	if len(all) == 0 {
		t.Skip("nothing was given")
	}
	return rapid.SampledFrom(all).Draw(t, "grant")
}

// drawConcerned is often somebody whom the grant concerns.
func (m *machine) drawConcerned(t *rapid.T, g *pGrant) *pPerson {
	return rapid.SampledFrom(append([]*pPerson{g.on.owner, g.on.owner, g.from, g.from, g.holder}, m.people...)).Draw(t, "by")
}

// Giving.

func (m *machine) share(t *rapid.T) {
	sv := m.drawService(t)
	by, to := m.drawPerson(t, sv, "by"), []*pPerson{m.drawPerson(t, sv, "to")}
	r := models.GrantRequest{Identifiers: names(to), Ticked: drawExtras(t), ExpiresAt: m.drawEnd(t)}
	result, err := m.w.Store.ShareService(t.Context(), by.actor, sv.domain, r)
	m.given(fmt.Sprintf("%s shares %s with %v", by.name, sv.domain, r.Identifiers), result, err, policy.OnService, m.may(policy.ShareService, sv, nil, by), sv, nil, by, to, r)
}

func (m *machine) delegate(t *rapid.T) {
	sv, local := m.drawService(t), rapid.SampledFrom(pLocals).Draw(t, "local")
	by, to := m.drawPerson(t, sv, "by"), []*pPerson{m.drawPerson(t, sv, "to")}
	r := models.GrantRequest{Identifiers: names(to), Ticked: drawExtras(t), ExpiresAt: m.drawEnd(t)}
	result, err := m.w.Store.DelegateAccount(t.Context(), by.actor, sv.domain, local, r)
	a, may := sv.account(local), notFound
	if a != nil {
		may = m.may(policy.DelegateAccount, sv, a, by)
	}
	m.given(fmt.Sprintf("%s delegates %s@%s to %v", by.name, local, sv.domain, r.Identifiers), result, err, policy.OnAccount, may, sv, []*pAccount{a}, by, to, r)
}

func (m *machine) several(t *rapid.T) {
	sv := m.drawService(t)
	locals := rapid.SliceOfN(rapid.SampledFrom(pLocals), 1, 3).Draw(t, "locals")
	by := m.drawPerson(t, sv, "by")
	to := rapid.SliceOfN(rapid.SampledFrom(m.people), 1, 4).Draw(t, "to")
	r := models.GrantRequest{Identifiers: names(to), Ticked: drawExtras(t), ExpiresAt: m.drawEnd(t)}
	result, err := m.w.Store.DelegateAccounts(t.Context(), by.actor, sv.domain, locals, r)
	var accounts []*pAccount
	for _, local := range pLocals {
		if a := sv.account(local); a != nil && slices.Contains(locals, local) {
			accounts = append(accounts, a)
		}
	}
	may := m.may(policy.DelegateAccount, sv, nil, by)
	if may == done && accounts == nil {
		may = notFound
	}
	m.given(fmt.Sprintf("%s delegates %v@%s to %v", by.name, locals, sv.domain, r.Identifiers), result, err, policy.OnAccount, may, sv, accounts, by, to, r)
}

func names(people []*pPerson) (list []string) {
	for _, p := range people {
		list = append(list, p.name)
	}
	return list
}

// given carries a request out on the plain values and compares the answer. A
// nil account stands for the whole service.
func (m *machine) given(what string, result *models.GrantResult, err error, kind policy.Kind, outcome string, sv *pService, accounts []*pAccount, by *pPerson, to []*pPerson, r models.GrantRequest) {
	m.t.Helper()
	extras, until, parent := r.Ticked&policy.Applicable(kind), r.ExpiresAt, (*pGrant)(nil)
	if outcome == done && by != sv.owner {
		parent = m.whole(sv, by)
		extras &= parent.passes()
		if outcome = parent.bound(&until); outcome != done {
			outcome = "expires_on: " + outcome
		}
	}
	m.agree(what, err, outcome)
	if outcome != done {
		return
	}
	targets := accounts
	if kind == policy.OnService {
		targets = []*pAccount{nil}
	}
	var refused, made []string
	var fresh []*pGrant
	slices.SortFunc(targets, func(a, b *pAccount) int {
		if a == nil || b == nil {
			return 0
		}
		return strings.Compare(a.local, b.local)
	})
	var lapsed []*pGrant
	for i, p := range to {
		if slices.Index(to, p) != i {
			continue
		}
		if p == by || p == sv.owner {
			key := "owner"
			if p == by {
				key = "self"
			}
			refused = append(refused, p.name+" grant.refused."+key)
			continue
		}
		var free []*pAccount
		for _, a := range targets {
			held := false
			for _, g := range sv.grants {
				if g.kind == kind && g.account == a && g.holder == p && g.why == "" {
					held = held || g.live(m.now())
					if g.lapsed(m.now()) {
						lapsed = append(lapsed, g)
					}
				}
			}
			if !held {
				free = append(free, a)
			}
		}
		if len(free) == 0 {
			refused = append(refused, p.name+" grant.refused.held")
		}
		for _, a := range free {
			fresh = append(fresh, &pGrant{kind: kind, on: sv, account: a, holder: p, from: by, extras: extras, until: until, parent: parent, version: 1})
		}
	}
	sv.events += m.end(models.EndedByTime, lapsed...) + len(fresh)
	for _, g := range fresh {
		made = append(made, g.local()+" "+g.holder.name)
	}
	var gotMade, gotRefused []string
	for _, g := range result.Given {
		gotMade = append(gotMade, g.LocalPart+" "+g.Grantee)
		at := slices.Index(made, g.LocalPart+" "+g.Grantee)
		if at < 0 {
			continue
		}
		f := fresh[at]
		f.id = g.ID
		if g.Extras != f.extras || (g.ExpiresAt == nil) != (f.until == nil) || f.until != nil && !g.ExpiresAt.Equal(*f.until) || (g.ParentID != 0) != (f.parent != nil) {
			m.t.Fatalf("%s: gave %+v, want %v until %v", what, g, f.extras.Names(), f.until)
		}
	}
	for _, f := range result.Refused {
		gotRefused = append(gotRefused, f.Identifier+" "+f.Message.Key)
	}
	slices.Sort(made)
	slices.Sort(gotMade)
	if !slices.Equal(gotMade, made) || !slices.Equal(gotRefused, refused) {
		m.t.Fatalf("%s: given %q, refused %q; want %q, %q", what, gotMade, gotRefused, made, refused)
	}
	sv.grants = append(sv.grants, fresh...)
}

// bound keeps an end within that of the grant it rests on.
func (g *pGrant) bound(until **time.Time) string {
	if g.until != nil && *until != nil && (*until).After(*g.until) {
		return "grant.expires.beyond"
	}
	if *until == nil {
		*until = g.until
	}
	return done
}

// Ending and changing.

// may do op to a grant: the outcome of a refusal, or done.
func (m *machine) mayGrant(op policy.Operation, g *pGrant, p *pPerson) string {
	whole := m.whole(g.on, p)
	if g.on.owner != p && whole == nil && m.single(g.on, p, nil) == nil {
		return notFound
	}
	change := g.on.owner == p || whole != nil && g.from == p
	switch {
	case !change && g.holder != p:
		return notFound
	case op == policy.ChangeGrant && !change, op == policy.ResignGrant && g.holder != p:
		return forbidden(op)
	}
	return done
}

func (m *machine) revoke(t *rapid.T) {
	g := m.drawGrant(t)
	by := m.drawConcerned(t, g)
	want := m.mayGrant(policy.ChangeGrant, g, by)
	_, err := m.w.Store.Revoke(t.Context(), by.actor, g.id)
	m.agree(fmt.Sprintf("%s revokes %v", by.name, g), err, want)
	if want == done {
		m.endBy(models.EndedByRevoking, g)
	}
}

func (m *machine) resign(t *rapid.T) {
	g := m.drawGrant(t)
	by := rapid.SampledFrom([]*pPerson{g.holder, g.holder, g.on.owner, g.from}).Draw(t, "by")
	want := m.mayGrant(policy.ResignGrant, g, by)
	_, err := m.w.Store.Resign(t.Context(), by.actor, g.id)
	m.agree(fmt.Sprintf("%s resigns %v", by.name, g), err, want)
	if want == done {
		m.endBy(models.EndedByHolder, g)
	}
}

func (m *machine) endBy(why string, g *pGrant) {
	if g.lapsed(m.now()) {
		why = models.EndedByTime
	}
	g.on.events += m.end(why, g)
}

func (m *machine) undo(t *rapid.T) {
	g := m.drawGrant(t)
	by := m.drawConcerned(t, g)
	taken := func(g *pGrant) bool {
		return slices.ContainsFunc(g.on.grants, func(o *pGrant) bool { return o != g && o.why == "" && o.same(g) })
	}
	gone := func(g *pGrant) bool { return g.account != nil && g.account.deleting }
	passed := func(g *pGrant) bool { return g.until != nil && !g.until.After(m.now()) }
	want := m.mayGrant(policy.ChangeGrant, g, by)
	switch {
	case want != done || g.why == "":
	case taken(g):
		want = "grant: grant.restore.taken"
	case g.why != models.EndedByRevoking || g.endedWith != nil || m.clock-g.endedAt >= models.UndoFor || passed(g):
		want = "grant: grant.restore.late"
	case g.parent != nil && !(g.parent.live(m.now()) && g.parent.extras.Has(policy.Delegate)), gone(g):
		want = "grant: grant.restore.gone"
	}
	_, err := m.w.Store.Restore(t.Context(), by.actor, g.id)
	m.agree(fmt.Sprintf("%s undoes the end of %v", by.name, g), err, want)
	if want != done || g.why == "" {
		return
	}
	step := g.endedStep
	restore := func(g *pGrant) {
		g.why, g.endedWith = "", nil
		g.version++
		g.on.events++
	}
	for _, child := range g.on.grants {
		if child.endedWith == g && child.endedStep == step && !passed(child) && !gone(child) && !taken(child) {
			restore(child)
		}
	}
	restore(g)
	if g.parent != nil {
		g.on.events += g.narrow()
	}
}

// narrow keeps a grant within what it rests on, and answers how many events that is.
// passes is the most that its holder may pass on: every holder of a service
// manages the responders.
func (g *pGrant) passes() policy.Extra { return (g.extras | policy.Responder) &^ policy.Delegate }

func (g *pGrant) narrow() int {
	extras, until := g.extras&g.parent.passes(), g.until
	if end := g.parent.until; end != nil && (until == nil || until.After(*end)) {
		until = end
	}
	return g.set(extras, until)
}

func (g *pGrant) set(extras policy.Extra, until *time.Time) int {
	same := (g.until == nil) == (until == nil) && (until == nil || until.Equal(*g.until))
	if same && g.extras == extras {
		return 0
	}
	g.extras, g.until = extras, until
	g.version++
	return 1
}

func (m *machine) change(t *rapid.T) {
	g := m.drawGrant(t)
	by, ticked, until := m.drawConcerned(t, g), drawExtras(t), m.drawEnd(t)
	_, err := m.w.Store.ChangeGrant(t.Context(), by.actor, g.id, models.GrantTerms{Ticked: ticked, ExpiresAt: until, Version: g.version})
	m.altered(fmt.Sprintf("%s changes %v", by.name, g), err, by, g, ticked&policy.Applicable(g.kind), until)
}

func (m *machine) extend(t *rapid.T) {
	g := m.drawGrant(t)
	by, until := m.drawConcerned(t, g), g.until
	if until != nil {
		later := until.Add(models.ExtendBy)
		until = &later
	}
	_, err := m.w.Store.ExtendGrant(t.Context(), by.actor, g.id)
	m.altered(fmt.Sprintf("%s extends %v", by.name, g), err, by, g, g.extras, until)
}

func (m *machine) altered(what string, err error, by *pPerson, g *pGrant, extras policy.Extra, until *time.Time) {
	m.t.Helper()
	want := m.mayGrant(policy.ChangeGrant, g, by)
	switch {
	case want != done:
	case !g.live(m.now()):
		want = "grant: grant.change.ended"
	case until != nil && until.After(m.now().AddDate(10, 0, 0)):
		want = "expires_on: grant.expires.far"
	case g.parent != nil:
		extras &= g.parent.passes()
		if want = g.parent.bound(&until); want != done {
			want = "expires_on: " + want
		}
	}
	m.agree(what, err, want)
	if want != done || g.set(extras, until) == 0 {
		return
	}
	g.on.events++
	for _, child := range g.on.grants {
		switch {
		case child.parent != g || child.why != "":
		case !g.extras.Has(policy.Delegate):
			g.on.events += m.end(models.EndedByRevoking, child)
		default:
			g.on.events += child.narrow()
		}
	}
}

// Accounts.

func (m *machine) create(t *rapid.T) {
	sv, local := m.drawService(t), rapid.SampledFrom(pLocals).Draw(t, "local")
	by := m.drawPerson(t, sv, "by")
	_, err := m.w.Store.CreateAccount(t.Context(), by.actor, sv.domain, models.NewAccount{Local: local})
	want := m.may(policy.CreateAccount, sv, nil, by)
	size, fits := sv.firstSize()
	switch {
	case want != done:
	case !fits:
		want = "size_gb: account.size.total"
	case sv.taken(local):
		want = "local: account.local.taken"
	}
	m.agree(fmt.Sprintf("%s creates %s@%s", by.name, local, sv.domain), err, want)
	if want == done {
		sv.accounts = append(sv.accounts, &pAccount{local: local, size: size})
		sv.events++
	}
}

// on draws an account and a person, and says what the table answers.
func (m *machine) on(t *rapid.T, op policy.Operation) (sv *pService, local string, a *pAccount, by *pPerson, want string) {
	sv, local = m.drawService(t), rapid.SampledFrom(pLocals).Draw(t, "local")
	by, a, want = m.drawPerson(t, sv, "by"), sv.account(local), notFound
	if a != nil {
		want = m.may(op, sv, a, by)
	}
	return sv, local, a, by, want
}

func (m *machine) deleteAccount(t *rapid.T) {
	sv, local, a, by, want := m.on(t, policy.DeleteAccount)
	m.agree(fmt.Sprintf("%s deletes %s@%s", by.name, local, sv.domain), m.w.Store.DeleteAccount(t.Context(), by.actor, sv.domain, local, local), want)
	if want != done {
		return
	}
	a.deleting = true
	a.drop()
	sv.events++
	for _, g := range sv.grants {
		if g.account == a {
			sv.events += m.end(models.EndedWithObject, g)
		}
	}
}

func (m *machine) block(t *rapid.T) {
	sv, local, a, by, want := m.on(t, policy.LimitAccount)
	blocked := rapid.Bool().Draw(t, "blocked")
	verb := m.w.Store.UnblockAccount
	if blocked {
		verb = m.w.Store.BlockAccount
	}
	m.agree(fmt.Sprintf("%s blocks %s@%s: %v", by.name, local, sv.domain, blocked), verb(t.Context(), by.actor, sv.domain, local), want)
	if want == done && a.blocked != blocked {
		a.blocked = blocked
		sv.events++
	}
}

func (m *machine) describe(t *rapid.T) {
	sv, local, a, by, want := m.on(t, policy.DescribeAccount)
	text, version := "", 0
	if a != nil {
		text = a.text + "."
		if read, err := m.w.Store.Account(t.Context(), sv.owner.actor, sv.domain, local); err == nil {
			version = read.Account.Version
		}
	}
	m.agree(fmt.Sprintf("%s describes %s@%s", by.name, local, sv.domain),
		m.w.Store.ChangeAccount(t.Context(), by.actor, sv.domain, local, models.AccountSettings{Description: &text, Version: version}), want)
	if want == done {
		a.text = text
		sv.events++
	}
}

// Sessions and time.

func (m *machine) signIn(t *rapid.T) {
	p := rapid.SampledFrom(m.people).Draw(t, "person")
	if _, err := m.w.SQL.ExecContext(t.Context(), fmt.Sprintf("UPDATE customers SET password_hash = '%s' WHERE id = %d", pHash, p.actor.Customer)); err != nil {
		t.Fatal(err)
	}
	in, err := m.w.Store.SignIn(t.Context(), models.Credentials{Identifier: p.name, Password: cast.Password, Peer: "192.0.2.9"}, p.token)
	m.agree(p.name+" signs in", err, done)
	p.token, p.se, p.began = in.Token, in.Session, m.clock
}

// pHash is of cast.Password, with parameters that cost nothing.
const pHash = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$b95d6E4Ni8ggKwfQut5Oc9DkxXR1TbAvJTp9Lr8ViaE"

func (m *machine) signOut(t *rapid.T) {
	p := rapid.SampledFrom(m.people).Draw(t, "person")
	if p.token == "" {
		t.Skip("never signed in")
	}
	m.agree(p.name+" signs out", m.w.Store.SignOut(t.Context(), &p.se), done)
	p.began = -models.SessionFor * 2
}

// wait moves by multiples of seven minutes: no limit of the product is one.
func (m *machine) wait(t *rapid.T) {
	d := rapid.SampledFrom([]time.Duration{7 * time.Minute, 7 * time.Minute, 49 * time.Minute, 7 * time.Hour, 35 * time.Hour, 21 * 24 * time.Hour}).Draw(t, "for")
	m.w.Clock.Move(d)
	m.clock += d
	m.step++
}

func (m *machine) sweep(t *rapid.T) {
	m.agree("sweep", m.w.Store.Sweep(t.Context()), done)
	for _, sv := range m.services {
		for _, g := range sv.grants {
			if g.lapsed(m.now()) {
				sv.events += m.end(models.EndedByTime, g)
			}
		}
		sv.accounts = slices.DeleteFunc(sv.accounts, func(a *pAccount) bool { return a.deleting })
	}
}

func (m *machine) check(t *rapid.T) {
	if nightly() {
		m.compare(t, m.services, pLocals)
		return
	}
	m.compare(t, m.services[:1+m.step%4/3], pLocals[m.step%3:][:1])
}

// compare compares what everybody reaches of some services and accounts with the plain values.
func (m *machine) compare(t *rapid.T, services []*pService, locals []string) {
	for _, sv := range services {
		accounts, shares := len(sv.accounts), 0
		for _, g := range sv.grants {
			if g.kind == policy.OnService && g.why == "" {
				shares++
			}
		}
		for _, p := range m.people {
			a, err := m.w.Store.Service(t.Context(), p.actor, sv.domain)
			m.reach(t, p, sv, nil, a, err)
			if err == nil && (a.Service.ListCount != sv.count("list") || a.Service.ResponderCount != sv.count("responder")+sv.having(func(a *pAccount) bool { return a.responder > 0 }) ||
				a.Service.RedirectionCount != sv.count("redirection")+sv.having(func(a *pAccount) bool { return a.redirection > 0 })) {
				t.Fatalf("%s counts %+v, want %v", sv.domain, a.Service, sv.others)
			}
			if err == nil && (a.Service.AccountCount != accounts || a.Service.ShareCount != shares) {
				t.Fatalf("%s counts %d accounts and %d shares, want %d and %d", sv.domain, a.Service.AccountCount, a.Service.ShareCount, accounts, shares)
			}
			for _, local := range locals {
				account := sv.account(local)
				a, err := m.w.Store.Account(t.Context(), p.actor, sv.domain, local)
				if account == nil {
					if outcome(err) != notFound {
						t.Fatalf("%s reads %s@%s, which is not there: %v", p.name, local, sv.domain, err)
					}
					continue
				}
				m.reach(t, p, sv, account, a, err)
				if err == nil {
					m.filtered(t, p, sv, account)
				}
				if err == nil && (a.Account.Blocked() != account.blocked || a.Account.Description != account.text || a.Account.SizeBytes != account.size) {
					t.Fatalf("%s@%s is %+v, want %+v", local, sv.domain, a.Account, account)
				}
			}
			if p.token != "" {
				m.listed(t, p, sv)
			}
		}
		var events int
		if err := m.w.SQL.QueryRowContext(t.Context(), "SELECT count(*) FROM events e JOIN services s ON s.id = e.service_id WHERE s.domain = '"+sv.domain+"'").Scan(&events); err != nil {
			t.Fatal(err)
		}
		if events != sv.events {
			t.Fatalf("%s has %d events, want %d", sv.domain, events, sv.events)
		}
	}
}

// reach compares the rights of one person on one object.
func (m *machine) reach(t *rapid.T, p *pPerson, sv *pService, account *pAccount, a *models.Access, err error) {
	t.Helper()
	whole, single := m.whole(sv, p), m.single(sv, p, account)
	what := fmt.Sprintf("%s on %s of %s", p.name, sv.domain, sv.owner.name)
	if account != nil {
		what = fmt.Sprintf("%s on %s@%s", p.name, account.local, sv.domain)
	}
	if sv.owner != p && whole == nil && single == nil {
		if outcome(err) != notFound {
			t.Fatalf("%s: %v, want nothing", what, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if a.Standing.Owner != (sv.owner == p) || (a.ServiceGrant != nil) != (whole != nil) || (a.Standing.Account != nil) != (single != nil) {
		t.Fatalf("%s: %+v; want the whole by %v, one by %v", what, a.Standing, whole, single)
	}
	if whole != nil && (a.ServiceGrant.ID != whole.id || a.ServiceGrant.Extras != whole.extras) {
		t.Fatalf("%s: by %+v, want %v with %v", what, a.ServiceGrant, whole, whole.extras.Names())
	}
	if account != nil && single != nil && (a.AccountGrant.ID != single.id || a.AccountGrant.Extras != single.extras) {
		t.Fatalf("%s: by %+v, want %v with %v", what, a.AccountGrant, single, single.extras.Names())
	}
}

// listed compares what the list of accounts has for the person's session.
func (m *machine) listed(t *rapid.T, p *pPerson, sv *pService) {
	t.Helper()
	var locals []string
	for _, local := range pLocals {
		if a := sv.account(local); a != nil && (sv.owner == p || m.whole(sv, p) != nil || m.single(sv, p, a) != nil) {
			locals = append(locals, local)
		}
	}
	want := done
	switch {
	case m.clock-p.began >= models.IdleFor:
		want = signedOut
	case sv.owner != p && m.whole(sv, p) == nil && len(locals) == 0:
		want = notFound
	}
	list, err := m.w.Store.Accounts(t.Context(), p.token, sv.domain, models.AccountQuery{})
	if outcome(err) != want {
		t.Fatalf("the list of %s for %s: %v, want %s", sv.domain, p.name, err, orDone(want))
	}
	if err != nil {
		return
	}
	var is []string
	for _, i := range list.Items {
		is = append(is, i.LocalPart)
	}
	if !slices.Equal(is, locals) {
		t.Fatalf("the list of %s for %s: %v, want %v", sv.domain, p.name, is, locals)
	}
}
