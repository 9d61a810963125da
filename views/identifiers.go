package views

import (
	"example.org/mandat/models"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// Verdicts are what the live check says of identifiers as typed.
type Verdicts []models.Verdict

func verdict(l *locale.Locale, v models.Verdict) (tone ui.Tone, icon, text string) {
	switch {
	case !v.Shape:
		return "", "circle-alert", l.T("grant.verdict.shape")
	case v.Held != nil:
		return "", "check", l.T("grant.verdict.held")
	}
	return ui.OK, "check", l.T("grant.verdict.ok")
}
