package main

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// What an agent may do for a customer has ended, in whatever way, once that is
// answered: in the process that answered it and in the other one.

const described = garrigue + "/emails/rh"

// send sends a form as a page of one's own has it, and must be led on.
func (c *client) send(p *panel, page, path string, typed url.Values) {
	c.t.Helper()
	if status, body := c.post(p, path, c.form(p, page, typed)); status != http.StatusSeeOther {
		c.t.Errorf("%s: %d %s", path, status, body)
	}
}

func TestAnAssistanceEndsInEveryProcessAtOnce(t *testing.T) {
	w := modelstest.OnPostgres(t)
	settings := []string{"MANDAT_DATABASE_URL=" + w.URL}
	one, two := start(t, "serve", settings...), start(t, "serve", settings...)
	_, token := w.Agent(t, "lou-lead", models.RoleLead)
	lou := carrying(t, one, token)
	ended := func(id int64) string { return fmt.Sprintf("/support/assistances/%d/end", id) }
	for _, way := range []struct {
		name  string
		end   func(agent, alice *client, id int64)
		after int // what the agent's pages answer then
	}{
		{"the agent", func(agent, _ *client, _ int64) { agent.send(one, "/services", "/assistances/end", nil) }, http.StatusForbidden},
		{"the customer's button", func(_, alice *client, id int64) {
			alice.send(one, "/services", fmt.Sprintf("/profile/support/%d/end", id), nil)
		}, http.StatusForbidden},
		{"closing the window", func(_, alice *client, _ int64) { alice.send(one, "/profile/support", "/profile/support/end", nil) }, http.StatusForbidden},
		{"ending all sessions", func(_, alice *client, _ int64) { alice.send(one, "/profile/sessions", "/profile/sessions/end", nil) }, http.StatusForbidden},
		{"another password", func(_, alice *client, _ int64) {
			const next = "un chemin sous les platanes"
			alice.send(one, "/profile/password", "/profile/password", url.Values{"current": {cast.Password}, "password": {next}, "password_again": {next}})
		}, http.StatusForbidden},
		{"a lead", func(_, _ *client, id int64) { lou.send(one, "/support", ended(id), nil) }, http.StatusForbidden},
		{"assistance stop --customer", func(_, _ *client, _ int64) { operate(t, w.URL, "assistance stop --customer "+cast.Alice) }, http.StatusForbidden},
		{"assistance stop --all", func(_, _ *client, _ int64) { operate(t, w.URL, "assistance stop --all") }, http.StatusForbidden},
		{"signing out", func(agent, _ *client, _ int64) { agent.send(one, "/services", "/session/end", nil) }, http.StatusSeeOther},
		{"agent sign-out", func(_, _ *client, _ int64) { operate(t, w.URL, "agent sign-out "+cast.Sam) }, http.StatusSeeOther},
		{"agent remove", func(_, _ *client, _ int64) { operate(t, w.URL, "agent remove "+cast.Sam) }, http.StatusSeeOther}, // the last: nobody is Sam after it
	} {
		sam, token := w.Agent(t, cast.Sam, models.RoleAgent)
		id := w.Acts(t, sam, cast.Alice, policy.Change).Assistance
		agent, alice := carrying(t, one, token), begun(t, w.SQL, one, cast.Alice)
		for _, p := range []*panel{one, two} {
			if _, body := agent.get(p, "/services"); !strings.Contains(body, `class="acting"`) || !strings.Contains(body, cast.Alice) {
				t.Errorf("%s: before, the agent's page has no banner", way.name)
			}
			if _, body := alice.get(p, "/services"); !strings.Contains(body, `class="acting"`) || !strings.Contains(body, cast.Sam) {
				t.Errorf("%s: before, the customer's page has no banner", way.name)
			}
		}
		late := url.Values{"description": {way.name + " too late"}}
		forms := map[*panel]url.Values{one: agent.form(one, described, late), two: agent.form(two, described, late)}

		stop := agent.keepDescribing(two, way.name)
		way.end(agent, alice, id)
		after := descriptionOf(t, w)
		refused := atOnce(
			func() int { status, _ := agent.post(one, described, forms[one]); return status },
			func() int { status, _ := agent.post(two, described, forms[two]); return status },
		)
		if refused != [2]int{way.after, way.after} {
			t.Errorf("%s: forms that were open are answered %v, want %d", way.name, refused, way.after)
		}
		for _, p := range []*panel{one, two} {
			for _, path := range []string{"/services", garrigue, described, "/assistances/change"} {
				if status, body := agent.get(p, path); status != way.after || strings.Contains(body, `class="acting"`) {
					t.Errorf("%s: %s answers the agent %d", way.name, path, status)
				}
			}
			if status, body := alice.get(p, "/services"); status != http.StatusOK || strings.Contains(body, `class="acting"`) {
				t.Errorf("%s: the customer is answered %d, with the banner or without", way.name, status)
			}
		}
		stop()
		if now := descriptionOf(t, w); now != after || !strings.HasPrefix(now, way.name) {
			t.Errorf("%s: the description was %q at the answer, and is %q", way.name, after, now)
		}
		if n := w.Int(t, "SELECT count(*) FROM assistances WHERE ended_at IS NULL"); n != 0 {
			t.Errorf("%s: %d assistances are open", way.name, n)
		}
	}
}

