package models

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"slices"
	"time"

	"example.org/mandat/models/webauthn"
)

// # What a passkey is, and is not
//
// It is a way in of its own, and both factors: its device is one, and verifies
// its person. It may stand in for the second step after a password, and for a
// proof. It does not make a second step due: somebody who adds one on one device
// would else be shut out on every other. An app does that, and brings recovery codes.

// Bounds on the passkeys of one person.
const (
	MaxPasskeys    = 20
	MaxPasskeyName = 60 // characters
)

// Passkey is one of the passkeys of a customer or an agent. The private half
// never leaves their device; whoever has it, and is verified by it, is they.
type Passkey struct {
	ID        int64
	Name      string // as its person calls it
	Site      string // the host it was made for
	BackedUp  bool   `gorm:"-"` // on several devices of its person
	CreatedAt time.Time
	UsedAt    *time.Time // nil: never

	Flags byte
}

// Ceremony is where, and by whose browser, a passkey is made or proven.
type Ceremony struct {
	Site    *webauthn.Site // as configured: nothing of it comes from a request
	Browser string         // its cookie from the challenge; "" for none yet
	Peer    string         // the true network address
}

// Passkeys lists the passkeys of by, the oldest first: ErrNotFound while an
// agent acts for a customer.
func (s *Store) Passkeys(ctx context.Context, by Actor) ([]Passkey, error) {
	p := person{CustomerID: by.Customer, AgentID: by.Agent}
	if by.Customer != 0 && by.Agent != 0 {
		return nil, ErrNotFound
	}
	var list []Passkey
	err := s.db.WithContext(ctx).Raw("SELECT k.id, k.name, k.site, k.flags, k.created_at, k.used_at FROM passkeys k WHERE k."+p.column()+" = ? ORDER BY k.id", p.id()).Scan(&list).Error
	for i := range list {
		list[i].BackedUp = (&webauthn.Credential{Flags: list[i].Flags}).BackedUp()
	}
	return list, err
}

// Passkey is one passkey of by's: ErrNotFound when it is none of theirs.
func (s *Store) Passkey(ctx context.Context, by Actor, id int64) (*Passkey, error) {
	list, err := s.Passkeys(ctx, by)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].ID == id {
			return &list[i], nil
		}
	}
	return nil, ErrNotFound
}

// HasPasskey says whether by has a passkey of this site.
func (s *Store) HasPasskey(ctx context.Context, by Actor, site string) (bool, error) {
	list, err := s.Passkeys(ctx, by)
	return slices.ContainsFunc(list, func(k Passkey) bool { return k.Site == site }), err
}

