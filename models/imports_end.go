package models

import (
	"context"
	"errors"
	"strings"
	"time"

	"example.org/mandat/mail/imap"
	"example.org/mandat/models/policy"
)

// importReasons are the errors that another try does not help with.
var importReasons = []struct {
	err    error
	reason string
}{
	{imap.ErrSignIn, "sign_in"},
	{imap.ErrForbidden, "forbidden"},
	{imap.ErrInsecure, "insecure"},
	{imap.ErrCrowded, "crowded"},
	{imap.ErrUnknown, "unknown"},
	{imap.ErrNonsense, "nonsense"},
	{errSealed, "secret"},
}

// importReason names what is wrong, "" for what may go well at another time.
func importReason(err error) string {
	for _, r := range importReasons {
		if errors.Is(err, r.err) {
			return r.reason
		}
	}
	return ""
}

// settle notes how a run ended, and what comes next.
func (r *importRun) settle(ctx context.Context, err error, ended bool) error {
	reason := importReason(err)
	if reason == "unknown" && r.State == ImportRunning { // it was known when it was tried
		reason = ""
	}
	switch {
	case errors.Is(err, errImportTaken):
		return nil
	case isLapsed(err):
		return r.finish(ctx, ImportStopped, "right")
	case err == nil && r.State == ImportTesting:
		return nil
	case err == nil:
		return r.finish(ctx, ImportDone, "")
	case ended, errors.Is(err, errImportSlice), errors.Is(err, errImportBlind):
		return r.again(ctx, 0, r.Tries)
	case errors.Is(err, imap.ErrFull):
		return r.pause(ctx)
	case reason != "" && (reason != "sign_in" || r.State == ImportTesting || r.Tries >= importRefusals):
		r.log.Info("an import has failed", "import", r.ID, "reason", reason)
		return r.finish(ctx, ImportFailed, reason)
	}
	return r.retry(ctx, err)
}

// retry plans another try after one that came to nothing, unless there were enough.
func (r *importRun) retry(ctx context.Context, err error) error {
	pauses := importPauses
	if r.State == ImportTesting {
		pauses = testPauses
	}
	// What was achieved meanwhile has set them back.
	if err := r.db.WithContext(ctx).Raw("SELECT tries FROM imports WHERE id = ?", r.ID).Scan(&r.Tries).Error; err != nil {
		return err
	}
	if r.stored > 0 {
		r.Tries = 0
	}
	r.log.Info("an import is interrupted", "import", r.ID, "tries", r.Tries, "error", imap.Legible(strings.ReplaceAll(err.Error(), "\n", "; "), 300))
	if r.Tries >= len(pauses) {
		return r.finish(ctx, ImportFailed, "away")
	}
	return r.again(ctx, pauses[r.Tries], r.Tries+1)
}

// again gives the import another job.
func (r *importRun) again(ctx context.Context, pause time.Duration, tries int) error {
	return r.inTx(ctx, Actor{}, func(tx *Tx) error {
		var ticket int64
		due := tx.now.Add(pause)
		err := tx.scan(&ticket, "UPDATE imports SET ticket = ticket + 1, leased_until = NULL, due_at = ?, tries = ? WHERE id = ? AND ticket = ? AND settled_at IS NULL RETURNING ticket", due, tries, r.ID, r.Ticket)
		if err != nil || ticket == 0 {
			return err
		}
		job := runImport{Import: r.ID, Ticket: ticket}
		if pause > 0 {
			job.due = due
		}
		return tx.enqueue(job)
	})
}

// pause leaves an import to whoever makes room in the mailbox.
func (r *importRun) pause(ctx context.Context) error {
	return r.end(ctx, func(tx *Tx, a *Access, m *Import) error {
		if err := tx.exec("UPDATE imports SET state = 'paused', reason = 'full', ticket = ticket + 1, leased_until = NULL, touched_at = ? WHERE id = ?", tx.now, r.ID); err != nil {
			return err
		}
		e := a.importEvent("import.paused", m)
		e.byTime = true
		return tx.record(e)
	})
}

// finish ends the import.
func (r *importRun) finish(ctx context.Context, state ImportState, reason string) error {
	return r.end(ctx, func(tx *Tx, a *Access, m *Import) error { return tx.settleImport(a, m, state, reason) })
}

// end runs fn on the import while it is this job's.
func (r *importRun) end(ctx context.Context, fn func(*Tx, *Access, *Import) error) error {
	return r.endImport(ctx, r.ID, &r.Ticket, fn)
}

