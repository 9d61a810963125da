// Package ceiling is the yardstick of `make bench`: the list of accounts as
// pgx and templ could serve it at best, with one statement for session,
// right and rows, and a page without frame, languages or headers. Nothing but
// benchmarks imports it.
package ceiling

import (
	"bytes"
	"crypto/sha256"
	"net/http"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Data is the page.
type Data struct {
	Domain, Next string
	Rows         []Row
}

// Row is an account.
type Row struct {
	ID                        int64
	Local, Description, State string
	Size, Used                int64
	Managers                  *string
}

const query = `WITH v AS (SELECT customer_id FROM panel.sessions WHERE token_hash = $1 AND expires_at > now()),
 d AS (SELECT s.id, s.domain FROM panel.services s, v WHERE s.domain = $2 AND (s.owner_id = v.customer_id
	OR EXISTS (SELECT 1 FROM panel.grants g WHERE g.grantee_id = v.customer_id AND g.domain = s.domain AND g.kind = 'service' AND g.ended_at IS NULL)))
 SELECT d.domain, a.id, a.local_part, a.description, a.size_bytes, a.used_bytes, a.state, a.managers FROM d LEFT JOIN LATERAL (
	SELECT a.id, a.local_part, a.description, a.size_bytes, a.used_bytes, a.state,
	(SELECT string_agg(h.identifier, ' ') FROM (SELECT c.identifier FROM panel.grants g JOIN panel.customers c ON c.id = g.grantee_id
		WHERE g.account_id = a.id AND g.kind = 'account' AND g.ended_at IS NULL ORDER BY g.id LIMIT 3) h) AS managers
	FROM panel.accounts a WHERE a.service_id = d.id AND a.local_part > $3 AND a.state <> 'deleting' ORDER BY a.local_part LIMIT 26) a ON true`

// New serves the list of any service at /services/{domain}/emails to the session in the cookie mandat.
func New(pool *pgxpool.Pool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /services/{domain}/emails", func(w http.ResponseWriter, r *http.Request) {
		d, err := read(r, pool)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		var b bytes.Buffer
		if err := Page(d).Render(r.Context(), &b); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(b.Bytes()) // the reader may have left
	})
	return mux
}

// size is how many rows a page has.
const size = 25

func read(r *http.Request, pool *pgxpool.Pool) (Data, error) {
	cookie, err := r.Cookie("mandat")
	if err != nil {
		return Data{}, err
	}
	hash := sha256.Sum256([]byte(cookie.Value))
	rows, err := pool.Query(r.Context(), query, hash[:], r.PathValue("domain"), r.FormValue("after"))
	if err != nil {
		return Data{}, err
	}
	defer rows.Close()
	d := Data{Rows: make([]Row, 0, size+1)}
	for rows.Next() {
		var a Row
		if err := rows.Scan(&d.Domain, &a.ID, &a.Local, &a.Description, &a.Size, &a.Used, &a.State, &a.Managers); err != nil {
			return Data{}, err
		}
		d.Rows = append(d.Rows, a)
	}
	if len(d.Rows) > size {
		d.Rows = d.Rows[:size]
		d.Next = d.Rows[size-1].Local
	}
	return d, rows.Err()
}
