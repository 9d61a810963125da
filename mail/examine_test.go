package mail_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"example.org/mandat/mail"
)

// real are the settings of a server of its own, written into a directory.
func real(t *testing.T) (s *mail.Settings, etc string) {
	t.Helper()
	dir := t.TempDir()
	s = &mail.Settings{
		Dir: filepath.Join(dir, "etc/mandat/mail"), Hostname: "mx.mandat.test", Mailboxes: "/var/mail/mandat", Certificate: "/c.pem", Key: filepath.Join(dir, "k.pem"),
		MaxMessage: 1 << 20, Database: mail.Database{Host: "127.0.0.1", Port: "5432", Name: "mandat"}, Ports: mail.StandardPorts(),
	}
	if err := s.Write(); err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func load(t *testing.T, dir string) *mail.Settings {
	t.Helper()
	s, err := mail.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFilesOfAnotherVersionAreKnown(t *testing.T) {
	t.Parallel()
	s, _ := real(t)
	if loaded := load(t, s.Dir); *loaded != *s {
		t.Errorf("%+v, want %+v", loaded, s)
	}
	if text := get(t, filepath.Join(s.Dir, "settings.json")); strings.Contains(text, s.Secrets.Doveadm) || strings.Contains(text, s.Secrets.Postfix) {
		t.Error("what everybody may read has a secret")
	}
	stale := func(want ...string) {
		t.Helper()
		if got, err := load(t, s.Dir).Stale(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	stale()
	name := filepath.Join(s.Dir, "dovecot/sql.conf.ext")
	put(t, name, "# of an earlier version\n"+get(t, name), 0o640)
	if err := os.Remove(filepath.Join(s.Dir, "postfix/sql/lists.cf")); err != nil {
		t.Fatal(err)
	}
	stale("dovecot/sql.conf.ext", "postfix/sql/lists.cf")
	if err := s.Write(); err != nil {
		t.Fatal(err)
	}
	stale()
	if err := os.Remove(filepath.Join(s.Dir, "secrets")); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, s.Dir).Stale(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the secrets it compares: %v", err)
	}
}

func TestCopiesOfAnEarlierConfigurationAreKnown(t *testing.T) {
	t.Parallel()
	s, root := real(t)
	outdated := func(want ...string) {
		t.Helper()
		got, err := load(t, s.Dir).Outdated(root)
		for i := range want {
			want[i] = filepath.Join(root, want[i])
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	if _, err := s.Outdated(root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("mail servers that are elsewhere: %v", err)
	}
	main, master, dovecot := "etc/postfix/main.cf", "etc/postfix/master.cf", "etc/dovecot/dovecot.conf"
	put(t, filepath.Join(root, main), get(t, filepath.Join(s.Dir, "postfix/main.cf")), 0o644)
	put(t, filepath.Join(root, master), get(t, filepath.Join(s.Dir, "postfix/master.cf")), 0o644)
	outdated(dovecot)
	put(t, filepath.Join(root, dovecot), get(t, filepath.Join(s.Dir, "dovecot/dovecot.conf")), 0o640)
	outdated()
	put(t, filepath.Join(root, main), "# mine\n"+get(t, filepath.Join(root, main))+"smtpd_milters = inet:127.0.0.1:11332\n", 0o644)
	outdated() // what postconf does
	s.MaxMessage++
	if err := s.Write(); err != nil {
		t.Fatal(err)
	}
	outdated(main, master)
	put(t, filepath.Join(root, dovecot), "protocols = imap\n", 0o640)
	outdated(main, master, dovecot)
	private := load(t, s.Dir)
	private.Private = "/private"
	if got, err := private.Outdated(root); err != nil || got != nil {
		t.Errorf("an instance of its own has copies: %q, %v", got, err)
	}
}

func TestSecretsThatEverybodyMayReadAreKnown(t *testing.T) {
	t.Parallel()
	s, root := real(t)
	exposed := func(want ...string) {
		t.Helper()
		if got, err := load(t, s.Dir).Exposed(root); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	exposed()
	var want []string
	for _, name := range []string{"secrets", "dovecot/dict-quota.conf.ext", "lists.env", "postfix/sql/aliases.cf"} {
		path := filepath.Join(s.Dir, name)
		put(t, path, get(t, path), 0o644)
		want = append(want, path)
	}
	for _, name := range []string{"etc/dovecot/dovecot.conf", "etc/mandat/mandat.env", "k.pem"} {
		path := filepath.Join(root, name)
		put(t, path, "", 0o644)
		want = append(want, path)
	}
	put(t, filepath.Join(root, "etc/mandat/owner.env"), "", 0o600)
	exposed(want...)
}
