package models_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/history"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// verified is what a verification of the database finds, against checkpoints.
func (w *world) verified(t testing.TB, checkpoints ...*history.Checkpoint) (faults []history.Fault) {
	t.Helper()
	var v history.Verifier
	for _, c := range checkpoints {
		v.Hold(c)
	}
	must(t, w.Store.VerifyHistory(t.Context(), &v))
	return v.Done(false).Faults
}

// checkpoint is one of now.
func (w *world) checkpoint(t testing.TB, key *history.Key) *history.Checkpoint {
	t.Helper()
	text := got[[]byte](t)(key.Sign(w.Store.Now(), got[[]history.Leaf](t)(w.Store.HistoryHeads(t.Context()))))
	var found *history.Checkpoint
	must(t, history.ReadCheckpoints(bytes.NewReader(text), key.Public(), func(c *history.Checkpoint) { found = c }))
	return found
}

func newKey(t testing.TB) *history.Key {
	t.Helper()
	key, made, err := history.LoadKey(filepath.Join(t.TempDir(), "history.key"), "panel.example.org")
	must(t, err)
	if !made {
		t.Error("there was a key")
	}
	return key
}

// broken says that the one fault is at an entry, 0 for any.
func broken(t testing.TB, what string, faults []history.Fault, service, number int) {
	t.Helper()
	if len(faults) == 0 || faults[0].Service != int64(service) || number != 0 && faults[0].Number != int64(number) {
		t.Errorf("%s: found %v, want service %d, entry %d", what, faults, service, number)
	}
}

// columnsOfEvents are those of the table, whatever a later migration adds.
func (w *world) columnsOfEvents(t testing.TB) (columns []string) {
	t.Helper()
	query := "SELECT column_name FROM information_schema.columns WHERE table_schema = 'panel' AND table_name = 'events' ORDER BY ordinal_position"
	if w.Store.Embedded() {
		query = "SELECT name FROM pragma_table_info('events') ORDER BY cid"
	}
	rows, err := w.SQL.QueryContext(t.Context(), query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		columns = append(columns, name)
	}
	return columns
}

