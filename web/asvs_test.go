package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// securityPage is one of the pages on security, read.
func securityPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../.github/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)

// tests lists the tests there are, as models/policy.TestRouteEntries.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(filepath.ToSlash(file), "../")
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(name, ".git") || name == "bin" || name == "data"):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(file)
		for _, m := range testFunc.FindAllSubmatch(text, -1) {
			all[path.Dir(name)+"."+string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var (
	quoted    = regexp.MustCompile("`([^`\n]+)`")
	namedTest = regexp.MustCompile(`^[a-z][a-z0-9_/]*\.(?:Test|Fuzz|Benchmark)\w+$`)
	namedFile = regexp.MustCompile(`^[\w.-]+(?:/[\w.-]+)*/?$`)
	pageLink  = regexp.MustCompile(`\]\(([^)#:]+)\)`)
)

// isTest says whether a text in backquotes names a test, or ought to.
func isTest(text string) bool {
	return namedTest.MatchString(text) || strings.Contains(text, ".Test") || strings.HasPrefix(text, "Test")
}

// isFile says whether a text in backquotes names a file or a directory from the
// module's root: it has a slash, or looks like one of those beside go.mod.
func isFile(text string) bool {
	if isTest(text) || !namedFile.MatchString(text) {
		return false
	}
	return strings.Contains(text, "/") || text == "Makefile" || slices.Contains([]string{".go", ".md", ".sum", ".mod"}, path.Ext(text))
}

// held are the tests and files that a text names, which must be there.
func held(t *testing.T, where, text string, there map[string]bool) (n int) {
	t.Helper()
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		switch name := m[1]; {
		case isTest(name):
			n++
			if !there[name] {
				t.Errorf("%s: there is no test %s", where, name)
			}
		case isFile(name):
			n++
			if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(name))); err != nil {
				t.Errorf("%s: %v", where, err)
			}
		}
	}
	return n
}

func TestTheSecurityPagesNameWhatThereIs(t *testing.T) {
	there := tests(t)
	for _, page := range []string{"SECURITY.md", "THREATS.md", "ASVS.md"} {
		for i, line := range strings.Split(securityPage(t, page), "\n") {
			where := fmt.Sprintf(".github/%s:%d", page, i+1)
			held(t, where, line, there)
			for _, m := range pageLink.FindAllStringSubmatch(line, -1) {
				if _, err := os.Stat("../.github/" + m[1]); err != nil {
					t.Errorf("%s: %v", where, err)
				}
			}
		}
	}
}

// The ids of OWASP ASVS 5.0.0 that concern us: all of the levels 1 and 2, and
// those of level 3 that we chose.
var requirements = map[string]string{
	"1": `1.2.1 1.2.2 1.2.3 1.2.4 1.2.5 1.3.1 1.3.2 1.5.1 2.1.1 2.2.1 2.2.2 2.3.1 3.2.1 3.2.2 3.3.1 3.4.1 3.4.2 3.5.1
		3.5.2 3.5.3 4.1.1 4.4.1 5.2.1 5.2.2 5.3.1 5.3.2 6.1.1 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.3.1
		6.3.2 6.4.1 6.4.2 7.2.1 7.2.2 7.2.3 7.2.4 7.4.1 7.4.2 8.1.1 8.2.1 8.2.2 8.3.1 9.1.1 9.1.2 9.1.3 9.2.1 10.4.1
		10.4.2 10.4.3 10.4.4 10.4.5 11.3.1 11.3.2 11.4.1 12.1.1 12.2.1 12.2.2 13.4.1 14.2.1 14.3.1 15.1.1 15.2.1
		15.3.1`,
	"2": `1.1.1 1.1.2 1.2.6 1.2.7 1.2.8 1.2.9 1.3.3 1.3.4 1.3.5 1.3.6 1.3.7 1.3.8 1.3.9 1.3.10 1.3.11 1.4.1 1.4.2 1.4.3
		1.5.2 2.1.2 2.1.3 2.2.3 2.3.2 2.3.3 2.3.4 2.4.1 3.3.2 3.3.3 3.3.4 3.4.3 3.4.4 3.4.5 3.4.6 3.5.4 3.5.5 3.7.1
		3.7.2 4.1.2 4.1.3 4.2.1 4.3.1 4.3.2 4.4.2 4.4.3 4.4.4 5.1.1 5.2.3 5.4.1 5.4.2 5.4.3 6.1.2 6.1.3 6.2.9 6.2.10
		6.2.11 6.2.12 6.3.3 6.3.4 6.4.3 6.4.4 6.5.1 6.5.2 6.5.3 6.5.4 6.5.5 6.6.1 6.6.2 6.6.3 6.8.1 6.8.2 6.8.3 6.8.4
		7.1.1 7.1.2 7.1.3 7.3.1 7.3.2 7.4.3 7.4.4 7.4.5 7.5.1 7.5.2 7.6.1 7.6.2 8.1.2 8.2.3 8.4.1 9.2.2 9.2.3 9.2.4
		10.1.1 10.1.2 10.2.1 10.2.2 10.3.1 10.3.2 10.3.3 10.3.4 10.4.6 10.4.7 10.4.8 10.4.9 10.4.10 10.4.11 10.5.1
		10.5.2 10.5.3 10.5.4 10.5.5 10.6.1 10.6.2 10.7.1 10.7.2 10.7.3 11.1.1 11.1.2 11.2.1 11.2.2 11.2.3 11.3.3
		11.4.2 11.4.3 11.4.4 11.5.1 11.6.1 12.1.2 12.1.3 12.3.1 12.3.2 12.3.3 12.3.4 13.1.1 13.2.1 13.2.2 13.2.3
		13.2.4 13.2.5 13.3.1 13.3.2 13.4.2 13.4.3 13.4.4 13.4.5 14.1.1 14.1.2 14.2.2 14.2.3 14.2.4 14.3.2 14.3.3
		15.1.2 15.1.3 15.2.2 15.2.3 15.3.2 15.3.3 15.3.4 15.3.5 15.3.6 15.3.7 16.1.1 16.2.1 16.2.2 16.2.3 16.2.4
		16.2.5 16.3.1 16.3.2 16.3.3 16.3.4 16.4.1 16.4.2 16.4.3 16.5.1 16.5.2 16.5.3 17.1.1 17.2.1 17.2.2 17.2.3
		17.2.4 17.3.1 17.3.2`,
	"3": `1.2.10 1.5.3 6.3.7 6.3.8 6.4.6 7.5.3 8.3.2 8.3.3 11.2.4 13.1.2 13.2.6 14.2.6 15.4.1 15.4.2 15.4.3 15.4.4 16.5.4`,
}

