package views

import (
	"example.org/mandat/models"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// IdentityRequestView leads somebody to the provider.
type IdentityRequestView struct {
	Provider string // what people call it
	URL      string
}

// IdentityAnswerForm has what the provider led somebody back with. It is shown
// to nobody, and sent on as it came.
type IdentityAnswerForm struct{ Code, State, Issuer string }

// IdentitiesView is what providers know the reader as.
type IdentitiesView struct {
	Provider string // what people call the one that is offered
	Issuer   string // of that one
	List     []models.Identity
	Agent    bool
	Proof    Proof
	Errors   Errors
}

// linked says whether the provider that is offered knows the reader already.
func (v IdentitiesView) linked() bool {
	for _, i := range v.List {
		if i.Issuer == v.Issuer {
			return true
		}
	}
	return false
}

func (v IdentitiesView) crumbs(l *locale.Locale) []ui.Crumb {
	if v.Agent { // who has no profile page
		return []ui.Crumb{{Label: l.T("identity.title")}}
	}
	return []ui.Crumb{{Label: l.T("profile.title"), Path: ProfilePath}, {Label: l.T("identity.title")}}
}

// at is what people call the provider of an identity.
func (v IdentitiesView) at(i *models.Identity) string {
	if i.Issuer == v.Issuer {
		return v.Provider
	}
	return i.Issuer
}

// identityLines tell of an identity: since when, by whom, last used.
func identityLines(l *locale.Locale, i *models.Identity) []string {
	lines := []string{l.T("identity.since."+string(i.LinkedBy), "When", l.DateTime(i.CreatedAt))}
	if i.UsedAt != nil {
		lines = append(lines, l.T("identity.used", "When", l.DateTime(*i.UsedAt)))
	}
	return lines
}

// IdentityRemovalView asks before a link is ended.
type IdentityRemovalView struct {
	Identity *models.Identity
	Provider string
	Proof    Proof
	Errors   Errors
	MustStay string // why it is not to be ended; "" when it may
}
