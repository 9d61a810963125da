package models_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// noticed sends what is to be told and says it in a few words: to whom, and for
// each part its kind, by whom and of what.
func (w *world) noticed(t testing.TB) (list []string) {
	t.Helper()
	before := len(w.Post.Notices())
	for _, id := range w.waiting(t) {
		must(t, w.Store.SendNotice(t.Context(), id, false))
	}
	for _, n := range w.Post.Notices()[before:] {
		line := n.To.Identifier + ":"
		for _, p := range n.Parts {
			line += " " + noticedPart(&p)
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return list
}

func noticedPart(p *models.NoticePart) string {
	by := p.ByPerson.Identifier
	if p.Agent != 0 {
		by = p.AgentPerson.Identifier + "/" + by
	}
	if by == "" {
		by = "-"
	}
	line := string(p.Kind) + " " + by
	if p.Why != "" {
		line += " " + p.Why
	}
	if p.With {
		line += "+"
	}
	for _, o := range p.Objects {
		line += " " + o.Name
	}
	for _, d := range p.Deeds {
		line += " " + d.Event + " " + d.Object
		if d.Target != "" {
			line += ">" + d.Target
		}
	}
	return line
}

// waiting are the notices that jobs have to send, oldest first.
func (w *world) waiting(t testing.TB) (ids []int64) {
	t.Helper()
	rows, err := w.SQL.QueryContext(t.Context(), "SELECT id FROM notices WHERE state = 'waiting' AND NOT held AND joined IS NULL ORDER BY id")
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

func (w *world) wantNoticed(t testing.TB, what string, want ...string) {
	t.Helper()
	if got := w.noticed(t); !slices.Equal(got, want) {
		t.Errorf("%s:\n\t%s\nwant\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestTheHolderOfAGrantIsToldOfItsLife(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		g := w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, policy.Password, nil)
		w.wantNoticed(t, "given", "ep1005-mdt: given ad1001-mdt rh@garrigue.example")
		must(t, second(w.Store.ChangeGrant(ctx, w.Alice, g.ID, models.GrantTerms{Ticked: policy.Password, Version: 1})))
		w.wantNoticed(t, "nothing changed")
		must(t, second(w.Store.ChangeGrant(ctx, w.Alice, g.ID, models.GrantTerms{Ticked: policy.Responder, ExpiresAt: w.in(30 * 24 * time.Hour), Note: "n", Version: 1})))
		n := w.wantNotice(t, "ep1005-mdt: changed ad1001-mdt rh@garrigue.example")
		if p := n.Parts[0]; p.Was.Extras != policy.Password || p.Is.Extras != policy.Responder || p.Was.Until != nil || p.Is.Until == nil || p.Is.Note != "n" {
			t.Errorf("%+v became %+v", p.Was, p.Is)
		}
		must(t, second(w.Store.Revoke(ctx, w.Alice, g.ID)))
		w.wantNoticed(t, "revoked", "ep1005-mdt: ended ad1001-mdt revoked rh@garrigue.example")
		must(t, second(w.Store.Revoke(ctx, w.Alice, g.ID)))
		w.wantNoticed(t, "once is enough")
		must(t, second(w.Store.Restore(ctx, w.Alice, g.ID)))
		w.wantNoticed(t, "restored", "ep1005-mdt: restored ad1001-mdt rh@garrigue.example")
		must(t, w.Store.DeleteAccount(ctx, w.Alice, cast.Garrigue, "rh", "rh"))
		w.wantNoticed(t, "its address is gone", "ep1005-mdt: ended ad1001-mdt object rh@garrigue.example")
	})
}

func (w *world) wantNotice(t testing.TB, want string) *models.Notice {
	t.Helper()
	w.wantNoticed(t, "one notice", want)
	list := w.Post.Notices()
	return list[len(list)-1]
}

func TestAResignationIsToldToGiverAndOwner(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate|policy.Password, nil)
		child := w.delegate(t, w.Emma, cast.Garrigue, "rh", cast.David, 0, nil)
		w.wantNoticed(t, "given", "dn1004-mdt: given ep1005-mdt rh@garrigue.example", "ep1005-mdt: given ad1001-mdt garrigue.example")
		must(t, second(w.Store.Resign(t.Context(), w.David, child.ID)))
		w.wantNoticed(t, "resigned", "ad1001-mdt: resigned dn1004-mdt rh@garrigue.example", "ep1005-mdt: resigned dn1004-mdt rh@garrigue.example")
	})
}

