package models_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

// Every verb, and what the history then says: one event for each thing changed.
// What a refused verb writes (nothing) stands with the tests of the verb.
func TestEveryVerbWritesItsEvents(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, description, size, few := t.Context(), "Somebody", int64(2*models.GB), 50
		var share, single models.Grant
		w.told(t, cast.Garrigue)
		for _, c := range []struct {
			verb string
			do   func() error
			want []string
		}{
			{"CreateAccount", func() error {
				return second(w.Store.CreateAccount(ctx, w.Bruno, cast.Garrigue, models.NewAccount{Local: "new", Password: goodPassword}))
			}, []string{"bm1002-mdt account.created new@garrigue.example"}},
			{"ChangeAccount, description", func() error {
				return w.Store.ChangeAccount(ctx, w.Chloe, cast.Garrigue, "contact", models.AccountSettings{Description: &description, Version: 1})
			}, []string{"cl1003-mdt account.changed contact@garrigue.example"}},
			{"ChangeAccount, both", func() error {
				return w.Store.ChangeAccount(ctx, w.Alice, cast.Garrigue, "rh", models.AccountSettings{Description: &description, SizeBytes: &size, Version: 1})
			}, []string{"ad1001-mdt account.changed rh@garrigue.example"}},
			{
				"SetAccountPassword", func() error { return w.Store.SetAccountPassword(ctx, w.Chloe, cast.Garrigue, "contact", goodPassword) },
				[]string{"cl1003-mdt account.password_set contact@garrigue.example"},
			},
			{"BlockAccount", func() error { return w.Store.BlockAccount(ctx, w.Alice, cast.Garrigue, "rh") }, []string{"ad1001-mdt account.blocked rh@garrigue.example"}},
			{"UnblockAccount", func() error { return w.Store.UnblockAccount(ctx, w.Alice, cast.Garrigue, "rh") }, []string{"ad1001-mdt account.unblocked rh@garrigue.example"}},
			{
				"ShareService", func() error { share = w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate, nil); return nil },
				[]string{"ad1001-mdt grant.given garrigue.example ep1005-mdt"},
			},
			{
				"DelegateAccount", func() error { single = w.delegate(t, w.Emma, cast.Garrigue, "rh", cast.David, 0, nil); return nil },
				[]string{"ep1005-mdt grant.given rh@garrigue.example dn1004-mdt"},
			},
			{"DelegateAccounts", func() error {
				return second(w.Store.DelegateAccounts(ctx, w.Alice, cast.Garrigue, []string{"new", "rh"}, request(0, cast.Chloe)))
			}, []string{"ad1001-mdt grant.given new@garrigue.example cl1003-mdt", "ad1001-mdt grant.given rh@garrigue.example cl1003-mdt"}},
			{"ChangeGrant", func() error {
				return second(w.Store.ChangeGrant(ctx, w.Alice, share.ID, models.GrantTerms{Ticked: policy.Delegate, ExpiresAt: w.in(time.Hour), Version: 1}))
			}, []string{"ad1001-mdt grant.changed garrigue.example ep1005-mdt", "ad1001-mdt grant.changed rh@garrigue.example dn1004-mdt"}},
			{"ExtendGrant", func() error { return second(w.Store.ExtendGrant(ctx, w.Alice, share.ID)) }, []string{"ad1001-mdt grant.changed garrigue.example ep1005-mdt"}},
			{
				"Revoke", func() error { return second(w.Store.Revoke(ctx, w.Alice, share.ID)) },
				[]string{"ad1001-mdt grant.revoked garrigue.example ep1005-mdt", "ad1001-mdt grant.revoked rh@garrigue.example dn1004-mdt"},
			},
			{
				"Restore", func() error { return second(w.Store.Restore(ctx, w.Alice, share.ID)) },
				[]string{"ad1001-mdt grant.restored garrigue.example ep1005-mdt", "ad1001-mdt grant.restored rh@garrigue.example dn1004-mdt"},
			},
			{"Resign", func() error { return second(w.Store.Resign(ctx, w.David, single.ID)) }, []string{"dn1004-mdt grant.resigned rh@garrigue.example dn1004-mdt"}},
			{
				"DeleteAccount", func() error { return w.Store.DeleteAccount(ctx, w.Bruno, cast.Garrigue, "rh", "rh") },
				[]string{"bm1002-mdt account.deleted rh@garrigue.example", "bm1002-mdt grant.object rh@garrigue.example cl1003-mdt"},
			},
			{"Sweep, of the deleted", func() error { return w.Store.Sweep(ctx) }, nil},
			{"SetService", func() error { return w.Store.SetService(ctx, cast.Garrigue, models.ServiceLimits{MaxAccounts: &few}) }, []string{"- service.limits garrigue.example"}},
			{"SuspendService", func() error { return w.Store.SuspendService(ctx, cast.Garrigue) }, []string{"- service.suspended garrigue.example"}},
			{"ResumeService", func() error { return w.Store.ResumeService(ctx, cast.Garrigue) }, []string{"- service.resumed garrigue.example"}},
			{"RecordUsage", func() error { return w.Store.RecordUsage(ctx, "contact@garrigue.example", 1) }, nil},
			{
				"Sweep, of the lapsed", func() error { w.Clock.Move(100 * 24 * time.Hour); return w.Store.Sweep(ctx) },
				[]string{"- grant.expired accueil@garrigue.example cl1003-mdt", "- grant.expired garrigue.example ep1005-mdt"},
			},
		} {
			must(t, c.do())
			if got := w.told(t, cast.Garrigue); !slices.Equal(got, c.want) {
				t.Errorf("%s wrote\n\t%s\nwant\n\t%s", c.verb, strings.Join(got, "\n\t"), strings.Join(c.want, "\n\t"))
			}
		}
	})
}

