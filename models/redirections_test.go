package models_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// redirect makes a redirection of Garrigue as Alice, "*" for the catch-all, and
// answers what came of it.
func (w *world) redirect(t testing.TB, domain, from, to string) error {
	t.Helper()
	by := w.Alice
	if domain == cast.Velos {
		by = w.David
	}
	return second(w.Store.CreateRedirection(t.Context(), by, domain, models.NewRedirection{Local: from, CatchAll: from == "*", Targets: to, KeepCopy: true}))
}

// redirection finds one by its local part.
func (w *world) redirection(t testing.TB, domain, local string) models.Redirection {
	t.Helper()
	by := w.Alice
	if domain == cast.Velos {
		by = w.David
	}
	list := got[*models.RedirectionList](t)(w.Store.Redirections(t.Context(), by, w.service(t, by, domain), models.RedirectionQuery{Size: 100}))
	for _, r := range list.Items {
		if r.LocalPart == local {
			return r
		}
	}
	t.Fatalf("no redirection of %q", local)
	return models.Redirection{}
}

func TestSourcesAndTargetsOfRedirections(t *testing.T) {
	many := make([]string, 51)
	for i := range many {
		many[i] = fmt.Sprintf("a%d@elsewhere.example", i)
	}
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		for _, c := range []struct{ from, to, outcome string }{
			{"contact", "compta@garrigue.example", done},
			{"Contact", "rh@garrigue.example", "from: redirection.from.exists"},
			{"bonjour@Garrigue.example", "Contact@garrigue.example, info@GARRIGUE.example;rh+x@garrigue.example\nrh+x@garrigue.example", done},
			{"bonjour", "contact@garrigue.example", "from: redirection.from.exists"},
			{"*", "contact@garrigue.example", done},
			{"*", "contact@garrigue.example", "from: redirection.from.exists"},
			{"", "contact@garrigue.example", "from: address.local.empty"},
			{"jean dupont", "contact@garrigue.example", "from: address.local.characters"},
			{"hello@elsewhere.example", "contact@garrigue.example", "from: redirection.from.elsewhere"},
			{"a", "", "to: redirection.to.none"},
			{"a", ", ;\n", "to: redirection.to.none"},
			{"a", "nobody", "to: redirection.to.wrong"},
			{"a", "a@b@c, \x00\x01, x@elsewhere.example", "to: redirection.to.wrong, to: redirection.to.wrong"},
			{"a", strings.Join(many, " "), "to: redirection.to.many"},
			{"a", strings.Repeat("a", 20_000), "to: redirection.to.many"},
			{"a", "a@garrigue.example", "to: redirection.to.itself"},
			{"a", "a+b@garrigue.example info@garrigue.example", "to: redirection.to.itself"},
			{"info", "info@garrigue.example", "to: redirection.to.only_itself"},
			{"rh", "rh@garrigue.example, info@garrigue.example", done},
			{"abuse", "postmaster@garrigue.example", done},
			{"b", "o'neil+x@büro.example", done},
		} {
			want(t, c.from+" to "+shown(c.to), w.redirect(t, cast.Garrigue, c.from, c.to), c.outcome)
		}
		w.wantTold(t, cast.Alice+" redirection.created contact@garrigue.example", cast.Alice+" redirection.created bonjour@garrigue.example",
			cast.Alice+" redirection.created *@garrigue.example", cast.Alice+" redirection.created rh@garrigue.example",
			cast.Alice+" redirection.created abuse@garrigue.example", cast.Alice+" redirection.created b@garrigue.example")
		if r := w.redirection(t, cast.Garrigue, "bonjour"); r.KeepCopy || !slices.Equal(r.TargetAddresses(), []string{"contact@garrigue.example", "info@garrigue.example", "rh+x@garrigue.example"}) {
			t.Errorf("an alias is %+v", r)
		}
		if r := w.redirection(t, cast.Garrigue, "rh"); !r.KeepCopy || len(r.Targets) != 1 {
			t.Errorf("an account that names itself keeps a copy: %+v", r)
		}
		if r := w.redirection(t, cast.Garrigue, "b"); r.Targets[0].Address != "o'neil+x@xn--bro-hoa.example" || !r.Targets[0].Outside || models.ReadableAddress(r.Targets[0].Address) != "o'neil+x@büro.example" {
			t.Errorf("an international domain is %+v", r.Targets)
		}
		want(t, "an account of an alias's address", second(w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, models.NewAccount{Local: "bonjour"})), "local: account.local.taken")
	})
}

