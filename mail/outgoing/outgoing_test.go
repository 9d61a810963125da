package outgoing

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func sender(t *testing.T) Sender {
	t.Helper()
	s, err := ParseSender("Équipe Mandat <panel@mandat.example>")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func letter() *Message {
	return &Message{
		ID: "list-mailing.7.1764252000", To: "rh@garrigue.example", Subject: "Abonnés de equipe@garrigue.example", Text: "Bonjour,\n\nvoilà.\n.\nfin", Date: time.Date(2026, 11, 27, 14, 2, 0, 0, time.UTC),
		Attachment: &Attachment{Name: "equipe.csv", Type: "text/csv; charset=utf-8", Data: []byte("\ufeffAdresse\r\n'=a@else.example\r\n")},
	}
}

// opened is a message as a mail program reads it.
type opened struct {
	netmail.Header
	text, file, name string
}

func open(t *testing.T, raw string) opened {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	o := opened{Header: m.Header}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind == "text/plain" {
		o.text = decoded(t, m.Header.Get("Content-Transfer-Encoding"), m.Body)
		return o
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return o
		}
		if err != nil {
			t.Fatal(err)
		}
		content := decoded(t, part.Header.Get("Content-Transfer-Encoding"), part)
		if part.FileName() == "" {
			o.text = content
		} else {
			o.file, o.name = content, part.FileName()
		}
	}
}

