package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

func signIn(identifier, password string) url.Values {
	return url.Values{"identifier": {identifier}, "password": {password}}
}

func TestTheFirstPageLeadsToSignInOrToTheServices(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		if p := s.visit(t).get("/"); p.location != "/sign-in" {
			t.Errorf("signed out: %d %s", p.status, p.location)
		}
		alice := s.as(t, cast.Alice)
		if p := alice.get("/"); p.location != "/services" {
			t.Errorf("signed in: %d %s", p.status, p.location)
		}
		if p := alice.get("/sign-in?next=/profile"); p.location != "/profile" {
			t.Errorf("signing in again: %d %s", p.status, p.location)
		}
	})
}

func TestAnIdentifierIsTypedInAnyCase(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		v := s.visit(t)
		p := v.submit(v.get("/sign-in"), "/session", signIn(" AD1001-MDT ", cast.Password))
		if p.status != http.StatusSeeOther || p.location != "/" {
			t.Fatalf("%d %s", p.status, p.location)
		}
		for _, cookie := range p.header.Values("Set-Cookie") {
			if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") || !strings.Contains(cookie, "Path=/") || strings.Contains(cookie, "Secure") {
				t.Errorf("cookie %q", cookie[strings.Index(cookie, ";"):]) // http on loopback: Secure would be lost
			}
		}
	})
}

func TestADisabledCustomerIsAnsweredAsWhoMistypes(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		open := s.as(t, cast.Emma)
		if _, err := s.Store.DisableCustomer(t.Context(), cast.Emma); err != nil {
			t.Fatal(err)
		}
		if p := open.get("/services"); p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "/sign-in") {
			t.Errorf("an open page: %d %s", p.status, p.location)
		}
		var answers []string
		for _, identifier := range []string{cast.Emma, "zz9999-mdt"} {
			v := s.visit(t)
			p := v.submit(v.get("/sign-in"), "/session", signIn(identifier, cast.Password))
			if p.status != http.StatusUnprocessableEntity || len(p.header.Values("Set-Cookie")) > 0 {
				t.Fatalf("%s: %d %v", identifier, p.status, p.header)
			}
			answers = append(answers, strings.ReplaceAll(p.text("main"), identifier, ""))
		}
		if answers[0] != answers[1] {
			t.Errorf("%q and %q", answers[0], answers[1])
		}
	})
}

func TestAWrongPasswordAndAnUnknownIdentifierAreAnsweredAlike(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		var answers []string
		for _, identifier := range []string{cast.Alice, "zz9999-mdt", "<b>nobody</b>"} {
			v := s.visit(t)
			p := v.submit(v.get("/sign-in?next=/profile"), "/session", signIn(identifier, "wrong-password-here"))
			if p.status != http.StatusUnprocessableEntity || !strings.HasPrefix(p.text("title"), "Error: ") {
				t.Fatalf("%s: %d %q", identifier, p.status, p.text("title"))
			}
			if p.Find("#identifier").AttrOr("value", "") != identifier || p.Find("input[name=next]").AttrOr("value", "") != "/profile" {
				t.Errorf("%s: what was typed is lost", identifier)
			}
			if strings.Contains(p.body, "wrong-password-here") || strings.Contains(p.body, "<b>nobody") {
				t.Errorf("%s: the page shows the password, or runs the identifier", identifier)
			}
			answers = append(answers, p.text(".errors"))
		}
		if answers[0] != answers[1] || answers[1] != answers[2] || !strings.Contains(answers[0], "do not go together") {
			t.Errorf("answers %q", answers)
		}
	})
}

func TestTooManyWrongPasswordsWait(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		v := s.visit(t)
		var p *answer
		for range 11 {
			p = v.post("/session", signIn(cast.Alice, "wrong-password-here"))
		}
		if p.header.Get("Retry-After") == "" {
			t.Error("it does not say when to try again")
		}
		if p.status != http.StatusTooManyRequests || !strings.Contains(p.text(".errors"), "Wait 1 second") && !strings.Contains(p.text(".errors"), "Wait 2 seconds") {
			t.Errorf("%d %s", p.status, p.text(".errors"))
		}
		if p.Find("#identifier").AttrOr("value", "") != cast.Alice {
			t.Error("what was typed is lost")
		}
	})
}

