package handlers_test

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"example.org/mandat/handlers"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// FuzzRequests sends anything to any route, as somebody who owns one service
// and not another: the answer is a page of ours and the other stays as it is.
func FuzzRequests(f *testing.F) {
	routes := handlers.Routes()
	for i, r := range routes {
		f.Add(uint8(i), "garrigue.example", "contact", "", "local=a&description=b", uint8(i))
		f.Add(uint8(i), "nguyen-velos.example", "hello", "q=a&sort=used&after=1.a&before=9&size=50", "description=&size_gb=1%2C5&version=1", uint8(0))
		if r.Changes() {
			f.Add(uint8(i), "garrigue.example", "1", "", "identifiers=ep1005-mdt%0Azz9-mdt&extras=password&extras=delegate&expires_on=2030-02-28&note=n", uint8(1))
			f.Add(uint8(i), "garrigue.example", "%00", "%zz", "%", uint8(2))
			f.Add(uint8(i), "%ff", "..", "accounts=hello%40nguyen-velos.example", "accounts=hello%40nguyen-velos.example&identifiers=ep1005-mdt", uint8(3))
		}
	}
	worlds := []*fuzzed{newFuzzed(f, modelstest.OnPostgres(f)), newFuzzed(f, modelstest.OnSQLite(f))}
	f.Fuzz(func(t *testing.T, route uint8, first, second, query, body string, kind uint8) {
		r := routes[int(route)%len(routes)]
		if r.Path == "/session/end" || r.Path == "/profile/password" || r.Path == "/session" && r.Changes() {
			return // which end the session that asks
		}
		path := strings.NewReplacer(":domain", first, ":local", second, ":id", second, ":token", first).Replace(r.Path)
		for _, w := range worlds {
			w.ask(t, r, path+"?"+query, body, kind)
		}
	})
}

// fuzzed is a panel asked without a network.
type fuzzed struct {
	world   *modelstest.World
	handler http.Handler
	token   string
	log     lastLine
	others  int
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

func newFuzzed(f *testing.F, w *modelstest.World) *fuzzed {
	f.Helper()
	out := &fuzzed{world: w}
	var err error
	if out.handler, err = handlers.New(handlers.Config{Store: w.Store, Log: slog.New(slog.NewTextHandler(&out.log, nil)), Origin: &url.URL{Scheme: "http", Host: "127.0.0.1"}}); err != nil {
		f.Fatal(err)
	}
	signIn := httptest.NewRequest(http.MethodPost, "/session", strings.NewReader(url.Values{"identifier": {cast.Alice}, "password": {cast.Password}}.Encode()))
	signIn.Header.Set("Content-Type", formType)
	rec := httptest.NewRecorder()
	out.handler.ServeHTTP(rec, signIn)
	for _, c := range rec.Result().Cookies() {
		if c.Name == "mandat" {
			out.token = c.Value
		}
	}
	out.others = out.countOthers(f)
	return out
}

// countOthers counts what happened on the service that Alice has no part in.
func (w *fuzzed) countOthers(t testing.TB) int {
	t.Helper()
	return w.world.Int(t, "SELECT count(*) FROM events WHERE service_id = (SELECT id FROM services WHERE domain = '"+cast.Velos+"')")
}

func (w *fuzzed) ask(t *testing.T, r handlers.Route, target, body string, kind uint8) {
	t.Helper()
	if r.Changes() {
		rec := httptest.NewRecorder()
		page := httptest.NewRequest(http.MethodGet, "/no-such-page", nil)
		page.Header.Set("Cookie", "mandat="+w.token)
		w.handler.ServeHTTP(rec, page)
		body = "submission=" + answerOf(t, rec.Result()).submission() + "&" + body
	}
	types := []string{formType, formType, "application/json", "multipart/form-data; boundary=x", ""}
	raw := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: mandat=%s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", r.Method, target, w.token, types[int(kind)%len(types)], len(body), body)
	request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader([]byte(raw))))
	if err != nil {
		return // net/http refuses it
	}
	if kind >= 128 {
		request.Header.Set("HX-Request", "true")
		request.Header.Set("HX-Target", "dialog#panel")
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, request)
	a := answerOf(t, rec.Result())
	if a.status >= 500 {
		t.Errorf("%s %q %q: %d\n%s", r.Method, target, body, a.status, w.log.text)
	}
	wantOurs(t, fmt.Sprintf("%s %q %q", r.Method, target, body), a, a.status)
	if got := w.countOthers(t); got != w.others {
		t.Errorf("%s %q %q: %d events of a service out of reach, had %d", r.Method, target, body, got, w.others)
	}
}
