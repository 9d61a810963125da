package handlers_test

import (
	"bufio"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"example.org/mandat/handlers"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// A hostile client writes what it likes: these requests go over the wire as
// they stand, from somebody who is signed in and may do what they ask for.

const formType = "application/x-www-form-urlencoded"

// wire sends a request that no client library would.
func (m *stage) wire(t testing.TB, by person, method, target, contentType, body string, headers ...string) *answer {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nAccept-Language: en\r\nContent-Length: %d\r\n", method, target, strings.TrimPrefix(m.url, "http://"), len(body))
	if token := m.tokens[by.identifier]; token != "" {
		fmt.Fprintf(&b, "Cookie: mandat=%s\r\n", token)
	}
	if contentType != "" {
		fmt.Fprintf(&b, "Content-Type: %s\r\n", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(m.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { _, _ = conn.Write([]byte(b.String() + "\r\n" + body)) }() // the panel may have answered before the end
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %.80s: %v", method, target, err)
	}
	return answerOf(t, response)
}

// leaks are texts that only programmers should see.
var leaks = []string{
	"sqlstate ", "gorm.io", "sqlite: ", "failed to connect", "no such table", "syntax error", "violates ", "constraint ", "duplicate key", "invalid input", "strconv.", "runtime error",
	"goroutine ", "panic:", "deadline exceeded", "context canceled", ".go:", "/home/", "/tmp/", "/work/", "unexpected eof",
}

// wantOurs says that an answer is one of these, and a page, a panel or a message of ours.
func wantOurs(t testing.TB, what string, a *answer, statuses ...int) {
	t.Helper()
	if !slices.Contains(statuses, a.status) {
		t.Errorf("%s: %d, want one of %v\n%.300s", what, a.status, statuses, a.text("main, .panel, .message"))
	}
	said := strings.ToLower(a.body)
	for _, leak := range leaks {
		if strings.Contains(said, leak) {
			t.Errorf("%s: the answer says %q", what, leak)
		}
	}
	if strings.Contains(a.body, "<script>alert") || strings.Contains(a.body, "<img src=x") {
		t.Errorf("%s: the answer has what was typed as markup", what)
	}
	if a.header.Get("Injected") != "" {
		t.Errorf("%s: the answer has a header that was typed", what)
	}
	if a.status >= 400 && a.status != http.StatusUnauthorized {
		page := a.Find("html > head > title").Length() == 1 && a.Find("main h1").Length() == 1
		fragment := strings.HasPrefix(a.body, "<") && a.Find(".panel, .message").Length() > 0
		if !page && !fragment || a.header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %d, but no page of ours: %.200s", what, a.status, a.body)
		}
	}
}

// A target is a change that its person may make: the form as their page has it.
type target struct {
	entry
	object string
	by     person
	at     string // path
	form   url.Values
	asks   bool // its answer is a page: it changes nothing, or must lead nowhere
}

// acts says that the target answered that it did something, nothing more is to
// do, or what was asked.
func (to target) acts(a *answer) bool {
	return acts(a) || to.asks && a.status == http.StatusOK
}

// targets has one for each route that takes a form.
func (m *stage) targets(t testing.TB) (list []target) {
	t.Helper()
	seen := map[string]bool{}
	for _, e := range readMatrix(t) {
		for _, l := range e.lines {
			for i, cell := range l.cells {
				asks := cell == "200" || cell == "acted"
				if e.method != http.MethodPost || seen[e.route()] || !asks && cell != "done" && cell != "303" && cell != "out" || e.writes != nil && cell != "done" && cell != "acted" {
					continue
				}
				seen[e.route()] = true
				form, _ := m.formFor(t, e, l.object, people[i])
				list = append(list, target{e, l.object, people[i], m.fill(e.path, l.object), form, asks})
			}
		}
	}
	return list
}

// acts says that the target answered that it did something, or nothing more is to do.
func acts(a *answer) bool { return a.status == http.StatusSeeOther }

// wantNoTrace says that nothing changed but counts: of guesses at passwords and
// identifiers, and of the form, which has acted when it was answered about each of several people.
func (m *stage) wantNoTrace(t *testing.T, what string) {
	t.Helper()
	for _, line := range m.was.changed(rowsOf(t, m.World)) {
		if table, _, _ := strings.Cut(line[2:], " "); table != "throttles" && table != "submissions" {
			t.Errorf("%s: %s", what, line)
		}
	}
}

func TestAMalformedFormChangesNothing(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		for _, to := range m.targets(t) {
			good := to.form.Encode()
			type body struct {
				what, kind, text string
				status           int
			}
			bodies := []body{
				{"without a type", "", good, 400},
				{"as JSON", "application/json", `{"submission":"x"}`, 400},
				{"as multipart", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"submission\"\r\n\r\ny\r\n--x--\r\n", 400},
				{"as text", "text/plain", good, 400},
				{"with a type that is none", "application/x-www-form-urlencoded; =", good, 400},
				{"with a bad escape", formType, good + "&x=%zz", 400},
				{"with half an escape", formType, good + "&x=%4", 400},
				{"with semicolons", formType, strings.ReplaceAll(good+"&x=1", "&", ";"), 400},
				{"in UTF-16", formType, inUTF16(good), 400},
				{"with a field of NUL", formType, good + "&%00=1", 400},
				{"with a field of ours that is not on it", formType, good + "&owner_id=1", 400},
				{"with the id of another object", formType, good + "&id=1&grant_id=1&service_id=1", 400},
				{"with another method", formType, good + "&_method=DELETE", 400},
				{"with 10,000 fields", formType, good + manyFields(10_000), 400},
				{"of 2 MB", formType, good + "&description=" + strings.Repeat("a", 2<<20), 413},
				{"of 2 MB that begins with nonsense", formType, strings.Repeat("%zz", 700_000), 413},
			}
			for name := range to.form {
				single, malformed := to.form.Get(name), 400
				if to.asks && name == "message" { // which others wrote
					malformed = 200
				}
				bodies = append(bodies,
					body{name + " that is no UTF-8", formType, with(to.form, name, single+"X: \xff\xfe").Encode(), malformed},
					body{name + " with NUL", formType, with(to.form, name, single+"X: \x00").Encode(), malformed},
					body{name + " with a bad escape", formType, good + "&" + name + "=%", 400},
				)
				if name != "extras" && name != "accounts" && name != "folders" && !(name == "identifiers" && strings.HasSuffix(to.path, "/accounts/revocation")) && !(name == "members" && strings.HasSuffix(to.path, "/removal")) { // which may come several times
					bodies = append(bodies, body{name + " twice", formType, good + "&" + name + "=" + url.QueryEscape(single), 400})
				}
			}
			for _, b := range bodies {
				what := fmt.Sprintf("%s %s", to.route(), b.what)
				a := m.wire(t, to.by, http.MethodPost, to.at, b.kind, b.text)
				wantOurs(t, what, a, b.status)
				a = m.wire(t, to.by, http.MethodPost, to.at, b.kind, b.text, "HX-Request", "true", "HX-Target", "dialog#panel")
				wantOurs(t, what+" in the panel", a, b.status)
			}
			m.was.wantSame(t, w, to.route()+" with malformed forms")
		}
	})
}

