package mail_test

import (
	"context"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"example.org/mandat/mail"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// The contract: every query that is shipped runs as the role that will run it,
// on the demo world, and says what the panel says; the roles can do nothing else.

// written is the shipped configuration for a database, as files by their names.
func written(t *testing.T, settings mail.Settings) map[string]string {
	t.Helper()
	settings.Dir = filepath.Join(t.TempDir(), "mail")
	if err := settings.Write(); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	err := filepath.WalkDir(settings.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(settings.Dir, path)
		files[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// as connects as a role of the world's database.
func as(t *testing.T, w *modelstest.World, role, password string) *pgx.Conn {
	t.Helper()
	w.Exec(t, fmt.Sprintf("ALTER ROLE %s LOGIN PASSWORD '%s'", role, password))
	config, err := pgx.ParseConfig(w.URL)
	if err != nil {
		t.Fatal(err)
	}
	config.User, config.Password = role, password
	delete(config.RuntimeParams, "role") // the panel's, which only its owner may take
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// answer runs a query of one column and joins its rows, sorted, as Postfix does.
func answer(t *testing.T, conn *pgx.Conn, query string) string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (string, error) {
		values, err := r.Values()
		return fmt.Sprint(values...), err
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

func TestPostfixReadsWhatThePanelSays(t *testing.T) {
	t.Parallel()
	w := modelstest.OnPostgres(t)
	files := written(t, mail.Settings{Database: mail.Database{Host: "127.0.0.1", Port: "5432", Name: "mandat"}, Ports: mail.StandardPorts()})
	conn := as(t, w, "mandat_postfix", "contract")
	alice := w.Actor(t, cast.Alice)
	for _, local := range []string{"direction"} {
		if err := w.Store.SetAccountPassword(t.Context(), alice, cast.Garrigue, local, password); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(file, key string) string {
		t.Helper()
		_, query, found := strings.Cut(files["postfix/sql/"+file+".cf"], "query = ")
		if !found {
			t.Fatalf("%s has no query", file)
		}
		return answer(t, conn, strings.ReplaceAll(strings.TrimSpace(query), "%s", strings.ReplaceAll(key, "'", "''")))
	}
	mark := answer(t, conn, "SELECT login FROM mta.sender_logins WHERE sender = 'direction@garrigue.example'")
	if !regexp.MustCompile(`^direction@garrigue\.example#[0-9a-f]{12}$`).MatchString(mark) {
		t.Errorf("the login has no mark: %q", mark)
	}
	for _, c := range []struct{ file, key, want string }{
		{"domains", "garrigue.example", "garrigue.example"},
		{"domains", "elsewhere.example", ""},
		{"mailboxes", "contact@garrigue.example", "contact@garrigue.example"},
		{"mailboxes", "nobody@garrigue.example", ""},
		{"mailboxes", "x' OR '1'='1", ""},
		{"mailboxes", "ancien.cabinet@garrigue.example", "ancien.cabinet@garrigue.example"}, // it only answers
		{"mailboxes", "equipe@garrigue.example", ""},
		{"lists", "equipe@garrigue.example", "equipe@garrigue.example"},
		{"transports", "equipe@garrigue.example", "lmtp:inet:127.0.0.1:24031"},
		{"transports", "contact@garrigue.example", ""},
		{"aliases", "contact@garrigue.example", "contact@garrigue.example"},
		{"aliases", "cabinet@garrigue.example", "accueil@garrigue.example"},
		{"aliases", "equipe@garrigue.example", "equipe@garrigue.example"},
		{"aliases", "ancien.cabinet@garrigue.example", "ancien.cabinet@garrigue.example"},
		{"aliases", "@atelier-durand.example", "atelier@atelier-durand.example"},
		{"aliases", "atelier@atelier-durand.example", "atelier@atelier-durand.example"},
		{"aliases", "nobody@garrigue.example", ""},
		{"recipient_access", "contact@garrigue.example", ""},
		{"recipient_access", "equipe@garrigue.example", "mandat_list"},
		{"sender_logins", "direction@garrigue.example", mark},
		{"sender_logins", "contact@garrigue.example", ""}, // nobody set a password
	} {
		if got := ask(c.file, c.key); got != c.want {
			t.Errorf("%s of %q: %q, want %q", c.file, c.key, got, c.want)
		}
	}
	if got := ask("aliases", "gilles.hamon@garrigue.example"); !regexp.MustCompile(`^\d+-[0-9a-f]{32}@forward\.invalid$`).MatchString(got) {
		t.Errorf("what leaves the installation goes to %q", got)
	}

	if err := w.Store.BlockAccount(t.Context(), alice, cast.Garrigue, "accueil"); err != nil {
		t.Fatal(err)
	}
	if err := w.Store.BlockAccount(t.Context(), alice, cast.Garrigue, "direction"); err != nil {
		t.Fatal(err)
	}
	if err := w.Store.SilenceService(t.Context(), cast.Velos); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, key, want string }{
		{"recipient_access", "accueil@garrigue.example", "550 5.2.1 This mailbox is disabled"},
		{"mailboxes", "accueil@garrigue.example", "accueil@garrigue.example"}, // or it would be refused as unknown
		{"aliases", "cabinet@garrigue.example", "cabinet@garrigue.example"},   // or the catch-all had its mail
		{"recipient_access", "cabinet@garrigue.example", "550 5.2.1 This address is disabled"},
		{"sender_logins", "direction@garrigue.example", ""},
		{"domains", "nguyen-velos.example", ""},
	} {
		if got := ask(c.file, c.key); got != c.want {
			t.Errorf("afterwards %s of %q: %q, want %q", c.file, c.key, got, c.want)
		}
	}
}

func TestDovecotReadsWhatThePanelSays(t *testing.T) {
	t.Parallel()
	w := modelstest.OnPostgres(t)
	files := written(t, mail.Settings{Database: mail.Database{Host: "127.0.0.1", Port: "5432", Name: "mandat"}, Mailboxes: "/var/mail/mandat", Ports: mail.StandardPorts()})
	conn := as(t, w, "mandat_dovecot", "contract")
	alice := w.Actor(t, cast.Alice)
	if err := w.Store.SetAccountPassword(t.Context(), alice, cast.Garrigue, "contact", password); err != nil {
		t.Fatal(err)
	}
	ask := func(name, user, service string) string {
		t.Helper()
		_, rest, found := strings.Cut(files["dovecot/sql.conf.ext"], name+" = ")
		query, _, _ := strings.Cut(rest, "\n")
		if !found {
			t.Fatalf("there is no %s", name)
		}
		return answer(t, conn, strings.NewReplacer("%u", user, "%s", service).Replace(query))
	}
	if got := ask("password_query", "contact@garrigue.example", "imap"); !regexp.MustCompile(`^contact@garrigue\.example \{ARGON2ID\}\$argon2id\$`).MatchString(got) && !strings.HasPrefix(got, "contact@garrigue.example{ARGON2ID}") {
		t.Errorf("password: %q", got)
	}
	if got := ask("password_query", "contact@garrigue.example", "smtp"); !strings.HasPrefix(got, "contact@garrigue.example#") {
		t.Errorf("password for Postfix: %q", got)
	}
	if got := ask("password_query", "direction@garrigue.example", "imap"); got != "" {
		t.Errorf("an account without a password has %q", got)
	}
	if got := ask("user_query", "contact@garrigue.example", "lmtp"); !regexp.MustCompile(`^contact@garrigue\.example ?/var/mail/mandat/\d+/\d+ ?\*:bytes=5000000000$`).MatchString(got) {
		t.Errorf("user: %q", got)
	}
	if got := ask("user_query", "ancien.cabinet@garrigue.example", "lmtp"); !regexp.MustCompile(`/\d+/responder-\d+ ?\*:bytes=0$`).MatchString(got) {
		t.Errorf("an address that only answers: %q", got)
	}
	if got := answer(t, conn, "SELECT content FROM mda.sieve_data d JOIN mda.sieve_names n ON n.id = d.id WHERE n.username = 'ancien.cabinet@garrigue.example' AND n.script_name = 'panel'"); !strings.Contains(got, "vacation") || !strings.Contains(got, "discard") {
		t.Errorf("its script: %q", got)
	}
	if err := w.Store.BlockAccount(t.Context(), alice, cast.Garrigue, "contact"); err != nil {
		t.Fatal(err)
	}
	if got := ask("password_query", "contact@garrigue.example", "imap"); got != "" {
		t.Errorf("a blocked account has a password: %q", got)
	}
	if got := ask("user_query", "contact@garrigue.example", "doveadm"); got == "" {
		t.Error("the panel does not reach a blocked account")
	}

	// As quota_clone writes, one value at a time.
	for _, statement := range []string{
		"INSERT INTO mda.quota_usage (bytes, username) VALUES (1234567, 'contact@garrigue.example') ON CONFLICT (username) DO UPDATE SET bytes = 1234567",
		"INSERT INTO mda.quota_usage (messages, username) VALUES (7, 'contact@garrigue.example') ON CONFLICT (username) DO UPDATE SET messages = 7",
		"INSERT INTO mda.quota_usage (bytes, username) VALUES (7654321, 'contact@garrigue.example') ON CONFLICT (username) DO UPDATE SET bytes = 7654321",
		"INSERT INTO mda.quota_usage (bytes, username) VALUES (1, 'nobody@garrigue.example') ON CONFLICT (username) DO UPDATE SET bytes = 1",
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if used := w.Int(t, "SELECT used_bytes FROM accounts WHERE address = 'contact@garrigue.example'"); used != 7654321 {
		t.Errorf("the panel shows %d octets", used)
	}
	if n := w.Int(t, "SELECT count(*) FROM mailbox_uses"); n != 1 {
		t.Errorf("%d addresses have a use", n)
	}
}

func TestARoleOfAMailServerSeesItsOwnViewsAlone(t *testing.T) {
	t.Parallel()
	w := modelstest.OnPostgres(t)
	for role, own := range map[string]string{"mandat_postfix": "mta", "mandat_dovecot": "mda", "mandat_lists": "mlist"} {
		conn := as(t, w, role, "contract")
		rows, err := conn.Query(t.Context(), "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_schema IN ('panel', 'mta', 'mda', 'mlist')")
		if err != nil {
			t.Fatal(err)
		}
		seen, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil || len(seen) == 0 {
			t.Fatalf("%s sees %v, %v", role, seen, err)
		}
		for _, name := range seen {
			if !strings.HasPrefix(name, own+".") {
				t.Errorf("%s sees %s", role, name)
			}
		}
		for _, statement := range []string{
			"SELECT password_hash FROM panel.accounts", "SELECT * FROM panel.sessions", "CREATE TABLE " + own + ".x ()", "CREATE TABLE public.x ()",
			"UPDATE panel.services SET domain = ''", "SELECT panel.grant_mail_roles()", "DELETE FROM mda.quota_usage",
		} {
			if _, err := conn.Exec(t.Context(), statement); err == nil {
				t.Errorf("%s may: %s", role, statement)
			}
		}
	}
}

func TestAnOwnerWhoMayMakeNoRolesMigratesAndAnAdministratorMakesThem(t *testing.T) {
	t.Parallel()
	server, err := modelstest.StartServer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	for _, statement := range []string{"CREATE ROLE mandat LOGIN PASSWORD 'owner'", "CREATE DATABASE mandat OWNER mandat"} {
		if err := server.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	address, err := url.Parse(server.URL("mandat"))
	if err != nil {
		t.Fatal(err)
	}
	address.User = url.UserPassword("mandat", "owner")
	store, err := models.Open(t.Context(), models.Config{URL: address.String()})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if faults, err := store.ContractFaults(t.Context()); err != nil || len(faults) != 3 {
		t.Errorf("what is missing: %v, %v", faults, err)
	}
	files := written(t, mail.Settings{Ports: mail.StandardPorts()})
	admin, err := pgx.Connect(t.Context(), server.URL("mandat"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	for range 2 { // it may be run again
		if _, err := admin.PgConn().Exec(t.Context(), files["roles.sql"]).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	if faults, err := store.ContractFaults(t.Context()); err != nil || len(faults) != 0 {
		t.Errorf("afterwards: %v, %v", faults, err)
	}
}

func TestTheConfigurationIsWrittenWithItsSecretsKept(t *testing.T) {
	t.Parallel()
	settings := mail.Settings{
		Dir: filepath.Join(t.TempDir(), "mail"), Hostname: "mx.example.org", Mailboxes: "/var/mail/mandat", Certificate: "/etc/c.pem", Key: "/etc/k.pem",
		Database: mail.Database{Host: "db.example.org", Port: "5432", Name: "mandat", TLS: true}, Ports: mail.StandardPorts(), MaxMessage: 1,
	}
	if err := settings.Write(); err != nil {
		t.Fatal(err)
	}
	again := settings
	again.Secrets = mail.Secrets{}
	if err := again.Write(); err != nil || again.Secrets != settings.Secrets {
		t.Errorf("the second time has other secrets: %v", err)
	}
	secrets := []string{settings.Secrets.Postfix, settings.Secrets.Dovecot, settings.Secrets.Lists, settings.Secrets.Panel, settings.Secrets.Doveadm, settings.Secrets.Master, settings.Secrets.Sealing}
	err := filepath.WalkDir(settings.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.Contains(string(text), "{{.") || strings.Contains(string(text), "<no value>") {
			t.Errorf("%s is not filled in:\n%s", path, text)
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		for _, secret := range secrets {
			if secret == "" {
				t.Error("a secret is empty")
			} else if strings.Contains(string(text), secret) && info.Mode().Perm()&0o007 != 0 {
				t.Errorf("everybody may read a secret in %s", path)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
