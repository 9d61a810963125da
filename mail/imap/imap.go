// Package imap copies mail from one IMAP account into another, each message
// exactly once, whatever happens on the way. It knows none of the nouns and no
// network: package connect has the connections, and whoever asks for a copy
// keeps its state.
//
// # Why exactly once needs marks on both sides
//
// A message is stored by the destination before its copying can be noted: an
// end between the two leaves it there and not noted. So, before anything is
// stored, it is noted how far the next part of the source goes, and from which
// UID on the destination will number what is stored. After an end, that part is
// compared with what the destination has from that UID on, and nothing else is:
// what is noted is never compared again, so that two messages which are alike
// in every respect both arrive. What the destination had before the copy began
// is compared with all of the source, one for one.
package imap

import (
	"context"
	"errors"
	"io"
	"time"
)

// Security is how a connection is kept from being read.
type Security string

// Plain is for loopback only.
const (
	TLS      Security = "tls"
	StartTLS Security = "starttls"
	Plain    Security = "none"
)

// Server is where an account is.
type Server struct {
	Host     string // a name, as DNS has it, or an address
	Port     int
	Security Security
}

// Role is what a folder is for (RFC 6154).
type Role string

// The roles that matter here. Those of the last group hold messages that other
// folders have too.
const (
	NoRole  Role = ""
	Sent    Role = "sent"
	Drafts  Role = "drafts"
	Junk    Role = "junk"
	Trash   Role = "trash"
	Archive Role = "archive"
	Virtual Role = "virtual"
)

// Folder is a folder that has messages.
type Folder struct {
	Name      string
	Delimiter string // "" for a flat server
	Role      Role
}

// Mailbox is a folder that was opened.
type Mailbox struct {
	Validity uint32 // another means that all UIDs are others
	Next     uint32 // the UID that the next message will have, at least
	Messages int
}

// Message is one message without its content.
type Message struct {
	UID      uint32
	Size     int64 // as the server says: some are mistaken
	At       time.Time
	Flags    []string
	Identity string // see Identity; "" unless it was asked for
}

// Session is an account that somebody is signed in to. Its methods are called
// one after the other. An error of any leaves it to be closed.
type Session interface {
	// Folders lists the folders that can be opened.
	Folders(ctx context.Context) ([]Folder, error)
	// Open opens a folder for reading. ErrNoFolder when it is not there.
	Open(ctx context.Context, folder string) (Mailbox, error)
	// List tells the messages of the open folder whose UIDs are from first to
	// last, 0 for the end, in no order that can be relied on.
	List(ctx context.Context, first, last uint32, identify bool, fn func(Message) error) error
	// Bodies reads messages of the open folder. What fn leaves unread is passed
	// over; a message that is gone is left out.
	Bodies(ctx context.Context, uids []uint32, fn func(uid uint32, size int64, body io.Reader) error) error
	// Close ends the session at once.
	Close()
}

// Destination is an account that is written to.
type Destination interface {
	Session
	// Make makes a folder and subscribes to it; one that is there is no error.
	Make(ctx context.Context, folder string) error
	// Append stores a message. ErrFull, ErrUnwanted.
	Append(ctx context.Context, folder string, m Message, size int64, body io.Reader) error
	// Next is the UID that the next message of a folder will have, at least.
	Next(ctx context.Context, folder string) (uint32, error)
}

// What can be wrong. Any other error is a connection that broke, and the same
// may go well at another time.
var (
	ErrSignIn    = errors.New("imap: the server refuses user name and password")
	ErrNoFolder  = errors.New("imap: no such folder")
	ErrFull      = errors.New("imap: the mailbox is full")
	ErrUnwanted  = errors.New("imap: the server refuses this message")
	ErrForbidden = errors.New("imap: not a server that may be connected to")
	ErrUnknown   = errors.New("imap: no server of this name")
	ErrInsecure  = errors.New("imap: the connection cannot be kept from being read")
	ErrNonsense  = errors.New("imap: the server says what is none of its business, or too much")
	ErrCrowded   = errors.New("imap: more folders or messages than are copied")
)

// Limits on what is copied.
const (
	MaxFolders        = 500
	MaxFolderMessages = 200_000
	MaxMessage        = 50_000_000 // octets
)
