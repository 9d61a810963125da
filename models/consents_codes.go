package models

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// MakeCode makes a code of eight digits that the customer reads out to support.
// It is good for CodeFor, once, and only its hash is kept.
func (s *Store) MakeCode(ctx context.Context, by Actor, mayChange bool) (code string, until time.Time, err error) {
	n, _ := rand.Int(rand.Reader, big.NewInt(100_000_000)) // never fails: see crypto/rand
	code = fmt.Sprintf("%0*d", codeDigits, n)
	hash, err := s.hashPassword(ctx, code)
	if err != nil {
		return "", time.Time{}, err
	}
	err = s.change(ctx, by, func(tx *Tx) error {
		if err := tx.proven(); err != nil {
			return err
		}
		if err := tx.closeConsent(ByCode); err != nil {
			return err
		}
		until = tx.now.Add(CodeFor)
		err := tx.exec("INSERT INTO consents (customer_id, kind, mode, code_hash, created_at, expires_at) VALUES (?, 'code', ?, ?, ?, ?)",
			by.Customer, modeWord(mayChange), hash, tx.now, until)
		if err != nil {
			return err
		}
		return tx.recordConsent(by.Customer, "consent.code_made", Detail{"may": {After: modeWord(mayChange)}})
	})
	return code, until, err
}

// consentSlowdown slows an agent who tries codes, whosever they are.
var consentSlowdown = slowdown{after: 10, most: 40}

// tryCode looks whether the code that an agent was told is the customer's. The
// try counts before it is judged, whatever becomes of the request: the fifth
// wrong one ends the code. wrong is what is to be said of one that is not right.
func (s *Store) tryCode(ctx context.Context, by Actor, n NewAssistance) (c *Consent, wrong, err error) {
	if n.Code == "" || n.Emergency {
		return nil, nil, nil
	}
	code := strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '\u00a0' || r == '\u202f' {
			return -1
		}
		return r
	}, n.Code)
	if len(code) != codeDigits || strings.ContainsFunc(code, func(r rune) bool { return r < '0' || r > '9' }) {
		return nil, invalid("code", "assistance.code.shape"), nil
	}
	subject := fmt.Sprintf("codes:%d", by.Agent)
	if err := s.attempt(ctx, map[string]slowdown{subject: consentSlowdown}); err != nil {
		return nil, nil, err
	}
	var tried struct {
		Consent  `gorm:"embedded"`
		CodeHash string
	}
	err = s.db.WithContext(ctx).Raw(`UPDATE consents SET tries = tries + 1 WHERE kind = 'code' AND ended_at IS NULL AND expires_at > ? AND tries < ?
		AND customer_id = (SELECT id FROM customers WHERE identifier = ?) RETURNING `+consentColumns+", code_hash", s.now(), maxCodeTries, n.Customer).Scan(&tried).Error
	if err != nil {
		return nil, nil, err
	}
	takeBack := func(tx *Tx) error {
		return tx.exec("UPDATE consents SET tries = tries - 1 WHERE id = ?", tried.ID)
	}
	right, _, err := s.verifyPassword(ctx, code, tried.CodeHash)
	switch {
	case err != nil: // it was not judged
		return nil, nil, errors.Join(err, s.inTx(context.WithoutCancel(ctx), Actor{}, takeBack))
	case right:
		err := s.inTx(ctx, Actor{}, func(tx *Tx) error {
			if err := tx.succeeded([]string{subject}, ""); err != nil {
				return err
			}
			return takeBack(tx) // so that the fifth counts too
		})
		return &tried.Consent, nil, err
	case tried.Tries == maxCodeTries:
		err = s.change(ctx, Actor{Agent: by.Agent}, func(tx *Tx) error { return tx.spendCode(tried.ID, tried.CustomerID) })
	}
	return nil, invalid("code", "assistance.code.wrong"), err
}

// spendCode ends a code that was guessed at too often, unless it has ended meanwhile.
func (tx *Tx) spendCode(id, of int64) error {
	switch err := tx.endConsent(id); {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return tx.recordConsent(of, "consent.code_spent", nil)
}
