package imap_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/mandat/mail/imap"
	"example.org/mandat/mail/imap/imaptest"
)

// book is a ledger in memory. It may be told to lose the end of a step, as the
// end of a process between storing and noting does.
type book struct {
	state   imap.State
	matched []uint32
	copied  int
	present int
	skipped []imap.Skip
	left    int
	settle  func() error // before a step is noted; nil for none
}

func (b *book) Begin(_ context.Context, s imap.State) error {
	*b = book{state: s, settle: b.settle}
	return nil
}

func (b *book) Matched(context.Context) ([]uint32, error) { return b.matched, nil }

func (b *book) Settle(_ context.Context, s imap.Step) error {
	if b.settle != nil {
		if err := b.settle(); err != nil {
			return err
		}
	}
	b.state, b.left = s.State, s.Left
	b.copied += s.Copied
	b.present += s.Present
	b.skipped = append(b.skipped, s.Skipped...)
	b.matched = append(b.matched, s.Matches...)
	return nil
}

var errEnd = errors.New("the process ended here")

// run copies all folders as one run does, until something ends it.
func run(ctx context.Context, t *testing.T, from, to *imaptest.Server, books map[string]*book) error {
	t.Helper()
	source, err := imaptest.Policy(from).Open(ctx, from.At(), "old", "secret")
	if err != nil {
		return err
	}
	defer source.Close()
	destination, err := to.Own(t).Open(ctx, "new@mandat.test")
	if err != nil {
		return err
	}
	defer destination.Close()
	return copyAll(ctx, source, destination, books)
}

func copyAll(ctx context.Context, source imap.Session, destination imap.Destination, books map[string]*book) error {
	folders, err := source.Folders(ctx)
	if err != nil {
		return err
	}
	for _, p := range imap.PlanFolders(folders, "/") {
		b := books[p.Name]
		if b == nil {
			b = &book{}
			books[p.Name] = b
		}
		if err := imap.Copy(ctx, source, destination, p.Name, p.Target, b.state, b); err != nil {
			return err
		}
	}
	return nil
}

var month = time.Date(2024, time.March, 3, 12, 0, 0, 0, time.FixedZone("", 3600))

// text is the n-th message; some have no Message-ID, some are another once more.
func text(n int) string {
	id := fmt.Sprintf("Message-ID: <%d@old.example>\r\n", n)
	if n%11 == 0 {
		id = ""
	}
	return fmt.Sprintf("%sFrom: a@old.example\r\nDate: Sun, 3 Mar 2024 12:00:00 +0100\r\nSubject: n° %d\r\n\r\n%s\r\n", id, n, strings.Repeat("x", n%700))
}

// put fills an account with n messages in the folders.
func put(t *testing.T, a *imaptest.Account, n int, folders ...string) {
	t.Helper()
	for i := range n {
		content := i
		if i%25 == 24 {
			content = i - 4 // the same as another, in every respect
		}
		var flags []string
		if content%2 == 0 {
			flags = append(flags, `\Seen`)
		}
		if content%5 == 0 {
			flags = append(flags, `\Flagged`, "$label1")
		}
		a.Put(t, folders[content%len(folders)], text(content), month.Add(time.Duration(content)*time.Minute), flags...)
	}
}

