package main

import (
	"slices"
	"strings"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"

	"example.org/mandat/handlers/oidc/oidctest"
	"example.org/mandat/models/cast"
)

// signOnElsewhere: the owner links the panel with a real provider, on whose own
// page she signs in, and from then on that is the way in.
func signOnElsewhere(v *visitor) {
	provider := oidctest.Start(v.t)
	const label = "Garrigue ID"
	v = visit(v.t, v.browser, demoPanel(v.t, "MANDAT_OIDC_ISSUER="+provider.Issuer, "MANDAT_OIDC_CLIENT_ID="+oidctest.ClientID,
		"MANDAT_OIDC_CLIENT_SECRET="+oidctest.PlainSecret, "MANDAT_OIDC_LABEL="+label), v.manner)
	provider.Register(v.panel.origin + "/session/oidc/callback")
	provider.Add("alice", "Alice Durand")

	v.signIn(cast.Alice)
	v.goTo("/profile")
	v.see(v.say("profile.identities_hint", "Provider", label))
	v.goTo("/profile/identities")
	v.check()
	v.elsewhere(provider, func() { v.click(1, v.say("identity.link.go", "Provider", label), "button") })
	v.at("/profile/identities")
	v.see(v.say("identity.linked", "Provider", label), "alice")
	v.check()

	v.press(v.one(signOut))
	v.see(v.say("session.heading"))
	v.goTo("/sign-in?next=/services/" + cast.Garrigue)
	v.check()
	v.elsewhere(provider, func() { v.click(1, v.say("identity.sign_in", "Provider", label), "button") })
	v.at("/services/" + cast.Garrigue)
	v.back()
	if at := v.address(); v.manner.script && strings.Contains(at, "/session/oidc") {
		v.t.Errorf("Back leads to a step that goes on by itself: %s", at)
	}
	v.goTo("/services/" + cast.Garrigue)
	v.press(v.one(signOut))
	v.see(v.say("identity.signed_out.text", "Provider", label))
	v.check()
}

// elsewhere does what leads to the provider, signs in on its page if it asks, and
// comes back. That page needs scripts; a visitor without runs none of ours.
func (v *visitor) elsewhere(provider *oidctest.Glewlwyd, do func()) {
	v.t.Helper()
	v.checkWatch()
	origin := strings.TrimSuffix(provider.Issuer, "/api/oidc")
	v.watch.expect(origin)
	v.watch.expect("FormInputAssignedAutocompleteValueToIdOrNameAttributeError") // on its page
	if !v.manner.script {
		v.watch.expect("/static/")
		send(v, network.SetBlockedURLs, network.SetBlockedURLsParams{URLPatterns: []*network.BlockPattern{{URLPattern: v.panel.origin + "/static/*.js", Block: true}}})
		v.scripts(true)
	}
	do()
	asked, agreed := false, false
	v.await(func() string { text, _ := v.text(); return "not back from the provider, who says " + text }, func() bool {
		v.settle()
		at, err := eval[string](v, "location.href")
		switch {
		case err != nil:
		case strings.HasPrefix(at, origin):
			text, _ := v.text() // of a page that is just being left there is none
			switch ready, _ := eval[bool](v, `!!document.querySelector("#username") && !!document.querySelector("#password")`); {
			case ready && !asked:
				asked = true
				v.signInThere("alice")
			case strings.Contains(text, "Hello Alice Durand") && !agreed:
				agreed = true
				v.click(1, "\uf04b Continue", "link", "button") // with its icon
			}
		case strings.HasPrefix(at, v.panel.origin+"/session/oidc/callback") && !v.manner.script:
			v.press(v.say("identity.back.go"))
		default:
			return v.watch.went(origin) && strings.HasPrefix(at, v.panel.origin) && !strings.Contains(at, "/session/oidc")
		}
		return false
	})
	if !v.manner.script {
		v.scripts(false)
		send(v, network.SetBlockedURLs, network.SetBlockedURLsParams{})
	}
}

// went says whether the browser has asked another origin for something since
// the last look at the complaints.
func (w *watch) went(origin string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.bad, func(text string) bool { return strings.Contains(text, origin) })
}

// signInThere fills the provider's own page in.
func (v *visitor) signInThere(username string) {
	v.t.Helper()
	for field, text := range map[string]string{"#username": username, "#password": oidctest.Password} {
		ask[bool](v, `document.querySelector("`+field+`").focus(); true`)
		send(v, input.InsertText, input.InsertTextParams{Text: text})
	}
	v.key("\r")
}
