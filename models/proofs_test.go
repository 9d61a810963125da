package models_test

import (
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

func TestWhatIsSensitiveAsksForARecentProof(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		se := w.signIn(t, cast.Emma).Session
		must(t, w.Store.ChangeContact(t.Context(), se.Actor(), "one@petit.example"))
		w.Clock.Move(models.ProofFor + time.Minute)
		want(t, "another address, later", w.Store.ChangeContact(t.Context(), se.Actor(), "two@petit.example"), "proof: proof.needed")
		theme := "dark"
		must(t, w.Store.ChangeProfile(t.Context(), se.Actor(), models.Profile{Theme: &theme}))
		got[string](t)(w.Store.Prove(t.Context(), se.Actor(), cast.Password))
		must(t, w.Store.ChangeContact(t.Context(), se.Actor(), "two@petit.example"))
		must(t, w.Store.ChangeContact(t.Context(), w.Emma, "three@petit.example")) // a command has nothing to prove
	})
}

func TestAProofGivesTheSessionANewReference(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, identifier := range []string{cast.Emma, cast.Sam} {
			in, other := w.signIn(t, identifier), w.signIn(t, identifier)
			w.Clock.Move(models.ProofFor + time.Minute)
			for proof, outcome := range map[string]string{"": "proof: proof.needed", "not the password": "proof: proof.wrong"} {
				_, err := w.Store.Prove(t.Context(), in.Session.Actor(), proof)
				want(t, proof, err, outcome)
			}
			if w.signedIn(t, "after refusals", in.Token, done); in.Session.Proved(w.Store.Now()) {
				t.Error("a proof counts for too long")
			}
			token := got[string](t)(w.Store.Prove(t.Context(), in.Session.Actor(), cast.Password))
			w.signedIn(t, "the old reference", in.Token, signedOut)
			w.signedIn(t, "another session", other.Token, done)
			se := got[*models.Session](t)(w.Store.Session(t.Context(), token))
			if se.ID != in.Session.ID || string(se.FormKey) != string(in.Session.FormKey) || !se.Proved(w.Store.Now()) || !se.ExpiresAt.Equal(in.Session.ExpiresAt) {
				t.Errorf("%+v", se)
			}
			again := got[string](t)(w.Store.Renew(t.Context(), se.Actor()))
			if se = got[*models.Session](t)(w.Store.Session(t.Context(), again)); string(se.FormKey) != string(in.Session.FormKey) {
				t.Error("forms of before the second proof are lost")
			}
			must(t, w.Store.SignOut(t.Context(), se.ID))
			_, err := w.Store.Prove(t.Context(), se.Actor(), cast.Password)
			want(t, "of a session that has ended", err, signedOut)
		}
	})
}

func TestGuessingAtAnOpenBrowserIsSlowed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.cheap(t, cast.Emma)
		w.Clock.Stop()
		se := w.signIn(t, cast.Emma).Session
		guess := func() error {
			_, err := w.Store.Prove(t.Context(), se.Actor(), "not the password")
			return err
		}
		for range 10 {
			want(t, "a guess", guess(), "proof: proof.wrong")
		}
		want(t, "one too many", guess(), "throttled")
		w.signIn(t, cast.Emma) // guesses there do not shut anybody out elsewhere
	})
}
