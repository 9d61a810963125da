package sieve

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// dovecotConf is all that Pigeonhole's tools need of a configuration, and the
// one setting that the package's documentation asks of it.
const dovecotConf = `log_path = /dev/stderr
ssl = no
mail_uid = 65534
mail_gid = 65534
first_valid_uid = 1
plugin {
  sieve_max_redirects = 8
}
`

// pigeonhole is a directory in which the tools of dovecot-sieve run. They refuse
// root, so they run as nobody then.
type pigeonhole struct {
	dir string
	n   int
}

func newPigeonhole(t testing.TB) *pigeonhole {
	t.Helper()
	for _, tool := range []string{"sievec", "sieve-test"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatal("no " + tool + ": make test-deps installs dovecot-sieve")
		}
	}
	dir, err := os.MkdirTemp("", "sieve") // not t.TempDir, which nobody may not enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	p := &pigeonhole{dir: dir}
	p.write(t, "dovecot.conf", dovecotConf)
	return p
}

func (p *pigeonhole) write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func (p *pigeonhole) exec(name string, args ...string) (string, error) {
	cmd := exec.Command(name, append([]string{"-c", filepath.Join(p.dir, "dovecot.conf")}, args...)...)
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "HOME="+p.dir)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run asks sieve-test what a script does to a message: see [outcome].
func (p *pigeonhole) run(t testing.TB, script, message string) outcome {
	t.Helper()
	p.n++
	s := p.write(t, fmt.Sprintf("%d.sieve", p.n), script)
	m := p.write(t, fmt.Sprintf("%d.eml", p.n), message)
	out, err := p.exec("sieve-test", "-C", "-l", "maildir:"+p.dir+"/Maildir", "-f", "out@outside.example", "-r", "ann@one.example", "-a", "ann@one.example", s, m)
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, script)
	}
	return parseOutcome(out)
}

// accepts has sievec compile scripts, all in one process.
func (p *pigeonhole) accepts(t testing.TB, scripts ...string) {
	t.Helper()
	p.n++
	dir := filepath.Join(p.dir, fmt.Sprintf("scripts%d", p.n))
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for i, s := range scripts {
		p.write(t, fmt.Sprintf("scripts%d/%d.sieve", p.n, i), s)
	}
	out, err := p.exec("sievec", dir)
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for i, s := range scripts {
		if _, err := os.Stat(fmt.Sprintf("%s/%d.svbin", dir, i)); err != nil {
			t.Errorf("sievec does not accept\n%s\n%s", s, out)
		}
	}
}

// outcome is what is done to a message. A discard is that nothing else is.
type outcome struct {
	redirects []string
	stores    []string // folders; the implicit keep is INBOX
	flags     []string // of what is stored
	reject    string
	vacation  bool
}

func parseOutcome(out string) outcome {
	var o outcome
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if to, ok := strings.CutPrefix(line, "* redirect message to: <"); ok {
			o.redirects = append(o.redirects, strings.TrimSuffix(to, ">"))
		}
		if folder, ok := strings.CutPrefix(line, "* store message in folder: "); ok {
			o.stores = append(o.stores, folder)
		}
		if flags, ok := strings.CutPrefix(line, "+ add IMAP flags: "); ok {
			o.flags = append(o.flags, strings.Fields(flags)...)
		}
		if text, ok := strings.CutPrefix(line, "* reject message with reason: "); ok {
			o.reject = text
		}
		o.vacation = o.vacation || strings.HasPrefix(line, "* send vacation message")
	}
	slices.Sort(o.redirects)
	slices.Sort(o.flags)
	return o
}

// outcomeOf is what a trial says will be done.
func outcomeOf(filters []Filter, m Message) outcome {
	var o outcome
	var flags []string
	trial := Try(filters, m)
	inbox := true
	for _, i := range trial.Did {
		switch f := filters[i]; f.Action {
		case Read:
			flags = append(flags, `\seen`)
		case Flag:
			flags = append(flags, `\flagged`)
		case Copy:
			o.redirects = append(o.redirects, f.Target)
		case Forward:
			o.redirects, inbox = append(o.redirects, f.Target), false
		case Folder:
			if CheckFolder(f.Target) {
				o.stores, inbox = append(o.stores, f.Target), false
			}
		case Reject:
			o.reject, inbox = f.Target, false
		case Delete:
			inbox = false
		}
	}
	if inbox {
		o.stores = append(o.stores, "INBOX")
	}
	if len(o.stores) > 0 {
		slices.Sort(flags)
		o.flags = slices.Compact(flags)
	}
	slices.Sort(o.redirects)
	o.redirects = slices.Compact(o.redirects)
	return o
}