func TestAnyChangeOfAnyColumnIsFound(t *testing.T) {
	number := []string{"%s + 1", "CASE WHEN %s IS NULL THEN 1 END", "COALESCE(-%s, 0)", "%s * 256"}
	text := []string{"%s || 'x'", "'X' || substr(%s, 2)", "substr(%[1]s, 1, length(%[1]s) - 1)", "upper(%s)", "''", "%s || ' '"}
	changes := map[string][]string{
		"id": {"1000000 + %s"}, "service_id": {"CASE WHEN %s = 3 THEN 2 ELSE 3 END", "NULL"}, "number": {"%s + 1000"}, "owner_id": number, "actor_id": number, "agent_id": number,
		"subject_id": number, "account_id": number, "grant_id": number, "kind": text, "class": {"CASE WHEN %s = 'self' THEN 'mail' ELSE 'self' END"}, "object": text,
	}
	onPostgres := map[string][]string{
		"at":     {"%s + interval '1 microsecond'", "%s - interval '1 hour'"},
		"detail": {`%s || '{"x": {}}'`, `'{}'`, `replace(CAST(%s AS text), 'after', 'before')::jsonb`, `replace(CAST(%s AS text), '5', '5.0')::jsonb`, `jsonb_set(%s, '{size,before}', 'null')`},
		"hash":   {"set_byte(%[1]s, 0, get_byte(%[1]s, 0) # 1)", "set_byte(%[1]s, 31, get_byte(%[1]s, 31) # 128)", "NULL"},
	}
	onSQLite := map[string][]string{
		"at":     {"strftime('%%Y-%%m-%%d %%H:%%M:%%S+00:00', %s, '+1 second')", "%s || ' '", "replace(%s, '+00:00', '+01:00')", "replace(%s, '+00:00', '.000000+00:00')", "CAST(%s AS blob)"},
		"detail": {"' ' || %s", "'{}'", "replace(%s, 'after', 'before')", "replace(%s, ':', ': ')", `replace(%s, '5', '5.0')`, "CAST(%s AS blob)"},
		"hash":   {"CAST(x'00' || substr(%s, 2) AS blob)", "zeroblob(32)", "NULL"},
		"kind":   {"CAST(%s AS blob)"},
	}
	each(t, func(t *testing.T, w *world) {
		w.share(t, w.Alice, cast.Garrigue, cast.Emma, 0, nil)
		agent, _ := w.Agent(t, cast.Sam, models.RoleAgent)
		sam := w.Acts(t, agent, cast.Alice, policy.Change)
		size := int64(5 * models.GB)
		must(t, w.Store.ChangeAccount(t.Context(), sam, cast.Garrigue, "paie", models.AccountSettings{SizeBytes: &size, Version: 1}))
		w.share(t, w.Alice, cast.Garrigue, cast.David, 0, nil) // none of the others is last
		must(t, w.Store.ChangeProfile(t.Context(), w.Emma, models.Profile{Theme: new("dark")}))
		must(t, w.Store.ChangeProfile(t.Context(), w.Emma, models.Profile{Theme: new("light")}))
		if faults := w.verified(t); len(faults) > 0 {
			t.Fatal(faults)
		}
		own := onPostgres
		if w.Store.Embedded() {
			own = onSQLite
		}
		targets := []int{
			w.Int(t, "SELECT id FROM events WHERE kind = 'grant.given' AND subject_id = "+fmt.Sprint(w.Emma.Customer)+" AND agent_id IS NULL ORDER BY id DESC LIMIT 1"),
			w.Int(t, "SELECT id FROM events WHERE kind = 'account.changed' AND agent_id IS NOT NULL"),
			w.Int(t, "SELECT id FROM events WHERE kind = 'profile.changed' ORDER BY id LIMIT 1"),
		}
		restore := w.Keep(t)
		tried := 0
		for _, column := range w.columnsOfEvents(t) {
			all := append(append([]string{}, changes[column]...), own[column]...)
			if len(all) == 0 {
				t.Errorf("nothing shows that a change of %s is found: is it in history.Entry?", column)
			}
			for _, id := range targets {
				service, number := w.Int(t, fmt.Sprintf("SELECT COALESCE(service_id, 0) FROM events WHERE id = %d", id)), w.Int(t, fmt.Sprintf("SELECT number FROM events WHERE id = %d", id))
				for _, change := range all {
					value := change
					if strings.Contains(change, "%") {
						value = fmt.Sprintf(change, column)
					}
					same := "IS NOT DISTINCT FROM"
					if w.Int(t, fmt.Sprintf("SELECT count(*) FROM events WHERE id = %d AND %s %s %s%s", id, column, same, value, w.sameType(column, value))) == 1 {
						continue // as it was
					}
					tried++
					w.Tamper(t, append(w.withoutChecks(), fmt.Sprintf("UPDATE events SET %s = %s WHERE id = %d", column, value, id))...)
					faults := w.verifiedOrErr(t)
					at := number
					if column == "service_id" && service > 1 || column == "service_id" && value != "NULL" {
						at = 0 // it may be found where it went
					}
					if column == "hash" && value == "NULL" && service == 0 {
						at = 0
					}
					if !found(faults, service, at) {
						t.Errorf("%s = %s of event %d: found %v, want service %d, entry %d", column, value, id, faults, service, number)
					}
					restore()
				}
			}
		}
		if tried < 90 {
			t.Errorf("only %d changes were tried", tried)
		}
		if faults := w.verified(t); len(faults) > 0 {
			t.Errorf("afterwards: %v", faults)
		}
	})
}

// sameType has SQLite tell a text from the same octets as a blob.
func (w *world) sameType(column, value string) string {
	if w.Store.Embedded() {
		return fmt.Sprintf(" AND typeof(%s) = typeof(%s)", column, value)
	}
	return ""
}

// withoutChecks lets PostgreSQL take what its constraints refuse, as an owner can.
func (w *world) withoutChecks() []string {
	if w.Store.Embedded() {
		return []string{"PRAGMA ignore_check_constraints = ON"}
	}
	return []string{"ALTER TABLE events DROP CONSTRAINT IF EXISTS event_numbered", "ALTER TABLE events ALTER COLUMN id SET GENERATED BY DEFAULT"}
}

// verifiedOrErr is verified, with an error of the reading as a fault of every chain.
func (w *world) verifiedOrErr(t testing.TB) []history.Fault {
	t.Helper()
	var v history.Verifier
	if err := w.Store.VerifyHistory(t.Context(), &v); err != nil {
		return []history.Fault{{Service: -1, What: err.Error()}}
	}
	return v.Done(false).Faults
}