func TestWhatRestsOnAGrantIsToldOfItsEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		parent, _ := w.passing(t, policy.Delegate|policy.Password, nil)
		w.noticed(t)
		must(t, second(w.Store.Revoke(t.Context(), w.Alice, parent.ID)))
		got := w.noticed(t)
		if len(got) != 2 || !strings.Contains(strings.Join(got, "\n"), " revoked+ ") {
			t.Errorf("%q", got)
		}
		for _, n := range w.Post.Notices() {
			if n.To.ID == w.Alice.Customer {
				t.Errorf("Alice is told what she did: %+v", n)
			}
		}
	})
}

func TestOneSubmissionIsOneNoticeForEach(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		locals := w.fill(t, cast.Garrigue, 120)
		r := got[*models.GrantResult](t)(w.Store.DelegateAccounts(t.Context(), w.Alice, cast.Garrigue, locals, request(0, cast.Emma, cast.David)))
		if len(r.Given) != 240 {
			t.Fatalf("%d given, %+v", len(r.Given), r.Refused)
		}
		w.noticed(t)
		list := w.Post.Notices()
		if len(list) != 2 || len(list[0].Parts) != 1 || list[0].Parts[0].Count != 120 || len(list[0].Parts[0].Objects) != models.MaxNoticeLines {
			t.Fatalf("%d notices: %+v", len(list), list)
		}
		must(t, second(w.Store.RevokeOnAccounts(t.Context(), w.Alice, cast.Garrigue, locals, []string{cast.Emma, cast.David})))
		w.noticed(t)
		if list = w.Post.Notices()[2:]; len(list) != 2 || list[1].Parts[0].Count != 120 || list[0].Parts[0].Kind != models.NoticeEnded {
			t.Fatalf("%d notices: %+v", len(list), list)
		}
	})
}

func TestALapsedGrantGivenAnewIsOneNotice(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, w.in(time.Hour))
		w.noticed(t)
		w.Clock.Move(2 * time.Hour)
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, nil)
		w.wantNoticed(t, "anew", "ep1005-mdt: ended - expired rh@garrigue.example given ad1001-mdt rh@garrigue.example")
	})
}

