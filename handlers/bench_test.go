package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"example.org/mandat/handlers/ceiling"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// The benchmarks ask for pages as 16 sessions at once would, against a big world
// and one 1,000 times smaller, and against package ceiling, all in one run and
// in turn: on a shared machine only the ratios mean something.
//
//	accounts page     100,000 accounts in one service
//	services page     10,000 services of one customer
//	permission        1,000,000 grants
const (
	bigAccounts = 100_000
	bigServices = 10_000
	holdersEach = 10 // of every account of the big service: 1,000,000 grants
	smaller     = 1_000
)

// seedWorlds adds to the cast a big and a small world of the same shape: the
// owners bo1-mdt and so1-mdt, whose services are many.big/many.small and lists of others.
func seedWorlds(b *testing.B, w *modelstest.World) {
	b.Helper()
	for _, size := range []struct {
		name               string
		accounts, services int
		owner              string
	}{{"big", bigAccounts, bigServices, "bo1-mdt"}, {"small", bigAccounts / smaller, bigServices / smaller, "so1-mdt"}} {
		for _, q := range []string{
			`INSERT INTO customers (identifier, name, email, language, time_zone, password_hash, created_at)
				SELECT '%[4]s', 'Owner', 'o@example.test', 'en', 'Europe/Paris', (SELECT password_hash FROM customers WHERE identifier = 'ad1001-mdt'), now()`,
			`INSERT INTO customers (identifier, name, email, language, time_zone, created_at)
				SELECT 'h%[5]s' || i || '-mdt', 'Holder', 'h@example.test', 'en', 'Europe/Paris', now() FROM generate_series(1, 1000) i`,
			`INSERT INTO services (domain, owner_id, max_accounts, max_bytes, max_account_bytes, created_at)
				SELECT CASE i WHEN 0 THEN 'many.%[1]s.example' ELSE 's' || i || '.%[1]s.example' END, (SELECT id FROM customers WHERE identifier = '%[4]s'), 10000000, 9e18::bigint, 5e9::bigint, now()
				FROM generate_series(0, %[3]d - 1) i`,
			`INSERT INTO accounts (service_id, local_part, address, description, size_bytes, used_bytes, created_at)
				SELECT (SELECT id FROM services WHERE domain = 'many.%[1]s.example'), n, n || '@many.%[1]s.example', 'Person ' || i, 5e9::bigint, (i * 7919 %% 5000)::bigint * 1000000, now()
				FROM (SELECT i, (ARRAY['anna','ben','carla','david','emma','felix'])[1 + i %% 6] || '.' || i AS n FROM generate_series(1, %[2]d) i) x`,
			`INSERT INTO account_words (service_id, word, local_part, account_id)
				SELECT service_id, split_part(local_part, '.', 1), local_part, id FROM accounts WHERE address LIKE '%%@many.%[1]s.example'`,
			`UPDATE services SET account_count = %[2]d, allotted_bytes = %[2]d * 5e9::bigint WHERE domain = 'many.%[1]s.example'`,
			`INSERT INTO grants (kind, service_id, owner_id, account_id, domain, local_part, grantee_id, giver_id, extras, note, since)
				SELECT 'account', a.service_id, s.owner_id, a.id, s.domain, a.local_part, (SELECT min(id) FROM customers WHERE identifier LIKE 'h%[5]s%%') + (a.id * 31 + k * 97) %% 1000, s.owner_id, 1, '', now()
				FROM accounts a JOIN services s ON s.id = a.service_id, generate_series(1, %[6]d) k WHERE s.domain = 'many.%[1]s.example'`,
		} {
			w.Exec(b, fmt.Sprintf(q, size.name, size.accounts, size.services, size.owner, size.name[:1], holdersEach))
		}
	}
	w.Exec(b, "VACUUM ANALYZE")
}

// panel is a panel with a signed-in session, asked without a network.
type panel struct {
	handler http.Handler
	cookie  string
}

func (p panel) get(b testing.TB, path string) int {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Cookie", p.cookie)
	rec := httptest.NewRecorder()
	p.handler.ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		b.Fatalf("%s: %d", path, rec.Code)
	}
	return rec.Body.Len()
}

// sessions is how many ask at once.
const sessions = 16

