package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/mandat/handlers/oidc/oidctest"
)

func TestTheDoctorAsksTheProvider(t *testing.T) {
	dir := t.TempDir()
	call{args: "migrate", out: "up to date"}.check(t, env("MANDAT_DATA_DIR", dir, "MANDAT_LOG_LEVEL", "error"))
	real := oidctest.Serve(t, time.Now)
	settings := []string{
		"MANDAT_DATA_DIR", dir, "MANDAT_LOG_LEVEL", "error", "MANDAT_ORIGIN", "https://panel.example.org",
		"MANDAT_OIDC_ISSUER", real.Issuer, "MANDAT_OIDC_CLIENT_ID", oidctest.ClientID, "MANDAT_OIDC_CLIENT_SECRET", oidctest.ClientSecret,
	}
	const faulty = "something is wrong"
	ask := func(status int, wanted ...string) {
		t.Helper()
		complaint := ""
		if status != 0 {
			complaint = faulty
		}
		out := call{args: "doctor", status: status, err: complaint}.check(t, env(settings...))
		for _, want := range wanted {
			if !strings.Contains(out, want) {
				t.Errorf("it lacks %q:\n%s", want, out)
			}
		}
		if strings.Contains(out, oidctest.ClientSecret) {
			t.Errorf("it tells the secret:\n%s", out)
		}
	}
	ask(0, " well  the provider of single sign-on "+real.Issuer+"\n well  its keys\n well  it leads people back to https://panel.example.org/session/oidc/callback\n")

	real.Answers("/authorize", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) })
	ask(0, "  -    it leads people back to https://panel.example.org/session/oidc/callback: it shows a page of its own first")
	real.Answers("/authorize", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "redirect_uri", http.StatusBadRequest) })
	ask(1, "FAULT  it leads people back to https://panel.example.org/session/oidc/callback: oidc: the provider answers nonsense: it refuses with status 400\n       Register this redirect address there")
	real.Answers("/authorize", nil)

	real.Answers("/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) })
	ask(1, "FAULT  its keys: ", "Let it sign ID tokens")
	real.Answers("/keys", nil)

	real.Says("issuer", "https://sso.example.org")
	ask(1, "FAULT  the provider of single sign-on "+real.Issuer+": oidc: the provider answers nonsense: it calls itself \"https://sso.example.org\"\n       See that it runs")
	real.Says("issuer", nil)

	away, err := url.Parse(real.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	away.Host = "127.0.0.1:1"
	settings[7] = away.String()
	ask(1, "FAULT  the provider of single sign-on "+away.String()+": oidc: the provider does not answer")
	settings = settings[:6]
	ask(0, "the provider of single sign-on: there is none: MANDAT_OIDC_ISSUER is empty")
}
