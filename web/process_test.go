package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// Two processes of the program on one PostgreSQL, as behind a balancer: what
// one has answered holds for the other.

const garrigue = "/services/" + cast.Garrigue

// twoPanels starts two processes on a database with the demo world. A session
// of one is a session of the other, since they have the cookie's host in common.
func twoPanels(t *testing.T) (first, second *panel, db *sql.DB) {
	t.Helper()
	w := modelstest.OnPostgres(t)
	settings := []string{"MANDAT_DATABASE_URL=" + w.URL}
	return start(t, "serve", settings...), start(t, "serve", settings...), w.SQL
}

// client is a browser without JavaScript that may ask any process.
type client struct {
	http *http.Client
	t    *testing.T
}

func newClient(t *testing.T) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t: t, http: &http.Client{
		Jar: jar, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func signedIn(t *testing.T, p *panel, identifier string) *client {
	t.Helper()
	c := newClient(t)
	status, _ := c.post(p, "/session", url.Values{"identifier": {identifier}, "password": {cast.Password}})
	if status != http.StatusSeeOther {
		t.Fatalf("%s cannot sign in: %d", identifier, status)
	}
	return c
}

func (c *client) get(p *panel, path string) (status int, body string) {
	r, err := http.NewRequest(http.MethodGet, p.origin+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	return c.do(r)
}

func (c *client) post(p *panel, path string, form url.Values) (status int, body string) {
	r, err := http.NewRequest(http.MethodPost, p.origin+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", p.origin)
	return c.do(r)
}

// do answers with status 0 when the process does not.
func (c *client) do(r *http.Request) (status int, body string) {
	r.Header.Set("Accept-Language", "en")
	response, err := c.http.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(b)
}

var hidden = regexp.MustCompile(`name="(submission|version)" value="([^"]*)"`)

// form is the hidden fields of a page with what is typed beside them.
func (c *client) form(p *panel, path string, typed url.Values) url.Values {
	c.t.Helper()
	status, body := c.get(p, path)
	if status != http.StatusOK {
		c.t.Fatalf("%s: %d", path, status)
	}
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(body, -1) {
		form.Set(m[1], m[2])
	}
	for name, values := range typed {
		form[name] = values
	}
	return form
}

func count(t *testing.T, db *sql.DB, query string, args ...any) (n int) {
	t.Helper()
	if err := db.QueryRowContext(context.Background(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// rounds is n, or many more at night.
func rounds(n int) int {
	if os.Getenv("MANDAT_NIGHTLY") != "" {
		return 20 * n
	}
	return n
}

func TestNothingSucceedsAfterTheAnswerToARevocation(t *testing.T) {
	owners, delegates, db := twoPanels(t)
	alice, emma := signedIn(t, owners, cast.Alice), signedIn(t, delegates, cast.Emma)
	account := garrigue + "/emails/notaire"
	for round := range rounds(15) {
		share := alice.form(owners, account+"/grants", url.Values{"identifiers": {cast.Emma}, "extras": {"password"}})
		if status, body := alice.post(owners, account+"/grants", share); status != http.StatusSeeOther {
			t.Fatalf("round %d: the grant: %d %s", round, status, body)
		}
		grant := count(t, db, "SELECT max(id) FROM grants")
		revocation := alice.form(owners, fmt.Sprintf("/grants/%d/revocation", grant), nil)

		stop, began := make(chan struct{}), make(chan struct{})
		var uses sync.WaitGroup
		uses.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				if status, _ := emma.get(delegates, account); status == http.StatusOK {
					form := emma.formIfAny(delegates, account, url.Values{"description": {fmt.Sprintf("round %d use %d", round, i)}})
					emma.post(delegates, account, form)
				}
				if i == 0 {
					close(began)
				}
			}
		})
		<-began
		if status, body := alice.post(owners, fmt.Sprintf("/grants/%d/revocation", grant), revocation); status != http.StatusSeeOther {
			t.Fatalf("round %d: the revocation: %d %s", round, status, body)
		}
		var after string
		if err := db.QueryRow("SELECT description FROM accounts WHERE address = $1", "notaire@"+cast.Garrigue).Scan(&after); err != nil {
			t.Fatal(err)
		}
		for _, p := range []*panel{delegates, owners} {
			if status, _ := emma.get(p, account); status != http.StatusNotFound {
				t.Fatalf("round %d: after the revocation the address answers %d", round, status)
			}
		}
		close(stop)
		uses.Wait()
		var now string
		if err := db.QueryRow("SELECT description FROM accounts WHERE address = $1", "notaire@"+cast.Garrigue).Scan(&now); err != nil {
			t.Fatal(err)
		}
		if now != after {
			t.Fatalf("round %d: %q was written after the answer to the revocation", round, now)
		}
	}
}

// formIfAny is form for a page that may be gone.
func (c *client) formIfAny(p *panel, path string, typed url.Values) url.Values {
	_, body := c.get(p, path)
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(body, -1) {
		form.Set(m[1], m[2])
	}
	for name, values := range typed {
		form[name] = values
	}
	return form
}

// atOnce sends a form to both processes at the same moment.
func atOnce(first, second func() int) [2]int {
	var out [2]int
	var both sync.WaitGroup
	both.Go(func() { out[0] = first() })
	both.Go(func() { out[1] = second() })
	both.Wait()
	return out
}

func TestAFormSentToTwoProcessesActsOnce(t *testing.T) {
	one, two, db := twoPanels(t)
	alice := signedIn(t, one, cast.Alice)
	for i := range rounds(5) {
		local := fmt.Sprintf("once%d", i)
		form := alice.form(one, garrigue+"/new-email", url.Values{"local": {local}, "description": {""}, "size_gb": {"1"}})
		send := func(p *panel) func() int {
			return func() int { status, _ := alice.post(p, garrigue+"/emails", form); return status }
		}
		if got := atOnce(send(one), send(two)); got != [2]int{http.StatusSeeOther, http.StatusSeeOther} {
			t.Errorf("%v", got)
		}
		if n := count(t, db, "SELECT count(*) FROM events WHERE kind = 'account.created' AND object = $1", local+"@"+cast.Garrigue); n != 1 {
			t.Errorf("%s was created %d times", local, n)
		}
	}
}

func TestTwoProcessesGiveOneGrant(t *testing.T) {
	one, two, db := twoPanels(t)
	alice := signedIn(t, one, cast.Alice)
	path := garrigue + "/emails/achats/grants"
	typed := url.Values{"identifiers": {cast.Emma}, "extras": {"password"}}
	first, second := alice.form(one, path, typed), alice.form(two, path, typed)
	got := atOnce(
		func() int { status, _ := alice.post(one, path, first); return status },
		func() int { status, _ := alice.post(two, path, second); return status },
	)
	if got != [2]int{http.StatusSeeOther, http.StatusUnprocessableEntity} && got != [2]int{http.StatusUnprocessableEntity, http.StatusSeeOther} {
		t.Errorf("%v; one gives, the other says that they hold it", got)
	}
	if n := count(t, db, "SELECT count(*) FROM grants WHERE local_part = 'achats' AND ended_at IS NULL"); n != 1 {
		t.Errorf("%d grants", n)
	}
}

func TestNobodyHoldsAnAccountDeletedMeanwhile(t *testing.T) {
	one, two, db := twoPanels(t)
	alice := signedIn(t, one, cast.Alice)
	for _, local := range []string{"achats", "presse", "veille", "stages", "rh"} {
		account := garrigue + "/emails/" + local
		deletion := alice.form(one, account+"/deletion", url.Values{"confirm": {local}})
		grant := alice.form(two, account+"/grants", url.Values{"identifiers": {cast.Emma}, "extras": {"password"}})
		got := atOnce(
			func() int { status, _ := alice.post(one, account+"/deletion", deletion); return status },
			func() int { status, _ := alice.post(two, account+"/grants", grant); return status },
		)
		if got[0] != http.StatusSeeOther || got[1] != http.StatusSeeOther && got[1] != http.StatusNotFound {
			t.Errorf("%s: %v", local, got)
		}
		if n := count(t, db, "SELECT count(*) FROM grants WHERE local_part = $1 AND ended_at IS NULL", local); n != 0 {
			t.Errorf("%s is gone and held", local)
		}
	}
}

func TestSigningOutAndANewPasswordHoldInEveryProcess(t *testing.T) {
	one, two, _ := twoPanels(t)
	alice, elsewhere := signedIn(t, one, cast.Alice), signedIn(t, two, cast.Alice)
	form := alice.form(one, "/profile/password", url.Values{"current": {cast.Password}, "password": {"un chemin sous les platanes"}, "password_again": {"un chemin sous les platanes"}})
	if status, body := alice.post(one, "/profile/password", form); status != http.StatusSeeOther {
		t.Fatalf("the password: %d %s", status, body)
	}
	if status, _ := elsewhere.get(two, "/services"); status != http.StatusSeeOther {
		t.Errorf("another session outlives the password: %d", status)
	}
	if status, _ := alice.get(two, "/services"); status != http.StatusOK {
		t.Errorf("the session that changed it ended too: %d", status)
	}
	if status, _ := alice.post(one, "/session/end", alice.form(one, "/services", nil)); status != http.StatusSeeOther {
		t.Errorf("signing out: %d", status)
	}
	if status, _ := alice.get(two, "/services"); status != http.StatusSeeOther {
		t.Errorf("signed out, and the other process answers %d", status)
	}
}

// operate runs a command of the operator on the database of the panels.
func operate(t *testing.T, url, args string) {
	t.Helper()
	call{args: args}.check(t, env("MANDAT_DATABASE_URL", url, "MANDAT_LOG_LEVEL", "error"))
}

func TestWhoIsDisabledIsSignedOutInEveryProcess(t *testing.T) {
	w := modelstest.OnPostgres(t)
	settings := []string{"MANDAT_DATABASE_URL=" + w.URL}
	one, two := start(t, "serve", settings...), start(t, "serve", settings...)
	here, away, other := begun(t, w.SQL, one, cast.Bruno), begun(t, w.SQL, two, cast.Bruno), begun(t, w.SQL, two, cast.Alice)
	form := here.form(one, "/profile", nil)
	if status, _ := away.get(two, "/services"); status != http.StatusOK {
		t.Fatalf("before: %d", status)
	}
	operate(t, w.URL, "customer disable "+cast.Bruno)
	for _, p := range []*panel{one, two} {
		for name, c := range map[string]*client{"here": here, "away": away} {
			if status, _ := c.get(p, "/services"); status != http.StatusSeeOther {
				t.Errorf("%s: an open page answers %d", name, status)
			}
			if status, _ := c.get(p, "/services/garrigue.example"); status != http.StatusSeeOther {
				t.Errorf("%s: the service that was shared with them answers %d", name, status)
			}
		}
		if status, _ := newClient(t).post(p, "/session", url.Values{"identifier": {cast.Bruno}, "password": {cast.Password}}); status != http.StatusUnprocessableEntity {
			t.Errorf("signing in: %d", status)
		}
		if status, _ := other.get(p, "/services"); status != http.StatusOK {
			t.Errorf("somebody else: %d", status)
		}
	}
	if status, _ := here.post(one, "/profile", form); status != http.StatusSeeOther {
		t.Errorf("a form that was open: %d", status)
	}
	operate(t, w.URL, "customer enable "+cast.Bruno)
	signedIn(t, two, cast.Bruno)
	if status, _ := away.get(two, "/services"); status != http.StatusSeeOther {
		t.Errorf("a session of before is back: %d", status)
	}
}

func TestTheOperatorSignsOutInEveryProcess(t *testing.T) {
	w := modelstest.OnPostgres(t)
	settings := []string{"MANDAT_DATABASE_URL=" + w.URL}
	one, two := start(t, "serve", settings...), start(t, "serve", settings...)
	people := map[string]*client{}
	for _, identifier := range []string{cast.Alice, cast.Bruno, cast.Sam} {
		people[identifier] = begun(t, w.SQL, one, identifier)
	}
	for _, c := range []struct {
		args string
		in   []string // who still is
	}{
		{"customer sign-out " + cast.Alice, []string{cast.Bruno, cast.Sam}},
		{"agent sign-out " + cast.Sam, []string{cast.Bruno}},
		{"customer sign-out --all", nil},
	} {
		operate(t, w.URL, c.args)
		for identifier, client := range people {
			for _, p := range []*panel{one, two} {
				status, _ := client.get(p, "/profile/sessions")
				if in := slices.Contains(c.in, identifier); in != (status == http.StatusOK) {
					t.Errorf("after %s, %s is answered %d", c.args, identifier, status)
				}
			}
		}
	}
}

// begun is signed in without a password or a code, each of which takes its time
// to be right again.
func begun(t *testing.T, db *sql.DB, p *panel, identifier string) *client {
	t.Helper()
	token := rand.Text()
	_, err := db.Exec(`INSERT INTO sessions (token_hash, customer_id, agent_id, data, user_agent, peer, created_at, seen_at, expires_at)
		SELECT sha256($1::bytea), (SELECT id FROM customers WHERE identifier = $2), (SELECT id FROM agents WHERE identifier = $2), '', '', '192.0.2.1', now(), now(), now() + interval '1 hour'`, token, identifier)
	if err != nil {
		t.Fatal(err)
	}
	return carrying(t, p, token)
}

// carrying is a browser that has the cookie of a session.
func carrying(t *testing.T, p *panel, token string) *client {
	t.Helper()
	origin, err := url.Parse(p.origin)
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t)
	c.http.Jar.SetCookies(origin, []*http.Cookie{{Name: "mandat", Value: token}})
	return c
}

func TestASessionEndedInOneProcessIsOverInTheOther(t *testing.T) {
	one, two, db := twoPanels(t)
	for _, identifier := range []string{cast.Alice, cast.Sam} {
		here, away, third := begun(t, db, one, identifier), begun(t, db, two, identifier), begun(t, db, two, identifier)
		const path = "/profile/sessions"
		if status, _ := away.get(two, path); status != http.StatusOK {
			t.Fatalf("%s: %d", identifier, status)
		}
		form := here.form(one, path, nil)
		id := count(t, db, "SELECT max(id) - 1 FROM sessions")
		if status, body := here.post(one, fmt.Sprintf("%s/%d/end", path, id), form); status != http.StatusSeeOther {
			t.Fatalf("%s: ending it: %d %s", identifier, status, body)
		}
		for _, p := range []*panel{two, one} {
			if status, _ := away.get(p, path); status != http.StatusSeeOther {
				t.Errorf("%s: the session that was ended: %d", identifier, status)
			}
			if status, _ := third.get(p, path); status != http.StatusOK {
				t.Errorf("%s: another: %d", identifier, status)
			}
		}
		if status, body := here.post(one, path+"/end", here.form(one, path, nil)); status != http.StatusSeeOther {
			t.Fatalf("%s: ending all others: %d %s", identifier, status, body)
		}
		if status, _ := third.get(two, path); status != http.StatusSeeOther {
			t.Errorf("%s: ended with all others: %d", identifier, status)
		}
		if status, _ := here.get(two, path); status != http.StatusOK {
			t.Errorf("%s: the session that asked: %d", identifier, status)
		}
	}
}

func TestAKilledProcessLeavesNothingHalfDone(t *testing.T) {
	one, two, db := twoPanels(t)
	alice := signedIn(t, one, cast.Alice)
	acknowledged := map[string]bool{}
	inFlight := make(chan struct{}, 160)
	var writing sync.WaitGroup
	var mu sync.Mutex
	for worker := range 4 {
		writing.Go(func() {
			for i := range 40 {
				local := fmt.Sprintf("kill%d-%d", worker, i)
				form := alice.formIfAny(one, garrigue+"/new-email", url.Values{"local": {local}, "description": {"of a killed process"}, "size_gb": {"0.1"}})
				status, _ := alice.post(one, garrigue+"/emails", form)
				if status == 0 {
					return
				}
				mu.Lock()
				acknowledged[local] = status == http.StatusSeeOther
				mu.Unlock()
				inFlight <- struct{}{}
			}
		})
	}
	for range 10 { // then three more are somewhere in the middle
		<-inFlight
	}
	_ = one.cmd.Process.Kill()
	writing.Wait()
	for local, was := range acknowledged {
		if n := count(t, db, "SELECT count(*) FROM accounts WHERE local_part = $1", local); was && n != 1 {
			t.Errorf("%s was acknowledged and is lost", local)
		}
	}
	if n := count(t, db, `SELECT count(*) FROM accounts a WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.account_id = a.id AND e.kind = 'account.created')
		OR NOT EXISTS (SELECT 1 FROM account_words w WHERE w.account_id = a.id) OR NOT EXISTS (SELECT 1 FROM addresses x WHERE x.address = a.address)`); n != 0 {
		t.Errorf("%d accounts are half there", n)
	}
	if n := count(t, db, "SELECT count(*) FROM services s WHERE s.account_count <> (SELECT count(*) FROM accounts a WHERE a.service_id = s.id)"); n != 0 {
		t.Errorf("%d services count wrongly", n)
	}
	if status, _ := alice.get(two, garrigue+"/emails"); status != http.StatusOK {
		t.Errorf("the other process: %d", status)
	}
}

func TestThreeProcessesMigrateAnEmptyDatabaseAtOnce(t *testing.T) {
	w := modelstest.EmptyPostgres(t)
	w.Exec(t, "DROP SCHEMA panel, mta, mda, mlist CASCADE")
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			p := start(t, "serve", "MANDAT_DATABASE_URL="+w.URL, "MANDAT_MIGRATE=1")
			if status, body := newClient(t).get(p, "/readyz"); status != http.StatusOK {
				t.Errorf("not ready: %d %s", status, body)
			}
		})
	}
	all.Wait()
}

