package models_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/webauthn"
	"example.org/mandat/models/webauthn/webauthntest"
)

const panelOrigin = "https://panel.example.org"

// keyring is a browser of somebody's with an authenticator in it.
type keyring struct {
	*webauthntest.Authenticator
	w  *world
	at models.Ceremony
}

func (w *world) keyring(t testing.TB) *keyring {
	t.Helper()
	u, err := url.Parse(panelOrigin)
	must(t, err)
	return &keyring{webauthntest.New(panelOrigin), w, models.Ceremony{Site: got[*webauthn.Site](t)(webauthn.NewSite(u, "Mandat", models.ChallengeFor)), Peer: "192.0.2.7"}}
}

// asked is the challenge of a verb; the browser keeps its cookie.
func (k *keyring) asked(t testing.TB) func(*models.Challenge, error) []byte {
	return func(c *models.Challenge, err error) []byte {
		t.Helper()
		must(t, err)
		k.at.Browser = c.Browser
		return c.Options
	}
}

// create makes a passkey of by's, and answers what the browser does.
func (k *keyring) create(t testing.TB, by models.Actor) string {
	t.Helper()
	return k.Create(t, k.asked(t)(k.w.Store.ChallengeCreation(t.Context(), by, k.at, "Clé")))
}

// add gives by a passkey.
func (k *keyring) add(t testing.TB, by models.Actor, name string) {
	t.Helper()
	must(t, k.w.Store.AddPasskey(t.Context(), by, k.at, name, k.create(t, by)))
}

// prove is the browser's answer to a new challenge to sign in.
func (k *keyring) prove(t testing.TB) string {
	t.Helper()
	return k.Get(t, k.asked(t)(k.w.Store.ChallengeSignIn(t.Context(), k.at)), nil)
}

func (k *keyring) signIn(t testing.TB, answer string) (*models.SignedIn, error) {
	t.Helper()
	return k.w.Store.SignInWithPasskey(t.Context(), k.at, answer, models.Credentials{Peer: k.at.Peer, UserAgent: "test"}, "")
}

func (w *world) sam(t testing.TB) models.Actor {
	t.Helper()
	return models.Actor{Agent: int64(w.Int(t, "SELECT id FROM agents WHERE identifier = '"+cast.Sam+"'"))}
}

// lastEvent is the newest event as "kind object actor agent subject detail".
func (w *world) lastEvent(t testing.TB) string {
	t.Helper()
	var text string
	must(t, w.SQL.QueryRowContext(t.Context(), `SELECT e.kind || ' ' || e.object || ' ' || COALESCE(c.identifier, '-') || ' ' || COALESCE(a.identifier, '-') || ' ' || COALESCE(u.identifier, '-') || ' ' || e.detail
		FROM events e LEFT JOIN customers c ON c.id = e.actor_id LEFT JOIN agents a ON a.id = e.agent_id LEFT JOIN customers u ON u.id = e.subject_id ORDER BY e.id DESC LIMIT 1`).Scan(&text))
	return strings.ReplaceAll(text, `": `, `":`) // as SQLite keeps it
}

func TestAPasskeySignsInWithoutAnIdentifier(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			by         models.Actor
			identifier string
		}{{w.Alice, cast.Alice}, {w.sam(t), cast.Sam}} {
			k := w.keyring(t)
			k.add(t, c.by, "  Mon\u00a0 ordinateur ")
			list := got[[]models.Passkey](t)(w.Store.Passkeys(t.Context(), c.by))
			if len(list) != 1 || list[0].Name != "Mon ordinateur" || list[0].Site != "panel.example.org" || list[0].UsedAt != nil || list[0].BackedUp || !list[0].CreatedAt.Equal(w.Store.Now()) {
				t.Fatalf("%+v", list)
			}
			w.Clock.Move(time.Minute)
			in := got[*models.SignedIn](t)(k.signIn(t, k.prove(t)))
			se := got[*models.Session](t)(w.Store.Session(t.Context(), in.Token))
			if se.Identifier != c.identifier || se.Actor().Customer != c.by.Customer {
				t.Errorf("%+v", se)
			}
			if list = got[[]models.Passkey](t)(w.Store.Passkeys(t.Context(), c.by)); list[0].UsedAt == nil || !list[0].UsedAt.Equal(w.Store.Now()) {
				t.Errorf("%+v", list)
			}
		}
	})
}