func shown(text string) string { return text[:min(len(text), 40)] }

func TestATargetOfTheServiceIsThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		want(t, "nowhere", w.redirect(t, cast.Garrigue, "a", "ghost@garrigue.example"), "to: redirection.to.missing")
		want(t, "the catch-all to nowhere", w.redirect(t, cast.Garrigue, "*", "ghost@garrigue.example"), "to: redirection.to.missing")
		must(t, w.redirect(t, cast.Garrigue, "a", "stages@garrigue.example"))
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "stages", "stages"))
		if r := w.redirection(t, cast.Garrigue, "a"); !r.Targets[0].Missing {
			t.Errorf("a target that was deleted: %+v", r)
		}
		want(t, "to an account that is being deleted", w.redirect(t, cast.Garrigue, "b", "stages@garrigue.example"), "to: redirection.to.missing")
		want(t, "from one", w.redirect(t, cast.Garrigue, "stages", "info@garrigue.example"), "from: redirection.from.account")
		must(t, w.redirect(t, cast.Garrigue, "*", "info@garrigue.example"))
		must(t, w.redirect(t, cast.Garrigue, "c", "ghost@garrigue.example"))
		if r := w.redirection(t, cast.Garrigue, "c"); r.Targets[0].Missing {
			t.Errorf("what the catch-all takes is there: %+v", r)
		}
	})
}

func TestChainsDoNotComeBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.redirect(t, cast.Garrigue, "a", "contact@garrigue.example"))
		must(t, w.redirect(t, cast.Garrigue, "b", "a+x@garrigue.example, info@garrigue.example"))
		var bad models.Invalid
		err := w.redirect(t, cast.Garrigue, "contact", "rh@garrigue.example b+y@garrigue.example")
		if !errors.As(err, &bad) || bad["to"][0].Key != "redirection.chain.circle" {
			t.Fatalf("a circle: %v", err)
		}
		if got, want := bad["to"][0].Args[1], "contact@garrigue.example → b+y@garrigue.example → a+x@garrigue.example → contact@garrigue.example"; got != want {
			t.Errorf("the chain %s, want %s", got, want)
		}
		// Through the catch-all.
		must(t, w.redirect(t, cast.Garrigue, "*", "paie@garrigue.example"))
		want(t, "a circle through the catch-all", w.redirect(t, cast.Garrigue, "paie", "ghost@garrigue.example"), "to: redirection.chain.circle")
		want(t, "a circle through the catch-all, in two steps", w.redirect(t, cast.Garrigue, "paie", "b@garrigue.example ghost+1@garrigue.example"), "to: redirection.chain.circle")
		// Changed into one.
		a := w.redirection(t, cast.Garrigue, "a")
		change := func(to string, version int) error {
			return second(w.Store.ChangeRedirection(t.Context(), w.Alice, cast.Garrigue, a.ID, models.RedirectionSettings{Targets: to, Version: version}))
		}
		want(t, "changed into a circle", change("b@garrigue.example", 1), "to: redirection.chain.circle")
		want(t, "changed to itself", change("a@garrigue.example", 1), "to: redirection.to.itself")
		want(t, "changed", change("info@garrigue.example", 1), done)
		want(t, "changed from what is no more", change("rh@garrigue.example", 1), conflict)
		want(t, "not changed", change("info@garrigue.example", 2), done)
		must(t, w.redirect(t, cast.Garrigue, "contact", "b@garrigue.example"))

		// Across services; what is between is not told.
		must(t, w.redirect(t, cast.Velos, "x", "contact@garrigue.example, hello@nguyen-velos.example"))
		must(t, w.redirect(t, cast.Velos, "y", "x@nguyen-velos.example"))
		must(t, w.redirect(t, cast.Velos, "z", "y@nguyen-velos.example"))
		err = w.redirect(t, cast.Garrigue, "info", "z@nguyen-velos.example")
		if !errors.As(err, &bad) || bad["to"][0].Key != "redirection.chain.circle" {
			t.Fatalf("a circle across services: %v", err)
		}
		if got, want := bad["to"][0].Args[1], "info@garrigue.example → z@nguyen-velos.example → … → contact@garrigue.example → b@garrigue.example → a+x@garrigue.example → info@garrigue.example"; got != want {
			t.Errorf("the chain %s, want %s", got, want)
		}
	})
}

