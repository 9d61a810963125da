// Package oidc signs people in by OpenID Connect: it leads them to a provider
// (authorization code with PKCE) and reads what the provider says of them. It
// knows nothing of the nouns: who a person is to the panel, others decide.
//
// # Why three secrets come out of one
//
// State, nonce and PKCE verifier of a sign-in are derived from one random token
// that only the browser keeps, in a cookie. The server then has nothing that
// would be worth stealing: a hash by which it knows that it gave the token out,
// to be taken once.
//
// # Why the provider is asked late
//
// A panel whose provider is away must start, and let everybody in who has a
// password. What the provider publishes of itself is read when the first person
// wants to go there, and again each hour; keys are read again when a token was
// signed with one that nobody has seen.
package oidc

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"golang.org/x/oauth2"
)

// Config is what the operator says of a provider.
type Config struct {
	Issuer       string // exactly as the provider has it: see ParseIssuer
	ClientID     string
	ClientSecret string // "": a public client, which PKCE alone protects
	Label        string // what people call the provider
	Claim        string // of the ID token, whose value is an identifier; "": none is
	Strong       Strong // what says that a second factor was asked for

	Redirect string // where the provider leads back to
	Home     string // where it leads after signing out
	Now      func() time.Time
}

// What becomes of a sign-in that fails. An error of this package is one of
// these, with what is for the log.
var (
	ErrDenied      = errors.New("oidc: refused at the provider")      // by the person, or the provider's rules
	ErrUnreachable = errors.New("oidc: the provider does not answer") // in time, or at all
	ErrProvider    = errors.New("oidc: the provider answers nonsense")
	ErrAnswer      = errors.New("oidc: not the answer to this question") // of another sign-in, of another provider, used, or forged
)

// Account is a person as the provider knows them.
type Account struct {
	Issuer, Subject string
	Name            string // to be recognised by; nothing rests on it
	Claim           string // of Config.Claim; "" when there is none
	Strong          bool   // the provider asked for a second factor that counts
	At              time.Time
}

// Secrets are of one sign-in.
type Secrets struct{ State, Nonce, Verifier string }

// Derive gives the secrets that belong to a random token.
func Derive(token string) Secrets {
	part := func(label string) string {
		mac := hmac.New(sha256.New, []byte(token))
		mac.Write([]byte("oidc " + label))
		return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	return Secrets{State: part("state"), Nonce: part("nonce"), Verifier: part("verifier")}
}

// Answered says whether a state is that of this sign-in.
func (s Secrets) Answered(state string) bool { return hmac.Equal([]byte(state), []byte(s.State)) }

// Answer is what the provider leads a person back with.
type Answer struct {
	Code, State string
	Issuer      string // RFC 9207; "" when the provider names itself not
}

// workTimeout bounds what the provider is asked in one go.
const workTimeout = 8 * time.Second

// atOnce bounds how many people's answers are redeemed at the same time.
const atOnce = 16

// Provider is one provider. Its methods are safe for concurrent use.
type Provider struct {
	Config
	client *client
	known  discovery
	slots  chan struct{}
}

// New asks nobody anything yet.
func New(c Config) *Provider {
	p := &Provider{Config: c, client: newClient(), slots: make(chan struct{}, atOnce)}
	p.known.read = p.read
	p.known.now = c.Now
	return p
}

// Departure is where to lead a person. again asks that they prove anew who they
// are, although the provider may remember them.
func (p *Provider) Departure(ctx context.Context, s Secrets, again bool) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	m, err := p.known.get(ctx)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(s.Verifier), oauth2.SetAuthURLParam("nonce", s.Nonce)}
	if values := p.Strong.acr(); values != "" {
		options = append(options, oauth2.SetAuthURLParam("acr_values", values))
	}
	if again {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	return p.oauth(m).AuthCodeURL(s.State, options...), nil
}

