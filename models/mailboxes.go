package models

import (
	"context"
	"slices"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// Mailboxes is what can be done to mailboxes on the mail server beyond what it
// reads of the database by itself. Any error may pass: the same is asked again.
type Mailboxes interface {
	// Disconnect ends all sessions of an address, or of all that a pattern with * fits.
	Disconnect(ctx context.Context, address string) error
	// Remove ends them and removes all that the mailbox holds.
	Remove(ctx context.Context, address string) error
}

// Attached says whether there is a mail server that does what the panel says.
func (s *Store) Attached() bool { return s.mailboxes != nil }

// A job that a mail server takes part in has a queue of its own: one that is
// away holds nothing else up. For a day it is tried again and again after the
// same short pause, so that what was said counts soon after the server is back,
// however long it was away; then, with River's pauses, for about fifteen hours.
const (
	mailboxQueue    = "mailboxes"
	mailboxWorkers  = 32 // they wait more than they work
	mailboxPause    = 20 * time.Second
	mailboxPatience = 24 * time.Hour
	mailboxAttempts = 13
)

// patiently is what becomes of a job of that queue that failed with err.
func (s *Store) patiently(ctx context.Context, j *rivertype.JobRow, err error) error {
	if err == nil || !s.Attached() || s.now().Sub(j.CreatedAt) > mailboxPatience {
		return err
	}
	s.log.WarnContext(ctx, "a job waits for the mail server", "job", j.ID, "kind", j.Kind, "error", err)
	return river.JobSnooze(mailboxPause)
}

// disconnectAtOnce is how many addresses one job asks for: it must come to its end
// within shortJobs also with a mail server that takes its time, or it begins again.
const disconnectAtOnce = 20

// secondDisconnect is how long after the first the sessions are ended again: who
// was just signing in with what was valid until the commit has done so by then.
const secondDisconnect = 2 * time.Second

// disconnect has the sessions of addresses ended: what signed them in is valid
// no longer. Without a mail server there are none.
func (tx *Tx) disconnect(addresses ...string) error {
	if !tx.store.Attached() || len(addresses) == 0 {
		return nil
	}
	var jobs []river.InsertManyParams
	for some := range slices.Chunk(addresses, disconnectAtOnce) {
		jobs = append(jobs, river.InsertManyParams{Args: disconnect{Addresses: some}})
	}
	return tx.store.jobs.insert(tx, jobs...)
}

// disconnect ends sessions.
type disconnect struct {
	Addresses []string `json:"addresses"`
}

func (disconnect) Kind() string { return "disconnect" }

// InsertOpts says where it waits, and how often it is tried.
func (disconnect) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: mailboxQueue, MaxAttempts: mailboxAttempts, Priority: 1}
}

// enqueueRemoval is enqueue for what finishes the deletion of an account. Where a
// mail server takes part in that, it waits with what else does; without one no
// process may be there that looks into that queue.
func (tx *Tx) enqueueRemoval(account int64) error {
	job := river.InsertManyParams{Args: removeAccount{Account: account}}
	if tx.store.Attached() {
		job.InsertOpts = &river.InsertOpts{Queue: mailboxQueue}
	}
	return tx.store.jobs.insert(tx, job)
}

// disconnectAll ends the sessions of addresses, twice.
func (s *Store) disconnectAll(ctx context.Context, addresses []string) error {
	for _, wait := range []time.Duration{0, secondDisconnect} {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		for _, address := range addresses {
			if err := s.mailboxes.Disconnect(ctx, address); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeMailbox removes what the mailbox of an account that is being deleted
// holds. Its row is still there, or the mail server would not find the mailbox.
func (s *Store) removeMailbox(ctx context.Context, id int64) error {
	if !s.Attached() {
		return nil
	}
	var address string
	err := s.db.WithContext(ctx).Raw("SELECT a.address FROM accounts a WHERE a.id = ? AND a.state = 'deleting'", id).Scan(&address).Error
	if err != nil || address == "" {
		return err
	}
	return s.mailboxes.Remove(ctx, address)
}

func addressesOf(accounts []*Account) []string {
	addresses := make([]string, len(accounts))
	for i, a := range accounts {
		addresses[i] = a.Address
	}
	return addresses
}
