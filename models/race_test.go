package models_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// Two stores on one PostgreSQL, each with its own connections, are to each
// other what two processes are: only the database stands between them.

// twice is a world with a second store on its database.
func twice(t *testing.T) (*world, *models.Store) {
	t.Helper()
	w := newWorld(t, modelstest.OnPostgres(t))
	accounts, total := 1_000_000, int64(1e16)
	must(t, w.Store.SetService(t.Context(), cast.Garrigue, models.ServiceLimits{MaxAccounts: &accounts, MaxBytes: &total}))
	t.Cleanup(func() { w.Holds(t) })
	return w, w.another(t)
}

func (w *world) another(t *testing.T) *models.Store {
	t.Helper()
	s := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now, Secret: modelstest.Secret}))
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// rounds is how often a race is run.
func rounds(least int) int {
	if nightly() {
		return 50 * least
	}
	return least
}

func TestNothingOfADelegateSucceedsAfterTheirRevocation(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	ctx := t.Context()
	token := w.signIn(t, cast.Emma).Token
	var after, before atomic.Int64 // successes begun after the answer, and at all
	for round := range rounds(15) {
		share := w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Password|policy.Delegate, nil)
		w.delegate(t, w.Alice, cast.Garrigue, "info", cast.Emma, policy.Password, nil)
		var revoked atomic.Bool
		var stop sync.WaitGroup
		hammer := func(s *models.Store, what string, do func(ctx context.Context, s *models.Store, n int) error) {
			stop.Go(func() {
				for n := 0; ; n++ {
					gone := revoked.Load()
					switch err := do(ctx, s, n); {
					case err == nil && gone:
						after.Add(1)
						t.Errorf("round %d: %s succeeded after the revocation was answered", round, what)
						return
					case err == nil:
						before.Add(1)
					case gone && errors.Is(err, models.ErrNotFound):
						return
					case !gone && !errors.Is(err, models.ErrNotFound) && !errors.Is(err, models.ErrConflict) && !errors.Is(err, models.ErrBusy):
						t.Errorf("round %d: %s: %v", round, what, err)
						return
					}
				}
			})
		}
		for i, s := range []*models.Store{w.Store, other} {
			hammer(s, "to create an account", func(ctx context.Context, s *models.Store, n int) error {
				return second(s.CreateAccount(ctx, w.Emma, cast.Garrigue, models.NewAccount{Local: fmt.Sprintf("r%d-%d-%d", round, i, n), SizeBytes: models.GB}))
			})
			hammer(s, "to describe one", func(ctx context.Context, s *models.Store, n int) error {
				text := fmt.Sprintf("round %d by %d: %d", round, i, n)
				a, err := s.Account(ctx, w.Emma, cast.Garrigue, "info")
				if err != nil {
					return err
				}
				return s.ChangeAccount(ctx, w.Emma, cast.Garrigue, "info", models.AccountSettings{Description: &text, Version: a.Account.Version})
			})
		}
		hammer(other, "to set a password", func(ctx context.Context, s *models.Store, _ int) error {
			return s.SetAccountPassword(ctx, w.Emma, cast.Garrigue, "info", goodPassword)
		})
		hammer(other, "to pass an account on", func(ctx context.Context, s *models.Store, _ int) error {
			r, err := s.DelegateAccount(ctx, w.Emma, cast.Garrigue, "rh", request(0, cast.David))
			if err == nil && len(r.Given) == 0 { // David holds it already
				return models.ErrConflict
			}
			return err
		})
		hammer(w.Store, "to list", func(ctx context.Context, s *models.Store, _ int) error {
			return second(s.Accounts(ctx, token, cast.Garrigue, models.AccountQuery{}))
		})
		for before.Load() < int64(10*(round+1)) && !t.Failed() {
			if _, err := w.Store.Service(ctx, w.Emma, cast.Garrigue); err != nil {
				t.Fatal(err)
			}
		}
		account := got[*models.GrantList](t)(w.Store.Grants(ctx, w.Alice, w.account(t, w.Alice, cast.Garrigue, "info"), models.GrantQuery{})).Grants[0]
		if _, err := w.Store.Revoke(ctx, w.Alice, account.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Revoke(ctx, w.Alice, share.ID); err != nil {
			t.Fatal(err)
		}
		revoked.Store(true)
		stop.Wait()
		if t.Failed() {
			return
		}
		for _, local := range []string{"info", "rh"} {
			if n := w.Int(t, "SELECT count(*) FROM grants WHERE ended_at IS NULL AND domain = 'garrigue.example' AND local_part = '"+local+"'"); n != 0 {
				t.Fatalf("round %d: %d grants in force on %s@", round, n, local)
			}
		}
	}
	t.Logf("%d uses before the revocations, %d after", before.Load(), after.Load())
}

