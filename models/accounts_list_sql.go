package models

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// accountsSQL builds the statement of one list. Only texts of this file go into
// it; what people typed is an argument.
type accountsSQL struct {
	q         AccountQuery
	args      []any
	size      int
	managers  int // how many holders of an account are named
	domain    string
	words     []string
	byUse     bool
	desc      bool // the order asked for is descending
	back      bool // the page before a cursor: walk the other way, then turn round
	cursorUse int64
	cursor    string
	hasCursor bool
	ticked    string // a condition on accounts a, "" for none
}

func newAccountsSQL(s *Store, token, domain string, q AccountQuery) (*accountsSQL, error) {
	b := &accountsSQL{q: q, args: s.sessionArgs(token), size: q.Size, managers: managersShown}
	if !slices.Contains(PageSizes, b.size) {
		b.size = PageSizes[0]
	}
	if !storable(domain) {
		domain = "" // no service's
	}
	b.domain = b.arg(domain)
	if q.Ticked != nil {
		b.ticked = b.among(s, q.Ticked)
	}
	b.desc = strings.HasPrefix(q.Sort, "-")
	b.byUse = strings.TrimPrefix(q.Sort, "-") == "used"
	if at, _, found := strings.Cut(q.Search, "@"); found && at != "" {
		q.Search = at // a whole address of this service
	}
	for _, w := range searched(q.Search) {
		if w = foldQuery(w); w != "" && len(b.words) < 3 {
			b.words = append(b.words, w)
		}
	}
	// The longest first: it is the one that finds, the others pick among what it found.
	slices.SortStableFunc(b.words, func(v, w string) int { return len(w) - len(v) })
	cursor := q.After
	if cursor == "" && q.Before != "" {
		cursor, b.back = q.Before, true
	}
	if cursor != "" {
		b.hasCursor = true
		b.cursor = cursor
		if b.byUse {
			use, local, found := strings.Cut(cursor, ".")
			n, err := strconv.ParseInt(use, 10, 64)
			if !found || err != nil {
				return nil, ErrCursor
			}
			b.cursorUse, b.cursor = n, local
		}
		if local, problem := ParseLocalPart(b.cursor); problem != nil || local != b.cursor {
			return nil, ErrCursor
		}
	}
	return b, nil
}

// searched takes apart what was typed to search: at spaces, and at signs that
// part the words of a description and are in no local part. Signs alone are
// left out beside words; by themselves they stay, and find nothing.
func searched(text string) []string {
	words := strings.FieldsFunc(text, func(r rune) bool { return !inWord(r) && !unicode.Is(unicode.M, r) && !strings.ContainsRune(".-_", r) })
	words = slices.DeleteFunc(words, func(w string) bool { return !strings.ContainsFunc(w, inWord) })
	if len(words) == 0 {
		return strings.Fields(text)
	}
	return words
}

func (b *accountsSQL) arg(v any) string {
	b.args = append(b.args, v)
	return "$" + strconv.Itoa(len(b.args))
}

// liveAt is live with the parameter of the session's clock.
func liveAt(grant string) string { return strings.ReplaceAll(live(grant), "@now", "$2") }

