package main

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// A killed program must leave whole changes only, keep what it answered, and
// leave its work to the next one (R42).

// kills is how many times each of the two tests kills: together 500 at night.
func kills() int {
	if os.Getenv("MANDAT_NIGHTLY") != "" {
		return 250
	}
	return 3
}

// writer makes addresses, changes, delegates and deletes them, one after the
// other, and notes what was answered.
type writer struct {
	c     *client
	p     *panel
	name  string
	acked []step // what was answered with success, in order
}

// step is a change with the event that must be there once it was answered.
type step struct{ event, object string }

// submission is a fresh one: every page has it, that which is not there too.
func (w *writer) submission() string {
	_, body := w.c.get(w.p, "/no-such-page")
	if m := hidden.FindStringSubmatch(body); m != nil {
		return m[2]
	}
	return ""
}

// send posts a form and notes that it acted; false says that the process is gone.
func (w *writer) send(path string, form url.Values, s step) bool {
	form.Set("submission", w.submission())
	status, _ := w.c.post(w.p, path, form)
	if status == http.StatusSeeOther {
		w.acked = append(w.acked, s)
	}
	return status != 0
}

// write goes on until the process is gone.
func (w *writer) write(answered *atomic.Int64) {
	for i := 0; ; i++ {
		local := fmt.Sprintf("%s-%d", w.name, i)
		address, path := local+"@"+cast.Garrigue, garrigue+"/emails/"+local
		for _, s := range []struct {
			path, event string
			form        url.Values
		}{
			{garrigue + "/emails", "account.created", url.Values{"local": {local}, "description": {"written while the program dies"}, "size_gb": {"0.1"}}},
			{path, "account.changed", url.Values{"description": {"changed while the program dies"}, "version": {"1"}}},
			{path + "/grants", "grant.given", url.Values{"identifiers": {cast.Emma + ", " + cast.David}, "extras": {"password"}}},
			{path + "/block", "account.blocked", url.Values{}},
			{path + "/deletion", "account.deleted", url.Values{"confirm": {local}}},
		} {
			if !w.send(s.path, s.form, step{s.event, address}) {
				return
			}
			answered.Add(1)
		}
	}
}

// crash has several people write through a process and kills it once so many
// changes were answered, somewhere in the middle of others. It returns these.
func crash(t *testing.T, p *panel, name string, after int64) (acked []step) {
	t.Helper()
	alice := signedIn(t, p, cast.Alice)
	var answered atomic.Int64
	var writing sync.WaitGroup
	writers := make([]*writer, 4)
	for i := range writers {
		writers[i] = &writer{c: alice, p: p, name: fmt.Sprintf("%s-%d", name, i)}
		writing.Go(func() { writers[i].write(&answered) })
	}
	for began := time.Now(); answered.Load() < after; time.Sleep(time.Millisecond) {
		if time.Since(began) > startLimit {
			t.Fatalf("only %d changes were answered\n%s", answered.Load(), p.logged())
		}
	}
	_ = p.cmd.Process.Kill()
	writing.Wait()
	<-p.ended
	for _, w := range writers {
		acked = append(acked, w.acked...)
	}
	return acked
}

// wantAll says that everything that was answered is there, and whole.
func wantAll(t *testing.T, w *modelstest.World, acked []step) {
	t.Helper()
	for _, s := range acked {
		if n := w.Int(t, "SELECT count(*) FROM events WHERE kind = $1 AND object = $2", s.event, s.object); n == 0 {
			t.Errorf("%s of %s was answered and is lost", s.event, s.object)
		}
	}
	w.Holds(t)
}

// wantRemoved waits until the deletions begun are finished.
func wantRemoved(t *testing.T, w *modelstest.World) {
	t.Helper()
	for began := time.Now(); w.Int(t, "SELECT count(*) FROM accounts WHERE state = 'deleting'") > 0; time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > 2*time.Minute {
			t.Fatal("accounts are still being deleted")
		}
	}
	w.Holds(t)
}

func TestAKilledProcessLosesNothingItAnswered(t *testing.T) {
	t.Parallel()
	w := modelstest.OnPostgres(t)
	url := "MANDAT_DATABASE_URL=" + w.URL
	w.Exec(t, "UPDATE services SET max_accounts = 100000, max_bytes = 9000000000000000")
	survivor := start(t, "serve", url)
	bruno := signedIn(t, survivor, cast.Bruno)
	for round := range kills() {
		acked := crash(t, start(t, "serve", url), fmt.Sprintf("kill%d", round), 1+rand.Int64N(40))
		wantAll(t, w, acked)
		if status, _ := bruno.get(survivor, garrigue+"/emails"); status != http.StatusOK {
			t.Errorf("the other process answers %d", status)
		}
		form := bruno.form(survivor, garrigue+"/new-email", map[string][]string{"local": {fmt.Sprintf("after%d", round)}})
		if status, body := bruno.post(survivor, garrigue+"/emails", form); status != http.StatusSeeOther {
			t.Errorf("a change by the other process: %d %s", status, body)
		}
	}
	wantRemoved(t, w)
}

