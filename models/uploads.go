package models

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"example.org/mandat/models/policy"
)

// UploadKind is what the lines of a file are about.
type UploadKind string

// A file has accounts or redirections.
const (
	UploadAccounts     UploadKind = "accounts"
	UploadRedirections UploadKind = "redirections"
)

// Operation is the row of the permission table that such a file needs.
func (k UploadKind) Operation() policy.Operation {
	if k == UploadRedirections {
		return policy.EditRedirections
	}
	return policy.CreateAccount
}

// UploadState is how far an upload has come.
type UploadState string

// An upload is checked by a job. When no line is refused it waits for the word
// of whoever sent it, and another job does all of it or nothing: what no longer
// fits by then is refused, and nothing is done.
const (
	UploadChecking UploadState = "checking"
	UploadReady    UploadState = "ready"
	UploadRefused  UploadState = "refused"
	UploadApplying UploadState = "applying"
	UploadDone     UploadState = "done"
	UploadFailed   UploadState = "failed" // the right went, or the work could not be done
)

// Upload is a file of accounts or redirections brought into a service. It
// belongs to whoever sent it; nobody else sees it.
type Upload struct {
	ID                                   int64
	ServiceID, CustomerID                int64
	Kind                                 UploadKind
	State                                UploadState
	LineCount                            int
	Created, Changed, Unchanged, Refused int    // lines: what would come of them, and what came of them once it is done
	Percent                              int    // of the job that runs
	Moved                                bool   // it was to be done, but would have done something else than was shown
	Verdict                              string // a digest of what was shown
	CreatedAt                            time.Time
}

// Runs says whether a job is at work, so that looking again tells more.
func (u *Upload) Runs() bool { return u.State == UploadChecking || u.State == UploadApplying }

// Open says whether something is still to be decided or done.
func (u *Upload) Open() bool { return u.Runs() || u.State == UploadReady }

// Count is how many lines had an outcome.
func (u *Upload) Count(o UploadOutcome) int {
	return map[UploadOutcome]int{LineCreated: u.Created, LineChanged: u.Changed, LineUnchanged: u.Unchanged, LineRefused: u.Refused}[o]
}

// UploadRow is one line of a file, as it was written. A field of which the file
// has no column is nil, and is left as it is.
type UploadRow struct {
	Line    int    `json:"l"` // of the file, from 1
	Address string `json:"a"` // whole, or the part before the @; "*@domain" for a catch-all

	// Of accounts.
	Description *string `json:"d,omitempty"`
	Gigabytes   *string `json:"g,omitempty"` // as people write them
	Bytes       *string `json:"b,omitempty"` // as an export has them

	// Of redirections.
	Targets  string  `json:"t,omitempty"`
	KeepCopy *string `json:"k,omitempty"`
}

// UploadOutcome is what comes of a line.
type UploadOutcome string

// The outcomes, in the order in which pages have them.
const (
	LineRefused   UploadOutcome = "refused"
	LineCreated   UploadOutcome = "created"
	LineChanged   UploadOutcome = "changed"
	LineUnchanged UploadOutcome = "unchanged"
)

// UploadOutcomes are all of them.
var UploadOutcomes = []UploadOutcome{LineRefused, LineCreated, LineChanged, LineUnchanged}

// UploadLine is a line with what comes of it.
type UploadLine struct {
	Line     int
	Outcome  UploadOutcome
	Object   string // an address with an A-label; what was written where it is none
	Detail   Detail // what changes
	Problems []Message
}

// Bounds of uploads.
const (
	MaxUploadLines   = 50_000
	MaxUploadBytes   = 10_000_000
	maxOpenUploads   = 20             // of one service, whoever sent them
	uploadKeptFor    = 24 * time.Hour // after its job last touched it
	uploadLost       = 2 * time.Minute
	recentUploads    = 10
	uploadLinesShown = 50
)

