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

const ownSessions = "/profile/sessions"

// signInAs signs somebody in with a browser that calls itself so.
func (s *site) signInAs(t *testing.T, identifier, userAgent string) *visitor {
	t.Helper()
	v := s.visit(t)
	p := v.post("/session", signIn(identifier, cast.Password), "User-Agent", userAgent)
	if secret, has := s.apps[identifier]; has {
		p = v.post("/session/factor", url.Values{"code": {s.Code(t, secret)}}, "User-Agent", userAgent)
	}
	if p.status != http.StatusSeeOther {
		t.Fatalf("%s cannot sign in: %d", identifier, p.status)
	}
	return v
}

const (
	firefoxOnWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0"
	safariOnIPhone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)

func TestSomebodySeesWhereTheyAreSignedInAndEndsIt(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for _, who := range []string{cast.David, cast.Sam} { // who read English
			here, away, hostile := s.signInAs(t, who, firefoxOnWindows), s.signInAs(t, who, safariOnIPhone), s.signInAs(t, who, "<script>alert(1)</script>")
			page := here.get(ownSessions)
			if page.status != http.StatusOK || page.Find(".list > li").Length() != 3 {
				t.Fatalf("%s: %d %s", who, page.status, page.text("main"))
			}
			if own := page.text(".list > li:first-child"); !strings.Contains(own, "Firefox on Windows") || !strings.Contains(own, "This browser") || !strings.Contains(own, "127.0.0.1") || page.Find(".list > li:first-child button").Length() != 0 {
				t.Errorf("%s: this one: %s", who, own)
			}
			all := page.text(".list")
			for _, part := range []string{"Safari on iPhone", "A browser that is not known", "last used", "at the latest"} {
				if !strings.Contains(all, part) {
					t.Errorf("%s: %q is not in %s", who, part, all)
				}
			}
			if strings.Contains(page.body, "<script>alert") {
				t.Error("a browser's name is markup")
			}
			if first := page.Find(`form#session-act button:not([type="button"]), button[form="session-act"]`).First(); first.Closest("form#session-act").AttrOr("action", "") != ownSessions+"/end" || first.AttrOr("formaction", "") != "" {
				t.Errorf("Enter presses %s", first.Text())
			}
			button := page.Find(`.list button[aria-label*="Safari on iPhone"]`)
			ended := here.submit(page, button.AttrOr("formaction", ""), nil)
			if said := here.follow(ended).text("#messages"); !strings.HasPrefix(said, "This session is ended.") {
				t.Errorf("%s: %q", who, said)
			}
			if p := away.get(ownSessions); p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "/sign-in?next=") {
				t.Errorf("%s: the one that was ended: %d %s", who, p.status, p.location)
			}
			if p := hostile.get(ownSessions); p.status != http.StatusOK {
				t.Errorf("%s: another: %d", who, p.status)
			}
			if said := here.follow(here.submit(here.get(ownSessions), ownSessions+"/end", nil)).text("#messages"); said != "1 other session is ended." {
				t.Errorf("%s: %q", who, said)
			}
			if p := hostile.get(ownSessions); p.status != http.StatusSeeOther {
				t.Errorf("%s: the last one: %d", who, p.status)
			}
			last := here.get(ownSessions)
			if last.Find(".list > li").Length() != 1 || last.form(ownSessions+"/end") != nil && last.Find(`button[formaction="`+ownSessions+`/end"]`).Length() != 0 {
				t.Errorf("%s: alone: %s", who, last.text("main"))
			}
			if said := here.follow(here.post(ownSessions+"/end", url.Values{"submission": {last.submission()}})).text("#messages"); said != "You are signed in nowhere else." {
				t.Errorf("%s: %q", who, said)
			}
		}
	})
}

// Whose a session is, and whether it is there at all, look the same.
func TestASessionOfSomebodyElseIsNotFound(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, david := s.as(t, cast.Alice), s.as(t, cast.David)
		theirs := s.Int(t, "SELECT max(s.id) FROM sessions s JOIN customers c ON c.id = s.customer_id WHERE c.identifier = 'ad1001-mdt'")
		for _, id := range []string{fmt.Sprint(theirs), "99999999", "0", "-1", "x"} {
			if p := david.post(ownSessions+"/"+id+"/end", url.Values{"submission": {david.get(ownSessions).submission()}}); p.status != http.StatusNotFound {
				t.Errorf("session %s: %d", id, p.status)
			}
		}
		if p := david.get(ownSessions); strings.Count(p.text(".list"), "network address") != 1 {
			t.Errorf("David sees %s", p.text(".list"))
		}
		if p := alice.get("/profile"); p.status != http.StatusOK {
			t.Errorf("Alice: %d", p.status)
		}
	})
}

func TestASessionThatIsEndedElsewhereEndsItsStream(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		path := s.long(t)
		away, here := s.as(t, cast.Alice), s.as(t, cast.Alice)
		f := away.follows(path + "/progress")
		f.next(t)
		here.follow(here.submit(here.get(ownSessions), ownSessions+"/end", nil))
		ended := time.Now()
		select {
		case <-f.ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the stream goes on")
		}
		if took := time.Since(ended); took > 2500*time.Millisecond { // a busy machine takes some of it
			t.Errorf("the stream went on for %v", took)
		}
	})
}

// Whoever finds a browser open may not shut its person out everywhere else.
func TestEndingSessionsAsksForAProof(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for _, who := range []string{cast.David, cast.Sam} {
			here, away := s.signInAs(t, who, firefoxOnWindows), s.signInAs(t, who, safariOnIPhone)
			if p := here.get(ownSessions); p.Find("#proof").Length() != 0 {
				t.Errorf("%s: asked for at once: %s", who, p.text("main"))
			}
			s.Clock.Move(models.ProofFor + time.Minute)
			page := here.get(ownSessions)
			one := page.Find(`.list button[aria-label*="Safari on iPhone"]`).AttrOr("formaction", "")
			for _, path := range []string{one, ownSessions + "/end"} {
				for proof, said := range map[string]string{"": "Show again who you are", "wrong": "neither your password nor"} {
					p := here.submit(here.get(ownSessions), path, url.Values{"proof": {proof}})
					if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.text(".errors"), said) || p.Find("#proof").Length() != 1 {
						t.Errorf("%s: %s with %q: %d %s", who, path, proof, p.status, p.text(".errors"))
					}
				}
			}
			if p := away.get(ownSessions); p.status != http.StatusOK {
				t.Fatalf("%s: it was ended: %d", who, p.status)
			}
			before := cookieOf(t, here, "mandat")
			ended := here.submit(here.get(ownSessions), one, url.Values{"proof": {cast.Password}})
			if said := here.follow(ended).text("#messages"); !strings.HasPrefix(said, "This session is ended.") || cookieOf(t, here, "mandat") == before {
				t.Errorf("%s: %d %q", who, ended.status, said)
			}
			if p := away.get(ownSessions); p.status != http.StatusSeeOther {
				t.Errorf("%s: it was not ended: %d", who, p.status)
			}
		}
	})
}
