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

func TestTheCastIsThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, err := w.Store.Service(t.Context(), w.Alice, cast.Garrigue)
		must(t, err)
		if !a.Standing.Owner || a.Service.AccountCount != 40 || a.Service.ShareCount != 1 {
			t.Errorf("%+v", a)
		}
	})
}

func TestAShareWorksAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		until := w.in(48 * time.Hour)
		r := models.GrantRequest{Identifiers: []string{" EP1005-mdt "}, Ticked: policy.Password, ExpiresAt: until, Note: "  holidays\r\n "}
		g := one(t)(w.Store.ShareService(t.Context(), w.Alice, cast.Garrigue, r))
		if g.Kind != policy.OnService || g.Object() != cast.Garrigue || g.Grantee != cast.Emma || g.GranteeName != "Emma Petit" || g.GiverID != w.Alice.Customer ||
			g.Note != "holidays" || !g.ExpiresAt.Equal(*until) || g.ParentID != 0 || !g.Live(w.Store.Now()) {
			t.Errorf("given %+v", g)
		}
		a, err := w.Store.Service(t.Context(), w.Emma, cast.Garrigue)
		must(t, err)
		if a.ServiceGrant == nil || a.ServiceGrant.ID != g.ID || a.ServiceGrant.Giver != cast.Alice || a.ServiceGrant.Extras != g.Extras || !a.ServiceGrant.ExpiresAt.Equal(*until) {
			t.Errorf("holds %+v, want %+v", a.ServiceGrant, g)
		}
		_, err = w.Store.CreateAccount(t.Context(), w.Emma, cast.Garrigue, models.NewAccount{Local: "new"})
		want(t, "Emma creates an account", err, done)
		w.wantTold(t, "ad1001-mdt grant.given garrigue.example ep1005-mdt", "ep1005-mdt account.created new@garrigue.example")
	})
}

func TestADelegationReachesItsAccountOnly(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		w.delegate(t, w.Alice, cast.Garrigue, "info", cast.Emma, policy.Password, nil)
		a, err := w.Store.Account(t.Context(), w.Emma, cast.Garrigue, "info")
		must(t, err)
		if a.AccountGrant == nil || a.AccountGrant.Extras != policy.Password || a.Account.Address != "info@garrigue.example" || a.Standing.Owner || a.Whole() {
			t.Errorf("%+v", a)
		}
		for _, local := range []string{"contact", "rh", "nobody", ""} {
			_, err := w.Store.Account(t.Context(), w.Emma, cast.Garrigue, local)
			want(t, "Emma reads "+local, err, notFound)
		}
		w.wantTold(t, "ad1001-mdt grant.given info@garrigue.example ep1005-mdt")
	})
}

func TestEveryRefusalOfAnIdentifierHasItsMessage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate, nil)
		w.told(t, cast.Garrigue)
		for _, c := range []struct {
			what  string
			by    models.Actor
			local string // "" shares the service
			typed string
			key   string
		}{
			{"another shape", w.Alice, "", "alice@garrigue.example", "grant.refused.shape"},
			{"an empty text", w.Alice, "", " ", "grant.refused.shape"},
			{"bytes of no text", w.Alice, "", "\xff\x00", "grant.refused.shape"},
			{"an agent", w.Alice, "", cast.Sam, "grant.refused.shape"},
			{"nobody's", w.Alice, "", "zz1-mdt", "grant.refused.unknown"},
			{"one's own, in capitals", w.Alice, "", "AD1001-MDT", "grant.refused.self"},
			{"somebody who holds it", w.Alice, "", cast.Bruno, "grant.refused.held"},
			{"another shape", w.Alice, "info", "bm1002", "grant.refused.shape"},
			{"nobody's", w.Alice, "info", "zz1-mdt", "grant.refused.unknown"},
			{"one's own", w.Alice, "info", cast.Alice, "grant.refused.self"},
			{"somebody who holds it", w.Alice, "contact", "CL1003-mdt", "grant.refused.held"},
			{"the delegate's own", w.Emma, "info", cast.Emma, "grant.refused.self"},
			{"the owner's", w.Emma, "info", cast.Alice, "grant.refused.owner"},
			{"somebody who holds it from another", w.Emma, "contact", cast.Chloe, "grant.refused.held"},
		} {
			var r *models.GrantResult
			var err error
			if c.local == "" {
				r, err = w.Store.ShareService(t.Context(), c.by, cast.Garrigue, request(0, c.typed))
			} else {
				r, err = w.Store.DelegateAccount(t.Context(), c.by, cast.Garrigue, c.local, request(0, c.typed))
			}
			must(t, err)
			if len(r.Given) != 0 || len(r.Refused) != 1 || r.Refused[0].Identifier != c.typed || r.Refused[0].Message.Key != c.key {
				t.Errorf("%s (%q on %q): %+v; want %s", c.what, c.typed, c.local, r, c.key)
				continue
			}
			if args := r.Refused[0].Message.Args; len(args) < 2 || args[0] != "Identifier" || args[1] != c.typed {
				t.Errorf("%s: the message says %v, want the identifier as typed", c.what, args)
			}
		}
		w.wantTold(t)
	})
}

