package models_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// whileHeld runs one up to where it writes its events of no service, which is
// the last it does, then other, and lets both go on once other waits too, or has
// returned. Only PostgreSQL has two transactions at a time.
func (w *world) whileHeld(t *testing.T, one, other func() error) (outcomeOne, outcomeOther string) {
	t.Helper()
	conn := got[*pgx.Conn](t)(pgx.Connect(t.Context(), w.URL))
	defer conn.Close(context.Background())
	hold := got[pgx.Tx](t)(conn.Begin(t.Context()))
	must(t, second(hold.Exec(t.Context(), "SELECT panel.lock_system_chain()")))
	const waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
	a, b := make(chan string, 1), make(chan string, 1)
	go func() { a <- outcome(one()) }()
	w.eventually(t, "the first waits", waiting, 1)
	go func() { b <- outcome(other()) }()
	modelstest.Await(t, 10*time.Second, "the second waits, or has returned", func() bool {
		return len(b) == 1 || w.Int(t, waiting) == 2
	})
	must(t, hold.Rollback(t.Context()))
	return <-a, <-b
}

func TestAWindowThatIsJustOpenedClosesWithItsSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	ctx := t.Context()
	for name, end := range map[string]func(own models.Actor) error{
		"all other sessions":      func(own models.Actor) error { return second(w.Store.EndOtherSessions(ctx, own)) },
		"another password":        func(own models.Actor) error { return w.Store.ChangePassword(ctx, own, cast.Password, cast.Password) },
		"the operator's sign-out": func(models.Actor) error { return second(w.Store.SignOutPerson(ctx, cast.Alice)) },
		"the operator's reset":    func(models.Actor) error { return second(w.Store.ResetFactors(ctx, cast.Alice)) },
		"disabling":               func(models.Actor) error { return second(w.Store.DisableCustomer(ctx, cast.Alice)) },
	} {
		own, thief := w.form(t, w.signIn(t, cast.Alice).Session), w.form(t, w.signIn(t, cast.Alice).Session)
		opened, ended := w.whileHeld(t,
			func() error { return w.Store.OpenWindow(ctx, thief, 7*24*time.Hour, true) },
			func() error { return end(own) })
		if opened != done || ended != done {
			t.Errorf("%s: opening: %s; the end: %s", name, orDone(opened), orDone(ended))
		}
		if n := w.Int(t, "SELECT count(*) FROM consents WHERE ended_at IS NULL"); n != 0 {
			t.Errorf("%s: the window is open still", name)
		}
		must(t, second(w.Store.EnableCustomer(ctx, cast.Alice)))
	}
}

func TestTheSwitchStopsWhoeverIsJustBeginning(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	ctx := t.Context()
	var alice models.Actor
	for name, stop := range map[string]func() error{
		"for all":                  func() error { return second(w.Store.StopAssistances(ctx, "")) },
		"for the customer":         func() error { return second(w.Store.StopAssistances(ctx, cast.Alice)) },
		"by their closing":         func() error { return w.Store.WithdrawConsent(ctx, alice) },
		"by their becoming staff":  func() error { return w.Store.SetAgentCustomer(ctx, "noa-support", cast.Alice) },
		"by the operator's answer": func() error { return second(w.Store.SignOutPerson(ctx, cast.Alice)) },
	} {
		for _, kind := range []models.ConsentKind{models.ByWindow, models.ByCode, models.ByRequest} {
			w.Clock.Move(time.Hour) // one may ask only so often
			w.Agent(t, "noa-support", models.RoleAgent)
			must(t, w.Store.SetAgentCustomer(ctx, "noa-support", ""))
			sam := w.support(t)
			alice = w.signIn(t, cast.Alice).Session.Actor()
			var a *models.Assistance
			begin := func() (err error) {
				a, err = w.Store.AskAssistance(ctx, sam, asks(cast.Alice, ""))
				return err
			}
			switch kind {
			case models.ByWindow:
				must(t, w.Store.OpenWindow(ctx, alice, time.Hour, true))
			case models.ByCode:
				code, _, err := w.Store.MakeCode(ctx, alice, true)
				must(t, err)
				begin = func() (err error) {
					a, err = w.Store.AskAssistance(ctx, sam, asks(cast.Alice, code))
					return err
				}
			case models.ByRequest:
				must(t, begin())
				begin = func() error { return w.Store.AcceptAssistance(ctx, alice, a.ID, true) }
			}
			began, stopped := w.whileHeld(t, begin, stop)
			if began != done || stopped != done {
				t.Errorf("%s, %s: beginning: %s; the end: %s", name, kind, orDone(began), orDone(stopped))
			}
			sam.Assistance = a.ID
			want(t, name+", "+string(kind)+": a step up", w.Store.RaiseAssistance(ctx, sam), assistanceEnded)
			if n := w.Int(t, "SELECT (SELECT count(*) FROM consents WHERE ended_at IS NULL AND kind = 'code') + (SELECT count(*) FROM assistances WHERE ended_at IS NULL)"); n != 0 {
				t.Errorf("%s, %s: %d are left", name, kind, n)
			}
		}
	}
}

