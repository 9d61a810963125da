// Package dnstest is a name server for tests, in their own process.
package dnstest

import (
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// Server answers on a port of its own, by UDP and by TCP, for all names as a
// resolver does.
type Server struct {
	Address string // and port

	mu      sync.Mutex
	records []dns.RR
	failing map[string]bool
	silent  map[string]bool
	asked   []string
}

// Serve starts a server with these records, each as a line of a zone, until the
// end of the test.
func Serve(t testing.TB, records ...string) *Server {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Address: tcp.Addr().String(), failing: map[string]bool{}, silent: map[string]bool{}}
	udp, err := net.ListenPacket("udp", s.Address)
	if err != nil {
		t.Fatal(err)
	}
	s.Set(t, records...)
	for _, server := range []*dns.Server{{Listener: tcp, Handler: s}, {PacketConn: udp, Handler: s}} {
		begun := make(chan struct{})
		server.NotifyStartedFunc = func() { close(begun) }
		ended := make(chan error, 1)
		go func() { ended <- server.ActivateAndServe() }()
		<-begun
		t.Cleanup(func() {
			if err := server.Shutdown(); err != nil {
				t.Error(err)
			}
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
	return s
}

// Set replaces the records.
func (s *Server) Set(t testing.TB, records ...string) {
	t.Helper()
	var list []dns.RR
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil || rr == nil {
			t.Fatalf("%s: %v", text, err)
		}
		list = append(list, rr)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = list
}

// Fail makes the server say that it could not find out about names, and Silence
// that it says nothing.
func (s *Server) Fail(names ...string) { s.note(s.failing, names) }

// Silence is described with Fail.
func (s *Server) Silence(names ...string) { s.note(s.silent, names) }

func (s *Server) note(in map[string]bool, names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		in[dns.CanonicalName(name)] = true
	}
}

// Asked is every question so far, as "TYPE name".
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// ServeDNS is of dns.Handler.
func (s *Server) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	q := r.Question[0]
	name := dns.CanonicalName(q.Name)
	s.mu.Lock()
	s.asked = append(s.asked, dns.TypeToString[q.Qtype]+" "+strings.TrimSuffix(name, "."))
	m, silent := s.answer(r, name, q.Qtype), s.silent[name]
	s.mu.Unlock()
	if silent {
		return
	}
	if w.RemoteAddr().Network() == "udp" {
		size := dns.MinMsgSize
		if opt := r.IsEdns0(); opt != nil {
			size = int(opt.UDPSize())
		}
		m.Truncate(size)
	}
	_ = w.WriteMsg(m) // whoever asked may have gone away
}

func (s *Server) answer(r *dns.Msg, name string, t uint16) *dns.Msg {
	m := new(dns.Msg).SetReply(r)
	if s.failing[name] {
		m.Rcode = dns.RcodeServerFailure
		return m
	}
	for range 20 { // aliases, which may lead in a circle
		exists, next := false, ""
		for _, rr := range s.records {
			h := rr.Header()
			if dns.CanonicalName(h.Name) != name {
				exists = exists || strings.HasSuffix(dns.CanonicalName(h.Name), "."+name)
				continue
			}
			exists = true
			if alias, is := rr.(*dns.CNAME); is && t != dns.TypeCNAME {
				next = dns.CanonicalName(alias.Target)
			}
			if h.Rrtype == t || next != "" {
				m.Answer = append(m.Answer, rr)
			}
		}
		if !exists {
			m.Rcode = dns.RcodeNameError
		}
		if next == "" {
			break
		}
		name = next
	}
	return m
}
