package handlers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"example.org/mandat/handlers"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// assistancesMatrix is the part about support: what customers allow it, and
// what is for staff alone, which looks to customers as what does not exist.
// Sam acts for nobody here; see [TestAgentsInTheMatrix] for those who do.
const assistancesMatrix = `
GET /profile/support
	-                                   200   200   200   200   200   403   in
POST /profile/support from /profile/support fill hours=8&mode=look writes consent.opened
	-                                   done  done  done  done  done  403   in
POST /profile/support/code from /profile/support fill mode=look writes consent.code_made
	-                                   acted acted acted acted acted 403   in
POST /profile/support/end from /profile/support writes consent.closed
	-                                   done  303   303   303   303   403   in
GET /profile/support/:id
	past                                200   404   404   404   404   403   in
	asked                               404   404   404   200   404   403   in
	none                                404   404   404   404   404   403   in
POST /profile/support/:id/acceptance from /profile/support fill mode=look writes assistance.began
	past                                404   404   404   404   404   403   in
	asked                               404   404   404   done  404   403   in
	emergency                           404   404   404   404   404   403   in
	none                                404   404   404   404   404   403   in
POST /profile/support/:id/refusal from /profile/support fill mode=look writes assistance.refused
	past                                303   404   404   404   404   403   in
	asked                               404   404   404   done  404   403   in
POST /profile/support/:id/end writes assistance.refused
	past                                303   404   404   404   404   403   in
	asked                               404   404   404   done  404   403   in

GET /support?q=durand
	-                                   404   404   404   404   404   200   in
GET /assistances/new?customer=bm1002-mdt
	-                                   404   404   404   404   404   200   in
POST /assistances from /assistances/new fill customer=bm1002-mdt&reason=Une+bonne+raison&ticket=T-1 writes assistance.asked
	-                                   404   404   404   404   404   done  in
POST /assistances from /assistances/new fill customer=ad1001-mdt&reason=Une+bonne+raison&ticket=T-1 writes assistance.began
	-                                   404   404   404   404   404   done  in
GET /assistances/change
	-                                   404   404   404   404   404   403   in
POST /assistances/change
	-                                   404   404   404   404   404   403   in
POST /assistances/renewal
	-                                   404   404   404   404   404   403   in
POST /assistances/end
	-                                   404   404   404   404   404   303   in
GET /support/assistances
	-                                   404   404   404   404   404   200   in
GET /support/assistances/:id
	past                                404   404   404   404   404   200   in
	asked                               404   404   404   404   404   404   in
	none                                404   404   404   404   404   404   in
POST /support/assistances/:id/approval from /support writes assistance.began
	emergency                           404   404   404   404   404   done  in
	asked                               404   404   404   404   404   404   in
	none                                404   404   404   404   404   404   in
POST /support/assistances/:id/end
	asked                               404   404   404   404   404   404   in
`

// ruledSupport is ruled for what is about support.
func ruledSupport(r handlers.Route, object string, by person) (verdict string, about bool) {
	of := map[string]string{"past": cast.Alice, "asked": cast.David}[object]
	open := map[string]bool{"asked": true}[object]
	switch {
	case r.Path == "/profile/support/:id" || r.Path == "/profile/support/:id/end" || r.Path == "/profile/support/:id/refusal":
		if by.identifier == cast.Sam {
			return "403", true
		}
		return either(of == by.identifier), true
	case strings.HasPrefix(r.Path, "/profile/support/:id"):
		if by.identifier == cast.Sam {
			return "403", true
		}
		return either(of == by.identifier && open), true
	case r.Policy.Class == policy.Lead:
		return "404", true
	case r.Policy.Class != policy.Staff:
		return "", false
	case by.identifier != cast.Sam:
		return "404", true
	case r.Path == "/assistances/change" || r.Path == "/assistances/renewal":
		return "403", true // acting for nobody
	case r.Path == "/support/assistances/:id":
		return either(object == "past"), true
	case strings.HasSuffix(r.Path, "/approval"):
		return either(object == "emergency"), true
	}
	return allowed, true
}

func either(yes bool) string {
	if yes {
		return allowed
	}
	return "404"
}

