package models_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

func TestAnAccountIsChangedAtTheVersionShown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		change := func(by models.Actor, description string, size int64, version int, outcome string) {
			t.Helper()
			n := models.AccountSettings{Description: &description, Version: version}
			if size != 0 {
				n.SizeBytes = &size
			}
			want(t, fmt.Sprintf("%s writes %q at %d", w.name(by), description, version), w.Store.ChangeAccount(t.Context(), by, cast.Garrigue, "contact", n), outcome)
		}
		first := w.account(t, w.Alice, cast.Garrigue, "contact").Account.Version
		change(w.Chloe, "by Chloé", 0, first, done)
		change(w.Alice, "by Alice", 0, first, conflict)
		change(w.Alice, "by Alice", 0, first+2, conflict)
		change(w.Alice, " by   Chloé", 5*models.GB, first+1, done) // nothing differs
		w.wantTold(t, "cl1003-mdt account.changed contact@garrigue.example")
		change(w.Alice, "both", 4*models.GB, first+1, done)
		change(w.Alice, "", 0, first+2, done)
		w.wantTold(t, "ad1001-mdt account.changed contact@garrigue.example", "ad1001-mdt account.changed contact@garrigue.example")
		change(w.Alice, strings.Repeat("é", models.MaxDescription+1), 0, first+3, "description: account.description.long")
		change(w.Chloe, "with a size", 4*models.GB, first+3, forbidden(policy.LimitAccount))
		if a := w.account(t, w.Chloe, cast.Garrigue, "contact").Account; a.Description != "" || a.SizeBytes != 4*models.GB || a.Version != first+3 {
			t.Errorf("%+v", a)
		}
		must(t, w.Store.ChangeAccount(t.Context(), w.Alice, cast.Garrigue, "contact", models.AccountSettings{Version: first + 3}))
		w.wantTold(t)
	})
}

func TestBlockingTwiceIsBlockingOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		for _, c := range []struct {
			verb    func(context.Context, models.Actor, string, string) error
			blocked bool
		}{{w.Store.BlockAccount, true}, {w.Store.BlockAccount, true}, {w.Store.UnblockAccount, false}, {w.Store.UnblockAccount, false}} {
			must(t, c.verb(t.Context(), w.Bruno, cast.Garrigue, "rh"))
			if a := w.account(t, w.Alice, cast.Garrigue, "rh").Account; a.Blocked() != c.blocked {
				t.Errorf("blocked %v, want %v", a.Blocked(), c.blocked)
			}
		}
		w.wantTold(t, "bm1002-mdt account.blocked rh@garrigue.example", "bm1002-mdt account.unblocked rh@garrigue.example")
	})
}

func TestADeletionAsksForTheLocalPart(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for confirm, outcome := range map[string]string{
			"": "confirm: account.confirm.differs", "rh@garrigue.example": "confirm: account.confirm.differs", "r h": "confirm: account.confirm.differs", "\x00rh": "confirm: account.confirm.differs",
		} {
			want(t, "confirmed by "+confirm, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "rh", confirm), outcome)
		}
		want(t, "in capitals between spaces", w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "rh", " RH "), done)
		want(t, "twice", w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "rh", "rh"), notFound)
	})
}

func TestADeletedAccountIsGoneForEverybodyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		owner, holder := w.signIn(t, cast.Alice).Token, w.signIn(t, cast.Chloe).Token
		w.delegate(t, w.Alice, cast.Garrigue, "contact", cast.Emma, policy.Password, nil)
		must(t, w.Store.SetAccountPassword(t.Context(), w.Chloe, cast.Garrigue, "contact", goodPassword))
		w.told(t, cast.Garrigue)
		must(t, w.Store.DeleteAccount(t.Context(), w.Bruno, cast.Garrigue, "contact", "contact"))
		w.wantTold(t, "bm1002-mdt account.deleted contact@garrigue.example", "bm1002-mdt grant.object contact@garrigue.example cl1003-mdt", "bm1002-mdt grant.object contact@garrigue.example ep1005-mdt")

		for name, by := range map[string]models.Actor{"owner": w.Alice, "service delegate": w.Bruno, "account delegate": w.Chloe, "another": w.Emma} {
			_, err := w.Store.Account(t.Context(), by, cast.Garrigue, "contact")
			want(t, "the "+name+" reads", err, notFound)
			want(t, "the "+name+" describes", w.describe(t, by, cast.Garrigue, "contact", "still"), notFound)
		}
		_, err := w.Store.Service(t.Context(), w.Emma, cast.Garrigue)
		want(t, "who held nothing else reads the service", err, notFound)
		for token, rows := range map[string]int{owner: 0, holder: 0} {
			for _, q := range []models.AccountQuery{{Search: "contact"}, {Search: "site"}, {Search: "contact", Sort: "-used"}} {
				if list := got[*models.AccountList](t)(w.Store.Accounts(t.Context(), token, cast.Garrigue, q)); len(list.Items) != rows {
					t.Errorf("the list has %+v", list.Items)
				}
			}
		}
		for _, status := range models.AccountStatuses {
			list := got[*models.AccountList](t)(w.Store.Accounts(t.Context(), owner, cast.Garrigue, models.AccountQuery{Status: status, Size: 100}))
			if slices.ContainsFunc(list.Items, func(i models.AccountItem) bool { return i.LocalPart == "contact" }) {
				t.Errorf("the list of status %q has it", status)
			}
		}
	})
}

func TestADeletedAddressIsTakenUntilItsMailIsRemoved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		old := w.account(t, w.Alice, cast.Garrigue, "contact").Account
		must(t, w.describe(t, w.Chloe, cast.Garrigue, "contact", "what the old one was"))
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "contact", "contact"))
		again := models.NewAccount{Local: "contact"}
		_, err := w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, again)
		want(t, "at once", err, "local: account.local.taken")
		must(t, w.Store.Sweep(t.Context()))
		anew := got[*models.Account](t)(w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, again))
		if anew.ID == old.ID {
			t.Error("the new account is the old one")
		}
		_, err = w.Store.Account(t.Context(), w.Chloe, cast.Garrigue, "contact")
		want(t, "who held the old one reads the new one", err, notFound)

		w.delegate(t, w.Alice, cast.Garrigue, "contact", cast.Emma, 0, nil)
		events, _, err := w.Store.History(t.Context(), w.Emma, w.account(t, w.Emma, cast.Garrigue, "contact"), models.HistoryQuery{})
		must(t, err)
		if len(events) != 1 || events[0].AccountID != anew.ID {
			t.Errorf("the delegate of the new one is told %+v", events)
		}
		list := got[*models.GrantList](t)(w.Store.Grants(t.Context(), w.Alice, w.account(t, w.Alice, cast.Garrigue, "contact"), models.GrantQuery{}))
		if len(list.Grants) != 1 || list.Grants[0].Grantee != cast.Emma {
			t.Errorf("the new one is held by %+v", list.Grants)
		}
	})
}

func TestTheWorkerRemovesADeletedAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Store.Work(ctx) }()
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "rh", "rh"))
		w.eventually(t, "the job is done", "SELECT count(*) FROM river_job WHERE kind = 'remove_account' AND state = 'completed'", 1)
		if n := w.Int(t, "SELECT count(*) FROM addresses WHERE address = 'rh@garrigue.example'"); n != 0 {
			t.Error("the address is still taken")
		}
		got[*models.Account](t)(w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, models.NewAccount{Local: "rh"}))
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the worker ended with %v", err)
		}
	})
}

// eventually waits for another goroutine to bring a number about.
func (w *world) eventually(t testing.TB, what, query string, n int) {
	t.Helper()
	late := time.After(20 * time.Second)
	for w.Int(t, query) != n {
		select {
		case <-late:
			t.Fatalf("not after 20 seconds: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func TestAJobIsThereIfAndOnlyIfTheDeletionIs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		jobs := func() int { return w.Int(t, "SELECT count(*) FROM river_job WHERE kind = 'remove_account'") }
		want(t, "unconfirmed", w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "rh", ""), "confirm: account.confirm.differs")
		want(t, "forbidden", w.Store.DeleteAccount(t.Context(), w.Chloe, cast.Garrigue, "contact", "contact"), forbidden(policy.DeleteAccount))
		if n := jobs(); n != 0 {
			t.Errorf("%d jobs of deletions that were refused", n)
		}
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "rh", "rh"))
		if n := jobs(); n != 1 {
			t.Errorf("%d jobs, want 1", n)
		}
	})
}