func TestTheRefusalOfAHolderSaysSinceWhen(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, nil)
		r := got[*models.GrantResult](t)(w.Store.ShareService(t.Context(), w.Alice, cast.Garrigue, request(0, cast.Emma)))
		args := r.Refused[0].Message.Args
		since, ok := args[len(args)-1].(time.Time)
		if !ok || args[len(args)-2] != "Since" || !since.Equal(g.Since) {
			t.Errorf("the message says %v, want Since %v", args, g.Since)
		}
	})
}

func TestTheRightIdentifiersSurviveTheWrongOnes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		r := got[*models.GrantResult](t)(w.Store.ShareService(t.Context(), w.Alice, cast.Garrigue,
			request(policy.Password, "oops", cast.Emma, "zz1-mdt", cast.Alice, cast.Bruno, cast.David)))
		var given, refused []string
		for _, g := range r.Given {
			given = append(given, g.Grantee)
			if g.ID == 0 {
				t.Errorf("the grant to %s has no id", g.Grantee)
			}
		}
		for _, f := range r.Refused {
			refused = append(refused, f.Identifier+" "+f.Message.Key)
		}
		if want := []string{cast.Emma, cast.David}; !slices.Equal(given, want) {
			t.Errorf("given to %v, want %v", given, want)
		}
		if want := []string{"oops grant.refused.shape", "zz1-mdt grant.refused.unknown", "ad1001-mdt grant.refused.self", "bm1002-mdt grant.refused.held"}; !slices.Equal(refused, want) {
			t.Errorf("refused %v, want %v", refused, want)
		}
		w.wantTold(t, "ad1001-mdt grant.given garrigue.example ep1005-mdt", "ad1001-mdt grant.given garrigue.example dn1004-mdt")
	})
}

func TestSomebodyNamedTwiceIsGivenOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		typed := []string{cast.Emma, cast.David, "EP1005-MDT", " dn1004-mdt"}
		r := got[*models.GrantResult](t)(w.Store.ShareService(t.Context(), w.Alice, cast.Garrigue, request(0, typed...)))
		if len(r.Given) != 2 || len(r.Refused) != 0 {
			t.Errorf("shared: given %d, refused %v; want 2 grants", len(r.Given), r.Refused)
		}
		r = got[*models.GrantResult](t)(w.Store.DelegateAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"info", "rh", "info"}, request(0, typed...)))
		if len(r.Given) != 4 || len(r.Refused) != 0 {
			t.Errorf("delegated: given %d, refused %v; want 4 grants", len(r.Given), r.Refused)
		}
	})
}