func TestSigningInLeadsBackToThisSiteOnly(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		if p := s.visit(t).get(contact + "?a=b"); p.status != http.StatusSeeOther || p.location != "/sign-in?next="+url.QueryEscape(contact+"?a=b") {
			t.Errorf("signed out: %d %s", p.status, p.location)
		}
		for next, want := range map[string]string{
			contact + "?a=b": contact + "?a=b", "": "/", "https://evil.example/": "/", "//evil.example/": "/", `/\evil.example`: "/", `\\evil.example`: "/",
			"javascript:alert(1)": "/", "/\tx": "/", "services": "/", "http:services": "/", "/%0aSet-Cookie:x": "/%0aSet-Cookie:x",
		} {
			form := signIn(cast.Alice, cast.Password)
			form.Set("next", next)
			if p := s.visit(t).post("/session", form); p.location != want {
				t.Errorf("next %q leads to %q, want %q", next, p.location, want)
			}
		}
	})
}

func TestSigningOutEndsTheSessionEverywhereItsCookieIs(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		p := alice.get("/profile")
		origin, _ := url.Parse(s.url)
		kept := alice.client.Jar.Cookies(origin)
		if out := alice.post("/session/end", url.Values{"submission": {"forged"}}); out.status != http.StatusUnprocessableEntity {
			t.Errorf("a forged form signs out: %d", out.status)
		}
		if out := alice.submit(p, "/session/end", nil); out.location != "/sign-in" {
			t.Fatalf("%d %s", out.status, out.location)
		}
		alice.client.Jar.SetCookies(origin, kept)
		if back := alice.get("/profile"); back.status != http.StatusSeeOther {
			t.Errorf("the old cookie: %d", back.status)
		}
		if out := alice.post("/session/end", url.Values{"submission": {p.submission()}}); out.location != "/sign-in" {
			t.Errorf("signing out twice: %d %s", out.status, out.location)
		}
	})
}

func TestAStaleOrForgedCookieIsNobody(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		form := alice.get(contact)
		s.Clock.Move(models.IdleFor + time.Minute)
		if p := alice.get(contact); p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "/sign-in?next=") {
			t.Errorf("idle too long: %d %s", p.status, p.location)
		}
		if p := alice.post(contact, url.Values{"submission": {form.submission()}, "description": {"x"}}, "Referer", s.url+contact); p.location != "/sign-in?next="+url.QueryEscape(contact) {
			t.Errorf("a form of a session that has ended: %d %s", p.status, p.location)
		}
		if p := alice.get(emails, "HX-Request", "true", "Referer", s.url+emails); p.status != http.StatusUnauthorized || p.header.Get("HX-Redirect") != "/sign-in?next="+url.QueryEscape(emails) {
			t.Errorf("a fragment: %d %s", p.status, p.header.Get("HX-Redirect"))
		}
		for _, token := range []string{"x", strings.Repeat("A", 43), strings.Repeat("A", 5000), "%00"} {
			if p := s.visit(t).get("/profile", "Cookie", "mandat="+token); p.status != http.StatusSeeOther {
				t.Errorf("cookie %.10q: %d", token, p.status)
			}
		}
	})
}

func TestAFormOfAnEarlierSessionComesBackToBeSentAgain(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		form := alice.get(contact)
		alice.post("/session", signIn(cast.Alice, cast.Password))
		stale := alice.submit(form, contact, url.Values{"description": {"Avant"}})
		if stale.status != http.StatusUnprocessableEntity || stale.Find("#description").AttrOr("value", "") != "Avant" {
			t.Fatalf("%d", stale.status)
		}
		if done := alice.submit(stale, contact, nil); done.status != http.StatusSeeOther {
			t.Errorf("sent again: %d %s", done.status, done.text(".errors"))
		}
	})
}

