package models

import (
	"context"
	"strings"

	"example.org/mandat/models/totp"
)

// RecoveryCodes is how many recovery codes a person is given.
const RecoveryCodes = 10

// A recovery code is six groups of four letters: 118 random bits, which nobody
// guesses, and which need no slow hash (ASVS 6.5.2 draws the line at 112). Those
// made earlier have four groups and are still taken.
const (
	recoveryGroups  = 6
	recoveryGroup   = 4
	earlierRecovery = 16 // letters
)

// codeKind is what a text can be that was typed as a code.
type codeKind int

const (
	noCode codeKind = iota
	appCode
	recoveryCode
)

// parseCode reads a code as people type one: with spaces or hyphens anywhere,
// and in any case.
func parseCode(typed string) (code string, kind codeKind) {
	const longest = 64 // octets; more is nobody's typing
	if len(typed) > longest {
		return "", noCode
	}
	code = strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-' || r == '\t' || r == '\u00a0' || r == '\u202f' || r == '\u2011':
			return -1
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return r
	}, typed)
	only := func(alphabet string) bool {
		return !strings.ContainsFunc(code, func(r rune) bool { return !strings.ContainsRune(alphabet, r) })
	}
	switch {
	case len(code) == totp.Digits && only("0123456789"):
		return code, appCode
	case (len(code) == recoveryGroups*recoveryGroup || len(code) == earlierRecovery) && only(suggestionAlphabet):
		return code, recoveryCode
	}
	return "", noCode
}

// newRecoveryCode makes one in the letters that people do not confuse.
func newRecoveryCode() string {
	var b strings.Builder
	for i := range recoveryGroups * recoveryGroup {
		if i > 0 && i%recoveryGroup == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(randomLetter())
	}
	return b.String()
}

// NewRecoveryCodes makes by's recovery codes in place of the earlier ones. They
// are told here and never again. It asks for a recent proof. ErrNotFound says
// that there is no second factor which they could stand in for.
func (s *Store) NewRecoveryCodes(ctx context.Context, by Actor) (codes []string, err error) {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, by, func(tx *Tx) error {
		if err := tx.proven(); err != nil {
			return err
		}
		if _, err := tx.lockPerson(p); err != nil {
			return err
		}
		n, err := tx.store.apps(tx.DB, p)
		if err == nil && n == 0 {
			err = ErrNotFound
		}
		if err != nil {
			return err
		}
		if codes, err = tx.makeRecoveryCodes(p); err != nil {
			return err
		}
		return tx.recordSecurity(p, "recovery_codes.made", Detail{"recovery_codes": {After: len(codes)}})
	})
	return codes, err
}

// makeRecoveryCodes gives a person whose row is locked new codes.
func (tx *Tx) makeRecoveryCodes(p person) (codes []string, err error) {
	if err := tx.exec("DELETE FROM recovery_codes WHERE "+p.column()+" = ?", p.id()); err != nil {
		return nil, err
	}
	var args []any
	for range RecoveryCodes {
		code := newRecoveryCode()
		plain, _ := parseCode(code)
		codes = append(codes, code)
		args = append(args, orNull(p.CustomerID), orNull(p.AgentID), tokenHash(plain), tx.now)
	}
	return codes, tx.exec("INSERT INTO recovery_codes (customer_id, agent_id, code_hash, created_at) VALUES "+tuples(len(codes), 4), args...)
}

// step is the second step that a code of the kind is.
func (k codeKind) step() string {
	if k == recoveryCode {
		return StepRecovery
	}
	return StepApp
}

// useCode takes a code of a person whose row is locked: it works once. noCode
// says that it is not theirs, or used up.
func (tx *Tx) useCode(p person, typed string) (codeKind, error) {
	code, kind := parseCode(typed)
	switch kind {
	case appCode:
		ok, err := tx.useAppCode(p, code)
		if err != nil || !ok {
			return noCode, err
		}
		return appCode, nil
	case recoveryCode:
		used := tx.Exec("UPDATE recovery_codes SET used_at = ? WHERE "+p.column()+" = ? AND code_hash = ? AND used_at IS NULL", tx.now, p.id(), tokenHash(code))
		if used.Error != nil || used.RowsAffected == 0 {
			return noCode, used.Error
		}
		return recoveryCode, tx.usedRecoveryCode(p)
	}
	return noCode, nil
}

func (tx *Tx) useAppCode(p person, code string) (bool, error) {
	var apps []struct {
		ID, LastStep int64
		Secret       []byte
	}
	if err := tx.scan(&apps, "SELECT f.id, f.secret, f.last_step FROM factors f WHERE f."+p.column()+" = ?", p.id()); err != nil {
		return false, err
	}
	for _, app := range apps {
		if tx.store.sealer == nil {
			return false, errSealed
		}
		secret, err := tx.store.sealer.open(app.Secret, factorLabel(app.ID))
		if err != nil {
			return false, err
		}
		step, ok, err := totp.Match(secret, code, tx.now, app.LastStep)
		if err != nil {
			return false, err
		}
		if ok {
			used := tx.Exec("UPDATE factors SET last_step = ?, used_at = ? WHERE id = ? AND last_step < ?", step, tx.now, app.ID, step)
			return used.RowsAffected > 0, used.Error
		}
	}
	return false, nil
}

// usedRecoveryCode tells that a code was used, which its owner ought to know.
func (tx *Tx) usedRecoveryCode(p person) error {
	var left int
	if err := tx.scan(&left, "SELECT count(*) FROM recovery_codes r WHERE r."+p.column()+" = ? AND r.used_at IS NULL", p.id()); err != nil {
		return err
	}
	return tx.recordSecurity(p, "recovery_code.used", Detail{"recovery_codes": {Before: left + 1, After: left}})
}
