package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"example.org/mandat/models/modelstest"
)

// wantsAskable says that a page can be asked for at path.
func (m *stage) wantAskable(t *testing.T, what string, by person, path string) {
	t.Helper()
	if a := m.wire(t, by, http.MethodGet, path, "", ""); a.status >= 400 {
		t.Errorf("%s leads to %s: %d %s", what, path, a.status, a.text("main h1"))
	}
}

// Whatever is refused can be read in the other language: no switch, no Back and
// no sign-in leads to a path that is only posted to.
func TestARefusedFormLeadsBackToAPage(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		pages := 0
		for _, to := range m.targets(t) {
			if to.path == "/session/end" || strings.HasSuffix(to.path, "/:token") {
				continue // nothing refuses those, and what works once leads nowhere any more
			}
			from := m.url + to.at
			refused := m.wire(t, to.by, http.MethodPost, to.at, formType, with(to.form, "submission", "stale").Encode(), "Origin", m.url, "Referer", from)
			refused.Find(".foot [name=next]").Each(func(_ int, s *goquery.Selection) {
				pages++
				m.wantAskable(t, to.route()+", refused,", to.by, s.AttrOr("value", ""))
			})
			refused.Find("main .actions a.button").Each(func(_ int, s *goquery.Selection) {
				if href := s.AttrOr("href", ""); strings.HasPrefix(href, "/") {
					m.wantAskable(t, to.route()+", Back,", to.by, href)
				}
			})
			out := m.wire(t, people[len(people)-1], http.MethodPost, "/profile", formType, "", "Origin", m.url, "Referer", from)
			next, err := url.Parse(out.location)
			if err != nil || next.Path != "/sign-in" {
				t.Fatalf("signed out: %d %s", out.status, out.location)
			}
			if path := next.Query().Get("next"); path != "" {
				m.wantAskable(t, to.route()+", after signing in again,", to.by, path)
			}
			m.restore()
		}
		if pages < 40 {
			t.Errorf("%d pages have switches", pages)
		}
	})
}

// A code is shown in the answer to the form that makes it. In the other language
// the page is the one where it was made.
func TestAPageThatIsShownOnceLeadsBack(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, "ad1001-mdt")
		shown := alice.submit(alice.get("/profile/support"), "/profile/support/code", nil)
		if shown.status != http.StatusOK {
			t.Fatalf("no code: %d %s", shown.status, shown.text("main"))
		}
		if page := alice.follow(alice.submit(shown, "/preferences", url.Values{"lang": {"fr"}})); page.status != http.StatusOK {
			t.Errorf("the switch of languages leads to %d", page.status)
		}
	})
}

// The query of the form's page says what it is about.
func TestTheSwitchesKeepWhatAFormIsAbout(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, "ad1001-mdt")
		about := "/services/garrigue.example/accounts/size?accounts=contact%40garrigue.example"
		refused := alice.submit(alice.get(about), "/services/garrigue.example/accounts/size", url.Values{"size_gb": {"much"}})
		if next := refused.Find(".foot [name=next]").First().AttrOr("value", ""); refused.status != http.StatusUnprocessableEntity || next != about {
			t.Errorf("%d, and the switches lead to %s", refused.status, next)
		}
		from := "/services/garrigue.example/redirections/new?from=press"
		refused = alice.post("/services/garrigue.example/redirections", nil, "Referer", s.url+from)
		if next := refused.Find(".foot [name=next]").First().AttrOr("value", ""); refused.status != http.StatusUnprocessableEntity || next != from {
			t.Errorf("%d, and the switches lead to %s", refused.status, next)
		}
	})
}
