package models_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/policy"
)

// TestMain lets the environment say how far the property tests go, as `make nightly` does.
func TestMain(m *testing.M) {
	set := func(name, value string) {
		if err := flag.Set(name, value); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	set("rapid.steps", "10")
	if n := os.Getenv("MANDAT_RAPID_CHECKS"); n != "" {
		set("rapid.checks", n)
	}
	if n := os.Getenv("MANDAT_RAPID_STEPS"); n != "" {
		set("rapid.steps", n)
	}
	modelstest.Run(m)
}

// world is a store with the cast, and the cast as actors.
type world struct {
	*modelstest.World
	Alice, Bruno, Chloe, David, Emma models.Actor

	seen map[string]int // of each domain: the last event told
}

func newWorld(t testing.TB, w *modelstest.World) *world {
	t.Helper()
	return &world{
		World: w, seen: map[string]int{},
		Alice: w.Actor(t, cast.Alice), Bruno: w.Actor(t, cast.Bruno), Chloe: w.Actor(t, cast.Chloe),
		David: w.Actor(t, cast.David), Emma: w.Actor(t, cast.Emma),
	}
}

// each runs a test on both databases, while time stands unless the test moves
// it, and then asks what must hold whatever was done.
func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	modelstest.Each(t, func(t *testing.T, mw *modelstest.World) {
		w := newWorld(t, mw)
		w.Clock.Stop()
		fn(t, w)
		w.Holds(t)
	})
}

// name is the identifier of one of the cast.
func (w *world) name(a models.Actor) string {
	return map[int64]string{
		w.Alice.Customer: cast.Alice, w.Bruno.Customer: cast.Bruno, w.Chloe.Customer: cast.Chloe, w.David.Customer: cast.David, w.Emma.Customer: cast.Emma,
	}[a.Customer]
}

// told lists what the history of a service gained since it was last asked, as "actor kind object subject".
func (w *world) told(t testing.TB, domain string) []string {
	t.Helper()
	rows, err := w.SQL.QueryContext(t.Context(), fmt.Sprintf(`SELECT e.number, COALESCE(a.identifier, '-'), e.kind, e.object, COALESCE(u.identifier, '')
		FROM events e JOIN services s ON s.id = e.service_id LEFT JOIN customers a ON a.id = e.actor_id LEFT JOIN customers u ON u.id = e.subject_id
		WHERE s.domain = '%s' AND e.number > %d ORDER BY e.number`, domain, w.seen[domain]))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var actor, kind, object, subject string
		n := w.seen[domain]
		if err := rows.Scan(&n, &actor, &kind, &object, &subject); err != nil {
			t.Fatal(err)
		}
		w.seen[domain] = n
		list = append(list, strings.TrimSpace(strings.Join([]string{actor, kind, object, subject}, " ")))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// wantTold compares what the history of Garrigue gained since it was last asked.
func (w *world) wantTold(t testing.TB, want ...string) {
	t.Helper()
	w.wantToldOf(t, cast.Garrigue, want...)
}

func (w *world) wantToldOf(t testing.TB, domain string, want ...string) {
	t.Helper()
	if got := w.told(t, domain); !slices.Equal(got, want) {
		t.Errorf("the history gained\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// request is a filled grant form.
func request(ticked policy.Extra, identifiers ...string) models.GrantRequest {
	return models.GrantRequest{Identifiers: identifiers, Ticked: ticked}
}

// share gives the whole of a service to one person and answers the grant.
func (w *world) share(t testing.TB, by models.Actor, domain, to string, ticked policy.Extra, until *time.Time) models.Grant {
	t.Helper()
	r := request(ticked, to)
	r.ExpiresAt = until
	return one(t)(w.Store.ShareService(t.Context(), by, domain, r))
}

// delegate gives one account to one person and answers the grant.
func (w *world) delegate(t testing.TB, by models.Actor, domain, local, to string, ticked policy.Extra, until *time.Time) models.Grant {
	t.Helper()
	r := request(ticked, to)
	r.ExpiresAt = until
	return one(t)(w.Store.DelegateAccount(t.Context(), by, domain, local, r))
}

// one is the only grant of a result.
func one(t testing.TB) func(*models.GrantResult, error) models.Grant {
	return func(r *models.GrantResult, err error) models.Grant {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Given) != 1 || len(r.Refused) != 0 {
			t.Fatalf("given %d, refused %v; want one grant", len(r.Given), r.Refused)
		}
		return r.Given[0]
	}
}

// in is an instant of the world's future.
func (w *world) in(d time.Duration) *time.Time {
	at := w.Store.Now().Add(d)
	return &at
}

// must fails the test on an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// got fails the test on an error and answers the value.
func got[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// outcome names an error for tables: "" for none, the refused fields with their keys, or the sentinel.
func outcome(err error) string {
	var forbidden models.Forbidden
	var bad models.Invalid
	var throttled models.Throttled
	switch {
	case err == nil:
		return ""
	case errors.As(err, &bad):
		return strings.TrimPrefix(bad.Error(), "refused: ")
	case errors.As(err, &forbidden):
		return "forbidden: " + string(forbidden.Operation)
	case errors.As(err, &throttled):
		return "throttled"
	}
	return err.Error()
}

// Outcomes that tables name.
const (
	done      = ""
	notFound  = "not found"
	signedOut = "signed out"
	repeated  = "this form has already acted"
	conflict  = "changed meanwhile"
	suspended = "the service is suspended"
	oldLink   = "link no longer valid"
)

func forbidden(op policy.Operation) string { return "forbidden: " + string(op) }

// want compares the outcome of what was tried.
func want(t testing.TB, what string, err error, outcomeWanted string) {
	t.Helper()
	if got := outcome(err); got != outcomeWanted {
		t.Errorf("%s: %s; want %s", what, orDone(got), orDone(outcomeWanted))
	}
}

func orDone(outcome string) string {
	if outcome == done {
		return "done"
	}
	return fmt.Sprintf("%q", outcome)
}

// nightly says that there are hours for the long tests.
func nightly() bool { return os.Getenv("MANDAT_NIGHTLY") != "" }
