package models

import (
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.org/mandat/models/webauthn"
)

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

// Passkeys lists the passkeys of by, the oldest first.
func (s *Store) Passkeys(ctx context.Context, by Actor) ([]Passkey, error) {
	of, err := passkeysOf(by)
	if err != nil {
		return nil, err
	}
	var list []Passkey
	err = s.db.WithContext(ctx).Raw("SELECT k.id, k.name, k.site, k.flags, k.created_at, k.used_at FROM passkeys k WHERE k."+of.column+" = ? ORDER BY k.id", of.id).Scan(&list).Error
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
	of, err := passkeysOf(by)
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
		holder, err := tx.passkeyHolder(of)
		if err != nil {
			return err
		}
		made, err := at.Site.Accept(creation, holder.Handle)
		if err != nil {
			return s.refusePasskey(err)
		}
		err = tx.exec("INSERT INTO passkeys ("+of.column+", name, site, credential_id, public_key, sign_count, flags, model, transports, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
			of.id, name, at.Site.ID(), octets(made.ID), octets(made.PublicKey), int64(made.Count), int(made.Flags), octets(made.Model), made.Transports, tx.now)
		if violated(err) == "passkey_credential_unique" {
			return invalid("passkey", "passkey.taken")
		}
		if err != nil {
			return err
		}
		return tx.record(Event{Kind: "passkey.added", Class: SelfEvent, SubjectID: of.customer(), Object: holder.Name, Detail: Detail{"name": {After: name}}})
	})
	if bad := (Invalid{}); errors.As(err, &bad) { // the form may come again, the answer may not
		return errors.Join(err, s.inTx(ctx, Actor{}, func(tx *Tx) error { return tx.spendChallenge(creation.Challenge, at.Browser) }))
	}
	return err
}

// RemovePasskey forgets a passkey of by's: it proves nothing any more.
// ErrNotFound when it is none of theirs. It is a sensitive act: see proven.
func (s *Store) RemovePasskey(ctx context.Context, by Actor, id int64) (name string, err error) {
	of, err := passkeysOf(by)
	if err != nil {
		return "", err
	}
	err = s.change(ctx, by, func(tx *Tx) error {
		if err := tx.proven(); err != nil {
			return err
		}
		if err := tx.scan(&name, "DELETE FROM passkeys WHERE id = ? AND "+of.column+" = ? RETURNING name", id, of.id); err != nil {
			return err
		}
		if name == "" {
			return ErrNotFound
		}
		holder, err := tx.holderOf(of)
		if err != nil {
			return err
		}
		return tx.record(Event{Kind: "passkey.removed", Class: SelfEvent, SubjectID: of.customer(), Object: holder.Name, Detail: Detail{"name": {Before: name}}})
	})
	return name, err
}

// owner is a customer or an agent as the tables of passkeys name them.
type owner struct {
	table, column string
	id            int64
}

// passkeysOf is who by is, for what only a person themselves may see and do:
// ErrNotFound while an agent acts for a customer, and for the operator.
func passkeysOf(by Actor) (owner, error) {
	switch {
	case by.Customer != 0 && by.Agent == 0:
		return owner{"customers", "customer_id", by.Customer}, nil
	case by.Agent != 0 && by.Customer == 0:
		return owner{"agents", "agent_id", by.Agent}, nil
	}
	return owner{}, ErrNotFound
}

func (o owner) customer() int64 {
	if o.column == "customer_id" {
		return o.id
	}
	return 0
}

// holderOf locks a person, so that what is counted of theirs stays so.
func (tx *Tx) holderOf(of owner) (webauthn.Holder, error) {
	var row struct{ Identifier, Name string }
	err := tx.scan(&row, "SELECT p.identifier, p.name FROM "+of.table+" p WHERE p.id = ?"+tx.forUpdate("p"), of.id)
	if err == nil && row.Identifier == "" {
		err = ErrSignedOut
	}
	return webauthn.Holder{Name: row.Identifier, DisplayName: row.Name}, err
}

// passkeyHolder is a person with their handle, which is made at first: Invalid
// (field "passkey") when they have all the passkeys that one may have.
func (tx *Tx) passkeyHolder(of owner) (webauthn.Holder, error) {
	h, err := tx.holderOf(of)
	if err != nil {
		return h, err
	}
	handle := make([]byte, webauthn.HandleSize)
	_, _ = rand.Read(handle) // never fails: see crypto/rand
	if err := tx.exec("INSERT INTO passkey_holders (handle, "+of.column+") VALUES (?, ?) ON CONFLICT ("+of.column+") DO NOTHING", octets(handle), of.id); err != nil {
		return h, err
	}
	var row struct {
		Handle []byte
		Has    int
	}
	err = tx.scan(&row, "SELECT h.handle, (SELECT count(*) FROM passkeys k WHERE k."+of.column+" = h."+of.column+") AS has FROM passkey_holders h WHERE h."+of.column+" = ?", of.id)
	if err == nil && row.Has >= MaxPasskeys {
		err = invalid("passkey", "passkey.many", "Most", MaxPasskeys)
	}
	h.Handle = row.Handle
	return h, err
}

// credentials are what browsers are told of somebody's passkeys of a site.
func (tx *Tx) credentials(of owner, site string) (known []webauthn.Credential, err error) {
	err = tx.scan(&known, "SELECT k.credential_id AS id, k.transports FROM passkeys k WHERE k."+of.column+" = ? AND k.site = ? ORDER BY k.id", of.id, site)
	return known, err
}

// passkeyName is a name as it is kept: Invalid (field "name") when it is none.
func passkeyName(name string) (string, error) {
	name = strings.Join(strings.Fields(legible(name)), " ")
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return "", invalid("name", "passkey.name.none")
	case n > MaxPasskeyName:
		return "", invalid("name", "passkey.name.long", "Most", MaxPasskeyName)
	}
	return name, nil
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
	s.log.Warn("a passkey is refused", "error", err)
	return invalid("passkey", "passkey.refused")
}
