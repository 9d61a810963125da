package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"example.org/mandat/models"
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
		if got := gone.text("#messages p"); got != "La redirection de paie@garrigue.example vers rh@garrigue.example est supprimée." {
			t.Errorf("message %q", got)
		}
	})
}

func TestADeletedRedirectionIsMadeAgainAsItWas(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		for _, sent := range []url.Values{
			{"kind": {"address"}, "from": {"paie"}, "to": {"rh@garrigue.example x+y@büro.example"}, "keep_copy": {"on"}},
			{"kind": {"address"}, "from": {"reunions"}, "to": {"rh@garrigue.example"}},
			{"kind": {"address"}, "from": {"bonjour"}, "to": {"o'neil@elsewhere.example, contact@garrigue.example"}},
			{"kind": {"all"}, "from": {""}, "to": {"bonjour@garrigue.example"}},
		} {
			form := alice.get(redirectionsOf + "/new")
			values := formValues(form.form(redirectionsOf))
			values.Del("keep_copy")
			for name, list := range sent {
				values[name] = list
			}
			if made := alice.post(redirectionsOf, values); made.status != http.StatusSeeOther {
				t.Fatalf("%v: %d %s", sent, made.status, made.text(".errors"))
			}
			row := func() (text, path string) {
				t.Helper()
				link := alice.get(redirectionsOf).Find("tbody a.address").FilterFunction(func(_ int, a *goquery.Selection) bool {
					return strings.HasPrefix(a.Text(), sent.Get("from")+"@") || sent.Get("kind") == "all" && strings.HasPrefix(a.Text(), "*")
				})
				return strings.Join(strings.Fields(link.Closest("tr").Text()), " "), link.AttrOr("href", "")
			}
			was, path := row()
			gone := alice.follow(alice.submit(alice.get(redirectionsOf), path+"/deletion", nil))
			if text, _ := row(); text != "" {
				t.Fatalf("%v is still there: %s", sent, text)
			}
			undo := gone.Find("#messages form")
			if undo.AttrOr("action", "") != redirectionsOf || strings.TrimSpace(undo.Find("button").Text()) != "Annuler" {
				t.Fatalf("no way to undo: %s", gone.text("#messages"))
			}
			again := alice.post(redirectionsOf, formValues(undo))
			if again.status != http.StatusSeeOther {
				t.Fatalf("%v again: %d %s", sent, again.status, again.text(".errors"))
			}
			if is, _ := row(); is != was {
				t.Errorf("made again as %q, was %q", is, was)
			}
			if twice := alice.post(redirectionsOf, formValues(undo)); twice.status != http.StatusSeeOther || alice.follow(twice).Find("#messages .message").Length() > 1 {
				t.Errorf("undone twice: %d", twice.status)
			}
		}
	})
}

func TestUndoKeepsToTheRulesAsTheyAre(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ctx, alice, bruno := t.Context(), s.Actor(t, cast.Alice), s.as(t, cast.Bruno)
		deleted := func(n models.NewRedirection) url.Values {
			t.Helper()
			r, err := s.Store.CreateRedirection(ctx, alice, cast.Garrigue, n)
			if err != nil {
				t.Fatal(err)
			}
			path := fmt.Sprintf("%s/%d", redirectionsOf, r.ID)
			return formValues(bruno.follow(bruno.submit(bruno.get(path), path+"/deletion", nil)).Find("#messages form"))
		}
		taken := deleted(models.NewRedirection{Local: "bonjour", Targets: "contact@garrigue.example"})
		if _, err := s.Store.CreateList(ctx, alice, cast.Garrigue, models.NewList{Name: "bonjour", ListSettings: models.ListSettings{
			Owner: "rh@garrigue.example", ReplyTo: models.ReplyToList, Language: "fr", Posting: models.PostingEveryone,
		}}); err != nil {
			t.Fatal(err)
		}
		refused := bruno.post(redirectionsOf, taken)
		if refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.text(".errors"), "liste de diffusion") || refused.Find("#to").Text() != "contact@garrigue.example" {
			t.Errorf("an address that is a list by now: %d %s", refused.status, refused.text(".errors"))
		}
		outside := deleted(models.NewRedirection{Local: "dehors", Targets: "x@elsewhere.example"})
		s.Exec(t, fmt.Sprintf("UPDATE grants SET extras = 0 WHERE grantee_id = %d", s.Actor(t, cast.Bruno).Customer))
		if refused := bruno.post(redirectionsOf, outside); refused.status != http.StatusUnprocessableEntity || refused.Find(`.errors a[href="#to"]`).Length() != 1 {
			t.Errorf("without the right to send mail out: %d %s", refused.status, refused.text(".errors"))
		}
		// What is in the form is as good as typed.
		within := deleted(models.NewRedirection{Local: "dedans", Targets: "contact@garrigue.example"})
		within.Set("to", "x@elsewhere.example")
		if refused := bruno.post(redirectionsOf, within); refused.status != http.StatusUnprocessableEntity {
			t.Errorf("with another target: %d", refused.status)
		}
		within.Set("to", "contact@garrigue.example")
		s.Exec(t, fmt.Sprintf("DELETE FROM grants WHERE grantee_id = %d", s.Actor(t, cast.Bruno).Customer))
		if gone := bruno.post(redirectionsOf, within); gone.status != http.StatusNotFound {
			t.Errorf("without the grant: %d", gone.status)
		}
	})
}

