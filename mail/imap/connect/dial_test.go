package connect_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.org/mandat/mail/imap"
	"example.org/mandat/mail/imap/connect"
	"example.org/mandat/mail/imap/imaptest"
)

func TestWhatMayBeConnectedTo(t *testing.T) {
	networks := []netip.Prefix{netip.MustParsePrefix("10.20.0.0/16"), netip.MustParsePrefix("fd00:20::/32")}
	for _, c := range []struct {
		host     string
		port     int
		security imap.Security
		want     error
		as       string // how it is dialled
	}{
		{"imap.example.org", 993, imap.TLS, nil, "imap.example.org"},
		{" IMAP.Example.ORG. ", 143, imap.StartTLS, nil, "imap.example.org"},
		{"imap.été.example", 993, imap.TLS, nil, "imap.xn--t-9fab.example"},
		{"9.9.9.9", 993, imap.TLS, nil, "9.9.9.9"},
		{"[2620:fe::fe]", 993, imap.TLS, nil, "2620:fe::fe"},
		{"10.20.3.4", 993, imap.TLS, nil, "10.20.3.4"},
		{"fd00:20::1", 993, imap.TLS, nil, "fd00:20::1"},

		{"imap.example.org", 25, imap.TLS, imap.ErrForbidden, ""},
		{"imap.example.org", 0, imap.TLS, imap.ErrForbidden, ""},
		{"imap.example.org", 143, imap.Plain, imap.ErrInsecure, ""},
		{"imap.example.org", 993, "", imap.ErrInsecure, ""},
		{"127.0.0.1", 143, imap.Plain, imap.ErrForbidden, ""},
		{"127.0.0.1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"127.8.8.8", 993, imap.TLS, imap.ErrForbidden, ""},
		{"::1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"[::1]", 993, imap.TLS, imap.ErrForbidden, ""},
		{"::ffff:127.0.0.1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"::127.0.0.1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"64:ff9b::7f00:1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"64:ff9b::a00:1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"2002:7f00:1::", 993, imap.TLS, imap.ErrForbidden, ""},
		{"2001:0:7f00:1::", 993, imap.TLS, imap.ErrForbidden, ""},
		{"10.0.0.1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"172.16.0.1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"192.168.0.1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"100.64.0.1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"169.254.169.254", 993, imap.TLS, imap.ErrForbidden, ""},
		{"0.0.0.0", 993, imap.TLS, imap.ErrForbidden, ""},
		{"::", 993, imap.TLS, imap.ErrForbidden, ""},
		{"224.0.0.1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"255.255.255.255", 993, imap.TLS, imap.ErrForbidden, ""},
		{"ff02::1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"fe80::1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"fe80::1%eth0", 993, imap.TLS, imap.ErrForbidden, ""},
		{"fd00::1", 993, imap.TLS, imap.ErrForbidden, ""},
		{"198.18.0.1", 993, imap.TLS, imap.ErrForbidden, ""},

		{"", 993, imap.TLS, imap.ErrUnknown, ""},
		{"127.1", 993, imap.TLS, imap.ErrUnknown, ""},
		{"2130706433", 993, imap.TLS, imap.ErrUnknown, ""},
		{"0x7f000001", 993, imap.TLS, imap.ErrUnknown, ""},
		{"0177.0.0.1", 993, imap.TLS, imap.ErrUnknown, ""},
		{"127.0.0.1..", 993, imap.TLS, imap.ErrUnknown, ""},
		{"\x91", 993, imap.TLS, imap.ErrUnknown, ""},
		{"imap example", 993, imap.TLS, imap.ErrUnknown, ""},
		{"imap.example.org:993", 993, imap.TLS, imap.ErrUnknown, ""},
		{"user@imap.example.org", 993, imap.TLS, imap.ErrUnknown, ""},
		{"imap.example.org/x", 993, imap.TLS, imap.ErrUnknown, ""},
		{"imap.example.org\r\nX", 993, imap.TLS, imap.ErrUnknown, ""},
		{strings.Repeat("a", 64) + ".example", 993, imap.TLS, imap.ErrUnknown, ""},
	} {
		is, err := connect.Policy{Networks: networks}.CheckServer(imap.Server{Host: c.host, Port: c.port, Security: c.security})
		if !errors.Is(err, c.want) || err == nil && is.Host != c.as {
			t.Errorf("%q %d %s: %q %v, want %q %v", c.host, c.port, c.security, is.Host, err, c.as, c.want)
		}
	}
}

// names is a resolver whose answers change, as their owner likes.
type names func(host string) []string

func (n names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	var list []netip.Addr
	for _, text := range n(host) {
		list = append(list, netip.MustParseAddr(text))
	}
	if list == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return list, nil
}

func TestANameThatLeadsInside(t *testing.T) {
	server := imaptest.Start(t)
	server.Add("old", "secret")
	for what, c := range map[string]struct {
		addresses []string
		want      error
	}{
		"to loopback":                    {[]string{"127.0.0.1"}, imap.ErrForbidden},
		"to loopback within IPv6":        {[]string{"::ffff:127.0.0.1"}, imap.ErrForbidden},
		"to the outside and to loopback": {[]string{"9.9.9.9", "127.0.0.1"}, imap.ErrForbidden},
		"to what tells about machines":   {[]string{"169.254.169.254"}, imap.ErrForbidden},
		"to nothing":                     {nil, imap.ErrUnknown},
	} {
		p := connect.Policy{Ports: []int{server.Port, server.TLSPort}, Resolver: names(func(string) []string { return c.addresses })}
		_, err := p.Open(t.Context(), imap.Server{Host: "imap.example.org", Port: server.TLSPort, Security: imap.TLS}, "old", "secret")
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	// Asked twice, a name may have become another: nothing rests on the first answer.
	var asked atomic.Int64
	p := connect.Policy{Ports: []int{server.TLSPort}, Resolver: names(func(string) []string {
		if asked.Add(1) == 1 {
			return []string{"9.9.9.9"}
		}
		return []string{"127.0.0.1"}
	})}
	s, err := p.CheckServer(imap.Server{Host: "imap.example.org", Port: server.TLSPort, Security: imap.TLS})
	if err != nil {
		t.Fatal(err)
	}
	asked.Store(1)
	if _, err := p.Open(t.Context(), s, "old", "secret"); !errors.Is(err, imap.ErrForbidden) {
		t.Errorf("%v", err)
	}
	if server.Sessions() != 0 {
		t.Errorf("%d connections were made", server.Sessions())
	}
}

func TestHowAServerIsConnectedTo(t *testing.T) {
	server := imaptest.Start(t)
	server.Add("old", "secret")
	p := imaptest.Policy(server)
	p.Roots = server.Roots
	p.Resolver = names(func(string) []string { return []string{"127.0.0.1"} })
	strangers := p
	strangers.Roots = imaptest.Start(t).Roots
	for what, c := range map[string]struct {
		policy   connect.Policy
		server   imap.Server
		password string
		want     error
	}{
		"TLS":                         {p, imap.Server{Host: "localhost", Port: server.TLSPort, Security: imap.TLS}, "secret", nil},
		"STARTTLS":                    {p, imap.Server{Host: "localhost", Port: server.Port, Security: imap.StartTLS}, "secret", nil},
		"in clear":                    {p, server.At(), "secret", nil},
		"another password":            {p, imap.Server{Host: "localhost", Port: server.TLSPort, Security: imap.TLS}, "wrong", imap.ErrSignIn},
		"another name":                {p, imap.Server{Host: "other.example", Port: server.TLSPort, Security: imap.TLS}, "secret", imap.ErrInsecure},
		"another name, STARTTLS":      {p, imap.Server{Host: "other.example", Port: server.Port, Security: imap.StartTLS}, "secret", imap.ErrInsecure},
		"a certificate of a stranger": {strangers, imap.Server{Host: "localhost", Port: server.TLSPort, Security: imap.TLS}, "secret", imap.ErrInsecure},
	} {
		s, err := c.policy.Open(t.Context(), c.server, "old", c.password)
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil && strings.Contains(err.Error(), c.password) {
			t.Errorf("%s: the error has the password", what)
		}
		if err == nil {
			if _, err := s.Folders(t.Context()); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			s.Close()
		}
	}
}

// speaks is a server that says what a test wants it to.
func speaks(t *testing.T, conversation func(net.Conn)) (connect.Policy, imap.Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); conversation(c) }()
		}
	}()
	port := l.Addr().(*net.TCPAddr).Port
	return connect.Policy{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Ports: []int{port}, Clear: true}, imap.Server{Host: "127.0.0.1", Port: port, Security: imap.Plain}
}

