package models_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

func TestSupportFindsCustomers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		sam := w.support(t)
		must(t, second(w.Store.AddCustomer(ctx, models.NewCustomer{Identifier: "zo2001-mdt", Name: "Zoé Élodie Dùrand", Email: "z@d.example", Language: "fr", TimeZone: "Europe/Paris"})))
		for typed, want := range map[string]string{
			"": "", "  ": "", "ad1001-mdt": cast.Alice, "AD1001": cast.Alice, "ad1": cast.Alice, "durand": cast.Alice + " zo2001-mdt", "elod dur": "zo2001-mdt", "Dùr": cast.Alice + " zo2001-mdt",
			cast.Velos: cast.David, "@" + cast.Velos: cast.David, "rh@" + cast.Garrigue: cast.Alice, "nobody.example": "", "%": "", "urand": "", "sam": "", "'": "", "du": "",
		} {
			list, more, err := w.Store.FindCustomers(ctx, sam, typed)
			must(t, err)
			var found []string
			for _, c := range list {
				found = append(found, c.Identifier)
			}
			if got := strings.Join(found, " "); got != want || more {
				t.Errorf("%q finds %q, want %q", typed, got, want)
			}
		}
		must(t, second(w.Store.DisableCustomer(ctx, "zo2001-mdt")))
		if list, _, err := w.Store.FindCustomers(ctx, sam, "durand"); err != nil || len(list) != 2 || list[0].Disabled || !list[1].Disabled {
			t.Errorf("%+v (%v)", list, err)
		}
		_, _, err := w.Store.FindCustomers(ctx, w.Alice, "durand")
		want(t, "a customer asks", err, notFound)
		name := "Alix Dupont"
		must(t, w.Store.ChangeProfile(ctx, w.Alice, models.Profile{Name: &name, Version: 1}))
		w.Exec(t, "DELETE FROM customer_words WHERE customer_id = (SELECT id FROM customers WHERE identifier = 'dn1004-mdt')")
		w.Exec(t, "UPDATE customers SET indexed = false WHERE identifier = 'dn1004-mdt'")
		must(t, w.Store.Sweep(ctx))
		for typed, want := range map[string]int{"alix": 1, "durand": 1, "nguyen": 1} {
			if list, _, err := w.Store.FindCustomers(ctx, sam, typed); err != nil || len(list) != want {
				t.Errorf("%q finds %+v (%v)", typed, list, err)
			}
		}
	})
}

// However many processes an agent asks, they look for customers so often only:
// the search and the form to act for somebody both tell who is there.
func TestAnAgentsSearchesAreBounded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Clock.Stop()
		ctx, sam := t.Context(), w.support(t)
		mia, _ := w.Agent(t, "mia-support", models.RoleAgent)
		throttled := models.Throttled{}
		for range models.MaxSearches {
			must(t, third(w.Store.FindCustomers(ctx, sam, "durand")))
		}
		for range 3 { // and another try makes the wait no longer
			w.Clock.Move(time.Minute)
			_, _, err := w.Store.FindCustomers(ctx, sam, "nguyen")
			if !errors.As(err, &throttled) {
				t.Fatalf("one search more: %v", err)
			}
		}
		if throttled.Wait != models.SearchFor-3*time.Minute {
			t.Errorf("the wait is %v", throttled.Wait)
		}
		_, err := w.Store.AskAssistance(ctx, sam, models.NewAssistance{Customer: "zz9999-mdt", Reason: modelstest.Reason, Ticket: modelstest.Ticket})
		var bad models.Invalid
		if !errors.As(err, &bad) || bad["customer"][0].Key != "assistance.refused.searches" {
			t.Errorf("by the form one is told more: %v", err)
		}
		must(t, third(w.Store.FindCustomers(ctx, sam, ""))) // nothing was looked for
		must(t, third(w.Store.FindCustomers(ctx, mia, "durand")))
		w.Clock.Move(throttled.Wait + time.Second)
		must(t, third(w.Store.FindCustomers(ctx, sam, "durand")))
	})
}

func TestManyProcessesSearchNoMoreThanOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	other := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now}))
	defer other.Close()
	sam := w.support(t)
	var found atomic.Int32
	var all sync.WaitGroup
	for i := range models.MaxSearches + 20 {
		all.Go(func() {
			store := []*models.Store{w.Store, other}[i%2]
			if _, _, err := store.FindCustomers(t.Context(), sam, "durand"); err == nil {
				found.Add(1)
			}
		})
	}
	if all.Wait(); found.Load() != models.MaxSearches {
		t.Errorf("%d searches, want %d", found.Load(), models.MaxSearches)
	}
}

// A surname that very many share hides nobody who is looked for by another word too.
func TestAFrequentNameHidesNobody(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const crowd = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 600) `
		w.Exec(t, "INSERT INTO customers (identifier, name, email, language, time_zone, created_at, indexed) "+crowd+
			"SELECT 'mz' || (3000 + i) || '-mdt', 'Ana Martinez', 'a@example.org', 'fr', 'UTC', (SELECT min(created_at) FROM customers), true FROM n")
		w.Exec(t, "INSERT INTO customer_words (word, customer_id) SELECT word, id FROM customers, (SELECT 'ana' AS word UNION SELECT 'martinez') AS words WHERE name = 'Ana Martinez'")
		must(t, second(w.Store.AddCustomer(t.Context(), models.NewCustomer{Identifier: "zo2001-mdt", Name: "Zoé Martinez", Email: "z@d.example", Language: "fr", TimeZone: "Europe/Paris"})))
		sam := w.support(t)
		list, more, err := w.Store.FindCustomers(t.Context(), sam, "martinez zoe")
		must(t, err)
		if len(list) != 1 || list[0].Identifier != "zo2001-mdt" || more {
			t.Errorf("%+v, more: %t", list, more)
		}
		if list, more, err := w.Store.FindCustomers(t.Context(), sam, "martinez"); err != nil || len(list) != 20 || !more {
			t.Errorf("%d found, more: %t (%v)", len(list), more, err)
		}
		w.Exec(t, "DELETE FROM customers WHERE name = 'Ana Martinez'") // of whom the history knows nothing
	})
}
