package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.org/mandat/models/cast"
)

const (
	toResponders  = "/services/garrigue.example/responders"
	contactAnswer = contact + "/responder"
)

func TestAResponderWithDatesIsThreeClicksFromTheTab(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		menu := alice.get(emails).Find(`a[href="` + contactAnswer + `"]`)
		if menu.Length() != 1 || strings.TrimSpace(menu.Text()) != "Répondeur" {
			t.Fatalf("the menu of the row: %q", menu.Text())
		}
		form := alice.get(contactAnswer)
		if got := form.text("label[for=starts_at] + .hint"); !strings.Contains(got, "Europe/Paris") {
			t.Errorf("the zone: %q", got)
		}
		begins := s.Store.Now().AddDate(0, 0, 3).UTC().Format("2006-01-02")
		page := alice.follow(alice.submit(form, contactAnswer, url.Values{"subject": {"Congés <b>d’été</b>"}, "content": {"Bonjour,\r\n\r\nà bientôt </p>"}, "starts_at": {begins + "T09:00"}, "days": {"3"}}))
		if got := page.text("#messages"); got != "Le répondeur est enregistré." {
			t.Errorf("message %q", got)
		}
		if got := page.text("h2 + .badge"); got != "Prévu" {
			t.Errorf("state %q", got)
		}
		if page.Find(".answer").Text() != "Bonjour,\n\nà bientôt </p>" || !strings.Contains(page.text(".facts"), "Congés <b>d’été</b>") {
			t.Errorf("the answer: %s", page.text("section.box"))
		}
		if got := page.Find("#starts_at").AttrOr("value", ""); got != begins+"T09:00" {
			t.Errorf("the start came back as %q", got)
		}
		if fact := alice.get(contact).Find(`.facts a[href="` + contactAnswer + `"]`); fact.Text() != "Prévu" {
			t.Errorf("the page of the address says %q", fact.Text())
		}
		if list := alice.get(toResponders); !strings.Contains(list.texts("tbody tr"), "contact@garrigue.example") || !strings.Contains(list.text(".meter"), "3 répondeurs sur 100") {
			t.Errorf("the list: %s", list.text("main"))
		}

		ended := alice.follow(alice.submit(page, contactAnswer+"/end", nil))
		if ended.text("h2 + .badge") != "Terminé" || ended.form(contactAnswer+"/end") != nil {
			t.Errorf("after its end: %s", ended.text(".heading"))
		}
		gone := alice.follow(alice.submit(ended, contactAnswer+"/deletion", nil))
		if gone.text("#messages") != "Le répondeur de contact@garrigue.example est supprimé." || gone.Find(`.facts a[href="`+contactAnswer+`"]`).Length() != 0 {
			t.Errorf("after its deletion: %s", gone.text("main"))
		}
	})
}

func TestAPreviewShowsTheAnswerAndChangesNothing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		fill := url.Values{"subject": {"Absence"}, "content": {"Bonjour <i>"}, "ends_at": {"2100-01-01"}, "edit": {"preview"}, "local": {"Ancien"}}
		for _, c := range []struct{ from, to, address string }{
			{contactAnswer, contactAnswer, "contact@garrigue.example"},
			{"/services/garrigue.example/new-responder", toResponders, "ancien@garrigue.example"},
		} {
			form := alice.get(c.from) // takes the message of what was saved before
			was := rowsOf(t, s.World)
			refused := alice.submit(form, c.to, fill)
			if refused.status != http.StatusUnprocessableEntity || refused.Find(`.errors a[href="#ends_at"]`).Length() != 1 || refused.Find("#answer").Length() != 0 {
				t.Errorf("%s: a preview of what cannot be: %d %s", c.from, refused.status, refused.text(".errors"))
			}
			fill.Set("ends_at", "")
			page := alice.submit(form, c.to, fill)
			if page.status != http.StatusOK || page.Find(".answer").Text() != "Bonjour <i>" || !strings.Contains(page.text(".facts"), c.address) || !strings.Contains(page.text("section.box"), "Rien n’est encore enregistré.") {
				t.Errorf("%s: %d %s", c.from, page.status, page.text("main"))
			}
			if got := page.Find("#subject").AttrOr("value", ""); got != "Absence" {
				t.Errorf("%s: the subject came back as %q", c.from, got)
			}
			was.wantSame(t, s.World, "a preview of "+c.from)
			saved := url.Values{"subject": {"Absence"}, "content": {"Bonjour"}, "local": {"Ancien"}}
			if done := alice.submit(form, c.to, saved); done.status != http.StatusSeeOther {
				t.Errorf("%s: the form that was previewed does not act: %d", c.from, done.status)
			}
			fill.Set("ends_at", "2100-01-01")
		}
		if a := alice.submit(alice.get(contactAnswer), contactAnswer, url.Values{"edit": {"save"}}); a.status != http.StatusBadRequest {
			t.Errorf("another edit: %d", a.status)
		}
	})
}

func TestARefusedResponderComesBackAsTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		form := alice.get("/services/garrigue.example/new-responder")
		typed := url.Values{"local": {"abuse"}, "subject": {`"><script>`}, "content": {`</textarea><script>alert(1)</script>`}, "starts_at": {`demain<`}, "ends_at": {"2026-02-30"}, "days": {"trois"}}
		refused := alice.submit(form, toResponders, typed)
		if refused.status != http.StatusUnprocessableEntity || strings.Contains(refused.body, "<script>alert") {
			t.Fatalf("%d, or it runs what was typed", refused.status)
		}
		for _, field := range []string{"starts_at", "ends_at", "days"} {
			if refused.Find(`.errors a[href="#`+field+`"]`).Length() != 1 {
				t.Errorf("%s is not said: %s", field, refused.text(".errors"))
			}
		}
		for field, want := range typed {
			got := refused.Find("#" + field)
			if value := got.AttrOr("value", got.Text()); value != want[0] {
				t.Errorf("%s came back as %q", field, value)
			}
		}
		for field, fill := range map[string]url.Values{
			"local":   {"local": {"abuse"}, "subject": {"x"}, "content": {"x"}},
			"content": {"local": {"x"}, "subject": {"x"}, "content": {strings.Repeat("é", 5001)}},
			"ends_at": {"local": {"x"}, "subject": {"x"}, "content": {"x"}, "ends_at": {"2026-01-01"}},
		} {
			if a := alice.submit(form, toResponders, fill); a.status != http.StatusUnprocessableEntity || a.Find(`.errors a[href="#`+field+`"]`).Length() != 1 {
				t.Errorf("%s: %d %s", field, a.status, a.text(".errors"))
			}
		}
		s.Exec(t, "UPDATE services SET max_responders = responder_count WHERE domain = $1", cast.Garrigue)
		a := alice.submit(form, toResponders, url.Values{"local": {"x"}, "subject": {"x"}, "content": {"x"}})
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.text(".errors"), "Le service a déjà ses 2 répondeurs.") {
			t.Errorf("at the limit: %d %s", a.status, a.text(".errors"))
		}
		if list := alice.get(toResponders); list.Find(".meter.crit").Length() != 1 || list.Find(`a[href$="/new-responder"]`).Length() != 0 {
			t.Errorf("the list at the limit: %s", list.text("main"))
		}
	})
}

