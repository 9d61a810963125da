package handlers_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/mandat/mail/imap"
	"example.org/mandat/mail/imap/connect"
	"example.org/mandat/mail/imap/imaptest"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
)

const importsOfContact = "/services/" + cast.Garrigue + "/emails/contact/imports"

// elsewhere takes every name for that of one server, which a form could not name:
// it is on loopback, at a port of its own and without TLS.
type elsewhere struct {
	connect.Servers
	at imap.Server
}

func (e elsewhere) Check(s imap.Server) (imap.Server, error) { return s, nil }

func (e elsewhere) Source(ctx context.Context, _ imap.Server, username, password string) (imap.Session, error) {
	return e.Servers.Source(ctx, e.at, username, password)
}

// importing has a server elsewhere with the account old, and the own one with contact@.
func (s *site) importing(t *testing.T, folders ...string) (from *imaptest.Server, old *imaptest.Account) {
	t.Helper()
	from, own := imaptest.Start(t), imaptest.Start(t)
	old = from.Add("old", "s3cret-there", folders...)
	own.Add("contact@garrigue.example", "unknown", "Sent")
	s.Importer.Reach(elsewhere{connect.Servers{Policy: imaptest.Policy(from), Own: own.Own(t)}, from.At()})
	return from, old
}

var importForm = url.Values{"host": {"imap.ancien.example"}, "security": {"tls"}, "username": {"old"}, "password": {"s3cret-there"}}

// importDone looks at the page of an import until no job works at it.
func (v *visitor) importDone(path string) *answer {
	v.t.Helper()
	for late := time.After(30 * time.Second); ; {
		page := v.get(path)
		if page.Find("#import[data-stream]").Length() == 0 {
			return page
		}
		select {
		case <-late:
			v.t.Fatalf("not after 30 seconds: %s", page.text("main"))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestMailIsImported(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, old := s.importing(t, "Sent", `<b>"Été"`)
		for n := range 30 {
			old.Put(t, []string{"INBOX", "Sent", `<b>"Été"`}[n%3], fmt.Sprintf("Message-ID: <%d@old>\r\n\r\nx\r\n", n), time.Now())
		}
		s.working(t)
		alice := s.as(t, cast.Alice)
		if !strings.Contains(alice.get("/services/"+cast.Garrigue+"/emails/contact").body, importsOfContact) {
			t.Error("the page of the address does not lead to the imports")
		}
		page := alice.get(importsOfContact)
		begun := alice.submit(page, importsOfContact, importForm)
		if begun.status != http.StatusSeeOther {
			t.Fatalf("%d %s", begun.status, begun.text(".errors"))
		}
		choosing := alice.importDone(begun.location)
		if got := choosing.texts("fieldset label"); got != `Boîte de réception | Sent | <b>"Été"` {
			t.Errorf("the folders: %q", got)
		}
		none := alice.post(begun.location+"/selection", url.Values{"submission": {choosing.submission()}})
		if none.status != http.StatusUnprocessableEntity || !strings.Contains(none.text(".errors"), "Choisissez au moins un dossier") {
			t.Errorf("nothing chosen: %d %s", none.status, none.text(".errors"))
		}
		started := alice.submit(none, begun.location+"/selection", nil) // as they are ticked
		if started.status != http.StatusSeeOther || started.location != begun.location {
			t.Fatalf("%d %s", started.status, started.text("main"))
		}
		done := alice.importDone(started.location)
		if got := done.text(".message"); got != "L’import est fait : 30 messages ont été copiés." {
			t.Errorf("%q", got)
		}
		if got := done.texts("tbody th"); got != `Boîte de réception | Sent | <b>"Été"` {
			t.Errorf("%q", got)
		}
		if strings.Contains(done.body, "s3cret-there") || strings.Contains(choosing.body, "s3cret-there") {
			t.Error("a page has the password")
		}
		history := alice.get("/services/" + cast.Garrigue + "/history").text("main")
		for _, text := range []string{"a demandé un import de messages dans contact@garrigue.example", "a commencé un import", "imap.ancien.example:993", "est fait."} {
			if !strings.Contains(history, text) {
				t.Errorf("the history has no %q", text)
			}
		}
	})
}

func TestAnImportThatIsRefusedComesBackAsTyped(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		alice := s.as(t, cast.Alice)
		s.Importer.Reach(connect.Servers{})
		page := alice.get(importsOfContact)
		refused := alice.submit(page, importsOfContact, url.Values{"host": {"192.168.1.1"}, "security": {"starttls"}, "username": {"old"}, "password": {"s3cret-there"}})
		if refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.text(".errors"), "Il lui faut une adresse publique") {
			t.Errorf("%d %s", refused.status, refused.text("main"))
		}
		for selector, want := range map[string]string{"[name=host]": "192.168.1.1", "[name=username]": "old", "[name=password]": "", "[name=security] [selected]": "starttls"} {
			if got := refused.Find(selector).AttrOr("value", ""); got != want {
				t.Errorf("%s is %q", selector, got)
			}
		}
	})
}

