// Package imaptest has mail servers in memory for the tests of imports, and
// connections that break where a test wants them to.
package imaptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"example.org/mandat/mail/imap"
	"example.org/mandat/mail/imap/connect"
)

// Master is the master user of a Server, with its password.
const (
	Master         = "mandat"
	MasterPassword = "master-secret"
)

// Server is a mail server in memory, on loopback, with TLS and without.
type Server struct {
	Port, TLSPort int
	Roots         *x509.CertPool // that its certificate, of localhost, is verified with

	mu       sync.Mutex
	accounts map[string]*Account
	sessions atomic.Int64 // that were begun
	broken   atomic.Int64 // that were cut

	// Cut, when it is not nil, is asked for each connection after how many octets
	// from the server it breaks; 0 is never.
	cut atomic.Pointer[func() int64]
	// slow lets as many octets a second through, 0 for all.
	slow atomic.Int64
}

// Account is one of a Server.
type Account struct {
	*imapmemserver.User
	name, password string

	mu      sync.Mutex
	full    bool
	largest int64
	after   func() error // after each message that was stored
}

// Start starts a server for a test.
func Start(t testing.TB) *Server {
	t.Helper()
	certificate, roots := newCertificate(t)
	s := &Server{Roots: roots, accounts: map[string]*Account{}}
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			s.sessions.Add(1)
			return &session{server: s}, nil, nil
		},
		Caps:         goimap.CapSet{goimap.CapIMAP4rev1: {}, goimap.CapUIDPlus: {}, goimap.CapSpecialUse: {}, goimap.CapListExtended: {}, goimap.CapLiteralMinus: {}},
		Logger:       log.New(io.Discard, "", 0),
		TLSConfig:    &tls.Config{Certificates: []tls.Certificate{certificate}},
		InsecureAuth: true,
	})
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return breaking{l, s}
	}
	clear, secure := listen(), listen()
	s.Port, s.TLSPort = portOf(clear), portOf(secure)
	go func() { _ = server.Serve(clear) }()
	go func() {
		_ = server.Serve(tls.NewListener(secure, &tls.Config{Certificates: []tls.Certificate{certificate}}))
	}()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// At is where the server is, without TLS.
func (s *Server) At() imap.Server {
	return imap.Server{Host: "127.0.0.1", Port: s.Port, Security: imap.Plain}
}

// Own is the server as the operator's own.
func (s *Server) Own(t testing.TB) *connect.Own {
	t.Helper()
	own, err := connect.ParseOwn(fmt.Sprintf("imap://%s:%s@127.0.0.1:%d", Master, MasterPassword, s.Port))
	if err != nil {
		t.Fatal(err)
	}
	return own
}

// Policy lets servers on loopback be connected to, at any of these servers' ports.
func Policy(servers ...*Server) connect.Policy {
	p := connect.Policy{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Clear: true}
	for _, s := range servers {
		p.Ports = append(p.Ports, s.Port, s.TLSPort)
	}
	return p
}

// Sessions is how many connections were made.
func (s *Server) Sessions() int64 { return s.sessions.Load() }

// Broken is how many connections were cut.
func (s *Server) Broken() int { return int(s.broken.Load()) }

// CutAfter has each connection from now on break after as many octets from the
// server as fn says; nil is never.
func (s *Server) CutAfter(fn func() int64) {
	if fn == nil {
		s.cut.Store(nil)
		return
	}
	s.cut.Store(&fn)
}

// Slow lets as many octets a second through on each connection; 0 is all.
func (s *Server) Slow(octets int64) { s.slow.Store(octets) }

