package models_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// equipe is the list of the demo world, of six subscribers, which answers to rh@.
const equipe = "equipe"

// mail asks for a mailing of equipe.
func (w *world) mail(t testing.TB, by models.Actor) error {
	t.Helper()
	_, err := w.Store.MailMembers(t.Context(), by, cast.Garrigue, equipe, 1)
	return err
}

// works lets the store's jobs run; stop waits for them.
func (w *world) works(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Store.Work(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the worker ended with %v", err)
		}
	})
}

// settled waits until n mailings are in a state.
func (w *world) settled(t testing.TB, state models.MailingState, n int) {
	t.Helper()
	w.eventually(t, fmt.Sprintf("%d mailings %s", n, state), "SELECT count(*) FROM list_mailings WHERE state = '"+string(state)+"'", n)
}

func TestWhoMaySendTheSubscribersOfAList(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			who string
			by  models.Actor
			out string
		}{
			{"the owner", w.Alice, done},
			{"a service delegate", w.Bruno, done},
			{"an account delegate", w.Chloe, forbidden(policy.EditLists)},
			{"another owner", w.David, notFound},
			{"a stranger", w.Emma, notFound},
			{"nobody", models.Actor{}, notFound},
		} {
			before := w.Int(t, "SELECT count(*) FROM river_job WHERE kind = 'mail_members'")
			w.told(t, cast.Garrigue)
			want(t, c.who, w.mail(t, c.by), c.out)
			asked, told := w.Int(t, "SELECT count(*) FROM river_job WHERE kind = 'mail_members'")-before, w.told(t, cast.Garrigue)
			if asked != map[bool]int{true: 1}[c.out == done] || len(told) != asked || asked == 1 && !strings.HasSuffix(told[0], " list.mailed equipe@garrigue.example") {
				t.Errorf("%s: %d jobs, %q", c.who, asked, told)
			}
		}
		want(t, "a list that is not there", second(w.Store.MailMembers(t.Context(), w.Alice, cast.Garrigue, "none", 1)), notFound)
		want(t, "as it was before", second(w.Store.MailMembers(t.Context(), w.Alice, cast.Garrigue, equipe, 2)), models.ErrConflict.Error())
		w.list(t, cast.Garrigue, "vide")
		want(t, "nobody to send", second(w.Store.MailMembers(t.Context(), w.Alice, cast.Garrigue, "vide", 1)), ": list.mailing.empty")
		must(t, w.Store.SuspendService(t.Context(), cast.Garrigue))
		want(t, "suspended", w.mail(t, w.Alice), models.ErrSuspended.Error())
		if n := w.Int(t, "SELECT count(*) FROM list_mailings"); n != 2 {
			t.Errorf("%d mailings", n)
		}
	})
}

func TestAMailingIsCarriedOutAsItWasAsked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		recipient := got[string](t)(w.Store.MailMembers(t.Context(), w.Bruno, cast.Garrigue, equipe, 1))
		a := w.service(t, w.Alice, cast.Garrigue)
		_, list, err := w.Store.List(t.Context(), w.Alice, cast.Garrigue, equipe)
		must(t, err)
		if m := got[*models.Mailing](t)(w.Store.LastMailing(t.Context(), a, list)); m.State != models.MailingWaiting || m.SettledAt != nil || m.Recipient != recipient {
			t.Errorf("asked for: %+v", m)
		}
		events, _, err := w.Store.History(t.Context(), w.Alice, a, models.HistoryQuery{Size: 1})
		must(t, err)
		if d := events[0].Detail; events[0].Actor != cast.Bruno || d["recipient"].After != recipient || fmt.Sprint(d["subscribers"].After) != "6" {
			t.Errorf("told: %+v", events[0])
		}
		args := "args ->> '$'"
		if !w.Store.Embedded() {
			args = "args::text"
		}
		var said string
		must(t, w.SQL.QueryRowContext(t.Context(), "SELECT "+args+" FROM river_job WHERE kind = 'mail_members'").Scan(&said))
		if id := w.Int(t, "SELECT id FROM list_mailings"); strings.ReplaceAll(said, " ", "") != fmt.Sprintf(`{"mailing":%d}`, id) {
			t.Errorf("the job holds more than an id: %s", said)
		}
		defer w.works(t)()
		w.settled(t, models.MailingSent, 1)
		mails := w.Post.Mails()
		if len(mails) != 1 || mails[0].Recipient != "rh@garrigue.example" || mails[0].List.Address != "equipe@garrigue.example" || mails[0].AskedBy != cast.Bruno || mails[0].TimeZone != "Europe/Paris" {
			t.Fatalf("%+v", mails)
		}
		var addresses []string
		for _, m := range mails[0].Members {
			addresses = append(addresses, m.Email)
		}
		if len(addresses) != 6 || !slices.IsSorted(addresses) || !slices.Contains(addresses, "david@nguyen-velos.example") {
			t.Errorf("%q", addresses)
		}
		if m := got[*models.Mailing](t)(w.Store.LastMailing(t.Context(), a, list)); m.State != models.MailingSent || m.SettledAt == nil {
			t.Errorf("sent: %+v", m)
		}
		if m := got[*models.Mailing](t)(w.Store.LastMailing(t.Context(), w.service(t, w.Chloe, cast.Garrigue), list)); m != nil {
			t.Errorf("the holder of an account is told of it: %+v", m)
		}
	})
}

