package models_test

import (
	"testing"

	"example.org/mandat/models/modelstest"
)

func TestAProcessWithoutAWayToTheMailServerIsKnown(t *testing.T) {
	t.Parallel()
	w := modelstest.OnPostgres(t)
	ask := func(want bool) {
		t.Helper()
		if got, err := w.Store.Detached(t.Context()); err != nil || got != want {
			t.Errorf("detached: %v, %v, want %v", got, err, want)
		}
	}
	ask(false)
	if err := w.Store.Attach(t.Context()); err != nil { // it has no way to one: nothing to write down
		t.Fatal(err)
	}
	ask(false)
	if err := w.Store.SetMarker(t.Context(), "mail server", "attached"); err != nil { // as a process that has
		t.Fatal(err)
	}
	ask(true)
	if err := w.Store.Detach(t.Context()); err != nil {
		t.Fatal(err)
	}
	ask(false)
}
