package oidc_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/mandat/handlers/oidc"
	"example.org/mandat/handlers/oidc/oidctest"
)

const token = "a token of 256 random bits, or so it seems."

// clock is one that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) move(d time.Duration) { c.ahead.Add(int64(d)) }
func config(issuer string) oidc.Config {
	return oidc.Config{Issuer: issuer, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, Redirect: "http://127.0.0.1:1/session/oidc/callback", Home: "http://127.0.0.1:1/sign-in", Now: time.Now}
}

func answerOf(back *url.URL) oidc.Answer {
	q := back.Query()
	return oidc.Answer{Code: q.Get("code"), State: q.Get("state"), Issuer: q.Get("iss")}
}

// goThere goes to the provider and comes back.
func goThere(t *testing.T, p *oidc.Provider, real *oidctest.Provider) oidc.Answer {
	t.Helper()
	to, err := p.Departure(t.Context(), oidc.Derive(token), false)
	if err != nil {
		t.Fatal(err)
	}
	return answerOf(real.Visit(t, to))
}

func TestWhoComesBackIsWhoTheProviderSays(t *testing.T) {
	t.Parallel()
	real := oidctest.Serve(t, time.Now)
	real.Is(oidctest.Claims{"sub": "f81d4fae", "preferred_username": "ad1001-mdt", "email": "alice@example.org", "acr": "2", "amr": []string{"pwd", "otp"}})
	c := config(real.Issuer)
	c.Claim, c.Strong = "preferred_username", oidc.Strong{{Name: "amr", Value: "otp"}}
	p := oidc.New(c)
	got, err := p.Arrival(t.Context(), oidc.Derive(token), goThere(t, p, real))
	if err != nil {
		t.Fatal(err)
	}
	if got.Issuer != real.Issuer || got.Subject != "f81d4fae" || got.Name != "ad1001-mdt" || got.Claim != "ad1001-mdt" || !got.Strong || time.Since(got.At) > time.Minute {
		t.Errorf("%+v", got)
	}
	if to := p.SignOutURL(); to != real.Issuer+"/end?client_id=mandat&post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2Fsign-in" {
		t.Error(to)
	}
}

func TestTheSecretsOfASignInAreAllDifferent(t *testing.T) {
	t.Parallel()
	one, other := oidc.Derive("one"), oidc.Derive("other")
	seen := map[string]bool{}
	for _, s := range []string{one.State, one.Nonce, one.Verifier, other.State, other.Nonce, other.Verifier} {
		if seen[s] || len(s) != 43 {
			t.Errorf("%q", s)
		}
		seen[s] = true
	}
	if one != oidc.Derive("one") {
		t.Error("they differ from one time to the next")
	}
}

func TestTheProviderIsAskedForWhatIsWanted(t *testing.T) {
	t.Parallel()
	real := oidctest.Serve(t, time.Now)
	c := config(real.Issuer)
	c.Strong = oidc.Strong{{Name: "acr", Value: "2"}, {Name: "amr", Value: "mfa"}, {Name: "acr", Value: "urn:x:3"}}
	to, err := oidc.New(c).Departure(t.Context(), oidc.Derive(token), true)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"acr_values": "2 urn:x:3", "prompt": "login", "max_age": "0", "scope": "openid profile", "response_type": "code", "redirect_uri": c.Redirect,
		"code_challenge_method": "S256", "state": oidc.Derive(token).State, "nonce": oidc.Derive(token).Nonce, "client_secret": "", "code_verifier": "",
	} {
		if got := u.Query().Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if strings.Contains(to, oidc.Derive(token).Verifier) {
		t.Error("the verifier leaves with the browser")
	}
}

