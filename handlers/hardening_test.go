package handlers_test

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"example.org/mandat/handlers"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// Tests of pages speak http; what differs over https is only here.
func TestOverHTTPSBrowsersAreHeldToIt(t *testing.T) {
	s := newSite(t, modelstest.OnSQLite(t), func(c *handlers.Config) { c.Origin = &url.URL{Scheme: "https", Host: "panel.example"} })
	v := s.visit(t)
	in := v.post("/session", signIn(cast.Emma, cast.Password))
	chosen := s.visit(t).post("/preferences", url.Values{"lang": {"fr"}, "theme": {"dark"}})
	cookies := append(in.header.Values("Set-Cookie"), chosen.header.Values("Set-Cookie")...)
	if in.status != http.StatusSeeOther || chosen.status != http.StatusSeeOther || len(cookies) != 4 {
		t.Fatalf("%d and %d with cookies %q", in.status, chosen.status, cookies)
	}
	for _, cookie := range cookies {
		if !strings.HasPrefix(cookie, "__Host-") || strings.Contains(cookie, "Domain") {
			t.Errorf("a cookie that another host could set: %.30s", cookie)
		}
		for _, attribute := range []string{"; Path=/;", "; HttpOnly", "; Secure", "; SameSite=Lax"} {
			if !strings.Contains(cookie, attribute) {
				t.Errorf("no %q in the cookie %.30s", attribute, cookie)
			}
		}
	}
	if p := s.visit(t).get("/sign-in", "Cookie", "__Host-lang=fr; __Host-theme=dark"); p.Find(`html[data-theme="dark"][lang="fr"]`).Length() != 1 {
		t.Error("what was chosen is not read")
	}
	if p := s.visit(t).get("/sign-in", "Cookie", "lang=fr; theme=dark"); p.Find(`html[data-theme="dark"], html[lang="fr"]`).Length() != 0 {
		t.Error("what another host could have set is read")
	}
	for _, path := range []string{"/sign-in", "/nope", "/healthz", "/static/nope.css"} {
		if got := v.get(path).header.Get("Strict-Transport-Security"); got != "max-age=31536000; includeSubDomains" {
			t.Errorf("%s: Strict-Transport-Security is %q", path, got)
		}
	}
}

// Whoever asks cannot choose the address under which their guesses are counted (R19).
func TestOnlyATrustedProxySaysWhoThePeerIs(t *testing.T) {
	w := modelstest.OnSQLite(t)
	for _, c := range []struct {
		trusted   []netip.Prefix
		says, who string
	}{
		{nil, "203.0.113.9", "127.0.0.1"},
		{[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, "203.0.113.9", "127.0.0.1"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, "203.0.113.9", "203.0.113.9"},
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, "198.51.100.1, 203.0.113.9", "203.0.113.9"}, // the first is what the client made up
		{[]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, "' OR 1=1", "127.0.0.1"},
	} {
		log := &modelstest.Log{}
		s := newSite(t, w, func(cfg *handlers.Config) {
			cfg.TrustedProxies, cfg.Log = c.trusted, slog.New(slog.NewTextHandler(log, nil))
		})
		s.visit(t).get("/sign-in", "X-Forwarded-For", c.says, "X-Real-Ip", "203.0.113.8")
		if got := log.Take(); !strings.Contains(got, " peer="+c.who+"\n") && !strings.Contains(got, " peer="+c.who+" ") {
			t.Errorf("trusting %v, %q: want %s in %q", c.trusted, c.says, c.who, got)
		}
	}
}
