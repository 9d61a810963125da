package models_test

import (
	"fmt"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

// passing is Garrigue with Emma who may pass accounts on, and David to whom she passed rh@ on.
func (w *world) passing(t testing.TB, ticked policy.Extra, until *time.Time) (parent, child models.Grant) {
	t.Helper()
	parent = w.share(t, w.Alice, cast.Garrigue, cast.Emma, ticked|policy.Delegate, until)
	child = w.delegate(t, w.Emma, cast.Garrigue, "rh", cast.David, policy.AllExtras, nil)
	return parent, child
}

// grant reads a grant as its owner sees it.
func (w *world) grant(t testing.TB, by models.Actor, id int64) models.Grant {
	t.Helper()
	return got[*models.GrantView](t)(w.Store.Grant(t.Context(), by, id)).Grant
}

func TestADelegatePassesOnAtMostWhatTheyHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			held, ticked, want policy.Extra
		}{
			{0, 0, 0},
			{0, policy.AllExtras, policy.Responder}, // which every holder of the service has
			{policy.Password, 0, 0},
			{policy.Password, policy.Password, policy.Password},
			{policy.Password, policy.AllExtras, policy.Password | policy.Responder},
			{policy.Password | policy.Forward, policy.AllExtras, policy.Password | policy.Forward | policy.Responder},
			{0, policy.Delegate, 0},
		} {
			parent := w.share(t, w.Alice, cast.Garrigue, cast.Emma, c.held|policy.Delegate, nil)
			child := w.delegate(t, w.Emma, cast.Garrigue, "rh", cast.David, c.ticked, nil)
			if child.Extras != c.want || child.ParentID != parent.ID || child.GiverID != w.Emma.Customer {
				t.Errorf("holding %v and ticking %v passes on %+v", c.held.Names(), c.ticked.Names(), child)
			}
			got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, parent.ID))
		}
	})
}

func TestADelegatePassesOnForNoLongerThanTheyHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		parent, child := w.passing(t, 0, w.in(48*time.Hour))
		if child.ExpiresAt == nil || !child.ExpiresAt.Equal(*parent.ExpiresAt) {
			t.Errorf("without an end of its own it ends %v, want %v", child.ExpiresAt, parent.ExpiresAt)
		}
		sooner := w.in(time.Hour)
		if g := w.delegate(t, w.Emma, cast.Garrigue, "info", cast.David, 0, sooner); !g.ExpiresAt.Equal(*sooner) {
			t.Errorf("an earlier end became %v", g.ExpiresAt)
		}
		r := request(0, cast.David)
		r.ExpiresAt = w.in(49 * time.Hour)
		_, err := w.Store.DelegateAccount(t.Context(), w.Emma, cast.Garrigue, "paie", r)
		want(t, "a later end", err, "expires_on: grant.expires.beyond")
		_, err = w.Store.ChangeGrant(t.Context(), w.Emma, child.ID, models.GrantTerms{ExpiresAt: r.ExpiresAt, Version: 1})
		want(t, "a change to a later end", err, "expires_on: grant.expires.beyond")
		_, err = w.Store.ExtendGrant(t.Context(), w.Emma, child.ID)
		want(t, "an extension beyond their own", err, "expires_on: grant.expires.beyond")
	})
}

// What was passed on rests on the giver's own grant, whoever changes it.
func TestTheOwnerTooKeepsWhatWasPassedOnWithinWhatItRestsOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, child := w.passing(t, 0, w.in(48*time.Hour))
		_, err := w.Store.ChangeGrant(t.Context(), w.Alice, child.ID, models.GrantTerms{Ticked: policy.AllExtras, ExpiresAt: child.ExpiresAt, Version: 1})
		want(t, "more extras", err, done)
		if g := w.grant(t, w.Alice, child.ID); g.Extras != policy.Responder {
			t.Errorf("it has %v, more than what it rests on", g.Extras.Names())
		}
		_, err = w.Store.ChangeGrant(t.Context(), w.Alice, child.ID, models.GrantTerms{ExpiresAt: w.in(72 * time.Hour), Version: 1})
		want(t, "a later end", err, "expires_on: grant.expires.beyond")
		_, err = w.Store.ExtendGrant(t.Context(), w.Alice, child.ID)
		want(t, "an extension", err, "expires_on: grant.expires.beyond")
		_, err = w.Store.ChangeGrant(t.Context(), w.Alice, child.ID, models.GrantTerms{Version: 1})
		want(t, "no end", err, done)
		if g := w.grant(t, w.Alice, child.ID); g.ExpiresAt == nil || !g.ExpiresAt.Equal(*child.ExpiresAt) {
			t.Errorf("without an end it ends %v, want %v", g.ExpiresAt, child.ExpiresAt)
		}
	})
}

