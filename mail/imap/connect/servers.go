package connect

import (
	"context"

	"example.org/mandat/mail/imap"
)

// Servers are both sides of a copy: any server that the policy allows, and the
// operator's own.
type Servers struct {
	Policy Policy
	Own    *Own
}

// Check is Policy.CheckServer.
func (s Servers) Check(server imap.Server) (imap.Server, error) { return s.Policy.CheckServer(server) }

// Source signs in to an account of a server that somebody named. See Policy.Open.
func (s Servers) Source(ctx context.Context, server imap.Server, username, password string) (imap.Session, error) {
	return s.Policy.Open(ctx, server, username, password)
}

// Destination signs in to the mailbox of an address on the own server.
func (s Servers) Destination(ctx context.Context, address string) (imap.Destination, error) {
	return s.Own.Open(ctx, address)
}