func TestAGrantFormThatCannotDoAnythingIsRefusedWhole(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		many := make([]string, models.MaxIdentifiers+1)
		for i := range many {
			many[i] = fmt.Sprintf("zz%d-mdt", i+1)
		}
		for what, c := range map[string]struct {
			change  func(*models.GrantRequest)
			outcome string
		}{
			"nobody":             {func(r *models.GrantRequest) { r.Identifiers = nil }, "identifiers: grant.identifiers.none"},
			"21 identifiers":     {func(r *models.GrantRequest) { r.Identifiers = many }, "identifiers: grant.identifiers.many"},
			"a note too long":    {func(r *models.GrantRequest) { r.Note = strings.Repeat("é", models.MaxNote+1) }, "note: grant.note.long"},
			"an end in the past": {func(r *models.GrantRequest) { r.ExpiresAt = w.in(-time.Second) }, "expires_on: grant.expires.past"},
			"an end now":         {func(r *models.GrantRequest) { r.ExpiresAt = w.in(0) }, "expires_on: grant.expires.past"},
			"an end in 11 years": {func(r *models.GrantRequest) { r.ExpiresAt = w.in(11 * 366 * 24 * time.Hour) }, "expires_on: grant.expires.far"},
			"two things": {
				func(r *models.GrantRequest) { r.Identifiers, r.ExpiresAt = nil, w.in(-time.Hour) },
				"expires_on: grant.expires.past, identifiers: grant.identifiers.none",
			},
		} {
			r := request(0, cast.Emma)
			c.change(&r)
			_, err := w.Store.ShareService(t.Context(), w.Alice, cast.Garrigue, r)
			want(t, "share with "+what, err, c.outcome)
			_, err = w.Store.DelegateAccount(t.Context(), w.Alice, cast.Garrigue, "info", r)
			want(t, "delegate with "+what, err, c.outcome)
			_, err = w.Store.DelegateAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"info"}, r)
			want(t, "delegate several with "+what, err, c.outcome)
		}
		_, err := w.Store.DelegateAccounts(t.Context(), w.Alice, cast.Garrigue, nil, request(0, cast.Emma))
		want(t, "no account ticked", err, "accounts: account.ticked.none")
		_, err = w.Store.DelegateAccounts(t.Context(), w.Alice, cast.Garrigue, make([]string, models.MaxAccounts+1), request(0, cast.Emma))
		want(t, "501 accounts ticked", err, "accounts: account.ticked.many")
		w.wantTold(t)
	})
}

// What people send besides text must come back as a refusal or be left out, never as an error of the database.
func TestHostileTextInAGrantFormIsHarmless(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		g := one(t)(w.Store.ShareService(t.Context(), w.Alice, cast.Garrigue, models.GrantRequest{Identifiers: []string{cast.Emma}, Note: "one\r\ntwo\x00\xff\u0007 '; --"}))
		if got, want := g.Note, "one\ntwo '; --"; got != want {
			t.Errorf("the note is %q, want %q", got, want)
		}
		_, err := w.Store.ChangeGrant(t.Context(), w.Alice, g.ID, models.GrantTerms{Note: "\x00\xff", Version: 1})
		want(t, "an unreadable note", err, done)
		for _, odd := range []string{"\x00", "\xff", "info\x00", "’; DROP TABLE grants; --"} {
			_, err := w.Store.ShareService(t.Context(), w.Alice, odd, request(0, cast.Emma))
			want(t, "share "+odd, err, notFound)
			_, err = w.Store.DelegateAccount(t.Context(), w.Alice, cast.Garrigue, odd, request(0, cast.Emma))
			want(t, "delegate "+odd, err, notFound)
			_, err = w.Store.DelegateAccounts(t.Context(), w.Alice, cast.Garrigue, []string{odd}, request(0, cast.Emma))
			want(t, "delegate several "+odd, err, notFound)
			_, err = w.Store.CheckIdentifiers(t.Context(), w.Alice, cast.Garrigue, odd, []string{odd})
			want(t, "check "+odd, err, notFound)
			_, err = w.Store.CheckIdentifiers(t.Context(), w.Alice, cast.Garrigue, "", []string{odd})
			want(t, "check identifier "+odd, err, done)
		}
	})
}