func TestWhatWasPassedOnEndsWithTheGrantItRestsOn(t *testing.T) {
	for what, c := range map[string]struct {
		end  func(t *testing.T, w *world, parent models.Grant) error
		told []string
	}{
		"revoked": {
			func(t *testing.T, w *world, p models.Grant) error {
				_, err := w.Store.Revoke(t.Context(), w.Alice, p.ID)
				return err
			},
			[]string{"ad1001-mdt grant.revoked garrigue.example ep1005-mdt", "ad1001-mdt grant.revoked rh@garrigue.example dn1004-mdt"},
		},
		"resigned": {
			func(t *testing.T, w *world, p models.Grant) error {
				_, err := w.Store.Resign(t.Context(), w.Emma, p.ID)
				return err
			},
			[]string{"ep1005-mdt grant.resigned garrigue.example ep1005-mdt", "ep1005-mdt grant.resigned rh@garrigue.example dn1004-mdt"},
		},
		"expired": {
			func(t *testing.T, w *world, _ models.Grant) error {
				w.Clock.Move(49 * time.Hour)
				return w.Store.Sweep(t.Context())
			},
			[]string{"- grant.expired garrigue.example ep1005-mdt", "- grant.expired rh@garrigue.example dn1004-mdt"},
		},
	} {
		t.Run(what, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				parent, child := w.passing(t, 0, w.in(48*time.Hour))
				w.told(t, cast.Garrigue)
				want(t, "David describes rh@", w.describe(t, w.David, cast.Garrigue, "rh", "before"), done)
				w.told(t, cast.Garrigue)
				must(t, c.end(t, w, parent))
				w.wantTold(t, c.told...)
				want(t, "David describes rh@ afterwards", w.describe(t, w.David, cast.Garrigue, "rh", "after"), notFound)
				if g := w.grant(t, w.Alice, child.ID); g.EndedWhy != what || g.EndedWith != parent.ID {
					t.Errorf("what was passed on ended %q with %d, want %q with %d", g.EndedWhy, g.EndedWith, what, parent.ID)
				}
			})
		})
	}
}

func TestAnUndoneRevocationBringsBackWhatEndedWithIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		parent, child := w.passing(t, policy.Password, nil)
		own := w.delegate(t, w.Emma, cast.Garrigue, "info", cast.David, 0, nil)
		short := w.delegate(t, w.Emma, cast.Garrigue, "paie", cast.David, 0, w.in(5*time.Minute))
		got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Emma, own.ID))
		w.Clock.Move(time.Second)
		revoked := got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, parent.ID))
		if revoked.EndedAt == nil || revoked.EndedWhy != models.EndedByRevoking || revoked.Version != 2 || !revoked.Restorable(w.Store.Now()) {
			t.Errorf("Revoke answers %+v", revoked)
		}
		w.told(t, cast.Garrigue)
		w.Clock.Move(6 * time.Minute)
		restored := got[*models.Grant](t)(w.Store.Restore(t.Context(), w.Alice, parent.ID))
		if restored.EndedAt != nil || restored.EndedWhy != "" || restored.Version != 3 || !restored.Live(w.Store.Now()) {
			t.Errorf("Restore answers %+v", restored)
		}
		w.wantTold(t, "ad1001-mdt grant.restored garrigue.example ep1005-mdt", "ad1001-mdt grant.restored rh@garrigue.example dn1004-mdt")
		want(t, "David describes rh@", w.describe(t, w.David, cast.Garrigue, "rh", "again"), done)
		for _, c := range []struct {
			id    int64
			ended bool
		}{{parent.ID, false}, {child.ID, false}, {own.ID, true}, {short.ID, true}} {
			if g := w.grant(t, w.Alice, c.id); (g.EndedAt != nil) != c.ended {
				t.Errorf("the grant on %s ended %v, want %v", g.Object(), g.EndedAt != nil, c.ended)
			}
		}
		if g := w.grant(t, w.Alice, parent.ID); !g.Since.Equal(parent.Since) || g.Extras != parent.Extras || g.GiverID != parent.GiverID || g.ID != parent.ID {
			t.Errorf("restored %+v, want the very same %+v", g, parent)
		}
	})
}

