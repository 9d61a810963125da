package models

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"example.org/mandat/models/totp"
)

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
