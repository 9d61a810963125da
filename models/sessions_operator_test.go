package models_test

import (
	"fmt"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

func TestTheOperatorSignsOnePersonOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		secret, _ := w.app(t, w.Bruno)
		one := got[*models.SignedIn](t)(w.answer(t, w.wait(t, cast.Bruno), w.code(t, secret, 1)))
		pending := w.wait(t, cast.Bruno)
		alice := w.signIn(t, cast.Alice)
		if n := got[int64](t)(w.Store.SignOutPerson(t.Context(), cast.Bruno)); n != 1 {
			t.Errorf("%d sessions", n)
		}
		w.signedIn(t, "the session", one.Token, signedOut)
		w.signedIn(t, "somebody else's", alice.Token, done)
		w.Clock.Move(time.Minute)
		want(t, "the sign-in that waited", second(w.answer(t, pending, w.code(t, secret, 0))), models.ErrSignInEnded.Error())
		if got, want := w.lastEvent(t), `session.all_ended bm1002-mdt - - bm1002-mdt {"sessions":{"before":1}}`; got != want {
			t.Errorf("%s; want %s", got, want)
		}
		events := w.Int(t, "SELECT count(*) FROM events")
		if n := got[int64](t)(w.Store.SignOutPerson(t.Context(), cast.Bruno)); n != 0 || w.Int(t, "SELECT count(*) FROM events") != events {
			t.Errorf("%d sessions of none, or an event of nothing", n)
		}
		got[*models.SignedIn](t)(w.answer(t, w.wait(t, cast.Bruno), w.code(t, secret, 0)))
		want(t, "nobody", second(w.Store.SignOutPerson(t.Context(), "zz1-mdt")), notFound)
	})
}

func TestTheOperatorSignsAnAgentOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		agent, token := w.Agent(t, "tom-support", "agent")
		acting := w.Acts(t, agent, cast.Alice, policy.Change)
		must(t, w.redescribe(t, acting, "before"))
		sam := w.signIn(t, cast.Sam)
		if n := got[int64](t)(w.Store.SignOutPerson(t.Context(), "tom-support")); n != 1 {
			t.Errorf("%d sessions", n)
		}
		w.signedIn(t, "the agent", token, signedOut)
		w.signedIn(t, "another agent", sam.Token, done)
		want(t, "the assistance", w.redescribe(t, acting, "after"), models.ErrAssistanceEnded.Error())
		if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM assistances WHERE id = %d AND ended_why = 'operator'", acting.Assistance)); n != 1 {
			t.Error("the assistance does not say why it ended")
		}
	})
}

func TestTheOperatorSignsEverybodyOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		customers := []*models.SignedIn{w.signIn(t, cast.Alice), w.signIn(t, cast.Alice), w.signIn(t, cast.David)}
		w.app(t, w.Bruno)
		w.wait(t, cast.Bruno)
		sam := w.signIn(t, cast.Sam)
		people, sessions, err := w.Store.SignOutAll(t.Context(), false)
		must(t, err)
		if people != 3 || sessions != 3 {
			t.Errorf("%d customers, %d sessions", people, sessions)
		}
		for _, in := range customers {
			w.signedIn(t, in.Session.Identifier, in.Token, signedOut)
		}
		w.signedIn(t, "an agent", sam.Token, done)
		if n := w.Int(t, "SELECT count(*) FROM events WHERE kind = 'session.all_ended'"); n != 3 {
			t.Errorf("%d events", n)
		}
		if people, sessions, err = w.Store.SignOutAll(t.Context(), true); err != nil || people != 1 || sessions != 1 {
			t.Errorf("%d agents, %d sessions, %v", people, sessions, err)
		}
		w.signedIn(t, "an agent", sam.Token, signedOut)
		if people, sessions, err = w.Store.SignOutAll(t.Context(), false); err != nil || people+int(sessions) != 0 {
			t.Errorf("again: %d, %d, %v", people, sessions, err)
		}
	})
}

// Whoever signs in while they are shut out is not in afterwards.
func TestNobodySignsInWhileTheyAreDisabled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	w.cheap(t, cast.Emma)
	for range 5 {
		together(2, func(i int) string {
			if i == 0 {
				return outcome(second(w.Store.DisableCustomer(t.Context(), cast.Emma)))
			}
			return outcome(second(w.Store.SignIn(t.Context(), credentials(cast.Emma), "")))
		})
		if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM sessions WHERE customer_id = %d", w.Emma.Customer)); n != 0 {
			t.Fatalf("%d sessions of somebody who is disabled", n)
		}
		w.enable(t, cast.Emma)
		w.cheap(t, cast.Emma)
	}
}
