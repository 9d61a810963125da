package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models/cast"
	"example.org/mandat/views"
)

// What the guide and the specification fix, word for word.
var (
	signInLabel  = label{"Se connecter", "Sign in"}
	shareAll     = label{"Gérer vos partages pour toutes les adresses email", "Manage shares for all email addresses"}
	delegate     = label{"Délégation de la gestion", "Delegate management"}
	addHeading   = label{"Ajouter un identifiant", "Add an identifier"}
	add          = label{"Ajouter", "Add"}
	willBeAble   = label{"Ces personnes pourront", "They will be able to"}
	willNot      = label{"Elles ne pourront pas", "They will not be able to"}
	revoke       = label{"Révoquer", "Revoke"}
	resign       = label{"Ne plus gérer", "Stop managing"}
	signOut      = label{"Se déconnecter", "Sign out"}
	yourServices = label{"Vos services", "Your services"}
	sharedWith   = label{"Partagés avec vous", "Shared with you"}
	titleOfError = label{"Erreur :", "Error:"}
)

const emails = "/services/" + cast.Garrigue + "/emails"

// actions is the name of the button … of an address of Garrigue's.
func (v *visitor) actions(local string) string {
	return v.one(label{"Actions pour " + local + "@" + cast.Garrigue, "Actions for " + local + "@" + cast.Garrigue})
}

// addresses is the link to so many of them.
func (v *visitor) addresses(n int64) string { return v.words.N("service.addresses", n) }

// atNight says that everything is to be walked in every manner, as long as it takes.
var atNight = os.Getenv("MANDAT_NIGHTLY") != ""

// manners are the ways to look at the panel: by night all of them, else the half
// in which any three of language, script, width and theme meet in every way.
func manners() (list []manner) {
	for l, lang := range []string{"fr", "en"} {
		for s, script := range []bool{true, false} {
			for w, width := range []int64{1440, 390} {
				for t, theme := range []string{"light", "dark"} {
					if atNight || (l+s+w+t)%2 == 0 {
						list = append(list, manner{lang, script, width, theme})
					}
				}
			}
		}
	}
	return list
}

// The journeys beside the two that the product is made for are walked at night in
// four manners, where each language meets each width, with script and without; by
// day in one of the languages, one journey after the other.
var (
	wideFrench   = manner{"fr", true, 1440, "light"}
	smallEnglish = manner{"en", true, 390, "dark"}
	plainFrench  = manner{"fr", false, 390, "dark"}
	plainEnglish = manner{"en", false, 1440, "light"}
)