func TestThirtyUnknownIdentifiersAnHour(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		n := 0
		unknown := func(count int) (typed []string) {
			for range count {
				n++
				typed = append(typed, fmt.Sprintf("zz%d-mdt", n))
			}
			return typed
		}
		ask := func(by models.Actor, domain string, typed ...string) (given int, keys map[string]int) {
			t.Helper()
			r, err := w.Store.ShareService(t.Context(), by, domain, request(0, typed...))
			must(t, err)
			keys = map[string]int{}
			for _, f := range r.Refused {
				keys[f.Message.Key]++
			}
			return len(r.Given), keys
		}
		if given, keys := ask(w.Alice, cast.Garrigue, unknown(20)...); given != 0 || keys["grant.refused.unknown"] != 20 {
			t.Fatalf("the first 20: %d given, %v", given, keys)
		}
		if given, keys := ask(w.Alice, cast.Atelier, append(unknown(10), cast.Bruno)...); given != 1 || keys["grant.refused.unknown"] != 10 {
			t.Fatalf("10 more with a known one: %d given, %v", given, keys)
		}
		if given, keys := ask(w.Alice, cast.Garrigue, append(unknown(1), cast.Emma)...); given != 0 || keys["grant.refused.too_many_unknown"] != 2 {
			t.Errorf("the 31st with a known one: %d given, %v; want neither told", given, keys)
		}
		// Otherwise one identifier at a time would still tell who exists.
		if given, keys := ask(w.Alice, cast.Garrigue, cast.Emma); given != 0 || keys["grant.refused.too_many_unknown"] != 1 {
			t.Errorf("a known one alone, after too many: %d given, %v; want nothing told", given, keys)
		}
		if given, keys := ask(w.David, cast.Velos, append(unknown(1), cast.Emma)...); given != 1 || keys["grant.refused.unknown"] != 1 {
			t.Errorf("somebody else: %d given, %v", given, keys)
		}
		w.Clock.Move(time.Hour + time.Second)
		if given, keys := ask(w.Alice, cast.Garrigue, append(unknown(1), cast.Emma)...); given != 1 || keys["grant.refused.unknown"] != 1 {
			t.Errorf("an hour later: %d given, %v", given, keys)
		}
	})
}

func TestAGrantEndsWithItsLastInstantWithoutTheSweeper(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		// Whatever the zone in which the giver thinks of the end.
		for i, zone := range []*time.Location{time.UTC, time.FixedZone("east", 14*3600), time.FixedZone("west", -12*3600)} {
			token := w.signIn(t, cast.Emma).Token
			domain, local := cast.Garrigue, fmt.Sprintf("zone%d", i)
			got[*models.Account](t)(w.Store.CreateAccount(t.Context(), w.Alice, domain, models.NewAccount{Local: local}))
			until := w.Store.Now().Add(30*time.Minute + 123*time.Nanosecond).In(zone)
			w.delegate(t, w.Alice, domain, local, cast.Emma, 0, &until)
			w.share(t, w.Alice, cast.Atelier, cast.Emma, policy.Delegate, &until)
			reach := func(outcome string) {
				t.Helper()
				_, err := w.Store.Service(t.Context(), w.Emma, domain)
				want(t, zone.String()+": the service", err, outcome)
				_, err = w.Store.Account(t.Context(), w.Emma, domain, local)
				want(t, zone.String()+": the account", err, outcome)
				_, err = w.Store.Accounts(t.Context(), token, domain, models.AccountQuery{})
				want(t, zone.String()+": the list", err, outcome)
				text := "as of " + w.Store.Now().String()
				want(t, zone.String()+": to describe", w.describe(t, w.Emma, domain, local, text), outcome)
				_, err = w.Store.Service(t.Context(), w.Emma, cast.Atelier)
				want(t, zone.String()+": the share", err, outcome)
				shared, err := w.Store.SharedServices(t.Context(), w.Emma, models.ServiceQuery{})
				must(t, err)
				if lists := len(shared.Items) > 0; lists != (outcome == done) {
					t.Errorf("%v: the shared services are %+v", zone, shared.Items)
				}
			}
			reach(done)
			w.Clock.Move(29 * time.Minute)
			reach(done)
			w.Clock.Move(time.Minute)
			reach(notFound)
			must(t, w.Store.Sweep(t.Context()))
		}
	})
}

