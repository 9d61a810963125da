package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// How long what a provider publishes of itself is taken for true, may be used
// while it does not answer, and how soon it is asked again then.
const (
	freshFor = time.Hour
	staleFor = 24 * time.Hour
	restFor  = 3 * time.Second
)

// metadata is what a provider publishes of itself.
type metadata struct {
	endpoint oauth2.Endpoint
	keys     oidc.KeySet
	at       time.Time

	EndSession  string   `json:"end_session_endpoint"`
	AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
	Scopes      []string `json:"scopes_supported"`
	NamesItself bool     `json:"authorization_response_iss_parameter_supported"`
	KeysURL     string   `json:"jwks_uri"`
	Algorithms  []string `json:"id_token_signing_alg_values_supported"`
}

// read asks the provider. The issuer that it names must be ours to the letter.
func (p *Provider) read(ctx context.Context) (*metadata, error) {
	provider, err := oidc.NewProvider(p.client.context(ctx), p.Issuer)
	var other *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &other):
		return nil, fmt.Errorf("%w: it calls itself %.200q", ErrProvider, other.Discovered)
	case err != nil:
		return nil, asked(err)
	}
	m := &metadata{endpoint: provider.Endpoint(), at: p.Now()}
	if err := provider.Claims(m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProvider, shortened(err))
	}
	for _, u := range []string{m.endpoint.AuthURL, m.endpoint.TokenURL, m.KeysURL} {
		if !p.sends(u) {
			return nil, fmt.Errorf("%w: its endpoint %.200q is no address to send secrets to", ErrProvider, u)
		}
	}
	if !p.sends(m.EndSession) {
		m.EndSession = ""
	}
	m.keys = oidc.NewRemoteKeySet(p.client.context(context.WithoutCancel(ctx)), m.KeysURL)
	m.Algorithms = slices.DeleteFunc(m.Algorithms, func(a string) bool { return !slices.Contains(signed, a) })
	return m, nil
}

// signed are the ways in which a token may be signed: with a key that only the
// provider has. "none" is none, and the client's secret is no key of its own.
var signed = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// sends says whether an endpoint may be given secrets, or people: over TLS, but
// for a provider that is itself on this machine without.
func (p *Provider) sends(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	own, err := url.Parse(p.Issuer)
	return u.Scheme == "https" || u.Scheme == "http" && err == nil && own.Scheme == "http" && loopback(u.Hostname())
}

// discovery is what is known of the provider. Whoever needs it first asks, and
// the others wait for the same answer.
type discovery struct {
	read func(context.Context) (*metadata, error)
	now  func() time.Time

	mu     sync.Mutex
	last   *metadata
	err    error // of the last time, since when
	failed time.Time
	asking chan struct{} // closed when the answer is there; nil: nobody asks
}

func (d *discovery) get(ctx context.Context) (*metadata, error) {
	d.mu.Lock()
	m, err, failed := d.last, d.err, d.failed
	if m != nil && d.within(m.at, freshFor) {
		d.mu.Unlock()
		return m, nil
	}
	usable := m != nil && d.within(m.at, staleFor)
	if err != nil && d.within(failed, restFor) {
		d.mu.Unlock()
		if usable {
			return m, nil
		}
		return nil, err
	}
	if d.asking == nil {
		d.asking = make(chan struct{})
		go d.ask(context.WithoutCancel(ctx), d.asking)
	}
	asking := d.asking
	d.mu.Unlock()
	select {
	case <-asking:
	case <-ctx.Done():
		if usable {
			return m, nil
		}
		return nil, fmt.Errorf("%w: in time", ErrUnreachable)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last != nil && (d.err == nil || d.within(d.last.at, staleFor)) {
		return d.last, nil
	}
	return nil, d.err
}

func (d *discovery) ask(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	m, err := d.guarded(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err = err; err == nil {
		d.last = m
	} else {
		d.failed = d.now()
	}
	d.asking = nil
	close(done)
}

// guarded makes an error of a panic: read looks at what strangers wrote, and the
// goroutine has nobody above it who would catch one.
func (d *discovery) guarded(ctx context.Context) (m *metadata, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: panic: %v\n%s", ErrProvider, r, debug.Stack())
		}
	}()
	return d.read(ctx)
}

// within says whether a moment is less than a while ago. A clock that went back
// counts as too long.
func (d *discovery) within(at time.Time, while time.Duration) bool {
	ago := d.now().Sub(at)
	return ago >= 0 && ago < while
}

// recall is what is known without asking, nil for nothing.
func (d *discovery) recall() *metadata {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.last
}
