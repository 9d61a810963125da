package models

import (
	"bufio"
	"bytes"
	"io"
	"strings"
	"unicode"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // reads what is not in UTF-8
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// What is read of a message that waits for a moderator is whatever a stranger
// sent: of its beginning some parts, some lines, some characters.
const (
	excerptDepth = 6  // parts within parts
	excerptParts = 30 // looked at in all
	excerptLines = 12
	excerptChars = 700
)

// plain is a text that a stranger wrote without what has no shape of its own:
// control characters, and those that turn the direction of what follows, so
// that nothing on the page reads otherwise than it is.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\u200c' || r == '\u200d': // joiners, which some scripts and pictures need
			return r
		case unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r) || unicode.Is(unicode.Cs, r):
			return -1
		}
		return r
	}, legible(text))
}

// excerpt is the first lines of the text of a message, of which content is the
// beginning: its first part that is plain text, else the words of its first page
// in HTML. It is "" for a message that has neither there.
func excerpt(content []byte) string {
	e, err := message.Read(bytes.NewReader(content))
	if e == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
		return ""
	}
	var r textReader
	r.read(e, 0)
	text := r.plain
	if strings.TrimSpace(text) == "" {
		text = htmlText(r.page)
	}
	return firstLines(plain(text))
}

// textReader finds the first text of each kind in a message.
type textReader struct {
	parts       int
	plain, page string
}

func (r *textReader) read(e *message.Entity, depth int) {
	if r.parts++; r.parts > excerptParts || depth > excerptDepth || r.plain != "" {
		return
	}
	if parts := e.MultipartReader(); parts != nil {
		for r.parts <= excerptParts && r.plain == "" {
			part, err := parts.NextPart()
			if part == nil || err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
				return // no more of them, or what is cut off
			}
			r.read(part, depth+1)
		}
		return
	}
	if disposition, _, err := e.Header.ContentDisposition(); err == nil && strings.EqualFold(disposition, "attachment") {
		return
	}
	kind, _, err := e.Header.ContentType()
	if err != nil {
		kind = "text/plain" // RFC 2045, 5.2
	}
	body, _ := io.ReadAll(io.LimitReader(e.Body, beginningOf)) // as much as is there
	switch strings.ToLower(kind) {
	case "text/plain":
		r.plain = string(body)
	case "text/html":
		if r.page == "" {
			r.page = string(body)
		}
	}
}

// unread are elements whose text nobody sees.
var unread = map[atom.Atom]bool{atom.Style: true, atom.Script: true, atom.Head: true, atom.Title: true, atom.Template: true, atom.Noscript: true}

// apart are elements that begin a line.
var apart = map[atom.Atom]bool{
	atom.P: true, atom.Div: true, atom.Br: true, atom.Tr: true, atom.Li: true, atom.H1: true, atom.H2: true, atom.H3: true, atom.Table: true, atom.Blockquote: true,
}

// htmlText is the words of a page.
func htmlText(page string) string {
	var b strings.Builder
	hidden := 0
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return b.String()
		}
		token := z.Token()
		switch {
		case kind == html.StartTagToken && unread[token.DataAtom]:
			hidden++
		case kind == html.EndTagToken && unread[token.DataAtom]:
			hidden = max(0, hidden-1)
		case kind == html.StartTagToken && token.DataAtom == atom.Body:
			hidden = 0
		case hidden > 0:
		case kind == html.TextToken:
			b.WriteString(strings.Join(strings.Fields(token.Data), " "))
			b.WriteByte(' ')
		case apart[token.DataAtom]:
			b.WriteByte('\n')
		}
	}
}

// firstLines is the beginning of a text, of empty lines in a row only one, with
// a mark when it goes on.
func firstLines(text string) string {
	var lines []string
	left, more := excerptChars, false
	s := bufio.NewScanner(strings.NewReader(text))
	s.Buffer(nil, 2*len(text)+64)
	for s.Scan() {
		line := oneLine(s.Text())
		if line == "" && (len(lines) == 0 || lines[len(lines)-1] == "") {
			continue
		}
		if len(lines) == excerptLines || left <= 0 {
			more = true
			break
		}
		short := shorten(line, left)
		left -= len([]rune(short))
		more = short != line
		lines = append(lines, short)
	}
	text = strings.TrimRight(strings.Join(lines, "\n"), "\n")
	if more {
		text += "…"
	}
	return text
}
