package main

import (
	"log/slog"
	"net"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/webauthn"

	"example.org/mandat/handlers"
	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
	"example.org/mandat/models/totp"
)

// namedPanel is a panel in this process that browsers reach by a name, which
// passkeys need, and whose clock can be moved.
func namedPanel(t *testing.T) (*panel, *modelstest.World) {
	t.Helper()
	w := modelstest.OnSQLite(t)
	server := httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p := &panel{origin: "http://localhost:" + port}
	origin, err := url.Parse(p.origin)
	if err != nil {
		t.Fatal(err)
	}
	router, err := handlers.New(handlers.Config{Store: w.Store, Log: slog.New(slog.DiscardHandler), Origin: origin})
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = router
	server.Start()
	t.Cleanup(server.Close)
	return p, w
}

// authenticator gives the visitor's browser one that verifies its person, and
// answers by itself.
func (v *visitor) authenticator() webauthn.AuthenticatorID {
	v.t.Helper()
	send(v, webauthn.Enable, webauthn.EnableParams{})
	return send(v, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}}).AuthenticatorID
}

// enrolApp gives somebody an authenticator app.
func enrolApp(t *testing.T, w *modelstest.World, identifier string) {
	t.Helper()
	by := w.Actor(t, identifier)
	e, err := w.Store.Enrolment(t.Context(), by, "")
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.Code(e.Secret, w.Store.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Store.EnrolFactor(t.Context(), by, models.NewFactor{Name: "Phone", Sealed: e.Sealed, Code: code}); err != nil {
		t.Fatal(err)
	}
}

// older makes the browser one that leaves the JSON of passkeys to the page.
func (v *visitor) older() {
	v.t.Helper()
	send(v, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		delete PublicKeyCredential.parseCreationOptionsFromJSON; delete PublicKeyCredential.parseRequestOptionsFromJSON; delete PublicKeyCredential.prototype.toJSON`})
}

// usePasskeys goes from the first passkey to its end.
func usePasskeys(v *visitor, w *modelstest.World) {
	if v.manner.phone() {
		v.older()
	}
	key := v.authenticator()
	name := map[string]string{"fr": "Ordinateur du bureau", "en": "Office computer"}[v.manner.lang]
	passkeys := "/profile/factors"
	v.signIn(cast.Alice)
	v.goTo(passkeys)
	v.check()
	v.follow(v.say("passkey.new"))
	v.miss(v.say("passkey.needs_script"))
	v.check()

	// Whoever cancels, or is not verified, is told so.
	send(v, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: key, IsUserVerified: false})
	v.press(v.say("passkey.make"))
	v.see(v.say("passkey.script.not_made"))
	send(v, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: key, IsUserVerified: true})
	v.typeIn(v.say("passkey.name"), "")
	v.press(v.say("passkey.make"))
	v.see(v.say("passkey.name.none"))
	v.typeIn(v.say("passkey.name"), name)
	v.press(v.say("passkey.make"))
	v.at(passkeys)
	v.see(v.say("passkey.added", "Name", name), v.say("passkey.unused"))
	v.check()

	v.follow(v.say("passkey.rename_named", "Name", name))
	v.typeIn(v.say("passkey.name"), "")
	v.press(v.say("common.save"))
	v.see(v.say("passkey.name.none"))
	v.check()
	name += " 2"
	v.typeIn(v.say("passkey.name"), name)
	v.press(v.say("common.save"))
	v.at(passkeys)
	v.see(v.say("passkey.renamed"), name)
	v.check()

	// A second one on the same device would be of no use.
	v.follow(v.say("passkey.new"))
	v.press(v.say("passkey.make"))
	v.see(v.say("passkey.script.known"))
	v.goTo(passkeys)

	v.press(v.one(signOut))
	v.at("/sign-in")
	v.check()
	v.press(v.say("passkey.sign_in"))
	v.at("/services")
	v.see(cast.Alice)

	// After a password it stands in for the code of an app.
	enrolApp(v.t, w, cast.Alice)
	v.press(v.one(signOut))
	v.enter(cast.Alice)
	v.see(v.say("factor.challenge.hint"))
	v.check()
	v.press(v.say("passkey.use"))
	v.at("/services")
	v.see(cast.Alice)

	w.Clock.Move(models.ProofFor + time.Minute)
	v.goTo(passkeys)
	v.see(v.say("passkey.used", "Date", v.words.Date(w.Store.Now())))
	v.follow(v.say("passkey.remove_named", "Name", name))
	v.check()
	v.press(v.say("passkey.remove"))
	v.see(v.say("proof.needed"))
	v.press(v.say("passkey.prove"))
	v.see(v.say("passkey.script.kept"))
	v.check()
	v.press(v.say("passkey.remove"))
	v.at(passkeys)
	v.see(v.say("passkey.removed", "Name", name))

	v.press(v.one(signOut))
	v.press(v.say("passkey.sign_in"))
	v.see(v.say("passkey.unknown"))
	v.check()
}

// lackPasskeys is what there is to see without a script: everything but them.
func lackPasskeys(v *visitor) {
	v.goTo("/sign-in")
	v.lacks(v.say("passkey.sign_in"))
	v.check()
	v.signIn(cast.Alice)
	v.goTo("/profile/factors")
	v.follow(v.say("passkey.new"))
	v.see(v.say("passkey.needs_script"))
	v.lacks(v.say("passkey.make"))
	v.check()
}
