package models

import (
	"strings"
	"time"
	"unicode/utf8"
)

// Limits on what is typed about a responder.
const (
	MaxResponderSubject = 200  // characters
	MaxResponderContent = 5000 // characters
	MaxResponderDays    = 30
	farthestYears       = 10 // from now: what is beyond was mistyped
)

// ResponderForm is what is typed about a responder.
type ResponderForm struct {
	Subject  string
	Content  string
	StartsAt *time.Time
	EndsAt   *time.Time
	Days     int // 0: one
	Version  int // as shown, 0 when none was; another means ErrConflict
}

// CheckResponder is a form as it is stored: texts without what only programs
// send, times in UTC to the second. Invalid for a text that is empty or too
// long, days out of range, and an end that is not after the start.
func (s *Store) CheckResponder(f ResponderForm) (ResponderForm, error) {
	bad := Invalid{}
	f = s.checkResponder(f, bad)
	return f, bad.orNil()
}

func (s *Store) checkResponder(f ResponderForm, bad Invalid) ResponderForm {
	f.Subject, f.Content = oneLine(legible(f.Subject)), strings.TrimSpace(legible(f.Content))
	switch {
	case f.Subject == "":
		bad.Add("subject", "responder.subject.none")
	case utf8.RuneCountInString(f.Subject) > MaxResponderSubject:
		bad.Add("subject", "responder.subject.long", "Most", MaxResponderSubject)
	}
	switch {
	case f.Content == "":
		bad.Add("content", "responder.content.none")
	case utf8.RuneCountInString(f.Content) > MaxResponderContent:
		bad.Add("content", "responder.content.long", "Most", MaxResponderContent)
	}
	if f.Days == 0 {
		f.Days = 1
	}
	if f.Days < 1 || f.Days > MaxResponderDays {
		bad.Add("days", "responder.days.range", "Most", MaxResponderDays)
	}
	f.StartsAt, f.EndsAt = s.checkInstant(bad, "starts_at", f.StartsAt), s.checkInstant(bad, "ends_at", f.EndsAt)
	if f.StartsAt != nil && f.EndsAt != nil && !f.EndsAt.After(*f.StartsAt) {
		bad.Add("ends_at", "responder.ends.before_start")
	}
	return f
}

// checkInstant is at in UTC to the second.
func (s *Store) checkInstant(bad Invalid, field string, at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	utc, now := at.UTC().Truncate(time.Second), s.now()
	if utc.Before(now.AddDate(-farthestYears, 0, 0)) || utc.After(now.AddDate(farthestYears, 0, 0)) {
		bad.Add(field, "responder.date.far", "Most", farthestYears)
	}
	return &utc
}

// oneLine is a text whose ends of lines are spaces.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\t' || r == '\u2028' || r == '\u2029' || r == ' ' }), " ")
}
