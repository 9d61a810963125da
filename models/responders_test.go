package models_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

// away is a responder as somebody types it.
func away(text string, starts, ends *time.Time) models.ResponderForm {
	return models.ResponderForm{Subject: "Away: " + text, Content: "Back soon.\n" + text, StartsAt: starts, EndsAt: ends}
}

// script is what Dovecot runs for an address, "" for nothing.
func (w *world) script(t testing.TB, address string) string {
	t.Helper()
	var list []string
	rows, err := w.SQL.QueryContext(t.Context(), "SELECT content FROM sieve_scripts WHERE address = '"+address+"'")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var text string
		must(t, rows.Scan(&text))
		list = append(list, text)
	}
	must(t, rows.Err())
	return strings.Join(list, "")
}

func (w *world) responderOf(t testing.TB, local string) *models.Responder {
	t.Helper()
	_, r, err := w.Store.Responder(t.Context(), w.Alice, models.AccountResponder, cast.Garrigue, local)
	must(t, err)
	return r
}

// may gives the holder of an account's grant an extra, whatever the forms offer today.
func (w *world) may(t testing.TB, local string, x policy.Extra) {
	t.Helper()
	w.Exec(t, fmt.Sprintf("UPDATE grants SET extras = %d WHERE ended_at IS NULL AND domain = '%s' AND local_part = '%s'", x, cast.Garrigue, local))
}

func TestAResponderOfAnAccountIsMadeChangedEndedAndDeleted(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.told(t, cast.Garrigue)
		set := func(f models.ResponderForm) error {
			return w.Store.SetResponder(ctx, w.Alice, cast.Garrigue, "contact", f)
		}
		if r := w.responderOf(t, "contact"); r != nil {
			t.Fatalf("the account begins with the responder %+v", r)
		}
		f := away("août\r\n\x07🏖", w.in(time.Hour), w.in(48*time.Hour))
		must(t, set(f))
		w.wantTold(t, "ad1001-mdt responder.created contact@garrigue.example")
		r := w.responderOf(t, "contact")
		if r.Subject != "Away: août 🏖" || r.Content != "Back soon.\naoût\n🏖" || r.Days != 1 || r.Version != 1 || r.AccountID == 0 || !r.EndsAt.Equal(f.EndsAt.Truncate(time.Second)) {
			t.Errorf("kept as %+v", r)
		}
		for _, want := range []string{
			`currentdate :zone "+0000" :value "ge" "iso8601" "` + f.StartsAt.UTC().Format("2006-01-02T15:04:05") + `"`,
			`currentdate :zone "+0000" :value "lt" "iso8601" "` + f.EndsAt.UTC().Format("2006-01-02T15:04:05") + `"`,
			`:from "contact@garrigue.example"`, `:subject "Away: août 🏖"`, ":days 1 ",
		} {
			if script := w.script(t, "contact@garrigue.example"); !strings.Contains(script, want) || strings.Contains(script, "discard") {
				t.Errorf("the script lacks %s, or drops mail:\n%s", want, script)
			}
		}

		want(t, "made again from an old page", set(away("again", nil, nil)), conflict)
		f.Version, f.Days = 1, 7
		must(t, set(f))
		f.Version = 2
		must(t, set(f)) // nothing differs
		w.wantTold(t, "ad1001-mdt responder.changed contact@garrigue.example")
		if n := w.Int(t, "SELECT count(*) FROM events WHERE kind = 'responder.changed' AND CAST(detail AS text) LIKE '%days%' AND CAST(detail AS text) NOT LIKE '%subject%'"); n != 1 {
			t.Error("the history does not say what changed, and that alone")
		}

		w.Clock.Move(2 * time.Hour)
		must(t, w.Store.EndResponder(ctx, w.Bruno, models.AccountResponder, cast.Garrigue, "contact"))
		must(t, w.Store.EndResponder(ctx, w.Bruno, models.AccountResponder, cast.Garrigue, "contact")) // has ended
		w.wantTold(t, "bm1002-mdt responder.ended contact@garrigue.example")
		if r = w.responderOf(t, "contact"); r.State(w.Store.Now()) != models.ResponderEnded {
			t.Errorf("ended as %+v", r)
		}
		if !strings.Contains(w.script(t, "contact@garrigue.example"), r.EndsAt.UTC().Format("2006-01-02T15:04:05")) {
			t.Error("the script does not know of the end")
		}
		ended := models.ResponderForm{Subject: "Away", Content: "later", EndsAt: r.EndsAt, Version: 3}
		must(t, set(ended)) // the text of one that has ended, for the next time
		ended.Version, ended.EndsAt = 4, nil
		must(t, set(ended))
		if r = w.responderOf(t, "contact"); r.State(w.Store.Now()) != models.ResponderOn {
			t.Errorf("switched on again as %+v", r)
		}
		must(t, w.Store.DeleteResponder(ctx, w.Alice, models.AccountResponder, cast.Garrigue, "contact"))
		if w.responderOf(t, "contact") != nil || w.script(t, "contact@garrigue.example") != "" {
			t.Error("something of it is left")
		}
		want(t, "again", w.Store.DeleteResponder(ctx, w.Alice, models.AccountResponder, cast.Garrigue, "contact"), notFound)
		want(t, "to end none", w.Store.EndResponder(ctx, w.Alice, models.AccountResponder, cast.Garrigue, "contact"), notFound)
		f.Version = 5
		want(t, "to change what was deleted meanwhile", set(f), conflict)
		w.wantTold(t, "ad1001-mdt responder.changed contact@garrigue.example", "ad1001-mdt responder.changed contact@garrigue.example", "ad1001-mdt responder.deleted contact@garrigue.example")
	})
}

