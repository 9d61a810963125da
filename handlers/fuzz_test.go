package handlers_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"example.org/mandat/handlers"
	"example.org/mandat/handlers/oidc/oidctest"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// FuzzRequests sends anything to any route, as somebody who owns one service and
// not another, as staff of three kinds, and as nobody: the answer is a page of
// ours, what is out of reach stays as it is, and so does everything where no
// form of a page was sent. Each request meets the same world.
//
// What a world has made up, such as the code of a provider, stands in the texts
// by its name in brackets, as {code}.
func FuzzRequests(f *testing.F) {
	routes := handlers.Routes()
	for i, r := range routes {
		f.Add(uint8(i), "garrigue.example", "contact", "", "local=a&description=b", uint8(i), uint8(i), browser)
		f.Add(uint8(i), "nguyen-velos.example", "hello", "q=a&sort=used&after=1.a&before=9&size=50", "description=&size_gb=1%2C5&version=1", uint8(0), uint8(ownsIt), "")
		if r.Changes() {
			f.Add(uint8(i), "garrigue.example", "1", "", "identifiers=ep1005-mdt%0Azz9-mdt&extras=password&extras=delegate&expires_on=2030-02-28&note=n", uint8(1), uint8(ownsIt), "")
			f.Add(uint8(i), "garrigue.example", "%00", "%zz", "%", uint8(2), uint8(changes), "mandat-device=\xff; lang=\"; theme==;")
			f.Add(uint8(i), "%ff", "..", "accounts=hello%40nguyen-velos.example", "accounts=hello%40nguyen-velos.example&identifiers=ep1005-mdt", uint8(3), uint8(ownsIt), "")
		}
	}
	addForms(f, routes)
	worlds := []*fuzzed{newFuzzed(f, modelstest.OnPostgres(f)), newFuzzed(f, modelstest.OnSQLite(f))}
	f.Fuzz(func(t *testing.T, route uint8, first, second, query, body string, kind, who uint8, cookies string) {
		r := routes[int(route)%len(routes)]
		path := strings.NewReplacer(":domain", first, ":local", second, ":name", second, ":id", second, ":token", first).Replace(r.Path)
		for _, w := range worlds {
			w.ask(t, request{r, path, query, body, cookies, kind, int(who) % askers})
		}
	})
}

// browser has every cookie that the panel gives.
const browser = "mandat-device={device}; mandat-trusted=x; mandat-sign-in={pending}; mandat-oidc={oidc}; mandat-passkey={passkey}; lang=fr; theme=dark"

// addForms adds what is sent where a session begins, and by staff, from each who
// asks, and each form of the matrix as its page sends it, and without its page.
func addForms(f *testing.F, routes []handlers.Route) {
	for _, form := range []struct{ route, first, query, body string }{
		{"/session", "", "", "identifier=ep1005-mdt&password=tilleul-orage-2026&next=/profile"},
		{"/session/passkey/challenge", "", "", ""},
		{"/session/factor/challenge", "", "", ""},
		{"/session/passkey", "", "", "passkey={signed}&next=/services"},
		{"/session/factor", "", "next=/services", "code=123456&trust=on"},
		{"/session/oidc", "", "", "next=/services&again=1"},
		{"/session/oidc/callback", "", "code={code}&state={state}&iss={issuer}", "code={code}&state={state}&iss={issuer}"},
		{"/password-links/:token", "{link}", "", "password=citron-brume-1987&password_again=citron-brume-1987"},
		{"/unsubscriptions/:token", "{unsubscribe}", "", "List-Unsubscribe=One-Click"},
		{"/profile/passkeys/challenge", "", "", "name=Mobile"},
		{"/profile/passkeys", "", "", "name=Mobile&passkey={signed}"},
		{"/support", "", "q=durand", ""},
		{"/assistances/new", "", "customer=bm1002-mdt", ""},
		{"/assistances", "", "", "customer=ad1001-mdt&reason=Une+bonne+raison&ticket=T-1&code=12345678&emergency=on"},
		{"/assistances/change", "", "", "proof=tilleul-orage-2026&proof_passkey={signed}"},
	} {
		for i, r := range routes {
			for who := range askers {
				if r.Path == form.route {
					f.Add(uint8(i), form.first, "1", form.query, form.body, uint8(0), uint8(who), browser)
				}
			}
		}
	}
	object := strings.NewReplacer(":domain", cast.Garrigue, ":address", "contact@"+cast.Garrigue, ":local", "contact", ":name", "equipe", ":id", "1")
	for _, e := range readMatrix(f) {
		for i, r := range routes {
			if r.Changes() && e.route() == r.Method+" "+r.Path {
				second := "1"
				if strings.Contains(r.Path, ":name") {
					second = "equipe"
				} else if strings.Contains(r.Path, ":local") {
					second = "contact"
				}
				f.Add(uint8(i), cast.Garrigue, second, "", object.Replace(e.fill), uint8(0), uint8(ownsIt+i%2*(changes-ownsIt)), browser)
				f.Add(uint8(i), cast.Garrigue, second, "", object.Replace(e.fill), uint8(withoutSubmission), uint8(ownsIt), browser)
			}
		}
	}
}

