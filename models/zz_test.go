package models_test

import (
	"strings"
	"testing"

	"example.org/mandat/models/history"
	"example.org/mandat/models/modelstest"
)

func TestZZ(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		var v history.Verifier
		if err := w.Store.VerifyHistory(t.Context(), &v); err != nil {
			t.Fatal(err)
		}
		r := v.Done(false)
		t.Log(r)
		var b strings.Builder
		if err := w.Store.ExportHistory(t.Context(), "", &b); err != nil {
			t.Fatal(err)
		}
		t.Log(b.String()[:1500])
	})
}
