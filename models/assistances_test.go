package models_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// asks is what an agent types, with a code or none.
func asks(customer, code string) models.NewAssistance {
	return models.NewAssistance{Customer: customer, Reason: modelstest.Reason, Ticket: modelstest.Ticket, Code: code}
}

func (w *world) support(t testing.TB) models.Actor {
	t.Helper()
	a, _ := w.Agent(t, cast.Sam, models.RoleAgent)
	return a
}

// redescribe is a change that an agent may make, with the mode read anew.
func (w *world) redescribe(t testing.TB, by models.Actor, text string) error {
	t.Helper()
	return second(w.Store.DescribeAccounts(t.Context(), by, cast.Garrigue, []string{"rh"}, text))
}

func TestAnAgentLooksFirstAndChangesByASecondStep(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Look)
		a := got[*models.Access](t)(w.Store.Service(ctx, sam, cast.Garrigue))
		if !a.May(policy.SeeService) || a.May(policy.DescribeAccount) || a.Standing.Owner {
			t.Errorf("%+v", a.Standing)
		}
		want(t, "changing while looking", w.redescribe(t, sam, "x"), forbidden(policy.DescribeAccount))
		sam.Mode = policy.Change // what a request believes is not what the verb goes by
		want(t, "changing by claim", w.redescribe(t, sam, "x"), forbidden(policy.DescribeAccount))
		want(t, "raising without leave", w.Store.RaiseAssistance(ctx, sam), ": assistance.refused.look")
		must(t, w.Store.EndAssistance(ctx, sam))

		sam = w.Acts(t, w.support(t), cast.Alice, policy.Change)
		w.told(t, cast.Garrigue)
		must(t, w.redescribe(t, sam, "Par l’assistance"))
		events, _, err := w.Store.History(ctx, w.Alice, got[*models.Access](t)(w.Store.Service(ctx, w.Alice, cast.Garrigue)), models.HistoryQuery{})
		must(t, err)
		if e := events[0]; e.Actor != cast.Alice || e.Agent != cast.Sam || e.Kind != "account.changed" {
			t.Errorf("the history has %+v", e)
		}
		for what, err := range map[string]error{
			"deleting an address": w.Store.DeleteAccount(ctx, sam, cast.Garrigue, "rh", "rh"),
			"setting a password":  w.Store.SetAccountPassword(ctx, sam, cast.Garrigue, "rh", "citron-brume-1987"),
			"sending mail out":    second(w.Store.CreateRedirection(ctx, sam, cast.Garrigue, models.NewRedirection{Local: "out", Targets: "x@else.example"})),
		} {
			if o := outcome(err); !strings.HasPrefix(o, "forbidden: ") && o != "to: redirection.to.outside" {
				t.Errorf("%s: %v", what, err)
			}
		}
		w.Clock.Move(models.ChangeFor)
		want(t, "after the time for changes", w.redescribe(t, sam, "y"), forbidden(policy.DescribeAccount))
		must(t, w.Store.RaiseAssistance(ctx, sam))
		must(t, w.redescribe(t, sam, "z"))
	})
}

func TestAnAgentActsOnNothingButWhatTheCustomerOwns(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.Acts(t, w.support(t), cast.Bruno, policy.Change) // who holds all of Garrigue, and owns nothing
		for _, domain := range []string{cast.Garrigue, cast.Velos, "nobody.example"} {
			_, err := w.Store.Service(ctx, sam, domain)
			want(t, domain, err, notFound)
		}
		want(t, "an address of what was shared", w.redescribe(t, sam, "x"), notFound)
		for what, list := range map[string]func(models.Actor) (*models.ServiceList, error){
			"shared": func(by models.Actor) (*models.ServiceList, error) {
				return w.Store.SharedServices(ctx, by, models.ServiceQuery{})
			},
			"owned": func(by models.Actor) (*models.ServiceList, error) {
				return w.Store.OwnServices(ctx, by, models.ServiceQuery{})
			},
		} {
			if l := got[*models.ServiceList](t)(list(sam)); len(l.Items) > 0 {
				t.Errorf("%s: %+v", what, l.Items)
			}
		}
		id := int64(w.Int(t, "SELECT id FROM grants WHERE kind = 'service'"))
		_, err := w.Store.Grant(ctx, sam, id)
		want(t, "a grant that the customer holds", err, notFound)
		_, err = w.Store.Resign(ctx, sam, id)
		want(t, "resigning it", err, notFound)
	})
}