// describe changes the description of an account as somebody would who sees its present version.
func (w *world) describe(t testing.TB, by models.Actor, domain, local, text string) error {
	t.Helper()
	return w.Store.ChangeAccount(t.Context(), by, domain, local, models.AccountSettings{Description: &text, Version: w.version(t, domain, local)})
}

// version is that of an account, 0 when there is none.
func (w *world) version(t testing.TB, domain, local string) int {
	t.Helper()
	return w.Int(t, fmt.Sprintf("SELECT COALESCE((SELECT version FROM accounts WHERE address = '%s@%s'), 0)", local, domain))
}

func TestALapsedGrantIsClosedAndGivenAnew(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		share := w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate, w.in(time.Hour))
		child := w.delegate(t, w.Emma, cast.Garrigue, "rh", cast.David, 0, nil)
		account := w.delegate(t, w.Alice, cast.Garrigue, "info", cast.Emma, 0, w.in(time.Hour))
		w.Clock.Move(2 * time.Hour)
		w.told(t, cast.Garrigue)

		anew := w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, nil)
		w.wantTold(t, "- grant.expired garrigue.example ep1005-mdt", "- grant.expired rh@garrigue.example dn1004-mdt", "ad1001-mdt grant.given garrigue.example ep1005-mdt")
		r := got[*models.GrantResult](t)(w.Store.DelegateAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"info", "rh"}, request(0, cast.Emma, cast.Chloe)))
		if len(r.Given) != 4 {
			t.Errorf("given %d of 4: %+v", len(r.Given), r.Refused)
		}
		w.wantTold(t, "- grant.expired info@garrigue.example ep1005-mdt",
			"ad1001-mdt grant.given info@garrigue.example ep1005-mdt", "ad1001-mdt grant.given info@garrigue.example cl1003-mdt",
			"ad1001-mdt grant.given rh@garrigue.example ep1005-mdt", "ad1001-mdt grant.given rh@garrigue.example cl1003-mdt")
		for _, old := range []models.Grant{share, child, account} {
			v, err := w.Store.Grant(t.Context(), w.Alice, old.ID)
			must(t, err)
			if v.Grant.EndedAt == nil || v.Grant.EndedWhy != models.EndedByTime || v.Grant.EndedBy != "" || v.Grant.Restorable(w.Store.Now()) {
				t.Errorf("the lapsed grant is %+v", v.Grant)
			}
		}
		if a := got[*models.Access](t)(w.Store.Service(t.Context(), w.Emma, cast.Garrigue)); a.ServiceGrant.ID != anew.ID || anew.ID == share.ID {
			t.Errorf("Emma holds grant %d, want the new %d", a.ServiceGrant.ID, anew.ID)
		}
	})
}

func TestTheSweeperClosesWhatTimeHasEnded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate, w.in(time.Hour))
		w.delegate(t, w.Emma, cast.Garrigue, "rh", cast.David, 0, w.in(30*time.Minute))
		w.delegate(t, w.Emma, cast.Garrigue, "info", cast.David, 0, nil)
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, w.in(2*time.Hour))
		w.told(t, cast.Garrigue)

		must(t, w.Store.Sweep(t.Context()))
		w.wantTold(t)
		w.Clock.Move(45 * time.Minute)
		must(t, w.Store.Sweep(t.Context()))
		w.wantTold(t, "- grant.expired rh@garrigue.example dn1004-mdt")
		w.Clock.Move(45 * time.Minute)
		must(t, w.Store.Sweep(t.Context()))
		w.wantTold(t, "- grant.expired garrigue.example ep1005-mdt", "- grant.expired info@garrigue.example dn1004-mdt")
		must(t, w.Store.Sweep(t.Context()))
		w.wantTold(t)
	})
}

