package models_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

// domains makes services of an owner, and answers their domains in order.
func (w *world) domains(t *testing.T, owner string, n int) []string {
	t.Helper()
	var list []string
	for i := range n {
		domain := fmt.Sprintf("%s%03d.example", []string{"alpha", "beta", "gamma"}[i%3], i)
		got[*models.Service](t)(w.Store.AddService(t.Context(), models.NewService{Domain: domain, Owner: owner}))
		list = append(list, domain)
	}
	slices.Sort(list)
	return list
}

// walkServices goes through a list of services to its end and back.
func walkServices(t *testing.T, what string, size int, search string, read func(models.ServiceQuery) (*models.ServiceList, error), want []string) {
	t.Helper()
	pages := slices.Collect(slices.Chunk(want, size))
	if len(pages) == 0 {
		pages = [][]string{nil}
	}
	q := models.ServiceQuery{Search: search, Size: size}
	page := func(n int) *models.ServiceList {
		t.Helper()
		list := got[*models.ServiceList](t)(read(q))
		var is []string
		for _, i := range list.Items {
			is = append(is, i.Domain)
		}
		if !slices.Equal(is, pages[n]) || (list.Next != "") != (n+1 < len(pages)) || (list.Previous != "") != (n > 0) {
			t.Fatalf("%s, search %q, page %d of %d: %q, previous %q, next %q; want %q", what, search, n+1, len(pages), is, list.Previous, list.Next, pages[n])
		}
		return list
	}
	list := page(0)
	for n := 1; n < len(pages); n++ {
		q.After = list.Next
		list = page(n)
	}
	q.After = ""
	for n := len(pages) - 2; n >= 0; n-- {
		q.Before = list.Previous
		list = page(n)
	}
}

func containing(domains []string, part string) []string {
	return slices.DeleteFunc(slices.Clone(domains), func(d string) bool { return !strings.Contains(d, part) })
}

func TestOwnServicesAreWalkedExactlyOnceBothWays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		all := w.domains(t, cast.Emma, 60)
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, nil) // not her own
		read := func(q models.ServiceQuery) (*models.ServiceList, error) {
			return w.Store.OwnServices(t.Context(), w.Emma, q)
		}
		for _, search := range []string{"", "alpha", "PHA0", "1.example", ".", "nothing"} {
			walkServices(t, "own", 25, search, read, containing(all, strings.ToLower(search)))
		}
		walkServices(t, "own by 50", 50, "", read, all)
		walkServices(t, "nobody's", 25, "", func(q models.ServiceQuery) (*models.ServiceList, error) {
			return w.Store.OwnServices(t.Context(), w.Bruno, q)
		}, nil)
	})
}

func TestSharedServicesAreWalkedExactlyOnceBothWays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		all := w.domains(t, cast.Alice, 60)
		var held []string
		for i, domain := range all {
			switch i % 4 {
			case 0: // the whole service
				w.share(t, w.Alice, domain, cast.Emma, 0, nil)
			case 1: // one account of it
				got[*models.Account](t)(w.Store.CreateAccount(t.Context(), w.Alice, domain, models.NewAccount{Local: "one"}))
				w.delegate(t, w.Alice, domain, "one", cast.Emma, 0, nil)
			case 2: // what has lapsed
				w.share(t, w.Alice, domain, cast.Emma, 0, w.in(time.Minute))
				continue
			case 3: // what was revoked
				g := w.share(t, w.Alice, domain, cast.Emma, 0, nil)
				got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, g.ID))
				continue
			}
			held = append(held, domain)
		}
		w.Clock.Move(2 * time.Minute)
		// Many grants on one domain in the middle are one row, and cost no more than one.
		locals := w.fill(t, held[11], 300)
		got[*models.GrantResult](t)(w.Store.DelegateAccounts(t.Context(), w.Alice, held[11], locals, request(0, cast.Emma)))

		read := func(q models.ServiceQuery) (*models.ServiceList, error) {
			return w.Store.SharedServices(t.Context(), w.Emma, q)
		}
		for _, search := range []string{"", "alpha", "ETA", "nothing"} {
			walkServices(t, "shared", 25, search, read, containing(held, strings.ToLower(search)))
		}
		walkServices(t, "a stranger's", 25, "", func(q models.ServiceQuery) (*models.ServiceList, error) {
			return w.Store.SharedServices(t.Context(), w.David, q)
		}, nil)
		list := got[*models.ServiceList](t)(read(models.ServiceQuery{Search: held[11]}))
		if len(list.Items) != 1 || list.Items[0].Held < 300 {
			t.Errorf("%+v, want 300 accounts held", list.Items)
		}
	})
}