func TestTheOwnerIsToldOfPasswordsAndForwards(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		filter := func(by models.Actor, target string) int64 {
			return got[int64](t)(w.Store.CreateFilter(ctx, by, cast.Garrigue, "contact", models.FilterForm{
				Name: "x", Action: "forward", Target: target, Rules: []models.FilterRule{{Header: "subject", Operator: "contains", Value: "x"}},
			}))
		}
		redirection := func(by models.Actor, from, to string) {
			must(t, second(w.Store.CreateRedirection(ctx, by, cast.Garrigue, models.NewRedirection{Local: from, Targets: to})))
		}
		must(t, w.Store.SetAccountPassword(ctx, w.Alice, cast.Garrigue, "rh", goodPassword))
		must(t, second(w.Store.CreateAccount(ctx, w.Alice, cast.Garrigue, models.NewAccount{Local: "hers", Password: goodPassword})))
		must(t, second(w.Store.CreateAccount(ctx, w.Bruno, cast.Garrigue, models.NewAccount{Local: "without"})))
		redirection(w.Alice, "out", "a@else.example")
		redirection(w.Bruno, "in", "rh@garrigue.example")
		id := filter(w.Alice, "x@else.example")
		filter(w.Bruno, "rh@garrigue.example")
		w.wantNoticed(t, "what the owner does, and what stays within")

		must(t, w.Store.SetAccountPassword(ctx, w.Chloe, cast.Garrigue, "contact", goodPassword))
		w.wantNoticed(t, "a password", "ad1001-mdt: password cl1003-mdt account.password_set contact@garrigue.example")
		want(t, "one that is refused", w.Store.SetAccountPassword(ctx, w.Chloe, cast.Garrigue, "contact", "short"), "password: password.short")
		w.wantNoticed(t, "nothing was set")
		must(t, second(w.Store.CreateAccount(ctx, w.Bruno, cast.Garrigue, models.NewAccount{Local: "his", Password: goodPassword})))
		w.wantNoticed(t, "an account with one", "ad1001-mdt: password bm1002-mdt account.created his@garrigue.example")

		must(t, w.Store.SwitchFilter(ctx, w.Bruno, cast.Garrigue, "contact", id, false))
		w.wantNoticed(t, "less mail leaves")
		must(t, w.Store.SwitchFilter(ctx, w.Bruno, cast.Garrigue, "contact", id, true))
		w.wantNoticed(t, "a filter", "ad1001-mdt: forward bm1002-mdt filter.switched_on contact@garrigue.example>x@else.example")
		filter(w.Bruno, "out@garrigue.example")
		w.wantNoticed(t, "by way of a redirection", "ad1001-mdt: forward bm1002-mdt filter.created contact@garrigue.example>a@else.example")
		redirection(w.Bruno, "more", "rh@garrigue.example, b@else.example, c@else.example")
		w.wantNoticed(t, "a redirection", "ad1001-mdt: forward bm1002-mdt redirection.created more@garrigue.example>b@else.example, c@else.example")
		must(t, second(w.Store.CreateRedirection(ctx, w.Bruno, cast.Garrigue, models.NewRedirection{CatchAll: true, Targets: "out@garrigue.example"})))
		w.wantNoticed(t, "the catch-all", "ad1001-mdt: forward bm1002-mdt redirection.created *@garrigue.example>a@else.example")

		rows := []models.UploadRow{{Line: 2, Address: "up1", Targets: "d@else.example"}, {Line: 3, Address: "up2", Targets: "rh@garrigue.example"}, {Line: 4, Address: "up3", Targets: "out@garrigue.example"}}
		upload := w.upload(t, w.Bruno, models.UploadRedirections, rows)
		w.wantNoticed(t, "a file that is only looked at")
		w.apply(t, w.Bruno, models.UploadRedirections, upload)
		w.wantNoticed(t, "a file", "ad1001-mdt: forward bm1002-mdt redirection.created up1@garrigue.example>d@else.example redirection.created up3@garrigue.example>a@else.example")
	})
}

func TestTheCustomerIsToldWhatSupportDoes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		agent, _ := w.Agent(t, cast.Sam, models.RoleAgent)
		sam := w.Acts(t, agent, cast.Alice, policy.Change)
		w.wantNoticed(t, "the beginning", "ad1001-mdt: assisting sam-support/", "ad1001-mdt: security ad1001-mdt consent.opened ad1001-mdt")
		w.delegate(t, sam, cast.Garrigue, "rh", cast.Emma, 0, nil)
		w.wantNoticed(t, "a grant by support",
			"ad1001-mdt: support sam-support/ad1001-mdt grant.given rh@garrigue.example", "ep1005-mdt: given sam-support/ad1001-mdt rh@garrigue.example")
	})
}

func TestNoNoticeWithoutItsChangeOrWithoutMail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		want(t, "all refused", second(w.Store.ShareService(t.Context(), w.Chloe, cast.Garrigue, request(0, cast.Emma))), forbidden(policy.ShareService))
		w.Exec(t, map[bool]string{
			true:  "CREATE TRIGGER refuse BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END",
			false: "ALTER TABLE events ADD CONSTRAINT refuse CHECK (object <> 'rh@garrigue.example') NOT VALID",
		}[w.Store.Embedded()])
		if _, err := w.Store.DelegateAccount(t.Context(), w.Alice, cast.Garrigue, "rh", request(0, cast.Emma)); err == nil {
			t.Error("the event was to fail")
		}
		if n := w.Int(t, "SELECT count(*) FROM notices") + w.Int(t, "SELECT count(*) FROM river_job WHERE kind = 'send_notice'"); n != 0 {
			t.Errorf("%d notices and jobs of what did not happen", n)
		}
	})
	t.Run("without mail", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, modelstest.OnPostgres(t))
		s := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now}))
		defer s.Close()
		must(t, second(s.DelegateAccount(t.Context(), w.Alice, cast.Garrigue, "rh", request(0, cast.Emma))))
		must(t, s.Sweep(t.Context()))
		if n := w.Int(t, "SELECT count(*) FROM notices") + w.Int(t, "SELECT count(*) FROM grants WHERE reminded_for IS NOT NULL"); n != 0 {
			t.Errorf("%d notices or reminders", n)
		}
	})
}