// putAssistances has a lead, Alice who lets support in, Sam done with an assistance for her,
// Mia waiting for David, and Noa for a second agent.
func putAssistances(t *testing.T, m *stage, w *modelstest.World) {
	t.Helper()
	ctx, s := t.Context(), w.Store
	sam, _ := w.Agent(t, cast.Sam, models.RoleAgent)
	past := w.Acts(t, sam, cast.Alice, policy.Look)
	if err := s.EndAssistance(ctx, past); err != nil {
		t.Fatal(err)
	}
	m.ids["past"] = past.Assistance
	w.Agent(t, "lou-lead", models.RoleLead) // who hears of emergencies
	for _, of := range []struct {
		name, agent, customer string
		emergency             bool
	}{{"asked", "mia-support", cast.David, false}, {"emergency", "noa-support", cast.Alice, true}} {
		agent, _ := w.Agent(t, of.agent, models.RoleAgent)
		a, err := s.AskAssistance(ctx, agent, models.NewAssistance{Customer: of.customer, Reason: modelstest.Reason, Ticket: modelstest.Ticket, Emergency: of.emergency})
		if err != nil {
			t.Fatal(err)
		}
		m.ids[of.name] = a.ID
	}
	lastLong(t, w)
}

// lastLong has what is open last for longer than the matrix takes.
func lastLong(t testing.TB, w *modelstest.World) {
	t.Helper()
	until := w.Store.Now().Add(24 * time.Hour)
	w.Exec(t, "UPDATE assistances SET expires_at = $1, change_until = CASE WHEN change_until IS NOT NULL THEN CAST($1 AS "+map[bool]string{true: "text", false: "timestamptz"}[w.Store.Embedded()]+") END WHERE ended_at IS NULL", until)
}

// A page that an agent looks at is named to the customer; what a page asks for
// by itself is not.
func TestThePagesThatAnAgentLooksAtAreKept(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		s := newSite(t, w)
		agent, token := w.Agent(t, cast.Sam, models.RoleAgent)
		w.Acts(t, agent, cast.Alice, policy.Look)
		v := s.visit(t)
		v.carry(token)
		for _, path := range []string{"/services", "/services/garrigue.example/emails?q=rh", "/services/garrigue.example/emails?q=paie", "/services/garrigue.example/emails/rh", "/services/garrigue.example/emails/nobody", "/profile"} {
			v.get(path)
		}
		got := strings.Join(texts(t, w, "SELECT path || ' ' || times FROM assistance_pages ORDER BY path"), ", ")
		if want := "/services 1, /services/garrigue.example/emails 2, /services/garrigue.example/emails/rh 1"; got != want {
			t.Errorf("kept are %s, want %s", got, want)
		}
	})
}

// What an agent may not do is absent: no page of theirs leads to one that is refused.
func TestNoLinkOfAnAgentIsRefused(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		s := newSite(t, w)
		for _, mode := range []policy.Mode{policy.Look, policy.Change} {
			agent, token := w.Agent(t, fmt.Sprintf("agent-%d", mode), models.RoleAgent)
			w.Acts(t, agent, cast.Alice, mode)
			v := s.visit(t)
			v.carry(token)
			seen, next := map[string]bool{}, []string{"/services"}
			for len(next) > 0 && len(seen) < 250 {
				path := next[0]
				next = next[1:]
				if seen[path] || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "/static/") {
					continue
				}
				seen[path] = true
				page := v.get(path)
				if page.status != http.StatusOK && page.status != http.StatusSeeOther {
					t.Errorf("mode %d: a page leads to %s, which answers %d", mode, path, page.status)
					continue
				}
				page.Find("a[href]").Each(func(_ int, a *goquery.Selection) {
					path, _, _ := strings.Cut(a.AttrOr("href", ""), "#")
					next = append(next, path)
				})
			}
			if len(seen) < 60 {
				t.Errorf("mode %d: only %d pages were seen", mode, len(seen))
			}
			if err := w.Store.EndAssistance(t.Context(), agent); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The banner is on every page, error pages and panels as well, and the title begins with it.
func TestTheBannerIsOnEveryPageOfAnAgent(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		s := newSite(t, w)
		agent, token := w.Agent(t, cast.Sam, models.RoleAgent)
		w.Acts(t, agent, cast.Alice, policy.Change)
		v := s.visit(t)
		v.carry(token)
		for _, path := range []string{"/services", "/services/garrigue.example", "/services/garrigue.example/emails", "/services/garrigue.example/emails/rh", "/services/garrigue.example/grants", "/services/nobody.example", "/profile", "/support", "/no-such-page"} {
			page := v.get(path)
			if got := page.text(".acting"); !strings.Contains(got, cast.Alice) || !strings.Contains(got, modelstest.Ticket) {
				t.Errorf("%s: the banner says %q", path, got)
			}
			if title := page.text("title"); !strings.HasPrefix(title, "Acting for "+cast.Alice) {
				t.Errorf("%s: the title is %q", path, title)
			}
		}
		panel := v.get("/services/garrigue.example/emails/rh", "HX-Request", "true", "HX-Target", "dialog#panel")
		if !strings.Contains(panel.body, "Acting for "+cast.Alice) {
			t.Errorf("the panel does not say for whom: %s", panel.body)
		}
	})
}