// Journeys are walked on a panel of their own, by people who have the browser in
// common and nothing else.
func TestBrowser(t *testing.T) {
	t.Parallel()
	browser := chromium(t)
	inFrench, inEnglish := []manner{wideFrench, plainFrench}, []manner{plainEnglish, smallEnglish}
	if atNight {
		inFrench = append(inFrench, inEnglish...)
		inEnglish = inFrench
	}
	scripted := []manner{wideFrench, smallEnglish}
	for _, j := range []struct {
		name    string
		manners []manner
		walk    func(v *visitor)
	}{
		{"the owner shares the whole service", manners(), shareTheService},
		{"the owner delegates one account", manners(), delegateOneAccount},
		{"the owner delegates the ticked accounts", inFrench, delegateTicked},
		{"the owner changes the ticked accounts", inEnglish, changeTicked},
		{"the delegate sees what was given, sets a password and lets go", inFrench, beDelegate},
		{"an address from its creation to its deletion", inEnglish, liveOfAnAddress},
		{"the owner answers during a holiday", inFrench, answerOnHoliday},
		{"newsletters go to a folder", inEnglish, fileNewsletters},
		{"a mailing list of three hundred", inFrench, gatherThreeHundred},
		{"a file of fifty addresses", inEnglish, importAddresses},
		{"a redirection from its creation to its undo", inFrench, redirectAndUndo},
		{"the subscribers of a list go to its owner", inEnglish, sendSubscribers},
		{"the owner sees what the domain lacks", inFrench, checkDNS},
		{"search, sort, pages and the way back", inEnglish, findAddresses},
		{"language, theme, signing in and out", inFrench, comeAndGo},
		{"a second factor, from its addition to what asks again", inEnglish, addASecondFactor},
		{"support asks, is let in, acts and is ended", inFrench, letSupportIn},
		{"a forgotten password is set anew", inEnglish, resetThePassword},
		{"a session elsewhere is ended", inFrench, endASession},
		{"a password is looked at", []manner{wideFrench, smallEnglish, plainEnglish}, lookAtThePassword},
		{"another contact address is confirmed", inEnglish, changeTheContact},
		{"the owner delegates by keyboard alone", []manner{wideFrench, plainEnglish}, delegateByKeyboard},
		{"no sideways scroll on a small screen or with large text", scripted, fitEverywhere},
		{"a session that ends while a panel is open", scripted, endElsewhere},
		{"no page outlives its session", scripted, outliveNothing},
		{"a double click acts once", []manner{wideFrench, plainFrench}, doubleClickOnAdd},
		{"the owner signs in at a provider", inFrench, signOnElsewhere},
		{"a form that is sent again acts once", []manner{wideFrench, plainEnglish}, sendAgain},
	} {
		t.Run(j.name, func(t *testing.T) {
			t.Parallel()
			for _, m := range j.manners {
				t.Run(m.String(), func(t *testing.T) {
					t.Parallel()
					j.walk(visit(t, browser, demoPanel(t), m))
				})
			}
		})
	}
	t.Run("mail is imported from elsewhere", func(t *testing.T) {
		t.Parallel()
		for _, m := range inFrench {
			t.Run(m.String(), func(t *testing.T) {
				t.Parallel()
				importMail(visit(t, browser, importingPanel(t), m))
			})
		}
	})
	t.Run("passkeys from the first to the last", func(t *testing.T) {
		t.Parallel()
		for _, m := range scripted {
			t.Run(m.String(), func(t *testing.T) {
				t.Parallel()
				p, w := namedPanel(t)
				usePasskeys(visit(t, browser, p, m), w)
			})
		}
	})
	t.Run("passkeys without a script", func(t *testing.T) {
		t.Parallel()
		p, _ := namedPanel(t)
		lackPasskeys(visit(t, browser, p, plainEnglish))
	})
	t.Run("pictures", func(t *testing.T) { takePictures(t, browser) })
}

func shareTheService(v *visitor) {
	v.signIn(cast.Alice)
	v.see(v.one(yourServices), v.one(sharedWith))
	v.check()

	v.follow(v.addresses(40))
	v.at(emails)
	v.check()
	v.follow(v.one(shareAll))
	v.see(v.one(addHeading), v.one(willBeAble), v.one(willNot))
	v.check()
	until := time.Now().In(paris).AddDate(0, 0, 30)
	v.typeIn(v.say("grant.identifiers"), cast.Emma+", DN1004-mdt")
	v.typeIn(v.say("grant.expires"), until.Format(time.DateOnly))
	v.typeIn(v.say("grant.note"), "Remplacement d’été")
	v.press(v.one(add))
	v.clicked(3)
	v.see(v.words.N("grant.given.many", 2, "Object", cast.Garrigue))
	v.see(cast.Emma, "Emma Petit", cast.David, v.say("grant.since_by", "Date", v.words.Date(time.Now()), "Who", cast.Alice),
		v.say("grant.until", "Date", v.words.Date(until)), "Remplacement d’été")
	v.check()

	emma := v.somebodyElse()
	emma.signIn(cast.Emma)
	emma.see(v.one(sharedWith), cast.Garrigue, cast.Alice)
	emma.follow(v.addresses(40))
	emma.see("contact", v.say("layout.shared", "Who", cast.Alice), v.say("layout.until", "Date", v.words.Date(until)))
	emma.lacks(v.one(shareAll))
	emma.check()

	v.clicks = 0
	v.follow(v.say("grant.revoke_of", "Who", cast.Emma))
	v.see(v.words.N("grant.loss.accounts", 40, "Domain", cast.Garrigue))
	v.check()
	v.press(v.one(revoke))
	v.clicked(2)
	v.see(v.say("grant.revoked", "Who", cast.Emma, "Object", cast.Garrigue))
	v.check()
	emma.watch.expect("status of 404")
	emma.goTo(emails)
	emma.see(v.say("error.not_found.heading"))
	emma.check()
	emma.goTo("/services")
	emma.miss(cast.Garrigue)

	v.press(v.say("grant.undo"))
	v.clicked(1)
	v.see(v.say("grant.restored", "Who", cast.Emma, "Object", cast.Garrigue), v.say("grant.until", "Date", v.words.Date(until)))
	v.check()
	emma.goTo("/services")
	emma.see(cast.Garrigue)
	emma.check()
}

