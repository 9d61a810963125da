package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

func textOf(_ int, e *goquery.Selection) string { return e.Text() }

const history = "/services/garrigue.example/history"

func TestTheOwnerReadsEverythingInPages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		seen := map[string]bool{}
		pages := 0
		for path := history; path != ""; pages++ {
			p := alice.get(path)
			if p.status != http.StatusOK || pages > 9 {
				t.Fatalf("%s: %d", path, p.status)
			}
			for _, sentence := range p.Find(".events p").Map(textOf) {
				seen[sentence] = true
			}
			path = p.Find(`.pager [rel="next"]`).AttrOr("href", "")
		}
		for _, want := range []string{
			cast.Alice + " a confié à " + cast.Bruno + " la gestion de garrigue.example.",
			cast.Alice + " a révoqué l’accès de " + cast.Chloe + " à compta@garrigue.example.",
			cast.Alice + " a bloqué louis.noel@garrigue.example.",
			"L’exploitant a créé le service garrigue.example.",
		} {
			if !seen[want] {
				t.Errorf("nothing says %q", want)
			}
		}
		if want := s.Int(t, "SELECT count(*) FROM events WHERE service_id = 1"); len(seen) < want-1 || pages != (want+models.PageSize-1)/models.PageSize {
			t.Errorf("%d different sentences on %d pages, of %d events", len(seen), pages, want)
		}
	})
}

func TestDelegatesReadWhatHappenedToTheirAddressesOnly(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for who, want := range map[string]struct {
			status  int
			says    string
			hides   string
			another string
		}{
			cast.Bruno: {200, "a bloqué louis.noel@garrigue.example.", "a confié", ""},
			cast.Chloe: {200, "a créé contact@garrigue.example.", "a confié", "louis.noel"},
			cast.David: {404, "", "", ""},
			cast.Emma:  {404, "", "", ""},
			cast.Sam:   {403, "", "", ""},
			"":         {303, "", "", ""},
		} {
			p := s.as(t, who).get(history)
			text := p.text(".events")
			if p.status != want.status || !strings.Contains(text, want.says) {
				t.Errorf("%q: %d: %s", who, p.status, text)
			}
			if want.hides != "" && strings.Contains(text, want.hides) || want.another != "" && strings.Contains(text, want.another) {
				t.Errorf("%q is told too much: %s", who, text)
			}
		}
	})
}

func TestAHistoryCanBeReducedToOneAddress(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		for _, typed := range []string{"louis.noel", " Louis.Noel@garrigue.example"} {
			p := alice.get(history + "?" + url.Values{"local": {typed}}.Encode())
			if got := p.Find(".events > li").Length(); got != 2 {
				t.Errorf("%q: %d events, want 2", typed, got)
			}
		}
		empty := alice.get(history + "?local=" + url.QueryEscape("<script>x</script>"))
		if empty.Find(".empty").Length() != 1 || strings.Contains(empty.body, "<script>x") {
			t.Error("an address without history has no words of its own, or is not escaped")
		}
		for _, query := range []string{"?before=x", "?before=-1", "?local=%ff"} {
			if got := alice.get(history + query).status; got != http.StatusBadRequest {
				t.Errorf("%s: %d", query, got)
			}
		}
	})
}

func TestEverybodyReadsWhatConcernsThem(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for who, want := range map[string]string{
			cast.Alice: "a révoqué l’accès de " + cast.Chloe,
			cast.Bruno: "a confié à " + cast.Bruno,
			cast.Chloe: "a révoqué l’accès de " + cast.Chloe,
			cast.David: "created hello@nguyen-velos.example.",
			cast.Emma:  "The operator created the account of " + cast.Emma,
		} {
			p := s.as(t, who).get("/history")
			if text := p.text(".events"); p.status != http.StatusOK || !strings.Contains(text, want) {
				t.Errorf("%s: %d: %s", who, p.status, text)
			}
		}
		if got := s.as(t, "").get("/history").status; got != http.StatusSeeOther {
			t.Errorf("nobody: %d", got)
		}
		if got := s.as(t, cast.Sam).get("/history").status; got != http.StatusForbidden {
			t.Errorf("an agent who acts for nobody: %d", got)
		}
	})
}
