package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.org/mandat/models/cast"
)

const ticked = "/services/garrigue.example/accounts/"

// of are addresses of Garrigue's.
func of(locals ...string) []string {
	list := make([]string, len(locals))
	for i, local := range locals {
		list[i] = local + "@" + cast.Garrigue
	}
	return list
}

// tick opens the page that a button of the bar leads to, from the list at path.
func (v *visitor) tick(list, job string, locals ...string) *answer {
	v.t.Helper()
	if v.get(list).Find(`.batch button[form="bulk"][formaction="`+ticked+job+`"]`).Length() != 1 {
		v.t.Errorf("no button for the %s", job)
	}
	return v.get(ticked+job+"?"+url.Values{"accounts": of(locals...)}.Encode(), "Referer", v.site.url+list)
}

func TestTickedAddressesAreChangedAndOneIsBackWhereOneWas(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		const list = emails + "?after=contact&from=9&q=e&size=50"
		page := alice.tick(list, "description", "rh", "info", "rh")
		if got := page.text("main h2"); got != "Décrire 2 adresses" || page.Find(`input[name="accounts"][checked]`).Length() != 2 {
			t.Errorf("heading %q", got)
		}
		if got := page.Find(`main .actions a`).AttrOr("href", ""); got != list {
			t.Errorf("Cancel leads to %q", got)
		}
		answer := alice.submit(page, ticked+"description", url.Values{"description": {"Voir Alice"}})
		if answer.location != list {
			t.Errorf("leads to %q, want %q", answer.location, list)
		}
		if got := alice.follow(answer).text("#messages p"); got != "La description de 2 adresses est enregistrée." {
			t.Errorf("message %q", got)
		}
		if again := alice.submit(page, ticked+"description", url.Values{"description": {"Voir Bruno"}}); again.location != list || alice.get(emails+"/rh").Find("#description").AttrOr("value", "") != "Voir Alice" {
			t.Errorf("sent again: %d to %q", again.status, again.location)
		}
		for _, c := range []struct{ job, field, value, message string }{
			{"description", "description", "Voir Alice", "2 adresses étaient déjà ainsi."},
			{"size", "size_gb", "2,5", "2 adresses ont maintenant 2,5 Go chacune."},
			{"block", "", "", "2 adresses sont bloquées : elles ne reçoivent rien et personne ne s’y connecte."},
			{"unblock", "", "", "2 adresses fonctionnent de nouveau."},
		} {
			fill := url.Values{}
			if c.field != "" {
				fill.Set(c.field, c.value)
			}
			if got := alice.follow(alice.submit(alice.tick(emails, c.job, "rh", "info"), ticked+c.job, fill)).text("#messages p"); got != c.message {
				t.Errorf("%s: message %q, want %q", c.job, got, c.message)
			}
		}
	})
}

func TestWhoDelegatesTheTickedIsBackWhereOneWas(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		const list = emails + "?q=e&size=50"
		page := alice.get("/grants/new?accounts=rh@garrigue.example", "Referer", s.url+list)
		if got := page.texts(`.panel a[href="` + list + `"]`); !strings.Contains(got, "Annuler") {
			t.Errorf("the links back are %q", got)
		}
		refused := alice.submit(page, "/grants", url.Values{"identifiers": {"?"}})
		if done := alice.submit(refused, "/grants", url.Values{"identifiers": {cast.Emma}}); done.location != list {
			t.Errorf("leads to %q, want %q", done.location, list)
		}
	})
}

func TestWhatWasRefusedOfTheTickedComesBackTickedWithItsReason(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.Exec(t, "UPDATE services SET max_bytes = allotted_bytes + 4000000000 WHERE domain = 'garrigue.example'")
		alice := s.as(t, cast.Alice)
		page := alice.tick(emails+"?sort=-used", "size", "paie", "presse", "stages") // of 2 GB each
		sent := formValues(page.form(ticked + "size"))
		sent["accounts"] = of("paie", "presse", "stages", "ghost")
		sent.Set("size_gb", "5")
		refused := alice.post(ticked+"size", sent)
		if refused.status != http.StatusUnprocessableEntity || !strings.HasPrefix(refused.text("title"), "Erreur") {
			t.Fatalf("%d %q", refused.status, refused.text("title"))
		}
		if got := refused.text(".message p"); got != "1 adresse a maintenant 5 Go." {
			t.Errorf("done: %q", got)
		}
		still := formValues(refused.form(ticked + "size"))
		if got := still["accounts"]; strings.Join(got, " ") != strings.Join(of("ghost", "presse", "stages"), " ") || still.Get("size_gb") != "5" {
			t.Errorf("still ticked: %q, size %q", got, still.Get("size_gb"))
		}
		if got := refused.texts(".ticked .error"); got != "Cette adresse n’existe pas, ou n’est plus à votre portée. | Il reste 3 Go au service sur 184 Go. Choisissez une taille plus petite. | Il reste 3 Go au service sur 184 Go. Choisissez une taille plus petite." {
			t.Errorf("reasons %q", got)
		}
		if refused.Find(`.errors a[href="#accounts"]`).Length() != 1 || still.Get("submission") == sent.Get("submission") {
			t.Error("no way to what was refused, or a form that has acted")
		}
		still.Set("size_gb", "2,5")
		still["accounts"] = of("presse", "stages")
		if done := alice.post(ticked+"size", still); done.location != emails+"?sort=-used" {
			t.Errorf("the second try: %d to %q", done.status, done.location)
		}
	})
}

func TestATickedFormComesBackAsTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		long := `<script>alert(1)</script>` + strings.Repeat("é", 200)
		for _, c := range []struct{ job, field, value string }{{"description", "description", long}, {"size", "size_gb", "cinq"}, {"size", "size_gb", ""}, {"size", "size_gb", "500"}} {
			page := alice.tick(emails, c.job, "rh", "info")
			refused := alice.submit(page, ticked+c.job, url.Values{c.field: {c.value}})
			if refused.status != http.StatusUnprocessableEntity || refused.Find("#"+c.field).AttrOr("value", "") != c.value || refused.Find(`.errors a[href="#`+c.field+`"]`).Length() != 1 {
				t.Errorf("%s %q: %d %s", c.job, c.value, refused.status, refused.text(".errors"))
			}
			if strings.Contains(refused.body, "<script>alert") || refused.Find(`input[name="accounts"][checked]`).Length() != 2 {
				t.Errorf("%s: what was typed is markup, or not ticked any more", c.job)
			}
		}
		stolen := formValues(s.as(t, cast.Bruno).tick(emails, "block", "rh").form(ticked + "block"))
		if foreign := alice.post(ticked+"block", stolen); foreign.status != http.StatusUnprocessableEntity || foreign.Find(`input[name="accounts"][checked]`).Length() != 1 {
			t.Errorf("a form of another session: %d", foreign.status)
		}
	})
}

func TestAPageForTheTickedSaysWhoCannotTakePart(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for _, c := range []struct{ who, job, in, out string }{
			{cast.Alice, "block", "rh", "ghost@garrigue.example Cette adresse n’existe pas, ou n’est plus à votre portée. | louis.noel@garrigue.example Elle est déjà bloquée."},
			{cast.Alice, "unblock", "louis.noel", "ghost@garrigue.example Cette adresse n’existe pas, ou n’est plus à votre portée. | rh@garrigue.example Elle n’est pas bloquée."},
			{cast.Chloe, "description", "", "ghost@garrigue.example Cette adresse n’existe pas, ou n’est plus à votre portée. | louis.noel@garrigue.example Cette adresse n’existe pas, ou n’est plus à votre portée. | rh@garrigue.example Cette adresse n’existe pas, ou n’est plus à votre portée."},
			{cast.Alice, "revocation", "", "ghost@garrigue.example Cette adresse n’existe pas, ou n’est plus à votre portée. | louis.noel@garrigue.example Personne n’y a d’accès que vous puissiez révoquer. | rh@garrigue.example Personne n’y a d’accès que vous puissiez révoquer."},
		} {
			page := s.as(t, c.who).tick(emails, c.job, "rh", "ghost", "louis.noel")
			if got := strings.ReplaceAll(page.texts("section.ticked li"), cast.Garrigue, cast.Garrigue+" "); got != c.out {
				t.Errorf("%s, %s: out %q, want %q", c.who, c.job, got, c.out)
			}
			if got := page.Find(`input[name="accounts"]`).AttrOr("value", ""); got != strings.Join(of(c.in), "") && c.in != "" || c.in == "" && page.form(ticked+c.job) != nil {
				t.Errorf("%s, %s: in %q", c.who, c.job, got)
			}
		}
	})
}

func TestThoseTickedLoseTheTickedAddresses(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		alice.submit(alice.get("/grants/new?accounts=contact@garrigue.example&accounts=rh@garrigue.example"), "/grants", url.Values{"identifiers": {cast.Emma}, "accounts": of("contact", "rh")})
		page := alice.tick(emails, "revocation", "accueil", "contact", "rh", "info")
		if got, want := page.texts(`fieldset .choice`), "cl1003-mdt · Chloé Laurent Perd 2 adresses | ep1005-mdt · Emma Petit Perd 2 adresses"; got != want {
			t.Errorf("who loses: %q, want %q", got, want)
		}
		if got := formValues(page.form(ticked + "revocation"))["identifiers"]; len(got) != 2 {
			t.Errorf("ticked at first: %q", got)
		}
		nobody := formValues(page.form(ticked + "revocation"))
		nobody.Del("identifiers")
		refused := alice.post(ticked+"revocation", nobody)
		if refused.status != http.StatusUnprocessableEntity || refused.Find(`.errors a[href="#identifiers"]`).Length() != 1 || refused.Find(`input[name="identifiers"][checked]`).Length() != 0 {
			t.Errorf("nobody ticked: %d %s", refused.status, refused.text(".errors"))
		}
		done := alice.follow(alice.submit(refused, ticked+"revocation", url.Values{"identifiers": {cast.Emma}}))
		if got, want := done.text("#messages p"), "1 personne ne peut plus gérer 2 adresses. Sur 1 adresse, il n’y avait rien à révoquer."; got != want {
			t.Errorf("message %q, want %q", got, want)
		}
		for who, status := range map[string]int{cast.Emma: http.StatusNotFound, cast.Chloe: http.StatusOK} {
			if got := s.as(t, who).get(emails + "/contact").status; got != status {
				t.Errorf("%s: %d, want %d", who, got, status)
			}
		}
	})
}