// What is not so any more when the email leaves is left out of it.
func TestWhatHasBeenOvertakenIsNotTold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		g := w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, nil)
		must(t, second(w.Store.Revoke(ctx, w.Alice, g.ID)))
		w.wantNoticed(t, "given and revoked", "ep1005-mdt: ended ad1001-mdt revoked rh@garrigue.example")
		if n := w.Int(t, "SELECT count(*) FROM notices WHERE state = 'dropped'"); n != 1 {
			t.Errorf("%d dropped", n)
		}
		must(t, second(w.Store.Restore(ctx, w.Alice, g.ID)))
		w.noticed(t)
		must(t, second(w.Store.Revoke(ctx, w.Alice, g.ID)))
		must(t, second(w.Store.Restore(ctx, w.Alice, g.ID)))
		w.wantNoticed(t, "revoked and restored", "ep1005-mdt: restored ad1001-mdt rh@garrigue.example")
	})
}

func TestTheEndOfAGrantIsAnnouncedOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		end := w.in(20 * 24 * time.Hour)
		g := w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, end)
		w.delegate(t, w.Alice, cast.Garrigue, "paie", cast.Emma, 0, end)
		w.delegate(t, w.Alice, cast.Garrigue, "info", cast.David, 0, w.in(3*24*time.Hour)) // told at once
		must(t, w.Store.Sweep(ctx))                                                        // and Chloé's of the demo
		w.noticed(t)
		w.Clock.Move(13*24*time.Hour - time.Minute)
		must(t, w.Store.Sweep(ctx))
		w.wantNoticed(t, "too early", "cl1003-mdt: ended - expired accueil@garrigue.example", "dn1004-mdt: ended - expired info@garrigue.example")
		w.Clock.Move(2 * time.Minute)
		must(t, w.Store.Sweep(ctx))
		must(t, w.Store.Sweep(ctx))
		w.wantNoticed(t, "seven days before", "ep1005-mdt: ending - paie@garrigue.example rh@garrigue.example")
		must(t, second(w.Store.ExtendGrant(ctx, w.Alice, g.ID)))
		must(t, w.Store.Sweep(ctx))
		w.wantNoticed(t, "extended", "ep1005-mdt: changed ad1001-mdt rh@garrigue.example")
		w.Clock.Move(models.ExtendBy)
		must(t, w.Store.Sweep(ctx))
		w.wantNoticed(t, "before the new end", "ep1005-mdt: ended - expired paie@garrigue.example", "ep1005-mdt: ending - rh@garrigue.example")
		must(t, second(w.Store.ExtendGrant(ctx, w.Alice, g.ID)))
		w.noticed(t)
		w.Clock.Move(models.ExtendBy)
		must(t, w.Store.Sweep(ctx))
		must(t, second(w.Store.ExtendGrant(ctx, w.Alice, g.ID)))
		w.wantNoticed(t, "extended before it left", "ep1005-mdt: changed ad1001-mdt rh@garrigue.example")
	})
}

func TestTwoProcessesAnnounceAnEndOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	var locals []string
	end := w.in(20 * 24 * time.Hour)
	for _, local := range []string{"rh", "paie", "info", "presse"} {
		w.delegate(t, w.Alice, cast.Garrigue, local, cast.Emma, 0, end)
		locals = append(locals, local+"@garrigue.example")
	}
	w.noticed(t)
	w.Clock.Move(14 * 24 * time.Hour)
	slices.Sort(locals)
	other := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now, Post: w.Post}))
	defer other.Close()
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() { must(t, []*models.Store{w.Store, other}[i%2].Sweep(t.Context())) })
	}
	wait.Wait()
	w.wantNoticed(t, "both", "cl1003-mdt: ended - expired accueil@garrigue.example", "ep1005-mdt: ending - "+strings.Join(locals, " "))
}