// The proof of exactly once: many messages, the source cut at random points, and
// the process ended between what it stores and what it notes.
func TestACopyThatIsCutAnywhereLosesNothingAndDoublesNothing(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 1000
	}
	from, to := imaptest.Start(t), imaptest.Start(t)
	old := from.Add("old", "secret", "Sent", "Archive", "Archive/2023")
	put(t, old, n, "INBOX", "Sent", "Archive", "Archive/2023")
	destination := to.Add("new@mandat.test", "unknown", "Sent")

	random, chance := rand.New(rand.NewPCG(1, uint64(n))), rand.New(rand.NewPCG(2, uint64(n))) // the server's own
	const cuts = 20
	var stored, end atomic.Int64 // end: messages until the process ends
	from.CutAfter(func() int64 {
		if from.Broken() >= cuts {
			return 0
		}
		return 2000 + chance.Int64N(int64(n)*25)
	})
	books := map[string]*book{}
	var crashed atomic.Int64
	destination.After(func() error {
		stored.Add(1)
		if end.Add(-1) == 0 {
			crashed.Add(1)
			return errEnd
		}
		return nil
	})
	for runs := 0; ; runs++ {
		if runs > 10*cuts {
			t.Fatal("it does not come to an end")
		}
		if end.Store(-1); runs%3 == 2 {
			end.Store(1 + random.Int64N(250))
		}
		for _, b := range books { // and once in a while just before it notes a step
			b.settle = nil
			if runs%4 == 3 {
				b.settle = func() error { return errEnd }
			}
		}
		if runs%4 == 3 {
			b := books["INBOX"]
			steps := random.IntN(3)
			b.settle = func() error {
				if steps--; steps < 0 {
					return errEnd
				}
				return nil
			}
		}
		if err := run(t.Context(), t, from, to, books); err == nil {
			break
		}
	}
	if from.Broken() < cuts || crashed.Load() == 0 {
		t.Errorf("cut %d times, ended %d times while a message was stored", from.Broken(), crashed.Load())
	}
	from.CutAfter(nil)
	was, is := from.Contents(t, "old"), to.Contents(t, "new@mandat.test")
	if diff := cmp.Diff(was, is); diff != "" {
		t.Errorf("what arrived is not what was sent:\n%.2000s", diff)
	}
	if stored.Load() != int64(n) {
		t.Errorf("%d messages were stored for %d", stored.Load(), n)
	}
	copied := 0
	for b := range maps.Values(books) {
		copied += b.copied
		if b.left != 0 || b.present != 0 || len(b.skipped) != 0 {
			t.Errorf("%+v", b)
		}
	}
	if copied != n {
		t.Errorf("%d are told to be copied, of %d", copied, n)
	}
}

func TestACopyOfWhatIsThereAddsOnlyWhatIsMissing(t *testing.T) {
	from, to := imaptest.Start(t), imaptest.Start(t)
	put(t, from.Add("old", "secret", "Sent"), 300, "INBOX", "Sent")
	destination := to.Add("new@mandat.test", "unknown")
	own := "Message-ID: <own@new.example>\r\n\r\nhello\r\n"
	destination.Put(t, "INBOX", own, month)
	if err := run(t.Context(), t, from, to, map[string]*book{}); err != nil {
		t.Fatal(err)
	}
	from.CutAfter(func() int64 { return 20_000 })
	books := map[string]*book{} // the state is lost
	for runs := 0; run(t.Context(), t, from, to, books) != nil; runs++ {
		if runs > 20 {
			from.CutAfter(nil)
		}
	}
	want := from.Contents(t, "old")
	want["INBOX"] = append(want["INBOX"], "[] 2024-03-03T11:00:00Z "+fmt.Sprint(len(own))+" "+own)
	slices.Sort(want["INBOX"])
	if diff := cmp.Diff(want, to.Contents(t, "new@mandat.test")); diff != "" {
		t.Errorf("%.2000s", diff)
	}
	if b := books["INBOX"]; b.copied != 0 || b.present == 0 {
		t.Errorf("%+v", b)
	}
}

// What was copied and is gone by now, because its owner removed it, stays gone.
func TestWhatWasRemovedMeanwhileDoesNotComeBack(t *testing.T) {
	from, to := imaptest.Start(t), imaptest.Start(t)
	put(t, from.Add("old", "secret"), 250, "INBOX")
	destination := to.Add("new@mandat.test", "unknown")
	books := map[string]*book{"INBOX": {}}
	steps := 0
	books["INBOX"].settle = func() error {
		if steps++; steps == 3 {
			return errEnd
		}
		return nil
	}
	if err := run(t.Context(), t, from, to, books); !errors.Is(err, errEnd) {
		t.Fatal(err)
	}
	destination.Remove(t, "INBOX", 5)
	books["INBOX"].settle = nil
	if err := run(t.Context(), t, from, to, books); err != nil {
		t.Fatal(err)
	}
	if n := len(to.Contents(t, "new@mandat.test")["INBOX"]); n != 249 {
		t.Errorf("%d messages, of 250 of which one was removed", n)
	}
}

