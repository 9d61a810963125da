package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models/cast"
)

// The grants of the demo world: the whole service to Bruno; contact@, accueil@
// and compta@ to Chloé, the last of them revoked.
const (
	brunosGrant  = "/grants/1"
	chloesGrant  = "/grants/2"
	endingGrant  = "/grants/3"
	revokedGrant = "/grants/4"
)

func TestWhoMaySeeAndChangeAGrant(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		type answers struct{ see, lose, revoke, resign int }
		for who, want := range map[string]answers{
			cast.Bruno: {404, 404, 404, 404},
			cast.David: {404, 404, 404, 404},
			cast.Emma:  {404, 404, 404, 404},
			cast.Sam:   {403, 403, 403, 403},
			"":         {303, 303, 303, 303},
			cast.Chloe: {200, 403, 403, 0},
			cast.Alice: {200, 200, 0, 403},
		} {
			v := s.as(t, who)
			own := v.get("/services") // has a form of the session to take the submission of
			post := func(path string) int { return v.post(path, url.Values{"submission": {own.submission()}}).status }
			if got := v.get(chloesGrant).status; got != want.see {
				t.Errorf("%q sees it with %d, want %d", who, got, want.see)
			}
			if got := v.get(chloesGrant + "/revocation").status; got != want.lose {
				t.Errorf("%q sees what is lost with %d, want %d", who, got, want.lose)
			}
			if want.revoke != 0 {
				if got := post(chloesGrant + "/revocation"); got != want.revoke {
					t.Errorf("%q revokes with %d, want %d", who, got, want.revoke)
				}
			}
			if want.resign != 0 {
				if got := post(chloesGrant + "/resignation"); got != want.resign {
					t.Errorf("%q resigns it with %d, want %d", who, got, want.resign)
				}
			}
		}
		for _, id := range []string{"/grants/999999", "/grants/0", "/grants/x", "/grants/99999999999999999999"} {
			if got := s.as(t, cast.Alice).get(id).status; got != http.StatusNotFound {
				t.Errorf("%s: %d", id, got)
			}
		}
		if n := s.Int(t, "SELECT count(*) FROM grants WHERE ended_at IS NULL"); n != 3 {
			t.Errorf("%d grants in force, want 3", n)
		}
	})
}

func TestRevokingOneAddressIsOneClickAndCanBeUndone(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice, chloe := s.as(t, cast.Alice), s.as(t, cast.Chloe)
		list := alice.get(contactGrants)
		revoke := list.Find(`button[formaction="` + chloesGrant + `/revocation"]`)
		if revoke.Length() != 1 || strings.TrimSpace(revoke.Text()) != "Révoquer" {
			t.Fatalf("button %q", revoke.Text())
		}
		answer := alice.post(chloesGrant+"/revocation", url.Values{"submission": {list.submission()}})
		if got := chloe.get("/services/garrigue.example/emails/contact").status; got != http.StatusNotFound {
			t.Errorf("the delegate still reaches the address: %d", got)
		}
		if answer.location != contactGrants {
			t.Errorf("leads to %q", answer.location)
		}
		done := alice.follow(answer)
		if got := done.text("#messages p"); got != cast.Chloe+" ne peut plus gérer contact@garrigue.example." {
			t.Errorf("message %q", got)
		}
		restored := alice.follow(alice.submit(done, chloesGrant+"/restoration", nil))
		if got := restored.text(".holder .mono"); got != cast.Chloe {
			t.Errorf("after Undo %q holds it", got)
		}
		if got := chloe.get("/services/garrigue.example/emails/contact").status; got != http.StatusOK {
			t.Errorf("the delegate does not reach the address again: %d", got)
		}
	})
}

