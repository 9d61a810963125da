package models

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestACodeIsReadAsPeopleTypeIt(t *testing.T) {
	for typed, want := range map[string]string{
		"123456": "123456", " 123 456 ": "123456", "123-456": "123456", "123\u00a0456": "123456", "123\u202f456": "123456", "000000": "000000",
		"k7fp-m3xw-z9rt-hacd": "k7fpm3xwz9rthacd", "K7FP M3XW Z9RT HACD": "k7fpm3xwz9rthacd", "k7fpm3xwz9rthacd": "k7fpm3xwz9rthacd",
		"k7fp-m3xw-z9rt-hacd-2345-6789": "k7fpm3xwz9rthacd23456789", "K7FPM3XW Z9RTHACD 23456789": "k7fpm3xwz9rthacd23456789",
		"": "", "12345": "", "1234567": "", "12345a": "", "١٢٣٤٥٦": "", "+12345": "", "1e5000": "", "12345\n": "", "0x1234": "",
		"k7fp-m3xw-z9rt-hac": "", "k7fp-m3xw-z9rt-hacd2": "", "k7fp-m3xw-z9rt-hacd-2345": "", "k7fp-m3xw-z9rt-hacd-2345-67892": "", "k7fp-m3xw-z9rt-hac0": "", "k7fp-m3xw-z9rt-hacl": "", "\u212a7fp-m3xw-z9rt-hacd": "",
		strings.Repeat(" ", 60) + "123456": "", strings.Repeat("1", 100_000): "",
	} {
		if got, kind := parseCode(typed); got != want || (kind == noCode) != (want == "") {
			t.Errorf("%.40q is read as %q, %d; want %q", typed, got, kind, want)
		}
	}
}

func FuzzCode(f *testing.F) {
	for _, seed := range []string{"123456", "k7fp-m3xw-z9rt-hacd", " 123 456", "١٢٣٤٥٦", "\xff", "\u212a", strings.Repeat("-", 70)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, kind := parseCode(typed)
		switch {
		case kind == noCode && code == "":
		case kind == appCode && len(code) == 6 && strings.Trim(code, "0123456789") == "":
		case kind == recoveryCode && (len(code) == 24 || len(code) == 16) && strings.Trim(code, suggestionAlphabet) == "":
		default:
			t.Fatalf("%q is read as %q, %d", typed, code, kind)
		}
		if again, same := parseCode(code); again != code || same != kind {
			t.Errorf("%q is read as %q, and that as %q", typed, code, again)
		}
		if kind != noCode && !utf8.ValidString(code) {
			t.Errorf("%q is no text", code)
		}
	})
}

func TestRecoveryCodesAreReadBack(t *testing.T) {
	if bits := math.Log2(float64(len(suggestionAlphabet))) * recoveryGroups * recoveryGroup; bits < 112 {
		t.Errorf("a code has %.1f random bits", bits)
	}
	seen := map[string]bool{}
	for range 1000 {
		code := newRecoveryCode()
		if plain, kind := parseCode(code); kind != recoveryCode || plain != strings.ReplaceAll(code, "-", "") || seen[plain] {
			t.Fatalf("%q is read as %q, %d", code, plain, kind)
		} else {
			seen[plain] = true
		}
	}
}
