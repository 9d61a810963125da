package models_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/mandat/mail/imap"
	"example.org/mandat/mail/imap/connect"
	"example.org/mandat/mail/imap/imaptest"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

// importing is a world with a server elsewhere, on which there is an account,
// and our own, on which there are those of Garrigue.
type importing struct {
	*world
	from, own *imaptest.Server
	old, here *imaptest.Account // here is contact@
}

const oldPassword = "s3cret-Of-The-Old-One"

func (w *world) importing(t *testing.T) *importing {
	t.Helper()
	i := &importing{world: w, from: imaptest.Start(t), own: imaptest.Start(t)}
	i.old = i.from.Add("old", oldPassword, "Sent", "Archive", "Archive/2023", "Trash")
	i.here = i.own.Add("contact@garrigue.example", "unknown", "Sent", "Drafts", "Junk", "Trash")
	w.Importer.Reach(connect.Servers{Policy: imaptest.Policy(i.from), Own: i.own.Own(t)})
	return i
}

func (i *importing) form() models.ImportForm {
	return models.ImportForm{Host: "127.0.0.1", Port: i.from.Port, Security: imap.Plain, Username: "old", Password: oldPassword}
}

// asked is an import of contact@ that somebody asked for.
func (i *importing) asked(t testing.TB, by models.Actor) int64 {
	t.Helper()
	return got[int64](t)(i.Store.CreateImport(t.Context(), by, cast.Garrigue, "contact", i.form()))
}

// run lets one job run, the one that is due.
func (i *importing) run(t testing.TB, id int64) error {
	t.Helper()
	return i.runWithin(t.Context(), t, id)
}

func (i *importing) runWithin(ctx context.Context, t testing.TB, id int64) error {
	t.Helper()
	return i.Store.RunImport(ctx, id, int64(i.Int(t, fmt.Sprintf("SELECT ticket FROM imports WHERE id = %d", id))))
}

func (i *importing) read(t testing.TB, by models.Actor, id int64) *models.Import {
	t.Helper()
	_, m, err := i.Store.Import(t.Context(), by, cast.Garrigue, "contact", id)
	must(t, err)
	return m
}

// started is an import whose folders are chosen: all, or those of these names.
func (i *importing) started(t testing.TB, by models.Actor, names ...string) int64 {
	t.Helper()
	id := i.asked(t, by)
	must(t, i.run(t, id))
	var chosen []int64
	for _, f := range i.read(t, by, id).Folders {
		if len(names) == 0 || slices.Contains(names, f.Name) {
			chosen = append(chosen, f.ID)
		}
	}
	must(t, i.Store.StartImport(t.Context(), by, cast.Garrigue, "contact", id, chosen))
	return id
}

func (i *importing) wantState(t testing.TB, id int64, state models.ImportState, reason string) {
	t.Helper()
	var is struct{ state, reason string }
	must(t, i.SQL.QueryRowContext(t.Context(), fmt.Sprintf("SELECT state, reason FROM imports WHERE id = %d", id)).Scan(&is.state, &is.reason))
	if is.state != string(state) || is.reason != reason {
		t.Errorf("the import is %s %q, want %s %q", is.state, is.reason, state, reason)
	}
	kept := i.Int(t, fmt.Sprintf("SELECT count(*) FROM imports WHERE id = %d AND password IS NOT NULL", id))
	open := slices.Contains([]models.ImportState{models.ImportTesting, models.ImportChoosing, models.ImportRunning, models.ImportPaused}, state)
	if (kept == 1) != open {
		t.Errorf("%s: the password is kept: %d", state, kept)
	}
}

func mailOf(n int) string {
	return fmt.Sprintf("Message-ID: <%d@old.example>\r\nSubject: %d\r\n\r\n%s\r\n", n, n, strings.Repeat("x", n%500))
}

func (i *importing) fill(t testing.TB, n int, folders ...string) {
	t.Helper()
	at := time.Date(2023, time.May, 2, 8, 0, 0, 0, time.UTC)
	for k := range n {
		content := k
		if k%20 == 19 {
			content = k - len(folders) // once more, in every respect
		}
		var flags []string
		if content%3 == 0 {
			flags = []string{`\Seen`, "$label"}
		}
		i.old.Put(t, folders[k%len(folders)], mailOf(content), at.Add(time.Duration(content)*time.Second), flags...)
	}
}

