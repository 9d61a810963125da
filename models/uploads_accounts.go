package models

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.org/mandat/models/policy"
)

// accountBatch is a file of accounts. A line makes an account, without a
// password, or changes the description and the size of one that is there.
type accountBatch struct {
	plans []*accountPlan // of the lines that were not refused, in their order
}

// accountPlan is what one line asks for.
type accountPlan struct {
	line        int // index of its UploadRow
	is          Account
	was         *Account // nil: there is none yet
	taken       string   // what else has the address; "account" for one being deleted
	description bool     // was given
	size        bool
}

// judge decides about the lines one by one, and then about the room that they
// take together: what shrinks makes room for any other line.
func (b *accountBatch) judge(tx *Tx, a *Access, v *verdicts, tell func(float64)) error {
	for i, r := range v.rows {
		p, bad := planAccount(a, r)
		if p.line = i; !v.refuse(i, bad) && !v.double(i, p.is.Address) {
			b.plans = append(b.plans, p)
		}
	}
	if err := tx.findAccounts(b.plans, tell); err != nil {
		return err
	}
	for _, p := range b.plans {
		p.settle(a)
	}
	b.plans = slices.DeleteFunc(b.plans, func(p *accountPlan) bool { return v.refuse(p.line, p.check(a)) })
	room := newRoom(a, b.plans)
	b.plans = slices.DeleteFunc(b.plans, func(p *accountPlan) bool { return v.refuse(p.line, room.take(p)) })
	for _, p := range b.plans {
		v.settle(p.line, p.outcome(), p.is.Address, p.detail())
	}
	return nil
}

// planAccount reads one line by itself.
func planAccount(a *Access, r UploadRow) (*accountPlan, Invalid) {
	bad := Invalid{}
	local := parseSource(r.Address, a.Service.Domain, bad)
	p := &accountPlan{is: Account{ServiceID: a.Service.ID, LocalPart: local, Address: local + "@" + a.Service.Domain, State: AccountActive, Version: 1}}
	if strings.TrimSpace(deref(r.Description)) != "" { // an empty cell leaves what is there, as it does for the size
		p.is.Description, p.description = checkDescription(*r.Description, bad), true
	}
	p.is.SizeBytes, p.size = r.size(bad)
	return p, bad
}

// size is the size of a line, in bytes; given is false for a file without such a
// column, and for an empty cell.
func (r UploadRow) size(bad Invalid) (size int64, given bool) {
	text := strings.TrimSpace(deref(r.Bytes))
	n, err := strconv.ParseInt(text, 10, 64)
	size, right := n, err == nil && n >= 0
	if text == "" {
		text = strings.TrimSpace(deref(r.Gigabytes))
		size, right = ParseGB(strings.Replace(text, ",", ".", 1))
	}
	if text != "" && !right {
		bad.Add("size_gb", "account.size.shape", "Size", shorten(legible(text), maxWord))
	}
	return size, text != ""
}

// deref is the text of a cell, "" for none.
func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// findAccounts reads what the addresses of the plans are now.
func (tx *Tx) findAccounts(plans []*accountPlan, tell func(float64)) error {
	done := 0
	for part := range slices.Chunk(plans, stagingBatch) {
		at, addresses := make(map[string]*accountPlan, len(part)), make([]string, len(part))
		for i, p := range part {
			addresses[i] = p.is.Address
			at[addresses[i]] = p
		}
		var found []struct {
			Meaning string
			Kind    string
			Row     accountRow `gorm:"embedded;embeddedPrefix:a_"`
		}
		err := tx.scan(&found, "SELECT d.address AS meaning, d.kind, "+prefixed("a", accountFields)+" FROM addresses d LEFT JOIN accounts a ON a.address = d.address WHERE d.address IN ?", addresses)
		if err != nil {
			return err
		}
		for _, f := range found {
			p := at[f.Meaning]
			if p.was = f.Row.account(); p.was == nil {
				p.taken = f.Kind
			}
		}
		done += len(part)
		tell(float64(done) / float64(len(plans)))
	}
	return nil
}

