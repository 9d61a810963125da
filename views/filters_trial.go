package views

import (
	"slices"
	"strings"

	"example.org/mandat/models"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// TrialForm is a message to try filters on, as typed or pasted.
type TrialForm struct {
	From, To, Cc, Subject string
	List, Spam            bool
	Message               string // its source, which counts alone when there is one
	Errors                Errors
}

// NewTrial is the form as it begins: the message arrives at the address.
func NewTrial(address string) TrialForm { return TrialForm{To: address} }

// Read is the form as the models read it.
func (f TrialForm) Read() models.TrialForm {
	return models.TrialForm{Source: f.Message, From: f.From, To: f.To, Cc: f.Cc, Subject: f.Subject, List: f.List, Spam: f.Spam}
}

// trialFields are the names of the fields that can be refused, in the order of the form.
var trialFields = []string{"from", "to", "cc", "subject", "message"}

// TrialView is the filters of one address, tried on a message.
type TrialView struct {
	Head    ServiceHead
	Access  *models.Access
	Filters []models.Filter
	Form    TrialForm
	Trial   *models.Trial // nil when nothing was tried
	Unsaved bool          // the filter is one alone, as typed
}

func (v TrialView) domain() string { return v.Access.Service.Domain }
func (v TrialView) local() string  { return v.Access.Account.LocalPart }

// trial is the form below the filters of an address.
func (v FiltersView) trial() TrialView {
	return TrialView{Head: v.Head, Access: v.Access, Filters: v.Filters, Form: NewTrial(v.Access.Account.Address)}
}

// trial is the filter of a form, tried.
func (v FilterView) trial() TrialView {
	return TrialView{Access: v.Access, Filters: []models.Filter{*v.Form.Tried}, Form: v.Form.Trial, Trial: v.Form.Verdict, Unsaved: true}
}

// trying says that the part of a filter's form for its trial is in use.
func (f FilterForm) trying() bool {
	t := f.Trial
	return f.Verdict != nil || t.From+t.To+t.Cc+t.Subject+t.Message != "" || t.List || t.Spam || slices.ContainsFunc(trialFields, func(field string) bool { return f.Errors[field] != nil })
}

// overlooked says that something was typed beside a source, and not looked at.
func (v TrialView) overlooked() bool {
	f := v.Form
	typed := strings.TrimSpace(f.From+f.Cc+f.Subject) != "" || f.List || f.Spam
	return f.Read().Pasted() && typed
}

// settles is the filter that decides where the message goes, nil for none.
func (v TrialView) settles() *models.Filter {
	if v.Trial.Settled < 0 {
		return nil
	}
	return &v.Filters[v.Trial.Settled]
}

// leaves says that the message does not come into the mailbox.
func (v TrialView) leaves() bool {
	f := v.settles()
	return f != nil && slices.Contains([]string{"forward", "reject", "delete"}, f.Action)
}

// tone is that of the outcome.
func (v TrialView) tone() ui.Tone {
	switch {
	case v.leaves():
		return ui.Warn
	case v.settles() != nil:
		return ui.OK
	}
	return ""
}

// outcome is what would happen to the message: where it goes, and what is done
// to it besides. Marks on what does not come into the mailbox are not told. Of a
// filter alone nobody knows where the message goes if it does not say so itself.
func (v TrialView) outcome(l *locale.Locale) string {
	var texts []string
	if f := v.settles(); f != nil {
		texts = append(texts, l.T("filter.trial.goes."+f.Action, "Name", f.Name, "Target", filterTarget(f.Action, f.Target)))
	} else if !v.Unsaved {
		texts = append(texts, l.T("filter.trial.goes.inbox"))
	} else if !v.Trial.Steps[0].Caught {
		texts = append(texts, l.T("filter.trial.alone"))
	}
	for i := range v.Filters {
		f := &v.Filters[i]
		if i == v.Trial.Settled || !v.Trial.Steps[i].Acted || v.leaves() && f.Action != "copy" {
			continue
		}
		texts = append(texts, l.T("filter.trial.also."+f.Action, "Name", f.Name, "Target", filterTarget(f.Action, f.Target)))
	}
	return strings.Join(texts, " ")
}

// verdict is the badge of a filter.
func (v TrialView) verdict(l *locale.Locale, i int) (tone ui.Tone, icon, text string) {
	s := v.Trial.Steps[i]
	switch {
	case !v.Filters[i].Active:
		return "", "pause", l.T("filter.trial.off")
	case !s.Asked:
		return "", "ban", l.T("filter.trial.not_asked")
	case !s.Caught:
		return "", "x", l.T("filter.trial.passes")
	case !s.Acted:
		return ui.Warn, "triangle-alert", l.T("filter.trial.without_copy")
	}
	return ui.OK, "check", l.T("filter.trial.applies")
}

// why says more about the verdict of a filter, "" for nothing more.
func (v TrialView) why(l *locale.Locale, i int) string {
	switch s := v.Trial.Steps[i]; {
	case v.Filters[i].Active && !s.Asked:
		return l.T("filter.trial.decided", "Name", v.settles().Name)
	case s.Caught && !s.Acted && v.leaves():
		return l.T("filter.trial.refused_copy", "Name", v.settles().Name)
	case s.Caught && !s.Acted:
		return l.T("filter.trial.copies", "Most", models.MaxCopies)
	case s.Acted && v.leaves() && i != v.Trial.Settled && v.Filters[i].Action != "copy":
		return l.T("filter.trial.mark_lost")
	}
	return ""
}

// trialShown is how much of a header a page shows: the rest says no more about
// whether the right text was pasted.
const trialShown = 300

// facts are the message as it was read. What people look for first is told when it is missing.
func (v TrialView) facts(l *locale.Locale) []ui.Fact {
	var facts []ui.Fact
	for _, h := range v.Trial.Headers {
		fact := ui.Fact{Term: l.T("filter.trial.date")}
		if h.Name != "date" {
			fact.Term = l.T("filter.header." + h.Name)
		}
		switch {
		case len(h.Values) > 0:
			fact.Text = shortened(strings.Join(h.Values, " · "))
		case h.Name == "cc" || h.Name == "date":
			continue
		default:
			fact.Text = l.T("filter.trial.absent")
		}
		facts = append(facts, fact)
	}
	if v.Form.Read().Pasted() {
		facts = append(facts, ui.Fact{Term: l.T("filter.trial.size"), Text: l.Size(v.Trial.Size)})
	}
	return facts
}

func shortened(text string) string {
	if letters := []rune(text); len(letters) > trialShown {
		return string(letters[:trialShown]) + "…"
	}
	return text
}