func delegateOneAccount(v *visitor) {
	v.signIn(cast.Alice)
	v.follow(v.addresses(40))
	v.open(v.actions("compta"))
	v.check()
	v.follow(v.one(delegate))
	v.see(v.one(addHeading), "compta@"+cast.Garrigue, v.one(willBeAble), v.one(willNot), v.say("grant.none.account"))
	v.check()
	v.typeIn(v.say("grant.identifiers"), cast.Emma+", ab-12? zz9999-mdt")
	v.press(v.one(add))
	v.clicked(4)

	shape, unknown := v.say("grant.refused.shape", "Identifier", "ab-12?"), v.say("grant.refused.unknown", "Identifier", "zz9999-mdt")
	v.see(shape, unknown, v.say("grant.given.one", "Who", cast.Emma, "Object", "compta@"+cast.Garrigue))
	v.check()
	field := v.find(v.say("grant.identifiers"), "textbox")
	if typed := function[string](v, field, "function () { return this.value }"); spaces(typed) != "ab-12? zz9999-mdt" {
		v.t.Errorf("the field has %q", typed)
	}
	if v.manner.script {
		v.focuses(v.say("common.problem"), shape)
	} else if title := ask[string](v, "document.title"); !contains(title, v.one(titleOfError)) {
		v.t.Errorf("the title is %q", title)
	}
	v.click(1, shape, "link")
	v.focuses(v.say("grant.identifiers"))

	v.clicks = 0
	v.typeIn(v.say("grant.identifiers"), cast.David)
	v.press(v.one(add))
	v.see(v.say("grant.given.one", "Who", cast.David, "Object", "compta@"+cast.Garrigue), cast.Emma)
	v.miss(shape)
	v.clicked(1)
	v.check()

	v.press(v.say("grant.revoke_of", "Who", cast.Emma))
	v.see(v.say("grant.revoked", "Who", cast.Emma, "Object", "compta@"+cast.Garrigue))
	v.clicked(1)
	v.check()
	v.press(v.say("grant.undo"))
	v.see(v.say("grant.restored", "Who", cast.Emma, "Object", "compta@"+cast.Garrigue))
	v.clicked(1)
	v.check()

	if v.manner.script { // the row behind the panel is as it stands now
		v.click(1, v.say("common.close"), "link")
		v.focuses(v.actions("compta"))
	} else {
		v.goTo(emails)
	}
	v.see(cast.Emma, cast.David)
	v.check()
}

func delegateTicked(v *visitor) {
	v.signIn(cast.Alice)
	v.follow(v.addresses(40))
	v.clicks = 0
	v.tick("achats")
	v.tick("archives")
	v.tick("direction")
	v.check()
	v.press(v.say("account.batch.delegate"))
	v.see(v.words.N("grant.bulk", 3), "archives@"+cast.Garrigue, v.one(willBeAble))
	v.check()
	v.typeIn(v.say("grant.identifiers"), cast.Emma+"\nzz9999-mdt")
	v.press(v.one(add))
	v.clicked(5)
	v.see(v.say("grant.refused.unknown", "Identifier", "zz9999-mdt"), v.words.N("grant.people", 1))
	v.check()
	v.typeIn(v.say("grant.identifiers"), cast.David)
	v.press(v.one(add))
	v.at(emails)
	v.see(v.say("grant.given.bulk", "People", v.words.N("grant.people", 1), "Addresses", v.words.N("grant.addresses", 3)))
	for _, local := range []string{"achats", "archives", "direction"} {
		if row := v.row(local); !contains(row, cast.Emma, cast.David) {
			v.t.Errorf("the row is %q", row)
		}
	}
	v.check()
}