var states = []string{"holds", "does not apply", "open"}

func TestEveryRequirementHasItsLine(t *testing.T) {
	page, there := securityPage(t, "ASVS.md"), tests(t)
	levels, chapter := map[string]string{}, ""
	for level, ids := range requirements {
		for id := range strings.FieldsSeq(ids) {
			levels[id] = level
		}
	}
	due, figures := maps.Clone(levels), map[string]int{}
	for i, line := range strings.Split(page, "\n") {
		if after, is := strings.CutPrefix(line, "## V"); is {
			chapter, _, _ = strings.Cut(after, " ")
		}
		row, is := strings.CutPrefix(line, "| ")
		if !is || chapter == "" || strings.HasPrefix(row, "id ") {
			continue
		}
		cells := strings.Split(strings.TrimSuffix(row, "|"), "|")
		for i, cell := range cells {
			cells[i] = strings.TrimSpace(cell)
		}
		id := cells[0]
		where := fmt.Sprintf(".github/ASVS.md:%d: %s", i+1, id)
		if len(cells) != 5 {
			t.Errorf("%s: want five cells, have %d", where, len(cells))
			continue
		}
		level, state, why, by := cells[1], cells[2], cells[3], cells[4]
		if of, _, _ := strings.Cut(id, "."); of != chapter {
			t.Errorf("%s: is in chapter V%s", where, chapter)
		}
		switch {
		case levels[id] == "":
			t.Errorf("%s: is none of ours", where)
		case due[id] == "":
			t.Errorf("%s: has a line already", where)
		case levels[id] != level:
			t.Errorf("%s: is of level %s", where, levels[id])
		case !slices.Contains(states, state):
			t.Errorf("%s: %q is none of %q", where, state, states)
		case why == "":
			t.Errorf("%s: says nothing", where)
		case state == "holds" && held(t, where, by, there) == 0:
			t.Errorf("%s: holds, and names neither a test nor a file", where)
		}
		delete(due, id)
		figures[level+" "+state]++
	}
	if len(due) > 0 {
		t.Errorf("no line for %v", slices.Sorted(maps.Keys(due)))
	}
	for _, level := range slices.Sorted(maps.Keys(requirements)) {
		row := fmt.Sprintf("| %s | %d | %d | %d |", level, figures[level+" holds"], figures[level+" does not apply"], figures[level+" open"])
		if !strings.Contains(page, "\n"+row+"\n") {
			t.Errorf("its figures are not %s", row)
		}
	}
}

// avoided are packages that the programs do not import, and why. Those that only
// tests import may.
var avoided = map[string]string{
	"os/exec":        "nothing that a user typed may ever reach a command line",
	"plugin":         "code comes with the program",
	"unsafe":         "memory is the compiler's",
	"C":              "the programs are built without cgo",
	"math/rand":      "what nobody may guess comes from crypto/rand, and all else too",
	"math/rand/v2":   "what nobody may guess comes from crypto/rand, and all else too",
	"crypto/md5":     "it is broken",
	"crypto/sha1":    "it is broken; codes of apps have it from their library",
	"crypto/des":     "it is broken",
	"crypto/rc4":     "it is broken",
	"encoding/xml":   "nobody needs to send us XML",
	"expvar":         "it listens by itself",
	"net/http/pprof": "it listens by itself",
}

func TestSourceImportsNothingDangerous(t *testing.T) {
	for _, file := range sources(t) {
		if strings.HasSuffix(path.Dir(file.path), "test") { // TestLayers keeps those out of the programs
			continue
		}
		for _, spec := range file.Imports {
			if why := avoided[strings.Trim(spec.Path.Value, `"`)]; why != "" {
				file.report(t, spec, spec.Path.Value+": "+why)
			}
		}
	}
}
