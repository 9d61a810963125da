package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

func TestAnAppIsAddedWithACodeOfIt(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		emma := s.as(t, cast.Emma)
		if p := emma.get("/profile/factors"); p.Find("#recovery, #devices").Length() != 0 || p.Find(`a[href="/profile/factors/new"]`).Length() != 1 {
			t.Errorf("without one: %s", p.text("main"))
		}
		page := emma.get("/profile/factors/new")
		secret := strings.ReplaceAll(page.text("#secret"), " ", "")
		if uri := page.Find(`a[href^="otpauth:"]`).AttrOr("href", ""); !strings.Contains(uri, "secret="+secret) || !strings.Contains(uri, "Mandat:"+cast.Emma) || page.Find("svg.qr path").AttrOr("d", "") == "" {
			t.Fatalf("%q %s", uri, page.text("main"))
		}
		other := emma.get("/profile/factors/new")
		if strings.ReplaceAll(other.text("#secret"), " ", "") == secret {
			t.Error("two pages show one secret")
		}
		wrong := emma.submit(page, "/profile/factors", url.Values{"name": {""}, "code": {"000000"}})
		if wrong.status != http.StatusUnprocessableEntity || wrong.Find(`.errors a[href="#name"], .errors a[href="#code"]`).Length() != 2 || strings.ReplaceAll(wrong.text("#secret"), " ", "") != secret {
			t.Fatalf("%d %s", wrong.status, wrong.text(".errors"))
		}
		fill := url.Values{"name": {"Mon <i>téléphone</i>"}, "code": {s.code(t, secret, 0)}}
		done := emma.submit(wrong, "/profile/factors", fill)
		if done.status != http.StatusOK || done.Find("#recovery-codes li").Length() != models.RecoveryCodes {
			t.Fatalf("%d %s", done.status, done.text("main"))
		}
		if again := emma.submit(wrong, "/profile/factors", fill); again.location != "/profile/factors" {
			t.Errorf("sent twice: %d %s", again.status, again.text("main"))
		}
		list := emma.get("/profile/factors")
		if list.Find(`a[href^="/profile/factors/"]`).Length() != 2 || !strings.Contains(list.text("main"), "Mon <i>téléphone</i>") || strings.Contains(list.body, "<i>t") || strings.Contains(list.body, done.Find("#recovery-codes li").First().Text()) {
			t.Errorf("%s", list.text("main"))
		}
	})
}

func TestFactorsAskForAProofInTheirForms(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.app(t, cast.Emma)
		emma := s.as(t, cast.Emma)
		s.Clock.Move(models.ProofFor + time.Minute)
		list := emma.get("/profile/factors")
		edit := list.Find(`a[href^="/profile/factors/"][aria-label]`).AttrOr("href", "")
		for path, action := range map[string]string{"/profile/factors/new": "/profile/factors", edit + "/removal": edit + "/removal", "/profile/recovery-codes": "/profile/recovery-codes"} {
			page := emma.get(path)
			if page.Find("#proof").Length() != 1 || !strings.Contains(page.text(`label[for="proof"]`), "code from your app") {
				t.Errorf("%s does not ask: %s", path, page.text("main"))
				continue
			}
			for _, proof := range []string{"", "000000", "not the password"} {
				fill := url.Values{"proof": {proof}}
				if secret := strings.ReplaceAll(page.text("#secret"), " ", ""); secret != "" {
					fill.Set("code", s.code(t, secret, 0))
					fill.Set("name", "Kept")
				}
				p := emma.submit(page, action, fill)
				if p.status != http.StatusUnprocessableEntity || p.Find(`.errors a[href="#proof"]`).Length() != 1 {
					t.Errorf("%s with the proof %q: %d %s", path, proof, p.status, p.text("main"))
				}
				if fill.Has("name") && (p.Find("#name").AttrOr("value", "") != "Kept" || p.text("#secret") != page.text("#secret")) {
					t.Errorf("%s: what was typed is lost", path)
				}
			}
		}
		if n := s.Int(t, "SELECT count(*) FROM factors WHERE customer_id IS NOT NULL"); n != 1 {
			t.Errorf("%d apps", n)
		}
		s.Exec(t, "DELETE FROM throttles")
		done := emma.submit(emma.get("/profile/recovery-codes"), "/profile/recovery-codes", url.Values{"proof": {s.Code(t, s.apps[cast.Emma])}})
		if done.status != http.StatusOK || done.Find("#recovery-codes li").Length() != models.RecoveryCodes {
			t.Fatalf("with a code: %d %s", done.status, done.text("main"))
		}
		gone := emma.submit(emma.get(edit+"/removal"), edit+"/removal", nil) // proved a moment ago
		if gone.location != "/profile/factors" || !strings.Contains(emma.follow(gone).text("main"), "You have none yet") {
			t.Errorf("%d %s", gone.status, gone.text("main"))
		}
	})
}

