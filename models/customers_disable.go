package models

import (
	"context"
)

// # What a customer loses who is disabled
//
// They cannot sign in, by any way, and are told no more than who mistypes a
// password; what would have let them in is gone. It is no deletion: what they
// own goes on taking mail, what they were given and gave stays, and counts again
// once they are enabled. What was given to them lets nothing through meanwhile,
// for every request asks for a session, and every job asks as [Tx.admitCustomer] does.

// DisableCustomer shuts a customer out, wherever they are and whatever waits:
// sessions, sign-ins that wait for a second factor, links, browsers that are
// known or trusted, and what they allowed support, with what it does for them.
// changed says that it was not so before. ErrNotFound for nobody's identifier. It
// is the operator's verb. When it returns, nothing of theirs succeeds in any process.
func (s *Store) DisableCustomer(ctx context.Context, identifier string) (changed bool, err error) {
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		c, err := tx.namedCustomer(identifier)
		if err != nil {
			return err
		}
		// Sessions before the customer, as forms lock them, and those begun meanwhile after.
		if err := tx.lockSessions("se.customer_id = ?", c.ID); err != nil {
			return err
		}
		disabled := tx.Exec("UPDATE customers SET disabled_at = ? WHERE id = ? AND disabled_at IS NULL", tx.now, c.ID)
		if changed = disabled.RowsAffected > 0; disabled.Error != nil || !changed {
			return disabled.Error
		}
		if err := tx.endAssistances(func(*Assistance) string { return AssistanceStopped }, "x.customer_id = ?", c.ID); err != nil {
			return err
		}
		if err := tx.closeConsents(c.ID); err != nil {
			return err
		}
		for _, table := range []string{"sign_ins", "sessions", "trusted_devices", "devices", "password_links", "password_resets", "contact_changes"} {
			if err := tx.exec("DELETE FROM "+table+" WHERE customer_id = ?", c.ID); err != nil {
				return err
			}
		}
		return tx.recordSecurity(person{CustomerID: c.ID, Identifier: c.Identifier}, "customer.disabled", nil)
	})
	return changed, err
}

// EnableCustomer lets a customer sign in again, with what they have: nothing that
// was ended comes back. changed says that they could not before. ErrNotFound for
// nobody's identifier. It is the operator's verb.
func (s *Store) EnableCustomer(ctx context.Context, identifier string) (changed bool, err error) {
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		c, err := tx.namedCustomer(identifier)
		if err != nil {
			return err
		}
		enabled := tx.Exec("UPDATE customers SET disabled_at = NULL WHERE id = ? AND disabled_at IS NOT NULL", c.ID)
		if changed = enabled.RowsAffected > 0; enabled.Error != nil || !changed {
			return enabled.Error
		}
		return tx.recordSecurity(person{CustomerID: c.ID, Identifier: c.Identifier}, "customer.enabled", nil)
	})
	return changed, err
}

// namedCustomer is whom the operator means: ErrNotFound for nobody.
func (tx *Tx) namedCustomer(identifier string) (*Customer, error) {
	id, ok := ParseIdentifier(identifier)
	if !ok {
		return nil, ErrNotFound
	}
	return customer(tx.DB, "c.identifier = ?", id)
}

// enabled asks for a job whether whoever asked for it may still do anything:
// ErrNotFound when they are disabled, as for a right that is lost.
func (s *Store) enabled(ctx context.Context, customer int64) error {
	var n int
	err := s.db.WithContext(ctx).Raw("SELECT count(*) FROM customers c WHERE c.id = ? AND c.disabled_at IS NULL", customer).Scan(&n).Error
	if err == nil && n == 0 {
		err = ErrNotFound
	}
	return err
}

// admitCustomer is enabled within the transaction of a job, as admitAgent is for
// agents: it comes last, and whoever disables them waits for the commit.
func (tx *Tx) admitCustomer() error {
	if tx.by.Customer == 0 || tx.by.Agent != 0 {
		return nil
	}
	c, err := customer(tx.DB, "c.id = ?"+tx.forShare("c"), tx.by.Customer)
	if err == nil && c.DisabledAt != nil {
		err = ErrNotFound
	}
	return err
}
