package views

import (
	"strconv"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// The two modes of consent as forms name them.
const (
	ModeLook   = "look"
	ModeChange = "change"
)

// ConsentForm is what a customer chooses, as chosen.
type ConsentForm struct {
	Hours, Mode string // of the window
	CodeMode    string
	RequestMode string
	Sent        string // the form that is refused: "window", "code" or "request"
	Proof       Proof
	Errors      Errors
}

// NewConsentForm allows the least.
func NewConsentForm() ConsentForm {
	return ConsentForm{Hours: "1", Mode: ModeLook, CodeMode: ModeLook, RequestMode: ModeLook}
}

// MayChange says whether the window allows more than looking.
func (f ConsentForm) MayChange() bool { return f.Mode == ModeChange }

// CodeMayChange says it of the code.
func (f ConsentForm) CodeMayChange() bool { return f.CodeMode == ModeChange }

// proof is what one of the forms asks for, with what is wrong if it was sent.
func (f ConsentForm) proof(form string) Proof {
	p := f.Proof
	p.ID = form + "-proof"
	if f.Sent == form {
		p = p.With(f.Errors)
	}
	return p
}

// summary leads to the fields of the form that was sent.
func (f ConsentForm) summary() []ui.ErrorLink {
	links := f.Errors.Summary("hours", "mode", "proof")
	for i := range links {
		if links[i].Field == "proof" {
			links[i].Field = f.Sent + "-proof"
		}
	}
	return links
}

// ConsentView is what a customer allows support, and what support did.
type ConsentView struct {
	Support   *models.Support
	Form      ConsentForm
	Code      string // just made, shown once
	CodeUntil *time.Time
	Now       time.Time
}

// code is written as it is read out: two times four digits.
func (v ConsentView) code() string { return v.Code[:4] + " " + v.Code[4:] }

func windowOptions(l *locale.Locale, chosen string) []ui.Option {
	var options []ui.Option
	for _, w := range models.Windows {
		hours := int64(w.Hours())
		o := ui.Option{Value: strconv.FormatInt(hours, 10), Label: l.N("consent.hours", hours)}
		if hours >= 48 {
			o.Label = l.N("consent.days", hours/24)
		}
		o.Selected = o.Value == chosen
		options = append(options, o)
	}
	return options
}

func modeOptions(l *locale.Locale, chosen string) []ui.Option {
	return []ui.Option{
		{Value: ModeLook, Label: l.T("consent.mode.look"), Hint: modeHint(l, policy.Look), Selected: chosen != ModeChange},
		{Value: ModeChange, Label: l.T("consent.mode.change"), Hint: modeHint(l, policy.Change), Selected: chosen == ModeChange},
	}
}

// modeHint says from the permission table what an agent may do in a mode besides
// looking, which they may in both, and what not.
func modeHint(l *locale.Locale, mode policy.Mode) string {
	var can, cannot []string
	for _, op := range policy.Operations() {
		switch op {
		case policy.SeeService, policy.SeeGrants, policy.SeeHistory, policy.ResignGrant, policy.ManageSelf: // looking, or no agent's business
			continue
		}
		word := l.T("policy.operation." + string(op))
		if op == policy.ChangeGrant { // of which there is no one in sight here
			word = l.T("consent.change_grants")
		}
		if policy.May(op, policy.Standing{Agent: mode}) {
			can = append(can, word)
		} else {
			cannot = append(cannot, word)
		}
	}
	if len(can) == 0 {
		return l.T("consent.mode.look_hint")
	}
	return l.T("consent.mode.change_hint", "Can", joinWords(l, "policy.and", can), "Cannot", joinWords(l, "policy.or", cannot))
}

func mayWord(l *locale.Locale, mayChange bool) string {
	if mayChange {
		return l.T("consent.mode.change")
	}
	return l.T("consent.mode.look")
}
