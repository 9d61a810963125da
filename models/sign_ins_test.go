package models_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/totp"
)

const (
	wrongCode = "code: factor.code.wrong"
	overdue   = "the sign-in has ended"
)

// app gives somebody an authenticator app that has shown no code yet.
func (w *world) app(t testing.TB, by models.Actor) (secret string, codes []string) {
	t.Helper()
	e := got[*models.Enrolment](t)(w.Store.Enrolment(t.Context(), by, ""))
	codes = got[[]string](t)(w.Store.EnrolFactor(t.Context(), by, models.NewFactor{Name: "Phone", Sealed: e.Sealed, Code: w.code(t, e.Secret, -1)}))
	w.Shown = append(append(w.Shown, e.Secret), codes...)
	return e.Secret, codes
}

// code is what an app shows so many periods from now.
func (w *world) code(t testing.TB, secret string, periods int) string {
	t.Helper()
	return got[string](t)(totp.Code(secret, w.Store.Now().Add(time.Duration(periods)*totp.Period)))
}

// wait begins a sign-in that waits for its second factor.
func (w *world) wait(t testing.TB, identifier string) string {
	t.Helper()
	return w.waitWith(t, identifier, cast.Password)
}

func (w *world) waitWith(t testing.TB, identifier, password string) string {
	t.Helper()
	c := credentials(identifier)
	c.Password = password
	in := got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), c, ""))
	if in.Pending == "" || in.Token != "" || in.Session.ID != 0 {
		t.Fatalf("%s is signed in by the password alone", identifier)
	}
	return in.Pending
}

func (w *world) answer(t testing.TB, pending, code string) (*models.SignedIn, error) {
	t.Helper()
	return w.Store.AnswerSignIn(t.Context(), pending, code, false, credentials(""), "")
}

func TestASecondFactorIsAskedForAfterThePassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		secret, codes := w.app(t, w.Emma)
		sessions := w.Int(t, "SELECT count(*) FROM sessions")
		for _, typed := range []string{w.code(t, secret, 0), strings.ToUpper(codes[3]), strings.ReplaceAll(codes[4], "-", " ")} {
			pending := w.wait(t, cast.Emma)
			if got[*models.Pending](t)(w.Store.PendingSignIn(t.Context(), pending, "")).Enrol {
				t.Error("somebody with a factor is to enrol")
			}
			w.signedIn(t, "with what waits", pending, signedOut)
			in := got[*models.SignedIn](t)(w.answer(t, pending, typed))
			w.signedIn(t, "with a code", in.Token, done)
			if in.Session.CustomerID != w.Emma.Customer || in.Trusted != "" {
				t.Errorf("%+v", in)
			}
			_, err := w.answer(t, pending, typed)
			want(t, "answered twice", err, overdue)
			_, err = w.answer(t, w.wait(t, cast.Emma), typed)
			want(t, "a code that was used", err, wrongCode)
		}
		if n := w.Int(t, "SELECT count(*) FROM sessions") - sessions; n != 3 {
			t.Errorf("%d sessions", n)
		}
		if f := got[*models.Factors](t)(w.Store.Factors(t.Context(), w.Emma)); f.CodesLeft != models.RecoveryCodes-2 || len(f.Apps) != 1 || f.Apps[0].UsedAt == nil {
			t.Errorf("%+v", f)
		}
	})
}

func TestACodeIsOfItsPersonAndItsTime(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		emma, codes := w.app(t, w.Emma)
		david, _ := w.app(t, w.David)
		for what, typed := range map[string]string{
			"another's": w.code(t, david, 0), "of a minute ago": w.code(t, emma, -2), "of in a minute": w.code(t, emma, 2), "the one it was confirmed with": w.code(t, emma, -1),
		} {
			_, err := w.answer(t, w.wait(t, cast.Emma), typed)
			want(t, what, err, wrongCode)
			w.Exec(t, "DELETE FROM throttles")
		}
		for what, typed := range map[string]string{"none": "", "short": "12345", "long": "1234567", "letters": "abcdef", "a password": cast.Password, "another's for recovery": codes[0]} {
			_, err := w.answer(t, w.wait(t, cast.David), typed)
			want(t, what, err, wrongCode)
			w.Exec(t, "DELETE FROM throttles")
		}
		got[*models.SignedIn](t)(w.answer(t, w.wait(t, cast.Emma), w.code(t, emma, 1))) // a clock that is ahead
		_, err := w.answer(t, w.wait(t, cast.Emma), w.code(t, emma, 0))
		want(t, "an earlier code after a later one", err, wrongCode)
	})
}

