package main

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

func TestSecurityIsLoggedAtAnyLevel(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var b bytes.Buffer
		log, security := newLoggers(&config{logLevel: slog.LevelError, logFormat: format}, &b)
		log = log.With("a", 1).WithGroup("g")
		log.Info("no")
		log.Warn("no")
		log.Error("one")
		security.Info("two")
		security.Warn("three")
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "one") || strings.Contains(lines[0], "security") || !strings.Contains(lines[1], "two") || !strings.Contains(lines[2], "three") {
			t.Fatalf("%s", &b)
		}
		for _, line := range lines[1:] {
			if !strings.Contains(line, "security=true") && !strings.Contains(line, `"security":true`) {
				t.Errorf("%s does not say what it is", line)
			}
		}
	}
}

func TestAPanelThatIsAskedForErrorsAloneTellsWhoSignsIn(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out, log modelstest.Log
	ended := make(chan int, 1)
	getenv := env("MANDAT_DATA_DIR", t.TempDir(), "MANDAT_LOG_LEVEL", "error", "MANDAT_LOG_FORMAT", "json", "MANDAT_LISTEN", "127.0.0.1:0")
	go func() { ended <- run(ctx, []string{"serve", "--demo"}, getenv, strings.NewReader(""), &out, &log) }()
	at := regexp.MustCompile(`demo world: (http://\S+)`)
	p := &panel{}
	modelstest.Await(t, startLimit, "the introduction", func() bool {
		m := at.FindStringSubmatch(out.String())
		if m != nil {
			p.origin = m[1]
		}
		return m != nil
	})
	c := newClient(t)
	c.post(p, "/session", url.Values{"identifier": {cast.Alice}, "password": {"wrong"}})
	c.post(p, "/session", url.Values{"identifier": {cast.Password}, "password": {cast.Alice}})
	c.post(p, "/session", url.Values{"identifier": {cast.Alice}, "password": {cast.Password}})
	c.post(p, "/session/end", c.form(p, "/services", nil))
	stop()
	if status := <-ended; status != 0 {
		t.Errorf("it ended with %d", status)
	}
	text := log.String()
	for _, want := range []string{`"msg":"sign-in refused","security":true`, `"tried":"ad1001-mdt"`, `"msg":"signed in","security":true`, `"by":"password"`, `"msg":"signed out","security":true`} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %s:\n%s", want, text)
		}
	}
	if strings.Contains(text, `"msg":"request"`) || strings.Contains(text, cast.Password) {
		t.Errorf("the log has more than it should:\n%s", text)
	}
}

// What no handler of ours catches, net/http does, and tells the log for broken connections.
func TestAPanicThatNothingCaughtIsAnErrorInTheLog(t *testing.T) {
	var b modelstest.Log
	to := serverLog{slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelError}))}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("out of reach") }))
	server.Config.ErrorLog = log.New(to, "", 0)
	server.Start()
	if r, err := http.Get(server.URL); err == nil {
		r.Body.Close()
		t.Errorf("%d", r.StatusCode)
	}
	server.Close()
	modelstest.Await(t, startLimit, "the log tells", func() bool { return b.String() != "" })
	if text := b.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "out of reach") {
		t.Errorf("%q", text)
	}
	if _, err := to.Write([]byte("http: TLS handshake error\n")); err != nil || strings.Contains(b.String(), "handshake") {
		t.Error("a stranger's broken connection is an error")
	}
}
