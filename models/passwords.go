package models

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/text/unicode/norm"
)

// # Why argon2id with these figures, and a gate before it
//
// 19 MiB and two passes is OWASP's first choice, about 30 ms of one core.
// Each hash under way holds its 19 MiB, so the number at once is bounded, and so
// is the queue before it: a flood of sign-ins costs those who sign in a wait,
// never the process its memory.

var hashParams = argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// dummyHash is of a random password that nobody kept. Comparing with it takes
// as long as comparing with the hash of somebody who exists.
const dummyHash = "$argon2id$v=19$m=19456,t=2,p=1$4dsz816WhOOkmMP9JgmHPw$wmJNXtFOv0SpxXjfnVVWABDfkFf1ic6JF2fCtzO3lqM"

const (
	hashWait  = 2 * time.Second // longest stay in the queue
	hashQueue = 64              // waiting for each hash at once: about what two seconds carry out
)

// gate lets a bounded number of hashes be made at once, and a bounded number wait.
type gate struct{ slots, queue chan struct{} }

func newGate(n int) gate {
	return gate{slots: make(chan struct{}, n), queue: make(chan struct{}, n*hashQueue)}
}

// enter waits for a slot; leave gives it back and must be called once. ErrBusy
// when the queue is full or two seconds were not enough, ctx's error when ctx ends.
func (g gate) enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case g.queue <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	defer func() { <-g.queue }()
	late := time.NewTimer(hashWait)
	defer late.Stop()
	select {
	case g.slots <- struct{}{}:
		return func() { <-g.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late.C:
		return nil, ErrBusy
	}
}

// hashPassword makes the argon2id hash of a password in the PHC string format.
// It takes long: never call it within a transaction. ErrBusy when too many wait.
func (s *Store) hashPassword(ctx context.Context, password string) (string, error) {
	leave, err := s.hashing.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	return argon2id.CreateHash(prepared(password), &hashParams)
}

// verifyPassword says whether password is the one that was hashed, and whether
// the hash is weaker than those made today, so that the caller makes a new one.
// Nobody has the empty hash: the answer is no, after the same work as for
// somebody. It takes long: never call it within a transaction. ErrBusy when too
// many wait; any other error means that encoded is no argon2id hash.
func (s *Store) verifyPassword(ctx context.Context, password, encoded string) (ok, weak bool, err error) {
	leave, err := s.hashing.enter(ctx)
	if err != nil {
		return false, false, err
	}
	defer leave()
	against := encoded
	if encoded == "" {
		against = dummyHash
	}
	match, p, err := argon2id.CheckHash(prepared(password), against)
	if err != nil {
		return false, false, fmt.Errorf("stored password hash: %w", err)
	}
	weak = p.Memory < hashParams.Memory || p.Iterations < hashParams.Iterations || p.SaltLength < hashParams.SaltLength || p.KeyLength < hashParams.KeyLength
	return match && encoded != "", weak, nil
}

// prepared makes equal what different keyboards send for the same characters:
// RFC 8265's OpaqueString, that is Unicode's form NFC with one kind of space.
// OpaqueString also refuses characters (joined emoji, those newer than its
// tables); here all count, and what cannot be typed is refused by the rules below.
func prepared(password string) string {
	return norm.NFC.String(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Zs, r) {
			return ' '
		}
		return r
	}, password))
}

// Lengths of passwords in characters. The upper one keeps what is sent bounded.
const (
	MinCustomerPassword = 15 // as the only factor
	MinWithFactor       = 10 // of a customer who has a second one
	MinMailboxPassword  = 12
	MaxPassword         = 128
)

// checkCustomerPassword says what is wrong with a new password for the panel:
// too short or long, on the list of common ones, or easy to guess from its
// pattern or from context, which are the customer's identifier, name, domains
// and the like. There are no rules on kinds of characters.
func checkCustomerPassword(password string, least int, context ...string) []Message {
	return checkPassword(password, least, "password.context", context)
}

// LeastPassword is that of by's ways in.
func (s *Store) LeastPassword(ctx context.Context, by Actor) (int, error) {
	if by.Agent != 0 {
		return MinCustomerPassword, nil
	}
	w, err := s.waysIn(s.db.WithContext(ctx), person{CustomerID: by.Customer}, Offered{})
	return w.LeastPassword(), err
}

// shortPassword says that a password needs a second factor beside it.
func shortPassword(password string) bool {
	return utf8.RuneCountInString(prepared(password)) < MinCustomerPassword
}

// checkMailboxPassword is the same for the password of a mailbox, which may be
// shorter. Mail programs send what was typed, and Dovecot compares that to the
// octet: so a space other than the usual one is refused here.
func checkMailboxPassword(password, address string) []Message {
	for _, r := range password {
		if r != ' ' && unicode.Is(unicode.Zs, r) {
			return []Message{{Key: "password.space"}}
		}
	}
	return checkPassword(password, MinMailboxPassword, "password.address", []string{ReadableAddress(address), address})
}

func checkPassword(password string, least int, contextKey string, context []string) []Message {
	typed := password
	password = prepared(typed)
	switch n := utf8.RuneCountInString(password); {
	case n < least:
		return []Message{{Key: "password.short", Args: []any{"Min", least}}}
	case n > MaxPassword:
		return []Message{{Key: "password.long", Args: []any{"Max", MaxPassword}}}
	case strings.ContainsFunc(password, unicode.IsControl) || !utf8.ValidString(typed):
		return []Message{{Key: "password.control"}}
	}
	if key := guessable(fold(password), contextKey, context); key != "" {
		return []Message{{Key: key}}
	}
	if listed(password) {
		return []Message{{Key: "password.common"}}
	}
	return nil
}

