package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

const team = garrigue + "/lists/equipe/members"

// letters waits until a directory has n messages of a kind and reads them.
func letters(t *testing.T, dir, kind string, n int) (list []*mail.Message) {
	t.Helper()
	late := time.Now().Add(startLimit)
	for {
		names, err := filepath.Glob(filepath.Join(dir, kind+".*.eml"))
		if err != nil {
			t.Fatal(err)
		}
		if len(names) >= n {
			for _, name := range names {
				raw, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				m, err := mail.ReadMessage(strings.NewReader(string(raw)))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				list = append(list, m)
			}
			return list
		}
		if time.Now().After(late) {
			t.Fatalf("%d messages in %s, want %d", len(names), dir, n)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// parts are the text of a message and the file that comes with it.
func parts(t *testing.T, m *mail.Message) (text, name, file string) {
	t.Helper()
	_, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for r := multipart.NewReader(m.Body, parameters["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return text, name, file
		}
		if err != nil {
			t.Fatal(err)
		}
		body := io.Reader(quotedprintable.NewReader(part))
		if part.Header.Get("Content-Transfer-Encoding") == "base64" {
			body = base64.NewDecoder(base64.StdEncoding, part)
		}
		content, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		if part.FileName() == "" {
			text = strings.ReplaceAll(string(content), "\r\n", "\n")
		} else {
			name, file = part.FileName(), string(content)
		}
	}
}

// The whole way: a person presses the button, a process works, and the owner of
// the list has the file that the person could have downloaded.
func TestTheSubscribersOfAListReachItsOwner(t *testing.T) {
	t.Parallel()
	postgres := modelstest.OnPostgres(t)
	for _, c := range []struct{ name, serve, work, database string }{
		{"sqlite", "serve --demo", "", "MANDAT_DATABASE_URL="},
		{"postgres", "serve --no-work", "work", "MANDAT_DATABASE_URL=" + postgres.URL},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "mail")
			settings := []string{c.database, "MANDAT_DATA_DIR=" + t.TempDir(), "MANDAT_MAIL=file:" + dir, "MANDAT_MAIL_FROM=Équipe <panel@mandat.example>"}
			panel := start(t, c.serve, settings...)
			if c.work != "" {
				start(t, c.work, settings...)
			}
			bruno := signedIn(t, panel, cast.Bruno)
			if status, body := bruno.post(panel, team+"/mailing", bruno.form(panel, team, nil)); status != http.StatusSeeOther {
				t.Fatalf("%d %s", status, body)
			}
			m := letters(t, dir, "list-mailing", 1)[0]
			word := new(mime.WordDecoder)
			subject, err := word.DecodeHeader(m.Header.Get("Subject"))
			to, err2 := m.Header.AddressList("To")
			from, err3 := m.Header.AddressList("From")
			if errors.Join(err, err2, err3) != nil || subject != "Abonnés de equipe@garrigue.example" || len(to) != 1 || to[0].Address != "rh@garrigue.example" || from[0].String() != "=?utf-8?q?=C3=89quipe?= <panel@mandat.example>" {
				t.Errorf("%q to %v from %v", subject, to, from)
			}
			text, name, file := parts(t, m)
			if !strings.Contains(text, "les 6 abonnés de la liste equipe@garrigue.example") || !strings.Contains(text, cast.Bruno+" l’a demandé") || name != "garrigue.example-equipe-subscribers.csv" {
				t.Errorf("%q, %q", text, name)
			}
			alice := signedIn(t, panel, cast.Alice)
			if _, exported := alice.get(panel, team+".csv"); file != exported || strings.Count(file, "\r\n") != 7 || !strings.Contains(file, "\r\ndavid@nguyen-velos.example;") {
				t.Errorf("%q, the export is %q", file, exported)
			}
			modelstest.Await(t, startLimit, "the page says that it was sent", func() bool {
				_, body := bruno.get(panel, team)
				return strings.Contains(body, "Envoyé")
			})
			for _, secret := range []string{"alice.besson@", "david@nguyen"} {
				if strings.Contains(panel.logged(), secret) {
					t.Errorf("the log has %s", secret)
				}
			}
		})
	}
}

func TestTheDemoWorldShowsItsMail(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := start(t, "serve --demo", "MANDAT_DATA_DIR="+data)
	alice := signedIn(t, p, cast.Alice)
	if status, _ := alice.post(p, team+"/mailing", alice.form(p, team, nil)); status != http.StatusSeeOther {
		t.Fatal(status)
	}
	letters(t, filepath.Join(data, "mail"), "list-mailing", 1)
	p.stop(t)
	if want := fmt.Sprintf("Email of the panel goes to file:%s/mail.", data); !strings.Contains(p.out.String(), want) {
		t.Errorf("the introduction lacks %q:\n%s", want, &p.out)
	}
}

