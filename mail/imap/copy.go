package imap

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
)

// State is how far the copy of a folder has come. The zero State has not begun.
type State struct {
	Validity uint32 // of the folder at the source
	Last     uint32 // up to this UID each message is settled
	Until    uint32 // the part that is being copied ends here

	TargetValidity uint32
	TargetFirst    uint32 // what has a lower UID was at the destination before
	TargetNext     uint32 // what has a lower UID is none of the part that is being copied
}

// A Step is what became of a part of a folder.
type Step struct {
	State
	Copied  int
	Present int // they were there before
	Skipped []Skip
	Matches []uint32 // UIDs at the destination of those that were there
	Left    int      // messages that are still to be settled
}

// Skip is a message that is not copied.
type Skip struct {
	Message
	Reason SkipReason
}

// SkipReason says why a message is not copied.
type SkipReason string

// A message is too large for us, or unwanted by the destination.
const (
	TooLarge SkipReason = "large"
	Unwanted SkipReason = "unwanted"
)

// Ledger keeps the state of the copy of one folder. An error of its methods ends
// the copy, and is what Copy returns.
type Ledger interface {
	// Begin notes where the copy begins; what was noted of this folder before is void.
	Begin(ctx context.Context, s State) error
	// Matched lists the UIDs at the destination that earlier steps matched.
	Matched(ctx context.Context) ([]uint32, error)
	// Settle notes a step, and before the first one what is to be done.
	Settle(ctx context.Context, s Step) error
}

// How much is settled at once.
const (
	partMessages = 100
	partBytes    = 8_000_000
)

// Copy copies the messages of a folder of the source that are not settled yet
// into a folder of the destination, with their flags and dates. It may be ended
// at any moment, also by the end of the process, and goes on from what the
// ledger has. A message that is gone from the source before its turn is none.
func Copy(ctx context.Context, from Session, to Destination, folder, target string, s State, ledger Ledger) error {
	c := &copying{from: from, to: to, target: target, state: s, ledger: ledger}
	source, err := from.Open(ctx, folder)
	if err != nil {
		return err
	}
	if err := to.Make(ctx, target); err != nil {
		return err
	}
	there, err := to.Open(ctx, target)
	if err != nil {
		return err
	}
	if source.Messages > MaxFolderMessages || there.Messages > MaxFolderMessages {
		return ErrCrowded
	}
	if s.Validity == 0 || s.Validity != source.Validity || s.TargetValidity != there.Validity {
		c.state = State{Validity: source.Validity, TargetValidity: there.Validity, TargetFirst: there.Next, TargetNext: there.Next}
		if err := ledger.Begin(ctx, c.state); err != nil {
			return err
		}
	}
	if err := c.list(ctx); err != nil {
		return err
	}
	if err := c.fill(ctx, there); err != nil {
		return err
	}
	return c.run(ctx)
}

type copying struct {
	from   Session
	to     Destination
	target string
	state  State
	ledger Ledger
	left   []Message // in the order of their UIDs
	pool   pool
}

// list reads what is still to be copied.
func (c *copying) list(ctx context.Context) error {
	seen := map[uint32]bool{}
	err := c.from.List(ctx, c.state.Last+1, 0, false, func(m Message) error {
		switch {
		case m.UID <= c.state.Last || seen[m.UID]: // "n:*" always has the last message
			return nil
		case len(c.left) >= MaxFolderMessages:
			return ErrCrowded
		}
		seen[m.UID] = true
		c.left = append(c.left, m)
		return nil
	})
	slices.SortFunc(c.left, func(a, b Message) int { return cmp.Compare(a.UID, b.UID) })
	return err
}

// fill reads what the messages of the source may be already: what was there
// before, and what an earlier run stored without having noted it.
func (c *copying) fill(ctx context.Context, there Mailbox) error {
	c.pool = pool{by: map[poolKey][]pooled{}, late: c.state.TargetNext}
	if there.Messages == 0 {
		return nil
	}
	add := func(m Message) error {
		if len(c.pool.by) >= MaxFolderMessages {
			return ErrCrowded
		}
		c.pool.add(m)
		return nil
	}
	if c.state.TargetFirst > 1 {
		uids, err := c.ledger.Matched(ctx)
		if err != nil {
			return err
		}
		matched := make(map[uint32]bool, len(uids))
		for _, uid := range uids {
			matched[uid] = true
		}
		err = c.to.List(ctx, 1, c.state.TargetFirst-1, true, func(m Message) error {
			if m.UID >= c.state.TargetFirst || matched[m.UID] {
				return nil
			}
			return add(m)
		})
		if err != nil {
			return err
		}
	}
	if there.Next <= c.state.TargetNext {
		return nil
	}
	return c.to.List(ctx, c.state.TargetNext, 0, true, func(m Message) error {
		if m.UID < c.state.TargetNext {
			return nil
		}
		return add(m)
	})
}

