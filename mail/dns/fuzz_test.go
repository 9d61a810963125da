package dns_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.org/mandat/mail/dns"
	"example.org/mandat/mail/dns/dnstest"
)

// quoted is any text as a TXT record, each octet by its number.
func quoted(name, text string) string {
	var parts []string
	for part := range slices.Chunk([]byte(text), 200) {
		var b strings.Builder
		for _, c := range part {
			fmt.Fprintf(&b, `\%03d`, c)
		}
		parts = append(parts, `"`+b.String()+`"`)
	}
	if len(parts) == 0 {
		parts = []string{`""`}
	}
	return name + " TXT " + strings.Join(parts, " ")
}

// Whatever a domain publishes, it is judged, shown in printable text, and what
// is to be copied can be published.
func FuzzWhatIsPublished(f *testing.F) {
	for _, seed := range []string{
		"", spfOurs, "v=spf1 include:%{i}._.%{d} exists:%{l1r-}.x -all", "v=spf1 redirect=example.org", "v=spf1 a:///99 -all",
		"v=DKIM1; k=rsa; p=" + key, "v=DKIM1; p=", "p=;p=", "=;=", "v=DMARC1; p=none; sp=", "v=DMARC1;;;", "\x00\xff<script>\"\\",
	} {
		f.Add(seed)
	}
	s := dnstest.Serve(f)
	c := checker(s.Address)
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4000 {
			return
		}
		s.Set(t, quoted("example.org.", text), quoted("s1._domainkey.example.org.", text), quoted("_dmarc.example.org.", text))
		for _, found := range c.Check(t.Context(), "example.org") {
			if found.Status == dns.Unknown && found.Record != dns.SPF {
				t.Errorf("%+v", found)
			}
			for _, shown := range append(found.Found, found.Detail) {
				if i := strings.IndexFunc(shown, func(r rune) bool { return (r < ' ' || r > '~') && r != '…' }); i >= 0 || len(shown) > 520 {
					t.Errorf("shown: %q", shown)
				}
			}
			for _, e := range found.Copy {
				if strings.ContainsFunc(e.Value, func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Errorf("to copy: %q", e.Value)
				}
			}
		}
	})
}
