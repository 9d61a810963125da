package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"example.org/mandat/handlers"
	"example.org/mandat/handlers/oidc"
	"example.org/mandat/mail/dns"
	"example.org/mandat/mail/dovecot"
	"example.org/mandat/mail/imap/connect"
	"example.org/mandat/mail/outgoing"
	"example.org/mandat/models"
)

// config is what the environment says.
type config struct {
	listen         string
	databaseURL    string // as models.Config takes it
	dataDir        string
	origin         *url.URL
	originGiven    bool
	trustedProxies []netip.Prefix
	limit          handlers.Limit // of requests
	metricsListen  string         // "" for none
	timeZone       string
	suffix         string
	migrate        bool
	mail           outgoing.Route // the zero Route for none
	mailFrom       outgoing.Sender
	mailFromGiven  bool
	dovecot        *dovecot.Client // nil for none
	postfix, lists string          // where they take mail, for the doctor alone; "" for not told
	listsPolicy    string
	listsQuota     string
	mailFiles      string       // a directory, for the doctor alone; "" for not told
	dnsResolver    dns.Resolver // the zero Resolver for nobody
	dnsWant        dns.Expectations
	imap           *connect.Own   // nil for none
	importNetworks []netip.Prefix // besides the public addresses
	emergency      bool
	factorFor      string      // "agents" or "everybody"
	secret         []byte      // nil for none
	oldSecret      []byte      // nil for none
	oidc           oidc.Config // without an issuer: nobody signs in that way
	oidcFor        string      // "customers", "agents" or "both"
	historyKey     string      // a file
	historyDir     string      // "" for none
	logLevel       slog.Level
	logFormat      string // "text", "json", or "" to choose by what standard error is
}

// A setting is a variable of the environment.
type setting struct {
	name, preset, doc string
	set               func(c *config, value string) error
}