func TestAnUndoneRevocationBringsBackNothingThatEndedEarlier(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		parent, child := w.passing(t, 0, nil)
		got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, parent.ID))
		anew := w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.David, 0, nil)
		got[*models.Grant](t)(w.Store.Restore(t.Context(), w.Alice, parent.ID)) // without rh@, which David holds anew
		got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, anew.ID))
		w.Clock.Move(time.Second)
		got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, parent.ID))
		got[*models.Grant](t)(w.Store.Restore(t.Context(), w.Alice, parent.ID))
		if g := w.grant(t, w.Alice, child.ID); g.EndedAt == nil {
			t.Error("what ended with an earlier revocation came back with a later one")
		}
	})
}

func TestNothingComesBackUnderAGrantThatHasEnded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		parent, child := w.passing(t, 0, nil)
		got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Emma, child.ID))
		got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, parent.ID))
		_, err := w.Store.Restore(t.Context(), w.Alice, child.ID)
		want(t, "undo under a revoked grant", err, "grant: grant.restore.gone")
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate, nil)
		_, err = w.Store.Restore(t.Context(), w.Emma, child.ID)
		want(t, "undo by its giver, who was given the service anew", err, "grant: grant.restore.gone")
	})
}

func TestNothingComesBackUnderAGrantThatMayNoLongerPassOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		parent, child := w.passing(t, 0, nil)
		got[*models.Grant](t)(w.Store.ChangeGrant(t.Context(), w.Alice, parent.ID, models.GrantTerms{Version: 1}))
		for who, by := range map[string]models.Actor{"the owner": w.Alice, "its giver": w.Emma} {
			_, err := w.Store.Restore(t.Context(), by, child.ID)
			want(t, who, err, "grant: grant.restore.gone")
		}
	})
}

func TestWhatComesBackIsNarrowedToWhatItRestsOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		parent, child := w.passing(t, policy.Password, nil)
		got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Emma, child.ID))
		until := w.in(time.Hour)
		got[*models.Grant](t)(w.Store.ChangeGrant(t.Context(), w.Alice, parent.ID, models.GrantTerms{Ticked: policy.Delegate, ExpiresAt: until, Version: 1}))
		w.told(t, cast.Garrigue)
		restored := got[*models.Grant](t)(w.Store.Restore(t.Context(), w.Emma, child.ID))
		w.wantTold(t, "ep1005-mdt grant.restored rh@garrigue.example dn1004-mdt", "ep1005-mdt grant.changed rh@garrigue.example dn1004-mdt")
		for what, g := range map[string]models.Grant{"Restore answers": *restored, "the row is": w.grant(t, w.Alice, child.ID)} {
			if g.Extras != policy.Responder || g.ExpiresAt == nil || !g.ExpiresAt.Equal(*until) || g.Version != 4 {
				t.Errorf("%s %+v, want the responder alone and the end %v", what, g, until)
			}
		}
	})
}

