package handlers

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"net/http"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/views"
)

// sessionStore keeps gorilla's sessions as rows: the cookie carries a random
// token, the row its hash. It is a [sessions.Store].
type sessionStore struct {
	store   *models.Store
	name    string
	options sessions.Options
}

func newSessionStore(store *models.Store, secure bool) *sessionStore {
	s := &sessionStore{store: store, name: "mandat", options: sessions.Options{
		Path: "/", HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode, MaxAge: int(models.SessionFor.Seconds()),
	}}
	if secure {
		s.name = "__Host-mandat" // browsers then insist on Secure, Path=/ and no Domain
	}
	return s
}

// token is the request's cookie, "" without one.
func (s *sessionStore) token(r *http.Request) string {
	c, err := r.Cookie(s.name)
	if err != nil || len(c.Value) > 64 {
		return ""
	}
	return c.Value
}

type sessionContextKey struct{}

// withSession keeps the row that the request has read already.
func withSession(r *http.Request, s *models.Session) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), sessionContextKey{}, s))
}

// Get is [sessions.Store].
func (s *sessionStore) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New is [sessions.Store]: the session of the request. A token that no live row
// has is never adopted.
func (s *sessionStore) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(s, name)
	options := s.options
	session.Options, session.IsNew = &options, true
	row, ok := r.Context().Value(sessionContextKey{}).(*models.Session)
	if !ok {
		var err error
		if row, err = s.store.Session(r.Context(), s.token(r)); errors.Is(err, models.ErrSignedOut) {
			return session, nil
		} else if err != nil {
			return session, err
		}
	}
	session.ID, session.IsNew = s.token(r), false
	if len(row.Data) == 0 {
		return session, nil
	}
	return session, gob.NewDecoder(bytes.NewReader(row.Data)).Decode(&session.Values)
}

// Save is [sessions.Store]. A negative MaxAge ends the session.
func (s *sessionStore) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	row, _ := r.Context().Value(sessionContextKey{}).(*models.Session)
	if session.Options.MaxAge < 0 {
		http.SetCookie(w, sessions.NewCookie(s.name, "", session.Options))
		if row == nil {
			return nil
		}
		return s.store.SignOut(r.Context(), row)
	}
	if session.IsNew {
		http.SetCookie(w, sessions.NewCookie(s.name, session.ID, session.Options))
		return nil
	}
	var data bytes.Buffer
	if len(session.Values) > 0 {
		if err := gob.NewEncoder(&data).Encode(session.Values); err != nil {
			return err
		}
	}
	return s.store.SaveSession(r.Context(), row.ID, append([]byte{}, data.Bytes()...))
}

// maxFlashes bounds what waits to be said: of more, the oldest are dropped.
const maxFlashes = 5

// flash says something on the next whole page. What it tells of is done: where
// the message cannot be kept, only the message is lost.
func (h *Handlers) flash(c echo.Context, f views.Flash) {
	if err := h.keepFlash(c, f); err != nil {
		h.log.Warn("a message is lost", "request", reference(c), "error", err)
	}
}

func (h *Handlers) keepFlash(c echo.Context, f views.Flash) error {
	session, err := h.sessions.Get(c.Request(), h.sessions.name)
	if err != nil {
		return err
	}
	waiting := session.Flashes()
	waiting = append(waiting, f)
	for _, w := range waiting[max(0, len(waiting)-maxFlashes):] {
		session.AddFlash(w)
	}
	return session.Save(c.Request(), c.Response())
}

// takeFlashes takes what waits to be said.
func (h *Handlers) takeFlashes(c echo.Context) ([]views.Flash, error) {
	if s := sessionOf(c); s == nil || len(s.Data) == 0 {
		return nil, nil
	}
	session, err := h.sessions.Get(c.Request(), h.sessions.name)
	if err != nil {
		return nil, err
	}
	var out []views.Flash
	for _, w := range session.Flashes() {
		if f, ok := w.(views.Flash); ok {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	return out, session.Save(c.Request(), c.Response())
}
