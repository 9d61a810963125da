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
// service @service is made of, or of responder @responder of an address without
// a mailbox; the other of the two is 0. Aliases are followed within the service only:
// what another service sends here has its own answer to give. UNION, not UNION
// ALL, ends a circle, should there ever be one. The responder comes first since
// SQLite takes the types of the columns from there.
func (x sqlText) scriptSQL() string {
	return `WITH RECURSIVE leads (address, local_part) AS (
  SELECT a.address, a.local_part FROM accounts a WHERE a.id = @account
  UNION
  SELECT p.address, p.local_part FROM responders p WHERE p.id = @responder AND p.account_id IS NULL
  UNION
  SELECT r.address, r.local_part FROM leads l JOIN redirection_targets t ON ` + x.arrives("t.target", "l") + ` JOIN redirections r ON r.id = t.redirection_id
  WHERE r.service_id = @service AND r.local_part <> ''
)
SELECT 'responder' AS part, p.id AS id, p.address AS name, '' AS matching, '' AS action, '' AS target, p.subject AS header, '' AS operator,
  p.content AS value, p.days AS days, p.starts_at AS starts_at, p.ends_at AS ends_at, 0 AS place, 0 AS number FROM responders p WHERE p.account_id = @account OR p.id = @responder AND p.account_id IS NULL
UNION ALL
SELECT 'filter', f.id, f.name, f.matching, f.action, f.target, r.header, r.operator, r.value, 0, NULL, NULL, f.place, r.number
FROM filters f JOIN filter_rules r ON r.filter_id = f.id WHERE f.account_id = @account AND f.active
UNION ALL
SELECT 'alias', 0, l.address, '', '', '', '', '', '', 0, NULL, NULL, 0, 0 FROM leads l
ORDER BY 13, 14, 3`
}

// compile writes the script of an account of a service that this transaction
// has locked: its filters and its responder as they are now. Every verb that
// changes either, or an alias that leads to the account, ends with it.
func (tx *Tx) compile(service, account int64) error {
	text, err := tx.script(map[string]any{"service": service, "account": account, "responder": 0}, false)
	if err != nil {
		return err
	}
	if text == "" {
		return tx.exec("DELETE FROM sieve_scripts WHERE account_id = ?", account)
	}
	return tx.exec(`INSERT INTO sieve_scripts (address, account_id, content) SELECT a.address, a.id, ? FROM accounts a WHERE a.id = ?
		ON CONFLICT (address) DO UPDATE SET content = excluded.content`, text, account)
}

// compileAlone is compile for the responder of an address without a mailbox: its
// mail is answered and dropped. The script goes with the responder by itself.
func (tx *Tx) compileAlone(service, responder int64) error {
	text, err := tx.script(map[string]any{"service": service, "account": 0, "responder": responder}, true)
	if err != nil {
		return err
	}
	return tx.exec(`INSERT INTO sieve_scripts (address, responder_id, content) SELECT p.address, p.id, ? FROM responders p WHERE p.id = ? AND p.account_id IS NULL
		ON CONFLICT (address) DO UPDATE SET content = excluded.content`, text, responder)
}

// script is the text for what scriptSQL reads with args. only says that there is no mailbox.
func (tx *Tx) script(args map[string]any, only bool) (string, error) {
	var rows []scriptRow
	if err := tx.scan(&rows, sqlText{embedded: tx.conn == nil}.scriptSQL(), args); err != nil {
		return "", err
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
			script.Responder = &sieve.Responder{From: r.Name, Subject: r.Header, Content: r.Value, Days: r.Days, Starts: r.StartsAt, Ends: r.EndsAt, Only: only}
		case "alias":
			aliases = append(aliases, r.Name)
		}
	}
	if script.Responder != nil {
		script.Responder.Addresses = without(aliases, script.Responder.From)
	}
	return sieve.Compile(script)
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
