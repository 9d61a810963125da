package models_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

// service and account read what somebody reaches, for a test in which they do.
func (w *world) service(t testing.TB, by models.Actor, domain string) *models.Access {
	t.Helper()
	return got[*models.Access](t)(w.Store.Service(t.Context(), by, domain))
}

func (w *world) account(t testing.TB, by models.Actor, domain, local string) *models.Access {
	t.Helper()
	return got[*models.Access](t)(w.Store.Account(t.Context(), by, domain, local))
}

func TestWhoHoldsWhatIsShownToTheOwnerAndToThoseConcerned(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate, nil)
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Chloe, 0, nil)
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Bruno, 0, nil)
		w.delegate(t, w.Emma, cast.Garrigue, "rh", cast.David, 0, nil)
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, w.in(time.Hour)) // lapses
		ended := w.delegate(t, w.Alice, cast.Garrigue, "info", cast.David, 0, nil)
		got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, ended.ID))
		w.Clock.Move(2 * time.Hour)

		for _, c := range []struct {
			what  string
			by    models.Actor
			local string
			want  []string
		}{
			{"the owner, the service", w.Alice, "", []string{cast.Bruno, cast.Emma}},
			{"a holder, the service", w.Bruno, "", []string{cast.Bruno}},
			{"another holder, the service", w.Emma, "", []string{cast.Emma}},
			{"an account delegate, the service", w.Chloe, "", nil},
			{"the owner, the account", w.Alice, "rh", []string{cast.Chloe, cast.Bruno, cast.David}},
			{"its delegate", w.Chloe, "rh", []string{cast.Chloe}},
			{"somebody who holds service and account", w.Bruno, "rh", []string{cast.Bruno}},
			{"the giver of one", w.Emma, "rh", []string{cast.David}},
			{"to whom it was passed on", w.David, "rh", []string{cast.David}},
			{"the owner, an account of nobody", w.Alice, "info", nil},
		} {
			a, err := w.Store.Service(t.Context(), c.by, cast.Garrigue)
			if c.local != "" {
				a, err = w.Store.Account(t.Context(), c.by, cast.Garrigue, c.local)
			}
			must(t, err)
			list := got[*models.GrantList](t)(w.Store.Grants(t.Context(), c.by, a, models.GrantQuery{}))
			var holders []string
			for _, g := range list.Grants {
				holders = append(holders, g.Grantee)
				if g.Owner != cast.Alice || g.Giver == "" || g.GranteeName == "" {
					t.Errorf("%s: %+v names nobody", c.what, g)
				}
			}
			if !slices.Equal(holders, c.want) || list.Next != 0 {
				t.Errorf("%s: %v, next %d; want %v", c.what, holders, list.Next, c.want)
			}
		}
	})
}

func TestGrantsArePagedOldestFirst(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		want := []string{cast.Bruno}
		for i := range 7 {
			id := fmt.Sprintf("zz%d-mdt", i+1)
			w.customer(t, id)
			w.share(t, w.Alice, cast.Garrigue, id, 0, nil)
			want = append(want, id)
		}
		a := w.service(t, w.Alice, cast.Garrigue)
		var holders []string
		for q := (models.GrantQuery{Size: 3}); ; {
			list := got[*models.GrantList](t)(w.Store.Grants(t.Context(), w.Alice, a, q))
			for _, g := range list.Grants {
				holders = append(holders, g.Grantee)
			}
			if q.After = list.Next; q.After == 0 {
				break
			}
		}
		if !slices.Equal(holders, want) {
			t.Errorf("walked %v, want %v", holders, want)
		}
	})
}

func TestAGrantShowsItsTimelineAndWhatRestsOnIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		parent, child := w.passing(t, policy.Password, nil)
		w.delegate(t, w.Emma, cast.Garrigue, "info", cast.Chloe, 0, nil)
		got[*models.Grant](t)(w.Store.ChangeGrant(t.Context(), w.Alice, parent.ID, models.GrantTerms{Ticked: policy.Delegate | policy.Password, Note: "new", Version: 1}))
		v := got[*models.GrantView](t)(w.Store.Grant(t.Context(), w.Alice, parent.ID))
		var kinds []string
		for _, e := range v.Events {
			kinds = append(kinds, e.Actor+" "+e.Kind)
		}
		if want := []string{"ad1001-mdt grant.changed", "ad1001-mdt grant.given"}; !slices.Equal(kinds, want) {
			t.Errorf("timeline %v, want %v", kinds, want)
		}
		if c := v.Events[0].Detail["note"]; c.After != "new" || c.Before != nil && c.Before != "" {
			t.Errorf("the change of the note is %+v", c)
		}
		if v.Children != 2 || v.Mine != nil || !v.Standing.Owner {
			t.Errorf("%+v; want two that rest on it", v)
		}
		v = got[*models.GrantView](t)(w.Store.Grant(t.Context(), w.Emma, child.ID))
		if v.Mine == nil || v.Mine.ID != parent.ID || v.Children != 0 || v.Grant.Giver != cast.Emma || v.Grant.Grantee != cast.David {
			t.Errorf("the giver sees %+v", v)
		}
	})
}

