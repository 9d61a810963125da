// Package webauthn is what a site, a browser and an authenticator say to each
// other about passkeys (W3C Web Authentication, level 3). It is a leaf and
// knows none of the nouns: no person but their handle, no table, no request.
//
// # Why go-webauthn, and why behind this package
//
// What a browser answers is nested base64, JSON, CBOR and COSE from a stranger,
// in formats that grow. github.com/go-webauthn/webauthn is maintained, tested
// with the vectors of the specification, and checks its steps in order. It is
// named here alone, so that its successor is a change of one package, and none
// of its types is kept: a [Credential] has the fields of the specification's
// credential record that an assertion is checked with, each of its own.
//
// # What is asked
//
// Every passkey is discoverable and every use verifies its person (PIN, finger,
// face): one ceremony is then possession and knowledge or inherence, both
// factors. Which model of authenticator it is, is nobody's business: no
// attestation is asked for and none is kept. No extension is asked for.
//
// # What is not trusted
//
// All that is read: its length is bounded before it is parsed, a panic of a
// parser is an answer that was not understood, and the site is the one that was
// configured, whatever a request says of it.
package webauthn

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	library "github.com/go-webauthn/webauthn/webauthn"
)

// HandleSize is how long the handle of a person is, in octets: as long as the
// specification recommends, and allows.
const HandleSize = 64

// MaxAnswer bounds what is read of a browser's answer, in bytes. One without an
// attestation has some 2 kB; keys of post-quantum algorithms will have 10.
const MaxAnswer = 64 << 10

// MaxCredentialID bounds the id of a credential, in octets, as the specification does.
const MaxCredentialID = 1023

var (
	// ErrMalformed: the answer is none that a browser gives.
	ErrMalformed = errors.New("webauthn: not understood")
	// ErrRefused: the answer was understood, and does not prove what was asked.
	ErrRefused = errors.New("webauthn: refused")
	// ErrCloned: the answer proves what was asked, but the signatures were counted
	// backwards: two authenticators may have the same key.
	ErrCloned = errors.New("webauthn: the counter went back")
	// ErrNoName: passkeys belong to a name, and the origin has an address.
	ErrNoName = errors.New("webauthn: the origin has no name")
)

// Site is a website that passkeys are made for (a relying party).
type Site struct{ library *library.WebAuthn }

// NewSite is the site at an origin, with the name that browsers show. ErrNoName
// if its host is an IP address: browsers make passkeys for names alone.
func NewSite(origin *url.URL, name string, patience time.Duration) (*Site, error) {
	host := strings.ToLower(origin.Hostname())
	if err := protocol.ValidateRPID(host); err != nil {
		return nil, fmt.Errorf("%w: %q", ErrNoName, host)
	}
	must := true
	timeout := library.TimeoutConfig{Timeout: patience, TimeoutUVD: patience}
	lib, err := library.New(&library.Config{
		RPID: host, RPDisplayName: name, RPOrigins: []string{origin.Scheme + "://" + strings.ToLower(origin.Host)},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: &must, UserVerification: protocol.VerificationRequired,
		},
		Timeouts: library.TimeoutsConfig{Login: timeout, Registration: timeout},
		// Password managers answer extensions that nobody asked for. Nothing of ours reads them.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, err
	}
	return &Site{lib}, nil
}

// ID is the name that passkeys of the site belong to (the relying party's id).
func (s *Site) ID() string { return s.library.Config.RPID }

// Holder is the person a passkey is made for. Only the handle means anything to
// the site; the names are for whoever chooses among passkeys.
type Holder struct {
	Handle            []byte // HandleSize random octets
	Name, DisplayName string
}

// Credential is the public half of a passkey. Its fields but Count and Flags
// stay as they were made.
type Credential struct {
	ID         []byte
	PublicKey  []byte // COSE
	Count      uint32 // of signatures; authenticators that do not count leave it 0
	Flags      byte   // of the authenticator data: user present 1, verified 4, backup eligible 8, backed up 16
	Model      []byte // AAGUID; zeroes where the browser hides it
	Transports string // "usb nfc internal": how browsers find it again
}

// BackedUp says whether the passkey is on several devices of its person.
func (c *Credential) BackedUp() bool { return c.Flags&byte(protocol.FlagBackupState) != 0 }

func (c *Credential) record() library.Credential {
	r := library.Credential{
		ID: c.ID, PublicKey: c.PublicKey, Flags: library.NewCredentialFlags(protocol.AuthenticatorFlags(c.Flags)),
		Authenticator: library.Authenticator{AAGUID: c.Model, SignCount: c.Count},
	}
	for t := range strings.FieldsSeq(c.Transports) {
		r.Transport = append(r.Transport, protocol.AuthenticatorTransport(t))
	}
	return r
}

// party is the person of a ceremony, as the library asks for one.
type party struct {
	Holder
	credentials []library.Credential
}

func newParty(h Holder, known []Credential) party {
	p := party{Holder: h}
	for i := range known {
		p.credentials = append(p.credentials, known[i].record())
	}
	return p
}

func (p party) WebAuthnID() []byte                        { return p.Handle }
func (p party) WebAuthnName() string                      { return p.Name }
func (p party) WebAuthnDisplayName() string               { return p.DisplayName }
func (p party) WebAuthnCredentials() []library.Credential { return p.credentials }

// algorithms are what keys may be made of: what level 3 recommends for every authenticator.
var algorithms = library.CredentialParametersRecommendedL3()

