package models

import (
	"context"
	"slices"
	"strings"
)

// MemberKind is what somebody is to a list.
type MemberKind string

// Subscribers receive what is sent to a list; moderators let it through.
const (
	Subscribers MemberKind = "subscribers"
	Moderators  MemberKind = "moderators"
)

// Bounds on what is asked of the members of a list.
const (
	MaxMemberLines  = 5000 // in one submission
	MaxModerators   = 50   // of one list
	MembersPageSize = 50
	addressesTold   = 100 // of one submission, by name, in the history
)

// table of the members of a kind. It is part of statements.
func (k MemberKind) table() string {
	if k == Moderators {
		return "list_moderators"
	}
	return "list_subscribers"
}

// most is how many members of a kind a list of this service may have.
func (k MemberKind) most(sv *Service) int {
	if k == Moderators {
		return MaxModerators
	}
	return sv.MaxSubscribers
}

// RefusedLine is a line that was not done, and why.
type RefusedLine struct {
	Line    string
	Message Message
}

// MemberResult is what became of lines that were sent: each is in one of these.
type MemberResult struct {
	Done    []string // added, or removed
	Same    []string // were there already, or were not there to be removed
	Doubles int      // lines that say again what an earlier one said
	Refused []RefusedLine
}

// memberLines are the addresses of lines, each once, in their order. A line has
// an address or "Name <address>"; an empty one is none.
func memberLines(lines []string) (addresses []string, r *MemberResult, err error) {
	r = &MemberResult{}
	seen := make(map[string]bool, len(lines))
	n := 0
	for _, line := range lines {
		line = strings.TrimSpace(legible(line))
		if line == "" {
			continue
		}
		if n++; n > MaxMemberLines {
			return nil, nil, invalid("members", "list.members.many", "Most", MaxMemberLines)
		}
		address, problem := parseMember(line)
		switch {
		case problem != nil:
			r.Refused = append(r.Refused, RefusedLine{line, *problem})
		case seen[address]:
			r.Doubles++
		default:
			seen[address] = true
			addresses = append(addresses, address)
		}
	}
	if n == 0 {
		return nil, nil, invalid("members", "list.members.none")
	}
	return addresses, r, nil
}

// parseMember reads an address as mail programs copy it: alone, within angle
// brackets, after a name, with what parts it from the next.
func parseMember(line string) (string, *Message) {
	line = strings.TrimRight(line, ",; \t")
	if inner, bracketed := strings.CutSuffix(line, ">"); bracketed {
		if at := strings.LastIndexByte(inner, '<'); at >= 0 {
			line = inner[at+1:]
		}
	}
	return ParseMailbox(line)
}

// refuse takes an address out of those to be added.
func (r *MemberResult) refuse(address, key string, args ...any) {
	r.Refused = append(r.Refused, RefusedLine{address, Message{Key: key, Args: args}})
}

