package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"example.org/mandat/models"
)

// keyFile holds the key of the embedded database, in the form of MANDAT_SECRET.
const keyFile = "mandat.key"

// secret is the key that secrets of others are encrypted with: the setting, or
// for the embedded database one in a file beside it, which the first start makes.
// Without it there could be no second factor in a panel that was just tried out.
func (p *program) secret() ([]byte, error) {
	if p.config.secret != nil || !strings.HasPrefix(p.config.databaseURL, "sqlite:") {
		if p.config.secret == nil && p.config.oldSecret != nil {
			return nil, errors.New("MANDAT_SECRET_OLD is the key of before, and MANDAT_SECRET, which takes its place, is empty")
		}
		return p.config.secret, nil
	}
	name := filepath.Join(p.config.dataDir, keyFile)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(name); err != nil {
			return nil, fmt.Errorf("make the key %s: %w", name, err)
		}
		p.log.Info("a key was made: keep it with the database", "file", name)
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, err
	}
	key, err := parseSecret(strings.TrimSpace(string(text)))
	if err == nil && bytes.Equal(key, p.config.oldSecret) {
		err = errors.New("it is that of MANDAT_SECRET_OLD: set a new MANDAT_SECRET, or move the file away and the next start makes a new one")
	}
	if err != nil {
		return nil, fmt.Errorf("the key %s: %w", name, err)
	}
	return key, nil
}

// makeKey writes a new key. It is whole or not there, and of two processes at
// once one makes it.
func makeKey(name string) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, keyFile+".*") // for its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	key := make([]byte, models.SecretSize)
	_, _ = rand.Read(key) // never fails: see crypto/rand
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), name); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// tellFactors warns of second factors that were encrypted with another key: their
// codes are refused, whatever they are.
func (p *program) tellFactors(ctx context.Context, s *models.Store) error {
	n, err := s.ForeignFactors(ctx)
	if err == nil && n > 0 {
		p.log.Error("authenticator apps cannot be checked: they were added under another MANDAT_SECRET or "+keyFile+"; bring it back, as MANDAT_SECRET_OLD beside a new one, or people sign in with recovery codes and `mandat customer reset-factors` helps those who have none", "apps", n)
	}
	return err
}

type secretRotateCommand struct{}

// sealedNames is what the operator calls models.SealedKinds.
var sealedNames = map[string]string{"apps": "secrets of authenticator apps", "imports": "passwords of imports"}

// Run encrypts anew what is not under the present key.
func (secretRotateCommand) Run(p *program) error {
	return p.with(func(ctx context.Context, s *models.Store) error {
		var lost, old int
		for _, kind := range models.SealedKinds {
			done, err := s.Reseal(ctx, kind)
			fmt.Fprintf(p.out, "Encrypted with the new key, %s: %d from the old key, %d that did not say theirs.\n", sealedNames[kind], done.Old, done.Unnamed)
			switch {
			case errors.Is(err, models.ErrNoSecret):
				return errors.New("MANDAT_SECRET is empty: there is nothing to encrypt with")
			case err != nil:
				return fmt.Errorf("it stopped there; what is done is done, and the command goes on with the rest when it is run again: %w", err)
			}
			lost, old = lost+done.Lost, old+done.Old
		}
		if lost > 0 {
			return fmt.Errorf("opened by neither key, and left as they are: %d. Bring back the key that they were encrypted with as MANDAT_SECRET_OLD and run this again; else their people help themselves with recovery codes, and imports are begun anew", lost)
		}
		fmt.Fprintln(p.out, "Nothing needs another key any more: once every process has the new one, MANDAT_SECRET_OLD can be taken out of the settings.")
		return nil
	})
}

// sealed looks at what is not encrypted with the present key.
func (doctorCommand) sealed(ctx context.Context, p *program, store *models.Store) finding {
	f := finding{what: "the key of what is encrypted"}
	if !store.KeepsFactors() {
		f.note = "there is none: MANDAT_SECRET is empty"
		return f
	}
	var all models.Seals
	for _, kind := range models.SealedKinds {
		found, err := store.Seals(ctx, kind)
		if err != nil {
			f.fault, f.remedy = err, "Look at the database's own log."
			return f
		}
		all.Old, all.Lost, all.Unnamed = all.Old+found.Old, all.Lost+found.Lost, all.Unnamed+found.Unnamed
	}
	switch {
	case all.Lost > 0:
		f.fault = fmt.Errorf("%d values are under a key that is neither MANDAT_SECRET nor MANDAT_SECRET_OLD", all.Lost)
		f.remedy = "Bring that key back as MANDAT_SECRET_OLD and run `mandat secret rotate`; else people sign in with recovery codes, `mandat customer reset-factors` helps those who have none, and imports are begun anew."
	case all.Old > 0:
		f.fault = fmt.Errorf("%d values are under MANDAT_SECRET_OLD still", all.Old)
		f.remedy = "Run `mandat secret rotate`, when every process has both keys."
	case all.Unnamed > 0:
		f.note = fmt.Sprintf("%d values are under the present one and do not say so, as before there were two: `mandat secret rotate` makes them say", all.Unnamed)
	case p.config.oldSecret != nil:
		f.note = "nothing is under MANDAT_SECRET_OLD any more: take it out of the settings of every process"
	}
	return f
}
