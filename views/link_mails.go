package views

import (
	"bytes"
	"context"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views/locale"
)

// LinkMail is the email with a one-time link, in the language and the time zone
// of the customer. origin is how browsers reach the panel, as the operator says:
// never what a request said of itself.
func LinkMail(ctx context.Context, m *models.LinkMail, origin string) (*Mail, error) {
	zone, err := time.LoadLocation(m.To.TimeZone)
	if err != nil {
		zone = time.UTC
	}
	ctx = locale.With(ctx, m.To.Language, zone)
	v := NewLinkView(locale.From(ctx), m, origin)
	var html bytes.Buffer
	if err := NoticeDocument(v).Render(ctx, &html); err != nil {
		return nil, err
	}
	return &Mail{Subject: v.Subject, Text: v.Text(), HTML: html.String()}, nil
}

// NewLinkView puts the email of a link into words, in the form of a notice.
func NewLinkView(l *locale.Locale, m *models.LinkMail, origin string) NoticeView {
	say := func(name string) string {
		return l.T("session.mail."+string(m.Kind)+"."+name, "Identifier", m.To.Identifier, "Address", models.ReadableAddress(m.To.Email))
	}
	part := NoticePartView{
		Lead: say("lead"), Label: say("label"), Advice: []string{say("advice")},
		Facts: []string{l.T("session.mail.until", "Date", l.DateTime(m.Expires), "Zone", l.Zone())},
	}
	if part.Link = origin + ContactLinkPath(m.Token); m.Kind == models.PasswordLinkMail {
		part.Link = origin + PasswordLinkPath(m.Token)
	}
	return NoticeView{
		Subject: say("subject"), Greeting: l.T("notice.greeting", "Name", oneLine(m.To.Name)), Parts: []NoticePartView{part},
		Foot: []string{l.T("session.mail.foot", "Origin", origin), l.T("notice.foot_answer")},
	}
}
