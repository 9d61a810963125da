package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"example.org/mandat/models/cast"
	"example.org/mandat/views/locale"
)

// Limits on what a visitor waits for: one answer of the browser, one condition,
// and a whole visit.
const (
	answerLimit = 5 * time.Second
	waitLimit   = 30 * time.Second
	visitLimit  = 5 * time.Minute
	pollEvery   = 20 * time.Millisecond
)

// chromium starts the browser that all visitors share. They have nothing else
// in common: each has cookies and storage of its own.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path := os.Getenv("CHROME")
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} { // as in .ci/deps
		if path == "" {
			path, _ = exec.LookPath(name)
		}
	}
	if path == "" {
		t.Fatal("there is no Chromium; `make test` installs it, and CHROME names one in an unusual place")
	}
	options := slices.Concat(chromedp.DefaultExecAllocatorOptions[:], []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.DisableGPU, chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true),
	})
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses root otherwise
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	late := time.AfterFunc(startLimit, cancel)
	defer late.Stop()
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("%s does not start: %v", path, err)
	}
	return ctx
}

// demoFiles are the embedded database with the demo world and its key, made once:
// each visit begins with a copy of them, so that none sees what another did.
var demoFiles = sync.OnceValues(func() (files [2][]byte, err error) {
	dir, err := os.MkdirTemp("", "mandat-demo-")
	if err != nil {
		return files, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(os.Args[0], "demo")
	cmd.Env = []string{asProgram + "=1", "MANDAT_DATA_DIR=" + dir}
	if out, err := cmd.CombinedOutput(); err != nil {
		return files, fmt.Errorf("mandat demo: %w\n%s", err, out)
	}
	for i, name := range demoNames {
		if files[i], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			return files, err
		}
	}
	return files, nil
})

var demoNames = [2]string{"mandat.db", keyFile}

// demoPanel is a panel of its own with the demo world, and with settings of its own.
func demoPanel(t *testing.T, settings ...string) *panel {
	t.Helper()
	files, err := demoFiles()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i, name := range demoNames {
		if err := os.WriteFile(filepath.Join(dir, name), files[i], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return start(t, "serve --demo", append(settings, "MANDAT_DATA_DIR="+dir)...)
}

// A manner is one way to look at the panel.
type manner struct {
	lang   string
	script bool
	width  int64
	theme  string
}

func (m manner) String() string {
	script := "with script"
	if !m.script {
		script = "without script"
	}
	return fmt.Sprintf("%s, %s, %d px, %s", m.lang, script, m.width, m.theme)
}

func (m manner) phone() bool { return m.width < 768 }

// A visitor is a person at a browser: finds things by the names that a screen
// reader would say, clicks what can be clicked, and reads what can be seen.
type visitor struct {
	t       *testing.T
	browser context.Context
	ctx     context.Context
	panel   *panel
	manner  manner
	words   *locale.Locale
	watch   *watch
	clicks  int
}

// visit opens the browser on a panel, signed out.
func visit(t *testing.T, browser context.Context, p *panel, m manner) *visitor {
	t.Helper()
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	v := newVisitor(t, ctx, p, m)
	v.browser = browser
	return v
}

// somebodyElse looks at the same panel in the same manner.
func (v *visitor) somebodyElse() *visitor {
	v.t.Helper()
	return visit(v.t, v.browser, v.panel, v.manner)
}

// anotherTab is the same person in a second tab.
func (v *visitor) anotherTab() *visitor {
	v.t.Helper()
	ctx, cancel := chromedp.NewContext(v.ctx, chromedp.WithExistingBrowserContext(chromedp.FromContext(v.ctx).BrowserContextID))
	v.t.Cleanup(cancel)
	return newVisitor(v.t, ctx, v.panel, v.manner)
}

func newVisitor(t *testing.T, ctx context.Context, p *panel, m manner) *visitor {
	t.Helper()
	v := &visitor{t: t, panel: p, manner: m, words: locale.From(locale.With(t.Context(), m.lang, paris)), watch: newWatch(p.origin)}
	if err := chromedp.Do(ctx); err != nil { // the tab lives as long as the context that first runs in it
		t.Fatal(err)
	}
	var cancel context.CancelFunc
	v.ctx, cancel = context.WithTimeout(ctx, visitLimit)
	t.Cleanup(cancel)
	t.Cleanup(v.end)
	v.watch.begin(v)
	v.emulate()
	return v
}

// emulate makes the browser one of the visitor's manner.
func (v *visitor) emulate() {
	v.t.Helper()
	m := v.manner
	v.resize(m.width)
	v.medium("screen")
	send(v, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}) // tabs beside it have it too
	send(v, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": m.lang}})
	v.scripts(m.script)
}

// medium has pages look as they do on it: "screen" or "print".
func (v *visitor) medium(name string) {
	v.t.Helper()
	send(v, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: name, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.manner.theme}},
	})
}

