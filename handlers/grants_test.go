package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"example.org/mandat/models/cast"
)

const (
	shares        = "/services/garrigue.example/grants"
	contactGrants = "/services/garrigue.example/emails/contact/grants"
	fromAPanel    = "dialog#panel" // as htmx names its target
)

func TestWhoMayShareAndWhoMayDelegate(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for _, c := range []struct {
			who              string
			shares, contacts int
		}{
			{cast.Alice, 200, 200},
			{cast.Bruno, 403, 403}, // without the extra that lets him delegate
			{cast.Chloe, 403, 403},
			{cast.David, 404, 404},
			{cast.Emma, 404, 404},
			{cast.Sam, 403, 403},
			{"", 303, 303},
		} {
			v := s.as(t, c.who)
			if got := v.get(shares).status; got != c.shares {
				t.Errorf("%q sees the shares with %d, want %d", c.who, got, c.shares)
			}
			if got := v.get(contactGrants).status; got != c.contacts {
				t.Errorf("%q sees the delegation with %d, want %d", c.who, got, c.contacts)
			}
		}
		if got := s.as(t, cast.Alice).get("/services/garrigue.example/emails/nobody/grants").status; got != 404 {
			t.Errorf("an address that does not exist: %d", got)
		}
	})
}

func TestTheOwnerSharesTheWholeService(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		page := alice.get(shares)
		for selector, want := range map[string]string{
			"#panel-title":        "Gérer vos partages pour toutes les adresses email",
			".panel-body h3":      "Ajouter un identifiant",
			".form .primary":      "Ajouter",
			".rights .can h3":     "Ces personnes pourront",
			".rights .cannot h3":  "Elles ne pourront pas",
			".holder + a":         "Révoquer",
			".holder .mono":       cast.Bruno,
			`label[for="extras"]`: "Choisir les mots de passe",
		} {
			if got := page.text(selector); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %q, want %q", selector, got, want)
			}
		}
		answer := alice.submit(page, shares, url.Values{"identifiers": {strings.ToUpper(cast.Emma) + ", " + cast.David}, "note": {"<script>alert(1)</script>"}})
		done := alice.follow(answer)
		if got := done.text("#messages p"); got != "2 personnes peuvent maintenant gérer garrigue.example." {
			t.Errorf("message %q", got)
		}
		if got := done.Find(".holder").Length(); got != 3 {
			t.Errorf("%d hold a share, want 3", got)
		}
		if strings.Contains(done.body, "<script>alert") {
			t.Error("a note is not escaped")
		}
		if got := s.as(t, cast.Emma).get("/services/garrigue.example/emails").status; got != http.StatusOK {
			t.Errorf("the person given a share does not reach it: %d", got)
		}
		if again := alice.submit(page, shares, url.Values{"identifiers": {cast.Emma}}); again.status != http.StatusSeeOther {
			t.Errorf("the same form once more: %d", again.status)
		}
		if n := s.Int(t, "SELECT count(*) FROM grants WHERE kind = 'service' AND ended_at IS NULL"); n != 3 {
			t.Errorf("%d shares after the same form was sent twice", n)
		}
	})
}

func TestTheRightIdentifiersAreAddedAndTheWrongOnesComeBack(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		typed := strings.Join([]string{cast.Emma, "ab-12?", cast.Alice, cast.Chloe, "zz9999-mdt", cast.Emma}, "\n")
		page := alice.get(contactGrants)
		answer := alice.submit(page, contactGrants, url.Values{"identifiers": {typed}, "note": {"Congés"}, "expires_on": {"2030-01-31"}})
		if answer.status != http.StatusUnprocessableEntity {
			t.Fatalf("%d: %s", answer.status, answer.text("main"))
		}
		if got := answer.text("title"); !strings.HasPrefix(got, "Erreur : ") {
			t.Errorf("title %q", got)
		}
		if got, want := answer.Find("#identifiers").Text(), "ab-12?\n"+cast.Alice+"\n"+cast.Chloe+"\nzz9999-mdt"; got != want {
			t.Errorf("the field has %q, want %q", got, want)
		}
		if got := answer.Find("#identifiers-error p").Length(); got != 4 {
			t.Errorf("%d reasons, want 4: %s", got, answer.text("#identifiers-error"))
		}
		if got := answer.text(".message p"); got != cast.Emma+" peut maintenant gérer contact@garrigue.example." {
			t.Errorf("message %q", got)
		}
		for selector, want := range map[string]string{"#note": "Congés", "#expires_on": "2030-01-31"} {
			if got := answer.Find(selector).AttrOr("value", ""); got != want {
				t.Errorf("%s has %q, want %q", selector, got, want)
			}
		}
		// What came back can be corrected and sent: it has a submission of its own.
		fixed := alice.submit(answer, contactGrants, url.Values{"identifiers": {cast.David}})
		if fixed.status != http.StatusSeeOther {
			t.Errorf("the corrected form: %d", fixed.status)
		}
	})
}