// settings is the one place where they are described; `mandat --help` prints it.
var settings = []setting{
	{
		"MANDAT_LISTEN", "127.0.0.1:8080", "Address and port of the panel.",
		func(c *config, v string) error { c.listen = v; return checkListen(v) },
	},
	{
		"MANDAT_ORIGIN", "http:// and MANDAT_LISTEN", "How browsers reach the panel, as https://panel.example.org. Cookies are sent over https only; http is for loopback.",
		func(c *config, v string) (err error) {
			c.originGiven = true
			c.origin, err = parseOrigin(v)
			return err
		},
	},
	{
		"MANDAT_DATABASE_URL", "", "postgres://… for PostgreSQL; empty for an embedded SQLite file, which serves one process.",
		func(c *config, v string) error { c.databaseURL = v; return checkDatabaseURL(v) },
	},
	{
		"MANDAT_DATA_DIR", "data", "Directory of the embedded file mandat.db.",
		func(c *config, v string) error { c.dataDir = v; return nil },
	},
	{
		"MANDAT_MIGRATE", "0", "1 lets serve and work bring PostgreSQL's schema up to date when they start, instead of `mandat migrate`. The embedded file always is.",
		func(c *config, v string) (err error) { c.migrate, err = parseSwitch(v); return err },
	},
	{
		"MANDAT_MAIL", "", "How the panel sends email: smtps://USER:PASSWORD@HOST:PORT, smtp://… with STARTTLS (in clear on loopback, and elsewhere with ?tls=off), or file:DIR for a file each. Empty: it sends none, and offers nothing that needs it.",
		func(c *config, v string) (err error) { c.mail, err = outgoing.ParseRoute(v); return err },
	},
	{
		"MANDAT_MAIL_FROM", "", "Whom that email comes from, as `Mandat <panel@example.org>`; needed with MANDAT_MAIL.",
		func(c *config, v string) (err error) {
			c.mailFromGiven = true
			c.mailFrom, err = outgoing.ParseSender(v)
			return err
		},
	},
	{
		"MANDAT_DOVECOT", "", "The doveadm HTTP API of the mail server that reads this database, as http://key:KEY@127.0.0.1:24027; `mandat mail configure` writes it. Empty: no mail server is attached.",
		func(c *config, v string) (err error) { c.dovecot, err = dovecot.Parse(v); return err },
	},
	{
		"MANDAT_POSTFIX", "", "Where Postfix takes mail from strangers, as 127.0.0.1:25, for `mandat doctor` to ask.",
		func(c *config, v string) error { c.postfix = v; return checkListen(v) },
	},
	{
		"MANDAT_LISTS", "", "Where the list service takes mail, as 127.0.0.1:24031, for `mandat doctor` to ask.",
		func(c *config, v string) error { c.lists = v; return checkListen(v) },
	},
	{
		"MANDAT_LISTS_POLICY", "", "Where the list service says who may write, as 127.0.0.1:24032, for `mandat doctor` to ask.",
		func(c *config, v string) error { c.listsPolicy = v; return checkListen(v) },
	},
	{
		"MANDAT_LISTS_QUOTA", "", "Where the list service says whether a mailbox has room, as 127.0.0.1:24033, for `mandat doctor` to ask.",
		func(c *config, v string) error { c.listsQuota = v; return checkListen(v) },
	},
	{
		"MANDAT_MAIL_FILES", "", "Directory that `mandat mail configure` wrote, as /etc/mandat/mail, for `mandat doctor` to compare and to know the ports of the mail servers by.",
		func(c *config, v string) error { c.mailFiles = v; return nil },
	},
	{
		"MANDAT_DNS_RESOLVER", "", "Whom to ask what domains publish for their mail: system for the resolvers of /etc/resolv.conf, or addresses, as 127.0.0.1 or [::1]:5353, parted by commas. Empty: nobody is asked, and services show nothing of it.",
		func(c *config, v string) (err error) { c.dnsResolver, err = dns.ParseResolver(v); return err },
	},
	{
		"MANDAT_DNS_MX", "", "Your mail servers as MX records ought to name them, parted by commas, the preferred one first. Empty: MX records are not looked at.",
		func(c *config, v string) (err error) { c.dnsWant.MX, err = dns.ParseHosts(v); return err },
	},
	{
		"MANDAT_DNS_SPF", "", "The addresses that your mail leaves from, parted by commas; SPF records ought to let them pass. Before them, what domains are to publish instead of these addresses, as in `include:spf.example.org, 192.0.2.1`. Empty: SPF records are not looked at.",
		func(c *config, v string) (err error) { c.dnsWant.SPF, err = dns.ParseSenders(v); return err },
	},
	{
		"MANDAT_DNS_DKIM", "", "The key that you sign mail with: SELECTOR=KEY with the public key in base64, or SELECTOR=NAME of the record that has it, to which domains lead by a CNAME. Empty: DKIM records are not looked at.",
		func(c *config, v string) (err error) { c.dnsWant.DKIM, err = dns.ParseKey(v); return err },
	},
	{
		"MANDAT_DNS_DMARC", "v=DMARC1; p=none", "The DMARC record to recommend to a domain without one. Any that receivers understand is in order.",
		func(c *config, v string) (err error) { c.dnsWant.DMARC, err = dns.ParseDMARC(v); return err },
	},
	{
		"MANDAT_IMAP", "", "Where mail is imported to: the IMAP of that mail server with its master user, as imap://MASTER:PASSWORD@127.0.0.1:143, or imaps:// elsewhere; `mandat mail configure` writes it. Empty: no import is offered.",
		func(c *config, v string) (err error) { c.imap, err = connect.ParseOwn(v); return err },
	},
	{
		"MANDAT_IMPORT_NETWORKS", "", "Networks (CIDR) or addresses, parted by commas, from which mail may be imported besides public ones, as for a mail server within one's own network.",
		func(c *config, v string) (err error) { c.importNetworks, err = parseNetworks(v); return err },
	},
	{
		"MANDAT_SECRET", "", "Key of 32 octets in base64, as `head -c 32 /dev/urandom | base64` makes one, with which passwords for imports and the secrets of authenticator apps are encrypted; `mandat mail configure` writes it. The same for all processes. Empty: the embedded database keeps one in mandat.key beside it; on PostgreSQL neither imports nor authenticator apps are offered.",
		func(c *config, v string) (err error) { c.secret, err = parseSecret(v); return err },
	},
	{
		"MANDAT_SECRET_OLD", "", "The key of before, while MANDAT_SECRET is changed: what is encrypted with it is read still, and nothing new is. `mandat secret rotate` encrypts all of it with the new one; then it can go.",
		func(c *config, v string) (err error) { c.oldSecret, err = parseSecret(v); return err },
	},
	{
		"MANDAT_SECOND_FACTOR", "agents", "Who must have a second factor, by an app or a passkey: agents, or everybody, which needs MANDAT_SECRET. A customer who has none yet adds it at the next sign-in.",
		func(c *config, v string) error { c.factorFor = v; return oneOf(v, "agents", "everybody") },
	},
	{
		"MANDAT_EMERGENCY", "0", "1 lets support act for a customer without consent, if a second agent approves; the customer and every lead are told at once.",
		func(c *config, v string) (err error) { c.emergency, err = parseSwitch(v); return err },
	},
	{
		"MANDAT_HISTORY_KEY", "", "File of the key that signs checkpoints of the history; it is made when it is not there. Empty: history.key in MANDAT_DATA_DIR.",
		func(c *config, v string) error { c.historyKey = v; return nil },
	},
	{
		"MANDAT_HISTORY_DIR", "", "Directory into which the background work writes a checkpoint of the history every hour in which something changed. The same for all processes. Empty: none is written but by `mandat history checkpoint`.",
		func(c *config, v string) error { c.historyDir = v; return nil },
	},
	{
		"MANDAT_OIDC_ISSUER", "", "Provider of OpenID Connect with which people may sign in, by the issuer that it names itself, to the letter, as https://sso.example.org/realms/staff. It leads people back to MANDAT_ORIGIN/session/oidc/callback. Empty: there is only the password.",
		func(c *config, v string) (err error) { c.oidc.Issuer, err = oidc.ParseIssuer(v); return err },
	},
	{
		"MANDAT_OIDC_CLIENT_ID", "", "What that provider knows the panel as; needed with MANDAT_OIDC_ISSUER.",
		func(c *config, v string) error { c.oidc.ClientID = v; return nil },
	},
	{
		"MANDAT_OIDC_CLIENT_SECRET", "", "The secret that goes with it. Empty: the provider has the panel as a public client, which PKCE alone protects.",
		func(c *config, v string) error { c.oidc.ClientSecret = v; return nil },
	},
	{
		"MANDAT_OIDC_LABEL", "", "What people call that provider, as on the button `Sign in with …`. Empty: its host.",
		func(c *config, v string) error { c.oidc.Label = v; return checkLabel(v) },
	},
	{
		"MANDAT_OIDC_FOR", "both", "Who may sign in with it: customers, agents or both.",
		func(c *config, v string) error { c.oidcFor = v; return oneOf(v, "customers", "agents", "both") },
	},
	{
		"MANDAT_OIDC_CLAIM", "", "Claim of its ID token whose value is an identifier here, as preferred_username: whoever has it is linked at their first sign-in. Only if people cannot change it there. Empty: people link themselves in their profile, or the operator does with `mandat identity link`.",
		func(c *config, v string) (err error) { c.oidc.Claim, err = oidc.ParseClaim(v); return err },
	},
	{
		"MANDAT_OIDC_SECOND_FACTOR", "", "What its ID token has after a second factor, parted by commas, as amr=mfa or acr=2: that counts as the second factor here. Empty: people are asked for theirs here all the same.",
		func(c *config, v string) (err error) { c.oidc.Strong, err = oidc.ParseStrong(v); return err },
	},
	{
		"MANDAT_TRUSTED_PROXIES", "", "Networks (CIDR) or addresses, parted by commas, whose X-Forwarded-For counts.",
		func(c *config, v string) (err error) { c.trustedProxies, err = parseNetworks(v); return err },
	},
	{
		"MANDAT_REQUESTS", "20/100", "How many requests a session may make, and an address where nobody is signed in: so many a second on the average, and so many at once. Behind a proxy MANDAT_TRUSTED_PROXIES has to name it, or strangers all have one address. Health and static files do not count. 0: no limit.",
		func(c *config, v string) (err error) { c.limit, err = parseLimit(v); return err },
	},
	{
		"MANDAT_METRICS_LISTEN", "", "Address and port of /metrics for Prometheus, on a listener of its own; empty for none.",
		func(c *config, v string) error { c.metricsListen = v; return checkListen(v) },
	},
	{
		"MANDAT_TIME_ZONE", "Europe/Paris", "Time zone of new customers.",
		func(c *config, v string) error { c.timeZone = v; return checkZone(v) },
	},
	{
		"MANDAT_IDENTIFIER_SUFFIX", models.DefaultSuffix, "What customer identifiers end in after their hyphen: 2 to 5 letters.",
		func(c *config, v string) error { c.suffix = strings.ToLower(v); return checkSuffix(c.suffix) },
	},
	{
		"MANDAT_LOG_LEVEL", "info", "debug, info, warn or error. What is about security is written whatever it is.",
		func(c *config, v string) error { return c.logLevel.UnmarshalText([]byte(v)) },
	},
	{
		"MANDAT_LOG_FORMAT", "", "text or json; empty is text on a terminal and json elsewhere.",
		func(c *config, v string) error { c.logFormat = v; return oneOf(v, "text", "json") },
	},
}