func found(faults []history.Fault, service, number int) bool {
	for _, f := range faults {
		if f.Service == -1 || f.Service == int64(service) && (number == 0 || f.Number == 0 || f.Number == int64(number)) {
			return true
		}
	}
	return false
}

func TestWhatIsTakenAwayPutInOrSwappedIsFound(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		key := newKey(t)
		restore := w.Keep(t)
		before := w.checkpoint(t, key)
		last := w.Int(t, "SELECT max(number) FROM events WHERE service_id = 1")
		lastOfSystem := w.Int(t, "SELECT max(number) FROM events WHERE service_id IS NULL")
		for _, c := range []struct {
			what            string
			queries         []string
			service, number int
			byCheckpoint    bool
		}{
			{"one from the middle", []string{"DELETE FROM events WHERE service_id = 1 AND number = 7"}, 1, 7, false},
			{"one from the middle, the others moved up", []string{
				"DELETE FROM events WHERE service_id = 1 AND number = 7",
				"UPDATE events SET number = -number WHERE service_id = 1 AND number > 7", "UPDATE events SET number = -number - 1 WHERE service_id = 1 AND number < 0",
			}, 1, 7, false},
			{"the first", []string{"DELETE FROM events WHERE service_id = 1 AND number = 1"}, 1, 1, false},
			{"the last", []string{fmt.Sprintf("DELETE FROM events WHERE service_id = 1 AND number = %d", last)}, 1, last, true},
			{"the last ten", []string{fmt.Sprintf("DELETE FROM events WHERE service_id = 1 AND number > %d", last-10)}, 1, last - 9, true},
			{"the last of the system", []string{fmt.Sprintf("DELETE FROM events WHERE service_id IS NULL AND number = %d", lastOfSystem)}, 0, lastOfSystem, true},
			{"a whole chain", []string{"DELETE FROM events WHERE service_id = 2"}, 2, 1, false},
			{"a pair swapped", []string{
				"UPDATE events SET number = -7 WHERE service_id = 1 AND number = 7", "UPDATE events SET number = 7 WHERE service_id = 1 AND number = 8", "UPDATE events SET number = 8 WHERE service_id = 1 AND number = -7",
			}, 1, 7, false},
			{"a pair swapped but for ids and numbers", []string{
				"CREATE TABLE pair AS SELECT * FROM events WHERE service_id = 1 AND number IN (7, 8)",
				"UPDATE events SET object = (SELECT p.object FROM pair p WHERE p.number = 15 - events.number), hash = (SELECT p.hash FROM pair p WHERE p.number = 15 - events.number) WHERE service_id = 1 AND number IN (7, 8)",
				"DROP TABLE pair",
			}, 1, 7, false},
			{"one put in", []string{fmt.Sprintf("INSERT INTO events (service_id, number, at, kind, class, owner_id, object, detail) SELECT 1, %d, at, kind, class, owner_id, object, detail FROM events WHERE service_id = 1 AND number = 2", last+1)}, 1, last + 1, false},
			{"one put in with a hash", []string{fmt.Sprintf("INSERT INTO events (service_id, number, at, kind, class, owner_id, object, detail, hash) SELECT 1, %d, at, kind, class, owner_id, object, detail, hash FROM events WHERE service_id = 1 AND number = 2", last+1)}, 1, last + 1, false},
			{"a chain of another service", []string{"DELETE FROM events WHERE service_id = 3", "UPDATE events SET service_id = 3 WHERE service_id = 2"}, 2, 1, false},
		} {
			w.Tamper(t, append(w.withoutChecks(), c.queries...)...)
			if faults := w.verified(t); c.byCheckpoint && len(faults) > 0 {
				t.Errorf("%s: found without a checkpoint: %v", c.what, faults)
			} else if !c.byCheckpoint {
				broken(t, c.what, faults, c.service, c.number)
			}
			broken(t, c.what+", against a checkpoint", w.verified(t, before), c.service, c.number)
			restore()
		}

		// Who owns the database can compute all hashes anew.
		w.Tamper(t, "UPDATE events SET object = 'else@garrigue.example' WHERE service_id = 1 AND number = 7", "UPDATE events SET hash = NULL WHERE service_id = 1")
		got[int](t)(w.Store.ChainHistory(t.Context()))
		if faults := w.verified(t); len(faults) > 0 {
			t.Errorf("written anew: %v", faults)
		}
		broken(t, "written anew, against a checkpoint", w.verified(t, before), 1, last)
		restore()

		must(t, w.describe(t, w.Alice, cast.Garrigue, "contact", "another"))
		w.Clock.Move(time.Hour)
		after := w.checkpoint(t, key)
		if faults := w.verified(t, before, after); len(faults) > 0 {
			t.Errorf("untouched: %v", faults)
		}
		restore() // and all of it is as if it had never been
		broken(t, "what was after a checkpoint", w.verified(t, before, after), 1, last+1)
	})
}

