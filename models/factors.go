package models

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/mandat/models/totp"
)

// A second factor is what a person has besides the password: an authenticator
// app. Recovery codes stand in for one that is lost, and go with the last.
//
// # Why these bounds
//
// A code has six digits, and at any moment three of an app are good: one guess
// in 333,333 is right. Ten guesses a day (see codeSlowdown) at three apps keep
// whoever knows the password below 1 in 10,000.

// Bounds on second factors.
const (
	MaxFactors    = 3
	MaxFactorName = 50 // characters

	// EnrolFor is for how long a secret that was shown can be confirmed.
	EnrolFor = time.Hour
)

// issuer is whose code it is, as apps show it.
const issuer = "Mandat"

// Factor is the authenticator app of a customer or an agent.
type Factor struct {
	ID        int64
	Name      string
	CreatedAt time.Time
	UsedAt    *time.Time
}

// Factors is what a person has besides the password.
type Factors struct {
	Apps      []Factor
	CodesLeft int // recovery codes not used yet
	Devices   []TrustedDevice
}

// Enrolment is a secret that is shown until a code of it confirms it. Nothing
// is kept of it: Sealed carries it through the form, for its person only.
type Enrolment struct {
	Secret string // base32
	URL    string // otpauth://…, for the QR code
	Sealed string
}

// NewFactor confirms an enrolment with a code.
type NewFactor struct {
	Name   string
	Sealed string
	Code   string
}

// KeepsFactors says whether second factors can be kept: their secrets are
// encrypted, and the operator has given a key for that.
func (s *Store) KeepsFactors() bool { return s.sealer != nil }

// Factors reads by's own.
func (s *Store) Factors(ctx context.Context, by Actor) (*Factors, error) {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return nil, err
	}
	var f Factors
	db, of, id := s.db.WithContext(ctx), p.column(), p.id()
	if err := db.Raw("SELECT f.id, f.name, f.created_at, f.used_at FROM factors f WHERE f."+of+" = ? ORDER BY f.id", id).Scan(&f.Apps).Error; err != nil {
		return nil, err
	}
	if err := db.Raw("SELECT count(*) FROM recovery_codes r WHERE r."+of+" = ? AND r.used_at IS NULL", id).Scan(&f.CodesLeft).Error; err != nil {
		return nil, err
	}
	f.Devices, err = s.trustedDevices(ctx, p)
	return &f, err
}

// Factor reads one of by's apps: ErrNotFound when it is not theirs.
func (s *Store) Factor(ctx context.Context, by Actor, id int64) (*Factor, error) {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return nil, err
	}
	var f Factor
	err = s.db.WithContext(ctx).Raw("SELECT f.id, f.name, f.created_at, f.used_at FROM factors f WHERE f.id = ? AND f."+p.column()+" = ?", id, p.id()).Scan(&f).Error
	if err == nil && f.ID == 0 {
		err = ErrNotFound
	}
	return &f, err
}

// HasFactor says whether by has a second factor.
func (s *Store) HasFactor(ctx context.Context, by Actor) (bool, error) {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return false, err
	}
	n, err := secondFactors(s.db.WithContext(ctx), p)
	return n > 0, err
}

// Enrolment is that of a form of by's while it is good, else a new one; nil when
// none can be kept (see KeepsFactors).
func (s *Store) Enrolment(ctx context.Context, by Actor, sealed string) (*Enrolment, error) {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return nil, err
	}
	return s.enrolment(p, sealed), nil
}

func (s *Store) enrolment(p person, sealed string) *Enrolment {
	if s.sealer == nil {
		return nil
	}
	secret, ok := s.openEnrolment(p, sealed)
	if !ok {
		return s.enrolmentOf(p, totp.NewSecret())
	}
	return &Enrolment{Secret: secret, URL: totp.URL(issuer, p.Identifier, secret), Sealed: sealed}
}

// EnrolmentOf is one of by's with a secret that is known already, as in the demo world.
func (s *Store) EnrolmentOf(ctx context.Context, by Actor, secret string) (*Enrolment, error) {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return nil, err
	}
	return s.enrolmentOf(p, secret), nil
}

