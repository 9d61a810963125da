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

// After too many wrong proofs a form waits, and what was typed waits with it.
func TestAProofThatCameTooSoonKeepsWhatWasTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		emma := s.as(t, cast.Emma)
		s.Clock.Move(models.ProofFor + time.Minute)
		s.Clock.Stop()
		page, tries := emma.get("/profile/contact"), 0
		for ; tries < 12 && page.status != http.StatusTooManyRequests; tries++ {
			page = emma.submit(page, "/profile/contact", url.Values{"email": {"emma@ailleurs.example"}, "proof": {"guessed-it-myself"}})
		}
		if page.status != http.StatusTooManyRequests || page.header.Get("Retry-After") == "" {
			t.Fatalf("%d after %d", page.status, tries)
		}
		if page.Find("#email").AttrOr("value", "") != "emma@ailleurs.example" || page.Find(`.errors a[href="#proof"]`).Length() != 1 || !strings.Contains(page.text(".errors"), "Wait") {
			t.Errorf("%s", page.text("main"))
		}
		for action, form := range map[string]string{
			"/profile/factors": "/profile/factors/new", "/profile/passkeys": "/profile/passkeys/new", "/profile/sessions/end": "/profile/sessions",
		} {
			s.as(t, cast.Emma) // another session to end
			if p := emma.submit(emma.get(form), action, url.Values{"proof": {"guessed-it-myself"}}); p.status != http.StatusTooManyRequests || p.Find("#proof").Length() != 1 {
				t.Errorf("%s: %d %s", action, p.status, p.text("main"))
			}
		}
		if p := emma.submit(emma.get("/profile/password"), "/profile/password", url.Values{"current": {"guessed-it-myself"}, "password": {"ardoise-goéland-soupière"}, "password_again": {"ardoise-goéland-soupière"}}); p.status != http.StatusTooManyRequests || p.Find(`.errors a[href="#current"]`).Length() != 1 || p.header.Get("Retry-After") == "" {
			t.Errorf("%d %s", p.status, p.text("main"))
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
