package models

import (
	"context"
	"fmt"
	"strings"

	"example.org/mandat/models/history"
)

// chainBatch is how many events are chained in one transaction: what it locks is
// free again within a moment.
const chainBatch = 2000

// ChainHistory gives every event a hash that has none: those from before there
// were hashes, and those that a program of the version before writes beside one
// of this version. It may be interrupted, and run by several at once; panels go
// on meanwhile. It answers how many it gave one.
func (s *Store) ChainHistory(ctx context.Context) (n int, err error) {
	for {
		done := 0
		err := s.inTx(ctx, Actor{}, func(tx *Tx) (err error) {
			done, err = tx.chainSome()
			return err
		})
		if n += done; err != nil || done == 0 {
			return n, err
		}
	}
}

// Unchained is how many events have no hash, counted to a thousand.
func (s *Store) Unchained(ctx context.Context) (n int, err error) {
	err = s.db.WithContext(ctx).Raw("SELECT count(*) FROM (SELECT 1 FROM events WHERE hash IS NULL LIMIT 1000) AS x").Scan(&n).Error
	return n, err
}

// chainSome chains a batch of services, or one of the system when no service has any left.
func (tx *Tx) chainSome() (int, error) {
	var services []int64
	err := tx.scan(&services, "SELECT DISTINCT x.service_id FROM (SELECT e.service_id FROM events e WHERE e.hash IS NULL AND e.service_id IS NOT NULL ORDER BY e.service_id, e.number LIMIT ?) AS x ORDER BY 1", chainBatch)
	if err != nil {
		return 0, err
	}
	if len(services) > 0 {
		if err := tx.exec("SELECT s.id FROM services s WHERE s.id IN ? ORDER BY s.id"+tx.forUpdate("s"), services); err != nil {
			return 0, err
		}
		_, n, err := tx.chainRows("e.hash IS NULL AND e.service_id IN ? ORDER BY e.service_id, e.number", history.Head{}, services)
		return n, err
	}
	var loose int64 // or nobody need be kept waiting
	if err := tx.scan(&loose, "SELECT e.id FROM events e WHERE e.hash IS NULL LIMIT 1"); err != nil || loose == 0 {
		return 0, err
	}
	end, err := tx.lockSystem()
	if err != nil {
		return 0, err
	}
	_, n, err := tx.chainRows("e.hash IS NULL AND e.service_id IS NULL ORDER BY e.id", end)
	return n, err
}

// chainService chains what a locked service has without a hash, and answers the newest.
func (tx *Tx) chainService(service int64) (end history.Head, err error) {
	for {
		newest, n, err := tx.chainRows("e.hash IS NULL AND e.service_id = ? ORDER BY e.number", history.Head{}, service)
		if err != nil || n == 0 {
			return end, err
		}
		end = newest
	}
}

// chainRows chains the first of the events that a condition names, in the order
// it gives, and answers the last of them. Those of a service have their number
// already, and come behind the one before theirs; those of none come behind end.
func (tx *Tx) chainRows(where string, end history.Head, args ...any) (history.Head, int, error) {
	rows, err := tx.Raw("SELECT "+tx.store.entrySQL()+", p.hash FROM events e LEFT JOIN events p ON p.service_id = e.service_id AND p.number = e.number - 1 WHERE "+
		where+fmt.Sprintf(" LIMIT %d", chainBatch), args...).Rows()
	if err != nil {
		return end, 0, err
	}
	defer rows.Close()
	var update []any
	n, of := 0, int64(0)
	for ; rows.Next(); n++ {
		var r entryRow
		var before []byte
		if err := rows.Scan(append(r.targets(), &before)...); err != nil {
			return end, n, err
		}
		e, _ := r.entry(false)
		if r.bad != "" {
			return end, n, fmt.Errorf("models: event %d cannot be chained: %s", e.ID, r.bad)
		}
		if e.Service != 0 && e.Service != of {
			of, end = e.Service, history.Head{Number: e.Number - 1}
			copy(end.Hash[:], before)
		} else if e.Service != 0 {
			end.Number = e.Number - 1 // a gap is for the verification to find
		}
		end = end.Next(&e)
		update = append(update, e.ID, e.Number, e.Hash[:], e.Detail)
	}
	if err := rows.Err(); err != nil || n == 0 {
		return end, n, err
	}
	if err := rows.Close(); err != nil {
		return end, n, err
	}
	return end, n, tx.writeHashes(n, update)
}

// writeHashes writes rows of id, number, hash and detail. The panel's role may
// not update an event; a function of the owner's does that to one without a hash.
func (tx *Tx) writeHashes(n int, rows []any) error {
	if tx.conn == nil { // detail too: it is text there, and was not always canonical
		return tx.exec("WITH v (id, number, hash, detail) AS (VALUES "+tuples(n, 4)+") UPDATE events SET number = v.number, hash = v.hash, detail = v.detail FROM v WHERE events.id = v.id AND events.hash IS NULL", rows...)
	}
	const row = "(?::bigint, ?::bigint, ?::bytea, ?)"
	var done int
	return tx.scan(&done, "SELECT count(chain_event(v.id, v.number, v.hash)) FROM (VALUES "+row+strings.Repeat(", "+row, n-1)+") AS v (id, number, hash, detail)", rows...)
}
