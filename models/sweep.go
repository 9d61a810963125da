package models

import (
	"context"
	"errors"
)

// sweepBatch bounds one transaction of the sweeper.
const sweepBatch = 500

// Sweep closes what time has ended: grants and assistances with their event,
// sessions, links, addresses, ways to a provider, devices, counts, mailings,
// notices, uploads and imports. It reminds of ends that are near, brings what an
// earlier version wrote up to date, and finishes work whose job was lost.
// Nothing rests on it for safety: what has lapsed is refused by every query before.
func (s *Store) Sweep(ctx context.Context) error {
	now := s.now()
	db := s.db.WithContext(ctx)
	return errors.Join(
		s.sweepGrants(ctx),
		s.sweepAssistances(ctx),
		s.indexCustomers(ctx),
		db.Exec("DELETE FROM sessions WHERE expires_at <= ? OR seen_at <= ? OR agent_id IS NOT NULL AND seen_at <= ?", now, now.Add(-IdleFor), now.Add(-AgentIdleFor)).Error,
		db.Exec("DELETE FROM identity_requests WHERE expires_at <= ?", now).Error,
		db.Exec("DELETE FROM password_links WHERE expires_at <= ?", now).Error,
		db.Exec("DELETE FROM sign_ins WHERE expires_at <= ?", now).Error,
		db.Exec("DELETE FROM trusted_devices WHERE expires_at <= ?", now).Error,
		db.Exec("DELETE FROM password_resets WHERE expires_at <= ?", now).Error,
		db.Exec("DELETE FROM contact_changes WHERE expires_at <= ?", now).Error,
		db.Exec("DELETE FROM former_contacts WHERE ended_at <= ?", now.Add(-FormerContactFor)).Error,
		db.Exec("DELETE FROM devices WHERE seen_at <= ?", now.Add(-deviceFor)).Error,
		db.Exec("DELETE FROM passkey_challenges WHERE expires_at <= ?", now).Error,
		db.Exec("DELETE FROM throttles WHERE last_at <= ?", now.Add(-throttleWindow)).Error,
		s.sweepAccounts(ctx),
		s.sweepUploads(ctx),
		s.sweepMailings(ctx),
		s.CarryListRequests(ctx),
		s.sweepImports(ctx),
		s.sweepReminders(ctx),
		s.sweepNotices(ctx),
		s.sweepDigest(ctx),
		s.sweepHistory(ctx),
	)
}

func (s *Store) sweepGrants(ctx context.Context) error {
	var services []string
	err := s.db.WithContext(ctx).Raw("SELECT DISTINCT domain FROM grants WHERE ended_at IS NULL AND expires_at <= ? LIMIT ?", s.now(), sweepBatch).Scan(&services).Error
	for _, domain := range services {
		err = errors.Join(err, s.inTx(ctx, Actor{}, func(tx *Tx) error {
			sv, err := tx.lock(domain)
			if err != nil {
				return err
			}
			events, err := tx.endGrants(sv, EndedByTime, "expires_at <= @arg", tx.now)
			if err != nil {
				return err
			}
			return tx.record(events...)
		}))
	}
	return err
}

func (s *Store) sweepAccounts(ctx context.Context) error {
	var ids []int64
	err := s.db.WithContext(ctx).Raw("SELECT id FROM accounts WHERE state = 'deleting' LIMIT ?", sweepBatch).Scan(&ids).Error
	for _, id := range ids {
		if err != nil {
			return err // of a mail server that is away: the jobs go on asking
		}
		err = s.removeAccount(ctx, id)
	}
	return err
}

// lock locks a service for time or the operator, who need no right on it.
func (tx *Tx) lock(domain string) (*Service, error) {
	var id int64
	if err := tx.scan(&id, "SELECT s.id FROM services s WHERE s.domain = ?"+tx.forUpdate("s"), domain); err != nil {
		return nil, err
	}
	if id == 0 {
		return nil, ErrNotFound
	}
	var r accessRow
	if err := tx.scan(&r, tx.enterSQL(), map[string]any{"me": 0, "now": tx.now, "id": id, "local": ""}); err != nil {
		return nil, err
	}
	tx.locked(id, r.Last)
	r.Service.postmaster = r.Postmaster
	return &r.Service, nil
}
