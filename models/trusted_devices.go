package models

import (
	"context"
	"slices"
	"time"
)

// TrustFor is for how long a browser is not asked for a second factor.
const TrustFor = 30 * 24 * time.Hour

// maxTrusted bounds a customer's trusted devices: one more takes the place of
// the one that was seen the longest ago.
const maxTrusted = 20

// TrustedDevice is a browser on which a customer is asked for the password alone.
type TrustedDevice struct {
	ID        int64
	UserAgent string
	Peer      string
	CreatedAt time.Time
	SeenAt    time.Time
	ExpiresAt time.Time
}

func (s *Store) trustedDevices(ctx context.Context, p person) (list []TrustedDevice, err error) {
	err = s.db.WithContext(ctx).Raw("SELECT d.id, d.user_agent, d.peer, d.created_at, d.seen_at, d.expires_at FROM trusted_devices d WHERE d.customer_id = ? AND d.expires_at > ? ORDER BY d.seen_at DESC, d.id DESC",
		p.CustomerID, s.now()).Scan(&list).Error
	return list, err
}

// trusts says whether the browser of c is one that p trusts, and notes that it was seen.
func (tx *Tx) trusts(p person, c Credentials) (bool, error) {
	if c.Trusted == "" || p.CustomerID == 0 {
		return false, nil
	}
	seen := tx.Exec("UPDATE trusted_devices SET seen_at = ?, peer = ?, user_agent = ? WHERE token_hash = ? AND customer_id = ? AND expires_at > ?",
		tx.now, c.Peer, cut(c.UserAgent, 255), tokenHash(c.Trusted), p.CustomerID, tx.now)
	return seen.RowsAffected > 0, seen.Error
}

// trust makes the browser of c one that p trusts, under a new token for its cookie.
func (tx *Tx) trust(p person, c Credentials) (token string, err error) {
	if c.Trusted != "" { // the same browser, again
		if err := tx.exec("DELETE FROM trusted_devices WHERE token_hash = ?", tokenHash(c.Trusted)); err != nil {
			return "", err
		}
	}
	err = tx.exec("DELETE FROM trusted_devices WHERE id IN (SELECT d.id FROM trusted_devices d WHERE d.customer_id = ? ORDER BY d.seen_at DESC, d.id DESC LIMIT ? OFFSET ?)", p.CustomerID, maxTrusted, maxTrusted-1)
	if err != nil {
		return "", err
	}
	token = newToken()
	err = tx.exec("INSERT INTO trusted_devices (customer_id, token_hash, user_agent, peer, created_at, seen_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		p.CustomerID, tokenHash(token), cut(c.UserAgent, 255), c.Peer, tx.now, tx.now, tx.now.Add(TrustFor))
	if err != nil {
		return "", err
	}
	return token, tx.recordSecurity(p, "trusted_device.added", nil)
}

// ForgetDevice has one of by's trusted devices asked for a second factor again:
// ErrNotFound when it is not theirs.
func (s *Store) ForgetDevice(ctx context.Context, by Actor, id int64) error {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return err
	}
	return s.change(ctx, by, func(tx *Tx) error {
		n, err := tx.forgetDevices(p, "id = ?", id)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		return err
	})
}

// ForgetDevices forgets all of by's trusted devices.
func (s *Store) ForgetDevices(ctx context.Context, by Actor) error {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return err
	}
	return s.change(ctx, by, func(tx *Tx) error {
		_, err := tx.forgetDevices(p, "expires_at > ?", tx.now)
		return err
	})
}

func (tx *Tx) forgetDevices(p person, condition string, arg any) (int64, error) {
	gone := tx.Exec("DELETE FROM trusted_devices WHERE customer_id = ? AND "+condition, p.CustomerID, arg)
	if gone.Error != nil {
		return 0, gone.Error
	}
	return gone.RowsAffected, tx.record(slices.Repeat([]Event{p.event("trusted_device.removed", nil)}, int(gone.RowsAffected))...)
}
