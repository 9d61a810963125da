package models_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

const (
	provider = "https://sso.example.org"
	unlinked = "models: nobody is linked with this identity"
)

// known is what the provider says of somebody.
func known(subject string) models.IdentityCredentials {
	return models.IdentityCredentials{Identity: models.Identity{Issuer: provider, Subject: subject, Name: "somebody"}, Customers: true, Agents: true}
}

func (w *world) signOn(t testing.TB, ic models.IdentityCredentials) (*models.SignedIn, error) {
	t.Helper()
	return w.Store.SignInByIdentity(t.Context(), ic, models.Credentials{Peer: "192.0.2.1", UserAgent: "test"}, "")
}

func (w *world) linked(t testing.TB, identifier, subject string) *models.Identity {
	t.Helper()
	return got[*models.Identity](t)(w.Store.AddIdentity(t.Context(), identifier, provider, subject))
}

func TestWhoIsLinkedIsWhoComes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.linked(t, cast.Emma, "e")
		in := got[*models.SignedIn](t)(w.signOn(t, known("e")))
		if in.Session.CustomerID != w.Emma.Customer || in.Token == "" || in.Device == "" || in.Pending != "" {
			t.Errorf("%+v", in)
		}
		list := got[[]models.Identity](t)(w.Store.Identities(t.Context(), w.Emma))
		if len(list) != 1 || list[0].Name != "somebody" || list[0].UsedAt == nil || list[0].LinkedBy != models.LinkedByOperator {
			t.Errorf("%+v", list)
		}
		for what, ic := range map[string]models.IdentityCredentials{
			"another subject": known("E"), "no subject": known(""),
			"another issuer":   {Identity: models.Identity{Issuer: provider + "/", Subject: "e"}, Customers: true, Agents: true},
			"for agents alone": {Identity: models.Identity{Issuer: provider, Subject: "e"}, Agents: true},
		} {
			_, err := w.signOn(t, ic)
			want(t, what, err, unlinked)
		}
		replaced := got[*models.SignedIn](t)(w.Store.SignInByIdentity(t.Context(), known("e"), models.Credentials{Device: in.Device}, in.Token))
		w.signedIn(t, "the session that the browser had", in.Token, signedOut)
		w.signedIn(t, "the new one", replaced.Token, done)
	})
}

// A provider is one more password: a second factor is asked for all the same.
func TestAProviderIsNoSecondFactorUnlessItSaysSo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		secret, _ := w.app(t, w.Emma)
		w.linked(t, cast.Emma, "e")
		w.linked(t, cast.Sam, "s")
		in := got[*models.SignedIn](t)(w.signOn(t, known("e")))
		if in.Pending == "" || in.Token != "" || in.Identifier != cast.Emma {
			t.Fatalf("%+v", in)
		}
		answered := got[*models.SignedIn](t)(w.answer(t, in.Pending, w.code(t, secret, 0)))
		if !answered.Session.Proved(w.Store.Now()) || w.Int(t, "SELECT count(*) FROM sessions WHERE identity_id IS NOT NULL") != 1 {
			t.Error("the session does not rest on what was shown")
		}
		strong := known("e")
		strong.Strong = true
		if in := got[*models.SignedIn](t)(w.signOn(t, strong)); in.Token == "" {
			t.Errorf("%+v", in)
		}
		sam := got[*models.SignedIn](t)(w.signOn(t, known("s")))
		if sam.Pending == "" || sam.Token != "" {
			t.Errorf("an agent is in without a second factor: %+v", sam)
		}
		w.Exec(t, "DELETE FROM factors")
		sam = got[*models.SignedIn](t)(w.signOn(t, known("s")))
		if sam.Token != "" || !got[*models.Pending](t)(w.Store.PendingSignIn(t.Context(), sam.Pending, "")).Enrol {
			t.Errorf("an agent without one is not led to enrol: %+v", sam)
		}
		strong = known("s")
		strong.Strong = true
		if in := got[*models.SignedIn](t)(w.signOn(t, strong)); in.Session.AgentID == 0 {
			t.Errorf("%+v", in)
		}

		waits := got[*models.SignedIn](t)(w.signOn(t, known("s")))
		must(t, w.Store.RemoveIdentity(t.Context(), cast.Sam, provider))
		_, err := w.Store.PendingSignIn(t.Context(), waits.Pending, "")
		want(t, "a sign-in that waits, after its link has ended", err, overdue)
	})
}

// A session by a provider that let somebody in long ago proves nothing (R22).
func TestAProviderThatRemembersProvesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		w.linked(t, cast.Emma, "e")
		now := w.Store.Now()
		for what, c := range map[string]struct {
			at     time.Time
			proved bool
		}{
			"it does not say": {time.Time{}, false}, "an hour ago": {now.Add(-time.Hour), false}, "next year": {now.AddDate(1, 0, 0), false},
			"a minute ago": {now.Add(-time.Minute), true}, "now": {now, true}, "by a clock that is ahead": {now.Add(30 * time.Second), true},
		} {
			ic := known("e")
			ic.At = c.at
			in := got[*models.SignedIn](t)(w.signOn(t, ic))
			if in.Session.Proved(now) != c.proved || in.Session.ProvedAt.After(now) {
				t.Errorf("%s: proved %v", what, in.Session.ProvedAt)
			}
			err := w.Store.ChangeContact(t.Context(), in.Session.Actor(), "other@petit.example")
			if c.proved != (err == nil) {
				t.Errorf("%s: %v", what, err)
			}
		}
	})
}

