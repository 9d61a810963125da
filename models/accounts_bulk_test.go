package models_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// became is a result in one line: "done a b · same c · refused d (key)".
func became(r *models.BulkResult, err error) string {
	if err != nil {
		return outcome(err)
	}
	var parts []string
	for _, p := range []struct {
		name string
		list []string
	}{{"done", r.Done}, {"same", r.Same}} {
		if len(p.list) > 0 {
			parts = append(parts, p.name+" "+strings.Join(p.list, " "))
		}
	}
	for _, f := range r.Refused {
		parts = append(parts, "refused "+f.LocalPart+" ("+strings.TrimPrefix(f.Message.Key, "account.")+")")
	}
	return strings.Join(parts, " · ")
}

// several are the verbs on several accounts, each such that it changes rh, info and contact as they are in the cast.
func (w *world) several(t *testing.T) map[string]func(by models.Actor, domain string, locals ...string) (*models.BulkResult, error) {
	ctx := t.Context()
	return map[string]func(models.Actor, string, ...string) (*models.BulkResult, error){
		"describe": func(by models.Actor, domain string, locals ...string) (*models.BulkResult, error) {
			return w.Store.DescribeAccounts(ctx, by, domain, locals, "Ferme l’été")
		},
		"resize": func(by models.Actor, domain string, locals ...string) (*models.BulkResult, error) {
			return w.Store.ResizeAccounts(ctx, by, domain, locals, 3*models.GB)
		},
		"block": func(by models.Actor, domain string, locals ...string) (*models.BulkResult, error) {
			return w.Store.BlockAccounts(ctx, by, domain, locals)
		},
		"unblock": func(by models.Actor, domain string, locals ...string) (*models.BulkResult, error) {
			return w.Store.UnblockAccounts(ctx, by, domain, locals)
		},
		"revoke": func(by models.Actor, domain string, locals ...string) (*models.BulkResult, error) {
			return w.Store.RevokeOnAccounts(ctx, by, domain, locals, []string{cast.Chloe, cast.David})
		},
	}
}

func TestEachTickedAccountIsDecidedByItself(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mixed := []string{"rh", "contact", "ghost", "contact", "Contact", "'; --", "\x00", ""}
		const gone = "refused  (bulk.gone) · refused \x00 (bulk.gone) · refused '; -- (bulk.gone) · refused Contact (bulk.gone)"
		verbs := w.several(t)
		for _, c := range []struct {
			verb string
			who  string
			by   models.Actor
			want string
		}{
			{"describe", "Alice", w.Alice, "done contact rh · " + gone + " · refused ghost (bulk.gone)"},
			{"describe", "Bruno", w.Bruno, "same contact rh · " + gone + " · refused ghost (bulk.gone)"},
			{"describe", "Chloé", w.Chloe, "same contact · " + gone + " · refused ghost (bulk.gone) · refused rh (bulk.gone)"},
			{"describe", "David", w.David, notFound},
			{"describe", "Emma", w.Emma, notFound},
			{"resize", "Bruno", w.Bruno, "done contact rh · " + gone + " · refused ghost (bulk.gone)"},
			{"resize", "Alice", w.Alice, "same contact rh · " + gone + " · refused ghost (bulk.gone)"},
			{"resize", "Chloé", w.Chloe, forbidden(policy.LimitAccount)},
			{"resize", "David", w.David, notFound},
			{"block", "Bruno", w.Bruno, "done contact rh · " + gone + " · refused ghost (bulk.gone)"},
			{"block", "Chloé", w.Chloe, forbidden(policy.LimitAccount)},
			{"unblock", "Chloé", w.Chloe, forbidden(policy.LimitAccount)},
			{"unblock", "David", w.David, notFound},
			{"unblock", "Alice", w.Alice, "done contact rh · " + gone + " · refused ghost (bulk.gone)"},
			{"revoke", "Bruno, who gave nothing", w.Bruno, "same contact rh · " + gone + " · refused ghost (bulk.gone)"},
			{"revoke", "Chloé", w.Chloe, forbidden(policy.ChangeGrant)},
			{"revoke", "David", w.David, notFound},
			{"revoke", "Alice", w.Alice, "done contact · same rh · " + gone + " · refused ghost (bulk.gone)"},
		} {
			if got := became(verbs[c.verb](c.by, cast.Garrigue, mixed...)); got != c.want {
				t.Errorf("%s to %s: %q, want %q", c.who, c.verb, got, c.want)
			}
		}
	})
}