func TestAHostileServerIsLeft(t *testing.T) {
	say := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			_, _ = c.Write([]byte(text))
			_, _ = c.Read(make([]byte, 1000))
		}
	}
	endless := func(first, more string) func(net.Conn) {
		return func(c net.Conn) {
			_, err := c.Write([]byte(first))
			for err == nil {
				_, err = c.Write([]byte(more))
			}
		}
	}
	for what, c := range map[string]struct {
		conversation func(net.Conn)
		security     imap.Security
	}{
		"a line without end":             {endless("* OK ", strings.Repeat("x", 4096)), imap.Plain},
		"lines without end":              {endless("* OK hello\r\n", "* OK more\r\n"), imap.Plain},
		"a huge literal":                 {say("* OK hello\r\n* LIST () \"/\" {99999999999}\r\n"), imap.Plain},
		"a literal too large to count":   {say("* OK hello\r\n* LIST () \"/\" {99999999999999999999999}\r\n"), imap.Plain},
		"a session of somebody":          {say("* PREAUTH welcome\r\n"), imap.Plain},
		"goodbye":                        {say("* BYE\r\n"), imap.Plain},
		"no IMAP":                        {say("220 mail ESMTP\r\n"), imap.Plain},
		"brackets":                       {endless("* OK hello\r\n* LIST ", "("), imap.Plain},
		"no STARTTLS":                    {say("* OK hello\r\nS1 NO\r\n"), imap.StartTLS},
		"a session instead of STARTTLS":  {say("* PREAUTH welcome\r\n"), imap.StartTLS},
		"a line without end in STARTTLS": {endless("* OK ", "x"), imap.StartTLS},
		"no TLS":                         {say("* OK hello\r\nS1 OK\r\nS1 OK\r\n"), imap.StartTLS},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p, s := speaks(t, c.conversation)
			s.Security = c.security
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if open, err := p.Open(ctx, s, "old", "secret"); err == nil {
				open.Close()
				t.Error("it is trusted")
			} else if ctx.Err() != nil {
				t.Errorf("it is waited for: %v", err)
			}
		})
	}
}

