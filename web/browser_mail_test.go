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

	v.follow(v.say("filter.new"))
	v.typeIn(v.say("filter.name"), "Facture")
	v.typeIn(v.say("filter.value"), "facture")
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