func TestEveryVerbOnAPersonWritesItsEvent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, theme := t.Context(), "dark"
		last := w.Int(t, "SELECT max(id) FROM events")
		var codes []string
		app := func(by models.Actor) int64 { return got[*models.Factors](t)(w.Store.Factors(ctx, by)).Apps[0].ID }
		for _, c := range []struct {
			verb string
			do   func() error
			want string
		}{
			{"AddCustomer", func() error { w.customer(t, "zz1-mdt"); return nil }, "<nil> customer.created zz1-mdt zz1-mdt"},
			{"AddAgent", func() error {
				return second(w.Store.AddAgent(ctx, models.NewAgent{Identifier: "tom-support", Name: "Tom", Email: "tom@mandat.example", Language: "en", Role: "agent"}))
			}, "<nil> agent.created tom-support <nil>"},
			{"ChangeProfile", func() error { return w.Store.ChangeProfile(ctx, w.Emma, models.Profile{Theme: &theme}) }, "ep1005-mdt profile.changed ep1005-mdt ep1005-mdt"},
			{"ChangePassword", func() error { return w.Store.ChangePassword(ctx, w.Emma, cast.Password, goodPassword) }, "ep1005-mdt profile.password_set ep1005-mdt ep1005-mdt"},
			{"NewPasswordLink", func() error { _, _, err := w.Store.NewPasswordLink(ctx, cast.Emma); return err }, "<nil> profile.link_made ep1005-mdt ep1005-mdt"},
			{"UsePasswordLink", func() error {
				token, _, err := w.Store.NewPasswordLink(ctx, cast.David)
				must(t, err)
				last = w.Int(t, "SELECT max(id) FROM events")
				return w.Store.UsePasswordLink(ctx, token, goodPassword)
			}, "dn1004-mdt profile.password_set dn1004-mdt dn1004-mdt"},
			{"SignIn", func() error { w.signIn(t, cast.Alice); return nil }, ""},
			{"EnrolFactor", func() error { _, codes = w.app(t, w.Bruno); return nil }, "bm1002-mdt factor.added bm1002-mdt bm1002-mdt"},
			{"RenameFactor", func() error { return w.Store.RenameFactor(ctx, w.Bruno, app(w.Bruno), "Old") }, "bm1002-mdt factor.renamed bm1002-mdt bm1002-mdt"},
			{"RenameFactor to the same", func() error { return w.Store.RenameFactor(ctx, w.Bruno, app(w.Bruno), "Old") }, ""},
			{"AnswerSignIn, with a recovery code in a trusted browser", func() error {
				return second(w.Store.AnswerSignIn(ctx, w.wait(t, cast.Bruno), codes[0], true, credentials(""), ""))
			}, "bm1002-mdt recovery_code.used bm1002-mdt bm1002-mdt, bm1002-mdt trusted_device.added bm1002-mdt bm1002-mdt"},
			{"ForgetDevices", func() error { return w.Store.ForgetDevices(ctx, w.Bruno) }, "bm1002-mdt trusted_device.removed bm1002-mdt bm1002-mdt"},
			{"ForgetDevices, of none", func() error { return w.Store.ForgetDevices(ctx, w.Bruno) }, ""},
			{"NewRecoveryCodes", func() error { return second(w.Store.NewRecoveryCodes(ctx, w.Bruno)) }, "bm1002-mdt recovery_codes.made bm1002-mdt bm1002-mdt"},
			{"RemoveFactor", func() error { return w.Store.RemoveFactor(ctx, w.Bruno, app(w.Bruno), offered) }, "bm1002-mdt factor.removed bm1002-mdt bm1002-mdt"},
			{"ResetFactors", func() error { return second(w.Store.ResetFactors(ctx, cast.Bruno)) }, "<nil> factor.reset bm1002-mdt bm1002-mdt"},
			{"SignOutPerson", func() error {
				w.signIn(t, cast.Bruno)
				return second(w.Store.SignOutPerson(ctx, cast.Bruno))
			}, "<nil> session.all_ended bm1002-mdt bm1002-mdt"},
			{"DisableCustomer", func() error { return second(w.Store.DisableCustomer(ctx, cast.Bruno)) }, "<nil> customer.disabled bm1002-mdt bm1002-mdt"},
			{"DisableCustomer again", func() error { return second(w.Store.DisableCustomer(ctx, cast.Bruno)) }, ""},
			{"EnableCustomer", func() error { return second(w.Store.EnableCustomer(ctx, cast.Bruno)) }, "<nil> customer.enabled bm1002-mdt bm1002-mdt"},
			{"ResetFactors of an agent", func() error { return second(w.Store.ResetFactors(ctx, cast.Sam)) }, "<nil> factor.reset sam-support <nil>"},
		} {
			must(t, c.do())
			var list []string
			rows, err := w.SQL.QueryContext(ctx, fmt.Sprintf(`SELECT e.id, a.identifier, e.kind, e.object, u.identifier FROM events e
				LEFT JOIN customers a ON a.id = e.actor_id LEFT JOIN customers u ON u.id = e.subject_id WHERE e.id > %d AND e.service_id IS NULL AND e.class = 'self' ORDER BY e.id`, last))
			must(t, err)
			for rows.Next() {
				var v [4]any
				must(t, rows.Scan(&last, &v[0], &v[1], &v[2], &v[3]))
				list = append(list, fmt.Sprint(v[0], " ", v[1], " ", v[2], " ", v[3]))
			}
			must(t, rows.Close())
			if got := strings.Join(list, ", "); got != c.want {
				t.Errorf("%s wrote %q, want %q", c.verb, got, c.want)
			}
		}
	})
}

