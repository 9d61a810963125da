package handlers_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// Two scanners that others trust look for what we did not think of: wapiti
// walks the panel and attacks what it finds, sqlmap tries to inject SQL by all
// that pages and forms send. `make scan` runs them, on PostgreSQL and on the
// stage of the matrix, which has one of everything.
//
// A scanner that met closed doors finds nothing, and says so in the same words:
// each test says as well what must have been looked at.

// scanned is the panel as scanners meet it: behind a door that says who asks,
// puts a fresh submission into each form, and finds no request one too many.
type scanned struct {
	*stage
	t       *testing.T
	at      string // where scanners ask
	pending string // the secret of Sam, who is asked for his second factor

	mu      sync.Mutex
	cookies map[string]string
	holds   string                 // a query whose answer changes when who asks is put out
	undoes  bool                   // what a form has done is undone at once
	answers map[string]map[int]int // how often each route gave each status
}

// acting is an agent who acts for Alice and may change things.
var acting = person{"an agent who acts", "agent-support"}

// scannable is the panel, for whom speaksFor says.
func scannable(t *testing.T) *scanned {
	t.Helper()
	if os.Getenv("MANDAT_SCAN") == "" {
		t.Skip("`make scan` runs it")
	}
	t.Parallel() // each scanner computes on one processor
	w := modelstest.OnPostgres(t)
	s := &scanned{t: t, stage: bareStage(t, w), answers: map[string]map[int]int{}}
	agent, token := w.Agent(t, acting.identifier, models.RoleAgent)
	w.Acts(t, agent, cast.Alice, policy.Change)
	s.tokens[acting.identifier] = token
	sam := s.site.visit(t)
	sam.post("/session", url.Values{"identifier": {cast.Sam}, "password": {cast.Password}})
	s.pending = cookieOf(t, sam, "mandat-sign-in")
	lastLong(t, w)
	s.was, s.restore = rowsOf(t, w), w.Keep(t)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.at = server.URL
	return s
}

// speaksFor says who asks from now on, of a world that nobody has touched.
// Nobody is asked for a second factor.
func (s *scanned) speaksFor(by person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.restore()
	s.answers = map[string]map[int]int{}
	s.cookies = map[string]string{"mandat": s.tokens[by.identifier]}
	s.holds = "SELECT count(*) FROM sessions WHERE token_hash = sha256('" + s.tokens[by.identifier] + "')"
	switch by.identifier {
	case "":
		s.cookies = map[string]string{"mandat-sign-in": s.pending}
		s.holds = "SELECT (SELECT count(*) FROM password_links) * 10 - coalesce(sum(tries), 9) FROM sign_ins"
	case acting.identifier:
		s.holds = "SELECT count(*) FROM assistances JOIN sessions ON sessions.id = session_id WHERE ended_at IS NULL AND change_until IS NOT NULL"
	}
}

// ServeHTTP is one request of a scanner, and one at a time.
func (s *scanned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held := s.Int(s.t, s.holds)
	s.Exec(s.t, "DELETE FROM throttles") // scanners ask for more than anybody may
	sent := slices.DeleteFunc(r.Cookies(), func(c *http.Cookie) bool { return s.cookies[c.Name] != "" })
	r.Header.Del("Cookie")
	for _, c := range sent {
		r.AddCookie(c)
	}
	s.speak(r)
	if r.Method == http.MethodPost {
		s.freshen(r)
	}
	route := r.Method + " " + s.routeOf(r)
	ctx, cancel := context.WithTimeout(r.Context(), streamed)
	defer cancel()
	answer := httptest.NewRecorder()
	s.handler.ServeHTTP(answer, r.WithContext(ctx))
	if s.answers[route] == nil {
		s.answers[route] = map[int]int{}
	}
	s.answers[route][inside(r.URL.Path, answer.Code, answer.Header())]++
	if s.undoes && r.Method == http.MethodPost && answer.Code < http.StatusBadRequest || s.Int(s.t, s.holds) != held {
		s.restore()
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // whoever asked may be gone
}

// inside is the status of an answer: 401 where it leads to the page to sign in,
// but from a new password, after which everybody has to.
func inside(path string, status int, header http.Header) int {
	if strings.HasPrefix(header.Get("Location"), "/sign-in") && !strings.HasPrefix(path, "/password-links/") {
		return http.StatusUnauthorized
	}
	return status
}

// streamed is longer than any answer takes but that of a stream, which is cut.
const streamed = 15 * time.Second

// speak adds the cookies of who asks.
func (s *scanned) speak(r *http.Request) {
	for name, value := range s.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
}

// routeOf is the path of the route that answers a request, "" for none.
func (s *scanned) routeOf(r *http.Request) string {
	e := s.handler.(*echo.Echo)
	c := e.NewContext(r, nil)
	e.Router().Find(r.Method, echo.GetPath(r), c)
	return c.Path()
}

var (
	sentSubmission = regexp.MustCompile(`((?:^|&)submission=|name="submission"\r\n\r\n)[^&\r]*`)
	sentVersion    = regexp.MustCompile(`((?:^|&)version=|name="version"\r\n\r\n)\d+`)
)

// freshen gives a form the submission, and the version of what it is about, that
// its page has at this moment: a form acts once, and a scanner sends it a hundred times.
func (s *scanned) freshen(r *http.Request) {
	body, _ := io.ReadAll(r.Body) // what is cut is sent on cut
	page := s.page(r.URL.EscapedPath())
	if page == nil || page.submission() == "" {
		page = s.page("/no-such-page")
	}
	if submission := page.submission(); submission != "" {
		if kind := r.Header.Get("Content-Type"); strings.HasPrefix(kind, formType) && !sentSubmission.Match(body) {
			body = append(body, "&submission="...)
		}
		body = sentSubmission.ReplaceAll(body, []byte("${1}"+submission))
		if form := page.form(r.URL.Path); form != nil && formValues(form).Has("version") {
			body = sentVersion.ReplaceAll(body, []byte("${1}"+formValues(form).Get("version")))
		}
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
}

// page is what who asks is shown at a path, uncounted.
func (s *scanned) page(path string) *answer {
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		return nil
	}
	s.speak(r)
	shown := httptest.NewRecorder()
	s.handler.ServeHTTP(shown, r)
	return answerOf(s.t, shown.Result())
}

// wantSeen says that a route was seen from inside: a page of it was shown, a
// form of it acted or came back with what is wrong with it.
func (s *scanned) wantSeen(t *testing.T, route string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	times := s.answers[route][http.StatusOK]
	if strings.HasPrefix(route, http.MethodPost) {
		times += s.answers[route][http.StatusSeeOther] + s.answers[route][http.StatusUnprocessableEntity]
	}
	if times == 0 {
		t.Errorf("%s was not looked at: it answered %v", route, s.answers[route])
	}
}

// wantNoFault says that every answer was one of a panel that works.
func (s *scanned) wantNoFault(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, route := range slices.Sorted(maps.Keys(s.answers)) {
		for status, n := range s.answers[route] {
			if status >= http.StatusInternalServerError {
				t.Errorf("%s answered %d, %d times", route, status, n)
			}
		}
	}
}

// runScanner runs one for as long as it may take.
func runScanner(t *testing.T, most time.Duration, name string, args ...string) (said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), most)
	defer cancel()
	dir := t.TempDir()
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Env = dir, append(os.Environ(), "HOME="+dir)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
