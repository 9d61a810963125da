// Package oidctest has providers of OpenID Connect for tests: one that answers
// whatever a test wants, and a real one (see Install).
package oidctest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// What the provider knows the panel as.
const (
	ClientID     = "mandat"
	ClientSecret = "a client's secret & more"
)

// Claims are those of an ID token.
type Claims map[string]any

// Provider is a provider that keeps to the protocol, but for what a test has changed.
type Provider struct {
	Issuer string

	mu      sync.Mutex
	person  Claims
	alter   func(header, claims Claims)
	metas   Claims
	answers map[string]http.HandlerFunc
	codes   map[string]request
	keys    []*key // the first signs
	asked   map[string]int
	now     func() time.Time
}

type request struct{ nonce, challenge, redirect string }

type key struct {
	id      string
	private *ecdsa.PrivateKey
}

// Serve starts a provider whose clock is now. Whoever goes there is the person of Is.
func Serve(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	p := &Provider{answers: map[string]http.HandlerFunc{}, codes: map[string]request{}, asked: map[string]int{}, now: now, person: Claims{"sub": "nobody"}, metas: Claims{}}
	p.Rotate()
	server := httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(server.Close)
	p.Issuer = server.URL
	return p
}

// Is makes whoever signs in there a person with these claims.
func (p *Provider) Is(c Claims) { p.with(func() { p.person = maps.Clone(c) }) }

// Alter changes each token before it is signed; nil changes nothing.
func (p *Provider) Alter(fn func(header, claims Claims)) { p.with(func() { p.alter = fn }) }

// Says sets a value of what the provider publishes of itself; nil takes it away.
func (p *Provider) Says(name string, value any) { p.with(func() { p.metas[name] = value }) }

// Answers has a path answered otherwise, as "/token"; nil goes back to the protocol.
func (p *Provider) Answers(path string, fn http.HandlerFunc) { p.with(func() { p.answers[path] = fn }) }

// Rotate signs with a new key from now on, and publishes it alone.
func (p *Provider) Rotate() {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	p.with(func() { p.keys = []*key{{rand.Text(), private}} })
}

// Asked is how often a path was asked.
func (p *Provider) Asked(path string) (n int) {
	p.with(func() { n = p.asked[path] })
	return n
}

func (p *Provider) with(fn func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn()
}

// Visit is a browser that goes where the panel leads and signs in there: it
// gives the address to which it is led back.
func (p *Provider) Visit(t testing.TB, departure string) *url.URL {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, departure, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	back, err := response.Location()
	if err != nil {
		t.Fatalf("the provider answers %s and leads nowhere", response.Status)
	}
	return back
}

func (p *Provider) serve(w http.ResponseWriter, r *http.Request) {
	var other http.HandlerFunc
	p.with(func() { p.asked[r.URL.Path]++; other = p.answers[r.URL.Path] })
	if other != nil {
		body, _ := io.ReadAll(r.Body) // or a client that went away would not be noticed
		r.Body = io.NopCloser(bytes.NewReader(body))
		other(w, r)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		metas := Claims{
			"issuer": p.Issuer, "authorization_endpoint": p.Issuer + "/authorize", "token_endpoint": p.Issuer + "/token", "jwks_uri": p.Issuer + "/keys",
			"end_session_endpoint": p.Issuer + "/end", "response_types_supported": []string{"code"}, "scopes_supported": []string{"openid", "profile"},
			"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}, "authorization_response_iss_parameter_supported": true,
			"code_challenge_methods_supported": []string{"S256"},
		}
		maps.Copy(metas, p.metas)
		maps.DeleteFunc(metas, func(_ string, v any) bool { return v == nil })
		answer(w, http.StatusOK, metas)
	case "/keys":
		answer(w, http.StatusOK, p.published())
	case "/authorize":
		p.authorize(w, r)
	case "/token":
		p.token(w, r)
	default:
		http.NotFound(w, r)
	}
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // whoever asked may be gone
}

func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || len(q.Get("nonce")) < 22 || len(q.Get("state")) < 22 {
		http.Error(w, "this is no request for a code with PKCE: "+r.URL.RawQuery, http.StatusBadRequest)
		return
	}
	back, err := url.Parse(q.Get("redirect_uri"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.codes[code] = request{q.Get("nonce"), q.Get("code_challenge"), q.Get("redirect_uri")}
	back.RawQuery = url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.Issuer}, "session_state": {"xyz"}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	if id != ClientID || secret != ClientSecret {
		answer(w, http.StatusUnauthorized, Claims{"error": "invalid_client"})
		return
	}
	asked, known := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || r.PostFormValue("grant_type") != "authorization_code" || base64.RawURLEncoding.EncodeToString(sum[:]) != asked.challenge || r.PostFormValue("redirect_uri") != asked.redirect {
		answer(w, http.StatusBadRequest, Claims{"error": "invalid_grant"})
		return
	}
	header := Claims{"alg": "ES256", "typ": "JWT", "kid": p.keys[0].id}
	claims := Claims{"iss": p.Issuer, "aud": ClientID, "nonce": asked.nonce, "iat": p.now().Unix(), "exp": p.now().Add(5 * time.Minute).Unix(), "auth_time": p.now().Unix()}
	maps.Copy(claims, p.person)
	if p.alter != nil {
		p.alter(header, claims)
	}
	answer(w, http.StatusOK, Claims{"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 300, "id_token": p.sign(header, claims)})
}

// sign signs with the key that is published, whatever the header says.
func (p *Provider) sign(header, claims Claims) string {
	text := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, p.keys[0].private, sum[:])
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func part(c Claims) string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("claims of a test: %v", err))
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func (p *Provider) published() Claims {
	var keys []Claims
	for _, k := range p.keys {
		point, err := k.private.PublicKey.Bytes() // 4, x, y
		if err != nil {
			panic(err)
		}
		keys = append(keys, Claims{
			"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": k.id,
			"x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:]),
		})
	}
	return Claims{"keys": keys}
}
