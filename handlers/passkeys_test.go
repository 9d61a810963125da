package handlers_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/mandat/handlers"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/webauthn/webauthntest"
)

// authenticator is one in the browser of a visitor, who is at the panel's own name.
func (s *site) authenticator() *webauthntest.Authenticator {
	return webauthntest.New(strings.Replace(s.url, "127.0.0.1", "localhost", 1))
}

// asked is what the script asks for a form of a page.
func (v *visitor) asked(path string, form url.Values) []byte {
	v.t.Helper()
	a := v.post(path, form, "HX-Request", "true")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json" {
		v.t.Fatalf("%s: %d %s", path, a.status, a.body)
	}
	return []byte(a.body)
}

// addPasskey does what the script does on the page.
func (v *visitor) addPasskey(a *webauthntest.Authenticator, name string) *answer {
	v.t.Helper()
	page := v.get("/profile/passkeys/new")
	options := v.asked("/profile/passkeys/challenge", url.Values{"submission": {page.submission()}, "name": {name}})
	return v.submit(page, "/profile/passkeys", url.Values{"name": {name}, "passkey": {a.Create(v.t, options)}})
}

// keep gives a visitor one more cookie.
func (v *visitor) keep(name, value string) {
	v.t.Helper()
	u, err := url.Parse(v.site.url)
	if err != nil {
		v.t.Fatal(err)
	}
	v.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value}})
}

// passkeyProof answers the challenge of the sign-in page.
func (v *visitor) passkeyProof(a *webauthntest.Authenticator) url.Values {
	v.t.Helper()
	return url.Values{"passkey": {a.Get(v.t, v.asked("/session/passkey/challenge", nil), nil)}}
}

func TestAPasskeyIsAddedUsedNamedAndRemoved(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.Exec(t, "UPDATE customers SET language = 'en'")
		key := s.authenticator()
		for _, who := range []string{cast.Alice, cast.Sam} {
			v := s.as(t, who)
			if p := v.get("/profile/passkeys/new"); !strings.HasPrefix(p.Find("#name").AttrOr("value", ""), "Passkey 1") {
				t.Errorf("preset %q", p.Find("#name").AttrOr("value", ""))
			}
			added := v.follow(v.addPasskey(key, "Bureau"))
			if !strings.Contains(added.text(".message"), "Bureau was added") || !strings.Contains(added.text("#passkeys li"), "never used") {
				t.Fatalf("%s", added.text("main"))
			}

			other := s.visit(t)
			page := other.get("/sign-in?next=/profile/factors")
			in := other.submit(page, "/session/passkey", other.passkeyProof(key))
			if in.location != "/profile/factors" {
				t.Fatalf("%d %s %s", in.status, in.location, in.text("main"))
			}
			list := other.follow(in)
			if list.text(".topbar .mono") != who || !strings.Contains(list.text("#passkeys li"), "last used") {
				t.Errorf("%s", list.text("body"))
			}

			at := list.Find("#passkeys li a").First().AttrOr("href", "")
			none := other.submit(other.get(at), at, url.Values{"name": {" "}})
			if none.status != http.StatusUnprocessableEntity || !strings.Contains(none.text(".errors"), "Give the passkey a name") {
				t.Errorf("%d %s", none.status, none.text(".errors"))
			}
			if named := other.follow(other.submit(none, at, url.Values{"name": {"Portable"}})); named.text("#passkeys li b") != "Portable" || !strings.Contains(named.text(".message"), "name is saved") {
				t.Errorf("%s", named.text("main"))
			}

			removal := list.Find("#passkeys li a").Last().AttrOr("href", "")
			removed := other.follow(other.submit(other.get(removal), removal, nil))
			if !strings.Contains(removed.text(".message"), "Portable was removed") || removed.Find("#passkeys li").Length() != 0 {
				t.Errorf("%s", removed.text("main"))
			}
			last := s.visit(t)
			if p := last.submit(last.get("/sign-in"), "/session/passkey", last.passkeyProof(key)); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.text(".errors"), "may have been removed") {
				t.Errorf("after the removal: %d %s", p.status, p.text(".errors"))
			}
		}
	})
}

