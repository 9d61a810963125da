package models

import (
	"context"
	"time"

	"example.org/mandat/models/policy"
)

// grantColumns reads a Grant with the people it names from grants g and grantPeople.
var grantColumns = grantSelect("g.") + `, ge.identifier AS grantee, ge.name AS grantee_name, gi.identifier AS giver, ow.identifier AS owner,
 COALESCE(ga.identifier, '') AS agent, COALESCE(gb.identifier, '') AS ended_by`

const grantPeople = ` JOIN customers ge ON ge.id = g.grantee_id JOIN customers gi ON gi.id = g.giver_id JOIN customers ow ON ow.id = g.owner_id
 LEFT JOIN agents ga ON ga.id = g.agent_id LEFT JOIN customers gb ON gb.id = g.ended_by`

// GrantQuery is a page of the grants on a service or on an account.
type GrantQuery struct {
	After int64 // the id of the last grant of the page before
	Size  int   // 0 is GrantPageSize
	Whole bool  // of an account: those on the whole service as well
}

// GrantPageSize is how many grants a page lists.
const GrantPageSize = 50

// GrantList is a page of grants in force, oldest first.
type GrantList struct {
	Grants []Grant
	Next   int64 // for After, 0 on the last page
}

// Grants lists the grants in force on what a reaches: on its account when it
// has one, else on the whole service. The owner sees all, others those that
// they hold or gave.
func (s *Store) Grants(ctx context.Context, by Actor, a *Access, q GrantQuery) (*GrantList, error) {
	if q.Size <= 0 {
		q.Size = GrantPageSize
	}
	on := "g.kind = 'service' AND g.service_id = @service"
	args := map[string]any{"service": a.Service.ID, "now": s.now(), "me": by.Customer, "after": q.After, "n": q.Size + 1}
	if a.Account != nil {
		if q.Whole {
			on = "(g.account_id = @account OR " + on + ")"
		} else {
			on = "g.account_id = @account"
		}
		args["account"] = a.Account.ID
	}
	if policy.Decide(policy.SeeGrants, a.Standing) != policy.Everything {
		on += " AND (g.grantee_id = @me OR g.giver_id = @me)"
	}
	out := &GrantList{}
	err := s.db.WithContext(ctx).Raw("SELECT "+grantColumns+" FROM grants g"+grantPeople+" WHERE "+on+" AND "+live("g")+" AND g.id > @after ORDER BY g.id LIMIT @n", args).Scan(&out.Grants).Error
	if err != nil {
		return nil, err
	}
	if len(out.Grants) > q.Size {
		out.Grants = out.Grants[:q.Size]
		out.Next = out.Grants[q.Size-1].ID
	}
	return out, nil
}

// Rights is what by may do to a grant on what they reach.
func (a *Access) Rights(by Actor, g *Grant) GrantRights {
	return grantRights(g, by.holder(), a.Standing)
}

// Item is the account of a as its row in the list has it, nil without one.
// grants are those on it, oldest first.
func (a *Access) Item(grants []Grant) *AccountItem {
	if a.Account == nil {
		return nil
	}
	i := &AccountItem{Account: *a.Account}
	if policy.Decide(policy.SeeGrants, a.Standing) != policy.Everything {
		return i
	}
	for _, g := range grants[:min(len(grants), managersShown)] {
		i.Managers = append(i.Managers, g.Grantee)
	}
	i.MoreManagers = len(grants) > managersShown
	return i
}

// GrantView is one grant as somebody may see it, with what happened to it, newest first.
type GrantView struct {
	Grant    Grant
	Rights   GrantRights
	Standing policy.Standing
	State    ServiceState
	Mine     *Held // the viewer's own grant on the service, when they give by it
	Children int   // grants in force that rest on it, counted to MaxCounted
	Events   []Event
}

// timelineSize bounds the events shown of one grant.
const timelineSize = 50

