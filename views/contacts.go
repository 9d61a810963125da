package views

import (
	"example.org/mandat/models"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// ContactForm is the form of [ContactPanel], as typed.
type ContactForm struct {
	Email   string
	Present string // the address in force
	Mails   bool   // the panel sends mail, without which no link confirms anything
	Proof   Proof
	Errors  Errors
}

// pendingTone is how loudly a profile says what became of the link for an address.
func pendingTone(k *models.ContactChange) ui.Tone {
	if k.State == models.ContactFailed {
		return ui.Warn
	}
	return ""
}

func pendingText(l *locale.Locale, k *models.ContactChange) string {
	return l.T("contact.pending."+string(k.State), "Address", models.ReadableAddress(k.Email), "Date", l.DateTime(k.ExpiresAt))
}
