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

// mailEvent is an event about the account of a.
func (a *Access) mailEvent(kind string, detail Detail) Event {
	return Event{
		ServiceID: a.Service.ID, Kind: kind, Class: MailEvent, OwnerID: a.Service.OwnerID,
		AccountID: a.Account.ID, Object: a.Account.Address, Detail: detail,
	}
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