func TestOneCustomerCannotFillTheMailboxOfAnother(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.Clock.Stop()
		g := w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, nil)
		for range models.NoticesOfOne {
			must(t, second(w.Store.Revoke(ctx, w.Alice, g.ID)))
			must(t, second(w.Store.Restore(ctx, w.Alice, g.ID)))
		}
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.David, 0, nil) // somebody else's limit
		if ids := w.waiting(t); len(ids) != models.NoticesOfOne+1 {
			t.Errorf("%d leave at once", len(ids))
		}
		w.noticed(t)
		w.delegate(t, w.Alice, cast.Garrigue, "paie", cast.Emma, 0, nil)
		must(t, w.Store.Sweep(ctx))
		must(t, w.Store.Sweep(ctx))
		w.wantNoticed(t, "held", "cl1003-mdt: ending - accueil@garrigue.example")
		w.Clock.Move(time.Hour)
		must(t, w.Store.Sweep(ctx))
		must(t, w.Store.Sweep(ctx))
		if ids := w.waiting(t); len(ids) != 1 {
			t.Fatalf("%d emails for what was held", len(ids))
		}
		w.noticed(t)
		list := w.Post.Notices()
		if n := list[len(list)-1]; !n.Joined || n.To.Identifier != cast.Emma || noticedPart(&n.Parts[len(n.Parts)-1]) != "given ad1001-mdt paie@garrigue.example" {
			t.Errorf("%+v", n)
		}
		if n := w.Int(t, "SELECT count(*) FROM notices WHERE state = 'waiting' OR held"); n != 0 {
			t.Errorf("%d are left", n)
		}
		w.delegate(t, w.Alice, cast.Garrigue, "info", cast.Emma, 0, nil)
		w.wantNoticed(t, "an hour later", "ep1005-mdt: given ad1001-mdt info@garrigue.example")
	})
}

func TestTheReceiverIsReadWhenTheEmailLeaves(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, nil)
		email, language, zone := "new@bütt.example", "fr", "America/Lima"
		must(t, w.Store.ChangeProfile(t.Context(), w.Emma, models.Profile{Language: &language, TimeZone: &zone}))
		w.Exec(t, "UPDATE customers SET email = 'new@bütt.example' WHERE identifier = 'ep1005-mdt'")
		n := w.wantNotice(t, "ep1005-mdt: given ad1001-mdt rh@garrigue.example")
		if n.To.Email != email || !strings.HasPrefix(n.To.Mailbox(), "new@xn--") || n.To.Language != "fr" || n.To.TimeZone != zone || n.To.Name != "Emma Petit" || n.Parts[0].ByPerson.Name != "Alice Durand" {
			t.Errorf("%+v", n.To)
		}
	})
}

func TestWhatAMailServerSaysOfANotice(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, nil)
		id := w.waiting(t)[0]
		var seen []string
		answer := errors.New("away")
		w.Post.AnswerNotices(func(n *models.Notice) error {
			seen = append(seen, fmt.Sprintf("%d.%d", n.ID, n.CreatedAt.UnixMicro()))
			return answer
		})
		if err := w.Store.SendNotice(t.Context(), id, false); err == nil {
			t.Error("it is not tried again")
		}
		// Sent, and the process ends before it could be noted: the same comes again.
		answer = nil
		ctx, cancel := context.WithCancel(t.Context())
		w.Post.AnswerNotices(func(n *models.Notice) error {
			seen = append(seen, fmt.Sprintf("%d.%d", n.ID, n.CreatedAt.UnixMicro()))
			cancel()
			return errors.New("the process ended")
		})
		if err := w.Store.SendNotice(ctx, id, false); err == nil {
			t.Error("it is settled")
		}
		w.Post.AnswerNotices(func(n *models.Notice) error {
			seen = append(seen, fmt.Sprintf("%d.%d", n.ID, n.CreatedAt.UnixMicro()))
			return nil
		})
		must(t, w.Store.SendNotice(t.Context(), id, false))
		must(t, w.Store.SendNotice(t.Context(), id, false))
		if len(seen) != 3 || seen[0] != seen[1] || seen[1] != seen[2] {
			t.Errorf("%q", seen)
		}

		w.Post.AnswerNotices(func(*models.Notice) error { return permanent{errors.New("no such person")} })
		w.delegate(t, w.Alice, cast.Garrigue, "paie", cast.Emma, 0, nil)
		must(t, w.Store.SendNotice(t.Context(), w.waiting(t)[0], false))
		w.Post.AnswerNotices(func(*models.Notice) error { return errors.New("away") })
		w.delegate(t, w.Alice, cast.Garrigue, "info", cast.Emma, 0, nil)
		must(t, w.Store.SendNotice(t.Context(), w.waiting(t)[0], true))
		w.delegate(t, w.Alice, cast.Garrigue, "presse", cast.Emma, 0, nil)
		w.Clock.Move(25 * time.Hour)
		must(t, w.Store.Sweep(t.Context()))
		if n := w.Int(t, "SELECT count(*) FROM notices WHERE state = 'failed'"); n != 3 {
			t.Errorf("%d failed", n)
		}
		w.Clock.Move(30 * 24 * time.Hour)
		must(t, w.Store.Sweep(t.Context()))
		if n := w.Int(t, "SELECT count(*) FROM notices WHERE created_at < '"+w.Store.Now().Add(-time.Hour).Format("2006-01-02 15:04:05")+"'"); n != 0 {
			t.Errorf("%d are kept for ever", n)
		}
	})
}

