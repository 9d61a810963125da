package models

import (
	"encoding/json"
	"fmt"
	"math"

	"example.org/mandat/models/history"
)

// Events are written in hash chains: package history says how one is computed.
// That of a service is serialised by the lock on its row, which every verb takes
// first. That of the system has a row of its own to lock, which a transaction
// takes last, when nothing but its commit is left to do: it is held for one
// insertion and one write of the disk, and nobody who has it waits for anything.

// lastEvent is where the history of a service ends.
type lastEvent struct {
	LastEvent *int64 // its number; nil: it has none
	LastHash  []byte // nil: not chained yet, since the version before wrote it
	NextEvent int64  // the first of a block of ids; 0: none was drawn
}

const lastEventSQL = `(SELECT max(e.number) FROM events e WHERE e.service_id = s.id) AS last_event,
 (SELECT e.hash FROM events e WHERE e.service_id = s.id ORDER BY e.number DESC LIMIT 1) AS last_hash`

// What a verb asks of a service that it has locked: also where its history ends,
// and the ids of the events that it is going to write. On SQLite the one writer
// counts for itself.
var (
	enterPostgres = accessColumns + ", " + lastEventSQL + ", nextval('events_id_seq') AS next_event" + accessTables + " WHERE s.id = @id"
	enterSQLite   = accessColumns + ", " + lastEventSQL + accessTables + " WHERE s.id = @id"
)

func (tx *Tx) enterSQL() string {
	if tx.conn == nil {
		return enterSQLite
	}
	return enterPostgres
}

// chainEnd is the newest event of a chain in this transaction.
type chainEnd struct {
	history.Head
	behind bool // there are events without a hash: see Store.ChainHistory
}

// locked notes where the history of a service ends whose row this transaction
// has locked, or made.
func (tx *Tx) locked(service int64, last lastEvent) {
	end := &chainEnd{}
	if last.LastEvent != nil {
		end.Number, end.behind = *last.LastEvent, last.LastHash == nil
		copy(end.Hash[:], last.LastHash)
	}
	tx.ends[service] = end
	tx.drawn(last.NextEvent)
}

// eventBatch keeps a statement below the parameter limits of both databases. It
// is also how many ids of events are drawn at once on PostgreSQL: the sequence
// goes in such steps, so that no change asks for them apart, however many it
// writes. See 00010_history.sql.
const eventBatch = 1000

// idBlock is ids of events that nobody else has: next and those after it.
type idBlock struct {
	next int64
	left int
}

// drawn notes a block of ids; what was drawn before is given up, so that the
// events of a service have their ids in the order of their numbers.
func (tx *Tx) drawn(first int64) {
	if first != 0 {
		tx.ids = []idBlock{{first, eventBatch}}
	}
}

// reserveIDs sees that there are ids for n events.
func (tx *Tx) reserveIDs(n int) error {
	for _, b := range tx.ids {
		n -= b.left
	}
	if n <= 0 {
		return nil
	}
	if tx.conn == nil { // the only writer: whatever follows is free
		var last int64
		err := tx.scan(&last, "SELECT COALESCE(max(id), 0) FROM events")
		tx.ids = []idBlock{{last + 1, math.MaxInt}}
		return err
	}
	var blocks []int64
	err := tx.scan(&blocks, "SELECT nextval('events_id_seq') FROM generate_series(1, ?)", (n+eventBatch-1)/eventBatch)
	for _, first := range blocks {
		tx.ids = append(tx.ids, idBlock{first, eventBatch})
	}
	return err
}

// nextID is one of those reserved.
func (tx *Tx) nextID() int64 {
	for tx.ids[0].left == 0 {
		tx.ids = tx.ids[1:]
	}
	b := &tx.ids[0]
	b.next, b.left = b.next+1, b.left-1
	return b.next - 1
}