// Who asks.
const (
	isNobody = iota
	ownsIt   // Alice
	looks    // an agent who acts for her
	changes  // another, who may change things
	waits    // an agent for whom the customer has not answered yet
	askers   // how many those are
)

// Bits of the kind of a request.
const (
	withoutSubmission = 64
	inPanel           = 128
)

// fuzzed is a panel asked without a network.
type fuzzed struct {
	*site
	provider *oidctest.Provider
	tokens   [askers]string    // of their sessions
	made     map[string]string // what this world has made up, by what stands for it
	there    string            // where the provider is asked for a code
	log      lastLine
	was      written
	restore  func()
}

// lastLine keeps the newest line of a log.
type lastLine struct {
	mu   sync.Mutex
	text string
}

func (l *lastLine) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = string(b)
	return len(b), nil
}

// outside is the test that a world was made for, while its target runs: there
// its own methods panic.
type outside struct{ testing.TB }

func (outside) Helper()                      {}
func (outside) Context() context.Context     { return context.Background() }
func (outside) Fatalf(text string, a ...any) { panic(fmt.Sprintf(text, a...)) }

func newFuzzed(f *testing.F, w *modelstest.World) *fuzzed {
	f.Helper()
	out := &fuzzed{provider: oidctest.Serve(f, w.Store.Now), made: map[string]string{}}
	out.site = newSite(f, w, signsOn(out.provider, nil), func(c *handlers.Config) { c.Log = slog.New(slog.NewTextHandler(&out.log, nil)) })
	out.people(f)
	out.secrets(f)
	w.Clock.Stop() // what they have is good until the end
	w.Exec(f, "UPDATE sessions SET proved_at = expires_at")
	lastLong(f, w)
	out.was, out.restore = out.written(f), w.Keep(outside{f})
	return out
}

// people signs in whoever asks.
func (w *fuzzed) people(f *testing.F) {
	f.Helper()
	w.tokens[ownsIt] = cookieOf(f, w.as(f, cast.Alice), "mandat")
	for who, mode := range map[int]policy.Mode{looks: policy.Look, changes: policy.Change} {
		agent, token := w.Agent(f, fmt.Sprintf("agent-%d", who), models.RoleAgent)
		w.Acts(f, agent, cast.Alice, mode)
		w.Exec(f, "UPDATE consents SET ended_at = created_at WHERE ended_at IS NULL") // the next window would end what rests on this one
		w.tokens[who] = token
	}
	agent, token := w.Agent(f, "wait-support", models.RoleAgent)
	if _, err := w.Store.AskAssistance(f.Context(), agent, models.NewAssistance{Customer: cast.David, Reason: modelstest.Reason, Ticket: modelstest.Ticket}); err != nil {
		f.Fatal(err)
	}
	w.tokens[waits] = token
}

// secrets has the world make one of each that a request may bring along.
func (w *fuzzed) secrets(f *testing.F) {
	f.Helper()
	w.linkWith(f, cast.Alice, "f81d4fae", w.provider)
	w.provider.Is(oidctest.Claims{"sub": "f81d4fae"})
	link, _, err := w.Store.NewPasswordLink(f.Context(), cast.Emma)
	if err != nil {
		f.Fatal(err)
	}
	w.ListLink(f, equipeAddress, "david@"+cast.Velos, "left")

	key := w.authenticator()
	alice := w.as(f, cast.Alice)
	alice.addPasskey(key, "Bureau")
	arriving := w.visit(f)
	signed := arriving.passkeyProof(key).Get("passkey")
	sam := w.visit(f)
	sam.post("/session", url.Values{"identifier": {cast.Sam}, "password": {cast.Password}})
	leaving := w.visit(f)
	there, back := leaving.depart(leaving.get("/sign-in"), "/session/oidc", w.provider)
	w.there = there
	w.made = map[string]string{
		"{link}": link, "{unsubscribe}": "left", "{device}": cookieOf(f, alice, "mandat-device"), "{pending}": cookieOf(f, sam, "mandat-sign-in"),
		"{passkey}": cookieOf(f, arriving, "mandat-passkey"), "{signed}": signed,
		"{oidc}": cookieOf(f, leaving, "mandat-oidc"), "{state}": back.Query().Get("state"), "{issuer}": w.provider.Issuer,
	}
}