func TestASharedServiceSaysHowItIsHeld(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		until := w.in(time.Hour)
		g := w.share(t, w.Alice, cast.Garrigue, cast.Chloe, policy.Delegate, until)
		item := func(by models.Actor, domain string) models.ServiceItem {
			t.Helper()
			list := got[*models.ServiceList](t)(w.Store.SharedServices(t.Context(), by, models.ServiceQuery{Search: domain}))
			if len(list.Items) != 1 {
				t.Fatalf("%d services", len(list.Items))
			}
			return list.Items[0]
		}
		i := item(w.Chloe, cast.Garrigue)
		if i.Grant == nil || i.Grant.ID != g.ID || i.Grant.Extras != g.Extras || i.Grant.Giver != cast.Alice || !i.Grant.Since.Equal(g.Since) || !i.Grant.ExpiresAt.Equal(*until) ||
			i.Held != 2 || i.Owner != cast.Alice || i.OwnerName != "Alice Durand" || i.AccountCount != 40 || i.ShareCount != 0 || i.State != models.ServiceActive {
			t.Errorf("with both: %+v, %+v", i, i.Grant)
		}
		w.Clock.Move(2 * time.Hour)
		if i := item(w.Chloe, cast.Garrigue); i.Grant != nil || i.Held != 2 || i.AccountCount != 0 {
			t.Errorf("an account delegate is told %+v: how many accounts there are is not theirs to know", i)
		}
		if i := item(w.Bruno, cast.Garrigue); i.Grant == nil || i.Held != 0 || i.AccountCount != 40 {
			t.Errorf("a service delegate is told %+v", i)
		}
		own := got[*models.ServiceList](t)(w.Store.OwnServices(t.Context(), w.Alice, models.ServiceQuery{Search: "garrigue"})).Items
		if len(own) != 1 || own[0].AccountCount != 40 || own[0].ShareCount != 2 || own[0].Grant != nil {
			t.Errorf("the owner is told %+v", own)
		}
	})
}

func TestAnInternationalDomainIsFoundAsItIsRead(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sv := got[*models.Service](t)(w.Store.AddService(t.Context(), models.NewService{Domain: "Café-Œuvre.example", Owner: cast.Emma}))
		if !strings.HasPrefix(sv.Domain, "xn--") || models.ReadableDomain(sv.Domain) != "café-œuvre.example" {
			t.Fatalf("kept as %s", sv.Domain)
		}
		for search, n := range map[string]int{"café-œuvre.example": 1, "CAFÉ-ŒUVRE.EXAMPLE": 1, sv.Domain: 1, "xn--caf": 1, "example": 1, "other.example": 0} {
			if list := got[*models.ServiceList](t)(w.Store.OwnServices(t.Context(), w.Emma, models.ServiceQuery{Search: search})); len(list.Items) != n {
				t.Errorf("search %q finds %d, want %d", search, len(list.Items), n)
			}
		}
		_, err := w.Store.AddService(t.Context(), models.NewService{Domain: "cafe\u0301-œuvre.example", Owner: cast.Emma})
		want(t, "the same in other characters", err, "domain: service.domain.taken")
	})
}