// part takes the next messages to be settled. The first one after an end is the
// very part that was being copied.
func (c *copying) part() []Message {
	n, size := 0, int64(0)
	if c.state.Until > c.state.Last {
		for n < len(c.left) && c.left[n].UID <= c.state.Until {
			n++
		}
	}
	for begun := n > 0; !begun && n < len(c.left) && n < partMessages && (n == 0 || size+c.left[n].Size <= partBytes); n++ {
		size += c.left[n].Size
	}
	part := c.left[:n]
	c.left = c.left[n:]
	return part
}

// run settles part after part. What a part is, is noted before any of it is stored.
func (c *copying) run(ctx context.Context) error {
	part := c.part()
	step := Step{State: c.state, Left: len(part) + len(c.left)}
	for {
		if len(part) > 0 {
			step.Until = max(step.Until, part[len(part)-1].UID)
		}
		c.state = step.State
		if err := c.ledger.Settle(ctx, step); err != nil || len(part) == 0 {
			return err
		}
		var err error
		if step, err = c.settle(ctx, part); err != nil {
			return err
		}
		c.state = step.State
		part = c.part()
	}
}

// settle copies the messages of a part that are not there yet.
func (c *copying) settle(ctx context.Context, part []Message) (Step, error) {
	step := Step{State: c.state, Left: len(c.left)}
	step.Last, step.Until = c.state.Until, c.state.Until
	if err := c.identify(ctx, part); err != nil {
		return step, err
	}
	wanted := map[uint32]Message{}
	var uids []uint32
	for _, m := range part {
		if m.Size > MaxMessage {
			step.Skipped = append(step.Skipped, Skip{m, TooLarge})
		} else if !c.match(&step, m, m.Size) {
			wanted[m.UID] = m
			uids = append(uids, m.UID)
		}
	}
	if len(uids) > 0 {
		err := c.from.Bodies(ctx, uids, func(uid uint32, size int64, body io.Reader) error {
			m, asked := wanted[uid]
			if !asked {
				return nil
			}
			delete(wanted, uid)
			return c.store(ctx, &step, m, size, body)
		})
		if err != nil {
			return step, err
		}
	}
	var err error
	step.TargetNext, err = c.to.Next(ctx, c.target)
	c.pool.late = step.TargetNext
	return step, err
}

// identify completes the messages of a part, when there is anything that they might be.
func (c *copying) identify(ctx context.Context, part []Message) error {
	if c.pool.empty() {
		return nil
	}
	at := make(map[uint32]int, len(part))
	for i, m := range part {
		at[m.UID] = i
	}
	return c.from.List(ctx, part[0].UID, part[len(part)-1].UID, true, func(m Message) error {
		if i, asked := at[m.UID]; asked {
			part[i].Identity = m.Identity
		}
		return nil
	})
}

// match says whether the destination has a message already, and notes which it is.
func (c *copying) match(step *Step, m Message, size int64) bool {
	if m.Identity == "" {
		return false
	}
	uid, found := c.pool.take(m, size)
	switch {
	case !found:
		return false
	case uid >= c.pool.late: // it was we who stored it
		step.Copied++
	default:
		step.Present++
		step.Matches = append(step.Matches, uid)
	}
	return true
}

// store stores a message whose content is at hand. Its true size is known only
// now: a server that was mistaken about it had us take it for another.
func (c *copying) store(ctx context.Context, step *Step, m Message, size int64, body io.Reader) error {
	if size > MaxMessage {
		m.Size = size
		step.Skipped = append(step.Skipped, Skip{m, TooLarge})
		return nil
	}
	if size != m.Size && m.Identity != "" && c.pool.knows(m) && c.match(step, m, size) {
		return nil
	}
	m.Flags = Keywords(m.Flags)
	err := c.to.Append(ctx, c.target, m, size, body)
	if errors.Is(err, ErrUnwanted) {
		step.Skipped = append(step.Skipped, Skip{m, Unwanted})
		return nil
	}
	if err == nil {
		step.Copied++
	}
	return err
}
