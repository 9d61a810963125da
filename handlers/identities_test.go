package handlers_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
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
