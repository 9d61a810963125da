package modelstest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A clone of the cast on PostgreSQL is 300 files; to put its rows back after a
// test takes a twentieth of the time. So databases go round: the template has a
// second copy of every row in the schema "kept".

// pool holds the databases that are as the template is, and nobody's.
var pool struct {
	sync.Mutex
	free []string
}

// keepRows makes the second copy of every row, and a procedure that puts it back.
func keepRows(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT table_name, string_agg('"' || column_name || '"', ', ' ORDER BY ordinal_position)
		FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
		WHERE table_schema = 'panel' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER' GROUP BY 1`)
	if err != nil {
		return err
	}
	keep := []string{"CREATE SCHEMA kept", "CREATE TABLE kept.shape_of_all AS SELECT " + shape + " AS is"}
	back := []string{"SET LOCAL session_replication_role = replica"} // neither triggers nor references
	var table, columns string
	_, err = pgx.ForEachRow(rows, []any{&table, &columns}, func() error {
		keep = append(keep, fmt.Sprintf("CREATE TABLE kept.%s AS SELECT * FROM panel.%[1]s", table))
		back = append(back, fmt.Sprintf("DELETE FROM panel.%s; INSERT INTO panel.%[1]s (%s) OVERRIDING SYSTEM VALUE SELECT %[2]s FROM kept.%[1]s", table, columns))
		return nil
	})
	if err != nil {
		return err
	}
	keep = append(keep, "CREATE PROCEDURE kept.put_back() LANGUAGE plpgsql AS $$ BEGIN "+strings.Join(back, "; ")+"; END $$")
	_, err = conn.PgConn().Exec(ctx, strings.Join(keep, "; ")).ReadAll()
	return err
}

// shape is a digest of the constraints, columns and triggers of the panel: rows
// are put back, these are not.
const shape = `(SELECT md5(string_agg(x, ';' ORDER BY x)) FROM (
 SELECT c.relname || ' ' || k.conname AS x FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE c.relnamespace = 'panel'::regnamespace
 UNION ALL SELECT c.relname || '.' || a.attname || a.attidentity::text || a.attnotnull::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'panel'::regnamespace AND c.relkind = 'r' AND a.attnum > 0
 UNION ALL SELECT c.relname || '/' || t.tgname || t.tgenabled::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = 'panel'::regnamespace AND NOT t.tgisinternal) AS all_of_it)`

// mostBytes is the size beyond which a database is not worth putting back.
const mostBytes = 32 << 20

// putBack ends what a test left running on its database and makes it as the template is.
func putBack(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var size int64
	err = conn.QueryRow(ctx, `SELECT pg_database_size(current_database()) + 0 *
		(SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid())`).Scan(&size)
	if err != nil {
		return err
	}
	if size > mostBytes {
		return errors.New("the test made the database large")
	}
	var same bool
	if err := conn.QueryRow(ctx, "SELECT s.is = "+shape+" FROM kept.shape_of_all s").Scan(&same); err != nil {
		return err
	}
	if !same {
		return errors.New("the test changed more than rows")
	}
	_, err = conn.Exec(ctx, "CALL kept.put_back()")
	return err
}

// takeClone is a database with the cast, for one test.
func takeClone(t testing.TB, tpl string) (name string) {
	t.Helper()
	s := Postgres(t)
	pool.Lock()
	if n := len(pool.free); n > 0 {
		name, pool.free = pool.free[n-1], pool.free[:n-1]
	}
	pool.Unlock()
	if name == "" {
		name = newName()
		if err := s.Create(t.Context(), name, tpl); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if !t.Failed() && putBack(ctx, s.URL(name)) == nil {
			pool.Lock()
			defer pool.Unlock()
			pool.free = append(pool.free, name)
		} else if err := s.Drop(ctx, name); err != nil {
			t.Log(err)
		}
	})
	return name
}

// emptyPool removes the databases that nobody takes any more.
func emptyPool(s *Server) {
	pool.Lock()
	defer pool.Unlock()
	for _, name := range pool.free {
		_ = s.Drop(context.Background(), name)
	}
	pool.free = nil
}