func TestAClaimLinksWhoHasNoLinkThere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		claims := func(subject, identifier string) models.IdentityCredentials {
			ic := known(subject)
			ic.Claim = identifier
			return ic
		}
		in := got[*models.SignedIn](t)(w.signOn(t, claims("e", " EP1005-mdt ")))
		if in.Session.CustomerID != w.Emma.Customer {
			t.Errorf("%+v", in)
		}
		for what, ic := range map[string]models.IdentityCredentials{
			"somebody else of that name": claims("other", cast.Emma), "nobody's": claims("x", "zz9-mdt"), "no identifier": claims("x", "alice@cabinet-garrigue.example"), "none": claims("x", ""),
			"for agents alone": {Identity: known("x").Identity, Claim: cast.David, Agents: true}, "for customers alone": {Identity: known("x").Identity, Claim: cast.Sam, Customers: true},
		} {
			_, err := w.signOn(t, ic)
			want(t, what, err, unlinked)
		}
		if in := got[*models.SignedIn](t)(w.signOn(t, claims("e", cast.David))); in.Session.CustomerID != w.Emma.Customer {
			t.Error("who is linked becomes somebody else by a claim")
		}
		if in := got[*models.SignedIn](t)(w.signOn(t, claims("s", cast.Sam))); in.Pending == "" {
			t.Errorf("%+v", in)
		}
		if n := w.Int(t, "SELECT count(*) FROM events WHERE kind = 'identity.linked'"); n != 2 {
			t.Errorf("%d events", n)
		}
		if n := w.Int(t, "SELECT count(*) FROM events WHERE kind = 'identity.linked' AND agent_id IS NOT NULL AND actor_id IS NULL AND subject_id IS NULL AND object = 'sam-support'"); n != 1 {
			t.Errorf("%d events of the agent", n)
		}
	})
}

func TestPeopleAreLinkedOnceAtAProvider(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		se := w.signIn(t, cast.Emma).Session
		must(t, w.Store.LinkIdentity(t.Context(), se.Actor(), known("e").Identity))
		must(t, w.Store.LinkIdentity(t.Context(), se.Actor(), known("e").Identity)) // once more changes nothing
		want(t, "another there", w.Store.LinkIdentity(t.Context(), se.Actor(), known("f").Identity), ": identity.second")
		other := w.signIn(t, cast.David).Session
		want(t, "what is somebody else's", w.Store.LinkIdentity(t.Context(), other.Actor(), known("e").Identity), "subject: identity.taken")
		must(t, w.Store.SignOut(t.Context(), &other))
		want(t, "of a session that has ended", w.Store.LinkIdentity(t.Context(), other.Actor(), known("g").Identity), signedOut)
		_, err := w.Store.AddIdentity(t.Context(), cast.David, provider, "e")
		want(t, "by the operator, what is somebody else's", err, "subject: identity.taken")
		w.linked(t, cast.Emma, "new") // in place of the other
		w.linked(t, cast.Emma, "new")
		if list := got[[]models.Identity](t)(w.Store.Identities(t.Context(), w.Emma)); len(list) != 1 || list[0].Subject != "new" {
			t.Errorf("%+v", list)
		}
		for what, c := range map[string][3]string{
			"nobody":           {"zz9-mdt", provider, "x"},
			"no identifier":    {"", provider, "x"},
			"no provider":      {cast.Emma, "", "x"},
			"no subject":       {cast.Emma, provider, ""},
			"a long subject":   {cast.Emma, provider, strings.Repeat("x", 256)},
			"a subject of NUL": {cast.Emma, provider, "\x00"},
		} {
			if _, err := w.Store.AddIdentity(t.Context(), c[0], c[1], c[2]); err == nil {
				t.Error(what)
			}
		}
		kinds := []string{}
		for _, kind := range []string{"identity.linked", "identity.unlinked"} {
			kinds = append(kinds, strings.Repeat("x", w.Int(t, "SELECT count(*) FROM events WHERE kind = '"+kind+"'")))
		}
		if !slices.Equal(kinds, []string{"xx", "x"}) {
			t.Errorf("events %q", kinds)
		}
		w.Holds(t)
	})
}

