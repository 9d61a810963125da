package models_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// listSettings are settings as the form offers them.
func listSettings(owner string) models.ListSettings {
	return models.ListSettings{Owner: owner, ReplyTo: models.ReplyToList, Language: "fr", Posting: models.PostingSubscribers}
}

func newList(name string) models.NewList {
	return models.NewList{Name: name, ListSettings: listSettings("alice@garrigue.example")}
}

// list makes one of Alice's and says its name.
func (w *world) list(t testing.TB, domain, name string) string {
	t.Helper()
	got[*models.List](t)(w.Store.CreateList(t.Context(), w.Alice, domain, newList(name)))
	return name
}

// member adds addresses as Alice and wants them all added.
func (w *world) member(t testing.TB, domain, name string, k models.MemberKind, addresses ...string) {
	t.Helper()
	r := got[*models.MemberResult](t)(w.Store.AddMembers(t.Context(), w.Alice, domain, name, k, addresses))
	if len(r.Done) != len(addresses) {
		t.Fatalf("%d added of %d: %v", len(r.Done), len(addresses), r.Refused)
	}
}

// emails are the members of a page.
func emails(p *models.MemberPage) (list []string) {
	for _, m := range p.Items {
		list = append(list, m.Email)
	}
	return list
}

func TestWhoMayDoWhatToAList(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.list(t, cast.Garrigue, "clients")
		no := forbidden(policy.EditLists)
		for _, c := range []struct {
			who  string
			by   models.Actor
			want string
			gone string // for a list that is not there
		}{
			{"the owner", w.Alice, done, notFound},
			{"a service delegate", w.Bruno, done, notFound},
			{"the holder of an account", w.Chloe, no, no},
			{"a stranger", w.David, notFound, notFound},
			{"the holder of nothing", w.Emma, notFound, notFound},
		} {
			for name, wanted := range map[string]string{"clients": c.want, "none": c.gone} {
				version := 0
				if _, l, err := w.Store.List(ctx, w.Alice, cast.Garrigue, name); err == nil {
					version = l.Version
				}
				settings := listSettings("bruno@garrigue.example")
				settings.Version = version
				_, _, err := w.Store.List(ctx, c.by, cast.Garrigue, name)
				want(t, c.who+" reads "+name, err, wanted)
				want(t, c.who+" changes "+name, w.Store.ChangeList(ctx, c.by, cast.Garrigue, name, settings), wanted)
				for _, k := range []models.MemberKind{models.Subscribers, models.Moderators} {
					want(t, c.who+" reads the members of "+name, second(w.Store.Members(ctx, c.by, cast.Garrigue, name, k, models.WalkQuery{})), wanted)
					want(t, c.who+" adds to "+name, second(w.Store.AddMembers(ctx, c.by, cast.Garrigue, name, k, []string{"x@else.example"})), wanted)
					want(t, c.who+" removes from "+name, second(w.Store.RemoveMembers(ctx, c.by, cast.Garrigue, name, k, []string{"x@else.example"})), wanted)
				}
				asked := wanted
				if wanted == done {
					asked = "confirm: list.confirm.differs"
				}
				want(t, c.who+" deletes "+name, w.Store.DeleteList(ctx, c.by, cast.Garrigue, name, "else"), asked)
			}
			want(t, c.who+" creates", second(w.Store.CreateList(ctx, c.by, cast.Garrigue, newList(fmt.Sprintf("l%d", c.by.Customer)))), c.want)
		}
	})
}

func TestAListIsMadeAsTyped(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		got[*models.List](t)(w.Store.CreateList(t.Context(), w.Alice, cast.Garrigue, models.NewList{Name: " Clients ", ListSettings: models.ListSettings{
			Owner: "Alice@Durand.example", ReplyTo: " Reponses@Garrigue.example", Language: "en", Posting: models.PostingModerated,
		}}))
		a, l, err := w.Store.List(t.Context(), w.Bruno, cast.Garrigue, "clients")
		must(t, err)
		if l.Address != "clients@garrigue.example" || l.OwnerEmail != "alice@durand.example" || l.ReplyTo != "reponses@garrigue.example" || l.Posting != models.PostingModerated || l.Version != 1 || a.Service.ListCount != 2 {
			t.Errorf("%+v, %d lists", l, a.Service.ListCount)
		}
	})
}

