package main

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/totp"
)

// code signs Sam in, with the password and a code of his app, and says how the code was answered.
func (c *client) code(t *testing.T, p *panel, db *sql.DB) int {
	t.Helper()
	if _, err := db.Exec("UPDATE factors SET last_step = 0"); err != nil { // a code works once
		t.Fatal(err)
	}
	if status, body := c.post(p, "/session", url.Values{"identifier": {cast.Sam}, "password": {cast.Password}}); status != http.StatusSeeOther {
		t.Fatalf("the password: %d %s", status, body)
	}
	code, err := totp.Code(cast.SamSecret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	status, _ := c.post(p, "/session/factor", url.Values{"code": {code}})
	return status
}

// A panel that runs gets another key by restarts, and nobody notices.
func TestTheSecretIsChangedByRestartsAndACommand(t *testing.T) {
	w := modelstest.OnPostgres(t)
	database := "MANDAT_DATABASE_URL=" + w.URL
	old, fresh := base64.StdEncoding.EncodeToString(modelstest.Secret), base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("n"), 32))
	with := func(now, before string) func(string) string {
		return env("MANDAT_DATABASE_URL", w.URL, "MANDAT_LOG_LEVEL", "error", "MANDAT_SECRET", now, "MANDAT_SECRET_OLD", before)
	}

	before := start(t, "serve", database, "MANDAT_SECRET="+old)
	sam := newClient(t)
	if status := sam.code(t, before, w.SQL); status != http.StatusSeeOther {
		t.Fatalf("before: %d", status)
	}
	if out := (call{args: "doctor", status: 1, out: "mandat", err: "something is wrong"}).check(t, with(old, "")); !strings.Contains(out, " well  the key of what is encrypted") {
		t.Error(out)
	}
	before.stop(t)

	both := start(t, "serve", database, "MANDAT_SECRET="+fresh, "MANDAT_SECRET_OLD="+old)
	if status, _ := sam.get(both, "/support"); status != http.StatusOK {
		t.Errorf("the session of before: %d", status)
	}
	if status := newClient(t).code(t, both, w.SQL); status != http.StatusSeeOther {
		t.Errorf("a code, with both: %d", status)
	}
	if out := (call{args: "doctor", status: 1, err: "something is wrong"}).check(t, with(fresh, old)); !strings.Contains(out, "values are under MANDAT_SECRET_OLD still\n       Run `mandat secret rotate`") {
		t.Error(out)
	}
	call{args: "secret rotate", status: 1, err: "opened by neither key, and left as they are: 1."}.check(t, with(fresh, ""))
	call{args: "secret rotate", out: "Encrypted with the new key, secrets of authenticator apps: 1 from the old key, 0 that did not say theirs.\nEncrypted with the new key, passwords of imports: 0 from the old key"}.check(t, with(fresh, old))
	call{args: "secret rotate", out: "authenticator apps: 0 from the old key"}.check(t, with(fresh, old))
	if status := newClient(t).code(t, both, w.SQL); status != http.StatusSeeOther {
		t.Errorf("a code, after the command: %d", status)
	}
	if out := (call{args: "doctor", status: 1, err: "something is wrong"}).check(t, with(fresh, old)); !strings.Contains(out, "nothing is under MANDAT_SECRET_OLD any more") {
		t.Error(out)
	}
	both.stop(t)

	after := start(t, "serve", database, "MANDAT_SECRET="+fresh)
	if status, _ := sam.get(after, "/support"); status != http.StatusOK {
		t.Errorf("the session of before: %d", status)
	}
	if status := newClient(t).code(t, after, w.SQL); status != http.StatusSeeOther {
		t.Errorf("a code, with the new key alone: %d", status)
	}
	after.stop(t)

	gone := start(t, "serve", database, "MANDAT_SECRET="+old)
	if status := newClient(t).code(t, gone, w.SQL); status == http.StatusSeeOther {
		t.Error("the old key opens what was encrypted anew")
	}
	call{args: "secret rotate", status: 1, err: "MANDAT_SECRET is empty"}.check(t, with("", ""))
	call{args: "secret rotate", status: 1, err: "MANDAT_SECRET_OLD is the key of before"}.check(t, with("", old))
	call{args: "secret rotate", status: 2, err: "MANDAT_SECRET_OLD: it is MANDAT_SECRET"}.check(t, with(old, old))
}

func TestTheKeyBesideTheEmbeddedDatabaseIsChanged(t *testing.T) {
	dir := t.TempDir()
	getenv := env("MANDAT_DATA_DIR", dir, "MANDAT_LOG_LEVEL", "error")
	name := filepath.Join(dir, keyFile)
	call{args: "demo", out: cast.SamSecret}.check(t, getenv)
	old, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	with := env("MANDAT_DATA_DIR", dir, "MANDAT_LOG_LEVEL", "error", "MANDAT_SECRET_OLD", strings.TrimSpace(string(old)))
	call{args: "secret rotate", status: 1, err: "it is that of MANDAT_SECRET_OLD"}.check(t, with)
	if err := os.Rename(name, name+".old"); err != nil {
		t.Fatal(err)
	}
	call{args: "secret rotate", out: "authenticator apps: 1 from the old key"}.check(t, with)
	if made, err := os.ReadFile(name); err != nil || bytes.Equal(made, old) {
		t.Errorf("no other key: %v", err)
	}
	file, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "mandat.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	panel := start(t, "serve --demo", "MANDAT_DATA_DIR="+dir)
	if status := newClient(t).code(t, panel, file); status != http.StatusSeeOther {
		t.Errorf("a code, with the new key: %d", status)
	}
	call{args: "secret rotate", status: 1, err: "in use"}.check(t, getenv)
	if log := panel.logged(); strings.Contains(log, "cannot be checked") {
		t.Error(fmt.Sprintln("the panel misses a key:", log))
	}
}