func (o outcome) String() string {
	return fmt.Sprintf("%+q %+q %+q %q %v", o.redirects, o.stores, o.flags, o.reject, o.vacation)
}

// corpus is the messages of testdata by name.
func corpus(t testing.TB) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(paths) < 40 {
		t.Fatal(len(paths), err)
	}
	messages := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		messages[strings.TrimSuffix(filepath.Base(path), ".eml")] = string(text)
	}
	return messages
}

// parse reads a message of the corpus. sieve-test counts the octets of a file,
// whatever ends its lines.
func parse(t testing.TB, text string) Message {
	t.Helper()
	m, err := ParseMessage(text)
	if err != nil {
		t.Fatal(err)
	}
	m.Size = int64(len(text))
	return m
}

// rulesFor are rules for every message, and some made of what is in this one.
func rulesFor(m Message) []Rule {
	rules := []Rule{
		{Size, Over, "0"},
		{Size, Over, "100"},
		{Size, Over, "10000"},
		{Size, Under, "100000"},
		{Size, Over, fmt.Sprint(m.Size)},
		{Size, Under, fmt.Sprint(m.Size)},
		{Size, Over, fmt.Sprint(m.Size - 1)},
		{Size, Under, fmt.Sprint(m.Size + 1)},
		{List, Yes, ""},
		{List, No, ""},
		{Spam, Yes, ""},
		{Spam, No, ""},
	}
	values := []string{
		"", " ", "offer", "OFFER", "an offer", "grüße", "GRÜSSE", "gr?sse", "köln", "日本", "中文", "\uFFFD", "“offer”", "€", "Привет",
		"ann@garrigue.example", "Contact@Garrigue.Example", "bob@garrigue.example", "cyril@garrigue.example", "info@garrigue.example", `"a b"@garrigue.example`,
		"undisclosed-recipients:;", "Ann Blanc", "nobody", "ann@[192.0.2.1]", `"quo\"ted"@garrigue.example`, "plain@garrigue.example", `"contact."@garrigue.example`,
		`".bob..x"@garrigue.example`, "jörg@garrigue.example", "ann@köln.example", "<>", "user3@garrigue.example", "${done}", `C:\dir\`, "*free*", "100%", "a b", "x\r\ny", "\xff",
	}
	patterns := []string{
		"*", "?", "", "**", "?*", "*?", "*?*", "*offer*", "offer*", "*offer", "an*offer*friend", "*o?fer*", "?n offer*", "*gr??*", "*\\**", "*\\?*", "*\\\\*", "\\", "*\\", "of\\fer", "*r*r*r*",
		"????????????????????????????", "*@*.*", "*[*]*", "*a?*e*", "*?offer?*", "*f*f?r", "*ff*", "*ann@garrigue.example*", "*??", "??*", "a*b*c", "*end", "*o*f*f*e*r",
	}
	for _, header := range []string{From, To, Cc, Subject, "x-spam-status"} {
		for _, operator := range []string{Contains, NotContains, Is, IsNot, Begins, Ends} {
			for _, v := range values {
				rules = append(rules, Rule{header, operator, v})
			}
		}
		for _, v := range patterns {
			rules = append(rules, Rule{header, Matches, v})
		}
		for _, v := range m.Values(header) {
			if len(v) > 200 {
				v = v[:200]
			}
			runes := []rune(v)
			middle := string(runes[len(runes)/3 : len(runes)*2/3])
			rules = append(rules, Rule{header, Is, v}, Rule{header, Begins, v}, Rule{header, Contains, middle}, Rule{header, Matches, "*" + middle + "?*"}, Rule{header, IsNot, strings.ToUpper(v)})
		}
	}
	return rules
}

// TestVerdicts: on every message, each rule says here what it says in Pigeonhole.
func TestVerdicts(t *testing.T) {
	p := newPigeonhole(t)
	for name, text := range corpus(t) {
		m := parse(t, text)
		rules := rulesFor(m)
		var script bytes.Buffer
		script.WriteString("require [\"imap4flags\", \"regex\"];\r\n")
		for i, r := range rules {
			c := compiler{need: map[string]bool{}}
			test, err := c.rule(r)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&script, "if %s { addflag \"r%d\"; }\r\n", test, i)
		}
		held := map[string]bool{}
		for _, flag := range p.run(t, script.String(), text).flags {
			held[flag] = true
		}
		for i, r := range rules {
			if got, want := r.holds(m), held[fmt.Sprintf("r%d", i)]; got != want {
				t.Errorf("%s: %+q: %v, in Pigeonhole %v; it has %+.300q", name, r, got, want, m.Values(r.Header))
			}
		}
	}
}
