package handlers_test

import (
	"fmt"
	"html"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/handlers"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

const (
	forgotten    = "/password-resets/new"
	askForAReset = "/password-resets"
)

func whose(identifier string) url.Values { return url.Values{"identifier": {identifier}} }

// lastReset sends the link that was asked for last, and answers its path.
func (s *site) lastReset(t testing.TB) string {
	t.Helper()
	id := int64(s.Int(t, "SELECT max(id) FROM password_resets WHERE sent_at IS NULL"))
	if err := s.Store.SendPasswordLink(t.Context(), id, 1, false); err != nil {
		t.Fatal(err)
	}
	links := s.Post.Links()
	return "/password-links/" + links[len(links)-1].Token
}

func TestAForgottenPasswordIsSetAnew(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		const chosen = "ardoise-goéland-soupière"
		signedIn, v := s.as(t, cast.Emma), s.visit(t)
		door := v.get("/sign-in")
		if door.Find(`a[href="`+forgotten+`"]`).Length() != 1 {
			t.Fatal("the way to it is not at the sign-in")
		}
		asked := v.submit(v.get(forgotten), askForAReset, whose(" EP1005-mdt "))
		if page := v.follow(asked); asked.location != askForAReset || page.text("h1") != "Look into your mailbox" {
			t.Fatalf("%d %s", asked.status, asked.location)
		}
		path := s.lastReset(t)
		form := v.get(path)
		if form.status != http.StatusOK || form.Find("#identifier").AttrOr("value", "") != cast.Emma {
			t.Fatalf("%d %s", form.status, form.text("main"))
		}
		if p := v.get(path); p.status != http.StatusOK {
			t.Errorf("looking at it uses it up: %d", p.status) // programs that scan mail look at links
		}
		fill := url.Values{"password": {chosen}, "password_again": {chosen}}
		done := v.submit(form, path, fill)
		if done.location != "/sign-in" || strings.Contains(strings.Join(done.header.Values("Set-Cookie"), " "), "mandat=") {
			t.Fatalf("%d %s %s", done.status, done.location, done.text(".errors"))
		}
		if p := v.get("/services"); !strings.HasPrefix(p.location, "/sign-in") {
			t.Errorf("the link signs in: %d", p.status)
		}
		if p := signedIn.get("/profile"); p.status != http.StatusSeeOther {
			t.Errorf("an open session goes on: %d", p.status)
		}
		if p := v.submit(form, path, fill); p.status != http.StatusNotFound {
			t.Errorf("used twice: %d", p.status)
		}
		if p := v.post("/session", signIn(cast.Emma, chosen)); p.status != http.StatusSeeOther {
			t.Errorf("the new password: %d", p.status)
		}
	})
}

// Whoever asks for a link learns nothing about who exists (R18): not byte for
// byte, and not by when they are made to wait.
func TestAskingForALinkTellsNobodyWhoExists(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		const without = "wp7001-mdt" // who has not set a password yet
		if _, err := s.Store.AddCustomer(t.Context(), models.NewCustomer{Identifier: without, Name: "W", Email: "w@p.example", Language: "fr", TimeZone: "Europe/Paris"}); err != nil {
			t.Fatal(err)
		}
		var first [3]string
		for _, identifier := range []string{"zz9999-mdt", cast.Alice, cast.Emma, strings.ToUpper(cast.Chloe), without, cast.Sam, "nobody-support"} {
			v := s.visit(t)
			s.Exec(t, "DELETE FROM throttles")
			asked := v.post(askForAReset, whose(identifier))
			page := v.follow(asked)
			s.Exec(t, "UPDATE throttles SET failures = 9 WHERE subject LIKE 'reset-account:%'")
			soon := v.post(askForAReset, whose(identifier))
			if asked.status != http.StatusSeeOther || soon.status != http.StatusTooManyRequests || soon.Find("#identifier").AttrOr("value", "") != identifier {
				t.Fatalf("%q: %d, then %d", identifier, asked.status, soon.status)
			}
			soon.header.Del("Retry-After") // seconds, which pass
			typed := html.EscapeString(identifier)
			got := [3]string{withoutChance(asked), withoutChance(page), strings.ReplaceAll(withoutChance(soon), typed, "…")}
			if first[0] == "" {
				first = got
			}
			if got != first {
				t.Errorf("%q is answered\n%q\nand somebody who is not there\n%q", identifier, got, first)
			}
		}
	})
}

func TestAPanelWithoutMailSaysWhomToAsk(t *testing.T) {
	w := modelstest.OnPostgres(t)
	silent, err := models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	s := newSite(t, w, func(c *handlers.Config) { c.Store = silent })
	v := s.visit(t)
	page := v.get(forgotten)
	if page.status != http.StatusOK || page.form(askForAReset) != nil || !strings.Contains(page.text("main"), "Ask its operator") {
		t.Errorf("%d %s", page.status, page.text("main"))
	}
	if p := v.post(askForAReset, whose(cast.Emma)); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.text("main"), "Ask its operator") {
		t.Errorf("%d %s", p.status, p.text("main"))
	}
	david := s.as(t, cast.David)
	if p := david.get("/profile/contact"); p.form("/profile/contact") != nil || !strings.Contains(p.text("main"), "Ask its operator") {
		t.Errorf("an address: %s", p.text("main"))
	}
}