func TestWhoMayImportMail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.importing(t)
		for _, c := range []struct {
			who string
			by  models.Actor
			out string
		}{
			{"the owner", w.Alice, done},
			{"a service delegate", w.Bruno, done},
			{"an account delegate", w.Chloe, forbidden(policy.ImportMail)},
			{"another owner", w.David, notFound},
			{"a stranger", w.Emma, notFound},
			{"nobody", models.Actor{}, notFound},
		} {
			w.told(t, cast.Garrigue)
			id, err := i.Store.CreateImport(t.Context(), c.by, cast.Garrigue, "contact", i.form())
			want(t, c.who, err, c.out)
			_, _, err = i.Store.Imports(t.Context(), c.by, cast.Garrigue, "contact")
			want(t, c.who+" reads", err, c.out)
			if c.out == done {
				w.wantTold(t, w.name(c.by)+" import.created contact@garrigue.example")
				want(t, c.who+" asks again", second(i.Store.CreateImport(t.Context(), c.by, cast.Garrigue, "contact", i.form())), ": import.open")
				must(t, i.Store.CancelImport(t.Context(), c.by, cast.Garrigue, "contact", id))
				w.wantTold(t, w.name(c.by)+" import.cancelled contact@garrigue.example")
				i.wantState(t, id, models.ImportCancelled, "")
			} else {
				w.wantTold(t)
			}
		}
		if n := i.from.Sessions(); n != 0 {
			t.Errorf("the panel itself made %d connections", n)
		}
		must(t, w.Store.SuspendService(t.Context(), cast.Garrigue))
		want(t, "suspended", second(i.Store.CreateImport(t.Context(), w.Alice, cast.Garrigue, "contact", i.form())), models.ErrSuspended.Error())
	})
}

func TestWhatIsRefusedOfAnImport(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.importing(t)
		i.Importer.Reach(connect.Servers{}) // as it is without a setting
		for what, c := range map[string]struct {
			change func(*models.ImportForm)
			out    string
		}{
			"no host":           {func(f *models.ImportForm) { f.Host = " " }, "host: import.host.missing"},
			"loopback":          {func(f *models.ImportForm) { f.Host, f.Port, f.Security = "127.0.0.1", 993, imap.TLS }, "host: import.reason.forbidden"},
			"a private address": {func(f *models.ImportForm) { f.Host, f.Port, f.Security = "10.1.2.3", 993, imap.TLS }, "host: import.reason.forbidden"},
			"another port":      {func(f *models.ImportForm) { f.Host, f.Port, f.Security = "imap.example.org", 25, imap.TLS }, "host: import.reason.forbidden"},
			"in clear":          {func(f *models.ImportForm) { f.Host, f.Port = "imap.example.org", 143 }, "host: import.reason.insecure"},
			"no name of a host": {func(f *models.ImportForm) { f.Host, f.Port = "imap example", 143 }, "host: import.reason.unknown"},
			"no user, no password": {func(f *models.ImportForm) {
				*f = models.ImportForm{Host: "imap.example.org", Port: 993, Security: imap.TLS}
			}, "password: import.password.missing, username: import.username.missing"},
			"lines": {func(f *models.ImportForm) {
				*f = models.ImportForm{Host: "imap.example.org", Port: 993, Security: imap.TLS, Username: "a\r\nb", Password: "x\r\ny"}
			}, "password: import.password.odd, username: import.username.odd"},
		} {
			f := i.form()
			c.change(&f)
			want(t, what, second(i.Store.CreateImport(t.Context(), w.Alice, cast.Garrigue, "contact", f)), c.out)
		}
		i.Importer.Reach(nil)
		for n := range models.ImportsOfService {
			id, err := i.Store.CreateImport(t.Context(), w.Alice, cast.Garrigue, "contact", i.form())
			must(t, err)
			must(t, i.Store.CancelImport(t.Context(), w.Alice, cast.Garrigue, "contact", id))
			_ = n
		}
		want(t, "one too many", second(i.Store.CreateImport(t.Context(), w.Bruno, cast.Garrigue, "contact", i.form())), ": import.often")
		w.Clock.Move(time.Hour)
		must(t, second(i.Store.CreateImport(t.Context(), w.Bruno, cast.Garrigue, "contact", i.form())))
	})
}

func TestAnImportFromBeginningToEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.importing(t)
		i.fill(t, 230, "INBOX", "Sent", "Archive", "Archive/2023")
		w.told(t, cast.Garrigue)
		id := i.asked(t, w.Bruno)
		must(t, i.run(t, id))
		i.wantState(t, id, models.ImportChoosing, "")
		m := i.read(t, w.Bruno, id)
		var plan []string
		var chosen []int64
		for _, f := range m.Folders {
			plan = append(plan, fmt.Sprintf("%s>%s %d %v", f.Name, f.Target, *f.Messages, f.Usual))
			if f.Usual {
				chosen = append(chosen, f.ID)
			}
		}
		if diff := cmp.Diff([]string{"INBOX>INBOX 58 true", "Sent>Sent 58 true", "Trash>Trash 0 false", "Archive>Archive 57 true", "Archive/2023>Archive/2023 57 true"}, plan); diff != "" {
			t.Errorf("%s", diff)
		}
		if seen := i.read(t, w.Alice, id); len(seen.Folders) != 0 {
			t.Errorf("somebody else sees what there is to choose from: %+v", seen.Folders)
		}
		want(t, "chosen by somebody else", i.Store.StartImport(t.Context(), w.Alice, cast.Garrigue, "contact", id, chosen), notFound)
		want(t, "nothing chosen", i.Store.StartImport(t.Context(), w.Bruno, cast.Garrigue, "contact", id, nil), "folders: import.folders.none")
		want(t, "what is not there", i.Store.StartImport(t.Context(), w.Bruno, cast.Garrigue, "contact", id, []int64{1 << 40}), models.ErrConflict.Error())
		must(t, i.Store.StartImport(t.Context(), w.Bruno, cast.Garrigue, "contact", id, chosen))
		want(t, "twice", i.Store.StartImport(t.Context(), w.Bruno, cast.Garrigue, "contact", id, chosen), models.ErrConflict.Error())
		if m := i.read(t, w.Alice, id); m.Total != 230 || m.Percent() != 0 {
			t.Errorf("%+v", m)
		}
		must(t, i.run(t, id))
		i.wantState(t, id, models.ImportDone, "")
		w.wantTold(t, cast.Bruno+" import.created contact@garrigue.example", cast.Bruno+" import.started contact@garrigue.example", cast.Bruno+" import.finished contact@garrigue.example")
		if m := i.read(t, w.Alice, id); m.Copied != 230 || m.Total != 230 || m.Percent() != 100 || len(m.Folders) != 4 || m.AskedBy != cast.Bruno {
			t.Errorf("%+v", m)
		}
		was := i.from.Contents(t, "old")
		was["Drafts"], was["Junk"] = []string{}, []string{}
		if diff := cmp.Diff(was, i.own.Contents(t, "contact@garrigue.example")); diff != "" {
			t.Errorf("%.1000s", diff)
		}

		// Once more: there is nothing to copy.
		id = i.started(t, w.Alice)
		must(t, i.run(t, id))
		if m := i.read(t, w.Alice, id); m.Present != 230 || m.Copied != 0 {
			t.Errorf("%+v", m)
		}

		// And once more, cut off between its parts: what was found to be there counts once.
		i.fill(t, 150, "INBOX")
		id = i.started(t, w.Alice, "INBOX")
		i.from.CutAfter(func() int64 {
			if i.from.Broken() >= 3 {
				return 0
			}
			return 40_000 + 8_000*int64(i.from.Broken())
		})
		resumed := 0 // matches that an interrupted run has noted
		for runs := 0; i.Int(t, "SELECT count(*) FROM imports WHERE settled_at IS NULL") > 0; runs++ {
			if runs > 10 {
				t.Fatalf("%+v", i.read(t, w.Alice, id))
			}
			resumed = w.Int(t, fmt.Sprintf("SELECT count(*) FROM import_matches x JOIN import_folders f ON f.id = x.folder_id WHERE f.import_id = %d", id))
			must(t, i.run(t, id))
		}
		i.from.CutAfter(nil)
		if resumed == 0 || i.from.Broken() < 2 {
			t.Errorf("%d matches, cut %d times", resumed, i.from.Broken())
		}
		if diff := cmp.Diff(i.from.Contents(t, "old")["INBOX"], i.own.Contents(t, "contact@garrigue.example")["INBOX"]); diff != "" {
			t.Errorf("%.1000s", diff)
		}
		i.wantNoSecret(t)
	})
}

