package views

// SignInFactorForm is the form of [SignInFactorPage] and [SignInEnrolPage], as
// typed. A code never comes back.
type SignInFactorForm struct {
	Next   string // where to go after signing in
	Trust  bool
	Factor FactorForm // of an agent's first one
	Errors Errors
}
