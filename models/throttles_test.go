package models

import (
	"testing"
	"time"
)

func TestHowLongFailuresMakeOneWait(t *testing.T) {
	day, now := throttleWindow, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d := slowdown{after: 10, most: 100}
	for _, c := range []struct {
		failures    int
		since, last time.Duration // ago
		want        time.Duration
	}{
		{0, 0, 0, 0},
		{1, 0, 0, 0},
		{9, 0, 0, 0},
		{10, time.Hour, 0, time.Second},
		{11, time.Hour, 0, 2 * time.Second},
		{12, time.Hour, 0, 4 * time.Second},
		{12, time.Hour, time.Second, 3 * time.Second},
		{12, time.Hour, 4 * time.Second, 0},
		{12, time.Hour, time.Minute, 0},
		{19, time.Hour, 0, 512 * time.Second},
		{20, time.Hour, 0, maxPause},
		{99, time.Hour, 0, maxPause},
		{99, time.Hour, maxPause, 0},
		{100, time.Hour, time.Minute, day - time.Hour},
		{1 << 30, 0, 0, day},
		{100, day, 0, 0},
		{50, day + time.Second, 0, 0},
		{1000, day + time.Second, 0, 0},
	} {
		if got := d.wait(c.failures, now.Add(-c.since), now.Add(-c.last), now); got != c.want {
			t.Errorf("%d failures since %v, the last %v ago: wait %v, want %v", c.failures, c.since, c.last, got, c.want)
		}
	}
}

func TestAnAccountSlowsAfterTenAndRestsAfterAHundred(t *testing.T) {
	if accountSlowdown != (slowdown{10, 100}) || deviceSlowdown != (slowdown{10, 100}) || peerSlowdown.after < accountSlowdown.after {
		t.Errorf("%v %v %v", accountSlowdown, deviceSlowdown, peerSlowdown)
	}
}
