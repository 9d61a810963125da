package models

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"example.org/mandat/models/policy"
)

// NoticeKind is what a part of a notice tells of.
type NoticeKind string

// The holder of a grant is told that it was given, changed, put back, that it
// ends soon and that it has ended; its giver and the owner that its holder gave
// it up. The owner is told when a delegate sets a mailbox password or has mail
// sent out of the service, both of which amount to reading mail, and at once
// whom support gives access in their name. A customer is told when support
// begins to act for them, and at the end what it changed. Everybody is told of
// what decides who gets at their account, their own doing included: it may have
// been somebody else's.
const (
	NoticeGiven    NoticeKind = "given"
	NoticeChanged  NoticeKind = "changed"
	NoticeRestored NoticeKind = "restored"
	NoticeEnding   NoticeKind = "ending"
	NoticeEnded    NoticeKind = "ended"
	NoticeResigned NoticeKind = "resigned"
	NoticePassword NoticeKind = "password"
	NoticeForward  NoticeKind = "forward"
	NoticeSupport  NoticeKind = "support"
	NoticeSecurity NoticeKind = "security"

	// That an agent begins to act, and what they changed until the end.
	NoticeAssisting NoticeKind = "assisting"
	NoticeAssisted  NoticeKind = "assisted"

	// To leads: of an emergency, or of a week. See tellLead.
	NoticeDigest NoticeKind = "digest"
)

// RemindBefore is how long before its end the holder of a grant is told of it.
const RemindBefore = 7 * 24 * time.Hour

// Bounds on notices. The panel must not become a way to fill a mailbox: what one
// customer causes to be told to another beyond NoticesOfOne within an hour is
// held, and goes in one email when the first of it has been held for an hour.
const (
	NoticesOfOne    = 20
	noticeWindow    = time.Hour
	noticeLife      = 24 * time.Hour // then one that waits has failed
	noticesKept     = 30 * 24 * time.Hour
	noticesJoined   = 200 // in one email
	maxNoticeParts  = 20
	maxNoticeGrants = 1000 // remembered of one part
	MaxNoticeLines  = 50   // objects and deeds that one part names
)

// Notice is what one customer or agent is told by one email: all that one
// submission means to them. Nobody is told what they did themselves, but for
// what decides who gets at their account: of that alone are agents told.
type Notice struct {
	ID        int64
	CreatedAt time.Time
	To        Customer // name, address, language and time zone, of an agent too
	Staff     bool     // To is an agent
	Parts     []NoticePart
	More      int  // parts that are not told one by one
	Joined    bool // several notices of one hour
}

// NoticePart is one thing that is told, of as many grants or addresses as it
// happened to in the same way.
type NoticePart struct {
	Kind   NoticeKind   `json:"kind"`
	At     time.Time    `json:"at"`
	By     int64        `json:"by,omitempty"`    // 0: time, or the operator
	Agent  int64        `json:"agent,omitempty"` // who acted for By
	Whom   int64        `json:"whom,omitempty"`  // the holder of what was given up; else who gave the grant
	On     policy.Kind  `json:"on,omitempty"`
	Domain string       `json:"domain"`
	Why    string       `json:"why,omitempty"`  // of an end, as in Grant.EndedWhy
	With   bool         `json:"with,omitempty"` // the grant ended with the one that it rested on
	Is     *NoticeTerms `json:"is,omitempty"`
	Was    *NoticeTerms `json:"was,omitempty"`
	Grants []int64      `json:"grants,omitempty"`
	Deeds  []NoticeDeed `json:"deeds,omitempty"`
	Beyond int          `json:"beyond,omitempty"` // grants and deeds of which no more is kept

	Assistance *NoticeAssistance `json:"assistance,omitempty"`

	// Filled when it is read.
	ByPerson, AgentPerson, WhomPerson Person         `json:"-"`
	Digest                            *Digest        `json:"-"`
	Objects                           []NoticeObject `json:"-"` // of the grants, at most MaxNoticeLines
	Count                             int            `json:"-"` // grants, those beyond included
}

// NoticeAssistance is the assistance that a part is about.
type NoticeAssistance struct {
	ID        int64       `json:"id"`
	Reason    string      `json:"reason"`
	Ticket    string      `json:"ticket"`
	Consent   ConsentKind `json:"consent"`
	MayChange bool        `json:"may_change,omitempty"`
	Waits     bool        `json:"waits,omitempty"` // for a second agent
	Why       string      `json:"why,omitempty"`   // of its end
	Pages     int         `json:"pages,omitempty"`
	Changes   int         `json:"changes,omitempty"`
}

// NoticeTerms are what a grant lets its holder do, and until when.
type NoticeTerms struct {
	Extras policy.Extra `json:"extras"`
	Until  *time.Time   `json:"until,omitempty"`
	Note   string       `json:"note,omitempty"`
}

// NoticeDeed is what somebody did, by the kind of its event.
type NoticeDeed struct {
	Event  string `json:"event"`
	Object string `json:"object"`
	Whom   int64  `json:"whom,omitempty"`
	Target string `json:"target,omitempty"` // where mail leaves to

	WhomPerson Person `json:"-"`
}

