package models

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"example.org/mandat/models/policy"
)

// ServiceItem is a service in a list, as its viewer reaches it.
type ServiceItem struct {
	Domain       string
	State        ServiceState
	AccountCount int    // all accounts, for whoever reaches the whole service
	ShareCount   int    // for the owner
	Owner        string // identifier; "" for one's own
	OwnerName    string
	Grant        *Held // on the whole service
	Held         int   // accounts held one by one, counted to MaxCounted
}

// MaxCounted bounds a count that is not kept: past it a page says "more than".
const MaxCounted = 1000

// ServiceQuery is a page of a list of services, by domain.
type ServiceQuery struct {
	Search        string // part of the domain
	After, Before string // domains
	Size          int    // one of PageSizes; 0 is the first
}

// ServiceList is a page of services.
type ServiceList struct {
	Items          []ServiceItem
	Previous, Next string
}

type serviceWalk struct {
	ServiceQuery
	cursor string
	back   bool
}

func (q ServiceQuery) walk() serviceWalk {
	if !slices.Contains(PageSizes, q.Size) {
		q.Size = PageSizes[0]
	}
	q.Search = likePattern(q.Search)
	w := serviceWalk{ServiceQuery: q, cursor: q.After}
	if q.After == "" && q.Before != "" {
		w.cursor, w.back = q.Before, true
	}
	if !storable(w.cursor) {
		w.cursor, w.back = "", false
	}
	return w
}

// likePattern is the LIKE pattern of a part of a domain; "" when nothing was searched for.
func likePattern(part string) string {
	part = shorten(strings.TrimSpace(legible(part)), maxAddress) // SQLite takes no pattern of any length
	if part == "" {
		return ""
	}
	if domain, problem := ParseDomain(part); problem == nil {
		part = domain // finds an internationalised domain by its readable form
	}
	return "%" + strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(strings.ToLower(part)) + "%"
}

// past is the condition and order of a walk over a column, with $2 its cursor and $3 its pattern.
func (w serviceWalk) past(column, cursor string) (condition, order string) {
	than, order := " > ", " ORDER BY "+column
	if w.back {
		than, order = " < ", order+" DESC"
	}
	if w.cursor == "" && cursor == "$2" {
		condition = " AND $2 = ''" // keeps the parameter in use
	} else {
		condition = " AND " + column + than + cursor
	}
	if w.Search != "" {
		condition += " AND " + column + ` LIKE $3 ESCAPE '\'`
	} else {
		condition += " AND $3 = ''"
	}
	return condition, order
}

// OwnServices lists the services that by owns.
func (s *Store) OwnServices(ctx context.Context, by Actor, q ServiceQuery) (*ServiceList, error) {
	w := q.walk()
	condition, order := w.past("s.domain", "$2")
	out := &ServiceList{}
	r, err := s.search(ctx, statement("SELECT s.domain, s.state, s.account_count, s.share_count FROM services s WHERE s.owner_id = $1"+
		condition+order+" LIMIT "+strconv.Itoa(w.Size+1)), by.Customer, w.cursor, w.Search)
	err = each(r, err, func() error {
		var i ServiceItem
		if err := r.Scan(&i.Domain, &i.State, &i.AccountCount, &i.ShareCount); err != nil {
			return err
		}
		out.Items = append(out.Items, i)
		return nil
	})
	if err != nil {
		return nil, err
	}
	w.page(out)
	return out, nil
}

