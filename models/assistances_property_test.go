package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

// Random sequences of what agents, customers and the operator do about
// assistances, in two stores in turn, against plain values that know product.md
// and no SQL: after each step every agent's session says in both stores for whom
// they act and how far, and a change is made exactly when the values allow it.
func TestWhatSupportMayDoAgreesWithThePlainModel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stores := []*models.Store{w.Store, w.Store}
		if !strings.HasPrefix(w.URL, "sqlite:") { // whose file is one process's
			stores[1] = got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now}))
			defer stores[1].Close()
		}
		rapid.Check(t, func(rt *rapid.T) {
			m := newSupportMachine(rt, t, w, stores)
			rt.Repeat(map[string]func(*rapid.T){
				"": m.check, "wait": m.wait, "wait again": m.wait,
				"open a window": m.openWindow, "make a code": m.makeCode, "withdraw": m.withdraw, "accept": m.accept, "stop": m.stop,
				"ask": m.ask, "raise": m.raise, "renew": m.renew, "end": m.end, "sign in anew": m.signIn, "stop all": m.stopAll,
			})
		})
	})
}

type sCustomer struct {
	name, domain, local string
	actor               models.Actor
	window, code        time.Time // until when they are good
	windowMay, codeMay  bool
	digits              string
}

type sAssistance struct {
	id        int64
	of        *sCustomer
	by        models.ConsentKind
	may       bool
	began     bool
	renewed   bool
	expires   time.Time
	canChange time.Time // until when
}

type sAgent struct {
	name  string
	actor models.Actor
	token string
	open  *sAssistance // nil for none; it may have run out
}

type supportMachine struct {
	w         *world
	t         *testing.T
	rt        *rapid.T
	stores    []*models.Store
	step      int
	customers []*sCustomer
	agents    []*sAgent
}

func newSupportMachine(rt *rapid.T, t *testing.T, w *world, stores []*models.Store) *supportMachine {
	m := &supportMachine{w: w, t: t, rt: rt, stores: stores}
	m.must(second(w.Store.StopAssistances(rt.Context(), "")))
	m.customers = []*sCustomer{
		{name: cast.Alice, domain: cast.Garrigue, local: "rh", actor: w.Alice}, {name: cast.David, domain: cast.Velos, local: "hello", actor: w.David},
	}
	for _, c := range m.customers {
		m.must(w.Store.WithdrawConsent(rt.Context(), c.actor))
	}
	for _, name := range []string{cast.Sam, "mia-support"} {
		a := &sAgent{name: name}
		a.actor, a.token = w.Agent(t, name, models.RoleAgent)
		m.agents = append(m.agents, a)
	}
	return m
}

func (m *supportMachine) must(err error) {
	if err != nil {
		m.rt.Fatal(err)
	}
}

func (m *supportMachine) want(what string, err error, wanted string) {
	if o := outcome(err); o != wanted {
		m.rt.Fatalf("%s: %s; want %s", what, orDone(o), orDone(wanted))
	}
}

func (m *supportMachine) now() time.Time       { return m.w.Store.Now() }
func (m *supportMachine) store() *models.Store { return m.stores[m.step%2] }

func (m *supportMachine) customer(rt *rapid.T) *sCustomer {
	return rapid.SampledFrom(m.customers).Draw(rt, "customer")
}

func (m *supportMachine) agent(rt *rapid.T) *sAgent {
	return rapid.SampledFrom(m.agents).Draw(rt, "agent")
}

// live says whether a's assistance goes on, begun or asked for.
func (m *supportMachine) live(a *sAgent) bool { return a.open != nil && a.open.expires.After(m.now()) }

// acts says whether a acts for somebody.
func (m *supportMachine) acts(a *sAgent) bool { return m.live(a) && a.open.began }

// ends lets go of what is open and of which of says so.
func (m *supportMachine) ends(of func(*sAssistance) bool) {
	for _, a := range m.agents {
		if a.open != nil && of(a.open) {
			a.open = nil
		}
	}
}

