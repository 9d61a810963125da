package views

import (
	"context"

	"example.org/mandat/views/locale"
)

// Proof is what a sensitive form asks for when its reader's last proof is too
// old: the field "proof".
type Proof struct {
	ID        string // of the field, where a page has several; "proof" if empty
	Needed    bool
	Code      bool // a code of an app will do as well as the password
	Passkey   bool // one of theirs does too: the field "proof_passkey"
	Errors    []string
	Elsewhere string // page that proves it at a provider instead; "" for none
}

// With is the proof with what is wrong with it.
func (p Proof) With(bad Errors) Proof {
	p.Errors = bad["proof"]
	return p
}

func (p Proof) label(ctx context.Context) string {
	if p.Code {
		return locale.T(ctx, "proof.password_or_code")
	}
	return locale.T(ctx, "proof.password")
}
