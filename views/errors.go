package views

import (
	"maps"
	"slices"

	"example.org/mandat/views/ui"
)

// Errors are the reasons a form was refused, in the reader's language, by the
// name of the field. The field "" is the form as a whole.
type Errors map[string][]string

// First returns the first reason of a field, or "".
func (e Errors) First(field string) string {
	if len(e[field]) == 0 {
		return ""
	}
	return e[field][0]
}

// Summary returns every reason with the field to correct: first those of the
// whole form, then those of the given fields in their order, then any other.
func (e Errors) Summary(fields ...string) []ui.ErrorLink {
	order := append([]string{""}, fields...)
	for _, field := range slices.Sorted(maps.Keys(e)) {
		if !slices.Contains(order, field) {
			order = append(order, field)
		}
	}
	var links []ui.ErrorLink
	for _, field := range order {
		for _, text := range e[field] {
			links = append(links, ui.ErrorLink{Field: field, Text: text})
		}
	}
	return links
}

// ErrorView is a page that could not be shown.
type ErrorView struct {
	Status    int
	Heading   string
	Text      string // what did not happen, and what to do
	Reference string // of the entry in the log; empty if there is none
	BackPath  string
	BackLabel string
}

// Difference is a field of a form that does not say what is stored by now.
type Difference struct{ Label, Typed, Stored string }

// compare adds a field to list when what was typed is not what is stored.
func compare(list []Difference, label, typed, stored string) []Difference {
	if typed == stored {
		return list
	}
	return append(list, Difference{label, typed, stored})
}
