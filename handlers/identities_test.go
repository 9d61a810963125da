package handlers_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/mandat/handlers"
	"example.org/mandat/handlers/oidc"
	"example.org/mandat/handlers/oidc/oidctest"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/views"
)

// signsOn lets a site's people sign in with a provider; set says what is unusual.
func signsOn(real *oidctest.Provider, set func(c *oidc.Config, s *handlers.SignOn)) func(*handlers.Config) {
	return func(cfg *handlers.Config) {
		c := oidc.Config{
			Issuer: real.Issuer, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, Label: "Garrigue ID",
			Redirect: cfg.Origin.JoinPath(views.IdentityAnswerPath).String(), Home: cfg.Origin.JoinPath(views.SignInPath).String(), Now: cfg.Store.Now,
		}
		cfg.SignOn = &handlers.SignOn{Customers: true, Agents: true}
		if set != nil {
			set(&c, cfg.SignOn)
		}
		cfg.SignOn.Provider = oidc.New(c)
	}
}

// eachSignOn runs a test on the panel with each database, beside a provider.
func eachSignOn(t *testing.T, set func(*oidc.Config, *handlers.SignOn), fn func(t *testing.T, s *site, real *oidctest.Provider)) {
	t.Helper()
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		real := oidctest.Serve(t, w.Store.Now)
		fn(t, newSite(t, w, signsOn(real, set)), real)
	})
}

// depart follows the button of a page to the provider, and gives the address
// there and the one to which the provider leads back.
func (v *visitor) depart(page *answer, action string, real *oidctest.Provider) (there string, back *url.URL) {
	v.t.Helper()
	way := v.follow(v.submit(page, action, nil))
	there, _ = strings.CutPrefix(way.header.Get("Refresh"), "0; url=")
	if way.status != http.StatusOK || there == "" || way.Find("main a.button").AttrOr("href", "") != there {
		v.t.Fatalf("%d, leads to %q\n%s", way.status, there, way.text("main"))
	}
	return there, real.Visit(v.t, there)
}

// comeBack goes where the provider led, and on.
func (v *visitor) comeBack(back *url.URL) *answer {
	v.t.Helper()
	page := v.get(back.RequestURI())
	if page.status != http.StatusOK {
		return page
	}
	return v.post("/session/oidc/callback", formValues(page.form("/session/oidc/callback")), "Referer", v.site.url+back.RequestURI())
}

// signOn signs in with the provider.
func (v *visitor) signOn(real *oidctest.Provider, next string) *answer {
	v.t.Helper()
	_, back := v.depart(v.get(views.SignInTo(next)), "/session/oidc", real)
	return v.comeBack(back)
}

func (s *site) linkWith(t testing.TB, identifier, subject string, real *oidctest.Provider) {
	t.Helper()
	if _, err := s.Store.AddIdentity(t.Context(), identifier, real.Issuer, subject); err != nil {
		t.Fatal(err)
	}
}

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

func TestPeopleLinkThemselvesFromTheirProfile(t *testing.T) {
	eachSignOn(t, nil, func(t *testing.T, s *site, real *oidctest.Provider) {
		alice := s.as(t, cast.Alice)
		alice.lang = "en"
		s.Clock.Move(models.ProofFor + time.Minute)
		const at = "/profile/identities"
		if !strings.Contains(alice.get("/profile").body, at) {
			t.Error("the profile does not lead there")
		}
		real.Is(oidctest.Claims{"sub": "f81d4fae", "preferred_username": "alice.d"})
		if a := alice.submit(alice.get(at), at, nil); a.status != http.StatusUnprocessableEntity || a.Find("#proof").Length() != 1 || a.header.Get("Set-Cookie") != "" {
			t.Fatalf("without a proof: %d %s", a.status, a.text("main"))
		}
		sent := alice.submit(alice.get(at), at, url.Values{"proof": {cast.Password}})
		if sent.location != "/session/oidc" {
			t.Fatalf("%d %s", sent.status, sent.text("main"))
		}
		there := strings.TrimPrefix(alice.follow(sent).header.Get("Refresh"), "0; url=")
		back := real.Visit(t, there)

		bruno := s.as(t, cast.Bruno)
		bruno.client.Jar.SetCookies(back, []*http.Cookie{{Name: "mandat-oidc", Path: "/", Value: cookieOf(t, alice, "mandat-oidc")}})
		if a := bruno.comeBack(back); a.status != http.StatusUnprocessableEntity || s.Int(t, "SELECT count(*) FROM identities") != 0 {
			t.Errorf("in another session: %d", a.status)
		}
		_, back = alice.depart(alice.get(at), at, real)
		a := alice.comeBack(back)
		if a.location != at {
			t.Fatalf("%d %s", a.status, a.text("main"))
		}
		if p := alice.follow(a); !strings.Contains(p.text("main"), "alice.d") || !strings.Contains(p.text(".message"), "Garrigue ID") || p.form(at) != nil {
			t.Error(p.text("main"))
		}
		if n := s.Int(t, "SELECT count(*) FROM events WHERE kind = 'identity.linked' AND object = 'ad1001-mdt'"); n != 1 {
			t.Errorf("%d events", n)
		}
		if a := s.visit(t).signOn(real, "/profile"); a.location != "/profile" {
			t.Errorf("signing in by it: %d", a.status)
		}
		_, back = bruno.depart(bruno.get(at), at, real)
		if a := bruno.comeBack(back); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.text(".errors"), "somebody else") && !strings.Contains(a.text(".errors"), "quelqu’un d’autre") {
			t.Errorf("what is Alice's: %d %s", a.status, a.text("main"))
		}
	})
}

