package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe.min.js
var axe string

// A watch hears what the browser says of one tab: what it asks of whom, and
// everything it complains about.
type watch struct {
	origin string

	mu       sync.Mutex
	requests int
	pending  map[network.RequestID]*network.EventRequestWillBeSent
	bad      []string
	expected []string // parts of complaints that the test provokes
}

func newWatch(origin string) *watch {
	// The browser itself complains of an answer that says that a form is wrong.
	return &watch{origin: origin, pending: map[network.RequestID]*network.EventRequestWillBeSent{}, expected: []string{"status of 422"}}
}

func (w *watch) begin(v *visitor) {
	v.t.Helper()
	hear := func(event any) {
		w.hear(event)
		if _, asks := event.(*page.EventJavascriptDialogOpening); asks { // until it is answered, the page answers nothing
			go func() {
				_, _ = chromedp.Call(v.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
			}()
		}
	}
	if err := chromedp.Listen(v.ctx, hear); err != nil {
		v.t.Fatal(err)
	}
	send(v, log.Enable, cdp.Empty{})
	send(v, audits.Enable, cdp.Empty{})
}

func (w *watch) hear(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if slices.Contains([]network.ResourceType{network.ResourceTypeDocument, network.ResourceTypeFetch, network.ResourceTypeXHR}, e.Type) {
			w.requests++ // what a page asks for by itself comes when it comes
		}
		if e.Type != network.ResourceTypeEventSource { // which goes on
			w.pending[e.RequestID] = e
		}
		// The browser's own controls have data: icons; the page's policy has none.
		if !strings.HasPrefix(e.Request.URL, w.origin+"/") && !strings.HasPrefix(e.Request.URL, "data:") {
			w.bad = append(w.bad, "a request to another origin: "+e.Request.URL)
		}
	case *network.EventLoadingFinished:
		delete(w.pending, e.RequestID)
	case *network.EventLoadingFailed:
		delete(w.pending, e.RequestID)
	case *page.EventFrameNavigated: // what the page before still asked for is given up without a word
		maps.DeleteFunc(w.pending, func(_ network.RequestID, r *network.EventRequestWillBeSent) bool {
			return r.LoaderID != e.Frame.LoaderID
		})
	case *log.EventEntryAdded:
		w.bad = append(w.bad, fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *runtime.EventConsoleAPICalled:
		for _, arg := range e.Args {
			w.bad = append(w.bad, fmt.Sprintf("console %s: %s %s", e.Type, arg.Value, arg.Description))
		}
	case *runtime.EventExceptionThrown:
		w.bad = append(w.bad, fmt.Sprintf("exception: %s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *audits.EventIssueAdded:
		details, _ := json.Marshal(e.Issue.Details)
		w.bad = append(w.bad, fmt.Sprintf("issue %s: %s", e.Issue.Code, details))
	case *page.EventJavascriptDialogOpening:
		w.bad = append(w.bad, fmt.Sprintf("dialog %s: %s", e.Type, e.Message))
	}
}

// asked is how many requests there were so far.
func (w *watch) asked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.requests
}

// open tells the requests that wait for their answer.
func (w *watch) open() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []string
	for _, e := range w.pending {
		list = append(list, e.Request.Method+" "+e.Request.URL)
	}
	return strings.Join(list, ", ")
}

// expect lets the browser complain of what the test provokes.
func (w *watch) expect(part string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expected = append(w.expected, part)
}

// complaints are what was wrong since the last time.
func (w *watch) complaints() (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, text := range w.bad {
		if !slices.ContainsFunc(w.expected, func(part string) bool { return strings.Contains(text, part) }) {
			list = append(list, text)
		}
	}
	w.bad = nil
	return list
}

// facts are what every page must have right, as facts.js tells it.
type facts struct {
	Lang, Title, Scheme string
	Headings            int
	Wide                []string
}

// readFacts is a script that tells the facts. Wide is empty if the page does
// not scroll sideways, else what sticks out.
const readFacts = `(() => {
	const root = document.scrollingElement, style = getComputedStyle(document.documentElement);
	const shown = document.querySelector("dialog[open]");
	const boxes = [root, shown].filter(Boolean).filter(e => e.scrollWidth > e.clientWidth);
	return {
		lang: document.documentElement.lang, title: document.title, scheme: getComputedStyle(document.body).backgroundColor,
		headings: [...document.querySelectorAll("h1")].filter(h => h.checkVisibility()).length,
		wide: boxes.flatMap(box => [box.tagName + " " + box.scrollWidth + " > " + box.clientWidth,
			...[...box.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > box.clientWidth + 1).slice(0, 5).map(e => e.outerHTML.slice(0, 150))]),
	};
})()`

// check is what holds at every step: the page is whole, in the right language
// and colours, accessible as far as axe can tell, fits the screen, and the
// browser has nothing to complain about.
func (v *visitor) check() {
	v.t.Helper()
	v.settle()
	f := ask[facts](v, readFacts)
	if f.Lang != v.manner.lang {
		v.t.Errorf("the page is in %s, at %s", f.Lang, v.address())
	}
	if f.Headings != 1 {
		v.t.Errorf("%d headings of the first level, at %s", f.Headings, v.address())
	}
	if f.Title == "" || strings.Contains(f.Title, "{{") {
		v.t.Errorf("the title is %q, at %s", f.Title, v.address())
	}
	if dark := isDark(f.Scheme); dark != (v.manner.theme == "dark") {
		v.t.Errorf("the page is on %s, at %s", f.Scheme, v.address())
	}
	if len(f.Wide) > 0 {
		v.t.Errorf("the page scrolls sideways, at %s:\n%s", v.address(), strings.Join(f.Wide, "\n"))
	}
	v.checkAxe()
	v.checkWatch()
}

var rgb = regexp.MustCompile(`^rgb\((\d+), `)

func isDark(color string) bool {
	m := rgb.FindStringSubmatch(color)
	return m != nil && len(m[1]) < 3
}

func (v *visitor) checkWatch() {
	v.t.Helper()
	for _, text := range v.watch.complaints() {
		v.t.Errorf("the browser says, at %s: %s", v.address(), text)
	}
}

// runAxe is a script that tells what axe-core finds wrong.
const runAxe = `axe.run(document, {resultTypes: ["violations"], runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
	.then(r => r.violations.map(v => v.id + " (" + v.impact + "): " + v.help + v.nodes.slice(0, 5).map(n => "\n\t" + n.html.slice(0, 300) + "\n\t\t" + n.failureSummary).join("")))`

// clean has the pages that axe-core found nothing wrong with. Many journeys pass
// the same ones; once is enough for each size, theme and content.
var clean sync.Map

// secrets are what differs between two answers with the same page.
var secrets = regexp.MustCompile(`(name="submission" value|/static/\w+)="?[^"]*"|data-copy="[^"]*"|<code>[^<]*</code>`)

// checkAxe runs axe-core in the page. The browser's own evaluation is not bound
// by the page's policy, so no header is relaxed for it; promises need scripts.
func (v *visitor) checkAxe() {
	v.t.Helper()
	look := ask[string](v, `[innerWidth, getComputedStyle(document.documentElement).fontSize, !!document.querySelector("dialog[open]"),
		!!document.querySelector(":popover-open"), document.querySelectorAll(":checked").length, document.documentElement.outerHTML].join()`)
	key := sha256.Sum256([]byte(v.manner.theme + secrets.ReplaceAllString(look, "")))
	if _, known := clean.Load(key); known {
		return
	}
	if !v.manner.script {
		v.scripts(true)
		defer v.scripts(false)
	}
	if !ask[bool](v, `"axe" in window`) {
		ask[int](v, axe+";0")
	}
	violations := ask[[]string](v, runAxe, chromedp.EvalAwaitPromise)
	for _, violation := range violations {
		v.t.Errorf("axe, at %s: %s", v.address(), violation)
	}
	if len(violations) == 0 {
		clean.Store(key, true)
	}
}

// dumps names the directory where a failed visit leaves what it last saw.
const dumps = "MANDAT_BROWSER_DUMPS"

// end leaves a picture and the page of a visit that failed. A temporary
// directory of the test's own would be gone before anybody looks.
func (v *visitor) end() {
	if !v.t.Failed() {
		return
	}
	dir := os.Getenv(dumps)
	if dir == "" {
		dir = filepath.Join(os.TempDir(), "mandat-browser")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		v.t.Log(err)
		return
	}
	name := filepath.Join(dir, strings.Trim(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(v.t.Name(), "-"), "-"))
	html, err := eval[string](v, "document.documentElement.outerHTML")
	if err == nil {
		err = os.WriteFile(name+".html", []byte(html), 0o644)
	}
	ctx, cancel := context.WithTimeout(v.ctx, answerLimit)
	defer cancel()
	picture, shotErr := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if shotErr == nil {
		shotErr = os.WriteFile(name+".png", picture, 0o644)
	}
	logErr := os.WriteFile(name+".log", []byte(v.panel.logged()), 0o644)
	v.t.Logf("what the visitor saw last, at %s, and the panel's log: %s.{html,png,log} %v", v.address(), name, errors.Join(err, shotErr, logErr))
}