func TestChainsAreNotTooLong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.redirect(t, cast.Garrigue, "c1", "info@garrigue.example"))
		for i := 2; i <= 5; i++ {
			must(t, w.redirect(t, cast.Garrigue, fmt.Sprintf("c%d", i), fmt.Sprintf("c%d+x@garrigue.example", i-1)))
		}
		must(t, w.redirect(t, cast.Garrigue, "d1", "paie@garrigue.example"))
		for i := 2; i <= 5; i++ {
			must(t, w.redirect(t, cast.Garrigue, fmt.Sprintf("d%d", i), fmt.Sprintf("d%d+x@garrigue.example rh@garrigue.example", i-1)))
		}
		// paie leads on to five more: eleven in all; rh does not.
		want(t, "eleven, joined in the middle", w.redirect(t, cast.Garrigue, "paie", "c5@garrigue.example"), "to: redirection.chain.long")
		must(t, w.redirect(t, cast.Garrigue, "paie", "c4@garrigue.example"))
		want(t, "eleven, from the beginning", w.redirect(t, cast.Garrigue, "e", "d5@garrigue.example"), "to: redirection.chain.long")
		must(t, w.redirect(t, cast.Garrigue, "e", "d4@garrigue.example"))
	})
}

func TestWhoMayRedirect(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		create := func(by models.Actor, from, to string) error {
			return second(w.Store.CreateRedirection(ctx, by, cast.Garrigue, models.NewRedirection{Local: from, Targets: to}))
		}
		want(t, "the holder of the service", create(w.Bruno, "a", "contact@garrigue.example x@elsewhere.example"), done)
		want(t, "the holder of an account", create(w.Chloe, "b", "contact@garrigue.example"), forbidden(policy.EditRedirections))
		want(t, "a stranger", create(w.David, "b", "contact@garrigue.example"), notFound)

		w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, nil)
		w.Exec(t, fmt.Sprintf("UPDATE grants SET extras = 0 WHERE grantee_id = %d", w.Emma.Customer)) // without forward
		want(t, "outside, without the right", create(w.Emma, "b", "contact@garrigue.example x@elsewhere.example"), "to: redirection.to.outside")
		want(t, "to a domain that ends alike", create(w.Emma, "b", "x@un.garrigue.example"), "to: redirection.to.outside")
		want(t, "the catch-all to the outside", second(w.Store.CreateRedirection(ctx, w.Emma, cast.Garrigue, models.NewRedirection{CatchAll: true, Targets: "x@elsewhere.example"})), "to: redirection.to.outside")
		want(t, "outside, by way of another redirection", create(w.Emma, "b", "a@garrigue.example"), "to: redirection.chain.outside")
		want(t, "the catch-all, by way of another", second(w.Store.CreateRedirection(ctx, w.Emma, cast.Garrigue, models.NewRedirection{CatchAll: true, Targets: "a+x@garrigue.example"})), "to: redirection.chain.outside")
		want(t, "within", create(w.Emma, "b", "contact@garrigue.example"), done)
		r := w.redirection(t, cast.Garrigue, "a")
		change := func(by models.Actor, to string) error {
			return second(w.Store.ChangeRedirection(ctx, by, cast.Garrigue, r.ID, models.RedirectionSettings{Targets: to, Version: 1}))
		}
		want(t, "to keep what leads outside", change(w.Emma, "x@elsewhere.example info@garrigue.example"), "to: redirection.to.outside")
		want(t, "a change by the holder of an account", change(w.Chloe, "info@garrigue.example"), forbidden(policy.EditRedirections))
		want(t, "a change by a stranger", change(w.David, "info@garrigue.example"), notFound)
		want(t, "to save it without", change(w.Emma, "info@garrigue.example"), done)
		want(t, "one of another service", second(w.Store.ChangeRedirection(ctx, w.David, cast.Velos, r.ID, models.RedirectionSettings{Targets: "hello@nguyen-velos.example"})), notFound)
		want(t, "to delete one of another service", second(w.Store.DeleteRedirection(ctx, w.David, cast.Velos, r.ID)), notFound)
		want(t, "to delete by the holder of an account", second(w.Store.DeleteRedirection(ctx, w.Chloe, cast.Garrigue, r.ID)), forbidden(policy.EditRedirections))

		outside := got[*models.Redirection](t)(w.Store.CreateRedirection(ctx, w.Alice, cast.Garrigue, models.NewRedirection{Local: "out", Targets: "x@elsewhere.example"}))
		w.told(t, cast.Garrigue)
		want(t, "to delete what leads outside", second(w.Store.DeleteRedirection(ctx, w.Emma, cast.Garrigue, outside.ID)), done)
		want(t, "twice", second(w.Store.DeleteRedirection(ctx, w.Emma, cast.Garrigue, outside.ID)), notFound)
		w.wantTold(t, cast.Emma+" redirection.deleted out@garrigue.example")

		a := w.service(t, w.Chloe, cast.Garrigue)
		want(t, "to list, by the holder of an account", second(w.Store.Redirections(ctx, w.Chloe, a, models.RedirectionQuery{})), forbidden(policy.EditRedirections))
		want(t, "to read one", second(w.Store.Redirection(ctx, w.Chloe, a, r.ID)), forbidden(policy.EditRedirections))
		// Rights may be older than the statement that reads.
		a = w.service(t, w.Bruno, cast.Garrigue)
		_, err := w.Store.Revoke(ctx, w.Alice, int64(w.Int(t, fmt.Sprintf("SELECT id FROM grants WHERE kind = 'service' AND grantee_id = %d", w.Bruno.Customer))))
		must(t, err)
		if list := got[*models.RedirectionList](t)(w.Store.Redirections(ctx, w.Bruno, a, models.RedirectionQuery{})); len(list.Items) != 0 {
			t.Error("a list for whoever has lost their grant")
		}
		want(t, "to read one", second(w.Store.Redirection(ctx, w.Bruno, a, r.ID)), notFound)
		must(t, w.Store.SuspendService(ctx, cast.Garrigue))
		want(t, "of a suspended service", create(w.Alice, "c", "contact@garrigue.example"), suspended)
		want(t, "to delete there", second(w.Store.DeleteRedirection(ctx, w.Alice, cast.Garrigue, r.ID)), suspended)
	})
}