func beDelegate(v *visitor) {
	v.signIn(cast.Chloe)
	v.see(v.one(sharedWith), cast.Garrigue, cast.Alice)
	v.check()
	v.follow(v.addresses(2))
	v.see("contact", "accueil", v.say("layout.shared", "Who", cast.Alice))
	v.miss("compta", "achats")
	v.lacks(v.one(shareAll), v.say("account.new"), v.say("account.batch.delegate"))
	v.check()

	v.open(v.actions("contact"))
	v.lacks(v.one(delegate), v.say("account.block"), v.say("account.delete"))
	v.follow(v.say("account.password.change"))
	v.see(v.say("account.password.warning"))
	v.check()
	v.typeIn(v.say("account.password.new"), "trois marées basses")
	v.typeIn(v.say("account.password_again"), "trois marées hautes")
	v.press(v.say("account.password.save"))
	v.see(v.say("common.problem"), v.say("password.again.differs"))
	v.check()
	v.typeIn(v.say("account.password.new"), "trois marées basses")
	v.typeIn(v.say("account.password_again"), "trois marées basses")
	v.press(v.say("account.password.save"))
	v.see(v.say("account.password.changed", "Address", "contact@"+cast.Garrigue))
	v.check()

	v.goTo(emails)
	v.follow("accueil@" + cast.Garrigue)
	v.see(v.say("layout.shared", "Who", cast.Alice), v.say("layout.since", "Date", v.words.Date(time.Now())))
	v.see(strings.TrimSuffix(v.say("layout.until", "Date", "|"), "|"))
	v.lacks(v.one(delegate), v.say("account.block"), v.say("account.delete"), v.one(shareAll))
	v.check()
	v.press(v.one(resign))
	v.see(v.say("grant.resigned", "Object", "accueil@"+cast.Garrigue))
	v.check()
	v.follow(v.addresses(1))
	v.miss("accueil")
	v.watch.expect("status of 404")
	v.goTo(emails + "/accueil")
	v.see(v.say("error.not_found.heading"))
	v.check()
}

func liveOfAnAddress(v *visitor) {
	v.signIn(cast.Alice)
	v.goTo(emails)
	v.follow(v.say("account.new"))
	v.see(v.say("account.local"))
	v.check()
	v.typeIn(v.say("account.local"), "été")
	v.press(v.say("account.create"))
	v.see(v.say("common.problem"))
	if title := ask[string](v, "document.title"); !contains(title, v.one(titleOfError)) {
		v.t.Errorf("the title is %q", title)
	}
	v.check()
	v.typeIn(v.say("account.local"), "Amities")
	v.typeIn(v.say("account.description"), "Les amis du cabinet")
	v.press(v.say("account.create"))
	v.see(v.say("account.created", "Address", "amities@"+cast.Garrigue))
	v.check()

	v.goTo(emails)
	v.follow("amities@" + cast.Garrigue)
	v.see(v.say("account.stands"))
	v.typeIn(v.say("account.description"), "Les amies et amis du cabinet")
	v.typeIn(v.say("account.size"), "2")
	v.press(v.say("common.save"))
	v.see(v.say("account.changed"))
	v.check()
	v.press(v.say("account.block"))
	v.see(v.say("account.blocked", "Address", "amities@"+cast.Garrigue), v.say("account.state.blocked"))
	v.check()
	v.goTo(emails + "/amities")
	v.press(v.say("account.unblock"))
	v.see(v.say("account.unblocked", "Address", "amities@"+cast.Garrigue))
	v.check()

	v.goTo(emails + "/amities")
	v.follow(v.say("account.delete"))
	v.see(v.say("account.deletion.title", "Address", "amities@"+cast.Garrigue), v.say("account.deletion.text"))
	v.check()
	v.typeIn(v.say("account.deletion.confirm", "Local", "amities"), "amis")
	v.press(v.say("account.delete"))
	v.see(v.say("account.confirm.differs", "Local", "amities"))
	v.check()
	v.typeIn(v.say("account.deletion.confirm", "Local", "amities"), "amities")
	v.press(v.say("account.delete"))
	v.see(v.say("account.deleted", "Address", "amities@"+cast.Garrigue))
	v.check()
	v.watch.expect("status of 404")
	v.goTo(emails + "/amities")
	v.see(v.say("error.not_found.heading"))
}

