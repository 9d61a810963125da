package handlers_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/handlers"
	"example.org/mandat/mail/dns"
	"example.org/mandat/mail/dns/dnstest"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

const (
	overview = "/services/garrigue.example"
	health   = overview + "/dns"
)

// looksAt has the panel ask a server what domains publish.
func looksAt(server *dnstest.Server) func(*handlers.Config) {
	return func(cfg *handlers.Config) {
		cfg.DNS = &dns.Checker{}
		var errs [4]error
		cfg.DNS.Resolver, errs[0] = dns.ParseResolver(server.Address)
		cfg.DNS.Want.MX, errs[1] = dns.ParseHosts("mx1.host.example, mx2.host.example")
		cfg.DNS.Want.SPF, errs[2] = dns.ParseSenders("include:spf.host.example, 192.0.2.1")
		cfg.DNS.Want.DKIM, errs[3] = dns.ParseKey("s1=s1._domainkey.host.example")
		cfg.DNS.Want.DMARC = "v=DMARC1; p=none"
		if errs != [4]error{} {
			panic(errs)
		}
	}
}

// eachWatched runs a test on a panel that looks at the DNS, with each database.
func eachWatched(t *testing.T, fn func(t *testing.T, s *site, server *dnstest.Server)) {
	t.Helper()
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		server := dnstest.Serve(t, "garrigue.example. MX 10 <b>.other.example.", `garrigue.example. TXT "v=spf1 include:spf.host.example -all"`,
			`spf.host.example. TXT "v=spf1 ip4:192.0.2.1 -all"`, `_dmarc.garrigue.example. TXT "v=DMARC1; p=reject; note=<script>"`)
		fn(t, newSite(t, w, looksAt(server)), server)
	})
}

func TestTheOverviewShowsWhatIsKnownOfTheDNSAndNeverWaits(t *testing.T) {
	eachWatched(t, func(t *testing.T, s *site, server *dnstest.Server) {
		server.Silence("garrigue.example")
		alice := s.as(t, cast.Alice)
		began := time.Now()
		p := alice.get(overview)
		if took := time.Since(began); p.status != http.StatusOK || took > time.Second {
			t.Errorf("%d after %s", p.status, took)
		}
		if got := p.text("#dns"); got != "Pas encore vérifié. Vérifier maintenant" {
			t.Errorf("at first: %s", got)
		}
		if at := p.Find("#dns"); at.AttrOr("hx-get", "") != health || at.AttrOr("hx-trigger", "") != "load" {
			t.Error("the page does not ask by itself")
		}
		asked := alice.get(health, "HX-Request", "true", "HX-Target", "div#dns")
		if got := asked.texts("#dns, .list .badge"); asked.Find("html > body > .toolbar").Length() != 1 || got != "Inconnu | Inconnu | Absent | En ordre" {
			t.Errorf("what nobody answered: %s", got)
		}
		if p = alice.get(overview); p.texts("#dns .badge") != "Inconnu | Inconnu | Absent | En ordre" || p.Find("#dns[hx-get]").Length() != 0 {
			t.Errorf("then: %s", p.text("#dns"))
		}
	})
}

func TestWhatADomainPublishesIsToldWithTheRecordToCopy(t *testing.T) {
	eachWatched(t, func(t *testing.T, s *site, server *dnstest.Server) {
		p := s.as(t, cast.Alice).get(health)
		if got := p.texts("#dns .badge"); got != "À corriger | En ordre | Absent | En ordre" {
			t.Errorf("%s", got)
		}
		if got := p.texts("#dns li:first-child dd code"); got != "garrigue.example | 10 mx1.host.example. | garrigue.example | 20 mx2.host.example." {
			t.Errorf("to copy: %s", got)
		}
		if p.Find(`#dns button[data-copy="s1._domainkey.host.example."]`).Length() != 1 {
			t.Error("no button that copies the key")
		}
		if strings.Contains(p.body, "<script>") || strings.Contains(p.body, "<b>.") || !strings.Contains(p.text("#dns"), "note=<script>") {
			t.Errorf("what a stranger wrote: %s", p.text("#dns"))
		}
		if p.text("h1") != "garrigue.example" || p.Find("html").AttrOr("lang", "") != "fr" || p.Find("#dns[hx-get]").Length() != 0 {
			t.Error("no whole page, or one that asks for ever")
		}
		if got := s.as(t, cast.Bruno).get(overview).texts("#dns .badge"); got != "À corriger | En ordre | Absent | En ordre" {
			t.Errorf("whoever it is shared with: %s", got)
		}
	})
}

func TestAskingAgainAndAgainDoesNotFloodTheResolver(t *testing.T) {
	eachWatched(t, func(t *testing.T, s *site, server *dnstest.Server) {
		alice := s.as(t, cast.Alice)
		alice.get(health)
		before := server.Asked()
		for range 5 {
			alice.get(health)
			alice.get(overview)
		}
		if again := server.Asked(); len(again) != len(before) {
			t.Errorf("asked %q", again[len(before):])
		}
		server.Set(t, "garrigue.example. MX 10 mx1.host.example.", "garrigue.example. MX 10 mx2.host.example.")
		s.Clock.Move(31 * time.Second)
		if got := alice.get(health).texts("#dns .badge"); got != "En ordre | Absent | Absent | Absent" {
			t.Errorf("half a minute later: %s", got)
		}
	})
}

// No name that somebody types is asked for: only what is there and within reach.
func TestOnlyDomainsOfServicesWithinReachAreAskedFor(t *testing.T) {
	eachWatched(t, func(t *testing.T, s *site, server *dnstest.Server) {
		for _, who := range []string{cast.David, cast.Emma, cast.Chloe, cast.Sam, ""} {
			v := s.as(t, who)
			for _, path := range []string{health, overview, "/services/nowhere.example/dns", "/services/GARRIGUE.example/dns", "/services/www.garrigue.example/dns"} {
				v.get(path)
			}
		}
		s.as(t, cast.Alice).get("/services/mx.garrigue.example/dns")
		if asked := server.Asked(); len(asked) > 0 {
			t.Errorf("asked %q", asked)
		}
		s.as(t, cast.David).get("/services/nguyen-velos.example/dns")
		asked := server.Asked()
		slices.Sort(asked)
		if got := strings.Join(slices.Compact(asked), ", "); got != "MX nguyen-velos.example, TXT _dmarc.nguyen-velos.example, TXT nguyen-velos.example, TXT s1._domainkey.nguyen-velos.example" {
			t.Errorf("asked %s", got)
		}
	})
}

func TestWithoutAResolverNothingIsSaidOfTheDNS(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		if p := alice.get(overview); p.status != http.StatusOK || p.Find("#dns").Length() != 0 || strings.Contains(p.body, "DNS") {
			t.Errorf("%d %s", p.status, p.text("main"))
		}
		if p := alice.get(health); p.status != http.StatusSeeOther || p.location != overview {
			t.Errorf("%d to %s", p.status, p.location)
		}
	})
}

func TestTheOverviewSaysThatNoMailServerIsAttached(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		said := strings.Contains(s.as(t, cast.Bruno).get(overview).text("main"), "Aucun serveur de messagerie n’est relié")
		if said == s.Store.Attached() {
			t.Errorf("said: %v", said)
		}
	})
}
