package models

import (
	"context"
	"regexp"
	"strings"
	"testing"
)

// Made by Dovecot 2.3.19's "doveadm pw -p tilleul-orage-2026".
var dovecotHashes = []string{
	"{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$SMzw3X9apdK+/mXBf7W3dQ$ejDspdhQ/LGkp4ItLEe+byNfVVtKQDNoWBRoeJuv4Js",
	"{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$6YeOnYfaSkBXQcsDRDTUHA$SkwNYa17xhxPM8hL61ylFc7hyvCvT0HpaGdKu+aK8JU",
	"{BLF-CRYPT}$2y$05$nI2UH0lbmSNuxORMVpfxOexfE9/KEPve/SyawwUcDaNB6mRKaIkVG",
	"{SHA512-CRYPT}$6$IoKveiSW1K3Dq2dD$YAwbGBYjjWhtm11lgJZeu2pzP8cjCHCXsMphcD7WVPONgf3lTLcD0EHVOXZwv69aY67h9Plnrt8IP0WR7DIeJ/",
	"{SHA256-CRYPT}$5$r4AUlwysvYP6a.E3$dvA0UIXLo9cLpsqNFC2Gx74Y3GoxkIkWdqIa9Fleim3",
	"{MD5-CRYPT}$1$WjOIPH/O$voPnDqTFmeRn1pMWSJWcl1",
	"{PBKDF2}$1$.d4EQrpeU/AsCFPr$5000$8370f69092f37c61b0ad11e0021b5712d0c91068",
	"{SSHA512}9UVGLodQLSGB87IpXmLVtETbJ0QTfkSG4r2T/LRMxmSSrsep2dmwA8sZgen5GJk6Hax1ir5hB2oFpK7XO1oJxER6Bps=",
	"{SSHA256}2oWY90b1xwz/5CslKFk2dr9gji89nuQ44d4wSFXgjf54OCe4",
	"{SSHA}7XytSP2f8X+7DztjtCEQNyJCfMn6s0wT",
	"{SMD5}yhSOpKlO2+pGXt0LdJgdj0Vv6Ys=",
	"{SCRAM-SHA-256}4096,gdClSNkB3Qd867eHOUar3g==,Z0+DK++J8XaGoWlNWJSGhQV/E3zeAtcfUVybMXApjGc=,xO7Sn1KHFSbM87DvcIz0uU+dAYIPV1/83MDFtDJY33s=",
	"{SCRAM-SHA-1}4096,BQBD7cAO6H5pnSfFr4GdqQ==,9yS4+2VwFXFQ835oxHGIBkfrG/c=,V1B7Lgzsd00JnkeosA3lL+HfrCk=",
	"{CRYPT}$2y$05$K7zTE2OWYoeeqoTR0MnbkOGu/u3mCw8SpUupXCAo6s9pnunZX4n7u",
	"{SSHA.HEX}e82c235e41cc01a29008193e4a8c457d9f5184398fbac4bc",
	"{SSHA256.B64}ZJi9Fzn+KWiMuKWDE53Rf0YNfYzQpn1b83mO7fyxeB6GEmvS",
}

func TestHashesThatDovecotMakesAreTakenOver(t *testing.T) {
	for _, hash := range dovecotHashes {
		if got, problem := ParseMailboxHash(" " + hash + "\n"); problem != nil || got != hash {
			t.Errorf("%s becomes %q, %q", hash, got, key(problem))
		}
		scheme, value, _ := strings.Cut(hash, "}")
		if got, _ := ParseMailboxHash(strings.ToLower(scheme) + "}" + value); got != hash {
			t.Errorf("%s in lower case becomes %q", scheme, got)
		}
		if got, problem := ParseMailboxHash(hash[:len(hash)-1]); key(problem) != "password.hash.malformed" {
			t.Errorf("%s without its end becomes %q, %q", hash, got, key(problem))
		}
	}
}

