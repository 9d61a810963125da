package models_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// offered is what the panel of these tests lets people sign in with.
var offered = models.Offered{Site: "panel.example.org", Issuer: provider}

// keys adds passkeys of by's, and says their ids.
func (w *world) keys(t testing.TB, by models.Actor, n int) (ids []int64) {
	t.Helper()
	for range n {
		w.keyring(t).add(t, by, "Clé")
	}
	for _, k := range got[[]models.Passkey](t)(w.Store.Passkeys(t.Context(), by)) {
		ids = append(ids, k.ID)
	}
	return ids
}

func (w *world) withoutPassword(t testing.TB, identifier string) {
	t.Helper()
	w.Exec(t, "UPDATE customers SET password_hash = '' WHERE identifier = '"+identifier+"'")
	w.Exec(t, "UPDATE agents SET password_hash = '' WHERE identifier = '"+identifier+"'")
}

const (
	lastWay    = ": way_in.last"
	lastFactor = ": factor.last"
)

func TestNobodyRemovesTheirLastWayIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		key := w.keys(t, w.Emma, 1)[0]
		link := w.linked(t, cast.Emma, "e")
		remove := func(by models.Actor, id int64, at models.Offered) error {
			_, err := w.Store.RemovePasskey(ctx, by, id, at)
			return err
		}
		if found := got[*models.WaysIn](t)(w.Store.WaysIn(ctx, w.Emma, offered)); *found != (models.WaysIn{Password: true, Passkeys: 1, Links: 1}) || found.Count() != 3 {
			t.Errorf("%+v", found)
		}
		w.withoutPassword(t, cast.Emma)
		for what, at := range map[string]models.Offered{
			"no provider is offered": {Site: offered.Site}, "another one is": {Site: offered.Site, Issuer: provider + "/"},
		} {
			want(t, "the passkey, while "+what, remove(w.Emma, key, at), lastWay)
		}
		for what, at := range map[string]models.Offered{
			"at an address without a name": {Issuer: provider}, "at another address": {Site: "example.org", Issuer: provider},
		} {
			want(t, "the link "+what, w.Store.UnlinkIdentity(ctx, w.Emma, link.ID, at), lastWay)
		}
		must(t, w.Store.UnlinkIdentity(ctx, w.Emma, link.ID, offered))
		want(t, "the passkey that is left", remove(w.Emma, key, offered), lastWay)
		want(t, "somebody else's all the same", remove(w.Alice, key, offered), notFound)
		second := w.keys(t, w.Emma, 1)[1]
		must(t, remove(w.Emma, key, offered))
		want(t, "the second", remove(w.Emma, second, offered), lastWay)

		// An app is no way in, and its recovery codes are none.
		w.app(t, w.Emma)
		want(t, "with an app", remove(w.Emma, second, offered), lastWay)
		// A link for a new password may never come.
		_, _, err := w.Store.NewPasswordLink(ctx, cast.Emma)
		must(t, err)
		want(t, "with a link", remove(w.Emma, second, offered), lastWay)
		if n := w.Int(t, "SELECT count(*) FROM events WHERE kind IN ('passkey.removed', 'identity.unlinked')"); n != 2 {
			t.Errorf("%d removals are in the history", n)
		}
		w.noticed(t)
		want(t, "once more", remove(w.Emma, second, offered), lastWay)
		w.wantNoticed(t, "what did not happen")
		w.Holds(t)
	})
}

func TestStaffKeepsASecondFactor(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.sam(t)
		app := got[*models.Factors](t)(w.Store.Factors(ctx, sam)).Apps[0].ID
		link := w.linked(t, cast.Sam, "s")
		want(t, "the only one", w.Store.RemoveFactor(ctx, sam, app, offered), lastFactor)
		key := w.keys(t, sam, 1)[0]
		want(t, "a passkey that is of no use here does not count", w.Store.RemoveFactor(ctx, sam, app, models.Offered{Site: "other.example.org"}), lastFactor)
		must(t, w.Store.RemoveFactor(ctx, sam, app, offered))
		_, err := w.Store.RemovePasskey(ctx, sam, key, offered)
		want(t, "the passkey that is left", err, lastFactor)

		// Whoever has the password alone does not get in, nor adds a factor of theirs.
		waits := w.wait(t, cast.Sam)
		if found := got[*models.Pending](t)(w.Store.PendingSignIn(ctx, waits, "")); found.Enrol || found.MayTrust {
			t.Errorf("%+v", found)
		}
		e := got[*models.Enrolment](t)(w.Store.Enrolment(ctx, sam, ""))
		_, _, err = w.Store.EnrolSignIn(ctx, waits, models.NewFactor{Name: "Mine", Sealed: e.Sealed, Code: w.code(t, e.Secret, 0)}, credentials(""), "")
		want(t, "adding one by the password alone", err, overdue)
		_, err = w.answer(t, waits, "000000")
		want(t, "a code of no app", err, wrongCode)

		w.withoutPassword(t, cast.Sam)
		_, err = w.Store.RemovePasskey(ctx, sam, key, offered)
		want(t, "with a link beside it", err, lastFactor)
		w.app(t, sam)
		must(t, second(w.Store.RemovePasskey(ctx, sam, key, offered)))
		want(t, "the link, the only way in", w.Store.UnlinkIdentity(ctx, sam, link.ID, offered), lastWay)
	})
}

