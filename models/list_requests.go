package models

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The list service asks for what people do by mail, and the panel carries it out
// by the code of its own verbs. Requests of one service are carried out in their
// order, each in a transaction that takes it away too: by however many
// processes, once.
//
// A service that is suspended lets nobody in, and no message through. But
// whoever wants to leave a list may, and mail that comes back is counted: mail
// goes on, and neither is a change that its owner makes.

// listRequest is one row of what the list service asks.
type listRequest struct {
	ID        int64
	ListID    int64
	Kind      string
	Email     string
	MessageID int64
	AskedAt   time.Time
}

// Mail that comes back on so many days, with no longer than this between two of
// them, ends a subscription.
const (
	BounceDays   = 5
	BouncesStand = 14 * 24 * time.Hour
)

// errRefused is a request that is not carried out, for a reason that waiting does not change.
var errRefused = errors.New("refused")

// CarryListRequests carries out what the list service has asked so far. A
// request that fails by a fault of ours holds up no other, and is tried again
// the next time.
func (s *Store) CarryListRequests(ctx context.Context) error {
	var domains []string
	err := s.db.WithContext(ctx).Raw(`SELECT DISTINCT s.domain FROM list_requests r JOIN lists l ON l.id = r.list_id JOIN services s ON s.id = l.service_id
		ORDER BY s.domain LIMIT ?`, sweepBatch).Scan(&domains).Error
	for _, domain := range domains {
		err = errors.Join(err, s.carryRequestsOf(ctx, domain))
	}
	return err
}

// carryRequestsOf carries out the requests of one service.
func (s *Store) carryRequestsOf(ctx context.Context, domain string) (failed error) {
	for after := int64(0); ; {
		r, err := s.carryRequest(ctx, domain, after)
		if err != nil {
			failed = errors.Join(failed, err)
		}
		if r.ID == 0 || Unavailable(err) || ctx.Err() != nil {
			return failed
		}
		if err != nil {
			after = r.ID
		}
	}
}

// carryRequest carries out the oldest request of a service beyond one that
// failed; its ID is 0 when there is none. The service is locked before the
// request is taken, as by every verb, so that the order is kept.
func (s *Store) carryRequest(ctx context.Context, domain string, after int64) (r listRequest, err error) {
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		r = listRequest{}
		sv, err := tx.lock(domain)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		err = tx.scan(&r, `DELETE FROM list_requests WHERE id = (SELECT min(q.id) FROM list_requests q JOIN lists l ON l.id = q.list_id WHERE l.service_id = ? AND q.id > ?)
			RETURNING id, list_id, kind, email, COALESCE(message_id, 0) AS message_id, asked_at`, sv.ID, after)
		if err != nil || r.ID == 0 {
			return err
		}
		list := &List{}
		if err := tx.scan(list, "SELECT "+listColumns+" FROM lists l WHERE l.id = ?", r.ListID); err != nil {
			return err
		}
		err = tx.carry(&Access{Service: *sv}, list, &r)
		if errors.Is(err, errRefused) || errors.Is(err, ErrSuspended) || errors.Is(err, ErrConflict) || errors.Is(err, ErrNotFound) {
			s.log.Info("a request of the list service is not carried out", "list", list.Address, "kind", r.Kind, "reason", err)
			return nil
		}
		return err
	})
	return r, err
}

// carry does what a request asks for.
func (tx *Tx) carry(a *Access, list *List, r *listRequest) error {
	email, problem := ParseMailbox(r.Email)
	if problem != nil {
		return errRefused
	}
	switch r.Kind {
	case "subscribe":
		return tx.join(a, list, email)
	case "unsubscribe":
		return tx.leave(a, list, email, ByMail)
	case "bounced":
		return tx.bounced(a, list, email, r.AskedAt)
	case "approve":
		return tx.decideByMail(a, list, r.MessageID, decision{state: MessageApproved, moderator: email})
	case "reject":
		return tx.decideByMail(a, list, r.MessageID, decision{state: MessageRejected, moderator: email})
	case "discard":
		return tx.decideByMail(a, list, r.MessageID, decision{state: MessageDiscarded, moderator: email})
	}
	return errRefused
}

// listEventByMail is an event that nobody signed in for.
func (a *Access) listEventByMail(kind string, list *List, detail Detail) Event {
	e := a.listEvent(kind, list, detail)
	e.byTime = true
	return e
}