// One search too many says so, how long to wait, and keeps what was typed.
func TestOneSearchTooManyKeepsWhatWasTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		sam := s.as(t, cast.Sam)
		s.Exec(t, "INSERT INTO throttles (subject, failures, since, last_at) SELECT 'searches:agent:' || id, 60, $1, $1 FROM agents WHERE identifier = $2", s.Store.Now(), cast.Sam)
		page := sam.get("/support?q=zo%C3%A9+%3Cb%3E")
		if value, _ := page.Find("#q").Attr("value"); page.status != http.StatusTooManyRequests || value != "zoé <b>" {
			t.Errorf("%d, and the box has %q", page.status, value)
		}
		if text := page.text("main"); !strings.Contains(text, "60 times within 10 minutes") || !strings.Contains(text, "Wait 10 minutes") {
			t.Errorf("it says %q", text)
		}
		if page.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		form := formValues(sam.get("/assistances/new?customer=" + cast.David).form("/assistances"))
		form.Set("reason", modelstest.Reason)
		form.Set("ticket", modelstest.Ticket)
		if refused := sam.post("/assistances", form); refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.body, modelstest.Reason) || !strings.Contains(refused.text("main"), "60 times within 10 minutes") {
			t.Errorf("%d: %s", refused.status, refused.text("main"))
		}
	})
}

