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

// Check looks at a domain, given as its A-label, for a few seconds at most. What
// could not be found out in time is Unknown.
func (c *Checker) Check(ctx context.Context, domain string) []Finding {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	q := newAsker(c.Resolver)
	parts := []struct {
		record Record
		wanted bool
		look   func(context.Context, *asker, string) (Finding, error)
	}{
		{MX, len(c.Want.MX) > 0, c.Want.mx},
		{SPF, len(c.Want.SPF.Senders) > 0, c.Want.spf},
		{DKIM, c.Want.DKIM.Selector != "", c.Want.dkim},
		{DMARC, c.Want.DMARC != "", c.Want.dmarc},
	}
	findings := make([]Finding, 0, len(parts))
	for _, p := range parts {
		if p.wanted {
			findings = append(findings, Finding{Record: p.record})
		}
	}
	var all sync.WaitGroup
	at := 0
	for _, p := range parts {
		if !p.wanted {
			continue
		}
		f := &findings[at]
		at++
		all.Go(func() {
			found, err := c.look(ctx, q, domain, p.look)
			found.Record = p.record
			*f = settle(found, err)
			if c.Log != nil && f.Status == Unknown {
				c.Log.Warn("a record could not be looked at", "record", string(p.record), "domain", domain, "error", err)
			}
		})
	}
	all.Wait()
	return findings
}

// look makes an error of a panic: it reads what strangers wrote.
func (c *Checker) look(ctx context.Context, q *asker, domain string, look func(context.Context, *asker, string) (Finding, error)) (f Finding, err error) {
	defer func() {
		if r := recover(); r != nil {
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
