package handlers

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/views"
	"example.org/mandat/views/locale"
)

// A submission is the hidden field of a form: a nonce, and its HMAC under a key
// of the session. It proves that the form was shown in this session
// without the server keeping anything until the form acts, and it differs on
// each page, so that a compressed answer tells nothing about it.
const (
	nonceSize = 16
	macSize   = 16
)

func newSubmission(key []byte) string {
	b := make([]byte, nonceSize, nonceSize+macSize)
	_, _ = rand.Read(b) // never fails: see crypto/rand
	return base64.RawURLEncoding.EncodeToString(append(b, submissionMAC(key, b)...))
}

func submissionMAC(key, nonce []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("submission"))
	mac.Write(nonce)
	return mac.Sum(nil)[:macSize]
}

// submissionNonce is the nonce of a submission of this session, nil for any other text.
func submissionNonce(s *models.Session, submission string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(submission)
	if err != nil || len(b) != nonceSize+macSize {
		return nil
	}
	if !hmac.Equal(b[nonceSize:], submissionMAC(s.FormKey, b[:nonceSize])) {
		return nil
	}
	return b[:nonceSize]
}

// form is what was sent, read strictly: known fields, each once, as text.
type form struct{ url.Values }

// readForm reads a form with just these fields, beside the submission. A field
// that may come several times ends with "…"; in one that ends with "≈", whose
// text others wrote, what is no text becomes U+FFFD. With "proof" may come what
// stands for it, "proof_passkey". Anything else malformed,
// doubled or foreign is errMalformed: it did not come from a page of ours.
func readForm(c echo.Context, fields ...string) (form, error) {
	r := c.Request()
	if t, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); err != nil || t != echo.MIMEApplicationForm {
		return form{}, errMalformed
	}
	if err := r.ParseForm(); err != nil {
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return form{}, errTooLarge
		}
		return form{}, errMalformed
	}
	for name, values := range r.PostForm {
		many, others := slices.Contains(fields, name+"…"), slices.Contains(fields, name+"≈")
		known := many || others || name == "submission" || slices.Contains(fields, name) || name == "proof_passkey" && slices.Contains(fields, "proof")
		if !known || !many && len(values) > 1 {
			return form{}, errMalformed
		}
		for i, v := range values {
			if others {
				values[i] = strings.ToValidUTF8(strings.ReplaceAll(v, "\x00", "\uFFFD"), "\uFFFD")
			} else if !plainText(v) {
				return form{}, errMalformed
			}
		}
	}
	return form{r.PostForm}, nil
}

// plainText says whether a text is valid UTF-8 without NUL, which PostgreSQL cannot keep.
func plainText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// sent reads a form of the session and who sends it. Its verbs then act once.
// A form of another session is refused as Invalid, so that what was typed comes
// back with a submission of this one.
func (h *Handlers) sent(c echo.Context, fields ...string) (form, models.Actor, error) {
	f, err := readForm(c, fields...)
	if err != nil {
		return f, models.Actor{}, err
	}
	by, err := h.submitted(c, f)
	return f, by, err
}

// end carries out what ends something, and must never fail because the form has
// acted before: a form that was sent already acts again, and says nothing.
func (h *Handlers) end(c echo.Context, path string, f views.Flash, verb func(models.Actor) error, fields ...string) error {
	_, by, err := h.sent(c, fields...)
	if err != nil {
		return err
	}
	if err = verb(by); errors.Is(err, models.ErrRepeated) {
		by.Nonce, f = nil, views.Flash{}
		err = verb(by)
	}
	return h.done(c, err, path, f)
}

// submitted is who sends a form that was read, by its submission.
func (h *Handlers) submitted(c echo.Context, f form) (models.Actor, error) {
	s := sessionOf(c)
	by := s.Actor()
	if by.Nonce = submissionNonce(s, f.Get("submission")); by.Nonce == nil {
		return by, models.Invalid{"": {{Key: "form.stale"}}}
	}
	return by, nil
}