func TestAKilledPanelGoesOnWithItsEmbeddedDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data := "MANDAT_DATA_DIR=" + dir
	start(t, "serve --demo", data).stop(t)
	file, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "mandat.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := &modelstest.World{SQL: file}
	w.Exec(t, "UPDATE services SET max_accounts = 100000, max_bytes = 9000000000000000")
	for round := range kills() {
		began := time.Now()
		p := start(t, "serve --demo", data)
		t.Logf("up after %v", time.Since(began))
		wantAll(t, w, crash(t, p, fmt.Sprintf("kill%d", round), 1+rand.Int64N(40)))
	}
	p := start(t, "serve --demo", data)
	if status, _ := signedIn(t, p, cast.Alice).get(p, garrigue+"/emails"); status != http.StatusOK {
		t.Errorf("after the last restart: %d", status)
	}
	wantRemoved(t, w)
	p.stop(t)
	call{args: "history verify", out: "are as they were written"}.check(t, env("MANDAT_DATA_DIR", dir))
}

// A delegate uses all that they may, through both processes and from pages that
// they opened before. Whatever they ask for after the revocation was answered
// is refused, and nothing of theirs comes after it in the history.
func TestEverythingOfADelegateEndsWithTheAnswer(t *testing.T) {
	t.Parallel()
	w := modelstest.OnPostgres(t)
	url := "MANDAT_DATABASE_URL=" + w.URL
	w.Exec(t, "UPDATE services SET max_accounts = 100000, max_bytes = 9000000000000000")
	one, two := start(t, "serve --no-work", url), start(t, "serve --no-work", url)
	alice := signedIn(t, one, cast.Alice)
	emma := signedIn(t, two, cast.Emma)
	for round := range rounds(50) {
		form := alice.form(one, garrigue+"/grants", map[string][]string{"identifiers": {cast.Emma}, "extras": {"password", "delegate"}})
		if status, body := alice.post(one, garrigue+"/grants", form); status != http.StatusSeeOther {
			t.Fatalf("round %d: the share: %d %s", round, status, body)
		}
		grant := w.Int(t, "SELECT max(id) FROM grants WHERE kind = 'service'")
		revocation := alice.form(one, fmt.Sprintf("/grants/%d/revocation", grant), nil)
		hammerUntil(t, emma, []*panel{one, two}, fmt.Sprintf("race%d", round), func() {
			if status, body := alice.post(one, fmt.Sprintf("/grants/%d/revocation", grant), revocation); status != http.StatusSeeOther {
				t.Errorf("round %d: the revocation: %d %s", round, status, body)
			}
		})
		late := w.Int(t, `SELECT count(*) FROM events e JOIN events r ON r.service_id = e.service_id AND r.kind = 'grant.revoked' AND r.grant_id = $1
			WHERE e.number > r.number AND e.actor_id = (SELECT id FROM customers WHERE identifier = $2)`, grant, cast.Emma)
		if late != 0 {
			t.Errorf("round %d: %d changes of theirs after the revocation", round, late)
		}
		if n := w.Int(t, "SELECT count(*) FROM grants WHERE ended_at IS NULL AND giver_id = (SELECT id FROM customers WHERE identifier = $1)", cast.Emma); n != 0 {
			t.Errorf("round %d: %d grants that they gave are in force", round, n)
		}
		if t.Failed() {
			return
		}
	}
	w.Holds(t)
}

// hammerUntil has a delegate of Garrigue use their rights on every process,
// ends them, and holds every request begun after that to having been refused.
func hammerUntil(t *testing.T, c *client, processes []*panel, name string, end func()) {
	t.Helper()
	var ended atomic.Bool
	var before, after atomic.Int64
	var using sync.WaitGroup
	use := func(what string, ask func(i int) (done bool)) {
		using.Go(func() {
			for i := 0; after.Load() < 40; i++ {
				late := ended.Load()
				done := ask(i)
				switch {
				case late && done:
					t.Errorf("%s succeeded after the answer", what)
				case late:
					after.Add(1)
				case done:
					before.Add(1)
				}
			}
		})
	}
	for i, p := range processes {
		w := &writer{c: c, p: p}
		use("reading", func(int) bool { status, _ := c.get(p, garrigue+"/emails"); return status == http.StatusOK })
		submission := w.submission()
		post := func(path string, form url.Values) bool {
			form.Set("submission", submission)
			status, _ := c.post(p, path, form)
			if status != http.StatusNotFound || strings.HasSuffix(path, "/grants") {
				submission = w.submission() // that one has acted, if only to say that they hold it already
			}
			return status == http.StatusSeeOther
		}
		use("changing", func(n int) bool {
			local := fmt.Sprintf("%s-%d-%d", name, i, n)
			if n%3 == 2 {
				return post(garrigue+"/emails/presse/block", url.Values{})
			}
			if n%3 == 1 {
				return post(garrigue+"/emails/rh/grants", url.Values{"identifiers": {[]string{cast.Chloe, cast.David}[i]}})
			}
			return post(garrigue+"/emails", url.Values{"local": {local}, "size_gb": {"0.1"}})
		})
	}
	for began := time.Now(); before.Load() < 4; time.Sleep(time.Millisecond) {
		if time.Since(began) > startLimit {
			t.Fatal("the delegate does not get to use anything")
		}
	}
	end()
	ended.Store(true)
	using.Wait()
}
