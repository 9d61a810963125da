package models

import (
	"slices"
	"strings"
	"time"

	"example.org/mandat/models/policy"
)

// Why a grant ended.
const (
	EndedByTime     = "expired"
	EndedByRevoking = "revoked"
	EndedByHolder   = "resigned"
	EndedWithObject = "object" // the account was deleted
)

// Grant is what a customer was given. Ended grants stay: a new grant is a new row.
type Grant struct {
	ID        int64
	Kind      policy.Kind
	ServiceID int64
	OwnerID   int64
	AccountID int64 // 0 for a grant on the service, or once the account is gone
	Domain    string
	LocalPart string // "" for a grant on the service
	GranteeID int64
	GiverID   int64
	ParentID  int64 // the grant on which the giver's right rested, 0 for none
	Extras    policy.Extra
	Note      string
	Since     time.Time
	ExpiresAt *time.Time
	UsedAt    *time.Time // within the hour
	EndedAt   *time.Time
	EndedWhy  string
	EndedWith int64 // the grant whose end took this one along
	Version   int

	Owner, Grantee, GranteeName, Giver, Agent, EndedBy string // identifiers and a name
}

// Object is the address, or the domain, that the grant is on.
func (g *Grant) Object() string {
	if g.Kind == policy.OnAccount {
		return g.LocalPart + "@" + g.Domain
	}
	return g.Domain
}

// Live says whether the grant is in force.
func (g *Grant) Live(now time.Time) bool {
	return g.EndedAt == nil && (g.ExpiresAt == nil || g.ExpiresAt.After(now))
}

// UndoFor is how long a revocation can be taken back.
const UndoFor = 10 * time.Minute

// Restorable says whether the revocation of the grant can still be taken back.
func (g *Grant) Restorable(now time.Time) bool {
	return g.EndedAt != nil && g.EndedWhy == EndedByRevoking && g.EndedWith == 0 && now.Sub(*g.EndedAt) < UndoFor
}

// event is an event about the grant.
func (g *Grant) event(kind string, detail Detail) Event {
	return Event{
		ServiceID: g.ServiceID, Kind: kind, Class: AccessEvent, OwnerID: g.OwnerID, SubjectID: g.GranteeID,
		AccountID: g.AccountID, GrantID: g.ID, Object: g.Object(), Detail: detail,
	}
}

// given is what the history keeps of a new grant.
func (g *Grant) given() Detail {
	d := Detail{"extras": {After: strings.Join(g.Extras.Names(), " ")}}
	if g.ExpiresAt != nil {
		d["expires"] = Change{After: *g.ExpiresAt}
	}
	if g.Note != "" {
		d["note"] = Change{After: g.Note}
	}
	return d
}

func (tx *Tx) countShares(service int64, by int) error {
	if by == 0 {
		return nil
	}
	return tx.exec("UPDATE services SET share_count = share_count + ? WHERE id = ?", by, service)
}

// endGrants ends the grants of a service that match a condition on @arg and,
// with each, those that rested on it. It returns their events for the caller to
// record. What time ends is ended by nobody, whoever came upon it.
func (tx *Tx) endGrants(sv *Service, why, condition string, arg any) ([]Event, error) {
	by := orNull(tx.by.Customer)
	if why == EndedByTime {
		by = nil
	}
	roots := "SELECT r.id FROM grants r WHERE r.ended_at IS NULL AND r.service_id = @service AND r." + condition
	var ended []Grant
	err := tx.scan(&ended, `UPDATE grants SET ended_at = @now, ended_why = @why, ended_by = @by, version = version + 1,
		ended_with = CASE WHEN parent_id IN (`+roots+`) THEN parent_id END
		WHERE ended_at IS NULL AND (id IN (`+roots+`) OR parent_id IN (`+roots+`)) RETURNING `+grantFields,
		map[string]any{"now": tx.now, "why": why, "by": by, "service": sv.ID, "arg": arg})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(ended, func(a, b Grant) int { return int(a.ID - b.ID) })
	events := make([]Event, len(ended))
	shares := 0
	for i := range ended {
		events[i] = ended[i].event("grant."+why, nil)
		events[i].byTime = why == EndedByTime
		tx.tellEnd(&ended[i])
		if ended[i].Kind == policy.OnService {
			shares--
		}
	}
	return events, tx.countShares(sv.ID, shares)
}

// grantFields are the columns of a Grant itself, as an UPDATE or SELECT of one table names them.
var grantFields = grantSelect("grants.")

// grantSelect names the columns of a Grant with a prefix; nulls become zero values.
func grantSelect(prefix string) string {
	var b strings.Builder
	for i, f := range []struct{ name, null string }{
		{"id", ""},
		{"kind", ""},
		{"service_id", ""},
		{"owner_id", ""},
		{"account_id", "0"},
		{"domain", ""},
		{"local_part", ""},
		{"grantee_id", ""},
		{"giver_id", ""},
		{"parent_id", "0"},
		{"extras", ""},
		{"note", ""},
		{"since", ""},
		{"expires_at", ""},
		{"used_at", ""},
		{"ended_at", ""},
		{"ended_why", "''"},
		{"ended_with", "0"},
		{"version", ""},
	} {
		if i > 0 {
			b.WriteString(", ")
		}
		if f.null == "" {
			b.WriteString(prefix + f.name)
		} else {
			b.WriteString("COALESCE(" + prefix + f.name + ", " + f.null + ") AS " + f.name)
		}
	}
	return b.String()
}
