package handlers_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"example.org/mandat/models/cast"
	"example.org/mandat/static"
)

// internal is text that no reader should ever see.
var internal = regexp.MustCompile(`(?i)sql|constraint|panic|goroutine|\.go:\d|no value|error\.[a-z_]+\.|<nil>`)

// checkError asks for what every page of an error has.
func checkError(t *testing.T, p *answer, status int) {
	t.Helper()
	if p.status != status {
		t.Errorf("%d, want %d", p.status, status)
		return
	}
	if p.Find("h1").Length() != 1 || p.Find("main p").Length() == 0 || p.Find("main .actions a").Length() != 1 {
		t.Errorf("no whole page: %s", p.text("body"))
	}
	if m := internal.FindString(p.text("main")); m != "" {
		t.Errorf("the page says %q: %s", m, p.text("main"))
	}
}

func TestWhatIsNotThereAndWhatIsOutOfReachLookAlike(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		david := s.as(t, cast.David)
		var texts []string
		for _, path := range []string{
			"/services/garrigue.example", "/services/nowhere.example", contact, emails + "/nobody", "/services/nguyen-velos.example/emails/nobody", "/nope", "/services/" + url.PathEscape("<script>"),
		} {
			p := david.get(path)
			checkError(t, p, http.StatusNotFound)
			texts = append(texts, p.text("main"))
		}
		for _, text := range texts {
			if text != texts[0] || !strings.Contains(text, "This page does not exist") {
				t.Errorf("%q, elsewhere %q", text, texts[0])
			}
		}
		p := s.as(t, cast.Alice).get("/nope") // speaks French, whatever her browser prefers
		if p.text("h1") != "Cette page n’existe pas" {
			t.Errorf("in the language of the browser: %q", p.text("h1"))
		}
	})
}

// The script empties what a page shows of somebody when their session has lapsed,
// if the page says that it is somebody's; and it looks as they chose.
func TestAnErrorIsAPageOfWhoeverReadsIt(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for who, idle := range map[string]string{cast.Alice: "3600", cast.Sam: "900"} {
			v := s.as(t, who)
			if p := v.submit(v.follow(v.get("/")), "/preferences", url.Values{"theme": {"dark"}}); p.status != http.StatusSeeOther {
				t.Fatalf("%d", p.status)
			}
			html := v.get("/nope").Find("html")
			if html.AttrOr("data-idle", "") != idle || html.AttrOr("data-theme", "") != "dark" {
				t.Errorf("%s: idle after %q, theme %q", who, html.AttrOr("data-idle", ""), html.AttrOr("data-theme", ""))
			}
		}
		if html := s.visit(t).get("/nope").Find("html"); html.AttrOr("data-idle", "") != "" {
			t.Error("a stranger's page lapses")
		}
	})
}

func TestWhatOneMayNotDoNamesTheRightAndWhoGivesIt(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		p := s.as(t, cast.Chloe).get(contact + "/deletion")
		checkError(t, p, http.StatusForbidden)
		if !strings.Contains(p.text("main"), cast.Alice) || strings.Contains(p.text("main"), "policy.") {
			t.Errorf("%s", p.text("main"))
		}
		checkError(t, s.as(t, cast.Sam).get("/services"), http.StatusForbidden)
	})
}

func TestAnotherSiteChangesNothing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		form := url.Values{"submission": {alice.get(contact).submission()}, "description": {"x"}}
		for _, headers := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "null"}} {
			for _, path := range []string{contact, "/session", "/session/end", "/preferences"} {
				checkError(t, alice.post(path, form, headers...), http.StatusForbidden)
			}
		}
		if got := alice.get(contact).Find("#description").AttrOr("value", ""); got != "Contact du site" {
			t.Errorf("description %q", got)
		}
	})
}

