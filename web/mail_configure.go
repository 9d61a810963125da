package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"example.org/mandat/mail"
)

type mailConfigureCommand struct {
	Dir         string `arg:"" help:"Where the files go, as /etc/mandat/mail. Those there are replaced; secrets are kept."`
	Hostname    string `help:"Name by which other mail servers know this one. Default: the machine's."`
	Mailboxes   string `default:"/var/mail/mandat" help:"Directory of all mailboxes, of the user vmail."`
	Certificate string `help:"File with the certificate and its chain. Without one passwords travel in clear, which is for loopback."`
	Key         string `help:"File with the key of the certificate."`
	Relay       string `help:"Where mail for outside goes, as [mx.example.org]:587. Default: straight to whoever takes it."`
	MaxMB       int64  `name:"max-mb" default:"50" help:"Size of one message, in MB, 200 at most."`
	Postmaster  string `help:"Address that gets mail to root and postmaster of this machine, as its cron jobs send it. Default: nobody does; it is refused."`
	Listen      string `help:"Address on which others reach the servers. Default: all of the machine's; 127.0.0.1 without a certificate."`
	Ports       int    `help:"The first of as many ports in a row as there are; for trying out. Default: the usual ones."`
	Private     string `help:"Directory of an instance of its own beside the system's; for trying out."`
}

// maxMB is what the list service, which has a message in memory, takes at most (MANDAT_LISTS_MAX_BYTES).
const maxMB = 200

// addressShape is an address that means nothing but itself in a table of Postfix's.
var addressShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*@[A-Za-z0-9][A-Za-z0-9.-]*$`)

// Run writes the files and says what to do with them.
func (c *mailConfigureCommand) Run(p *program) error {
	settings, err := c.settings(p.config)
	if err != nil {
		return err
	}
	if err := settings.Write(); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "Wrote the configuration into %s. deploy/README.md says what comes next.\n", settings.Dir)
	return nil
}

func (c *mailConfigureCommand) settings(cfg *config) (*mail.Settings, error) {
	if strings.HasPrefix(cfg.databaseURL, "sqlite:") {
		return nil, errors.New("mail servers read PostgreSQL alone: set MANDAT_DATABASE_URL")
	}
	database, err := mailDatabase(cfg.databaseURL)
	if err != nil {
		return nil, err
	}
	s := &mail.Settings{
		Hostname: c.Hostname, Listen: c.Listen, Mailboxes: c.Mailboxes, Certificate: c.Certificate, Key: c.Key, Relay: c.Relay, Postmaster: c.Postmaster,
		MaxMessage: c.MaxMB * 1_000_000, Database: *database, Ports: mail.StandardPorts(), Origin: cfg.origin.String(), Private: c.Private,
	}
	if s.Dir, err = filepath.Abs(c.Dir); err != nil {
		return nil, err
	}
	if s.Hostname == "" {
		if s.Hostname, err = os.Hostname(); err != nil {
			return nil, err
		}
	}
	if c.Ports != 0 {
		if c.Ports < 1 || c.Ports > 65535-mail.PortCount {
			return nil, errors.New("--ports: want the first of several ports")
		}
		s.Ports = mail.PortsFrom(c.Ports)
	}
	switch {
	case (c.Certificate == "") != (c.Key == ""):
		return nil, errors.New("want both --certificate and --key, or none")
	case c.Certificate == "" && s.Listen != "" && !loopback(s.Listen):
		return nil, errors.New("--listen: passwords must not travel in clear: others need --certificate and --key")
	case c.MaxMB < 1 || c.MaxMB > maxMB:
		return nil, fmt.Errorf("--max-mb: want 1 to %d", maxMB)
	case c.Postmaster != "" && !addressShape.MatchString(c.Postmaster):
		return nil, errors.New("--postmaster: want an address, as admin@example.org")
	case c.Postmaster != "" && strings.EqualFold(c.Postmaster[strings.LastIndexByte(c.Postmaster, '@')+1:], c.Hostname):
		return nil, errors.New("--postmaster: want an address elsewhere than at --hostname, where nobody else gets mail")
	}
	if c.Certificate == "" && s.Listen == "" {
		s.Listen = "127.0.0.1"
	}
	return s, checkNames(s)
}

// checkNames refuses what would mean something else in the files.
func checkNames(s *mail.Settings) error {
	for _, text := range []string{s.Dir, s.Hostname, s.Listen, s.Mailboxes, s.Certificate, s.Key, s.Relay, s.Private, s.Database.Host, s.Database.Port, s.Database.Name} {
		if strings.ContainsAny(text, " \t\r\n'\"\\$#;{}%") {
			return fmt.Errorf("%q cannot be written into the files of mail servers", text)
		}
	}
	return nil
}

// mailDatabase is the panel's database for the mail servers, each of which has a role of its own there.
func mailDatabase(text string) (*mail.Database, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("MANDAT_DATABASE_URL: mail servers reach PostgreSQL by TCP: want a host")
	}
	d := &mail.Database{Host: u.Hostname(), Port: u.Port(), Name: strings.TrimPrefix(u.Path, "/")}
	if d.Port == "" {
		d.Port = "5432"
	}
	if d.Name == "" {
		return nil, errors.New("MANDAT_DATABASE_URL: want the name of the database after the host")
	}
	d.TLS = !loopback(d.Host)
	return d, nil
}

type mailDetachCommand struct{}

// Run lets programs without a way to the mail server change the database again.
func (mailDetachCommand) Run(p *program) error {
	store, err := p.open()
	if err != nil {
		return err
	}
	return errors.Join(store.Detach(p.ctx), store.Close())
}
