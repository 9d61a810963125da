package imap

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// IdentityFields are the fields of a message's header that Identity reads.
var IdentityFields = []string{"MESSAGE-ID", "DATE", "FROM", "SUBJECT"}

// maxHeader bounds how much of a header is looked at, in octets.
const maxHeader = 64 << 10

// Identity tells a message by its header: by its Message-ID, or where it has
// none by a digest of the other fields. Two messages may share one.
func Identity(header []byte) string {
	if len(header) > maxHeader {
		header = header[:maxHeader]
	}
	fields := map[string]string{}
	last := ""
	for line := range bytes.Lines(header) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if line[0] == ' ' || line[0] == '\t' {
			if last != "" {
				fields[last] += " " + string(bytes.TrimSpace(line))
			}
			continue
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		last = strings.ToUpper(strings.TrimSpace(string(name)))
		if _, double := fields[last]; !ok || double {
			last = ""
			continue
		}
		fields[last] = string(bytes.TrimSpace(value))
	}
	sum := sha256.New()
	if id := strings.TrimSpace(fields["MESSAGE-ID"]); id != "" {
		sum.Write([]byte("id\x00" + id))
	} else {
		for _, name := range IdentityFields {
			sum.Write([]byte(fields[name] + "\x00"))
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// A pool is the messages of a destination that none of the source is known to be.
type pool struct {
	by   map[poolKey][]pooled
	late uint32 // from this UID on they were stored by the copy that was cut off
}

type poolKey struct {
	identity string
	at       int64 // a date has seconds
}

type pooled struct {
	uid  uint32
	size int64
}

func keyOf(identity string, at time.Time) poolKey { return poolKey{identity, at.Unix()} }

func (p *pool) add(m Message) {
	k := keyOf(m.Identity, m.At)
	p.by[k] = append(p.by[k], pooled{m.UID, m.Size})
}

func (p *pool) empty() bool { return len(p.by) == 0 }

// knows says whether there is one of the identity and date, of whatever size.
func (p *pool) knows(m Message) bool { return len(p.by[keyOf(m.Identity, m.At)]) > 0 }

// take takes one of the identity, date and size out, if there is one.
func (p *pool) take(m Message, size int64) (uid uint32, found bool) {
	k := keyOf(m.Identity, m.At)
	for i, e := range p.by[k] {
		if e.size != size {
			continue
		}
		if rest := append(p.by[k][:i:i], p.by[k][i+1:]...); len(rest) > 0 {
			p.by[k] = rest
		} else {
			delete(p.by, k)
		}
		return e.uid, true
	}
	return 0, false
}