func (p *Provider) oauth(m *metadata) *oauth2.Config {
	endpoint := m.endpoint
	endpoint.AuthStyle = oauth2.AuthStyleInHeader // to try which one works would use up the code
	if p.ClientSecret == "" || len(m.AuthMethods) > 0 && !slices.Contains(m.AuthMethods, "client_secret_basic") {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	scopes := []string{"openid"}
	if len(m.Scopes) == 0 || slices.Contains(m.Scopes, "profile") {
		scopes = append(scopes, "profile")
	}
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: endpoint, RedirectURL: p.Redirect, Scopes: scopes}
}

// Arrival is who came back with an answer. It belongs to the secrets, or is
// ErrAnswer before anybody is asked.
func (p *Provider) Arrival(ctx context.Context, s Secrets, a Answer) (*Account, error) {
	if !s.Answered(a.State) {
		return nil, fmt.Errorf("%w: another state", ErrAnswer)
	}
	if a.Issuer != "" && a.Issuer != p.Issuer {
		return nil, fmt.Errorf("%w: another issuer", ErrAnswer)
	}
	if a.Code == "" {
		return nil, fmt.Errorf("%w: no code", ErrAnswer)
	}
	ctx, cancel := context.WithTimeout(ctx, workTimeout)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: too many at once", ErrUnreachable)
	}
	m, err := p.known.get(ctx)
	if err != nil {
		return nil, err
	}
	if m.NamesItself && a.Issuer == "" {
		return nil, fmt.Errorf("%w: no issuer", ErrAnswer)
	}
	raw, err := p.redeem(ctx, m, s, a.Code)
	if err != nil {
		return nil, err
	}
	return p.verify(ctx, m, s, raw)
}

// redeem exchanges a code for an ID token. What else comes with it is of no use
// to us and forgotten.
func (p *Provider) redeem(ctx context.Context, m *metadata, s Secrets, code string) (string, error) {
	token, err := p.oauth(m).Exchange(p.client.context(ctx), code, oauth2.VerifierOption(s.Verifier))
	var refusal *oauth2.RetrieveError
	switch {
	case errors.As(err, &refusal):
		if refusal.ErrorCode == "invalid_grant" {
			return "", fmt.Errorf("%w: invalid_grant", ErrAnswer)
		}
		return "", fmt.Errorf("%w: the token is refused: %s", ErrProvider, errorCode(refusal.ErrorCode))
	case err != nil:
		return "", asked(err)
	}
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return "", fmt.Errorf("%w: no ID token", ErrProvider)
	}
	return raw, nil
}

// SignOutURL is where a person ends what the provider remembers of them, "" when
// the provider offers nothing, or is not known at this moment.
func (p *Provider) SignOutURL() string {
	m := p.known.recall()
	if m == nil || m.EndSession == "" {
		return ""
	}
	u, err := url.Parse(m.EndSession)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", p.ClientID)
	q.Set("post_logout_redirect_uri", p.Home)
	u.RawQuery = q.Encode()
	return u.String()
}

// Refused is what a provider's error means that comes back instead of a code.
func Refused(code string) error {
	if code == "server_error" || code == "temporarily_unavailable" {
		return fmt.Errorf("%w: %s", ErrUnreachable, code)
	}
	return fmt.Errorf("%w: %s", ErrDenied, errorCode(code))
}

// errorCode is an error code of a provider (RFC 6749) for the log: what is none
// of the protocol's is somebody's text.
func errorCode(code string) string {
	if slices.Contains(errorCodes, code) {
		return code
	}
	return "an unknown error"
}

var errorCodes = []string{
	"access_denied", "account_selection_required", "consent_required", "interaction_required", "invalid_client", "invalid_grant", "invalid_request",
	"invalid_scope", "login_required", "request_not_supported", "server_error", "temporarily_unavailable", "unauthorized_client", "unmet_authentication_requirements",
	"unsupported_grant_type", "unsupported_response_type",
}
