package models

import (
	"context"
	"encoding/json"

	"example.org/mandat/mail/imap"
	"example.org/mandat/models/policy"
)

// note runs fn in a transaction in which the import is this job's still, and
// whoever asked may still have it.
func (r *importRun) note(ctx context.Context, fn func(*Tx) error) error {
	return r.inTx(ctx, Actor{Customer: r.CustomerID}, func(tx *Tx) error {
		worked := tx.now.Sub(r.noted).Milliseconds()
		kept := tx.Exec("UPDATE imports SET leased_until = ?, touched_at = ?, worked_ms = worked_ms + ? WHERE id = ? AND ticket = ? AND state = 'running'",
			tx.now.Add(importLease), tx.now, worked, r.ID, r.Ticket)
		if kept.Error != nil {
			return kept.Error
		}
		if kept.RowsAffected == 0 {
			return errImportTaken
		}
		tx.looks = true
		a, err := tx.entered(r.ServiceID, r.Local, policy.ImportMail)
		if err == nil {
			err = r.allowed(a)
		}
		if err != nil {
			return err
		}
		r.noted = tx.now
		if err := fn(tx); err != nil {
			return err
		}
		return tx.admitCustomer()
	})
}

// importLedger is imap.Ledger of one folder.
type importLedger struct {
	*importRun
	folder *ImportFolder
}

func (l *importLedger) Begin(ctx context.Context, s imap.State) error {
	return l.note(ctx, func(tx *Tx) error {
		if err := tx.exec("DELETE FROM import_matches WHERE folder_id = ?", l.folder.ID); err != nil {
			return err
		}
		l.folder.Skips = nil
		return tx.exec("UPDATE import_folders SET copied = 0, present = 0, skipped = 0, skips = '[]', validity = ?, last_uid = 0, until_uid = 0, target_validity = ?, target_first = ?, target_next = ? WHERE id = ?",
			s.Validity, s.TargetValidity, s.TargetFirst, s.TargetNext, l.folder.ID)
	})
}

func (l *importLedger) Matched(ctx context.Context) (uids []uint32, err error) {
	err = l.db.WithContext(ctx).Raw("SELECT uid FROM import_matches WHERE folder_id = ?", l.folder.ID).Scan(&uids).Error
	return uids, err
}

func (l *importLedger) Settle(ctx context.Context, s imap.Step) error {
	skips := l.folder.Skips
	for _, skip := range s.Skipped {
		if len(skips) < keptSkips {
			skips = append(skips, ImportSkip{At: skip.At, Size: skip.Size, Reason: skip.Reason})
		}
	}
	text, err := json.Marshal(skips)
	if err != nil || len(skips) == 0 {
		text = []byte("[]")
	}
	err = l.note(ctx, func(tx *Tx) error {
		if s.Copied+s.Present+len(s.Skipped) > 0 {
			if err := tx.exec("UPDATE imports SET tries = 0 WHERE id = ? AND tries > 0", l.ID); err != nil {
				return err
			}
		}
		matches := &staging{tx: tx, table: "import_matches (folder_id, uid)", width: 2}
		for _, uid := range s.Matches {
			if err := matches.add(l.folder.ID, int64(uid)); err != nil {
				return err
			}
		}
		if err := matches.flush(); err != nil {
			return err
		}
		return tx.exec(`UPDATE import_folders SET copied = copied + ?, present = present + ?, skipped = skipped + ?, total = copied + present + skipped + ?, skips = ?, done = ?,
			last_uid = ?, until_uid = ?, target_next = ? WHERE id = ?`,
			s.Copied, s.Present, len(s.Skipped), s.Copied+s.Present+len(s.Skipped)+s.Left, string(text), s.Left == 0, s.Last, s.Until, s.TargetNext, l.folder.ID)
	})
	if err != nil {
		return err
	}
	l.folder.Skips = skips
	if s.Left > 0 && l.now().Sub(l.began) > importSlice {
		return errImportSlice
	}
	return nil
}
