package models

import (
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"example.org/mandat/models/history"
)

// The history as a whole, for the operator: read in the order of its chains,
// page by page, so that no statement is long and nobody waits for it.

// historyPage is how many events one statement reads.
const historyPage = 5000

// entryColumns are the columns of events that an entry has, in its order, and its hash.
const entryColumns = "e.service_id, e.number, e.id, e.at, e.kind, e.class, e.owner_id, e.actor_id, e.agent_id, e.subject_id, e.account_id, e.grant_id, e.object, e.detail, e.hash"

// entrySQL is entryColumns for a database. SQLite keeps instants as text, which
// counts as it stands there.
func (s *Store) entrySQL() string {
	if s.pool != nil {
		return strings.Replace(entryColumns, "e.detail", "CAST(e.detail AS text)", 1)
	}
	return strings.Replace(entryColumns, "e.at", "CASE typeof(e.at) WHEN 'text' THEN e.at || '' END", 1)
}

// entryRow is a row of events as it is in the database, of whatever type it has there.
type entryRow struct {
	values [15]any
	into   []any
	bad    string // what was found in it that no entry has
}

// targets are what a row is scanned into.
func (r *entryRow) targets() []any {
	if r.into == nil {
		for i := range r.values {
			r.into = append(r.into, &r.values[i])
		}
	}
	return r.into
}

// entry is the row as an entry; chained is false when it has no hash. What no
// program of ours writes is told in r.bad.
func (r *entryRow) entry(embedded bool) (e history.Entry, chained bool) {
	r.bad = ""
	for i, n := range [...]*int64{0: &e.Service, 1: &e.Number, 2: &e.ID, 6: &e.Owner, 7: &e.Actor, 8: &e.Agent, 9: &e.Subject, 10: &e.Account, 11: &e.Grant} {
		if n == nil || r.values[i] == nil {
			continue
		}
		var whole bool
		if *n, whole = r.values[i].(int64); !whole || *n <= 0 { // 0 would pass for none
			r.bad = "it has a number that none is"
		}
	}
	for i, s := range [...]*string{4: &e.Kind, 5: &e.Class, 12: &e.Object, 13: &e.Detail} {
		if s == nil {
			continue
		}
		var text bool
		if *s, text = r.values[i].(string); !text {
			r.bad = "it has a text that none is"
		}
	}
	if detail, err := history.Canonical([]byte(e.Detail)); err != nil || embedded && detail != e.Detail {
		r.bad = "its detail is not written as we write it"
	} else {
		e.Detail = detail
	}
	switch at := r.values[3].(type) {
	case time.Time:
		e.At = history.Time(at)
	case string:
		instant, err := time.Parse(sqliteTime, at)
		if e.At = history.Time(instant); err != nil || instant.UTC().Format(sqliteTime) != at {
			r.bad = "its time is not written as we write it"
		}
	default:
		r.bad = "it has a time that none is"
	}
	hash, chained := r.values[14].([]byte)
	if chained && len(hash) != len(e.Hash) || !chained && r.values[14] != nil {
		r.bad = "it has a hash that none is"
	}
	copy(e.Hash[:], hash)
	return e, chained
}

// eachEntry gives fn the events of all chains, or of one service, in the order
// of their chains and numbers. fn keeps neither.
func (s *Store) eachEntry(ctx context.Context, service int64, fn func(r *entryRow, e *history.Entry, chained bool) error) error {
	if service != 0 {
		return s.pagesOf(ctx, "e.service_id = $3 AND (e.number, e.id) > ($1, $2) ORDER BY e.number, e.id", fn, service)
	}
	err := s.pagesOf(ctx, "e.service_id IS NULL AND (e.number, e.id) > ($1, $2) ORDER BY e.number, e.id", fn)
	if err != nil {
		return err
	}
	return s.pagesOf(ctx, "(e.service_id, e.number, e.id) > ($3, $1, $2) ORDER BY e.service_id, e.number, e.id", fn, math.MinInt64)
}