// AddPasskey keeps a passkey that by's browser made when it was asked by
// ChallengeCreation. It is a sensitive act: see proven. Invalid says what is
// wrong with the name, or that the browser's answer is not good (field "passkey").
func (s *Store) AddPasskey(ctx context.Context, by Actor, at Ceremony, name, answer string) error {
	p, err := s.passkeyPerson(ctx, by)
	if err != nil {
		return err
	}
	if name, err = passkeyName(name); err != nil {
		return err
	}
	if answer == "" {
		return invalid("passkey", "passkey.missing")
	}
	creation, err := webauthn.ReadCreation(answer)
	if err != nil {
		return s.refusePasskey(err)
	}
	err = s.change(ctx, by, func(tx *Tx) error {
		if err := tx.proven(); err != nil {
			return err
		}
		if err := tx.takeChallenge(creation.Challenge, at.Browser, challengeCreation, by.Session); err != nil {
			return err
		}
		holder, err := tx.passkeyHolder(p)
		if err != nil {
			return err
		}
		made, err := at.Site.Accept(creation, holder.Handle)
		if err != nil {
			return s.refusePasskey(err)
		}
		err = tx.exec("INSERT INTO passkeys ("+p.column()+", name, site, credential_id, public_key, sign_count, flags, model, transports, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			p.id(), name, at.Site.ID(), octets(made.ID), octets(made.PublicKey), int64(made.Count), int(made.Flags), octets(made.Model), made.Transports, tx.now)
		if violated(err) == "passkey_credential_unique" {
			return invalid("passkey", "passkey.taken")
		}
		if err != nil {
			return err
		}
		return tx.recordPasskey(p, "passkey.added", name, Detail{"name": {After: name}})
	})
	if bad := (Invalid{}); errors.As(err, &bad) { // the form may come again, the answer may not
		return errors.Join(err, s.inTx(ctx, Actor{}, func(tx *Tx) error { return tx.spendChallenge(creation.Challenge, at.Browser) }))
	}
	return err
}

// RenamePasskey names a passkey of by's. It writes nothing when nothing differs.
// ErrNotFound when it is none of theirs, Invalid (field "name") when it is no name.
func (s *Store) RenamePasskey(ctx context.Context, by Actor, id int64, name string) error {
	p, err := s.passkeyPerson(ctx, by)
	if err != nil {
		return err
	}
	return s.change(ctx, by, func(tx *Tx) error {
		if _, err := tx.lockPerson(p); err != nil {
			return err
		}
		var was string
		if err := tx.scan(&was, "SELECT k.name FROM passkeys k WHERE k.id = ? AND k."+p.column()+" = ?", id, p.id()); err != nil {
			return err
		}
		if was == "" {
			return ErrNotFound
		}
		name, err := passkeyName(name)
		if err != nil || name == was {
			return err
		}
		if err := tx.exec("UPDATE passkeys SET name = ? WHERE id = ?", name, id); err != nil {
			return err
		}
		return tx.record(p.event("passkey.renamed", Detail{"name": {Before: was, After: name}}))
	})
}

// RemovePasskey forgets a passkey of by's: it proves nothing any more.
// ErrNotFound when it is none of theirs, Invalid when what is left is not Enough.
// It is a sensitive act: see proven.
func (s *Store) RemovePasskey(ctx context.Context, by Actor, id int64, at Offered) (name string, err error) {
	p, err := s.passkeyPerson(ctx, by)
	if err != nil {
		return "", err
	}
	err = s.change(ctx, by, func(tx *Tx) error {
		if err := tx.proven(); err != nil {
			return err
		}
		if _, err := tx.lockPerson(p); err != nil {
			return err
		}
		if err := tx.scan(&name, "DELETE FROM passkeys WHERE id = ? AND "+p.column()+" = ? RETURNING name", id, p.id()); err != nil {
			return err
		}
		if name == "" {
			return ErrNotFound
		}
		if err := tx.enoughLeft(p, at); err != nil {
			return err
		}
		return tx.recordPasskey(p, "passkey.removed", name, Detail{"name": {Before: name}})
	})
	return name, err
}

// forgetPasskeys removes all passkeys of a person whose row is locked.
func (tx *Tx) forgetPasskeys(p person) error {
	var names []string
	if err := tx.scan(&names, "DELETE FROM passkeys WHERE "+p.column()+" = ? RETURNING name", p.id()); err != nil {
		return err
	}
	for _, name := range names {
		if err := tx.recordPasskey(p, "passkey.removed", name, Detail{"name": {Before: name}}); err != nil {
			return err
		}
	}
	return nil
}

// recordPasskey is recordSecurity of a passkey.
func (tx *Tx) recordPasskey(p person, kind, name string, d Detail) error {
	tx.tellSecurity(p, NoticeDeed{Event: kind, Target: name})
	return tx.record(p.event(kind, d))
}

// passkeyPerson is who by is, for what only a person themselves may see and do:
// ErrNotFound while an agent acts for a customer, and for the operator.
func (s *Store) passkeyPerson(ctx context.Context, by Actor) (person, error) {
	if by.Customer != 0 && by.Agent != 0 {
		return person{}, ErrNotFound
	}
	p, err := s.personOf(ctx, by, "")
	if err == nil && p.id() == 0 {
		err = ErrNotFound
	}
	return p, err
}

// passkeyHolder locks a person and reads their handle, which is made at first:
// Invalid (field "passkey") when they have all the passkeys that one may have.
func (tx *Tx) passkeyHolder(p person) (webauthn.Holder, error) {
	h := webauthn.Holder{Name: p.Identifier}
	if _, err := tx.lockPerson(p); err != nil {
		return h, err
	}
	handle := make([]byte, webauthn.HandleSize)
	_, _ = rand.Read(handle) // never fails: see crypto/rand
	if err := tx.exec("INSERT INTO passkey_holders (handle, "+p.column()+") VALUES (?, ?) ON CONFLICT ("+p.column()+") DO NOTHING", octets(handle), p.id()); err != nil {
		return h, err
	}
	var row struct {
		Handle []byte
		Name   string
		Has    int
	}
	err := tx.scan(&row, "SELECT h.handle, COALESCE(c.name, a.name) AS name, (SELECT count(*) FROM passkeys k WHERE k."+p.column()+" = h."+p.column()+`) AS has
		FROM passkey_holders h LEFT JOIN customers c ON c.id = h.customer_id LEFT JOIN agents a ON a.id = h.agent_id WHERE h.`+p.column()+" = ?", p.id())
	if err == nil && row.Has >= MaxPasskeys {
		err = invalid("passkey", "passkey.many", "Most", MaxPasskeys)
	}
	h.Handle, h.DisplayName = row.Handle, row.Name
	return h, err
}

// credentials are what browsers are told of somebody's passkeys of a site.
func (tx *Tx) credentials(p person, site string) (known []webauthn.Credential, err error) {
	err = tx.scan(&known, "SELECT k.credential_id AS id, k.transports FROM passkeys k WHERE k."+p.column()+" = ? AND k.site = ? ORDER BY k.id", p.id(), site)
	return known, err
}

// passkeyName is a name as it is kept: Invalid (field "name") when it is none.
func passkeyName(name string) (string, error) {
	bad := Invalid{}
	name = checkLabel(name, MaxPasskeyName, "passkey.name.none", "passkey.name.long", bad)
	return name, bad.orNil()
}

// octets is a driver.Valuer since GORM takes plain bytes after a bracket for a list.
type octets []byte

// Value is [driver.Valuer].
func (o octets) Value() (driver.Value, error) { return []byte(o), nil }

// refusePasskey makes what is wrong with a browser's answer a refusal that says
// no more than that. The log has the rest, which tells nothing secret.
func (s *Store) refusePasskey(err error) error {
	if !errors.Is(err, webauthn.ErrMalformed) && !errors.Is(err, webauthn.ErrRefused) {
		return err
	}
	s.security.Warn("a passkey is refused", "error", err)
	return invalid("passkey", "passkey.refused")
}