func TestAJobCarriesTheIdOfANoticeAndSendsIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, nil)
		args := "args ->> '$'"
		if !w.Store.Embedded() {
			args = "args::text"
		}
		var said string
		must(t, w.SQL.QueryRowContext(t.Context(), "SELECT "+args+" FROM river_job WHERE kind = 'send_notice'").Scan(&said))
		if id := w.waiting(t)[0]; strings.ReplaceAll(said, " ", "") != fmt.Sprintf(`{"notice":%d}`, id) {
			t.Errorf("the job holds more than an id: %s", said)
		}
		defer w.works(t)()
		w.eventually(t, "it is sent", "SELECT count(*) FROM notices WHERE receiver_id = "+fmt.Sprint(w.Emma.Customer)+" AND state = 'sent'", 1)
	})
}

// A receiver is never told of a grant that is no business of theirs, whatever a row says.
func TestANoticeNamesOnlyWhatItsReceiverMayKnow(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.delegate(t, w.Alice, cast.Garrigue, "rh", cast.Emma, 0, nil)
		w.Exec(t, fmt.Sprintf("UPDATE notices SET receiver_id = %d", w.David.Customer))
		w.wantNoticed(t, "to another")
	})
}

// However different what happens to one person's grants at once, it is one email of bounded length.
func TestOneNoticeHasABoundedNumberOfParts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		share := w.share(t, w.Alice, cast.Garrigue, cast.Emma, policy.Delegate|policy.Password, nil)
		locals := w.fill(t, cast.Garrigue, 25)
		for i, local := range locals {
			w.delegate(t, w.Emma, cast.Garrigue, local, cast.David, 0, w.in(time.Duration(60+i)*24*time.Hour))
		}
		w.noticed(t)
		before := len(w.Post.Notices())
		must(t, second(w.Store.ChangeGrant(t.Context(), w.Alice, share.ID, models.GrantTerms{Ticked: policy.Delegate, ExpiresAt: w.in(30 * 24 * time.Hour), Version: 1})))
		w.noticed(t)
		told := map[string]string{}
		for _, n := range w.Post.Notices()[before:] {
			told[n.To.Identifier] += fmt.Sprintf("%d parts and %d more", len(n.Parts), n.More)
		}
		if want := map[string]string{cast.Emma: "1 parts and 0 more", cast.David: "20 parts and 5 more"}; !maps.Equal(told, want) {
			t.Errorf("%v, want %v", told, want)
		}
	})
}

