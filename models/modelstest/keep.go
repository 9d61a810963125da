package modelstest

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"
)

// Keep notes every row of the world. What it returns puts them back, for tests
// that need the same world many times over: that is ten times quicker than a
// clone. Nobody may be using the world meanwhile.
func (w *World) Keep(t testing.TB) (restore func()) {
	t.Helper()
	k := keeper{w: w, t: t}
	tables := k.tables()
	k.inTx(func(exec func(string)) {
		for _, table := range tables {
			exec("CREATE TABLE " + k.copyOf(table) + " AS SELECT * FROM " + table)
		}
	})
	var back []string
	overriding := " OVERRIDING SYSTEM VALUE"
	if w.Store.Embedded() {
		overriding = ""
	}
	for _, table := range tables {
		back = append(back, "DELETE FROM "+table)
	}
	// SQLite's triggers work meanwhile: what they write to comes last, and anew.
	written := []string{"addresses", "services"}
	tables = append(slices.DeleteFunc(tables, func(table string) bool { return slices.Contains(written, table) }), written...)
	for _, table := range tables {
		if slices.Contains(written, table) {
			back = append(back, "DELETE FROM "+table)
		}
		columns := strings.Join(k.columns[table], ", ")
		back = append(back, "INSERT INTO "+table+" ("+columns+")"+overriding+" SELECT "+columns+" FROM "+k.copyOf(table))
	}
	if !w.Store.Embedded() { // one statement instead of forty
		w.Exec(t, "CREATE OR REPLACE PROCEDURE pg_temp.put_back() LANGUAGE plpgsql AS $$ BEGIN "+strings.Join(back, "; ")+"; END $$")
		back = []string{"CALL pg_temp.put_back()"}
	} else {
		back = w.unguarded(t, back)
	}
	return func() {
		t.Helper()
		k.inTx(func(exec func(string)) {
			for _, query := range back {
				exec(query)
			}
		})
	}
}

type keeper struct {
	w       *World
	t       testing.TB
	columns map[string][]string
}

// copyOf is where the rows of a table are kept: out of sight of who lists the
// panel's tables on PostgreSQL, in temporary tables of one connection on SQLite.
func (k *keeper) copyOf(table string) string {
	if k.w.Store.Embedded() {
		return "temp.kept_" + table
	}
	return "pg_temp.kept_" + table
}

// tables lists the tables with rows of the panel's, in the order of their
// names, and notes their columns except those that are computed.
func (k *keeper) tables() (tables []string) {
	query := `SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
		WHERE table_schema = 'panel' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER' ORDER BY 1, ordinal_position`
	if k.w.Store.Embedded() {
		k.w.SQL.SetMaxOpenConns(1) // which has the temporary tables
		query = `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_xinfo(m.name) c
			WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND c.hidden = 0 ORDER BY 1, c.cid`
	}
	rows, err := k.w.SQL.QueryContext(k.t.Context(), query)
	if err != nil {
		k.t.Fatal(err)
	}
	defer rows.Close()
	k.columns = map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			k.t.Fatal(err)
		}
		if len(k.columns[table]) == 0 {
			tables = append(tables, table)
		}
		k.columns[table] = append(k.columns[table], column)
	}
	if err := rows.Err(); err != nil {
		k.t.Fatal(err)
	}
	return tables
}

// inTx runs statements in one transaction without foreign keys and, on
// PostgreSQL, without triggers.
func (k *keeper) inTx(fn func(exec func(string))) {
	k.t.Helper()
	ctx := context.WithoutCancel(k.t.Context())
	conn, err := k.w.SQL.Conn(ctx)
	if err != nil {
		k.t.Fatal(err)
	}
	defer conn.Close()
	if k.w.Store.Embedded() {
		defer k.pragma(conn, "ON")
		k.pragma(conn, "OFF")
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		k.t.Fatal(err)
	}
	defer tx.Rollback()
	exec := func(query string) {
		k.t.Helper()
		if _, err := tx.ExecContext(ctx, query); err != nil {
			k.t.Fatalf("%s: %v", query, err)
		}
	}
	if !k.w.Store.Embedded() {
		exec("SET LOCAL session_replication_role = replica")
	}
	fn(exec)
	if err := tx.Commit(); err != nil {
		k.t.Fatal(err)
	}
}

func (k *keeper) pragma(conn *sql.Conn, foreignKeys string) {
	if _, err := conn.ExecContext(context.WithoutCancel(k.t.Context()), "PRAGMA foreign_keys = "+foreignKeys); err != nil {
		k.t.Error(err)
	}
}