// settle fills in what the line leaves as it is.
func (p *accountPlan) settle(a *Access) {
	if p.was == nil {
		if !p.size {
			p.is.SizeBytes = a.Service.MaxAccountBytes
		}
		return
	}
	is := *p.was
	if p.description {
		is.Description = p.is.Description
	}
	if p.size {
		is.SizeBytes = p.is.SizeBytes
	}
	p.is = is
}

// had is the size that the account has already.
func (p *accountPlan) had() int64 {
	if p.was == nil {
		return 0
	}
	return p.was.SizeBytes
}

// check is what the line may not do, whatever the others do.
func (p *accountPlan) check(a *Access) Invalid {
	bad := Invalid{}
	switch {
	case p.taken == "account":
		bad.Add("from", "upload.line.deleting", "Address", ReadableAddress(p.is.Address))
	case p.taken != "":
		bad.Add("from", "account.local.taken", "Address", ReadableAddress(p.is.Address))
	case p.was == nil && !a.May(policy.CreateAccount), p.was != nil && p.is.Description != p.was.Description && !a.May(policy.DescribeAccount),
		p.was != nil && p.is.SizeBytes != p.was.SizeBytes && !a.May(policy.LimitAccount):
		bad.Add("", "upload.line.forbidden", "Owner", a.Service.OwnerIdentifier)
	case p.was != nil && p.is.SizeBytes == p.was.SizeBytes: // even beyond what new ones may have
	case p.is.SizeBytes < MinSizeBytes:
		bad.Add("size_gb", "account.size.small", "Least", int64(MinSizeBytes))
	case p.is.SizeBytes > a.Service.MaxAccountBytes:
		bad.Add("size_gb", "account.size.large", "Most", a.Service.MaxAccountBytes)
	}
	return bad
}

// accountRoom is what a service has left for the lines of a file.
type accountRoom struct {
	service  *Service
	accounts int
	bytes    int64
}

// newRoom counts what shrinks first, since all lines are done together.
func newRoom(a *Access, plans []*accountPlan) *accountRoom {
	r := &accountRoom{service: &a.Service, accounts: a.Service.MaxAccounts - a.PaidAccounts(), bytes: a.Service.MaxBytes - a.Service.AllottedBytes}
	for _, p := range plans {
		r.bytes += max(p.had()-p.is.SizeBytes, 0)
	}
	return r
}

// take takes the room of one line, if there is as much.
func (r *accountRoom) take(p *accountPlan) Invalid {
	bad, more := Invalid{}, max(p.is.SizeBytes-p.had(), 0)
	counts := p.was == nil && p.is.LocalPart != Postmaster
	if counts && r.accounts < 1 {
		bad.Add("local", "account.limit.accounts", "Limit", r.service.MaxAccounts)
	}
	if more > r.bytes {
		bad.Add("size_gb", "account.size.total", "Left", max(r.bytes, 0), "Limit", r.service.MaxBytes)
	}
	if len(bad) == 0 {
		r.bytes -= more
		if counts {
			r.accounts--
		}
	}
	return bad
}

// detail is what the history will say of the line, nil when nothing changes.
func (p *accountPlan) detail() Detail {
	d := Detail{}
	if p.was == nil {
		d["size"] = Change{After: p.is.SizeBytes}
		if p.is.Description != "" {
			d["description"] = Change{After: p.is.Description}
		}
		return d
	}
	if p.is.Description != p.was.Description {
		d["description"] = Change{Before: p.was.Description, After: p.is.Description}
	}
	if p.is.SizeBytes != p.was.SizeBytes {
		d["size"] = Change{Before: p.was.SizeBytes, After: p.is.SizeBytes}
	}
	return d
}

