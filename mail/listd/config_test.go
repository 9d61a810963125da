package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var fixed = time.Date(2026, 11, 27, 14, 2, 0, 0, time.UTC)

func TestSettings(t *testing.T) {
	const database, secret = "postgres://mandat_lists:geheim@127.0.0.1/mandat", "geheim"
	read := func(values ...string) (*config, error) {
		env := map[string]string{"MANDAT_LISTS_DATABASE_URL": database, "MANDAT_ORIGIN": "https://panel.example.org/"}
		for i := 0; i < len(values); i += 2 {
			env[values[i]] = values[i+1]
		}
		return readConfig(func(name string) string { return env[name] })
	}
	c, err := read()
	if err != nil || c.origin != "https://panel.example.org" || c.listen != "127.0.0.1:24031" || c.policyListen != "127.0.0.1:24032" || c.quotaListen != "127.0.0.1:24033" || c.smtp != "127.0.0.1:10025" || c.maxBytes != 25_000_000 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := read("MANDAT_LISTS_MAX_BYTES", "200000000"); err != nil || c.maxBytes != 200_000_000 { // the most that `mandat mail configure` writes
		t.Errorf("%+v, %v", c, err)
	}
	for _, bad := range [][2]string{
		{"MANDAT_LISTS_DATABASE_URL", ""},
		{"MANDAT_LISTS_DATABASE_URL", "sqlite:x"},
		{"MANDAT_LISTS_DATABASE_URL", "postgres://a:geheim@%zz"},
		{"MANDAT_ORIGIN", ""},
		{"MANDAT_ORIGIN", "panel.example"},
		{"MANDAT_ORIGIN", "https://a.example/x"},
		{"MANDAT_ORIGIN", "https://a.example>/"},
		{"MANDAT_LISTS_LISTEN", "24031"},
		{"MANDAT_LISTS_POLICY_LISTEN", "127.0.0.1:0"},
		{"MANDAT_LISTS_QUOTA_LISTEN", "24033"},
		{"MANDAT_LISTS_SMTP", ":25"},
		{"MANDAT_LISTS_MAX_BYTES", "many"},
		{"MANDAT_LISTS_MAX_BYTES", "1"},
		{"MANDAT_LISTS_MAX_BYTES", "200000001"},
		{"MANDAT_LOG_LEVEL", "loud"},
		{"MANDAT_LOG_FORMAT", "xml"},
	} {
		if _, err := read(bad[0], bad[1]); err == nil || !strings.HasPrefix(err.Error(), bad[0]+": ") || strings.Contains(err.Error(), secret) {
			t.Errorf("%s=%q: %v", bad[0], bad[1], err)
		}
	}
}

func TestTheProgramExplainsItself(t *testing.T) {
	var out bytes.Buffer
	if status := run([]string{"--help"}, os.Getenv, &out, &out); status != 0 {
		t.Errorf("status %d", status)
	}
	for _, s := range settings {
		if !strings.Contains(out.String(), s.name) {
			t.Errorf("--help does not tell of %s", s.name)
		}
	}
	none := func(string) string { return "" }
	for _, args := range [][]string{{"--what"}, {"serve"}, {}} {
		if status := run(args, none, &out, &out); status != 2 {
			t.Errorf("%v: status %d", args, status)
		}
	}
}

func TestTheMapNamesEveryFile(t *testing.T) {
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "main.go" || file == "notices_text.go" {
			continue
		}
		if !bytes.Contains(text, []byte("\n//\t"+file+" ")) {
			t.Errorf("the package's comment does not tell of %s", file)
		}
	}
}

func TestCheckSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	check := func() (int, string) {
		var out bytes.Buffer
		env := map[string]string{"MANDAT_LISTS_DATABASE_URL": w.config.databaseURL, "MANDAT_ORIGIN": w.config.origin, "MANDAT_LISTS_SMTP": w.config.smtp}
		status := run([]string{"--check"}, func(name string) string { return env[name] }, &out, &out)
		if strings.Contains(out.String(), "lists@") {
			t.Errorf("a password in %s", out.String())
		}
		return status, out.String()
	}
	if status, out := check(); status != 0 || !strings.Contains(out, "database: ok") || !strings.Contains(out, "smtp "+w.sink.address+": ok") {
		t.Errorf("%d: %s", status, out)
	}
	defer w.Exec(t, "GRANT INSERT ON mlist.requests TO mandat_lists") // another test gets the database
	w.Exec(t, "REVOKE INSERT ON mlist.requests FROM mandat_lists")
	if status, out := check(); status != 1 || !strings.Contains(out, "mlist.requests INSERT") {
		t.Errorf("%d: %s", status, out)
	}
	w.sink.away.Store(true)
	if status, out := check(); status != 1 || strings.Contains(out, "smtp "+w.sink.address+": ok") {
		t.Errorf("%d: %s", status, out)
	}
	w.config.databaseURL = strings.Replace(w.config.databaseURL, "lists@", "wrong@", 1)
	if status, out := check(); status != 1 || strings.Contains(out, "database: ok") {
		t.Errorf("%d: %s", status, out)
	}
}

func TestAPortThatIsTakenIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	env := map[string]string{"MANDAT_LISTS_DATABASE_URL": w.config.databaseURL, "MANDAT_ORIGIN": w.config.origin, "MANDAT_LISTS_LISTEN": l.Addr().String(), "MANDAT_LISTS_POLICY_LISTEN": freeAddress(t), "MANDAT_LISTS_QUOTA_LISTEN": freeAddress(t)}
	var out bytes.Buffer
	if status := run(nil, func(name string) string { return env[name] }, &out, &out); status != 1 || !strings.Contains(out.String(), "address already in use") {
		t.Errorf("%d: %s", status, out.String())
	}
}
