package models

import (
	"strings"
	"time"

	"example.org/mandat/mail/sieve"
)

// scriptRow is one of what a script is made of: a rule of a filter, the
// responder, or an address that leads to the account.
type scriptRow struct {
	Part                    string // filter, responder, alias
	ID                      int64
	Name, Matching          string
	Action, Target          string
	Header, Operator, Value string
	Days                    int
	StartsAt, EndsAt        *time.Time
	Place, Number           int
}

// scriptSQL reads in one statement all that the script of account @account of
// service @service is made of. Aliases are followed within the service only:
// what another service sends here has its own answer to give. UNION, not UNION
// ALL, ends a circle, should there ever be one. The responder comes first since
// SQLite takes the types of the columns from there.
const scriptSQL = `WITH RECURSIVE leading (address) AS (
  SELECT a.address FROM accounts a WHERE a.id = @account
  UNION
  SELECT r.address FROM leading l JOIN redirection_targets t ON t.target = l.address JOIN redirections r ON r.id = t.redirection_id
  WHERE r.service_id = @service AND r.local_part <> ''
)
SELECT 'responder' AS part, p.id AS id, p.address AS name, '' AS matching, '' AS action, '' AS target, p.subject AS header, '' AS operator,
  p.content AS value, p.days AS days, p.starts_at AS starts_at, p.ends_at AS ends_at, 0 AS place, 0 AS number FROM responders p WHERE p.account_id = @account
UNION ALL
SELECT 'filter', f.id, f.name, f.matching, f.action, f.target, r.header, r.operator, r.value, 0, NULL, NULL, f.place, r.number
FROM filters f JOIN filter_rules r ON r.filter_id = f.id WHERE f.account_id = @account AND f.active
UNION ALL
SELECT 'alias', 0, l.address, '', '', '', '', '', '', 0, NULL, NULL, 0, 0 FROM leading l
ORDER BY 13, 14, 3`

// compile writes the script of an account of a service that this transaction
// has locked: its filters and its responder as they are now. Every verb that
// changes either, or an alias that leads to the account, ends with it.
func (tx *Tx) compile(service, account int64) error {
	var rows []scriptRow
	if err := tx.scan(&rows, scriptSQL, map[string]any{"service": service, "account": account}); err != nil {
		return err
	}
	var script sieve.Script
	var aliases []string
	last := int64(0)
	for _, r := range rows {
		switch r.Part {
		case "filter":
			if r.ID != last {
				script.Filters = append(script.Filters, sieve.Filter{Name: r.Name, Active: true, Any: r.Matching == "any", Action: sieve.Action(r.Action), Target: r.Target})
				last = r.ID
			}
			f := &script.Filters[len(script.Filters)-1]
			f.Rules = append(f.Rules, sieve.Rule{Header: r.Header, Operator: r.Operator, Value: r.Value})
		case "responder":
			script.Responder = &sieve.Responder{From: r.Name, Subject: r.Header, Content: r.Value, Days: r.Days, Starts: r.StartsAt, Ends: r.EndsAt}
		case "alias":
			aliases = append(aliases, r.Name)
		}
	}
	if script.Responder != nil {
		script.Responder.Addresses = without(aliases, script.Responder.From)
	}
	text, err := sieve.Compile(script)
	if err != nil {
		return err
	}
	if text == "" {
		return tx.exec("DELETE FROM sieve_scripts WHERE account_id = ?", account)
	}
	return tx.exec(`INSERT INTO sieve_scripts (address, account_id, content) SELECT a.address, a.id, ? FROM accounts a WHERE a.id = ?
		ON CONFLICT (address) DO UPDATE SET content = excluded.content`, text, account)
}

// without is list less one text, in its order.
func without(list []string, text string) []string {
	var rest []string
	for _, s := range list {
		if !strings.EqualFold(s, text) {
			rest = append(rest, s)
		}
	}
	return rest
}
