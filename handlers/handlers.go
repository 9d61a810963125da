// Package handlers is HTTP in, page out.
//
// routes.go is the map of the product: each line has a method, a path, the
// policy entry that decides who may come in, and the handler. A handler loads
// as the actor, binds, acts, refuses, answers; what is true is decided in
// package models, and errors.go is the one place that makes a status of an error.
package handlers

import (
	"cmp"
	"context"
	"encoding/gob"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"

	"example.org/mandat/mail/dns"
	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/models/webauthn"
	"example.org/mandat/static"
	"example.org/mandat/views"
)

// Config is what the handlers need to know.
type Config struct {
	Store          *models.Store
	Log            *slog.Logger
	Origin         *url.URL       // how browsers reach the panel; https makes cookies Secure
	Security       *slog.Logger   // hears what is about security, whatever the level of Log; nil: Log
	TrustedProxies []netip.Prefix // whose X-Forwarded-For counts
	Middleware     []echo.MiddlewareFunc
	Limit          Limit        // of requests; zero is none
	TimeZone       string       // of staff, while they act for nobody; "" is UTC
	DNS            *dns.Checker // looks at what domains publish; nil for nobody
	SignOn         *SignOn      // by OpenID Connect; nil: nobody signs in that way
	Gallery        http.Handler // shows every page in every state under /_gallery; nil for none

	Stopping context.Context // ends when the process is to: streams end then; nil is never
}

// Handlers are the handlers of all routes.
type Handlers struct {
	store    *models.Store
	log      *slog.Logger
	security *slog.Logger // what is about security, whatever the level of log
	secure   bool
	sessions *sessionStore
	site     *webauthn.Site   // whom passkeys are made for; nil: none are
	dns      *dns.Health      // nil: nobody looks at what domains publish
	signOn   *SignOn          // nil: nobody signs in at a provider
	files    map[string]int64 // what a file may weigh that is sent to a path, in bytes
	oneClick map[string]bool  // paths that other sites may post to
	streamed map[string]bool  // the paths of streams
	looked   map[string]bool  // the paths of pages that show what is a customer's
	places   places           // where pages can be asked for
	timeZone string           // of staff
	streams  streams
}

// requestTimeout bounds every request, the wait for the database included.
const requestTimeout = 10 * time.Second

// fileTimeout is requestTimeout for a request with a file: 10 MB at 1 Mbit/s take 80 s.
const fileTimeout = 2 * time.Minute

// maxBody bounds what a form may send, in bytes, beside a file where one is taken.
const maxBody = 1 << 20

// New makes the panel. An error names a route without a valid policy entry.
func New(cfg Config) (*echo.Echo, error) {
	gob.Register(views.Flash{})
	h := &Handlers{store: cfg.Store, log: cfg.Log, security: cmp.Or(cfg.Security, cfg.Log), secure: cfg.Origin.Scheme == "https", streamed: map[string]bool{}, looked: map[string]bool{}}
	if h.streams.stopping = cfg.Stopping; cfg.Stopping == nil {
		h.streams.stopping = context.Background()
	}
	h.sessions, h.signOn, h.timeZone = newSessionStore(cfg.Store, h.secure), cfg.SignOn, cmp.Or(cfg.TimeZone, "UTC")
	if site, err := webauthn.NewSite(cfg.Origin, "Mandat", models.ChallengeFor); err == nil {
		h.site = site
	} else {
		h.log.Info("passkeys are not offered: browsers make them for names alone", "origin", cfg.Origin.String())
	}
	if cfg.DNS != nil {
		h.dns = dns.NewHealth(cfg.DNS, cfg.Store.Now)
	}

	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = peerBehind(cfg.TrustedProxies)
	e.HTTPErrorHandler = h.fail
	compressed, err := compression()
	if err != nil {
		return nil, err
	}
	e.Use(compressed, h.identify, h.logRequests, h.recoverPanics) // errors are answered within the log, so compression is around it
	e.Use(cfg.Middleware...)
	e.Use(h.harden, h.bound, h.speak)
	if cfg.Limit.Rate > 0 {
		e.Use(h.limit(newLimiter(cfg.Limit)))
	}
	e.Use(h.sameOrigin)

	e.GET("/static/*", echo.WrapHandler(static.Handler()))
	if cfg.Gallery != nil {
		e.GET("/_gallery*", echo.WrapHandler(http.StripPrefix("/_gallery", cfg.Gallery)))
	}
	h.files, h.oneClick, h.places = map[string]int64{}, map[string]bool{}, placesOf(h.routes())
	for _, r := range h.routes() {
		if r.file > 0 {
			h.files[r.Path] = r.file
		}
		if r.oneClick {
			h.oneClick[r.Path] = true
		}
		h.streamed[r.Path] = r.streams
		h.looked[r.Path] = r.acting || r.Policy.Class == policy.Object
		if !r.Policy.Valid() {
			return nil, fmt.Errorf("route %s %s has no valid policy entry", r.Method, r.Path)
		}
		e.Add(r.Method, r.Path, r.handler, h.admit(r))
	}
	return e, nil
}

// compression compresses pages. Its fastest levels cost a tenth of the page and
// make it nine times smaller; the second keeps the list of 25 addresses within its
// 6 kB whatever the random texts of a page are. The jitter hides the exact length, so that an
// answer which repeats what was asked tells nothing about the rest of it (BREACH);
// submissions differ on each page for the same reason.
func compression() (echo.MiddlewareFunc, error) {
	const second = gzip.BestSpeed + 1
	wrap, err := gzhttp.NewWrapper(gzhttp.CompressionLevel(second), gzhttp.MinSize(1024), gzhttp.RandomJitter(32, 0, false))
	if err != nil {
		return nil, err
	}
	return echo.WrapMiddleware(func(next http.Handler) http.Handler { return wrap(next) }), nil
}