func TestWhatIsOutOfReachIsToldAsWhatIsNotThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "veille", "veille"))
		for _, local := range []string{"rh", "ghost", "veille", "hello"} { // of others, nobody's, being deleted, of another service
			r := got[*models.BulkResult](t)(w.Store.DescribeAccounts(t.Context(), w.Chloe, cast.Garrigue, []string{local}, "x"))
			if len(r.Refused) != 1 || r.Refused[0].Message.Key != "account.bulk.gone" || len(r.Refused[0].Message.Args) != 0 {
				t.Errorf("%s: %+v", local, r)
			}
		}
		a := w.service(t, w.Chloe, cast.Garrigue)
		list := got[[]models.Account](t)(w.Store.TickedAccounts(t.Context(), w.Chloe, a, policy.DescribeAccount, []string{"rh", "contact", "ghost", "veille", "accueil"}))
		if len(list) != 2 || list[0].LocalPart != "accueil" || list[1].LocalPart != "contact" {
			t.Errorf("Chloé reads %+v", list)
		}
		if list := got[[]models.Account](t)(w.Store.TickedAccounts(t.Context(), w.Chloe, a, policy.LimitAccount, []string{"contact"})); len(list) != 0 {
			t.Errorf("Chloé may limit %+v", list)
		}
	})
}

func TestEachChangedAccountHasItsEventAndTheOthersNone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		verbs := w.several(t)
		for _, verb := range []string{"describe", "resize", "block", "unblock", "revoke"} {
			got[*models.BulkResult](t)(verbs[verb](w.Alice, cast.Garrigue, "rh", "contact", "ghost"))
		}
		w.wantTold(t,
			"ad1001-mdt account.changed contact@garrigue.example", "ad1001-mdt account.changed rh@garrigue.example",
			"ad1001-mdt account.changed contact@garrigue.example", "ad1001-mdt account.changed rh@garrigue.example",
			"ad1001-mdt account.blocked contact@garrigue.example", "ad1001-mdt account.blocked rh@garrigue.example",
			"ad1001-mdt account.unblocked contact@garrigue.example", "ad1001-mdt account.unblocked rh@garrigue.example",
			"ad1001-mdt grant.revoked contact@garrigue.example cl1003-mdt")
		events, _, err := w.Store.History(t.Context(), w.Alice, w.service(t, w.Alice, cast.Garrigue), models.HistoryQuery{Local: "rh", Size: 4})
		must(t, err)
		size, text := events[2].Detail["size"], events[3].Detail["description"]
		if size.Before != float64(5*models.GB) || size.After != float64(3*models.GB) || text.Before != "Ressources humaines" || text.After != "Ferme l’été" {
			t.Errorf("before and after: %+v, %+v", size, text)
		}
		for _, verb := range []string{"describe", "resize", "unblock", "revoke"} { // as they are by now
			got[*models.BulkResult](t)(verbs[verb](w.Alice, cast.Garrigue, "rh", "contact"))
		}
		w.wantTold(t)
	})
}

func TestSearchFollowsADescriptionOfSeveral(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.signIn(t, cast.Alice).Token
		find := func(search string) (locals []string) {
			for _, i := range got[*models.AccountList](t)(w.Store.Accounts(t.Context(), token, cast.Garrigue, models.AccountQuery{Search: search})).Items {
				locals = append(locals, i.LocalPart)
			}
			return locals
		}
		if got := find("ressources"); !slices.Equal(got, []string{"rh"}) {
			t.Fatalf("before: %v", got)
		}
		got[*models.BulkResult](t)(w.Store.DescribeAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"rh", "louis.noel"}, "  Équipe\tde   nuit \" ' "))
		for search, want := range map[string][]string{"ressources": nil, "equipe nuit": {"louis.noel", "rh"}, "noel": {"louis.noel"}, "rh": {"rh"}, "équipe rh": {"rh"}} {
			if got := find(search); !slices.Equal(got, want) {
				t.Errorf("%q finds %v, want %v", search, got, want)
			}
		}
		if a := w.account(t, w.Alice, cast.Garrigue, "rh").Account; a.Description != `Équipe de nuit " '` || a.Version != 2 {
			t.Errorf("%+v", a)
		}
		want(t, "too long", second(w.Store.DescribeAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"rh"}, strings.Repeat("é", models.MaxDescription+1))), "description: account.description.long")
		if got := became(w.Store.DescribeAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"rh", "louis.noel"}, "")); got != "done louis.noel rh" || find("nuit") != nil {
			t.Errorf("without a description: %s, %v", got, find("nuit"))
		}
	})
}