func TestAnExportIsVerifiedElsewhere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if !w.Store.Embedded() { // a number that floating point would write as 5.001e+06
			w.Exec(t, "SELECT setval('events_id_seq', 5000000)")
		}
		must(t, w.describe(t, w.Alice, cast.Garrigue, "contact", "Élan \"<&>\" \u2028 \\ 😀\t"))
		var all, one bytes.Buffer
		must(t, w.Store.ExportHistory(t.Context(), "", &all))
		must(t, w.Store.ExportHistory(t.Context(), cast.Garrigue, &one))
		want(t, "of no service", w.Store.ExportHistory(t.Context(), "nowhere.example", &one), "not found")
		if n := strings.Count(all.String(), "\n"); n != w.Int(t, "SELECT count(*) FROM events") {
			t.Errorf("%d lines", n)
		}
		for _, text := range []string{all.String(), one.String()} {
			if err := elsewhere(text); err != nil {
				t.Errorf("by another's program: %v", err)
			}
			w.byPython(t, text, true)
			var v history.Verifier
			must(t, history.ReadExport(strings.NewReader(text), &v))
			if r := v.Done(true); len(r.Faults) > 0 || r.Entries != int64(strings.Count(text, "\n")) {
				t.Errorf("%+v", r)
			}
		}
		w.byPython(t, strings.Replace(all.String(), "account.created", "account.deleted", 1), false)

		// Every octet of it counts.
		text := one.Bytes()
		text = text[:bytes.LastIndexByte(text[:4000], '\n')+1]
		for i := range text {
			for _, bit := range []byte{1, 32} {
				text[i] ^= bit
				var v history.Verifier
				if err := history.ReadExport(bytes.NewReader(text), &v); err == nil && len(v.Done(true).Faults) == 0 {
					t.Errorf("octet %d can be %q", i, text[i])
				}
				text[i] ^= bit
			}
		}
	})
}

// elsewhere verifies an export without anything of ours.
func elsewhere(export string) error {
	type head struct {
		number int
		hash   [32]byte
	}
	heads := map[int]head{}
	for line := range strings.Lines(export) {
		var members []json.RawMessage // the values in their order
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.UseNumber()
		for depth, key := 0, true; ; {
			token, err := decoder.Token()
			if err != nil {
				break
			}
			if _, is := token.(json.Delim); is {
				depth++
				continue
			}
			if key = !key; key {
				members = append(members, json.RawMessage(fmt.Sprint(token)))
			}
		}
		var service, number int
		if _, err := fmt.Sscan(string(members[0])+" "+string(members[1]), &service, &number); err != nil {
			return err
		}
		before := heads[service]
		text := append(before.hash[:], "mandat history 1\n"...)
		for _, value := range members[:len(members)-1] {
			text = fmt.Appendf(text, "%d:%s,", len(value), value)
		}
		sum := sha256.Sum256(text)
		if number != before.number+1 || fmt.Sprintf("%x", sum) != string(members[len(members)-1]) {
			return fmt.Errorf("service %d, entry %d after %d: %s", service, number, before.number, line)
		}
		heads[service] = head{number, sum}
	}
	return nil
}