func TestWhatTheCatchAllLeadsToStaysWithItsReason(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ctx, by, alice := t.Context(), s.Actor(t, cast.Alice), s.as(t, cast.Alice)
		must := func(_ any, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		alias, err := s.Store.CreateRedirection(ctx, by, cast.Garrigue, models.NewRedirection{Local: "bonjour", Targets: "contact@garrigue.example"})
		must(alias, err)
		must(s.Store.CreateRedirection(ctx, by, cast.Garrigue, models.NewRedirection{CatchAll: true, Targets: "bonjour@garrigue.example equipe@garrigue.example ancien.cabinet@garrigue.example"}))
		const service = "/services/garrigue.example"
		for _, c := range []struct{ page, action, confirm, chain string }{
			{fmt.Sprintf("%s/%d", redirectionsOf, alias.ID), fmt.Sprintf("%s/%d/deletion", redirectionsOf, alias.ID), "", "bonjour@garrigue.example → *@garrigue.example → bonjour@garrigue.example"},
			{service + "/emails/contact/deletion", service + "/emails/contact/deletion", "contact", "contact@garrigue.example → *@garrigue.example → bonjour@garrigue.example → contact@garrigue.example"},
			{service + "/lists/equipe/deletion", service + "/lists/equipe/deletion", "equipe", "equipe@garrigue.example → *@garrigue.example → equipe@garrigue.example"},
			{service + "/responders/ancien.cabinet", service + "/responders/ancien.cabinet/deletion", "", "ancien.cabinet@garrigue.example → *@garrigue.example → ancien.cabinet@garrigue.example"},
		} {
			fill := url.Values{}
			if c.confirm != "" {
				fill.Set("confirm", c.confirm)
			}
			refused := alice.submit(alice.get(c.page), c.action, fill)
			if refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.text(".errors"), c.chain) || !strings.HasPrefix(refused.text("title"), "Erreur") {
				t.Errorf("%s: %d %s", c.action, refused.status, refused.text(".errors, .message"))
			}
			if next := refused.Find(`input[name="next"]`).First().AttrOr("value", ""); alice.get(next).status != http.StatusOK {
				t.Errorf("%s: the page leads on to %s", c.action, next)
			}
			if again := alice.get(c.page); again.status != http.StatusOK {
				t.Errorf("%s is gone: %d", c.page, again.status)
			}
		}
	})
}