// join subscribes somebody who asked for it, and confirmed it.
func (tx *Tx) join(a *Access, list *List, email string) error {
	if a.Service.State == ServiceSuspended {
		return ErrSuspended
	}
	r := &MemberResult{}
	if err := tx.addMembers(&a.Service, list, Subscribers, []string{email}, r); err != nil {
		return err
	}
	if len(r.Refused) > 0 {
		return errRefused
	}
	if len(r.Done) == 0 {
		return nil
	}
	return tx.record(a.listEventByMail("list.member_joined", list, Detail{"addresses": {After: email}, "way": {After: ByMail}}))
}

// Ways in which somebody comes to a list, or leaves it, by themselves.
const (
	ByMail = "mail"
	ByLink = "link"
)

// leave ends a subscription that its holder wants no more.
func (tx *Tx) leave(a *Access, list *List, email, way string) error {
	r := &MemberResult{}
	if err := tx.removeMembers(list, Subscribers, []string{email}, r); err != nil || len(r.Done) == 0 {
		return err
	}
	return tx.record(a.listEventByMail("list.member_left", list, Detail{"addresses": {Before: email}, "way": {After: way}}))
}

// bounced counts a day on which mail to a subscriber came back, once, and ends
// the subscription when there were BounceDays of them. Days count in UTC.
func (tx *Tx) bounced(a *Access, list *List, email string, at time.Time) error {
	if at = at.UTC(); at.After(tx.now) {
		at = tx.now
	}
	var known []struct {
		Days   *int
		LastAt *time.Time
	}
	err := tx.scan(&known, "SELECT b.days, b.last_at FROM list_subscribers m LEFT JOIN list_bounces b ON b.list_id = m.list_id AND b.email = m.email WHERE m.list_id = ? AND m.email = ?", list.ID, email)
	if err != nil || len(known) == 0 { // no subscriber any more
		return err
	}
	days := 1
	if last := known[0].LastAt; last != nil && !bouncesForgotten(*last, at) {
		if day := 24 * time.Hour; !at.Truncate(day).After(last.UTC().Truncate(day)) {
			return nil
		}
		days = *known[0].Days + 1
	}
	if days < BounceDays {
		return tx.exec("INSERT INTO list_bounces (list_id, email, days, last_at) VALUES (?, ?, ?, ?) ON CONFLICT (list_id, email) DO UPDATE SET days = excluded.days, last_at = excluded.last_at",
			list.ID, email, days, at)
	}
	if err := tx.removeMembers(list, Subscribers, []string{email}, &MemberResult{}); err != nil {
		return err
	}
	return tx.record(a.listEventByMail("list.member_dropped", list, Detail{"addresses": {Before: email}, "bounce_days": {After: days}}))
}

// bouncesForgotten says that days on which mail came back, the last of them at
// last, do not count any more at now.
func bouncesForgotten(last, now time.Time) bool { return now.Sub(last) > BouncesStand }

// decideByMail makes the decision of a moderator, who must be one by now; of a
// list without any, of who answers for it.
func (tx *Tx) decideByMail(a *Access, list *List, message int64, d decision) error {
	if a.Service.State == ServiceSuspended {
		return ErrSuspended
	}
	may := d.moderator == list.OwnerEmail
	if list.ModeratorCount > 0 {
		if err := tx.scan(&may, "SELECT EXISTS (SELECT 1 FROM list_moderators m WHERE m.list_id = ? AND m.email = ?)", list.ID, d.moderator); err != nil {
			return err
		}
	}
	if !may {
		return errRefused
	}
	e, err := tx.decide(a, list, message, d)
	if err != nil {
		return err
	}
	return tx.record(e)
}

// listenAgain is how long a connection that only listens is trusted to be alive.
const listenAgain = time.Minute

// hearListRequests carries requests out as soon as the list service has made
// them, until ctx ends. The sweeper does it too, should this connection be lost.
// An embedded database has no list service.
func (s *Store) hearListRequests(ctx context.Context) {
	for s.pool != nil && ctx.Err() == nil {
		if err := s.listenToLists(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("requests of the list service are looked for each minute only", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryJobs):
		}
	}
}

// listenToLists does so on one connection of its own until that breaks.
func (s *Store) listenToLists(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.log.Error("panic", "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	conn, err := pgx.ConnectConfig(ctx, s.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer func() {
		ended, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
		defer cancel()
		_ = conn.Close(ended)
	}()
	if _, err := conn.Exec(ctx, "LISTEN mandat_list_requests"); err != nil {
		return err
	}
	for {
		if err := s.CarryListRequests(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("requests of the list service", "error", err)
		}
		wait, cancel := context.WithTimeout(ctx, listenAgain)
		_, err := conn.WaitForNotification(wait)
		quiet := wait.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case quiet && pgconn.Timeout(err):
			alive, cancel := context.WithTimeout(ctx, connectTimeout)
			err = conn.Ping(alive)
			cancel()
		}
		if err != nil {
			return err
		}
	}
}
