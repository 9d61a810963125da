package views_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// A filter that is accepted is shown in the form, in either language, and what
// the form shows is read as the same filter; what it was tried on is refused as
// something typed, or not at all.
func FuzzFilterForm(f *testing.F) {
	for _, c := range [][4]string{
		{"size", "over", "1,5 Mo", ""},
		{"size", "under", "100 GB", "x"},
		{"size", "over", "0.0014 kb", ""},
		{"size", "over", "999,9996 ko", ""},
		{"list", "contains", "", ""},
		{"spam", "no", "", ""},
		{"From", "is", "A@b.example", ""},
		{"header", "matches", "*\u202e?\r\n \\", "X-Loop"},
		{"header", "is", "x", "Header"},
		{"header", "contains", "x", "subject"},
		{"X-é", "begins", "x", ""},
		{"header", "ends", " x", " list "},
	} {
		f.Add(" Tri\u00a0", c[0], c[3], c[1], c[2], "folder", "Clients/E\u0301te\u0301 ", "Subject: x\n\nbody")
		f.Add("x", c[0], c[3], c[1], c[2], "reject", "a\r\n\r\nb ", "")
		f.Add("x", c[0], c[3], c[1], c[2], "forward", "Contact+x@Été.example", "no header")
		f.Add("x", c[0], c[3], c[1], c[2], "keep", "left over", "From: =?utf-8?q?=00?= <a@b.example>")
	}
	const address = "contact@garrigue.example"
	f.Fuzz(func(t *testing.T, name, header, other, operator, value, action, target, source string) {
		typed := views.FilterForm{Name: name, Match: models.MatchAny, Action: action, Target: target, Rules: []views.FilterRuleForm{views.ListedHeader(views.FilterRuleForm{Header: header, Name: other, Operator: operator, Value: value})}}
		tried := models.TrialForm{Source: source, From: value}
		filter, trial, err := models.TryFilter(typed.Read(), address, tried)
		if err != nil {
			if bad := (models.Invalid{}); !errors.As(err, &bad) || len(bad) == 0 {
				t.Error(err)
			}
			if filter, _, err = models.TryFilter(typed.Read(), address, models.TrialForm{From: "a@b.example"}); err != nil {
				return
			}
		}
		for _, lang := range locale.Languages() {
			shown := views.StoredFilter(locale.From(locale.With(t.Context(), lang, time.UTC)), filter)
			again, also, err := models.TryFilter(shown.Read(), address, tried)
			if !reflect.DeepEqual(again, filter) || trial != nil && (err != nil || !reflect.DeepEqual(also, trial)) {
				t.Errorf("%+v is shown as %+v, and that read as %+v, %v", filter, shown, again, err)
			}
		}
	})
}