func TestASignInThatWaitsEnds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		secret, codes := w.app(t, w.Emma)
		pending := w.wait(t, cast.Emma)
		for i := range 5 {
			_, err := w.answer(t, pending, "no code")
			want(t, fmt.Sprintf("wrong for the %dth time", i+1), err, map[bool]string{true: overdue, false: wrongCode}[i == 4])
		}
		_, err := w.answer(t, pending, codes[0])
		want(t, "after five wrong codes", err, overdue)
		w.Exec(t, "DELETE FROM throttles")

		late := w.wait(t, cast.Emma)
		w.Clock.Move(models.PendingFor)
		_, err = w.answer(t, late, codes[0])
		want(t, "after ten minutes", err, overdue)
		_, err = w.Store.PendingSignIn(t.Context(), late, "")
		want(t, "its page", err, overdue)
		must(t, w.Store.Sweep(t.Context()))
		if n := w.Int(t, "SELECT count(*) FROM sign_ins"); n != 0 {
			t.Errorf("%d are kept", n)
		}
		for _, token := range []string{"", "nonsense", strings.Repeat("A", 43)} {
			_, err := w.answer(t, token, w.code(t, secret, 0))
			want(t, "a token that nobody was given", err, overdue)
		}
	})
}

// What waits rests on the password and the factors as they were.
func TestASignInThatWaitsEndsWithWhatItRestsOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		restore := w.Keep(t)
		for what, change := range map[string]func(app int64) error{
			"the password is changed": func(int64) error {
				return w.Store.ChangePassword(t.Context(), w.Emma, cast.Password, goodPassword)
			},
			"the password is set by a link": func(int64) error {
				link, _, err := w.Store.NewPasswordLink(t.Context(), cast.Emma)
				must(t, err)
				return w.Store.UsePasswordLink(t.Context(), link, goodPassword)
			},
			"the factors are reset": func(int64) error {
				_, err := w.Store.ResetFactors(t.Context(), cast.Emma)
				return err
			},
			"the last app is removed": func(app int64) error { return w.Store.RemoveFactor(t.Context(), w.Emma, app, offered) },
		} {
			secret, _ := w.app(t, w.Emma)
			c := credentials(cast.Emma)
			in := got[*models.SignedIn](t)(w.Store.AnswerSignIn(t.Context(), w.wait(t, cast.Emma), w.code(t, secret, 0), true, c, ""))
			pending := w.wait(t, cast.Emma)
			must(t, change(got[*models.Factors](t)(w.Store.Factors(t.Context(), w.Emma)).Apps[0].ID))
			_, err := w.answer(t, pending, w.code(t, secret, 1))
			want(t, "after "+what, err, overdue)
			if n := w.Int(t, "SELECT count(*) FROM trusted_devices"); n != 0 || in.Trusted == "" {
				t.Errorf("after %s a browser is still not asked", what)
			}
			restore()
		}
	})
}

// Two browsers, and two processes, with one code: one of them is in.
func TestACodeWorksOnceAtTheSameMoment(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		stores := []*models.Store{w.Store}
		if !w.Store.Embedded() {
			stores = append(stores, w.another(t))
		}
		secret, codes := w.app(t, w.Emma)
		for _, typed := range []string{w.code(t, secret, 0), codes[0]} {
			const n = 4
			var pending [n]string
			for i := range pending {
				pending[i] = w.wait(t, cast.Emma)
			}
			var group sync.WaitGroup
			outcomes := make([]string, n)
			for i := range pending {
				group.Go(func() {
					_, err := stores[i%len(stores)].AnswerSignIn(t.Context(), pending[i], typed, false, credentials(""), "")
					outcomes[i] = outcome(err)
				})
			}
			group.Wait()
			in := 0
			for _, o := range outcomes {
				if o == done {
					in++
				} else if o != wrongCode && o != "throttled" {
					t.Errorf("%q", o)
				}
			}
			if in != 1 {
				t.Errorf("%.8s: %d of %d are in: %q", typed, in, n, outcomes)
			}
			w.Exec(t, "DELETE FROM throttles")
		}
	})
}

