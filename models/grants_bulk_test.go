package models_test

import (
	"slices"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

// ended are the grants that a revocation ended, as "local identifier".
func ended(r *models.BulkResult) (list []string) {
	for _, g := range r.Ended {
		list = append(list, g.LocalPart+" "+g.Grantee)
	}
	return list
}

func TestOnlyThoseNamedLoseTheTickedAccounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, second(w.Store.DelegateAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"rh", "info", "paie"}, request(0, cast.David, cast.Emma))))
		w.told(t, cast.Garrigue)
		r := got[*models.BulkResult](t)(w.Store.RevokeOnAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"rh", "info", "contact", "veille"}, []string{cast.David, cast.Chloe, "zz1-mdt", "\x00"}))
		if got, want := ended(r), []string{"contact cl1003-mdt", "rh dn1004-mdt", "info dn1004-mdt"}; !sameOf(got, want) {
			t.Errorf("ended %q, want %q", got, want)
		}
		if got := became(r, nil); got != "done contact info rh · same veille" {
			t.Error(got)
		}
		for _, c := range []struct {
			who   string
			by    models.Actor
			local string
			want  string
		}{
			{"David", w.David, "rh", notFound},
			{"David", w.David, "info", notFound},
			{"David", w.David, "paie", done},
			{"Emma", w.Emma, "rh", done},
			{"Chloé", w.Chloe, "contact", notFound},
			{"Chloé", w.Chloe, "accueil", done},
		} {
			want(t, c.who+" on "+c.local, second(w.Store.Account(t.Context(), c.by, cast.Garrigue, c.local)), c.want)
		}
		if told := w.told(t, cast.Garrigue); len(told) != 3 || !slices.Contains(told, "ad1001-mdt grant.revoked rh@garrigue.example dn1004-mdt") {
			t.Errorf("the history gained %q", told)
		}
		g := w.Int(t, "SELECT id FROM grants WHERE local_part = 'info' AND ended_why = 'revoked'")
		want(t, "one of them can be restored as any other", second(w.Store.Restore(t.Context(), w.Alice, int64(g))), done)
	})
}

func sameOf(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func TestADelegateTakesBackOnlyWhatTheyGave(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate, nil)
		w.delegate(t, w.Emma, cast.Garrigue, "rh", cast.David, 0, nil)
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Chloe, 0, nil)
		w.delegate(t, w.Alice, cast.Garrigue, "info", cast.David, 0, nil)
		locals, people := []string{"rh", "info", "contact"}, []string{cast.David, cast.Chloe}
		holders, more, open, err := w.Store.Holders(t.Context(), w.Emma, w.service(t, w.Emma, cast.Garrigue), locals)
		must(t, err)
		if len(holders) != 1 || holders[0] != (models.Holder{Identifier: cast.David, Name: "David Nguyen", Accounts: 1}) || more || !slices.Equal(open, []string{"rh"}) {
			t.Errorf("Emma is told of %+v on %v", holders, open)
		}
		w.told(t, cast.Garrigue)
		r := got[*models.BulkResult](t)(w.Store.RevokeOnAccounts(t.Context(), w.Emma, cast.Garrigue, locals, people))
		if got := became(r, nil); got != "done rh · same contact info" || !slices.Equal(ended(r), []string{"rh dn1004-mdt"}) {
			t.Errorf("%s, ended %q", got, ended(r))
		}
		w.wantTold(t, "ep1005-mdt grant.revoked rh@garrigue.example dn1004-mdt")
		holders, _, open, err = w.Store.Holders(t.Context(), w.Alice, w.service(t, w.Alice, cast.Garrigue), append(locals, "ghost", "hello"))
		must(t, err)
		if want := []models.Holder{{cast.Chloe, "Chloé Laurent", 2}, {cast.David, "David Nguyen", 1}}; !slices.Equal(holders, want) || !slices.Equal(open, []string{"contact", "info", "rh"}) {
			t.Errorf("Alice is told of %+v on %v", holders, open)
		}
		if r := got[*models.BulkResult](t)(w.Store.RevokeOnAccounts(t.Context(), w.Alice, cast.Garrigue, locals, people)); len(r.Ended) != 3 {
			t.Errorf("Alice ended %q", ended(r))
		}
	})
}

// Who comes upon a grant that time has ended closes it, in nobody's name.
func TestARevocationOfSeveralClosesWhatHasLapsed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.David, 0, w.in(time.Hour))
		w.delegate(t, w.Alice, cast.Garrigue, "info", cast.David, 0, nil)
		w.told(t, cast.Garrigue)
		w.Clock.Move(2 * time.Hour)
		r := got[*models.BulkResult](t)(w.Store.RevokeOnAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"rh", "info"}, []string{cast.David}))
		if got := became(r, nil); got != "done info · same rh" {
			t.Error(got)
		}
		w.wantTold(t, "- grant.expired rh@garrigue.example dn1004-mdt", "ad1001-mdt grant.revoked info@garrigue.example dn1004-mdt")
	})
}

func TestHoldersAreReadOfABoundedNumberOfAccounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.service(t, w.Alice, cast.Garrigue)
		_, _, _, err := w.Store.Holders(t.Context(), w.Alice, a, make([]string, models.MaxAccounts+1))
		want(t, "501", err, "accounts: account.ticked.many")
		want(t, "501 accounts", second(w.Store.TickedAccounts(t.Context(), w.Alice, a, policy.LimitAccount, make([]string, models.MaxAccounts+1))), "accounts: account.ticked.many")
	})
}