// wantNoSecret says that the password is nowhere in the database but sealed.
func (i *importing) wantNoSecret(t testing.TB) {
	t.Helper()
	args, detail := "args ->> '$'", "detail"
	if !i.Store.Embedded() {
		args, detail = "args::text", "detail::text"
	}
	for _, q := range []string{"SELECT count(*) FROM river_job WHERE " + args + " LIKE '%s3cret%'", "SELECT count(*) FROM events WHERE " + detail + " LIKE '%s3cret%'"} {
		if n := i.Int(t, q); n != 0 {
			t.Errorf("%s: %d", q, n)
		}
	}
	if n := i.Int(t, "SELECT count(*) FROM imports WHERE password IS NOT NULL"); n != 0 {
		t.Errorf("%d passwords are kept", n)
	}
}

// The proof of exactly once, with the database: the source is cut at 20 random
// points, and jobs end between what they store and what they note.
func TestAnImportThatIsCutAnywhereLosesNothingAndDoublesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		n := 5000
		if testing.Short() || w.Store.Embedded() {
			n = 1000
		}
		i := w.importing(t)
		i.fill(t, n, "INBOX", "Sent", "Archive", "Archive/2023")
		id := i.started(t, w.Alice)
		random, chance := rand.New(rand.NewPCG(7, uint64(n))), rand.New(rand.NewPCG(8, uint64(n))) // the server's own
		const cuts = 20
		i.from.CutAfter(func() int64 {
			if i.from.Broken() >= cuts {
				return 0
			}
			return 20*int64(n) + 22_000 + chance.Int64N(20*int64(n)) // what there is takes the first part
		})
		var stored, ends, until atomic.Int64
		var end atomic.Pointer[context.CancelFunc]
		i.here.After(func() error {
			stored.Add(1)
			if until.Add(-1) == 0 {
				ends.Add(1)
				(*end.Load())() // the process is to end now, and what was stored is not noted
				return errors.New("the process has ended")
			}
			return nil
		})
		for runs := 0; i.Int(t, "SELECT count(*) FROM imports WHERE settled_at IS NULL") > 0; runs++ {
			if runs > 8*cuts {
				t.Fatalf("it does not come to an end: %+v", i.read(t, w.Alice, id))
			}
			ctx, cancel := context.WithCancel(t.Context())
			end.Store(&cancel)
			if until.Store(-1); runs%3 == 1 {
				until.Store(1 + random.Int64N(int64(n)/25))
			}
			must(t, i.runWithin(ctx, t, id))
			cancel()
		}
		i.wantState(t, id, models.ImportDone, "")
		i.from.CutAfter(nil)
		was, is := i.from.Contents(t, "old"), i.own.Contents(t, "contact@garrigue.example")
		was["Drafts"], was["Junk"] = []string{}, []string{}
		if diff := cmp.Diff(was, is); diff != "" {
			t.Errorf("what arrived is not what was sent:\n%.2000s", diff)
		}
		m := i.read(t, w.Alice, id)
		if m.Copied != n || m.Total != n || int(stored.Load()) != n || m.Present != 0 || m.Skipped != 0 {
			t.Errorf("%d stored of %d, told: %+v", stored.Load(), n, m)
		}
		if i.from.Broken() < cuts || ends.Load() == 0 {
			t.Errorf("cut %d times, ended %d times", i.from.Broken(), ends.Load())
		}
	})
}