func TestBareHashesGetTheirScheme(t *testing.T) {
	for _, hash := range dovecotHashes {
		scheme, value, _ := strings.Cut(hash, "}")
		got, problem := ParseMailboxHash(value)
		switch scheme {
		case "{ARGON2ID", "{ARGON2I", "{BLF-CRYPT", "{SHA512-CRYPT", "{SHA256-CRYPT", "{MD5-CRYPT":
			if got != hash {
				t.Errorf("%s becomes %q, %q", value, got, key(problem))
			}
		case "{CRYPT":
			if got != "{BLF-CRYPT}"+value {
				t.Errorf("%s becomes %q, %q", value, got, key(problem))
			}
		default:
			if key(problem) != "password.hash.plain" {
				t.Errorf("%s becomes %q, %q", value, got, key(problem))
			}
		}
	}
	const yescrypt = "$y$j9T$NRNQMWb6VcyK1gjmyiBPV/$v0Hs6bjMWE8qWoKH1VNdGiZaeHBCsWqqZ04NwFIo4F9"
	if got, problem := ParseMailboxHash(yescrypt); got != "{CRYPT}"+yescrypt {
		t.Errorf("yescrypt becomes %q, %q", got, key(problem))
	}
}

func TestWhatIsNoHashIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "",
		"  ":                                   "",
		"tilleul-orage-2026":                   "password.hash.plain",
		"{tilleul}orage":                       "password.hash.plain",
		"{tilleul":                             "password.hash.plain",
		"{}":                                   "password.hash.plain",
		"{UNKNOWN}x":                           "password.hash.plain",
		"$9$abc$def":                           "password.hash.plain",
		"wrejijE1IIfy.":                        "password.hash.plain", // DES: could be a password
		strings.Repeat("x", 10_000):            "password.hash.plain",
		"{PLAIN}tilleul":                       "password.hash.refused",
		"{plain}tilleul":                       "password.hash.refused",
		"{CLEARTEXT}tilleul":                   "password.hash.refused",
		"{CLEAR.B64}dGlsbGV1bA==":              "password.hash.refused",
		"{PLAIN-MD5}5d41402abc4b2a76b9":        "password.hash.refused",
		"{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=":    "password.hash.refused",
		"{CRAM-MD5}00":                         "password.hash.refused",
		"{DIGEST-MD5}00":                       "password.hash.refused",
		"{NTLM}00":                             "password.hash.refused",
		"{DES-CRYPT}wrejijE1IIfy.":             "password.hash.refused",
		"{ARGON2ID}":                           "password.hash.malformed",
		"{ARGON2ID}tilleul":                    "password.hash.malformed",
		"{CRYPT}tilleul":                       "password.hash.malformed",
		"{CRYPT}wrejijE1IIfy.":                 "password.hash.malformed",
		"{SSHA}tilleul":                        "password.hash.malformed",
		"{SSHA.ROT13}7XytSP2f8X+7DztjtCEQNyJC": "password.hash.malformed",
		"{SSHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=":   "password.hash.malformed", // without a salt
		"{BLF-CRYPT}$2y$05$nI2UH0lbmSNuxORMVpfxOexfE9/KEPve/SyawwUcDaNB6mRKaIkVG\nuserdb_x=y": "password.hash.malformed",
		"{SHA512-CRYPT}$6$a:b$" + strings.Repeat("x", 86):                                     "password.hash.malformed",
		"{BLF-CRYPT.HEX}00": "password.hash.malformed",
	} {
		got, problem := ParseMailboxHash(text)
		if got != "" || key(problem) != want {
			t.Errorf("%q becomes %q, %q; want %q", text, got, key(problem), want)
		}
		if problem != nil && len(problem.Args) > 0 && hashSchemes[problem.Args[1].(string)] == nil && want != "password.hash.refused" {
			t.Errorf("%q: the message names %q", text, problem.Args[1])
		}
	}
}

func TestOwnHashesAreDovecots(t *testing.T) {
	encoded, err := hasher().hashPassword(context.Background(), demoPassword)
	if err != nil {
		t.Fatal(err)
	}
	hash := mailboxHash(encoded)
	if got, problem := ParseMailboxHash(hash); got != hash {
		t.Errorf("%s becomes %q, %q", hash, got, key(problem))
	}
}

func FuzzMailboxHash(f *testing.F) {
	for _, hash := range dovecotHashes {
		f.Add(hash)
	}
	shape := regexp.MustCompile(`^\{[A-Z0-9.-]+\}[!-9;-~]+$`) // no colon: passwd files part their fields by it
	f.Fuzz(func(t *testing.T, text string) {
		got, problem := ParseMailboxHash(text)
		if got == "" {
			return
		}
		if again, _ := ParseMailboxHash(got); problem != nil || again != got || !shape.MatchString(got) {
			t.Errorf("%q becomes %q, then %q", text, got, again)
		}
	})
}
