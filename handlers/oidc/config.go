package oidc

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// ParseIssuer reads the address that a provider calls itself by. It is kept to
// the letter: providers differ about a slash at its end.
func ParseIssuer(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.ContainsAny(text, "#?") {
		return "", errors.New("want the issuer of a provider, as https://sso.example.org/realms/staff")
	}
	switch {
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return text, nil
	case u.Scheme == "http":
		return "", errors.New("http is for loopback only: what is asked there has a secret")
	}
	return "", errors.New("want https, or http on loopback")
}

// loopback says whether a host is this very machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

// Host is where the issuer is: the name of a provider that has no other.
func (c Config) Host() string {
	u, err := url.Parse(c.Issuer)
	if err != nil {
		return c.Issuer
	}
	return u.Host
}

// mutable are claims that people change themselves, or that are given to
// somebody else one day. An address of email is both, and here it is more: who
// manages a mailbox reads it, and could be whoever the address is of.
var mutable = []string{"email", "email_verified", "name", "given_name", "family_name", "middle_name", "nickname", "phone_number", "profile", "picture", "website"}

// ParseClaim reads the name of the claim whose value is an identifier.
func ParseClaim(text string) (string, error) {
	if slices.Contains(mutable, strings.ToLower(text)) {
		return "", fmt.Errorf("%s is nobody's for good: want a claim that people cannot change, as preferred_username", text)
	}
	if len(text) > 100 || strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }) {
		return "", errors.New("want the name of one claim, as preferred_username")
	}
	return text, nil
}

// Strong are the ways in which an ID token says that a second factor was asked for.
type Strong []StrongClaim

// StrongClaim is one of them: a value of acr, or among those of amr.
type StrongClaim struct{ Name, Value string }

// ParseStrong reads them, parted by commas, as "amr=mfa, acr=2".
func ParseStrong(text string) (s Strong, err error) {
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if name, value = strings.TrimSpace(name), strings.TrimSpace(value); !ok || value == "" || name != "acr" && name != "amr" || strings.ContainsFunc(value, unicode.IsSpace) {
			return nil, errors.New("want what the ID token has after a second factor, as amr=mfa or acr=2, parted by commas")
		}
		s = append(s, StrongClaim{name, value})
	}
	return s, nil
}

// String is how it is written.
func (s Strong) String() string {
	parts := make([]string, len(s))
	for i, c := range s {
		parts[i] = c.Name + "=" + c.Value
	}
	return strings.Join(parts, ", ")
}

func (s Strong) met(acr string, amr []string) bool {
	return slices.ContainsFunc(s, func(c StrongClaim) bool {
		return c.Name == "acr" && c.Value == acr || c.Name == "amr" && slices.Contains(amr, c.Value)
	})
}

// acr are the values to ask for: a provider may do more than it must.
func (s Strong) acr() string {
	var values []string
	for _, c := range s {
		if c.Name == "acr" {
			values = append(values, c.Value)
		}
	}
	return strings.Join(values, " ")
}
