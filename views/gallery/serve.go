package gallery

import (
	"bytes"
	"net/http"

	"github.com/a-h/templ"

	"example.org/mandat/views/locale"
)

// A variant is one way to look at an entry.
type variant struct{ lang, theme string }

var variants = []variant{{"fr", "light"}, {"fr", "dark"}, {"en", "light"}, {"en", "dark"}}

// href is relative to the index, wherever it is mounted.
func (v variant) href(e Entry) templ.SafeURL {
	return templ.SafeURL("./" + v.lang + "/" + v.theme + "/" + e.Name)
}

// Handler shows the gallery for development: the list of entries at its root,
// which must end in a slash, and each entry at <language>/<theme>/<name> below.
// Mount it with [http.StripPrefix].
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		send(w, r, index(page()))
	})
	mux.HandleFunc("GET /{lang}/{theme}/{name...}", func(w http.ResponseWriter, r *http.Request) {
		for _, e := range Entries() {
			if e.Name == r.PathValue("name") {
				r = r.WithContext(locale.With(r.Context(), r.PathValue("lang"), nil))
				p := page()
				p.Theme = r.PathValue("theme")
				c := e.Component(locale.From(r.Context()), p)
				if e.Part {
					p.Title = e.Name
					c = whole(p, c)
				}
				send(w, r, c)
				return
			}
		}
		http.NotFound(w, r)
	})
	return mux
}

func send(w http.ResponseWriter, r *http.Request, c templ.Component) {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = b.WriteTo(w) // the developer may have left
}
