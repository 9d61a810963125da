package dns

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// watch is a Health whose checks last until they are let go, with a clock that a
// test moves.
type watch struct {
	*Health
	asked atomic.Int32
	let   chan struct{}

	mu    sync.Mutex
	clock time.Time
}

func newWatch() *watch {
	w := &watch{let: make(chan struct{}), clock: time.Date(2026, time.November, 22, 14, 30, 0, 0, time.UTC)}
	w.Health = NewHealth(&Checker{}, func() time.Time {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.clock
	})
	w.check = func(context.Context, string) []Finding {
		n := w.asked.Add(1)
		<-w.let
		return []Finding{{Record: MX, Status: OK, Detail: fmt.Sprint(n)}}
	}
	return w
}

func (w *watch) move(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestNobodyWaitsForWhatIsKnownOrNotYetKnown(t *testing.T) {
	w := newWatch()
	if _, known, stale := w.Last("a.example"); known || !stale {
		t.Error("known before anybody looked")
	}
	if _, known, current := w.Look(soon(t), "a.example"); known || current {
		t.Error("known before the end")
	}
	close(w.let)
	if r, known, current := w.Look(t.Context(), "a.example"); !known || !current || r.Domain != "a.example" || r.Findings[0].Detail != "1" {
		t.Errorf("%+v %v %v", r, known, current)
	}
	if _, known, stale := w.Last("a.example"); !known || stale {
		t.Error("not known, or stale at once")
	}
	if n := w.asked.Load(); n != 1 {
		t.Errorf("asked %d times for one domain", n)
	}
}

func TestADomainIsAskedAboutAgainAfterAMoment(t *testing.T) {
	w := newWatch()
	close(w.let)
	w.Look(t.Context(), "a.example")
	for _, c := range []struct {
		after time.Duration
		want  string
	}{{freshFor - time.Second, "1"}, {time.Second, "2"}, {freshFor, "3"}} {
		w.move(c.after)
		if r, _, current := w.Look(t.Context(), "a.example"); r.Findings[0].Detail != c.want || !current {
			t.Errorf("%s later: %+v", c.after, r)
		}
	}
	w.move(staleAfter)
	w.let = make(chan struct{})
	if r, known, stale := w.Last("a.example"); !known || !stale || r.Findings[0].Detail != "3" {
		t.Errorf("%+v %v %v", r, known, stale)
	}
	if r, known, current := w.Look(soon(t), "a.example"); !known || current || r.Findings[0].Detail != "3" {
		t.Errorf("what was known is gone: %+v %v %v", r, known, current)
	}
	close(w.let)
	w.Look(t.Context(), "a.example")
	w.move(keptFor)
	w.let = make(chan struct{})
	if _, known, _ := w.Last("a.example"); known {
		t.Error("kept for ever")
	}
	close(w.let)
}

func TestWhatRunsWaitsAndIsKeptIsBounded(t *testing.T) {
	w := newWatch()
	for i := range 2 * (maxRunning + maxWaiting) {
		w.Last(fmt.Sprintf("d%d.example", i))
	}
	if _, _, current := w.Look(t.Context(), "late.example"); current {
		t.Error("one too many was looked at")
	}
	for w.asked.Load() < maxRunning {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(10 * time.Millisecond)
	if n := w.asked.Load(); n != maxRunning {
		t.Errorf("%d at once", n)
	}
	close(w.let)
	for i := range maxRunning + maxWaiting {
		if _, _, current := w.Look(t.Context(), fmt.Sprintf("d%d.example", i)); !current {
			t.Errorf("d%d was not looked at", i)
		}
	}
	for i := range maxKept + 10 {
		w.move(time.Millisecond)
		w.Look(t.Context(), fmt.Sprintf("e%d.example", i))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.reports); n != maxKept {
		t.Errorf("%d are kept", n)
	}
	if _, there := w.reports["e0.example"]; there {
		t.Error("the oldest is kept")
	}
}
