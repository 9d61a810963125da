package models_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

func TestASubscriberLeavesByTheirLink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		email := w.subscribers(t)[0]
		w.ListLink(t, equipeAddress, email, "t1")
		w.told(t, cast.Garrigue)
		for what, r := range map[string]*models.Subscription{
			"read": got[*models.Subscription](t)(w.Store.Subscription(t.Context(), "t1")),
			"used": got[*models.Subscription](t)(w.Store.Unsubscribe(t.Context(), "t1", "192.0.2.1")),
		} {
			if *r != (models.Subscription{Domain: cast.Garrigue, Name: equipe, Address: equipeAddress, Language: "fr", Email: email}) {
				t.Errorf("%s: %+v", what, r)
			}
		}
		w.wantTold(t, "- list.member_left "+equipeAddress)
		want(t, "used again", second(w.Store.Unsubscribe(t.Context(), "t1", "192.0.2.1")), oldLink)
		want(t, "read again", second(w.Store.Subscription(t.Context(), "t1")), oldLink)
		for _, token := range []string{"", "T1", "t", "\x00", "\xff", strings.Repeat("a", 100_000)} {
			want(t, "nobody's", second(w.Store.Unsubscribe(t.Context(), token, "192.0.2.1")), oldLink)
		}
		w.wantTold(t)
		if w.isSubscriber(t, email) {
			t.Error("still on the list")
		}
	})
}

func TestGuessesAtLinksWaitAndRealOnesDoNot(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		email := w.subscribers(t)[0]
		w.ListLink(t, equipeAddress, email, "t1")
		for i := range 50 {
			want(t, "a guess", second(w.Store.Unsubscribe(t.Context(), fmt.Sprint("g", i), "192.0.2.1")), oldLink)
		}
		var wait models.Throttled
		for range 3 {
			_, err := w.Store.Unsubscribe(t.Context(), "g", "192.0.2.1")
			_ = errors.As(err, &wait)
		}
		if wait.Wait == 0 {
			t.Error("a guesser need not wait")
		}
		want(t, "another peer", second(w.Store.Unsubscribe(t.Context(), "g", "192.0.2.2")), oldLink)
		must(t, second(w.Store.Unsubscribe(t.Context(), "t1", "192.0.2.1")))
	})
}

func TestALinkUsedTwiceAtOnceActsOnce(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	w.ListLink(t, equipeAddress, w.subscribers(t)[0], "t1")
	w.told(t, cast.Garrigue)
	outcomes := together(6, func(i int) string {
		s := []*models.Store{w.Store, other}[i%2]
		return outcome(second(s.Unsubscribe(t.Context(), "t1", "192.0.2.1")))
	})
	if outcomes[done]+outcomes[oldLink] != 6 || outcomes[done] == 0 {
		t.Errorf("%v", outcomes)
	}
	w.wantTold(t, "- list.member_left "+equipeAddress)
}
