package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"example.org/mandat/models/cast"
)

func TestTheOwnerFindsTheirServicesWithOneLinkToTheAddresses(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		p := s.as(t, cast.Alice).get("/services")
		if got := p.texts("h2"); got != "Vos services | Partagés avec vous" {
			t.Errorf("headings %q", got)
		}
		if got := p.text(`main a[href="/services/garrigue.example/emails"]`); got != "40 adresses" {
			t.Errorf("link to the addresses %q", got)
		}
		if got := p.text(`main a[href="/services/garrigue.example/grants"]`); got != "1 partage" {
			t.Errorf("link to the shares %q", got)
		}
		if p.Find(`main a[href="/services/garrigue.example"]`).Length() != 1 {
			t.Error("the name does not lead to the overview")
		}
	})
}

func TestADelegateSeesWhatIsSharedByWhomAndLetsGo(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		p := s.as(t, cast.Bruno).get("/services")
		if row := p.text("tbody"); !strings.Contains(row, "40 adresses") || !strings.Contains(row, cast.Alice) || !strings.Contains(row, "depuis le") || !strings.Contains(row, "Ne plus gérer") {
			t.Errorf("row: %s", row)
		}
		if p.Find("tbody details li").Length() == 0 {
			t.Error("what he may do is not said")
		}
		chloe := s.as(t, cast.Chloe).get("/services")
		if row := chloe.text("tbody"); !strings.Contains(row, "2 adresses") || strings.Contains(row, "Ne plus gérer") {
			t.Errorf("row of two single addresses: %s", row)
		}
		if chloe.Find(`tbody a[href="/services/garrigue.example"]`).Length() != 0 {
			t.Error("the name leads to an overview that she has not")
		}
	})
}

func TestSomebodyWithoutAnyServiceIsToldTheirIdentifier(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		if got := s.as(t, cast.Emma).get("/services").text(".empty"); !strings.Contains(got, "No service yet") || !strings.Contains(got, cast.Emma) {
			t.Errorf("empty: %q", got)
		}
	})
}

func TestTheSearchFindsServicesAndJumpsToAddresses(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		if p := alice.get("/services?q=atelier"); p.Find("tbody tr").Length() != 1 {
			t.Errorf("rows: %s", p.text("tbody"))
		}
		if p := alice.get("/services?q=Contact@Garrigue.example"); p.status != http.StatusSeeOther || p.location != contact {
			t.Errorf("jump: %d %s", p.status, p.location)
		}
		live := alice.get("/services?q=contact@garrigue.example", "HX-Request", "true", "HX-Target", "div#list")
		if live.status != http.StatusOK || live.Find(`#list a[href="`+contact+`"]`).Length() != 1 || live.Find("title").Length() != 0 {
			t.Errorf("live: %d %s", live.status, live.body)
		}
		for _, q := range []string{"david@nguyen-velos.example", "nobody@garrigue.example", "%40", "nguyen", "%3Cscript%3E"} {
			p := alice.get("/services?q=" + q)
			if p.status != http.StatusOK || p.Find(".empty").Length() != 1 || strings.Contains(p.body, "<script>") {
				t.Errorf("%s: %d %s", q, p.status, p.text("main"))
			}
		}
		if p := s.as(t, cast.Chloe).get("/services?q=compta@garrigue.example"); p.status != http.StatusOK {
			t.Errorf("an address that is not hers: %d %s", p.status, p.location)
		}
	})
}

func TestAQueryThatNoLinkOfOursHasIsRefused(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		for _, q := range []string{"q=a&q=b", "from=-1", "from=x", "q=%00", "q=%ff", "after=%00", "q=%zz", "q=" + strings.Repeat("a", 301)} {
			if p := alice.get("/services?" + q); p.status != http.StatusBadRequest {
				t.Errorf("%s: %d, want 400", q, p.status)
			}
			if p := alice.get(emails + "?" + q); p.status != http.StatusBadRequest && q != "from=x" {
				t.Errorf("addresses, %s: %d, want 400", q, p.status)
			}
		}
	})
}

func TestManyServicesComeInPages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for i := range 30 {
			s.Exec(t, "INSERT INTO services (domain, owner_id, max_accounts, max_bytes, max_account_bytes, created_at) SELECT 'n"+string(rune('a'+i/26))+string(rune('a'+i%26))+
				".example', owner_id, max_accounts, max_bytes, max_account_bytes, created_at FROM services WHERE domain = 'nguyen-velos.example'")
		}
		david := s.as(t, cast.David)
		first := david.get("/services")
		if n := first.Find("tbody tr").Length(); n != 25 {
			t.Fatalf("%d rows", n)
		}
		second := david.get(first.Find("#own-next").AttrOr("href", ""))
		if n := second.Find("tbody tr").Length(); n != 6 || !strings.Contains(second.text(".pager"), "26–31") {
			t.Errorf("%d rows: %s", n, second.text(".pager"))
		}
		back := david.get(second.Find("#own-previous").AttrOr("href", ""))
		if back.text("tbody") != first.text("tbody") {
			t.Error("the way back leads elsewhere")
		}
	})
}

func TestTheOverviewIsForWhoReachesTheWholeService(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		const overview = "/services/garrigue.example"
		statuses(t, s, overview, map[string]int{cast.Alice: 200, cast.Bruno: 200, cast.Chloe: 303, cast.David: 404, cast.Emma: 404, cast.Sam: 403, "": 303})
		p := s.as(t, cast.Alice).get(overview)
		if got := p.texts(".tabs a"); got != "Vue d’ensemble | Emails 40 | Redirections 3 | Répondeurs 2 | Listes de diffusion 1 | Partages 1 | Historique" {
			t.Errorf("tabs %q", got)
		}
		if got := p.text(`.figures a[href="` + emails + `?status=blocked"]`); got != "1 bloquée" {
			t.Errorf("blocked: %q", got)
		}
		if !strings.Contains(p.text("main"), "Bruno Martin") {
			t.Error("who manages the service is not told")
		}
		if got := p.texts(".facts .meter"); got != "39 sur 100 | 180 Go sur 500 Go | 3 sur 500 | 2 sur 100 | 1 sur 20 | 6 sur 5 000 dans la plus grande" {
			t.Errorf("limits %q", got)
		}
		bruno := s.as(t, cast.Bruno).get(overview)
		if strings.Contains(bruno.text("main"), "Bruno Martin") || bruno.Find(`a[href="`+overview+`/grants"]`).Length() != 0 {
			t.Error("the holder of a share is told who else holds one")
		}
	})
}
