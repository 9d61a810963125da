package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// SendNotice is the work of a notice's job. What has been overtaken since is left out:
// nobody is told of a grant that is over that it was given, nor that one has
// ended that is back; the notice of what overtook it tells the rest. What a
// delegate did stays done, and is always told.
func (s *Store) SendNotice(ctx context.Context, id int64, lastAttempt bool) error {
	n, err := s.notice(ctx, id)
	if err != nil || n == nil { // nil: done already, or held
		return err
	}
	if len(n.Parts) == 0 && n.More == 0 {
		s.log.Info("a notice has nothing to tell any more", "notice", id)
		return s.settleNotice(ctx, id, "dropped")
	}
	err = s.post.MailNotice(ctx, n)
	switch {
	case err == nil:
		s.log.Info("a notice was sent", "notice", id, "to", n.To.Identifier)
		return s.settleNotice(ctx, id, "sent")
	case lastAttempt || permanent(err):
		s.log.Warn("a notice is given up", "notice", id, "to", n.To.Identifier, "error", err)
		return s.settleNotice(ctx, id, "failed")
	}
	return err
}

// settleNotice keeps what became of a notice and those joined to it, also while
// the process ends: what was sent is not to be sent again.
func (s *Store) settleNotice(ctx context.Context, id int64, state string) error {
	return s.db.WithContext(context.WithoutCancel(ctx)).Exec("UPDATE notices SET state = ?, settled_at = ? WHERE (id = ? OR joined = ?) AND state = 'waiting'", state, s.now(), id, id).Error
}

// notice reads a notice that is to be sent, with what is joined to it, as it is
// to be told now; nil when it is settled or held.
func (s *Store) notice(ctx context.Context, id int64) (*Notice, error) {
	var rows []struct {
		ID         int64
		Held       bool
		State      string
		Parts      string
		NoticedAt  time.Time
		Customer   `gorm:"embedded;embeddedPrefix:to_"`
		ReceiverID int64
		Gone       bool
	}
	err := s.db.WithContext(ctx).Raw(`SELECT n.id, n.held, n.state, n.parts, n.created_at AS noticed_at, COALESCE(n.receiver_id, 0) AS receiver_id, a.removed_at IS NOT NULL AS gone,
		COALESCE(c.identifier, a.identifier) AS to_identifier, COALESCE(c.name, a.name) AS to_name, COALESCE(n.email, c.email, a.email) AS to_email, COALESCE(c.language, a.language) AS to_language, COALESCE(c.time_zone, 'UTC') AS to_time_zone
		FROM notices n LEFT JOIN customers c ON c.id = n.receiver_id LEFT JOIN agents a ON a.id = n.agent_id WHERE n.id = @id OR n.joined = @id ORDER BY n.id LIMIT @most`, map[string]any{"id": id, "most": noticesJoined}).Scan(&rows).Error
	if err != nil || len(rows) == 0 || rows[0].ID != id || rows[0].State != "waiting" || rows[0].Held {
		return nil, err
	}
	n := &Notice{ID: id, CreatedAt: rows[0].NoticedAt, To: rows[0].Customer, Staff: rows[0].ReceiverID == 0, Joined: len(rows) > 1}
	n.To.ID = rows[0].ReceiverID
	if rows[0].Gone { // an agent who is none any more has nothing that could be taken over
		return n, nil
	}
	for _, r := range rows {
		var t telling
		if err := json.Unmarshal([]byte(r.Parts), &t); err != nil {
			return nil, fmt.Errorf("notice %d: %w", r.ID, err)
		}
		n.More += t.More
		for _, p := range t.Parts {
			n.Parts = append(n.Parts, *p)
		}
	}
	if err := s.resolve(ctx, n); err != nil {
		return nil, err
	}
	n.Parts = slices.DeleteFunc(n.Parts, func(p NoticePart) bool { return p.Count+len(p.Deeds) == 0 && p.Assistance == nil })
	if len(n.Parts) > maxNoticeParts {
		for _, p := range n.Parts[maxNoticeParts:] {
			n.More += p.Count + len(p.Deeds) + p.Beyond
		}
		n.Parts = n.Parts[:maxNoticeParts]
	}
	return n, nil
}