func TestAServerThatFallsSilentIsNotWaitedForWhenCalledOff(t *testing.T) {
	p, s := speaks(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); time.Sleep(time.Minute) })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := p.Open(ctx, s, "old", "secret"); err == nil || time.Since(began) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// A server may say anything, what it was told included: none of it is repeated.
func TestTheWordsOfAServerAreNotRepeated(t *testing.T) {
	p, s := speaks(t, func(c net.Conn) {
		lines := bufio.NewReader(c)
		_, _ = c.Write([]byte("* OK [CAPABILITY IMAP4rev1] hello\r\n"))
		line, _ := lines.ReadString('\n')
		tag, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		_, _ = c.Write([]byte(tag + " NO [S3CRET] you said " + rest + "\r\n"))
		_, _ = lines.ReadString('\n')
	})
	_, err := p.Open(t.Context(), s, "old", "s3cret")
	if !errors.Is(err, imap.ErrSignIn) || strings.Contains(strings.ToLower(err.Error()), "s3cret") || strings.Contains(err.Error(), "old") {
		t.Errorf("%v", err)
	}
	p, s = speaks(t, func(c net.Conn) {
		lines := bufio.NewReader(c)
		_, _ = c.Write([]byte("* OK [CAPABILITY IMAP4rev1] hello\r\n"))
		line, _ := lines.ReadString('\n')
		_, _ = c.Write([]byte("* s3cret-" + strings.TrimSpace(line) + "\r\n"))
		_, _ = lines.ReadString('\n')
	})
	if _, err := p.Open(t.Context(), s, "old", "s3cret"); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("%v", err)
	}
}