func TestAResponderActsOnceAndByItsOwnSessionsForm(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		fill := url.Values{"local": {"ancien"}, "subject": {"x"}, "content": {"x"}}
		form := alice.get("/services/garrigue.example/new-responder")
		for range 2 {
			if a := alice.submit(form, toResponders, fill); a.status != http.StatusSeeOther {
				t.Errorf("%d", a.status)
			}
		}
		if n := s.Int(t, "SELECT count(*) FROM events WHERE kind = 'responder.created' AND object = 'ancien@garrigue.example'"); n != 1 {
			t.Errorf("created %d times", n)
		}
		fill.Set("local", "autre")
		if a := s.as(t, cast.Alice).submit(form, toResponders, fill); a.status != http.StatusUnprocessableEntity || a.Find("#local").AttrOr("value", "") != "autre" {
			t.Errorf("the form of another session: %d", a.status)
		}
		page := alice.get(toResponders + "/ancien")
		if !strings.Contains(page.text(".message.warn"), "Personne ne peut le lire.") {
			t.Errorf("what happens to mail is not said: %s", page.text("main"))
		}
	})
}

func TestAResponderThatWasChangedMeanwhileLosesNothing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, bruno := s.as(t, cast.Alice), s.as(t, cast.Bruno)
		old := alice.get(contactAnswer)
		bruno.follow(bruno.submit(old, contactAnswer, url.Values{"submission": {bruno.get(contactAnswer).submission()}, "subject": {"De Bruno"}, "content": {"Bonjour"}}))
		conflict := alice.submit(old, contactAnswer, url.Values{"subject": {"D’Alice"}, "content": {"Bonjour"}})
		if conflict.status != http.StatusConflict || conflict.text(".compare tbody td:nth-child(2)") != "D’Alice" || conflict.text(".compare tbody td:nth-child(3)") != "De Bruno" {
			t.Fatalf("%d %s", conflict.status, conflict.text("main"))
		}
		done := alice.follow(alice.submit(conflict, contactAnswer, nil))
		if got := done.Find("#subject").AttrOr("value", ""); got != "D’Alice" {
			t.Errorf("kept %q", got)
		}
	})
}

func TestWhoMayEditTheRespondersOfTheirAccountFindTheWay(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.Exec(t, "UPDATE grants SET extras = 5 WHERE ended_at IS NULL AND domain = $1 AND local_part = 'contact'", cast.Garrigue)
		chloe := s.as(t, cast.Chloe)
		for path, links := range map[string]int{emails: 1, contact: 1, emails + "/accueil": 0} {
			if page := chloe.get(path); page.Find(`a[href="`+contactAnswer+`"]`).Length() != links || page.Find(`a[href="`+toResponders+`"]`).Length() != 0 {
				t.Errorf("%s: want %d links to the responder and none to those of the service", path, links)
			}
		}
		page := chloe.follow(chloe.submit(chloe.get(contactAnswer), contactAnswer, url.Values{"subject": {"Absence"}, "content": {"Bonjour"}, "ends_at": {s.Store.Now().AddDate(0, 0, 9).Format("2006-01-02")}}))
		if page.status != http.StatusOK || page.text("h2 + .badge") != "Actif" {
			t.Errorf("%d %s", page.status, page.text("main"))
		}
		if got := s.as(t, cast.Alice).get("/services/garrigue.example/history").text(".events li:first-child"); !strings.Contains(got, "cl1003-mdt a créé le répondeur de contact@garrigue.example.") || !strings.Contains(got, "à 00 h 00") {
			t.Errorf("the history: %s", got)
		}
	})
}

func TestWhoMayNotEditRespondersDoesNotSeeTheWay(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		chloe := s.as(t, cast.Chloe)
		for _, path := range []string{emails, contact} {
			page := chloe.get(path)
			if page.Find(`a[href$="/responder"], a[href$="/responders"]`).Length() != 0 {
				t.Errorf("%s leads to responders", path)
			}
		}
		if tabs := s.as(t, cast.Bruno).get(emails).texts(".tabs a"); !strings.Contains(tabs, " | Répondeurs 2 | ") {
			t.Errorf("the tabs of who holds the service: %s", tabs)
		}
		hidden := s.as(t, cast.Alice).get(toResponders + "?q=%25&before=a&before=b")
		if hidden.status != http.StatusBadRequest {
			t.Errorf("a cursor twice: %d", hidden.status)
		}
	})
}
