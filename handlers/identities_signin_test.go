package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/mandat/handlers"
	"example.org/mandat/handlers/oidc"
	"example.org/mandat/handlers/oidc/oidctest"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

func TestWhoIsLinkedSignsInWithTheProvider(t *testing.T) {
	eachSignOn(t, nil, func(t *testing.T, s *site, real *oidctest.Provider) {
		s.linkWith(t, cast.Alice, "f81d4fae", real)
		real.Is(oidctest.Claims{"sub": "f81d4fae", "preferred_username": "alice"})
		v := s.visit(t)
		page := v.get("/sign-in?next=/services?status=owned")
		if text := page.text("button"); !strings.Contains(text, "Sign in with Garrigue ID") {
			t.Fatal(text)
		}
		sent := v.submit(page, "/session/oidc", nil)
		cookie := strings.Join(sent.header.Values("Set-Cookie"), "\n")
		if !strings.HasPrefix(cookie, "mandat-oidc=") || !strings.Contains(cookie, "SameSite=Strict") || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "Path=/") || !strings.Contains(cookie, "Max-Age=600") {
			t.Errorf("cookie %s", cookie)
		}
		a := v.comeBack(second(v.depart(page, "/session/oidc", real)))
		if a.status != http.StatusSeeOther || a.location != "/services?status=owned" {
			t.Fatalf("%d %s\n%s", a.status, a.location, a.text("main"))
		}
		if p := v.get("/profile"); p.status != http.StatusOK || !strings.Contains(p.text("main"), cast.Alice) {
			t.Errorf("%d %s", p.status, p.text("main"))
		}
		if n := s.Int(t, "SELECT count(*) FROM sessions se JOIN identities i ON i.id = se.identity_id WHERE i.name = 'alice' AND i.used_at IS NOT NULL"); n != 1 {
			t.Errorf("%d sessions rest on the link", n)
		}
		if n := s.Int(t, "SELECT count(*) FROM identity_requests"); n != 0 {
			t.Errorf("%d are on their way still", n)
		}
	})
}

func second[A, B any](_ A, b B) B { return b }

func TestWhoIsNotLinkedIsToldWhatToDo(t *testing.T) {
	eachSignOn(t, nil, func(t *testing.T, s *site, real *oidctest.Provider) {
		real.Is(oidctest.Claims{"sub": "stranger", "preferred_username": cast.Alice, "email": "alice@cabinet-garrigue.example", "email_verified": true})
		v := s.visit(t)
		a := v.signOn(real, "/services")
		if a.status != http.StatusForbidden || a.text("h1") != "You are not linked yet" || a.location != "" {
			t.Errorf("%d %s", a.status, a.text("main"))
		}
		v.lang = "fr"
		if a := v.signOn(real, "/services"); a.text("h1") != "Vous n’êtes pas encore lié" {
			t.Errorf("%d %s", a.status, a.text("main"))
		}
		if n := s.Int(t, "SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM identities)"); n != 0 {
			t.Errorf("%d sessions and links", n)
		}
	})
}

func TestAClaimLinksAtTheFirstSignInAndNeverSomebodyElseLater(t *testing.T) {
	byName := func(c *oidc.Config, _ *handlers.SignOn) { c.Claim = "preferred_username" }
	eachSignOn(t, byName, func(t *testing.T, s *site, real *oidctest.Provider) {
		real.Is(oidctest.Claims{"sub": "first", "preferred_username": "AD1001-MDT"})
		if a := s.visit(t).signOn(real, "/profile"); a.location != "/profile" {
			t.Fatalf("%d %s", a.status, a.text("main"))
		}
		if n := s.Int(t, "SELECT count(*) FROM events WHERE kind = 'identity.linked' AND actor_id = subject_id AND object = 'ad1001-mdt'"); n != 1 {
			t.Errorf("%d events", n)
		}
		real.Is(oidctest.Claims{"sub": "second", "preferred_username": cast.Alice})
		if a := s.visit(t).signOn(real, "/profile"); a.status != http.StatusForbidden {
			t.Errorf("somebody else of that name: %d", a.status)
		}
		real.Is(oidctest.Claims{"sub": "first", "preferred_username": cast.Bruno})
		v := s.visit(t)
		if a := v.signOn(real, "/profile"); a.location != "/profile" || !strings.Contains(v.get("/profile").text("main"), cast.Alice) {
			t.Errorf("renamed there: %d %s", a.status, a.text("main"))
		}
		for _, claim := range []any{"zz9-mdt", "", "alice@garrigue.example", []string{cast.David}, nil, 7} {
			real.Is(oidctest.Claims{"sub": "third", "preferred_username": claim})
			if a := s.visit(t).signOn(real, "/profile"); a.status != http.StatusForbidden && a.status != http.StatusBadGateway {
				t.Errorf("%v: %d", claim, a.status)
			}
		}
		if n := s.Int(t, "SELECT count(*) FROM identities"); n != 1 {
			t.Errorf("%d links", n)
		}
	})
}

