package models

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"example.org/mandat/models/policy"
)

// Verbs on several accounts of one service, at most MaxAccounts. Each account
// is decided by itself: those that can be done are done, in one transaction, and
// the others come back with their reason. What the actor does not reach is told
// as what is not there.

// BulkResult says what became of a verb on several accounts: each is in one of
// the lists, by its local part.
type BulkResult struct {
	Done    []string
	Same    []string // nothing was to do: they were so already
	Refused []RefusedAccount
	Ended   []EndedGrant // by RevokeOnAccounts
}

// RefusedAccount is an account on which nothing was done, and why.
type RefusedAccount struct {
	LocalPart string
	Message   Message
}

// DescribeAccounts gives several accounts the same description. Whoever may
// describe an account may. Invalid for a description that is too long.
func (s *Store) DescribeAccounts(ctx context.Context, by Actor, domain string, locals []string, description string) (*BulkResult, error) {
	bad := Invalid{}
	text := checkDescription(description, bad)
	if err := bad.orNil(); err != nil {
		return nil, err
	}
	return s.onAccounts(ctx, by, domain, locals, policy.DescribeAccount, func(tx *Tx, b *bulk) error {
		for i := range b.accounts {
			a := &b.accounts[i]
			if a.Description == text {
				b.same(a)
				continue
			}
			b.change(a, "account.changed", Detail{"description": {Before: a.Description, After: text}})
			a.Description = text
		}
		if err := b.write(tx, "description = ?", text); err != nil {
			return err
		}
		return tx.replaceWords(b.changed)
	})
}

// ResizeAccounts gives several accounts the same size. Whoever may limit an
// account may. The room of the service is handed out in the order of the
// addresses: who comes too late is refused, and what a smaller size gives back
// serves those after it. Invalid for a size that no account here may have.
func (s *Store) ResizeAccounts(ctx context.Context, by Actor, domain string, locals []string, size int64) (*BulkResult, error) {
	return s.onAccounts(ctx, by, domain, locals, policy.LimitAccount, func(tx *Tx, b *bulk) error {
		sv := &b.access.Service
		if problem := sv.sizeBounds(size); problem != nil {
			return Invalid{"size_gb": {*problem}}
		}
		allotted := sv.AllottedBytes
		for i := range b.accounts {
			a := &b.accounts[i]
			if a.SizeBytes == size {
				b.same(a)
				continue
			}
			if problem := sv.sizeRoom(size, a.SizeBytes); problem != nil {
				b.refuse(a.LocalPart, *problem)
				continue
			}
			b.change(a, "account.changed", Detail{"size": {Before: a.SizeBytes, After: size}})
			sv.AllottedBytes += size - a.SizeBytes
		}
		if err := b.write(tx, "size_bytes = ?", size); err != nil || sv.AllottedBytes == allotted {
			return err
		}
		return tx.exec("UPDATE services SET allotted_bytes = ? WHERE id = ?", sv.AllottedBytes, sv.ID)
	})
}

// BlockAccounts stops several accounts, UnblockAccounts lets them work again.
// Whoever may limit an account may.
func (s *Store) BlockAccounts(ctx context.Context, by Actor, domain string, locals []string) (*BulkResult, error) {
	return s.setAccountStates(ctx, by, domain, locals, AccountBlocked, "account.blocked")
}

// UnblockAccounts is the way back from BlockAccounts.
func (s *Store) UnblockAccounts(ctx context.Context, by Actor, domain string, locals []string) (*BulkResult, error) {
	return s.setAccountStates(ctx, by, domain, locals, AccountActive, "account.unblocked")
}

func (s *Store) setAccountStates(ctx context.Context, by Actor, domain string, locals []string, state AccountState, kind string) (*BulkResult, error) {
	return s.onAccounts(ctx, by, domain, locals, policy.LimitAccount, func(tx *Tx, b *bulk) error {
		for i := range b.accounts {
			if a := &b.accounts[i]; a.State == state {
				b.same(a)
			} else {
				b.change(a, kind, nil)
			}
		}
		if state == AccountBlocked {
			if err := tx.disconnect(addressesOf(b.changed)...); err != nil {
				return err
			}
		}
		return b.write(tx, "state = ?", state)
	})
}

// bulk is one verb on several accounts being carried out.
type bulk struct {
	access   *Access
	accounts []Account // those that the actor may do it to, by address
	changed  []*Account
	events   []Event
	result   BulkResult
}

// bulkRow is a ticked account with the actor's own grant on it.
type bulkRow struct {
	Account `gorm:"embedded"`
	AG      heldRow `gorm:"embedded;embeddedPrefix:ag_"`
}

// bulkSQL reads those of @locals that a service has, with what @me holds of each at @now.
var bulkSQL = `SELECT a.id, a.service_id, a.local_part, a.address, a.description, a.size_bytes, a.used_bytes, a.state,
 ag.id AS ag_id, ag.extras AS ag_extras, ag.since AS ag_since, ag.expires_at AS ag_expires_at, ag.used_at AS ag_used_at, '' AS ag_giver
 FROM accounts a LEFT JOIN grants ag ON ag.grantee_id = @me AND ag.account_id = a.id AND ` + live("ag") + `
 WHERE a.service_id = @service AND a.local_part IN @locals AND a.state <> 'deleting' ORDER BY a.local_part`

