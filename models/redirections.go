package models

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"example.org/mandat/models/policy"
)

// Redirection sends the mail of one address on to others. Of an account it may
// leave a copy in the mailbox; without one its address is an alias.
type Redirection struct {
	ID        int64
	AccountID int64  // 0: no mailbox has this address
	LocalPart string // "" of a catch-all: every address that nothing else has
	Address   string // local@A-label; @A-label of a catch-all
	KeepCopy  bool
	Version   int
	Targets   []Target // by address
}

// Target is one address that a redirection leads to.
type Target struct {
	Address string // with an A-label
	Outside bool   // of the service: mail leaves it
	Missing bool   // an address of the service that is not there any more: mail to it bounces
}

// CatchAll says whether the redirection takes every address that nothing else has.
func (r *Redirection) CatchAll() bool { return r.LocalPart == "" }

// Readable is the address as people write it; a catch-all has a star for its local part.
func (r *Redirection) Readable() string { return readableSource(r.Address) }

func readableSource(address string) string {
	if strings.HasPrefix(address, "@") {
		address = "*" + address
	}
	return ReadableAddress(address)
}

// TargetAddresses are the targets in the order of the alphabet, with A-labels.
func (r *Redirection) TargetAddresses() []string {
	list := make([]string, len(r.Targets))
	for i, t := range r.Targets {
		list[i] = t.Address
	}
	return list
}

// Limits on what is typed about a redirection.
const (
	MaxTargets     = 50
	maxTargetsText = MaxTargets * (maxAddress + 2) // characters
	wrongShown     = 5                             // of several wrong targets
)

// NewRedirection is what is typed to make a redirection.
type NewRedirection struct {
	Local    string // before the @, or a whole address of the service
	CatchAll bool   // instead of Local
	Targets  string // 1 to MaxTargets addresses, apart by commas, semicolons, spaces or line ends
	KeepCopy bool   // means something for the address of an account only
}

// CreateRedirection makes a redirection. Whoever may edit redirections may; with
// a target outside of the service, ForwardOut is needed too. The source is an
// account without a redirection, an address that nothing has yet, or the
// catch-all. Invalid for a source or target that does not do, the limit
// reached, and a chain that comes back or is too long.
func (s *Store) CreateRedirection(ctx context.Context, by Actor, domain string, n NewRedirection) (*Redirection, error) {
	bad := Invalid{}
	local := ""
	if !n.CatchAll {
		local = parseSource(n.Local, domain, bad)
	}
	targets := parseTargets(n.Targets, bad)
	if err := bad.orNil(); err != nil {
		return nil, err
	}
	r := &Redirection{LocalPart: local, Address: local + "@" + domain, KeepCopy: n.KeepCopy, Version: 1}
	err := s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enter(domain, "", policy.EditRedirections)
		if err != nil {
			return err
		}
		if a.Service.RedirectionCount >= a.Service.MaxRedirections {
			return invalid("", "redirection.limit", "Limit", a.Service.MaxRedirections)
		}
		if err := tx.takeSource(r); err != nil {
			return err
		}
		if err := r.leadTo(a, targets); err != nil {
			return err
		}
		if err := tx.holdChains(r.Targets); err != nil {
			return err
		}
		if err := tx.insertRedirection(a, r); err != nil {
			return err
		}
		chain, err := tx.chain(a, r)
		if err != nil {
			return err
		}
		if err := chain.check(a, r); err != nil {
			return err
		}
		if err := tx.compileAll(a, chain.answering()); err != nil {
			return err
		}
		tx.tellForward(a, "redirection.created", r.object(), r.outside(chain.leaves(domain))...)
		return tx.record(a.redirectionEvent("redirection.created", nil, r))
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// parseSource gives the local part of the address that is redirected.
func parseSource(text, domain string, bad Invalid) string {
	text = strings.TrimSpace(text)
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		if of, problem := ParseDomain(text[at+1:]); problem != nil || of != domain {
			bad.Add("from", "redirection.from.elsewhere", "Domain", ReadableDomain(domain))
			return ""
		}
		text = text[:at]
	}
	local, problem := ParseLocalPart(text)
	if problem == nil {
		problem = checkAddressLength(local, domain)
	}
	if problem != nil {
		bad.Add("from", problem.Key, problem.Args...)
	}
	return local
}