func TestWhyAnImportFails(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.importing(t)
		f := i.form()
		f.Password = "wrong"
		id := got[int64](t)(i.Store.CreateImport(t.Context(), w.Alice, cast.Garrigue, "contact", f))
		w.told(t, cast.Garrigue)
		must(t, i.run(t, id))
		i.wantState(t, id, models.ImportFailed, "sign_in")
		w.wantTold(t, "- import.failed contact@garrigue.example")

		// Where it was possible before, a refusal to sign in may be that of a busy server.
		id = i.started(t, w.Alice)
		i.from.ChangePassword("old", "another")
		for range 3 {
			must(t, i.run(t, id))
			i.wantState(t, id, models.ImportRunning, "")
		}
		must(t, i.run(t, id))
		i.wantState(t, id, models.ImportFailed, "sign_in")
		i.from.ChangePassword("old", oldPassword)

		// A server that is away is tried once more, and no longer.
		f = i.form()
		i.Importer.Reach(connect.Servers{Policy: connect.Policy{Networks: imaptest.Policy().Networks, Ports: []int{1}, Clear: true}, Own: i.own.Own(t)})
		f.Port = 1
		id = got[int64](t)(i.Store.CreateImport(t.Context(), w.Alice, cast.Garrigue, "contact", f))
		must(t, i.run(t, id))
		i.wantState(t, id, models.ImportTesting, "")
		must(t, i.run(t, id))
		i.wantState(t, id, models.ImportFailed, "away")

		// Our own that is away is nobody's password that is wrong.
		i.Importer.Reach(connect.Servers{Policy: imaptest.Policy(i.from), Own: i.from.Own(t)})
		id = i.asked(t, w.Alice)
		must(t, i.run(t, id))
		must(t, i.run(t, id))
		i.wantState(t, id, models.ImportFailed, "away")
		i.wantNoSecret(t)
	})
}

func TestAFullMailboxPausesAnImport(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.importing(t)
		i.fill(t, 150, "INBOX")
		id := i.started(t, w.Alice, "INBOX")
		var stored atomic.Int64
		i.here.After(func() error {
			if stored.Add(1) == 120 {
				i.here.Fill(true)
			}
			return nil
		})
		w.told(t, cast.Garrigue)
		must(t, i.run(t, id))
		i.wantState(t, id, models.ImportPaused, "full")
		w.wantTold(t, "- import.paused contact@garrigue.example")
		i.here.Fill(false)
		want(t, "by somebody else", i.Store.ResumeImport(t.Context(), w.Bruno, cast.Garrigue, "contact", id), notFound)
		must(t, i.Store.ResumeImport(t.Context(), w.Alice, cast.Garrigue, "contact", id))
		must(t, i.run(t, id))
		i.wantState(t, id, models.ImportDone, "")
		if n := len(i.own.Contents(t, "contact@garrigue.example")["INBOX"]); n != 150 || stored.Load() != 150 {
			t.Errorf("%d messages, %d stored", n, stored.Load())
		}
	})
}

// A revocation is answered, and soon nothing is copied any more, in the middle
// of a message as well.
func TestARightThatGoesStopsAnImport(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.importing(t)
		i.old.Put(t, "INBOX", "Message-ID: <large@old>\r\n\r\n"+strings.Repeat("large ", 2_000_000), time.Now())
		id := i.started(t, w.Bruno, "INBOX")
		i.from.Slow(100_000)
		share := w.Int(t, "SELECT g.id FROM grants g JOIN customers c ON c.id = g.grantee_id WHERE c.identifier = 'bm1002-mdt' AND g.domain = 'garrigue.example' AND g.kind = 'service'")
		ended := make(chan error, 1)
		go func() { ended <- i.run(t, id) }()
		time.Sleep(500 * time.Millisecond)
		must(t, second(w.Store.Revoke(t.Context(), w.Alice, int64(share))))
		revoked := time.Now()
		select {
		case err := <-ended:
			must(t, err)
		case <-time.After(20 * time.Second):
			t.Fatal("it goes on")
		}
		if took := time.Since(revoked); took > 5*time.Second {
			t.Errorf("it went on for %v", took)
		}
		i.wantState(t, id, models.ImportStopped, "right")
		i.from.Slow(0)
		if n := len(i.own.Contents(t, "contact@garrigue.example")["INBOX"]); n != 0 {
			t.Errorf("%d messages arrived", n)
		}
		i.wantNoSecret(t)
	})
}