func TestAPlannedResponderThatIsEndedNeverBegins(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		must(t, w.Store.SetResponder(ctx, w.Alice, cast.Garrigue, "contact", away("later", w.in(24*time.Hour), nil)))
		if s := w.responderOf(t, "contact").State(w.Store.Now()); s != models.ResponderPlanned {
			t.Errorf("it is %s", s)
		}
		must(t, w.Store.EndResponder(ctx, w.Alice, models.AccountResponder, cast.Garrigue, "contact"))
		for _, later := range []time.Duration{0, 23 * time.Hour, 48 * time.Hour} {
			if s := w.responderOf(t, "contact").State(w.Store.Now().Add(later)); s != models.ResponderEnded {
				t.Errorf("after %v it is %s", later, s)
			}
		}
	})
}

func TestAnAddressWithoutAMailboxAnswersAndDropsItsMail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.told(t, cast.Garrigue)
		r := got[*models.Responder](t)(w.Store.CreateResponder(ctx, w.Bruno, cast.Garrigue, " Ancien.Nom ", away("moved", nil, w.in(time.Hour))))
		if r.Address != "ancien.nom@garrigue.example" || r.AccountID != 0 || r.ID == 0 {
			t.Errorf("made %+v", r)
		}
		script := w.script(t, r.Address)
		if !strings.Contains(script, `:from "ancien.nom@garrigue.example"`) || !strings.HasSuffix(script, "discard;\r\n") {
			t.Errorf("the script: %s", script)
		}
		want(t, "an account of that name", second(w.Store.CreateAccount(ctx, w.Alice, cast.Garrigue, models.NewAccount{Local: "ancien.nom"})), "local: account.local.taken")
		want(t, "the same again", second(w.Store.CreateResponder(ctx, w.Alice, cast.Garrigue, "ancien.nom", away("x", nil, nil))), "local: responder.local.taken")

		f := away("changed", nil, nil)
		f.Version = 1
		must(t, w.Store.ChangeResponder(ctx, w.Alice, cast.Garrigue, "ancien.nom", f))
		want(t, "from an old page", w.Store.ChangeResponder(ctx, w.Alice, cast.Garrigue, "ancien.nom", f), conflict)
		if script := w.script(t, r.Address); !strings.Contains(script, "Away: changed") || strings.Contains(script, "currentdate") {
			t.Errorf("the script: %s", script)
		}
		must(t, w.Store.EndResponder(ctx, w.Alice, models.AddressResponder, cast.Garrigue, "ancien.nom"))
		must(t, w.Store.DeleteResponder(ctx, w.Alice, models.AddressResponder, cast.Garrigue, "ancien.nom"))
		w.wantTold(t, "bm1002-mdt responder.created ancien.nom@garrigue.example", "ad1001-mdt responder.changed ancien.nom@garrigue.example",
			"ad1001-mdt responder.ended ancien.nom@garrigue.example", "ad1001-mdt responder.deleted ancien.nom@garrigue.example")
		if w.script(t, r.Address) != "" {
			t.Error("its script is left")
		}
		must(t, second(w.Store.CreateAccount(ctx, w.Alice, cast.Garrigue, models.NewAccount{Local: "ancien.nom"})))
	})
}

