package models_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

// A listed account as plain values: what the list must say, thought out without SQL.
type listed struct {
	local, description string
	used, size         int64
	state              models.AccountState
	managers           []string // in the order in which they were given
	gave               []string // who gave each
}

func (a listed) full() bool { return a.used >= a.size/20*19 }

// words are what the account can be searched by: the local part, its pieces and those of the description.
func (a listed) words() []string {
	fold := strings.NewReplacer("é", "e", "è", "e", "É", "e", "ç", "c", "œ", "oe", "Œ", "oe").Replace
	pieces := strings.FieldsFunc(fold(strings.ToLower(a.local+" "+a.description)), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return append(pieces, a.local)
}

func (a listed) found(search ...string) bool {
	return !slices.ContainsFunc(search, func(s string) bool {
		return !slices.ContainsFunc(a.words(), func(w string) bool { return strings.HasPrefix(w, s) })
	})
}

// lists is a service of Alice's with many accounts: Emma holds the whole of it
// and passed some on to David, Bruno holds the whole of it, Chloé some accounts.
const lists = "lists.example"

func (w *world) lists(t *testing.T) []listed {
	t.Helper()
	ctx := t.Context()
	got[*models.Service](t)(w.Store.AddService(ctx, models.NewService{Domain: lists, Owner: cast.Alice}))
	limit, total := 1000, int64(5000*models.GB)
	must(t, w.Store.SetService(ctx, lists, models.ServiceLimits{MaxAccounts: &limit, MaxBytes: &total}))
	w.share(t, w.Alice, lists, cast.Bruno, 0, nil)
	w.share(t, w.Alice, lists, cast.Emma, policy.Delegate, nil)

	random := rand.New(rand.NewPCG(1, 2))
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	var all []listed
	for i := range 130 {
		a := listed{
			local:       fmt.Sprintf("%s%s%d", pick("alice", "bob", "compta", "zoe"), pick(".", "-", "_", ""), random.IntN(1000)*1000+i),
			description: pick("", "Alice Besson", "Comptabilité générale", "Élise, l’accueil", "Cœur de métier", "Zone 51", "archives 2019–2024"),
			size:        int64(1+random.IntN(4)) * models.GB,
			state:       models.AccountActive,
		}
		a.used = a.size / 100 * int64([]int{0, 0, 10, 50, 94, 95, 100, 120}[random.IntN(8)])
		got[*models.Account](t)(w.Store.CreateAccount(ctx, w.Alice, lists, models.NewAccount{Local: a.local, Description: a.description, SizeBytes: a.size}))
		must(t, w.Store.RecordUsage(ctx, a.local+"@"+lists, a.used))
		all = append(all, a)
	}
	give := func(by models.Actor, every int, to string, until *time.Time) {
		var locals []string
		for i := range all {
			if i%every == 0 {
				locals = append(locals, all[i].local)
				if until == nil {
					all[i].managers, all[i].gave = append(all[i].managers, to), append(all[i].gave, w.name(by))
				}
			}
		}
		r := request(policy.Password, to)
		r.ExpiresAt = until
		got[*models.GrantResult](t)(w.Store.DelegateAccounts(ctx, by, lists, locals, r))
	}
	give(w.Alice, 2, cast.Chloe, nil)
	give(w.Alice, 13, cast.Bruno, nil)
	give(w.Emma, 7, cast.David, nil)
	give(w.Alice, 26, cast.Emma, nil)
	give(w.Alice, 3, "ep1005-mdt", w.in(-time.Hour+2*time.Hour)) // lapses
	w.Clock.Move(90 * time.Minute)
	for i := range all {
		switch {
		case i%11 == 5:
			must(t, w.Store.BlockAccount(ctx, w.Alice, lists, all[i].local))
			all[i].state = models.AccountBlocked
		case i%17 == 3:
			must(t, w.Store.DeleteAccount(ctx, w.Alice, lists, all[i].local, all[i].local))
			all[i].state = models.AccountDeleting
		}
	}
	return slices.DeleteFunc(all, func(a listed) bool { return a.state == models.AccountDeleting })
}

// expected is what a list must have, in its order.
func expected(all []listed, reach func(listed) bool, delegated func(listed) bool, q models.AccountQuery) []listed {
	var list []listed
	for _, a := range all {
		ok := reach(a) && a.found(strings.Fields(q.Search)...)
		switch q.Status {
		case "active":
			ok = ok && a.state == models.AccountActive
		case "blocked":
			ok = ok && a.state == models.AccountBlocked
		case "full":
			ok = ok && a.full()
		case "delegated":
			ok = ok && delegated(a)
		}
		if ok {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b listed) int {
		order := cmp.Compare(a.local, b.local)
		if strings.HasSuffix(q.Sort, "used") {
			order = cmp.Or(cmp.Compare(a.used, b.used), order)
		}
		if strings.HasPrefix(q.Sort, "-") {
			order = -order
		}
		return order
	})
	return list
}

func TestEveryListWalksItsRowsExactlyOnceBothWays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		all := w.lists(t)
		everything := func(listed) bool { return true }
		for _, viewer := range []struct {
			who       string
			reach     func(listed) bool
			delegated func(listed) bool
			managers  func(listed) []string
			searches  []string
		}{
			{
				cast.Alice, everything, func(a listed) bool { return a.managers != nil }, func(a listed) []string { return a.managers },
				[]string{"", "a", "compta", "elise accueil", "gen zoe", "coeur alice", "2024", "bob besson alice", "nobody"},
			},
			{cast.Bruno, everything, func(a listed) bool { return slices.Contains(a.managers, cast.Bruno) }, func(listed) []string { return nil }, []string{"", "zo"}},
			{
				cast.Emma, everything, func(a listed) bool {
					return slices.Contains(a.gave, cast.Emma) || slices.Contains(a.managers, cast.Emma)
				},
				func(listed) []string { return nil },
				[]string{"", "zo"},
			},
			{cast.Chloe, func(a listed) bool { return slices.Contains(a.managers, cast.Chloe) }, everything, func(listed) []string { return nil }, []string{"", "alice b", "compta"}},
		} {
			token := w.signIn(t, viewer.who).Token
			for _, search := range viewer.searches {
				for _, status := range models.AccountStatuses {
					for _, sort := range models.AccountSorts {
						for _, size := range models.PageSizes {
							if size > 25 && (search != "" || status != "") {
								continue
							}
							q := models.AccountQuery{Search: search, Status: status, Sort: sort, Size: size}
							what := fmt.Sprintf("%s, %+v", viewer.who, q)
							w.walk(t, what, token, q, expected(all, viewer.reach, viewer.delegated, q), viewer.managers)
						}
					}
				}
			}
		}
	})
}