func TestNamesAndSettingsThatDoNotDo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.list(t, cast.Garrigue, "clients")
		for name, wanted := range map[string]string{
			"": "name: address.local.empty", "a b": "name: address.local.characters", "postmaster": "name: list.name.reserved", "Abuse": "name: list.name.reserved",
			"contact": "name: list.name.taken", "clients": "name: list.name.taken", strings.Repeat("a", 65): "name: address.local.long",
		} {
			want(t, name, second(w.Store.CreateList(ctx, w.Alice, cast.Garrigue, newList(name))), wanted)
		}
		for _, c := range []struct {
			n      models.ListSettings
			wanted string
		}{
			{models.ListSettings{}, "language: list.language.unknown, owner: address.shape, posting: list.posting.unknown, reply_to: address.shape"},
			{models.ListSettings{Owner: "neuve@garrigue.example", ReplyTo: "neuve@garrigue.example", Language: "fr", Posting: models.PostingEveryone}, "owner: list.itself, reply_to: list.itself"},
			{models.ListSettings{Owner: "é@garrigue.example", ReplyTo: "sender", Language: "FR", Posting: "all"}, "language: list.language.unknown, owner: address.mailbox.characters, posting: list.posting.unknown"},
		} {
			want(t, "create", second(w.Store.CreateList(ctx, w.Alice, cast.Garrigue, models.NewList{Name: "neuve", ListSettings: c.n})), c.wanted)
			if c.n.Owner != "neuve@garrigue.example" {
				want(t, "change", w.Store.ChangeList(ctx, w.Alice, cast.Garrigue, "clients", c.n), c.wanted)
			}
		}
		// An account or a redirection cannot take the address either.
		want(t, "an account", second(w.Store.CreateAccount(ctx, w.Alice, cast.Garrigue, models.NewAccount{Local: "clients"})), "local: account.local.taken")
	})
}

func TestAServiceHasNoMoreListsThanItsLimit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(t, "UPDATE services SET max_lists = 2 WHERE domain = '"+cast.Atelier+"'")
		w.list(t, cast.Atelier, "one")
		w.list(t, cast.Atelier, "two")
		want(t, "a third", second(w.Store.CreateList(t.Context(), w.Alice, cast.Atelier, newList("three"))), "name: list.limit")
		must(t, w.Store.DeleteList(t.Context(), w.Alice, cast.Atelier, "one", " ONE "))
		w.list(t, cast.Atelier, "three")
	})
}

func TestTheHistoryOfAList(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.told(t, cast.Garrigue)
		w.list(t, cast.Garrigue, "clients")
		n := listSettings("bruno@garrigue.example")
		n.Version = 1
		must(t, w.Store.ChangeList(ctx, w.Bruno, cast.Garrigue, "clients", n))
		want(t, "an older page", w.Store.ChangeList(ctx, w.Alice, cast.Garrigue, "clients", n), models.ErrConflict.Error())
		n.Version = 2
		must(t, w.Store.ChangeList(ctx, w.Alice, cast.Garrigue, "clients", n)) // nothing differs
		w.member(t, cast.Garrigue, "clients", models.Subscribers, "a@else.example", "b@else.example")
		w.member(t, cast.Garrigue, "clients", models.Moderators, "a@else.example")
		for _, k := range []models.MemberKind{models.Subscribers, models.Moderators} {
			got[*models.MemberResult](t)(w.Store.RemoveMembers(ctx, w.Alice, cast.Garrigue, "clients", k, []string{"a@else.example", "c@else.example"}))
			got[*models.MemberResult](t)(w.Store.RemoveMembers(ctx, w.Alice, cast.Garrigue, "clients", k, []string{"c@else.example"}))
		}
		must(t, w.Store.DeleteList(ctx, w.Alice, cast.Garrigue, "clients", "clients"))
		const list = " clients@garrigue.example"
		w.wantTold(t, cast.Alice+" list.created"+list, cast.Bruno+" list.changed"+list, cast.Alice+" list.members_added"+list, cast.Alice+" list.moderators_added"+list,
			cast.Alice+" list.members_removed"+list, cast.Alice+" list.moderators_removed"+list, cast.Alice+" list.deleted"+list)
		events, _, err := w.Store.History(ctx, w.Alice, w.service(t, w.Alice, cast.Garrigue), models.HistoryQuery{})
		must(t, err)
		if d := events[0].Detail["subscribers"]; d.Before != float64(1) || d.After != nil {
			t.Errorf("deleted: %v", events[0].Detail)
		}
		if d := events[4].Detail; d["subscribers"].After != float64(2) || d["addresses"].After != "a@else.example, b@else.example" {
			t.Errorf("added: %v", d)
		}
		if d := events[5].Detail; len(d) != 1 || d["owner"] != (models.Change{Before: "alice@garrigue.example", After: "bruno@garrigue.example"}) {
			t.Errorf("changed: %v", d)
		}
	})
}

func TestMembersAsPeoplePasteThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.list(t, cast.Garrigue, "clients")
		w.member(t, cast.Garrigue, "clients", models.Subscribers, "there@else.example")
		r := got[*models.MemberResult](t)(w.Store.AddMembers(t.Context(), w.Alice, cast.Garrigue, "clients", models.Subscribers, strings.Split(strings.Join([]string{
			"  Anna@Else.example ", "", "Bernard Petit <bernard@else.example>", `"Petit, Chloé" <c+news@else.example>,`, "<d@else.example>;", "anna@ELSE.example\r",
			"THERE@else.example", "e@bücher.example", "clients@garrigue.example", "not an address", "<script>alert(1)</script>", "f@else.example\x07",
		}, "\n"), "\n")))
		if want := []string{"anna@else.example", "bernard@else.example", "c+news@else.example", "d@else.example", "e@xn--bcher-kva.example", "f@else.example"}; !slices.Equal(r.Done, want) {
			t.Errorf("added %q, want %q", r.Done, want)
		}
		if !slices.Equal(r.Same, []string{"there@else.example"}) || r.Doubles != 1 {
			t.Errorf("there already %q, %d doubles", r.Same, r.Doubles)
		}
		var refused []string
		for _, l := range r.Refused {
			refused = append(refused, l.Line+": "+l.Message.Key)
		}
		if want := []string{"not an address: address.shape", "<script>alert(1)</script>: address.shape", "clients@garrigue.example: list.itself"}; !slices.Equal(refused, want) {
			t.Errorf("refused %q, want %q", refused, want)
		}
		want(t, "nothing", second(w.Store.AddMembers(t.Context(), w.Alice, cast.Garrigue, "clients", models.Subscribers, []string{" ", ""})), "members: list.members.none")
	})
}

func TestFiveThousandLinesAndNoMore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.list(t, cast.Garrigue, "clients")
		lines := make([]string, models.MaxMemberLines+1)
		for i := range lines {
			lines[i] = fmt.Sprintf("m%04d@else.example", i)
		}
		want(t, "too many", second(w.Store.AddMembers(t.Context(), w.Alice, cast.Garrigue, "clients", models.Subscribers, lines)), "members: list.members.many")
		w.member(t, cast.Garrigue, "clients", models.Subscribers, lines[:models.MaxMemberLines]...)
		r := got[*models.MemberResult](t)(w.Store.AddMembers(t.Context(), w.Alice, cast.Garrigue, "clients", models.Subscribers, lines[models.MaxMemberLines-1:]))
		if len(r.Same) != 1 || len(r.Refused) != 1 || r.Refused[0].Message.Key != "list.subscribers.limit" {
			t.Errorf("beyond the limit: %+v", r)
		}
		if n := w.Int(t, "SELECT length(CAST(detail AS text)) FROM events WHERE kind = 'list.members_added' AND object = 'clients@garrigue.example'"); n > 10_000 {
			t.Errorf("the history keeps %d characters", n)
		}
		r = got[*models.MemberResult](t)(w.Store.RemoveMembers(t.Context(), w.Alice, cast.Garrigue, "clients", models.Subscribers, lines[:models.MaxMemberLines]))
		if len(r.Done) != models.MaxMemberLines {
			t.Errorf("%d removed", len(r.Done))
		}
	})
}

