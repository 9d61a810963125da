package models_test

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
)

// What people do with the mail of a service: the part of the machine that knows
// filters, responders, redirections and lists.

type pFilter struct {
	id           int64
	active, away bool // away: it sends mail out of the service
	version      int
}

// pOther is an address that is no account.
type pOther struct {
	kind    string // as in the table addresses
	id      int64
	members map[string]bool
}

// pOthers are the local parts that such addresses may have; two are of accounts too.
var pOthers = []string{"a", "b", "c", "d"}

const pAway = "away@elsewhere.example"

// taken says whether an address of the service has a meaning already: an
// account being deleted keeps its own until it is removed.
func (sv *pService) taken(local string) bool {
	return sv.others[local] != nil || slices.ContainsFunc(sv.accounts, func(a *pAccount) bool { return a.local == local })
}

// count is how many addresses of a kind the service has that are no accounts.
func (sv *pService) count(kind string) (n int) {
	for _, o := range sv.others {
		if o.kind == kind {
			n++
		}
	}
	return n
}

// drop is what goes with an account from the moment it is being deleted.
func (a *pAccount) drop() { a.filters, a.responder, a.redirection = nil, 0, 0 }

// forwards says whether somebody who may edit may send mail out besides.
func (m *machine) forwards(sv *pService, a *pAccount, p *pPerson) bool {
	return m.may(policy.ForwardOut, sv, a, p) == done
}

func (m *machine) editFilter(t *rapid.T) {
	sv, local, a, by, want := m.on(t, policy.EditFilters)
	form := models.FilterForm{Name: "One", Rules: []models.FilterRule{{Header: "subject", Operator: "contains", Value: "x"}}, Action: "read"}
	out := rapid.Bool().Draw(t, "out")
	if out {
		form.Action, form.Target = "forward", pAway
	}
	if want == done && out && !m.forwards(sv, a, by) {
		want = "target: filter.target.outside"
	}
	id, err := m.w.Store.CreateFilter(t.Context(), by.actor, sv.domain, local, form)
	m.agree(fmt.Sprintf("%s makes a filter of %s@%s, out of the service: %v", by.name, local, sv.domain, out), err, want)
	if want == done {
		a.filters = append(a.filters, &pFilter{id: id, active: true, away: out, version: 1})
		sv.events++
	}
}

// onFilter draws a filter, if the account has any, and somebody who may not be allowed.
func (m *machine) onFilter(t *rapid.T) (sv *pService, local string, a *pAccount, f *pFilter, by *pPerson, want string) {
	sv, local, a, by, want = m.on(t, policy.EditFilters)
	if a == nil || len(a.filters) == 0 {
		t.Skip("no filter")
	}
	return sv, local, a, rapid.SampledFrom(a.filters).Draw(t, "filter"), by, want
}

func (m *machine) switchFilter(t *rapid.T) {
	sv, local, a, f, by, want := m.onFilter(t)
	on := rapid.Bool().Draw(t, "on")
	if want == done && on && !f.active && f.away && !m.forwards(sv, a, by) {
		want = forbidden(policy.ForwardOut)
	}
	m.agree(fmt.Sprintf("%s switches a filter of %s@%s: %v", by.name, local, sv.domain, on), m.w.Store.SwitchFilter(t.Context(), by.actor, sv.domain, local, f.id, on), want)
	if want == done && f.active != on {
		f.active = on
		sv.events++
	}
}

func (m *machine) moveFilter(t *rapid.T) {
	sv, local, a, f, by, want := m.onFilter(t)
	up := rapid.Bool().Draw(t, "up")
	m.agree(fmt.Sprintf("%s moves a filter of %s@%s", by.name, local, sv.domain), m.w.Store.MoveFilter(t.Context(), by.actor, sv.domain, local, f.id, up), want)
	at := slices.Index(a.filters, f)
	to := at + 1
	if up {
		to = at - 1
	}
	if want == done && to >= 0 && to < len(a.filters) {
		a.filters[at], a.filters[to] = a.filters[to], a.filters[at]
		sv.events++
	}
}

func (m *machine) deleteFilter(t *rapid.T) {
	sv, local, a, f, by, want := m.onFilter(t)
	m.agree(fmt.Sprintf("%s deletes a filter of %s@%s", by.name, local, sv.domain), m.w.Store.DeleteFilter(t.Context(), by.actor, sv.domain, local, f.id), want)
	if want == done {
		a.filters = slices.DeleteFunc(a.filters, func(o *pFilter) bool { return o == f })
		sv.events++
	}
}

var answer = models.ResponderForm{Subject: "Away", Content: "Back soon."}