// walk goes through a list to its end and back, and compares every page.
func (w *world) walk(t *testing.T, what, token string, q models.AccountQuery, want []listed, managers func(listed) []string) {
	t.Helper()
	pages := slices.Collect(slices.Chunk(want, q.Size))
	if len(pages) == 0 {
		pages = [][]listed{nil}
	}
	read := func(n int, q models.AccountQuery) *models.AccountList {
		t.Helper()
		list := got[*models.AccountList](t)(w.Store.Accounts(t.Context(), token, lists, q))
		var is, should []string
		for _, i := range list.Items {
			is = append(is, fmt.Sprintf("%s %q %d/%d %s %v %v", i.Address, i.Description, i.UsedBytes, i.SizeBytes, i.State, i.Managers, i.MoreManagers))
		}
		for _, a := range pages[n] {
			m := managers(a)
			should = append(should, fmt.Sprintf("%s@%s %q %d/%d %s %v %v", a.local, lists, a.description, a.used, a.size, a.state, m[:min(2, len(m))], len(m) > 2))
		}
		if !slices.Equal(is, should) {
			t.Fatalf("%s, page %d of %d:\n\t%s\nwant\n\t%s", what, n+1, len(pages), strings.Join(is, "\n\t"), strings.Join(should, "\n\t"))
		}
		if (list.Next != "") != (n+1 < len(pages)) || (list.Previous != "") != (n > 0) || list.Capped {
			t.Fatalf("%s, page %d of %d: previous %q, next %q, capped %v", what, n+1, len(pages), list.Previous, list.Next, list.Capped)
		}
		return list
	}
	list := read(0, q)
	for n := 1; n < len(pages); n++ {
		q.After = list.Next
		list = read(n, q)
	}
	q.After = ""
	for n := len(pages) - 2; n >= 0; n-- {
		q.Before = list.Previous
		list = read(n, q)
	}
}

