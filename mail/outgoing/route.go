package outgoing

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// Route is the way messages take. The zero Route is none.
type Route struct {
	dir      string // for files
	host     string // for SMTP
	port     int
	security security
	user     string
	password string
}

// security is how a connection to a server is kept from others.
type security string

const (
	implicit security = "TLS from the first octet"
	upgraded security = "STARTTLS or nothing"
	clear    security = "none"
)

// The usual ports: submission with STARTTLS, submission over TLS, and a server
// that relays for its own machine or network.
const (
	portUpgraded = 587
	portImplicit = 465
	portClear    = 25
)

var errRoute = errors.New("want smtps://USER:PASSWORD@HOST:PORT, smtp://… for STARTTLS, or file:DIR; a password percent-encoded")

// ParseRoute reads a route as the operator writes it:
//
//	smtps://USER:PASSWORD@HOST:PORT   TLS from the beginning
//	smtp://USER:PASSWORD@HOST:PORT    STARTTLS, without which nothing is sent
//	smtp://HOST:PORT?tls=off          in clear; as on loopback, where tls=on asks for STARTTLS
//	file:DIR                          a file for each message
//
// User and password, and the port, may be left out. Errors repeat nothing of
// the text, which may hold a password.
func ParseRoute(text string) (Route, error) {
	if dir, ok := strings.CutPrefix(text, "file:"); ok {
		if dir == "" || strings.HasPrefix(dir, "//") || strings.ContainsRune(dir, 0) {
			return Route{}, errors.New("want a directory after file:, as file:/var/spool/mandat")
		}
		return Route{dir: dir}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Path != "" && u.Path != "/" || u.Fragment != "" || u.Opaque != "" {
		return Route{}, errRoute
	}
	r := Route{host: strings.ToLower(u.Hostname()), user: u.User.Username()}
	r.password, _ = u.User.Password()
	if r.security, err = securityOf(u, loopback(r.host)); err != nil {
		return Route{}, err
	}
	if (r.user == "") != (r.password == "") {
		return Route{}, errors.New("want both a user and a password, or none")
	}
	if r.user != "" && r.security == clear && !loopback(r.host) {
		return Route{}, errors.New("tls=off is for servers that ask for no password: it must not travel in clear")
	}
	r.port = map[security]int{implicit: portImplicit, upgraded: portUpgraded, clear: portClear}[r.security]
	if port := u.Port(); port != "" {
		if r.port, err = strconv.Atoi(port); err != nil || r.port < 1 || r.port > 65535 {
			return Route{}, errors.New("want a port from 1 to 65535 after the host")
		}
	}
	return r, nil
}

// securityOf is what the scheme and the one parameter ask for.
func securityOf(u *url.URL, near bool) (security, error) {
	q, err := url.ParseQuery(u.RawQuery)
	tls := q.Get("tls")
	if err != nil || len(q) > 1 || len(q) == 1 && len(q["tls"]) != 1 || u.RawQuery != "" && tls != "on" && tls != "off" {
		return "", errors.New("want nothing after the host, or ?tls=on or ?tls=off")
	}
	switch u.Scheme {
	case "smtps":
		if tls == "off" {
			return "", errors.New("smtps is TLS: want smtp with tls=off")
		}
		return implicit, nil
	case "smtp":
		if tls == "off" || near && tls == "" {
			return clear, nil
		}
		return upgraded, nil
	}
	return "", errRoute
}

// loopback says whether a host is this very machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || host == "localhost"
}

// String says where messages go, without the password.
func (r Route) String() string {
	if r.dir != "" {
		return "file:" + r.dir
	}
	if r.host == "" {
		return ""
	}
	scheme := "smtp://"
	if r.security == implicit {
		scheme = "smtps://"
	}
	return scheme + net.JoinHostPort(r.host, strconv.Itoa(r.port))
}

// Mailer carries messages of a sender along the route; nil when there is none.
func (r Route) Mailer(from Sender) Mailer {
	switch {
	case r.dir != "":
		return &files{dir: r.dir, from: from}
	case r.host != "":
		return &server{route: r, from: from, limit: sendLimit}
	}
	return nil
}

// Check says whether messages could be sent now, and sends none: a server answers
// and lets us in; a directory can be written to.
func (r Route) Check(ctx context.Context) error {
	switch {
	case r.dir != "":
		if err := os.MkdirAll(r.dir, 0o700); err != nil {
			return err
		}
		f, err := os.CreateTemp(r.dir, ".*.part")
		if err != nil {
			return err
		}
		return errors.Join(f.Close(), os.Remove(f.Name()))
	case r.host != "":
		return (&server{route: r, limit: sendLimit}).check(ctx)
	}
	return nil
}

// FileRoute is the route into a directory.
func FileRoute(dir string) Route { return Route{dir: dir} }
