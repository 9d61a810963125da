package models_test

import (
	"crypto/rand"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

// form is somebody asking through a form of their session, with a nonce of its own.
func (w *world) form(t testing.TB, se models.Session) models.Actor {
	t.Helper()
	by := se.Actor()
	by.Nonce = make([]byte, 16)
	_, _ = rand.Read(by.Nonce)
	return by
}

// forms are the verbs that people reach by a form, each ready to be sent more than once.
func (w *world) forms(t *testing.T) map[string]func(by models.Actor) error {
	ctx := t.Context()
	revocable := w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate, w.in(48*time.Hour))
	revoked := w.delegate(t, w.Alice, cast.Garrigue, "paie", cast.Emma, 0, nil)
	must(t, second(w.Store.Revoke(ctx, w.Alice, revoked.ID)))
	changed := w.delegate(t, w.Alice, cast.Garrigue, "presse", cast.Emma, 0, w.in(48*time.Hour))
	extended := w.delegate(t, w.Alice, cast.Garrigue, "notaire", cast.Emma, 0, w.in(48*time.Hour))
	must(t, second(w.Store.CreateAccount(ctx, w.Emma, cast.Garrigue, models.NewAccount{Local: "made"})))
	held := w.share(t, w.David, cast.Velos, cast.Alice, 0, nil)
	app := got[*models.Enrolment](t)(w.Store.Enrolment(ctx, w.Alice, ""))
	text, theme := "by a form", "dark"
	return map[string]func(models.Actor) error{
		"create": func(by models.Actor) error {
			return second(w.Store.CreateAccount(ctx, by, cast.Garrigue, models.NewAccount{Local: "formed", Password: goodPassword}))
		},
		"settings": func(by models.Actor) error {
			return w.Store.ChangeAccount(ctx, by, cast.Garrigue, "rh", models.AccountSettings{Description: &text, Version: 1})
		},
		"password": func(by models.Actor) error {
			return w.Store.SetAccountPassword(ctx, by, cast.Garrigue, "juridique", goodPassword)
		},
		"block":   func(by models.Actor) error { return w.Store.BlockAccount(ctx, by, cast.Garrigue, "info") },
		"unblock": func(by models.Actor) error { return w.Store.UnblockAccount(ctx, by, cast.Garrigue, "louis.noel") },
		"delete":  func(by models.Actor) error { return w.Store.DeleteAccount(ctx, by, cast.Garrigue, "veille", "veille") },
		"share": func(by models.Actor) error {
			return second(w.Store.ShareService(ctx, by, cast.Atelier, request(0, cast.Emma)))
		},
		"delegate": func(by models.Actor) error {
			return second(w.Store.DelegateAccount(ctx, by, cast.Garrigue, "rh", request(0, cast.Emma)))
		},
		"delegate several": func(by models.Actor) error {
			return second(w.Store.DelegateAccounts(ctx, by, cast.Garrigue, []string{"stages"}, request(0, cast.Emma)))
		},
		"describe several": func(by models.Actor) error {
			return second(w.Store.DescribeAccounts(ctx, by, cast.Garrigue, []string{"support"}, text))
		},
		"size several": func(by models.Actor) error {
			return second(w.Store.ResizeAccounts(ctx, by, cast.Garrigue, []string{"support"}, 3*models.GB))
		},
		"block several": func(by models.Actor) error {
			return second(w.Store.BlockAccounts(ctx, by, cast.Garrigue, []string{"support"}))
		},
		"revoke on several": func(by models.Actor) error {
			return second(w.Store.RevokeOnAccounts(ctx, by, cast.Garrigue, []string{"accueil"}, []string{cast.Chloe}))
		},
		"responder": func(by models.Actor) error {
			return w.Store.SetResponder(ctx, by, cast.Garrigue, "rh", away("x", nil, nil))
		},
		"responder alone": func(by models.Actor) error {
			return second(w.Store.CreateResponder(ctx, by, cast.Garrigue, "gone", away("x", nil, nil)))
		},
		"revoke":  func(by models.Actor) error { return second(w.Store.Revoke(ctx, by, revocable.ID)) },
		"restore": func(by models.Actor) error { return second(w.Store.Restore(ctx, by, revoked.ID)) },
		"resign":  func(by models.Actor) error { return second(w.Store.Resign(ctx, by, held.ID)) },
		"change": func(by models.Actor) error {
			return second(w.Store.ChangeGrant(ctx, by, changed.ID, models.GrantTerms{Note: text, Version: 1}))
		},
		"extend": func(by models.Actor) error { return second(w.Store.ExtendGrant(ctx, by, extended.ID)) },
		"profile": func(by models.Actor) error {
			return w.Store.ChangeProfile(ctx, by, models.Profile{Theme: &theme})
		},
		"an app": func(by models.Actor) error {
			return second(w.Store.EnrolFactor(ctx, by, models.NewFactor{Name: text, Sealed: app.Sealed, Code: w.code(t, app.Secret, 0)}))
		},
		"own password": func(by models.Actor) error { return w.Store.ChangePassword(ctx, by, cast.Password, goodPassword) },
	}
}

func TestAFormSentTwiceActsOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		forms := w.forms(t)
		se := w.signIn(t, cast.Alice).Session
		for what, send := range forms {
			by := w.form(t, se)
			want(t, what, send(by), done)
			events := w.Int(t, "SELECT count(*) FROM events")
			want(t, what+" again", send(by), repeated)
			if n := w.Int(t, "SELECT count(*) FROM events"); n != events {
				t.Errorf("%s again wrote %d events", what, n-events)
			}
		}
	})
}

func TestAFormSentTwiceAtOnceActsOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		forms := w.forms(t)
		se := w.signIn(t, cast.Alice).Session
		for what, send := range forms {
			by := w.form(t, se)
			if o := together(2, func(int) string { return outcome(send(by)) }); o[done] != 1 || o[repeated] != 1 {
				t.Errorf("%s: %v; want one that acts and one that is told so", what, o)
			}
		}
	})
}

func TestAFormOfASessionThatHasEndedActsNoMore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		forms := w.forms(t)
		se := w.signIn(t, cast.Alice).Session
		delete(forms, "own password") // asks for the password first, which is right
		must(t, w.Store.SignOut(t.Context(), se.ID))
		events := w.Int(t, "SELECT count(*) FROM events")
		for what, send := range forms {
			want(t, what, send(w.form(t, se)), signedOut)
		}
		if n := w.Int(t, "SELECT count(*) FROM events"); n != events {
			t.Errorf("%d events were written", n-events)
		}
		other := w.signIn(t, cast.Alice)
		must(t, w.Store.ChangePassword(t.Context(), w.form(t, w.signIn(t, cast.Alice).Session), cast.Password, goodPassword))
		want(t, "a session that a new password ended", forms["block"](w.form(t, other.Session)), signedOut)
	})
}

func TestARefusedFormCanBeSentAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		by := w.form(t, w.signIn(t, cast.Alice).Session)
		create := func(local string) error {
			return second(w.Store.CreateAccount(t.Context(), by, cast.Garrigue, models.NewAccount{Local: local}))
		}
		want(t, "taken", create("contact"), "local: account.local.taken")
		want(t, "no address", create("é"), "local: address.local.character")
		want(t, "out of reach", w.Store.BlockAccount(t.Context(), by, cast.Velos, "hello"), notFound)
		want(t, "stale", w.Store.ChangeAccount(t.Context(), by, cast.Garrigue, "rh", models.AccountSettings{Version: 9}), conflict)
		if n := w.Int(t, "SELECT count(*) FROM submissions"); n != 0 {
			t.Errorf("%d forms have acted", n)
		}
		want(t, "corrected", create("new"), done)
		want(t, "once more", create("newer"), repeated)
	})
}

func TestAFormIsOfOneSession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		one, two := w.form(t, w.signIn(t, cast.Alice).Session), w.form(t, w.signIn(t, cast.Alice).Session)
		two.Nonce = one.Nonce
		want(t, "one session", w.Store.BlockAccount(t.Context(), one, cast.Garrigue, "rh"), done)
		want(t, "another, by chance with the same nonce", w.Store.UnblockAccount(t.Context(), two, cast.Garrigue, "rh"), done)
	})
}
