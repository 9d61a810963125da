package connect

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"example.org/mandat/mail/imap"
)

// Own is the operator's own server, into any account of which a master signs in.
type Own struct {
	server             imap.Server
	username, password string
}

// ParseOwn reads where the own server is, as imap://MASTER:PASSWORD@HOST:PORT on
// loopback and imaps:// elsewhere. Errors repeat nothing of the text.
func ParseOwn(text string) (*Own, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User == nil || u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("want imap://MASTER:PASSWORD@127.0.0.1:143, or imaps:// elsewhere")
	}
	password, given := u.User.Password()
	if !given || password == "" || u.User.Username() == "" || strings.ContainsAny(u.User.Username(), "*\r\n\x00") {
		return nil, errors.New("want the name and password of a master user, percent-encoded, before the host")
	}
	o := &Own{username: u.User.Username(), password: password, server: imap.Server{Host: u.Hostname()}}
	switch u.Scheme {
	case "imap":
		o.server.Security, o.server.Port = imap.Plain, 143
		if !loopback(o.server.Host) {
			return nil, errors.New("imap is for loopback only: the master's password opens every mailbox and must not travel in clear")
		}
	case "imaps":
		o.server.Security, o.server.Port = imap.TLS, 993
	default:
		return nil, errors.New("want imap on loopback, or imaps")
	}
	if text := u.Port(); text != "" {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil || port == 0 {
			return nil, errors.New("want a port from 1 to 65535 after the host")
		}
		o.server.Port = int(port)
	}
	return o, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

// String is where it is, without the password.
func (o *Own) String() string {
	scheme := "imaps"
	if o.server.Security == imap.Plain {
		scheme = "imap"
	}
	return (&url.URL{Scheme: scheme, Host: netJoin(o.server)}).String()
}

func netJoin(s imap.Server) string {
	host := s.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(s.Port)
}

// everywhere is the policy for the operator's own server, which the operator named.
var everywhere = prefixes("0.0.0.0/0 ::/0")

// Open signs in to the mailbox of an address.
func (o *Own) Open(ctx context.Context, address string) (imap.Destination, error) {
	d := &destination{own: o, address: address}
	if err := d.open(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// destination signs in anew where a refusal has ended its session.
type destination struct {
	*session
	own     *Own
	address string
}

func (d *destination) open(ctx context.Context) (err error) {
	p := Policy{Networks: everywhere, Ports: []int{d.own.server.Port}, Clear: true}
	d.session, err = p.open(ctx, d.own.server, d.address+"*"+d.own.username, d.own.password, ownSilence)
	return err
}

// Append is of imap.Destination. The library gives a connection up on which a
// message was refused before it was sent.
func (d *destination) Append(ctx context.Context, folder string, m imap.Message, size int64, body io.Reader) error {
	err := d.session.Append(ctx, folder, m, size, body)
	if errors.Is(err, imap.ErrUnwanted) {
		d.session.Close()
		if again := d.open(ctx); again != nil {
			return again
		}
	}
	return err
}