func TestAPasskeyLeadsToThisSiteOnly(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		key := s.authenticator()
		s.as(t, cast.Alice).addPasskey(key, "Bureau")
		for next, want := range map[string]string{"": "/", "//evil.example/": "/", "https://evil.example/": "/", contact: contact} {
			v := s.visit(t)
			form := v.passkeyProof(key)
			form.Set("next", next)
			if p := v.post("/session/passkey", form); p.location != want {
				t.Errorf("next %q leads to %q", next, p.location)
			}
		}
	})
}

func TestAProofOfAPasskeyIsGoodOnceAndInItsBrowser(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		key := s.authenticator()
		s.as(t, cast.Alice).addPasskey(key, "Bureau")
		v := s.visit(t)
		form := v.passkeyProof(key)
		if p := s.visit(t).post("/session/passkey", form); p.status != http.StatusUnprocessableEntity {
			t.Errorf("another browser: %d", p.status)
		}
		cookie := cookieOf(t, v, "mandat-passkey")
		if p := v.post("/session/passkey", form); p.location != "/" {
			t.Fatalf("%d %s", p.status, p.text(".errors"))
		}
		again := s.visit(t)
		if p := again.post("/session/passkey", form, "Cookie", "mandat-passkey="+cookie); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.text(".errors"), "sent before") {
			t.Errorf("replayed: %d %s", p.status, p.text(".errors"))
		}
		key.Origin = "https://evil.example"
		if p := again.post("/session/passkey", again.passkeyProof(key)); p.status != http.StatusUnprocessableEntity {
			t.Errorf("another origin: %d", p.status)
		}
		key.Origin = strings.Replace(s.url, "127.0.0.1", "localhost", 1)
		late := again.passkeyProof(key)
		s.Clock.Move(models.ChallengeFor)
		if p := again.post("/session/passkey", late); p.status != http.StatusUnprocessableEntity {
			t.Errorf("too late: %d", p.status)
		}
	})
}

func TestARequestSaysNothingOfTheSite(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		v := s.visit(t)
		a := v.post("/session/passkey/challenge", nil, "Origin", "", "Sec-Fetch-Site", "same-origin", "X-Forwarded-Host", "evil.example", "Forwarded", "host=evil.example")
		if !strings.Contains(a.body, `"rpId":"localhost"`) || strings.Contains(a.body, "evil") {
			t.Errorf("%s", a.body)
		}
		cookie := a.header.Get("Set-Cookie")
		for _, want := range []string{"mandat-passkey=", "HttpOnly", "SameSite=Lax", "Max-Age=300"} {
			if !strings.Contains(cookie, want) {
				t.Errorf("cookie %q lacks %s", cookie, want)
			}
		}
	})
}

