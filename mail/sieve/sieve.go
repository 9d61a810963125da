// Package sieve makes of an address's filters and responder one Sieve script
// (RFC 5228), and knows what such filters do to a message. It is pure: values
// in, text or verdicts out, nothing of ours imported.
//
// # What a script does
//
// Filters are asked in their order. The first that catches a message and
// settles where it goes ends the questions: keep, folder, forward, reject,
// delete and stop settle; read, flag and copy do something and let the next
// filter be asked. The responder comes last, and is silent for what was rejected
// or deleted.
//
// # Why the responder is last
//
// Pigeonhole undoes a run in which vacation meets reject, and a vacation before
// a discard would answer spam. So with a responder nothing stops the script:
// variables say what was settled, and the later filters and the responder ask them.
//
// # What cannot go together
//
// RFC 5429, 2.4, has no message both rejected and passed on, and Pigeonhole takes
// a run back that tries. A rejection wins: what is rejected is not copied. Nor are
// there more than [MaxCopies] copies of a message; the later ones are not made. The
// configuration of the mail server allows one redirection more, for Forward
// (sieve_max_redirects = 8; Pigeonhole's own limit of 4 would take a run back).
//
// # Folders
//
// Names are of the mail server that we configure: Maildir, "/" between parts.
//
// Extensions: RFC 3894 (copy), 5173 is not used, 5229 (variables), 5230
// (vacation), 5231 (relational), 5232 (imap4flags), 5260 (date), 5429 (reject),
// 5490 (mailbox), and the draft regex where a pattern has a ?. Pigeonhole 0.5 has
// them all without configuration.
package sieve

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Script is what an address does with the mail it receives.
type Script struct {
	Filters   []Filter // in their order
	Responder *Responder
}

// Filter does one thing to the messages that its rules describe.
type Filter struct {
	Name   string
	Active bool
	Any    bool // one of the rules is enough; else all must hold
	Rules  []Rule
	Action Action
	Target string // what the action needs, see [Action]
}

// Action is what a filter does.
type Action string

// The actions. Folder needs the name of a folder, Copy and Forward an address,
// Reject a text for the sender; the others need nothing.
const (
	Keep    Action = "keep"    // into the inbox, whatever the mailbox's own script says
	Folder  Action = "folder"  // made if it is missing
	Read    Action = "read"    // marked as read; the next filter is asked
	Flag    Action = "flag"    // flagged; the next filter is asked
	Copy    Action = "copy"    // a copy goes to an address; the next filter is asked
	Forward Action = "forward" // to an address, instead of the mailbox
	Reject  Action = "reject"  // the sender is told
	Delete  Action = "delete"  // nobody is told
	Stop    Action = "stop"    // no further filter of ours; the mailbox's own script goes on
)

// Settles says that no later filter is asked about what this action was done to.
func (a Action) Settles() bool { return a != Read && a != Flag && a != Copy }

// Rule is one condition on a message.
type Rule struct {
	Header   string // a name of a header in lower case, or one of the constants below
	Operator string
	Value    string
}

// What a rule can look at besides a header by its name. From, To, Cc and Subject are such names.
const (
	From    = "from"
	To      = "to"
	Cc      = "cc"
	Subject = "subject"
	Size    = "size" // of the whole message; the value is in octets
	List    = "list" // it came through a mailing list (RFC 2919, 2369)
	Spam    = "spam" // a scanner before us marked it
)

// The operators. Texts are compared without regard to the case of ASCII letters
// (RFC 4790, i;ascii-casemap), in headers as people read them, that is decoded.
// In Matches, * stands for any text and ? for one octet (a letter beyond ASCII has
// two or more); \ before either, or before itself, takes it as it is.
const (
	Contains    = "contains"
	NotContains = "not_contains"
	Is          = "is" // of From, To and Cc: the address, without the name beside it
	IsNot       = "is_not"
	Begins      = "begins"
	Ends        = "ends"
	Matches     = "matches"

	Over  = "over" // of Size alone
	Under = "under"

	Yes = "yes" // of List and Spam alone
	No  = "no"
)

// Responder answers by itself.
type Responder struct {
	From      string   // the address, which signs the answer
	Addresses []string // others that lead to it: mail to them is answered too
	Subject   string
	Content   string
	Days      int // between two answers to one sender, from 1 to 365
	Starts    *time.Time
	Ends      *time.Time // exclusive
	Only      bool       // there is no mailbox: what was answered, or not, is dropped
}

// MaxCopies is how many copies of one message are made.
const MaxCopies = 7

// maxFolder is what one file name of a Maildir leaves to a folder's name, in modified UTF-7.
const maxFolder = 254

// CheckFolder says whether a message can be put into a folder of this name, made
// if it is missing: its parts are separated by "/", each has something in it and
// no blank at either end; it has no dot (which separates parts in a Maildir's file
// names), no control character, no tilde in front; it is UTF-8, and in modified
// UTF-7 (RFC 3501, 5.1.3) at most 254 octets long. What a filter would put into another
// goes to the inbox, where it would go too if the script failed over it.
func CheckFolder(name string) bool {
	if !utf8.ValidString(name) || strings.HasPrefix(name, "~") || strings.Contains(name, ".") || strings.ContainsFunc(name, unicode.IsControl) {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.TrimSpace(part) != part {
			return false
		}
	}
	return utf7Length(name) <= maxFolder
}

// utf7Length is how long a name is in modified UTF-7: 16 bits of what is not ASCII
// are written as six each, between "&" and "-".
func utf7Length(name string) int {
	length, units := 0, 0
	flush := func() {
		if units > 0 {
			length += len("&-") + (units*16+5)/6
		}
		units = 0
	}
	for _, r := range name {
		switch {
		case r > '~':
			units += len(utf16.AppendRune(nil, r))
			continue
		case r == '&':
			length++ // "&-"
		}
		flush()
		length++
	}
	flush()
	return length
}
