package models_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"example.org/mandat/mail/sieve"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// newsletters is a filter as somebody fills it in.
func newsletters(change ...func(*models.FilterForm)) models.FilterForm {
	n := models.FilterForm{
		Name: "Newsletters", Match: models.MatchAny, Action: "folder", Target: "News/Für mich",
		Rules: []models.FilterRule{{Header: "subject", Operator: "contains", Value: `"news\`}, {Header: "list", Operator: "yes"}},
	}
	for _, fn := range change {
		fn(&n)
	}
	return n
}

func forwardTo(target string) func(*models.FilterForm) {
	return func(n *models.FilterForm) { n.Action, n.Target = "forward", target }
}

func named(name string) func(*models.FilterForm) {
	return func(n *models.FilterForm) { n.Name = name }
}

// addFilter makes a filter of contact@garrigue.example as Alice.
func (w *world) addFilter(t testing.TB, change ...func(*models.FilterForm)) int64 {
	t.Helper()
	return got[int64](t)(w.Store.CreateFilter(t.Context(), w.Alice, cast.Garrigue, "contact", newsletters(change...)))
}

func (w *world) filters(t testing.TB, local string) []models.Filter {
	t.Helper()
	_, list, err := w.Store.Filters(t.Context(), w.Alice, cast.Garrigue, local)
	must(t, err)
	return list
}

// names are those of the filters of contact@ in their order; a resting one is in brackets.
func (w *world) names(t testing.TB) string {
	t.Helper()
	var names []string
	for _, f := range w.filters(t, "contact") {
		if !f.Active {
			f.Name = "(" + f.Name + ")"
		}
		names = append(names, f.Name)
	}
	return strings.Join(names, " ")
}

// wantScript compares the script of contact@ with what its filters compile to.
func (w *world) wantScript(t testing.TB) {
	t.Helper()
	var script sieve.Script
	for _, f := range w.filters(t, "contact") {
		c := sieve.Filter{Name: f.Name, Active: f.Active, Any: f.Any, Action: sieve.Action(f.Action), Target: f.Target}
		for _, r := range f.Rules {
			c.Rules = append(c.Rules, sieve.Rule(r))
		}
		script.Filters = append(script.Filters, c)
	}
	want, err := sieve.Compile(script)
	must(t, err)
	rows, err := w.SQL.QueryContext(t.Context(), "SELECT content FROM sieve_scripts WHERE address = 'contact@garrigue.example'")
	must(t, err)
	defer rows.Close()
	stored := ""
	for rows.Next() {
		must(t, rows.Scan(&stored))
	}
	must(t, rows.Err())
	if stored != want {
		t.Errorf("the script is\n%s\nwant\n%s", stored, want)
	}
}

func TestTheLifeOfAFilter(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		for _, f := range w.filters(t, "contact") { // of the demo
			must(t, w.Store.DeleteFilter(ctx, w.Alice, cast.Garrigue, "contact", f.ID))
		}
		w.wantScript(t)
		w.told(t, cast.Garrigue)
		first, second, third := w.addFilter(t, named("a")), w.addFilter(t, named("b")), w.addFilter(t, named("c"))
		w.wantTold(t, "ad1001-mdt filter.created contact@garrigue.example", "ad1001-mdt filter.created contact@garrigue.example", "ad1001-mdt filter.created contact@garrigue.example")
		w.wantScript(t)

		step := func(what string, err error, names string, told ...string) {
			t.Helper()
			want(t, what, err, done)
			if got := w.names(t); got != names {
				t.Errorf("%s: %s, want %s", what, got, names)
			}
			for i := range told {
				told[i] = "cl1003-mdt " + told[i] + " contact@garrigue.example"
			}
			w.wantTold(t, told...)
			w.wantScript(t)
		}
		move := func(id int64, up bool) error {
			return w.Store.MoveFilter(ctx, w.Chloe, cast.Garrigue, "contact", id, up)
		}
		on := func(id int64, on bool) error {
			return w.Store.SwitchFilter(ctx, w.Chloe, cast.Garrigue, "contact", id, on)
		}
		step("up", move(third, true), "a c b", "filter.moved")
		step("down", move(first, false), "c a b", "filter.moved")
		step("the first up", move(third, true), "c a b")
		step("the last down", move(second, false), "c a b")
		step("off", on(first, false), "c (a) b", "filter.switched_off")
		step("off again", on(first, false), "c (a) b")
		step("on", on(first, true), "c a b", "filter.switched_on")
		changed := newsletters(named("A"), func(n *models.FilterForm) { n.Rules, n.Version = n.Rules[:1], 1 })
		step("changed", w.Store.ChangeFilter(ctx, w.Chloe, cast.Garrigue, "contact", first, changed), "c A b", "filter.changed")
		want(t, "changed from an old page", w.Store.ChangeFilter(ctx, w.Chloe, cast.Garrigue, "contact", first, changed), conflict)
		changed.Version = 2
		step("changed to what it is", w.Store.ChangeFilter(ctx, w.Chloe, cast.Garrigue, "contact", first, changed), "c A b")
		step("deleted", w.Store.DeleteFilter(ctx, w.Chloe, cast.Garrigue, "contact", third), "A b", "filter.deleted")
		want(t, "deleted twice", w.Store.DeleteFilter(ctx, w.Chloe, cast.Garrigue, "contact", third), notFound)
		step("the others", errors.Join(on(first, false), on(second, false)), "(A) (b)", "filter.switched_off", "filter.switched_off")
		if n := w.Int(t, "SELECT count(*) FROM sieve_scripts WHERE address = 'contact@garrigue.example'"); n != 0 {
			t.Error("a script that does nothing is kept")
		}
	})
}

func TestWhatIsTypedAboutAFilter(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		rule := func(header, operator, value string) func(*models.FilterForm) {
			return func(n *models.FilterForm) {
				n.Rules = []models.FilterRule{{Header: header, Operator: operator, Value: value}}
			}
		}
		do := func(action, target string) func(*models.FilterForm) {
			return func(n *models.FilterForm) { n.Action, n.Target = action, target }
		}
		for _, c := range []struct {
			what   string
			change func(*models.FilterForm)
			want   string
		}{
			{"no name", named(" \n\x00"), "name: filter.name.none"},
			{"a long name", named(strings.Repeat("é", 51)), "name: filter.name.long"},
			{"neither all nor any", func(n *models.FilterForm) { n.Match = "some" }, "match: filter.match.none"},
			{"no rule", func(n *models.FilterForm) { n.Rules = nil }, ": filter.rules.none"},
			{"too many rules", func(n *models.FilterForm) { n.Rules = make([]models.FilterRule, 21); fillRules(n.Rules) }, ": filter.rules.limit"},
			{"a header with a colon", rule("Subject: x", "is", "x"), "rules-1-header: filter.header.characters"},
			{"a header with a line end", rule("x-a\r\nb", "is", "x"), "rules-1-header: filter.header.characters"},
			{"a header beyond ASCII", rule("sujét", "is", "x"), "rules-1-header: filter.header.characters"},
			{"no header", rule(" ", "is", "x"), "rules-1-header: filter.header.none"},
			{"a long header", rule(strings.Repeat("x", 51), "is", "x"), "rules-1-header: filter.header.long"},
			{"an unknown operator", rule("from", "resembles", "x"), "rules-1-operator: filter.operator.text"},
			{"From greater than", rule("from", "over", "2 MB"), "rules-1-operator: filter.operator.text"},
			{"nothing to look for", rule("from", "contains", " \x01 "), "rules-1-value: filter.value.none"},
			{"a long value", rule("from", "contains", strings.Repeat("x", 201)), "rules-1-value: filter.value.long"},
			{"a size that contains", rule("size", "contains", "2 MB"), "rules-1-operator: filter.operator.size"},
			{"a size without a unit", rule("size", "over", "200"), "rules-1-value: filter.value.size"},
			{"a size below nothing", rule("size", "over", "-1 MB"), "rules-1-value: filter.value.size"},
			{"a size beyond everything", rule("size", "over", "99999999999999999999999 GB"), "rules-1-value: filter.value.size"},
			{"a list of a name", rule("list", "contains", "golang"), "rules-1-operator: filter.operator.answer"},
			{"spam greater than", rule("spam", "over", ""), "rules-1-operator: filter.operator.answer"},
			{"no action", do("", ""), "action: filter.action.none"},
			{"an unknown action", do("discard; keep", ""), "action: filter.action.none"},
			{"no folder", do("folder", " "), "target: filter.folder.none"},
			{"a folder above", do("folder", "News/../x"), "target: filter.folder.parts"},
			{"a folder of nothing", do("folder", "/News"), "target: filter.folder.parts"},
			{"a folder of two lines", do("folder", "News\r\nx"), "target: filter.folder.characters"},
			{"a folder that is no text", do("folder", "News\xff"), "target: filter.folder.characters"},
			{"a long folder", do("folder", strings.Repeat("x", 201)), "target: filter.folder.long"},
			{"no address", do("forward", "bob"), "target: address.shape"},
			{"an address with a name", do("copy", `Bob <bob@x.example>`), "target: address.mailbox.characters"},
			{"the account itself", do("forward", "Contact+x@garrigue.example"), "target: filter.target.self"},
			{"no text", do("reject", "\x00"), "target: filter.target.text"},
			{"a long text", do("reject", strings.Repeat("x", 1001)), "target: filter.target.text_long"},
		} {
			_, err := w.Store.CreateFilter(t.Context(), w.Alice, cast.Garrigue, "contact", newsletters(c.change))
			want(t, c.what, err, c.want)
		}
		before := len(w.filters(t, "contact"))
		for _, c := range []struct {
			what   string
			change func(*models.FilterForm)
			want   string
		}{
			{"a size", rule("size", "over", "1,5 Mo"), "size over 1500000 folder News/Für mich"},
			{"a small size", rule("size", "under", "500kB"), "size under 500000 folder News/Für mich"},
			{"another header", rule(" X-Spam ", "begins", " \tyes\n"), "x-spam begins yes folder News/Für mich"},
			{"a list, as the form begins", rule("list", "contains", ""), "list yes  folder News/Für mich"},
			{"no list", rule("list", "not_contains", ""), "list no  folder News/Für mich"},
			{"an answer with a text left over", rule("spam", "no", "x"), "spam no  folder News/Für mich"},
			{"a decomposed folder", do("folder", "Cafe\u0301"), "subject contains \"news\\ folder Caf\u00e9"},
			{"an address in capitals", do("copy", "Bob@X.Example"), "subject contains \"news\\ copy bob@x.example"},
			{"an action without a target", do("delete", "left over"), "subject contains \"news\\ delete "},
			{"a text", do("reject", "No.\r\nReally\x07."), "subject contains \"news\\ reject No.\nReally."},
			{"hostile texts", func(n *models.FilterForm) {
				n.Name = `"; discard; # ${x}`
				n.Rules = []models.FilterRule{{Header: "x-$*\"\\", Operator: "matches", Value: "\"]; discard; #${done}\r\n.\r\n"}}
				n.Action, n.Target = "folder", "\"; stop; \\ ${x}"
			}, "x-$*\"\\ matches \"]; discard; #${done} . folder \"; stop; \\ ${x}"},
		} {
			id := w.addFilter(t, c.change)
			f := w.filters(t, "contact")[before]
			r := f.Rules[0]
			text := strings.Join([]string{r.Header, r.Operator, r.Value, f.Action, f.Target}, " ")
			if strings.HasPrefix(c.what, "hostile") {
				text = strings.ReplaceAll(text, "  ", " ")
			}
			if f.ID != id || text != c.want {
				t.Errorf("%s: kept %q, want %q", c.what, text, c.want)
			}
			w.wantScript(t)
			must(t, w.Store.DeleteFilter(t.Context(), w.Alice, cast.Garrigue, "contact", id))
		}
	})
}