func TestALinkThatEndsTakesItsSessionsAlong(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		link := w.linked(t, cast.Emma, "e")
		here, there, byPassword := got[*models.SignedIn](t)(w.signOn(t, known("e"))), got[*models.SignedIn](t)(w.signOn(t, known("e"))), w.signIn(t, cast.Emma)
		want(t, "without a proof", w.Store.UnlinkIdentity(t.Context(), here.Session.Actor(), link.ID, offered), "proof: proof.needed")
		got[string](t)(w.Store.Prove(t.Context(), here.Session.Actor(), cast.Password))
		want(t, "somebody else's", w.Store.UnlinkIdentity(t.Context(), w.signIn(t, cast.David).Session.Actor(), link.ID, offered), notFound)
		must(t, w.Store.UnlinkIdentity(t.Context(), here.Session.Actor(), link.ID, offered))
		w.signedIn(t, "there", there.Token, signedOut)
		w.signedIn(t, "by the password", byPassword.Token, done)
		if n := w.Int(t, fmt.Sprintf("SELECT count(*) FROM sessions WHERE id = %d", here.Session.ID)); n != 1 {
			t.Error("the session that asks has ended")
		}
		_, err := w.signOn(t, known("e"))
		want(t, "by the link", err, unlinked)

		w.linked(t, cast.David, "d")
		david := got[*models.SignedIn](t)(w.signOn(t, known("d")))
		must(t, w.Store.RemoveIdentity(t.Context(), cast.David, provider))
		w.signedIn(t, "after the operator ended it", david.Token, signedOut)
		want(t, "twice", w.Store.RemoveIdentity(t.Context(), cast.David, provider), notFound)
		want(t, "nobody's", w.Store.RemoveIdentity(t.Context(), "zz9-mdt", provider), notFound)

		w.Exec(t, "UPDATE customers SET password_hash = '' WHERE identifier = 'dn1004-mdt'")
		only := w.linked(t, cast.David, "d")
		ic := known("d")
		ic.At = w.Store.Now()
		in := got[*models.SignedIn](t)(w.signOn(t, ic))
		want(t, "the only way in", w.Store.UnlinkIdentity(t.Context(), in.Session.Actor(), only.ID, offered), ": way_in.last")
	})
}

func TestAWayToAProviderIsTakenOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		se := w.signIn(t, cast.Emma).Session
		begin := func(by models.Actor, r models.IdentityRequest, replaced string) string {
			t.Helper()
			return got[string](t)(w.Store.NewIdentityRequest(t.Context(), by, r, "192.0.2.1", replaced))
		}
		token := begin(models.Actor{}, models.IdentityRequest{Next: "/profile", Again: true}, "")
		if r := got[*models.IdentityRequest](t)(w.Store.IdentityRequest(t.Context(), token)); r.Next != "/profile" || !r.Again || r.SessionID != 0 {
			t.Errorf("%+v", r)
		}
		var all sync.WaitGroup
		taken := make(chan error, 8)
		for range cap(taken) {
			all.Go(func() { _, err := w.Store.TakeIdentityRequest(t.Context(), token); taken <- err })
		}
		all.Wait()
		close(taken)
		n := 0
		for err := range taken {
			if err == nil {
				n++
			} else {
				want(t, "taken", err, overdue)
			}
		}
		if n != 1 {
			t.Errorf("taken %d times", n)
		}
		link := begin(se.Actor(), models.IdentityRequest{SessionID: se.ID}, "")
		other := begin(models.Actor{}, models.IdentityRequest{}, link)
		_, err := w.Store.TakeIdentityRequest(t.Context(), link)
		want(t, "replaced", err, overdue)
		w.Clock.Move(models.IdentityRequestFor)
		_, err = w.Store.TakeIdentityRequest(t.Context(), other)
		want(t, "late", err, overdue)
		_, err = w.Store.NewIdentityRequest(t.Context(), se.Actor(), models.IdentityRequest{SessionID: se.ID}, "192.0.2.1", "")
		want(t, "to be linked, without a proof", err, "proof: proof.needed")
		must(t, w.Store.Sweep(t.Context()))
		if n := w.Int(t, "SELECT count(*) FROM identity_requests"); n != 0 {
			t.Errorf("%d are left", n)
		}
		got[string](t)(w.Store.Prove(t.Context(), se.Actor(), cast.Password))
		link = begin(se.Actor(), models.IdentityRequest{SessionID: se.ID}, "")
		must(t, w.Store.SignOut(t.Context(), &se))
		_, err = w.Store.TakeIdentityRequest(t.Context(), link)
		want(t, "of a session that has ended", err, overdue)
	})
}

// Signing in by a link and ending it, at the same moment and over and over: no
// session is left that rests on a link that has ended.
func TestNoSessionOutlivesItsLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	for range 30 {
		w.linked(t, cast.Emma, "e")
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if _, err := w.signOn(t, known("e")); err != nil {
					want(t, "signing in", err, unlinked)
				}
			})
		}
		all.Go(func() { must(t, w.Store.RemoveIdentity(t.Context(), cast.Emma, provider)) })
		all.Wait()
		if n := w.Int(t, "SELECT count(*) FROM sessions"); n != 0 {
			t.Fatalf("%d sessions go on", n)
		}
	}
}
