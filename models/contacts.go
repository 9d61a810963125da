package models

import (
	"context"
	"time"
)

// Another contact address counts once the link that is sent there is used, by
// the customer and nobody else; until then the one before does. That one goes on
// being told what happens to the account: whoever takes an account over changes
// its address first.
const (
	ContactFor        = 24 * time.Hour     // how long the link is good
	FormerContactFor  = 7 * 24 * time.Hour // how long an address of before is told
	MaxContactChanges = 5                  // asked for by one customer within a day
)

// ContactChange is a contact address that is not confirmed yet.
type ContactChange struct {
	ID        int64
	Email     string
	AskedAt   time.Time
	ExpiresAt time.Time
	State     ContactState
}

// ContactState is what became of the link that confirms an address.
type ContactState string

// The link waits, also for a mail server that is away, until it is sent; or the
// server does not take it.
const (
	ContactWaiting ContactState = "waiting"
	ContactSent    ContactState = "sent"
	ContactFailed  ContactState = "failed"
)

const contactColumns = "k.id, k.email, k.asked_at, k.expires_at, k.state"

// PendingContact is the address that by wants to be reached at and has not
// confirmed; nil for none.
func (s *Store) PendingContact(ctx context.Context, by Actor) (*ContactChange, error) {
	var k ContactChange
	err := s.db.WithContext(ctx).Raw("SELECT "+contactColumns+" FROM contact_changes k WHERE k.customer_id = ? AND k.expires_at > ?", by.Customer, s.now()).Scan(&k).Error
	if err != nil || k.ID == 0 {
		return nil, err
	}
	return &k, nil
}

// ChangeContact has a link sent to the address that by wants to be reached at,
// in place of any other that is not confirmed, and tells the one in force.
// It is sensitive, and asks for a recent proof: Invalid (field "proof") without.
// Invalid as well for what is no address, the one in force, more than MaxContactChanges
// in a day, and when the panel sends no mail: then the operator changes it.
func (s *Store) ChangeContact(ctx context.Context, by Actor, email string) error {
	if !s.Mails() {
		return invalid("", "contact.none")
	}
	return s.change(ctx, by, func(tx *Tx) error {
		if err := tx.proven(); err != nil {
			return err
		}
		c, err := customer(tx.DB, "c.id = ?"+tx.forTurn("c"), by.Customer)
		if err != nil {
			return err
		}
		bad := Invalid{}
		if email = checkEmail(email, bad); len(bad) == 0 && email == c.Email {
			bad.Add("email", "contact.same")
		}
		if err := bad.orNil(); err != nil {
			return err
		}
		asked := "contact:" + c.Identifier
		if n, err := tx.countFailures([]string{asked}, 1, throttleWindow); err != nil || n[asked] > MaxContactChanges {
			if err == nil {
				err = invalid("email", "contact.limit", "Most", MaxContactChanges)
			}
			return err
		}
		if err := tx.exec("DELETE FROM contact_changes WHERE customer_id = ?", c.ID); err != nil {
			return err
		}
		var id int64
		err = tx.scan(&id, "INSERT INTO contact_changes (customer_id, email, asked_at, expires_at) VALUES (?, ?, ?, ?) RETURNING id", c.ID, email, tx.now, tx.now.Add(ContactFor))
		if err != nil {
			return err
		}
		if err := tx.enqueue(mailContactLink{Change: id}); err != nil {
			return err
		}
		return tx.contactEvent(c, "profile.contact_asked", email)
	})
}

// contactEvent tells and records what became of a contact address.
func (tx *Tx) contactEvent(c *Customer, kind, email string) error {
	tx.tellSecurity(c.person(), NoticeDeed{Event: kind, Target: email})
	return tx.record(Event{Kind: kind, Class: SelfEvent, SubjectID: c.ID, Object: c.Identifier, Detail: Detail{"email": {Before: c.Email, After: email}}})
}

// CancelContact gives up the address that is not confirmed; none is nothing to do.
func (s *Store) CancelContact(ctx context.Context, by Actor) error {
	return s.change(ctx, by, func(tx *Tx) error {
		c, err := customer(tx.DB, "c.id = ?"+tx.forTurn("c"), by.Customer)
		if err != nil {
			return err
		}
		var email string
		if err := tx.scan(&email, "DELETE FROM contact_changes WHERE customer_id = ? RETURNING email", c.ID); err != nil || email == "" {
			return err
		}
		return tx.record(Event{Kind: "profile.contact_cancelled", Class: SelfEvent, SubjectID: c.ID, Object: c.Identifier, Detail: Detail{"email": {Before: email}}})
	})
}