// Create asks for a new passkey of h, on none of the authenticators that have
// one of known. It returns what the browser is given (the JSON of
// PublicKeyCredentialCreationOptions), and the challenge in it.
func (s *Site) Create(h Holder, known []Credential) (options json.RawMessage, challenge string, err error) {
	p := newParty(h, known)
	creation, session, err := s.library.BeginRegistration(p, library.WithCredentialParameters(algorithms), library.WithExclusions(library.Credentials(p.credentials).CredentialDescriptors()))
	if err != nil {
		return nil, "", err
	}
	options, err = json.Marshal(creation.Response)
	return options, session.Challenge, err
}

// Ask asks for proof of any of known, or of any passkey of the site when there
// are none. It returns what the browser is given (the JSON of
// PublicKeyCredentialRequestOptions), and the challenge in it.
func (s *Site) Ask(known []Credential) (options json.RawMessage, challenge string, err error) {
	var assertion *protocol.CredentialAssertion
	var session *library.SessionData
	if len(known) == 0 {
		assertion, session, err = s.library.BeginDiscoverableLogin()
	} else {
		assertion, session, err = s.library.BeginLogin(newParty(Holder{Handle: make([]byte, HandleSize)}, known))
	}
	if err != nil {
		return nil, "", err
	}
	options, err = json.Marshal(assertion.Response)
	return options, session.Challenge, err
}

// session is what the library remembers of a ceremony between its question and
// the answer. All but the challenge is the same for each; that the challenge was
// ours, and this browser's, is for the caller to know.
func (s *Site) session(challenge string, handle []byte) library.SessionData {
	return library.SessionData{
		Challenge: challenge, RelyingPartyID: s.ID(), UserID: handle, UserVerification: protocol.VerificationRequired, CredParams: algorithms,
	}
}

// A Creation is a browser's answer to Create, read and not yet believed.
type Creation struct {
	Challenge string
	parsed    *protocol.ParsedCredentialCreationData
}

// An Assertion is a browser's answer to Ask, read and not yet believed.
type Assertion struct {
	Challenge    string
	CredentialID []byte
	Handle       []byte // of whom the authenticator knows the passkey to be; may be empty where the site named the passkeys
	parsed       *protocol.ParsedCredentialAssertionData
}

// ReadCreation reads what PublicKeyCredential.toJSON made of a new passkey: ErrMalformed if it is nothing of the kind.
func ReadCreation(answer string) (c *Creation, err error) {
	defer recovered(&err)
	if len(answer) > MaxAnswer {
		return nil, ErrMalformed
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes([]byte(answer))
	if err != nil {
		return nil, malformed(err)
	}
	return &Creation{Challenge: parsed.Response.CollectedClientData.Challenge, parsed: parsed}, nil
}

// ReadAssertion reads what PublicKeyCredential.toJSON made of a proof: ErrMalformed if it is nothing of the kind.
func ReadAssertion(answer string) (a *Assertion, err error) {
	defer recovered(&err)
	if len(answer) > MaxAnswer {
		return nil, ErrMalformed
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes([]byte(answer))
	if err != nil {
		return nil, malformed(err)
	}
	return &Assertion{
		Challenge: parsed.Response.CollectedClientData.Challenge, CredentialID: parsed.RawID, Handle: parsed.Response.UserHandle, parsed: parsed,
	}, nil
}

// Accept checks the answer to Create for a person with this handle. The caller
// has seen to its challenge. ErrRefused says that it is for another site, was
// made without its person, or proves no key.
func (s *Site) Accept(c *Creation, handle []byte) (made *Credential, err error) {
	defer recovered(&err)
	r, err := s.library.CreateCredential(party{Holder: Holder{Handle: handle}}, s.session(c.Challenge, handle), c.parsed)
	if err != nil {
		return nil, refused(err)
	}
	if len(r.ID) == 0 || len(r.ID) > MaxCredentialID {
		return nil, fmt.Errorf("%w: the id has %d octets", ErrRefused, len(r.ID))
	}
	made = &Credential{ID: r.ID, PublicKey: r.PublicKey, Count: r.Authenticator.SignCount, Flags: byte(r.Flags.ProtocolValue()), Model: r.Authenticator.AAGUID}
	made.Transports = transports(r.Transport)
	return made, nil
}

// Check checks the answer to Ask with the passkey that it names, and returns the
// passkey as it is to be kept. The caller has seen to its challenge. ErrRefused
// as for Accept; ErrCloned beside the passkey as it was.
func (s *Site) Check(a *Assertion, kept Credential, handle []byte) (now *Credential, err error) {
	defer recovered(&err)
	r, err := s.library.ValidateLogin(newParty(Holder{Handle: handle}, []Credential{kept}), s.session(a.Challenge, handle), a.parsed)
	if err != nil {
		return nil, refused(err)
	}
	if r.Authenticator.CloneWarning {
		return &kept, ErrCloned
	}
	next := kept
	next.Count, next.Flags = r.Authenticator.SignCount, byte(r.Flags.ProtocolValue())
	return &next, nil
}

// transports are the known ones, in the browser's order, without doubles.
func transports(list []protocol.AuthenticatorTransport) string {
	var known []string
	for _, t := range list {
		switch t {
		case protocol.USB, protocol.NFC, protocol.BLE, protocol.SmartCard, protocol.Hybrid, protocol.Internal:
			if !strings.Contains(" "+strings.Join(known, " ")+" ", " "+string(t)+" ") {
				known = append(known, string(t))
			}
		}
	}
	return strings.Join(known, " ")
}

// malformed and refused keep the library's one sentence. What it says besides
// repeats what was sent, the challenge among it.
func malformed(err error) error { return fmt.Errorf("%w: %s", ErrMalformed, err.Error()) }
func refused(err error) error   { return fmt.Errorf("%w: %s", ErrRefused, err.Error()) }

// recovered makes a panic of a parser an answer that was not understood.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%w: %v", ErrMalformed, r)
	}
}