func TestRedirectionsArePagedAndFound(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, a := t.Context(), w.service(t, w.David, cast.Velos)
		must(t, w.redirect(t, cast.Velos, "*", "hello@nguyen-velos.example"))
		for i := range 30 {
			must(t, w.redirect(t, cast.Velos, fmt.Sprintf("r%02d", i), fmt.Sprintf("t%02d_x@büro.example, hello@nguyen-velos.example", i)))
		}
		read := func(q models.RedirectionQuery) *models.RedirectionList {
			t.Helper()
			return got[*models.RedirectionList](t)(w.Store.Redirections(ctx, w.David, a, q))
		}
		first := read(models.RedirectionQuery{})
		if len(first.Items) != 25 || !first.Items[0].CatchAll() || first.Items[0].Readable() != "*@nguyen-velos.example" || first.Previous != "" || first.Next != "r23" || len(first.Items[1].Targets) != 2 {
			t.Fatalf("the first page: %d, %q %q", len(first.Items), first.Previous, first.Next)
		}
		second := read(models.RedirectionQuery{After: first.Next})
		if len(second.Items) != 6 || second.Next != "" || second.Previous != "r24" {
			t.Errorf("the second page: %d, %q %q", len(second.Items), second.Previous, second.Next)
		}
		if back := read(models.RedirectionQuery{Before: second.Previous}); len(back.Items) != 25 || back.Previous != "" || back.Next != "r23" || !back.Items[0].CatchAll() {
			t.Errorf("back on the first: %d, %q %q", len(back.Items), back.Previous, back.Next)
		}
		for q, n := range map[string]int{"r1": 10, "R01@nguyen-velos.example": 1, "t05_": 1, "_": 25, "t05%": 0, "t05_x@büro.example": 1, "büro.example": 25, "*": 25, "\x00": 25, "ghost": 0, "*@nguyen-velos.example": 25} {
			if list := read(models.RedirectionQuery{Search: q}); len(list.Items) != n {
				t.Errorf("%q finds %d, want %d", q, len(list.Items), n)
			}
		}
		_, err := w.Store.Redirections(ctx, w.David, a, models.RedirectionQuery{After: "R 1"})
		if !errors.Is(err, models.ErrCursor) {
			t.Errorf("a cursor of nobody: %v", err)
		}
	})
}

