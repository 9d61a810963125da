package models

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
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

// HasFactor says whether by has an app.
func (s *Store) HasFactor(ctx context.Context, by Actor) (bool, error) {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return false, err
	}
	n, err := s.apps(s.db.WithContext(ctx), p)
	return n > 0, err
}

func factorLabel(id int64) []byte { return fmt.Appendf(nil, "factor:%d", id) }

func checkFactorName(name string, bad Invalid) string {
	return checkLabel(name, MaxFactorName, "factor.name.none", "factor.name.long", bad)
}

// checkLabel is what a person calls something of theirs, on one line; none and
// long are the messages about field "name".
func checkLabel(name string, most int, none, long string, bad Invalid) string {
	name = strings.Join(strings.Fields(legible(name)), " ")
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		bad.Add("name", none)
	case n > most:
		bad.Add("name", long, "Most", most)
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
// last go the recovery codes and the trusted devices. Invalid says that what is
// left is not Enough.
func (s *Store) RemoveFactor(ctx context.Context, by Actor, id int64, at Offered) error {
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
		if err := tx.withoutFactor(p, at); err != nil {
			return err
		}
		return tx.recordSecurity(p, "factor.removed", Detail{"name": {Before: f.Name}})
	})
}

// withoutFactor follows on the removal of an app. If it was the last, what hung
// on it goes too.
func (tx *Tx) withoutFactor(p person, at Offered) error {
	left, err := tx.store.waysIn(tx.DB, p, at)
	if err == nil {
		err = left.Enough()
	}
	if err != nil || left.Apps > 0 {
		return err
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
// lost everything, and signs them out everywhere, and support out. A password that was short
// because there was a second factor goes too: shortened says so. It is the operator's verb.
func (s *Store) ResetFactors(ctx context.Context, identifier string) (shortened bool, err error) {
	p, err := s.known(ctx, identifier)
	if err != nil {
		return false, err
	}
	err = s.change(ctx, Actor{}, func(tx *Tx) error {
		if err := tx.lockSessions("se."+p.column()+" = ?", p.id()); err != nil { // before the person, as forms lock them
			return err
		}
		if _, err := tx.lockPerson(p); err != nil {
			return err
		}
		for _, table := range []string{"factors", "sessions"} {
			if err := tx.exec("DELETE FROM "+table+" WHERE "+p.column()+" = ?", p.id()); err != nil {
				return err
			}
		}
		if err := errors.Join(tx.forgetFactors(p), tx.forgetPasskeys(p)); err != nil {
			return err
		}
		if p.CustomerID != 0 {
			if _, err := tx.shutSupportOut(p.CustomerID, AssistanceStopped); err != nil {
				return err
			}
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

// ForeignFactors counts the apps whose secrets this process cannot open, for want
// of the key that they were sealed with.
func (s *Store) ForeignFactors(ctx context.Context) (n int, err error) {
	const some = 1000 // enough to know
	var apps []struct {
		ID     int64
		Secret []byte
	}
	if err := s.db.WithContext(ctx).Raw("SELECT f.id, f.secret FROM factors f ORDER BY f.id DESC LIMIT ?", some).Scan(&apps).Error; err != nil {
		return 0, err
	}
	for _, app := range apps {
		if s.sealer == nil {
			return len(apps), nil
		}
		if _, err := s.sealer.open(app.Secret, factorLabel(app.ID)); err != nil {
			n++
		}
	}
	return n, nil
}
