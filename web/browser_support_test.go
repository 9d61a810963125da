package main

import (
	"fmt"
	"strings"

	"example.org/mandat/models/cast"
)

// letSupportIn: Sam asks David, who accepts and ends it; for Alice, who has a
// window open, he begins at once, steps up, changes something and stops.
func letSupportIn(v *visitor) {
	david := v.somebodyElse()
	v.goTo("/sign-in")
	v.enter(cast.Sam)
	v.typeIn(v.say("factor.code"), v.code(cast.SamSecret, 0))
	v.press(v.one(signInLabel))
	v.at("/support")
	if ask[string](v, "document.documentElement.lang") != v.manner.lang {
		v.press(map[string]string{"fr": "Français", "en": "English"}[v.manner.lang])
	}
	v.check()

	v.typeIn(v.say("assistance.search"), "nguyen")
	v.press(v.say("common.search"))
	v.see(cast.David, v.say("assistance.no_window"))
	v.check()
	v.follow(v.say("assistance.act"))
	v.typeIn(v.say("assistance.reason"), "Why")
	v.press(v.say("assistance.begin"))
	v.see(v.say("assistance.reason.short", "Least", 10), v.say("assistance.ticket.none"))
	v.check()
	v.typeIn(v.say("assistance.reason"), " nothing arrives any more")
	v.typeIn(v.say("assistance.ticket"), "TKT-7")
	v.press(v.say("assistance.begin"))
	v.see(v.say("assistance.waits", "Who", "David Nguyen"))
	v.check()

	david.signIn(cast.David)
	david.see(david.say("consent.request", "Agent", "Sam, "+cast.Sam))
	david.follow(david.say("consent.answer"))
	david.see("TKT-7")
	david.check()
	david.press(david.say("consent.accept"))
	david.see(david.say("consent.accepted"))
	v.goTo("/services")
	v.see(v.say("assistance.may_look"), cast.Velos)
	v.showsTheBanner(cast.David)
	v.check()
	v.follow(cast.Velos)
	v.lacks(v.say("account.new"), v.say("layout.resign"))
	v.check()

	david.goTo("/services")
	david.see(david.say("consent.acting", "Agent", "Sam, "+cast.Sam))
	david.check()
	david.press(david.say("consent.stop"))
	david.see(david.say("consent.stopped"))
	david.follow(david.say("assistance.what"))
	david.see("/services/" + cast.Velos)
	david.check()
	v.watch.expect("403")
	v.goTo("/services")
	v.see(v.say("error.staff.heading"))

	v.goTo("/assistances/new?customer=" + cast.Alice)
	v.typeIn(v.say("assistance.reason"), "The description is wrong")
	v.typeIn(v.say("assistance.ticket"), "TKT-8")
	v.press(v.say("assistance.begin"))
	v.follow(v.say("assistance.change"))
	v.check()
	v.press(v.say("assistance.change_button"))
	v.see(v.say("assistance.may_change"))
	v.goTo(garrigue + "/emails")
	v.typeIn(v.say("account.search"), "juri")
	if !v.manner.script { // else the list follows what is typed
		v.press(v.say("common.search"))
	}
	v.see("juridique", v.words.N("common.results", 2))
	v.showsTheBanner(cast.Alice)
	v.goTo(garrigue + "/emails/rh")
	v.lacks(v.say("account.delete"), v.say("account.password.change"))
	v.check()
	v.typeIn(v.say("account.description"), " par Sam")
	v.press(v.say("common.save"))
	v.see(v.say("account.changed"))
	v.press(v.say("assistance.end"))
	v.see(v.say("assistance.ended"))
	v.check()
}

// showsTheBanner says that title and banner name the customer, on screen and on paper.
func (v *visitor) showsTheBanner(customer string) {
	v.t.Helper()
	if title := ask[string](v, "document.title"); !strings.HasPrefix(title, v.say("assistance.acting", "Who", customer)) {
		v.t.Errorf("the title is %q", title)
	}
	const shown = `[...document.querySelectorAll(%q)].filter(e => e.checkVisibility({opacityProperty: true, visibilityProperty: true}) && e.getBoundingClientRect().height > 0).map(e => e.innerText).join()`
	banner := func(on string) {
		v.t.Helper()
		if text := ask[string](v, fmt.Sprintf(shown, ".acting")); !strings.Contains(spaces(text), customer) {
			v.t.Errorf("the banner says %q on %s", text, on)
		}
	}
	banner("screen")
	v.medium("print")
	banner("paper")
	if text := ask[string](v, fmt.Sprintf(shown, ".topbar")); text != "" {
		v.t.Errorf("the page is not as it is printed: it has %q", text)
	}
	v.medium("screen")
}