// NoticeObject is what a grant is on: an address or a domain.
type NoticeObject struct {
	Grant int64
	Name  string
}

// Person is somebody as others read of them.
type Person struct{ Identifier, Name string }

type quietKey struct{}

// Quietly makes a context in which changes are told to nobody: for a world that
// is made up, and whose people never asked.
func Quietly(ctx context.Context) context.Context {
	return context.WithValue(ctx, quietKey{}, true)
}

// guarded says that a notice of this kind also goes to the contact addresses of
// before: whoever took the account over may have changed the address first.
func (k NoticeKind) guarded() bool {
	return k == NoticeSecurity || k.urgent()
}

// urgent says that it is never held: what support does is told at once, however
// much of it there is.
func (k NoticeKind) urgent() bool {
	return k == NoticeSupport || k == NoticeAssisting || k == NoticeAssisted
}

// receiver is whom a notice is for: a customer or an agent.
type receiver struct{ customerID, agentID int64 }

// telling is what one receiver will be told of this transaction.
type telling struct {
	Parts []*NoticePart `json:"parts"`
	More  int           `json:"more,omitempty"`

	alike map[string]*NoticePart
}

// tell is tellPerson for a customer; 0 is nobody.
func (tx *Tx) tell(customer int64, p NoticePart) bool {
	own := customer == tx.by.Customer && tx.by.Agent == 0 && p.Why != EndedByTime && p.Assistance == nil
	return customer != 0 && !own && tx.tellPerson(receiver{customerID: customer}, p)
}

// tellPerson adds to what a receiver will be told, and says whether they will be
// told anything. It is written at the end of the transaction: see writeNotices.
func (tx *Tx) tellPerson(to receiver, p NoticePart) bool {
	quiet, _ := tx.ctx.Value(quietKey{}).(bool)
	if !tx.store.Mails() || quiet {
		return false
	}
	p.At = tx.now
	if p.Why != EndedByTime && p.Kind != NoticeEnding && p.Assistance == nil {
		p.By, p.Agent = tx.by.Customer, tx.by.Agent
	}
	t := tx.tellings[to]
	if t == nil {
		t = &telling{alike: map[string]*NoticePart{}}
		tx.tellings[to] = t
	}
	t.add(p)
	return true
}

// add puts a part beside one that is alike but for the grants and deeds.
func (t *telling) add(p NoticePart) {
	grants, deeds := p.Grants, p.Deeds
	p.Grants, p.Deeds = nil, nil
	key, _ := json.Marshal(p) // of plain values
	part := t.alike[string(key)]
	if part == nil {
		if len(t.Parts) == maxNoticeParts {
			t.More += len(grants) + len(deeds)
			return
		}
		part = &p
		t.Parts, t.alike[string(key)] = append(t.Parts, part), part
	}
	kept, named := min(len(grants), maxNoticeGrants-len(part.Grants)), min(len(deeds), MaxNoticeLines-len(part.Deeds))
	part.Grants, part.Deeds = append(part.Grants, grants[:kept]...), append(part.Deeds, deeds[:named]...)
	part.Beyond += len(grants) - kept + len(deeds) - named
}

// tellHolder tells the holder of a grant what became of it; was is the grant
// before a change.
func (tx *Tx) tellHolder(kind NoticeKind, g, was *Grant) {
	p := NoticePart{Kind: kind, On: g.Kind, Domain: g.Domain, Whom: g.GiverID, Grants: []int64{g.ID}, Is: g.noticeTerms()}
	if was != nil {
		p.Was = was.noticeTerms()
	}
	if kind == NoticeEnded {
		p.Is, p.Why, p.With = nil, g.EndedWhy, g.EndedWith != 0
	}
	told := tx.tell(g.GranteeID, p)
	// Whoever has just been told of a near end need not be reminded of it.
	if told && kind != NoticeEnded && kind != NoticeEnding && g.ExpiresAt != nil && g.ExpiresAt.Sub(tx.now) <= RemindBefore {
		tx.reminded = append(tx.reminded, g.ID)
	}
}

// tellEnd tells of a grant that has ended: its holder, or, when the holder gave
// it up, whoever gave it and the owner.
func (tx *Tx) tellEnd(g *Grant) {
	if g.EndedWhy != EndedByHolder || g.EndedWith != 0 {
		tx.tellHolder(NoticeEnded, g, nil)
		return
	}
	for _, receiver := range slices.Compact([]int64{g.OwnerID, g.GiverID}) {
		tx.tell(receiver, NoticePart{Kind: NoticeResigned, On: g.Kind, Domain: g.Domain, Whom: g.GranteeID, Grants: []int64{g.ID}})
	}
}

func (g *Grant) noticeTerms() *NoticeTerms { return &NoticeTerms{g.Extras, g.ExpiresAt, g.Note} }

// tellOwner tells the owner of a service what a delegate did there with a right
// that amounts to reading mail. What the owner does is told to nobody.
func (tx *Tx) tellOwner(a *Access, kind NoticeKind, d NoticeDeed) {
	if !a.Standing.Owner {
		tx.tell(a.Service.OwnerID, NoticePart{Kind: kind, Domain: a.Service.Domain, Deeds: []NoticeDeed{d}})
	}
}

