package views

import (
	"example.org/mandat/mail/dns"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// DNSView is what the domain of a service publishes for its mail, as it was
// found last.
type DNSView struct {
	Domain string // A-label
	Report dns.Report
	Known  bool // there is a report
	Asks   bool // the page asks by itself for what is found now
	Late   bool // it was asked for, and is not there yet
}

// dnsVerdict is a status as a badge says it.
func dnsVerdict(l *locale.Locale, s dns.Status) (tone ui.Tone, icon, text string) {
	text = l.T("dns.status." + string(s))
	switch s {
	case dns.OK:
		return ui.OK, "check", text
	case dns.Missing:
		return ui.Crit, "circle-alert", text
	case dns.Wrong:
		return ui.Warn, "triangle-alert", text
	}
	return "", "info", text
}

// dnsReason is what a finding says in a sentence.
func dnsReason(l *locale.Locale, f dns.Finding) string {
	if f.Reason != "" {
		return l.T("dns.reason."+string(f.Reason), "Detail", f.Detail)
	}
	return l.T("dns.plain." + string(f.Status))
}

// dnsEntry is a record to copy, part by part.
func dnsEntry(l *locale.Locale, e dns.Entry) []ui.Fact {
	return []ui.Fact{
		{Term: l.T("dns.entry.name"), More: copied(e.Name, l.T("dns.entry.name"))},
		{Term: l.T("dns.entry.type"), Text: e.Type},
		{Term: l.T("dns.entry.value"), More: copied(e.Value, l.T("dns.entry.value"))},
	}
}