func TestAPasskeyIsInTheHistoryOfItsPerson(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := w.keyring(t)
		k.add(t, w.Alice, "Clé")
		if got, want := w.lastEvent(t), `passkey.added ad1001-mdt ad1001-mdt - ad1001-mdt {"name":{"after":"Clé"}}`; got != want {
			t.Errorf("%s; want %s", got, want)
		}
		id := got[[]models.Passkey](t)(w.Store.Passkeys(t.Context(), w.Alice))[0].ID
		must(t, w.Store.RenamePasskey(t.Context(), w.Alice, id, "  Vieille \n clé "))
		for range 2 { // the second time nothing differs
			if got, want := strings.ReplaceAll(w.lastEvent(t), `", "`, `","`), `passkey.renamed ad1001-mdt ad1001-mdt - ad1001-mdt {"name":{"after":"Vieille clé","before":"Clé"}}`; got != want {
				t.Errorf("%s; want %s", got, want)
			}
			must(t, w.Store.RenamePasskey(t.Context(), w.Alice, id, "Vieille clé"))
		}
		must(t, w.Store.RenamePasskey(t.Context(), w.Alice, id, "Clé"))
		if name := got[string](t)(w.Store.RemovePasskey(t.Context(), w.Alice, id, offered)); name != "Clé" {
			t.Errorf("%q", name)
		}
		if got, want := w.lastEvent(t), `passkey.removed ad1001-mdt ad1001-mdt - ad1001-mdt {"name":{"before":"Clé"}}`; got != want {
			t.Errorf("%s; want %s", got, want)
		}
		k.add(t, w.sam(t), "Clé")
		if got, want := w.lastEvent(t), `passkey.added sam-support - sam-support - {"name":{"after":"Clé"}}`; got != want {
			t.Errorf("%s; want %s", got, want)
		}
	})
}

func TestAPasskeyIsNamedByItsPersonAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		k := w.keyring(t)
		k.add(t, w.Alice, "Clé")
		id := got[[]models.Passkey](t)(w.Store.Passkeys(ctx, w.Alice))[0].ID
		for who, by := range map[string]models.Actor{"another": w.Bruno, "staff": w.sam(t), "support for its person": {Customer: w.Alice.Customer, Agent: w.sam(t).Agent}, "nobody": {}} {
			want(t, who, w.Store.RenamePasskey(ctx, by, id, "Mienne"), notFound)
		}
		want(t, "one that is not there", w.Store.RenamePasskey(ctx, w.Alice, id+1, "Mienne"), notFound)
		want(t, "no name", w.Store.RenamePasskey(ctx, w.Alice, id, " \x00\n"), "name: passkey.name.none")
		want(t, "a long one", w.Store.RenamePasskey(ctx, w.Alice, id, strings.Repeat("é", 61)), "name: passkey.name.long")
		if name := got[*models.Passkey](t)(w.Store.Passkey(ctx, w.Alice, id)).Name; name != "Clé" {
			t.Errorf("%q", name)
		}
		must(t, w.Store.RenamePasskey(ctx, w.Alice, id, "Portable"))
		got[*models.SignedIn](t)(k.signIn(t, k.prove(t))) // as before
		w.Holds(t)
	})
}

func TestARemovedPasskeySignsNobodyIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := w.keyring(t)
		k.add(t, w.Alice, "Clé")
		answer := k.prove(t) // asked before, answered after
		id := got[[]models.Passkey](t)(w.Store.Passkeys(t.Context(), w.Alice))[0].ID
		_, err := w.Store.RemovePasskey(t.Context(), w.Bruno, id, offered)
		want(t, "another's", err, notFound)
		_, err = w.Store.RemovePasskey(t.Context(), models.Actor{Customer: w.Alice.Customer, Agent: w.sam(t).Agent}, id, offered)
		want(t, "by support for its person", err, notFound)
		_, err = w.Store.RemovePasskey(t.Context(), w.Alice, id, offered)
		want(t, "its person", err, done)
		_, err = w.Store.RemovePasskey(t.Context(), w.Alice, id, offered)
		want(t, "again", err, notFound)
		_, err = k.signIn(t, answer)
		want(t, "asked before, answered after", err, "passkey: passkey.unknown")
		_, err = k.signIn(t, k.prove(t))
		want(t, "asked after", err, "passkey: passkey.unknown")
	})
}