func TestWhatWasPassedOnIsNarrowedWithTheGrantItRestsOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		parent, child := w.passing(t, policy.Password, nil)
		w.told(t, cast.Garrigue)
		change := func(ticked policy.Extra, until *time.Time) {
			t.Helper()
			got[*models.Grant](t)(w.Store.ChangeGrant(t.Context(), w.Alice, parent.ID, models.GrantTerms{Ticked: ticked, ExpiresAt: until, Version: w.grant(t, w.Alice, parent.ID).Version}))
		}
		both := []string{"ad1001-mdt grant.changed garrigue.example ep1005-mdt", "ad1001-mdt grant.changed rh@garrigue.example dn1004-mdt"}
		change(policy.Delegate, nil)
		w.wantTold(t, both...)
		if g := w.grant(t, w.Alice, child.ID); g.Extras != policy.Responder || g.ExpiresAt != nil {
			t.Errorf("without the giver's password extra it is %+v", g)
		}
		change(policy.Delegate|policy.Password, nil)
		w.wantTold(t, both[0])
		if g := w.grant(t, w.Alice, child.ID); g.Extras != policy.Responder {
			t.Errorf("what was narrowed widened by itself: %+v", g)
		}
		until := w.in(time.Hour)
		change(policy.Delegate, until)
		w.wantTold(t, both...)
		if g := w.grant(t, w.Alice, child.ID); g.ExpiresAt == nil || !g.ExpiresAt.Equal(*until) {
			t.Errorf("it ends %v, want %v", g.ExpiresAt, until)
		}
		change(0, until)
		w.wantTold(t, both[0], "ad1001-mdt grant.revoked rh@garrigue.example dn1004-mdt")
		want(t, "David describes rh@", w.describe(t, w.David, cast.Garrigue, "rh", "after"), notFound)
	})
}

func TestARevokedDelegateReachesNothingAnyMore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.signIn(t, cast.Emma).Token
		share, child := w.passing(t, policy.Password, nil)
		account := w.delegate(t, w.Alice, cast.Garrigue, "info", cast.Emma, policy.Password, nil)
		got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, share.ID))
		got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, account.ID))
		w.told(t, cast.Garrigue)
		for what, try := range map[string]func() error{
			"the service": func() error { _, err := w.Store.Service(t.Context(), w.Emma, cast.Garrigue); return err },
			"the account": func() error { _, err := w.Store.Account(t.Context(), w.Emma, cast.Garrigue, "info"); return err },
			"the list": func() error {
				_, err := w.Store.Accounts(t.Context(), token, cast.Garrigue, models.AccountQuery{})
				return err
			},
			"the grant":         func() error { _, err := w.Store.Grant(t.Context(), w.Emma, share.ID); return err },
			"the child":         func() error { _, err := w.Store.Grant(t.Context(), w.Emma, child.ID); return err },
			"the account grant": func() error { _, err := w.Store.Grant(t.Context(), w.Emma, account.ID); return err },
			"create": func() error {
				_, err := w.Store.CreateAccount(t.Context(), w.Emma, cast.Garrigue, models.NewAccount{Local: "new"})
				return err
			},
			"describe": func() error { return w.describe(t, w.Emma, cast.Garrigue, "info", "mine") },
			"set password": func() error {
				return w.Store.SetAccountPassword(t.Context(), w.Emma, cast.Garrigue, "info", goodPassword)
			},
			"block":   func() error { return w.Store.BlockAccount(t.Context(), w.Emma, cast.Garrigue, "info") },
			"unblock": func() error { return w.Store.UnblockAccount(t.Context(), w.Emma, cast.Garrigue, "louis.noel") },
			"delete":  func() error { return w.Store.DeleteAccount(t.Context(), w.Emma, cast.Garrigue, "info", "info") },
			"share": func() error {
				_, err := w.Store.ShareService(t.Context(), w.Emma, cast.Garrigue, request(0, cast.David))
				return err
			},
			"delegate": func() error {
				_, err := w.Store.DelegateAccount(t.Context(), w.Emma, cast.Garrigue, "info", request(0, cast.David))
				return err
			},
			"delegate several": func() error {
				_, err := w.Store.DelegateAccounts(t.Context(), w.Emma, cast.Garrigue, []string{"info"}, request(0, cast.David))
				return err
			},
			"check": func() error {
				_, err := w.Store.CheckIdentifiers(t.Context(), w.Emma, cast.Garrigue, "info", nil)
				return err
			},
			"resign": func() error { _, err := w.Store.Resign(t.Context(), w.Emma, share.ID); return err },
			"revoke": func() error { _, err := w.Store.Revoke(t.Context(), w.Emma, child.ID); return err },
			"undo":   func() error { _, err := w.Store.Restore(t.Context(), w.Emma, share.ID); return err },
			"change": func() error {
				_, err := w.Store.ChangeGrant(t.Context(), w.Emma, child.ID, models.GrantTerms{Version: 1})
				return err
			},
			"extend": func() error { _, err := w.Store.ExtendGrant(t.Context(), w.Emma, child.ID); return err },
		} {
			want(t, what, try(), notFound)
		}
		w.wantTold(t)
	})
}

