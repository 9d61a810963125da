package locale_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"example.org/mandat/views/locale"
)

func in(t testing.TB, lang string) *locale.Locale {
	t.Helper()
	return locale.From(locale.With(t.Context(), lang, nil))
}

func TestDefaultIsEnglishInUTC(t *testing.T) {
	l := locale.From(context.Background())
	if got := l.Lang() + " " + l.Time(time.Date(2026, 7, 1, 8, 0, 0, 0, time.FixedZone("", 7200))); got != "en 06:00" {
		t.Error(got)
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		want        string
		preferences []string
	}{
		{"en", nil},
		{"fr", []string{"fr"}},
		{"fr", []string{"fr-CA,fr;q=0.9,en;q=0.5"}},
		{"en", []string{"de-DE,de;q=0.9"}},
		{"fr", []string{"de, fr;q=0.3"}},
		{"en", []string{"en", "fr"}},
		{"fr", []string{"", "fr-FR", "en"}},
		{"fr", []string{"tlh-!!", "fr"}},
	} {
		if got := locale.Match(tt.preferences...); got != tt.want {
			t.Errorf("Match(%q) = %q, want %q", tt.preferences, got, tt.want)
		}
	}
}

func TestMissingKeyIsReturned(t *testing.T) {
	l := in(t, "fr")
	if got := l.T("no.such_key", "Who", "x"); got != "no.such_key" {
		t.Error(got)
	}
	if got := l.N("no.such_key", 2); got != "no.such_key" {
		t.Error(got)
	}
}

func TestArguments(t *testing.T) {
	l := in(t, "fr")
	want := "1–25 sur 1\u202f284"
	if got := l.T("common.range", "First", 1, "Last", 25, "Total", int64(1284)); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := l.T("common.range", "Total", "1\u202f284", "First", "1", "Last", "25"); got != want {
		t.Errorf("in another order: got %q, want %q", got, want)
	}
	if got := l.T("common.range", "First", "\uE002", "Last", 25, "Total", 1284); got != "\uE002–25 sur 1\u202f284" {
		t.Errorf("a value that looks like a mark: got %q", got)
	}
}

func TestPlurals(t *testing.T) {
	for lang, want := range map[string]map[int64]string{
		"en": {0: "0 results", 1: "1 result", 2: "2 results", 1_000_000: "1,000,000 results"},
		"fr": {0: "0 résultat", 1: "1 résultat", 2: "2 résultats", 1_000_000: "1\u202f000\u202f000 de résultats"},
	} {
		for n, w := range want {
			if got := in(t, lang).N("common.results", n); got != w {
				t.Errorf("%s: N(%d) = %q, want %q", lang, n, got, w)
			}
		}
	}
}

func TestNumbersAndSizes(t *testing.T) {
	en, fr := in(t, "en"), in(t, "fr")
	for n, want := range map[int64][2]string{
		0:           {"0", "0"},
		999:         {"999", "999"},
		1284:        {"1,284", "1\u202f284"},
		-1234567:    {"-1,234,567", "-1\u202f234\u202f567"},
		100_000_000: {"100,000,000", "100\u202f000\u202f000"},
	} {
		if got := [2]string{en.Number(n), fr.Number(n)}; got != want {
			t.Errorf("Number(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64][2]string{
		0:                     {"0\u00a0GB", "0\u00a0Go"},
		512:                   {"512\u00a0B", "512\u00a0o"},
		1000:                  {"1\u00a0kB", "1\u00a0ko"},
		1500:                  {"1.5\u00a0kB", "1,5\u00a0ko"},
		410_000_000:           {"410\u00a0MB", "410\u00a0Mo"},
		999_999_999:           {"1\u00a0GB", "1\u00a0Go"},
		4_706_000_000:         {"4.71\u00a0GB", "4,71\u00a0Go"},
		5_050_000_000:         {"5.05\u00a0GB", "5,05\u00a0Go"},
		5_000_000_000:         {"5\u00a0GB", "5\u00a0Go"},
		1_200_000_000_000_000: {"1,200\u00a0TB", "1\u202f200\u00a0To"},
		-2_500_000:            {"-2.5\u00a0MB", "-2,5\u00a0Mo"},
	} {
		if got := [2]string{en.Size(n), fr.Size(n)}; got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestDatesAreInTheReadersZone(t *testing.T) {
	zone := time.FixedZone("CET", 3600)
	last := time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC)
	fr := locale.From(locale.With(t.Context(), "fr", zone))
	en := in(t, "en")
	for _, tt := range [][2]string{
		{fr.Date(last), "1er janv. 2027"},
		{fr.DateTime(last), "1er janv. 2027 à 00\u202fh\u202f30"},
		{fr.DateInput(last), "2027-01-01"},
		{en.Date(last), "31 Dec 2026"},
		{en.DateTime(last), "31 Dec 2026, 23:30"},
		{en.DateTime(time.Time{}) + en.Date(time.Time{}) + en.Time(time.Time{}) + en.DateInput(time.Time{}), ""},
	} {
		if tt[0] != tt[1] {
			t.Errorf("got %q, want %q", tt[0], tt[1])
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	l := in(t, "en")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			if got, want := l.T("common.error_title", "Title", i), "Error: "+strconv.Itoa(i); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
	wg.Wait()
}

func BenchmarkT(b *testing.B) {
	l := in(b, "fr")
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			l.T("common.save")
		}
	})
	b.Run("arguments", func(b *testing.B) {
		for b.Loop() {
			l.T("common.range", "First", "1", "Last", "25", "Total", "1 284")
		}
	})
}

func BenchmarkN(b *testing.B) {
	l := in(b, "fr")
	for b.Loop() {
		l.N("common.results", 1284)
	}
}