func fillRules(rules []models.FilterRule) {
	for i := range rules {
		rules[i] = models.FilterRule{Header: "from", Operator: "is", Value: "x@y.example"}
	}
}

func TestSendingMailOutByFilterIsARightOfItsOwn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, outside, inside := t.Context(), forwardTo("bob@elsewhere.example"), forwardTo("rh@garrigue.example")
		refusal := "target: filter.target.outside"
		id := w.addFilter(t, outside)
		must(t, w.redirect(t, cast.Garrigue, "onward", "x@elsewhere.example"))
		for _, c := range []struct {
			what string
			err  error
			want string
		}{
			{"to make one", second(w.Store.CreateFilter(ctx, w.Chloe, cast.Garrigue, "contact", newsletters(outside))), refusal},
			{"to copy out", second(w.Store.CreateFilter(ctx, w.Chloe, cast.Garrigue, "contact", newsletters(outside, func(n *models.FilterForm) { n.Action = "copy" }))), refusal},
			{"to send to a domain that only ends alike", second(w.Store.CreateFilter(ctx, w.Chloe, cast.Garrigue, "contact", newsletters(forwardTo("x@not-garrigue.example")))), refusal},
			{"to send to a domain below", second(w.Store.CreateFilter(ctx, w.Chloe, cast.Garrigue, "contact", newsletters(forwardTo("x@sub.garrigue.example")))), refusal},
			{"to send within the service", second(w.Store.CreateFilter(ctx, w.Chloe, cast.Garrigue, "contact", newsletters(inside))), done},
			{"to save what sends out already", w.Store.ChangeFilter(ctx, w.Chloe, cast.Garrigue, "contact", id, newsletters(outside, func(n *models.FilterForm) { n.Version = 1 })), refusal},
			{"to move it", w.Store.MoveFilter(ctx, w.Chloe, cast.Garrigue, "contact", id, false), done},
			{"to switch it off", w.Store.SwitchFilter(ctx, w.Chloe, cast.Garrigue, "contact", id, false), done},
			{"to switch it on", w.Store.SwitchFilter(ctx, w.Chloe, cast.Garrigue, "contact", id, true), forbidden(policy.ForwardOut)},
			{"to send to what a redirection sends out", second(w.Store.CreateFilter(ctx, w.Chloe, cast.Garrigue, "contact", newsletters(forwardTo("onward+x@garrigue.example")))), "target: redirection.chain.outside"},
			{"the owner, to the same", second(w.Store.CreateFilter(ctx, w.Alice, cast.Garrigue, "contact", newsletters(forwardTo("onward@garrigue.example")))), done},
			{"to send to nobody", second(w.Store.CreateFilter(ctx, w.Alice, cast.Garrigue, "contact", newsletters(forwardTo("ghost@garrigue.example")))), "target: redirection.to.missing"},
			{"to switch it on with the extra", w.Store.SwitchFilter(ctx, w.Bruno, cast.Garrigue, "contact", id, true), done},
			{"to make one with the extra", second(w.Store.CreateFilter(ctx, w.Bruno, cast.Garrigue, "contact", newsletters(outside))), done},
			{"to delete it", w.Store.DeleteFilter(ctx, w.Chloe, cast.Garrigue, "contact", id), done},
		} {
			want(t, c.what, c.err, c.want)
		}
		w.wantScript(t)
	})
}

func TestFiltersOfOthersAreNotThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, id := t.Context(), w.addFilter(t)
		for name, by := range map[string]models.Actor{"David": w.David, "Emma": w.Emma} {
			want(t, name+" reads", third(w.Store.Filters(ctx, by, cast.Garrigue, "contact")), notFound)
			want(t, name+" creates", second(w.Store.CreateFilter(ctx, by, cast.Garrigue, "contact", newsletters())), notFound)
			want(t, name+" deletes", w.Store.DeleteFilter(ctx, by, cast.Garrigue, "contact", id), notFound)
		}
		for _, where := range []struct{ domain, local string }{{cast.Garrigue, "accueil"}, {cast.Garrigue, "ghost"}, {cast.Atelier, "contact"}, {cast.Garrigue, ""}} {
			want(t, "by way of "+where.local, third(w.Store.Filter(ctx, w.Chloe, where.domain, where.local, id)), notFound)
			want(t, "changed by way of "+where.local, w.Store.ChangeFilter(ctx, w.Chloe, where.domain, where.local, id, newsletters()), notFound)
			want(t, "switched by way of "+where.local, w.Store.SwitchFilter(ctx, w.Chloe, where.domain, where.local, id, false), notFound)
			want(t, "moved by way of "+where.local, w.Store.MoveFilter(ctx, w.Chloe, where.domain, where.local, id, true), notFound)
			want(t, "deleted by way of "+where.local, w.Store.DeleteFilter(ctx, w.Chloe, where.domain, where.local, id), notFound)
		}
		for _, no := range []int64{0, -1, 1 << 62} {
			want(t, "one that is not there", third(w.Store.Filter(ctx, w.Alice, cast.Garrigue, "contact", no)), notFound)
			want(t, "to delete it", w.Store.DeleteFilter(ctx, w.Alice, cast.Garrigue, "contact", no), notFound)
		}
		must(t, w.Store.SuspendService(ctx, cast.Garrigue))
		want(t, "suspended, to read", third(w.Store.Filters(ctx, w.Chloe, cast.Garrigue, "contact")), done)
		want(t, "suspended, to create", second(w.Store.CreateFilter(ctx, w.Chloe, cast.Garrigue, "contact", newsletters())), suspended)
		want(t, "suspended, to delete", w.Store.DeleteFilter(ctx, w.Alice, cast.Garrigue, "contact", id), suspended)
	})
}

