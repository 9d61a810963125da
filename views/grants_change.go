package views

import (
	"slices"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// GrantView is one grant: what it is, what happened to it, what can be done with it.
type GrantView struct {
	*models.GrantView
	Form     GrantTerms
	Left     []models.Leftover // what the holder of an ended grant left behind
	MoreLeft bool
	Message  *Flash // in the panel
	Mails    bool   // the panel sends email
	Now      time.Time
}

// GrantTerms is the form that changes a grant, as typed.
type GrantTerms struct {
	Extras    policy.Extra // ticked
	ExpiresOn string
	Note      string
	Version   int
	Errors    Errors
	Conflict  bool // somebody changed the grant since the form was shown
}

// TermsOf is the form as the grant stands.
func TermsOf(l *locale.Locale, g *models.Grant) GrantTerms {
	t := GrantTerms{Extras: g.Extras, Note: g.Note, Version: g.Version}
	if g.ExpiresAt != nil {
		t.ExpiresOn = l.DateInput(g.ExpiresAt.Add(-time.Second))
	}
	return t
}

func (v GrantView) domain() string { return models.ReadableDomain(v.Grant.Domain) }

// object is what the grant is on, as people read it.
func (v GrantView) object() string {
	if v.Grant.Kind == policy.OnAccount {
		return v.Grant.LocalPart + "@" + v.domain()
	}
	return v.domain()
}

// GrantListPath is the list that a grant is on, the grant itself when its
// account is gone.
func GrantListPath(g *models.Grant) string {
	switch {
	case g.Kind == policy.OnService:
		return ServiceGrantsPath(g.Domain)
	case g.AccountID != 0:
		return AccountGrantsPath(g.Domain, g.LocalPart)
	}
	return GrantPath(g.ID)
}

// back is where the panel of the grant was called from.
func (v GrantView) back() string {
	if v.Rights.Change && (v.Grant.Kind == policy.OnService || v.Grant.AccountID != 0) {
		return GrantListPath(&v.Grant)
	}
	return AccountsPath(v.Grant.Domain)
}

func (v GrantView) crumbs(l *locale.Locale) []ui.Crumb {
	return []ui.Crumb{
		{Label: l.T("layout.services"), Path: ServicesPath},
		{Label: v.domain(), Path: AccountsPath(v.Grant.Domain)},
		{Label: v.Title(l)},
	}
}

// Title names the page.
func (v GrantView) Title(l *locale.Locale) string {
	if v.Rights.Resign {
		return l.T("grant.title_own")
	}
	return l.T("grant.title", "Who", v.Grant.Grantee)
}

// sharer is who gave the viewer what they reach of the service.
func (v GrantView) sharer() string {
	if v.Mine != nil {
		return v.Mine.Giver
	}
	return v.Grant.Giver
}

func (v GrantView) live() bool { return v.Grant.Live(v.Now) }

// open says that the grant can be changed by somebody.
func (v GrantView) open() bool { return v.live() && v.State != models.ServiceSuspended }

// restorable says that the viewer can take the revocation of the grant back.
func (v GrantView) restorable() bool {
	return v.Rights.Change && v.Grant.Restorable(v.Now) && v.State != models.ServiceSuspended
}

// offered are the extras that the viewer may switch: at most what they may pass on.
func (v GrantView) offered() policy.Extra {
	if v.Grant.Kind == policy.OnService {
		return policy.Applicable(policy.OnService)
	}
	return policy.Applicable(policy.OnAccount) & policy.Passable(v.Standing)
}

// rights are what the grant lets its holder do; on the form they follow the ticks.
func (v GrantView) rights(l *locale.Locale) ui.RightsArgs {
	if v.Rights.Change && v.open() {
		offered := v.offered()
		return preview(l, v.Grant.Kind, v.Form.Extras&offered|v.Grant.Extras&^offered, offered, v.Mails)
	}
	a := preview(l, v.Grant.Kind, v.Grant.Extras, 0, v.Mails)
	if v.Rights.Resign {
		a.CanHeading, a.CannotHeading = l.T("policy.you_can"), l.T("policy.you_cannot")
	}
	return a
}

func (v GrantView) summary() []ui.ErrorLink {
	return v.Form.Errors.Summary("extras", "expires_on", "note")
}

func (v GrantView) facts(l *locale.Locale) []ui.Fact {
	g := &v.Grant
	facts := []ui.Fact{
		{Term: l.T("grant.fact.holder"), Text: g.Grantee + " · " + g.GranteeName},
		{Term: l.T("grant.fact.giver"), Text: giver(l, g)},
		{Term: l.T("grant.fact.since"), Text: l.DateTime(g.Since)},
	}
	switch {
	case g.EndedAt != nil:
		facts = append(facts, ui.Fact{Term: l.T("grant.fact.ended"), Text: l.DateTime(*g.EndedAt) + " · " + l.T("grant.ended."+g.EndedWhy, "Who", g.EndedBy)})
	case g.ExpiresAt != nil:
		facts = append(facts, ui.Fact{Term: l.T("grant.fact.until"), Text: l.DateTime(g.ExpiresAt.Add(-time.Second))})
	default:
		facts = append(facts, ui.Fact{Term: l.T("grant.fact.until"), Text: l.T("grant.no_end")})
	}
	facts = append(facts, ui.Fact{Term: l.T("grant.fact.use"), Text: grantUse(l, g)})
	if g.Note != "" {
		facts = append(facts, ui.Fact{Term: l.T("grant.note"), Text: g.Note})
	}
	return facts
}

// differences are the fields that do not say what somebody else set meanwhile.
func (v GrantView) differences(l *locale.Locale) []Difference {
	stored := TermsOf(l, &v.Grant)
	offered := v.offered()
	var list []Difference
	list = compare(list, l.T("grant.extras"), orNone(l, extraNames(l, (v.Form.Extras&offered).Names())), orNone(l, extraNames(l, (stored.Extras&offered).Names())))
	list = compare(list, l.T("grant.expires"), orNone(l, day(l, v.Form.ExpiresOn)), orNone(l, day(l, stored.ExpiresOn)))
	return compare(list, l.T("grant.note"), orNone(l, v.Form.Note), orNone(l, stored.Note))
}

func orNone(l *locale.Locale, text string) string {
	if text == "" {
		return l.T("event.none")
	}
	return text
}

// day writes the value of a date field for the reader; as typed when it is none.
func day(l *locale.Locale, typed string) string {
	t, err := time.Parse(time.DateOnly, typed)
	if err != nil {
		return typed
	}
	return l.Date(t.Add(12 * time.Hour)) // noon is the same day in every zone that the panel knows
}

// events are the grant's, with whom they concern.
func (v GrantView) events() []models.Event {
	events := slices.Clone(v.Events)
	for i := range events {
		events[i].Subject = v.Grant.Grantee
	}
	return events
}

// RevocationView is what is lost by taking a grant back.
type RevocationView struct {
	*models.GrantView
	Service *models.Service
}

func (v RevocationView) view() GrantView { return GrantView{GrantView: v.GrantView} }

// losses are what the holder can no longer reach, and who loses with them.
func (v RevocationView) losses(l *locale.Locale) []string {
	g := &v.Grant
	lines := []string{v.view().object()}
	if g.Kind == policy.OnService {
		lines[0] = l.N("grant.loss.accounts", int64(v.Service.AccountCount), "Domain", v.view().domain())
	}
	if v.Children > models.MaxCounted {
		lines = append(lines, l.T("grant.loss.many_children", "Most", models.MaxCounted))
	} else if v.Children > 0 {
		lines = append(lines, l.N("grant.loss.children", int64(v.Children), "Who", g.Grantee))
	}
	return lines
}

// What the buttons promise, for the reader.
const (
	extendDays  = int(models.ExtendBy / (24 * time.Hour))
	undoMinutes = int(models.UndoFor / time.Minute)
)

// until is the day that the viewer's own grant ends on, when they give by it.
func (v GrantView) until(l *locale.Locale) string {
	if v.Standing.AsOwner() || v.Mine == nil || v.Mine.ExpiresAt == nil {
		return ""
	}
	return LastDay(l, *v.Mine.ExpiresAt)
}

func leftText(l *locale.Locale, left models.Leftover) string {
	switch {
	case left.Password && left.Created:
		return l.T("grant.left.both")
	case left.Created:
		return l.T("grant.left.created")
	}
	return l.T("grant.left.password")
}
