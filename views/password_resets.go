package views

// PasswordResetForm is the form of [PasswordResetPage], as typed.
type PasswordResetForm struct {
	Identifier string
	Mails      bool // the panel sends mail at all
	Errors     Errors
}