func TestTheExportOfRedirectionsCanBeReadBack(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for _, n := range []models.NewRedirection{
			{CatchAll: true, Targets: "hello@nguyen-velos.example"},
			{Local: "-six", Targets: "=cmd|x@elsewhere.example hello@nguyen-velos.example"},
			{Local: "david", Targets: "+1@büro.example", KeepCopy: true},
		} {
			if _, err := s.Store.CreateRedirection(t.Context(), s.Actor(t, cast.David), cast.Velos, n); err != nil {
				t.Fatal(err)
			}
		}
		david := s.as(t, cast.David)
		list := "/services/nguyen-velos.example/redirections"
		a := david.get(david.get(list).Find(`a[href*="redirections.csv"]`).AttrOr("href", "?"))
		if a.status != http.StatusOK || a.header.Get("Content-Disposition") != "attachment; filename=nguyen-velos.example-redirections.csv" {
			t.Errorf("%d %q", a.status, a.header.Get("Content-Disposition"))
		}
		var rows []string
		for _, row := range a.table(t) {
			rows = append(rows, strings.Join(row, "|"))
		}
		want := []string{
			"Address|Targets|Copy (yes/no)",
			"*@nguyen-velos.example|hello@nguyen-velos.example|no",
			"'-six@nguyen-velos.example|'=cmd|x@elsewhere.example hello@nguyen-velos.example|no",
			"david@nguyen-velos.example|'+1@xn--bro-hoa.example|yes",
		}
		if !slices.Equal(rows, want) {
			t.Errorf("the file %q, want %q", rows, want)
		}
		found := david.get(list + "?q=b%C3%BCro.example")
		if got := david.get(found.Find(`a[href*="redirections.csv"]`).AttrOr("href", "?")).table(t); len(got) != 2 || got[1][0] != "david@nguyen-velos.example" {
			t.Errorf("what was searched for: %q", got)
		}
		// Words that a file is read back by are the same in each language.
		fr := s.as(t, cast.Alice).get("/services/garrigue.example/redirections.csv").table(t)
		if got := strings.Join(fr[0], "|"); got != "Adresse|Destinations|Copie (yes/no)" || !slices.ContainsFunc(fr, func(row []string) bool { return row[0] == "presse@garrigue.example" && row[2] == "yes" }) {
			t.Errorf("in French: %q", fr)
		}
	})
}

func TestAnAddressShowsWhatRedirectionsHaveToDoWithIt(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, chloe := s.as(t, cast.Alice), s.as(t, cast.Chloe)
		accueil := alice.get("/services/garrigue.example/emails/accueil")
		if facts := accueil.text(".facts"); !strings.Contains(facts, "Reçoit le courrier de cabinet@garrigue.example") {
			t.Errorf("facts %q", facts)
		}
		link := accueil.Find(`.facts a:contains("Rediriger…")`).AttrOr("href", "")
		if form := alice.get(link); form.Find("#from").AttrOr("value", "") != "accueil" {
			t.Errorf("%q leads to %s", link, form.text("title"))
		}
		gilles := alice.get("/services/garrigue.example/emails/gilles.hamon").Find(".facts")
		if text := strings.Join(strings.Fields(gilles.Text()), " "); !strings.Contains(text, "Courrier redirigé vers hamon@ancien-cabinet.example hors du service rien dans la boîteModifier la redirection") {
			t.Errorf("facts %q", text)
		}
		if own := alice.get(gilles.Find(`a:contains("Modifier la redirection")`).AttrOr("href", "")); own.text("h2") != "Redirection de gilles.hamon@garrigue.example" {
			t.Errorf("the link leads to %q", own.text("h2"))
		}
		for _, path := range []string{"/services/garrigue.example/emails/accueil", "/services/garrigue.example/emails/contact"} {
			if facts := chloe.get(path).text(".facts"); strings.Contains(facts, "edirig") || strings.Contains(facts, "cabinet") {
				t.Errorf("who may not redirect is told %q", facts)
			}
		}
		deletion := alice.get("/services/garrigue.example/emails/accueil/deletion").text(".facts")
		if !strings.Contains(deletion, "Ce qui y mène cabinet@garrigue.example") || !strings.Contains(deletion, "renvoyé à son expéditeur") || strings.Contains(deletion, "Sa redirection") {
			t.Errorf("losses %q", deletion)
		}
		deletion = alice.get("/services/garrigue.example/emails/gilles.hamon/deletion").text(".facts")
		if !strings.Contains(deletion, "Ce qui y mène equipe@garrigue.exampleliste de diffusion") || !strings.Contains(deletion, "Son courrier ne part plus vers hamon@ancien-cabinet.example.") {
			t.Errorf("losses %q", deletion)
		}
		if deletion = alice.get("/services/atelier-durand.example/emails/atelier/deletion").text(".facts"); !strings.Contains(deletion, "*@atelier-durand.example") || !strings.Contains(deletion, "suivra la redirection des adresses qui n’existent pas") {
			t.Errorf("losses %q", deletion)
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