func TestWithoutConsentThereIsOnlyARequest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		agent := w.support(t)
		acting := func(a *models.Assistance) models.Actor {
			by := agent
			by.Customer, by.Assistance, by.Mode = a.CustomerID, a.ID, policy.Look
			return by
		}
		a := got[*models.Assistance](t)(w.Store.AskAssistance(ctx, agent, asks(cast.David, "")))
		if a.BeganAt != nil || !a.Waits(w.Store.Now()) {
			t.Fatalf("%+v", a)
		}
		want(t, "acting before the answer", w.Store.RaiseAssistance(ctx, acting(a)), assistanceEnded)
		want(t, "another customer's answer", w.Store.AcceptAssistance(ctx, w.Alice, a.ID, true), notFound)
		want(t, "the agent's own answer", w.Store.AcceptAssistance(ctx, agent, a.ID, true), notFound)
		want(t, "a second one at a time", second(w.Store.AskAssistance(ctx, agent, asks(cast.Emma, ""))), assisting)
		must(t, w.Store.AcceptAssistance(ctx, w.David, a.ID, false))
		must(t, second(w.Store.Service(ctx, acting(a), cast.Velos)))
		want(t, "more than was accepted", w.Store.RaiseAssistance(ctx, acting(a)), ": assistance.refused.look")
		want(t, "a second answer", w.Store.AcceptAssistance(ctx, w.David, a.ID, true), notFound)
		must(t, w.Store.EndAssistance(ctx, acting(a)))
		must(t, w.Store.EndAssistance(ctx, acting(a))) // ending always works

		a = got[*models.Assistance](t)(w.Store.AskAssistance(ctx, agent, asks(cast.David, "")))
		must(t, w.Store.StopAssistance(ctx, w.David, a.ID))
		want(t, "after a refusal", w.Store.RaiseAssistance(ctx, acting(a)), assistanceEnded)

		a = got[*models.Assistance](t)(w.Store.AskAssistance(ctx, agent, asks(cast.David, "")))
		w.Clock.Move(models.RequestFor)
		want(t, "an answer that comes too late", w.Store.AcceptAssistance(ctx, w.David, a.ID, true), notFound)
		want(t, "a fourth request within an hour", second(w.Store.AskAssistance(ctx, agent, asks(cast.David, ""))), "customer: assistance.refused.often")
		w.Clock.Move(time.Hour)
		a = got[*models.Assistance](t)(w.Store.AskAssistance(ctx, agent, asks(cast.David, ""))) // the lapsed one is closed on the way
		must(t, w.Store.EndAssistance(ctx, agent))
		want(t, "an answer to what was withdrawn", w.Store.AcceptAssistance(ctx, w.David, a.ID, true), notFound)
		if n := w.Int(t, "SELECT count(*) FROM assistances WHERE ended_why IN ('agent', 'refused', 'time', 'withdrawn')"); n != 4 {
			t.Errorf("%d ends are told", n)
		}
	})
}

func TestACodeIsGoodOnceForTenMinutesAndFiveTries(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		agent := w.support(t)
		code := func() string {
			c, _, err := w.Store.MakeCode(ctx, w.David, true)
			must(t, err)
			if len(c) != 8 {
				t.Fatalf("the code %q", c)
			}
			w.Shown = append(w.Shown, c)
			return c
		}
		other := func(c string) string { // one that is wrong for certain
			return c[:7] + string('0'+(c[7]-'0'+1)%10)
		}
		good := code()
		want(t, "of another customer", second(w.Store.AskAssistance(ctx, agent, asks(cast.Emma, good))), "code: assistance.code.wrong")
		want(t, "too short", second(w.Store.AskAssistance(ctx, agent, asks(cast.David, good[:7]))), "code: assistance.code.shape")
		for range 4 {
			want(t, "a wrong one", second(w.Store.AskAssistance(ctx, agent, asks(cast.David, other(good)))), "code: assistance.code.wrong")
		}
		a := got[*models.Assistance](t)(w.Store.AskAssistance(ctx, agent, asks(cast.David, good[:4]+" "+good[4:])))
		if a.Consent != models.ByCode || !a.MayChange || a.BeganAt == nil {
			t.Errorf("%+v", a)
		}
		must(t, w.Store.EndAssistance(ctx, agent))
		want(t, "a second time", second(w.Store.AskAssistance(ctx, agent, asks(cast.David, good))), "code: assistance.code.wrong")

		good = code()
		for range 5 {
			want(t, "a wrong one", second(w.Store.AskAssistance(ctx, agent, asks(cast.David, other(good)))), "code: assistance.code.wrong")
			w.Clock.Move(time.Minute) // past what slows the agent down
		}
		want(t, "the right one after five wrong ones", second(w.Store.AskAssistance(ctx, agent, asks(cast.David, good))), "code: assistance.code.wrong")

		good = code()
		w.Clock.Move(models.CodeFor)
		want(t, "after ten minutes", second(w.Store.AskAssistance(ctx, agent, asks(cast.David, good))), "code: assistance.code.wrong")
		old := code()
		good = code()
		if old != good {
			want(t, "one that a newer replaced", second(w.Store.AskAssistance(ctx, agent, asks(cast.David, old))), "code: assistance.code.wrong")
		}
		if n := w.Int(t, "SELECT count(*) FROM consents WHERE code_hash IS NOT NULL"); n != 1 {
			t.Errorf("%d codes are kept", n)
		}
		if n := w.Int(t, "SELECT count(*) FROM events WHERE CAST(detail AS text) LIKE '%"+good+"%'"); n != 0 {
			t.Error("the history has the code")
		}
	})
}

