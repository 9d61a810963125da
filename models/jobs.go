package models

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivertype"
)

// Jobs are shallow: a kind and ids; the work is a verb of the Store. Nothing
// outside this file knows which queue carries them.

// jobClient hides the type of transaction, the only thing that differs between River's two clients.
type jobClient interface {
	insert(*Tx, ...river.InsertManyParams) error
	start(context.Context) error
	stop(context.Context) error   // waits for what was begun
	cancel(context.Context) error // calls it off
}

type pgJobs struct{ *river.Client[pgx.Tx] }

func (c pgJobs) start(ctx context.Context) error  { return c.Start(ctx) }
func (c pgJobs) stop(ctx context.Context) error   { return c.Stop(ctx) }
func (c pgJobs) cancel(ctx context.Context) error { return c.StopAndCancel(ctx) }
func (c pgJobs) insert(tx *Tx, jobs ...river.InsertManyParams) error {
	return tx.withPgx(func(p pgx.Tx) error {
		_, err := c.InsertManyTx(tx.ctx, p, jobs)
		return err
	})
}

type liteJobs struct{ *river.Client[*sql.Tx] }

func (c liteJobs) start(ctx context.Context) error  { return c.Start(ctx) }
func (c liteJobs) stop(ctx context.Context) error   { return c.Stop(ctx) }
func (c liteJobs) cancel(ctx context.Context) error { return c.StopAndCancel(ctx) }
func (c liteJobs) insert(tx *Tx, jobs ...river.InsertManyParams) error {
	_, err := c.InsertManyTx(tx.ctx, tx.Statement.ConnPool.(*sql.Tx), jobs)
	return err
}

// newJobs makes a client that only enqueues; with workers in cfg it can be started.
func (s *Store) newJobs(cfg *river.Config) (jobClient, error) {
	cfg.Logger, cfg.ErrorHandler = slog.New(quiet{s.log.Handler()}), jobErrors{s.log}
	if s.pool != nil {
		c, err := river.NewClient(riverpgxv5.New(s.pool), cfg)
		return pgJobs{c}, err
	}
	c, err := river.NewClient(riversqlite.New(s.sql), cfg)
	return liteJobs{c}, err
}

// quiet passes warnings and errors on: River counts its jobs aloud every few
// seconds, which tells an operator nothing.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }

// jobErrors logs the jobs that went wrong, which River tries again. River tells of
// them with the many lines that are not wanted.
type jobErrors struct{ log *slog.Logger }

// HandleError is [river.ErrorHandler].
func (l jobErrors) HandleError(ctx context.Context, j *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	l.log.WarnContext(ctx, "a job has failed", "job", j.ID, "kind", j.Kind, "attempt", j.Attempt, "of", j.MaxAttempts, "error", err)
	return nil
}

// HandlePanic is [river.ErrorHandler].
func (l jobErrors) HandlePanic(ctx context.Context, j *rivertype.JobRow, r any, stack string) *river.ErrorHandlerResult {
	l.log.ErrorContext(ctx, "panic", "job", j.ID, "kind", j.Kind, "attempt", j.Attempt, "of", j.MaxAttempts, "panic", r, "stack", stack)
	return nil
}

// enqueue adds a job that exists if, and only if, the transaction commits.
func (tx *Tx) enqueue(args river.JobArgs) error {
	return tx.store.jobs.insert(tx, river.InsertManyParams{Args: args})
}

// enqueueNotices is enqueue for what sends notices.
func (tx *Tx) enqueueNotices(ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	jobs := make([]river.InsertManyParams, len(ids))
	for i, id := range ids {
		jobs[i].Args = sendNotice{Notice: id}
	}
	return tx.store.jobs.insert(tx, jobs...)
}

// Bounds of the worker: how many jobs at once in one process, and for how long
// one may run. Those that end sessions are short, for what a killed process was
// doing is taken up lostJobs after it began, or when its kind's own time is over:
// River cannot tell it from work that goes on.
const (
	maxWorkers = 4
	jobTimeout = time.Minute
	shortJobs  = 20 * time.Second
	lostJobs   = 2 * shortJobs
	sweepEvery = time.Minute
	retryJobs  = time.Second
	finishJobs = 10 * time.Second // when the process is to end; then they are called off
)