func TestWhatRedirectionsHaveToDoWithAnAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		read := func(by models.Actor) *models.AccountRedirections {
			t.Helper()
			return got[*models.AccountRedirections](t)(w.Store.AccountRedirections(ctx, by, w.account(t, by, cast.Garrigue, "contact")))
		}
		if r := read(w.Alice); r.Own != nil || len(r.From) != 0 {
			t.Errorf("nothing: %+v", r)
		}
		must(t, w.redirect(t, cast.Garrigue, "contact", "x@elsewhere.example"))
		for i := range 22 {
			must(t, w.redirect(t, cast.Garrigue, fmt.Sprintf("to%02d", i), "contact+x@garrigue.example info@garrigue.example"))
		}
		if r := read(w.Bruno); r.Own == nil || r.Own.Targets[0].Address != "x@elsewhere.example" || len(r.From) != 20 || !r.More || r.From[0].LocalPart != "to00" {
			t.Errorf("%+v", r)
		}
		if r := read(w.Chloe); r.Own != nil || len(r.From) != 0 {
			t.Errorf("the holder of the account is told %+v", r)
		}
		// What hangs on an account goes with it, and its number is right again.
		must(t, w.Store.DeleteAccount(ctx, w.Alice, cast.Garrigue, "contact", "contact"))
	})
}

// responder gives an account an answer, which the verbs of another noun do.
func (w *world) responder(t testing.TB, local string) {
	t.Helper()
	w.Exec(t, `INSERT INTO responders (service_id, account_id, local_part, address, subject, content, days, created_at)
		SELECT a.service_id, a.id, a.local_part, a.address, 'Absent', 'Back soon', 7, a.created_at FROM accounts a WHERE a.address = '`+local+`@garrigue.example'`)
	w.Exec(t, `INSERT INTO sieve_scripts (address, account_id, content) SELECT a.address, a.id, '' FROM accounts a WHERE a.address = '`+local+`@garrigue.example'`)
}

func TestAResponderAnswersForTheAddressesThatLeadToIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.responder(t, "rh")
		w.responder(t, "info")
		answers := func(local, alias string) bool {
			return w.Int(t, "SELECT count(*) FROM sieve_scripts WHERE address = '"+local+"@garrigue.example' AND content LIKE '%"+alias+"@garrigue.example%'") == 1
		}
		must(t, w.redirect(t, cast.Garrigue, "jobs", "rh@garrigue.example"))
		must(t, w.redirect(t, cast.Garrigue, "work", "jobs@garrigue.example"))
		if !answers("rh", "jobs") || !answers("rh", "work") || answers("info", "work") {
			t.Error("created")
		}
		jobs := w.redirection(t, cast.Garrigue, "jobs")
		must(t, second(w.Store.ChangeRedirection(ctx, w.Alice, cast.Garrigue, jobs.ID, models.RedirectionSettings{Targets: "info@garrigue.example", Version: 1})))
		if answers("rh", "jobs") || answers("rh", "work") || !answers("info", "jobs") || !answers("info", "work") {
			t.Error("changed")
		}
		must(t, second(w.Store.DeleteRedirection(ctx, w.Alice, cast.Garrigue, jobs.ID)))
		if answers("info", "jobs") || answers("info", "work") {
			t.Error("deleted")
		}
	})
}