// BenchmarkForgetting measures whether time tells who exists: the medians of
// asking for a link for somebody and for nobody, and the chance that of two the
// slower is the one for somebody (AUC; 0.5 tells nothing).
func BenchmarkForgetting(b *testing.B) {
	w := modelstest.OnPostgres(b)
	s := newSite(b, w)
	v := s.visit(b)
	ask := func(identifier string) time.Duration {
		w.Exec(b, "DELETE FROM throttles")
		began := time.Now()
		if a := v.post(askForAReset, whose(identifier)); a.status != http.StatusSeeOther {
			b.Fatal(a.status)
		}
		return time.Since(began)
	}
	var known, unknown []time.Duration
	for b.Loop() {
		for range 50 {
			if rand.IntN(2) == 0 { // in no order, or the collector of garbage would favour one
				known, unknown = append(known, ask(cast.Alice)), append(unknown, ask("zz9999-mdt"))
			} else {
				unknown, known = append(unknown, ask("zz9999-mdt")), append(known, ask(cast.Alice))
			}
		}
	}
	slower := 0
	for _, k := range known {
		for _, u := range unknown {
			if k > u {
				slower++
			}
		}
	}
	median := func(list []time.Duration) float64 {
		slices.Sort(list)
		return list[len(list)/2].Seconds() * 1000
	}
	b.ReportMetric(median(known), "ms/known")
	b.ReportMetric(median(unknown), "ms/unknown")
	b.ReportMetric(float64(slower)/float64(len(known)*len(unknown)), "AUC")
}

func TestAContactAddressIsConfirmedByItsLink(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		const wanted = "david@ailleurs.example"
		david, alice := s.as(t, cast.David), s.as(t, cast.Alice)
		wrong := david.submit(david.get("/profile/contact"), "/profile/contact", url.Values{"email": {"david chez moi"}})
		if wrong.status != http.StatusUnprocessableEntity || wrong.Find("#email").AttrOr("value", "") != "david chez moi" || wrong.Find(`.errors a[href="#email"]`).Length() != 1 {
			t.Fatalf("%d %s", wrong.status, wrong.text("main"))
		}
		profile := david.follow(david.submit(wrong, "/profile/contact", url.Values{"email": {wanted}}))
		if said := profile.text("#messages"); !strings.Contains(said, wanted) {
			t.Errorf("said %q", said)
		}
		link := func() string {
			t.Helper()
			id := int64(s.Int(t, "SELECT max(id) FROM contact_changes"))
			if err := s.Store.SendContactLink(t.Context(), id, 1, false); err != nil {
				t.Fatal(err)
			}
			links := s.Post.Links()
			return "/profile/contact/confirmation/" + links[len(links)-1].Token
		}
		path := link()
		profile = david.get("/profile")
		if box := profile.text(".stack .box:first-child"); !strings.Contains(box, "A link was sent to "+wanted) || !strings.Contains(box, "david@nguyen-velos.example") && !strings.Contains(box, "@") {
			t.Errorf("pending: %s", box)
		}
		if p := alice.get(path); p.status != http.StatusNotFound {
			t.Errorf("Alice with David's link: %d", p.status)
		}
		if p := s.visit(t).get(path); p.location != "/sign-in?next="+url.QueryEscape(path) {
			t.Errorf("signed out: %d %s", p.status, p.location)
		}
		form := david.get(path)
		if form.status != http.StatusOK || !strings.Contains(form.text("main"), wanted) {
			t.Fatalf("%d %s", form.status, form.text("main"))
		}
		if n := s.Int(t, fmt.Sprintf("SELECT count(*) FROM customers WHERE email = '%s'", wanted)); n != 0 {
			t.Error("looking at it confirms it")
		}
		done := david.follow(david.submit(form, path, nil))
		if box := done.text(".stack .box:first-child"); !strings.Contains(box, wanted) || strings.Contains(box, "A link") {
			t.Errorf("confirmed: %s", box)
		}
		if p := david.submit(form, path, nil); p.status != http.StatusSeeOther {
			t.Errorf("the same form again: %d", p.status)
		}
		if p := david.get(path); p.status != http.StatusNotFound || p.text("h1") != "This link no longer works" {
			t.Errorf("the link again: %d", p.status)
		}

		david.submit(david.get("/profile/contact"), "/profile/contact", url.Values{"email": {"autre@ailleurs.example"}})
		path = link()
		if said := david.follow(david.submit(david.get("/profile"), "/profile/contact/cancellation", nil)).text("#messages"); !strings.HasPrefix(said, "That address is given up.") {
			t.Errorf("%q", said)
		}
		if p := david.get(path); p.status != http.StatusNotFound {
			t.Errorf("a link that was given up: %d", p.status)
		}
	})
}
