package models_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

// asks has the list service ask something about equipe, and the panel do it.
func (w *world) asks(t testing.TB, kind, email string, message int64) {
	t.Helper()
	w.ListRequest(t, equipeAddress, kind, email, message)
	w.carries(t)
}

func (w *world) carries(t testing.TB) {
	t.Helper()
	must(t, w.Store.CarryListRequests(t.Context()))
	if n := w.Int(t, "SELECT count(*) FROM list_requests"); n != 0 {
		t.Errorf("%d requests are left", n)
	}
}

// subscribers are the addresses on equipe.
func (w *world) subscribers(t testing.TB) []string {
	t.Helper()
	return emails(got[*models.MemberPage](t)(w.Store.Members(t.Context(), w.Alice, cast.Garrigue, equipe, models.Subscribers, models.WalkQuery{})))
}

func (w *world) isSubscriber(t testing.TB, email string) bool {
	t.Helper()
	return slices.Contains(w.subscribers(t), email)
}

// state is how far a message has come, and by whom.
func (w *world) state(t testing.TB, id int64) (state, by string) {
	t.Helper()
	must(t, w.SQL.QueryRowContext(t.Context(), "SELECT state, settled_by FROM list_messages WHERE id = $1", id).Scan(&state, &by))
	return state, by
}

func TestSubscribingAndLeavingByMail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		w.asks(t, "subscribe", "Neuf@Else.Example", 0)
		w.wantTold(t, "- list.member_joined "+equipeAddress)
		if !w.isSubscriber(t, "neuf@else.example") {
			t.Error("not subscribed")
		}
		w.asks(t, "subscribe", "neuf@else.example", 0) // there already
		w.wantTold(t)
		w.ListLink(t, equipeAddress, "neuf@else.example", "t1")
		w.asks(t, "unsubscribe", "neuf@else.example", 0)
		w.wantTold(t, "- list.member_left "+equipeAddress)
		w.asks(t, "unsubscribe", "neuf@else.example", 0) // gone already
		w.wantTold(t)
		if n := w.Int(t, "SELECT count(*) FROM list_links"); w.isSubscriber(t, "neuf@else.example") || n != 0 {
			t.Errorf("still subscribed, %d links", n)
		}
		for i := range 4 { // one after the other, as they were asked
			w.ListRequest(t, equipeAddress, []string{"subscribe", "unsubscribe"}[i%2], "neuf@else.example", 0)
		}
		w.carries(t)
		w.wantTold(t, "- list.member_joined "+equipeAddress, "- list.member_left "+equipeAddress, "- list.member_joined "+equipeAddress, "- list.member_left "+equipeAddress)
	})
}

func TestWhoCannotSubscribeByMail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.subscribers(t)
		w.list(t, cast.Garrigue, "autre")
		w.member(t, cast.Garrigue, "autre", models.Subscribers, equipeAddress)
		w.told(t, cast.Garrigue)
		for what, email := range map[string]string{
			"the list itself": equipeAddress, "a list that leads back": "autre@garrigue.example", "no address": "nobody", "nothing": "", "a line too many": "a@else.example\nb@else.example", "markup": "<script>@else.example",
		} {
			w.asks(t, "subscribe", email, 0)
			if got := w.subscribers(t); !slices.Equal(got, before) {
				t.Errorf("%s: %q", what, got)
			}
		}
		most := len(before)
		must(t, w.Store.SetService(t.Context(), cast.Garrigue, models.ServiceLimits{MaxSubscribers: &most}))
		w.told(t, cast.Garrigue)
		w.asks(t, "subscribe", "neuf@else.example", 0)
		w.wantTold(t)
		if got := w.subscribers(t); !slices.Equal(got, before) {
			t.Errorf("beyond the limit: %q", got)
		}
	})
}

// Whoever wants to leave may, and mail goes on; nobody comes in.
func TestRequestsWhileAServiceIsSuspended(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		on := w.subscribers(t)
		w.ListLink(t, equipeAddress, on[1], "t1")
		id := w.held(t, "Un")
		must(t, w.Store.SuspendService(t.Context(), cast.Garrigue))
		w.told(t, cast.Garrigue)
		w.asks(t, "subscribe", "neuf@else.example", 0)
		w.asks(t, "approve", "rh@garrigue.example", id)
		w.asks(t, "reject", "rh@garrigue.example", id)
		w.wantTold(t)
		if state, _ := w.state(t, id); state != "held" {
			t.Errorf("the message is %s", state)
		}
		w.asks(t, "unsubscribe", on[0], 0)
		w.wantTold(t, "- list.member_left "+equipeAddress)
		must(t, second(w.Store.Unsubscribe(t.Context(), "t1", "192.0.2.1")))
		w.wantTold(t, "- list.member_left "+equipeAddress)
		for range models.BounceDays {
			w.asks(t, "bounced", on[2], 0)
			w.Clock.Move(24 * time.Hour)
		}
		w.wantTold(t, "- list.member_dropped "+equipeAddress)
		if got := w.subscribers(t); !slices.Equal(got, on[3:]) {
			t.Errorf("%q", got)
		}
	})
}