func TestWhoTriesManyCodesIsSlowed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		agent := w.support(t)
		var throttled models.Throttled
		for i := range 12 {
			_, err := w.Store.AskAssistance(t.Context(), agent, asks(cast.David, fmt.Sprintf("%08d", i)))
			if errors.As(err, &throttled) {
				return
			}
			want(t, "a guess", err, "code: assistance.code.wrong")
		}
		t.Error("twelve guesses cost nothing")
	})
}

func TestAnAssistanceEndsInEveryWayAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		lead, _ := w.Agent(t, "lou-lead", models.RoleLead)
		for _, c := range []struct {
			why string
			end func(a models.Actor) error
		}{
			{"agent", func(a models.Actor) error { return w.Store.EndAssistance(ctx, a) }},
			{"customer", func(a models.Actor) error { return w.Store.StopAssistance(ctx, w.Alice, a.Assistance) }},
			{"consent", func(models.Actor) error { return w.Store.WithdrawConsent(ctx, w.Alice) }},
			{"consent", func(models.Actor) error { return w.Store.OpenWindow(ctx, w.Alice, time.Hour, true) }},
			{"consent", func(models.Actor) error {
				return w.Store.ChangePassword(ctx, w.Alice, cast.Password, cast.Password+" 2")
			}},
			{"operator", func(models.Actor) error { return second(w.Store.StopAssistances(ctx, "")) }},
			{"operator", func(models.Actor) error { return second(w.Store.StopAssistances(ctx, cast.Alice)) }},
			{"lead", func(a models.Actor) error { return w.Store.EndOther(ctx, lead, a.Assistance) }},
			{"signed_out", func(a models.Actor) error {
				return w.Store.SignOut(ctx, &models.Session{ID: a.Session, AgentID: a.Agent})
			}},
			{"time", func(models.Actor) error { w.Clock.Move(models.AssistanceFor); return nil }},
			{"signed_out", func(a models.Actor) error {
				w.Exec(t, fmt.Sprintf("DELETE FROM sessions WHERE id = %d", a.Session))
				return nil
			}},
			{"role", func(models.Actor) error { return w.Store.RemoveAgent(ctx, cast.Sam) }}, // the last: nobody is Sam after it
		} {
			sam := w.Acts(t, w.support(t), cast.Alice, policy.Change)
			must(t, w.redescribe(t, sam, c.why+" before"))
			must(t, c.end(sam))
			want(t, c.why+": a change", w.redescribe(t, sam, c.why+" after"), assistanceEnded)
			if o := outcome(w.Store.RaiseAssistance(ctx, sam)); o != assistanceEnded && o != signedOut {
				t.Errorf("%s: a step up: %q", c.why, o)
			}
			must(t, w.Store.Sweep(ctx))
			if why := w.text(t, fmt.Sprintf("SELECT ended_why FROM assistances WHERE id = %d", sam.Assistance)); why != c.why {
				t.Errorf("it ended by %q, want %q", why, c.why)
			}
		}
		if n := w.Int(t, "SELECT count(*) FROM accounts WHERE description LIKE '%after'"); n != 0 {
			t.Error("something was changed after an end")
		}
	})
}

func TestTimesOfAnAssistance(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Change)
		w.Clock.Move(20 * time.Minute)
		must(t, w.Store.RenewAssistance(ctx, sam))
		want(t, "a second renewal", w.Store.RenewAssistance(ctx, sam), ": assistance.refused.renewed")
		w.Clock.Move(models.AssistanceFor - time.Second)
		must(t, w.Store.RaiseAssistance(ctx, sam))
		must(t, w.redescribe(t, sam, "x"))
		w.Clock.Move(time.Second)
		want(t, "half an hour after the renewal", w.redescribe(t, sam, "y"), assistanceEnded)
		must(t, w.Store.Sweep(ctx))

		must(t, w.Store.OpenWindow(ctx, w.Alice, time.Hour, true))
		w.Clock.Move(50 * time.Minute)
		a := got[*models.Assistance](t)(w.Store.AskAssistance(ctx, w.support(t), asks(cast.Alice, "")))
		if left := a.ExpiresAt.Sub(w.Store.Now()); left != 10*time.Minute {
			t.Errorf("it goes on for %v beyond the window", left)
		}
		must(t, w.Store.EndAssistance(ctx, models.Actor{Agent: a.AgentID}))
		for _, lasts := range []time.Duration{0, -time.Hour, 2 * time.Hour, 365 * 24 * time.Hour} {
			want(t, lasts.String(), w.Store.OpenWindow(ctx, w.Alice, lasts, true), "hours: consent.hours.unknown")
		}
	})
}

