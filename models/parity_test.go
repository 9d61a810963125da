package models_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"example.org/mandat/models/modelstest"
)

// schema is what a database says of its own tables, in words that both can say:
// each thing by its name, with how it is made.
type schema map[string]string

func TestBothDatabasesHaveTheSameSchema(t *testing.T) {
	t.Parallel()
	postgres, sqlite := postgresSchema(t, modelstest.OnPostgres(t)), sqliteSchema(t, modelstest.OnSQLite(t))
	// Counted for each statement on PostgreSQL, and for each row on SQLite: see 00004_uploads.sql.
	for _, thing := range []string{"trigger redirection_counted_in", "trigger redirection_counted_out"} {
		for _, s := range []schema{postgres, sqlite} {
			s[thing], _, _ = strings.Cut(s[thing], " update ")
		}
	}
	// What the mail side writes, and is told: it has no embedded database.
	for _, thing := range []string{"trigger mailbox_use_begun", "trigger mailbox_use_kept", "trigger mailbox_use_of_somebody", "trigger list_message_told", "trigger list_request_told", "trigger event_never_truncated"} {
		if _, there := postgres[thing]; !there {
			t.Errorf("PostgreSQL has no %s", thing)
		}
		delete(postgres, thing)
	}
	for _, thing := range slices.Sorted(maps.Keys(postgres)) {
		if other, there := sqlite[thing]; !there {
			t.Errorf("SQLite has no %s: %s", thing, postgres[thing])
		} else if other != postgres[thing] {
			t.Errorf("%s is %q on PostgreSQL, %q on SQLite", thing, postgres[thing], other)
		}
		delete(sqlite, thing)
	}
	for _, thing := range slices.Sorted(maps.Keys(sqlite)) {
		t.Errorf("PostgreSQL has no %s: %s", thing, sqlite[thing])
	}
	if len(postgres) < 150 {
		t.Errorf("only %d things were compared", len(postgres))
	}
}