func TestAnEventSaysWhatWasBeforeAndAfter(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		until := w.in(time.Hour)
		r := models.GrantRequest{Identifiers: []string{cast.Emma}, Ticked: policy.Password | policy.Delegate, ExpiresAt: until, Note: "for the summer"}
		g := one(t)(w.Store.ShareService(t.Context(), w.Alice, cast.Garrigue, r))
		must(t, second(w.Store.ChangeGrant(t.Context(), w.Alice, g.ID, models.GrantTerms{Ticked: policy.Delegate, Version: 1})))
		text, size := "Ressources", int64(models.GB)
		must(t, w.Store.ChangeAccount(t.Context(), w.Alice, cast.Garrigue, "rh", models.AccountSettings{Description: &text, SizeBytes: &size, Version: 1}))
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "rh", "rh"))
		events, more, err := w.Store.History(t.Context(), w.Alice, w.service(t, w.Alice, cast.Garrigue), models.HistoryQuery{Size: 4})
		must(t, err)
		if len(events) != 4 || !more {
			t.Fatalf("%d events, more %v", len(events), more)
		}
		type detail = models.Detail
		stamp := until.Format(time.RFC3339Nano)
		for i, want := range []detail{
			{"used": {Before: float64(5 * models.GB / 1000 * 528)}},
			{"description": {Before: "Ressources humaines", After: "Ressources"}, "size": {Before: float64(5 * models.GB), After: float64(models.GB)}},
			{"extras": {Before: "password delegate", After: "delegate"}, "expires": {Before: stamp}, "note": {Before: "for the summer", After: ""}},
			{"extras": {After: "password delegate"}, "expires": {After: stamp}, "note": {After: "for the summer"}},
		} {
			if got := events[i].Detail; !reflect.DeepEqual(got, want) {
				t.Errorf("%s says %+v, want %+v", events[i].Kind, got, want)
			}
		}
		if e := events[2]; e.Actor != cast.Alice || e.Subject != cast.Emma || e.OwnerID != w.Alice.Customer || e.GrantID != g.ID || e.Class != models.AccessEvent || !e.At.Equal(w.Store.Now()) {
			t.Errorf("%+v", e)
		}
	})
}

