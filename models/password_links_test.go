package models_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// forgot asks for a link as somebody at the sign-in page does.
func (w *world) forgot(t testing.TB, identifier, peer string) error {
	return w.Store.AskForPasswordLink(t.Context(), models.Credentials{Identifier: identifier, Peer: peer})
}

// resets are the jobs for passwords forgotten that have something to do, oldest first.
func (w *world) resets(t testing.TB) (ids []int64) {
	t.Helper()
	rows, err := w.SQL.QueryContext(t.Context(), "SELECT id FROM password_resets WHERE sent_at IS NULL ORDER BY id")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var id int64
		must(t, rows.Scan(&id))
		ids = append(ids, id)
	}
	must(t, rows.Err())
	return ids
}

// mailed sends the links that wait, and answers those that left.
func (w *world) mailed(t testing.TB) []*models.LinkMail {
	t.Helper()
	before := len(w.Post.Links())
	for _, id := range w.resets(t) {
		must(t, w.Store.SendPasswordLink(t.Context(), id, 1, false))
	}
	return w.Post.Links()[before:]
}

// reset is the link that a customer was sent.
func (w *world) reset(t testing.TB, identifier string) string {
	t.Helper()
	must(t, w.forgot(t, identifier, "192.0.2.9"))
	mails := w.mailed(t)
	if len(mails) != 1 || mails[0].To.Identifier != identifier {
		t.Fatalf("%d mails for %s", len(mails), identifier)
	}
	return mails[0].Token
}

func TestAForgottenPasswordIsSetByALinkSentToTheContactAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		one, other := w.signIn(t, cast.Emma), w.signIn(t, cast.Emma)
		must(t, w.forgot(t, " EP1005-MDT ", "192.0.2.9"))
		mails := w.mailed(t)
		if len(mails) != 1 {
			t.Fatalf("%d mails", len(mails))
		}
		m := mails[0]
		if m.Kind != models.PasswordLinkMail || m.To.Email != "emma@petit.example" || m.To.Language != "en" || len(m.Token) < 43 || !m.Expires.Equal(w.Store.Now().Add(models.ResetFor)) {
			t.Errorf("%+v", m)
		}
		if again := w.mailed(t); len(again) != 0 {
			t.Error("it is sent twice")
		}
		l := got[*models.LinkHolder](t)(w.Store.PasswordLink(t.Context(), m.Token))
		if l.Identifier != cast.Emma || !l.Forgotten {
			t.Errorf("%+v", l)
		}
		w.signedIn(t, "before the link is used", one.Token, done)
		w.noticed(t)
		must(t, w.Store.UsePasswordLink(t.Context(), m.Token, goodPassword))
		w.signedIn(t, "one session", one.Token, signedOut)
		w.signedIn(t, "another", other.Token, signedOut)
		if n := w.Int(t, "SELECT count(*) FROM sessions"); n != 0 {
			t.Errorf("%d sessions: a link signs nobody in", n)
		}
		want(t, "used again", w.Store.UsePasswordLink(t.Context(), m.Token, goodPassword), oldLink)
		w.wantNoticed(t, "the customer is told", "ep1005-mdt: security ep1005-mdt profile.password_reset ep1005-mdt")
		c := credentials(cast.Emma)
		c.Password = goodPassword
		got[*models.SignedIn](t)(w.Store.SignIn(t.Context(), c, ""))
		kinds := w.Int(t, fmt.Sprintf("SELECT count(*) FROM events WHERE subject_id = %d AND kind IN ('profile.link_mailed', 'profile.password_reset')", w.Emma.Customer))
		if kinds != 2 {
			t.Errorf("%d events, want the link and its use", kinds)
		}
	})
}

func TestAskingForALinkTellsNobodyWhoExists(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.customer(t, "zz1-mdt")                      // who has no password yet
		must(t, w.forgot(t, "zz8-mdt", "192.0.2.99")) // the queue asks something of the database once
		var statements, jobs []int
		for i, identifier := range []string{cast.Alice, "zz1-mdt", "zz9-mdt", cast.Sam, "nobody-support", "", "alice@cabinet-garrigue.example", "\xff\x00"} {
			before := w.Int(t, "SELECT count(*) FROM river_job WHERE kind = 'mail_password_link'")
			w.Count.Take()
			must(t, w.forgot(t, identifier, fmt.Sprintf("192.0.2.%d", i)))
			sent := slices.DeleteFunc(w.Count.Take(), func(text string) bool { // of the driver and the queue, which tells of work now and then
				return strings.Contains(text, "-- ping") || strings.Contains(text, "pg_notify(")
			})
			statements = append(statements, len(sent))
			jobs = append(jobs, w.Int(t, "SELECT count(*) FROM river_job WHERE kind = 'mail_password_link'")-before)
		}
		for i := range statements {
			if statements[i] != statements[0] || jobs[i] != 1 {
				t.Fatalf("%v statements, %v jobs: the time tells who exists", statements, jobs)
			}
		}
		if mails := w.mailed(t); len(mails) != 2 {
			t.Errorf("%d mails, want one each to the two who exist", len(mails))
		}
	})
}

