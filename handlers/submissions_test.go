package handlers_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"example.org/mandat/models/modelstest"
)

// oneClick is the only change that other sites may ask for: mail providers do,
// with the secret in its path (RFC 8058).
const oneClick = "POST /unsubscriptions/:token"

// No other site can make a browser change anything (R23).
func TestNoOtherSiteChangesAnything(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		host := strings.TrimPrefix(m.url, "http://")
		for _, to := range m.targets(t) {
			for _, headers := range [][]string{
				{"Origin", "https://evil.example"},
				{"Origin", "null"},
				{"Origin", "http://" + host + ".evil.example"},
				{"Origin", "http://127.0.0.1:1"},
				{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
				{"Sec-Fetch-Site", "cross-site"},
				{"Sec-Fetch-Site", "same-site"},
				{"Origin", "https://evil.example", "HX-Request", "true"},
			} {
				what := fmt.Sprintf("%s from %q", to.route(), headers)
				a := m.wire(t, to.by, http.MethodPost, to.at, formType, to.form.Encode(), headers...)
				if to.route() == oneClick {
					if !to.acts(a) {
						t.Errorf("%s: %d, and it may come from anywhere", what, a.status)
					}
					m.restore()
					continue
				}
				wantOurs(t, what, a, http.StatusForbidden)
			}
			m.was.wantSame(t, w, to.route()+" from other sites")
			for _, headers := range [][]string{{"Origin", m.url}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}, nil} {
				if a := m.wire(t, to.by, http.MethodPost, to.at, formType, to.form.Encode(), headers...); !to.acts(a) {
					t.Errorf("%s from %q: %d, and it is our own page", to.route(), headers, a.status)
				}
				m.restore()
			}
		}
	})
}

// unbound are the forms that need no submission: those of signing in and of a
// forgotten password, which have no session yet, and of a link or a sign-in that
// waits, which have a secret of their own.
var unbound = []string{"POST /session", "POST /session/factor", "POST /session/oidc", "POST /password-resets", "POST /password-links/:token"}

// A form acts once, and only for the session that it was shown in (R43).
func TestAFormIsOfItsSessionAndActsOnce(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) {
		m := newStage(t, w)
		for _, to := range m.targets(t) {
			if to.asks || slices.Contains(unbound, to.route()) {
				continue
			}
			real, other := to.form.Get("submission"), alice
			if to.by == alice {
				other = bruno
			}
			for what, submission := range map[string]string{
				"none": "", "nonsense": "nonsense", "that of another person": m.submission(t, other), "a longer one": real + "AAAA", "a shorter one": real[:len(real)-2],
				"another nonce": flip(real, 3), "another seal": flip(real, len(real)-3), "of zeros": strings.Repeat("A", len(real)), "in another alphabet": strings.Repeat("+/", len(real)/2), "of 100 kB": strings.Repeat("A", 100_000),
			} {
				a := m.wire(t, to.by, http.MethodPost, to.at, formType, with(to.form, "submission", submission).Encode())
				wantOurs(t, to.route()+" with the submission "+what, a, http.StatusUnprocessableEntity)
			}
			missing := with(to.form, "submission")
			delete(missing, "submission")
			wantOurs(t, to.route()+" without a submission", m.wire(t, to.by, http.MethodPost, to.at, formType, missing.Encode()), http.StatusUnprocessableEntity)
			m.was.wantSame(t, w, to.route()+" with forged submissions")

			if a := m.wire(t, to.by, http.MethodPost, to.at, formType, to.form.Encode()); !acts(a) {
				t.Fatalf("%s: %d %s", to.route(), a.status, a.text("main"))
			}
			once := rowsOf(t, w)
			for range 2 { // a double click, and Back
				if a := m.wire(t, to.by, http.MethodPost, to.at, formType, to.form.Encode()); !acts(a) {
					t.Errorf("%s sent again: %d %s", to.route(), a.status, a.text("main"))
				}
			}
			again := with(to.form, "description", "Encore autre chose") // what changed on the page Back led to
			if _, has := to.form["description"]; has {
				m.wire(t, to.by, http.MethodPost, to.at, formType, again.Encode())
			}
			once.wantSame(t, w, to.route()+" sent again")
			m.restore()
		}
	})
}

func flip(text string, at int) string {
	b := []byte(text)
	b[at] = map[bool]byte{true: 'B', false: 'A'}[b[at] == 'A']
	return string(b)
}