// accountsViewer reads the head. whole is the service when the session reaches
// all of it, holder the customer when they reach only accounts they hold: each
// is null in the other case, and then no row of that kind matches.
var accountsViewer = `WITH v AS (SELECT COALESCE(se.customer_id, ov.customer_id) AS me, se.customer_id AS holds, ` + sessionColumns + ` FROM sessions se` + sessionPeople + sessionOverlay + ` WHERE ` + sessionLive + `),
 sv AS (SELECT s.id, s.domain, s.owner_id, o.identifier, o.name, s.state, s.max_accounts, s.max_bytes, s.max_account_bytes, s.account_count, s.allotted_bytes, s.share_count,
 s.redirection_count, s.responder_count, s.list_count,
 COALESCE(s.owner_id = v.me, false) AS own, sg.id AS grant_id, sg.extras, gc.identifier AS giver, sg.since, sg.expires_at,
 COALESCE(s.owner_id <> v.me AND EXISTS (SELECT 1 FROM grants g WHERE g.grantee_id = v.holds AND g.domain = s.domain AND g.kind = 'account' AND ` + liveAt("g") + `), false) AS any_account,
 CASE WHEN s.owner_id = v.me OR sg.id IS NOT NULL THEN s.id END AS whole, CASE WHEN s.owner_id <> v.me AND sg.id IS NULL THEN v.holds END AS holder
 FROM v JOIN services s ON s.domain = %[1]s JOIN customers o ON o.id = s.owner_id
 LEFT JOIN grants sg ON sg.grantee_id = v.holds AND sg.domain = s.domain AND sg.kind = 'service' AND ` + liveAt("sg") + `
 LEFT JOIN customers gc ON gc.id = sg.giver_id)%[2]s
 SELECT ` + accountsHeadColumns + ` FROM v LEFT JOIN sv ON true`

func (b *accountsSQL) text() string {
	found, matched := "", "0"
	if len(b.words) > 0 {
		found = ", m AS (SELECT w.local_part FROM account_words w WHERE w.service_id = " + wholeService + " AND " + b.begins("w", b.words[0]) +
			" ORDER BY w.word, w.local_part LIMIT " + strconv.Itoa(MaxMatches+1) + ")"
		matched = "(SELECT count(*) FROM m)"
	}
	return fmt.Sprintf(accountsViewer, b.domain, found, matched) +
		" UNION ALL SELECT " + accountsRowNulls + "p.* FROM (" + b.whole() + ") AS p" +
		" UNION ALL SELECT " + accountsRowNulls + "p.* FROM (" + b.own() + ") AS p"
}

// wholeService is the service whose accounts are all listed, or null.
const wholeService = "(SELECT whole FROM sv)"

// whole lists the accounts for whoever reaches the whole service. Only the owner
// is told who holds them; others are told of what they gave or hold themselves.
func (b *accountsSQL) whole() string {
	from := "accounts a"
	if len(b.words) > 0 {
		from = "(SELECT DISTINCT m.local_part FROM m) AS f JOIN accounts a ON a.local_part = f.local_part"
	} else if b.q.Status == "delegated" && !b.byUse {
		// The few that are delegated, not all accounts asked one by one.
		from = `(SELECT DISTINCT g.local_part FROM grants g WHERE g.service_id = ` + wholeService + " AND g.kind = 'account' AND " + liveAt("g") + known("g") +
			b.past("", "g.local_part") + " ORDER BY g.local_part" + b.direction() + " LIMIT " + strconv.Itoa(b.size+1) + `) AS f JOIN accounts a ON a.local_part = f.local_part`
	}
	managers := `CASE WHEN (SELECT own FROM sv) THEN (SELECT string_agg(h.identifier, ' ') FROM (SELECT c.identifier FROM grants g JOIN customers c ON c.id = g.grantee_id
		WHERE g.account_id = a.id AND g.kind = 'account' AND ` + liveAt("g") + ` ORDER BY g.id LIMIT ` + strconv.Itoa(b.managers+1) + `) AS h) END`
	text := "SELECT " + accountsRowColumns + managers + " AS managers, CAST(NULL AS integer) AS held FROM " + from + " WHERE a.service_id = " + wholeService + b.status()
	if len(b.words) > 1 {
		text += b.matches(b.words[1:])
	}
	return text + b.ticked + b.past("a.used_bytes", "a.local_part") + b.order("a.local_part")
}

// own lists the accounts that the session holds, for whoever does not reach the whole service.
func (b *accountsSQL) own() string {
	return "SELECT " + accountsRowColumns + "NULL AS managers, g.extras AS held FROM grants g JOIN accounts a ON a.id = g.account_id WHERE g.grantee_id = (SELECT holder FROM sv) AND g.domain = " + b.domain + " AND g.kind = 'account' AND " + liveAt("g") +
		b.status() + b.ticked + b.matches(b.words) + b.past("a.used_bytes", "g.local_part") + b.order("g.local_part")
}

