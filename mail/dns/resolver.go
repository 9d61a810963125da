package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/miekg/dns"
)

// Resolver is whom questions are put to. The zero Resolver is nobody.
type Resolver struct {
	system  bool
	servers []string // address and port
}

const systemResolver = "system"

// resolvConf is where the system names its resolvers.
const resolvConf = "/etc/resolv.conf"

// ParseResolver reads a resolver as the operator writes it: "system" for those
// of /etc/resolv.conf, or addresses, each with a port or not, parted by commas.
func ParseResolver(text string) (Resolver, error) {
	if text == systemResolver {
		return Resolver{system: true}, nil
	}
	var r Resolver
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		at, err := netip.ParseAddrPort(part)
		if err != nil {
			ip, err := netip.ParseAddr(strings.Trim(part, "[]"))
			if err != nil {
				return Resolver{}, fmt.Errorf("%q is no address: want system, or addresses of resolvers as 127.0.0.1 or [::1]:5353", part)
			}
			at = netip.AddrPortFrom(ip, 53)
		}
		if at.Port() == 0 {
			return Resolver{}, fmt.Errorf("%q has no port from 1 to 65535", part)
		}
		r.servers = append(r.servers, at.String())
	}
	if len(r.servers) > maxServers {
		return Resolver{}, fmt.Errorf("want %d resolvers at most", maxServers)
	}
	return r, nil
}

// IsZero says whether there is nobody to ask.
func (r Resolver) IsZero() bool { return !r.system && len(r.servers) == 0 }

// String writes the resolver as it was read.
func (r Resolver) String() string {
	if r.system {
		return systemResolver
	}
	return strings.Join(r.servers, ", ")
}

// list is the servers to ask. The system's are read anew each time: they change
// with the network, and come back by themselves.
func (r Resolver) list() []string {
	if !r.system {
		return r.servers
	}
	conf, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		return nil
	}
	var list []string
	for _, s := range conf.Servers[:min(len(conf.Servers), maxServers)] {
		list = append(list, net.JoinHostPort(s, conf.Port))
	}
	return list
}

// Bounds of one report.
const (
	maxServers   = 3
	maxAliases   = 8   // from a name to what it means
	maxQuestions = 100 // SPF alone may need dozens
	maxUDP       = 1232
)

var (
	errNobody = errors.New("there is no resolver")
	errLoop   = errors.New("aliases lead in a circle, or through too many")
	errTooFar = errors.New("too many questions")
)

// asker puts the questions of one report.
type asker struct {
	servers []string
	good    atomic.Int32 // the server that answered last: one that is away costs its time once
	left    atomic.Int32
}

func newAsker(r Resolver) *asker {
	q := &asker{servers: r.list()}
	q.left.Store(maxQuestions)
	return q
}

// answer is what a name has of one type, at the end of its aliases.
type answer struct {
	records []dns.RR
	exists  bool     // the name: without records it has others
	aliases []string // names that it leads through, the last one meant; none for the name itself
}

// lookup asks for the records of a type. An error says that nothing is known.
func (q *asker) lookup(ctx context.Context, name string, t uint16) (a answer, err error) {
	at := dns.CanonicalName(name)
	if _, ok := dns.IsDomainName(at); !ok {
		return a, nil // nothing can be there
	}
	for {
		r, err := q.ask(ctx, at, t)
		if err != nil {
			return a, err
		}
		from := at
		if at, err = a.follow(at, r.Answer); err != nil {
			return a, err
		}
		for _, rr := range r.Answer {
			_, bare := rr.(*dns.RR_Header) // without what it is about
			if h := rr.Header(); h.Rrtype == t && dns.CanonicalName(h.Name) == at && !bare {
				a.records = append(a.records, rr)
			}
		}
		a.exists = r.Rcode == dns.RcodeSuccess
		if len(a.records) > 0 || !a.exists || from == at {
			return a, nil
		} // else a server that does not follow aliases itself
	}
}

// follow goes along the aliases of an answer.
func (a *answer) follow(at string, rrs []dns.RR) (string, error) {
	leads := map[string]string{}
	for _, rr := range rrs {
		if c, ok := rr.(*dns.CNAME); ok {
			leads[dns.CanonicalName(c.Hdr.Name)] = dns.CanonicalName(c.Target)
		}
	}
	for to, ok := leads[at]; ok; to, ok = leads[at] {
		if len(a.aliases) == maxAliases || to == at {
			return "", errLoop
		}
		a.aliases, at = append(a.aliases, to), to
	}
	return at, nil
}

// ask asks the servers in turn until one knows.
func (q *asker) ask(ctx context.Context, name string, t uint16) (*dns.Msg, error) {
	err := errNobody
	first := int(q.good.Load())
	for i := range q.servers {
		n := (first + i) % len(q.servers)
		if q.left.Add(-1) < 0 {
			return nil, errTooFar
		}
		r, failed := exchange(ctx, q.servers[n], name, t)
		if failed == nil {
			q.good.Store(int32(n))
			return r, nil
		}
		err = fmt.Errorf("%s of %s: %w", dns.TypeToString[t], name, failed)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// exchange asks one server; an answer is that the name has records, that it has
// none of this type, or that it does not exist.
func exchange(ctx context.Context, server, name string, t uint16) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(name, t)
	m.SetEdns0(maxUDP, false)
	r, err := send(ctx, server, m)
	if err == nil && r.Rcode == dns.RcodeFormatError { // a server that knows no EDNS0
		m.Extra = nil
		r, err = send(ctx, server, m)
	}
	switch {
	case err != nil:
		return nil, err
	case !r.Response || len(r.Question) != 1 || dns.CanonicalName(r.Question[0].Name) != name || r.Question[0].Qtype != t:
		return nil, errors.New("the answer is to another question")
	case r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError:
		return nil, fmt.Errorf("the resolver says %s", dns.RcodeToString[r.Rcode])
	}
	return r, nil
}

// send uses UDP, and TCP for what does not fit.
func send(ctx context.Context, server string, m *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	r, _, err := new(dns.Client).ExchangeContext(ctx, m, server)
	var unreadable *dns.Error
	if err == nil && r.Truncated || errors.As(err, &unreadable) {
		r, _, err = (&dns.Client{Net: "tcp"}).ExchangeContext(ctx, m, server)
		if err == nil && r.Truncated {
			return nil, errors.New("the answer is cut off")
		}
	}
	return r, err
}
