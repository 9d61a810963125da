package handlers

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// What people type, and what addresses bring: a size and a moment are shown as
// they are read again, a path to go on to stays on this site, and no submission
// is of a session but those that it was given.
func FuzzTyped(f *testing.F) {
	for _, text := range []string{
		"5", "2,5", " 0.001 ", "1e3", "+1", "-0", "1_0", "0x1", "1000000", "1,2.3", "2026-03-29T02:30", "2026-10-25T02:30", "2026-12-31", "9999-12-31", "0001-01-01 00:00", "2026-08-01T09:00:30", "2026-02-30",
		"/services?q=a", "//evil.example", "/\\evil.example", "/a\tb", "https://evil.example/", "/..//evil.example", "/%2f/evil.example", "/@evil.example", "/:x", "javascript:alert(1)", "/?next=//evil.example#//x", "/\u2028", "",
	} {
		f.Add(text, "Europe/Paris")
		f.Add(text, "Pacific/Apia")
	}
	key := []byte("the key of one session's forms")
	nonce := []byte("sixteen of these") // the same in every process of the fuzz
	submission := func(key []byte) string {
		return base64.RawURLEncoding.EncodeToString(append(slices.Clone(nonce), submissionMAC(key, nonce)...))
	}
	given := submission(key)
	f.Add(given, "UTC")
	f.Add(given+"\n", "UTC")
	f.Add(submission([]byte("another")), "UTC")
	s := &models.Session{FormKey: key}
	origin := &url.URL{Scheme: "https", Host: "panel.example.org", Path: "/sign-in"}
	f.Fuzz(func(t *testing.T, text, name string) {
		if size, ok := parseGB(text); ok {
			for _, lang := range locale.Languages() {
				l := locale.From(locale.With(t.Context(), lang, time.UTC))
				shown := views.StoredAccount(l, &models.Account{SizeBytes: size}).SizeGB
				if again, ok := parseGB(shown); !ok || again != size || size < 0 {
					t.Errorf("%q is %d, and shown as %q %d", text, size, shown, again)
				}
			}
		}
		if zone, err := time.LoadLocation(name); err == nil {
			l := locale.From(locale.With(t.Context(), "fr", zone))
			if at, ok := parseMoment(text, zone, false); ok && at != nil && at.Second() == 0 {
				if again, ok := parseMoment(l.DateTimeInput(*at), zone, false); !ok || !again.Equal(*at) {
					t.Errorf("%q in %s is %v, and shown as %q %v", text, name, at, l.DateTimeInput(*at), again)
				}
			}
		}
		to, err := url.Parse(sitePath(text))
		if err != nil {
			t.Fatal(err)
		}
		if led := origin.ResolveReference(to); led.Scheme != origin.Scheme || led.Host != origin.Host || led.User != nil || strings.ContainsAny(sitePath(text), "\\\r\n\t") {
			t.Errorf("%q leads to %s", text, led)
		}
		if got := submissionNonce(s, text); got != nil && !bytes.Equal(got, nonce) || text == given && got == nil {
			t.Errorf("%q was given to nobody", text)
		}
	})
}