func TestWithoutAMailServerNoImportIsOffered(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		if s.Store.Embedded() {
			t.Skip("one process has the file") // and the other store is a second one
		}
		store, err := models.Open(t.Context(), models.Config{URL: s.URL, Clock: s.Clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		without := *s.World
		without.Store = store
		alice := newSite(t, &without).as(t, cast.Alice)
		page := alice.get(importsOfContact)
		if page.Find("[name=host]").Length() != 0 || !strings.Contains(page.text(".message"), "Aucun serveur de messagerie") {
			t.Errorf("%s", page.text("main"))
		}
		form := url.Values{"submission": {page.submission()}}
		for name, value := range importForm {
			form[name] = value
		}
		if sent := alice.post(importsOfContact, form); sent.status != http.StatusUnprocessableEntity {
			t.Errorf("%d", sent.status)
		}
	})
}

// A follower reads a stream of events, each as its name and what it has.
type follower struct {
	events chan [2]string
	ended  chan struct{}
	status int
	kind   string
}

func (v *visitor) follows(path string) *follower {
	v.t.Helper()
	ctx, cancel := context.WithCancel(v.t.Context())
	v.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.site.url+path, http.NoBody)
	if err != nil {
		v.t.Fatal(err)
	}
	request.Header.Set("Accept-Encoding", "gzip") // it must come as it is told
	response, err := v.client.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	f := &follower{events: make(chan [2]string, 1000), ended: make(chan struct{}), status: response.StatusCode, kind: response.Header.Get("Content-Type") + response.Header.Get("Content-Encoding")}
	go func() {
		defer close(f.ended)
		defer response.Body.Close()
		name, data := "", ""
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			switch field, value, _ := strings.Cut(lines.Text(), ":"); field {
			case "event":
				name = strings.TrimSpace(value)
			case "data":
				data += strings.TrimPrefix(value, " ") + "\n"
			case "":
				if data != "" {
					f.events <- [2]string{name, data}
				}
				name, data = "", ""
			}
		}
	}()
	return f
}

func (f *follower) next(t *testing.T) [2]string {
	t.Helper()
	select {
	case e := <-f.events:
		return e
	case <-time.After(10 * time.Second):
		t.Fatal("nothing is told")
	}
	return [2]string{}
}

// long is an import of Bruno's that is under way, of one large message.
func (s *site) long(t *testing.T) (path string) {
	t.Helper()
	from, old := s.importing(t)
	old.Put(t, "INBOX", "Message-ID: <large@old>\r\n\r\n"+strings.Repeat("large ", 3_000_000), time.Now())
	s.working(t)
	bruno := s.as(t, cast.Bruno)
	begun := bruno.submit(bruno.get(importsOfContact), importsOfContact, importForm)
	choosing := bruno.importDone(begun.location)
	from.Slow(100_000)
	if started := bruno.submit(choosing, begun.location+"/selection", nil); started.status != http.StatusSeeOther {
		t.Fatal(started.status)
	}
	return begun.location
}