func (m *machine) respond(t *rapid.T) {
	sv, local, a, by, want := m.on(t, policy.EditResponder)
	form := answer
	if a != nil {
		form.Version = a.responder
		form.Subject = fmt.Sprint("Away ", a.responder)
	}
	m.agree(fmt.Sprintf("%s sets the responder of %s@%s", by.name, local, sv.domain), m.w.Store.SetResponder(t.Context(), by.actor, sv.domain, local, form), want)
	if want == done {
		a.responder++
		sv.events++
	}
}

func (m *machine) respondNoMore(t *rapid.T) {
	sv, local, a, by, want := m.on(t, policy.EditResponder)
	if want == done && a.responder == 0 {
		want = notFound
	}
	m.agree(fmt.Sprintf("%s deletes the responder of %s@%s", by.name, local, sv.domain), m.w.Store.DeleteResponder(t.Context(), by.actor, models.AccountResponder, sv.domain, local), want)
	if want == done {
		a.responder = 0
		sv.events++
	}
}

// other makes an address that is no account: an answer alone, a list, or an alias.
func (m *machine) other(t *rapid.T) {
	sv, local := m.drawService(t), rapid.SampledFrom(pOthers).Draw(t, "local")
	by, kind := m.drawPerson(t, sv, "by"), rapid.SampledFrom([]string{"responder", "list", "redirection"}).Draw(t, "kind")
	what := fmt.Sprintf("%s makes a %s of %s@%s", by.name, kind, local, sv.domain)
	o := &pOther{kind: kind, members: map[string]bool{}}
	var want string
	switch kind {
	case "responder":
		if want = m.mayEverywhere(policy.EditResponder, sv, by); want == done && sv.taken(local) {
			want = "local: responder.local.taken"
		}
		_, err := m.w.Store.CreateResponder(t.Context(), by.actor, sv.domain, local, answer)
		m.agree(what, err, want)
	case "list":
		if want = m.mayEverywhere(policy.EditLists, sv, by); want == done && sv.taken(local) {
			want = "name: list.name.taken"
		}
		_, err := m.w.Store.CreateList(t.Context(), by.actor, sv.domain, models.NewList{Name: local, ListSettings: models.ListSettings{
			Owner: "owner@elsewhere.example", ReplyTo: models.ReplyToList, Language: "en", Posting: models.PostingEveryone,
		}})
		m.agree(what, err, want)
	default:
		m.redirect(t, sv, local, by)
		return
	}
	if want == done {
		sv.put(local, o)
	}
}

func (sv *pService) put(local string, o *pOther) {
	if sv.others == nil {
		sv.others = map[string]*pOther{}
	}
	sv.others[local] = o
	sv.events++
}

// redirect sends the mail of an address out of the service: of an account, or of an alias.
func (m *machine) redirect(t *rapid.T, sv *pService, local string, by *pPerson) {
	a, o, want := sv.account(local), sv.others[local], m.mayEverywhere(policy.EditRedirections, sv, by)
	switch {
	case want != done:
	case o != nil && o.kind == "redirection", a != nil && a.redirection != 0:
		want = "from: redirection.from.exists"
	case o != nil:
		want = "from: redirection.from." + o.kind
	case a == nil && sv.taken(local):
		want = "from: redirection.from.account"
	case m.mayEverywhere(policy.ForwardOut, sv, by) != done:
		want = "to: redirection.to.outside"
	}
	r, err := m.w.Store.CreateRedirection(t.Context(), by.actor, sv.domain, models.NewRedirection{Local: local, Targets: pAway, KeepCopy: true})
	m.agree(fmt.Sprintf("%s redirects %s@%s", by.name, local, sv.domain), err, want)
	switch {
	case want != done:
	case a != nil:
		a.redirection = r.ID
		sv.events++
	default:
		sv.put(local, &pOther{kind: "redirection", id: r.ID})
	}
}

func (m *machine) otherNoMore(t *rapid.T) {
	sv, local := m.drawService(t), rapid.SampledFrom(pOthers).Draw(t, "local")
	by, o, a := m.drawPerson(t, sv, "by"), sv.others[local], sv.account(local)
	what := fmt.Sprintf("%s ends what %s@%s is", by.name, local, sv.domain)
	switch {
	case a != nil && a.redirection != 0:
		want := m.mayEverywhere(policy.EditRedirections, sv, by)
		_, err := m.w.Store.DeleteRedirection(t.Context(), by.actor, sv.domain, a.redirection)
		if m.agree(what, err, want); want == done {
			a.redirection = 0
			sv.events++
		}
		return
	case o == nil:
		t.Skip("it is nothing")
	}
	var want string
	switch o.kind {
	case "responder":
		want = m.mayEverywhere(policy.EditResponder, sv, by)
		m.agree(what, m.w.Store.DeleteResponder(t.Context(), by.actor, models.AddressResponder, sv.domain, local), want)
	case "list":
		want = m.mayEverywhere(policy.EditLists, sv, by)
		m.agree(what, m.w.Store.DeleteList(t.Context(), by.actor, sv.domain, local, local), want)
	case "redirection":
		want = m.mayEverywhere(policy.EditRedirections, sv, by)
		_, err := m.w.Store.DeleteRedirection(t.Context(), by.actor, sv.domain, o.id)
		m.agree(what, err, want)
	}
	if want == done {
		delete(sv.others, local)
		sv.events++
	}
}

