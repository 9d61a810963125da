package mail_test

import (
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
	ask := func(faults ...string) {
		t.Helper()
		out, err := s.Command(t.Context(), "doctor")
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
	ask()

	s.Lists.Stop()
	ask("the list service takes mail")
	if err := s.Lists.Start(t.Context()); err != nil {
		t.Fatal(err)
	}

	conn, err := s.SQL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "GRANT DELETE ON panel.events TO mandat_panel"); err != nil {
		t.Fatal(err)
	}
	ask("history that the panel cannot alter")
	if _, err := conn.Exec(t.Context(), "REVOKE DELETE ON panel.events FROM mandat_panel"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "REVOKE SELECT ON mlist.mailboxes FROM mandat_lists"); err != nil {
		t.Fatal(err)
	}
	// Postfix asks the list service about every address.
	ask("mandat_lists: the role may not read mlist.mailboxes", "Postfix reads the panel's addresses", "the list service reads who has room")
	if _, err := conn.Exec(t.Context(), "GRANT SELECT ON mlist.mailboxes TO mandat_lists"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "ALTER ROLE mandat_lists NOLOGIN"); err != nil {
		t.Fatal(err)
	}
	ask("mandat_lists: the role has no password")
	if _, err := conn.Exec(t.Context(), "ALTER ROLE mandat_lists LOGIN"); err != nil {
		t.Fatal(err)
	}

	// A password of Dovecot's that is not the role's.
	file := filepath.Join(s.Settings.Dir, "dovecot/sql.conf.ext")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	restart := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := s.StopDovecot(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.StartDovecot(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	restart(strings.ReplaceAll(string(good), s.Settings.Secrets.Dovecot, "another"))
	ask("Dovecot finds mailboxes", "Dovecot's Sieve storage", "log-in to Dovecot")
	restart(string(good))

	if err := s.StopDovecot(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask("Dovecot's HTTP API")
	if err := s.StartDovecot(t.Context()); err != nil {
		t.Fatal(err)
	}
	mailtest.Within(t, soon, "all is well again", func() bool {
		_, err := s.Command(t.Context(), "doctor")
		time.Sleep(100 * time.Millisecond)
		return err == nil
	})
}