func TestTheWordsOfAnAccountFollowItsDescription(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		words := func(local string, want ...string) {
			t.Helper()
			rows, err := w.SQL.QueryContext(t.Context(), "SELECT w.word FROM account_words w JOIN accounts a ON a.id = w.account_id WHERE a.address = '"+local+"@garrigue.example' ORDER BY w.word")
			must(t, err)
			defer rows.Close()
			var list []string
			for rows.Next() {
				var word string
				must(t, rows.Scan(&word))
				list = append(list, word)
			}
			slices.Sort(want)
			if !slices.Equal(list, want) {
				t.Errorf("%s is found by %q, want %q", local, list, want)
			}
		}
		words("elise.faure", "elise.faure", "elise", "faure")
		must(t, w.describe(t, w.Alice, cast.Garrigue, "elise.faure", "Direction, Élise"))
		words("elise.faure", "elise.faure", "elise", "faure", "direction")
		must(t, w.describe(t, w.Alice, cast.Garrigue, "elise.faure", ""))
		words("elise.faure", "elise.faure", "elise", "faure")
		got[*models.Account](t)(w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, models.NewAccount{Local: "x_y", Description: strings.Repeat("mot ", 40) + "fin"}))
		words("x_y", "x_y", "x", "y", "mot", "fin")
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "x_y", "x_y"))
		must(t, w.Store.Sweep(t.Context()))
		words("x_y")
	})
}

func TestASuspendedServiceIsReadAndNotChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.signIn(t, cast.Alice).Token
		must(t, w.Store.SuspendService(t.Context(), cast.Garrigue))
		must(t, w.Store.SuspendService(t.Context(), cast.Garrigue))
		w.told(t, cast.Garrigue)
		for what, try := range map[string]func(by models.Actor) error{
			"create": func(by models.Actor) error {
				return second(w.Store.CreateAccount(t.Context(), by, cast.Garrigue, models.NewAccount{Local: "new"}))
			},
			"describe": func(by models.Actor) error { return w.describe(t, by, cast.Garrigue, "contact", "new") },
			"password": func(by models.Actor) error {
				return w.Store.SetAccountPassword(t.Context(), by, cast.Garrigue, "contact", goodPassword)
			},
			"block":   func(by models.Actor) error { return w.Store.BlockAccount(t.Context(), by, cast.Garrigue, "contact") },
			"unblock": func(by models.Actor) error { return w.Store.UnblockAccount(t.Context(), by, cast.Garrigue, "contact") },
			"delete": func(by models.Actor) error {
				return w.Store.DeleteAccount(t.Context(), by, cast.Garrigue, "contact", "contact")
			},
		} {
			want(t, "the owner: "+what, try(w.Alice), suspended)
			want(t, "a service delegate: "+what, try(w.Bruno), suspended)
			want(t, "a stranger: "+what, try(w.David), notFound)
		}
		want(t, "an account delegate describes", w.describe(t, w.Chloe, cast.Garrigue, "contact", "new"), suspended)
		want(t, "an account delegate deletes", w.Store.DeleteAccount(t.Context(), w.Chloe, cast.Garrigue, "contact", "contact"), forbidden(policy.DeleteAccount))
		if a := w.account(t, w.Chloe, cast.Garrigue, "contact"); a.Service.State != models.ServiceSuspended {
			t.Errorf("%+v", a.Service)
		}
		if list := got[*models.AccountList](t)(w.Store.Accounts(t.Context(), token, cast.Garrigue, models.AccountQuery{})); len(list.Items) != 25 || list.Access.Service.State != models.ServiceSuspended {
			t.Errorf("%d rows of a service %q", len(list.Items), list.Access.Service.State)
		}
		w.wantTold(t)
		must(t, w.Store.ResumeService(t.Context(), cast.Garrigue))
		must(t, w.describe(t, w.Chloe, cast.Garrigue, "contact", "new"))
		w.wantTold(t, "- service.resumed garrigue.example", "cl1003-mdt account.changed contact@garrigue.example")
	})
}
