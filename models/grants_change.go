package models

import (
	"context"
	"slices"
	"strings"
	"time"

	"example.org/mandat/models/policy"
)

// grasp is a grant with what the actor may do to it.
type grasp struct {
	Grant
	access *Access
	staff  bool   // the holder is an agent, to whom support gives nothing
	taken  bool   // somebody gave the same person the same thing anew
	parent *Grant // what it rests on, nil for nothing; only its end, extras and ending are read
}

// grasp locks the service of a grant and reads the grant as the actor sees it:
// the owner any on the service, its giver while the right to give lasts, its holder.
// Everybody else gets ErrNotFound.
func (tx *Tx) grasp(id int64, op policy.Operation) (*grasp, error) {
	var service int64
	if err := tx.scan(&service, "SELECT s.id FROM services s JOIN grants g ON g.service_id = s.id WHERE g.id = ?"+tx.forUpdate("s"), id); err != nil {
		return nil, err
	}
	a, err := tx.entered(service, "", policy.SeeService)
	if err != nil {
		return nil, err
	}
	var row struct {
		Grant `gorm:"embedded"`
		Taken bool
		Staff bool
		Rests Grant `gorm:"embedded;embeddedPrefix:rests_"`
	}
	err = tx.scan(&row, "SELECT "+grantFields+`, EXISTS (SELECT 1 FROM grants n WHERE n.ended_at IS NULL AND n.id <> grants.id AND n.kind = grants.kind
		AND n.service_id = grants.service_id AND n.local_part = grants.local_part AND n.grantee_id = grants.grantee_id) AS taken,
		EXISTS (SELECT 1 FROM agents z WHERE z.customer_id = grants.grantee_id AND z.removed_at IS NULL) AS staff,
		(SELECT c.identifier FROM customers c WHERE c.id = grants.grantee_id) AS grantee, p.id AS rests_id, p.extras AS rests_extras, p.expires_at AS rests_expires_at, p.ended_at AS rests_ended_at
		FROM grants LEFT JOIN grants p ON p.id = grants.parent_id WHERE grants.id = ?`, id)
	if err != nil {
		return nil, err
	}
	g := &grasp{Grant: row.Grant, access: a, taken: row.Taken, staff: row.Staff}
	if row.Rests.ID != 0 {
		g.parent = &row.Rests
	}
	switch may := grantRights(&g.Grant, tx.by.holder(), a.Standing); {
	case !may.See:
		return nil, ErrNotFound
	case op == policy.ResignGrant && !may.Resign, op == policy.ChangeGrant && !may.Change:
		return nil, a.Service.forbidden(op)
	}
	if a.Service.State == ServiceSuspended {
		return nil, ErrSuspended
	}
	return g, nil
}

// notToStaff refuses that support gives anything to a customer who belongs to
// an agent; to take it away is theirs.
func (tx *Tx) notToStaff(g *grasp) error {
	if tx.by.assists() && g.staff {
		return invalid("grant", "grant.refused.staff", "Identifier", g.Grantee)
	}
	return nil
}

// GrantRights is what somebody may do to one grant.
type GrantRights struct{ See, Change, Resign bool }

func grantRights(g *Grant, me int64, st policy.Standing) GrantRights {
	var r GrantRights
	switch policy.Decide(policy.ChangeGrant, st) {
	case policy.Everything:
		r.Change = true
	case policy.GivenGrants:
		r.Change = g.GiverID == me
	}
	r.Resign = g.GranteeID == me && policy.May(policy.ResignGrant, st)
	r.See = r.Change || g.GranteeID == me || policy.Decide(policy.SeeGrants, st) == policy.Everything
	return r
}

// Revoke ends a grant, and those that rested on it, at once: when it returns,
// nothing of that delegate succeeds any more. Whoever may change the grant may.
// A grant that has ended already is left as it is.
func (s *Store) Revoke(ctx context.Context, by Actor, id int64) (*Grant, error) {
	return s.end(ctx, by, id, policy.ChangeGrant, EndedByRevoking)
}

// Resign ends a grant that by holds.
func (s *Store) Resign(ctx context.Context, by Actor, id int64) (*Grant, error) {
	return s.end(ctx, by, id, policy.ResignGrant, EndedByHolder)
}

func (s *Store) end(ctx context.Context, by Actor, id int64, op policy.Operation, why string) (*Grant, error) {
	var ended *Grant
	err := s.change(ctx, by, func(tx *Tx) error {
		g, err := tx.grasp(id, op)
		if err != nil {
			return err
		}
		ended = &g.Grant
		if !g.Live(tx.now) {
			if g.EndedAt != nil {
				return nil
			}
			why = EndedByTime // nobody may claim to have ended what time has
		}
		events, err := tx.endGrants(&g.access.Service, why, "id = @arg", id)
		if err != nil {
			return err
		}
		g.EndedAt, g.EndedWhy = &tx.now, why
		g.Version++
		return tx.record(events...)
	})
	if err != nil {
		return nil, err
	}
	return ended, nil
}

