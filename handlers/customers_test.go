package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.org/mandat/models/cast"
)

func TestEverybodyHasTheirProfile(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		statuses(t, s, "/profile", map[string]int{cast.Alice: 200, cast.Chloe: 200, cast.Emma: 200, cast.Sam: 403, "": 303})
		p := s.as(t, cast.Emma).get("/profile")
		if got := p.text(".identifier"); !strings.Contains(got, cast.Emma) || !strings.Contains(got, "Give this to whoever wants to delegate to you") {
			t.Errorf("identifier: %q", got)
		}
		if p.Find(`.copy[data-copy="`+cast.Emma+`"]`).Length() != 1 {
			t.Error("the identifier cannot be copied")
		}
		if got := p.Find("#time_zone option[selected]").AttrOr("value", ""); got != "Europe/Paris" {
			t.Errorf("zone %q", got)
		}
	})
}

func TestTheNextPageSpeaksTheChosenLanguage(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		done := alice.follow(alice.submit(alice.get("/profile"), "/profile", url.Values{"name": {"Alice <i>Durand</i>"}, "language": {"en"}, "theme": {"dark"}, "time_zone": {"America/Montreal"}}))
		if done.text("#messages") != "Your profile is saved." || done.text("h1") != "Your profile" {
			t.Errorf("%q under %q", done.text("#messages"), done.text("h1"))
		}
		if done.Find(`html[data-theme="dark"]`).Length() != 1 || done.Find("#name").AttrOr("value", "") != "Alice <i>Durand</i>" || strings.Contains(done.body, "<i>") {
			t.Error("theme or name")
		}
		s.Exec(t, "UPDATE customers SET time_zone = 'Pacific/Chatham' WHERE identifier = 'ad1001-mdt'")
		if got := alice.get("/profile").Find("#time_zone option[selected]").AttrOr("value", ""); got != "Pacific/Chatham" {
			t.Errorf("a zone beyond the list: %q", got)
		}
	})
}

func TestARefusedProfileComesBackAsTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		p := alice.submit(alice.get("/profile"), "/profile", url.Values{"name": {" "}, "time_zone": {"Mars/Olympus"}})
		if p.status != http.StatusUnprocessableEntity || p.Find("#name").AttrOr("value", "") != " " {
			t.Fatalf("%d", p.status)
		}
		for _, field := range []string{"name", "time_zone"} {
			if p.Find(`.errors a[href="#`+field+`"]`).Length() != 1 {
				t.Errorf("%s: %s", field, p.text(".errors"))
			}
		}
	})
}

func TestAProfileChangedElsewhereShowsBothValues(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		one, other := s.as(t, cast.Alice), s.as(t, cast.Alice)
		form := one.get("/profile")
		other.follow(other.submit(other.get("/profile"), "/profile", url.Values{"name": {"Alice D."}}))
		conflict := one.submit(form, "/profile", url.Values{"name": {"A. Durand"}})
		if conflict.status != http.StatusConflict || conflict.texts(".compare tbody tr > *") != "Nom | A. Durand | Alice D." {
			t.Fatalf("%d %q", conflict.status, conflict.texts(".compare tbody tr > *"))
		}
		if done := one.follow(one.submit(conflict, "/profile", nil)); done.Find("#name").AttrOr("value", "") != "A. Durand" {
			t.Error("sent again, it is not stored")
		}
	})
}

func TestANewPasswordNeedsThePresentOneAndSignsOutElsewhere(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		const path, next = "/profile/password", "ardoise-goéland-soupière"
		emma, elsewhere := s.as(t, cast.Emma), s.as(t, cast.Emma)
		wrong := emma.submit(emma.get(path), path, url.Values{"current": {"guess"}, "password": {"short"}, "password_again": {"short"}})
		if wrong.status != http.StatusUnprocessableEntity || wrong.Find(`.errors a[href="#current"]`).Length() != 1 || wrong.Find(`.errors a[href="#password"]`).Length() != 1 {
			t.Fatalf("%d %s", wrong.status, wrong.text(".errors"))
		}
		if strings.Contains(wrong.body, "guess") {
			t.Error("a password came back")
		}
		panel := emma.post(path, url.Values{"submission": {wrong.submission()}, "current": {"guess"}, "password": {next}, "password_again": {"other"}}, "HX-Request", "true", "HX-Target", "panel")
		if panel.status != http.StatusUnprocessableEntity || panel.Find("section.panel").Length() != 1 || panel.Find("title").Length() != 0 {
			t.Errorf("panel: %d", panel.status)
		}
		done := emma.post(path, url.Values{"submission": {wrong.submission()}, "current": {cast.Password}, "password": {next}, "password_again": {next}}, "HX-Request", "true", "HX-Target", "panel")
		if done.header.Get("HX-Redirect") != "/profile" || done.status != http.StatusOK {
			t.Fatalf("done: %d %s", done.status, done.text(".errors"))
		}
		if got := emma.get("/profile").text("#messages"); !strings.HasPrefix(got, "Your password is changed.") {
			t.Errorf("message %q", got)
		}
		if p := elsewhere.get("/profile"); p.status != http.StatusSeeOther {
			t.Errorf("elsewhere: %d, want to sign in", p.status)
		}
		if p := s.visit(t).post("/session", url.Values{"identifier": {cast.Emma}, "password": {next}}); p.status != http.StatusSeeOther {
			t.Errorf("the new password: %d", p.status)
		}
	})
}
