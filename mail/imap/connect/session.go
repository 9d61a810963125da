package connect

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"example.org/mandat/mail/imap"
)

// How long a server may be silent: one that somebody named, while we wait for
// it, and our own, which also waits while the other is slow.
const (
	silence    = time.Minute
	ownSilence = 10 * time.Minute
	answerTime = time.Minute // for a command that is answered at once
	listTime   = 5 * time.Minute
	bodyTime   = 15 * time.Minute
)

// session is of imap.Destination.
type session struct {
	client *imapclient.Client
	wire   *wire
}

// Open signs in to an account of a server that somebody named: ErrSignIn,
// ErrForbidden, ErrUnknown, ErrInsecure. Nothing of an error is the password,
// nor anything else than the server's own words.
func (p Policy) Open(ctx context.Context, s imap.Server, username, password string) (imap.Session, error) {
	s, err := p.CheckServer(s)
	if err != nil {
		return nil, err
	}
	return p.open(ctx, s, username, password, silence)
}

func (p Policy) open(ctx context.Context, s imap.Server, username, password string, silent time.Duration) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	conn, err := p.dial(ctx, s)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	secured, greeting, err := p.secure(ctx, conn, s)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return signIn(ctx, secured, greeting, username, password, silent)
}

// signIn begins the protocol on a connection, which it closes when it fails.
func signIn(ctx context.Context, conn net.Conn, greeting, username, password string, silent time.Duration) (*session, error) {
	var instead io.Reader
	if greeting != "" {
		instead = strings.NewReader(greeting)
	}
	w := newWire(conn, instead, silent)
	s := &session{wire: w, client: imapclient.New(w, nil)}
	err := s.within(ctx, answerTime, func() error {
		if err := s.client.WaitGreeting(); err != nil {
			return err
		}
		if s.client.State() != goimap.ConnStateNotAuthenticated {
			return imap.ErrNonsense // signed in as whom?
		}
		return s.client.Login(username, password).Wait()
	})
	if a, is := answerOf(err); is && a.kind != goimap.StatusResponseTypeBye && !a.later() && a.code != goimap.ResponseCodeLimit {
		err = errors.Join(imap.ErrSignIn, err)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// within runs commands, and closes the connection when they take too long or
// are called off: the library itself does not wait with a context.
func (s *session) within(ctx context.Context, limit time.Duration, fn func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	stop := context.AfterFunc(ctx, s.Close)
	err := fn()
	stopped := stop()
	switch {
	case err == nil && stopped:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case s.wire.excess.Load():
		return imap.ErrNonsense
	}
	return told(err)
}

// errBroken is all that is told of what the library makes of a connection that
// broke or an answer that it did not understand: its text has the server's own,
// which might be anything, what it was sent included.
var errBroken = errors.New("imap: the connection broke, or an answer was not understood")

// told is an error without the words of a server.
func told(err error) error {
	var refusal *goimap.Error
	if errors.As(err, &refusal) {
		return answer{refusal.Type, refusal.Code}
	}
	for _, ours := range []error{imap.ErrNonsense, imap.ErrCrowded, imap.ErrFull, imap.ErrUnwanted, errCallback, errCut} {
		if errors.Is(err, ours) {
			return err
		}
	}
	return errBroken
}

// answer is a refusal of a server.
type answer struct {
	kind goimap.StatusResponseType
	code goimap.ResponseCode
}

// codes are those that may be repeated: known ones.
var codes = []goimap.ResponseCode{
	goimap.ResponseCodeAlreadyExists, goimap.ResponseCodeAuthenticationFailed, goimap.ResponseCodeAuthorizationFailed, goimap.ResponseCodeCannot, goimap.ResponseCodeExpired,
	goimap.ResponseCodeInUse, goimap.ResponseCodeLimit, goimap.ResponseCodeNonExistent, goimap.ResponseCodeNoPerm, goimap.ResponseCodeOverQuota,
	goimap.ResponseCodePrivacyRequired, goimap.ResponseCodeServerBug, goimap.ResponseCodeTooBig, goimap.ResponseCodeTryCreate, goimap.ResponseCodeUnavailable,
}

func (a answer) Error() string {
	if slices.Contains(codes, a.code) {
		return "imap: the server answers " + string(a.kind) + " [" + string(a.code) + "]"
	}
	return "imap: the server answers " + string(a.kind)
}

// later says that the same may go well at another time.
func (a answer) later() bool {
	return slices.Contains([]goimap.ResponseCode{goimap.ResponseCodeUnavailable, goimap.ResponseCodeInUse, goimap.ResponseCodeServerBug}, a.code)
}

func answerOf(err error) (a answer, is bool) {
	is = errors.As(err, &a)
	return a, is
}

// errCallback marks an error of whoever reads, which is passed on as it is.
var errCallback = errors.New("imap: the reader ends")

type callbackError struct{ error }

func (e callbackError) Unwrap() []error { return []error{errCallback, e.error} }

// calledBack gives the error of whoever reads back as it was.
func calledBack(err error) error {
	var theirs callbackError
	if errors.As(err, &theirs) {
		return theirs.error
	}
	return err
}

// Close cuts the connection. The library's own way waits for its reader, which
// may be waiting for us.
func (s *session) Close() { _ = s.wire.Conn.Close() }

func (s *session) Folders(ctx context.Context) (folders []imap.Folder, err error) {
	err = s.within(ctx, answerTime, func() error {
		s.wire.expect(maxFolderName, maxAnswers)
		var options *goimap.ListOptions
		if caps := s.client.Caps(); caps.Has(goimap.CapSpecialUse) && caps.Has(goimap.CapListExtended) {
			options = &goimap.ListOptions{ReturnSpecialUse: true}
		}
		cmd := s.client.List("", "*", options)
		var tooMany error
		for data := cmd.Next(); data != nil; data = cmd.Next() {
			folder, right := folderOf(data)
			switch {
			case !right:
			case len(folders) == imap.MaxFolders:
				tooMany = imap.ErrCrowded
			default:
				folders = append(folders, folder)
			}
		}
		return errors.Join(cmd.Close(), tooMany)
	})
	return folders, err
}

// maxFolderName bounds the name of a folder, in octets.
const maxFolderName = 1000

// roles are the attributes of folders that say what they are for.
var roles = map[goimap.MailboxAttr]imap.Role{
	goimap.MailboxAttrSent: imap.Sent, goimap.MailboxAttrDrafts: imap.Drafts, goimap.MailboxAttrJunk: imap.Junk, goimap.MailboxAttrTrash: imap.Trash,
	goimap.MailboxAttrArchive: imap.Archive, goimap.MailboxAttrAll: imap.Virtual, goimap.MailboxAttrFlagged: imap.Virtual, goimap.MailboxAttrImportant: imap.Virtual,
}

func folderOf(data *goimap.ListData) (f imap.Folder, opens bool) {
	f.Name = data.Mailbox
	if data.Delim != 0 {
		f.Delimiter = string(data.Delim)
	}
	for _, attr := range data.Attrs {
		if attr == goimap.MailboxAttrNoSelect || attr == goimap.MailboxAttrNonExistent {
			return f, false
		}
		if role, known := roles[attr]; known {
			f.Role = role
		}
	}
	return f, f.Name != "" && len(f.Name) <= maxFolderName
}

func (s *session) Open(ctx context.Context, folder string) (m imap.Mailbox, err error) {
	err = s.within(ctx, answerTime, func() error {
		s.wire.expect(maxLiteral, maxAnswers)
		data, err := s.client.Select(folder, &goimap.SelectOptions{ReadOnly: true}).Wait()
		if err != nil {
			return err
		}
		m = imap.Mailbox{Validity: data.UIDValidity, Next: uint32(data.UIDNext), Messages: int(data.NumMessages)}
		if m.Validity == 0 {
			return imap.ErrNonsense
		}
		return nil
	})
	if err == nil && m.Next == 0 { // which a server need not say here
		m.Next, err = s.Next(ctx, folder)
	}
	return m, missing(err)
}

// missing makes the refusal to open a folder known by its name.
func missing(err error) error {
	if a, is := answerOf(err); is && a.kind == goimap.StatusResponseTypeNo && !a.later() {
		return errors.Join(imap.ErrNoFolder, err)
	}
	return err
}

// perMessage is about what a server says of one message in a list, in octets.
const perMessage = 1 << 10

func (s *session) List(ctx context.Context, first, last uint32, identify bool, fn func(imap.Message) error) error {
	var set goimap.UIDSet
	set.AddRange(goimap.UID(first), goimap.UID(last))
	header := &goimap.FetchItemBodySection{Specifier: goimap.PartSpecifierHeader, HeaderFields: imap.IdentityFields, Peek: true}
	options := &goimap.FetchOptions{UID: true, Flags: true, InternalDate: true, RFC822Size: true}
	if identify {
		options.BodySection = []*goimap.FetchItemBodySection{header}
	}
	return calledBack(s.within(ctx, listTime, func() error {
		s.wire.expect(maxLiteral, maxAnswers+2*imap.MaxFolderMessages*perMessage)
		cmd := s.client.Fetch(set, options)
		var failed error
		for data := cmd.Next(); data != nil; data = cmd.Next() {
			m, err := messageOf(data, identify)
			if errors.Is(err, errCut) {
				return err
			}
			if failed == nil && err == nil && m.UID != 0 {
				if err = fn(m); err != nil {
					err = callbackError{err}
				}
			}
			if failed == nil && err != nil {
				failed = err
				s.Close() // the rest may be long
			}
		}
		if err := cmd.Close(); failed == nil {
			return err
		}
		return failed
	}))
}

func messageOf(data *imapclient.FetchMessageData, identify bool) (m imap.Message, err error) {
	for item := data.Next(); item != nil; item = data.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			m.UID = uint32(item.UID)
		case imapclient.FetchItemDataFlags:
			for _, flag := range item.Flags {
				m.Flags = append(m.Flags, string(flag))
			}
		case imapclient.FetchItemDataInternalDate:
			m.At = item.Time
		case imapclient.FetchItemDataRFC822Size:
			m.Size = item.Size
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil || !identify {
				continue
			}
			content := &content{r: item.Literal, left: item.Literal.Size()}
			header, err := io.ReadAll(content)
			if content.cut || err != nil {
				return m, errCut
			}
			m.Identity = imap.Identity(header)
		}
	}
	if identify && m.Identity == "" {
		m.Identity = imap.Identity(nil)
	}
	return m, nil
}

