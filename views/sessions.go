package views

// SignInForm is the form of [SignInPage], as typed. The password never comes
// back.
type SignInForm struct {
	Identifier string
	Next       string // where to go after signing in
	Passkeys   bool   // they sign in too
	Provider   string // what people call the provider with which they may sign in; "" for none
	Errors     Errors

	PasswordSet bool // just now, by a link
}

// PasswordLinkForm is the form of [PasswordLinkPage]: the fields password and
// password_again. It posts to the address it was reached by.
type PasswordLinkForm struct {
	Action     string // the one-time link
	Identifier string // whose password is set, for password managers
	Least      int    // characters of it
	Errors     Errors
}
