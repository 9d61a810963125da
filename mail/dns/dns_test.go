package dns_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/mail/dns"
	"example.org/mandat/mail/dns/dnstest"
)

// The operator of the tests: two mail servers, an address that mail leaves from,
// a key.
const (
	hosts   = "mx1.host.example, mx2.host.example"
	sending = "192.0.2.1, 2001:db8::1"
	spfOurs = "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all"
)

var key = newKey(1024)

func newKey(bits int) string {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// must gives what was read without an error.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func want(senders, dkim string) dns.Expectations {
	return dns.Expectations{MX: must(dns.ParseHosts(hosts)), SPF: must(dns.ParseSenders(senders)), DKIM: must(dns.ParseKey(dkim)), DMARC: "v=DMARC1; p=none"}
}

func checker(address string) *dns.Checker {
	return &dns.Checker{Resolver: must(dns.ParseResolver(address)), Want: want(sending, "s1="+key)}
}

// txt is a record whose strings are of 255 octets at most.
func txt(name, value string) string {
	var parts []string
	for part := range slices.Chunk([]byte(value), 255) {
		parts = append(parts, fmt.Sprintf("%q", part))
	}
	return name + " 60 IN TXT " + strings.Join(parts, " ")
}

// good is what example.org ought to publish.
func good() []string {
	return []string{
		"example.org. 60 IN MX 10 MX1.host.example.", "example.org. 60 IN MX 20 mx2.host.example.",
		txt("example.org.", spfOurs), txt("example.org.", "other=1"),
		txt("s1._domainkey.example.org.", "v=DKIM1; k=rsa; p="+key), txt("_dmarc.example.org.", "v=DMARC1; p=reject; rua=mailto:x@example.org"),
	}
}

func find(t *testing.T, findings []dns.Finding, r dns.Record) dns.Finding {
	t.Helper()
	i := slices.IndexFunc(findings, func(f dns.Finding) bool { return f.Record == r })
	if i < 0 {
		t.Fatalf("nothing about %s: %+v", r, findings)
	}
	return findings[i]
}