func TestAProofIsGoodOnceInItsBrowserForItsPurposeAndForFiveMinutes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := w.keyring(t)
		k.add(t, w.Alice, "Clé")
		answer := k.prove(t)
		own := k.at.Browser
		for _, browser := range []string{"", "x", strings.Repeat("A", 43)} {
			k.at.Browser = browser
			_, err := k.signIn(t, answer)
			want(t, "another browser", err, "passkey: passkey.lapsed")
		}
		k.at.Browser = own
		_, err := k.signIn(t, answer)
		want(t, "its own browser", err, done)
		_, err = k.signIn(t, answer)
		want(t, "replayed", err, "passkey: passkey.lapsed")

		answer = k.Get(t, k.asked(t)(w.Store.ChallengeProof(t.Context(), w.Alice, k.at)), nil)
		_, err = k.signIn(t, answer)
		want(t, "asked as proof", err, "passkey: passkey.lapsed")

		k.Challenge = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		_, err = k.signIn(t, k.prove(t))
		want(t, "a challenge of its own", err, "passkey: passkey.lapsed")
		k.Challenge = ""

		answer = k.prove(t)
		w.Clock.Move(models.ChallengeFor)
		_, err = k.signIn(t, answer)
		want(t, "too late", err, "passkey: passkey.lapsed")
		must(t, w.Store.Sweep(t.Context()))
		if n := w.Int(t, "SELECT count(*) FROM passkey_challenges"); n != 0 {
			t.Errorf("%d challenges stay", n)
		}
	})
}

func TestAWrongAnswerSpendsTheChallenge(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := w.keyring(t)
		k.add(t, w.Alice, "Clé")
		options := k.asked(t)(w.Store.ChallengeSignIn(t.Context(), k.at))
		k.Origin = "https://evil.example"
		_, err := k.signIn(t, k.Get(t, options, nil))
		want(t, "another origin", err, "passkey: passkey.refused")
		k.Origin = panelOrigin
		_, err = k.signIn(t, k.Get(t, options, nil))
		want(t, "then the right one", err, "passkey: passkey.lapsed")

		k.Keys = nil
		made := k.create(t, w.Alice)
		other := w.keyring(t)
		other.Origin = "https://evil.example"
		wrong := other.create(t, w.Alice)
		want(t, "made elsewhere", w.Store.AddPasskey(t.Context(), w.Alice, other.at, "Clé", wrong), "passkey: passkey.refused")
		want(t, "again", w.Store.AddPasskey(t.Context(), w.Alice, other.at, "Clé", wrong), "passkey: passkey.lapsed")
		want(t, "the good one", w.Store.AddPasskey(t.Context(), w.Alice, k.at, "Clé", made), done)
		want(t, "replayed", w.Store.AddPasskey(t.Context(), w.Alice, k.at, "Clé", made), "passkey: passkey.lapsed")
		for _, text := range []string{"{}", "null", strings.Repeat("x", webauthn.MaxAnswer+1)} {
			want(t, "no answer", w.Store.AddPasskey(t.Context(), w.Alice, k.at, "Clé", text), "passkey: passkey.refused")
			_, err := k.signIn(t, text)
			want(t, "no answer", err, "passkey: passkey.refused")
		}
	})
}

func TestAPasskeyIsItsPersonsAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		alice, bruno := w.keyring(t), w.keyring(t)
		alice.add(t, w.Alice, "Clé")
		bruno.add(t, w.Bruno, "Clé")

		// A passkey that says it is somebody else's.
		own := bruno.Keys[0].Handle
		bruno.Keys[0].Handle = alice.Keys[0].Handle
		_, err := bruno.signIn(t, bruno.prove(t))
		want(t, "another's handle", err, "passkey: passkey.unknown")
		bruno.Keys[0].Handle = nil
		_, err = bruno.signIn(t, bruno.prove(t))
		want(t, "no handle", err, "passkey: passkey.unknown")
		bruno.Keys[0].Handle = own

		// What was made for one is not kept for another, who is at the same browser.
		made := w.keyring(t).create(t, w.Emma)
		want(t, "kept for another", w.Store.AddPasskey(t.Context(), w.signIn(t, cast.Bruno).Session.Actor(), alice.at, "Clé", made), "passkey: passkey.lapsed")

		// A row that was moved to somebody else does not speak for them.
		of := func(a models.Actor) string {
			return fmt.Sprint("UPDATE passkeys SET customer_id = ", a.Customer, " WHERE name = 'Mobile'")
		}
		bruno.Keys = nil
		bruno.add(t, w.Emma, "Mobile")
		w.Exec(t, of(w.David))
		_, err = bruno.signIn(t, bruno.prove(t))
		want(t, "moved to another person", err, "passkey: passkey.unknown")
		w.Exec(t, of(w.Emma))
		_, err = bruno.signIn(t, bruno.prove(t))
		want(t, "moved back", err, done)
	})
}

