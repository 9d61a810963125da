package models_test

import (
	"fmt"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// disable shuts somebody out, and says so only once.
func (w *world) disable(t testing.TB, identifier string) {
	t.Helper()
	for _, first := range []bool{true, false} {
		if changed := got[bool](t)(w.Store.DisableCustomer(t.Context(), identifier)); changed != first {
			t.Errorf("disabling %s changed something: %v", identifier, changed)
		}
	}
}

func (w *world) enable(t testing.TB, identifier string) {
	t.Helper()
	for _, first := range []bool{true, false} {
		if changed := got[bool](t)(w.Store.EnableCustomer(t.Context(), identifier)); changed != first {
			t.Errorf("enabling %s changed something: %v", identifier, changed)
		}
	}
}

func TestADisabledCustomerGetsInByNoWay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		secret, codes := w.app(t, w.Bruno)
		k := w.keyring(t)
		k.add(t, w.Bruno, "Clé")
		w.linked(t, cast.Bruno, "bruno")
		sam := w.support(t)
		must(t, w.Store.OpenWindow(t.Context(), w.Bruno, time.Hour, true))
		session := got[*models.SignedIn](t)(w.answer(t, w.wait(t, cast.Bruno), codes[0]))
		other := w.signIn(t, cast.Alice)
		pending, waits := w.wait(t, cast.Bruno), w.wait(t, cast.Bruno)
		link, _, err := w.Store.NewPasswordLink(t.Context(), cast.Bruno)
		must(t, err)
		must(t, w.forgot(t, cast.Bruno, "192.0.2.9"))
		asked := w.resets(t)
		proof := k.prove(t)
		acting := got[*models.Assistance](t)(w.Store.AskAssistance(t.Context(), sam, asks(cast.Bruno, "")))
		sam.Customer, sam.Assistance, sam.Mode = acting.CustomerID, acting.ID, policy.Look

		w.disable(t, " BM1002-mdt ")
		w.signedIn(t, "the session that was open", session.Token, signedOut)
		w.signedIn(t, "somebody else's", other.Token, done)
		for _, table := range []string{"sessions", "sign_ins", "trusted_devices", "devices", "password_links", "password_resets", "contact_changes"} {
			if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM %s WHERE customer_id = %d", table, w.Bruno.Customer)); n != 0 {
				t.Errorf("%d %s are left", n, table)
			}
		}
		in := func(_ *models.SignedIn, err error) error { return err }
		want(t, "the right password", in(w.Store.SignIn(t.Context(), credentials(cast.Bruno), "")), signedOut)
		want(t, "a passkey", in(k.signIn(t, proof)), "passkey: passkey.unknown")
		want(t, "another proof of it", in(k.signIn(t, k.prove(t))), "passkey: passkey.unknown")
		want(t, "the provider", in(w.signOn(t, known("bruno"))), models.ErrUnlinked.Error())
		strong := known("bruno")
		strong.Strong = true
		want(t, "the provider with a second factor", in(w.signOn(t, strong)), models.ErrUnlinked.Error())
		want(t, "a code", in(w.answer(t, pending, w.code(t, secret, 0))), models.ErrSignInEnded.Error())
		want(t, "a recovery code", in(w.answer(t, waits, codes[1])), models.ErrSignInEnded.Error())
		want(t, "the operator's link", w.Store.UsePasswordLink(t.Context(), link, goodPassword), models.ErrExpiredLink.Error())
		want(t, "another link", third(w.Store.NewPasswordLink(t.Context(), cast.Bruno)), "identifier: customer.disabled")
		for _, id := range asked {
			must(t, w.Store.SendPasswordLink(t.Context(), id, 1, false))
		}
		must(t, w.forgot(t, cast.Bruno, "192.0.2.9"))
		if mails := w.mailed(t); len(mails) != 0 {
			t.Errorf("a link was sent: %+v", mails)
		}
		for _, consent := range []string{"", "12345678"} {
			agent := sam.Self()
			agent.Assistance, agent.Mode = 0, policy.NoAgent
			want(t, "support with "+consent, second(w.Store.AskAssistance(t.Context(), agent, asks(cast.Bruno, consent))), map[bool]string{true: "customer: assistance.refused.disabled", false: "code: assistance.code.wrong"}[consent == ""])
		}
		want(t, "the assistance that was open", w.redescribe(t, sam, "x"), models.ErrAssistanceEnded.Error())
		if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM consents WHERE customer_id = %d AND ended_at IS NULL", w.Bruno.Customer)); n != 0 {
			t.Errorf("%d consents are open", n)
		}

		w.enable(t, cast.Bruno)
		w.signedIn(t, "the session of before", session.Token, signedOut)
		want(t, "the link of before", w.Store.UsePasswordLink(t.Context(), link, goodPassword), models.ErrExpiredLink.Error())
		got[*models.SignedIn](t)(w.answer(t, w.wait(t, cast.Bruno), codes[1]))
		got[*models.SignedIn](t)(k.signIn(t, k.prove(t)))
		got[*models.SignedIn](t)(w.signOn(t, strong))

		_, err = w.Store.DisableCustomer(t.Context(), "zz1-mdt")
		want(t, "nobody", err, notFound)
		_, err = w.Store.EnableCustomer(t.Context(), cast.Sam)
		want(t, "an agent", err, notFound)
	})
}

