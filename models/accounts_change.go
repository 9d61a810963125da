package models

import (
	"context"
	"strings"

	"example.org/mandat/models/policy"
)

// AccountSettings is what is typed on the settings of an account. A nil field
// was not on the form: what somebody may not change is not shown to them.
type AccountSettings struct {
	Description *string
	SizeBytes   *int64
	Version     int // as shown; another means ErrConflict
}

// ChangeAccount changes the description and, for those who may, the size. It
// writes nothing when nothing differs.
func (s *Store) ChangeAccount(ctx context.Context, by Actor, domain, local string, n AccountSettings) error {
	bad := Invalid{}
	if n.Description != nil {
		text := checkDescription(*n.Description, bad)
		n.Description = &text
	}
	if err := bad.orNil(); err != nil {
		return err
	}
	return s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enterAccount(domain, local, policy.DescribeAccount)
		if err != nil {
			return err
		}
		if n.SizeBytes != nil && !a.May(policy.LimitAccount) {
			return a.Service.forbidden(policy.LimitAccount)
		}
		if n.Version != a.Account.Version {
			return ErrConflict
		}
		was, is := *a.Account, *a.Account
		detail := Detail{}
		if n.Description != nil && *n.Description != was.Description {
			is.Description = *n.Description
			detail["description"] = Change{Before: was.Description, After: is.Description}
		}
		if n.SizeBytes != nil && *n.SizeBytes != was.SizeBytes {
			is.SizeBytes = *n.SizeBytes
			detail["size"] = Change{Before: was.SizeBytes, After: is.SizeBytes}
			if err := a.roomFor(local, is.SizeBytes, was.SizeBytes); err != nil {
				return err
			}
		}
		if len(detail) == 0 {
			return nil
		}
		if err := tx.exec("UPDATE accounts SET description = ?, size_bytes = ?, version = version + 1 WHERE id = ?", is.Description, is.SizeBytes, is.ID); err != nil {
			return err
		}
		if is.Description != was.Description {
			if err := tx.exec("DELETE FROM account_words WHERE account_id = ?", is.ID); err != nil {
				return err
			}
			if err := tx.insertWords(&is); err != nil {
				return err
			}
		}
		if is.SizeBytes != was.SizeBytes {
			if err := tx.exec("UPDATE services SET allotted_bytes = allotted_bytes + ? WHERE id = ?", is.SizeBytes-was.SizeBytes, a.Service.ID); err != nil {
				return err
			}
		}
		return tx.record(a.mailEvent("account.changed", detail))
	})
}

// SetAccountPassword sets the mailbox password: who may do that may read the
// mail, which is why it is an extra. The history says that it was set, by whom,
// and nothing about it.
func (s *Store) SetAccountPassword(ctx context.Context, by Actor, domain, local, password string) error {
	if problems := checkMailboxPassword(password, local+"@"+domain); len(problems) > 0 {
		return Invalid{"password": problems}
	}
	// Asked before the hash too, which is dear: a stranger must not be able to order any.
	a, err := s.Account(ctx, by, domain, local)
	if err != nil {
		return err
	}
	if err := a.require(policy.SetPassword); err != nil {
		return err
	}
	encoded, err := s.hashPassword(ctx, password)
	if err != nil {
		return err
	}
	return s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enterAccount(domain, local, policy.SetPassword)
		if err != nil {
			return err
		}
		err = tx.exec("UPDATE accounts SET password_hash = ?, password_set_at = ?, password_set_by = ?, version = version + 1 WHERE id = ?",
			mailboxHash(encoded), tx.now, orNull(tx.by.Customer), a.Account.ID)
		if err != nil {
			return err
		}
		if err := tx.disconnect(a.Account.Address); err != nil {
			return err
		}
		tx.tellOwner(a, NoticePassword, NoticeDeed{Event: "account.password_set", Object: a.Account.Address})
		return tx.record(a.mailEvent("account.password_set", nil))
	})
}

