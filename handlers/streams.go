package handlers

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/klauspost/compress/gzhttp"
	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
)

// Bounds of streams. A browser whose stream has ended asks for another; one that
// was refused asks for the page again and again instead.
const (
	streamTime     = 5 * time.Minute
	streamEvery    = 1500 * time.Millisecond // then everything is asked anew, rights as well
	streamBeat     = 10                      // times without news, then a sign for proxies to keep it
	streamWrite    = 10 * time.Second
	maxStreams     = 100 // of one process
	streamsOfOne   = 4   // of one person
	streamEnd      = "event: end\ndata:\n\n"
	streamSilently = ":\n\n"
)

// streams counts those that are open.
type streams struct {
	stopping context.Context

	mu   sync.Mutex
	all  int
	each map[who]int
}

// who is the person of a session, a customer or an agent, whomever they act for.
type who struct{ customer, agent int64 }

// take counts one more of a person, unless there are too many.
func (s *streams) take(of who) (release func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= maxStreams || s.each[of] >= streamsOfOne {
		return nil, false
	}
	if s.each == nil {
		s.each = map[who]int{}
	}
	s.all++
	s.each[of]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.each[of]--; s.each[of] == 0 {
			delete(s.each, of)
		}
	}, true
}

// stream answers with what look shows, again whenever that has changed, until it
// says that nothing more will come. Session and rights are asked about each time:
// when one of them has gone, the stream ends without a word. look makes its first
// refusals the answer.
func (h *Handlers) stream(c echo.Context, look func(context.Context, models.Actor) (part templ.Component, more bool, err error)) error {
	s := sessionOf(c)
	ctx := c.Request().Context()
	part, more, err := look(ctx, s.Actor())
	if err != nil {
		return err
	}
	release, ok := h.streams.take(who{s.CustomerID, s.AgentID})
	if !ok {
		return models.ErrBusy
	}
	defer release()
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, "text/event-stream")
	header.Set("X-Accel-Buffering", "no") // of nginx, which would wait for more
	header.Set(gzhttp.HeaderNoCompression, "1")
	c.Response().WriteHeader(http.StatusOK)

	token, shown := h.sessions.token(c.Request()), ""
	for silent := 0; ; silent++ {
		var b bytes.Buffer
		if err := part.Render(ctx, &b); err != nil {
			return err
		}
		news := ""
		switch is := b.String(); {
		case is != shown:
			shown, news = is, event(is)
		case silent >= streamBeat:
			news = streamSilently
		}
		if !more {
			news += streamEnd
		}
		if news != "" {
			if h.tell(c, news) != nil {
				return nil // nobody is there to be told
			}
			silent = 0
		}
		if !more {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-h.streams.stopping.Done():
			return nil
		case <-time.After(streamEvery):
		}
		if s, err = h.store.Session(ctx, token); err == nil {
			part, more, err = look(ctx, s.Actor())
		}
		if err != nil {
			return nil // signed out, or out of reach by now
		}
	}
}

// tell writes and waits until it has left.
func (h *Handlers) tell(c echo.Context, text string) error {
	to := http.NewResponseController(c.Response())
	_ = to.SetWriteDeadline(h.store.Now().Add(streamWrite)) // else the server's own stays
	if _, err := c.Response().Write([]byte(text)); err != nil {
		return err
	}
	return to.Flush()
}

// event is a text as a stream has it.
func event(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("data: " + strings.TrimRight(line, "\r\n") + "\n")
	}
	return b.String() + "\n"
}