func TestALinkForAForgottenPasswordLapsesSoon(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.reset(t, cast.Emma)
		w.Clock.Move(models.ResetFor - time.Second)
		got[*models.LinkHolder](t)(w.Store.PasswordLink(t.Context(), token))
		w.Clock.Move(time.Second)
		want(t, "after half an hour", w.Store.UsePasswordLink(t.Context(), token, goodPassword), oldLink)
		must(t, w.Store.Sweep(t.Context()))
		if n := w.Int(t, "SELECT (SELECT count(*) FROM password_links) + (SELECT count(*) FROM password_resets)"); n != 0 {
			t.Errorf("%d are kept", n)
		}
		must(t, w.forgot(t, cast.Emma, "192.0.2.9"))
		w.Clock.Move(models.ResetFor)
		if mails := w.mailed(t); len(mails) != 0 {
			t.Error("a link leaves that works no more")
		}
	})
}

func TestANewerLinkOrAnotherPasswordKillsTheOlder(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		here := w.signIn(t, cast.Emma)
		dead := func(what, token string) {
			t.Helper()
			want(t, what, second(w.Store.PasswordLink(t.Context(), token)), oldLink)
		}
		first := w.reset(t, cast.Emma)
		must(t, w.forgot(t, cast.Emma, "192.0.2.9"))
		dead("a newer one is asked for", first)
		second := w.mailed(t)[0].Token
		must(t, w.forgot(t, "zz9-mdt", "192.0.2.9"))
		got[*models.LinkHolder](t)(w.Store.PasswordLink(t.Context(), second))

		must(t, w.Store.ChangePassword(t.Context(), here.Session.Actor(), cast.Password, goodPassword))
		dead("the password was changed", second)

		must(t, w.forgot(t, cast.Emma, "192.0.2.10"))
		must(t, w.Store.ChangePassword(t.Context(), here.Session.Actor(), goodPassword, goodPassword+"!"))
		if mails := w.mailed(t); len(mails) != 0 {
			t.Error("a link leaves that was asked for before the password was changed")
		}

		// Strangers take the operator's link away from nobody; the operator's own is the newest.
		operators, _, err := w.Store.NewPasswordLink(t.Context(), cast.David)
		must(t, err)
		mailed := w.reset(t, cast.David)
		got[*models.LinkHolder](t)(w.Store.PasswordLink(t.Context(), operators))
		operators, _, err = w.Store.NewPasswordLink(t.Context(), cast.David)
		must(t, err)
		dead("the operator made a newer one", mailed)
		must(t, w.Store.UsePasswordLink(t.Context(), operators, goodPassword))
		dead("it was used", operators)
	})
}

func TestForgettingIsSlowed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		device := w.signIn(t, cast.Emma).Device
		for _, identifier := range []string{cast.Emma, "zz9-mdt"} {
			for i := range 3 {
				must(t, w.forgot(t, identifier, fmt.Sprintf("192.0.2.%d", i)))
			}
			want(t, "the fourth", w.forgot(t, identifier, "192.0.2.77"), "throttled")
			sent := 3
			for range 40 {
				w.Clock.Move(20 * time.Minute)
				if w.forgot(t, identifier, "192.0.2.78") == nil {
					sent++
				}
			}
			if sent != 10 {
				t.Errorf("%s: %d in a day, want 10", identifier, sent)
			}
		}
		// The browser that Emma has signed in with is not slowed by what strangers asked.
		must(t, w.Store.AskForPasswordLink(t.Context(), models.Credentials{Identifier: cast.Emma, Peer: "192.0.2.79", Device: device}))
		must(t, w.Store.UsePasswordLink(t.Context(), w.mailed(t)[0].Token, goodPassword))
		must(t, w.forgot(t, cast.Emma, "192.0.2.80")) // only a success clears the count

		for i := range 20 {
			must(t, w.forgot(t, fmt.Sprintf("zz%d-mdt", 100+i), "198.51.100.1"))
		}
		want(t, "one address asking for many", w.forgot(t, "zz999-mdt", "198.51.100.1"), "throttled")
		must(t, w.forgot(t, "zz999-mdt", "198.51.100.2"))
	})
}

