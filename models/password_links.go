package models

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
)

// How long a one-time link is good: one of the operator is handed over by other
// means, one for a forgotten password is in a mailbox at once.
const (
	LinkFor  = 7 * 24 * time.Hour
	ResetFor = 30 * time.Minute
)

// LinkHolder is whom a one-time link belongs to, a customer or an agent, and
// whose password it sets.
type LinkHolder struct {
	CustomerID, AgentID     int64
	Identifier, Name, Email string
	Forgotten               bool // the link was asked for at the sign-in page, and sent by email
}

// customer is the holder as far as setting the password goes.
func (l *LinkHolder) customer() *Customer {
	return &Customer{ID: l.CustomerID, Identifier: l.Identifier, Name: l.Name, Email: l.Email}
}

// NewPasswordLink makes a one-time link with which a customer sets a password,
// in place of any earlier one. Only its hash is kept. Invalid (field
// "identifier") for one who is disabled. It is the operator's verb.
func (s *Store) NewPasswordLink(ctx context.Context, identifier string) (token string, expires time.Time, err error) {
	id, ok := ParseIdentifier(identifier)
	if !ok {
		return "", time.Time{}, invalid("identifier", "customer.identifier.shape", "Identifier", identifier)
	}
	return s.newPasswordLink(ctx, id)
}

// NewAgentPasswordLink is NewPasswordLink for an agent.
func (s *Store) NewAgentPasswordLink(ctx context.Context, identifier string) (token string, expires time.Time, err error) {
	id, ok := ParseAgentIdentifier(identifier)
	if !ok {
		return "", time.Time{}, invalid("identifier", "agent.identifier.shape", "Identifier", identifier)
	}
	return s.newPasswordLink(ctx, id)
}

func (s *Store) newPasswordLink(ctx context.Context, id string) (token string, expires time.Time, err error) {
	p, err := s.known(ctx, id)
	if p.Disabled {
		err = invalid("identifier", "customer.disabled", "Identifier", p.Identifier)
	}
	if err != nil {
		return "", time.Time{}, err
	}
	token = newToken()
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		expires = tx.now.Add(LinkFor)
		err := errors.Join(
			tx.exec("DELETE FROM password_links WHERE customer_id = ? OR agent_id = ?", p.CustomerID, p.AgentID),
			tx.exec("DELETE FROM password_resets WHERE customer_id = ?", p.CustomerID),
		)
		if err != nil {
			return err
		}
		err = tx.exec("INSERT INTO password_links (token_hash, customer_id, agent_id, expires_at) VALUES (?, ?, ?, ?)", tokenHash(token), orNull(p.CustomerID), orNull(p.AgentID), expires)
		if err != nil {
			return err
		}
		return tx.record(Event{Kind: "profile.link_made", Class: SelfEvent, SubjectID: p.CustomerID, Object: id})
	})
	return token, expires, err
}

// AskForPasswordLink has a link sent to the contact address of whoever forgot
// their password, by a job. It is anybody's verb, and tells nobody who exists:
// an identifier that is nobody's, or an agent's, is answered alike, with as much
// work. An earlier link of the kind is dead then; one of the operator's is not,
// or strangers could take it away. Throttled by identifier and by network
// address; a browser that the customer has signed in with counts apart. Invalid
// when the panel sends no mail.
//
// Agents get a new password from the operator, who knows them: one mailbox must
// not be all that is between a stranger and everybody's customers.
func (s *Store) AskForPasswordLink(ctx context.Context, c Credentials) error {
	if !s.Mails() {
		return invalid("", "session.forgotten.none")
	}
	identifier, ok := ParseIdentifier(c.Identifier)
	if !ok {
		identifier, ok = ParseAgentIdentifier(c.Identifier)
	}
	p, err := s.person(ctx, identifier, c.Device)
	if err != nil {
		return err
	}
	subjects := map[string]slowdown{"reset-peer:" + c.Peer: resetPeerSlowdown}
	switch {
	case p.Known:
		subjects["reset-device:"+identifier] = resetSlowdown
	case ok: // what is no identifier is nobody's, and everybody may mistype it
		subjects["reset-account:"+identifier] = resetSlowdown
	}
	if err := s.attempt(ctx, subjects); err != nil {
		return err
	}
	return s.change(ctx, Actor{}, func(tx *Tx) error {
		var id int64
		err := tx.scan(&id, "INSERT INTO password_resets (customer_id, asked_at, expires_at) VALUES (?, ?, ?) RETURNING id", orNull(p.CustomerID), tx.now, tx.now.Add(ResetFor))
		if err != nil {
			return err
		}
		return tx.enqueue(mailPasswordLink{Reset: id})
	})
}

// newestReset is the condition that nothing has been asked for since. It is a
// condition, and not a deletion when the next one is asked for, since that would
// take longer for somebody than for nobody.
const newestReset = "NOT EXISTS (SELECT 1 FROM password_resets n WHERE n.customer_id = r.customer_id AND n.id > r.id)"

// LinkMail is a one-time link on its way to somebody's mailbox. Its token is
// nowhere else: each attempt to send it makes a new one.
type LinkMail struct {
	Kind    LinkKind
	ID      int64
	Attempt int
	To      Customer // with the address that the link is sent to
	Token   string
	AskedAt time.Time
	Expires time.Time
}

// LinkKind is what a link in an email is for.
type LinkKind string

// A link sets a password that was forgotten, or confirms a contact address.
const (
	PasswordLinkMail LinkKind = "password"
	ContactLinkMail  LinkKind = "contact"
)