// Circles, nesting and oneself: staff are no targets, and nobody asks as somebody else.
func TestNobodyActsForStaff(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for id, customer := range map[string]string{"mia-support": cast.Emma, "noa-support": cast.David} {
			must(t, second(w.Store.AddAgent(ctx, models.NewAgent{Identifier: id, Name: id, Email: "a@mandat.example", Language: "fr", Role: "agent", Customer: customer})))
		}
		mia, _ := w.Agent(t, "mia-support", models.RoleAgent)
		must(t, w.Store.OpenWindow(ctx, w.Emma, time.Hour, true))
		must(t, w.Store.OpenWindow(ctx, w.David, time.Hour, true))
		want(t, "oneself", second(w.Store.AskAssistance(ctx, mia, asks(cast.Emma, ""))), "customer: assistance.refused.staff")
		want(t, "another agent", second(w.Store.AskAssistance(ctx, mia, asks(cast.David, ""))), "customer: assistance.refused.staff")
		want(t, "an agent by name", second(w.Store.AskAssistance(ctx, mia, asks(cast.Sam, ""))), "customer: customer.identifier.shape")
		want(t, "nobody", second(w.Store.AskAssistance(ctx, mia, asks("zz9999-mdt", ""))), "customer: assistance.refused.unknown")
		acting := w.Acts(t, mia, cast.Alice, policy.Change)
		want(t, "while acting", second(w.Store.AskAssistance(ctx, acting, asks(cast.Bruno, ""))), notFound)
		want(t, "as a customer", second(w.Store.AskAssistance(ctx, w.Alice, asks(cast.Bruno, ""))), notFound)
		want(t, "consent in the customer's name", w.Store.OpenWindow(ctx, acting, time.Hour, true), notFound)
		_, _, err := w.Store.MakeCode(ctx, acting, true)
		want(t, "a code in the customer's name", err, notFound)
		r := got[*models.GrantResult](t)(w.Store.DelegateAccount(ctx, acting, cast.Garrigue, "rh", request(0, cast.Emma, cast.Bruno)))
		if len(r.Given) != 1 || r.Given[0].Grantee != cast.Bruno || len(r.Refused) != 1 || r.Refused[0].Message.Key != "grant.refused.staff" {
			t.Errorf("given %+v, refused %+v", r.Given, r.Refused)
		}
		must(t, w.Store.RemoveAgent(ctx, "mia-support"))
		must(t, second(w.Store.DelegateAccount(ctx, w.Alice, cast.Garrigue, "paie", request(0, cast.Emma)))) // a customer like others, to the owner always
	})
}

func TestNothingOfTheCustomersOwnMoves(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.signIn(t, cast.Alice)
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Change)
		state := func() string {
			return w.text(t, `SELECT 'c ' || max(c.version) || ' s ' || (SELECT count(*) || ' ' || COALESCE(sum(length(se.user_agent)), 0) || COALESCE(max(CAST(se.seen_at AS text)), '') FROM sessions se WHERE se.customer_id IS NOT NULL)
				|| ' d ' || (SELECT count(*) || COALESCE(max(CAST(seen_at AS text)), '') FROM devices WHERE customer_id IS NOT NULL) || ' t ' || (SELECT COALESCE(sum(failures), 0) FROM throttles WHERE subject NOT LIKE '%agent%')
				|| ' g ' || (SELECT count(used_at) FROM grants) FROM customers c WHERE c.identifier = 'ad1001-mdt'`)
		}
		before := state()
		w.Clock.Move(5 * time.Minute)
		must(t, w.redescribe(t, sam, "x"))
		must(t, w.Store.NoteLooked(ctx, sam, "/services/garrigue.example"))
		want(t, "an unknown identifier", second(w.Store.DelegateAccount(ctx, sam, cast.Garrigue, "rh", request(0, "zz9999-mdt"))), done)
		if after := state(); after != before {
			t.Errorf("%s became %s", before, after)
		}
	})
}

func TestTheCustomerIsToldOfTheBeginningAndOfWhatWasChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Change)
		w.wantNoticed(t, "the beginning", "ad1001-mdt: assisting sam-support/", "ad1001-mdt: security ad1001-mdt consent.opened ad1001-mdt")
		list := w.Post.Notices()
		n := list[slices.IndexFunc(list, func(n *models.Notice) bool { return n.Parts[0].Assistance != nil })]
		if a := n.Parts[0].Assistance; a.Reason != modelstest.Reason || a.Ticket != modelstest.Ticket || a.Consent != models.ByWindow || !a.MayChange {
			t.Errorf("%+v", a)
		}
		must(t, w.redescribe(t, sam, "x"))
		must(t, w.Store.BlockAccount(ctx, sam, cast.Garrigue, "paie"))
		w.wantNoticed(t, "mail objects wait for the end")
		must(t, w.Store.NoteLooked(ctx, sam, "/services"))
		must(t, w.Store.NoteLooked(ctx, sam, "/services"))
		must(t, w.Store.EndAssistance(ctx, sam))
		n = w.wantNotice(t, "ad1001-mdt: assisted sam-support/ account.changed rh@garrigue.example account.blocked paie@garrigue.example")
		if a := n.Parts[0].Assistance; a.Changes != 2 || a.Pages != 1 || a.Why != models.AssistanceByAgent {
			t.Errorf("%+v", a)
		}
		if d := w.text(t, "SELECT CAST(detail AS text) FROM events WHERE kind = 'assistance.ended'"); !strings.Contains(d, `"/services"`) {
			t.Errorf("the history says %s", d)
		}
		v := got[*models.AssistanceView](t)(w.Store.Assistance(ctx, w.Alice, false, sam.Assistance))
		if len(v.Events) != 2 || len(v.Looked) != 1 || v.Looked[0] != (models.LookedPage{Path: "/services", Times: 2}) {
			t.Errorf("%+v %+v", v.Looked, v.Events)
		}
		for who, by := range map[string]models.Actor{"another customer": w.Bruno, "another agent": first(w.Agent(t, "mia-support", models.RoleAgent))} {
			_, err := w.Store.Assistance(ctx, by, false, sam.Assistance)
			want(t, who, err, notFound)
		}
	})
}