func TestTheSameGrantTwiceAtOnceIsOneGrant(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	stores := []*models.Store{w.Store, other}
	for round := range rounds(10) {
		outcomes := together(8, func(i int) string {
			var r *models.GrantResult
			var err error
			if i%2 == 0 {
				r, err = stores[i/2%2].ShareService(t.Context(), w.Alice, cast.Atelier, request(0, cast.Emma, cast.David))
			} else {
				r, err = stores[i/2%2].DelegateAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"rh", "info"}, request(0, cast.David, cast.Emma))
			}
			if err != nil {
				return err.Error()
			}
			return fmt.Sprintf("%d: %d given, %d refused", i%2, len(r.Given), len(r.Refused))
		})
		if outcomes["0: 2 given, 0 refused"] != 1 || outcomes["0: 0 given, 2 refused"] != 3 || outcomes["1: 4 given, 0 refused"] != 1 || outcomes["1: 0 given, 2 refused"] != 3 {
			t.Fatalf("round %d: %v", round, outcomes)
		}
		w.endAll(t)
	}
}

// endAll revokes whatever is in force of Emma's and David's, as Alice.
func (w *world) endAll(t *testing.T) {
	t.Helper()
	for {
		id := w.Int(t, fmt.Sprintf("SELECT COALESCE(min(id), 0) FROM grants WHERE ended_at IS NULL AND grantee_id IN (%d, %d)", w.Emma.Customer, w.David.Customer))
		if id == 0 {
			return
		}
		must(t, second(w.Store.Revoke(t.Context(), w.Alice, int64(id))))
	}
}

func TestAnAccountDeletedWhileItIsDelegatedIsHeldByNobody(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	for round := range rounds(15) {
		local := fmt.Sprintf("del%d", round)
		must(t, second(w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, models.NewAccount{Local: local, SizeBytes: models.GB})))
		outcomes := together(3, func(i int) string {
			switch i {
			case 0:
				return "delete " + outcome(w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, local, local))
			case 1:
				return "delegate " + outcome(second(other.DelegateAccount(t.Context(), w.Alice, cast.Garrigue, local, request(0, cast.Emma))))
			}
			return "delegate " + outcome(second(w.Store.DelegateAccounts(t.Context(), w.Alice, cast.Garrigue, []string{local}, request(0, cast.David))))
		})
		if outcomes["delete "] != 1 || outcomes["delegate "]+outcomes["delegate "+notFound] != 2 {
			t.Fatalf("round %d: %v", round, outcomes)
		}
		w.Holds(t)
		if t.Failed() {
			t.Fatalf("round %d: %v", round, outcomes)
		}
		must(t, w.Store.Sweep(t.Context()))
	}
}

func TestTwoUndoAtOnceRestoreOnce(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	for round := range rounds(10) {
		parent, _ := w.passing(t, 0, nil)
		must(t, second(w.Store.Revoke(t.Context(), w.Alice, parent.ID)))
		w.told(t, cast.Garrigue)
		outcomes := together(4, func(i int) string {
			return outcome(second([]*models.Store{w.Store, other}[i%2].Restore(t.Context(), w.Alice, parent.ID)))
		})
		if outcomes[done] != 4 {
			t.Fatalf("round %d: %v", round, outcomes)
		}
		w.wantTold(t, "ad1001-mdt grant.restored garrigue.example ep1005-mdt", "ad1001-mdt grant.restored rh@garrigue.example dn1004-mdt")
		w.endAll(t)
	}
}

