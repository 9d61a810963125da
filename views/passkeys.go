package views

import (
	"cmp"

	"github.com/a-h/templ"

	"example.org/mandat/models"
	"example.org/mandat/views/locale"
)

// PasskeysView is the viewer's passkeys.
type PasskeysView struct {
	List []models.Passkey
	Site string // the host passkeys are made for; "" where none can be made
}

// elsewhere says whether a passkey is of no use at the panel's present address.
func (v PasskeysView) elsewhere(k models.Passkey) bool { return k.Site != v.Site }

// PasskeyForm is the form of [NewPasskeyPanel], as typed.
type PasskeyForm struct {
	Name   string
	Proof  Proof
	Errors Errors
}

// PasskeyRemovalForm is the form of [PasskeyRemovalPanel].
type PasskeyRemovalForm struct {
	Passkey  *models.Passkey
	Proof    Proof
	Errors   Errors
	MustStay string // why it is not to be removed; "" when it may
}

// PasskeyArgs is a button that has the browser make or prove a passkey. The
// script asks Ask what is to be signed, puts the answer into the hidden field of
// the form that the button is in, and sends that, unless it Keeps.
type PasskeyArgs struct {
	Field   string // the hidden field
	ID      string // of the button; Field if empty
	Label   string
	Ask     string // path
	Send    string // fields of the form to send there besides the submission, parted by spaces
	Creates bool   // a new passkey, instead of proving one
	Keeps   bool   // the form is sent by another button
	Primary bool
}

func (a PasskeyArgs) id() string { return cmp.Or(a.ID, a.Field) }

// ceremony is the method of navigator.credentials.
func (a PasskeyArgs) ceremony() string {
	if a.Creates {
		return "create"
	}
	return "get"
}

// passkeyTexts are what the script says, by what happened in the browser.
func passkeyTexts(l *locale.Locale, a PasskeyArgs) templ.Attributes {
	texts := templ.Attributes{
		"data-cancelled": l.T("passkey.script.not_proven"), "data-site": l.T("passkey.script.site"),
		"data-failed": l.T("passkey.script.failed"), "data-away": l.T("passkey.script.away"),
	}
	if a.Creates {
		texts["data-cancelled"], texts["data-known"] = l.T("passkey.script.not_made"), l.T("passkey.script.known")
	}
	if a.Keeps {
		texts["data-kept"] = l.T("passkey.script.kept")
	}
	return texts
}