func (m *machine) subscribe(t *rapid.T) {
	sv, local := m.drawService(t), rapid.SampledFrom(pOthers).Draw(t, "local")
	o, by := sv.others[local], m.drawPerson(t, sv, "by")
	if o == nil || o.kind != "list" {
		t.Skip("no list")
	}
	want := m.mayEverywhere(policy.EditLists, sv, by)
	lines := rapid.SliceOfN(rapid.SampledFrom([]string{"x@elsewhere.example", "Y@elsewhere.example", "a@" + sv.domain}), 1, 3).Draw(t, "members")
	add := rapid.Bool().Draw(t, "add")
	verb := m.w.Store.RemoveMembers
	if add {
		verb = m.w.Store.AddMembers
	}
	_, err := verb(t.Context(), by.actor, sv.domain, local, models.Subscribers, lines)
	m.agree(fmt.Sprintf("%s changes the subscribers of %s@%s: %v, %v", by.name, local, sv.domain, lines, add), err, want)
	if want != done {
		return
	}
	changed := 0
	for _, line := range lines {
		address, problem := models.ParseMailbox(line)
		if problem != nil {
			t.Fatalf("%s: %v", line, problem)
		}
		if o.members[address] != add {
			o.members[address] = add
			changed = 1
		}
	}
	sv.events += changed
}

// askList is what somebody asks of a list by mail, whoever may change it.
func (m *machine) askList(t *rapid.T) {
	sv, local := m.drawService(t), rapid.SampledFrom(pOthers).Draw(t, "local")
	o := sv.others[local]
	if o == nil || o.kind != "list" {
		t.Skip("no list")
	}
	address := rapid.SampledFrom([]string{"x@elsewhere.example", "z@elsewhere.example"}).Draw(t, "subscriber")
	joins := rapid.Bool().Draw(t, "joins")
	kind := map[bool]string{true: "subscribe", false: "unsubscribe"}[joins]
	_, err := m.w.SQL.ExecContext(t.Context(), "INSERT INTO list_requests (list_id, kind, email, asked_at) SELECT l.id, $1, $2, $3 FROM lists l WHERE l.address = $4", kind, address, m.w.Store.Now(), local+"@"+sv.domain)
	if err != nil {
		t.Fatal(err)
	}
	m.agree(fmt.Sprintf("%s asks %s@%s to %s", address, local, sv.domain, kind), m.w.Store.CarryListRequests(t.Context()), done)
	if o.members[address] != joins {
		o.members[address] = joins
		sv.events++
	}
}

// mayEverywhere is may for what belongs to the service and to no account of it:
// a grant on single accounts, whatever its extras, is not enough.
func (m *machine) mayEverywhere(op policy.Operation, sv *pService, p *pPerson) string {
	if sv.owner != p && m.whole(sv, p) == nil && m.single(sv, p, nil) != nil {
		return forbidden(op)
	}
	return m.may(op, sv, nil, p)
}

// having is how many accounts are so.
func (sv *pService) having(so func(*pAccount) bool) (n int) {
	for _, a := range sv.accounts {
		if so(a) {
			n++
		}
	}
	return n
}

// filtered compares the filters that somebody sees on an account with the plain values.
func (m *machine) filtered(t *rapid.T, p *pPerson, sv *pService, a *pAccount) {
	t.Helper()
	_, list, err := m.w.Store.Filters(t.Context(), p.actor, sv.domain, a.local)
	if err != nil || len(list) != len(a.filters) {
		t.Fatalf("%s sees %d filters of %s@%s, want %d: %v", p.name, len(list), a.local, sv.domain, len(a.filters), err)
	}
	for i, f := range list {
		if f.ID != a.filters[i].id || f.Active != a.filters[i].active || f.SendsOut(sv.domain) != a.filters[i].away {
			t.Fatalf("filter %d of %s@%s is %+v, want %+v", i+1, a.local, sv.domain, f, a.filters[i])
		}
	}
}
