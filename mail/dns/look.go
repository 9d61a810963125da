package dns

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"
)

// absent is the finding about a domain that has no such record.
func absent(a answer) Finding {
	if !a.exists {
		return Finding{Status: Missing, Reason: NoDomain}
	}
	return Finding{Status: Missing}
}

// mx compares the servers that a domain names with ours.
func (w Expectations) mx(ctx context.Context, q *asker, domain string) (f Finding, err error) {
	var want []Entry
	for i, host := range w.MX {
		want = append(want, Entry{domain, "MX", fmt.Sprintf("%d %s.", 10*(i+1), host)})
	}
	a, err := q.lookup(ctx, domain, dns.TypeMX)
	f = absent(a)
	f.Copy = want
	if err != nil || len(a.records) == 0 {
		return f, err
	}
	ours, foreign, null := map[string]bool{}, false, false
	for _, rr := range a.records {
		mx := rr.(*dns.MX)
		f.Found = append(f.Found, fmt.Sprintf("%d %s", mx.Preference, mx.Mx))
		host := strings.TrimSuffix(dns.CanonicalName(mx.Mx), ".")
		switch {
		case slices.Contains(w.MX, host):
			ours[host] = true
		case host == "":
			null = true
		default:
			foreign = true
		}
	}
	switch f.Status = Wrong; {
	case null && len(a.records) == 1:
		f.Reason = MXNull
	case len(ours) == 0:
		f.Reason = MXForeign
	case foreign || null:
		f.Reason = MXMixed
	case len(ours) < len(w.MX):
		f.Reason = MXPartly
	default:
		f.Status = OK
	}
	return f, nil
}

// texts are the TXT records of a name, each as one: its strings are joined without a space.
func (q *asker) texts(ctx context.Context, name string) (list []string, a answer, err error) {
	a, err = q.lookup(ctx, name, dns.TypeTXT)
	for _, rr := range a.records {
		list = append(list, plain(strings.Join(rr.(*dns.TXT).Txt, "")))
	}
	return list, a, err
}

// dkim compares the key that a domain publishes with ours.
func (w Expectations) dkim(ctx context.Context, q *asker, domain string) (f Finding, err error) {
	name := w.DKIM.Selector + "._domainkey." + domain
	f = Finding{Status: Missing, Copy: []Entry{w.DKIM.entry(name)}}
	list, a, err := q.texts(ctx, name)
	if err != nil {
		return f, err
	}
	for _, alias := range a.aliases {
		f.Found = append(f.Found, "CNAME "+alias)
	}
	f.Found = append(f.Found, list...)
	if len(f.Found) == 0 {
		return f, nil
	}
	f.Status = Wrong
	if host := w.DKIM.Host; host != "" && !slices.Contains(a.aliases, host+".") {
		f.Reason, f.Detail = DKIMNoAlias, host
		return f, nil
	}
	if f.Reason = w.DKIM.judge(list); f.Reason == "" {
		f.Status = OK
	} else if f.Reason == DKIMNoKey && len(list) == 0 {
		f.Reason = DKIMBareAlias
	}
	return f, nil
}

// entry is the key as a domain publishes it.
func (k Key) entry(name string) Entry {
	if k.Host != "" {
		return Entry{name, "CNAME", k.Host + "."}
	}
	return Entry{name, "TXT", "v=DKIM1; k=" + keyType(k.Public) + "; p=" + k.Public}
}

// judge says what is wrong with the texts of a name as the place of the key, "" for nothing.
func (k Key) judge(list []string) Reason {
	var keys []map[string]string
	for _, text := range list {
		t, first, ok := tags(text)
		_, has := t["p"]
		if v, versioned := t["v"]; ok && has && (!versioned || first == "v" && v == "DKIM1") {
			keys = append(keys, t)
		}
	}
	switch {
	case len(keys) == 0:
		return DKIMNoKey
	case len(keys) > 1:
		return DKIMSeveral
	case keys[0]["p"] == "":
		return DKIMRevoked
	case !k.same(keys[0]):
		return DKIMOther
	}
	return ""
}

// same says whether a published key verifies what ours signs in email.
func (k Key) same(t map[string]string) bool {
	public, err := base64.StdEncoding.DecodeString(t["p"])
	if err != nil {
		return false
	}
	if list, limited := t["s"]; limited && !listed(list, "email", "*") {
		return false
	}
	if list, limited := t["h"]; limited && !listed(list, "sha256") {
		return false
	}
	kind := t["k"]
	if kind == "" {
		kind = "rsa"
	}
	if k.Host != "" { // whatever is there is what the operator put there
		return kind == keyType(t["p"])
	}
	own, err := base64.StdEncoding.DecodeString(k.Public)
	return err == nil && bytes.Equal(own, public) && kind == keyType(k.Public)
}

// listed says whether a list parted by colons has one of these.
func listed(list string, any ...string) bool {
	return slices.ContainsFunc(strings.Split(list, ":"), func(s string) bool { return slices.Contains(any, s) })
}

// dmarc looks for a policy that receivers apply: the domain's own, else that of
// the organisation above it.
func (w Expectations) dmarc(ctx context.Context, q *asker, domain string) (f Finding, err error) {
	name := "_dmarc." + domain
	f = Finding{Status: Missing, Copy: []Entry{{name, "TXT", w.DMARC}}}
	records, err := q.dmarcOf(ctx, domain)
	if err != nil {
		return f, err
	}
	if len(records) > 0 {
		f.Found = records
		f.Status, f.Reason = judgeDMARC(records)
		return f, nil
	}
	above, failed := publicsuffix.EffectiveTLDPlusOne(domain)
	if failed != nil || above == domain {
		return f, nil
	}
	if records, err = q.dmarcOf(ctx, above); err != nil {
		return f, err
	}
	if status, _ := judgeDMARC(records); status == OK {
		f.Status, f.Reason, f.Detail, f.Found = OK, DMARCInherited, above, records
	}
	return f, nil
}

// dmarcOf are the DMARC records of a domain; other texts may be there, from a wildcard.
func (q *asker) dmarcOf(ctx context.Context, domain string) (records []string, err error) {
	list, _, err := q.texts(ctx, "_dmarc."+domain)
	for _, text := range list {
		if version, _, _ := strings.Cut(text, ";"); strings.Join(strings.Fields(version), "") == "v=DMARC1" {
			records = append(records, text)
		}
	}
	return records, err
}

func judgeDMARC(records []string) (Status, Reason) {
	switch {
	case len(records) == 0:
		return Missing, ""
	case len(records) > 1:
		return Wrong, DMARCSeveral
	}
	if _, ok := dmarcPolicy(records[0]); !ok {
		return Wrong, DMARCPolicy
	}
	return OK, ""
}

// dmarcPolicy is the policy of a DMARC record.
func dmarcPolicy(text string) (policy string, ok bool) {
	t, first, ok := tags(text)
	if !ok || first != "v" || t["v"] != "DMARC1" {
		return "", false
	}
	known := func(p string) bool {
		return slices.Contains([]string{"none", "quarantine", "reject"}, strings.ToLower(p))
	}
	if sub, has := t["sp"]; has && !known(sub) {
		return "", false
	}
	return t["p"], known(t["p"])
}