// resolve fills in people and objects, and leaves out what has been overtaken.
func (s *Store) resolve(ctx context.Context, n *Notice) error {
	now := s.now()
	grants, customers, agents := map[int64]*Grant{}, map[int64]*Person{}, map[int64]*Person{}
	for _, p := range n.Parts {
		for _, id := range p.Grants {
			grants[id] = &Grant{}
		}
		customers[p.By], customers[p.Whom], agents[p.Agent] = &Person{}, &Person{}, &Person{}
		for _, d := range p.Deeds {
			customers[d.Whom] = &Person{}
		}
	}
	err := errors.Join(s.people(ctx, "customers", customers), s.people(ctx, "agents", agents), s.noticeGrants(ctx, n.To.ID, grants))
	if err != nil {
		return err
	}
	for i := range n.Parts {
		p := &n.Parts[i]
		p.ByPerson, p.WhomPerson, p.AgentPerson = *customers[p.By], *customers[p.Whom], *agents[p.Agent]
		for j := range p.Deeds {
			p.Deeds[j].WhomPerson = *customers[p.Deeds[j].Whom]
		}
		p.name(grants, now)
	}
	return nil
}

// name fills in the objects of the grants of which the part still tells the truth.
func (p *NoticePart) name(grants map[int64]*Grant, now time.Time) {
	for _, id := range p.Grants {
		if g := grants[id]; g.ID != 0 && p.holds(g, now) {
			p.Objects = append(p.Objects, NoticeObject{Grant: id, Name: g.Object()})
		}
	}
	if p.Count = len(p.Objects); p.Count > 0 {
		p.Count += p.Beyond
	}
	slices.SortFunc(p.Objects, func(a, b NoticeObject) int { return strings.Compare(a.Name, b.Name) })
	p.Objects = p.Objects[:min(len(p.Objects), MaxNoticeLines)]
}

// holds says whether what a part tells of a grant is so at now.
func (p *NoticePart) holds(g *Grant, now time.Time) bool {
	switch p.Kind {
	case NoticeEnded:
		return !g.Live(now)
	case NoticeEnding:
		return g.Live(now) && g.ExpiresAt != nil && p.Is.Until != nil && g.ExpiresAt.Equal(*p.Is.Until)
	case NoticeResigned:
		return true
	}
	return g.Live(now)
}

// noticeGrants reads grants that are the receiver's to know about.
func (s *Store) noticeGrants(ctx context.Context, receiver int64, grants map[int64]*Grant) error {
	for some := range slices.Chunk(slices.Sorted(maps.Keys(grants)), grantBatch) {
		var list []Grant
		err := s.db.WithContext(ctx).Raw("SELECT "+grantFields+" FROM grants WHERE id IN ? AND ? IN (grantee_id, giver_id, owner_id)", some, receiver).Scan(&list).Error
		if err != nil {
			return err
		}
		for _, g := range list {
			grants[g.ID] = &g
		}
	}
	return nil
}

// people reads who has the ids, from one of two tables. 0 is nobody.
func (s *Store) people(ctx context.Context, table string, people map[int64]*Person) error {
	query := map[string]string{"customers": "SELECT id, identifier, name FROM customers WHERE id IN ?", "agents": "SELECT id, identifier, name FROM agents WHERE id IN ?"}[table]
	for some := range slices.Chunk(slices.Sorted(maps.Keys(people)), grantBatch) {
		if len(some) == 1 && some[0] == 0 {
			return nil
		}
		var list []struct {
			ID     int64
			Person `gorm:"embedded"`
		}
		if err := s.db.WithContext(ctx).Raw(query, some).Scan(&list).Error; err != nil {
			return err
		}
		for _, p := range list {
			people[p.ID] = &p.Person
		}
	}
	return nil
}