// commonPasswords are the 10,000 most frequent passwords of 10 and 11 characters,
// and as many of 12 and more, in SecLists' ten million (MIT licence) that the
// rules below let through, folded: the first eight octets of the SHA-256 of each,
// sorted. Hashes, since many are nothing one would want to read. The test of this
// file makes them.
//
//go:embed passwords.blocklist
var commonPasswords []byte

const listedSize = 8

func listed(password string) bool {
	sum := sha256.Sum256([]byte(fold(password)))
	lo, hi := 0, len(commonPasswords)/listedSize
	for lo < hi {
		mid := (lo + hi) / 2
		switch bytes.Compare(commonPasswords[mid*listedSize:(mid+1)*listedSize], sum[:listedSize]) {
		case 0:
			return true
		case -1:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return false
}

// commonWords are what people's passwords are made of, in the languages of the panel.
var commonWords = strings.Fields(`
	admin administrateur administrator azerty batman bienvenue bonjour changeme changezmoi chouchou coucou default defaut
	doudou dragon football guest hello iloveyou invite jetaime letmein loulou mandat marseille master monkey motdepasse
	passe password passwort pokemon princess princesse qwerty qwertz secret shadow soleil starwars sunshine superman
	temporaire trustno utilisateur welcome whatever`)

// walks are the orders in which fingers and memory run; each also backwards.
var walks = func() []string {
	all := []string{
		"abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
		"qwertzuiop", "yxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp", "1q2w3e4r5t6y7u8i9o0p", "1a2z3e4r5t6y7u8i9o0p",
	}
	for _, walk := range slices.Clone(all) {
		back := []rune(walk)
		slices.Reverse(back)
		all = append(all, string(back))
	}
	return all
}()

const (
	leastGuess   = 4 // characters from which on a word, a walk or a repetition counts
	leastUnknown = 8 // characters that must be left without them
)

// guessable takes away what a guesser has for free (words of the context, common
// words, walks over keyboard and alphabet, repetitions) and names the reason
// that took most when too little is left; "" when enough is.
func guessable(password, contextKey string, context []string) string {
	plain := []rune(password)
	leet := []rune(unleet.Replace(password))
	why := make([]string, len(plain)) // for each character the reason why it counts for nothing
	take := func(key string, at, n int) {
		for i := at; i < at+n; i++ {
			if why[i] == "" {
				why[i] = key
			}
		}
	}
	takeWord := func(key, word string) {
		w := []rune(word)
		if len(w) < leastGuess {
			return
		}
		for at := 0; at+len(w) <= len(plain); at++ {
			if slices.Equal(plain[at:at+len(w)], w) || slices.Equal(leet[at:at+len(w)], w) {
				take(key, at, len(w))
			}
		}
	}
	for _, text := range context {
		text = fold(text)
		takeWord(contextKey, text)
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !inWord(r) }) {
			takeWord(contextKey, word)
		}
	}
	for _, word := range commonWords {
		takeWord("password.common", word)
	}
	for at := range plain {
		if n := max(longestWalk(plain[at:]), longestRepeat(plain, at)); n >= leastGuess {
			take("password.pattern", at, n)
		}
	}

	count := map[string]int{}
	for _, key := range why {
		count[key]++
	}
	if count[""] >= leastUnknown || count[""] == len(why) {
		return ""
	}
	worst := contextKey
	for _, key := range []string{"password.common", "password.pattern"} {
		if count[key] > count[worst] {
			worst = key
		}
	}
	return worst
}

// unleet undoes the usual disguises, each of one octet for one letter.
var unleet = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

// longestWalk is how many characters at the beginning of text follow one of the walks.
func longestWalk(text []rune) int {
	longest := 0
	for _, walk := range walks {
		for from := range walk {
			n := 0
			for n < len(text) && from+n < len(walk) && text[n] == rune(walk[from+n]) {
				n++
			}
			longest = max(longest, n)
		}
	}
	return longest
}

// longestRepeat is how many characters from at on repeat what stands before.
func longestRepeat(text []rune, at int) int {
	longest := 0
	for from := range at {
		n := 0
		for at+n < len(text) && text[from+n] == text[at+n] {
			n++
		}
		longest = max(longest, n)
	}
	return longest
}

// suggestionAlphabet lacks what people confuse when they read aloud or copy: 0 o 1 i l.
const suggestionAlphabet = "23456789abcdefghjkmnpqrstuvwxyz"

// SuggestPassword makes a random mailbox password of 99 bits, in four groups
// that can be read aloud: "k7fpq-m3xwz-9rtha-cd4ns". It keeps the rules.
func SuggestPassword() string {
	for {
		var b strings.Builder
		for group := range 4 {
			if group > 0 {
				b.WriteByte('-')
			}
			for range 5 {
				b.WriteByte(randomLetter())
			}
		}
		if p := b.String(); checkMailboxPassword(p, "") == nil {
			return p
		}
	}
}

// randomLetter draws five bits, again when they fall outside the alphabet, so that all letters are equally likely.
func randomLetter() byte {
	var b [1]byte
	for {
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program rather
		if i := int(b[0] & 31); i < len(suggestionAlphabet) {
			return suggestionAlphabet[i]
		}
	}
}