// rate is how many times a second fn can be done by all sessions together.
func rate(fn func(i int)) float64 {
	var done atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range sessions {
		wg.Go(func() {
			for time.Since(began) < 300*time.Millisecond {
				fn(int(done.Add(1)))
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}

// sideBySide measures each in turn and back again, b.N times, and reports the
// median ratio of the first to each of the others.
func sideBySide(b *testing.B, names []string, fns ...func(i int)) {
	b.Helper()
	ratios := make([][]float64, len(fns))
	rates := make([][]float64, len(fns))
	for range max(b.N, 5) {
		round := make([]float64, len(fns))
		for i, fn := range fns {
			round[i] += rate(fn)
		}
		for i := len(fns) - 1; i >= 0; i-- {
			round[i] += rate(fns[i])
		}
		for i := range fns {
			ratios[i] = append(ratios[i], round[0]/round[i])
			rates[i] = append(rates[i], round[i]/2)
		}
	}
	median := func(v []float64) float64 { slices.Sort(v); return v[len(v)/2] }
	for i, name := range names {
		b.ReportMetric(median(rates[i]), name+"/s")
		if i > 0 {
			b.ReportMetric(median(ratios[i]), "of_"+name)
		}
	}
}

func BenchmarkPages(b *testing.B) {
	w := modelstest.OnPostgres(b)
	seedWorlds(b, w)
	s := newSite(b, w)
	pool, err := pgxpool.New(context.Background(), w.URL)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	sign := func(identifier string) panel {
		v := s.as(b, identifier)
		u, _ := url.Parse(s.url)
		var cookie string
		for _, c := range v.client.Jar.Cookies(u) {
			if c.Name == "mandat" {
				cookie = c.String()
			}
		}
		return panel{handler: s.handler, cookie: cookie}
	}
	big, small := sign("bo1-mdt"), sign("so1-mdt")
	least := panel{handler: ceiling.New(pool), cookie: big.cookie}
	cursor := func(i int) string {
		return []string{"anna.5", "ben.3", "carla.71", "david.2", "emma.4", "felix.1"}[i%6]
	}
	accounts := func(p panel, domain string) func(int) {
		return func(i int) { p.get(b, "/services/"+domain+"/emails?after="+cursor(i)) }
	}

	b.Run("accounts", func(b *testing.B) {
		sideBySide(b, []string{"page", "small_world", "ceiling"},
			accounts(big, "many.big.example"), accounts(small, "many.small.example"), accounts(least, "many.big.example"))
	})
	b.Run("services", func(b *testing.B) {
		sideBySide(b, []string{"page", "small_world"},
			func(int) { big.get(b, "/services?after=s5.big.example") }, func(int) { small.get(b, "/services?after=s5.small.example") })
	})
	b.Run("permission", func(b *testing.B) {
		holder := func(like string) func(int) {
			var id int64
			if err := w.SQL.QueryRow("SELECT min(id) FROM customers WHERE identifier LIKE $1", like).Scan(&id); err != nil {
				b.Fatal(err)
			}
			actor := w.Actor(b, cast.Alice)
			return func(i int) {
				actor := actor
				actor.Customer = id + int64(i%1000)
				domain := "many." + map[byte]string{'b': "big", 's': "small"}[like[1]] + ".example"
				_, _ = w.Store.Account(context.Background(), actor, domain, cursor(i))
			}
		}
		sideBySide(b, []string{"big_world", "small_world"}, holder("hb%"), holder("hs%"))
	})
	for _, one := range []struct {
		name string
		get  func(i int)
	}{{"accounts_alone", accounts(big, "many.big.example")}, {"ceiling_alone", accounts(least, "many.big.example")}, {"services_alone", func(int) { big.get(b, "/services") }}} {
		b.Run(one.name, func(b *testing.B) {
			b.ReportAllocs()
			w.Count.Take()
			for i := 0; b.Loop(); i++ {
				one.get(i)
			}
			b.ReportMetric(float64(len(w.Count.Take()))/float64(b.N), "statements/op")
		})
	}
	b.Run("bytes", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n = big.get(b, "/services/many.big.example/emails")
		}
		b.ReportMetric(float64(n), "B/page")
	})
}