// record writes events of this transaction. Events of a service need its row
// locked by enter, which also read where its history ends; those of none are
// written when the transaction is at its end.
func (tx *Tx) record(events ...Event) error {
	var now []Event
	for _, e := range events {
		tx.tellSupport(&e)
		if e.ActorID == 0 {
			e.ActorID = tx.by.Customer
		}
		if e.AgentID = tx.by.Agent; e.byTime {
			e.ActorID, e.AgentID = 0, 0
		}
		if e.ServiceID == 0 {
			tx.system = append(tx.system, e)
		} else {
			now = append(now, e)
		}
	}
	return tx.recordAll(now)
}

// recordSystem writes the events of no service. It is the last thing that a
// transaction does: whoever comes next waits for its commit.
func (tx *Tx) recordSystem() error {
	if len(tx.system) == 0 {
		return nil
	}
	end, err := tx.lockSystem()
	if err != nil {
		return err
	}
	tx.ends[0] = &chainEnd{Head: end}
	return tx.recordAll(tx.system)
}

// lockSystem locks the chain of no service and answers its newest entry. Events
// that are not chained yet come behind it some time: see Store.ChainHistory.
func (tx *Tx) lockSystem() (end history.Head, err error) {
	const newest = "SELECT e.number, e.hash FROM events e WHERE e.service_id IS NULL AND e.number IS NOT NULL ORDER BY e.number DESC LIMIT 1"
	var last struct {
		Number    *int64
		Hash      []byte
		NextEvent int64
	}
	if tx.conn == nil {
		err = tx.scan(&last, newest)
	} else {
		err = tx.scan(&last, "SELECT * FROM lock_system_chain()")
	}
	if last.Number != nil {
		end.Number = *last.Number
		copy(end.Hash[:], last.Hash)
	}
	tx.drawn(last.NextEvent)
	return end, err
}

func (tx *Tx) recordAll(events []Event) error {
	if err := tx.reserveIDs(len(events)); err != nil {
		return err
	}
	for len(events) > 0 {
		n := min(len(events), eventBatch)
		if err := tx.recordBatch(events[:n]); err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

func (tx *Tx) recordBatch(events []Event) error {
	const columns = "id, service_id, number, at, kind, class, owner_id, actor_id, agent_id, subject_id, account_id, grant_id, object, detail, hash"
	args := make([]any, 0, 15*len(events))
	for _, e := range events {
		end, locked := tx.ends[e.ServiceID]
		if !locked {
			return fmt.Errorf("models: event %s of a service that is not locked", e.Kind)
		}
		if end.behind {
			head, err := tx.chainService(e.ServiceID)
			if err != nil {
				return err
			}
			end.Head, end.behind = head, false
		}
		detail, err := e.Detail.canonical()
		if err != nil {
			return err
		}
		entry := history.Entry{
			Service: e.ServiceID, ID: tx.nextID(), At: history.Time(tx.now), Kind: e.Kind, Class: string(e.Class), Owner: e.OwnerID, Actor: e.ActorID,
			Agent: e.AgentID, Subject: e.SubjectID, Account: e.AccountID, Grant: e.GrantID, Object: e.Object, Detail: detail,
		}
		end.Head = end.Next(&entry)
		args = append(args, entry.ID, orNull(e.ServiceID), entry.Number, tx.now, e.Kind, e.Class, orNull(e.OwnerID), orNull(e.ActorID),
			orNull(e.AgentID), orNull(e.SubjectID), orNull(e.AccountID), orNull(e.GrantID), e.Object, detail, entry.Hash[:])
	}
	overriding := ""
	if tx.conn != nil {
		overriding = " OVERRIDING SYSTEM VALUE"
	}
	return tx.exec("INSERT INTO events ("+columns+")"+overriding+" VALUES "+tuples(len(events), 15), args...)
}

// canonical is the detail as it is stored and hashed.
func (d Detail) canonical() (string, error) {
	if len(d) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(d)
	if err != nil {
		return "", err
	}
	return history.Canonical(text)
}
