package models

import (
	"context"
	"errors"
)

// Subscription is what a link in a message of a list belongs to.
type Subscription struct {
	Domain   string
	Name     string // of the list
	Address  string // of the list
	Language string
	Email    string // of the subscriber
}

// Subscription reads whose link this is: ErrExpiredLink when it is nobody's, as
// after it was used. It goes with the subscription.
func (s *Store) Subscription(ctx context.Context, token string) (*Subscription, error) {
	if !storable(token) {
		return nil, ErrExpiredLink
	}
	var r Subscription
	err := s.db.WithContext(ctx).Raw(`SELECT s.domain, l.local_part AS name, l.address, l.language, k.email FROM list_links k
		JOIN lists l ON l.id = k.list_id JOIN services s ON s.id = l.service_id WHERE k.token = ?`, token).Scan(&r).Error
	if err != nil {
		return nil, err
	}
	if r.Email == "" {
		return nil, ErrExpiredLink
	}
	return &r, nil
}

// linkSlowdown bounds how often a peer may use links that are nobody's. Those
// that are somebody's are no guesses, and never wait: many subscribers leave
// through the servers of one provider, and to leave is their right.
var linkSlowdown = slowdown{after: 50, most: 1000}

// Unsubscribe ends the subscription that a link belongs to, also while its
// service is suspended. A link that is nobody's, as after it was used, is an
// ErrExpiredLink, and Throttled when peer has used too many of them.
func (s *Store) Unsubscribe(ctx context.Context, token, peer string) (*Subscription, error) {
	r, err := s.Subscription(ctx, token)
	if errors.Is(err, ErrExpiredLink) {
		if err := s.attempt(ctx, map[string]slowdown{"link:" + peer: linkSlowdown}); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, err
	}
	return r, s.change(ctx, Actor{}, func(tx *Tx) error {
		sv, err := tx.lock(r.Domain)
		if err != nil {
			return err
		}
		var list List
		if err := tx.scan(&list, "SELECT "+listColumns+" FROM list_links k JOIN lists l ON l.id = k.list_id WHERE k.token = ? AND k.email = ? AND l.service_id = ?", token, r.Email, sv.ID); err != nil {
			return err
		}
		if list.ID == 0 { // used at the same moment
			return nil
		}
		return tx.leave(&Access{Service: *sv}, &list, r.Email, ByLink)
	})
}