func (s *session) Bodies(ctx context.Context, uids []uint32, fn func(uid uint32, size int64, body io.Reader) error) error {
	var set goimap.UIDSet
	for _, uid := range uids {
		set.AddNum(goimap.UID(uid))
	}
	options := &goimap.FetchOptions{UID: true, BodySection: []*goimap.FetchItemBodySection{{Peek: true}}}
	return calledBack(s.within(ctx, bodyTime, func() error {
		// A message may be larger than the server said.
		s.wire.expect(2*imap.MaxMessage, int64(len(uids))*(2*imap.MaxMessage+perMessage)+maxAnswers)
		cmd := s.client.Fetch(set, options)
		var failed error
		for data := cmd.Next(); data != nil; data = cmd.Next() {
			if failed != nil {
				continue
			}
			if failed = bodyOf(data, uids, fn); errors.Is(failed, errCut) {
				return failed
			} else if failed != nil {
				s.Close()
			}
		}
		if err := cmd.Close(); failed == nil {
			return err
		}
		return failed
	}))
}

// bodyOf hands the content of one message on, while it comes.
func bodyOf(data *imapclient.FetchMessageData, uids []uint32, fn func(uint32, int64, io.Reader) error) error {
	var uid uint32
	for item := data.Next(); item != nil; item = data.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			uid = uint32(item.UID)
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil || !slices.Contains(uids, uid) {
				continue
			}
			content := &content{r: item.Literal, left: item.Literal.Size()}
			err := fn(uid, item.Literal.Size(), content)
			if content.cut {
				return errCut
			}
			if err != nil {
				return callbackError{err}
			}
		}
	}
	return nil
}