// endImport runs fn on an import with its service locked, in the name of who
// asked, who need have no right any more. It does nothing to one that has ended,
// or that has another ticket, unless that is nil.
func (s *Store) endImport(ctx context.Context, id int64, ticket *int64, fn func(*Tx, *Access, *Import) error) error {
	var of struct {
		CustomerID int64
		Domain     string
	}
	err := s.db.WithContext(ctx).Raw("SELECT m.customer_id, s.domain FROM imports m JOIN services s ON s.id = m.service_id WHERE m.id = ?", id).Scan(&of).Error
	if err != nil || of.Domain == "" {
		return err
	}
	return s.inTx(ctx, Actor{Customer: of.CustomerID}, func(tx *Tx) error {
		sv, err := tx.lock(of.Domain)
		if err != nil {
			return err
		}
		a := &Access{Service: *sv, Account: &Account{}}
		var is struct {
			AccountID, Ticket int64
			Address           string
		}
		err = tx.scan(&is, "SELECT m.account_id, m.ticket, a.address FROM imports m JOIN accounts a ON a.id = m.account_id WHERE m.id = ? AND m.settled_at IS NULL", id)
		if err != nil || is.AccountID == 0 || ticket != nil && is.Ticket != *ticket {
			return err
		}
		a.Account.ID, a.Account.Address = is.AccountID, is.Address
		m, err := tx.importOf(a, id)
		if err != nil {
			return err
		}
		return fn(tx, a, m)
	})
}

// sweepImports ends those that nobody attends to or that last too long, and
// those whose ground is gone while no job looks; takes those up again whose job
// was lost; and forgets what is long past.
func (s *Store) sweepImports(ctx context.Context) error {
	return errors.Join(
		s.sweepStaleImports(ctx),
		s.sweepLostImports(ctx),
		s.db.WithContext(ctx).Exec("DELETE FROM imports WHERE settled_at <= ?", s.now().Add(-importsKept)).Error,
	)
}

// staleImport is an import that nobody works on.
type staleImport struct {
	ID, CustomerID, AccountID int64
	State                     ImportState
	Domain, Local             string
	CreatedAt, TouchedAt      time.Time
}

// sweepStaleImports ends what waits for its person: in vain, or one who may not
// have it any more.
func (s *Store) sweepStaleImports(ctx context.Context) (err error) {
	now, last := s.now(), int64(0)
	for {
		var open []staleImport
		read := s.db.WithContext(ctx).Raw(`SELECT m.id, m.customer_id, m.account_id, m.state, m.created_at, m.touched_at, s.domain, a.local_part AS local FROM imports m
			JOIN services s ON s.id = m.service_id JOIN accounts a ON a.id = m.account_id
			WHERE m.id > ? AND m.settled_at IS NULL AND (m.state IN ('choosing', 'paused') OR m.created_at <= ?) ORDER BY m.id LIMIT ?`,
			last, now.Add(-importLife), sweepBatch).Scan(&open).Error
		if read != nil || len(open) == 0 {
			return errors.Join(err, read)
		}
		for _, m := range open {
			last = m.ID
			state, reason, failed := s.stale(ctx, m, now)
			if state != "" {
				failed = s.endImport(ctx, m.ID, nil, func(tx *Tx, a *Access, m *Import) error { return tx.settleImport(a, m, state, reason) })
			}
			err = errors.Join(err, failed)
		}
	}
}

// stale says how an import that waits is to end, and why; "" when it may go on waiting.
func (s *Store) stale(ctx context.Context, m staleImport, now time.Time) (state ImportState, reason string, err error) {
	switch {
	case !m.CreatedAt.After(now.Add(-importLife)):
		return ImportFailed, "late", nil
	case m.State == ImportChoosing && !m.TouchedAt.After(now.Add(-importUnattended)):
		return ImportFailed, "unattended", nil
	}
	a, err := s.Account(ctx, Actor{Customer: m.CustomerID}, m.Domain, m.Local)
	if err == nil {
		err = a.require(policy.ImportMail)
	}
	if err == nil {
		err = s.enabled(ctx, m.CustomerID)
	}
	if isLapsed(err) {
		return ImportStopped, "right", nil
	}
	return "", "", err
}

func (s *Store) sweepLostImports(ctx context.Context) error {
	now := s.now()
	return s.inTx(ctx, Actor{}, func(tx *Tx) error {
		var lost []runImport
		err := tx.scan(&lost, `UPDATE imports SET ticket = ticket + 1, due_at = ?, leased_until = NULL WHERE settled_at IS NULL AND state IN ('testing', 'running')
			AND (leased_until IS NULL AND due_at <= ? OR leased_until <= ?) RETURNING id AS import, ticket`, now, now.Add(-importLost), now)
		for _, job := range lost {
			if err == nil {
				err = tx.enqueue(job)
			}
		}
		return err
	})
}