// SendContactLink is the work of the job: nothing for what was sent, given up or
// asked for too long ago.
func (s *Store) SendContactLink(ctx context.Context, id int64, attempt int, lastAttempt bool) error {
	m, err := s.makeContactLink(ctx, id, attempt)
	if err != nil || m == nil {
		return err
	}
	settle := func(state ContactState) error { // also while the process ends
		return s.db.WithContext(context.WithoutCancel(ctx)).Exec("UPDATE contact_changes SET state = ? WHERE id = ?", state, id).Error
	}
	switch err := s.post.MailLink(ctx, m); {
	case err == nil:
		s.security.Info("a link that confirms a contact address was sent", "of", m.To.Identifier)
		return settle(ContactSent)
	case lastAttempt || permanent(err):
		s.log.Warn("a link that confirms a contact address is given up", "of", m.To.Identifier, "error", err)
		return settle(ContactFailed)
	default:
		return err
	}
}

func (s *Store) makeContactLink(ctx context.Context, id int64, attempt int) (m *LinkMail, err error) {
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		var r struct {
			Customer           `gorm:"embedded"`
			NewEmail           string
			AskedAt, ExpiresAt time.Time
		}
		err := tx.scan(&r, "SELECT "+customerColumns+", k.email AS new_email, k.asked_at, k.expires_at FROM contact_changes k JOIN customers c ON c.id = k.customer_id WHERE k.id = ? AND k.state = 'waiting' AND k.expires_at > ?"+tx.forUpdate("k"), id, tx.now)
		if err != nil || r.ID == 0 {
			return err
		}
		m = &LinkMail{Kind: ContactLinkMail, ID: id, Attempt: attempt, To: r.Customer, Token: newToken(), AskedAt: r.AskedAt, Expires: r.ExpiresAt}
		m.To.Email = r.NewEmail
		return tx.exec("UPDATE contact_changes SET token_hash = ? WHERE id = ?", tokenHash(m.Token), id)
	})
	return m, err
}

const contactLinked = " FROM contact_changes k WHERE k.token_hash = ? AND k.customer_id = ? AND k.expires_at > ?"

// ContactLink is the address that a link of by's confirms: ErrExpiredLink when
// it is not good, or somebody else's.
func (s *Store) ContactLink(ctx context.Context, by Actor, token string) (*ContactChange, error) {
	var k ContactChange
	err := s.db.WithContext(ctx).Raw("SELECT "+contactColumns+contactLinked, tokenHash(token), by.Customer, s.now()).Scan(&k).Error
	if err == nil && k.ID == 0 {
		err = ErrExpiredLink
	}
	return &k, err
}

// ConfirmContact makes the address of a link the one in force, and tells both.
// The link works once. It must be by's own: whoever reads a mailbox that was
// mistyped cannot make it somebody's.
func (s *Store) ConfirmContact(ctx context.Context, by Actor, token string) (email string, err error) {
	err = s.change(ctx, by, func(tx *Tx) error {
		c, err := customer(tx.DB, "c.id = ?"+tx.forTurn("c"), by.Customer)
		if err != nil {
			return err
		}
		email = ""
		if err := tx.scan(&email, "SELECT k.email"+contactLinked, tokenHash(token), c.ID, tx.now); err != nil {
			return err
		}
		if email == "" {
			return ErrExpiredLink
		}
		return tx.setContact(c, email)
	})
	return email, err
}

// SetContact changes a contact address at once, and tells both. It is the
// operator's verb.
func (s *Store) SetContact(ctx context.Context, identifier, email string) error {
	id, ok := ParseIdentifier(identifier)
	if !ok {
		return invalid("identifier", "customer.identifier.shape", "Identifier", identifier)
	}
	bad := Invalid{}
	email = checkEmail(email, bad)
	if err := bad.orNil(); err != nil {
		return err
	}
	return s.change(ctx, Actor{}, func(tx *Tx) error {
		c, err := customer(tx.DB, "c.identifier = ?"+tx.forTurn("c"), id)
		if err != nil || c.Email == email {
			return err
		}
		return tx.setContact(c, email)
	})
}

func (tx *Tx) setContact(c *Customer, email string) error {
	if err := tx.exec("UPDATE customers SET email = ?, version = version + 1 WHERE id = ?", email, c.ID); err != nil {
		return err
	}
	// A link for a forgotten password went to the address of before, or waits to.
	for _, table := range []string{"contact_changes", "password_resets"} {
		if err := tx.exec("DELETE FROM "+table+" WHERE customer_id = ?", c.ID); err != nil {
			return err
		}
	}
	if err := tx.exec("DELETE FROM former_contacts WHERE customer_id = ? AND email = ?", c.ID, email); err != nil {
		return err
	}
	err := tx.exec("INSERT INTO former_contacts (customer_id, email, ended_at) VALUES (?, ?, ?) ON CONFLICT (customer_id, email) DO UPDATE SET ended_at = excluded.ended_at", c.ID, c.Email, tx.now)
	if err != nil {
		return err
	}
	return tx.contactEvent(c, "profile.contact_changed", email)
}