// byPython verifies an export with what the package's comment gives.
func (w *world) byPython(t *testing.T, export string, good bool) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("the program in the package's comment was not run: there is no python3")
		return
	}
	source, err := os.ReadFile("history/history.go")
	must(t, err)
	var program strings.Builder
	for line := range strings.Lines(string(source)) {
		if code, is := strings.CutPrefix(line, "//\t"); is && (program.Len() > 0 || strings.HasPrefix(code, "import ")) {
			program.WriteString(code)
		}
	}
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "verify.py"), []byte(program.String()), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "export"), []byte(export), 0o600))
	out, err := exec.CommandContext(t.Context(), python, filepath.Join(dir, "verify.py"), filepath.Join(dir, "export")).CombinedOutput()
	if (err == nil) != good {
		t.Errorf("by Python: %v\n%s", err, out)
	}
}

// What an upgrade finds, and what a panel of the version before writes meanwhile.
func TestWhatIsThereIsChainedInAnyNumberOfSteps(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, mw *modelstest.World) { // its events break other rules
		w := newWorld(t, mw)
		before := w.checkpoint(t, newKey(t))
		unchain := "UPDATE events SET number = CASE WHEN service_id IS NULL THEN NULL ELSE number END, hash = NULL"
		w.Tamper(t, unchain)
		if n := got[int](t)(w.Store.Unchained(t.Context())); n != w.Int(t, "SELECT count(*) FROM events") {
			t.Errorf("%d are not chained", n)
		}
		if faults := w.verified(t); len(faults) != 4 {
			t.Errorf("not chained: %v", faults)
		}
		// A verb does not wait for others to have done it.
		must(t, w.describe(t, w.Alice, cast.Garrigue, "contact", "first"))
		must(t, w.Store.ChangeProfile(t.Context(), w.Emma, models.Profile{Theme: new("dark")}))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.Store.ChainHistory(ctx); err == nil {
			t.Error("called off, it went on")
		}
		must(t, w.Store.Migrate(t.Context()))
		if faults := w.verified(t); len(faults) > 0 {
			t.Errorf("afterwards: %v", faults)
		}
		if n := got[int](t)(w.Store.Unchained(t.Context())); n != 0 {
			t.Errorf("%d are left", n)
		}
		// The services' chains are the very same; that of the system begins with what Emma did.
		services := *before
		services.Leaves = before.Leaves[1:]
		if faults := w.verified(t, &services); len(faults) > 0 {
			t.Errorf("other hashes: %v", faults)
		}

		// The version before writes no hash, and no number where there is no service.
		last := w.Int(t, "SELECT max(number) FROM events WHERE service_id = 1")
		w.Exec(t, fmt.Sprintf("INSERT INTO events (service_id, number, at, kind, class, owner_id, object, detail) SELECT 1, %d, at, kind, class, owner_id, object, '{\"b\": {}, \"a\": {\"before\": 1, \"after\": 2}}' FROM events WHERE service_id = 1 AND number = 2", last+1))
		w.Exec(t, "INSERT INTO events (at, kind, class, object, detail) SELECT at, kind, class, object, detail FROM events WHERE service_id IS NULL AND number = 1")
		must(t, w.describe(t, w.Alice, cast.Garrigue, "contact", "second"))
		got[int](t)(w.Store.ChainHistory(t.Context()))
		if faults := w.verified(t); len(faults) > 0 {
			t.Errorf("after an event of the version before: %v", faults)
		}
		if n := w.Int(t, "SELECT max(number) FROM events WHERE service_id = 1"); n != last+2 {
			t.Errorf("the last is %d, want %d", n, last+2)
		}
	})
}