// Outcomes of an agent.
const (
	assistanceEnded = "the assistance has ended"
	assisting       = "one assistance at a time"
)

// text reads one text beside the store.
func (w *world) text(t testing.TB, query string) (text string) {
	t.Helper()
	must(t, w.SQL.QueryRowContext(t.Context(), query).Scan(&text))
	return text
}

func first[T, U any](v T, _ U) T { return v }

func TestAnEmergencyNeedsASecondAgentAndIsTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		agent := w.support(t)
		unheard := asks(cast.Alice, "")
		unheard.Emergency = true
		want(t, "without a lead", second(w.Store.AskAssistance(ctx, agent, unheard)), "emergency: assistance.emergency.unheard")
		w.Agent(t, "lou-lead", models.RoleLead)
		mia, _ := w.Agent(t, "mia-support", models.RoleAgent)
		n := asks(cast.Alice, "")
		n.Emergency = true
		must(t, w.Store.OpenWindow(ctx, w.Alice, time.Hour, true)) // does not make it less of an emergency
		a := got[*models.Assistance](t)(w.Store.AskAssistance(ctx, agent, n))
		if a.BeganAt != nil || a.Consent != models.ByEmergency {
			t.Fatalf("%+v", a)
		}
		want(t, "the customer's answer", w.Store.AcceptAssistance(ctx, w.Alice, a.ID, true), notFound)
		want(t, "one's own approval", w.Store.ApproveAssistance(ctx, agent, a.ID), ": assistance.refused.own")
		want(t, "a customer's approval", w.Store.ApproveAssistance(ctx, w.Bruno, a.ID), notFound)
		must(t, w.Store.ApproveAssistance(ctx, mia, a.ID))
		w.wantNoticed(t, "at once", "ad1001-mdt: assisting sam-support/", "ad1001-mdt: security ad1001-mdt consent.opened ad1001-mdt")
		want(t, "a second approval", w.Store.ApproveAssistance(ctx, mia, a.ID), notFound)
		must(t, w.Store.EndAssistance(ctx, agent))
	})
	t.Run("where none are allowed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, modelstest.OnPostgres(t))
		s := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now}))
		defer s.Close()
		n := asks(cast.Alice, "")
		n.Emergency = true
		want(t, "an emergency", second(s.AskAssistance(t.Context(), w.support(t), n)), "emergency: assistance.emergency.off")
	})
}

// "Support has access no more" is true of whatever it came in by: a code is used
// up, and an answer to a request is no consent that could be closed.
func TestClosingTheAccessEndsWhateverSupportDoes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, agent := t.Context(), w.support(t)
		w.Agent(t, "lou-lead", models.RoleLead)
		mia, _ := w.Agent(t, "mia-support", models.RoleAgent)
		must(t, w.Store.WithdrawConsent(ctx, w.Alice)) // the window of the cast
		for by, begin := range map[models.ConsentKind]func(){
			models.ByWindow: func() {
				must(t, w.Store.OpenWindow(ctx, w.Alice, time.Hour, false))
				must(t, second(w.Store.AskAssistance(ctx, agent, asks(cast.Alice, ""))))
			},
			models.ByCode: func() {
				code, _, err := w.Store.MakeCode(ctx, w.Alice, false)
				must(t, err)
				must(t, second(w.Store.AskAssistance(ctx, agent, asks(cast.Alice, code))))
			},
			models.ByRequest: func() {
				a := got[*models.Assistance](t)(w.Store.AskAssistance(ctx, agent, asks(cast.Alice, "")))
				must(t, w.Store.AcceptAssistance(ctx, w.Alice, a.ID, false))
			},
			models.ByEmergency: func() {
				n := asks(cast.Alice, "")
				n.Emergency = true
				a := got[*models.Assistance](t)(w.Store.AskAssistance(ctx, agent, n))
				must(t, w.Store.ApproveAssistance(ctx, mia, a.ID))
			},
		} {
			begin()
			must(t, w.Store.WithdrawConsent(ctx, w.Alice))
			if n := w.Int(t, "SELECT count(*) FROM assistances WHERE ended_at IS NULL"); n != 0 {
				t.Errorf("by %s: it goes on", by)
			}
			must(t, w.Store.EndAssistance(ctx, agent))
		}
		waits := got[*models.Assistance](t)(w.Store.AskAssistance(ctx, agent, asks(cast.Alice, "")))
		must(t, w.Store.WithdrawConsent(ctx, w.Alice))
		must(t, w.Store.StopAssistance(ctx, w.Alice, waits.ID)) // a request is no access: it waits for its answer
	})
}