func TestThePanelSaysThatTheDatabaseIsGoneAndRecovers(t *testing.T) {
	server, err := modelstest.StartServer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	if err := server.Create(t.Context(), "gone", ""); err != nil {
		t.Fatal(err)
	}
	p := start(t, "serve --demo", "MANDAT_DATABASE_URL="+server.URL("gone"))
	alice := signedIn(t, p, cast.Alice)
	if err := server.Suspend(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/services", garrigue + "/emails", garrigue, "/profile", "/history"} {
		began := time.Now()
		status, body := alice.get(p, path)
		if took := time.Since(began); status != http.StatusServiceUnavailable || took > 2*time.Second {
			t.Errorf("%s: %d after %v", path, status, took)
		}
		if !strings.Contains(body, "Nothing was changed") || strings.Contains(body, "SQLSTATE") || strings.Contains(body, "dial tcp") {
			t.Errorf("%s says: %s", path, body)
		}
	}
	for path, want := range map[string]int{"/sign-in": http.StatusOK, "/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable} {
		if status, _ := newClient(t).get(p, path); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
	if err := server.Resume(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for status := 0; status != http.StatusOK; status, _ = alice.get(p, garrigue+"/emails") {
		if time.Since(began) > 5*time.Second {
			t.Fatalf("5 s after the database returned: %d\n%s", status, p.logged())
		}
	}
}
