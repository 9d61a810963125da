package handlers_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/mandat/handlers"
	"example.org/mandat/handlers/oidc/oidctest"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

const raisePath = "/assistances/change"

// actsUnproved is an agent without password or app who acts for Alice, looking,
// and last proved who they are too long ago. have gives them what they have.
func (s *site) actsUnproved(t *testing.T, have func(v *visitor)) *visitor {
	t.Helper()
	const kim = "kim-support"
	agent, token := s.Agent(t, kim, models.RoleAgent)
	v := s.visit(t)
	v.carry(token)
	have(v)
	s.Acts(t, agent, cast.Alice, policy.Change)
	s.Exec(t, "UPDATE assistances SET change_until = NULL")
	s.Exec(t, "UPDATE sessions SET proved_at = $1 WHERE agent_id IS NOT NULL", s.Store.Now().Add(-time.Hour))
	return v
}

// wantRaised says that the agent may change things now, for the same customer
// and in the same session, and that none but theirs was touched.
func (s *site) wantRaised(t *testing.T, v *visitor, raised *answer) {
	t.Helper()
	if raised.status != http.StatusSeeOther || raised.location != "/services" {
		t.Errorf("raising: %d to %q: %s", raised.status, raised.location, raised.text("main"))
	}
	if banner := v.get("/services").text(".acting"); !strings.Contains(banner, cast.Alice) || strings.Contains(banner, "Step up") {
		t.Errorf("the banner says %q", banner)
	}
	if n := s.Int(t, "SELECT count(*) FROM assistances x JOIN sessions se ON se.id = x.session_id WHERE x.change_until IS NOT NULL AND x.ended_at IS NULL"); n != 1 {
		t.Errorf("%d assistances are raised", n)
	}
	if n := s.Int(t, "SELECT count(*) FROM assistance_pages WHERE path NOT LIKE '/services%'"); n != 0 {
		t.Errorf("%d pages of the agent's own are told to the customer", n)
	}
}

// What an agent may not open says whose it is; and a form whose assistance has
// ended says so, and where to ask for another.
func TestAnAgentReadsWhyAPageIsClosed(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		agent, token := s.Agent(t, "kim-support", models.RoleAgent)
		kim := s.visit(t)
		kim.carry(token)
		s.Acts(t, agent, cast.Alice, policy.Change)
		for path, heading := range map[string]string{
			"/profile/factors": "This page is about you", "/profile/sessions": "This page is about you",
			"/history": "This page is the customer’s own", "/profile": "This page is the customer’s own", "/profile/support": "This page is the customer’s own",
		} {
			if p := kim.get(path); p.status != http.StatusForbidden || p.text("h1") != heading || !strings.Contains(p.text(".acting"), cast.Alice) || p.form("/assistances/end") == nil {
				t.Errorf("%s: %d %s", path, p.status, p.text("body"))
			}
		}
		page := kim.get(contact)
		s.Exec(t, "UPDATE assistances SET ended_at = began_at, ended_why = 'customer'")
		p := kim.submit(page, contact, url.Values{"description": {"Too late"}}) // with the submission of then
		if p.status != http.StatusForbidden || p.text("h1") != "You no longer act for this customer" || p.Find("main .actions a").AttrOr("href", "") != "/assistances/new" {
			t.Errorf("%d %s", p.status, p.text("main"))
		}
		if p := kim.get(contact); p.text("h1") != "You act for nobody" {
			t.Errorf("%d %s", p.status, p.text("main"))
		}
	})
}

// Staff have no time zone of their own: they read the operator's, and while they
// act the customer's, whose days their forms end with. It is named then.
func TestAnAgentReadsTimesInAKnownZone(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		s := newSite(t, w, func(c *handlers.Config) { c.TimeZone = "America/Montreal" })
		agent, token := s.Agent(t, "kim-support", models.RoleAgent)
		kim := s.visit(t)
		kim.carry(token)
		began := s.Store.Now()
		clock := func(zone string) string {
			at, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			return began.In(at).Format("15:04")
		}
		if p := kim.get("/profile/sessions"); !strings.Contains(p.text("main"), clock("America/Montreal")) || strings.Contains(p.text(".foot"), "America/") {
			t.Errorf("%s: %s", clock("America/Montreal"), p.text("body"))
		}
		s.Acts(t, agent, cast.Alice, policy.Look)
		if p := kim.get("/services"); !strings.Contains(p.text(".foot"), "Times are the customer’s: Europe/Paris") {
			t.Errorf("%s", p.text(".foot"))
		}
		s.Exec(t, "UPDATE customers SET time_zone = 'America/Montreal'")
		if p := kim.get("/services"); strings.Contains(p.text(".foot"), "Times are") {
			t.Errorf("%s", p.text(".foot"))
		}
	})
}