// Velos has three accounts of 5 GB: atelier, david and hello.
func TestSizesAreHandedOutInTheOrderOfTheAddresses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		all := []string{"hello", "david", "atelier"}
		limits := func(total, most int64) {
			must(t, w.Store.SetService(t.Context(), cast.Velos, models.ServiceLimits{MaxBytes: &total, MaxAccountBytes: &most}))
		}
		resize := func(size int64, want string, locals ...string) {
			t.Helper()
			if got := became(w.Store.ResizeAccounts(t.Context(), w.David, cast.Velos, locals, size)); got != want {
				t.Errorf("to %d: %q, want %q", size, got, want)
			}
		}
		limits(17*models.GB, 10*models.GB)
		resize(models.MinSizeBytes-1, "size_gb: account.size.small", all...)
		resize(-1<<62, "size_gb: account.size.small", all...)
		resize(10*models.GB+1, "size_gb: account.size.large", all...)
		resize(6*models.GB, "done atelier david · refused hello (size.total)", all...)
		r := got[*models.BulkResult](t)(w.Store.ResizeAccounts(t.Context(), w.David, cast.Velos, []string{"hello"}, 8*models.GB))
		if args := r.Refused[0].Message.Args; args[1] != int64(5*models.GB) || args[3] != int64(17*models.GB) {
			t.Errorf("what is left: %v", args)
		}
		resize(2*models.GB, "done hello · refused ghost (bulk.gone)", "hello", "ghost")
		resize(8*models.GB, "done atelier · refused david (size.total) · refused hello (size.total)", all...)
		resize(3*models.GB, "done atelier david hello", all...)
		resize(5*models.GB, "done atelier hello", "atelier", "hello")
		if sv := w.service(t, w.David, cast.Velos).Service; sv.AllottedBytes != 13*models.GB {
			t.Errorf("allotted %d", sv.AllottedBytes)
		}
	})
}

func TestManySizesAtOnceNeverPassTheTotal(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		total, most := int64(22*models.GB), int64(20*models.GB)
		must(t, w.Store.SetService(t.Context(), cast.Velos, models.ServiceLimits{MaxBytes: &total, MaxAccountBytes: &most}))
		outcomes := together(24, func(i int) string {
			r, err := w.Store.ResizeAccounts(t.Context(), w.David, cast.Velos, [][]string{{"atelier", "david"}, {"david", "hello"}, {"hello", "atelier"}}[i%3], int64(6+i%4)*models.GB)
			if err != nil {
				return err.Error()
			}
			if n := len(r.Done) + len(r.Same) + len(r.Refused); n != 2 {
				return fmt.Sprintf("%d told of", n)
			}
			return done
		})
		if outcomes[done] != 24 {
			t.Errorf("%v", outcomes)
		}
		if n := w.Int(t, "SELECT count(*) FROM services WHERE allotted_bytes > max_bytes OR allotted_bytes <> (SELECT sum(size_bytes) FROM accounts a WHERE a.service_id = services.id)"); n != 0 {
			t.Errorf("%d services are past their total", n)
		}
	})
}

func TestVerbsOnSeveralAccountsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		many := make([]string, models.MaxAccounts+1)
		for i := range many {
			many[i] = fmt.Sprint("a", i)
		}
		for verb, try := range w.several(t) {
			want(t, verb+" nothing", second(try(w.Alice, cast.Garrigue)), "accounts: account.ticked.none")
			want(t, verb+" 501", second(try(w.Alice, cast.Garrigue, many...)), "accounts: account.ticked.many")
			if r := got[*models.BulkResult](t)(try(w.Alice, cast.Garrigue, many[:500]...)); len(r.Refused) != 500 {
				t.Errorf("%s 500 that are not there: %d refused", verb, len(r.Refused))
			}
			want(t, verb+" in no service", second(try(w.Alice, "nobody.example", "rh")), notFound)
			want(t, verb+" in no text", second(try(w.Alice, "\x00", "rh")), notFound)
		}
		want(t, "nobody named", second(w.Store.RevokeOnAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"rh"}, nil)), "identifiers: grant.several.nobody")
		want(t, "201 people", second(w.Store.RevokeOnAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"rh"}, many[:201])), "identifiers: grant.several.many")
	})
}

func TestASuspendedServiceChangesNoAccountOfSeveral(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.Store.SuspendService(t.Context(), cast.Garrigue))
		for verb, try := range w.several(t) {
			want(t, verb+" by Alice", second(try(w.Alice, cast.Garrigue, "rh")), suspended)
			want(t, verb+" by David", second(try(w.David, cast.Garrigue, "rh")), notFound)
		}
		want(t, "Chloé describes", second(w.several(t)["describe"](w.Chloe, cast.Garrigue, "contact")), suspended)
	})
}

// A form that was refused for each of its accounts has not acted: it can be sent again.
func TestAFormThatDidNothingToSeveralCanBeSentAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		by := w.form(t, w.signIn(t, cast.Alice).Session)
		verbs := w.several(t)
		for verb, try := range verbs {
			want(t, verb, second(try(by, cast.Garrigue, "ghost")), done)
		}
		if n := w.Int(t, "SELECT count(*) FROM submissions"); n != 0 {
			t.Errorf("%d forms have acted", n)
		}
		want(t, "some right, some wrong", second(verbs["block"](by, cast.Garrigue, "rh", "ghost")), done)
		want(t, "once more", second(verbs["unblock"](by, cast.Garrigue, "rh")), repeated)
	})
}

func TestAVerbOnSeveralIsAUseOfTheGrantOnEach(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Move(3 * time.Hour)
		got[*models.BulkResult](t)(w.Store.DescribeAccounts(t.Context(), w.Chloe, cast.Garrigue, []string{"contact", "accueil", "rh"}, "x"))
		for _, local := range []string{"contact", "accueil"} {
			list := got[*models.GrantList](t)(w.Store.Grants(t.Context(), w.Alice, w.account(t, w.Alice, cast.Garrigue, local), models.GrantQuery{}))
			if g := list.Grants[0]; g.UsedAt == nil || !g.UsedAt.Equal(w.Store.Now()) {
				t.Errorf("%s was used at %v", local, g.UsedAt)
			}
		}
	})
}

// However many accounts there are, the statements are the same.
func TestStatementsOfVerbsOnSeveralAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	accounts, total := 1000, int64(2000*models.GB)
	must(t, w.Store.SetService(t.Context(), cast.Garrigue, models.ServiceLimits{MaxAccounts: &accounts, MaxBytes: &total}))
	many := make([]string, models.MaxAccounts)
	for i := range many {
		many[i] = fmt.Sprintf("serie%03d", i)
		must(t, second(w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, models.NewAccount{Local: many[i], SizeBytes: models.GB})))
	}
	must(t, second(w.Store.DelegateAccounts(t.Context(), w.Alice, cast.Garrigue, many, request(0, cast.David))))
	alice := w.signIn(t, cast.Alice)
	for _, c := range []struct {
		verb string
		most int
	}{
		{"describe", 8}, // the words before and after
		{"resize", 7},   // the counter of the service
		{"block", 6},
		{"unblock", 6},
		{"revoke", 8}, // the notices of those who lose their access
	} {
		w.Count.Take()
		r := got[*models.BulkResult](t)(w.several(t)[c.verb](w.form(t, alice.Session), cast.Garrigue, many...))
		ours, _ := split(w.Count.Take())
		if len(r.Done) != models.MaxAccounts || len(ours) != c.most {
			t.Errorf("%s: %d done with %d statements, want %d:\n\t%.2000s", c.verb, len(r.Done), len(ours), c.most, strings.Join(ours, "\n\t"))
		}
	}
}
