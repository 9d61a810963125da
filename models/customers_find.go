package models

import (
	"context"
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
	condition, args := customersMeant(strings.TrimSpace(legible(typed)))
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
// that fit no more are looked at.
const (
	leastSearched = 3 // characters
	mostWords     = 500
)

// customersMeant is the condition on customers c for what was typed, "" for
// nothing. Each branch walks its own index and stops.
func customersMeant(typed string) (string, map[string]any) {
	const owner = "SELECT s.owner_id FROM services s WHERE s.domain = @domain"
	if local, domain, problem := ParseAddress(typed); problem == nil && local != "" {
		return "c.id IN (" + owner + ")", map[string]any{"domain": domain}
	}
	var branches []string
	args := map[string]any{}
	if domain, problem := ParseDomain(strings.TrimPrefix(typed, "@")); problem == nil && strings.Contains(domain, ".") {
		branches, args["domain"] = append(branches, owner), domain
	}
	var words []string
	for _, w := range searched(typed) {
		if w = foldQuery(w); w != "" && len(words) < 3 {
			words = append(words, w)
		}
	}
	// The longest first: it is the one that finds, the others pick among what it found.
	slices.SortStableFunc(words, func(v, w string) int { return len(w) - len(v) })
	if len(words) > 0 && utf8.RuneCountInString(words[0]) >= leastSearched {
		named := "SELECT w.customer_id FROM customer_words w WHERE w.word >= @from0 AND w.word < @to0"
		for i, word := range words {
			from, to := fmt.Sprintf("from%d", i), fmt.Sprintf("to%d", i)
			args[from], args[to] = word, word+"\U0010FFFF"
			if i > 0 { // within the walk: what it stops after is what fits
				named += " AND EXISTS (SELECT 1 FROM customer_words o WHERE o.customer_id = w.customer_id AND o.word >= @" + from + " AND o.word < @" + to + ")"
			}
		}
		id := strings.ToLower(typed)
		args["words"], args["found"], args["id"], args["idto"] = mostWords, maxFound+1, id, id+"\U0010FFFF"
		branches = append(branches, "SELECT n.customer_id FROM ("+named+" ORDER BY w.word, w.customer_id LIMIT @words) AS n",
			"SELECT i.id FROM (SELECT k.id FROM customers k WHERE k.identifier >= @id AND k.identifier < @idto ORDER BY k.identifier LIMIT @found) AS i")
	}
	if len(branches) == 0 {
		return "", nil
	}
	return "c.id IN (" + strings.Join(branches, " UNION ") + ")", args
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
