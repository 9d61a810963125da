package models_test

import (
	"strings"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// Statements of each read and each verb on PostgreSQL, begin and commit apart.
// A page has room for two reads, and a change for eight statements, one of which
// reads the session: those at eight are beyond, for the reason that they name,
// or because they tell somebody by email, which is one here and one of the queue
// however many people it is.
// None grows with the number of rows. A number that grows here was looked at.
func TestStatementsOfEachReadAndVerb(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	ctx := t.Context()
	alice, chloe := w.signIn(t, cast.Alice), w.signIn(t, cast.Chloe)
	bruno, emma := w.signIn(t, cast.Bruno), w.signIn(t, cast.Emma)
	a, account := w.service(t, w.Alice, cast.Garrigue), w.account(t, w.Alice, cast.Garrigue, "contact")
	shared := w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate|policy.Password, w.in(1e15))
	passed := w.delegate(t, w.Emma, cast.Garrigue, "rh", cast.David, policy.Password, nil)
	single := w.delegate(t, w.Alice, cast.Garrigue, "paie", cast.Chloe, 0, nil)
	text, other, size, theme := "new words here", "others there", int64(models.GB), "dark"
	token, _, err := w.Store.NewPasswordLink(ctx, cast.David)
	must(t, err)
	settings := func(local string, n models.AccountSettings) models.AccountSettings {
		n.Version = w.version(t, cast.Garrigue, local)
		return n
	}
	own, short, both := settings("contact", models.AccountSettings{Description: &text}), settings("rh", models.AccountSettings{SizeBytes: &size}), settings("info", models.AccountSettings{Description: &text, SizeBytes: &size})
	again := models.AccountSettings{Description: &other, Version: own.Version + 1}

	notices := w.Int(t, "SELECT count(*) FROM notices")
	for _, c := range []struct {
		what string
		most int
		do   func() error
	}{
		{"Session", 1, func() error { return second(w.Store.Session(ctx, alice.Token)) }},
		{"Accounts of the owner", 1, func() error { return second(w.Store.Accounts(ctx, alice.Token, cast.Garrigue, models.AccountQuery{})) }},
		{"Accounts of a delegate, searched", 1, func() error {
			return second(w.Store.Accounts(ctx, chloe.Token, cast.Garrigue, models.AccountQuery{Search: "con", Status: "delegated", Sort: "-used"}))
		}},
		{"Accounts of nobody", 1, func() error { _, _ = w.Store.Accounts(ctx, "", cast.Garrigue, models.AccountQuery{}); return nil }},
		{"Service", 1, func() error { return second(w.Store.Service(ctx, w.Alice, cast.Garrigue)) }},
		{"Account", 1, func() error { return second(w.Store.Account(ctx, w.Chloe, cast.Garrigue, "contact")) }},
		{"OwnServices", 1, func() error { return second(w.Store.OwnServices(ctx, w.Alice, models.ServiceQuery{})) }},
		{"SharedServices", 1, func() error { return second(w.Store.SharedServices(ctx, w.Bruno, models.ServiceQuery{Search: "a"})) }},
		{"Overview", 1, func() error { _, _, err := w.Store.Overview(ctx, a); return err }},
		{"Grants of a service", 1, func() error { return second(w.Store.Grants(ctx, w.Alice, a, models.GrantQuery{})) }},
		{"Grants of an account", 1, func() error { return second(w.Store.Grants(ctx, w.Alice, account, models.GrantQuery{Whole: true})) }},
		{"Grant", 1, func() error { return second(w.Store.Grant(ctx, w.Alice, shared.ID)) }},
		{"CheckIdentifiers", 2, func() error {
			return second(w.Store.CheckIdentifiers(ctx, w.Alice, cast.Garrigue, "contact", []string{cast.Chloe}))
		}},
		{"History", 1, func() error { _, _, err := w.Store.History(ctx, w.Alice, a, models.HistoryQuery{}); return err }},
		{"PersonHistory", 1, func() error { _, _, err := w.Store.PersonHistory(ctx, w.Alice, models.HistoryQuery{}); return err }},
		{"Customer", 1, func() error { return second(w.Store.Customer(ctx, w.Alice)) }},

		{"CreateAccount, first use of a grant in an hour", 8, func() error {
			return second(w.Store.CreateAccount(ctx, w.form(t, bruno.Session), cast.Garrigue, models.NewAccount{Local: "one"}))
		}},
		{"CreateAccount, with a password", 8, func() error {
			return second(w.Store.CreateAccount(ctx, w.form(t, emma.Session), cast.Garrigue, models.NewAccount{Local: "two", Password: goodPassword}))
		}},
		{"ChangeAccount, description, first use of a grant in an hour", 8, func() error {
			return w.Store.ChangeAccount(ctx, w.form(t, chloe.Session), cast.Garrigue, "contact", own)
		}},
		{"ChangeAccount, description", 7, func() error {
			return w.Store.ChangeAccount(ctx, w.form(t, chloe.Session), cast.Garrigue, "contact", again)
		}},
		{"ChangeAccount, size", 6, func() error { return w.Store.ChangeAccount(ctx, w.form(t, alice.Session), cast.Garrigue, "rh", short) }},
		{"ChangeAccount, description and size", 8, func() error { return w.Store.ChangeAccount(ctx, w.form(t, alice.Session), cast.Garrigue, "info", both) }},
		{"SetAccountPassword", 6, func() error {
			return w.Store.SetAccountPassword(ctx, w.form(t, alice.Session), cast.Garrigue, "rh", goodPassword)
		}},
		{"SetAccountPassword by who may not, without the cost of a hash", 1, func() error {
			want(t, "without the extra", w.Store.SetAccountPassword(ctx, w.Chloe, cast.Garrigue, "paie", goodPassword), forbidden(policy.SetPassword))
			return nil
		}},
		{"BlockAccount", 5, func() error { return w.Store.BlockAccount(ctx, w.form(t, alice.Session), cast.Garrigue, "info") }},
		{"UnblockAccount", 5, func() error { return w.Store.UnblockAccount(ctx, w.form(t, alice.Session), cast.Garrigue, "info") }},
		{"ShareService, five people", 8, func() error {
			return second(w.Store.ShareService(ctx, w.form(t, alice.Session), cast.Atelier, request(0, cast.Bruno, cast.Chloe, cast.David, cast.Emma, "oops")))
		}},
		{"ShareService, one unknown of two", 9, func() error {
			return second(w.Store.ShareService(ctx, w.form(t, alice.Session), cast.Garrigue, request(0, cast.David, "zz1-mdt")))
		}},
		{"DelegateAccount", 7, func() error {
			return second(w.Store.DelegateAccount(ctx, w.form(t, alice.Session), cast.Garrigue, "info", request(0, cast.Emma)))
		}},
		{"DelegateAccounts, twelve grants", 8, func() error {
			return second(w.Store.DelegateAccounts(ctx, w.form(t, alice.Session), cast.Garrigue, []string{"notaire", "presse", "stages", "veille"}, request(0, cast.Chloe, cast.David, cast.Emma)))
		}},
		{"ChangeGrant, with what rests on it", 9, func() error {
			return second(w.Store.ChangeGrant(ctx, w.form(t, alice.Session), shared.ID, models.GrantTerms{Ticked: policy.Delegate, ExpiresAt: shared.ExpiresAt, Version: 1}))
		}},
		{"ExtendGrant", 8, func() error { return second(w.Store.ExtendGrant(ctx, w.form(t, alice.Session), shared.ID)) }},
		{"ChangeGrant, of one passed on", 7, func() error {
			return second(w.Store.ChangeGrant(ctx, w.form(t, emma.Session), passed.ID, models.GrantTerms{Note: "new", Version: 2}))
		}},
		{"Revoke, with what rests on it", 8, func() error { return second(w.Store.Revoke(ctx, w.form(t, alice.Session), shared.ID)) }},
		{"Restore, with what ended with it", 8, func() error { return second(w.Store.Restore(ctx, w.form(t, alice.Session), shared.ID)) }},
		{"Resign", 7, func() error { return second(w.Store.Resign(ctx, w.form(t, chloe.Session), single.ID)) }},
		{"DeleteAccount", 8, func() error {
			return w.Store.DeleteAccount(ctx, w.form(t, alice.Session), cast.Garrigue, "rh", "rh")
		}},
		{"Responder", 2, func() error {
			return third(w.Store.Responder(ctx, w.Alice, models.AccountResponder, cast.Garrigue, "stages"))
		}},
		{"Responders", 1, func() error { return second(w.Store.Responders(ctx, a, models.ResponderQuery{Search: "a"})) }},
		{"SetResponder, the first", 8, func() error {
			return w.Store.SetResponder(ctx, w.form(t, alice.Session), cast.Garrigue, "stages", away("x", nil, nil))
		}},
		{"SetResponder", 8, func() error {
			f := away("y", nil, nil)
			f.Version = 1
			return w.Store.SetResponder(ctx, w.form(t, alice.Session), cast.Garrigue, "stages", f)
		}},
		{"EndResponder", 8, func() error {
			return w.Store.EndResponder(ctx, w.form(t, alice.Session), models.AccountResponder, cast.Garrigue, "stages")
		}},
		{"DeleteResponder", 8, func() error {
			return w.Store.DeleteResponder(ctx, w.form(t, alice.Session), models.AccountResponder, cast.Garrigue, "stages")
		}},
		{"CreateResponder", 7, func() error {
			return second(w.Store.CreateResponder(ctx, w.form(t, alice.Session), cast.Garrigue, "gone", away("x", nil, nil)))
		}},
		{"ChangeProfile", 5, func() error {
			return w.Store.ChangeProfile(ctx, w.form(t, alice.Session), models.Profile{Theme: &theme})
		}},
		{"ChangePassword, three of them to slow guesses, four to shut support out", 20, func() error {
			return w.Store.ChangePassword(ctx, w.form(t, alice.Session), cast.Password, goodPassword)
		}},
		{"PasswordLink", 1, func() error { return second(w.Store.PasswordLink(ctx, token)) }},
		{"UsePasswordLink", 13, func() error { return w.Store.UsePasswordLink(ctx, token, goodPassword) }},
		{"NewPasswordLink", 6, func() error { _, _, err := w.Store.NewPasswordLink(ctx, cast.David); return err }},
		{"SignIn", 9, func() error { w.signIn(t, cast.Bruno); return nil }},
		{"SignIn in a known browser, in place of a session", 11, func() error {
			c := credentials(cast.Bruno)
			c.Device = bruno.Device
			return second(w.Store.SignIn(ctx, c, bruno.Token))
		}},
		{"NoteSeen", 0, func() error { return w.Store.NoteSeen(ctx, &alice.Session) }},
		{"SignOut", 1, func() error { return w.Store.SignOut(ctx, &alice.Session) }},
		{"SignOutPerson", 8, func() error { return second(w.Store.SignOutPerson(ctx, cast.Chloe)) }},
		{"SignOutAll, seven for each of two people", 16, func() error { return third(w.Store.SignOutAll(ctx, false)) }},
		{"DisableCustomer, seven of them to empty a table", 15, func() error { return second(w.Store.DisableCustomer(ctx, cast.Chloe)) }},
		{"DisableCustomer, who is disabled", 3, func() error { return second(w.Store.DisableCustomer(ctx, cast.Chloe)) }},
		{"EnableCustomer", 5, func() error { return second(w.Store.EnableCustomer(ctx, cast.Chloe)) }},
	} {
		w.Count.Take()
		must(t, c.do())
		ours, queue := split(w.Count.Take())
		if len(ours) != c.most {
			t.Errorf("%s: %d statements, want %d:\n\t%s", c.what, len(ours), c.most, strings.Join(ours, "\n\t"))
		}
		jobs := 0
		if told := w.Int(t, "SELECT count(*) FROM notices"); told > notices {
			jobs, notices = 1, told
		}
		if c.what == "DeleteAccount" {
			jobs++
		}
		if len(queue) != jobs {
			t.Errorf("%s: %d statements of the job queue, want %d:\n\t%s", c.what, len(queue), jobs, strings.Join(queue, "\n\t"))
		}
	}
}

// third is the error of three values.
func third[A, B any](_ A, _ B, err error) error { return err }

// split parts our statements from those of the job queue, which tells of new
// work at most every so often, whatever there is.
func split(all []string) (ours, queue []string) {
	for _, text := range all {
		if strings.Contains(text, "pg_notify") {
			continue
		}
		if strings.Contains(text, "river_") {
			queue = append(queue, text)
		} else {
			ours = append(ours, text)
		}
	}
	return ours, queue
}
