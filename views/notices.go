package views

import (
	"bytes"
	"context"
	"strings"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views/locale"
	"example.org/mandat/views/ui"
)

// NoticeView is a notice as its reader reads it, as HTML and as plain text.
// Whatever somebody typed is on one line of its own words: it cannot look like
// more than it is.
type NoticeView struct {
	Subject  string
	Greeting string
	Intro    string // "" for none
	Parts    []NoticePartView
	More     string // "" for none
	Foot     []string
}

// NoticePartView is one thing that is told.
type NoticePartView struct {
	Title  string
	When   string
	Lead   string
	Items  []string
	Facts  []string
	Rights []noticeRights
	Advice []string
	Link   string // with the origin; "" for none
	Label  string // of the link
}

type noticeRights struct {
	Heading string
	Lines   []string
}

// NoticeMail is the email of a notice in the language and the time zone of its
// receiver. origin is how browsers reach the panel.
func NoticeMail(ctx context.Context, n *models.Notice, origin string) (*Mail, error) {
	zone, err := time.LoadLocation(n.To.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	ctx = locale.With(ctx, n.To.Language, zone)
	v := NewNoticeView(locale.From(ctx), n, origin)
	var html bytes.Buffer
	if err := NoticeDocument(v).Render(ctx, &html); err != nil {
		return nil, err
	}
	return &Mail{Subject: v.Subject, Text: v.Text(), HTML: html.String()}, nil
}

// NewNoticeView puts a notice into words.
func NewNoticeView(l *locale.Locale, n *models.Notice, origin string) NoticeView {
	foot := "notice.foot"
	if n.Staff {
		foot = "notice.foot_staff"
	}
	v := NoticeView{Greeting: l.T("notice.greeting", "Name", oneLine(n.To.Name)), Foot: []string{l.T(foot, "Origin", origin), l.T("notice.foot_answer")}}
	for i := range n.Parts {
		v.Parts = append(v.Parts, noticePart{&n.Parts[i], l, origin, n.Staff}.view())
	}
	if len(v.Parts) == 1 {
		v.Subject = v.Parts[0].Title
	} else {
		v.Subject = l.T("notice.several")
	}
	if n.Joined {
		v.Intro = l.T("notice.joined", "Most", models.NoticesOfOne)
	}
	if n.More > 0 {
		v.More = l.N("notice.more_parts", int64(n.More))
	}
	return v
}

// Text is the notice as plain text.
func (v NoticeView) Text() string {
	var b strings.Builder
	paragraph := func(text string) {
		if text != "" {
			b.WriteString(text + "\n\n")
		}
	}
	list := func(items []string) {
		for _, item := range items {
			b.WriteString("- " + item + "\n")
		}
		if len(items) > 0 {
			b.WriteString("\n")
		}
	}
	paragraph(v.Greeting)
	paragraph(v.Intro)
	for _, p := range v.Parts {
		if len(v.Parts) > 1 {
			paragraph("* " + p.Title)
		}
		paragraph(p.Lead)
		list(p.Items)
		paragraph(strings.TrimSpace(p.When + "\n" + strings.Join(p.Facts, "\n")))
		for _, r := range p.Rights {
			paragraph(r.Heading)
			list(r.Lines)
		}
		for _, text := range p.Advice {
			paragraph(text)
		}
		if p.Link != "" {
			paragraph(p.Label + "\n" + p.Link)
		}
	}
	paragraph(v.More)
	b.WriteString("-- \n" + strings.Join(v.Foot, "\n") + "\n")
	return b.String()
}

// noticePart puts one part into words.
type noticePart struct {
	*models.NoticePart
	l      *locale.Locale
	origin string
	staff  bool // told to an agent
}

func (p noticePart) view() NoticePartView {
	v := NoticePartView{When: p.l.T("notice.when", "Date", p.l.DateTime(p.At), "Zone", p.l.Zone())}
	switch p.Kind {
	case models.NoticePassword, models.NoticeForward, models.NoticeSupport:
		p.deeds(&v)
	case models.NoticeAssisting:
		p.assisting(&v)
	case models.NoticeAssisted:
		p.assisted(&v)
	case models.NoticeDigest:
		p.digest(&v)
	case models.NoticeSecurity:
		p.security(&v)
	case models.NoticeResigned:
		p.resigned(&v)
	case models.NoticeEnded:
		p.ended(&v)
	case models.NoticeEnding:
		p.ending(&v)
	default:
		p.granted(&v)
	}
	return v
}

// t is a text of the part's kind, with who did it and what it is about.
func (p noticePart) t(name string, args ...any) string {
	args = append([]any{"Who", p.who(), "Object", p.object(), "Domain", models.ReadableDomain(p.Domain)}, args...)
	return p.l.T("notice."+string(p.Kind)+"."+name, args...)
}

// granted tells the holder of a grant that it was given, changed or put back,
// and what it lets them do.
func (p noticePart) granted(v *NoticePartView) {
	v.Title, v.Lead, v.Items = p.t("subject"), p.t("lead"), p.objects()
	if p.Kind == models.NoticeChanged {
		v.Facts = p.changes()
	} else {
		v.Facts = append(v.Facts, p.until(p.Is.Until))
		if note := oneLine(p.Is.Note); note != "" {
			v.Facts = append(v.Facts, p.l.T("grant.note_is", "Note", note))
		}
	}
	can := preview(p.l, p.On, p.Is.Extras, 0, false)
	for _, r := range []noticeRights{{p.l.T("policy.you_can"), rightTexts(can.Can)}, {p.l.T("policy.you_cannot"), rightTexts(can.Cannot)}} {
		if len(r.Lines) > 0 {
			v.Rights = append(v.Rights, r)
		}
	}
	if p.Is.Extras&(policy.Password|policy.Forward) != 0 {
		v.Advice = append(v.Advice, p.l.T("notice.told"))
	}
	v.Advice = append(v.Advice, p.l.T("notice.resign", "Button", p.l.T("grant.resign")))
	p.linkGrant(v)
}

func (p noticePart) ending(v *NoticePartView) {
	day := LastDay(p.l, *p.Is.Until)
	v.When, v.Title, v.Lead, v.Items = "", p.t("subject", "Date", day), p.t("lead", "Date", day), p.objects()
	v.Advice = []string{p.t("advice", "Whom", person(p.WhomPerson))}
	p.linkGrant(v)
}

func (p noticePart) ended(v *NoticePartView) {
	why := p.Why
	if p.With {
		why = "with"
	}
	v.Title, v.Lead, v.Items = p.t("subject"), p.t("lead"), p.objects()
	v.Facts = []string{p.t(why, "Whom", person(p.WhomPerson))}
}

func (p noticePart) resigned(v *NoticePartView) {
	v.Title, v.Lead, v.Items = p.t("subject", "Whom", p.WhomPerson.Identifier), p.t("lead", "Whom", person(p.WhomPerson)), p.objects()
	v.Advice = []string{p.t("advice")}
	v.Label, v.Link = p.l.T("grant.left"), p.origin+ServiceGrantsPath(p.Domain)
	if len(p.Objects) == 1 {
		v.Link = p.origin + GrantPath(p.Objects[0].Grant)
	}
}

// deeds tells the owner what somebody did on their service.
func (p noticePart) deeds(v *NoticePartView) {
	v.Title, v.Lead = p.t("subject", "By", p.ByPerson.Identifier), p.t("lead")
	for _, d := range p.Deeds {
		v.Items = append(v.Items, p.deed(d))
	}
	v.Items = p.andMore(v.Items, p.Beyond)
	v.Advice = []string{p.t("advice")}
	v.Label, v.Link = p.l.T("event.own_title"), p.origin+HistoryPath
	if p.Domain != "" {
		v.Label, v.Link = p.l.T("event.title", "Domain", models.ReadableDomain(p.Domain)), p.origin+ServiceHistoryPath(p.Domain)
	}
}

// assisting tells a customer that an agent begins to act for them.
func (p noticePart) assisting(v *NoticePartView) {
	v.Title, v.Lead = p.t("subject"), p.t("lead", "Agent", p.AgentPerson.Identifier)
	v.Facts = p.assistance()
	switch {
	case p.Assistance.Waits:
		v.Title, v.Lead = p.t("asked_subject"), p.t("asked", "Agent", p.AgentPerson.Identifier)
	case p.Assistance.Consent == models.ByEmergency:
		v.Title = p.t("emergency_subject")
		v.Facts = append(v.Facts, p.t("emergency"))
	}
	v.Advice = []string{p.t("advice"), p.l.T("notice.support.advice")}
	v.Label, v.Link = p.l.T("consent.title"), p.origin+ConsentPath
}

// assisted tells them what the agent changed until the end.
func (p noticePart) assisted(v *NoticePartView) {
	lead := "nothing"
	if p.Assistance.Changes > 0 {
		lead = "lead"
	}
	v.Title, v.Lead = p.t("subject"), p.t(lead, "Agent", p.AgentPerson.Identifier)
	for _, d := range p.Deeds {
		v.Items = append(v.Items, p.deed(d))
	}
	v.Items = p.andMore(v.Items, p.Beyond)
	v.Facts = append(p.assistance(), p.l.N("notice.assisted.pages", int64(p.Assistance.Pages)))
	v.Advice = []string{p.l.T("notice.support.advice")}
	v.Label, v.Link = p.l.T("assistance.what"), p.origin+OwnAssistancePath(p.Assistance.ID)
}

// digest tells a lead what agents did.
func (p noticePart) digest(v *NoticePartView) {
	d := p.Digest
	v.When, v.Label, v.Link = "", p.l.T("assistance.list"), p.origin+AssistancesPath
	if d.Week.IsZero() {
		v.Title, v.Lead = p.t("emergency_subject"), p.t("emergency")
		if d.Asked {
			v.Lead = p.t("asked")
		}
	} else {
		week := p.l.Date(d.Week)
		v.Title, v.Lead = p.t("subject", "Date", week), p.l.N("notice.digest.lead", int64(len(d.Assistances)+d.More), "Date", week)
	}
	for i := range d.Assistances {
		a := &d.Assistances[i]
		v.Items = append(v.Items, p.l.DateTime(a.AskedAt)+p.l.T("common.colon")+assistanceState(p.l, a, p.At)+" "+
			p.l.T("assistance.reason_is", "Reason", oneLine(a.Reason), "Ticket", oneLine(a.Ticket))+" · "+p.l.T("assistance.by."+string(a.Consent)))
	}
	v.Items = p.andMore(v.Items, d.More)
}

func (p noticePart) assistance() []string {
	a := p.Assistance
	return []string{
		p.l.T("assistance.reason_is", "Reason", oneLine(a.Reason), "Ticket", oneLine(a.Ticket)),
		p.l.T("assistance.consent") + p.l.T("common.colon") + p.l.T("assistance.by."+string(a.Consent)),
		p.l.T("consent.may") + p.l.T("common.colon") + mayWord(p.l, a.MayChange),
	}
}

// security tells somebody what happened to their own account.
func (p noticePart) security(v *NoticePartView) {
	what := func(d models.NoticeDeed) string {
		return p.l.T("notice.security."+d.Event, "Target", models.ReadableAddress(d.Target))
	}
	v.Title = p.l.T("notice.security.subject")
	if len(p.Deeds) == 1 {
		v.Title = what(p.Deeds[0])
	}
	v.Lead = p.l.T("notice.security.lead", "Identifier", p.Deeds[0].Object)
	for _, d := range p.Deeds {
		v.Items = append(v.Items, what(d))
	}
	v.Items = p.andMore(v.Items, p.Beyond)
	advice := "notice.security.advice"
	if p.staff { // who gets a password from the operator alone
		advice = "notice.security.advice_staff"
	}
	v.Advice = []string{p.l.T(advice)}
	v.Label, v.Link = p.l.T("session.list.title"), p.origin+ProfileSessionsPath
}

func (p noticePart) deed(d models.NoticeDeed) string {
	e := models.Event{Kind: d.Event, Object: d.Object, Actor: p.ByPerson.Identifier, Agent: p.AgentPerson.Identifier, Subject: d.WhomPerson.Identifier}
	if p.Kind != models.NoticeForward {
		return eventText(p.l, &e)
	}
	targets := strings.Split(d.Target, ", ")
	for i, t := range targets {
		targets[i] = models.ReadableAddress(t)
	}
	return p.l.T("notice.forward.item", "What", eventText(p.l, &e), "Target", joined(targets))
}

// who is who did it: a customer, an agent for them, or the operator.
func (p noticePart) who() string {
	if p.ByPerson.Identifier == "" {
		return p.l.T("event.operator")
	}
	if p.AgentPerson.Identifier != "" {
		return p.l.T("event.agent", "Agent", p.AgentPerson.Identifier, "Who", person(p.ByPerson))
	}
	return person(p.ByPerson)
}

func person(p models.Person) string { return oneLine(p.Name) + " (" + p.Identifier + ")" }

// object is what the part is about, as part of a sentence.
func (p noticePart) object() string {
	switch {
	case p.On == policy.OnService:
		return p.l.T("notice.object.service", "Domain", models.ReadableDomain(p.Domain))
	case len(p.Deeds) == 1 && p.Beyond == 0:
		return eventObject(&models.Event{Object: p.Deeds[0].Object})
	case len(p.Deeds) > 0:
		return models.ReadableDomain(p.Domain)
	case p.Count == 1:
		return models.ReadableAddress(p.Objects[0].Name)
	}
	return p.l.N("notice.object.accounts", int64(p.Count), "Domain", models.ReadableDomain(p.Domain))
}

// objects names the addresses when the sentence does not.
func (p noticePart) objects() []string {
	if p.On == policy.OnService || p.Count == 1 {
		return nil
	}
	var list []string
	for _, o := range p.Objects {
		list = append(list, models.ReadableAddress(o.Name))
	}
	return p.andMore(list, p.Count-len(p.Objects))
}

func (p noticePart) andMore(list []string, more int) []string {
	if more > 0 {
		list = append(list, p.l.N("notice.more", int64(more)))
	}
	return list
}

func (p noticePart) until(t *time.Time) string {
	if t == nil {
		return p.l.T("notice.no_end")
	}
	return p.l.T("notice.until", "Date", LastDay(p.l, *t))
}

// changes are what was and what is, a line each.
func (p noticePart) changes() []string {
	var list []string
	add := func(label, was, is string) {
		if was != is {
			list = append(list, p.l.T("notice.change", "Label", label, "Before", orNone(p.l, was), "After", orNone(p.l, is)))
		}
	}
	day := func(t *time.Time) string {
		if t == nil {
			return p.l.T("grant.no_end")
		}
		return LastDay(p.l, *t)
	}
	add(p.l.T("grant.extras"), extraNames(p.l, p.Was.Extras.Names()), extraNames(p.l, p.Is.Extras.Names()))
	add(p.l.T("grant.end"), day(p.Was.Until), day(p.Is.Until))
	add(p.l.T("grant.note"), oneLine(p.Was.Note), oneLine(p.Is.Note))
	return list
}

// linkGrant leads to the grant, or to all services when there are several.
func (p noticePart) linkGrant(v *NoticePartView) {
	v.Label, v.Link = p.l.T("layout.services"), p.origin+ServicesPath
	if len(p.Objects) == 1 && p.Count == 1 {
		v.Label, v.Link = p.l.T("grant.title_own"), p.origin+GrantPath(p.Objects[0].Grant)
	}
}

// oneLine is what somebody typed as words of one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

func rightTexts(rights []ui.Right) []string {
	list := make([]string, len(rights))
	for i, r := range rights {
		list[i] = r.Text
	}
	return list
}
