package modelstest

import (
	"testing"
	"time"
)

// Await waits for something that happens elsewhere, in another process, in a job,
// at the end of a pipe: limit at most, which is long enough for a busy machine.
func Await(t testing.TB, limit time.Duration, what string, happened func() bool) {
	t.Helper()
	late := time.After(limit)
	for !happened() {
		select {
		case <-late:
			t.Fatalf("not within %v: %s", limit, what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
