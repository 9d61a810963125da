package main

import (
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
