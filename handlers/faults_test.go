package handlers_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// The limits of what a reader may wait for.
const (
	sayGone  = 2 * time.Second  // that the database is gone
	comeBack = 5 * time.Second  // until a page works once the database is back
	longest  = 10 * time.Second // any answer, whatever the database does
)

// frail is the panel on a PostgreSQL of its own, which the test may stop.
type frail struct {
	*stage
	server *modelstest.Server
}

func newFrail(t *testing.T) *frail {
	t.Helper()
	server, err := modelstest.StartServer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	w := modelstest.OnServer(t, server)
	return &frail{newStage(t, w), server}
}

// look opens a connection beside the panel anew: the one it had may be gone.
func (f *frail) look(t *testing.T) {
	t.Helper()
	_ = f.SQL.Close()
	var err error
	if f.SQL, err = sql.Open("pgx", f.URL); err != nil {
		t.Fatal(err)
	}
	f.SQL.SetMaxOpenConns(1)
	f.Exec(t, "SET search_path = panel, public")
}

func (f *frail) suspend(t *testing.T) {
	t.Helper()
	if err := f.server.Suspend(); err != nil {
		t.Fatal(err)
	}
}

// resume starts the database and waits until a page works again.
func (f *frail) resume(t *testing.T, v *visitor) {
	t.Helper()
	if err := f.server.Resume(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for {
		a := v.get("/services/garrigue.example/emails")
		if a.status == http.StatusOK {
			break
		}
		if time.Since(began) > comeBack {
			t.Fatalf("%v after the database is back: %d %s", comeBack, a.status, a.text("main"))
		}
	}
	f.look(t)
}

func TestWithoutItsDatabaseEveryPageSaysSoAndComesBack(t *testing.T) {
	t.Parallel()
	f := newFrail(t)
	targets := f.targets(t)
	f.suspend(t)
	for _, lang := range []struct{ code, heading string }{{"en", "The panel cannot reach its data"}, {"fr", "Le panneau n’atteint pas ses données"}} {
		gone := func(what string, ask func(v *visitor) *answer) {
			t.Helper()
			for _, p := range []person{alice, {}} {
				v := f.visit(t, p)
				v.lang = lang.code
				began := time.Now()
				a := ask(v)
				took := time.Since(began)
				if took > sayGone {
					t.Errorf("%s by %s: answered after %v", what, p.name, took)
				}
				wantHeaders(t, what, a)
				if p.identifier == "" && a.status != http.StatusServiceUnavailable {
					wantOurs(t, what+", signed out", a, http.StatusOK, http.StatusSeeOther)
					continue
				}
				wantOurs(t, what, a, http.StatusServiceUnavailable)
				if a.text("h1") != lang.heading || a.header.Get("Retry-After") == "" || a.text("main .mono") == "" {
					t.Errorf("%s in %s: %q, Retry-After %q", what, lang.code, a.text("main"), a.header.Get("Retry-After"))
				}
			}
		}
		for _, e := range readMatrix(t) {
			path := f.fill(e.path, e.lines[0].object)
			if e.query != "" {
				path += "?" + f.fill(e.query, e.lines[0].object)
			}
			if e.method == http.MethodGet && !slices.Contains([]string{"/", "/sign-in", "/healthz", "/readyz", "/password-resets", "/password-resets/new", "/session/ended", "/session/oidc/callback"}, e.path) {
				gone("GET "+path, func(v *visitor) *answer { return v.get(path) })
			}
		}
		for _, to := range targets {
			if to.path == "/preferences" || to.path == "/session/end" { // which a signed-out reader needs no database for
				continue
			}
			gone(to.route(), func(v *visitor) *answer { return v.post(to.at, to.form) })
		}
	}
	chosen := f.visit(t, alice)
	if a := chosen.get("/services", "Cookie", "mandat="+f.tokens[cast.Alice]+"; lang=fr"); a.text("h1") != "Le panneau n’atteint pas ses données" {
		t.Errorf("the language of the cookie: %q", a.text("h1"))
	}
	if a := chosen.get("/services", "HX-Request", "true", "HX-Target", "dialog#panel"); a.status != http.StatusServiceUnavailable || a.Find(".panel").Length() != 1 {
		t.Errorf("in the panel: %d %s", a.status, a.body)
	}
	for _, p := range []person{alice, {}} {
		v := f.visit(t, p)
		for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable, "/sign-in": http.StatusOK} {
			if a := v.get(path); a.status != want {
				t.Errorf("%s by %s: %d, want %d", path, p.name, a.status, want)
			}
		}
	}
	f.resume(t, f.visit(t, alice))
	f.was.wantSame(t, f.World, "a time without a database")
	if a := f.visit(t, person{}).get("/readyz"); a.status != http.StatusOK {
		t.Errorf("ready again: %d", a.status)
	}
}