func TestOnlyThoseForWhomItIsSignInThatWay(t *testing.T) {
	agents := func(c *oidc.Config, s *handlers.SignOn) { s.Customers, c.Claim = false, "id" }
	eachSignOn(t, agents, func(t *testing.T, s *site, real *oidctest.Provider) {
		s.linkWith(t, cast.Alice, "f81d4fae", real)
		for _, claims := range []oidctest.Claims{{"sub": "f81d4fae"}, {"sub": "other", "id": cast.Bruno}} {
			real.Is(claims)
			if a := s.visit(t).signOn(real, ""); a.status != http.StatusForbidden {
				t.Errorf("%v: %d", claims, a.status)
			}
		}
		alice := s.as(t, cast.Alice)
		if a := alice.get("/profile/identities"); a.status != http.StatusNotFound || strings.Contains(alice.get("/profile").body, "/profile/identities") {
			t.Errorf("a customer is offered it: %d", a.status)
		}
	})
}

// Coming back changes nothing by itself, and works once, for the browser that
// left, for ten minutes.
func TestComingBackWorksOnceForWhoLeft(t *testing.T) {
	eachSignOn(t, nil, func(t *testing.T, s *site, real *oidctest.Provider) {
		s.linkWith(t, cast.Alice, "f81d4fae", real)
		real.Is(oidctest.Claims{"sub": "f81d4fae"})
		v := s.visit(t)
		_, back := v.depart(v.get("/sign-in"), "/session/oidc", real)
		was, asked := rowsOf(t, s.World), real.Asked("/token")
		for range 3 {
			v.get(back.RequestURI())
			s.visit(t).get(back.RequestURI())
		}
		was.wantSame(t, s.World, "looking at what came back")
		if real.Asked("/token") != asked {
			t.Error("a GET redeems the code")
		}

		refused := func(what string, a *answer) {
			t.Helper()
			if to := a.Find("main .actions a").AttrOr("href", ""); to != "/" {
				t.Errorf("%s: leads to %q", what, to)
			}
			if a.status != http.StatusUnprocessableEntity || !strings.Contains("This sign-in cannot be completed Cette connexion ne peut pas aboutir", a.text("h1")) || a.location != "" {
				t.Errorf("%s: %d %s", what, a.status, a.text("main"))
			}
		}
		refused("another browser", s.visit(t).comeBack(back))
		other := s.visit(t)
		other.depart(other.get("/sign-in"), "/session/oidc", real)
		refused("another browser that is on its way, too", other.comeBack(back))
		q := back.Query()
		for name, value := range map[string]string{"state": "x", "iss": "https://evil.example"} {
			changed := url.Values{"code": q["code"], "state": q["state"], "iss": q["iss"]}
			changed.Set(name, value)
			lured := s.visit(t)
			_, mine := lured.depart(lured.get("/sign-in"), "/session/oidc", real)
			refused("another "+name, lured.post("/session/oidc/callback", changed))
			if name == "state" {
				if a := lured.comeBack(mine); a.status != http.StatusSeeOther {
					t.Errorf("somebody who was lured here cannot go on: %d", a.status)
				}
			}
		}
		if a := v.comeBack(back); a.status != http.StatusSeeOther {
			t.Fatalf("%d %s", a.status, a.text("main"))
		}
		refused("again", v.comeBack(back))

		late := s.visit(t)
		_, back = late.depart(late.get("/sign-in"), "/session/oidc", real)
		s.Clock.Move(models.IdentityRequestFor + time.Second)
		refused("late", late.comeBack(back))
		if a := late.get("/session/oidc"); a.location != "/" {
			t.Errorf("the way there, late: %d %s", a.status, a.location)
		}
		twice := s.visit(t)
		page := twice.get("/sign-in")
		_, first := twice.depart(page, "/session/oidc", real)
		_, then := twice.depart(page, "/session/oidc", real)
		refused("the first of two tabs", twice.comeBack(first))
		if a := twice.comeBack(then); a.status != http.StatusSeeOther {
			t.Errorf("the second: %d", a.status)
		}
	})
}