// SharedServices lists the services of others of which by holds a grant. It
// steps from one domain to the next through the index of what they hold, so
// that a thousand accounts of one service cost no more than one.
func (s *Store) SharedServices(ctx context.Context, by Actor, q ServiceQuery) (*ServiceList, error) {
	w := q.walk()
	const held = "SELECT g.domain FROM grants g WHERE g.grantee_id = $1 AND g.ended_at IS NULL AND (g.expires_at IS NULL OR g.expires_at > $4)"
	first, order := w.past("g.domain", "$2")
	next, _ := w.past("g.domain", "d.domain")
	text := `WITH RECURSIVE d(domain, n) AS (
		SELECT (` + held + first + order + ` LIMIT 1), 1
		UNION ALL SELECT (` + held + next + order + ` LIMIT 1), d.n + 1 FROM d WHERE d.domain IS NOT NULL AND d.n <= ` + strconv.Itoa(w.Size) + `)
		SELECT s.domain, s.state, s.account_count, o.identifier, o.name, sg.id, sg.extras, gc.identifier, sg.since, sg.expires_at,
		(SELECT count(*) FROM (SELECT 1 FROM grants g WHERE g.grantee_id = $1 AND g.domain = s.domain AND g.kind = 'account' AND g.ended_at IS NULL
			AND (g.expires_at IS NULL OR g.expires_at > $4) LIMIT ` + strconv.Itoa(MaxCounted+1) + `) AS h)
		FROM d JOIN services s ON s.domain = d.domain JOIN customers o ON o.id = s.owner_id
		LEFT JOIN grants sg ON sg.grantee_id = $1 AND sg.domain = s.domain AND sg.kind = 'service' AND sg.ended_at IS NULL AND (sg.expires_at IS NULL OR sg.expires_at > $4)
		LEFT JOIN customers gc ON gc.id = sg.giver_id WHERE d.domain IS NOT NULL ORDER BY d.n`
	out := &ServiceList{}
	r, err := s.search(ctx, statement(text), by.holder(), w.cursor, w.Search, s.now())
	err = each(r, err, func() error {
		var i ServiceItem
		var h struct {
			id           *int64
			extras       *policy.Extra
			giver        *string
			since, until moment
		}
		if err := r.Scan(&i.Domain, &i.State, &i.AccountCount, &i.Owner, &i.OwnerName, &h.id, &h.extras, &h.giver, &h.since, &h.until, &i.Held); err != nil {
			return err
		}
		if i.Grant = (heldRow{ID: h.id, Extras: h.extras, Giver: h.giver, Since: h.since.Time, ExpiresAt: h.until.Time}).held(); i.Grant == nil {
			i.AccountCount = 0 // how many there are besides their own is not theirs to know
		}
		out.Items = append(out.Items, i)
		return nil
	})
	if err != nil {
		return nil, err
	}
	w.page(out)
	return out, nil
}

func (w serviceWalk) page(out *ServiceList) {
	more := len(out.Items) > w.Size
	out.Items = out.Items[:min(len(out.Items), w.Size)]
	if w.back {
		slices.Reverse(out.Items)
	}
	if len(out.Items) == 0 {
		return
	}
	if more || w.back {
		out.Next = out.Items[len(out.Items)-1].Domain
	}
	if w.cursor != "" && (!w.back || more) {
		out.Previous = out.Items[0].Domain
	}
}

// Figures are what the overview of a service shows beside what its row has.
type Figures struct {
	Blocked, Full, Delegated int // each counted to MaxCounted
	LargestList              int // subscribers of the list that has most
}

// Overview reads the figures of a service, for whoever reaches all of it, and
// the first of those who hold a grant on all of it, for whoever sees who holds what.
func (s *Store) Overview(ctx context.Context, a *Access) (Figures, []Grant, error) {
	if !a.Whole() {
		return Figures{}, nil, nil
	}
	var list []struct {
		Figures `gorm:"embedded"`
		Grant   `gorm:"embedded"`
	}
	counted := func(from string) string {
		return "(SELECT count(*) FROM (SELECT 1 FROM " + from + " LIMIT @most) AS n)"
	}
	see := policy.Decide(policy.SeeGrants, a.Standing) == policy.Everything
	err := s.db.WithContext(ctx).Raw(`SELECT f.*, m.* FROM (SELECT `+
		counted("accounts x WHERE x.service_id = @service AND x.state = 'blocked'")+" AS blocked, "+
		counted("accounts x WHERE x.service_id = @service AND x.nearly_full AND x.state <> 'deleting'")+` AS "full", `+
		counted("grants x WHERE @see AND x.service_id = @service AND x.kind = 'account' AND "+live("x"))+" AS delegated, COALESCE((SELECT max(x.subscriber_count) FROM lists x WHERE x.service_id = @service), 0) AS largest_list) AS f LEFT JOIN (SELECT "+grantColumns+
		" FROM grants g"+grantPeople+" WHERE g.service_id = @service AND g.kind = 'service' AND @see AND "+live("g")+" ORDER BY g.id LIMIT @size) AS m ON true",
		map[string]any{"service": a.Service.ID, "now": s.now(), "most": MaxCounted + 1, "see": see, "size": PageSize}).Scan(&list).Error
	if err != nil || len(list) == 0 {
		return Figures{}, nil, err
	}
	var grants []Grant
	for _, row := range list {
		if row.ID != 0 {
			grants = append(grants, row.Grant)
		}
	}
	return list[0].Figures, grants, nil
}