func TestAnAddressOfSomethingElseIsNotRedirected(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Exec(t, `INSERT INTO lists (service_id, local_part, address, owner_email, reply_to, language, posting, created_at)
			SELECT s.id, 'news', 'news@garrigue.example', 'a@b.example', 'list', 'fr', 'everyone', s.created_at FROM services s WHERE s.domain = 'garrigue.example'`)
		w.Exec(t, `INSERT INTO responders (service_id, local_part, address, subject, content, days, created_at)
			SELECT s.id, 'gone', 'gone@garrigue.example', '', 'x', 7, s.created_at FROM services s WHERE s.domain = 'garrigue.example'`)
		want(t, "a list", w.redirect(t, cast.Garrigue, "news", "info@garrigue.example"), "from: redirection.from.list")
		want(t, "a responder", w.redirect(t, cast.Garrigue, "gone", "info@garrigue.example"), "from: redirection.from.responder")
		must(t, w.redirect(t, cast.Garrigue, "a", "news@garrigue.example, gone@garrigue.example"))
		if w.Int(t, "SELECT count(*) FROM sieve_scripts WHERE address = 'gone@garrigue.example' AND content LIKE '%a@garrigue.example%'") != 1 {
			t.Error("a responder without a mailbox does not answer for the alias that leads there")
		}
	})
}

func TestTwoHalvesOfACircleAtOnceAreNoCircle(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	ctx := t.Context()
	for round := range rounds(10) {
		a, b := fmt.Sprintf("a%d", round), fmt.Sprintf("b%d", round)
		outcomes := together(2, func(i int) string {
			if i == 0 {
				return outcome(second(w.Store.CreateRedirection(ctx, w.Alice, cast.Garrigue, models.NewRedirection{Local: a, Targets: b + "@nguyen-velos.example"})))
			}
			return outcome(second(other.CreateRedirection(ctx, w.David, cast.Velos, models.NewRedirection{Local: b, Targets: a + "@garrigue.example"})))
		})
		if outcomes[done] != 1 || outcomes["to: redirection.chain.circle"] != 1 {
			t.Fatalf("round %d: %v", round, outcomes)
		}
	}
}

func TestTheLimitOfRedirectionsIsNeverExceeded(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, mw *modelstest.World) {
		w := newWorld(t, mw)
		w.Exec(t, "UPDATE services SET max_redirections = redirection_count + 5 WHERE domain = 'garrigue.example'")
		outcomes := together(50, func(i int) string {
			return outcome(w.redirect(t, cast.Garrigue, fmt.Sprintf("r%d", i), "info@garrigue.example"))
		})
		if outcomes[done] != 5 || outcomes[": redirection.limit"] != 45 {
			t.Errorf("%v", outcomes)
		}
		w.Holds(t)
	})
}

