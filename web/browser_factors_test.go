package main

import (
	"database/sql"
	"path/filepath"
	"strings"
	"time"

	"example.org/mandat/models/cast"
	"example.org/mandat/models/totp"
)

// addASecondFactor: an app is added, signs in, is stood in for by a recovery code
// and then not asked for; what is sensitive asks again who one is.
func addASecondFactor(v *visitor) {
	v.signIn(cast.Emma)
	v.goTo("/profile")
	v.follow(v.say("factor.manage"))
	v.see(v.say("factor.none"))
	v.check()
	v.follow(v.say("factor.add"))
	v.check()
	if drawn := ask[string](v, `(s => s.stroke + ", " + s.fill)(getComputedStyle(document.querySelector("svg.qr path")))`); !strings.HasPrefix(drawn, "none, rgb(0, 0, 0)") {
		v.t.Errorf("the picture of the key is drawn with %s", drawn) // as an icon nobody could scan it
	}
	secret := strings.ReplaceAll(ask[string](v, `document.getElementById("secret").textContent`), " ", "")
	v.typeIn(v.say("factor.name"), "KeePassXC")
	v.typeIn(v.say("factor.code"), v.code(secret, 0))
	v.press(v.say("factor.enrol.button"))
	v.see(v.say("recovery.shown_once"))
	v.check()
	codes := strings.Fields(ask[string](v, `Array.from(document.querySelectorAll("#recovery-codes li"), li => li.textContent).join(" ")`))
	v.follow(v.say("recovery.kept"))
	v.see("KeePassXC", v.words.N("recovery.left", 10))
	v.check()

	again := func() {
		v.press(v.say("layout.sign_out"))
		v.enter(cast.Emma)
	}
	again()
	v.at("/session/factor")
	v.see(v.say("factor.challenge.heading"))
	v.check()
	v.typeIn(v.say("factor.code"), "000000")
	v.press(v.one(signInLabel))
	v.see(v.say("factor.code.wrong"))
	v.check()
	v.typeIn(v.say("factor.code"), v.code(secret, 1)) // the one of now confirmed it
	v.press(v.one(signInLabel))
	v.at("/services")

	again()
	v.typeIn(v.say("factor.code"), codes[0])
	v.tick(v.words.N("factor.trust", 30))
	v.press(v.one(signInLabel))
	v.at("/services")
	again()
	v.at("/services")
	v.goTo("/profile/factors")
	v.see(v.words.N("recovery.left", 9), v.say("session.list.peer", "Address", "127.0.0.1"))
	v.check()

	v.hoursLater()
	v.follow(v.say("recovery.make"))
	v.check()
	v.typeIn(v.say("proof.password_or_code"), "not the password")
	v.press(v.say("recovery.make"))
	v.see(v.say("proof.wrong"))
	v.check()
	v.typeIn(v.say("proof.password_or_code"), cast.Password)
	v.press(v.say("recovery.make"))
	v.see(v.say("recovery.shown_once"))
	v.follow(v.say("recovery.kept"))
	v.see(v.words.N("recovery.left", 10))
}

// code is what an app with this secret shows so many periods from now.
func (v *visitor) code(secret string, periods int) string {
	v.t.Helper()
	code, err := totp.Code(secret, time.Now().Add(time.Duration(periods)*totp.Period))
	if err != nil {
		v.t.Fatal(err)
	}
	return code
}

// hoursLater makes every session one whose person was last asked long ago.
func (v *visitor) hoursLater() {
	v.t.Helper()
	file, err := sql.Open("sqlite", "file:"+filepath.Join(v.panel.dir(), "mandat.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		v.t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.ExecContext(v.t.Context(), "UPDATE sessions SET proved_at = '2026-01-01 00:00:00+00:00'"); err != nil {
		v.t.Fatal(err)
	}
}
