package connect

import (
	"bytes"
	"strings"
	"testing"

	"example.org/mandat/mail/imap"
)

func TestTheScannerTellsLiteralsFromLines(t *testing.T) {
	for _, c := range []struct {
		text string
		most int64
		in   bool
	}{
		{"* OK hello\r\n", 10, true},
		{"* 1 FETCH (BODY[] {5}\r\nhello UID 3)\r\n", 5, true},
		{"* 1 FETCH (BODY[] {5}\r\nhello UID 3)\r\n", 4, false},
		{"* 1 FETCH (BODY[] {5+}\r\nhello)\r\n", 4, true}, // none of a server's
		{"* 1 FETCH (BODY[] {70000}\r\n" + strings.Repeat("x", 70000) + ")\r\n", 70000, true},
		{"* OK {70000} \r\n" + strings.Repeat("x", 70000), 70000, false},
		{"* OK {70000}x\r\n" + strings.Repeat("x", 70000), 70000, false},
		{"* LIST {0}\r\n\r\n* OK\r\n", 10, true},
		{"* LIST {}\r\n", 10, true},
		{strings.Repeat("x", maxLine+1), 10, false},
		{"* LIST " + strings.Repeat("x", maxLine-17) + "{3}\r\nabc" + strings.Repeat("y", 20), 10, false}, // one answer still
		{"* LIST {99999999999999999999999999999999}\r\n", 1 << 39, false},
		{"* LIST () \"/\" \"{99}\r\n", 10, false}, // no string has a line end
		{"* LIST () \"/\" \"{99}\\\"\"\r\n", 10, true},
		{"* LIST {5} \r\nhello\r\n", 10, false},
		// The library would look at these for ever, or hide such a one in what it passes over.
		{"* OK [CAPABILITY IMAP4rev1(] hi\r\n", 10, false},
		{"* OK [CAPABILITY(] hi\r\n", 10, false},
		{"T1 OK [CAPABILITY IMAP4rev1 (] hi\r\n", 10, false},
		{"* 007 OK [CAPABILITY (] hi\r\n", 10, false},
		{"* CAPABILITY IMAP4rev1 (\r\n", 10, false},
		{"* CapabıLıty(\r\n", 10, false},
		{"* 7 enabled  (\r\n", 10, false},
		{"* OK [ALERT\r\n* LIST {9}]\r\n* CAPABILITY (", 10, false},
		{"* OK {20}\r\n* CAPABILITY (", 99, false},
		{"+ {20}\r\n* CAPABILITY (", 99, false},
		{"* OK [CAPABILITY IMAP4rev1 LITERAL+] Dovecot (Debian) ready.\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] Limited (yes)\r\n", 10, true},
		{"* STATUS CAPABILITY (UIDNEXT 5)\r\n* LIST (\\HasNoChildren) \"/\" ENABLED\r\n* LIST () \"/\" \"[CAPABILITY (\"\r\n", 10, true},
		{"* 1 FETCH (BODY[] {23}\r\n* CAPABILITY is it (yes) UID 3)\r\n", 99, true},
	} {
		for _, step := range []int{1, 3, len(c.text)} {
			s, in := scanner{}, true
			for p := []byte(c.text); len(p) > 0 && in; p = p[min(step, len(p)):] {
				in = s.feed(p[:min(step, len(p))], c.most)
			}
			if in != c.in {
				t.Errorf("%.60q in parts of %d: %v", c.text, step, in)
			}
		}
	}
}

// However what comes is parted, it is the same; and no answer is longer than it may be.
func FuzzScanner(f *testing.F) {
	f.Add([]byte("* 1 FETCH (BODY[] {5}\r\nhello UID 3)\r\n"), 3)
	f.Add([]byte("{0}\r\n{1}\r\n\n{}\r\n{5}\r{5}\n12345"), 1)
	f.Fuzz(func(t *testing.T, text []byte, step int) {
		if step < 1 {
			step = 1
		}
		whole, parts := scanner{}, scanner{}
		in, also := whole.feed(text, 100), true
		for p := text; len(p) > 0 && also; p = p[min(step, len(p)):] {
			also = parts.feed(p[:min(step, len(p))], 100)
		}
		if in != also || in && whole != parts {
			t.Fatalf("%v %+v, in parts %v %+v", in, whole, also, parts)
		}
		if in && (whole.left > 100 || whole.line > maxLine) {
			t.Fatalf("%+v", whole)
		}
	})
}

func FuzzCheckServer(f *testing.F) {
	for _, host := range []string{"imap.example.org", "127.0.0.1", "[::1]", "é.example", "0x7f.1", "a..b", "xn--a", "::ffff:1.2.3.4"} {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		p := Policy{}
		s, err := p.CheckServer(imap.Server{Host: host, Port: 993, Security: imap.TLS})
		if err != nil {
			return
		}
		if bytes.ContainsAny([]byte(s.Host), " \t\r\n/@\x00") || s.Host != strings.ToLower(s.Host) {
			t.Fatalf("%q", s.Host)
		}
		if _, literal, err := parseHost(s.Host); err != nil || literal.IsValid() && !p.allows(literal) {
			t.Fatalf("%q became %q: %v", host, s.Host, err)
		}
	})
}

func FuzzParseOwn(f *testing.F) {
	f.Add("imap://m:p@127.0.0.1:143")
	f.Add("imaps://m:p%40@[2001:db8::1]")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := ParseOwn(text)
		if err != nil {
			if len(text) > 8 && strings.Contains(err.Error(), text) {
				t.Fatal("the error repeats it")
			}
			return
		}
		if o.server.Security == imap.Plain && !loopback(o.server.Host) || o.server.Port < 1 || o.server.Port > 65535 {
			t.Fatalf("%+v", o.server)
		}
	})
}
