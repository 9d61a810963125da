// Package models is what is true in Mandat, and the SQL that keeps it true.
//
// # Nouns
//
//   - A customer is a person or company with an identifier; an agent is a member of the support staff.
//   - A service is the e-mail service of one domain. It has exactly one owner.
//   - An account is one mailbox, local@domain, of a service.
//   - A grant is what a customer was given: a whole service, or one account. It is never deleted;
//     a new grant is a new row.
//   - A filter of an account does something to the messages that its rules describe; a responder
//     answers them. Together they are the Sieve script of an address.
//   - A redirection sends the mail of an address on to others. Without an account it is an alias;
//     that of all addresses that nothing else has is the catch-all.
//   - A list is a mailing list, with its subscribers and moderators.
//   - A list message was written to a list; one that is held waits until a moderator lets it
//     through or turns it away.
//   - A list request is what somebody asked of a list by mail: the list service notes it, and the
//     panel carries it out. An unsubscription is the same by the link in a message.
//   - An upload is a file of accounts or redirections that somebody sent: it is checked by a job,
//     and then done by another, all or nothing.
//   - A mailing is the subscribers of a list on their way to the list's owner, by email.
//   - A notice is what a customer is told by email of something that was done, by somebody else or
//     by time, to what they hold or own, and a customer or an agent of what was done to how they
//     sign in: one for each submission, written in its transaction.
//   - An import copies the mail of an account elsewhere into an account, by jobs that may end
//     anywhere: see imports_run.go, and package mail/imap for why nothing is lost or doubled.
//   - A factor is what a person, a customer or an agent, has besides the password: an authenticator
//     app. Recovery codes stand in for it; a trusted device is a browser that is not asked for it.
//   - A passkey signs its person in by itself, and does for a factor after the password: see
//     passkeys.go, and package models/webauthn for what browsers and authenticators say.
//   - A way in is what a person can sign in with: see ways_in.go.
//   - A sign-in waits for the second factor of somebody whose password was right: see sign_ins.go.
//   - An identity is whom a provider of OpenID Connect knows, by its issuer and subject, as a
//     customer or an agent. An identity request is somebody on the way to it and back.
//   - An event is one line of the history. Every accepted change writes exactly one for each
//     thing it changes, in its own transaction. Package history says how they are chained, so
//     that what was altered later shows.
//
// # Verbs
//
// A method of [Store] that changes something takes the [Actor] who asks, runs in
// one transaction, first locks the row of the service, then reads what the
// actor is to it on committed rows, asks package policy once, and writes its
// event. What is out of the actor's reach is [ErrNotFound], exactly as if it did
// not exist; what is within reach and not allowed is [Forbidden]; what was typed
// wrongly is [Invalid]. Reads carry the actor into their SQL, so that a
// forgotten check shows nothing rather than everything.
//
// # Why the service row is locked first
//
// Rights, limits and the numbers of events all hang on one service. One lock,
// always the same one and always first, serialises what must not cross: a
// revocation and the use of what it revokes, two creations at a limit, two
// grants to the same person. The rights are read by a second statement since
// PostgreSQL, after waiting for a lock, re-reads the locked row only.
package models
