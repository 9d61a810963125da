package views

import (
	"context"
	"strconv"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// Acting is what every page says while an agent acts for a customer, or to a
// customer about the agent who does, or asks to.
type Acting struct {
	Assistance *models.Assistance
	Mode       policy.Mode // of an agent who acts; NoAgent on the customer's own pages
}

// byAgent says that the viewer is the agent, and not their customer.
func (a *Acting) byAgent() bool { return a.Mode != policy.NoAgent }

// proof is what the approval of an emergency asks for.
func (v SupportView) proof(id int64) Proof {
	p := v.Proof
	if id == v.Approving {
		p = p.With(v.Errors)
	}
	p.ID = "proof-" + strconv.FormatInt(id, 10)
	return p
}

// summary leads to the field of the approval that was refused.
func (v SupportView) summary() []ui.ErrorLink {
	links := v.Errors.Summary("proof")
	for i := range links {
		if links[i].Field == "proof" {
			links[i].Field = v.proof(v.Approving).ID
		}
	}
	return links
}

// emergency says whether nobody gave consent.
func (a *Acting) emergency() bool { return a.Assistance.Consent == models.ByEmergency }

// looks says whether the viewer is an agent who may look only.
func (p Page) looks() bool { return p.Acting != nil && p.Acting.Mode == policy.Look }

// words are for whom one acts, as a title and a panel say it.
func (a *Acting) words(l *locale.Locale) string {
	return l.T("assistance.acting", "Who", a.Assistance.Customer)
}

// until is when the present mode ends, as a time of day.
func (a *Acting) until(l *locale.Locale) string {
	if a.Mode == policy.Change {
		return l.Time(*a.Assistance.ChangeUntil)
	}
	return l.Time(a.Assistance.ExpiresAt)
}

func (a *Acting) mode(l *locale.Locale) string {
	if a.Mode == policy.Change {
		return l.T("assistance.may_change")
	}
	return l.T("assistance.may_look")
}

// Words makes a context in which panels say for whom the reader acts, as pages do.
func (a *Acting) Words(ctx context.Context) context.Context {
	if !a.byAgent() {
		return ctx
	}
	return ui.WithActing(ctx, a.words(locale.From(ctx)))
}

// SupportView is where agents find customers.
type SupportView struct {
	Search      string
	Found       []models.FoundCustomer
	More        bool
	Open        *models.Assistance // what the agent has open
	Emergencies []models.Assistance
	Approving   int64 // the emergency whose approval was refused
	Proof       Proof
	Errors      Errors
	Now         time.Time
}

// AssistanceForm is the form to act for a customer, as typed.
type AssistanceForm struct {
	Customer, Reason, Ticket, Code string
	Emergency                      bool
	MayEmergency                   bool // the operator allows them
	Proof                          Proof
	Errors                         Errors
}

// ChangeForm is the step from looking to changing.
type ChangeForm struct {
	Next   string // where it leads
	Proof  Proof
	Errors Errors
}

// AssistancesView is a page of assistances, newest first.
type AssistancesView struct {
	List   []models.Assistance
	More   bool
	Newest bool
	All    bool // of all agents
	Now    time.Time
}

// AssistanceView is one of them.
type AssistanceView struct {
	*models.AssistanceView
	Now    time.Time
	MayEnd bool
	Own    bool // the pages are the viewer's own
}

// pastAssistance is what became of an assistance, as a sentence.
func pastAssistance(l *locale.Locale, a *models.Assistance) string {
	why := a.EndedWhy
	if why == "" { // of which time has not been noted yet
		why = models.AssistanceByTime
	}
	if a.BeganAt == nil {
		if why == models.AssistanceRefused {
			return l.T("assistance.past.refused", "Agent", a.Agent, "Who", a.Customer)
		}
		if why == models.AssistanceByTime {
			why = "time_waiting"
		}
		return l.T("assistance.past.unbegun", "Agent", a.Agent, "Who", a.Customer, "Why", l.T("assistance.why."+why))
	}
	return l.T("assistance.past", "Agent", a.Agent, "Who", a.Customer, "Began", l.Time(*a.BeganAt), "Ended", l.Time(ended(a)), "Why", l.T("assistance.why."+why))
}

// ended is when an assistance has ended, or will.
func ended(a *models.Assistance) time.Time {
	if a.EndedAt != nil {
		return *a.EndedAt
	}
	return a.ExpiresAt
}

// assistanceState is an assistance in a sentence.
func assistanceState(l *locale.Locale, a *models.Assistance, now time.Time) string {
	switch {
	case a.Live(now):
		return l.T("assistance.state.live", "Agent", a.Agent, "Who", a.Customer)
	case a.Waits(now):
		return l.T("assistance.state.waits", "Agent", a.Agent, "Who", a.Customer)
	}
	return pastAssistance(l, a)
}

// agentWords names the agent of an assistance.
func agentWords(a *models.Assistance) string {
	return a.AgentName + ", " + a.Agent
}

func machineTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func assistanceFacts(l *locale.Locale, v AssistanceView) []ui.Fact {
	a := &v.Assistance
	facts := []ui.Fact{
		{Term: l.T("assistance.customer"), Text: l.T("assistance.person", "Name", a.CustomerName, "Identifier", a.Customer)},
		{Term: l.T("assistance.agent"), Text: l.T("assistance.person", "Name", a.AgentName, "Identifier", a.Agent)},
		{Term: l.T("assistance.reason"), Text: a.Reason},
		{Term: l.T("assistance.ticket"), Text: a.Ticket},
		{Term: l.T("assistance.consent"), Text: l.T("assistance.by." + string(a.Consent))},
		{Term: l.T("assistance.state"), Text: assistanceState(l, a, v.Now)},
		{Term: l.T("assistance.asked_at"), Text: l.DateTime(a.AskedAt)},
	}
	if a.BeganAt != nil {
		facts = append(facts, ui.Fact{Term: l.T("assistance.began_at"), Text: l.DateTime(*a.BeganAt)})
	}
	until := "assistance.ended_at"
	if a.Live(v.Now) || a.Waits(v.Now) {
		until = "assistance.ends_at"
	}
	facts = append(facts, ui.Fact{Term: l.T(until), Text: l.DateTime(ended(a))})
	if a.Approver != "" {
		facts = append(facts, ui.Fact{Term: l.T("assistance.approver"), Text: a.Approver})
	}
	return facts
}
