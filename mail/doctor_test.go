package mail_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"example.org/mandat/mail/mailtest"
)

// It runs alone: it takes parts away.
func TestTheDoctorFindsWhatIsWrong(t *testing.T) {
	s := stack(t)
	askWith := func(settings []string, faults ...string) {
		t.Helper()
		out, err := s.CommandWith(t.Context(), settings, "doctor")
		if (err == nil) != (len(faults) == 0) {
			t.Errorf("its exit status is %v:\n%s", err, out)
		}
		found := regexp.MustCompile(`(?m)^FAULT +(.*)$`).FindAllStringSubmatch(out, -1)
		if len(found) != len(faults) {
			t.Errorf("%d faults, want %d:\n%s", len(found), len(faults), out)
			return
		}
		for i, fault := range faults {
			if !strings.HasPrefix(found[i][1], fault) {
				t.Errorf("it finds %q, want %q", found[i][1], fault)
			}
		}
		if strings.Contains(out, s.Settings.Secrets.Doveadm) || strings.Contains(out, s.Settings.Secrets.Master) {
			t.Errorf("it tells a secret:\n%s", out)
		}
	}
	ask := func(faults ...string) {
		t.Helper()
		askWith(nil, faults...)
	}
	ask()
	askWith([]string{"MANDAT_MAIL=smtp://127.0.0.1:1"}, "the panel's own mail to smtp://127.0.0.1:1")

	s.Lists.Stop()
	ask("the list service takes mail")
	if err := s.Lists.Start(t.Context()); err != nil {
		t.Fatal(err)
	}

	conn, err := s.SQL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		harm, cure string
		faults     []string
	}{
		{"GRANT DELETE ON panel.events TO mandat_panel", "REVOKE DELETE ON panel.events FROM mandat_panel", []string{"history that the panel cannot alter"}},
		// Postfix asks the list service about every address.
		{"REVOKE SELECT ON mlist.mailboxes FROM mandat_lists", "GRANT SELECT ON mlist.mailboxes TO mandat_lists", []string{"mandat_lists: the role may not read mlist.mailboxes", "Postfix reads the panel's addresses", "the list service reads who has room"}},
		{"ALTER ROLE mandat_lists NOLOGIN", "ALTER ROLE mandat_lists LOGIN", []string{"mandat_lists: the role has no password"}},
		{"REVOKE INSERT ON mlist.deliveries FROM mandat_lists", "GRANT INSERT ON mlist.deliveries TO mandat_lists", []string{"mandat_lists: the role may not: mlist.deliveries INSERT"}},
		{"REVOKE INSERT ON mlist.requests FROM mandat_lists", "GRANT INSERT ON mlist.requests TO mandat_lists", []string{"mandat_lists: the role may not: mlist.requests INSERT"}},
		{"REVOKE INSERT ON mda.quota_usage FROM mandat_dovecot", "GRANT INSERT ON mda.quota_usage TO mandat_dovecot", []string{"mandat_dovecot: the role may not: mda.quota_usage INSERT"}},
	} {
		if _, err := conn.Exec(t.Context(), c.harm); err != nil {
			t.Fatal(err)
		}
		ask(c.faults...)
		if _, err := conn.Exec(t.Context(), c.cure); err != nil {
			t.Fatal(err)
		}
	}

	// Something in one file that is not as it was written, a password that is not
	// the role's. Dovecot takes seconds to end then: what breaks next is written
	// while it is away.
	spoil := func(name string, changes ...string) (mend func()) {
		t.Helper()
		file := filepath.Join(s.Settings.Dir, name)
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		write := func(text string) {
			t.Helper()
			if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
				t.Fatal(err)
			}
		}
		bad := strings.NewReplacer(changes...).Replace(string(good))
		if bad == string(good) {
			t.Fatalf("%s has none of %q", name, changes)
		}
		write(bad)
		return func() { t.Helper(); write(string(good)) }
	}
	const files, takes, lets = "the files of the mail servers: ", "Dovecot takes mail from Postfix (LMTP)", "Dovecot tells Postfix who may log in (SASL)"
	port := func(number int) string { return fmt.Sprintf("port = %d\n", number) }
	do := func(what func(context.Context) error) {
		t.Helper()
		if err := what(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	mend := spoil("postfix/sql/mailboxes.cf", s.Settings.Secrets.Postfix, "another")
	do(s.ReloadPostfix)
	ask("Postfix reads the panel's addresses", files)
	mend()
	do(s.ReloadPostfix)
	mend = spoil("dovecot/dict-quota.conf.ext", s.Settings.Secrets.Dovecot, "another")
	ask(files + "in " + s.Settings.Dir + " not as this program would write them: dovecot/dict-quota.conf.ext")
	mend()
	secret := filepath.Join(s.Settings.Dir, "dovecot/dovecot.conf")
	open := func(mode os.FileMode) {
		t.Helper()
		if err := os.Chmod(secret, mode); err != nil {
			t.Fatal(err)
		}
	}
	open(0o644)
	ask("who may read their secrets: everybody on this machine may read " + secret)
	open(0o640)
	do(s.StopDovecot)
	mend = spoil("dovecot/sql.conf.ext", s.Settings.Secrets.Dovecot, "another")
	do(s.StartDovecot)
	ask("Dovecot finds mailboxes", "Dovecot's Sieve storage", "log-in to Dovecot", files, lets)
	do(s.StopDovecot)
	mend()
	mend = spoil("dovecot/dict-sieve.conf.ext", s.Settings.Secrets.Dovecot, "another")
	do(s.StartDovecot)
	ask("Dovecot's Sieve storage", files)
	do(s.StopDovecot)
	mend()
	mend = spoil("dovecot/dovecot.conf", port(s.Settings.Ports.LMTP), port(0), port(s.Settings.Ports.SASL), port(0))
	do(s.StartDovecot)
	ask(files, takes, lets)
	do(s.StopDovecot)
	mend()
	ask("Dovecot's HTTP API", takes, lets)
	do(s.StartDovecot)
	mailtest.Within(t, soon, "all is well again", func() bool {
		_, err := s.Command(t.Context(), "doctor")
		time.Sleep(100 * time.Millisecond)
		return err == nil
	})
}
