package main

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// letter is a short text of the service's own, in the language of its list.
type letter struct {
	subject, text string
	replyTo       string // "": to the owner
}

// say picks the text in a list's language.
func (l *list) say(fr, en string) string {
	if l.Language == "fr" {
		return fr
	}
	return en
}

// compose writes a letter (RFC 5322). What people typed is in its text and its
// subject alone, encoded.
func (w letter) compose(l *list, to string) []byte {
	var b bytes.Buffer
	owner := withDetail(l.Address, wordOwner)
	replyTo := w.replyTo
	if replyTo == "" {
		replyTo = owner
	}
	for _, h := range [][2]string{
		{"From", "<" + owner + ">"},
		{"To", "<" + to + ">"},
		{"Reply-To", "<" + replyTo + ">"},
		{"Subject", mime.QEncoding.Encode("utf-8", w.subject)},
		{"Date", time.Now().UTC().Format(time.RFC1123Z)},
		{"Message-ID", "<" + newToken() + "@" + l.Domain + ">"},
		{"Auto-Submitted", "auto-replied"},
		{"List-Id", "<" + strings.Replace(l.Address, "@", ".", 1) + ">"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	b.WriteString("\r\n")
	text := quotedprintable.NewWriter(&b)
	_, _ = text.Write([]byte(strings.ReplaceAll(w.text, "\n", "\r\n"))) // a buffer takes everything
	_ = text.Close()
	return b.Bytes()
}

// shown is an address as people write it.
func shown(address string) string {
	local, domain, _ := strings.Cut(address, "@")
	if unicode, err := idna.Display.ToUnicode(domain); err == nil {
		domain = unicode
	}
	return local + "@" + domain
}

func help(l *list) letter {
	return letter{
		subject: l.say("Liste ", "List ") + shown(l.Address),
		text: fmt.Sprintf(l.say(
			"Cette adresse est une liste de diffusion : %[1]s\n\n"+
				"S’abonner : un email vide à\n%[2]s\n\nSe désabonner : un email vide à\n%[3]s\n\nÉcrire à la personne qui gère la liste :\n%[4]s\n",
			"This address is a mailing list: %[1]s\n\n"+
				"To subscribe, send an empty email to\n%[2]s\n\nTo unsubscribe, send an empty email to\n%[3]s\n\nTo write to whoever manages the list:\n%[4]s\n"),
			shown(l.Address), withDetail(l.Address, wordSubscribe), withDetail(l.Address, wordUnsubscribe), withDetail(l.Address, wordOwner)),
	}
}

// confirmLetter asks the person behind an address whether it was him.
func confirmLetter(l *list, kind, token string) letter {
	to := withDetail(l.Address, wordConfirm+"-"+token)
	if kind == wordSubscribe {
		return letter{
			replyTo: to, subject: l.say("Confirmez votre abonnement à ", "Confirm your subscription to ") + shown(l.Address),
			text: fmt.Sprintf(l.say(
				"Quelqu’un, sans doute vous, veut abonner cette adresse à la liste %s.\n\nPour accepter, répondez à cet email sans rien changer, ou écrivez à\n%s\n\nSi ce n’est pas vous, ne faites rien : sans réponse sous trois jours, rien ne se passe.\n",
				"Somebody, probably you, wants to subscribe this address to the list %s.\n\nTo accept, reply to this email without changing anything, or write to\n%s\n\nIf it was not you, do nothing: without an answer within three days, nothing happens.\n"),
				shown(l.Address), to),
		}
	}
	return letter{
		replyTo: to, subject: l.say("Confirmez votre désabonnement de ", "Confirm that you leave ") + shown(l.Address),
		text: fmt.Sprintf(l.say(
			"Quelqu’un, sans doute vous, veut retirer cette adresse de la liste %s.\n\nPour accepter, répondez à cet email sans rien changer, ou écrivez à\n%s\n\nSi ce n’est pas vous, ne faites rien.\n",
			"Somebody, probably you, wants to take this address off the list %s.\n\nTo accept, reply to this email without changing anything, or write to\n%s\n\nIf it was not you, do nothing.\n"),
			shown(l.Address), to),
	}
}

// doneLetter says that the panel was asked.
func doneLetter(l *list, kind string) letter {
	if kind == wordSubscribe {
		return letter{
			subject: l.say("Abonnement à ", "Subscription to ") + shown(l.Address),
			text: fmt.Sprintf(l.say(
				"Votre abonnement à la liste %[1]s est demandé ; sauf si la liste est complète, vous en recevez désormais les emails.\n\nPour la quitter, écrivez à\n%[2]s\n",
				"Your subscription to the list %[1]s is asked for; unless the list is full, you receive its emails from now on.\n\nTo leave it, write to\n%[2]s\n"),
				shown(l.Address), withDetail(l.Address, wordUnsubscribe)),
		}
	}
	return letter{
		subject: l.say("Désabonnement de ", "You left ") + shown(l.Address),
		text:    fmt.Sprintf(l.say("Votre adresse est retirée de la liste %s.\n", "Your address is taken off the list %s.\n"), shown(l.Address)),
	}
}

// heldLetter asks a moderator about a message.
func heldLetter(l *list, kept *message, m *parsed, origin string) letter {
	name, _, _ := strings.Cut(l.Address, "@")
	accept := withDetail(l.Address, wordAccept+"-"+kept.Token)
	return letter{
		replyTo: accept, subject: l.say("À modérer : ", "To be moderated: ") + kept.Subject,
		text: fmt.Sprintf(l.say(
			"Un message attend votre décision pour la liste %[1]s.\n\nDe : %[2]s\nObjet : %[3]s\nTaille : %[4]d octets\n\n"+
				"L’accepter : répondez à cet email, ou écrivez à\n%[5]s\n\nLe refuser : écrivez à\n%[6]s\n\nLe lire en entier et décider dans le panneau :\n%[7]s\n\nSans décision sous 14 jours, il est écarté.\n\n--- Début du message ---\n%[8]s\n",
			"A message to the list %[1]s waits for your decision.\n\nFrom: %[2]s\nSubject: %[3]s\nSize: %[4]d bytes\n\n"+
				"To let it through, reply to this email, or write to\n%[5]s\n\nTo turn it away, write to\n%[6]s\n\nTo decide in the panel:\n%[7]s\n\nWithout a decision within 14 days it is dropped.\n\n--- Beginning of the message ---\n%[8]s\n"),
			shown(l.Address), kept.Author, kept.Subject, len(m.content), accept, withDetail(l.Address, wordReject+"-"+kept.Token),
			origin+"/services/"+l.Domain+"/lists/"+name+"/messages", m.excerpt()),
	}
}

// rejectedLetter tells an author that a moderator turned his message away.
func rejectedLetter(l *list, m *message) letter {
	text := fmt.Sprintf(l.say("Votre message « %s » à la liste %s n’a pas été accepté.\n", "Your message “%s” to the list %s was not accepted.\n"), m.Subject, shown(l.Address))
	if m.Reason != "" {
		text += "\n" + l.say("La raison :", "The reason:") + "\n\n" + m.Reason + "\n"
	}
	return letter{subject: l.say("Non accepté : ", "Not accepted: ") + m.Subject, text: text}
}