func TestEveryRefusalOfAGrantFormHasItsOwnText(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		said := map[string]string{}
		for name, fill := range map[string]url.Values{
			"shape":   {"identifiers": {"<b>x</b>"}},
			"self":    {"identifiers": {cast.Alice}},
			"held":    {"identifiers": {cast.Chloe}},
			"unknown": {"identifiers": {"zz9999-mdt"}},
			"none":    {"identifiers": {" , ;\n"}},
			"many":    {"identifiers": {namesOfNobody(21)}},
			"past":    {"identifiers": {cast.Emma}, "expires_on": {"2020-01-01"}},
			"far":     {"identifiers": {cast.Emma}, "expires_on": {"2099-01-01"}},
			"day":     {"identifiers": {cast.Emma}, "expires_on": {"31/12/2026"}},
			"note":    {"identifiers": {cast.Emma}, "note": {strings.Repeat("é", 501)}},
		} {
			answer := alice.submit(alice.get(contactGrants), contactGrants, fill)
			if answer.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", name, answer.status)
				continue
			}
			text := answer.text(".errors li")
			if said[text] != "" || text == "" || strings.Contains(text, "grant.") {
				t.Errorf("%s says %q, as does %q", name, text, said[text])
			}
			said[text] = name
			if answer.Find("#identifiers").Text() != fill.Get("identifiers") && name != "none" {
				t.Errorf("%s: the field lost what was typed", name)
			}
		}
		if n := s.Int(t, "SELECT count(*) FROM grants WHERE grantee_id = (SELECT id FROM customers WHERE identifier = 'ep1005-mdt')"); n != 0 {
			t.Errorf("%d grants were given by refused forms", n)
		}
	})
}

func namesOfNobody(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "zz%d-mdt ", 9000+i)
	}
	return b.String()
}

func TestTheLiveCheckTellsNobodyWhoExists(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		check := "/identifiers?domain=garrigue.example&local=contact&q=" + url.QueryEscape(cast.Emma+" zz9999-mdt ab-12? "+cast.Chloe)
		list := alice.get(check, "HX-Request", "true", "HX-Target", "div#verdicts")
		var got []string
		list.Find("li").Each(func(i int, _ *goquery.Selection) { got = append(got, list.text(fmt.Sprintf("li:nth-child(%d)", i+1))) })
		want := []string{cast.Emma + "Forme correcte", "zz9999-mdtForme correcte", "ab-12?Pas un identifiant", cast.Chloe + " Chloé Laurent A déjà accès"}
		if strings.ReplaceAll(strings.Join(got, "|"), " ", "") != strings.ReplaceAll(strings.Join(want, "|"), " ", "") {
			t.Errorf("verdicts %q, want %q", got, want)
		}
		if list.Find("html head title").Length() != 0 {
			t.Error("the live check answers a whole page")
		}
		for who, status := range map[string]int{cast.Bruno: 403, cast.Chloe: 403, cast.David: 404, cast.Emma: 404} {
			if got := s.as(t, who).get(check).status; got != status {
				t.Errorf("%s asks about an address with %d, want %d", who, got, status)
			}
		}
		if got := alice.get("/identifiers?q=" + cast.Emma).status; got != http.StatusOK {
			t.Errorf("the shape alone: %d", got)
		}
	})
}