// Whatever a provider or somebody in its place signs and says, a token that is
// not that of this sign-in lets nobody in.
func TestTokensThatLetNobodyIn(t *testing.T) {
	t.Parallel()
	type C = oidctest.Claims
	stranger := oidctest.Serve(t, time.Now)
	for what, c := range map[string]struct {
		want  error
		alter func(p *oidctest.Provider, header, claims C)
	}{
		"another nonce":            {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { c["nonce"] = oidc.Derive("another").Nonce }},
		"no nonce":                 {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { delete(c, "nonce") }},
		"another audience":         {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { c["aud"] = "somebody-else" }},
		"no audience":              {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { delete(c, "aud") }},
		"several audiences":        {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { c["aud"] = []string{"somebody-else", oidctest.ClientID} }},
		"another party":            {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { c["azp"] = "somebody-else" }},
		"another issuer":           {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { c["iss"] = stranger.Issuer }},
		"a longer issuer":          {oidc.ErrAnswer, func(p *oidctest.Provider, _, c C) { c["iss"] = p.Issuer + "/" }},
		"expired":                  {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { c["exp"] = time.Now().Add(-time.Second).Unix() }},
		"no expiry":                {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { delete(c, "exp") }},
		"from the future":          {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { c["iat"] = time.Now().Add(time.Hour).Unix() }},
		"not yet":                  {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { c["nbf"] = time.Now().Add(time.Hour).Unix() }},
		"no subject":               {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { delete(c, "sub") }},
		"an empty subject":         {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { c["sub"] = "" }},
		"a subject with a NUL":     {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { c["sub"] = "a\x00b" }},
		"a subject of many octets": {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { c["sub"] = strings.Repeat("a", 256) }},
		"a subject that is a list": {oidc.ErrAnswer, func(_ *oidctest.Provider, _, c C) { c["sub"] = []string{"a"} }},
		"alg none":                 {oidc.ErrAnswer, func(_ *oidctest.Provider, h, _ C) { h["alg"] = "none" }},
		"alg HS256":                {oidc.ErrAnswer, func(_ *oidctest.Provider, h, _ C) { h["alg"] = "HS256" }},
		"alg ES384":                {oidc.ErrAnswer, func(_ *oidctest.Provider, h, _ C) { h["alg"] = "ES384" }},
		"a key nobody published":   {oidc.ErrAnswer, func(_ *oidctest.Provider, h, _ C) { h["kid"] = "other" }},
		"claims of another kind":   {oidc.ErrProvider, func(_ *oidctest.Provider, _, c C) { c["preferred_username"] = 7 }},
		"an amr of another kind":   {oidc.ErrProvider, func(_ *oidctest.Provider, _, c C) { c["amr"] = 7 }},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			real := oidctest.Serve(t, time.Now)
			real.Is(C{"sub": "f81d4fae"})
			p := oidc.New(config(real.Issuer))
			a := goThere(t, p, real)
			real.Alter(func(header, claims C) { c.alter(real, header, claims) })
			if got, err := p.Arrival(t.Context(), oidc.Derive(token), a); !errors.Is(err, c.want) || got != nil {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}

// replace has the token of an answer made into another.
func replace(t *testing.T, real *oidctest.Provider, with func(raw string) string) {
	t.Helper()
	real.Answers("/token", func(w http.ResponseWriter, r *http.Request) {
		real.Answers("/token", nil)
		body := new(bytes.Buffer)
		_, _ = body.ReadFrom(r.Body)
		again, err := http.NewRequestWithContext(r.Context(), http.MethodPost, real.Issuer+"/token", body)
		if err != nil {
			t.Error(err)
			return
		}
		again.Header = r.Header
		response, err := http.DefaultClient.Do(again)
		if err != nil {
			t.Error(err)
			return
		}
		defer response.Body.Close()
		text := new(bytes.Buffer)
		_, _ = text.ReadFrom(response.Body)
		_, raw, _ := strings.Cut(text.String(), `"id_token":"`)
		raw, _, _ = strings.Cut(raw, `"`)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, strings.Replace(text.String(), raw, with(raw), 1))
	})
}

func TestATokenThatWasTouchedLetsNobodyIn(t *testing.T) {
	t.Parallel()
	for what, with := range map[string]func(string) string{
		"no signature":      func(raw string) string { return raw[:strings.LastIndexByte(raw, '.')+1] },
		"another signature": func(raw string) string { return raw[:len(raw)-4] + "AAAA" },
		"another claim": func(raw string) string {
			parts := strings.Split(raw, ".")
			parts[1] = parts[1][:20] + "A" + parts[1][21:]
			return strings.Join(parts, ".")
		},
		"alg none, bare": func(raw string) string {
			parts := strings.Split(raw, ".")
			return "eyJhbGciOiJub25lIn0." + parts[1] + "."
		},
		"two parts": func(raw string) string { return raw[:strings.LastIndexByte(raw, '.')] },
		"nothing":   func(string) string { return "x" },
		"JSON":      func(string) string { return `{}` },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			real := oidctest.Serve(t, time.Now)
			real.Is(oidctest.Claims{"sub": "f81d4fae"})
			p := oidc.New(config(real.Issuer))
			a := goThere(t, p, real)
			replace(t, real, with)
			if got, err := p.Arrival(t.Context(), oidc.Derive(token), a); err == nil || got != nil || errors.Is(err, oidc.ErrUnreachable) {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}

func TestAnswersThatAreNotToThisQuestion(t *testing.T) {
	t.Parallel()
	real, other := oidctest.Serve(t, time.Now), oidctest.Serve(t, time.Now)
	real.Is(oidctest.Claims{"sub": "f81d4fae"})
	p := oidc.New(config(real.Issuer))
	good := goThere(t, p, real)
	for what, c := range map[string]struct {
		want  error
		alter func(a *oidc.Answer)
	}{
		"another state":  {oidc.ErrAnswer, func(a *oidc.Answer) { a.State = oidc.Derive("another").State }},
		"no state":       {oidc.ErrAnswer, func(a *oidc.Answer) { a.State = "" }},
		"another issuer": {oidc.ErrAnswer, func(a *oidc.Answer) { a.Issuer = other.Issuer }},
		"no issuer":      {oidc.ErrAnswer, func(a *oidc.Answer) { a.Issuer = "" }},
		"no code":        {oidc.ErrAnswer, func(a *oidc.Answer) { a.Code = "" }},
		"another code":   {oidc.ErrAnswer, func(a *oidc.Answer) { a.Code = "another" }},
	} {
		a := good
		c.alter(&a)
		got, err := p.Arrival(t.Context(), oidc.Derive(token), a)
		if !errors.Is(err, c.want) || got != nil {
			t.Errorf("%s: %+v %v", what, got, err)
		}
	}
	if _, err := p.Arrival(t.Context(), oidc.Derive("another"), good); !errors.Is(err, oidc.ErrAnswer) {
		t.Error("another browser's answer:", err)
	}
	if _, err := p.Arrival(t.Context(), oidc.Derive(token), good); err != nil {
		t.Error("the right one:", err)
	}
	if _, err := p.Arrival(t.Context(), oidc.Derive(token), good); !errors.Is(err, oidc.ErrAnswer) {
		t.Error("the right one twice:", err)
	}
}

func TestAProvidersErrorsAreToldApart(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]error{
		"access_denied": oidc.ErrDenied, "login_required": oidc.ErrDenied, "server_error": oidc.ErrUnreachable, "temporarily_unavailable": oidc.ErrUnreachable, "<script>": oidc.ErrDenied,
	} {
		if err := oidc.Refused(code); !errors.Is(err, want) || strings.Contains(err.Error(), "<") {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// A provider in trouble, or a machine in its place: bounded in time and size,
// and told apart from a person who may not come in.
func TestProvidersInTrouble(t *testing.T) {
	t.Parallel()
	const configuration = "/.well-known/openid-configuration"
	endless := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"keys":[`))
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte(" "), 64<<10)); err != nil {
				return
			}
		}
	}
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	status := func(code int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	elsewhere := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
	}
	cut := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte("{"))
	}
	for what, c := range map[string]struct {
		path   string
		answer http.HandlerFunc
		want   error
	}{
		"silent":                    {configuration, silent, oidc.ErrUnreachable},
		"endless":                   {configuration, endless, oidc.ErrProvider},
		"broken":                    {configuration, status(500, "<h1>Oops</h1>"), oidc.ErrUnreachable},
		"in maintenance":            {configuration, status(503, ""), oidc.ErrUnreachable},
		"missing":                   {configuration, status(404, "not here"), oidc.ErrProvider},
		"elsewhere":                 {configuration, elsewhere, oidc.ErrProvider},
		"HTML":                      {configuration, status(200, "<html>"), oidc.ErrProvider},
		"empty":                     {configuration, status(200, ""), oidc.ErrProvider},
		"of another name":           {configuration, status(200, `{"issuer":"https://evil.example"}`), oidc.ErrProvider},
		"cut":                       {configuration, cut, oidc.ErrUnreachable},
		"silent about tokens":       {"/token", silent, oidc.ErrUnreachable},
		"endless about tokens":      {"/token", endless, oidc.ErrProvider},
		"broken about tokens":       {"/token", status(502, "x"), oidc.ErrUnreachable},
		"elsewhere with tokens":     {"/token", elsewhere, oidc.ErrProvider},
		"without an ID token":       {"/token", status(200, `{"access_token":"x","token_type":"Bearer"}`), oidc.ErrProvider},
		"with another ID token":     {"/token", status(200, `{"access_token":"x","token_type":"Bearer","id_token":{"a":1}}`), oidc.ErrProvider},
		"that knows another client": {"/token", status(401, `{"error":"invalid_client","error_description":"s3cret"}`), oidc.ErrProvider},
		"that refuses the code":     {"/token", status(400, `{"error":"invalid_grant"}`), oidc.ErrAnswer},
		"silent about keys":         {"/keys", silent, oidc.ErrUnreachable},
		"endless about keys":        {"/keys", endless, oidc.ErrAnswer},
		"broken about keys":         {"/keys", status(500, "x"), oidc.ErrUnreachable},
		"without keys":              {"/keys", status(200, `{"keys":[]}`), oidc.ErrAnswer},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			real := oidctest.Serve(t, time.Now)
			real.Is(oidctest.Claims{"sub": "f81d4fae"})
			p := oidc.New(config(real.Issuer))
			a := goThere(t, p, real)
			p = oidc.New(config(real.Issuer))
			real.Answers(c.path, c.answer)
			began := time.Now()
			got, err := p.Arrival(t.Context(), oidc.Derive(token), a)
			if !errors.Is(err, c.want) || got != nil {
				t.Errorf("%+v %v, want %v", got, err, c.want)
			}
			if took := time.Since(began); took > 9*time.Second {
				t.Errorf("took %v", took)
			}
			if err != nil && (len(err.Error()) > 500 || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("the error has what the provider said: %v", err)
			}
		})
	}
}

func TestEndpointsInClearAreGivenNoSecret(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]string{
		"authorization_endpoint": "http://sso.example.org/authorize", "token_endpoint": "http://192.0.2.1/token", "jwks_uri": "javascript:alert(1)",
	} {
		real := oidctest.Serve(t, time.Now)
		real.Says(name, at)
		if to, err := oidc.New(config(real.Issuer)).Departure(t.Context(), oidc.Derive(token), false); !errors.Is(err, oidc.ErrProvider) {
			t.Errorf("%s: %q %v", name, to, err)
		}
	}
	real := oidctest.Serve(t, time.Now)
	real.Says("end_session_endpoint", "javascript:alert(1)")
	p := oidc.New(config(real.Issuer))
	if _, err := p.Departure(t.Context(), oidc.Derive(token), false); err != nil || p.SignOutURL() != "" {
		t.Error(err, p.SignOutURL())
	}
}

func TestNobodyIsAskedBeforeSomebodyComes(t *testing.T) {
	t.Parallel()
	p := oidc.New(config("https://sso.example.invalid"))
	if p.SignOutURL() != "" {
		t.Error("a provider that nobody has asked is known")
	}
}

func TestManyWhoComeAtOnceAskOnce(t *testing.T) {
	t.Parallel()
	real := oidctest.Serve(t, time.Now)
	p := oidc.New(config(real.Issuer))
	done := make(chan error)
	for range 50 {
		go func() {
			_, err := p.Departure(context.Background(), oidc.Derive(token), false)
			done <- err
		}()
	}
	for range 50 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := real.Asked("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestAProviderThatFailedRestsAndIsAskedAgain(t *testing.T) {
	t.Parallel()
	const configuration = "/.well-known/openid-configuration"
	var time clock
	real := oidctest.Serve(t, time.now)
	real.Answers(configuration, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	c := config(real.Issuer)
	c.Now = time.now
	p := oidc.New(c)
	depart := func() error { _, err := p.Departure(t.Context(), oidc.Derive(token), false); return err }
	for range 5 {
		if err := depart(); !errors.Is(err, oidc.ErrUnreachable) {
			t.Fatal(err)
		}
	}
	if n := real.Asked(configuration); n != 1 {
		t.Errorf("asked %d times while it rests", n)
	}
	real.Answers(configuration, nil)
	time.move(4e9)
	if err := depart(); err != nil {
		t.Fatal(err)
	}
	if err := depart(); err != nil || real.Asked(configuration) != 2 {
		t.Error(err, real.Asked(configuration))
	}
	real.Answers(configuration, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	time.move(2 * 3600e9)
	if err := depart(); err != nil || real.Asked(configuration) != 3 {
		t.Error("what was known for two hours is forgotten:", err, real.Asked(configuration))
	}
	time.move(30 * 3600e9)
	if err := depart(); !errors.Is(err, oidc.ErrUnreachable) {
		t.Error("what was known for a day is good still:", err)
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	real := oidctest.Serve(t, time.Now)
	real.Is(oidctest.Claims{"sub": "f81d4fae"})
	p := oidc.New(config(real.Issuer))
	for range 3 {
		if _, err := p.Arrival(t.Context(), oidc.Derive(token), goThere(t, p, real)); err != nil {
			t.Fatal(err)
		}
		real.Rotate()
	}
	if n := real.Asked("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("the provider was asked %d times about itself", n)
	}
}

func TestAPublicClientHasNoSecretToSend(t *testing.T) {
	t.Parallel()
	real := oidctest.Serve(t, time.Now)
	c := config(real.Issuer)
	c.ClientSecret = ""
	var sent url.Values
	real.Answers("/token", func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		sent = r.PostForm
		if r.Header.Get("Authorization") != "" {
			t.Error("it sends a header")
		}
		w.WriteHeader(http.StatusBadRequest)
	})
	p := oidc.New(c)
	_, _ = p.Arrival(t.Context(), oidc.Derive(token), goThere(t, p, real))
	if sent.Get("client_id") != oidctest.ClientID || sent.Get("code_verifier") != oidc.Derive(token).Verifier || sent.Has("client_secret") {
		t.Errorf("it sends %v", sent)
	}
}

func TestAnIssuerIsReadToTheLetter(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"https://sso.example.org": true, "https://sso.example.org/": true, "https://sso.example.org/realms/staff": true, "https://sso.example.org:8443": true, "http://127.0.0.1:4593/api/oidc": true, "http://localhost": true, "http://[::1]:1": true,
		"http://sso.example.org": false, "http://192.0.2.1": false, "https://u:p@sso.example.org": false, "https://sso.example.org?x": false, "https://sso.example.org?": false, "https://sso.example.org#": false, "sso.example.org": false, "ftp://sso.example.org": false, "https://": false, "https://:1": false, "": false,
	} {
		if got, err := oidc.ParseIssuer(text); (err == nil) != good || good && got != text {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
}

func TestClaimsThatChangeHandsNameNobody(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"preferred_username": true, "mandat_identifier": true, "https://example.org/claims/id": true, "sub": true,
		"email": false, "Email": false, "name": false, "phone_number": false, "two words": false, "\x00": false, strings.Repeat("a", 101): false,
	} {
		if got, err := oidc.ParseClaim(text); (err == nil) != good || good && got != text {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
}

func TestWhatCountsAsASecondFactorIsReadStrictly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"amr=mfa": "amr=mfa", " amr = otp , acr=urn:x:2 ": "amr=otp, acr=urn:x:2", "acr=a=b": "acr=a=b",
		"mfa": "!", "amr=": "!", "acr=1,": "!", "aal=2": "!", "amr=a b": "!", "": "!",
	} {
		got, err := oidc.ParseStrong(text)
		if (err != nil) != (want == "!") || err == nil && got.String() != want {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
}

func FuzzParseStrong(f *testing.F) {
	f.Add("amr=mfa, acr=2")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := oidc.ParseStrong(text)
		if err != nil {
			return
		}
		if again, err := oidc.ParseStrong(s.String()); err != nil || again.String() != s.String() {
			t.Errorf("%q is read as %q, and that as %q %v", text, s, again, err)
		}
	})
}

// Whatever the claims of a token that is ours are, who comes back has a subject
// and a name that can be kept and shown.
func FuzzClaims(f *testing.F) {
	real := oidctest.Serve(f, time.Now)
	p := oidc.New(func() oidc.Config {
		c := config(real.Issuer)
		c.Claim = "id"
		c.Strong = oidc.Strong{{Name: "amr", Value: "mfa"}}
		return c
	}())
	f.Add("f81d4fae", "Alice", "ad1001-mdt", "mfa")
	f.Add("\u202e\x00\xff", strings.Repeat("é", 300), "", "")
	f.Fuzz(func(t *testing.T, subject, name, id, method string) {
		real.Is(oidctest.Claims{"sub": subject, "name": name, "id": id, "amr": method})
		to, err := p.Departure(t.Context(), oidc.Derive(token), false)
		if err != nil {
			t.Skip(err)
		}
		a, err := p.Arrival(t.Context(), oidc.Derive(token), answerOf(real.Visit(t, to)))
		if err != nil {
			if !errors.Is(err, oidc.ErrAnswer) {
				t.Error(err)
			}
			return
		}
		if a.Subject == "" || len(a.Subject) > 255 || strings.ContainsRune(a.Subject+a.Name, 0) || len(a.Name) > 255 || a.Strong != (method == "mfa") {
			t.Errorf("%+v", a)
		}
	})
}