func (s *Store) enrolmentOf(p person, secret string) *Enrolment {
	text := strconv.FormatInt(s.now().Add(EnrolFor).Unix(), 10) + " " + secret
	sealed := s.sealer.seal(text, enrolmentLabel(p))
	return &Enrolment{Secret: secret, URL: totp.URL(issuer, p.Identifier, secret), Sealed: base64.RawURLEncoding.EncodeToString(sealed)}
}

func (s *Store) openEnrolment(p person, sealed string) (secret string, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || s.sealer == nil {
		return "", false
	}
	text, err := s.sealer.open(b, enrolmentLabel(p))
	if err != nil {
		return "", false
	}
	until, secret, _ := strings.Cut(text, " ")
	unix, err := strconv.ParseInt(until, 10, 64)
	return secret, err == nil && s.now().Unix() < unix
}

func enrolmentLabel(p person) []byte { return []byte("enrolment:" + p.Identifier) }

func factorLabel(id int64) []byte { return fmt.Appendf(nil, "factor:%d", id) }

// EnrolFactor adds an app of by's, which a code of it confirms. With the first
// come recovery codes, which are told here and never again. It asks for a recent
// proof. Invalid with what is wrong; nothing is asked of a code but that it is right.
func (s *Store) EnrolFactor(ctx context.Context, by Actor, n NewFactor) (codes []string, err error) {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, by, func(tx *Tx) error {
		if err := tx.proven(); err != nil {
			return err
		}
		if p, err = tx.lockPerson(p); err != nil {
			return err
		}
		codes, err = tx.addFactor(p, n)
		return err
	})
	return codes, err
}

// addFactor adds an app to a person whose row is locked.
func (tx *Tx) addFactor(p person, n NewFactor) (codes []string, err error) {
	bad := Invalid{}
	name := checkFactorName(n.Name, bad)
	secret, ok := tx.store.openEnrolment(p, n.Sealed)
	if !ok {
		return nil, invalid("code", "factor.enrolment_lapsed")
	}
	typed, _ := parseCode(n.Code)
	step, right, err := totp.Match(secret, typed, tx.now, 0)
	if err != nil {
		return nil, err
	}
	if !right {
		bad.Add("code", "factor.code.unconfirmed")
	}
	if err := bad.orNil(); err != nil {
		return nil, err
	}
	var apps int
	if err := tx.scan(&apps, "SELECT count(*) FROM factors f WHERE f."+p.column()+" = ?", p.id()); err != nil {
		return nil, err
	}
	if apps >= MaxFactors {
		return nil, invalid("", "factor.most", "Most", MaxFactors)
	}
	if err := tx.insertFactor(p, name, secret, step); err != nil {
		return nil, err
	}
	detail := Detail{"name": {After: name}}
	var kept int
	if err := tx.scan(&kept, "SELECT count(*) FROM recovery_codes r WHERE r."+p.column()+" = ?", p.id()); err != nil {
		return nil, err
	}
	if kept == 0 {
		if codes, err = tx.makeRecoveryCodes(p); err != nil {
			return nil, err
		}
		detail["recovery_codes"] = Change{After: len(codes)}
	}
	return codes, tx.recordSecurity(p, "factor.added", detail)
}

func (tx *Tx) insertFactor(p person, name, secret string, step int64) error {
	var id int64
	err := tx.scan(&id, "INSERT INTO factors (customer_id, agent_id, name, secret, last_step, created_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
		orNull(p.CustomerID), orNull(p.AgentID), name, []byte{}, step, tx.now)
	if err != nil {
		return err
	}
	return tx.exec("UPDATE factors SET secret = ? WHERE id = ?", tx.store.sealer.seal(secret, factorLabel(id)), id)
}

func checkFactorName(name string, bad Invalid) string {
	name = strings.Join(strings.Fields(legible(name)), " ")
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		bad.Add("name", "factor.name.none")
	case n > MaxFactorName:
		bad.Add("name", "factor.name.long", "Most", MaxFactorName)
	}
	return name
}