func TestWhatAMailServerSaysOfALink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.forgot(t, cast.Emma, "192.0.2.9"))
		id := w.resets(t)[0]
		var tokens []string
		answer := errors.New("away")
		w.Post.AnswerLinks(func(m *models.LinkMail) error {
			tokens = append(tokens, m.Token)
			return answer
		})
		for attempt := range 2 {
			want(t, "away", w.Store.SendPasswordLink(t.Context(), id, attempt+1, false), "away")
		}
		if tokens[0] == tokens[1] {
			t.Error("two attempts have one link")
		}
		want(t, "that of the first attempt", second(w.Store.PasswordLink(t.Context(), tokens[0])), oldLink)
		if n := w.Int(t, "SELECT count(*) FROM events WHERE kind = 'profile.link_mailed'"); n != 1 {
			t.Errorf("%d events of one link", n)
		}
		answer = nil
		must(t, w.Store.SendPasswordLink(t.Context(), id, 3, false))
		must(t, w.Store.SendPasswordLink(t.Context(), id, 4, false))
		if len(tokens) != 3 {
			t.Errorf("sent %d times", len(tokens))
		}
		must(t, w.Store.UsePasswordLink(t.Context(), tokens[2], goodPassword))

		for _, last := range []bool{true, false} {
			must(t, w.forgot(t, cast.Emma, "192.0.2.9"))
			answer = errors.New("away")
			if !last {
				answer = refusal{}
			}
			must(t, w.Store.SendPasswordLink(t.Context(), w.resets(t)[0], 10, last))
			if n := w.Int(t, "SELECT count(*) FROM password_links"); n != 0 {
				t.Errorf("%d links that nobody was sent", n)
			}
		}
	})
}

// refusal is what a mail server says for good.
type refusal struct{}

func (refusal) Error() string   { return "no such mailbox" }
func (refusal) Permanent() bool { return true }

func TestAnAgentSetsAPasswordByALinkOfTheOperators(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		in := w.signIn(t, cast.Sam)
		for identifier, outcome := range map[string]string{"tom-support": notFound, cast.Emma: "identifier: agent.identifier.shape"} {
			_, _, err := w.Store.NewAgentPasswordLink(t.Context(), identifier)
			want(t, identifier, err, outcome)
		}
		token, _, err := w.Store.NewAgentPasswordLink(t.Context(), " Sam-Support ")
		must(t, err)
		l := got[*models.LinkHolder](t)(w.Store.PasswordLink(t.Context(), token))
		if l.AgentID == 0 || l.CustomerID != 0 || l.Identifier != cast.Sam {
			t.Errorf("%+v", l)
		}
		want(t, "its own name", w.Store.UsePasswordLink(t.Context(), token, "sam sam sam-support"), "password: password.context")
		must(t, w.Store.UsePasswordLink(t.Context(), token, goodPassword))
		w.signedIn(t, "the session of before", in.Token, signedOut)
		want(t, "used again", w.Store.UsePasswordLink(t.Context(), token, goodPassword), oldLink)
		_, err = w.Store.SignIn(t.Context(), credentials(cast.Sam), "")
		want(t, "the old password", err, signedOut)
		if n := w.Int(t, "SELECT count(*) FROM events WHERE kind = 'agent.password_set' AND agent_id IS NOT NULL AND actor_id IS NULL"); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

func TestWithoutMailNobodyIsPromisedALink(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	silent := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now}))
	defer silent.Close()
	want(t, "a link", silent.AskForPasswordLink(t.Context(), models.Credentials{Identifier: cast.Emma, Peer: "192.0.2.9"}), ": session.forgotten.none")
	want(t, "an address", silent.ChangeContact(t.Context(), w.Emma, "emma@else.example"), ": contact.none")
	if n := w.Int(t, "SELECT (SELECT count(*) FROM password_resets) + (SELECT count(*) FROM contact_changes)"); n != 0 {
		t.Errorf("%d are written down", n)
	}
}

func TestALinkInAnEmailIsNowhereElse(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		token := w.reset(t, cast.Emma)
		for _, table := range w.tables(t) {
			rows, err := w.SQL.QueryContext(t.Context(), "SELECT * FROM "+table)
			must(t, err)
			columns, err := rows.Columns()
			must(t, err)
			values, dest := make([]any, len(columns)), make([]any, len(columns))
			for i := range dest {
				dest[i] = &values[i]
			}
			for rows.Next() {
				must(t, rows.Scan(dest...))
				for i, v := range values {
					if strings.Contains(fmt.Sprintf("%s", v), token) {
						t.Errorf("%s.%s has it", table, columns[i])
					}
				}
			}
			must(t, rows.Close())
		}
	})
}
