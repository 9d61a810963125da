package handlers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/views/locale"
)

// identify gives each request a reference that its log line and an error page share.
func (h *Handlers) identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderXRequestID, rand.Text()[:12])
		return next(c)
	}
}

func reference(c echo.Context) string { return c.Response().Header().Get(echo.HeaderXRequestID) }

// logRequests writes one line for each request: no query, no form, no cookie.
// Where somebody asked for what they may not, it is about security.
func (h *Handlers) logRequests(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		err := next(c)
		if err != nil {
			c.Error(err)
		}
		level, status := slog.LevelInfo, c.Response().Status
		if status >= 500 {
			level = slog.LevelError
		}
		attrs := []slog.Attr{
			slog.String("request", reference(c)), slog.String("method", c.Request().Method), slog.String("route", c.Path()),
			slog.Int("status", status), slog.Int64("bytes", c.Response().Size), slog.Duration("took", time.Since(began)), slog.String("peer", c.RealIP()),
		}
		if s := sessionOf(c); s != nil {
			attrs = append(attrs, slog.String("person", s.Identifier))
		}
		if err != nil && status >= 400 {
			attrs = append(attrs, slog.String("error", err.Error()))
		}
		log := h.log
		if deniedTo(sessionOf(c), err) {
			log, level = h.security, slog.LevelWarn
		}
		log.LogAttrs(c.Request().Context(), level, "request", attrs...)
		return nil
	}
}

// deniedTo says whether a request failed for want of a right, or was none that a
// page of ours sends. What is not there is what is out of reach, for somebody who
// is signed in; strangers look for what no panel has, all day.
func deniedTo(s *models.Session, err error) bool {
	for _, denied := range []error{errForeignOrigin, errMalformed, errStaff, errActingSelf, errActingCustomer, models.ErrAssistanceEnded} {
		if errors.Is(err, denied) {
			return true
		}
	}
	return errors.As(err, new(models.Forbidden)) || errors.As(err, new(models.Throttled)) || s != nil && errors.Is(err, models.ErrNotFound)
}

// recoverPanics makes a panic an error of ours.
func (h *Handlers) recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if r := recover(); r != nil {
				if r == http.ErrAbortHandler {
					panic(r) // net/http's own way to end a connection
				}
				h.log.Error("panic", "request", reference(c), "panic", r, "stack", string(debug.Stack()))
				err = fmt.Errorf("panic: %v", r)
			}
		}()
		return next(c)
	}
}

// The headers of every answer (R24). Nothing inline and nothing from elsewhere
// is ever allowed, so that no page can bring its own script.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func (h *Handlers) harden(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Set("Content-Security-Policy", contentSecurityPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
		if h.secure {
			header.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		if !strings.HasPrefix(c.Request().URL.Path, "/static/") {
			header.Set("Cache-Control", "no-store")
			header.Set("Vary", "Cookie, Accept-Language, HX-Request")
		}
		return next(c)
	}
}

// bound limits time and size.
func (h *Handlers) bound(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		limit := requestTimeout
		if h.bodyLimit(c) > maxBody { // as long as a slow line needs, and the server would allow any other request
			limit = fileTimeout
			until := http.NewResponseController(c.Response())
			_ = errors.Join(until.SetReadDeadline(h.store.Now().Add(fileTimeout)), until.SetWriteDeadline(h.store.Now().Add(fileTimeout+requestTimeout))) // else the server's own stay
		}
		if h.streamed[c.Path()] {
			limit += streamTime
		}
		ctx, cancel := context.WithTimeout(models.Watch(c.Request().Context()), limit)
		defer cancel()
		c.SetRequest(c.Request().WithContext(ctx))
		c.Request().Body = http.MaxBytesReader(c.Response(), c.Request().Body, h.bodyLimit(c))
		err := next(c)
		// An error page is still to be written, in the locale of this context.
		c.SetRequest(c.Request().WithContext(context.WithoutCancel(c.Request().Context())))
		return err
	}
}

// bodyLimit is how much a request may send: a file more than a form, as a browser sends one.
func (h *Handlers) bodyLimit(c echo.Context) int64 {
	if strings.HasPrefix(c.Request().Header.Get(echo.HeaderContentType), echo.MIMEMultipartForm) {
		return maxBody + h.files[c.Path()]
	}
	return maxBody
}

// speak sets the language before anybody is signed in: the cookie, else what the browser prefers.
func (h *Handlers) speak(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		setLocale(c, locale.Match(h.chosen(c, langCookie), c.Request().Header.Get("Accept-Language")), time.UTC)
		return next(c)
	}
}

func setLocale(c echo.Context, lang string, zone *time.Location) {
	c.SetRequest(c.Request().WithContext(locale.With(c.Request().Context(), lang, zone)))
}

// sameOrigin refuses changes that another site asks for (R23), but for the one
// that a secret in its path allows. A proxy must hand on the Host.
func (h *Handlers) sameOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	protection := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		if err := protection.Check(c.Request()); err != nil && !h.oneClick[c.Path()] {
			return errors.Join(errForeignOrigin, err)
		}
		return next(c)
	}
}

// What a request knows of its session, and whether the page asked by itself.
const (
	sessionKey = "session"
	pollKey    = "poll"
)

// peerBehind reads the address of the peer: that of the connection, or what
// proxies of these networks say in X-Forwarded-For, from the right.
func peerBehind(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		options = append(options, echo.TrustIPRange(&net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}