func brief(findings []dns.Finding) string {
	var list []string
	for _, f := range findings {
		list = append(list, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", f.Record, f.Status, f.Reason, f.Detail)))
	}
	return strings.Join(list, ", ")
}

func TestWhatIsAsItOughtToBe(t *testing.T) {
	s := dnstest.Serve(t, good()...)
	findings := checker(s.Address).Check(t.Context(), "example.org")
	if got := brief(findings); got != "mx ok, spf ok, dkim ok, dmarc ok" {
		t.Errorf("%s: %+v", got, findings)
	}
	for _, f := range findings {
		if len(f.Copy) > 0 || len(f.Found) == 0 {
			t.Errorf("%+v", f)
		}
	}
}

func TestWhatIsMissingComesWithTheRecordToCopy(t *testing.T) {
	s := dnstest.Serve(t, "www.example.org. 60 IN A 192.0.2.80")
	c := checker(s.Address)
	findings := c.Check(t.Context(), "example.org")
	if got := brief(findings); got != "mx missing, spf missing, dkim missing, dmarc missing" {
		t.Errorf("%s", got)
	}
	var entries []string
	for _, f := range findings {
		for _, e := range f.Copy {
			entries = append(entries, e.Name+" "+e.Type+" "+e.Value)
		}
	}
	if want := []string{
		"example.org MX 10 mx1.host.example.", "example.org MX 20 mx2.host.example.", "example.org TXT " + spfOurs,
		"s1._domainkey.example.org TXT v=DKIM1; k=rsa; p=" + key, "_dmarc.example.org TXT v=DMARC1; p=none",
	}; !slices.Equal(entries, want) {
		t.Errorf("%q", entries)
	}
	if got := brief(c.Check(t.Context(), "nowhere.example")); got != "mx missing no_domain, spf missing no_domain, dkim missing, dmarc missing" {
		t.Errorf("a domain that does not exist: %s", got)
	}
}

func TestEachRecord(t *testing.T) {
	other := newKey(1024)
	const d, k, p = "example.org.", "s1._domainkey.example.org.", "_dmarc.example.org."
	for name, c := range map[string]struct {
		zone []string
		want string
	}{
		"all mail goes elsewhere":                {[]string{d + " MX 5 mx.other.example."}, "mx wrong mx_foreign"},
		"some mail goes elsewhere":               {[]string{d + " MX 5 mx.other.example.", d + " MX 10 mx1.host.example."}, "mx wrong mx_mixed"},
		"one of two servers is missing":          {[]string{d + " MX 5 mx2.host.example."}, "mx wrong mx_partly"},
		"a null MX":                              {[]string{d + " MX 0 ."}, "mx wrong mx_null"},
		"a null MX beside another":               {[]string{d + " MX 0 .", d + " MX 10 mx1.host.example."}, "mx wrong mx_mixed"},
		"an alias to a domain as it ought to be": {[]string{d + " CNAME there.example.", "there.example. MX 1 mx1.host.example.", "there.example. MX 1 mx2.host.example.", txt("there.example.", spfOurs)}, "mx ok, spf ok"},

		"a policy that includes ours":       {[]string{txt(d, "v=spf1 include:spf.example -all"), txt("spf.example.", "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all")}, "spf ok"},
		"a policy of another case":          {[]string{txt(d, "V=SPF1 +A:out.example -ALL"), "out.example. A 192.0.2.1", "out.example. AAAA 2001:db8::1"}, "spf ok"},
		"a policy that leads to ours":       {[]string{txt(d, "v=spf1 redirect=spf.example"), txt("spf.example.", "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all")}, "spf ok"},
		"a policy by MX":                    {[]string{txt(d, "v=spf1 mx -all"), d + " MX 1 out.example.", "out.example. A 192.0.2.1", "out.example. AAAA 2001:db8::1"}, "spf ok"},
		"a policy by name of the address":   {[]string{txt(d, "v=spf1 ptr:host.example -all"), "1.2.0.192.in-addr.arpa. PTR out.host.example.", "out.host.example. A 192.0.2.1"}, "spf wrong spf_refuses 2001:db8::1"},
		"a policy that refuses ours":        {[]string{txt(d, "v=spf1 ip4:198.51.100.9 -all")}, "spf wrong spf_refuses 192.0.2.1"},
		"a policy that refuses one of ours": {[]string{txt(d, "v=spf1 ip4:192.0.2.1 -all")}, "spf wrong spf_refuses 2001:db8::1"},
		"an empty policy":                   {[]string{txt(d, "v=spf1")}, "spf wrong spf_refuses 192.0.2.1"},
		"two policies":                      {[]string{txt(d, spfOurs), txt(d, "v=spf1 mx -all")}, "spf wrong spf_several"},
		"a policy nobody reads":             {[]string{txt(d, "v=spf1 ipv4:192.0.2.1 -all")}, "spf wrong spf_broken"},
		"a policy that includes itself":     {[]string{txt(d, "v=spf1 include:example.org -all")}, "spf wrong spf_broken"},
		"no policy but the like":            {[]string{txt(d, "v=spf10 -all"), txt(d, " v=spf1 -all")}, "spf missing"},

		"a key in several strings":         {[]string{k + ` TXT "v=DKIM1; k=rsa; p=" "` + key[:100] + `" "` + key[100:] + `"`}, "dkim ok"},
		"a key with spaces and no version": {[]string{txt(k, "p="+key[:9]+" "+key[9:]+";")}, "dkim ok"},
		"a key behind an alias":            {[]string{k + " CNAME there.example.", "there.example. CNAME end.example.", txt("end.example.", "v=DKIM1; p="+key)}, "dkim ok"},
		"a key that was revoked":           {[]string{txt(k, "v=DKIM1; p=")}, "dkim wrong dkim_revoked"},
		"another key":                      {[]string{txt(k, "v=DKIM1; p="+other)}, "dkim wrong dkim_other"},
		"a key of another kind":            {[]string{txt(k, "v=DKIM1; k=ed25519; p="+key)}, "dkim wrong dkim_other"},
		"a key that is not for email":      {[]string{txt(k, "v=DKIM1; s=tlsrpt; p="+key)}, "dkim wrong dkim_other"},
		"a key for old signatures only":    {[]string{txt(k, "v=DKIM1; h=sha1; p="+key)}, "dkim wrong dkim_other"},
		"a key for some signatures":        {[]string{txt(k, "v=DKIM1; h=sha1:sha256; s=*; p="+key)}, "dkim ok"},
		"two keys":                         {[]string{txt(k, "v=DKIM1; p="+other), txt(k, "v=DKIM1; p="+key)}, "dkim wrong dkim_several"},
		"a key beside another text":        {[]string{txt(k, "hello"), txt(k, "v=DKIM1; p="+key)}, "dkim ok"},
		"a text that is no key":            {[]string{txt(k, "v=spf1 -all")}, "dkim wrong dkim_no_key"},
		"a key of a later version":         {[]string{txt(k, "v=DKIM2; p="+key)}, "dkim wrong dkim_no_key"},
		"aliases in a circle":              {[]string{k + " CNAME there.example.", "there.example. CNAME " + k}, "dkim wrong alias_loop"},
		"an alias to itself":               {[]string{k + " CNAME " + k}, "dkim wrong alias_loop"},

		"a policy of each kind":          {[]string{txt(p, "v=DMARC1;p=Quarantine; sp=none")}, "dmarc ok"},
		"a policy beside another text":   {[]string{txt(p, "v=spf1 -all"), txt(p, "v=DMARC1; p=none")}, "dmarc ok"},
		"a policy that there is not":     {[]string{txt(p, "v=DMARC1; p=later")}, "dmarc wrong dmarc_policy"},
		"a policy for subdomains alone":  {[]string{txt(p, "v=DMARC1; sp=none")}, "dmarc wrong dmarc_policy"},
		"two policies for mail":          {[]string{txt(p, "v=DMARC1; p=none"), txt(p, "v=DMARC1; p=reject")}, "dmarc wrong dmarc_several"},
		"a version that does not begin":  {[]string{txt(p, "p=none; v=DMARC1")}, "dmarc missing"},
		"a version in lower case":        {[]string{txt(p, "v=dmarc1; p=none")}, "dmarc missing"},
		"a policy with a tag that is no": {[]string{txt(p, "v=DMARC1; p=none; p=none")}, "dmarc wrong dmarc_policy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := dnstest.Serve(t, c.zone...)
			findings := checker(s.Address).Check(t.Context(), "example.org")
			for part := range strings.SplitSeq(c.want, ", ") {
				record, _, _ := strings.Cut(part, " ")
				f := find(t, findings, dns.Record(record))
				if got := brief([]dns.Finding{f}); got != part {
					t.Errorf("%s, want %s: %+v", got, part, f)
				}
				if (f.Status == dns.Wrong || f.Status == dns.Missing) != (len(f.Copy) > 0) {
					t.Errorf("to copy: %+v", f)
				}
			}
		})
	}
}

