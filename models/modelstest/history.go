package modelstest

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/history"
)

// chained verifies the history. Events that a test wrote beside the store are
// chained first, as those of the version before are.
func (w *World) chained(t Reporter) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	if _, err := w.Store.ChainHistory(ctx); err != nil {
		t.Fatalf("%v", err)
	}
	var v history.Verifier
	if err := w.Store.VerifyHistory(ctx, &v); err != nil {
		t.Fatalf("%v", err)
	}
	for _, f := range v.Done(false).Faults {
		t.Errorf("%s", f)
	}
}

// silent looks into every event for what nobody may read there: passwords of the
// demo world, and whatever stands in a column for a hash, a token or the like, in
// any way to write it.
func (w *World) silent(t Reporter) {
	t.Helper()
	var events strings.Builder
	w.each(t, "SELECT object, detail FROM events", func(values []any) {
		for _, v := range values {
			switch v := v.(type) {
			case string:
				events.WriteString(v + "\n")
			case []byte:
				events.WriteString(string(v) + "\n")
			}
		}
	})
	text := events.String()
	deny := func(secret, of string) {
		if len(secret) >= 8 && strings.Contains(text, secret) {
			t.Errorf("an event has the %s %q in it", of, secret)
		}
	}
	deny(cast.Password, "password of the demo world")
	deny(cast.SamSecret, "secret of the demo world's app")
	deny(string(Secret), "secret of the store")
	for _, shown := range w.Shown {
		deny(shown, "text that was shown once")
	}
	for _, column := range w.secretColumns(t) {
		table, name, _ := strings.Cut(column, ".")
		w.each(t, "SELECT DISTINCT "+name+" FROM "+table+" WHERE "+name+" IS NOT NULL", func(values []any) {
			switch v := values[0].(type) {
			case string:
				deny(v, column)
			case []byte:
				deny(string(v), column)
				deny(hex.EncodeToString(v), column)
				deny(base64.RawStdEncoding.EncodeToString(v), column)
				deny(base64.RawURLEncoding.EncodeToString(v), column)
			}
		})
	}
}

// secretColumns are the columns whose names say that nobody may read them, as "table.column".
func (w *World) secretColumns(t Reporter) (columns []string) {
	t.Helper()
	if w.secrets != nil {
		return w.secrets
	}
	query := "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name) WHERE table_schema = 'panel' AND table_type = 'BASE TABLE'"
	if w.Store.Embedded() {
		query = "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
	}
	w.each(t, query, func(values []any) {
		table, name := values[0].(string), values[1].(string)
		if table == "events" || strings.HasPrefix(table, "river") {
			return
		}
		for _, word := range []string{"password", "token", "hash", "secret", "seal", "nonce", "recovery", "credential", "form_key"} {
			if strings.Contains(name, word) {
				columns = append(columns, table+"."+name)
				return
			}
		}
	})
	if len(columns) < 8 {
		t.Fatalf("only these columns hold secrets: %v", columns)
	}
	w.secrets = columns
	return columns
}

// each gives fn the rows of a query, asked beside the store.
func (w *World) each(t Reporter, query string, fn func([]any)) {
	t.Helper()
	rows, err := w.SQL.QueryContext(context.WithoutCancel(t.Context()), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatalf("%v", err)
	}
	values, into := make([]any, len(names)), make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatalf("%v", err)
		}
		fn(values)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%v", err)
	}
}