// readConfig reads the settings. A variable that is empty is as one that is not
// set. The error tells everything that is wrong, a line for each variable; it
// repeats no address of a database or of a mail server, which may hold a password.
func readConfig(getenv func(string) string) (*config, error) {
	c := &config{}
	var errs []error
	for _, s := range settings {
		v := strings.TrimSpace(getenv(s.name))
		if v == "" {
			if s.name == "MANDAT_ORIGIN" || s.preset == "" {
				continue
			}
			v = s.preset
		}
		if err := s.set(c, v); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	if !c.originGiven && len(errs) == 0 {
		var err error
		if c.origin, err = parseOrigin("http://" + c.listen); err != nil {
			errs = append(errs, errors.New("MANDAT_ORIGIN: say how browsers reach a panel that listens on "+c.listen+", as https://panel.example.org"))
		}
	}
	if c.mail != (outgoing.Route{}) && !c.mailFromGiven {
		errs = append(errs, errors.New("MANDAT_MAIL_FROM: say whom the email of MANDAT_MAIL comes from, as Mandat <panel@example.org>"))
	}
	if c.dovecot != nil && c.databaseURL == "" {
		errs = append(errs, errors.New("MANDAT_DOVECOT: mail servers read PostgreSQL alone; say where it is with MANDAT_DATABASE_URL"))
	}
	if c.imap != nil && c.databaseURL == "" {
		errs = append(errs, errors.New("MANDAT_IMAP: mail servers read PostgreSQL alone; say where it is with MANDAT_DATABASE_URL"))
	}
	if c.factorFor == "everybody" && c.databaseURL != "" && c.secret == nil {
		errs = append(errs, errors.New("MANDAT_SECRET: nobody could add the second factor of MANDAT_SECOND_FACTOR without a key; make one as its description says"))
	}
	errs = append(errs, c.completeOIDC()...)
	if c.databaseURL == "" {
		c.databaseURL = "sqlite:" + filepath.Join(c.dataDir, "mandat.db")
	}
	if c.historyKey == "" {
		c.historyKey = filepath.Join(c.dataDir, "history.key")
	}
	if c.secret != nil && bytes.Equal(c.secret, c.oldSecret) {
		errs = append(errs, errors.New("MANDAT_SECRET_OLD: it is MANDAT_SECRET; want the key of before"))
	}
	return c, errors.Join(errs...)
}

// completeOIDC says what is missing beside an issuer, and fills in what may be.
func (c *config) completeOIDC() (errs []error) {
	if c.oidc.Issuer == "" {
		if c.oidc.ClientID != "" || c.oidc.ClientSecret != "" {
			errs = append(errs, errors.New("MANDAT_OIDC_ISSUER: say which provider MANDAT_OIDC_CLIENT_ID is for"))
		}
		return errs
	}
	if c.oidc.ClientID == "" {
		errs = append(errs, errors.New("MANDAT_OIDC_CLIENT_ID: say what the provider of MANDAT_OIDC_ISSUER knows the panel as"))
	}
	if c.oidc.Label == "" {
		c.oidc.Label = c.oidc.Host()
	}
	return errs
}

// originOn is the origin of a panel that got this address: with a port of 0, the system chose one.
func (c *config) originOn(addr net.Addr) *url.URL {
	if c.originGiven {
		return c.origin
	}
	host, _, _ := net.SplitHostPort(c.listen)
	_, port, _ := net.SplitHostPort(addr.String())
	return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
}

// settingsHelp describes the settings in plain text.
func settingsHelp() string {
	var b strings.Builder
	b.WriteString("Settings, from the environment:\n")
	for _, s := range settings {
		preset := s.preset
		if preset == "" {
			preset = "(empty)"
		}
		fmt.Fprintf(&b, "\n  %-26s%s\n", s.name, preset)
		line := ""
		for word := range strings.FieldsSeq(s.doc) {
			if len(line)+len(word) > 74 {
				b.WriteString("     " + line + "\n")
				line = ""
			}
			line += " " + word
		}
		b.WriteString("     " + line + "\n")
	}
	return b.String()
}

// parseLimit reads how many requests are taken, as 20/100; 0 for no limit.
func parseLimit(v string) (handlers.Limit, error) {
	if v == "0" {
		return handlers.Limit{}, nil
	}
	each, burst, _ := strings.Cut(v, "/")
	l := handlers.Limit{}
	var err, also error
	l.Rate, err = strconv.ParseFloat(each, 64)
	l.Burst, also = strconv.Atoi(burst)
	if err != nil || also != nil || !(l.Rate >= 0.1 && l.Rate <= 1e6) || l.Burst < 1 || l.Burst > 1e6 {
		return handlers.Limit{}, errors.New("want how many a second and how many at once, as 20/100, or 0 for no limit")
	}
	return l, nil
}

func checkListen(v string) error {
	_, port, err := net.SplitHostPort(v)
	if err != nil {
		return errors.New("want an address and a port, as 127.0.0.1:8080")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errors.New("want a port from 0 to 65535 after the colon")
	}
	return nil
}

func parseOrigin(v string) (*url.URL, error) {
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return nil, errors.New("want a scheme and a host without a path, as https://panel.example.org")
	}
	switch u.Scheme {
	case "https":
	case "http":
		if !loopback(u.Hostname()) {
			return nil, errors.New("http is for loopback only: a password must not travel in clear")
		}
	default:
		return nil, errors.New("want https, or http on loopback")
	}
	return &url.URL{Scheme: u.Scheme, Host: strings.ToLower(u.Host)}, nil
}

