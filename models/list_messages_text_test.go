package models

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Whatever was sent, what a moderator reads of it is a short text.
func FuzzExcerpt(f *testing.F) {
	for _, content := range []string{
		"", "Subject: x\r\n\r\nBonjour\r\n", "Content-Type: text/html; charset=iso-2022-jp\r\n\r\n<p>\x1b$B", "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n",
		"Content-Type: multipart/alternative; boundary=X\r\n\r\n--X\r\nContent-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n//5CAA==\r\n--X\r\nContent-Type: text/html\r\n\r\n<p>B\r\n--X--",
		"Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=\r\n=A9 =\u202e", "Content-Disposition: attachment\r\n\r\nx", "\r\n" + strings.Repeat("ligne\n", 20) + strings.Repeat("x", 1000),
	} {
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		text := excerpt(content)
		if !utf8.ValidString(text) || utf8.RuneCountInString(text) > excerptChars+excerptLines+1 || strings.Count(text, "\n") >= excerptLines {
			t.Errorf("%q", text)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && unicode.IsControl(r) || r == '\u202e' }) {
			t.Errorf("%q has what has no shape", text)
		}
	})
}