// What each person may read of the history of one service.
func TestTheHistoryIsScopedByWhoReadsIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate, nil)
		w.delegate(t, w.Emma, cast.Garrigue, "rh", cast.David, 0, w.in(time.Hour))
		must(t, w.describe(t, w.Chloe, cast.Garrigue, "contact", "one"))
		must(t, w.describe(t, w.Alice, cast.Garrigue, "rh", "two"))
		must(t, w.Store.SuspendService(t.Context(), cast.Garrigue))
		must(t, w.Store.ResumeService(t.Context(), cast.Garrigue))
		all := w.Int(t, "SELECT count(*) FROM events e JOIN services s ON s.id = e.service_id WHERE s.domain = 'garrigue.example'")
		mail := w.Int(t, "SELECT count(*) FROM events e JOIN services s ON s.id = e.service_id WHERE s.domain = 'garrigue.example' AND e.class = 'mail'")
		count := func(by models.Actor, a *models.Access, local string) (n int, objects map[string]int) {
			t.Helper()
			events, more, err := w.Store.History(t.Context(), by, a, models.HistoryQuery{Size: 1000, Local: local})
			must(t, err)
			if more {
				t.Error("more than all")
			}
			objects = map[string]int{}
			for _, e := range events {
				if e.Class != models.MailEvent {
					objects["(other)"]++
				}
				objects[e.Object]++
			}
			return len(events), objects
		}
		if n, objects := count(w.Alice, w.service(t, w.Alice, cast.Garrigue), ""); n != all || objects["(other)"] != all-mail {
			t.Errorf("the owner reads %d of %d events, %d of them not of mail", n, all, objects["(other)"])
		}
		for _, by := range []models.Actor{w.Bruno, w.Emma} {
			if n, objects := count(by, w.service(t, by, cast.Garrigue), ""); n != mail || objects["(other)"] != 0 {
				t.Errorf("a service delegate reads %d of %d mail events and %d others", n, mail, objects["(other)"])
			}
		}
		if n, objects := count(w.Chloe, w.service(t, w.Chloe, cast.Garrigue), ""); n != 3 || objects["contact@garrigue.example"] != 2 || objects["accueil@garrigue.example"] != 1 {
			t.Errorf("an account delegate reads %v", objects)
		}
		david := w.service(t, w.David, cast.Garrigue)
		if n, objects := count(w.David, david, ""); n != 2 || objects["rh@garrigue.example"] != 2 {
			t.Errorf("to whom an account was passed on reads %v", objects)
		}
		if n, _ := count(w.Alice, w.service(t, w.Alice, cast.Garrigue), "rh"); n != 3 {
			t.Errorf("the owner reads %d events of rh@, want 3", n)
		}
		if n, _ := count(w.Bruno, w.service(t, w.Bruno, cast.Garrigue), "rh"); n != 2 {
			t.Errorf("a service delegate reads %d events of rh@, want 2", n)
		}
		for _, local := range []string{"rh", "nobody", "\x00", "\xff"} {
			if n, _ := count(w.Chloe, w.service(t, w.Chloe, cast.Garrigue), local); n != 0 {
				t.Errorf("an account delegate reads %d events of %q", n, local)
			}
		}
		// With rights read before they ended.
		bruno := w.service(t, w.Bruno, cast.Garrigue)
		must(t, second(w.Store.Resign(t.Context(), w.Bruno, bruno.ServiceGrant.ID)))
		w.Clock.Move(2 * time.Hour)
		for _, c := range []struct {
			by models.Actor
			a  *models.Access
		}{{w.David, david}, {w.Bruno, bruno}} {
			if n, objects := count(c.by, c.a, ""); n != 0 {
				t.Errorf("%s, who holds nothing any more, reads %v", w.name(c.by), objects)
			}
		}
		_, _, err := w.Store.History(t.Context(), w.David, &models.Access{Service: david.Service}, models.HistoryQuery{})
		want(t, "a stranger", err, forbidden(policy.SeeHistory))
	})
}

