// Package connect has the connections of package imap: the one dialer for
// servers that somebody names, what bounds them, and the protocol itself.
//
// # Why the address is looked at when it is dialled
//
// The name of a server is what a stranger typed, and its owner decides what it
// means, at each moment anew. So not the name is judged but the address that the
// connection is about to be made to, by the system call that makes it.
//
// # Why go-imap is nowhere else
//
// Its second version is a beta. What it does not bound, the connection does
// beneath it: see wire.
package connect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/idna"

	"example.org/mandat/mail/imap"
)

// Policy is what may be connected to.
type Policy struct {
	Networks []netip.Prefix // besides the public addresses
	Ports    []int          // nil: StandardPorts
	Clear    bool           // without TLS too, on loopback, where that is within Networks

	Roots    *x509.CertPool // nil: the system's
	Resolver Resolver       // nil: the system's
}

// Resolver is what a name means.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// StandardPorts are those of IMAP.
var StandardPorts = []int{143, 993}

// Limits on making a connection.
const (
	dialTimeout  = 10 * time.Second // for each address
	openTimeout  = 45 * time.Second // for all of them, TLS and signing in
	maxAddresses = 4
	maxGreeting  = 8 << 10
)

// CheckServer says whether a server might be connected to, before anything is
// asked about it: ErrForbidden, ErrInsecure, ErrUnknown. It gives the server as
// it is dialled, with the name in the form that DNS has it in.
func (p Policy) CheckServer(s imap.Server) (imap.Server, error) {
	ports := p.Ports
	if ports == nil {
		ports = StandardPorts
	}
	host, literal, err := parseHost(s.Host)
	switch {
	case err != nil:
		return s, err
	case !slices.Contains(ports, s.Port):
		return s, imap.ErrForbidden
	case literal.IsValid() && !p.allows(literal):
		return s, imap.ErrForbidden
	case s.Security == imap.TLS, s.Security == imap.StartTLS:
	case s.Security != imap.Plain || !p.Clear || literal.IsValid() && !literal.Unmap().IsLoopback():
		return s, imap.ErrInsecure
	}
	s.Host = host
	return s, nil
}

// names reads host names with the mappings of UTS #46 and DNS's limits on length.
var names = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.Transitional(false))

// parseHost reads a host as people write it: a name, or an address, which IPv6
// may have in brackets.
func parseHost(text string) (host string, literal netip.Addr, err error) {
	text = strings.TrimSpace(text)
	bare := strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	if ip, err := netip.ParseAddr(bare); err == nil {
		if ip.Zone() != "" {
			return "", netip.Addr{}, imap.ErrForbidden
		}
		return ip.Unmap().String(), ip.Unmap(), nil
	}
	host, err = names.ToASCII(strings.TrimSuffix(text, "."))
	if err == nil { // what it became must be a name by itself
		_, err = names.ToASCII(host)
	}
	if err != nil || host == "" || strings.HasSuffix(host, ".") {
		return "", netip.Addr{}, imap.ErrUnknown
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	if _, err := strconv.ParseUint(last, 0, 64); err == nil { // "127.1", "0x7f000001": some resolvers read them as addresses
		return "", netip.Addr{}, imap.ErrUnknown
	}
	return strings.ToLower(host), netip.Addr{}, nil
}

// special are networks that are public by no other rule, and lead to what is
// not: relays to addresses of IPv4, and those kept for tests and for the future.
var special = prefixes("0.0.0.0/8 100.64.0.0/10 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 " +
	"64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fec0::/10 ::/96")

func prefixes(text string) (list []netip.Prefix) {
	for p := range strings.FieldsSeq(text) {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}

// allows says whether an address may be connected to.
func (p Policy) allows(ip netip.Addr) bool {
	ip = ip.Unmap()
	if !ip.IsValid() || ip.Zone() != "" {
		return false
	}
	within := func(n netip.Prefix) bool { return n.Contains(ip) }
	if slices.ContainsFunc(p.Networks, within) {
		return true
	}
	if slices.ContainsFunc(special, within) {
		return false
	}
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !ip.IsMulticast()
}

// dial connects to the first address of a server that answers and that may be connected to.
func (p Policy) dial(ctx context.Context, s imap.Server) (net.Conn, error) {
	addresses, err := p.resolve(ctx, s.Host)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !p.allows(to.Addr()) || int(to.Port()) != s.Port || s.Security == imap.Plain && !to.Addr().Unmap().IsLoopback() {
			return imap.ErrForbidden
		}
		return nil
	}}
	var errs []error
	for _, ip := range addresses {
		conn, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(ip, uint16(s.Port)).String())
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// resolve says which addresses a server has. One address that is forbidden
// forbids the name: it is nobody's by chance.
func (p Policy) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	var resolver Resolver = net.DefaultResolver
	if p.Resolver != nil {
		resolver = p.Resolver
	}
	addresses := []netip.Addr{}
	if ip, err := netip.ParseAddr(host); err == nil {
		addresses = append(addresses, ip)
	} else if addresses, err = resolver.LookupNetIP(ctx, "ip", host); err != nil {
		if missing := new(net.DNSError); errors.As(err, &missing) && missing.IsNotFound {
			return nil, imap.ErrUnknown
		}
		return nil, fmt.Errorf("imap: resolve: %w", err)
	}
	if len(addresses) == 0 {
		return nil, imap.ErrUnknown
	}
	for _, ip := range addresses {
		if !p.allows(ip) {
			return nil, imap.ErrForbidden
		}
	}
	return addresses[:min(len(addresses), maxAddresses)], nil
}

// secure makes a connection to a server one that cannot be read, as the server has it.
func (p Policy) secure(ctx context.Context, conn net.Conn, s imap.Server) (secured net.Conn, greeting string, err error) {
	if s.Security == imap.Plain {
		return conn, "", nil
	}
	if s.Security == imap.StartTLS {
		if err := startTLS(conn); err != nil {
			return nil, "", err
		}
		greeting = "* OK\r\n" // after STARTTLS comes none
	}
	client := tls.Client(conn, &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12, RootCAs: p.Roots})
	if err := client.HandshakeContext(ctx); err != nil {
		var certificate *tls.CertificateVerificationError
		if errors.As(err, &certificate) {
			return nil, "", errors.Join(imap.ErrInsecure, err)
		}
		return nil, "", err
	}
	return client, greeting, nil
}

// startTLS asks a server to speak TLS. It reads octet by octet: whatever came
// behind the answer in clear, a stranger may have put there.
func startTLS(conn net.Conn) error {
	r := &lines{conn: conn}
	greeting, err := r.next()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(strings.ToUpper(greeting), "* OK") { // PREAUTH would be somebody's without a password
		return imap.ErrInsecure
	}
	if _, err := conn.Write([]byte("S1 STARTTLS\r\n")); err != nil {
		return err
	}
	for {
		line, err := r.next()
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(line, "* "):
			continue
		case strings.HasPrefix(strings.ToUpper(line), "S1 OK"):
			return nil
		}
		return imap.ErrInsecure
	}
}

// lines reads lines, not more than a greeting has.
type lines struct {
	conn net.Conn
	read int
}

func (l *lines) next() (string, error) {
	var line []byte
	var one [1]byte
	for {
		if l.read++; l.read > maxGreeting {
			return "", imap.ErrNonsense
		}
		if _, err := l.conn.Read(one[:]); err != nil {
			return "", err
		}
		if one[0] == '\n' {
			return strings.TrimRight(string(line), "\r"), nil
		}
		line = append(line, one[0])
	}
}
