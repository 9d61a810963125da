package models_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// mailServer is one that may be away.
type mailServer struct{ away atomic.Bool }

func (m *mailServer) Disconnect(context.Context, string) error { return m.answer() }
func (m *mailServer) Remove(context.Context, string) error     { return m.answer() }

func (m *mailServer) answer() error {
	if m.away.Load() {
		return errors.New("connection refused")
	}
	return nil
}

func TestWhatAMailServerTakesPartInHasAQueueOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	attached := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now, Secret: modelstest.Secret, Mailboxes: &mailServer{}}))
	defer attached.Close()
	waits := func(queue string) int {
		return w.Int(t, "SELECT count(*) FROM river_job WHERE kind = 'remove_account' AND max_attempts = 13 AND queue = '"+queue+"'")
	}
	must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "rh", "rh"))
	if waits("default") != 1 || waits("mailboxes") != 0 {
		t.Error("without a mail server the removal does not wait where every process looks")
	}
	must(t, attached.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "contact", "contact"))
	if waits("default") != 1 || waits("mailboxes") != 1 {
		t.Error("a mail server that is away holds up what else is to be done")
	}
}

func TestAMailServerThatIsAwayIsAskedAgainAfterTheSamePauseForADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	server := &mailServer{}
	server.away.Store(true)
	s := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now, Secret: modelstest.Secret, Mailboxes: server}))
	defer s.Close()
	must(t, s.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "rh", "rh"))
	must(t, s.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "contact", "contact"))
	// One of each kind waits since yesterday.
	w.Exec(t, "UPDATE river_job SET created_at = created_at - interval '25 hours' WHERE id IN (SELECT min(id) FROM river_job WHERE queue = 'mailboxes' GROUP BY kind)")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Work(ctx) }()
	const soon = "SELECT count(*) FROM river_job WHERE queue = 'mailboxes' AND state = 'scheduled' AND attempt = 0 AND scheduled_at BETWEEN now() + interval '10 seconds' AND now() + interval '20 seconds'"
	w.eventually(t, "both kinds are tried again after a short pause", soon, 2)
	w.eventually(t, "what has waited for a day has used up an attempt", "SELECT count(*) FROM river_job WHERE queue = 'mailboxes' AND cardinality(errors) > 0", 2)
	server.away.Store(false)
	w.Exec(t, "UPDATE river_job SET scheduled_at = now() WHERE queue = 'mailboxes'")
	w.eventually(t, "all is done", "SELECT count(*) FROM river_job WHERE queue = 'mailboxes' AND state = 'completed'", 4)
	stop()
	must(t, <-ended)
}

// The panel may be killed in the middle of anything.
func TestWhatAKilledProcessWasDoingIsDoneSoonAfter(t *testing.T) {
	lost := func(t *testing.T, w *world, s *models.Store, kind string, after time.Duration) {
		// Both were taken; of one there may be somebody who works on it still.
		taken := "UPDATE river_job SET state = 'running', attempt = 1, attempted_at = $1 WHERE kind = '" + kind + "'"
		w.Exec(t, taken, time.Now().UTC().Add(-after))
		w.Exec(t, taken+" AND id = (SELECT max(id) FROM river_job WHERE kind = '"+kind+"')", time.Now().UTC().Add(-after/2))
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Work(ctx) }()
		w.eventually(t, "the lost one is done", "SELECT count(*) FROM river_job WHERE kind = '"+kind+"' AND state = 'completed'", 1)
		if n := w.Int(t, "SELECT count(*) FROM river_job WHERE kind = '"+kind+"' AND state = 'running'"); n != 1 {
			t.Error("what somebody works on is taken from them")
		}
		stop()
		must(t, <-ended)
	}
	each(t, func(t *testing.T, w *world) {
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "rh", "rh"))
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "contact", "contact"))
		lost(t, w, w.Store, "remove_account", 90*time.Second)
	})
	t.Run("sessions", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, modelstest.OnPostgres(t))
		s := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now, Secret: modelstest.Secret, Mailboxes: &mailServer{}}))
		defer s.Close()
		must(t, s.BlockAccount(t.Context(), w.Alice, cast.Garrigue, "rh"))
		must(t, s.BlockAccount(t.Context(), w.Alice, cast.Garrigue, "contact"))
		lost(t, w, s, "disconnect", 45*time.Second)
	})
}

// One job must come to its end before its time is over.
func TestManySessionsAreEndedByManyJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	s := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now, Secret: modelstest.Secret, Mailboxes: &mailServer{}}))
	defer s.Close()
	list := got[*models.AccountList](t)(s.Accounts(t.Context(), w.signIn(t, cast.Alice).Token, cast.Garrigue, models.AccountQuery{Size: 25}))
	locals := make([]string, len(list.Items))
	for i, a := range list.Items {
		locals[i] = a.LocalPart
	}
	must(t, second(s.BlockAccounts(t.Context(), w.Alice, cast.Garrigue, locals)))
	const addresses = "SELECT COALESCE(max(jsonb_array_length(args->'addresses')), 0) FROM river_job WHERE kind = 'disconnect'"
	if jobs, most := w.Int(t, "SELECT count(*) FROM river_job WHERE kind = 'disconnect'"), w.Int(t, addresses); jobs != 2 || most != 20 {
		t.Errorf("%d jobs, of %d addresses at most, for %d", jobs, most, len(locals))
	}
}
