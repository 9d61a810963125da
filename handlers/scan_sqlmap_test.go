package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"example.org/mandat/models/cast"
)

// sqlmapTime is for one page or form; some have fifteen fields.
const sqlmapTime = 10 * time.Minute

// An injectable is what sqlmap tries: a page or, with data, a form. An asterisk
// says that it is about this part of the path alone.
type injectable struct {
	by   person
	path string
	data url.Values
}

// searches are the pages that read their query, as people ask for them.
func (s *scanned) searches() []injectable {
	const garrigue = "/services/" + cast.Garrigue
	var list []injectable
	for _, of := range []struct {
		by    person
		pages []string
	}{
		{alice, []string{
			"/services?q=garrigue", garrigue + "/emails?q=rh&status=active&sort=-used&size=25", garrigue + "/emails?after=compta", garrigue + "/emails.csv?q=rh&status=active", garrigue + "/history?local=rh", garrigue + "/history?before=20",
			garrigue + "/redirections?q=a", garrigue + "/lists?q=e", garrigue + "/lists/equipe/members?q=a", garrigue + "/responders?q=a", "/history?before=20", "/identifiers?q=ep1005-mdt&domain=" + cast.Garrigue + "&local=rh",
			"/grants/new?accounts=rh@" + cast.Garrigue, garrigue + "/accounts/description?accounts=rh@" + cast.Garrigue,
		}},
		{acting, []string{"/support?q=durand", "/support/assistances?before=99", "/assistances/new?customer=" + cast.Bruno, "/services?q=garrigue", garrigue + "/emails?q=rh&sort=used"}},
		{nobody, []string{"/sign-in?next=/services", "/session/factor?next=/services"}},
	} {
		for _, path := range of.pages {
			list = append(list, injectable{of.by, path, nil})
		}
	}
	return list
}

// paths are the pages of the matrix that are about an object.
func (s *scanned) paths(t *testing.T) (list []injectable) {
	t.Helper()
	for _, e := range readMatrix(t) {
		for _, l := range e.lines {
			column := slices.Index(l.cells, "200")
			if e.method != http.MethodGet || column < 0 || !strings.Contains(e.path, ":") {
				continue
			}
			path := marked(e.path)
			if e.query != "" {
				path += "?" + e.query
			}
			list = append(list, injectable{people[column], s.fill(path, l.object), nil})
			break
		}
	}
	return list
}

// marked has an asterisk after the last parameter of a path.
func marked(path string) string {
	at := strings.LastIndex(path, ":")
	end := strings.Index(path[at:], "/")
	if end < 0 {
		return path + "*"
	}
	return path[:at+end] + "*" + path[at+end:]
}

// forms are all that anybody may send; of one without a field, its path is tried.
func (s *scanned) forms(t *testing.T) (list []injectable) {
	t.Helper()
	for _, to := range s.targets(t) {
		path := to.at
		if to.form.Del("submission"); len(to.form) == 0 && strings.Contains(to.path, ":") {
			path = s.fill(marked(to.path), to.object)
		} else if len(to.form) == 0 {
			continue
		}
		list = append(list, injectable{to.by, path, to.form})
	}
	return append(list, injectable{acting, "/assistances/change", url.Values{"proof": {"x"}}})
}

func TestScanBySQLMap(t *testing.T) {
	s := scannable(t)
	s.undoes = true
	for _, i := range slices.Concat(s.searches(), s.paths(t), s.forms(t)) {
		t.Run(i.what(), func(t *testing.T) { s.sqlmap(t, i) })
	}
}

// what names it as a person would look for it.
func (i injectable) what() string {
	if i.data == nil {
		return "GET " + i.path
	}
	return "POST " + i.path + " " + i.data.Encode()
}

// parameters are what sqlmap has to have tried, as it calls them.
func (i injectable) parameters(t *testing.T) (list []string) {
	t.Helper()
	path, raw, _ := strings.Cut(i.path, "?")
	if strings.Contains(path, "*") {
		return []string{"URI parameter '#1*'"}
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	for kind, fields := range map[string]url.Values{"GET": query, "POST": i.data} {
		for name := range fields {
			list = append(list, kind+" parameter '"+name+"'")
		}
	}
	return list
}

// sqlmap tries each parameter of a page or form that answers, and has to say of
// each that it found nothing.
func (s *scanned) sqlmap(t *testing.T, i injectable) {
	t.Helper()
	s.speaksFor(i.by)
	status := s.try(t, i)
	if status != http.StatusOK && (i.data == nil || status != http.StatusSeeOther && status != http.StatusUnprocessableEntity) {
		t.Fatalf("answers %d before anything is tried", status)
	}
	level := "2"
	if i.data != nil {
		level = "1" // half as many texts, for ten times as many fields
	}
	args := []string{
		"-u", s.at + i.path, "--batch", "--ignore-redirects", "--level", level, "--risk", "2", "--dbms", "PostgreSQL", "--timeout", "20",
		"--flush-session", "--disable-coloring", "--output-dir", t.TempDir(),
	}
	if i.data != nil {
		args = append(args, "--method", http.MethodPost, "--data", i.data.Encode())
	}
	said := runScanner(t, sqlmapTime, "sqlmap", args...)
	t.Logf("by %s: %d", i.by.name, status)
	for line := range strings.Lines(said) {
		if strings.Contains(line, "is vulnerable") || strings.Contains(line, "injection point(s)") {
			t.Error(strings.TrimSpace(line))
		}
	}
	for _, p := range i.parameters(t) {
		if !strings.Contains(said, p+" does not seem to be injectable") {
			t.Errorf("no verdict about the %s\n%s", p, said)
		}
	}
	s.wantNoFault(t)
}

// try asks once for what sqlmap will ask for.
func (s *scanned) try(t *testing.T, i injectable) (status int) {
	t.Helper()
	method, body := http.MethodGet, ""
	if i.data != nil {
		method, body = http.MethodPost, i.data.Encode()
	}
	r, err := http.NewRequestWithContext(t.Context(), method, s.at+strings.ReplaceAll(i.path, "*", ""), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", formType)
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return inside(i.path, response.StatusCode, response.Header)
}