func TestARevocationCanBeUndoneForTenMinutes(t *testing.T) {
	for what, c := range map[string]struct {
		end       func(t *testing.T, w *world, g models.Grant) error
		meanwhile func(t *testing.T, w *world, g models.Grant)
		outcome   string
	}{
		"at once":                      {revoke, nil, done},
		"after 9 minutes":              {revoke, func(_ *testing.T, w *world, _ models.Grant) { w.Clock.Move(9 * time.Minute) }, done},
		"after 10 minutes":             {revoke, func(_ *testing.T, w *world, _ models.Grant) { w.Clock.Move(models.UndoFor) }, "grant: grant.restore.late"},
		"when it would have lapsed by": {revoke, func(_ *testing.T, w *world, _ models.Grant) { w.Clock.Move(6 * time.Minute) }, "grant: grant.restore.late"},
		"when it was given anew": {revoke, func(t *testing.T, w *world, _ models.Grant) {
			w.delegate(t, w.Alice, cast.Garrigue, "info", cast.Emma, 0, nil)
		}, "grant: grant.restore.taken"},
		"when its account was deleted": {revoke, func(t *testing.T, w *world, _ models.Grant) {
			must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "info", "info"))
		}, "grant: grant.restore.gone"},
		"when its account was removed": {revoke, func(t *testing.T, w *world, _ models.Grant) {
			must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "info", "info"))
			must(t, w.Store.Sweep(t.Context()))
		}, "grant: grant.restore.gone"},
		"when its address is another's": {revoke, func(t *testing.T, w *world, _ models.Grant) {
			must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "info", "info"))
			must(t, w.Store.Sweep(t.Context()))
			got[*models.Account](t)(w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, models.NewAccount{Local: "info"}))
		}, "grant: grant.restore.gone"},
		"of a resignation": {func(t *testing.T, w *world, g models.Grant) error {
			_, err := w.Store.Resign(t.Context(), w.Emma, g.ID)
			return err
		}, nil, "grant: grant.restore.late"},
		"of what time has ended": {func(t *testing.T, w *world, _ models.Grant) error {
			w.Clock.Move(6 * time.Minute)
			return w.Store.Sweep(t.Context())
		}, nil, "grant: grant.restore.late"},
		"of what the deletion of its account ended": {func(t *testing.T, w *world, _ models.Grant) error {
			return w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "info", "info")
		}, nil, "grant: grant.restore.late"},
	} {
		t.Run(what, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				var until *time.Time
				if what == "when it would have lapsed by" || what == "of what time has ended" {
					until = w.in(5 * time.Minute)
				}
				g := w.delegate(t, w.Alice, cast.Garrigue, "info", cast.Emma, policy.Password, until)
				must(t, c.end(t, w, g))
				if c.meanwhile != nil {
					c.meanwhile(t, w, g)
				}
				w.told(t, cast.Garrigue)
				_, err := w.Store.Restore(t.Context(), w.Alice, g.ID)
				want(t, "undo", err, c.outcome)
				if c.outcome != done {
					w.wantTold(t)
					return
				}
				w.wantTold(t, "ad1001-mdt grant.restored info@garrigue.example ep1005-mdt")
				want(t, "Emma describes info@", w.describe(t, w.Emma, cast.Garrigue, "info", "back"), done)
				_, err = w.Store.Restore(t.Context(), w.Alice, g.ID)
				want(t, "undo again", err, done)
				w.wantTold(t, "ep1005-mdt account.changed info@garrigue.example")
			})
		})
	}
}

