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

func TestAnotherContactAddressAsksForAProofAndKeepsWhatWasTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		emma := s.as(t, cast.Emma)
		other := emma.get("/services") // another tab
		fill := url.Values{"email": {"emma@ailleurs.example"}}
		s.Clock.Move(models.ProofFor + time.Minute)

		asked := emma.submit(emma.get("/profile/contact"), "/profile/contact", fill)
		if asked.status != http.StatusUnprocessableEntity || asked.Find(`.errors a[href="#proof"]`).Length() != 1 || asked.Find(`#proof[type="password"]`).Length() != 1 {
			t.Fatalf("%d %s", asked.status, asked.text("main"))
		}
		wrong := emma.submit(asked, "/profile/contact", url.Values{"proof": {"guessed-it-myself"}})
		if wrong.status != http.StatusUnprocessableEntity || wrong.Find("#email").AttrOr("value", "") != "emma@ailleurs.example" || strings.Contains(wrong.body, "guessed-it-myself") {
			t.Fatalf("%d %s", wrong.status, wrong.text(".errors"))
		}
		before := cookieOf(t, emma, "mandat")
		done := emma.submit(wrong, "/profile/contact", url.Values{"proof": {cast.Password}})
		if done.status != http.StatusSeeOther || !strings.Contains(done.header.Get("Set-Cookie"), "HttpOnly") {
			t.Fatalf("%d %s", done.status, done.text(".errors"))
		}
		if p := emma.follow(done); !strings.Contains(p.text("main"), "emma@ailleurs.example") {
			t.Error("what was typed is lost")
		}
		if p := s.visit(t).get("/profile", "Cookie", "mandat="+before); p.status != http.StatusSeeOther {
			t.Errorf("the old reference: %d", p.status)
		}
		if p := emma.submit(wrong, "/profile/contact", url.Values{"proof": {cast.Password}}); p.status != http.StatusSeeOther {
			t.Errorf("sent twice: %d", p.status)
		}
		if p := emma.submit(other, "/session/end", nil); p.location != "/sign-in" {
			t.Errorf("a form of before the proof: %d %s", p.status, p.text("main"))
		}
	})
}

func TestTheRestOfTheProfileNeedsNoProof(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		emma := s.as(t, cast.Emma)
		s.Clock.Move(models.ProofFor + time.Minute)
		before := cookieOf(t, emma, "mandat")
		if done := emma.submit(emma.get("/profile"), "/profile", url.Values{"name": {"Emma P."}}); done.status != http.StatusSeeOther {
			t.Fatalf("%d %s", done.status, done.text(".errors"))
		}
		if cookieOf(t, emma, "mandat") != before {
			t.Error("nothing was proved, and the reference is another")
		}
	})
}

func TestANewPasswordGivesTheSessionANewReference(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		const path, next = "/profile/password", "ardoise-goéland-soupière"
		emma := s.as(t, cast.Emma)
		before := cookieOf(t, emma, "mandat")
		form := emma.get(path)
		fill := url.Values{"current": {cast.Password}, "password": {next}, "password_again": {next}}
		for range 2 { // the second time it has acted
			if p := emma.submit(form, path, fill); p.location != "/profile" {
				t.Fatalf("%d %s", p.status, p.text(".errors"))
			}
		}
		if p := s.visit(t).get("/profile", "Cookie", "mandat="+before); p.status != http.StatusSeeOther {
			t.Errorf("the old reference: %d", p.status)
		}
	})
}
