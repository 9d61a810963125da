package main

import (
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
		p.log.Error("authenticator apps cannot be checked: they were added under another MANDAT_SECRET or "+keyFile+"; bring it back, or people sign in with recovery codes and `mandat customer reset-factors` helps those who have none", "apps", n)
	}
	return err
}
