package handlers_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

const contactTrial = contactFilters + "/trial"

// source is a message as a mail program shows it.
const source = "Received: from mx.example by mail.example; Mon, 2 Nov 2026 10:00:00 +0100\r\n" +
	"From: =?utf-8?q?Andr=C3=A9?= <andre@elsewhere.example>\r\nTo: contact@garrigue.example\r\n" +
	"Subject: =?utf-8?q?Facture_n=C2=B0_7?=\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\nList-Id: <club.elsewhere.example>\r\n\r\nBonjour.\r\n"

// withTrials gives contact@ four filters: one marks, one rests, one files, one deletes.
func withTrials(t *testing.T, s *site) {
	t.Helper()
	by := s.Actor(t, cast.Alice)
	for _, f := range []models.FilterForm{
		{Name: "Marquer", Match: models.MatchAny, Action: "read", Rules: []models.FilterRule{{Header: "list", Operator: "yes"}, {Header: "from", Operator: "contains", Value: "nobody"}}},
		{Name: "Repos", Action: "delete", Rules: []models.FilterRule{{Header: "from", Operator: "contains", Value: "@"}}},
		{Name: "Factures <b>", Action: "folder", Target: "Factures", Rules: []models.FilterRule{{Header: "subject", Operator: "contains", Value: "facture n°"}}},
		{Name: "Spam", Action: "delete", Rules: []models.FilterRule{{Header: "spam", Operator: "yes"}}},
	} {
		id, err := s.Store.CreateFilter(t.Context(), by, cast.Garrigue, "contact", f)
		if err == nil && f.Name == "Repos" {
			err = s.Store.SwitchFilter(t.Context(), by, cast.Garrigue, "contact", id, false)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// steps is what the page says of each filter, without its sentence.
func steps(a *answer) string {
	var list []string
	for i := range a.Find(".step").Length() {
		step := a.Find(".step").Eq(i)
		words := strings.Join(strings.Fields(step.Find(".badge").Text()), " ")
		for j := range step.Find(".verdicts li").Length() {
			text := strings.Fields(step.Find(".verdicts li").Eq(j).Text())
			words += " " + text[len(text)-1]
		}
		list = append(list, words)
	}
	return strings.Join(list, " | ")
}

func TestAMessageIsTriedOnTheFilters(t *testing.T) {
	const intoFolder = "L’email est rangé dans le dossier « Factures » par le filtre « Factures <b> »."
	eachSite(t, func(t *testing.T, s *site) {
		withTrials(t, s)
		chloe := s.as(t, cast.Chloe)
		for _, c := range []struct {
			what           string
			fill           url.Values
			outcome, steps string
		}{
			{
				"a source",
				url.Values{"message": {source}},
				intoFolder + " Il est marqué comme lu par le filtre « Marquer ».",
				"S’applique oui non | Inactif, non consulté | S’applique oui | Non consulté",
			},
			{
				"typed",
				url.Values{"from": {"André <andre@elsewhere.example>"}, "subject": {"FACTURE N° 7"}},
				intoFolder,
				"Ne s’applique pas non non | Inactif, non consulté | S’applique oui | Non consulté",
			},
			{
				"ticked",
				url.Values{"list": {"on"}, "spam": {"on"}},
				"L’email est supprimé par le filtre « Spam », et personne n’est prévenu.",
				"S’applique oui non | Inactif, non consulté | Ne s’applique pas non | S’applique oui",
			},
			{
				"nothing catches it",
				url.Values{"subject": {"Bonjour"}},
				"L’email arrive dans la boîte de réception : aucun filtre n’en décide autrement.",
				"Ne s’applique pas non non | Inactif, non consulté | Ne s’applique pas non | Ne s’applique pas non",
			},
		} {
			a := chloe.submit(chloe.get(contactFilters), contactTrial, c.fill)
			if a.status != http.StatusOK || a.text("main > .message") != c.outcome || steps(a) != c.steps {
				t.Errorf("%s: %d\n%s\n%s", c.what, a.status, a.text("main > .message"), steps(a))
			}
			for name, values := range c.fill {
				field := a.Find(`.form [name="` + name + `"]`)
				if _, ticked := field.Attr("checked"); field.AttrOr("value", field.Text()) != asParsed(values[0]) || field.AttrOr("type", "") == "checkbox" && !ticked {
					t.Errorf("%s: %s came back as %q", c.what, name, field.AttrOr("value", field.Text()))
				}
			}
		}
	})
}

func TestTheTrialSaysWhatItReadInTheReadersLanguage(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		withTrials(t, s)
		alice := s.as(t, cast.Alice)
		french := alice.submit(alice.get(contactFilters), contactTrial, url.Values{"message": {source}, "subject": {"x"}})
		if got := french.texts(".facts > *"); got != "De | André <andre@elsewhere.example> | À | contact@garrigue.example | Objet | Facture n° 7 | Date | Mon, 2 Nov 2026 10:00:00 +0100 | Taille du texte collé | 286 o" {
			t.Errorf("read: %s", got)
		}
		if !strings.Contains(french.text("main"), "La source collée a été essayée. Les champs n’ont pas été regardés.") {
			t.Error("nothing says which of the two counted")
		}
		alice.follow(alice.submit(french, "/preferences", url.Values{"lang": {"en"}}))
		english := alice.submit(alice.get(contactFilters), contactTrial, url.Values{"message": {"X-A: b\n\nFrom: nobody"}, "to": {""}})
		if got := english.text("main > .message"); got != "The message arrives in the inbox: no filter decides otherwise." {
			t.Errorf("in English: %s", got)
		}
		if got := english.texts(".facts > *"); got != "From | None in the message | To | None in the message | Subject | None in the message | Size of the pasted text | 22 B" {
			t.Errorf("a wrong text: %s", got)
		}
		if strings.Contains(english.text("main"), "The fields were not looked at") {
			t.Error("no field was typed")
		}
	})
}

func TestWhatCannotBeTriedComesBackAsTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		withTrials(t, s)
		bruno := s.as(t, cast.Bruno)
		hostile := `</textarea><script>alert(1)</script>`
		for _, c := range []struct {
			what   string
			fill   url.Values
			status int
			link   string
			says   string
		}{
			{"nothing", nil, 422, "#from", "Indiquez de qui vient l’email ou son objet, ou collez sa source."},
			{"no header", url.Values{"message": {hostile}}, 422, "#message", "Aucune ligne de ce texte n’est un en-tête"},
			{"300 kB", url.Values{"message": {"From: x\r\n\r\n" + strings.Repeat("a", 300<<10)}}, 422, "#message", "Le texte dépasse 256 ko. Collez-en la première partie"},
			{"more than a form may be", url.Values{"message": {"From: x\r\n\r\n" + strings.Repeat("a", 2<<20)}}, 413, "#message", "Le texte dépasse 256 ko. Collez-en la première partie"},
			{"a long field", url.Values{"subject": {strings.Repeat("a", 1001)}}, 422, "#subject", "Un champ prend 1 000 caractères."},
		} {
			a := bruno.submit(bruno.get(contactFilters), contactTrial, c.fill)
			if a.status != c.status || a.Find(`.errors a[href="`+c.link+`"]`).Length() != 1 || !strings.Contains(spaced(a.text(".errors")), c.says) {
				t.Errorf("%s: %d %s", c.what, a.status, a.text(".errors"))
			}
			if !strings.HasPrefix(a.text("title"), "Erreur") || a.Find(".step").Length() != 0 {
				t.Errorf("%s: the page is not that of a refusal", c.what)
			}
			if c.status == http.StatusUnprocessableEntity && a.Find(`[name="message"]`).Text() != asParsed(c.fill.Get("message")) || strings.Contains(a.body, "<script>alert") {
				t.Errorf("%s: the source does not come back as it was", c.what)
			}
		}
	})
}