func TestOfTwoWhoComeBackAtOnceOneIsIn(t *testing.T) {
	eachSignOn(t, nil, func(t *testing.T, s *site, real *oidctest.Provider) {
		s.linkWith(t, cast.Alice, "f81d4fae", real)
		real.Is(oidctest.Claims{"sub": "f81d4fae"})
		v := s.visit(t)
		_, back := v.depart(v.get("/sign-in"), "/session/oidc", real)
		form := formValues(v.get(back.RequestURI()).form("/session/oidc/callback"))
		cookie := cookieOf(t, v, "mandat-oidc")
		var all sync.WaitGroup
		var mu sync.Mutex
		in := 0
		for range 8 {
			all.Go(func() {
				if a := s.visit(t).post("/session/oidc/callback", form, "Cookie", "mandat-oidc="+cookie); a.status == http.StatusSeeOther {
					mu.Lock()
					defer mu.Unlock()
					in++
				}
			})
		}
		all.Wait()
		if in != 1 || s.Int(t, "SELECT count(*) FROM sessions") != 1 {
			t.Errorf("%d came in", in)
		}
	})
}

func TestWhatIsRefusedAtTheProviderIsAPage(t *testing.T) {
	eachSignOn(t, nil, func(t *testing.T, s *site, real *oidctest.Provider) {
		v := s.visit(t)
		for code, want := range map[string]struct {
			status  int
			heading string
		}{
			"access_denied":           {http.StatusForbidden, "The sign-in provider did not let you in"},
			"<script>alert(1)":        {http.StatusForbidden, "The sign-in provider did not let you in"},
			"temporarily_unavailable": {http.StatusServiceUnavailable, "The sign-in provider does not answer"},
		} {
			a := v.get("/session/oidc/callback?state=x&error=" + url.QueryEscape(code) + "&error_description=%3Cb%3Eread+this")
			if a.status != want.status || a.text("h1") != want.heading || strings.Contains(a.body, "read this") || strings.Contains(a.body, "alert(1)") || a.location != "" {
				t.Errorf("%s: %d %s", code, a.status, a.text("main"))
			}
		}
		for _, query := range []string{"", "code=x", "state=x", "code=x&code=y&state=x", "code=x&state=x&state=y", "code=x&state=x&iss=a&iss=b", "state=x&code=" + strings.Repeat("a", 5000)} {
			if a := v.get("/session/oidc/callback?" + query); a.status != http.StatusBadRequest {
				t.Errorf("%.40s: %d", query, a.status)
			}
		}
		for _, form := range []url.Values{{}, {"code": {"x"}}, {"code": {"x"}, "state": {"y"}, "error": {"z"}}, {"code": {strings.Repeat("a", 5000)}, "state": {"x"}}} {
			if a := v.post("/session/oidc/callback", form); a.status != http.StatusBadRequest && a.status != http.StatusUnprocessableEntity {
				t.Errorf("%.40v: %d", form, a.status)
			}
		}
	})
}