// Add adds an account with an inbox.
func (s *Server) Add(name, password string, folders ...string) *Account {
	a := &Account{User: imapmemserver.NewUser(name, password), name: name, password: password}
	for _, folder := range append([]string{"INBOX"}, folders...) {
		if err := a.Create(folder, &goimap.CreateOptions{}); err != nil {
			panic(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[name] = a
	return a
}

// ChangePassword gives the account another password.
func (s *Server) ChangePassword(name, password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[name].password = password
}

// Fill makes the account refuse what is stored from now on, or not.
func (a *Account) Fill(full bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.full = full
}

// Limit makes it refuse messages that are larger.
func (a *Account) Limit(octets int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.largest = octets
}

// After runs fn after each message that was stored; an error of it breaks the
// connection before the answer.
func (a *Account) After(fn func() error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.after = fn
}

// Put stores a message.
func (a *Account) Put(t testing.TB, folder, text string, at time.Time, flags ...string) {
	t.Helper()
	options := &goimap.AppendOptions{Time: at}
	for _, f := range flags {
		options.Flags = append(options.Flags, goimap.Flag(f))
	}
	if _, err := a.User.Append(folder, literal{strings.NewReader(text)}, options); err != nil {
		t.Fatal(err)
	}
}

type literal struct{ *strings.Reader }

// Append refuses what the account was told to refuse.
func (a *Account) Append(folder string, r goimap.LiteralReader, options *goimap.AppendOptions) (*goimap.AppendData, error) {
	a.mu.Lock()
	full, largest, after := a.full, a.largest, a.after
	a.mu.Unlock()
	refuse := func(code goimap.ResponseCode) (*goimap.AppendData, error) {
		return nil, &goimap.Error{Type: goimap.StatusResponseTypeNo, Code: code, Text: "no"}
	}
	if full {
		return refuse(goimap.ResponseCodeOverQuota)
	}
	if largest > 0 && r.Size() > largest {
		return refuse(goimap.ResponseCodeTooBig)
	}
	data, err := a.User.Append(folder, r, options)
	if err == nil && after != nil {
		if err := after(); err != nil {
			return nil, err
		}
	}
	return data, err
}

// Contents is ContentsOf an account of the server.
func (s *Server) Contents(t testing.TB, name string) map[string][]string {
	t.Helper()
	s.mu.Lock()
	a := s.accounts[name]
	s.mu.Unlock()
	open, err := Policy(s).Open(t.Context(), s.At(), name, a.password)
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	return ContentsOf(t, open)
}

// ContentsOf lists all messages of an account by folder, each as one text: flags,
// date, size and content. They are sorted, so that two accounts can be compared.
func ContentsOf(t testing.TB, open imap.Session) map[string][]string {
	t.Helper()
	ctx := t.Context()
	folders, err := open.Folders(ctx)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for _, f := range folders {
		all[f.Name] = []string{}
		m, err := open.Open(ctx, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if m.Messages == 0 {
			continue
		}
		texts := map[uint32]string{}
		var uids []uint32
		err = open.List(ctx, 1, 0, false, func(m imap.Message) error {
			flags := imap.Keywords(m.Flags)
			slices.Sort(flags)
			texts[m.UID] = fmt.Sprintf("%v %s %d ", flags, m.At.UTC().Format(time.RFC3339), m.Size)
			uids = append(uids, m.UID)
			return nil
		})
		if err == nil {
			err = open.Bodies(ctx, uids, func(uid uint32, _ int64, body io.Reader) error {
				text, err := io.ReadAll(body)
				all[f.Name] = append(all[f.Name], texts[uid]+string(text))
				return err
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(all[f.Name])
	}
	return all
}

// session signs in as a master too.
type session struct {
	*imapmemserver.UserSession
	server  *Server
	account *Account
}

// Login signs in: as NAME*MASTER with the master's password, or as NAME.
func (s *session) Login(username, password string) error {
	name, master, asMaster := strings.Cut(username, "*")
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.account = s.server.accounts[name]
	switch {
	case s.account == nil,
		asMaster && (master != Master || password != MasterPassword),
		!asMaster && password != s.account.password:
		return imapserver.ErrAuthFailed
	}
	s.UserSession = imapmemserver.NewUserSession(s.account.User)
	return nil
}

// Append goes by what the account refuses.
func (s *session) Append(folder string, r goimap.LiteralReader, options *goimap.AppendOptions) (*goimap.AppendData, error) {
	return s.account.Append(folder, r, options)
}

// breaking has connections that break.
type breaking struct {
	net.Listener
	server *Server
}

func (b breaking) Accept() (net.Conn, error) {
	c, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	left := int64(0)
	if fn := b.server.cut.Load(); fn != nil {
		left = (*fn)()
	}
	return &breakingConn{Conn: c, server: b.server, breaks: left > 0, left: left}, nil
}

type breakingConn struct {
	net.Conn
	server *Server
	breaks bool
	left   int64
}

func (c *breakingConn) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		part := p
		if slow := c.server.slow.Load(); slow > 0 {
			part = p[:min(int64(len(p)), max(1, slow/20))]
			time.Sleep(50 * time.Millisecond)
		}
		m, err := c.write(part)
		n += m
		if err != nil {
			return n, err
		}
		p = p[len(part):]
	}
	return n, nil
}

func (c *breakingConn) write(p []byte) (int, error) {
	if !c.breaks {
		return c.Conn.Write(p)
	}
	n, err := c.Conn.Write(p[:min(int64(len(p)), c.left)])
	if c.left -= int64(n); c.left <= 0 {
		c.server.broken.Add(1)
		_ = c.Close()
		return n, net.ErrClosed
	}
	return n, err
}

// newCertificate is one for localhost and 127.0.0.1.
func newCertificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// Remove removes the message of a UID.
func (a *Account) Remove(t testing.TB, folder string, uid uint32) {
	t.Helper()
	s := imapmemserver.NewUserSession(a.User)
	defer s.Close()
	if _, err := s.Select(folder, &goimap.SelectOptions{}); err != nil {
		t.Fatal(err)
	}
	uids := goimap.UIDSetNum(goimap.UID(uid))
	err := s.Store(nil, uids, &goimap.StoreFlags{Op: goimap.StoreFlagsAdd, Silent: true, Flags: []goimap.Flag{goimap.FlagDeleted}}, &goimap.StoreOptions{})
	if err == nil {
		err = s.Expunge(nil, &uids)
	}
	if err != nil {
		t.Fatal(err)
	}
}
