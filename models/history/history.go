// Package history makes a history tamper-evident: every entry carries a hash over
// itself and the entry before, and signed checkpoints of the newest hashes are
// kept where whoever can change the history cannot reach them. It knows neither
// the database nor the nouns.
//
// # The chains
//
// There is one chain for each service, named by the service's number, and one,
// named 0, for whatever belongs to no service. The entries of a chain are
// numbered from 1 without gaps. With ‖ for one after the other,
//
//	hash(0) = 32 octets of zero
//	hash(n) = SHA-256(hash(n-1) ‖ text(n))
//	text(n) = "mandat history 1\n" ‖ column ‖ column ‖ …
//	column  = length of the value in octets, in decimal ‖ ":" ‖ value ‖ ","
//
// The columns are, in this order: service, number, id, at, kind, class, owner,
// actor, agent, subject, account, grant, object, detail. Numbers are in decimal
// without leading zeros, 0 for none; at is UTC with six decimals, as in
// 2026-01-31T08:00:00.000000Z; texts are UTF-8. detail is JSON without white
// space whose members are sorted by the octets of their names ([Canonical]).
//
// # An export
//
// An export has one line of JSON for each entry: an object whose members are the
// columns in that order, and hash in hexadecimal. detail is a string, so that
// nobody has to make JSON canonical to check a hash. The entries of a chain
// follow one another in the order of their numbers. Whoever has one checks it
// with this much Python, which a test runs:
//
//	import hashlib, json, sys
//	heads = {}
//	for line in open(sys.argv[1], "rb"):
//	    entry = json.loads(line)
//	    said = entry.pop("hash")
//	    number, before = heads.get(entry["service"], (0, bytes(32)))
//	    text = b"mandat history 1\n"
//	    for value in entry.values():
//	        value = str(value).encode()
//	        text += b"%d:%s," % (len(value), value)
//	    found = hashlib.sha256(before + text).digest()
//	    if entry["number"] != number + 1 or found.hex() != said:
//	        sys.exit("broken: service %(service)d, entry %(number)d" % entry)
//	    heads[entry["service"]] = entry["number"], found
//
// # Checkpoints
//
// Who can write the database can compute every hash anew, and can cut the end of
// a chain off. Both show against a checkpoint: a list of the newest number and
// hash of every chain, whose Merkle tree head is signed. See checkpoint.go.
//
// # Why a signed tree head and the list beside it
//
// A signed note (golang.org/x/mod/sumdb/note) holds a megabyte at most, which
// the list of ten thousand services passes; the tree's head is 32 octets. The
// list stays in the same file: with it a checkpoint says which chain was
// altered and from where on, by itself, without a table in the very database
// that is in doubt. And the note alone, which names no service, is small enough
// to be printed, mailed or given to a stranger; any line of the list can later
// be shown to belong to it (RFC 6962).
package history

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

// Hash is of one entry and, by the hash before, of all entries before it.
type Hash [sha256.Size]byte

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes it in hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads what MarshalText writes.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return fmt.Errorf("a hash has %d hexadecimal digits", hex.EncodedLen(len(h)))
	}
	_, err := hex.Decode(h[:], text)
	return err
}

// Entry is one entry of a chain. Numbers are 0 for none.
type Entry struct {
	Service int64  `json:"service"`
	Number  int64  `json:"number"`
	ID      int64  `json:"id"`
	At      string `json:"at"` // see Time
	Kind    string `json:"kind"`
	Class   string `json:"class"`
	Owner   int64  `json:"owner"`
	Actor   int64  `json:"actor"`
	Agent   int64  `json:"agent"`
	Subject int64  `json:"subject"`
	Account int64  `json:"account"`
	Grant   int64  `json:"grant"`
	Object  string `json:"object"`
	Detail  string `json:"detail"` // see Canonical
	Hash    Hash   `json:"hash"`
}

// Head is the newest entry of a chain; the zero Head is an empty chain's.
type Head struct {
	Number int64
	Hash   Hash
}

// Next puts e behind h: it gets its number and hash, and is the head then.
func (h Head) Next(e *Entry) Head {
	e.Number = h.Number + 1
	e.Hash = e.sum(h.Hash, nil)
	return Head{e.Number, e.Hash}
}

// sum is the hash of e behind the entry whose hash is before. It writes over buf.
func (e *Entry) sum(before Hash, buf *[]byte) Hash {
	if buf == nil {
		buf = new([]byte)
	}
	b := append((*buf)[:0], before[:]...)
	b = append(b, "mandat history 1\n"...)
	b = number(b, e.Service)
	b = number(b, e.Number)
	b = number(b, e.ID)
	b = text(b, e.At)
	b = text(b, e.Kind)
	b = text(b, e.Class)
	for _, n := range [...]int64{e.Owner, e.Actor, e.Agent, e.Subject, e.Account, e.Grant} {
		b = number(b, n)
	}
	b = text(b, e.Object)
	b = text(b, e.Detail)
	*buf = b
	return sha256.Sum256(b)
}

func number(b []byte, n int64) []byte {
	var digits [20]byte
	value := strconv.AppendInt(digits[:0], n, 10)
	b = strconv.AppendInt(b, int64(len(value)), 10)
	b = append(b, ':')
	b = append(b, value...)
	return append(b, ',')
}

func text(b []byte, s string) []byte {
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, ':')
	b = append(b, s...)
	return append(b, ',')
}

// Time is an instant as an entry has it.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