func TestMailThatComesBackOnFiveDaysEndsASubscription(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		email := w.subscribers(t)[0]
		days := func() int {
			for _, m := range got[*models.MemberPage](t)(w.Store.Members(t.Context(), w.Alice, cast.Garrigue, equipe, models.Subscribers, models.WalkQuery{})).Items {
				if m.Email == email {
					return m.Bounces
				}
			}
			return -1
		}
		bounces := func(want int) {
			t.Helper()
			for range 3 { // of one day
				w.asks(t, "bounced", email, 0)
			}
			if got := days(); got != want {
				t.Errorf("%d days, want %d", got, want)
			}
		}
		w.told(t, cast.Garrigue)
		w.Clock.Move(24*time.Hour - time.Duration(w.Store.Now().Sub(w.Store.Now().Truncate(24*time.Hour)))) // midnight, UTC
		bounces(1)
		w.Clock.Move(24*time.Hour - time.Second)
		bounces(1)
		w.Clock.Move(time.Second)
		bounces(2)
		w.Clock.Move(models.BouncesStand)
		bounces(3)
		w.Clock.Move(models.BouncesStand + time.Second)
		if got := days(); got != 0 {
			t.Errorf("%d days after two weeks without", got)
		}
		bounces(1)
		w.asks(t, "bounced", "nobody@else.example", 0) // no subscriber
		for i := range models.BounceDays - 2 {
			w.Clock.Move(24 * time.Hour)
			bounces(i + 2)
		}
		w.wantTold(t)
		w.Clock.Move(24 * time.Hour)
		bounces(-1)
		w.wantTold(t, "- list.member_dropped "+equipeAddress)
		if n := w.Int(t, "SELECT count(*) FROM list_bounces"); n != 0 {
			t.Errorf("%d counts outlive the subscription", n)
		}
		// What came on days on which nobody carried it out counts on those days.
		email = w.subscribers(t)[0]
		for range models.BounceDays - 1 {
			w.ListRequest(t, equipeAddress, "bounced", email, 0)
			w.Clock.Move(24 * time.Hour)
		}
		w.ListRequest(t, equipeAddress, "bounced", email, 0)
		w.carries(t)
		w.wantTold(t, "- list.member_dropped "+equipeAddress)
	})
}

func TestAModeratorDecidesByMail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const moderator, owner = "moderateur@else.example", "rh@garrigue.example"
		id := w.held(t, "Un")
		w.told(t, cast.Garrigue)
		w.asks(t, "approve", moderator, id)
		if state, _ := w.state(t, id); state != "held" {
			t.Errorf("by who is none: %s", state)
		}
		w.asks(t, "approve", owner, id) // who answers for a list without a moderator
		if state, by := w.state(t, id); state != "approved" || by != owner {
			t.Errorf("by the owner: %s by %s", state, by)
		}
		w.wantTold(t, "- list.message_approved "+equipeAddress)
		events, _, err := w.Store.History(t.Context(), w.Alice, w.service(t, w.Alice, cast.Garrigue), models.HistoryQuery{Size: 1})
		must(t, err)
		if d := events[0].Detail; d["moderator"].After != owner || d["subject"].After != "Un" {
			t.Errorf("%+v", d)
		}

		w.member(t, cast.Garrigue, equipe, models.Moderators, moderator)
		w.told(t, cast.Garrigue)
		id = w.held(t, "Deux")
		w.asks(t, "reject", owner, id)
		if state, _ := w.state(t, id); state != "held" {
			t.Errorf("by the owner of a list that has a moderator: %s", state)
		}
		w.asks(t, "reject", "Moderateur@Else.Example", id)
		w.asks(t, "approve", moderator, id) // too late
		if state, by := w.state(t, id); state != "rejected" || by != moderator {
			t.Errorf("by the moderator: %s by %s", state, by)
		}
		w.wantTold(t, "- list.message_rejected "+equipeAddress)

		id = w.held(t, "Gagnez")
		w.asks(t, "discard", moderator, id)
		if state, by := w.state(t, id); state != "discarded" || by != moderator {
			t.Errorf("without a word: %s by %s", state, by)
		}
		w.wantTold(t, "- list.message_discarded "+equipeAddress)

		w.list(t, cast.Garrigue, "autre")
		w.member(t, cast.Garrigue, "autre", models.Moderators, "intrus@else.example")
		id = w.held(t, "Trois")
		w.told(t, cast.Garrigue)
		w.ListRequest(t, "autre@garrigue.example", "approve", "intrus@else.example", id)
		w.carries(t)
		must(t, second(w.Store.RemoveMembers(t.Context(), w.Alice, cast.Garrigue, equipe, models.Moderators, []string{moderator})))
		w.told(t, cast.Garrigue)
		w.asks(t, "approve", moderator, id) // who is none any more
		if state, _ := w.state(t, id); state != "held" {
			t.Errorf("by a moderator of another list, or of before: %s", state)
		}
		w.wantTold(t)
	})
}

