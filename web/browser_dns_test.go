package main

import (
	"example.org/mandat/mail/dns/dnstest"
	"example.org/mandat/models/cast"
)

// checkDNS: the owner is told what the domain lacks, and finds the record to copy.
func checkDNS(v *visitor) {
	server := dnstest.Serve(v.t, "garrigue.example. MX 10 mx.elsewhere.example.", `garrigue.example. TXT "v=spf1 ip4:192.0.2.1 -all"`)
	server.Fail("_dmarc.garrigue.example")
	v = visit(v.t, v.browser, demoPanel(v.t, "MANDAT_DNS_RESOLVER="+server.Address, "MANDAT_DNS_MX=mx1.mandat.example", "MANDAT_DNS_SPF=192.0.2.1", "MANDAT_DNS_DKIM=mandat=mandat._domainkey.mandat.example"), v.manner)
	v.signIn(cast.Alice)
	v.goTo("/services/" + cast.Garrigue)
	v.see(v.say("service.unattached"))
	if !v.manner.script {
		v.see(v.say("dns.not_checked"))
		v.follow(v.say("dns.check"))
		v.at("/services/" + cast.Garrigue + "/dns")
	}
	v.see(v.say("dns.reason.mx_foreign"), v.say("dns.plain.ok"), v.say("dns.plain.missing"), v.say("dns.plain.unknown"))
	v.see("10 mx1.mandat.example.", "mandat._domainkey.mandat.example.")
	v.check()
	v.resize(320)
	v.check()
	v.resize(v.manner.width)
	v.goTo("/services/" + cast.Garrigue)
	v.see(v.say("dns.reason.mx_foreign"))
	v.follow(v.say("dns.check_again"))
	v.see(v.say("dns.reason.mx_foreign"))
	v.check()
}