// What was answered is there, what is said not to be is not, and nothing is half there.
func TestADatabaseThatGoesAwayLeavesNoHalfChange(t *testing.T) {
	t.Parallel()
	f := newFrail(t)
	v := f.visit(t, alice)
	for round := range 3 {
		var mu sync.Mutex
		answers := map[string]*answer{}
		var writers sync.WaitGroup
		gone, wrote := make(chan struct{}), make(chan struct{}, 1000)
		for writer := range 6 {
			writers.Go(func() {
				for i := 0; ; i++ {
					local := fmt.Sprintf("r%d-%d-%d", round, writer, i)
					form := url.Values{"submission": {f.submission(t, alice)}, "local": {local}, "description": {"written while the database goes"}, "size_gb": {"0.1"}}
					a := v.post("/services/garrigue.example/emails", form)
					mu.Lock()
					answers[local] = a
					mu.Unlock()
					wrote <- struct{}{}
					select {
					case <-gone:
						return
					default:
					}
				}
			})
		}
		for range 12 {
			<-wrote
		}
		f.suspend(t)
		close(gone)
		writers.Wait()
		f.resume(t, v)
		f.Holds(t)
		for local, a := range answers {
			there := f.Int(t, "SELECT count(*) FROM accounts WHERE local_part = $1", local) == 1
			switch {
			case a.status == http.StatusSeeOther && !there:
				t.Errorf("%s was answered and is lost", local)
			case a.status >= 400 && a.text("h1") != perhaps && there:
				t.Errorf("%s is there, and was answered %d %s", local, a.status, a.text("main"))
			}
		}
	}
}

// perhaps is the heading of a page that does not know, as Alice reads it or as a page for anybody.
const perhaps = "Your change may have been made"

// A commit that fails may have been carried out: the page says so, and that the
// form can be sent again.
func TestAnAnswerThatIsLostIsNotCalledNothing(t *testing.T) {
	w := modelstest.OnPostgres(t)
	m := newStage(t, w)
	w.Exec(t, "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'lost' USING ERRCODE = '57P01'; END $$")
	w.Exec(t, "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()")
	form := url.Values{"submission": {m.submission(t, alice)}, "local": {"neuve"}}
	a := m.visit(t, alice).post("/services/garrigue.example/emails", form)
	wantOurs(t, "a commit that fails", a, http.StatusServiceUnavailable)
	if got := a.text("h1"); got != "Votre modification est peut-être faite" {
		t.Errorf("the page says %q: %s", got, a.text("main"))
	}
	w.Exec(t, "DROP FUNCTION fail CASCADE")
	if a := m.visit(t, alice).post("/services/garrigue.example/emails", form); a.status != http.StatusSeeOther {
		t.Errorf("the same form again: %d %s", a.status, a.text("main"))
	}
}

// What is done is answered as done, though nothing can be said about it any more.
func TestAMessageThatIsLostTakesNothingAlong(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		if w.Store.Embedded() {
			w.Exec(t, "CREATE TRIGGER fail BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'lost'); END")
		} else {
			w.Exec(t, "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'lost'; END $$")
			w.Exec(t, "CREATE TRIGGER fail BEFORE UPDATE ON sessions FOR EACH ROW EXECUTE FUNCTION fail()")
			defer w.Exec(t, "DROP FUNCTION fail CASCADE")
		}
		form := url.Values{"submission": {m.submission(t, alice)}, "local": {"neuve"}}
		a := m.visit(t, alice).post("/services/garrigue.example/emails", form)
		if a.status != http.StatusSeeOther || w.Int(t, "SELECT count(*) FROM accounts WHERE local_part = 'neuve'") != 1 {
			t.Errorf("%d %s", a.status, a.text("main"))
		}
	})
}

// Somebody else holds a service for longer than anybody should.
func TestASlowDatabaseIsWaitedForWithinBounds(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		var forms []url.Values
		for i := range 8 { // more than the panel has connections
			forms = append(forms, url.Values{"submission": {m.submission(t, alice)}, "local": {fmt.Sprintf("slow%d", i)}})
		}
		release := hold(t, w)
		var all sync.WaitGroup
		var crowded atomic.Int64 // who got as far as the lock
		for _, form := range forms {
			all.Go(func() {
				began := time.Now()
				a := m.visit(t, alice).post("/services/garrigue.example/emails", form)
				if took := time.Since(began); took > longest+time.Second {
					t.Errorf("a change waited for %v", took)
				}
				wantOurs(t, "a change that waits", a, http.StatusServiceUnavailable)
				if a.header.Get("Retry-After") == "" {
					t.Error("it is not said when to try again")
				}
				if heading := a.text("h1"); heading == "Trop de monde en ce moment" {
					crowded.Add(1)
				}
			})
		}
		// Who reads something else waits for a connection at most, and no longer either.
		for range 4 {
			all.Go(func() {
				began := time.Now()
				a := m.visit(t, person{"David", cast.David}).get("/services/nguyen-velos.example/emails")
				if took := time.Since(began); took > longest+time.Second {
					t.Errorf("a page waited for %v", took)
				}
				wantOurs(t, "a page that waits", a, http.StatusOK, http.StatusServiceUnavailable)
			})
		}
		all.Wait()
		release()
		if crowded.Load() == 0 {
			t.Error("nobody is told that it is busy")
		}
		m.was.wantSame(t, w, "changes that waited in vain")
		if a := m.visit(t, alice).get("/services/garrigue.example/emails"); a.status != http.StatusOK {
			t.Errorf("afterwards: %d", a.status)
		}
	})
}

// hold locks what every change of Garrigue needs, from beside the panel.
func hold(t *testing.T, w *modelstest.World) (release func()) {
	t.Helper()
	tx, err := w.SQL.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "UPDATE services SET version = version WHERE domain = '"+cast.Garrigue+"'"); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
}