// An emergency is loud when it begins too, not only when it was asked for.
func TestAnEmergencyThatNobodyHearsDoesNotBegin(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, agent := t.Context(), w.support(t)
		w.Agent(t, "lou-lead", models.RoleLead)
		mia, _ := w.Agent(t, "mia-support", models.RoleAgent)
		n := asks(cast.Alice, "")
		n.Emergency = true
		a := got[*models.Assistance](t)(w.Store.AskAssistance(ctx, agent, n))
		must(t, w.Store.SetAgentRole(ctx, "lou-lead", models.RoleAgent))
		must(t, w.Store.SetAgentRole(ctx, cast.Sam, models.RoleLead))
		want(t, "the only lead is the one who asks", w.Store.ApproveAssistance(ctx, mia, a.ID), "emergency: assistance.emergency.unheard")
		must(t, w.Store.SetAgentRole(ctx, cast.Sam, models.RoleAgent))
		want(t, "the last lead is none any more", w.Store.ApproveAssistance(ctx, mia, a.ID), "emergency: assistance.emergency.unheard")
		must(t, w.Store.SetAgentRole(ctx, "lou-lead", models.RoleLead))
		must(t, w.Store.ApproveAssistance(ctx, mia, a.ID))
	})
}

// A file that an agent sent is theirs for as long as they act: the customer
// does not see it, and nothing of it is done after the end.
func TestAFileOfAnAgentEndsWithTheAssistance(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Change)
		rows := []models.UploadRow{{Line: 2, Address: "par.support"}}
		id := w.upload(t, sam, models.UploadAccounts, rows)
		_, _, err := w.Store.Upload(ctx, w.Alice, cast.Garrigue, models.UploadAccounts, id)
		want(t, "the customer looks", err, notFound)
		must(t, second(w.Store.CreateUpload(ctx, w.Alice, cast.Garrigue, models.UploadAccounts, rows)))
		_, u, err := w.Store.Upload(ctx, sam, cast.Garrigue, models.UploadAccounts, id)
		must(t, err)
		if u.State != models.UploadReady {
			t.Fatalf("it is %s", u.State)
		}
		must(t, w.Store.ApplyUpload(ctx, sam, cast.Garrigue, models.UploadAccounts, id))
		must(t, w.Store.StopAssistance(ctx, w.Alice, sam.Assistance))
		must(t, w.Store.RunUpload(ctx, id))
		if state := w.text(t, fmt.Sprintf("SELECT state FROM uploads WHERE id = %d", id)); state != "failed" {
			t.Errorf("it is %s", state)
		}
		if n := w.Int(t, "SELECT count(*) FROM accounts WHERE local_part = 'par.support'"); n != 0 {
			t.Error("an address was made after the end")
		}
	})
}

func TestSupportFindsCustomers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.support(t)
		must(t, second(w.Store.AddCustomer(ctx, models.NewCustomer{Identifier: "zo2001-mdt", Name: "Zoé Élodie Dùrand", Email: "z@d.example", Language: "fr", TimeZone: "Europe/Paris"})))
		for typed, want := range map[string]string{
			"": "", "  ": "", "ad1001-mdt": cast.Alice, "AD1001": cast.Alice, "ad1": cast.Alice, "durand": cast.Alice + " zo2001-mdt", "elod dur": "zo2001-mdt", "Dùr": cast.Alice + " zo2001-mdt",
			cast.Velos: cast.David, "@" + cast.Velos: cast.David, "rh@" + cast.Garrigue: cast.Alice, "nobody.example": "", "%": "", "urand": "", "sam": "", "'": "", "du": "",
		} {
			list, more, err := w.Store.FindCustomers(ctx, sam, typed)
			must(t, err)
			var found []string
			for _, c := range list {
				found = append(found, c.Identifier)
			}
			if got := strings.Join(found, " "); got != want || more {
				t.Errorf("%q finds %q, want %q", typed, got, want)
			}
		}
		must(t, second(w.Store.DisableCustomer(ctx, "zo2001-mdt")))
		if list, _, err := w.Store.FindCustomers(ctx, sam, "durand"); err != nil || len(list) != 2 || list[0].Disabled || !list[1].Disabled {
			t.Errorf("%+v (%v)", list, err)
		}
		_, _, err := w.Store.FindCustomers(ctx, w.Alice, "durand")
		want(t, "a customer asks", err, notFound)
		name := "Alix Dupont"
		must(t, w.Store.ChangeProfile(ctx, w.Alice, models.Profile{Name: &name, Version: 1}))
		w.Exec(t, "DELETE FROM customer_words WHERE customer_id = (SELECT id FROM customers WHERE identifier = 'dn1004-mdt')")
		w.Exec(t, "UPDATE customers SET indexed = false WHERE identifier = 'dn1004-mdt'")
		must(t, w.Store.Sweep(ctx))
		for typed, want := range map[string]int{"alix": 1, "durand": 1, "nguyen": 1} {
			if list, _, err := w.Store.FindCustomers(ctx, sam, typed); err != nil || len(list) != want {
				t.Errorf("%q finds %+v (%v)", typed, list, err)
			}
		}
	})
}