func TestALinkEndsWithWhatRestsOnIt(t *testing.T) {
	eachSignOn(t, nil, func(t *testing.T, s *site, real *oidctest.Provider) {
		s.linkWith(t, cast.Alice, "f81d4fae", real)
		real.Is(oidctest.Claims{"sub": "f81d4fae"})
		here, there, byPassword := s.visit(t), s.visit(t), s.as(t, cast.Alice)
		here.signOn(real, "")
		there.signOn(real, "")
		list := here.get("/profile/identities")
		path := list.Find(".list a.button").AttrOr("href", "")
		if a := s.as(t, cast.Bruno).get(path); a.status != http.StatusNotFound {
			t.Errorf("somebody else's: %d", a.status)
		}
		bruno := s.as(t, cast.Bruno)
		if a := bruno.post(path, url.Values{"submission": {bruno.get("/profile").submission()}}); a.status != http.StatusNotFound {
			t.Errorf("somebody else's: %d", a.status)
		}
		s.Clock.Move(models.ProofFor + time.Minute)
		page := here.get(path)
		if a := here.submit(page, path, url.Values{"proof": {"wrong"}}); a.status != http.StatusUnprocessableEntity || a.Find("#proof").Length() != 1 {
			t.Fatalf("a wrong proof: %d", a.status)
		}
		if a := here.submit(page, path, url.Values{"proof": {cast.Password}}); a.location != "/profile/identities" {
			t.Fatalf("%d %s", a.status, a.text("main"))
		}
		for who, v := range map[string]*visitor{"here": here, "by password": byPassword} {
			if a := v.get("/profile"); a.status != http.StatusOK {
				t.Errorf("%s: %d", who, a.status)
			}
		}
		if a := there.get("/profile"); a.status != http.StatusSeeOther {
			t.Errorf("what rested on the link goes on: %d", a.status)
		}
		if a := s.visit(t).signOn(real, ""); a.status != http.StatusForbidden {
			t.Errorf("signing in by it: %d", a.status)
		}
	})
}

func TestTheOnlyWayInIsNotTakenAway(t *testing.T) {
	eachSignOn(t, nil, func(t *testing.T, s *site, real *oidctest.Provider) {
		s.Exec(t, "UPDATE customers SET password_hash = '' WHERE identifier = 'ep1005-mdt'")
		s.linkWith(t, cast.Emma, "f81d4fae", real)
		real.Is(oidctest.Claims{"sub": "f81d4fae"})
		emma := s.visit(t)
		emma.signOn(real, "")
		path := emma.get("/profile/identities").Find(".list a.button").AttrOr("href", "")
		page := emma.get(path)
		if page.status != http.StatusOK || page.Find("main form").Length() != 0 || !strings.Contains(page.text("main .message"), "only way in") {
			t.Errorf("%d %s", page.status, page.text("main"))
		}
		form := url.Values{"submission": {page.submission()}}
		if a := emma.post(path, form); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.text("main"), "only way in") {
			t.Errorf("%d %s", a.status, a.text("main"))
		}
	})
}

func TestSigningOutSaysThatTheProviderRemembers(t *testing.T) {
	eachSignOn(t, nil, func(t *testing.T, s *site, real *oidctest.Provider) {
		s.linkWith(t, cast.Alice, "f81d4fae", real)
		real.Is(oidctest.Claims{"sub": "f81d4fae"})
		v := s.visit(t)
		v.signOn(real, "")
		a := v.submit(v.get("/services"), "/session/end", nil)
		if a.location != "/session/ended" {
			t.Fatalf("%d %s", a.status, a.location)
		}
		if to := v.follow(a).Find("main a.primary").AttrOr("href", ""); !strings.HasPrefix(to, real.Issuer+"/end?") {
			t.Errorf("leads to %q", to)
		}
		alice := s.as(t, cast.Alice)
		if a := alice.submit(alice.get("/services"), "/session/end", nil); a.location != "/sign-in" {
			t.Errorf("by password: %s", a.location)
		}
		real.Says("end_session_endpoint", nil)
	})
}

