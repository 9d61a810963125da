package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models/cast"
)

// Two scanners that others trust look for what we did not think of: wapiti
// walks the panel as Alice and attacks what it finds, sqlmap tries to inject
// SQL by the parameters that pages have. `make scan` runs them, on PostgreSQL.

// scanTime bounds each of them.
const scanTime = 15 * time.Minute

// scanned is the panel behind a proxy that speaks for Alice: it adds her cookie
// and the browser's header, and keeps the scanners from signing her out.
func scanned(t *testing.T) string {
	t.Helper()
	if os.Getenv("MANDAT_SCAN") == "" {
		t.Skip("`make scan` runs it")
	}
	first, _, _ := twoPanels(t)
	alice := signedIn(t, first, cast.Alice)
	target, err := url.Parse(first.origin)
	if err != nil {
		t.Fatal(err)
	}
	cookies := alice.http.Jar.Cookies(target)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Del("Cookie")
		for _, c := range cookies {
			r.Out.AddCookie(c)
		}
		r.Out.Header.Set("Sec-Fetch-Site", "same-origin")
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && (strings.HasSuffix(r.URL.Path, "/end") || strings.HasPrefix(r.URL.Path, "/session") || strings.HasPrefix(r.URL.Path, "/profile/password")) {
			http.NotFound(w, r)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// scanner runs one, with what it says in the log of the test when it fails.
func scanner(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scanTime+time.Minute)
	defer cancel()
	var said bytes.Buffer
	c := exec.CommandContext(ctx, name, args...)
	c.Stdout, c.Stderr, c.Dir = &said, &said, t.TempDir()
	c.Env = append(os.Environ(), "HOME="+c.Dir)
	if err := c.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, said.String())
	}
	return said.String()
}

func TestScanByWapiti(t *testing.T) {
	at := scanned(t)
	report := filepath.Join(t.TempDir(), "report.json")
	scanner(t, "wapiti", "-u", at+"/services", "-s", at+"/profile", "-s", at+"/access", "--scope", "domain", "-d", "6", "--max-links-per-page", "60", "--max-files-per-dir", "60",
		"--max-scan-time", fmt.Sprint(int(scanTime.Seconds()/3)), "--max-attack-time", "60", "-t", "20",
		"-m", "backup,blindsql,cookieflags,crlf,csp,exec,file,http_headers,methods,permanentxss,redirect,shellshock,sql,xss",
		"--flush-session", "--store-session", t.TempDir(), "-f", "json", "-o", report, "-v", "0", "--no-bugreport")
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	type finding struct {
		Method, Path, Info, Parameter string
		Level                         int
	}
	var found struct {
		Vulnerabilities, Anomalies map[string][]finding
		Infos                      map[string]any
	}
	if err := json.Unmarshal(text, &found); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []map[string][]finding{found.Vulnerabilities, found.Anomalies} {
		for name, list := range kind {
			for _, f := range list {
				// The lowest level is what cannot be had without TLS, such as HSTS and Secure.
				if f.Level > 1 {
					t.Errorf("%s: %s %s %s: %s", name, f.Method, f.Path, f.Parameter, f.Info)
				} else {
					t.Logf("%s: %s %s %s: %s", name, f.Method, f.Path, f.Parameter, f.Info)
				}
			}
		}
	}
	t.Logf("%v", found.Infos)
}

func TestScanBySQLMap(t *testing.T) {
	at := scanned(t)
	var list strings.Builder
	for _, query := range []string{
		"/services?q=garrigue*", garrigue + "/emails?q=rh&status=active&sort=-used&size=25", garrigue + "/emails?after=compta", garrigue + "/history?local=rh", garrigue + "/history?before=20",
		garrigue + "/redirections?q=a", garrigue + "/lists/equipe/members?q=a", garrigue + "/responders?q=a", "/history?before=20", "/identifiers?q=ep1005-mdt&domain=" + cast.Garrigue + "&local=rh",
		"/grants/1*", garrigue + "/emails/rh*", "/services/garrigue.example*", "/grants/new?accounts=rh@" + cast.Garrigue,
	} {
		fmt.Fprintln(&list, at+query)
	}
	file := filepath.Join(t.TempDir(), "urls")
	if err := os.WriteFile(file, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	said := scanner(t, "sqlmap", "-m", file, "--batch", "--level", "2", "--risk", "2", "--dbms", "PostgreSQL", "--threads", "2", "--timeout", "20", "--flush-session", "--disable-coloring", "--output-dir", t.TempDir())
	for line := range strings.Lines(said) {
		if strings.Contains(line, "is vulnerable") || strings.Contains(line, "injection point(s)") {
			t.Error(strings.TrimSpace(line))
		}
	}
	if !strings.Contains(said, "all tested parameters do not appear to be injectable") {
		t.Errorf("nothing was tried:\n%s", said)
	}
}