// collect reads rows of two texts, a name and what it is.
func (s schema) collect(t *testing.T, w *modelstest.World, query string) {
	t.Helper()
	rows, err := w.SQL.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, what string
		if err := rows.Scan(&name, &what); err != nil {
			t.Fatal(err)
		}
		s[name] = plain(what)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

var (
	casts   = regexp.MustCompile(`::[a-z]+(\[\])?`)
	anyOf   = regexp.MustCompile(`= any \(array\[([^\]]*)\]\)`)
	between = regexp.MustCompile(`(\w+) between (\S+) and`)
	spaces  = regexp.MustCompile(`[\s()]+`)
)

// plain takes away what only one of the two writes: casts, schema, case, brackets and spaces.
func plain(text string) string {
	text = casts.ReplaceAllString(strings.ToLower(text), "")
	text = anyOf.ReplaceAllString(text, "in ($1)")
	text = between.ReplaceAllString(text, "$1 >= $2 and $1 <=")
	text = strings.ReplaceAll(text, "panel.", "")
	text = strings.ReplaceAll(text, "select raise(abort, 'history is never altered');", "") // PostgreSQL's triggers refuse in their function
	return strings.TrimSpace(spaces.ReplaceAllString(text, " "))
}

func postgresSchema(t *testing.T, w *modelstest.World) schema {
	t.Helper()
	s := schema{}
	const ours = `n.nspname = 'panel' AND c.relname NOT LIKE 'river%' AND c.relname NOT LIKE 'goose%'`
	s.collect(t, w, `SELECT 'column ' || c.relname || '.' || a.attname,
		CASE format_type(a.atttypid, a.atttypmod) WHEN 'bigint' THEN 'integer' WHEN 'timestamp with time zone' THEN 'datetime' WHEN 'bytea' THEN 'blob' WHEN 'jsonb' THEN 'text'
			ELSE format_type(a.atttypid, a.atttypmod) END
		|| CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || CASE WHEN d.adbin IS NULL OR a.attgenerated <> '' THEN '' ELSE ' default ' || pg_get_expr(d.adbin, d.adrelid) END
		|| CASE WHEN a.attgenerated <> '' THEN ' generated' ELSE '' END
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
		WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'r' AND `+ours)
	s.collect(t, w, `SELECT 'index ' || i.relname, CASE WHEN x.indisunique THEN 'unique ' ELSE '' END || c.relname || ' '
		|| (SELECT string_agg(pg_get_indexdef(x.indexrelid, k, true), ' ' ORDER BY k) FROM generate_series(1, x.indnkeyatts) k) || COALESCE(' where ' || pg_get_expr(x.indpred, x.indrelid), '')
		FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE NOT EXISTS (SELECT 1 FROM pg_constraint o WHERE o.conindid = x.indexrelid AND o.contype IN ('p', 'u')) AND `+ours)
	s.collect(t, w, `SELECT 'key ' || c.relname || ' ' || (SELECT string_agg(a.attname, ' ' ORDER BY k.n) FROM unnest(o.conkey) WITH ORDINALITY k(num, n)
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.num), CASE o.contype WHEN 'p' THEN 'primary' ELSE 'unique' END
		FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE o.contype IN ('p', 'u') AND `+ours)
	s.collect(t, w, `SELECT 'check ' || o.conname, c.relname || ' ' || pg_get_constraintdef(o.oid)
		FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE o.contype = 'c' AND `+ours)
	s.collect(t, w, `SELECT 'reference ' || c.relname || ' ' || (SELECT string_agg(a.attname, ' ' ORDER BY k.n) FROM unnest(o.conkey) WITH ORDINALITY k(num, n)
			JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.num),
		f.relname || ' ' || (SELECT string_agg(a.attname, ' ' ORDER BY k.n) FROM unnest(o.confkey) WITH ORDINALITY k(num, n) JOIN pg_attribute a ON a.attrelid = f.oid AND a.attnum = k.num)
		|| ' update ' || CASE o.confupdtype WHEN 'a' THEN 'no action' WHEN 'c' THEN 'cascade' ELSE o.confupdtype::text END
		|| ' delete ' || CASE o.confdeltype WHEN 'a' THEN 'no action' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE o.confdeltype::text END
		FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_class f ON f.oid = o.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE o.contype = 'f' AND `+ours)
	s.collect(t, w, `SELECT 'trigger ' || g.tgname, CASE WHEN g.tgtype & 2 <> 0 THEN 'before ' ELSE 'after ' END
		|| CASE WHEN g.tgtype & 4 <> 0 THEN 'insert' WHEN g.tgtype & 8 <> 0 THEN 'delete' ELSE 'update' END || ' on ' || c.relname || ' ' || COALESCE(substring(p.prosrc from '(?:INSERT|DELETE|UPDATE)[^;]*;'), '')
		|| COALESCE(' when ' || substring(pg_get_triggerdef(g.oid) from 'WHEN \((.*)\) EXECUTE'), '')
		FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_proc p ON p.oid = g.tgfoid WHERE NOT g.tgisinternal AND `+ours)
	return s
}

var (
	sqliteCheck   = regexp.MustCompile(`CONSTRAINT (\w+) CHECK (\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))`)
	sqliteTrigger = regexp.MustCompile(`(?s)(BEFORE|AFTER) (INSERT|UPDATE|DELETE)(?: OF \w+)? ON (\w+) FOR EACH ROW(?: WHEN (\([^)]*\)))? BEGIN\s+(.*;)\s*END`)
)

func sqliteSchema(t *testing.T, w *modelstest.World) schema {
	t.Helper()
	s := schema{}
	const ours = `m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE 'river%' AND m.name NOT LIKE 'goose%'`
	// A primary key of PostgreSQL is not null by itself.
	s.collect(t, w, `SELECT 'column ' || m.name || '.' || c.name, lower(c.type) || CASE WHEN c."notnull" OR c.pk THEN ' not null' ELSE '' END
		|| COALESCE(' default ' || c.dflt_value, '') || CASE WHEN c.hidden <> 0 THEN ' generated' ELSE '' END
		FROM sqlite_schema m JOIN pragma_table_xinfo(m.name) c WHERE `+ours)
	s.collect(t, w, `SELECT 'index ' || i.name, CASE WHEN i."unique" THEN 'unique ' ELSE '' END || m.name || ' '
		|| (SELECT group_concat(k.name, ' ' ORDER BY k.seqno) FROM pragma_index_info(i.name) k)
		|| CASE WHEN i.partial THEN ' where ' || substr(x.sql, instr(x.sql, ' WHERE ') + 7) ELSE '' END
		FROM sqlite_schema m JOIN pragma_index_list(m.name) i JOIN sqlite_schema x ON x.name = i.name WHERE i.origin = 'c' AND `+ours)
	s.collect(t, w, `SELECT 'key ' || m.name || ' ' || (SELECT group_concat(k.name, ' ' ORDER BY k.seqno) FROM pragma_index_info(i.name) k),
		CASE i.origin WHEN 'pk' THEN 'primary' ELSE 'unique' END FROM sqlite_schema m JOIN pragma_index_list(m.name) i WHERE i.origin <> 'c' AND `+ours)
	s.collect(t, w, `SELECT 'key ' || m.name || ' id', 'primary' FROM sqlite_schema m WHERE m.sql LIKE '%AUTOINCREMENT%' AND `+ours)
	s.collect(t, w, `SELECT 'reference ' || m.name || ' ' || group_concat(f."from", ' ' ORDER BY f.seq), f."table" || ' ' || group_concat(f."to", ' ' ORDER BY f.seq)
		|| ' update ' || lower(f.on_update) || ' delete ' || lower(f.on_delete) FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE `+ours+` GROUP BY m.name, f.id`)
	sql := schema{}
	sql.collectRaw(t, w, `SELECT m.name, m.sql FROM sqlite_schema m WHERE `+ours)
	for table, text := range sql {
		for _, m := range sqliteCheck.FindAllStringSubmatch(text, -1) {
			s["check "+m[1]] = plain(table + " CHECK " + m[2])
		}
	}
	triggers := schema{}
	triggers.collectRaw(t, w, `SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'`)
	for name, text := range triggers {
		m := sqliteTrigger.FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("trigger %s: %s", name, text)
		}
		when := ""
		if m[4] != "" {
			when = " WHEN " + m[4]
		}
		s["trigger "+name] = plain(fmt.Sprintf("%s %s ON %s %s%s", m[1], m[2], m[3], m[5], when))
	}
	return s
}