// One answer at two processes makes one session.
func TestASignInIsAnsweredOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, codes := w.app(t, w.Emma)
		pending := w.wait(t, cast.Emma)
		var group sync.WaitGroup
		outcomes := make([]string, 4)
		for i := range outcomes {
			group.Go(func() {
				_, err := w.answer(t, pending, codes[i])
				outcomes[i] = outcome(err)
			})
		}
		group.Wait()
		if n := w.Int(t, "SELECT count(*) FROM recovery_codes WHERE used_at IS NOT NULL"); n != 1 {
			t.Errorf("%d codes are used up: %q", n, outcomes)
		}
	})
}

// Whoever knows the password guesses at most ten times a day, which is below 1
// in 10,000 (see factors.go); the owner gets in meanwhile.
func TestGuessingCodesIsBoundedForADay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		secret, codes := w.app(t, w.Emma)
		home := credentials("")
		home.Device = got[*models.SignedIn](t)(w.answer(t, w.wait(t, cast.Emma), w.code(t, secret, 0))).Device

		began, wrong := w.Store.Now(), 0
		for range 23 * 4 { // a quarter of an hour is the longest pause, so all that a day allows
			for range 3 {
				_, err := w.Store.AnswerSignIn(t.Context(), w.wait(t, cast.Emma), "000000", false, models.Credentials{Peer: "198.51.100.7"}, "")
				switch o := outcome(err); o {
				case wrongCode:
					wrong++
				case "throttled":
				default:
					t.Fatalf("a guess: %s", o)
				}
			}
			w.Exec(t, "DELETE FROM throttles WHERE subject LIKE 'peer:%'") // an attacker has many
			w.Clock.Move(15 * time.Minute)
		}
		if wrong != 10 || w.Store.Now().Sub(began) >= 24*time.Hour {
			t.Errorf("%d guesses in %v", wrong, w.Store.Now().Sub(began))
		}
		_, err := w.answer(t, w.wait(t, cast.Emma), w.code(t, secret, 0))
		want(t, "the owner in a browser that nobody knows", err, "throttled")
		got[*models.SignedIn](t)(w.answer(t, w.wait(t, cast.Emma), codes[0]))
		got[*models.SignedIn](t)(w.Store.AnswerSignIn(t.Context(), w.wait(t, cast.Emma), w.code(t, secret, 0), false, home, ""))
	})
}

func TestATrustedBrowserIsAskedForThePasswordAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, codes := w.app(t, w.Emma)
		_, davids := w.app(t, w.David)
		in := got[*models.SignedIn](t)(w.Store.AnswerSignIn(t.Context(), w.wait(t, cast.Emma), codes[0], true, credentials(""), ""))
		trusted := credentials(cast.Emma)
		trusted.Trusted = in.Trusted
		if again := got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), trusted, "")); again.Pending != "" || again.Session.CustomerID != w.Emma.Customer {
			t.Error("it is asked for more")
		}
		wrong := trusted
		wrong.Password = "not the password"
		_, err := w.Store.SignIn(t.Context(), wrong, "")
		want(t, "the wrong password there", err, signedOut)
		other := credentials(cast.David)
		other.Trusted = in.Trusted
		if got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), other, "")).Pending == "" {
			t.Error("somebody else is not asked there")
		}
		david := got[*models.SignedIn](t)(w.Store.AnswerSignIn(t.Context(), w.wait(t, cast.David), davids[0], true, credentials(""), ""))

		list := got[*models.Factors](t)(w.Store.Factors(t.Context(), w.Emma)).Devices
		if len(list) != 1 || list[0].Peer != "192.0.2.1" || list[0].UserAgent != "test" || list[0].ExpiresAt.Sub(list[0].CreatedAt) != models.TrustFor {
			t.Fatalf("%+v", list)
		}
		want(t, "another's", w.Store.ForgetDevice(t.Context(), w.David, list[0].ID), "not found")
		must(t, w.Store.ForgetDevice(t.Context(), w.Emma, list[0].ID))
		want(t, "again", w.Store.ForgetDevice(t.Context(), w.Emma, list[0].ID), "not found")
		if got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), trusted, "")).Pending == "" {
			t.Error("it is forgotten, and not asked")
		}
		other.Trusted = david.Trusted
		w.Clock.Move(models.TrustFor)
		if got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), other, "")).Pending == "" {
			t.Error("trust never ends")
		}
	})
}

