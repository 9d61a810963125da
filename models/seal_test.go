package models

import (
	"bytes"
	"slices"
	"testing"
)

func testKey(c byte) []byte { return bytes.Repeat([]byte{c}, SecretSize) }

// sealed0 is a value as it was before values said by which key.
func sealed0(t *testing.T, key []byte, text string, label []byte) []byte {
	t.Helper()
	s, err := newSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	return s.seal(text, label)[sealHead:]
}

func TestASealedValueSaysByWhichKey(t *testing.T) {
	label := factorLabel(7)
	before, err := newSealer(testKey('a'))
	if err != nil {
		t.Fatal(err)
	}
	now, err := newSealer(testKey('b'), testKey('a'))
	if err != nil {
		t.Fatal(err)
	}
	old, fresh := before.seal("secret", label), now.seal("secret", label)
	if bytes.HasPrefix(old, now.head()) || !bytes.HasPrefix(fresh, now.head()) || !bytes.HasPrefix(old, before.head()) {
		t.Error("they do not say by which key")
	}
	if bytes.Contains(old, testKey('a')[:8]) {
		t.Error("the id of a key is of the key itself")
	}
	for _, c := range []struct {
		what   string
		sealed []byte
		key    int
		err    error
	}{
		{"the present key", fresh, 0, nil},
		{"the key of before", old, 1, nil},
		{"the present key, without its id", sealed0(t, testKey('b'), "secret", label), 0, nil},
		{"the key of before, without its id", sealed0(t, testKey('a'), "secret", label), 1, nil},
		{"a third key", sealed0(t, testKey('c'), "secret", label), 0, errSealed},
		{"nothing", nil, 0, errSealed},
		{"a head alone", now.head(), 0, errSealed},
		{"another head", append(append([]byte{}, before.head()...), fresh[sealHead:]...), 0, errSealed},
		{"cut", fresh[:len(fresh)-1], 0, errSealed},
	} {
		text, key, err := now.openWith(c.sealed, label)
		if err != c.err || err == nil && (text != "secret" || key != c.key) {
			t.Errorf("%s: %q by key %d, %v", c.what, text, key, err)
		}
	}
	if _, err := now.open(fresh, factorLabel(8)); err != errSealed {
		t.Errorf("for another row: %v", err)
	}
	if _, err := before.open(fresh, label); err != errSealed {
		t.Errorf("without the new key: %v", err)
	}
}

// What was not sealed for a row opens for none, whatever was changed of it.
func FuzzSealed(f *testing.F) {
	now, err := newSealer(testKey('b'), testKey('a'))
	if err != nil {
		f.Fatal(err)
	}
	genuine := map[string]bool{}
	for i, key := range now.keys {
		nonce := bytes.Repeat([]byte{byte(i)}, key.aead.NonceSize()) // the same in every process of the fuzz
		sealed := key.aead.Seal(slices.Concat(key.head, nonce), nonce, []byte("secret"), factorLabel(7))
		for _, form := range [][]byte{sealed, sealed[sealHead:]} { // with its key's id and, as before, without
			genuine[string(form)] = true
			f.Add(form, int64(7))
			f.Add(form, int64(8))
			f.Add(append(slices.Clone(now.head()), form...), int64(7))
		}
	}
	f.Fuzz(func(t *testing.T, sealed []byte, row int64) {
		text, key, err := now.openWith(sealed, factorLabel(row))
		if opens := genuine[string(sealed)] && row == 7; opens != (err == nil) || opens && text != "secret" || key < 0 || key > 1 || err != nil && (err != errSealed || text != "") {
			t.Errorf("%q by key %d, %v", text, key, err)
		}
	})
}
