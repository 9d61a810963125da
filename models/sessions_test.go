package models_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

// goodPassword does for a mailbox and for a customer.
const goodPassword = "quatre-chemins-vers-la-mer"

func credentials(identifier string) models.Credentials {
	return models.Credentials{Identifier: identifier, Password: cast.Password, Peer: "192.0.2.1", UserAgent: "test"}
}

// signIn begins a session for one of the cast.
func (w *world) signIn(t testing.TB, identifier string) *models.SignedIn {
	t.Helper()
	in := got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), credentials(identifier), ""))
	if identifier == cast.Sam {
		in = got[*models.SignedIn](t)(w.Store.AnswerSignIn(t.Context(), in.Pending, w.Code(t, cast.SamSecret), false, credentials(identifier), ""))
	}
	return in
}

// cheap keeps somebody's password with parameters that take no time, as another program may have made it.
func (w *world) cheap(t testing.TB, identifier string) string {
	t.Helper()
	hash := got[string](t)(argon2id.CreateHash(cast.Password, &argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}))
	w.Exec(t, fmt.Sprintf("UPDATE customers SET password_hash = '%s' WHERE identifier = '%s'", hash, identifier))
	return hash
}

func (w *world) signedIn(t testing.TB, what, token, outcome string) {
	t.Helper()
	_, err := w.Store.Session(t.Context(), token)
	want(t, what, err, outcome)
}

func TestSigningInBeginsASession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), models.Credentials{Identifier: " AD1001-mdt ", Password: cast.Password, Peer: "192.0.2.1", UserAgent: strings.Repeat("é", 300) + "\xff\x00"}, ""))
		se := got[*models.Session](t)(w.Store.Session(t.Context(), in.Token))
		if se.ID == 0 || se.CustomerID != w.Alice.Customer || se.AgentID != 0 || se.Identifier != cast.Alice || se.Name != "Alice Durand" || se.Language != "fr" ||
			se.Theme != "system" || se.TimeZone != "Europe/Paris" || len(se.Data) != 0 || se.ExpiresAt.Sub(se.SeenAt) != models.SessionFor {
			t.Errorf("%+v", se)
		}
		if se.Actor().Customer != w.Alice.Customer || se.Actor().Session != se.ID || in.Session.ID != se.ID {
			t.Errorf("acts as %+v", se.Actor())
		}
		agent := w.signIn(t, cast.Sam).Session
		if agent.AgentID == 0 || agent.CustomerID != 0 || agent.Identifier != cast.Sam || agent.Language != "en" || agent.ExpiresAt.Sub(agent.SeenAt) != models.AgentSessionFor {
			t.Errorf("the agent's is %+v", agent)
		}
		other := w.signIn(t, cast.Alice)
		if len(in.Token) < 43 || len(in.Device) < 43 || in.Token == in.Device || other.Token == in.Token || other.Device == in.Device {
			t.Errorf("tokens %q %q, %q %q", in.Token, in.Device, other.Token, other.Device)
		}
	})
}

func TestAFailedSignInDoesNotTellWhy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.customer(t, "zz1-mdt") // who has no password
		var statements []int
		for _, c := range []struct{ what, identifier, password string }{
			{"a wrong password", cast.Alice, "tilleul-orage-2025"},
			{"an empty password", cast.Alice, ""},
			{"a password of bytes", cast.Alice, "\xff\x00"},
			{"nobody's identifier", "zz9-mdt", cast.Password},
			{"nobody's agent", "tom-support", cast.Password},
			{"an agent's wrong password", cast.Sam, "tilleul-orage-2025"},
			{"somebody without a password", "zz1-mdt", ""},
			{"somebody without a password, any", "zz1-mdt", cast.Password},
			{"no identifier", "", cast.Password},
			{"another shape", "alice@cabinet-garrigue.example", cast.Password},
			{"bytes", "\xff\x00", cast.Password},
		} {
			w.Count.Take()
			in, err := w.Store.SignIn(t.Context(), models.Credentials{Identifier: c.identifier, Password: c.password, Peer: "192.0.2.2"}, "")
			want(t, c.what, err, signedOut)
			if in != nil {
				t.Errorf("%s: %+v came along", c.what, in)
			}
			statements = append(statements, len(w.Count.Take()))
		}
		for _, n := range statements {
			if n != statements[0] {
				t.Errorf("%v statements: the time tells who exists", statements)
				break
			}
		}
	})
}

func TestASessionEndsWhenNobodyUsesIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		alice, sam := w.signIn(t, cast.Alice).Token, w.signIn(t, cast.Sam).Token
		w.Clock.Move(models.AgentIdleFor - time.Second)
		w.signedIn(t, "an agent after 15 minutes less a second", sam, done)
		w.Clock.Move(time.Second)
		w.signedIn(t, "an agent after 15 minutes", sam, signedOut)
		w.Clock.Move(models.IdleFor - models.AgentIdleFor - time.Second)
		w.signedIn(t, "a customer after 60 minutes less a second", alice, done)
		must(t, w.Store.NoteSeen(t.Context(), got[*models.Session](t)(w.Store.Session(t.Context(), alice))))
		w.Clock.Move(models.IdleFor - time.Second)
		w.signedIn(t, "59 minutes after a use", alice, done)
		w.Clock.Move(time.Second)
		w.signedIn(t, "60 minutes after a use", alice, signedOut)
		must(t, w.Store.Sweep(t.Context()))
		if n := w.Int(t, "SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("%d sessions are kept after their end", n)
		}
	})
}

func TestASessionEndsHoweverMuchItIsUsed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			who        string
			step, last time.Duration
		}{{cast.Alice, models.IdleFor - time.Minute, models.SessionFor}, {cast.Sam, models.AgentIdleFor - time.Minute, models.AgentSessionFor}} {
			token := w.signIn(t, c.who).Token
			for age := c.step; age < c.last; age += c.step {
				w.Clock.Move(c.step)
				se, err := w.Store.Session(t.Context(), token)
				if err != nil {
					t.Fatalf("%s after %v: %v", c.who, age, err)
				}
				must(t, w.Store.NoteSeen(t.Context(), se))
			}
			w.Clock.Move(c.step)
			w.signedIn(t, c.who+" after the last hour", token, signedOut)
		}
	})
}

func TestTheLastUseOfASessionIsKeptToTheMinute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.signIn(t, cast.Alice)
		note := func(move time.Duration, writes bool) {
			t.Helper()
			w.Clock.Move(move)
			before := got[*models.Session](t)(w.Store.Session(t.Context(), in.Token))
			must(t, w.Store.NoteSeen(t.Context(), before))
			after := got[*models.Session](t)(w.Store.Session(t.Context(), in.Token))
			if after.SeenAt.After(before.SeenAt) != writes {
				t.Errorf("after %v: seen at %v, before %v", move, after.SeenAt, before.SeenAt)
			}
		}
		note(50*time.Second, false)
		note(15*time.Second, true)
		note(time.Second, false)
	})
}

func TestSigningInAgainEndsTheSessionThatTheBrowserHad(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		old, other := w.signIn(t, cast.Alice), w.signIn(t, cast.Alice)
		fresh := got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), credentials(cast.David), old.Token))
		w.signedIn(t, "the replaced one", old.Token, signedOut)
		w.signedIn(t, "another browser's", other.Token, done)
		w.signedIn(t, "the new one", fresh.Token, done)
		_, err := w.Store.SignIn(t.Context(), models.Credentials{Identifier: cast.David, Password: "wrong", Peer: "192.0.2.1"}, fresh.Token)
		want(t, "a failed one", err, signedOut)
		w.signedIn(t, "what a failed one would have replaced", fresh.Token, done)
	})
}

func TestSigningOutEndsTheSessionForGood(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in, other := w.signIn(t, cast.Alice), w.signIn(t, cast.Alice)
		must(t, w.Store.SaveSession(t.Context(), in.Session.ID, []byte{0, 1, 0xff}))
		if se := got[*models.Session](t)(w.Store.Session(t.Context(), in.Token)); string(se.Data) != "\x00\x01\xff" {
			t.Errorf("kept %q", se.Data)
		}
		must(t, w.Store.SignOut(t.Context(), in.Session.ID))
		must(t, w.Store.SignOut(t.Context(), in.Session.ID))
		must(t, w.Store.SaveSession(t.Context(), in.Session.ID, []byte("late")))
		must(t, w.Store.NoteSeen(t.Context(), &in.Session))
		w.signedIn(t, "signed out", in.Token, signedOut)
		w.signedIn(t, "the other browser", other.Token, done)
	})
}

// guess tries a wrong password so many times and answers the outcomes.
func (w *world) guess(t testing.TB, c models.Credentials, times int) map[string]int {
	t.Helper()
	c.Password = "not the password"
	outcomes := map[string]int{}
	for range times {
		_, err := w.Store.SignIn(t.Context(), c, "")
		outcomes[outcome(err)]++
	}
	return outcomes
}

