package models_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// recorder keeps the last statement that reached the database, with its arguments.
type recorder struct {
	mu   sync.Mutex
	sql  string
	args []any
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sql, r.args = q.SQL, slices.DeleteFunc(slices.Clone(q.Args), func(a any) bool {
		switch a.(type) {
		case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID: // how, not what
			return true
		}
		return false
	})
	return ctx
}

func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// crowd makes a service of Alice's with 15,000 accounts and one with 5,000, some
// of them held by Chloé; all customers hold something, as in a true installation.
const crowd = "crowd.example"

func (w *world) crowd(t *testing.T) {
	t.Helper()
	for _, domain := range []string{crowd, "crowd2.example"} {
		must(t, second(w.Store.AddService(t.Context(), models.NewService{Domain: domain, Owner: cast.Alice})))
	}
	for _, q := range []string{
		`SET session_replication_role = replica`, // without triggers and references, for speed
		`UPDATE services SET max_accounts = 1000000, max_bytes = 1000000000000000 WHERE domain LIKE 'crowd%'`,
		`INSERT INTO customers (identifier, name, email, language, time_zone, created_at) SELECT 'zz' || n || '-mdt', 'Somebody', 'a@example.org', 'fr', 'UTC', now() FROM generate_series(1, 5000) n`,
		`INSERT INTO sessions (token_hash, customer_id, data, user_agent, peer, created_at, seen_at, expires_at)
			SELECT sha256(identifier::bytea), id, '', '', '', now(), now(), now() + interval '1 day' FROM customers WHERE identifier LIKE 'zz%'`,
		`INSERT INTO services (domain, owner_id, max_accounts, max_bytes, max_account_bytes, created_at)
			SELECT 'zz' || n || '.example', c.id, 100, 1000000000000, 5000000000, now() FROM generate_series(1, 5000) n JOIN customers c ON c.identifier = 'zz' || n || '-mdt'`,
		`INSERT INTO accounts (service_id, local_part, address, description, size_bytes, used_bytes, state, created_at)
			SELECT s.id, 'person' || n, 'person' || n || '@' || s.domain, 'Somebody ' || n % 100, 1000000000, n % 1000 * 1000000, CASE WHEN n % 50 = 0 THEN 'blocked' ELSE 'active' END, now()
			FROM services s, generate_series(1, 15000) n WHERE s.domain LIKE 'crowd%' AND (n <= 5000 OR s.domain = 'crowd.example') ORDER BY n % 977, s.id`,
		`INSERT INTO addresses (address, service_id, kind) SELECT address, service_id, 'account' FROM accounts WHERE local_part LIKE 'person%'`,
		`INSERT INTO account_words (service_id, word, local_part, account_id) SELECT service_id, local_part, local_part, id FROM accounts WHERE local_part LIKE 'person%'`,
		`INSERT INTO account_words (service_id, word, local_part, account_id) SELECT service_id, 'somebody', local_part, id FROM accounts WHERE local_part LIKE 'person%'`,
		`INSERT INTO grants (kind, service_id, owner_id, account_id, domain, local_part, grantee_id, giver_id, extras, note, since)
			SELECT 'account', s.id, s.owner_id, a.id, s.domain, a.local_part, CASE WHEN a.id % 40 = 0 THEN (SELECT id FROM customers WHERE identifier = 'cl1003-mdt') ELSE c.id END, s.owner_id, 1, '', now()
			FROM accounts a JOIN services s ON s.id = a.service_id JOIN customers c ON c.identifier = 'zz' || (a.id % 5000 + 1) || '-mdt' WHERE s.domain LIKE 'crowd%'`,
		`INSERT INTO events (service_id, number, at, kind, class, owner_id, actor_id, account_id, object, detail)
			SELECT a.service_id, 1 + row_number() OVER (PARTITION BY a.service_id ORDER BY a.id), now(), 'account.created', 'mail', s.owner_id, s.owner_id, a.id, a.address, '{}'
			FROM accounts a JOIN services s ON s.id = a.service_id WHERE s.domain LIKE 'crowd%'`,
		`SET session_replication_role = origin`,
		`UPDATE services SET account_count = 15000, allotted_bytes = 15000000000000 WHERE domain = 'crowd.example'`,
		`VACUUM ANALYZE`,
	} {
		w.Exec(t, q)
	}
}