func TestNobodyBeginsAgainAfterTheSwitch(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Change)
		noa, _ := w.Agent(t, "noa-support", models.RoleAgent)
		must(t, second(w.Store.AskAssistance(ctx, noa, asks(cast.Bruno, ""))))
		code, _, err := w.Store.MakeCode(ctx, w.David, false)
		must(t, err)
		if n := got[int](t)(w.Store.StopAssistances(ctx, "")); n != 2 {
			t.Errorf("%d were ended, of one assistance and one request", n)
		}
		want(t, "a change", w.redescribe(t, sam, "after"), assistanceEnded)
		want(t, "by the code", second(w.Store.AskAssistance(ctx, sam.Self(), asks(cast.David, code))), "code: assistance.code.wrong")
		a := got[*models.Assistance](t)(w.Store.AskAssistance(ctx, sam.Self(), asks(cast.Alice, "")))
		if a.BeganAt != nil {
			t.Error("the window is open still")
		}
		if n := got[int](t)(w.Store.StopAssistances(ctx, cast.David)); n != 0 {
			t.Errorf("%d were ended of nobody's", n)
		}
		if n := got[int](t)(w.Store.StopAssistances(ctx, cast.Alice)); n != 1 {
			t.Errorf("%d were ended, of one request", n)
		}
		want(t, "nobody", second(w.Store.StopAssistances(ctx, "zz9999-mdt")), notFound)
	})
}

// What takes an account back from a thief takes back what the thief allowed.
func TestTheOperatorShutsSupportOutWithTheCustomersSessions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for name, end := range map[string]func() error{
			"signed out": func() error { return second(w.Store.SignOutPerson(ctx, cast.Alice)) },
			"reset":      func() error { return second(w.Store.ResetFactors(ctx, cast.Alice)) },
			"all": func() error {
				w.Exec(t, "DELETE FROM sessions WHERE customer_id IS NOT NULL")
				_, _, err := w.Store.SignOutAll(ctx, false)
				return err
			},
		} {
			sam := w.Acts(t, w.support(t), cast.Alice, policy.Change)
			must(t, w.redescribe(t, sam, name+" before"))
			must(t, end())
			want(t, name+": a change", w.redescribe(t, sam, name+" after"), assistanceEnded)
			a := got[*models.Assistance](t)(w.Store.AskAssistance(ctx, w.support(t), asks(cast.Alice, "")))
			if a.BeganAt != nil {
				t.Errorf("%s: the window is open still", name)
			}
			must(t, second(w.Store.StopAssistances(ctx, "")))
		}
	})
}

func TestTheContactAddressOfBeforeIsToldWhatSupportDoes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, second(w.Store.ConfirmContact(t.Context(), w.Emma, w.wants(t, w.Emma, emmaNew))))
		w.noticed(t)
		sam := w.Acts(t, w.support(t), cast.Emma, policy.Look)
		w.wantToldAt(t, "at the beginning", emmaNew+" assisting", emmaNew+" consent.opened", emmaOld+" assisting", emmaOld+" consent.opened")
		must(t, w.Store.EndAssistance(t.Context(), sam))
		w.wantToldAt(t, "at the end", emmaNew+" assisted", emmaOld+" assisted")
	})
}