// sweepReminders tells the holders of grants that end within RemindBefore, once
// for each end: the service's lock lets one process do it.
func (s *Store) sweepReminders(ctx context.Context) error {
	if !s.Mails() {
		return nil
	}
	const due = "ended_at IS NULL AND expires_at > @now AND expires_at <= @soon AND (reminded_for IS NULL OR reminded_for <> expires_at)"
	args := func(now time.Time) map[string]any {
		return map[string]any{"now": now, "soon": now.Add(RemindBefore), "n": sweepBatch}
	}
	var services []string
	err := s.db.WithContext(ctx).Raw("SELECT DISTINCT domain FROM grants WHERE "+due+" LIMIT @n", args(s.now())).Scan(&services).Error
	for _, domain := range services {
		err = errors.Join(err, s.inTx(ctx, Actor{}, func(tx *Tx) error {
			sv, err := tx.lock(domain)
			if err != nil {
				return err
			}
			named := args(tx.now)
			named["service"] = sv.ID
			var ending []Grant
			if err := tx.scan(&ending, "UPDATE grants SET reminded_for = expires_at WHERE service_id = @service AND "+due+" RETURNING "+grantFields, named); err != nil {
				return err
			}
			slices.SortFunc(ending, func(a, b Grant) int { return int(a.ID - b.ID) })
			for i := range ending {
				tx.tellHolder(NoticeEnding, &ending[i], nil)
			}
			return nil
		}))
	}
	return err
}

// sweepNotices sends what has been held long enough, gives up what waits for too
// long, as when no process has sent mail since, and forgets what is long past.
func (s *Store) sweepNotices(ctx context.Context) error {
	now := s.now()
	db := s.db.WithContext(ctx)
	return errors.Join(
		s.inTx(ctx, Actor{}, (*Tx).releaseNotices),
		db.Exec("UPDATE notices SET state = 'failed', settled_at = ? WHERE state = 'waiting' AND created_at <= ?", now, now.Add(-noticeLife)).Error,
		db.Exec("DELETE FROM notices WHERE created_at <= ?", now.Add(-noticesKept)).Error,
	)
}

// releaseNotices joins what is held for one receiver because of one customer, and
// goes to one address, to one email, once the first of it has been held for its time.
func (tx *Tx) releaseNotices() error {
	var due []struct {
		CustomerID, AgentID, Cause int64
		Address                    string // "" for that of the receiver
	}
	err := tx.scan(&due, `SELECT COALESCE(n.receiver_id, 0) AS customer_id, COALESCE(n.agent_id, 0) AS agent_id, COALESCE(n.caused_by, 0) AS cause, COALESCE(n.email, '') AS address FROM notices n WHERE n.held
		GROUP BY 1, 2, 3, 4 HAVING min(n.created_at) <= ? ORDER BY 1, 2, 3, 4 LIMIT ?`, tx.now.Add(-noticeWindow), sweepBatch)
	if err != nil {
		return err
	}
	for _, d := range due {
		var ids []int64
		err := tx.scan(&ids, `UPDATE notices SET held = @no WHERE id IN (SELECT n.id FROM notices n WHERE n.held AND COALESCE(n.receiver_id, 0) = @customer AND COALESCE(n.agent_id, 0) = @agent AND COALESCE(n.caused_by, 0) = @cause AND COALESCE(n.email, '') = @address ORDER BY n.id LIMIT @most)
			AND held RETURNING id`, map[string]any{"no": false, "customer": d.CustomerID, "agent": d.AgentID, "cause": d.Cause, "address": d.Address, "most": noticesJoined})
		if err != nil {
			return err
		}
		if len(ids) == 0 { // another process has released them
			continue
		}
		first := slices.Min(ids)
		if err := tx.exec("UPDATE notices SET joined = ? WHERE id IN ? AND id <> ?", first, ids, first); err != nil {
			return err
		}
		if err := tx.enqueueNotices([]int64{first}); err != nil {
			return err
		}
	}
	return nil
}
