package models_test

import (
	"errors"
	"fmt"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

// exported are the addresses that an export hands out.
func (w *world) exported(t *testing.T, token, domain string, q models.AccountQuery) ([]string, error) {
	t.Helper()
	var addresses []string
	err := w.Store.ExportAccounts(t.Context(), token, domain, q, func() error { return nil }, func(i *models.AccountItem) error {
		addresses = append(addresses, i.Address)
		return nil
	})
	return addresses, err
}

func TestAnExportIsTheWholeListInItsOrder(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		alice := w.signIn(t, cast.Alice)
		limit := 2000
		if err := w.Store.SetService(t.Context(), cast.Garrigue, models.ServiceLimits{MaxAccounts: &limit, MaxBytes: new(int64(2000 * models.GB))}); err != nil {
			t.Fatal(err)
		}
		for n := range 520 { // more than one batch
			got[*models.Account](t)(w.Store.CreateAccount(t.Context(), w.Actor(t, cast.Alice), cast.Garrigue, models.NewAccount{Local: fmt.Sprintf("serie%03d", n), SizeBytes: models.GB}))
		}
		for _, q := range []models.AccountQuery{{}, {Sort: "-address"}, {Sort: "-used"}, {Status: "blocked"}, {Search: "compta"}, {Size: 25, After: "contact"}} {
			all, err := w.exported(t, alice.Token, cast.Garrigue, q)
			if err != nil {
				t.Fatal(err)
			}
			var listed []string
			page := models.AccountQuery{Search: q.Search, Status: q.Status, Sort: q.Sort, Size: 100}
			for {
				list := got[*models.AccountList](t)(w.Store.Accounts(t.Context(), alice.Token, cast.Garrigue, page))
				for _, i := range list.Items {
					listed = append(listed, i.Address)
				}
				if page.After = list.Next; page.After == "" {
					break
				}
			}
			if fmt.Sprint(all) != fmt.Sprint(listed) {
				t.Errorf("%+v: %d in the export, %d in the list, or in another order", q, len(all), len(listed))
			}
		}
		var bad models.Invalid
		if _, err := w.exported(t, alice.Token, cast.Garrigue, models.AccountQuery{Search: "serie"}); !errors.As(err, &bad) {
			t.Errorf("a search that matches too many: %v", err)
		}
	})
}

func TestAnExportOfTheTickedHasTheseAndNoOthers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ticked := []string{"rh", "contact", "ghost", "accueil", "contact", "\x00", `","`, "", "Info"}
		for who, want := range map[string]string{
			cast.Alice: "[accueil@garrigue.example contact@garrigue.example rh@garrigue.example]",
			cast.Bruno: "[accueil@garrigue.example contact@garrigue.example rh@garrigue.example]",
			cast.Chloe: "[accueil@garrigue.example contact@garrigue.example]",
		} {
			token := w.signIn(t, who).Token
			if list, err := w.exported(t, token, cast.Garrigue, models.AccountQuery{Ticked: ticked}); fmt.Sprint(list) != want || err != nil {
				t.Errorf("%s: %v %v, want %s", who, list, err, want)
			}
			if list, err := w.exported(t, token, cast.Garrigue, models.AccountQuery{Ticked: []string{"ghost", "é"}}); len(list) != 0 || err != nil {
				t.Errorf("%s, of nothing: %v %v", who, list, err)
			}
		}
		_, err := w.exported(t, w.signIn(t, cast.David).Token, cast.Garrigue, models.AccountQuery{Ticked: ticked})
		if !errors.Is(err, models.ErrNotFound) {
			t.Errorf("David: %v", err)
		}
	})
}

func TestAnExportHasNothingBeyondReach(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		own, err := w.exported(t, w.signIn(t, cast.Chloe).Token, cast.Garrigue, models.AccountQuery{})
		if want := "[accueil@garrigue.example contact@garrigue.example]"; err != nil || fmt.Sprint(own) != want {
			t.Errorf("Chloé's: %v %v, want %s", own, err, want)
		}
		for _, who := range []string{cast.David, cast.Emma} {
			if some, err := w.exported(t, w.signIn(t, who).Token, cast.Garrigue, models.AccountQuery{}); !errors.Is(err, models.ErrNotFound) || len(some) > 0 {
				t.Errorf("%s: %v %v", who, some, err)
			}
		}
	})
}

// The right is asked for anew with each batch: a session that ends meanwhile ends the export.
func TestAnExportEndsWithTheSession(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.lists(t)
		alice := w.signIn(t, cast.Alice)
		err := w.Store.ExportAccounts(t.Context(), alice.Token, lists, models.AccountQuery{}, func() error {
			return w.Store.SignOut(t.Context(), &alice.Session)
		}, func(*models.AccountItem) error { return nil })
		if err != nil && !errors.Is(err, models.ErrSignedOut) {
			t.Fatal(err)
		}
		if some, err := w.exported(t, alice.Token, lists, models.AccountQuery{}); !errors.Is(err, models.ErrSignedOut) || len(some) > 0 {
			t.Errorf("%d accounts and %v for a session that has ended", len(some), err)
		}
	})
}
