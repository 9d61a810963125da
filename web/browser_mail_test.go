package main

import (
	"fmt"
	"strings"
	"time"

	"example.org/mandat/models/cast"
)

// Journeys through what an address does with its mail.

// minute is a time as a field for one takes it.
const minute = "2006-01-02T15:04"

func answerOnHoliday(v *visitor) {
	v.signIn(cast.Alice)
	v.follow(v.addresses(40))
	v.open(v.actions("compta"))
	v.follow(v.say("responder.title"))
	v.see(v.say("responder.stays"))
	v.check()
	day := time.Now().In(paris)
	starts, ends := time.Date(day.Year(), day.Month(), day.Day()+2, 9, 0, 0, 0, paris), time.Date(day.Year(), day.Month(), day.Day()+16, 18, 30, 0, 0, paris)
	v.typeIn(v.say("responder.subject"), "Absence")
	v.typeIn(v.say("responder.content"), "Bonjour,\nje lis vos messages à mon retour.")
	v.typeIn(v.say("responder.starts"), starts.Format(minute))
	v.typeIn(v.say("responder.ends"), ends.Format(minute))
	v.press(v.say("common.save"))
	v.clicked(4)
	v.see(v.say("responder.saved"), v.say("responder.state.planned"), v.words.DateTime(starts), v.words.DateTime(ends))
	v.check()

	v.goTo(emails + "/compta/responder")
	v.typeIn(v.say("responder.ends"), starts.AddDate(0, 0, -1).Format(minute))
	v.press(v.say("common.save"))
	v.see(v.say("responder.ends.before_start"), "je lis vos messages à mon retour.")
	v.check()
	v.typeIn(v.say("responder.ends"), ends.Format(minute))
	v.typeIn(v.say("responder.subject"), "Congés d’été")
	v.press(v.say("responder.preview"))
	v.see(v.say("responder.not_saved"), "Congés d’été")
	v.check()

	v.goTo(emails + "/compta/responder")
	v.press(v.say("responder.end"))
	v.see(v.say("responder.ended"), v.say("responder.state.ended"))
	v.check()
	v.goTo("/services/" + cast.Garrigue + "/responders")
	v.see("compta", v.say("responder.state.ended"))
	v.check()
}

func fileNewsletters(v *visitor) {
	v.signIn(cast.Chloe) // who was given this address alone
	v.goTo(emails)
	v.clicks = 0
	v.open(v.actions("contact"))
	v.follow(v.say("filter.title"))
	v.see(v.say("filter.none"))
	v.check()
	v.follow(v.say("filter.preset.lists"))
	v.check()
	v.press(v.say("common.save"))
	v.clicked(4)
	sentence := v.say("filter.sentence", "When", v.say("filter.rule.list.yes"), "Do", v.say("filter.do.folder", "Target", v.say("filter.preset.lists.folder")))
	v.see(v.say("filter.created"), sentence, v.say("filter.on"))
	v.check()

	v.typeIn(v.say("filter.trial.message"), "From: Club <club@elsewhere.example>\nSubject: =?utf-8?q?Lettre_d=E2=80=99hiver?=\nList-Id: <club.elsewhere.example>\n\nBonjour")
	v.press(v.say("filter.trial.try"))
	v.see(v.say("filter.trial.goes.folder", "Target", v.say("filter.preset.lists.folder"), "Name", v.say("filter.preset.lists")), "Lettre d’hiver", v.say("filter.trial.applies"))
	v.check()
	v.follow(v.say("filter.title"))
	v.typeIn(v.say("filter.header.subject"), "Bonjour")
	v.press(v.say("filter.trial.try"))
	v.see(v.say("filter.trial.goes.inbox"), v.say("filter.trial.rule.no", "Rule", v.say("filter.rule.list.yes")))
	v.check()
	v.follow(v.say("filter.title"))

	v.follow(v.say("filter.new"))
	v.typeIn(v.say("filter.name"), "Facture")
	v.typeIn(v.say("filter.value"), "facture")
	v.choose(v.say("filter.action"), v.say("filter.action.delete"))
	v.open(v.say("filter.trial.before"))
	v.typeIn(v.say("filter.header.from"), "facture@elsewhere.example")
	v.press(v.say("filter.trial.try")) // saves nothing either
	v.see(v.say("filter.trial.goes.delete", "Name", "Facture"), v.say("filter.trial.unsaved"))
	v.check()
	v.press(v.say("filter.rule_add")) // asks for one more and saves nothing
	v.see(v.say("filter.rule_number", "Number", 2))
	v.check()
	v.press(v.say("common.save"))
	v.see(v.say("common.problem"))
	v.check()
}

func gatherThreeHundred(v *visitor) {
	const lists = "/services/" + cast.Garrigue + "/lists"
	v.signIn(cast.Bruno)
	v.goTo(lists)
	v.check()
	v.follow(v.say("list.new"))
	v.typeIn(v.say("list.name"), "adherents")
	v.check()
	v.press(v.say("list.create"))
	v.see(v.say("list.created", "Address", "adherents@"+cast.Garrigue))

	v.goTo(lists + "/adherents/members")
	v.check()
	var members strings.Builder
	for n := range 300 {
		fmt.Fprintf(&members, "Membre %d <membre%d@elsewhere.example>\n", n, n)
	}
	v.typeIn(v.say("list.members.addresses"), members.String()+"pas une adresse\n")
	v.press(v.say("list.add"))
	v.see("pas une adresse", v.words.N("list.lines.refused", 1), v.words.N("list.subscribers.added", 300))
	v.check()
	v.goTo(lists)
	v.see("adherents", v.words.N("list.subscribers.count", 300))
	v.check()
}

