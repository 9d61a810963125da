package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.org/mandat/models/cast"
)

const (
	emails  = "/services/garrigue.example/emails"
	contact = emails + "/contact"
)

// statuses asks for a page as each of the cast.
func statuses(t *testing.T, s *site, path string, want map[string]int) {
	t.Helper()
	for who, status := range want {
		if p := s.as(t, who).get(path); p.status != status {
			t.Errorf("%s as %q: %d, want %d", path, who, p.status, status)
		}
	}
}

func TestTheOwnerSeesTheirAddresses(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		p := s.as(t, cast.Alice).get(emails)
		if p.status != http.StatusOK {
			t.Fatalf("%d: %s", p.status, p.body)
		}
		if got, want := p.Find("tbody tr").Length(), 25; got != want {
			t.Errorf("%d rows, want %d", got, want)
		}
		if p.Find(`a[href="/services/garrigue.example/grants"]`).Length() == 0 {
			t.Error("no button for shares")
		}
	})
}

func TestTheOwnerCreatesAnAddress(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		form := alice.get("/services/garrigue.example/new-email")
		done := alice.follow(alice.submit(form, emails, url.Values{"local": {"Nouvelle"}, "description": {"Une adresse neuve"}}))
		if got := done.text("#messages"); got != "nouvelle@garrigue.example a été créée." {
			t.Errorf("message %q", got)
		}
		if again := alice.submit(form, emails, url.Values{"local": {"contact"}}); again.status != http.StatusSeeOther {
			t.Errorf("a form that has acted: %d, want the way it led", again.status)
		}
	})
}

func TestARefusedAddressComesBackAsTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		form := alice.get("/services/garrigue.example/new-email")
		refused := alice.submit(form, emails, url.Values{
			"local": {"contact"}, "description": {`<script>alert(1)</script>`}, "size_gb": {"cinq"}, "password": {"tilleul-orage-2026"}, "password_again": {"autre-chose-2026"},
		})
		if refused.status != http.StatusUnprocessableEntity || !strings.HasPrefix(refused.text("title"), "Erreur") {
			t.Fatalf("%d %q", refused.status, refused.text("title"))
		}
		if got := refused.Find("#description").AttrOr("value", ""); got != `<script>alert(1)</script>` {
			t.Errorf("description came back as %q", got)
		}
		if strings.Contains(refused.body, "<script>alert") || strings.Contains(refused.body, "tilleul-orage") {
			t.Error("the page runs what was typed, or shows a password")
		}
		if refused.Find(`.errors a[href="#size_gb"]`).Length() != 1 || refused.Find(`.errors a[href="#password_again"]`).Length() != 1 {
			t.Errorf("summary: %s", refused.text(".errors"))
		}
		if second := alice.submit(refused, emails, url.Values{"local": {"contact"}, "size_gb": {"1"}}); second.Find(`.errors a[href="#local"]`).Length() != 1 {
			t.Errorf("an address that is taken: %d %s", second.status, second.text(".errors"))
		}
	})
}

func TestEachSeesOfAnAddressWhatTheyMay(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		statuses(t, s, contact, map[string]int{cast.Alice: 200, cast.Bruno: 200, cast.Chloe: 200, cast.David: 404, cast.Emma: 404, cast.Sam: 403, "": 303})
		statuses(t, s, contact+"/password", map[string]int{cast.Alice: 200, cast.Bruno: 200, cast.Chloe: 200, cast.David: 404, cast.Emma: 404, cast.Sam: 403, "": 303})
		statuses(t, s, contact+"/deletion", map[string]int{cast.Alice: 200, cast.Bruno: 200, cast.Chloe: 403, cast.David: 404, cast.Emma: 404, cast.Sam: 403, "": 303})
		statuses(t, s, emails+"/compta", map[string]int{cast.Bruno: 200, cast.Chloe: 404})
		statuses(t, s, emails+"/nobody", map[string]int{cast.Alice: 404})
	})
}

func TestTheHolderOfOneAddressFindsOnlyWhatTheyMayChange(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		p := s.as(t, cast.Chloe).get(contact)
		if got := p.text(".heading"); !strings.Contains(got, "Partagé par ad1001-mdt") || !strings.Contains(got, "Ne plus gérer") {
			t.Errorf("whose it is: %q", got)
		}
		if p.Find("#description").Length() != 1 || p.Find("#size_gb").Length() != 0 {
			t.Error("the description is hers to change, the size is not")
		}
		for _, path := range []string{contact + "/deletion", contact + "/grants", contact + "/block"} {
			if p.Find(`[href="`+path+`"], [formaction="`+path+`"]`).Length() != 0 {
				t.Errorf("the page offers %s", path)
			}
		}
		if p.Find(`a[href="`+contact+`/password"]`).Length() != 1 {
			t.Error("the page does not offer the password")
		}
	})
}