func TestWhatAResponderIsRefusedFor(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		good := func(change func(*models.ResponderForm)) models.ResponderForm {
			f := away("x", w.in(time.Hour), w.in(2*time.Hour))
			change(&f)
			return f
		}
		for what, c := range map[string]struct {
			form models.ResponderForm
			want string
		}{
			"no subject":             {good(func(f *models.ResponderForm) { f.Subject = " \n" }), "subject: responder.subject.none"},
			"no text":                {good(func(f *models.ResponderForm) { f.Content = "\x00\n " }), "content: responder.content.none"},
			"a subject as long":      {good(func(f *models.ResponderForm) { f.Subject = strings.Repeat("é", models.MaxResponderSubject) }), done},
			"a subject too long":     {good(func(f *models.ResponderForm) { f.Subject = strings.Repeat("é", models.MaxResponderSubject+1) }), "subject: responder.subject.long"},
			"a text too long":        {good(func(f *models.ResponderForm) { f.Content = strings.Repeat("é", models.MaxResponderContent+1) }), "content: responder.content.long"},
			"fewer days than one":    {good(func(f *models.ResponderForm) { f.Days = -1 }), "days: responder.days.range"},
			"more days than a month": {good(func(f *models.ResponderForm) { f.Days = 31 }), "days: responder.days.range"},
			"an end at its start":    {good(func(f *models.ResponderForm) { f.EndsAt = f.StartsAt }), "ends_at: responder.ends.before_start"},
			"an end within the second": {good(func(f *models.ResponderForm) {
				start := f.StartsAt.Truncate(time.Second)
				end := start.Add(time.Second / 2)
				f.StartsAt, f.EndsAt = &start, &end
			}), "ends_at: responder.ends.before_start"},
			"an end that has passed": {good(func(f *models.ResponderForm) { f.StartsAt, f.EndsAt = nil, w.in(-time.Second) }), "ends_at: responder.ends.passed"},
			"a mistyped year": {good(func(f *models.ResponderForm) {
				far := time.Date(9999, 12, 31, 23, 59, 0, 0, time.UTC)
				f.EndsAt = &far
			}), "ends_at: responder.date.far"},
		} {
			want(t, what, second(w.Store.CreateResponder(t.Context(), w.Alice, cast.Garrigue, "gone", c.form)), c.want)
			want(t, what+", of an account", w.Store.SetResponder(t.Context(), w.Alice, cast.Garrigue, "contact", c.form), c.want)
			if c.want == done {
				must(t, w.Store.DeleteResponder(t.Context(), w.Alice, models.AddressResponder, cast.Garrigue, "gone"))
				must(t, w.Store.DeleteResponder(t.Context(), w.Alice, models.AccountResponder, cast.Garrigue, "contact"))
			}
		}
		for local, outcome := range map[string]string{
			"contact": "local: responder.local.taken", "abuse": "local: responder.local.reserved", "Postmaster": "local: responder.local.reserved",
			"": "local: address.local.empty", "a b": "local: address.local.characters",
		} {
			want(t, local, second(w.Store.CreateResponder(t.Context(), w.Alice, cast.Garrigue, local, away("x", nil, nil))), outcome)
		}
		must(t, w.Store.SetResponder(t.Context(), w.Alice, cast.Garrigue, "contact", away("x", nil, nil)))
		f := away("x", nil, w.in(-time.Hour))
		f.Version = 1
		want(t, "a change to an end that has passed", w.Store.SetResponder(t.Context(), w.Alice, cast.Garrigue, "contact", f), "ends_at: responder.ends.passed")
	})
}

