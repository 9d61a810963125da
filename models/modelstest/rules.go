package modelstest

import (
	"context"
	"maps"
	"slices"
)

// Rules are what must hold after every commit: each statement counts what breaks it.
var Rules = map[string]string{
	"account_count is the number of accounts": `SELECT count(*) FROM services s WHERE s.account_count <> (SELECT count(*) FROM accounts a WHERE a.service_id = s.id)`,
	"allotted_bytes is the sum of their sizes": `SELECT count(*) FROM services s
		WHERE s.allotted_bytes <> (SELECT COALESCE(sum(a.size_bytes), 0) FROM accounts a WHERE a.service_id = s.id)`,
	"share_count is the number of shares": `SELECT count(*) FROM services s
		WHERE s.share_count <> (SELECT count(*) FROM grants g WHERE g.service_id = s.id AND g.kind = 'service' AND g.ended_at IS NULL)`,
	"no service has more accounts than its limit and a postmaster": `SELECT count(*) FROM services s WHERE s.max_accounts <
		(SELECT count(*) FROM accounts a WHERE a.service_id = s.id AND a.local_part <> 'postmaster')`,
	"every account is found by its local part": `SELECT count(*) FROM accounts a WHERE NOT EXISTS
		(SELECT 1 FROM account_words w WHERE w.account_id = a.id AND w.word = substr(a.local_part, 1, 32))`,
	"words carry the keys of their account": `SELECT count(*) FROM account_words w LEFT JOIN accounts a ON a.id = w.account_id
		WHERE a.id IS NULL OR a.service_id <> w.service_id OR a.local_part <> w.local_part`,
	"every account has its address": `SELECT count(*) FROM accounts a JOIN services s ON s.id = a.service_id LEFT JOIN addresses d ON d.address = a.address
		WHERE d.address IS NULL OR d.kind <> 'account' OR d.service_id <> a.service_id OR a.address <> a.local_part || '@' || s.domain`,
	"redirection_count is the number of redirections":      `SELECT count(*) FROM services s WHERE s.redirection_count <> (SELECT count(*) FROM redirections r WHERE r.service_id = s.id)`,
	"responder_count is the number of responders":          `SELECT count(*) FROM services s WHERE s.responder_count <> (SELECT count(*) FROM responders r WHERE r.service_id = s.id)`,
	"list_count is the number of lists":                    `SELECT count(*) FROM services s WHERE s.list_count <> (SELECT count(*) FROM lists l WHERE l.service_id = s.id)`,
	"subscriber_count is the number of subscribers":        `SELECT count(*) FROM lists l WHERE l.subscriber_count <> (SELECT count(*) FROM list_subscribers m WHERE m.list_id = l.id)`,
	"no list has more subscribers than its service allows": `SELECT count(*) FROM lists l JOIN services s ON s.id = l.service_id WHERE l.subscriber_count > s.max_subscribers`,
	"every address that is no account has its object": `SELECT count(*) FROM addresses d WHERE d.kind <> 'account' AND 1 <>
		(SELECT count(*) FROM responders r WHERE d.kind = 'responder' AND r.address = d.address AND r.account_id IS NULL AND r.service_id = d.service_id)
		+ (SELECT count(*) FROM redirections r WHERE d.kind = 'redirection' AND r.address = d.address AND r.account_id IS NULL AND r.service_id = d.service_id)
		+ (SELECT count(*) FROM lists l WHERE d.kind = 'list' AND l.address = d.address AND l.service_id = d.service_id)`,
	"what hangs on an account has its address": `SELECT (SELECT count(*) FROM responders r JOIN accounts a ON a.id = r.account_id WHERE r.address <> a.address OR r.service_id <> a.service_id)
		+ (SELECT count(*) FROM redirections r JOIN accounts a ON a.id = r.account_id WHERE r.address <> a.address OR r.service_id <> a.service_id)`,
	"filters of an account are asked from 1 without gaps": `SELECT count(*) FROM (SELECT count(*) AS n, min(place) AS least, max(place) AS most, count(DISTINCT place) AS kinds FROM filters GROUP BY account_id) AS x
		WHERE least <> 1 OR most <> n OR kinds <> n`,
	"every filter has a rule":           `SELECT count(*) FROM filters f WHERE NOT EXISTS (SELECT 1 FROM filter_rules r WHERE r.filter_id = f.id)`,
	"every redirection leads somewhere": `SELECT count(*) FROM redirections r WHERE NOT EXISTS (SELECT 1 FROM redirection_targets t WHERE t.redirection_id = r.id)`,
	"nothing hangs on an account that is being deleted": `SELECT (SELECT count(*) FROM filters x JOIN accounts a ON a.id = x.account_id WHERE a.state = 'deleting')
		+ (SELECT count(*) FROM responders x JOIN accounts a ON a.id = x.account_id WHERE a.state = 'deleting')
		+ (SELECT count(*) FROM redirections x JOIN accounts a ON a.id = x.account_id WHERE a.state = 'deleting')
		+ (SELECT count(*) FROM sieve_scripts x JOIN accounts a ON a.id = x.account_id WHERE a.state = 'deleting')`,
	"whoever has something to do has a script": `SELECT count(*) FROM accounts a WHERE (EXISTS (SELECT 1 FROM filters f WHERE f.account_id = a.id AND f.active) OR EXISTS (SELECT 1 FROM responders r WHERE r.account_id = a.id))
		<> EXISTS (SELECT 1 FROM sieve_scripts x WHERE x.account_id = a.id AND x.address = a.address)`,
	"every address has its account":            `SELECT count(*) FROM addresses d WHERE d.kind = 'account' AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.address = d.address)`,
	"events of a service count without gaps":   `SELECT count(*) FROM (SELECT count(*) AS n, min(number) AS least, max(number) AS most FROM events WHERE service_id IS NOT NULL GROUP BY service_id) AS x WHERE least <> 1 OR most <> n`,
	"nobody holds the same thing twice":        `SELECT count(*) FROM (SELECT 1 FROM grants WHERE ended_at IS NULL GROUP BY kind, service_id, local_part, grantee_id HAVING count(*) > 1) AS x`,
	"nothing is in force under an ended grant": `SELECT count(*) FROM grants c JOIN grants p ON p.id = c.parent_id WHERE c.ended_at IS NULL AND p.ended_at IS NOT NULL`,
	// Whoever holds the whole service manages its responders without an extra (4), and may pass that on.
	"nothing goes past what it rests on": `SELECT count(*) FROM grants c JOIN grants p ON p.id = c.parent_id WHERE c.ended_at IS NULL
		AND (c.extras & (p.extras | 4) <> c.extras OR p.extras & 8 = 0 OR c.extras & 8 <> 0 OR p.expires_at IS NOT NULL AND (c.expires_at IS NULL OR c.expires_at > p.expires_at))`,
	"only delegations rest on grants":                 `SELECT count(*) FROM grants c JOIN grants p ON p.id = c.parent_id WHERE c.kind <> 'account' OR p.kind <> 'service' OR c.giver_id <> p.grantee_id OR c.service_id <> p.service_id`,
	"no grant is in force on a deleted account":       `SELECT count(*) FROM grants g LEFT JOIN accounts a ON a.id = g.account_id WHERE g.kind = 'account' AND g.ended_at IS NULL AND (a.id IS NULL OR a.state = 'deleting')`,
	"grants carry the keys of their service":          `SELECT count(*) FROM grants g JOIN services s ON s.id = g.service_id WHERE g.domain <> s.domain OR g.owner_id <> s.owner_id`,
	"grants carry the local part of their account":    `SELECT count(*) FROM grants g JOIN accounts a ON a.id = g.account_id WHERE g.local_part <> a.local_part OR g.service_id <> a.service_id`,
	"time ends a grant in nobody's name":              `SELECT count(*) FROM grants g WHERE g.ended_why = 'expired' AND g.ended_by IS NOT NULL`,
	"every grant was given once":                      `SELECT count(*) FROM grants g WHERE 1 <> (SELECT count(*) FROM events e WHERE e.grant_id = g.id AND e.kind = 'grant.given')`,
	"every change of a grant has one event":           `SELECT count(*) FROM grants g WHERE g.version <> (SELECT count(*) FROM events e WHERE e.grant_id = g.id)`,
	"every change of an account has one event":        `SELECT count(*) FROM accounts a WHERE a.version <> (SELECT count(*) FROM events e WHERE e.account_id = a.id AND e.kind LIKE 'account.%')`,
	"every change of a service has one event":         `SELECT count(*) FROM services s WHERE s.version <> (SELECT count(*) FROM events e WHERE e.service_id = s.id AND e.class = 'service')`,
	"every change of a customer has one event":        `SELECT count(*) FROM customers c WHERE c.version <> (SELECT count(*) FROM events e WHERE e.subject_id = c.id AND e.kind IN ('customer.created', 'profile.changed', 'profile.password_set', 'profile.password_reset', 'profile.contact_changed'))`,
	"events of a service name its owner":              `SELECT count(*) FROM events e JOIN services s ON s.id = e.service_id WHERE e.owner_id IS NULL OR e.owner_id <> s.owner_id`,
	"a deleted account signs nobody in":               `SELECT count(*) FROM accounts a WHERE a.state = 'deleting' AND a.password_hash <> ''`,
	"a grant that ended has as many ends as it needs": `SELECT count(*) FROM (SELECT g.id, g.ended_at, sum(CASE WHEN e.kind IN ('grant.revoked', 'grant.expired', 'grant.resigned', 'grant.object') THEN 1 WHEN e.kind = 'grant.restored' THEN -1 ELSE 0 END) AS ends FROM grants g JOIN events e ON e.grant_id = g.id GROUP BY g.id, g.ended_at) AS x WHERE ends <> CASE WHEN ended_at IS NULL THEN 0 ELSE 1 END`,
}

// Reporter is the part of a test that rapid's tests have too.
type Reporter interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

// Holds asks every rule of the database.
func (w *World) Holds(t Reporter) {
	t.Helper()
	for _, rule := range slices.Sorted(maps.Keys(Rules)) {
		var broken int
		if err := w.SQL.QueryRowContext(context.WithoutCancel(t.Context()), Rules[rule]).Scan(&broken); err != nil {
			t.Fatalf("%s: %v", rule, err)
		}
		if broken != 0 {
			t.Errorf("%s: broken %d times", rule, broken)
		}
	}
}