// asParsed is a text as a browser reads it on a page.
func asParsed(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// spaced is a text with one kind of blank.
func spaced(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestHostileMessagesAreOnlyShown(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		withTrials(t, s)
		alice := s.as(t, cast.Alice)
		script := "<script>alert(1)</script>"
		for what, c := range map[string]struct{ message, shown string }{
			"markup":                    {"Subject: " + script, script},
			"markup in an encoded word": {"Subject: =?utf-8?b?PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==?=", script},
			"a broken word":             {"Subject: =?utf-8?q?=ff=fe?= x", "\ufffd x"},
			"octets of Latin-1":         {"Subject: caf\xe9", "caf\ufffd"},
			"NUL":                       {"Subject: a\x00b", "a\ufffdb"},
			"200 kB in one line":        {"Subject: " + strings.Repeat("a", 200<<10), strings.Repeat("a", 300) + "…"},
			"20,000 fields":             {"Subject: a\r\n" + strings.Repeat("b: c\r\n", 20_000), "a"},
			"10,000 of one name":        {strings.Repeat("Subject: abc\r\n", 10_000), strings.Repeat("abc · ", 50) + "…"},
		} {
			a := alice.submit(alice.get(contactFilters), contactTrial, url.Values{"message": {c.message}})
			if a.status != http.StatusOK || strings.Contains(a.body, "<script>alert") {
				t.Errorf("%s: %d, or it runs", what, a.status)
			}
			if got := strings.TrimSpace(a.Find(".facts dd").Eq(2).Text()); got != c.shown {
				t.Errorf("%s: shown as %.400q", what, got)
			}
		}
	})
}