// Restore takes a revocation back within UndoFor: the very same grant with what
// ended with it. Invalid (field "grant") when it is too late, the person was
// given the same anew meanwhile, the account or the grant that it rested on is
// gone, or the grant would have lapsed by now. Whoever may change the grant may.
func (s *Store) Restore(ctx context.Context, by Actor, id int64) (*Grant, error) {
	var restored *Grant
	err := s.change(ctx, by, func(tx *Tx) error {
		g, err := tx.grasp(id, policy.ChangeGrant)
		if err != nil {
			return err
		}
		restored = &g.Grant
		if err := tx.notToStaff(g); err != nil {
			return err
		}
		switch {
		case g.EndedAt == nil:
			return nil
		case g.taken:
			return invalid("grant", "grant.restore.taken", "Object", g.Object())
		case !g.Restorable(tx.now), g.ExpiresAt != nil && !g.ExpiresAt.After(tx.now):
			return invalid("grant", "grant.restore.late")
		case g.parent != nil && !(g.parent.Live(tx.now) && g.parent.Extras.Has(policy.Delegate)):
			return invalid("grant", "grant.restore.gone", "Object", g.Object())
		}
		var back []Grant
		err = tx.scan(&back, `UPDATE grants SET ended_at = NULL, ended_why = NULL, ended_by = NULL, ended_with = NULL, version = version + 1
			WHERE (id = @id OR ended_with = @id AND ended_at = @ended AND (expires_at IS NULL OR expires_at > @now))
			AND (kind = 'service' OR account_id IN (SELECT a.id FROM accounts a WHERE a.id = grants.account_id AND a.state <> 'deleting'))
			AND NOT EXISTS (SELECT 1 FROM grants n WHERE n.ended_at IS NULL AND n.kind = grants.kind AND n.service_id = grants.service_id
				AND n.local_part = grants.local_part AND n.grantee_id = grants.grantee_id)
			RETURNING `+grantFields, map[string]any{"id": id, "now": tx.now, "ended": *g.EndedAt})
		if err != nil {
			return err
		}
		slices.SortFunc(back, func(a, b Grant) int { return int(a.ID - b.ID) })
		shares, found := 0, false
		events := make([]Event, len(back))
		for i := range back {
			events[i] = back[i].event("grant.restored", nil)
			tx.tellHolder(NoticeRestored, &back[i], nil)
			if back[i].ID == id {
				back[i].Grantee = g.Grantee
				restored, found = &back[i], true
			}
			if back[i].Kind == policy.OnService {
				shares++
			}
		}
		if !found {
			return invalid("grant", "grant.restore.gone", "Object", g.Object())
		}
		if err := tx.countShares(g.ServiceID, shares); err != nil {
			return err
		}
		if g.parent != nil { // which may have been narrowed meanwhile
			was := *restored
			restored.keepWithin(g.parent)
			narrowed, err := tx.amend(&was, restored)
			if err != nil {
				return err
			}
			events = append(events, narrowed...)
		}
		return tx.record(events...)
	})
	if err != nil {
		return nil, err
	}
	return restored, nil
}

// GrantTerms are what can be changed of a grant.
type GrantTerms struct {
	Ticked    policy.Extra
	ExpiresAt *time.Time
	Note      string
	Version   int // as shown; another means ErrConflict
}

// ChangeGrant changes extras, end and note of a grant in force. Whoever may
// change it may, within what they could give. What rested on the grant is
// narrowed with it, and ends when the right to delegate goes. It writes nothing
// when nothing differs.
func (s *Store) ChangeGrant(ctx context.Context, by Actor, id int64, t GrantTerms) (*Grant, error) {
	bad := Invalid{}
	t.Note = checkNote(t.Note, bad)
	t.ExpiresAt = checkExpiry(t.ExpiresAt, s.now(), bad)
	if err := bad.orNil(); err != nil {
		return nil, err
	}
	return s.alter(ctx, by, id, func(g *grasp) error {
		if t.Version != g.Version {
			return ErrConflict
		}
		g.Extras = t.Ticked & policy.Applicable(g.Kind)
		g.ExpiresAt, g.Note = t.ExpiresAt, t.Note
		return nil
	})
}

// ExtendBy is how far ExtendGrant moves the end of a grant.
const ExtendBy = 90 * 24 * time.Hour

// ExtendGrant moves the end of a grant in force by ExtendBy. A grant without an end stays without.
func (s *Store) ExtendGrant(ctx context.Context, by Actor, id int64) (*Grant, error) {
	return s.alter(ctx, by, id, func(g *grasp) error {
		if g.ExpiresAt != nil {
			until, bad := g.ExpiresAt.Add(ExtendBy), Invalid{}
			g.ExpiresAt = checkExpiry(&until, s.now(), bad)
			return bad.orNil()
		}
		return nil
	})
}

