package connect

import (
	"io"
	"net"
	"sync/atomic"
	"time"

	"example.org/mandat/mail/imap"
)

// How much one answer may be, unless more is asked for: without its literals,
// each literal, and all answers to one command.
const (
	maxLine    = 64 << 10
	maxLiteral = 1 << 20
	maxAnswers = 4 << 20
)

// wire is a connection that ends when its server says too much, stays silent for
// too long, or says what the library would look at for ever (see scanner). The
// library reads what it is given into memory, and waits.
type wire struct {
	net.Conn
	greeting io.Reader // instead of the server's; nil for none
	silence  time.Duration
	scan     scanner
	literal  atomic.Int64 // the longest that is let in
	budget   atomic.Int64 // octets that may still come
	excess   atomic.Bool  // it was too much
}

func newWire(conn net.Conn, greeting io.Reader, silence time.Duration) *wire {
	w := &wire{Conn: conn, greeting: greeting, silence: silence}
	w.expect(maxLiteral, maxAnswers)
	return w
}

// expect says how much the next command is worth.
func (w *wire) expect(literal, answers int64) {
	w.literal.Store(literal)
	w.budget.Store(answers)
}

func (w *wire) Read(p []byte) (int, error) {
	if w.greeting != nil {
		n, err := w.greeting.Read(p)
		if n > 0 {
			return n, nil
		}
		if w.greeting = nil; err != io.EOF {
			return 0, err
		}
	}
	if err := w.Conn.SetReadDeadline(time.Now().Add(w.silence)); err != nil {
		return 0, err
	}
	n, err := w.Conn.Read(p)
	if w.budget.Add(int64(-n)) < 0 || !w.scan.feed(p[:n], w.literal.Load()) {
		w.excess.Store(true)
		_ = w.Conn.Close()
		return 0, imap.ErrNonsense
	}
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	if err := w.Conn.SetWriteDeadline(time.Now().Add(w.silence)); err != nil {
		return 0, err
	}
	return w.Conn.Write(p)
}

// The library's own deadlines are for a server that is trusted to go on.
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