// as is the agent as their request knows them: in what they last did.
func (a *sAgent) as() models.Actor {
	by := a.actor
	if a.open != nil {
		by.Assistance = a.open.id
	}
	return by
}

func (m *supportMachine) check(rt *rapid.T) {
	m.step++
	for _, a := range m.agents {
		wanted := "nobody"
		mode := policy.NoAgent
		if m.acts(a) {
			if mode = policy.Look; a.open.canChange.After(m.now()) {
				mode = policy.Change
			}
			wanted = fmt.Sprint(a.open.of.actor.Customer, " ", mode)
		}
		for i, s := range m.stores {
			se, err := s.Session(rt.Context(), a.token)
			m.must(err)
			is := "nobody"
			if by := se.Actor(); by.Customer != 0 {
				is = fmt.Sprint(by.Customer, " ", by.Mode)
			}
			if is != wanted {
				rt.Fatalf("%s acts for %s in store %d, want %s", a.name, is, i, wanted)
			}
		}
		if a.open == nil {
			continue
		}
		// Whatever a request believes, its change goes by the row.
		by := a.as()
		by.Customer, by.Mode = a.open.of.actor.Customer, policy.Change
		err := second(m.store().DescribeAccounts(rt.Context(), by, a.open.of.domain, []string{a.open.of.local}, fmt.Sprint("step ", m.step)))
		if (err == nil) != (mode == policy.Change) {
			rt.Fatalf("%s changes something while %q: %v", a.name, mode, err)
		}
	}
}

// wait lets the agents' sessions go on, as if they had clicked meanwhile.
func (m *supportMachine) wait(rt *rapid.T) {
	m.w.Clock.Move(time.Duration(rapid.IntRange(1, 25).Draw(rt, "minutes")) * time.Minute)
	for _, a := range m.agents {
		m.w.Exec(m.t, "UPDATE sessions SET seen_at = $1, expires_at = $2, proved_at = $1 WHERE id = $3", m.now(), m.now().Add(24*time.Hour), a.actor.Session)
	}
}

func (m *supportMachine) openWindow(rt *rapid.T) {
	c, lasts, may := m.customer(rt), rapid.SampledFrom(models.Windows[:2]).Draw(rt, "lasts"), rapid.Bool().Draw(rt, "may change")
	m.must(m.store().OpenWindow(rt.Context(), c.actor, lasts, may))
	m.ends(func(x *sAssistance) bool { return x.of == c && x.by == models.ByWindow })
	c.window, c.windowMay = m.now().Add(lasts), may
}

func (m *supportMachine) makeCode(rt *rapid.T) {
	c, may := m.customer(rt), rapid.Bool().Draw(rt, "may change")
	code, until, err := m.store().MakeCode(rt.Context(), c.actor, may)
	m.must(err)
	c.digits, c.code, c.codeMay = code, until, may
}

func (m *supportMachine) withdraw(rt *rapid.T) {
	c := m.customer(rt)
	m.must(m.store().WithdrawConsent(rt.Context(), c.actor))
	m.ends(func(x *sAssistance) bool { return x.of == c && x.began })
	c.window, c.code = time.Time{}, time.Time{}
}

