package models

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/secure/precis"
	"pgregory.net/rapid"
)

const demoPassword = "tilleul-orage-2026"

func keys(messages []Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, m.Key)
	}
	return strings.Join(all, " ")
}

func TestCustomerPasswords(t *testing.T) {
	who := []string{"ad1001-mdt", "Alice Durand, Cabinet Garrigue", "alice@garrigue.example", "xn--t-9fab.fr"}
	for password, want := range map[string]string{
		demoPassword:               "",
		"quatre mots sans rapport": "",
		"x7Kp2mQ9vLz4Rt8":          "",
		"日本語のながいながいひみつのことば":          "",
		"👩‍👩‍👧🦩🦩🫠🪿🫎🪼🫏🐦‍⬛🦤🦥🪲🪳":        "",
		strings.Repeat("tbx7 é", 21): "password.pattern",
		long(128):                    "",
		long(129):                    "password.long",
		"":                           "password.short",
		"14 caractères!":             "password.short",
		"e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301": "password.short", // 8 characters, not 16
		"aaaaaaaaaaaaaaaaaaaa":          "password.pattern",
		"abcabcabcabcabcabc":            "password.pattern",
		"abcdefghijklmnopqrst":          "password.pattern",
		"azertyuiopqsdfghjklm":          "password.pattern",
		"12345678901234567890":          "password.pattern",
		"mlkjhgfdsqpoiuytreza":          "password.pattern",
		"1qaz2wsx3edc4rfv!!":            "password.pattern",
		"passwordpassword":              "password.common",
		"P4ssw0rd-P4ssw0rd!":            "password.common",
		"MotDePasse-2026!!":             "password.common",
		"administrateur.1":              "password.common",
		"Alice-Durand-2026":             "password.context",
		"ad1001-mdt-ad1001":             "password.context",
		"garrigue.example!1":            "password.context",
		"G4rr1gue-Durand-1":             "password.context",
		"cabinet durand tilleul nuages": "",
		"ligne\nnouvelle ligne":         "password.control",
		"nul\x00nul nul nul nul":        "password.control",
		"mauvais octet \xff tilleul":    "password.control",
	} {
		if got := keys(checkCustomerPassword(password, MinCustomerPassword, who...)); got != want {
			t.Errorf("%q: %q, want %q", password, got, want)
		}
	}
}

// long is a password of n characters that nothing is wrong with.
func long(n int) string {
	var b strings.Builder
	sum := sha256.Sum256(nil)
	for b.Len() < n {
		for _, c := range sum {
			b.WriteByte('!' + c%90)
		}
		sum = sha256.Sum256(sum[:])
	}
	return b.String()[:n]
}

func TestMailboxPasswords(t *testing.T) {
	const address = "jean.bernard@xn--t-9fab.fr"
	for password, want := range map[string]string{
		demoPassword:             "",
		"nuage-cèpe-x7":          "",
		"onze signes":            "password.short",
		long(128):                "",
		long(129):                "password.long",
		address:                  "password.address",
		"Jean.Bernard@été.fr":    "password.address",
		"jean-bernard-2026":      "password.address",
		"nuage\u00a0cèpe\u00a0x": "password.space",
		"azertyuiop123":          "password.common",
		"unbelievable":           "password.common",
		"Unbelievable":           "password.common",
		"counterstrike":          "password.common",
	} {
		if got := keys(checkMailboxPassword(password, address)); got != want {
			t.Errorf("%q: %q, want %q", password, got, want)
		}
	}
}

func TestNoPasswordIsRefusedForWhatItDoesNotHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		password := rapid.StringN(0, 140, -1).Draw(t, "password")
		for _, m := range checkCustomerPassword(password, MinCustomerPassword, rapid.String().Draw(t, "context")) {
			if slices.Contains(m.Args, any(password)) {
				t.Fatal("the message repeats the password")
			}
		}
	})
}

// Wherever RFC 8265 accepts a password, it is prepared as RFC 8265 says.
func TestPreparedIsOpaqueString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.RuneFrom([]rune("ae\u0301\u00a0\u3000 ﬁÅ\u212b")), rapid.Rune())).Draw(t, "text")
		if want, err := precis.OpaqueString.String(text); err == nil && prepared(text) != want {
			t.Fatalf("prepared(%q) = %q, want %q", text, prepared(text), want)
		}
	})
}

func TestSuggestionsKeepTheRules(t *testing.T) {
	if bits := 20 * math.Log2(float64(len(suggestionAlphabet))); bits < 80 {
		t.Errorf("%.1f bits", bits)
	}
	seen := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.StringMatching(`[a-z0-9]{1,20}(\.[a-z0-9]{1,20})?@[a-z0-9]{1,20}\.[a-z]{2,8}`).Draw(t, "address")
		for range 20 {
			p := SuggestPassword()
			if m := checkMailboxPassword(p, address); m != nil || len(p) != 23 || seen[p] {
				t.Fatalf("%q for %s: %v", p, address, m)
			}
			seen[p] = true
		}
	})
}

func FuzzPasswordRules(f *testing.F) {
	f.Add(demoPassword, "contact@garrigue.example")
	f.Add("aaaaaaaaaaaaaaaaaaaaaaaa\u0301", "\xff@\x00")
	f.Fuzz(func(t *testing.T, password, context string) {
		if len(checkCustomerPassword(password, MinCustomerPassword, context)) > 1 || len(checkMailboxPassword(password, context)) > 1 {
			t.Error("more than one message")
		}
	})
}

