package dovecot

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWhereDovecotIs(t *testing.T) {
	for text, want := range map[string]string{
		"http://key:s3cret@127.0.0.1:24027":    "http://127.0.0.1:24027",
		"http://key:s3cret@localhost:24027/":   "http://localhost:24027",
		"http://key:s3cret@[::1]:24027":        "http://[::1]:24027",
		"https://key:s3cret@mail.example:8443": "https://mail.example:8443",
		"http://key:s3cret@mail.example:24027": "",
		"http://127.0.0.1:24027":               "",
		"http://key@127.0.0.1:24027":           "",
		"http://key:s3cret@127.0.0.1:1/x":      "",
		"ftp://key:s3cret@127.0.0.1":           "",
		"http://key:s3cret%zz@127.0.0.1":       "",
		"":                                     "",
	} {
		c, err := Parse(text)
		switch {
		case want == "" && (err == nil || strings.Contains(err.Error(), "s3cret")):
			t.Errorf("%q: %v", text, err)
		case want != "" && (err != nil || c.String() != want):
			t.Errorf("%q: %v, %v", text, c, err)
		}
	}
}

// answering is a client of a server that says text to each command.
func answering(t *testing.T, text map[string]string) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "X-Dovecot-API a2V5" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body := make([]byte, 1<<10)
		n, _ := r.Body.Read(body)
		command, _, _ := strings.Cut(strings.TrimPrefix(string(body[:n]), `[["`), `"`)
		_, _ = w.Write([]byte(text[command]))
	}))
	t.Cleanup(server.Close)
	c, err := Parse(strings.Replace(server.URL, "http://", "http://key:key@", 1))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDovecotIsAskedWhereItIsAlone(t *testing.T) {
	var elsewhere, asked int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer server.Close()
	c, err := Parse(strings.Replace(server.URL, "http://", "http://key:key@", 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Disconnect(t.Context(), "a@b.example"); err == nil || asked != 1 || elsewhere != 0 {
		t.Errorf("asked %d times, and %d elsewhere: %v", asked, elsewhere, err)
	}
}

func TestNobodyToDisconnectIsNoError(t *testing.T) {
	c := answering(t, map[string]string{"kick": `[["error",{"type":"exitCode", "exitCode":68},"t"]]`})
	if err := c.Disconnect(t.Context(), "a@b.example"); err != nil {
		t.Error(err)
	}
	c = answering(t, map[string]string{"kick": `[["error",{"type":"exitCode", "exitCode":75},"t"]]`})
	if err := c.Disconnect(t.Context(), "a@b.example"); err == nil {
		t.Error("a failure is none")
	}
	c.key = "wrong"
	if err := c.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("a wrong key: %v", err)
	}
}

func TestTheCheckAsksForNobodysSessions(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked [][]json.RawMessage
		var who struct{ Mask []string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || json.Unmarshal(asked[0][1], &who) != nil {
			t.Error(err)
		}
		sessions := strings.Repeat(`{"username":"a@b.example"},`, maxAnswer/20)
		if len(who.Mask) == 1 && !strings.ContainsAny(who.Mask[0], "*?/") {
			sessions = ""
		}
		_, _ = io.WriteString(w, `[["doveadmResponse",[`+strings.TrimSuffix(sessions, ",")+`],"t"]]`)
	}))
	defer server.Close()
	c, err := Parse(strings.Replace(server.URL, "http://", "http://key:key@", 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOnlyHomesThatThePanelNamedAreRemoved(t *testing.T) {
	for home, allowed := range map[string]bool{
		"/var/mail/mandat/12/345": true,
		"/var/mail/mandat":        false,
		"/":                       false,
		"/1/2/../../etc":          false,
		"/var/1/2/":               false,
		"1/2":                     false,
		"/var/12/34x":             false,
	} {
		c := answering(t, map[string]string{
			"kick": `[["doveadmResponse",[],"t"]]`, "expunge": `[["doveadmResponse",[],"t"]]`, "fsDelete": `[["doveadmResponse",[],"t"]]`,
			"user": `[["doveadmResponse",{"a@b.example":{"home":"` + home + `"}},"t"]]`,
		})
		if err := c.Remove(t.Context(), "a@b.example"); (err == nil) != allowed {
			t.Errorf("%s: %v", home, err)
		}
	}
	c := answering(t, map[string]string{"kick": `[["doveadmResponse",[],"t"]]`, "user": `[["doveadmResponse",{},"t"]]`})
	if err := c.Remove(t.Context(), "a@b.example"); err != nil {
		t.Errorf("a mailbox that is gone: %v", err)
	}
}

func TestAMissingMailboxIsKnown(t *testing.T) {
	if _, err := read("expunge", []byte(`[["error",{"type":"exitCode", "exitCode":67},"t"]]`)); !errors.Is(err, ErrNoUser) {
		t.Error(err)
	}
}

func FuzzAnswers(f *testing.F) {
	for _, text := range []string{`[["doveadmResponse",[],"t"]]`, `[["error",{"type":"exitCode","exitCode":67},"t"]]`, `[]`, `[[]]`, `[["error",1,"t"]]`, ``, `[[1,2,3]]`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		answer, err := read("who", text)
		if (answer == nil) == (err == nil) {
			t.Errorf("%q: %q, %v", text, answer, err)
		}
	})
}
