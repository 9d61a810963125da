package gallery_test

import (
	"bytes"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"

	"example.org/mandat/views/gallery"
	"example.org/mandat/views/locale"
)

var update = flag.Bool("update", false, "accept the pages as they are now")

var (
	// hash is the part of an asset's name that follows its content.
	hash = regexp.MustCompile(`(/static/\w[\w.]*)\.[\w-]{8}(\.\w+)`)
	seam = regexp.MustCompile(`>\s*<`)
)

// readable writes HTML so that a diff reads well: a tag a line, and no change
// when only an asset has changed.
func readable(html []byte) string {
	html = hash.ReplaceAll(html, []byte("$1$2"))
	return seam.ReplaceAllString(strings.TrimSpace(string(html)), ">\n<") + "\n"
}

func TestGolden(t *testing.T) {
	known := map[string]bool{}
	for _, e := range gallery.Entries() {
		for _, lang := range locale.Languages() {
			name := strings.ReplaceAll(e.Name, "/", "-") + "." + lang + ".html"
			if known[name] {
				t.Errorf("two entries are called %s", e.Name)
			}
			known[name] = true
			t.Run(name, func(t *testing.T) {
				var b bytes.Buffer
				if err := e.Render(t.Context(), &b, lang); err != nil {
					t.Fatal(err)
				}
				got := readable(b.Bytes())
				file := filepath.Join("testdata", name)
				if *update {
					if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err, "(go test ./views/gallery -update writes it)")
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Error("go test ./views/gallery -update accepts this change:", diff)
				}
			})
		}
	}
	files, err := filepath.Glob("testdata/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if known[filepath.Base(file)] {
			continue
		}
		if *update {
			if err := os.Remove(file); err != nil {
				t.Error(err)
			}
			continue
		}
		t.Errorf("%s belongs to no entry", file)
	}
}

func TestHandlerShowsEveryEntry(t *testing.T) {
	handler := http.StripPrefix("/dev/gallery", gallery.Handler())
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/dev/gallery/"+path, nil))
		return w
	}
	list := get("").Body.String()
	for _, e := range gallery.Entries() {
		path := "fr/dark/" + e.Name
		if !strings.Contains(list, `href="./`+path+`"`) {
			t.Errorf("the list does not lead to %s", path)
		}
		w := get(path)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `<html lang="fr" data-theme="dark"`) {
			t.Errorf("%s: status %d, or not a dark page in French", path, w.Code)
		}
	}
	if w := get("fr/dark/no/such"); w.Code != http.StatusNotFound {
		t.Errorf("an unknown entry: status %d", w.Code)
	}
}

// What a browser and a screen reader rely on, in every entry.
func TestMarkup(t *testing.T) {
	sprite, err := os.ReadFile("../../static/icons.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range gallery.Entries() {
		t.Run(e.Name, func(t *testing.T) {
			var b bytes.Buffer
			if err := e.Render(t.Context(), &b, "en"); err != nil {
				t.Fatal(err)
			}
			doc, err := goquery.NewDocumentFromReader(&b)
			if err != nil {
				t.Fatal(err)
			}
			ids := map[string]bool{}
			doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
				id := s.AttrOr("id", "")
				if ids[id] {
					t.Errorf("the id %q is there twice", id)
				}
				ids[id] = true
			})
			for _, attribute := range []string{"for", "form", "popovertarget", "aria-describedby"} {
				doc.Find("[" + attribute + "]").Each(func(_ int, s *goquery.Selection) {
					for _, id := range strings.Fields(s.AttrOr(attribute, "")) {
						if !ids[id] {
							t.Errorf("%s=%q leads nowhere", attribute, id)
						}
					}
				})
			}
			doc.Find(".errors a").Each(func(_ int, s *goquery.Selection) {
				if id := strings.TrimPrefix(s.AttrOr("href", ""), "#"); !ids[id] {
					t.Errorf("the error summary leads to %q, which is nowhere", id)
				}
			})
			doc.Find("use").Each(func(_ int, s *goquery.Selection) {
				if _, icon, _ := strings.Cut(s.AttrOr("href", ""), "#"); !bytes.Contains(sprite, []byte(`id="`+icon+`"`)) {
					t.Errorf("no icon %q", icon)
				}
			})
			doc.Find("form[method=post]").Each(func(_ int, s *goquery.Selection) {
				if s.Find("input[name=submission]").Length() != 1 {
					t.Errorf("the form to %q has no submission", s.AttrOr("action", ""))
				}
			})
			if h1 := doc.Find("h1").Length(); !e.Part && h1 != 1 {
				t.Errorf("%d headings of the first level", h1)
			}
		})
	}
}