// An assistance is lived through the pages: found, asked for, accepted, used, ended.
func TestAnAssistanceFromTheRequestToTheEnd(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		s := newSite(t, w)
		_, token := w.Agent(t, cast.Sam, models.RoleAgent)
		sam, david := s.visit(t), s.as(t, cast.David)
		sam.carry(token)
		if page := sam.get("/support?q=nguyen"); !strings.Contains(page.text("main"), cast.David) {
			t.Fatalf("he is not found: %s", page.text("main"))
		}
		page := sam.get("/assistances/new?customer=" + cast.David)
		form := formValues(page.form("/assistances"))
		form.Set("reason", "short")
		if refused := sam.post("/assistances", form); refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.body, "short") {
			t.Fatalf("%d", refused.status)
		}
		form = formValues(sam.get("/assistances/new?customer=" + cast.David).form("/assistances"))
		form.Set("reason", modelstest.Reason)
		form.Set("ticket", modelstest.Ticket)
		if asked := sam.post("/assistances", form); asked.status != http.StatusSeeOther {
			t.Fatalf("%d: %s", asked.status, asked.text("main"))
		}
		if page := sam.get("/services/nguyen-velos.example"); page.status != http.StatusForbidden {
			t.Errorf("before the answer: %d", page.status)
		}
		if banner := david.get("/services").text(".acting"); !strings.Contains(banner, cast.Sam) {
			t.Fatalf("the customer's banner says %q", banner)
		}
		consent := david.get("/profile/support")
		id := w.Int(t, "SELECT max(id) FROM assistances")
		accept := formValues(consent.form(fmt.Sprintf("/profile/support/%d/acceptance", id)))
		accept.Set("mode", "change")
		if a := david.post(fmt.Sprintf("/profile/support/%d/acceptance", id), accept); a.status != http.StatusSeeOther {
			t.Fatalf("%d: %s", a.status, a.text("main"))
		}
		if page := sam.get("/services/nguyen-velos.example/emails/hello"); page.status != http.StatusOK || page.form("/services/nguyen-velos.example/emails/hello") != nil {
			t.Errorf("looking: %d, and a form to change", page.status)
		}
		raise := formValues(sam.get("/assistances/change").form("/assistances/change"))
		if a := sam.post("/assistances/change", raise); a.status != http.StatusSeeOther {
			t.Fatalf("%d: %s", a.status, a.text("main"))
		}
		page = sam.get("/services/nguyen-velos.example/emails/hello")
		change := formValues(page.form("/services/nguyen-velos.example/emails/hello"))
		change.Set("description", "By support")
		if a := sam.post("/services/nguyen-velos.example/emails/hello", change); a.status != http.StatusSeeOther {
			t.Fatalf("%d: %s", a.status, a.text("main"))
		}
		stale := formValues(sam.get("/services/nguyen-velos.example/emails/hello").form("/services/nguyen-velos.example/emails/hello"))
		stale.Set("description", "Too late")
		stop := formValues(david.get("/services").form(fmt.Sprintf("/profile/support/%d/end", id)))
		if a := david.post(fmt.Sprintf("/profile/support/%d/end", id), stop); a.status != http.StatusSeeOther {
			t.Fatalf("%d: %s", a.status, a.text("main"))
		}
		if a := sam.post("/services/nguyen-velos.example/emails/hello", stale); a.status != http.StatusForbidden {
			t.Errorf("after the end: %d", a.status)
		}
		if banner := sam.get("/support").text(".acting"); banner != "" {
			t.Errorf("the banner stays: %q", banner)
		}
		if a := sam.post("/assistances/end", formValues(sam.get("/support").form("/session/end"))); a.status != http.StatusSeeOther { // ending always works
			t.Errorf("ending what has ended: %d", a.status)
		}
		if history := david.get("/history").text("main"); !strings.Contains(history, cast.Sam) {
			t.Errorf("the history says %s", history)
		}
		what := david.get(fmt.Sprintf("/profile/support/%d", id)).text("main")
		for _, want := range []string{"/services/nguyen-velos.example/emails/hello", "hello@nguyen-velos.example", modelstest.Reason} {
			if !strings.Contains(what, want) {
				t.Errorf("what was done does not name %s: %s", want, what)
			}
		}
	})
}

// A code is shown once, and lets in whoever is told it.
func TestACodeIsReadOutAndLetsIn(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		s := newSite(t, w)
		_, token := w.Agent(t, cast.Sam, models.RoleAgent)
		sam, emma := s.visit(t), s.as(t, cast.Emma)
		sam.carry(token)
		form := formValues(emma.get("/profile/support").form("/profile/support/code"))
		shown := emma.post("/profile/support/code", form)
		code := shown.text(".identifier b")
		if shown.status != http.StatusOK || len(code) != 9 {
			t.Fatalf("%d, the code %q", shown.status, code)
		}
		again := emma.post("/profile/support/code", form)
		if again.status != http.StatusSeeOther {
			t.Errorf("the same form once more: %d", again.status)
		}
		if strings.Contains(emma.get("/profile/support").body, code) {
			t.Error("the code is shown a second time")
		}
		ask := formValues(sam.get("/assistances/new?customer=" + cast.Emma).form("/assistances"))
		ask.Set("reason", modelstest.Reason)
		ask.Set("ticket", modelstest.Ticket)
		ask.Set("code", code)
		if a := sam.post("/assistances", ask); a.status != http.StatusSeeOther || a.location != "/services" {
			t.Errorf("%d to %s: %s", a.status, a.location, a.text("main"))
		}
		w.Clock.Move(31 * time.Minute)
		if a := sam.get("/services"); a.status != http.StatusForbidden && a.status != http.StatusSeeOther {
			t.Errorf("after half an hour: %d", a.status)
		}
	})
}
