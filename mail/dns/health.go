package dns

import (
	"context"
	"sync"
	"time"
)

// Bounds of what is kept and of what is asked at once. A report is asked for
// anew after freshFor at the earliest, and is worth asking for anew by itself
// after staleAfter; so many checks run at once, so many more wait.
const (
	freshFor   = 30 * time.Second
	staleAfter = 15 * time.Minute
	keptFor    = 24 * time.Hour
	maxKept    = 1000
	maxRunning = 4
	maxWaiting = 60
)

// Health keeps what was found last, in memory, and has domains looked at
// without anybody waiting for longer than they want. Its methods are safe for
// concurrent use.
type Health struct {
	check func(context.Context, string) []Finding
	now   func() time.Time

	mu      sync.Mutex
	reports map[string]Report
	flights map[string]chan struct{} // closed at the end, by domain
	running chan struct{}
}

// NewHealth keeps what c finds; now is the clock that reports are judged by.
func NewHealth(c *Checker, now func() time.Time) *Health {
	return &Health{
		check: c.Check, now: now,
		reports: map[string]Report{}, flights: map[string]chan struct{}{}, running: make(chan struct{}, maxRunning),
	}
}

// Last is what was found last, if it is known, and whether it is worth looking
// again. It never waits; what is worth it is begun.
func (h *Health) Last(domain string) (r Report, known, stale bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r, known = h.last(domain)
	stale = !known || h.now().Sub(r.At) >= staleAfter
	if stale {
		h.begin(domain)
	}
	return r, known, stale
}

// Look is what is found now, or was found a moment ago. It waits until ctx ends
// at most: then it is what was found before, if that is known, and not current.
func (h *Health) Look(ctx context.Context, domain string) (r Report, known, current bool) {
	h.mu.Lock()
	r, known = h.last(domain)
	if known && h.now().Sub(r.At) < freshFor {
		h.mu.Unlock()
		return r, true, true
	}
	end := h.begin(domain)
	h.mu.Unlock()
	if end == nil {
		return r, known, false
	}
	select {
	case <-end:
	case <-ctx.Done():
		return r, known, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	before := r.At
	r, known = h.last(domain)
	return r, known, known && (r.At.After(before) || h.now().Sub(r.At) < freshFor)
}

// last is what is kept of a domain. The lock is held.
func (h *Health) last(domain string) (Report, bool) {
	r, known := h.reports[domain]
	if known && h.now().Sub(r.At) >= keptFor {
		delete(h.reports, domain)
		return Report{}, false
	}
	return r, known
}

// begin has a domain looked at, unless it is being looked at. It returns what
// ends with that; nil if too much is asked at once. The lock is held.
func (h *Health) begin(domain string) <-chan struct{} {
	if end, flies := h.flights[domain]; flies {
		return end
	}
	if len(h.flights) >= maxRunning+maxWaiting {
		return nil
	}
	end := make(chan struct{})
	h.flights[domain] = end
	go func() {
		defer close(end)
		findings := h.run(domain)
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.flights, domain)
		if findings != nil {
			h.keep(Report{Domain: domain, At: h.now(), Findings: findings})
		}
	}()
	return end
}

// run looks when it is its turn; nil if that did not come in time.
func (h *Health) run(domain string) []Finding {
	turn := time.NewTimer(reportTimeout)
	defer turn.Stop()
	select {
	case h.running <- struct{}{}:
		defer func() { <-h.running }()
	case <-turn.C:
		return nil
	}
	return h.check(context.Background(), domain)
}

// keep keeps a report, and no more than so many. The lock is held.
func (h *Health) keep(r Report) {
	if _, there := h.reports[r.Domain]; !there && len(h.reports) >= maxKept {
		oldest, at := "", r.At
		for domain, kept := range h.reports {
			if oldest == "" || kept.At.Before(at) {
				oldest, at = domain, kept.At
			}
		}
		delete(h.reports, oldest)
	}
	h.reports[r.Domain] = r
}