func TestRequestsAreCarriedOutAsSoonAsTheyAreMade(t *testing.T) {
	t.Parallel()
	w, _ := twice(t)
	defer w.works(t)()
	w.eventually(t, "the worker listens", "SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN mandat_list_requests' AND datname = current_database()", 1)
	w.ListRequest(t, equipeAddress, "subscribe", "neuf@else.example", 0)
	began := time.Now()
	w.eventually(t, "it is done", "SELECT count(*) FROM list_subscribers WHERE email = 'neuf@else.example'", 1)
	if took := time.Since(began); took > 5*time.Second { // the sweeper comes once a minute
		t.Errorf("after %v", took)
	}
	w.Exec(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN mandat_list_requests' AND datname = current_database()")
	w.ListRequest(t, equipeAddress, "unsubscribe", "neuf@else.example", 0)
	w.eventually(t, "it is done after the connection broke", "SELECT count(*) FROM list_subscribers WHERE email = 'neuf@else.example'", 0)
}

// However many processes carry requests out, while people change the list too.
func TestRequestsAreCarriedOutOnce(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	many := 5000
	must(t, w.Store.SetService(t.Context(), cast.Garrigue, models.ServiceLimits{MaxSubscribers: &many}))
	w.list(t, cast.Garrigue, "autre")
	before := w.Int(t, "SELECT count(*) FROM list_subscribers")
	w.told(t, cast.Garrigue)
	for i := range 200 {
		list := []string{equipeAddress, "autre@garrigue.example"}[i%2]
		w.ListRequest(t, list, "subscribe", fmt.Sprintf("n%d@else.example", i), 0)
		if i%4 == 0 {
			w.ListRequest(t, list, "unsubscribe", fmt.Sprintf("n%d@else.example", i), 0)
		}
	}
	outcomes := together(5, func(i int) string {
		switch i {
		case 0, 1:
			return outcome(w.Store.CarryListRequests(t.Context()))
		case 2, 3:
			return outcome(other.CarryListRequests(t.Context()))
		}
		return outcome(second(w.Store.AddMembers(t.Context(), w.Alice, cast.Garrigue, equipe, models.Subscribers, []string{"n2@else.example", "par.alice@else.example"})))
	})
	if outcomes[done] != 5 {
		t.Errorf("%v", outcomes)
	}
	w.carries(t)
	joined, left := 0, 0
	for _, e := range w.told(t, cast.Garrigue) {
		switch {
		case strings.HasPrefix(e, "- list.member_joined "):
			joined++
		case strings.HasPrefix(e, "- list.member_left "):
			left++
		}
	}
	if n := w.Int(t, "SELECT count(*) FROM list_subscribers") - before; joined != 200 && joined != 199 || left != 50 || n != 151 { // one of them may be Alice's
		t.Errorf("%d joined, %d left, %d more than before; want 200, 50 and 151", joined, left, n)
	}
	w.Holds(t)
}

// A request that fails by our own fault holds up no other.
func TestARequestThatFailsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w, _ := twice(t)
	w.Exec(t, `CREATE FUNCTION pg_temp_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.email = 'poison@else.example' THEN RAISE 'broken'; END IF; RETURN NEW; END $$`)
	w.Exec(t, `CREATE TRIGGER broken BEFORE INSERT ON panel.list_subscribers FOR EACH ROW EXECUTE FUNCTION pg_temp_refuse()`)
	for _, email := range []string{"a@else.example", "poison@else.example", "b@else.example"} {
		w.ListRequest(t, equipeAddress, "subscribe", email, 0)
	}
	if err := w.Store.CarryListRequests(t.Context()); err == nil {
		t.Error("nobody is told")
	}
	if !w.isSubscriber(t, "a@else.example") || !w.isSubscriber(t, "b@else.example") || w.Int(t, "SELECT count(*) FROM list_requests") != 1 {
		t.Errorf("%q", w.subscribers(t))
	}
	w.Exec(t, `DROP TRIGGER broken ON panel.list_subscribers`)
	must(t, w.Store.Sweep(t.Context()))
	if !w.isSubscriber(t, "poison@else.example") {
		t.Error("it is not tried again")
	}
}