// RenameFactor names one of by's apps. It writes nothing when nothing differs.
func (s *Store) RenameFactor(ctx context.Context, by Actor, id int64, name string) error {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return err
	}
	return s.change(ctx, by, func(tx *Tx) error {
		f, err := tx.ownFactor(p, id)
		if err != nil {
			return err
		}
		bad := Invalid{}
		name := checkFactorName(name, bad)
		if err := bad.orNil(); err != nil || name == f.Name {
			return err
		}
		if err := tx.exec("UPDATE factors SET name = ? WHERE id = ?", name, id); err != nil {
			return err
		}
		return tx.record(p.event("factor.renamed", Detail{"name": {Before: f.Name, After: name}}))
	})
}

// ownFactor locks the person and reads one of their apps.
func (tx *Tx) ownFactor(p person, id int64) (f Factor, err error) {
	if _, err := tx.lockPerson(p); err != nil {
		return f, err
	}
	err = tx.scan(&f, "SELECT f.id, f.name, f.created_at, f.used_at FROM factors f WHERE f.id = ? AND f."+p.column()+" = ?", id, p.id())
	if err == nil && f.ID == 0 {
		err = ErrNotFound
	}
	return f, err
}

// RemoveFactor takes away one of by's apps. It asks for a recent proof. With the
// last second factor go the recovery codes and the trusted devices; Invalid says
// that an agent must keep one, or that the password is too short to stand alone.
func (s *Store) RemoveFactor(ctx context.Context, by Actor, id int64) error {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return err
	}
	return s.change(ctx, by, func(tx *Tx) error {
		if err := tx.proven(); err != nil {
			return err
		}
		f, err := tx.ownFactor(p, id)
		if err != nil {
			return err
		}
		if err := tx.exec("DELETE FROM factors WHERE id = ?", id); err != nil {
			return err
		}
		if err := tx.withoutFactor(p); err != nil {
			return err
		}
		return tx.recordSecurity(p, "factor.removed", Detail{"name": {Before: f.Name}})
	})
}

// withoutFactor follows on the removal of a second factor. If it was the last,
// what hung on it goes too, unless the person must not be without one.
func (tx *Tx) withoutFactor(p person) error {
	left, err := secondFactors(tx.DB, p)
	if err != nil || left > 0 {
		return err
	}
	if p.AgentID != 0 {
		return invalid("", "factor.last_of_agent")
	}
	var short bool
	if err := tx.scan(&short, "SELECT c.password_short FROM customers c WHERE c.id = ?", p.CustomerID); err != nil {
		return err
	}
	if short {
		return invalid("", "factor.password_short", "Least", MinCustomerPassword)
	}
	return tx.forgetFactors(p)
}

// forgetFactors takes away what is only there for a second factor.
func (tx *Tx) forgetFactors(p person) error {
	if err := tx.exec("DELETE FROM recovery_codes WHERE "+p.column()+" = ?", p.id()); err != nil {
		return err
	}
	return tx.forgetPassword(p)
}

// ResetFactors takes away all second factors of a customer or an agent who has
// lost everything, and signs them out everywhere. A password that was short
// because there was a second factor goes too: shortened says so. It is the operator's verb.
func (s *Store) ResetFactors(ctx context.Context, identifier string) (shortened bool, err error) {
	p, err := s.person(ctx, parseAnyIdentifier(identifier), "")
	if err == nil && p.id() == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return false, err
	}
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		if _, err := tx.lockPerson(p); err != nil {
			return err
		}
		for _, table := range []string{"factors", "sessions"} {
			if err := tx.exec("DELETE FROM "+table+" WHERE "+p.column()+" = ?", p.id()); err != nil {
				return err
			}
		}
		if err := tx.forgetFactors(p); err != nil {
			return err
		}
		gone := tx.Exec("UPDATE customers SET password_hash = '', password_short = ? WHERE id = ? AND password_short", false, p.CustomerID)
		if gone.Error != nil {
			return gone.Error
		}
		shortened = gone.RowsAffected > 0
		return tx.recordSecurity(p, "factor.reset", nil)
	})
	return shortened, err
}
