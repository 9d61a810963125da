package mail_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.org/mandat/mail/mailtest"
	"example.org/mandat/models/cast"
)

// One stack serves the tests of this package: it takes seconds to start.
var shared struct {
	once  sync.Once
	stack *mailtest.Stack
	err   error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.stack != nil {
		shared.stack.Stop()
	}
	took.print()
	os.Exit(code)
}

// stack is the running stack, or the reason why there is none.
func stack(t testing.TB) *mailtest.Stack {
	t.Helper()
	if why := mailtest.Missing(); why != "" {
		t.Skip("not run, nothing of the mail servers is proven here: " + why)
	}
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		shared.stack, shared.err = mailtest.Start(ctx, false)
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(shared.stack.Logs())
		}
	})
	return shared.stack
}

// The limits within which a change has its effect, on a machine that is busy.
// What it takes on an idle one is what `make bench` reports.
const (
	soon        = 10 * time.Second
	liveSession = 5 * time.Second
)

const (
	password = "mirabelle-au-four-12"
	stranger = "someone@elsewhere.test"
)

// owner is Alice at her panel, with the mail servers beside it.
type owner struct {
	*mailtest.Stack
	*mailtest.Visitor
}

func alice(t testing.TB) owner {
	t.Helper()
	s := stack(t)
	return owner{s, s.Visit(t, cast.Alice, cast.Password)}
}

// serial numbers what must not be there yet.
var serial struct {
	sync.Mutex
	n int
}

func fresh(name string) string {
	serial.Lock()
	defer serial.Unlock()
	serial.n++
	return fmt.Sprintf("%s%d", name, serial.n)
}

const garrigue = "/services/" + cast.Garrigue

// mailbox makes an account with the password and returns its local part and address.
func (o owner) mailbox(t testing.TB, name string) (local, address string) {
	t.Helper()
	local = fresh(name)
	o.Do(t, garrigue+"/new-email", garrigue+"/emails", "local", local, "size_gb", "1", "password", password, "password_again", password)
	return local, local + "@" + cast.Garrigue
}

// on is a page of an account.
func on(local string, more ...string) string {
	return strings.Join(append([]string{garrigue + "/emails/" + local}, more...), "/")
}

// filter makes a filter of an account, of one rule on the subject.
func (o owner) filter(t testing.TB, local, subject, action, target string) time.Time {
	t.Helper()
	done, _ := o.Do(t, on(local, "filters", "new"), on(local, "filters"), "name", subject, "rules-1-header", "subject", "rules-1-operator", "contains", "rules-1-value", subject, "action", action, "target", target)
	return done
}

// receive sends a message from outside; the error is Postfix's.
func (o owner) receive(to, subject string, more ...string) error {
	return o.Send(stranger, to, mailtest.Message(stranger, to, subject, more...))
}

// got waits for a message from outside in a folder.
func (o owner) got(t testing.TB, address, folder, subject string) mailtest.Mail {
	t.Helper()
	return o.Await(t, address, password, folder, subject)
}

// none says that nothing of that subject came, once something sent later has.
func (o owner) none(t testing.TB, address, folder, subject string) {
	t.Helper()
	later := fresh("later")
	if err := o.receive(address, later); err != nil {
		t.Fatal(err)
	}
	o.got(t, address, "INBOX", later)
	if slices.ContainsFunc(o.Folder(t, address, password, folder), func(m mailtest.Mail) bool { return m.Subject == subject }) {
		t.Errorf("%q came to %s of %s", subject, folder, address)
	}
}

// took collects what the effects took from the panel's answer on.
var took = &durations{}

type durations struct {
	sync.Mutex
	names []string
	times map[string][]time.Duration
}

// note keeps one; the clock began with the answer of the panel.
func (d *durations) note(effect string, since time.Time) {
	d.Lock()
	defer d.Unlock()
	if d.times == nil {
		d.times = map[string][]time.Duration{}
	}
	if d.times[effect] == nil {
		d.names = append(d.names, effect)
	}
	d.times[effect] = append(d.times[effect], time.Since(since))
}

func (d *durations) print() {
	d.Lock()
	defer d.Unlock()
	for _, name := range d.names {
		list := d.times[name]
		slices.Sort(list)
		fmt.Printf("effect %-52s %5d ms (median of %d, most %d)\n", name, list[len(list)/2].Milliseconds(), len(list), list[len(list)-1].Milliseconds())
	}
}
