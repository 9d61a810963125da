package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// config is what the environment says.
type config struct {
	databaseURL  string
	listen       string // LMTP
	policyListen string
	quotaListen  string
	smtp         string // where Postfix takes our mail
	origin       string // of the panel, without a slash at the end
	maxBytes     int64  // of a message
	logLevel     slog.Level
	logFormat    string
}

// settings is the one place where they are described; `listd --help` prints it.
var settings = []struct {
	name, preset, doc string
	set               func(c *config, value string) error
}{
	{
		"MANDAT_LISTS_DATABASE_URL", "", "postgres://mandat_lists:PASSWORD@HOST/DATABASE, the panel's database as the role of this service. Needed.",
		func(c *config, v string) error {
			if u, err := url.Parse(v); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
				return errors.New("want postgres://…")
			}
			c.databaseURL = v
			return nil
		},
	},
	{
		"MANDAT_ORIGIN", "", "How browsers reach the panel, as https://panel.example.org, for the links in mail. Needed.",
		func(c *config, v string) error {
			u, err := url.Parse(v)
			if err != nil || u.Scheme != "https" && u.Scheme != "http" || !hostShape.MatchString(u.Host) || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
				return errors.New("want an origin, as https://panel.example.org")
			}
			c.origin = u.Scheme + "://" + u.Host
			return nil
		},
	},
	{
		"MANDAT_LISTS_LISTEN", "127.0.0.1:24031", "Address and port on which Postfix hands mail over (LMTP). Whoever reaches it may write to every list: keep it to Postfix.",
		func(c *config, v string) error { c.listen = v; return checkAddress(v) },
	},
	{
		"MANDAT_LISTS_POLICY_LISTEN", "127.0.0.1:24032", "Address and port on which Postfix asks who may write to a list (its policy protocol).",
		func(c *config, v string) error { c.policyListen = v; return checkAddress(v) },
	},
	{
		"MANDAT_LISTS_QUOTA_LISTEN", "127.0.0.1:24033", "Address and port on which Postfix asks whether a mailbox has room (its policy protocol).",
		func(c *config, v string) error { c.quotaListen = v; return checkAddress(v) },
	},
	{
		"MANDAT_LISTS_SMTP", "127.0.0.1:10025", "Address and port on which Postfix takes mail of ours (SMTP in clear: on loopback).",
		func(c *config, v string) error { c.smtp = v; return checkAddress(v) },
	},
	{
		"MANDAT_LISTS_MAX_BYTES", "25000000", "The largest message that a list or a redirection takes, in octets. Each subscriber gets a copy of their own. The service needs six times as much memory, and 100 MB.",
		func(c *config, v string) (err error) {
			if c.maxBytes, err = strconv.ParseInt(v, 10, 64); err != nil || c.maxBytes < 10_000 || c.maxBytes > 200_000_000 {
				return errors.New("want a number from 10000 to 200000000")
			}
			return nil
		},
	},
	{
		"MANDAT_LOG_LEVEL", "info", "debug, info, warn or error.",
		func(c *config, v string) error { return c.logLevel.UnmarshalText([]byte(v)) },
	},
	{
		"MANDAT_LOG_FORMAT", "", "text or json; empty is text on a terminal and json elsewhere.",
		func(c *config, v string) error {
			if c.logFormat = v; v != "text" && v != "json" {
				return errors.New("want text or json")
			}
			return nil
		},
	},
}

// hostShape is a host with or without a port: it stands between < and > in headers.
var hostShape = regexp.MustCompile(`^[A-Za-z0-9.:[\]-]+$`)

func checkAddress(v string) error {
	host, port, err := net.SplitHostPort(v)
	if err != nil || host == "" {
		return errors.New("want an address and a port, as 127.0.0.1:24031")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("want a port")
	}
	return nil
}

// readConfig reads the settings. A variable that is empty is as one that is not
// set. The error tells everything that is wrong, a line for each variable, and
// repeats no value: one holds a password.
func readConfig(getenv func(string) string) (*config, error) {
	c := &config{}
	var errs []error
	for _, s := range settings {
		v := strings.TrimSpace(getenv(s.name))
		if v == "" {
			v = s.preset
		}
		switch {
		case v == "" && strings.HasSuffix(s.doc, "Needed."):
			errs = append(errs, fmt.Errorf("%s: is needed", s.name))
		case v != "":
			if err := s.set(c, v); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
			}
		}
	}
	return c, errors.Join(errs...)
}

// usage tells what the program is and how it is set.
func usage(w io.Writer) {
	fmt.Fprint(w, `listd carries mail of lists to their subscribers, and of redirections out of the installation.

  listd           serve until SIGTERM
  listd --check   say whether the database and Postfix can be reached

It is set by the environment; mandat mail configure writes lists.env:

`)
	for _, s := range settings {
		fmt.Fprintf(w, "  %s", s.name)
		if s.preset != "" {
			fmt.Fprintf(w, " (%s)", s.preset)
		}
		fmt.Fprintf(w, "\n      %s\n", s.doc)
	}
}
