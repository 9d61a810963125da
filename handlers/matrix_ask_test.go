package handlers_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// keep makes a request that must leave every row as it was; whoever calls it looks.
func (m *stage) keep(t *testing.T, what string, e entry, object string, by person, cell string) *answer {
	t.Helper()
	a, offered := m.ask(t, e, object, by)
	wantCell(t, what, a, cell)
	if offered && cell == "403" {
		t.Errorf("%s: the page offers what the answer refuses", what)
	}
	return a
}

// change makes a request that acts.
func (m *stage) change(t *testing.T, what string, e entry, object string, by person, cell string) *answer {
	t.Helper()
	a, offered := m.ask(t, e, object, by)
	wantCell(t, what, a, cell)
	var wrote, tables []string
	for _, line := range m.was.changed(rowsOf(t, m.World)) {
		table, row, _ := strings.Cut(line[2:], " ")
		if tables = append(tables, table); table == "events" {
			wrote = append(wrote, eventKind.FindStringSubmatch(row)[1])
		}
	}
	switch cell {
	case "done", "acted":
		slices.Sort(wrote)
		want := slices.Sorted(slices.Values(e.writes))
		for len(want) > 0 && strings.HasPrefix(want[0], "(") { // what only some have to end besides
			wrote = slices.DeleteFunc(wrote, func(kind string) bool { return kind == strings.Trim(want[0], "()") })
			want = want[1:]
		}
		if !slices.Equal(wrote, want) {
			t.Errorf("%s wrote the events %q, want %q", what, wrote, want)
		}
		if !offered && (cell == "acted" || strings.HasPrefix(e.from, e.path[:min(len(e.path), 8)])) {
			t.Errorf("%s: %s does not offer it", what, e.from)
		}
	case "303":
		of := []string{"sessions", "submissions"} // a message for the next page, or a new session
		if e.path == "/session" {
			of = append(of, "devices", "throttles")
		}
		if e.path == "/session/oidc" || e.path == "/profile/identities" {
			of = append(of, "identity_requests") // that somebody is on their way
		}
		for _, table := range tables {
			if !slices.Contains(of, table) {
				t.Errorf("%s changed %s", what, table)
			}
		}
	case "out":
		if !slices.Contains(tables, "sessions") {
			t.Errorf("%s ended no session", what)
		}
	}
	return a
}

var eventKind = regexp.MustCompile(`\bkind"?: "?([a-z_.]+)`)

// ask makes the request of a cell. A change is sent as its page has it when the
// person is shown that page, and with a submission of theirs when not; offered
// says which.
func (m *stage) ask(t *testing.T, e entry, object string, by person) (a *answer, offered bool) {
	t.Helper()
	v := m.visit(t, by)
	path := m.fill(e.path, object)
	if e.query != "" {
		path += "?" + m.fill(e.query, object)
	}
	if e.method == http.MethodGet {
		return v.get(path), false
	}
	form, offered := m.formFor(t, e, object, by)
	return v.post(path, form), offered
}

// formFor is the form of a change as its page has it, filled in; when the person
// is not shown it, what is filled in and a submission of theirs.
func (m *stage) formFor(t testing.TB, e entry, object string, by person) (form url.Values, offered bool) {
	t.Helper()
	fill, err := url.ParseQuery(m.fill(e.fill, object))
	if err != nil {
		t.Fatal(err)
	}
	form = url.Values{"submission": {m.submission(t, by)}}
	var shownSecret string // which a person would have an app show the code of
	if e.from != "" {
		if page := m.visit(t, by).get(m.fill(e.from, object)); page.status == http.StatusOK {
			if shown := page.form(m.fill(e.path, object)); shown != nil {
				form, offered = formValues(shown), true
				shownSecret = strings.ReplaceAll(page.text("#secret"), " ", "")
			}
		}
	}
	maps.Copy(form, fill)
	if secret := shownSecret; secret != "" {
		form.Set("code", m.code(t, secret, 0))
	}
	return form, offered
}

// submission is a fresh one of a person's session, "" for nobody.
func (m *stage) submission(t testing.TB, by person) string {
	t.Helper()
	return m.visit(t, by).get("/no-such-page").submission()
}

func wantCell(t *testing.T, what string, a *answer, cell string) {
	t.Helper()
	got := strconv.Itoa(a.status)
	toSignIn := a.status == http.StatusSeeOther && (a.location == "/sign-in" || strings.HasPrefix(a.location, "/sign-in?"))
	switch cell {
	case "in", "out":
		if !toSignIn {
			t.Errorf("%s: %s to %q, want to sign in\n%s", what, got, a.location, a.text("main"))
		}
	case "done":
		if a.status != http.StatusSeeOther {
			t.Errorf("%s: %s, want 303\n%s", what, got, a.text("main"))
		}
	case "acted":
		if a.status != http.StatusOK {
			t.Errorf("%s: %s, want 200\n%s", what, got, a.text("main"))
		}
	default:
		if got != cell || toSignIn {
			t.Errorf("%s: %s to %q, want %s\n%s", what, got, a.location, cell, a.text("main"))
		}
	}
}

// The headers of every answer (R24), whatever became of the request.
var everyHeader = map[string]string{
	"Content-Security-Policy":      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":       "nosniff",
	"Referrer-Policy":              "same-origin",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Permissions-Policy":           "camera=(), geolocation=(), microphone=(), payment=()",
	"Cache-Control":                "no-store",
}

func wantHeaders(t testing.TB, what string, a *answer) {
	t.Helper()
	for name, want := range everyHeader {
		if got := a.header.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: header %s is %q, want %q", what, name, got, want)
		}
	}
	for _, name := range []string{"Cookie", "Accept-Language", "HX-Request"} {
		if !strings.Contains(strings.Join(a.header.Values("Vary"), ", "), name) {
			t.Errorf("%s: Vary lacks %s", what, name)
		}
	}
	if a.header.Get("X-Request-Id") == "" {
		t.Errorf("%s: no X-Request-Id", what)
	}
	if strings.HasPrefix(a.body, "<") && !strings.EqualFold(a.header.Get("Content-Type"), "text/html; charset=utf-8") {
		t.Errorf("%s: Content-Type %q", what, a.header.Get("Content-Type"))
	}
}

// withoutChance is an answer without what differs between any two: submissions,
// its reference, the time and the length of its packing.
func withoutChance(a *answer) string {
	header := a.header.Clone()
	for _, name := range []string{"Date", "X-Request-Id", "Content-Length"} {
		header.Del(name)
	}
	var b strings.Builder
	fmt.Fprintln(&b, a.status)
	_ = header.Write(&b) // to a string
	b.WriteString(aSubmission.ReplaceAllString(a.body, "submission"))
	return b.String()
}

var aSubmission = regexp.MustCompile(`name="submission" value="[^"]*"|[A-Za-z0-9_-]{43}`)
