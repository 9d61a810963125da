package models

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/mandat/models/policy"
)

// AccountState is what the mail server does with an account.
type AccountState string

// A blocked account receives nothing and signs nobody in. An account being
// deleted is gone for everybody; its address is free again once its mail is removed.
const (
	AccountActive   AccountState = "active"
	AccountBlocked  AccountState = "blocked"
	AccountDeleting AccountState = "deleting"
)

// Account is one mailbox. Its password hash never leaves the database.
type Account struct {
	ID            int64
	ServiceID     int64
	LocalPart     string
	Address       string // local@A-label
	Description   string
	SizeBytes     int64
	UsedBytes     int64
	State         AccountState
	HasPassword   bool
	PasswordSetAt *time.Time
	Version       int
	CreatedAt     time.Time
}

// Postmaster is the local part that a service has beyond its number of accounts (RFC 5321, 4.5.1).
const Postmaster = "postmaster"

// Blocked says that the owner or a delegate has stopped the account.
func (a *Account) Blocked() bool { return a.State == AccountBlocked }

// Percent is how much of its size an account uses, rounded down; it may exceed 100.
func (a *Account) Percent() int { return int(a.UsedBytes * 100 / a.SizeBytes) }

// accountFields are the columns of an accountRow.
var accountFields = []string{"id", "service_id", "local_part", "address", "description", "size_bytes", "used_bytes", "state", "password_hash", "password_set_at", "version", "created_at"}

// accountRow is an account that may not be there.
type accountRow struct {
	ID            *int64
	ServiceID     *int64
	LocalPart     *string
	Address       *string
	Description   *string
	SizeBytes     *int64
	UsedBytes     *int64
	State         *AccountState
	PasswordHash  *string
	PasswordSetAt *time.Time
	Version       *int
	CreatedAt     *time.Time
}

func (r accountRow) account() *Account {
	if r.ID == nil || *r.State == AccountDeleting {
		return nil
	}
	return &Account{
		ID: *r.ID, ServiceID: *r.ServiceID, LocalPart: *r.LocalPart, Address: *r.Address, Description: *r.Description,
		SizeBytes: *r.SizeBytes, UsedBytes: *r.UsedBytes, State: *r.State, HasPassword: *r.PasswordHash != "",
		PasswordSetAt: r.PasswordSetAt, Version: *r.Version, CreatedAt: *r.CreatedAt,
	}
}

// NewAccount is what is typed to make an account. Without a password nobody
// signs in until somebody entitled sets one.
type NewAccount struct {
	Local       string
	Description string
	SizeBytes   int64 // 0: as large as the service allows for one account
	Password    string
}

// Limits on what is typed about an account.
const (
	MaxDescription = 200 // characters
	MinSizeBytes   = GB / 10
)

// CreateAccount makes an account. Whoever may create accounts may; with a
// password, SetPassword is needed too. Invalid for a local part, size or
// password that does not do, an address that is taken, or a limit reached.
func (s *Store) CreateAccount(ctx context.Context, by Actor, domain string, n NewAccount) (*Account, error) {
	bad := Invalid{}
	local, problem := ParseLocalPart(n.Local)
	if problem == nil {
		problem = checkAddressLength(local, domain)
	}
	if problem != nil {
		bad.Add("local", problem.Key, problem.Args...)
	}
	address := local + "@" + domain
	description := checkDescription(n.Description, bad)
	if n.Password != "" {
		bad["password"] = append(bad["password"], checkMailboxPassword(n.Password, address)...)
		if len(bad["password"]) == 0 {
			delete(bad, "password")
		}
	}
	if err := bad.orNil(); err != nil {
		return nil, err
	}
	var hash string
	if n.Password != "" {
		encoded, err := s.hashPassword(ctx, n.Password) // before the transaction: it takes long
		if err != nil {
			return nil, err
		}
		hash = mailboxHash(encoded)
	}
	account := &Account{LocalPart: local, Address: address, Description: description, State: AccountActive, HasPassword: hash != "", Version: 1}
	err := s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enter(domain, "", policy.CreateAccount)
		if err != nil {
			return err
		}
		if hash != "" && !a.May(policy.SetPassword) {
			return a.Service.forbidden(policy.SetPassword)
		}
		account.ServiceID, account.CreatedAt, account.SizeBytes = a.Service.ID, tx.now, n.SizeBytes
		if account.SizeBytes == 0 {
			account.SizeBytes = min(a.Service.MaxAccountBytes, max(a.Service.MaxBytes-a.Service.AllottedBytes, MinSizeBytes))
		}
		if err := a.roomFor(local, account.SizeBytes, 0); err != nil {
			return err
		}
		if err := tx.insertAccount(account, hash); err != nil {
			return err
		}
		detail := Detail{"size": {After: account.SizeBytes}}
		if description != "" {
			detail["description"] = Change{After: description}
		}
		if hash != "" {
			tx.tellOwner(a, NoticePassword, NoticeDeed{Event: "account.created", Object: address})
		}
		return tx.record(Event{
			ServiceID: a.Service.ID, Kind: "account.created", Class: MailEvent, OwnerID: a.Service.OwnerID, AccountID: account.ID, Object: address, Detail: detail,
		})
	})
	if violated(err) == "address_has_one_meaning" {
		return nil, invalid("local", "account.local.taken", "Address", ReadableAddress(address))
	}
	if err != nil {
		return nil, err
	}
	return account, nil
}