// Grant reads one grant for the owner, its giver and its holder, as long as they
// reach something of the service; ErrNotFound for everybody else.
func (s *Store) Grant(ctx context.Context, by Actor, id int64) (*GrantView, error) {
	var list []struct {
		Grant        `gorm:"embedded"`
		ServiceState ServiceState
		SG           heldRow `gorm:"embedded;embeddedPrefix:sg_"`
		Holds        bool
		Children     int
		E            Event `gorm:"embedded;embeddedPrefix:e_"`
	}
	err := s.db.WithContext(ctx).Raw("SELECT "+grantColumns+`, s.state AS service_state,
		sg.id AS sg_id, sg.extras AS sg_extras, sgc.identifier AS sg_giver, sg.since AS sg_since, sg.expires_at AS sg_expires_at,
		EXISTS (SELECT 1 FROM grants h WHERE h.grantee_id = @me AND h.domain = s.domain AND h.kind = 'account' AND `+live("h")+`) AS holds,
		(SELECT count(*) FROM (SELECT 1 FROM grants k WHERE k.parent_id = g.id AND `+live("k")+` LIMIT @most) AS n) AS children,
		e.id AS e_id, e.at AS e_at, e.kind AS e_kind, e.object AS e_object, e.detail AS e_detail_json, ea.identifier AS e_actor, eg.identifier AS e_agent
		FROM grants g`+grantPeople+` JOIN services s ON s.id = g.service_id
		LEFT JOIN grants sg ON sg.grantee_id = @me AND sg.domain = s.domain AND sg.kind = 'service' AND `+live("sg")+`
		LEFT JOIN customers sgc ON sgc.id = sg.giver_id
		LEFT JOIN events e ON e.grant_id = g.id LEFT JOIN customers ea ON ea.id = e.actor_id LEFT JOIN agents eg ON eg.id = e.agent_id
		WHERE g.id = @id ORDER BY e.id DESC LIMIT @n`,
		map[string]any{"me": by.holder(), "now": s.now(), "id": id, "most": MaxCounted + 1, "n": timelineSize}).Scan(&list).Error
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, ErrNotFound
	}
	row := list[0]
	v := &GrantView{Grant: row.Grant, State: row.ServiceState, Children: row.Children, Mine: row.SG.held()}
	v.Standing = by.standing(v.Grant.OwnerID)
	if v.Mine != nil {
		v.Standing.Service = &v.Mine.Extras
	}
	if row.Holds {
		v.Standing.Account = new(policy.Extra) // as Access has it: some account of the service
	}
	v.Rights = grantRights(&v.Grant, by.holder(), v.Standing)
	if v.Standing.Stranger() || !v.Rights.See {
		return nil, ErrNotFound
	}
	for _, r := range list {
		if r.E.ID == 0 {
			continue
		}
		if err := r.E.decode(); err != nil {
			return nil, err
		}
		v.Events = append(v.Events, r.E)
	}
	return v, nil
}

// Leftover is an account on which somebody left something behind.
type Leftover struct {
	LocalPart string
	Password  bool // they set the password that it still has
	Created   bool // they made it
}

// Leftovers lists, for the owner and whoever acts for them, what the holder of an ended grant left on its
// accounts since they had it: passwords that still hold, and accounts they
// made. It is bounded to MaxCounted; more says that there is more.
func (s *Store) Leftovers(ctx context.Context, v *GrantView) (list []Leftover, more bool, err error) {
	if !v.Standing.AsOwner() || v.Grant.EndedAt == nil {
		return nil, false, nil
	}
	g := &v.Grant
	err = s.db.WithContext(ctx).Raw(`SELECT a.local_part, COALESCE(a.password_set_by = @who AND a.password_set_at >= @since, false) AS password,
		COALESCE(a.created_by = @who AND a.created_at >= @since, false) AS created FROM accounts a
		WHERE a.service_id = @service AND a.state <> 'deleting' AND (@local = '' OR a.local_part = @local) AND a.id IN (
			SELECT x.id FROM accounts x WHERE x.service_id = @service AND x.password_set_by = @who AND x.password_set_at >= @since
			UNION SELECT x.id FROM accounts x WHERE x.service_id = @service AND x.created_by = @who AND x.created_at >= @since)
		ORDER BY a.local_part LIMIT @n`,
		map[string]any{"who": g.GranteeID, "since": g.Since, "service": g.ServiceID, "local": g.LocalPart, "n": MaxCounted + 1}).Scan(&list).Error
	if len(list) > MaxCounted {
		return list[:MaxCounted], true, err
	}
	return list, false, err
}

// Verdict is what the live check of the grant forms says of one identifier as typed.
type Verdict struct {
	Identifier string
	Shape      bool       // has the form of an identifier; whether anybody has it is not told here
	Held       *time.Time // since when its customer holds what is to be given
	Name       string     // of somebody who holds it: the giver knows them already
}

// CheckIdentifiers judges what somebody types before they send it, without
// telling who exists. Whoever could give the grant may ask.
func (s *Store) CheckIdentifiers(ctx context.Context, by Actor, domain, local string, typed []string) ([]Verdict, error) {
	typed = typed[:min(len(typed), MaxIdentifiers)]
	op := policy.ShareService
	if local != "" {
		op = policy.DelegateAccount
	}
	a, err := s.access(ctx, by, domain, local)
	if err != nil {
		return nil, err
	}
	if !a.May(op) {
		return nil, a.Service.forbidden(op)
	}
	held := map[string]Grant{}
	list, err := s.Grants(ctx, by, a, GrantQuery{Size: MaxCounted})
	if err != nil {
		return nil, err
	}
	for _, g := range list.Grants {
		held[g.Grantee] = g
	}
	out := make([]Verdict, len(typed))
	for i, t := range typed {
		id, ok := ParseIdentifier(t)
		out[i] = Verdict{Identifier: t, Shape: ok}
		if g, found := held[id]; ok && found {
			out[i].Held, out[i].Name = &g.Since, g.GranteeName
		}
	}
	return out, nil
}
