package oidc_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"example.org/mandat/handlers/oidc"
	"example.org/mandat/handlers/oidc/oidctest"
)

// What the crafted provider does as we think it ought to, a real one does its own way.
func TestARealProvider(t *testing.T) {
	t.Parallel()
	real := oidctest.Start(t)
	c := config(real.Issuer)
	c.Claim, c.ClientSecret = "preferred_username", oidctest.PlainSecret
	real.Register(c.Redirect)
	real.Add("ad1001-mdt", "Alice Durand")
	real.Add("bm1002-mdt", "Bruno Martin")
	p := oidc.New(c)
	there, err := p.Departure(t.Context(), oidc.Derive(token), false)
	if err != nil {
		t.Fatal(err)
	}
	arrive := func(username, cookie, there string) (*oidc.Account, error) {
		return p.Arrival(t.Context(), oidc.Derive(cookie), answerOf(real.Visit(username, there)))
	}
	alice, err := arrive("ad1001-mdt", token, there)
	if err != nil || alice.Subject == "" || alice.Subject == "ad1001-mdt" || alice.Issuer != real.Issuer || alice.Claim != "ad1001-mdt" || alice.Name != "ad1001-mdt" || alice.Strong {
		t.Fatalf("%+v %v", alice, err)
	}
	bruno, err := arrive("bm1002-mdt", token, there)
	if err != nil || bruno.Subject == alice.Subject {
		t.Errorf("%+v %v", bruno, err)
	}
	if again, err := arrive("ad1001-mdt", token, there); err != nil || again.Subject != alice.Subject {
		t.Errorf("%+v %v", again, err)
	}

	a := answerOf(real.Visit("ad1001-mdt", there))
	if a.Issuer != real.Issuer {
		t.Errorf("it names itself %q", a.Issuer)
	}
	if _, err := p.Arrival(t.Context(), oidc.Derive("another"), a); !errors.Is(err, oidc.ErrAnswer) {
		t.Errorf("another browser: %v", err)
	}
	// Somebody who got hold of the code, and has a sign-in of their own under way.
	stolen := a
	stolen.State = oidc.Derive("another").State
	if _, err := p.Arrival(t.Context(), oidc.Derive("another"), stolen); !errors.Is(err, oidc.ErrAnswer) && !errors.Is(err, oidc.ErrProvider) {
		t.Errorf("a code without its verifier: %v", err)
	}
	twice := answerOf(real.Visit("ad1001-mdt", there))
	if _, err := p.Arrival(t.Context(), oidc.Derive(token), twice); err != nil {
		t.Error(err)
	}
	if _, err := p.Arrival(t.Context(), oidc.Derive(token), twice); err == nil {
		t.Error("a code works twice")
	}
	c.ClientSecret = "another"
	wrong := oidc.New(c)
	if _, err := wrong.Arrival(t.Context(), oidc.Derive(token), answerOf(real.Visit("ad1001-mdt", there))); !errors.Is(err, oidc.ErrProvider) && !errors.Is(err, oidc.ErrAnswer) {
		t.Errorf("another secret: %v", err)
	}
	if x := p.Examine(t.Context()); x.Discovery != nil || x.Keys != nil || x.Way != nil {
		t.Errorf("examined: %+v", x)
	}
	c.Redirect += "/other"
	if x := oidc.New(c).Examine(t.Context()); x.Discovery != nil || x.Keys != nil || !errors.Is(x.Way, oidc.ErrProvider) {
		t.Errorf("examined with an address that it does not know: %+v", x)
	}
	u, err := url.Parse(p.SignOutURL())
	if err != nil || !strings.HasPrefix(p.SignOutURL(), strings.TrimSuffix(real.Issuer, "/api/oidc")) || u.Query().Get("client_id") != oidctest.ClientID {
		t.Errorf("%s %v", p.SignOutURL(), err)
	}
}
