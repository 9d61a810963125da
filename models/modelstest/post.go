package modelstest

import (
	"context"
	"sync"

	"example.org/mandat/models"
)

// Postbox is where the mail of a world ends, to be looked at.
type Postbox struct {
	mu     sync.Mutex
	mails  []*models.MemberMail
	answer func(*models.MemberMail) error
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