func TestDelegatingInThePanelRenewsTheRowBelow(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		panel := alice.get(contactGrants, "HX-Request", "true", "HX-Target", fromAPanel)
		if panel.Find("header.topbar").Length() != 0 || panel.Find("section.panel").Length() != 1 {
			t.Fatal("the panel is not the Panel alone")
		}
		form := url.Values{"submission": {panel.submission()}, "identifiers": {cast.Emma}, "extras": {"password"}, "expires_on": {""}, "note": {""}}
		done := alice.post(contactGrants, form, "HX-Request", "true", "HX-Target", fromAPanel)
		if done.status != http.StatusOK {
			t.Fatalf("%d: %s", done.status, done.body)
		}
		if !strings.Contains(done.body, `<hx-partial hx-target="tr:has(#m`) || !strings.Contains(done.body, cast.Chloe+", "+cast.Emma) {
			t.Error("the row of the list is not renewed")
		}
		if got := done.text(".message p"); got != cast.Emma+" peut maintenant gérer contact@garrigue.example." {
			t.Errorf("message %q", got)
		}
		again := alice.post(contactGrants, form, "HX-Request", "true", "HX-Target", fromAPanel)
		if again.status != http.StatusOK || again.Find(".message").Length() != 0 {
			t.Errorf("the same form once more: %d %q", again.status, again.text(".message"))
		}
		refused := alice.post(contactGrants, url.Values{"submission": {done.submission()}, "identifiers": {"?"}}, "HX-Request", "true", "HX-Target", fromAPanel)
		if refused.status != http.StatusUnprocessableEntity || refused.Find(".panel .errors a").Length() != 1 {
			t.Errorf("a refused form in the panel: %d", refused.status)
		}
	})
}

func TestAFormOfAnotherSessionActsNotAndKeepsWhatWasTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		stale := s.as(t, cast.Alice).get(contactGrants).submission()
		answer := alice.post(contactGrants, url.Values{"submission": {stale}, "identifiers": {cast.Emma}, "note": {"gardée"}})
		if answer.status != http.StatusUnprocessableEntity || answer.Find("#note").AttrOr("value", "") != "gardée" || answer.Find("#identifiers").Text() != cast.Emma {
			t.Errorf("%d: %s", answer.status, answer.text(".errors"))
		}
		foreign := alice.post(contactGrants, url.Values{"identifiers": {cast.Emma}}, "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site")
		if foreign.status != http.StatusForbidden {
			t.Errorf("another site may post: %d", foreign.status)
		}
		for name, form := range map[string]url.Values{
			"an unknown field": {"identifiers": {cast.Emma}, "owner": {"1"}},
			"an unknown extra": {"identifiers": {cast.Emma}, "extras": {"root"}},
			"a field twice":    {"identifiers": {cast.Emma, cast.David}},
		} {
			if got := alice.post(contactGrants, form).status; got != http.StatusBadRequest {
				t.Errorf("%s: %d", name, got)
			}
		}
		if n := s.Int(t, "SELECT count(*) FROM grants WHERE grantee_id = (SELECT id FROM customers WHERE identifier = 'ep1005-mdt')"); n != 0 {
			t.Errorf("%d grants were given", n)
		}
	})
}

func TestADelegateWithTheExtraPassesOnWhatTheyHold(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		grant := alice.get("/grants/1")
		if done := alice.submit(grant, "/grants/1", url.Values{"extras": {"delegate"}, "expires_on": {"2030-06-30"}}); done.status != http.StatusSeeOther {
			t.Fatalf("%d: %s", done.status, done.text(".errors"))
		}
		bruno := s.as(t, cast.Bruno)
		page := bruno.get(contactGrants)
		if page.status != http.StatusOK {
			t.Fatalf("%d", page.status)
		}
		if page.Find(`input[name="extras"]`).Length() != 1 || page.Find(`input[name="extras"][value="responder"]`).Length() != 1 {
			t.Error("what Bruno does not hold himself is offered to him")
		}
		if got := page.text(".rights .can li:not([hidden])"); strings.Contains(got, "mot de passe") {
			t.Errorf("the preview promises more than he may give: %q", got)
		}
		beyond := bruno.submit(page, contactGrants, url.Values{"identifiers": {cast.Emma}, "expires_on": {"2031-01-01"}})
		if beyond.status != http.StatusUnprocessableEntity || beyond.Find("#expires_on-error").Length() != 1 {
			t.Errorf("longer than he holds it himself: %d", beyond.status)
		}
		bruno.follow(bruno.submit(bruno.get(contactGrants), contactGrants, url.Values{"identifiers": {cast.Emma}}))
		list := bruno.get(contactGrants)
		if got := list.text(".holder .mono"); got != cast.Emma {
			t.Errorf("he sees %q, and should see only whom he gave it to", got)
		}
		if owner := bruno.submit(bruno.get(contactGrants), contactGrants, url.Values{"identifiers": {cast.Alice}}); !strings.Contains(owner.text(".errors"), "propriétaire") {
			t.Errorf("the owner as delegate: %q", owner.text(".errors"))
		}
	})
}