func TestLanguageAndThemeAreChosenSignedInAndOut(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		v := s.visit(t)
		p := v.follow(v.post("/preferences", url.Values{"lang": {"fr"}, "next": {"/sign-in"}}))
		if p.text("h1") != "Se connecter" || p.Find(`html[lang="fr"]`).Length() != 1 {
			t.Errorf("signed out: %q", p.text("h1"))
		}
		p = v.follow(v.post("/preferences", url.Values{"theme": {"dark"}, "next": {"/sign-in"}}))
		if p.Find(`html[data-theme="dark"][lang="fr"]`).Length() != 1 {
			t.Error("signed out: the theme is not kept")
		}
		alice := s.as(t, cast.Alice)
		submission := alice.get("/profile").submission()
		p = alice.follow(alice.post("/preferences", url.Values{"lang": {"en"}, "next": {"/profile"}, "submission": {submission}}))
		if p.text("h1") != "Your profile" {
			t.Errorf("signed in: %q", p.text("h1"))
		}
		if again := s.as(t, cast.Alice).get("/profile"); again.text("h1") != "Your profile" {
			t.Error("another browser does not know of it")
		}
		for _, form := range []url.Values{{"lang": {"xx"}}, {"theme": {"pink"}}, {"lang": {"en", "fr"}}, {"other": {"1"}}} {
			if p := v.post("/preferences", form); p.status != http.StatusBadRequest {
				t.Errorf("%v: %d, want 400", form, p.status)
			}
		}
		if p := alice.post("/preferences", url.Values{"lang": {"fr"}, "submission": {"forged"}}); p.status != http.StatusUnprocessableEntity {
			t.Errorf("a forged form: %d", p.status)
		}
		if p := v.post("/preferences", url.Values{"lang": {"en"}, "next": {"//evil.example"}}); p.location != "/" {
			t.Errorf("leads to %q", p.location)
		}
	})
}

func TestALinkSetsAPasswordOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		const chosen = "ardoise-goéland-soupière"
		token, _, err := s.Store.NewPasswordLink(t.Context(), cast.Emma)
		if err != nil {
			t.Fatal(err)
		}
		path := "/password-links/" + token
		signedIn, v := s.as(t, cast.Emma), s.visit(t)
		form := v.get(path)
		if form.status != http.StatusOK || form.Find("#identifier").AttrOr("value", "") != cast.Emma || !strings.Contains(form.text("#password-hint"), fmt.Sprint(models.MinCustomerPassword)) {
			t.Fatalf("%d %s", form.status, form.text("main"))
		}
		for field, fill := range map[string]url.Values{
			"password":       {"password": {"quinze-moins-1"}, "password_again": {"quinze-moins-1"}},
			"password_again": {"password": {chosen}, "password_again": {"other"}},
		} {
			p := v.submit(form, path, fill)
			if p.status != http.StatusUnprocessableEntity || p.Find(`.errors a[href="#`+field+`"]`).Length() != 1 || strings.Contains(p.body, chosen) {
				t.Errorf("%s: %d %s", field, p.status, p.text(".errors"))
			}
		}
		if p := v.submit(form, path, url.Values{"password": {chosen}, "password_again": {chosen}}); p.location != "/sign-in" {
			t.Fatalf("%d %s", p.status, p.text(".errors"))
		}
		if p := v.get("/sign-in"); !strings.Contains(p.text(".message"), "Your password is set") || p.Find("#identifier").AttrOr("value", "") != cast.Emma {
			t.Errorf("%s", p.text("main"))
		}
		if p := v.get("/sign-in"); p.Find(".message").Length() != 0 || p.Find("#identifier").AttrOr("value", "") != "" {
			t.Errorf("said twice: %s", p.text("main"))
		}
		if p := v.submit(form, path, url.Values{"password": {chosen}, "password_again": {chosen}}); p.status != http.StatusNotFound {
			t.Errorf("used twice: %d", p.status)
		}
		if p := signedIn.get("/profile"); p.status != http.StatusSeeOther {
			t.Errorf("an open session goes on: %d", p.status)
		}
		if p := v.post("/session", signIn(cast.Emma, chosen)); p.status != http.StatusSeeOther {
			t.Errorf("the new password: %d", p.status)
		}
		if p := v.get("/password-links/never-made"); p.status != http.StatusNotFound || p.text("h1") != "This link no longer works" {
			t.Errorf("no such link: %d %q", p.status, p.text("h1"))
		}
	})
}