// tellForward tells the owner that mail of an object leaves the service for
// targets; none is nothing to tell.
func (tx *Tx) tellForward(a *Access, event, object string, targets ...string) {
	if len(targets) > 0 && targets[0] != "" {
		tx.tellOwner(a, NoticeForward, NoticeDeed{Event: event, Object: object, Target: strings.Join(targets, ", ")})
	}
}

// tellAssistance tells a customer that support begins to act for them or, in an
// emergency, asks a second agent to, or what
// it did until it ended. Whoever ended it is told all the same.
func (tx *Tx) tellAssistance(k NoticeKind, a *Assistance, deeds []NoticeDeed, beyond int) {
	tx.tell(a.CustomerID, NoticePart{Kind: k, Agent: a.AgentID, Deeds: deeds, Beyond: beyond, Assistance: &NoticeAssistance{
		ID: a.ID, Reason: a.Reason, Ticket: a.Ticket, Consent: a.Consent, MayChange: a.MayChange, Waits: a.BeganAt == nil, Why: a.EndedWhy, Pages: a.Pages, Changes: a.Changes,
	}})
}

// tellSupport tells a customer at once whom an agent gave access in their name,
// or took it from; of the rest they are told at the end: see tellAssistance.
func (tx *Tx) tellSupport(e *Event) {
	if !tx.by.assists() || e.byTime || e.Class != AccessEvent {
		return
	}
	receiver := e.OwnerID
	if receiver == 0 {
		receiver = tx.by.Customer
	}
	tx.tell(receiver, NoticePart{Kind: NoticeSupport, Deeds: []NoticeDeed{{Event: e.Kind, Object: e.Object, Whom: e.SubjectID}}})
}

// tellSecurity tells a person of something that decides who gets at their
// account, whoever did it: it may not have been they.
func (tx *Tx) tellSecurity(p person, d NoticeDeed) {
	d.Object = p.Identifier
	tx.tellPerson(receiver{p.CustomerID, p.AgentID}, NoticePart{Kind: NoticeSecurity, Deeds: []NoticeDeed{d}})
}

// guarded says whether any of it also goes to the contact addresses of before.
func (t *telling) guarded() bool {
	return slices.ContainsFunc(t.Parts, func(p *NoticePart) bool { return p.Kind.guarded() })
}

// urgent says whether any of it is never held.
func (t *telling) urgent() bool {
	return slices.ContainsFunc(t.Parts, func(p *NoticePart) bool { return p.Kind.urgent() })
}

// writeNotices writes what the transaction has to tell, a row for each receiver
// and each of the addresses of before that are told it too, and the jobs that
// send them, when all of the transaction is known.
func (tx *Tx) writeNotices() error {
	receivers := slices.SortedFunc(maps.Keys(tx.tellings), func(a, b receiver) int {
		return cmp.Or(cmp.Compare(a.customerID, b.customerID), cmp.Compare(a.agentID, b.agentID))
	})
	for some := range slices.Chunk(receivers, eventBatch) {
		var args []any
		for _, to := range some {
			t := tx.tellings[to]
			text, err := json.Marshal(t)
			if err != nil {
				return err
			}
			args = append(args, orNull(to.customerID), orNull(to.agentID), string(text), t.guarded(), t.urgent())
		}
		args = append(args, orNull(tx.by.holder()), tx.now, tx.by.holder(), tx.now.Add(-noticeWindow), NoticesOfOne, tx.now.Add(-FormerContactFor))
		var made []struct {
			ID   int64
			Held bool
		}
		row := "(CAST(? AS bigint), CAST(? AS bigint), CAST(? AS text), CAST(? AS boolean), CAST(? AS boolean))"
		err := tx.scan(&made, "WITH v AS (VALUES "+strings.TrimSuffix(strings.Repeat(row+", ", len(some)), ", ")+`)
			INSERT INTO notices (receiver_id, agent_id, caused_by, parts, created_at, held, email)
			SELECT w.column1, w.column2, ?, w.column3, ?, (SELECT count(*) FROM notices n WHERE (n.receiver_id = w.column1 OR n.agent_id = w.column2) AND COALESCE(n.caused_by, 0) = ? AND n.created_at > ?) >= ? AND NOT w.urgent, w.email
			FROM (SELECT v.column1, v.column2, v.column3, v.column5 AS urgent, NULL AS email FROM v
				UNION ALL SELECT v.column1, v.column2, v.column3, v.column5, f.email FROM v JOIN former_contacts f ON f.customer_id = v.column1 WHERE v.column4 AND f.ended_at > ?) AS w
			RETURNING id, held`, args...)
		if err != nil {
			return err
		}
		var ids []int64
		for _, m := range made {
			if !m.Held {
				ids = append(ids, m.ID)
			}
		}
		if err := tx.enqueueNotices(ids); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(tx.reminded, eventBatch) {
		if err := tx.exec("UPDATE grants SET reminded_for = expires_at WHERE id IN ?", some); err != nil {
			return err
		}
	}
	return nil
}