func hasher() *Store { return &Store{hashing: newGate(2)} }

func TestHashing(t *testing.T) {
	s, ctx := hasher(), context.Background()
	encoded, err := s.hashPassword(ctx, "e\u0301te\u0301 à la mer")
	if err != nil || !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatal(encoded, err)
	}
	weakHash, err := argon2id.CreateHash(demoPassword, &argon2id.Params{Memory: 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		password, encoded string
		ok, weak          bool
	}{
		{"été\u00a0à la mer", encoded, true, false},
		{"Été à la mer", encoded, false, false},
		{"", encoded, false, false},
		{demoPassword, weakHash, true, true},
		{demoPassword, "", false, false},
		{"", "", false, false},
	} {
		if ok, weak, err := s.verifyPassword(ctx, c.password, c.encoded); ok != c.ok || weak != c.weak || err != nil {
			t.Errorf("%q against %q: %v, %v, %v", c.password, c.encoded, ok, weak, err)
		}
	}
	if _, _, err := s.verifyPassword(ctx, demoPassword, "{ARGON2ID}$argon2id$"); err == nil || strings.Contains(err.Error(), demoPassword) {
		t.Error("a broken hash:", err)
	}
	if len(s.hashing.slots)+len(s.hashing.queue) != 0 {
		t.Error("the gate is not empty afterwards")
	}
}

func TestNobodysHashCostsAsMuchAsSomebodys(t *testing.T) {
	p, _, _, err := argon2id.DecodeHash(dummyHash)
	if err != nil || !reflect.DeepEqual(*p, hashParams) {
		t.Errorf("%+v, %v; want %+v", p, err, hashParams)
	}
}

func TestTheGateIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ctx := newGate(1), context.Background()
		leave, err := g.enter(ctx)
		if err != nil {
			t.Fatal(err)
		}
		answers := make(chan error, hashQueue)
		for range hashQueue {
			go func() {
				_, err := g.enter(ctx)
				answers <- err
			}()
		}
		synctest.Wait()
		begun := time.Now()
		if _, err := g.enter(ctx); !errors.Is(err, ErrBusy) || time.Since(begun) != 0 {
			t.Errorf("a full queue: %v after %v", err, time.Since(begun))
		}
		for range hashQueue {
			if err := <-answers; !errors.Is(err, ErrBusy) || time.Since(begun) != hashWait {
				t.Fatalf("in the queue: %v after %v", err, time.Since(begun))
			}
		}

		cancelled, cancel := context.WithCancel(ctx)
		go func() {
			_, err := g.enter(cancelled)
			answers <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-answers; !errors.Is(err, context.Canceled) {
			t.Error("cancelled while waiting:", err)
		}
		if _, err := g.enter(cancelled); !errors.Is(err, context.Canceled) {
			t.Error("cancelled before:", err)
		}

		go func() {
			leave, err := g.enter(ctx)
			if err == nil {
				leave()
			}
			answers <- err
		}()
		synctest.Wait()
		leave()
		if err := <-answers; err != nil {
			t.Error("after the slot was given back:", err)
		}
		if len(g.slots)+len(g.queue) != 0 {
			t.Error("the gate is not empty afterwards")
		}
	})
}

func TestBlockList(t *testing.T) {
	if n := len(commonPasswords) / listedSize; n != blockListSize || len(commonPasswords)%listedSize != 0 {
		t.Fatalf("%d entries", n)
	}
	for i := listedSize; i < len(commonPasswords); i += listedSize {
		if bytes.Compare(commonPasswords[i-listedSize:i], commonPasswords[i:i+listedSize]) >= 0 {
			t.Fatalf("entry %d is not after the one before", i/listedSize)
		}
	}
	for _, password := range []string{"manchester", "Basketball", "4815162342", "1123581321"} { // of the length that a second factor allows
		if bad := checkPassword(password, MinWithFactor, "password.address", nil); bad == nil {
			t.Errorf("%q is taken", password)
		}
	}
	if bad := checkPassword("tuile-sapin", MinWithFactor, "password.address", nil); bad != nil {
		t.Errorf("%v", bad)
	}
}

// blockListSize is that of the most frequent of 10 and 11 characters, which are
// enough beside a second factor, and of as many longer ones.
const blockListSize = 20_000

// TestMakeBlockList writes passwords.blocklist from a list of passwords, the
// most frequent first, one a line, which MANDAT_PASSWORD_LIST names.
func TestMakeBlockList(t *testing.T) {
	name := os.Getenv("MANDAT_PASSWORD_LIST")
	if name == "" {
		t.Skip("no MANDAT_PASSWORD_LIST")
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	commonPasswords = nil
	var entries [][]byte
	seen, of := map[string]bool{}, map[bool]int{}
	for lines := bufio.NewScanner(f); lines.Scan() && len(entries) < blockListSize; {
		password := strings.TrimSpace(lines.Text())
		long := utf8.RuneCountInString(password) >= MinMailboxPassword
		if folded := fold(password); of[long] < blockListSize/2 && !seen[folded] && checkPassword(password, MinWithFactor, "password.address", nil) == nil {
			seen[folded] = true
			of[long]++
			sum := sha256.Sum256([]byte(folded))
			entries = append(entries, sum[:listedSize])
		}
	}
	slices.SortFunc(entries, bytes.Compare)
	if err := os.WriteFile("passwords.blocklist", bytes.Join(entries, nil), 0o644); err != nil {
		t.Fatal(err)
	}
}
