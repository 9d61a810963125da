package models

import (
	"context"
	"slices"
	"time"

	"example.org/mandat/models/policy"
)

// MaxHolders is how many people one revocation on several accounts names.
const MaxHolders = 200

// EndedGrant is a grant that a revocation on several accounts has ended.
type EndedGrant struct {
	LocalPart string
	Grantee   string // identifier
}

// Holder is somebody who holds some of several accounts.
type Holder struct {
	Identifier string
	Name       string
	Accounts   int // that they hold, of those asked about
}

// RevokeOnAccounts ends the grants that the people named hold on several
// accounts, as [Store.Revoke] does, with an event each. The owner may end any,
// others those that they gave while their right to give lasts; whose access is
// somebody else's to end is told as who has none. An account on which nobody
// named has such a grant is in Same. Invalid (field "identifiers") for nobody
// named, or more than MaxHolders.
func (s *Store) RevokeOnAccounts(ctx context.Context, by Actor, domain string, locals, identifiers []string) (*BulkResult, error) {
	switch {
	case len(identifiers) == 0:
		return nil, invalid("identifiers", "grant.several.nobody")
	case len(identifiers) > MaxHolders:
		return nil, invalid("identifiers", "grant.several.many", "Most", MaxHolders)
	}
	return s.onAccounts(ctx, by, domain, locals, policy.ChangeGrant, func(tx *Tx, b *bulk) error {
		if len(b.accounts) == 0 {
			return nil
		}
		found, err := tx.revocable(b, identifiers)
		if err != nil {
			return err
		}
		var live, lapsed []int64
		held := map[string]bool{}
		for _, g := range found {
			if g.ExpiresAt != nil && !g.ExpiresAt.After(tx.now) {
				lapsed = append(lapsed, g.ID)
				continue
			}
			live = append(live, g.ID)
			held[g.LocalPart] = true
			b.result.Ended = append(b.result.Ended, g.EndedGrant)
		}
		for i := range b.accounts {
			if a := &b.accounts[i]; held[a.LocalPart] {
				b.result.Done = append(b.result.Done, a.LocalPart)
			} else {
				b.same(a)
			}
		}
		if err := b.end(tx, EndedByTime, lapsed); err != nil { // nobody may claim to have ended what time has
			return err
		}
		return b.end(tx, EndedByRevoking, live)
	})
}

// revocableGrant is a grant that has not been ended, in force or lapsed.
type revocableGrant struct {
	ID         int64
	ExpiresAt  *time.Time
	EndedGrant `gorm:"embedded"`
}

// revocable reads the grants of people on the accounts of b that the actor may end.
func (tx *Tx) revocable(b *bulk, identifiers []string) (found []revocableGrant, err error) {
	ids := make([]int64, len(b.accounts))
	for i, a := range b.accounts {
		ids[i] = a.ID
	}
	err = tx.scan(&found, `SELECT g.id, g.expires_at, g.local_part, c.identifier AS grantee FROM grants g JOIN customers c ON c.id = g.grantee_id
		WHERE g.account_id IN @accounts AND g.kind = 'account' AND g.ended_at IS NULL`+endable(b.access)+` AND c.identifier IN @identifiers ORDER BY g.id`,
		map[string]any{"accounts": ids, "identifiers": storables(identifiers), "me": tx.by.holder()})
	return found, err
}

// endable is the condition that @me may end a grant g on an account of a service.
func endable(a *Access) string {
	if policy.Decide(policy.ChangeGrant, a.Standing) == policy.Everything {
		return ""
	}
	return " AND g.giver_id = @me"
}

// end ends grants and notes their events, in statements below the parameter limits of both databases.
func (b *bulk) end(tx *Tx, why string, ids []int64) error {
	for some := range slices.Chunk(ids, grantBatch) {
		events, err := tx.endGrants(&b.access.Service, why, "id IN @arg", some)
		if err != nil {
			return err
		}
		b.events = append(b.events, events...)
	}
	return nil
}

// Holders lists who holds a grant in force on several accounts of the service
// that by may end, by identifier, at most MaxHolders: more says that there are
// more of them. open are the accounts on which there is such a grant.
func (s *Store) Holders(ctx context.Context, by Actor, a *Access, locals []string) (list []Holder, more bool, open []string, err error) {
	if err := checkTicked(locals); err != nil {
		return nil, false, nil, err
	}
	var rows []struct {
		Holder    `gorm:"embedded"`
		LocalPart string
	}
	of := ` FROM grants g JOIN accounts a ON a.id = g.account_id JOIN customers c ON c.id = g.grantee_id
		WHERE a.service_id = @service AND a.local_part IN @locals AND a.state <> 'deleting' AND g.kind = 'account' AND ` + live("g") + endable(a)
	args := bulkArgs(by, a, s.now(), locals)
	args["n"] = MaxHolders + 1
	err = s.db.WithContext(ctx).Raw(`SELECT * FROM (SELECT c.identifier, c.name, count(*) AS accounts, '' AS local_part`+of+` GROUP BY c.identifier, c.name ORDER BY c.identifier LIMIT @n) AS people
		UNION ALL SELECT * FROM (SELECT DISTINCT '' AS identifier, '' AS name, 0 AS accounts, a.local_part`+of+` ORDER BY a.local_part) AS open`, args).Scan(&rows).Error
	if err != nil {
		return nil, false, nil, err
	}
	for _, r := range rows {
		switch {
		case r.Identifier == "":
			open = append(open, r.LocalPart)
		case len(list) == MaxHolders:
			more = true
		default:
			list = append(list, r.Holder)
		}
	}
	return list, more, open, nil
}
