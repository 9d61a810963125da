package handlers

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/time/rate"
)

// Limit is how many requests a session may make, and a peer that has none: so
// many a second, and Burst at once. The zero Limit is none.
type Limit struct {
	Rate  float64
	Burst int
}

// tooMany refuses a request beyond the limit. Of one whose session was met
// before it is known that somebody is signed in.
type tooMany struct {
	wait time.Duration
	met  bool
}

func (t tooMany) Error() string { return fmt.Sprintf("too many requests: wait %v", t.wait) }

// maxBuckets bounds the memory of a limiter: who was not seen for so many others
// begins anew. A bucket is about 200 octets.
const maxBuckets = 20_000

// limiter counts requests of one process, in memory: it keeps a flood from what
// costs, and is no throttle of guesses, which are counted in the database.
type limiter struct {
	Limit

	mu         sync.Mutex
	young, old map[string]*rate.Limiter // those seen since young began, and those before
}

func newLimiter(l Limit) *limiter {
	return &limiter{Limit: l, young: map[string]*rate.Limiter{}}
}

// bucket is that of a key, nil for one that was not met. With make it is.
func (l *limiter) bucket(key string, make bool) *rate.Limiter {
	b := l.young[key]
	if b != nil {
		return b
	}
	if b = l.old[key]; b == nil && make {
		b = rate.NewLimiter(rate.Limit(l.Rate), l.Burst)
	}
	if b == nil {
		return nil
	}
	if len(l.young) >= maxBuckets/2 {
		l.old, l.young = l.young, map[string]*rate.Limiter{}
	}
	l.young[key] = b
	return b
}

// take counts a request of a session that was met, or else of its peer.
func (l *limiter) take(session, peer string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b *rate.Limiter
	if session != "" {
		b = l.bucket(session, false)
	}
	met := b != nil
	if !met {
		b = l.bucket(peer, true)
	}
	if b.AllowN(now, 1) {
		return nil
	}
	missing := 1 - b.TokensAt(now)
	return tooMany{wait: time.Duration(missing / l.Rate * float64(time.Second)), met: met}
}

// meet gives a session, which is one, a bucket of its own.
func (l *limiter) meet(session string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bucket(session, true)
}

// limit refuses requests beyond the limit before they cost anything. Each
// session has its own, however many share an address; but what says that it is
// one counts as its peer's until the database has known it, or a new cookie for
// each request would be no limit at all.
func (h *Handlers) limit(l *limiter) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			path := c.Request().URL.Path
			if strings.HasPrefix(path, "/static/") || path == alivePath || path == readyPath {
				return next(c)
			}
			session := ""
			if token := h.sessions.token(c.Request()); token != "" {
				sum := sha256.Sum256([]byte(token))
				session = "s" + string(sum[:16])
			}
			if err := l.take(session, "p"+peerOf(c.RealIP()), h.store.Now()); err != nil {
				return err
			}
			err := next(c)
			if session != "" && sessionOf(c) != nil {
				l.meet(session)
			}
			return err
		}
	}
}

// peerOf is what of an address is one peer: of IPv6 the network, whose addresses
// are all one subscriber's.
func peerOf(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	if a = a.Unmap(); a.Is6() {
		if network, err := a.Prefix(64); err == nil {
			return network.String()
		}
	}
	return a.String()
}