func TestAPolicyThatIsThereIsAmended(t *testing.T) {
	s := dnstest.Serve(t, txt("example.org.", "v=spf1 ip4:198.51.100.9  ?include:spf.host.example -all"), txt("spf.host.example.", "v=spf1 ip4:192.0.2.1 -all"))
	c := checker(s.Address)
	for terms, want := range map[string]string{
		"192.0.2.1":                           "v=spf1 ip4:192.0.2.1 ip4:198.51.100.9 ?include:spf.host.example -all",
		"include:spf.host.example, 192.0.2.1": "v=spf1 include:spf.host.example ip4:198.51.100.9 -all",
	} {
		c.Want.SPF = must(dns.ParseSenders(terms))
		if f := find(t, c.Check(t.Context(), "example.org"), dns.SPF); len(f.Copy) != 1 || f.Copy[0].Value != want || f.Reason != dns.SPFRefuses {
			t.Errorf("%s: %+v, want %s", terms, f, want)
		}
	}
}

func TestDomainsLeadToTheNameThatHasTheKey(t *testing.T) {
	const name, there = "s1._domainkey.example.org.", "s1._domainkey.host.example."
	for want, zone := range map[string][]string{
		"dkim ok": {name + " CNAME " + there, txt(there, "v=DKIM1; p="+key)},
		"dkim wrong dkim_no_alias s1._domainkey.host.example": {txt(name, "v=DKIM1; p="+key)},
		"dkim wrong dkim_bare_alias":                          {name + " CNAME " + there},
		"dkim wrong dkim_revoked":                             {name + " CNAME " + there, txt(there, "v=DKIM1; p=")},
		"dkim missing":                                        {"example.org. A 192.0.2.1"},
	} {
		s := dnstest.Serve(t, zone...)
		c := &dns.Checker{Resolver: must(dns.ParseResolver(s.Address)), Want: wanting("s1=S1._domainkey.Host.example.")}
		findings := c.Check(t.Context(), "example.org")
		if got := brief(findings); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if f := findings[0]; f.Status != dns.OK && f.Copy[0] != (dns.Entry{Name: "s1._domainkey.example.org", Type: "CNAME", Value: "s1._domainkey.host.example."}) {
			t.Errorf("%+v", f.Copy)
		}
	}
}

