package modelstest

import (
	"slices"
	"testing"
)

// Tamper changes rows as somebody does who owns the database and knows what
// stands in the way: without triggers and references.
func (w *World) Tamper(t testing.TB, queries ...string) {
	t.Helper()
	if w.Store.Embedded() {
		queries = w.unguarded(t, queries)
	}
	(&keeper{w: w, t: t}).inTx(func(exec func(string)) {
		for _, query := range queries {
			exec(query)
		}
	})
}

// unguarded is statements for SQLite between others that take the triggers of
// events away and put them back.
func (w *World) unguarded(t testing.TB, queries []string) []string {
	t.Helper()
	rows, err := w.SQL.QueryContext(t.Context(), "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'events' AND name LIKE 'event_never%'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var without, with []string
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			t.Fatal(err)
		}
		without, with = append(without, "DROP TRIGGER "+name), append(with, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return slices.Concat(without, queries, with)
}
