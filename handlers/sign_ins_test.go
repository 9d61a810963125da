package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/totp"
)

// app gives a customer an authenticator app beside the panel.
func (s *site) app(t testing.TB, identifier string) (secret string, codes []string) {
	t.Helper()
	by := s.Actor(t, identifier)
	e, err := s.Store.Enrolment(t.Context(), by, "")
	if err != nil {
		t.Fatal(err)
	}
	codes, err = s.Store.EnrolFactor(t.Context(), by, models.NewFactor{Name: "Phone", Sealed: e.Sealed, Code: s.code(t, e.Secret, -1)})
	if err != nil {
		t.Fatal(err)
	}
	s.apps[identifier] = e.Secret
	return e.Secret, codes
}

// code is what an app shows so many periods from now.
func (s *site) code(t testing.TB, secret string, periods int) string {
	t.Helper()
	code, err := totp.Code(secret, s.Store.Now().Add(totp.Period*time.Duration(periods)))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestASecondFactorIsAskedForOnAPageOfItsOwn(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		secret, _ := s.app(t, cast.Emma)
		v := s.visit(t)
		in := v.submit(v.get("/sign-in?next=/profile"), "/session", signIn(cast.Emma, cast.Password))
		if in.location != "/session/factor?next=%2Fprofile" || strings.Contains(strings.Join(in.header.Values("Set-Cookie"), ";"), "mandat=") {
			t.Fatalf("%d %s %q", in.status, in.location, in.header.Values("Set-Cookie"))
		}
		for _, cookie := range in.header.Values("Set-Cookie") {
			if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") || !strings.Contains(cookie, "Max-Age=600") {
				t.Errorf("cookie %q", cookie[strings.Index(cookie, ";"):])
			}
		}
		for _, path := range []string{"/profile", "/services", emails, "/profile/factors", "/history"} {
			if p := v.get(path); p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "/sign-in") {
				t.Errorf("%s before the second factor: %d %s", path, p.status, p.location)
			}
		}
		page := v.follow(in)
		if page.status != http.StatusOK || page.Find(`#code[autocomplete="one-time-code"]`).Length() != 1 || page.Find("#trust").Length() != 1 {
			t.Fatalf("%d %s", page.status, page.text("main"))
		}
		wrong := v.submit(page, "/session/factor", url.Values{"code": {"000000"}, "trust": {"on"}})
		if wrong.status != http.StatusUnprocessableEntity || wrong.Find(`.errors a[href="#code"]`).Length() != 1 || strings.Contains(wrong.body, "000000") || wrong.Find("#trust[checked]").Length() != 1 {
			t.Fatalf("%d %s", wrong.status, wrong.text("main"))
		}
		done := v.submit(wrong, "/session/factor", url.Values{"code": {s.code(t, secret, 0)}})
		if done.location != "/profile" || v.follow(done).text("h1") == "" {
			t.Fatalf("%d %s %s", done.status, done.location, done.text(".errors"))
		}
		if p := v.get("/session/factor"); p.location != "/sign-in" {
			t.Errorf("its page afterwards: %d %s", p.status, p.location)
		}

		// It trusts this browser by now, and no other.
		out := v.get("/profile")
		v.submit(out, "/session/end", nil)
		if p := v.post("/session", signIn(cast.Emma, cast.Password)); p.location != "/" {
			t.Errorf("in a trusted browser: %d %s", p.status, p.location)
		}
		if p := s.visit(t).post("/session", signIn(cast.Emma, cast.Password)); p.location != "/session/factor" {
			t.Errorf("elsewhere: %d %s", p.status, p.location)
		}
	})
}

// The first recovery codes are shown to somebody signed in: their page lapses
// with the session, and its switches work.
func TestTheFirstRecoveryCodesAreOnAPageOfTheirOwner(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.Exec(t, "DELETE FROM factors")
		s.Exec(t, "DELETE FROM recovery_codes")
		v := s.visit(t)
		page := v.follow(v.post("/session", signIn(cast.Sam, cast.Password)))
		secret := strings.ReplaceAll(page.text("#secret"), " ", "")
		shown := v.submit(page, "/session/factor", url.Values{"name": {"Phone"}, "code": {s.Code(t, secret)}})
		if shown.status != http.StatusOK || shown.Find("#recovery-codes li").Length() != models.RecoveryCodes || shown.text(".topbar .mono") != cast.Sam || shown.Find("html").AttrOr("data-idle", "") != "900" {
			t.Fatalf("%d %s", shown.status, shown.text("body"))
		}
		if copied := strings.Split(shown.Find("button.copy").AttrOr("data-copy", ""), "\n"); strings.Join(copied, " | ") != shown.texts("#recovery-codes li") {
			t.Errorf("copies %q", copied)
		}
		if p := v.submit(shown, "/preferences", url.Values{"theme": {"dark"}}); p.status != http.StatusSeeOther {
			t.Errorf("the switch of themes: %d %s", p.status, p.text("main"))
		}
	})
}