func TestTheListSaysWhatItsViewerIsToTheServiceAndToEachAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.delegate(t, w.Alice, cast.Garrigue, "info", cast.Chloe, 0, nil)
		for _, c := range []struct {
			who             string
			owner           bool
			whole           bool
			rows            int
			service, single policy.Extra // on info@
		}{
			{cast.Alice, true, true, 40, 0, 0},
			{cast.Bruno, false, true, 40, policy.Password | policy.Forward, 0},
			{cast.Chloe, false, false, 3, 0, 0},
		} {
			in := w.signIn(t, c.who)
			list := got[*models.AccountList](t)(w.Store.Accounts(t.Context(), in.Token, cast.Garrigue, models.AccountQuery{Size: 100}))
			if list.Session.ID != in.Session.ID || list.Session.Identifier != c.who || list.Session.Name != in.Session.Name || !list.Session.ExpiresAt.Equal(in.Session.ExpiresAt) {
				t.Errorf("%s: the session is %+v, want %+v", c.who, list.Session, in.Session)
			}
			a := w.service(t, in.Session.Actor(), cast.Garrigue)
			if list.Access.Standing.Owner != c.owner || list.Access.Whole() != c.whole || len(list.Items) != c.rows {
				t.Errorf("%s: %+v with %d rows", c.who, list.Access.Standing, len(list.Items))
			}
			if list.Access.Service.ID != a.Service.ID || list.Access.Service.Domain != a.Service.Domain || list.Access.Service.OwnerIdentifier != cast.Alice ||
				list.Access.Service.OwnerName != "Alice Durand" || list.Access.Service.MaxAccountBytes != a.Service.MaxAccountBytes || list.Access.Service.ShareCount != 1 {
				t.Errorf("%s: %+v, want %+v", c.who, list.Access.Service, a.Service)
			}
			if g := list.Access.ServiceGrant; (g != nil) != (c.service != 0) || g != nil && (g.Extras != c.service || g.Giver != cast.Alice || !g.Since.Equal(a.ServiceGrant.Since) || g.ExpiresAt != nil) {
				t.Errorf("%s: holds %+v, want %+v", c.who, g, a.ServiceGrant)
			}
			for _, i := range list.Items {
				if c.whole {
					if i.Held != nil {
						t.Errorf("%s holds %s by %v, though they reach the whole", c.who, i.LocalPart, i.Held.Names())
					}
					continue
				}
				account := w.account(t, in.Session.Actor(), cast.Garrigue, i.LocalPart)
				if i.Held == nil || *i.Held != account.AccountGrant.Extras || i.Standing(&list.Access).Account == nil {
					t.Errorf("%s holds %s by %v, want %v", c.who, i.LocalPart, i.Held, account.AccountGrant)
				}
			}
		}
	})
}

func TestWhoMayListAccounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		david, emma, sam := w.signIn(t, cast.David).Token, w.signIn(t, cast.Emma).Token, w.signIn(t, cast.Sam).Token
		gone := w.signIn(t, cast.Alice)
		must(t, w.Store.SignOut(t.Context(), &gone.Session))
		for _, c := range []struct{ what, token, domain, outcome string }{
			{"a stranger", david, cast.Garrigue, notFound},
			{"somebody without anything", emma, cast.Garrigue, notFound},
			{"an agent", sam, cast.Garrigue, notFound},
			{"nobody", "", cast.Garrigue, signedOut},
			{"a token of nobody", "not a token", cast.Garrigue, signedOut},
			{"unreadable", "\x00\xff", cast.Garrigue, signedOut},
			{"signed out", gone.Token, cast.Garrigue, signedOut},
			{"nobody, a service that is not there", "", "nobody.example", signedOut},
			{"a service that is not there", david, "nobody.example", notFound},
			{"no service's name", david, "\x00", notFound},
			{"no text", david, "\xff", notFound},
			{"its owner", david, cast.Velos, done},
		} {
			list, err := w.Store.Accounts(t.Context(), c.token, c.domain, models.AccountQuery{})
			want(t, c.what, err, c.outcome)
			if err != nil && list != nil {
				t.Errorf("%s: %+v came along", c.what, list)
			}
		}
	})
}

func TestACursorOfNoListIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.signIn(t, cast.Alice).Token
		for _, c := range []struct{ sort, cursor, outcome string }{
			{"", "\x00", "no such cursor"},
			{"", "\xff", "no such cursor"},
			{"", "Contact", "no such cursor"},
			{"", "é", "no such cursor"},
			{"", "..", "no such cursor"},
			{"", "' OR 1=1 --", "no such cursor"},
			{"", strings.Repeat("a", 65), "no such cursor"},
			{"-address", " contact", "no such cursor"},
			{"used", "contact", "no such cursor"},
			{"used", "1", "no such cursor"},
			{"used", "1.", "no such cursor"},
			{"used", ".contact", "no such cursor"},
			{"used", "1e9.contact", "no such cursor"},
			{"-used", "99999999999999999999.contact", "no such cursor"},
			{"used", "1.\x00", "no such cursor"},
			{"", "1.contact", done},
			{"used", "-1.contact", done},
			{"", "no.such.account", done},
			{"used", "9223372036854775807.zzz", done},
		} {
			for what, q := range map[string]models.AccountQuery{"after": {Sort: c.sort, After: c.cursor}, "before": {Sort: c.sort, Before: c.cursor}} {
				_, err := w.Store.Accounts(t.Context(), token, cast.Garrigue, q)
				want(t, fmt.Sprintf("%s %.20q by %q", what, c.cursor, c.sort), err, c.outcome)
			}
		}
	})
}

