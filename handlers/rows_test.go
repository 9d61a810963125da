package handlers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"example.org/mandat/models"
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
func rowsOfTable(t testing.TB, w *modelstest.World, table string) rows {
	t.Helper()
	return readRows(t, w, table, "SELECT * FROM "+table, lastUse)
}

// readRows reads the rows of a query about one table, without some of its columns.
func readRows(t testing.TB, w *modelstest.World, table, query string, without []string) (list rows) {
	t.Helper()
	found, err := w.SQL.QueryContext(t.Context(), query)
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
			if !slices.Contains(without, columns[i]) {
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

// ownRows are the conditions, by table, on the rows of what is a customer's own:
// who they are and how they sign in, where they are signed in and have been, what
// slows them down, what they allow support, what they hold, and what they were
// told of their security.
type ownRows map[string]string

// ownRowsOf is what is a customer's own; "" is nobody, who has nothing.
func ownRowsOf(t testing.TB, w *modelstest.World, identifier string) ownRows {
	t.Helper()
	if identifier == "" {
		return nil
	}
	id := w.Actor(t, identifier).Customer
	own := ownRows{
		"customers": fmt.Sprintf("id = %d", id),
		"grants":    fmt.Sprintf("grantee_id = %d", id),
		"notices":   fmt.Sprintf(`receiver_id = %d AND parts LIKE '%%"kind":"%s"%%'`, id, models.NoticeSecurity),
		"throttles": fmt.Sprintf("(subject LIKE '%%:%s' OR subject = 'unknown:%d')", identifier, id),
	}
	tables := "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) WHERE table_schema = 'panel' AND table_type = 'BASE TABLE' AND column_name = 'customer_id'"
	if w.Store.Embedded() {
		tables = "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'customer_id'"
	}
	for _, table := range texts(t, w, tables) {
		if table != "assistances" && table != "uploads" { // which are the agent's, for the customer
			own[table] = fmt.Sprintf("customer_id = %d", id)
		}
	}
	return own
}

// read reads the rows as they are, each whole, with the time of its last use.
func (own ownRows) read(t testing.TB, w *modelstest.World) (list rows) {
	t.Helper()
	var parts []string
	for table, condition := range own {
		if w.Store.Embedded() {
			list = append(list, readRows(t, w, table, "SELECT * FROM "+table+" WHERE "+condition, nil)...)
		} else {
			parts = append(parts, fmt.Sprintf("SELECT '%s ' || to_jsonb(t)::text FROM %[1]s t WHERE %s", table, condition))
		}
	}
	if len(parts) > 0 {
		list = texts(t, w, strings.Join(parts, " UNION ALL "))
	}
	slices.Sort(list)
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
