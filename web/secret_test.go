package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestTheEmbeddedDatabaseKeepsAKeyBesideIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "data")
	getenv := env("MANDAT_DATA_DIR", dir, "MANDAT_LOG_LEVEL", "error")
	name := filepath.Join(dir, keyFile)
	call{args: "demo", out: "TILLEUL"}.check(t, getenv)
	first, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(first))); err != nil || len(key) != 32 || bytes.Equal(key, make([]byte, 32)) {
		t.Errorf("%d octets, %v", len(key), err)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v", info.Mode(), err)
	}
	call{args: "agent reset-factors sam-support", out: "Agent sam-support has no second factor any more"}.check(t, getenv)
	if again, err := os.ReadFile(name); err != nil || !bytes.Equal(again, first) {
		t.Errorf("another key: %v", err)
	}
	if left, err := filepath.Glob(name + ".*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if err := os.WriteFile(name, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	call{args: "customer reset-factors ad1001-mdt", status: 1, err: "want 32 octets"}.check(t, getenv)
	if text, _ := os.ReadFile(name); string(text) != "short\n" {
		t.Error("a key that cannot be read was replaced")
	}
}

func TestTheSettingGoesBeforeTheKeyBesideTheDatabase(t *testing.T) {
	dir := t.TempDir()
	call{args: "migrate", out: "up to date"}.check(t, env("MANDAT_DATA_DIR", dir, "MANDAT_LOG_LEVEL", "error", "MANDAT_SECRET", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="))
	if _, err := os.Stat(filepath.Join(dir, keyFile)); err == nil {
		t.Error("a key was made that nobody needs")
	}
}

func TestOfManyAtOnceOneMakesTheKey(t *testing.T) {
	name := filepath.Join(t.TempDir(), keyFile)
	var group sync.WaitGroup
	read := make([]string, 8)
	for i := range read {
		group.Go(func() {
			if err := makeKey(name); err != nil {
				t.Error(err)
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Error(err)
			}
			read[i] = string(text)
		})
	}
	group.Wait()
	for _, text := range read {
		if text != read[0] || text == "" {
			t.Error("two keys")
		}
	}
}