// SendPasswordLink is the work of the job for a forgotten password: nothing for
// nobody, for what was sent, asked for anew or too long ago.
func (s *Store) SendPasswordLink(ctx context.Context, id int64, attempt int, lastAttempt bool) error {
	m, err := s.makePasswordLink(ctx, id, attempt)
	if err != nil || m == nil {
		return err
	}
	db := s.db.WithContext(context.WithoutCancel(ctx)) // also while the process ends
	switch err := s.post.MailLink(ctx, m); {
	case err == nil:
		s.security.Info("a link for a forgotten password was sent", "to", m.To.Identifier)
		return db.Exec("UPDATE password_resets SET sent_at = ? WHERE id = ?", s.now(), id).Error
	case lastAttempt || permanent(err):
		s.log.Warn("a link for a forgotten password is given up", "to", m.To.Identifier, "error", err)
		return db.Exec("DELETE FROM password_resets WHERE id = ?", id).Error
	default:
		return err
	}
}

// permanent says that a mail is not worth another attempt.
func permanent(err error) bool {
	var refusal interface{ Permanent() bool }
	return errors.As(err, &refusal) && refusal.Permanent()
}

func (s *Store) makePasswordLink(ctx context.Context, id int64, attempt int) (m *LinkMail, err error) {
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		var r struct {
			Customer           `gorm:"embedded"`
			AskedAt, ExpiresAt time.Time
		}
		err := tx.scan(&r, "SELECT "+customerColumns+", r.asked_at, r.expires_at FROM password_resets r JOIN customers c ON c.id = r.customer_id WHERE r.id = ? AND r.sent_at IS NULL AND r.expires_at > ? AND c.disabled_at IS NULL AND "+newestReset+tx.forUpdate("r"), id, tx.now)
		if err != nil || r.ID == 0 {
			return err
		}
		m = &LinkMail{Kind: PasswordLinkMail, ID: id, Attempt: attempt, To: r.Customer, Token: newToken(), AskedAt: r.AskedAt, Expires: r.ExpiresAt}
		before := tx.Exec("DELETE FROM password_links WHERE reset_id = ?", id)
		if before.Error != nil {
			return before.Error
		}
		err = tx.exec("INSERT INTO password_links (token_hash, customer_id, expires_at, reset_id) VALUES (?, ?, ?, ?)", tokenHash(m.Token), r.ID, r.ExpiresAt, id)
		if err != nil || before.RowsAffected > 0 { // the history has had it
			return err
		}
		return tx.record(Event{Kind: "profile.link_mailed", Class: SelfEvent, SubjectID: r.ID, Object: r.Identifier, byTime: true})
	})
	return m, err
}

// PasswordLink is whom a one-time link belongs to: ErrExpiredLink when it is not good.
func (s *Store) PasswordLink(ctx context.Context, token string) (*LinkHolder, error) {
	return s.linked(s.db.WithContext(ctx), token, "")
}

func (s *Store) linked(db *gorm.DB, token, lock string) (*LinkHolder, error) {
	var l LinkHolder
	err := db.Raw(`SELECT COALESCE(l.customer_id, 0) AS customer_id, COALESCE(l.agent_id, 0) AS agent_id, COALESCE(c.identifier, a.identifier) AS identifier,
		COALESCE(c.name, a.name) AS name, COALESCE(c.email, a.email) AS email, l.reset_id IS NOT NULL AS forgotten
		FROM password_links l LEFT JOIN customers c ON c.id = l.customer_id LEFT JOIN agents a ON a.id = l.agent_id LEFT JOIN password_resets r ON r.id = l.reset_id
		WHERE l.token_hash = ? AND l.expires_at > ? AND c.disabled_at IS NULL AND a.removed_at IS NULL AND `+newestReset+lock,
		tokenHash(token), s.now()).Scan(&l).Error
	if err == nil && l.Identifier == "" {
		err = ErrExpiredLink
	}
	return &l, err
}

// UsePasswordLink sets the password of whom a link belongs to and ends all their
// sessions. The link works once; it signs nobody in, so that a second factor is
// asked for as ever.
func (s *Store) UsePasswordLink(ctx context.Context, token, password string) error {
	l, err := s.PasswordLink(ctx, token) // before the hash, which is dear
	if err != nil {
		return err
	}
	bad := Invalid{}
	if password == "" {
		bad.Add("password", "password.none")
	}
	least, err := s.LeastPassword(ctx, Actor{Customer: l.CustomerID, Agent: l.AgentID})
	if err != nil {
		return err
	}
	hash, err := s.customerHash(ctx, password, least, bad, l.customer())
	if err != nil {
		return err
	}
	return s.change(ctx, Actor{Customer: l.CustomerID, Agent: l.AgentID}, func(tx *Tx) error {
		l, err := s.linked(tx.DB, token, tx.forUpdate("l"))
		if err != nil {
			return err
		}
		if l.AgentID != 0 {
			return tx.setAgentPassword(l, hash)
		}
		kind := "profile.password_set"
		if l.Forgotten {
			kind = "profile.password_reset"
			if err := tx.succeeded([]string{"reset-account:" + l.Identifier, "reset-device:" + l.Identifier}, ""); err != nil {
				return err
			}
		}
		return tx.setPassword(l.customer(), hash, shortPassword(password), kind)
	})
}

// setAgentPassword is setPassword for an agent, by a link of the operator's.
func (tx *Tx) setAgentPassword(l *LinkHolder, hash string) error {
	if err := tx.exec("UPDATE agents SET password_hash = ? WHERE id = ?", hash, l.AgentID); err != nil {
		return err
	}
	p := person{AgentID: l.AgentID, Identifier: l.Identifier}
	if err := tx.forgetPassword(p); err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM sessions WHERE agent_id = ?", l.AgentID); err != nil {
		return err
	}
	if err := tx.exec("DELETE FROM password_links WHERE agent_id = ?", l.AgentID); err != nil {
		return err
	}
	return tx.recordSecurity(p, "agent.password_set", nil)
}