func TestWhoMayEditResponders(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		must(t, second(w.Store.CreateResponder(ctx, w.Alice, cast.Garrigue, "gone", away("x", nil, nil))))
		w.may(t, "accueil", policy.Password|policy.Responder)
		no := forbidden(policy.EditResponder)
		for _, c := range []struct {
			who                              models.Actor
			contact, accueil, compta, nobody string // accounts
			whole                            string // the responders of the service
			gone                             string // an address without a mailbox
		}{
			{w.Alice, done, done, done, notFound, done, done},
			{w.Bruno, done, done, done, notFound, done, done},
			{w.Chloe, no, done, notFound, notFound, no, no},
			{w.David, notFound, notFound, notFound, notFound, notFound, notFound},
			{w.Emma, notFound, notFound, notFound, notFound, notFound, notFound},
		} {
			who := w.name(c.who)
			for local, outcome := range map[string]string{"contact": c.contact, "accueil": c.accueil, "compta": c.compta, "nobody": c.nobody} {
				_, r, err := w.Store.Responder(ctx, c.who, models.AccountResponder, cast.Garrigue, local)
				want(t, who+" reads "+local, err, outcome)
				f := away(who, nil, nil)
				if r != nil {
					f.Version = r.Version
				}
				want(t, who+" sets "+local, w.Store.SetResponder(ctx, c.who, cast.Garrigue, local, f), outcome)
				want(t, who+" ends "+local, w.Store.EndResponder(ctx, c.who, models.AccountResponder, cast.Garrigue, local), outcome)
				want(t, who+" deletes "+local, w.Store.DeleteResponder(ctx, c.who, models.AccountResponder, cast.Garrigue, local), outcome)
			}
			made := second(w.Store.CreateResponder(ctx, c.who, cast.Garrigue, "new", away(who, nil, nil)))
			want(t, who+" creates", made, c.whole)
			for local, outcome := range map[string]string{"gone": c.gone, "contact": orNotFound(c.gone), "ghost": orNotFound(c.gone)} {
				_, r, err := w.Store.Responder(ctx, c.who, models.AddressResponder, cast.Garrigue, local)
				want(t, who+" reads "+local, err, outcome)
				f := away(who, nil, nil)
				if r != nil {
					f.Version = r.Version
				}
				want(t, who+" changes "+local, w.Store.ChangeResponder(ctx, c.who, cast.Garrigue, local, f), outcome)
				want(t, who+" ends "+local, w.Store.EndResponder(ctx, c.who, models.AddressResponder, cast.Garrigue, local), outcome)
			}
			if made == nil {
				must(t, w.Store.DeleteResponder(ctx, c.who, models.AddressResponder, cast.Garrigue, "new"))
			} else {
				want(t, who+" deletes", w.Store.DeleteResponder(ctx, c.who, models.AddressResponder, cast.Garrigue, "gone"), c.gone)
			}
			a, err := w.Store.Service(ctx, c.who, cast.Garrigue)
			if err == nil {
				err = second(w.Store.Responders(ctx, a, models.ResponderQuery{}))
			}
			want(t, who+" lists", err, c.whole)
		}
		must(t, w.Store.SuspendService(ctx, cast.Garrigue))
		want(t, "on a suspended service", w.Store.SetResponder(ctx, w.Alice, cast.Garrigue, "contact", away("x", nil, nil)), suspended)
		want(t, "on a suspended service", second(w.Store.CreateResponder(ctx, w.Alice, cast.Garrigue, "new", away("x", nil, nil))), suspended)
		_, r, err := w.Store.Responder(ctx, w.Alice, models.AddressResponder, cast.Garrigue, "gone")
		if must(t, err); r == nil {
			t.Error("a suspended service cannot be read")
		}
	})
}

// orNotFound is what somebody who may do something learns of what is not there.
func orNotFound(outcome string) string {
	if outcome == done {
		return notFound
	}
	return outcome
}

func TestMailToAnAliasIsAnsweredToo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		alias := func(local string, service, target string) {
			t.Helper()
			w.Exec(t, `INSERT INTO redirections (service_id, local_part, address, keep_copy, created_at) SELECT id, $1, $2, false, created_at FROM services WHERE domain = $3`, local, local+"@"+service, service)
			w.Exec(t, `INSERT INTO redirection_targets (redirection_id, target, outside) SELECT id, $1, false FROM redirections WHERE address = $2`, target, local+"@"+service)
		}
		alias("bonjour", cast.Garrigue, "contact@garrigue.example")
		alias("salut", cast.Garrigue, "bonjour@garrigue.example")
		alias("vieux", cast.Garrigue, "ancien@garrigue.example")
		alias("hello", cast.Garrigue, "salut+site@garrigue.example")
		alias("vitrine", cast.Garrigue, "contact+boutique@garrigue.example")
		alias("souvenirs", cast.Garrigue, "ancien+2019+a@garrigue.example")
		alias("ailleurs", cast.Velos, "contact@garrigue.example") // its own service has the answer to give
		alias("voisin", cast.Garrigue, "contact+x@nguyen-velos.example")
		alias("presque", cast.Garrigue, "contact-x@garrigue.example")
		must(t, w.Store.SetResponder(ctx, w.Alice, cast.Garrigue, "contact", away("x", nil, nil)))
		if script := w.script(t, "contact@garrigue.example"); !strings.Contains(script, `:addresses ["bonjour@garrigue.example", "hello@garrigue.example", "salut@garrigue.example", "vitrine@garrigue.example"]`) {
			t.Errorf("the script of the account: %s", script)
		}
		must(t, second(w.Store.CreateResponder(ctx, w.Alice, cast.Garrigue, "ancien", away("x", nil, nil))))
		if script := w.script(t, "ancien@garrigue.example"); !strings.Contains(script, `:addresses ["souvenirs@garrigue.example", "vieux@garrigue.example"]`) {
			t.Errorf("the script of the address without a mailbox: %s", script)
		}
	})
}

func TestAResponderGoesWithItsAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.Store.SetResponder(t.Context(), w.Alice, cast.Garrigue, "presse", away("x", nil, nil)))
		if w.script(t, "presse@garrigue.example") == "" || w.service(t, w.Alice, cast.Garrigue).Service.ResponderCount == 0 {
			t.Fatal("there is nothing to go")
		}
		before := w.service(t, w.Alice, cast.Garrigue).Service.ResponderCount
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "presse", "presse"))
		if n := w.Int(t, "SELECT count(*) FROM responders WHERE local_part = 'presse'"); n != 0 || w.script(t, "presse@garrigue.example") != "" {
			t.Error("the responder or its script is left")
		}
		if after := w.service(t, w.Alice, cast.Garrigue).Service.ResponderCount; after != before-1 {
			t.Errorf("%d responders counted, want %d", after, before-1)
		}
	})
}

func TestRespondersAreListedPageByPage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		const n = 2*models.PageSize + 3
		var all []string
		for i := range n {
			local := fmt.Sprintf("gone_%02d", i)
			must(t, second(w.Store.CreateResponder(ctx, w.David, cast.Velos, local, away("x", nil, nil))))
			all = append(all, local)
		}
		must(t, w.Store.SetResponder(ctx, w.David, cast.Velos, "hello", away("x", nil, nil)))
		all = append(all, "hello")
		a := w.service(t, w.David, cast.Velos)
		var seen, back []string
		q, pages := models.ResponderQuery{}, 0
		for ; ; pages++ {
			list := got[*models.ResponderList](t)(w.Store.Responders(ctx, a, q))
			for _, r := range list.Items {
				seen = append(seen, r.LocalPart)
			}
			if list.Next == "" {
				for q = (models.ResponderQuery{Before: list.Items[0].LocalPart}); q.Before != ""; {
					list = got[*models.ResponderList](t)(w.Store.Responders(ctx, a, q))
					page := []string{}
					for _, r := range list.Items {
						page = append(page, r.LocalPart)
					}
					back = append(page, back...)
					q.Before = list.Previous
				}
				break
			}
			q.After = list.Next
		}
		if strings.Join(seen, " ") != strings.Join(all, " ") || pages != 2 {
			t.Errorf("on %d pages: %v", pages+1, seen)
		}
		if strings.Join(back, " ") != strings.Join(all[:2*models.PageSize], " ") {
			t.Errorf("backwards: %v", back)
		}
		for search, count := range map[string]int{"E_0": 10, "hello@nguyen": 1, "%": 0, `\`: 0, "\x00": models.PageSize, "nobody": 0} {
			if list := got[*models.ResponderList](t)(w.Store.Responders(ctx, a, models.ResponderQuery{Search: search})); len(list.Items) != count {
				t.Errorf("%q finds %d, want %d", search, len(list.Items), count)
			}
		}
	})
}

func TestFiftyRespondersAtOnceStopAtTheLimit(t *testing.T) {
	t.Parallel()
	w, other := twice(t)
	w.Exec(t, "UPDATE services SET max_responders = responder_count + 10 WHERE domain = '"+cast.Garrigue+"'")
	outcomes := together(50, func(i int) string {
		s := []*models.Store{w.Store, other}[i%2]
		return outcome(second(s.CreateResponder(context.Background(), w.Alice, cast.Garrigue, fmt.Sprintf("gone%d", i), away("x", nil, nil))))
	})
	if outcomes[done] != 10 || outcomes[": responder.limit"] != 40 {
		t.Errorf("%v", outcomes)
	}
	want(t, "an account's, at the limit", w.Store.SetResponder(t.Context(), w.Alice, cast.Garrigue, "presse", away("x", nil, nil)), ": responder.limit")
}