// Between the press and the job anything may happen: whoever asked is asked about again.
func TestAMailingWhoseGroundIsGoneIsNotSent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.list(t, cast.Garrigue, "two")
		w.member(t, cast.Garrigue, "two", models.Subscribers, "x@else.example")
		w.list(t, cast.Garrigue, "three")
		w.member(t, cast.Garrigue, "three", models.Subscribers, "x@else.example")
		must(t, w.mail(t, w.Bruno))
		must(t, second(w.Store.MailMembers(t.Context(), w.Alice, cast.Garrigue, "two", 1)))
		must(t, second(w.Store.MailMembers(t.Context(), w.Alice, cast.Garrigue, "three", 1)))

		share := w.Int(t, "SELECT g.id FROM grants g JOIN customers c ON c.id = g.grantee_id WHERE c.identifier = 'bm1002-mdt' AND g.domain = 'garrigue.example' AND g.kind = 'service'")
		must(t, second(w.Store.Revoke(t.Context(), w.Alice, int64(share))))
		n := listSettings("other@else.example")
		n.Version = 1
		must(t, w.Store.ChangeList(t.Context(), w.Alice, cast.Garrigue, "two", n))
		must(t, w.Store.DeleteList(t.Context(), w.Alice, cast.Garrigue, "three", "three"))
		w.list(t, cast.Garrigue, "three") // of the same name, and not the same
		w.member(t, cast.Garrigue, "three", models.Subscribers, "y@else.example")

		defer w.works(t)()
		w.settled(t, models.MailingDropped, 3)
		w.eventually(t, "the jobs are done", "SELECT count(*) FROM river_job WHERE kind = 'mail_members' AND state = 'completed'", 3)

		must(t, second(w.Store.MailMembers(t.Context(), w.Alice, cast.Garrigue, "three", 1)))
		w.settled(t, models.MailingSent, 1)
		if mails := w.Post.Mails(); len(mails) != 1 || mails[0].Members[0].Email != "y@else.example" {
			t.Errorf("%+v", mails)
		}
	})
}

func TestAMailingOfASuspendedServiceIsNotSent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.mail(t, w.Alice))
		must(t, w.Store.SuspendService(t.Context(), cast.Garrigue))
		defer w.works(t)()
		w.settled(t, models.MailingDropped, 1)
		if len(w.Post.Mails()) != 0 {
			t.Error("it was sent")
		}
	})
}

func TestARevocationBetweenTwoAttemptsStopsTheSecond(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.mail(t, w.Bruno))
		w.Post.Answer(func(*models.MemberMail) error { return errors.New("away") })
		defer w.works(t)()
		w.eventually(t, "a first attempt", "SELECT count(*) FROM river_job WHERE kind = 'mail_members' AND attempt >= 1 AND state <> 'running'", 1)
		share := w.Int(t, "SELECT g.id FROM grants g JOIN customers c ON c.id = g.grantee_id WHERE c.identifier = 'bm1002-mdt' AND g.domain = 'garrigue.example' AND g.kind = 'service'")
		must(t, second(w.Store.Revoke(t.Context(), w.Alice, int64(share))))
		w.Post.Answer(nil)
		w.settled(t, models.MailingDropped, 1)
		if len(w.Post.Mails()) != 0 {
			t.Error("the second attempt sent it")
		}
	})
}

// permanent is an error as the mailer's of a server that refuses.
type permanent struct{ error }

func (permanent) Permanent() bool { return true }

func TestWhatAMailServerSaysOfAMailing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.mail(t, w.Alice))
		var ids []int64
		w.Post.Answer(func(m *models.MemberMail) error {
			if ids = append(ids, m.ID); len(ids) == 1 {
				return errors.New("away")
			}
			return nil
		})
		stop := w.works(t)
		defer stop()
		w.settled(t, models.MailingSent, 1)
		stop()
		if len(ids) != 2 || ids[0] != ids[1] {
			t.Errorf("tried as %v", ids)
		}

		must(t, w.mail(t, w.Alice))
		tries := 0
		w.Post.Answer(func(*models.MemberMail) error { tries++; return permanent{errors.New("550 no")} })
		stop = w.works(t)
		defer stop()
		w.settled(t, models.MailingRefused, 1)
		w.eventually(t, "no attempt is left", "SELECT count(*) FROM river_job WHERE kind = 'mail_members' AND state = 'completed'", 2)
		stop()
		if tries != 1 {
			t.Errorf("a refusal was tried %d times", tries)
		}

		must(t, w.mail(t, w.Alice))
		w.Exec(t, "UPDATE river_job SET max_attempts = 2 WHERE kind = 'mail_members' AND state = 'available'")
		w.Post.Answer(func(*models.MemberMail) error { return errors.New("away") })
		stop = w.works(t)
		defer stop()
		w.settled(t, models.MailingFailed, 1)
		stop()
		if n := w.Int(t, "SELECT max(max_attempts) FROM river_job WHERE kind = 'mail_members'"); n != 10 {
			t.Errorf("%d attempts", n)
		}
	})
}