func TestWhatADestinationRefuses(t *testing.T) {
	from, to := imaptest.Start(t), imaptest.Start(t)
	old := from.Add("old", "secret")
	for i := range 6 {
		old.Put(t, "INBOX", fmt.Sprintf("Message-ID: <%d@x>\r\n\r\n%s\r\n", i, strings.Repeat("y", 3000*i)), month)
	}
	destination := to.Add("new@mandat.test", "unknown")
	destination.Limit(10_000)
	books := map[string]*book{}
	if err := run(t.Context(), t, from, to, books); err != nil {
		t.Fatal(err)
	}
	if b := books["INBOX"]; b.copied != 4 || len(b.skipped) != 2 || b.skipped[0].Reason != imap.Unwanted {
		t.Errorf("%+v", b)
	}

	old.Put(t, "INBOX", "Message-ID: <full@x>\r\n\r\n"+strings.Repeat("z", 5000), month)
	destination.Fill(true)
	if err := run(t.Context(), t, from, to, books); !errors.Is(err, imap.ErrFull) {
		t.Errorf("of a full mailbox: %v", err)
	}
	destination.Fill(false)
	if err := run(t.Context(), t, from, to, books); err != nil {
		t.Fatal(err)
	}
	if n := len(to.Contents(t, "new@mandat.test")["INBOX"]); n != 5 {
		t.Errorf("%d messages", n)
	}
}

// A run that is called off ends at once, also within a large message.
func TestACopyThatIsCalledOffEndsWithinAMessage(t *testing.T) {
	from, to := imaptest.Start(t), imaptest.Start(t)
	from.Add("old", "secret").Put(t, "INBOX", "Message-ID: <large@x>\r\n\r\n"+strings.Repeat("y", 5_000_000), month)
	to.Add("new@mandat.test", "unknown")
	from.Slow(200_000)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(500*time.Millisecond, cancel)
	began := time.Now()
	if err := run(ctx, t, from, to, map[string]*book{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	from.Slow(0)
	if n := len(to.Contents(t, "new@mandat.test")["INBOX"]); n != 0 {
		t.Errorf("%d messages, of half of one", n)
	}
}

// The part that was being copied is taken up as it was, also by a program that
// makes parts of another size: else what it stored would count for less of the source.
func TestAPartThatWasBegunIsEndedAsItWas(t *testing.T) {
	from, to := imaptest.Start(t), imaptest.Start(t)
	put(t, from.Add("old", "secret"), 400, "INBOX")
	destination := to.Add("new@mandat.test", "unknown")
	var stored atomic.Int64
	destination.After(func() error {
		if stored.Add(1) == 230 {
			return errEnd
		}
		return nil
	})
	// As by a program with parts of 250 messages.
	books := map[string]*book{"INBOX": {state: imap.State{Validity: 1, Until: 250, TargetValidity: 1, TargetFirst: 1, TargetNext: 1}}}
	for runs := 0; run(t.Context(), t, from, to, books) != nil; runs++ {
		if runs > 5 {
			t.Fatal("it does not come to an end")
		}
		b := books["INBOX"]
		steps := 0
		b.settle = func() error { // the next one ends as soon as it has noted a part
			if steps++; steps == 3 && runs == 0 {
				return errEnd
			}
			return nil
		}
	}
	if diff := cmp.Diff(from.Contents(t, "old"), to.Contents(t, "new@mandat.test")); diff != "" || stored.Load() != 400 {
		t.Errorf("%d stored\n%.1000s", stored.Load(), diff)
	}
}