func TestGuessesSlowAnAccountDown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, identifier := range []string{cast.Emma, "zz9-mdt"} { // who exists and who does not
			w.cheap(t, identifier)
			c := credentials(identifier)
			c.Peer = "192.0.2.77"
			if o := w.guess(t, c, 12); o[signedOut] != 10 || o["throttled"] != 2 {
				t.Errorf("%s: 12 guesses: %v; want 10 free", identifier, o)
			}
			_, err := w.Store.SignIn(t.Context(), c, "")
			var slow models.Throttled
			if !errors.As(err, &slow) || slow.Wait <= 0 || slow.Wait > time.Second {
				t.Errorf("%s: the right password within the pause: %v", identifier, err)
			}
			w.Clock.Move(time.Second)
			if o := w.guess(t, c, 2); o[signedOut] != 1 || o["throttled"] != 1 {
				t.Errorf("%s: after the first pause: %v; want one more", identifier, o)
			}
			w.Clock.Move(time.Second)
			if o := w.guess(t, c, 1); o["throttled"] != 1 {
				t.Errorf("%s: the second pause is no longer than the first: %v", identifier, o)
			}
			w.Clock.Move(time.Second)
			if o := w.guess(t, c, 2); o[signedOut] != 1 || o["throttled"] != 1 {
				t.Errorf("%s: after the second pause: %v", identifier, o)
			}
		}
		w.Clock.Move(4 * time.Second)
		w.signIn(t, cast.Emma)
		w.cheap(t, cast.Emma)
		if o := w.guess(t, credentials(cast.Emma), 10); o[signedOut] != 10 {
			t.Errorf("after a success: %v; want 10 free again", o)
		}
		w.Clock.Move(24*time.Hour + time.Second)
		if o := w.guess(t, credentials(cast.Emma), 10); o[signedOut] != 10 {
			t.Errorf("a day later: %v; want 10 free again", o)
		}
	})
}

func TestAHundredGuessesRestForTheDay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.cheap(t, cast.Emma)
		w.guess(t, credentials(cast.Emma), 1)
		w.Exec(t, "UPDATE throttles SET failures = 100 WHERE subject = 'account:ep1005-mdt'")
		w.Clock.Move(23 * time.Hour)
		if o := w.guess(t, credentials(cast.Emma), 1); o["throttled"] != 1 {
			t.Errorf("23 hours later: %v", o)
		}
		w.Clock.Move(time.Hour + time.Second)
		w.signIn(t, cast.Emma)
	})
}

func TestAStrangersGuessesDoNotShutTheOwnerOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.cheap(t, cast.Emma)
		home := credentials(cast.Emma)
		home.Device = w.signIn(t, cast.Emma).Device
		w.cheap(t, cast.Emma)

		stranger := models.Credentials{Identifier: cast.Emma, Peer: "198.51.100.1"}
		if o := w.guess(t, stranger, 15); o["throttled"] != 5 {
			t.Fatalf("the stranger: %v", o)
		}
		in := got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), home, ""))
		if in.Device == home.Device {
			t.Error("the browser keeps its old device token")
		}
		// The browser that is known counts apart, and is slowed by its own mistakes.
		w.cheap(t, cast.Emma)
		w.guess(t, stranger, 15)
		home.Device = in.Device
		if o := w.guess(t, home, 12); o[signedOut] != 10 || o["throttled"] != 2 {
			t.Errorf("wrong passwords in the known browser: %v", o)
		}
		// It is known for its own person only.
		w.cheap(t, cast.David)
		w.guess(t, models.Credentials{Identifier: cast.David, Peer: "198.51.100.1"}, 10)
		other := credentials(cast.David)
		other.Device, other.Peer = in.Device, "198.51.100.2"
		if o := w.guess(t, other, 1); o["throttled"] != 1 {
			t.Errorf("Emma's browser for David: %v", o)
		}
	})
}

func TestAKnownBrowserIsForgottenAfterHalfAYear(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.cheap(t, cast.Emma)
		c := credentials(cast.Emma)
		c.Device = w.signIn(t, cast.Emma).Device
		w.cheap(t, cast.Emma)
		w.Clock.Move(180 * 24 * time.Hour)
		w.guess(t, models.Credentials{Identifier: cast.Emma, Peer: "198.51.100.1"}, 10)
		if o := w.guess(t, c, 1); o["throttled"] != 1 {
			t.Errorf("%v", o)
		}
		must(t, w.Store.Sweep(t.Context()))
		if n := w.Int(t, "SELECT count(*) FROM devices"); n != 0 {
			t.Errorf("%d devices are kept", n)
		}
	})
}

