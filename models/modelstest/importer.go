package modelstest

import (
	"context"
	"sync"

	"example.org/mandat/mail/imap"
	"example.org/mandat/models"
)

// Secret is with what the store of a World keeps passwords of other servers.
var Secret = []byte("0123456789abcdef0123456789abcdef")

// Importer reaches what a test lets it reach; at first it takes any server for
// one that might be there, and finds none.
type Importer struct {
	mu sync.Mutex
	to models.Importer
}

// Reach lets imports reach other servers.
func (i *Importer) Reach(to models.Importer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.to = to
}

func (i *Importer) reached() models.Importer {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.to
}

// Check is of models.Importer.
func (i *Importer) Check(s imap.Server) (imap.Server, error) {
	if to := i.reached(); to != nil {
		return to.Check(s)
	}
	return s, nil
}

// Source is of models.Importer.
func (i *Importer) Source(ctx context.Context, s imap.Server, username, password string) (imap.Session, error) {
	if to := i.reached(); to != nil {
		return to.Source(ctx, s, username, password)
	}
	return nil, imap.ErrUnknown
}

// Destination is of models.Importer.
func (i *Importer) Destination(ctx context.Context, address string) (imap.Destination, error) {
	if to := i.reached(); to != nil {
		return to.Destination(ctx, address)
	}
	return nil, imap.ErrUnknown
}