func TestAProviderThatIsAwayKeepsNobodyFromThePassword(t *testing.T) {
	eachSignOn(t, nil, func(t *testing.T, s *site, real *oidctest.Provider) {
		away := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
		real.Answers("/.well-known/openid-configuration", away)
		v := s.visit(t)
		sent := v.submit(v.get("/sign-in"), "/session/oidc", nil)
		if a := v.follow(sent); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.text("h1") != "The sign-in provider does not answer" || a.header.Get("Refresh") != "" {
			t.Errorf("%d %s", a.status, a.text("main"))
		}
		s.as(t, cast.Alice)
		real.Answers("/.well-known/openid-configuration", nil)
		s.Clock.Move(time.Minute)
		_, back := v.depart(v.get("/sign-in"), "/session/oidc", real)
		for answer, want := range map[*http.HandlerFunc]struct {
			status  int
			heading string
		}{
			ptr(away): {http.StatusServiceUnavailable, "The sign-in provider does not answer"},
			ptr(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }): {http.StatusBadGateway, "The sign-in provider is not set up right"},
		} {
			real.Answers("/token", *answer)
			if a := v.comeBack(back); a.status != want.status || a.text("h1") != want.heading {
				t.Errorf("%d %s", a.status, a.text("main"))
			}
			_, back = v.depart(v.get("/sign-in"), "/session/oidc", real)
		}
	})
}

func ptr(f http.HandlerFunc) *http.HandlerFunc { return &f }

func TestHowManyAreOnTheirWayIsBounded(t *testing.T) {
	eachSignOn(t, nil, func(t *testing.T, s *site, _ *oidctest.Provider) {
		s.Clock.Stop()
		for i := range 101 {
			a := s.visit(t).post("/session/oidc", nil)
			if want := map[bool]int{true: http.StatusSeeOther, false: http.StatusTooManyRequests}[i < 100]; a.status != want {
				t.Fatalf("after %d: %d", i, a.status)
			}
		}
		same := s.visit(t)
		s.Clock.Move(models.IdentityRequestFor + time.Second)
		if err := s.Store.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range 101 {
			if a := same.post("/session/oidc", nil); a.status != http.StatusSeeOther {
				t.Fatalf("one browser: %d", a.status)
			}
		}
		if n := s.Int(t, "SELECT count(*) FROM identity_requests"); n != 1 {
			t.Errorf("one browser is on its way %d times", n)
		}
	})
}

func TestASecondFactorIsAskedForAfterTheProvider(t *testing.T) {
	byMFA := func(c *oidc.Config, _ *handlers.SignOn) { c.Strong = oidc.Strong{{Name: "amr", Value: "mfa"}} }
	eachSignOn(t, byMFA, func(t *testing.T, s *site, real *oidctest.Provider) {
		s.Clock.Stop()
		_, codes := s.app(t, cast.David)
		s.linkWith(t, cast.David, "d", real)
		s.linkWith(t, cast.Sam, "s", real)
		real.Is(oidctest.Claims{"sub": "d", "amr": []string{"pwd"}})
		david := s.visit(t)
		a := david.signOn(real, "/profile")
		if !strings.HasPrefix(a.location, "/session/factor") {
			t.Fatalf("%d %s\n%s", a.status, a.location, a.text("main"))
		}
		if p := david.get("/profile"); p.status != http.StatusSeeOther {
			t.Errorf("in before the second factor: %d", p.status)
		}
		if a := david.submit(david.follow(a), "/session/factor", url.Values{"code": {codes[0]}}); a.location != "/profile" {
			t.Errorf("%d %s\n%s", a.status, a.location, a.text("main"))
		}
		real.Is(oidctest.Claims{"sub": "s"})
		if a := s.visit(t).signOn(real, ""); !strings.HasPrefix(a.location, "/session/factor") {
			t.Errorf("an agent: %d %s", a.status, a.location)
		}
		for subject, amr := range map[string]any{"d": []string{"pwd", "mfa"}, "s": "mfa"} {
			real.Is(oidctest.Claims{"sub": subject, "amr": amr})
			if a := s.visit(t).signOn(real, "/profile/identities"); a.location != "/profile/identities" {
				t.Errorf("%s with a second factor there: %d %s", subject, a.status, a.location)
			}
		}
		real.Is(oidctest.Claims{"sub": "d", "acr": "mfa"})
		if a := s.visit(t).signOn(real, ""); !strings.HasPrefix(a.location, "/session/factor") {
			t.Errorf("another claim of that value: %d %s", a.status, a.location)
		}
	})
}