// CreateUpload takes a file over and has it checked; nothing is changed yet.
// Whoever may do what its lines do may. What the same person sent before for the
// same service and did not have done is given up; what an agent sends in an
// assistance is apart from what their customer sends, and ends with it. Invalid (field "file") for no
// lines or too many, and when too many files of the service are open.
func (s *Store) CreateUpload(ctx context.Context, by Actor, domain string, k UploadKind, rows []UploadRow) (id int64, err error) {
	switch {
	case len(rows) == 0:
		return 0, invalid("file", "upload.file.none")
	case len(rows) > MaxUploadLines:
		return 0, invalid("file", "upload.file.many", "Most", MaxUploadLines)
	}
	var content strings.Builder
	lines := json.NewEncoder(&content)
	lines.SetEscapeHTML(false) // what nobody shows as markup need not grow
	if err := lines.Encode(rows); err != nil {
		return 0, err
	}
	err = s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enter(domain, "", k.Operation())
		if err != nil {
			return err
		}
		err = tx.exec(`DELETE FROM uploads WHERE service_id = @service AND customer_id = @me AND COALESCE(assistance_id, 0) = @by AND kind = @kind AND (state IN ('checking', 'ready', 'refused')
			OR state <> 'applying' AND id NOT IN (SELECT o.id FROM uploads o WHERE o.service_id = @service AND o.customer_id = @me AND COALESCE(o.assistance_id, 0) = @by AND o.kind = @kind ORDER BY o.id DESC LIMIT @kept))`,
			map[string]any{"service": a.Service.ID, "me": by.Customer, "by": by.Assistance, "kind": k, "kept": recentUploads - 1})
		if err != nil {
			return err
		}
		id = 0
		err = tx.scan(&id, `INSERT INTO uploads (service_id, customer_id, assistance_id, kind, state, content, line_count, created_at, touched_at)
			SELECT s.id, ?, CAST(? AS bigint), ?, 'checking', ?, ?, `+tx.instant()+`, `+tx.instant()+` FROM services s
			WHERE s.id = ? AND (SELECT count(*) FROM uploads u WHERE u.service_id = s.id AND u.state IN ('checking', 'ready', 'applying')) < ? RETURNING id`,
			by.Customer, orNull(by.Assistance), k, content.String(), len(rows), tx.now, tx.now, a.Service.ID, maxOpenUploads)
		if err != nil {
			return err
		}
		if id == 0 {
			return invalid("file", "upload.open", "Most", maxOpenUploads)
		}
		return tx.enqueue(runUpload{Upload: id})
	})
	return id, err
}

const uploadColumns = "id, service_id, customer_id, kind, state, line_count, created, changed, unchanged, refused, percent, moved, verdict, created_at"

// Upload reads an upload of a service: ErrNotFound for whoever did not send it.
func (s *Store) Upload(ctx context.Context, by Actor, domain string, k UploadKind, id int64) (*Access, *Upload, error) {
	a, err := s.uploadAccess(ctx, by, domain, k)
	if err != nil {
		return nil, nil, err
	}
	var u Upload
	err = s.db.WithContext(ctx).Raw("SELECT "+uploadColumns+" FROM uploads WHERE id = ? AND service_id = ? AND customer_id = ? AND COALESCE(assistance_id, 0) = ? AND kind = ?", id, a.Service.ID, by.Customer, by.Assistance, k).Scan(&u).Error
	if err == nil && u.ID == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return nil, nil, err
	}
	if percent, known := s.progress.Load(u.ID); known {
		u.Percent = percent.(int)
	}
	return a, &u, nil
}

// Uploads lists the last uploads of a kind that by sent to a service, newest first.
func (s *Store) Uploads(ctx context.Context, by Actor, domain string, k UploadKind) (*Access, []Upload, error) {
	a, err := s.uploadAccess(ctx, by, domain, k)
	if err != nil {
		return nil, nil, err
	}
	var list []Upload
	err = s.db.WithContext(ctx).Raw("SELECT "+uploadColumns+" FROM uploads WHERE service_id = ? AND customer_id = ? AND COALESCE(assistance_id, 0) = ? AND kind = ? ORDER BY id DESC LIMIT ?",
		a.Service.ID, by.Customer, by.Assistance, k, recentUploads).Scan(&list).Error
	return a, list, err
}

