package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"example.org/mandat/models"
)

// What one message to many costs from the moment that it is taken until the
// last copy is with a Postfix that takes no time, on a database that keeps
// nothing safe.
func BenchmarkDeliver(b *testing.B) {
	for _, size := range []int{2_000, 1_000_000} {
		b.Run(fmt.Sprintf("%d octets", size), func(b *testing.B) {
			w := newWorld(b)
			readers := crowd(500)
			list := w.list("foule", models.ListSettings{Posting: models.PostingEveryone}, readers...)
			p := w.startProcess()
			content := strings.Repeat(strings.Repeat("x", 76)+"\n", size/77)
			w.sink.forget.Store(true)
			for b.Loop() {
				p.takes(outsider, list, letterFrom(outsider, "a")+content)
				w.settled()
			}
			b.ReportMetric(float64(len(readers)*b.N)/b.Elapsed().Seconds(), "copies/s")
			b.ReportMetric(p.peak(b), "peak-MB")
		})
	}
}

// peak is the most memory that the process had.
func (p *process) peak(t testing.TB) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(status), "VmHWM:")
	var kb float64
	if _, err := fmt.Sscan(text, &kb); err != nil {
		t.Fatal(err)
	}
	return kb / 1000
}

func BenchmarkAccept(b *testing.B) {
	w := newWorld(b)
	list := w.list("foule", models.ListSettings{Posting: models.PostingEveryone}) // nobody subscribes
	i := w.start()
	for b.Loop() {
		i.takes(outsider, list, letterFrom(outsider, "a"))
	}
}

func BenchmarkPolicy(b *testing.B) {
	w := newWorld(b)
	i := w.start()
	conn, err := net.Dial("tcp", i.policy)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	answer := make([]byte, 1000)
	for b.Loop() {
		fmt.Fprintf(conn, "request=smtpd_access_policy\nprotocol_state=RCPT\nsender=%s\nrecipient=%s\n\n", member1, team)
		if n, err := conn.Read(answer); err != nil || string(answer[:n]) != "action=DUNNO\n\n" {
			b.Fatal(string(answer[:n]), err)
		}
	}
}
