package models

import (
	"context"

	"gorm.io/gorm"
)

// Offered is what the panel lets somebody sign in with besides a password:
// passkeys of Site, and what the provider Issuer knows. Each is "" for none.
type Offered struct{ Site, Issuer string }

// WaysIn is what a person can sign in with, and what is asked for besides.
//
// # What counts
//
// A password, a passkey of the panel's present address, and a link with the
// provider that is offered to this person. Recovery codes are no way in, nor is
// a link that sets a password: nobody is sure to get one. What is asked for after
// a password or a provider is an app; of whoever must have a second factor and
// has no app, a passkey is.
type WaysIn struct {
	Agent     bool
	Bound     bool // to have a second factor: agents, and everybody by Config.FactorForAll
	Password  bool
	Short     bool // too short to stand without an app
	Passkeys  int
	Elsewhere int // passkeys of other addresses
	Links     int
	Apps      int
}

// Count is how many ways in there are.
func (w *WaysIn) Count() int {
	n := w.Passkeys + w.Links
	if w.Password {
		n++
	}
	return n
}

// Enough is nil when these may be all that a person has: they can sign in, have
// the second factor they are bound to, and a password that is too short to stand
// alone does not. Else it is Invalid, and says which of these would not be so. All that takes
// something away asks here what is left, and so do the pages that offer it.
func (w *WaysIn) Enough() error {
	switch {
	case w.Count() == 0:
		return invalid("", "way_in.last")
	case w.Bound && w.Apps+w.Passkeys == 0:
		return invalid("", "factor.last")
	case w.Short && w.Apps == 0:
		return invalid("", "factor.password_short", "Least", MinCustomerPassword)
	}
	return nil
}

// LeastPassword is how many characters a new password must have: fewer for a
// customer with a second factor (R17).
func (w *WaysIn) LeastPassword() int {
	if w.Agent || w.Apps == 0 {
		return MinCustomerPassword
	}
	return MinWithFactor
}

// WithoutApp is what is left without one of the apps.
func (w WaysIn) WithoutApp() WaysIn {
	w.Apps--
	return w
}

// WithoutPasskey is what is left without this one.
func (w WaysIn) WithoutPasskey(k *Passkey, at Offered) WaysIn {
	if k.Site == at.Site {
		w.Passkeys--
	} else {
		w.Elsewhere--
	}
	return w
}

// WithoutLink is what is left without this link.
func (w WaysIn) WithoutLink(i *Identity, at Offered) WaysIn {
	if i.Issuer == at.Issuer {
		w.Links--
	}
	return w
}

// WaysIn reads those of by's person: of the agent, where one acts.
func (s *Store) WaysIn(ctx context.Context, by Actor, at Offered) (*WaysIn, error) {
	p, err := s.personOf(ctx, by, "")
	if err != nil {
		return nil, err
	}
	return s.waysIn(s.db.WithContext(ctx), p, at)
}

// waysIn reads those of a person. Whoever takes something away has locked the
// person first: of two at once, each would else count what the other takes.
func (s *Store) waysIn(db *gorm.DB, p person, at Offered) (*WaysIn, error) {
	people, short := "customers", "x.password_short"
	if p.AgentID != 0 {
		people, short = "agents", "false"
	}
	of := p.column() + " = x.id"
	var w WaysIn
	err := db.Raw("SELECT x.password_hash <> '' AS password, "+short+` AS short,
		(SELECT count(*) FROM passkeys k WHERE k.`+of+` AND k.site = @site) AS passkeys,
		(SELECT count(*) FROM passkeys k WHERE k.`+of+` AND k.site <> @site) AS elsewhere,
		(SELECT count(*) FROM identities i WHERE i.`+of+` AND i.issuer = @issuer) AS links,
		(SELECT count(*) FROM factors f WHERE f.`+of+`) AS apps
		FROM `+people+" x WHERE x.id = @id", map[string]any{"id": p.id(), "site": at.Site, "issuer": at.Issuer}).Scan(&w).Error
	w.Agent = p.AgentID != 0
	w.Bound = w.Agent || s.factorForAll
	return &w, err
}

// enoughLeft refuses that a person whose row is locked, and from whom something
// was taken away, is left with what is not Enough.
func (tx *Tx) enoughLeft(p person, at Offered) error {
	w, err := tx.store.waysIn(tx.DB, p, at)
	if err != nil {
		return err
	}
	return w.Enough()
}

// apps counts a person's apps.
func (s *Store) apps(db *gorm.DB, p person) (int, error) {
	w, err := s.waysIn(db, p, Offered{})
	return w.Apps, err
}