func TestProgressIsToldAsItComes(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		path := s.long(t)
		alice := s.as(t, cast.Alice)
		f := alice.follows(path + "/progress")
		if f.status != http.StatusOK || f.kind != "text/event-stream" {
			t.Errorf("%d %s", f.status, f.kind)
		}
		if e := f.next(t); e[0] != "" || !strings.Contains(e[1], "0 messages sur 1") || strings.Contains(e[1], "hx-get") {
			t.Errorf("%q", e)
		}
		page := alice.get(path)
		if page.Find("#import[data-stream]").AttrOr("data-stream", "") != path+"/progress" || page.Find("#import [hx-get]").Length() != 1 {
			t.Errorf("the page does not ask: %s", page.body)
		}
		if cancelled := alice.submit(page, path+"/cancellation", nil); cancelled.status != http.StatusSeeOther {
			t.Error(cancelled.status)
		}
		if e := f.next(t); !strings.Contains(e[1], "L’import est annulé") {
			t.Errorf("%q", e)
		}
		if e := f.next(t); e[0] != "end" {
			t.Errorf("%q", e)
		}
		select {
		case <-f.ended:
		case <-time.After(5 * time.Second):
			t.Error("the stream goes on")
		}
		if again := alice.post(path+"/cancellation", url.Values{"submission": {page.submission()}}); again.status != http.StatusSeeOther {
			t.Errorf("the same form once more: %d", again.status)
		}
	})
}

func TestAStreamOutlivesTheLimitsOfOtherRequests(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		path := s.long(t)
		server := httptest.NewUnstartedServer(s.handler)
		server.Config.ReadTimeout, server.Config.WriteTimeout = time.Second, time.Second
		server.Start()
		t.Cleanup(server.Close)
		strict := *s
		strict.url = server.URL
		alice := s.as(t, cast.Alice)
		alice.site = &strict
		f := alice.follows(path + "/progress")
		f.next(t)
		select {
		case <-f.ended:
			t.Error("it ended")
		case <-time.After(5 * time.Second):
		}
	})
}

// The figures that were promised: 2 s for a stream, 5 s for a job.
func TestARevocationEndsStreamAndImport(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		path := s.long(t)
		f := s.as(t, cast.Bruno).follows(path + "/progress")
		f.next(t)
		share := int64(s.Int(t, "SELECT g.id FROM grants g JOIN customers c ON c.id = g.grantee_id WHERE c.identifier = 'bm1002-mdt' AND g.domain = 'garrigue.example' AND g.kind = 'service'"))
		if _, err := s.Store.Revoke(t.Context(), s.Actor(t, cast.Alice), share); err != nil {
			t.Fatal(err)
		}
		revoked := time.Now()
		select {
		case <-f.ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the stream goes on")
		}
		if took := time.Since(revoked); took > 2500*time.Millisecond { // a busy machine takes some of it
			t.Errorf("the stream went on for %v", took)
		}
		for s.Int(t, "SELECT count(*) FROM imports WHERE state = 'stopped' AND password IS NULL") == 0 {
			if time.Since(revoked) > 7*time.Second {
				t.Fatal("the import goes on")
			}
			time.Sleep(50 * time.Millisecond)
		}
	})
}

func TestASessionThatEndsEndsItsStream(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		path := s.long(t)
		alice := s.as(t, cast.Alice)
		f := alice.follows(path + "/progress")
		f.next(t)
		if alice.post("/session/end", url.Values{"submission": {alice.get(path).submission()}}).status != http.StatusSeeOther {
			t.Error("not signed out")
		}
		select {
		case <-f.ended:
		case <-time.After(10 * time.Second):
			t.Fatal("the stream goes on")
		}
	})
}

func TestStreamsAreBounded(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		path := s.long(t)
		alice := s.as(t, cast.Alice)
		for range 4 {
			if f := alice.follows(path + "/progress"); f.status != http.StatusOK {
				t.Errorf("%d", f.status)
			}
		}
		if f := alice.follows(path + "/progress"); f.status != http.StatusServiceUnavailable {
			t.Errorf("one too many: %d", f.status)
		}
		if f := s.as(t, cast.Bruno).follows(path + "/progress"); f.status != http.StatusOK {
			t.Errorf("somebody else: %d", f.status)
		}
	})
}
