package handlers

import (
	"testing"
	"time"
)

func TestAMomentIsReadOnTheClocksOfItsZone(t *testing.T) {
	for _, c := range []struct {
		zone, typed string
		end         bool
		want        string
	}{
		{"Europe/Paris", "2026-08-01T09:00", false, "2026-08-01T07:00:00Z"},
		{"Europe/Paris", "2026-12-01T09:00:30", false, "2026-12-01T08:00:30Z"},
		{"Europe/Paris", " 2026-12-01 09:00 ", false, "2026-12-01T08:00:00Z"},
		{"Europe/Paris", "2026-08-01", false, "2026-07-31T22:00:00Z"},
		{"Europe/Paris", "2026-08-01", true, "2026-08-01T22:00:00Z"},
		{"UTC", "2026-12-31", true, "2027-01-01T00:00:00Z"},
		// In spring 2:00 to 3:00 is left out: the moment of the jump.
		{"Europe/Paris", "2026-03-29T02:30", false, "2026-03-29T01:00:00Z"},
		{"Europe/Paris", "2026-03-29T02:00", false, "2026-03-29T01:00:00Z"},
		{"Europe/Paris", "2026-03-29T03:00", false, "2026-03-29T01:00:00Z"},
		{"America/New_York", "2026-03-08T02:59", false, "2026-03-08T07:00:00Z"},
		// In autumn 2:00 to 3:00 is there twice: the first time.
		{"Europe/Paris", "2026-10-25T02:30", false, "2026-10-25T00:30:00Z"},
		{"Europe/Paris", "2026-10-25T03:00", false, "2026-10-25T02:00:00Z"},
		{"America/New_York", "2026-11-01T01:30", false, "2026-11-01T05:30:00Z"},
		{"Australia/Lord_Howe", "2026-04-05T01:45", false, "2026-04-04T14:45:00Z"}, // half an hour
		{"Africa/Cairo", "2026-04-24", false, "2026-04-23T22:00:00Z"},              // the day begins at 1:00
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, ok := parseMoment(c.typed, zone, c.end)
		if !ok || at.UTC().Format(time.RFC3339) != c.want {
			t.Errorf("%q in %s: %v %v, want %s", c.typed, c.zone, at, ok, c.want)
		}
	}
	if at, ok := parseMoment(" ", time.UTC, false); at != nil || !ok {
		t.Error("nothing typed is no moment")
	}
	for _, typed := range []string{"demain", "2026-02-30", "2026-08-01T25:00", "01/08/2026", "20260801", "2026-08-01T09:00Z", "12026-08-01T09:00"} {
		if at, ok := parseMoment(typed, time.UTC, true); ok {
			t.Errorf("%q was read as %v", typed, at)
		}
	}
}
