package handlers_test

import (
	"html"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// Whoever tries to sign in learns nothing about who exists (R18): not byte for
// byte, and not by when they are made to wait.
func TestSigningInTellsNobodyWhoExists(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		const without = "wp7001-mdt" // who has not set a password yet
		if _, err := s.Store.AddCustomer(t.Context(), models.NewCustomer{Identifier: without, Name: "W", Email: "w@p.example", Language: "fr", TimeZone: "Europe/Paris"}); err != nil {
			t.Fatal(err)
		}
		var first [2]string
		for _, identifier := range []string{"zz9999-mdt", cast.Alice, cast.Emma, strings.ToUpper(cast.Chloe), without, cast.Sam, "nobody-support", "not an identifier", "<b>"} {
			v := s.visit(t)
			s.Exec(t, "DELETE FROM throttles")
			wrong := v.post("/session", signIn(identifier, "wrong-password-here"))
			s.Exec(t, "UPDATE throttles SET failures = 40 WHERE subject LIKE 'account:%'")
			soon := v.post("/session", signIn(identifier, "wrong-password-here"))
			if wrong.status != http.StatusUnprocessableEntity || soon.status != http.StatusTooManyRequests {
				t.Fatalf("%q: %d, then %d", identifier, wrong.status, soon.status)
			}
			soon.header.Del("Retry-After") // seconds, which pass
			typed := html.EscapeString(identifier)
			got := [2]string{strings.ReplaceAll(withoutChance(wrong), typed, "…"), strings.ReplaceAll(withoutChance(soon), typed, "…")}
			if first[0] == "" {
				first = got
			}
			if got != first {
				t.Errorf("a guess at %q is answered\n%q\nand at somebody who is not there\n%q", identifier, got, first)
			}
		}
	})
}

// BenchmarkSigningIn measures whether time tells who exists: the medians of
// wrong guesses at somebody and at nobody, and the chance that of two guesses
// the slower is the one at somebody (AUC; 0.5 tells nothing).
func BenchmarkSigningIn(b *testing.B) {
	w := modelstest.OnPostgres(b)
	s := newSite(b, w)
	guess := func(identifier string) time.Duration {
		w.Exec(b, "DELETE FROM throttles")
		v := s.visit(b)
		began := time.Now()
		if a := v.post("/session", signIn(identifier, "wrong-password-here")); a.status != http.StatusUnprocessableEntity {
			b.Fatal(a.status)
		}
		return time.Since(began)
	}
	var known, unknown []time.Duration
	for b.Loop() {
		for range 50 {
			if rand.IntN(2) == 0 { // in no order, or the collector of garbage would favour one
				known, unknown = append(known, guess(cast.Alice)), append(unknown, guess("zz9999-mdt"))
			} else {
				unknown, known = append(unknown, guess("zz9999-mdt")), append(known, guess(cast.Alice))
			}
		}
	}
	slower := 0
	for _, k := range known {
		for _, u := range unknown {
			if k > u {
				slower++
			}
		}
	}
	median := func(list []time.Duration) float64 {
		slices.Sort(list)
		return list[len(list)/2].Seconds() * 1000
	}
	b.ReportMetric(median(known), "ms/known")
	b.ReportMetric(median(unknown), "ms/unknown")
	b.ReportMetric(median(known)-median(unknown), "ms/difference")
	b.ReportMetric(float64(slower)/float64(len(known)*len(unknown)), "AUC")
}