// loopback says whether browsers take a host for this very machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

func checkDatabaseURL(v string) error {
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New("want postgres://USER:PASSWORD@HOST/DATABASE, with the password percent-encoded, or nothing for the embedded database")
	}
	return nil
}

func parseSwitch(v string) (bool, error) {
	on, err := strconv.ParseBool(v)
	if err != nil {
		return false, errors.New("want 1 or 0")
	}
	return on, nil
}

func parseNetworks(v string) (networks []netip.Prefix, err error) {
	for part := range strings.SplitSeq(v, ",") {
		part = strings.TrimSpace(part)
		p, err := netip.ParsePrefix(part)
		if err != nil {
			ip, err := netip.ParseAddr(part)
			if err != nil || ip.Zone() != "" {
				return nil, fmt.Errorf("%q is neither a network, as 10.0.0.0/8, nor an address", part)
			}
			p = netip.PrefixFrom(ip, ip.BitLen())
		}
		networks = append(networks, p.Masked())
	}
	return networks, nil
}

// parseSecret reads a key. Errors repeat nothing of it.
func parseSecret(v string) ([]byte, error) {
	key, err := base64.StdEncoding.Strict().DecodeString(v)
	if err != nil || len(key) != models.SecretSize {
		return nil, errors.New("want 32 octets in base64, as `head -c 32 /dev/urandom | base64` makes them")
	}
	return key, nil
}

// maxLabel bounds what is on a button, in characters.
const maxLabel = 40

func checkLabel(v string) error {
	if utf8.RuneCountInString(v) > maxLabel || strings.ContainsFunc(v, func(r rune) bool { return r == utf8.RuneError || !unicode.IsGraphic(r) }) {
		return fmt.Errorf("want a name of %d characters at most", maxLabel)
	}
	return nil
}

func checkZone(v string) error {
	if _, err := time.LoadLocation(v); err != nil || v == "Local" {
		return errors.New("want the IANA name of a time zone, as Europe/Paris")
	}
	return nil
}

var suffixShape = regexp.MustCompile(`^[a-z]{2,5}$`)

func checkSuffix(v string) error {
	if !suffixShape.MatchString(v) {
		return errors.New("want 2 to 5 letters")
	}
	return nil
}

func oneOf(v string, choices ...string) error {
	for _, c := range choices {
		if v == c {
			return nil
		}
	}
	return fmt.Errorf("want %s", strings.Join(choices, " or "))
}
