package handlers_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"example.org/mandat/handlers"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// securityLog is a site whose log is silent below errors, and what its security
// log gained since it was last asked, without time, reference and peer.
func securityLog(t *testing.T, w *modelstest.World) (s *site, gained func() string) {
	t.Helper()
	var log modelstest.Log
	s = newSite(t, w, func(c *handlers.Config) {
		c.Security = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	always := regexp.MustCompile(`time=\S+ | request=\S+| peer=127\.0\.0\.1`)
	return s, func() string {
		return always.ReplaceAllString(strings.TrimSpace(log.Take()), "")
	}
}

func TestTheSecurityLogTellsWhoseSignInWasRefused(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		s, gained := securityLog(t, w)
		for _, c := range []struct{ typed, password, tried string }{
			{cast.Alice, "wrong", " tried=ad1001-mdt"},
			{" AD1001-MDT", "wrong", " tried=ad1001-mdt"},
			{"zz9999-mdt", "wrong", " tried=zz9999-mdt"}, // nobody's, and nothing else looks so
			{cast.Sam, "wrong", " tried=sam-support"},
			{"tom-support", "wrong", ""},                    // nobody's, and may be a password
			{cast.Password, cast.Alice, ""},                 // the password in the wrong field
			{"Une-Phrase-En-Guise-De-Secret", "x", ""},      // which has the shape of an agent's
			{"correct horse battery staple", cast.Emma, ""}, // and one that has no shape
			{"alice@cabinet-garrigue.example", "x", ""},
		} {
			v := s.visit(t)
			if p := v.submit(v.get("/sign-in"), "/session", signIn(c.typed, c.password)); p.status != http.StatusUnprocessableEntity {
				t.Fatalf("%q: %d", c.typed, p.status)
			}
			if got, want := gained(), `level=WARN msg="sign-in refused"`+c.tried; got != want {
				t.Errorf("%q: the log has %s; want %s", c.typed, got, want)
			}
		}
	})
}

func TestTheSecurityLogTellsHowSomebodySignedInAndOut(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		s, gained := securityLog(t, w)
		told := func(what string, want ...string) {
			t.Helper()
			if got := gained(); got != strings.Join(want, "\n") {
				t.Errorf("%s: the log has\n%s\nwant\n%s", what, got, strings.Join(want, "\n"))
			}
		}
		v := s.visit(t)
		v.submit(v.get("/sign-in"), "/session", signIn(cast.Alice, cast.Password))
		told("a password", `level=INFO msg="signed in" person=ad1001-mdt by=password second=""`)
		v.submit(v.get("/profile"), "/session/end", nil)
		told("signing out", `level=INFO msg="signed out" person=ad1001-mdt`)

		secret, codes := s.app(t, cast.Emma)
		v = s.visit(t)
		awaited := `level=INFO msg="second factor awaited" person=ep1005-mdt by=password`
		page := v.follow(v.submit(v.get("/sign-in"), "/session", signIn(cast.Emma, cast.Password)))
		page = v.submit(page, "/session/factor", url.Values{"code": {"000000"}})
		v.submit(page, "/session/factor", url.Values{"code": {s.code(t, secret, 0)}, "trust": {"on"}})
		told("an app", awaited, `level=WARN msg="second factor refused" person=ep1005-mdt`, `level=INFO msg="signed in" person=ep1005-mdt by=password second=app`)
		v.submit(v.get("/profile"), "/session/end", nil)
		gained()
		v.submit(v.get("/sign-in"), "/session", signIn(cast.Emma, cast.Password))
		told("a trusted browser", `level=INFO msg="signed in" person=ep1005-mdt by=password second="trusted browser"`)
		other := s.visit(t)
		other.submit(other.follow(other.submit(other.get("/sign-in"), "/session", signIn(cast.Emma, cast.Password))), "/session/factor", url.Values{"code": {codes[0]}})
		told("a recovery code", awaited, `level=INFO msg="signed in" person=ep1005-mdt by=password second="recovery code"`)

		key := s.authenticator()
		alice := s.as(t, cast.Alice)
		alice.addPasskey(key, "Key")
		gained()
		v = s.visit(t)
		v.submit(v.get("/sign-in"), "/session/passkey", v.passkeyProof(key))
		told("a passkey", `level=INFO msg="signed in" person=ad1001-mdt by=passkey second=passkey`)

		token, _, err := s.Store.NewPasswordLink(t.Context(), cast.David)
		if err != nil {
			t.Fatal(err)
		}
		v = s.visit(t)
		const password = "un chemin sous les platanes"
		if p := v.submit(v.get("/password-links/"+token), "/password-links/"+token, url.Values{"password": {password}, "password_again": {password}}); p.status != http.StatusSeeOther {
			t.Fatalf("%d %s", p.status, p.text("main"))
		}
		told("a link", `level=INFO msg="password set by a link" person=dn1004-mdt forgotten=false`)
	})
}

func TestTheSecurityLogTellsWhatWasDenied(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		s, gained := securityLog(t, w)
		chloe := s.as(t, cast.Chloe)
		gained()
		for _, c := range []struct {
			what string
			ask  func() *answer
			want string // of the line
		}{
			{"a right that an account delegate has not", func() *answer { return chloe.get("/services/garrigue.example/new-email") }, "status=403 person=cl1003-mdt"},
			{"what is out of reach", func() *answer { return chloe.get("/services/nguyen-velos.example") }, "status=404 person=cl1003-mdt"},
			{"another site", func() *answer {
				return chloe.post("/session/end", nil, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site")
			}, "status=403"},
			{"what no page sends", func() *answer { return chloe.post("/session/end", url.Values{"x": {"1"}}) }, "status=400"},
			{"what there is", func() *answer { return chloe.get("/services/garrigue.example") }, ""},
			{"what no panel has", func() *answer { return s.visit(t).get("/wp-login.php") }, ""},
		} {
			p := c.ask()
			line := regexp.MustCompile(` (method|route|bytes|took)=\S+`).ReplaceAllString(gained(), "")
			if c.want == "" && line != "" || c.want != "" && (!strings.HasPrefix(line, "level=WARN msg=request "+c.want) || !strings.Contains(line, "error=")) {
				t.Errorf("%s, answered %d: the log has %q; want %q", c.what, p.status, line, c.want)
			}
		}
	})
}