func TestTheOwnerChangesTheSettingsOfAnAddress(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		form := alice.get(contact)
		done := alice.follow(alice.submit(form, contact, url.Values{"description": {"Accueil du <b>site</b>"}, "size_gb": {"2,5"}}))
		if done.text("#messages") != "Les réglages sont enregistrés." {
			t.Errorf("message %q", done.text("#messages"))
		}
		if got := done.Find("#description").AttrOr("value", ""); got != "Accueil du <b>site</b>" || strings.Contains(done.body, "<b>site") {
			t.Errorf("description %q", got)
		}
		if got := done.Find("#size_gb").AttrOr("value", ""); got != "2,5" {
			t.Errorf("size %q", got)
		}
		n := s.Int(t, "SELECT count(*) FROM events WHERE kind = 'account.changed'")
		if again := alice.submit(form, contact, url.Values{"description": {"Autre"}}); again.status != http.StatusSeeOther {
			t.Errorf("sent twice: %d", again.status)
		}
		if now := s.Int(t, "SELECT count(*) FROM events WHERE kind = 'account.changed'"); now != n || n != 1 {
			t.Errorf("%d events, then %d", n, now)
		}
	})
}

func TestASizeThatIsNoneComesBackAsTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		for _, size := range []string{"", "beaucoup", "-1", "0", "6", "1e3"} {
			p := alice.submit(alice.get(contact), contact, url.Values{"size_gb": {size}})
			if p.status != http.StatusUnprocessableEntity || p.Find("#size_gb").AttrOr("value", "") != size || p.Find(`.errors a[href="#size_gb"]`).Length() != 1 {
				t.Errorf("size %q: %d %s", size, p.status, p.text(".errors"))
			}
		}
	})
}

func TestADelegateCannotSmuggleASize(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		chloe := s.as(t, cast.Chloe)
		if p := chloe.submit(chloe.get(contact), contact, url.Values{"size_gb": {"1"}}); p.status != http.StatusForbidden {
			t.Errorf("%d, want 403", p.status)
		}
	})
}

func TestAChangeMeanwhileLosesNothing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, bruno := s.as(t, cast.Alice), s.as(t, cast.Bruno)
		form := alice.get(contact)
		bruno.follow(bruno.submit(bruno.get(contact), contact, url.Values{"description": {"Écrit par Bruno"}}))
		conflict := alice.submit(form, contact, url.Values{"description": {"Écrit par Alice"}})
		if conflict.status != http.StatusConflict {
			t.Fatalf("%d, want 409", conflict.status)
		}
		if got := conflict.texts(".compare tbody tr > *"); got != "Description | Écrit par Alice | Écrit par Bruno" {
			t.Errorf("both values: %q", got)
		}
		if got := conflict.Find("#description").AttrOr("value", ""); got != "Écrit par Alice" {
			t.Errorf("typed value came back as %q", got)
		}
		done := alice.follow(alice.submit(conflict, contact, nil))
		if got := done.Find("#description").AttrOr("value", ""); got != "Écrit par Alice" {
			t.Errorf("sent again: %q", got)
		}
	})
}

func TestAPasswordIsSetAndNeverShown(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		chloe := s.as(t, cast.Chloe)
		form := chloe.get(contact + "/password")
		suggested := form.text("code")
		if len(suggested) != 23 || suggested == chloe.get(contact+"/password").text("code") {
			t.Errorf("suggested %q", suggested)
		}
		if !strings.Contains(form.text("main"), "peut s’en servir pour ouvrir la boîte") {
			t.Error("the page does not say what a password opens")
		}
		differs := chloe.submit(form, contact+"/password", url.Values{"password": {suggested}, "password_again": {"autre"}})
		if differs.status != http.StatusUnprocessableEntity || strings.Contains(differs.body, suggested) {
			t.Errorf("%d, or the password came back", differs.status)
		}
		short := chloe.submit(differs, contact+"/password", url.Values{"password": {"court"}, "password_again": {"court"}})
		if short.status != http.StatusUnprocessableEntity || short.Find(`.errors a[href="#password"]`).Length() != 1 {
			t.Errorf("%d %s", short.status, short.text(".errors"))
		}
		done := chloe.follow(chloe.submit(short, contact+"/password", url.Values{"password": {suggested}, "password_again": {suggested}}))
		if got := done.text("#messages"); !strings.HasPrefix(got, "Le mot de passe de contact@garrigue.example est choisi.") {
			t.Errorf("message %q", got)
		}
		if n := s.Int(t, "SELECT count(*) FROM events WHERE CAST(detail AS text) LIKE '%"+suggested+"%'"); n != 0 {
			t.Error("the history has the password")
		}
	})
}