func TestHostileSearchesOfServicesAreHarmless(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for search, n := range map[string]int{
			"%": 0, "_": 0, `\`: 0, "'": 0, "' OR 1=1 --": 0, "\x00": 2, "\xff": 2, " garrigue ": 1, "garrigue\x00": 1, "g%e": 0, "g_rrigue": 0,
			strings.Repeat("a", 100000): 0, "🙂": 0, "$1": 0, "@me": 0, "?": 0,
		} {
			for what, q := range map[string]models.ServiceQuery{"search": {Search: search}, "search on": {Search: search, After: "aaa"}, "search back": {Search: search, Before: "zzz"}} {
				list, err := w.Store.OwnServices(t.Context(), w.Alice, q)
				if err != nil || len(list.Items) != n {
					t.Errorf("%s %.20q: %v, %v; want %d", what, search, list, err, n)
				}
				if _, err := w.Store.SharedServices(t.Context(), w.Bruno, q); err != nil {
					t.Errorf("shared, %s %.20q: %v", what, search, err)
				}
			}
		}
		for _, cursor := range []string{"\x00", "\xff", "'", strings.Repeat("z", 10000), "%"} {
			for _, q := range []models.ServiceQuery{{After: cursor}, {Before: cursor}} {
				if _, err := w.Store.OwnServices(t.Context(), w.Alice, q); err != nil {
					t.Errorf("cursor %.20q: %v", cursor, err)
				}
				if _, err := w.Store.SharedServices(t.Context(), w.Bruno, q); err != nil {
					t.Errorf("shared, cursor %.20q: %v", cursor, err)
				}
			}
		}
	})
}

func TestTheOverviewCountsWhatItsViewerMayKnow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, nil)
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.David, 0, w.in(time.Minute))
		must(t, w.Store.RecordUsage(t.Context(), "rh@garrigue.example", 5*models.GB))
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "archives", "archives")) // the full one
		w.Clock.Move(time.Hour)
		for _, c := range []struct {
			who     string
			by      models.Actor
			figures models.Figures
			shares  []string
		}{
			{"the owner", w.Alice, models.Figures{Blocked: 1, Full: 1, Delegated: 2, LargestList: 6}, []string{cast.Bruno, cast.Emma}},
			{"a service delegate", w.Bruno, models.Figures{Blocked: 1, Full: 1, LargestList: 6}, nil},
			{"an account delegate", w.Chloe, models.Figures{}, nil},
		} {
			figures, grants, err := w.Store.Overview(t.Context(), w.service(t, c.by, cast.Garrigue))
			must(t, err)
			var holders []string
			for _, g := range grants {
				holders = append(holders, g.Grantee)
				if g.Giver != cast.Alice || g.GranteeName == "" || g.Since.IsZero() {
					t.Errorf("%s: %+v", c.who, g)
				}
			}
			if figures != c.figures || !slices.Equal(holders, c.shares) {
				t.Errorf("%s: %+v, shared with %v; want %+v, %v", c.who, figures, holders, c.figures, c.shares)
			}
		}
	})
}

func TestAServiceIsMadeOnceWithItsOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		few, none := 5, -1
		for _, c := range []struct {
			n       models.NewService
			outcome string
		}{
			{models.NewService{Domain: "new.example", Owner: cast.Emma, Limits: models.ServiceLimits{MaxAccounts: &few}}, done},
			{models.NewService{Domain: "NEW.example", Owner: cast.Emma}, "domain: service.domain.taken"},
			{models.NewService{Domain: "com", Owner: cast.Emma}, "domain: address.domain.single"},
			{models.NewService{Domain: "co.uk", Owner: cast.Emma}, "domain: address.domain.public"},
			{models.NewService{Domain: "other.example", Owner: "zz1-mdt"}, "owner: grant.refused.unknown"},
			{models.NewService{Domain: "other.example", Owner: "oops"}, "owner: customer.identifier.shape"},
			{models.NewService{Domain: "", Owner: ""}, "domain: address.domain.empty, owner: customer.identifier.shape"},
			{models.NewService{Domain: "other.example", Owner: cast.Emma, Limits: models.ServiceLimits{MaxAccounts: &none}}, "max_accounts: service.limit.accounts"},
		} {
			_, err := w.Store.AddService(t.Context(), c.n)
			want(t, fmt.Sprintf("%+v", c.n), err, c.outcome)
		}
		w.wantToldOf(t, "new.example", "- service.created new.example")
		must(t, w.Store.SetService(t.Context(), "new.example", models.ServiceLimits{}))
		must(t, w.Store.SetService(t.Context(), "New.Example", models.ServiceLimits{MaxAccounts: &few}))
		w.wantToldOf(t, "new.example")
		more := 6
		must(t, w.Store.SetService(t.Context(), "new.example", models.ServiceLimits{MaxAccounts: &more}))
		w.wantToldOf(t, "new.example", "- service.limits new.example")
		want(t, "limits of nothing", w.Store.SetService(t.Context(), "nobody.example", models.ServiceLimits{}), notFound)
		want(t, "suspend nothing", w.Store.SuspendService(t.Context(), "nobody.example"), notFound)
		want(t, "suspend no domain", w.Store.SuspendService(t.Context(), "\x00"), "domain: address.domain.shape")
	})
}

// Every number that the operator sets: nothing is promised that is taken
// already, the history tells what it was, and a service that nobody set
// anything of has what its columns say.
func TestTheLimitsOfAServiceKeepAboveWhatItHas(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		got[*models.Service](t)(w.Store.AddService(ctx, models.NewService{Domain: "usual.example", Owner: cast.Emma}))
		sv := w.service(t, w.Emma, "usual.example").Service
		w.Exec(t, `INSERT INTO services (domain, owner_id, max_accounts, max_bytes, max_account_bytes, created_at)
			SELECT 'columns.example', owner_id, max_accounts, max_bytes, max_account_bytes, created_at FROM services WHERE domain = 'usual.example'`)
		if c := w.service(t, w.Emma, "columns.example").Service; sv.MaxRedirections != c.MaxRedirections || sv.MaxResponders != c.MaxResponders || sv.MaxLists != c.MaxLists || sv.MaxSubscribers != c.MaxSubscribers {
			t.Errorf("usual limits %+v, of the columns %+v", sv, c)
		}
		w.Exec(t, "DELETE FROM services WHERE domain = 'columns.example'")

		redirect := func(local string) error {
			return second(w.Store.CreateRedirection(ctx, w.Alice, cast.Garrigue, models.NewRedirection{Local: local, Targets: "contact@" + cast.Garrigue}))
		}
		must(t, redirect("ventes"))
		set := func(l models.ServiceLimits) error { return w.Store.SetService(ctx, cast.Garrigue, l) }
		for _, c := range []struct {
			name string
			used int
			of   func(*int) models.ServiceLimits
		}{
			{"redirections", 4, func(n *int) models.ServiceLimits { return models.ServiceLimits{MaxRedirections: n} }},
			{"responders", 2, func(n *int) models.ServiceLimits { return models.ServiceLimits{MaxResponders: n} }},
			{"lists", 1, func(n *int) models.ServiceLimits { return models.ServiceLimits{MaxLists: n} }},
			{"subscribers", 6, func(n *int) models.ServiceLimits { return models.ServiceLimits{MaxSubscribers: n} }},
		} {
			w.told(t, cast.Garrigue)
			for _, n := range []int{c.used - 1, -1} {
				want(t, fmt.Sprintf("%s %d", c.name, n), set(c.of(&n)), "max_"+c.name+": service.limit."+c.name)
			}
			huge := 1 << 31
			want(t, c.name+" without end", set(c.of(&huge)), "max_"+c.name+": service.limit.most")
			w.wantToldOf(t, cast.Garrigue)
			must(t, set(c.of(&c.used)))
			w.wantToldOf(t, cast.Garrigue, "- service.limits "+cast.Garrigue)
			events, _, err := w.Store.History(ctx, w.Alice, w.service(t, w.Alice, cast.Garrigue), models.HistoryQuery{Size: 1})
			must(t, err)
			if d := events[0].Detail["max_"+c.name]; len(events[0].Detail) != 1 || d.Before == nil || fmt.Sprint(d.After) != fmt.Sprint(c.used) {
				t.Errorf("%s: %+v", c.name, events[0].Detail)
			}
			must(t, set(c.of(&c.used)))
			w.wantToldOf(t, cast.Garrigue)
		}
		want(t, "one redirection more", redirect("ventes2"), ": redirection.limit")
		want(t, "one list more", second(w.Store.CreateList(ctx, w.Alice, cast.Garrigue, newList("more"))), "name: list.limit")

		none, some := 0, 3
		want(t, "negative, of a new one", second(w.Store.AddService(ctx, models.NewService{Domain: "odd.example", Owner: cast.Emma, Limits: models.ServiceLimits{MaxLists: new(-1)}})), "max_lists: service.limit.lists")
		must(t, second(w.Store.AddService(ctx, models.NewService{Domain: "bare.example", Owner: cast.Emma, Limits: models.ServiceLimits{MaxLists: &none, MaxResponders: &some}})))
		if sv := w.service(t, w.Emma, "bare.example").Service; sv.MaxLists != 0 || sv.MaxResponders != 3 || sv.MaxRedirections != models.DefaultMaxRedirections {
			t.Errorf("new with limits: %+v", sv)
		}
	})
}