func TestUndoingTooLateSaysSo(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		s.Clock.Move(11 * time.Minute)
		late := alice.post(revokedGrant+"/restoration", url.Values{"submission": {alice.get(shares).submission()}})
		if late.status != http.StatusUnprocessableEntity || !strings.Contains(late.text(".message"), "ne peut plus être rétabli") {
			t.Errorf("%d: %s", late.status, late.text(".message"))
		}
		given := alice.submit(alice.get(contactGrants), contactGrants, url.Values{"identifiers": {cast.Emma}})
		list := alice.follow(given)
		alice.post(chloesGrant+"/revocation", url.Values{"submission": {list.submission()}})
		alice.submit(alice.get(contactGrants), contactGrants, url.Values{"identifiers": {cast.Chloe}})
		taken := alice.post(chloesGrant+"/restoration", url.Values{"submission": {alice.get(shares).submission()}}, "HX-Request", "true", "HX-Target", fromAPanel)
		if taken.status != http.StatusUnprocessableEntity || !strings.Contains(taken.text(".message"), "entre-temps") {
			t.Errorf("%d: %s", taken.status, taken.text(".message"))
		}
	})
}

func TestRevokingAWholeServiceFirstSaysWhatIsLost(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		list := alice.get(shares)
		if got := list.Find(`a[href="` + brunosGrant + `/revocation"]`).Length(); got != 1 {
			t.Fatalf("%d links to what is lost", got)
		}
		page := alice.get(brunosGrant + "/revocation")
		if got := page.text(".list"); !strings.Contains(got, "40 adresses") {
			t.Errorf("lost: %q", got)
		}
		done := alice.follow(alice.submit(page, brunosGrant+"/revocation", nil))
		if got := done.text("#messages p"); got != cast.Bruno+" ne peut plus gérer garrigue.example." {
			t.Errorf("message %q", got)
		}
		if got := done.text(".empty h2"); got != "Personne d’autre ne gère ces adresses" {
			t.Errorf("empty list says %q", got)
		}
		if got := s.as(t, cast.Bruno).get("/services/garrigue.example").status; got != http.StatusNotFound {
			t.Errorf("the delegate still reaches the service: %d", got)
		}
	})
}

func TestAGrantIsChangedAndExtended(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		done := alice.follow(alice.submit(alice.get(chloesGrant), chloesGrant, url.Values{"extras": {}, "expires_on": {"2030-05-31"}, "note": {"<i>Note</i>"}}))
		if got := done.text(".facts"); !strings.Contains(got, "31 mai 2030 à 23") {
			t.Errorf("facts %q", got)
		}
		if done.Find(`input[name="extras"][checked]`).Length() != 0 || done.Find("#note").AttrOr("value", "") != "<i>Note</i>" || strings.Contains(done.body, "<i>Note") {
			t.Error("the change does not stand as it was typed")
		}
		if got := s.as(t, cast.Chloe).get("/services/garrigue.example/emails/contact/password").status; got != http.StatusForbidden {
			t.Errorf("without the extra the password page answers %d", got)
		}
		extended := alice.follow(alice.post(chloesGrant+"/extension", url.Values{"submission": {done.submission()}}))
		if got := extended.text("#messages p"); got != "Cet accès prend maintenant fin le 29 août 2030." {
			t.Errorf("message %q", got)
		}
		refused := alice.submit(extended, chloesGrant, url.Values{"expires_on": {"2001-01-01"}, "note": {"gardée"}})
		if refused.status != http.StatusUnprocessableEntity || refused.Find("#note").AttrOr("value", "") != "gardée" || refused.Find("#expires_on").AttrOr("value", "") != "2001-01-01" {
			t.Errorf("refused: %d", refused.status)
		}
		ended := alice.submit(alice.get(endingGrant), endingGrant, nil)
		if ended.status != http.StatusSeeOther {
			t.Errorf("saving what is there: %d", ended.status)
		}
	})
}

