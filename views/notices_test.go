package views_test

import (
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
)

// somePart is of a grant on one address, given by somebody of that name with a note.
func somePart(name, note string) models.NoticePart {
	return models.NoticePart{
		Kind: models.NoticeGiven, At: time.Date(2026, 11, 27, 22, 30, 0, 0, time.UTC), On: policy.OnAccount, Domain: "xn--bcher-kva.example", Is: &models.NoticeTerms{Extras: policy.Password, Note: note},
		ByPerson: models.Person{Identifier: "ad1001-mdt", Name: name}, Objects: []models.NoticeObject{{Grant: 7, Name: "a@xn--bcher-kva.example"}}, Count: 1,
	}
}

func mailOf(t *testing.T, to models.Customer, parts ...models.NoticePart) *views.Mail {
	t.Helper()
	m, err := views.NoticeMail(t.Context(), &models.Notice{To: to, Parts: parts}, "https://panel.example.org")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestANoticeIsInTheLanguageAndTheZoneOfItsReader(t *testing.T) {
	for _, c := range []struct {
		to            models.Customer
		subject, text string
	}{
		{models.Customer{Language: "fr", TimeZone: "Europe/Paris"}, "Vous gérez maintenant a@bücher.example", "27 nov. 2026 à 23\u202fh\u202f30 (Europe/Paris)"},
		{models.Customer{Language: "en", TimeZone: "America/Lima"}, "You now manage a@bücher.example", "27 Nov 2026, 17:30 (America/Lima)"},
		{models.Customer{Language: "??", TimeZone: "Nowhere/Land"}, "You now manage a@bücher.example", "27 Nov 2026, 22:30 (UTC)"},
	} {
		if m := mailOf(t, c.to, somePart("Alice Durand", "")); m.Subject != c.subject || !strings.Contains(m.Text, c.text) || !strings.Contains(m.HTML, c.text) {
			t.Errorf("%q\n%s", m.Subject, m.Text)
		}
	}
}

// What people type cannot become a header, a line of the panel's, or markup.
func TestWhatIsTypedStaysWords(t *testing.T) {
	typed := "x\r\nBcc: all@else.example\n\n-- \n<img src=https://else.example/p.png>\u2028y"
	m := mailOf(t, models.Customer{Name: "Emma\r\n<b>Petit", Language: "en"}, somePart("<script>Alice", typed), somePart("Alice", typed))
	if strings.ContainsAny(m.Subject, "\r\n<") {
		t.Errorf("%q", m.Subject)
	}
	for _, line := range strings.Split(m.Text, "\n") {
		if strings.HasPrefix(line, "Bcc") || strings.HasPrefix(line, "<img") {
			t.Errorf("a line of its own: %q", line)
		}
	}
	if n := strings.Count(m.Text, "\n-- \n"); n != 1 {
		t.Errorf("%d signatures", n)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(m.HTML))
	if err != nil {
		t.Fatal(err)
	}
	if n := doc.Find("script, img, link, iframe, main b b").Length(); n != 0 {
		t.Errorf("%d elements that were typed:\n%s", n, m.HTML)
	}
	if n := doc.Find("h1").Length(); n != 1 || doc.Find("h2").Length() != 2 || doc.Find("html[lang=en]").Length() != 1 {
		t.Errorf("%d headings:\n%s", n, m.HTML)
	}
	doc.Find("a").Each(func(_ int, a *goquery.Selection) {
		if at := a.AttrOr("href", ""); at != "https://panel.example.org/grants/7" {
			t.Errorf("a link to %q", at)
		}
	})
}
