package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.org/mandat/models/cast"
)

const oneClickBody = "List-Unsubscribe=One-Click"

// oneClickForm is the same as mail providers had better send it (RFC 8058, 3.1).
const oneClickForm = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n"

// subscribed says whether an address is on a list.
func (s *site) subscribed(t *testing.T, email string) bool {
	t.Helper()
	return s.Int(t, "SELECT count(*) FROM list_subscribers WHERE email = '"+email+"'") == 1
}

// joins subscribes an address to equipe, with a link.
func (s *site) joins(t *testing.T, email string) (path string) {
	t.Helper()
	s.ListRequest(t, equipeAddress, "subscribe", email, 0)
	if err := s.Store.CarryListRequests(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.ListLink(t, equipeAddress, email, "link-of-"+email)
	return "/unsubscriptions/link-of-" + url.PathEscape(email)
}

func TestTheLinkOfAMessageLeavesItsList(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		path := s.joins(t, "neuf@else.example")
		nobody := s.visit(t)
		page := nobody.get(path)
		if page.status != http.StatusOK || page.Find("html").AttrOr("lang", "") != "fr" || page.header.Get("X-Robots-Tag") != "noindex, nofollow" || page.header.Get("Cache-Control") != "no-store" || page.header.Get("Set-Cookie") != "" {
			t.Errorf("%d in %s, %v", page.status, page.Find("html").AttrOr("lang", ""), page.header)
		}
		if got := page.text("main"); !strings.Contains(got, "neuf@else.example ne recevra plus les messages de la liste equipe@garrigue.example.") {
			t.Errorf("%q", got)
		}
		if !s.subscribed(t, "neuf@else.example") {
			t.Fatal("looking at it has unsubscribed")
		}
		done := nobody.submit(page, path, nil)
		if got := done.text("main h1"); done.status != http.StatusOK || got != "Vous n’êtes plus sur la liste" || done.header.Get("Set-Cookie") != "" || done.header.Get("X-Robots-Tag") == "" {
			t.Errorf("%d %q", done.status, got)
		}
		if s.subscribed(t, "neuf@else.example") {
			t.Error("still subscribed")
		}
		again := nobody.submit(page, path, nil)
		unknown := nobody.post("/unsubscriptions/unknown", url.Values{"List-Unsubscribe": {"One-Click"}})
		if again.status != http.StatusOK || again.text("main") != unknown.text("main") || unknown.status != http.StatusOK {
			t.Errorf("used again: %d %q; one that never was: %d %q", again.status, again.text("main"), unknown.status, unknown.text("main"))
		}
		if withoutPath(nobody.get(path)) != withoutPath(nobody.get("/unsubscriptions/unknown")) {
			t.Error("a used link looks different from one that never was")
		}
		history := s.as(t, cast.Alice).get("/services/garrigue.example/history").text("main")
		if !strings.Contains(history, "Une personne a quitté d’elle-même la liste equipe@garrigue.example.") || !strings.Contains(history, "par le lien d’un message") {
			t.Errorf("history: %.300s", history)
		}
	})
}

// withoutPath is a page without its own address, which its foot repeats.
func withoutPath(a *answer) string {
	a.Find("input[name=next]").Remove()
	return fmt.Sprint(a.status, a.text("html"))
}

func TestTheLinkSpeaksAsItsReaderChose(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		path := s.joins(t, "neuf@else.example")
		reader := s.visit(t)
		reader.post("/preferences", url.Values{"lang": {"en"}, "next": {path}})
		if page := reader.get(path); page.text("main h1") != "Leave the list" {
			t.Errorf("%q", page.text("main h1"))
		}
	})
}

// As mail providers do it: from elsewhere, without a session, in either type.
func TestOneClickOfAMailProvider(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		m := &stage{site: s}
		for i, c := range []struct{ kind, body string }{
			{formType, oneClickBody}, {"multipart/form-data; boundary=x", oneClickForm},
		} {
			email := fmt.Sprintf("n%d@else.example", i)
			path := s.joins(t, email)
			for _, wrong := range []struct {
				kind, body string
				status     int
			}{
				{"", oneClickBody, 400},
				{"text/plain", oneClickBody, 400},
				{"application/json", "{}", 400},
				{formType, "", 422},
				{formType, "List-Unsubscribe=", 422},
				{formType, "List-Unsubscribe=one-click", 422},
				{formType, oneClickBody + "&List-Unsubscribe=One-Click", 400},
				{formType, oneClickBody + "&email=x", 400},
				{"multipart/form-data", oneClickForm, 400},
				{"multipart/form-data; boundary=y", oneClickForm, 400},
				{"multipart/form-data; boundary=x", strings.Replace(oneClickForm, "One-Click", "Two-Clicks", 1), 422},
				{"multipart/form-data; boundary=x", strings.Replace(oneClickForm, "One-Click", strings.Repeat("a", 2<<20), 1), 413},
			} {
				wantOurs(t, fmt.Sprintf("%s %.40q", wrong.kind, wrong.body), m.wire(t, person{}, http.MethodPost, path, wrong.kind, wrong.body, "Sec-Fetch-Site", "cross-site"), wrong.status)
				if !s.subscribed(t, email) {
					t.Fatalf("%s %.40q has unsubscribed", wrong.kind, wrong.body)
				}
			}
			for range 2 {
				wantOurs(t, c.kind, m.wire(t, person{}, http.MethodPost, path, c.kind, c.body, "Origin", "https://mail.example", "Sec-Fetch-Site", "cross-site"), http.StatusOK)
			}
			if s.subscribed(t, email) {
				t.Errorf("%s: still subscribed", c.kind)
			}
		}
		if n := s.Int(t, "SELECT count(*) FROM events WHERE kind = 'list.member_left'"); n != 2 {
			t.Errorf("%d events", n)
		}
	})
}

func TestGuessesAtLinksAreSlowed(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		path := s.joins(t, "neuf@else.example")
		nobody, status := s.visit(t), 0
		for i := range 60 {
			status = nobody.post(fmt.Sprint("/unsubscriptions/guess", i), url.Values{"List-Unsubscribe": {"One-Click"}}).status
		}
		if status != http.StatusTooManyRequests {
			t.Errorf("the sixtieth guess: %d", status)
		}
		if done := nobody.post(path, url.Values{"List-Unsubscribe": {"One-Click"}}); done.status != http.StatusOK || s.subscribed(t, "neuf@else.example") {
			t.Errorf("a link that is somebody's: %d", done.status)
		}
	})
}
