package handlers_test

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.org/mandat/handlers"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// limited is a panel behind a proxy that takes ten requests at once and one a second.
func limited(t *testing.T, w *modelstest.World) *site {
	w.Clock.Stop()
	return newSite(t, w, func(c *handlers.Config) {
		c.Limit = handlers.Limit{Rate: 1, Burst: 10}
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	})
}

// spend asks until the limit bites, and returns how many were answered.
func (v *visitor) spend(headers ...string) (answered int) {
	v.t.Helper()
	for answered = range 50 {
		if v.do(http.MethodGet, "/sign-in", nil, headers...).status == http.StatusTooManyRequests {
			return answered
		}
	}
	v.t.Fatal("nothing bites")
	return answered
}

func TestTooManyRequestsAreRefusedAndTakenAgain(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s = limited(t, s.World)
		const a, b = "203.0.113.7", "203.0.113.8"
		stranger := s.visit(t)
		stranger.lang = "fr"
		if n := stranger.spend("X-Forwarded-For", a); n != 10 {
			t.Errorf("%d were answered", n)
		}
		page := stranger.do(http.MethodGet, "/sign-in", nil, "X-Forwarded-For", a)
		if after, _ := strconv.Atoi(page.header.Get("Retry-After")); after < 1 || after > 2 {
			t.Errorf("Retry-After: %s", page.header.Get("Retry-After"))
		}
		if lang, _ := page.Find("html").Attr("lang"); lang != "fr" || page.text("h1") != "C’est trop rapide" || page.header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s: %s", lang, page.text("h1"))
		}
		part := stranger.do(http.MethodGet, "/sign-in", nil, "X-Forwarded-For", a, "HX-Request", "true")
		if part.status != http.StatusTooManyRequests || part.header.Get("HX-Retarget") != "#messages" || strings.Contains(part.body, "<html") {
			t.Errorf("a fragment: %d %q", part.status, part.body)
		}
		for _, path := range []string{"/healthz", "/readyz", "/static/icons.svg"} {
			if got := stranger.do(http.MethodGet, path, nil, "X-Forwarded-For", a); got.status == http.StatusTooManyRequests {
				t.Errorf("%s: %d", path, got.status)
			}
		}
		if got := stranger.do(http.MethodGet, "/sign-in", nil, "X-Forwarded-For", b); got.status != http.StatusOK {
			t.Errorf("another peer: %d", got.status)
		}
		s.Clock.Move(3 * time.Second)
		if n := stranger.spend("X-Forwarded-For", a); n != 3 {
			t.Errorf("after three seconds %d were answered", n)
		}
	})
}

// People who are signed in share an address and no limit; a cookie that is none
// is no way round it.
func TestASessionHasALimitOfItsOwn(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s = limited(t, s.World)
		const here = "203.0.113.9"
		alice, david := s.as(t, cast.Alice), s.as(t, cast.David)
		for _, v := range []*visitor{alice, david} { // each is met
			if got := v.do(http.MethodGet, "/services", nil, "X-Forwarded-For", here); got.status != http.StatusOK {
				t.Fatalf("%d", got.status)
			}
		}
		stranger := s.visit(t)
		if n := stranger.spend("X-Forwarded-For", here); n != 8 {
			t.Errorf("%d were answered", n)
		}
		for i := range 5 {
			stranger.carry("made-up-" + strconv.Itoa(i))
			if got := stranger.do(http.MethodGet, "/services", nil, "X-Forwarded-For", here); got.status != http.StatusTooManyRequests {
				t.Errorf("with a cookie of nobody: %d", got.status)
			}
		}
		if n := alice.spend("X-Forwarded-For", "203.0.113.10"); n != 10 { // wherever she is
			t.Errorf("%d of hers were answered", n)
		}
		if page := alice.do(http.MethodGet, "/services", nil, "X-Forwarded-For", here); page.status != http.StatusTooManyRequests || page.text("h1") == "" {
			t.Errorf("%d %s", page.status, page.text("h1"))
		}
		if got := david.do(http.MethodGet, "/services", nil, "X-Forwarded-For", here); got.status != http.StatusOK {
			t.Errorf("his neighbour: %d", got.status)
		}
		subscriber := s.visit(t)
		if n := subscriber.spend("X-Forwarded-For", "2001:db8:1:2::1"); n != 10 {
			t.Errorf("%d", n)
		}
		if got := subscriber.do(http.MethodGet, "/sign-in", nil, "X-Forwarded-For", "2001:db8:1:2:ffff::2"); got.status != http.StatusTooManyRequests {
			t.Errorf("another address of the same network: %d", got.status)
		}
	})
}
