package models_test

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
)

// What people do to several accounts at once: the part of the machine that
// decides each by itself.

// pRoom is what a service of the machine has for all its accounts: less than
// three of the largest.
const pRoom = 12 * models.GB

// allotted is what the accounts take together, those being deleted too.
func (sv *pService) allotted() (sum int64) {
	for _, a := range sv.accounts {
		sum += a.size
	}
	return sum
}

// firstSize is the size of an account that is made without one, and whether it fits.
func (sv *pService) firstSize() (size int64, fits bool) {
	left := pRoom - sv.allotted()
	size = min(models.DefaultMaxAccountBytes, max(left, models.MinSizeBytes))
	return size, size <= left
}

// ticked draws some addresses, one of which is nobody's, and somebody; want is
// the outcome of a refusal of all, and each says of one whether it can be done.
func (m *machine) ticked(t *rapid.T, op policy.Operation) (sv *pService, locals []string, by *pPerson, want string, each func(local string) *pAccount) {
	sv = m.drawService(t)
	locals = rapid.SliceOfNDistinct(rapid.SampledFrom(append([]string{"nobody"}, pLocals...)), 1, 4, rapid.ID).Draw(t, "locals")
	slices.Sort(locals)
	by = m.drawPerson(t, sv, "by")
	want = m.may(op, sv, nil, by)
	return sv, locals, by, want, func(local string) *pAccount {
		if a := sv.account(local); a != nil && m.may(op, sv, a, by) == done {
			return a
		}
		return nil
	}
}

// became compares what a verb on several answered with what it should have.
func (m *machine) became(what string, r *models.BulkResult, err error, want string, expected models.BulkResult) {
	m.t.Helper()
	m.agree(what, err, want)
	if want != done {
		return
	}
	if got, want := became(r, nil), became(&expected, nil); got != want {
		m.t.Fatalf("%s: %q, want %q", what, got, want)
	}
}

// refuse notes that an account should be refused.
func refuse(r *models.BulkResult, local, key string) {
	r.Refused = append(r.Refused, models.RefusedAccount{LocalPart: local, Message: models.Message{Key: key}})
}

// many decides each of locals by decide, which answers whether there was
// anything to do, or the key of a refusal.
func (m *machine) many(sv *pService, locals []string, want string, each func(string) *pAccount, decide func(a *pAccount) (changed bool, key string)) (expected models.BulkResult) {
	if want != done {
		return expected
	}
	for _, local := range locals {
		a := each(local)
		if a == nil {
			refuse(&expected, local, "account.bulk.gone")
			continue
		}
		switch changed, key := decide(a); {
		case key != "":
			refuse(&expected, local, key)
		case changed:
			expected.Done = append(expected.Done, local)
			sv.events++
		default:
			expected.Same = append(expected.Same, local)
		}
	}
	return expected
}

func (m *machine) describeSeveral(t *rapid.T) {
	sv, locals, by, want, each := m.ticked(t, policy.DescribeAccount)
	text := rapid.SampledFrom([]string{"one", "two"}).Draw(t, "text")
	r, err := m.w.Store.DescribeAccounts(t.Context(), by.actor, sv.domain, locals, text)
	m.became(fmt.Sprintf("%s describes %v@%s", by.name, locals, sv.domain), r, err, want, m.many(sv, locals, want, each, func(a *pAccount) (bool, string) {
		was := a.text
		a.text = text
		return was != text, ""
	}))
}

func (m *machine) resizeSeveral(t *rapid.T) {
	sv, locals, by, want, each := m.ticked(t, policy.LimitAccount)
	size := rapid.SampledFrom([]int64{1, 3, 4, 5}).Draw(t, "GB") * models.GB
	r, err := m.w.Store.ResizeAccounts(t.Context(), by.actor, sv.domain, locals, size)
	m.became(fmt.Sprintf("%s sizes %v@%s to %d", by.name, locals, sv.domain, size), r, err, want, m.many(sv, locals, want, each, func(a *pAccount) (bool, string) {
		if sv.allotted()-a.size+size > pRoom && size != a.size {
			return false, "account.size.total"
		}
		was := a.size
		a.size = size
		return was != size, ""
	}))
}

func (m *machine) blockSeveral(t *rapid.T) {
	sv, locals, by, want, each := m.ticked(t, policy.LimitAccount)
	verb, blocked := m.w.Store.UnblockAccounts, rapid.Bool().Draw(t, "blocked")
	if blocked {
		verb = m.w.Store.BlockAccounts
	}
	r, err := verb(t.Context(), by.actor, sv.domain, locals)
	m.became(fmt.Sprintf("%s blocks %v@%s: %v", by.name, locals, sv.domain, blocked), r, err, want, m.many(sv, locals, want, each, func(a *pAccount) (bool, string) {
		was := a.blocked
		a.blocked = blocked
		return was != blocked, ""
	}))
}

func (m *machine) revokeSeveral(t *rapid.T) {
	sv, locals, by, want, each := m.ticked(t, policy.ChangeGrant)
	from := rapid.SliceOfNDistinct(rapid.SampledFrom(m.people), 1, 3, func(p *pPerson) string { return p.name }).Draw(t, "from")
	r, err := m.w.Store.RevokeOnAccounts(t.Context(), by.actor, sv.domain, locals, names(from))
	what := fmt.Sprintf("%s revokes from %v on %v@%s", by.name, names(from), locals, sv.domain)
	var live, lapsed []*pGrant
	expected := m.many(sv, locals, want, each, func(a *pAccount) (bool, string) {
		some := false
		for _, g := range sv.grants {
			switch {
			case g.account != a || g.why != "" || !slices.Contains(from, g.holder) || sv.owner != by && g.from != by:
			case g.lapsed(m.now()):
				lapsed = append(lapsed, g)
			default:
				live, some = append(live, g), true
			}
		}
		if some {
			sv.events-- // counted with the grants that end
		}
		return some, ""
	})
	m.became(what, r, err, want, expected)
	if want != done || len(expected.Done)+len(expected.Same) == 0 {
		return
	}
	if len(r.Ended) != len(live) {
		m.t.Fatalf("%s: ended %d, want %d", what, len(r.Ended), len(live))
	}
	sv.events += m.end(models.EndedByTime, lapsed...) + m.end(models.EndedByRevoking, live...)
}