func TestAddingAndRemovingAPasskeyAskForAProof(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, key := s.as(t, cast.Alice), s.authenticator()
		alice.addPasskey(key, "Bureau")
		s.Clock.Move(models.ProofFor + time.Minute)

		page := alice.get("/profile/passkeys/new")
		if page.Find("#proof").Length() != 1 || page.Find("button#proof_passkey").Length() != 1 {
			t.Fatalf("%s", page.text("main"))
		}
		other := s.authenticator()
		ask := func(proof string) *answer {
			return alice.post("/profile/passkeys/challenge", url.Values{"submission": {page.submission()}, "name": {"Mobile"}, "proof": {proof}, "proof_passkey": {""}}, "HX-Request", "true")
		}
		for _, proof := range []string{"", "guessed-it-myself"} {
			if a := ask(proof); a.status != http.StatusUnprocessableEntity || a.Find(".message").Length() != 1 {
				t.Errorf("asked with the proof %q: %d %s", proof, a.status, a.body)
			}
		}
		before := cookieOf(t, alice, "mandat")
		asked := ask(cast.Password)
		if asked.status != http.StatusOK || cookieOf(t, alice, "mandat") == before {
			t.Fatalf("%d %s", asked.status, asked.body)
		}
		if p := alice.submit(page, "/profile/passkeys", url.Values{"name": {"Mobile"}, "passkey": {other.Create(t, []byte(asked.body))}}); p.status != http.StatusSeeOther {
			t.Fatalf("%d %s", p.status, p.text(".errors"))
		}

		// By a passkey that one has.
		s.Clock.Move(models.ProofFor + time.Minute)
		list := alice.get("/profile/factors")
		removal := list.Find(`#passkeys li a[href$="/removal"]`).First().AttrOr("href", "")
		form := alice.get(removal)
		if p := alice.submit(form, removal, nil); p.status != http.StatusUnprocessableEntity || p.Find("#proof").Length() != 1 {
			t.Errorf("without a proof: %d", p.status)
		}
		proof := func(of *visitor, by *webauthntest.Authenticator) string {
			return by.Get(t, of.asked("/profile/proof/challenge", url.Values{"submission": {of.get("/profile/factors").submission()}}), nil)
		}
		emma, emmas := s.as(t, cast.Emma), s.authenticator()
		emma.addPasskey(emmas, "Bureau")
		if p := alice.submit(form, removal, url.Values{"proof_passkey": {proof(emma, emmas)}}); p.status != http.StatusUnprocessableEntity {
			t.Errorf("by another's: %d", p.status)
		}
		good := proof(alice, key)
		if p := alice.submit(form, removal, url.Values{"proof_passkey": {good}}); p.status != http.StatusSeeOther {
			t.Errorf("by a passkey: %d %s", p.status, p.text(".errors"))
		}
		if p := alice.submit(form, removal, url.Values{"proof_passkey": {good}}); p.status != http.StatusSeeOther {
			t.Errorf("sent twice: %d", p.status)
		}
		if n := alice.get("/profile/factors").Find("#passkeys li").Length(); n != 1 {
			t.Errorf("%d passkeys", n)
		}
	})
}

func TestAnotherPasskeyProvesWhoAddsOne(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, key, other := s.as(t, cast.Alice), s.authenticator(), s.authenticator()
		alice.addPasskey(key, "Bureau")
		s.Clock.Move(models.ProofFor + time.Minute)
		page := alice.get("/profile/passkeys/new")
		proof := key.Get(t, alice.asked("/profile/proof/challenge", url.Values{"submission": {page.submission()}}), nil)
		form := url.Values{"name": {"Mobile"}, "proof": {""}, "proof_passkey": {proof}, "submission": {page.submission()}}
		form.Set("passkey", other.Create(t, alice.asked("/profile/passkeys/challenge", form)))
		if p := alice.submit(page, "/profile/passkeys", form); p.status != http.StatusSeeOther {
			t.Errorf("%d %s", p.status, p.text(".errors"))
		}
	})
}

func TestWhatIsNoPasskeyComesBackAsTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.Exec(t, "UPDATE customers SET language = 'en'")
		alice := s.as(t, cast.Alice)
		page := alice.get("/profile/passkeys/new")
		for _, c := range []struct{ name, passkey, says string }{
			{"Mon <b>ordinateur</b>", "", "needs JavaScript"},
			{"Mon <b>ordinateur</b>", "{}", "could not accept"},
			{"", "{}", "Give the passkey a name"},
			{strings.Repeat("x", 61), "{}", "more than 60"},
		} {
			p := alice.submit(page, "/profile/passkeys", url.Values{"name": {c.name}, "passkey": {c.passkey}})
			if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.text(".errors"), c.says) || p.Find("#name").AttrOr("value", "") != c.name {
				t.Errorf("%q %q: %d %s", c.name, c.passkey, p.status, p.text(".errors"))
			}
		}
		if a := alice.post("/profile/passkeys/challenge", url.Values{"submission": {page.submission()}, "name": {""}}, "HX-Request", "true"); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.text(".message"), "Give the passkey a name") {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := alice.post("/profile/proof/challenge", url.Values{"submission": {page.submission()}}, "HX-Request", "true"); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.text(".message"), "no passkey here") {
			t.Errorf("%d %s", a.status, a.body)
		}
		for _, path := range []string{"/profile/passkeys/challenge", "/profile/proof/challenge"} {
			if a := alice.post(path, url.Values{"submission": {"forged"}}, "HX-Request", "true"); a.status != http.StatusUnprocessableEntity {
				t.Errorf("%s with a forged submission: %d", path, a.status)
			}
			if a := s.visit(t).post(path, url.Values{}, "HX-Request", "true"); a.status != http.StatusUnauthorized || a.header.Get("HX-Redirect") == "" {
				t.Errorf("%s signed out: %d", path, a.status)
			}
		}
	})
}

