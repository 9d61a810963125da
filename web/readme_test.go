package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"example.org/mandat/models/cast"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheReadmeHasEverySettingAsTheProgramDescribesIt(t *testing.T) {
	var rows []string
	for _, s := range settings {
		preset := "empty"
		if s.preset != "" {
			preset = "`" + s.preset + "`"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |", s.name, preset, s.doc))
	}
	if table := strings.Join(rows, "\n"); !strings.Contains(readme(t), "\n"+table+"\n\n") {
		t.Errorf("its table of settings is not:\n%s", table)
	}
	for _, args := range []string{"--help", "serve --help"} {
		if help := (call{args: args}).check(t, env()); !strings.HasSuffix(help, settingsHelp()) {
			t.Errorf("mandat %s does not end with the settings:\n%s", args, help)
		}
	}
}

func TestTheReadmeIntroducesEverybody(t *testing.T) {
	text := readme(t)
	for _, p := range append(cast.People(), cast.Staff()) {
		if !strings.Contains(text, "| `"+p.Identifier+"` | "+p.Name+" | ") {
			t.Errorf("no row for %s, %s", p.Identifier, p.Name)
		}
	}
	if !strings.Contains(text, cast.Password) || !strings.Contains(text, cast.SamSecret) {
		t.Error("no password, or no key of Sam's app")
	}
}

var (
	readmeFile    = regexp.MustCompile(`\]\(([^)#:]+)\)|src="([^"]+)"`)
	readmeCommand = regexp.MustCompile(`(?m)^ *(?:bin/)?mandat ([a-z]+(?: [a-z-]+)?)`)
	readmeTarget  = regexp.MustCompile("(?m)(?:^ *|`)make ([a-z-]+)")
)

func TestTheReadmeNamesWhatThereIs(t *testing.T) {
	text := readme(t)
	for _, m := range readmeFile.FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat("../" + m[1] + m[2]); err != nil {
			t.Error(err)
		}
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range readmeTarget.FindAllStringSubmatch(text, -1) {
		if !strings.Contains(string(makefile), "\n"+m[1]+":") {
			t.Errorf("there is no make %s", m[1])
		}
	}
	help := (call{args: "--help"}).check(t, env())
	for _, m := range readmeCommand.FindAllStringSubmatch(text, -1) {
		if verb, _, _ := strings.Cut(m[1], " "); !strings.Contains(help, "\n  "+m[1]+" ") && !strings.Contains(help, "\n  "+verb+"  ") {
			t.Errorf("there is no mandat %s", m[1])
		}
	}
}
