package models_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/history"
	"example.org/mandat/models/modelstest"
)

// longHistory makes so many events without a hash, as an upgrade finds them: a
// tenth of them of no service, half of the others of one.
func longHistory(b *testing.B, w *modelstest.World, n int) {
	b.Helper()
	series, object := "generate_series(1, %d) AS x (n)", "jsonb_build_object('size', jsonb_build_object('before', n, 'after', n + 1), 'description', jsonb_build_object('before', 'Accueil', 'after', 'Accueil du cabinet'))"
	if w.Store.Embedded() {
		series = "(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < %d) SELECT n FROM c) AS x"
		object = "json_object('size', json_object('before', n, 'after', n + 1), 'description', json_object('before', 'Accueil', 'after', 'Accueil du cabinet'))"
	}
	w.Tamper(b,
		fmt.Sprintf(`INSERT INTO services (domain, owner_id, max_accounts, max_bytes, max_account_bytes, created_at)
			SELECT 'long' || n || '.example', 1, 100, 1000000000000, 5000000000, '2026-01-01 00:00:00+00:00' FROM `+series, 1000),
		fmt.Sprintf(`INSERT INTO events (service_id, number, at, kind, class, owner_id, actor_id, account_id, object, detail)
			SELECT s.id, row_number() OVER (PARTITION BY s.id ORDER BY n), '2026-01-01 00:00:00+00:00', 'account.changed', 'mail', 1, 1, n, 'contact' || n || '@' || s.domain, %s
			FROM (SELECT n, 'long' || CASE WHEN n %% 2 = 0 THEN 1 ELSE n %% 999 + 2 END || '.example' AS domain FROM `+series+`) x JOIN services s ON s.domain = x.domain ORDER BY n`, object, n*9/10),
		fmt.Sprintf(`INSERT INTO events (at, kind, class, subject_id, object, detail) SELECT '2026-01-01 00:00:00+00:00', 'profile.password_set', 'self', 1, 'ad1001-mdt', '{}' FROM `+series, n/10))
	if !w.Store.Embedded() {
		w.Exec(b, "VACUUM ANALYZE events")
	}
}

const millionEntries = 1_000_000

// A million entries: chained as by an upgrade, verified (R: within 20 s on two
// cores), exported, and an export verified.
func BenchmarkHistoryOfAMillionEntries(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *modelstest.World{"postgres": modelstest.OnPostgres, "sqlite": modelstest.OnSQLite} {
		b.Run(name, func(b *testing.B) {
			w := open(b)
			longHistory(b, w, millionEntries)
			for b.Loop() {
				start := time.Now()
				if _, err := w.Store.ChainHistory(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(time.Since(start).Seconds(), "s/chained")
				start = time.Now()
				var v history.Verifier
				if err := w.Store.VerifyHistory(b.Context(), &v); err != nil {
					b.Fatal(err)
				}
				if r := v.Done(false); len(r.Faults) > 0 && r.Faults[0].Number > 1 || r.Entries < millionEntries { // the 1,001 services have no first entry of their own
					b.Fatalf("%d entries, %v", r.Entries, r.Faults)
				}
				b.ReportMetric(time.Since(start).Seconds(), "s/verified")
				start = time.Now()
				r, out := io.Pipe()
				go func() { _ = out.CloseWithError(w.Store.ExportHistory(b.Context(), "", out)) }()
				var other history.Verifier
				if err := history.ReadExport(r, &other); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(time.Since(start).Seconds(), "s/exported-and-verified")
			}
		})
	}
}

// What a change costs with its event, on a PostgreSQL that writes to the disk
// (R: median under 3 ms alone, 300 changes in a second or more by all).
func BenchmarkAuditedChange(b *testing.B) {
	server, err := modelstest.StartDurableServer(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Stop)
	w := newWorld(b, modelstest.OnServer(b, server))
	change := map[string]func(ctx context.Context, worker, n int) error{
		"service": func(ctx context.Context, worker, n int) error {
			domain, local := []string{cast.Garrigue, cast.Atelier}[worker%2], []string{"contact", "alice"}[worker%2]
			if n%2 == 0 {
				return w.Store.BlockAccount(ctx, w.Alice, domain, local)
			}
			return w.Store.UnblockAccount(ctx, w.Alice, domain, local)
		},
		"system": func(ctx context.Context, worker, n int) error {
			theme := []string{"dark", "light"}[n%2]
			return w.Store.ChangeProfile(ctx, []models.Actor{w.Alice, w.Bruno, w.Chloe, w.David}[worker%4], models.Profile{Theme: &theme})
		},
	}
	for what, counts := range map[string][]int{"service": {1, 2}, "system": {1, 4}} { // two services, each with an account that is blocked in turn
		for _, workers := range counts {
			b.Run(fmt.Sprintf("%s/%d", what, workers), func(b *testing.B) {
				var mu sync.Mutex
				var took []time.Duration
				start := time.Now()
				var all sync.WaitGroup
				for worker := range workers {
					all.Go(func() {
						for n := 0; n < b.N; n++ {
							begun := time.Now()
							if err := change[what](b.Context(), worker, n); err != nil {
								b.Error(err)
								return
							}
							mu.Lock()
							took = append(took, time.Since(begun))
							mu.Unlock()
						}
					})
				}
				all.Wait()
				b.StopTimer()
				slices.Sort(took)
				b.ReportMetric(float64(len(took))/time.Since(start).Seconds(), "changes/s")
				b.ReportMetric(took[len(took)/2].Seconds()*1000, "ms-median")
				b.ReportMetric(took[len(took)*95/100].Seconds()*1000, "ms-p95")
			})
		}
	}
}
