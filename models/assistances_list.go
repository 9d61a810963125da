package models

import (
	"context"
	"time"
)

// assistances lists some with their people. rest is a condition on x, with order and limit.
func (s *Store) assistances(ctx context.Context, rest string, args map[string]any) (list []Assistance, err error) {
	err = s.db.WithContext(ctx).Raw("SELECT "+assistanceColumns+", (SELECT count(*) FROM assistance_pages p WHERE p.assistance_id = x.id) AS pages FROM assistances x"+assistancePeople+" WHERE "+rest, args).Scan(&list).Error
	return list, err
}

// AssistanceQuery is a page of assistances, newest first.
type AssistanceQuery struct {
	Before int64 // older than this one; 0 begins at the newest
}

// asksAsLead is the condition that whoever asks is a lead.
const asksAsLead = "EXISTS (SELECT 1 FROM agents l WHERE l.id = @agent AND l.role = 'lead' AND l.removed_at IS NULL)"

// Assistances lists those of by, or of all agents for a lead.
func (s *Store) Assistances(ctx context.Context, by Actor, q AssistanceQuery) (list []Assistance, more bool, err error) {
	condition := "(x.agent_id = @agent OR " + asksAsLead + ")"
	if q.Before > 0 {
		condition += " AND x.id < @before"
	}
	list, err = s.assistances(ctx, condition+" ORDER BY x.id DESC LIMIT @n", map[string]any{"agent": by.Agent, "before": q.Before, "n": PageSize + 1})
	if len(list) > PageSize {
		list, more = list[:PageSize], true
	}
	return list, more, err
}

// OpenAssistance is what an agent has open, or waits for: nil without any.
func (s *Store) OpenAssistance(ctx context.Context, by Actor) (*Assistance, error) {
	list, err := s.assistances(ctx, "x.agent_id = @agent AND x.ended_at IS NULL AND x.expires_at > @now AND x.session_id IS NOT NULL", map[string]any{"agent": by.Agent, "now": s.now()})
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// Emergencies are those that wait for a second agent than by.
func (s *Store) Emergencies(ctx context.Context, by Actor) ([]Assistance, error) {
	return s.assistances(ctx, "x.consent = 'emergency' AND x.began_at IS NULL AND x.ended_at IS NULL AND x.expires_at > @now AND x.agent_id <> @agent AND EXISTS (SELECT 1 FROM agents l WHERE l.id = @agent AND l.removed_at IS NULL) ORDER BY x.id LIMIT @n",
		map[string]any{"agent": by.Agent, "now": s.now(), "n": PageSize})
}

// AssistanceView is one assistance with what was looked at and changed.
type AssistanceView struct {
	Assistance Assistance
	Looked     []LookedPage // in their order
	Events     []Event      // what was changed, oldest first, at most PageSize
	More       bool
}

// LookedPage is a page that an agent looked at.
type LookedPage struct {
	Path    string
	FirstAt time.Time
	Times   int
}

// Assistance reads one: for its agent, for a lead, and for its customer;
// ErrNotFound for everybody else.
func (s *Store) Assistance(ctx context.Context, by Actor, id int64) (*AssistanceView, error) {
	by = by.Self()
	list, err := s.assistances(ctx, "x.id = @id AND (x.agent_id = @agent OR x.customer_id = @customer OR "+asksAsLead+")", map[string]any{"id": id, "agent": by.Agent, "customer": by.Customer})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, ErrNotFound
	}
	v := &AssistanceView{Assistance: list[0]}
	if v.Assistance.BeganAt == nil {
		return v, nil
	}
	err = s.db.WithContext(ctx).Raw("SELECT path, first_at, times FROM assistance_pages WHERE assistance_id = ? ORDER BY first_at, path LIMIT ?", id, maxLooked+1).Scan(&v.Looked).Error
	if err != nil {
		return nil, err
	}
	args := v.Assistance.actedIn()
	args["n"] = PageSize + 1
	v.Events, v.More, err = s.events(ctx, "SELECT "+eventColumns+" FROM events e"+eventPeople+" WHERE "+actedIn+" ORDER BY e.id LIMIT @n", args, PageSize)
	return v, err
}

// Others says that it stands for pages that are not kept by name.
func (p LookedPage) Others() bool { return p.Path == morePages }

// maxLooked bounds the pages kept of one assistance by name; the others are
// counted under morePages.
const (
	maxLooked = 500
	morePages = "…"
)

// NoteLooked keeps that the agent looked at a page.
func (s *Store) NoteLooked(ctx context.Context, by Actor, path string) error {
	if !by.assists() || !storable(path) {
		return nil
	}
	return s.db.WithContext(ctx).Exec(`INSERT INTO assistance_pages (assistance_id, path, first_at, times)
		SELECT x.id, CASE WHEN (SELECT count(*) FROM assistance_pages p WHERE p.assistance_id = @id) < @most OR EXISTS (SELECT 1 FROM assistance_pages q WHERE q.assistance_id = @id AND q.path = @path)
			THEN @path ELSE @other END, @now, 1 FROM assistances x WHERE x.id = @id AND x.ended_at IS NULL
		ON CONFLICT (assistance_id, path) DO UPDATE SET times = assistance_pages.times + 1`,
		map[string]any{"id": by.Assistance, "path": shorten(path, 500), "now": s.now(), "most": maxLooked, "other": morePages}).Error
}