func TestTheHistoryIsWalkedFromItsNewestToItsFirst(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.service(t, w.Alice, cast.Garrigue)
		var numbers []int64
		for q := (models.HistoryQuery{Size: 7}); ; {
			events, more, err := w.Store.History(t.Context(), w.Alice, a, q)
			must(t, err)
			for _, e := range events {
				numbers = append(numbers, e.Number)
			}
			if !more {
				break
			}
			q.Before = events[len(events)-1].Number
		}
		for i, n := range numbers {
			if n != int64(len(numbers)-i) {
				t.Fatalf("walked %v", numbers)
			}
		}
		if all := w.Int(t, "SELECT count(*) FROM events WHERE service_id = "+fmt.Sprint(a.Service.ID)); len(numbers) != all {
			t.Errorf("walked %d of %d", len(numbers), all)
		}
		events, more, err := w.Store.History(t.Context(), w.Alice, a, models.HistoryQuery{Before: 1})
		if must(t, err); len(events) != 0 || more {
			t.Errorf("before the first: %v", events)
		}
		if events, more, err = w.Store.History(t.Context(), w.Alice, a, models.HistoryQuery{Size: -3}); err != nil || len(events) != models.PageSize || !more {
			t.Errorf("an odd size: %d events, more %v, %v", len(events), more, err)
		}
	})
}

func TestAPersonsHistoryIsWhatConcernsThem(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.describe(t, w.Chloe, cast.Garrigue, "contact", "by Chloé"))
		walk := func(by models.Actor, size int) (ids []int64, kinds map[string]int) {
			t.Helper()
			kinds = map[string]int{}
			for q := (models.HistoryQuery{Size: size}); ; {
				events, more, err := w.Store.PersonHistory(t.Context(), by, q)
				must(t, err)
				for _, e := range events {
					ids = append(ids, e.ID)
					kinds[e.Kind]++
					if e.ActorID != by.Customer && e.OwnerID != by.Customer && e.SubjectID != by.Customer {
						t.Errorf("%s is told %+v", w.name(by), e)
					}
				}
				if !more {
					break
				}
				q.Before = events[len(events)-1].ID
			}
			for i := 1; i < len(ids); i++ {
				if ids[i] >= ids[i-1] {
					t.Fatalf("walked %v", ids)
				}
			}
			return ids, kinds
		}
		for _, by := range []models.Actor{w.Alice, w.Bruno, w.Chloe, w.David, w.Emma} {
			ids, _ := walk(by, 6)
			if all := w.Int(t, fmt.Sprintf("SELECT count(*) FROM events WHERE actor_id = %d OR owner_id = %[1]d OR subject_id = %[1]d", by.Customer)); len(ids) != all {
				t.Errorf("%s walks %d of %d", w.name(by), len(ids), all)
			}
		}
		if _, kinds := walk(w.Chloe, 3); !reflect.DeepEqual(kinds, map[string]int{"customer.created": 1, "grant.given": 3, "grant.revoked": 1, "account.changed": 1}) {
			t.Errorf("Chloé is told %v", kinds)
		}
		if _, kinds := walk(w.Emma, 3); !reflect.DeepEqual(kinds, map[string]int{"customer.created": 1}) {
			t.Errorf("Emma is told %v", kinds)
		}
		if ids, _ := walk(models.Actor{}, 25); len(ids) != 0 {
			t.Errorf("nobody is told %v", ids)
		}
	})
}

