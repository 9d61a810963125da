package main

import (
	"html"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"example.org/mandat/models"
	"example.org/mandat/models/cast"
	"example.org/mandat/views"
)

// Journeys through what decides who gets at an account.

func resetThePassword(v *visitor) {
	const chosen = "ardoise-goéland-soupière"
	v.goTo("/sign-in")
	v.clicks = 0
	v.follow(v.say("session.forgotten.link"))
	v.check()
	v.typeIn(v.say("session.identifier"), cast.Emma)
	v.press(v.say("session.forgotten.send"))
	v.clicked(2)
	v.see(v.say("session.forgotten.asked_heading"), v.say("session.forgotten.nothing"))
	v.check()

	v.goTo(v.panel.link(v.t, "link.password."))
	v.check()
	v.typeIn(v.say("session.password"), chosen)
	v.typeIn(v.say("session.password_again"), chosen)
	v.press(v.say("session.link_button"))
	v.at("/sign-in") // a link signs nobody in
	v.typeIn(v.say("session.identifier"), cast.Emma)
	v.typeIn(v.say("session.password"), chosen)
	v.press(v.one(signInLabel))
	v.at("/services")
}

func endASession(v *visitor) {
	other := v.somebodyElse()
	other.signIn(cast.David)
	v.signIn(cast.David)
	v.goTo("/profile")
	v.clicks = 0
	v.follow(v.say("session.list.title"))
	v.see(v.say("session.list.own"), v.say("session.list.peer", "Address", "127.0.0.1"))
	v.check()
	v.press(v.say("session.list.end_others"))
	v.clicked(2)
	v.see(v.words.N("session.list.others_ended", 1))
	v.lacks(v.say("session.list.end_others"))
	v.check()
	other.goTo("/profile")
	other.at("/sign-in?next=%2Fprofile")
}

// outliveNothing leaves pages alone, and comes back to them.
func outliveNothing(v *visitor) {
	later := func(v *visitor, wait time.Duration) {
		ask[bool](v, `Date.now = ((now) => () => now() + `+strconv.FormatInt(wait.Milliseconds(), 10)+`)(Date.now), document.dispatchEvent(new Event("visibilitychange"))`)
	}
	comeBack := func(v *visitor) {
		ask[bool](v, `dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))`)
	}
	v.signIn(cast.David)
	v.goTo("/profile")
	tab := v.anotherTab()
	tab.goTo("/profile")
	ask[bool](v, `window.stayed = true`)
	later(v, models.IdleFor-time.Minute)
	tab.goTo("/services") // of use to both
	later(v, models.IdleFor-time.Minute)
	v.key(kb.Shift) // and so is this
	later(v, models.IdleFor-time.Minute)
	v.see(cast.David)
	if !ask[bool](v, `window.stayed === true`) {
		v.t.Error("a page in use has left")
	}
	later(v, 2*time.Minute)
	v.at("/profile") // for the session was of use elsewhere: the panel's clock has not moved
	v.see(cast.David)
	comeBack(v)
	v.see(cast.David)

	other := v.somebodyElse()
	other.signIn(cast.David)
	endOthers := func() {
		other.goTo(views.ProfileSessionsPath)
		other.press(v.say("session.list.end_others"))
		other.see(v.words.N("session.list.others_ended", 1))
	}
	endOthers()
	comeBack(v)
	v.at("/sign-in")
	v.miss(cast.David)
	tab.at("/sign-in") // told by the one that came back

	v.enter(cast.David)
	v.goTo("/profile")
	endOthers()
	later(v, models.IdleFor+time.Minute)
	v.at("/sign-in?next=%2Fprofile")
	v.miss(cast.David)
}

func changeTheContact(v *visitor) {
	const wanted = "david@elsewhere.example"
	v.signIn(cast.David)
	v.goTo("/profile")
	v.clicks = 0
	v.follow(v.say("contact.change"))
	v.check()
	v.typeIn(v.say("contact.email"), wanted)
	v.press(v.say("contact.send"))
	v.clicked(2)
	v.see(v.say("contact.asked", "Address", wanted))
	v.check()
	v.goTo(v.panel.link(v.t, "link.contact."))
	v.see(v.say("contact.confirm_text", "Address", wanted))
	v.check()
	v.press(v.say("contact.confirm"))
	v.see(v.say("contact.confirmed", "Address", wanted))
	v.lacks(v.say("contact.cancel"))
	v.check()
}

var aLink = regexp.MustCompile(`<a href="([^"]*)">`)

// dir is where the panel has its data.
func (p *panel) dir() (dir string) {
	for _, setting := range p.cmd.Env {
		if value, is := strings.CutPrefix(setting, "MANDAT_DATA_DIR="); is {
			dir = value
		}
	}
	return dir
}

// link is the path of the link in the email of the panel whose name begins so.
func (p *panel) link(t *testing.T, begins string) string {
	t.Helper()
	dir := filepath.Join(p.dir(), "mail")
	for end := time.Now().Add(startLimit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		names, err := filepath.Glob(filepath.Join(dir, begins+"*.html"))
		if err != nil {
			t.Fatal(err)
		}
		if len(names) == 0 {
			continue
		}
		text, err := os.ReadFile(names[len(names)-1])
		if err != nil {
			t.Fatal(err)
		}
		link := aLink.FindSubmatch(text)
		if link == nil {
			t.Fatalf("no link in %s", text)
		}
		path, ours := strings.CutPrefix(html.UnescapeString(string(link[1])), p.origin)
		if !ours {
			t.Fatalf("the link leads to %s, and the panel is at %s", link[1], p.origin)
		}
		return path
	}
	t.Fatalf("no email %s… in %s", begins, dir)
	return ""
}

// lookAtThePassword: what is typed is seen while its reader wants to, and masked
// when it goes out.
func lookAtThePassword(v *visitor) {
	v.goTo("/sign-in")
	show := v.say("common.reveal", "Field", v.say("session.password"))
	if !v.manner.script {
		v.lacks(show)
		return
	}
	kind := func(want string) {
		v.t.Helper()
		if is := ask[string](v, `document.getElementById("password").type + " " + document.querySelector(".reveal").ariaPressed`); is != want {
			v.t.Errorf("the field is %q, want %q", is, want)
		}
	}
	v.typeIn(v.say("session.password"), "four words of mine")
	kind("password false")
	v.open(show)
	kind("text true")
	v.check()
	v.open(show)
	kind("password false")
	v.open(show)
	ask[bool](v, `document.querySelector("form[action='/session']").dispatchEvent(new Event("submit", {bubbles: true, cancelable: true}))`)
	kind("password false")
}
