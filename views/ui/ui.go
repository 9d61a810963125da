// Package ui has the parts every page is made of. It knows none of the nouns:
// its arguments are texts already in the reader's language, and paths. The few
// words of its own ("Close", "There is a problem") are in the catalogue common.
//
// # Markup
//
// A page is written with these parts and the classes below; all are in
// static/mandat.css, and a test refuses a class that is not.
//
// A form. Fields stack; the last line has the buttons. In the panel that line
// stays at the bottom of the screen.
//
//	@ui.ErrorSummary(f.Errors.Summary("local", "size_gb"))
//	@ui.Form(ui.FormArgs{Action: …, Submission: p.Submission}) {
//		@ui.Field(…)
//		<div class="actions">
//			@ui.Button(…)
//		</div>
//	}
//
// A list, above it what searches it. The script swaps #list; what can be done
// with ticked rows is in .batch and appears with the first tick.
//
//	<div class="toolbar">
//		<form role="search" aria-label="…">@ui.Search(…) <select class="input">…</select> @ui.Button(…)</form>
//		@ui.LinkButton(…)
//	</div>
//	<form id="bulk"></form>
//	@ui.PostForm("act", p.Submission)
//	<div id="list">
//		<div class="table-frame">
//			<div class="batch">With the ticked addresses @ui.Button(ui.ButtonArgs{Form: "bulk", …})</div>
//			<table class="table" role="table">
//				<caption>…</caption>
//				<thead role="rowgroup"><tr role="row">@ui.SortHeader(…) <th scope="col" role="columnheader">…</th></tr></thead>
//				<tbody role="rowgroup"><tr role="row">…</tr></tbody>
//			</table>
//		</div>
//		@ui.Pager(…)
//	</div>
//
// In a frame narrower than 46 rem each row is a card: its th first, the cells
// after it in a line that wraps. The roles keep it a table. Cells and headings
// have the classes
//
//	tick       the box that ticks the row; <input data-all> in the heading ticks all
//	storage    a Meter, a line of its own in a card
//	number     figures, to the right
//	drop       left out where the frame is narrower than 62 rem
//	row-menu   the Menu, top right in a card
//	only-card  a span with the heading's word, shown in a card only
//	address    the link <a class="address"><b>local</b><wbr/><span>@domain</span></a>
//	note       a second, quieter line
//
// Others: .heading (a title and its badges), .list (a ul in a frame, the last
// thing of each line to the right), .facts, .figures (a row of <a> or <div> with
// the figure in <b>), .box (a frame), .acting (the banner of an agent who acts
// for a customer), .hint, .count, .quiet, .mono, .row and .stack (side by side
// and one below the other), .sr (for screen readers only).
//
// # Panels
//
// A short job has its own page, which shows it in a [Panel]. A link with the
// attribute data-panel, as [LinkButton] and [Menu] write it, opens the same
// Panel in the dialog: the script asks for the link's address with HX-Request and
// expects the Panel alone. A form in it needs no attributes of its own: the script
// posts it and shows the answer in the dialog, so that a refused form answers its
// Panel with status 422, and a done one either its Panel with a [Message] or the
// header HX-Redirect.
package ui

import (
	"context"
	"io"
	"strconv"
	"sync"

	"github.com/a-h/templ"

	"example.org/mandat/static"
)

// A Tone says how a thing stands. It is always shown by a word and an icon too,
// never by colour alone.
type Tone string

// The tones. The zero Tone is neutral.
const (
	Accent Tone = "accent"
	OK     Tone = "ok"
	Warn   Tone = "warn"
	Crit   Tone = "crit"
)

// icon is the icon of a message in this tone.
func (t Tone) icon() string {
	switch t {
	case OK:
		return "circle-check"
	case Warn:
		return "triangle-alert"
	case Crit:
		return "circle-alert"
	}
	return "info"
}

// A Kind is how much a button asks to be pressed.
type Kind string

// The kinds. The zero Kind is an ordinary button.
const (
	Primary Kind = "primary" // the one thing a form is for
	Danger  Kind = "danger"  // loses something
	Plain   Kind = "plain"   // has no border
	Link    Kind = "link"    // looks like a link, in running text
)

type actingKey struct{}

// WithActing makes a context in which a panel says for whom its reader acts.
func WithActing(ctx context.Context, words string) context.Context {
	return context.WithValue(ctx, actingKey{}, words)
}

func actingFor(ctx context.Context) string {
	words, _ := ctx.Value(actingKey{}).(string)
	return words
}

// iconStart is an icon up to its name.
var iconStart = `<svg aria-hidden="true"><use href="` + static.Path("icons.svg") + `#`

// Icon draws an icon of static/icons by its file's name. It says nothing to a
// screen reader: put a word beside it or a label on what holds it.
//
// It is written by hand, and kept, because a page has hundreds: templ would
// close the use element by a tag of its own.
func Icon(name string) templ.Component {
	if c, ok := icons.Load(name); ok {
		return c.(templ.Component)
	}
	svg := []byte(iconStart + name + `"/></svg>`)
	c, _ := icons.LoadOrStore(name, templ.Component(templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := w.Write(svg)
		return err
	})))
	return c.(templ.Component)
}

// icons are those drawn so far, by name; the names are few, all in the templates.
var icons sync.Map

// Badge is a state in one or two words. By hand for the same reason as Icon.
func Badge(tone Tone, icon, text string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		if _, err := io.WriteString(w, `<span class="`+classes("badge", tone)+`">`); err != nil {
			return err
		}
		if icon != "" {
			if err := Icon(icon).Render(ctx, w); err != nil {
				return err
			}
		}
		_, err := io.WriteString(w, templ.EscapeString(text)+"</span>")
		return err
	})
}

// Meter is how full something is, as a bar and in words. From 80 percent it
// warns, from 95 it alarms. By hand for the same reason as Icon.
func Meter(percent int, text string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		tone := meterTone(percent)
		if _, err := io.WriteString(w, `<div class="`+classes("meter", tone)+`"><span>`); err != nil {
			return err
		}
		if tone != "" {
			if err := Icon("triangle-alert").Render(ctx, w); err != nil {
				return err
			}
		}
		_, err := io.WriteString(w, templ.EscapeString(text)+`</span>`+bar(percent)+`</div>`)
		return err
	})
}

// Progress is how far a long job has come, as a bar and in words.
func Progress(percent int, text string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, `<div class="meter"><span>`+templ.EscapeString(text)+`</span>`+bar(percent)+`</div>`)
		return err
	})
}

// bar draws percent of a line.
func bar(percent int) string {
	return `<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect width="` + width(percent) + `" height="1"></rect></svg>`
}

// classes joins a noun and its variant.
func classes[S ~string](noun string, variant S) string {
	if variant == "" {
		return noun
	}
	return noun + " " + string(variant)
}

// meterTone is the tone of storage filled to percent: calm until there is
// something to do.
func meterTone(percent int) Tone {
	switch {
	case percent >= 95:
		return Crit
	case percent >= 80:
		return Warn
	}
	return ""
}

func width(percent int) string { return strconv.Itoa(min(max(percent, 0), 100)) }