// alter applies a change to a grant in force and keeps what rests on it within it.
func (s *Store) alter(ctx context.Context, by Actor, id int64, apply func(*grasp) error) (*Grant, error) {
	var changed *Grant
	err := s.change(ctx, by, func(tx *Tx) error {
		g, err := tx.grasp(id, policy.ChangeGrant)
		if err != nil {
			return err
		}
		if !g.Live(tx.now) {
			return invalid("grant", "grant.change.ended")
		}
		if err := tx.notToStaff(g); err != nil {
			return err
		}
		was := g.Grant
		if err := apply(g); err != nil {
			return err
		}
		g.Extras = g.access.grantable(g.Extras, was.Extras)
		if g.parent != nil { // the owner too: what was passed on never goes past what it rests on
			on := Held{Extras: g.parent.Extras, ExpiresAt: g.parent.ExpiresAt}
			if g.Extras, g.ExpiresAt, err = on.within(g.Extras, g.ExpiresAt); err != nil {
				return err
			}
		}
		changed = &g.Grant
		events, err := tx.amend(&was, &g.Grant)
		if err != nil || len(events) == 0 {
			return err
		}
		if g.Kind == policy.OnService {
			narrowed, err := tx.narrow(g)
			if err != nil {
				return err
			}
			events = append(events, narrowed...)
		}
		return tx.record(events...)
	})
	if err != nil {
		return nil, err
	}
	return changed, nil
}

// narrow keeps what a delegate passed on within what they still hold.
func (tx *Tx) narrow(g *grasp) ([]Event, error) {
	if !g.Extras.Has(policy.Delegate) {
		return tx.endGrants(&g.access.Service, EndedByRevoking, "parent_id = @arg", g.ID)
	}
	var wide []Grant
	err := tx.scan(&wide, "SELECT "+grantFields+" FROM grants WHERE parent_id = ? AND ended_at IS NULL ORDER BY id", g.ID)
	if err != nil {
		return nil, err
	}
	var events []Event
	var ids []int64
	for i := range wide {
		was := wide[i]
		wide[i].keepWithin(&g.Grant)
		if detail := was.differences(&wide[i]); len(detail) > 0 {
			ids, events = append(ids, was.ID), append(events, was.event("grant.changed", detail))
			tx.tellHolder(NoticeChanged, &wide[i], &was)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	on := Held{Extras: g.Extras}
	err = tx.exec(`UPDATE grants SET extras = extras & @most, version = version + 1,
		expires_at = CASE WHEN expires_at <= @until THEN expires_at ELSE COALESCE(@until, expires_at) END WHERE id IN @ids`,
		map[string]any{"most": on.passable(), "until": g.ExpiresAt, "ids": ids})
	return events, err
}

// keepWithin narrows a grant to the one that it rests on.
func (g *Grant) keepWithin(parent *Grant) {
	on := Held{Extras: parent.Extras}
	g.Extras &= on.passable()
	if parent.ExpiresAt != nil && (g.ExpiresAt == nil || g.ExpiresAt.After(*parent.ExpiresAt)) {
		g.ExpiresAt = parent.ExpiresAt
	}
}

// amend writes what differs between a grant as it was and as it is, and returns
// its event for the caller to record; none when nothing does.
func (tx *Tx) amend(was, is *Grant) ([]Event, error) {
	detail := was.differences(is)
	if len(detail) == 0 {
		return nil, nil
	}
	is.Version++
	tx.tellHolder(NoticeChanged, is, was)
	err := tx.exec("UPDATE grants SET extras = ?, expires_at = ?, note = ?, version = ? WHERE id = ?", is.Extras, is.ExpiresAt, is.Note, is.Version, is.ID)
	return []Event{is.event("grant.changed", detail)}, err
}

// differences is what the history keeps of a change.
func (g *Grant) differences(to *Grant) Detail {
	d := Detail{}
	if g.Extras != to.Extras {
		d["extras"] = Change{Before: strings.Join(g.Extras.Names(), " "), After: strings.Join(to.Extras.Names(), " ")}
	}
	if (g.ExpiresAt == nil) != (to.ExpiresAt == nil) || g.ExpiresAt != nil && !g.ExpiresAt.Equal(*to.ExpiresAt) {
		c := Change{}
		if g.ExpiresAt != nil {
			c.Before = *g.ExpiresAt
		}
		if to.ExpiresAt != nil {
			c.After = *to.ExpiresAt
		}
		d["expires"] = c
	}
	if g.Note != to.Note {
		d["note"] = Change{Before: g.Note, After: to.Note}
	}
	return d
}