func TestStaffIsAlwaysAskedForASecondFactor(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		pending := w.wait(t, cast.Sam)
		if found := got[*models.Pending](t)(w.Store.PendingSignIn(t.Context(), pending, "")); found.Enrol || found.MayTrust || found.Identifier != cast.Sam {
			t.Errorf("%+v", found)
		}
		in := got[*models.SignedIn](t)(w.Store.AnswerSignIn(t.Context(), pending, w.Code(t, cast.SamSecret), true, credentials(""), ""))
		if in.Session.AgentID == 0 || in.Trusted != "" || w.Int(t, "SELECT count(*) FROM trusted_devices") != 0 {
			t.Errorf("%+v", in)
		}
	})
}

func TestAnAgentWithoutASecondFactorAddsOneBeforeAnything(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.Store.AddAgent(t.Context(), models.NewAgent{Identifier: "lea-support", Name: "Léa", Email: "lea@mandat.example", Language: "fr", Role: "lead", Password: cast.Password})
		must(t, err)
		pending, other := w.wait(t, "lea-support"), w.wait(t, "lea-support")
		found := got[*models.Pending](t)(w.Store.PendingSignIn(t.Context(), pending, ""))
		if !found.Enrol || found.Enrolment.Secret == "" {
			t.Fatalf("%+v", found)
		}
		if again := got[*models.Pending](t)(w.Store.PendingSignIn(t.Context(), pending, found.Enrolment.Sealed)); again.Enrolment.Secret != found.Enrolment.Secret {
			t.Error("a form that comes back has another secret")
		}
		for what, typed := range map[string]string{"none": "", "wrong": "000000"} {
			_, _, err := w.Store.EnrolSignIn(t.Context(), pending, models.NewFactor{Name: "Phone", Sealed: found.Enrolment.Sealed, Code: typed}, credentials(""), "")
			want(t, what, err, "code: factor.code.unconfirmed")
		}
		_, err = w.answer(t, pending, w.code(t, found.Enrolment.Secret, 0))
		want(t, "a code of what is not confirmed", err, overdue)
		sams := got[*models.Enrolment](t)(w.Store.Enrolment(t.Context(), w.Emma, ""))
		_, _, err = w.Store.EnrolSignIn(t.Context(), pending, models.NewFactor{Name: "Phone", Sealed: sams.Sealed, Code: w.code(t, sams.Secret, 0)}, credentials(""), "")
		want(t, "what was shown to somebody else", err, "code: factor.enrolment_lapsed")

		n := models.NewFactor{Name: "Phone", Sealed: found.Enrolment.Sealed, Code: w.code(t, found.Enrolment.Secret, 0)}
		in, codes, err := w.Store.EnrolSignIn(t.Context(), pending, n, credentials(""), "")
		if err != nil || len(codes) != models.RecoveryCodes || in.Session.Identifier != "lea-support" {
			t.Fatalf("%v %d %+v", err, len(codes), in)
		}
		for what, token := range map[string]string{"the same": pending, "another that waited": other} {
			_, _, err := w.Store.EnrolSignIn(t.Context(), token, n, credentials(""), "")
			want(t, what, err, overdue)
		}
		got[*models.SignedIn](t)(w.answer(t, w.wait(t, "lea-support"), codes[0]))
		_, _, err = w.Store.EnrolSignIn(t.Context(), w.wait(t, "lea-support"), n, credentials(""), "")
		want(t, "who has one", err, overdue)
	})
}

// A password that was right while another was being set signs nobody in.
func TestASignInDoesNotOutliveItsPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var group sync.WaitGroup
		tokens := make([]string, 4)
		for i := range tokens {
			group.Go(func() {
				if in, err := w.Store.SignIn(t.Context(), credentials(cast.Emma), ""); err == nil {
					tokens[i] = in.Token
				}
			})
		}
		err := w.Store.ChangePassword(t.Context(), w.Emma, cast.Password, goodPassword)
		group.Wait()
		if err != nil {
			t.Skip("the change came too late to be of interest: ", err)
		}
		for _, token := range tokens {
			if token != "" {
				w.signedIn(t, "begun before", token, signedOut)
			}
		}
	})
}

// An answer that came to nothing after it must not say that something may have changed.
func TestCountingAnAttemptIsNoChange(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := models.Watch(t.Context())
		c := credentials(cast.Emma)
		c.Password = "another one altogether"
		_, err := w.Store.SignIn(ctx, c, "")
		want(t, "a wrong password", err, signedOut)
		if models.Tried(ctx) {
			t.Error("a sign-in that was refused counts as a change that was tried")
		}
	})
}