func TestWhatNoPageOfOursSendsIsRefused(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		submission := alice.get(contact).submission()
		for _, kind := range []string{"application/json", "multipart/form-data; boundary=x", "text/plain", ""} {
			checkError(t, alice.post(contact, url.Values{"submission": {submission}}, "Content-Type", kind), http.StatusBadRequest)
		}
		for _, form := range []url.Values{
			{"submission": {submission}, "surprise": {"1"}},
			{"submission": {submission}, "description": {"a", "b"}},
			{"submission": {submission}, "description": {"a\x00b"}},
			{"submission": {submission}, "description": {"a\xffb"}},
		} {
			checkError(t, alice.post(contact, form), http.StatusBadRequest)
		}
		checkError(t, alice.post(contact, url.Values{"submission": {submission}, "description": {strings.Repeat("a", 2<<20)}}), http.StatusRequestEntityTooLarge)
		checkError(t, alice.get("/services/%00"), http.StatusBadRequest)
		checkError(t, alice.get("/services/%ff"), http.StatusBadRequest)
		method := alice.do(http.MethodDelete, contact, nil, "Origin", s.url)
		checkError(t, method, http.StatusMethodNotAllowed)
		if method.header.Get("Allow") == "" {
			t.Error("it is not said which methods are allowed")
		}
	})
}

func TestAnErrorFitsWhereItIsShown(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		chloe := s.as(t, cast.Chloe)
		panel := chloe.get(contact+"/deletion", "HX-Request", "true", "HX-Target", "panel", "Referer", s.url+contact)
		if panel.status != http.StatusForbidden || panel.Find("section.panel h2").Length() != 1 || panel.Find("title").Length() != 0 || panel.header.Get("HX-Retarget") != "" {
			t.Errorf("in the panel: %d %s", panel.status, panel.body)
		}
		if got := panel.Find("[data-close]").AttrOr("href", ""); got != contact {
			t.Errorf("the panel closes to %q", got)
		}
		list := chloe.get(emails+"?size=7", "HX-Request", "true", "HX-Target", "div#list", "Referer", s.url+emails)
		if list.status != http.StatusBadRequest || list.Find(".message.crit").Length() != 1 || list.header.Get("HX-Retarget") != "#messages" {
			t.Errorf("in a list: %d %s", list.status, list.body)
		}
		restored := chloe.get(contact+"/deletion", "HX-Request", "true", "HX-History-Restore-Request", "true")
		checkError(t, restored, http.StatusForbidden)
		post := chloe.post(contact+"/block", url.Values{"submission": {"x"}}, "Referer", s.url+contact)
		if got := post.Find("main .actions a").AttrOr("href", ""); got != contact {
			t.Errorf("after a form the way back is %q", got)
		}
	})
}

func TestEveryAnswerIsHardened(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, nobody := s.as(t, cast.Alice), s.visit(t)
		for name, p := range map[string]*answer{
			"page": alice.get("/services"), "not found": alice.get("/nope"), "out of reach": alice.get("/services/nguyen-velos.example"),
			"method": alice.do(http.MethodPut, "/services", url.Values{}), "redirect": nobody.get("/"), "sign in": nobody.get("/sign-in"), "static": nobody.get(static.Path("mandat.css")),
			"no such file": nobody.get("/static/nope.css"), "alive": nobody.get("/healthz"), "foreign": alice.post("/session/end", nil, "Origin", "https://evil.example"),
			"fragment": alice.get("/services", "HX-Request", "true"), "malformed": alice.get("/services?from=x"),
		} {
			for header, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := p.header.Get(header); got != want {
					t.Errorf("%s: %s is %q, want %q", name, header, got, want)
				}
			}
			if csp := p.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
				t.Errorf("%s: CSP %q", name, csp)
			}
			if cache := p.header.Get("Cache-Control"); (cache == "no-store") == strings.HasPrefix(name, "static") && name != "no such file" {
				t.Errorf("%s: Cache-Control %q", name, cache)
			}
			if len(p.header.Get("X-Request-Id")) != 12 || p.header.Get("Permissions-Policy") == "" {
				t.Errorf("%s: no reference, or no policy of permissions", name)
			}
		}
	})
}

func TestAFaultOfOursTellsAReferenceAndNothingElse(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		s.Exec(t, "ALTER TABLE accounts RENAME TO accounts_gone")
		p := alice.get(contact)
		checkError(t, p, http.StatusInternalServerError)
		if got := p.text("main .mono"); got != p.header.Get("X-Request-Id") || !strings.Contains(p.text("main"), "Rien n’a été modifié") {
			t.Errorf("reference %q: %s", got, p.text("main"))
		}
		if strings.Contains(p.body, "accounts_gone") || strings.Contains(strings.ToLower(p.body), "relation") || strings.Contains(p.body, "no such table") {
			t.Error("the page tells of tables")
		}
	})
}
