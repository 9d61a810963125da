package locale

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
	"sync/atomic"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed messages/*.toml
var messageFiles embed.FS

// A catalogue is one language: its messages and its way to write figures.
type catalogue struct {
	lang      string
	format    format
	localizer *i18n.Localizer
	// messages has every key of the language; the map never changes after start,
	// so looking up needs no lock.
	messages map[string]*message
}

// catalogues are the languages, the default first.
var catalogues = load(english, french)

func load(formats ...format) []*catalogue {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	var all []*catalogue
	for _, f := range formats {
		c := &catalogue{lang: f.lang, format: f, messages: map[string]*message{}}
		names, err := fs.Glob(messageFiles, "messages/*."+f.lang+".toml")
		if err != nil {
			panic(err)
		}
		for _, name := range names {
			file, err := bundle.LoadMessageFileFS(messageFiles, name)
			if err != nil {
				panic(fmt.Errorf("locale: %s: %w", name, err))
			}
			for _, m := range file.Messages {
				c.messages[m.ID] = new(message)
			}
		}
		all = append(all, c)
	}
	// The localizers come last: go-i18n's bundle must be complete.
	for _, c := range all {
		c.localizer = i18n.NewLocalizer(bundle, c.lang)
	}
	return all
}

// Lang returns the language, such as "fr".
func (c *catalogue) Lang() string { return c.lang }

// T returns the message of key. args are names and values by turns and fill the
// message's placeholders: T("grant.created", "Who", id) fills {{.Who}}. An
// integer is written the language's way. A key that does not exist is returned
// itself; a placeholder without a value reads "<no value>".
func (c *catalogue) T(key string, args ...any) string {
	m, ok := c.messages[key]
	if !ok {
		return key
	}
	return m.pattern(c, key, args).fill(c, args)
}

// N returns the message of key in the plural form for n. The placeholder
// {{.Count}} is n, written the language's way; args are as in [Locale.T].
func (c *catalogue) N(key string, n int64, args ...any) string {
	data := map[string]string{"Count": c.Number(n)}
	for i := 0; i+1 < len(args); i += 2 {
		data[args[i].(string)] = c.text(args[i+1])
	}
	s, err := c.localizer.Localize(&i18n.LocalizeConfig{MessageID: key, PluralCount: n, TemplateData: data})
	if err != nil {
		return key
	}
	return s
}

// text writes an argument.
func (c *catalogue) text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return c.Number(int64(v))
	case int64:
		return c.Number(v)
	}
	return fmt.Sprint(v)
}

// A message keeps what go-i18n made of it, so that a page of hundreds of labels
// executes no templates: a list of patterns, one for each list of argument names
// the message is called with. In practice that is one.
type message struct {
	first atomic.Pointer[pattern]
}

// A pattern is a message cut at its placeholders.
type pattern struct {
	names  []string
	pieces []piece
	next   *pattern
}

// A piece is a text, followed by the value of the argument with that index
// unless the index is negative.
type piece struct {
	text string
	arg  int
}

// pattern returns the message cut for these arguments.
func (m *message) pattern(c *catalogue, key string, args []any) *pattern {
	for {
		first := m.first.Load()
		for p := first; p != nil; p = p.next {
			if p.matches(args) {
				return p
			}
		}
		p := c.cut(key, args)
		p.next = first
		if m.first.CompareAndSwap(first, p) {
			return p
		}
	}
}

func (p *pattern) matches(args []any) bool {
	if len(args)/2 != len(p.names) {
		return false
	}
	for i, name := range p.names {
		if args[2*i] != any(name) {
			return false
		}
	}
	return true
}

// mark stands for the value of an argument while a message is being cut: a
// character of Unicode's private use area, one for each index. No text has it.
const mark = '\uE000'

// cut has go-i18n resolve the message once, with a mark in the place of each
// value, and cuts the result at the marks.
func (c *catalogue) cut(key string, args []any) *pattern {
	p := &pattern{}
	data := map[string]string{}
	for i := 0; i+1 < len(args); i += 2 {
		name := args[i].(string)
		data[name] = string(mark + rune(len(p.names)))
		p.names = append(p.names, name)
	}
	s, err := c.localizer.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: data})
	if err != nil {
		s = key
	}
	for s != "" {
		at := strings.IndexFunc(s, func(r rune) bool { return r >= mark && r < mark+rune(len(p.names)) })
		if at < 0 {
			p.pieces = append(p.pieces, piece{s, -1})
			break
		}
		p.pieces = append(p.pieces, piece{s[:at], int([]rune(s[at:])[0] - mark)})
		s = s[at+len(string(mark)):]
	}
	return p
}

func (p *pattern) fill(c *catalogue, args []any) string {
	if len(p.pieces) == 1 && p.pieces[0].arg < 0 {
		return p.pieces[0].text
	}
	var b strings.Builder
	for _, piece := range p.pieces {
		b.WriteString(piece.text)
		if piece.arg >= 0 {
			b.WriteString(c.text(args[2*piece.arg+1]))
		}
	}
	return b.String()
}