// written counts events: of all, of the service that Alice has no part in, of any service.
type written struct{ all, others, services int }

func (w *fuzzed) written(t testing.TB) (n written) {
	t.Helper()
	const query = "SELECT count(*), count(CASE WHEN service_id = (SELECT id FROM services WHERE domain = '" + cast.Velos + "') THEN 1 END), count(service_id) FROM events"
	if err := w.SQL.QueryRowContext(t.Context(), query).Scan(&n.all, &n.others, &n.services); err != nil {
		t.Fatal(err)
	}
	return n
}

// filled puts what this world has made up into a text.
func (w *fuzzed) filled(t *testing.T, text string, escape func(string) string) string {
	t.Helper()
	if strings.Contains(text, "{code}") { // which is good once
		text = strings.ReplaceAll(text, "{code}", w.provider.Visit(t, w.there).Query().Get("code"))
	}
	for name, value := range w.made {
		text = strings.ReplaceAll(text, name, escape(value))
	}
	return text
}

// submission is a fresh one of who asks, "" for nobody.
func (w *fuzzed) submission(t *testing.T, who int) string {
	t.Helper()
	page := httptest.NewRequest(http.MethodGet, "/no-such-page", nil)
	page.AddCookie(&http.Cookie{Name: "mandat", Value: w.tokens[who]})
	shown := httptest.NewRecorder()
	w.handler.ServeHTTP(shown, page)
	return answerOf(t, shown.Result()).submission()
}

// A request is what was made up for one.
type request struct {
	handlers.Route
	path, query, body, cookies string
	kind                       uint8
	who                        int
}

// bare says that no form of a page was sent.
func (r request) bare() bool {
	return !r.Changes() || r.who == isNobody || r.kind&withoutSubmission != 0
}

// read is the request as a server reads it, nil for what net/http refuses.
func (w *fuzzed) read(t *testing.T, r request) *http.Request {
	t.Helper()
	body := w.filled(t, r.body, url.QueryEscape)
	if !r.bare() {
		body = "submission=" + w.submission(t, r.who) + "&" + body
	}
	types := []string{formType, formType, "application/json", "multipart/form-data; boundary=x", ""}
	raw := fmt.Sprintf("%s %s?%s HTTP/1.1\r\nHost: %s\r\nCookie: mandat=%s; %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", r.Method, w.filled(t, r.path, url.PathEscape), w.filled(t, r.query, url.QueryEscape),
		strings.TrimPrefix(w.url, "http://"), w.tokens[r.who], w.filled(t, r.cookies, url.PathEscape), types[int(r.kind)%64%len(types)], len(body), body)
	sent, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil {
		return nil
	}
	if r.kind&inPanel != 0 {
		sent.Header.Set("HX-Request", "true")
		sent.Header.Set("HX-Target", "dialog#panel")
	}
	return sent
}

func (w *fuzzed) ask(t *testing.T, r request) {
	t.Helper()
	sent := w.read(t, r)
	if sent == nil {
		return
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, sent)
	a := answerOf(t, rec.Result())
	what := fmt.Sprintf("%s %q?%q %q by %d with %q", r.Method, r.path, r.query, r.body, r.who, r.cookies)
	if a.status >= 500 {
		t.Errorf("%s: %d\n%s", what, a.status, w.log.text)
	}
	wantOurs(t, what, a, a.status)
	wantHeaders(t, what, a)
	w.wantWithin(t, what, r)
	if r.Method == http.MethodPost && (a.status < 400 || a.status == http.StatusUnprocessableEntity) || a.status == http.StatusTooManyRequests {
		w.restore()
	}
}

// wantWithin says that a request has changed no more than it may.
func (w *fuzzed) wantWithin(t *testing.T, what string, r request) {
	t.Helper()
	is := w.written(t)
	if is.others != w.was.others {
		t.Errorf("%s: %d events of a service out of reach, had %d", what, is.others, w.was.others)
	}
	if r.Policy.Class == policy.Public { // its secret may be in the path or in a cookie
		return
	}
	if r.who != ownsIt && r.who != changes && is.services != w.was.services {
		t.Errorf("%s: %d events of services, had %d, of somebody who may not change them", what, is.services, w.was.services)
	}
	if r.bare() && is.all != w.was.all {
		t.Errorf("%s: %d events, had %d, and no form was sent", what, is.all, w.was.all)
	}
}