func TestNoSecretIsKeptInTheClear(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		// Everything that takes a secret.
		in := w.signIn(t, cast.Emma)
		link, _, err := w.Store.NewPasswordLink(t.Context(), cast.David)
		must(t, err)
		unused, _, err := w.Store.NewPasswordLink(t.Context(), cast.Bruno)
		must(t, err)
		must(t, w.Store.UsePasswordLink(t.Context(), link, goodPassword))
		must(t, w.Store.ChangePassword(t.Context(), w.Chloe, cast.Password, goodPassword))
		must(t, w.Store.SetAccountPassword(t.Context(), w.Alice, cast.Garrigue, "rh", goodPassword))
		must(t, second(w.Store.CreateAccount(t.Context(), w.Alice, cast.Garrigue, models.NewAccount{Local: "new", Password: goodPassword})))
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "new", "new"))
		_, err = w.Store.SignIn(t.Context(), models.Credentials{Identifier: cast.Emma, Password: "a wrong password", Peer: "192.0.2.1"}, "")
		want(t, "a wrong password", err, signedOut)

		app, codes := w.app(t, w.David)
		pending := w.waitWith(t, cast.David, goodPassword)
		trusting := got[*models.SignedIn](t)(w.Store.AnswerSignIn(t.Context(), w.waitWith(t, cast.David, goodPassword), codes[0], true, credentials(""), ""))

		secrets := append(codes, cast.Password, goodPassword, "a wrong password", in.Token, in.Device, link, unused, app, cast.SamSecret, pending, trusting.Trusted, strings.ReplaceAll(codes[0], "-", ""))
		tables := 0
		for _, table := range w.tables(t) {
			rows, err := w.SQL.QueryContext(t.Context(), "SELECT * FROM "+table)
			must(t, err)
			columns, err := rows.Columns()
			must(t, err)
			values, dest := make([]any, len(columns)), make([]any, len(columns))
			for i := range dest {
				dest[i] = &values[i]
			}
			tables++
			for rows.Next() {
				must(t, rows.Scan(dest...))
				for i, v := range values {
					text := fmt.Sprintf("%s", v)
					if slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(text, s) }) {
						t.Errorf("%s.%s keeps a secret: %.80s", table, columns[i], text)
					}
					if columns[i] != "password_hash" && strings.Contains(strings.ToLower(text), "argon2") {
						t.Errorf("%s.%s keeps a hash: %.80s", table, columns[i], text)
					}
				}
			}
			must(t, rows.Close())
		}
		if tables < 14 {
			t.Errorf("looked through %d tables only", tables)
		}
	})
}

// tables are those of the database, the job queue's among them.
func (w *world) tables(t testing.TB) (names []string) {
	t.Helper()
	query := "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
	if !w.Store.Embedded() {
		query = "SELECT tablename FROM pg_tables WHERE schemaname = 'panel' ORDER BY tablename"
	}
	rows, err := w.SQL.QueryContext(t.Context(), query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		names = append(names, name)
	}
	return names
}
