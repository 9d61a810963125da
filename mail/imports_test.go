package mail_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.org/mandat/mail/imap"
	"example.org/mandat/mail/imap/connect"
	"example.org/mandat/mail/imap/imaptest"
	"example.org/mandat/models/cast"
)

// once keeps the state of a copy that is not interrupted.
type once struct{}

func (once) Begin(context.Context, imap.State) error           { return nil }
func (once) Matched(context.Context) ([]uint32, error)         { return nil, nil }
func (once) Settle(_ context.Context, s imap.Step) (err error) { return nil }

// The panel's pages lead to servers at the ports of IMAP alone, which a test has
// not. So this is what its worker does, with the setting that is shipped: it signs
// in as the master, without the password of the account, also when it is blocked.
func TestTheMasterCopiesIntoAMailbox(t *testing.T) {
	t.Parallel()
	o := alice(t)
	local := fresh("repris")
	address := local + "@" + cast.Garrigue
	o.Do(t, garrigue+"/new-email", garrigue+"/emails", "local", local, "size_gb", "0,1")
	o.Do(t, garrigue+"/emails/"+local, on(local, "block"))
	time.Sleep(3 * time.Second) // blocking ends all sessions of the address, twice, and would end ours
	from := imaptest.Start(t)
	old := from.Add("old", "secret", "Sent", "Clients/Été & Cie")
	at := time.Date(2021, time.July, 4, 23, 59, 58, 0, time.FixedZone("", -7200))
	for n := range 30 {
		old.Put(t, []string{"INBOX", "Sent", "Clients/Été & Cie"}[n%3], fmt.Sprintf("Message-ID: <%d@old>\r\nSubject: %d\r\n\r\n%s\r\n", n, n, strings.Repeat("x\r\n", n)), at.Add(time.Duration(n)*time.Second), `\Seen`, "$label")
	}
	own, err := connect.ParseOwn(fmt.Sprintf("imap://mandat:%s@127.0.0.1:%d", o.Settings.Secrets.Master, o.Settings.Ports.IMAP))
	if err != nil {
		t.Fatal(err)
	}
	source, err := imaptest.Policy(from).Open(t.Context(), from.At(), "old", "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	destination, err := own.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer destination.Close()
	folders, err := source.Folders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for _, p := range imap.PlanFolders(folders, "/") {
		if err := imap.Copy(t.Context(), source, destination, p.Name, p.Target, imap.State{}, once{}); err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
	}
	took.note("import of 30 messages, without its pages", began)
	want := from.Contents(t, "old")
	for _, empty := range []string{"Drafts", "Trash", "Junk"} {
		want[empty] = []string{}
	}
	if diff := cmp.Diff(want, imaptest.ContentsOf(t, destination)); diff != "" {
		t.Errorf("%.2000s", diff)
	}

	for n := range 12 {
		old.Put(t, "Sent", fmt.Sprintf("Message-ID: <large-%d@old>\r\n\r\n%s", n, strings.Repeat(strings.Repeat("y", 78)+"\r\n", 125_000)), at)
	}
	if err := imap.Copy(t.Context(), source, destination, "Sent", "Sent", imap.State{}, once{}); !errors.Is(err, imap.ErrFull) {
		t.Errorf("of a mailbox of 100 MB: %v", err)
	}
	if _, err := own.Open(t.Context(), "nobody-"+address); err == nil {
		t.Error("it signs in to no mailbox")
	}
}
