package oidc_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/mandat/handlers/oidc"
	"example.org/mandat/handlers/oidc/oidctest"
)

func TestAProviderIsExamined(t *testing.T) {
	t.Parallel()
	const redirect = "https://panel.example.org/session/oidc/callback"
	lead := func(values url.Values) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?"+values.Encode(), http.StatusFound)
		}
	}
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	own := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }
	registered := func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("redirect_uri") != redirect || q.Get("client_id") != oidctest.ClientID || q.Get("prompt") != "none" {
			http.Error(w, "invalid redirect_uri", http.StatusBadRequest)
			return
		}
		lead(url.Values{"error": {"login_required"}})(w, r)
	}
	for what, c := range map[string]struct {
		path                 string
		answer               http.HandlerFunc
		discovery, keys, way error
		sure                 bool
	}{
		"well":                       {"", nil, nil, nil, nil, true},
		"as registered":              {"/authorize", registered, nil, nil, nil, true},
		"who would ask for consent":  {"/authorize", lead(url.Values{"error": {"consent_required"}}), nil, nil, nil, true},
		"with a page of its own":     {"/authorize", own, nil, nil, nil, false},
		"with a page":                {"/authorize", status(200, "<form>"), nil, nil, nil, false},
		"that knows no such client":  {"/authorize", status(400, "invalid client"), nil, nil, oidc.ErrProvider, false},
		"that gives no such client":  {"/authorize", lead(url.Values{"error": {"unauthorized_client"}}), nil, nil, oidc.ErrProvider, false},
		"in trouble on the way":      {"/authorize", status(502, ""), nil, nil, oidc.ErrUnreachable, false},
		"without keys":               {"/keys", status(200, `{"keys":[]}`), nil, oidc.ErrProvider, nil, false},
		"with keys for others":       {"/keys", status(200, `{"keys":[{"kty":"oct"},{"kty":"RSA","use":"enc"}]}`), nil, oidc.ErrProvider, nil, false},
		"whose keys are not there":   {"/keys", status(404, ""), nil, oidc.ErrProvider, nil, false},
		"whose keys are a page":      {"/keys", status(200, "<html>"), nil, oidc.ErrProvider, nil, false},
		"of another name":            {"/.well-known/openid-configuration", status(200, `{"issuer":"https://evil.example"}`), oidc.ErrProvider, nil, nil, false},
		"in trouble":                 {"/.well-known/openid-configuration", status(503, ""), oidc.ErrUnreachable, nil, nil, false},
		"that does not publish any":  {"/.well-known/openid-configuration", status(404, ""), oidc.ErrProvider, nil, nil, false},
		"that does not answer a way": {"/authorize", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, nil, nil, oidc.ErrUnreachable, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			real := oidctest.Serve(t, time.Now)
			if c.path != "" {
				real.Answers(c.path, c.answer)
			}
			p := oidc.New(oidc.Config{Issuer: real.Issuer, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, Redirect: redirect, Now: time.Now})
			x := p.Examine(t.Context())
			if !errors.Is(x.Discovery, c.discovery) || !errors.Is(x.Keys, c.keys) || !errors.Is(x.Way, c.way) || x.Sure != c.sure {
				t.Errorf("%+v", x)
			}
			for _, err := range []error{x.Discovery, x.Keys, x.Way} {
				if err != nil && strings.Contains(err.Error(), oidctest.ClientSecret) {
					t.Errorf("%v tells the secret", err)
				}
			}
			if real.Asked("/token") != 0 {
				t.Error("a token was asked for")
			}
		})
	}
}