// roomFor says whether an account of this size fits, given what it takes already.
func (a *Access) roomFor(local string, size, had int64) error {
	bad, sv := Invalid{}, &a.Service
	if had == 0 && local != Postmaster {
		if a.PaidAccounts() >= sv.MaxAccounts {
			bad.Add("local", "account.limit.accounts", "Limit", sv.MaxAccounts)
		}
	}
	if problem := cmp.Or(sv.sizeBounds(size), sv.sizeRoom(size, had)); problem != nil {
		bad["size_gb"] = []Message{*problem}
	}
	return bad.orNil()
}

// sizeBounds is what speaks against a size of any account of the service.
func (sv *Service) sizeBounds(size int64) *Message {
	switch {
	case size < MinSizeBytes:
		return &Message{Key: "account.size.small", Args: []any{"Least", int64(MinSizeBytes)}}
	case size > sv.MaxAccountBytes:
		return &Message{Key: "account.size.large", Args: []any{"Most", sv.MaxAccountBytes}}
	}
	return nil
}

// sizeRoom is what speaks against a size of an account that takes had already.
func (sv *Service) sizeRoom(size, had int64) *Message {
	if left := sv.MaxBytes - sv.AllottedBytes + had; size > left {
		return &Message{Key: "account.size.total", Args: []any{"Left", max(left, 0), "Limit", sv.MaxBytes}}
	}
	return nil
}

func checkDescription(text string, bad Invalid) string {
	text = strings.Join(strings.Fields(legible(text)), " ")
	if utf8.RuneCountInString(text) > MaxDescription {
		bad.Add("description", "account.description.long", "Most", MaxDescription)
	}
	return text
}

// insertAccount writes the account, its words and the counters of its service.
// A trigger claims the address in the same statement.
func (tx *Tx) insertAccount(a *Account, hash string) error {
	by := orNull(tx.by.Customer)
	var setAt, setBy any
	if hash != "" {
		setAt, setBy = tx.now, by
	}
	err := tx.scan(&a.ID, `INSERT INTO accounts (service_id, local_part, address, description, size_bytes, state, password_hash, password_set_at, password_set_by, created_by, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		a.ServiceID, a.LocalPart, a.Address, a.Description, a.SizeBytes, a.State, hash, setAt, setBy, by, a.CreatedAt)
	if err != nil {
		return err
	}
	if err := tx.insertWords(a); err != nil {
		return err
	}
	return tx.exec("UPDATE services SET account_count = account_count + 1, allotted_bytes = allotted_bytes + ? WHERE id = ?", a.SizeBytes, a.ServiceID)
}

func (tx *Tx) insertWords(a *Account) error {
	list := words(a.LocalPart, a.Description)
	args := make([]any, 0, 4*len(list))
	for _, w := range list {
		args = append(args, a.ServiceID, w, a.LocalPart, a.ID)
	}
	return tx.exec("INSERT INTO account_words (service_id, word, local_part, account_id) VALUES "+tuples(len(list), 4), args...)
}

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

// mailEvent is an event about the account of a.
func (a *Access) mailEvent(kind string, detail Detail) Event {
	return Event{
		ServiceID: a.Service.ID, Kind: kind, Class: MailEvent, OwnerID: a.Service.OwnerID,
		AccountID: a.Account.ID, Object: a.Account.Address, Detail: detail,
	}
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
		return tx.enqueue(removeAccount{Account: a.Account.ID})
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

// RecordUsage keeps what the mail server reports of a mailbox, in bytes. It is
// no change of the panel's and writes no event. ErrNotFound when there is no such account.
func (s *Store) RecordUsage(ctx context.Context, address string, used int64) error {
	if used < 0 {
		return fmt.Errorf("negative use of %s", address)
	}
	res := s.db.WithContext(ctx).Exec("UPDATE accounts SET used_bytes = ? WHERE address = ?", used, address)
	if res.Error == nil && res.RowsAffected == 0 {
		return ErrNotFound
	}
	return res.Error
}