func TestAShorterPasswordIsOfferedToWhoeverHasASecondFactor(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		const short = "brume-ocre-9"
		emma := s.as(t, cast.Emma)
		if hint := emma.get("/profile/password").text("#password-hint"); !strings.HasPrefix(hint, "15 ") {
			t.Errorf("hint %q", hint)
		}
		s.app(t, cast.Emma)
		page := emma.get("/profile/password")
		if hint := page.text("#password-hint"); !strings.HasPrefix(hint, "10 ") {
			t.Errorf("hint %q", hint)
		}
		if p := emma.submit(page, "/profile/password", url.Values{"current": {cast.Password}, "password": {short}, "password_again": {short}}); p.location != "/profile" {
			t.Fatalf("%d %s", p.status, p.text(".errors"))
		}
		edit := emma.get("/profile/factors").Find(`a[href^="/profile/factors/"][aria-label]`).AttrOr("href", "")
		asked := emma.get(edit + "/removal")
		if asked.status != http.StatusOK || asked.Find("main form").Length() != 0 || !strings.Contains(asked.text("main .message"), "15 characters") {
			t.Errorf("%d %s", asked.status, asked.text("main"))
		}
		p := emma.post(edit+"/removal", url.Values{"submission": {asked.submission()}})
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.text("main"), "15 characters") {
			t.Errorf("%d %s", p.status, p.text("main"))
		}
	})
}

// A number in a path is one as we write it, and its form comes back on its own page.
func TestAnAppIsNamedByItsNumberAlone(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		emma := s.as(t, cast.Emma)
		s.app(t, cast.Emma)
		list := emma.get("/profile/factors")
		edit := list.Find(`a[href^="/profile/factors/"][aria-label]`).AttrOr("href", "")
		id := strings.TrimPrefix(edit, "/profile/factors/")
		form := url.Values{"submission": {list.submission()}}
		for _, odd := range []string{"+" + id, "0" + id, "%20" + id} {
			for _, a := range []*answer{
				emma.get("/profile/factors/" + odd), emma.get("/profile/factors/" + odd + "/removal"),
				emma.post("/profile/factors/"+odd, form), emma.post("/profile/factors/"+odd+"/removal", form), emma.post("/profile/devices/"+odd+"/removal", form),
			} {
				if a.status != http.StatusNotFound {
					t.Errorf("%s: %d", odd, a.status)
				}
			}
		}
		if stale := emma.post(edit+"/removal", url.Values{"submission": {"stale"}}); stale.status != http.StatusUnprocessableEntity || stale.form(edit+"/removal") == nil {
			t.Errorf("%d %s", stale.status, stale.text("main"))
		}
		if n := s.Int(t, "SELECT count(*) FROM factors WHERE customer_id IS NOT NULL"); n != 1 {
			t.Errorf("%d apps", n)
		}
	})
}

