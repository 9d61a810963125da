package models

import (
	"context"
	"fmt"
	"time"

	"github.com/riverqueue/river"
)

// tellLead tells a lead by email what agents do: of one emergency as it is asked
// for and as it begins, or of a week when it is over.
type tellLead struct {
	Agent      int64  `json:"agent"`
	Assistance int64  `json:"assistance,omitempty"`
	Asked      bool   `json:"asked,omitempty"` // it waits for a second agent
	Week       string `json:"week,omitempty"`  // its Monday, as 2006-01-02
}

func (tellLead) Kind() string { return "tell_lead" }

// InsertOpts says where it waits, and how often it is tried.
func (tellLead) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: mailQueue, MaxAttempts: mailAttempts}
}

// enqueueLeads has every lead told.
func (tx *Tx) enqueueLeads(what tellLead) error {
	if quiet, _ := tx.ctx.Value(quietKey{}).(bool); quiet || !tx.store.Mails() {
		return nil
	}
	var leads []int64
	if err := tx.scan(&leads, "SELECT id FROM agents WHERE role = ? AND removed_at IS NULL ORDER BY id", RoleLead); err != nil {
		return err
	}
	for _, what.Agent = range leads {
		if err := tx.enqueue(what); err != nil {
			return err
		}
	}
	return nil
}

// digestMarker is the name of the fact which week was told last.
const digestMarker = "digest"

// sweepDigest has the leads told of the week that has ended, once, however many
// processes sweep. The week before the first start is nobody's.
func (s *Store) sweepDigest(ctx context.Context) error {
	if !s.Mails() {
		return nil
	}
	return s.inTx(ctx, Actor{}, func(tx *Tx) error {
		week := monday(tx.now).AddDate(0, 0, -7).Format(time.DateOnly)
		told := tx.Exec("UPDATE markers SET value = ? WHERE name = ? AND value < ?", week, digestMarker, week)
		if told.Error != nil {
			return told.Error
		}
		if told.RowsAffected > 0 {
			return tx.enqueueLeads(tellLead{Week: week})
		}
		return tx.exec("INSERT INTO markers (name, value, created_at) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING", digestMarker, week, tx.now)
	})
}

// monday is when the week of t began, in UTC: leads are of one operator, not of one zone.
func monday(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day()-(int(t.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
}

// maxDigest bounds the assistances that a digest names.
const maxDigest = 200

// Digest is what a lead is told.
type Digest struct {
	Week        time.Time // its Monday; zero for one emergency
	Asked       bool      // that waits for a second agent
	Assistances []Assistance
	More        int // that are not named
}

// tellLead is the work of the job of that name. Whoever is no lead any more is told nothing.
func (s *Store) tellLead(ctx context.Context, what tellLead, lastAttempt bool) error {
	var to Customer // as a receiver of email
	err := s.db.WithContext(ctx).Raw("SELECT identifier, name, email, language, 'UTC' AS time_zone FROM agents WHERE id = ? AND role = ? AND removed_at IS NULL", what.Agent, RoleLead).Scan(&to).Error
	if err != nil || to.Email == "" {
		return err
	}
	d := &Digest{Asked: what.Asked}
	if what.Assistance != 0 {
		d.Assistances, err = s.assistances(ctx, "x.id = @id", map[string]any{"id": what.Assistance})
	} else {
		err = s.digest(ctx, d, what.Week)
	}
	if err != nil {
		return err
	}
	n := &Notice{To: to, Staff: true, CreatedAt: s.now(), Parts: []NoticePart{{Kind: NoticeDigest, At: s.now(), Digest: d}}}
	if err := s.post.MailNotice(ctx, n); err != nil {
		if lastAttempt || permanent(err) {
			s.log.Warn("a lead is not told", "lead", to.Identifier, "error", err)
			return nil
		}
		return err
	}
	return nil
}

func (s *Store) digest(ctx context.Context, d *Digest, week string) error {
	begin, err := time.Parse(time.DateOnly, week)
	if err != nil {
		return fmt.Errorf("the week of a digest: %w", err)
	}
	args := map[string]any{"from": begin, "to": begin.AddDate(0, 0, 7), "n": maxDigest}
	const within = "x.asked_at >= @from AND x.asked_at < @to"
	if d.Assistances, err = s.assistances(ctx, within+" ORDER BY x.id LIMIT @n", args); err != nil {
		return err
	}
	var all int
	err = s.db.WithContext(ctx).Raw("SELECT count(*) FROM assistances x WHERE "+within, args).Scan(&all).Error
	d.Week, d.More = begin, all-len(d.Assistances)
	return err
}