func TestAnAgentsOwnAccountIsSaidLater(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Change)
		w.Agent(t, "noa-support", models.RoleAgent)
		want(t, "nobody", w.Store.SetAgentCustomer(ctx, "noa-support", "zz9999-mdt"), "customer: grant.refused.unknown")
		want(t, "nobody's", w.Store.SetAgentCustomer(ctx, "nia-support", cast.Alice), notFound)
		must(t, w.redescribe(t, sam, "before"))
		must(t, w.Store.SetAgentCustomer(ctx, "noa-support", cast.Alice))
		if n := w.Int(t, "SELECT count(*) FROM events WHERE kind = 'agent.changed' AND object = 'noa-support' AND actor_id IS NULL"); n != 1 {
			t.Errorf("%d events", n)
		}
		want(t, "for staff", w.redescribe(t, sam, "after"), assistanceEnded)
		want(t, "again", second(w.Store.AskAssistance(ctx, sam.Self(), asks(cast.Alice, ""))), "customer: assistance.refused.staff")
		must(t, w.Store.SetAgentCustomer(ctx, "noa-support", ""))
		must(t, second(w.Store.AskAssistance(ctx, sam.Self(), asks(cast.Alice, ""))))
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

// An event for each change, and none without.
func TestTwoWithdrawalsAtOnceAreOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	one, other := w.form(t, w.signIn(t, cast.Alice).Session), w.form(t, w.signIn(t, cast.Alice).Session)
	first, then := w.whileHeld(t,
		func() error { return w.Store.WithdrawConsent(t.Context(), one) },
		func() error { return w.Store.WithdrawConsent(t.Context(), other) })
	if first != done || then != done {
		t.Errorf("%s, %s", orDone(first), orDone(then))
	}
	if n := w.Int(t, "SELECT count(*) FROM events WHERE kind = 'consent.closed'"); n != 1 {
		t.Errorf("%d events of one window that closes", n)
	}
}

func TestWhoIsRemovedLeavesNoWayIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		max, _ := w.Agent(t, "max-support", models.RoleAgent)
		w.app(t, max)
		w.keys(t, max, 1)
		w.linked(t, "max-support", "m")
		link, _, err := w.Store.NewAgentPasswordLink(ctx, "max-support")
		must(t, err)
		must(t, w.Store.RemoveAgent(ctx, "max-support"))
		for _, table := range []string{"sessions", "sign_ins", "devices", "factors", "recovery_codes", "passkeys", "passkey_holders", "identities", "password_links"} {
			if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM %s WHERE agent_id = %d", table, max.Agent)); n != 0 {
				t.Errorf("%s: %d rows are left", table, n)
			}
		}
		want(t, "the link", w.Store.UsePasswordLink(ctx, link, goodPassword), oldLink)
		w.Agent(t, "mia-support", models.RoleAgent)
		w.linked(t, "mia-support", "m") // whom the provider knows by that name now
		want(t, "once more", w.Store.RemoveAgent(ctx, "max-support"), notFound)
	})
}

// Lists and pages of assistances are cut by who asks, whatever the routes say.
func TestAssistancesAreReadByWhoMay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.Acts(t, w.support(t), cast.Alice, policy.Look)
		mia, _ := w.Agent(t, "mia-support", models.RoleAgent)
		lou, _ := w.Agent(t, "lou-lead", models.RoleLead)
		read := func(state string) { // as if it waited for a second agent
			w.Exec(t, "UPDATE assistances SET "+state)
		}
		read("consent = 'emergency', began_at = NULL")
		defer read("consent = 'window', began_at = asked_at")
		for name, c := range map[string]struct {
			by               models.Actor
			listed, one, sos bool
		}{
			"its agent": {sam, true, true, false}, "another agent": {mia, false, false, true}, "a lead": {lou, true, true, true},
			"its customer": {w.Alice, false, true, false}, "another customer": {w.David, false, false, false}, "nobody": {models.Actor{}, false, false, false},
		} {
			list, _, err := w.Store.Assistances(ctx, c.by, models.AssistanceQuery{})
			must(t, err)
			_, err = w.Store.Assistance(ctx, c.by, sam.Assistance)
			waiting := got[[]models.Assistance](t)(w.Store.Emergencies(ctx, c.by))
			if (len(list) > 0) != c.listed || (err == nil) != c.one || (len(waiting) > 0) != c.sos {
				t.Errorf("%s: %d listed, one: %v, %d emergencies", name, len(list), err, len(waiting))
			}
		}
	})
}
