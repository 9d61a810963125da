package static_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"example.org/mandat/static"
)

func get(t *testing.T, path, encoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestAssetsAreKeptForEver(t *testing.T) {
	for name, contentType := range map[string]string{
		"mandat.css":  "text/css; charset=utf-8",
		"mandat.js":   "text/javascript; charset=utf-8",
		"htmx.min.js": "text/javascript; charset=utf-8",
		"icons.svg":   "image/svg+xml",
		"favicon.svg": "image/svg+xml",
	} {
		want, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		plain := get(t, static.Path(name), "")
		if got := plain.Header.Get("Content-Type"); got != contentType {
			t.Errorf("%s: content type %q", name, got)
		}
		if got := plain.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: cache control %q", name, got)
		}
		if body, err := io.ReadAll(plain.Body); err != nil || string(body) != string(want) {
			t.Errorf("%s: another content (%v)", name, err)
		}
		zipped := get(t, static.Path(name), "gzip, br")
		r, err := gzip.NewReader(zipped.Body)
		if err != nil {
			t.Fatal(name, err)
		}
		if body, err := io.ReadAll(r); err != nil || string(body) != string(want) {
			t.Errorf("%s: another content when compressed (%v)", name, err)
		}
	}
}

func TestUnknownAssets(t *testing.T) {
	for _, p := range []string{"/static/mandat.css", "/static/", "/static/../static.go", "/static/icons/join.go"} {
		if got := get(t, p, "").StatusCode; got != http.StatusNotFound {
			t.Errorf("%s: status %d", p, got)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Path of an unknown file does not panic")
		}
	}()
	static.Path("no-such.css")
}

// The first visit carries the stylesheet, the scripts and the icons.
func TestWeight(t *testing.T) {
	var total int64
	for _, name := range []string{"mandat.css", "mandat.js", "htmx.min.js", "icons.svg", "favicon.svg"} {
		total += get(t, static.Path(name), "gzip").ContentLength
	}
	if total > 40_000 {
		t.Errorf("the assets weigh %d bytes compressed, more than 40,000", total)
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// templates returns the templates of the repository and the Go files beside
// them, by name.
func templates(t *testing.T) map[string]string {
	t.Helper()
	sources := map[string]string{}
	err := fs.WalkDir(os.DirFS("../views"), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, "_templ.go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		if ext := path.Ext(name); ext == ".templ" || ext == ".go" {
			sources[name] = read(t, "../views/"+name)
		}
		return nil
	})
	if err != nil || len(sources) == 0 {
		t.Fatal("no templates:", err)
	}
	return sources
}

var (
	cssComment  = regexp.MustCompile(`(?s)/\*.*?\*/`)
	cssClass    = regexp.MustCompile(`\.([a-z][\w-]*)`)
	classText   = regexp.MustCompile(`\bclass="([^"]*)"`)
	classCode   = regexp.MustCompile(`\bclass=\{([^}]*)\}`)
	codeString  = regexp.MustCompile(`"([^"]*)"`)
	iconUse     = regexp.MustCompile(`\bIcon(?:\(|: *)"([^"]*)"|\bBadge\([^,]*, *"([^"]*)"`)
	inlineStyle = regexp.MustCompile(`\bstyle(=|\?=)|<style|\bon[a-z]+=|<script>|hx-on|javascript:`)
)

func TestTemplatesUseTheStylesheet(t *testing.T) {
	classes := map[string]bool{}
	for _, m := range cssClass.FindAllStringSubmatch(cssComment.ReplaceAllString(read(t, "mandat.css"), ""), -1) {
		classes[m[1]] = true
	}
	for name, source := range templates(t) {
		if path.Ext(name) != ".templ" {
			continue
		}
		var used []string
		for _, m := range classText.FindAllStringSubmatch(source, -1) {
			used = append(used, strings.Fields(m[1])...)
		}
		for _, m := range classCode.FindAllStringSubmatch(source, -1) {
			for _, s := range codeString.FindAllStringSubmatch(m[1], -1) {
				used = append(used, strings.Fields(s[1])...)
			}
		}
		for _, class := range used {
			if !classes[class] {
				t.Errorf("%s: mandat.css has no class %q", name, class)
			}
		}
		// A notice is an email, which brings its looks along: no page, and under no policy of ours.
		if m := inlineStyle.FindString(source); m != "" && path.Base(name) != "notices.templ" {
			t.Errorf("%s: %q, which the content security policy refuses", name, m)
		}
	}
}

func TestIconsExist(t *testing.T) {
	sprite := read(t, "icons.svg")
	for name, source := range templates(t) {
		for _, m := range iconUse.FindAllStringSubmatch(source, -1) {
			if icon := m[1] + m[2]; icon != "" && !strings.Contains(sprite, `<symbol id="`+icon+`"`) {
				t.Errorf("%s: no icon %q; take it from Lucide into static/icons and run go generate ./static", name, icon)
			}
		}
	}
}

func TestSpriteIsCurrent(t *testing.T) {
	sprite := read(t, "icons.svg")
	names, err := fs.Glob(os.DirFS("icons"), "*.svg")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(names, "mark.svg") {
		if !strings.Contains(sprite, `<symbol id="`+strings.TrimSuffix(name, ".svg")+`"`) {
			t.Errorf("%s is not in icons.svg: go generate ./static", name)
		}
	}
	if got := strings.Count(sprite, "<symbol"); got != len(names)+1 {
		t.Errorf("icons.svg has %d icons, the folder %d: go generate ./static", got, len(names)+1)
	}
}

func TestStylesheetHasNoWayAroundItsLayers(t *testing.T) {
	css := cssComment.ReplaceAllString(read(t, "mandat.css"), "")
	if strings.Contains(css, "!important") {
		t.Error("!important")
	}
	if !strings.HasPrefix(strings.TrimSpace(css), "@layer base, parts, page;") {
		t.Error("the layers are not the first thing said")
	}
}
