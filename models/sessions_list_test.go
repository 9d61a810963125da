package models_test

import (
	"fmt"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

func TestSomebodySeesTheirOwnSessions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, who := range []string{cast.Alice, cast.Sam} {
			old := w.signIn(t, who)
			w.Exec(t, fmt.Sprintf("UPDATE sessions SET user_agent = 'Firefox/142.0', peer = '192.0.2.1' WHERE id = %d", old.Session.ID))
			w.Clock.Move(5 * time.Minute)
			here := w.signIn(t, who)
			w.signIn(t, cast.David)
			list := got[[]models.OpenSession](t)(w.Store.Sessions(t.Context(), here.Session.Actor()))
			if len(list) != 2 || !list[0].Own || list[0].ID != here.Session.ID || list[1].Own || list[1].ID != old.Session.ID {
				t.Fatalf("%s: %+v", who, list)
			}
			if l := list[1]; l.UserAgent != "Firefox/142.0" || l.Peer != "192.0.2.1" || !l.CreatedAt.Equal(w.Store.Now().Add(-5*time.Minute)) || !l.SeenAt.Equal(l.CreatedAt) || !l.ExpiresAt.Equal(old.Session.ExpiresAt) {
				t.Errorf("%s: %+v", who, l)
			}
			if who == cast.Sam {
				w.Clock.Move(models.AgentIdleFor - time.Minute)
			} else {
				w.Clock.Move(models.IdleFor - time.Minute)
			}
			must(t, w.Store.NoteSeen(t.Context(), &here.Session))
			if list = got[[]models.OpenSession](t)(w.Store.Sessions(t.Context(), here.Session.Actor())); len(list) != 1 {
				t.Errorf("%s: one that has ended is shown: %+v", who, list)
			}
		}
		if list := got[[]models.OpenSession](t)(w.Store.Sessions(t.Context(), models.Actor{})); len(list) != 0 {
			t.Errorf("nobody has %+v", list)
		}
	})
}

func TestSomebodyEndsTheirOwnSessionsAndNobodyElses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		alice, away, david, sam := w.signIn(t, cast.Alice), w.signIn(t, cast.Alice), w.signIn(t, cast.David), w.signIn(t, cast.Sam)
		ids := map[*models.SignedIn]int64{alice: alice.Session.ID, away: away.Session.ID, david: david.Session.ID, sam: sam.Session.ID}
		for _, by := range []*models.SignedIn{alice, david, sam} {
			for of, id := range ids {
				if of.Session.Identifier != by.Session.Identifier {
					want(t, by.Session.Identifier+" ends one of "+of.Session.Identifier, w.Store.EndSession(t.Context(), w.form(t, by.Session), id), notFound)
				}
			}
			want(t, "one that is not there", w.Store.EndSession(t.Context(), w.form(t, by.Session), 1<<40), notFound)
		}
		must(t, w.Store.EndSession(t.Context(), w.form(t, alice.Session), away.Session.ID))
		w.signedIn(t, "the one that was ended", away.Token, signedOut)
		w.signedIn(t, "the one that ended it", alice.Token, done)
		want(t, "once more", w.Store.EndSession(t.Context(), w.form(t, alice.Session), away.Session.ID), notFound)
		w.signedIn(t, "David", david.Token, done)
		if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM events WHERE kind = 'session.ended' AND subject_id = %d AND actor_id = %[1]d AND object = 'ad1001-mdt'", w.Alice.Customer)); n != 1 {
			t.Errorf("%d events", n)
		}

		second, third := w.signIn(t, cast.Alice), w.signIn(t, cast.Alice)
		if n := got[models.EndedElsewhere](t)(w.Store.EndOtherSessions(t.Context(), w.form(t, second.Session))); n != (models.EndedElsewhere{Sessions: 2, Support: true}) { // she had a window open
			t.Errorf("%+v", n)
		}
		w.signedIn(t, "the first", alice.Token, signedOut)
		w.signedIn(t, "the third", third.Token, signedOut)
		w.signedIn(t, "the second", second.Token, done)
		w.signedIn(t, "David", david.Token, done)
		w.signedIn(t, "Sam", sam.Token, done)
		if n := got[models.EndedElsewhere](t)(w.Store.EndOtherSessions(t.Context(), w.form(t, second.Session))); n != (models.EndedElsewhere{}) {
			t.Errorf("%+v of none", n)
		}
		if n := w.Int(t, "SELECT count(*) FROM events WHERE kind = 'session.others_ended'"); n != 1 {
			t.Errorf("%d events", n)
		}

		elsewhere := w.signIn(t, cast.Sam)
		must(t, w.Store.EndSession(t.Context(), w.form(t, sam.Session), elsewhere.Session.ID))
		if n := w.Int(t, "SELECT count(*) FROM events WHERE kind = 'session.ended' AND agent_id IS NOT NULL AND actor_id IS NULL AND object = 'sam-support'"); n != 1 {
			t.Errorf("%d events of Sam's", n)
		}
		_, err := w.Store.EndOtherSessions(t.Context(), alice.Session.Actor())
		want(t, "by one that has ended", err, signedOut)
	})
}

func TestTwoSessionsThatEndEachOtherLeaveOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 5 {
			a, b := w.signIn(t, cast.Emma), w.signIn(t, cast.Emma)
			both := []*models.SignedIn{a, b}
			forms := []models.Actor{w.form(t, a.Session), w.form(t, b.Session)}
			together(2, func(i int) string {
				return outcome(w.Store.EndSession(t.Context(), forms[i], both[1-i].Session.ID))
			})
			if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM sessions WHERE customer_id = %d", w.Emma.Customer)); n != 1 {
				t.Fatalf("%d are left", n)
			}
			w.Exec(t, "DELETE FROM sessions")
		}
	})
}
