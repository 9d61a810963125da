package webauthn_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models/webauthn"
	"example.org/mandat/models/webauthn/webauthntest"
)

const home = "https://panel.example.org"

func site(t testing.TB, origin string) *webauthn.Site {
	t.Helper()
	u, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	s, err := webauthn.NewSite(u, "Mandat", 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var ada = webauthn.Holder{Handle: bytes.Repeat([]byte{7}, webauthn.HandleSize), Name: "ad1001-mdt", DisplayName: "Ada"}

// enrol makes a passkey of ada's and has the site accept it.
func enrol(t testing.TB, s *webauthn.Site, a *webauthntest.Authenticator) *webauthn.Credential {
	t.Helper()
	options, challenge, err := s.Create(ada, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := webauthn.ReadCreation(a.Create(t, options))
	if err != nil {
		t.Fatal(err)
	}
	if c.Challenge != challenge {
		t.Fatalf("challenge %q, want %q", c.Challenge, challenge)
	}
	made, err := s.Accept(c, ada.Handle)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestAPasskeyIsMadeAndProven(t *testing.T) {
	s, a := site(t, home), webauthntest.New(home)
	made := enrol(t, s, a)
	if !bytes.Equal(made.ID, a.Keys[0].ID) || made.Transports != "internal hybrid" || len(made.Model) != 16 || made.BackedUp() {
		t.Errorf("%+v", made)
	}
	for want := uint32(1); want < 3; want++ {
		options, challenge, err := s.Ask(nil)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := webauthn.ReadAssertion(a.Get(t, options, nil))
		if err != nil {
			t.Fatal(err)
		}
		if proof.Challenge != challenge || !bytes.Equal(proof.Handle, ada.Handle) || !bytes.Equal(proof.CredentialID, made.ID) {
			t.Fatalf("%+v", proof)
		}
		if made, err = s.Check(proof, *made, ada.Handle); err != nil || made.Count != want {
			t.Fatalf("%+v %v", made, err)
		}
	}
}

func TestWhatIsAskedFor(t *testing.T) {
	s := site(t, home)
	known := webauthn.Credential{ID: []byte("known"), Transports: "usb nfc"}
	options, _, err := s.Create(ada, []webauthn.Credential{known})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"rp":{"name":"Mandat","id":"panel.example.org"}`, `"residentKey":"required"`, `"requireResidentKey":true`, `"userVerification":"required"`,
		`"attestation":"none"`, `"timeout":300000`, `"excludeCredentials":[{"type":"public-key","id":"a25vd24","transports":["usb","nfc"]}]`,
	} {
		if !strings.Contains(string(options), want) {
			t.Errorf("creation lacks %s: %s", want, options)
		}
	}
	options, _, err = s.Ask([]webauthn.Credential{known})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"rpId":"panel.example.org"`, `"userVerification":"required"`, `"allowCredentials":[{"type":"public-key","id":"a25vd24"`} {
		if !strings.Contains(string(options), want) {
			t.Errorf("request lacks %s: %s", want, options)
		}
	}
	if options, _, _ = s.Ask(nil); len(webauthntest.Allowed(t, options)) > 0 {
		t.Errorf("a request of anybody names passkeys: %s", options)
	}
}

func TestALieIsRefused(t *testing.T) {
	for name, lie := range map[string]func(a *webauthntest.Authenticator){
		"another site":              func(a *webauthntest.Authenticator) { a.Origin = "https://evil.example" },
		"a name below the site's":   func(a *webauthntest.Authenticator) { a.Origin = "https://x.panel.example.org" },
		"a name above the site's":   func(a *webauthntest.Authenticator) { a.Origin = "https://example.org" },
		"the site in clear":         func(a *webauthntest.Authenticator) { a.Origin = "http://panel.example.org" },
		"another port of the site":  func(a *webauthntest.Authenticator) { a.Origin = home + ":8443" },
		"an app":                    func(a *webauthntest.Authenticator) { a.Origin = "android:apk-key-hash:abc" },
		"a frame of another":        func(a *webauthntest.Authenticator) { a.CrossOrigin = true },
		"signed for another":        func(a *webauthntest.Authenticator) { a.RPID = "evil.example" },
		"the wrong ceremony":        func(a *webauthntest.Authenticator) { a.Type = "payment.get" },
		"the person not verified":   func(a *webauthntest.Authenticator) { a.Flags = webauthntest.Present },
		"nobody present":            func(a *webauthntest.Authenticator) { a.Flags = webauthntest.Verified },
		"backed up but not able to": func(a *webauthntest.Authenticator) { a.Flags |= webauthntest.BackedUp },
	} {
		t.Run(name, func(t *testing.T) {
			s, a := site(t, home), webauthntest.New(home)
			made := enrol(t, s, a)
			lie(a)
			options, _, _ := s.Create(ada, nil)
			c, err := webauthn.ReadCreation(a.Create(t, options))
			if err == nil {
				_, err = s.Accept(c, ada.Handle)
			}
			if !errors.Is(err, webauthn.ErrRefused) && !errors.Is(err, webauthn.ErrMalformed) {
				t.Errorf("made: %v", err)
			}
			options, _, _ = s.Ask(nil)
			proof, err := webauthn.ReadAssertion(a.Get(t, options, a.Keys[0]))
			if err == nil {
				_, err = s.Check(proof, *made, ada.Handle)
			}
			if !errors.Is(err, webauthn.ErrRefused) && !errors.Is(err, webauthn.ErrMalformed) {
				t.Errorf("proven: %v", err)
			}
			if err != nil && proof != nil && strings.Contains(err.Error(), proof.Challenge) {
				t.Errorf("the error tells the challenge: %v", err)
			}
		})
	}
}

func TestAProofIsOfItsKeyAndPerson(t *testing.T) {
	s, a := site(t, home), webauthntest.New(home)
	first, second := enrol(t, s, a), enrol(t, s, a)
	options, _, _ := s.Ask(nil)
	answer := a.Get(t, options, a.Keys[0])
	proof, err := webauthn.ReadAssertion(answer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(proof, *second, ada.Handle); !errors.Is(err, webauthn.ErrRefused) {
		t.Errorf("another passkey: %v", err)
	}
	swapped := *second
	swapped.ID = first.ID
	if _, err := s.Check(proof, swapped, ada.Handle); !errors.Is(err, webauthn.ErrRefused) {
		t.Errorf("another key: %v", err)
	}
	if _, err := s.Check(proof, *first, bytes.Repeat([]byte{8}, webauthn.HandleSize)); !errors.Is(err, webauthn.ErrRefused) {
		t.Errorf("another person: %v", err)
	}
	if _, err := s.Check(proof, *first, ada.Handle); err != nil {
		t.Errorf("its own: %v", err)
	}
}

func TestACounterThatGoesBackTellsOfACopy(t *testing.T) {
	s, a := site(t, home), webauthntest.New(home)
	made := enrol(t, s, a)
	made.Count = 10
	for _, count := range []uint32{0, 5, 9} { // the next is one more
		a.Keys[0].Count = count
		options, _, _ := s.Ask(nil)
		proof, err := webauthn.ReadAssertion(a.Get(t, options, nil))
		if err != nil {
			t.Fatal(err)
		}
		kept, err := s.Check(proof, *made, ada.Handle)
		if !errors.Is(err, webauthn.ErrCloned) || kept.Count != 10 {
			t.Errorf("after %d: %+v %v", count, kept, err)
		}
	}
}

func TestAnAuthenticatorNeedNotCount(t *testing.T) {
	s, a := site(t, home), webauthntest.New(home)
	a.Counts = false
	made := enrol(t, s, a)
	for range 2 {
		options, _, _ := s.Ask(nil)
		proof, _ := webauthn.ReadAssertion(a.Get(t, options, nil))
		if _, err := s.Check(proof, *made, ada.Handle); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPasskeyOnSeveralDevicesIsTold(t *testing.T) {
	s, a := site(t, home), webauthntest.New(home)
	a.Flags |= webauthntest.Eligible
	made := enrol(t, s, a)
	a.Flags |= webauthntest.BackedUp
	options, _, _ := s.Ask(nil)
	proof, _ := webauthn.ReadAssertion(a.Get(t, options, nil))
	now, err := s.Check(proof, *made, ada.Handle)
	if err != nil || !now.BackedUp() || made.BackedUp() {
		t.Errorf("%+v %v", now, err)
	}
}

func TestPasskeysBelongToNames(t *testing.T) {
	for origin, id := range map[string]string{
		"https://panel.example.org": "panel.example.org", "https://Panel.Example.org:8443": "panel.example.org", "http://localhost:8080": "localhost",
		"http://127.0.0.1:8080": "", "http://[::1]:8080": "", "https://192.0.2.1": "",
	} {
		u, err := url.Parse(origin)
		if err != nil {
			t.Fatal(err)
		}
		s, err := webauthn.NewSite(u, "Mandat", time.Minute)
		switch {
		case id == "" && !errors.Is(err, webauthn.ErrNoName):
			t.Errorf("%s: %v", origin, err)
		case id != "" && (err != nil || s.ID() != id):
			t.Errorf("%s: %v", origin, err)
		}
	}
}

func TestThePortAndTheCaseOfAnOriginAreTheBrowsers(t *testing.T) {
	for configured, browser := range map[string]string{"https://Panel.example.org:443": home, "http://localhost:8080": "http://localhost:8080"} {
		s, a := site(t, configured), webauthntest.New(browser)
		enrol(t, s, a)
	}
}

func TestWhatIsNoAnswerIsMalformed(t *testing.T) {
	for _, text := range []string{"", "{}", "null", "[]", `{"id":"AA"}`, "{", strings.Repeat("[", 20000), strings.Repeat("x", webauthn.MaxAnswer+1)} {
		if _, err := webauthn.ReadAssertion(text); !errors.Is(err, webauthn.ErrMalformed) {
			t.Errorf("%.20q: %v", text, err)
		}
		if _, err := webauthn.ReadCreation(text); !errors.Is(err, webauthn.ErrMalformed) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// FuzzAnswers reads and checks whatever a browser might send: nothing of it may
// panic, take long, or be believed without its key.
func FuzzAnswers(f *testing.F) {
	s, a := site(f, home), webauthntest.New(home)
	made := enrol(f, s, a)
	ask, _, err := s.Ask(nil)
	if err != nil {
		f.Fatal(err)
	}
	create, _, err := s.Create(ada, nil)
	if err != nil {
		f.Fatal(err)
	}
	genuine := a.Get(f, ask, a.Keys[0])
	f.Add(genuine)
	f.Add(a.Create(f, create))
	var parts map[string]json.RawMessage
	if err := json.Unmarshal([]byte(genuine), &parts); err != nil {
		f.Fatal(err)
	}
	for name := range parts {
		without := map[string]json.RawMessage{}
		for n, v := range parts {
			if n != name {
				without[n] = v
			}
		}
		text, _ := json.Marshal(without)
		f.Add(string(text))
	}
	right, err := webauthn.ReadAssertion(genuine)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if proof, err := webauthn.ReadAssertion(text); err == nil {
			if _, err := s.Check(proof, *made, ada.Handle); err == nil && proof.Challenge != right.Challenge {
				t.Errorf("believed: %s", text)
			}
		}
		if c, err := webauthn.ReadCreation(text); err == nil {
			if made, err := s.Accept(c, ada.Handle); err == nil && (len(made.ID) == 0 || len(made.PublicKey) == 0) {
				t.Errorf("accepted: %s", text)
			}
		}
	})
}