func TestATrustedBrowserIsForgotten(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.app(t, cast.Emma)
		trusting := func() *visitor {
			v := s.visit(t)
			page := v.follow(v.post("/session", signIn(cast.Emma, cast.Password)))
			v.submit(page, "/session/factor", url.Values{"code": {s.Code(t, s.apps[cast.Emma])}, "trust": {"on"}})
			return v
		}
		one, other := trusting(), trusting()
		page := one.get("/profile/factors")
		forms := page.Find("#devices li button[formaction]")
		if forms.Length() != 2 {
			t.Fatal(page.text("#devices"))
		}
		if p := one.submit(page, forms.First().AttrOr("formaction", ""), nil); p.location != "/profile/factors" {
			t.Errorf("%d %s", p.status, p.text("main"))
		}
		if p := one.submit(one.get("/profile/factors"), "/profile/devices/removal", nil); p.location != "/profile/factors" {
			t.Errorf("%d %s", p.status, p.text("main"))
		}
		for _, v := range []*visitor{one, other} {
			v.submit(v.get("/profile"), "/session/end", nil)
			if p := v.post("/session", signIn(cast.Emma, cast.Password)); p.location != "/session/factor" {
				t.Errorf("it is not asked: %d %s", p.status, p.location)
			}
		}
	})
}

// Every way to a session of somebody with a second factor leads past it.
func TestNoWayGoesRoundTheSecondFactor(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		const chosen = "ardoise-goéland-soupière"
		_, codes := s.app(t, cast.Emma)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		inside := func(v *visitor) bool { return v.get("/profile").status == http.StatusOK }
		v := s.visit(t)
		if v.post("/session", signIn(cast.Emma, cast.Password)); inside(v) {
			t.Error("the password alone")
		}
		pending := cookieOf(t, v, "mandat-sign-in")
		for what, cookie := range map[string]string{
			"the token that waits as the session's": "mandat=" + pending, "as a trusted browser's": "mandat-trusted=" + pending + "; mandat-sign-in=" + pending,
		} {
			w := s.visit(t)
			if p := w.get("/profile", "Cookie", cookie); p.status == http.StatusOK {
				t.Error(what)
			}
			if p := w.do(http.MethodPost, "/session", signIn(cast.Emma, cast.Password), "Cookie", cookie); p.location == "/" {
				t.Errorf("%s: %s", what, p.location)
			}
		}
		// A browser that signed in before is known, and no more than that.
		known := s.as(t, cast.Emma)
		known.submit(known.get("/profile"), "/session/end", nil)
		if known.post("/session", signIn(cast.Emma, cast.Password)); inside(known) {
			t.Error("a browser that signed in before")
		}
		// Nor does a session of somebody else open the way.
		bruno := s.as(t, cast.Bruno)
		if bruno.post("/session", signIn(cast.Emma, cast.Password)); !strings.Contains(bruno.get("/profile").text(".identifier"), cast.Bruno) {
			t.Error("somebody else's session")
		}
		link, _, err := s.Store.NewPasswordLink(t.Context(), cast.Emma)
		must(err)
		w := s.visit(t)
		if p := w.submit(w.get("/password-links/"+link), "/password-links/"+link, url.Values{"password": {chosen}, "password_again": {chosen}}); p.location != "/sign-in" || inside(w) {
			t.Errorf("a link: %d %s", p.status, p.location)
		}
		if p := v.post("/session/factor", url.Values{"code": {codes[0]}}); p.status != http.StatusUnprocessableEntity || inside(v) {
			t.Errorf("what waited from before the link: %d", p.status)
		}
		if w.post("/session", signIn(cast.Emma, chosen)); inside(w) {
			t.Error("the password that the link set, alone")
		}
		if p := w.submit(w.get("/session/factor"), "/session/factor", url.Values{"code": {codes[0]}}); p.location != "/" || !inside(w) {
			t.Errorf("with a recovery code: %d %s", p.status, p.text(".errors"))
		}
	})
}
