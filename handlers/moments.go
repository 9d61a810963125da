package handlers

import (
	"strings"
	"time"
)

// The ways in which browsers and people write a date with its time. By hand a
// space is as good as the T.
var momentLayouts = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04"}

// parseMoment reads a date with its time on the clocks of zone. A date alone is
// its beginning or, for an end, the end of that day. "" is none.
//
// A time that the clocks leave out in spring is the moment at which they jump; a
// time that they show twice in autumn is the first.
func parseMoment(text string, zone *time.Location, end bool) (*time.Time, bool) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, true
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		if end {
			day = day.AddDate(0, 0, 1)
		}
		at := onClock(day, zone)
		return &at, true
	}
	for _, layout := range momentLayouts {
		if wall, err := time.Parse(layout, text); err == nil {
			at := onClock(wall, zone)
			return &at, true
		}
	}
	return nil, false
}

// onClock is the first moment at which the clocks of zone show what wall shows
// in UTC, or the one at which they pass over it.
func onClock(wall time.Time, zone *time.Location) time.Time {
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	since, until := at.ZoneBounds()
	switch shown := at.Format(time.DateTime); {
	case shown > wall.Format(time.DateTime): // counted with the clocks before the jump
		return since
	case shown < wall.Format(time.DateTime):
		return until
	}
	if since.IsZero() {
		return at
	}
	_, now := at.Zone()
	_, before := since.Add(-time.Second).Zone()
	if first := at.Add(time.Duration(now-before) * time.Second); first.Before(since) {
		return first
	}
	return at
}
