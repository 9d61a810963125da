package main

import (
	"context"
	"fmt"
	"path/filepath"

	"example.org/mandat/mail/outgoing"
	"example.org/mandat/models"
	"example.org/mandat/views"
)

// post is how the mail of the models leaves: the views say what is in it.
type post struct {
	mailer outgoing.Mailer
	config *config // its origin may be known only once the panel listens
}

// newPost is the way that the settings name, nil for none: then nothing that
// needs mail is offered.
func newPost(c *config) models.Post {
	if m := c.mail.Mailer(c.mailFrom); m != nil {
		return post{m, c}
	}
	return nil
}

// MailMembers is of models.Post. A repeat has the same id and date as the mail
// it repeats.
func (p post) MailMembers(ctx context.Context, m *models.MemberMail) error {
	mail, err := views.MembersMail(m)
	if err != nil {
		return err
	}
	return p.mailer.Send(ctx, &outgoing.Message{
		ID: fmt.Sprintf("list-mailing.%d.%d", m.ID, m.AskedAt.UnixMicro()), To: m.Recipient, Date: m.AskedAt, Subject: mail.Subject, Text: mail.Text,
		Attachment: &outgoing.Attachment{Name: mail.FileName, Type: views.CSVType, Data: mail.File},
	})
}

// MailNotice is of models.Post.
func (p post) MailNotice(ctx context.Context, n *models.Notice) error {
	mail, err := views.NoticeMail(ctx, n, p.config.origin.String())
	if err != nil {
		return err
	}
	return p.mailer.Send(ctx, &outgoing.Message{
		ID: fmt.Sprintf("notice.%d.%d", n.ID, n.CreatedAt.UnixMicro()), To: n.To.Mailbox(), Date: n.CreatedAt, Subject: mail.Subject, Text: mail.Text, HTML: mail.HTML,
	})
}

// MailLink is of models.Post. Each attempt has a link of its own, and is another message.
func (p post) MailLink(ctx context.Context, m *models.LinkMail) error {
	mail, err := views.LinkMail(ctx, m, p.config.origin.String())
	if err != nil {
		return err
	}
	return p.mailer.Send(ctx, &outgoing.Message{
		ID: fmt.Sprintf("link.%s.%d.%d.%d", m.Kind, m.ID, m.AskedAt.UnixMicro(), m.Attempt), To: m.To.Mailbox(), Date: m.AskedAt, Subject: mail.Subject, Text: mail.Text, HTML: mail.HTML,
	})
}

// demoMail lets the demo world write its mail beside its data, unless the
// settings say otherwise.
func (c *config) demoMail() {
	if c.mail != (outgoing.Route{}) {
		return
	}
	c.mail = outgoing.FileRoute(filepath.Join(c.dataDir, "mail"))
	if !c.mailFromGiven {
		c.mailFrom, _ = outgoing.ParseSender("Mandat <panel@mandat.example>") // well-formed
	}
}

// tellMail says where mail goes, or that none does, and which mail server obeys.
func (p *program) tellMail() {
	if p.config.dovecot != nil {
		p.log.Info("a mail server is attached", "dovecot", p.config.dovecot.String())
	}
	switch {
	case p.config.imap == nil:
	case p.config.secret == nil:
		p.log.Warn("no mail is imported: MANDAT_SECRET is empty")
	default:
		p.log.Info("mail is imported", "to", p.config.imap.String())
	}
	if route := p.config.mail.String(); route != "" {
		p.log.Info("mail is sent", "to", route, "from", p.config.mailFrom.String())
		return
	}
	p.log.Info("no mail is sent, and what needs it is not offered: MANDAT_MAIL is empty")
}