func TestAListHasFiftyModerators(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.list(t, cast.Garrigue, "clients")
		lines := make([]string, models.MaxModerators+1)
		for i := range lines {
			lines[i] = fmt.Sprintf("m%02d@else.example", i)
		}
		r := got[*models.MemberResult](t)(w.Store.AddMembers(t.Context(), w.Alice, cast.Garrigue, "clients", models.Moderators, lines))
		if len(r.Done) != models.MaxModerators || len(r.Refused) != 1 || r.Refused[0].Message.Key != "list.moderators.limit" {
			t.Errorf("%d added, %v", len(r.Done), r.Refused)
		}
		if _, l, err := w.Store.List(t.Context(), w.Alice, cast.Garrigue, "clients"); err != nil || l.ModeratorCount != models.MaxModerators || l.SubscriberCount != 0 {
			t.Errorf("%+v, %v", l, err)
		}
	})
}

func TestWhichListsWriteToAnAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		read := func(by models.Actor, local string) (names []string, more bool) {
			t.Helper()
			names, more, err := w.Store.AccountLists(ctx, by, w.account(t, by, cast.Garrigue, local))
			must(t, err)
			return names, more
		}
		w.Exec(t, "UPDATE services SET max_lists = 50")
		w.member(t, cast.Garrigue, w.list(t, cast.Garrigue, "gazette"), models.Subscribers, "contact+gazette@garrigue.example", "x@else.example")
		w.member(t, cast.Garrigue, w.list(t, cast.Garrigue, "avis"), models.Moderators, "contact@garrigue.example")
		n := newList("bureau")
		n.Owner = "contact@garrigue.example"
		must(t, second(w.Store.CreateList(ctx, w.Alice, cast.Garrigue, n)))
		w.member(t, cast.Garrigue, w.list(t, cast.Garrigue, "autres"), models.Subscribers, "contact2@garrigue.example", "contact@else.example", "con.tact@garrigue.example")
		if names, more := read(w.Bruno, "contact"); !slices.Equal(names, []string{"avis", "bureau", "gazette"}) || more {
			t.Errorf("%q %v", names, more)
		}
		if names, _ := read(w.Alice, "alice.besson"); !slices.Equal(names, []string{"equipe"}) {
			t.Errorf("of the demo world: %q", names)
		}
		if names, _ := read(w.Chloe, "contact"); len(names) != 0 {
			t.Errorf("the holder of the account is told of %q", names)
		}
		for i := range 20 {
			w.member(t, cast.Garrigue, w.list(t, cast.Garrigue, fmt.Sprintf("l%d", i)), models.Subscribers, "contact@garrigue.example")
		}
		if names, more := read(w.Alice, "contact"); len(names) != 20 || !more {
			t.Errorf("%d named, %v", len(names), more)
		}
		// Rights may be older than the statement that reads.
		a := w.account(t, w.Bruno, cast.Garrigue, "contact")
		must(t, second(w.Store.Revoke(ctx, w.Alice, int64(w.Int(t, fmt.Sprintf("SELECT id FROM grants WHERE kind = 'service' AND grantee_id = %d", w.Bruno.Customer))))))
		if names, _, err := w.Store.AccountLists(ctx, w.Bruno, a); err != nil || len(names) != 0 {
			t.Errorf("told to whoever has lost their grant: %q %v", names, err)
		}
	})
}

func TestNoCircleOfLists(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, name := range []string{"a", "b", "c", "d"} {
			w.list(t, cast.Garrigue, name)
		}
		w.list(t, cast.Atelier, "b")
		w.member(t, cast.Garrigue, "a", models.Subscribers, "b@atelier-durand.example", "d@garrigue.example")
		w.member(t, cast.Atelier, "b", models.Subscribers, "c@garrigue.example")
		for _, name := range []string{"a@garrigue.example", "b@atelier-durand.example", "c@garrigue.example"} {
			r := got[*models.MemberResult](t)(w.Store.AddMembers(t.Context(), w.Alice, cast.Garrigue, "c", models.Subscribers, []string{name, "d@garrigue.example", "x@else.example"}))
			key := "list.members.circle"
			if name == "c@garrigue.example" {
				key = "list.itself"
			}
			if len(r.Refused) != 1 || r.Refused[0].Line != name || r.Refused[0].Message.Key != key {
				t.Errorf("%s in c: %+v", name, r)
			}
		}
		w.member(t, cast.Garrigue, "c", models.Moderators, "a@garrigue.example") // no circle: moderators receive nothing of the list
	})
}