func TestWhatTheCatchAllLeadsToIsNotDeleted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const refused = ": redirection.chain.freed"
		list := func(name string) error { return w.Store.DeleteList(ctx, w.Alice, cast.Garrigue, name, name) }
		account := func(local string) error { return w.Store.DeleteAccount(ctx, w.Alice, cast.Garrigue, local, local) }
		responder := func(local string) error {
			return w.Store.DeleteResponder(ctx, w.Alice, models.AddressResponder, cast.Garrigue, local)
		}
		remove := func(domain, local string) error {
			by := w.Alice
			if domain == cast.Velos {
				by = w.David
			}
			return second(w.Store.DeleteRedirection(ctx, by, domain, w.redirection(t, domain, local).ID))
		}
		must(t, second(w.Store.CreateList(ctx, w.Alice, cast.Garrigue, models.NewList{Name: "news", ListSettings: models.ListSettings{
			Owner: "rh@garrigue.example", ReplyTo: models.ReplyToList, Language: "fr", Posting: models.PostingEveryone,
		}})))
		must(t, second(w.Store.CreateResponder(ctx, w.Alice, cast.Garrigue, "gone", away("x", nil, nil))))
		must(t, w.redirect(t, cast.Garrigue, "inner", "info+x@garrigue.example"))
		must(t, w.redirect(t, cast.Velos, "there", "paie@garrigue.example"))
		must(t, w.redirect(t, cast.Garrigue, "rh", "info@garrigue.example"))
		must(t, w.redirect(t, cast.Garrigue, "*", "inner@garrigue.example news@garrigue.example gone@garrigue.example there@nguyen-velos.example rh@garrigue.example x@elsewhere.example"))
		w.told(t, cast.Garrigue)

		err := account("info")
		want(t, "an account at the end of the chain", err, refused)
		var bad models.Invalid
		if errors.As(err, &bad) {
			if got, want := bad[""][0].Args[1], "info@garrigue.example → *@garrigue.example → inner@garrigue.example → info+x@garrigue.example"; got != want {
				t.Errorf("the chain %s, want %s", got, want)
			}
		}
		err = account("paie")
		want(t, "an account beyond another service", err, refused)
		if errors.As(err, &bad) {
			if got, want := bad[""][0].Args[1], "paie@garrigue.example → *@garrigue.example → there@nguyen-velos.example → paie@garrigue.example"; got != want {
				t.Errorf("the chain %s, want %s", got, want)
			}
		}
		want(t, "an account with a redirection of its own", account("rh"), refused)
		want(t, "an alias", remove(cast.Garrigue, "inner"), refused)
		want(t, "a list", list("news"), refused)
		want(t, "a responder", responder("gone"), refused)
		w.wantTold(t)
		if n := w.Int(t, "SELECT count(*) FROM accounts WHERE state = 'deleting'"); n != 0 {
			t.Errorf("%d accounts are being deleted", n)
		}

		want(t, "an account that nothing leads to", account("stages"), done)
		want(t, "the redirection of an account, which keeps its address", remove(cast.Garrigue, "rh"), done)
		want(t, "an alias of another service", remove(cast.Velos, "there"), done)
		want(t, "an account that the other service led to", account("paie"), done)
		all := w.redirection(t, cast.Garrigue, "")
		must(t, second(w.Store.ChangeRedirection(ctx, w.Alice, cast.Garrigue, all.ID, models.RedirectionSettings{Targets: "contact@garrigue.example", Version: all.Version})))
		want(t, "the account once the catch-all leads elsewhere", account("info"), done)
		want(t, "the alias", remove(cast.Garrigue, "inner"), done)
		want(t, "the list", list("news"), done)
		want(t, "the responder", responder("gone"), done)
		want(t, "the catch-all", remove(cast.Garrigue, ""), done)
		want(t, "what it led to", account("contact"), done)
	})
}

// Until its job has run, the address of a deleted account is taken; nobody is
// asked any more when the catch-all gets it.
func TestAnAccountBeingDeletedIsTheCatchAllsAlready(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.redirect(t, cast.Garrigue, "a", "stages@garrigue.example"))
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "stages", "stages"))
		want(t, "the catch-all by way of an alias", w.redirect(t, cast.Garrigue, "*", "a@garrigue.example"), "to: redirection.chain.circle")
		want(t, "the catch-all straight", w.redirect(t, cast.Garrigue, "*", "stages@garrigue.example"), "to: redirection.to.missing")
		must(t, w.redirect(t, cast.Garrigue, "*", "info@garrigue.example"))
		want(t, "back from where it leads", w.redirect(t, cast.Garrigue, "info", "a@garrigue.example"), "to: redirection.chain.circle")
	})
}