func TestASearchIsNeverMoreThanText(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.signIn(t, cast.Alice).Token
		got[*models.Account](t)(w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, models.NewAccount{Local: "j-p_1.x", Description: "L’Œuvre d'Été “Zürich” 2019–2024"}))
		got[*models.Account](t)(w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, models.NewAccount{Local: "other", Description: "٣ 東京 अनुवाद"}))
		for search, n := range map[string]int{
			"": 42, "   ": 42, "\t\n": 42, "\x00": 42, "\xff\xfe": 42,
			"%": 0, "_": 0, "'": 0, "\\": 0, "*": 0, "' OR ''='": 0, "%%%": 0, "--": 0, "@": 0, "…": 0,
			"contact\x00": 1, "contact@garrigue.example": 1, "CONTACT": 1, "contact@": 1, "besson'; --": 1,
			"j-p_1.x": 1, "j-p": 1, "j-p_1.x@garrigue.example": 1,
			"L’œuvre": 1, "l'oeuvre": 1, "d'été": 1, "zurich": 1, "ZÜRICH": 1, "“Zürich”": 1, "2019–2024 œuvre": 1, "٣": 1, "東": 1, "अनु": 1, "अनुवाद": 1,
			"œ\u0301uvre": 1, "e\u0301te\u0301": 1, "\U0010FFFF": 0, "🙂": 0, strings.Repeat("a", 100000): 0, strings.Repeat("a ", 50000): 7, "\u202econtact": 1,
			"alice besson alice besson alice nothing": 1, // the first three words count
		} {
			list, err := w.Store.Accounts(t.Context(), token, cast.Garrigue, models.AccountQuery{Search: search, Size: 100})
			if err != nil {
				t.Errorf("search %.40q: %v", search, err)
			} else if len(list.Items) != n || list.Capped {
				t.Errorf("search %.40q: %d found, capped %v; want %d", search, len(list.Items), list.Capped, n)
			}
		}
	})
}

func TestASearchThatFindsTooMuchSaysSo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.fill(t, cast.Garrigue, 600)
		token := w.signIn(t, cast.Alice).Token
		count := func(search string) (rows int, capped bool) {
			t.Helper()
			for q := (models.AccountQuery{Search: search, Size: 100}); ; {
				list := got[*models.AccountList](t)(w.Store.Accounts(t.Context(), token, cast.Garrigue, q))
				rows, capped = rows+len(list.Items), capped || list.Capped
				if q.After = list.Next; q.After == "" {
					return rows, capped
				}
			}
		}
		for _, c := range []struct {
			search string
			rows   int
			capped bool
		}{{"filled", models.MaxMatches + 1, true}, {"fill", models.MaxMatches + 1, true}, {"filled00", models.MaxMatches + 1, true}, {"filled000", 100, false}, {"filled00599", 1, false}} {
			rows, capped := count(c.search)
			if rows != c.rows || capped != c.capped {
				t.Errorf("%q: %d rows, capped %v; want %d, %v", c.search, rows, capped, c.rows, c.capped)
			}
		}
		// A word that finds one finds it beside one that finds too many, in whichever order.
		for _, search := range []string{"fill filled00599", "filled00599 fill"} {
			if rows, capped := count(search); rows != 1 || capped {
				t.Errorf("%q: %d rows, capped %v; want the one", search, rows, capped)
			}
		}
	})
}

func TestAnOddQueryIsTheFirstPage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.signIn(t, cast.Alice).Token
		first := got[*models.AccountList](t)(w.Store.Accounts(t.Context(), token, cast.Garrigue, models.AccountQuery{}))
		for _, q := range []models.AccountQuery{{Size: 7}, {Size: -1}, {Size: 1 << 40}, {Sort: "size; DROP TABLE accounts"}, {Status: "deleting"}, {Status: "' OR true --"}} {
			list := got[*models.AccountList](t)(w.Store.Accounts(t.Context(), token, cast.Garrigue, q))
			if len(list.Items) != models.PageSizes[0] || list.Items[0].LocalPart != first.Items[0].LocalPart || list.Next != first.Next {
				t.Errorf("%+v: %d rows from %s", q, len(list.Items), list.Items[0].LocalPart)
			}
		}
	})
}