func TestMembersAreWalkedAndSearched(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.list(t, cast.Garrigue, "clients")
		w.list(t, cast.Garrigue, "other")
		w.member(t, cast.Garrigue, "other", models.Subscribers, "m000@else.example")
		lines := make([]string, 120)
		for i := range lines {
			lines[i] = fmt.Sprintf("m%03d@else.example", i)
		}
		w.member(t, cast.Garrigue, "clients", models.Subscribers, lines...)
		page := func(q models.WalkQuery) *models.MemberPage {
			t.Helper()
			return got[*models.MemberPage](t)(w.Store.Members(ctx, w.Bruno, cast.Garrigue, "clients", models.Subscribers, q))
		}
		first := page(models.WalkQuery{})
		middle := page(models.WalkQuery{After: first.Next})
		last := page(models.WalkQuery{After: middle.Next})
		if all := slices.Concat(emails(first), emails(middle), emails(last)); !slices.Equal(all, lines) || first.Previous != "" || last.Next != "" {
			t.Errorf("%d members: %q", len(all), all)
		}
		if back := page(models.WalkQuery{Before: last.Previous}); !slices.Equal(emails(back), emails(middle)) || back.Previous == "" || back.Next == "" {
			t.Errorf("back: %q", emails(back))
		}
		if back := page(models.WalkQuery{Before: middle.Previous}); !slices.Equal(emails(back), emails(first)) || back.Previous != "" {
			t.Errorf("back to the first: %q", emails(back))
		}
		if first.List.SubscriberCount != 120 {
			t.Errorf("%d counted", first.List.SubscriberCount)
		}
		for search, n := range map[string]int{"m00": 10, " M119@ELSE": 1, "else": 0, "%": 0, "\x00": 0, "\xff": 0, "m": 50} {
			if p := page(models.WalkQuery{Search: search}); len(p.Items) != n {
				t.Errorf("%q finds %d, want %d", search, len(p.Items), n)
			}
		}
	})
}

func TestListsAreWalkedAndSearched(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.Exec(t, "UPDATE services SET max_lists = 100 WHERE domain = '"+cast.Atelier+"'")
		for i := range 30 {
			w.list(t, cast.Atelier, fmt.Sprintf("l%02d", i))
		}
		a := w.service(t, w.Bruno, cast.Garrigue)
		if p := got[*models.ListPage](t)(w.Store.Lists(ctx, a, models.WalkQuery{Search: "l0"})); len(p.Items) != 0 {
			t.Errorf("another service lists %d", len(p.Items))
		}
		a = w.service(t, w.Alice, cast.Atelier)
		first := got[*models.ListPage](t)(w.Store.Lists(ctx, a, models.WalkQuery{}))
		rest := got[*models.ListPage](t)(w.Store.Lists(ctx, a, models.WalkQuery{After: first.Next}))
		if len(first.Items) != 25 || len(rest.Items) != 5 || rest.Next != "" || first.Previous != "" || rest.Previous != "l25" || a.Service.ListCount != 30 {
			t.Errorf("%d and %d of %d", len(first.Items), len(rest.Items), a.Service.ListCount)
		}
		if p := got[*models.ListPage](t)(w.Store.Lists(ctx, a, models.WalkQuery{Search: "L2"})); len(p.Items) != 10 {
			t.Errorf("searched: %d", len(p.Items))
		}
		_, err := w.Store.Lists(ctx, w.service(t, w.Chloe, cast.Garrigue), models.WalkQuery{})
		want(t, "the holder of an account", err, forbidden(policy.EditLists))
	})
}

