package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"blitiri.com.ar/go/spf"
	"github.com/miekg/dns"
)

// spf evaluates the policy of a domain for the addresses that our mail leaves
// from, as a receiver does: an include counts.
func (w Expectations) spf(ctx context.Context, q *asker, domain string) (f Finding, err error) {
	list, a, err := q.texts(ctx, domain)
	f = absent(a)
	f.Copy = []Entry{{domain, "TXT", w.SPF.policy("")}}
	if err != nil {
		return f, err
	}
	for _, text := range list {
		if isPolicy(text) {
			f.Found = append(f.Found, text)
		}
	}
	switch len(f.Found) {
	case 0:
		return f, nil
	case 1:
	default:
		f.Status, f.Reason = Wrong, SPFSeveral
		return f, nil
	}
	for _, ip := range w.SPF.Senders {
		if f.Status, f.Reason, err = q.passes(ctx, domain, ip); f.Status == OK && err == nil {
			continue
		}
		if f.Reason == SPFRefuses {
			f.Detail, f.Copy[0].Value = ip.String(), w.SPF.policy(f.Found[0])
		}
		return f, err
	}
	return f, nil
}

// passes says whether the policy of a domain lets an address pass.
func (q *asker) passes(ctx context.Context, domain string, ip netip.Addr) (Status, Reason, error) {
	through := &names{q: q}
	result, err := spf.CheckHostWithSender(net.IP(ip.AsSlice()), domain, "postmaster@"+domain, spf.WithContext(ctx), spf.WithResolver(through))
	switch {
	case result == spf.Pass:
		return OK, "", nil
	case through.failed != nil || result == spf.TempError:
		return Unknown, "", errors.Join(through.failed, err)
	case result == spf.PermError:
		return Wrong, SPFBroken, nil
	}
	return Wrong, SPFRefuses, nil
}

// isPolicy says whether a text is an SPF policy (RFC 7208, 4.5).
func isPolicy(text string) bool {
	version, _, _ := strings.Cut(text, " ")
	return strings.EqualFold(version, "v=spf1")
}

// maxPolicy is how long a policy may be, in bytes, to be amended rather than replaced.
const maxPolicy = 2000

// policy is the policy to publish: the one that is there with our terms before
// its own, or else one of ours alone.
func (s Senders) policy(there string) string {
	terms := s.terms()
	rest := strings.Fields(there)
	if len(rest) == 0 || len(there) > maxPolicy || shown(there) != there {
		return "v=spf1 " + strings.Join(terms, " ") + " ~all"
	}
	words := append([]string{"v=spf1"}, terms...)
	for _, word := range rest[1:] {
		if !slices.ContainsFunc(terms, func(t string) bool { return strings.EqualFold(strings.TrimLeft(word, "+-~?"), t) }) {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// names puts the questions of an evaluation through our resolvers, in the form
// of the standard library. A question that got no answer is noted: the
// evaluation goes on after some of them.
type names struct {
	q      *asker
	failed error
}

func (n *names) lookup(ctx context.Context, name string, t uint16) ([]dns.RR, error) {
	a, err := n.q.lookup(ctx, name, t)
	switch {
	case errors.Is(err, errLoop):
		return nil, &net.DNSError{Err: err.Error(), Name: name}
	case err != nil:
		n.failed = err
		return nil, &net.DNSError{Err: err.Error(), Name: name, IsTemporary: true}
	case len(a.records) == 0:
		return nil, &net.DNSError{Err: "no such record", Name: name, IsNotFound: true}
	}
	return a.records, nil
}

// LookupTXT is of spf.DNSResolver.
func (n *names) LookupTXT(ctx context.Context, name string) (list []string, err error) {
	rrs, err := n.lookup(ctx, name, dns.TypeTXT)
	for _, rr := range rrs {
		list = append(list, plain(strings.Join(rr.(*dns.TXT).Txt, "")))
	}
	return list, err
}

// LookupMX is of spf.DNSResolver.
func (n *names) LookupMX(ctx context.Context, name string) (list []*net.MX, err error) {
	rrs, err := n.lookup(ctx, name, dns.TypeMX)
	for _, rr := range rrs {
		mx := rr.(*dns.MX)
		list = append(list, &net.MX{Host: mx.Mx, Pref: mx.Preference})
	}
	return list, err
}

// LookupIPAddr is of spf.DNSResolver.
func (n *names) LookupIPAddr(ctx context.Context, host string) (list []net.IPAddr, err error) {
	for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
		rrs, err := n.lookup(ctx, host, t)
		var none *net.DNSError
		if errors.As(err, &none) && none.IsNotFound {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, rr := range rrs {
			switch rr := rr.(type) {
			case *dns.A:
				list = append(list, net.IPAddr{IP: rr.A})
			case *dns.AAAA:
				list = append(list, net.IPAddr{IP: rr.AAAA})
			}
		}
	}
	if len(list) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return list, nil
}

// LookupAddr is of spf.DNSResolver.
func (n *names) LookupAddr(ctx context.Context, address string) (list []string, err error) {
	name, err := dns.ReverseAddr(address)
	if err != nil {
		return nil, fmt.Errorf("reverse %s: %w", address, err)
	}
	rrs, err := n.lookup(ctx, name, dns.TypePTR)
	for _, rr := range rrs {
		list = append(list, rr.(*dns.PTR).Ptr)
	}
	return list, err
}