func (b *accountsSQL) begins(table, word string) string {
	return table + ".word >= " + b.arg(word) + " AND " + table + ".word < " + b.arg(word+"\U0010FFFF")
}

// among is the condition that an account is one of these, by one parameter
// however many they are.
func (b *accountsSQL) among(s *Store, locals []string) string {
	known := slices.DeleteFunc(slices.Clone(locals), func(local string) bool {
		parsed, problem := ParseLocalPart(local)
		return problem != nil || parsed != local
	})
	list := b.arg(strings.Join(known, " ")) // no local part has a space
	if s.pool != nil {
		return " AND a.local_part = ANY (string_to_array(" + list + ", ' '))"
	}
	return ` AND a.local_part IN (SELECT value FROM json_each('["' || replace(` + list + `, ' ', '","') || '"]'))`
}

func (b *accountsSQL) matches(words []string) string {
	var text strings.Builder
	for _, w := range words {
		text.WriteString(" AND EXISTS (SELECT 1 FROM account_words x WHERE x.account_id = a.id AND " + b.begins("x", w) + ")")
	}
	return text.String()
}

// known is the condition that the viewer may know of a grant.
func known(grant string) string {
	const me = "(SELECT me FROM v)"
	return " AND ((SELECT own FROM sv) OR " + grant + ".giver_id = " + me + " OR " + grant + ".grantee_id = " + me + ")"
}

func (b *accountsSQL) status() string {
	switch b.q.Status {
	case "active", "blocked": // literal, so that the partial indexes fit
		return " AND a.state = '" + b.q.Status + "'"
	case "full":
		return " AND a.nearly_full AND a.state <> 'deleting'"
	case "delegated":
		return " AND a.state <> 'deleting' AND EXISTS (SELECT 1 FROM grants d WHERE d.account_id = a.id AND d.kind = 'account' AND " + liveAt("d") + known("d") + ")"
	}
	return " AND a.state <> 'deleting'"
}

// past is the condition of rows beyond the cursor. use is "" where the list is by address alone.
func (b *accountsSQL) past(use, local string) string {
	if !b.hasCursor {
		return ""
	}
	than := " > "
	if b.desc != b.back {
		than = " < "
	}
	if b.byUse && use != "" {
		return " AND (" + use + ", " + local + ")" + than + "(" + b.arg(b.cursorUse) + ", " + b.arg(b.cursor) + ")"
	}
	return " AND " + local + than + b.arg(b.cursor)
}

func (b *accountsSQL) direction() string {
	if b.desc != b.back {
		return " DESC"
	}
	return ""
}

func (b *accountsSQL) order(local string) string {
	text := " ORDER BY "
	if b.byUse {
		text += "a.used_bytes" + b.direction() + ", "
	}
	return text + local + b.direction() + " LIMIT " + strconv.Itoa(b.size+1)
}

// page cuts the row that only tells that there are more, turns a page walked
// backwards round, and sets the cursors.
func (b *accountsSQL) page(out *AccountList) {
	more := len(out.Items) > b.size
	out.Items = out.Items[:min(len(out.Items), b.size)]
	if b.back {
		slices.Reverse(out.Items)
	}
	if len(out.Items) == 0 {
		return
	}
	if more || b.back {
		out.Next = b.cursorOf(out.Items[len(out.Items)-1])
	}
	if b.hasCursor && (!b.back || more) {
		out.Previous = b.cursorOf(out.Items[0])
	}
}

func (b *accountsSQL) cursorOf(i AccountItem) string {
	if b.byUse {
		return strconv.FormatInt(i.UsedBytes, 10) + "." + i.LocalPart
	}
	return i.LocalPart
}
