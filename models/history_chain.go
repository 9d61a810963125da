package models

import (
	"context"
	"errors"
	"fmt"
	"strconv"
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
		pass, cursor := 0, history.Entry{} // what is behind the cursor is done: no step looks at it again
		for done := -1; done != 0; pass += done {
			err := s.inTx(ctx, Actor{}, func(tx *Tx) (err error) {
				done, err = tx.chainSome(&cursor)
				return err
			})
			if err != nil {
				return n + pass, err
			}
		}
		if n += pass; pass == 0 {
			return n, nil
		}
	}
}

// sweepHistory chains what a program of the version before wrote meanwhile. At
// any other time there is nothing, and somebody took hashes away.
func (s *Store) sweepHistory(ctx context.Context) error {
	n, err := s.ChainHistory(ctx)
	if n > 0 {
		s.log.Warn("events without a hash were chained: is a program of the version before at work on this database?", "events", n)
	}
	return err
}

// Unchained is how many events have no hash, counted to a thousand.
func (s *Store) Unchained(ctx context.Context) (n int, err error) {
	err = s.db.WithContext(ctx).Raw("SELECT count(*) FROM (SELECT 1 FROM events WHERE hash IS NULL LIMIT 1000) AS x").Scan(&n).Error
	return n, err
}

// chainSome chains a batch behind a cursor, which it moves: of services, or of
// none when no service has any left.
func (tx *Tx) chainSome(cursor *history.Entry) (int, error) {
	const behind = "e.hash IS NULL AND (e.service_id, e.number) > (?, ?)"
	var services []int64
	err := tx.scan(&services, "SELECT DISTINCT x.service_id FROM (SELECT e.service_id FROM events e WHERE "+behind+" ORDER BY e.service_id, e.number LIMIT ?) AS x ORDER BY 1",
		cursor.Service, cursor.Number, chainBatch)
	if err != nil {
		return 0, err
	}
	if len(services) > 0 {
		if err := tx.exec("SELECT s.id FROM services s WHERE s.id IN ? ORDER BY s.id"+tx.forUpdate("s"), services); err != nil {
			return 0, err
		}
		last, n, err := tx.chainRows(behind+" AND e.service_id <= ? ORDER BY e.service_id, e.number", history.Head{}, cursor.Service, cursor.Number, services[len(services)-1])
		*cursor = last
		return n, err
	}
	const loose = "e.hash IS NULL AND e.service_id IS NULL AND e.id > ? ORDER BY e.id"
	var first int64 // or nobody need be kept waiting
	if err := tx.scan(&first, "SELECT e.id FROM events e WHERE "+loose+" LIMIT 1", cursor.ID); err != nil || first == 0 {
		return 0, err
	}
	end, err := tx.lockSystem()
	if err != nil {
		return 0, err
	}
	last, n, err := tx.chainRows(loose, end, cursor.ID)
	cursor.ID = last.ID
	return n, err
}

// chainService chains what a locked service has without a hash, and answers the newest.
func (tx *Tx) chainService(service int64) (end history.Head, err error) {
	for {
		newest, n, err := tx.chainRows("e.hash IS NULL AND e.service_id = ? ORDER BY e.number", history.Head{}, service)
		if err != nil || n == 0 {
			return end, err
		}
		end = history.Head{Number: newest.Number, Hash: newest.Hash}
	}
}

// chainRows chains the first of the events that a condition names, in the order
// it gives, and answers the last of them. Those of a service have their number
// already, and come behind the one before theirs; those of none come behind end.
func (tx *Tx) chainRows(where string, end history.Head, args ...any) (last history.Entry, n int, err error) {
	rows, err := tx.Raw("SELECT "+tx.store.entrySQL()+", (SELECT p.hash FROM events p WHERE p.service_id = e.service_id AND p.number = e.number - 1) FROM events e WHERE "+
		where+fmt.Sprintf(" LIMIT %d", chainBatch), args...).Rows()
	if err != nil {
		return last, 0, err
	}
	defer rows.Close()
	var r entryRow
	var chained []history.Entry
	for ; rows.Next(); n++ {
		var before []byte
		if err := rows.Scan(append(r.targets(), &before)...); err != nil {
			return last, n, err
		}
		e, _ := r.entry(false)
		if r.bad != "" {
			return last, n, fmt.Errorf("models: event %d cannot be chained: %s", e.ID, r.bad)
		}
		if e.Service != 0 {
			if e.Service != last.Service {
				end = history.Head{}
				copy(end.Hash[:], before)
			}
			end.Number = e.Number - 1 // a gap is for the verification to find
		}
		end = end.Next(&e)
		chained, last = append(chained, e), e
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || n == 0 {
		return last, n, err
	}
	return last, n, tx.writeHashes(chained)
}

// writeHashes writes what was chained. The panel's role may not update an event;
// a function of the owner's does that to those without a hash.
func (tx *Tx) writeHashes(entries []history.Entry) error {
	if tx.conn == nil { // detail too: it is text there, and was not always canonical
		var args []any
		for _, e := range entries {
			args = append(args, e.ID, e.Number, e.Hash[:], e.Detail)
		}
		return tx.exec("WITH v (id, number, hash, detail) AS (VALUES "+tuples(len(entries), 4)+") UPDATE events SET number = v.number, hash = v.hash, detail = v.detail FROM v WHERE events.id = v.id AND events.hash IS NULL", args...)
	}
	var ids, numbers, hashes []string // arrays as PostgreSQL reads them
	for _, e := range entries {
		ids, numbers = append(ids, strconv.FormatInt(e.ID, 10)), append(numbers, strconv.FormatInt(e.Number, 10))
		hashes = append(hashes, `"\\x`+e.Hash.String()+`"`)
	}
	array := func(of []string) string { return "{" + strings.Join(of, ",") + "}" }
	return tx.exec("SELECT chain_events(?::bigint[], ?::bigint[], ?::bytea[])", array(ids), array(numbers), array(hashes))
}
