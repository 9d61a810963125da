package modelstest

import (
	"slices"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

// difference counts the rows in which a database is not as the cast made it.
func difference(t *testing.T, w *World) int {
	t.Helper()
	n := w.Int(t, "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'kept'")
	if n < 14 {
		t.Fatalf("rows of %d tables are kept", n)
	}
	rows, err := w.SQL.QueryContext(t.Context(), "SELECT table_name FROM information_schema.tables WHERE table_schema = 'kept' AND table_name <> 'shape_of_all'")
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	rows.Close()
	n = 0
	for _, name := range tables {
		text := func(schema string) string {
			return "(SELECT to_jsonb(x) - 'nearly_full' FROM " + schema + "." + name + " x)"
		}
		n += w.Int(t, "SELECT count(*) FROM ("+text("panel")+" EXCEPT ALL "+text("kept")+") AS d")
		n += w.Int(t, "SELECT count(*) FROM ("+text("kept")+" EXCEPT ALL "+text("panel")+") AS d")
	}
	return n
}

func TestADatabaseGoesToTheNextTestAsTheCastMadeIt(t *testing.T) {
	var first string
	t.Run("changed", func(t *testing.T) {
		w := OnPostgres(t)
		first = w.URL
		by := w.Actor(t, cast.Alice)
		for _, err := range []error{
			w.Store.DeleteAccount(t.Context(), by, cast.Garrigue, "contact", "contact"),
			w.Store.Sweep(t.Context()),
			w.Store.BlockAccount(t.Context(), by, cast.Garrigue, "rh"),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Store.SignIn(t.Context(), models.Credentials{Identifier: cast.Alice, Password: cast.Password}, ""); err != nil {
			t.Fatal(err)
		}
		if n := difference(t, w); n < 10 {
			t.Fatalf("only %d rows differ", n)
		}
	})
	seen := []string{}
	t.Run("put back", func(t *testing.T) {
		for range 3 { // one of them gets it
			w := OnPostgres(t)
			seen = append(seen, w.URL)
			if n := difference(t, w); n != 0 {
				t.Errorf("%d rows differ", n)
			}
			if _, err := w.Store.CreateAccount(t.Context(), w.Actor(t, cast.Alice), cast.Garrigue, models.NewAccount{Local: "new"}); err != nil {
				t.Error(err)
			}
		}
	})
	if !slices.Contains(seen, first) {
		t.Errorf("%s was not used again", first)
	}
}