func (v *visitor) resize(width int64) {
	v.t.Helper()
	height, phone := int64(900), width < 768
	if phone {
		height = 844
	}
	send(v, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: phone})
	send(v, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: phone})
}

// textSize is the browser's own setting, 16 unless a person changes it.
func (v *visitor) textSize(px int64) {
	v.t.Helper()
	send(v, page.SetFontSizes, page.SetFontSizesParams{FontSizes: &page.FontSizes{Standard: px, Fixed: px}})
	v.await(func() string { return "other text" }, func() bool {
		size, err := eval[string](v, "getComputedStyle(document.documentElement).fontSize")
		return err == nil && size == fmt.Sprintf("%dpx", px)
	})
}

func (v *visitor) scripts(on bool) {
	v.t.Helper()
	send(v, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on})
}

// send is one command of the protocol.
func send[P, R any](v *visitor, command cdp.Command[P, R], params P) R {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, waitLimit)
	defer cancel()
	result, err := chromedp.Call(ctx, command, params)
	if err != nil {
		v.t.Fatalf("%s: %v", command.Method, err)
	}
	return result
}

// eval evaluates an expression in the page. That works with the page's own
// scripts switched off as well, but for promises. A question to a page that is
// just being left may never be answered.
func eval[T any](v *visitor, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(v.ctx, answerLimit)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

// ask is eval on a page that stays.
func ask[T any](v *visitor, expression string, options ...chromedp.EvaluateOption) T {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, waitLimit)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, options...))
	if err != nil {
		v.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// await waits until the condition holds, and says what it waited for if it never does.
func (v *visitor) await(what func() string, holds func() bool) {
	v.t.Helper()
	for deadline := time.Now().Add(waitLimit); !holds(); {
		if time.Now().After(deadline) || v.ctx.Err() != nil {
			v.t.Fatalf("still %s\nat %s", what(), v.address())
		}
		pause := time.NewTimer(pollEvery)
		select {
		case <-v.ctx.Done():
		case <-pause.C:
		}
	}
}

func (v *visitor) address() string {
	url, err := eval[string](v, "location.href")
	if err != nil {
		return err.Error()
	}
	return strings.TrimPrefix(url, v.panel.origin)
}

// still is an expression that is true of a page where nothing moves: it is
// there, no form waits for its answer, htmx is done and no panel slides.
const still = `document.readyState == "complete" && !document.querySelector("[aria-busy=true], .htmx-request, .htmx-swapping, .htmx-settling, .htmx-added") &&
	document.getAnimations().every(a => a.playState != "running")`

// settle waits until all requests are answered and nothing moves.
func (v *visitor) settle() {
	v.t.Helper()
	v.await(func() string { return "loading " + v.watch.open() }, func() bool {
		quiet, err := eval[bool](v, still)
		return err == nil && quiet && v.watch.open() == ""
	})
}

// spaces makes one space of all white space: texts have narrow and unbreakable
// ones, which read the same. An address may break before its @.
func spaces(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), " @", "@")
}

// found is something with a name on the page.
type found struct {
	id   cdp.BackendNodeID
	name string
}

// named lists what a screen reader finds in this role. What is hidden, or lies
// behind an open panel, is not among it.
func (v *visitor) named(role string) (list []found, err error) {
	ctx, cancel := context.WithTimeout(v.ctx, answerLimit)
	defer cancel()
	doc, err := chromedp.Call(ctx, dom.GetDocument, dom.GetDocumentParams{})
	if err != nil {
		return nil, err
	}
	tree, err := chromedp.Call(ctx, accessibility.QueryAXTree, accessibility.QueryAXTreeParams{BackendNodeID: doc.Root.BackendNodeID, Role: role})
	if err != nil {
		return nil, err
	}
	for _, n := range tree.Nodes {
		if !n.Ignored && n.Name != nil {
			var name string
			_ = json.Unmarshal(n.Name.Value, &name) // a name is a string
			list = append(list, found{n.BackendDOMNodeID, spaces(name)})
		}
	}
	return list, nil
}