// parseTargets gives the normal forms of the targets, each once, in order.
func parseTargets(text string, bad Invalid) []string {
	if len(text) > maxTargetsText {
		bad.Add("to", "redirection.to.many", "Most", MaxTargets)
		return nil
	}
	pieces := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) })
	var targets []string
	wrong := 0
	for _, piece := range pieces {
		target, problem := ParseMailbox(piece)
		if problem == nil {
			targets = append(targets, target)
		} else if wrong++; wrong <= wrongShown {
			bad.Add("to", "redirection.to.wrong", "Target", shorten(legible(piece), maxWord), "Problem", *problem)
		}
	}
	slices.Sort(targets)
	targets = slices.Compact(targets)
	switch {
	case len(pieces) == 0:
		bad.Add("to", "redirection.to.none")
	case len(targets) > MaxTargets:
		bad.Add("to", "redirection.to.many", "Most", MaxTargets)
	}
	return targets
}

// takeSource finds out what the source of a new redirection is, under the lock
// of the service.
func (tx *Tx) takeSource(r *Redirection) error {
	var source struct {
		AccountID   int64
		Kind        string
		Redirection int64
	}
	err := tx.scan(&source, `SELECT COALESCE((SELECT a.id FROM accounts a WHERE a.address = @address AND a.state <> 'deleting'), 0) AS account_id,
		COALESCE((SELECT d.kind FROM addresses d WHERE d.address = @address), '') AS kind,
		COALESCE((SELECT r.id FROM redirections r WHERE r.address = @address), 0) AS redirection`, map[string]any{"address": r.Address})
	if err != nil {
		return err
	}
	switch {
	case source.Redirection != 0:
		return invalid("from", "redirection.from.exists", "Address", r.Readable())
	case source.AccountID == 0 && source.Kind != "":
		return r.taken(source.Kind)
	}
	if r.AccountID = source.AccountID; r.AccountID == 0 {
		r.KeepCopy = false
	}
	return nil
}

// taken refuses a source that is something else already; "account" is one being deleted.
func (r *Redirection) taken(kind string) Invalid {
	key := map[string]string{"account": "redirection.from.account", "list": "redirection.from.list", "responder": "redirection.from.responder"}[kind]
	return invalid("from", key, "Address", r.Readable())
}

// leadTo gives a redirection its targets, as far as the actor may. That of an
// account may name the account itself among others: that is the copy.
func (r *Redirection) leadTo(a *Access, targets []string) error {
	if rest := slices.DeleteFunc(slices.Clone(targets), func(t string) bool { return WithoutDetail(t) == r.Address }); len(rest) < len(targets) {
		switch {
		case r.AccountID == 0:
			return invalid("to", "redirection.to.itself", "Address", r.Readable())
		case len(rest) == 0:
			return invalid("to", "redirection.to.only_itself", "Address", r.Readable())
		}
		targets, r.KeepCopy = rest, true
	}
	r.Targets = make([]Target, len(targets))
	for i, t := range targets {
		r.Targets[i] = Target{Address: t, Outside: Outside(t, a.Service.Domain)}
	}
	for _, t := range r.Targets {
		if t.Outside && !a.May(policy.ForwardOut) {
			return invalid("to", "redirection.to.outside", "Target", ReadableAddress(t.Address), "Owner", a.Service.OwnerIdentifier)
		}
	}
	return nil
}

func (tx *Tx) insertRedirection(a *Access, r *Redirection) error {
	err := tx.scan(&r.ID, `INSERT INTO redirections (service_id, account_id, local_part, address, keep_copy, created_by, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id`, a.Service.ID, orNull(r.AccountID), r.LocalPart, r.Address, r.KeepCopy, orNull(tx.by.Customer), tx.now)
	if err != nil {
		return err
	}
	return tx.insertTargets(r)
}

func (tx *Tx) insertTargets(r *Redirection) error {
	args := make([]any, 0, 3*len(r.Targets))
	for _, t := range r.Targets {
		args = append(args, r.ID, t.Address, t.Outside)
	}
	return tx.exec("INSERT INTO redirection_targets (redirection_id, target, outside) VALUES "+tuples(len(r.Targets), 3), args...)
}

// RedirectionSettings is what is typed on the page of a redirection.
type RedirectionSettings struct {
	Targets  string // as of NewRedirection
	KeepCopy bool
	Version  int // as shown; another means ErrConflict
}