func TestTheHistorySaysWhereAFilterSendsMail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, id := t.Context(), w.addFilter(t, forwardTo("bob@elsewhere.example"))
		changed := newsletters(forwardTo("bob@elsewhere.example"), func(n *models.FilterForm) { n.Match, n.Version = models.MatchAll, 1 })
		must(t, w.Store.ChangeFilter(ctx, w.Alice, cast.Garrigue, "contact", id, changed))
		must(t, w.Store.SwitchFilter(ctx, w.Alice, cast.Garrigue, "contact", id, false))
		must(t, w.Store.SwitchFilter(ctx, w.Alice, cast.Garrigue, "contact", id, true))
		must(t, w.Store.DeleteFilter(ctx, w.Alice, cast.Garrigue, "contact", id))
		events, _, err := w.Store.History(ctx, w.Alice, w.service(t, w.Alice, cast.Garrigue), models.HistoryQuery{Size: 5})
		must(t, err)
		for _, e := range events {
			target := e.Detail["filter_target"]
			if target.Before != "bob@elsewhere.example" && target.After != "bob@elsewhere.example" {
				t.Errorf("%s does not say where to: %v", e.Kind, e.Detail)
			}
			if rules, said := e.Detail["filter_rules"]; e.Kind == "filter.deleted" && (!said || !strings.Contains(fmt.Sprint(rules.Before), `"v":"\"news\\"`)) {
				t.Errorf("%s does not say what went: %v", e.Kind, e.Detail)
			}
		}
	})
}