// find waits for the one thing of this name and role. Two of them are a fault
// of the page: nobody could tell them apart.
func (v *visitor) find(name string, roles ...string) cdp.BackendNodeID {
	v.t.Helper()
	var here []string
	var matches []found
	v.await(func() string { return fmt.Sprintf("not one %v %q but %d among %q", roles, name, len(matches), here) }, func() bool {
		here, matches = nil, nil
		for _, role := range roles {
			list, err := v.named(role)
			if err != nil {
				return false // a page that is just being left
			}
			for _, f := range list {
				here = append(here, f.name)
				if f.name == spaces(name) {
					matches = append(matches, f)
				}
			}
		}
		return len(matches) == 1
	})
	return matches[0].id
}

// has says whether there is something of this name and role now.
func (v *visitor) has(name string, roles ...string) bool {
	v.t.Helper()
	v.settle()
	for _, role := range roles {
		list, err := v.named(role)
		if err != nil {
			v.t.Fatal(err)
		}
		if slices.ContainsFunc(list, func(f found) bool { return f.name == spaces(name) }) {
			return true
		}
	}
	return false
}

// lacks fails if something of this name can be clicked.
func (v *visitor) lacks(names ...string) {
	v.t.Helper()
	for _, name := range names {
		if v.has(name, "link", "button") {
			v.t.Errorf("%q is there, at %s", name, v.address())
		}
	}
}

// function calls a function in the page with a node as its this.
func function[T any](v *visitor, id cdp.BackendNodeID, declaration string, args ...any) T {
	v.t.Helper()
	node := send(v, dom.ResolveNode, dom.ResolveNodeParams{BackendNodeID: id})
	ctx, cancel := context.WithTimeout(v.ctx, waitLimit)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.CallFunctionOn[T](declaration, func(p *runtime.CallFunctionOnParams) { p.ObjectID = node.Object.ObjectID }, args...))
	if err != nil {
		v.t.Fatalf("%s: %v", declaration, err)
	}
	return value
}

// point scrolls to a node and returns where it can be hit. Something that lies
// over it is a fault of the page.
func (v *visitor) point(id cdp.BackendNodeID, name string) (x, y float64) {
	v.t.Helper()
	type place struct {
		X, Y float64
		Over string
	}
	var at place
	v.await(func() string { return fmt.Sprintf("%s over %q", at.Over, name) }, func() bool {
		at = function[place](v, id, `function () {
			this.scrollIntoView({block: "nearest", behavior: "instant"});
			const box = this.getClientRects()[0]; // of a link over two lines the first
			if (!box) return {over: "no box"};
			const x = box.x + box.width / 2, y = box.y + box.height / 2, top = document.elementFromPoint(x, y);
			const right = top && (this.contains(top) || [...this.labels ?? []].some(label => label.contains(top)));
			return {x, y, over: right ? "" : top?.outerHTML.slice(0, 200) ?? "outside"};
		}`)
		return at.Over == ""
	})
	return at.X, at.Y
}

// hit is a click of the mouse, or a tap on a phone.
func (v *visitor) hit(x, y float64, times int64) {
	v.t.Helper()
	v.clicks++
	if v.manner.phone() {
		for range times {
			inputEvent(v, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{{X: x, Y: y}}})
			inputEvent(v, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{}})
		}
		return
	}
	at := input.DispatchMouseEventParams{X: x, Y: y, Button: input.MouseButtonLeft}
	for n := range times {
		for _, event := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
			at.Type, at.ClickCount = event, n+1
			inputEvent(v, input.DispatchMouseEvent, at)
		}
	}
}

// inputEvent is send for an event of the mouse or of a finger. The second of a
// double click reaches a page that is just being left, which may never
// acknowledge it; what came of a click is seen on the page.
func inputEvent[P, R any](v *visitor, command cdp.Command[P, R], params P) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, answerLimit)
	defer cancel()
	if _, err := chromedp.Call(ctx, command, params); err != nil && ctx.Err() == nil {
		v.t.Fatalf("%s: %v", command.Method, err)
	}
}

// click clicks something, as often as it says, and that is one decision.
func (v *visitor) click(times int64, name string, roles ...string) {
	v.t.Helper()
	v.settle()
	x, y := v.point(v.find(name, roles...), name)
	v.hit(x, y, times)
}

// follow clicks a link and waits for what it leads to.
func (v *visitor) follow(name string) {
	v.t.Helper()
	v.answered(func() { v.click(1, name, "link") })
}

