package dns

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"blitiri.com.ar/go/spf"
)

// Expectations are what the operator wants domains to publish. What is empty is
// not looked at.
type Expectations struct {
	MX    Hosts
	SPF   Senders
	DKIM  Key
	DMARC string // the record to recommend
}

// IsZero says whether there is nothing to look at.
func (w Expectations) IsZero() bool {
	return len(w.MX) == 0 && len(w.SPF.Senders) == 0 && w.DKIM.Selector == "" && w.DMARC == ""
}

// Hosts are the names of mail servers, in lower case, the preferred one first.
type Hosts []string

// hostName is a name of a host in full, in lower case and ASCII; aliasName may
// have labels that begin with an underscore.
var (
	hostName  = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
	aliasName = regexp.MustCompile(`^(_?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

const (
	maxName  = 253
	maxHosts = 10
)

// ParseHosts reads names parted by commas.
func ParseHosts(text string) (hosts Hosts, err error) {
	for part := range strings.SplitSeq(text, ",") {
		host := strings.ToLower(strings.TrimSuffix(strings.TrimSpace(part), "."))
		if !hostName.MatchString(host) || len(host) > maxName || isAddress(host) {
			return nil, fmt.Errorf("%q is no name of a server in full, as mx1.example.org", strings.TrimSpace(part))
		}
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	if len(hosts) > maxHosts {
		return nil, fmt.Errorf("want %d servers at most", maxHosts)
	}
	return hosts, nil
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// String writes the hosts as they are read.
func (h Hosts) String() string { return strings.Join(h, ", ") }

// Senders are the addresses that mail leaves from, and the SPF terms that let
// them pass.
type Senders struct {
	Terms   []string
	Senders []netip.Addr
}

// maxSenders bounds how often a policy is evaluated.
const maxSenders = 4

// ParseSenders reads addresses and terms parted by commas. Without terms each
// address is one. It is an error if the terms, as far as they need no look into
// the DNS, cannot be read.
func ParseSenders(text string) (s Senders, err error) {
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if ip, err := netip.ParseAddr(part); err == nil && ip.Zone() == "" {
			s.Senders = append(s.Senders, ip.Unmap())
			continue
		}
		if !readableTerm(part) {
			return Senders{}, fmt.Errorf("%q is neither an address nor a term of SPF, as include:spf.example.org", part)
		}
		s.Terms = append(s.Terms, part)
	}
	switch {
	case len(s.Senders) == 0:
		return Senders{}, errors.New("want an address that mail leaves from too, as include:spf.example.org, 192.0.2.1")
	case len(s.Senders) > maxSenders:
		return Senders{}, fmt.Errorf("want %d addresses at most", maxSenders)
	}
	return s, nil
}

// readableTerm says whether a term may stand in a policy before its "all".
func readableTerm(term string) bool {
	name, value, _ := strings.Cut(strings.ToLower(term), ":")
	if !slices.Contains([]string{"include", "a", "mx", "ip4", "ip6", "exists"}, name) || value == "" && name != "mx" && name != "a" || strings.ContainsAny(term, " \"\\;") || shown(term) != term {
		return false
	}
	result, _ := spf.CheckHostWithSender(net.IPv4(192, 0, 2, 255), "", "postmaster@"+ourself, spf.WithResolver(policyOnly("v=spf1 "+term+" ~all")))
	return result != spf.PermError
}

// terms are those to publish.
func (s Senders) terms() []string {
	if len(s.Terms) > 0 {
		return s.Terms
	}
	var terms []string
	for _, ip := range s.Senders {
		if ip.Is4() {
			terms = append(terms, "ip4:"+ip.String())
		} else {
			terms = append(terms, "ip6:"+ip.String())
		}
	}
	return terms
}

// String writes the senders as they are read.
func (s Senders) String() string {
	list := slices.Clone(s.Terms)
	for _, ip := range s.Senders {
		list = append(list, ip.String())
	}
	return strings.Join(list, ", ")
}

// policyOnly is a DNS with one policy, that of ourself, which others it leads to let nobody pass.
type policyOnly string

const ourself = "x.invalid"

func (p policyOnly) LookupTXT(_ context.Context, name string) ([]string, error) {
	if name != ourself {
		p = "v=spf1 -all"
	}
	return []string{string(p)}, nil
}
func (policyOnly) LookupMX(context.Context, string) ([]*net.MX, error) { return nil, nil }
func (policyOnly) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) {
	return nil, nil
}
func (policyOnly) LookupAddr(context.Context, string) ([]string, error) { return nil, nil }

// Key is the DKIM key that mail is signed with: either itself, or the name whose
// key counts, to which domains lead by a CNAME.
type Key struct {
	Selector string
	Public   string // base64
	Host     string
}

var selectorShape = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

// ParseKey reads SELECTOR=KEY or SELECTOR=NAME.
func ParseKey(text string) (Key, error) {
	selector, value, found := strings.Cut(text, "=")
	k := Key{Selector: strings.ToLower(strings.TrimSpace(selector))}
	if !found || !selectorShape.MatchString(k.Selector) || len(k.Selector) > maxName/2 {
		return Key{}, errors.New("want SELECTOR=KEY with the public key in base64, or SELECTOR=NAME of the record that has it")
	}
	value = strings.Join(strings.Fields(value), "")
	if host := strings.ToLower(strings.TrimSuffix(value, ".")); strings.Contains(host, ".") {
		if k.Host = host; !aliasName.MatchString(host) || len(host) > maxName || isAddress(host) {
			return Key{}, fmt.Errorf("%q is no name of a record in full, as mandat._domainkey.example.org", value)
		}
		return k, nil
	}
	k.Public = value
	if keyType(value) == "" {
		return Key{}, errors.New("want the public key, an RSA one of 1024 to 4096 bits or an Ed25519 one, in base64 as behind p= in its record")
	}
	return k, nil
}

// keyType is "rsa" or "ed25519" (RFC 8463), or "" for what is no public key.
func keyType(public string) string {
	der, err := base64.StdEncoding.DecodeString(public)
	if err != nil {
		return ""
	}
	if len(der) == 32 {
		return "ed25519"
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		if key, err = x509.ParsePKCS1PublicKey(der); err != nil {
			return ""
		}
	}
	if k, ok := key.(*rsa.PublicKey); ok && k.N.BitLen() >= 1024 && k.N.BitLen() <= 4096 {
		return "rsa"
	}
	return ""
}

// String writes the key as it is read.
func (k Key) String() string {
	if k.Selector == "" {
		return ""
	}
	return k.Selector + "=" + k.Public + k.Host
}

// ParseDMARC reads a DMARC record that can be recommended.
func ParseDMARC(text string) (string, error) {
	if _, ok := dmarcPolicy(text); !ok || shown(text) != text {
		return "", errors.New("want a DMARC record, as v=DMARC1; p=none")
	}
	return text, nil
}
