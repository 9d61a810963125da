package handlers_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"example.org/mandat/handlers"
	"example.org/mandat/models/cast"
	"example.org/mandat/models/modelstest"
)

func TestMain(m *testing.M) { modelstest.Run(m) }

// site is the panel of one test over HTTP.
type site struct {
	*modelstest.World
	apps    map[string]string // secrets of who has a second factor, by identifier
	url     string
	handler http.Handler
}

// eachSite runs a test on the panel with each database.
func eachSite(t *testing.T, fn func(t *testing.T, s *site)) {
	t.Helper()
	modelstest.Each(t, func(t *testing.T, w *modelstest.World) { fn(t, newSite(t, w)) })
}

// newSite is a panel that looks at no DNS, unless configure says otherwise.
func newSite(t testing.TB, w *modelstest.World, configure ...func(*handlers.Config)) *site {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	origin := &url.URL{Scheme: "http", Host: server.Listener.Addr().String()}
	cfg := handlers.Config{Store: w.Store, Log: slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelError})), Origin: origin}
	for _, set := range configure {
		set(&cfg)
	}
	e, err := handlers.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = e
	server.Start()
	t.Cleanup(server.Close)
	return &site{World: w, apps: map[string]string{cast.Sam: cast.SamSecret}, url: server.URL, handler: e}
}

// testLog shows the errors of the panel with the test.
type testLog struct{ t testing.TB }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// visitor is a browser without JavaScript. It keeps cookies and follows no redirect.
type visitor struct {
	t      testing.TB
	site   *site
	client *http.Client
	lang   string
}

// visit is a signed-out visitor who reads English.
func (s *site) visit(t testing.TB) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, site: s, lang: "en", client: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// as is one of the cast, signed in; "" is nobody.
func (s *site) as(t testing.TB, identifier string) *visitor {
	t.Helper()
	v := s.visit(t)
	if identifier == "" {
		return v
	}
	p := v.post("/session", url.Values{"identifier": {identifier}, "password": {cast.Password}})
	if secret, has := s.apps[identifier]; has {
		p = v.submit(v.follow(p), "/session/factor", url.Values{"code": {s.Code(t, secret)}})
	}
	if p.status != http.StatusSeeOther {
		t.Fatalf("%s cannot sign in: %d", identifier, p.status)
	}
	return v
}

// answer is what came back.
type answer struct {
	*goquery.Document
	status   int
	location string // path and query that a redirect leads to
	header   http.Header
	body     string
}

// text is the text of the elements that match, with white space folded.
func (a *answer) text(selector string) string {
	return strings.Join(strings.Fields(a.Find(selector).Text()), " ")
}

// texts are the texts of the elements that match, one by one.
func (a *answer) texts(selector string) string {
	var list []string
	a.Find(selector).Each(func(_ int, s *goquery.Selection) { list = append(list, strings.Join(strings.Fields(s.Text()), " ")) })
	return strings.Join(list, " | ")
}

func (v *visitor) do(method, path string, form url.Values, headers ...string) *answer {
	v.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.site.url+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Accept-Language", v.lang)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", v.site.url)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	return answerOf(v.t, response)
}

func answerOf(t testing.TB, response *http.Response) *answer {
	t.Helper()
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return &answer{Document: doc, status: response.StatusCode, location: response.Header.Get("Location"), header: response.Header, body: string(b)}
}

func (v *visitor) get(path string, headers ...string) *answer {
	v.t.Helper()
	return v.do(http.MethodGet, path, nil, headers...)
}

func (v *visitor) post(path string, form url.Values, headers ...string) *answer {
	v.t.Helper()
	if form == nil {
		form = url.Values{}
	}
	return v.do(http.MethodPost, path, form, headers...)
}

// follow gets where a redirect leads.
func (v *visitor) follow(a *answer) *answer {
	v.t.Helper()
	if a.status != http.StatusSeeOther {
		v.t.Fatalf("no redirect but %d: %s", a.status, a.text("main"))
	}
	return v.get(a.location)
}

// submit fills the form of a page that posts to action and sends it, as a person would.
func (v *visitor) submit(page *answer, action string, fill url.Values) *answer {
	v.t.Helper()
	form := page.form(action)
	if form == nil {
		v.t.Fatalf("no form posts to %s on: %s", action, page.text("title"))
	}
	values := formValues(form)
	for name, list := range fill {
		values[name] = list
	}
	return v.post(action, values)
}

// form is what a page posts to action: a form of its own, or one whose button
// names another path. It is nil without one.
func (a *answer) form(action string) *goquery.Selection {
	found := a.Find(`form[method="post"]`).FilterFunction(func(_ int, f *goquery.Selection) bool { return f.AttrOr("action", "") == action })
	if found.Length() == 0 {
		button := a.Find("button[formaction]").FilterFunction(func(_ int, b *goquery.Selection) bool { return b.AttrOr("formaction", "") == action }).First()
		id, named := button.Attr("form")
		found = button.Closest("form")
		if named {
			found = a.Find(`form[method="post"]`).FilterFunction(func(_ int, f *goquery.Selection) bool { return f.AttrOr("id", "") == id })
		}
	}
	if found.Length() == 0 {
		return nil
	}
	return found.First()
}

// formValues is what a browser sends of a form as it stands.
func formValues(form *goquery.Selection) url.Values {
	values := url.Values{}
	form.Find("input, textarea, select").Each(func(_ int, f *goquery.Selection) {
		name := f.AttrOr("name", "")
		_, checked := f.Attr("checked")
		switch kind := f.AttrOr("type", ""); {
		case name == "":
		case kind == "checkbox" || kind == "radio":
			if checked {
				values.Add(name, f.AttrOr("value", "on"))
			}
		case goquery.NodeName(f) == "textarea":
			values.Set(name, f.Text())
		case goquery.NodeName(f) == "select":
			values.Set(name, f.Find("option").First().AttrOr("value", ""))
			if chosen := f.Find("option[selected]"); chosen.Length() > 0 {
				values.Set(name, chosen.AttrOr("value", ""))
			}
		default:
			values.Set(name, f.AttrOr("value", ""))
		}
	})
	return values
}

// submission is the hidden field of any form of a page, for forms of several buttons.
func (a *answer) submission() string {
	return a.Find(`input[name="submission"]`).First().AttrOr("value", "")
}