// content is what a server sends in one piece. Once it has ended too early the
// library's own reader goes on, and nobody else may read any more: neither this
// piece nor, by passing it over, the answers behind it.
type content struct {
	r    io.Reader
	left int64
	cut  bool
}

// errCut says that a piece has ended too early.
var errCut = errors.New("imap: the connection broke within a message")

func (c *content) Read(p []byte) (int, error) {
	if c.cut {
		return 0, errCut
	}
	n, err := c.r.Read(p)
	c.left -= int64(n)
	if err != nil && c.left > 0 {
		c.cut = true
		return n, errCut
	}
	return n, err
}

func (s *session) Next(ctx context.Context, folder string) (next uint32, err error) {
	err = s.within(ctx, answerTime, func() error {
		s.wire.expect(maxLiteral, maxAnswers)
		data, err := s.client.Status(folder, &goimap.StatusOptions{UIDNext: true}).Wait()
		if err != nil {
			return err
		}
		if next = uint32(data.UIDNext); next == 0 {
			return imap.ErrNonsense
		}
		return nil
	})
	return next, err
}

func (s *session) Make(ctx context.Context, folder string) error {
	return full(s.within(ctx, answerTime, func() error {
		s.wire.expect(maxLiteral, maxAnswers)
		if !strings.EqualFold(folder, "INBOX") {
			var refusal *goimap.Error
			if err := s.client.Create(folder, nil).Wait(); err != nil && (!errors.As(err, &refusal) || refusal.Code != goimap.ResponseCodeAlreadyExists) {
				return err
			}
		}
		return s.client.Subscribe(folder).Wait()
	}))
}

