package oidc

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
)

// Bounds of what a token says of a person, in octets. A subject has 255 at most.
const (
	maxSubject = 255
)

// skew is how far the provider's clock may be ahead of ours.
const skew = time.Minute

// claims are what we read of an ID token besides what every one must have.
type claims struct {
	AuthorizedParty string `json:"azp"`
	AuthTime        int64  `json:"auth_time"`
	ACR             string `json:"acr"`
	AMR             amr    `json:"amr"`
	Username        string `json:"preferred_username"`
	Name            string `json:"name"`
}

// amr is a list of texts; some providers send the one that they have.
type amr []string

// UnmarshalJSON is of json.Unmarshaler.
func (a *amr) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*a = amr{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(a))
}

// verify verifies an ID token and reads it.
func (p *Provider) verify(ctx context.Context, m *metadata, s Secrets, raw string) (*Account, error) {
	keys := &watchedKeys{KeySet: m.keys}
	token, err := oidc.NewVerifier(p.Issuer, keys, &oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: m.Algorithms, Now: p.Now}).Verify(p.client.context(ctx), raw)
	if err != nil {
		if call := keys.err; call != nil && errors.Is(asked(call), ErrUnreachable) {
			return nil, asked(call)
		}
		return nil, fmt.Errorf("%w: %w", ErrAnswer, shortened(err))
	}
	var c claims
	if err := token.Claims(&c); err != nil {
		return nil, fmt.Errorf("%w: claims: %w", ErrProvider, shortened(err))
	}
	if err := p.mine(token, &c, s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	a := &Account{Issuer: p.Issuer, Subject: token.Subject, Name: c.Username, Strong: p.Strong.met(c.ACR, c.AMR)}
	if a.Name == "" {
		a.Name = c.Name
	}
	a.Name = legible(a.Name)
	if c.AuthTime > 0 {
		a.At = time.Unix(c.AuthTime, 0).UTC()
	}
	if p.Claim != "" {
		var all map[string]any
		if err := token.Claims(&all); err != nil {
			return nil, fmt.Errorf("%w: claims: %w", ErrProvider, shortened(err))
		}
		a.Claim, _ = all[p.Claim].(string)
	}
	return a, nil
}

// watchedKeys remembers why a signature could not be verified: the library keeps
// the text alone.
type watchedKeys struct {
	oidc.KeySet
	err error
}

// VerifySignature is of oidc.KeySet.
func (k *watchedKeys) VerifySignature(ctx context.Context, raw string) (payload []byte, err error) {
	payload, err = k.KeySet.VerifySignature(ctx, raw)
	k.err = err
	return payload, err
}

// mine says whether a token that the provider signed for us is that of this sign-in.
func (p *Provider) mine(token *oidc.IDToken, c *claims, s Secrets) error {
	switch {
	case !hmac.Equal([]byte(token.Nonce), []byte(s.Nonce)):
		return errors.New("another nonce")
	case c.AuthorizedParty != "" && c.AuthorizedParty != p.ClientID, c.AuthorizedParty == "" && len(token.Audience) > 1:
		return errors.New("another authorized party")
	case token.IssuedAt.After(p.Now().Add(skew)):
		return errors.New("issued in the future")
	case token.Subject == "" || len(token.Subject) > maxSubject || legible(token.Subject) != token.Subject:
		return errors.New("no subject")
	}
	return nil
}

// legible is a text without what cannot be shown, and not too long.
func legible(text string) string {
	text = string(slices.DeleteFunc([]rune(text), func(r rune) bool { return r == utf8.RuneError || !unicode.IsGraphic(r) }))
	for len(text) > maxSubject {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
