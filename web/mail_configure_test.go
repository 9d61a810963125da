package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestMailIsConfiguredWithinItsBounds(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mail")
	getenv := env("MANDAT_DATABASE_URL", "postgres://mandat:secret@127.0.0.1/mandat", "MANDAT_ORIGIN", "https://panel.example.org")
	configure := "mail configure " + dir + " --hostname mx.example.org "
	for _, c := range []call{
		{args: configure + "--max-mb 0", status: 1, err: "--max-mb: want 1 to 200"},
		{args: configure + "--max-mb 201", status: 1, err: "--max-mb: want 1 to 200"},
		{args: configure + "--max-mb 9223372036854775807", status: 1, err: "--max-mb: want 1 to 200"},
		{args: configure + "--postmaster 'a@b.example, c@d.example'", status: 1, err: "--postmaster: want an address"},
		{args: configure + "--postmaster x}=y@b.example", status: 1, err: "--postmaster: want an address"},
		{args: configure + "--postmaster admin@MX.example.org", status: 1, err: "--postmaster: want an address elsewhere"},
		{args: configure + "--postmaster admin@b.example --max-mb 200", out: "Wrote the configuration"},
	} {
		c.check(t, getenv)
	}
	// What mail/listd takes at most.
	if text, err := os.ReadFile(filepath.Join(dir, "lists.env")); err != nil || !strings.Contains(string(text), "\nMANDAT_LISTS_MAX_BYTES=200000000\n") {
		t.Errorf("%s, %v", text, err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "postfix/main.cf")); err != nil || !strings.Contains(string(text), "\nvirtual_alias_maps = inline:{root@mx.example.org=admin@b.example, postmaster@mx.example.org=admin@b.example}, proxy:") {
		t.Errorf("%s, %v", text, err)
	}
}
