package locale_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"example.org/mandat/views/locale"
)

// pluralForms are CLDR's cardinal forms of each language. They are written down
// because x/text still ships CLDR 32, which lacks the French "many" that
// go-i18n's newer rules ask for.
var pluralForms = map[string][]string{
	"en": {"one", "other"},
	"fr": {"many", "one", "other"},
}

// computed are the beginnings of keys that the code puts together from a value
// of the program, with where it does so. A key that begins with one of them
// counts as used.
var computed = map[string]string{
	"event.":               "views/events.go: the kind of an event, the name of a field",
	"filter.header.":       "views/filters.go: what a rule looks at",
	"filter.operator.":     "views/filters.go: how it compares",
	"filter.rule.":         "views/filters.go: both, as a sentence",
	"filter.action.":       "views/filters.go: what a filter does",
	"filter.do.":           "views/filters.go: the same, as a sentence",
	"filter.preset.":       "views/filters.go: the name of a preset",
	"grant.ended.":         "views/grants_change.go: why a grant ended",
	"agent.role.":          "models.Roles",
	"assistance.by.":       "a models.ConsentKind",
	"assistance.why.":      "why an assistance ended",
	"notice.assisted.":     "views/notices.go: a models.NoticeKind",
	"notice.assisting.":    "views/notices.go: a models.NoticeKind",
	"notice.changed.":      "views/notices.go: a models.NoticeKind",
	"notice.digest.":       "views/notices.go: a models.NoticeKind",
	"notice.ended.":        "views/notices.go: a models.NoticeKind, why a grant ended",
	"notice.ending.":       "views/notices.go: a models.NoticeKind",
	"notice.forward.":      "views/notices.go: a models.NoticeKind",
	"notice.given.":        "views/notices.go: a models.NoticeKind",
	"notice.password.":     "views/notices.go: a models.NoticeKind",
	"notice.resigned.":     "views/notices.go: a models.NoticeKind",
	"notice.restored.":     "views/notices.go: a models.NoticeKind",
	"notice.support.":      "views/notices.go: a models.NoticeKind",
	"notice.security.":     "views/notices.go: the kind of an event",
	"contact.pending.":     "a models.ContactState",
	"session.mail.":        "views/link_mails.go: a models.LinkKind",
	"identity.by.":         "views/events.go: a models.LinkedBy",
	"identity.since.":      "views/identities.go: a models.LinkedBy",
	"policy.can.":          "views/policy.go: a kind of grant and an operation",
	"policy.extra.":        "views/policy.go: the name of an extra",
	"policy.reading.":      "views/policy.go: the name of an extra that leads to reading mail",
	"policy.operation.":    "handlers/errors.go: the operation that was refused",
	"error.":               "handlers/errors.go, by the kind of problem",
	"service.tab.":         "handlers/services.go, by the tab",
	"account.status.":      "views/accounts.go, by the status searched for",
	"layout.theme_":        "views/customers.go, by the theme",
	"dns.plain.":           "a dns.Status",
	"dns.reason.":          "a dns.Reason",
	"dns.record.":          "a dns.Record",
	"dns.status.":          "a dns.Status",
	"upload.accounts.":     "a models.UploadKind",
	"upload.applying.":     "a models.UploadState",
	"upload.checking.":     "a models.UploadState",
	"upload.did.":          "a models.UploadOutcome",
	"upload.redirections.": "a models.UploadKind",
	"upload.state.":        "a models.UploadState",
	"upload.will.":         "a models.UploadOutcome",
	"import.reason.":       "models/imports_run.go: why an import failed or waits",
	"import.security.":     "views.ImportSecurities",
	"import.skip.":         "an imap.SkipReason",
	"import.state.":        "a models.ImportState",
	"list.language.":       "models.ListLanguages",
	"list.messages.state.": "a models.MessageState",
	"list.moderators.":     "a models.MemberKind",
	"list.posting.":        "a models.Posting",
	"list.reply_to.":       "views.ReplyTos",
	"list.subscribers.":    "a models.MemberKind",
	"filter.trial.goes.":   "views/filters_trial.go: where a message goes by the action of a filter",
	"filter.trial.also.":   "views/filters_trial.go: what is done to it besides",
	"account.bulk.":        "views/accounts_bulk.go, by the job",
	"list.mailing.state.":  "a models.MailingState",
	"list.way.":            "models.ByMail, models.ByLink",
	"list.mailing.told.":   "a models.MailingState",
}

// A text is a message as its file has it: the forms of a plural, or the form "".
type text map[string]string

// catalogues reads the files: language, then key.
func catalogues(t *testing.T) map[string]map[string]text {
	t.Helper()
	names, err := filepath.Glob("messages/*.toml")
	if err != nil || len(names) == 0 {
		t.Fatal("no catalogues:", err)
	}
	all := map[string]map[string]text{}
	for _, name := range names {
		noun, lang, ok := strings.Cut(strings.TrimSuffix(path.Base(name), ".toml"), ".")
		if !ok || !slices.Contains(locale.Languages(), lang) {
			t.Errorf("%s is not <noun>.<language>.toml", name)
			continue
		}
		var file map[string]any
		if _, err := toml.DecodeFile(name, &file); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if all[lang] == nil {
			all[lang] = map[string]text{}
		}
		for key, value := range file {
			if !strings.HasPrefix(key, noun+".") {
				t.Errorf("%s: %q belongs in another file", name, key)
			}
			switch v := value.(type) {
			case string:
				all[lang][key] = text{"": v}
			case map[string]any:
				forms := text{}
				for form, s := range v {
					forms[form] = fmt.Sprint(s)
				}
				all[lang][key] = forms
			}
		}
	}
	return all
}