func TestAPasskeyOfAnotherLooksAsOneThatIsNotThere(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, bruno := s.as(t, cast.Alice), s.as(t, cast.Bruno)
		alice.addPasskey(s.authenticator(), "Bureau")
		id := strconv.Itoa(s.Int(t, "SELECT id FROM passkeys"))
		for _, of := range []string{id, "99999", "0", "-1", "x", "99999999999999999999", "+" + id, "0" + id} {
			path := "/profile/passkeys/" + of + "/removal"
			if p := bruno.get(path); p.status != http.StatusNotFound {
				t.Errorf("GET %s: %d", path, p.status)
			}
			if p := bruno.post(path, url.Values{"submission": {bruno.get("/profile/factors").submission()}}); p.status != http.StatusNotFound {
				t.Errorf("POST %s: %d", path, p.status)
			}
		}
		if n := s.Int(t, "SELECT count(*) FROM passkeys"); n != 1 {
			t.Errorf("%d passkeys", n)
		}
	})
}

func TestAPanelAtAnAddressOffersNoPasskeys(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		s := newSite(t, w, func(cfg *handlers.Config) { cfg.Origin = &url.URL{Scheme: "http", Host: "127.0.0.1:8080"} })
		if p := s.visit(t).get("/sign-in"); p.Find("[data-passkey]").Length() != 0 {
			t.Error("the sign-in page has the button")
		}
		alice := s.as(t, cast.Alice)
		if p := alice.get("/profile/factors"); !strings.Contains(p.text("#passkeys"), "adresse IP") || p.Find(`a[href="/profile/passkeys/new"]`).Length() != 0 {
			t.Errorf("%s", p.text("#passkeys"))
		}
		if p := alice.get("/profile/passkeys/new"); p.status != http.StatusNotFound {
			t.Errorf("%d", p.status)
		}
		submission := alice.get("/profile").submission()
		for path, form := range map[string]url.Values{
			"/profile/passkeys/challenge": {"submission": {submission}, "name": {"x"}}, "/profile/passkeys": {"submission": {submission}, "name": {"x"}, "passkey": {"{}"}},
			"/profile/proof/challenge": {"submission": {submission}}, "/session/passkey/challenge": {}, "/session/passkey": {"passkey": {"{}"}},
		} {
			if p := alice.post(path, form); p.status != http.StatusNotFound {
				t.Errorf("%s: %d", path, p.status)
			}
		}
	})
}

func TestTooManyChallengesOfOnePeerWait(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		var a *answer
		for range 201 {
			a = s.visit(t).post("/session/passkey/challenge", nil, "HX-Request", "true")
		}
		if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || a.Find(".message").Length() != 1 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

func TestAPasskeyIsASecondStepToo(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		key, emmas := s.authenticator(), s.authenticator()
		s.as(t, cast.Alice).addPasskey(key, "Bureau")
		s.as(t, cast.Emma).addPasskey(emmas, "Bureau")
		s.app(t, cast.Alice)
		s.app(t, cast.Bruno)

		waits := func(who string) (*visitor, *answer) {
			v := s.visit(t)
			return v, v.follow(v.submit(v.get("/sign-in?next=/profile"), "/session", signIn(who, cast.Password)))
		}
		v, page := waits(cast.Alice)
		if page.Find("button#passkey").Length() != 1 {
			t.Fatalf("%s", page.text("main"))
		}
		options := v.asked("/session/factor/challenge", nil)
		if allowed := webauthntest.Allowed(t, options); len(allowed) != 1 {
			t.Errorf("asks for %q", allowed)
		}
		wrong := emmas.Get(t, options, nil)
		if p := v.submit(page, "/session/factor", url.Values{"passkey": {wrong}}); p.status != http.StatusUnprocessableEntity || p.Find("#code").Length() != 1 {
			t.Errorf("another's: %d %s", p.status, p.text("main"))
		}
		answer := key.Get(t, v.asked("/session/factor/challenge", nil), nil)
		other, otherPage := waits(cast.Alice)
		other.keep("mandat-passkey", cookieOf(t, v, "mandat-passkey"))
		if p := other.submit(otherPage, "/session/factor", url.Values{"passkey": {answer}}); p.status != http.StatusUnprocessableEntity {
			t.Errorf("in another sign-in: %d", p.status)
		}
		if p := v.post("/session/passkey", url.Values{"passkey": {answer}}); p.status != http.StatusUnprocessableEntity {
			t.Errorf("as a sign-in of its own: %d", p.status)
		}
		in := v.submit(page, "/session/factor", url.Values{"passkey": {key.Get(t, v.asked("/session/factor/challenge", nil), nil)}, "trust": {"on"}})
		if in.location != "/profile" || !strings.Contains(strings.Join(in.header.Values("Set-Cookie"), ";"), "mandat-trusted=") {
			t.Fatalf("%d %s", in.status, in.text("main"))
		}
		if p := v.follow(in); p.text(".topbar .mono") != cast.Alice {
			t.Errorf("%s", p.text("body"))
		}
		if p := v.post("/session/factor/challenge", nil); p.status != http.StatusSeeOther || p.location != "/sign-in" {
			t.Errorf("asked again: %d %s", p.status, p.location)
		}

		v, page = waits(cast.Bruno) // who has an app and no passkey
		if page.Find("button#passkey").Length() != 0 {
			t.Error("a passkey is offered to who has none")
		}
		if a := v.post("/session/factor/challenge", nil, "HX-Request", "true"); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%d", a.status)
		}
	})
}

