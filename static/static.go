// Package static embeds the assets and serves each under a name that changes
// with its content, so that a browser may keep it for ever.
//
// The files are mandat.css and mandat.js, our own; htmx.min.js, vendored as
// published (0BSD, htmx.LICENSE); favicon.svg; and icons.svg, which go generate
// joins from mark.svg and the Lucide icons in icons/ (ISC, icons/LICENSE).
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:generate go run icons/join.go

//go:embed mandat.css mandat.js htmx.min.js icons.svg favicon.svg
var files embed.FS

// prefix is where [Handler] must be mounted.
const prefix = "/static/"

// types are written down: the machine's own table may lack or change them.
var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// An asset is one file, ready to be sent.
type asset struct {
	contentType    string
	plain, gzipped []byte
}

// paths maps a file's name to its URL path, assets a URL path to what it sends.
var paths, assets = load()

func load() (map[string]string, map[string]asset) {
	paths, assets := map[string]string{}, map[string]asset{}
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		b, err := files.ReadFile(e.Name())
		if err != nil {
			panic(err)
		}
		ext := path.Ext(e.Name())
		sum := sha256.Sum256(b)
		p := prefix + strings.TrimSuffix(e.Name(), ext) + "." + base64.RawURLEncoding.EncodeToString(sum[:6]) + ext
		paths[e.Name()] = p
		assets[p] = asset{types[ext], b, compress(b)}
	}
	return paths, assets
}

// compress works once per file and start: the whole set takes some 5 ms.
func compress(b []byte) []byte {
	var out bytes.Buffer
	// Neither the level nor the buffer can fail.
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// Path returns the URL path of a file, such as mandat.css. It panics if there is
// no such file: the name is the program's, never a visitor's.
func Path(name string) string {
	p, ok := paths[name]
	if !ok {
		panic("static: no asset " + name)
	}
	return p
}

// Handler serves the assets at the paths that [Path] returns and answers 404 to
// any other.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", a.contentType)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("Vary", "Accept-Encoding")
		h.Set("X-Content-Type-Options", "nosniff")
		body := a.plain
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = a.gzipped
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method != http.MethodHead {
			_, _ = w.Write(body) // the visitor may have left
		}
	})
}
