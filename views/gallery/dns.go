package gallery

import (
	"strings"

	"github.com/a-h/templ"

	"example.org/mandat/mail/dns"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// The records of the entries, in order and not. The key is as long as one of 2048 bits.
var (
	dnsKey  = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA" + strings.Repeat("n2Jx7Qm4tV9sLk0zYwPb8RcE3uHfGdT6", 10) + "wIDAQAB"
	inOrder = []dns.Finding{
		{Record: dns.MX, Status: dns.OK, Found: []string{"10 mx1.mandat.example.", "20 mx2.mandat.example."}},
		{Record: dns.SPF, Status: dns.OK, Found: []string{"v=spf1 include:spf.mandat.example -all"}},
		{Record: dns.DKIM, Status: dns.OK, Found: []string{"v=DKIM1; k=rsa; p=" + dnsKey}},
		{Record: dns.DMARC, Status: dns.OK, Reason: dns.DMARCInherited, Detail: "garrigue.example", Found: []string{"v=DMARC1; p=reject; rua=mailto:dmarc@garrigue.example"}},
	}
	missing = []dns.Finding{
		{Record: dns.MX, Status: dns.Missing, Reason: dns.NoDomain, Copy: []dns.Entry{
			{Name: "garrigue.example", Type: "MX", Value: "10 mx1.mandat.example."}, {Name: "garrigue.example", Type: "MX", Value: "20 mx2.mandat.example."},
		}},
		{Record: dns.SPF, Status: dns.Missing, Copy: []dns.Entry{{Name: "garrigue.example", Type: "TXT", Value: "v=spf1 include:spf.mandat.example ~all"}}},
		{Record: dns.DKIM, Status: dns.Missing, Copy: []dns.Entry{{Name: "mandat._domainkey.garrigue.example", Type: "TXT", Value: "v=DKIM1; k=rsa; p=" + dnsKey}}},
		{Record: dns.DMARC, Status: dns.Missing, Copy: []dns.Entry{{Name: "_dmarc.garrigue.example", Type: "TXT", Value: "v=DMARC1; p=none"}}},
	}
)

// wrong is one finding for each reason why a record may be wrong.
func wrong() (list []dns.Finding) {
	for _, f := range []struct {
		record  dns.Record
		reasons []dns.Reason
		found   string
		detail  string
	}{
		{dns.MX, []dns.Reason{dns.MXNull}, "0 .", ""},
		{dns.MX, []dns.Reason{dns.MXForeign, dns.MXMixed, dns.MXPartly}, "10 mx.elsewhere.example.", ""},
		{dns.SPF, []dns.Reason{dns.SPFSeveral, dns.SPFBroken, dns.SPFRefuses, dns.AliasLoop}, "v=spf1 ip4:198.51.100.9 -all", "192.0.2.1"},
		{dns.DKIM, []dns.Reason{dns.DKIMNoKey, dns.DKIMRevoked, dns.DKIMOther, dns.DKIMSeveral}, `<b>\000\226\128\174 p=</b>`, ""},
		{dns.DKIM, []dns.Reason{dns.DKIMNoAlias, dns.DKIMBareAlias}, "CNAME elsewhere.example.", "mandat._domainkey.mandat.example"},
		{dns.DMARC, []dns.Reason{dns.DMARCSeveral, dns.DMARCPolicy}, "v=DMARC1; p=later", ""},
	} {
		for _, reason := range f.reasons {
			list = append(list, dns.Finding{Record: f.record, Status: dns.Wrong, Reason: reason, Detail: f.detail, Found: []string{f.found}, Copy: missing[len(missing)-1].Copy})
		}
	}
	return list
}

func unknown() (list []dns.Finding) {
	for _, r := range []dns.Record{dns.MX, dns.SPF, dns.DKIM, dns.DMARC} {
		list = append(list, dns.Finding{Record: r, Status: dns.Unknown})
	}
	return list
}

var dnsHealth = []Entry{
	dnsEntry("ok", views.DNSView{Known: true}, inOrder),
	dnsEntry("missing", views.DNSView{Known: true}, missing),
	dnsEntry("wrong", views.DNSView{Known: true}, wrong()),
	dnsEntry("unknown", views.DNSView{Known: true}, unknown()),
	dnsEntry("late", views.DNSView{Late: true}, nil),
	dnsEntry("late-known", views.DNSView{Known: true, Late: true}, inOrder[:1]),
	{Name: "dns/overview-not-checked", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return servicePageWith(l, p, asOwner(), nil, func(v *views.ServiceView) { v.DNS = &views.DNSView{Domain: "garrigue.example", Asks: true} })
	}},
	{Name: "dns/overview-known", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return servicePageWith(l, p, asOwner(), nil, func(v *views.ServiceView) {
			v.DNS = &views.DNSView{Domain: "garrigue.example", Known: true, Asks: true, Report: dns.Report{At: Now.AddDate(0, 0, -1), Findings: inOrder}}
		})
	}},
	{Name: "dns/overview-unattached", Component: func(l *locale.Locale, p views.Page) templ.Component {
		return servicePageWith(l, p, asOwner(), nil, func(v *views.ServiceView) { v.Unattached = true })
	}},
}

// dnsEntry is the page of what a domain publishes.
func dnsEntry(state string, v views.DNSView, findings []dns.Finding) Entry {
	return Entry{Name: "dns/" + state, Component: func(l *locale.Locale, p views.Page) templ.Component {
		v.Domain, v.Report = "garrigue.example", dns.Report{Domain: "garrigue.example", At: Now, Findings: findings}
		p.Title, p.Here, p.Path = l.T("dns.title"), "services", views.DNSPath(v.Domain)
		return views.DNSPage(p, headOf(l, asOwner(), "overview", ui.Crumb{Label: p.Title}), v)
	}}
}
