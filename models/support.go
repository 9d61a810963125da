package models

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// FoundCustomer is a customer as support finds them, before any consent: who
// they are and how much they have, and nothing of what is in it.
type FoundCustomer struct {
	Identifier string
	Name       string
	Services   int // owned, counted to MaxCounted
	Window     bool
	Disabled   bool // nobody acts for them
}

// maxFound bounds what a search of support lists.
const maxFound = 20

// FindCustomers lists the customers whom support may mean: by the beginning of
// an identifier, the beginnings of words of a name, a domain, or an address of
// one. more says that there are more. Agents may ask, and nobody else, and so
// often only: Throttled after MaxSearches.
func (s *Store) FindCustomers(ctx context.Context, by Actor, typed string) (list []FoundCustomer, more bool, err error) {
	if by.Agent == 0 {
		return nil, false, ErrNotFound
	}
	condition, args := s.customersMeant(strings.TrimSpace(legible(typed)))
	if condition == "" {
		return nil, false, nil
	}
	if err := s.countSearch(ctx, by); err != nil {
		return nil, false, err
	}
	args["n"], args["most"], args["now"] = maxFound+1, MaxCounted+1, s.now()
	err = s.db.WithContext(ctx).Raw(`SELECT c.identifier, c.name, (SELECT count(*) FROM (SELECT 1 FROM services s WHERE s.owner_id = c.id LIMIT @most) AS owned) AS services,
		EXISTS (SELECT 1 FROM consents k WHERE k.customer_id = c.id AND k.kind = 'window' AND k.ended_at IS NULL AND k.expires_at > @now) AS window,
		c.disabled_at IS NOT NULL AS disabled FROM customers c WHERE `+condition+" ORDER BY c.identifier LIMIT @n", args).Scan(&list).Error
	if len(list) > maxFound {
		list, more = list[:maxFound], true
	}
	return list, more, err
}

// MaxSearches is how often an agent may look for customers within SearchFor,
// whatever they find: enough for who helps, too few to copy who there is.
const (
	MaxSearches = 60
	SearchFor   = 10 * time.Minute
)

// countSearch counts that the agent looks for a customer, before they are told
// anything, over all processes. One too many is Throttled, and does not count.
func (s *Store) countSearch(ctx context.Context, by Actor) error {
	subject := fmt.Sprintf("searches:agent:%d", by.Agent)
	return s.inTx(ctx, Actor{}, func(tx *Tx) error {
		total, err := tx.countFailures([]string{subject}, 1, SearchFor)
		if err != nil || total[subject] <= MaxSearches {
			return err
		}
		var since time.Time
		if err := tx.scan(&since, "SELECT since FROM throttles WHERE subject = ?", subject); err != nil {
			return err
		}
		return Throttled{Wait: max(0, since.Add(SearchFor).Sub(tx.now))}
	})
}

// Bounds of a search by name: what is shorter means too many, and of the words
// that begin so no more are looked at.
const (
	leastSearched = 3 // characters
	mostWords     = 500
)

// customersMeant is the condition on customers c for what was typed, "" for nothing.
func (s *Store) customersMeant(typed string) (string, map[string]any) {
	if local, domain, problem := ParseAddress(typed); problem == nil && local != "" {
		return "c.id = (SELECT s.owner_id FROM services s WHERE s.domain = @domain)", map[string]any{"domain": domain}
	}
	if domain, problem := ParseDomain(strings.TrimPrefix(typed, "@")); problem == nil && strings.Contains(domain, ".") {
		return "c.id = (SELECT s.owner_id FROM services s WHERE s.domain = @domain)", map[string]any{"domain": domain}
	}
	var words []string
	for _, w := range searched(typed) {
		if w = foldQuery(w); w != "" && len(words) < 3 {
			words = append(words, w)
		}
	}
	// The longest first: it is the one that finds, the others pick among what it found.
	slices.SortStableFunc(words, func(v, w string) int { return len(w) - len(v) })
	if len(words) == 0 || utf8.RuneCountInString(words[0]) < leastSearched {
		return "", nil
	}
	args := map[string]any{"words": mostWords, "found": maxFound + 1, "from": words[0], "to": words[0] + "\U0010FFFF", "id": strings.ToLower(typed), "idto": strings.ToLower(typed) + "\U0010FFFF"}
	// Each branch walks its own index and stops.
	condition := `c.id IN (SELECT n.customer_id FROM (SELECT w.customer_id FROM customer_words w WHERE w.word >= @from AND w.word < @to ORDER BY w.word, w.customer_id LIMIT @words) AS n
		UNION SELECT i.id FROM (SELECT k.id FROM customers k WHERE k.identifier >= @id AND k.identifier < @idto ORDER BY k.identifier LIMIT @found) AS i)`
	for i, w := range words[1:] {
		from, to := fmt.Sprintf("from%d", i), fmt.Sprintf("to%d", i)
		args[from], args[to] = w, w+"\U0010FFFF"
		condition += " AND EXISTS (SELECT 1 FROM customer_words w WHERE w.customer_id = c.id AND w.word >= @" + from + " AND w.word < @" + to + ")"
	}
	return condition, args
}