// pagesOf gives fn the events that a condition names and puts in order: those
// behind a number, an id, and perhaps a service.
func (s *Store) pagesOf(ctx context.Context, where string, fn func(*entryRow, *history.Entry, bool) error, service ...int64) error {
	query := statement("SELECT " + s.entrySQL() + " FROM events e WHERE " + where + fmt.Sprintf(" LIMIT %d", historyPage))
	key := []any{int64(math.MinInt64), int64(math.MinInt64)}
	for _, id := range service {
		key = append(key, id)
	}
	var row entryRow
	page := func() (n int, err error) {
		rows, err := s.query(ctx, query, key...)
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		for ; rows.Next(); n++ {
			if err := rows.Scan(row.targets()...); err != nil {
				return n, err
			}
			next := []any{row.values[1], row.values[2], row.values[0]}[:len(key)]
			for _, value := range next {
				if _, whole := value.(int64); !whole {
					return n, fmt.Errorf("one of the entries behind number %d, id %d has another that is no number", key...)
				}
			}
			copy(key, next)
			e, chained := row.entry(s.Embedded())
			if err := fn(&row, &e, chained); err != nil {
				return n, err
			}
		}
		return n, rows.Err()
	}
	for {
		if n, err := page(); err != nil || n < historyPage {
			return err
		}
	}
}

// VerifyHistory gives every event to the verifier, and tells it what belongs to
// no chain and which services have none.
func (s *Store) VerifyHistory(ctx context.Context, v *history.Verifier) error {
	err := s.eachEntry(ctx, 0, func(r *entryRow, e *history.Entry, chained bool) error {
		switch {
		case r.bad != "":
			v.Broken(e.Service, e.Number, r.bad)
		case !chained:
			v.Broken(e.Service, e.Number, "it has no hash yet: `mandat migrate` gives it one, unless somebody took it away")
		default:
			v.Add(e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var loose int
	if err := s.db.WithContext(ctx).Raw("SELECT count(*) FROM events WHERE number IS NULL").Scan(&loose).Error; err != nil {
		return err
	}
	if loose > 0 {
		v.Broken(0, 0, fmt.Sprintf("%d entries have no number and no hash yet: `mandat migrate` gives them both, unless somebody took them away", loose))
	}
	var bare []int64
	err = s.db.WithContext(ctx).Raw("SELECT s.id FROM services s WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.service_id = s.id) ORDER BY s.id LIMIT ?", historyPage).Scan(&bare).Error
	for _, service := range bare {
		v.Broken(service, 1, "it is missing, with the whole history of the service")
	}
	return err
}

// ExportHistory writes the history as package history describes it: all of it, or
// that of one service by its domain.
func (s *Store) ExportHistory(ctx context.Context, domain string, w io.Writer) error {
	var service int64
	if domain != "" {
		if err := s.db.WithContext(ctx).Raw("SELECT id FROM services WHERE domain = ?", domain).Scan(&service).Error; err != nil {
			return err
		}
		if service == 0 {
			return ErrNotFound
		}
	}
	var line []byte
	return s.eachEntry(ctx, service, func(_ *entryRow, e *history.Entry, _ bool) (err error) {
		if line, err = e.Append(line[:0]); err == nil {
			_, err = w.Write(line)
		}
		return err
	})
}

// HistoryHeads is the newest event of every chain, for a checkpoint.
func (s *Store) HistoryHeads(ctx context.Context) (leaves []history.Leaf, err error) {
	type head struct {
		Service, Number int64
		Hash            []byte
	}
	take := func(heads []head) error {
		for _, h := range heads {
			l := history.Leaf{Service: h.Service, Head: history.Head{Number: h.Number}}
			if copy(l.Hash[:], h.Hash) != len(l.Hash) {
				return fmt.Errorf("the history of service %d is not chained yet: run `mandat migrate`", h.Service)
			}
			leaves = append(leaves, l)
		}
		return nil
	}
	var heads []head
	err = s.db.WithContext(ctx).Raw("SELECT 0 AS service, e.number, e.hash FROM events e WHERE e.service_id IS NULL AND e.number IS NOT NULL ORDER BY e.number DESC LIMIT 1").Scan(&heads).Error
	if err == nil {
		err = take(heads)
	}
	for last := int64(0); err == nil; {
		heads = nil
		err = s.db.WithContext(ctx).Raw(`SELECT s.id AS service, e.number, e.hash FROM (SELECT id FROM services WHERE id > ? ORDER BY id LIMIT ?) s
			JOIN events e ON e.service_id = s.id AND e.number = (SELECT max(x.number) FROM events x WHERE x.service_id = s.id) ORDER BY s.id`, last, historyPage).Scan(&heads).Error
		if err == nil {
			err = take(heads)
		}
		if len(heads) == 0 {
			break
		}
		last = heads[len(heads)-1].Service
	}
	return leaves, err
}

// WriteCheckpoint writes a checkpoint of the history where the store was told to.
func (s *Store) WriteCheckpoint(ctx context.Context) error {
	heads, err := s.HistoryHeads(ctx)
	if err != nil {
		return err
	}
	return s.checkpoints.Write(s.now(), heads)
}