func TestAGrantHasTheTickedExtrasThatMakeADifferenceToItsKind(t *testing.T) {
	const p, f, r, d = policy.Password, policy.Forward, policy.Responder, policy.Delegate
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			local        string
			ticked, want policy.Extra
		}{
			{"", 0, 0},
			{"", p, p},
			{"", d, d},
			{"", p | f, p | f},
			{"", policy.AllExtras, p | d | f},
			{"", r, 0},
			{"info", 0, 0},
			{"info", p, p},
			{"info", d, 0},
			{"info", policy.AllExtras, p | f | r},
			{"info", f | r, f | r},
		} {
			var g models.Grant
			if c.local == "" {
				g = w.share(t, w.Alice, cast.Garrigue, cast.Emma, c.ticked, nil)
			} else {
				g = w.delegate(t, w.Alice, cast.Garrigue, c.local, cast.Emma, c.ticked, nil)
			}
			if g.Extras != c.want {
				t.Errorf("%q with %v ticked has %v, want %v", c.local, c.ticked.Names(), g.Extras.Names(), c.want.Names())
			}
			got[*models.Grant](t)(w.Store.Revoke(t.Context(), w.Alice, g.ID))
		}
	})
}

// The whole table of product.md for giving: who may share the service, who may delegate an account.
func TestWhoMayGive(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Password, nil)
		share, delegate := forbidden(policy.ShareService), forbidden(policy.DelegateAccount)
		for _, c := range []struct {
			what                            string
			by                              models.Actor
			shares, account, other, several string
		}{
			{"a service delegate without the extra", w.Bruno, share, delegate, delegate, delegate},
			{"another", w.Emma, share, delegate, delegate, delegate},
			{"an account delegate", w.Chloe, share, delegate, notFound, delegate},
			{"a stranger", w.David, notFound, notFound, notFound, notFound},
			{"nobody", models.Actor{}, notFound, notFound, notFound, notFound},
		} {
			_, err := w.Store.ShareService(t.Context(), c.by, cast.Garrigue, request(0, cast.David, "zz1-mdt"))
			want(t, c.what+" shares the service", err, c.shares)
			_, err = w.Store.DelegateAccount(t.Context(), c.by, cast.Garrigue, "contact", request(0, cast.David))
			want(t, c.what+" delegates contact@", err, c.account)
			_, err = w.Store.DelegateAccount(t.Context(), c.by, cast.Garrigue, "rh", request(0, cast.David))
			want(t, c.what+" delegates rh@", err, c.other)
			_, err = w.Store.DelegateAccounts(t.Context(), c.by, cast.Garrigue, []string{"contact", "rh"}, request(0, cast.David))
			want(t, c.what+" delegates several", err, c.several)
		}
		_, err := w.Store.DelegateAccount(t.Context(), w.Alice, cast.Garrigue, "nobody", request(0, cast.David))
		want(t, "an account that is not there", err, notFound)
		_, err = w.Store.ShareService(t.Context(), w.Alice, "nobody.example", request(0, cast.David))
		want(t, "a service that is not there", err, notFound)
	})
}

func TestSeveralAccountsAreDelegatedInOneGo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.told(t, cast.Garrigue)
		r := got[*models.GrantResult](t)(w.Store.DelegateAccounts(t.Context(), w.Alice, cast.Garrigue,
			[]string{"rh", "contact", "gone", "accueil"}, request(policy.Password, cast.Chloe, cast.Emma)))
		var given []string
		for _, g := range r.Given {
			given = append(given, g.LocalPart+" "+g.Grantee)
		}
		if want := []string{"accueil ep1005-mdt", "contact ep1005-mdt", "rh cl1003-mdt", "rh ep1005-mdt"}; !slices.Equal(given, want) {
			t.Errorf("given %v, want %v", given, want)
		}
		if len(r.Refused) != 0 {
			t.Errorf("refused %v: who holds some keeps them and gets the others", r.Refused)
		}
		if n := len(w.told(t, cast.Garrigue)); n != 4 {
			t.Errorf("%d events, want one for each grant", n)
		}
		r = got[*models.GrantResult](t)(w.Store.DelegateAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"rh", "contact"}, request(0, cast.Chloe, cast.David)))
		if len(r.Given) != 2 || len(r.Refused) != 1 || r.Refused[0].Message.Key != "grant.refused.held" {
			t.Errorf("with somebody who holds all: %+v", r)
		}
		_, err := w.Store.DelegateAccounts(t.Context(), w.Alice, cast.Garrigue, []string{"gone", "atelier"}, request(0, cast.David))
		want(t, "none of the accounts is there", err, notFound)
	})
}

