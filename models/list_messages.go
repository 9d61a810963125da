package models

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// MessageState is how far a message to a list has come.
type MessageState string

// One that a moderator must decide about is held until it is approved, rejected,
// discarded, or has waited for too long. What is approved goes out: see the list service,
// which does all of it but the deciding.
const (
	MessageHeld      MessageState = "held"
	MessageApproved  MessageState = "approved"
	MessageRejected  MessageState = "rejected"
	MessageDiscarded MessageState = "discarded"
	MessageExpired   MessageState = "expired"
	MessageSending   MessageState = "sending"
	MessageSent      MessageState = "sent"
)

// Bounds on what is shown and told of messages.
const (
	MessagesPageSize   = 20
	MaxRejectionReason = 500      // characters
	beginningOf        = 32 << 10 // octets of a held message, from which its first lines are read
	toldOfMessage      = 200      // characters of its author, and of its subject
)

// ListMessage is a message that was written to a list. Author and subject are
// what a stranger wrote, without what would change how the page around them reads.
type ListMessage struct {
	ID         int64
	Author     string
	Subject    string
	SizeBytes  int64
	State      MessageState
	Reason     string // that its author was given
	SettledBy  string // an identifier, or the address of a moderator
	ReceivedAt time.Time
	SettledAt  *time.Time
	Excerpt    string `gorm:"-"` // of a held one: the first lines of its text

	// Its recipients, once it goes out.
	Sent, Waiting, Failed int

	Beginning []byte
}

// Undecided says that the message waits for a moderator.
func (m *ListMessage) Undecided() bool { return m.State == MessageHeld }

// Decided is the refusal to decide about a message once more: it went another
// way meanwhile, by whom is said where a person did it. It is an [ErrConflict].
type Decided struct {
	State MessageState
	By    string
}

func (d Decided) Error() string { return fmt.Sprintf("the message is %s", d.State) }

// Is makes a Decided an ErrConflict.
func (d Decided) Is(target error) bool { return target == ErrConflict }

const messageColumns = "m.id, m.author, m.subject, m.size_bytes, m.state, m.reason, m.settled_by, m.received_at, m.settled_at"

// MessagesQuery is a page of the messages of a list.
type MessagesQuery struct {
	Before int64 // decided ones older than this id; 0 begins with those that are held
}

// MessagePage is the messages of a list: those that are held, the oldest first,
// and a page of the others, the newest first.
type MessagePage struct {
	Access *Access
	List   *List
	Held   []ListMessage
	Items  []ListMessage
	Older  int64 // the cursor of the next page, 0 where there is none

	Withheld bool // the texts of those that are held: support reads no mail (R36)
}

// Messages reads a list and a page of its messages, as by reaches them: the
// errors are those of List. Pages after the first have none that are held. An
// agent is not shown what they say.
func (s *Store) Messages(ctx context.Context, by Actor, domain, name string, q MessagesQuery) (*MessagePage, error) {
	p := &MessagePage{}
	var err error
	if p.Access, p.List, err = s.List(ctx, by, domain, name); err != nil {
		return nil, err
	}
	db := s.db.WithContext(ctx)
	p.Withheld = by.assists()
	if q.Before == 0 && p.List.HeldCount > 0 {
		beginning := beginningOf
		if p.Withheld {
			beginning = 0
		}
		err = db.Raw("SELECT "+messageColumns+", substr(m.content, 1, ?) AS beginning FROM list_messages m WHERE m.list_id = ? AND m.state = 'held' ORDER BY m.id LIMIT ?",
			beginning, p.List.ID, MessagesPageSize).Scan(&p.Held).Error
		if err != nil {
			return nil, err
		}
	}
	recipients := func(states string) string {
		return "(SELECT count(*) FROM list_deliveries d WHERE d.message_id = m.id AND d.state IN (" + states + "))"
	}
	older, args := "", []any{p.List.ID}
	if q.Before > 0 {
		older, args = " AND m.id < ?", append(args, q.Before)
	}
	err = db.Raw("SELECT "+messageColumns+", "+recipients("'sent'")+" AS sent, "+recipients("'waiting'")+" AS waiting, "+recipients("'failed', 'bounced'")+" AS failed"+
		" FROM list_messages m WHERE m.list_id = ? AND m.state <> 'held'"+older+" ORDER BY m.id DESC LIMIT ?", append(args, MessagesPageSize+1)...).Scan(&p.Items).Error
	if err != nil {
		return nil, err
	}
	if len(p.Items) > MessagesPageSize {
		p.Items = p.Items[:MessagesPageSize]
		p.Older = p.Items[MessagesPageSize-1].ID
	}
	for _, list := range [][]ListMessage{p.Held, p.Items} {
		for i := range list {
			list[i].tidy()
		}
	}
	return p, nil
}

// tidy makes what a stranger wrote fit to be shown within a page.
func (m *ListMessage) tidy() {
	m.Author, m.Subject = inLine(m.Author), inLine(m.Subject)
	if m.Undecided() {
		m.Excerpt = excerpt(m.Beginning)
	}
	m.Beginning = nil
}

// inLine is the beginning of a text that a stranger wrote, in one line.
func inLine(text string) string {
	text = oneLine(plain(text))
	if short := shorten(text, toldOfMessage); short != text {
		return short + "…"
	}
	return text
}

