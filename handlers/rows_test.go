package handlers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.org/mandat/models/modelstest"
)

// rows is everything that the panel keeps: a line for each row of each of its
// tables, jobs included. Two of them show what a request changed.
type rows []string

// bookkeeping names what may change without anybody changing anything: tables
// of goose and River's own, the row that is only there to be locked, the pages that an agent looked at, what browsers are
// asked to sign with passkeys, and the last use of a session or a grant.
var bookkeeping = []string{"assistance_pages", "passkey_challenges", "passkey_holders", "goose_db_version", "river_client", "river_client_queue", "river_leader", "river_migration", "river_notification", "river_queue", "system_chain"}

var lastUse = []string{"seen_at", "used_at"}

func rowsOf(t testing.TB, w *modelstest.World) (list rows) {
	t.Helper()
	if !w.Store.Embedded() {
		list = texts(t, w, everyRow(t, w))
	} else {
		for _, table := range texts(t, w, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'") {
			if !slices.Contains(bookkeeping, table) {
				list = append(list, rowsOfTable(t, w, table)...)
			}
		}
	}
	// That an agent searched is counted, whatever asks.
	list = slices.DeleteFunc(list, func(row string) bool {
		return strings.HasPrefix(row, "throttles ") && strings.Contains(row, "searches:agent:")
	})
	slices.Sort(list)
	return list
}

// everyRow is one statement that reads all rows as text: the matrix asks for them a thousand times.
func everyRow(t testing.TB, w *modelstest.World) string {
	t.Helper()
	var parts []string
	for _, table := range texts(t, w, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'panel' AND table_type = 'BASE TABLE'") {
		if !slices.Contains(bookkeeping, table) {
			parts = append(parts, fmt.Sprintf("SELECT '%s ' || (to_jsonb(t) - '{%s}'::text[])::text FROM %[1]s t", table, strings.Join(lastUse, ",")))
		}
	}
	return strings.Join(parts, " UNION ALL ")
}

func texts(t testing.TB, w *modelstest.World, query string) (list []string) {
	t.Helper()
	found, err := w.SQL.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var text string
		if err := found.Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// rowsOfTable reads any table without knowing its columns.
func rowsOfTable(t testing.TB, w *modelstest.World, table string) (list rows) {
	t.Helper()
	found, err := w.SQL.QueryContext(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	values, dest := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		dest[i] = &values[i]
	}
	for found.Next() {
		if err := found.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		line := table
		for i, v := range values {
			if !slices.Contains(lastUse, columns[i]) {
				line += fmt.Sprintf(" %s: %v", columns[i], v)
			}
		}
		list = append(list, line)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// changed tells what is different now, a line for each row that went or came.
func (was rows) changed(is rows) (lines []string) {
	for _, line := range was {
		if _, found := slices.BinarySearch(is, line); !found {
			lines = append(lines, "- "+line)
		}
	}
	for _, line := range is {
		if _, found := slices.BinarySearch(was, line); !found {
			lines = append(lines, "+ "+line)
		}
	}
	return lines
}

// wantSame fails the test when anything changed.
func (was rows) wantSame(t testing.TB, w *modelstest.World, what string) {
	t.Helper()
	if lines := was.changed(rowsOf(t, w)); len(lines) > 0 {
		t.Errorf("%s changed rows:\n%s", what, strings.Join(lines, "\n"))
	}
}
