package models_test

import (
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

func TestAnAppCountsOnceACodeConfirmsIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		ctx := t.Context()
		e := got[*models.Enrolment](t)(w.Store.Enrolment(ctx, w.Emma, ""))
		if !strings.Contains(e.URL, e.Secret) || !strings.Contains(e.URL, cast.Emma) || strings.Contains(e.Sealed, e.Secret) {
			t.Errorf("%+v", e)
		}
		enrol := func(by models.Actor, name, sealed, code string) error {
			_, err := w.Store.EnrolFactor(ctx, by, models.NewFactor{Name: name, Sealed: sealed, Code: code})
			return err
		}
		code := w.code(t, e.Secret, 0)
		want(t, "no name, no code", enrol(w.Emma, " ", e.Sealed, ""), "code: factor.code.unconfirmed, name: factor.name.none")
		want(t, "a long name", enrol(w.Emma, strings.Repeat("é", 51), e.Sealed, code), "name: factor.name.long")
		want(t, "somebody else's", enrol(w.David, "Phone", e.Sealed, code), "code: factor.enrolment_lapsed")
		want(t, "nonsense", enrol(w.Emma, "Phone", "nonsense", code), "code: factor.enrolment_lapsed")
		w.signIn(t, cast.Emma) // nothing counts yet
		w.Clock.Move(models.EnrolFor)
		want(t, "an hour later", enrol(w.Emma, "Phone", e.Sealed, w.code(t, e.Secret, 0)), "code: factor.enrolment_lapsed")

		for i := range models.MaxFactors {
			if _, codes := w.app(t, w.Emma); (i == 0) != (len(codes) == models.RecoveryCodes) {
				t.Errorf("with app %d come %d recovery codes", i+1, len(codes))
			}
		}
		e = got[*models.Enrolment](t)(w.Store.Enrolment(ctx, w.Emma, ""))
		want(t, "one too many", enrol(w.Emma, "Phone", e.Sealed, w.code(t, e.Secret, 0)), ": factor.most")
		for _, text := range []string{e.Secret, e.Sealed} {
			if w.Int(t, "SELECT count(*) FROM factors WHERE CAST(secret AS text) LIKE '%"+text+"%'") != 0 {
				t.Error("a secret is kept in clear")
			}
		}
	})
}

func TestOwnAppsAreNamedAndRemoved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.app(t, w.Emma)
		w.app(t, w.Emma)
		apps := got[*models.Factors](t)(w.Store.Factors(ctx, w.Emma)).Apps
		want(t, "another's name", w.Store.RenameFactor(ctx, w.David, apps[0].ID, "Mine"), "not found")
		want(t, "another's", w.Store.RemoveFactor(ctx, w.David, apps[0].ID, offered), "not found")
		must(t, w.Store.RenameFactor(ctx, w.Emma, apps[0].ID, "  Old   phone "))
		if name := got[*models.Factor](t)(w.Store.Factor(ctx, w.Emma, apps[0].ID)).Name; name != "Old phone" {
			t.Errorf("name %q", name)
		}
		_, err := w.Store.Factor(ctx, w.David, apps[0].ID)
		want(t, "another's page", err, "not found")
		must(t, w.Store.RemoveFactor(ctx, w.Emma, apps[0].ID, offered))
		if f := got[*models.Factors](t)(w.Store.Factors(ctx, w.Emma)); len(f.Apps) != 1 || f.CodesLeft != models.RecoveryCodes {
			t.Errorf("after the first: %+v", f)
		}
		must(t, w.Store.RemoveFactor(ctx, w.Emma, apps[1].ID, offered))
		if f := got[*models.Factors](t)(w.Store.Factors(ctx, w.Emma)); len(f.Apps) != 0 || f.CodesLeft != 0 {
			t.Errorf("after the last: %+v", f)
		}
		w.signIn(t, cast.Emma)
	})
}

func TestFactorsAskForARecentProof(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.app(t, w.Emma)
		app := got[*models.Factors](t)(w.Store.Factors(ctx, w.Emma)).Apps[0].ID
		_, codes := w.app(t, w.David)
		se := got[*models.SignedIn](t)(w.answer(t, w.wait(t, cast.David), codes[0])).Session
		w.Clock.Move(models.ProofFor + time.Minute)
		by := se.Actor()
		_, err := w.Store.EnrolFactor(ctx, by, models.NewFactor{})
		want(t, "adding", err, "proof: proof.needed")
		want(t, "removing", w.Store.RemoveFactor(ctx, by, app, offered), "proof: proof.needed")
		_, err = w.Store.NewRecoveryCodes(ctx, by)
		want(t, "recovery codes", err, "proof: proof.needed")
	})
}

func TestACodeIsAProofToo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		ctx := t.Context()
		secret, codes := w.app(t, w.Emma)
		in := got[*models.SignedIn](t)(w.answer(t, w.wait(t, cast.Emma), codes[0]))
		w.Clock.Move(models.ProofFor + time.Minute)
		code := w.code(t, secret, 0)
		_, err := w.Store.Prove(ctx, in.Session.Actor(), "000000")
		want(t, "another code", err, "proof: proof.wrong")
		_, err = w.Store.Prove(ctx, in.Session.Actor(), codes[1])
		want(t, "a recovery code", err, "proof: proof.wrong")
		token := got[string](t)(w.Store.Prove(ctx, in.Session.Actor(), code))
		w.signedIn(t, "the old reference", in.Token, signedOut)
		w.signedIn(t, "the new one", token, done)
		_, err = w.Store.Prove(ctx, in.Session.Actor(), code)
		want(t, "the same code", err, "proof: proof.wrong")
		_, err = w.answer(t, w.wait(t, cast.Emma), code)
		want(t, "the same code elsewhere", err, wrongCode)
		for range 4 {
			_, err := w.Store.Prove(ctx, in.Session.Actor(), "000000")
			want(t, "another code", err, "proof: proof.wrong")
		}
		_, err = w.Store.Prove(ctx, in.Session.Actor(), "000000")
		want(t, "one too many", err, "throttled")
		got[string](t)(w.Store.Prove(ctx, in.Session.Actor(), cast.Password))
	})
}