func TestTheFifthWrongCodeLeadsBackToTheBeginning(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, codes := s.app(t, cast.Emma)
		v := s.visit(t)
		page := v.follow(v.submit(v.get("/sign-in?next=/profile"), "/session", signIn(cast.Emma, cast.Password)))
		var p *answer
		for range 5 {
			p = v.submit(page, "/session/factor", url.Values{"code": {"never mind"}})
		}
		if p.status != http.StatusUnprocessableEntity || p.form("/session") == nil || !strings.Contains(p.text(".errors"), "over") || p.Find("input[name=next]").AttrOr("value", "") != "/profile" {
			t.Fatalf("%d %s", p.status, p.text("main"))
		}
		if p := v.submit(page, "/session/factor", url.Values{"code": {codes[0]}}); p.status != http.StatusUnprocessableEntity || p.form("/session") == nil {
			t.Errorf("after it: %d %s", p.status, p.text("main"))
		}
	})
}

func TestARecoveryCodeSignsInWhereCodesAreThrottled(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		secret, codes := s.app(t, cast.Emma)
		s.Exec(t, "INSERT INTO throttles (subject, failures, since, last_at) SELECT 'code:ep1005-mdt', 10, max(created_at), max(created_at) FROM factors")
		v := s.visit(t)
		page := v.follow(v.post("/session", signIn(cast.Emma, cast.Password)))
		p := v.submit(page, "/session/factor", url.Values{"code": {s.code(t, secret, 0)}})
		if p.status != http.StatusTooManyRequests || !strings.Contains(p.text(".errors"), "recovery code") {
			t.Fatalf("%d %s", p.status, p.text(".errors"))
		}
		if p := v.submit(p, "/session/factor", url.Values{"code": {codes[9]}}); p.location != "/" {
			t.Errorf("%d %s", p.status, p.text(".errors"))
		}
	})
}

func TestAnAgentAddsAnAppBeforeTheyAreSignedIn(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, err := s.Store.AddAgent(t.Context(), models.NewAgent{Identifier: "lea-support", Name: "Léa", Email: "lea@mandat.example", Language: "en", Role: "agent", Password: cast.Password})
		if err != nil {
			t.Fatal(err)
		}
		v := s.visit(t)
		page := v.follow(v.post("/session", signIn("lea-support", cast.Password)))
		secret := strings.ReplaceAll(page.text("#secret"), " ", "")
		if len(secret) != 32 || page.Find("svg.qr path").AttrOr("d", "") == "" || page.Find("#trust").Length() != 0 {
			t.Fatalf("%d %s", page.status, page.text("main"))
		}
		wrong := v.submit(page, "/session/factor", url.Values{"code": {"000000"}, "name": {"My <b>phone</b>"}})
		if wrong.status != http.StatusUnprocessableEntity || strings.ReplaceAll(wrong.text("#secret"), " ", "") != secret || wrong.Find("#name").AttrOr("value", "") != "My <b>phone</b>" {
			t.Fatalf("%d %s", wrong.status, wrong.text("main"))
		}
		if p := v.get("/profile/factors"); p.status != http.StatusSeeOther {
			t.Errorf("before it: %d", p.status)
		}
		done := v.submit(wrong, "/session/factor", url.Values{"code": {s.code(t, secret, 0)}})
		if done.status != http.StatusOK || done.Find("#recovery-codes li").Length() != models.RecoveryCodes {
			t.Fatalf("%d %s", done.status, done.text("main"))
		}
		if p := v.get("/profile/factors"); p.status != http.StatusOK || !strings.Contains(p.text("main"), "My <b>phone</b>") {
			t.Errorf("after it: %d %s", p.status, p.text("main"))
		}
	})
}

// Whoever does not know the password learns nothing of second factors.
func TestAWrongPasswordTellsNothingOfASecondFactor(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.app(t, cast.Emma)
		var first string
		for _, identifier := range []string{cast.Emma, cast.David, cast.Sam, "zz9999-mdt"} {
			p := s.visit(t).post("/session", signIn(identifier, "wrong-password-here"))
			got := strings.ReplaceAll(withoutChance(p), identifier, "…")
			if first == "" {
				first = got
			}
			if got != first {
				t.Errorf("%s is answered\n%s\nand somebody with a factor\n%s", identifier, got, first)
			}
		}
	})
}

// Whatever is sent instead of a code, its page comes back.
func TestACodeIsAnyText(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.app(t, cast.Emma)
		for _, text := range some(nasty, 0, 4) {
			for _, field := range []string{"code", "next"} {
				s.Exec(t, "DELETE FROM throttles")
				s.Exec(t, "UPDATE sign_ins SET tries = 0")
				v := s.visit(t)
				v.follow(v.post("/session", signIn(cast.Emma, cast.Password)))
				p := v.post("/session/factor", with(url.Values{"code": {"x"}}, field, text))
				wantOurs(t, field+" "+text[:min(len(text), 30)], p, http.StatusUnprocessableEntity)
			}
		}
		for what, form := range map[string]url.Values{"twice": {"code": {"1", "2"}}, "foreign": {"code": {"1"}, "customer_id": {"1"}}, "no UTF-8": {"code": {"\xff"}}, "NUL": {"code": {"\x00"}}} {
			wantOurs(t, what, s.visit(t).post("/session/factor", form), http.StatusBadRequest)
		}
		wantOurs(t, "from another site", s.visit(t).post("/session/factor", url.Values{"code": {"1"}}, "Origin", "https://evil.example"), http.StatusForbidden)
	})
}
