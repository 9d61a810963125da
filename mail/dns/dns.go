// Package dns says whether what a domain publishes fits the operator's mail
// servers: MX, SPF, DKIM and DMARC, each with the record to copy. It is a leaf
// and knows none of the nouns.
//
// # Why our own questions
//
// Somebody corrects a record because of what is said here, so that it must not
// be said that a record is missing when nobody answered. The resolver of the
// standard library does not tell a name that does not exist from one without
// such a record, reads /etc/hosts, and appends search domains. So the questions
// are put with github.com/miekg/dns, to the resolvers that the operator names
// and to nothing else; SPF is evaluated by blitiri.com.ar/go/spf, which puts its
// questions through the same resolvers.
//
// # What is not trusted
//
// All that is read. Answers come from servers of strangers: their number, their
// size, the time they take and the aliases they lead through are bounded, what
// is shown of them is printable ASCII and short, and a panic of a parser is an
// answer that was not understood.
package dns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// A Record is one of the things looked at.
type Record string

// The records, in the order of a report.
const (
	MX    Record = "mx"
	SPF   Record = "spf"
	DKIM  Record = "dkim"
	DMARC Record = "dmarc"
)

// A Status is how a record stands.
type Status string

// The statuses. Unknown says that nobody answered: it is never shown as Missing.
const (
	OK      Status = "ok"
	Missing Status = "missing"
	Wrong   Status = "wrong"
	Unknown Status = "unknown"
)

// A Reason says why a record has its status; some have a Detail.
type Reason string

// The reasons. "" is the ordinary one of its status.
const (
	NoDomain       Reason = "no_domain"       // the domain itself does not exist
	AliasLoop      Reason = "alias_loop"      // CNAMEs that lead in a circle, or through too many
	MXNull         Reason = "mx_null"         // it says that it takes no mail (RFC 7505)
	MXForeign      Reason = "mx_foreign"      // all mail goes elsewhere
	MXMixed        Reason = "mx_mixed"        // some mail goes elsewhere
	MXPartly       Reason = "mx_partly"       // not all of the servers are named
	SPFSeveral     Reason = "spf_several"     // two records are as good as none
	SPFBroken      Reason = "spf_broken"      // receivers cannot evaluate it
	SPFRefuses     Reason = "spf_refuses"     // Detail: the address that it does not let pass
	DKIMNoKey      Reason = "dkim_no_key"     // what is there is no key
	DKIMRevoked    Reason = "dkim_revoked"    // the key is empty
	DKIMOther      Reason = "dkim_other"      // another key
	DKIMSeveral    Reason = "dkim_several"    // more than one
	DKIMNoAlias    Reason = "dkim_no_alias"   // it does not lead to the name in Detail
	DKIMBareAlias  Reason = "dkim_bare_alias" // it does, and there is no key
	DMARCSeveral   Reason = "dmarc_several"   // two records are as good as none
	DMARCPolicy    Reason = "dmarc_policy"    // no policy that receivers know
	DMARCInherited Reason = "dmarc_inherited" // Detail: the domain above, whose policy counts
)

// An Entry is a record as it is written into a zone.
type Entry struct {
	Name, Type, Value string
}

// A Finding is what there is to say about one record.
type Finding struct {
	Record Record
	Status Status
	Reason Reason
	Detail string
	Found  []string // what is published, in printable ASCII, shortened
	Copy   []Entry  // what ought to be; only where something is missing or wrong
}

// A Report is the findings of one domain.
type Report struct {
	Domain   string
	At       time.Time
	Findings []Finding // in the order of the records; only those with an expectation
}

// Time limits: of one question to one resolver, and of all of a report.
const (
	questionTimeout = 2 * time.Second
	reportTimeout   = 5 * time.Second
)

// A Checker asks about domains. Its methods are safe for concurrent use.
type Checker struct {
	Resolver Resolver
	Want     Expectations
	Log      *slog.Logger // hears what could not be found out; nil for nobody
}

// looker looks at one record of a domain. An error says that nothing is known.
type looker func(ctx context.Context, q *asker, domain string) (Finding, error)

// lookers are those for which there is an expectation.
func (w Expectations) lookers() (records []Record, looks []looker) {
	for _, l := range []struct {
		record Record
		wanted bool
		look   looker
	}{
		{MX, len(w.MX) > 0, w.mx},
		{SPF, len(w.SPF.Senders) > 0, w.spf},
		{DKIM, w.DKIM.Selector != "", w.dkim},
		{DMARC, w.DMARC != "", w.dmarc},
	} {
		if l.wanted {
			records, looks = append(records, l.record), append(looks, l.look)
		}
	}
	return records, looks
}

// Check looks at a domain, given as its A-label, for a few seconds at most. What
// could not be found out in time is Unknown.
func (c *Checker) Check(ctx context.Context, domain string) []Finding {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	q := newAsker(c.Resolver)
	records, looks := c.Want.lookers()
	findings := make([]Finding, len(looks))
	var all sync.WaitGroup
	for i, look := range looks {
		all.Go(func() {
			f, err := c.guarded(ctx, q, domain, look)
			f.Record = records[i]
			findings[i] = settle(f, err)
			if c.Log != nil && findings[i].Status == Unknown {
				c.Log.Warn("a record could not be looked at", "record", string(f.Record), "domain", domain, "error", err)
			}
		})
	}
	all.Wait()
	return findings
}

// guarded makes an error of a panic of a looker: it reads what strangers wrote.
func (c *Checker) guarded(ctx context.Context, q *asker, domain string, look looker) (f Finding, err error) {
	defer func() {
		if r := recover(); r != nil {
			if c.Log != nil {
				c.Log.Error("panic", "domain", domain, "panic", r, "stack", string(debug.Stack()))
			}
			f, err = Finding{}, fmt.Errorf("panic: %v", r)
		}
	}()
	return look(ctx, q, domain)
}

// settle gives a finding its last shape.
func settle(f Finding, err error) Finding {
	switch {
	case errors.Is(err, errLoop):
		f.Status, f.Reason = Wrong, AliasLoop
	case err != nil:
		f = Finding{Record: f.Record, Status: Unknown}
	}
	if f.Status == OK || f.Status == Unknown {
		f.Copy = nil
	}
	f.Found, f.Detail = shownAll(f.Found), shown(f.Detail)
	return f
}