// errNothingDone takes back a transaction in which everything was refused: its form has not acted.
var errNothingDone = errors.New("models: nothing was done")

// onAccounts carries out a verb on several accounts of one service. ErrNotFound
// for who reaches nothing of the service, Forbidden for who may do op to none of
// its accounts, Invalid (field "accounts") for no accounts or too many.
func (s *Store) onAccounts(ctx context.Context, by Actor, domain string, locals []string, op policy.Operation, act func(*Tx, *bulk) error) (*BulkResult, error) {
	if err := checkTicked(locals); err != nil {
		return nil, err
	}
	var result *BulkResult
	err := s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enter(domain, "", op)
		if err != nil {
			return err
		}
		b := &bulk{access: a}
		if err := b.read(tx, locals, op); err != nil {
			return err
		}
		if err := act(tx, b); err != nil {
			return err
		}
		slices.SortStableFunc(b.result.Refused, func(x, y RefusedAccount) int { return strings.Compare(x.LocalPart, y.LocalPart) })
		result = &b.result
		if len(result.Done)+len(result.Same) == 0 {
			return errNothingDone
		}
		return tx.record(b.events...)
	})
	if err != nil && !errors.Is(err, errNothingDone) {
		return nil, err
	}
	return result, nil
}

// checkTicked bounds how many accounts one verb is asked to do something to.
func checkTicked(locals []string) error {
	switch {
	case len(locals) == 0:
		return invalid("accounts", "account.ticked.none")
	case len(locals) > MaxAccounts:
		return invalid("accounts", "account.ticked.many", "Most", MaxAccounts)
	}
	return nil
}

// read finds the accounts that the actor may do op to and refuses the others.
func (b *bulk) read(tx *Tx, locals []string, op policy.Operation) error {
	var rows []bulkRow
	err := tx.scan(&rows, bulkSQL, bulkArgs(tx.by, b.access, tx.now, locals))
	if err != nil {
		return err
	}
	var held []*Held
	there := map[string]bool{}
	for i := range rows {
		if h := rows[i].AG.held(); rows[i].allows(b.access, op) {
			there[rows[i].LocalPart] = true
			b.accounts, held = append(b.accounts, rows[i].Account), append(held, h)
		}
	}
	for _, local := range sortedOnce(locals) {
		if !there[local] {
			b.refuse(local, Message{Key: "account.bulk.gone"})
		}
	}
	return tx.noteUse(held...)
}

// allows is the question of the policy for one account.
func (r *bulkRow) allows(a *Access, op policy.Operation) bool {
	st := policy.Standing{Owner: a.Standing.Owner, Service: a.Standing.Service, Agent: a.Standing.Agent}
	if h := r.AG.held(); h != nil {
		st.Account = &h.Extras
	}
	return policy.May(op, st)
}

func (b *bulk) same(a *Account) { b.result.Same = append(b.result.Same, a.LocalPart) }

func (b *bulk) refuse(local string, m Message) {
	b.result.Refused = append(b.result.Refused, RefusedAccount{local, m})
}

// change notes that an account changes, and its event.
func (b *bulk) change(a *Account, kind string, detail Detail) {
	b.changed = append(b.changed, a)
	b.result.Done = append(b.result.Done, a.LocalPart)
	of := Access{Service: b.access.Service, Account: a}
	b.events = append(b.events, of.mailEvent(kind, detail))
}

// write sets a column of the accounts that change.
func (b *bulk) write(tx *Tx, set string, value any) error {
	if len(b.changed) == 0 {
		return nil
	}
	return tx.exec("UPDATE accounts SET "+set+", version = version + 1 WHERE id IN ?", value, idsOf(b.changed))
}

func idsOf(accounts []*Account) []int64 {
	ids := make([]int64, len(accounts))
	for i, a := range accounts {
		ids[i] = a.ID
	}
	return ids
}

// replaceWords gives accounts the words of what they are called now, by two
// statements however many there are.
func (tx *Tx) replaceWords(accounts []*Account) error {
	if len(accounts) == 0 {
		return nil
	}
	if err := tx.exec("DELETE FROM account_words WHERE account_id IN ?", idsOf(accounts)); err != nil {
		return err
	}
	var pairs [][2]any
	for _, a := range accounts {
		for _, w := range words(a.LocalPart, a.Description) {
			pairs = append(pairs, [2]any{a.ID, w})
		}
	}
	text, err := json.Marshal(pairs)
	if err != nil {
		return err
	}
	list := "json_each(?)"
	if tx.conn != nil {
		list = "jsonb_array_elements(CAST(? AS jsonb))"
	}
	return tx.exec(`INSERT INTO account_words (service_id, word, local_part, account_id)
		SELECT a.service_id, w.value ->> 1, a.local_part, a.id FROM `+list+` AS w JOIN accounts a ON a.id = CAST(w.value ->> 0 AS bigint)`, string(text))
}
