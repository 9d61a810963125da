package views

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views/locale"
)

// Where package models names the kind of an event, and the field of a detail.
var (
	kindNamed  = regexp.MustCompile(`Kind: "([a-z_.]+)"|\.event\("([a-z_.]+)",|recordSecurity\(p, "([a-z_.]+)",|mailEvent\("([a-z_.]+)"|return "([a-z_]+\.[a-z_]+)", (?:detail|nil)|(?:State|Active|Blocked|Suspended), (?:true, |false, )?"([a-z_.]+)"\)`)
	fieldNamed = regexp.MustCompile(`\b(?:detail|d)\["([a-z_]+)"\]|Detail\{"([a-z_]+)":|set\("([a-z_]+)",`)
)

func namedIn(t *testing.T, pattern *regexp.Regexp) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../models/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal("no models:", err)
	}
	named := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range pattern.FindAllStringSubmatch(string(source), -1) {
			named[strings.Join(m[1:], "")] = true
		}
	}
	return named
}

func TestEveryEventHasASentence(t *testing.T) {
	kinds := namedIn(t, kindNamed)
	for _, why := range []string{models.EndedByTime, models.EndedByRevoking, models.EndedByHolder, models.EndedWithObject} {
		kinds["grant."+why] = true
	}
	if len(kinds) < 20 {
		t.Fatalf("only %d kinds found in package models: %v", len(kinds), kinds)
	}
	for _, lang := range locale.Languages() {
		l := locale.From(locale.With(t.Context(), lang, nil))
		for kind := range kinds {
			if l.T("event."+kind) == "event."+kind {
				t.Errorf("%s: nothing says %q", lang, "event."+kind)
			}
		}
		for field := range namedIn(t, fieldNamed) {
			if l.T("event.field."+field) == "event.field."+field {
				t.Errorf("%s: nothing names the field %q", lang, field)
			}
		}
	}
}

func TestAnEventIsWrittenForItsReader(t *testing.T) {
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	l := locale.From(locale.With(t.Context(), "en", paris))
	e := &models.Event{Kind: "grant.changed", Actor: "ad1001-mdt", Agent: "sam-support", Subject: "cl1003-mdt", Object: "contact@xn--caf-dma.example", Detail: models.Detail{
		"extras":  {Before: "password delegate", After: ""},
		"expires": {After: "2026-12-31T23:00:00.123456Z"},
		"size":    {Before: float64(2 * models.GB), After: float64(5 * models.GB)},
	}}
	if got, want := eventText(l, e), "sam-support (support) for ad1001-mdt changed the access of cl1003-mdt to contact@café.example."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	want := []eventChange{
		{"Ends", "none", "31 Dec 2026"},
		{"In addition", "set mailbox passwords, delegate single addresses", "none"},
		{"Size", "2\u00a0GB", "5\u00a0GB"},
	}
	for i, got := range eventChanges(l, e) {
		if got != want[i] {
			t.Errorf("%q, want %q", got, want[i])
		}
	}
}