func TestADisabledCustomerIsAnsweredAsWhoMistypes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.disable(t, cast.Emma)
		statements := map[string]int{}
		taken := func() int { // but for what tells of new work, at most every so often
			ours, queue := split(w.Count.Take())
			return len(ours) + len(queue)
		}
		must(t, w.forgot(t, "zz8-mdt", "192.0.2.3")) // the first from there
		for _, identifier := range []string{cast.Emma, "zz9-mdt"} {
			w.Count.Take()
			_, err := w.Store.SignIn(t.Context(), models.Credentials{Identifier: identifier, Password: cast.Password, Peer: "192.0.2.2"}, "")
			want(t, identifier, err, signedOut)
			statements[identifier] = taken()
			must(t, w.forgot(t, identifier, "192.0.2.3"))
			statements[identifier+" forgot"] = taken()
		}
		if statements[cast.Emma] != statements["zz9-mdt"] || statements[cast.Emma+" forgot"] != statements["zz9-mdt forgot"] {
			t.Errorf("%v statements: the time tells who is disabled", statements)
		}
		c := credentials(cast.Emma)
		c.Peer = "192.0.2.4"
		if o := w.guess(t, c, 12); o["throttled"] == 0 {
			t.Errorf("guessing is not slowed: %v", o)
		}
	})
}

func TestWhatADisabledCustomerOwnsGoesOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		grants := w.Int(t, "SELECT count(*) FROM grants WHERE ended_at IS NULL")
		accounts := w.Int(t, "SELECT count(*) FROM accounts WHERE state = 'active'")
		w.disable(t, cast.Alice)
		w.disable(t, cast.Chloe)
		must(t, w.describe(t, w.Bruno, cast.Garrigue, "contact", "by the delegate of somebody disabled"))
		if n := w.Int(t, "SELECT count(*) FROM grants WHERE ended_at IS NULL"); n != grants {
			t.Errorf("%d grants, %d before", n, grants)
		}
		if n := w.Int(t, "SELECT count(*) FROM accounts WHERE state = 'active'"); n != accounts {
			t.Errorf("%d accounts that take mail, %d before", n, accounts)
		}
		w.enable(t, cast.Chloe)
		must(t, w.describe(t, w.Chloe, cast.Garrigue, "contact", "by a delegate who is back"))
	})
}

func TestJobsOfADisabledCustomerDoNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		id := w.upload(t, w.Bruno, models.UploadAccounts, accountRows("un", "deux"))
		must(t, w.Store.ApplyUpload(t.Context(), w.Bruno, cast.Garrigue, models.UploadAccounts, id))
		must(t, w.mail(t, w.Bruno))
		w.disable(t, cast.Bruno)
		want(t, "the job of a file", w.Store.RunUpload(t.Context(), id), done)
		_, err := w.Store.Account(t.Context(), w.Alice, cast.Garrigue, "un")
		want(t, "what the file would have made", err, notFound)
		defer w.works(t)()
		w.settled(t, models.MailingDropped, 1)
	})
}

func TestAnImportOfADisabledCustomerStops(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.importing(t)
		i.fill(t, 3, "INBOX")
		id := i.started(t, w.Bruno)
		w.disable(t, cast.Bruno)
		must(t, i.run(t, id))
		i.wantState(t, id, models.ImportStopped, "right")
	})
}

func TestDisablingIsInTheHistoryAndTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.disable(t, cast.Emma)
		if got, want := w.lastEvent(t), "customer.disabled ep1005-mdt - - ep1005-mdt {}"; got != want {
			t.Errorf("%s; want %s", got, want)
		}
		w.enable(t, cast.Emma)
		if got, want := w.lastEvent(t), "customer.enabled ep1005-mdt - - ep1005-mdt {}"; got != want {
			t.Errorf("%s; want %s", got, want)
		}
		if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM notices WHERE receiver_id = %d", w.Emma.Customer)); n != 2 {
			t.Errorf("%d notices", n)
		}
	})
}

// Whatever is under way when somebody is disabled, nothing of it succeeds afterwards.
func TestDisablingGoesThroughWhateverIsUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	ctx := t.Context()
	w.cheap(t, cast.Alice)
	for round := range 12 {
		in := got[*models.SignedIn](t)(w.Store.SignIn(ctx, credentials(cast.Alice), ""))
		text := fmt.Sprintf("round %d", round)
		name := "Alice " + text
		forms := make([]models.Actor, 4)
		for i := range forms {
			forms[i] = w.form(t, in.Session)
		}
		must(t, w.Store.OpenWindow(ctx, forms[3], time.Hour, true))
		agent := w.support(t)
		version := w.Int(t, fmt.Sprintf("SELECT version FROM customers WHERE id = %d", w.Alice.Customer))
		under := []func() error{
			func() error {
				return w.Store.ChangeProfile(ctx, forms[0], models.Profile{Name: &name, Version: version})
			},
			func() error { return w.Store.OpenWindow(ctx, forms[1], 8*time.Hour, false) },
			func() error { return second(w.Store.EndOtherSessions(ctx, forms[2])) },
			func() error { return second(w.Store.AskAssistance(ctx, agent, asks(cast.Alice, ""))) },
			func() error { return second(w.Store.SignIn(ctx, credentials(cast.Alice), "")) },
			func() error { return w.describe(t, w.Bruno, cast.Garrigue, "contact", text) },
		}
		var disabling error
		together(len(under)+1, func(i int) string {
			if i == len(under) {
				disabling = second(w.Store.DisableCustomer(ctx, cast.Alice))
				return ""
			}
			return outcome(under[i]())
		})
		must(t, disabling)
		for what, query := range map[string]string{
			"sessions":    "SELECT count(*) FROM sessions WHERE customer_id = %d",
			"assistances": "SELECT count(*) FROM assistances WHERE customer_id = %d AND ended_at IS NULL",
			"consents":    "SELECT count(*) FROM consents WHERE customer_id = %d AND ended_at IS NULL",
		} {
			if n := w.Int(t, fmt.Sprintf(query, w.Alice.Customer)); n != 0 {
				t.Errorf("round %d: %d %s are left", round, n, what)
			}
		}
		want(t, "a form of before", w.Store.OpenWindow(ctx, w.form(t, in.Session), time.Hour, true), signedOut)
		w.enable(t, cast.Alice)
		w.cheap(t, cast.Alice)
		must(t, w.Store.EndAssistance(ctx, agent))
	}
	w.Holds(t)
}
