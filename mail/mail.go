// Package mail is the configuration with which Postfix and Dovecot obey the
// panel, and the contract behind it: the queries in postfix/sql and
// dovecot/*.ext are all that the mail servers ask of the database, each as a
// role that sees the views of its own schema alone. What the views promise is
// told where they are made, in models/migrations/postgres/00006_contract.sql;
// the test of this package runs every query that is shipped as the role that
// will run it, on the demo world.
//
// # Why templates, and what is never in them
//
// Ports, directories, passwords and certificates differ from one machine to the
// next; addresses, passwords of people and whatever else a customer types never
// come near these files. So they are written once, by `mandat mail configure`,
// and nothing is reloaded when the panel changes something.
//
// # Why Dovecot 2.3
//
// It is what Debian 12 has. Dovecot 2.4 reads another language; these files do
// not load there.
package mail

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

//go:embed postfix dovecot/*.conf dovecot/*.ext dovecot/masters
var shipped embed.FS

// Settings are what differs from one machine to the next.
type Settings struct {
	Dir      string // where the configuration is, absolute: the files name each other
	Hostname string // by which other mail servers know this one
	Listen   string // address of the ports for others; "" for all of the machine
	Private  string // directory of an instance beside the system's; "" for the system's own
	Mailboxes,
	Certificate, Key string // files; without a certificate passwords travel in clear, which is for loopback
	Relay      string // where mail for outside goes, as [mx.example.org]:587; "" straight to who takes it
	Postmaster string // who gets what is for root and postmaster of this machine; "" for nobody
	MaxMessage int64  // in octets
	Database   Database
	Ports      Ports
	Origin     string  // of the panel, for the links that lists send
	Secrets    Secrets `json:"-"`
}

// Database is where the panel's PostgreSQL is.
type Database struct {
	Host, Port, Name string
	TLS              bool // verified with the certificates of the system
}

// Lookup is the database as Postfix reads it (pgsql_table(5)). With TLS it must be
// an address that has user and password in it; Postfix would write that into its
// log when the database does not answer, so on loopback they stand apart. It is
// named twice: a connection that broke with a database that is back already would
// have Postfix leave it alone for 60 seconds from then on; so it tries the second.
func (d Database) Lookup(role, password string) string {
	host := net.JoinHostPort(d.Host, d.Port)
	if !d.TLS {
		return fmt.Sprintf("hosts = %s %[1]s\nuser = %s\npassword = %s\ndbname = %s", host, role, password, d.Name)
	}
	u := url.URL{Scheme: "postgresql", User: url.UserPassword(role, password), Host: host, Path: "/" + d.Name, RawQuery: "sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt"}
	return fmt.Sprintf("hosts = %s %[1]s\ndbname = %s", u.String(), d.Name)
}

// Libpq is the database as Dovecot hands it to libpq.
func (d Database) Libpq(role, password string) string {
	text := fmt.Sprintf("host=%s port=%s dbname=%s user=%s password=%s", d.Host, d.Port, d.Name, role, password)
	if d.TLS {
		text += " sslmode=verify-full sslrootcert=/etc/ssl/certs/ca-certificates.crt"
	}
	return text
}

// URL is the database for a program of ours.
func (d Database) URL(role, password string) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(role, password), Host: net.JoinHostPort(d.Host, d.Port), Path: "/" + d.Name, RawQuery: "sslmode=disable"}
	if d.TLS {
		u.RawQuery = "sslmode=verify-full"
	}
	return u.String()
}

// Ports are those that mail programs and servers reach, and, from Inject on,
// those on loopback between the parts.
type Ports struct {
	MX, Submission, Submissions, IMAP, IMAPS, Sieve int

	Inject  int // mail of Sieve, of lists and of the panel into Postfix
	LMTP    int // Postfix to Dovecot
	SASL    int
	Doveadm int
	Lists   int // Postfix to the list service
	Policy  int // the list service answers Postfix who may write
	Quota   int // and whether there is room
}

// StandardPorts are those of a mail server of its own.
func StandardPorts() Ports {
	return Ports{
		MX: 25, Submission: 587, Submissions: 465, IMAP: 143, IMAPS: 993, Sieve: 4190,
		Inject: 10025, LMTP: 24024, SASL: 24025, Doveadm: 24027, Lists: 24031, Policy: 24032, Quota: 24033,
	}
}

// PortsFrom are as many ports as there are, one after the other.
func PortsFrom(first int) Ports {
	var p Ports
	for i, port := range []*int{&p.MX, &p.Submission, &p.Submissions, &p.IMAP, &p.IMAPS, &p.Sieve, &p.Inject, &p.LMTP, &p.SASL, &p.Doveadm, &p.Lists, &p.Policy, &p.Quota} {
		*port = first + i
	}
	return p
}

// PortCount is how many there are.
const PortCount = 13

// Secrets are between the parts; nobody types them.
type Secrets struct {
	Postfix, Dovecot, Lists string // passwords of the three roles
	Panel                   string // password of the role that the panel takes
	Doveadm                 string // key of Dovecot's HTTP API
	Master                  string // password with which the panel logs in as anybody
	Sealing                 string // key under which the panel keeps passwords of other servers, in base64
}

