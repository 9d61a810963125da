package history

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// A Fault is where a chain is broken, in words for the operator.
type Fault struct {
	Service int64
	Number  int64 // of the first entry that is not as it was; 0: no entry in particular
	What    string
}

func (f Fault) String() string {
	of := "the chain of the system"
	if f.Service != 0 {
		of = fmt.Sprintf("the chain of service %d", f.Service)
	}
	if f.Number == 0 {
		return fmt.Sprintf("%s: %s", of, f.What)
	}
	return fmt.Sprintf("%s, entry %d: %s", of, f.Number, f.What)
}

// maxFaults bounds what is kept; of each chain only the first is.
const maxFaults = 1000

// Verifier checks entries as they come: those of one chain in the order of their
// numbers. The zero Verifier knows no checkpoint.
type Verifier struct {
	states  map[int64]*state
	last    *state // that of the entry before, which is usually of the same chain
	buf     []byte
	entries int64
	faults  []Fault
}

type state struct {
	service  int64
	head     Head
	broken   bool
	signed   map[int64]signed // what checkpoints have, by number
	furthest int64            // the largest of these numbers
}

type signed struct {
	hash Hash
	at   string
}

func (v *Verifier) state(service int64) *state {
	if v.last != nil && v.last.service == service {
		return v.last
	}
	s, known := v.states[service]
	if !known {
		if v.states == nil {
			v.states = map[int64]*state{}
		}
		s = &state{service: service}
		v.states[service] = s
	}
	v.last = s
	return s
}

// Hold lets the verifier hold the history against a checkpoint, before any entry.
func (v *Verifier) Hold(c *Checkpoint) {
	for _, leaf := range c.Leaves {
		s := v.state(leaf.Service)
		if other, known := s.signed[leaf.Number]; known && other.hash != leaf.Hash {
			v.breakAt(s, leaf.Number, fmt.Sprintf("the checkpoints of %s and %s disagree: it was altered between them", other.at, c.At))
			continue
		}
		if s.signed == nil {
			s.signed = map[int64]signed{}
		}
		s.signed[leaf.Number] = signed{leaf.Hash, c.At}
		s.furthest = max(s.furthest, leaf.Number)
	}
}

// Add takes the next entry.
func (v *Verifier) Add(e *Entry) {
	v.entries++
	s := v.state(e.Service)
	if s.broken {
		return
	}
	switch {
	case e.Number <= s.head.Number:
		v.breakAt(s, e.Number, "it is there twice, or out of order")
		return
	case e.Number != s.head.Number+1:
		v.breakAt(s, s.head.Number+1, "it is missing")
		return
	}
	sum := e.sum(s.head.Hash, &v.buf)
	if sum != e.Hash {
		v.breakAt(s, e.Number, "it was altered: its hash is that of another text")
		return
	}
	if c, held := s.signed[e.Number]; held && c.hash != sum {
		v.breakAt(s, e.Number, fmt.Sprintf("the checkpoint of %s has another hash: it, or one before it, was altered since", c.at))
		return
	}
	s.head = Head{e.Number, sum}
}

// Broken notes a fault that the reader of the entries found; number is 0 for none in particular.
func (v *Verifier) Broken(service, number int64, what string) {
	if s := v.state(service); !s.broken {
		v.breakAt(s, number, what)
	}
}

func (v *Verifier) breakAt(s *state, number int64, what string) {
	s.broken = true
	if len(v.faults) < maxFaults {
		v.faults = append(v.faults, Fault{s.service, number, what})
	}
}

// Result is what a verification found.
type Result struct {
	Entries, Chains int64
	Faults          []Fault // the first of each chain, in the order of the chains
}

// Done is called after the last entry. An export may be that of one service: then
// the chains of others may be absent, though checkpoints have them.
func (v *Verifier) Done(export bool) Result {
	r := Result{Entries: v.entries}
	for _, s := range v.states {
		if s.head.Number > 0 || s.broken {
			r.Chains++
		}
	}
	partial := export && r.Chains == 1 && v.last.service != 0
	for _, s := range v.states {
		if s.broken || s.head.Number >= s.furthest || partial && s.head.Number == 0 {
			continue
		}
		v.breakAt(s, s.head.Number+1, fmt.Sprintf("it is missing, and what followed it: the checkpoint of %s has %d entries", s.signed[s.furthest].at, s.furthest))
	}
	slices.SortFunc(v.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Number, b.Number))
	})
	r.Faults = v.faults
	return r
}

// Append writes e as one line of an export.
func (e *Entry) Append(b []byte) ([]byte, error) {
	buf := bytes.NewBuffer(b)
	encoder := json.NewEncoder(buf)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(e)
	return buf.Bytes(), err
}

// maxLine bounds a line of an export.
const maxLine = 16 << 20

// ReadExport gives each line of an export to the verifier. A line that is not
// exactly as [Entry.Append] writes it is a fault of its chain, or an error when
// it says of none.
func ReadExport(r io.Reader, v *Verifier) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	var again, long []byte
	for n := 1; ; n++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long[:0], line...)
			for errors.Is(err, bufio.ErrBufferFull) && len(long) < maxLine {
				line, err = lines.ReadSlice('\n')
				long = append(long, line...)
			}
			line = long
		}
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("line %d does not end: the export is not whole", n)
		}
		var e Entry
		if err := json.Unmarshal(line, &e); err != nil {
			return fmt.Errorf("line %d is none of an export: %w", n, err)
		}
		if again, err = e.Append(again[:0]); err != nil {
			return err
		}
		if !bytes.Equal(again, line) {
			v.Broken(e.Service, e.Number, fmt.Sprintf("line %d was altered: no export is written so", n))
			continue
		}
		v.Add(&e)
	}
}
