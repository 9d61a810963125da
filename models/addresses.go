package models

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"
)

// One parser for each kind of name that people type, and one normal form behind
// it: what these functions return is what the database holds and what two names
// are compared by. Nothing else in the program takes names apart.

// DefaultSuffix is what customer identifiers end in unless the operator says
// otherwise, as in ab1234-mdt.
const DefaultSuffix = "mdt"

// Limits of RFC 5321, in octets.
const (
	maxLocalPart = 64
	maxAddress   = 254
)

var (
	identifierShape = regexp.MustCompile(`^[a-z]{2}[0-9]{1,9}-[a-z]{2,5}$`)
	agentShape      = regexp.MustCompile(`^[a-z][a-z0-9-]{2,31}$`)
)

// ParseIdentifier gives the normal form of a customer identifier: two letters,
// one to nine digits, a hyphen, two to five letters, in lower case. It is
// accepted in any case and between spaces. ok is false for any other shape;
// that the customer exists is not asked.
func ParseIdentifier(text string) (identifier string, ok bool) {
	identifier, ok = lowerASCII(strings.TrimSpace(text))
	if !ok || !identifierShape.MatchString(identifier) {
		return "", false
	}
	return identifier, true
}

// ParseAgentIdentifier gives the normal form of the identifier of a support
// agent: a letter, then 2 to 31 letters, digits and hyphens, in lower case. What
// a customer's identifier looks like is refused, so that the two never meet.
func ParseAgentIdentifier(text string) (identifier string, ok bool) {
	identifier, ok = lowerASCII(strings.TrimSpace(text))
	if !ok || !agentShape.MatchString(identifier) || identifierShape.MatchString(identifier) {
		return "", false
	}
	return identifier, true
}

// lowerASCII lowers A to Z. ok is false when text holds anything beyond ASCII:
// Unicode's own lower case would make a plain k of the kelvin sign.
func lowerASCII(text string) (lower string, ok bool) {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return "", false
		}
	}
	return strings.ToLower(text), true
}

// SplitIdentifiers takes apart what was typed into a field for several
// identifiers, at commas, semicolons, spaces and line ends. The pieces stay as
// typed and in their order; one that differs from an earlier one in case only
// is left out. It does not judge their shape.
func SplitIdentifiers(text string) []string {
	pieces := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) })
	seen := make(map[string]bool, len(pieces))
	return slices.DeleteFunc(pieces, func(piece string) bool {
		lower := strings.ToLower(piece)
		again := seen[lower]
		seen[lower] = true
		return again
	})
}

// ParseLocalPart gives the normal form of what stands before the @: 1 to 64 of
// ASCII letters, digits, ".", "_" and "-", with no dot at an end or twice
// running, in lower case. Everything else that RFC 5321 would allow (quotes,
// "+", other alphabets) is refused with a message that says why.
func ParseLocalPart(text string) (string, *Message) {
	text = strings.TrimSpace(text)
	switch r, odd := firstOdd(text); {
	case text == "":
		return "", &Message{Key: "address.local.empty"}
	case odd && unicode.IsGraphic(r) && !unicode.IsSpace(r):
		return "", &Message{Key: "address.local.character", Args: []any{"Character", string(r)}}
	case odd:
		return "", &Message{Key: "address.local.characters"}
	case len(text) > maxLocalPart:
		return "", &Message{Key: "address.local.long", Args: []any{"Max", maxLocalPart}}
	case text[0] == '.' || text[len(text)-1] == '.' || strings.Contains(text, ".."):
		return "", &Message{Key: "address.local.dots"}
	}
	return strings.ToLower(text), nil
}

// firstOdd finds the first character that no local part may have. A letter
// typed as two characters (e and its accent) is told as the one that people see.
func firstOdd(text string) (odd rune, found bool) {
	at := strings.IndexFunc(text, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '.' || r == '_' || r == '-')
	})
	if at < 0 {
		return 0, false
	}
	odd, _ = utf8.DecodeRuneInString(text[at:])
	if unicode.Is(unicode.M, odd) && at > 0 {
		at--
		odd, _ = utf8.DecodeRuneInString(norm.NFC.String(text[at:min(len(text), at+utf8.UTFMax)]))
	}
	return odd, true
}

// domains is UTS #46 as browsers look names up, without its transitional
// mappings, and with DNS's limits on length, which idna.Lookup leaves out.
var domains = idna.New(
	idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true), idna.Transitional(false),
)

// ParseDomain gives the normal form of a domain: its A-labels (RFC 5891) in
// lower case, at least two. An IP address is refused, and so is a suffix under
// which the public registers names (com, co.uk). A top-level name that nobody
// runs on the Internet is accepted: RFC 6761 keeps example and test for such
// use, and an installation inside a company has names of its own.
func ParseDomain(text string) (string, *Message) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", &Message{Key: "address.domain.empty"}
	}
	// Four octets for each of the characters is the most that could shrink to a name of lawful length.
	if len(text) > 4*maxAddress {
		return "", &Message{Key: "address.long", Args: []any{"Max", maxAddress}}
	}
	domain, err := domains.ToASCII(text)
	if err != nil || !utf8.ValidString(text) || strings.HasSuffix(domain, ".") {
		return "", &Message{Key: "address.domain.shape"}
	}
	last := strings.LastIndexByte(domain, '.')
	if last < 0 {
		return "", &Message{Key: "address.domain.single"}
	}
	// RFC 3696, section 2: no top-level name is all digits, so this is an IP address or nothing.
	if _, err := netip.ParseAddr(domain); err == nil || strings.Trim(domain[last+1:], "0123456789") == "" {
		return "", &Message{Key: "address.domain.shape"}
	}
	if suffix, icann := publicsuffix.PublicSuffix(domain); icann && suffix == domain {
		return "", &Message{Key: "address.domain.public", Args: []any{"Domain", ReadableDomain(domain)}}
	}
	return domain, nil
}

