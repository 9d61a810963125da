package models

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Failures are counted by subject: "account:<identifier>", "device:<hash>",
// "peer:<address>", "unknown:<customer id>", and with "reset-" before them for
// passwords that somebody forgot; "own:<identifier>" for proofs within a session;
// "code:<identifier>", "code-own:<identifier>" and "code-device:<hash>" for codes
// of an app; "searches:agent:<id>" for customers whom an agent looks for. A count
// begins anew when its window has passed since the first failure, and a success clears it.

// countFailures adds n failures of each subject and returns how many there are in the window.
func (tx *Tx) countFailures(subjects []string, n int, window time.Duration) (map[string]int, error) {
	args := make([]any, 0, 4*len(subjects)+2)
	for _, s := range subjects {
		args = append(args, s, n, tx.now, tx.now)
	}
	begin := tx.now.Add(-window)
	var list []struct {
		Subject  string
		Failures int
	}
	err := tx.scan(&list, "INSERT INTO throttles (subject, failures, since, last_at) VALUES "+tuples(len(subjects), 4)+`
		ON CONFLICT (subject) DO UPDATE SET
			failures = CASE WHEN throttles.since < ? THEN excluded.failures ELSE throttles.failures + excluded.failures END,
			since = CASE WHEN throttles.since < ? THEN excluded.since ELSE throttles.since END,
			last_at = excluded.last_at
		RETURNING subject, failures`, append(args, begin, begin)...)
	total := make(map[string]int, len(list))
	for _, t := range list {
		total[t.Subject] = t.Failures
	}
	return total, err
}

// A slowdown says from which failure on a subject must wait, and when no more is allowed within its window.
type slowdown struct {
	after int // failures that cost nothing
	most  int // in the window: then wait until it has passed
}

// Wrong passwords. An account slows after 10 from browsers it does not know and
// rests for the day after 100; a browser it knows counts apart, so that guesses
// of a stranger do not shut the owner out. A peer may be many people behind one address.
var (
	accountSlowdown = slowdown{after: 10, most: 100}
	deviceSlowdown  = slowdown{after: 10, most: 100}
	peerSlowdown    = slowdown{after: 50, most: 1000}

	// Wrong codes of an app: see the bounds in factors.go.
	codeSlowdown = slowdown{after: 5, most: 10}
)

// Passwords forgotten: each may be an email to somebody who asked for none.
var (
	resetSlowdown     = slowdown{after: 3, most: 10}
	resetPeerSlowdown = slowdown{after: 20, most: 200}
)

// throttleWindow is how long wrong passwords count.
const throttleWindow = 24 * time.Hour

// maxPause bounds the doubling pause between two attempts.
const maxPause = 15 * time.Minute

// wait is how long a subject with these failures has to wait at now.
func (d slowdown) wait(failures int, since, last, now time.Time) time.Duration {
	if now.Sub(since) > throttleWindow || failures < d.after {
		return 0
	}
	until := last.Add(min(maxPause, time.Second<<min(failures-d.after, 20)))
	if failures >= d.most {
		until = since.Add(throttleWindow)
	}
	return max(0, until.Sub(now))
}

// attempt counts an attempt against every subject before it is made, so that
// many at once do not slip through, or answers Throttled when one of them has
// to wait. Only a success takes it back: see succeeded.
func (s *Store) attempt(ctx context.Context, subjects map[string]slowdown) error {
	names := slices.Sorted(maps.Keys(subjects)) // one order for all, or two would wait for each other
	return s.retried(ctx, Actor{}, func(tx *Tx) error {
		var list []struct {
			Subject       string
			Failures      int
			Since, LastAt time.Time
		}
		if err := tx.scan(&list, "SELECT t.subject, t.failures, t.since, t.last_at FROM throttles t WHERE t.subject IN ? ORDER BY t.subject"+tx.forUpdate("t"), names); err != nil {
			return err
		}
		var wait time.Duration
		locked := make(map[string]bool, len(list))
		for _, t := range list {
			locked[t.Subject] = true
			wait = max(wait, subjects[t.Subject].wait(t.Failures, t.Since, t.LastAt, tx.now))
		}
		if wait > 0 {
			return Throttled{Wait: wait}
		}
		total, err := tx.countFailures(names, 1, throttleWindow)
		if err != nil {
			return err
		}
		for _, name := range names {
			// Of many first attempts at once none had a row to wait for.
			if !locked[name] && total[name] > subjects[name].after {
				return Throttled{Wait: time.Second}
			}
		}
		return nil
	})
}

// succeeded forgets the failures of what signed in, and takes back the attempt
// of the peer, which may be many people. The sweeper removes the rows.
func (tx *Tx) succeeded(subjects []string, peer string) error {
	// In the order of attempt, so that neither waits for the other.
	return tx.exec(`UPDATE throttles SET failures = CASE WHEN subject = ? THEN failures - 1 ELSE 0 END
		WHERE failures > 0 AND subject IN (SELECT t.subject FROM throttles t WHERE t.subject IN ? ORDER BY t.subject`+tx.forUpdate("t")+")",
		peer, append(slices.Clone(subjects), peer))
}
