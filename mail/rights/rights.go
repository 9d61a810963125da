// Package rights lists what the programs beside the panel do with its views, for
// whoever asks whether their roles may: the list service about its own, and
// `mandat doctor` about all. The migrations that make the views give the rights;
// here is what must be there for mail to be taken and delivered. It is a leaf and
// knows none of the nouns.
package rights

// A right is a view and what is done with it, as "mlist.lists SELECT".
var (
	// Dovecot's: it writes down how full a mailbox is.
	Dovecot = []string{"mda.quota_usage INSERT", "mda.quota_usage UPDATE"}
	// The list service's.
	Lists = []string{
		"mlist.lists SELECT", "mlist.subscribers SELECT", "mlist.moderators SELECT", "mlist.forwards SELECT", "mlist.ways SELECT", "mlist.mailboxes SELECT",
		"mlist.links SELECT", "mlist.links INSERT",
		"mlist.requests SELECT", "mlist.requests INSERT",
		"mlist.messages SELECT", "mlist.messages INSERT", "mlist.messages UPDATE", "mlist.messages DELETE",
		"mlist.deliveries SELECT", "mlist.deliveries INSERT", "mlist.deliveries UPDATE", "mlist.deliveries DELETE",
		"mlist.confirmations SELECT", "mlist.confirmations INSERT", "mlist.confirmations UPDATE", "mlist.confirmations DELETE",
	}
)