func TestAnAccountDelegateChangesOnlyDescriptionPasswordAndFilters(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, size, text := t.Context(), int64(models.GB), "Mine"
		id := w.addFilter(t)
		for _, c := range []struct {
			what string
			err  error
			want string
		}{
			{"description", w.Store.ChangeAccount(ctx, w.Chloe, cast.Garrigue, "contact", models.AccountSettings{Description: &text, Version: w.version(t, cast.Garrigue, "contact")}), done},
			{"password", w.Store.SetAccountPassword(ctx, w.Chloe, cast.Garrigue, "contact", goodPassword), done},
			{"filter", w.Store.SwitchFilter(ctx, w.Chloe, cast.Garrigue, "contact", id, false), done},
			{"a filter more", second(w.Store.CreateFilter(ctx, w.Chloe, cast.Garrigue, "contact", newsletters())), done},
			{"size", w.Store.ChangeAccount(ctx, w.Chloe, cast.Garrigue, "contact", models.AccountSettings{SizeBytes: &size, Version: w.version(t, cast.Garrigue, "contact")}), forbidden(policy.LimitAccount)},
			{"block", w.Store.BlockAccount(ctx, w.Chloe, cast.Garrigue, "contact"), forbidden(policy.LimitAccount)},
			{"delete", w.Store.DeleteAccount(ctx, w.Chloe, cast.Garrigue, "contact", "contact"), forbidden(policy.DeleteAccount)},
			{"create", second(w.Store.CreateAccount(ctx, w.Chloe, cast.Garrigue, models.NewAccount{Local: "mine"})), forbidden(policy.CreateAccount)},
			{"delegate", second(w.Store.DelegateAccount(ctx, w.Chloe, cast.Garrigue, "contact", request(0, cast.Emma))), forbidden(policy.DelegateAccount)},
			{"filters of another", second(w.Store.CreateFilter(ctx, w.Chloe, cast.Garrigue, "compta", newsletters())), notFound},
		} {
			want(t, c.what, c.err, c.want)
		}
	})
}

