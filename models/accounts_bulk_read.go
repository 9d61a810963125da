package models

import (
	"context"
	"slices"
	"time"

	"example.org/mandat/models/policy"
)

// TickedAccounts reads those of several accounts of the service that by may do
// op to, by address. Others are left out, whether they are there or not.
func (s *Store) TickedAccounts(ctx context.Context, by Actor, a *Access, op policy.Operation, locals []string) ([]Account, error) {
	if err := checkTicked(locals); err != nil {
		return nil, err
	}
	var rows []bulkRow
	if err := s.db.WithContext(ctx).Raw(bulkSQL, bulkArgs(by, a, s.now(), locals)).Scan(&rows).Error; err != nil {
		return nil, err
	}
	var accounts []Account
	for i := range rows {
		if rows[i].allows(a, op) {
			accounts = append(accounts, rows[i].Account)
		}
	}
	return accounts, nil
}

func bulkArgs(by Actor, a *Access, now time.Time, locals []string) map[string]any {
	return map[string]any{"me": by.holder(), "now": now, "service": a.Service.ID, "locals": storables(locals)}
}

// storables are those of texts that can be asked for.
func storables(texts []string) []string {
	return slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return !storable(text) })
}

// sortedOnce are texts in their order, each once.
func sortedOnce(texts []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(texts)))
}