// AddMembers adds subscribers or moderators to a list: one address a line, also
// as "Name <address>", at most MaxMemberLines. What cannot be added is in the
// result with its reason and hinders nothing else: what is no address, what
// would make the list a member of itself, also by way of other lists, and what
// is beyond the limit. Invalid for no lines at all, or too many.
func (s *Store) AddMembers(ctx context.Context, by Actor, domain, name string, k MemberKind, lines []string) (*MemberResult, error) {
	var result *MemberResult
	err := s.change(ctx, by, func(tx *Tx) error {
		a, list, err := tx.enterList(domain, name)
		if err != nil {
			return err
		}
		addresses, r, err := memberLines(lines)
		if err != nil {
			return err
		}
		result = r
		if err := tx.addMembers(&a.Service, list, k, addresses, r); err != nil || len(r.Done) == 0 {
			return err
		}
		return tx.record(a.listEvent(k.event("added"), list, Detail{string(k): {After: len(r.Done)}, "addresses": {After: someOf(r.Done, domain)}}))
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// addMembers adds addresses, each once, to a list whose service is locked, and
// says in r what became of each.
func (tx *Tx) addMembers(sv *Service, list *List, k MemberKind, addresses []string, r *MemberResult) error {
	there, circles, err := tx.foundMembers(list, k, addresses)
	if err != nil {
		return err
	}
	room := k.most(sv) - list.Members(k)
	for _, address := range addresses {
		switch {
		case there[address]:
			r.Same = append(r.Same, address)
		case address == list.Address:
			r.refuse(address, "list.itself", "Address", ReadableAddress(address))
		case circles[address]:
			r.refuse(address, "list.members.circle", "Address", ReadableAddress(address), "List", ReadableAddress(list.Address))
		case len(r.Done) >= room:
			r.refuse(address, "list."+string(k)+".limit", "Limit", k.most(sv))
		default:
			r.Done = append(r.Done, address)
		}
	}
	if len(r.Done) == 0 {
		return nil
	}
	err = tx.exec("INSERT INTO "+k.table()+" (list_id, email, added_at) SELECT l.id, w.email, "+tx.instant()+" FROM lists l, ("+tx.splitWords("?")+") AS w WHERE l.id = ?",
		tx.now, strings.Join(r.Done, " "), list.ID)
	if err != nil {
		return err
	}
	return tx.countSubscribers(list, k, len(r.Done))
}

// RemoveMembers takes subscribers or moderators off a list, given as to AddMembers.
func (s *Store) RemoveMembers(ctx context.Context, by Actor, domain, name string, k MemberKind, lines []string) (*MemberResult, error) {
	var result *MemberResult
	err := s.change(ctx, by, func(tx *Tx) error {
		a, list, err := tx.enterList(domain, name)
		if err != nil {
			return err
		}
		addresses, r, err := memberLines(lines)
		if err != nil {
			return err
		}
		result = r
		if err := tx.removeMembers(list, k, addresses, r); err != nil || len(r.Done) == 0 {
			return err
		}
		return tx.record(a.listEvent(k.event("removed"), list, Detail{string(k): {Before: len(r.Done)}, "addresses": {Before: someOf(r.Done, domain)}}))
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// removeMembers takes addresses, each once, off a list whose service is locked,
// and says in r which were on it.
func (tx *Tx) removeMembers(list *List, k MemberKind, addresses []string, r *MemberResult) error {
	var gone []string
	err := tx.scan(&gone, "DELETE FROM "+k.table()+" WHERE list_id = ? AND email IN (SELECT w.email FROM ("+tx.splitWords("?")+") AS w) RETURNING email",
		list.ID, strings.Join(addresses, " "))
	if err != nil {
		return err
	}
	was := make(map[string]bool, len(gone))
	for _, address := range gone {
		was[address] = true
	}
	for _, address := range addresses {
		if was[address] {
			r.Done = append(r.Done, address)
		} else {
			r.Same = append(r.Same, address)
		}
	}
	if len(r.Done) == 0 {
		return nil
	}
	return tx.countSubscribers(list, k, -len(r.Done))
}

// event is the kind of event when members of a kind were added or removed.
func (k MemberKind) event(done string) string {
	if k == Moderators {
		return "list.moderators_" + done
	}
	return "list.members_" + done
}

// someOf are the first addresses, for the history: those outside of the service
// before others, since they are what its owner looks for there.
func someOf(addresses []string, domain string) string {
	addresses = slices.Clone(addresses)
	slices.SortStableFunc(addresses, func(x, y string) int {
		within := map[bool]int{true: -1, false: 1}
		return within[Outside(x, domain)] - within[Outside(y, domain)]
	})
	if len(addresses) > addressesTold {
		return strings.Join(addresses[:addressesTold], ", ") + ", …"
	}
	return strings.Join(addresses, ", ")
}

// countSubscribers keeps the number of subscribers beside their list.
func (tx *Tx) countSubscribers(list *List, k MemberKind, more int) error {
	if k == Moderators {
		return nil
	}
	return tx.exec("UPDATE lists SET subscriber_count = subscriber_count + ? WHERE id = ?", more, list.ID)
}

// foundMembers says which of the addresses are members already, and which are
// lists whose mail comes back to this one sooner or later.
func (tx *Tx) foundMembers(list *List, k MemberKind, addresses []string) (there, circles map[string]bool, err error) {
	var found []struct {
		Email string
		There bool
	}
	err = tx.scan(&found, `WITH RECURSIVE w AS (`+tx.splitWords("@words")+`), leads(root, address) AS (
		SELECT l.address, l.address FROM w JOIN lists l ON l.address = w.email
		UNION SELECT d.root, x.address FROM leads d JOIN lists l ON l.address = d.address JOIN list_subscribers m ON m.list_id = l.id JOIN lists x ON x.address = m.email)
		SELECT m.email, true AS there FROM w JOIN `+k.table()+` m ON m.list_id = @list AND m.email = w.email
		UNION ALL SELECT d.root, false FROM leads d WHERE d.address = @own AND @circles`,
		map[string]any{"words": strings.Join(addresses, " "), "list": list.ID, "own": list.Address, "circles": k == Subscribers})
	there, circles = make(map[string]bool, len(found)), map[string]bool{}
	for _, f := range found {
		if f.There {
			there[f.Email] = true
		} else {
			circles[f.Email] = true
		}
	}
	return there, circles, err
}

// splitWords is a SELECT of the words of a text, as email: one parameter and one
// statement for any number of addresses, none of which has a space, a quote or
// a backslash.
func (tx *Tx) splitWords(parameter string) string {
	if tx.conn == nil {
		return `SELECT value AS email FROM json_each('["' || replace(` + parameter + `, ' ', '","') || '"]')`
	}
	return `SELECT email COLLATE "C" AS email FROM unnest(string_to_array(CAST(` + parameter + ` AS text), ' ')) AS email`
}

// instant is a parameter that is a time, where a statement does not tell by itself.
func (tx *Tx) instant() string {
	if tx.conn == nil {
		return "?"
	}
	return "CAST(? AS timestamptz)"
}