// fields names the secrets in their file.
func (s *Secrets) fields() []struct {
	name  string
	value *string
} {
	return []struct {
		name  string
		value *string
	}{
		{"postfix", &s.Postfix},
		{"dovecot", &s.Dovecot},
		{"lists", &s.Lists},
		{"panel", &s.Panel},
		{"doveadm", &s.Doveadm},
		{"master", &s.Master},
		{"sealing", &s.Sealing},
	}
}

// MasterHash is the master's password as Dovecot keeps it. It is 128 bits of
// chance, which no dictionary has: one round of SHA-256 is enough.
func (s Settings) MasterHash() string {
	sum := sha256.Sum256([]byte(s.Secrets.Master))
	return hex.EncodeToString(sum[:])
}

// IPv4Only says that the ports for others are on an address of IPv4 alone.
func (s Settings) IPv4Only() bool {
	ip, err := netip.ParseAddr(s.Listen)
	return err == nil && ip.Is4()
}

// MaxInjected is the largest message that our own parts hand to Postfix, in
// octets: the largest of all, and fields of ours.
func (s Settings) MaxInjected() int64 { return s.MaxMessage + 64_000 }

// Reached is the address of a port for others, as this machine reaches it.
func (s Settings) Reached(port int) string {
	host := s.Listen
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// On is a port for others in Postfix's master.cf.
func (s Settings) On(port int) string {
	if s.Listen == "" {
		return strconv.Itoa(port)
	}
	return net.JoinHostPort(s.Listen, strconv.Itoa(port))
}

func (s *Settings) roles() string {
	var b strings.Builder
	b.WriteString("-- Run by an administrator of PostgreSQL, after `mandat migrate`; may be run again.\n")
	for _, r := range []struct{ name, password string }{{"mandat_postfix", s.Secrets.Postfix}, {"mandat_dovecot", s.Secrets.Dovecot}, {"mandat_lists", s.Secrets.Lists}} {
		fmt.Fprintf(&b, "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%[1]s') THEN CREATE ROLE %[1]s NOINHERIT CONNECTION LIMIT 60; END IF; END $$;\n", r.name)
		fmt.Fprintf(&b, "ALTER ROLE %s LOGIN PASSWORD '%s';\n", r.name, r.password)
		fmt.Fprintf(&b, "ALTER ROLE %[1]s SET statement_timeout = '5s';\nALTER ROLE %[1]s SET lock_timeout = '3s';\n", r.name)
		if r.name == "mandat_postfix" {
			fmt.Fprintf(&b, "ALTER ROLE %s SET default_transaction_read_only = on;\n", r.name)
		}
	}
	b.WriteString("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'mandat_panel') THEN CREATE ROLE mandat_panel; END IF; END $$;\n")
	fmt.Fprintf(&b, "ALTER ROLE mandat_panel LOGIN PASSWORD '%s';\n", s.Secrets.Panel)
	b.WriteString("SELECT panel.grant_mail_roles(), panel.grant_list_role(), panel.grant_panel_role();\n")
	return b.String()
}

// panel is what the panel needs to know of the mail servers, and how it comes to
// the database: in a role that owns nothing there.
func (s *Settings) panel() string {
	return env(map[string]string{
		"MANDAT_DATABASE_URL": s.Database.URL("mandat_panel", s.Secrets.Panel),

		"MANDAT_DOVECOT": fmt.Sprintf("http://key:%s@127.0.0.1:%d", s.Secrets.Doveadm, s.Ports.Doveadm),
		"MANDAT_IMAP":    fmt.Sprintf("imap://mandat:%s@127.0.0.1:%d", s.Secrets.Master, s.Ports.IMAP),
		"MANDAT_MAIL":    fmt.Sprintf("smtp://127.0.0.1:%d", s.Ports.Inject),
		"MANDAT_SECRET":  s.Secrets.Sealing,

		"MANDAT_MAIL_FILES":   s.Dir,
		"MANDAT_POSTFIX":      s.Reached(s.Ports.MX),
		"MANDAT_LISTS":        fmt.Sprintf("127.0.0.1:%d", s.Ports.Lists),
		"MANDAT_LISTS_POLICY": fmt.Sprintf("127.0.0.1:%d", s.Ports.Policy),
		"MANDAT_LISTS_QUOTA":  fmt.Sprintf("127.0.0.1:%d", s.Ports.Quota),
	})
}

// lists is what the list service needs to know.
func (s *Settings) lists() string {
	return env(map[string]string{
		"MANDAT_LISTS_DATABASE_URL":  s.Database.URL("mandat_lists", s.Secrets.Lists),
		"MANDAT_LISTS_LISTEN":        fmt.Sprintf("127.0.0.1:%d", s.Ports.Lists),
		"MANDAT_LISTS_POLICY_LISTEN": fmt.Sprintf("127.0.0.1:%d", s.Ports.Policy),
		"MANDAT_LISTS_QUOTA_LISTEN":  fmt.Sprintf("127.0.0.1:%d", s.Ports.Quota),
		"MANDAT_LISTS_MAX_BYTES":     fmt.Sprint(s.MaxMessage),
		"MANDAT_LISTS_SMTP":          fmt.Sprintf("127.0.0.1:%d", s.Ports.Inject),
		"MANDAT_ORIGIN":              s.Origin,
	})
}

// env is a file as systemd and shells read it.
func env(values map[string]string) string {
	var names []string
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "%s=%s\n", name, values[name])
	}
	return b.String()
}