// number reads a whole number of a form, 0 when it is none.
func (f form) number(name string) int {
	n, _ := strconv.Atoi(f.Get(name))
	return n
}

// passwordAgain refuses a password that was typed in two ways.
func (f form) passwordAgain() error {
	if f.Get("password") != f.Get("password_again") {
		return models.Invalid{"password_again": {{Key: "password.again.differs"}}}
	}
	return nil
}

// has says whether the field was on the form.
func (f form) has(name string) bool { return len(f.Values[name]) > 0 }

// parseGB reads a size in GB as people write it, in bytes: "5", "2.5" or "2,5".
func parseGB(text string) (int64, bool) {
	text = strings.Replace(strings.TrimSpace(text), ",", ".", 1)
	gb, err := strconv.ParseFloat(text, 64)
	if err != nil || gb < 0 || gb > 1e6 || strings.ContainsAny(text, "eExXpPiInN_") {
		return 0, false
	}
	return int64(gb*1000+0.5) * (models.GB / 1000), true
}

// parseDay reads the day on which an access ends, in the reader's zone: it ends
// with that day. "" is no end.
func parseDay(c echo.Context, text string) (*time.Time, bool) {
	if strings.TrimSpace(text) == "" {
		return nil, true
	}
	day, err := time.ParseInLocation(time.DateOnly, strings.TrimSpace(text), zoneOf(c))
	if err != nil {
		return nil, false
	}
	end := day.AddDate(0, 0, 1)
	return &end, true
}

func zoneOf(c echo.Context) *time.Location {
	if s := sessionOf(c); s != nil {
		if zone, err := time.LoadLocation(s.TimeZone); err == nil {
			return zone
		}
	}
	return time.UTC
}

// refused says whether err is a refusal of what was typed, and gives its texts
// in the reader's language.
func refused(c echo.Context, err error) (views.Errors, bool) {
	var bad models.Invalid
	if !errors.As(err, &bad) {
		return nil, false
	}
	l := locale.From(c.Request().Context())
	out := views.Errors{}
	for field, messages := range bad {
		for _, m := range messages {
			out[field] = append(out[field], views.MessageText(l, m))
		}
	}
	return out, true
}

// slowed says whether err is that too many attempts failed, and gives that as
// what is wrong with a field, the status of the answer, and when to try again.
func slowed(c echo.Context, err error, field string) (views.Errors, int, bool) {
	if !errors.As(err, new(models.Throttled)) {
		return nil, 0, false
	}
	p := problemOf(c, err)
	c.Response().Header().Set(echo.HeaderRetryAfter, strconv.Itoa(p.retry))
	return views.Errors{field: {t(c, "error.throttled.text", p.args...)}}, p.status, true
}

// statusFor is that of the answer to a form which err refuses.
func statusFor(c echo.Context, err error) int { return problemOf(c, err).status }

// done answers a form that has acted: the message f on the page at path. A form
// that had acted before leads to the same page, without doing or saying it again.
func (h *Handlers) done(c echo.Context, err error, path string, f views.Flash) error {
	if errors.Is(err, models.ErrRepeated) {
		return lead(c, path)
	}
	if err != nil {
		return err
	}
	if f.Text != "" {
		h.flash(c, f)
	}
	return lead(c, path)
}

// lead leads to the page at path: htmx would swap what a redirect leads to into
// the place of the form.
func lead(c echo.Context, path string) error {
	if isFragment(c) {
		c.Response().Header().Set("HX-Redirect", path)
		return c.NoContent(http.StatusOK)
	}
	return c.Redirect(http.StatusSeeOther, path)
}

// t is a text in the reader's language.
func t(c echo.Context, key string, args ...any) string {
	return locale.T(c.Request().Context(), key, args...)
}

// ok is a message that something was done.
func ok(c echo.Context, key string, args ...any) views.Flash {
	return views.Flash{Tone: "ok", Text: t(c, key, args...)}
}
