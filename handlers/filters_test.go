package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.org/mandat/models/cast"
)

const contactFilters = contact + "/filters"

// makeFilter makes a filter of contact@ through its form and answers the page of the list.
func makeFilter(t *testing.T, v *visitor, fill url.Values) *answer {
	t.Helper()
	page := v.get(contactFilters + "/new?preset=spam")
	return v.follow(v.submit(page, contactFilters, fill))
}

// pathOf is the page of the filter of that name on the list.
func pathOf(t *testing.T, list *answer, name string) string {
	t.Helper()
	for i := range list.Find("tbody a.address").Length() {
		if a := list.Find("tbody a.address").Eq(i); strings.TrimSpace(a.Text()) == name {
			return a.AttrOr("href", "")
		}
	}
	t.Fatalf("no filter %q on: %s", name, list.text("main"))
	return ""
}

// The Emails tab, the menu of the address, Filters, the example, Save: five clicks.
func TestANewsletterFilterIsFiveClicksFromTheEmailsTab(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		chloe := s.as(t, cast.Chloe)
		tab := chloe.get(emails)
		if tab.Find(`.menu a[href="`+contactFilters+`"]`).Length() != 1 {
			t.Fatal("the menu of the address does not lead to its filters")
		}
		list := chloe.get(contactFilters)
		preset := list.Find(`.presets a`).First().AttrOr("href", "")
		done := chloe.follow(chloe.submit(chloe.get(preset), contactFilters, nil))
		if got := done.text("tbody .note"); got != "Si l’email vient d’une liste de diffusion : ranger dans le dossier Newsletters." {
			t.Errorf("the list says %q", got)
		}
		if done.text("#messages") != "Le filtre est créé. Il agit dès maintenant." {
			t.Errorf("message %q", done.text("#messages"))
		}
	})
}

func TestConditionsAreAddedAndRemovedWithoutAScript(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		was := s.Int(t, "SELECT count(*) FROM filters")
		form := alice.get(contactFilters + "/new")
		more := alice.submit(form, contactFilters, url.Values{"name": {"A <b>"}, "rules-1-header": {"header"}, "rules-1-name": {"X-Spam"}, "rules-1-value": {"eins"}, "edit": {"add"}})
		if more.status != http.StatusOK || more.Find(".condition").Length() != 2 || more.Find("#rules-1-value").AttrOr("value", "") != "eins" || more.Find("#name").AttrOr("value", "") != "A <b>" {
			t.Fatalf("added: %d %s", more.status, more.text("main"))
		}
		if got := more.Find(`#rules-1-header option[selected]`).AttrOr("value", "") + more.Find("#rules-1-name").AttrOr("value", ""); got != "headerX-Spam" {
			t.Errorf("the header came back as %q", got)
		}
		fewer := alice.submit(more, contactFilters, url.Values{"rules-2-value": {"zwei"}, "edit": {"remove-1"}})
		if fewer.status != http.StatusOK || fewer.Find(".condition").Length() != 1 || fewer.Find("#rules-1-value").AttrOr("value", "") != "zwei" {
			t.Fatalf("removed: %d %s", fewer.status, fewer.text("main"))
		}
		if odd := alice.submit(form, contactFilters, url.Values{"edit": {"remove-9"}}); odd.status != http.StatusBadRequest {
			t.Errorf("a condition that is not there: %d", odd.status)
		}
		if n := s.Int(t, "SELECT count(*) FROM filters"); n != was {
			t.Error("a filter was made meanwhile")
		}
		// The very form that was edited still acts, and once.
		for range 2 {
			alice.follow(alice.submit(form, contactFilters, url.Values{"name": {"once"}, "rules-1-value": {"x"}, "target": {"News"}}))
		}
		if n := s.Int(t, "SELECT count(*) FROM filters"); n != was+1 {
			t.Errorf("%d filters more, want one", n-was)
		}
		if enter := form.Find(`form[action="` + contactFilters + `"] button`).First(); enter.AttrOr("name", "") != "" {
			t.Error("the key Enter would not save")
		}
	})
}

func TestARefusedFilterComesBackAsTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		chloe := s.as(t, cast.Chloe)
		hostile := `"><script>alert(1)</script>${x}`
		refused := chloe.submit(chloe.get(contactFilters+"/new"), contactFilters, url.Values{
			"name": {hostile}, "match": {"any"}, "rules-1-header": {"x " + hostile}, "rules-1-value": {hostile}, "action": {"forward"}, "target": {"bob@elsewhere.example"},
		})
		if refused.status != http.StatusUnprocessableEntity || refused.Find(`.errors a[href="#rules-1-name"]`).Length() != 1 {
			t.Fatalf("%d %s", refused.status, refused.text("main"))
		}
		if strings.Contains(refused.body, "<script>alert") || refused.Find("#name").AttrOr("value", "") != hostile || refused.Find("#match-1[checked]").Length() != 1 {
			t.Error("the page runs what was typed, or does not give it back")
		}
		second := chloe.submit(refused, contactFilters, url.Values{"rules-1-header": {"x-spam"}, "rules-1-name": {""}})
		if second.status != http.StatusUnprocessableEntity || !strings.Contains(second.text(".errors"), "ad1001-mdt peut vous donner le droit") {
			t.Errorf("to send out: %d %s", second.status, second.text(".errors"))
		}
		list := chloe.follow(chloe.submit(second, contactFilters, url.Values{"target": {"rh@garrigue.example"}}))
		if strings.Contains(list.body, "<script>alert") || !strings.Contains(list.text("tbody"), hostile) {
			t.Errorf("the list: %s", list.text("tbody"))
		}
		history := chloe.get("/services/garrigue.example/history")
		if strings.Contains(history.body, "<script>alert") || !strings.Contains(history.text("main"), "X-Spam contient « "+hostile) {
			t.Error("the history does not tell what the filter says, or runs it")
		}
	})
}

func TestAFilterChangedMeanwhileLosesNothing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, chloe := s.as(t, cast.Alice), s.as(t, cast.Chloe)
		path := pathOf(t, makeFilter(t, alice, url.Values{"name": {"Eins"}}), "Eins")
		form := alice.get(path)
		chloe.follow(chloe.submit(chloe.get(path), path, url.Values{"rules-1-value": {"zwei"}}))
		conflict := alice.submit(form, path, url.Values{"rules-1-value": {"drei"}})
		if conflict.status != http.StatusConflict {
			t.Fatalf("%d, want 409", conflict.status)
		}
		if got := conflict.texts(".compare tbody tr > *"); got != "Conditions | Objet contient « drei » | Objet contient « zwei »" {
			t.Errorf("both values: %q", got)
		}
		if done := alice.follow(alice.submit(conflict, path, nil)); !strings.Contains(done.text("tbody"), "drei") {
			t.Errorf("sent again: %s", done.text("tbody"))
		}
	})
}

func TestFiltersAreOrderedAndSwitchedOnTheirList(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		makeFilter(t, alice, url.Values{"name": {"Eins"}})
		list := makeFilter(t, alice, url.Values{"name": {"Zwei"}})
		path := pathOf(t, list, "Zwei")
		list = alice.follow(alice.submit(list, path+"/up", nil))
		if got := list.texts("tbody a.address"); got != "Zwei | Eins" {
			t.Errorf("up: %s", got)
		}
		list = alice.follow(alice.submit(list, path+"/deactivation", nil))
		if got := list.texts("tbody tr:first-child .badge"); got != "Inactif" {
			t.Errorf("off: %s", got)
		}
		list = alice.follow(alice.submit(list, path+"/deletion", nil))
		if got := list.texts("tbody a.address"); got != "Eins" {
			t.Errorf("deleted: %s", got)
		}
	})
}

func TestTheFilterFormOfAnotherSessionIsRefused(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, bruno := s.as(t, cast.Alice), s.as(t, cast.Bruno)
		form := alice.get(contactFilters + "/new?preset=spam")
		if p := bruno.submit(form, contactFilters, nil); p.status != http.StatusUnprocessableEntity || p.Find("#rules-1-value").AttrOr("value", "") != "[SPAM]" {
			t.Errorf("%d %s", p.status, p.text("main"))
		}
		if n := s.Int(t, "SELECT count(*) FROM filters f JOIN accounts a ON a.id = f.account_id WHERE a.local_part = 'contact'"); n != 0 {
			t.Error("it acted")
		}
	})
}