// collectRaw is collect with the texts as they are.
func (s schema) collectRaw(t *testing.T, w *modelstest.World, query string) {
	t.Helper()
	rows, err := w.SQL.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			t.Fatal(err)
		}
		s[name] = text
	}
}

// The last word: what no verb would write is refused by the named constraint of either database.
func TestTheDatabaseHasTheLastWord(t *testing.T) {
	refusals := map[string]string{
		"customer_identifier_unique":        "UPDATE customers SET identifier = 'ad1001-mdt' WHERE identifier = 'bm1002-mdt'",
		"customer_language_known":           "UPDATE customers SET language = 'de'",
		"customer_theme_known":              "UPDATE customers SET theme = 'blue'",
		"agent_language_known":              "UPDATE agents SET language = 'de'",
		"agent_role_known":                  "UPDATE agents SET role = 'boss'",
		"session_of_one_person":             "INSERT INTO sessions (token_hash, data, user_agent, peer, created_at, seen_at, expires_at) SELECT '\x01', '', '', '', created_at, created_at, created_at FROM services WHERE id = 1",
		"device_of_one_person":              "INSERT INTO devices (token_hash, seen_at) SELECT '\x01', created_at FROM services WHERE id = 1",
		"service_domain_lower":              "UPDATE services SET domain = upper(domain) WHERE id = 1",
		"service_state_known":               "UPDATE services SET state = 'gone'",
		"service_accounts_within_limit":     "UPDATE services SET account_count = max_accounts + 2",
		"service_bytes_within_limit":        "UPDATE services SET allotted_bytes = max_bytes + 1",
		"service_shares_counted":            "UPDATE services SET share_count = -1",
		"address_kind_known":                "UPDATE addresses SET kind = 'other'",
		"address_lower":                     "INSERT INTO addresses (address, service_id, kind) VALUES ('UPPER@garrigue.example', 1, 'list')",
		"account_state_known":               "UPDATE accounts SET state = 'asleep'",
		"account_size_positive":             "UPDATE accounts SET size_bytes = 0",
		"account_use_counted":               "UPDATE accounts SET used_bytes = -1",
		"grant_kind_known":                  "UPDATE grants SET kind = 'other', account_id = NULL WHERE kind = 'service'",
		"grant_has_its_object":              "UPDATE grants SET account_id = NULL WHERE kind = 'account' AND ended_at IS NULL",
		"grant_extras_known":                "UPDATE grants SET extras = 16",
		"grant_not_to_owner":                "UPDATE grants SET grantee_id = owner_id, giver_id = 3 WHERE kind = 'service'",
		"grant_not_to_oneself":              "UPDATE grants SET giver_id = grantee_id",
		"grant_end_explained":               "UPDATE grants SET ended_why = 'revoked' WHERE ended_at IS NULL",
		"grant_end_known":                   "UPDATE grants SET ended_why = 'bored', ended_at = since WHERE ended_at IS NULL",
		"event_numbered":                    "INSERT INTO events (service_id, at, kind, class, object, detail) SELECT id, created_at, '', 'mail', '', '{}' FROM services",
		"event_hash_whole":                  "INSERT INTO events (service_id, number, at, kind, class, object, detail, hash) SELECT id, 1000, created_at, '', 'mail', '', '{}', '\x01' FROM services",
		"system_chain_is_one":               "INSERT INTO system_chain (id) VALUES (2)",
		"event_class_known":                 "INSERT INTO events (service_id, number, at, kind, class, object, detail) SELECT id, 1000, created_at, '', 'gossip', '', '{}' FROM services",
		"service_redirections_within_limit": "UPDATE services SET redirection_count = max_redirections + 1",
		"service_responders_within_limit":   "UPDATE services SET responder_count = max_responders + 1",
		"service_lists_within_limit":        "UPDATE services SET list_count = max_lists + 1",
		"service_subscribers_not_negative":  "UPDATE services SET max_subscribers = -1",
		"filter_place_counts":               "INSERT INTO filters (account_id, place, name, active, matching, action, target, created_at) SELECT id, 0, '', true, 'all', 'keep', '', created_at FROM accounts",
		"filter_matching_known":             "INSERT INTO filters (account_id, place, name, active, matching, action, target, created_at) SELECT id, 1, '', true, 'most', 'keep', '', created_at FROM accounts",
		"filter_action_known":               "INSERT INTO filters (account_id, place, name, active, matching, action, target, created_at) SELECT id, 1, '', true, 'all', 'sing', '', created_at FROM accounts",
		"responder_days_known":              "INSERT INTO responders (service_id, local_part, address, subject, content, days, created_at) SELECT id, 'x', 'x@' || domain, '', '', 0, created_at FROM services",
		"responder_ends_after_start":        "INSERT INTO responders (service_id, local_part, address, subject, content, days, starts_at, ends_at, created_at) SELECT id, 'x', 'x@' || domain, '', '', 1, created_at, created_at, created_at FROM services",
		"redirection_copy_needs_mailbox":    "INSERT INTO redirections (service_id, local_part, address, keep_copy, created_at) SELECT id, 'x', 'x@' || domain, true, created_at FROM services",
		"list_posting_known":                "INSERT INTO lists (service_id, local_part, address, owner_email, reply_to, language, posting, created_at) SELECT id, 'x', 'x@' || domain, '', 'list', 'fr', 'nobody', created_at FROM services",
		"list_subscribers_counted":          "INSERT INTO lists (service_id, local_part, address, owner_email, reply_to, language, posting, subscriber_count, created_at) SELECT id, 'x', 'x@' || domain, '', 'list', 'fr', 'everyone', -1, created_at FROM services",
		"upload_kind_known":                 "INSERT INTO uploads (service_id, customer_id, kind, state, content, line_count, created_at, touched_at) SELECT id, owner_id, 'songs', 'ready', '', 1, created_at, created_at FROM services",
		"upload_state_known":                "INSERT INTO uploads (service_id, customer_id, kind, state, content, line_count, created_at, touched_at) SELECT id, owner_id, 'accounts', 'lost', '', 1, created_at, created_at FROM services",
		"upload_line_outcome_known":         "INSERT INTO upload_lines (upload_id, line, outcome, object, detail) VALUES (1, 1, 'other', '', '')",
		"list_mailing_state_known":          "INSERT INTO list_mailings (service_id, recipient, asked_by, asked_at, state, settled_at) SELECT id, '', owner_id, created_at, 'lost', created_at FROM services",
		"import_state_known":                "INSERT INTO imports (service_id, account_id, customer_id, host, port, security, username, password, state, due_at, created_at, touched_at, settled_at) SELECT service_id, id, 1, 'h', 993, 'tls', 'u', NULL, 'lost', created_at, created_at, created_at, created_at FROM accounts",
		"import_security_known":             "INSERT INTO imports (service_id, account_id, customer_id, host, port, security, username, password, state, due_at, created_at, touched_at, settled_at) SELECT service_id, id, 1, 'h', 993, 'ssl', 'u', NULL, 'testing', created_at, created_at, created_at, NULL FROM accounts",
		"import_settled":                    "INSERT INTO imports (service_id, account_id, customer_id, host, port, security, username, password, state, due_at, created_at, touched_at, settled_at) SELECT service_id, id, 1, 'h', 993, 'tls', 'u', NULL, 'done', created_at, created_at, created_at, NULL FROM accounts",
		"import_password_wiped":             "INSERT INTO imports (service_id, account_id, customer_id, host, port, security, username, password, state, due_at, created_at, touched_at, settled_at) SELECT service_id, id, 1, 'h', 993, 'tls', 'u', 'x', 'done', created_at, created_at, created_at, created_at FROM accounts",
		"list_mailing_settled":              "INSERT INTO list_mailings (service_id, recipient, asked_by, asked_at, state) SELECT id, '', owner_id, created_at, 'sent' FROM services",
		"list_message_state_known":          "INSERT INTO list_messages (base, sender, author, subject, size_bytes, content, state, token, received_at, settled_at) SELECT '', '', '', '', 0, '', 'lost', '', created_at, created_at FROM services WHERE id = 1",
		"list_message_settled":              "INSERT INTO list_messages (base, sender, author, subject, size_bytes, content, state, token, received_at) SELECT '', '', '', '', 0, '', 'sent', '', created_at FROM services WHERE id = 1",
		"list_delivery_state_known":         "INSERT INTO list_deliveries (message_id, recipient, token, state, next_at) SELECT 1, '', '', 'lost', created_at FROM services WHERE id = 1",
		"list_confirmation_kind_known":      "INSERT INTO list_confirmations (token, list_id, kind, email, expires_at) SELECT '', 1, 'dance', '', created_at FROM services WHERE id = 1",
		"list_request_kind_known":           "INSERT INTO list_requests (list_id, kind, email, asked_at) SELECT 1, 'dance', '', created_at FROM services WHERE id = 1",
		"list_request_decides":              "INSERT INTO list_requests (list_id, kind, email, asked_at) SELECT 1, 'approve', '', created_at FROM services WHERE id = 1",
		"notice_state_known":                "INSERT INTO notices (receiver_id, parts, created_at, held, state, settled_at) SELECT owner_id, '', created_at, false, 'lost', created_at FROM services",
		"notice_settled":                    "INSERT INTO notices (receiver_id, parts, created_at, held, state) SELECT owner_id, '', created_at, false, 'sent' FROM services",
		"notice_of_one_person":              "INSERT INTO notices (receiver_id, agent_id, parts, created_at, held) SELECT owner_id, (SELECT min(id) FROM agents), '', created_at, false FROM services",
		"factor_of_one_person":              "INSERT INTO factors (name, secret, last_step, created_at) SELECT '', '', 0, created_at FROM services WHERE id = 1",
		"recovery_code_of_one_person":       "INSERT INTO recovery_codes (code_hash, created_at) SELECT '', created_at FROM services WHERE id = 1",
		"sign_in_of_one_person":             "INSERT INTO sign_ins (token_hash, purpose, created_at, expires_at) SELECT '', 'code', created_at, created_at FROM services WHERE id = 1",
		"sign_in_purpose_known":             "INSERT INTO sign_ins (token_hash, customer_id, purpose, created_at, expires_at) SELECT '', owner_id, 'dance', created_at, created_at FROM services WHERE id = 1",
		"password_link_of_one_person":       "INSERT INTO password_links (token_hash, expires_at) SELECT '', created_at FROM services WHERE id = 1",
		"contact_change_state_known":        "INSERT INTO contact_changes (customer_id, email, asked_at, expires_at, state) SELECT owner_id, '', created_at, created_at, 'lost' FROM services WHERE id = 1",
		"consent_kind_known":                "INSERT INTO consents (customer_id, kind, mode, created_at, expires_at) SELECT owner_id, 'nod', 'look', created_at, created_at FROM services WHERE id = 1",
		"consent_mode_known":                "INSERT INTO consents (customer_id, kind, mode, created_at, expires_at) SELECT owner_id, 'window', 'all', created_at, created_at FROM services WHERE id = 1",
		"consent_code_kept":                 "INSERT INTO consents (customer_id, kind, mode, created_at, expires_at) SELECT owner_id, 'code', 'look', created_at, created_at FROM services WHERE id = 1",
		"assistance_consent_known":          "INSERT INTO assistances (agent_id, customer_id, reason, ticket, consent, may_change, asked_at, expires_at) SELECT 1, owner_id, '', '', 'nod', false, created_at, created_at FROM services WHERE id = 1",
		"assistance_end_known":              "INSERT INTO assistances (agent_id, customer_id, reason, ticket, consent, may_change, asked_at, expires_at, ended_at, ended_why) SELECT 1, owner_id, '', '', 'request', false, created_at, created_at, created_at, 'bored' FROM services WHERE id = 1",
		"assistance_end_told":               "INSERT INTO assistances (agent_id, customer_id, reason, ticket, consent, may_change, asked_at, expires_at, ended_at) SELECT 1, owner_id, '', '', 'request', false, created_at, created_at, created_at FROM services WHERE id = 1",
		"assistance_raised_by_leave":        "INSERT INTO assistances (agent_id, customer_id, reason, ticket, consent, may_change, asked_at, expires_at, change_until) SELECT 1, owner_id, '', '', 'request', false, created_at, created_at, created_at FROM services WHERE id = 1",
		"assistance_second_agent":           "INSERT INTO assistances (agent_id, customer_id, reason, ticket, consent, may_change, asked_at, expires_at, approved_by) SELECT 1, owner_id, '', '', 'emergency', true, created_at, created_at, 1 FROM services WHERE id = 1",
		"passkey_holder_is_one_person":      "INSERT INTO passkey_holders (handle, customer_id, agent_id) VALUES ('', 1, 1)",
		"passkey_of_one_person":             "INSERT INTO passkeys (name, site, credential_id, public_key, sign_count, flags, model, transports, created_at) SELECT '', '', '', '', 0, 0, '', '', created_at FROM services",
		"passkey_challenge_purpose_known":   "INSERT INTO passkey_challenges (challenge_hash, browser_hash, purpose, asked_in, peer, expires_at) SELECT '', '', 'dance', 0, '', created_at FROM services",
		"identity_of_one_person":            "INSERT INTO identities (issuer, subject, name, linked_by, created_at) SELECT '', '', '', 'self', created_at FROM services WHERE id = 1",
		"identity_linked_by_known":          "INSERT INTO identities (customer_id, issuer, subject, name, linked_by, created_at) SELECT owner_id, '', domain, '', 'chance', created_at FROM services WHERE id = 1",
		"sieve_script_of_one":               "INSERT INTO sieve_scripts (address, content) VALUES ('x@garrigue.example', '')",
	}
	each(t, func(t *testing.T, w *world) {
		known := w.checks(t)
		for name, statement := range refusals {
			_, err := w.SQL.ExecContext(t.Context(), statement)
			said := name
			if name == "customer_identifier_unique" && w.Store.Embedded() {
				said = "customers.identifier"
			}
			if err == nil || !strings.Contains(err.Error(), said) {
				t.Errorf("%s: %v", name, err)
			}
			delete(known, name)
		}
		for name := range known {
			t.Errorf("nothing shows that %s refuses anything", name)
		}
	})
}

// checks are the names of the database's checks.
func (w *world) checks(t *testing.T) map[string]bool {
	of := postgresSchema
	if w.Store.Embedded() {
		of = sqliteSchema
	}
	s := of(t, w.World)
	names := map[string]bool{}
	for thing := range s {
		if name, ok := strings.CutPrefix(thing, "check "); ok {
			names[name] = true
		}
	}
	return names
}
