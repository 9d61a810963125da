package models

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
)

// mailboxHash is an argon2id hash as Dovecot reads it: the scheme in braces first.
func mailboxHash(encoded string) string { return "{ARGON2ID}" + encoded }

// maxMailboxHash bounds what ParseMailboxHash looks at; the longest true one has about 180 octets.
const maxMailboxHash = 512

// The forms of crypt(3) and of libsodium that Dovecot 2.3 verifies.
var (
	argon2iShape  = regexp.MustCompile(`^\$argon2i\$v=19\$m=[0-9]{1,7},t=[0-9]{1,4},p=[0-9]{1,3}\$[A-Za-z0-9+/]{11,64}\$([A-Za-z0-9+/]{22}|[A-Za-z0-9+/]{32}|[A-Za-z0-9+/]{43}|[A-Za-z0-9+/]{86})$`)
	argon2idShape = regexp.MustCompile(`^\$argon2id\$v=19\$m=[0-9]{1,7},t=[0-9]{1,4},p=[0-9]{1,3}\$[A-Za-z0-9+/]{11,64}\$([A-Za-z0-9+/]{22}|[A-Za-z0-9+/]{32}|[A-Za-z0-9+/]{43}|[A-Za-z0-9+/]{86})$`)
	bcryptShape   = regexp.MustCompile(`^\$2[abxy]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$`)
	sha512Shape   = regexp.MustCompile(`^\$6\$(rounds=[0-9]{4,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{86}$`)
	sha256Shape   = regexp.MustCompile(`^\$5\$(rounds=[0-9]{4,9}\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{43}$`)
	md5Shape      = regexp.MustCompile(`^\$1\$[./A-Za-z0-9]{1,8}\$[./A-Za-z0-9]{22}$`)
	yescryptShape = regexp.MustCompile(`^\$y\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}$`)
	pbkdf2Shape   = regexp.MustCompile(`^\$1\$[./A-Za-z0-9+=]{1,64}\$[1-9][0-9]{0,7}\$[0-9a-f]{40}$`)
	scramShape    = regexp.MustCompile(`^[1-9][0-9]{3,7},([A-Za-z0-9+/]+=*),([A-Za-z0-9+/]+=*),([A-Za-z0-9+/]+=*)$`)
)

// A hashScheme of Dovecot; ok says whether a value has its shape. encoding is
// "", or what the scheme's name ended in.
type hashScheme func(value, encoding string) bool

// shaped is a scheme whose values are text of a form of their own.
func shaped(shapes ...*regexp.Regexp) hashScheme {
	return func(value, encoding string) bool {
		for _, shape := range shapes {
			if encoding == "" && shape.MatchString(value) {
				return true
			}
		}
		return false
	}
}

// salted is a digest of so many octets with a salt behind it, encoded whole.
func salted(size int) hashScheme {
	return func(value, encoding string) bool {
		decode := base64.StdEncoding.Strict().DecodeString
		if encoding == "HEX" {
			decode = hex.DecodeString
		}
		octets, err := decode(value)
		return err == nil && len(octets) > size && len(octets) <= size+64
	}
}

// scram is RFC 5803's iterations, salt, stored key and server key as Dovecot writes them.
func scram(size int) hashScheme {
	return func(value, encoding string) bool {
		m := scramShape.FindStringSubmatch(value)
		if m == nil || encoding != "" {
			return false
		}
		for i, part := range m[1:] {
			octets, err := base64.StdEncoding.Strict().DecodeString(part)
			if err != nil || i > 0 && len(octets) != size {
				return false
			}
		}
		return true
	}
}

// hashSchemes are the schemes that are taken over: salted and one-way. A nil one
// is known to Dovecot and refused, since it is the password itself, stands for
// it on the wire, or is found in a table at once.
var hashSchemes = map[string]hashScheme{
	"ARGON2ID": shaped(argon2idShape), "ARGON2I": shaped(argon2iShape), "BLF-CRYPT": shaped(bcryptShape),
	"SHA512-CRYPT": shaped(sha512Shape), "SHA256-CRYPT": shaped(sha256Shape), "MD5-CRYPT": shaped(md5Shape),
	"CRYPT":  shaped(bcryptShape, sha512Shape, sha256Shape, md5Shape, yescryptShape),
	"PBKDF2": shaped(pbkdf2Shape), "SCRAM-SHA-256": scram(32), "SCRAM-SHA-1": scram(20),
	"SSHA512": salted(64), "SSHA256": salted(32), "SSHA": salted(20), "SMD5": salted(16),

	"PLAIN": nil, "CLEAR": nil, "CLEARTEXT": nil, "PLAIN-TRUNC": nil,
	"SHA": nil, "SHA1": nil, "SHA256": nil, "SHA512": nil, "MD5": nil, "PLAIN-MD4": nil, "PLAIN-MD5": nil, "LDAP-MD5": nil,
	"HMAC-MD5": nil, "CRAM-MD5": nil, "DIGEST-MD5": nil, "NTLM": nil, "LANMAN": nil, "RPA": nil, "OTP": nil, "DES-CRYPT": nil,
}

// bareHashes are the forms that say by themselves what they are.
var bareHashes = []struct {
	scheme string
	shape  *regexp.Regexp
}{
	{"ARGON2ID", argon2idShape},
	{"ARGON2I", argon2iShape},
	{"BLF-CRYPT", bcryptShape},
	{"SHA512-CRYPT", sha512Shape},
	{"SHA256-CRYPT", sha256Shape},
	{"MD5-CRYPT", md5Shape},
	{"CRYPT", yescryptShape},
}

// ParseMailboxHash gives a password hash of another system as Dovecot 2.3 reads
// it, with its scheme in braces first. "" stands for no password and is
// accepted. Accepted are the salted one-way schemes, each in its own shape, and
// the forms of crypt(3) without a scheme. Refused are passwords in plain text,
// unsalted digests, and schemes whose value serves instead of the password. The
// message never repeats the text, which may be a password.
func ParseMailboxHash(text string) (string, *Message) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", nil
	}
	if len(text) > maxMailboxHash {
		return "", &Message{Key: "password.hash.plain"}
	}
	if text[0] != '{' {
		for _, bare := range bareHashes {
			if bare.shape.MatchString(text) {
				return "{" + bare.scheme + "}" + text, nil
			}
		}
		return "", &Message{Key: "password.hash.plain"}
	}
	prefix, value, closed := strings.Cut(text[1:], "}")
	name, encoding, _ := strings.Cut(strings.ToUpper(prefix), ".")
	scheme, known := hashSchemes[name]
	switch {
	case !closed || !known: // the name may be part of a password: not told
		return "", &Message{Key: "password.hash.plain"}
	case scheme == nil:
		return "", &Message{Key: "password.hash.refused", Args: []any{"Scheme", name}}
	case encoding != "" && encoding != "HEX" && encoding != "B64" && encoding != "BASE64" || !scheme(value, encoding):
		return "", &Message{Key: "password.hash.malformed", Args: []any{"Scheme", name}}
	}
	return "{" + strings.ToUpper(prefix) + "}" + value, nil
}