func revoke(t *testing.T, w *world, g models.Grant) error {
	_, err := w.Store.Revoke(t.Context(), w.Alice, g.ID)
	return err
}

func TestARevocationOfWhatHasEndedChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, nil)
		first := got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, g.ID))
		w.told(t, cast.Garrigue)
		w.Clock.Move(time.Minute)
		second := got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, g.ID))
		w.wantTold(t)
		if !second.EndedAt.Equal(*first.EndedAt) || second.Version != first.Version {
			t.Errorf("revoked again it is %+v, want %+v", second, first)
		}
	})
}

func TestWhatTimeHasEndedIsNotRevokedByAnybody(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, w.in(time.Hour))
		w.told(t, cast.Garrigue)
		w.Clock.Move(time.Hour)
		ended := got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, g.ID))
		if ended.EndedWhy != models.EndedByTime || ended.Restorable(w.Store.Now()) {
			t.Errorf("Revoke answers %+v", ended)
		}
		w.wantTold(t, "- grant.expired garrigue.example ep1005-mdt")
		_, err := w.Store.Restore(t.Context(), w.Alice, g.ID)
		want(t, "undo", err, "grant: grant.restore.late")
	})
}

func TestAGrantIsChangedAtTheVersionShown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Password, nil)
		w.told(t, cast.Garrigue)
		until := w.in(time.Hour)
		_, err := w.Store.ChangeGrant(t.Context(), w.Alice, g.ID, models.GrantTerms{Note: "late", Version: 2})
		want(t, "a version of tomorrow", err, conflict)
		changed := got[*models.Grant](t)(w.Store.ChangeGrant(t.Context(), w.Alice, g.ID, models.GrantTerms{Ticked: policy.Delegate, ExpiresAt: until, Note: " for the summer ", Version: 1}))
		for what, g := range map[string]models.Grant{"ChangeGrant answers": *changed, "the row is": w.grant(t, w.Alice, g.ID)} {
			if g.Extras != policy.Delegate || !g.ExpiresAt.Equal(*until) || g.Note != "for the summer" || g.Version != 2 {
				t.Errorf("%s %+v", what, g)
			}
		}
		w.wantTold(t, "ad1001-mdt grant.changed garrigue.example ep1005-mdt")
		_, err = w.Store.ChangeGrant(t.Context(), w.Alice, g.ID, models.GrantTerms{Note: "stale", Version: 1})
		want(t, "a stale form", err, conflict)
		_, err = w.Store.ChangeGrant(t.Context(), w.Alice, g.ID, models.GrantTerms{Ticked: policy.Delegate, ExpiresAt: until, Note: "for the summer", Version: 2})
		want(t, "the same again", err, done)
		w.wantTold(t)
		for outcome, terms := range map[string]models.GrantTerms{
			"expires_on: grant.expires.past": {ExpiresAt: w.in(-time.Hour), Version: 2},
			"expires_on: grant.expires.far":  {ExpiresAt: w.in(11 * 366 * 24 * time.Hour), Version: 2},
		} {
			_, err := w.Store.ChangeGrant(t.Context(), w.Alice, g.ID, terms)
			want(t, "an end that does not do", err, outcome)
		}
		got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, g.ID))
		_, err = w.Store.ChangeGrant(t.Context(), w.Alice, g.ID, models.GrantTerms{Version: 3})
		want(t, "a grant that has ended", err, "grant: grant.change.ended")
	})
}

// An end within a microsecond is the same end: the database keeps no finer.
func TestTheSameEndInAnotherZoneIsNoChange(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		until := w.Store.Now().Add(time.Hour + 123*time.Nanosecond)
		g := w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, &until)
		w.told(t, cast.Garrigue)
		again := until.In(time.FixedZone("east", 3600))
		got[*models.Grant](t)(w.Store.ChangeGrant(t.Context(), w.Alice, g.ID, models.GrantTerms{ExpiresAt: &again, Version: 1}))
		w.wantTold(t)
	})
}

