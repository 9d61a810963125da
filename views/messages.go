package views

import (
	"strings"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views/locale"
)

// MessageText is a message of the models in the reader's language. Numbers of
// bytes are written as sizes, times as dates, messages within it as their text.
func MessageText(l *locale.Locale, m models.Message) string {
	args := make([]any, len(m.Args))
	for i, a := range m.Args {
		switch a := a.(type) {
		case int64:
			args[i] = l.Size(a)
		case int:
			args[i] = l.Number(int64(a))
		case time.Time:
			args[i] = l.DateTime(a)
		case models.Message:
			args[i] = MessageText(l, a)
		default:
			args[i] = a
		}
	}
	return l.T(m.Key, args...)
}

// LastDay is the last day of a period that ends at t: an end is the end of a day.
func LastDay(l *locale.Locale, t time.Time) string { return l.Date(t.Add(-time.Second)) }

// joined writes names one after the other.
func joined(names []string) string { return strings.Join(names, ", ") }