// ParseAddress gives the normal forms of the two parts of an address. A display
// name, quotes or a comment around it are refused: net/mail would accept them,
// and change what was meant.
func ParseAddress(text string) (local, domain string, problem *Message) {
	text = strings.TrimSpace(text)
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return "", "", &Message{Key: "address.shape"}
	}
	if local, problem = ParseLocalPart(text[:at]); problem != nil {
		return "", "", problem
	}
	if domain, problem = ParseDomain(text[at+1:]); problem != nil {
		return "", "", problem
	}
	if problem = checkAddressLength(local, domain); problem != nil {
		return "", "", problem
	}
	return local, domain, nil
}

// ParseMailbox gives the normal form of any address that mail can be sent to:
// a target of a redirection, a subscriber. Outside of our own services a local
// part may have every character of a dot-atom (RFC 5322, 3.2.3), "+" and "'"
// among them; quotes, a display name and other alphabets are refused. Case is
// not kept: no server that people write to tells two mailboxes apart by it.
func ParseMailbox(text string) (address string, problem *Message) {
	text = strings.TrimSpace(text)
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return "", &Message{Key: "address.shape"}
	}
	local, ok := lowerASCII(text[:at])
	switch {
	case at == 0:
		return "", &Message{Key: "address.local.empty"}
	case !ok || strings.ContainsFunc(local, func(r rune) bool { return !atext(r) && r != '.' }):
		return "", &Message{Key: "address.mailbox.characters"}
	case len(local) > maxLocalPart:
		return "", &Message{Key: "address.local.long", Args: []any{"Max", maxLocalPart}}
	case local[0] == '.' || local[len(local)-1] == '.' || strings.Contains(local, ".."):
		return "", &Message{Key: "address.local.dots"}
	}
	domain, problem := ParseDomain(text[at+1:])
	if problem == nil {
		problem = checkAddressLength(local, domain)
	}
	if problem != nil {
		return "", problem
	}
	return local + "@" + domain, nil
}

// atext is the class of that name of RFC 5322.
func atext(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// WithoutDetail is an address without what follows a "+" in its local part
// (RFC 5233): where mail to the sub-address is delivered by our own servers.
func WithoutDetail(address string) string {
	at := strings.LastIndexByte(address, '@')
	if plus := strings.IndexByte(address, '+'); plus > 0 && plus < at {
		return address[:plus] + address[at:]
	}
	return address
}

// Outside says whether an address is not of the service of that domain: mail
// that goes there leaves it.
func Outside(address, domain string) bool { return !strings.HasSuffix(address, "@"+domain) }

// Reserved says whether a local part is one that every domain must answer for
// (RFC 2142, RFC 5321 4.5.1): people write to it about the domain itself. It may
// be an account or a redirection; a list, or a responder without a mailbox, may
// not take it.
func Reserved(local string) bool { return local == Postmaster || local == "abuse" }

// checkAddressLength is for the two parts of an address that were parsed apart.
func checkAddressLength(local, domain string) *Message {
	if len(local)+1+len(domain) > maxAddress {
		return &Message{Key: "address.long", Args: []any{"Max", maxAddress}}
	}
	return nil
}

// ReadableDomain is a domain as people write it, in U-labels. What does not
// come back to the same A-label when typed is shown as it is.
func ReadableDomain(aLabel string) string {
	if !strings.Contains(aLabel, "xn--") {
		return aLabel
	}
	readable, err := domains.ToUnicode(aLabel)
	if err != nil {
		return aLabel
	}
	if back, err := domains.ToASCII(readable); err != nil || back != aLabel {
		return aLabel
	}
	return readable
}

// ReadableAddress is an address with its domain as people write it.
func ReadableAddress(address string) string {
	at := strings.LastIndexByte(address, '@')
	return address[:at+1] + ReadableDomain(address[at+1:])
}

// Bounds of the search words of one account.
const (
	maxWords = 12
	maxWord  = 32 // characters
)

// words are what an account is found by: its local part whole and in pieces,
// and the words of its description, folded, each once.
func words(local, description string) []string {
	found := make([]string, 0, maxWords)
	add := func(word string) bool {
		if word = shorten(word, maxWord); !slices.Contains(found, word) {
			found = append(found, word)
		}
		return len(found) < maxWords
	}
	local = fold(local)
	if local != "" {
		add(local)
	}
	for _, text := range []string{local, fold(description)} {
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !inWord(r) }) {
			if !add(word) {
				return found
			}
		}
	}
	return found
}

// foldQuery is one typed word as [words] would hold it, so that its beginning
// finds it. Punctuation stays: "jean.d" is the beginning of a local part.
func foldQuery(q string) string { return shorten(strings.TrimSpace(fold(q)), maxWord) }

// inWord keeps vowel signs that stand beside their letter (Mc) within the word.
func inWord(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mc, r)
}

// Letters that people leave out or write apart on a keyboard that lacks them,
// and that Unicode does not decompose.
var plainLetters = strings.NewReplacer("œ", "oe", "æ", "ae", "ß", "ss", "ø", "o", "ł", "l", "đ", "d")

// fold makes equal what people do not tell apart when they search: case and
// diacritics. Control characters, not all of which PostgreSQL takes, part words.
func fold(text string) string {
	lower := strings.ToLower(norm.NFD.String(strings.ToValidUTF8(text, " ")))
	return plainLetters.Replace(strings.Map(func(r rune) rune {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
			return -1
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, lower))
}

// shorten gives the first n characters of text.
func shorten(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}