// Fifty requests of ten subscribers each for a list that has room for 45 more.
func TestParallelRequestsNeverExceedTheSubscribersOfAList(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.list(t, cast.Garrigue, "clients")
		w.Exec(t, "UPDATE services SET max_subscribers = 45 WHERE domain = '"+cast.Garrigue+"'")
		var wait sync.WaitGroup
		added := make([]int, 50)
		for i := range added {
			wait.Go(func() {
				lines := make([]string, 10)
				for j := range lines {
					lines[j] = fmt.Sprintf("m%d@else.example", i/2*10+j) // every address twice
				}
				r, err := w.Store.AddMembers(t.Context(), w.Alice, cast.Garrigue, "clients", models.Subscribers, lines)
				switch {
				case err == nil:
					added[i] = len(r.Done)
				case !errors.Is(err, models.ErrBusy):
					t.Errorf("request %d: %v", i, err)
				}
			})
		}
		wait.Wait()
		total := 0
		for _, n := range added {
			total += n
		}
		if n := w.Int(t, "SELECT subscriber_count FROM lists WHERE local_part = 'clients'"); n != total || n > 45 {
			t.Errorf("%d subscribers, %d were said to be added", n, total)
		}
	})
}

func TestASuspendedServiceKeepsItsLists(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.list(t, cast.Garrigue, "clients")
		must(t, w.Store.SuspendService(ctx, cast.Garrigue))
		suspended := models.ErrSuspended.Error()
		want(t, "read", second(w.Store.Members(ctx, w.Alice, cast.Garrigue, "clients", models.Subscribers, models.WalkQuery{})), done)
		want(t, "create", second(w.Store.CreateList(ctx, w.Alice, cast.Garrigue, newList("neuve"))), suspended)
		n := listSettings("x@else.example")
		n.Version = 1
		want(t, "change", w.Store.ChangeList(ctx, w.Alice, cast.Garrigue, "clients", n), suspended)
		want(t, "add", second(w.Store.AddMembers(ctx, w.Alice, cast.Garrigue, "clients", models.Subscribers, []string{"x@else.example"})), suspended)
		want(t, "remove", second(w.Store.RemoveMembers(ctx, w.Alice, cast.Garrigue, "clients", models.Subscribers, []string{"x@else.example"})), suspended)
		want(t, "delete", w.Store.DeleteList(ctx, w.Alice, cast.Garrigue, "clients", "clients"), suspended)
	})
}

func TestStatementsOfLists(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	ctx, alice := t.Context(), w.signIn(t, cast.Alice)
	a := w.service(t, w.Alice, cast.Garrigue)
	lines := make([]string, models.MaxMemberLines)
	for i := range lines {
		lines[i] = fmt.Sprintf("m%04d@else.example", i)
	}
	n := listSettings("x@else.example")
	n.Version = 1
	for _, c := range []struct {
		what string
		most int
		do   func() error
	}{
		{"CreateList", 5, func() error {
			return second(w.Store.CreateList(ctx, w.form(t, alice.Session), cast.Garrigue, newList("clients")))
		}},
		{"Lists", 1, func() error { return second(w.Store.Lists(ctx, a, models.WalkQuery{})) }},
		{"List", 2, func() error { _, _, err := w.Store.List(ctx, w.Alice, cast.Garrigue, "clients"); return err }},
		{"ChangeList", 6, func() error { return w.Store.ChangeList(ctx, w.form(t, alice.Session), cast.Garrigue, "clients", n) }},
		{"AddMembers, 5,000", 8, func() error {
			return second(w.Store.AddMembers(ctx, w.form(t, alice.Session), cast.Garrigue, "clients", models.Subscribers, lines))
		}},
		{"Members", 2, func() error {
			return second(w.Store.Members(ctx, w.Alice, cast.Garrigue, "clients", models.Subscribers, models.WalkQuery{Search: "m1"}))
		}},
		{"RemoveMembers, 5,000", 7, func() error {
			return second(w.Store.RemoveMembers(ctx, w.form(t, alice.Session), cast.Garrigue, "clients", models.Subscribers, lines))
		}},
		{"DeleteList", 6, func() error {
			return w.Store.DeleteList(ctx, w.form(t, alice.Session), cast.Garrigue, "clients", "clients")
		}},
	} {
		w.Count.Take()
		must(t, c.do())
		if ours, _ := split(w.Count.Take()); len(ours) != c.most {
			t.Errorf("%s: %d statements, want %d:\n\t%s", c.what, len(ours), c.most, strings.Join(ours, "\n\t"))
		}
	}
}
