package views

import (
	"cmp"
	"context"

	"example.org/mandat/views/locale"
)

// Proof is what a sensitive form asks for when its reader's last proof is too
// old: the field "proof".
type Proof struct {
	ID        string // of the field, where a page has several; "proof" if empty
	Needed    bool
	Password  bool // they have one,
	Code      bool // an app whose code will do,
	Passkey   bool // a passkey, which has the field "proof_passkey"
	Errors    []string
	Elsewhere string // page that proves it at a provider instead; "" for none
}

// With is the proof with what is wrong with it.
func (p Proof) With(bad Errors) Proof {
	p.Errors = bad["proof"]
	return p
}

func (p Proof) label(ctx context.Context) string {
	switch {
	case p.Password && p.Code:
		return locale.T(ctx, "proof.password_or_code")
	case p.Code:
		return locale.T(ctx, "proof.code")
	}
	return locale.T(ctx, "proof.password")
}

// autocomplete is what a browser may fill in.
func (p Proof) autocomplete() string {
	if p.Password {
		return "current-password"
	}
	return "one-time-code"
}

// typed says that there is something to type.
func (p Proof) typed() bool { return p.Password || p.Code }

func (p Proof) id() string { return cmp.Or(p.ID, "proof") }

// passkeyArgs is the button of a passkey.
func (p Proof) passkeyArgs(ctx context.Context) PasskeyArgs {
	a := PasskeyArgs{Field: "proof_passkey", ID: p.id() + "_passkey", Label: locale.T(ctx, "passkey.use"), Ask: ProofAskedPath, Keeps: true}
	if p.typed() {
		a.Label = locale.T(ctx, "passkey.prove")
	}
	return a
}