func TestASuspendedServiceShowsItsGrantsWithoutButtons(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		page := alice.get(contactGrants)
		if err := s.Store.SuspendService(t.Context(), cast.Garrigue); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{shares, contactGrants, "/grants/2"} {
			now := alice.get(path)
			if now.status != http.StatusOK || now.Find(`main form[method="post"] .button, main .button[form]`).Length() != 0 {
				t.Errorf("%s: %d, with buttons %q", path, now.status, now.text("main .button"))
			}
		}
		if got := alice.submit(page, contactGrants, url.Values{"identifiers": {cast.Emma}}).status; got != http.StatusForbidden {
			t.Errorf("a form from before: %d", got)
		}
	})
}

func TestTickedAddressesAreDelegatedInOneGo(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		page := alice.get("/grants/new?accounts=contact@garrigue.example&accounts=compta@garrigue.example&accounts=rh@garrigue.example&accounts=rh@garrigue.example")
		if got := page.text("#panel-title"); got != "Déléguer 3 adresses" {
			t.Errorf("heading %q", got)
		}
		accounts := []string{"contact@garrigue.example", "compta@garrigue.example", "rh@garrigue.example"}
		refused := alice.submit(page, "/grants", url.Values{"identifiers": {""}, "accounts": accounts})
		if refused.status != http.StatusUnprocessableEntity || refused.Find(`input[name="accounts"]`).Length() != 3 {
			t.Errorf("%d, %d addresses kept", refused.status, refused.Find(`input[name="accounts"]`).Length())
		}
		answer := alice.submit(refused, "/grants", url.Values{"identifiers": {cast.Emma + " " + cast.Chloe}, "accounts": accounts})
		done := alice.follow(answer)
		if got, want := done.text("#messages p"), "2 personnes peuvent maintenant gérer 3 adresses. 1 délégation existait déjà."; got != want {
			t.Errorf("message %q, want %q", got, want)
		}
		for name, c := range map[string]struct {
			query  string
			status int
		}{
			"nothing ticked":              {"", 422},
			"addresses of two services":   {"?accounts=contact@garrigue.example&accounts=devis@atelier-durand.example", 422},
			"no address":                  {"?accounts=contact", 400},
			"a service of somebody else":  {"?accounts=hello@nguyen-velos.example", 404},
			"a service that is not there": {"?accounts=a@nowhere.example", 404},
		} {
			if got := alice.get("/grants/new" + c.query).status; got != c.status {
				t.Errorf("%s: %d, want %d", name, got, c.status)
			}
		}
		for who, status := range map[string]int{cast.Bruno: 403, cast.Chloe: 403, cast.David: 404, cast.Emma: 403, cast.Sam: 403, "": 303} { // Emma holds an account by now
			if got := s.as(t, who).get("/grants/new?accounts=contact@garrigue.example").status; got != status {
				t.Errorf("%q: %d, want %d", who, got, status)
			}
		}
	})
}

// The panel of these tests sends mail; the gallery has the forms of one that does not.
func TestTheGrantFormsSayThatTheOwnerIsTold(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		for _, path := range []string{shares, contactGrants, "/grants/new?accounts=contact@garrigue.example"} {
			if n := strings.Count(alice.get(path).text(".rights .note"), "averti par email"); n != 2 {
				t.Errorf("%s says %d times that the owner is told, want once for each right to read", path, n)
			}
		}
	})
}
