package handlers

import (
	"strconv"
	"testing"
	"time"
)

// However many peers come, the memory for them is bounded, and who comes often is not forgotten.
func TestTheLimiterIsBounded(t *testing.T) {
	l := newLimiter(Limit{Rate: 1, Burst: 3})
	now := time.Now()
	for range 3 {
		if err := l.take("", "often", now); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 * maxBuckets {
		_ = l.take("", strconv.Itoa(i), now)
		if i%1000 == 0 && l.take("", "often", now) == nil {
			t.Fatal("who came often is forgotten")
		}
		if n := len(l.young) + len(l.old); n > maxBuckets {
			t.Fatalf("%d are kept", n)
		}
	}
	if l.take("", "0", now) != nil {
		t.Error("who was long away does not begin anew")
	}
}