func findAddresses(v *visitor) {
	v.signIn(cast.Alice)
	v.goTo(emails)
	v.see("achats", v.say("common.range", "First", 1, "Last", 25, "Total", 40))
	v.follow(v.say("common.next"))
	v.see("yasmine.zidane")
	v.miss("achats")
	v.check()
	v.back()
	v.at(emails)
	v.see("achats")
	v.check()

	v.typeIn(v.say("account.search"), "juri")
	if !v.manner.script { // else the list follows what is typed
		v.press(v.say("common.search"))
	}
	v.see("juridique", "veille", v.words.N("common.results", 2))
	v.miss("achats")
	if v.manner.script {
		v.focuses(v.say("account.search"))
	}
	v.check()
	found := v.address()
	v.follow(v.say("account.storage"))
	v.follow(v.say("account.storage"))
	v.see("juridique", "veille")
	if rows := v.rows(); len(rows) != 2 || !contains(rows[0], "juridique") {
		v.t.Errorf("not sorted by use: %q", rows)
	}
	v.check()
	v.follow("veille@" + cast.Garrigue)
	v.see(v.say("account.stands"))
	v.back()
	v.see("juridique", "veille")
	v.back()
	v.back()
	v.at(found)
	v.see("juridique", "veille")
	v.miss("achats")
	v.back()
	v.at(emails)
	v.see("achats")
	v.check()

	v.watch.expect("NavigationEntryMarkedSkippable") // the browser takes only a finger for a person
	v.typeIn(v.say("account.search"), "")
	v.choose(v.say("account.status"), v.say("account.status.blocked"))
	if !v.manner.script {
		v.press(v.say("common.search"))
	}
	v.see("louis.noel")
	v.miss("achats")
	v.typeIn(v.say("account.search"), "rien de tel")
	if !v.manner.script {
		v.press(v.say("common.search"))
	}
	v.see(v.say("account.none_found", "Search", "rien de tel"))
	v.check()
	v.follow(v.say("common.clear"))
	v.at(emails)
	v.follow("50")
	v.see("achats", "yasmine.zidane")
	v.check()
}

func comeAndGo(v *visitor) {
	other := map[string]string{"fr": "English", "en": "Français"}
	own := map[string]string{"fr": "Français", "en": "English"}
	v.goTo("/services")
	v.at("/sign-in?next=%2Fservices")
	v.check()
	v.press(other[v.manner.lang])
	if lang := ask[string](v, "document.documentElement.lang"); lang == v.manner.lang {
		v.t.Errorf("the page is still in %s", lang)
	}
	v.press(own[v.manner.lang])
	v.see(v.say("session.heading"))

	v.typeIn(v.say("session.identifier"), cast.Alice)
	v.typeIn(v.say("session.password"), "not the password")
	v.press(v.one(signInLabel))
	v.see(v.say("session.wrong"))
	v.check()
	v.enter(cast.Alice)
	v.at("/services")
	v.press(own[v.manner.lang])
	v.check()

	// What the device prefers yields to what the person chose, here and on every page.
	dark := v.manner.theme == "dark"
	v.press(v.say(map[bool]string{true: "layout.theme_light", false: "layout.theme_dark"}[dark]))
	v.goTo("/profile")
	if scheme := ask[facts](v, readFacts).Scheme; isDark(scheme) == dark {
		v.t.Errorf("the page is still on %s", scheme)
	}
	v.press(v.say("layout.theme_system"))
	v.see(v.say("profile.identifier"), cast.Alice)
	v.check()

	tab := v.anotherTab()
	tab.goTo("/profile/password")
	tab.typeIn(v.say("profile.password.current"), "typed")
	v.press(v.one(signOut))
	v.at("/sign-in")
	v.check()
	if v.manner.script { // without, it leaves at the next click
		tab.at("/sign-in")
		tab.miss(cast.Alice)
	}
	v.back()
	v.see(v.say("session.identifier"))
	v.miss("Alice Durand")
}

func delegateByKeyboard(v *visitor) {
	v.goTo("/sign-in")
	v.tabTo(v.say("session.identifier"))
	v.keyIn(cast.Alice + "\t" + cast.Password)
	v.enterKey()
	v.at("/services")
	v.tabTo(map[string]string{"fr": "Français", "en": "English"}[v.manner.lang])
	v.enterKey()
	v.tabTo(v.addresses(40))
	v.enterKey()
	v.at(emails)
	v.tabTo(v.actions("achats"))
	v.key("\r")
	v.tabTo(v.one(delegate))
	v.enterKey()
	v.see(v.one(addHeading))
	if v.manner.script {
		v.focuses(v.say("grant.identifiers"))
	} else {
		v.tabTo(v.say("grant.identifiers"))
	}
	v.keyIn(cast.Emma + " ab-12?")
	v.tabTo(v.one(add))
	v.enterKey()
	shape := v.say("grant.refused.shape", "Identifier", "ab-12?")
	v.see(shape, v.say("grant.given.one", "Who", cast.Emma, "Object", "achats@"+cast.Garrigue))
	v.tabTo(shape)
	v.key("\r")
	v.focuses(v.say("grant.identifiers"))
	v.tabTo(v.say("grant.revoke_of", "Who", cast.Emma))
	v.enterKey()
	v.see(v.say("grant.revoked", "Who", cast.Emma, "Object", "achats@"+cast.Garrigue))
	v.tabTo(v.say("grant.undo"))
	v.enterKey()
	v.see(v.say("grant.restored", "Who", cast.Emma, "Object", "achats@"+cast.Garrigue))
	v.check()
	if v.manner.script {
		v.key("\u001b")
		v.focuses(v.actions("achats"))
		v.check()
	}
	if v.clicks != 0 {
		v.t.Errorf("%d clicks", v.clicks)
	}
}

