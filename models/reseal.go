package models

import (
	"context"
	"errors"
)

// Seals says of the values sealed in the database, of one kind, what keys they need.
type Seals struct {
	Unnamed int // under the present key, from before values said by which
	Old     int // under the key of before
	Lost    int // under neither
}

// Behind is how many of them Reseal has something to do for.
func (s Seals) Behind() int { return s.Unnamed + s.Old }

// SealedKinds are what is sealed: secrets of apps, and passwords of imports.
var SealedKinds = []string{"apps", "imports"}

// sealedColumns are where it is, and what each row's label is.
var sealedColumns = map[string]struct {
	table, column string
	label         func(int64) []byte
}{
	"apps":    {"factors", "secret", factorLabel},
	"imports": {"imports", "password", importLabel},
}

// sealBatch is how many values are read, or sealed anew in one transaction.
const sealBatch = 200

// ErrNoSecret: nothing is sealed without a key.
var ErrNoSecret = errors.New("models: there is no secret")

// sealedRow is a value that was not sealed with the present key, or does not say so.
type sealedRow struct {
	ID    int64
	Value []byte
}

// eachSealed gives the rows of a kind that are behind or lost, in batches.
func (s *Store) eachSealed(ctx context.Context, kind string, fn func([]sealedRow) error) error {
	if s.sealer == nil {
		return ErrNoSecret
	}
	at := sealedColumns[kind]
	for last := int64(0); ; {
		var rows []sealedRow
		err := s.db.WithContext(ctx).Raw("SELECT id, "+at.column+" AS value FROM "+at.table+" WHERE id > @last AND "+at.column+" IS NOT NULL AND substr("+at.column+", 1, @length) <> @head ORDER BY id LIMIT @n",
			map[string]any{"last": last, "length": sealHead, "head": octets(s.sealer.head()), "n": sealBatch}).Scan(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		if err := fn(rows); err != nil {
			return err
		}
		last = rows[len(rows)-1].ID
	}
}

// count says of a row what key it needs.
func (s *Seals) count(key int, err error) {
	switch {
	case err != nil:
		s.Lost++
	case key == 0:
		s.Unnamed++
	default:
		s.Old++
	}
}

// Seals looks at the values of a kind that are not under the present key, or do
// not say so. ErrNoSecret without one.
func (s *Store) Seals(ctx context.Context, kind string) (found Seals, err error) {
	err = s.eachSealed(ctx, kind, func(rows []sealedRow) error {
		for _, r := range rows {
			_, key, err := s.sealer.openWith(r.Value, sealedColumns[kind].label(r.ID))
			found.count(key, err)
		}
		return nil
	})
	return found, err
}

// Reseal seals every value of a kind with the present key that is not under it,
// or does not say so, and says how many there were of each sort; what opens with
// no key is left as it is. A batch is one transaction, and what is done stays
// done: stopped half-way, it goes on where it was. Other processes may go on
// with the same two keys meanwhile. ErrNoSecret without a key. It is the operator's verb.
func (s *Store) Reseal(ctx context.Context, kind string) (done Seals, err error) {
	at := sealedColumns[kind]
	err = s.eachSealed(ctx, kind, func(rows []sealedRow) error {
		var some Seals
		err := s.change(ctx, Actor{}, func(tx *Tx) error {
			some = Seals{}
			for _, r := range rows {
				text, key, err := s.sealer.openWith(r.Value, at.label(r.ID))
				if some.count(key, err); err != nil {
					continue
				}
				// One that was changed meanwhile is under the present key by that.
				err = tx.exec("UPDATE "+at.table+" SET "+at.column+" = ? WHERE id = ? AND "+at.column+" = ?", octets(s.sealer.seal(text, at.label(r.ID))), r.ID, octets(r.Value))
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			done = Seals{Unnamed: done.Unnamed + some.Unnamed, Old: done.Old + some.Old, Lost: done.Lost + some.Lost}
		}
		return err
	})
	return done, err
}
