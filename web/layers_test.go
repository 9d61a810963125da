package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "example.org/mandat"

// layers lists every package of ours with those of ours that it imports at
// most, and those that its tests import beyond that. Imports run downwards:
// each line names only packages of lines above it, and a new line is a
// decision. "." is the module's root.
var layers = []struct{ pkg, imports, tests string }{
	// Leaves: they know nothing of ours, and neither do their tests.
	{pkg: "."},
	{pkg: "models/policy"},
	{pkg: "models/totp"},
	{pkg: "models/history"},
	{pkg: "views/locale"},
	{pkg: "static"},
	{pkg: "models/webauthn/webauthntest"},
	{pkg: "models/webauthn", tests: "models/webauthn/webauthntest"},
	{pkg: "mail/sieve"},
	{pkg: "mail/imap", tests: "mail/imap/connect mail/imap/imaptest"},
	{pkg: "mail/imap/connect", imports: "mail/imap", tests: "mail/imap/imaptest"},
	{pkg: "mail/imap/imaptest", imports: "mail/imap mail/imap/connect"},
	{pkg: "mail/dovecot"},
	{pkg: "mail/outgoing"},
	{pkg: "mail/dns/dnstest"},
	{pkg: "mail/dns", tests: "mail/dns/dnstest"},
	{pkg: "handlers/oidc/oidctest"},
	{pkg: "handlers/oidc", tests: "handlers/oidc/oidctest"},
	{pkg: "mail/probe"},
	{pkg: "mail/rights"},
	{pkg: "mail", tests: "mail/imap mail/imap/connect mail/imap/imaptest models models/policy models/cast models/modelstest mail/mailtest mail/dovecot"},

	// What is true.
	{pkg: "models", imports: "models/policy models/history models/webauthn models/totp mail/sieve mail/imap mail/rights", tests: "models/webauthn/webauthntest models/cast models/modelstest mail/imap/connect mail/imap/imaptest"},
	{pkg: "models/cast", imports: "models models/policy models/totp", tests: "models/modelstest"},
	{pkg: "models/modelstest", imports: "models models/policy models/history models/cast models/totp mail/imap"},

	// What is seen. Pages may use types of models, never a store: see TestSourceOfViews.
	{pkg: "views/ui", imports: "views/locale static"},
	{pkg: "views", imports: "views/ui views/locale static models models/policy mail/dns mail/imap", tests: "models/cast"},
	{pkg: "views/gallery", imports: ". views views/ui views/locale static models models/policy mail/dns mail/imap", tests: "models/cast"},

	// What happens.
	{
		pkg:     "handlers",
		imports: ". handlers/oidc views views/ui views/locale static models models/policy models/webauthn mail/dns",
		tests:   "models/webauthn/webauthntest models/totp models/cast models/modelstest views/gallery handlers/ceiling handlers/oidc/oidctest mail/dns/dnstest mail/imap mail/imap/connect mail/imap/imaptest",
	},
	{pkg: "handlers/ceiling"}, // what benchmarks compare with
	{
		pkg: "web",
		imports: ". handlers handlers/oidc views views/gallery views/locale static models models/policy models/history models/cast " +
			"mail mail/sieve mail/imap/connect mail/dovecot mail/outgoing mail/probe mail/dns",
		tests: "views/ui handlers/oidc/oidctest models/totp models/modelstest mail/dns/dnstest mail/imap mail/imap/imaptest",
	},

	// The mail side: its program, and the mail servers of a test.
	{pkg: "mail/listd", imports: "mail/rights", tests: "models models/cast models/modelstest"},
	{pkg: "mail/mailtest", imports: "mail models/modelstest"},
}

// reserved names the libraries that only a few packages know, tests included,
// so that a successor of the library is a change of these packages.
var reserved = []struct{ library, pkgs string }{
	{"gorm.io/", "models models/modelstest"},
	{"github.com/riverqueue/", "models"},
	{"github.com/pressly/goose/", "models"},
	{"github.com/labstack/", ". handlers web"},
	{"github.com/wneessen/", "mail/outgoing"},
	{"github.com/coreos/", "handlers/oidc"},
	{"golang.org/x/oauth2", "handlers/oidc"},
	{"github.com/miekg/", "mail/dns mail/dns/dnstest"},
	{"blitiri.com.ar/", "mail/dns"},
	{"github.com/emersion/go-smtp", "mail/listd mail/mailtest mail"},
	{"github.com/emersion/go-message", "mail/listd models mail/imap"},
	{"github.com/emersion/go-msgauth", "mail/listd mail"},
	{"github.com/emersion/go-imap/", "mail/imap/connect mail/imap/imaptest mail/mailtest mail"},
	{"github.com/gorilla/", "handlers web"},
	{"github.com/go-webauthn/", "models/webauthn"},
	{"github.com/pquerna/", "models/totp"},
	{"github.com/boombuler/", "views"},
}

// goPackage is what `go list -json` says of a package.
type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func (p goPackage) name() string {
	if p.ImportPath == module {
		return "."
	}
	return strings.TrimPrefix(p.ImportPath, module+"/")
}

func ownPackages(t *testing.T) (pkgs []goPackage) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = ".."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	for list := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := list.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// ours returns the packages of this module among imports, by their short names.
func ours(imports []string) (names []string) {
	for _, path := range imports {
		if path == module || strings.HasPrefix(path, module+"/") {
			names = append(names, goPackage{ImportPath: path}.name())
		}
	}
	return names
}

func TestLayers(t *testing.T) {
	imports, tests := map[string][]string{}, map[string][]string{}
	var above []string
	for _, l := range layers {
		imports[l.pkg] = strings.Fields(l.imports)
		tests[l.pkg] = append(strings.Fields(l.imports+" "+l.tests), l.pkg)
		for _, name := range imports[l.pkg] {
			if !slices.Contains(above, name) {
				t.Errorf("the table lets %s import %s, which is not above it", l.pkg, name)
			}
		}
		above = append(above, l.pkg)
	}

	for _, p := range ownPackages(t) {
		if _, known := imports[p.name()]; !known {
			t.Errorf("%s is not in the table: has it a place of its own, or is it part of another package?", p.name())
			continue
		}
		for _, name := range ours(p.Imports) {
			if !slices.Contains(imports[p.name()], name) {
				t.Errorf("%s may not import %s", p.name(), name)
			}
		}
		for _, name := range ours(slices.Concat(p.TestImports, p.XTestImports)) {
			if !slices.Contains(tests[p.name()], name) {
				t.Errorf("the tests of %s may not import %s", p.name(), name)
			}
		}
	}
}

func TestLayersKeepLibrariesInTheirPlace(t *testing.T) {
	for _, p := range ownPackages(t) {
		for _, path := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			for _, r := range reserved {
				if strings.HasPrefix(path, r.library) && !slices.Contains(strings.Fields(r.pkgs), p.name()) {
					t.Errorf("%s imports %s, which is for %s only", p.name(), path, r.pkgs)
				}
			}
		}
	}
}