// The statements of the pages must touch what they show and no more: at 20,000
// accounts none reads a whole table that grows.
func TestNoPageReadsAWholeTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, modelstest.OnPostgres(t))
	w.crowd(t)
	r := &recorder{}
	s := got[*models.Store](t)(models.Open(t.Context(), models.Config{URL: w.URL, Clock: w.Clock.Now, Tracer: r}))
	defer s.Close()
	conn := got[*pgx.Conn](t)(pgx.Connect(t.Context(), w.URL))
	defer conn.Close(context.Background())
	for _, set := range []string{"SET search_path = panel, public", "SET jit = off"} {
		must(t, second(conn.Exec(t.Context(), set)))
	}
	own := w.signIn(t, cast.Alice)
	ctx, alice, chloe := t.Context(), own.Token, w.signIn(t, cast.Chloe).Token
	owned := w.service(t, w.Alice, crowd)
	account := w.account(t, w.Chloe, crowd, w.someHeld(t))
	accounts := func(token string, q models.AccountQuery) func() error {
		return func() error { return second(s.Accounts(ctx, token, crowd, q)) }
	}
	type page struct {
		what string
		read func() error
	}
	pages := []page{
		{"the session", func() error { return second(s.Session(ctx, alice)) }},
		{"one's sessions", func() error { return second(s.Sessions(ctx, own.Session.Actor())) }},
		{"a service", func() error { return second(s.Service(ctx, w.Alice, crowd)) }},
		{"an account of a delegate", func() error { return second(s.Account(ctx, w.Chloe, crowd, account.Account.LocalPart)) }},
		{"the grants of a service", func() error { return second(s.Grants(ctx, w.Alice, owned, models.GrantQuery{})) }},
		{"the grants of an account", func() error { return second(s.Grants(ctx, w.Chloe, account, models.GrantQuery{})) }},
		{"a grant", func() error { return second(s.Grant(ctx, w.Chloe, account.AccountGrant.ID)) }},
		{"shared services", func() error { return second(s.SharedServices(ctx, w.Chloe, models.ServiceQuery{})) }},
		{"own services", func() error { return second(s.OwnServices(ctx, w.Alice, models.ServiceQuery{})) }},
		{"the history of a service", func() error { _, _, err := s.History(ctx, w.Alice, owned, models.HistoryQuery{}); return err }},
		{"the history of a service, on", func() error {
			_, _, err := s.History(ctx, w.Alice, owned, models.HistoryQuery{Before: 5000})
			return err
		}},
		{"the history of an account", func() error {
			_, _, err := s.History(ctx, w.Alice, owned, models.HistoryQuery{Local: account.Account.LocalPart})
			return err
		}},
		{"a person's history", func() error { _, _, err := s.PersonHistory(ctx, w.Alice, models.HistoryQuery{}); return err }},
	}
	for who, token := range map[string]string{"the owner": alice, "a delegate": chloe} {
		for _, sort := range models.AccountSorts {
			cursor := "person5"
			if strings.HasSuffix(sort, "used") {
				cursor = "500000000.person5"
			}
			pages = append(pages,
				page{who + "'s list by " + sort, accounts(token, models.AccountQuery{Sort: sort})},
				page{who + "'s list by " + sort + ", on", accounts(token, models.AccountQuery{Sort: sort, After: cursor})},
				page{who + "'s list by " + sort + ", back", accounts(token, models.AccountQuery{Sort: sort, Before: cursor})},
				page{who + "'s search by " + sort, accounts(token, models.AccountQuery{Sort: sort, Search: "person77 some"})})
		}
		for _, status := range models.AccountStatuses[1:] {
			pages = append(pages, page{who + "'s list of " + status, accounts(token, models.AccountQuery{Status: status})})
		}
	}
	for _, p := range pages {
		must(t, p.read())
		sql, args := r.sql, r.args
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			must(t, second(conn.Exec(ctx, "SET plan_cache_mode = "+mode)))
			must(t, second(conn.Exec(ctx, "DEALLOCATE ALL")))
			must(t, second(conn.Exec(ctx, "PREPARE page AS "+sql, pgx.QueryExecModeSimpleProtocol)))
			plan := explain(t, conn, args)
			for _, table := range []string{"accounts", "account_words", "grants", "events", "customers", "sessions se"} {
				if strings.Contains(plan, "Seq Scan on "+table+" ") {
					t.Errorf("%s (%s) reads all of %s:\n%s", p.what, mode, table, plan)
				}
			}
		}
	}
}

// someHeld is an account of the crowd that Chloé holds.
func (w *world) someHeld(t *testing.T) (local string) {
	t.Helper()
	must(t, w.SQL.QueryRowContext(t.Context(), fmt.Sprintf("SELECT local_part FROM grants WHERE domain = '%s' AND grantee_id = %d ORDER BY id LIMIT 1", crowd, w.Chloe.Customer)).Scan(&local))
	return local
}

// explain is the plan of the prepared statement "page".
func explain(t *testing.T, conn *pgx.Conn, args []any) string {
	t.Helper()
	literals := make([]string, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case time.Time:
			literals[i] = "'" + a.Format(time.RFC3339Nano) + "'"
		case []byte:
			literals[i] = fmt.Sprintf(`'\x%x'`, a)
		case string:
			literals[i] = "'" + strings.ReplaceAll(a, "'", "''") + "'"
		case int, int64, bool:
			literals[i] = fmt.Sprint(a)
		default:
			literals[i] = fmt.Sprintf(`'\x%x'`, a) // a digest
		}
	}
	execute := "EXECUTE page"
	if len(literals) > 0 {
		execute += "(" + strings.Join(literals, ", ") + ")"
	}
	rows, err := conn.Query(t.Context(), "EXPLAIN "+execute, pgx.QueryExecModeSimpleProtocol)
	must(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("EXPLAIN %s: %v", execute, err)
	}
	return strings.Join(lines, "\n")
}