func TestAnExtensionMovesTheEndByNinetyDays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		until := w.in(24 * time.Hour)
		g := w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, until)
		open := w.share(t, w.Alice, cast.Garrigue, cast.David, 0, nil)
		w.told(t, cast.Garrigue)
		for n := 1; n <= 2; n++ {
			extended := got[*models.Grant](t)(w.Store.ExtendGrant(t.Context(), w.Alice, g.ID))
			if want := until.Add(time.Duration(n) * models.ExtendBy); !extended.ExpiresAt.Equal(want) {
				t.Errorf("extended %d times it ends %v, want %v", n, extended.ExpiresAt, want)
			}
		}
		w.wantTold(t, "ad1001-mdt grant.changed garrigue.example ep1005-mdt", "ad1001-mdt grant.changed garrigue.example ep1005-mdt")
		if g := got[*models.Grant](t)(w.Store.ExtendGrant(t.Context(), w.Alice, open.ID)); g.ExpiresAt != nil {
			t.Errorf("a grant without an end got one: %v", g.ExpiresAt)
		}
		w.wantTold(t)
		far := w.share(t, w.Alice, cast.Atelier, cast.Emma, 0, w.in(10*365*24*time.Hour))
		_, err := w.Store.ExtendGrant(t.Context(), w.Alice, far.ID)
		want(t, "beyond ten years", err, "expires_on: grant.expires.far")
		w.Clock.Move(200 * 24 * time.Hour)
		_, err = w.Store.ExtendGrant(t.Context(), w.Alice, g.ID)
		want(t, "a grant that has lapsed", err, "grant: grant.change.ended")
	})
}

// Every person against every kind of grant: what they see and may do, and what the verbs then do.
func TestRightsOnOneGrant(t *testing.T) {
	type may = models.GrantRights
	each(t, func(t *testing.T, w *world) {
		frida := w.customer(t, "fr1006-mdt")
		share := got[*models.GrantList](t)(w.Store.Grants(t.Context(), w.Alice, got[*models.Access](t)(w.Store.Service(t.Context(), w.Alice, cast.Garrigue)), models.GrantQuery{})).Grants[0]
		account := w.delegate(t, w.Alice, cast.Garrigue, "info", cast.Chloe, 0, nil)
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate, nil)
		passed := w.delegate(t, w.Emma, cast.Garrigue, "rh", "fr1006-mdt", 0, nil)
		w.told(t, cast.Garrigue)

		change, resign := forbidden(policy.ChangeGrant), forbidden(policy.ResignGrant)
		owner, holder, none := may{See: true, Change: true}, may{See: true, Resign: true}, may{}
		for _, c := range []struct {
			what            string
			grant           models.Grant
			by              models.Actor
			rights          may
			changes, leaves string // outcomes of the verbs
		}{
			{"the owner, a share", share, w.Alice, owner, done, resign},
			{"its holder", share, w.Bruno, holder, change, done},
			{"another service delegate", share, w.Emma, none, notFound, notFound},
			{"an account delegate", share, w.Chloe, none, notFound, notFound},
			{"a stranger", share, w.David, none, notFound, notFound},
			{"the owner, a delegation", account, w.Alice, owner, done, resign},
			{"its holder", account, w.Chloe, holder, change, done},
			{"a service delegate", account, w.Bruno, none, notFound, notFound},
			{"a service delegate who may delegate", account, w.Emma, none, notFound, notFound},
			{"another account delegate", account, frida, none, notFound, notFound},
			{"a stranger", account, w.David, none, notFound, notFound},
			{"the owner, one passed on", passed, w.Alice, owner, done, resign},
			{"its giver", passed, w.Emma, owner, done, resign},
			{"its holder", passed, frida, holder, change, done},
			{"another service delegate", passed, w.Bruno, none, notFound, notFound},
			{"an account delegate", passed, w.Chloe, none, notFound, notFound},
			{"a stranger", passed, w.David, none, notFound, notFound},
			{"nobody", passed, models.Actor{}, none, notFound, notFound},
		} {
			what := fmt.Sprintf("%s of %s", c.what, c.grant.Object())
			v, err := w.Store.Grant(t.Context(), c.by, c.grant.ID)
			if c.rights == none {
				want(t, what+" reads", err, notFound)
			} else if must(t, err); v.Rights != c.rights {
				t.Errorf("%s may %+v, want %+v", what, v.Rights, c.rights)
			}
			if c.changes != done {
				_, err = w.Store.Revoke(t.Context(), c.by, c.grant.ID)
				want(t, what+" revokes", err, c.changes)
				_, err = w.Store.Restore(t.Context(), c.by, c.grant.ID)
				want(t, what+" restores", err, c.changes)
				_, err = w.Store.ExtendGrant(t.Context(), c.by, c.grant.ID)
				want(t, what+" extends", err, c.changes)
			}
			_, err = w.Store.ChangeGrant(t.Context(), c.by, c.grant.ID, models.GrantTerms{Ticked: c.grant.Extras, Note: c.grant.Note, ExpiresAt: c.grant.ExpiresAt, Version: 1})
			want(t, what+" changes", err, c.changes)
			if c.leaves != done {
				_, err = w.Store.Resign(t.Context(), c.by, c.grant.ID)
				want(t, what+" resigns", err, c.leaves)
			}
		}
		w.wantTold(t)
		for _, c := range []struct {
			by    models.Actor
			grant models.Grant
		}{{w.Bruno, share}, {w.Chloe, account}, {frida, passed}} {
			g := got[*models.Grant](t)(w.Store.Resign(t.Context(), c.by, c.grant.ID))
			if g.EndedWhy != models.EndedByHolder || g.Live(w.Store.Now()) {
				t.Errorf("Resign answers %+v", g)
			}
		}
		w.wantTold(t, "bm1002-mdt grant.resigned garrigue.example bm1002-mdt", "cl1003-mdt grant.resigned info@garrigue.example cl1003-mdt", "fr1006-mdt grant.resigned rh@garrigue.example fr1006-mdt")
		_, err := w.Store.Grant(t.Context(), w.Alice, 1<<40)
		want(t, "a grant that is not there", err, notFound)
		_, err = w.Store.Revoke(t.Context(), w.Alice, 1<<40)
		want(t, "to revoke a grant that is not there", err, notFound)
	})
}

