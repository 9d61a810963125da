package main

import (
	"fmt"
	"net"
	"strings"
	"testing"
)

func env(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

// reads gives what each setting became.
var reads = map[string]func(*config) any{
	"MANDAT_LISTEN":             func(c *config) any { return c.listen + " " + c.origin.String() },
	"MANDAT_ORIGIN":             func(c *config) any { return c.origin },
	"MANDAT_DATABASE_URL":       func(c *config) any { return c.databaseURL },
	"MANDAT_DATA_DIR":           func(c *config) any { return c.databaseURL },
	"MANDAT_MIGRATE":            func(c *config) any { return c.migrate },
	"MANDAT_MAIL":               func(c *config) any { return c.mail },
	"MANDAT_MAIL_FROM":          func(c *config) any { return c.mailFrom },
	"MANDAT_DOVECOT":            func(c *config) any { return c.dovecot },
	"MANDAT_POSTFIX":            func(c *config) any { return c.postfix },
	"MANDAT_LISTS":              func(c *config) any { return c.lists },
	"MANDAT_LISTS_POLICY":       func(c *config) any { return c.listsPolicy },
	"MANDAT_LISTS_QUOTA":        func(c *config) any { return c.listsQuota },
	"MANDAT_MAIL_FILES":         func(c *config) any { return c.mailFiles },
	"MANDAT_DNS_RESOLVER":       func(c *config) any { return c.dnsResolver },
	"MANDAT_DNS_MX":             func(c *config) any { return c.dnsWant.MX },
	"MANDAT_DNS_SPF":            func(c *config) any { return c.dnsWant.SPF },
	"MANDAT_DNS_DKIM":           func(c *config) any { return c.dnsWant.DKIM },
	"MANDAT_DNS_DMARC":          func(c *config) any { return c.dnsWant.DMARC },
	"MANDAT_IMAP":               func(c *config) any { return c.imap },
	"MANDAT_IMPORT_NETWORKS":    func(c *config) any { return c.importNetworks },
	"MANDAT_SECRET":             func(c *config) any { return string(c.secret) },
	"MANDAT_SECRET_OLD":         func(c *config) any { return string(c.oldSecret) },
	"MANDAT_SECOND_FACTOR":      func(c *config) any { return c.factorFor },
	"MANDAT_EMERGENCY":          func(c *config) any { return c.emergency },
	"MANDAT_HISTORY_KEY":        func(c *config) any { return c.historyKey },
	"MANDAT_HISTORY_DIR":        func(c *config) any { return c.historyDir },
	"MANDAT_OIDC_ISSUER":        func(c *config) any { return c.oidc.Issuer + " " + c.oidc.Label },
	"MANDAT_OIDC_CLIENT_ID":     func(c *config) any { return c.oidc.ClientID },
	"MANDAT_OIDC_CLIENT_SECRET": func(c *config) any { return c.oidc.ClientSecret },
	"MANDAT_OIDC_LABEL":         func(c *config) any { return c.oidc.Label },
	"MANDAT_OIDC_FOR":           func(c *config) any { return c.oidcFor },
	"MANDAT_OIDC_CLAIM":         func(c *config) any { return c.oidc.Claim },
	"MANDAT_OIDC_SECOND_FACTOR": func(c *config) any { return c.oidc.Strong },
	"MANDAT_REQUESTS":           func(c *config) any { return c.limit },
	"MANDAT_TRUSTED_PROXIES":    func(c *config) any { return c.trustedProxies },
	"MANDAT_METRICS_LISTEN":     func(c *config) any { return c.metricsListen },
	"MANDAT_TIME_ZONE":          func(c *config) any { return c.timeZone },
	"MANDAT_IDENTIFIER_SUFFIX":  func(c *config) any { return c.suffix },
	"MANDAT_LOG_LEVEL":          func(c *config) any { return c.logLevel },
	"MANDAT_LOG_FORMAT":         func(c *config) any { return c.logFormat },
}

func TestDefaultSettings(t *testing.T) {
	c, err := readConfig(env("MANDAT_LOG_LEVEL", "  "))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"MANDAT_LISTEN": "127.0.0.1:8080 http://127.0.0.1:8080", "MANDAT_ORIGIN": "http://127.0.0.1:8080", "MANDAT_DATABASE_URL": "sqlite:data/mandat.db",
		"MANDAT_DATA_DIR": "sqlite:data/mandat.db", "MANDAT_MIGRATE": "false", "MANDAT_MAIL": "", "MANDAT_DOVECOT": "<nil>", "MANDAT_POSTFIX": "", "MANDAT_LISTS": "", "MANDAT_LISTS_POLICY": "", "MANDAT_LISTS_QUOTA": "", "MANDAT_MAIL_FILES": "",
		"MANDAT_DNS_RESOLVER": "", "MANDAT_DNS_MX": "", "MANDAT_DNS_SPF": "", "MANDAT_DNS_DKIM": "", "MANDAT_DNS_DMARC": "v=DMARC1; p=none", "MANDAT_TRUSTED_PROXIES": "[]", "MANDAT_REQUESTS": "{20 100}", "MANDAT_METRICS_LISTEN": "",
		"MANDAT_IMAP": "<nil>", "MANDAT_IMPORT_NETWORKS": "[]", "MANDAT_SECRET": "", "MANDAT_SECRET_OLD": "", "MANDAT_SECOND_FACTOR": "agents", "MANDAT_EMERGENCY": "false", "MANDAT_HISTORY_KEY": "data/history.key", "MANDAT_HISTORY_DIR": "",
		"MANDAT_OIDC_ISSUER": " ", "MANDAT_OIDC_CLIENT_ID": "", "MANDAT_OIDC_CLIENT_SECRET": "", "MANDAT_OIDC_LABEL": "", "MANDAT_OIDC_FOR": "both", "MANDAT_OIDC_CLAIM": "", "MANDAT_OIDC_SECOND_FACTOR": "",
		"MANDAT_TIME_ZONE": "Europe/Paris", "MANDAT_IDENTIFIER_SUFFIX": "mdt", "MANDAT_LOG_LEVEL": "INFO", "MANDAT_LOG_FORMAT": "",
	} {
		if got := fmt.Sprint(reads[name](c)); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestEachSetting(t *testing.T) {
	const origin = "MANDAT_ORIGIN"
	for _, c := range []struct{ name, value, want string }{ // want: what it becomes, or "!" and how the message begins
		{"MANDAT_LISTEN", "localhost:0", "localhost:0 http://localhost:0"},
		{"MANDAT_LISTEN", "[::1]:9000", "[::1]:9000 http://[::1]:9000"},
		{"MANDAT_LISTEN", ":8080", "!MANDAT_ORIGIN: say how"},
		{"MANDAT_LISTEN", "0.0.0.0:8080", "!MANDAT_ORIGIN: say how"},
		{"MANDAT_LISTEN", "8080", "!MANDAT_LISTEN: want an address and a port"},
		{"MANDAT_LISTEN", "127.0.0.1:http", "!MANDAT_LISTEN: want a port"},
		{"MANDAT_LISTEN", "127.0.0.1:70000", "!MANDAT_LISTEN: want a port"},
		{origin, "https://Panel.Example.org", "https://panel.example.org"},
		{origin, "https://panel.example.org:8443/", "https://panel.example.org:8443"},
		{origin, "http://localhost:8080", "http://localhost:8080"},
		{origin, "http://[::1]:8080", "http://[::1]:8080"},
		{origin, "http://panel.example.org", "!MANDAT_ORIGIN: http is for loopback"},
		{origin, "http://192.168.1.2", "!MANDAT_ORIGIN: http is for loopback"},
		{origin, "https://panel.example.org/mandat", "!MANDAT_ORIGIN: want a scheme"},
		{origin, "https://user@panel.example.org", "!MANDAT_ORIGIN: want a scheme"},
		{origin, "https://panel.example.org?x", "!MANDAT_ORIGIN: want a scheme"},
		{origin, "panel.example.org", "!MANDAT_ORIGIN: want a scheme"},
		{origin, "https://", "!MANDAT_ORIGIN: want a scheme"},
		{origin, "https://:443", "!MANDAT_ORIGIN: want a scheme"},
		{origin, "ftp://panel.example.org", "!MANDAT_ORIGIN: want https"},
		{"MANDAT_DATABASE_URL", "postgres://m:s3cret@db/mandat", "postgres://m:s3cret@db/mandat"},
		{"MANDAT_DATABASE_URL", "postgresql:///mandat?host=/run/postgresql", "postgresql:///mandat?host=/run/postgresql"},
		{"MANDAT_DATABASE_URL", "mysql://m:s3cret@db/mandat", "!MANDAT_DATABASE_URL: want postgres://"},
		{"MANDAT_DATABASE_URL", "postgres://m:s3cret%zz@db/mandat", "!MANDAT_DATABASE_URL: want postgres://"},
		{"MANDAT_DATA_DIR", "/var/lib/mandat", "sqlite:/var/lib/mandat/mandat.db"},
		{"MANDAT_MIGRATE", "1", "true"},
		{"MANDAT_MIGRATE", "perhaps", "!MANDAT_MIGRATE: want 1 or 0"},
		{"MANDAT_MAIL", "smtp://u:s3cret%zz@mx.example", "!MANDAT_MAIL: want smtps://"},
		{"MANDAT_MAIL", "smtp://u:s3cret@mx.example?tls=off", "!MANDAT_MAIL: tls=off is for servers"},
		{"MANDAT_MAIL", "smtp://u:s3cret@mx.example", "!MANDAT_MAIL_FROM: say whom"},
		{"MANDAT_MAIL", "on", "!MANDAT_MAIL: want smtps://"},
		{"MANDAT_MAIL_FROM", "Mandat <panel@example.org>", `"Mandat" <panel@example.org>`},
		{"MANDAT_MAIL_FROM", "Mandat", "!MANDAT_MAIL_FROM: want a sender"},
		{"MANDAT_DOVECOT", "http://key:s3cret@mail.example:24027", "!MANDAT_DOVECOT: http is for loopback"},
		{"MANDAT_DOVECOT", "http://key:s3cret@127.0.0.1:24027", "!MANDAT_DOVECOT: mail servers read PostgreSQL"},
		{"MANDAT_DNS_RESOLVER", "system", "system"},
		{"MANDAT_DNS_RESOLVER", "127.0.0.1,[::1]:5353", "127.0.0.1:53, [::1]:5353"},
		{"MANDAT_DNS_RESOLVER", "dns.example.org", "!MANDAT_DNS_RESOLVER: \"dns.example.org\" is no address"},
		{"MANDAT_DNS_MX", "MX1.example.org, mx2.example.org", "mx1.example.org, mx2.example.org"},
		{"MANDAT_DNS_MX", "mx1", "!MANDAT_DNS_MX: \"mx1\" is no name"},
		{"MANDAT_DNS_SPF", "include:spf.example.org, 192.0.2.1", "include:spf.example.org, 192.0.2.1"},
		{"MANDAT_DNS_SPF", "include:spf.example.org", "!MANDAT_DNS_SPF: want an address"},
		{"MANDAT_DNS_DKIM", "s1=s1._domainkey.example.org", "s1=s1._domainkey.example.org"},
		{"MANDAT_DNS_DKIM", "s1=QUJD", "!MANDAT_DNS_DKIM: want the public key"},
		{"MANDAT_DNS_DMARC", "v=DMARC1; p=reject", "v=DMARC1; p=reject"},
		{"MANDAT_DNS_DMARC", "p=reject", "!MANDAT_DNS_DMARC: want a DMARC record"},
		{"MANDAT_IMAP", "imap://mandat:s3cret@mail.example", "!MANDAT_IMAP: imap is for loopback"},
		{"MANDAT_IMAP", "imap://mandat:s3cret@127.0.0.1:143", "!MANDAT_IMAP: mail servers read PostgreSQL"},
		{"MANDAT_IMAP", "imaps://mandat@mail.example", "!MANDAT_IMAP: want the name and password"},
		{"MANDAT_IMAP", "imaps://a*b:s3cret@mail.example", "!MANDAT_IMAP: want the name and password"},
		{"MANDAT_IMAP", "imaps://mandat:s3cret@mail.example:0", "!MANDAT_IMAP: want a port"},
		{"MANDAT_IMAP", "https://mandat:s3cret@mail.example", "!MANDAT_IMAP: want imap on loopback"},
		{"MANDAT_IMAP", "imap.example.org", "!MANDAT_IMAP: want imap://"},
		{"MANDAT_IMPORT_NETWORKS", "10.1.2.3/8, ::1", "[10.0.0.0/8 ::1/128]"},
		{"MANDAT_IMPORT_NETWORKS", "mail.example", "!MANDAT_IMPORT_NETWORKS: \"mail"},
		{"MANDAT_SECRET", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "0123456789abcdef0123456789abcdef"},
		{"MANDAT_SECRET", "s3cret", "!MANDAT_SECRET: want 32 octets"},
		{"MANDAT_SECRET", "czNjcmV0", "!MANDAT_SECRET: want 32 octets"},
		{"MANDAT_SECRET_OLD", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "0123456789abcdef0123456789abcdef"},
		{"MANDAT_SECOND_FACTOR", "everybody", "everybody"},
		{"MANDAT_SECOND_FACTOR", "nobody", "!MANDAT_SECOND_FACTOR: want agents or everybody"},
		{"MANDAT_SECRET_OLD", "czNjcmV0", "!MANDAT_SECRET_OLD: want 32 octets"},
		{"MANDAT_OIDC_ISSUER", "http://sso.example.org", "!MANDAT_OIDC_ISSUER: http is for loopback"},
		{"MANDAT_OIDC_ISSUER", "https://u:s3cret@sso.example.org", "!MANDAT_OIDC_ISSUER: want the issuer"},
		{"MANDAT_OIDC_ISSUER", "https://sso.example.org", "!MANDAT_OIDC_CLIENT_ID: say what"},
		{"MANDAT_OIDC_CLIENT_SECRET", "s3cret", "!MANDAT_OIDC_ISSUER: say which"},
		{"MANDAT_OIDC_CLIENT_ID", "mandat", "!MANDAT_OIDC_ISSUER: say which"},
		{"MANDAT_OIDC_LABEL", "La Poste", "La Poste"},
		{"MANDAT_OIDC_LABEL", "a name that is far too long for any button at all", "!MANDAT_OIDC_LABEL: want a name"},
		{"MANDAT_OIDC_FOR", "agents", "agents"},
		{"MANDAT_OIDC_FOR", "everybody", "!MANDAT_OIDC_FOR: want customers or agents or both"},
		{"MANDAT_OIDC_CLAIM", "preferred_username", "preferred_username"},
		{"MANDAT_OIDC_CLAIM", "email", "!MANDAT_OIDC_CLAIM: email is nobody's"},
		{"MANDAT_OIDC_SECOND_FACTOR", "amr=mfa,acr=2", "amr=mfa, acr=2"},
		{"MANDAT_OIDC_SECOND_FACTOR", "mfa", "!MANDAT_OIDC_SECOND_FACTOR: want what"},
		{"MANDAT_TRUSTED_PROXIES", "10.1.2.3/8, ::1", "[10.0.0.0/8 ::1/128]"},
		{"MANDAT_TRUSTED_PROXIES", "10.0.0.0/33", "!MANDAT_TRUSTED_PROXIES: \"10.0.0.0/33\""},
		{"MANDAT_TRUSTED_PROXIES", "10.0.0.1,", "!MANDAT_TRUSTED_PROXIES: \"\""},
		{"MANDAT_REQUESTS", "0", "{0 0}"},
		{"MANDAT_REQUESTS", "0.5/10", "{0.5 10}"},
		{"MANDAT_REQUESTS", "20", "!MANDAT_REQUESTS: want how many"},
		{"MANDAT_REQUESTS", "NaN/10", "!MANDAT_REQUESTS: want how many"},
		{"MANDAT_REQUESTS", "0/10", "!MANDAT_REQUESTS: want how many"},
		{"MANDAT_REQUESTS", "20/0", "!MANDAT_REQUESTS: want how many"},
		{"MANDAT_TRUSTED_PROXIES", "proxy.example.org", "!MANDAT_TRUSTED_PROXIES: \"proxy"},
		{"MANDAT_METRICS_LISTEN", "127.0.0.1:9100", "127.0.0.1:9100"},
		{"MANDAT_METRICS_LISTEN", "on", "!MANDAT_METRICS_LISTEN: want"},
		{"MANDAT_TIME_ZONE", "America/Martinique", "America/Martinique"},
		{"MANDAT_TIME_ZONE", "Local", "!MANDAT_TIME_ZONE: want"},
		{"MANDAT_TIME_ZONE", "Paris", "!MANDAT_TIME_ZONE: want"},
		{"MANDAT_IDENTIFIER_SUFFIX", "OVH", "ovh"},
		{"MANDAT_IDENTIFIER_SUFFIX", "toolong", "!MANDAT_IDENTIFIER_SUFFIX: want"},
		{"MANDAT_LOG_LEVEL", "debug", "DEBUG"},
		{"MANDAT_LOG_LEVEL", "loud", "!MANDAT_LOG_LEVEL: "},
		{"MANDAT_LOG_FORMAT", "json", "json"},
		{"MANDAT_LOG_FORMAT", "xml", "!MANDAT_LOG_FORMAT: want text or json"},
	} {
		got, err := readConfig(env(c.name, c.value))
		if message, bad := strings.CutPrefix(c.want, "!"); bad {
			if err == nil || !strings.HasPrefix(err.Error(), message) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s=%s: %v, want %s…", c.name, c.value, err, message)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
			continue
		}
		if shown := fmt.Sprint(reads[c.name](got)); shown != c.want {
			t.Errorf("%s=%s: %s, want %s", c.name, c.value, shown, c.want)
		}
	}
}

func TestAProviderIsCalledByItsHost(t *testing.T) {
	c, err := readConfig(env("MANDAT_OIDC_ISSUER", "https://sso.example.org/realms/staff", "MANDAT_OIDC_CLIENT_ID", "mandat"))
	if err != nil || c.oidc.Label != "sso.example.org" || c.oidc.Issuer != "https://sso.example.org/realms/staff" {
		t.Errorf("%+v %v", c.oidc, err)
	}
}

func TestEverybodysSecondFactorNeedsAKey(t *testing.T) {
	const database, key = "postgres://localhost/mandat", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	for _, c := range []struct {
		settings []string
		ok       bool
	}{
		{[]string{"MANDAT_DATABASE_URL", database}, false},
		{[]string{"MANDAT_DATABASE_URL", database, "MANDAT_SECRET", key}, true},
		{nil, true}, // the embedded database keeps one of its own
	} {
		_, err := readConfig(env(append(c.settings, "MANDAT_SECOND_FACTOR", "everybody")...))
		if (err == nil) != c.ok || err != nil && !strings.HasPrefix(err.Error(), "MANDAT_SECRET: ") {
			t.Errorf("%v: %v", c.settings, err)
		}
	}
}

func TestAllSettingsThatAreWrongAreToldAtOnce(t *testing.T) {
	_, err := readConfig(env("MANDAT_LISTEN", "x", "MANDAT_ORIGIN", "y", "MANDAT_MAIL", "x", "MANDAT_MAIL_FROM", "x", "MANDAT_TIME_ZONE", "z", "MANDAT_LOG_LEVEL", "w"))
	if err == nil {
		t.Fatal("no error")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, name := range []string{"MANDAT_LISTEN", "MANDAT_ORIGIN", "MANDAT_MAIL", "MANDAT_MAIL_FROM", "MANDAT_TIME_ZONE", "MANDAT_LOG_LEVEL"} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], name+": ") {
			t.Errorf("%q, want a line for %s", lines, name)
		}
	}
}

func TestEverySettingIsDescribed(t *testing.T) {
	help := strings.Join(strings.Fields(settingsHelp()), " ")
	for _, s := range settings {
		if !strings.Contains(help, s.name) || !strings.Contains(help, s.doc) || !strings.HasSuffix(s.doc, ".") || reads[s.name] == nil {
			t.Errorf("%s: %q", s.name, s.doc)
		}
	}
}

func TestTheOriginFollowsThePortThatTheSystemChose(t *testing.T) {
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4711}
	for _, c := range []struct{ listen, origin, want string }{
		{"127.0.0.1:0", "", "http://127.0.0.1:4711"},
		{"localhost:0", "", "http://localhost:4711"},
		{"[::1]:0", "", "http://[::1]:4711"},
		{"127.0.0.1:0", "https://panel.example.org", "https://panel.example.org"},
	} {
		cfg, err := readConfig(env("MANDAT_LISTEN", c.listen, "MANDAT_ORIGIN", c.origin))
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.originOn(addr).String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.listen, got, c.want)
		}
	}
}
