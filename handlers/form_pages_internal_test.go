package handlers

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// What is posted to must lead back to a page that can be asked for, about the same thing.
func TestEveryFormIsOnAPage(t *testing.T) {
	routes := Routes()
	all, posted := placesOf(routes), map[string]bool{}
	for _, r := range routes {
		if r.Method == http.MethodGet {
			continue
		}
		posted[r.Path] = true
		page := all.pageOf[r.Path]
		if !all.shown[page] {
			t.Errorf("POST %s is on %q, which nobody can ask for", r.Path, page)
		}
		for _, part := range strings.Split(page, "/") {
			if strings.HasPrefix(part, ":") && !slices.Contains(strings.Split(r.Path, "/"), part) {
				t.Errorf("POST %s is on %s, and does not say which", r.Path, page)
			}
		}
	}
	for path := range formPages {
		if !posted[path] {
			t.Errorf("nothing is posted to %s", path)
		}
	}
}
