package handlers_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// equipe is the list of the demo world; its owner is rh@.
const equipe = "/services/garrigue.example/lists/equipe"

func TestTheSubscribersAreSentToTheOwnerWhoIsNamedBesideTheButton(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		bruno := s.as(t, cast.Bruno)
		page := bruno.get(equipe + "/members")
		if got := page.texts(".mailing button, .mailing .hint"); got != "Envoyer la liste des abonnés par email | À rh@garrigue.example, responsable de la liste." {
			t.Errorf("offered as %q", got)
		}
		done := bruno.submit(page, equipe+"/members/mailing", nil)
		if done.status != http.StatusSeeOther || done.location != equipe+"/members" {
			t.Fatalf("%d to %s: %s", done.status, done.location, done.text(".errors"))
		}
		page = bruno.follow(done)
		if got := page.text("#messages"); got != "La liste des abonnés part pour rh@garrigue.example." {
			t.Errorf("message %q", got)
		}
		if got := page.texts(".mailing .badge, .mailing .quiet"); !strings.HasPrefix(got, "En cours d’envoi | À rh@garrigue.example, demandé le ") {
			t.Errorf("state %q", got)
		}
		s.Exec(t, "UPDATE list_mailings SET state = 'sent', settled_at = asked_at")
		if got := bruno.get(equipe + "/members").texts(".mailing .badge, .mailing .quiet"); !strings.HasPrefix(got, "Envoyé | À rh@garrigue.example, le ") {
			t.Errorf("state %q", got)
		}
		history := s.as(t, cast.Alice).get("/services/garrigue.example/history")
		if got := history.text("main"); !strings.Contains(got, cast.Bruno+" a fait envoyer les abonnés de la liste equipe@garrigue.example à son responsable.") || !strings.Contains(got, "Destinataire") {
			t.Errorf("history: %.300s", got)
		}
	})
}

func TestAMailingIsNotOfferedWhereItWouldBeRefused(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		newClients(t, alice)
		for _, path := range []string{clients + "/members", equipe + "/moderators"} { // nobody to send, and not those
			if p := alice.get(path); p.status != http.StatusOK || p.Find(".mailing").Length() != 0 {
				t.Errorf("%s: %d offers it", path, p.status)
			}
		}
		page := alice.get(equipe + "/members")
		if err := s.Store.SuspendService(t.Context(), cast.Garrigue); err != nil {
			t.Fatal(err)
		}
		if p := alice.get(equipe + "/members"); p.Find(".mailing").Length() != 0 {
			t.Error("a suspended service offers it")
		}
		if p := alice.submit(page, equipe+"/members/mailing", nil); p.status != http.StatusForbidden {
			t.Errorf("suspended: %d", p.status)
		}
	})
}

func TestAMailingTooManySaysHowLongToWait(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.Clock.Stop()
		alice := s.as(t, cast.Alice)
		for range models.MailingsOfList {
			if p := alice.submit(alice.get(equipe+"/members"), equipe+"/members/mailing", nil); p.status != http.StatusSeeOther {
				t.Fatalf("%d", p.status)
			}
		}
		s.Clock.Move(18 * time.Minute)
		refused := alice.submit(alice.get(equipe+"/members"), equipe+"/members/mailing", nil)
		if got := refused.text(".errors"); refused.status != http.StatusUnprocessableEntity || !strings.Contains(got, "Une liste peut être envoyée 3 fois par heure. Attendez 42 min") || !strings.HasPrefix(refused.text("title"), "Erreur") {
			t.Errorf("%d %q", refused.status, got)
		}
		s.Clock.Move(42 * time.Minute)
		if p := alice.submit(refused, equipe+"/members/mailing", nil); p.status != http.StatusSeeOther {
			t.Errorf("an hour later: %d %s", p.status, p.text(".errors"))
		}
	})
}

// Whoever is named beside the button gets the list, or nobody does.
func TestAMailingToAnotherOwnerThanWasShownIsNotMade(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, bruno := s.as(t, cast.Alice), s.as(t, cast.Bruno)
		page := alice.get(equipe + "/members")
		if p := bruno.submit(bruno.get(equipe), equipe, map[string][]string{"owner": {"bruno@else.example"}}); p.status != http.StatusSeeOther {
			t.Fatalf("%d", p.status)
		}
		conflict := alice.submit(page, equipe+"/members/mailing", nil)
		if conflict.status != http.StatusConflict || !strings.Contains(conflict.text(".errors"), "Regardez à qui l’email est destiné") || !strings.Contains(conflict.text(".mailing"), "À bruno@else.example") {
			t.Errorf("%d %s", conflict.status, conflict.text(".errors, .mailing"))
		}
		if n := s.Int(t, "SELECT count(*) FROM list_mailings"); n != 0 {
			t.Errorf("%d mailings", n)
		}
		if p := alice.submit(conflict, equipe+"/members/mailing", nil); p.status != http.StatusSeeOther {
			t.Errorf("having looked: %d", p.status)
		}
	})
}

func TestAMailingFormActsOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		page := alice.get(equipe + "/members")
		for range 3 {
			if p := alice.submit(page, equipe+"/members/mailing", nil); p.status != http.StatusSeeOther || p.location != equipe+"/members" {
				t.Errorf("%d to %s", p.status, p.location)
			}
		}
		if n := s.Int(t, "SELECT count(*) FROM list_mailings") + s.Int(t, "SELECT count(*) FROM river_job WHERE kind = 'mail_members'"); n != 2 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestAPanelWithoutMailSaysSoWhenAsked(t *testing.T) {
	t.Parallel()
	w := modelstest.OnPostgres(t)
	store, err := models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	mails := newSite(t, w).as(t, cast.Alice).get(equipe + "/members")
	without := *w
	without.Store = store
	alice := newSite(t, &without).as(t, cast.Alice)
	page := alice.get(equipe + "/members")
	if page.Find(".mailing").Length() != 0 || mails.Find(".mailing").Length() != 1 {
		t.Error("which of them offers it does not follow the setting")
	}
	version := mails.Find(".mailing [name=version]").AttrOr("value", "")
	if _, err := strconv.Atoi(version); err != nil {
		t.Errorf("version %q", version)
	}
	refused := alice.post(equipe+"/members/mailing", map[string][]string{"version": {version}, "submission": {page.submission()}})
	if refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.text(".errors"), "Ce panneau n’envoie pas d’email") {
		t.Errorf("%d %s", refused.status, refused.text(".errors"))
	}
}