// ChangeRedirection changes where a redirection leads, and whether the mailbox
// keeps a copy. The rules are those of CreateRedirection: who may not send mail
// out of the service saves it only without the targets that do. It writes
// nothing when nothing differs.
func (s *Store) ChangeRedirection(ctx context.Context, by Actor, domain string, id int64, n RedirectionSettings) (*Redirection, error) {
	bad := Invalid{}
	targets := parseTargets(n.Targets, bad)
	if err := bad.orNil(); err != nil {
		return nil, err
	}
	var is Redirection
	err := s.change(ctx, by, func(tx *Tx) error {
		a, was, before, err := tx.enterRedirection(domain, id)
		if err != nil {
			return err
		}
		if n.Version != was.Version {
			return ErrConflict
		}
		is = *was
		is.KeepCopy = n.KeepCopy && was.AccountID != 0
		if err := is.leadTo(a, targets); err != nil {
			return err
		}
		if is.KeepCopy == was.KeepCopy && slices.Equal(is.TargetAddresses(), was.TargetAddresses()) {
			return nil
		}
		is.Version++
		if err := tx.exec("UPDATE redirections SET keep_copy = ?, version = version + 1 WHERE id = ?", is.KeepCopy, id); err != nil {
			return err
		}
		chain := before
		if !slices.Equal(is.TargetAddresses(), was.TargetAddresses()) {
			if chain, err = tx.redirect(a, &is, before); err != nil {
				return err
			}
		}
		tx.tellForward(a, "redirection.changed", is.object(), is.outside(chain.leaves(domain))...)
		return tx.record(a.redirectionEvent("redirection.changed", was, &is))
	})
	if err != nil {
		return nil, err
	}
	return &is, nil
}

// redirect writes other targets of a redirection whose chain was before, and
// returns the one that begins there now.
func (tx *Tx) redirect(a *Access, r *Redirection, before chain) (chain, error) {
	if err := tx.holdChains(r.Targets); err != nil {
		return chain{}, err
	}
	if err := tx.exec("DELETE FROM redirection_targets WHERE redirection_id = ?", r.ID); err != nil {
		return chain{}, err
	}
	if err := tx.insertTargets(r); err != nil {
		return chain{}, err
	}
	after, err := tx.chain(a, r)
	if err != nil {
		return chain{}, err
	}
	if err := after.check(a, r); err != nil {
		return chain{}, err
	}
	return after, tx.compileAll(a, append(before.answering(), after.answering()...))
}

// DeleteRedirection takes a redirection away: mail to an alias bounces from then
// on, or goes where the catch-all leads; that of an account arrives there. The
// redirection is returned as it was. Invalid for an alias that the catch-all leads to.
func (s *Store) DeleteRedirection(ctx context.Context, by Actor, domain string, id int64) (*Redirection, error) {
	var was *Redirection
	err := s.change(ctx, by, func(tx *Tx) error {
		a, r, before, err := tx.enterRedirection(domain, id)
		if err != nil {
			return err
		}
		was = r
		if r.AccountID == 0 && !r.CatchAll() {
			err = tx.free(a, r.Address, "DELETE FROM redirections WHERE id = ?", id)
		} else {
			err = tx.exec("DELETE FROM redirections WHERE id = ?", id)
		}
		if err != nil {
			return err
		}
		if err := tx.compileAll(a, before.answering()); err != nil {
			return err
		}
		return tx.record(a.redirectionEvent("redirection.deleted", r, nil))
	})
	if err != nil {
		return nil, err
	}
	return was, nil
}

// enterRedirection is enter for a redirection of the service, with the chain
// that begins there.
func (tx *Tx) enterRedirection(domain string, id int64) (*Access, *Redirection, chain, error) {
	a, err := tx.enter(domain, "", policy.EditRedirections)
	if err != nil {
		return nil, nil, chain{}, err
	}
	r := &Redirection{ID: id}
	before, err := tx.chain(a, r)
	if err != nil {
		return nil, nil, chain{}, err
	}
	if !before.fill(r) {
		return nil, nil, chain{}, ErrNotFound
	}
	return a, r, before, nil
}

// redirectionEvent tells where a redirection led before and after; nil is none.
func (a *Access) redirectionEvent(kind string, was, is *Redirection) Event {
	of := cmp.Or(is, was)
	detail := Detail{}
	note := func(field string, value func(*Redirection) string) {
		var c Change
		if was != nil {
			c.Before = value(was)
		}
		if is != nil {
			c.After = value(is)
		}
		if c.Before != c.After {
			detail[field] = c
		}
	}
	note("targets", func(r *Redirection) string { return strings.Join(r.TargetAddresses(), ", ") })
	if of.AccountID != 0 {
		note("keep_copy", func(r *Redirection) string { return map[bool]string{true: "yes", false: "no"}[r.KeepCopy] })
	}
	return Event{
		ServiceID: a.Service.ID, Kind: kind, Class: MailEvent, OwnerID: a.Service.OwnerID, AccountID: of.AccountID, Object: of.object(), Detail: detail,
	}
}

// outside are the addresses out of the service that a redirection leads to, else
// the one at the end of its chain, if that leaves the service.
func (r *Redirection) outside(end string) []string {
	var list []string
	for _, t := range r.Targets {
		if t.Outside {
			list = append(list, t.Address)
		}
	}
	if list == nil && end != "" {
		list = []string{end}
	}
	return list
}

// object is the source as the history has it: a catch-all has a star for its local part.
func (r *Redirection) object() string {
	if r.CatchAll() {
		return "*" + r.Address
	}
	return r.Address
}