func decoded(t *testing.T, encoding string, r io.Reader) string {
	t.Helper()
	switch encoding {
	case "quoted-printable":
		r = quotedprintable.NewReader(r)
	case "base64":
		r = base64.NewDecoder(base64.StdEncoding, r)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAMessageReadsAsItWasMeant(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	mailer := FileRoute(dir).Mailer(sender(t))
	for range 2 { // the second time it takes the place of the first
		if err := mailer.Send(t.Context(), letter()); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "list-mailing.7.1764252000.eml" {
		t.Fatalf("%v, %v", files, err)
	}
	info, _ := files[0].Info()
	within, _ := os.Stat(dir)
	if info.Mode().Perm() != 0o600 || within.Mode().Perm() != 0o700 {
		t.Errorf("others may read: %v in %v", info.Mode(), within.Mode())
	}
	raw, err := os.ReadFile(filepath.Join(dir, files[0].Name()))
	if err != nil {
		t.Fatal(err)
	}
	o := open(t, string(raw))
	word := new(mime.WordDecoder)
	subject, _ := word.DecodeHeader(o.Get("Subject"))
	from, err := o.AddressList("From")
	if err != nil || from[0].Name != "Équipe Mandat" || from[0].Address != "panel@mandat.example" || subject != letter().Subject {
		t.Errorf("from %v, about %q, %v", from, subject, err)
	}
	for header, want := range map[string]string{
		"To": "<rh@garrigue.example>", "Message-Id": "<list-mailing.7.1764252000@mandat.example>", "Auto-Submitted": "auto-generated", "Date": "Fri, 27 Nov 2026 14:02:00 +0000", "User-Agent": "",
	} {
		if got := o.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	if text := strings.ReplaceAll(o.text, "\r\n", "\n"); text != letter().Text || o.file != string(letter().Attachment.Data) || o.name != "equipe.csv" {
		t.Errorf("%q, %q as %q", text, o.file, o.name)
	}
	if !isASCII(raw) {
		t.Error("octets that an old server may break")
	}
}

func isASCII(b []byte) bool {
	return bytes.IndexFunc(b, func(r rune) bool { return r > 127 }) < 0
}

func TestATextIsNeverACommand(t *testing.T) {
	s := newSink(t)
	mailer := s.mailer(t, "smtp", "", "")
	for _, nasty := range []string{
		"a\r\nBcc: victim@else.example", "a\nBcc: victim@else.example\n\nbody", "a\rBcc: x", "a\u2028Bcc: x", "\x00", "=?utf-8?q?a=0D=0ABcc:_x?=", strings.Repeat("é", 2000), strings.Repeat("a", 3000), "", "\t \r\n ", ".\r\nMAIL FROM:<x@y>",
	} {
		m := letter()
		m.Subject, m.Text, m.Attachment.Name = nasty, nasty, nasty
		if err := mailer.Send(t.Context(), m); err != nil {
			t.Errorf("%.40q: %v", nasty, err)
			continue
		}
		got := s.got()[len(s.got())-1]
		o := open(t, got.data)
		if len(o.Header["Bcc"]) > 0 || len(o.Header) != 8 || !strings.HasPrefix(got.to, "RCPT TO:<rh@garrigue.example>") {
			t.Errorf("%.40q: %v to %s", nasty, o.Header, got.to)
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(o.Get("Subject"))
		if err == nil && nasty[:min(1, len(nasty))] != "=" && strings.ContainsAny(subject, "\r\n\x00\u2028") {
			t.Errorf("the subject is %q", subject)
		}
	}
	before := len(s.got())
	for _, to := range []string{
		"", "a", "a@b.example, c@d.example", "Bob <a@b.example>", "<a@b.example>", "a@b.example\r\nRCPT TO:<c@d.example>", "a@b.example\n", "a b@c.example", "a@b.example>\r\nDATA", "a@bücher.example", "a@b.example\x00", " a@b.example", "a@[127.0.0.1\r\n]",
	} {
		m := letter()
		m.To = to
		if err := mailer.Send(t.Context(), m); !errors.As(err, new(Refused)) {
			t.Errorf("to %q: %v", to, err)
		}
	}
	for _, id := range []string{"", "../a", "a b", "a\r\nb", "A", "a@b", "é"} {
		m := letter()
		m.ID = id
		if err := mailer.Send(t.Context(), m); !errors.As(err, new(Refused)) {
			t.Errorf("id %q: %v", id, err)
		}
		if err := FileRoute(t.TempDir()).Mailer(sender(t)).Send(t.Context(), m); !errors.As(err, new(Refused)) {
			t.Errorf("file %q: %v", id, err)
		}
	}
	if len(s.got()) != before {
		t.Error("something was sent")
	}
}

func TestSendersAsTheOperatorWritesThem(t *testing.T) {
	for text, want := range map[string]string{
		"panel@mandat.example": "<panel@mandat.example>", "Mandat <panel@mandat.example>": `"Mandat" <panel@mandat.example>`,
		"": "", "Mandat": "", "panel": "", "a@b.example, c@d.example": "", "a@b.example\r\nBcc: c@d.example": "", "panel@bücher.example": "",
	} {
		s, err := ParseSender(text)
		if (err == nil) != (want != "") || err == nil && s.String() != want {
			t.Errorf("%q: %v, %v", text, s, err)
		}
	}
}

func TestRoutesAsTheOperatorWritesThem(t *testing.T) {
	for text, want := range map[string]string{ // what it shows and how it is kept from others, or "" for a refusal
		"file:/var/spool/mandat": "file:/var/spool/mandat ", "file:mail": "file:mail ", "file:": "", "file://host/dir": "",
		"smtps://u:s3cret@mx.example": "smtps://mx.example:465 " + string(implicit), "smtps://mx.example:4650": "smtps://mx.example:4650 " + string(implicit), "smtps://127.0.0.1": "smtps://127.0.0.1:465 " + string(implicit),
		"smtp://u:s3cret%2F@MX.example": "smtp://mx.example:587 " + string(upgraded), "smtp://mx.example:2525/": "smtp://mx.example:2525 " + string(upgraded),
		"smtp://localhost": "smtp://localhost:25 " + string(clear), "smtp://u:s3cret@[::1]:2525": "smtp://[::1]:2525 " + string(clear), "smtp://127.0.0.1?tls=on": "smtp://127.0.0.1:587 " + string(upgraded),
		"smtp://10.0.0.1?tls=off": "smtp://10.0.0.1:25 " + string(clear), "smtp://u:s3cret@10.0.0.1?tls=off": "", "smtps://mx.example?tls=off": "", "smtp://mx.example?tls=maybe": "", "smtp://mx.example?x=1": "", "smtp://mx.example?tls=on&tls=off": "", "smtp://mx.example?": "smtp://mx.example:587 " + string(upgraded),
		"smtp://u@mx.example": "", "smtp://:s3cret@mx.example": "", "smtp://": "", "smtp://mx.example:0": "", "smtp://mx.example:70000": "", "smtp://mx.example:port": "", "smtp://mx.example/dir": "", "smtp://mx.example#x": "",
		"smtp://u:s3cret%zz@mx.example": "", "mx.example": "", "smtp:mx.example": "", "http://mx.example": "", "smtp://unix:///run/s3cret": "",
	} {
		r, err := ParseRoute(text)
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error tells the password: %v", text, err)
		}
		if shown := r.String() + " " + string(r.security); (err == nil) != (want != "") || err == nil && shown != want {
			t.Errorf("%s: %q, %v", text, shown, err)
		}
	}
	if m := (Route{}).Mailer(sender(t)); m != nil {
		t.Error("no route leads somewhere")
	}
}

func TestAMessageReachesAServer(t *testing.T) {
	for _, c := range []struct {
		what, scheme, user, parameters string
		set                            func(*sink)
		startTLS                       bool
	}{
		{"in clear on loopback", "smtp", "", "", func(*sink) {}, false},
		{"in clear on loopback, with a password", "smtp", "panel:s3cret@", "", func(s *sink) { s.password = "s3cret" }, false},
		{"after STARTTLS", "smtp", "", "?tls=on", func(*sink) {}, true},
		{"after STARTTLS, with a password", "smtp", "panel:s3cret@", "?tls=on", func(s *sink) { s.password = "s3cret" }, true},
		{"over TLS, with a password", "smtps", "panel:s3cret@", "", func(s *sink) { s.implicit, s.noSTARTTLS, s.password = true, true, "s3cret" }, false},
		{"to a server that goes without goodbye", "smtp", "", "", func(s *sink) { s.answers["QUIT"] = "drop" }, false},
	} {
		s := newSink(t)
		c.set(s)
		if err := s.mailer(t, c.scheme, c.user, c.parameters).Send(t.Context(), letter()); err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		got := s.got()
		if len(got) != 1 || !strings.HasPrefix(got[0].from, "MAIL FROM:<panel@mandat.example>") || got[0].to != "RCPT TO:<rh@garrigue.example>" {
			t.Errorf("%s: %+v", c.what, got)
			continue
		}
		if o := open(t, got[0].data); o.file != string(letter().Attachment.Data) || s.saw("STARTTLS") != c.startTLS {
			t.Errorf("%s: %q, STARTTLS %v", c.what, o.file, s.saw("STARTTLS"))
		}
	}
}

func TestWhatAServerRefusesAndWhatMayPass(t *testing.T) {
	for _, c := range []struct {
		what       string
		set        func(*sink)
		parameters string
		code       int // of a refusal for good; 0 may pass
		says       string
	}{
		{"a recipient that nobody knows", func(s *sink) { s.answers["RCPT"] = "550 5.1.1 No such person" }, "", 550, "5.1.1 No such person"},
		{"a sender that is not wanted", func(s *sink) { s.answers["MAIL"] = "553 5.7.1 Not from you" }, "", 0, "5.7.1"},
		{"a log-in that is missing", func(s *sink) { s.answers["MAIL"] = "530 5.7.0 Authentication required" }, "", 0, "530"},
		{"a message that is too large", func(s *sink) { s.answers["end"] = "552 5.3.4 Too large" }, "", 552, "5.3.4"},
		{"a message that has to wait", func(s *sink) { s.answers["end"] = "451 4.3.0 Later" }, "", 0, "451"},
		{"a recipient that has to wait", func(s *sink) { s.answers["RCPT"] = "450 4.2.0 Greylisted" }, "", 0, "450"},
		{"a server that is closing", func(s *sink) { s.answers["greeting"] = "421 4.3.2 Closing" }, "", 0, "421"},
		{"a server that closes amid it", func(s *sink) { s.answers["MAIL"] = "421 4.3.2 Closing" }, "", 0, "421"},
		{"a server that lets nobody in", func(s *sink) { s.answers["greeting"] = "554 5.3.2 No" }, "", 0, "554"},
		{"a server that is cut off", func(s *sink) { s.answers["DATA"] = "drop" }, "", 0, "EOF"},
		{"a server without STARTTLS", func(s *sink) { s.noSTARTTLS = true }, "?tls=on", 0, "STARTTLS"},
		{"a server that breaks STARTTLS", func(s *sink) { s.answers["STARTTLS"] = "454 4.7.0 Not now" }, "?tls=on", 0, "454"},
		{"a server that nobody vouches for", func(s *sink) { s.roots = nil }, "?tls=on", 0, "certificate"},
	} {
		s := newSink(t)
		c.set(s)
		err := s.mailer(t, "smtp", "", c.parameters).Send(t.Context(), letter())
		var refusal Refused
		if errors.As(err, &refusal) != (c.code != 0) || refusal.Code != c.code || err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.what, err)
		}
		if c.code != 0 && !refusal.Permanent() || err != nil && strings.Contains(err.Error(), "garrigue") {
			t.Errorf("%s: %v", c.what, err)
		}
		if len(s.got()) != 0 || c.parameters != "" && s.saw("MAIL") {
			t.Errorf("%s: something was sent", c.what)
		}
	}
}

func TestAWrongPasswordIsNotTold(t *testing.T) {
	s := newSink(t)
	s.password = "right"
	err := s.mailer(t, "smtp", "panel:s3cret@", "?tls=on").Send(t.Context(), letter())
	if err == nil || errors.As(err, new(Refused)) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), base64.StdEncoding.EncodeToString([]byte("\x00panel\x00s3cret"))) {
		t.Error(err)
	}
}