func TestAnUndoAndANewGrantAtOnceAreOneGrant(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	for round := range rounds(15) {
		g := w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, nil)
		must(t, second(w.Store.Revoke(t.Context(), w.Alice, g.ID)))
		outcomes := together(2, func(i int) string {
			if i == 0 {
				return "undo " + outcome(second(w.Store.Restore(t.Context(), w.Alice, g.ID)))
			}
			r, err := other.ShareService(t.Context(), w.Alice, cast.Garrigue, request(0, cast.Emma))
			if err == nil && len(r.Refused) == 1 {
				return "share " + r.Refused[0].Message.Key
			}
			return "share " + outcome(err)
		})
		if !(outcomes["undo "] == 1 && outcomes["share grant.refused.held"] == 1 || outcomes["undo grant: grant.restore.taken"] == 1 && outcomes["share "] == 1) {
			t.Fatalf("round %d: %v", round, outcomes)
		}
		w.endAll(t)
	}
}

func TestADoubleClickOnTwoProcessesActsOnce(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	se := w.signIn(t, cast.Alice).Session
	for round := range rounds(15) {
		by := w.form(t, se)
		outcomes := together(4, func(i int) string {
			return outcome(second([]*models.Store{w.Store, other}[i%2].CreateAccount(t.Context(), by, cast.Garrigue, models.NewAccount{Local: fmt.Sprintf("click%d-%d", round, i), SizeBytes: models.GB})))
		})
		if outcomes[done] != 1 || outcomes[repeated] != 3 {
			t.Fatalf("round %d: %v", round, outcomes)
		}
	}
}

func TestALinkUsedTwiceAtTheSameMomentWorksOnce(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	token, _, err := w.Store.NewPasswordLink(t.Context(), cast.Emma)
	must(t, err)
	conn := got[*pgx.Conn](t)(pgx.Connect(t.Context(), w.URL))
	defer conn.Close(context.Background())
	hold := got[pgx.Tx](t)(conn.Begin(t.Context()))
	must(t, second(hold.Exec(t.Context(), "SELECT 1 FROM panel.customers WHERE identifier = 'ep1005-mdt' FOR UPDATE")))
	outcomes := make(chan string)
	for _, s := range []*models.Store{w.Store, other} {
		go func() { outcomes <- outcome(s.UsePasswordLink(t.Context(), token, goodPassword)) }()
	}
	// Both have read the link, or wait to, before one of them can go on.
	w.eventually(t, "both wait", "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'", 2)
	must(t, hold.Rollback(t.Context()))
	if one, two := <-outcomes, <-outcomes; one+two != oldLink {
		t.Errorf("%s and %s; want one of them", orDone(one), orDone(two))
	}
}

// A change through a form of a session, or nothing: never a change after the sign-out was answered.
func TestNothingOfASessionSucceedsAfterItsSignOut(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	for round := range rounds(10) {
		se := w.signIn(t, cast.Alice).Session
		var out atomic.Bool
		var stop sync.WaitGroup
		for _, s := range []*models.Store{w.Store, other} {
			stop.Go(func() {
				for block := true; ; block = !block {
					gone := out.Load()
					verb := s.UnblockAccount
					if block {
						verb = s.BlockAccount
					}
					switch err := verb(t.Context(), w.form(t, se), cast.Garrigue, "rh"); {
					case err == nil && gone:
						t.Errorf("round %d: a change succeeded after the sign-out", round)
						return
					case errors.Is(err, models.ErrSignedOut):
						return
					case err != nil:
						t.Errorf("round %d: %v", round, err)
						return
					}
				}
			})
		}
		must(t, w.Store.SignOut(t.Context(), se.ID))
		out.Store(true)
		stop.Wait()
	}
}

func TestManyProcessesGuessNoMoreThanOne(t *testing.T) {
	t.Parallel()
	w, _ := twice(t)
	stores := []*models.Store{w.Store}
	for range 5 {
		stores = append(stores, w.another(t))
	}
	for _, s := range stores { // open their connections
		together(4, func(int) string { return outcome(s.Ready(t.Context())) })
	}
	w.cheap(t, cast.Emma)
	for round := range rounds(3) {
		outcomes := together(60, func(i int) string {
			_, err := stores[i%len(stores)].SignIn(t.Context(), models.Credentials{Identifier: cast.Emma, Password: "not the password", Peer: fmt.Sprintf("198.51.100.%d", i)}, "")
			return outcome(err)
		})
		if outcomes[signedOut] > 10 || outcomes[signedOut]+outcomes["throttled"] != 60 {
			t.Fatalf("round %d: %v; want at most ten judged", round, outcomes)
		}
		w.Clock.Move(25 * time.Hour)
		must(t, w.Store.Sweep(t.Context()))
	}
}