func TestAHandleIsRandomAndOneForEachPerson(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k, other := w.keyring(t), w.keyring(t)
		k.add(t, w.Alice, "Clé")
		other.add(t, w.Alice, "Téléphone")
		if h := k.Keys[0].Handle; len(h) != 64 || string(h) != string(other.Keys[0].Handle) || strings.Contains(string(h), cast.Alice) {
			t.Errorf("handles %x %x", h, other.Keys[0].Handle)
		}
		for _, p := range got[[]models.Passkey](t)(w.Store.Passkeys(t.Context(), w.Alice)) {
			_, err := w.Store.RemovePasskey(t.Context(), w.Alice, p.ID, offered)
			must(t, err)
		}
		k.Keys = nil
		k.add(t, w.Alice, "Clé")
		if string(k.Keys[0].Handle) != string(other.Keys[0].Handle) {
			t.Error("the handle is another after the last passkey went")
		}
	})
}

func TestACopiedPasskeyIsRefusedAndTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := w.keyring(t)
		k.add(t, w.Alice, "Clé")
		for range 3 {
			_, err := k.signIn(t, k.prove(t))
			must(t, err)
		}
		k.Keys[0].Count = 0 // a copy that was taken at the beginning
		sessions := w.Int(t, "SELECT count(*) FROM sessions")
		_, err := k.signIn(t, k.prove(t))
		want(t, "the copy", err, "passkey: passkey.copied")
		if got, want := w.lastEvent(t), `passkey.copied ad1001-mdt - - ad1001-mdt {"name":{"after":"Clé"}}`; got != want {
			t.Errorf("%s; want %s", got, want)
		}
		if n := w.Int(t, "SELECT count(*) FROM sessions"); n != sessions {
			t.Errorf("%d sessions, want %d", n, sessions)
		}
		k.Keys[0].Count = 3
		_, err = k.signIn(t, k.prove(t))
		want(t, "the person's own goes on", err, done)
	})
}

func TestPasskeysAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := w.keyring(t)
		for i := range models.MaxPasskeys - 1 {
			w.keyring(t).add(t, w.Alice, fmt.Sprint("Clé ", i))
			w.Clock.Move(models.ChallengeFor) // or the peer asked too often
		}
		made, another := k.create(t, w.Alice), w.keyring(t)
		late := another.create(t, w.Alice)
		want(t, "the last", w.Store.AddPasskey(t.Context(), w.Alice, k.at, "Clé", made), done)
		want(t, "one more", w.Store.AddPasskey(t.Context(), w.Alice, another.at, "Clé", late), "passkey: passkey.many")
		_, err := w.Store.ChallengeCreation(t.Context(), w.Alice, k.at, "Clé")
		want(t, "asked for one more", err, "passkey: passkey.many")
		for name, outcome := range map[string]string{"": "name: passkey.name.none", " \x00\n": "name: passkey.name.none", strings.Repeat("é", 61): "name: passkey.name.long"} {
			want(t, name, w.Store.AddPasskey(t.Context(), w.Emma, k.at, name, "{}"), outcome)
		}
	})
}

func TestChallengesAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := w.keyring(t)
		first := k.asked(t)(w.Store.ChallengeSignIn(t.Context(), k.at))
		for range 30 {
			k.asked(t)(w.Store.ChallengeSignIn(t.Context(), k.at))
			w.Clock.Move(time.Microsecond)
		}
		if n := w.Int(t, "SELECT count(*) FROM passkey_challenges"); n != 10 {
			t.Errorf("one browser has %d challenges", n)
		}
		k.add(t, w.Alice, "Clé")
		_, err := k.signIn(t, k.Get(t, first, nil))
		want(t, "the first of many", err, "passkey: passkey.lapsed")

		at := k.at
		for range 200 {
			at.Browser = ""
			if _, err = w.Store.ChallengeSignIn(t.Context(), at); err != nil {
				break
			}
		}
		want(t, "too many of one peer", err, "throttled")
		at.Peer = "192.0.2.8"
		_, err = w.Store.ChallengeSignIn(t.Context(), at)
		want(t, "another peer", err, done)
		w.Clock.Move(models.ChallengeFor)
		at.Peer = k.at.Peer
		_, err = w.Store.ChallengeSignIn(t.Context(), at)
		want(t, "later", err, done)
	})
}