var placeholder = regexp.MustCompile(`\{\{\.(\w+)\}\}`)

// placeholders returns the names in a message, each once. Forms may leave some
// out, as "one address" leaves out its count.
func placeholders(forms text) []string {
	names := map[string]bool{}
	for _, s := range forms {
		for _, m := range placeholder.FindAllStringSubmatch(s, -1) {
			names[m[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func TestCataloguesAgree(t *testing.T) {
	all := catalogues(t)
	for lang, messages := range all {
		for key, forms := range messages {
			for form, s := range forms {
				if strings.TrimSpace(s) == "" {
					t.Errorf("%s: %q %s is empty", lang, key, form)
				}
				if strings.Count(s, "{{") != len(placeholder.FindAllString(s, -1)) {
					t.Errorf("%s: %q %s has more than plain placeholders", lang, key, form)
				}
			}
			if names := slices.Sorted(maps.Keys(forms)); names[0] != "" && !slices.Equal(names, pluralForms[lang]) {
				t.Errorf("%s: %q has the plural forms %q, the language has %q", lang, key, names, pluralForms[lang])
			}
			for other, there := range all {
				theirs, ok := there[key]
				if !ok {
					t.Errorf("%s: %q is missing", other, key)
					continue
				}
				if _, plain := forms[""]; plain != (theirs[""] != "") {
					t.Errorf("%q is a plural in one language only", key)
				}
				if a, b := placeholders(forms), placeholders(theirs); !slices.Equal(a, b) {
					t.Errorf("%q has the placeholders %q in %s, %q in %s", key, a, lang, b, other)
				}
			}
		}
	}
}

// French typography: a narrow no-break space before high punctuation and inside
// guillemets. Colons in addresses and times have no space before them.
var looseFrench = regexp.MustCompile(`[^\x{202f}][;?!»]|[ \x{a0}]:|«[^\x{202f}]|'`)

func TestFrenchTypography(t *testing.T) {
	for key, forms := range catalogues(t)["fr"] {
		for _, s := range forms {
			if m := looseFrench.FindString(s); m != "" {
				t.Errorf("%q: %q in %q", key, m, s)
			}
		}
	}
}

// The words the panel never says.
var banned = regexp.MustCompile(`(?i)\b(invalid|oops|please|veuillez|invalide|oups)`)

// One person has one name: the operator, l’exploitant.
var otherNames = regexp.MustCompile(`(?i)opérateur|administre ce (serveur|panneau)|whoever runs this`)

func TestTone(t *testing.T) {
	for lang, messages := range catalogues(t) {
		for key, forms := range messages {
			for _, s := range forms {
				if m := banned.FindString(s) + otherNames.FindString(s); m != "" {
					t.Errorf("%s: %q says %q", lang, key, m)
				}
			}
		}
	}
}

var (
	templString = regexp.MustCompile(`"((?:[^"\\\n]|\\.)*)"`)
	comment     = regexp.MustCompile(`(?m)^\s*//.*$`)
	translation = regexp.MustCompile(`\b(?:T|N)\((?:ctx, *)?"([^"]+)"`)
	keyShape    = regexp.MustCompile(`^[a-z]+(\.[a-z0-9_]+)+$`)
)

// TestKeysAreUsed compares the catalogues with the string literals of every Go
// and templ file of the repository, tests and generated files aside. The gallery
// may use any key, but that alone does not keep a message.
func TestKeysAreUsed(t *testing.T) {
	messages := catalogues(t)["en"]
	used := map[string]bool{}
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		generated := strings.HasSuffix(name, "_templ.go") || strings.HasSuffix(name, "_test.go")
		if ext := path.Ext(name); generated || ext != ".go" && ext != ".templ" {
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(name, "views/gallery/") {
			for _, literal := range literals(name, src) {
				used[literal] = true
			}
		}
		for _, m := range translation.FindAllSubmatch(comment.ReplaceAll(src, nil), -1) {
			if key := string(m[1]); messages[key] == nil && keyShape.MatchString(key) {
				t.Errorf("%s: no message %q", name, key)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range slices.Sorted(maps.Keys(messages)) {
		prefixed := slices.ContainsFunc(slices.Collect(maps.Keys(computed)), func(p string) bool { return strings.HasPrefix(key, p) })
		if !used[key] && !prefixed {
			t.Errorf("message %q is not used", key)
		}
	}
}

// literals returns the string literals of a Go or templ file.
func literals(name string, src []byte) []string {
	var out []string
	if path.Ext(name) == ".templ" {
		for _, m := range templString.FindAllSubmatch(src, -1) {
			out = append(out, string(m[1]))
		}
		return out
	}
	var s scanner.Scanner
	s.Init(token.NewFileSet().AddFile(name, -1, len(src)), src, nil, 0)
	for {
		_, tok, lit := s.Scan()
		if tok == token.EOF {
			return out
		}
		if tok == token.STRING {
			if v, err := strconv.Unquote(lit); err == nil {
				out = append(out, v)
			}
		}
	}
}
