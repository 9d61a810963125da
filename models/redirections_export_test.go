package models_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/policy"
)

// exportedRedirections are the addresses that an export hands out.
func (w *world) exportedRedirections(t *testing.T, token, domain, search string) ([]string, error) {
	t.Helper()
	var addresses []string
	err := w.Store.ExportRedirections(t.Context(), token, domain, search, func() error { return nil }, func(r *models.Redirection) error {
		addresses = append(addresses, r.Readable())
		return nil
	})
	return addresses, err
}

// manyRedirections fills a service with more than one batch: r1000@ and so on.
func (w *world) manyRedirections(t *testing.T, domain string) {
	t.Helper()
	w.Exec(t, "UPDATE services SET max_redirections = 2000")
	w.Exec(t, `INSERT INTO redirections (service_id, local_part, address, keep_copy, created_at)
		WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1519)
		SELECT s.id, 'r' || n.i, 'r' || n.i || '@' || s.domain, false, s.created_at FROM n, services s WHERE s.domain = '`+domain+`'`)
	w.Exec(t, `INSERT INTO redirection_targets (redirection_id, target, outside)
		SELECT r.id, 'x@elsewhere.example', true FROM redirections r JOIN services s ON s.id = r.service_id WHERE s.domain = '`+domain+`' AND r.local_part LIKE 'r1%'`)
}

func TestAnExportOfRedirectionsIsTheWholeListInItsOrder(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.manyRedirections(t, cast.Garrigue)
		must(t, w.redirect(t, cast.Garrigue, "*", "info@garrigue.example"))
		token, a := w.signIn(t, cast.Bruno).Token, w.service(t, w.Bruno, cast.Garrigue)
		for _, search := range []string{"", "r10", "elsewhere", "marketing", "ghost"} {
			all, err := w.exportedRedirections(t, token, cast.Garrigue, search)
			must(t, err)
			var listed []string
			for q := (models.RedirectionQuery{Search: search, Size: 100}); ; {
				list := got[*models.RedirectionList](t)(w.Store.Redirections(t.Context(), w.Bruno, a, q))
				for _, r := range list.Items {
					listed = append(listed, r.Readable())
				}
				if q.After = list.Next; q.After == "" {
					break
				}
			}
			if !slices.Equal(all, listed) {
				t.Errorf("%q: %d in the export, %d in the list, or in another order", search, len(all), len(listed))
			}
			if search == "" && len(all) != 524 {
				t.Errorf("%d in all", len(all))
			}
		}
	})
}

func TestAnExportOfRedirectionsIsForWhoeverReachesAll(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for who, outcome := range map[string]string{cast.Alice: done, cast.Bruno: done, cast.Chloe: forbidden(policy.Export), cast.David: notFound, cast.Emma: notFound} {
			some, err := w.exportedRedirections(t, w.signIn(t, who).Token, cast.Garrigue, "")
			want(t, who, err, outcome)
			if outcome != done && len(some) > 0 {
				t.Errorf("%s gets %q", who, some)
			}
		}
		want(t, "nobody", second(w.exportedRedirections(t, "", cast.Garrigue, "")), signedOut)
	})
}

// Session and right are asked for anew with each batch: the first is out already, and no more follows.
func TestAnExportOfRedirectionsEndsWithTheRight(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.manyRedirections(t, cast.Garrigue)
		share := int64(w.Int(t, fmt.Sprintf("SELECT id FROM grants WHERE kind = 'service' AND grantee_id = %d", w.Bruno.Customer)))
		alice, bruno := w.signIn(t, cast.Alice), w.signIn(t, cast.Bruno)
		for _, c := range []struct {
			who   string
			token string
			end   func() error
			err   error
		}{
			{cast.Alice, alice.Token, func() error { return w.Store.SignOut(t.Context(), &alice.Session) }, models.ErrSignedOut},
			{cast.Bruno, bruno.Token, func() error { return second(w.Store.Revoke(t.Context(), w.Alice, share)) }, models.ErrNotFound},
		} {
			n := 0
			err := w.Store.ExportRedirections(t.Context(), c.token, cast.Garrigue, "", c.end, func(*models.Redirection) error { n++; return nil })
			if !errors.Is(err, c.err) || n != 500 {
				t.Errorf("%s: %d, then %v", c.who, n, err)
			}
		}
	})
}