func (p *accountPlan) outcome() UploadOutcome {
	switch {
	case p.was == nil:
		return LineCreated
	case len(p.detail()) > 0:
		return LineChanged
	}
	return LineUnchanged
}

func (b *accountBatch) write(tx *Tx, a *Access, tell func(float64)) error {
	var created, changed []*accountPlan
	more := int64(0)
	for _, p := range b.plans {
		more += p.is.SizeBytes - p.had()
		switch p.outcome() {
		case LineCreated:
			created = append(created, p)
		case LineChanged:
			changed = append(changed, p)
		}
	}
	done := 0
	for _, step := range []struct {
		plans []*accountPlan
		kind  string
		write func(*Tx, []*accountPlan) error
	}{{created, "account.created", insertAccounts}, {changed, "account.changed", updateAccounts}} {
		for part := range slices.Chunk(step.plans, stagingBatch) {
			if err := step.write(tx, part); err != nil {
				return err
			}
			events := make([]Event, len(part))
			for i, p := range part {
				events[i] = Event{
					ServiceID: a.Service.ID, Kind: step.kind, Class: MailEvent, OwnerID: a.Service.OwnerID, AccountID: p.is.ID, Object: p.is.Address, Detail: p.detail(),
				}
			}
			if err := tx.record(events...); err != nil {
				return err
			}
			done += len(part)
			tell(float64(done) / float64(len(created)+len(changed)))
		}
	}
	return tx.exec("UPDATE services SET account_count = account_count + ?, allotted_bytes = allotted_bytes + ? WHERE id = ?", len(created), more, a.Service.ID)
}

// insertAccounts makes the accounts of plans with their words, and notes their ids.
func insertAccounts(tx *Tx, plans []*accountPlan) error {
	args := make([]any, 0, 8*len(plans))
	for _, p := range plans {
		args = append(args, p.is.ServiceID, p.is.LocalPart, p.is.Address, p.is.Description, p.is.SizeBytes, p.is.State, orNull(tx.by.Customer), tx.now)
	}
	var made []struct {
		ID      int64
		Address string
	}
	err := tx.scan(&made, "INSERT INTO accounts (service_id, local_part, address, description, size_bytes, state, created_by, created_at) VALUES "+tuples(len(plans), 8)+" RETURNING id, address", args...)
	if err != nil {
		return err
	}
	ids := make(map[string]int64, len(made))
	for _, m := range made {
		ids[m.Address] = m.ID
	}
	for _, p := range plans {
		p.is.ID = ids[p.is.Address]
	}
	return tx.stageWords(plans)
}

// updateAccounts writes what changes of the accounts of plans, with their words.
func updateAccounts(tx *Tx, plans []*accountPlan) error {
	args, ids := make([]any, 0, 3*len(plans)), make([]int64, len(plans))
	for i, p := range plans {
		ids[i] = p.is.ID
		args = append(args, p.is.ID, p.is.Description, p.is.SizeBytes)
	}
	row := "(CAST(? AS bigint), CAST(? AS text), CAST(? AS bigint))"
	err := tx.exec(fmt.Sprintf("UPDATE accounts SET description = v.column2, size_bytes = v.column3, version = version + 1 FROM (VALUES %s) AS v WHERE accounts.id = v.column1",
		strings.TrimSuffix(strings.Repeat(row+", ", len(plans)), ", ")), args...)
	if err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM account_words WHERE account_id IN ?", ids); err != nil {
		return err
	}
	return tx.stageWords(plans)
}

// stageWords writes the search words of many accounts.
func (tx *Tx) stageWords(plans []*accountPlan) error {
	found := &staging{tx: tx, table: "account_words (service_id, word, local_part, account_id)", width: 4}
	for _, p := range plans {
		for _, w := range words(p.is.LocalPart, p.is.Description) {
			if err := found.add(p.is.ServiceID, w, p.is.LocalPart, p.is.ID); err != nil {
				return err
			}
		}
	}
	return found.flush()
}