// press clicks a button that asks the panel for something, and waits for the answer.
func (v *visitor) press(name string) {
	v.t.Helper()
	v.answered(func() { v.click(1, name, "button") })
}

// doubleClick is press by somebody who double-clicks everything.
func (v *visitor) doubleClick(name string) {
	v.t.Helper()
	v.answered(func() { v.click(2, name, "button") })
}

// open clicks a button that shows something that is there already.
func (v *visitor) open(name string) {
	v.t.Helper()
	v.click(1, name, "button", "DisclosureTriangle")
	v.settle()
}

// tick clicks a checkbox.
func (v *visitor) tick(name string) {
	v.t.Helper()
	v.click(1, name, "checkbox")
	v.settle()
}

// answered waits until what the visitor does has asked the panel, and the answer is there.
func (v *visitor) answered(do func()) {
	v.t.Helper()
	before := v.watch.asked()
	do()
	v.await(func() string { return "no request" }, func() bool { return v.watch.asked() > before })
	v.settle()
}

// clicked checks how many clicks it took since the last time, typing not counted.
func (v *visitor) clicked(want int) {
	v.t.Helper()
	if v.clicks != want {
		v.t.Errorf("%d clicks, want %d", v.clicks, want)
	}
	v.clicks = 0
}

// typeIn replaces what is in a field. Typing is no click.
func (v *visitor) typeIn(label, text string) {
	v.t.Helper()
	v.settle()
	id := v.find(label, "textbox", "searchbox", "Date", "DateTime")
	kind := function[string](v, id, "function () { this.focus(); this.select(); return this.type }")
	if strings.HasPrefix(kind, "date") { // which has a part for each number
		function[bool](v, id, `function (text) { this.value = text; return this.dispatchEvent(new Event("input", {bubbles: true})) }`, text)
		return
	}
	send(v, input.InsertText, input.InsertTextParams{Text: text})
}

// attach gives a field for a file one with this content.
func (v *visitor) attach(label, name, content string) {
	v.t.Helper()
	v.settle()
	path := filepath.Join(v.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		v.t.Fatal(err)
	}
	send(v, dom.SetFileInputFiles, dom.SetFileInputFilesParams{BackendNodeID: v.find(label, "button"), Files: []string{path}})
}

// choose picks an option of a select by its text.
func (v *visitor) choose(label, option string) {
	v.t.Helper()
	v.settle()
	id := v.find(label, "combobox")
	if !function[bool](v, id, `function (text) {
		const option = [...this.options].find(o => o.text == text);
		if (option) this.value = option.value;
		return !!option && this.dispatchEvent(new Event("change", {bubbles: true}));
	}`, option) {
		v.t.Fatalf("%q has no option %q", label, option)
	}
}

// key presses keys one after the other: "\t", "\r", "\u001b" or what chromedp's kb names.
func (v *visitor) key(keys string, options ...chromedp.KeyOption) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, waitLimit)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.KeyEvent(keys, options...)); err != nil {
		v.t.Fatal(err)
	}
}

// keyIn types where the focus is.
func (v *visitor) keyIn(text string) {
	v.t.Helper()
	for i, part := range strings.Split(text, "\t") {
		if i > 0 {
			v.key("\t")
		}
		send(v, input.InsertText, input.InsertTextParams{Text: part})
	}
}

// enterKey presses Enter on what asks the panel, and waits for the answer.
func (v *visitor) enterKey() {
	v.t.Helper()
	v.answered(func() { v.key("\r") })
}

// focused is what has the focus: its text, its name or its label.
func (v *visitor) focused() string {
	return spaces(ask[string](v, `(e => e.ariaLabel || e.labels?.[0]?.innerText || e.innerText || e.name || e.tagName)(document.activeElement)`))
}

// focuses waits until what has all these in its name has the focus: the browser
// acknowledges a tap before it has made a click of it.
func (v *visitor) focuses(parts ...string) {
	v.t.Helper()
	var at string
	v.await(func() string { return fmt.Sprintf("with the focus on %q, not on %q", at, parts) }, func() bool {
		at = v.focused()
		return contains(at, parts...)
	})
}

// tabTo goes to something with the tabulator alone.
func (v *visitor) tabTo(name string) {
	v.t.Helper()
	var passed []string
	for range 400 {
		v.key("\t")
		if at := v.focused(); at == spaces(name) {
			return
		} else {
			passed = append(passed, at)
		}
	}
	v.t.Fatalf("the tabulator never reaches %q but %q", name, passed)
}