// assistances lists some with their people. rest is a condition on x, with order and limit.
func (s *Store) assistances(ctx context.Context, rest string, args map[string]any) (list []Assistance, err error) {
	err = s.db.WithContext(ctx).Raw("SELECT "+assistanceColumns+", (SELECT count(*) FROM assistance_pages p WHERE p.assistance_id = x.id) AS pages FROM assistances x"+assistancePeople+" WHERE "+rest, args).Scan(&list).Error
	return list, err
}

// AssistanceQuery is a page of assistances, newest first.
type AssistanceQuery struct {
	Before int64 // older than this one; 0 begins at the newest
}

// Assistances lists those of by, or of all agents for a lead.
func (s *Store) Assistances(ctx context.Context, by Actor, lead bool, q AssistanceQuery) (list []Assistance, more bool, err error) {
	condition := "x.agent_id = @agent"
	if lead {
		condition = "1 = 1"
	}
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

// Emergencies are those that wait for a second agent.
func (s *Store) Emergencies(ctx context.Context, by Actor) ([]Assistance, error) {
	return s.assistances(ctx, "x.consent = 'emergency' AND x.began_at IS NULL AND x.ended_at IS NULL AND x.expires_at > @now AND x.agent_id <> @agent ORDER BY x.id LIMIT @n",
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
	Path  string
	Times int
}

// Assistance reads one: for its agent, for a lead, and for its customer;
// ErrNotFound for everybody else.
func (s *Store) Assistance(ctx context.Context, by Actor, lead bool, id int64) (*AssistanceView, error) {
	list, err := s.assistances(ctx, "x.id = @id", map[string]any{"id": id})
	if err != nil {
		return nil, err
	}
	if len(list) == 0 || !(list[0].AgentID == by.Agent || by.Agent != 0 && lead || by.Agent == 0 && list[0].CustomerID == by.Customer) {
		return nil, ErrNotFound
	}
	v := &AssistanceView{Assistance: list[0]}
	if v.Assistance.BeganAt == nil {
		return v, nil
	}
	err = s.db.WithContext(ctx).Raw("SELECT path, times FROM assistance_pages WHERE assistance_id = ? ORDER BY first_at, path LIMIT ?", id, maxLooked+1).Scan(&v.Looked).Error
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

// ApproveAssistance lets an emergency begin: any agent but the one who asks,
// and the store must allow emergencies. The customer is told at once, and every lead.
func (s *Store) ApproveAssistance(ctx context.Context, by Actor, id int64) error {
	return s.change(ctx, by, func(tx *Tx) error {
		if err := tx.staff(); err != nil {
			return err
		}
		if err := tx.proven(); err != nil {
			return err
		}
		a, err := tx.assistance("x.id = ? AND x.consent = 'emergency'", tx.forUpdate("x"), id)
		if err != nil {
			return err
		}
		if !a.Waits(tx.now) || a.SessionGone || !s.emergency {
			return ErrNotFound
		}
		if a.AgentID == by.Agent {
			return invalid("", "assistance.refused.own")
		}
		if !s.Mails() {
			return invalid("emergency", "assistance.emergency.unheard")
		}
		if err := tx.leadsHear(a.AgentID); err != nil { // there was one when it was asked for
			return err
		}
		return tx.begin(a, by.Agent, true)
	})
}

// EndOther ends the assistance of another agent: a lead may.
func (s *Store) EndOther(ctx context.Context, by Actor, id int64) error {
	return s.change(ctx, by, func(tx *Tx) error {
		var lead bool
		if err := tx.scan(&lead, "SELECT count(*) > 0 FROM agents WHERE id = ? AND role = ? AND removed_at IS NULL", by.Agent, RoleLead); err != nil {
			return err
		}
		if !lead {
			return ErrNotFound
		}
		return tx.endAssistances(func(*Assistance) string { return AssistanceByLead }, "x.id = ?", id)
	})
}

// StopAssistances ends every assistance and every request, or those for one
// customer, and says how many; windows and codes close too, so that nobody acts
// again before a customer allows it. It is the operator's switch: when it
// returns, nobody acts for anybody, in any process.
func (s *Store) StopAssistances(ctx context.Context, identifier string) (n int, err error) {
	if identifier != "" {
		c, err := s.FindCustomer(ctx, identifier)
		if err != nil {
			return 0, err
		}
		return s.stopAssistances(ctx, c.ID)
	}
	for last := int64(0); ; {
		var some []int64
		// Whoever is just beginning has a window, a code or a request here still.
		read := s.db.WithContext(ctx).Raw(`SELECT x.customer_id FROM assistances x WHERE x.ended_at IS NULL AND x.customer_id > @last
			UNION SELECT k.customer_id FROM consents k WHERE k.ended_at IS NULL AND k.customer_id > @last ORDER BY 1 LIMIT @n`,
			map[string]any{"last": last, "n": signOutBatch}).Scan(&some).Error
		if read != nil || len(some) == 0 {
			return n, errors.Join(err, read)
		}
		for _, of := range some { // each by itself: one that cannot be stopped now keeps no other going
			ended, failed := s.stopAssistances(ctx, of)
			last, n, err = of, n+ended, errors.Join(err, failed)
		}
	}
}

func (s *Store) stopAssistances(ctx context.Context, of int64) (n int, err error) {
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		if _, err := customer(tx.DB, "c.id = ?"+tx.forTurn("c"), of); err != nil { // nobody may begin meanwhile: see askAssistance
			return err
		}
		n = 0 // of this attempt
		err := tx.endAssistances(func(*Assistance) string { n++; return AssistanceStopped }, "x.customer_id = ?", of)
		if err != nil {
			return err
		}
		return tx.shutSupportOut(of, AssistanceStopped)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// sweepAssistances closes those that time or the end of a session has ended.
func (s *Store) sweepAssistances(ctx context.Context) error {
	return errors.Join(
		s.inTx(ctx, Actor{}, func(tx *Tx) error {
			return tx.endAssistances(staleWhy, "x.id IN (SELECT y.id FROM assistances y WHERE y.ended_at IS NULL AND (y.expires_at <= ? OR y.session_id IS NULL) ORDER BY y.id LIMIT ?)", tx.now, sweepBatch)
		}),
		s.db.WithContext(ctx).Exec("UPDATE consents SET ended_at = expires_at, code_hash = NULL WHERE ended_at IS NULL AND expires_at <= ?", s.now()).Error,
		s.indexCustomers(ctx),
	)
}

// indexFor bounds how long one sweep gives customers their words.
const indexFor = 20 * time.Second

// indexCustomers gives the words of their names to customers that have none
// yet, those of an earlier version. Several processes share the work.
func (s *Store) indexCustomers(ctx context.Context) error {
	for began := s.now(); s.now().Sub(began) < indexFor; {
		var n int
		err := s.inTx(ctx, Actor{}, func(tx *Tx) error {
			lock := ""
			if tx.conn != nil {
				lock = " FOR NO KEY UPDATE SKIP LOCKED"
			}
			var list []Customer
			if err := tx.scan(&list, "SELECT id, name FROM customers WHERE NOT indexed ORDER BY id LIMIT ?"+lock, sweepBatch); err != nil {
				return err
			}
			n = len(list)
			return tx.indexNames(list...)
		})
		if err != nil || n == 0 {
			return err
		}
	}
	return nil
}

// indexNames keeps the words by which customers are found.
func (tx *Tx) indexNames(list ...Customer) error {
	if len(list) == 0 {
		return nil
	}
	ids, args := make([]int64, len(list)), []any{}
	for i, c := range list {
		ids[i] = c.ID
		for _, w := range words("", c.Name) {
			args = append(args, w, c.ID)
		}
	}
	if err := tx.exec("DELETE FROM customer_words WHERE customer_id IN ?", ids); err != nil {
		return err
	}
	for some := range slices.Chunk(args, 2*eventBatch) {
		if err := tx.exec("INSERT INTO customer_words (word, customer_id) VALUES "+tuples(len(some)/2, 2), some...); err != nil {
			return err
		}
	}
	return tx.exec("UPDATE customers SET indexed = true WHERE id IN ?", ids)
}