// However many processes an agent asks, they look for customers so often only:
// the search and the form to act for somebody both tell who is there.
func TestAnAgentsSearchesAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		ctx, sam := t.Context(), w.support(t)
		mia, _ := w.Agent(t, "mia-support", models.RoleAgent)
		throttled := models.Throttled{}
		for range models.MaxSearches {
			must(t, third(w.Store.FindCustomers(ctx, sam, "durand")))
		}
		for range 3 { // and another try makes the wait no longer
			w.Clock.Move(time.Minute)
			_, _, err := w.Store.FindCustomers(ctx, sam, "nguyen")
			if !errors.As(err, &throttled) {
				t.Fatalf("one search more: %v", err)
			}
		}
		if throttled.Wait != models.SearchFor-3*time.Minute {
			t.Errorf("the wait is %v", throttled.Wait)
		}
		_, err := w.Store.AskAssistance(ctx, sam, models.NewAssistance{Customer: "zz9999-mdt", Reason: modelstest.Reason, Ticket: modelstest.Ticket})
		var bad models.Invalid
		if !errors.As(err, &bad) || bad["customer"][0].Key != "assistance.refused.searches" {
			t.Errorf("by the form one is told more: %v", err)
		}
		must(t, third(w.Store.FindCustomers(ctx, sam, ""))) // nothing was looked for
		must(t, third(w.Store.FindCustomers(ctx, mia, "durand")))
		w.Clock.Move(throttled.Wait + time.Second)
		must(t, third(w.Store.FindCustomers(ctx, sam, "durand")))
	})
}

func TestManyProcessesSearchNoMoreThanOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	other := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now}))
	defer other.Close()
	sam := w.support(t)
	var found atomic.Int32
	var all sync.WaitGroup
	for i := range models.MaxSearches + 20 {
		all.Go(func() {
			store := []*models.Store{w.Store, other}[i%2]
			if _, _, err := store.FindCustomers(t.Context(), sam, "durand"); err == nil {
				found.Add(1)
			}
		})
	}
	if all.Wait(); found.Load() != models.MaxSearches {
		t.Errorf("%d searches, want %d", found.Load(), models.MaxSearches)
	}
}

func TestThePagesOfAnAssistanceAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Look)
		for i := range 510 {
			must(t, w.Store.NoteLooked(t.Context(), sam, fmt.Sprintf("/p/%d", i)))
		}
		if n := w.Int(t, "SELECT count(*) FROM assistance_pages"); n != 501 { // one for all others
			t.Errorf("%d pages are kept", n)
		}
	})
}

// The end waits for what is being done, and after its answer nothing more is:
// in whatever process, since nothing but the row is asked.
func TestNothingIsDoneAfterTheEndOfAnAssistance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	other := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now}))
	defer other.Close()
	ctx := t.Context()
	ends := []func(a models.Actor) error{
		func(a models.Actor) error { return w.Store.StopAssistance(ctx, w.Alice, a.Assistance) },
		func(models.Actor) error { return second(w.Store.StopAssistances(ctx, "")) },
		func(a models.Actor) error {
			return w.Store.SignOut(ctx, &models.Session{ID: a.Session, AgentID: a.Agent})
		},
		func(models.Actor) error { return w.Store.WithdrawConsent(ctx, w.Alice) },
		func(models.Actor) error { return second(w.Store.SignOutPerson(ctx, cast.Sam)) },
		func(models.Actor) error { return second(w.Store.DisableCustomer(ctx, cast.Alice)) },
	}
	var late, done int
	for round := range 40 {
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Change)
		var mu sync.Mutex
		ended := false
		var wait sync.WaitGroup
		for i := range 3 {
			wait.Go(func() {
				for n := range 6 {
					mu.Lock()
					after := ended
					mu.Unlock()
					err := second(other.DescribeAccounts(ctx, sam, cast.Garrigue, []string{"rh"}, fmt.Sprintf("%d %d %d", round, i, n)))
					mu.Lock()
					if err == nil {
						done++
						if after {
							late++
						}
					} else if !errors.Is(err, models.ErrAssistanceEnded) {
						t.Errorf("round %d: %v", round, err)
					}
					mu.Unlock()
				}
			})
		}
		must(t, ends[round%len(ends)](sam))
		mu.Lock()
		ended = true
		mu.Unlock()
		wait.Wait()
		want(t, "afterwards", second(other.DescribeAccounts(ctx, sam, cast.Garrigue, []string{"rh"}, "after")), assistanceEnded)
		must(t, second(w.Store.EnableCustomer(ctx, cast.Alice)))
	}
	if late > 0 {
		t.Errorf("%d changes were made after an end had been answered", late)
	}
	t.Logf("%d changes were made before the ends", done)
	w.Holds(t)
}

