package oidc_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.org/mandat/handlers/oidc"
	"example.org/mandat/handlers/oidc/oidctest"
)

// Whatever a provider, or somebody in its place, answers to any of our questions,
// and whatever a browser brings back: who did not sign in there is nobody, and
// the error is one of ours, without what a token had.
func FuzzProvider(f *testing.F) {
	paths := []string{"/.well-known/openid-configuration", "/keys", "/token"}
	for i := range paths {
		for _, body := range []string{
			"", "{}", "null", "[]", `{"issuer":1}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"","y":"","alg":"none"}]}`, `{"keys":[{"kty":"oct","k":"AA","alg":"HS256"}]}`, `{"access_token":"s3cret","token_type":"Bearer","id_token":"eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."}`,
			`{"id_token":"a.b.c","expires_in":"x","error":"s3cret"}`, `{"id_token":{"a":1}}`, strings.Repeat("[", 5000), "id_token=s3cret&token_type=bearer",
		} {
			f.Add(uint8(i), uint16(0), "application/json", []byte(body), "code", "", "")
		}
		f.Add(uint8(i), uint16(200), "application/x-www-form-urlencoded", []byte("error=s3cret"), "code", "state", "iss")
	}
	real := oidctest.Serve(f, time.Now)
	real.Is(oidctest.Claims{"sub": "f81d4fae"})
	known := oidc.Derive(token)
	f.Fuzz(func(t *testing.T, which uint8, status uint16, kind string, body []byte, code, state, issuer string) {
		path := paths[int(which)%len(paths)]
		real.Answers(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{strings.Map(func(r rune) rune {
				if r < ' ' || r > '~' {
					return -1
				}
				return r
			}, kind)}
			w.WriteHeader(200 + int(status)%400)
			_, _ = w.Write(body)
		})
		defer real.Answers(path, nil)
		p := oidc.New(config(real.Issuer))
		a := oidc.Answer{Code: code, State: known.State, Issuer: real.Issuer}
		if state != "" {
			a.State = state
		}
		if issuer != "" {
			a.Issuer = issuer
		}
		begun := time.Now()
		_, departed := p.Departure(t.Context(), known, false)
		got, arrived := p.Arrival(t.Context(), known, a)
		if got != nil || arrived == nil {
			t.Fatalf("%+v signed in", got)
		}
		for _, err := range []error{departed, arrived} {
			if err == nil {
				continue
			}
			if !errors.Is(err, oidc.ErrUnreachable) && !errors.Is(err, oidc.ErrProvider) && !errors.Is(err, oidc.ErrAnswer) && !errors.Is(err, oidc.ErrDenied) {
				t.Errorf("%s %q: %v", path, body, err)
			}
			if path == "/token" && strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: it tells what was answered: %v", path, err)
			}
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