func TestAnAgentWithOnlyAPasskeyRaisesByIt(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		var log modelstest.Log
		s := newSite(t, w, func(c *handlers.Config) {
			c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		})
		key, customers := s.authenticator(), s.authenticator()
		alice := s.as(t, cast.Alice)
		alice.addPasskey(customers, "Bureau")
		kim := s.actsUnproved(t, func(v *visitor) { v.addPasskey(key, "Desk") })

		page := kim.get(raisePath)
		if page.Find("#proof").Length() != 1 || page.Find("button#proof_passkey").Length() != 1 {
			t.Fatalf("%d: %s", page.status, page.text("main"))
		}
		if log := log.Take(); log != "" {
			t.Errorf("looking at the page logs %s", log)
		}
		if p := kim.submit(page, raisePath, nil); p.status != http.StatusUnprocessableEntity || p.Find("button#proof_passkey").Length() != 1 {
			t.Errorf("without a proof: %d %s", p.status, p.text("main"))
		}
		ask := func(v *visitor) []byte {
			return v.asked("/profile/proof/challenge", url.Values{"submission": {v.get("/services").submission()}})
		}
		if p := kim.submit(page, raisePath, url.Values{"proof_passkey": {customers.Get(t, ask(alice), nil)}}); p.status != http.StatusUnprocessableEntity {
			t.Errorf("by the customer's: %d", p.status)
		}
		before := cookieOf(t, kim, "mandat")
		s.wantRaised(t, kim, kim.submit(page, raisePath, url.Values{"proof_passkey": {key.Get(t, ask(kim), nil)}}))
		if cookieOf(t, kim, "mandat") == before {
			t.Error("the session has the reference of before the proof")
		}
	})
}

func TestAnAgentWithOnlyALinkRaisesByTheProvider(t *testing.T) {
	eachSignOn(t, nil, func(t *testing.T, s *site, real *oidctest.Provider) {
		s.linkWith(t, cast.Alice, "a", real)
		kim := s.actsUnproved(t, func(*visitor) { s.linkWith(t, "kim-support", "k", real) })
		page := kim.get(raisePath)
		link := page.Find(`.form a[href^="/profile/identities/proof"]`).AttrOr("href", "")
		proof := kim.get(link)
		if proof.status != http.StatusOK || !strings.Contains(proof.text(".acting"), cast.Alice) {
			t.Fatalf("%q: %d %s", link, proof.status, proof.text("body"))
		}
		for _, c := range []struct {
			claims oidctest.Claims
			says   string
		}{
			{oidctest.Claims{"sub": "k", "auth_time": s.Store.Now().Add(-time.Hour).Unix()}, "without asking who you are"},
			{oidctest.Claims{"sub": "a"}, "somebody else"},
			{oidctest.Claims{"sub": "nobody"}, "somebody else"},
		} {
			real.Is(c.claims)
			_, back := kim.depart(kim.get(link), "/session/oidc", real)
			a := kim.comeBack(back)
			if again := kim.follow(a); a.location != raisePath || again.Find("#proof").Length() != 1 || !strings.Contains(again.text(".message"), c.says) {
				t.Errorf("%v: leads to %q: %s", c.claims, a.location, again.text("main"))
			}
		}
		real.Is(oidctest.Claims{"sub": "k"})
		before := cookieOf(t, kim, "mandat")
		_, back := kim.depart(kim.get(link), "/session/oidc", real)
		a := kim.comeBack(back)
		if again := kim.follow(a); a.location != raisePath || again.Find("#proof").Length() != 0 {
			t.Fatalf("leads to %q: %s", a.location, again.text("main"))
		}
		if cookieOf(t, kim, "mandat") == before {
			t.Error("the session has the reference of before the proof")
		}
		s.wantRaised(t, kim, kim.submit(kim.get(raisePath), raisePath, nil))
	})
}
