package modelstest

import (
	"context"
	"sync"

	"example.org/mandat/models"
)

// Postbox is where the mail of a world ends, to be looked at.
type Postbox struct {
	mu      sync.Mutex
	mails   []*models.MemberMail
	answer  func(*models.MemberMail) error
	notices []*models.Notice
	reply   func(*models.Notice) error
	links   []*models.LinkMail
	accept  func(*models.LinkMail) error
}

// MailMembers is of models.Post.
func (p *Postbox) MailMembers(_ context.Context, m *models.MemberMail) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answer != nil {
		if err := p.answer(m); err != nil {
			return err
		}
	}
	p.mails = append(p.mails, m)
	return nil
}

// Answer makes the postbox ask fn before it takes a mail.
func (p *Postbox) Answer(fn func(*models.MemberMail) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = fn
}

// Mails are those that it took.
func (p *Postbox) Mails() []*models.MemberMail {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*models.MemberMail(nil), p.mails...)
}

// MailNotice is of models.Post.
func (p *Postbox) MailNotice(_ context.Context, n *models.Notice) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reply != nil {
		if err := p.reply(n); err != nil {
			return err
		}
	}
	p.notices = append(p.notices, n)
	return nil
}

// AnswerNotices makes the postbox ask fn before it takes a notice.
func (p *Postbox) AnswerNotices(fn func(*models.Notice) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reply = fn
}

// Notices are those that it took.
func (p *Postbox) Notices() []*models.Notice {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*models.Notice(nil), p.notices...)
}

// MailLink is of models.Post.
func (p *Postbox) MailLink(_ context.Context, m *models.LinkMail) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.accept != nil {
		if err := p.accept(m); err != nil {
			return err
		}
	}
	p.links = append(p.links, m)
	return nil
}

// AnswerLinks makes the postbox ask fn before it takes a link.
func (p *Postbox) AnswerLinks(fn func(*models.LinkMail) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accept = fn
}

// Links are those that it took.
func (p *Postbox) Links() []*models.LinkMail {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*models.LinkMail(nil), p.links...)
}
