package main

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// What the detail of an address of a list asks for. None is a message to the list.
const (
	wordSubscribe   = "subscribe"
	wordUnsubscribe = "unsubscribe"
	wordConfirm     = "confirm" // and a token, as the next two
	wordAccept      = "accept"
	wordReject      = "reject"
	wordBounces     = "bounces"
	wordHelp        = "help"
	wordOwner       = "owner"
)

// forwardDomain is the way from Postfix to here for what is to no list; see
// mta.aliases and bounces.regexp. No mail from outside reaches it.
const forwardDomain = "forward.invalid"

// recipient is what an address that Postfix hands over means.
type recipient struct {
	list        string // address of the list; "" for a redirection or what came back
	word        string // "" for a message
	token       string
	redirection int64
	digest      string // of the redirection's target
}

// tokenShape is how newToken, and the database, write one.
var tokenShape = regexp.MustCompile(`^[a-j2-7]{32}$`)

var forwardShape = regexp.MustCompile(`^([0-9]{1,18})-([0-9a-f]{32})$`)

// newToken is 128 bits of chance, in letters that keep their meaning whatever
// their case. Those of deliveries are made by the database, in the same form.
func newToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return strings.NewReplacer("0", "g", "1", "h", "8", "i", "9", "j").Replace(hex.EncodeToString(b[:]))
}

// tokenSQL makes the same in a statement.
const tokenSQL = `translate(replace(gen_random_uuid()::text, '-', ''), '0189', 'ghij')`

// parseRecipient reads an address; ok is false for one that means nothing here.
func parseRecipient(address string) (r recipient, ok bool) {
	local, domain, found := strings.Cut(strings.ToLower(address), "@")
	if !found || local == "" || domain == "" || strings.Contains(domain, "@") {
		return r, false
	}
	base, detail, _ := strings.Cut(local, "+")
	if domain == forwardDomain {
		if token, isBounce := strings.CutPrefix(base, wordBounces+"-"); isBounce && tokenShape.MatchString(token) {
			return recipient{word: wordBounces, token: token}, true
		}
		m := forwardShape.FindStringSubmatch(base)
		if m == nil {
			return r, false
		}
		id, err := strconv.ParseInt(m[1], 10, 64)
		return recipient{redirection: id, digest: m[2]}, err == nil
	}
	if base == "" {
		return r, false
	}
	r.list = base + "@" + domain
	word, token, _ := strings.Cut(detail, "-")
	switch word {
	case "", wordSubscribe, wordUnsubscribe, wordHelp, wordOwner:
		r.word = word
		return r, token == "" && !strings.Contains(detail, "-")
	case wordConfirm, wordAccept, wordReject, wordBounces:
		r.word, r.token = word, token
		return r, tokenShape.MatchString(token)
	}
	return r, false
}

// withDetail is an address with a detail.
func withDetail(address, detail string) string {
	local, domain, _ := strings.Cut(address, "@")
	return local + "+" + detail + "@" + domain
}