func (m *supportMachine) ask(rt *rapid.T) {
	a, c := m.agent(rt), m.customer(rt)
	m.w.Exec(m.t, "DELETE FROM throttles") // what bounds asking has tests of its own
	n := models.NewAssistance{Customer: c.name, Reason: "Filters do not file mail", Ticket: "TKT-1"}
	if c.digits != "" && rapid.Bool().Draw(rt, "with the code") {
		n.Code = c.digits
	}
	asked, err := m.store().AskAssistance(rt.Context(), a.actor, n)
	next := &sAssistance{of: c, began: true, expires: m.now().Add(models.AssistanceFor)}
	windowOpen, codeGood := c.window.After(m.now()), c.code.After(m.now())
	switch {
	case n.Code != "" && !codeGood:
		m.want("asking with a code that is good no more", err, "code: assistance.code.wrong")
		return
	case m.live(a):
		if err == nil {
			rt.Fatalf("%s asks for two at once", a.name)
		}
		return
	case n.Code != "":
		next.by, next.may = models.ByCode, c.codeMay
		c.code = time.Time{}
	case windowOpen:
		next.by, next.may = models.ByWindow, c.windowMay
		if c.window.Before(next.expires) {
			next.expires = c.window
		}
	default:
		next.by, next.began, next.expires = models.ByRequest, false, m.now().Add(models.RequestFor)
	}
	m.must(err)
	next.id = asked.ID
	a.open = next
}

func (m *supportMachine) accept(rt *rapid.T) {
	a, may := m.agent(rt), rapid.Bool().Draw(rt, "may change")
	if a.open == nil {
		return
	}
	waits := m.live(a) && !a.open.began
	err := m.store().AcceptAssistance(rt.Context(), a.open.of.actor, a.open.id, may)
	switch {
	case !waits && a.open.by == models.ByRequest:
		m.want("accepting what waits no more", err, ": consent.request_over")
		return
	case !waits:
		m.want("accepting what never waited", err, notFound)
		return
	}
	m.must(err)
	a.open.began, a.open.may, a.open.expires = true, may, m.now().Add(models.AssistanceFor)
}

func (m *supportMachine) stop(rt *rapid.T) {
	a := m.agent(rt)
	if a.open == nil {
		return
	}
	m.must(m.store().StopAssistance(rt.Context(), a.open.of.actor, a.open.id))
	a.open = nil
}

func (m *supportMachine) raise(rt *rapid.T) {
	a := m.agent(rt)
	err := m.store().RaiseAssistance(rt.Context(), a.as())
	switch {
	case !m.acts(a):
		m.want("raising what does not go on", err, models.ErrAssistanceEnded.Error())
	case !a.open.may:
		m.want("raising without leave", err, ": assistance.refused.look")
	default:
		m.must(err)
		if a.open.canChange = m.now().Add(models.ChangeFor); a.open.expires.Before(a.open.canChange) {
			a.open.canChange = a.open.expires
		}
	}
}

func (m *supportMachine) renew(rt *rapid.T) {
	a := m.agent(rt)
	err := m.store().RenewAssistance(rt.Context(), a.as())
	switch {
	case !m.acts(a):
		m.want("renewing what does not go on", err, models.ErrAssistanceEnded.Error())
	case a.open.renewed:
		m.want("renewing twice", err, ": assistance.refused.renewed")
	case a.open.by == models.ByWindow && !a.open.of.window.After(a.open.expires):
		m.want("renewing beyond the window", err, ": assistance.refused.window")
	default:
		m.must(err)
		a.open.renewed = true
		if a.open.expires = a.open.expires.Add(models.AssistanceFor); a.open.by == models.ByWindow && a.open.of.window.Before(a.open.expires) {
			a.open.expires = a.open.of.window
		}
	}
}

func (m *supportMachine) end(rt *rapid.T) {
	a := m.agent(rt)
	m.must(m.store().EndAssistance(rt.Context(), a.as()))
	a.open = nil
}

func (m *supportMachine) signIn(rt *rapid.T) {
	a := m.agent(rt)
	se, err := m.store().Session(rt.Context(), a.token)
	m.must(err)
	m.must(m.store().SignOut(rt.Context(), se))
	a.actor, a.token = m.w.Agent(m.t, a.name, models.RoleAgent)
	a.open = nil
}

func (m *supportMachine) stopAll(rt *rapid.T) {
	m.must(second(m.store().StopAssistances(rt.Context(), "")))
	m.ends(func(*sAssistance) bool { return true })
	for _, c := range m.customers {
		c.window, c.code = time.Time{}, time.Time{}
	}
}