func TestWithoutAProviderThereIsNothingOfIt(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		v, alice := s.visit(t), s.as(t, cast.Alice)
		if p := v.get("/sign-in"); p.form("/session/oidc") != nil {
			t.Error("the page offers it")
		}
		if strings.Contains(alice.get("/profile").body, "identities") {
			t.Error("the profile offers it")
		}
		for _, path := range []string{"/session/oidc", "/session/oidc/callback?code=x&state=y", "/profile/identities", "/profile/identities/1/removal"} {
			if a := alice.get(path); a.status != http.StatusNotFound {
				t.Errorf("GET %s: %d", path, a.status)
			}
		}
		for _, path := range []string{"/session/oidc", "/session/oidc/callback", "/profile/identities", "/profile/identities/1/removal"} {
			if a := alice.post(path, url.Values{"submission": {alice.get("/profile").submission()}}); a.status != http.StatusNotFound {
				t.Errorf("POST %s: %d", path, a.status)
			}
		}
		if a := v.get("/session/ended"); a.location != "/" {
			t.Errorf("/session/ended: %d", a.status)
		}
	})
}

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

// What is refused is in the security log, and no log has anything with which
// somebody could sign in.
func TestTheLogTellsWhyAndNoSecret(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		var log modelstest.Log
		real := oidctest.Serve(t, w.Store.Now)
		s := newSite(t, w, signsOn(real, nil), func(c *handlers.Config) {
			c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		real.Is(oidctest.Claims{"sub": "f81d4fae"})
		v := s.visit(t)
		there, back := v.depart(v.get("/sign-in"), "/session/oidc", real)
		token := cookieOf(t, v, "mandat-oidc")
		v.comeBack(back) // not linked
		v.comeBack(back) // used
		s.linkWith(t, cast.Alice, "f81d4fae", real)
		real.Alter(func(_, c oidctest.Claims) { c["nonce"] = "other" })
		v.signOn(real, "")
		real.Alter(nil)
		v.signOn(real, "")
		v.get("/session/oidc/callback?error=access_denied&state=x")
		wrong := s.visit(t) // and a password in the wrong field
		wrong.submit(wrong.get("/sign-in"), "/session", signIn(cast.Password, "x"))
		text := log.String()
		for _, want := range []string{"sign-on of somebody who is not linked", "subject=f81d4fae", "not the answer to this question", "another nonce", "access_denied", "signed in", "person=ad1001-mdt peer=127.0.0.1 by=provider"} {
			if !strings.Contains(text, want) {
				t.Errorf("the log lacks %q", want)
			}
		}
		at, _ := url.Parse(there)
		for what, secret := range map[string]string{
			"cookie": token, "code": back.Query().Get("code"), "state": back.Query().Get("state"), "nonce": at.Query().Get("nonce"), "client's secret": oidctest.ClientSecret, "verifier": oidc.Derive(token).Verifier, "password": cast.Password,
		} {
			if strings.Contains(text, secret) {
				t.Errorf("the log has the %s", what)
			}
		}
		if regexp.MustCompile(`eyJ[A-Za-z0-9]`).MatchString(text) {
			t.Error("the log has a token")
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

// Who has no password proves at the provider who they are, if it asks them.
func TestWhoHasNoPasswordProvesItAtTheProvider(t *testing.T) {
	eachSignOn(t, nil, func(t *testing.T, s *site, real *oidctest.Provider) {
		s.Exec(t, "UPDATE customers SET password_hash = '' WHERE identifier = 'ep1005-mdt'")
		s.linkWith(t, cast.Emma, "e", real)
		long := s.Store.Now().Add(-time.Hour).Unix()
		remembered := oidctest.Claims{"sub": "e", "auth_time": long}
		real.Is(remembered)
		emma := s.visit(t)
		emma.signOn(real, "")
		const form = "/profile/contact"
		page := emma.get(form)
		link := page.Find(`.form a[href^="/profile/identities/proof"]`).AttrOr("href", "")
		if page.Find("#proof").Length() != 1 || link != "/profile/identities/proof?next=%2Fprofile%2Fcontact" {
			t.Fatalf("%s leads to %q", page.text("main"), link)
		}
		proof := emma.get(link)
		there, back := emma.depart(proof, "/session/oidc", real)
		if u, err := url.Parse(there); err != nil || u.Query().Get("prompt") != "login" || u.Query().Get("max_age") != "0" {
			t.Errorf("leads to %s", there)
		}
		if a := emma.comeBack(back); a.location != form || emma.get(form).Find("#proof").Length() != 1 {
			t.Errorf("a provider that did not ask: %d %s", a.status, a.location)
		}
		real.Is(oidctest.Claims{"sub": "e"}) // and when it asked
		_, back = emma.depart(emma.get(link), "/session/oidc", real)
		if a := emma.comeBack(back); a.location != form || emma.get(form).Find("#proof").Length() != 0 {
			t.Errorf("a provider that asked: %d %s", a.status, a.location)
		}
		if n := s.Int(t, "SELECT count(*) FROM sessions"); n != 1 {
			t.Errorf("%d sessions", n)
		}
		if a := emma.get("/profile/identities/proof?next=//evil.example"); a.Find("main input[name=next]").AttrOr("value", "") != "/" || a.Find("main .actions a").AttrOr("href", "") != "/" {
			t.Error("leads elsewhere")
		}
	})
}
