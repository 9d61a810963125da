package handlers_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models/cast"
)

// Bounds of wapiti's: of its walk, of each of its attacks, and of all together.
// It asks for what a walk of four minutes has found until an attack's time is
// over, the pages before the forms: more of them that differ by an address alone
// would leave it no time for the others.
const (
	wapitiWalk     = 4 * time.Minute
	wapitiAttack   = 75 * time.Second
	wapitiTime     = 20 * time.Minute
	wapitiSiblings = "20" // pages below one path
)

// scans are who walks, from where, and what they have to have seen of each area.
var scans = []struct {
	by    person
	start []string
	seen  string // the paths of pages, then after a bar of forms
}{
	{alice, []string{
		"/services", "/profile", "/history", "/services/:domain/new-email", "/services/:domain/new-list", "/services/:domain/new-responder", "/services/:domain/redirections/new", "/services/:domain/uploads/accounts",
		"/grants/new?accounts=rh@:domain", "/services/:domain/accounts/description?accounts=rh@:domain", "/services/:domain/accounts/size?accounts=rh@:domain", "/services/:domain/accounts/revocation?accounts=contact@:domain",
	}, `
		/services /history /profile /profile/password /profile/contact /profile/factors /profile/factors/new /profile/sessions /profile/identities /profile/passkeys/new /profile/support /profile/support/:id
		/services/:domain /services/:domain/dns /services/:domain/history /services/:domain/emails /services/:domain/emails.csv /services/:domain/new-email /services/:domain/accounts/description /services/:domain/accounts/size
		/services/:domain/emails/:local /services/:domain/emails/:local/password /services/:domain/emails/:local/deletion /services/:domain/emails/:local/imports /services/:domain/emails/:local/responder
		/services/:domain/emails/:local/filters /services/:domain/emails/:local/filters/new /services/:domain/emails/:local/filters/:id /services/:domain/emails/:local/filters/trial
		/services/:domain/redirections /services/:domain/redirections/new /services/:domain/redirections/:id /services/:domain/responders /services/:domain/new-responder /services/:domain/uploads/accounts
		/services/:domain/lists /services/:domain/new-list /services/:domain/lists/:name /services/:domain/lists/:name/members /services/:domain/lists/:name/messages
		/services/:domain/grants /services/:domain/emails/:local/grants /grants/new /grants/:id /grants/:id/revocation
		| /profile /profile/password /profile/contact /profile/factors /profile/passkeys /profile/support /profile/support/code /preferences
		/services/:domain/emails /services/:domain/emails/:local /services/:domain/emails/:local/password /services/:domain/emails/:local/deletion /services/:domain/accounts/description /services/:domain/accounts/size
		/services/:domain/emails/:local/filters /services/:domain/emails/:local/filters/:id /services/:domain/emails/:local/filters/trial /services/:domain/emails/:local/imports /services/:domain/emails/:local/responder
		/services/:domain/redirections /services/:domain/redirections/:id /services/:domain/responders /services/:domain/lists /services/:domain/lists/:name /services/:domain/lists/:name/members /services/:domain/uploads/accounts
		/services/:domain/grants /services/:domain/emails/:local/grants /grants /grants/:id /grants/:id/revocation`},
	{acting, []string{"/support?q=durand", "/support/assistances", "/assistances/new?customer=" + cast.Bruno, "/assistances/change", "/services"}, `
		/support /support/assistances /support/assistances/:id /assistances/new /assistances/change
		/services /services/:domain /services/:domain/emails /services/:domain/emails/:local /services/:domain/history /services/:domain/grants
		| /assistances /assistances/change /assistances/renewal /assistances/end /services/:domain/emails/:local /preferences`},
	{nobody, []string{"/sign-in", "/session/factor", "/password-resets/new", "/password-links/:link", "/unsubscriptions/" + memberLink}, `
		/sign-in /session/factor /session/oidc /password-resets/new /password-resets /password-links/:token /unsubscriptions/:token
		| /session /session/factor /session/passkey /session/oidc /password-resets /password-links/:token /unsubscriptions/:token /preferences`},
}

func TestScanByWapiti(t *testing.T) {
	s := scannable(t)
	for _, scan := range scans {
		t.Run(scan.by.name, func(t *testing.T) {
			s.speaksFor(scan.by)
			var start []string
			for _, path := range scan.start {
				start = append(start, s.at+strings.NewReplacer(":domain", cast.Garrigue, ":link", s.link).Replace(path))
			}
			s.wapiti(t, start)
			pages, forms, _ := strings.Cut(scan.seen, "|")
			for method, paths := range map[string]string{"GET ": pages, "POST ": forms} {
				for _, path := range strings.Fields(paths) {
					s.wantSeen(t, method+path)
				}
			}
			s.wantNoFault(t)
		})
	}
}

// wapiti walks the panel from these pages on, and attacks.
func (s *scanned) wapiti(t *testing.T, start []string) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.json")
	args := []string{
		"-u", start[0], "--scope", "domain", "-d", "6", "-S", "paranoid", "--max-links-per-page", "60", "--max-files-per-dir", wapitiSiblings, "--skip", "submission",
		"--max-scan-time", fmt.Sprint(wapitiWalk.Seconds()), "--max-attack-time", fmt.Sprint(wapitiAttack.Seconds()), "-t", "20",
		"-m", "backup,blindsql,cookieflags,crlf,csp,exec,file,http_headers,methods,permanentxss,redirect,shellshock,sql,xss",
		"--flush-session", "--store-session", t.TempDir(), "-f", "json", "-o", report, "-v", "0", "--no-bugreport",
	}
	for _, at := range start[1:] {
		args = append(args, "-s", at)
	}
	t.Log(runScanner(t, wapitiTime, "wapiti", args...))
	text, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	type finding struct {
		Method, Path, Info, Parameter string
		Level                         int
	}
	var found struct{ Vulnerabilities, Anomalies map[string][]finding }
	if err := json.Unmarshal(text, &found); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []map[string][]finding{found.Vulnerabilities, found.Anomalies} {
		for name, list := range kind {
			for _, f := range list {
				said := fmt.Sprintf("%s: %s %s %s: %s", name, f.Method, f.Path, f.Parameter, f.Info)
				// The lowest level is what cannot be had without TLS, such as HSTS and
				// Secure. A file says what was typed, to be saved and not shown.
				if f.Level > 1 && !strings.Contains(f.Info, ".csv by injecting") {
					t.Error(said)
				} else {
					t.Log(said)
				}
			}
		}
	}
}