func TestWritersOfTheSystemsChainTakeTurns(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stores := []*models.Store{w.Store}
		if !w.Store.Embedded() {
			other := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now}))
			defer other.Close()
			stores = append(stores, other)
		}
		before := w.Int(t, "SELECT max(number) FROM events WHERE service_id IS NULL")
		const each = 15
		var all sync.WaitGroup
		for i, by := range []models.Actor{w.Alice, w.Bruno, w.Chloe, w.David} {
			all.Go(func() {
				for n := range each {
					theme := []string{"dark", "light"}[n%2]
					if err := stores[i%len(stores)].ChangeProfile(t.Context(), by, models.Profile{Theme: &theme}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if n := w.Int(t, "SELECT max(number) FROM events WHERE service_id IS NULL") - before; n != 4*each {
			t.Errorf("%d events, want %d", n, 4*each)
		}
		if faults := w.verified(t); len(faults) > 0 {
			t.Error(faults)
		}
	})
}

func TestNobodyAltersTheHistory(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		refused := func(err error, with string) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), with) {
				t.Errorf("%v, want %q", err, with)
			}
		}
		// The owner of the tables, by mistake.
		statements := []string{"UPDATE events SET object = '' WHERE number = 1", "UPDATE events SET hash = NULL", "DELETE FROM events WHERE number = 1"}
		if !w.Store.Embedded() {
			statements = append(statements, "TRUNCATE events", "TRUNCATE events CASCADE")
		}
		for _, statement := range statements {
			_, err := w.SQL.ExecContext(t.Context(), statement)
			refused(err, "history is never altered")
		}
		if _, err := w.SQL.ExecContext(t.Context(), "DELETE FROM services WHERE id = 1"); err == nil {
			t.Error("a service was deleted from under its history")
		}
		if w.Store.Embedded() {
			return
		}
		// The panel's role, on purpose.
		conn := got[*pgx.Conn](t)(pgx.Connect(t.Context(), w.URL))
		defer conn.Close(context.Background())
		must(t, second(conn.Exec(t.Context(), "SET search_path = panel")))
		for statement, with := range map[string]string{
			"UPDATE events SET object = ''":                    "permission denied",
			"UPDATE events SET hash = NULL WHERE hash IS NULL": "permission denied",
			"DELETE FROM events":                               "permission denied",
			"TRUNCATE events":                                  "permission denied",
			"ALTER TABLE events DISABLE TRIGGER ALL":           "must be owner",
			"DROP TRIGGER event_never_altered ON events":       "must be owner",
			"CREATE TRIGGER mine BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION refuse_other_history()": "permission denied",
			"CREATE RULE mine AS ON INSERT TO events DO INSTEAD NOTHING":                                       "must be owner",
			"DROP TABLE events":                      "must be owner",
			"SET session_replication_role = replica": "permission denied",
			"CREATE OR REPLACE FUNCTION refuse_other_history() RETURNS trigger LANGUAGE sql AS $$ SELECT 1 $$": "permission denied",
			"SELECT setval('events_id_seq', 1)":          "permission denied",
			"UPDATE goose_db_version SET version_id = 1": "permission denied",
			"DELETE FROM system_chain":                   "permission denied",
		} {
			_, err := conn.Exec(t.Context(), statement)
			refused(err, with)
		}
		must(t, second(conn.Exec(t.Context(), "SELECT chain_events((SELECT array_agg(id) FROM events), (SELECT array_agg(1::bigint) FROM events), (SELECT array_agg('\\x00'::bytea) FROM events))")))
		if faults := w.verified(t); len(faults) > 0 {
			t.Error(faults)
		}
	})
}

func TestTheStoreSaysByWhatItsRoleCouldAlterTheHistory(t *testing.T) {
	t.Parallel()
	server := got[*modelstest.Server](t)(modelstest.StartServer(t.Context()))
	t.Cleanup(server.Stop)
	w := newWorld(t, modelstest.OnServer(t, server))
	w.Exec(t, "ALTER ROLE mandat_panel LOGIN PASSWORD 'panel'")
	weakness := func(role, statement string) string {
		t.Helper()
		if statement != "" {
			w.Exec(t, statement)
		}
		config := got[*pgx.ConnConfig](t)(pgx.ParseConfig(server.URL("mandat")))
		user := fmt.Sprintf("postgres://%s:panel@%s:%d/mandat?sslmode=disable", role, config.Host, config.Port)
		if role == "postgres" {
			user = server.URL("mandat")
		}
		s := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: user}))
		defer s.Close()
		must(t, s.Ready(t.Context()))
		return got[string](t)(s.HistoryWeakness(t.Context()))
	}
	for _, c := range []struct{ role, statement, want string }{
		{"mandat_panel", "", ""},
		{"postgres", "", "is a superuser"},
		{"mandat_panel", "GRANT UPDATE (object) ON events TO mandat_panel", "may change or delete"},
		{"mandat_panel", "REVOKE UPDATE (object) ON events FROM mandat_panel; GRANT TRUNCATE ON events TO mandat_panel", "may change or delete"},
		{"mandat_panel", "SELECT grant_panel_role(); REVOKE TRUNCATE ON events FROM mandat_panel; ALTER TABLE events DISABLE TRIGGER event_never_deleted", "triggers"},
		{"mandat_panel", "ALTER TABLE events ENABLE TRIGGER event_never_deleted; CREATE ROLE keeper; ALTER TABLE events OWNER TO keeper; GRANT keeper TO mandat_panel", "owns the history"},
		{"mandat_panel", "REVOKE keeper FROM mandat_panel; ALTER ROLE mandat_panel CREATEROLE", "may make roles"},
		{"mandat_panel", "ALTER ROLE mandat_panel NOCREATEROLE", ""},
	} {
		if got := weakness(c.role, c.statement); !strings.Contains(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s after %q: %q, want %q", c.role, c.statement, got, c.want)
		}
	}
}

