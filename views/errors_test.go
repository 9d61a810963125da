package views_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.org/mandat/views"
	"example.org/mandat/views/ui"
)

func TestSummaryFollowsTheForm(t *testing.T) {
	e := views.Errors{
		"size_gb": {"too large"},
		"local":   {"ends with a dot", "too long"},
		"other":   {"unknown"},
		"":        {"has lapsed"},
	}
	want := []ui.ErrorLink{
		{Text: "has lapsed"},
		{Field: "local", Text: "ends with a dot"},
		{Field: "local", Text: "too long"},
		{Field: "size_gb", Text: "too large"},
		{Field: "other", Text: "unknown"},
	}
	if diff := cmp.Diff(want, e.Summary("local", "description", "size_gb")); diff != "" {
		t.Error(diff)
	}
	if got := e.First("local") + e.First("description"); got != "ends with a dot" {
		t.Errorf("First: %q", got)
	}
	if got := views.Errors(nil).Summary("local"); got != nil {
		t.Errorf("no errors: %v", got)
	}
}