func (s *session) Append(ctx context.Context, folder string, m imap.Message, size int64, body io.Reader) error {
	err := s.within(ctx, bodyTime, func() error {
		s.wire.expect(maxLiteral, maxAnswers)
		options := &goimap.AppendOptions{Time: m.At}
		for _, flag := range m.Flags {
			options.Flags = append(options.Flags, goimap.Flag(flag))
		}
		cmd := s.client.Append(folder, size, options)
		source := &reading{r: body}
		if n, err := io.CopyN(cmd, source, size); err != nil {
			// Refused before it was taken: the answer says why. Begun and not
			// finished: nobody must take the rest of the line for its end.
			if source.err != nil || n > 0 {
				s.Close()
			}
			_ = cmd.Close()
			_, refusal := cmd.Wait()
			return errors.Join(source.err, refusal)
		}
		if err := cmd.Close(); err != nil {
			return err
		}
		_, err := cmd.Wait()
		return err
	})
	return full(err)
}

// reading notes that it was the source that failed.
type reading struct {
	r   io.Reader
	err error
}

func (r *reading) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	} else if err == io.EOF && n == 0 {
		r.err = io.ErrUnexpectedEOF
	}
	return n, err
}

// full makes what a destination refuses known by its name.
func full(err error) error {
	a, is := answerOf(err)
	switch {
	case !is:
		return err
	case a.code == goimap.ResponseCodeOverQuota:
		return errors.Join(imap.ErrFull, err)
	case a.kind == goimap.StatusResponseTypeBad, slices.Contains([]goimap.ResponseCode{goimap.ResponseCodeTooBig, goimap.ResponseCodeLimit, goimap.ResponseCodeCannot}, a.code):
		return errors.Join(imap.ErrUnwanted, err)
	}
	return err
}