// Mail has a queue of its own: a mail server that takes its time holds nothing
// else up, and a process that was given no way to send leaves the mail to one
// that was. The attempts are four hours, each pause longer than the one before.
const (
	mailQueue    = "mail"
	mailWorkers  = 2
	mailAttempts = 10
)

// Work carries out jobs, and what the list service asks, in this process until
// ctx ends, then waits for those begun, and calls off what takes too long: it is
// taken up again. Any number of processes may work on one PostgreSQL. A database
// that is away is waited for, at the start too.
func (s *Store) Work(ctx context.Context) error {
	client, err := s.startJobs(ctx)
	for Unavailable(err) {
		s.log.Warn("the jobs wait for the database", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryJobs):
		}
		client, err = s.startJobs(ctx)
	}
	if err != nil {
		return err
	}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		s.hearListRequests(ctx)
	}()
	<-ctx.Done()
	<-heard
	ended := context.WithoutCancel(ctx)
	stop, cancel := context.WithTimeout(ended, finishJobs)
	defer cancel()
	if err := client.stop(stop); stop.Err() == nil {
		return err
	}
	// One that waits for a mail server, say. It comes again.
	stop, cancel = context.WithTimeout(ended, finishJobs)
	defer cancel()
	return client.cancel(stop)
}

// work is a worker of jobs that may take jobTimeout.
func work[T river.JobArgs](do func(context.Context, *river.Job[T]) error) river.Worker[T] {
	return worker[T]{do: do}
}

type worker[T river.JobArgs] struct {
	river.WorkerDefaults[T]
	do func(context.Context, *river.Job[T]) error
}

func (worker[T]) Timeout(*river.Job[T]) time.Duration { return jobTimeout }

func (w worker[T]) Work(ctx context.Context, j *river.Job[T]) error { return w.do(ctx, j) }

// startJobs makes and starts a client that works.
func (s *Store) startJobs(ctx context.Context) (jobClient, error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, work(func(ctx context.Context, j *river.Job[removeAccount]) error {
		return s.patiently(ctx, j.JobRow, s.removeAccount(ctx, j.Args.Account))
	}))
	river.AddWorker(workers, work(func(ctx context.Context, _ *river.Job[sweep]) error {
		return s.Sweep(ctx)
	}))
	river.AddWorker(workers, uploadWorker{store: s})
	river.AddWorker(workers, importWorker{store: s, until: ctx})
	river.AddWorker(workers, work(func(ctx context.Context, j *river.Job[mailMembers]) error {
		return s.mailMembers(ctx, j.Args.Mailing, j.Attempt >= j.MaxAttempts)
	}))
	river.AddWorker(workers, work(func(ctx context.Context, j *river.Job[sendNotice]) error {
		return s.SendNotice(ctx, j.Args.Notice, j.Attempt >= j.MaxAttempts)
	}))
	river.AddWorker(workers, work(func(ctx context.Context, j *river.Job[tellLead]) error {
		return s.tellLead(ctx, j.Args, j.Attempt >= j.MaxAttempts)
	}))
	river.AddWorker(workers, work(func(ctx context.Context, j *river.Job[mailPasswordLink]) error {
		return s.SendPasswordLink(ctx, j.Args.Reset, j.Attempt, j.Attempt >= j.MaxAttempts)
	}))
	river.AddWorker(workers, work(func(ctx context.Context, j *river.Job[mailContactLink]) error {
		return s.SendContactLink(ctx, j.Args.Change, j.Attempt, j.Attempt >= j.MaxAttempts)
	}))
	river.AddWorker(workers, river.WorkFunc(func(ctx context.Context, j *river.Job[disconnect]) error {
		return s.patiently(ctx, j.JobRow, s.disconnectAll(ctx, j.Args.Addresses))
	}))
	river.AddWorker(workers, work(func(ctx context.Context, _ *river.Job[writeCheckpoint]) error {
		return s.WriteCheckpoint(ctx)
	}))
	queues := map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: maxWorkers}, uploadQueue: {MaxWorkers: uploadWorkers}}
	if s.Attached() {
		queues[mailboxQueue] = river.QueueConfig{MaxWorkers: mailboxWorkers}
	}
	if s.ImportsMail() {
		queues[importQueue] = river.QueueConfig{MaxWorkers: importWorkers}
	}
	if s.Mails() {
		queues[mailQueue] = river.QueueConfig{MaxWorkers: mailWorkers}
	}
	periodic := []*river.PeriodicJob{river.NewPeriodicJob(
		river.PeriodicInterval(sweepEvery),
		func() (river.JobArgs, *river.InsertOpts) {
			return sweep{}, &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByPeriod: sweepEvery}}
		},
		&river.PeriodicJobOpts{RunOnStart: true},
	)}
	if s.checkpoints != nil {
		queues[checkpointQueue] = river.QueueConfig{MaxWorkers: 1}
		periodic = append(periodic, river.NewPeriodicJob(
			river.PeriodicInterval(checkpointEvery),
			func() (river.JobArgs, *river.InsertOpts) { return writeCheckpoint{}, nil },
			&river.PeriodicJobOpts{RunOnStart: true},
		))
	}
	reindexing, err := s.reindexing(ctx)
	if err != nil {
		return nil, err
	}
	client, err := s.newJobs(&river.Config{
		Workers:       workers,
		Queues:        queues,
		JobTimeout:    shortJobs,
		FetchCooldown: 10 * time.Millisecond, // the default waits 100 ms before each fetch
		PeriodicJobs:  periodic,

		ReindexerSchedule:    reindexing,
		RescueStuckJobsAfter: lostJobs,
	})
	if err != nil {
		return nil, err
	}
	return client, client.start(context.WithoutCancel(ctx))
}