// The whole way of a notice: one person delegates, and another reads of it in
// their language, with a way to the panel.
func TestWhoeverIsGivenSomethingReadsOfIt(t *testing.T) {
	t.Parallel()
	postgres := modelstest.OnPostgres(t)
	for _, c := range []struct{ name, serve, work, database, origin string }{
		{"sqlite", "serve --demo", "", "MANDAT_DATABASE_URL=", ""},
		{"postgres", "serve --no-work", "work", "MANDAT_DATABASE_URL=" + postgres.URL, "https://panel.mandat.example"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "mail")
			settings := []string{c.database, "MANDAT_DATA_DIR=" + t.TempDir(), "MANDAT_MAIL=file:" + dir, "MANDAT_MAIL_FROM=Mandat <panel@mandat.example>"}
			panel := start(t, c.serve, settings...)
			if c.work != "" {
				start(t, c.work, append(settings, "MANDAT_ORIGIN="+c.origin)...)
			}
			alice, page := signedIn(t, panel, cast.Alice), garrigue+"/emails/rh/grants"
			if status, body := alice.post(panel, page, alice.form(panel, page, url.Values{"identifiers": {cast.Emma}, "note": {"<b>\r\nBcc: x"}})); status != http.StatusSeeOther {
				t.Fatalf("%d %s", status, body)
			}
			origin := c.origin
			if origin == "" {
				origin = panel.origin
			}
			found := false
			for _, m := range letters(t, dir, "notice", 2) { // Chloé is reminded of an end that is near
				to, err := m.Header.AddressList("To")
				if err != nil || len(to) != 1 {
					t.Fatal(to, err)
				}
				text, html := alternatives(t, m)
				switch to[0].Address {
				case "emma@petit.example":
					found = true
					if s := m.Header.Get("Subject"); s != "You now manage rh@garrigue.example" || m.Header.Get("Bcc") != "" {
						t.Errorf("%q", m.Header)
					}
					for _, want := range []string{"Hello Emma Petit,", "Alice Durand (ad1001-mdt)", "- change its description", "Note: <b> Bcc: x", origin + "/grants/"} {
						if !strings.Contains(text, want) {
							t.Errorf("the text lacks %q:\n%s", want, text)
						}
					}
					for _, want := range []string{`<html lang="en">`, "&lt;b&gt; Bcc: x", `<a href="` + origin + "/grants/"} {
						if !strings.Contains(html, want) {
							t.Errorf("the HTML lacks %q:\n%s", want, html)
						}
					}
				case "chloe@laurent-assistance.example":
					if !strings.Contains(html, `<html lang="fr">`) || !strings.Contains(text, "accueil@garrigue.example prend fin le") {
						t.Errorf("%s", text)
					}
				default:
					t.Errorf("to %s:\n%s", to[0], text)
				}
				for _, loaded := range []string{"<img", "<link", "<script", "url(", "@import", " src="} {
					if strings.Contains(html, loaded) {
						t.Errorf("%s in\n%s", loaded, html)
					}
				}
			}
			if !found {
				t.Error("Emma is not told")
			}
		})
	}
}

// alternatives are the text and the HTML of a message.
func alternatives(t *testing.T, m *mail.Message) (text, html string) {
	t.Helper()
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatal(kind, err)
	}
	r := multipart.NewReader(m.Body, parameters["boundary"])
	var list []string
	for range 2 {
		part, err := r.NextPart() // which decodes it
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, strings.ReplaceAll(string(content), "\r\n", "\n"))
	}
	return list[0], list[1]
}

func TestAPanelWithoutMailSaysSoOnce(t *testing.T) {
	t.Parallel()
	for settings, want := range map[string]string{
		"": "no mail is sent, and what needs it is not offered", "MANDAT_MAIL=smtps://panel:s3cret@mx.example": "smtps://mx.example:465",
	} {
		p := start(t, "serve", "MANDAT_DATA_DIR="+t.TempDir(), settings, "MANDAT_MAIL_FROM=panel@mandat.example")
		p.stop(t)
		if log := p.logged(); strings.Count(log, want) != 1 || strings.Contains(log, "s3cret") {
			t.Errorf("%s: the log lacks %q, or says too much:\n%s", settings, want, log)
		}
	}
}

// mailServer says no to every recipient, or nothing at all. It tells its address
// and when somebody has come.
func mailServer(t *testing.T, hangs bool) (address string, came <-chan struct{}) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	visits := make(chan struct{}, 10)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			visits <- struct{}{}
			go func() {
				text := textproto.NewConn(conn)
				defer text.Close()
				if hangs {
					_, _ = text.ReadLine() // until the panel goes away
					return
				}
				_ = text.PrintfLine("220 mx.example ESMTP")
				for {
					line, err := text.ReadLine()
					if err != nil {
						return
					}
					answer := "250 2.0.0 Ok"
					if strings.HasPrefix(line, "RCPT") {
						answer = "550 5.1.1 No such person"
					}
					_ = text.PrintfLine("%s", answer)
				}
			}()
		}
	}()
	return listener.Addr().String(), visits
}

func TestARefusalOfTheMailServerIsToldOnThePage(t *testing.T) {
	t.Parallel()
	address, came := mailServer(t, false)
	p := start(t, "serve --demo", "MANDAT_DATA_DIR="+t.TempDir(), "MANDAT_MAIL=smtp://"+address, "MANDAT_MAIL_FROM=panel@mandat.example")
	alice := signedIn(t, p, cast.Alice)
	if status, _ := alice.post(p, team+"/mailing", alice.form(p, team, nil)); status != http.StatusSeeOther {
		t.Fatal(status)
	}
	<-came
	modelstest.Await(t, startLimit, "the page tells it", func() bool {
		_, body := alice.get(p, team)
		return strings.Contains(body, "Le serveur a refusé l’email à rh@garrigue.example")
	})
	p.tells(t, "5.1.1 No such person")
	if log := p.logged(); strings.Contains(log, "alice.besson@") {
		t.Errorf("the log:\n%s", log)
	}
}

func TestAPanelStopsAlthoughItsMailServerHangs(t *testing.T) {
	t.Parallel()
	address, came := mailServer(t, true)
	p := start(t, "serve --demo", "MANDAT_DATA_DIR="+t.TempDir(), "MANDAT_MAIL=smtp://"+address, "MANDAT_MAIL_FROM=panel@mandat.example")
	alice := signedIn(t, p, cast.Alice)
	if status, _ := alice.post(p, team+"/mailing", alice.form(p, team, nil)); status != http.StatusSeeOther {
		t.Fatal(status)
	}
	<-came
	if took := p.stop(t); took > 20*time.Second {
		t.Errorf("stopping took %v\n%s", took, p.logged())
	}
}
