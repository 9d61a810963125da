package models

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/riverqueue/river"
)

// runUpload checks an upload, or does it: which of the two its state says.
type runUpload struct {
	Upload int64 `json:"upload"`
}

func (runUpload) Kind() string { return "run_upload" }

// InsertOpts are river.JobArgsWithInsertOpts: a file that could not be done a few times will not be.
func (runUpload) InsertOpts() river.InsertOpts {
	return river.InsertOpts{MaxAttempts: uploadAttempts, Queue: uploadQueue}
}

const (
	uploadQueue    = "uploads" // of their own, so that short jobs do not wait behind them
	uploadWorkers  = 2
	uploadAttempts = 5
	uploadTimeout  = 10 * time.Minute
)

// uploadWorker has more time than other jobs.
type uploadWorker struct {
	river.WorkerDefaults[runUpload]
	store *Store
}

func (uploadWorker) Timeout(*river.Job[runUpload]) time.Duration { return uploadTimeout }

func (w uploadWorker) Work(ctx context.Context, j *river.Job[runUpload]) error {
	err := w.store.RunUpload(ctx, j.Args.Upload)
	if err != nil && j.Attempt >= j.MaxAttempts {
		err = errors.Join(err, w.store.failUpload(context.WithoutCancel(ctx), j.Args.Upload))
	}
	return err
}

// A batch is a file of one kind: it judges each line, and does what they say.
type batch interface {
	// judge says in v what comes of each line, as the database is now.
	judge(tx *Tx, a *Access, v *verdicts, tell func(share float64)) error
	// write does what judge found, when no line was refused, under the same lock.
	write(tx *Tx, a *Access, tell func(share float64)) error
}

func (u *Upload) batch() batch {
	if u.Kind == UploadRedirections {
		return &redirectionBatch{apply: u.State == UploadApplying}
	}
	return &accountBatch{}
}

// verdicts are what comes of the lines of a file.
type verdicts struct {
	rows  []UploadRow
	lines []UploadLine
	seen  map[string]int // the line of each address
}

func newVerdicts(rows []UploadRow) *verdicts {
	return &verdicts{rows: rows, lines: make([]UploadLine, len(rows)), seen: make(map[string]int, len(rows))}
}

// refuse refuses a line for what is wrong with it, if anything is.
func (v *verdicts) refuse(i int, bad Invalid) bool {
	if len(bad) == 0 {
		return false
	}
	l := UploadLine{Line: v.rows[i].Line, Outcome: LineRefused, Object: shorten(legible(v.rows[i].Address), maxAddress)}
	for _, field := range slices.Sorted(maps.Keys(bad)) {
		l.Problems = append(l.Problems, bad[field]...)
	}
	v.lines[i] = l
	return true
}

// double refuses a line for an address that an earlier one has.
func (v *verdicts) double(i int, address string) bool {
	first, double := v.seen[address]
	if !double {
		v.seen[address] = v.rows[i].Line
		return false
	}
	return v.refuse(i, invalid("from", "upload.line.double", "Line", first))
}

// settle says what comes of a line that is right.
func (v *verdicts) settle(i int, o UploadOutcome, object string, d Detail) {
	v.lines[i] = UploadLine{Line: v.rows[i].Line, Outcome: o, Object: object, Detail: d}
}