func TestFiftyFiltersAtOnceLeaveExactlyTheLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	other := w.another(t)
	for len(w.filters(t, "contact")) < models.MaxFilters-7 {
		w.addFilter(t)
	}
	stores := []*models.Store{w.Store, other}
	outcomes := together(50, func(i int) string {
		_, err := stores[i%2].CreateFilter(t.Context(), w.Chloe, cast.Garrigue, "contact", newsletters(named(fmt.Sprint(i))))
		return outcome(err)
	})
	if outcomes[done] != 7 || outcomes[": filter.limit"] != 43 {
		t.Errorf("%v, want 7 and 43", outcomes)
	}
	if n := len(w.filters(t, "contact")); n != models.MaxFilters {
		t.Errorf("%d filters", n)
	}
	w.wantScript(t)
	w.Holds(t)
}

func TestWhatFiltersHaveToDoWithAnAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		read := func(by models.Actor) string {
			t.Helper()
			f := got[*models.AccountFilters](t)(w.Store.AccountFilters(ctx, by, w.account(t, by, cast.Garrigue, "contact")))
			return fmt.Sprintf("%d %v %v", f.Own, f.From, f.More)
		}
		was := read(w.Alice)
		w.addFilter(t, forwardTo("rh@garrigue.example"))
		from := func(local, target, action string) int64 {
			return got[int64](t)(w.Store.CreateFilter(ctx, w.Alice, cast.Garrigue, local, newsletters(forwardTo(target), func(n *models.FilterForm) { n.Action = action })))
		}
		from("compta", "contact@garrigue.example", "forward")
		from("compta", "contact+x@garrigue.example", "copy")
		off := from("rh", "contact@garrigue.example", "copy")
		from("paie", "contact+x@garrigue.example", "copy")
		must(t, w.Store.SwitchFilter(ctx, w.Alice, cast.Garrigue, "rh", off, false))
		var own int
		_, err := fmt.Sscan(was, &own)
		must(t, err)
		if got, want := read(w.Bruno), fmt.Sprintf("%d [compta paie] false", own+1); got != want {
			t.Errorf("the holder of the service is told %s, want %s", got, want)
		}
		if got := read(w.Chloe); got != "0 [] false" {
			t.Errorf("the holder of the account is told %s", got)
		}
	})
}