// reindexing is when River makes its indexes anew: at its own times where we own
// them, never where the panel has a role that may not.
func (s *Store) reindexing(ctx context.Context) (river.PeriodicSchedule, error) {
	owner := true
	if s.pool != nil {
		err := s.pool.QueryRow(ctx, "SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = 'river_job'::regclass").Scan(&owner)
		if err != nil {
			return nil, err
		}
	}
	if owner {
		return nil, nil
	}
	return river.NeverSchedule(), nil
}

// removeAccount finishes the deletion of an account; see enqueueRemoval.
type removeAccount struct {
	Account int64 `json:"account"`
}

func (removeAccount) Kind() string { return "remove_account" }

// InsertOpts gives it the time of one that a mail server takes part in.
func (removeAccount) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: mailboxAttempts}
}

// sweep closes what time has ended.
type sweep struct{}

func (sweep) Kind() string { return "sweep" }

// writeCheckpoint writes a checkpoint of the history. It has a queue of its own:
// only a process that was told where takes it.
type writeCheckpoint struct{}

const (
	checkpointQueue = "history"
	checkpointEvery = time.Hour
)

func (writeCheckpoint) Kind() string { return "write_checkpoint" }

// InsertOpts says where it waits; the next hour has another.
func (writeCheckpoint) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: checkpointQueue, MaxAttempts: 3, UniqueOpts: river.UniqueOpts{ByPeriod: checkpointEvery}}
}

// mailMembers carries a mailing of a list out.
type mailMembers struct {
	Mailing int64 `json:"mailing"`
}

func (mailMembers) Kind() string { return "mail_members" }

// InsertOpts says where it waits, and how often it is tried.
func (mailMembers) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: mailQueue, MaxAttempts: mailAttempts}
}

// sendNotice tells a customer by email.
type sendNotice struct {
	Notice int64 `json:"notice"`
}

func (sendNotice) Kind() string { return "send_notice" }

// InsertOpts says where it waits, and how often it is tried.
func (sendNotice) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: mailQueue, MaxAttempts: mailAttempts}
}

// mailPasswordLink makes a link for a password that was forgotten, and sends it.
type mailPasswordLink struct {
	Reset int64 `json:"reset"`
}

func (mailPasswordLink) Kind() string { return "mail_password_link" }

// InsertOpts says where it waits, and how often it is tried.
func (mailPasswordLink) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: mailQueue, MaxAttempts: mailAttempts}
}

// mailContactLink makes a link that confirms a contact address, and sends it there.
type mailContactLink struct {
	Change int64 `json:"change"`
}

func (mailContactLink) Kind() string { return "mail_contact_link" }

// InsertOpts says where it waits, and how often it is tried.
func (mailContactLink) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: mailQueue, MaxAttempts: mailAttempts}
}
