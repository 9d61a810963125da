package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.org/mandat/models/cast"
)

const redirectionsOf = "/services/garrigue.example/redirections"

func TestARedirectionIsMadeChangedAndDeleted(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		form := alice.get(redirectionsOf + "/new?from=paie")
		if got := form.Find("#from").AttrOr("value", ""); got != "paie" || form.Find("#keep_copy[checked]").Length() != 1 {
			t.Errorf("the form begins with %q", got)
		}
		sent := url.Values{"to": {"rh@garrigue.example\nx@büro.example"}}
		done := alice.follow(alice.submit(form, redirectionsOf, sent))
		if got := done.text("#messages"); got != "Le courrier de paie@garrigue.example est redirigé vers rh@garrigue.example (et 1 de plus)." {
			t.Errorf("message %q", got)
		}
		row := done.Find(`tbody tr:contains("paie")`)
		if text := row.Text(); !strings.Contains(text, "x@büro.example") || !strings.Contains(text, "hors du service") || !strings.Contains(text, "dans la boîte aussi") {
			t.Errorf("row %q", text)
		}
		if again := alice.submit(form, redirectionsOf, sent); again.status != http.StatusSeeOther || alice.get(redirectionsOf+"?q=paie").Find("tbody tr").Length() != 1 {
			t.Errorf("a form that has acted: %d", again.status)
		}
		path, _ := row.Find("a.address").Attr("href")
		page := alice.get(path)
		if changed := alice.submit(page, path, url.Values{"to": {"rh@garrigue.example"}}); changed.status != http.StatusSeeOther {
			t.Fatalf("change: %d %s", changed.status, changed.text(".errors"))
		}
		stale := alice.get(path)
		late := formValues(page.form(path))
		late.Set("to", "info@garrigue.example")
		late.Set("submission", stale.submission())
		if conflict := alice.post(path, late); conflict.status != http.StatusConflict || !strings.Contains(conflict.text("main"), "rh@garrigue.example") || !strings.Contains(conflict.Find("#to").Text(), "info@garrigue.example") {
			t.Errorf("a form of an older version: %d", conflict.status)
		}
		gone := alice.follow(alice.submit(alice.get(path), path+"/deletion", nil))
		if got := gone.text("#messages"); got != "La redirection de paie@garrigue.example vers rh@garrigue.example est supprimée." {
			t.Errorf("message %q", got)
		}
	})
}

func TestARefusedRedirectionComesBackAsTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		form := alice.get(redirectionsOf + "/new")
		hostile := `<script>alert(1)</script>`
		refused := alice.submit(form, redirectionsOf, url.Values{"from": {hostile}, "to": {hostile + " contact@garrigue.example"}})
		if refused.status != http.StatusUnprocessableEntity || !strings.HasPrefix(refused.text("title"), "Erreur") || strings.Contains(refused.body, "<script>alert") {
			t.Fatalf("%d %q", refused.status, refused.text("title"))
		}
		if refused.Find("#from").AttrOr("value", "") != hostile || !strings.HasPrefix(refused.Find("#to").Text(), hostile) {
			t.Error("what was typed is lost")
		}
		if refused.Find(`.errors a[href="#from"]`).Length() != 1 || refused.Find(`.errors a[href="#to"]`).Length() != 1 {
			t.Errorf("summary: %s", refused.text(".errors"))
		}
		both := alice.submit(refused, redirectionsOf, url.Values{"kind": {"all"}, "from": {"a"}, "to": {"contact@garrigue.example"}})
		if both.Find(`.errors a[href="#kind"]`).Length() != 1 {
			t.Errorf("the catch-all and an address: %d %s", both.status, both.text(".errors"))
		}
		if all := alice.submit(both, redirectionsOf, url.Values{"kind": {"all"}, "from": {""}, "to": {"contact@garrigue.example"}}); all.status != http.StatusSeeOther {
			t.Errorf("the catch-all: %d %s", all.status, all.text(".errors"))
		}
		again := alice.submit(alice.get(redirectionsOf+"/new"), redirectionsOf, url.Values{"kind": {"all"}, "from": {""}, "to": {"rh@garrigue.example"}})
		if again.Find(`main a[href^="`+redirectionsOf+`?q="]`).Length() != 1 {
			t.Error("no way to the redirection that is there")
		}
		stolen := formValues(s.as(t, cast.Bruno).get(redirectionsOf + "/new").form(redirectionsOf))
		stolen.Set("from", "autre")
		stolen.Set("to", "contact@garrigue.example")
		if foreign := alice.post(redirectionsOf, stolen); foreign.status != http.StatusUnprocessableEntity {
			t.Errorf("a form of another session: %d", foreign.status)
		}
	})
}