func (s *Store) uploadAccess(ctx context.Context, by Actor, domain string, k UploadKind) (*Access, error) {
	a, err := s.Service(ctx, by, domain)
	if err == nil && !a.May(k.Operation()) {
		err = a.Service.forbidden(k.Operation())
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// UploadQuery is a page of the lines of an upload, in their order.
type UploadQuery struct {
	Outcome UploadOutcome // "" for all
	After   int           // a line
}

// UploadLines reads a page of the lines of an upload that [Store.Upload] gave,
// and whether there are more.
func (s *Store) UploadLines(ctx context.Context, u *Upload, q UploadQuery) (lines []UploadLine, more bool, err error) {
	outcome, args := "", []any{u.ID, q.After}
	if q.Outcome != "" {
		outcome, args = " AND outcome = ?", append(args, q.Outcome)
	}
	var rows []struct {
		Line    int
		Outcome UploadOutcome
		Object  string
		Detail  string
	}
	err = s.db.WithContext(ctx).Raw("SELECT line, outcome, object, detail FROM upload_lines WHERE upload_id = ? AND line > ?"+outcome+" ORDER BY line LIMIT ?",
		append(args, uploadLinesShown+1)...).Scan(&rows).Error
	if err != nil {
		return nil, false, err
	}
	for _, r := range rows[:min(len(rows), uploadLinesShown)] {
		l := UploadLine{Line: r.Line, Outcome: r.Outcome, Object: r.Object}
		if l.Outcome == LineRefused {
			err = decodeMessages(r.Detail, &l.Problems)
		} else {
			err = json.Unmarshal([]byte(r.Detail), &l.Detail)
		}
		if err != nil {
			return nil, false, err
		}
		lines = append(lines, l)
	}
	return lines, len(rows) > uploadLinesShown, nil
}

// ApplyUpload has a file done that was found ready. ErrConflict for one that is
// in another state by now.
func (s *Store) ApplyUpload(ctx context.Context, by Actor, domain string, k UploadKind, id int64) error {
	return s.changeUpload(ctx, by, domain, k, id, func(tx *Tx, u *Upload) error {
		if u.State != UploadReady {
			return ErrConflict
		}
		if err := tx.exec("UPDATE uploads SET state = 'applying', percent = 0, moved = ?, touched_at = ? WHERE id = ?", false, tx.now, id); err != nil {
			return err
		}
		return tx.enqueue(runUpload{Upload: id})
	})
}

// CancelUpload gives a file up that was not done: a job that has not come to its
// end does nothing. ErrConflict for one that was done.
func (s *Store) CancelUpload(ctx context.Context, by Actor, domain string, k UploadKind, id int64) error {
	return s.changeUpload(ctx, by, domain, k, id, func(tx *Tx, u *Upload) error {
		if u.State == UploadDone {
			return ErrConflict
		}
		return tx.exec("DELETE FROM uploads WHERE id = ?", id)
	})
}

// changeUpload runs fn on an upload of by whose service is locked.
func (s *Store) changeUpload(ctx context.Context, by Actor, domain string, k UploadKind, id int64, fn func(*Tx, *Upload) error) error {
	return s.change(ctx, by, func(tx *Tx) error {
		a, err := tx.enter(domain, "", k.Operation())
		if err != nil {
			return err
		}
		var u Upload
		if err := tx.scan(&u, "SELECT "+uploadColumns+" FROM uploads WHERE id = ? AND service_id = ? AND customer_id = ? AND COALESCE(assistance_id, 0) = ? AND kind = ?", id, a.Service.ID, by.Customer, by.Assistance, k); err != nil {
			return err
		}
		if u.ID == 0 {
			return ErrNotFound
		}
		return fn(tx, &u)
	})
}

// sweepUploads removes uploads that nobody has touched for a day, and has those
// taken up again whose job was lost with its process.
func (s *Store) sweepUploads(ctx context.Context) error {
	now := s.now()
	if err := s.db.WithContext(ctx).Exec("DELETE FROM uploads WHERE touched_at <= ?", now.Add(-uploadKeptFor)).Error; err != nil {
		return err
	}
	return s.inTx(ctx, Actor{}, func(tx *Tx) error {
		var lost []int64
		err := tx.scan(&lost, "UPDATE uploads SET touched_at = ? WHERE state IN ('checking', 'applying') AND touched_at <= ? RETURNING id", now, now.Add(-uploadLost))
		for _, id := range lost {
			if err == nil {
				err = tx.enqueue(runUpload{Upload: id})
			}
		}
		return err
	})
}
