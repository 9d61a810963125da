package views_test

import (
	"strings"
	"testing"
	"time"

	"example.org/mandat/models"
	"example.org/mandat/views"
)

func TestALinkIsMailedInTheLanguageAndTheZoneOfItsReader(t *testing.T) {
	asked := time.Date(2026, 11, 27, 22, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		kind                models.LinkKind
		lang, zone          string
		subject, text, link string
	}{
		{models.PasswordLinkMail, "fr", "Europe/Paris", "Choisissez un nouveau mot de passe", "28 nov. 2026 à 00\u202fh\u202f00 (Europe/Paris)", "https://panel.example.org/password-links/a_b-c"},
		{models.PasswordLinkMail, "en", "America/Lima", "Set a new password", "27 Nov 2026, 18:00 (America/Lima)", "https://panel.example.org/password-links/a_b-c"},
		{models.ContactLinkMail, "fr", "Nowhere/Land", "Confirmez votre adresse de contact", "emma@bücher.example", "https://panel.example.org/profile/contact/confirmation/a_b-c"},
		{models.ContactLinkMail, "??", "UTC", "Confirm your contact address", "emma@bücher.example", "https://panel.example.org/profile/contact/confirmation/a_b-c"},
	} {
		m := &models.LinkMail{Kind: c.kind, Token: "a_b-c", AskedAt: asked, Expires: asked.Add(models.ResetFor), To: models.Customer{
			Identifier: "ep1005-mdt", Name: "Emma\r\nBcc: all@else.example\n<b>Petit", Email: "emma@xn--bcher-kva.example", Language: c.lang, TimeZone: c.zone,
		}}
		mail, err := views.LinkMail(t.Context(), m, "https://panel.example.org")
		if err != nil {
			t.Fatal(err)
		}
		if mail.Subject != c.subject || !strings.Contains(mail.Text, c.text) || !strings.Contains(mail.HTML, c.text) {
			t.Errorf("%q\n%s", mail.Subject, mail.Text)
		}
		if !strings.Contains(mail.Text, "\n"+c.link+"\n") || !strings.Contains(mail.HTML, `href="`+c.link+`"`) || strings.Count(mail.Text, "https://")+strings.Count(mail.HTML, "https://") != 4 { // the link and the foot, in each
			t.Errorf("links:\n%s\n%s", mail.Text, mail.HTML)
		}
		if strings.Contains(mail.Text, "\nBcc") || strings.Contains(mail.HTML, "<b>Petit") {
			t.Errorf("a name is more than a name:\n%s", mail.Text)
		}
		// Whoever reads a mailbox that was mistyped is not told whose account it is.
		if named := strings.Contains(mail.Text, "ep1005-mdt"); named != (c.kind == models.PasswordLinkMail) {
			t.Errorf("the identifier: %v\n%s", named, mail.Text)
		}
	}
}