func TestOneSubmissionCoversTwentyPeopleAndFiveHundredAccounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		locals := w.fill(t, cast.Velos, models.MaxAccounts)
		var people []string
		for i := range models.MaxIdentifiers {
			id := fmt.Sprintf("zz%d-mdt", i+1)
			people = append(people, id)
			w.customer(t, id)
		}
		w.Count.Take()
		r := got[*models.GrantResult](t)(w.Store.DelegateAccounts(t.Context(), w.David, cast.Velos, locals, request(policy.Password, people...)))
		if got, want := len(r.Given), 20*500; got != want {
			t.Errorf("%d grants, want %d", got, want)
		}
		if n := len(w.Count.Take()); n > 30 {
			t.Errorf("%d statements: they must not grow with each grant", n)
		}
		for _, g := range r.Given {
			if g.ID == 0 {
				t.Fatalf("no id for %s on %s", g.Grantee, g.Object())
			}
		}
		if got, want := w.Int(t, "SELECT count(*) FROM events WHERE kind = 'grant.given' AND owner_id = "+fmt.Sprint(w.David.Customer)), 20*500; got != want {
			t.Errorf("%d events, want %d", got, want)
		}
	})
}

// fill makes so many accounts of a service, beside the store, and answers their local parts.
func (w *world) fill(t testing.TB, domain string, n int) []string {
	t.Helper()
	locals := make([]string, n)
	var accounts, words, events []string
	service := w.Int(t, "SELECT id FROM services WHERE domain = '"+domain+"'")
	owner := w.Int(t, "SELECT owner_id FROM services WHERE domain = '"+domain+"'")
	first := w.Int(t, "SELECT COALESCE(max(number), 0) FROM events WHERE service_id = "+fmt.Sprint(service))
	for i := range locals {
		locals[i] = fmt.Sprintf("filled%05d", i)
		accounts = append(accounts, fmt.Sprintf("(%d, '%s', '%[2]s@%s', '', 100000000, '2026-01-01 00:00:00+00:00')", service, locals[i], domain))
		words = append(words, fmt.Sprintf("'%s'", locals[i]))
		events = append(events, fmt.Sprintf("(%d, %d, '2026-01-01 00:00:00+00:00', 'account.created', 'mail', %d, (SELECT id FROM accounts WHERE address = '%s@%s'), '', '{}')",
			service, first+i+1, owner, locals[i], domain))
	}
	w.Exec(t, fmt.Sprintf("UPDATE services SET max_accounts = max_accounts + %d, max_bytes = max_bytes + %d WHERE id = %d", n, n*100000000, service))
	w.Exec(t, "INSERT INTO accounts (service_id, local_part, address, description, size_bytes, created_at) VALUES "+strings.Join(accounts, ", "))
	w.Exec(t, "INSERT INTO account_words (service_id, word, local_part, account_id) SELECT service_id, local_part, local_part, id FROM accounts WHERE local_part IN ("+strings.Join(words, ", ")+")")
	w.Exec(t, "INSERT INTO events (service_id, number, at, kind, class, owner_id, account_id, object, detail) VALUES "+strings.Join(events, ", "))
	got[int](t)(w.Store.ChainHistory(t.Context()))
	w.Exec(t, fmt.Sprintf("UPDATE services SET account_count = account_count + %d, allotted_bytes = allotted_bytes + %d WHERE id = %d", n, n*100000000, service))
	return locals
}

// customer makes a customer who cannot sign in.
func (w *world) customer(t testing.TB, identifier string) models.Actor {
	t.Helper()
	c := got[*models.Customer](t)(w.Store.AddCustomer(t.Context(), models.NewCustomer{
		Identifier: identifier, Name: "Somebody", Email: "somebody@example.org", Language: "en", TimeZone: "UTC",
	}))
	return models.Actor{Customer: c.ID}
}
