package probe

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// certificate is one for mx.example.org that ends at a moment.
func certificate(t *testing.T, until time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"mx.example.org"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until}
	text, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{text}, PrivateKey: key}
}

// submission greets, answers EHLO with an extension, and after STARTTLS with another.
func submission(t *testing.T, implicit bool, before, after string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	config := &tls.Config{Certificates: []tls.Certificate{certificate(t, time.Now().Add(time.Hour))}}
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if implicit {
			conn = tls.Server(conn, config)
		}
		_, _ = conn.Write([]byte("220 mx\r\n"))
		offer := before
		buffer := make([]byte, 512)
		for {
			n, err := conn.Read(buffer)
			switch line := string(buffer[:n]); {
			case err != nil:
				return
			case strings.HasPrefix(line, "EHLO"):
				_, _ = conn.Write([]byte("250-mx\r\n250 " + offer + "\r\n"))
			case strings.HasPrefix(line, "STARTTLS"):
				if before != "STARTTLS" {
					_, _ = conn.Write([]byte("502 what\r\n"))
					continue
				}
				_, _ = conn.Write([]byte("220 ready\r\n"))
				conn, offer = tls.Server(conn, config), after
			}
		}
	}()
	return l.Addr().String()
}

func TestSubmissionTakesPasswordsUnderTLSAlone(t *testing.T) {
	for name, c := range map[string]struct {
		secure, implicit bool
		before, after    string
		want             string
	}{
		"as it should be":           {true, false, "STARTTLS", "AUTH PLAIN LOGIN", ""},
		"passwords in clear":        {true, false, "AUTH PLAIN", "", "in clear"},
		"no TLS":                    {true, false, "SIZE", "", "502 what"},
		"nobody logs in":            {true, false, "STARTTLS", "SIZE", "nobody"},
		"TLS from the first octet":  {true, true, "AUTH PLAIN", "", ""},
		"there nobody logs in":      {true, true, "SIZE", "", "nobody"},
		"for trying out":            {false, false, "AUTH PLAIN", "", ""},
		"there nobody logs in, too": {false, false, "SIZE", "", "nobody"},
	} {
		err := Submission(t.Context(), submission(t, c.implicit, c.before, c.after), c.secure, c.implicit)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Submission(t.Context(), server(t, "421 later\r\n", nil), true, false); err == nil || !strings.Contains(err.Error(), "421") {
		t.Errorf("it is busy: %v", err)
	}
}

func TestDovecotIsAskedWhoMayLogIn(t *testing.T) {
	for lines, want := range map[string]string{
		"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nDONE\n": "",
		"VERSION\t1\t2\nMECH\tCRAM-MD5\nDONE\n":                                 "PLAIN",
		"220 mx\n":                                                              "before it is done",
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(lines))
			_, _ = conn.Read(make([]byte, 64))
			_ = conn.Close()
		}()
		err = SASL(t.Context(), l.Addr().String())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", lines, err)
		}
		_ = l.Close()
	}
}

func TestACertificateIsForTheNameAndDoesNotEndSoon(t *testing.T) {
	end := time.Now().Add(90 * 24 * time.Hour)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate(t, end)}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = conn.Read(make([]byte, 1)); _ = conn.Close() }()
		}
	}()
	for _, c := range []struct {
		name string
		now  time.Time
		want string
	}{
		{"mx.example.org", time.Now(), ""},
		{"mx.example.org", end.Add(-Soon - time.Hour), ""},
		{"mx.example.org", end.Add(-Soon + time.Hour), "it ends on"},
		{"mx.example.org", end.Add(time.Hour), "it ended on"},
		{"mail.example.org", time.Now(), "mail.example.org"},
	} {
		err := Certificate(t.Context(), l.Addr().String(), c.name, c.now)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s at %s: %v", c.name, c.now, err)
		}
	}
}
