package sieve

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
)

// decode reads the encoded words (RFC 2047) of an unfolded header, wherever they
// stand: in practice they are also put into quoted strings and next to other
// text, and a server reads them there. White space between two of them goes. What
// is broken in a word, or not UTF-8 in the end, becomes U+FFFD, once in a row.
func decode(value string) string {
	var text []byte
	plain, at := 0, 0 // where what is not yet written begins; where a word is looked for
	for {
		next := strings.Index(value[at:], "=?")
		if next < 0 {
			break
		}
		at += next
		if strings.Trim(value[plain:at], " \t\r\n") != "" {
			text = appendValid(text, value[plain:at])
		}
		word, size, ok := decodeWord(value[at:])
		plain = at
		at += size
		if ok {
			text, plain = appendValid(text, word), at
		}
	}
	return strings.ReplaceAll(string(appendValid(text, value[plain:])), "\x00", " ")
}

// decodeWord decodes the word that the text begins with. The size is that of the
// word, or of "=?" where there is none.
func decodeWord(s string) (word string, size int, ok bool) {
	const opening, ending = "=?", "?="
	charset, rest, _ := strings.Cut(s[len(opening):], "?")
	encoding, rest, _ := strings.Cut(rest, "?")
	content, after, ok := strings.Cut(rest, "?")
	if !ok || !strings.HasPrefix(after, "=") {
		return "", len(opening), false
	}
	var octets []byte
	switch {
	case encoding == "":
		return "", len(opening), false
	case encoding[0] == 'q' || encoding[0] == 'Q':
		octets = decodeQ(content)
	case encoding[0] == 'b' || encoding[0] == 'B':
		octets = decodeB(content)
	default:
		return "", len(opening), false
	}
	size = len(opening) + len(charset) + 1 + len(encoding) + 1 + len(content) + len(ending)
	return toUTF8(charset, octets), size, true
}

// decodeQ decodes RFC 2047, 4.2; what is no hexadecimal number stays as it is.
func decodeQ(s string) []byte {
	octets := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			octets = append(octets, ' ')
		case s[i] == '=' && i+2 >= len(s):
			return append(octets, s[i:]...)
		case s[i] == '=':
			if b, err := hex.DecodeString(s[i+1 : i+3]); err == nil {
				octets = append(octets, b[0])
				i += 2
				continue
			}
			fallthrough
		default:
			octets = append(octets, s[i])
		}
	}
	return octets
}

// decodeB decodes base64 up to its padding or the first octet that is none.
func decodeB(s string) []byte {
	s = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(s)
	end := strings.IndexFunc(s, func(r rune) bool {
		return !('A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '+' || r == '/')
	})
	if end >= 0 {
		s = s[:end]
	}
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	octets, _ := base64.RawStdEncoding.DecodeString(s) // only its alphabet and length could be wrong
	return octets
}

// toUTF8 reads octets of a charset. One that is not known may still be mostly ASCII.
func toUTF8(charset string, octets []byte) string {
	switch lower(charset) {
	case "utf-8", "utf8", "us-ascii", "ascii":
		return string(octets)
	}
	encoding, err := ianaindex.MIME.Encoding(charset)
	if err != nil || encoding == nil {
		// GB2312 and others are there under the name of what contains them.
		if encoding, err = htmlindex.Get(charset); err != nil {
			return string(octets)
		}
	}
	text, err := encoding.NewDecoder().Bytes(octets)
	if err != nil {
		return string(octets)
	}
	return string(text)
}

// appendValid appends what is UTF-8 of a text, and U+FFFD for each run of what is not.
func appendValid(text []byte, s string) []byte {
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r != utf8.RuneError || size > 1:
			text = append(text, s[:size]...)
		case !strings.HasSuffix(string(text[max(0, len(text)-3):]), "\uFFFD"):
			text = append(text, "\uFFFD"...)
		}
		s = s[size:]
	}
	return text
}
