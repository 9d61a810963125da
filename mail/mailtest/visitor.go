package mailtest

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
)

// Visitor is a person with a browser that runs no script.
type Visitor struct {
	origin string
	client *http.Client
}

// Visit signs a person of the demo world in.
func (s *Stack) Visit(t testing.TB, identifier, password string) *Visitor {
	t.Helper()
	jar, _ := cookiejar.New(nil) // never fails without options
	v := &Visitor{s.Settings.Origin, &http.Client{Jar: jar, Timeout: Arrival, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	v.Do(t, "/sign-in", "/session", "identifier", identifier, "password", password)
	return v
}

// Get reads a page that must be there.
func (v *Visitor) Get(t testing.TB, path string) *goquery.Document {
	t.Helper()
	status, page := v.page(t, path)
	if status != http.StatusOK {
		t.Fatalf("GET %s: %d\n%s", path, status, strings.Join(strings.Fields(page.Find("main").Text()), " "))
	}
	return page
}

// Status is what a page answers with.
func (v *Visitor) Status(t testing.TB, path string) int {
	t.Helper()
	status, _ := v.page(t, path)
	return status
}

func (v *Visitor) page(t testing.TB, path string) (int, *goquery.Document) {
	t.Helper()
	response, err := v.client.Get(v.origin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	page, err := goquery.NewDocumentFromReader(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, page
}

// Do opens a page, fills in the form there that goes to action, and sends it;
// fields are names and values by turns. It returns when the panel said that it
// was done (303), and where it leads.
func (v *Visitor) Do(t testing.TB, path, action string, fields ...string) (done time.Time, location string) {
	t.Helper()
	form, where := v.form(t, v.Get(t, path), path, action, fields)
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, v.origin+where, strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", v.origin)
	response, err := v.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	done = time.Now()
	if response.StatusCode != http.StatusSeeOther {
		page, _ := goquery.NewDocumentFromReader(response.Body)
		t.Fatalf("POST %s %v: %s\n%s", action, fields, response.Status, strings.Join(strings.Fields(page.Find("main").Text()), " "))
	}
	return done, response.Header.Get("Location")
}

// form is what a browser would send for a form of the page, with fields filled in.
func (v *Visitor) form(t testing.TB, page *goquery.Document, path, action string, fields []string) (url.Values, string) {
	t.Helper()
	found := formTo(page, action)
	if found.Length() == 0 {
		t.Fatalf("%s has no form to %s", path, action)
	}
	values, boxes := url.Values{}, map[string]bool{}
	found.Find("input, textarea, select").Each(func(_ int, e *goquery.Selection) {
		name, named := e.Attr("name")
		if !named {
			return
		}
		kind := e.AttrOr("type", "")
		_, checked := e.Attr("checked")
		boxes[name] = boxes[name] || kind == "checkbox"
		switch {
		case goquery.NodeName(e) == "textarea":
			values.Add(name, e.Text())
		case goquery.NodeName(e) == "select":
			chosen := e.Find("option[selected]")
			if chosen.Length() == 0 {
				chosen = e.Find("option").First()
			}
			values.Add(name, chosen.AttrOr("value", chosen.Text()))
		case kind == "submit" || kind == "file":
		case (kind == "checkbox" || kind == "radio") && !checked:
		default:
			values.Add(name, e.AttrOr("value", ""))
		}
	})
	given := map[string]bool{}
	for i := 0; i+1 < len(fields); i += 2 {
		if !given[fields[i]] {
			values.Del(fields[i])
		}
		given[fields[i]] = true
		if fields[i+1] != "" || !boxes[fields[i]] { // a box without a value is not ticked
			values.Add(fields[i], fields[i+1])
		}
	}
	return values, action
}

// formTo finds the form that goes to action, by itself or by one of its buttons.
func formTo(page *goquery.Document, action string) *goquery.Selection {
	leads := func(to string) bool {
		to, _, _ = strings.Cut(to, "?")
		return to == action
	}
	found := page.Find("form[method=post]").FilterFunction(func(_ int, f *goquery.Selection) bool { return leads(f.AttrOr("action", "")) }).First()
	if found.Length() > 0 {
		return found
	}
	button := page.Find("button[formaction]").FilterFunction(func(_ int, b *goquery.Selection) bool { return leads(b.AttrOr("formaction", "")) }).First()
	if id, elsewhere := button.Attr("form"); elsewhere {
		return page.Find("form#" + id)
	}
	return button.Closest("form")
}

// Path is an address of a page of an account of the demo's first service.
func Path(domain, local string, more ...string) string {
	return fmt.Sprintf("/services/%s/emails/%s%s", domain, local, strings.Join(append([]string{""}, more...), "/"))
}

// OneClick is what a mail provider's server does when its user leaves a list (RFC 8058, 3.2).
func OneClick(t testing.TB, link string) (status int) {
	t.Helper()
	response, err := (&http.Client{Timeout: Arrival}).Post(link, "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}