// Agents hear of what decides who gets at their own account as customers do
// (ASVS 6.3.7), by whichever way it was done.
func TestAgentsAreToldOfTheirOwnSecurity(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		w.Clock.Stop()
		agent, _ := w.Agent(t, cast.Sam, models.RoleAgent)
		must(t, w.Store.ChangeAgentLanguage(ctx, agent, "fr"))
		told := func(what string, deeds ...string) *models.Notice {
			t.Helper()
			by := "sam-support/"
			if what[0] == '-' {
				by = "-"
			}
			for i, d := range deeds {
				kind, target, _ := strings.Cut(d, ">")
				if deeds[i] = "sam-support: security " + by + " " + kind + " sam-support"; target != "" {
					deeds[i] += ">" + target
				}
			}
			w.wantNoticed(t, what, deeds...)
			list := w.Post.Notices()
			n := list[len(list)-1]
			if n.To.Email != "sam@mandat.example" || n.To.Language != "fr" || n.To.TimeZone != "UTC" || !n.Staff {
				t.Errorf("%s: %+v", what, n.To)
			}
			return n
		}
		_, codes := w.app(t, agent)
		told("an app", "factor.added")
		apps := got[*models.Factors](t)(w.Store.Factors(ctx, agent)).Apps
		must(t, w.Store.RemoveFactor(ctx, agent, apps[0].ID, offered))
		told("none", "factor.removed")
		codes = append(codes, got[[]string](t)(w.Store.NewRecoveryCodes(ctx, agent))...)
		told("new codes", "recovery_codes.made")
		got[*models.SignedIn](t)(w.answer(t, w.wait(t, cast.Sam), codes[len(codes)-1]))
		told("one was used", "recovery_code.used")

		k := w.keyring(t)
		k.add(t, agent, "Clé")
		told("a passkey", "passkey.added>Clé")
		_, err := k.signIn(t, k.prove(t))
		must(t, err)
		k.Keys[0].Count = 0
		_, err = k.signIn(t, k.prove(t))
		want(t, "a copy", err, "passkey: passkey.copied")
		told("- by nobody known", "passkey.copied>Clé")
		_, err = w.Store.RemovePasskey(ctx, agent, got[[]models.Passkey](t)(w.Store.Passkeys(ctx, agent))[0].ID, offered)
		must(t, err)
		told("no passkey", "passkey.removed>Clé")

		must(t, w.Store.LinkIdentity(ctx, agent, known("s").Identity))
		told("linked", "identity.linked")
		must(t, w.Store.UnlinkIdentity(ctx, agent, got[[]models.Identity](t)(w.Store.Identities(ctx, agent))[0].ID, offered))
		told("unlinked", "identity.unlinked")
		w.linked(t, cast.Sam, "s")
		told("- by the operator", "identity.linked")

		link, _, err := w.Store.NewAgentPasswordLink(ctx, cast.Sam)
		must(t, err)
		w.wantNoticed(t, "a link that is not used")
		want(t, "one that is refused", w.Store.UsePasswordLink(ctx, link, "short"), "password: password.short")
		w.wantNoticed(t, "nothing was set")
		must(t, w.Store.UsePasswordLink(ctx, link, goodPassword))
		told("a password", "agent.password_set")
		got[bool](t)(w.Store.ResetFactors(ctx, cast.Sam))
		told("- all is gone", "factor.reset")
		want(t, "a provider that shows no factor", second(w.signOn(t, known("s"))), done)
		w.wantNoticed(t, "nothing changed by that")
		w.Holds(t)
	})
}

func TestWhoIsNoAgentAnyMoreIsToldNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		agent, _ := w.Agent(t, "max-support", models.RoleAgent)
		w.app(t, agent)
		must(t, w.Store.RemoveAgent(t.Context(), "max-support"))
		w.wantNoticed(t, "removed before it left")
		if n := w.Int(t, "SELECT count(*) FROM notices WHERE state = 'dropped'"); n != 1 {
			t.Errorf("%d dropped", n)
		}
	})
}

func TestManyNoticesToAnAgentAreGathered(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		ctx := t.Context()
		agents := []models.Actor{}
		for _, id := range []string{"max-support", "ida-support"} {
			a, _ := w.Agent(t, id, models.RoleAgent)
			w.app(t, a)
			agents = append(agents, a)
		}
		for range models.NoticesOfOne + 4 {
			got[[]string](t)(w.Store.NewRecoveryCodes(ctx, agents[0]))
		}
		got[[]string](t)(w.Store.NewRecoveryCodes(ctx, agents[1]))
		if ids := w.waiting(t); len(ids) != models.NoticesOfOne+2 {
			t.Errorf("%d leave at once", len(ids))
		}
		w.noticed(t)
		w.Clock.Move(time.Hour)
		must(t, w.Store.Sweep(ctx))
		before := len(w.Post.Notices())
		w.noticed(t)
		joined := 0
		for _, n := range w.Post.Notices()[before:] {
			if n.Joined && n.Staff && n.To.Identifier == "max-support" && len(n.Parts) == 5 {
				joined++
			}
		}
		if joined != 1 {
			t.Errorf("%d emails of what was held: %+v", joined, w.Post.Notices()[before:])
		}
	})
}