func TestNoGrantOfASuspendedServiceChanges(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		parent, child := w.passing(t, 0, nil)
		stranger := w.customer(t, "zz1-mdt")
		must(t, w.Store.SuspendService(t.Context(), cast.Garrigue))
		w.told(t, cast.Garrigue)
		for what, try := range map[string]func(by models.Actor) error{
			"share": func(by models.Actor) error {
				_, err := w.Store.ShareService(t.Context(), by, cast.Garrigue, request(0, cast.David))
				return err
			},
			"delegate": func(by models.Actor) error {
				_, err := w.Store.DelegateAccount(t.Context(), by, cast.Garrigue, "info", request(0, cast.David))
				return err
			},
			"delegate several": func(by models.Actor) error {
				_, err := w.Store.DelegateAccounts(t.Context(), by, cast.Garrigue, []string{"info"}, request(0, cast.David))
				return err
			},
			"revoke": func(by models.Actor) error { _, err := w.Store.Revoke(t.Context(), by, parent.ID); return err },
			"change": func(by models.Actor) error {
				_, err := w.Store.ChangeGrant(t.Context(), by, parent.ID, models.GrantTerms{Note: "new", Version: 1})
				return err
			},
			"extend": func(by models.Actor) error { _, err := w.Store.ExtendGrant(t.Context(), by, parent.ID); return err },
			"undo":   func(by models.Actor) error { _, err := w.Store.Restore(t.Context(), by, parent.ID); return err },
		} {
			want(t, "the owner: "+what, try(w.Alice), suspended)
			want(t, "a stranger: "+what, try(stranger), notFound)
		}
		_, err := w.Store.Resign(t.Context(), w.Emma, parent.ID)
		want(t, "resign", err, suspended)
		if v := got[*models.GrantView](t)(w.Store.Grant(t.Context(), w.Emma, child.ID)); v.State != models.ServiceSuspended {
			t.Errorf("the grant's page says %q", v.State)
		}
		w.wantTold(t)
	})
}