func TestTheBarHasWhatItsViewerMayDo(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for who, want := range map[string]string{
			cast.Alice: "Déléguer… | Décrire… | Taille… | Bloquer… | Débloquer… | Révoquer… | Exporter",
			cast.Bruno: "Décrire… | Taille… | Bloquer… | Débloquer… | Exporter",
			cast.Chloe: "Décrire… | Exporter",
		} {
			page := s.as(t, who).get(emails)
			if got := page.texts(`.batch button[form="bulk"]`); got != want {
				t.Errorf("%s: %q, want %q", who, got, want)
			}
			if page.Find(`tbody .tick input[form="bulk"]`).Length() != page.Find("tbody tr").Length() {
				t.Errorf("%s: rows without a tick", who)
			}
		}
		if err := s.Store.SuspendService(t.Context(), cast.Garrigue); err != nil {
			t.Fatal(err)
		}
		for _, who := range []string{cast.Alice, cast.Bruno, cast.Chloe} {
			v := s.as(t, who)
			if got := v.get(emails).texts(`.batch button[form="bulk"]`); got != "Exporter" {
				t.Errorf("%s on a suspended service: %q", who, got)
			}
			if rows := v.get(emails + ".csv?accounts=contact@garrigue.example").table(t); len(rows) != 2 {
				t.Errorf("%s exports %d rows of a suspended service", who, len(rows))
			}
		}
	})
}

func TestTheTickedAreExported(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		query := url.Values{"accounts": of("rh", "contact", "ghost", "accueil", "contact")}.Encode()
		for who, want := range map[string]string{cast.Alice: "accueil contact rh", cast.Bruno: "accueil contact rh", cast.Chloe: "accueil contact"} {
			a := s.as(t, who).get(emails + ".csv?" + query)
			rows := a.table(t)
			var got []string
			for _, row := range rows[1:] {
				got = append(got, strings.TrimSuffix(row[0], "@garrigue.example"))
			}
			if strings.Join(got, " ") != want || strings.Join(rows[0], "|") != "Adresse|Description|Taille (octets)|Utilisé (octets)|État|Gérée par" {
				t.Errorf("%s: %q under %q", who, got, rows[0])
			}
		}
		alice := s.as(t, cast.Alice)
		s.Exec(t, "UPDATE accounts SET description = '=1+1' WHERE address = 'rh@garrigue.example'")
		if row := alice.get(emails + ".csv?accounts=rh@garrigue.example").table(t)[1]; row[1] != "'=1+1" {
			t.Errorf("a formula: %q", row[1])
		}
		for name, c := range map[string]struct {
			query  string
			status int
		}{
			"of two services":        {"accounts=rh@garrigue.example&accounts=devis@atelier-durand.example", 422},
			"of another service":     {"accounts=devis@atelier-durand.example", 422},
			"that are none":          {"accounts=rh", 400},
			"501 of them":            {url.Values{"accounts": manyAccounts(501)}.Encode(), 422},
			"500 that are not there": {url.Values{"accounts": manyAccounts(500)}.Encode(), 200},
		} {
			if got := alice.get(emails + ".csv?" + c.query).status; got != c.status {
				t.Errorf("addresses %s: %d, want %d", name, got, c.status)
			}
		}
	})
}

// Where one came from is a list of ours or nothing: no form leads anywhere else.
func TestATickedFormLeadsBackToItsListOnly(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		for _, referer := range []string{"", "https://evil.example" + emails + "?q=a", s.url + "/services/atelier-durand.example/emails?q=a", s.url + emails + "?sort=evil", s.url + emails + "?q=a&q=b"} {
			page := alice.get(ticked+"unblock?accounts=louis.noel@garrigue.example", "Referer", referer)
			if got := page.Find("main .actions a").AttrOr("href", ""); got != emails {
				t.Errorf("from %q back to %q", referer, got)
			}
		}
		for _, list := range []string{"//evil.example", "q=%zz", "sort=evil", "\r\nInjected: yes", "size=7"} {
			form := url.Values{"submission": {alice.get(emails).submission()}, "accounts": of("rh"), "list": {list}}
			if got := alice.post(ticked+"unblock", form); got.location != emails {
				t.Errorf("%q leads to %q", list, got.location)
			}
		}
	})
}