func TestTwoWhoChangeOneGrantBothSeeBothValues(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		mine := alice.get(chloesGrant)
		alice.submit(alice.get(chloesGrant), chloesGrant, url.Values{"note": {"la leur"}})
		conflict := alice.submit(mine, chloesGrant, url.Values{"note": {"la mienne"}})
		if conflict.status != http.StatusConflict {
			t.Fatalf("%d", conflict.status)
		}
		if got := conflict.text(".compare"); !strings.Contains(got, "la leur") || !strings.Contains(got, "la mienne") {
			t.Errorf("compared: %q", got)
		}
		if got := alice.submit(conflict, chloesGrant, nil).status; got != http.StatusSeeOther {
			t.Errorf("saving all the same: %d", got)
		}
		if got := alice.get(chloesGrant).Find("#note").AttrOr("value", ""); got != "la mienne" {
			t.Errorf("note %q", got)
		}
	})
}

func TestAHolderSeesWhatTheyMayDoAndStops(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		chloe := s.as(t, cast.Chloe)
		page := chloe.get(chloesGrant)
		for selector, want := range map[string]string{
			".rights .can":    "Vous pouvez",
			".heading .badge": "Partagé par " + cast.Alice,
			"main .danger":    "Ne plus gérer",
		} {
			if got := page.text(selector); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %q, want %q", selector, got, want)
			}
		}
		if page.Find(`main input[name="extras"], [formaction$="revocation"]`).Length() != 0 {
			t.Error("the holder is shown buttons that are not theirs")
		}
		answer := chloe.submit(page, chloesGrant+"/resignation", nil)
		if answer.location != "/services" {
			t.Errorf("leads to %q", answer.location)
		}
		if got := chloe.follow(answer).text("#messages p"); got != "Vous ne gérez plus contact@garrigue.example." {
			t.Errorf("message %q", got)
		}
		panel := chloe.get(endingGrant, "HX-Request", "true", "HX-Target", fromAPanel)
		left := chloe.post(endingGrant+"/resignation", url.Values{"submission": {panel.submission()}}, "HX-Request", "true", "HX-Target", fromAPanel)
		if left.header.Get("HX-Redirect") != "/services" {
			t.Errorf("in the panel: %d, redirect %q", left.status, left.header.Get("HX-Redirect"))
		}
	})
}

func TestTheOwnerSeesWhatAnEndedDelegateLeftBehind(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		chloe := s.as(t, cast.Chloe)
		path := "/services/garrigue.example/emails/contact/password"
		set := chloe.submit(chloe.get(path), path, url.Values{"password": {"canard-brouette-violet"}, "password_again": {"canard-brouette-violet"}})
		if set.status != http.StatusSeeOther {
			t.Fatalf("%d: %s", set.status, set.text("main"))
		}
		alice := s.as(t, cast.Alice)
		alice.post(chloesGrant+"/revocation", url.Values{"submission": {alice.get(shares).submission()}})
		page := alice.get(chloesGrant)
		if got := page.Find(`main .list a[href="` + path + `"]`).Length(); got != 1 {
			t.Errorf("%d remedies: %s", got, page.text("main .list"))
		}
		if page.Find(`main form[action="`+chloesGrant+`"]`).Length() != 0 {
			t.Error("an ended grant can be changed")
		}
		stale := alice.post(chloesGrant, url.Values{"submission": {page.submission()}, "version": {"2"}, "note": {""}, "expires_on": {""}})
		if stale.status != http.StatusUnprocessableEntity || !strings.Contains(stale.body, "a déjà pris fin") {
			t.Errorf("changing it all the same: %d %s", stale.status, stale.text(".errors"))
		}
	})
}

func TestRevokingTwiceActsOnce(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		form := url.Values{"submission": {alice.get(contactGrants).submission()}}
		for range 2 {
			if got := alice.post(chloesGrant+"/revocation", form); got.status != http.StatusSeeOther || got.location != contactGrants {
				t.Fatalf("%d to %q", got.status, got.location)
			}
		}
		if n := s.Int(t, fmt.Sprintf("SELECT count(*) FROM events WHERE kind = 'grant.revoked' AND grant_id = %d", 2)); n != 1 {
			t.Errorf("%d events", n)
		}
		if got := alice.post(chloesGrant+"/revocation", form, "Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site").status; got != http.StatusForbidden {
			t.Errorf("another site may revoke: %d", got)
		}
	})
}