func TestLeftoversAreWhatAHolderLeftBehind(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.Store.SetAccountPassword(t.Context(), w.Bruno, cast.Garrigue, "rh", goodPassword)) // by another
		share := w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Password, nil)
		single := w.delegate(t, w.Alice, cast.Garrigue, "info", cast.Emma, policy.Password, nil)
		must(t, w.Store.SetAccountPassword(t.Context(), w.Emma, cast.Garrigue, "info", goodPassword))
		must(t, w.Store.SetAccountPassword(t.Context(), w.Emma, cast.Garrigue, "paie", goodPassword))
		must(t, w.Store.SetAccountPassword(t.Context(), w.Alice, cast.Garrigue, "paie", goodPassword)) // set anew
		for _, local := range []string{"made", "gone"} {
			got[*models.Account](t)(w.Store.CreateAccount(t.Context(), w.Emma, cast.Garrigue, models.NewAccount{Local: local}))
		}
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "gone", "gone"))

		left := func(by models.Actor, id int64) []models.Leftover {
			t.Helper()
			list, more, err := w.Store.Leftovers(t.Context(), got[*models.GrantView](t)(w.Store.Grant(t.Context(), by, id)))
			must(t, err)
			if more {
				t.Error("more leftovers than are listed")
			}
			return list
		}
		if list := left(w.Alice, share.ID); list != nil {
			t.Errorf("a grant in force left %v", list)
		}
		for _, id := range []int64{share.ID, single.ID} {
			got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, id))
		}
		info := models.Leftover{LocalPart: "info", Password: true}
		if got, want := left(w.Alice, share.ID), []models.Leftover{info, {LocalPart: "made", Created: true}}; !slices.Equal(got, want) {
			t.Errorf("the share left %+v, want %+v", got, want)
		}
		if got, want := left(w.Alice, single.ID), []models.Leftover{info}; !slices.Equal(got, want) {
			t.Errorf("the delegation left %+v, want %+v", got, want)
		}
		w.share(t, w.Alice, cast.Garrigue, cast.David, policy.Delegate|policy.Password, nil)
		passed := w.delegate(t, w.David, cast.Garrigue, "info", cast.Emma, policy.Password, nil)
		must(t, w.Store.SetAccountPassword(t.Context(), w.Emma, cast.Garrigue, "info", goodPassword))
		must(t, second(w.Store.Revoke(t.Context(), w.David, passed.ID)))
		if got, want := left(w.Alice, passed.ID), []models.Leftover{info}; !slices.Equal(got, want) {
			t.Errorf("one passed on left %+v, want %+v", got, want)
		}
		if list := left(w.David, passed.ID); list != nil {
			t.Errorf("somebody else than the owner is shown %v", list)
		}
		w.Clock.Move(time.Hour)
		again := w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, nil)
		if g := got[*models.Grant](t)(w.Store.Resign(t.Context(), w.Emma, again.ID)); g.EndedWhy != models.EndedByHolder {
			t.Fatalf("%+v", g)
		}
		if list := left(w.Alice, again.ID); list != nil {
			t.Errorf("a later grant left what an earlier one did: %v", list)
		}
	})
}

func TestTheLiveCheckTellsNothingAboutWhoExists(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		typed := []string{cast.Emma, "zz1-mdt", cast.Alice, "BM1002-MDT", "oops", cast.Sam, cast.Chloe}
		for local, held := range map[string]string{"": "BM1002-MDT", "contact": cast.Chloe} {
			verdicts := got[[]models.Verdict](t)(w.Store.CheckIdentifiers(t.Context(), w.Alice, cast.Garrigue, local, typed))
			for i, v := range verdicts {
				shape := typed[i] != "oops" && typed[i] != cast.Sam
				if v.Identifier != typed[i] || v.Shape != shape || (v.Held != nil) != (typed[i] == held) || (v.Name != "") != (typed[i] == held) {
					t.Errorf("on %q: %+v", local, v)
				}
			}
		}
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate, nil)
		if v := got[[]models.Verdict](t)(w.Store.CheckIdentifiers(t.Context(), w.Emma, cast.Garrigue, "contact", []string{cast.Chloe})); v[0].Held != nil {
			t.Errorf("a delegate was told of a grant that is not theirs: %+v", v)
		}
		if v := got[[]models.Verdict](t)(w.Store.CheckIdentifiers(t.Context(), w.Alice, cast.Garrigue, "", make([]string, 100))); len(v) != models.MaxIdentifiers {
			t.Errorf("%d verdicts, want at most %d", len(v), models.MaxIdentifiers)
		}
		for _, c := range []struct {
			by             models.Actor
			local, outcome string
		}{
			{w.Bruno, "", forbidden(policy.ShareService)},
			{w.Bruno, "contact", forbidden(policy.DelegateAccount)},
			{w.Emma, "", forbidden(policy.ShareService)},
			{w.Chloe, "contact", forbidden(policy.DelegateAccount)},
			{w.Chloe, "rh", notFound},
			{w.David, "", notFound},
			{w.Alice, "nobody", notFound},
		} {
			_, err := w.Store.CheckIdentifiers(t.Context(), c.by, cast.Garrigue, c.local, typed)
			want(t, fmt.Sprintf("%s on %q", w.name(c.by), c.local), err, c.outcome)
		}
	})
}
