package models

import (
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// SecretSize is the length of Config.Secret, in octets.
const SecretSize = chacha20poly1305.KeySize

// A sealer keeps passwords of other servers, and the secrets of apps, so that the database alone does not
// tell them. What is sealed for one row opens for no other.
type sealer struct{ aead cipher.AEAD }

func newSealer(secret []byte) (*sealer, error) {
	aead, err := chacha20poly1305.NewX(secret)
	if err != nil {
		return nil, fmt.Errorf("the secret: %w", err)
	}
	return &sealer{aead}, nil
}

func importLabel(id int64) []byte { return fmt.Appendf(nil, "import:%d", id) }

func (s *sealer) seal(text string, label []byte) []byte {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(text)+s.aead.Overhead())
	_, _ = rand.Read(nonce) // never fails: see crypto/rand
	return s.aead.Seal(nonce, nonce, []byte(text), label)
}

// errSealed is all that is said of what does not open: under another secret, or
// for another row.
var errSealed = errors.New("models: sealed with another secret")

func (s *sealer) open(sealed, label []byte) (string, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return "", errSealed
	}
	text, err := s.aead.Open(nil, sealed[:n], sealed[n:], label)
	if err != nil {
		return "", errSealed
	}
	return string(text), nil
}