func redirectAndUndo(v *visitor) {
	const redirections = "/services/" + cast.Garrigue + "/redirections"
	paie, rh := "paie@"+cast.Garrigue, "rh@"+cast.Garrigue
	v.signIn(cast.Alice)
	v.goTo(emails + "/paie")
	v.see(v.say("redirection.onward"))
	v.check()
	v.clicks = 0
	v.follow(v.say("redirection.begin"))
	v.see(v.say("redirection.new"))
	v.check()
	v.typeIn(v.say("redirection.to"), rh+", cabinet.comptable@elsewhere.example")
	v.press(v.say("redirection.create"))
	v.clicked(2)
	targets := v.say("redirection.targets_more", "Target", "cabinet.comptable@elsewhere.example", "Count", 1)
	v.see(v.say("redirection.created", "Address", paie, "Targets", targets), v.say("redirection.outside"), v.say("redirection.copy.kept"))
	v.check()

	v.goTo(emails + "/rh")
	v.see(v.say("redirection.inward"), paie, v.say("redirection.outside_too"))
	v.check()
	v.goTo(emails + "/rh/deletion")
	v.see(v.say("account.deletion.leads"), v.say("account.deletion.leads_text"))
	v.check()
	v.follow(paie)
	v.see(v.say("redirection.of", "Address", paie))
	v.check()
	v.clicks = 0
	v.press(v.say("redirection.delete"))
	v.see(v.say("redirection.deleted", "Address", paie, "Targets", targets))
	if row := v.row("paie"); row != "" {
		v.t.Errorf("the row is %q", row)
	}
	v.check()
	v.press(v.say("redirection.undo"))
	v.clicked(2)
	v.see(v.say("redirection.created", "Address", paie, "Targets", targets))
	v.lacks(v.say("redirection.undo"))
	v.check()
	v.goTo(emails + "/paie")
	v.see(rh, "cabinet.comptable@elsewhere.example", v.say("redirection.outside"), v.say("redirection.copy.kept"))
	v.check()

	v.goTo(redirections)
	v.see("cabinet@"+cast.Garrigue, v.say("redirection.export"))
	v.check()
}

func importAddresses(v *visitor) {
	v.signIn(cast.Bruno)
	v.goTo(emails)
	v.follow(v.say("upload.accounts.title"))
	v.check()
	v.attach(v.say("upload.file"), "adresses.csv", "Adresse;Description\r\nbénévoles;Les bénévoles\r\n")
	v.press(v.say("upload.send"))
	v.until(v.words.N("upload.refused", 1))
	v.see("bénévoles", v.words.N("upload.will.refused", 1))
	v.check()

	v.follow(v.say("upload.another"))
	var file strings.Builder
	file.WriteString("Adresse;Description;Taille (Go)\r\ncontact;Le premier contact;\r\n")
	for n := range 50 {
		fmt.Fprintf(&file, "benevole%d;Bénévole %d;0,1\r\n", n, n)
	}
	v.attach(v.say("upload.file"), "adresses.csv", file.String())
	v.press(v.say("upload.send"))
	v.until(v.say("upload.ready"))
	v.see(v.words.N("upload.will.created", 1), "benevole0@"+cast.Garrigue, "Le premier contact")
	v.check()
	v.press(v.words.N("upload.apply", 51))
	v.until(v.say("upload.done", "Created", v.words.N("upload.done.created", 50), "Changed", v.words.N("upload.done.changed", 1)))
	v.check()
	v.follow(v.say("upload.accounts.back"))
	v.see(v.say("common.range", "First", 1, "Last", 25, "Total", 90))
	v.check()
}

// until waits for what a job brings about: the page asks by itself, and without
// a script the visitor does.
func (v *visitor) until(text string) {
	v.t.Helper()
	if v.manner.script {
		v.see(text)
		return
	}
	var here string
	v.await(func() string { return fmt.Sprintf("not to be read: %q\namong %s", text, here) }, func() bool {
		here, _ = v.text()
		if strings.Contains(here, spaces(text)) {
			return true
		}
		if v.has(v.say("upload.refresh"), "link") {
			v.follow(v.say("upload.refresh"))
		}
		return false
	})
}

func sendSubscribers(v *visitor) {
	v.signIn(cast.Bruno)
	v.goTo(team)
	v.see(v.say("list.mailing.to", "Address", "rh@"+cast.Garrigue))
	v.check()
	v.clicks = 0
	v.press(v.say("list.mailing.send"))
	v.clicked(1)
	v.see(v.say("list.mailing.asked", "Address", "rh@"+cast.Garrigue))
	v.check()
	for end := time.Now().Add(startLimit); !contains(ask[string](v, "document.body.innerText"), v.say("list.mailing.state.sent")); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			v.t.Fatal("it is not sent")
		}
		v.goTo(team)
	}
	v.check()
}
