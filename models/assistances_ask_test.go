package models_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
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

func TestWithoutConsentThereIsOnlyARequest(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		agent := w.support(t)
		const over = ": consent.request_over"
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
		want(t, "a second answer", w.Store.AcceptAssistance(ctx, w.David, a.ID, true), over)
		must(t, w.Store.EndAssistance(ctx, acting(a)))
		must(t, w.Store.EndAssistance(ctx, acting(a))) // ending always works

		a = got[*models.Assistance](t)(w.Store.AskAssistance(ctx, agent, asks(cast.David, "")))
		must(t, w.Store.StopAssistance(ctx, w.David, a.ID))
		want(t, "after a refusal", w.Store.RaiseAssistance(ctx, acting(a)), assistanceEnded)

		a = got[*models.Assistance](t)(w.Store.AskAssistance(ctx, agent, asks(cast.David, "")))
		w.Clock.Move(models.RequestFor)
		want(t, "an answer that comes too late", w.Store.AcceptAssistance(ctx, w.David, a.ID, true), over)
		want(t, "a fourth request within an hour", second(w.Store.AskAssistance(ctx, agent, asks(cast.David, ""))), "customer: assistance.refused.often")
		w.Clock.Move(time.Hour)
		a = got[*models.Assistance](t)(w.Store.AskAssistance(ctx, agent, asks(cast.David, ""))) // the lapsed one is closed on the way
		must(t, w.Store.EndAssistance(ctx, agent))
		want(t, "an answer to what was withdrawn", w.Store.AcceptAssistance(ctx, w.David, a.ID, true), over)
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
		want(t, "while acting", second(w.Store.AskAssistance(ctx, acting, asks(cast.Bruno, ""))), assisting)
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
		w.wantNoticed(t, "when it is asked for", "ad1001-mdt: assisting sam-support/", "ad1001-mdt: security ad1001-mdt consent.opened ad1001-mdt")
		if n := w.Int(t, "SELECT count(*) FROM river_job WHERE kind = 'tell_lead'"); n != 1 {
			t.Errorf("%d leads hear of it, want 1", n)
		}
		want(t, "the customer's answer", w.Store.AcceptAssistance(ctx, w.Alice, a.ID, true), notFound)
		want(t, "one's own approval", w.Store.ApproveAssistance(ctx, agent, a.ID), ": assistance.refused.own")
		want(t, "a customer's approval", w.Store.ApproveAssistance(ctx, w.Bruno, a.ID), notFound)
		must(t, w.Store.ApproveAssistance(ctx, mia, a.ID))
		w.wantNoticed(t, "when it begins", "ad1001-mdt: assisting sam-support/")
		want(t, "a second approval", w.Store.ApproveAssistance(ctx, mia, a.ID), ": assistance.refused.over")
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
