// Package webauthntest is a browser with an authenticator in it, in software:
// it makes passkeys and proves them, and lies where a test wants it to.
package webauthntest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"testing"
)

// Flags of the authenticator data.
const (
	Present  = 1 << 0
	Verified = 1 << 2
	Eligible = 1 << 3 // can be on several devices
	BackedUp = 1 << 4
	attested = 1 << 6
)

// Authenticator holds the passkeys of one person's device. Its fields may be
// changed between ceremonies, to lie.
type Authenticator struct {
	Origin      string // of the page that asks
	RPID        string // "" is what the options say
	Flags       byte   // of what it signs
	Counts      bool   // its signatures; else the counter stays 0
	CrossOrigin bool   // the page says it is framed by another
	Challenge   string // instead of the one asked with
	Type        string // of the ceremony, instead of the right one
	Keys        []*Key
}

// Key is one passkey.
type Key struct {
	ID     []byte
	Handle []byte
	RPID   string
	Count  uint32

	secret *ecdsa.PrivateKey
}

// New is an authenticator that verifies its person, with a page at origin.
func New(origin string) *Authenticator {
	return &Authenticator{Origin: origin, Flags: Present | Verified, Counts: true}
}

var b64 = base64.RawURLEncoding

type options struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	RP        struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	Allow   []descriptor `json:"allowCredentials"`
	Exclude []descriptor `json:"excludeCredentials"`
}

type descriptor struct {
	ID string `json:"id"`
}

func read(t testing.TB, raw []byte) (o options) {
	t.Helper()
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatalf("options %s: %v", raw, err)
	}
	return o
}

func (a *Authenticator) clientData(kind string, o options) []byte {
	if a.Type != "" {
		kind = a.Type
	}
	challenge := o.Challenge
	if a.Challenge != "" {
		challenge = a.Challenge
	}
	data, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": a.CrossOrigin})
	return data
}

func (a *Authenticator) data(rpID string, flags byte, count uint32) []byte {
	if a.RPID != "" {
		rpID = a.RPID
	}
	hash := sha256.Sum256([]byte(rpID))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), count)
}

// Create makes a passkey as the options ask, and returns what the browser
// answers: the JSON of PublicKeyCredential.toJSON.
func (a *Authenticator) Create(t testing.TB, raw []byte) string {
	t.Helper()
	o := read(t, raw)
	for _, known := range o.Exclude {
		for _, k := range a.Keys {
			if b64.EncodeToString(k.ID) == known.ID {
				t.Fatal("the authenticator has one already: a browser throws InvalidStateError")
			}
		}
	}
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	handle, err := b64.DecodeString(o.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	k := &Key{ID: make([]byte, 32), Handle: handle, RPID: o.RP.ID, secret: secret}
	_, _ = rand.Read(k.ID)
	a.Keys = append(a.Keys, k)

	data := append(a.data(k.RPID, a.Flags|attested, k.Count), make([]byte, 16)...) // of no known model
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(k.ID))), k.ID...)
	data = append(data, k.cose(t)...)
	object := []byte{0xa3} // a map of three: text "fmt", "attStmt", "authData"
	object = append(object, "\x63fmt\x64none\x67attStmt\xa0\x68authData"...)
	object = append(append(object, 0x59), binary.BigEndian.AppendUint16(nil, uint16(len(data)))...)
	object = append(object, data...)
	return encode(map[string]any{
		"id": b64.EncodeToString(k.ID), "rawId": b64.EncodeToString(k.ID), "type": "public-key", "authenticatorAttachment": "platform",
		"clientExtensionResults": map[string]any{"credProps": map[string]any{"rk": true}}, // as password managers do, unasked
		"response": map[string]any{
			"clientDataJSON": b64.EncodeToString(a.clientData("webauthn.create", o)), "attestationObject": b64.EncodeToString(object),
			"transports": []string{"internal", "hybrid"},
		},
	})
}

// Get proves the passkey k, or the last one, as the options ask, and returns
// what the browser answers.
func (a *Authenticator) Get(t testing.TB, raw []byte, k *Key) string {
	t.Helper()
	o := read(t, raw)
	if k == nil {
		k = a.Keys[len(a.Keys)-1]
	}
	if a.Counts {
		k.Count++
	}
	data, client := a.data(o.RPID, a.Flags, k.Count), a.clientData("webauthn.get", o)
	hash := sha256.Sum256(client)
	signed := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := k.secret.Sign(rand.Reader, signed[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return encode(map[string]any{
		"id": b64.EncodeToString(k.ID), "rawId": b64.EncodeToString(k.ID), "type": "public-key", "clientExtensionResults": map[string]any{},
		"response": map[string]any{
			"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data),
			"signature": b64.EncodeToString(signature), "userHandle": b64.EncodeToString(k.Handle),
		},
	})
}

// Allowed are the ids of the passkeys that options name.
func Allowed(t testing.TB, raw []byte) (ids []string) {
	t.Helper()
	for _, d := range read(t, raw).Allow {
		ids = append(ids, d.ID)
	}
	return ids
}

// cose is the public key: a map of five, {1: EC2, 3: ES256, -1: P-256, -2: x, -3: y}.
func (k *Key) cose(t testing.TB) []byte {
	t.Helper()
	point, err := k.secret.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Appendf(nil, "\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20%s\x22\x58\x20%s", point[1:33], point[33:65])
}

func encode(v any) string {
	b, _ := json.Marshal(v) // of plain values
	return string(b)
}
