package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/mandat/handlers"
	"example.org/mandat/mail/imap"
	"example.org/mandat/mail/imap/connect"
	"example.org/mandat/mail/imap/imaptest"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

// elsewhere takes every name for that of one server on loopback, which a form
// could not name.
type elsewhere struct {
	connect.Servers
	from *imaptest.Server
}

func (e elsewhere) Check(s imap.Server) (imap.Server, error) { return s, nil }

func (e elsewhere) Source(ctx context.Context, _ imap.Server, username, password string) (imap.Session, error) {
	return e.Servers.Source(ctx, e.from.At(), username, password)
}

// importingPanel is a panel in this process, with a mail server to import into
// and an account elsewhere whose server takes its time.
func importingPanel(t *testing.T) *panel {
	t.Helper()
	w := modelstest.OnSQLite(t)
	from, own := imaptest.Start(t), imaptest.Start(t)
	old := from.Add("old", "secret-there", "Sent", "Trash")
	for n := range 40 {
		old.Put(t, []string{"INBOX", "Sent"}[n%2], fmt.Sprintf("Message-ID: <%d@old>\r\n\r\n%s\r\n", n, strings.Repeat("x", 1000)), time.Now())
	}
	own.Add("contact@garrigue.example", "unknown", "Sent")
	from.Slow(120_000)
	w.Importer.Reach(elsewhere{connect.Servers{Policy: imaptest.Policy(from), Own: own.Own(t)}, from})

	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &panel{origin: "http://" + listener.Addr().String()}
	origin, err := url.Parse(p.origin)
	if err != nil {
		t.Fatal(err)
	}
	router, err := handlers.New(handlers.Config{Store: w.Store, Log: slog.New(slog.DiscardHandler), Origin: origin, Stopping: ctx})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(router)
	server.Listener = listener
	server.Start()
	ended := make(chan error, 1)
	go func() { ended <- w.Store.Work(ctx) }()
	t.Cleanup(func() {
		stop()
		server.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p
}

// importMail goes from the form to the result. With a script the page goes on by
// itself; without, one asks for it.
func importMail(v *visitor) {
	v.signIn(cast.Alice)
	v.follow(v.addresses(40))
	v.open(v.actions("contact"))
	v.follow(v.say("account.settings"))
	v.follow(v.say("import.title"))
	v.see(v.say("import.text"), v.say("import.password.hint"))
	v.check()
	v.press(v.say("import.test"))
	v.see(v.say("import.host.missing"), v.say("import.password.missing"))
	v.check()
	v.typeIn(v.say("import.host"), "imap.ancien.example")
	v.typeIn(v.say("import.username"), "old")
	v.typeIn(v.say("import.password"), "secret-there")
	v.press(v.say("import.test"))
	v.comes(v.say("import.choosing"))
	v.see(v.say("import.folders.hint"))
	v.check()
	v.press(v.say("import.start"))
	v.see(v.say("import.cancel"), v.say("import.caption"))
	v.check()
	v.comes(v.words.N("import.done", 40))
	v.see(v.say("import.copied"), v.words.Number(40))
	v.check()
	v.follow(v.say("import.back"))
	v.see(v.say("import.state.done"))
	v.check()
}

// comes waits for a text that a job brings about.
func (v *visitor) comes(text string) {
	v.t.Helper()
	for late := time.Now().Add(40 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if shown, err := v.text(); err == nil && strings.Contains(shown, spaces(text)) {
			return
		}
		if time.Now().After(late) {
			v.see(text)
			return
		}
		if !v.manner.script && v.has(v.say("import.refresh"), "link") {
			v.follow(v.say("import.refresh"))
		}
	}
}
