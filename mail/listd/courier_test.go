package main

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"example.org/mandat/models"
	"example.org/mandat/models/modelstest"
)

// crowd are n subscribers elsewhere.
func crowd(n int) (addresses []string) {
	for i := range n {
		addresses = append(addresses, fmt.Sprintf("reader%d@crowd.example", i))
	}
	return addresses
}

// copies counts how many got a message never, once, and more than once.
func (w *world) copies(addresses []string) (never, once, more int) {
	w.sink.mu.Lock()
	defer w.sink.mu.Unlock()
	n := map[string]int{}
	for _, g := range w.sink.all {
		n[g.to]++
	}
	for _, a := range addresses {
		switch n[a] {
		case 0:
			never++
		case 1:
			once++
		default:
			more += n[a] - 1
		}
	}
	return never, once, more
}

func TestTwoServicesSendAThousandCopiesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	readers := crowd(1000)
	list := w.list("foule", models.ListSettings{Posting: models.PostingEveryone}, readers...)
	i, other := w.start(), w.start()
	i.takes(outsider, list, letterFrom(outsider, "a"))
	other.takes(outsider, list, letterFrom(outsider, "b"))
	w.settled()
	if never, once, more := w.copies(readers); never+once > 0 || more != 1000 {
		t.Errorf("%d never, %d once, %d twice", never, once, more)
	}
	if n := w.Int(t, "SELECT count(*) FROM list_deliveries WHERE state = 'sent' AND attempts = 1"); n != 2000 {
		t.Errorf("%d copies are marked", n)
	}
}

// Killed again and again while it sends, the service loses nothing, and sends
// twice at most one copy for each connection and kill, which is what RFC 1047
// leaves open.
func TestAKilledServiceLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	readers := crowd(600)
	list := w.list("foule", models.ListSettings{Posting: models.PostingEveryone}, readers...)
	const kills = 4
	p := w.startProcess()
	p.takes(outsider, list, letterFrom(outsider, "a"))
	for n := range kills {
		modelstest.Await(t, patience, "copies go out", func() bool { return w.sink.count() >= 60*(n+1) })
		p.kill()
		w.Exec(t, "UPDATE list_deliveries SET next_at = now() WHERE state = 'waiting'") // the lease is over
		p = w.startProcess()
	}
	w.settled()
	never, _, more := w.copies(readers)
	if never > 0 || more > kills*couriers {
		t.Errorf("%d never, %d twice", never, more)
	}
	t.Logf("%d kills, %d copies twice", kills, more)
	if n := w.Int(t, "SELECT count(*) FROM list_messages WHERE state = 'sent'"); n != 1 {
		t.Error("the message is not settled")
	}
}

// Four of the largest messages at once, each to two readers: they wait for each
// other, and for memory.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.maxBytes = 12_000_000
	w.sink.forget.Store(true)
	list := w.list("foule", models.ListSettings{Posting: models.PostingEveryone}, crowd(2)...)
	p := w.startProcess()
	before := p.peak(t)
	var sending sync.WaitGroup
	for range 4 {
		sending.Go(func() {
			if err := p.hand(outsider, list, letterFrom(outsider, "a")+strings.Repeat(strings.Repeat("x", 998)+"\n", int(w.config.maxBytes)/1000-10)); err != nil {
				t.Error(err)
			}
		})
	}
	sending.Wait()
	modelstest.Await(t, 5*patience, "everything goes out", func() bool { // it is much
		return w.Int(t, "SELECT count(*) FROM list_messages WHERE state = 'sending'") == 0
	})
	t.Logf("%.0f MB, and %.0f MB before, for messages of %.0f MB", p.peak(t), before, float64(w.config.maxBytes)/1e6)
	if most := float64(w.config.memoryNeeded()) / 1e6; p.peak(t) > most {
		t.Errorf("it took %.0f MB, and is to take %.0f MB at most", p.peak(t), most)
	}
}

// What is leased by one that died goes out when the lease is over, and not before.
func TestALeaseIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := *w.config
	c.listen, c.policyListen = freeAddress(t), freeAddress(t)
	s, err := newService(t.Context(), &c, w.start().log)
	if err != nil {
		t.Fatal(err)
	}
	defer s.db.Close()
	w.Exec(t, `INSERT INTO list_messages (base, sender, author, subject, size_bytes, content, state, token, received_at) VALUES ('', '', '', '', 1, 'A: b', 'sending', 't', now() + interval '1 day')`)
	w.Exec(t, `INSERT INTO list_deliveries (message_id, recipient, token, next_at) SELECT id, 'a@b.example', 'd', now() + interval '1 day' FROM list_messages`)
	if b, err := s.lease(t.Context()); b != nil || err != nil {
		t.Fatal("what is not due is leased", err)
	}
	w.Exec(t, "UPDATE list_deliveries SET next_at = now() - interval '1 second', state = 'sent'")
	w.Exec(t, "UPDATE list_deliveries SET state = 'waiting'")
	b, err := s.lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if b == nil { // the other was quicker
		w.settled()
		return
	}
	s.giveBack(t.Context(), b, 0)
	if n := w.Int(t, "SELECT attempts FROM list_deliveries"); n > 1 {
		t.Errorf("%d attempts", n)
	}
}

func TestWhoLeftMeanwhileGetsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sink.mail = &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "not from you"}
	i := w.start()
	i.takes(member1, team, letterFrom(member1, "a"))
	modelstest.Await(t, patience, "a refusal of all is about us", func() bool {
		return w.Int(t, "SELECT count(*) FROM list_deliveries WHERE state = 'waiting' AND answer LIKE '554 5.7.1%'") == 6
	})
	w.asks()
	w.Exec(t, "DELETE FROM list_subscribers WHERE email = $1", member1)
	w.sink.mu.Lock()
	w.sink.mail = nil
	w.sink.mu.Unlock()
	w.Exec(t, "UPDATE list_deliveries SET next_at = now()")
	i.wakeAll()
	w.settled()
	if n := len(w.sink.to(member1)); n != 0 || w.sink.count() != 5 {
		t.Errorf("%d copies to who left, %d in all", n, w.sink.count())
	}
}

func TestNothingIsLostWhilePostfixIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sink.away.Store(true)
	i := w.start()
	i.takes(member1, team, letterFrom(member1, "a"))
	modelstest.Await(t, patience, "it was tried", func() bool {
		return w.Int(t, "SELECT count(*) FROM list_deliveries WHERE next_at > now() + interval '5 seconds' AND next_at < now() + interval '1 minute' AND attempts = 0") == 6
	})
	w.sink.away.Store(false)
	w.Exec(t, "UPDATE list_deliveries SET next_at = now()")
	i.wakeAll()
	w.settled()
	if n := w.sink.count(); n != 6 {
		t.Errorf("%d copies, want 6", n)
	}
}

func TestAListThatReceivesNothingSendsNothingUntilItDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Exec(t, "INSERT INTO list_messages (list_id, base, sender, author, subject, size_bytes, content, state, token, received_at) SELECT id, address, 'a@b.example', '', '', 1, 'A: b', 'sending', 't', now() FROM lists")
	w.Exec(t, "INSERT INTO list_deliveries (message_id, recipient, token, next_at) SELECT id, $1, 'd', now() FROM list_messages", member1)
	w.Exec(t, "UPDATE services SET receives = false")
	i := w.start()
	for range 3 {
		w.Exec(t, "UPDATE list_deliveries SET next_at = now()")
		i.wakeAll()
		modelstest.Await(t, patience, "it is put off", func() bool {
			return w.Int(t, "SELECT count(*) FROM list_deliveries WHERE next_at > now() + interval '1 hour' AND attempts = 0 AND state = 'waiting'") == 1
		})
	}
	if n := w.sink.count(); n != 0 {
		t.Error("it goes out")
	}
	w.Exec(t, "UPDATE services SET receives = true")
	w.Exec(t, "UPDATE list_deliveries SET next_at = now()")
	i.wakeAll()
	w.settled()
	if n := w.sink.count(); n != 1 {
		t.Errorf("%d copies afterwards", n)
	}
}

// A service that is asked to end finishes the copy that it sends, marks it, and
// leaves the others to whoever comes.
func TestAGracefulEndDoublesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	readers := crowd(300)
	list := w.list("foule", models.ListSettings{Posting: models.PostingEveryone}, readers...)
	var stopping atomic.Bool
	w.sink.taken = func() {
		if stopping.Load() {
			time.Sleep(20 * time.Millisecond)
		}
	}
	p := w.startProcess()
	p.takes(outsider, list, letterFrom(outsider, "a"))
	modelstest.Await(t, patience, "copies go out", func() bool { return w.sink.count() >= 50 })
	stopping.Store(true)
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if n := w.Int(t, "SELECT count(*) FROM list_deliveries WHERE state = 'waiting' AND (next_at > now() OR attempts > 0)"); n > 0 {
		t.Errorf("%d copies are still leased", n)
	}
	stopping.Store(false)
	w.startProcess()
	w.settled()
	if never, once, more := w.copies(readers); never+more > 0 {
		t.Errorf("%d never, %d once, %d twice", never, once, more)
	}
}

func TestThePausesGrowOverFiveDays(t *testing.T) {
	var sum time.Duration
	for n := 1; n < maxAttempts; n++ {
		if retryIn(n) < retryIn(n-1) {
			t.Errorf("pause %d is shorter", n)
		}
		sum += retryIn(n)
	}
	if sum < 100*time.Hour || sum > 130*time.Hour || retryIn(soonTimes+1) != time.Minute || retryIn(1000) != 4*time.Hour || retryIn(-5) != soonAgain {
		t.Errorf("%v in all", sum)
	}
	if first := soonTimes * retryIn(soonTimes); first < time.Minute+lookAgain {
		t.Errorf("the pauses grow after %v: Postfix may leave its database alone for a minute", first)
	}
}

func TestTheSenderOfAnEnvelopeHasRoom(t *testing.T) {
	d := delivery{token: strings.Repeat("a", 26)}
	for base, want := range map[string]string{
		"equipe@garrigue.example":                           "equipe+bounces-",
		strings.Repeat("x", 30) + "@garrigue.example":       "postmaster+bounces-",
		strings.Repeat("x", 29) + "@garrigue.example":       strings.Repeat("x", 29) + "+bounces-",
		strings.Repeat("x", 64) + "+owner@garrigue.example": "postmaster+bounces-",
	} {
		b := batch{stored: stored{base: base, sender: outsider}}
		if got := b.envelopeSender(d); got != want+d.token+"@garrigue.example" || strings.IndexByte(got, '@') > 64 {
			t.Errorf("%s: %s", base, got)
		}
		b.sender = ""
		if got := b.envelopeSender(d); got != "" {
			t.Errorf("%s: %s", base, got)
		}
	}
}
