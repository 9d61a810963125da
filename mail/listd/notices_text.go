package main

// What notices say, by the language of the list. {…} stands for an address, or
// for what a stranger wrote, which is quoted.

var askSubscribe = map[string]wording{
	"fr": {"Confirmez votre inscription à {list}", `Bonjour,

quelqu’un, sans doute vous, a demandé que {to} reçoive
les messages de la liste {list}.

Pour confirmer, répondez à ce message sans rien y changer, ou écrivez à
{confirm}

Si vous n’avez rien demandé, ne faites rien : la demande s’oublie dans trois jours.
`},
	"en": {"Confirm your subscription to {list}", `Hello,

somebody, most likely you, has asked for {to} to receive
the messages of the list {list}.

To confirm, reply to this message without changing anything, or write to
{confirm}

If you have not asked for anything, do nothing: the request is forgotten in three days.
`},
}

var askUnsubscribe = map[string]wording{
	"fr": {"Confirmez votre désinscription de {list}", `Bonjour,

quelqu’un, sans doute vous, a demandé que {to} ne reçoive plus
les messages de la liste {list}.

Pour confirmer, répondez à ce message sans rien y changer, ou écrivez à
{confirm}

Si vous n’avez rien demandé, ne faites rien : la demande s’oublie dans trois jours.
`},
	"en": {"Confirm that you leave {list}", `Hello,

somebody, most likely you, has asked for {to} to receive
no more messages of the list {list}.

To confirm, reply to this message without changing anything, or write to
{confirm}

If you have not asked for anything, do nothing: the request is forgotten in three days.
`},
}

var hasSubscribed = map[string]wording{
	"fr": {"Votre inscription à {list}", `Bonjour,

c’est fait : {to} reçoit désormais
les messages de la liste {list}.

Pour ne plus les recevoir, écrivez à
{unsubscribe}

Le responsable de la liste vous lit à l’adresse
{owner}
`},
	"en": {"Your subscription to {list}", `Hello,

it is done: from now on {to} receives
the messages of the list {list}.

To receive them no more, write to
{unsubscribe}

The owner of the list reads what you write to
{owner}
`},
}

var hasUnsubscribed = map[string]wording{
	"fr": {"Vous quittez {list}", `Bonjour,

c’est fait : {to} ne reçoit plus
les messages de la liste {list}.

Pour les recevoir à nouveau, écrivez à
{subscribe}
`},
	"en": {"You leave {list}", `Hello,

it is done: {to} receives
no more messages of the list {list}.

To receive them again, write to
{subscribe}
`},
}

var notDone = map[string]wording{
	"fr": {"Votre demande à {list}", `Bonjour,

vous avez confirmé votre demande pour {to},
mais la liste {list} ne peut pas y donner suite pour le moment.

Le responsable de la liste vous lit à l’adresse
{owner}
`},
	"en": {"Your request to {list}", `Hello,

you have confirmed your request for {to},
but the list {list} cannot do what you ask for at the moment.

The owner of the list reads what you write to
{owner}
`},
}

const (
	helpFrench = `
Recevoir les messages de la liste : écrivez à
{subscribe}

Ne plus les recevoir : écrivez à
{unsubscribe}

Joindre le responsable de la liste : écrivez à
{owner}
`
	helpEnglish = `
To receive the messages of the list, write to
{subscribe}

To receive them no more, write to
{unsubscribe}

To reach the owner of the list, write to
{owner}
`
)

var helpOpen = map[string]wording{
	"fr": {"La liste {list}", "Bonjour,\n\nce que vous écrivez à {list} est envoyé à tous ses abonnés.\n" + helpFrench},
	"en": {"The list {list}", "Hello,\n\nwhat you write to {list} goes to all its subscribers.\n" + helpEnglish},
}

var helpSubscribers = map[string]wording{
	"fr": {"La liste {list}", "Bonjour,\n\nce que ses abonnés écrivent à {list} est envoyé à tous les abonnés.\nLes autres n’y écrivent pas.\n" + helpFrench},
	"en": {"The list {list}", "Hello,\n\nwhat its subscribers write to {list} goes to all subscribers.\nOthers may not write to it.\n" + helpEnglish},
}

var helpModerated = map[string]wording{
	"fr": {"La liste {list}", "Bonjour,\n\nce que vous écrivez à {list} est envoyé à tous ses abonnés\naprès l’accord d’un modérateur.\n" + helpFrench},
	"en": {"The list {list}", "Hello,\n\nwhat you write to {list} goes to all its subscribers\nonce a moderator has agreed.\n" + helpEnglish},
}

var held = map[string]wording{
	"fr": {"Un message attend votre accord sur {list}", `Bonjour,

un message à la liste {list} attend l’accord d’un modérateur.

De : {author}
Objet : {subject}
Taille : {size} ko

{text}
Pour l’envoyer aux abonnés, écrivez à
{accept}

Pour le refuser, ce que son auteur apprendra, écrivez à
{reject}

Pour le supprimer sans réponse, par exemple un courrier indésirable, écrivez à
{discard}

Le voir dans le panneau, ou le refuser en disant pourquoi :
{page}

Sans décision, il est écarté dans quatorze jours.
`},
	"en": {"A message to {list} waits for you", `Hello,

a message to the list {list} waits for a moderator.

From: {author}
Subject: {subject}
Size: {size} kB

{text}
To send it to the subscribers, write to
{accept}

To turn it away, which its author is told, write to
{reject}

To discard it and tell nobody, as with spam, write to
{discard}

To see it in the panel, or to turn it away and say why:
{page}

Without a decision it is put aside in fourteen days.
`},
}

var rejected = map[string]wording{
	"fr": {"Votre message à {list} n’a pas été accepté", `Bonjour,

un modérateur n’a pas accepté votre message à la liste {list},
dont l’objet est :

> {subject}
`},
	"en": {"Your message to {list} was not accepted", `Hello,

a moderator has not accepted your message to the list {list}.
Its subject is:

> {subject}
`},
}

var rejectedReason = map[string]wording{
	"fr": {rejected["fr"].subject, rejected["fr"].text + `
La raison donnée :

{reason}
`},
	"en": {rejected["en"].subject, rejected["en"].text + `
The reason given:

{reason}
`},
}

var expired = map[string]wording{
	"fr": {rejected["fr"].subject, `Bonjour,

votre message à la liste {list} attendait l’accord d’un modérateur.
Personne n’en a décidé en quatorze jours : il est écarté. Son objet est :

> {subject}

Le responsable de la liste vous lit à l’adresse
{owner}
`},
	"en": {rejected["en"].subject, `Hello,

your message to the list {list} waited for a moderator.
Nobody decided about it within fourteen days, so it is put aside. Its subject is:

> {subject}

The owner of the list reads what you write to
{owner}
`},
}
