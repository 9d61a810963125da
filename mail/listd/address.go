package main

import (
	"crypto/rand"
	"regexp"
	"strconv"
	"strings"
)

// A purpose is what mail to an address is for.
type purpose string

// The first is a list's own address; the next are its sub-addresses, as they
// stand behind its "+"; the last is a redirection's way out.
const (
	forPost        purpose = ""
	forSubscribe   purpose = "subscribe"
	forUnsubscribe purpose = "unsubscribe"
	forHelp        purpose = "help"
	forOwner       purpose = "owner"
	forConfirm     purpose = "confirm"
	forAccept      purpose = "accept"
	forReject      purpose = "reject"
	forDiscard     purpose = "discard"
	forBounce      purpose = "bounces"
	forForward     purpose = "forward"
)

// forwardDomain is where Postfix sends what goes out by us: no domain of
// anybody's (RFC 2606).
const forwardDomain = "forward.invalid"

// recipient is an address of ours, taken apart.
type recipient struct {
	purpose     purpose
	base        string // of the list; "" where the token alone says what it is about
	token       string
	redirection int64  // of a forward
	digest      string // of a forward: its target
}

var (
	tokenShape    = regexp.MustCompile(`^[a-z2-7]{26}$`)
	forwardShape  = regexp.MustCompile(`^([0-9]{1,18})-([0-9a-f]{32})$`)
	mailboxLocal  = regexp.MustCompile(`^[a-z0-9!#$%&'*+/=?^_{|}~` + "`" + `-]+(\.[a-z0-9!#$%&'*+/=?^_{|}~` + "`" + `-]+)*$`)
	mailboxDomain = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$`)
)

// newToken is 128 bits of chance, in 26 letters and digits.
func newToken() string { return strings.ToLower(rand.Text()) }

// mailbox is the normal form of an address to which we write, in lower case as
// the panel keeps it; ok says that it is one bare address, in ASCII, without
// quotes. Everything else is answered by nobody and belongs to no subscriber.
func mailbox(text string) (address string, ok bool) {
	address = strings.ToLower(text)
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at > 64 || len(address) > 254 || !mailboxLocal.MatchString(address[:at]) || !mailboxDomain.MatchString(address[at+1:]) {
		return "", false
	}
	return address, true
}

// parseRecipient takes an address apart by its shape alone; false when nothing
// has that shape. Case says nothing.
func parseRecipient(address string) (r recipient, ok bool) {
	address = strings.ToLower(address)
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return r, false
	}
	local, domain := address[:at], address[at+1:]
	if domain == forwardDomain {
		return parseForward(local)
	}
	if i := strings.LastIndex(local, "+bounces-"); i > 0 {
		return parseToken(local[i+1:])
	}
	name, detail, _ := strings.Cut(local, "+")
	if r, ok = parseToken(detail); ok && name == nobodys {
		return r, true
	}
	r.base, ok = mailbox(name + "@" + domain)
	switch p := purpose(detail); {
	case !ok:
		return recipient{}, false
	case r.token != "":
		return r, true
	case p == forPost:
		return r, name == local
	case p == forSubscribe, p == forUnsubscribe, p == forHelp, p == forOwner:
		r.purpose = p
		return r, true
	}
	return r, false
}

// parseForward reads a local part of our own domain.
func parseForward(local string) (r recipient, ok bool) {
	if r, ok = parseToken(local); ok {
		return r, true
	}
	local, _, _ = strings.Cut(local, "+")
	parts := forwardShape.FindStringSubmatch(local)
	if parts == nil {
		return r, false
	}
	id, err := strconv.ParseInt(parts[1], 10, 64)
	return recipient{purpose: forForward, redirection: id, digest: parts[2]}, err == nil
}

// parseToken reads a purpose and a token, as accept-TOKEN.
func parseToken(detail string) (r recipient, ok bool) {
	word, token, _ := strings.Cut(detail, "-")
	switch p := purpose(word); p {
	case forConfirm, forAccept, forReject, forDiscard, forBounce:
		if tokenShape.MatchString(token) {
			return recipient{purpose: p, token: token}, true
		}
	}
	return recipient{}, false
}

// nobodys is the local part under which a token stands where a list's name leaves
// no room for it: Postfix takes what is written to it with one for ours.
const nobodys = "postmaster"

// sub is a sub-address of an address. A local part has 64 octets (RFC 5321,
// 4.5.3.1.1), and some servers refuse to write to a longer one: a token, which
// says by itself what it is about, then stands under another name.
func sub(base string, p purpose, token string) string {
	detail := string(p)
	if token != "" {
		detail += "-" + token
	}
	at := strings.LastIndexByte(base, '@')
	local := base[:at] + "+" + detail
	if token != "" && len(local) > 64 {
		local = nobodys + "+" + detail
	}
	return local + base[at:]
}