// The form changes nothing, so it needs no session of its own; another site may not send it still.
func TestATrialIsAnsweredWhateverFormItComesFrom(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		withTrials(t, s)
		alice, bruno := s.as(t, cast.Alice), s.as(t, cast.Bruno)
		was := s.Int(t, "SELECT count(*) FROM events")
		form := alice.get(contactFilters)
		for what, a := range map[string]*answer{
			"of another session":   bruno.submit(form, contactTrial, url.Values{"subject": {"x"}}),
			"without a submission": bruno.post(contactTrial, url.Values{"subject": {"x"}}),
			"the first time":       alice.submit(form, contactTrial, url.Values{"subject": {"x"}}),
			"and again":            alice.submit(form, contactTrial, url.Values{"subject": {"x"}}),
		} {
			if a.status != http.StatusOK || a.Find(".step").Length() != 4 {
				t.Errorf("%s: %d", what, a.status)
			}
		}
		if err := s.Store.SuspendService(t.Context(), cast.Garrigue); err != nil {
			t.Fatal(err)
		}
		if a := alice.submit(alice.get(contactFilters), contactTrial, url.Values{"subject": {"x"}}); a.status != http.StatusOK || a.Find(".step").Length() != 4 {
			t.Errorf("suspended: %d", a.status)
		}
		if n := s.Int(t, "SELECT count(*) FROM events WHERE kind <> 'service.suspended'"); n != was {
			t.Errorf("%d events of trials", n-was)
		}
	})
}

func TestAnAddressWithoutFiltersHasNothingToTry(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		if alice.get(contactFilters).Find(`form[action="`+contactTrial+`"]`).Length() != 0 {
			t.Error("the list offers a trial of nothing")
		}
		a := alice.submit(alice.get(contactTrial), contactTrial, url.Values{"subject": {"x"}})
		if a.status != http.StatusOK || a.Find(".step").Length() != 0 || !strings.HasPrefix(a.text("main > .message"), "L’email arrive dans la boîte de réception") {
			t.Errorf("%d %s", a.status, a.text("main"))
		}
	})
}

func TestAFilterIsTriedAsItIsTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		withTrials(t, s)
		chloe := s.as(t, cast.Chloe)
		was := s.Int(t, "SELECT count(*) FROM filters") + s.Int(t, "SELECT count(*) FROM events")
		for what, path := range map[string]string{"a new one": contactFilters + "/new?preset=lists", "one that is there": pathOf(t, chloe.get(contactFilters), "Marquer")} {
			action := contactFilters
			if !strings.Contains(path, "?") {
				action = path
			}
			typed := url.Values{"name": {"Essai"}, "rules-1-value": {""}, "action": {"folder"}, "target": {"Club"}, "message": {source}, "edit": {"try"}}
			a := chloe.submit(chloe.get(path), action, typed)
			if a.status != http.StatusOK || a.text("main > .message") != "L’email est rangé dans le dossier « Club » par le filtre « Essai »." || !strings.HasPrefix(steps(a), "S’applique oui") || a.Find(".step").Length() != 1 {
				t.Errorf("%s: %d %s %s", what, a.status, a.text("main > .message"), steps(a))
			}
			if a.Find("#name").AttrOr("value", "") != "Essai" || a.Find(`[name="message"]`).Text() != asParsed(source) || a.Find("details[open]").Length() != 1 {
				t.Errorf("%s: the form does not come back as typed", what)
			}
			for text, fill := range map[string]url.Values{
				"Ce filtre ne s’applique pas à l’email.":          {"message": {"From: x"}},
				"Il est marqué comme lu par le filtre « Essai ».": {"action": {"read"}},
			} {
				form := maps.Clone(typed)
				maps.Copy(form, fill)
				if a := chloe.submit(chloe.get(path), action, form); a.status != http.StatusOK || spaced(a.text("main > .message")) != text {
					t.Errorf("%s: %d %q, want %q", what, a.status, a.text("main > .message"), text)
				}
			}
			typed["target"], typed["message"] = []string{""}, []string{"x"}
			a = chloe.submit(chloe.get(path), action, typed)
			if a.status != http.StatusUnprocessableEntity || a.Find(`.errors a[href="#target"]`).Length() != 1 || a.Find(`.errors a[href="#message"]`).Length() != 1 || a.Find(".step").Length() != 0 {
				t.Errorf("%s, refused: %d %s", what, a.status, a.text(".errors"))
			}
		}
		if n := s.Int(t, "SELECT count(*) FROM filters") + s.Int(t, "SELECT count(*) FROM events"); n != was {
			t.Error("a trial changed something")
		}
		// The form that was tried saves as any other does.
		a := chloe.submit(chloe.get(contactFilters+"/new?preset=lists"), contactFilters, url.Values{"list": {"on"}, "edit": {"try"}})
		if list := chloe.follow(chloe.submit(a, contactFilters, nil)); !strings.Contains(list.text("tbody"), "ranger dans le dossier Newsletters") {
			t.Errorf("saved: %s", list.text("tbody"))
		}
	})
}