func TestAMailingThatNobodyCarriesOutIsGivenUp(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.mail(t, w.Alice))
		w.Clock.Move(23 * time.Hour)
		must(t, w.Store.Sweep(t.Context()))
		w.settled(t, models.MailingWaiting, 1)
		w.Clock.Move(time.Hour)
		must(t, w.Store.Sweep(t.Context()))
		w.settled(t, models.MailingFailed, 1)
		stop := w.works(t)
		w.eventually(t, "the job is done", "SELECT count(*) FROM river_job WHERE kind = 'mail_members' AND state = 'completed'", 1)
		stop()
		if len(w.Post.Mails()) != 0 {
			t.Error("it was sent after all")
		}
		w.Clock.Move(29 * 24 * time.Hour)
		must(t, w.Store.Sweep(t.Context()))
		if n := w.Int(t, "SELECT count(*) FROM list_mailings"); n != 0 {
			t.Errorf("%d mailings are kept", n)
		}
	})
}

func TestMailingsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.Clock.Stop()
		for range models.MailingsOfList {
			must(t, w.mail(t, w.Alice))
			w.Clock.Move(10 * time.Minute)
		}
		limit := func(minutes int) string {
			t.Helper()
			err := w.mail(t, w.Bruno)
			bad := models.Invalid{}
			if !errors.As(err, &bad) || bad[""][0].Key != "list.mailing.limit" || fmt.Sprint(bad[""][0].Args) != fmt.Sprint([]any{"Most", 3, "Minutes", minutes}) {
				t.Errorf("%#v, want to wait %d minutes", err, minutes)
			}
			return ""
		}
		limit(30)
		w.Clock.Move(29*time.Minute + 30*time.Second)
		limit(1)
		w.Clock.Move(30 * time.Second)
		must(t, w.mail(t, w.Bruno))
		limit(10)

		// Lists made anew have their own bound, and none goes round that of the service.
		sent := models.MailingsOfList // the first has left the hour
		for i := 0; sent < models.MailingsOfService; i++ {
			name := w.list(t, cast.Garrigue, fmt.Sprintf("l%02d", i))
			w.member(t, cast.Garrigue, name, models.Subscribers, "x@else.example")
			for range models.MailingsOfList {
				if sent < models.MailingsOfService {
					must(t, second(w.Store.MailMembers(ctx, w.Alice, cast.Garrigue, name, 1)))
					sent++
				}
			}
			must(t, w.Store.DeleteList(ctx, w.Alice, cast.Garrigue, name, name))
		}
		name := w.list(t, cast.Garrigue, "last")
		w.member(t, cast.Garrigue, name, models.Subscribers, "x@else.example")
		want(t, "of a service that has sent enough", second(w.Store.MailMembers(ctx, w.Alice, cast.Garrigue, name, 1)), ": list.mailing.service_limit")
	})
}

// Ten people press at the same moment.
func TestParallelRequestsNeverExceedTheMailingsOfAList(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var wait sync.WaitGroup
		for range 10 {
			wait.Go(func() {
				err := w.mail(t, w.Alice)
				if bad := new(models.Invalid); err != nil && !errors.As(err, bad) && !errors.Is(err, models.ErrBusy) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if n := w.Int(t, "SELECT count(*) FROM list_mailings"); n > models.MailingsOfList || n == 0 {
			t.Errorf("%d mailings", n)
		}
	})
}

func TestAPanelWithoutMailOffersNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	s := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now}))
	defer s.Close()
	_, err := s.MailMembers(t.Context(), w.Alice, cast.Garrigue, equipe, 1)
	want(t, "without mail", err, ": list.mailing.none")
	if s.Mails() || !w.Store.Mails() {
		t.Error("which of them mails is not told")
	}

	// It leaves the mail of others to those that can send.
	must(t, w.mail(t, w.Alice))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Work(ctx) }()
	w.eventually(t, "it works", "SELECT count(*) FROM river_job WHERE kind = 'sweep' AND state = 'completed'", 1)
	w.settled(t, models.MailingWaiting, 1)
	stop()
	must(t, <-ended)
	defer w.works(t)()
	w.settled(t, models.MailingSent, 1)
}