func TestTheJobsWriteCheckpoints(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		dir := &history.Directory{Path: filepath.Join(t.TempDir(), "checkpoints"), Key: newKey(t)}
		s := w.Store
		if s.Embedded() { // the file has one process
			must(t, s.Close())
		}
		s = got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now, Checkpoints: dir}))
		files := func() []string {
			return got[[]string](t)(filepath.Glob(filepath.Join(dir.Path, "*"+history.CheckpointSuffix)))
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Work(ctx) }()
		modelstest.Await(t, 20*time.Second, "a checkpoint is written", func() bool { return len(files()) > 0 })
		stop()
		must(t, <-done)
		w.Clock.Move(time.Hour)
		must(t, s.WriteCheckpoint(t.Context()))
		if n := len(files()); n != 1 {
			t.Errorf("%d checkpoints of the same", n)
		}
		must(t, s.ChangeProfile(t.Context(), w.Emma, models.Profile{Theme: new("dark")}))
		must(t, s.WriteCheckpoint(t.Context()))
		if n := len(files()); n != 2 {
			t.Errorf("%d checkpoints, want 2", n)
		}
		must(t, s.Close())
		if w.Store.Embedded() {
			w.Store = got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now}))
			t.Cleanup(func() { _ = w.Store.Close() })
		}
		var v history.Verifier
		for _, file := range files() {
			f := got[*os.File](t)(os.Open(file))
			must(t, history.ReadCheckpoints(f, dir.Key.Public(), v.Hold))
			must(t, f.Close())
		}
		must(t, w.Store.VerifyHistory(t.Context(), &v))
		if r := v.Done(false); len(r.Faults) > 0 {
			t.Error(r.Faults)
		}
	})
}

// Every test of a verb asks World.Holds, which must not be blind.
func TestASecretInAnEventIsFound(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, second(w.Store.Renew(t.Context(), w.signIn(t, cast.Alice).Session.Actor()))) // only then the key is not the token's hash
		_, codes := w.app(t, w.Alice)
		hex := map[bool]string{true: "lower(hex(%s))", false: "encode(%s, 'hex')"}[w.Store.Embedded()]
		for what, secret := range map[string]string{
			"a recovery code":     "SELECT '" + codes[3] + "'",
			"the key of forms":    "SELECT " + fmt.Sprintf(hex, "form_key") + " FROM sessions WHERE form_key IS NOT NULL",
			"a hash":              "SELECT password_hash FROM customers WHERE id = 1",
			"the hash of a token": "SELECT " + fmt.Sprintf(hex, "token_hash") + " FROM sessions ORDER BY id LIMIT 1",
			"a password":          "SELECT '" + cast.Password + "'",
		} {
			w.Tamper(t, "INSERT INTO events (service_id, number, at, kind, class, owner_id, object, detail) SELECT 3, 1 + (SELECT max(number) FROM events WHERE service_id = 3), at, kind, class, owner_id, ("+secret+"), '{}' FROM events WHERE service_id = 1 AND number = 2")
			told := &listener{ctx: t.Context()}
			w.Holds(told)
			if !strings.Contains(told.errors, "an event has the") {
				t.Errorf("%s was not found: %s", what, told.errors)
			}
			w.Tamper(t, "DELETE FROM events WHERE id = (SELECT max(id) FROM events)")
		}
	})
}

// listener hears what a test would be told.
type listener struct {
	ctx    context.Context
	errors string
}

func (l *listener) Helper()                  {}
func (l *listener) Context() context.Context { return l.ctx }
func (l *listener) Errorf(format string, args ...any) {
	l.errors += fmt.Sprintf(format, args...) + "\n"
}
func (l *listener) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
