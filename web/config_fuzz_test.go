package main

import (
	"reflect"
	"strings"
	"testing"
)

// Whatever the operator writes: a setting that holds something secret is never
// repeated by what is said against it, and what is taken is taken again from how
// it is shown.
func FuzzSettings(f *testing.F) {
	at := map[string]int{}
	for i, s := range settings {
		at[s.name] = i
	}
	for name, values := range map[string][]string{
		"MANDAT_SECRET":             {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=", "s3crets3crets3cret"},
		"MANDAT_DATABASE_URL":       {"postgres://m:s3cret@db/panel", "postgres://m:s3cr%et@db/panel", "mysql://m:s3cret@db"},
		"MANDAT_MAIL":               {"smtps://u:s3cret%zz@mx.example", "smtp://u:s3cret@mx.example?tls=off", "smtp://u:s3cret@127.0.0.1", "smtp://[::1%25eth0]", "file:///var"},
		"MANDAT_DOVECOT":            {"http://key:s3cret@127.0.0.1:24027", "http://key:s3cret@mail.example", "https://key:s3cret@mail.example:x"},
		"MANDAT_IMAP":               {"imaps://m:s3cret@[2001:db8::1]", "imap://m:s3cret@mail.example"},
		"MANDAT_ORIGIN":             {"https://Panel.example.org:8443/", "http://localhost:8080", "http://192.0.2.1", "https://u@panel.example.org", "https://panel.example.org?"},
		"MANDAT_MAIL_FROM":          {"Mandat <panel@example.org>", "\"a\\\"b\" <panel@example.org>", "=?utf-8?q?=C3=A9?= <p@example.org>", "a@b.example, c@d.example"},
		"MANDAT_DNS_MX":             {"mx1.example.org, MX2.example.org.", "192.0.2.1"},
		"MANDAT_DNS_SPF":            {"include:spf.example.org, 192.0.2.1, ::ffff:192.0.2.2", "a, mx, 192.0.2.1", "exists:%{i}.x, 2001:db8::1", "redirect=x, 192.0.2.1"},
		"MANDAT_DNS_DKIM":           {"s1 = mandat._domainkey.example.org.", "S1=MCowBQYDK2VwAyEA", "s1="},
		"MANDAT_DNS_DMARC":          {"v=DMARC1; p=none", "v=DMARC1;p=", "v=DMARC1; p=none\x01"},
		"MANDAT_DNS_RESOLVER":       {"system", "127.0.0.1, [::1]:5353, [::1], fe80::1%eth0", "127.0.0.1:0"},
		"MANDAT_REQUESTS":           {"20/100", "0", "NaN/1", "1e6/1", "Inf/1"},
		"MANDAT_TRUSTED_PROXIES":    {"10.0.0.0/8, ::1", "10.1.2.3/8", "fe80::1%eth0"},
		"MANDAT_OIDC_SECOND_FACTOR": {"amr=mfa, acr=a=b"},
		"MANDAT_LISTEN":             {":8080", "[::1]:0", "x:65536"},
	} {
		for _, value := range values {
			f.Add(uint8(at[name]), value)
		}
	}
	secret := map[string]bool{"MANDAT_SECRET": true, "MANDAT_SECRET_OLD": true, "MANDAT_DATABASE_URL": true, "MANDAT_MAIL": true, "MANDAT_DOVECOT": true, "MANDAT_IMAP": true, "MANDAT_OIDC_CLIENT_SECRET": true}
	f.Fuzz(func(t *testing.T, which uint8, value string) {
		s := settings[int(which)%len(settings)]
		c, err := readConfig(env(s.name, value, "MANDAT_DATA_DIR", "data"))
		if err != nil && secret[s.name] && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error tells %q: %v", s.name, value, err)
		}
		for name, shown := range map[string]string{
			"MANDAT_DNS_MX": c.dnsWant.MX.String(), "MANDAT_DNS_SPF": c.dnsWant.SPF.String(), "MANDAT_DNS_DKIM": c.dnsWant.DKIM.String(), "MANDAT_DNS_DMARC": c.dnsWant.DMARC,
			"MANDAT_DNS_RESOLVER": c.dnsResolver.String(), "MANDAT_OIDC_SECOND_FACTOR": c.oidc.Strong.String(), "MANDAT_MAIL_FROM": c.mailFrom.String(),
		} {
			if name != s.name || err != nil || strings.TrimSpace(value) == "" {
				continue
			}
			again, err := readConfig(env(name, shown))
			if err != nil || !reflect.DeepEqual(reads[name](again), reads[name](c)) {
				t.Errorf("%s: %q is shown as %q, and that is %v, %v", name, value, shown, reads[name](again), err)
			}
		}
		if o := c.origin; s.name == "MANDAT_ORIGIN" && err == nil && (o.Scheme == "http" && !loopback(o.Hostname()) || o.User != nil || o.Path != "" || o.Host == "" || o.Host != strings.ToLower(o.Host)) {
			t.Errorf("%q is the origin %v", value, o)
		}
	})
}