// fitEverywhere looks at the pages at 320 px, and with text twice as large.
func fitEverywhere(v *visitor) {
	v.signIn(cast.Alice)
	for _, path := range []string{
		"/services", "/services/" + cast.Garrigue, emails, emails + "?q=nothing", "/services/" + cast.Garrigue + "/new-email",
		emails + "/accueil", emails + "/accueil/password", emails + "/accueil/deletion", emails + "/accueil/grants",
		"/services/" + cast.Garrigue + "/grants", "/grants/new?accounts=achats%40" + cast.Garrigue, "/services/" + cast.Garrigue + "/history",
		ticked + "size?accounts=achats%40" + cast.Garrigue, ticked + "revocation?accounts=accueil%40" + cast.Garrigue + "&accounts=achats%40" + cast.Garrigue,
		"/services/" + cast.Garrigue + "/lists", "/services/" + cast.Garrigue + "/redirections", emails + "/accueil/filters", emails + "/accueil/responder",
		"/history", "/profile", "/profile/password", views.ConsentPath, views.FactorsPath, views.NewFactorPath, views.ContactPath, views.ProfileSessionsPath,
	} {
		v.resize(320)
		v.goTo(path)
		v.check()
		v.resize(1280)
		v.textSize(32)
		v.check()
		v.textSize(16)
	}
}

func endElsewhere(v *visitor) {
	v.signIn(cast.Alice)
	v.goTo(emails)
	v.open(v.actions("compta"))
	v.follow(v.one(delegate))
	v.typeIn(v.say("grant.identifiers"), cast.Emma)

	other := v.somebodyElse() // on another device
	other.signIn(cast.Alice)
	other.goTo(views.ProfileSessionsPath)
	other.press(v.say("session.list.end_others"))
	other.see(v.words.N("session.list.others_ended", 1))

	v.watch.expect("status of 401")
	v.press(v.one(add))
	v.see(v.say("session.identifier"))
	v.enter(cast.Alice)
	v.see("compta@" + cast.Garrigue)
	v.check()
	v.goTo(emails + "/compta/grants")
	v.miss(cast.Emma)
}

// given counts in the history how often somebody was given an account.
func (v *visitor) given(who, local string) int {
	v.t.Helper()
	v.goTo("/services/" + cast.Garrigue + "/history")
	text, err := v.text()
	if err != nil {
		v.t.Fatal(err)
	}
	return strings.Count(text, spaces(v.say("event.grant.given", "Who", cast.Alice, "Whom", who, "Object", local+"@"+cast.Garrigue)))
}

func doubleClickOnAdd(v *visitor) {
	v.signIn(cast.Alice)
	v.goTo(emails)
	v.open(v.actions("compta"))
	v.follow(v.one(delegate))
	v.typeIn(v.say("grant.identifiers"), cast.Emma)
	v.doubleClick(v.one(add))
	v.see(cast.Emma)
	v.miss(v.say("common.problem"))
	v.check()
	if n := v.given(cast.Emma, "compta"); n != 1 {
		v.t.Errorf("given %d times", n)
	}
}

func sendAgain(v *visitor) {
	v.signIn(cast.Alice)
	v.goTo(emails + "/compta/grants")
	v.typeIn(v.say("grant.identifiers"), cast.Emma+" zz9999-mdt")
	v.press(v.one(add))
	v.see(v.say("grant.refused.unknown", "Identifier", "zz9999-mdt"), cast.Emma)
	v.reload() // sends it again
	v.see(cast.Emma)
	if n := v.given(cast.Emma, "compta"); n != 1 {
		v.t.Errorf("given %d times", n)
	}

	v.goTo(emails + "/achats/grants")
	v.typeIn(v.say("grant.identifiers"), cast.Emma)
	v.press(v.one(add))
	v.see(v.say("grant.given.one", "Who", cast.Emma, "Object", "achats@"+cast.Garrigue))
	v.back()
	v.typeIn(v.say("grant.identifiers"), cast.Emma)
	v.press(v.one(add))
	v.see(cast.Emma)
	if n := v.given(cast.Emma, "achats"); n != 1 {
		v.t.Errorf("given %d times", n)
	}
}