// A circle that was there before hinders nobody who has nothing to do with it.
func TestAnOldCircleHindersNoDeletion(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.redirect(t, cast.Garrigue, "a", "info@garrigue.example"))
		must(t, w.redirect(t, cast.Garrigue, "*", "a@garrigue.example rh@garrigue.example"))
		w.Exec(t, "UPDATE redirection_targets SET target = 'ghost@garrigue.example' WHERE target = 'info@garrigue.example'")
		want(t, "what the catch-all does not lead to", w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "info", "info"), done)
		want(t, "what it leads to", w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "rh", "rh"), ": redirection.chain.freed")
	})
}

func TestACircleIsNotClosedByADeletionAtTheSameTime(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	ctx := t.Context()
	for round := range rounds(10) {
		local, z := fmt.Sprintf("x%d", round), fmt.Sprintf("z%d", round)
		must(t, second(w.Store.CreateAccount(ctx, w.Alice, cast.Garrigue, models.NewAccount{Local: local, SizeBytes: models.GB})))
		must(t, w.redirect(t, cast.Velos, z, "hello@nguyen-velos.example"))
		must(t, w.redirect(t, cast.Garrigue, "*", z+"@nguyen-velos.example"))
		from := w.redirection(t, cast.Velos, z)
		outcomes := together(2, func(i int) string {
			if i == 0 {
				return outcome(w.Store.DeleteAccount(ctx, w.Alice, cast.Garrigue, local, local))
			}
			return outcome(second(other.ChangeRedirection(ctx, w.David, cast.Velos, from.ID, models.RedirectionSettings{Targets: local + "@garrigue.example", Version: 1})))
		})
		// The later of the two finds what the earlier did.
		if outcomes[done] != 1 || outcomes[": redirection.chain.freed"]+outcomes["to: redirection.chain.circle"]+outcomes["to: redirection.to.missing"] != 1 {
			t.Fatalf("round %d: %v", round, outcomes)
		}
		must(t, second(w.Store.DeleteRedirection(ctx, w.Alice, cast.Garrigue, w.redirection(t, cast.Garrigue, "").ID)))
	}
}

// Only where there is a catch-all does a deletion cost a statement more.
func TestStatementsOfDeletionsBehindACatchAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	ctx, alice := t.Context(), w.signIn(t, cast.Alice)
	for domain, more := range map[string]int{cast.Garrigue: 0, cast.Atelier: 1} {
		must(t, second(w.Store.CreateAccount(ctx, w.Alice, domain, models.NewAccount{Local: "last"})))
		must(t, second(w.Store.CreateResponder(ctx, w.Alice, domain, "gone", away("x", nil, nil))))
		alias := got[*models.Redirection](t)(w.Store.CreateRedirection(ctx, w.Alice, domain, models.NewRedirection{Local: "alias", Targets: "last@" + domain}))
		list := w.list(t, domain, "news")
		for _, c := range []struct {
			what string
			most int
			do   func(by models.Actor) error
		}{
			{"DeleteRedirection", 6, func(by models.Actor) error { return second(w.Store.DeleteRedirection(ctx, by, domain, alias.ID)) }},
			{"DeleteResponder", 6, func(by models.Actor) error {
				return w.Store.DeleteResponder(ctx, by, models.AddressResponder, domain, "gone")
			}},
			{"DeleteList", 6, func(by models.Actor) error { return w.Store.DeleteList(ctx, by, domain, list, list) }},
			{"DeleteAccount", 7, func(by models.Actor) error { return w.Store.DeleteAccount(ctx, by, domain, "last", "last") }},
		} {
			w.Count.Take()
			must(t, c.do(w.form(t, alice.Session)))
			ours, _ := split(w.Count.Take())
			ours = slices.DeleteFunc(ours, func(text string) bool { return strings.HasPrefix(text, "-- name: ") }) // the job queue asks once in its life
			if len(ours) != c.most+more {
				t.Errorf("%s of %s: %d statements, want %d:\n\t%s", c.what, domain, len(ours), c.most+more, strings.Join(ours, "\n\t"))
			}
		}
	}
}