// Whoever has a passkey and no app is asked for that alone, also for a proof.
func TestNobodyIsAskedForWhatTheyDoNotHave(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		key, v := s.authenticator(), s.as(t, cast.Sam)
		v.addPasskey(key, "Bureau")
		s.Exec(t, "DELETE FROM factors")
		waits := s.visit(t)
		page := waits.follow(waits.post("/session", signIn(cast.Sam, cast.Password)))
		if page.text("h1") != "Use your passkey" || page.Find("#code").Length() != 0 || page.Find("button#passkey.primary").Length() != 1 || !strings.Contains(page.text(".without-passkeys"), "needs JavaScript") {
			t.Errorf("%s", page.text("main"))
		}
		in := waits.submit(page, "/session/factor", url.Values{"passkey": {key.Get(t, waits.asked("/session/factor/challenge", nil), nil)}})
		if in.location != "/" {
			t.Errorf("%d %s", in.status, in.text("main"))
		}
		emma := s.as(t, cast.Emma)
		s.app(t, cast.Emma)
		s.Clock.Move(models.ProofFor + time.Minute)
		for _, c := range []struct{ change, label string }{
			{"UPDATE agents SET password_hash = password_hash", "Your password"},
			{"UPDATE agents SET password_hash = ''", ""},
		} {
			s.Exec(t, c.change)
			form := v.get("/profile/passkeys/new")
			if form.text(`label[for="proof"]`) != c.label || form.Find("button#proof_passkey").Length() != 1 || form.Find("#proof").Length() != 1 {
				t.Errorf("%s", form.text("main"))
			}
		}
		s.Exec(t, "UPDATE customers SET password_hash = ''")
		if form := emma.get("/profile/passkeys/new"); form.text(`label[for="proof"]`) != "A code from your app" {
			t.Errorf("%s", form.text("main"))
		}
	})
}

func TestAPasskeyAloneMakesNoSecondStepDue(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.as(t, cast.Alice).addPasskey(s.authenticator(), "Bureau")
		if p := s.visit(t).post("/session", signIn(cast.Alice, cast.Password)); p.location != "/" {
			t.Errorf("%d %s", p.status, p.location)
		}
	})
}

func TestAnAgentSignsInByPasskeyWithoutACode(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		key := s.authenticator()
		s.as(t, cast.Sam).addPasskey(key, "Bureau")
		v := s.visit(t)
		if p := v.post("/session/passkey", v.passkeyProof(key)); p.location != "/" {
			t.Fatalf("%d %s", p.status, p.text(".errors"))
		}
		if p := v.get("/profile/factors"); p.status != http.StatusOK || p.text(".topbar .mono") != cast.Sam {
			t.Errorf("%d %s", p.status, p.text("body"))
		}
	})
}