// text is what can be read: of the panel if one is open.
func (v *visitor) text() (string, error) {
	text, err := eval[string](v, `(document.querySelector("dialog[open]") ?? document.body).innerText`)
	return spaces(text), err
}

// see waits until all of these can be read.
func (v *visitor) see(texts ...string) {
	v.t.Helper()
	for _, want := range texts {
		var here string
		v.await(func() string { return fmt.Sprintf("not to be read: %q\namong %s", want, here) }, func() bool {
			var err error
			here, err = v.text()
			return err == nil && strings.Contains(here, spaces(want))
		})
	}
	v.settle()
}

// miss fails if one of these can be read.
func (v *visitor) miss(texts ...string) {
	v.t.Helper()
	v.settle()
	here, err := v.text()
	if err != nil {
		v.t.Fatal(err)
	}
	for _, text := range texts {
		if strings.Contains(here, spaces(text)) {
			v.t.Errorf("to be read: %q\namong %s", text, here)
		}
	}
}

// goTo enters an address. The panel's answer may lead elsewhere.
func (v *visitor) goTo(path string) {
	v.t.Helper()
	v.answered(func() { send(v, page.Navigate, page.NavigateParams{URL: v.panel.origin + path}) })
}

// back presses the browser's own button. The page may come from the browser's
// memory, without a request.
func (v *visitor) back() {
	v.t.Helper()
	v.settle()
	history := send(v, page.GetNavigationHistory, cdp.Empty{})
	if history.CurrentIndex == 0 {
		v.t.Fatal("there is nothing to go back to")
	}
	to := history.Entries[history.CurrentIndex-1]
	send(v, page.NavigateToHistoryEntry, page.NavigateToHistoryEntryParams{EntryID: to.ID})
	v.await(func() string { return "not back at " + to.URL }, func() bool {
		ctx, cancel := context.WithTimeout(v.ctx, answerLimit)
		defer cancel()
		now, err := chromedp.Call(ctx, page.GetNavigationHistory, cdp.Empty{}) // of a page that is just being left there is none
		return err == nil && now.Entries[now.CurrentIndex].ID == to.ID
	})
	v.settle()
}

// reload asks for the page again, as the browser got it: a form is sent again.
func (v *visitor) reload() {
	v.t.Helper()
	v.answered(func() { send(v, page.Reload, page.ReloadParams{}) })
}

// rows are the texts of the list's rows.
func (v *visitor) rows() (texts []string) {
	v.t.Helper()
	v.settle()
	for _, text := range ask[[]string](v, `[...document.querySelectorAll("tbody tr")].map(row => row.innerText)`) {
		texts = append(texts, spaces(text))
	}
	return texts
}

// row is the text of the row of an address.
func (v *visitor) row(local string) string {
	v.t.Helper()
	for _, text := range v.rows() {
		if strings.Contains(text, local+"@") {
			return text
		}
	}
	return ""
}

// at waits until the address is this.
func (v *visitor) at(path string) {
	v.t.Helper()
	v.await(func() string { return "not at " + path }, func() bool { return v.address() == path })
	v.settle()
}

// say is a message of the catalogue in the visitor's language, as the panel says it.
func (v *visitor) say(key string, args ...any) string { return v.words.T(key, args...) }

// one is the text that the specification fixes, in the visitor's language.
func (v *visitor) one(l label) string {
	if v.manner.lang == "fr" {
		return l.fr
	}
	return l.en
}

// paris is where the demo world lives.
var paris = func() *time.Location {
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	return zone
}()

// contains says whether a text has all these parts.
func contains(text string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(spaces(text), spaces(part)) })
}

// A label is a text that must stand as it is.
type label struct{ fr, en string }

// signIn signs in and, if the profile is in another language, switches. The
// clicks do not count.
func (v *visitor) signIn(identifier string) {
	v.t.Helper()
	v.goTo("/sign-in")
	v.enter(identifier)
	if ask[string](v, "document.documentElement.lang") != v.manner.lang {
		v.press(map[string]string{"fr": "Français", "en": "English"}[v.manner.lang])
	}
	v.clicks = 0
}

// enter fills the sign-in page in.
func (v *visitor) enter(identifier string) {
	v.t.Helper()
	v.typeIn(v.say("session.identifier"), identifier)
	v.typeIn(v.say("session.password"), cast.Password)
	v.press(v.one(signInLabel))
}
