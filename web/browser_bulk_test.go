package main

import "example.org/mandat/models/cast"

// ticked begins the paths of what is done to several addresses at once.
const ticked = "/services/" + cast.Garrigue + "/accounts/"

// changeTicked does to several addresses at once what can be done to one.
func changeTicked(v *visitor) {
	const list = emails + "?size=50"
	v.signIn(cast.Alice)
	v.goTo(list)
	v.tick("achats")
	v.tick("archives")
	v.tick("direction")
	v.check()
	v.press(v.say("account.batch.describe"))
	v.see(v.words.N("account.bulk.description", 3), "archives@"+cast.Garrigue, "Service achats")
	v.check()
	v.typeIn(v.say("account.description"), "Fermé au mois d’août")
	v.press(v.say("common.save"))
	v.at(list)
	v.see(v.words.N("account.bulk.done.description", 3))
	for _, local := range []string{"achats", "archives", "direction"} {
		if row := v.row(local); !contains(row, "Fermé au mois d’août") {
			v.t.Errorf("the row is %q", row)
		}
	}
	v.check()

	v.tick("achats")
	v.tick("direction")
	v.press(v.say("account.batch.size"))
	v.typeIn(v.say("account.size"), "beaucoup")
	v.press(v.say("common.save"))
	v.see(v.say("account.size.shape", "Size", "beaucoup"))
	v.check()
	v.typeIn(v.say("account.size"), "1")
	v.press(v.say("common.save"))
	v.at(list)
	v.see(v.words.N("account.bulk.done.size", 2, "Size", v.words.Size(1_000_000_000)))

	v.tick("achats")
	v.tick("louis.noel")
	v.press(v.say("account.batch.block"))
	v.see(v.words.N("account.bulk.block", 1), v.words.N("account.bulk.apart", 1), v.say("account.bulk.is_blocked"))
	v.check()
	v.press(v.say("account.block"))
	v.at(list)
	v.see(v.words.N("account.bulk.done.block", 1))

	chloe := v.somebodyElse()
	chloe.signIn(cast.Chloe)
	chloe.goTo(emails)
	chloe.tick("contact")
	chloe.lacks(v.say("account.batch.delegate"), v.say("account.batch.size"), v.say("account.batch.block"), v.say("account.batch.revoke"))
	chloe.check()
	chloe.press(v.say("account.batch.describe"))
	chloe.see(v.words.N("account.bulk.description", 1), "contact@"+cast.Garrigue)

	v.tick("accueil")
	v.tick("contact")
	v.tick("direction")
	v.press(v.say("account.batch.revoke"))
	v.see(cast.Chloe, "Chloé Laurent", v.words.N("grant.several.loses", 2), v.say("account.bulk.unheld"))
	v.check()
	v.press(v.one(revoke))
	v.at(list)
	v.see(v.say("grant.several.revoked", "People", v.words.N("grant.people_no_more", 1), "Addresses", v.words.N("grant.addresses", 2)))
	v.check()

	chloe.watch.expect("status of 404")
	chloe.typeIn(v.say("account.description"), "Trop tard")
	chloe.press(v.say("common.save"))
	chloe.see(v.say("error.not_found.heading"))
}