func TestThePasswordPanelAnswersItself(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		panel := []string{"HX-Request", "true", "HX-Target", "panel"}
		form := alice.get(contact+"/password", panel...)
		if form.Find("html > head > title").Length() != 0 || form.Find("section.panel").Length() != 1 {
			t.Error("not the panel alone")
		}
		submission := form.submission()
		fill := func(password string) url.Values {
			return url.Values{"submission": {submission}, "password": {password}, "password_again": {password}}
		}
		if short := alice.post(contact+"/password", fill("court"), panel...); short.status != http.StatusUnprocessableEntity || short.Find("section.panel .errors").Length() != 1 {
			t.Errorf("refused: %d %s", short.status, short.body)
		}
		for range 2 { // the second time changes nothing and says the same
			if done := alice.post(contact+"/password", fill("k7fpq-m3xwz-9rtha"), panel...); done.status != http.StatusOK || done.Find("section.panel .message.ok").Length() != 1 || done.Find("form").Length() != 0 {
				t.Errorf("done: %d %s", done.status, done.body)
			}
		}
		if n := s.Int(t, "SELECT count(*) FROM events WHERE kind = 'account.password_set'"); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

func TestBlockingLeadsBackToWhereOneWas(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		bruno := s.as(t, cast.Bruno)
		list := emails + "?q=contact"
		blocked := bruno.post(contact+"/block", url.Values{"submission": {bruno.get(list).submission()}}, "Referer", s.url+list)
		if blocked.location != list {
			t.Errorf("from the list to %q", blocked.location)
		}
		if got := bruno.follow(blocked).text("tbody"); !strings.Contains(got, "Bloquée") {
			t.Errorf("row: %s", got)
		}
		unblocked := bruno.post(contact+"/unblock", url.Values{"submission": {bruno.get(contact).submission()}}, "Referer", s.url+contact)
		if unblocked.location != contact || !strings.Contains(bruno.follow(unblocked).text("#messages"), "fonctionne de nouveau") {
			t.Errorf("from the page to %q", unblocked.location)
		}
		chloe := s.as(t, cast.Chloe)
		if p := chloe.post(contact+"/block", url.Values{"submission": {chloe.get(contact).submission()}}); p.status != http.StatusForbidden {
			t.Errorf("the holder of an address blocks it: %d, want 403", p.status)
		}
	})
}

func TestDeletingNamesTheLossAndAsksForTheName(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		form := alice.get(contact + "/deletion")
		if text := form.text("main"); !strings.Contains(text, "860 Mo") || !strings.Contains(text, cast.Chloe) || !strings.Contains(text, "Garder l’adresse") {
			t.Errorf("the loss is not named: %s", text)
		}
		refused := alice.submit(form, contact+"/deletion", url.Values{"confirm": {"kontakt"}})
		if refused.status != http.StatusUnprocessableEntity || refused.Find("#confirm").AttrOr("value", "") != "kontakt" {
			t.Errorf("%d", refused.status)
		}
		deleted := alice.submit(refused, contact+"/deletion", url.Values{"confirm": {"contact"}})
		if p := alice.follow(deleted); p.text("#messages") != "contact@garrigue.example a été supprimée." {
			t.Errorf("message %q", p.text("#messages"))
		}
		if again := alice.submit(refused, contact+"/deletion", url.Values{"confirm": {"contact"}}); again.status != http.StatusSeeOther || again.location != emails {
			t.Errorf("sent twice: %d to %s", again.status, again.location)
		}
		statuses(t, s, contact, map[string]int{cast.Alice: 404, cast.Chloe: 404})
	})
}

func TestASuspendedServiceCanBeReadOnly(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		form, deletion := alice.get(contact), alice.get(contact+"/deletion")
		s.Exec(t, "UPDATE services SET state = 'suspended' WHERE domain = 'garrigue.example'")
		p := alice.get(contact)
		if p.status != http.StatusOK || p.Find("main form:not(#act)").Length() != 0 || p.Find(".toolbar .button").Length() != 0 {
			t.Errorf("%d: %s", p.status, p.text("main"))
		}
		if !strings.Contains(p.text(".facts"), "Contact du site") {
			t.Error("the description is not shown")
		}
		for _, path := range []string{contact + "/password", contact + "/deletion", "/services/garrigue.example/new-email"} {
			if p := alice.get(path); p.status != http.StatusForbidden {
				t.Errorf("%s: %d, want 403", path, p.status)
			}
		}
		if p := alice.submit(form, contact, url.Values{"description": {"x"}}); p.status != http.StatusForbidden {
			t.Errorf("changed: %d, want 403", p.status)
		}
		if p := alice.submit(deletion, contact+"/deletion", url.Values{"confirm": {"contact"}}); p.status != http.StatusForbidden {
			t.Errorf("deleted: %d, want 403", p.status)
		}
	})
}