// Two requests at once by one agent: one is had.
func TestOneAssistanceAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	agent := w.support(t)
	var wait sync.WaitGroup
	answers := make([]error, 8)
	for i := range answers {
		wait.Go(func() {
			answers[i] = second(w.Store.AskAssistance(t.Context(), agent, asks([]string{cast.Alice, cast.David}[i%2], "")))
		})
	}
	wait.Wait()
	slices.SortFunc(answers, func(a, b error) int { return map[bool]int{true: -1}[a == nil] })
	if answers[0] != nil || answers[1] == nil || !errors.Is(answers[1], models.ErrAssisting) {
		t.Errorf("%v", answers)
	}
	w.Holds(t)
}

// A lead is told of each week once, and of an emergency as it begins; whoever is none is told nothing.
func TestLeadsAreTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.Agent(t, "lou-lead", models.RoleLead)
		jobs := func() int { return w.Int(t, "SELECT count(*) FROM river_job WHERE kind = 'tell_lead'") }
		must(t, w.Store.Sweep(ctx)) // the week before the first start is nobody's
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Look)
		must(t, w.Store.EndAssistance(ctx, sam))
		must(t, w.Store.Sweep(ctx))
		if n := jobs(); n != 0 {
			t.Fatalf("%d jobs before a week is over", n)
		}
		w.Clock.Move(7 * 24 * time.Hour)
		must(t, w.Store.Sweep(ctx))
		must(t, w.Store.Sweep(ctx))
		if n := jobs(); n != 1 {
			t.Fatalf("%d jobs for a week", n)
		}
		n := asks(cast.Bruno, "")
		n.Emergency = true
		mia, _ := w.Agent(t, "mia-support", models.RoleAgent)
		a := got[*models.Assistance](t)(w.Store.AskAssistance(ctx, w.support(t), n))
		must(t, w.Store.ApproveAssistance(ctx, mia, a.ID))
		if n := jobs(); n != 2 {
			t.Fatalf("%d jobs with an emergency", n)
		}
	})
}

// Support gives nothing to staff by any way, and nobody more than it may do itself.
func TestSupportGivesNoMoreThanItMayDo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		must(t, second(w.Store.AddAgent(ctx, models.NewAgent{Identifier: "mia-support", Name: "Mia", Email: "a@mandat.example", Language: "fr", Role: "agent", Customer: cast.Emma})))
		soon := w.Store.Now().Add(24 * time.Hour)
		held := w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, &soon)
		over := w.delegate(t, w.Alice, cast.Garrigue, "paie", cast.Emma, 0, nil)
		must(t, second(w.Store.Revoke(ctx, w.Alice, over.ID)))
		mia, _ := w.Agent(t, "mia-support", models.RoleAgent)
		acting := w.Acts(t, mia, cast.Alice, policy.Change)
		for what, err := range map[string]error{
			"extending":   second(w.Store.ExtendGrant(ctx, acting, held.ID)),
			"changing":    second(w.Store.ChangeGrant(ctx, acting, held.ID, models.GrantTerms{Ticked: policy.Password, ExpiresAt: &soon, Version: 1})),
			"giving back": second(w.Store.Restore(ctx, acting, over.ID)),
		} {
			want(t, what, err, "grant: grant.refused.staff")
		}
		must(t, second(w.Store.Revoke(ctx, acting, held.ID)))
		r := got[*models.GrantResult](t)(w.Store.ShareService(ctx, acting, cast.Garrigue, request(policy.AllExtras, cast.David)))
		if x := r.Given[0].Extras; x != policy.Delegate {
			t.Errorf("the share has %v", x.Names())
		}
		had := int64(w.Int(t, "SELECT g.id FROM grants g JOIN customers c ON c.id = g.grantee_id WHERE c.identifier = 'bm1002-mdt' AND g.kind = 'service'"))
		g := got[*models.Grant](t)(w.Store.ChangeGrant(ctx, acting, had, models.GrantTerms{Ticked: policy.Password | policy.Forward, Note: "x", Version: 1}))
		if g.Extras != policy.Password|policy.Forward {
			t.Errorf("what it had became %v", g.Extras.Names())
		}
	})
}

// Consent is given and taken back under one lock: after its end nobody begins by it.
func TestNobodyBeginsByConsentThatHasEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	ctx := t.Context()
	agent := w.support(t)
	for range 25 {
		must(t, w.Store.OpenWindow(ctx, w.Alice, time.Hour, true))
		var wait sync.WaitGroup
		var began *models.Assistance
		wait.Go(func() { began, _ = w.Store.AskAssistance(ctx, agent, asks(cast.Alice, "")) })
		must(t, w.Store.WithdrawConsent(ctx, w.Alice))
		wait.Wait()
		if n := w.Int(t, "SELECT count(*) FROM assistances WHERE began_at IS NOT NULL AND ended_at IS NULL"); n != 0 {
			t.Fatalf("an assistance goes on after its consent was withdrawn: %+v", began)
		}
		must(t, w.Store.EndAssistance(ctx, agent))
		w.Clock.Move(30 * time.Minute) // past the bound on requests
	}
	w.Holds(t)
}