// BlockAccount stops an account, UnblockAccount lets it work again. An account
// already in that state is left as it is, without an event.
func (s *Store) BlockAccount(ctx context.Context, by Actor, domain, local string) error {
	return s.setAccountState(ctx, by, domain, local, AccountBlocked, "account.blocked")
}

// UnblockAccount is the way back from BlockAccount.
func (s *Store) UnblockAccount(ctx context.Context, by Actor, domain, local string) error {
	return s.setAccountState(ctx, by, domain, local, AccountActive, "account.unblocked")
}

func (s *Store) setAccountState(ctx context.Context, by Actor, domain, local string, state AccountState, kind string) error {
	return s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enterAccount(domain, local, policy.LimitAccount)
		if err != nil || a.Account.State == state {
			return err
		}
		if err := tx.exec("UPDATE accounts SET state = ?, version = version + 1 WHERE id = ?", state, a.Account.ID); err != nil {
			return err
		}
		if state == AccountBlocked {
			if err := tx.disconnect(a.Account.Address); err != nil {
				return err
			}
		}
		return tx.record(a.mailEvent(kind, nil))
	})
}

// DeleteAccount takes an account away from everybody at once, ends the grants
// on it, and leaves its removal to a job: until that is done the address stays
// taken, so that a new account of the same name never meets old mail. confirm
// is the local part as the person typed it. Invalid for another, and for an
// account that the catch-all leads to.
func (s *Store) DeleteAccount(ctx context.Context, by Actor, domain, local, confirm string) error {
	return s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enterAccount(domain, local, policy.DeleteAccount)
		if err != nil {
			return err
		}
		if !strings.EqualFold(strings.TrimSpace(confirm), local) {
			return invalid("confirm", "account.confirm.differs", "Local", local)
		}
		err = tx.free(a, a.Account.Address, "UPDATE accounts SET state = 'deleting', password_hash = '', version = version + 1 WHERE id = ?", a.Account.ID)
		if err != nil {
			return err
		}
		if err := tx.exec("UPDATE imports SET "+closeImports+" WHERE account_id = ? AND settled_at IS NULL", ImportStopped, "deleted", tx.now, a.Account.ID); err != nil {
			return err
		}
		ended, err := tx.endGrants(&a.Service, EndedWithObject, "account_id = @arg", a.Account.ID)
		if err != nil {
			return err
		}
		detail := Detail{"used": {Before: a.Account.UsedBytes}}
		if err := tx.record(append([]Event{a.mailEvent("account.deleted", detail)}, ended...)...); err != nil {
			return err
		}
		if err := tx.disconnect(a.Account.Address); err != nil {
			return err
		}
		return tx.enqueueRemoval(a.Account.ID)
	})
}

// removeAccount ends the deletion of an account: the row, its words and its
// address. It does nothing for an account that is gone or was not deleted.
func (s *Store) removeAccount(ctx context.Context, id int64) error {
	if err := s.removeMailbox(ctx, id); err != nil {
		return err
	}
	return s.inTx(ctx, Actor{}, func(tx *Tx) error {
		var a struct {
			ServiceID, SizeBytes int64
		}
		// The service first, as everywhere.
		err := tx.scan(&a, "SELECT s.id AS service_id, a.size_bytes FROM services s JOIN accounts a ON a.service_id = s.id WHERE a.id = ? AND a.state = 'deleting'"+tx.forUpdate("s"), id)
		if err != nil || a.ServiceID == 0 {
			return err
		}
		gone := tx.Exec("DELETE FROM accounts WHERE id = ? AND state = 'deleting'", id)
		if gone.Error != nil || gone.RowsAffected == 0 {
			return gone.Error
		}
		return tx.exec("UPDATE services SET account_count = account_count - 1, allotted_bytes = allotted_bytes - ? WHERE id = ?", a.SizeBytes, a.ServiceID)
	})
}
