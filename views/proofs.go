package views

// Proof is what a sensitive form asks for when its reader's last proof is too
// old: the field "proof".
type Proof struct {
	Needed    bool
	Errors    []string
	Elsewhere string // page that proves it at a provider instead; "" for none
}

// With is the proof with what is wrong with it.
func (p Proof) With(bad Errors) Proof {
	p.Errors = bad["proof"]
	return p
}
