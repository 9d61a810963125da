package main

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"
)

// forward is a redirection with one of its targets outside.
type forward struct {
	base   string // its address, or the postmaster's of a catch-all
	target string
}

// readForward finds a redirection's target; nil when there is none any more.
func readForward(ctx context.Context, q querier, redirection int64, digest string) (*forward, error) {
	f := &forward{}
	found, err := one(ctx, q, []any{&f.base, &f.target}, "SELECT f.address, f.target FROM mlist.forwards f WHERE f.redirection_id = $1 AND f.digest = $2", redirection, digest)
	if !found {
		return nil, err
	}
	if strings.HasPrefix(f.base, "@") {
		f.base = "postmaster" + f.base
	}
	return f, nil
}

// forward takes a message that leaves the installation. It goes out under a
// sender of the redirection's, since the next server asks whether we may send
// for the domain (SPF, RFC 7208); what comes back is sent on to its author.
func (s *service) forward(ctx context.Context, f *forward, m *letter) error {
	return s.passOn(ctx, f.base, f.target, m)
}

// toOwner sends what was written to list+owner@ to who answers for the list.
func (s *service) toOwner(ctx context.Context, l *list, m *letter) error {
	return s.passOn(ctx, sub(l.address, forOwner, ""), l.owner, m)
}

func (s *service) passOn(ctx context.Context, base, to string, m *letter) error {
	if m.header.loops(base) {
		return errLoop
	}
	if err := s.roomToSend(ctx, false); err != nil {
		return err
	}
	row := &stored{
		base: base, sender: m.sender, author: m.header.readable("from"), subject: m.header.readable("subject"),
		content: m.content, state: stateSending, token: newToken(), digest: digestOf(m, base+" "+to),
	}
	return s.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		id, err := insert(ctx, tx, row)
		if err != nil || id == 0 {
			return err
		}
		return deliver(ctx, tx, id, []string{to})
	})
}