func wanting(key string) dns.Expectations { return dns.Expectations{DKIM: must(dns.ParseKey(key))} }

func TestAPolicyOfTheDomainAboveCounts(t *testing.T) {
	s := dnstest.Serve(t, txt("_dmarc.firm.co.uk.", "v=DMARC1; p=reject"), txt("_dmarc.co.uk.", "v=DMARC1; p=reject"), "other.co.uk. A 192.0.2.1")
	c := &dns.Checker{Resolver: must(dns.ParseResolver(s.Address)), Want: dns.Expectations{DMARC: "v=DMARC1; p=none"}}
	for domain, want := range map[string]string{
		"firm.co.uk": "dmarc ok", "mail.paris.firm.co.uk": "dmarc ok dmarc_inherited firm.co.uk", "other.co.uk": "dmarc missing", "mail.other.co.uk": "dmarc missing",
	} {
		if got := brief(c.Check(t.Context(), domain)); got != want {
			t.Errorf("%s: %s, want %s", domain, got, want)
		}
	}
}

// What is not known is never called missing.
func TestWithoutAnAnswerNothingIsKnown(t *testing.T) {
	const unknown = "mx unknown, spf unknown, dkim unknown, dmarc unknown"
	s := dnstest.Serve(t, good()...)
	s.Fail("failing.example", "s1._domainkey.failing.example", "_dmarc.failing.example")
	s.Silence("silent.example", "s1._domainkey.silent.example", "_dmarc.silent.example")
	closed := must(net.ListenPacket("udp", "127.0.0.1:0"))
	nobody := closed.LocalAddr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ server, domain string }{{s.Address, "failing.example"}, {s.Address, "silent.example"}, {nobody, "example.org"}} {
		began := time.Now()
		if got := brief(checker(c.server).Check(t.Context(), c.domain)); got != unknown {
			t.Errorf("%s at %s: %s", c.domain, c.server, got)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("%s took %s", c.domain, took)
		}
	}
	c := checker(s.Address)
	c.Resolver = dns.Resolver{}
	if got := brief(c.Check(t.Context(), "example.org")); got != unknown {
		t.Errorf("nobody to ask: %s", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := brief(checker(s.Address).Check(ended, "example.org")); got != unknown {
		t.Errorf("no time: %s", got)
	}
}

func TestAPolicyThatLeadsToNoAnswerIsNotKnown(t *testing.T) {
	s := dnstest.Serve(t, txt("example.org.", "v=spf1 include:failing.example -all"), txt("sub.example.org.", "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 include:failing.example -all"))
	s.Fail("failing.example")
	if f := find(t, checker(s.Address).Check(t.Context(), "example.org"), dns.SPF); f.Status != dns.Unknown || len(f.Copy) > 0 {
		t.Errorf("%+v", f)
	}
	if f := find(t, checker(s.Address).Check(t.Context(), "sub.example.org"), dns.SPF); f.Status != dns.OK {
		t.Errorf("what passes before: %+v", f)
	}
}

func TestTheNextResolverIsAskedWhenOneIsAway(t *testing.T) {
	away, s := dnstest.Serve(t), dnstest.Serve(t, good()...)
	away.Fail("example.org", "s1._domainkey.example.org", "_dmarc.example.org")
	if got := brief(checker(away.Address+", "+s.Address).Check(t.Context(), "example.org")); got != "mx ok, spf ok, dkim ok, dmarc ok" {
		t.Errorf("%s", got)
	}
}

func TestLargeAnswersComeByTCPAndAreShownShortened(t *testing.T) {
	var zone []string
	for i := range 60 {
		zone = append(zone, txt("example.org.", fmt.Sprintf("%d-%s", i, strings.Repeat("x", 240))), fmt.Sprintf("example.org. MX 10 mx%d.%s.example.", i, strings.Repeat("y", 60)))
	}
	zone = append(zone, txt("example.org.", spfOurs), txt("s1._domainkey.example.org.", "v=DKIM1; n="+strings.Repeat("z", 60000)+"; p="+key))
	s := dnstest.Serve(t, zone...)
	findings := checker(s.Address).Check(t.Context(), "example.org")
	if got := brief(findings); got != "mx wrong mx_foreign, spf ok, dkim ok, dmarc missing" {
		t.Errorf("%s", got)
	}
	for _, f := range findings {
		if len(f.Found) > 4 || len(strings.Join(f.Found, "")) > 4*520 {
			t.Errorf("%s: %d values, %d bytes", f.Record, len(f.Found), len(strings.Join(f.Found, "")))
		}
	}
}

func TestWhatStrangersWriteIsShownAsPrintableText(t *testing.T) {
	s := dnstest.Serve(t, `s1._domainkey.example.org. TXT "<script>\000\010\127\226\128\174\"\\ p="`, `example.org. MX 1 \<b\>\009.example.`)
	findings := checker(s.Address).Check(t.Context(), "example.org")
	if f := find(t, findings, dns.DKIM); len(f.Found) != 1 || f.Found[0] != `<script>\000\010\127\226\128\174"\ p=` {
		t.Errorf("%q", f.Found)
	}
	for _, f := range findings {
		for _, text := range f.Found {
			for _, c := range text {
				if c < ' ' || c > '~' {
					t.Errorf("%s: %q", f.Record, text)
				}
			}
		}
	}
}

// Nobody makes us ask without end, whatever they publish.
func TestQuestionsAreCounted(t *testing.T) {
	zone := []string{txt("example.org.", "v=spf1"+strings.Repeat(" mx:m.example", 9)+" -all")}
	for i := range 10 {
		zone = append(zone, fmt.Sprintf("m.example. MX 1 h%d.example.", i), fmt.Sprintf("h%d.example. A 198.51.100.1", i), fmt.Sprintf("h%d.example. AAAA 2001:db8:f::1", i))
	}
	for i := range 30 {
		zone = append(zone, fmt.Sprintf("a%d.example. CNAME a%d.example.", i, i+1))
	}
	zone = append(zone, "s1._domainkey.example.org. CNAME a0.example.")
	s := dnstest.Serve(t, zone...)
	if got := brief(checker(s.Address).Check(t.Context(), "example.org")); !strings.HasPrefix(got, "mx missing, spf unknown, dkim wrong alias_loop") {
		t.Errorf("%s", got)
	}
	if n := len(s.Asked()); n > 100 {
		t.Errorf("%d questions", n)
	}
}

func TestOnlyTheNamesOfTheDomainAreAskedFor(t *testing.T) {
	s := dnstest.Serve(t, good()...)
	checker(s.Address).Check(t.Context(), "example.org")
	asked := s.Asked()
	slices.Sort(asked)
	if want := []string{"MX example.org", "TXT _dmarc.example.org", "TXT example.org", "TXT s1._domainkey.example.org"}; !slices.Equal(slices.Compact(asked), want) {
		t.Errorf("%q", asked)
	}
}

func TestWhatIsNotExpectedIsNotLookedAt(t *testing.T) {
	s := dnstest.Serve(t)
	c := &dns.Checker{Resolver: must(dns.ParseResolver(s.Address))}
	if got := c.Check(t.Context(), "example.org"); len(got) != 0 || len(s.Asked()) != 0 || !c.Want.IsZero() {
		t.Errorf("%+v, asked %q", got, s.Asked())
	}
}

func TestSettingsAreReadOrRefusedInALine(t *testing.T) {
	ed := base64.StdEncoding.EncodeToString(must(x509.MarshalPKIXPublicKey(must2(ed25519.GenerateKey(rand.Reader)))))
	raw := base64.StdEncoding.EncodeToString(make([]byte, 32))
	parse := map[string]func(string) (fmt.Stringer, error){
		"resolver": func(s string) (fmt.Stringer, error) { return dns.ParseResolver(s) },
		"hosts":    func(s string) (fmt.Stringer, error) { return dns.ParseHosts(s) },
		"senders":  func(s string) (fmt.Stringer, error) { return dns.ParseSenders(s) },
		"key":      func(s string) (fmt.Stringer, error) { return dns.ParseKey(s) },
	}
	for _, c := range []struct{ kind, text, want string }{ // want: as it is written again, "" for refused
		{"resolver", "system", "system"},
		{"resolver", "127.0.0.1, ::1, [::1]:5353", "127.0.0.1:53, [::1]:53, [::1]:5353"},
		{"resolver", "127.0.0.1:0", ""},
		{"resolver", "dns.example.org", ""},
		{"resolver", "127.0.0.1,", ""},
		{"resolver", "127.0.0.1, 127.0.0.2, 127.0.0.3, 127.0.0.4", ""},
		{"hosts", "MX1.Example.org. ,mx2.example.org, mx1.example.org", "mx1.example.org, mx2.example.org"},
		{"hosts", "mx1", ""},
		{"hosts", "192.0.2.1", ""},
		{"hosts", "mx_1.example.org", ""},
		{"hosts", "mx1.example.org,", ""},
		{"hosts", strings.Repeat("a.", 130) + "example", ""},
		{"senders", "192.0.2.1, ::ffff:192.0.2.2", "192.0.2.1, 192.0.2.2"},
		{"senders", "include:spf.example.org, 192.0.2.1", "include:spf.example.org, 192.0.2.1"},
		{"senders", "a:out.example.org, mx, ip6:2001:db8::/32, 192.0.2.1", "a:out.example.org, mx, ip6:2001:db8::/32, 192.0.2.1"},
		{"senders", "include:spf.example.org", ""},
		{"senders", "include:, 192.0.2.1", ""},
		{"senders", "ip4:192.0.2, 192.0.2.1", ""},
		{"senders", "all, 192.0.2.1", ""},
		{"senders", "v=spf1 mx, 192.0.2.1", ""},
		{"senders", "192.0.2.1%eth0", ""},
		{"senders", "192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5", ""},
		{"key", "S1=" + key, "s1=" + key},
		{"key", "s1=" + raw, "s1=" + raw},
		{"key", "s1=mandat._domainkey.Example.org.", "s1=mandat._domainkey.example.org"},
		{"key", "s1=" + ed, ""},
		{"key", "s1=QUJD", ""},
		{"key", "s1=", ""},
		{"key", key, ""},
		{"key", "s 1=" + key, ""},
		{"key", "s1=a..example.org", ""},
		{"key", "s1=192.0.2.1", ""},
	} {
		got, err := parse[c.kind](c.text)
		switch {
		case c.want == "" && (err == nil || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s %q: %v, %v", c.kind, c.text, got, err)
		case c.want != "" && (err != nil || got.String() != c.want):
			t.Errorf("%s %q: %v, %v, want %s", c.kind, c.text, got, err, c.want)
		}
	}
	for text, ok := range map[string]bool{"v=DMARC1; p=none": true, "v=DMARC1; p=reject; sp=none; rua=mailto:dmarc@example.org": true, "p=none": false, "v=DMARC1": false, "v=DMARC1; p=none\n": false} {
		if _, err := dns.ParseDMARC(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func must2[A, B any](a A, _ B, err error) A {
	if err != nil {
		panic(err)
	}
	return a
}