func TestARightThatIsGoneStopsAnImportThatWaits(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.importing(t)
		i.fill(t, 10, "INBOX")
		revoke := func() {
			share := w.Int(t, "SELECT g.id FROM grants g JOIN customers c ON c.id = g.grantee_id WHERE c.identifier = 'bm1002-mdt' AND g.domain = 'garrigue.example' AND g.kind = 'service' AND g.ended_at IS NULL")
			must(t, second(w.Store.Revoke(t.Context(), w.Alice, int64(share))))
		}
		id := i.started(t, w.Bruno)
		revoke()
		sessions := i.from.Sessions()
		must(t, i.run(t, id))
		i.wantState(t, id, models.ImportStopped, "right")
		if i.from.Sessions() != sessions {
			t.Error("it signed in")
		}

		w.share(t, w.Alice, cast.Garrigue, cast.Bruno, 0, nil)
		id = i.asked(t, w.Bruno)
		must(t, i.run(t, id))
		i.wantState(t, id, models.ImportChoosing, "")
		must(t, w.Store.Sweep(t.Context()))
		i.wantState(t, id, models.ImportChoosing, "")
		revoke()
		must(t, w.Store.Sweep(t.Context()))
		i.wantState(t, id, models.ImportStopped, "right")

		id = i.asked(t, w.Alice)
		must(t, i.run(t, id))
		w.Clock.Move(24 * time.Hour)
		must(t, w.Store.Sweep(t.Context()))
		i.wantState(t, id, models.ImportFailed, "unattended")

		id = i.started(t, w.Alice)
		w.Clock.Move(7 * 24 * time.Hour)
		must(t, w.Store.Sweep(t.Context()))
		i.wantState(t, id, models.ImportFailed, "late")

		id = i.started(t, w.Alice)
		must(t, w.Store.DeleteAccount(t.Context(), w.Alice, cast.Garrigue, "contact", "contact"))
		i.wantState(t, id, models.ImportStopped, "deleted")
		must(t, i.run(t, id))
		i.wantNoSecret(t)
	})
}

// Of several jobs for one import, one works.
func TestAnImportHasOneJobAtATime(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.importing(t)
		i.fill(t, 100, "INBOX")
		id := i.started(t, w.Alice, "INBOX")
		ticket := int64(w.Int(t, "SELECT ticket FROM imports"))
		var stored atomic.Int64
		i.here.After(func() error { stored.Add(1); time.Sleep(time.Millisecond); return nil })
		errs := make(chan error, 8)
		for range cap(errs) {
			go func() { errs <- w.Store.RunImport(t.Context(), id, ticket) }()
		}
		for range cap(errs) {
			must(t, <-errs)
		}
		i.wantState(t, id, models.ImportDone, "")
		if stored.Load() != 100 {
			t.Errorf("%d were stored, of 100", stored.Load())
		}

		// One whose process is gone is taken up again once its lease has ended.
		id = i.started(t, w.Alice, "INBOX")
		w.Exec(t, fmt.Sprintf("UPDATE imports SET ticket = ticket + 1, leased_until = due_at WHERE id = %d", id))
		jobs := "SELECT count(*) FROM river_job WHERE kind = 'run_import'"
		before := w.Int(t, jobs)
		w.Clock.Move(time.Minute)
		must(t, w.Store.Sweep(t.Context()))
		if w.Int(t, jobs) != before+1 {
			t.Errorf("%d jobs, were %d", w.Int(t, jobs), before)
		}
		must(t, i.run(t, id))
		i.wantState(t, id, models.ImportDone, "")
	})
}

// The worker does it all, by its queue.
func TestTheWorkerImports(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		i := w.importing(t)
		i.fill(t, 50, "INBOX")
		defer w.works(t)()
		id := i.asked(t, w.Alice)
		w.eventually(t, "to be chosen from", "SELECT count(*) FROM imports WHERE state = 'choosing'", 1)
		var chosen []int64
		for _, f := range i.read(t, w.Alice, id).Folders {
			chosen = append(chosen, f.ID)
		}
		must(t, i.Store.StartImport(t.Context(), w.Alice, cast.Garrigue, "contact", id, chosen))
		w.eventually(t, "done", "SELECT count(*) FROM imports WHERE state = 'done'", 1)
	})
}