// An operator may bind customers to a second factor as agents are.
func TestEverybodyKeepsASecondFactorWhereTheOperatorSaysSo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.Clock.Stop()
		chloesKey := w.keys(t, w.Chloe, 1)[0]
		w.linked(t, cast.David, "d")
		if w.Store.Embedded() { // one process has the file
			must(t, w.Store.Close())
		}
		w.Store = got[*models.Store](t)(models.Open(ctx, models.Config{URL: w.URL, Clock: w.Clock.Now, Secret: modelstest.Secret, FactorForAll: true}))
		t.Cleanup(func() { _ = w.Store.Close() })

		waits := w.wait(t, cast.Emma)
		found := got[*models.Pending](t)(w.Store.PendingSignIn(ctx, waits, ""))
		if !found.Enrol || found.Enrolment == nil {
			t.Fatalf("a customer without one: %+v", found)
		}
		_, err := w.answer(t, waits, w.code(t, found.Enrolment.Secret, 0))
		want(t, "a code of what is not confirmed", err, overdue)
		n := models.NewFactor{Name: "Phone", Sealed: found.Enrolment.Sealed, Code: w.code(t, found.Enrolment.Secret, 0)}
		in, codes, err := w.Store.EnrolSignIn(ctx, waits, n, credentials(""), "")
		if err != nil || len(codes) != models.RecoveryCodes || in.Session.Identifier != cast.Emma {
			t.Fatalf("%v %d %+v", err, len(codes), in)
		}
		app := got[*models.Factors](t)(w.Store.Factors(ctx, w.Emma)).Apps[0].ID
		want(t, "their only one", w.Store.RemoveFactor(ctx, in.Session.Actor(), app, offered), lastFactor)
		if got[*models.Pending](t)(w.Store.PendingSignIn(ctx, w.wait(t, cast.Emma), "")).Enrol {
			t.Error("a second one is added by the password alone")
		}

		if got[*models.Pending](t)(w.Store.PendingSignIn(ctx, w.wait(t, cast.Chloe), "")).Enrol {
			t.Error("who has a passkey adds another factor by the password alone")
		}
		_, err = w.Store.RemovePasskey(ctx, w.Chloe, chloesKey, offered)
		want(t, "a passkey that is the only one", err, lastFactor)

		ic := known("d")
		if in := got[*models.SignedIn](t)(w.signOn(t, ic)); in.Pending == "" {
			t.Error("a provider that asked for no second factor lets a customer in")
		}
		ic.Strong = true
		if in := got[*models.SignedIn](t)(w.signOn(t, ic)); in.Pending != "" {
			t.Error("a provider's second factor does not count")
		}
	})
}

// A password that is short stands beside an app, whatever else there is.
func TestAPasskeyDoesNotHoldUpAShortPassword(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.app(t, w.Emma)
		must(t, w.Store.ChangePassword(t.Context(), w.Emma, cast.Password, "brume-ocre-9"))
		w.keys(t, w.Emma, 1)
		app := got[*models.Factors](t)(w.Store.Factors(t.Context(), w.Emma)).Apps[0].ID
		want(t, "the app", w.Store.RemoveFactor(t.Context(), w.Emma, app, offered), ": factor.password_short")
	})
}

// Two of the last two are removed at the same moment in two processes, over and
// over: one stays.
func TestTwoRemovalsAtOnceLeaveAWayIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.sam(t)
		other := w.Store // the embedded database is of one process
		if !strings.HasPrefix(w.URL, "sqlite:") {
			other = got[*models.Store](t)(models.Open(ctx, models.Config{URL: w.URL, Clock: w.Clock.Now}))
			defer other.Close()
		}
		got[bool](t)(w.Store.ResetFactors(ctx, cast.Sam))
		w.withoutPassword(t, cast.Emma)
		both := func(what, refusal string, removals ...func() error) {
			t.Helper()
			errs := make([]error, len(removals))
			var all sync.WaitGroup
			for i, remove := range removals {
				all.Go(func() { errs[i] = remove() })
			}
			all.Wait()
			done := 0
			for _, err := range errs {
				if err == nil {
					done++
				} else {
					want(t, what, err, refusal)
				}
			}
			if done != len(removals)-1 {
				t.Errorf("%s: %d of %d are removed", what, done, len(removals))
			}
		}
		for i := range 6 {
			keys, link := w.keys(t, w.Emma, 1), w.linked(t, cast.Emma, fmt.Sprint("e", i))
			both("a passkey and a link", lastWay,
				func() error { return second(w.Store.RemovePasskey(ctx, w.Emma, keys[0], offered)) },
				func() error { return other.UnlinkIdentity(ctx, w.Emma, link.ID, offered) })
			if err := w.Store.RemoveIdentity(ctx, cast.Emma, provider); err != nil {
				want(t, "the link that may be left", err, notFound)
			}
			got[bool](t)(w.Store.ResetFactors(ctx, cast.Emma))

			keys = w.keys(t, w.Emma, 3)
			both("three passkeys", lastWay,
				func() error { return second(w.Store.RemovePasskey(ctx, w.Emma, keys[0], offered)) },
				func() error { return second(other.RemovePasskey(ctx, w.Emma, keys[1], offered)) },
				func() error { return second(w.Store.RemovePasskey(ctx, w.Emma, keys[2], offered)) })
			got[bool](t)(w.Store.ResetFactors(ctx, cast.Emma))

			w.app(t, sam)
			app, own := got[*models.Factors](t)(w.Store.Factors(ctx, sam)).Apps[0].ID, w.keys(t, sam, 1)
			both("an agent's app and passkey", lastFactor,
				func() error { return w.Store.RemoveFactor(ctx, sam, app, offered) },
				func() error { return second(other.RemovePasskey(ctx, sam, own[0], offered)) })
			got[bool](t)(w.Store.ResetFactors(ctx, cast.Sam))
		}
		w.Holds(t)
	})
}
