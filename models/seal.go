package models

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/chacha20poly1305"
)

// SecretSize is the length of Config.Secret, in octets.
const SecretSize = chacha20poly1305.KeySize

// A sealer keeps passwords of other servers, and the secrets of apps, so that the database alone does not
// tell them. What is sealed for one row opens for no other.
//
// A sealed value begins with sealVersion and the id of its key, so that a key
// can be changed: see [Store.Reseal]. Those of before that have neither, and
// begin with their nonce; they open all the same.
type sealer struct{ keys []sealKey } // what is new is sealed with the first

type sealKey struct {
	aead cipher.AEAD
	head []byte // of what is sealed with it
}

// The head of a sealed value: what it is sealed as, and the id of the key.
const (
	sealVersion = 1
	sealHead    = 1 + 8
)

// newSealer seals with the secret, and opens what was sealed with old ones too.
func newSealer(secret []byte, old ...[]byte) (*sealer, error) {
	s := &sealer{}
	for _, key := range append([][]byte{secret}, old...) {
		aead, err := chacha20poly1305.NewX(key)
		if err != nil {
			return nil, fmt.Errorf("the secret: %w", err)
		}
		id := sha256.Sum256(append([]byte("mandat seal key\n"), key...))
		s.keys = append(s.keys, sealKey{aead: aead, head: append([]byte{sealVersion}, id[:sealHead-1]...)})
	}
	return s, nil
}

func importLabel(id int64) []byte { return fmt.Appendf(nil, "import:%d", id) }

// head is that of what is sealed now.
func (s *sealer) head() []byte { return s.keys[0].head }

func (s *sealer) seal(text string, label []byte) []byte {
	key := s.keys[0]
	nonce := make([]byte, key.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails: see crypto/rand
	return key.aead.Seal(slices.Concat(key.head, nonce), nonce, []byte(text), label)
}

// errSealed is all that is said of what does not open: under another secret, or
// for another row.
var errSealed = errors.New("models: sealed with another secret")

func (s *sealer) open(sealed, label []byte) (string, error) {
	text, _, err := s.openWith(sealed, label)
	return text, err
}

// openWith is open, with which of the keys it was.
func (s *sealer) openWith(sealed, label []byte) (text string, key int, err error) {
	for i, k := range s.keys {
		if body, named := bytes.CutPrefix(sealed, k.head); named {
			if text, ok := k.open(body, label); ok {
				return text, i, nil
			}
		}
	}
	for i, k := range s.keys { // also one whose nonce looks like a head
		if text, ok := k.open(sealed, label); ok {
			return text, i, nil
		}
	}
	return "", 0, errSealed
}

func (k sealKey) open(sealed, label []byte) (string, bool) {
	n := k.aead.NonceSize()
	if len(sealed) < n {
		return "", false
	}
	text, err := k.aead.Open(nil, sealed[:n], sealed[n:], label)
	return string(text), err == nil
}
