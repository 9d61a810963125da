package oidc

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"golang.org/x/oauth2"
)

// Examination is what asking a provider found. An error of a part leaves the
// following ones unasked.
type Examination struct {
	Discovery error // it cannot be read, calls itself otherwise, or names addresses that are none
	Keys      error // none with which it could sign
	Way       error // it does not lead people here: it knows no such client, or another redirect address
	Sure      bool  // that it leads people here: many providers show a page of their own, whatever comes then
}

// Examine asks the provider for the operator, within a limit and anew: nothing
// that is known is used. Nobody signs in by it.
func (p *Provider) Examine(ctx context.Context) (x Examination) {
	ctx, cancel := context.WithTimeout(ctx, 2*workTimeout)
	defer cancel()
	m, err := p.read(ctx)
	if x.Discovery = err; err != nil {
		return x
	}
	if x.Keys = p.examineKeys(ctx, m); x.Keys != nil {
		return x
	}
	x.Sure, x.Way = p.examineWay(ctx, m)
	return x
}

func (p *Provider) examineKeys(ctx context.Context, m *metadata) error {
	response, err := p.visit(ctx, m.KeysURL)
	if err != nil {
		return err
	}
	var set struct {
		Keys []struct {
			Type string `json:"kty"`
			Use  string `json:"use"`
		} `json:"keys"`
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w: status %d", ErrProvider, response.StatusCode)
	}
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		return fmt.Errorf("%w: %w", ErrProvider, shortened(err))
	}
	for _, k := range set.Keys {
		if (k.Use == "" || k.Use == "sig") && slices.Contains([]string{"RSA", "EC", "OKP"}, k.Type) {
			return nil
		}
	}
	return fmt.Errorf("%w: of %d keys, none signs", ErrProvider, len(set.Keys))
}

// examineWay goes where a person would be led, as one whom the provider does not
// remember, and asks that it show no page.
func (p *Provider) examineWay(ctx context.Context, m *metadata) (sure bool, err error) {
	s := Derive(oauth2.GenerateVerifier())
	to := p.oauth(m).AuthCodeURL(s.State, oauth2.S256ChallengeOption(s.Verifier), oauth2.SetAuthURLParam("nonce", s.Nonce), oauth2.SetAuthURLParam("prompt", "none"))
	response, err := p.visit(ctx, to)
	if err != nil {
		return false, err
	}
	back, err := response.Location()
	switch {
	case response.StatusCode >= http.StatusBadRequest:
		return false, fmt.Errorf("%w: it refuses with status %d", ErrProvider, response.StatusCode)
	case err != nil || back.Scheme+"://"+back.Host+back.Path != p.Redirect:
		return false, nil
	}
	code := answered(back)
	if slices.Contains(wellAnswered, code) {
		return true, nil
	}
	return false, fmt.Errorf("%w: %s", ErrProvider, errorCode(code))
}

// wellAnswered is what a provider says that would ask the person: "" is a code.
var wellAnswered = []string{"", "access_denied", "account_selection_required", "consent_required", "interaction_required", "login_required"}

// answered is the error that a provider leads back with.
func answered(back *url.URL) string {
	if code := back.Query().Get("error"); code != "" {
		return code
	}
	fragment, err := url.ParseQuery(back.Fragment)
	if err != nil {
		return ""
	}
	return fragment.Get("error")
}

// visit asks for an address, without following where it leads.
func (p *Provider) visit(ctx context.Context, address string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrProvider, shortened(err))
	}
	response, err := p.client.Do(r) // its body is read already: see bounded
	if err != nil {
		return nil, asked(err)
	}
	return response, nil
}