// keepDescribing has an agent change the address over and over, once at least,
// until the answer is called.
func (c *client) keepDescribing(p *panel, text string) (stop func()) {
	over, began := make(chan struct{}), make(chan struct{})
	var uses sync.WaitGroup
	uses.Go(func() {
		for i := 0; ; i++ {
			c.post(p, described, c.formIfAny(p, described, url.Values{"description": {fmt.Sprintf("%s %d", text, i)}}))
			if i == 0 {
				close(began)
			}
			select {
			case <-over:
				return
			default:
			}
		}
	})
	<-began
	return func() {
		close(over)
		uses.Wait()
	}
}

func descriptionOf(t *testing.T, w *modelstest.World) (text string) {
	t.Helper()
	if err := w.SQL.QueryRowContext(t.Context(), "SELECT description FROM accounts WHERE address = $1", "rh@"+cast.Garrigue).Scan(&text); err != nil {
		t.Fatal(err)
	}
	return text
}

// A lead who is made an agent ends nobody's assistance from then on, in any process.
func TestALeadIsOneInEveryProcessOrInNone(t *testing.T) {
	w := modelstest.OnPostgres(t)
	settings := []string{"MANDAT_DATABASE_URL=" + w.URL}
	one, two := start(t, "serve", settings...), start(t, "serve", settings...)
	_, token := w.Agent(t, "lou-lead", models.RoleLead)
	lou := carrying(t, one, token)
	sam, _ := w.Agent(t, cast.Sam, models.RoleAgent)
	page := fmt.Sprintf("/support/assistances/%d", w.Acts(t, sam, cast.Alice, policy.Look).Assistance)
	first, second := lou.form(one, page, nil), lou.form(two, page, nil)
	operate(t, w.URL, "agent set lou-lead --role agent")
	got := atOnce(
		func() int { status, _ := lou.post(one, page+"/end", first); return status },
		func() int { status, _ := lou.post(two, page+"/end", second); return status },
	)
	if got != [2]int{http.StatusNotFound, http.StatusNotFound} {
		t.Errorf("ending another's assistance: %v", got)
	}
	operate(t, w.URL, "agent set lou-lead --role lead")
	lou.send(two, page, page+"/end", nil)
	if n := w.Int(t, "SELECT count(*) FROM assistances WHERE ended_why = 'lead'"); n != 1 {
		t.Errorf("%d assistances were ended by a lead", n)
	}
}

// The embedded database is of one process: the commands wait until the panel has
// stopped, and what they ended has ended when it is started again.
func TestWhatACommandEndsOnTheEmbeddedDatabaseStaysEnded(t *testing.T) {
	w := modelstest.OnSQLite(t)
	agents := map[string]string{} // the sessions of those who act, by whom they act for
	for identifier, customer := range map[string]string{"kim-support": cast.Alice, "max-support": cast.Bruno, "noa-support": cast.David} {
		agent, token := w.Agent(t, identifier, models.RoleAgent)
		w.Acts(t, agent, customer, policy.Look)
		agents[customer] = token
	}
	_, lead := w.Agent(t, "lou-lead", models.RoleLead)
	of := w.Int(t, "SELECT max(x.id) FROM assistances x JOIN customers c ON c.id = x.customer_id WHERE c.identifier = $1", cast.David)
	if err := w.Store.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(strings.TrimPrefix(w.URL, "sqlite:"))
	settings := []string{"MANDAT_DATA_DIR=" + dir}
	getenv := env("MANDAT_DATA_DIR", dir, "MANDAT_LOG_LEVEL", "error")

	before := start(t, "serve", settings...)
	for customer, token := range agents {
		if status, body := carrying(t, before, token).get(before, "/services"); status != http.StatusOK || !strings.Contains(body, customer) {
			t.Errorf("before, who acts for %s is answered %d", customer, status)
		}
	}
	for _, args := range []string{"assistance stop --all", "agent remove max-support", "agent set lou-lead --role agent"} {
		call{args: args, status: 1, err: "stop the panel first"}.check(t, getenv)
	}
	before.stop(t)
	call{args: "assistance stop --customer " + cast.Alice, out: "Ended: 1."}.check(t, getenv)
	call{args: "agent remove max-support", out: "acts for nobody"}.check(t, getenv)
	call{args: "agent set lou-lead --role agent", out: "Agent lou-lead"}.check(t, getenv)

	after := start(t, "serve", settings...)
	for customer, want := range map[string]int{cast.Alice: http.StatusForbidden, cast.Bruno: http.StatusSeeOther, cast.David: http.StatusOK} {
		if status, _ := carrying(t, after, agents[customer]).get(after, "/services"); status != want {
			t.Errorf("who acted for %s is answered %d, want %d", customer, status, want)
		}
	}
	lou := carrying(t, after, lead)
	if status, _ := lou.post(after, fmt.Sprintf("/support/assistances/%d/end", of), lou.form(after, "/support", nil)); status != http.StatusNotFound {
		t.Errorf("who is no lead any more ends an assistance: %d", status)
	}
	after.stop(t)
	call{args: "assistance stop --all", out: "Ended: 1."}.check(t, getenv)
}