func TestAPasskeyOfAnotherSiteIsUnknown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := w.keyring(t)
		k.add(t, w.Alice, "Clé")
		w.Exec(t, "UPDATE passkeys SET site = 'old.example.org'")
		_, err := k.signIn(t, k.prove(t))
		want(t, "after the panel moved", err, "passkey: passkey.unknown")
	})
}

func TestOfTwoSignInsAtOnceWithOneProofOneIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := w.keyring(t)
		k.add(t, w.Alice, "Clé")
		answer := k.prove(t)
		sessions := w.Int(t, "SELECT count(*) FROM sessions")
		outcomes := make([]string, 8)
		var all sync.WaitGroup
		for i := range outcomes {
			all.Go(func() {
				_, err := k.signIn(t, answer)
				outcomes[i] = outcome(err)
			})
		}
		all.Wait()
		good := 0
		for _, o := range outcomes {
			if o == done {
				good++
			}
		}
		if n := w.Int(t, "SELECT count(*) FROM sessions"); good != 1 || n != sessions+1 {
			t.Errorf("%d of %v, %d sessions", good, outcomes, n-sessions)
		}
	})
}

func TestAPasskeyProvesWhoIsSignedIn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := w.keyring(t)
		k.add(t, w.Alice, "Clé")
		in := w.signIn(t, cast.Alice)
		by := in.Session.Actor()
		w.Clock.Move(models.ProofFor + time.Minute)
		id := got[[]models.Passkey](t)(w.Store.Passkeys(t.Context(), by))[0].ID
		_, err := w.Store.RemovePasskey(t.Context(), by, id, offered)
		want(t, "without a proof", err, "proof: proof.needed")
		want(t, "another without one", w.Store.AddPasskey(t.Context(), by, k.at, "Clé", w.keyring(t).create(t, w.Alice)), "proof: proof.needed")

		answer := k.Get(t, k.asked(t)(w.Store.ChallengeProof(t.Context(), by, k.at)), nil)
		other := w.signIn(t, cast.Alice).Session.Actor()
		_, err = w.Store.ProveWithPasskey(t.Context(), other, k.at, answer)
		want(t, "in another session", err, "proof: passkey.lapsed")
		token, err := w.Store.ProveWithPasskey(t.Context(), by, k.at, answer)
		want(t, "in its own", err, done)
		w.signedIn(t, "the reference of before", in.Token, signedOut)
		w.signedIn(t, "the new one", token, done)
		_, err = w.Store.ProveWithPasskey(t.Context(), by, k.at, answer)
		want(t, "replayed", err, "proof: passkey.lapsed")
		_, err = w.Store.ChallengeProof(t.Context(), w.Emma, k.at)
		want(t, "who has none", err, "passkey: passkey.none")
		_, err = w.Store.ChallengeProof(t.Context(), models.Actor{Customer: w.Alice.Customer, Agent: w.sam(t).Agent}, k.at)
		want(t, "support for its person", err, notFound)
		_, err = w.Store.RemovePasskey(t.Context(), by, id, offered)
		want(t, "with the proof", err, done)
	})
}

func TestWhoeverLosesEverythingLosesTheirPasskeys(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := w.keyring(t)
		k.add(t, w.Alice, "Clé")
		w.keyring(t).add(t, w.Alice, "Mobile")
		other := w.keyring(t)
		other.add(t, w.Bruno, "Clé")
		_, err := w.Store.ResetFactors(t.Context(), cast.Alice)
		must(t, err)
		_, err = k.signIn(t, k.prove(t))
		want(t, "hers", err, "passkey: passkey.unknown")
		_, err = other.signIn(t, other.prove(t))
		want(t, "another's", err, done)
	})
}

func TestPasskeysAreToldByEmail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := w.keyring(t)
		k.add(t, w.Alice, "Clé")
		w.wantNoticed(t, "added", "ad1001-mdt: security ad1001-mdt passkey.added ad1001-mdt>Clé")
		_, err := k.signIn(t, k.prove(t))
		must(t, err)
		k.Keys[0].Count = 0
		_, err = k.signIn(t, k.prove(t))
		want(t, "a copy", err, "passkey: passkey.copied")
		w.wantNoticed(t, "copied", "ad1001-mdt: security - passkey.copied ad1001-mdt>Clé")
		id := got[[]models.Passkey](t)(w.Store.Passkeys(t.Context(), w.Alice))[0].ID
		_, err = w.Store.RemovePasskey(t.Context(), w.Alice, id, offered)
		must(t, err)
		w.wantNoticed(t, "removed", "ad1001-mdt: security ad1001-mdt passkey.removed ad1001-mdt>Clé")
	})
}