func inUTF16(text string) string {
	b := []byte("\xff\xfe")
	for _, u := range utf16.Encode([]rune(text)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return string(b)
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "&f%d=1", i)
	}
	return b.String()
}

func with(form url.Values, name string, values ...string) url.Values {
	out := url.Values{}
	for n, v := range form {
		out[n] = v
	}
	out[name] = values
	return out
}

// nasty are texts that have broken programs before. None of them is malformed.
var nasty = []string{
	"", " ", "'", `"`, `\`, "'; DROP TABLE accounts; --", "' OR '1'='1", "%' OR 1=1 --", "$1", "?", "@now", "%s%n%d",
	"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "{{7*7}}", "</textarea><script>alert(1)</script>", "javascript:alert(1)", "&lt;&amp;",
	"../../../../etc/passwd", "/etc/passwd", "//evil.example", `\\evil.example`, "\r\nInjected: yes\r\n\r\nx", "a\tb\nc\vd\be",
	"-1", "0", "00", "1e400", "NaN", "Infinity", "0x10", "1_000", "٣", "9223372036854775808", "99999999999999999999999999", "2.5.5", "1,5", "0,0000000001",
	"2026-02-30", "0000-00-00", "9999-12-31", "-0001-01-01", "+292277026596-12-04", "2030-01-01T00:00:00Z",
	"é", "e\u0301", "İ", "ß", "ﬀ", "\u202egrub", "\ufeffbom", "a\u200bb", "💌", "\U0010ffff", "\ufffd", "xn--", "xn--a", "a@b@c", "@", "*@*", "a..b@c", "null", "undefined", "true",
	"contact@garrigue.example", "hello@nguyen-velos.example", strings.Repeat("a", 100_000), "/" + strings.Repeat("é ", 50_000), strings.Repeat("<", 1_000),
}

// A field holds any text: it is stored and shown as that text, or refused.
func TestAFieldHoldsAnyText(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		fields := 0
		for _, to := range m.targets(t) {
			for _, name := range slices.Sorted(maps.Keys(to.form)) {
				if name == "submission" {
					continue
				}
				fields++
				for _, text := range some(nasty, fields+apart(w), 8) {
					what := fmt.Sprintf("%s with %s %.30q", to.route(), name, text)
					a := m.wire(t, to.by, http.MethodPost, to.at, formType, with(to.form, name, text).Encode())
					statuses := []int{http.StatusSeeOther, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity, http.StatusTooManyRequests}
					if to.asks {
						statuses = []int{http.StatusOK, http.StatusUnprocessableEntity}
					}
					wantOurs(t, what, a, statuses...)
					if to.asks && to.writes != nil && a.status == http.StatusOK {
						m.restore()
					}
					if !acts(a) {
						continue
					}
					if a.location != "/sign-in" {
						shown := m.wire(t, to.by, http.MethodGet, a.location, "", "")
						wantOurs(t, what+", the page after it", shown, http.StatusOK, http.StatusSeeOther, http.StatusBadRequest, http.StatusNotFound)
					}
					m.restore()
				}
				m.wantNoTrace(t, fmt.Sprintf("%s refused with another %s", to.route(), name))
				m.restore()
			}
		}
	})
}

// some of a list is all of it at night. By day it is every k-th, from the n-th on:
// what comes k times with another n each time has all of it.
func some(list []string, n, k int) (part []string) {
	if os.Getenv("MANDAT_NIGHTLY") != "" {
		return list
	}
	for i := n % k; i < len(list); i += k {
		part = append(part, list[i])
	}
	return part
}

// apart is another number on each database, so that by day they try other texts.
func apart(w *modelstest.World) int {
	if strings.HasPrefix(w.URL, "sqlite:") {
		return 4
	}
	return 0
}

// What a page has in its path leads to that object and to nothing else.
func TestAPathHoldsAnyText(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		segments := []string{
			"%00", "garrigue.example%00", "%ff", "%c0%ae%c0%ae", "%ed%a0%80", "..", "%2e%2e", "..%2f..%2fetc%2fpasswd", ".", "%2f", "%20", "contact%20", "%20contact", "contact%0d%0aInjected:%20yes",
			"'%20OR%20'1'='1", "%25", "%25ff", "%3Cscript%3Ealert(1)%3C%2Fscript%3E", "-1", "0", "+1", "1.0", "0x1", "1e3", "%D9%A3", "9223372036854775807", "9223372036854775808", "99999999999999999999",
			"*", ":id", "null", "GARRIGUE.EXAMPLE", "garrigue.example.", "%F0%9F%92%8C", strings.Repeat("a", 10_000), strings.Repeat("%41", 10_000),
		}
		parameters := apart(w)
		for _, r := range handlers.Routes() {
			for _, parameter := range []string{":domain", ":local", ":name", ":id", ":token"} {
				if !strings.Contains(r.Path, parameter) {
					continue
				}
				parameters++
				for _, segment := range some(segments, parameters, 8) {
					path := m.fill(strings.Replace(r.Path, parameter, segment, 1), "contact@garrigue.example")
					what := fmt.Sprintf("%s %.80s", r.Method, path)
					want := []int{http.StatusBadRequest, http.StatusNotFound}
					body := url.Values{"submission": {m.submission(t, alice)}}.Encode()
					if strings.HasPrefix(path, "/password-links") {
						body = ""
					}
					if !r.Changes() {
						body = ""
						wantOurs(t, what+" in the panel", m.wire(t, alice, r.Method, path, "", "", "HX-Request", "true", "HX-Target", "dialog#panel"), want...)
					}
					wantOurs(t, what, m.wire(t, alice, r.Method, path, formType, body), append(want, http.StatusUnprocessableEntity)...)
				}
			}
		}
		m.was.wantSame(t, w, "paths")
	})
}

// queries are the fields that pages read from their query.
var queries = map[string][]string{
	"/sign-in":                                 {"next"},
	"/session/factor":                          {"next"},
	"/history":                                 {"before"},
	"/services":                                {"q", "after", "before", "from", "shared_after", "shared_before", "shared_from"},
	"/services/:domain/history":                {"before", "local"},
	"/services/:domain/emails":                 {"q", "status", "sort", "size", "after", "before", "from", "sort=used&after", "sort=-used&before"},
	"/services/:domain/emails.csv":             {"q", "status", "sort", "accounts", "accounts=contact@garrigue.example&accounts"},
	"/services/:domain/accounts/description":   {"accounts"},
	"/services/:domain/accounts/size":          {"accounts"},
	"/services/:domain/accounts/block":         {"accounts"},
	"/services/:domain/accounts/unblock":       {"accounts"},
	"/services/:domain/accounts/revocation":    {"accounts"},
	"/services/:domain/grants":                 {"after"},
	"/services/:domain/emails/:local/grants":   {"after"},
	"/grants/new":                              {"accounts"},
	"/identifiers":                             {"q", "identifiers", "domain", "local", "domain=garrigue.example&local"},
	"/services/:domain/lists":                  {"q", "after", "before", "from"},
	"/services/:domain/redirections":           {"q", "after", "before", "from"},
	"/services/:domain/redirections.csv":       {"q", "after", "before", "from"},
	"/services/:domain/lists/:name/members":    {"q", "after", "before", "from"},
	"/services/:domain/lists/:name/moderators": {"q", "after", "before", "from"},
	"/services/:domain/lists/:name/messages":   {"before"},
}

// A query is read strictly where it is read at all.
func TestAQueryHoldsAnyText(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		fields := 0
		bad := []string{"%00=1", "q=%00", "q=%ff", "q=%zz", "%zz", "q=%", "a=1;b=2", "%ff=1"}
		for _, e := range readMatrix(t) {
			if e.method != http.MethodGet {
				continue
			}
			l := e.lines[0]
			by := people[max(0, slices.Index(l.cells, "200"))]
			path, query := m.fill(e.path, l.object), m.fill(e.query, l.object)
			if query != "" {
				query += "&"
			}
			for _, b := range bad {
				what := fmt.Sprintf("GET %s?%s%s", path, query, b)
				wantOurs(t, what, m.wire(t, by, http.MethodGet, path+"?"+query+b, "", ""), http.StatusBadRequest)
				wantOurs(t, what+" in the panel", m.wire(t, by, http.MethodGet, path+"?"+query+b, "", "", "HX-Request", "true", "HX-Target", "dialog#panel"), http.StatusBadRequest)
			}
			for _, name := range append(queries[e.path], "x") {
				fields++
				for _, text := range some(nasty, fields, 4) {
					if len(text) > 20_000 {
						text = text[:20_000]
					}
					what := fmt.Sprintf("GET %s?%s%s=%.30q", path, query, name, text)
					a := m.wire(t, by, http.MethodGet, path+"?"+query+name+"="+url.QueryEscape(text), "", "")
					wantOurs(t, what, a, http.StatusOK, http.StatusSeeOther, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity)
				}
			}
			wantOurs(t, path, m.wire(t, by, http.MethodGet, path+"?"+query+manyFields(2_000)[1:], "", ""), http.StatusOK, http.StatusSeeOther, http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity)
		}
		m.was.wantSame(t, w, "queries")
	})
}

// A method that a path does not have changes nothing, whatever it is called.
func TestOtherMethodsAreRefused(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		methods := map[string][]string{}
		for _, r := range handlers.Routes() {
			methods[r.Path] = append(methods[r.Path], r.Method)
		}
		for path, has := range methods {
			at := m.fill(strings.Replace(path, ":id", "1", 1), "contact@garrigue.example")
			for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW", "post"} {
				if slices.Contains(has, method) {
					continue
				}
				a := m.wire(t, alice, method, at, formType, "submission="+m.submission(t, alice))
				want := []int{http.StatusMethodNotAllowed, http.StatusNotFound, http.StatusForbidden}
				if method == "OPTIONS" {
					want = append(want, http.StatusNoContent)
				}
				wantOurs(t, method+" "+at, a, want...)
			}
			if head := m.wire(t, alice, "HEAD", at, "", ""); head.status >= 500 || head.body != "" {
				t.Errorf("HEAD %s: %d with %d bytes", at, head.status, len(head.body))
			}
		}
		m.was.wantSame(t, w, "other methods")
	})
}

// What is in a form never reaches past what its page could have had.
func TestAFormReachesNoFurtherThanItsPage(t *testing.T) {
	const devis, contact = "devis@" + cast.Atelier, "contact@" + cast.Garrigue
	extras := func(x policy.Extra) string {
		return fmt.Sprintf("SELECT count(*) FROM grants WHERE ended_at IS NULL AND extras = %d AND grantee_id = (SELECT id FROM customers WHERE identifier = 'ep1005-mdt')", x)
	}
	cases := []struct {
		what   string
		by     person
		path   string
		form   url.Values
		status int
		holds  string // a count that is one afterwards
	}{
		{"accounts of two services", alice, "/grants", url.Values{"accounts": {contact, "hello@" + cast.Velos}, "identifiers": {cast.Emma}}, 422, ""},
		{"accounts of a service of others among one's own", alice, "/grants", url.Values{"accounts": {"hello@" + cast.Velos}, "identifiers": {cast.Emma}}, 404, ""},
		{"a service that one holds otherwise", bruno, "/grants", url.Values{"accounts": {devis, contact}, "identifiers": {cast.Emma}}, 422, ""},
		{"an account of another of one's services", alice, "/services/" + cast.Atelier + "/emails/contact", url.Values{"description": {"x"}, "version": {"1"}}, 404, ""},
		{"an account of another owner in one's own service", alice, "/services/" + cast.Garrigue + "/emails/hello/block", nil, 404, ""},
		{"a size, by who may only describe", chloe, "/services/" + cast.Garrigue + "/emails/contact", url.Values{"description": {"x"}, "size_gb": {"1"}, "version": {"1"}}, 403, ""},
		{"a password, by who may not set any", bruno, "/services/" + cast.Atelier + "/emails", url.Values{"local": {"neuve"}, "password": {"citron-brume-1987"}, "password_again": {"citron-brume-1987"}}, 403, ""},
		{"an extra that the giver has not", bruno, "/services/" + cast.Atelier + "/emails/devis/grants", url.Values{"identifiers": {cast.Emma}, "extras": {"password", "delegate", "responder"}}, 303, extras(policy.Responder)}, // which every holder of the service has
		{"an extra that no account grant has", alice, "/services/" + cast.Garrigue + "/emails/contact/grants", url.Values{"identifiers": {cast.Emma}, "extras": {"delegate", "password"}}, 303, extras(policy.Password)},
		{"an extra that nobody knows", alice, "/services/" + cast.Garrigue + "/emails/contact/grants", url.Values{"identifiers": {cast.Emma}, "extras": {"everything"}}, 400, ""},
		{"an address in the query instead", alice, "/services/" + cast.Garrigue + "/emails?local=autre", url.Values{"description": {"x"}}, 422, ""},
		{"oneself", alice, "/services/" + cast.Garrigue + "/grants", url.Values{"identifiers": {cast.Alice}}, 422, ""},
		{"501 accounts", alice, "/grants", url.Values{"accounts": manyAccounts(501), "identifiers": {cast.Emma}}, 422, ""},
		{"9,000 accounts", alice, "/grants", url.Values{"accounts": manyAccounts(9_000), "identifiers": {cast.Emma}}, 422, ""},
		{"several of another service than the path's", alice, "/services/" + cast.Garrigue + "/accounts/block", url.Values{"accounts": {devis}}, 422, ""},
		{"several of two services", alice, "/services/" + cast.Garrigue + "/accounts/block", url.Values{"accounts": {contact, devis}}, 422, ""},
		{"several of a service of others", alice, "/services/" + cast.Velos + "/accounts/block", url.Values{"accounts": {"hello@" + cast.Velos}}, 404, ""},
		{"several of others in one's own service", alice, "/services/" + cast.Garrigue + "/accounts/description", url.Values{"accounts": {"hello@" + cast.Garrigue}, "description": {"x"}}, 422, ""},
		{"none of several", alice, "/services/" + cast.Garrigue + "/accounts/unblock", nil, 422, ""},
		{"several that are no addresses", alice, "/services/" + cast.Garrigue + "/accounts/unblock", url.Values{"accounts": {"contact"}}, 400, ""},
		{"501 to block", alice, "/services/" + cast.Garrigue + "/accounts/block", url.Values{"accounts": manyAccounts(501)}, 422, ""},
		{"500 that are not there", alice, "/services/" + cast.Garrigue + "/accounts/size", url.Values{"accounts": manyAccounts(500), "size_gb": {"1"}}, 422, ""},
		{"a size with a description", alice, "/services/" + cast.Garrigue + "/accounts/description", url.Values{"accounts": {contact}, "description": {"x"}, "size_gb": {"1"}}, 400, ""},
		{"a size of several, by who may only describe", chloe, "/services/" + cast.Garrigue + "/accounts/size", url.Values{"accounts": {contact}, "size_gb": {"1"}}, 403, ""},
		{"an account of others among one's own", chloe, "/services/" + cast.Garrigue + "/accounts/description", url.Values{"accounts": {"rh@" + cast.Garrigue}, "description": {"x"}}, 422, ""},
		{"to revoke on several, by who holds them", chloe, "/services/" + cast.Garrigue + "/accounts/revocation", url.Values{"accounts": {contact}, "identifiers": {cast.Chloe}}, 403, ""},
		{"to revoke from 201 people", alice, "/services/" + cast.Garrigue + "/accounts/revocation", url.Values{"accounts": {contact}, "identifiers": strings.Fields(strangers(201))}, 422, ""},
		{"to lead elsewhere afterwards", alice, "/services/" + cast.Garrigue + "/accounts/unblock", url.Values{"accounts": {contact}, "list": {"//evil.example/"}}, 303, ""},
		{"21 identifiers", alice, "/services/" + cast.Garrigue + "/grants", url.Values{"identifiers": {strangers(21)}}, 422, ""},
		{"100,000 identifiers", alice, "/services/" + cast.Garrigue + "/grants", url.Values{"identifiers": {strangers(100_000)[:900_000]}}, 422, ""},
		{"an access until the year 9999", alice, "/services/" + cast.Garrigue + "/grants", url.Values{"identifiers": {cast.Emma}, "expires_on": {"9999-12-31"}}, 422, ""},
		{"an access until yesterday", alice, "/services/" + cast.Garrigue + "/grants", url.Values{"identifiers": {cast.Emma}, "expires_on": {"2020-01-01"}}, 422, ""},
	}
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		for _, c := range cases {
			form := with(c.form, "submission", m.submission(t, c.by))
			a := m.wire(t, c.by, http.MethodPost, c.path, formType, form.Encode())
			wantOurs(t, c.what, a, c.status)
			if c.holds != "" && w.Int(t, c.holds) != 1 {
				t.Errorf("%s: not one of %s", c.what, c.holds)
			}
			if !acts(a) {
				m.wantNoTrace(t, c.what)
			}
			m.restore()
		}
	})
}

func manyAccounts(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("a%d@%s", i, cast.Garrigue)
	}
	return list
}

// Headers hold anything too.
func TestHeadersHoldAnyText(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		long := strings.Repeat("a", 20_000)
		for _, headers := range [][]string{
			{"Accept-Language", strings.Repeat("xx-XX;q=0.1,", 1000)},
			{"Accept-Language", "\xff\xfe"},
			{"Accept-Language", ";;;=,q"},
			{"Cookie", "lang=\xff; theme=<script>; mandat=%00; mandat-device=" + long},
			{"Cookie", strings.Repeat("a=b; ", 2000)},
			{"Cookie", `mandat="quoted"; mandat=twice`},
			{"Referer", "http://" + long},
			{"Referer", "://%zz"},
			{"Referer", m.url + "/<script>alert(1)</script>"},
			{"User-Agent", "\xff\xfe" + long},
			{"X-Forwarded-For", "' OR 1=1, \xff"},
			{"HX-Request", "true", "HX-Target", long},
			{"HX-Request", "<script>", "HX-Current-URL", "\xff"},
			{"Accept-Encoding", long},
			{"X-Request-Id", "mine"},
			{"X-HTTP-Method-Override", "DELETE"},
			{"Range", "bytes=0-1"},
			{"If-None-Match", "*"},
		} {
			for _, path := range []string{"/sign-in", "/services", "/services/garrigue.example/emails", "/no-such-page", "/services/nobody.example"} {
				what := fmt.Sprintf("GET %s with %.60q", path, headers)
				a := m.wire(t, alice, http.MethodGet, path, "", "", headers...)
				wantOurs(t, what, a, http.StatusOK, http.StatusSeeOther, http.StatusUnauthorized, http.StatusNotFound)
				if a.header.Get("X-Request-Id") == "mine" {
					t.Error("the reference of a request is the client's")
				}
			}
			signIn := url.Values{"identifier": {cast.Emma}, "password": {cast.Password}}.Encode()
			wantOurs(t, fmt.Sprintf("POST /session with %.60q", headers), m.wire(t, person{}, http.MethodPost, "/session", formType, signIn, headers...), http.StatusSeeOther)
			m.restore()
		}
	})
}

// strangers are identifiers that nobody has.
func strangers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " zz%d-mdt", i)
	}
	return b.String()
}