func TestAPasswordNeverTravelsInClear(t *testing.T) {
	s := newSink(t)
	s.password, s.noSTARTTLS = "s3cret", true
	m := s.mailer(t, "smtp", "panel:s3cret@", "?tls=on")
	if err := m.Send(t.Context(), letter()); err == nil || s.saw("AUTH") {
		t.Errorf("%v", err)
	}
}

func TestAServerThatHangsIsLeft(t *testing.T) {
	for _, at := range []string{"greeting", "EHLO", "STARTTLS", "MAIL", "DATA", "end"} {
		s := newSink(t)
		s.answers[at] = "hang"
		m := s.mailer(t, "smtp", "", "?tls=on")
		m.limit = 300 * time.Millisecond
		begun := time.Now()
		if err := m.Send(t.Context(), letter()); err == nil || errors.As(err, new(Refused)) || !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
			t.Errorf("at %s: %v", at, err)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("at %s: it took %v", at, took)
		}
	}
}

func TestASenderWhoIsCalledOffSendsNothing(t *testing.T) {
	s := newSink(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	dir := t.TempDir()
	for _, m := range []Mailer{s.mailer(t, "smtp", "", ""), FileRoute(dir).Mailer(sender(t))} {
		if err := m.Send(ctx, letter()); err == nil {
			t.Errorf("%T sent", m)
		}
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 || len(s.got()) != 0 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestADirectoryThatCannotBeWrittenMayPass(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := FileRoute(filepath.Join(file, "mail")).Mailer(sender(t)).Send(t.Context(), letter()); err == nil || errors.As(err, new(Refused)) {
		t.Error(err)
	}
}

func TestAServerThatIsAwayMayPass(t *testing.T) {
	s := newSink(t)
	m := s.mailer(t, "smtp", "", "")
	_ = s.listener.Close()
	if err := m.Send(t.Context(), letter()); err == nil || errors.As(err, new(Refused)) || !strings.Contains(err.Error(), s.port()) {
		t.Error(err)
	}
}

func TestAMessageWithHTMLHasItsTextFirst(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "mail")
	m := letter()
	m.Attachment, m.Subject = nil, "Vous gérez\r\nBcc: all@else.example"
	m.HTML = "<!DOCTYPE html><p>Voilà <b>tout</b>.</p>"
	if err := FileRoute(dir).Mailer(sender(t)).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, m.ID+".html"))
	info, err2 := os.Stat(filepath.Join(dir, m.ID+".html"))
	raw, err3 := os.ReadFile(filepath.Join(dir, m.ID+".eml"))
	if err := errors.Join(err, err2, err3); err != nil || string(page) != m.HTML || info.Mode().Perm() != 0o600 {
		t.Fatalf("%q, %v", page, err)
	}
	read, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	subject, _ := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if read.Header.Get("Bcc") != "" || subject != "Vous gérez  Bcc: all@else.example" {
		t.Errorf("%v", read.Header)
	}
	kind, parameters, err := mime.ParseMediaType(read.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	parts := multipart.NewReader(read.Body, parameters["boundary"])
	for _, want := range []struct{ kind, content string }{{"text/plain", m.Text}, {"text/html", m.HTML}} {
		part, err := parts.NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if content := decoded(t, part.Header.Get("Content-Transfer-Encoding"), part); kind != want.kind || strings.ReplaceAll(content, "\r\n", "\n") != want.content {
			t.Errorf("%s %q, want %s %q", kind, content, want.kind, want.content)
		}
	}
	if _, err := parts.NextRawPart(); !errors.Is(err, io.EOF) || !isASCII(raw) {
		t.Errorf("more than the two, or octets that an old server may break: %v", err)
	}
}