// ApproveMessage lets a held message through to the subscribers, for good: what
// the list service sends cannot be called back. Decided when it is not held any more.
func (s *Store) ApproveMessage(ctx context.Context, by Actor, domain, name string, id int64) error {
	return s.decideMessage(ctx, by, domain, name, id, decision{state: MessageApproved})
}

// RejectMessage turns a held message away, for good: the list service tells its
// author, with the reason, if one is given. Invalid for a reason that is too
// long, Decided when the message is not held any more.
func (s *Store) RejectMessage(ctx context.Context, by Actor, domain, name string, id int64, reason string) error {
	return s.decideMessage(ctx, by, domain, name, id, decision{state: MessageRejected, reason: strings.TrimSpace(legible(reason))})
}

// DiscardMessage removes a held message, for good, and tells its author nothing:
// a letter about spam reaches whoever its sender's name was stolen from. Decided
// when the message is not held any more.
func (s *Store) DiscardMessage(ctx context.Context, by Actor, domain, name string, id int64) error {
	return s.decideMessage(ctx, by, domain, name, id, decision{state: MessageDiscarded})
}

// RejectMessages turns away all messages of a list that are held, up to the
// newest that was shown: one that came since is kept. It says how many they
// were, and is Invalid when they are none any more.
func (s *Store) RejectMessages(ctx context.Context, by Actor, domain, name string, newest int64) (int, error) {
	return s.decideMessages(ctx, by, domain, name, newest, decision{state: MessageRejected})
}

// DiscardMessages removes as many, and tells nobody.
func (s *Store) DiscardMessages(ctx context.Context, by Actor, domain, name string, newest int64) (int, error) {
	return s.decideMessages(ctx, by, domain, name, newest, decision{state: MessageDiscarded})
}

// decision is what becomes of a held message.
type decision struct {
	state     MessageState // MessageApproved, MessageRejected or MessageDiscarded
	reason    string
	moderator string // an address, when it was made by mail; else the actor made it
}

// event is the kind of what the history tells of a decision.
func (d decision) event() string { return "list.message_" + string(d.state) }

// decideMessage makes a decision about one held message.
func (s *Store) decideMessage(ctx context.Context, by Actor, domain, name string, id int64, d decision) error {
	return s.change(ctx, by, func(tx *Tx) error {
		a, list, err := tx.enterList(domain, name)
		if err != nil {
			return err
		}
		if utf8.RuneCountInString(d.reason) > MaxRejectionReason {
			return invalid("reason", "list.messages.reason.long", "Most", MaxRejectionReason)
		}
		e, err := tx.decide(a, list, id, d)
		if err != nil {
			return err
		}
		return tx.record(e)
	})
}

// decideMessages makes a decision about all that are held, up to the newest.
func (s *Store) decideMessages(ctx context.Context, by Actor, domain, name string, newest int64, d decision) (n int, err error) {
	err = s.change(ctx, by, func(tx *Tx) error {
		a, list, err := tx.enterList(domain, name)
		if err != nil {
			return err
		}
		messages, err := tx.settle(list, d, "id <= ?", newest)
		if err != nil {
			return err
		}
		if n = len(messages); n == 0 {
			return invalid("", "list.messages.already.all")
		}
		events := make([]Event, n)
		for i := range messages {
			events[i] = a.listEvent(d.event(), list, messages[i].told())
		}
		return tx.record(events...)
	})
	return n, err
}

// decide makes a decision about a held message of a list whose service is
// locked, and gives the event to be recorded.
func (tx *Tx) decide(a *Access, list *List, id int64, d decision) (Event, error) {
	messages, err := tx.settle(list, d, "id = ?", id)
	if err != nil {
		return Event{}, err
	}
	if len(messages) == 0 {
		return Event{}, tx.decided(list, id)
	}
	detail := messages[0].told()
	if d.reason != "" {
		detail["reason"] = Change{After: d.reason}
	}
	if d.moderator != "" {
		detail["moderator"] = Change{After: d.moderator}
	}
	e := a.listEvent(d.event(), list, detail)
	e.byTime = d.moderator != ""
	return e, nil
}

// settle makes a decision about the held messages of a list that match, and
// gives what is told of them. Nothing more is done with those that are discarded.
func (tx *Tx) settle(list *List, d decision, which string, id int64) (messages []ListMessage, err error) {
	set := "state = ?, reason = ?, settled_at = ?"
	var settledAt any // what is let through is still to be sent
	if d.state != MessageApproved {
		settledAt = tx.now
	}
	if d.state == MessageDiscarded {
		set += ", content = ''"
	}
	err = tx.scan(&messages, `UPDATE list_messages SET `+set+`, settled_by = COALESCE((SELECT c.identifier FROM customers c WHERE c.id = ?), ?)
		WHERE list_id = ? AND state = 'held' AND `+which+" RETURNING id, author, subject", d.state, d.reason, settledAt, tx.by.Customer, d.moderator, list.ID, id)
	return messages, err
}

// told is what the history says of a message.
func (m *ListMessage) told() Detail {
	return Detail{"author": {After: inLine(m.Author)}, "subject": {After: inLine(m.Subject)}}
}

// decided says why a message is not to be decided about.
func (tx *Tx) decided(list *List, id int64) error {
	var m ListMessage
	if err := tx.scan(&m, "SELECT m.id, m.state, m.settled_by FROM list_messages m WHERE m.id = ? AND m.list_id = ?", id, list.ID); err != nil {
		return err
	}
	if m.ID == 0 {
		return ErrNotFound
	}
	return Decided{State: m.State, By: m.SettledBy}
}