// digest tells two verdicts on a file apart.
func (v *verdicts) digest() (string, error) {
	sum := sha256.New()
	if err := json.NewEncoder(sum).Encode(v.lines); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// count is how many lines had each outcome.
func (v *verdicts) count() map[UploadOutcome]int {
	counts := map[UploadOutcome]int{}
	for i := range v.lines {
		counts[v.lines[i].Outcome]++
	}
	return counts
}

// RunUpload is the work of an upload's job. It decides anew for the person who
// sent the file, who may have lost the right meanwhile, or ended the assistance: then it fails, and
// nothing is done. To check takes no lock, for whatever is found is looked at
// again; to do it locks the service from the first question to the commit, so
// that what was found is what is done. One that is not waiting for a job is left
// alone: a job may come twice.
func (s *Store) RunUpload(ctx context.Context, id int64) error {
	var u struct {
		Upload  `gorm:"embedded"`
		Domain  string
		Content string

		AssistanceID, AgentID int64 // of the agent who sent it for the customer
	}
	err := s.db.WithContext(ctx).Raw("SELECT u.*, s.domain, COALESCE(x.agent_id, 0) AS agent_id FROM uploads u JOIN services s ON s.id = u.service_id LEFT JOIN assistances x ON x.id = u.assistance_id WHERE u.id = ? AND u.state IN ('checking', 'applying')", id).Scan(&u).Error
	if err != nil || u.ID == 0 {
		return err
	}
	var rows []UploadRow
	if err := json.Unmarshal([]byte(u.Content), &rows); err != nil {
		return fmt.Errorf("upload %d: %w", id, err)
	}
	defer s.progress.Delete(id)
	tell := s.teller(ctx, id)
	err = s.inTx(ctx, Actor{Customer: u.CustomerID, Agent: u.AgentID, Assistance: u.AssistanceID}, func(tx *Tx) error {
		if err := tx.long(); err != nil {
			return err
		}
		if err := tx.admitAgentLightly(); err != nil {
			return err
		}
		tx.looks = u.State == UploadChecking
		a, err := tx.enterUpload(&u.Upload, u.Domain)
		if err != nil {
			return err
		}
		var state UploadState
		if err := tx.scan(&state, "SELECT state FROM uploads WHERE id = ?", id); err != nil || state != u.State {
			return err
		}
		if err := tx.settleUpload(a, &u.Upload, rows, tell); err != nil {
			return err
		}
		return errors.Join(tx.admitAgent(), tx.admitCustomer()) // whoever ended it meanwhile did not wait for us
	})
	var forbidden Forbidden
	if errors.Is(err, errUploadSettled) {
		return nil
	}
	if errors.Is(err, ErrNotFound) || errors.As(err, &forbidden) || errors.Is(err, ErrSuspended) || errors.Is(err, ErrAssistanceEnded) {
		return s.failUpload(ctx, id)
	}
	return err
}

// enterUpload is enter for the person who sent a file; to check it takes no lock.
func (tx *Tx) enterUpload(u *Upload, domain string) (*Access, error) {
	if u.State == UploadApplying {
		return tx.enter(domain, "", u.Kind.Operation())
	}
	return tx.entered(u.ServiceID, "", u.Kind.Operation())
}

// settleUpload judges the lines, does them if that is what is asked for and none
// is refused, and keeps what came of each.
func (tx *Tx) settleUpload(a *Access, u *Upload, rows []UploadRow, tell func(int)) error {
	b, v := u.batch(), newVerdicts(rows)
	part := func(from, to int) func(float64) {
		return func(share float64) { tell(from + int(share*float64(to-from))) }
	}
	judged, written := 60, 60
	if u.State == UploadApplying {
		judged, written = 25, 75
	}
	if err := b.judge(tx, a, v, part(0, judged)); err != nil {
		return err
	}
	counts := v.count()
	verdict, err := v.digest()
	if err != nil {
		return err
	}
	state, content := UploadReady, "content"
	moved := u.State == UploadApplying && verdict != u.Verdict
	switch {
	case counts[LineRefused] > 0:
		state, content = UploadRefused, "''"
	case counts[LineUnchanged] == len(rows): // there is nothing to do
		state, content = UploadDone, "''"
	case moved: // it would do what nobody has seen
	case u.State == UploadApplying:
		state, content = UploadDone, "''"
		if err := b.write(tx, a, part(judged, written)); err != nil {
			return err
		}
	}
	if err := tx.keepLines(u.ID, v.lines, part(written, 100)); err != nil {
		return err
	}
	settled := tx.Exec("UPDATE uploads SET state = ?, content = "+content+", created = ?, changed = ?, unchanged = ?, refused = ?, percent = 0, verdict = ?, moved = ?, touched_at = ? WHERE id = ? AND state = ?",
		state, counts[LineCreated], counts[LineChanged], counts[LineUnchanged], counts[LineRefused], verdict, moved, tx.now, u.ID, u.State)
	if settled.Error == nil && settled.RowsAffected == 0 {
		return errUploadSettled
	}
	return settled.Error
}

// errUploadSettled takes back what a job did that came second.
var errUploadSettled = errors.New("another job has settled the upload")

// keepLines replaces what is known of the lines.
func (tx *Tx) keepLines(id int64, lines []UploadLine, tell func(float64)) error {
	if err := tx.exec("DELETE FROM upload_lines WHERE upload_id = ?", id); err != nil {
		return err
	}
	kept := &staging{tx: tx, table: "upload_lines (upload_id, line, outcome, object, detail)", width: 5}
	for i, l := range lines {
		var detail any = l.Detail
		if l.Outcome == LineRefused {
			detail = encodeMessages(l.Problems)
		}
		text, err := json.Marshal(detail)
		if err != nil {
			return err
		}
		if err := kept.add(id, l.Line, l.Outcome, l.Object, string(text)); err != nil {
			return err
		}
		if i%stagingBatch == 0 {
			tell(float64(i) / float64(len(lines)))
		}
	}
	return kept.flush()
}

// failUpload ends an upload of which nothing was done and nothing will be.
func (s *Store) failUpload(ctx context.Context, id int64) error {
	return s.db.WithContext(ctx).Exec("UPDATE uploads SET state = 'failed', content = '', percent = 0, touched_at = ? WHERE id = ? AND state IN ('checking', 'applying')", s.now(), id).Error
}

// In what steps progress is told, in percent, and how long that may wait for a
// connection. The job's transaction holds one already: a job that waited for
// another could wait for others that do the same.
const (
	tellStep  = 5
	tellLimit = 100 * time.Millisecond
)

// teller keeps how far a job has come where pages find it: beside the job's
// transaction, which nobody else sees before its end. In the embedded file that
// transaction is the only writer, but its process is the only one too.
func (s *Store) teller(ctx context.Context, id int64) func(percent int) {
	last := 0
	return func(percent int) {
		if s.pool == nil {
			s.progress.Store(id, percent)
			return
		}
		if percent < last+tellStep {
			return
		}
		last = percent
		ctx, cancel := context.WithTimeout(ctx, tellLimit)
		defer cancel()
		if err := s.db.WithContext(ctx).Exec("UPDATE uploads SET percent = ?, touched_at = ? WHERE id = ?", percent, s.now(), id).Error; err != nil {
			s.log.Debug("progress is not told", "upload", id, "error", err)
		}
	}
}

// A message as JSON. Its numbers keep what they count: bytes apart from others,
// which JSON itself does not tell.
type (
	keptMessage struct {
		Key  string    `json:"k"`
		Args []keptArg `json:"a,omitempty"`
	}
	keptArg struct {
		Text    *string      `json:"t,omitempty"`
		Number  *int         `json:"n,omitempty"`
		Bytes   *int64       `json:"b,omitempty"`
		Message *keptMessage `json:"m,omitempty"`
	}
)

func encodeMessages(list []Message) []keptMessage {
	kept := make([]keptMessage, len(list))
	for i, m := range list {
		kept[i] = keepMessage(m)
	}
	return kept
}

func keepMessage(m Message) keptMessage {
	k := keptMessage{Key: m.Key}
	for _, arg := range m.Args {
		var a keptArg
		switch v := arg.(type) {
		case int:
			a.Number = &v
		case int64:
			a.Bytes = &v
		case Message:
			inner := keepMessage(v)
			a.Message = &inner
		default:
			text := fmt.Sprint(v)
			a.Text = &text
		}
		k.Args = append(k.Args, a)
	}
	return k
}

func (k keptMessage) message() Message {
	m := Message{Key: k.Key}
	for _, a := range k.Args {
		switch {
		case a.Number != nil:
			m.Args = append(m.Args, *a.Number)
		case a.Bytes != nil:
			m.Args = append(m.Args, *a.Bytes)
		case a.Message != nil:
			m.Args = append(m.Args, a.Message.message())
		case a.Text != nil:
			m.Args = append(m.Args, *a.Text)
		}
	}
	return m
}

func decodeMessages(text string, list *[]Message) error {
	var kept []keptMessage
	if err := json.NewDecoder(bytes.NewReader([]byte(text))).Decode(&kept); err != nil {
		return err
	}
	for _, k := range kept {
		*list = append(*list, k.message())
	}
	return nil
}