func TestAPeerThatGuessesManyAccountsIsSlowedDown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.cheap(t, cast.Emma)
		peer := models.Credentials{Identifier: "zz1-mdt", Peer: "198.51.100.1"}
		w.guess(t, peer, 1)
		w.Exec(t, "UPDATE throttles SET failures = 50 WHERE subject = 'peer:198.51.100.1'")
		c := credentials(cast.Emma)
		c.Peer = peer.Peer
		if o := w.guess(t, c, 1); o["throttled"] != 1 {
			t.Errorf("from that peer: %v", o)
		}
		w.signIn(t, cast.Emma) // from another
		w.Clock.Move(time.Second)
		got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), c, ""))
		if n := w.Int(t, "SELECT failures FROM throttles WHERE subject = 'peer:198.51.100.1'"); n != 50 {
			t.Errorf("a success of one leaves %d failures of the peer, want 50", n)
		}
	})
}

func TestFiftyGuessesAtOnceAreNoMoreThanTen(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.cheap(t, cast.Emma)
		guesses := func() map[string]int {
			return together(50, func(int) string {
				_, err := w.Store.SignIn(t.Context(), models.Credentials{Identifier: cast.Emma, Password: "not the password", Peer: "198.51.100.1"}, "")
				return outcome(err)
			})
		}
		if o := guesses(); o[signedOut] != 10 || o["throttled"] != 40 {
			t.Errorf("%v; want 10 judged", o)
		}
		if o := guesses(); o["throttled"] < 49 {
			t.Errorf("again: %v; want at most one more judged", o)
		}
	})
}

func TestAWeakHashIsMadeAnewWhenThePasswordIsAtHand(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		read := func() (hash string) {
			t.Helper()
			must(t, w.SQL.QueryRowContext(t.Context(), "SELECT password_hash FROM customers WHERE identifier = 'ep1005-mdt'").Scan(&hash))
			return hash
		}
		weak := w.cheap(t, cast.Emma)
		w.guess(t, credentials(cast.Emma), 1)
		if read() != weak {
			t.Error("a wrong password was hashed")
		}
		w.signIn(t, cast.Emma)
		strong := read()
		p, _, _, err := argon2id.DecodeHash(strong)
		must(t, err)
		if p.Memory < 19*1024 || p.Iterations < 2 {
			t.Errorf("kept with %+v", p)
		}
		w.signIn(t, cast.Emma)
		if read() != strong {
			t.Error("a strong hash was made anew")
		}
	})
}

func TestChangingThePasswordEndsTheOtherSessions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		here, there, other := w.signIn(t, cast.Emma), w.signIn(t, cast.Emma), w.signIn(t, cast.David)
		link, _, err := w.Store.NewPasswordLink(t.Context(), cast.Emma)
		must(t, err)
		for _, c := range []struct{ current, password, outcome string }{
			{"wrong", goodPassword, "current: password.current.wrong"},
			{"", goodPassword, "current: password.current.wrong"},
			{cast.Password, "", "password: password.none"},
			{cast.Password, "trop court", "password: password.short"},
			{cast.Password, strings.Repeat("lune-", 26), "password: password.long"},
			{cast.Password, "emma petit ep1005-mdt", "password: password.context"},
			{"wrong", "trop court", "current: password.current.wrong, password: password.short"},
		} {
			want(t, fmt.Sprintf("%.20q to %.20q", c.current, c.password), w.Store.ChangePassword(t.Context(), here.Session.Actor(), c.current, c.password), c.outcome)
		}
		w.signedIn(t, "after refusals", there.Token, done)
		must(t, w.Store.ChangePassword(t.Context(), here.Session.Actor(), cast.Password, goodPassword))
		w.signedIn(t, "here", here.Token, done)
		w.signedIn(t, "there", there.Token, signedOut)
		w.signedIn(t, "somebody else", other.Token, done)
		want(t, "a link of before", w.Store.UsePasswordLink(t.Context(), link, goodPassword+"!"), oldLink)
		_, err = w.Store.SignIn(t.Context(), credentials(cast.Emma), "")
		want(t, "the old password", err, signedOut)
		c := credentials(cast.Emma)
		c.Password = goodPassword
		got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), c, ""))
	})
}

func TestAPasswordIsTheSameOnEveryKeyboard(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		se := w.signIn(t, cast.Emma).Session
		must(t, w.Store.ChangePassword(t.Context(), se.Actor(), cast.Password, "l\u2019\u00e9t\u00e9 des cigales"))
		c := credentials(cast.Emma)
		c.Password = "l\u2019e\u0301te\u0301\u00a0des cigales"
		got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), c, ""))
		c.Password = "l'ete des cigales"
		_, err := w.Store.SignIn(t.Context(), c, "")
		want(t, "without its accents", err, signedOut)
	})
}