func TestRecoveryCodesAreMadeAnew(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.Store.NewRecoveryCodes(t.Context(), w.Emma)
		want(t, "without a factor", err, "not found")
		_, old := w.app(t, w.Emma)
		codes := got[[]string](t)(w.Store.NewRecoveryCodes(t.Context(), w.Emma))
		_, err = w.answer(t, w.wait(t, cast.Emma), old[0])
		want(t, "an old one", err, wrongCode)
		got[*models.SignedIn](t)(w.answer(t, w.wait(t, cast.Emma), codes[0]))
		seen := map[string]bool{}
		for _, code := range append(old, codes...) {
			if len(code) != len("k7fp-m3xw-z9rt-hacd-2345-6789") || seen[code] {
				t.Errorf("code %q", code)
			}
			seen[code] = true
		}
	})
}

// A password of 10 to 14 characters is for whoever has a second factor (R17).
func TestAShorterPasswordNeedsASecondFactor(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const short = "brume-ocre-9"
		ctx := t.Context()
		want(t, "without a factor", w.Store.ChangePassword(ctx, w.Emma, cast.Password, short), "password: password.short")
		_, codes := w.app(t, w.Emma)
		app := got[*models.Factors](t)(w.Store.Factors(ctx, w.Emma)).Apps[0].ID
		want(t, "nine", w.Store.ChangePassword(ctx, w.Emma, cast.Password, short[:9]), "password: password.short")
		must(t, w.Store.ChangePassword(ctx, w.Emma, cast.Password, short))
		want(t, "to be without a factor", w.Store.RemoveFactor(ctx, w.Emma, app, offered), ": factor.password_short")
		c := credentials(cast.Emma)
		c.Password = short
		got[*models.SignedIn](t)(w.answer(t, got[*models.SignedIn](t)(w.Store.SignIn(ctx, c, "")).Pending, codes[0]))

		if !got[bool](t)(w.Store.ResetFactors(ctx, cast.Emma)) {
			t.Error("nothing is said of the password")
		}
		_, err := w.Store.SignIn(ctx, c, "")
		want(t, "alone", err, signedOut)
		link, _, err := w.Store.NewPasswordLink(ctx, cast.Emma)
		must(t, err)
		want(t, "by a link", w.Store.UsePasswordLink(ctx, link, short), "password: password.short")
		must(t, w.Store.UsePasswordLink(ctx, link, goodPassword))
		w.app(t, w.Emma)
		app = got[*models.Factors](t)(w.Store.Factors(ctx, w.Emma)).Apps[0].ID
		must(t, w.Store.RemoveFactor(ctx, w.Emma, app, offered))
	})
}

func TestTheOperatorResetsFactors(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		_, codes := w.app(t, w.Emma)
		in := got[*models.SignedIn](t)(w.answer(t, w.wait(t, cast.Emma), codes[0]))
		if got[bool](t)(w.Store.ResetFactors(ctx, strings.ToUpper(cast.Emma))) {
			t.Error("a long password went too")
		}
		w.signedIn(t, "as before", in.Token, signedOut)
		w.signIn(t, cast.Emma)

		sam := w.signIn(t, cast.Sam)
		app := got[*models.Factors](t)(w.Store.Factors(ctx, sam.Session.Actor())).Apps[0].ID
		want(t, "an agent's last", w.Store.RemoveFactor(ctx, sam.Session.Actor(), app, offered), ": factor.last")
		got[bool](t)(w.Store.ResetFactors(ctx, cast.Sam))
		w.signedIn(t, "as before", sam.Token, signedOut)
		if !got[*models.Pending](t)(w.Store.PendingSignIn(ctx, w.wait(t, cast.Sam), "")).Enrol {
			t.Error("an agent without a factor is not asked to add one")
		}
		for _, nobody := range []string{"zz9999-mdt", "nobody-support", "", "<b>"} {
			_, err := w.Store.ResetFactors(ctx, nobody)
			want(t, nobody, err, "not found")
		}
	})
}

// What is sealed with a secret that was lost opens for nobody; a recovery code
// still signs in, so that another app can be added.
func TestWithoutTheKeyRecoveryCodesStillWork(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if w.Store.Embedded() {
			t.Skip("a second process would find the file in use")
		}
		secret, codes := w.app(t, w.Emma)
		bare, err := models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now})
		must(t, err)
		defer bare.Close()
		if e := got[*models.Enrolment](t)(bare.Enrolment(t.Context(), w.David, "")); e != nil || bare.KeepsFactors() {
			t.Error("a factor could be added without a key")
		}
		_, err = bare.AnswerSignIn(t.Context(), w.wait(t, cast.Emma), w.code(t, secret, 0), false, credentials(""), "")
		want(t, "an app", err, "models: sealed with another secret")
		got[*models.SignedIn](t)(bare.AnswerSignIn(t.Context(), w.wait(t, cast.Emma), codes[0], false, credentials(""), ""))
	})
}
